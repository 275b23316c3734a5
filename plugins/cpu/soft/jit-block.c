/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-block - the code of one block: its registers, its micro-ops' templates, the ways out.
 *
 * It is called as a handler is: DI is the processor, SI the micro-op that it begins with; then SI
 * stays the block's first one.  AX, CX and DX are scratch, R15 is cpu->instructions.  Guest
 * registers are read into the other nine when they are first used, and written back (those that
 * changed) where the code is left. cpu->flags is exact wherever it must be for the interpreter.
 *
 * What cannot be done in place leaves for the micro-op's own handler; that goes on with the next
 * one's, until an instruction begins that has an entry here.  All such ways lie behind the code.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "exec.h"
#include "jit.h"

_Static_assert(offsetof(struct cpu, r) == 0, "operands are offsets from DI");
_Static_assert(offsetof(struct blocks, jump) == 0, "reached without an offset");

enum { NO_HOST = N_HOST_REGS, LOG2_UOP = 5, LOG2_TLB_ENTRY = 5, PAGE_BITS = 12 };
_Static_assert(sizeof(struct uop) == 1 << LOG2_UOP, "");
_Static_assert(sizeof(struct tlb_entry) == 1 << LOG2_TLB_ENTRY, "");

#define COUNT         HOST_R15
#define CPU(member)   host_mem(HOST_DI, offsetof(struct cpu, member))
#define BLOCK(member) host_mem(HOST_CX, offsetof(struct block, member))
#define FLAGS_LOW     CPU(flags)
#define FLAGS_HIGH    host_mem(HOST_DI, offsetof(struct cpu, flags) + 1)
#define HIGH_OF       (F_OF >> 8)

/* Which guest register is in which of the host's. */
struct registers {
    uint8_t host[N_REGS];      /* NO_HOST: in memory only */
    int8_t guest[N_HOST_REGS]; /* -1: free */
    uint32_t dirty;            /* by guest register: memory is stale */
};

/* A way out of the code, or a detour. */
enum cold_kind { COLD_HANDLER, COLD_LINK, COLD_SET_OF, COLD_CLEAR_OF };
struct cold {
    enum cold_kind kind;
    uint8_t *jump, *back;
    unsigned uop;
    struct registers regs;
};

/* Where an instruction begins that the interpreter may come to. */
struct entry {
    unsigned uop;
    uint8_t *at;    /* in the code */
    bool by_itself; /* nothing is to be read before it */
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
    uint32_t pinned; /* host registers in use by this micro-op */
    unsigned turn;   /* which one to take next when all are in use */
    unsigned n_cold, n_entries;
    struct cold cold[MAX_UOPS * 4];
    struct entry entry[MAX_UOPS];
};

/* ---- Guest registers ---- */

static const uint8_t pool[] = { HOST_BX,  HOST_BP,  HOST_R8,  HOST_R9, HOST_R10,
                                HOST_R11, HOST_R12, HOST_R13, HOST_R14 };
enum { N_POOL = sizeof(pool) };

static void forget_all(struct registers *regs)
{
    memset(regs->host, NO_HOST, sizeof(regs->host));
    memset(regs->guest, -1, sizeof(regs->guest));
    regs->dirty = 0;
}

static void write_back(struct maker *m, struct registers *regs, unsigned guest)
{
    if (regs->dirty >> guest & 1)
        host(&m->c, H_STORE, 8, regs->host[guest], host_mem(HOST_DI, REG(guest)));
    regs->dirty &= ~(1u << guest);
}

static void write_back_all(struct maker *m, struct registers *regs)
{
    for (unsigned guest = 0; guest < N_REGS; guest++)
        write_back(m, regs, guest);
}

static void forget(struct maker *m, unsigned guest)
{
    unsigned reg = m->regs.host[guest];

    if (reg == NO_HOST)
        return;
    m->regs.guest[reg] = -1;
    m->regs.host[guest] = NO_HOST;
    m->regs.dirty &= ~(1u << guest);
}

/* The temporaries are dead where an instruction begins. */
static void forget_temporaries(struct maker *m)
{
    for (unsigned guest = REG_T0; guest <= REG_T3; guest++)
        forget(m, guest);
}

static unsigned take(struct maker *m)
{
    unsigned reg;

    for (unsigned k = 0; k < N_POOL; k++)
        if (m->regs.guest[pool[k]] < 0)
            return pool[k];
    do
        reg = pool[m->turn++ % N_POOL];
    while (m->pinned >> reg & 1);
    write_back(m, &m->regs, m->regs.guest[reg]);
    forget(m, m->regs.guest[reg]);
    return reg;
}

static unsigned host_for(struct maker *m, unsigned guest, bool read)
{
    unsigned reg = m->regs.host[guest];

    if (reg == NO_HOST) {
        reg = take(m);
        m->regs.host[guest] = reg;
        m->regs.guest[reg] = guest;
        if (read)
            host(&m->c, H_LOAD, 8, reg, host_mem(HOST_DI, REG(guest)));
    }
    m->pinned |= 1u << reg;
    return reg;
}

