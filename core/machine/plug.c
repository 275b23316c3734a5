/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plug - devices and objects that come and go after the machine has been built. */

#include "machine/plug.h"

#include <string.h>

#include "bus/bus.h"
#include "cpu/accel.h"
#include "machine/board.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/objects.h"
#include "machine/ram.h"
#include "machine/tree.h"
#include "monitor/event.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

/* Processors look at neither lists nor memory while a device comes or goes. */
static bool hold(struct machine *m)
{
    if (m->state != STATE_RUNNING)
        return false;
    vcpus_pause(m);
    return true;
}

static void release(struct machine *m, bool held)
{
    if (held)
        vcpus_resume(m);
}

/* ---- Devices ---- */

/* A bus of its own would have to be found by what is there already. */
static bool brings_bus(const struct type *type)
{
    for (unsigned i = 0; i < type->n_ifaces; i++)
        if (!strcmp(type->ifaces[i].id, "tenon.isa-bus/1") ||
            !strcmp(type->ifaces[i].id, "tenon.pci-host/1"))
            return true;
    return false;
}

static bool may_come(const struct type *type, const char *where)
{
    const struct bus_ops *bus = bus_find(type);

    if (bus && bus->hotplug && !brings_bus(type))
        return true;
    report(where, "device '%s' does not support hotplugging", type->t.name);
    return false;
}

static bool id_is_free(struct machine *m, const struct config_group *group, const char *kind)
{
    if (!group->id || !inst_find(m, kind, group->id))
        return true;
    report(group->from, "there is %s %s called '%s' already", *kind == 'o' ? "an" : "a", kind,
           group->id);
    return false;
}

bool plug_device(struct machine *m, const struct config_group *group)
{
    const char *driver = group_string(group, "driver", "");
    const struct type *type = plugins_load(m->plugins, "device", driver, group->from);
    struct inst *inst;
    bool held;

    if (!type || !may_come(type, group->from) || !id_is_free(m, group, "device"))
        return false;
    held = hold(m);
    inst = board_add_group(m, group);
    if (inst) {
        inst->hotplugged = true;
        inst_reset(inst);
    }
    release(m, held);
    return inst;
}

static void leave(struct inst *inst);

/* Before a bus goes, what is on it does. */
static void leave_bus(const struct inst *parent)
{
    struct inst *i = parent->machine->insts;

    while (i)
        if (i->parent == parent) {
            leave(i);
            i = parent->machine->insts;
        } else {
            i = i->next;
        }
}

static void leave(struct inst *inst)
{
    struct machine *m = inst->machine;
    const struct node node = tree_node(inst);
    char *path = tree_path(m, &node);

    leave_bus(inst);
    event_emit(m, "DEVICE_DELETED", "{s:s*, s:s}", "device", inst->has_id ? inst->pub.id : NULL,
               "path", path);
    g_free(path);
    inst_destroy(inst);
}

/* What another device brings a bus for goes without asking the guest: that device tells it. */
bool unplug_device(struct inst *inst)
{
    struct machine *m = inst->machine;
    bool held;

    if (!inst->by_user)
        report(NULL, "device '%s' is a part of the board", inst->type->t.name);
    else if (inst->leaving)
        report(NULL, "device '%s' is already in the process of unplug", inst->pub.id);
    if (!inst->by_user || inst->leaving || !may_come(inst->type, NULL))
        return false;
    if (m->state != STATE_PRELAUNCH && !inst->parent) {
        inst->leaving = true;
        return true;
    }
    held = hold(m);
    leave(inst);
    release(m, held);
    return true;
}

void unplug_waiting(struct machine *m)
{
    struct inst *i = m->insts;

    while (i)
        if (i->leaving) {
            leave(i);
            i = m->insts;
        } else {
            i = i->next;
        }
}

/* ---- Objects ---- */

static bool object_id_is_free(struct machine *m, const struct config_group *group)
{
    if (!group->id)
        report(group->from, "id is missing");
    else if (memory_object_find(m, group->id))
        report(group->from, "there is an object called '%s' already", group->id);
    else
        return id_is_free(m, group, "object");
    return false;
}

/* Memory keeps the configuration. */
static bool plug_memory(struct machine *m, struct config *config, const struct config_group *group)
{
    struct memory_object *o = options_check(config, NULL) ? NULL : memory_object_create(m, group);

    if (o)
        o->config = config;
    return o;
}

bool plug_object(struct machine *m, struct config *config)
{
    const struct config_group *group = config_find(config, "object", NULL);
    bool ok = object_id_is_free(m, group), memory = ok && object_is_core(group);

    ok = ok && (memory ? plug_memory(m, config, group) : object_create(m, group) != NULL);
    if (!ok || !memory)
        config_destroy(config);
    return ok;
}

static bool in_use(const struct inst *object)
{
    for (const struct inst *i = object->machine->insts; i; i = i->next)
        if (i->objects && g_ptr_array_find(i->objects, object, NULL))
            return true;
    return false;
}

bool unplug_object(struct inst *inst)
{
    if (in_use(inst)) {
        report(NULL, "object '%s' is in use, can not be deleted", inst->pub.id);
        return false;
    }
    inst_destroy(inst);
    return true;
}
