/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-device - commands by which devices and objects come and go, and the tree of buses. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/isa.h>

#include "bus/bus.h"
#include "bus/pci.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/plug.h"
#include "machine/ram.h"
#include "machine/tree.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "monitor/qom.h"
#include "options/options.h"
#include "plugin/plugin.h"

/* ---- To come and to go ---- */

/* The arguments as the option of that kind would have them; NULL: it has been reported. */
static struct config *arguments(struct call *call, const char *kind, const char *key)
{
    const struct command *c = call->command;
    const char *what = call_str(call, key);
    char *json = json_dumps(call->args, 0);
    char *from = g_strjoin(" ", c->name ? c->name : c->hmp, what, NULL);
    struct config *config = json_config(kind, json, from);

    g_free(from);
    free(json);
    return config;
}

static int do_device_add(struct call *call)
{
    struct config *config = arguments(call, "device", "driver");
    bool ok = config && plug_device(call->machine, config_find(config, "device", NULL));

    config_destroy(config);
    return ok ? 0 : -1;
}

static int do_object_add(struct call *call)
{
    struct config *config = arguments(call, "object", "qom-type");

    return config && plug_object(call->machine, config) ? 0 : -1;
}

static int do_device_del(struct call *call)
{
    const char *id = call_str(call, "id");
    bool ambiguous;
    struct node node = *id == '/' ? tree_find(call->machine, id, &ambiguous)
                                  : tree_node(inst_find(call->machine, "device", id));

    if (node.kind != NODE_INST || !node.inst || strcmp(node.inst->type->t.kind, "device"))
        return call_error_class(call, class_device_not_found, "Device '%s' not found", id);
    return unplug_device(node.inst) ? 0 : -1;
}

static int do_object_del(struct call *call)
{
    const char *id = call_str(call, "id");
    struct memory_object *memory = memory_object_find(call->machine, id);
    struct inst *inst = inst_find(call->machine, "object", id);

    if (memory && memory_object_used(call->machine, memory))
        return call_error(call, "object '%s' is in use, can not be deleted", id);
    if (memory) {
        memory_object_destroy(call->machine, memory);
        return 0;
    }
    if (!inst)
        return call_error(call, "object '%s' not found", id);
    return unplug_object(inst) ? 0 : -1;
}

/* "device_add help", "device_add NAME,help" */
static int do_device_add_text(struct call *call)
{
    const char *driver = call_str(call, "driver");
    struct plugins *plugins = call->machine->plugins;
    bool list = driver && !strcmp(driver, "help"), ok = true;
    char *text = NULL;
    size_t len;
    FILE *out;

    if (!list && !call_has(call, "help"))
        return do_device_add(call);
    out = open_memstream(&text, &len);
    if (list)
        plugins_print_devices(plugins, out);
    else
        ok = plugins_print_props(plugins, "device", driver, "device_add", out);
    fclose(out);
    call_print(call, "%s", text);
    free(text);
    return ok ? 0 : -1;
}

/* ---- info qtree ---- */

struct printing {
    struct call *call;
    int indent;
};

static void print_prop(void *arg, const char *name, const char *type, const char *help,
                       json_t *value)
{
    const struct printing *p = arg;
    char *json = json_dumps(value, JSON_ENCODE_ANY);

    if (json_is_integer(value))
        call_print(p->call, "%*s%s = %" JSON_INTEGER_FORMAT " (0x%" PRIx64 ")\n", p->indent, "",
                   name, json_integer_value(value), (uint64_t)json_integer_value(value));
    else
        call_print(p->call, "%*s%s = %s\n", p->indent, "", name, json);
    free(json);
    json_decref(value);
}

static void print_windows(const struct printing *p, const struct inst *inst)
{
    for (unsigned i = 0; i < inst->type->n_windows; i++) {
        const struct mapping *w = &inst->windows[i];

        if (w->space)
            call_print(p->call, "%*s%s %016" PRIx64 "/%016" PRIx64 "\n", p->indent, "",
                       w->space == inst->machine->mem ? "mmio" : "pio", w->base, w->bytes);
    }
}

