/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qom - properties of objects and types: of plugins from their tables, of processors from CPUID. */

#include "monitor/qom.h"

#include <string.h>

#include <glib.h>

#include "bus/bus.h"
#include "chardev/chardev.h"
#include "cpu/accel.h"
#include "cpu/model.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/ram.h"
#include "machine/tree.h"
#include "options/options.h"
#include "plugin/plugin.h"

struct sink {
    qom_prop_fn *fn;
    void *arg;
    struct machine *m;
};

static void put(const struct sink *s, const char *name, const char *type, json_t *value)
{
    s->fn(s->arg, name, type, NULL, value);
}

/* ---- Plugins' tables ---- */

static const char *prop_type_name(const struct tenon_prop *prop)
{
    switch (prop->type) {
    case TENON_BOOL: return "bool";
    case TENON_U8: return "uint8";
    case TENON_U16: return "uint16";
    case TENON_U32: return "uint32";
    case TENON_U64: return "uint64";
    case TENON_SIZE: return "size";
    default: return "str";
    }
}

static json_t *number_value(const struct tenon_prop *prop, uint64_t number)
{
    if (prop->type == TENON_BOOL)
        return json_boolean(number);
    if (prop->type == TENON_ENUM)
        return json_string(prop->names[number]);
    return json_integer(number); /* above 2^63 it is "not given": JSON has no such number */
}

static json_t *text(const char *string)
{
    json_t *value = json_string(string ? string : "");

    return value ? value : json_string(""); /* no UTF-8 */
}

static json_t *prop_value(const struct tenon_prop *prop, const void *state)
{
    const void *pointer;

    if (prop->type != TENON_STR && prop->type != TENON_CHARDEV)
        return number_value(prop, prop_number(prop, state));
    pointer = prop_pointer(prop, state);
    if (prop->type == TENON_CHARDEV && pointer)
        return text(chardev_id(pointer));
    return text(pointer);
}

static json_t *default_value(const struct tenon_prop *prop)
{
    if (prop->type == TENON_CHARDEV || (prop->type == TENON_STR && !prop->initial_str))
        return NULL;
    if (prop->type == TENON_STR)
        return text(prop->initial_str);
    return prop->initial > INT64_MAX ? NULL : number_value(prop, prop->initial);
}

static void put_props(const struct sink *s, const struct type *type, const void *state)
{
    for (unsigned i = 0; i < type->n_props; i++) {
        const struct tenon_prop *prop = &type->props[i];

        s->fn(s->arg, prop->name, prop_type_name(prop), prop->help,
              state ? prop_value(prop, state) : default_value(prop));
    }
}

static json_t *bus_value(const struct inst *inst, const struct tenon_prop *prop)
{
    char *value = inst->bus->setting(inst, prop->name);
    json_t *json = prop->type == TENON_BOOL ? json_boolean(!strcmp(value, "on"))
                   : prop->type == TENON_STR || prop->type == TENON_ENUM
                       ? json_string(value)
                       : json_integer(g_ascii_strtoll(value, NULL, 10));

    g_free(value);
    return json;
}

static void put_bus_props(const struct sink *s, const struct bus_ops *bus, const struct inst *inst)
{
    for (unsigned i = 0; bus && i < bus->n_props; i++)
        s->fn(s->arg, bus->props[i].name, prop_type_name(&bus->props[i]), bus->props[i].help,
              inst ? bus_value(inst, &bus->props[i]) : NULL);
}

void qom_type_props(const struct type *type, qom_prop_fn *fn, void *arg)
{
    const struct sink s = { fn, arg, NULL };

    put_bus_props(&s, bus_find(type), NULL);
    put_props(&s, type, NULL);
}

/* ---- Processors ---- */

static json_t *feature_word(const struct cpu_word_place *place, uint64_t bits)
{
    static const char *const names[] = {
        [CPU_EAX] = "EAX", [CPU_EBX] = "EBX", [CPU_ECX] = "ECX", [CPU_EDX] = "EDX"
    };
    json_t *word = json_pack("{s:I, s:s, s:I}", "cpuid-input-eax", (json_int_t)place->leaf,
                             "cpuid-register", names[place->reg], "features", (json_int_t)bits);

    if (place->indexed)
        json_object_set_new(word, "cpuid-input-ecx", json_integer(place->subleaf));
    return word;
}

/* Of CPUID; MSRs have no place in it. */
static json_t *feature_words(const struct cpu_features *set)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < CPU_WORDS; i++)
        if (!cpu_words[i].msr)
            json_array_append_new(list, feature_word(&cpu_words[i], set->word[i]));
    return list;
}

static json_t *feature_names(const struct cpu_features *set)
{
    json_t *list = json_array();

    for (unsigned i = 0; i < CPU_WORDS; i++)
        for (uint64_t left = set->word[i]; left; left &= left - 1) {
            const char *name = cpu_feature_name(i, __builtin_ctzll(left));

            if (name)
                json_array_append_new(list, json_string(name));
        }
    return list;
}

/* EAX of the leaf that says how many there are. */
static json_t *last_leaf(const struct vcpu *v, uint32_t leaf)
{
    const struct cpuid_entry *entry = cpuid_find(v->cpuid, v->n_cpuid, leaf, 0);

    return json_integer(entry ? entry->eax : 0);
}

static void put_place(const struct sink *s, const struct vcpu *v)
{
    struct cpu_place place = { 0 };

    if (v)
        place = cpu_topology_place(&s->m->topology, v->index);
    put(s, "apic-id", "uint32", v ? json_integer(v->apic_id) : NULL);
    put(s, "socket-id", "int32", v ? json_integer(place.socket) : NULL);
    put(s, "die-id", "int32", v ? json_integer(place.die) : NULL);
    put(s, "core-id", "int32", v ? json_integer(place.core) : NULL);
    put(s, "thread-id", "int32", v ? json_integer(place.thread) : NULL);
}

