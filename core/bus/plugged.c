/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugged - buses that devices bring for further devices: tenon/bus.h. */

#include <errno.h>
#include <string.h>

#include <tenon/bus.h>

#include "bus/bus.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "plugin/plugin.h"
#include "report.h"

/* "virtio-serial-bus" of "tenon.virtio-serial-bus/1"; to be freed. */
static char *kind_of(const char *id)
{
    const char *dot = strchr(id, '.'), *kind = dot ? dot + 1 : id;

    return g_strndup(kind, strcspn(kind, "/"));
}

char *bus_kind(const struct inst *inst)
{
    return inst->bus->kind ? g_strdup(inst->bus->kind) : kind_of(inst->type->t.ops_id);
}

char *bus_name(const struct inst *parent, const char *id)
{
    unsigned n = 0;
    char *kind, *name;

    if (parent->has_id)
        return g_strconcat(parent->pub.id, ".0", NULL);
    for (const struct inst *i = parent->machine->insts; i != parent; i = i->next)
        n += !i->has_id && inst_iface(i, id);
    kind = kind_of(id);
    name = g_strdup_printf("%s.%u", kind, n);
    g_free(kind);
    return name;
}

static bool is_called(const struct inst *parent, const char *id, const char *wanted)
{
    char *name = bus_name(parent, id);
    bool is = !wanted || !strcmp(name, wanted);

    g_free(name);
    return is;
}

static int attach(struct inst *inst, const struct setting *settings, unsigned n)
{
    const char *id = inst->type->t.ops_id, *wanted = NULL;
    char *kind;

    for (unsigned i = 0; i < n; i++)
        if (!strcmp(settings[i].key, "bus"))
            wanted = settings[i].value;
    for (struct inst *i = inst->machine->insts; i; i = i->next)
        if (i->created && inst_iface(i, id) && is_called(i, id, wanted)) {
            inst->parent = i;
            return 0;
        }
    kind = kind_of(id);
    if (wanted)
        report(inst->where, "there is no bus '%s' of kind %s", wanted, kind);
    else
        report(inst->where, "needs a bus of kind %s, and no device before it brings one", kind);
    g_free(kind);
    return -ENODEV;
}

static struct tenon_peer parent(struct tenon_dev *dev)
{
    const struct inst *inst = inst_of(dev), *p = inst->parent;

    if (!p)
        return (struct tenon_peer){ 0 };
    return (struct tenon_peer){ .self = p->state, .table = inst_iface(p, inst->type->t.ops_id) };
}

const struct tenon_bus bus_service = { .size = sizeof(bus_service), .parent = parent };

static char *setting(const struct inst *inst, const char *key)
{
    return bus_name(inst->parent, inst->type->t.ops_id);
}

static const struct tenon_prop props[] = {
    { .name = "bus", .type = TENON_STR, .help = "the bus it is on" },
};

const struct bus_ops plugged_bus_ops = {
    .ops_id = "",
    .props = props,
    .n_props = G_N_ELEMENTS(props),
    .attach = attach,
    .setting = setting,
    .hotplug = true,
};
