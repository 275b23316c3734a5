/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-flags - where the guest's arithmetic flags are while code is made.
 *
 * In the host's (in_host), some of them nowhere else (pending); in cpu->pair; or in neither (owed):
 * if they are overwritten before anything reads them, only the ways out in between want them.
 * Those make them again, of operands that are still there.
 */
#include "jit-make.h"

/* ---- Made again ---- */

/* A comparison of a and b; an operation that has left its result in a; the same, which is undone
 * and repeated. */
enum { REDO_COMPARE, REDO_RESULT, REDO_UNDONE };
static const struct {
    uint16_t first, last;
    uint8_t how, insn, imm_insn, undo, imm_undo;
} repeated[] = {
    { BOTH_OPS(CMP), REDO_COMPARE, H_CMP, H_CMP_I, 0, 0 },
    { BOTH_OPS(TEST), REDO_COMPARE, H_TEST, H_TEST_I, 0, 0 },
    { UOP_CMPJ8O, UOP_CMPJI64NLE, REDO_COMPARE, H_CMP, H_CMP_I, 0, 0 },
    { UOP_TESTJ8O, UOP_TESTJI64NLE, REDO_COMPARE, H_TEST, H_TEST_I, 0, 0 },
    { BOTH_OPS(AND), REDO_RESULT, H_TEST, H_TEST, 0, 0 },
    { BOTH_OPS(OR), REDO_RESULT, H_TEST, H_TEST, 0, 0 },
    { BOTH_OPS(XOR), REDO_RESULT, H_TEST, H_TEST, 0, 0 },
    { BOTH_OPS(ADD), REDO_UNDONE, H_ADD, H_ADD_I, H_SUB, H_SUB_I },
    { BOTH_OPS(SUB), REDO_UNDONE, H_SUB, H_SUB_I, H_ADD, H_ADD_I },
};

/* Whether an operand is all of a register of the guest's: temporaries come and go. */
static bool is_held(uint8_t operand)
{
    return !is_high(operand) && operand < REG(REG_T0);
}

static struct operand held_in(uint8_t operand)
{
    return home_of(operand) == NO_HOST ? CPU_AT(operand) : host_reg(home_of(operand));
}

/* How the micro-op's flags are made again; of size 0: they cannot be. */
static struct redo redo_of(const struct uop *u)
{
    static const uint8_t fused_sizes[] = { 1, 4, 8 };
    bool fused = UOP_IS_FUSED(u->op), imm;
    struct redo r = { .of = u };
    unsigned i = 0, nth;

    while (u->op < repeated[i].first || u->op > repeated[i].last)
        if (++i == sizeof(repeated) / sizeof(*repeated))
            return r;
    nth = u->op - repeated[i].first;
    imm = nth & (fused ? 16 : 4);
    r.how = repeated[i].how;
    r.insn = imm ? repeated[i].imm_insn : repeated[i].insn;
    r.undo = imm ? repeated[i].imm_undo : repeated[i].undo;
    r.a = r.how == REDO_COMPARE ? u->a : u->d;
    r.b = imm || r.how == REDO_RESULT ? r.a : u->b;
    r.imm = fused ? u->imm32 : u->imm;
    r.is_imm = imm && r.how != REDO_RESULT;
    if (is_held(r.a) && is_held(r.b) && (r.how != REDO_UNDONE || r.is_imm || r.a != r.b))
        r.size = fused ? fused_sizes[nth / 32] : 1u << (nth & 3);
    return r;
}

static void operate(struct host_code *c, const struct redo *r, unsigned insn, unsigned a)
{
    if (r->is_imm)
        host_imm(c, insn, r->size, host_reg(a), r->imm);
    else
        host(c, insn, r->size, a, held_in(r->b));
}

/* The host's flags become those again.  AX is destroyed. */
static void repeat(struct host_code *c, const struct redo *r)
{
    unsigned a = r->how == REDO_UNDONE ? NO_HOST : home_of(r->a);

    if (a == NO_HOST)
        host(c, H_LOAD, 8, a = HOST_AX, held_in(r->a));
    if (r->how == REDO_UNDONE)
        operate(c, r, r->undo, a);
    operate(c, r, r->insn, a);
}

/* ---- Whether they need to be kept ---- */

/* Of a micro-op: all where a function reads them.  Direct jumps leave for nothing, though they are
 * P_PRECISE. */
static uint16_t wanted_before(const struct uop *u, uint16_t behind)
{
    const struct uop_info *info = &uop_info[u->op];
    bool direct = is_jump(u) && (u->op == UOP_JMP || !(info->props & P_END));

    if (info->props & P_PRECISE && !direct)
        return F_ARITH;
    return (behind & ~info->kills) | info->reads;
}

