/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* find - where plugins are looked for, and what is said when one is not there. */

#include "plugin/inner.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "options/options.h"
#include "paths.h"
#include "report.h"

#define NAME_CHARS "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._+-"

struct plugins *plugins_create(const char *dirs)
{
    struct plugins *p = g_new0(struct plugins, 1);
    const char *user = dirs ? NULL : secure_getenv("TENON_PLUGIN_PATH");
    char *own = dirs ? NULL : path_plugins();
    char *list = dirs ? g_strdup(dirs) : g_strjoin(":", user ? user : "", own, NULL);

    p->dirs = g_strsplit(list, ":", -1);
    p->packages = path_data("plugin-packages");
    g_free(list);
    g_free(own);
    return p;
}

void plugins_destroy(struct plugins *p)
{
    if (!p)
        return;
    while (p->types) {
        struct type *type = p->types;

        p->types = type->next;
        type_destroy(type);
    }
    while (p->commons) {
        struct common *common = p->commons;

        p->commons = common->next;
        g_free(common);
    }
    g_strfreev(p->dirs);
    g_free(p->packages);
    g_free(p);
}

/* ---- Names and files ---- */

bool name_valid(const char *name)
{
    return g_ascii_isalnum(*name) && !name[strspn(name, NAME_CHARS)] && strlen(name) < 200;
}

char *plugin_path(const char *dir, const char *kind, const char *name)
{
    return g_strdup_printf("%s/%s-%s.so", dir, kind, name);
}

bool file_is(const char *file, const char *kind, const char *name)
{
    size_t k = strlen(kind), n = strlen(name);

    return !strncmp(file, kind, k) && file[k] == '-' && !strncmp(file + k + 1, name, n) &&
           !strcmp(file + k + 1 + n, ".so");
}

struct found {
    const char *dir;
    char *file;
    unsigned order; /* of the folder */
};

static int found_compare(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    int by_name = strcmp(x->file, y->file);

    return by_name ? by_name : (int)x->order - (int)y->order;
}

/* Does the file's name begin like that of a plugin of the kind (any kind, if NULL)? */
static bool is_kind(const char *file, const char *kind)
{
    size_t k = kind ? strlen(kind) : strspn(file, "abcdefghijklmnopqrstuvwxyz");

    return g_str_has_suffix(file, ".so") && k && file[k] == '-' &&
           (!kind || !strncmp(file, kind, k));
}

static void scan(GArray *all, const char *dir, unsigned order, const char *kind)
{
    DIR *d = *dir ? opendir(dir) : NULL;
    struct dirent *e;

    while (d && (e = readdir(d))) {
        struct found found = { .dir = dir, .order = order };

        if (is_kind(e->d_name, kind)) {
            found.file = g_strdup(e->d_name);
            g_array_append_val(all, found);
        }
    }
    if (d)
        closedir(d);
}

void plugin_files(const struct plugins *p, const char *kind, file_fn *fn, void *arg)
{
    GArray *all = g_array_new(false, false, sizeof(struct found));

    for (unsigned i = 0; p->dirs[i]; i++)
        scan(all, p->dirs[i], i, kind);
    g_array_sort(all, found_compare);
    for (unsigned i = 0; i < all->len; i++) {
        struct found *found = &g_array_index(all, struct found, i);

        fn(arg, found->dir, found->file);
        g_free(found->file);
    }
    g_array_free(all, true);
}

bool plugins_have(struct plugins *p, const char *kind, const char *name)
{
    bool have = false;

    if (strchr(name, '/'))
        return g_file_test(name, G_FILE_TEST_IS_REGULAR);
    for (unsigned i = 0; name_valid(name) && p->dirs[i] && !have; i++) {
        char *path = *p->dirs[i] ? plugin_path(p->dirs[i], kind, name) : NULL;

        have = path && g_file_test(path, G_FILE_TEST_IS_REGULAR);
        g_free(path);
    }
    return have;
}

/* ---- Not found ---- */

const char *kind_noun(const char *kind)
{
    static const char *const nouns[][2] = {
        { "cpu", "CPU model" },       { "machine", "machine" }, { "block", "block format" },
        { "audio", "audio backend" }, { "display", "display" }, { "netdev", "netdev" },
        { "disas", "disassembler" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(nouns); i++)
        if (!strcmp(kind, nouns[i][0]))
            return nouns[i][1];
    return kind;
}

/* The distribution's package with that plugin, or NULL.  The file's lines are "KIND NAME PACKAGE";
 * # begins a comment. */
static char *package_of(const struct plugins *p, const char *kind, const char *name)
{
    char *text = NULL, *package = NULL, **lines = NULL;

    if (g_file_get_contents(p->packages, &text, NULL, NULL))
        lines = g_strsplit(text, "\n", -1);
    for (unsigned i = 0; lines && lines[i] && !package; i++) {
        char **words = g_strsplit_set(g_strstrip(lines[i]), " \t", -1);

        if (g_strv_length(words) == 3 && !strcmp(words[0], kind) && !strcmp(words[1], name))
            package = g_strdup(words[2]);
        g_strfreev(words);
    }
    g_strfreev(lines);
    g_free(text);
    return package;
}

struct guess {
    const char *kind;
    GPtrArray *names;
};

static void add_file_name(void *arg, const char *dir, const char *file)
{
    struct guess *guess = arg;
    size_t prefix = strlen(guess->kind) + 1;

    g_ptr_array_add(guess->names, g_strndup(file + prefix, strlen(file) - prefix - strlen(".so")));
}

bool plugins_explain(struct plugins *p, const char *kind, const char *name, const char *where)
{
    char *package = package_of(p, kind, name);
    struct guess guess = { .kind = kind, .names = g_ptr_array_new_with_free_func(g_free) };
    const char *near;
    bool known;

    plugin_files(p, kind, add_file_name, &guess);
    near = nearest_name(name, guess.names->pdata, guess.names->len, string_at);
    if (package)
        report(where, "%s '%s' is not installed: it comes with the package %s", kind_noun(kind),
               name, package);
    else if (near)
        report(where, "no such %s (did you mean '%s'?)", kind_noun(kind), near);
    known = package || near;
    g_ptr_array_free(guess.names, true);
    g_free(package);
    return known;
}
