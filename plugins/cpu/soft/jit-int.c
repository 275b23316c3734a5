/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-int - templates of what happens in registers: arithmetic, shifts, bits, moves, conditions.
 */
#include "integer.h"
#include "jit-make.h"

/* Makes d = what an operation makes of a, in d's register or AX: where a has been put. */
static unsigned begin(struct maker *m, const struct uop *u, unsigned size)
{
    unsigned home = target(m, u->d, HOST_AX);

    if (u->d == u->a && home != HOST_AX)
        return home;
    host(&m->c, H_LOAD, size, HOST_AX, source(m, u->a));
    return HOST_AX;
}

/* target op b, which may be an immediate. */
static void operate(struct maker *m, const struct uop *u, const struct template *t, bool imm,
                    unsigned size, struct operand target)
{
    if (imm)
        host_imm(&m->c, t->imm_insn, size, target, u->imm);
    else if (!target.memory)
        host(&m->c, t->insn, size, target.reg, source(m, u->b));
    else /* the other direction's opcode lies two below; TEST has but one */
        host(&m->c, t->insn == H_TEST ? H_TEST : t->insn - H_ADD + H_ADD_M, size,
             in_reg(m, u->b, size, HOST_AX), target);
}

static void compare(struct maker *m, const struct uop *u, const struct template *t, bool imm,
                    unsigned size)
{
    operate(m, u, t, imm, size, source(m, u->a));
    flags_set(m, F_ARITH);
}

TEMPLATE(binary)
{
    unsigned size = 1u << (nth & 3), d;
    bool imm = nth & 4;

    if (imm && size == 8 && !fits(u->imm))
        return false;
    if (t->kind & COMPARE) {
        if (m->behind)
            compare(m, u, t, imm, size);
        return true;
    }
    if (t->kind & CARRY)
        flags_need(m, F_CF);
    d = begin(m, u, size);
    operate(m, u, t, imm, size, host_reg(d));
    flags_set(m, F_ARITH);
    put(m, u->d, size, d);
    return true;
}

static void change_binary(struct maker *m, const struct uop *u, const struct template *t,
                          unsigned size, struct operand at, bool lock)
{
    bool imm = (u->op - t->first) & 4;
    unsigned b = imm ? 0 : in_reg(m, u->b, size, HOST_AX);

    if (t->kind & CARRY)
        flags_need(m, F_CF);
    if (lock)
        host_lock(&m->c);
    if (imm)
        host_imm(&m->c, t->imm_insn, size, at, u->imm);
    else
        host(&m->c, t->insn - H_ADD + H_ADD_M, size, b, at);
    flags_set(m, F_ARITH);
}

TEMPLATE(imul)
{
    unsigned size = 2u << nth, d = begin(m, u, size);

    host(&m->c, H_IMUL, size, d, source(m, u->b));
    flags_set(m, F_ARITH);
    put(m, u->d, size, d);
    return true;
}

TEMPLATE(unary)
{
    unsigned size = 1u << nth, d;

    if (t->kind & KEEP_CARRY && m->behind & F_CF)
        flags_need(m, F_CF);
    d = begin(m, u, size);
    host(&m->c, t->insn, size, 0, host_reg(d));
    if (!(t->kind & QUIET))
        flags_set(m, t->kind & KEEP_CARRY ? F_ARITH & ~F_CF : F_ARITH);
    put(m, u->d, size, d);
    return true;
}

static void change_unary(struct maker *m, const struct uop *u, const struct template *t,
                         unsigned size, struct operand at, bool lock)
{
    (void)u;
    if (t->kind & KEEP_CARRY && m->behind & F_CF)
        flags_need(m, F_CF);
    if (lock)
        host_lock(&m->c);
    host(&m->c, t->insn, size, 0, at);
    if (!(t->kind & QUIET))
        flags_set(m, t->kind & KEEP_CARRY ? F_ARITH & ~F_CF : F_ARITH);
}

/* Where flags are wanted that it may leave alone, they are there before. */
static void shift_flags_before(struct maker *m, const struct uop *u, const struct template *t)
{
    uint16_t wanted = m->behind & uop_info[u->op].sets;

    if (wanted && uop_info[u->op].kills != F_ARITH)
        flags_need(m, F_ARITH);
    else if (t->kind & CARRY)
        flags_need(m, F_CF);
}