static uint16_t wanted_of(const struct maker *m, struct node *node);

/* Behind a jump: all, but in a region what its blocks want. */
static uint16_t wanted_behind(const struct maker *m, const struct node *node, const struct uop *u)
{
    if (node && u->op == UOP_JMP)
        return wanted_of(m, node->next);
    if (node && !(uop_info[u->op].props & P_END))
        return wanted_of(m, node->next) | wanted_of(m, node->taken);
    return F_ARITH;
}

/* Behind each micro-op (to, unless it is NULL), and where the block begins. */
static uint16_t find(const struct maker *m, const struct node *node, const struct block *block,
                     uint16_t *to)
{
    uint16_t live = F_ARITH;

    for (unsigned i = block->n; i-- > 0;) {
        const struct uop *u = &block->uop[i];

        if (is_jump(u))
            live = wanted_behind(m, node, u);
        if (to)
            to[i] = live;
        live = wanted_before(u, live);
    }
    return live;
}

/* Where a node begins, which is found once, as several ways may lead there; outside (NULL) all are,
 * and before the root, where the code may be left. */
static uint16_t wanted_of(const struct maker *m, struct node *node)
{
    if (!node || node == m->nodes)
        return F_ARITH;
    if (!node->has_wanted) {
        node->wanted = find(m, node, node->block, NULL);
        node->has_wanted = true;
    }
    return node->wanted;
}

uint16_t find_wanted(struct maker *m)
{
    return find(m, m->node, m->block, m->wanted);
}

/* Flags that might be owed: how they are made again; the nodes that have been looked at. */
struct debt {
    const struct redo *r;
    uint64_t seen;
};

static bool changes_operand(struct maker *m, const struct uop *u, uint8_t operand)
{
    const struct uop_info *info = &uop_info[u->op];

    if (home_of(operand) != NO_HOST)
        return changes(m, u, home_of(operand));
    return (info->props & W_D && u->d / 8 == operand / 8) ||
           (u->op >= UOP_CALL && u->op <= UOP_X87_COND && !is_near_call(m, u));
}

static bool spoils(struct maker *m, const struct uop *u, const struct redo *r)
{
    return changes_operand(m, u, r->a) || changes_operand(m, u, r->b);
}

enum fate { LIVES_ON, DIES, IS_WANTED, IS_SPOILT };

/* What becomes of flags that are owed when the micro-op runs. */
static enum fate fate_at(struct maker *m, const struct uop *u, const struct redo *r)
{
    const struct uop_info *info = &uop_info[u->op];

    if (is_near_call(m, u)) /* which leaves, and does nothing to them */
        return spoils(m, u, r) ? IS_SPOILT : LIVES_ON;
    if (info->reads & r->flags)
        return IS_WANTED;
    if (!(r->flags & ~info->kills))
        return DIES;
    return info->sets ? IS_WANTED : spoils(m, u, r) ? IS_SPOILT : LIVES_ON;
}

/* Behind the micro-op i they can be made no longer: they must die before the code may be left. */
static bool die_unseen(struct maker *m, const struct block *block, unsigned i, const struct redo *r)
{
    while (++i < block->n) {
        const struct uop *u = &block->uop[i];
        enum fate fate = fate_at(m, u, r);

        if (fate == DIES || fate == IS_WANTED)
            return fate == DIES;
        if (uop_info[u->op].props & P_PRECISE)
            return false;
    }
    return false;
}

static bool die_behind(struct maker *m, const struct node *to, struct debt *debt);

/* From that micro-op on, no way but those out of the code wants them.  Ways out of a region are
 * such ones, too. */
static bool die_from(struct maker *m, const struct node *node, const struct block *block,
                     unsigned i, struct debt *debt)
{
    for (; i < block->n; i++) {
        const struct uop *u = &block->uop[i];
        enum fate fate = fate_at(m, u, debt->r);

        if (fate == IS_SPOILT)
            return node && die_unseen(m, block, i, debt->r);
        if (fate != LIVES_ON)
            return fate == DIES;
        if (!is_jump(u))
            continue;
        if (!node)
            return false;
        if (u->op == UOP_JMP || (uop_info[u->op].props & P_END && node->next))
            return die_behind(m, node->next, debt);
        if (uop_info[u->op].props & P_END || !die_behind(m, node->taken, debt))
            return false;
    }
    return false;
}

/* What has been looked at before has shown nothing else, else no more would be; and what goes round
 * and round wants nothing. */
static bool die_behind(struct maker *m, const struct node *to, struct debt *debt)
{
    uint64_t bit = to ? 1ull << (to - m->nodes) : 0;

    if (!to || debt->seen & bit)
        return true;
    debt->seen |= bit;
    return die_from(m, to, to->block, 0, debt);
}

