/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * schema - checking values against QMP's types, and describing those types.
 *
 * Reference: "QEMU QMP Reference Manual", query-qmp-schema and SchemaInfo.
 */

#include "monitor/schema.h"

#include <string.h>

#include "monitor/command.h"

/* ---- Lists ---- */

bool word_next(const char **at, const char **word, size_t *len)
{
    const char *p = *at ? *at + strspn(*at, " ") : "";

    *word = p;
    *len = strcspn(p, " ");
    *at = p + *len;
    return *len > 0;
}

bool member_next(const char **at, struct member *m)
{
    const char *word, *colon;
    size_t len;

    if (!word_next(at, &word, &len))
        return false;
    m->optional = *word == '?';
    m->name = word + m->optional;
    colon = memchr(word, ':', len);
    m->name_len = colon - m->name;
    m->type = colon + 1;
    m->type_len = word + len - m->type;
    return true;
}

bool args_are_named(const char *args)
{
    return args && !strchr(args, ':');
}

static bool is(const char *text, size_t len, const char *name)
{
    return strlen(name) == len && !memcmp(text, name, len);
}

/* ---- Built-in types ---- */

static const struct builtin {
    const char *name, *json; /* as the schema calls it */
    const char *expected;    /* as errors call it */
    json_int_t min, max;
} builtins[] = {
    { "str", "string", "string", 0, 0 },
    { "int", "int", "integer", INT64_MIN, INT64_MAX },
    { "int8", "int", "integer", INT8_MIN, INT8_MAX },
    { "int16", "int", "integer", INT16_MIN, INT16_MAX },
    { "int32", "int", "integer", INT32_MIN, INT32_MAX },
    { "int64", "int", "integer", INT64_MIN, INT64_MAX },
    { "uint8", "int", "integer", 0, UINT8_MAX },
    { "uint16", "int", "integer", 0, UINT16_MAX },
    { "uint32", "int", "integer", 0, UINT32_MAX },
    { "uint64", "int", "integer", 0, INT64_MAX },
    { "size", "int", "integer", 0, INT64_MAX },
    { "number", "number", "number", 0, 0 },
    { "bool", "boolean", "boolean", 0, 0 },
    { "null", "null", "null", 0, 0 },
    { "any", "value", "anything", 0, 0 },
};

static const struct builtin *builtin_find(const char *type, size_t len)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(builtins); i++)
        if (is(type, len, builtins[i].name))
            return &builtins[i];
    return NULL;
}

static bool is_json(const json_t *value, const char *json)
{
    switch (*json) {
    case 's': return json_is_string(value);
    case 'i': return json_is_integer(value);
    case 'b': return json_is_boolean(value);
    case 'v': return true;
    default: return json[2] == 'l' ? json_is_null(value) : json_is_number(value);
    }
}

/* ---- Checking ---- */

#define DEEPEST 16 /* shapes within shapes; what the tables hold is far less */

struct check {
    GString *path; /* "backend.data.addr" */
    char *error;
    unsigned depth;
};

static bool wrong(struct check *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    c->error = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return false;
}

static bool wrong_type(struct check *c, const char *expected)
{
    return wrong(c, "Invalid parameter type for '%s', expected: %s", c->path->str, expected);
}

static bool check_value(struct check *c, const char *type, size_t len, json_t *value);

static size_t push(struct check *c, const char *name, size_t len)
{
    size_t old = c->path->len;

    if (old && *name != '[')
        g_string_append_c(c->path, '.');
    g_string_append_len(c->path, name, len);
    return old;
}

static bool check_builtin(struct check *c, const struct builtin *b, json_t *value)
{
    if (!is_json(value, b->json))
        return wrong_type(c, b->expected);
    if (*b->json == 'i' &&
        (json_integer_value(value) < b->min || json_integer_value(value) > b->max))
        return wrong(c, "Parameter '%s' expects %s", c->path->str, b->name);
    return true;
}

static bool check_array(struct check *c, const char *type, size_t len, json_t *value)
{
    size_t i;
    json_t *item;

    if (!json_is_array(value))
        return wrong_type(c, "array");
    json_array_foreach(value, i, item)
    {
        char index[24];
        size_t old = push(c, index, g_snprintf(index, sizeof(index), "[%zu]", i));

        if (!check_value(c, type, len, item))
            return false;
        g_string_truncate(c->path, old);
    }
    return true;
}

static bool check_enum(struct check *c, const struct shape *s, json_t *value)
{
    const char *at = s->members, *word;
    size_t len;

    if (!json_is_string(value))
        return wrong_type(c, "string");
    while (word_next(&at, &word, &len))
        if (is(word, len, json_string_value(value)))
            return true;
    return wrong(c, "Parameter '%s' does not accept value '%s'", c->path->str,
                 json_string_value(value));
}

