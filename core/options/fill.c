/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fill - puts keys and values into a configuration's groups, as the table of groups allows. */

#include "options/config.h"

#include <errno.h>
#include <string.h>

#include "report.h"

#define MOST_LISTED 12

static struct config_group *group_add(struct config *config, const char *kind, const char *id,
                                      const char *from)
{
    struct config_group *group = g_new0(struct config_group, 1);

    group->kind = kind;
    group->id = id ? config_text(config, id) : NULL;
    group->from = config_text(config, from);
    group->index = config->groups->len;
    g_ptr_array_add(config->groups, group);
    return group;
}

static int check_id(const char *id, const char *from)
{
    if (id_is_wellformed(id))
        return 0;
    report(from,
           "id \"%s\" must begin with a letter and go on with letters, digits, '-', '.' and '_', "
           "%d at most",
           id, MAX_ID);
    return -EINVAL;
}

struct config_group *fill_begin(struct config *config, const struct opt_group *kind, const char *id,
                                const char *from)
{
    if (id && !(kind->flags & IDS)) {
        report(from, "takes no id");
        return NULL;
    }
    if (id && check_id(id, from) < 0)
        return NULL;
    if (kind->flags & MERGE) {
        const struct config_group *there = config_find(config, kind->kind, NULL);

        if (there)
            return config->groups->pdata[there->index];
    }
    return group_add(config, kind->kind, id, from);
}

/* Puts a key in the place of its former value; keys that are lists stand beside each other. */
static void put(struct config *config, struct config_group *group, bool list, const char *key,
                const char *value, const char *from)
{
    struct config_opt *opt = NULL;

    for (unsigned i = 0; i < group->n_opts && !list; i++)
        if (strcmp(group->opts[i].key, key) == 0)
            opt = &group->opts[i];
    if (!opt) {
        if ((group->n_opts & (group->n_opts - 1)) == 0) /* full at each power of two */
            group->opts = g_renew(struct config_opt, group->opts, MAX(4, group->n_opts * 2));
        opt = &group->opts[group->n_opts++];
        opt->key = config_text(config, key);
    }
    opt->value = config_text(config, value);
    opt->from = strcmp(group->from, from) == 0 ? group->from : config_text(config, from);
}

/* What a key may be, so that it can be written to a file and read again: a line that begins with a
 * bracket would be a group. */
static bool key_is_wellformed(const char *key)
{
    return *key && *key != '[' &&
           strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                       "-_.:+/@[]") == strlen(key);
}

/* The keys there are, when they are few enough to be read. */
static char *known_keys(const struct opt_group *kind)
{
    GString *all = g_string_new(NULL);

    for (unsigned i = 0; i < kind->n_keys && kind->n_keys <= MOST_LISTED; i++)
        if (!(kind->keys[i].flags & (ALIAS | PART)))
            g_string_append_printf(all, "%s%s", all->len ? ", " : "; there are ",
                                   kind->keys[i].name);
    return g_string_free(all, FALSE);
}

static int unknown_key(const struct opt_group *kind, const char *key, const char *from)
{
    const char *near = nearest_name(key, kind->keys, kind->n_keys, key_name_at);
    char *all = known_keys(kind);

    if (kind->flags & FREE)
        report(from, "a key is made of letters, digits and -_.:+/@[] (no [ at first), not \"%s\"",
               key);
    else if (near)
        report(from, "no key \"%s\"; did you mean %s?", key, near);
    else
        report(from, "no key \"%s\"%s", key, all);
    g_free(all);
    return -EINVAL;
}

/* "smp.cpus" of [machine] is "cpus" of [smp-opts]; NULL if key is no such part. */
static const struct opt_key *part_of(const struct opt_group *kind, const char *key)
{
    for (unsigned i = 0; i < kind->n_keys; i++)
        if ((kind->keys[i].flags & PART) && g_str_has_prefix(key, kind->keys[i].name))
            return &kind->keys[i];
    return NULL;
}

static int fill_part(struct config *config, const struct opt_key *part, const char *key,
                     const char *value, const char *from)
{
    const struct opt_group *kind = opt_group_find(part->values);

    return fill_key(config, kind, fill_begin(config, kind, NULL, from), key + strlen(part->name),
                    value, from);
}

