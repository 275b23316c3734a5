/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ram - the machine's memory: how much, and what is behind it. */

#include "machine/ram.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "machine/machine.h"
#include "memory/memory.h"
#include "options/options.h"
#include "report.h"

#define PAGE     4096u
#define MOST_RAM (1ull << 46)

static const struct config_group *backend(struct machine *m)
{
    const struct config_group *machine = config_find(m->config, "machine", NULL);
    const char *id = group_string(machine, "memory-backend", NULL);

    return id ? config_find(m->config, "object", id) : NULL;
}

static int from_backend(struct machine *m, bool given)
{
    const struct config_group *machine = config_find(m->config, "machine", NULL), *object = backend(m);
    const char *id = group_string(machine, "memory-backend", NULL);
    uint64_t bytes = 0;

    if (!id)
        return 0;
    if (!object) {
        report(machine->from, "memory-backend=%s: there is no -object of that id", id);
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
    uint64_t most = 0;

    m->info.ram_bytes = ops->default_ram;
    if (!ops->default_ram)
        return 0;
    if (group_size(g, "size", 1, MOST_RAM, &m->info.ram_bytes) ||
        group_size(g, "maxmem", PAGE, MOST_RAM, &most))
        return -EINVAL;
    m->info.ram_bytes = (m->info.ram_bytes + PAGE - 1) / PAGE * PAGE;
    if (most && most < m->info.ram_bytes) {
        report(g->from, "maxmem is less than the memory there is from the start");
        return -EINVAL;
    }
    return from_backend(m, group_string(g, "size", NULL));
}

static int from_object(struct block_spec *spec, const struct config_group *object)
{
    const char *type = group_string(object, "qom-type", "");
    int64_t threads = 0;

    spec->where = object->from;
    if (!strcmp(type, "memory-backend-file")) {
        spec->path = group_string(object, "mem-path", NULL);
        if (!spec->path) {
            report(object->from, "mem-path is missing");
            return -EINVAL;
        }
    }
    if (group_bool(object, "prealloc", &spec->prealloc) || group_bool(object, "share", &spec->share) ||
        group_bool(object, "readonly", &spec->readonly) ||
        group_number(object, "prealloc-threads", 1, 1024, &threads))
        return -EINVAL;
    spec->threads = threads;
    return 0;
}

int ram_create(struct machine *m)
{
    const struct config_group *path = config_find(m->config, "mem-path", NULL), *object = backend(m);
    const struct config_group *memory = config_find(m->config, "memory", NULL);
    struct block_spec spec = {
        .name = "pc.ram",
        .bytes = m->info.ram_bytes,
        .path = group_string(path, "path", NULL),
        .prealloc = config_find(m->config, "mem-prealloc", NULL),
        .where = path ? path->from : memory ? memory->from : "-m",
    };

    if (!spec.bytes)
        return 0;
    if (object && from_object(&spec, object))
        return -EINVAL;
    m->ram = block_create(&spec);
    return m->ram ? 0 : -ENOMEM;
}
