/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ram - the machine's memory: how much, and what is behind it. */
#ifndef TENON_CORE_RAM_H
#define TENON_CORE_RAM_H

#include <stdbool.h>

struct block;
struct config;
struct config_group;
struct machine;
struct tenon_machine_ops;

/* Reads -m into m->info; 0, or -EINVAL and why has been reported.  [main] */
int ram_size(struct machine *m, const struct tenon_machine_ops *ops);
/* Makes m->ram, from -machine memory-backend=, -mem-path or nothing of the kind, and the memory
 * objects of the command line.  -errno: why has been reported.  [main] */
int ram_create(struct machine *m);
void ram_destroy(struct machine *m);

/* ---- Memory objects: memory-backend-ram, -memfd, -file ---- */

struct memory_object {
    const struct config_group *group;
    struct config *config; /* whose group that is, if not the machine's: goes with the object */
    struct block *block;
};

/* Makes the object of a group, which nobody uses yet; NULL: why has been reported.  [main] */
struct memory_object *memory_object_create(struct machine *m, const struct config_group *group);
void memory_object_destroy(struct machine *m, struct memory_object *o);
/* for (unsigned n = 0; (o = memory_object_next(m, &n));) */
struct memory_object *memory_object_next(const struct machine *m, unsigned *n);
struct memory_object *memory_object_find(const struct machine *m, const char *id);
bool memory_object_used(const struct machine *m, const struct memory_object *o);
/* Its property share, prealloc, merge, dump or readonly. */
bool memory_object_flag(const struct memory_object *o, const char *key);

#endif
