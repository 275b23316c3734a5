/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit - the translator: hot blocks of micro-ops become code of an x86-64 host.
 *
 * Translated code is another handler (uop_run) of a block's first micro-op, and of those that begin
 * an instruction after one that may leave for the interpreter's handlers.  So either engine enters
 * and leaves the other's code wherever an instruction begins, by the jump that ends each handler,
 * and what makes the interpreter leave a block (block_kill()) makes translated code leave it.
 */
#ifndef TENON_SOFT_JIT_H
#define TENON_SOFT_JIT_H

#include <stddef.h>

#include "jit-emit.h"
#include "uop.h"

/*
 * A processor's code memory, mapped twice: to write and to execute.  It begins with the handlers'
 * addresses and the pieces that blocks share.
 */
struct jit {
    uint8_t *write;
    const uint8_t *execute;
    size_t bytes, used, shared;
    uint32_t heat;            /* entries after which a block is translated */
    bool full;                /* to be emptied before the next block is decoded */
    uop_run *enter;           /* calls u->run */
    uop_run *outside;         /* goes to a block that is not translated */
    const uint8_t *link, *to; /* shared: see jit-block.c */
    const uint8_t *load_vector, *load_x87, *unload; /* jit-unit.c */
    struct cpu *cpu;
    uint32_t isas; /* of vector instructions that the host has: bits by vec_isa */
    struct maker *maker;
    struct {
        uint64_t blocks, bytes, flushes;
    } count;
};

/* Room for one block's code; the least memory; entries after which a block is translated. */
enum { JIT_ROOM = 256 << 10, JIT_LEAST = 1 << 20, JIT_HEAT = 32 };

/* Whether this host's code can be made. */
bool jit_possible(void);
/* The processor translates from now on, into so many bytes, what has been entered heat times.
 * 0, or a negative errno. */
int jit_create(struct cpu *cpu, size_t bytes, uint32_t heat);
void jit_destroy(struct cpu *cpu);
/* One processor's share of the code memory of n. */
size_t jit_share_of(size_t bytes, unsigned n);
/* A block has been made; its entries are counted, if it may be translated. */
void jit_watch(struct cpu *cpu, struct block *block, bool may);
/* All blocks are being forgotten.  None may run again before the next one is made. */
void jit_flush(struct cpu *cpu);

/* jit-block.c */

/* The pieces that blocks share; 0 or -ENOMEM. */
int jit_share(struct jit *jit);
/* Writes block's code to jit->write + used, and makes its micro-ops go there; false: it is full. */
bool jit_translate(struct jit *jit, struct block *block);

#endif
