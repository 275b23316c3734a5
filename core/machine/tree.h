/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tree - the machine as a tree of objects with paths: "/machine/peripheral/net0".
 *
 * Nothing is kept for it: names and children are worked out of what there is when somebody asks.
 *
 *     /machine                          the board
 *     /machine/peripheral/ID            devices that the user has named
 *     /machine/peripheral-anon/device[N]  and those without a name
 *     /machine/unattached/device[N]     processors, and the board's own devices
 *     /objects/ID, /chardevs/ID
 */
#ifndef TENON_CORE_TREE_H
#define TENON_CORE_TREE_H

#include <stdbool.h>

struct config_group;
struct inst;
struct machine;
struct memory_object;

enum node_kind {
    NODE_NONE,
    NODE_ROOT,
    NODE_CONTAINER,
    NODE_INST, /* a device, a chardev, an object, the board */
    NODE_CPU,
    NODE_MEMORY, /* a memory object */
};

/* One object; holds until the machine is changed. */
struct node {
    enum node_kind kind;
    unsigned n; /* of the container, or the processor */
    struct inst *inst;
    const struct memory_object *memory;
};

/* Calls fn with each child of a node and its name.  [main, locked] */
typedef void node_fn(void *arg, const char *name, const struct node *child);
void tree_each(struct machine *m, const struct node *parent, node_fn *fn, void *arg);

/*
 * Finds what a path leads to; one that does not begin with a slash may begin anywhere, and a type's
 * name stands for its only device.  NODE_NONE: there is none, or *ambiguous.  [main, locked]
 */
struct node tree_find(struct machine *m, const char *path, bool *ambiguous);

/* To be freed with g_free().  [main, locked] */
char *tree_path(struct machine *m, const struct node *node);
char *tree_type(struct machine *m, const struct node *node);
/* The type of an instance: "chardev-pty", "pc-i440fx-7.2-machine". */
char *tree_inst_type(const struct inst *inst);

struct node tree_node(struct inst *inst);
struct node tree_cpu(unsigned index);

/* A device that has just been made finds its place: among the user's, or the board's own. */
void tree_place(struct inst *inst, bool by_user);

#endif