/* AH to BH are operated on in memory. */
static bool is_high(uint8_t operand)
{
    return operand & 7;
}

static struct operand source(struct maker *m, uint8_t operand)
{
    if (!is_high(operand))
        return host_reg(host_for(m, operand / 8, true));
    write_back(m, &m->regs, operand / 8);
    return host_mem(HOST_DI, operand);
}

/* A register that is changed, in part or by what was in it. */
static struct operand changed(struct maker *m, uint8_t operand)
{
    unsigned reg;

    if (is_high(operand)) {
        write_back(m, &m->regs, operand / 8);
        forget(m, operand / 8);
        return host_mem(HOST_DI, operand);
    }
    reg = host_for(m, operand / 8, true);
    m->regs.dirty |= 1u << operand / 8;
    return host_reg(reg);
}

/* A register that is overwritten whole. */
static unsigned result(struct maker *m, uint8_t operand)
{
    unsigned reg = host_for(m, operand / 8, false);

    m->regs.dirty |= 1u << operand / 8;
    return reg;
}

/* d = a host register, of that size. */
static void put(struct maker *m, uint8_t operand, unsigned size, unsigned reg)
{
    if (size >= 4)
        host(&m->c, H_LOAD, size, result(m, operand), host_reg(reg));
    else
        host(&m->c, H_STORE, size, reg, changed(m, operand));
}

/* ---- To another block ---- */

/* SI becomes the address of micro-op i. */
static void point_at(struct host_code *c, unsigned i)
{
    if (i)
        host(c, H_LEA, 8, HOST_SI, host_mem(HOST_SI, i << LOG2_UOP));
}

/* AX beside what CX, a block, has. */
static void compare(struct host_code *c, const uint8_t *miss, unsigned size, struct operand cpu,
                    struct operand block)
{
    host(c, H_LOAD, size, HOST_AX, cpu);
    host(c, H_CMP, size, HOST_AX, block);
    host_jcc(c, CC_NZ, miss);
}

/* block_enter() of CX. */
static void enter_block(struct host_code *c, const uint8_t *miss)
{
    host(c, H_ZX16, 4, HOST_AX, BLOCK(instructions));
    host(c, H_ADD, 8, HOST_AX, host_reg(COUNT));
    host(c, H_CMP, 8, HOST_AX, CPU(stop_at));
    host_jcc(c, CC_A, miss);
    host_imm(c, H_CMP_I, 4, CPU(wanted), 0);
    host_jcc(c, CC_NZ, miss);
    host(c, H_STORE, 8, HOST_AX, CPU(instructions));
    host(c, H_LOAD, 8, COUNT, host_reg(HOST_AX));
    host(c, H_STORE, 8, HOST_CX, CPU(block));
    host(c, H_LEA, 8, HOST_SI, BLOCK(uop));
    host(c, H_JMP, 8, 0, BLOCK(entry));
}

/* The jump of micro-op i is made: to its link, or its handler looks. */
static void enter_link(struct host_code *c, unsigned i, const uint8_t *miss)
{
    host(c, H_LOAD, 8, HOST_CX, host_mem(HOST_SI, (i << LOG2_UOP) + offsetof(struct uop, link)));
    point_at(c, i);
    host(c, H_TEST, 8, HOST_CX, host_reg(HOST_CX));
    host_jcc(c, CC_Z, miss);
    compare(c, miss, 8, CPU(epoch), BLOCK(epoch));
    enter_block(c, miss);
}

/* DX is where an indirect jump goes: to the block that the table has and that fits, or out. */
static void enter_to(struct host_code *c, uint32_t mode, const uint8_t *miss)
{
    host(c, H_LOAD, 8, HOST_CX, host_reg(HOST_DX));
    host_imm(c, H_SHR_I, 8, host_reg(HOST_CX), 12);
    host(c, H_XOR, 8, HOST_CX, host_reg(HOST_DX));
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), JUMP_ENTRIES - 1);
    host(c, H_LOAD, 8, HOST_AX, CPU(blocks));
    host(c, H_LOAD, 8, HOST_CX, host_sum(HOST_AX, HOST_CX, 3, 0));
    host(c, H_TEST, 8, HOST_CX, host_reg(HOST_CX));
    host_jcc(c, CC_Z, miss);
    host(c, H_CMP, 8, HOST_DX, BLOCK(rip));
    host_jcc(c, CC_NZ, miss);
    host_imm(c, H_CMP_I, 4, BLOCK(mode), mode);
    host_jcc(c, CC_NZ, miss);
    compare(c, miss, 8, CPU(epoch), BLOCK(epoch));
    compare(c, miss, 8, CPU(seg[SEG_CS].base), BLOCK(cs_base));
    compare(c, miss, 4, CPU(seg[SEG_CS].limit), BLOCK(cs_limit));
    enter_block(c, miss);
}

/* ---- Ways out ---- */

static const struct uop *uop_of(const struct maker *m)
{
    return &m->block->uop[m->i];
}

static struct cold *cold(struct maker *m, enum cold_kind kind, uint8_t *jump)
{
    struct cold *way = &m->cold[m->n_cold++];

