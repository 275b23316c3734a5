/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pci - the root PCI bus: configuration space, BARs, and interrupt pins.
 *
 * After the PCI Local Bus Specification 3.0, chapter 6.
 */

#include "bus/pci.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/bus.h"
#include "bus/function.h"
#include "debug/events.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "plugin/plugin.h"
#include "report.h"

enum {
    VENDOR = 0x00,
    DEVICE = 0x02,
    COMMAND = PCI_COMMAND,
    STATUS = PCI_STATUS,
    REVISION = 0x08,
    CACHE_LINE = 0x0c,
    LATENCY = 0x0d,
    HEADER_TYPE = 0x0e,
    BAR0 = 0x10,
    SUBSYSTEM_VENDOR = 0x2c,
    SUBSYSTEM = 0x2e,
    INT_LINE = 0x3c,
    INT_PIN = 0x3d,
    HEADER_BYTES = 64,
};

enum { MULTIFUNCTION = 0x80 };

/* Command: I/O, memory, master, parity, SERR#, INTx disable.  Status: the error bits, by writing 1.
 */
enum { COMMAND_WRITABLE = 0x0547, STATUS_CLEAR = 0xf900 };

struct pci_bus {
    struct machine *machine;
    const struct tenon_pci_host *host;
    struct pci_function *functions[256];
    unsigned high[4]; /* how many functions hold the interrupt */
};

uint8_t *pci_config(struct inst *inst)
{
    return ((struct pci_function *)inst->bus_state)->config;
}

/* ---- Interrupts ---- */

static void function_drive(struct pci_function *f)
{
    struct machine *m = f->inst->machine;
    struct pci_bus *bus = m->pci;
    bool seen = f->pin && !(get(f->config + COMMAND, 2) & COMMAND_INTX_OFF) && !pci_msi_enabled(f);
    unsigned n = (f->ops.int_pin - 1 + f->devfn / 8 + bus->host->swizzle) & 3;
    struct inst *router;

    f->config[STATUS] = (f->config[STATUS] & ~STATUS_INTERRUPT) | (f->pin ? STATUS_INTERRUPT : 0);
    if (seen == f->seen)
        return;
    f->seen = seen;
    bus->high[n] += seen ? 1 : -1;
    if (bus->high[n] != seen) /* others hold it too: no change */
        return;
    router = inst_with_iface(m, "tenon.pci-router/1");
    if (router)
        ((const struct tenon_pci_router *)inst_iface(router, "tenon.pci-router/1"))
            ->pirq(router->state, n, seen);
}

static void function_irq(void *arg, unsigned n, bool level)
{
    struct pci_function *f = arg;

    f->pin = level;
    function_drive(f);
}

void pci_pin(struct pci_function *f, bool level)
{
    if (f->pin != level)
        function_irq(f, 0, level);
}

/* ---- BARs ---- */

static uint64_t bar_place(const struct pci_function *f, const struct pci_bar *bar)
{
    unsigned reg = BAR0 + 4 * bar->index;
    uint32_t command = get(f->config + COMMAND, 2);
    uint64_t base = get(f->config + reg, 4) & (bar->io ? ~3u : ~15u);
    uint64_t most = bar->io ? 0xffff : 0xffffffff;

    if (bar->flags & TENON_BAR_64) {
        base |= (uint64_t)get(f->config + reg + 4, 4) << 32;
        most = UINT64_MAX;
    }
    if (!(command & (bar->io ? COMMAND_IO : COMMAND_MEMORY)) || !base)
        return TENON_UNMAPPED;
    /* While it is being sized, it is all ones: nowhere. */
    return base + bar->map->bytes - 1 >= most || base + bar->map->bytes - 1 < base ? TENON_UNMAPPED
                                                                                   : base;
}

static void bars_update(struct pci_function *f)
{
    struct machine *m = f->inst->machine;

    for (unsigned i = 0; i < f->n_bars; i++) {
        struct mapping *map = f->bars[i].map;
        uint64_t base = bar_place(f, &f->bars[i]);

        if (base == (map->space ? map->base : TENON_UNMAPPED))
            continue;
        mapping_remove(map);
        map->base = base;
        if (base != TENON_UNMAPPED)
            mapping_add(f->bars[i].io ? m->io : m->mem, map);
        pci_msix_moved(f, map);
    }
}

/* ---- Configuration space ---- */

static struct pci_function *function_at(struct machine *m, unsigned bus, unsigned devfn)
{
    return m->pci && bus == 0 && devfn < 256 ? m->pci->functions[devfn] : NULL;
}

struct inst *pci_function_at(struct machine *m, unsigned devfn)
{
    const struct pci_function *f = function_at(m, 0, devfn);

    return f ? f->inst : NULL;
}