/* Members of one list that are there and right; how many of value's there were goes to *seen. */
static bool check_members(struct check *c, const char *members, json_t *value, size_t *seen)
{
    struct member m;

    while (member_next(&members, &m)) {
        json_t *v = json_object_getn(value, m.name, m.name_len);
        size_t old = push(c, m.name, m.name_len);

        if (!v && !m.optional)
            return wrong(c, "Parameter '%s' is missing", c->path->str);
        if (v && !check_value(c, m.type, m.type_len, v))
            return false;
        *seen += v != NULL;
        g_string_truncate(c->path, old);
    }
    return true;
}

static bool list_has(const char *members, const char *name)
{
    struct member m;

    while (member_next(&members, &m))
        if (is(m.name, m.name_len, name))
            return true;
    return false;
}

/* The shape that the tag's value adds, or NULL. */
static const struct shape *variant(const struct shape *s, json_t *value)
{
    const char *at = s->cases, *tag = text_of(value, s->tag);
    struct member m;

    while (tag && member_next(&at, &m))
        if (is(m.name, m.name_len, tag))
            return shape_find(m.type, m.type_len);
    return NULL;
}

static bool check_unexpected(struct check *c, const char *members, const struct shape *more,
                             json_t *value)
{
    const char *name;
    json_t *v;

    json_object_foreach(value, name, v)
    {
        if (list_has(members, name) || (more && list_has(more->members, name)))
            continue;
        push(c, name, strlen(name));
        return wrong(c, "Parameter '%s' is unexpected", c->path->str);
    }
    return true;
}

static bool check_object(struct check *c, const struct shape *s, json_t *value)
{
    const struct shape *more;
    size_t seen = 0;

    if (!json_is_object(value))
        return wrong_type(c, "object");
    if (!check_members(c, s->members, value, &seen))
        return false;
    more = s->tag ? variant(s, value) : NULL;
    if (more && !check_members(c, more->members, value, &seen))
        return false;
    return seen == json_object_size(value) || check_unexpected(c, s->members, more, value);
}

static bool check_shape(struct check *c, const char *type, size_t len, json_t *value)
{
    const struct shape *s = shape_find(type, len);

    if (!s)
        return wrong(c, "Parameter '%s' has an unknown type", c->path->str);
    return s->kind == SHAPE_ENUM ? check_enum(c, s, value) : check_object(c, s, value);
}

static bool check_value(struct check *c, const char *type, size_t len, json_t *value)
{
    const struct builtin *b = builtin_find(type, len);
    bool ok;

    if (b)
        return check_builtin(c, b, value);
    if (++c->depth > DEEPEST)
        return wrong(c, "Parameter '%s' is too deep", c->path->str);
    ok = *type == '[' ? check_array(c, type + 1, len - 2, value) : check_shape(c, type, len, value);
    c->depth--;
    return ok;
}

char *schema_check_value(const char *type, json_t *value, const char *name)
{
    struct check c = { .path = g_string_new(name) };

    check_value(&c, type, strlen(type), value);
    g_string_free(c.path, TRUE);
    return c.error;
}

char *schema_check(const struct command *command, json_t *args)
{
    struct check c = { .path = g_string_new(NULL) };
    size_t seen = 0;

    if (args_are_named(command->args))
        check_value(&c, command->args, strlen(command->args), args);
    else if (check_members(&c, command->args, args, &seen) && !(command->flags & CMD_FREE) &&
             seen != json_object_size(args))
        check_unexpected(&c, command->args, NULL, args);
    g_string_free(c.path, TRUE);
    return c.error;
}

/* ---- Describing ---- */

#define EMPTY "Empty" /* the type of nothing */

struct describe {
    json_t *all;
    GHashTable *known; /* names of types that are in all */
};

static void describe_type(struct describe *d, const char *type, size_t len);

static json_t *add(struct describe *d, const char *name, size_t len, const char *meta)
{
    json_t *info = json_pack("{s:s%, s:s}", "name", name, len, "meta-type", meta);

    json_array_append_new(d->all, info);
    return info;
}

static void describe_members(struct describe *d, json_t *info, const char *members)
{
    json_t *list = json_array();
    struct member m;

    json_object_set_new(info, "members", list);
    while (member_next(&members, &m)) {
        json_t *one =
            json_pack("{s:s%, s:s%}", "name", m.name, m.name_len, "type", m.type, m.type_len);

        if (m.optional)
            json_object_set_new(one, "default", json_null());
        json_array_append_new(list, one);
        describe_type(d, m.type, m.type_len);
    }
}

