/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list - what there is: plugins by their cards, and the properties of one. */

#include "plugin/inner.h"

#include <inttypes.h>
#include <string.h>

#include <glib.h>

/* ---- Cards ---- */

struct walk {
    const char *kind; /* NULL: any */
    void (*fn)(void *arg, const struct card *card);
    void *arg;
    const char *path, *file; /* being read */
    char *shown;             /* the last file name that was usable */
    bool usable;
};

/* A type is listed under the file that has its first name; links for further names lead to the
 * same. */
static void walk_card(void *arg, const struct card *found)
{
    struct walk *walk = arg;
    struct card card = *found;
    char *first = g_strndup(card.names, strcspn(card.names, " "));

    if (card.major == TENON_ABI_MAJOR && card.need <= TENON_ABI_MINOR &&
        (!walk->kind || !strcmp(card.kind, walk->kind)) && file_is(walk->file, card.kind, first)) {
        card.path = walk->path;
        card.file = walk->file;
        walk->usable = true;
        walk->fn(walk->arg, &card);
    }
    g_free(first);
}

static void walk_file(void *arg, const char *dir, const char *file)
{
    struct walk *walk = arg;
    struct image image;
    const char *why;
    char *path;

    if (walk->shown && !strcmp(walk->shown, file))
        return;
    path = g_strdup_printf("%s/%s", dir, file);
    walk->path = path;
    walk->file = file;
    walk->usable = false;
    if (image_open(&image, path, &why)) {
        if (!image_untrusted(&image))
            cards_read(image.bytes, walk_card, walk, NULL);
        image_close(&image);
    }
    g_free(path);
    if (walk->usable) {
        g_free(walk->shown);
        walk->shown = g_strdup(file);
    }
}

void plugins_each(struct plugins *p, const char *kind,
                  void (*fn)(void *arg, const struct card *card), void *arg)
{
    struct walk walk = { .kind = kind, .fn = fn, .arg = arg };

    plugin_files(p, kind, walk_file, &walk);
    g_free(walk.shown);
}

/* ---- Trace events ---- */

struct event_walk {
    void (*fn)(void *arg, const char *name);
    void *arg;
};

static void walk_events(void *arg, const char *names)
{
    const struct event_walk *walk = arg;

    names_each(names, walk->fn, walk->arg);
}

static void walk_event_file(void *arg, const char *dir, const char *file)
{
    char *path = g_strdup_printf("%s/%s", dir, file);
    struct image image;
    const char *why;

    if (image_open(&image, path, &why)) {
        if (!image_untrusted(&image))
            events_read(image.bytes, walk_events, arg);
        image_close(&image);
    }
    g_free(path);
}

void plugins_each_event(struct plugins *p, void (*fn)(void *arg, const char *name), void *arg)
{
    struct event_walk walk = { fn, arg };

    plugin_files(p, NULL, walk_event_file, &walk);
}

/* ---- Lists ---- */

struct listing {
    FILE *to;
    GTree *groups; /* by bus: the lines */
    bool started;
};

/* name "e1000", bus PCI, alias "e1000-82540em", desc "Intel Gigabit Ethernet" */
static void list_device(void *arg, const struct card *card)
{
    struct listing *l = arg;
    GString *group = g_tree_lookup(l->groups, card->bus);
    const char *aliases = strchr(card->names, ' ');

    if (!group)
        g_tree_insert(l->groups, g_strdup(card->bus), group = g_string_new(NULL));
    g_string_append_printf(group, "name \"%.*s\"", (int)strcspn(card->names, " "), card->names);
    if (*card->bus)
        g_string_append_printf(group, ", bus %s", card->bus);
    if (aliases)
        g_string_append_printf(group, ", alias \"%s\"", aliases + 1);
    if (*card->help)
        g_string_append_printf(group, ", desc \"%s\"", card->help);
    g_string_append_c(group, '\n');
}

static gboolean print_group(gpointer bus, gpointer lines, gpointer arg)
{
    struct listing *l = arg;

    fprintf(l->to, "%s%s devices:\n%s", l->started ? "\n" : "",
            *(char *)bus ? (char *)bus : "Other", ((GString *)lines)->str);
    l->started = true;
    return false;
}

static int compare_buses(const void *a, const void *b, void *arg)
{
    return strcmp(a, b);
}

static void free_group(void *group)
{
    g_string_free(group, true);
}

void plugins_print_devices(struct plugins *p, FILE *to)
{
    struct listing l = { .to = to };

    l.groups = g_tree_new_full(compare_buses, NULL, g_free, free_group);
    plugins_each(p, "device", list_device, &l);
    g_tree_foreach(l.groups, print_group, &l);
    g_tree_destroy(l.groups);
}

/* ---- Properties ---- */

static char *type_text(const struct tenon_prop *prop)
{
    switch (prop->type) {
    case TENON_BOOL: return g_strdup("bool");
    case TENON_U8: return g_strdup("uint8");
    case TENON_U16: return g_strdup("uint16");
    case TENON_U32: return g_strdup("uint32");
    case TENON_U64: return g_strdup("uint64");
    case TENON_SIZE: return g_strdup("size");
    case TENON_ENUM: return g_strjoinv("|", (char **)prop->names);
    default: return g_strdup("str");
    }
}

/* The default as it would be typed, or NULL if there is none. */
static char *default_text(const struct tenon_prop *prop)
{
    switch (prop->type) {
    case TENON_BOOL: return g_strdup(prop->initial ? "true" : "false");
    case TENON_ENUM: return g_strdup_printf("\"%s\"", prop->names[prop->initial]);
    case TENON_STR: return prop->initial_str ? g_strdup_printf("\"%s\"", prop->initial_str) : NULL;
    case TENON_CHARDEV: return NULL;
    default: /* one that cannot be typed says that none was */
        return prop->initial >= prop->min && prop->initial <= prop_max(prop)
                   ? g_strdup_printf("%" PRIu64, prop->initial)
                   : NULL;
    }
}

/*   delay=<uint64>         - nanoseconds a factorial takes (default: 1000) */
static void print_prop(const struct tenon_prop *prop, FILE *to)
{
    char *type = type_text(prop), *initial = default_text(prop);
    char *head = g_strdup_printf("%s=<%s>", prop->name, type);

    fprintf(to, "  %-22s - %s", head, prop->help ? prop->help : "");
    if (prop_is_number(prop) && (prop->min || prop->max))
        fprintf(to, ", %" PRIu64 " to %" PRIu64, prop->min, prop_max(prop));
    if (initial)
        fprintf(to, " (default: %s)", initial);
    fputc('\n', to);
    g_free(head);
    g_free(initial);
    g_free(type);
}

static int compare_props(const void *a, const void *b)
{
    const struct tenon_prop *const *x = a, *const *y = b;

    return strcmp((*x)->name, (*y)->name);
}

bool plugins_print_props(struct plugins *p, const char *kind, const char *name, const char *where,
                         FILE *to)
{
    const struct type *type = plugins_load(p, kind, name, where);
    GPtrArray *props;

    if (!type)
        return false;
    props = g_ptr_array_new();
    for (unsigned i = 0; i < type->n_props; i++)
        g_ptr_array_add(props, &type->props[i]);
    for (unsigned i = 0; i < type->n_common; i++)
        g_ptr_array_add(props, (void *)&type->common[i]);
    g_ptr_array_sort(props, compare_props);
    fprintf(to, props->len ? "%s options:\n" : "There are no options for %s.\n", type->t.name);
    for (unsigned i = 0; i < props->len; i++)
        print_prop(g_ptr_array_index(props, i), to);
    g_ptr_array_free(props, true);
    return true;
}
