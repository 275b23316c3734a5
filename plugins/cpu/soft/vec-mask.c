/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-mask - instructions with opmask registers alone, which have VEX: AVX-512's k0 to k7.
 *
 * Intel SDM volume 2.
 */
#include "vec-kernel.h"

#define K_BITS(n) (~0ull >> (64 - (n)))

/* The result of the lowest bits n of a and b; what is above them is cleared. */
#define K_KERNEL(name, n, value)                                                                   \
    KERNEL(name)                                                                                   \
    {                                                                                              \
        d->u64[0] = (value)&K_BITS(n);                                                             \
    }
#define K_SIZES(name, value)                                                                       \
    K_KERNEL(name##b, 8, value)                                                                    \
    K_KERNEL(name##w, 16, value) K_KERNEL(name##d, 32, value) K_KERNEL(name##q, 64, value)

#define A a->u64[0]
#define B b->u64[0]
K_SIZES(kmov, B)
K_SIZES(kand, A &B)
K_SIZES(kandn, ~A &B)
K_SIZES(knot, ~B)
K_SIZES(kor, A | B)
K_SIZES(kxnor, ~(A ^ B))
K_SIZES(kxor, A ^ B)
K_SIZES(kadd, A + B)
K_KERNEL(kunpckbw, 16, A << 8 | (B & K_BITS(8)))
K_KERNEL(kunpckwd, 32, A << 16 | (B & K_BITS(16)))
K_KERNEL(kunpckdq, 64, A << 32 | (B & K_BITS(32)))

#define SHIFT(size, n)                                                                             \
    K_KERNEL(kshiftl##size, n, imm < n ? B << imm : 0)                                             \
    K_KERNEL(kshiftr##size, n, imm < n ? (B & K_BITS(n)) >> imm : 0)
SHIFT(b, 8)
SHIFT(w, 16)
SHIFT(d, 32)
SHIFT(q, 64)
#undef A
#undef B

/* ---- Tests: u->d and u->b are the registers, u->a how many bits of them count ---- */

static void set_flags(struct cpu *cpu, bool zero, bool carry)
{
    cpu->flags = (cpu->flags & ~F_ARITH) | (zero ? F_ZF : 0) | (carry ? F_CF : 0);
}

static void run_kortest(struct cpu *cpu, const struct uop *u)
{
    uint64_t all = K_BITS(u->a), value = (cpu->k[u->d] | cpu->k[u->b]) & all;

    set_flags(cpu, value == 0, value == all);
}

static void run_ktest(struct cpu *cpu, const struct uop *u)
{
    uint64_t a = cpu->k[u->d], b = cpu->k[u->b] & K_BITS(u->a);

    set_flags(cpu, !(a & b), !(~a & b));
}

static void emit_test(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    unsigned bits = in->pp == PFX_66 ? (in->w ? 32 : 8) : in->w ? 64 : 16;

    vec_emit_check_evex(b);
    emit_call_as(b, UOP_VECTOR_FLAGS, in->opcode & 1 ? run_ktest : run_kortest, in->reg, bits,
                 in->rm & 7, 0);
}

/* ---- Table ---- */

// clang-format off
#define K KIND_K, KIND_K
#define F  ISA_AVX512F
#define DQ ISA_AVX512DQ
#define BW ISA_AVX512BW

/* X(pp, W, isa, size, letter): by the size of operands */
#define SIZES(X, isa16, ...)                                                                       \
    X(PFX_66,   V_W0, DQ,    b, __VA_ARGS__), X(PFX_NONE, V_W0, isa16, w, __VA_ARGS__),            \
    X(PFX_66,   V_W1, BW,    d, __VA_ARGS__), X(PFX_NONE, V_W1, BW,    q, __VA_ARGS__)
/* Of two registers with VEX.L1, of one with L0; tests. */
#define TWO(pp, w, isa, size, opcode, name)                                                        \
    { MAP_0F, pp, opcode, 0, K, 0, { 0, 0, isa }, V_REG | V_NDS | w, .y = name##size }
#define ONE(pp, w, isa, size, opcode, name)                                                        \
    { MAP_0F, pp, opcode, 0, K, 0, { 0, isa, 0 }, V_REG | w, .x = name##size }
#define TEST(pp, w, needs, size, code)                                                              \
    { MAP_0F, pp, .opcode = code, .dst = KIND_FLAGS, .src = KIND_K, .isa = { 0, needs, 0 }, .flags = V_REG | w, .emit = emit_test }
#define UNPACK(pp, w, isa, name)                                                                   \
    { MAP_0F, pp, 0x4b, 0, K, 0, { 0, 0, isa }, V_REG | V_NDS | w, .y = name }
/* Load and store; from a general register, and to one. */
#define MOVE(pp, w, isa, bytes, size)                                                              \
    { MAP_0F, pp, 0x90, 0, K, bytes, { 0, isa, 0 }, w, .x = kmov##size },                          \
    { MAP_0F, pp, 0x91, 0, K, bytes, { 0, isa, 0 }, .flags = V_TO_RM | V_MEM | w }
#define GENERAL(pp, w, isa, size)                                                                  \
    { MAP_0F, pp, 0x92, 0, KIND_K, KIND_G, 0, { 0, isa, 0 }, V_REG | w, .x = kmov##size },         \
    { MAP_0F, pp, 0x93, 0, KIND_G, KIND_K, 0, { 0, isa, 0 }, V_REG | w, .x = kmov##size }
#define SHIFTS(opcode, w, isa, size)                                                               \
    { MAP_0F3A, PFX_66, opcode, 0, K, 0, { 0, isa, 0 }, V_REG | w, .x = kshiftr##size },           \
    { MAP_0F3A, PFX_66, opcode + 2, 0, K, 0, { 0, isa, 0 }, V_REG | w, .x = kshiftl##size }

static const struct vec_op rows[] = {
    MOVE(PFX_66, V_W0, DQ, 1, b), MOVE(PFX_NONE, V_W0, F, 2, w), MOVE(PFX_66, V_W1, BW, 4, d), MOVE(PFX_NONE, V_W1, BW, 8, q),
    GENERAL(PFX_66, V_W0, DQ, b), GENERAL(PFX_NONE, V_W0, F, w), GENERAL(PFX_F2, V_W0, BW, d), GENERAL(PFX_F2, V_W1 | V_WIDE, BW, q),
    SIZES(TWO, F, 0x41, kand), SIZES(TWO, F, 0x42, kandn), SIZES(ONE, F, 0x44, knot), SIZES(TWO, F, 0x45, kor),
    SIZES(TWO, F, 0x46, kxnor), SIZES(TWO, F, 0x47, kxor), SIZES(TWO, DQ, 0x4a, kadd),
    UNPACK(PFX_66, V_W0, F, kunpckbw), UNPACK(PFX_NONE, V_W0, BW, kunpckwd), UNPACK(PFX_NONE, V_W1, BW, kunpckdq),
    SIZES(TEST, F, 0x98), SIZES(TEST, DQ, 0x99),
    SHIFTS(0x30, V_W0, DQ, b), SHIFTS(0x30, V_W1, F, w), SHIFTS(0x31, V_W0, BW, d), SHIFTS(0x31, V_W1, BW, q),
};
// clang-format on

VEC_TABLE(vec_mask_table, rows);
