/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tree - the machine as a tree of objects with paths. */

#include "machine/tree.h"

#include <string.h>

#include <glib.h>

#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/ram.h"
#include "options/options.h"
#include "plugin/card.h"
#include "plugin/plugin.h"

enum place { OBJECTS, CHARDEVS, BACKEND, PERIPHERAL, ANON, UNATTACHED, NOWHERE };

static const struct {
    const char *name;
    bool of_machine;
} containers[] = {
    [OBJECTS] = { "objects", false },     [CHARDEVS] = { "chardevs", false },
    [BACKEND] = { "backend", false },     [PERIPHERAL] = { "peripheral", true },
    [ANON] = { "peripheral-anon", true }, [UNATTACHED] = { "unattached", true },
};

static enum place place_of(const struct inst *inst)
{
    const char *kind = inst->type->t.kind;

    if (!strcmp(kind, "chardev"))
        return CHARDEVS;
    if (!strcmp(kind, "object"))
        return OBJECTS;
    if (strcmp(kind, "device"))
        return NOWHERE;
    return inst->has_id ? PERIPHERAL : inst->by_user ? ANON : UNATTACHED;
}

struct node tree_node(struct inst *inst)
{
    return (struct node){ .kind = NODE_INST, .inst = inst };
}

struct node tree_cpu(unsigned index)
{
    return (struct node){ .kind = NODE_CPU, .n = index };
}

/* Numbers do not change when other devices go. */
void tree_place(struct inst *inst, bool by_user)
{
    inst->by_user = by_user;
    for (const struct inst *i = inst->machine->insts; i; i = i->next)
        if (i != inst && place_of(i) == place_of(inst))
            inst->number = MAX(inst->number, i->number + 1);
}

/* ---- Names ---- */

static unsigned n_cpus(const struct machine *m)
{
    return m->cpus ? m->info.cpus : 0;
}

static char *inst_name(const struct machine *m, const struct inst *inst)
{
    switch (place_of(inst)) {
    case ANON: return g_strdup_printf("device[%u]", inst->number);
    case UNATTACHED: return g_strdup_printf("device[%u]", n_cpus(m) + inst->number);
    default: return g_strdup(inst->pub.id);
    }
}

static char *container_path(unsigned n)
{
    return g_strconcat(containers[n].of_machine ? "/machine/" : "/", containers[n].name, NULL);
}

char *tree_path(struct machine *m, const struct node *node)
{
    char *parent, *name, *path;

    if (node->kind == NODE_ROOT)
        return g_strdup("/");
    if (node->kind == NODE_CONTAINER)
        return container_path(node->n);
    if (node->kind == NODE_CPU)
        return g_strdup_printf("/machine/unattached/device[%u]", node->n);
    if (node->kind == NODE_MEMORY)
        return g_strconcat("/objects/", node->memory->group->id, NULL);
    if (node->inst == m->board)
        return g_strdup("/machine");
    parent = container_path(place_of(node->inst));
    name = inst_name(m, node->inst);
    path = g_strconcat(parent, "/", name, NULL);
    g_free(parent);
    g_free(name);
    return path;
}

/* ---- Types ---- */

char *tree_inst_type(const struct inst *inst)
{
    const char *kind = inst->type->t.kind, *name = inst->type->t.name;

    if (!strcmp(kind, "machine"))
        return g_strconcat(name, "-machine", NULL);
    if (!strcmp(kind, "chardev"))
        return g_strconcat("chardev-", name, NULL);
    return g_strdup(name);
}

static char *cpu_type(const struct machine *m)
{
    const struct tenon_machine_ops *ops = m->board->type->t.ops;
    const char *model =
        group_string(config_find(m->config, "cpu", NULL), "model", ops->default_cpu);

    return g_strdup_printf("%.*s-x86_64-cpu", (int)strcspn(model, ","), model);
}

char *tree_type(struct machine *m, const struct node *node)
{
    switch (node->kind) {
    case NODE_INST: return tree_inst_type(node->inst);
    case NODE_CPU: return cpu_type(m);
    case NODE_MEMORY: return g_strdup(group_string(node->memory->group, "qom-type", ""));
    default: return g_strdup("container");
    }
}