uint64_t pci_bar_bytes(struct machine *m, unsigned devfn, unsigned bar)
{
    const struct pci_function *f = function_at(m, 0, devfn);

    for (unsigned i = 0; f && i < f->n_bars; i++)
        if (f->bars[i].index == bar)
            return f->bars[i].map->bytes;
    return 0;
}

uint32_t pci_config_read(struct machine *m, unsigned bus, unsigned devfn, unsigned reg,
                         unsigned bytes)
{
    struct pci_function *f = function_at(m, bus, devfn);
    uint32_t value;

    if (!f || reg + bytes > CONFIG_BYTES)
        return bytes == 4 ? UINT32_MAX : (1u << 8 * bytes) - 1;
    if (f->hooks && f->hooks->reading)
        f->hooks->reading(f, reg, bytes);
    value = get(f->config + reg, bytes);
    trace(pci_cfg_read, f->inst->pub.id, bus, devfn >> 3, devfn & 7, reg, bytes, value);
    return value;
}

static void function_changed(struct pci_function *f, unsigned reg, unsigned bytes)
{
    space_begin(f->inst->machine->mem);
    space_begin(f->inst->machine->io);
    if (pci_touches(reg, bytes, COMMAND, 2) || pci_touches(reg, bytes, BAR0, 24))
        bars_update(f);
    if (f->ops.config_written && f->inst->created)
        f->ops.config_written(f->inst->state, reg, bytes);
    space_end(f->inst->machine->io);
    space_end(f->inst->machine->mem);
    pci_msi_written(f, reg, bytes);
    if (f->ops.int_pin)
        function_drive(f);
}

void pci_config_write(struct machine *m, unsigned bus, unsigned devfn, unsigned reg, uint32_t value,
                      unsigned bytes)
{
    struct pci_function *f = function_at(m, bus, devfn);

    if (!f || reg + bytes > CONFIG_BYTES)
        return;
    trace(pci_cfg_write, f->inst->pub.id, bus, devfn >> 3, devfn & 7, reg, bytes, value);
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t *at = f->config + reg + i, v = value >> 8 * i;
        uint8_t writable = f->writable[reg + i];

        *at = ((*at & ~writable) | (v & writable)) & ~(v & f->clear[reg + i]);
    }
    function_changed(f, reg, bytes);
    if (f->hooks && f->hooks->written)
        f->hooks->written(f, reg, bytes);
}

/* ---- Capabilities ---- */

/* The lowest free bytes behind the header, or 0. */
static unsigned find_room(const struct pci_function *f, unsigned bytes)
{
    unsigned run = 0;

    for (unsigned at = HEADER_BYTES; at < CONFIG_BYTES; at++) {
        run = f->taken[at] || (!run && at % 4) ? 0 : run + 1;
        if (run == bytes)
            return at + 1 - run;
    }
    return 0;
}

int pci_capability(struct pci_function *f, uint8_t id, unsigned bytes, const uint8_t *initial,
                   const uint8_t *writable)
{
    unsigned at = bytes >= 2 ? find_room(f, bytes) : 0;
    unsigned link = f->last_cap ? f->last_cap + 1 : PCI_CAPABILITIES;

    if (!at)
        return -ENOSPC;
    memset(f->taken + at, true, bytes);
    f->reset[at] = id;
    f->reset[at + 1] = 0;
    if (initial)
        memcpy(f->reset + at + 2, initial, bytes - 2);
    if (writable)
        memcpy(f->writable + at + 2, writable, bytes - 2);
    f->reset[link] = at;
    f->reset[STATUS] |= STATUS_CAPABILITIES;
    f->last_cap = at;
    memcpy(f->config, f->reset, sizeof(f->config));
    return at;
}

/* ---- Functions ---- */

static void config_init(struct pci_function *f)
{
    const struct tenon_pci_ops *ops = &f->ops;
    uint8_t *c = f->reset;

    put(c + VENDOR, ops->vendor, 2);
    put(c + DEVICE, ops->device, 2);
    put(c + REVISION, ops->class_rev, 4);
    c[HEADER_TYPE] = f->multifunction ? MULTIFUNCTION : 0;
    put(c + SUBSYSTEM_VENDOR, ops->subsystem_vendor ? ops->subsystem_vendor : 0x1af4, 2);
    put(c + SUBSYSTEM, ops->subsystem_vendor ? ops->subsystem : 0x1100, 2);
    c[INT_PIN] = ops->int_pin;
    put(f->writable + COMMAND, COMMAND_WRITABLE, 2);
    put(f->clear + STATUS, STATUS_CLEAR, 2);
    f->writable[CACHE_LINE] = f->writable[LATENCY] = f->writable[INT_LINE] = 0xff;
}

