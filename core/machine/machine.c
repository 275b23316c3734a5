/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* machine - one guest: putting it together, and taking it apart. */

#include "machine/machine.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "bus/pci.h"
#include "chardev/chardev.h"
#include "cpu/accel.h"
#include "debug/gdb.h"
#include "debug/disas.h"
#include "debug/log.h"
#include "debug/qtest.h"
#include "machine/board.h"
#include "machine/fds.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/objects.h"
#include "machine/processors.h"
#include "machine/ram.h"
#include "machine/runstate.h"
#include "machine/spice.h"
#include "monitor/monitor.h"
#include "options/options.h"
#include "plugin/card.h"
#include "plugin/plugin.h"
#include "report.h"

/* ---- What the command line says of the machine as a whole ---- */

static bool parse_uuid(const char *text, uint8_t uuid[16])
{
    static const uint8_t groups[] = { 4, 2, 2, 2, 6 };
    unsigned at = 0;

    for (unsigned g = 0; g < 5; g++) {
        if (g && *text++ != '-')
            return false;
        for (unsigned i = 0; i < groups[g]; i++, text += 2) {
            int high = g_ascii_xdigit_value(text[0]),
                low = high < 0 ? -1 : g_ascii_xdigit_value(text[1]);

            if (low < 0)
                return false;
            uuid[at++] = high << 4 | low;
        }
    }
    return !*text;
}

static bool read_identity(struct machine *m)
{
    const struct config_group *uuid = config_find(m->config, "uuid", NULL);
    const char *text = group_string(uuid, "uuid", NULL);

    m->info.name = group_string(config_find(m->config, "name", NULL), "guest", NULL);
    if (!text)
        return true;
    m->info.has_uuid = parse_uuid(text, m->info.uuid);
    if (!m->info.has_uuid)
        report(uuid->from, "must be 32 hexadecimal digits, 8-4-4-4-12");
    return m->info.has_uuid;
}

static bool has_new_root(const struct config *config)
{
    return config_find(config, "chroot", NULL) ||
           group_string(config_find(config, "run-with", NULL), "chroot", NULL);
}

static bool read_switches(struct machine *m)
{
    const struct config_group *machine = config_find(m->config, "machine", NULL);
    const struct config_group *action = config_find(m->config, "action", NULL);
    bool ok;

    m->info.acpi = strcmp(group_string(machine, "acpi", "on"), "off");
    m->no_reboot = !strcmp(group_string(action, "reboot", ""), "shutdown");
    m->no_shutdown = !strcmp(group_string(action, "shutdown", ""), "pause");
    m->on_panic = group_string(action, "panic", "shutdown");
    m->start_paused = config_find(m->config, "S", NULL);
    m->preconfig = config_find(m->config, "preconfig", NULL);
    m->info.nodefaults = config_find(m->config, "nodefaults", NULL);
    m->name_threads = true;
    m->info.hpet = true;
    ok = !group_bool(config_find(m->config, "name", NULL), "debug-threads", &m->name_threads);
    ok &= !group_bool(machine, "hpet", &m->info.hpet);
    if (m->preconfig && has_new_root(m->config)) {
        report("-preconfig", "cannot be used with a new root, out of which no file of the board's "
                             "could be reached");
        ok = false;
    }
    return ok;
}

static const struct type *find_board(struct machine *m)
{
    const struct config_group *g = config_find(m->config, "machine", NULL);
    const char *name = group_string(g, "type", MACHINE_DEFAULT);

    return plugins_load(m->plugins, "machine", name, g ? group_from(g, "type") : "-machine");
}

/* ---- Character devices ---- */

static void note_use(struct machine *m, const char *use, unsigned n, const char *id)
{
    m->uses = g_renew(struct chardev_use, m->uses, m->n_uses + 1);
    m->uses[m->n_uses++] = (struct chardev_use){ use, n, id };
}

/* "mon:" brings a monitor, unless it is one's own. */
static bool add_use(struct machine *m, const char *use, unsigned n, const char *label,
                    const char *text, const char *where)
{
    bool failed;
    const char *id = chardev_short(m, label, text, where, &failed);

    if (!id)
        return !failed;
    note_use(m, use, n, id);
    if (!names_have("monitor qmp qmp-pretty", use) && g_str_has_prefix(text, "mon:"))
        note_use(m, "monitor", UINT_MAX, id);
    return true;
}

