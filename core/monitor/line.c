/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * line - HMP's lines: finding the command, and reading its arguments.
 *
 * Kinds of arguments, in command->line ("NAME:KIND ?NAME:KIND", "?" if it may be left out):
 *
 *     num                  an expression: expr.c
 *     size, megs           a number with a unit; megs counts MiB without one
 *     time                 seconds, or with ms, us or ns
 *     bool                 on or off
 *     a|b|c                one of these words
 *     -x                   whether the flag -x is given
 *     fmt                  "/" and a format, right behind the command or after a blank
 *     rest                 all that follows
 *     opts.KEY             WORD[,key=value...]: WORD is KEY's value; all are strings
 *     any other            a word, in quotes if it has blanks; the kind says how it is completed
 */

#include "monitor/line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/command.h"
#include "monitor/expr.h"
#include "monitor/schema.h"
#include "options/options.h"

/* ---- Which command ---- */

bool name_next(const char **at, const char **name, size_t *len)
{
    if (!*at || !**at)
        return false;
    *name = *at;
    *len = strcspn(*at, "|");
    *at += *len + ((*at)[*len] == '|');
    return true;
}

/* How much of the line the words of a name are, 0 if it begins otherwise. */
static size_t matches(const char *line, const char *name, size_t len)
{
    const char *at = line;

    for (const char *end = name + len; name < end; name++) {
        if (*name == ' ' && *at == ' ')
            at += strspn(at, " ");
        else if (*at++ != *name)
            return 0;
    }
    return !*at || *at == ' ' || *at == '/' ? at - line : 0;
}

const struct command *line_command(const char *line, const char **rest)
{
    const struct command *found = NULL;
    size_t longest = 0;

    line += strspn(line, " ");
    for (const struct command *c = NULL; (c = command_next(c));) {
        const char *at = c->hmp, *name;
        size_t len;

        while (name_next(&at, &name, &len)) {
            size_t n = matches(line, name, len);

            if (n <= longest)
                continue;
            found = c;
            longest = n;
        }
    }
    *rest = line + longest;
    return found;
}

/* ---- Arguments ---- */

struct reading {
    struct machine *m;
    int cpu;
    const char *at;
    const struct member *member;
    char *error;
};

static json_t *fail(struct reading *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    r->error = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return NULL;
}

static bool kind_is(const struct member *m, const char *kind)
{
    return strlen(kind) == m->type_len && !memcmp(m->type, kind, m->type_len);
}

/* A word, with quotes and backslashes taken off. */
static char *word(struct reading *r)
{
    GString *out = g_string_new(NULL);
    char quote = 0;

    for (; *r->at && (quote || *r->at != ' '); r->at++) {
        if (*r->at == '\\' && r->at[1] && quote)
            g_string_append_c(out, *++r->at);
        else if (*r->at == quote || (!quote && *r->at == '"'))
            quote = quote ? 0 : *r->at;
        else
            g_string_append_c(out, *r->at);
    }
    if (quote)
        fail(r, "a quotation mark is missing");
    return g_string_free(out, FALSE);
}

static json_t *read_number(struct reading *r)
{
    int64_t value;
    char *error = expr_read(r->m, r->cpu, &r->at, &value);

    if (!error)
        return json_integer(value);
    fail(r, "%.*s: %s", (int)r->member->name_len, r->member->name, error);
    g_free(error);
    return NULL;
}

static json_t *read_size(struct reading *r, const char *text)
{
    bool bare = *text && strspn(text, "0123456789") == strlen(text);
    char *full = bare && kind_is(r->member, "megs") ? g_strconcat(text, "M", NULL) : g_strdup(text);
    uint64_t value;
    int err = parse_size(full, &value);

    g_free(full);
    if (err || value > INT64_MAX)
        return fail(r, "'%s' is no size", text);
    return json_integer(value);
}

static json_t *read_time(struct reading *r, const char *text)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = { { "", 1 }, { "s", 1 }, { "ms", 1e-3 }, { "us", 1e-6 }, { "ns", 1e-9 } };
    char *end;
    double value = g_ascii_strtod(text, &end);

    for (unsigned i = 0; end > text && i < G_N_ELEMENTS(units); i++)
        if (!strcmp(end, units[i].unit))
            return json_real(value * units[i].seconds);
    return fail(r, "'%s' is no time", text);
}

static json_t *read_bool(struct reading *r, const char *text)
{
    bool value;

    return parse_bool(text, &value) ? fail(r, "'%s' is neither on nor off", text)
                                    : json_boolean(value);
}

