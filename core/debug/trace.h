/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * trace - trace events: which there are, which are on, and where they are told.
 *
 * Each table of events (the core's, in events.h; each plugin type's) has a byte an event that says
 * whether it is on, so that one that is off costs a branch.  Like the log, this is the program's.
 */
#ifndef TENON_CORE_TRACE_H
#define TENON_CORE_TRACE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tenon/trace.h>

struct plugins;

/* ---- Tables ---- */

struct trace_table;

/* NULL, or what is wrong with an event's name or format; to be g_free'd. */
char *trace_check(const struct tenon_event *event);
/* Adds a table, whose events have been checked; what has been asked for before holds for them, too.
 * events must stay.  [main] */
struct trace_table *trace_add(const struct tenon_event *events, unsigned n);
void trace_remove(struct trace_table *table); /* accepts NULL; nobody uses it any more.  [main] */
const uint8_t *trace_on(const struct trace_table *table); /* a byte an event; at least one */

/* Tells of an event, which is on.  [any] */
void trace_tell(const struct trace_table *table, unsigned event, va_list ap);

/* ---- What is on ---- */

/* Turns events on or off whose names match ("*" and "?"); so, too, those of plugins that are loaded
 * later.  Returns how many there are by now.  [main] */
unsigned trace_set(const char *pattern, bool on);
/* Is there one of that name, among those at hand?  [main] */
bool trace_state(const char *name, bool *on);
/* Calls fn for each event at hand, the core's first.  [main] */
void trace_each(void (*fn)(void *arg, const char *name, bool on), void *arg);

/* Whether an event of that name is in the core or in any plugin that could be loaded. */
bool trace_exists(struct plugins *plugins, const char *name);
/* "-trace help": the names of all these, sorted. */
void trace_print_all(struct plugins *plugins, FILE *to);

/* ---- Where they go ---- */

enum trace_backend {
    TRACE_LOG,    /* lines of the log */
    TRACE_SIMPLE, /* a binary file, for scripts/simpletrace.py; docs/logging.md describes it */
    TRACE_FTRACE, /* the kernel's trace buffer */
};

/* path: of the file; NULL for TRACE_LOG, and for TRACE_FTRACE where tracefs is usually mounted.
 * False: nothing has changed, and *why says why, to be g_free'd.  [main] */
bool trace_set_backend(enum trace_backend backend, const char *path, char **why);
void trace_finish(void); /* everything is off, files are closed.  [main] */

#endif
