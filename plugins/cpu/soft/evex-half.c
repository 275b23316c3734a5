/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-half - floating point of 16 bits: conversions with single precision, AVX512_FP16,
 * AVX512_BF16.
 *
 * Intel SDM volume 2.  AVX512_FP16's maps 5 and 6 are as 0F and 0F38 for other formats.
 */
#include "evex-kernel.h"

/* Half precision does not flush to zero: looks for denormals itself, by element. */
static void note_tiny(const union vec *d, uint64_t mask, unsigned imm)
{
    enum { UNDERFLOW = 0x10 };

    for (; imm & IMM_TINY && mask; mask &= mask - 1) {
        unsigned half = d->u16[__builtin_ctzll(mask)];

        if ((half & 0x7c00) == 0 && half & 0x3ff)
            __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | UNDERFLOW);
    }
}

/* Kernels of results that may be tiny. */
#define TINY_OF(name)                                                                              \
    EVEX_KERNEL(z_##name)                                                                          \
    {                                                                                              \
        any_##name(d, a, b, mask, imm);                                                            \
        note_tiny(d, mask, imm);                                                                   \
    }
#define TINY(name, text)              Z_ASM(any_##name, text) TINY_OF(name)
#define TINY_IMMEDIATE(name, n, text) Z_ASM_IMMEDIATE(any_##name, n, text) TINY_OF(name)

// clang-format off

/* ---- Arithmetic ---- */

/* X(opcode, flags, how the kernel is made, name): map 5 */
#define ARITHMETIC(X)                                                                              \
    X(0x58, ER,  TINY_BOTH, add) X(0x59, ER, TINY_BOTH, mul) X(0x5c, ER,  TINY_BOTH, sub)          \
    X(0x5d, SAE, BOTH,      min) X(0x5e, ER, TINY_BOTH, div) X(0x5f, SAE, BOTH,      max)
/* X(pp, opcode, flags, name): of complex numbers */
#define COMPLEX(X)                                                                                 \
    X(PFX_F3, 0x56, E_SUM, fmaddc) X(PFX_F2, 0x56, E_SUM, fcmaddc)                                 \
    X(PFX_F3, 0xd6, 0,     fmulc)  X(PFX_F2, 0xd6, 0,     fcmulc)
/* X(opcode of packed numbers, of one, name) */
#define BY_IMM8(X) X(0x08, 0x0a, rndscale) X(0x26, 0x27, getmant) X(0x56, 0x57, reduce)

/* ---- Conversions ---- */

/* X(map, pp, opcode, W, flags, name): as many bits as before; from half, a quarter; to them */
#define SAME(X)                                                                                    \
    X(MAP_5, PFX_NONE, 0x7c, W_0, SAE, cvttph2uw) X(MAP_5, PFX_66, 0x7c, W_0, SAE, cvttph2w)       \
    X(MAP_5, PFX_NONE, 0x7d, W_0, ER,  cvtph2uw)  X(MAP_5, PFX_66, 0x7d, W_0, ER,  cvtph2w)        \
    X(MAP_5, PFX_F2,   0x7d, W_0, ER,  cvtuw2ph)  X(MAP_5, PFX_F3, 0x7d, W_0, ER,  cvtw2ph)
#define FROM_HALF(X)                                                                               \
    X(MAP_5, PFX_66,   0x5b, W_0, ER,  cvtph2dq)  X(MAP_5, PFX_F3,   0x5b, W_0, SAE, cvttph2dq)    \
    X(MAP_5, PFX_NONE, 0x79, W_0, ER,  cvtph2udq) X(MAP_5, PFX_NONE, 0x78, W_0, SAE, cvttph2udq)   \
    X(MAP_6, PFX_66,   0x13, W_0, SAE, cvtph2psx)
#define FROM_QUARTER(X)                                                                            \
    X(MAP_5, PFX_66,   0x7b, W_0, ER,  cvtph2qq)  X(MAP_5, PFX_66,   0x7a, W_0, SAE, cvttph2qq)    \
    X(MAP_5, PFX_66,   0x79, W_0, ER,  cvtph2uqq) X(MAP_5, PFX_66,   0x78, W_0, SAE, cvttph2uqq)   \
    X(MAP_5, PFX_NONE, 0x5a, W_0, SAE, cvtph2pd)
#define TO_HALF(X)                                                                                 \
    X(MAP_5, PFX_NONE, 0x5b, W_0, ER,  cvtdq2ph)  X(MAP_5, PFX_F2,   0x7a, W_0, ER,  cvtudq2ph)    \
    X(MAP_5, PFX_66,   0x1d, W_0, ER,  cvtps2phx)
#define TO_QUARTER(X)                                                                              \
    X(MAP_5, PFX_NONE, 0x5b, W_1, ER,  cvtqq2ph)  X(MAP_5, PFX_F2,   0x7a, W_1, ER,  cvtuqq2ph)    \
    X(MAP_5, PFX_66,   0x5a, W_1, ER,  cvtpd2ph)
/* X(map, pp, opcode, W, bytes it is made of, flags, how the kernel is made, name): of one number */
#define ONE(X)                                                                                     \
    X(MAP_5, PFX_NONE, 0x1d, W_0, 4, ER,  TINY_ONE, cvtss2sh)                                      \
    X(MAP_5, PFX_F2,   0x5a, W_1, 8, ER,  TINY_ONE, cvtsd2sh)                                      \
    X(MAP_6, PFX_NONE, 0x13, W_0, 2, SAE, Z_SCALAR, cvtsh2ss)                                      \
    X(MAP_5, PFX_F3,   0x5a, W_0, 2, SAE, Z_SCALAR, cvtsh2sd)
/* X(opcode, name): from a general register */
#define FROM_GENERAL(X) X(0x2a, cvtsi2sh) X(0x7b, cvtusi2sh)
/* X(opcode, flags, name): to one */
#define INTO_GENERAL(X)                                                                            \
    X(0x2d, ER, cvtsh2si)  X(0x2c, SAE, cvttsh2si)                                                 \
    X(0x79, ER, cvtsh2usi) X(0x78, SAE, cvttsh2usi)
// clang-format on

/* ---- Kernels ---- */

#define BINARY_TEXT(op, x) "v" #op " " x "[b], " x "[a], " x "[r] %{%[k]%}"

#define BOTH(op)                     Z_BINARY(op##ph) Z_SCALAR(op##sh)
#define TINY_ONE(op)                 TINY(op, BINARY_TEXT(op, "%x"))
#define TINY_BOTH(op)                TINY(op##ph, BINARY_TEXT(op##ph, "%g")) TINY_ONE(op##sh)
#define X(opcode, flags, both, name) both(name)
ARITHMETIC(X)
#undef X
#define X(opcode, order)                                                                           \
    TINY(fmaddsub##order##ph, BINARY_TEXT(fmaddsub##order##ph, "%g"))                              \
    TINY(fmsubadd##order##ph, BINARY_TEXT(fmsubadd##order##ph, "%g"))                              \
    TINY_BOTH(fmadd##order)                                                                        \
    TINY_BOTH(fmsub##order) TINY_BOTH(fnmadd##order) TINY_BOTH(fnmsub##order)
FMA_ORDERS(X)
#undef X
TINY_BOTH(scalef)
Z_UNARY(sqrtph)
Z_SCALAR(sqrtsh)
Z_UNARY(getexpph)
Z_SCALAR(getexpsh)
Z_UNARY(rcpph)
Z_SCALAR(rcpsh)
Z_UNARY(rsqrtph)
Z_SCALAR(rsqrtsh)

#ifdef __clang__ /* takes what the mask merges with for a source */
#pragma clang diagnostic ignored "-Winline-asm"
#endif
#define X(pp, opcode, flags, name) BOTH(name)
COMPLEX(X)
#undef X
TINY_IMMEDIATE(rndscaleph, 256, "vrndscaleph $.Limm, %g[b], %g[r] %{%[k]%}")
TINY_IMMEDIATE(rndscalesh, 256, "vrndscalesh $.Limm, %x[b], %x[a], %x[r] %{%[k]%}")
Z_UNARY_IMMEDIATE(getmantph, 16)
Z_SCALAR_IMMEDIATE(getmantsh, 16)
Z_UNARY_IMMEDIATE(reduceph, 256)
Z_SCALAR_IMMEDIATE(reducesh, 256)

K_ASM_IMMEDIATE(k_cmpph, 32, "vcmpph $.Limm, %g[b], %g[a], %[r] %{%[k]%}")
K_ASM_IMMEDIATE(k_cmpsh, 32, "vcmpsh $.Limm, %x[b], %x[a], %[r] %{%[k]%}")
K_ASM_IMMEDIATE(k_fpclassph, 256, "vfpclassph $.Limm, %g[b], %[r] %{%[k]%}")
K_ASM_IMMEDIATE(k_fpclasssh, 256, "vfpclasssh $.Limm, %x[b], %[r] %{%[k]%}")
Z_FLAGS(ucomish)
Z_FLAGS(comish)

#define X(map, pp, opcode, w, flags, name) Z_UNARY(name)
SAME(X)
#undef X
#define X(map, pp, opcode, w, flags, name) Z_WIDEN(name)
FROM_HALF(X)
#undef X
#define X(map, pp, opcode, w, flags, name) Z_ASM(z_##name, "v" #name " %x[b], %g[r] %{%[k]%}")
FROM_QUARTER(X)
#undef X
#define X(map, pp, opcode, w, flags, name) TINY(name, "v" #name " %g[b], %t[r] %{%[k]%}")
TO_HALF(X)
#undef X
#define X(map, pp, opcode, w, flags, name) TINY(name, "v" #name " %g[b], %x[r] %{%[k]%}")
TO_QUARTER(X)
#undef X
#define X(map, pp, opcode, w, bytes, flags, kernel, name) kernel(name)
ONE(X)
#undef X
#define X(opcode, name)                                                                            \
    Z_FROM_GENERAL(z_##name##_32, name##l, k) Z_FROM_GENERAL(z_##name##_64, name##q, q)
FROM_GENERAL(X)
#undef X
#define X(opcode, flags, name)                                                                     \
    Z_TO_GENERAL(z_##name##_32, name, k) Z_TO_GENERAL(z_##name##_64, name, q)
INTO_GENERAL(X)
#undef X

Z_SCALAR(movsh)
LOAD_ONE(x_load16, u16)

Z_WIDEN(cvtph2ps)
TINY_IMMEDIATE(cvtps2ph, 8, "vcvtps2ph $.Limm, %g[b], %t[r] %{%[k]%}")

/* ---- AVX512_BF16: neither MXCSR nor exceptions ---- */

Z_BINARY(dpbf16ps)
EX_BINARY(cvtne2ps2bf16)
EY_BINARY(cvtne2ps2bf16)
Z_BINARY(cvtne2ps2bf16)
Z_NARROW(cvtneps2bf16)

/* ---- Table ---- */

// clang-format off
#define V KIND_V, KIND_V
#define ROW(map, pp, opcode, element, kinds, flags, kernel)                                        \
    { map, pp, opcode, 0, W_0, element, 0, TUPLE_FULL, 0, kinds, LENGTHS, ISA_FP16, flags, K_ALL(kernel) }
#define ROW_1(map, pp, opcode, element, kinds, flags, kernel)                                      \
    { map, pp, opcode, 0, W_0, element, 0, TUPLE_1, 0, kinds, LENGTHS, ISA_FP16, E_SCALAR | (flags), K_ALL(kernel) }
#define PAIR(map, opcode, flags, op)                                                               \
    ROW(map, PFX_66, opcode, 2, V, flags, z_##op##ph),                                             \
    ROW_1(map, PFX_66, opcode + 1, 2, V, E_NDS | (flags), z_##op##sh)
#define CONVERSION(map, pp, opcode, w, element, out, tuple, flags, name)                           \
    { map, pp, opcode, 0, w, element, out, tuple, 0, V, LENGTHS, ISA_FP16, flags, K_ALL(z_##name) },
#define BF16(pp, opcode, element, out, size, flags, kernels)                                       \
    { MAP_0F38, pp, opcode, 0, W_0, element, out, TUPLE_FULL, size, V, LENGTHS, ISA_BF16, flags, kernels }
#define MOVE(opcode, tuple, how, ...)                                                              \
    { MAP_5, PFX_F3, opcode, 0, W_0, 2, 0, tuple, 0, V, LENGTHS, ISA_FP16, .flags = E_SCALAR | how, __VA_ARGS__ }
#define MOVE_GENERAL(opcode, kinds, flags)                                                         \
    { MAP_5, PFX_66, opcode, 0, W_ANY, 2, 0, TUPLE_1, 0, kinds, LENGTH_128, ISA_FP16,              \
      E_NO_MASK | E_NO_VL | flags, K_ONE(x_load16) }

static const struct evex_op rows[] = {
#define X(opcode, flags, both, name)                                                               \
    ROW(MAP_5, PFX_NONE, opcode, 2, V, E_NDS | flags, z_##name##ph),                               \
    ROW_1(MAP_5, PFX_F3, opcode, 2, V, E_NDS | flags, z_##name##sh),
    ARITHMETIC(X)
#undef X
#define FMA(opcode, op) PAIR(MAP_6, opcode, E_NDS | E_SUM | ER, op)
#define X(high, order)                                                                             \
    ROW(MAP_6, PFX_66, high + 6, 2, V, E_NDS | E_SUM | ER, z_fmaddsub##order##ph),                 \
    ROW(MAP_6, PFX_66, high + 7, 2, V, E_NDS | E_SUM | ER, z_fmsubadd##order##ph),                 \
    FMA(high + 8, fmadd##order),   FMA(high + 10, fmsub##order),                                   \
    FMA(high + 12, fnmadd##order), FMA(high + 14, fnmsub##order),
    FMA_ORDERS(X)
#undef X
    ROW(MAP_5, PFX_NONE, 0x51, 2, V, ER, z_sqrtph), ROW_1(MAP_5, PFX_F3, 0x51, 2, V, E_NDS | ER, z_sqrtsh),
    PAIR(MAP_6, 0x2c, E_NDS | ER, scalef), PAIR(MAP_6, 0x42, SAE, getexp),
    PAIR(MAP_6, 0x4c, E_FP, rcp), PAIR(MAP_6, 0x4e, E_FP, rsqrt),
#define X(pp, opcode, flags, name)                                                                 \
    ROW(MAP_6, pp, opcode, 4, V, E_NDS | E_APART | E_NO_TRAP | ER | flags, z_##name##ph),          \
    ROW_1(MAP_6, pp, opcode + 1, 4, V, E_NDS | E_APART | E_NO_TRAP | ER | flags, z_##name##sh),
    COMPLEX(X)
#undef X
#define X(opcode, opcode_1, name)                                                                  \
    ROW(MAP_0F3A, PFX_NONE, opcode, 2, V, SAE, z_##name##ph),                                      \
    ROW_1(MAP_0F3A, PFX_NONE, opcode_1, 2, V, E_NDS | SAE, z_##name##sh),
    BY_IMM8(X)
#undef X
#define K KIND_K, KIND_V
    ROW(MAP_0F3A, PFX_NONE, 0xc2, 2, K, E_NDS | SAE, k_cmpph),
    ROW_1(MAP_0F3A, PFX_F3, 0xc2, 2, K, E_NDS | SAE, k_cmpsh),
    ROW(MAP_0F3A, PFX_NONE, 0x66, 2, K, E_FP, k_fpclassph),
    ROW_1(MAP_0F3A, PFX_NONE, 0x67, 2, K, E_FP, k_fpclasssh),
#define FLAGS KIND_FLAGS, KIND_V
    ROW_1(MAP_5, PFX_NONE, 0x2e, 2, FLAGS, E_NO_MASK | SAE, z_ucomish),
    ROW_1(MAP_5, PFX_NONE, 0x2f, 2, FLAGS, E_NO_MASK | SAE, z_comish),

#define X(map, pp, opcode, w, flags, name) CONVERSION(map, pp, opcode, w, 2, 0, TUPLE_FULL, flags, name)
    SAME(X)
#undef X
#define X(map, pp, opcode, w, flags, name) CONVERSION(map, pp, opcode, w, 4, 0, TUPLE_HALF, flags, name)
    FROM_HALF(X)
#undef X
#define X(map, pp, opcode, w, flags, name) CONVERSION(map, pp, opcode, w, 8, 0, TUPLE_QUARTER, flags, name)
    FROM_QUARTER(X)
#undef X
#define X(map, pp, opcode, w, flags, name) CONVERSION(map, pp, opcode, w, 4, 2, TUPLE_FULL, flags, name)
    TO_HALF(X)
#undef X
#define X(map, pp, opcode, w, flags, name) CONVERSION(map, pp, opcode, w, 8, 2, TUPLE_FULL, flags, name)
    TO_QUARTER(X)
#undef X
#define X(map, pp, opcode, w, bytes, flags, kernel, name)                                          \
    { map, pp, opcode, 0, w, bytes, 0, TUPLE_1, 0, V, LENGTHS, ISA_FP16, E_SCALAR | E_NDS | flags, K_ALL(z_##name) },
    ONE(X)
#undef X
#define GENERAL(opcode, w, element, kinds, flags, kernel)                                          \
    { MAP_5, PFX_F3, opcode, 0, w, element, 0, TUPLE_1, 0, kinds, LENGTHS, ISA_FP16,               \
      E_SCALAR | E_NO_MASK | flags, K_ALL(kernel) },
#define FROM_G KIND_V, KIND_G
#define TO_G   KIND_G, KIND_V
#define X(opcode, name)                                                                            \
    GENERAL(opcode, W_32, 4, FROM_G, E_NDS | ER, z_##name##_32)                                    \
    GENERAL(opcode, W_64, 8, FROM_G, E_NDS | ER, z_##name##_64)
    FROM_GENERAL(X)
#undef X
#define X(opcode, flags, name)                                                                     \
    GENERAL(opcode, W_32, 2, TO_G, flags, z_##name##_32)                                           \
    GENERAL(opcode, W_64, 2, TO_G, flags, z_##name##_64)
    INTO_GENERAL(X)
#undef X
    MOVE(0x10, TUPLE_1, E_MEM, K_ONE(x_load16)),  MOVE(0x10, TUPLE_NONE, E_REG | E_NDS, K_ONE(z_movsh)),
    MOVE(0x11, TUPLE_1, E_MEM | E_TO_RM, ),       MOVE(0x11, TUPLE_NONE, E_REG | E_NDS | E_TO_RM, K_ONE(z_movsh)),
    MOVE_GENERAL(0x6e, FROM_G, 0), MOVE_GENERAL(0x7e, TO_G, E_TO_RM),

    { MAP_0F38, PFX_66, 0x13, 0, W_0, 4, 0, TUPLE_HALF_MEM, 0, V, LENGTHS, ISA_AVX512F, SAE, K_ALL(z_cvtph2ps) },
    { MAP_0F3A, PFX_66, 0x1d, 0, W_0, 4, 2, TUPLE_HALF_MEM, 0, V, LENGTHS, ISA_AVX512F,
      E_TO_RM | SAE, K_ALL(z_cvtps2ph) },

    BF16(PFX_F3, 0x52, 4, 0, 0, E_NDS | E_SUM, K_ALL(z_dpbf16ps)),
    BF16(PFX_F3, 0x72, 4, 2, 0, 0, K_ALL(z_cvtneps2bf16)),
    BF16(PFX_F2, 0x72, 2, 0, 4, E_NDS | E_WHOLE, K_EACH(cvtne2ps2bf16)),
};
// clang-format on

EVEX_TABLE(evex_half_table, rows);