static json_t *read_choice(struct reading *r, const char *text)
{
    const struct member *m = r->member;
    char *all = g_strndup(m->type, m->type_len);
    const char *at = all, *name;
    bool found = false;
    size_t len;

    while (name_next(&at, &name, &len))
        found |= len == strlen(text) && !memcmp(name, text, len);
    if (!found)
        fail(r, "'%s' is none of %s", text, all);
    g_free(all);
    return found ? json_string(text) : NULL;
}

static json_t *read_word(struct reading *r)
{
    const struct member *m = r->member;
    char *text = word(r);
    json_t *value;

    if (r->error)
        value = NULL;
    else if (kind_is(m, "size") || kind_is(m, "megs"))
        value = read_size(r, text);
    else if (kind_is(m, "time"))
        value = read_time(r, text);
    else if (kind_is(m, "bool"))
        value = read_bool(r, text);
    else if (memchr(m->type, '|', m->type_len))
        value = read_choice(r, text);
    else
        value = json_string(text);
    if (!value && !r->error)
        fail(r, "'%s' is no text", text);
    g_free(text);
    return value;
}

static json_t *read_rest(struct reading *r)
{
    char *text = g_strchomp(g_strdup(r->at));
    json_t *value = json_string(text);

    r->at += strlen(r->at);
    g_free(text);
    return value ? value : fail(r, "the line is no text");
}

/* The next of "a,b=c,,d": two commas are one that is meant. */
static char *next_item(const char **at)
{
    GString *item = g_string_new(NULL);

    for (; **at && (**at != ',' || (*at)[1] == ','); (*at)++) {
        *at += **at == ',';
        g_string_append_c(item, **at);
    }
    *at += **at == ',';
    return g_string_free(item, FALSE);
}

/* "key=value"; "key" and "nokey" switch on and off; first is the key of the first word, or NULL. */
static void read_item(struct reading *r, json_t *args, char *item, const char *first)
{
    char *equals = strchr(item, '=');
    const char *key = strcmp(item, "?") ? item : "help", *value = "on";

    if (equals) {
        *equals = '\0';
        value = equals + 1;
    } else if (first) {
        value = key;
        key = first;
    } else if (g_str_has_prefix(key, "no")) {
        key += strlen("no");
        value = "off";
    }
    if (json_object_set_new(args, key, json_string(value)))
        fail(r, "the line is no text");
}

/* "driver,key=value": each becomes an argument. */
static bool read_opts(struct reading *r, json_t *args)
{
    char *text = word(r);
    const char *at = text, *key = r->member->type + strlen("opts.");
    char *first = g_strndup(key, r->member->type + r->member->type_len - key);

    while (*at && !r->error) {
        bool is_first = at == text;
        char *item = next_item(&at);

        read_item(r, args, item, is_first ? first : NULL);
        g_free(item);
    }
    g_free(first);
    g_free(text);
    return !r->error;
}

/* "/10i"; NULL: there is none. */
static json_t *read_format(struct reading *r)
{
    size_t len = strcspn(r->at, " ");
    json_t *value;

    if (*r->at != '/')
        return NULL;
    value = json_stringn(r->at + 1, len - 1);
    r->at += len;
    return value;
}

static bool takes_flag(struct reading *r)
{
    const struct member *m = r->member;

    if (strncmp(r->at, m->type, m->type_len) || (r->at[m->type_len] && r->at[m->type_len] != ' '))
        return false;
    r->at += m->type_len;
    return true;
}

static bool read_one(struct reading *r, json_t *args)
{
    const struct member *m = r->member;
    json_t *value;

    r->at += strspn(r->at, " ");
    if (*m->type == '-') {
        value = takes_flag(r) ? json_true() : NULL;
    } else if (kind_is(m, "fmt")) {
        value = read_format(r);
    } else if (!*r->at && m->optional) {
        return true;
    } else if (!*r->at) {
        fail(r, "argument %.*s is missing", (int)m->name_len, m->name);
        return false;
    } else if (!strncmp(m->type, "opts.", 5)) {
        return read_opts(r, args);
    } else {
        value = kind_is(m, "num")    ? read_number(r)
                : kind_is(m, "rest") ? read_rest(r)
                                     : read_word(r);
    }
    if (value)
        json_object_setn_new(args, m->name, m->name_len, value);
    return !r->error;
}

char *line_args(struct machine *m, int cpu, const struct command *command, const char *text,
                json_t **args)
{
    struct reading r = { .m = m, .cpu = cpu, .at = text };
    const char *at = command->line;
    struct member member;

    r.member = &member;
    *args = json_object();
    while (!r.error && member_next(&at, &member))
        read_one(&r, *args);
    r.at += strspn(r.at, " ");
    if (!r.error && *r.at)
        fail(&r, "'%s' is too much", r.at);
    if (r.error)
        g_clear_pointer(args, json_decref);
    return r.error;
}
