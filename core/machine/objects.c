/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* objects - what -object makes, besides memory: instances of plugins of kind object. */

#include "machine/objects.h"

#include <string.h>

#include <glib.h>

#include "machine/inst.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

static const char *type_name(const struct config_group *group)
{
    return group_string(group, "qom-type", "");
}

bool object_is_core(const struct config_group *group)
{
    return g_str_has_prefix(type_name(group), "memory-backend-");
}

static const struct type *load(struct machine *m, const struct config_group *group)
{
    return plugins_load(m->plugins, "object", type_name(group), group->from);
}

static struct inst *create(struct machine *m, const struct type *type,
                           const struct config_group *group)
{
    struct setting *settings;
    struct inst *inst;
    unsigned n = 0;

    if (inst_find(m, "object", group->id)) {
        report(group->from, "there is an object called '%s' already", group->id);
        return NULL;
    }
    settings = g_new(struct setting, group->n_opts);
    for (unsigned i = 0; i < group->n_opts; i++)
        if (strcmp(group->opts[i].key, "qom-type") && strcmp(group->opts[i].key, "id"))
            settings[n++] = (struct setting){ group->opts[i].key, group->opts[i].value };
    inst = inst_create(m, type, group->id, group->from, settings, n);
    g_free(settings);
    return inst;
}

struct inst *object_create(struct machine *m, const struct config_group *group)
{
    const struct type *type = load(m, group);

    return type ? create(m, type, group) : NULL;
}

static bool uses_chardev(const struct type *type)
{
    for (unsigned i = 0; i < type->n_props; i++)
        if (type->props[i].type == TENON_CHARDEV)
            return true;
    return false;
}

bool objects_create(struct machine *m, bool use_chardevs)
{
    const struct config_group *g = NULL;
    bool ok = true;

    while ((g = config_next(m->config, "object", g))) {
        const struct type *type = object_is_core(g) ? NULL : load(m, g);

        if (!object_is_core(g) && !type)
            ok = false;
        else if (type && uses_chardev(type) == use_chardevs)
            ok &= create(m, type, g) != NULL;
    }
    return ok;
}
