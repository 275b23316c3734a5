/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accel - which accelerator runs the machine: the first of those asked for that works. */

#include "cpu/accel.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "cpu/accel-plugin.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

/* Accelerators of the command line; those without ops are plugins, or belong to other hosts. */
// clang-format off
static const struct known {
    const char *name;
    const struct accel_ops *ops;
} known[] = {
    { "kvm",   &accel_kvm },
    { "qtest", &accel_qtest },
    { "tcg",   NULL },
    { "soft",  NULL },
    { "xen",   NULL },
    { "hax",   NULL },
    { "hvf",   NULL },
    { "nvmm",  NULL },
    { "whpx",  NULL },
};
// clang-format on

static const struct known *find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(known); i++)
        if (!strcmp(known[i].name, name))
            return &known[i];
    return NULL;
}

const struct accel_ops *accel_find(const char *name)
{
    const struct known *row = find(name);

    return row ? row->ops : NULL;
}

/* One name of one option: "-accel kvm:tcg" makes two. */
struct choice {
    const char *name;
    const struct config_group *group;
};

static void choice_clear(void *choice)
{
    g_free((char *)((struct choice *)choice)->name);
}

static void add_choices(GArray *choices, const struct config_group *group)
{
    char **names = g_strsplit(group_string(group, "accel", ""), ":", -1);

    for (char **name = names; *name; name++) {
        struct choice choice = { g_strdup(*name), group };

        g_array_append_val(choices, choice);
    }
    g_strfreev(names);
}

static GArray *all_choices(const struct config *config)
{
    GArray *choices = g_array_new(FALSE, FALSE, sizeof(struct choice));
    const struct config_group *group = NULL;

    g_array_set_clear_func(choices, choice_clear);
    while ((group = config_next(config, "accel", group)))
        add_choices(choices, group);
    group = config_find(config, "machine", NULL);
    if (group && group_string(group, "accel", NULL))
        add_choices(choices, group);
    return choices;
}

/* Of -accel, or else of -machine. */
static enum irqchip wanted_irqchip(const struct accel_ops *ops, const struct machine *m,
                                   const struct config_group *options)
{
    const char *value = group_string(options, "kernel-irqchip", NULL);

    if (!value)
        value = group_string(config_find(m->config, "machine", NULL), "kernel-irqchip",
                             ops->usual_off ? "off" : "on");
    if (!ops->irqchip || !strcmp(value, "off"))
        return IRQCHIP_OFF;
    return !strcmp(value, "split") ? IRQCHIP_SPLIT : IRQCHIP_ON;
}

static int open_one(struct machine *m, const struct choice *choice, bool quiet)
{
    struct accel *accel = g_new0(struct accel, 1);
    int err;

    accel->ops = accel_find(choice->name);
    accel->machine = m;
    if (accel->ops) {
        accel->irqchip = wanted_irqchip(accel->ops, m, choice->group);
        err = accel->ops->open(accel, m, choice->group, quiet);
    } else {
        accel->irqchip = IRQCHIP_OFF;
        err = accel_plugin_open(accel, m, choice->name, choice->group);
    }
    if (err < 0)
        g_free(accel);
    else
        m->accel = accel;
    return err;
}

static bool have(struct machine *m, const char *name)
{
    return accel_find(name) || (m->plugins && plugins_have(m->plugins, "accel", name));
}

/* Tries those that this build has. */
static int open_first(struct machine *m, const struct choice *choices, unsigned n)
{
    int err = -ENOENT;
    unsigned left = 0;

    for (unsigned i = 0; i < n; i++)
        left += have(m, choices[i].name);
    if (!left)
        report(choices->group ? group_from(choices->group, "accel") : NULL,
               "the accelerator %s is not in this build; use -accel kvm", choices->name);
    for (unsigned i = 0; i < n && err < 0; i++)
        if (have(m, choices[i].name))
            err = open_one(m, &choices[i], --left > 0);
    return err;
}

int accel_open(struct machine *m)
{
    GArray *choices = all_choices(m->config);
    const struct choice *all = (void *)choices->data;
    const struct config_group *icount;
    const struct choice usual = { m->info.max_cpus ? "soft" : "qtest", NULL };
    int err = 0;

    for (unsigned i = 0; i < choices->len; i++) {
        if (!find(all[i].name) && !have(m, all[i].name)) {
            report(group_from(all[i].group, "accel"), "there is no accelerator \"%s\"; kvm is one",
                   all[i].name);
            err = -EINVAL;
        }
    }
    if (!err)
        err = choices->len ? open_first(m, all, choices->len) : open_first(m, &usual, 1);
    if (!err && m->accel->ops->irqchip && config_find(m->config, "singlestep", NULL))
        report_warning("-singlestep", "%s runs guest code as it is: this changes nothing",
                       m->accel->ops->name);
    if (!err && accel_find(m->accel->ops->name) &&
        (icount = config_find(m->config, "icount", NULL))) {
        report(icount->from, "is not for %s: it does not count instructions; -accel soft does",
               m->accel->ops->name);
        err = -ENOTSUP;
    }
    g_array_free(choices, TRUE);
    return err;
}

/* NULL: it has none that may be set while the machine runs. */
static const struct tenon_prop *one_insn_prop(const struct machine *m, struct inst **inst)
{
    struct accel *accel = m->accel;
    const struct tenon_prop *prop;

    *inst = accel && accel->ops->inst ? accel->ops->inst(accel) : NULL;
    prop = *inst ? type_prop((*inst)->type, ACCEL_ONE_INSN) : NULL;
    return prop && prop->type == TENON_BOOL && prop->flags & TENON_PROP_LIVE ? prop : NULL;
}

bool accel_one_insn(const struct machine *m)
{
    struct inst *inst;
    const struct tenon_prop *prop = one_insn_prop(m, &inst);

    return prop && *(const bool *)((const char *)inst->state + prop->offset);
}

bool accel_set_one_insn(struct machine *m, bool on)
{
    struct inst *inst;
    const struct tenon_prop *prop = one_insn_prop(m, &inst);

    return prop && prop_set(inst->type, prop, inst->state, on ? "on" : "off", "one-insn-per-tb");
}

void accel_close(struct machine *m)
{
    if (!m->accel)
        return;
    m->accel->ops->close(m->accel);
    g_free(m->accel);
    m->accel = NULL;
}