    *way = (struct cold){ .kind = kind, .jump = jump, .uop = m->i, .regs = m->regs };
    m->left |= kind == COLD_HANDLER;
    return way;
}

/* Where cc holds, the micro-op's handler does all of it. */
static void unless(struct maker *m, enum host_cc cc)
{
    cold(m, COLD_HANDLER, host_jcc(&m->c, cc, NULL));
}

/* To the block that the micro-op is linked with. */
static void go_link(struct maker *m, struct registers regs, unsigned i)
{
    write_back_all(m, &regs);
    enter_link(&m->c, i, m->jit->link);
}

static const uint64_t *handler_of(const struct maker *m, const struct uop *u)
{
    return (const uint64_t *)m->jit->write + u->op;
}

static void emit_cold(struct maker *m, struct cold *way)
{
    host_land(&m->c, way->jump);
    switch (way->kind) {
    case COLD_HANDLER:
        write_back_all(m, &way->regs);
        point_at(&m->c, way->uop);
        host_jmp_via(&m->c, handler_of(m, &m->block->uop[way->uop]));
        break;
    case COLD_LINK: go_link(m, way->regs, way->uop); break;
    case COLD_SET_OF:
        host_imm(&m->c, H_OR_I, 1, FLAGS_HIGH, HIGH_OF);
        host_jmp(&m->c, way->back);
        break;
    case COLD_CLEAR_OF:
        host_imm(&m->c, H_AND_I, 1, FLAGS_HIGH, (int8_t)~HIGH_OF);
        host_jmp(&m->c, way->back);
        break;
    }
}

/* ---- Flags ---- */

/*
 * LAHF's byte is the low one of RFLAGS as it is; OF seldom changes, so that its way is a detour.
 * The host's flags and AX are destroyed.
 */
static void save_flags(struct maker *m, bool logic)
{
    struct cold *set = NULL, *clear;

    host_lahf(&m->c);
    if (m->live & F_OF) {
        if (!logic)
            set = cold(m, COLD_SET_OF, host_jcc(&m->c, CC_O, NULL));
        host_imm(&m->c, H_TEST_I, 1, FLAGS_HIGH, HIGH_OF);
        clear = cold(m, COLD_CLEAR_OF, host_jcc(&m->c, CC_NZ, NULL));
        clear->back = m->c.at;
        if (set)
            set->back = m->c.at;
    }
    if (m->live & ~F_OF)
        host(&m->c, H_STORE_AH, 1, 0, FLAGS_LOW);
}

static void take_carry(struct maker *m)
{
    host_imm(&m->c, H_BT_I, 4, FLAGS_LOW, 0);
}

/* The guest's condition, upon cpu->flags: the host's that holds then. */
static enum host_cc test_condition(struct maker *m, unsigned cc)
{
    static const uint8_t low[] = { 0, F_CF, F_ZF, F_CF | F_ZF, F_SF, F_PF };
    struct host_code *c = &m->c;

    if (cc < 2) {
        host_imm(c, H_TEST_I, 1, FLAGS_HIGH, HIGH_OF);
    } else if (cc < 12) {
        host_imm(c, H_TEST_I, 1, FLAGS_LOW, (int8_t)low[cc / 2]);
    } else { /* SF beside OF; and ZF */
        host(c, H_ZX8, 4, HOST_AX, FLAGS_LOW);
        host(c, H_ZX8, 4, HOST_CX, FLAGS_HIGH);
        host_imm(c, H_SHL_I, 4, host_reg(HOST_CX), 4);
        host(c, H_XOR, 4, HOST_CX, host_reg(HOST_AX));
        host_imm(c, H_AND_I, 4, host_reg(HOST_CX), F_SF);
        host_imm(c, H_AND_I, 4, host_reg(HOST_AX), cc >= 14 ? F_ZF : 0);
        host(c, H_OR, 4, HOST_AX, host_reg(HOST_CX));
    }
    return cc & 1 ? CC_Z : CC_NZ;
}

/* ---- Templates: a family of micro-ops each; false: leave it to the handler ---- */

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

/* OF is 0; takes CF; keeps it; writes nothing else. */
enum { LOGIC = 1, CARRY = 2, KEEP_CARRY = 4, COMPARE = 8 };

/* CX, if an immediate is too long to be one. */
static bool fits(int64_t imm)
{
    return imm == (int32_t)imm;
}

/* target = target op b. */
static void operate(struct maker *m, const struct uop *u, const struct template *t, bool imm,
                    unsigned size, unsigned target, struct operand b)
{
    if (t->kind & CARRY)
        take_carry(m);
    if (imm)
        host_imm(&m->c, t->imm_insn, size, host_reg(target), u->imm);
    else
        host(&m->c, t->insn, size, target, b);
}

/* b: a register, an immediate (then it is none), or one too long, in CX. */
static struct operand second(struct maker *m, const struct uop *u, bool *imm, unsigned size)
{
    if (!*imm)
        return source(m, u->b);
    if (size == 8 && !fits(u->imm)) {
        *imm = false;
        host_move_imm(&m->c, HOST_CX, u->imm);
    }
    return host_reg(HOST_CX);
}

