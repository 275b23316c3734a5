/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-cpu - commands about processors: those there are, and the models there could be. */

#include <string.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "machine/machine.h"
#include "machine/processors.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "plugin/plugin.h"
#include "report.h"

#define TYPE_SUFFIX "-x86_64-cpu"

/* ---- Those there are ---- */

static json_t *describe_place(struct machine *m, unsigned n)
{
    struct cpu_place place = cpu_topology_place(&m->topology, n);

    return json_pack("{s:i, s:i, s:i, s:i}", "socket-id", (int)place.socket, "die-id",
                     (int)place.die, "core-id", (int)place.core, "thread-id", (int)place.thread);
}

static int do_cpus(struct call *call)
{
    struct machine *m = call->machine;

    call->result = json_array();
    for (unsigned i = 0; m->cpus && i < m->info.cpus; i++) {
        char *path = g_strdup_printf("/machine/unattached/device[%u]", i);

        json_array_append_new(call->result,
                              json_pack("{s:i, s:s, s:i, s:o, s:s}", "cpu-index", (int)i,
                                        "qom-path", path, "thread-id", (int)m->cpus[i].tid, "props",
                                        describe_place(m, i), "target", "x86_64"));
        g_free(path);
    }
    return 0;
}

static void print_cpus(struct call *call)
{
    size_t i;
    json_t *cpu;

    json_array_foreach(call->result, i, cpu)
        call_print(call, "%c CPU #%zu: thread_id=%d\n",
                   call->cpu && (size_t)*call->cpu == i ? '*' : ' ', i,
                   (int)json_integer_value(json_object_get(cpu, "thread-id")));
}

static int do_cpu(struct call *call)
{
    struct vcpu *cpu = call_cpu(call, "index");

    if (!cpu)
        return -1;
    *call->cpu = cpu->index;
    return 0;
}

/* ---- Models ---- */

/* A processor of that kind, in this machine or in one of a single processor; NULL: it cannot be. */
static struct cpu *make(struct machine *m, const char *text)
{
    static const struct cpu_topology one = { 1, 1, 1, 1, 1, 1, 1 };
    struct cpu *cpu = NULL;
    struct cpu_spec spec;

    if (!cpu_spec_parse(&spec, text, text)) {
        spec.number[CPU_PROP_CHECK] = false;
        cpu = processors_model(m, &spec, m->topology.maxcpus ? &m->topology : &one);
    }
    cpu_spec_finish(&spec);
    return cpu;
}

static json_t *missing_features(struct machine *m, const char *name)
{
    struct cpu *cpu = make(m, name);
    json_t *list = json_array();

    if (!cpu) { /* nothing can be said of its features, but that it cannot be had */
        json_array_append_new(list, json_string("type"));
        return list;
    }
    for (unsigned word = 0; word < CPU_WORDS; word++)
        for (uint64_t left = cpu->missing.word[word]; left; left &= left - 1) {
            const char *feature = cpu_feature_name(word, __builtin_ctzll(left));

            if (feature)
                json_array_append_new(list, json_string(feature));
        }
    cpu_destroy(cpu);
    return list;
}

struct listing {
    struct machine *m;
    json_t *list;
};

static void add_model(struct listing *l, const char *name, const char *alias_of)
{
    json_t *info =
        json_pack("{s:s, s:o, s:b, s:b, s:o, s:b}", "name", name, "typename",
                  json_sprintf("%s" TYPE_SUFFIX, name), "static", false, "migration-safe",
                  strcmp(name, "host") != 0 && strcmp(name, "max") != 0, "unavailable-features",
                  missing_features(l->m, name), "deprecated", false);

    if (alias_of)
        json_object_set_new(info, "alias-of", json_string(alias_of));
    json_array_append_new(l->list, info);
}

static void add_card(void *arg, const struct card *card)
{
    char **names = g_strsplit(card->names, " ", -1);

    for (unsigned i = 0; names[i]; i++)
        add_model(arg, names[i], i ? names[0] : NULL);
    g_strfreev(names);
}

