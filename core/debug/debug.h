/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug - what the command line says of the log and of trace events: -d, -D, -dfilter, -trace,
 * -trace-unassigned. */
#ifndef TENON_CORE_DEBUG_H
#define TENON_CORE_DEBUG_H

#include <stdbool.h>
#include <stdio.h>

struct config;
struct plugins;

/* Prints what "-d trace:help" asks for, if it does.  [main] */
bool debug_help(const struct config *config, struct plugins *plugins, FILE *to);

/* To be called after a fork, and before there is a machine.  -EINVAL: what is wrong has been
 * reported.  [main] */
int debug_start(const struct config *config, struct plugins *plugins);
void debug_finish(void);

#endif