/* ---- Children ---- */

static void each_container(bool of_machine, node_fn *fn, void *arg)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(containers); i++)
        if (containers[i].of_machine == of_machine)
            fn(arg, containers[i].name, &(struct node){ .kind = NODE_CONTAINER, .n = i });
}

static void each_cpu(struct machine *m, node_fn *fn, void *arg)
{
    for (unsigned i = 0; i < n_cpus(m); i++) {
        const struct node node = tree_cpu(i);
        char name[24];

        g_snprintf(name, sizeof(name), "device[%u]", i);
        fn(arg, name, &node);
    }
}

static void each_memory(struct machine *m, node_fn *fn, void *arg)
{
    const struct memory_object *o;

    for (unsigned n = 0; (o = memory_object_next(m, &n));)
        fn(arg, o->group->id, &(struct node){ .kind = NODE_MEMORY, .memory = o });
}

static void each_in(struct machine *m, enum place place, node_fn *fn, void *arg)
{
    if (place == UNATTACHED)
        each_cpu(m, fn, arg);
    if (place == OBJECTS)
        each_memory(m, fn, arg);
    for (struct inst *i = m->insts; i; i = i->next) {
        const struct node node = tree_node(i);
        char *name;

        if (!i->created || place_of(i) != place)
            continue;
        name = inst_name(m, i);
        fn(arg, name, &node);
        g_free(name);
    }
}

void tree_each(struct machine *m, const struct node *parent, node_fn *fn, void *arg)
{
    if (parent->kind == NODE_CONTAINER) {
        each_in(m, parent->n, fn, arg);
    } else if (parent->kind == NODE_ROOT) {
        if (m->board)
            fn(arg, "machine", &(struct node){ .kind = NODE_INST, .inst = m->board });
        each_container(false, fn, arg);
    } else if (parent->kind == NODE_INST && parent->inst == m->board) {
        each_container(true, fn, arg);
    }
}

/* ---- Paths ---- */

struct search {
    struct machine *m;
    const char *path; /* of what is looked for, from here on */
    struct node found;
    unsigned n; /* how many there are */
    const char *name;
    size_t len;
};

static void match_child(void *arg, const char *name, const struct node *child)
{
    struct search *s = arg;

    if (strlen(name) == s->len && !memcmp(name, s->name, s->len))
        s->found = *child;
}

static struct node descend(struct machine *m, struct node from, const char *path)
{
    struct search s = { .found = from };

    while (s.found.kind && *(path += strspn(path, "/"))) {
        const struct node here = s.found;

        s.name = path;
        s.len = strcspn(path, "/");
        s.found = (struct node){ 0 };
        tree_each(m, &here, match_child, &s);
        path += s.len;
    }
    return s.found;
}

static void take(struct search *s, const struct node *node)
{
    s->found = *node;
    s->n++;
}

/* The path may begin at any child of any object. */
static void look_below(void *arg, const char *name, const struct node *child)
{
    struct search *s = arg;
    size_t len = strlen(name);
    struct node end = { 0 };

    if (!strncmp(s->path, name, len) && (!s->path[len] || s->path[len] == '/'))
        end = descend(s->m, *child, s->path + len);
    if (end.kind)
        take(s, &end);
    tree_each(s->m, child, look_below, s);
}

static void look_for_type(struct search *s)
{
    for (struct inst *i = s->m->insts; i; i = i->next) {
        const struct node node = tree_node(i);

        if (i->created && !strcmp(i->type->t.kind, "device") && names_have(i->type->names, s->path))
            take(s, &node);
    }
}

struct node tree_find(struct machine *m, const char *path, bool *ambiguous)
{
    const struct node root = { .kind = NODE_ROOT };
    struct search s = { .m = m, .path = path };

    *ambiguous = false;
    if (*path == '/')
        return descend(m, root, path);
    if (*path)
        tree_each(m, &root, look_below, &s);
    if (*path && !s.n)
        look_for_type(&s);
    *ambiguous = s.n > 1;
    return s.n == 1 ? s.found : (struct node){ 0 };
}
