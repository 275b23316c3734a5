/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-qom - commands about the tree of objects: paths, properties, types. */

#include <string.h>

#include "cpu/accel.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/tree.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "monitor/qom.h"
#include "plugin/plugin.h"

/* NODE_NONE: there is none, which is the call's error. */
static struct node find(struct call *call)
{
    const char *path = call_str(call, "path");
    bool ambiguous;
    struct node node = tree_find(call->machine, path, &ambiguous);

    if (ambiguous)
        call_error(call, "Path '%s' does not uniquely identify an object", path);
    else if (!node.kind)
        call_error_class(call, class_device_not_found, "Device '%s' not found", path);
    return node;
}

/* ---- Properties ---- */

static json_t *describe(const char *name, const char *type, const char *help)
{
    return json_pack("{s:s, s:s, s:s*}", "name", name, "type", type, "description", help);
}

static void list_prop(void *list, const char *name, const char *type, const char *help,
                      json_t *value)
{
    json_array_append_new(list, describe(name, type, help));
    json_decref(value);
}

static void list_default(void *list, const char *name, const char *type, const char *help,
                         json_t *value)
{
    json_t *info = describe(name, type, help);

    if (value)
        json_object_set_new(info, "default-value", value);
    json_array_append_new(list, info);
}

static int do_list(struct call *call)
{
    struct node node = find(call);

    if (!node.kind)
        return -1;
    call->result = json_array();
    qom_props(call->machine, &node, list_prop, call->result);
    return 0;
}

static void print_list(struct call *call)
{
    size_t i;
    json_t *info;

    json_array_foreach(call->result, i, info)
        call_print(call, "%s (%s)\n", text_of(info, "name"), text_of(info, "type"));
}

struct wanted {
    const char *name;
    json_t *value;
};

static void take_prop(void *arg, const char *name, const char *type, const char *help,
                      json_t *value)
{
    struct wanted *w = arg;

    if (!w->value && !strcmp(name, w->name))
        w->value = value;
    else
        json_decref(value);
}

static json_t *get(struct call *call, const struct node *node)
{
    struct wanted w = { call_str(call, "property"), NULL };

    qom_props(call->machine, node, take_prop, &w);
    if (!w.value) {
        char *type = tree_type(call->machine, node);

        call_error(call, "Property '%s.%s' not found", type, w.name);
        g_free(type);
    }
    return w.value;
}

static int do_get(struct call *call)
{
    struct node node = find(call);

    call->result = node.kind ? get(call, &node) : NULL;
    return call->result ? 0 : -1;
}