/* v is NULL for a type: then there are no values. */
static void put_cpu(const struct sink *s, const struct vcpu *v)
{
    const struct cpu *cpu = v ? s->m->cpu_model : NULL;

    put_place(s, v);
    put(s, "vendor", "string", cpu ? json_string(cpu->vendor) : NULL);
    put(s, "model-id", "string", cpu ? text(cpu->model_id) : NULL);
    put(s, "family", "int", cpu ? json_integer(cpu->family) : NULL);
    put(s, "model", "int", cpu ? json_integer(cpu->model) : NULL);
    put(s, "stepping", "int", cpu ? json_integer(cpu->stepping) : NULL);
    put(s, "level", "uint32", v ? last_leaf(v, 0) : NULL);
    put(s, "xlevel", "uint32", v ? last_leaf(v, 0x80000000) : NULL);
    put(s, "xlevel2", "uint32", v ? last_leaf(v, 0xc0000000) : NULL);
    put(s, "phys-bits", "uint32", cpu ? json_integer(cpu->phys_bits) : NULL);
    put(s, "tsc-frequency", "int", cpu ? json_integer(cpu->tsc_hz) : NULL);
    put(s, "feature-words", "X86CPUFeatureWordInfo", cpu ? feature_words(&cpu->features) : NULL);
    put(s, "filtered-features", "X86CPUFeatureWordInfo", cpu ? feature_words(&cpu->missing) : NULL);
    put(s, "unavailable-features", "strList", cpu ? feature_names(&cpu->missing) : NULL);
    for (size_t i = 0; i < cpu_feature_count; i++) {
        const struct cpu_feature *f = &cpu_feature_table[i];

        if (!f->alias)
            put(s, f->name, "bool",
                cpu ? json_boolean(cpu->features.word[f->word] >> f->bit & 1) : NULL);
    }
}

void qom_cpu_props(struct machine *m, qom_prop_fn *fn, void *arg)
{
    put_cpu(&(struct sink){ fn, arg, m }, NULL);
}

/* ---- Memory ---- */

static json_t *flag(const struct memory_object *o, const char *key)
{
    return o ? json_boolean(memory_object_flag(o, key)) : NULL;
}

static void put_memory(const struct sink *s, const struct memory_object *o, bool file)
{
    put(s, "size", "int", o ? json_integer(o->block->bytes) : NULL);
    put(s, "share", "bool", flag(o, "share"));
    put(s, "prealloc", "bool", flag(o, "prealloc"));
    put(s, "merge", "bool", flag(o, "merge"));
    put(s, "dump", "bool", flag(o, "dump"));
    if (file) {
        put(s, "mem-path", "string", o ? text(group_string(o->group, "mem-path", "")) : NULL);
        put(s, "readonly", "bool", flag(o, "readonly"));
    }
}

void qom_memory_props(bool file, qom_prop_fn *fn, void *arg)
{
    put_memory(&(struct sink){ fn, arg, NULL }, NULL, file);
}

/* ---- Objects ---- */

static void put_child(void *arg, const char *name, const struct node *child)
{
    const struct sink *s = arg;
    char *type = tree_type(s->m, child), *link = g_strdup_printf("child<%s>", type);
    char *path = tree_path(s->m, child);

    put(s, name, link, json_string(path));
    g_free(path);
    g_free(link);
    g_free(type);
}

/* What all devices have. */
static void put_device(const struct sink *s, bool hotpluggable, bool hotplugged)
{
    put(s, "realized", "bool", json_true());
    put(s, "hotpluggable", "bool", json_boolean(hotpluggable));
    put(s, "hotplugged", "bool", json_boolean(hotplugged));
}

void qom_own_props(const struct inst *inst, qom_prop_fn *fn, void *arg)
{
    const struct sink s = { fn, arg, inst->machine };

    put_bus_props(&s, inst->bus, inst);
    put_props(&s, inst->type, inst->state);
}

/* Keys of [machine] that the core and not the board reads. */
static void put_board(const struct sink *s)
{
    const struct config_group *g = config_find(s->m->config, "machine", NULL);

    put(s, "memory-backend", "string", text(group_string(g, "memory-backend", "")));
    put(s, "dump-guest-core", "bool",
        json_boolean(strcmp(group_string(g, "dump-guest-core", "on"), "off")));
    put(s, "mem-merge", "bool", json_boolean(strcmp(group_string(g, "mem-merge", "on"), "off")));
}

static void put_inst(const struct sink *s, const struct inst *inst)
{
    if (inst == s->m->board)
        put_board(s);
    else if (!strcmp(inst->type->t.kind, "device"))
        put_device(s, inst->by_user && inst->bus->hotplug, inst->hotplugged);
    qom_own_props(inst, s->fn, s->arg);
}

void qom_props(struct machine *m, const struct node *node, qom_prop_fn *fn, void *arg)
{
    struct sink s = { fn, arg, m };
    char *type = tree_type(m, node);

    put(&s, "type", "string", json_string(type));
    if (node->kind == NODE_INST) {
        put_inst(&s, node->inst);
    } else if (node->kind == NODE_CPU) {
        put_device(&s, false, false);
        put_cpu(&s, &m->cpus[node->n]);
    } else if (node->kind == NODE_MEMORY) {
        put_memory(&s, node->memory, g_str_has_suffix(type, "-file"));
    }
    tree_each(m, node, put_child, &s);
    g_free(type);
}
