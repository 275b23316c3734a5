/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-kernel - macros that make kernels of the host's instructions with masks.
 *
 * Z_... computes 512 bits, which does for all lengths where an element's result depends on that
 * element alone; others take a kernel for each length, X_, Y_ and Z_.  The name of the instruction
 * is the one without v.  In all asm here the mask is k1.
 */
#ifndef TENON_SOFT_EVEX_KERNEL_H
#define TENON_SOFT_EVEX_KERNEL_H

#include <immintrin.h>

#include "evex.h"
#include "vec-kernel.h"

#define TARGET_EVEX __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define EVEX_KERNEL(name)                                                                          \
    TARGET_EVEX static void name(union vec *d, const union vec *a, const union vec *b,             \
                                 uint64_t mask, unsigned imm)

/* The same kernel for all three lengths; those of one name. */
#define K_ALL(name)  .k = { name, name, name }
#define K_EACH(name) .k = { x_##name, y_##name, z_##name }
#define K_ONE(name)  .k = { name }

#define WITH_MASK "kmovq %[mask], %%k1\n\t"

/* d = a op b; T, S and R are the types of d, a and b. */
#define EVEX_BINARY(name, op, T, S, R)                                                             \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        T r = *(const T *)d;                                                                       \
                                                                                                   \
        asm volatile(WITH_MASK "v" #op " %[b], %[a], %[r]%{%%k1%}"                                 \
                     : [r] "+v"(r)                                                                 \
                     : [a] "v"(*(const S *)a), [b] "v"(*(const R *)b), [mask] "r"(mask)            \
                     : "k1");                                                                      \
        *(T *)d = r;                                                                               \
    }
#define Z_BINARY(op)   EVEX_BINARY(z_##op, op, __m512i, __m512i, __m512i)
#define EX_BINARY(op)  EVEX_BINARY(x_##op, op, __m128i, __m128i, __m128i)
#define EY_BINARY(op)  EVEX_BINARY(y_##op, op, __m256i, __m256i, __m256i)
#define XYZ_BINARY(op) EX_BINARY(op) EY_BINARY(op) Z_BINARY(op)

/* d = op b; T and S are the types of d and b. */
#define EVEX_UNARY(name, op, T, S)                                                                 \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        T r = *(const T *)d;                                                                       \
                                                                                                   \
        asm volatile(WITH_MASK "v" #op " %[b], %[r]%{%%k1%}"                                       \
                     : [r] "+v"(r)                                                                 \
                     : [b] "v"(*(const S *)b), [mask] "r"(mask)                                    \
                     : "k1");                                                                      \
        *(T *)d = r;                                                                               \
    }
#define Z_UNARY(op)   EVEX_UNARY(z_##op, op, __m512i, __m512i)
#define EX_UNARY(op)  EVEX_UNARY(x_##op, op, __m128i, __m128i)
#define EY_UNARY(op)  EVEX_UNARY(y_##op, op, __m256i, __m256i)
#define XYZ_UNARY(op) EX_UNARY(op) EY_UNARY(op) Z_UNARY(op)

/* d = a op b, by an immediate below n. */
#define EVEX_BINARY_IMMEDIATE(name, op, T, S, R, n)                                                \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t at = imm % n * 16, t;                                                             \
        T r = *(const T *)d;                                                                       \
                                                                                                   \
        asm volatile(                                                                              \
            WITH_MASK BY_IMMEDIATE(n, "v" #op " $.Limm, %[b], %[a], %[r]%{%%k1%}")                 \
            : [r] "+v"(r), [t] "=&r"(t)                                                            \
            : [a] "v"(*(const S *)a), [b] "v"(*(const R *)b), [at] "r"(at), [mask] "r"(mask)       \
            : "k1");                                                                               \
        *(T *)d = r;                                                                               \
    }
#define EVEX_UNARY_IMMEDIATE(name, op, T, S, n)                                                    \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t at = imm % n * 16, t;                                                             \
        T r = *(const T *)d;                                                                       \
                                                                                                   \
        asm volatile(WITH_MASK BY_IMMEDIATE(n, "v" #op " $.Limm, %[b], %[r]%{%%k1%}")              \
                     : [r] "+v"(r), [t] "=&r"(t)                                                   \
                     : [b] "v"(*(const S *)b), [at] "r"(at), [mask] "r"(mask)                      \
                     : "k1");                                                                      \
        *(T *)d = r;                                                                               \
    }

/* An opmask register: what a test of a and b (types S and R) says, zeroes where it is masked. */
#define EVEX_TEST(name, op, S, R)                                                                  \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        asm volatile(WITH_MASK "v" #op " %[b], %[a], %%k1%{%%k1%}\n\tkmovq %%k1, %[r]"             \
                     : [r] "=r"(d->u64[0])                                                         \
                     : [a] "v"(*(const S *)a), [b] "v"(*(const R *)b), [mask] "r"(mask)            \
                     : "k1");                                                                      \
    }
#define EVEX_TEST_IMMEDIATE(name, op, S, R, n)                                                     \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t at = imm % n * 16, t;                                                             \
                                                                                                   \
        asm volatile(                                                                              \
            WITH_MASK BY_IMMEDIATE(n, "v" #op                                                      \
                                      " $.Limm, %[b], %[a], %%k1%{%%k1%}") "\n\tkmovq %%k1, %[r]"  \
            : [r] "=r"(d->u64[0]), [t] "=&r"(t)                                                    \
            : [a] "v"(*(const S *)a), [b] "v"(*(const R *)b), [at] "r"(at), [mask] "r"(mask)       \
            : "k1");                                                                               \
    }

#define EVEX_TABLE(name, rows) const struct evex_table name = { rows, sizeof(rows) / sizeof(*rows) }

#endif
