/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log - what goes on in the machine, for who debugs a guest: the items of -d, the file of -D, the
 * ranges of -dfilter.
 *
 * The log is the program's, not a machine's: with report.c and trace.c it is all the state that
 * is.  Off, it costs the test of a word.
 */
#ifndef TENON_CORE_LOG_H
#define TENON_CORE_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <tenon/log.h>

/* Beside TENON_ITEM_*: accesses to nothing, of -trace-unassigned. */
#define LOG_UNASSIGNED 0x40000000u

/* What only a software CPU tells of. */
enum {
    LOG_SOFTWARE = TENON_ITEM_IN_ASM | TENON_ITEM_INT | TENON_ITEM_EXEC | TENON_ITEM_CPU |
                   TENON_ITEM_MMU | TENON_ITEM_PCALL | TENON_ITEM_NOCHAIN | TENON_ITEM_OP |
                   TENON_ITEM_OUT_ASM,
    /* And what it needs a disassembler for. */
    LOG_ASSEMBLY = TENON_ITEM_IN_ASM | TENON_ITEM_OUT_ASM
};

/* TENON_ITEM_*: what is on; changed by log_set_items() alone.  atomic */
extern uint32_t log_items;

static inline bool log_on(uint32_t items)
{
    return __builtin_expect((__atomic_load_n(&log_items, __ATOMIC_RELAXED) & items) != 0, 0);
}

/*
 * Turns on exactly these items, separated by commas: those of "-d help", "all", "none",
 * "trace:PATTERN" (see trace.h), "tid" (a file for each thread).  For LOG_ASSEMBLY, the
 * machine needs a disassembler besides: disas_open().  Processors that run see it when they next
 * leave guest code: vcpus_pause() and vcpus_resume() make it soon.  False: nothing has changed, and
 * *why is a line that says why, to be g_free'd.  [main]
 */
bool log_set_items(const char *items, char **why);
#define LOG_TRACE_PREFIX "trace:"

/* Reports accesses to addresses where nothing is, whatever the items.  [main] */
void log_unassigned(bool on);

/* Writes to path from now on: %d in it stands for the process, or with "tid" for the thread.  NULL
 * is standard error.  False: as above.  [main] */
bool log_set_file(const char *path, char **why);
const char *log_file(void); /* NULL: standard error.  [main] */

/* Tells only of code in these ranges, separated by commas: A+LENGTH, A-LENGTH, A..B; NULL: of all.
 * False: as above.  [main] */
bool log_set_filter(const char *ranges, char **why);
bool log_covers(uint64_t addr); /* [any] */

/* Adds whole lines in one piece; a missing newline is added.  [any] */
void log_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_print_v(const char *fmt, va_list ap);

/* What "-d help" says. */
void log_print_items(FILE *to);

/* Calls fn for each item that can be on, with whether it is.  [main] */
void log_each(void (*fn)(void *arg, const char *name, const char *help, bool on), void *arg);

/* "in_asm,exec"; to be g_free'd. */
char *log_item_names(uint32_t set);

/* The service "tenon.log/1". */
extern const struct tenon_logger log_service;

/* Closes the file, as if it had never been set, and turns everything off.  [main] */
void log_finish(void);

#endif
