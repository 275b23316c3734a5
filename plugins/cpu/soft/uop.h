/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uop - micro-operations: what decoded code is made of, and how blocks of it are built.
 *
 * A block is straight-line guest code of one page (or one instruction that crosses into the next),
 * good for one rip, CS base and mode, found by the host address of its first byte.  Its micro-ops
 * run threaded: each ends by jumping to the next one's handler.  A translator to host code compiles
 * the same list; what an operation reads, writes and does to flags is in uop_info[].
 *
 * Rules:
 *  - Operands d, a, b are byte offsets into cpu->r: REG(RAX), REG(RAX) + 1 for AH, REG(REG_T1)...
 *    8- and 16-bit results leave the rest of the register; 32-bit results clear the upper half.
 *  - T0 to T3 are dead between instructions.  T0 has the linear address after emit_address().
 *  - Precise rip: cpu->rip is stale while a block runs.  Whatever may fault first calls
 *    uop_precise(cpu, u); UOP_CALL does it for its function, so that this may fault at will.
 *  - Precise state: an instruction changes registers, flags and memory after its last access that
 *    may fault.  Read-modify-write loads with LOADW* or emit_address(write), which probe the store.
 *  - Flags: cpu->flags is exact wherever a block may be left: at its end and before each micro-op
 *    marked P_PRECISE.  Elsewhere a setter whose flags all die runs quietly.  Functions of UOP_CALL
 *    count as precise and read and write cpu->flags freely.
 *  - Jumps: d is the operand size, to which the target is cut.  Fused with a comparison they stand
 *    for two instructions: off is the first's, len both's, and d >> 4 is how far the second lies
 *    behind the first.
 *  - A block ends with a micro-op marked P_END: a jump, or emit_call_last(), emit_call_jump().
 *    Whatever changes mode, privilege, segments' flatness, page tables, TF or IF, or may halt,
 *    ends the block.
 *  - Stores may kill the running block: the rest of the instruction still runs, its next one is
 *    decoded afresh.  Nothing has to be done for it.
 */
#ifndef TENON_SOFT_UOP_H
#define TENON_SOFT_UOP_H

#include "cpu.h"
#include "insn.h"
#include "links.h"
#include "ring.h"

struct uop;
struct block;
struct jit_site;
struct jit_region;

/* A handler: returns the micro-op to go on with, NULL to leave the block with cpu->rip set. */
typedef const struct uop *uop_run(struct cpu *cpu, const struct uop *u);
/* What UOP_CALL calls: a whole instruction.  cpu->rip is its address, r[REG_NEXT] its next's. */
typedef void uop_call(struct cpu *cpu, const struct uop *u);

struct uop {
    uop_run *run;
    uint16_t op;  /* UOP_* */
    uint16_t off; /* of its instruction in the block */
    uint8_t len;  /* of its instruction; 0 is impossible */
    uint8_t d, a, b;
    union {
        int64_t imm;
        struct {
            int32_t imm32; /* of fused compare and branch */
            int32_t rel;   /* of jumps: from the next instruction */
        };
    };
    union {
        uop_call *call;
        struct block *link; /* of jumps: where it went last (JMP_TO: always), or NULL */
        struct {
            uint8_t seg, scale, size, write, addr_size;
        };
    };
};

/* A block's place among those that have bytes in a page of host memory. */
struct page_link {
    struct link link;
    struct block *block;
    const uint8_t *page;
};

/* A jump to a block, in the jump's block's memory behind the micro-ops. */
struct block_link {
    struct link link; /* of those to the same block */
    struct uop *from;
};

/* A page of code at its linear address: at which epochs that was last seen to lead there.  It is
 * there as long as blocks are. */
struct code_page {
    uint64_t epoch[SPACES];
    struct link link;
    uint64_t lin;
    const uint8_t *host;
    unsigned blocks;
};

