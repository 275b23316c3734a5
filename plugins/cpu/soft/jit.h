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

/* Where an indirect jump went: rip's code, while cpu->salt is that, or once the block has been
 * found to fit again.  Two whose index differs in bit 0 only are a set: either may have the
 * other's. */
struct jit_jump {
    uint64_t rip;
    const uint8_t *code;
    uint64_t salt;
    const struct block *block; /* NULL: none */
};
enum { JIT_JUMPS = 1 << 16 };

/* In code memory: so far from its beginning, where no block's code is. */
typedef uint32_t jit_place;

/* A jump of translated code to another block's.  A block's are in its own memory, behind its links,
 * as many as these; only a region's are in code memory, behind its code. */
struct jit_site {
    struct link link; /* of those linked with the same block */
    struct block *to; /* NULL: not linked */
    struct block *from;
    struct jit_region *asked; /* which was made for it, and is there */
    jit_place at;             /* the 4 bytes of its distance */
    jit_place stub;  /* where it goes while it is not linked: the block is looked for in C */
    jit_place epoch; /* to another page: where the address of the block's epochs is; or 0 */
    /* Of a jump back that is counted, or that was: where that is done, the jump behind it; direct:
     * while it is, the distance of the jump to there. */
    jit_place count, counted, direct;
    uint32_t uop;
};

/* A block of a region that is there. */
struct jit_member {
    struct link link; /* of those of the same block */
    struct jit_region *region;
};

/* Blocks made as one, entered by a jump in place of the first bytes of the root's own code. */
enum { JIT_PATCH = 5 };
struct jit_region {
    struct block *root;
    struct jit_site *site, *hot; /* hot: it is made for this jump back; NULL: that is no more */
    uint8_t head[JIT_PATCH];     /* what was there */
    uint16_t n_sites, n_members;
    struct jit_member member[];
};

/* What indirect jumps depend on beside rip; salts are never used again for another one, and are no
 * rip. */
#define JIT_SALT (1ull << 63)
struct jit_context {
    uint64_t epoch, cs_base, salt;
    uint32_t mode, cs_limit;
};
enum { JIT_CONTEXTS = 8, JIT_SPLITS = 1 << 12 };

/* Before the code of each block or region. */
struct jit_code {
    struct ring_item item;
    struct block *block; /* NULL: no longer, or a region's, which dies before as its root does */
};

/*
 * A processor's code memory, mapped twice: to write and to execute.  It begins with the handlers'
 * addresses and the pieces that blocks share; the rest is a ring of blocks' code.
 */
struct jit {
    uint8_t *write;
    const uint8_t *execute;
    size_t bytes, shared;
    size_t begun; /* parts of JIT_HUGE bytes that code has been written to */
    struct ring code;
    uint32_t heat, heat_again; /* entries after which a block is translated, or so again */
    uint32_t loops;            /* jumps back after which a loop becomes a region */
    uint32_t patience;         /* for what is none, so many times that */
    uop_run *enter;            /* calls u->run */
    struct {
        const uint8_t *enter, *leave, *out, *link, *miss, *call, *split, *hot, *seek;
    } to;                                                       /* shared: see jit-share.c */
    const uint8_t *load_vector, *load_evex, *load_x87, *unload; /* jit-unit.c */
    struct cpu *cpu;
    uint64_t isas; /* of vector instructions that the host has: bits by vec_isa */
    struct maker *maker;
    struct jit_context context[JIT_CONTEXTS];
    uint64_t salts;
    struct jit_jump *jump; /* JIT_JUMPS, aligned to sets */
    uint32_t dice;         /* which of a set goes */
    uint64_t
        split[JIT_SPLITS / 64]; /* by hash: code whose accesses are each looked up by themselves */
    struct {
        uint64_t blocks, bytes, guest_bytes, links, misses, splits, regions, too_long;
    } count;
};

/* Room for the code of one block or region; the least memory, if not for a test; entries after
 * which a block is translated.  For each of them but the first: so many until one whose code has
 * been written over is translated again (to translate has cost more by then than to interpret it),
 * and so many jumps back until a loop is made a region; for
 * what is no loop, JIT_PATIENCE times that.  Accesses that were taken for being of one page are
 * looked up by themselves when they have not been JIT_SPLITS_OFTEN times, each at most JIT_APART
 * instructions after the last. */
enum {
    JIT_ROOM = 64 << 10,
    JIT_LEAST = 1 << 20,
    JIT_HUGE = 2 << 20, /* a huge page of the host's */
    JIT_HEAT = 32,
    JIT_AGAIN = 16,
    JIT_LOOPS = 16,
    JIT_PATIENCE = 64,
    JIT_SPLITS_OFTEN = 8,
    JIT_APART = 4096
};

/* Whether this host's code can be made, and executed. */
bool jit_possible(void);
/* The processor translates from now on, into so many bytes, what has been entered heat times.
 * 0, or a negative errno. */
int jit_create(struct cpu *cpu, size_t bytes, uint32_t heat);
void jit_destroy(struct cpu *cpu);
/* One processor's share of the code memory of n. */
size_t jit_share_of(size_t bytes, unsigned n);
/* A block has been made that may be translated: its entries are counted. */
void jit_watch(struct cpu *cpu, struct block *block);
/* No translated code goes to the block any longer. */
void jit_kill(struct cpu *cpu, struct block *block);
/* The block's memory is wanted: nothing here knows of it any longer. */
void jit_drop(struct cpu *cpu, struct block *block);
/* All blocks are being forgotten.  None may run again before the next one is made. */
void jit_flush(struct cpu *cpu);
/* Micro-ops are about to run: where indirect jumps go may depend on something else than before. */
void jit_settle(struct cpu *cpu);
/* Indirect jumps find this block from now on, which has just been looked up. */
void jit_remember(struct cpu *cpu, const struct block *block);

/* What translated code calls: a handler for a jump that is not linked, one for an indirect jump
 * that is not known; and UOP_CALL's function, after which it goes on (NULL) or with a micro-op. */
uop_run jit_link, jit_miss, jit_call;
/* A jump back has been made so often that its loop is worth a region. */
uop_run jit_hot;
/* And one for accesses that were taken for being all of one page, and are not: the block is made
 * anew. */
uop_run jit_split;
bool jit_is_split(const struct jit *jit, const struct block *block);

/* jit-share.c: the pieces that blocks share; 0 or -ENOMEM. */
int jit_share(struct jit *jit);
/* jit-block.c: writes block's code where at is, and makes its micro-ops go there; how many bytes, 0
 * if JIT_ROOM was not enough. */
size_t jit_translate(struct jit *jit, struct block *block, uint8_t *at);

/* jit-region.c: the best root of the loop that block is of. */
struct block *jit_root(struct jit *jit, struct block *block);
/* Makes a region of what root leads to and (unless straight) what leads back, where at is; NULL:
 * there is none.  Its sites are not linked yet. */
struct jit_region *jit_region(struct jit *jit, struct block *root, uint8_t *at, bool straight);

static inline const uint8_t *jit_executable(const struct jit *jit, const uint8_t *at)
{
    return jit->execute + (at - jit->write);
}

static inline uint8_t *jit_writable(const struct jit *jit, const uint8_t *at)
{
    return jit->write + (at - jit->execute);
}

#endif
