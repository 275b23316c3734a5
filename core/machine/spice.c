/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spice - the server of -spice: a plugin, whose properties are the option's keys. */

#include "machine/spice.h"

#include <string.h>

#include <glib.h>

#include "machine/inst.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"

/* Values of a key that has been given several times come with commas between. */
static char *values_of(const struct config_group *group, const char *key)
{
    GString *all = g_string_new(NULL);

    for (unsigned i = 0; i < group->n_opts; i++)
        if (!strcmp(group->opts[i].key, key))
            g_string_append_printf(all, "%s%s", all->len ? "," : "", group->opts[i].value);
    return g_string_free(all, FALSE);
}

bool spice_create(struct machine *m)
{
    const struct config_group *group = config_find(m->config, "spice", NULL);
    const struct type *type;
    struct setting *settings;
    struct inst *inst;
    unsigned n = 0;

    if (!group)
        return true;
    type = plugins_load(m->plugins, "spice", "server", group->from);
    if (!type)
        return false;
    settings = g_new(struct setting, type->n_props);
    for (unsigned i = 0; i < type->n_props; i++)
        if (group_string(group, type->props[i].name, NULL))
            settings[n++] =
                (struct setting){ type->props[i].name, values_of(group, type->props[i].name) };
    inst = inst_create(m, type, "spice", group->from, settings, n);
    for (unsigned i = 0; i < n; i++)
        g_free((char *)settings[i].value);
    g_free(settings);
    return inst;
}
