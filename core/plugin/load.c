/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* load - from a file that may be a plugin to types that can be used, or to the reason why not. */

#include "plugin/inner.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "debug/trace.h"
#include "report.h"

/* The size of a struct of interface 0.0, which every plugin's has at least. */
#define SIZE_0(type, last) (offsetof(struct type, last) + sizeof(((struct type *)0)->last))
#define SYMBOL             "tenon_plugin_" G_STRINGIFY(TENON_ABI_MAJOR)

enum { MAX_ITEMS = 4096, MAX_SIZE = 65536, MAX_TYPES = 1024 };

/* ---- Copying what another version may have built ---- */

void table_copy(void *to, size_t size, const void *table)
{
    size_t has = table ? *(const uint32_t *)table : 0;

    memset(to, 0, size);
    if (has)
        memcpy(to, table, MIN(size, has));
}

void *array_copy(const struct tenon_array *a, size_t size)
{
    char *copy = g_malloc0_n(a->count + 1, size);

    for (uint32_t i = 0; i < a->count; i++)
        memcpy(copy + i * size, (const char *)a->items + (size_t)i * a->stride,
               MIN(size, a->stride));
    return copy;
}

/* Is the array one that can be read? */
static bool array_ok(const struct tenon_array *a, size_t least)
{
    return !a->count ||
           (a->items && a->count <= MAX_ITEMS && a->stride >= least && a->stride <= MAX_SIZE);
}