static unsigned first(struct maker *m, const struct uop *u, unsigned size)
{
    if (!is_high(u->a))
        return host_for(m, u->a / 8, true);
    host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
    return HOST_AX;
}

TEMPLATE(binary)
{
    unsigned size = 1u << (nth & 3);
    bool imm = nth & 4;
    struct operand b = second(m, u, &imm, size);

    if (t->kind & COMPARE) {
        if (m->live)
            operate(m, u, t, imm, size, first(m, u, size), b);
    } else if (u->d == u->a && !is_high(u->d)) {
        operate(m, u, t, imm, size, changed(m, u->d).reg, b);
    } else {
        host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
        operate(m, u, t, imm, size, HOST_AX, b);
        put(m, u->d, size, HOST_AX);
    }
    if (m->live)
        save_flags(m, t->kind & LOGIC);
    return true;
}

TEMPLATE(imul)
{
    unsigned size = 2u << nth;
    struct operand b = source(m, u->b);

    host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
    host(&m->c, H_IMUL, size, HOST_AX, b);
    put(m, u->d, size, HOST_AX);
    if (m->live)
        save_flags(m, false);
    return true;
}

TEMPLATE(unary)
{
    unsigned size = 1u << nth;

    host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
    if (m->live && t->kind & KEEP_CARRY)
        take_carry(m);
    host(&m->c, t->insn, size, 0, host_reg(HOST_AX));
    put(m, u->d, size, HOST_AX);
    if (m->live && t->insn != H_NOT)
        save_flags(m, false);
    return true;
}

/* Rotates leave most flags alone, and a count of 0 all: those only where nobody wants them. */
TEMPLATE(shift)
{
    unsigned size = 1u << nth;
    bool by_cl = t->insn;

    if (m->live && uop_info[u->op].kills != F_ARITH)
        return false;
    if (by_cl)
        host(&m->c, H_LOAD, 1, HOST_CX, source(m, u->b));
    host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
    if (by_cl)
        host(&m->c, t->insn, size, 0, host_reg(HOST_AX));
    else
        host_imm(&m->c, t->imm_insn, size, host_reg(HOST_AX), u->imm);
    put(m, u->d, size, HOST_AX);
    if (m->live)
        save_flags(m, false);
    return true;
}

TEMPLATE(mov)
{
    unsigned size = 1u << nth, reg;

    if (is_high(u->a)) {
        host(&m->c, H_LOAD, size, reg = HOST_AX, source(m, u->a));
    } else {
        reg = host_for(m, u->a / 8, true);
    }
    put(m, u->d, size, reg);
    return true;
}

TEMPLATE(movi)
{
    unsigned size = 1u << nth;

    if (size < 4)
        host_imm(&m->c, H_STORE_I, size, changed(m, u->d), u->imm);
    else
        host_move_imm(&m->c, result(m, u->d), size == 8 ? (uint64_t)u->imm : (uint32_t)u->imm);
    return true;
}

TEMPLATE(extend)
{
    struct operand a = source(m, u->a);

    host(&m->c, t->insn, 8, result(m, u->d), a);
    return true;
}

TEMPLATE(bswap)
{
    unsigned size = 4u << nth;
    struct operand a = source(m, u->a);
    unsigned d = result(m, u->d);

    host(&m->c, H_LOAD, size, d, a);
    host_bswap(&m->c, size, d);
    return true;
}

/* to = a + (b << scale) + imm */
static void add_up(struct maker *m, const struct uop *u, unsigned to)
{
    unsigned a, b;
    int32_t disp = fits(u->imm) ? u->imm : 0;

    if (!fits(u->imm)) {
        host_move_imm(&m->c, HOST_CX, u->imm);
        host(&m->c, H_LOAD, 8, HOST_AX, source(m, u->b));
        if (u->scale)
            host_imm(&m->c, H_SHL_I, 8, host_reg(HOST_AX), u->scale);
        host(&m->c, H_ADD, 8, HOST_AX, host_reg(HOST_CX));
        a = host_for(m, u->a / 8, true);
        host(&m->c, H_LEA, 8, to, host_sum(HOST_AX, a, 0, 0));
        return;
    }
    a = host_for(m, u->a / 8, true);
    if (u->b == REG(REG_ZERO)) {
        host(&m->c, H_LEA, 8, to, host_mem(a, disp));
        return;
    }
    b = host_for(m, u->b / 8, true);
    host(&m->c, H_LEA, 8, to, host_sum(a, b, u->scale, disp));
}

TEMPLATE(lea)
{
    add_up(m, u, HOST_AX);
    if (u->op == UOP_LEASEG)
        host(&m->c, H_ADD, 8, HOST_AX,
             host_mem(HOST_DI, offsetof(struct cpu, seg) + u->seg * sizeof(struct segment) +
                                   offsetof(struct segment, base)));
    put(m, u->d, u->op == UOP_LEA32 ? 4 : 8, HOST_AX);
    return true;
}

TEMPLATE(set)
{
    enum host_cc cc = test_condition(m, nth);

    host_cc(&m->c, H_SETCC, cc, 0, host_reg(HOST_AX));
    put(m, u->d, 1, HOST_AX);
    return true;
}