static void shift_flags_behind(struct maker *m, const struct uop *u)
{
    uint16_t sets = uop_info[u->op].sets;

    if (m->behind & sets)
        flags_set(m, sets);
    else
        m->in_host &= ~sets;
}

TEMPLATE(shift)
{
    unsigned size = 1u << nth, d;

    shift_flags_before(m, u, t);
    d = begin(m, u, size);
    if (t->insn) {
        host(&m->c, H_LOAD, 4, HOST_CX, source(m, u->b));
        host(&m->c, t->insn, size, 0, host_reg(d));
    } else {
        host_imm(&m->c, t->imm_insn, size, host_reg(d), u->imm);
    }
    shift_flags_behind(m, u);
    put(m, u->d, size, d);
    return true;
}

/* BT and its kin set CF; the host's leave the other flags alone. */
TEMPLATE(bit)
{
    unsigned size = 2u << nth % 3, d;
    bool imm = nth >= 3;

    if (t->kind & COMPARE && !(m->behind & F_CF))
        return true;
    if (m->behind & ~F_CF & F_ARITH)
        flags_need(m, F_ARITH);
    d = t->kind & COMPARE ? in_reg(m, u->a, size, HOST_AX) : begin(m, u, size);
    if (imm)
        host_imm(&m->c, t->imm_insn, size, host_reg(d), u->imm & (size * 8 - 1));
    else
        host(&m->c, t->insn, size, in_reg(m, u->b, size, HOST_CX), host_reg(d));
    flags_set(m, F_CF);
    if (!(t->kind & COMPARE))
        put(m, u->d, size, d);
    return true;
}

/* The bit lies in the operand, whatever the register says. */
static void change_bit(struct maker *m, const struct uop *u, const struct template *t,
                       unsigned size, struct operand at, bool lock)
{
    bool imm = u->op - t->first >= 3, others = m->behind & ~F_CF & F_ARITH;
    struct host_code *c = &m->c;

    if (!imm) {
        flags_clobber(m);
        host(c, H_LOAD, 4, HOST_AX, source(m, u->b));
        host_imm(c, H_AND_I, 4, host_reg(HOST_AX), size * 8 - 1);
        if (others)
            host(c, H_STORE, 8, HOST_AX, CPU_AT(REG(REG_T3)));
    }
    if (others)
        flags_need(m, F_ARITH);
    if (!imm && others)
        host(c, H_LOAD, 8, HOST_AX, CPU_AT(REG(REG_T3)));
    if (lock)
        host_lock(c);
    if (imm)
        host_imm(c, t->imm_insn, size, at, u->imm & (size * 8 - 1));
    else
        host(c, t->insn, size, HOST_AX, at);
    flags_set(m, F_CF);
}

TEMPLATE(mov)
{
    unsigned size = 1u << nth, d;

    if (size < 4) {
        d = in_reg(m, u->a, size, HOST_AX);
    } else {
        d = target(m, u->d, HOST_AX);
        host(&m->c, H_LOAD, size, d, source(m, u->a));
    }
    put(m, u->d, size, d);
    return true;
}

TEMPLATE(movi)
{
    unsigned size = 1u << nth, d = size < 4 ? HOST_AX : target(m, u->d, HOST_AX);

    host_move_imm(&m->c, d, size == 8 ? (uint64_t)u->imm : (uint32_t)u->imm);
    put(m, u->d, size, d);
    return true;
}

TEMPLATE(extend)
{
    unsigned d = target(m, u->d, HOST_AX);

    host(&m->c, t->insn, 8, d, source(m, u->a));
    put(m, u->d, 8, d);
    return true;
}

TEMPLATE(bswap)
{
    unsigned size = 4u << nth, d = begin(m, u, size);

    host_bswap(&m->c, size, d);
    put(m, u->d, size, d);
    return true;
}

/* ---- MUL, IMUL, DIV, IDIV of rAX and rDX ---- */

enum { MUL, IMUL, DIV, IDIV };