int fill_key(struct config *config, const struct opt_group *kind, struct config_group *group,
             const char *key, const char *value, const char *from)
{
    const struct opt_key *known = opt_key_find(kind, key), *part = NULL;

    if ((kind->flags & IDS) && strcmp(key, "id") == 0) {
        if (check_id(value, from) < 0)
            return -EINVAL;
        group->id = config_text(config, value);
        return 0;
    }
    if (!known && (part = part_of(kind, key)))
        return fill_part(config, part, key, value, from);
    if (!known && (!(kind->flags & FREE) || !key_is_wellformed(key)))
        return unknown_key(kind, key, from);
    if (known)
        key = known->name; /* not an alias */
    if (known && !value_fits(known, value)) {
        char *wanted = value_wanted(known);

        report(from, "%s must be %s, not \"%s\"", key, wanted, value);
        g_free(wanted);
        return -EINVAL;
    }
    if (known && known->type == KEY_MEGS && g_ascii_isdigit(value[strlen(value) - 1])) {
        char *megs = g_strconcat(value, "M", NULL);

        put(config, group, false, key, megs, from);
        g_free(megs);
        return 0;
    }
    put(config, group, known && (known->flags & LIST), key, value, from);
    return 0;
}

int fill_word(struct config *config, const struct opt_group *kind, struct config_group *group,
              bool first, const char *word, const char *from)
{
    const struct opt_key *key;

    if (first && (kind->flags & IMPLIED))
        return fill_key(config, kind, group, kind->keys[0].name, word, from);
    key = opt_key_find(kind, word);
    if (key && key->type != KEY_BOOL && !values_have(key->values, "on") &&
        !values_have(key->later, "on")) {
        char *wanted = value_wanted(key);

        report(from, "%s needs a value: %s=%s", word, word, wanted);
        g_free(wanted);
        return -EINVAL;
    }
    if (!key && g_str_has_prefix(word, "no")) {
        const struct opt_key *off = opt_key_find(kind, word + 2);

        if (off && off->type == KEY_BOOL)
            return fill_key(config, kind, group, off->name, "off", from);
    }
    return fill_key(config, kind, group, word, "on", from);
}

int fill_params(struct config *config, const struct opt_group *kind, struct config_group *group,
                const char *params, const char *from)
{
    GString *word = g_string_new(NULL);
    bool first = true;
    int ret = 0;

    do {
        size_t eq = 0;

        g_string_truncate(word, 0);
        for (; *params && (*params != ',' || params[1] == ','); params++) {
            if (*params == ',')
                params++;
            if (*params == '=' && !eq)
                eq = word->len + 1;
            g_string_append_c(word, *params);
        }
        params += *params == ',';
        if (eq) {
            word->str[eq - 1] = '\0';
            ret |= fill_key(config, kind, group, word->str, word->str + eq, from);
        } else {
            ret |= fill_word(config, kind, group, first, word->str, from);
        }
        first = false;
    } while (*params);
    g_string_free(word, TRUE);
    return ret ? -EINVAL : 0;
}

static int check_id_free(const struct config *config, const struct config_group *group)
{
    const struct config_group *other = config_find(config, group->kind, group->id);

    if (other == group)
        return 0;
    report(group->from, "id \"%s\" is taken by %s", group->id, other->from);
    return -EINVAL;
}

static int check_count(const struct config *config, const struct opt_group *kind,
                       const struct config_group *group)
{
    unsigned n = 0;

    for (const struct config_group *g = NULL; (g = config_next(config, kind->kind, g));)
        n++;
    if (!kind->max || n <= kind->max)
        return 0;
    report(group->from, "there can be %u at most", kind->max);
    return -EINVAL;
}

int fill_end(struct config *config, const struct opt_group *kind, struct config_group *group)
{
    const char *first = kind->n_keys ? kind->keys[0].name : NULL;

    if ((kind->flags & NEED) && !*group_string(group, first, "")) {
        report(group->from, "%s= is missing", first);
        return -EINVAL;
    }
    if ((kind->flags & NEED_ID) && !group->id) {
        report(group->from, "id= is missing");
        return -EINVAL;
    }
    if (group->id && check_id_free(config, group) < 0)
        return -EINVAL;
    return check_count(config, kind, group);
}
