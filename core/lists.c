/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * lists - what there is: "-machine help", "-device edu,help", "-L help".
 *
 * Programs read these lists, so they look like QEMU's, and name only what can be had.
 */

#include "lists.h"

#include <string.h>

#include <glib.h>

#include "cpu/list.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "machine/machine.h"
#include "paths.h"
#include "plugin/plugin.h"

/* The kind of plugin behind a group of the configuration. */
static const char *plugin_kind(const char *group)
{
    static const char *const kinds[][2] = {
        { "audiodev", "audio" }, { "nic", "netdev" },    { "net", "netdev" },
        { "drive", "block" },    { "soundhw", "sound" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (!strcmp(kinds[i][0], group))
            return kinds[i][1];
    return group;
}

static bool host_have(void *plugins, const char *kind, const char *name)
{
    /* Of a path, the loader says best what is wrong with it. */
    return strchr(name, '/') || plugins_have(plugins, plugin_kind(kind), name);
}

static bool host_missing(void *plugins, const char *kind, const char *name, const char *where)
{
    return plugins_explain(plugins, plugin_kind(kind), name, where);
}

struct options_host list_host(struct plugins *plugins)
{
    return (struct options_host){ plugins, host_have, host_missing };
}

/* ---- Machines ---- */

/* "pc-i440fx-7.1" is a version of what "pc-i440fx-7.2" is; "pc" is another name for it. */
static bool is_version(const char *name, const char *first)
{
    const char *dash = strrchr(first, '-');

    return dash && !strncmp(name, first, dash - first + 1);
}

static void list_machine(void *to, const struct card *card)
{
    char **names = g_strsplit(card->names, " ", -1);
    bool chosen = g_strv_contains((const char *const *)names, MACHINE_DEFAULT);

    for (unsigned i = 1; names[0] && names[i]; i++)
        if (!is_version(names[i], names[0]))
            fprintf(to, "%-20s %s (alias of %s)\n", names[i], card->help, names[0]);
    fprintf(to, "%-20s %s%s\n", names[0], card->help, chosen ? " (default)" : "");
    for (unsigned i = 1; names[0] && names[i]; i++)
        if (is_version(names[i], names[0]))
            fprintf(to, "%-20s %s\n", names[i], card->help);
    g_strfreev(names);
}

/* ---- Names alone ---- */

static const struct format {
    const char *kind, *heading, *indent;
} formats[] = {
    { "accel", "Accelerators supported in QEMU binary:", "" },
    { "audio", "Available audio drivers:", "" },
    { "audiodev", "Available audio drivers:", "" },
    { "chardev", "Available chardev backend types: ", "  " },
    { "display", "Available display backend types:", "" },
    { "net", "Available netdev backend types:", "" },
    { "netdev", "Available netdev backend types:", "" },
    { "nic", "Available netdev backend types:", "" },
    { "object", "List of user creatable objects:", "  " },
    { "tpmdev", "Supported TPM types (choose only one):", "  " },
};

static void add_name(void *names, const struct card *card)
{
    g_ptr_array_add(names, g_strndup(card->names, strcspn(card->names, " ")));
}

/* Programs look for "tcg", which is another name of "soft". */
static void add_all_names(void *names, const struct card *card)
{
    char **each = g_strsplit(card->names, " ", -1);

    for (char **name = each; *name; name++)
        g_ptr_array_add(names, g_strdup(*name));
    g_strfreev(each);
}

/* The core's own and the plugins'. */
static GPtrArray *all_names(struct plugins *plugins, const char *kind)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *own = options_names(kind);
    char **each = g_strsplit(own ? own : "", "|", -1);

    for (char **name = each; *name; name++)
        if (**name)
            g_ptr_array_add(names, g_strdup(*name));
    g_strfreev(each);
    plugins_each(plugins, plugin_kind(kind), strcmp(kind, "accel") ? add_name : add_all_names,
                 names);
    return names;
}

static void list_names(FILE *to, struct plugins *plugins, const char *kind)
{
    GPtrArray *names = all_names(plugins, kind);
    const struct format *format = NULL;

    for (unsigned i = 0; i < G_N_ELEMENTS(formats) && !format; i++)
        if (!strcmp(formats[i].kind, kind))
            format = &formats[i];
    if (format)
        fprintf(to, "%s\n", format->heading);
    for (unsigned i = 0; i < names->len; i++)
        fprintf(to, "%s%s\n", format ? format->indent : "", (char *)names->pdata[i]);
    if (!names->len)
        fprintf(to, "(none in this build yet)\n");
    g_ptr_array_free(names, TRUE);
}

static void list_all(FILE *to, const struct config *config, struct plugins *plugins,
                     const char *kind)
{
    if (!strcmp(kind, "device")) {
        plugins_print_devices(plugins, to);
    } else if (!strcmp(kind, "cpu")) {
        cpu_print_list(plugins, to);
    } else if (!strcmp(kind, "machine")) {
        fputs("Supported machines are:\n", to);
        plugins_each(plugins, kind, list_machine, to);
    } else if (!strcmp(kind, "L")) {
        char **dirs = path_firmware(config);

        for (char **dir = dirs; *dir; dir++)
            fprintf(to, "%s\n", *dir);
        g_strfreev(dirs);
    } else if (!strcmp(kind, "d")) {
        log_print_items(to);
    } else if (!strcmp(kind, "trace")) {
        trace_print_all(plugins, to);
    } else {
        list_names(to, plugins, kind);
    }
}

/* ---- One of them ---- */

/* Keys of the table that are not this one's. */
static const char *of_others(const char *kind, const char *name)
{
    if (!strcmp(kind, "machine"))
        return "kernel|initrd|append|dtb|firmware"; /* the board's own properties */
    return strcmp(name, "memory-backend-file") ? "mem-path|readonly" : NULL;
}

static int list_one(FILE *to, struct plugins *plugins, const char *kind, const char *name)
{
    struct options_host host = list_host(plugins);
    char *where = g_strdup_printf("-%s %s", kind, name);
    bool ok = !options_check_name(kind, name, where, &host);

    if (ok && host_have(plugins, kind, name))
        ok = plugins_print_props(plugins, plugin_kind(kind), name, where, to);
    else if (ok)
        fprintf(to, "%s options:\n", name);
    if (ok && (!host_have(plugins, kind, name) || !strcmp(kind, "machine")))
        options_print_keys(to, kind, of_others(kind, name));
    g_free(where);
    return ok ? 0 : 1;
}

int list_print(FILE *to, const struct config *config, struct plugins *plugins,
               const struct options_want *want)
{
    if (want->name)
        return list_one(to, plugins, want->kind, want->name);
    list_all(to, config, plugins, want->kind);
    return 0;
}