/* What may overflow is the function's: all but a quotient that is small for sure. */
static void check_division(struct maker *m, unsigned kind, unsigned size, struct operand b)
{
    struct host_code *c = &m->c;

    flags_clobber(m);
    if (kind == DIV) {
        host(c, H_CMP, size, HOST_DX, b);
        unless(m, CC_NB);
        return;
    }
    host(c, H_LOAD, size, HOST_AX, source(m, REG(RAX)));
    host_imm(c, H_SAR_I, size, host_reg(HOST_AX), size * 8 - 1);
    host(c, H_CMP, size, HOST_AX, host_reg(HOST_DX));
    unless(m, CC_NZ);
    host_imm(c, H_CMP_I, size, b, 0);
    unless(m, CC_LE);
}

/* Flags that the host leaves alone are the guest's. */
static void multiply_or_divide(struct maker *m, unsigned kind, unsigned size, struct operand b)
{
    static const uint8_t insns[] = { H_MUL, H_IMUL1, H_DIV, H_IDIV };

    if (kind >= DIV)
        check_division(m, kind, size, b);
    if (m->behind)
        flags_need(m, F_ARITH);
    host(&m->c, H_LOAD, size, HOST_AX, source(m, REG(RAX)));
    host(&m->c, insns[kind], size, 0, b);
    m->c.touched |= 1u << HOST_DX;
    flags_set(m, F_ARITH);
    put(m, REG(RAX), size, HOST_AX);
}

static void bit_offset(struct maker *m, const struct uop *u)
{
    enum host_insn load = u->imm == 8 ? H_LOAD : u->imm == 4 ? H_SX32 : H_SX16;

    flags_clobber(m);
    host(&m->c, load, 8, HOST_AX, source(m, u->a));
    host_imm(&m->c, H_SAR_I, 8, host_reg(HOST_AX), 3);
    host_imm(&m->c, H_AND_I, 8, host_reg(HOST_AX), -u->imm);
    put(m, u->d, 8, HOST_AX);
}

static void selector(struct maker *m, const struct uop *u)
{
    host(&m->c, H_ZX16, 4, HOST_AX, CPU_AT(offsetof(struct cpu, seg[u->a].selector)));
    put(m, u->d, 8, HOST_AX);
}

bool make_int_call(struct maker *m, const struct uop *u)
{
    if (u->call == call_bit_offset || u->call == call_selector) {
        settle_address(m);
        (u->call == call_selector ? selector : bit_offset)(m, u);
        return true;
    }
    for (unsigned kind = MUL; kind <= IDIV; kind++) {
        for (unsigned log2 = 2; log2 < 4; log2++) {
            if (u->call == call_group3[kind][log2]) {
                settle_address(m);
                multiply_or_divide(m, kind, 1u << log2, source(m, u->b));
                return true;
            }
        }
    }
    return false;
}

/* ---- Conditions ---- */

TEMPLATE(set)
{
    enum host_cc cc = condition(m, nth);

    host_cc(&m->c, H_SETCC, cc, 0, host_reg(HOST_AX));
    put(m, u->d, 1, HOST_AX);
    return true;
}

TEMPLATE(cmov)
{
    enum host_cc cc = condition(m, nth);
    unsigned d = in_reg(m, u->d, 8, HOST_AX);

    host_cc(&m->c, H_CMOVCC, cc, d, source(m, u->a));
    put(m, u->d, 8, d);
    return true;
}

TEMPLATE(nop)
{
    return true;
}

