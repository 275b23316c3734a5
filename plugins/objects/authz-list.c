/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* authz-list - rules that say who may come in. */

#include "authz-list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#define MAX_RULES 4096

struct rule {
    char *match;
    uint32_t policy;
    bool glob; /* match is a pattern with * and ? */
};

static const char *const policies[] = { "deny", "allow", NULL };
static const char *const formats[] = { "exact", "glob", NULL };

/* ---- Life, and use ---- */

static void rule_finish(void *arg)
{
    g_free(((struct rule *)arg)->match);
}

void list_finish(struct list *list)
{
    if (list->rules)
        g_array_free(list->rules, TRUE);
    list->rules = NULL;
}

static bool matches(const struct rule *rule, const char *identity)
{
    return rule->glob ? g_pattern_match_simple(rule->match, identity)
                      : !strcmp(rule->match, identity);
}

bool list_allows(const struct list *list, const char *identity)
{
    for (unsigned i = 0; list->rules && i < list->rules->len; i++) {
        const struct rule *rule = &g_array_index(list->rules, struct rule, i);

        if (matches(rule, identity))
            return rule->policy == POLICY_ALLOW;
    }
    return list->policy == POLICY_ALLOW;
}

/* ---- Rules, member by member ---- */

static struct rule *rule_at(struct list *list, unsigned n)
{
    if (!list->rules) {
        list->rules = g_array_new(FALSE, TRUE, sizeof(struct rule));
        g_array_set_clear_func(list->rules, rule_finish);
    }
    while (list->rules->len <= n) {
        struct rule none = { .policy = POLICY_NONE };

        g_array_append_val(list->rules, none);
    }
    return &g_array_index(list->rules, struct rule, n);
}

/* Which of two words it is, or -1. */
static int choice(const char *const *words, const char *word)
{
    return !strcmp(word, words[0]) ? 0 : !strcmp(word, words[1]) ? 1 : -1;
}

static char *set_member(struct list *list, unsigned n, const char *key, const char *value)
{
    struct rule *rule = rule_at(list, n);
    bool policy = !strcmp(key, "policy");
    const char *const *words = policy ? policies : formats;
    int which;

    if (!strcmp(key, "match")) {
        g_free(rule->match);
        rule->match = g_strdup(value);
        return NULL;
    }
    if (!policy && strcmp(key, "format"))
        return g_strdup_printf("rules.%u has no '%s': it takes match, policy and format", n, key);
    which = choice(words, value);
    if (which < 0)
        return g_strdup_printf("rules.%u.%s takes %s or %s, not '%s'", n, key, words[0], words[1],
                               value);
    if (policy)
        rule->policy = which;
    else
        rule->glob = which;
    return NULL;
}

static char *check(const struct list *list)
{
    for (unsigned i = 0; list->rules && i < list->rules->len; i++) {
        const struct rule *rule = &g_array_index(list->rules, struct rule, i);

        if (!rule->match || rule->policy == POLICY_NONE)
            return g_strdup_printf("rules.%u has no %s", i, rule->match ? "policy" : "match");
    }
    return NULL;
}

/* ---- Lines ---- */

static char *parse_line(struct list *list, char *line)
{
    char *key, *value = strchr(line, '=');
    unsigned long n = strtoul(line, &key, 10);

    if (!value || !g_ascii_isdigit(*line) || *key != '.' || n >= MAX_RULES)
        return g_strdup_printf("rules are rules.0.match= to rules.%u.match=, not rules.%.*s",
                               MAX_RULES - 1, (int)strcspn(line, "="), line);
    *value++ = 0;
    return set_member(list, n, key + 1, value);
}

char *list_parse(struct list *list, const char *lines)
{
    char **each = g_strsplit(lines ? lines : "", "\n", -1), *why = NULL;

    for (char **line = each; *line && !why; line++)
        if (**line)
            why = parse_line(list, *line);
    g_strfreev(each);
    return why ? why : check(list);
}

/* ---- Files ---- */

static char *read_rule(struct list *list, unsigned n, json_t *object)
{
    const char *key;
    char *why = NULL;
    json_t *value;

    rule_at(list, n);
    if (!json_is_object(object))
        return g_strdup_printf("rules.%u is no object", n);
    json_object_foreach(object, key, value)
    {
        if (why)
            continue;
        why = json_is_string(value) ? set_member(list, n, key, json_string_value(value))
                                    : g_strdup_printf("rules.%u.%s is no text", n, key);
    }
    return why;
}

static char *read_list(struct list *list, json_t *root)
{
    json_t *policy = json_object_get(root, "policy"), *rules = json_object_get(root, "rules");
    int which = policy
                    ? choice(policies, json_string_value(policy) ? json_string_value(policy) : "")
                    : POLICY_DENY;
    char *why = NULL;

    if (!json_is_object(root) || (rules && !json_is_array(rules)) ||
        json_object_size(root) != (size_t) !!policy + !!rules)
        return g_strdup("must be an object of policy and rules");
    if (which < 0)
        return g_strdup("policy takes deny or allow");
    if (json_array_size(rules) > MAX_RULES)
        return g_strdup_printf("has more than %u rules", MAX_RULES);
    list->policy = which;
    for (unsigned i = 0; i < json_array_size(rules) && !why; i++)
        why = read_rule(list, i, json_array_get(rules, i));
    return why ? why : check(list);
}

char *list_load(struct list *list, const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    char *why = root             ? read_list(list, root)
                : error.line < 0 ? g_strdup(g_strerror(errno))
                                 : g_strdup_printf("line %d: %s", error.line, error.text);

    json_decref(root);
    return why;
}
