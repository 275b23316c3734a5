/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-monitor - commands about the monitors themselves. */

#include <string.h>

#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "monitor/hmp.h"
#include "monitor/line.h"
#include "monitor/qmp.h"
#include "monitor/session.h"
#include "options/version.h"

/* ---- QMP ---- */

static int do_capabilities(struct call *call)
{
    json_t *list = json_object_get(call->args, "enable");

    if (call->session)
        qmp_negotiated(call->session, json_array_size(list) > 0); /* oob is all there is */
    return 0;
}

static int do_version(struct call *call)
{
    call->result = qmp_version();
    return 0;
}

static void print_version(struct call *call)
{
    call_print(call, "7.2.0 (Tenon " TENON_VERSION ")\n");
}

static int do_commands(struct call *call)
{
    call->result = json_array();
    for (const struct command *c = NULL; (c = command_next(c));)
        if (c->name)
            json_array_append_new(call->result, json_pack("{s:s}", "name", c->name));
    return 0;
}

static int do_schema(struct call *call)
{
    call->result = schema_describe();
    return 0;
}

/* ---- HMP within QMP ---- */

static void hmp_in_qmp_done(struct call *inner)
{
    struct call *outer = inner->done_arg;
    char *text = hmp_line_ends(inner->text->str);

    outer->result = json_string(text);
    if (!outer->result)
        call_error(outer, "the answer is no UTF-8");
    g_free(text);
    g_free(inner->cpu);
    call_finish(outer);
}

static int do_hmp(struct call *call)
{
    int64_t index = call_int(call, "cpu-index", 0);
    int *cpu;

    if (call_has(call, "cpu-index") && !call_cpu(call, "cpu-index"))
        return -1;
    cpu = g_new(int, 1);
    *cpu = index;
    hmp_run(call->machine, NULL, call_str(call, "command-line"), cpu, hmp_in_qmp_done, call);
    return CALL_LATER;
}

/* ---- HMP ---- */

static void print_help(struct call *call, const struct command *c)
{
    call_print(call, "%s%s%s -- %s\n", c->hmp, c->params ? " " : "", c->params ? c->params : "",
               c->help);
}

static bool is_info(const struct command *c)
{
    return g_str_has_prefix(c->hmp, "info ");
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(const struct command *const *)a)->hmp,
                  (*(const struct command *const *)b)->hmp);
}

/* Those whose name is "info ...", or all others. */
static void print_all(struct call *call, bool info)
{
    GPtrArray *found = g_ptr_array_new();

    for (const struct command *c = NULL; (c = command_next(c));)
        if (c->hmp && is_info(c) == info)
            g_ptr_array_add(found, (void *)c);
    g_ptr_array_sort(found, by_name);
    for (unsigned i = 0; i < found->len; i++)
        print_help(call, found->pdata[i]);
    g_ptr_array_free(found, TRUE);
}

static int do_help(struct call *call)
{
    const char *name = call_str(call, "name"), *rest;
    const struct command *c = name ? line_command(name, &rest) : NULL;

    if (!name || !strcmp(name, "info"))
        print_all(call, name);
    else if (c)
        print_help(call, c);
    else
        return call_error(call, "there is no command '%s'", name);
    return 0;
}

static int do_info(struct call *call)
{
    const char *name = call_str(call, "name");

    if (name)
        return call_error(call, "there is no 'info %s'; 'help info' lists what there is", name);
    print_all(call, true);
    return 0;
}

static int do_history(struct call *call)
{
    const GPtrArray *lines = hmp_history(call->session);

    for (unsigned i = 0; lines && i < lines->len; i++)
        call_print(call, "%u: '%s'\n", i, (char *)lines->pdata[i]);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "qmp_capabilities", "?enable:[QMPCapability]", .flags = CMD_PRECONFIG, .run = do_capabilities },
    { "query-version", NULL, "VersionInfo", CMD_PRECONFIG, .run = do_version,
      .hmp = "info version", .print = print_version, .help = "the version of this program" },
    { "query-commands", NULL, "[CommandInfo]", CMD_PRECONFIG, .run = do_commands },
    { "query-qmp-schema", NULL, "[SchemaInfo]", CMD_PRECONFIG, .run = do_schema },
    { "human-monitor-command", "command-line:str ?cpu-index:int", "str", .run = do_hmp },

    { .hmp = "help|?", .line = "?name:rest", .params = "[command]", .run = do_help,
      .flags = CMD_PRECONFIG, .help = "say what a command does, or all" },
    { .hmp = "info", .line = "?name:rest", .params = "[subcommand]", .run = do_info,
      .flags = CMD_PRECONFIG,
      .help = "show what the machine is and does; 'help info' lists the subcommands" },
    { .hmp = "info history", .run = do_history, .flags = CMD_PRECONFIG,
      .help = "the lines typed so far" },
};

static const struct shape shapes[] = {
    ENUM("QMPCapability", "oob"),
    OBJECT("VersionTriple", "major:int minor:int micro:int"),
    OBJECT("VersionInfo", "qemu:VersionTriple package:str"),
    OBJECT("CommandInfo", "name:str"),

    ENUM("SchemaMetaType", "builtin enum array object alternate command event"),
    ENUM("JSONType", "string number int boolean null object array value"),
    UNION("SchemaInfo", "name:str meta-type:SchemaMetaType ?features:[str]", "meta-type",
          "builtin:SchemaInfoBuiltin enum:SchemaInfoEnum array:SchemaInfoArray "
          "object:SchemaInfoObject alternate:SchemaInfoAlternate command:SchemaInfoCommand "
          "event:SchemaInfoEvent"),
    OBJECT("SchemaInfoBuiltin", "json-type:JSONType"),
    OBJECT("SchemaInfoEnum", "members:[SchemaInfoEnumMember] values:[str]"),
    OBJECT("SchemaInfoEnumMember", "name:str ?features:[str]"),
    OBJECT("SchemaInfoArray", "element-type:str"),
    OBJECT("SchemaInfoObject",
           "members:[SchemaInfoObjectMember] ?tag:str ?variants:[SchemaInfoObjectVariant]"),
    OBJECT("SchemaInfoObjectMember", "name:str type:str ?default:any ?features:[str]"),
    OBJECT("SchemaInfoObjectVariant", "case:str type:str"),
    OBJECT("SchemaInfoAlternate", "members:[SchemaInfoAlternateMember]"),
    OBJECT("SchemaInfoAlternateMember", "type:str"),
    OBJECT("SchemaInfoCommand", "arg-type:str ret-type:str ?allow-oob:bool"),
    OBJECT("SchemaInfoEvent", "arg-type:str"),
};
// clang-format on

const struct command_table monitor_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