// clang-format off
const struct template int_templates[] = {
    { BOTH_OPS(ADD),   make_binary, H_ADD, H_ADD_I, 0, FOLD_SIZED, change_binary },
    { BOTH_OPS(OR),    make_binary, H_OR,  H_OR_I,  LOGIC, FOLD_SIZED, change_binary },
    { BOTH_OPS(ADC),   make_binary, H_ADC, H_ADC_I, CARRY, FOLD_SIZED, change_binary },
    { BOTH_OPS(SBB),   make_binary, H_SBB, H_SBB_I, CARRY, FOLD_SIZED, change_binary },
    { BOTH_OPS(AND),   make_binary, H_AND, H_AND_I, LOGIC, FOLD_SIZED, change_binary },
    { BOTH_OPS(SUB),   make_binary, H_SUB, H_SUB_I, 0, FOLD_SIZED, change_binary },
    { BOTH_OPS(XOR),   make_binary, H_XOR, H_XOR_I, LOGIC, FOLD_SIZED, change_binary },
    { BOTH_OPS(CMP),   make_binary, H_CMP, H_CMP_I, COMPARE, FOLD_SIZED, NULL },
    { BOTH_OPS(TEST),  make_binary, H_TEST, H_TEST_I, COMPARE | LOGIC, FOLD_SIZED, NULL },
    { SIZED_OPS(INC),  make_unary, H_INC, 0, KEEP_CARRY, FOLD_NONE, change_unary },
    { SIZED_OPS(DEC),  make_unary, H_DEC, 0, KEEP_CARRY, FOLD_NONE, change_unary },
    { SIZED_OPS(NEG),  make_unary, H_NEG, 0, 0, FOLD_NONE, change_unary },
    { SIZED_OPS(NOT),  make_unary, H_NOT, 0, QUIET, FOLD_NONE, change_unary },
    { WIDE_OPS(IMUL),  make_imul, 0, 0, 0, FOLD_WIDE, NULL },
    { SIZED_OPS(SHL),  make_shift, H_SHL_CL, 0, 0, FOLD_NONE, NULL },
    { SIZED_OPS(SHR),  make_shift, H_SHR_CL, 0, 0, FOLD_NONE, NULL },
    { SIZED_OPS(SAR),  make_shift, H_SAR_CL, 0, 0, FOLD_NONE, NULL },
    { SIZED_OPS(ROL),  make_shift, H_ROL_CL, 0, 0, FOLD_NONE, NULL },
    { SIZED_OPS(ROR),  make_shift, H_ROR_CL, 0, 0, FOLD_NONE, NULL },
    { SIZED_OPS(RCL),  make_shift, H_RCL_CL, 0, CARRY, FOLD_NONE, NULL },
    { SIZED_OPS(RCR),  make_shift, H_RCR_CL, 0, CARRY, FOLD_NONE, NULL },
    { SIZED_OPS(SHLI), make_shift, 0, H_SHL_I, 0, FOLD_NONE, NULL },
    { SIZED_OPS(SHRI), make_shift, 0, H_SHR_I, 0, FOLD_NONE, NULL },
    { SIZED_OPS(SARI), make_shift, 0, H_SAR_I, 0, FOLD_NONE, NULL },
    { SIZED_OPS(ROLI), make_shift, 0, H_ROL_I, 0, FOLD_NONE, NULL },
    { SIZED_OPS(RORI), make_shift, 0, H_ROR_I, 0, FOLD_NONE, NULL },
    { WIDE_BOTH_OPS(BT),  make_bit, H_BT,  H_BT_I,  COMPARE, FOLD_NONE, NULL },
    { WIDE_BOTH_OPS(BTS), make_bit, H_BTS, H_BTS_I, BITS, FOLD_NONE, change_bit },
    { WIDE_BOTH_OPS(BTR), make_bit, H_BTR, H_BTR_I, BITS, FOLD_NONE, change_bit },
    { WIDE_BOTH_OPS(BTC), make_bit, H_BTC, H_BTC_I, BITS, FOLD_NONE, change_bit },
    { SIZED_OPS(MOV),  make_mov, 0, 0, 0, FOLD_SIZED, NULL },
    { SIZED_OPS(MOVI), make_movi, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_ZX8, UOP_ZX8,   make_extend, H_ZX8, 0, 0, FOLD_BYTE, NULL },
    { UOP_ZX16, UOP_ZX16, make_extend, H_ZX16, 0, 0, FOLD_WORD, NULL },
    { UOP_SX8, UOP_SX8,   make_extend, H_SX8, 0, 0, FOLD_BYTE, NULL },
    { UOP_SX16, UOP_SX16, make_extend, H_SX16, 0, 0, FOLD_WORD, NULL },
    { UOP_SX32, UOP_SX32, make_extend, H_SX32, 0, 0, FOLD_LONG, NULL },
    { UOP_BSWAP32, UOP_BSWAP64, make_bswap, 0, 0, 0, FOLD_NONE, NULL },
    { CC_OPS(SET),  make_set, 0, 0, 0, FOLD_NONE, NULL },
    { CC_OPS(CMOV), make_cmov, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_NOP, UOP_NOP, make_nop, 0, 0, 0, FOLD_NONE, NULL },
    { 0 },
};
// clang-format on