/* Options that name a character device in short form, and what theirs are called. */
static const struct dev_option {
    const char *kind, *label;
} dev_options[] = {
    { "serial", "serial" },      { "parallel", "parallel" },
    { "debugcon", "debugcon" },  { "monitor", "compat_monitor" },
    { "qmp", "compat_monitor" }, { "qmp-pretty", "compat_monitor" },
};

/* Those of one label are counted together; uses are counted by themselves. */
static bool add_option(struct machine *m, const struct config_group *group,
                       const struct dev_option *option)
{
    const struct config_group *g = NULL;
    unsigned n = 0, n_label = 0;
    char *label;
    bool ok;

    while ((g = config_next(m->config, NULL, g)) != group)
        for (unsigned i = 0; i < G_N_ELEMENTS(dev_options); i++)
            if (!strcmp(g->kind, dev_options[i].kind)) {
                n += !strcmp(g->kind, option->kind);
                n_label += !strcmp(dev_options[i].label, option->label);
            }
    label = g_strdup_printf("%s%u", option->label, n_label);
    ok = add_use(m, option->kind, n, label, group_string(group, "dev", ""), group->from);
    g_free(label);
    return ok;
}

/* Whether the command line leaves it to us: it has no such option, and no such device. */
static bool unsaid(struct machine *m, const char *kinds, const char *driver)
{
    const struct config_group *g = NULL;
    char **each = g_strsplit(kinds, "|", -1);
    bool said = m->info.nodefaults;

    for (char **kind = each; *kind; kind++)
        said |= config_find(m->config, *kind, NULL) != NULL;
    g_strfreev(each);
    while (driver && (g = config_next(m->config, "device", g)))
        said |= !strcmp(group_string(g, "driver", ""), driver);
    return !said;
}

static bool is_used_by(const struct machine *m, const char *use)
{
    for (unsigned i = 0; i < m->n_uses; i++)
        if (!strcmp(m->uses[i].use, use))
            return true;
    return false;
}

/* Without displays the terminal is the first serial port's and the monitor's, by turns. */
static bool add_defaults(struct machine *m)
{
    bool terminal = config_find(m->config, "nographic", NULL);
    bool serial = unsaid(m, "serial", "isa-serial");
    bool monitor =
        terminal && unsaid(m, "monitor|qmp|qmp-pretty|mon", NULL) && !is_used_by(m, "monitor");
    const char *where = terminal ? "-nographic" : "-serial";
    bool ok = true;

    if (serial)
        ok &= add_use(m, "serial", 0, "serial0",
                      !terminal ? "null"
                      : monitor ? "mon:stdio"
                                : "stdio",
                      where);
    if (monitor && !serial)
        ok &= add_use(m, "monitor", 0, "compat_monitor0", "stdio", where);
    if (unsaid(m, "parallel", "isa-parallel"))
        ok &= add_use(m, "parallel", 0, "parallel0", "null", "-parallel");
    return ok;
}

static bool make_chardevs(struct machine *m)
{
    const struct config_group *g = NULL;
    bool ok = true;

    while ((g = config_next(m->config, "chardev", g)))
        ok &= chardev_create(m, g) != NULL;
    while ((g = config_next(m->config, NULL, g)))
        for (unsigned i = 0; i < G_N_ELEMENTS(dev_options); i++)
            if (!strcmp(g->kind, dev_options[i].kind))
                ok &= add_option(m, g, &dev_options[i]);
    return add_defaults(m) && ok;
}

/* The last -gdb counts. */
static bool start_gdb(struct machine *m)
{
    const struct config_group *g = NULL, *last = NULL;

    while ((g = config_next(m->config, "gdb", g)))
        last = g;
    return !last || !gdb_start(m, group_string(last, "dev", ""), last->from);
}

/* ---- The board ---- */