#define COPY(type, field, element, last)                                                           \
    (array_ok(&(type)->t.field, SIZE_0(element, last)) &&                                          \
     ((type)->field = array_copy(&(type)->t.field, sizeof(*(type)->field)),                        \
      (type)->n_##field = (type)->t.field.count, true))

static bool copy_arrays(struct type *type)
{
    return COPY(type, props, tenon_prop, help) && COPY(type, regs, tenon_reg, reset) &&
           COPY(type, timers, tenon_timer, clock) && COPY(type, windows, tenon_window, priority) &&
           COPY(type, pins, tenon_pin, set) && COPY(type, ifaces, tenon_iface, table) &&
           COPY(type, events, tenon_event, format);
}

/* What must be there before anything else can be looked at. */
static const char *check_frame(const struct tenon_type *t)
{
    if (!t || t->size < SIZE_0(tenon_type, loaded) || t->size > MAX_SIZE)
        return "a type has an impossible size";
    if (!t->kind || !*t->kind || !t->name || !*t->name || *t->name == ' ')
        return "a type has no name";
    return NULL;
}

struct type *type_create(const struct tenon_type *from, const char *path, char **why)
{
    const char *frame = check_frame(from);
    struct type *type;

    if (frame) {
        *why = g_strdup(frame);
        return NULL;
    }
    type = g_new0(struct type, 1);
    table_copy(&type->t, sizeof(type->t), from);
    type->names = g_strdup(from->name);
    type->t.name = g_strndup(from->name, strcspn(from->name, " "));
    type->t.help = from->help ? from->help : "";
    type->path = g_strdup(path);
    *why = copy_arrays(type) ? type_check(type) : g_strdup("a table has an impossible size");
    if (*why) {
        char *text = *why;

        *why = g_strdup_printf("%s '%s': %s", type->t.kind, type->t.name, text);
        g_free(text);
        type_destroy(type);
        return NULL;
    }
    type->trace = trace_add(type->events, type->n_events);
    return type;
}

void type_destroy(struct type *type)
{
    if (!type)
        return;
    trace_remove(type->trace);
    g_free((char *)type->t.name);
    g_free((char *)type->path);
    g_free(type->names);
    g_free(type->props);
    g_free(type->regs);
    g_free(type->timers);
    g_free(type->windows);
    g_free(type->pins);
    g_free(type->ifaces);
    g_free(type->events);
    g_free(type);
}

/* ---- A file ---- */

static char *too_new(unsigned major, unsigned need)
{
    if (major != TENON_ABI_MAJOR)
        return g_strdup_printf("is built for interface %u, this emulator has %d", major,
                               TENON_ABI_MAJOR);
    if (need > TENON_ABI_MINOR)
        return g_strdup_printf("needs plugin interface %u.%u, this emulator has %d.%d", major, need,
                               TENON_ABI_MAJOR, TENON_ABI_MINOR);
    return NULL;
}

char *plugin_check(const struct tenon_plugin *plugin)
{
    if (plugin->size < SIZE_0(tenon_plugin, n_types))
        return g_strdup("is broken: " SYMBOL " has an impossible size");
    if (!plugin->types || !plugin->n_types || plugin->n_types > MAX_TYPES)
        return g_strdup("is broken: it has no types");
    return too_new(plugin->major, plugin->need);
}

/* What is looked for in a file's cards. */
struct wanted {
    const char *kind, *name; /* name NULL: whatever there is of the kind */
    const char *file;        /* then the one the file is named after is preferred */
    unsigned found;          /* cards that are it */
    bool exact;
    char *first; /* its first name */
    char *why;   /* it cannot be used */
};

static void look_at_card(void *arg, const struct card *card)
{
    struct wanted *w = arg;
    bool exact;
    char *first;

    /* A card of another interface may say nothing that can be read; one of ours may follow. */
    if (card->major != TENON_ABI_MAJOR) {
        if (!w->found && !w->why)
            w->why = too_new(card->major, card->need);
        return;
    }
    if (strcmp(card->kind, w->kind) || (w->name && !names_have(card->names, w->name)))
        return;
    first = g_strndup(card->names, strcspn(card->names, " "));
    exact = w->name || file_is(w->file, w->kind, first);
    if (w->found++ == 0 || (exact && !w->exact)) {
        g_free(w->first);
        g_free(w->why);
        w->first = g_steal_pointer(&first);
        w->why = too_new(card->major, card->need);
        w->exact = exact;
    }
    g_free(first);
}

static char *check_cards(struct wanted *w, const struct image *image)
{
    const char *why = cards_read(image->bytes, look_at_card, w, NULL);

    if (why)
        return g_strdup(why);
    if (w->why)
        return g_strdup(w->why);
    if (!w->found && w->name)
        return g_strdup_printf("holds no %s '%s'", kind_noun(w->kind), w->name);
    if (!w->found)
        return g_strdup_printf("holds no %s", kind_noun(w->kind));
    if (!w->exact && w->found > 1)
        return g_strdup_printf(
            "holds several types of kind %s: name the file after one, %s-NAME.so", w->kind,
            w->kind);
    return NULL;
}

/* The dynamic linker's reason, without the path it may begin with. */
static char *linker_reason(const char *path)
{
    const char *text = dlerror();

    if (text && g_str_has_prefix(text, path) && !strncmp(text + strlen(path), ": ", 2))
        text += strlen(path) + 2;
    return g_strdup_printf("cannot be loaded: %s", text ? text : "unknown reason");
}

/* Those of its bus; of devices on buses that are not the core's, those under no name. */
static void set_common(const struct plugins *p, struct type *type)
{
    for (const struct common *c = p->commons; c && !strcmp(type->t.kind, "device"); c = c->next)
        if (!strcmp(c->ops_id, type->t.ops_id) || (!*c->ops_id && !type->common)) {
            type->common = c->props;
            type->n_common = c->n;
        }
}

/* Adds all types of a loaded file, or none. */
static char *add_types(struct plugins *p, const struct tenon_plugin *plugin, const char *path,
                       bool by_path)
{
    struct type *added = NULL, **end = &added;
    char *why = NULL;

    for (uint32_t i = 0; i < plugin->n_types && !why; i++) {
        *end = type_create(plugin->types[i], path, &why);
        if (*end) {
            (*end)->by_path = by_path;
            set_common(p, *end);
            end = &(*end)->next;
        }
    }
    if (!why) {
        *end = p->types;
        p->types = added;
        return NULL;
    }
    while (added) {
        struct type *type = added;

        added = type->next;
        type_destroy(type);
    }
    return why;
}

static char *link_file(struct plugins *p, const char *path, bool by_path)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct tenon_plugin *plugin = handle ? dlsym(handle, SYMBOL) : NULL;
    char *why, *line;

    if (!handle)
        return linker_reason(path);
    if (!plugin)
        return g_strdup("is no plugin: it does not export " SYMBOL);
    why = plugin_check(plugin);
    if (why)
        return why;
    why = add_types(p, plugin, path, by_path);
    if (!why)
        return NULL;
    line = g_strdup_printf("is broken: %s", why);
    g_free(why);
    return line;
}

static const struct type *find_type(const struct plugins *p, const char *kind, const char *name,
                                    const char *path)
{
    for (const struct type *type = p->types; type; type = type->next)
        if (!strcmp(type->t.kind, kind) && (path ? !strcmp(type->path, path) : !type->by_path) &&
            names_have(type->names, name))
            return type;
    return NULL;
}

/* The type from a file whose cards are in order, loaded if it has not been yet. */
static const struct type *load_type(struct plugins *p, const char *kind, const char *name,
                                    const char *path, bool by_path, char **why)
{
    const struct type *type = find_type(p, kind, name, path);

    if (type)
        return type;
    *why = link_file(p, path, by_path);
    if (*why)
        return NULL;
    type = find_type(p, kind, name, path);
    if (!type)
        *why = g_strdup_printf("is broken: its card names %s '%s', its table does not",
                               kind_noun(kind), name);
    return type;
}

/*
 * Loads the type from a file.  NULL: *why is the reason, to be freed, or NULL if there is no such
 * file.  With name NULL the path is the user's own, and who can write the file is their business.
 */
static const struct type *load_file(struct plugins *p, const char *kind, const char *name,
                                    const char *path, char **why)
{
    struct wanted w = { .kind = kind, .name = name, .file = strrchr(path, '/') + 1 };
    const struct type *type = NULL;
    const char *fault;
    struct image image;

    if (!image_open(&image, path, &fault)) {
        bool absent = errno == ENOENT || errno == ENOTDIR;

        *why = name && absent    ? NULL
               : errno == EINVAL ? g_strdup(fault)
                                 : g_strdup_printf("cannot be read: %s", fault);
        return NULL;
    }
    fault = name ? image_untrusted(&image) : NULL;
    *why = fault ? g_strdup(fault) : check_cards(&w, &image);
    image_close(&image);
    if (!*why)
        type = load_type(p, kind, name ? name : w.first, path, !name, why);
    g_free(w.first);
    g_free(w.why);
    return type;
}

/* ---- A name ---- */

static const struct type *load_path(struct plugins *p, const char *kind, const char *path,
                                    const char *where)
{
    char *why;
    const struct type *type = load_file(p, kind, NULL, path, &why);

    if (!type)
        report(where, "%s %s", path, why);
    g_free(why);
    return type;
}

/* A file that is not usable is told of, and the next folder's is tried. */
static const struct type *load_name(struct plugins *p, const char *kind, const char *name,
                                    const char *where)
{
    const struct type *type = NULL;
    char *fault = NULL;

    for (unsigned i = 0; p->dirs[i] && !type; i++) {
        char *path = *p->dirs[i] ? plugin_path(p->dirs[i], kind, name) : NULL, *why = NULL;

        type = path ? load_file(p, kind, name, path, &why) : NULL;
        if (fault && (type || why)) {
            report_warning(where, "%s", fault);
            g_clear_pointer(&fault, g_free);
        }
        if (why)
            fault = g_strdup_printf("%s %s", path, why);
        g_free(why);
        g_free(path);
    }
    if (!type && fault)
        report(where, "%s", fault);
    else if (!type && !plugins_explain(p, kind, name, where))
        report(where, "no such %s", kind_noun(kind));
    g_free(fault);
    return type;
}

const struct type *plugins_load(struct plugins *p, const char *kind, const char *name,
                                const char *where)
{
    const struct type *type;

    if (strchr(name, '/'))
        return load_path(p, kind, name, where);
    type = find_type(p, kind, name, NULL);
    if (type)
        return type;
    if (!name_valid(name)) {
        report(where, "'%s' is not a name of a %s", name, kind_noun(kind));
        return NULL;
    }
    return load_name(p, kind, name, where);
}
