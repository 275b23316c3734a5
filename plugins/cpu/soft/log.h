/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log - what a software processor tells the log of -d.
 *
 * exec and cpu cost nothing while they are off: blocks that tell of themselves are other blocks
 * (MODE_LOG), with a micro-op before their first instruction.
 */
#ifndef TENON_SOFT_LOG_H
#define TENON_SOFT_LOG_H

#include <stdio.h>

#include <tenon/disas.h>
#include <tenon/log.h>

#include "cpu.h"

struct block;
struct block_builder;
struct event;

/* Whether one of TENON_ITEM_* is on. */
static inline bool cpu_logs(const struct cpu *cpu, uint32_t items)
{
    return cpu->log && tenon_logs(cpu->log, items);
}

/* Items for which blocks are made that are told of. */
enum { LOG_BLOCKS = TENON_ITEM_EXEC | TENON_ITEM_CPU | TENON_ITEM_NOCHAIN };

/* MODE_LOG, if it is to be set. */
static inline uint32_t log_mode(const struct cpu *cpu)
{
    return cpu_logs(cpu, LOG_BLOCKS) ? MODE_LOG : 0;
}

/* Before a block's first instruction: the micro-op that tells of it. */
void log_emit(struct block_builder *b);
/* in_asm: a block has been decoded from these bytes. */
void log_code(struct cpu *cpu, const struct block *block, const uint8_t *bytes);
/* op: a block has been decoded to these micro-ops. */
void log_ops(struct cpu *cpu, const struct block *block);
/* out_asm: a block's code, of n bytes, will run at address. */
void log_host_code(struct cpu *cpu, const struct block *block, const uint8_t *code,
                   const uint8_t *address, size_t n);
/* Code as text, an instruction a line; of so many bits, as if it lay at pc.  As bytes, where there
 * is no disassembler. */
void log_disassemble(FILE *f, struct cpu *cpu, const uint8_t *bytes, unsigned n, uint64_t pc,
                     unsigned bits);
/* The same of a block's guest code, from an offset on. */
void log_block(FILE *f, struct cpu *cpu, const struct block *block, unsigned from);
/* int: an exception or interrupt is about to be delivered. */
void log_event(struct cpu *cpu, const struct event *e);
/* Lines. */
void log_lines(struct cpu *cpu, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The same, and the registers. */
void log_registers(struct cpu *cpu, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