TEMPLATE(cmov)
{
    struct operand a = source(m, u->a), d = changed(m, u->d);

    host_cc(&m->c, H_CMOVCC, test_condition(m, nth), d.reg, a);
    return true;
}

TEMPLATE(nop)
{
    return true;
}

/* ---- Memory ---- */

/* AX, a linear address, becomes the host's of so many bytes; else the handler does it all. */
static void probe(struct maker *m, unsigned size, size_t tag)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_SHR_I, 4, host_reg(HOST_CX), PAGE_BITS - LOG2_TLB_ENTRY);
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), (TLB_ENTRIES - 1) << LOG2_TLB_ENTRY);
    host(c, H_ADD, 8, HOST_CX, CPU(fast));
    host(c, H_LEA, 8, HOST_DX, host_mem(HOST_AX, size - 1));
    host_imm(c, H_AND_I, 8, host_reg(HOST_DX), -(1 << PAGE_BITS));
    host(c, H_CMP, 8, HOST_DX, host_mem(HOST_CX, tag));
    unless(m, CC_NZ);
    host(c, H_ADD, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct tlb_entry, addend)));
}
#define TO_READ  offsetof(struct tlb_entry, read)
#define TO_WRITE offsetof(struct tlb_entry, write)

static void linear(struct maker *m, const struct uop *u)
{
    unsigned a = host_for(m, u->a / 8, true);

    if (fits(u->imm)) {
        host(&m->c, H_LEA, 8, HOST_AX, host_mem(a, u->imm));
    } else {
        host_move_imm(&m->c, HOST_AX, u->imm);
        host(&m->c, H_ADD, 8, HOST_AX, host_reg(a));
    }
}

/* What is at AX, of that size, becomes d: zero-extended, or (narrow) in a part of it. */
static void fetch(struct maker *m, uint8_t d, unsigned size, bool narrow)
{
    struct operand at = host_mem(HOST_AX, 0);

    if (size >= 4) {
        host(&m->c, H_LOAD, size, result(m, d), at);
    } else if (!narrow) {
        host(&m->c, size == 1 ? H_ZX8 : H_ZX16, 4, result(m, d), at);
    } else {
        host(&m->c, H_LOAD, size, HOST_DX, at);
        put(m, d, size, HOST_DX);
    }
}

TEMPLATE(load)
{
    bool write = u->op >= UOP_LOADW8 && u->op <= UOP_LOADW64;

    linear(m, u);
    probe(m, 1u << nth, write ? TO_WRITE : TO_READ);
    fetch(m, u->d, 1u << nth, u->op < UOP_LOADZ8);
    return true;
}

TEMPLATE(store)
{
    unsigned size = 1u << nth, b;

    if (!is_high(u->b))
        host_for(m, u->b / 8, true);
    linear(m, u);
    probe(m, size, TO_WRITE);
    if (is_high(u->b)) {
        host(&m->c, H_LOAD, size, b = HOST_DX, source(m, u->b));
    } else {
        b = host_for(m, u->b / 8, true);
    }
    host(&m->c, H_STORE, size, b, host_mem(HOST_AX, 0));
    return true;
}

static void move_stack(struct maker *m, int32_t by)
{
    unsigned sp = changed(m, REG(RSP)).reg;

    host(&m->c, H_LEA, 8, sp, host_mem(sp, by));
}

static void probe_push(struct maker *m)
{
    host(&m->c, H_LEA, 8, HOST_AX, host_mem(host_for(m, RSP, true), -8));
    probe(m, 8, TO_WRITE);
}

static void probe_pop(struct maker *m)
{
    host(&m->c, H_LOAD, 8, HOST_AX, host_reg(host_for(m, RSP, true)));
    probe(m, 8, TO_READ);
}

TEMPLATE(push)
{
    unsigned b = host_for(m, u->b / 8, true);

    probe_push(m);
    host(&m->c, H_STORE, 8, b, host_mem(HOST_AX, 0));
    move_stack(m, -8);
    return true;
}

TEMPLATE(pop)
{
    probe_pop(m);
    move_stack(m, 8);
    fetch(m, u->d, 8, false);
    return true;
}

/* ---- Jumps ---- */

static void link_if(struct maker *m, enum host_cc cc)
{
    cold(m, COLD_LINK, host_jcc(&m->c, cc, NULL));
}

TEMPLATE(jmp)
{
    go_link(m, m->regs, m->i);
    return true;
}

TEMPLATE(jcc)
{
    link_if(m, test_condition(m, nth));
    return true;
}

TEMPLATE(jump_reg)
{
    unsigned a = host_for(m, u->a / 8, true);

    host(&m->c, H_TEST, 8, a, host_reg(a));
    link_if(m, u->op == UOP_JZ_REG ? CC_Z : CC_NZ);
    return true;
}

