/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* board - what the machine plugin asks of the core while it puts a board together: tenon.board/1.
 */

#include "machine/board.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "machine/tree.h"
#include "options/options.h"
#include "paths.h"
#include "plugin/plugin.h"
#include "report.h"

static const struct tenon_board_info *board_info(struct tenon_dev *dev)
{
    return &inst_of(dev)->machine->info;
}

/* ---- Devices ---- */

/* Splits "a=b,c=d" in place; values of boards hold no commas. */
static unsigned split(char *text, struct setting *settings, unsigned most)
{
    unsigned n = 0;
    char *save, *item;

    for (item = strtok_r(text, ",", &save); item && n < most; item = strtok_r(NULL, ",", &save)) {
        char *equals = strchr(item, '=');

        if (equals)
            *equals = '\0';
        settings[n++] = (struct setting){ item, equals ? equals + 1 : "on" };
    }
    return n;
}

static struct tenon_dev *board_add(struct tenon_dev *dev, const char *driver, const char *props)
{
    struct machine *m = inst_of(dev)->machine;
    struct setting settings[16];
    char *text = g_strdup(props ? props : "");
    char *where = g_strdup_printf("%s: %s", inst_of(dev)->where, driver);
    const struct type *type = plugins_load(m->plugins, "device", driver, where);
    struct inst *inst = NULL;

    if (type)
        inst = inst_create(m, type, NULL, where, settings, split(text, settings, 16));
    g_free(where);
    g_free(text);
    if (!inst)
        return NULL;
    tree_place(inst, false);
    return &inst->pub;
}

struct inst *board_add_group(struct machine *m, const struct config_group *group)
{
    const char *driver = group_string(group, "driver", NULL);
    struct setting *settings;
    const struct type *type;
    struct inst *inst;
    unsigned n = 0;

    if (!driver) {
        report(group->from, "says no driver: -device DRIVER[,property=value...]");
        return NULL;
    }
    type = plugins_load(m->plugins, "device", driver, group->from);
    if (!type)
        return NULL;
    settings = g_new(struct setting, group->n_opts);
    for (unsigned i = 0; i < group->n_opts; i++)
        if (strcmp(group->opts[i].key, "driver") && strcmp(group->opts[i].key, "id"))
            settings[n++] = (struct setting){ group->opts[i].key, group->opts[i].value };
    inst = inst_create(m, type, group->id, group->from, settings, n);
    g_free(settings);
    if (inst)
        tree_place(inst, true);
    return inst;
}

/* ---- The configuration ---- */

static const struct config_group *nth_group(struct tenon_dev *dev, const char *kind, unsigned index)
{
    const struct config_group *g = NULL;

    do
        g = config_next(inst_of(dev)->machine->config, kind, g);
    while (g && index--);
    return g;
}

static const char *board_option(struct tenon_dev *dev, const char *kind, unsigned index,
                                const char *key)
{
    const struct config_group *g = nth_group(dev, kind, index);

    if (!g)
        return NULL;
    return key ? group_string(g, key, NULL) : g->from;
}

static const char *board_option_n(struct tenon_dev *dev, const char *kind, unsigned index,
                                  const char *key, unsigned n)
{
    const struct config_group *g = nth_group(dev, kind, index);

    for (unsigned i = 0; g && i < g->n_opts; i++)
        if (!strcmp(g->opts[i].key, key) && !n--)
            return g->opts[i].value;
    return NULL;
}

/* Short forms are made into chardevs before the board is built; see machine.c. */
static const char *board_chardev(struct tenon_dev *dev, const char *use, unsigned n)
{
    struct machine *m = inst_of(dev)->machine;

    for (unsigned i = 0; i < m->n_uses; i++)
        if (!strcmp(m->uses[i].use, use) && m->uses[i].n == n)
            return m->uses[i].chardev;
    return NULL;
}

static const char *try_file(struct machine *m, const char *dir, const char *name)
{
    g_free(m->found_file);
    m->found_file = g_build_filename(dir, name, NULL);
    return access(m->found_file, R_OK) ? NULL : m->found_file;
}

static const char *board_find_file(struct tenon_dev *dev, const char *name)
{
    struct machine *m = inst_of(dev)->machine;
    const char *path = NULL;
    char **dirs;

    if (strchr(name, '/'))
        return access(name, R_OK) ? NULL : name;
    dirs = path_firmware(m->config);
    for (char **dir = dirs; *dir && !path; dir++)
        path = try_file(m, *dir, name);
    g_strfreev(dirs);
    return path ? path : access(name, R_OK) ? NULL : name;
}

/* ---- Wires ---- */

static int board_wire(struct tenon_dev *from, uint32_t line, struct tenon_dev *to, const char *pin,
                      unsigned n)
{
    struct inst *source = inst_of(from), *target = inst_of(to);

    for (unsigned i = 0; i < target->type->n_pins && line < source->type->t.lines; i++) {
        const struct tenon_pin *p = &target->type->pins[i];

        if (strcmp(p->name, pin) || n >= p->count)
            continue;
        source->lines[line] =
            (struct line){ .set = p->set, .arg = target->state, .n = n, .gsi = -1 };
        return 0;
    }
    return -ENOENT;
}

const struct tenon_board board_service = {
    .size = sizeof(board_service),
    .info = board_info,
    .add = board_add,
    .option = board_option,
    .chardev = board_chardev,
    .find_file = board_find_file,
    .wire = board_wire,
    .wire_gsi = board_wire_gsi,
    .wire_intr = board_wire_intr,
    .option_n = board_option_n,
    .wire_ignne = board_wire_ignne,
};