/* ---- Where they are ---- */

void flags_save(struct maker *m)
{
    if (!m->pending)
        return;
    host_lahf(&m->c);
    host_cc(&m->c, H_SETCC, CC_O, 0, host_reg(HOST_AX));
    host(&m->c, H_STORE, 2, HOST_AX, CPU(pair));
    m->pending = 0;
}

static void clobber(struct maker *m, const struct redo *r, bool die)
{
    if (die) {
        m->owed = *r;
        m->pending = 0;
    }
    flags_save(m);
    m->in_host = 0;
}

/* How what is pending is made again; flags: 0: it cannot be. */
static struct redo redo_pending(const struct maker *m)
{
    struct redo r = m->redo;

    r.flags = r.size ? m->pending : 0;
    return r;
}

void flags_clobber(struct maker *m)
{
    struct redo r = redo_pending(m);
    struct debt debt = { .r = &r };

    clobber(m, &r, r.flags && die_from(m, m->node, m->block, m->i, &debt));
}

void flags_clobber_to(struct maker *m, struct node *to)
{
    uint16_t wanted = wanted_of(m, to);
    struct redo r;
    struct debt debt = { .r = &r };

    m->pending &= wanted;
    m->owed.flags &= wanted;
    r = redo_pending(m);
    clobber(m, &r, r.flags && die_behind(m, to, &debt));
}

void flags_settle(struct maker *m)
{
    flags_save(m);
    if (m->owed.flags) {
        repeat(&m->c, &m->owed);
        m->pending = m->owed.flags;
        flags_save(m);
    }
    m->owed.flags = 0;
    m->in_host = 0;
}

static void follow(struct maker *m, const struct uop *u)
{
    if (!is_near_call(m, u))
        m->owed.flags &= ~uop_info[u->op].kills;
    if (m->redo.size && m->redo.of != u && spoils(m, u, &m->redo))
        m->redo.size = 0;
}

void flags_follow(struct maker *m)
{
    for (unsigned i = 0; i <= m->skip; i++)
        follow(m, &uop_of(m)[i]);
}

void flags_load(struct host_code *c)
{
    host(c, H_ZX16, 4, HOST_AX, CPU(pair));
    host_imm(c, H_ADD_I, 1, host_reg(HOST_AX), 0x7f);
    host_sahf(c);
}

/* LAHF's byte and OF replace what is in cpu->flags in their places. */
void flags_join(struct host_code *c)
{
    host(c, H_ZX8, 4, HOST_AX, CPU(pair));
    host_imm(c, H_SHL_I, 4, host_reg(HOST_AX), 11);
    host(c, H_OR, 1, HOST_AX, CPU_AT(offsetof(struct cpu, pair) + 1));
    host(c, H_XOR, 4, HOST_AX, CPU(flags));
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), F_ARITH);
    host(c, H_XOR, 4, HOST_AX, CPU(flags));
}

void flags_part(struct host_code *c, unsigned reg)
{
    host(c, H_STORE, 1, reg, CPU_AT(offsetof(struct cpu, pair) + 1));
    host_imm(c, H_SHR_I, 4, host_reg(reg), 11);
    host_imm(c, H_AND_I, 4, host_reg(reg), 1);
    host(c, H_STORE, 1, reg, CPU(pair));
}

void flags_need(struct maker *m, uint16_t set)
{
    if ((m->in_host & set) == set)
        return;
    flags_clobber(m);
    if (set == F_CF) {
        host_imm(&m->c, H_BT_I, 2, CPU(pair), 8); /* of no more than was stored */
        m->in_host = F_CF;
    } else {
        flags_load(&m->c);
        m->in_host = F_ARITH;
    }
}

void flags_set(struct maker *m, uint16_t set)
{
    m->in_host |= set;
    m->pending = (m->pending | set) & m->behind;
    m->redo = set == F_ARITH ? redo_of(uop_of(m)) : (struct redo){ 0 };
    m->owed.flags &= ~set;
}

enum host_cc condition(struct maker *m, unsigned cc)
{
    static const uint8_t low[] = { 0, F_CF, F_ZF, F_CF | F_ZF, F_SF, F_PF };
    uint16_t reads = uop_info[UOP_JO + cc].reads;

    if ((m->in_host & reads) == reads)
        return cc;
    flags_clobber(m);
    if (cc >= 12) { /* SF beside OF */
        flags_need(m, F_ARITH);
        return cc;
    }
    if (cc < 2)
        host_imm(&m->c, H_TEST_I, 1, CPU(pair), 1);
    else
        host_imm(&m->c, H_TEST_I, 1, CPU_AT(offsetof(struct cpu, pair) + 1), (int8_t)low[cc / 2]);
    return cc & 1 ? CC_Z : CC_NZ;
}