struct block {
    struct ring_item item;
    struct link found;   /* by its bytes */
    const uint8_t *code; /* host address of its first byte */
    uint64_t rip, cs_base;
    uint32_t mode, cs_limit;
    uint64_t *epoch; /* of its page, or its own (see alone); once it is dead, nobody's */
    uint16_t bytes, instructions;
    const uint8_t *code2; /* the second page, of an only instruction that crosses; else NULL */
    struct page_link on_page[2];
    struct link *linked; /* jumps to it: struct block_link */
    /* The translator's: the first micro-op's own handler, how many entries until it is translated,
     * and then how translated code enters it (or NULL), its jumps to other blocks, theirs here. */
    uop_run *first;
    const uint8_t *entry;
    struct jit_site *site;
    struct link *incoming;
    /* The region that it is the root of, and those it is in (struct jit_member); how often its
     * jumps back will have been made when they make one. */
    struct jit_region *region;
    struct link *memberships;
    uint32_t loops;
    uint32_t heat;
    uint64_t split_at; /* when its accesses were not of one page the last time, as once before */
    uint8_t splits;    /* how often they have not been, each time soon after the last */
    uint16_t n_sites;
    uint16_t n, n_links; /* micro-ops; those of them that have links */
    bool dead;           /* nobody finds it any more */
    bool alone;          /* not of a code_page */
    bool solitary;       /* not for regions */
    bool patient;        /* its jump back makes no loop, but perhaps a region if it goes on */
    struct uop uop[];
};

/* ---- Operations ---- */

/* In imm of JMP_TO: it has gone to more than one block. */
enum { JUMP_VARIES = 1 };

/* Properties: operands written and read, and what it may do. */
enum {
    W_D = 1,
    R_D = 2,
    R_A = 4,
    R_B = 8,
    USES_IMM = 0x10,
    P_LOAD = 0x20,
    P_STORE = 0x40,
    P_PRECISE = 0x80, /* may fault or leave: flags exact before it */
    P_END = 0x100
};
#define F_SZAPO (F_ARITH & ~F_CF)

// clang-format off
/*
 * X(name, quiet, properties, flags read, flags perhaps changed, flags always overwritten).
 * quiet is the handler for when no flag that it changes is live.  Sized ones come as 8, 16, 32, 64;
 * with I behind the name, b is the immediate.
 */
