/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-flow - templates of jumps and functions, and how one block goes on with another.
 *
 * A jump to a place in this block's page goes straight to the block there, once that is known: as
 * this block runs, its page is mapped as it was.  One to another page compares the block's epoch
 * with the processor's first.  Indirect ones look into a table by rip, for one context.
 */
#include "blocks.h"
#include "integer.h"
#include "jit-make.h"

enum { LOG2_JUMP = 5 };
_Static_assert(sizeof(struct jit_jump) == 1 << LOG2_JUMP, "");

/* ---- Links ---- */

uint64_t target_of(const struct block *block, const struct uop *u)
{
    uint64_t rip = block->rip + u->off + u->len + (int64_t)u->rel;
    unsigned size = u->d & 15;

    return size == 8 ? rip : size == 4 ? (uint32_t)rip : (uint16_t)rip;
}

bool is_same_page(const struct block *block, uint64_t rip)
{
    uint64_t base = block->cs_base;

    return (base + rip) >> PAGE_BITS == (base + block->rip) >> PAGE_BITS;
}

/* The site of the micro-op's jump, whose distance is there; its stub comes with the cold code. */
static void add_site(struct maker *m, unsigned uop, uint8_t *at, uint8_t *epoch)
{
    const struct uop *u = &m->block->uop[uop];

    if (m->n_sites == (m->node ? MAX_UOPS : m->block->n_links)) {
        m->c.full = true;
        return;
    }
    m->site[m->n_sites] = (struct jit_site){ .from = m->block, .uop = uop, .at = place_of(m, at) };
    if (epoch)
        m->site[m->n_sites].epoch = place_of(m, epoch);
    if (!m->node && !epoch && target_of(m->block, u) <= m->block->rip + u->off)
        m->site[m->n_sites].direct = place_of(m, at);
    cold_way(m, COLD_LINK, at, uop);
    m->cold[m->n_cold - 1].site = m->n_sites++;
}

uint8_t *load_epoch(struct maker *m, const uint64_t *epochs)
{
    struct host_code *c = &m->c;
    uint8_t *at;

    if (!(m->block->mode & MODE_USER)) /* space 0 */
        return host_load_abs(c, epochs);
    at = host_move_abs(c, HOST_AX, epochs);
    host(c, H_LOAD, 8, HOST_CX, CPU(space));
    host(c, H_LOAD, 8, HOST_AX, host_sum(HOST_AX, HOST_CX, 3, 0));
    return at;
}

/* To a block of another page: unless its epoch is the processor's, its stub looks. */
void link_across(struct maker *m, unsigned uop)
{
    uint8_t *epoch = load_epoch(m, m->jit->cpu->blocks->never), *miss;
    struct host_code *c = &m->c;

    host(c, H_CMP, 8, HOST_AX, CPU(epoch));
    miss = host_jcc(c, CC_NZ, NULL);
    add_site(m, uop, host_jmp(c, NULL), epoch);
    m->cold[m->n_cold - 1].miss = miss;
}

static unsigned rank(const struct maker *m, const struct node *to)
{
    return to == m->nodes ? 2 : to ? 1 : 0;
}

/* In a region, where the jump goes is told by what follows; the better part of it falls through. */
static void link_if(struct maker *m, const struct uop *u, enum host_cc cc)
{
    uint8_t *jump;

    m->swapped = m->node && rank(m, m->node->taken) > rank(m, m->node->next);
    jump = host_jcc(&m->c, m->swapped ? cc ^ 1 : cc, NULL);
    if (m->node)
        m->branch = jump;
    else if (is_same_page(m->block, target_of(m->block, u)))
        add_site(m, m->i, jump, NULL);
    else
        cold_way(m, COLD_PAGE, jump, m->i);
}

void link_to(struct maker *m, unsigned uop)
{
    if (is_same_page(m->block, target_of(m->block, &m->block->uop[uop])))
        add_site(m, uop, host_jmp(&m->c, NULL), NULL);
    else
        link_across(m, uop);
}

TEMPLATE(jmp)
{
    (void)u;
    if (m->node)
        return true;
    flags_clobber(m);
    link_to(m, m->i);
    return true;
}

