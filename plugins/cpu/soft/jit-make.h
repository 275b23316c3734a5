/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-make - what the files of templates share: the block being made, operands, memory, flags, ways
 * out.
 *
 * A template writes the code of one micro-op.  AX and CX are its scratch registers; everything else
 * that is the guest's it reaches by source(), changed(), target(), put(), reach().
 */
#ifndef TENON_SOFT_JIT_MAKE_H
#define TENON_SOFT_JIT_MAKE_H

#include "exec.h"
#include "jit.h"
#include "jit-unit.h"

_Static_assert(offsetof(struct cpu, r) == 0, "operands are offsets from DI");

enum { NO_HOST = N_HOST_REGS, LOG2_UOP = 5, LOG2_TLB_ENTRY = 5, PAGE_BITS = 12 };

#define CPU(member)   host_mem(HOST_DI, offsetof(struct cpu, member))
#define AT_OPERAND(o) host_mem(HOST_DI, o)

/* Which guest register is in which of the host's. */
struct registers {
    uint8_t host[N_REGS];      /* NO_HOST: in memory only */
    int8_t guest[N_HOST_REGS]; /* -1: free */
    uint32_t dirty;            /* by guest register: memory is stale */
};

/* A way out of the code, or a detour. */
enum cold_kind { COLD_HANDLER, COLD_LINK, COLD_SET_OF, COLD_CLEAR_OF, COLD_UNIT };
struct cold {
    enum cold_kind kind;
    uint8_t *jump, *back;
    unsigned uop;
    struct registers regs;
    struct x87_note note;
    uint8_t unit; /* COLD_UNIT: LOADED_* */
};

/* Where an instruction begins that the interpreter may come to. */
struct entry {
    unsigned uop;
    uint8_t *at;    /* in the code */
    bool by_itself; /* nothing is to be read before it */
    uint8_t loaded; /* LOADED_*: units that the code expects */
    struct registers regs;
};

struct maker {
    struct host_code c;
    struct jit *jit;
    struct block *block;
    uint8_t *from_block; /* where other translated blocks enter */
    unsigned i;          /* the micro-op under way */
    uint16_t live;       /* of the flags that it sets: those that are wanted */
    uint16_t wanted[MAX_UOPS];
    bool left; /* this instruction may continue in the interpreter */
    struct registers regs;
    uint32_t pinned;      /* host registers in use by this micro-op */
    unsigned turn;        /* which one to take next when all are in use */
    uint8_t loaded;       /* LOADED_*: units that are, whichever way the code has come here */
    struct x87_note note; /* see jit-x87.c */
    unsigned n_cold, n_entries;
    struct cold cold[MAX_UOPS * 4];
    struct entry entry[MAX_UOPS];
};

/* A family of micro-ops; make: false if it is for the handler, and nothing has been written. */
struct template
{
    uint16_t first, last;
    bool (*make)(struct maker * m, const struct uop *u, const struct template *t, unsigned nth);
    uint8_t insn, imm_insn;
    uint8_t kind;
};
#define TEMPLATE(name)                                                                             \
    static bool make_##name(struct maker *m, const struct uop *u, const struct template *t,        \
                            unsigned nth)
/* Each file's, ended by one without make. */
extern const struct template int_templates[], memory_templates[], flow_templates[],
    unit_templates[], vec_templates[], x87_templates[];
// clang-format off
#define SIZED_OPS(name) UOP_##name##8, UOP_##name##64
#define BOTH_OPS(name)  UOP_##name##8, UOP_##name##I64
#define WIDE_OPS(name)  UOP_##name##16, UOP_##name##64
#define CC_OPS(name)    UOP_##name##O, UOP_##name##NLE
// clang-format on

/* ---- Operands: byte offsets into the registers ---- */

/* AH to BH. */
static inline bool is_high(uint8_t operand)
{
    return operand & 7;
}

static inline bool fits(int64_t imm)
{
    return imm == (int32_t)imm;
}

/* To be read: a register of the host's, or memory. */
struct operand source(struct maker *m, uint8_t operand);
/* The same in a register: its own, or scratch, into which it is read. */
unsigned in_reg(struct maker *m, uint8_t operand, unsigned size, unsigned scratch);
/* To be changed, in part or by what was in it. */
struct operand changed(struct maker *m, uint8_t operand);
/* A register to make it in when all of it is overwritten: its own, or scratch.  put() follows. */
unsigned target(struct maker *m, uint8_t operand, unsigned scratch);
/* d = a host register, of that size; 32 bits clear the upper half. */
void put(struct maker *m, uint8_t operand, unsigned size, unsigned reg);

/* ---- Memory ---- */

/*
 * The guest's memory at linear address base + disp, size bytes within a page, good for a read (or a
 * read and a write): else the micro-op's handler does it.  AX and CX are destroyed, and hold the
 * address, which is good until one of them or base changes.
 */
struct operand reach(struct maker *m, uint8_t base, int64_t disp, unsigned size, bool write);

/* ---- Ways out ---- */

/* Where cc holds, the micro-op's handler does all of it; nothing of the guest's has changed yet. */
void unless(struct maker *m, enum host_cc cc);

/* A detour, where jump goes, that loads a unit; if it may not be, the micro-op's handler runs. */
void cold_unit(struct maker *m, uint8_t *jump, unsigned unit);

/* ---- Flags ---- */

/* Before the host's flags are destroyed; AX may be.  reach() and unless() do it. */
void flags_clobber(struct maker *m);
/* The host's flags are the guest's now, those of set; the others of m->live are, too. */
void flags_set(struct maker *m, uint16_t set);

/* The host's condition that holds if the guest's does; AX and CX are destroyed. */
enum host_cc test_condition(struct maker *m, unsigned cc);

/* ---- jit-block.c, for jit-flow.c ---- */

unsigned host_for(struct maker *m, unsigned guest, bool read);
unsigned result(struct maker *m, uint8_t operand);
void write_back_all(struct maker *m, struct registers *regs);
struct cold *cold(struct maker *m, enum cold_kind kind, uint8_t *jump);
void save_flags(struct maker *m, bool logic);
void take_carry(struct maker *m);
void point_at(struct host_code *c, unsigned i);
/* jit-flow.c */
void go_link(struct maker *m, struct registers regs, unsigned i);
/* jit-memory.c */
void move_stack(struct maker *m, int32_t by);
void probe_push(struct maker *m);
void probe_pop(struct maker *m);
/* jit-int.c */
void operate(struct maker *m, const struct uop *u, const struct template *t, bool imm,
             unsigned size, unsigned target, struct operand b);

/* OF is 0; takes CF; keeps it; writes nothing else. */
enum { LOGIC = 1, CARRY = 2, KEEP_CARRY = 4, COMPARE = 8 };

#define FLAGS_LOW  CPU(flags)
#define FLAGS_HIGH host_mem(HOST_DI, offsetof(struct cpu, flags) + 1)
#define HIGH_OF    (F_OF >> 8)

#endif
