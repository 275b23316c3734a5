/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-tell - who is told of translated code: -d out_asm, and perf, by -perfmap and -jitdump.
 */
#ifndef TENON_SOFT_JIT_TELL_H
#define TENON_SOFT_JIT_TELL_H

#include <stddef.h>

#include "cpu.h"

struct block;

/* Begins the files that are wanted, once; 0 or -errno, and why has been said.  The process's number
 * is in their names, so not before it has become a daemon. [any processor's thread] */
int jit_tell_open(struct soft *soft);
void jit_tell_close(struct soft *soft);

/* A block's code is n bytes at code, to be run where address is. */
void jit_tell(struct cpu *cpu, const struct block *block, const uint8_t *code,
              const uint8_t *address, size_t n);

#endif
