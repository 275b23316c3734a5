/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* simpletrace - trace events in a binary file; its form is described in docs/logging.md. */
#ifndef TENON_CORE_SIMPLETRACE_H
#define TENON_CORE_SIMPLETRACE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <tenon/trace.h>

struct simpletrace;

/* Whether the arguments of a printf format can be told apart: see tenon/trace.h. */
bool simpletrace_format_ok(const char *format);

/* One thread at a time.  NULL: errno says why. */
struct simpletrace *simpletrace_open(const char *path);
void simpletrace_close(struct simpletrace *s); /* accepts NULL */
/* An event's number and name, before it is written for the first time. */
void simpletrace_declare(struct simpletrace *s, uint32_t number, const struct tenon_event *event);
void simpletrace_write(struct simpletrace *s, uint32_t number, const char *format, va_list ap);

#endif
