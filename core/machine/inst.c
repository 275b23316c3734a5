/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inst - an instance of a plugin's type: its state, properties, timers, windows and lines. */

#include "machine/inst.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "bus/bus.h"
#include "chardev/chardev.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "cpu/accel.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "monitor/monitor.h"
#include "options/options.h"
#include "plugin/card.h"
#include "plugin/plugin.h"
#include "report.h"

/* ---- The host's base table ---- */

static int host_error(struct tenon_dev *dev, int err, const char *fmt, ...)
{
    struct inst *inst = inst_of(dev);
    va_list ap;

    va_start(ap, fmt);
    report_v(inst->where, fmt, ap);
    va_end(ap);
    inst->said = true;
    return err < 0 ? err : -EINVAL;
}

/* The item of -d that wants to hear of it; 0: it is for everybody. */
static uint32_t item_of(int level)
{
    return level == TENON_LOG_GUEST_ERROR     ? TENON_ITEM_GUEST_ERRORS
           : level == TENON_LOG_UNIMPLEMENTED ? TENON_ITEM_UNIMP
                                              : 0;
}

static void host_log(struct tenon_dev *dev, int level, const char *fmt, ...)
{
    uint32_t item = item_of(level);
    va_list ap;
    char *text;

    if (item && !log_on(item))
        return;
    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    if (item) {
        log_print("%s: %s\n", dev->id, text);
    } else if (level == TENON_LOG_NOTE) {
        report_info(inst_of(dev)->where, "%s", text);
    } else if (level == TENON_LOG_ANSWER) {
        FILE *to = monitor_has_stdout(inst_of(dev)->machine) ? stderr : stdout;

        fprintf(to, "%s\n", text);
        fflush(to);
    } else {
        report_warning(inst_of(dev)->where, "%s", text);
    }
    g_free(text);
}

static void host_trace(struct tenon_dev *dev, uint32_t event, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    trace_tell(inst_of(dev)->type->trace, event, ap);
    va_end(ap);
}

static enum clock_id clock_of(uint32_t clock)
{
    return clock == TENON_CLOCK_HOST   ? CLOCK_HOST
           : clock == TENON_CLOCK_REAL ? CLOCK_REAL
                                       : CLOCK_GUEST;
}

static uint64_t host_now(struct tenon_dev *dev, uint32_t clock)
{
    return loop_now(inst_of(dev)->machine->loop, clock_of(clock));
}

static void host_arm(struct tenon_dev *dev, uint32_t timer, uint64_t when)
{
    struct inst *inst = inst_of(dev);

    if (timer < inst->type->n_timers)
        timer_arm(&inst->timers[timer].timer, when);
}

static void host_irq(struct tenon_dev *dev, uint32_t line, bool level)
{
    inst_irq(inst_of(dev), line, level);
}

static int host_dma(struct tenon_dev *dev, uint64_t addr, void *buf, size_t len, bool to_guest)
{
    struct space *mem = inst_of(dev)->machine->mem;

    return to_guest ? space_copy_out(mem, addr, buf, len, true, true)
                    : space_copy_in(mem, addr, buf, len, true, true);
}

static int host_map(struct tenon_dev *dev, uint32_t window, uint64_t base, uint64_t bytes)
{
    return inst_map(inst_of(dev), window, base, bytes);
}

static const void *host_query(struct tenon_dev *dev, const char *id)
{
    return service_find(id);
}

static struct tenon_peer host_peer(struct tenon_dev *dev, const char *id)
{
    struct inst *inst = inst_with_iface(inst_of(dev)->machine, id);

    if (!inst)
        return (struct tenon_peer){ 0 };
    return (struct tenon_peer){ .self = inst->state, .table = inst_iface(inst, id) };
}

static const struct tenon_host host_table = {
    .size = sizeof(host_table),
    .minor = TENON_ABI_MINOR,
    .error = host_error,
    .log = host_log,
    .now = host_now,
    .arm = host_arm,
    .irq = host_irq,
    .dma = host_dma,
    .map = host_map,
    .query = host_query,
    .peer = host_peer,
    .trace = host_trace,
};

/* ---- Lines and windows ---- */