/* A comparison and its jump: compared twice, as saving flags destroys them. */
TEMPLATE(fused)
{
    static const uint8_t sizes[] = { 1, 4, 8 };
    unsigned size = sizes[nth / 32], a;
    bool imm = nth & 16;
    struct uop whole = *u;
    struct operand b = imm ? host_reg(HOST_CX) : source(m, u->b);

    whole.imm = u->imm32;
    if (is_high(u->a))
        host(&m->c, H_LOAD, size, a = HOST_DX, source(m, u->a));
    else
        a = host_for(m, u->a / 8, true);
    if (m->live) {
        operate(m, &whole, t, imm, size, a, b);
        save_flags(m, t->kind & LOGIC);
    }
    operate(m, &whole, t, imm, size, a, b);
    link_if(m, nth & 15);
    return true;
}

static bool is_code64(const struct maker *m)
{
    return (m->block->mode & MODE_CODE_MASK) == MODE_CODE64;
}

/* DX is canonical with four levels of paging, or the handler decides. */
static void check_canonical(struct maker *m)
{
    host(&m->c, H_LOAD, 8, HOST_AX, host_reg(HOST_DX));
    host_imm(&m->c, H_SAR_I, 8, host_reg(HOST_AX), 47);
    host_imm(&m->c, H_ADD_I, 8, host_reg(HOST_AX), 1);
    host_imm(&m->c, H_CMP_I, 8, host_reg(HOST_AX), 1);
    unless(m, CC_A);
}

static void go_to(struct maker *m)
{
    struct registers regs = m->regs;

    write_back_all(m, &regs);
    enter_to(&m->c, m->block->mode, m->jit->to);
}

TEMPLATE(jmp_to)
{
    if (!is_code64(m))
        return false;
    host(&m->c, H_LOAD, 8, HOST_DX, source(m, u->a));
    check_canonical(m);
    go_to(m);
    return true;
}

TEMPLATE(call)
{
    size_t link = (m->i << LOG2_UOP) + offsetof(struct uop, link);

    host_imm(&m->c, H_CMP_I, 8, host_mem(HOST_SI, link), 0);
    unless(m, CC_Z);
    probe_push(m);
    host_move_imm(&m->c, HOST_DX, m->block->rip + u->off + u->len);
    host(&m->c, H_STORE, 8, HOST_DX, host_mem(HOST_AX, 0));
    move_stack(m, -8);
    go_link(m, m->regs, m->i);
    return true;
}

TEMPLATE(ret)
{
    probe_pop(m);
    host(&m->c, H_LOAD, 8, HOST_DX, host_mem(HOST_AX, 0));
    check_canonical(m);
    move_stack(m, 8 + u->imm);
    go_to(m);
    return true;
}

// clang-format off
#define SIZED_OPS(name) UOP_##name##8, UOP_##name##64
#define BOTH_OPS(name)  UOP_##name##8, UOP_##name##I64
#define WIDE_OPS(name)  UOP_##name##16, UOP_##name##64
#define CC_OPS(name)    UOP_##name##O, UOP_##name##NLE
static const struct template templates[] = {
    { BOTH_OPS(ADD),   make_binary, H_ADD, H_ADD_I, 0 },
    { BOTH_OPS(OR),    make_binary, H_OR,  H_OR_I,  LOGIC },
    { BOTH_OPS(ADC),   make_binary, H_ADC, H_ADC_I, CARRY },
    { BOTH_OPS(SBB),   make_binary, H_SBB, H_SBB_I, CARRY },
    { BOTH_OPS(AND),   make_binary, H_AND, H_AND_I, LOGIC },
    { BOTH_OPS(SUB),   make_binary, H_SUB, H_SUB_I, 0 },
    { BOTH_OPS(XOR),   make_binary, H_XOR, H_XOR_I, LOGIC },
    { BOTH_OPS(CMP),   make_binary, H_CMP, H_CMP_I, COMPARE },
    { BOTH_OPS(TEST),  make_binary, H_TEST, H_TEST_I, COMPARE | LOGIC },
    { SIZED_OPS(INC),  make_unary, H_INC, 0, KEEP_CARRY },
    { SIZED_OPS(DEC),  make_unary, H_DEC, 0, KEEP_CARRY },
    { SIZED_OPS(NEG),  make_unary, H_NEG, 0, 0 },
    { SIZED_OPS(NOT),  make_unary, H_NOT, 0, 0 },
    { WIDE_OPS(IMUL),  make_imul, 0, 0, 0 },
    { SIZED_OPS(SHL),  make_shift, H_SHL_CL, 0, 0 },
    { SIZED_OPS(SHR),  make_shift, H_SHR_CL, 0, 0 },
    { SIZED_OPS(SAR),  make_shift, H_SAR_CL, 0, 0 },
    { SIZED_OPS(ROL),  make_shift, H_ROL_CL, 0, 0 },
    { SIZED_OPS(ROR),  make_shift, H_ROR_CL, 0, 0 },
    { SIZED_OPS(SHLI), make_shift, 0, H_SHL_I, 0 },
    { SIZED_OPS(SHRI), make_shift, 0, H_SHR_I, 0 },
    { SIZED_OPS(SARI), make_shift, 0, H_SAR_I, 0 },
    { SIZED_OPS(ROLI), make_shift, 0, H_ROL_I, 0 },
    { SIZED_OPS(RORI), make_shift, 0, H_ROR_I, 0 },
    { SIZED_OPS(MOV),  make_mov, 0, 0, 0 },
    { SIZED_OPS(MOVI), make_movi, 0, 0, 0 },
    { UOP_ZX8, UOP_ZX8,   make_extend, H_ZX8, 0, 0 },
    { UOP_ZX16, UOP_ZX16, make_extend, H_ZX16, 0, 0 },
    { UOP_SX8, UOP_SX8,   make_extend, H_SX8, 0, 0 },
    { UOP_SX16, UOP_SX16, make_extend, H_SX16, 0, 0 },
    { UOP_SX32, UOP_SX32, make_extend, H_SX32, 0, 0 },
    { UOP_BSWAP32, UOP_BSWAP64, make_bswap, 0, 0, 0 },
    { UOP_LEA32, UOP_LEASEG, make_lea, 0, 0, 0 },
    { SIZED_OPS(LOAD), make_load, 0, 0, 0 },
    { UOP_LOADZ8, UOP_LOADZ16, make_load, 0, 0, 0 },
    { SIZED_OPS(LOADW), make_load, 0, 0, 0 },
    { SIZED_OPS(STORE), make_store, 0, 0, 0 },
    { UOP_PUSH64, UOP_PUSH64, make_push, 0, 0, 0 },
    { UOP_POP64, UOP_POP64, make_pop, 0, 0, 0 },
    { CC_OPS(SET),  make_set, 0, 0, 0 },
    { CC_OPS(CMOV), make_cmov, 0, 0, 0 },
    { CC_OPS(J),    make_jcc, 0, 0, 0 },
    { UOP_CMPJ8O, UOP_CMPJI64NLE,   make_fused, H_CMP, H_CMP_I, 0 },
    { UOP_TESTJ8O, UOP_TESTJI64NLE, make_fused, H_TEST, H_TEST_I, LOGIC },
    { UOP_JNZ_REG, UOP_JZ_REG, make_jump_reg, 0, 0, 0 },
    { UOP_JMP, UOP_JMP, make_jmp, 0, 0, 0 },
    { UOP_JMP_TO, UOP_JMP_TO, make_jmp_to, 0, 0, 0 },
    { UOP_CALL64, UOP_CALL64, make_call, 0, 0, 0 },
    { UOP_RET64, UOP_RET64, make_ret, 0, 0, 0 },
    { UOP_NOP, UOP_NOP, make_nop, 0, 0, 0 },
};
// clang-format on

