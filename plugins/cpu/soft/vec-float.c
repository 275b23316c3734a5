/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-float - floating point in vector registers: arithmetic, comparisons, conversions, FMA, F16C.
 *
 * Intel SDM volume 2.
 */
#include "vec-kernel.h"

/* ---- Arithmetic ---- */

#define PACKED(op) X_BINARY(op) Y_BINARY(op)
#define FOUR(op)   PACKED(op##ps) PACKED(op##pd) X_BINARY(op##ss) X_BINARY(op##sd)

FOUR(add)
FOUR(mul)
FOUR(sub)
FOUR(min)
FOUR(div)
FOUR(max)
PACKED(haddps)
PACKED(haddpd)
PACKED(hsubps)
PACKED(hsubpd)
PACKED(addsubps)
PACKED(addsubpd)
PACKED(andps)
PACKED(andpd)
PACKED(andnps)
PACKED(andnpd)
PACKED(orps)
PACKED(orpd)
PACKED(xorps)
PACKED(xorpd)
X_BINARY(sqrtps)
X_BINARY(sqrtpd)
X_BINARY(sqrtss)
X_BINARY(sqrtsd)
X_BINARY(rsqrtps)
X_BINARY(rsqrtss)
X_BINARY(rcpps)
X_BINARY(rcpss)
Y_UNARY(sqrtps)
Y_UNARY(sqrtpd)
Y_UNARY(rsqrtps)
Y_UNARY(rcpps)

/* Bit 3 (inexact is no exception), bit 2 (MXCSR rounds) and two bits of rounding count. */
X_IMMEDIATE(x_roundps, roundps, 16)
X_IMMEDIATE(x_roundpd, roundpd, 16)
X_IMMEDIATE(x_roundss, roundss, 16)
X_IMMEDIATE(x_roundsd, roundsd, 16)
VEX_UNARY_IMMEDIATE(y_roundps, roundps, __m256i, __m256i, 16)
VEX_UNARY_IMMEDIATE(y_roundpd, roundpd, __m256i, __m256i, 16)

/* ---- Comparisons: 8 predicates, with VEX 32 ---- */