#define UOP_SIZED(X, name, props, reads, sets, kills)                                              \
    X(name##8, name##8Q, props, reads, sets, kills)                                                \
    X(name##16, name##16Q, props, reads, sets, kills)                                              \
    X(name##32, name##32Q, props, reads, sets, kills)                                              \
    X(name##64, name##64Q, props, reads, sets, kills)
#define UOP_WIDE(X, name, props, reads, sets, kills)                                               \
    X(name##16, name##16Q, props, reads, sets, kills)                                              \
    X(name##32, name##32Q, props, reads, sets, kills)                                              \
    X(name##64, name##64Q, props, reads, sets, kills)
#define UOP_BITS(X, name, props)                                                                   \
    UOP_WIDE(X, name, props | R_B, 0, F_CF, F_CF)                                                  \
    UOP_WIDE(X, name##I, props | USES_IMM, 0, F_CF, F_CF)
#define UOP_PLAIN(X, name, props)                                                                  \
    X(name##8, name##8, props, 0, 0, 0)                                                            \
    X(name##16, name##16, props, 0, 0, 0)                                                          \
    X(name##32, name##32, props, 0, 0, 0)                                                          \
    X(name##64, name##64, props, 0, 0, 0)
#define UOP_PURE_FLAGS(X, size)                                                                    \
    X(PURE_FLAGS##size, PURE_FLAGS##size, W_D | R_D | R_A | R_B, F_ARITH, F_ARITH, 0)
#define UOP_BOTH(X, name, props, reads, sets, kills)                                               \
    UOP_SIZED(X, name, props | R_B, reads, sets, kills)                                            \
    UOP_SIZED(X, name##I, props | USES_IMM, reads, sets, kills)
#define UOP_COND(X, name, props)                                                                   \
    X(name##O, name##O, props, F_OF, 0, 0) X(name##NO, name##NO, props, F_OF, 0, 0)                \
    X(name##B, name##B, props, F_CF, 0, 0) X(name##NB, name##NB, props, F_CF, 0, 0)                \
    X(name##Z, name##Z, props, F_ZF, 0, 0) X(name##NZ, name##NZ, props, F_ZF, 0, 0)                \
    X(name##BE, name##BE, props, F_CF | F_ZF, 0, 0)                                                \
    X(name##NBE, name##NBE, props, F_CF | F_ZF, 0, 0)                                              \
    X(name##S, name##S, props, F_SF, 0, 0) X(name##NS, name##NS, props, F_SF, 0, 0)                \
    X(name##P, name##P, props, F_PF, 0, 0) X(name##NP, name##NP, props, F_PF, 0, 0)                \
    X(name##L, name##L, props, F_SF | F_OF, 0, 0) X(name##NL, name##NL, props, F_SF | F_OF, 0, 0)  \
    X(name##LE, name##LE, props, F_SF | F_OF | F_ZF, 0, 0)                                         \
    X(name##NLE, name##NLE, props, F_SF | F_OF | F_ZF, 0, 0)
/* A comparison that sets the flags, and a jump upon them. */
#define UOP_FUSED_ONE(X, name, props) X(name, name, props, 0, F_ARITH, F_ARITH)
#define UOP_FUSED(X, name, props)                                                                  \
    UOP_FUSED_ONE(X, name##O, props) UOP_FUSED_ONE(X, name##NO, props)                             \
    UOP_FUSED_ONE(X, name##B, props) UOP_FUSED_ONE(X, name##NB, props)                             \
    UOP_FUSED_ONE(X, name##Z, props) UOP_FUSED_ONE(X, name##NZ, props)                             \
    UOP_FUSED_ONE(X, name##BE, props) UOP_FUSED_ONE(X, name##NBE, props)                           \
    UOP_FUSED_ONE(X, name##S, props) UOP_FUSED_ONE(X, name##NS, props)                             \
    UOP_FUSED_ONE(X, name##P, props) UOP_FUSED_ONE(X, name##NP, props)                             \
    UOP_FUSED_ONE(X, name##L, props) UOP_FUSED_ONE(X, name##NL, props)                             \
    UOP_FUSED_ONE(X, name##LE, props) UOP_FUSED_ONE(X, name##NLE, props)
#define UOP_FUSED_SIZES(X, name)                                                                   \
    UOP_FUSED(X, name##8, R_A | R_B | P_PRECISE)                                                   \
    UOP_FUSED(X, name##I8, R_A | USES_IMM | P_PRECISE)                                             \
    UOP_FUSED(X, name##32, R_A | R_B | P_PRECISE)                                                  \
    UOP_FUSED(X, name##I32, R_A | USES_IMM | P_PRECISE)                                            \
    UOP_FUSED(X, name##64, R_A | R_B | P_PRECISE)                                                  \
    UOP_FUSED(X, name##I64, R_A | USES_IMM | P_PRECISE)
#define UOP_IS_FUSED(op) ((op) >= UOP_CMPJ8O && (op) <= UOP_TESTJI64NLE)

#define UOPS(X)                                                                                    \
    /* d = a op b */                                                                               \
    UOP_BOTH(X, ADD, W_D | R_A, 0, F_ARITH, F_ARITH)                                               \
    UOP_BOTH(X, OR, W_D | R_A, 0, F_ARITH, F_ARITH)                                                \
    UOP_BOTH(X, ADC, W_D | R_A, F_CF, F_ARITH, F_ARITH)                                            \
    UOP_BOTH(X, SBB, W_D | R_A, F_CF, F_ARITH, F_ARITH)                                            \
    UOP_BOTH(X, AND, W_D | R_A, 0, F_ARITH, F_ARITH)                                               \
    UOP_BOTH(X, SUB, W_D | R_A, 0, F_ARITH, F_ARITH)                                               \
    UOP_BOTH(X, XOR, W_D | R_A, 0, F_ARITH, F_ARITH)                                               \
    UOP_BOTH(X, CMP, R_A, 0, F_ARITH, F_ARITH)                                                     \
    UOP_BOTH(X, TEST, R_A, 0, F_ARITH, F_ARITH)                                                    \
    UOP_SIZED(X, INC, W_D | R_A, 0, F_SZAPO, F_SZAPO)                                              \
    UOP_SIZED(X, DEC, W_D | R_A, 0, F_SZAPO, F_SZAPO)                                              \
    UOP_SIZED(X, NEG, W_D | R_A, 0, F_ARITH, F_ARITH)                                              \
    UOP_PLAIN(X, NOT, W_D | R_A)                                                                   \
    UOP_WIDE(X, IMUL, W_D | R_A | R_B, 0, F_ARITH, F_ARITH)                                       \
    /* By b, or by an immediate that is not 0 when masked */                                       \
    UOP_SIZED(X, SHL, W_D | R_A | R_B, 0, F_ARITH, 0)                                              \
    UOP_SIZED(X, SHR, W_D | R_A | R_B, 0, F_ARITH, 0)                                              \
    UOP_SIZED(X, SAR, W_D | R_A | R_B, 0, F_ARITH, 0)                                              \
    UOP_SIZED(X, ROL, W_D | R_A | R_B, 0, F_ARITH, 0)                                              \
    UOP_SIZED(X, ROR, W_D | R_A | R_B, 0, F_ARITH, 0)                                              \
    UOP_SIZED(X, RCL, W_D | R_A | R_B, F_CF, F_ARITH, 0)                                           \
    UOP_SIZED(X, RCR, W_D | R_A | R_B, F_CF, F_ARITH, 0)                                           \
    UOP_SIZED(X, SHLI, W_D | R_A | USES_IMM, 0, F_ARITH, F_ARITH)                                  \
    UOP_SIZED(X, SHRI, W_D | R_A | USES_IMM, 0, F_ARITH, F_ARITH)                                  \
    UOP_SIZED(X, SARI, W_D | R_A | USES_IMM, 0, F_ARITH, F_ARITH)                                  \
    /* By any immediate but 1, OF stays */                                                         \
    UOP_SIZED(X, ROLI, W_D | R_A | USES_IMM, 0, F_CF | F_OF, F_CF)                                 \
    UOP_SIZED(X, RORI, W_D | R_A | USES_IMM, 0, F_CF | F_OF, F_CF)                                 \
    /* BT, BTS, BTR, BTC of bit b (or imm) modulo the size */                                      \
    UOP_BITS(X, BT, R_A) UOP_BITS(X, BTS, W_D | R_A) UOP_BITS(X, BTR, W_D | R_A)                   \
    UOP_BITS(X, BTC, W_D | R_A)                                                                    \
    /* d = a, d = imm; zero- and sign-extended to 64 bits from the size named */                   \
    UOP_PLAIN(X, MOV, W_D | R_A) UOP_PLAIN(X, MOVI, W_D | USES_IMM)                                \
    X(ZX8, ZX8, W_D | R_A, 0, 0, 0) X(ZX16, ZX16, W_D | R_A, 0, 0, 0)                              \
    X(SX8, SX8, W_D | R_A, 0, 0, 0) X(SX16, SX16, W_D | R_A, 0, 0, 0)                              \
    X(SX32, SX32, W_D | R_A, 0, 0, 0)                                                              \
    X(BSWAP32, BSWAP32, W_D | R_A, 0, 0, 0) X(BSWAP64, BSWAP64, W_D | R_A, 0, 0, 0)                \
    /* A C function of registers alone, by the size of what it reads */                            \
    UOP_PLAIN(X, PURE, W_D | R_D | R_A | R_B) UOP_PURE_FLAGS(X, 8) UOP_PURE_FLAGS(X, 16)           \
    UOP_PURE_FLAGS(X, 32) UOP_PURE_FLAGS(X, 64)                                                    \
    /* d = a + (b << scale) + imm, cut to the size; ADDRSEG: and segment base, all checks */       \
    X(LEA32, LEA32, W_D | R_A | R_B | USES_IMM, 0, 0, 0)                                           \
    X(LEA64, LEA64, W_D | R_A | R_B | USES_IMM, 0, 0, 0)                                           \
    X(LEASEG, LEASEG, W_D | R_A | R_B | USES_IMM, 0, 0, 0)                                         \
    X(ADDRSEG, ADDRSEG, W_D | R_A | R_B | USES_IMM | P_PRECISE, 0, 0, 0)                           \
    /* Memory at linear a + imm: LOAD into d; LOADZ, LOADW zero-extended to 64, the latter as it   \
     * will be written; STORE of b */                                                              \
    UOP_PLAIN(X, LOAD, W_D | R_A | USES_IMM | P_LOAD | P_PRECISE)                                  \
    X(LOADZ8, LOADZ8, W_D | R_A | USES_IMM | P_LOAD | P_PRECISE, 0, 0, 0)                          \
    X(LOADZ16, LOADZ16, W_D | R_A | USES_IMM | P_LOAD | P_PRECISE, 0, 0, 0)                        \
    UOP_PLAIN(X, LOADW, W_D | R_A | USES_IMM | P_LOAD | P_PRECISE)                                 \
    UOP_PLAIN(X, STORE, R_A | R_B | USES_IMM | P_STORE | P_PRECISE)                                \
    /* Locked: d = what is at T0; T2 goes there unless that has changed, else imm back */          \
    UOP_PLAIN(X, LOCK_LOAD, W_D | P_LOAD | P_PRECISE)                                              \
    UOP_PLAIN(X, LOCK_STORE, USES_IMM | P_STORE | P_PRECISE)                                       \
    X(PUSH64, PUSH64, R_B | P_STORE | P_PRECISE, 0, 0, 0)                                          \
    X(POP64, POP64, W_D | P_LOAD | P_PRECISE, 0, 0, 0)                                             \
    UOP_COND(X, SET, W_D)                                                                          \
    UOP_COND(X, CMOV, W_D | R_D | R_A) /* d = a, 64 bits */                                        \
    /* Jumps: to rel where the condition holds, else on */                                         \
    UOP_COND(X, J, P_PRECISE) UOP_FUSED_SIZES(X, CMPJ) UOP_FUSED_SIZES(X, TESTJ)                   \
    X(JNZ_REG, JNZ_REG, R_A | P_PRECISE, 0, 0, 0) X(JZ_REG, JZ_REG, R_A | P_PRECISE, 0, 0, 0)      \
    X(JMP, JMP, P_PRECISE | P_END, 0, 0, 0)                                                        \
    X(JMP_TO, JMP_TO, R_A | P_PRECISE | P_END, 0, 0, 0)                                            \
    X(CALL64, CALL64, P_STORE | P_PRECISE | P_END, 0, 0, 0)                                        \
    X(RET64, RET64, USES_IMM | P_LOAD | P_PRECISE | P_END, 0, 0, 0)                                \
    /* A C function: and on; and leave for the next instruction, or for where it set cpu->rip; or \
     * again and again until r[REG_T3] is 0 (string instructions, interruptible). */               \
    X(CALL, CALL, P_LOAD | P_STORE | P_PRECISE, F_ARITH, F_ARITH, 0)                               \
    X(CALL_LAST, CALL_LAST, P_LOAD | P_STORE | P_PRECISE | P_END, F_ARITH, F_ARITH, 0)             \
    X(CALL_JUMP, CALL_JUMP, P_LOAD | P_STORE | P_PRECISE | P_END, F_ARITH, F_ARITH, 0)             \
    X(CALL_LOOP, CALL_LOOP, P_LOAD | P_STORE | P_PRECISE, F_ARITH, F_ARITH, 0)                     \
    /* CALL for vector and floating-point instructions: what must hold before them (d is one of    \
     * LOADED_*), then they, by what they do to flags. */                                          \
    X(CHECK, CHECK, P_PRECISE, 0, 0, 0)                                                             \
    X(VECTOR, VECTOR, P_LOAD | P_STORE | P_PRECISE, 0, 0, 0)                                         \
    X(VECTOR_FLAGS, VECTOR_FLAGS, P_LOAD | P_PRECISE, 0, F_ARITH, F_ARITH)                                 \
    X(X87, X87, P_LOAD | P_STORE | P_PRECISE, 0, 0, 0)                                            \
    X(X87_FLAGS, X87_FLAGS, P_PRECISE, 0, F_ARITH, F_ARITH)                                             \
    X(X87_COND, X87_COND, P_PRECISE, F_ARITH, 0, 0)                                                    \
    X(NOP, NOP, 0, 0, 0, 0)                                                                        \
    /* No instruction: leaves a block that has been overwritten. */                                \
    X(STALE, STALE, P_PRECISE | P_END, 0, 0, 0)
// clang-format on

enum uop_op {
#define X(name, ...) UOP_##name,
    UOPS(X)
#undef X
        N_UOPS
};

struct uop_info {
    const char *name;
    uop_run *run, *quiet;
    uint16_t props;
    uint16_t reads, sets, kills;
};
extern const struct uop_info uop_info[N_UOPS];

/* ---- Building (build.c) ---- */

#define REG(n) ((uint8_t)((n)*8))

enum { MAX_UOPS = 256, MAX_INSN_UOPS = 24, MAX_BLOCK_INSNS = 48 };

struct block_builder {
    struct cpu *cpu;
    uint64_t rip;          /* of the block */
    uint32_t mode;         /* MODE_* it is for */
    const struct insn *in; /* the instruction being translated */
    unsigned n;
    bool ended;   /* a P_END has been emitted */
    bool shadows; /* set by an instruction that holds interrupts off until after the next one */
    bool system;  /* sys_translate() took the instruction */
    struct uop uop[MAX_UOPS];
};

/* Adds one micro-op; the caller may fill in the rest of it. */
struct uop *emit(struct block_builder *b, enum uop_op op, uint8_t d, uint8_t a, uint8_t s,
                 int64_t imm);
/* T0 = linear address of the memory operand, checked (segment, canonical) for size bytes at it. */
void emit_address(struct block_builder *b, unsigned size, bool write);
/* The same, of seg:[base + disp] with the address size given in bytes; base REG_ZERO for none. */
void emit_address_at(struct block_builder *b, enum seg seg, unsigned base, int64_t disp,
                     unsigned addr_size, unsigned size, bool write);
/* The same, but an address that needs no more than a sum is not checked to be canonical: whoever
 * accesses it does. */
void emit_linear(struct block_builder *b, unsigned size, bool write);
/* The same without any check; false: T0 = the offset in the segment, not cut to the address size.
 */
bool emit_unchecked(struct block_builder *b);
/* A function that runs the instruction; d, a, s and imm are the caller's, as u->d, a, b, imm. */
struct uop *emit_call(struct block_builder *b, uop_call *call, uint8_t d, uint8_t a, uint8_t s,
                      int64_t imm);
/* Another micro-op that does the same. */
void emit_call_as(struct block_builder *b, enum uop_op op, uop_call *call, uint8_t d, uint8_t a,
                  uint8_t s, int64_t imm);
/* The same as emit_call(), and the block ends: for the next instruction / for cpu->rip, which the
 * function sets.
 */
void emit_call_last(struct block_builder *b, uop_call *call, uint8_t d, uint8_t a, uint8_t s,
                    int64_t imm);
void emit_call_jump(struct block_builder *b, uop_call *call, uint8_t d, uint8_t a, uint8_t s,
                    int64_t imm);
/* On to the next instruction, in a block of its own; only jumps cut it to 16 bits. */
void emit_continue(struct block_builder *b);
/* #UD or another fault without error code, or #GP(0), when the instruction is reached. */
void emit_fault(struct block_builder *b, int vector);
/* Address of an integer register operand of size bytes: AH to BH where there is no REX. */
uint8_t insn_reg(const struct insn *in, unsigned number, unsigned size);
/* A load or store of uop_info's form at the memory operand; d or s is the register. */
struct uop *emit_memory(struct block_builder *b, enum uop_op op, uint8_t d, uint8_t s,
                        unsigned size);
/* Loads operand rm (register or memory) zero-extended into REG(t); or stores it from there. */
void emit_load_rm(struct block_builder *b, unsigned t, unsigned size);
void emit_store_rm(struct block_builder *b, unsigned t, unsigned size);

/* Chooses handlers for all n micro-ops of a block: quiet ones where flags are dead. */
void uops_choose(struct uop *uop, unsigned n);
/* The same, once all is there. */
void build_finish(struct block_builder *b);

/* The instruction's micro-ops; #UD for what is none. */
void translate(struct block_builder *b, const struct insn *in);
/* By opcode's owner; false: #UD.  in is b->in.  LOCK has been refused already unless the opcode is
 * an integer one that allows it. */
bool integer_translate(struct block_builder *b, const struct insn *in);
bool sys_translate(struct block_builder *b, const struct insn *in);
bool fpu_translate(struct block_builder *b, const struct insn *in);
bool vec_translate(struct block_builder *b, const struct insn *in);

/* ---- Decoding (decode.c) ---- */

enum { INSN_MAX = 15, DECODE_SHORT = 0, DECODE_LONG = -1 };

/* Takes one instruction apart; rip is its address, code MODE_CODE*.  Returns its length,
 * DECODE_SHORT if n bytes are not enough to know, DECODE_LONG if it is longer than 15 (#GP). */
int decode(struct insn *in, const uint8_t *bytes, unsigned n, uint64_t rip, unsigned code);

/* ---- Running (exec*.c) ---- */

static inline void uop_precise(struct cpu *cpu, const struct uop *u)
{
    cpu->rip = cpu->block->rip + u->off;
}

/* Of the instruction after u's; only jumps cut it to 16 bits. */
static inline uint64_t uop_next_rip(const struct cpu *cpu, const struct uop *u)
{
    uint64_t rip = cpu->block->rip + u->off + u->len;

    return cpu->mode & MODE_CODE64 ? rip : (uint32_t)rip;
}

/* The linear addresses below 2^47 and from -2^47 (2^56 with 5 levels). */
static inline bool canonical(const struct cpu *cpu, uint64_t lin)
{
    unsigned shift = cpu->cr4 & CR4_LA57 ? 7 : 16;

    return (uint64_t)((int64_t)(lin << shift) >> shift) == lin;
}

/* Faults unless rip may be jumped to: #GP(0) beyond CS's limit or not canonical. */
void check_target(struct cpu *cpu, uint64_t rip);
/* Stack accesses as instructions make them, with SS's checks; SP changes after they succeeded. */
uint64_t stack_linear(struct cpu *cpu, uint64_t offset, unsigned size, bool write);
void stack_move(struct cpu *cpu, uint64_t rsp); /* as wide as SS makes it */
void push(struct cpu *cpu, uint64_t value, unsigned size);
uint64_t pop(struct cpu *cpu, unsigned size);

#endif
