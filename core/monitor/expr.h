/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* expr - numbers as HMP's commands take them: "0x10", "4*(2+1)", "$eax & 0xff". */
#ifndef TENON_CORE_MONITOR_EXPR_H
#define TENON_CORE_MONITOR_EXPR_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

/*
 * Reads an expression at *at and moves *at behind it, and behind blanks.  Registers are those of
 * processor cpu.  NULL, or why it is none, to be g_free'd.  [main, locked]
 */
char *expr_read(struct machine *m, int cpu, const char **at, int64_t *value);

/* A register by its name, "eax"; false: there is none, or it cannot be read. */
bool expr_register(struct machine *m, int cpu, const char *name, uint64_t *value);

#endif
