/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inner - what the files of core/plugin/ share among themselves, with the checker, and with tests.
 */
#ifndef TENON_CORE_PLUGIN_INNER_H
#define TENON_CORE_PLUGIN_INNER_H

#include "plugin/card.h"
#include "plugin/plugin.h"

struct plugins {
    char **dirs;        /* searched in order, ended by NULL */
    struct type *types; /* what has been loaded */
    struct common *commons;
    char *packages; /* the file that says what comes in which package */
};

/* Properties that a bus gives all that is on it. */
struct common {
    const char *ops_id;
    const struct tenon_prop *props;
    unsigned n;
    struct common *next;
};

/* ---- find.c ---- */

bool name_valid(const char *name);
char *plugin_path(const char *dir, const char *kind, const char *name);
/* Calls fn for every file KIND-NAME.so in the folders, the kind given or any, sorted by that name;
 * one that is in several folders comes several times, in their order. */
typedef void file_fn(void *arg, const char *dir, const char *file);
void plugin_files(const struct plugins *p, const char *kind, file_fn *fn, void *arg);
/* The name in KIND-NAME.so; false if file is no such name. */
bool file_is(const char *file, const char *kind, const char *name);

/* ---- load.c ---- */

/* A type in our own sizes, or NULL and *why, to be freed. */
struct type *type_create(const struct tenon_type *from, const char *path, char **why);
void type_destroy(struct type *type);
/* Checks the constant a plugin exports; NULL or the reason, to be freed. */
char *plugin_check(const struct tenon_plugin *plugin);
/* "device", "CPU model" */
const char *kind_noun(const char *kind);

/* ---- check.c ---- */

/* NULL, or what is wrong with the type's tables; to be freed. */
char *type_check(const struct type *type);
unsigned prop_bytes(uint32_t type); /* of its field; 0: no such type */
bool prop_is_number(const struct tenon_prop *prop);
uint64_t prop_max(const struct tenon_prop *prop);

#endif
