/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor-schema - the tables of commands agree with themselves; arguments are checked as they say.
 */

#include <string.h>

#include <glib.h>

#include "monitor/command.h"
#include "monitor/line.h"
#include "monitor/schema.h"

/* ---- The tables ---- */

static json_t *named(json_t *schema, const char *name)
{
    size_t i;
    json_t *info, *found = NULL;

    json_array_foreach(schema, i, info)
    {
        if (strcmp(json_string_value(json_object_get(info, "name")), name))
            continue;
        if (found)
            g_error("'%s' is there twice", name);
        found = info;
    }
    return found;
}

static void is_type(json_t *schema, json_t *info, const char *key)
{
    const char *type = json_string_value(json_object_get(info, key));
    json_t *there = type ? named(schema, type) : NULL;

    if (!there || (!strcmp(json_string_value(json_object_get(there, "meta-type")), "object") &&
                   !json_object_get(there, "members")))
        g_error("%s: %s=%s is no type", json_string_value(json_object_get(info, "name")), key,
                type);
}

static void types_of(json_t *schema, json_t *list)
{
    size_t i;
    json_t *one;

    json_array_foreach(list, i, one) is_type(schema, one, "type");
}

/* Every type that is named is in the list, and is there once. */
static void test_closed(void)
{
    json_t *schema = schema_describe(), *info;
    size_t i;

    json_array_foreach(schema, i, info)
    {
        const char *meta = json_string_value(json_object_get(info, "meta-type"));

        named(schema, json_string_value(json_object_get(info, "name")));
        if (!strcmp(meta, "command") || !strcmp(meta, "event"))
            is_type(schema, info, "arg-type");
        if (!strcmp(meta, "command"))
            is_type(schema, info, "ret-type");
        if (!strcmp(meta, "array"))
            is_type(schema, info, "element-type");
        if (!strcmp(meta, "object") || !strcmp(meta, "alternate"))
            types_of(schema, json_object_get(info, "members"));
        types_of(schema, json_object_get(info, "variants"));
    }
    json_decref(schema);
}

/* The description is what it says of itself. */
static void test_itself(void)
{
    json_t *schema = schema_describe();
    char *error = schema_check_value("[SchemaInfo]", schema, "schema");

    g_assert_cmpstr(error, ==, NULL);
    json_decref(schema);
}

/* A type that no command reaches is a slip. */
static void test_used(void)
{
    json_t *schema = schema_describe();

    for (unsigned t = 0; t < n_command_tables; t++)
        for (unsigned i = 0; i < command_tables[t]->n_shapes; i++)
            if (!named(schema, command_tables[t]->shapes[i].name))
                g_error("%s is not used", command_tables[t]->shapes[i].name);
    json_decref(schema);
}

/* What HMP reads for a command that QMP has, too, are arguments of it, and all that it must have.
 */
static void test_lines(void)
{
    for (const struct command *c = NULL; (c = command_next(c));) {
        const char *at = c->line;
        struct member m;

        g_assert_true(c->name || c->hmp);
        g_assert_nonnull(c->run);
        if (!c->hmp)
            continue;
        if (!c->help)
            g_error("%s has no help", c->hmp);
        if (!at != !c->params)
            g_error("%s: line and params go together", c->hmp);
        while (c->name && member_next(&at, &m)) {
            char *name = g_strdup_printf("%.*s:", (int)m.name_len, m.name);

            if (!c->args || !strstr(c->args, name))
                g_error("%s: %s is no argument of %s", c->hmp, name, c->name);
            g_free(name);
        }
    }
}

static void test_names(void)
{
    for (const struct command *a = NULL; (a = command_next(a));)
        for (const struct command *b = a; (b = command_next(b));) {
            if (a->name && b->name)
                g_assert_cmpstr(a->name, !=, b->name);
            if (a->hmp && b->hmp)
                g_assert_cmpstr(a->hmp, !=, b->hmp);
        }
}

/* ---- Checking ---- */