static const struct template *template_of(unsigned op)
{
    for (const struct template *t = templates; t < templates + sizeof(templates) / sizeof(*t); t++)
        if (op >= t->first && op <= t->last)
            return t;
    return NULL;
}

/* ---- A block ---- */

/*
 * Which flags are wanted of each micro-op: all, where the block may be left.  A comparison fused
 * with its jump is left behind the comparison only.
 */
static void find_wanted(struct maker *m)
{
    uint16_t live = F_ARITH;

    for (unsigned i = m->block->n; i-- > 0;) {
        const struct uop *u = &m->block->uop[i];
        const struct uop_info *info = &uop_info[u->op];
        bool leaves = info->props & P_PRECISE;

        m->wanted[i] = leaves ? F_ARITH : live;
        live = (m->wanted[i] & ~info->kills) | info->reads;
        if (leaves && !UOP_IS_FUSED(u->op))
            live = F_ARITH;
    }
}

/* The code, from a micro-op's template; false: nothing has been written. */
static bool make(struct maker *m, const struct uop *u)
{
    const struct template *t = template_of(u->op);

    m->pinned = 0;
    m->live = m->wanted[m->i] & uop_info[u->op].sets;
    return t && t->make(m, u, t, u->op - t->first);
}

static void enter_at(struct maker *m, uint8_t *at, bool by_itself)
{
    m->entry[m->n_entries++] =
        (struct entry){ .uop = m->i, .at = at, .by_itself = by_itself, .regs = m->regs };
}

/* From a handler: SI, this micro-op, becomes the block's first one; the count may have changed. */
static void arrive(struct maker *m, unsigned i)
{
    if (i)
        host(&m->c, H_LEA, 8, HOST_SI, host_mem(HOST_SI, -(int32_t)(i << LOG2_UOP)));
    host(&m->c, H_LOAD, 8, COUNT, CPU(instructions));
}

/* This micro-op and what follows is the interpreter's. */
static void leave(struct maker *m)
{
    write_back_all(m, &m->regs);
    forget_all(&m->regs);
    point_at(&m->c, m->i);
    host(&m->c, H_JMP, 8, 0, host_mem(HOST_SI, offsetof(struct uop, run)));
}

/* The first micro-op of an instruction, to which the code comes only by its entry. */
static bool make_entry(struct maker *m, const struct uop *u)
{
    uint8_t *begin = m->c.at;

    arrive(m, m->i);
    if (!m->i)
        m->from_block = m->c.at;
    if (!make(m, u)) {
        m->c.at = begin;
        return false;
    }
    enter_at(m, begin, true);
    return true;
}

