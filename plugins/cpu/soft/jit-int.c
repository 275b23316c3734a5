/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-int - templates of what happens in registers: arithmetic, shifts, moves, conditions.
 */
#include "jit-make.h"

/* target = target op b. */
void operate(struct maker *m, const struct uop *u, const struct template *t, bool imm,
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

// clang-format off
const struct template int_templates[] = {
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
    { CC_OPS(SET),  make_set, 0, 0, 0 },
    { CC_OPS(CMOV), make_cmov, 0, 0, 0 },
    { UOP_NOP, UOP_NOP, make_nop, 0, 0, 0 },
    { 0 },
};
// clang-format on
