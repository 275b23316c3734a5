/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * report - how the program tells its user that something is wrong, in one line.
 *
 * A line names the place as the user typed it ("-device edu,delay=x"), says what is wrong and what
 * would be right.  Parsing goes on after an error, so that a command line's faults come all at
 * once.
 */
#ifndef TENON_CORE_REPORT_H
#define TENON_CORE_REPORT_H

#include <stdarg.h>
#include <stdbool.h>

/* Prints "tenon: WHERE: text" to stderr; where may be NULL.  [any] */
void report(const char *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_v(const char *where, const char *fmt, va_list ap);

/* The same, prefixed "warning: ".  [any] */
void report_warning(const char *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "tenon: WHERE: info: text", for what is not wrong at all.  [any] */
void report_info(const char *where, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether lines begin with the time, as -msg timestamp=on wants.  [main] */
void report_timestamps(bool on);

/*
 * Sends further lines of this thread to fn instead of stderr, or back with NULL: for a monitor's
 * command, and for tests.
 */
typedef void report_fn(void *arg, const char *line);
void report_redirect(report_fn *fn, void *arg);

#endif
