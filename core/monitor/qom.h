/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qom - types and properties as monitors show them; paths are machine/tree.h's. */
#ifndef TENON_CORE_MONITOR_QOM_H
#define TENON_CORE_MONITOR_QOM_H

#include <stdbool.h>

#include <jansson.h>

struct inst;
struct machine;
struct node;
struct type;

/* ---- Properties ---- */

/* type is QOM's: "bool", "uint32", "str", "child<container>".  Takes value, which of a type and not
 * an object is the default, NULL if there is none; help may be NULL. */
typedef void qom_prop_fn(void *arg, const char *name, const char *type, const char *help,
                         json_t *value);

/* Calls fn with each property of an object.  [main, locked] */
void qom_props(struct machine *m, const struct node *node, qom_prop_fn *fn, void *arg);
/* Those alone that its type and its bus declare. */
void qom_own_props(const struct inst *inst, qom_prop_fn *fn, void *arg);
/* The same of types: of plugins, processors, memory. */
void qom_type_props(const struct type *type, qom_prop_fn *fn, void *arg);
void qom_cpu_props(struct machine *m, qom_prop_fn *fn, void *arg);
void qom_memory_props(bool file, qom_prop_fn *fn, void *arg);

/* ---- Types ---- */

struct qom_type {
    const char *name, *parent; /* NULL: it has none */
    bool abstract;
    const char *kind;   /* of plugin; NULL: there is no plugin behind it */
    const char *plugin; /* its name there */
};

/* Calls fn with each type that works here; strings live as long as the call.  [main, locked] */
typedef void qom_type_fn(void *arg, const struct qom_type *type);
void qom_types(struct machine *m, qom_type_fn *fn, void *arg);
/* Is type one of what, or below it? */
bool qom_is_a(const struct qom_type *type, const char *what);

#endif
