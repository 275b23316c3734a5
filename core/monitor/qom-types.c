/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qom-types - the types that monitors list: a few that only others come from, and plugins', by what
 * their cards say. */

#include <string.h>

#include <glib.h>

#include "cpu/accel.h"
#include "machine/machine.h"
#include "monitor/qom.h"
#include "plugin/plugin.h"

#define ABSTRACT(name_, parent_)                                                                   \
    {                                                                                              \
        .name = name_, .parent = parent_, .abstract = true                                         \
    }
#define TYPE(name_, parent_)                                                                       \
    {                                                                                              \
        .name = name_, .parent = parent_                                                           \
    }
#define CPU(name_, parent_)                                                                        \
    {                                                                                              \
        .name = name_ "-x86_64-cpu", .parent = parent_, .kind = "cpu", .plugin = name_             \
    }

static const struct qom_type own_types[] = {
    ABSTRACT("object", NULL),
    TYPE("container", "object"),
    ABSTRACT("device", "object"),
    ABSTRACT("sys-bus-device", "device"),
    ABSTRACT("isa-device", "device"),
    ABSTRACT("pci-device", "device"),
    ABSTRACT("cpu", "device"),
    ABSTRACT("x86_64-cpu", "cpu"),
    ABSTRACT("machine", "object"),
    ABSTRACT("generic-pc-machine", "machine"), /* libvirt 11 asks what it has: nothing */
    ABSTRACT("accel", "object"),
    TYPE("kvm-accel", "accel"),
    TYPE("qtest-accel", "accel"),
    ABSTRACT("chardev", "object"),
    ABSTRACT("user-creatable", "object"),
    ABSTRACT("memory-backend", "user-creatable"),
    TYPE("memory-backend-ram", "memory-backend"),
    TYPE("memory-backend-file", "memory-backend"),
    TYPE("memory-backend-memfd", "memory-backend"),
    CPU("max", "x86_64-cpu"),
};

static const struct qom_type host_cpu = CPU("host", "max-x86_64-cpu");

// clang-format off
/* How the names of plugins become names of types; %s is the plugin's. */
static const struct {
    const char *kind, *bus, *format, *parent;
} kinds[] = {
    { "device",  "System", "%s",            "sys-bus-device" },
    { "device",  "ISA",    "%s",            "isa-device" },
    { "device",  "PCI",    "%s",            "pci-device" },
    { "device",  NULL,     "%s",            "device" },
    { "cpu",     NULL,     "%s-x86_64-cpu", "x86_64-cpu" },
    { "machine", NULL,     "%s-machine",    "machine" },
    { "accel",   NULL,     "%s-accel",      "accel" },
    { "chardev", NULL,     "chardev-%s",    "chardev" },
    { "object",  NULL,     "%s",            "user-creatable" },
};
// clang-format on

struct listing {
    qom_type_fn *fn;
    void *arg;
};

static void tell(const struct listing *l, unsigned kind, const char *name)
{
    const char *place = strstr(kinds[kind].format, "%s");
    char *full = g_strdup_printf("%.*s%s%s", (int)(place - kinds[kind].format), kinds[kind].format,
                                 name, place + 2);

    l->fn(l->arg, &(struct qom_type){ .name = full,
                                      .parent = kinds[kind].parent,
                                      .kind = kinds[kind].kind,
                                      .plugin = name });
    g_free(full);
}

static void tell_card(void *arg, const struct card *card)
{
    char **names = g_strsplit(card->names, " ", -1);
    unsigned kind = 0;

    while (kind < G_N_ELEMENTS(kinds) && (strcmp(kinds[kind].kind, card->kind) ||
                                          (kinds[kind].bus && strcmp(kinds[kind].bus, card->bus))))
        kind++;
    for (char **name = names; kind < G_N_ELEMENTS(kinds) && *name; name++)
        tell(arg, kind, *name);
    g_strfreev(names);
}

void qom_types(struct machine *m, qom_type_fn *fn, void *arg)
{
    struct listing l = { fn, arg };

    for (unsigned i = 0; i < G_N_ELEMENTS(own_types); i++)
        fn(arg, &own_types[i]);
    if (!strcmp(m->accel->ops->name, "kvm"))
        fn(arg, &host_cpu);
    plugins_each(m->plugins, NULL, tell_card, &l);
}

bool qom_is_a(const struct qom_type *type, const char *what)
{
    const char *name = type->name, *parent = type->parent;

    while (name && strcmp(name, what)) {
        name = parent;
        parent = NULL;
        for (unsigned i = 0; name && i < G_N_ELEMENTS(own_types); i++)
            if (!strcmp(own_types[i].name, name))
                parent = own_types[i].parent;
    }
    return name;
}
