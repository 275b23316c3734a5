/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * monitor - the monitors of a machine: HMP for people, QMP for programs, each on a chardev.
 *
 * A machine without monitors has none of this: machine->monitors is NULL.
 */
#ifndef TENON_CORE_MONITOR_H
#define TENON_CORE_MONITOR_H

#include <stdbool.h>

struct machine;
struct tenon_chardev;

enum monitor_mode { MONITOR_HMP, MONITOR_QMP };

/* Makes those of the configuration: -monitor, -qmp, -qmp-pretty, -mon.  False: a fault has been
 * reported.  [main, locked] */
bool monitors_create(struct machine *m);
void monitors_destroy(struct machine *m);
/* Whether standard output is to be QMP's, and nobody else's.  [any] */
bool monitor_has_stdout(const struct machine *m);
/* Makes one more.  -EBUSY: chr has a user, and that has been reported at where.  [main, locked] */
int monitor_add(struct machine *m, struct tenon_chardev *chr, enum monitor_mode mode, bool pretty,
                const char *where);

#endif
