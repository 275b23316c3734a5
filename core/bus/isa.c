/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* isa - the ISA bus, and the board itself as a place for devices: windows where they say they are.
 */

#include "bus/bus.h"

#include <errno.h>
#include <string.h>

#include <tenon/isa.h>

#include "bus/pci.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "plugin/plugin.h"
#include "report.h"

static const struct tenon_prop isa_props[] = {
    { .name = "bus", .type = TENON_STR, .help = "the bus it is on" },
};

static int isa_attach(struct inst *inst, const struct setting *settings, unsigned n)
{
    const char *name = inst->machine->isa_name;

    if (!name) {
        report(inst->where, "needs an ISA bus, and this machine has none");
        return -ENODEV;
    }
    for (unsigned i = 0; i < n; i++)
        if (!strcmp(settings[i].key, "bus") && strcmp(settings[i].value, name)) {
            report(inst->where, "bus '%s' is not an ISA bus (there is '%s')", settings[i].value,
                   name);
            return -ENODEV;
        }
    return 0;
}

static void map_declared(struct inst *inst)
{
    for (unsigned i = 0; i < inst->type->n_windows; i++) {
        const struct tenon_window *w = &inst->type->windows[i];

        if (w->base != TENON_UNMAPPED && !inst->windows[i].space)
            inst_map(inst, i, w->base, w->bytes);
    }
}

static char *isa_setting(const struct inst *inst, const char *key)
{
    return g_strdup(inst->machine->isa_name);
}

static int system_attach(struct inst *inst, const struct setting *settings, unsigned n)
{
    return 0;
}

const struct bus_ops isa_bus_ops = {
    .ops_id = "tenon.isa/1",
    .kind = "ISA",
    .props = isa_props,
    .n_props = G_N_ELEMENTS(isa_props),
    .attach = isa_attach,
    .created = map_declared,
    .setting = isa_setting,
};

const struct bus_ops system_bus_ops = {
    .ops_id = "tenon.system/1",
    .kind = "System",
    .attach = system_attach,
    .created = map_declared,
};

/* The last one takes what is for none of the others. */
static const struct bus_ops *const buses[] = {
    &isa_bus_ops,
    &system_bus_ops,
    &pci_bus_ops,
    &virtio_pci_bus_ops,
    &virtio_pci_transitional_bus_ops,
    &virtio_pci_non_transitional_bus_ops,
    &plugged_bus_ops,
};

const struct bus_ops *bus_find(const struct type *type)
{
    if (strcmp(type->t.kind, "device"))
        return NULL;
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++)
        if (!strcmp(buses[i]->ops_id, type->t.ops_id))
            return buses[i];
    return &plugged_bus_ops;
}

void bus_describe(struct plugins *p)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(buses); i++)
        plugins_add_common(p, buses[i]->ops_id, buses[i]->props, buses[i]->n_props);
}

int bus_provide(struct inst *inst)
{
    const struct tenon_isa_bus *isa = inst_iface(inst, "tenon.isa-bus/1");
    const struct tenon_pci_host *pci = inst_iface(inst, "tenon.pci-host/1");

    if (isa)
        inst->machine->isa_name = isa->bus_name;
    if (pci)
        return pci_bus_create(inst, pci);
    return 0;
}
