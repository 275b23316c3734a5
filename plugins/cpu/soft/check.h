/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check - engine=check: each block runs in the interpreter and in translated code, and the first
 * difference stops the machine.
 *
 * A block runs in the interpreter first, with every access on its slow way, where stores are noted.
 * They are taken back, registers too; then the translated block runs from the same state, as fast
 * as ever, but alone.  Registers must be the same then, and the lines of memory that were stored
 * to.  What touches a device, or cannot be repeated, runs once, in the interpreter; an instruction
 * that is known to be such runs by itself.
 */
#ifndef TENON_SOFT_CHECK_H
#define TENON_SOFT_CHECK_H

#include "uop.h"

/* Memory that a block stores to: where in the host's, and in the guest's linear addresses. */
enum { CHECK_LINE = 64, CHECK_LINES = 256 };
struct check_line {
    uint8_t *host;
    uint64_t lin;
    uint64_t stored; /* a bit for each byte */
    uint8_t before[CHECK_LINE], plain[CHECK_LINE];
};

struct check {
    struct tlb_entry none[TLB_ENTRIES]; /* while stores are noted */
    bool repeatable;
    unsigned n_lines;
    struct check_line line[CHECK_LINES];
    struct cpu before, plain; /* the state the block began with, and as the interpreter left it */
    char *difference;         /* in the last comparison */
    char *report;             /* what LEAVE_DIFFERS is about */
    struct {
        uint64_t checked, once; /* blocks, as often as they were run; what ran by itself */
    } count;
};

/* The processor, which has a translator, checks from now on; 0 or -ENOMEM. */
int check_create(struct cpu *cpu);
void check_destroy(struct cpu *cpu); /* accepts one that does not check */
/* In the place of blocks_run(). */
void check_run(struct cpu *cpu);

/* An instruction's micro-ops are there, from first on: one that may not be repeated gets a guard.
 */
void check_emit(struct block_builder *b, unsigned first);

/* Bytes at host are about to be stored to, by whatever means. */
void check_store(struct check *check, uint64_t lin, uint8_t *host, unsigned bytes);
/* What is no RAM has been reached. */
void check_device(struct check *check);

#endif