static int do_definitions(struct call *call)
{
    struct listing l = { call->machine, json_array() };

    add_model(&l, "max", NULL);
    if (!strcmp(l.m->accel->ops->name, "kvm"))
        add_model(&l, "host", NULL);
    plugins_each(l.m->plugins, "cpu", add_card, &l);
    call->result = l.list;
    g_string_truncate(call->reported, 0); /* what models lack is part of the answer */
    return 0;
}

/* "MODEL,key=value" of a CpuModelInfo; NULL: props are of a kind that no property is. */
static char *model_text(struct call *call)
{
    json_t *model = json_object_get(call->args, "model"), *value;
    GString *text = g_string_new(text_of(model, "name"));
    const char *key;

    json_object_foreach(json_object_get(model, "props"), key, value)
    {
        if (json_is_boolean(value))
            g_string_append_printf(text, ",%s=%s", key, json_is_true(value) ? "on" : "off");
        else if (json_is_integer(value))
            g_string_append_printf(text, ",%s=%" JSON_INTEGER_FORMAT, key,
                                   json_integer_value(value));
        else if (json_is_string(value))
            g_string_append_printf(text, ",%s=%s", key, json_string_value(value));
        else
            call_error(call, "Invalid parameter type for 'model.props.%s'", key);
    }
    if (!call->error)
        return g_string_free(text, FALSE);
    g_string_free(text, TRUE);
    return NULL;
}

static json_t *model_props(const struct cpu *cpu)
{
    json_t *props = json_pack("{s:s, s:s, s:i, s:i, s:i}", "vendor", cpu->vendor, "model-id",
                              cpu->model_id, "family", (int)cpu->family, "model", (int)cpu->model,
                              "stepping", (int)cpu->stepping);

    if (!props)
        props = json_object();
    for (size_t i = 0; i < cpu_feature_count; i++) {
        const struct cpu_feature *f = &cpu_feature_table[i];

        if (!f->alias)
            json_object_set_new(props, f->name,
                                json_boolean(cpu->features.word[f->word] >> f->bit & 1));
    }
    return props;
}

static int do_expansion(struct call *call)
{
    json_t *model = json_object_get(call->args, "model");
    char *text = model_text(call);
    struct cpu *cpu = text ? make(call->machine, text) : NULL;

    g_free(text);
    if (!cpu)
        return -1;
    call->result = json_pack("{s:{s:O, s:o}}", "model", "name", json_object_get(model, "name"),
                             "props", model_props(cpu));
    cpu_destroy(cpu);
    g_string_truncate(call->reported, 0);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "query-cpus-fast", NULL, "[CpuInfoFast]", .run = do_cpus,
      .hmp = "info cpus", .print = print_cpus, .help = "the processors and their threads" },
    { .hmp = "cpu", .line = "index:num", .params = "index", .run = do_cpu,
      .help = "choose the processor that commands are about" },
    { "query-cpu-definitions", NULL, "[CpuDefinitionInfo]", CMD_PRECONFIG, .run = do_definitions },
    { "query-cpu-model-expansion", "type:CpuModelExpansionType model:CpuModelInfo",
      "CpuModelExpansionInfo", CMD_PRECONFIG, .run = do_expansion },
};

static const struct shape shapes[] = {
    OBJECT("CpuInstanceProperties", "?socket-id:int ?die-id:int ?core-id:int ?thread-id:int"),
    OBJECT("CpuInfoFast", "cpu-index:int qom-path:str thread-id:int ?props:CpuInstanceProperties "
                          "target:SysEmuTarget"),
    OBJECT("CpuDefinitionInfo", "name:str typename:str static:bool ?migration-safe:bool "
                                "?unavailable-features:[str] ?alias-of:str deprecated:bool"),
    ENUM("CpuModelExpansionType", "static full"),
    OBJECT("CpuModelInfo", "name:str ?props:any"),
    OBJECT("CpuModelExpansionInfo", "model:CpuModelInfo"),
};
// clang-format on

const struct command_table cpu_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