static void print_bus(struct call *call, int indent, const char *name, const char *kind,
                      const struct inst *parent);

/* The bus that the device brings by itself, if something is on it. */
static void print_brought(struct call *call, int indent, const struct inst *parent)
{
    const struct inst *child = call->machine->insts;
    char *name, *kind;

    while (child && child->parent != parent)
        child = child->next;
    if (!child)
        return;
    name = bus_name(parent, child->type->t.ops_id);
    kind = bus_kind(child);
    print_bus(call, indent, name, kind, parent);
    g_free(name);
    g_free(kind);
}

static void print_device(struct call *call, int indent, struct inst *inst)
{
    const struct tenon_isa_bus *isa = inst_iface(inst, "tenon.isa-bus/1");
    const struct tenon_pci_host *pci = inst_iface(inst, "tenon.pci-host/1");
    struct printing p = { call, indent + 2 };

    call_print(call, "%*sdev: %s, id \"%s\"\n", indent, "", inst->type->t.name,
               inst->has_id ? inst->pub.id : "");
    qom_own_props(inst, print_prop, &p);
    print_windows(&p, inst);
    if (pci)
        print_bus(call, indent + 2, pci->bus_name, pci_bus_ops.kind, NULL);
    if (isa)
        print_bus(call, indent + 2, isa->bus_name, isa_bus_ops.kind, NULL);
    print_brought(call, indent + 2, inst);
}

static bool is_on(const struct inst *inst, const char *kind, const struct inst *parent)
{
    if (!inst->created || !inst->bus || inst->parent != parent)
        return false;
    return parent || !strcmp(inst->bus->kind, kind);
}

static void print_bus(struct call *call, int indent, const char *name, const char *kind,
                      const struct inst *parent)
{
    call_print(call, "%*sbus: %s\n%*stype %s\n", indent, "", name, indent + 2, "", kind);
    for (struct inst *i = call->machine->insts; i; i = i->next)
        if (is_on(i, kind, parent))
            print_device(call, indent + 2, i);
}

static int do_print_buses(struct call *call)
{
    print_bus(call, 0, "main-system-bus", system_bus_ops.kind, NULL);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "device_add", "driver:str ?bus:str ?id:str", NULL, CMD_FREE, "json-cli json-cli-hotplug",
      .run = do_device_add },
    { .hmp = "device_add", .line = "args:opts.driver", .params = "driver[,property=value...]",
      .run = do_device_add_text, .help = "plug in a device; DRIVER,help lists its properties" },
    { "device_del", "id:str", .run = do_device_del,
      .hmp = "device_del", .line = "id:device", .params = "id",
      .help = "unplug a device: at the next reset, if the guest has run" },
    { "object-add", "qom-type:ObjectType id:str", NULL, CMD_FREE, .run = do_object_add },
    { .hmp = "object_add", .line = "args:opts.qom-type", .params = "type,id=id[,property=value...]",
      .run = do_object_add, .help = "make an object" },
    { "object-del", "id:str", .run = do_object_del,
      .hmp = "object_del", .line = "id:object", .params = "id", .help = "remove an object" },
    { .hmp = "info qtree", .run = do_print_buses, .help = "the buses and what is plugged into them" },
};

static const struct shape shapes[] = {
    ENUM("ObjectType", "authz-list authz-listfile authz-pam authz-simple memory-backend-file memory-backend-memfd "
         "memory-backend-ram secret tls-creds-anon tls-creds-psk tls-creds-x509"),
};

static const struct event_row events[] = {
    { "DEVICE_DELETED", "?device:str path:str", 0, NULL },
};
// clang-format on

const struct command_table device_commands = TABLE(commands, shapes, events);
