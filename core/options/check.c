/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check - names what a configuration asks for and this build does not do yet. */

#include "options/config.h"

#include <errno.h>
#include <string.h>

#include "report.h"

struct check {
    const struct options_host *host;
    bool accel; /* some accelerator is there, others need not be */
};

enum state { THERE, NOT_YET, UNKNOWN };

static enum state name_state(const struct check *c, const char *kind, const struct opt_key *key,
                             const char *name)
{
    if (values_have(key->values, name) || (c->host && c->host->have(c->host->arg, kind, name)))
        return THERE;
    if (values_have(key->later, name))
        return NOT_YET;
    return c->host || (key->values && *key->values) ? UNKNOWN : THERE;
}

/* The best of "kvm:tcg". */
static enum state accel_state(const struct check *c, const struct opt_key *key, const char *names)
{
    char **each = g_strsplit(names, ":", -1);
    enum state best = UNKNOWN;

    for (unsigned i = 0; each[i]; i++)
        best = MIN(best, name_state(c, "accel", key, each[i]));
    g_strfreev(each);
    return best;
}

static enum state dev_state(const struct check *c, const char *dev)
{
    const struct opt_group *chardev = opt_group_find("chardev");
    char *backend = dev_backend(dev);
    bool there = values_have("none|chardev", backend) ||
                 name_state(c, "chardev", &chardev->keys[0], backend) == THERE;

    g_free(backend);
    return there ? THERE : NOT_YET;
}

static enum state opt_state(const struct check *c, const struct opt_group *kind,
                            const struct opt_key *key, const char *value)
{
    bool on = strcmp(value, "none") != 0; /* what is not there is off, or none */

    switch (key->type) {
    case KEY_NAME: return name_state(c, kind->kind, key, value);
    case KEY_ACCEL: return c->accel ? THERE : accel_state(c, key, value);
    case KEY_DEV: return dev_state(c, value);
    case KEY_BOOL: parse_bool(value, &on); break;
    default: break;
    }
    return (key->flags & LATER && on) || values_have(key->later, value) ? NOT_YET : THERE;
}

static void report_unknown(const struct check *c, const char *kind, const struct opt_key *key,
                           const char *name, const char *from)
{
    char *all = g_strconcat(key->values ? key->values : "", "|", key->later, NULL);
    char **names = g_strsplit(all, "|", -1);
    const char *near = nearest_name(name, names, g_strv_length(names), string_at);

    if (c->host && c->host->missing(c->host->arg, kind, name, from))
        ;
    else if (near)
        report(from, "there is no %s \"%s\"; did you mean %s?", kind, name, near);
    else
        report(from, "there is no %s \"%s\"", kind, name);
    g_strfreev(names);
    g_free(all);
}

/* Whether an option as typed is enough to see which key is meant; a line of a file is not. */
static bool says_it(const char *from, bool first)
{
    return *from == '-' && (first || !strchr(from, ','));
}

/* A key that is not in the table is the plugin's business, if the group names one. */
static bool check_free(const struct opt_group *kind, const struct config_group *group,
                       const struct config_opt *opt)
{
    const char *name = group_string(group, kind->keys[0].name, "");
    const char *near;

    if (!values_have(kind->keys[0].values, name) || opt_key_find(kind, opt->key))
        return true;
    near = nearest_name(opt->key, kind->keys, kind->n_keys, key_name_at);
    if (near)
        report(opt->from, "%s has no key \"%s\"; did you mean %s?", name, opt->key, near);
    else
        report(opt->from, "%s has no key \"%s\"", name, opt->key);
    return false;
}

/* Checks one key; true if all is well. */
static bool check_opt(const struct check *c, const struct opt_group *kind,
                      const struct config_opt *opt)
{
    const struct opt_key *key = opt_key_find(kind, opt->key);
    enum state state = key ? opt_state(c, kind, key, opt->value) : THERE;

    if (state == UNKNOWN)
        report_unknown(c, kind->kind, key, opt->value, opt->from);
    else if (state == NOT_YET && says_it(opt->from, key == kind->keys))
        report(opt->from, "not in this build yet");
    else if (state == NOT_YET)
        report(opt->from, "%s=%s: not in this build yet", opt->key, opt->value);
    return state == THERE;
}

static bool check_group(const struct check *c, const struct config_group *group)
{
    const struct opt_group *kind = opt_group_find(group->kind);
    bool good = true;
    const char *gone = NULL; /* the option of which nothing is there: its other keys go unsaid */

    if (kind->flags & LATER) {
        report(group->from, "not in this build yet");
        return false;
    }
    for (unsigned i = 0; i < group->n_opts; i++) {
        const struct config_opt *opt = &group->opts[i];

        if (gone && strcmp(gone, opt->from) == 0)
            continue;
        if (check_opt(c, kind, opt)) {
            good &= !(kind->flags & FREE) || check_free(kind, group, opt);
            continue;
        }
        good = false;
        if (strcmp(opt->key, kind->keys[0].name) != 0)
            continue;
        gone = opt->from;
        if (!(kind->flags & MERGE))
            break;
    }
    return good;
}

/* Whether -accel or -machine accel= names one that is there. */
static bool have_accel(const struct check *c, const struct config *config)
{
    const struct opt_key *key = opt_key_find(opt_group_find("accel"), "accel");
    const struct config_group *group = NULL;

    while ((group = config_next(config, NULL, group))) {
        const char *names = group_string(group, "accel", NULL);

        if (names && values_have("accel|machine", group->kind) &&
            accel_state(c, key, names) == THERE)
            return true;
    }
    return false;
}

int options_check(const struct config *config, const struct options_host *host)
{
    struct check c = { .host = host };
    bool good = true;

    c.accel = have_accel(&c, config);
    for (const struct config_group *group = NULL; (group = config_next(config, NULL, group));)
        good &= check_group(&c, group);
    return good ? 0 : -ENOTSUP;
}

int options_check_name(const char *kind, const char *name, const char *where,
                       const struct options_host *host)
{
    const struct opt_key *key = opt_group_find(kind)->keys;
    struct check c = { .host = host };
    enum state state = name_state(&c, kind, key, name);

    if (state == NOT_YET)
        report(where, "not in this build yet");
    else if (state == UNKNOWN)
        report_unknown(&c, kind, key, name, where);
    return state == THERE ? 0 : -ENOTSUP;
}
