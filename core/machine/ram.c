/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ram - the machine's memory: how much, and what is behind it; memory objects. */

#include "machine/ram.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "machine/machine.h"
#include "machine/objects.h"
#include "memory/memory.h"
#include "options/options.h"
#include "report.h"

#define PAGE     4096u
#define MOST_RAM (64ull << 40)

static const struct config_group *backend(struct machine *m)
{
    const struct config_group *machine = config_find(m->config, "machine", NULL);
    const char *id = group_string(machine, "memory-backend", NULL);

    return id ? config_find(m->config, "object", id) : NULL;
}

static int from_backend(struct machine *m, bool given)
{
    const struct config_group *machine = config_find(m->config, "machine", NULL),
                              *object = backend(m);
    const char *id = group_string(machine, "memory-backend", NULL);
    uint64_t bytes = 0;

    if (!id)
        return 0;
    if (!object) {
        report(group_from(machine, "memory-backend"),
               "memory-backend=%s: there is no -object of that id", id);
        return -EINVAL;
    }
    if (group_size(object, "size", PAGE, MOST_RAM, &bytes))
        return -EINVAL;
    if (given && bytes != m->info.ram_bytes) {
        report(object->from, "size is %" G_GUINT64_FORMAT " bytes, but -m says %" G_GUINT64_FORMAT,
               bytes, m->info.ram_bytes);
        return -EINVAL;
    }
    m->info.ram_bytes = bytes;
    return 0;
}

int ram_size(struct machine *m, const struct tenon_machine_ops *ops)
{
    const struct config_group *g = config_find(m->config, "memory", NULL);
    uint64_t bytes = 0;

    if (!ops->default_ram)
        return 0;
    if (group_size(g, "size", 0, UINT64_MAX, &bytes))
        return -EINVAL;
    if (bytes > MOST_RAM) {
        report(g->from, "no machine takes more than 64T");
        return -EINVAL;
    }
    m->info.ram_bytes = bytes ? (bytes + PAGE - 1) / PAGE * PAGE : ops->default_ram;
    return from_backend(m, bytes);
}

/* ---- Objects: memory-backend-ram, -memfd, -file ---- */

static int from_object(struct block_spec *spec, const struct config_group *object)
{
    /* options_check() has seen to it that the last ones have the only value there is. */
    static const char *const keys[] = { "mem-path",
                                        "readonly",
                                        "qom-type",
                                        "size",
                                        "prealloc",
                                        "prealloc-threads",
                                        "share",
                                        "merge",
                                        "dump",
                                        "policy",
                                        "reserve",
                                        "hugetlb",
                                        "seal",
                                        "pmem",
                                        "discard-data",
                                        "x-use-canonical-path-for-ramblock-id",
                                        NULL };
    bool file = !strcmp(group_string(object, "qom-type", ""), "memory-backend-file");
    int64_t threads = 0;

    if (group_allow(object, file ? keys : keys + 2))
        return -EINVAL;
    if (strcmp(group_string(object, "policy", "default"), "default")) {
        report(group_from(object, "policy"), "policy takes default");
        return -EINVAL;
    }
    spec->share = !strcmp(group_string(object, "qom-type", ""), "memory-backend-memfd");
    if (group_bool(object, "prealloc", &spec->prealloc) ||
        group_bool(object, "share", &spec->share) ||
        group_bool(object, "readonly", &spec->readonly) ||
        group_bool(object, "dump", &spec->dump) || group_bool(object, "merge", &spec->merge) ||
        group_number(object, "prealloc-threads", 1, 1024, &threads))
        return -EINVAL;
    spec->where = object->from;
    spec->threads = threads;
    spec->path = group_string(object, "mem-path", NULL);
    if (!file || spec->path)
        return 0;
    report(object->from, "mem-path is missing");
    return -EINVAL;
}

static struct memory_object *enlist(struct machine *m, const struct config_group *group,
                                    struct block *block)
{
    struct memory_object *o = g_new(struct memory_object, 1);

