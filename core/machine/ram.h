/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ram - the machine's memory: how much, and what is behind it. */
#ifndef TENON_CORE_RAM_H
#define TENON_CORE_RAM_H

struct machine;
struct tenon_machine_ops;

/* Reads -m into m->info; 0, or -EINVAL and why has been reported.  [main] */
int ram_size(struct machine *m, const struct tenon_machine_ops *ops);
/* Makes m->ram, from -machine memory-backend=, -mem-path or nothing of the kind. [main] */
int ram_create(struct machine *m);

#endif
