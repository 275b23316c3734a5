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
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blocks.h"
#include "jit-make.h"

_Static_assert(offsetof(struct cpu, r) == 0, "operands are offsets from DI");
_Static_assert(sizeof(struct uop) == 1 << LOG2_UOP, "");

#define COUNT HOST_R15

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

void write_back_all(struct maker *m, struct registers *regs)
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

unsigned host_for(struct maker *m, unsigned guest, bool read)
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
struct operand source(struct maker *m, uint8_t operand)
{
    if (!is_high(operand))
        return host_reg(host_for(m, operand / 8, true));
    write_back(m, &m->regs, operand / 8);
    return host_mem(HOST_DI, operand);
}

/* A register that is changed, in part or by what was in it. */
struct operand changed(struct maker *m, uint8_t operand)
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
unsigned result(struct maker *m, uint8_t operand)
{
    unsigned reg = host_for(m, operand / 8, false);

    m->regs.dirty |= 1u << operand / 8;
    return reg;
}

unsigned in_reg(struct maker *m, uint8_t operand, unsigned size, unsigned scratch)
{
    if (!is_high(operand))
        return host_for(m, operand / 8, true);
    host(&m->c, H_LOAD, size, scratch, source(m, operand));
    return scratch;
}

unsigned target(struct maker *m, uint8_t operand, unsigned scratch)
{
    (void)scratch;
    return result(m, operand);
}

/* d = a host register, of that size. */
void put(struct maker *m, uint8_t operand, unsigned size, unsigned reg)
{
    if (size >= 4)
        host(&m->c, H_LOAD, size, result(m, operand), host_reg(reg));
    else
        host(&m->c, H_STORE, size, reg, changed(m, operand));
}

/* SI becomes the address of micro-op i. */
void point_at(struct host_code *c, unsigned i)
{
    if (i)
        host(c, H_LEA, 8, HOST_SI, host_mem(HOST_SI, i << LOG2_UOP));
}

/* ---- Ways out ---- */

static const struct uop *uop_of(const struct maker *m)
{
    return &m->block->uop[m->i];
}

struct cold *cold(struct maker *m, enum cold_kind kind, uint8_t *jump)
{
    struct cold *way = &m->cold[m->n_cold++];

    *way =
        (struct cold){ .kind = kind, .jump = jump, .uop = m->i, .regs = m->regs, .note = m->note };
    m->left |= kind == COLD_HANDLER;
    return way;
}

void cold_unit(struct maker *m, uint8_t *jump, unsigned unit)
{
    struct cold *way = cold(m, COLD_UNIT, jump);

    way->unit = unit;
    way->back = m->c.at;
    m->left = true;
}

/* Where cc holds, the micro-op's handler does all of it. */
void unless(struct maker *m, enum host_cc cc)
{
    cold(m, COLD_HANDLER, host_jcc(&m->c, cc, NULL));
}

static const uint64_t *handler_of(const struct maker *m, const struct uop *u)
{
    return (const uint64_t *)m->jit->write + u->op;
}

static void emit_cold(struct maker *m, struct cold *way)
{
    host_land(&m->c, way->jump);
    switch (way->kind) {
    case COLD_UNIT:
        unit_load(m->jit, &m->c, way->unit);
        host_jcc(&m->c, CC_NZ, way->back);
        /* fall through */
    case COLD_HANDLER:
        x87_tell(m, &way->note);
        unit_unload(m->jit, &m->c);
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
void save_flags(struct maker *m, bool logic)
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

/* They are in memory whenever a template begins. */
void flags_clobber(struct maker *m)
{
    (void)m;
}

void flags_set(struct maker *m, uint16_t set)
{
    (void)set;
    if (m->live)
        save_flags(m, false);
}

void take_carry(struct maker *m)
{
    host_imm(&m->c, H_BT_I, 4, FLAGS_LOW, 0);
}

/* The guest's condition, upon cpu->flags: the host's that holds then. */
enum host_cc test_condition(struct maker *m, unsigned cc)
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

static const struct template *template_of(unsigned op)
{
    static const struct template *const lists[] = { int_templates,  memory_templates,
                                                    flow_templates, unit_templates,
                                                    vec_templates,  x87_templates };

    for (unsigned i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        for (const struct template *t = lists[i]; t->make; t++)
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

/* Micro-ops that stand within a run of floating-point instructions. */
static bool keeps_note(unsigned op)
{
    return op == UOP_CHECK || (op >= UOP_X87 && op <= UOP_X87_COND) || op == UOP_LEA64 ||
           op == UOP_LEA32 || op == UOP_LEASEG;
}

static void x87_tell_all(struct maker *m)
{
    x87_tell(m, &m->note);
    m->note = (struct x87_note){ 0 };
}

/* The code, from a micro-op's template; false: nothing has been written. */
static bool make(struct maker *m, const struct uop *u)
{
    const struct template *t = template_of(u->op);

    m->pinned = 0;
    if (!keeps_note(u->op))
        x87_tell_all(m);
    m->live = m->wanted[m->i] & uop_info[u->op].sets;
    return t && t->make(m, u, t, u->op - t->first);
}

static void enter_at(struct maker *m, uint8_t *at, bool by_itself)
{
    m->entry[m->n_entries++] = (struct entry){
        .uop = m->i, .at = at, .by_itself = by_itself, .loaded = m->loaded, .regs = m->regs
    };
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
    x87_tell_all(m);
    unit_unload(m->jit, &m->c);
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
        if (outside) {
            forget_all(&m->regs);
            m->loaded = 0;
        }
        outside = outside ? !begins || !make_entry(m, u) : !make_next(m, u, enters);
    }
}

/* Behind the code: reads the registers that the code expects. */
static void emit_entry(struct maker *m, struct entry *entry)
{
    uint8_t *begin = m->c.at;

    if (entry->by_itself)
        return;
    for (unsigned unit = LOADED_SSE; unit <= LOADED_X87; unit <<= 1) {
        uint8_t *over;

        if (!(entry->loaded & unit))
            continue;
        unit_load(m->jit, &m->c, unit);
        over = host_jcc(&m->c, CC_NZ, NULL);
        unit_unload(m->jit, &m->c);
        host_jmp_via(&m->c, handler_of(m, &m->block->uop[entry->uop]));
        host_land(&m->c, over);
    }
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
    m->loaded = 0;
    m->note = (struct x87_note){ 0 };
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
    unit_unload(jit, c);
    host_jmp_via(c, (uint64_t *)jit->write + UOP_JMP);
}

/* Out, to DX. */
static void share_to(struct jit *jit, struct host_code *c)
{
    jit->to = c->at;
    unit_unload(jit, c);
    host(c, H_STORE, 8, HOST_DX, CPU(rip));
    host(c, H_XOR, 4, HOST_AX, host_reg(HOST_AX));
    host_ret(c);
}

/* Where blocks are entered that are not translated. */
static void share_outside(struct jit *jit, struct host_code *c)
{
    jit->outside = executable(jit, c->at);
    unit_unload(jit, c);
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
    unit_share(jit, &c);
    share_enter(jit, &c);
    share_link(jit, &c);
    share_to(jit, &c);
    share_outside(jit, &c);
    jit->used = jit->shared = ((c.at - jit->write) + 15) & ~(size_t)15;
    return 0;
}
