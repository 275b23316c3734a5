/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* json - an option's value as a JSON object: its members become keys, nested ones a.b and a.0. */

#include "options/config.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "report.h"

#define DEEPEST 32

/* Strings may stand in single quotes, as QEMU allows; JSON knows only double ones. */
static GString *double_quotes(const char *json)
{
    GString *out = g_string_sized_new(strlen(json) + 16);
    char quote = 0;

    for (; *json; json++) {
        if (*json == '\\' && quote && json[1]) {
            json++;
            if (*json != '\'')
                g_string_append_c(out, '\\');
            g_string_append_c(out, *json);
        } else if (*json == quote || (!quote && (*json == '\'' || *json == '"'))) {
            quote = quote ? 0 : *json;
            g_string_append_c(out, '"');
        } else {
            g_string_append(out, *json == '"' ? "\\\"" : (char[]){ *json, 0 });
        }
    }
    return out;
}

struct filling {
    struct config *config;
    const struct opt_group *kind;
    struct config_group *group;
    const char *from;
};

static int fill_value(const struct filling *to, GString *key, const json_t *value, unsigned depth);

static int fill_member(const struct filling *to, GString *key, const char *name,
                       const json_t *value, unsigned depth)
{
    size_t len = key->len;
    int ret;

    if (len)
        g_string_append_c(key, '.');
    g_string_append(key, name);
    ret = fill_value(to, key, value, depth + 1);
    g_string_truncate(key, len);
    return ret;
}

static int fill_scalar(const struct filling *to, const char *key, const json_t *value)
{
    char number[32];
    const char *text = "";

    switch (json_typeof(value)) {
    case JSON_STRING: text = json_string_value(value); break;
    case JSON_TRUE: text = "on"; break;
    case JSON_FALSE: text = "off"; break;
    case JSON_INTEGER:
        g_snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        text = number;
        break;
    case JSON_REAL: text = g_ascii_dtostr(number, sizeof number, json_real_value(value)); break;
    default: break; /* null: no value */
    }
    return fill_key(to->config, to->kind, to->group, key, text, to->from);
}

/* A key that may be repeated takes an array as so many values, bare or as {"str": VALUE}. */
static bool is_list(const struct opt_group *kind, const char *name)
{
    const struct opt_key *key = opt_key_find(kind, name);

    return key && (key->flags & LIST);
}

static int fill_value(const struct filling *to, GString *key, const json_t *value, unsigned depth)
{
    const char *name;
    json_t *member;
    size_t i;
    int ret = 0;

    if (depth > DEEPEST) {
        report(to->from, "JSON deeper than %d levels", DEEPEST);
        return -EINVAL;
    }
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, member) ret |=
            fill_member(to, key, name, member, depth);
    } else if (json_is_array(value) && is_list(to->kind, key->str)) {
        json_array_foreach(value, i, member)
        {
            const json_t *str = json_object_get(member, "str");

            ret |= fill_value(to, key, str ? str : member, depth + 1);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, member)
        {
            char number[24];

            g_snprintf(number, sizeof number, "%zu", i);
            ret |= fill_member(to, key, number, member, depth);
        }
    } else {
        return fill_scalar(to, key->str, value);
    }
    return ret ? -EINVAL : 0;
}

int fill_json(struct config *config, const struct opt_group *kind, struct config_group *group,
              const char *json, const char *from)
{
    GString *text = double_quotes(json), *key = g_string_new(NULL);
    json_error_t error;
    json_t *root = json_loads(text->str, JSON_REJECT_DUPLICATES, &error);
    int ret = -EINVAL;

    if (json_is_object(root))
        ret = fill_value(&(struct filling){ config, kind, group, from }, key, root, 0);
    else
        report(from, "bad JSON at column %d: %s", error.column, error.text);
    json_decref(root);
    g_string_free(text, TRUE);
    g_string_free(key, TRUE);
    return ret;
}

struct config *json_config(const char *kind, const char *json, const char *from)
{
    const struct opt_group *group_kind = opt_group_find(kind);
    struct config *config = config_create();
    struct config_group *group = fill_begin(config, group_kind, NULL, from);

    if (!fill_json(config, group_kind, group, json, from) && !fill_end(config, group_kind, group))
        return config;
    config_destroy(config);
    return NULL;
}