TEMPLATE(jcc)
{
    if (!m->node)
        flags_save(m);
    link_if(m, u, condition(m, nth));
    return true;
}

TEMPLATE(jump_reg)
{
    unsigned a = in_reg(m, u->a, 8, HOST_CX);

    flags_clobber(m);
    host(&m->c, H_TEST, 8, a, host_reg(a));
    link_if(m, u, u->op == UOP_JZ_REG ? CC_Z : CC_NZ);
    return true;
}

/* A comparison and its jump. */
TEMPLATE(fused)
{
    static const uint8_t sizes[] = { 1, 4, 8 };
    unsigned size = sizes[nth / 32];
    struct operand a = source(m, u->a);

    if (nth & 16)
        host_imm(&m->c, t->imm_insn, size, a, u->imm32);
    else if (a.memory)
        host(&m->c, t->insn == H_TEST ? H_TEST : H_CMP_M, size, in_reg(m, u->b, size, HOST_AX), a);
    else
        host(&m->c, t->insn, size, a.reg, source(m, u->b));
    flags_set(m, F_ARITH);
    if (!m->node)
        flags_save(m);
    link_if(m, u, nth & 15);
    return true;
}

/* ---- Indirect jumps ---- */

void find_jump(struct maker *m)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_SHR_I, 4, host_reg(HOST_CX), PAGE_BITS);
    host(c, H_XOR, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), JIT_JUMPS - 1);
    host_imm(c, H_SHL_I, 4, host_reg(HOST_CX), LOG2_JUMP);
    host(c, H_ADD, 8, HOST_CX, CPU(jumps));
}

/* To the rip in AX, if it is known: CX becomes where its entry is. */
static void look_up(struct maker *m)
{
    struct host_code *c = &m->c;

    find_jump(m);
    host(c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct jit_jump, rip)));
    cold_way(m, COLD_MISS, host_jcc(c, CC_NZ, NULL), m->i);
    host(c, H_LOAD, 8, HOST_AX, CPU(salt));
    host(c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct jit_jump, salt)));
    m->cold[m->n_cold - 1].miss = host_jcc(c, CC_NZ, NULL);
    m->cold[m->n_cold - 1].back = c->at;
}

static void go_there(struct maker *m)
{
    host(&m->c, H_JMP, 8, 0, host_mem(HOST_CX, offsetof(struct jit_jump, code)));
}

/* Where the target is, of a return once its stack has been reached. */
static struct operand target_at(struct maker *m, const struct uop *u)
{
    return u->op == UOP_RET64 ? host_sum(HOST_CX, home_of(REG(RSP)), 0, 0) : source(m, u->a);
}

static void drop_target(struct maker *m, const struct uop *u)
{
    if (u->op == UOP_RET64)
        move_stack(m, 8 + u->imm);
}

static void go_by_table(struct maker *m, const struct uop *u)
{
    host(&m->c, H_LOAD, 8, HOST_AX, target_at(m, u));
    look_up(m);
    drop_target(m, u);
    go_there(m);
}

/* In a region, to the node that comes next, if that is what is there. */
static void go_on_or_elsewhere(struct maker *m, struct operand at)
{
    uint64_t rip = m->node->next->block->rip;

    if (fits(rip)) {
        host_imm(&m->c, H_CMP_I, 8, at, rip);
    } else {
        host_move_imm(&m->c, HOST_AX, rip);
        host(&m->c, H_CMP, 8, HOST_AX, at);
    }
    cold_way(m, COLD_ELSEWHERE, host_jcc(&m->c, CC_NZ, NULL), m->i);
}

static bool goes_on(const struct maker *m)
{
    return m->node && m->node->next;
}

static void go_indirectly(struct maker *m, const struct uop *u)
{
    flags_clobber(m);
    if (!goes_on(m)) {
        go_by_table(m, u);
        return;
    }
    go_on_or_elsewhere(m, target_at(m, u));
    drop_target(m, u);
}

/* Where an indirect call goes has been compared before it. */
TEMPLATE(jmp_to)
{
    if (!goes_on(m) || !m->i || !is_near_call(m, u - 1))
        go_indirectly(m, u);
    return true;
}

