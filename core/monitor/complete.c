/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* complete - what half a line of HMP may become: commands, and what each kind of argument knows. */

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>

#include "debug/trace.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/tree.h"
#include "monitor/command.h"
#include "monitor/line.h"
#include "monitor/schema.h"
#include "plugin/plugin.h"

#define MOST 4096 /* names; a directory may have more */

struct completion {
    struct machine *m;
    const char *typed; /* the word so far */
    GPtrArray *names;
};

static void offer(struct completion *c, const char *name, size_t len)
{
    size_t typed = strlen(c->typed);

    if (len >= typed && !memcmp(name, c->typed, typed) && c->names->len < MOST)
        g_ptr_array_add(c->names, g_strndup(name, len));
}

static void offer_text(struct completion *c, const char *name)
{
    offer(c, name, strlen(name));
}

/* ---- Kinds of arguments ---- */

static void offer_insts(struct completion *c, const char *kind)
{
    for (const struct inst *i = c->m->insts; i; i = i->next)
        if (!strcmp(i->type->t.kind, kind) && (i->has_id || strcmp(kind, "device")))
            offer_text(c, i->pub.id);
}

static void complete_device(struct completion *c)
{
    offer_insts(c, "device");
}

static void complete_chardev(struct completion *c)
{
    offer_insts(c, "chardev");
}

static void complete_object(struct completion *c)
{
    offer_insts(c, "object");
}

struct below {
    struct completion *c;
    const char *path; /* of whose children are offered */
};

/* Children of the paths that are typed already are offered, so a long tree is not. */
static void offer_node(void *arg, const char *name, const struct node *node)
{
    const struct below *up = arg;
    char *path = g_strconcat(up->path, "/", name, NULL);
    struct below down = { up->c, path };

    offer_text(up->c, path);
    if (g_str_has_prefix(up->c->typed, path))
        tree_each(up->c->m, node, offer_node, &down);
    g_free(path);
}

static void complete_path(struct completion *c)
{
    tree_each(c->m, &(struct node){ .kind = NODE_ROOT }, offer_node, &(struct below){ c, "" });
}

static void offer_card(void *arg, const struct card *card)
{
    char **names = g_strsplit(card->names, " ", -1);

    for (char **name = names; *name; name++)
        offer_text(arg, *name);
    g_strfreev(names);
}

static void complete_driver(struct completion *c)
{
    if (c->m->plugins)
        plugins_each(c->m->plugins, "device", offer_card, c);
}

static void complete_file(struct completion *c)
{
    const char *slash = strrchr(c->typed, '/');
    char *dir = slash ? g_strndup(c->typed, slash + 1 - c->typed) : g_strdup("");
    DIR *d = opendir(*dir ? dir : ".");
    struct dirent *entry;

    while (d && (entry = readdir(d))) {
        char *path = g_strconcat(dir, entry->d_name, NULL), *shown;
        struct stat st;

        shown = g_strconcat(path, !stat(path, &st) && S_ISDIR(st.st_mode) ? "/" : "", NULL);
        if (*entry->d_name != '.' || (slash ? slash[1] : *c->typed) == '.')
            offer_text(c, shown);
        g_free(shown);
        g_free(path);
    }
    if (d)
        closedir(d);
    g_free(dir);
}

static void offer_words(struct completion *c, const char *words, size_t len)
{
    char *all = g_strndup(words, len);
    const char *at = all, *name;
    size_t n;

    while (name_next(&at, &name, &n))
        offer(c, name, n);
    g_free(all);
}

/* A word of a command's name, after those that stand in before. */
static void complete_name(struct completion *c, const char *before)
{
    size_t len = strlen(before);

    for (const struct command *k = NULL; (k = command_next(k));) {
        const char *at = k->hmp, *name;
        size_t n;

        while (name_next(&at, &name, &n))
            if (n > len && !memcmp(name, before, len) && g_ascii_isalpha(name[len]))
                offer(c, name + len, MIN(strcspn(name + len, " "), n - len));
    }
}

static void complete_command(struct completion *c)
{
    complete_name(c, "");
}

static void offer_event(void *arg, const char *name, bool on)
{
    offer_text(arg, name);
}

static void complete_trace(struct completion *c)
{
    trace_each(offer_event, c);
}

static const struct {
    const char *kind;
    void (*complete)(struct completion *c);
} kinds[] = {
    { "bool", NULL },
    { "chardev", complete_chardev },
    { "command", complete_command },
    { "device", complete_device },
    { "file", complete_file },
    { "object", complete_object },
    { "opts.driver", complete_driver },
    { "path", complete_path },
    { "trace", complete_trace },
};

static void complete_kind(struct completion *c, const struct member *m)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (strlen(kinds[i].kind) != m->type_len || memcmp(kinds[i].kind, m->type, m->type_len))
            continue;
        if (kinds[i].complete)
            kinds[i].complete(c);
        else
            offer_words(c, "on|off", 6);
    }
    if (*m->type == '-')
        offer(c, m->type, m->type_len);
    else if (memchr(m->type, '|', m->type_len))
        offer_words(c, m->type, m->type_len);
}

/* ---- A line ---- */

static unsigned count_words(const char *text, const char *end)
{
    unsigned n = 0;

    while (text < end) {
        size_t blanks = strspn(text, " "), len = strcspn(text + blanks, " ");

        if (text + blanks >= end)
            break;
        n++;
        text += blanks + len;
    }
    return n;
}

/* The n-th argument that a word may be: flags and formats may be left out. */
static void complete_argument(struct completion *c, const struct command *command, unsigned n)
{
    const char *at = command->line;
    struct member m;

    while (member_next(&at, &m)) {
        complete_kind(c, &m);
        if (*m.type == '-' || !strncmp(m.type, "fmt", m.type_len))
            continue;
        if (!n--)
            return;
        g_ptr_array_set_size(c->names, 0);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_unique(GPtrArray *names)
{
    g_ptr_array_sort(names, by_text);
    for (unsigned i = names->len; i-- > 1;)
        if (!strcmp(names->pdata[i], names->pdata[i - 1]))
            g_ptr_array_remove_index(names, i);
}

GPtrArray *line_complete(struct machine *m, const char *line, size_t *word)
{
    struct completion c = { m, NULL, g_ptr_array_new_with_free_func(g_free) };
    const char *last = strrchr(line, ' '), *rest;
    const struct command *command;
    char *before;

    *word = last ? last + 1 - line : 0;
    c.typed = line + *word;
    before = g_strndup(line, *word);
    g_strchug(before);
    complete_name(&c, before);
    command = line_command(before, &rest);
    if (command && *before)
        complete_argument(&c, command, count_words(rest, before + strlen(before)));
    g_free(before);
    sort_unique(c.names);
    return c.names;
}