/* The same, to which the code comes as well. */
static bool make_next(struct maker *m, const struct uop *u, bool enters)
{
    if (enters)
        enter_at(m, m->c.at, false);
    if (make(m, u))
        return true;
    m->n_entries -= enters; /* its handler stays in its place */
    leave(m);
    return false;
}

static void make_all(struct maker *m)
{
    const struct block *block = m->block;
    bool outside = true; /* the code comes here by an entry only */

    for (m->i = 0; m->i < block->n; m->i++) {
        const struct uop *u = uop_of(m);
        bool begins = !m->i || u->off != u[-1].off, enters = begins && m->left;

        if (begins) {
            forget_temporaries(m);
            m->left = false;
        }
        if (outside)
            forget_all(&m->regs);
        outside = outside ? !begins || !make_entry(m, u) : !make_next(m, u, enters);
    }
}

/* Behind the code: reads the registers that the code expects. */
static void emit_entry(struct maker *m, struct entry *entry)
{
    uint8_t *begin = m->c.at;

    if (entry->by_itself)
        return;
    arrive(m, entry->uop);
    for (unsigned guest = 0; guest < N_REGS; guest++)
        if (entry->regs.host[guest] != NO_HOST)
            host(&m->c, H_LOAD, 8, entry->regs.host[guest], host_mem(HOST_DI, REG(guest)));
    host_jmp(&m->c, entry->at);
    entry->at = begin;
}

static uop_run *executable(const struct jit *jit, const uint8_t *at)
{
    return (uop_run *)(uintptr_t)(jit->execute + (at - jit->write));
}

bool jit_translate(struct jit *jit, struct block *block)
{
    struct maker *m = jit->maker;
    uint8_t *begin = jit->write + jit->used;

    m->c = (struct host_code){ .at = begin, .end = jit->write + jit->bytes };
    m->jit = jit;
    m->block = block;
    m->left = false;
    m->turn = m->n_cold = m->n_entries = 0;
    forget_all(&m->regs);
    find_wanted(m);
    make_all(m);
    for (unsigned i = 0; i < m->n_cold; i++)
        emit_cold(m, &m->cold[i]);
    for (unsigned i = 0; i < m->n_entries; i++)
        emit_entry(m, &m->entry[i]);
    if (m->c.full || !m->n_entries)
        return false;
    block->uop[0].run = block->first;
    if (!m->entry[0].uop)
        block->entry = executable(jit, m->from_block);
    for (unsigned i = 0; i < m->n_entries; i++)
        block->uop[m->entry[i].uop].run = executable(jit, m->entry[i].at);
    jit->used += (m->c.at - begin + 15) & ~(size_t)15;
    jit->count.blocks++;
    jit->count.bytes += m->c.at - begin;
    return true;
}

/* ---- What blocks share ---- */

/* Where SI, a jump's micro-op, finds its way in C. */
static void share_link(struct jit *jit, struct host_code *c)
{
    jit->link = c->at;
    host_jmp_via(c, (uint64_t *)jit->write + UOP_JMP);
}

/* Out, to DX. */
static void share_to(struct jit *jit, struct host_code *c)
{
    jit->to = c->at;
    host(c, H_STORE, 8, HOST_DX, CPU(rip));
    host(c, H_XOR, 4, HOST_AX, host_reg(HOST_AX));
    host_ret(c);
}

/* Where blocks are entered that are not translated. */
static void share_outside(struct jit *jit, struct host_code *c)
{
    jit->outside = executable(jit, c->at);
    host(c, H_JMP, 8, 0, host_mem(HOST_SI, offsetof(struct uop, run)));
}

/* Calls the handler of SI; translated code uses registers that C expects back. */
static void share_enter(struct jit *jit, struct host_code *c)
{
    static const uint8_t kept[] = { HOST_BX, HOST_BP, HOST_R12, HOST_R13, HOST_R14, HOST_R15 };
    enum { N = sizeof(kept) };

    jit->enter = executable(jit, c->at);
    for (unsigned i = 0; i < N; i++)
        host_push(c, kept[i]);
    host_push(c, HOST_AX); /* aligns the stack */
    host(c, H_CALL, 8, 0, host_mem(HOST_SI, offsetof(struct uop, run)));
    host_pop(c, HOST_CX);
    for (unsigned i = N; i-- > 0;)
        host_pop(c, kept[i]);
    host_ret(c);
}

int jit_share(struct jit *jit)
{
    uint64_t *handler = (uint64_t *)jit->write;
    struct host_code c = { .at = (uint8_t *)(handler + N_UOPS), .end = jit->write + jit->bytes };

    jit->maker = malloc(sizeof(*jit->maker));
    if (!jit->maker)
        return -ENOMEM;
    for (unsigned op = 0; op < N_UOPS; op++)
        handler[op] = (uintptr_t)uop_info[op].run;
    share_enter(jit, &c);
    share_link(jit, &c);
    share_to(jit, &c);
    share_outside(jit, &c);
    jit->used = jit->shared = ((c.at - jit->write) + 15) & ~(size_t)15;
    return 0;
}
