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

/* The host's register that holds an operand by itself, or NO_HOST. */
static unsigned held_in(uint8_t operand)
{
    return is_high(operand) ? NO_HOST : home_of(operand);
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
    r.a = held_in(r.how == REDO_COMPARE ? u->a : u->d);
    r.b = imm || r.how == REDO_RESULT ? r.a : held_in(u->b);
    r.imm = fused ? u->imm32 : u->imm;
    r.is_imm = imm && r.how != REDO_RESULT;
    if (r.a != NO_HOST && r.b != NO_HOST && (r.how != REDO_UNDONE || r.is_imm || r.a != r.b))
        r.size = fused ? fused_sizes[nth / 32] : 1u << (nth & 3);
    return r;
}

static void operate(struct host_code *c, const struct redo *r, unsigned insn, unsigned a)
{
    if (r->is_imm)
        host_imm(c, insn, r->size, host_reg(a), r->imm);
    else
        host(c, insn, r->size, a, host_reg(r->b));
}

/* The host's flags become those again.  AX is destroyed. */
static void repeat(struct host_code *c, const struct redo *r)
{
    if (r->how == REDO_UNDONE) {
        host(c, H_LOAD, 8, HOST_AX, host_reg(r->a));
        operate(c, r, r->undo, HOST_AX);
    }
    operate(c, r, r->insn, r->how == REDO_UNDONE ? HOST_AX : r->a);
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

enum fate { LIVES_ON, DIES, IS_WANTED };

/* What becomes of flags that are owed when the micro-op runs. */
static enum fate fate_at(struct maker *m, const struct uop *u, const struct redo *r)
{
    const struct uop_info *info = &uop_info[u->op];
    bool leaves = is_near_call(m, u); /* and does nothing to them */

    if (info->reads & r->flags && !leaves)
        return IS_WANTED;
    if (!(r->flags & ~info->kills) && !leaves)
        return DIES;
    return info->sets || changes(m, u, r->a) || changes(m, u, r->b) ? IS_WANTED : LIVES_ON;
}

static bool die_behind(struct maker *m, const struct node *to, const struct redo *r, bool again);

/* From that micro-op on, no way but those out of the code wants them; again: it is the root's
 * second time.  Ways out of a region are such ones, too. */
static bool die_from(struct maker *m, const struct node *node, const struct block *block,
                     unsigned i, const struct redo *r, bool again)
{
    for (; i < block->n; i++) {
        const struct uop *u = &block->uop[i];
        enum fate fate = fate_at(m, u, r);

        if (fate != LIVES_ON)
            return fate == DIES;
        if (!is_jump(u))
            continue;
        if (!node)
            return false;
        if (u->op == UOP_JMP || (uop_info[u->op].props & P_END && node->next))
            return die_behind(m, node->next, r, again);
        if (uop_info[u->op].props & P_END || !die_behind(m, node->taken, r, again))
            return false;
    }
    return false;
}

static bool die_behind(struct maker *m, const struct node *to, const struct redo *r, bool again)
{
    if (!to)
        return true;
    if (to == m->nodes && again)
        return false;
    return die_from(m, to, to->block, 0, r, again || to == m->nodes);
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

    clobber(m, &r, r.flags && die_from(m, m->node, m->block, m->i, &r, false));
}

void flags_clobber_to(struct maker *m, struct node *to)
{
    uint16_t wanted = wanted_of(m, to);
    struct redo r;

    m->pending &= wanted;
    m->owed.flags &= wanted;
    r = redo_pending(m);
    clobber(m, &r, r.flags && die_behind(m, to, &r, false));
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

void flags_follow(struct maker *m, const struct uop *u)
{
    if (!is_near_call(m, u))
        m->owed.flags &= ~uop_info[u->op].kills;
    if (m->redo.size && m->redo.of != u && (changes(m, u, m->redo.a) || changes(m, u, m->redo.b)))
        m->redo.size = 0;
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
