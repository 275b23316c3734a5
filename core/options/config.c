/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config - groups of keys and values, in order, and typed looks at them. */

#include "options/config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "report.h"

static void group_free(void *data)
{
    struct config_group *group = data;

    g_free(group->opts);
    g_free(group);
}

struct config *config_create(void)
{
    struct config *config = g_new(struct config, 1);

    config->groups = g_ptr_array_new_with_free_func(group_free);
    config->texts = g_string_chunk_new(4096);
    return config;
}

void config_destroy(struct config *config)
{
    if (!config)
        return;
    g_ptr_array_free(config->groups, TRUE);
    g_string_chunk_free(config->texts);
    g_free(config);
}

const char *config_text(struct config *config, const char *text)
{
    return g_string_chunk_insert(config->texts, text);
}

const char *config_text_n(struct config *config, const char *text, size_t len)
{
    return g_string_chunk_insert_len(config->texts, text, len);
}

const struct config_group *config_next(const struct config *config, const char *kind,
                                       const struct config_group *after)
{
    for (unsigned i = after ? after->index + 1 : 0; i < config->groups->len; i++) {
        const struct config_group *group = config->groups->pdata[i];

        if (!kind || strcmp(group->kind, kind) == 0)
            return group;
    }
    return NULL;
}

const struct config_group *config_find(const struct config *config, const char *kind,
                                       const char *id)
{
    const struct config_group *group = NULL;

    while ((group = config_next(config, kind, group)))
        if (!id || (group->id && strcmp(group->id, id) == 0))
            return group;
    return NULL;
}

static const struct config_opt *group_find(const struct config_group *group, const char *key)
{
    for (unsigned i = group ? group->n_opts : 0; i-- > 0;)
        if (strcmp(group->opts[i].key, key) == 0)
            return &group->opts[i];
    return NULL;
}

const char *group_string(const struct config_group *group, const char *key, const char *fallback)
{
    const struct config_opt *opt = group_find(group, key);

    return opt ? opt->value : fallback;
}

const char *group_from(const struct config_group *group, const char *key)
{
    const struct config_opt *opt = group_find(group, key);

    return opt ? opt->from : group->from;
}

int group_bool(const struct config_group *group, const char *key, bool *value)
{
    const struct config_opt *opt = group_find(group, key);

    if (!opt || parse_bool(opt->value, value) == 0)
        return 0;
    report(opt->from, "%s must be on or off, not \"%s\"", key, opt->value);
    return -EINVAL;
}

int group_number(const struct config_group *group, const char *key, int64_t min, int64_t max,
                 int64_t *value)
{
    const struct config_opt *opt = group_find(group, key);
    int64_t n;

    if (!opt)
        return 0;
    if (parse_number(opt->value, &n) < 0 || n < min || n > max) {
        report(opt->from, "%s must be a number from %" PRId64 " to %" PRId64 ", not \"%s\"", key,
               min, max, opt->value);
        return -EINVAL;
    }
    *value = n;
    return 0;
}

int group_size(const struct config_group *group, const char *key, uint64_t min, uint64_t max,
               uint64_t *value)
{
    const struct config_opt *opt = group_find(group, key);
    uint64_t n;

    if (!opt)
        return 0;
    if (parse_size(opt->value, &n) < 0 || n < min || n > max) {
        report(opt->from, "%s must be a size from %" PRIu64 " to %" PRIu64 " bytes, not \"%s\"",
               key, min, max, opt->value);
        return -EINVAL;
    }
    *value = n;
    return 0;
}

const char *string_at(const void *names, unsigned i)
{
    return ((const char *const *)names)[i];
}

int group_allow(const struct config_group *group, const char *const *keys)
{
    int ret = 0;

    for (unsigned i = 0; group && i < group->n_opts; i++) {
        const struct config_opt *opt = &group->opts[i];
        const char *near;

        if (g_strv_contains(keys, opt->key))
            continue;
        near = nearest_name(opt->key, keys, g_strv_length((char **)keys), string_at);
        if (near)
            report(opt->from, "no key \"%s\" here; did you mean %s?", opt->key, near);
        else
            report(opt->from, "no key \"%s\" here", opt->key);
        ret = -EINVAL;
    }
    return ret;
}