/* The next instruction's address is pushed. */
static void push_next(struct maker *m, const struct uop *u)
{
    uint64_t next = m->block->rip + u->off + u->len;
    struct operand at = reach(m, REG(RSP), -8, 8, true);

    if (fits(next)) {
        host_imm(&m->c, H_STORE_I, 8, at, next);
    } else {
        host_move_imm(&m->c, HOST_AX, next);
        host(&m->c, H_STORE, 8, HOST_AX, at);
    }
    move_stack(m, -8);
}

TEMPLATE(call)
{
    if (!canonical(m->jit->cpu, target_of(m->block, u)))
        return false;
    push_next(m, u);
    flags_clobber(m);
    if (!goes_on(m))
        link_to(m, m->i);
    return true;
}

bool is_near_call(const struct maker *m, const struct uop *u)
{
    return u->op == UOP_CALL && u->call == call_near && u->d == 8 && is_code64(m);
}

static void push_checked(struct maker *m, const struct uop *u)
{
    host(&m->c, H_LOAD, 8, HOST_AX, source(m, u->b));
    check_canonical(m);
    push_next(m, u);
}

/* Of an indirect call: where it goes is checked before anything is pushed.  What the region goes on
 * with is canonical. */
static bool make_call_near(struct maker *m, const struct uop *u)
{
    if (!is_near_call(m, u))
        return false;
    flags_clobber(m);
    if (goes_on(m)) {
        go_on_or_elsewhere(m, source(m, u->b));
        push_next(m, u);
    } else {
        push_checked(m, u);
    }
    return true;
}

/* A call is yet to be made, of which nothing that was known is known here. */
void go_elsewhere(struct maker *m)
{
    if (is_near_call(m, uop_of(m))) {
        m->load_uop = m->address_uop = NO_UOP;
        m->note = (struct x87_note){ 0 };
        forget_pointers(m);
        push_checked(m, uop_of(m));
        m->i++;
    }
    go_by_table(m, uop_of(m));
}

TEMPLATE(ret)
{
    reach(m, REG(RSP), 0, 8, false);
    go_indirectly(m, u);
    return true;
}

/* Everything of the guest's goes to memory, and comes back but for units. */
bool call_function(struct maker *m)
{
    settle_address(m);
    flags_settle(m);
    x87_tell_all(m);
    cold_way(m, COLD_CALL, host_call(&m->c, NULL), m->i);
    m->loaded = 0;
    if (m->node)
        m->failed = m->block;
    return true;
}

TEMPLATE(function)
{
    static bool (*const makers[])(struct maker * m,
                                  const struct uop *u) = { make_function_call, make_int_call,
                                                           make_call_near, make_system_call };
    unsigned n = u->op == UOP_CALL ? sizeof(makers) / sizeof(*makers) : 1;

    for (unsigned i = 0; i < n; i++)
        if (makers[i](m, u))
            return true;
    return call_function(m);
}

TEMPLATE(function_jump)
{
    return make_system_jump(m, u);
}

// clang-format off
const struct template flow_templates[] = {
    { CC_OPS(J),    make_jcc, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_CMPJ8O, UOP_CMPJI64NLE,   make_fused, H_CMP, H_CMP_I, 0, FOLD_FUSED, NULL },
    { UOP_TESTJ8O, UOP_TESTJI64NLE, make_fused, H_TEST, H_TEST_I, LOGIC, FOLD_FUSED, NULL },
    { UOP_JNZ_REG, UOP_JZ_REG, make_jump_reg, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_JMP, UOP_JMP, make_jmp, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_JMP_TO, UOP_JMP_TO, make_jmp_to, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_CALL64, UOP_CALL64, make_call, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_CALL, UOP_CALL, make_function, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_CALL_JUMP, UOP_CALL_JUMP, make_function_jump, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_CALL_LOOP, UOP_CALL_LOOP, make_function, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_RET64, UOP_RET64, make_ret, 0, 0, 0, FOLD_NONE, NULL },
    { 0 },
};
// clang-format on