    *o = (struct memory_object){ .group = group, .block = block };
    if (!m->memory_objects)
        m->memory_objects = g_ptr_array_new();
    g_ptr_array_add(m->memory_objects, o);
    return o;
}

struct memory_object *memory_object_create(struct machine *m, const struct config_group *group)
{
    struct block_spec spec = { .name = group->id, .dump = true };
    struct block *block;

    if (group_size(group, "size", PAGE, MOST_RAM, &spec.bytes) || from_object(&spec, group))
        return NULL;
    if (!spec.bytes) {
        report(group->from, "size is missing");
        return NULL;
    }
    block = block_create(&spec);
    return block ? enlist(m, group, block) : NULL;
}

struct memory_object *memory_object_next(const struct machine *m, unsigned *n)
{
    GPtrArray *all = m->memory_objects;

    return all && *n < all->len ? all->pdata[(*n)++] : NULL;
}

struct memory_object *memory_object_find(const struct machine *m, const char *id)
{
    struct memory_object *o;

    for (unsigned n = 0; (o = memory_object_next(m, &n));)
        if (!strcmp(o->group->id, id))
            return o;
    return NULL;
}

bool memory_object_used(const struct machine *m, const struct memory_object *o)
{
    return o->block == m->ram;
}

void memory_object_destroy(struct machine *m, struct memory_object *o)
{
    g_ptr_array_remove(m->memory_objects, o);
    if (!memory_object_used(m, o))
        block_destroy(o->block);
    config_destroy(o->config);
    g_free(o);
}

void ram_destroy(struct machine *m)
{
    while (m->memory_objects && m->memory_objects->len)
        memory_object_destroy(m, m->memory_objects->pdata[0]);
    g_clear_pointer(&m->memory_objects, g_ptr_array_unref);
    block_destroy(m->ram);
}

bool memory_object_flag(const struct memory_object *o, const char *key)
{
    bool memfd = !strcmp(group_string(o->group, "qom-type", ""), "memory-backend-memfd");
    bool on = !strcmp(key, "merge") || !strcmp(key, "dump") || (memfd && !strcmp(key, "share"));

    group_bool(o->group, key, &on); /* has been read before */
    return on;
}

/* No other part of this build takes memory from an object. */
static int create_unused(struct machine *m, const struct config_group *used)
{
    const struct config_group *object = NULL;
    int err = 0;

    while ((object = config_next(m->config, "object", object))) {
        if (object == used || !object_is_core(object))
            continue;
        report_warning(object->from,
                       "is not used: -machine memory-backend= names another, or none");
        if (!memory_object_create(m, object))
            err = -EINVAL;
    }
    return err;
}

int ram_create(struct machine *m)
{
    const struct config_group *path = config_find(m->config, "mem-path", NULL),
                              *object = backend(m);
    const struct config_group *memory = config_find(m->config, "memory", NULL);
    const struct config_group *machine = config_find(m->config, "machine", NULL);
    struct block_spec spec = {
        .name = "pc.ram",
        .bytes = m->info.ram_bytes,
        .path = group_string(path, "path", NULL),
        .prealloc = config_find(m->config, "mem-prealloc", NULL),
        .dump = true,
        .where = path     ? path->from
                 : memory ? memory->from
                          : "-m",
    };

    if (group_bool(machine, "dump-guest-core", &spec.dump) ||
        group_bool(machine, "mem-merge", &spec.merge))
        return -EINVAL;
    if (create_unused(m, object))
        return -EINVAL;
    if (!spec.bytes)
        return 0;
    if (object && from_object(&spec, object))
        return -EINVAL;
    if (spec.merge && spec.path) {
        report(spec.where,
               "memory in a file cannot be merged: mem-merge=on and a path exclude each other");
        return -EINVAL;
    }
    m->ram = block_create(&spec);
    if (m->ram && object)
        enlist(m, object, m->ram);
    return m->ram ? 0 : -ENOMEM;
}
