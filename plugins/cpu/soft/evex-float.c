/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-float - floating point with EVEX: arithmetic, FMA, comparisons, what AVX-512 adds to them,
 * shuffles.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

#define PACKED(op)     Z_BINARY(op##ps) Z_BINARY(op##pd)
#define PACKED_ONE(op) Z_UNARY(op##ps) Z_UNARY(op##pd)
#define SCALARS(op)    Z_SCALAR(op##ss) Z_SCALAR(op##sd)

/* ---- Arithmetic, logic ---- */

PACKED(add)
SCALARS(add)
PACKED(mul)
SCALARS(mul)
PACKED(sub)
SCALARS(sub)
PACKED(min)
SCALARS(min)
PACKED(div)
SCALARS(div)
PACKED(max)
SCALARS(max)
PACKED_ONE(sqrt)
SCALARS(sqrt)
PACKED(and)
PACKED(andn)
PACKED(or)
PACKED(xor)

PACKED(scalef)
SCALARS(scalef)
PACKED_ONE(getexp)
SCALARS(getexp)
PACKED_ONE(rcp14)
SCALARS(rcp14)
PACKED_ONE(rsqrt14)
SCALARS(rsqrt14)

/* ---- Fused multiply and add ---- */

#define X(opcode, order)                                                                           \
    PACKED(fmaddsub##order)                                                                        \
    PACKED(fmsubadd##order)                                                                        \
    PACKED(fmadd##order)                                                                           \
    SCALARS(fmadd##order)                                                                          \
    PACKED(fmsub##order)                                                                           \
    SCALARS(fmsub##order)                                                                          \
    PACKED(fnmadd##order) SCALARS(fnmadd##order) PACKED(fnmsub##order) SCALARS(fnmsub##order)
FMA_ORDERS(X)
#undef X

/* ---- By immediate ---- */

#define PACKED_IMMEDIATE(op, n)     Z_BINARY_IMMEDIATE(op##ps, n) Z_BINARY_IMMEDIATE(op##pd, n)
#define PACKED_ONE_IMMEDIATE(op, n) Z_UNARY_IMMEDIATE(op##ps, n) Z_UNARY_IMMEDIATE(op##pd, n)
#define SCALARS_IMMEDIATE(op, n)    Z_SCALAR_IMMEDIATE(op##ss, n) Z_SCALAR_IMMEDIATE(op##sd, n)

PACKED_ONE_IMMEDIATE(getmant, 16)
SCALARS_IMMEDIATE(getmant, 16)
PACKED_ONE_IMMEDIATE(rndscale, 256)
SCALARS_IMMEDIATE(rndscale, 256)
PACKED_ONE_IMMEDIATE(reduce, 256)
SCALARS_IMMEDIATE(reduce, 256)
PACKED_IMMEDIATE(range, 16)
SCALARS_IMMEDIATE(range, 16)
PACKED_IMMEDIATE(fixupimm, 256)
SCALARS_IMMEDIATE(fixupimm, 256)

/* ---- Into a mask: 32 predicates, eight classes; into flags ---- */

#define COMPARE(type, x)                                                                           \
    K_ASM_IMMEDIATE(k_cmp##type, 32, "vcmp" #type " $.Limm, " x "[b], " x "[a], %[r] %{%[k]%}")
COMPARE(ps, "%g")
COMPARE(pd, "%g")
COMPARE(ss, "%x")
COMPARE(sd, "%x")

#define CLASS(type, x)                                                                             \
    K_ASM_IMMEDIATE(k_fpclass##type, 256, "vfpclass" #type " $.Limm, " x "[b], %[r] %{%[k]%}")
CLASS(ps, "%g")
CLASS(pd, "%g")
CLASS(ss, "%x")
CLASS(sd, "%x")

Z_FLAGS(ucomiss)
Z_FLAGS(ucomisd)
Z_FLAGS(comiss)
Z_FLAGS(comisd)

/* ---- Shuffles ---- */

PACKED(unpckl)
PACKED(unpckh)
Z_UNARY(movsldup)
Z_UNARY(movshdup)
Z_UNARY(movddup)
PACKED_IMMEDIATE(shuf, 256)

/* ---- Table ---- */

// clang-format off
#define F  ISA_AVX512F
#define DQ ISA_AVX512DQ
#define V KIND_V, KIND_V
#define K KIND_K, KIND_V
#define FLAGS_OF KIND_FLAGS, KIND_V

/* Single and double precision; of vectors, and of one element in them. */
#define ROW(map, pp, opcode, w, element, kinds, isa, flags, kernel)                                \
    { map, pp, opcode, 0, w, element, 0, TUPLE_FULL, 0, kinds, LENGTHS, isa, flags, K_ALL(kernel) }
#define ROW_1(map, pp, opcode, w, element, kinds, isa, flags, kernel)                              \
    { map, pp, opcode, 0, w, element, 0, TUPLE_1, 0, kinds, LENGTHS, isa, E_SCALAR | (flags), K_ALL(kernel) }

/* Map 0F, by prefix as in SSE. */
#define P(opcode, isa, flags, op)                                                                  \
    ROW(MAP_0F, PFX_NONE, opcode, W_0, 4, V, isa, flags, z_##op##ps),                              \
    ROW(MAP_0F, PFX_66,   opcode, W_1, 8, V, isa, flags, z_##op##pd)
#define PS(opcode, flags, op)                                                                      \
    P(opcode, F, flags, op),                                                                       \
    ROW_1(MAP_0F, PFX_F3, opcode, W_0, 4, V, F, E_NDS | (flags), z_##op##ss),                      \
    ROW_1(MAP_0F, PFX_F2, opcode, W_1, 8, V, F, E_NDS | (flags), z_##op##sd)
#define FLAGS_ROW(opcode, op)                                                                      \
    ROW_1(MAP_0F, PFX_NONE, opcode, W_0, 4, FLAGS_OF, F, E_NO_MASK | SAE, z_##op##ss),             \
    ROW_1(MAP_0F, PFX_66,   opcode, W_1, 8, FLAGS_OF, F, E_NO_MASK | SAE, z_##op##sd)

/* The other maps, by W; the scalar one has the next opcode. */
#define PW(map, opcode, isa, flags, op)                                                            \
    ROW(map, PFX_66, opcode, W_0, 4, V, isa, flags, z_##op##ps),                                   \
    ROW(map, PFX_66, opcode, W_1, 8, V, isa, flags, z_##op##pd)
#define SW(map, opcode, isa, flags, op)                                                            \
    ROW_1(map, PFX_66, opcode, W_0, 4, V, isa, E_NDS | (flags), z_##op##ss),                       \
    ROW_1(map, PFX_66, opcode, W_1, 8, V, isa, E_NDS | (flags), z_##op##sd)
#define PSW(map, opcode, isa, flags, op)                                                           \
    PW(map, opcode, isa, flags, op), SW(map, opcode + 1, isa, flags, op)
#define CLASSES(opcode, kind, type_s, type_d)                                                      \
    kind(MAP_0F3A, PFX_66, opcode, W_0, 4, K, DQ, E_FP, k_fpclass##type_s),                        \
    kind(MAP_0F3A, PFX_66, opcode, W_1, 8, K, DQ, E_FP, k_fpclass##type_d)

static const struct evex_op rows[] = {
    PS(0x58, E_NDS | ER, add),  PS(0x59, E_NDS | ER, mul), PS(0x5c, E_NDS | ER, sub),
    PS(0x5d, E_NDS | SAE, min), PS(0x5e, E_NDS | ER, div), PS(0x5f, E_NDS | SAE, max), PS(0x51, ER, sqrt),
    P(0x54, DQ, E_NDS, and), P(0x55, DQ, E_NDS, andn),
    P(0x56, DQ, E_NDS, or),  P(0x57, DQ, E_NDS, xor),
    PSW(MAP_0F38, 0x2c, F, E_NDS | ER, scalef), PSW(MAP_0F38, 0x42, F, SAE, getexp),
    PSW(MAP_0F38, 0x4c, F, E_FP, rcp14), PSW(MAP_0F38, 0x4e, F, E_FP, rsqrt14),

#define FMA(opcode, op)   PSW(MAP_0F38, opcode, F, E_NDS | E_SUM | ER, op)
#define FMA_P(opcode, op) PW(MAP_0F38, opcode, F, E_NDS | E_SUM | ER, op)
#define X(high, order)                                                                             \
    FMA_P(high + 6, fmaddsub##order), FMA_P(high + 7, fmsubadd##order),                            \
    FMA(high + 8, fmadd##order),      FMA(high + 10, fmsub##order),                                \
    FMA(high + 12, fnmadd##order),    FMA(high + 14, fnmsub##order),
    FMA_ORDERS(X)
#undef X

    ROW(MAP_0F3A, PFX_66, 0x08, W_0, 4, V, F, SAE, z_rndscaleps),
    ROW(MAP_0F3A, PFX_66, 0x09, W_1, 8, V, F, SAE, z_rndscalepd),
    ROW_1(MAP_0F3A, PFX_66, 0x0a, W_0, 4, V, F, E_NDS | SAE, z_rndscaless),
    ROW_1(MAP_0F3A, PFX_66, 0x0b, W_1, 8, V, F, E_NDS | SAE, z_rndscalesd),
    PSW(MAP_0F3A, 0x26, F, SAE, getmant), PSW(MAP_0F3A, 0x56, DQ, SAE, reduce),
    PSW(MAP_0F3A, 0x50, DQ, E_NDS | SAE, range),
    PSW(MAP_0F3A, 0x54, F, E_NDS | E_SUM | SAE, fixupimm),

    ROW(MAP_0F, PFX_NONE, 0xc2, W_0, 4, K, F, E_NDS | SAE, k_cmpps),
    ROW(MAP_0F, PFX_66,   0xc2, W_1, 8, K, F, E_NDS | SAE, k_cmppd),
    ROW_1(MAP_0F, PFX_F3, 0xc2, W_0, 4, K, F, E_NDS | SAE, k_cmpss),
    ROW_1(MAP_0F, PFX_F2, 0xc2, W_1, 8, K, F, E_NDS | SAE, k_cmpsd),
    CLASSES(0x66, ROW, ps, pd), CLASSES(0x67, ROW_1, ss, sd),
    FLAGS_ROW(0x2e, ucomi), FLAGS_ROW(0x2f, comi),

    P(0x14, F, E_NDS | E_WHOLE, unpckl), P(0x15, F, E_NDS | E_WHOLE, unpckh),
    P(0xc6, F, E_NDS | E_WHOLE, shuf),
    { MAP_0F, PFX_F3, 0x12, 0, W_0, 4, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, F, E_WHOLE, K_ALL(z_movsldup) },
    { MAP_0F, PFX_F3, 0x16, 0, W_0, 4, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, F, E_WHOLE, K_ALL(z_movshdup) },
    { MAP_0F, PFX_F2, 0x12, 0, W_1, 8, 0, TUPLE_DUP, 0, V, LENGTHS, F, E_WHOLE, K_ALL(z_movddup) },
};
// clang-format on

EVEX_TABLE(evex_float_table, rows);
