/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-function - templates of instructions that the interpreter has as functions: strings,
 * CMPXCHG8B and 16B, double shifts, fences, LAHF and SAHF, CLC and its kin.
 *
 * They are emitted as themselves: what is undefined is as undefined as the function leaves it.
 */
#include "integer.h"
#include "jit-make.h"

/* ---- MOVS and STOS, repeated: what lies within one page at each end ---- */

static unsigned log2_of(unsigned size)
{
    return __builtin_ctz(size);
}

/* The elements, RCX of them, that reg points to are of one page; CX becomes what to add to it. */
static void reach_all(struct maker *m, unsigned reg, unsigned size, bool write)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 4, HOST_CX, host_reg(reg));
    find_entry(m);
    host(c, H_LEA, 8, HOST_AX, host_sum(reg, home_of(REG(RCX)), log2_of(size), -1));
    compare_page(m, write);
    unless(m, CC_NZ);
    host(c, H_LOAD, 8, HOST_CX, host_mem(HOST_CX, offsetof(struct tlb_entry, addend)));
}

/* AX = how many elements come after the first one: less than a page's, and all may be executed. */
static void check_count(struct maker *m, unsigned size)
{
    struct host_code *c = &m->c;

    host(c, H_LEA, 8, HOST_AX, host_mem(home_of(REG(RCX)), -1));
    host_imm(c, H_CMP_I, 8, host_reg(HOST_AX), (1 << PAGE_BITS) / size);
    unless(m, CC_NB);
    host(c, H_CMP_M, 8, HOST_AX, CPU(left));
    unless(m, CC_B);
}

static void advance(struct maker *m, unsigned reg, unsigned size)
{
    host(&m->c, H_LEA, 8, reg, host_sum(reg, home_of(REG(RCX)), log2_of(size), 0));
}

static bool make_string(struct maker *m, const struct uop *u)
{
    bool moves = u->call == call_movs;
    struct host_code *c = &m->c;
    uint8_t *none;

    if ((!moves && u->call != call_stos) || !is_code64(m) || u->b != 8 || u->imm == REP_NONE ||
        (moves && u->a >= SEG_FS))
        return false;
    settle_address(m);
    flags_clobber(m);
    host(c, H_TEST, 8, home_of(REG(RCX)), host_reg(home_of(REG(RCX))));
    none = host_jcc(c, CC_Z, NULL);
    host_imm(c, H_TEST_I, 4, CPU(flags), F_DF);
    unless(m, CC_NZ);
    check_count(m, u->d);
    if (moves) {
        reach_all(m, HOST_SI, u->d, false);
        host(c, H_STORE, 8, HOST_CX, CPU_AT(REG(REG_T1)));
    }
    reach_all(m, HOST_DI, u->d, true);
    host(c, H_LEA, 8, HOST_AX, host_mem(home_of(REG(RCX)), -1));
    host(c, H_SUB_M, 8, HOST_AX, CPU(left));
    host_push(c, HOST_DI);
    host_push(c, HOST_SI);
    host(c, H_ADD, 8, HOST_DI, host_reg(HOST_CX));
    if (moves)
        host(c, H_ADD, 8, HOST_SI, CPU_AT(REG(REG_T1)));
    else
        host(c, H_LOAD, 8, HOST_AX, host_reg(home_of(REG(RAX))));
    host(c, H_LOAD, 8, HOST_CX, host_reg(home_of(REG(RCX))));
    host_repeated(c, moves ? 0xa5 : 0xab, u->d);
    host_pop(c, HOST_SI);
    host_pop(c, HOST_DI);
    advance(m, HOST_DI, u->d);
    if (moves)
        advance(m, HOST_SI, u->d);
    host_move_imm(c, home_of(REG(RCX)), 0);
    host_land(c, none);
    return true;
}

/* ---- MOVS, STOS, LODS, SCAS and CMPS, once ---- */

enum { FROM_SI = 1, TO_DI = 2, WITH_DI = 4, INTO_AX = 8 };
static const struct {
    uop_call *call;
    uint8_t does;
} elements[] = {
    { call_movs, FROM_SI | TO_DI },   { call_stos, TO_DI },
    { call_lods, FROM_SI | INTO_AX }, { call_scas, WITH_DI },
    { call_cmps, FROM_SI | WITH_DI },
};

static unsigned what_element_does(const struct uop *u)
{
    for (unsigned i = 0; i < sizeof(elements) / sizeof(*elements); i++)
        if (elements[i].call == u->call)
            return elements[i].does;
    return 0;
}

/* The register that has what goes to memory, or is compared with it, memory being reached. */
static unsigned element_from(struct maker *m, unsigned does, unsigned size)
{
    if (!(does & FROM_SI))
        return in_reg(m, REG(RAX), size, HOST_AX);
    host(&m->c, H_LOAD, 8, HOST_AX, CPU_AT(REG(REG_T1)));
    return HOST_AX;
}

static bool make_element(struct maker *m, const struct uop *u)
{
    unsigned does = what_element_does(u), size = u->d, from;
    struct host_code *c = &m->c;
    struct operand at;

    if (!does || !is_code64(m) || u->b != 8 || (does & FROM_SI && u->a >= SEG_FS))
        return false;
    flags_clobber(m);
    host_imm(c, H_TEST_I, 4, CPU(flags), F_DF);
    unless(m, CC_NZ);
    if (does & FROM_SI) {
        host(c, H_LOAD, size, HOST_AX, reach(m, REG(RSI), 0, size, false));
        if (does & INTO_AX)
            put(m, REG(RAX), size, HOST_AX);
        else
            host(c, H_STORE, 8, HOST_AX, CPU_AT(REG(REG_T1)));
    }
    if (does & (TO_DI | WITH_DI)) {
        at = reach(m, REG(RDI), 0, size, does & TO_DI);
        from = element_from(m, does, size);
        host(c, does & TO_DI ? H_STORE : H_CMP, size, from, at);
        if (does & WITH_DI)
            flags_set(m, F_ARITH);
        host(c, H_LEA, 8, HOST_DI, host_mem(HOST_DI, size));
    }
    if (does & FROM_SI)
        host(c, H_LEA, 8, HOST_SI, host_mem(HOST_SI, size));
    return true;
}

