/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-check - is a file a good plugin?  Looks for what would only be found in use: code that
 * runs when it is loaded, symbols that clash or are missing, cards that do not say what the tables
 * do.
 *
 * Sources: System V gABI, chapters "Sections", "Symbol Table" and "Dynamic Section"; glibc's ELF
 * Handling For Thread-Local Storage (DF_STATIC_TLS).
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "plugin/inner.h"

#define SYMBOL "tenon_plugin_" G_STRINGIFY(TENON_ABI_MAJOR)

struct check {
    const char *path;
    bool verbose;
    unsigned faults, faults_before;
    struct image image;
    Elf64_Ehdr eh;
    GPtrArray *cards;   /* "kind\tnames\thelp" of each */
    GHashTable *events; /* names of trace events in the notes */
    GPtrArray *needed;  /* the libraries' names */
};

static void fault(struct check *c, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
static void warning(const struct check *c, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

static void say(const struct check *c, const char *kind, const char *fmt, va_list ap)
{
    char *text = g_strdup_vprintf(fmt, ap);

    printf("%s: %s%s\n", c->path, kind, text);
    g_free(text);
}

static void fault(struct check *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(c, "", fmt, ap);
    va_end(ap);
    c->faults++;
}

static void warning(const struct check *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(c, "warning: ", fmt, ap);
    va_end(ap);
}

/* Says what has been looked at, if nothing was wrong with it. */
static void passed(struct check *c, const char *what)
{
    bool clean = c->faults == c->faults_before;

    c->faults_before = c->faults;
    if (c->verbose && clean)
        printf("%s: checked: %s\n", c->path, what);
}

/* ---- Sections ---- */

static bool section(const struct check *c, size_t i, Elf64_Shdr *sh)
{
    return i < c->eh.e_shnum &&
           span_take(c->image.bytes, c->eh.e_shoff + i * sizeof(*sh), sh, sizeof(*sh));
}

/* The section of a type, and the strings that belong to it. */
static bool find_section(const struct check *c, uint32_t type, struct span *contents,
                         struct span *strings)
{
    Elf64_Shdr sh, linked;

    for (size_t i = 0; section(c, i, &sh); i++)
        if (sh.sh_type == type && section(c, sh.sh_link, &linked)) {
            *contents = span_part(c->image.bytes, sh.sh_offset, sh.sh_size);
            *strings = span_part(c->image.bytes, linked.sh_offset, linked.sh_size);
            return true;
        }
    return false;
}

/* ---- What the dynamic linker is told ---- */

static void check_entry(struct check *c, const Elf64_Dyn *dyn, struct span strings)
{
    const char *name;

    switch (dyn->d_tag) {
    case DT_NEEDED:
        name = span_string(strings, dyn->d_un.d_val);
        if (name)
            g_ptr_array_add(c->needed, g_strdup(name));
        break;
    case DT_INIT_ARRAYSZ:
        /* One entry is frame_dummy, of the compiler's crtbeginS.o. */
        if (dyn->d_un.d_val > sizeof(void *))
            fault(c, "runs %zu constructors when it is loaded: a plugin runs nothing",
                  (size_t)dyn->d_un.d_val / sizeof(void *) - 1);
        break;
    case DT_FINI_ARRAYSZ:
        if (dyn->d_un.d_val > sizeof(void *))
            fault(c, "runs %zu destructors when the program ends: use destroy()",
                  (size_t)dyn->d_un.d_val / sizeof(void *) - 1);
        break;
    case DT_TEXTREL: fault(c, "has relocations in its code: compile it with -fPIC"); break;
    case DT_FLAGS:
        if (dyn->d_un.d_val & DF_TEXTREL)
            fault(c, "has relocations in its code: compile it with -fPIC");
        if (dyn->d_un.d_val & DF_STATIC_TLS)
            fault(c,
                  "has thread-local data of the static kind, of which a program has little room");
        break;
    case DT_RPATH:
    case DT_RUNPATH:
        name = span_string(strings, dyn->d_un.d_val);
        warning(c, "looks for its libraries in %s", name ? name : "a place that is not said");
        break;
    }
}

static void check_dynamic(struct check *c)
{
    struct span entries, strings;
    Elf64_Dyn dyn;

    if (!find_section(c, SHT_DYNAMIC, &entries, &strings)) {
        fault(c, "has no section table, so nothing can be looked up in it");
        return;
    }
    for (size_t at = 0; span_take(entries, at, &dyn, sizeof(dyn)) && dyn.d_tag != DT_NULL;
         at += sizeof(dyn))
        check_entry(c, &dyn, strings);
    passed(c, "runs nothing when it is loaded; no static TLS; no text relocations");
}

/* ---- Symbols ---- */

/* The plugin's own libraries and the C library: only they may answer. */
static GPtrArray *open_libraries(struct check *c)
{
    GPtrArray *handles = g_ptr_array_new();

    g_ptr_array_add(c->needed, g_strdup("libc.so.6"));
    for (unsigned i = 0; i < c->needed->len; i++) {
        void *handle = dlopen(g_ptr_array_index(c->needed, i), RTLD_LAZY | RTLD_LOCAL);

        if (handle)
            g_ptr_array_add(handles, handle);
        else
            fault(c, "needs a library that cannot be loaded: %s", dlerror());
    }
    return handles;
}

static bool is_defined(const GPtrArray *libraries, const char *name)
{
    for (unsigned i = 0; i < libraries->len; i++) {
        dlerror();
        if (dlsym(g_ptr_array_index(libraries, i), name) || !dlerror())
            return true;
    }
    return false;
}

static void check_symbols(struct check *c)
{
    struct span symbols, strings;
    GPtrArray *libraries = open_libraries(c);
    Elf64_Sym sym;
    bool exported = false;

    if (!find_section(c, SHT_DYNSYM, &symbols, &strings))
        symbols = strings = (struct span){ 0 };
    for (size_t at = sizeof(sym); span_take(symbols, at, &sym, sizeof(sym)); at += sizeof(sym)) {
        const char *name = span_string(strings, sym.st_name);
        bool global = ELF64_ST_BIND(sym.st_info) != STB_LOCAL;

        if (!name || !global || sym.st_shndx == SHN_ABS)
            continue;
        if (sym.st_shndx != SHN_UNDEF && !strcmp(name, SYMBOL))
            exported = true;
        else if (sym.st_shndx != SHN_UNDEF)
            fault(c, "exports %s: compile it with -fvisibility=hidden, or make it static", name);
        else if (ELF64_ST_BIND(sym.st_info) == STB_GLOBAL && !is_defined(libraries, name))
            fault(c, "uses %s, which is in none of the libraries it is linked with", name);
    }
    if (!exported)
        fault(c, "does not export " SYMBOL ": end the file with TENON_PLUGIN(...)");
    passed(c, "exports " SYMBOL " alone; finds every symbol it uses");
    g_ptr_array_free(libraries, true);
}

/* ---- Cards and tables ---- */

static char *card_text(const char *kind, const char *names, const char *help)
{
    return g_strdup_printf("%s '%s', \"%s\"", kind, names, help);
}

static void check_name(void *arg, const char *name)
{
    if (!name_valid(name))
        fault(arg, "'%s' cannot be a name: letters, digits and . _ + - only", name);
}

static void collect_card(void *arg, const struct card *card)
{
    struct check *c = arg;

    if (card->major != TENON_ABI_MAJOR) {
        fault(c, "has a card of interface %u, this program knows %d", card->major, TENON_ABI_MAJOR);
        return;
    }
    names_each(card->names, check_name, c);
    if (!*card->help)
        warning(c, "%s '%s' does not say what it is", card->kind, card->names);
    if (!strcmp(card->kind, "device") && !*card->bus)
        fault(c, "device '%s' does not say which bus it is on", card->names);
    g_ptr_array_add(c->cards, card_text(card->kind, card->names, card->help));
}

static void collect_event(void *events, const char *name)
{
    g_hash_table_insert(events, g_strdup(name), GINT_TO_POINTER(false)); /* no table has it yet */
}

static void collect_events(void *c, const char *names)
{
    names_each(names, collect_event, ((struct check *)c)->events);
}

static bool check_cards(struct check *c)
{
    bool in_sections;
    const char *why = cards_read(c->image.bytes, collect_card, c, &in_sections);

    if (why) {
        fault(c, "%s", why);
        return false;
    }
    events_read(c->image.bytes, collect_events, c);
    if (in_sections)
        warning(c, "its cards are in no PT_NOTE segment: a tool has rewritten the file");
    return true;
}

/* Several types may have the same. */
static void check_event(struct check *c, const char *name)
{
    if (g_hash_table_contains(c->events, name))
        g_hash_table_insert(c->events, g_strdup(name), GINT_TO_POINTER(true));
    else
        fault(c, "event '%s' is in the table and in no note", name);
}

static void check_type(struct check *c, const struct tenon_type *from)
{
    char *why = NULL, *text = NULL;
    struct type *type = type_create(from, c->path, &why);
    unsigned at;

    if (!type) {
        fault(c, "%s", why);
    } else {
        text = card_text(type->t.kind, type->names, type->t.help);
        if (g_ptr_array_find_with_equal_func(c->cards, text, g_str_equal, &at))
            g_ptr_array_remove_index(c->cards, at);
        else
            fault(c, "%s is in the table and has no such card", text);
    }
    g_free(text);
    g_free(why);
    for (unsigned i = 0; type && i < type->n_events; i++)
        check_event(c, type->events[i].name);
    type_destroy(type);
}

static void unlisted_event(void *name, void *listed, void *c)
{
    if (!listed)
        fault(c, "event '%s' is in a note and in no table: is .events missing?", (char *)name);
}

static void check_tables(struct check *c)
{
    char *absolute = g_canonicalize_filename(c->path, NULL);
    void *handle = dlopen(absolute, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const struct tenon_plugin *plugin = handle ? dlsym(handle, SYMBOL) : NULL;
    char *why = plugin ? plugin_check(plugin) : NULL;

    if (!plugin)
        fault(c, "cannot be loaded: %s", dlerror());
    else if (why)
        fault(c, "%s", why);
    for (uint32_t i = 0; plugin && !why && i < plugin->n_types; i++)
        check_type(c, plugin->types[i]);
    for (unsigned i = 0; plugin && !why && i < c->cards->len; i++)
        fault(c, "%s has a card and is not in the table", (char *)g_ptr_array_index(c->cards, i));
    if (plugin && !why)
        g_hash_table_foreach(c->events, unlisted_event, c);
    passed(c, "its cards say what its tables do; every table can be used");
    g_free(why);
    g_free(absolute);
}

/* ---- The program ---- */

static void check_start(struct check *c, const char *path, bool verbose)
{
    *c = (struct check){ .path = path,
                         .verbose = verbose,
                         .cards = g_ptr_array_new_with_free_func(g_free),
                         .events = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
                         .needed = g_ptr_array_new_with_free_func(g_free) };
}

static void check_finish(struct check *c)
{
    image_close(&c->image);
    g_ptr_array_free(c->cards, true);
    g_hash_table_destroy(c->events);
    g_ptr_array_free(c->needed, true);
}

/* Is the file a plugin without fault?  It is loaded only if it is safe to. */
static bool check_file(const char *path, bool verbose)
{
    struct check c;
    const char *why;

    check_start(&c, path, verbose);
    if (!image_open(&c.image, path, &why)) {
        fault(&c, "%s", why);
    } else if (check_cards(&c)) {
        span_take(c.image.bytes, 0, &c.eh, sizeof(c.eh));
        if (image_untrusted(&c.image))
            warning(&c, "%s when it is found by name", image_untrusted(&c.image));
        check_dynamic(&c);
        check_symbols(&c);
        if (!c.faults)
            check_tables(&c);
    }
    if (!c.faults)
        printf("%s: ok\n", path);
    check_finish(&c);
    return !c.faults;
}

struct naming {
    const char *path, *kind;
};

static void print_name(void *arg, const char *name)
{
    const struct naming *naming = arg;
    char *base = g_path_get_basename(naming->path);

    printf("%s-%s.so %s\n", naming->kind, name, base);
    g_free(base);
}

static void print_names(void *arg, const struct card *card)
{
    struct naming naming = { .path = arg, .kind = card->kind };

    names_each(card->names, print_name, &naming);
}

/* "device-e1000.so e1000.so": a line for each file name by which the plugin is to be found. */
static bool list_names(const char *path)
{
    struct image image;
    const char *why;

    if (image_open(&image, path, &why)) {
        why = cards_read(image.bytes, print_names, (void *)path, NULL);
        image_close(&image);
    }
    if (why)
        fprintf(stderr, "tenon-plugin-check: %s %s\n", path, why);
    return !why;
}

int main(int argc, char **argv)
{
    gboolean names = false, verbose = false, ok = true;
    char **files = NULL;
    const GOptionEntry entries[] = {
        { "names", 'n', 0, G_OPTION_ARG_NONE, &names, "Print the file names it is to be found by",
          NULL },
        { "verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, "Say what has been checked", NULL },
        { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &files, NULL, "FILE..." },
        { 0 },
    };
    GOptionContext *context = g_option_context_new("- is a file a good plugin for tenon?");
    GError *error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || !files) {
        fprintf(stderr, "tenon-plugin-check: %s\n", error ? error->message : "which FILE?");
        g_clear_error(&error);
        ok = false;
    }
    for (unsigned i = 0; files && files[i]; i++)
        ok &= names ? list_names(files[i]) : check_file(files[i], verbose);
    g_option_context_free(context);
    g_strfreev(files);
    return ok ? 0 : 1;
}