static int fields_init(struct pci_function *f)
{
    const struct tenon_array *a = &f->ops.fields;

    for (uint32_t i = 0; i < a->count; i++) {
        struct tenon_pci_field field = { 0 };

        memcpy(&field, (const char *)a->items + (size_t)i * a->stride,
               MIN(a->stride, sizeof(field)));
        if (field.offset + field.bytes > CONFIG_BYTES || field.bytes > 4)
            return -EINVAL;
        put(f->reset + field.offset, field.reset, field.bytes);
        put(f->writable + field.offset, field.writable, field.bytes);
        put(f->clear + field.offset, field.clear, field.bytes);
        put(f->keep + field.offset, field.keep, field.bytes);
        memset(f->taken + field.offset, true, field.bytes);
    }
    return 0;
}

int pci_add_bar(struct pci_function *f, const struct pci_bar *bar)
{
    unsigned reg = BAR0 + 4 * bar->index, words = bar->flags & TENON_BAR_64 ? 2 : 1;
    uint64_t bytes = bar->map->bytes, mask = ~(bytes - 1);

    if (f->n_bars == G_N_ELEMENTS(f->bars) || bar->index + words > G_N_ELEMENTS(f->bars) ||
        bytes < (bar->io ? 4 : 16) || (bytes & (bytes - 1)))
        return -EINVAL;
    f->bars[f->n_bars++] = *bar;
    put(f->reset + reg,
        bar->io ? 1
                : (bar->flags & TENON_BAR_64 ? 4 : 0) | (bar->flags & TENON_BAR_PREFETCH ? 8 : 0),
        4);
    put(f->writable + reg, mask & (bar->io ? ~3u : ~15u), 4);
    if (words == 2)
        put(f->writable + reg + 4, mask >> 32, 4);
    return 0;
}

static int bars_init(struct pci_function *f)
{
    const struct tenon_array *a = &f->ops.bars;
    const struct type *type = f->inst->type;

    for (uint32_t i = 0; i < a->count; i++) {
        struct tenon_bar bar = { 0 };

        memcpy(&bar, (const char *)a->items + (size_t)i * a->stride, MIN(a->stride, sizeof(bar)));
        if (bar.window >= type->n_windows ||
            pci_add_bar(f, &(struct pci_bar){ .index = bar.index,
                                              .flags = bar.flags,
                                              .io = type->windows[bar.window].space == TENON_IO,
                                              .map = &f->inst->windows[bar.window] }))
            return -EINVAL;
    }
    return 0;
}

/* "3", "0x3", "3.1": slot, and function. */
static bool parse_addr(const char *text, unsigned *devfn)
{
    char *end;
    unsigned long slot = strtoul(text, &end, 16), function = 0;

    if (end == text)
        return false;
    if (*end == '.') {
        const char *rest = end + 1;

        function = strtoul(rest, &end, 16);
        if (end == rest)
            return false;
    }
    *devfn = slot * 8 + function;
    return !*end && slot < 32 && function < 8;
}

static int place(struct pci_function *f, const char *addr)
{
    struct pci_bus *bus = f->inst->machine->pci;
    const struct pci_function *first;

    if (addr && !parse_addr(addr, &f->devfn)) {
        report(f->inst->where, "addr=%s: must be SLOT or SLOT.FUNCTION, in hexadecimal, below 20.8",
               addr);
        return -EINVAL;
    }
    if (!addr) {
        for (f->devfn = 0; f->devfn < 256 && bus->functions[f->devfn]; f->devfn += 8)
            ;
        if (f->devfn >= 256) {
            report(f->inst->where, "no slot is free on bus %s", bus->host->bus_name);
            return -EBUSY;
        }
    }
    if (bus->functions[f->devfn]) {
        report(f->inst->where, "slot %x.%x of bus %s is in use by %s", f->devfn / 8, f->devfn % 8,
               bus->host->bus_name, bus->functions[f->devfn]->inst->type->t.name);
        return -EBUSY;
    }
    first = bus->functions[f->devfn & ~7u];
    if (f->devfn % 8 && first && !first->multifunction) {
        report(f->inst->where, "function 0 of slot %x, %s, is not multifunction=on", f->devfn / 8,
               first->inst->type->t.name);
        return -EINVAL;
    }
    return 0;
}

static const char *find(const struct setting *settings, unsigned n, const char *key)
{
    for (unsigned i = n; i-- > 0;)
        if (!strcmp(settings[i].key, key))
            return settings[i].value;
    return NULL;
}

