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
/* The same, for engine=check: never translated; and of at most so many instructions. */
#define BLOCK_PLAIN         0x20000000u
#define BLOCK_PART(n)       ((uint32_t)(n) << 22)
#define BLOCK_PART_OF(mode) ((mode) >> 22 & 0x7f)

enum {
    JUMP_ENTRIES = 1 << 16,
    HASH_ENTRIES = 1 << 16,
    PAGE_ENTRIES = 1 << 12,
    CODE_PAGES = 1 << 11,
    ARENA_BYTES = 32 << 20
};

struct blocks {
    struct block *jump[JUMP_ENTRIES];   /* by rip: where indirect jumps went */
    struct link *hash[HASH_ENTRIES];    /* by host address of the code */
    struct link *page[PAGE_ENTRIES];    /* by host page: the blocks that have bytes there */
    struct link *code_page[CODE_PAGES]; /* by host page: struct code_page */
    uint64_t never[SPACES];             /* no processor's epoch */
    struct ring arena;
    uint64_t flushes;
    struct block_link *awaits; /* the jump that will be linked with the next block, or NULL */
    struct jit *jit;           /* NULL: no translator */
    struct check *check;       /* NULL: no engine=check */
    struct row_index *vec, *evex;
    struct {
        uint64_t blocks, instructions, bytes;
    } made;
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
    return block->rip == rip && block->epoch[cpu->space] == cpu->epoch && block->mode == mode &&
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

/* The block for cpu->rip, of a kind (BLOCK_*); faults as the instruction's fetch does. */
struct block *blocks_find(struct cpu *cpu, uint32_t kind);
/* The jump u of the block under way awaits the next block. */
void blocks_await(struct cpu *cpu, const struct uop *u);
/* Its bytes, of one that comes from memory; how many. */
unsigned block_copy_code(const struct block *block, uint8_t *to);
/* Runs one block, of a kind (BLOCK_*), and none that it leads to; nothing, if there is not time for
 * all of it. */
void blocks_run_block(struct cpu *cpu, uint32_t kind);

/* Takes back the count of the instructions from u's on: the block is left before it. */
void block_leave_at(struct cpu *cpu, unsigned off);
/* A UOP_CALL_LOOP's function has returned; whether that ends the block: it is to go on where it
 * left off, or its elements have used up what may be executed. */
bool call_loop_leaves(struct cpu *cpu, const struct uop *u);

#endif