/* ---- CMPXCHG8B, CMPXCHG16B ---- */

static bool make_cmpxchg_pair(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;
    bool big = u->call == call_cmpxchg16b;
    struct operand at;

    if ((!big && u->call != call_cmpxchg8b) || !is_code64(m))
        return false;
    at = reach(m, REG(REG_T0), 0, big ? 16 : 8, true);
    flags_clobber(m);
    if (big) {
        host(c, H_LEA, 8, HOST_AX, at);
        host_imm(c, H_TEST_I, 1, host_reg(HOST_AX), 15);
        unless(m, CC_NZ);
    }
    if (m->behind)
        flags_need(m, F_ARITH);
    host_push(c, HOST_SI);
    host(c, H_LEA, 8, HOST_SI, at);
    host(c, H_LOAD, 8, HOST_AX, source(m, REG(RAX)));
    host(c, H_LOAD, 8, HOST_CX, source(m, REG(RCX)));
    host_lock(c);
    host(c, H_CMPXCHG_PAIR, big ? 8 : 4, 0, host_mem(HOST_SI, 0));
    host_pop(c, HOST_SI);
    flags_set(m, F_ARITH);
    c->touched |= 1u << HOST_DX;
    put(m, REG(RAX), 8, HOST_AX);
    return true;
}

/* ---- Double shifts ---- */

/* What it shifts may be in AX, so what fills up is in a register that the guest's has, and a count
 * is in CX. */
static bool make_double_shift(struct maker *m, const struct uop *u)
{
    static const uint8_t by_imm[] = { H_SHLD_I, H_SHRD_I }, by_cl[] = { H_SHLD, H_SHRD };

    for (unsigned right = 0; right < 2; right++) {
        for (unsigned log2 = 2; log2 < 4; log2++) {
            unsigned size = 1u << log2, d = target(m, u->d, HOST_AX), b = home_of(u->b);

            if (u->call != call_double_shift[right][log2] || b == NO_HOST ||
                (d == b && u->a != u->b))
                continue;
            settle_address(m);
            if (m->behind)
                flags_need(m, F_ARITH);
            if (u->imm < 0)
                host(&m->c, H_LOAD, 4, HOST_CX, source(m, REG(RCX)));
            host(&m->c, H_LOAD, size, d, source(m, u->a));
            if (u->imm < 0)
                host(&m->c, by_cl[right], size, b, host_reg(d));
            else
                host_shift_double(&m->c, by_imm[right], size, b, host_reg(d), u->imm);
            m->c.touched |= 1u << d;
            flags_set(m, F_ARITH);
            put(m, u->d, size, d);
            return true;
        }
    }
    return false;
}

/* ---- Small ones ---- */

static bool make_fence(struct maker *m, const struct uop *u)
{
    if (u->call == call_fence)
        host_fence(&m->c, u->imm);
    return u->call == call_fence;
}

/* CLC, STC, CMC; CLD, STD. */
static bool make_flag(struct maker *m, const struct uop *u)
{
    if (u->call != call_flag)
        return false;
    if (1u << u->d == F_CF) {
        flags_need(m, m->behind & ~F_CF ? F_ARITH : u->imm ? 0 : F_CF);
        host_carry(&m->c, u->imm);
        flags_set(m, F_CF);
        return true;
    }
    flags_clobber(m);
    if (u->imm > 0)
        host_imm(&m->c, H_OR_I, 4, CPU(flags), F_DF);
    else
        host_imm(&m->c, H_AND_I, 4, CPU(flags), ~F_DF);
    return true;
}

/* AH and the upper byte of the pair are the same but for what is no flag. */
static bool make_ah(struct maker *m, const struct uop *u)
{
    struct operand flags = CPU_AT(offsetof(struct cpu, pair) + 1);

    if (u->call != call_lahf && u->call != call_sahf)
        return false;
    flags_settle(m);
    if (u->call == call_lahf) {
        host(&m->c, H_LOAD, 1, HOST_AX, flags);
        put(m, REG(RAX) + 1, 1, HOST_AX);
    } else {
        host(&m->c, H_LOAD, 1, HOST_AX, source(m, REG(RAX) + 1));
        host_imm(&m->c, H_AND_I, 1, host_reg(HOST_AX), (int8_t)(F_ARITH & 0xff));
        host_imm(&m->c, H_OR_I, 1, host_reg(HOST_AX), 2);
        host(&m->c, H_STORE, 1, HOST_AX, flags);
    }
    return true;
}

bool make_function_call(struct maker *m, const struct uop *u)
{
    static bool (*const makers[])(struct maker * m, const struct uop *u) = {
        make_element, make_cmpxchg_pair, make_double_shift, make_mulx, make_fence, make_flag,
        make_ah
    };

    if (u->op == UOP_CALL_LOOP)
        return make_string(m, u);
    for (unsigned i = 0; i < sizeof(makers) / sizeof(*makers); i++)
        if (makers[i](m, u))
            return true;
    return false;
}