void inst_irq(struct inst *inst, uint32_t n, bool level)
{
    struct line *line;

    if (n >= inst->type->t.lines)
        return;
    line = &inst->lines[n];
    if (line->level == level)
        return;
    line->level = level;
    if (inst->machine->spy.inst == inst && !inst->machine->spy.inputs)
        inst->machine->spy.changed(inst->machine->spy.arg, n, level);
    if (line->gsi >= 0)
        machine_gsi(inst->machine, line->gsi, level);
    else if (line->set)
        line->set(line->arg, line->n, level);
}

int inst_map(struct inst *inst, uint32_t window, uint64_t base, uint64_t bytes)
{
    const struct tenon_window *w;
    struct mapping *map;
    uint64_t last;

    if (window >= inst->type->n_windows)
        return -EINVAL;
    w = &inst->type->windows[window];
    map = &inst->windows[window];
    bytes = bytes ? bytes : w->bytes;
    if (map->space && map->base == base && map->bytes == bytes)
        return 0;
    if (map->space)
        mapping_remove(map);
    if (base == TENON_UNMAPPED)
        return 0;
    last = base + bytes - 1;
    if (last < base || (w->space == TENON_IO && last > 0xffff))
        return -ERANGE;
    map->base = base;
    map->bytes = bytes;
    mapping_add(w->space == TENON_IO ? inst->machine->io : inst->machine->mem, map);
    return 0;
}

/* For a window that is not read, or not written: as if nobody were there. */
static uint64_t ones_read(void *arg, uint64_t reg, unsigned size)
{
    return UINT64_MAX;
}

static uint64_t zero_read(void *arg, uint64_t reg, unsigned size)
{
    return 0;
}

static void no_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
}

static void window_init(struct mapping *map, const struct tenon_window *w, void *state)
{
    *map = (struct mapping){
        .bytes = w->bytes,
        .priority = w->priority,
        .arg = state,
        .name = w->name,
        .ops = { .read = w->read                ? w->read
                         : w->space == TENON_IO ? ones_read
                                                : zero_read,
                 .write = w->write ? w->write : no_write,
                 .width_min = w->width_min ? w->width_min : 1,
                 .width_max = w->width_max ? w->width_max : 8,
                 .wide_only = w->flags & TENON_WINDOW_WIDE },
    };
}

static void timer_fired(void *arg)
{
    struct inst_timer *t = arg;

    t->fire(t->inst->state);
}

static void tables_init(struct inst *inst)
{
    const struct type *type = inst->type;

    inst->timers = g_new0(struct inst_timer, type->n_timers);
    inst->windows = g_new0(struct mapping, type->n_windows);
    inst->lines = g_new0(struct line, type->t.lines);
    for (unsigned i = 0; i < type->n_timers; i++) {
        struct inst_timer *t = &inst->timers[i];

        t->inst = inst;
        t->fire = type->timers[i].fire;
        timer_init(&t->timer, inst->machine->loop, clock_of(type->timers[i].clock), timer_fired, t);
    }
    for (unsigned i = 0; i < type->n_windows; i++)
        window_init(&inst->windows[i], &type->windows[i], inst->state);
    for (unsigned i = 0; i < type->t.lines; i++)
        inst->lines[i].gsi = -1;
}

/* ---- Properties ---- */

static bool is_bus_key(const struct bus_ops *bus, const char *key)
{
    for (unsigned i = 0; bus && i < bus->n_props; i++)
        if (!strcmp(bus->props[i].name, key))
            return true;
    return false;
}

static bool set_chardev(struct inst *inst, const struct tenon_prop *prop, const char *id)
{
    struct tenon_chardev *chr = chardev_find(inst->machine, id);

    if (!chr) {
        report(inst->where, "%s=%s: there is no chardev of that id", prop->name, id);
        return false;
    }
    prop_set_pointer(prop, inst->state, chr);
    return true;
}

/* "rules.0.match" is a member of "rules", if that gathers its members. */
static const struct tenon_prop *gatherer(const struct type *type, const char *key)
{
    const char *dot = strchr(key, '.');
    char *name = dot ? g_strndup(key, dot - key) : NULL;
    const struct tenon_prop *prop = name ? type_prop(type, name) : NULL;

    g_free(name);
    return prop && prop->flags & TENON_PROP_MEMBERS ? prop : NULL;
}