static bool settings_ok(struct pci_function *f, const struct setting *settings, unsigned n)
{
    struct pci_bus *bus = f->inst->machine->pci;
    const char *name = find(settings, n, "bus"), *multi = find(settings, n, "multifunction");

    if (name && strcmp(name, bus->host->bus_name)) {
        report(f->inst->where, "bus '%s' is not a PCI bus (there is '%s')", name,
               bus->host->bus_name);
        return false;
    }
    if (multi && strcmp(multi, "on") && strcmp(multi, "off")) {
        report(f->inst->where, "multifunction=%s: must be on or off", multi);
        return false;
    }
    f->multifunction = multi && !strcmp(multi, "on");
    return true;
}

int pci_join(struct pci_function *f, struct inst *inst, const struct tenon_pci_ops *ops,
             const struct setting *settings, unsigned n)
{
    if (!inst->machine->pci) {
        report(inst->where, "needs a PCI bus, and this machine has none");
        return -ENODEV;
    }
    f->inst = inst;
    table_copy(&f->ops, sizeof(f->ops), ops);
    if (!settings_ok(f, settings, n) || place(f, find(settings, n, "addr")))
        return -EINVAL;
    config_init(f);
    if (f->ops.int_pin && f->ops.int_pin <= 4 && inst->type->t.lines)
        inst->lines[0] = (struct line){ .set = function_irq, .arg = f, .gsi = -1 };
    inst->bus_state = f;
    inst->machine->pci->functions[f->devfn] = f;
    return 0;
}

static int pci_attach(struct inst *inst, const struct setting *settings, unsigned n)
{
    struct pci_function *f = g_new0(struct pci_function, 1);

    if (pci_join(f, inst, inst->type->t.ops, settings, n)) {
        g_free(f);
        return -EINVAL;
    }
    for (unsigned i = 0; i < inst->type->n_windows; i++)
        inst->windows[i].priority--; /* RAM comes before a BAR put over it */
    if (bars_init(f) || f->ops.int_pin > 4) {
        report(inst->where, "the plugin declares a BAR or interrupt pin that cannot be");
        return -EINVAL;
    }
    if (fields_init(f)) {
        report(inst->where, "the plugin declares a field outside configuration space");
        return -EINVAL;
    }
    memcpy(f->config, f->reset, sizeof(f->config));
    return 0;
}

void pci_leave(struct inst *inst)
{
    struct pci_function *f = inst->bus_state;

    if (!f)
        return;
    if (f->pin)
        function_irq(f, 0, false);
    inst->machine->pci->functions[f->devfn] = NULL;
    pci_msi_finish(f);
    g_free(f);
}

void pci_reset(struct inst *inst)
{
    struct pci_function *f = inst->bus_state;

    for (unsigned i = 0; i < CONFIG_BYTES; i++)
        f->config[i] = (f->reset[i] & ~f->keep[i]) | (f->config[i] & f->keep[i]);
    pci_msi_reset(f);
    function_changed(f, 0, CONFIG_BYTES);
}

/* Windows that are no BAR's are where they say they are. */
static void pci_created(struct inst *inst)
{
    struct pci_function *f = inst->bus_state;

    for (unsigned i = 0; i < inst->type->n_windows; i++) {
        const struct tenon_window *w = &inst->type->windows[i];
        bool is_bar = false;

        for (unsigned b = 0; b < f->n_bars; b++)
            is_bar |= f->bars[b].map == &inst->windows[i];
        if (!is_bar && w->base != TENON_UNMAPPED && !inst->windows[i].space)
            inst_map(inst, i, w->base, w->bytes);
    }
}

char *pci_setting(const struct inst *inst, const char *key)
{
    const struct pci_function *f = inst->bus_state;

    if (!strcmp(key, "bus"))
        return g_strdup(inst->machine->pci->host->bus_name);
    if (!strcmp(key, "multifunction"))
        return g_strdup(f->multifunction ? "on" : "off");
    return g_strdup_printf("%02x.%x", f->devfn / 8, f->devfn % 8);
}

static const struct tenon_prop pci_props[] = { PCI_PROPS };

const struct bus_ops pci_bus_ops = {
    .ops_id = "tenon.pci/1",
    .kind = "PCI",
    .props = pci_props,
    .n_props = G_N_ELEMENTS(pci_props),
    .attach = pci_attach,
    .detach = pci_leave,
    .reset = pci_reset,
    .created = pci_created,
    .setting = pci_setting,
    .hotplug = true,
};

int pci_bus_create(struct inst *host, const struct tenon_pci_host *ops)
{
    if (host->machine->pci) {
        report(host->where, "this machine has its PCI bus already");
        return -EEXIST;
    }
    host->machine->pci = g_new0(struct pci_bus, 1);
    host->machine->pci->machine = host->machine;
    host->machine->pci->host = ops;
    return 0;
}

void pci_bus_destroy(struct machine *m)
{
    g_free(m->pci);
    m->pci = NULL;
}