static void describe_enum(json_t *info, const struct shape *s)
{
    json_t *members = json_array(), *values = json_array();
    const char *at = s->members, *word;
    size_t len;

    while (word_next(&at, &word, &len)) {
        json_array_append_new(members, json_pack("{s:s%}", "name", word, len));
        json_array_append_new(values, json_stringn(word, len));
    }
    json_object_set_new(info, "members", members);
    json_object_set_new(info, "values", values);
}

/* The type of the tag's values. */
static const struct shape *tag_type(const struct shape *s)
{
    const char *at = s->members;
    struct member m;

    while (member_next(&at, &m))
        if (is(m.name, m.name_len, s->tag))
            return shape_find(m.type, m.type_len);
    return NULL;
}

static void describe_cases(struct describe *d, json_t *info, const struct shape *s)
{
    const struct shape *tag = tag_type(s);
    const char *at = tag ? tag->members : NULL, *word;
    json_t *list = json_array();
    size_t len;

    json_object_set_new(info, "tag", json_string(s->tag));
    json_object_set_new(info, "variants", list);
    while (word_next(&at, &word, &len)) {
        const char *cases = s->cases, *type = EMPTY;
        size_t type_len = strlen(EMPTY);
        struct member m;

        while (member_next(&cases, &m))
            if (m.name_len == len && !memcmp(m.name, word, len)) {
                type = m.type;
                type_len = m.type_len;
            }
        json_array_append_new(list,
                              json_pack("{s:s%, s:s%}", "case", word, len, "type", type, type_len));
        describe_type(d, type, type_len);
    }
}

static void describe_shape(struct describe *d, const struct shape *s)
{
    static const char *const meta[] = { "object", "enum" };
    json_t *info = add(d, s->name, strlen(s->name), meta[s->kind]);

    if (s->kind == SHAPE_ENUM)
        describe_enum(info, s);
    else
        describe_members(d, info, s->members);
    if (s->tag)
        describe_cases(d, info, s);
}

static void describe_type(struct describe *d, const char *type, size_t len)
{
    const struct builtin *b = builtin_find(type, len);
    char *name = g_strndup(type, len);

    if (!g_hash_table_add(d->known, name))
        return;
    if (b) {
        json_object_set_new(add(d, type, len, "builtin"), "json-type", json_string(b->json));
    } else if (*type == '[') {
        json_object_set_new(add(d, type, len, "array"), "element-type",
                            json_stringn(type + 1, len - 2));
        describe_type(d, type + 1, len - 2);
    } else if (shape_find(type, len)) {
        describe_shape(d, shape_find(type, len));
    } else {
        describe_members(d, add(d, type, len, "object"), NULL); /* EMPTY */
    }
}

/* The type of a command's or an event's arguments: a named one, or one made for it. */
static void describe_args(struct describe *d, json_t *info, const char *name, const char *args)
{
    char *type = args_are_named(args) ? g_strdup(args)
                 : args               ? g_strconcat(name, "-arg", NULL)
                                      : g_strdup(EMPTY);

    json_object_set_new(info, "arg-type", json_string(type));
    if (args && !args_are_named(args))
        describe_members(d, add(d, type, strlen(type), "object"), args);
    else
        describe_type(d, type, strlen(type));
    g_free(type);
}

static void describe_command(struct describe *d, const struct command *c)
{
    json_t *info = add(d, c->name, strlen(c->name), "command");
    const char *ret = c->ret ? c->ret : EMPTY, *marks = c->marks, *word;
    size_t len;

    describe_args(d, info, c->name, c->args);
    json_object_set_new(info, "ret-type", json_string(ret));
    describe_type(d, ret, strlen(ret));
    if (c->flags & CMD_OOB)
        json_object_set_new(info, "allow-oob", json_true());
    if (!marks)
        return;
    json_object_set_new(info, "features", json_array());
    while (word_next(&marks, &word, &len))
        json_array_append_new(json_object_get(info, "features"), json_stringn(word, len));
}

json_t *schema_describe(void)
{
    struct describe d = { json_array(),
                          g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL) };

    for (const struct command *c = NULL; (c = command_next(c));)
        if (c->name)
            describe_command(&d, c);
    for (unsigned t = 0; t < n_command_tables; t++)
        for (unsigned i = 0; i < command_tables[t]->n_events; i++) {
            const struct event_row *e = &command_tables[t]->events[i];

            describe_args(&d, add(&d, e->name, strlen(e->name), "event"), e->name, e->args);
        }
    g_hash_table_destroy(d.known);
    return d.all;
}
