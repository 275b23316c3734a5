/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-flow - templates of jumps, and how one block goes on with another.
 */
#include "blocks.h"
#include "jit-make.h"

_Static_assert(offsetof(struct blocks, jump) == 0, "reached without an offset");

#define COUNT         HOST_R15
#define BLOCK(member) host_mem(HOST_CX, offsetof(struct block, member))

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

/* To the block that the micro-op is linked with. */
void go_link(struct maker *m, struct registers regs, unsigned i)
{
    write_back_all(m, &regs);
    enter_link(&m->c, i, m->jit->link);
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

// clang-format off
const struct template flow_templates[] = {
    { CC_OPS(J),    make_jcc, 0, 0, 0 },
    { UOP_CMPJ8O, UOP_CMPJI64NLE,   make_fused, H_CMP, H_CMP_I, 0 },
    { UOP_TESTJ8O, UOP_TESTJI64NLE, make_fused, H_TEST, H_TEST_I, LOGIC },
    { UOP_JNZ_REG, UOP_JZ_REG, make_jump_reg, 0, 0, 0 },
    { UOP_JMP, UOP_JMP, make_jmp, 0, 0, 0 },
    { UOP_JMP_TO, UOP_JMP_TO, make_jmp_to, 0, 0, 0 },
    { UOP_CALL64, UOP_CALL64, make_call, 0, 0, 0 },
    { UOP_RET64, UOP_RET64, make_ret, 0, 0, 0 },
    { 0 },
};
// clang-format on
