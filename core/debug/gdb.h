/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gdb - a stub for gdb: one debugger at a time, over a character device. */
#ifndef TENON_CORE_GDB_H
#define TENON_CORE_GDB_H

struct gdb;
struct machine;

/*
 * Waits for gdb on dev: what chardev_short() takes, sockets listening and not waited for; "none"
 * ends it.  An earlier one ends.  -errno: reported at where.  [main, locked]
 */
int gdb_start(struct machine *m, const char *dev, const char *where);
/* Tells a debugger that waits of the end, and lets go of its device.  [main, locked] */
void gdb_stop(struct machine *m);

#endif
