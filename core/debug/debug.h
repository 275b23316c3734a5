/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug - what the command line says of the log: -d, -D, -dfilter. */
#ifndef TENON_CORE_DEBUG_H
#define TENON_CORE_DEBUG_H

struct config;

/* To be called after a fork, and before there is a machine.  -EINVAL: what is wrong has been
 * reported.  [main] */
int debug_start(const struct config *config);
void debug_finish(void);

#endif
