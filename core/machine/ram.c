/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ram - the machine's memory: how much, and what is behind it. */

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

/* No other part of this build takes memory from an object. */
static void warn_unused(struct machine *m, const struct config_group *used)
{
    const struct config_group *object = NULL;

    while ((object = config_next(m->config, "object", object)))
        if (object != used && object_is_core(object))
            report_warning(object->from,
                           "is not used: -machine memory-backend= names another, or none");
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
    warn_unused(m, object);
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
    return m->ram ? 0 : -ENOMEM;
}
