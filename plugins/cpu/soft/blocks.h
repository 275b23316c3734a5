/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blocks - a processor's decoded code: how it is found, linked and forgotten.
 */
#ifndef TENON_SOFT_BLOCKS_H
#define TENON_SOFT_BLOCKS_H

#include <stddef.h>

#include "uop.h"

/* In block->mode beside MODE_*: a block of one instruction, never linked to. */
#define BLOCK_ONE 0x80000000u

enum {
    JUMP_ENTRIES = 1 << 12,
    HASH_ENTRIES = 1 << 15,
    PAGE_ENTRIES = 1 << 12,
    ARENA_BYTES = 32 << 20
};

struct blocks {
    struct block *jump[JUMP_ENTRIES];     /* by rip: where indirect jumps went */
    struct block *hash[HASH_ENTRIES];     /* by host address of the code */
    struct page_link *page[PAGE_ENTRIES]; /* by host page: the blocks that have bytes there */
    uint8_t *arena;
    size_t used;
    uint64_t flushes;
    struct uop *link_from; /* the jump that awaits the next block */
    struct jit *jit;       /* NULL: no translator */
    struct block_builder builder;
};

static inline struct block **blocks_jump_entry(struct cpu *cpu, uint64_t rip)
{
    return &cpu->blocks->jump[(rip ^ rip >> 12) & (JUMP_ENTRIES - 1)];
}

/* Whether block is what would be found for rip now. */
static inline bool block_fits(const struct cpu *cpu, const struct block *block, uint64_t rip,
                              uint32_t mode)
{
    return block->rip == rip && block->epoch == cpu->epoch && block->mode == mode &&
           block->cs_base == cpu->seg[SEG_CS].base && block->cs_limit == cpu->seg[SEG_CS].limit;
}

/* Starts a block: its first micro-op, or NULL with cpu->rip set if there is something else to do.
 */
static inline const struct uop *block_enter(struct cpu *cpu, struct block *block)
{
    uint64_t instructions = cpu->instructions + block->instructions;

    if (UNLIKELY(instructions > cpu->stop_at || __atomic_load_n(&cpu->wanted, __ATOMIC_RELAXED))) {
        cpu->rip = block->rip;
        return NULL;
    }
    cpu->instructions = instructions;
    cpu->block = block;
    return block->uop;
}

/* Takes back the count of the instructions from u's on: the block is left before it. */
void block_leave_at(struct cpu *cpu, unsigned off);

#endif