/* A value as an option would have it; NULL: it is of a kind that no property is. */
static char *as_text(const json_t *value)
{
    if (json_is_boolean(value))
        return g_strdup(json_is_true(value) ? "on" : "off");
    if (json_is_integer(value))
        return g_strdup_printf("%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return g_strdup(json_string_value(value));
}

static int set(struct call *call, struct inst *inst, const struct tenon_prop *prop)
{
    char *text = as_text(json_object_get(call->args, "value"));
    bool ok = text && prop_set(inst->type, prop, inst->state, text, inst->pub.id);

    if (!text)
        call_error(call, "Invalid parameter type for '%s'", prop->name);
    g_free(text);
    return ok ? 0 : -1;
}

static int do_set(struct call *call)
{
    const char *name = call_str(call, "property");
    struct node node = find(call);
    const struct tenon_prop *prop =
        node.kind == NODE_INST ? type_prop(node.inst->type, name) : NULL;
    json_t *value;

    if (!node.kind)
        return -1;
    if (prop && prop->flags & TENON_PROP_LIVE)
        return set(call, node.inst, prop);
    value = get(call, &node); /* is there such a property at all? */
    if (value)
        call_error(call, "Property '%s' cannot be set while the machine is there", name);
    json_decref(value);
    return -1;
}

static void print_value(struct call *call)
{
    char *json = json_dumps(call->result, JSON_ENCODE_ANY | JSON_INDENT(4));

    call_print(call, "%s\n", json);
    free(json);
}

/* ---- Types ---- */

struct type_list {
    const char *implements;
    bool abstract; /* those too */
    json_t *list;
};

static void list_type(void *arg, const struct qom_type *type)
{
    struct type_list *l = arg;
    json_t *info;

    if ((type->abstract && !l->abstract) || (l->implements && !qom_is_a(type, l->implements)))
        return;
    info = json_pack("{s:s, s:s*}", "name", type->name, "parent", type->parent);
    if (type->abstract)
        json_object_set_new(info, "abstract", json_true());
    json_array_append_new(l->list, info);
}

static int do_types(struct call *call)
{
    struct type_list l = { call_str(call, "implements"), call_bool(call, "abstract", false),
                           json_array() };

    call->result = l.list;
    qom_types(call->machine, list_type, &l);
    return 0;
}

/* One type by name, with copies of its strings. */
struct lookup {
    const char *name;
    struct qom_type found; /* name is NULL: there is none */
    char *plugin;
    bool device;
};

static void match_type(void *arg, const struct qom_type *type)
{
    struct lookup *l = arg;

    if (l->found.name || strcmp(type->name, l->name))
        return;
    l->found = *type;
    l->found.name = l->name;
    l->plugin = g_strdup(type->plugin);
    l->device = qom_is_a(type, "device");
}

static struct lookup look_up(struct call *call)
{
    struct lookup l = { .name = call_str(call, "typename") };

    qom_types(call->machine, match_type, &l);
    return l;
}

/* What an object of the type would have; false: the plugin cannot be used, as has been reported. */
static bool type_props(struct machine *m, const struct lookup *l, qom_prop_fn *fn, void *arg)
{
    const struct type *type;

    if (!l->found.kind) {
        if (g_str_has_prefix(l->name, "memory-backend-"))
            qom_memory_props(g_str_has_suffix(l->name, "-file"), fn, arg);
        return true;
    }
    if (!strcmp(l->found.kind, "cpu")) {
        qom_cpu_props(m, fn, arg);
        return true;
    }
    type = plugins_load(m->plugins, l->found.kind, l->plugin, l->name);
    if (type)
        qom_type_props(type, fn, arg);
    return type;
}

static int do_device_props(struct call *call)
{
    struct lookup l = look_up(call);
    bool ok = false;

    call->result = json_array();
    if (!l.found.name)
        call_error_class(call, class_device_not_found, "Device '%s' not found", l.name);
    else if (!l.device || l.found.abstract)
        call_error(call, "Parameter 'typename' expects a non-abstract device type");
    else
        ok = type_props(call->machine, &l, list_default, call->result);
    g_free(l.plugin);
    return ok ? 0 : -1;
}

/* Never "DeviceNotFound": it ends libvirt 9 to 11 by a segmentation fault. */
static int do_type_props(struct call *call)
{
    struct lookup l = look_up(call);
    bool ok = false;

    call->result = json_array();
    if (!l.found.name)
        call_error(call, "Class '%s' not found", l.name);
    else
        ok = type_props(call->machine, &l, list_default, call->result);
    g_free(l.plugin);
    return ok ? 0 : -1;
}

/* ---- As text ---- */

struct printing {
    struct call *call;
    int indent;
};

static void print_node(void *arg, const char *name, const struct node *node)
{
    struct printing *p = arg, below = { p->call, p->indent + 2 };
    char *type = tree_type(p->call->machine, node);

    call_print(p->call, "%*s/%s (%s)\n", p->indent, "", name, type);
    g_free(type);
    tree_each(p->call->machine, node, print_node, &below);
}

static int do_print_tree(struct call *call)
{
    const char *path = call_str(call, "path");
    struct printing p = { call, 0 };
    struct node node;

    if (!path)
        json_object_set_new(call->args, "path",
                            json_string(call->machine->board ? "/machine" : "/"));
    node = find(call);
    if (!node.kind)
        return -1;
    path = tree_path(call->machine, &node);
    print_node(&p, path + 1, &node);
    g_free((char *)path);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "qom-list", "path:str", "[ObjectPropertyInfo]", CMD_PRECONFIG, .run = do_list,
      .hmp = "qom-list", .line = "path:path", .params = "path", .print = print_list,
      .help = "the properties and children of an object" },
    { "qom-get", "path:str property:str", "any", CMD_PRECONFIG, .run = do_get,
      .hmp = "qom-get", .line = "path:path property:word", .params = "path property",
      .print = print_value, .help = "what a property is" },
    { "qom-set", "path:str property:str value:any", NULL, CMD_PRECONFIG, .run = do_set,
      .hmp = "qom-set", .line = "path:path property:word value:word",
      .params = "path property value", .help = "set a property that may change by now" },
    { "qom-list-types", "?implements:str ?abstract:bool", "[ObjectTypeInfo]", CMD_PRECONFIG,
      .run = do_types },
    { "device-list-properties", "typename:str", "[ObjectPropertyInfo]", CMD_PRECONFIG,
      .run = do_device_props },
    { "qom-list-properties", "typename:str", "[ObjectPropertyInfo]", CMD_PRECONFIG,
      .run = do_type_props },
    { .hmp = "info qom-tree", .line = "?path:path", .params = "[path]", .run = do_print_tree,
      .help = "the tree of objects" },
};

static const struct shape shapes[] = {
    OBJECT("ObjectPropertyInfo", "name:str type:str ?description:str ?default-value:any"),
    OBJECT("ObjectTypeInfo", "name:str ?abstract:bool ?parent:str"),
};
// clang-format on

const struct command_table qom_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
