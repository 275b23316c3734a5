/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin - finding, checking and loading plugins, and their types in the form the rest of the core
 * uses.
 *
 * The file name is the index: DIR/KIND-NAME.so.  A name with a slash is a path.  Before a file is
 * loaded its card (an ELF note) is read; a listing reads cards alone.
 */
#ifndef TENON_CORE_PLUGIN_H
#define TENON_CORE_PLUGIN_H

#include <stdbool.h>
#include <stdio.h>

#include <tenon/plugin.h>

struct plugins;
struct trace_table;

/* A type, with all its tables copied into this program's own sizes. */
struct type {
    struct tenon_type t; /* name is the first of its names alone; arrays are unset: see below */
    char *names;         /* all of them, separated by spaces */
    const char *path;    /* of the file */
    struct tenon_prop *props;
    struct tenon_reg *regs;
    struct tenon_timer *timers;
    struct tenon_window *windows;
    struct tenon_pin *pins;
    struct tenon_iface *ifaces;
    struct tenon_event *events;
    unsigned n_props, n_regs, n_timers, n_windows, n_pins, n_ifaces, n_events;
    struct trace_table *trace;       /* of its events */
    const struct tenon_prop *common; /* properties that its bus gives it */
    unsigned n_common;
    bool by_path; /* loaded from a path the user gave: not found by name */
    struct type *next;
};

/* Copies a table that begins with its size (ops, an interface's) into size bytes of ours; what it
 * does not have is zero. */
void table_copy(void *to, size_t size, const void *table);
/* The same for an array; one zeroed element ends it.  To be freed with g_free(). */
void *array_copy(const struct tenon_array *array, size_t size);

/* What a card says; strings live as long as the callback. */
struct card {
    const char *path; /* of the file it was read from */
    const char *file; /* its name without directory */
    unsigned major, need;
    const char *kind, *names, *bus, *tags, *help;
};

/* dirs is a list separated by colons, searched in order; NULL: $TENON_PLUGIN_PATH (unless
 * AT_SECURE), then the places of the build tree or the installation. */
struct plugins *plugins_create(const char *dirs);
void plugins_destroy(struct plugins *p);

/*
 * The type called name of a kind, loaded if need be.  where is the option as typed; a failure is
 * reported in one line that says why, names the package if share/plugin-packages knows one, or the
 * nearest name there is; NULL then.  [main]
 */
const struct type *plugins_load(struct plugins *p, const char *kind, const char *name,
                                const char *where);
/* Is there a file for it?  Loads and reports nothing. */
bool plugins_have(struct plugins *p, const char *kind, const char *name);
/* Of a name without a file: reports its package or the nearest name; false if there is neither. */
bool plugins_explain(struct plugins *p, const char *kind, const char *name, const char *where);

/* Calls fn for each card of a kind (all kinds if NULL), sorted by file name; what is not usable is
 * left out. */
void plugins_each(struct plugins *p, const char *kind,
                  void (*fn)(void *arg, const struct card *card), void *arg);

/* Calls fn for the name of each trace event of each plugin; some come several times. */
void plugins_each_event(struct plugins *p, void (*fn)(void *arg, const char *name), void *arg);

/* -device help: names grouped by bus, as QEMU prints them.  -device NAME,help: properties with
 * type, default and sentence; false if there is no such type, and that has been reported. */
void plugins_print_devices(struct plugins *p, FILE *to);
bool plugins_print_props(struct plugins *p, const char *kind, const char *name, const char *where,
                         FILE *to);

/* ---- Properties ---- */

const struct tenon_prop *type_prop(const struct type *type, const char *name);
/* Parses text into the property's field of state; chardevs are looked up by the caller: they are
 * stored by prop_set_pointer().  False: reported.  Strings are copied, and freed by props_finish().
 */
bool prop_set(const struct type *type, const struct tenon_prop *prop, void *state, const char *text,
              const char *where);
void prop_set_pointer(const struct tenon_prop *prop, void *state, void *value);
/* What the field holds: of numbers, bools and enumerations; of strings and chardevs. */
uint64_t prop_number(const struct tenon_prop *prop, const void *state);
const void *prop_pointer(const struct tenon_prop *prop, const void *state);
void prop_init(const struct tenon_prop *prop, void *state);
/* Sets every property to its default.  */
void props_init(const struct type *type, void *state);
void props_finish(const struct type *type, void *state);
/* "No such property; did you mean ...": the line for an unknown key. */
void prop_unknown(const struct type *type, const char *key, const char *where);

/*
 * Properties that a bus gives all types with that ops_id (PCI: addr, multifunction): they are
 * listed and suggested with a type's own.  To be said before a type is loaded; the table must live
 * as long as p.
 */
void plugins_add_common(struct plugins *p, const char *ops_id, const struct tenon_prop *props,
                        unsigned n);

#endif
