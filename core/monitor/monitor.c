/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor - the monitors of a machine: making them as the command line says. */

#include "monitor/monitor.h"

#include <string.h>

#include "chardev/chardev.h"
#include "machine/machine.h"
#include "monitor/session.h"
#include "options/config.h"
#include "options/options.h"
#include "report.h"

static size_t write_chardev(void *chr, const void *buf, size_t len)
{
    return chardev_write(chr, buf, len);
}

static void accept_chardev(void *chr)
{
    chardev_accept(chr);
}

static const struct tenon_chr_user user = {
    .size = sizeof(user),
    .room = session_room,
    .receive = session_receive,
    .writable = session_writable,
    .event = session_event,
    .fds = session_fds,
};

int monitor_add(struct machine *m, struct tenon_chardev *chr, enum monitor_mode mode, bool pretty,
                const char *where)
{
    struct session *s = session_create(m, mode, pretty, write_chardev, accept_chardev, chr);
    int err = chardev_use(chr, "a monitor", where, &user, s);

    if (err)
        session_destroy(s);
    return err;
}

/* -mon */
static bool add_mon(struct machine *m, const struct config_group *g)
{
    const char *id = group_string(g, "chardev", NULL);
    bool control = !strcmp(group_string(g, "mode", "readline"), "control"), pretty = false;
    struct tenon_chardev *chr = id ? chardev_find(m, id) : NULL;

    if (group_bool(g, "pretty", &pretty))
        return false;
    if (!chr) {
        report(g->from, id ? "there is no chardev called '%s'" : "chardev= is missing", id);
        return false;
    }
    if (pretty && !control)
        report_warning(g->from, "pretty=on changes nothing: it is for mode=control");
    return !monitor_add(m, chr, control ? MONITOR_QMP : MONITOR_HMP, pretty, g->from);
}

/* -monitor, -qmp, -qmp-pretty: machine.c has made their chardevs. */
static bool add_uses(struct machine *m)
{
    static const struct {
        const char *use;
        enum monitor_mode mode;
        bool pretty;
    } kinds[] = {
        { "monitor", MONITOR_HMP, false },
        { "qmp", MONITOR_QMP, false },
        { "qmp-pretty", MONITOR_QMP, true },
    };
    bool ok = true;

    for (unsigned i = 0; i < m->n_uses; i++)
        for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++)
            if (!strcmp(m->uses[i].use, kinds[k].use)) {
                g_autofree char *where = g_strdup_printf("-%s", kinds[k].use);

                ok &= !monitor_add(m, chardev_find(m, m->uses[i].chardev), kinds[k].mode,
                                   kinds[k].pretty, where);
            }
    return ok;
}

/* A chardev, by its id, or by a short form. */
static bool is_stdio(const struct machine *m, const char *id, const char *dev)
{
    g_autofree char *backend = dev ? dev_backend(dev) : NULL;

    if (!g_strcmp0(backend, "chardev"))
        id = strchr(dev, ':') + 1;
    if (id)
        return !strcmp(group_string(config_find(m->config, "chardev", id), "backend", ""), "stdio");
    return !g_strcmp0(backend, "stdio");
}

bool monitor_has_stdout(const struct machine *m)
{
    const struct config_group *g = NULL;
    bool has = false;

    while ((g = config_next(m->config, NULL, g))) {
        if (!strcmp(g->kind, "mon") && !strcmp(group_string(g, "mode", ""), "control"))
            has |= is_stdio(m, group_string(g, "chardev", ""), NULL);
        else if (!strcmp(g->kind, "qmp") || !strcmp(g->kind, "qmp-pretty"))
            has |= is_stdio(m, NULL, group_string(g, "dev", ""));
    }
    return has;
}

bool monitors_create(struct machine *m)
{
    const struct config_group *g = NULL;
    bool ok = add_uses(m);

    while ((g = config_next(m->config, "mon", g)))
        ok &= add_mon(m, g);
    return ok;
}

void monitors_destroy(struct machine *m)
{
    struct monitors *all = m->monitors;

    if (!all)
        return;
    while (all->sessions) {
        struct session *s = all->sessions;

        if (s->write == write_chardev)
            chardev_disuse(s->arg, s);
        session_destroy(s);
    }
    g_clear_pointer(&all->limited, g_hash_table_destroy);
    g_free(all);
    m->monitors = NULL;
}