/* Keys of [machine] that are the core's; the rest is the board's properties. */
static const char *const core_keys[] = {
    "type", "accel", "memory-backend", "mem-merge", "dump-guest-core", "kernel-irqchip", "acpi",
    "fd-bootchk", "graphics", /* these two by way of board_option() */
    /* on is not in this build yet, off is all there is: options_check() */
    "default-bus-bypass-iommu", "hmat", "hpet", "igd-passthru", "nvdimm", "sata", "suppress-vmdesc",
    "usb", NULL
};

struct key_names {
    const struct type *type;
    unsigned n_own;
};

static const char *key_name_at(const void *names, unsigned i)
{
    const struct key_names *keys = names;

    return i < keys->n_own ? core_keys[i] : keys->type->props[i - keys->n_own].name;
}

/* Keys that are neither the core's nor the board's. */
static bool check_keys(struct machine *m, const struct type *type)
{
    const struct config_group *g = config_find(m->config, "machine", NULL);
    struct key_names names = { type, G_N_ELEMENTS(core_keys) - 1 };
    bool ok = true;

    for (unsigned i = 0; g && i < g->n_opts; i++) {
        const struct config_opt *opt = &g->opts[i];
        const char *near;

        if (g_strv_contains(core_keys, opt->key) || type_prop(type, opt->key))
            continue;
        near = nearest_name(opt->key, &names, names.n_own + type->n_props, key_name_at);
        report(opt->from, "%s has no property \"%s\"%s%s%s", type->t.name, opt->key,
               near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
        ok = false;
    }
    return ok;
}

static bool make_board(struct machine *m, const struct type *type)
{
    const struct config_group *g = config_find(m->config, "machine", NULL);
    const struct tenon_machine_ops *ops = type->t.ops;
    struct setting *settings = g_new(struct setting, g ? g->n_opts : 0);
    char *where = g_strdup_printf("-machine %s", type->t.name);
    unsigned n = 0;

    for (unsigned i = 0; g && i < g->n_opts; i++)
        if (!g_strv_contains(core_keys, g->opts[i].key))
            settings[n++] = (struct setting){ g->opts[i].key, g->opts[i].value };
    m->board = inst_create(m, type, "machine", where, settings, n);
    g_free(settings);
    g_free(where);
    return m->board && (!ops->build || !ops->build(m->board->state));
}

static bool add_devices(struct machine *m)
{
    const struct config_group *g = NULL;
    bool ok = true;

    while ((g = config_next(m->config, "device", g)))
        ok &= board_add_group(m, g) != NULL;
    return ok;
}

/* The accelerator has a timer chip by this name. */
#define ACCEL_DRIVER "kvm-pit"

static void warn_globals(struct machine *m)
{
    const struct config_group *g = NULL;

    while ((g = config_next(m->config, "global", g))) {
        const char *driver = group_string(g, "driver", "");
        const struct inst *inst = m->insts;

        while (inst && !names_have(inst->type->names, driver))
            inst = inst->next;
        if (!inst && strcmp(driver, ACCEL_DRIVER))
            report_warning(g->from, "changes nothing: there is no %s in this machine", driver);
    }
}

/* Options that a machine without processors, or without memory, has no use for. */
static void warn_idle(struct machine *m)
{
    const struct {
        const char *kind, *what;
        bool there;
    } needs[] = {
        { "cpu", "processors", m->info.max_cpus },
        { "smp-opts", "processors", m->info.max_cpus },
        { "memory", "memory", m->info.ram_bytes },
        { "mem-path", "memory", m->info.ram_bytes },
        { "mem-prealloc", "memory", m->info.ram_bytes },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(needs); i++) {
        const struct config_group *g = config_find(m->config, needs[i].kind, NULL);

        if (g && !needs[i].there)
            report_warning(g->from, "changes nothing: this machine has no %s", needs[i].what);
    }
}

static bool complete(struct machine *m)
{
    const struct tenon_machine_ops *ops = m->board->type->t.ops;

    return !ops->complete || !ops->complete(m->board->state);
}

/* What the accelerator is to tell the log of, which KVM cannot. */
static bool start_log(struct machine *m)
{
    const struct config_group *g = config_find(m->config, "d", NULL);
    const char *where = g ? g->from : "-d";
    bool soft = !accel_find(m->accel->ops->name);
    char *names;

    if (soft)
        return !log_on(TENON_ITEM_IN_ASM) || disas_open(m, where);
    if (log_on(LOG_SOFTWARE)) {
        names = log_item_names(log_items & LOG_SOFTWARE);
        report_warning(where, "only the software CPU tells of %s", names);
        g_free(names);
    }
    return true;
}

/* A device test's clock is there without processors. */
static bool needs_accel(const struct machine *m)
{
    return m->info.max_cpus || m->accel->ops == &accel_qtest;
}

/* Processors and memory, which all else stands on. */
static bool lay_out(struct machine *m, const struct type *type)
{
    bool ok = read_identity(m);

    ok &= read_switches(m);
    if (!type)
        return false;
    ok &= check_keys(m, type);
    ok &= !ram_size(m, type->t.ops);
    ok &= !processors_count(m, type->t.ops);
    if (!ok || accel_open(m) || processors_resolve(m, type->t.ops) || ram_create(m))
        return false;
    return !needs_accel(m) || !m->accel->ops->board || !m->accel->ops->board(m->accel);
}

/* What else is there before the board. */
static bool prepare(struct machine *m)
{
    bool ok = start_log(m);

    ok &= fds_create(m);
    ok &=
        objects_create(m, false) && spice_create(m) && make_chardevs(m) && objects_create(m, true);
    return !qtest_start(m) && ok;
}

/* The board and all that is on it; the monitors, if they are not there yet.  Without ok something
 * has failed already: this is for further faults. */
static bool build(struct machine *m, const struct type *type, bool ok)
{
    if (!make_board(m, type))
        return false;
    ok &= add_devices(m);
    ok &= m->preconfig || monitors_create(m); /* after the devices, which a mux listens to first */
    warn_globals(m);
    warn_idle(m);
    if (!ok || !complete(m) || vcpus_create(m) || !start_gdb(m))
        return false;
    machine_reset(m);
    return true;
}

static bool create(struct machine *m)
{
    const struct type *type = find_board(m);
    bool ok;

    if (!lay_out(m, type))
        return false;
    ok = prepare(m); /* from here on, one fault does not hide the next */
    return m->preconfig ? ok && monitors_create(m) : build(m, type, ok);
}

int machine_exit_preconfig(struct machine *m)
{
    const struct type *type = find_board(m);

    if (!type || !build(m, type, true)) {
        machine_quit(m, 1, "host-error");
        return -EINVAL;
    }
    m->preconfig = false;
    if (!m->start_paused)
        machine_resume(m);
    return 0;
}

struct machine *machine_create(struct config *config, struct plugins *plugins)
{
    struct machine *m = g_new0(struct machine, 1);
    bool ok;

    m->config = config;
    m->plugins = plugins;
    m->a20 = true;
    m->info.size = sizeof(m->info);
    m->loop = loop_create();
    m->mem = space_create("memory", m->loop, 64, false);
    m->io = space_create("ports", m->loop, 16, true);
    loop_lock(m->loop);
    ok = create(m);
    loop_unlock(m->loop);
    if (ok)
        return m;
    machine_destroy(m);
    return NULL;
}

static struct inst *last_inst(struct machine *m)
{
    struct inst *last = m->insts;

    while (last && last->next)
        last = last->next;
    return last;
}

void machine_destroy(struct machine *m)
{
    struct inst *inst;

    if (!m)
        return;
    loop_lock(m->loop);
    gdb_stop(m);
    qtest_stop(m);
    vcpus_destroy(m);
    monitors_destroy(m);
    disas_close(m);
    while ((inst = last_inst(m)))
        inst_destroy(inst);
    machine_irq_forget(m);
    pci_bus_destroy(m);
    accel_close(m);
    loop_unlock(m->loop);
    fds_destroy(m);
    processors_free(m);
    space_destroy(m->mem);
    space_destroy(m->io);
    ram_destroy(m);
    loop_destroy(m->loop);
    g_free(m->found_file);
    g_free(m->uses);
    g_free(m);
}