#define COMPARE(type)                                                                              \
    X_IMMEDIATE(x_cmp##type, cmp##type, 8)                                                         \
    VEX_BINARY_IMMEDIATE(x_vcmp##type, cmp##type, __m128i, 32)
COMPARE(ps)
COMPARE(pd)
COMPARE(ss)
COMPARE(sd)
VEX_BINARY_IMMEDIATE(y_vcmpps, cmpps, __m256i, 32)
VEX_BINARY_IMMEDIATE(y_vcmppd, cmppd, __m256i, 32)

TO_FLAGS(x_ucomiss, "ucomiss", , __m128i)
TO_FLAGS(x_ucomisd, "ucomisd", , __m128i)
TO_FLAGS(x_comiss, "comiss", , __m128i)
TO_FLAGS(x_comisd, "comisd", , __m128i)

/* ---- Conversions ---- */

/* From a general or MMX register (memory does as well), leaving the rest of a. */
#define FROM_MEMORY(name, op)                                                                      \
    KERNEL(name)                                                                                   \
    {                                                                                              \
        __m128i r = X_OF(a);                                                                       \
                                                                                                   \
        asm volatile(op " %1, %0" : "+x"(r) : "m"(b->u64[0]));                                     \
        *(__m128i *)d = r;                                                                         \
    }
FROM_MEMORY(x_cvtsi2ss_32, "cvtsi2ssl")
FROM_MEMORY(x_cvtsi2ss_64, "cvtsi2ssq")
FROM_MEMORY(x_cvtsi2sd_32, "cvtsi2sdl")
FROM_MEMORY(x_cvtsi2sd_64, "cvtsi2sdq")
FROM_MEMORY(x_cvtpi2ps, "cvtpi2ps")
FROM_MEMORY(x_cvtpi2pd, "cvtpi2pd")

#define TO_MM(op)                                                                                  \
    KERNEL(mm_##op)                                                                                \
    {                                                                                              \
        asm volatile(#op " %1, %%mm0\n\tmovq %%mm0, %0\n\temms"                                    \
                     : "=m"(d->u64[0])                                                             \
                     : "x"(X_OF(b))                                                                \
                     : "mm0");                                                                     \
    }
TO_MM(cvtps2pi)
TO_MM(cvttps2pi)
TO_MM(cvtpd2pi)
TO_MM(cvttpd2pi)

#define TO_INT(op)                                                                                 \
    TO_GENERAL(x_##op##_32, #op, k, , __m128i)                                                     \
    TO_GENERAL(x_##op##_64, #op, q, , __m128i)
TO_INT(cvtss2si)
TO_INT(cvttss2si)
TO_INT(cvtsd2si)
TO_INT(cvttsd2si)

X_BINARY(cvtss2sd)
X_BINARY(cvtsd2ss)
X_BINARY(cvtps2pd)
X_BINARY(cvtpd2ps)
X_BINARY(cvtdq2ps)
X_BINARY(cvtdq2pd)
X_BINARY(cvtps2dq)
X_BINARY(cvttps2dq)
X_BINARY(cvtpd2dq)
X_BINARY(cvttpd2dq)
Y_UNARY(cvtdq2ps)
Y_UNARY(cvtps2dq)
Y_UNARY(cvttps2dq)
VEX_UNARY(y_cvtps2pd, cvtps2pd, __m256i, __m128i)
VEX_UNARY(y_cvtdq2pd, cvtdq2pd, __m256i, __m128i)
VEX_UNARY(y_cvtpd2ps, cvtpd2ps, __m128i, __m256i)
VEX_UNARY(y_cvtpd2dq, cvtpd2dq, __m128i, __m256i)
VEX_UNARY(y_cvttpd2dq, cvttpd2dq, __m128i, __m256i)

VEX_UNARY(x_cvtph2ps, cvtph2ps, __m128i, __m128i)
VEX_UNARY(y_cvtph2ps, cvtph2ps, __m256i, __m128i)
VEX_UNARY_IMMEDIATE(x_to_half, cvtps2ph, __m128i, __m128i, 8)
VEX_UNARY_IMMEDIATE(y_to_half, cvtps2ph, __m128i, __m256i, 8)

/* Does not flush to zero: looks for denormals itself. */
static void note_tiny(const union vec *d, unsigned imm)
{
    enum { UNDERFLOW = 0x10 };

    for (unsigned i = 0; imm & IMM_TINY && i < 8; i++)
        if ((d->u16[i] & 0x7c00) == 0 && d->u16[i] & 0x3ff)
            __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | UNDERFLOW);
}

KERNEL(x_cvtps2ph)
{
    x_to_half(d, a, b, imm);
    note_tiny(d, imm);
}

KERNEL(y_cvtps2ph)
{
    y_to_half(d, a, b, imm);
    note_tiny(d, imm);
}

/* ---- Fused multiply and add: d, a and b in the order that the name says ---- */

#define FMA_KERNEL(name, op, T)                                                                    \
    TARGET_AVX KERNEL(name)                                                                        \
    {                                                                                              \
        T r = *(const T *)d;                                                                       \
                                                                                                   \
        asm volatile("v" #op " %2, %1, %0" : "+x"(r) : "x"(*(const T *)a), "x"(*(const T *)b));    \
        *(T *)d = r;                                                                               \
    }
#define FMA_PACKED(op)                                                                             \
    FMA_KERNEL(x_##op##ps, op##ps, __m128i)                                                        \
    FMA_KERNEL(y_##op##ps, op##ps, __m256i)                                                        \
    FMA_KERNEL(x_##op##pd, op##pd, __m128i) FMA_KERNEL(y_##op##pd, op##pd, __m256i)
#define FMA_SCALAR(op)                                                                             \
    FMA_KERNEL(x_##op##ss, op##ss, __m128i) FMA_KERNEL(x_##op##sd, op##sd, __m128i)

#define X(opcode, order)                                                                           \
    FMA_PACKED(fmaddsub##order)                                                                    \
    FMA_PACKED(fmsubadd##order)                                                                    \
    FMA_PACKED(fmadd##order)                                                                       \
    FMA_SCALAR(fmadd##order)                                                                       \
    FMA_PACKED(fmsub##order)                                                                       \
    FMA_SCALAR(fmsub##order)                                                                       \
    FMA_PACKED(fnmadd##order)                                                                      \
    FMA_SCALAR(fnmadd##order) FMA_PACKED(fnmsub##order) FMA_SCALAR(fnmsub##order)
FMA_ORDERS(X)
#undef X

/* ---- DPPS, DPPD: three steps, each with its exceptions ---- */

enum { DOT_DOUBLE = 0x10, DOT_MEM = 0x20, DOT_VEX = 0x40, DOT_256 = 0x80 };

static const struct dot {
    vec_kernel *multiply, *add;
    unsigned size, bytes; /* of an element, of all */
} dots[] = {
    { x_mulps, x_addps, 4, 16 },
    { y_mulps, y_addps, 4, 32 },
    { x_mulpd, x_addpd, 8, 16 },
};

/* Of each lane's elements the ones that mask names; zeroes for others. */
static void keep(const struct dot *dot, union vec *v, unsigned mask)
{
    for (unsigned at = 0; at < dot->bytes; at += dot->size)
        if (!(mask >> at % 16 / dot->size & 1))
            memset(&v->u8[at], 0, dot->size);
}

/* Adds to each element the one at a distance, either way; of two NaNs the processor takes its own,
 * but DPPS the neighbour's first. */
static void sum_pairs(struct cpu *cpu, const struct dot *dot, union vec *v, unsigned distance)
{
    union vec own = *v, other;

    for (unsigned at = 0; at < dot->bytes; at += dot->size)
        memcpy(&other.u8[at], &v->u8[at ^ distance * dot->size], dot->size);
    if (distance == 1 && dot->size == 4)
        vec_run_fp(cpu, dot->add, v, &other, &own, 0);
    else
        vec_run_fp(cpu, dot->add, v, &own, &other, 0);
}

/* u->d: destination and DOT_*, u->a: first source, u->b: second, or bytes of memory; imm: imm8. */
static void run_dot(struct cpu *cpu, const struct uop *u)
{
    const struct dot *dot = &dots[u->d & DOT_DOUBLE ? 2 : u->d & DOT_256 ? 1 : 0];
    union vec a = cpu->v[u->a], b = cpu->v[u->b & 15], r = { 0 };

    if (u->d & DOT_MEM)
        vec_load(cpu, &b, u->b);
    keep(dot, &a, u->imm >> 4);
    keep(dot, &b, u->imm >> 4);
    vec_run_fp(cpu, dot->multiply, &r, &a, &b, 0);
    for (unsigned distance = 1; distance < 16 / dot->size; distance *= 2)
        sum_pairs(cpu, dot, &r, distance);
    keep(dot, &r, u->imm);
    memcpy(&cpu->v[u->d & 15], &r, u->d & DOT_VEX ? sizeof(r) : 16);
}

static void emit_dot(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    bool mem = in->mod != 3;

    vec_emit_check(b, in);
    emit_call_as(b, UOP_VECTOR, run_dot,
                 in->reg | (in->opcode & 1 ? DOT_DOUBLE : 0) | (mem ? DOT_MEM : 0) |
                     (in->vex ? DOT_VEX : 0) | (in->l ? DOT_256 : 0),
                 in->vex ? in->vvvv : in->reg, mem ? vec_emit_memory(b, op, in) : in->rm,
                 in->imm & 0xff);
}

/* ---- Table ---- */

// clang-format off
#define V   KIND_V, KIND_V
#define AVX ISA_AVX, ISA_AVX

/* Both widths of a packed operation; a scalar one. */
#define P(pp, opcode, isa, flags, name)                                                            \
    { MAP_0F, pp, opcode, 0, V, SIZE_FULL, { isa, AVX }, flags, .x = x_##name, .y = y_##name }
#define S(pp, opcode, size, isa, flags, name)                                                      \
    { MAP_0F, pp, opcode, 0, V, size, { isa, AVX }, V_NDS | V_LIG | (flags), .x = x_##name }
#define ROWS_PACKED(opcode, flags, op)                                                             \
    P(PFX_NONE, opcode, ISA_SSE,  flags, op##ps),                                                  \
    P(PFX_66,   opcode, ISA_SSE2, flags, op##pd)
#define ROWS_FOUR(opcode, flags, op)                                                               \
    ROWS_PACKED(opcode, flags, op),                                                                \
    S(PFX_F3, opcode, 4, ISA_SSE,  V_FP, op##ss),                                                  \
    S(PFX_F2, opcode, 8, ISA_SSE2, V_FP, op##sd)
#define ROWS_FMA_P(opcode, op)                                                                     \
    { MAP_0F38, PFX_66, opcode, 0, V, SIZE_FULL, { 0, ISA_FMA, ISA_FMA }, V_NDS | V_FP | V_W0,     \
      .x = x_##op##ps, .y = y_##op##ps },                                                          \
    { MAP_0F38, PFX_66, opcode, 0, V, SIZE_FULL, { 0, ISA_FMA, ISA_FMA }, V_NDS | V_FP | V_W1,     \
      .x = x_##op##pd, .y = y_##op##pd }
#define ROWS_FMA_S(opcode, op)                                                                     \
    { MAP_0F38, PFX_66, opcode, 0, V, 4, { 0, ISA_FMA, ISA_FMA }, V_NDS | V_LIG | V_FP | V_W0,     \
      .x = x_##op##ss },                                                                           \
    { MAP_0F38, PFX_66, opcode, 0, V, 8, { 0, ISA_FMA, ISA_FMA }, V_NDS | V_LIG | V_FP | V_W1,     \
      .x = x_##op##sd }
#define ROWS_FROM_G(pp, op, isa)                                                                   \
    { MAP_0F, pp, 0x2a, 0, KIND_V, KIND_G, 4, { isa, AVX }, V_NDS | V_LIG | V_FP | V_NARROW,       \
      .x = x_##op##_32 },                                                                          \
    { MAP_0F, pp, 0x2a, 0, KIND_V, KIND_G, 8, { isa, AVX }, V_NDS | V_LIG | V_FP | V_WIDE,         \
      .x = x_##op##_64 }
#define ROWS_TO_G(pp, opcode, op, size, isa)                                                       \
    { MAP_0F, pp, opcode, 0, KIND_G, KIND_V, size, { isa, AVX }, V_LIG | V_FP | V_NARROW,          \
      .x = x_##op##_32 },                                                                          \
    { MAP_0F, pp, opcode, 0, KIND_G, KIND_V, size, { isa, AVX }, V_LIG | V_FP | V_WIDE,            \
      .x = x_##op##_64 }
#define ROW_FLAGS(pp, opcode, op, size, isa)                                                       \
    { MAP_0F, pp, opcode, 0, KIND_FLAGS, KIND_V, size, { isa, AVX }, V_LIG | V_FP, .x = x_##op }
#define ROWS_COMPARE(pp, type, isa)                                                                \
    { MAP_0F, pp, 0xc2, 0, V, SIZE_FULL, { isa, 0, 0 }, V_FP, .x = x_cmp##type },                  \
    { MAP_0F, pp, 0xc2, 0, V, SIZE_FULL, { 0, AVX }, V_NDS | V_FP, .x = x_vcmp##type, .y = y_vcmp##type }
#define ROWS_COMPARE_S(pp, type, size, isa)                                                        \
    { MAP_0F, pp, 0xc2, 0, V, size, { isa, 0, 0 }, V_FP, .x = x_cmp##type },                       \
    { MAP_0F, pp, 0xc2, 0, V, size, { 0, AVX }, V_NDS | V_LIG | V_FP, .x = x_vcmp##type }
#define ROW_CONVERT(pp, opcode, op, size, isa)                                                     \
    { MAP_0F, pp, opcode, 0, V, size, { isa, AVX }, V_FP, .x = x_##op, .y = y_##op }
#define ROW_ROUND(opcode, op, size, flags, ...)                                                    \
    { MAP_0F3A, PFX_66, opcode, 0, V, size, { ISA_SSE41, AVX }, V_FP | (flags), .x = x_##op __VA_ARGS__ }

static const struct vec_op rows[] = {
    ROWS_FOUR(0x51, V_FP, sqrt),
    ROWS_FOUR(0x58, V_NDS | V_FP, add), ROWS_FOUR(0x59, V_NDS | V_FP, mul),
    ROWS_FOUR(0x5c, V_NDS | V_FP, sub), ROWS_FOUR(0x5d, V_NDS | V_FP, min),
    ROWS_FOUR(0x5e, V_NDS | V_FP, div), ROWS_FOUR(0x5f, V_NDS | V_FP, max),
    P(PFX_NONE, 0x52, ISA_SSE, 0, rsqrtps), S(PFX_F3, 0x52, 4, ISA_SSE, 0, rsqrtss),
    P(PFX_NONE, 0x53, ISA_SSE, 0, rcpps),   S(PFX_F3, 0x53, 4, ISA_SSE, 0, rcpss),
    ROWS_PACKED(0x54, V_NDS, and), ROWS_PACKED(0x55, V_NDS, andn),
    ROWS_PACKED(0x56, V_NDS, or),  ROWS_PACKED(0x57, V_NDS, xor),
    P(PFX_66, 0x7c, ISA_SSE3, V_NDS | V_FP, haddpd),   P(PFX_F2, 0x7c, ISA_SSE3, V_NDS | V_FP, haddps),
    P(PFX_66, 0x7d, ISA_SSE3, V_NDS | V_FP, hsubpd),   P(PFX_F2, 0x7d, ISA_SSE3, V_NDS | V_FP, hsubps),
    P(PFX_66, 0xd0, ISA_SSE3, V_NDS | V_FP, addsubpd), P(PFX_F2, 0xd0, ISA_SSE3, V_NDS | V_FP, addsubps),
    { MAP_0F3A, PFX_66, 0x40, .size = SIZE_FULL, .isa = { ISA_SSE41, AVX }, .flags = V_NDS, .emit = emit_dot },
    { MAP_0F3A, PFX_66, 0x41, .size = SIZE_FULL, .isa = { ISA_SSE41, ISA_AVX }, .flags = V_NDS, .emit = emit_dot },
    ROW_ROUND(0x08, roundps, SIZE_FULL, 0, , .y = y_roundps),
    ROW_ROUND(0x09, roundpd, SIZE_FULL, 0, , .y = y_roundpd),
    ROW_ROUND(0x0a, roundss, 4, V_NDS | V_LIG), ROW_ROUND(0x0b, roundsd, 8, V_NDS | V_LIG),

    ROWS_COMPARE(PFX_NONE, ps, ISA_SSE),     ROWS_COMPARE(PFX_66, pd, ISA_SSE2),
    ROWS_COMPARE_S(PFX_F3, ss, 4, ISA_SSE),  ROWS_COMPARE_S(PFX_F2, sd, 8, ISA_SSE2),
    ROW_FLAGS(PFX_NONE, 0x2e, ucomiss, 4, ISA_SSE), ROW_FLAGS(PFX_66, 0x2e, ucomisd, 8, ISA_SSE2),
    ROW_FLAGS(PFX_NONE, 0x2f, comiss, 4, ISA_SSE),  ROW_FLAGS(PFX_66, 0x2f, comisd, 8, ISA_SSE2),

    { MAP_0F, PFX_NONE, 0x2a, 0, KIND_V, KIND_MM, 8, { ISA_SSE }, V_FP, .x = x_cvtpi2ps },
    { MAP_0F, PFX_66, 0x2a, 0, KIND_V, KIND_MM, 8, { ISA_SSE2 }, 0, .x = x_cvtpi2pd },
    { MAP_0F, PFX_NONE, 0x2c, 0, KIND_MM, KIND_V, 8, { ISA_SSE }, V_FP, .x = mm_cvttps2pi },
    { MAP_0F, PFX_NONE, 0x2d, 0, KIND_MM, KIND_V, 8, { ISA_SSE }, V_FP, .x = mm_cvtps2pi },
    { MAP_0F, PFX_66, 0x2c, 0, KIND_MM, KIND_V, 16, { ISA_SSE2 }, V_FP, .x = mm_cvttpd2pi },
    { MAP_0F, PFX_66, 0x2d, 0, KIND_MM, KIND_V, 16, { ISA_SSE2 }, V_FP, .x = mm_cvtpd2pi },
    ROWS_FROM_G(PFX_F3, cvtsi2ss, ISA_SSE), ROWS_FROM_G(PFX_F2, cvtsi2sd, ISA_SSE2),
    ROWS_TO_G(PFX_F3, 0x2c, cvttss2si, 4, ISA_SSE), ROWS_TO_G(PFX_F2, 0x2c, cvttsd2si, 8, ISA_SSE2),
    ROWS_TO_G(PFX_F3, 0x2d, cvtss2si, 4, ISA_SSE),  ROWS_TO_G(PFX_F2, 0x2d, cvtsd2si, 8, ISA_SSE2),
    ROW_CONVERT(PFX_NONE, 0x5a, cvtps2pd, SIZE_HALF, ISA_SSE2),
    ROW_CONVERT(PFX_66, 0x5a, cvtpd2ps, SIZE_FULL, ISA_SSE2),
    S(PFX_F3, 0x5a, 4, ISA_SSE2, V_FP, cvtss2sd), S(PFX_F2, 0x5a, 8, ISA_SSE2, V_FP, cvtsd2ss),
    ROW_CONVERT(PFX_NONE, 0x5b, cvtdq2ps, SIZE_FULL, ISA_SSE2),
    ROW_CONVERT(PFX_66, 0x5b, cvtps2dq, SIZE_FULL, ISA_SSE2),
    ROW_CONVERT(PFX_F3, 0x5b, cvttps2dq, SIZE_FULL, ISA_SSE2),
    ROW_CONVERT(PFX_66, 0xe6, cvttpd2dq, SIZE_FULL, ISA_SSE2),
    ROW_CONVERT(PFX_F3, 0xe6, cvtdq2pd, SIZE_HALF, ISA_SSE2),
    ROW_CONVERT(PFX_F2, 0xe6, cvtpd2dq, SIZE_FULL, ISA_SSE2),
    { MAP_0F38, PFX_66, 0x13, 0, V, SIZE_HALF, { 0, ISA_F16C, ISA_F16C }, V_W0 | V_FP,
      .x = x_cvtph2ps, .y = y_cvtph2ps },
    { MAP_0F3A, PFX_66, 0x1d, 0, V, SIZE_HALF, { 0, ISA_F16C, ISA_F16C }, V_W0 | V_FP | V_TO_RM,
      .x = x_cvtps2ph, .y = y_cvtps2ph },

#define X(high, order)                                                                             \
    ROWS_FMA_P(high + 6, fmaddsub##order), ROWS_FMA_P(high + 7, fmsubadd##order),                  \
    ROWS_FMA_P(high + 8, fmadd##order),    ROWS_FMA_S(high + 9, fmadd##order),                     \
    ROWS_FMA_P(high + 10, fmsub##order),   ROWS_FMA_S(high + 11, fmsub##order),                    \
    ROWS_FMA_P(high + 12, fnmadd##order),  ROWS_FMA_S(high + 13, fnmadd##order),                   \
    ROWS_FMA_P(high + 14, fnmsub##order),  ROWS_FMA_S(high + 15, fnmsub##order),
    FMA_ORDERS(X)
#undef X
};
// clang-format on

VEC_TABLE(vec_float_table, rows);