static const struct {
    const char *command, *args, *error;
} checks[] = {
    { "stop", "{}", NULL },
    { "stop", "{'a': 1}", "Parameter 'a' is unexpected" },
    { "human-monitor-command", "{}", "Parameter 'command-line' is missing" },
    { "human-monitor-command", "{'command-line': 1}",
      "Invalid parameter type for 'command-line', expected: string" },
    { "human-monitor-command", "{'command-line': 'x', 'cpu-index': '1'}",
      "Invalid parameter type for 'cpu-index', expected: integer" },
    { "human-monitor-command", "{'command-line': 'x', 'cpu-index': null}",
      "Invalid parameter type for 'cpu-index', expected: integer" },
    { "set-action", "{'panic': 'pause'}", NULL },
    { "set-action", "{'panic': 'paus'}", "Parameter 'panic' does not accept value 'paus'" },
    { "qmp_capabilities", "{'enable': ['oob']}", NULL },
    { "qmp_capabilities", "{'enable': 'oob'}",
      "Invalid parameter type for 'enable', expected: array" },
    { "qmp_capabilities", "{'enable': ['x']}", "Parameter 'enable[0]' does not accept value 'x'" },
    { "chardev-add", "{'id': 'a', 'backend': {'type': 'file', 'data': {}}}",
      "Parameter 'backend.data.out' is missing" },
    { "chardev-add", "{'id': 'a', 'backend': {'type': 'file', 'data': {'out': 'x', 'b': 1}}}",
      "Parameter 'backend.data.b' is unexpected" },
    { "chardev-add", "{'id': 'a', 'backend': {'type': 'null', 'data': {}, 'x': {}}}",
      "Parameter 'backend.x' is unexpected" },
    { "chardev-add", "{'id': 'a', 'backend': {'type': 'null', 'data': []}}",
      "Invalid parameter type for 'backend.data', expected: object" },
    { "chardev-add",
      "{'id': 'a', 'backend': {'type': 'socket', 'data': {'addr': {'type': 'inet', 'data': "
      "{'host': 'h', 'port': '1', 'to': 65536}}}}}",
      "Parameter 'backend.data.addr.data.to' expects uint16" },
};

static void test_check(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(checks); i++) {
        char *text = g_strdelimit(g_strdup(checks[i].args), "'", '"');
        json_t *args = json_loads(text, 0, NULL);
        char *error = schema_check(command_find(checks[i].command), args);

        g_assert_nonnull(args);
        g_assert_cmpstr(error, ==, checks[i].error);
        g_free(error);
        json_decref(args);
        g_free(text);
    }
}

/* ---- HMP's lines ---- */

static const struct {
    const char *line, *command, *args; /* args: JSON, or "!" and the error */
} lines[] = {
    { "info status", "info status", "{}" },
    { "  info   status ", "info status", "{}" },
    { "q", "quit|q", "{}" },
    { "help info  status", "help|?", "{\"name\": \"info  status\"}" },
    { "x/4xb 0x10*2", "x", "{\"fmt\": \"4xb\", \"addr\": 32}" },
    { "x /2i (1+2)*3-1", "x", "{\"fmt\": \"2i\", \"addr\": 8}" },
    { "x", "x", "!argument addr is missing" },
    { "x 1 2", "x", "!'2' is too much" },
    { "p 'a' | 0x80", "print|p", "{\"val\": 225}" },
    { "p -1", "print|p", "{\"val\": -1}" },
    { "p ~0 % 7", "print|p", "{\"val\": -1}" },
    { "p 1 / (2 - 2)", "print|p", "!val: division by zero" },
    { "p 99999999999999999999", "print|p", "!val: the number is too large" },
    { "p 0x", "print|p", "!'x' is too much" },
    { "memsave 16 4 /tmp/a b", "memsave", "!'b' is too much" },
    { "memsave 16 4 \"/tmp/a b\"", "memsave",
      "{\"val\": 16, \"size\": 4, \"filename\": \"/tmp/a b\"}" },
    { "memsave 16 4 \"a", "memsave", "!a quotation mark is missing" },
    { "info registers -a", "info registers", "{\"all\": true}" },
    { "info registers 1", "info registers", "{\"cpu\": 1}" },
    { "trace-event a* on", "trace-event", "{\"name\": \"a*\", \"enable\": true}" },
    { "trace-event a* maybe", "trace-event", "!'maybe' is neither on nor off" },
    { "chardev-add file,id=a,path=b", "chardev-add",
      "{\"backend\": \"file\", \"id\": \"a\", \"path\": \"b\"}" },
};

static void test_line(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        const char *rest;
        const struct command *c = line_command(lines[i].line, &rest);
        json_t *args = NULL;
        char *error, *text;

        g_assert_nonnull(c);
        g_assert_cmpstr(c->hmp, ==, lines[i].command);
        error = line_args(NULL, 0, c, rest, &args);
        text = args ? json_dumps(args, 0) : g_strconcat("!", error, NULL);
        g_assert_cmpstr(text, ==, lines[i].args);
        g_free(error);
        free(text);
        json_decref(args);
    }
}

static void test_no_line(void)
{
    static const char *const none[] = { "", "  ", "nix", "quitt", "qq", "info_status" };
    const char *rest;

    for (unsigned i = 0; i < G_N_ELEMENTS(none); i++)
        g_assert_null(line_command(none[i], &rest));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/schema/every type is there, once", test_closed);
    g_test_add_func("/schema/describes itself", test_itself);
    g_test_add_func("/schema/every type is used", test_used);
    g_test_add_func("/tables/lines are of arguments", test_lines);
    g_test_add_func("/tables/no name twice", test_names);
    g_test_add_func("/schema/check", test_check);
    g_test_add_func("/line/arguments", test_line);
    g_test_add_func("/line/no command", test_no_line);
    return g_test_run();
}