static bool add_member(struct inst *inst, const struct tenon_prop *prop, const char *key,
                       const char *value)
{
    const char *before = prop_pointer(prop, inst->state);
    char *all;
    bool ok;

    if (strpbrk(key, "=\n") || strchr(value, '\n')) {
        report(inst->where, "%s: has a line end", prop->name);
        return false;
    }
    all = g_strdup_printf("%s%s=%s\n", before ? before : "", strchr(key, '.') + 1, value);
    ok = prop_set(inst->type, prop, inst->state, all, inst->where);
    g_free(all);
    return ok;
}

static bool set_one(struct inst *inst, const char *key, const char *value)
{
    const struct tenon_prop *prop = type_prop(inst->type, key);

    if (!prop && (prop = gatherer(inst->type, key)))
        return add_member(inst, prop, key, value);
    if (prop && prop->flags & TENON_PROP_MEMBERS) {
        report(inst->where, "%s is set by its members: %s.0", prop->name, prop->name);
        return false;
    }
    if (!prop) {
        prop_unknown(inst->type, key, inst->where);
        return false;
    }
    if (prop->type == TENON_CHARDEV)
        return set_chardev(inst, prop, value);
    return prop_set(inst->type, prop, inst->state, value, inst->where);
}

/* -global: defaults for all instances of a driver. */
static bool set_globals(struct inst *inst)
{
    const struct config_group *g = NULL;
    bool ok = true;

    while ((g = config_next(inst->machine->config, "global", g))) {
        const char *driver = group_string(g, "driver", ""), *key = group_string(g, "property", "");

        if (!names_have(inst->type->names, driver))
            continue;
        if (is_bus_key(inst->bus, key))
            continue;
        if (type_prop(inst->type, key)) {
            ok &= set_one(inst, key, group_string(g, "value", ""));
        } else {
            prop_unknown(inst->type, key, g->from);
            ok = false;
        }
    }
    return ok;
}

static bool set_all(struct inst *inst, const struct setting *settings, unsigned n)
{
    bool ok = set_globals(inst);

    for (unsigned i = 0; i < n; i++)
        if (!is_bus_key(inst->bus, settings[i].key))
            ok &= set_one(inst, settings[i].key, settings[i].value);
    return ok;
}

/* ---- Life ---- */

static char *made_up_id(const struct inst *inst)
{
    unsigned n = 0;

    for (const struct inst *i = inst->machine->insts; i; i = i->next)
        n += i->type == inst->type;
    return g_strdup_printf("%s#%u", inst->type->t.name, n);
}

static void enlist(struct inst *inst)
{
    struct inst **at = &inst->machine->insts;

    while (*at)
        at = &(*at)->next;
    *at = inst;
}

/* Joins it to its bus, with what -global says of the bus's keys before what is its own. */
static int attach(struct inst *inst, const struct setting *settings, unsigned n)
{
    const struct config_group *g = NULL;
    GArray *all = g_array_new(FALSE, FALSE, sizeof(struct setting));
    int err;

    while ((g = config_next(inst->machine->config, "global", g))) {
        struct setting s = { group_string(g, "property", ""), group_string(g, "value", "") };

        if (names_have(inst->type->names, group_string(g, "driver", "")) &&
            is_bus_key(inst->bus, s.key))
            g_array_append_val(all, s);
    }
    if (n)
        g_array_append_vals(all, settings, n);
    err = inst->bus->attach(inst, (const struct setting *)all->data, all->len);
    g_array_free(all, TRUE);
    return err;
}

static int bring_up(struct inst *inst, const struct setting *settings, unsigned n)
{
    const struct type *type = inst->type;
    int err = 0;

    if (!set_all(inst, settings, n))
        return -EINVAL;
    if (inst->bus && attach(inst, settings, n))
        return -ENODEV;
    if (type->t.create)
        err = type->t.create(inst->state);
    if (!err)
        err = bus_provide(inst);
    if (err) {
        if (!inst->said)
            report(inst->where, "cannot be made: %s", g_strerror(err < 0 ? -err : err));
        return err;
    }
    inst->created = true;
    machine_irq_forget(inst->machine);
    if (inst->bus && inst->bus->created)
        inst->bus->created(inst);
    return 0;
}

