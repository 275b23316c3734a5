/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* points - breakpoints and watchpoints of a machine, whatever runs its processors. */
#ifndef TENON_CORE_POINTS_H
#define TENON_CORE_POINTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct points;
struct machine;
struct vcpu;

/* As gdb's Z packets number them. */
enum point_kind { POINT_SOFT, POINT_HARD, POINT_WRITE, POINT_READ, POINT_ACCESS, N_POINT_KINDS };

enum { POINTS = 1024 };

/*
 * Stops all processors at linear address (of bytes, for data).  cpu is whose address it is, where a
 * breakpoint has to be put into memory.  -EEXIST, -ENOSPC: there are too many; -ENOTSUP: the
 * accelerator cannot stop at these; -EFAULT: no memory is there.  [main, locked, stopped]
 */
int points_insert(struct vcpu *cpu, enum point_kind kind, uint64_t address, uint64_t bytes);
/* -ENOENT: there is none.  [main, locked, stopped] */
int points_remove(struct machine *m, enum point_kind kind, uint64_t address, uint64_t bytes);
/* Takes all away.  [main, locked, stopped] */
void points_clear(struct machine *m);

/* [main, locked, stopped] */
bool points_has(const struct machine *m, enum point_kind kind, uint64_t address);

/* Memory has been filled anew by a reset: breakpoints in it come back.  [main, locked, stopped] */
void points_restore(struct machine *m);

/* Whether an INT3 executed at linear address is ours.  [vcpu, or main, stopped] */
bool points_is_int3(const struct machine *m, uint64_t address);
/* Puts what INT3s stand for into what has been read from memory at phys, and takes what is to be
 * written there: into buf comes what memory is to hold.  [main, locked, stopped] */
void points_hide(const struct machine *m, uint64_t phys, uint8_t *buf, size_t len);
void points_keep(struct machine *m, uint64_t phys, uint8_t *buf, size_t len);

#endif