struct inst *inst_create(struct machine *m, const struct type *type, const char *id,
                         const char *where, const struct setting *settings, unsigned n)
{
    struct inst *inst = g_new0(struct inst, 1);

    inst->machine = m;
    inst->type = type;
    inst->state = g_malloc0(type->t.state_size);
    inst->has_id = id;
    inst->where = g_strdup(where);
    inst->pub.host = &host_table;
    inst->pub.traced = trace_on(type->trace);
    inst->pub.id = id ? g_strdup(id) : made_up_id(inst);
    *(struct tenon_dev **)inst->state = &inst->pub;
    inst->bus = bus_find(type);
    tables_init(inst);
    props_init(type, inst->state);
    if (!strcmp(type->t.kind, "chardev"))
        inst->chardev = chardev_front(inst);
    enlist(inst);
    if (bring_up(inst, settings, n)) {
        inst_destroy(inst);
        return NULL;
    }
    return inst;
}

/* What points to the instance in the machine's list. */
static struct inst **place(struct inst *inst)
{
    struct inst **at = &inst->machine->insts;

    while (*at != inst)
        at = &(*at)->next;
    return at;
}

void inst_swap(struct inst *a, struct inst *b)
{
    struct inst **at_a = place(a), **at_b = place(b), *next;

    *at_a = b;
    *at_b = a;
    next = a->next; /* only now: at_b is in a if b follows it */
    a->next = b->next;
    b->next = next;
}

void inst_destroy(struct inst *inst)
{
    const struct type *type = inst->type;

    *place(inst) = inst->next;
    machine_irq_forget(inst->machine);
    chardev_forget(inst);
    if (type->t.destroy)
        type->t.destroy(inst->state);
    for (unsigned i = 0; i < type->n_timers; i++)
        timer_finish(&inst->timers[i].timer);
    for (unsigned i = 0; i < type->t.lines; i++)
        inst_irq(inst, i, false);
    if (inst->machine->spy.inst == inst)
        inst->machine->spy.inst = NULL;
    for (unsigned i = 0; i < type->n_windows; i++)
        mapping_finish(&inst->windows[i]);
    service_release(inst);
    if (inst->bus && inst->bus->detach)
        inst->bus->detach(inst);
    props_finish(type, inst->state);
    if (inst->objects)
        g_ptr_array_free(inst->objects, TRUE);
    g_free(inst->timers);
    g_free(inst->windows);
    g_free(inst->lines);
    g_free(inst->state);
    g_free(inst->where);
    g_free((char *)inst->pub.id);
    g_free(inst);
}

static void reg_reset(void *state, const struct tenon_reg *reg)
{
    char *at = (char *)state + reg->offset;

    if (reg->flags & TENON_REG_KEEP)
        return;
    for (uint32_t i = 0; i < reg->count; i++)
        memcpy(at + (size_t)i * reg->bytes, &reg->reset, reg->bytes); /* little-endian hosts */
}

void inst_reset(struct inst *inst)
{
    const struct type *type = inst->type;

    for (unsigned i = 0; i < type->n_timers; i++)
        timer_arm(&inst->timers[i].timer, TENON_NEVER);
    for (unsigned i = 0; i < type->t.lines; i++)
        inst_irq(inst, i, false);
    for (unsigned i = 0; i < type->n_regs; i++)
        reg_reset(inst->state, &type->regs[i]);
    if (inst->bus && inst->bus->reset)
        inst->bus->reset(inst);
    if (type->t.reset)
        type->t.reset(inst->state);
}

struct inst *inst_find(struct machine *m, const char *kind, const char *id)
{
    for (struct inst *i = m->insts; i; i = i->next)
        if (!strcmp(i->type->t.kind, kind) && !strcmp(i->pub.id, id))
            return i;
    return NULL;
}

const void *inst_iface(const struct inst *inst, const char *id)
{
    for (unsigned i = 0; i < inst->type->n_ifaces; i++)
        if (!strcmp(inst->type->ifaces[i].id, id))
            return inst->type->ifaces[i].table;
    return NULL;
}

struct inst *inst_with_iface(struct machine *m, const char *id)
{
    for (struct inst *i = m->insts; i; i = i->next)
        if (inst_iface(i, id))
            return i;
    return NULL;
}
