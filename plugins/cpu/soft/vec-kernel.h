/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-kernel - macros that make kernels of the host's instructions.
 *
 * X_... is encoded without VEX and computes 16 bytes, VX_... and Y_... with VEX, 16 and 32.  The
 * name of the instruction is the one without v.
 */
#ifndef TENON_SOFT_VEC_KERNEL_H
#define TENON_SOFT_VEC_KERNEL_H

#include <immintrin.h>
#include <string.h>

#include "vec.h"

#define TARGET_AVX __attribute__((target("avx")))
#define KERNEL(name)                                                                               \
    static void name(union vec *d, const union vec *a, const union vec *b, unsigned imm)

#define X_OF(v) (*(const __m128i *)(v))

/* d = a op b with MMX registers. */
#define MM_BINARY(op)                                                                              \
    KERNEL(mm_##op)                                                                                \
    {                                                                                              \
        asm volatile("movq %1, %%mm0\n\tmovq %2, %%mm1\n\t" #op                                    \
                     " %%mm1, %%mm0\n\tmovq %%mm0, %0\n\temms"                                     \
                     : "=m"(d->u64[0])                                                             \
                     : "m"(a->u64[0]), "m"(b->u64[0])                                              \
                     : "mm0", "mm1");                                                              \
    }

/* d = d op b, beginning with a. */
#define X_BINARY(op)                                                                               \
    KERNEL(x_##op)                                                                                 \
    {                                                                                              \
        __m128i r = X_OF(a);                                                                       \
                                                                                                   \
        asm volatile(#op " %1, %0" : "+x"(r) : "x"(X_OF(b)));                                      \
        *(__m128i *)d = r;                                                                         \
    }

/* d = a op b; T and S are the types of d and a, and of b. */
#define VEX_BINARY(name, op, T, S)                                                                 \
    TARGET_AVX KERNEL(name)                                                                        \
    {                                                                                              \
        T r;                                                                                       \
                                                                                                   \
        asm volatile("v" #op " %2, %1, %0" : "=x"(r) : "x"(*(const T *)a), "x"(*(const S *)b));    \
        *(T *)d = r;                                                                               \
    }
#define VX_BINARY(op) VEX_BINARY(x_##op, op, __m128i, __m128i)
#define Y_BINARY(op)  VEX_BINARY(y_##op, op, __m256i, __m256i)

/* d = op b; T and S are the types of d and b. */
#define VEX_UNARY(name, op, T, S)                                                                  \
    TARGET_AVX KERNEL(name)                                                                        \
    {                                                                                              \
        T r;                                                                                       \
                                                                                                   \
        asm volatile("v" #op " %1, %0" : "=x"(r) : "x"(*(const S *)b));                            \
        *(__m256i *)d = (__m256i){ 0 };                                                            \
        *(T *)d = r;                                                                               \
    }
#define Y_UNARY(op) VEX_UNARY(y_##op, op, __m256i, __m256i)

/* A function of C that takes the bytes to compute as its last argument. */
#define X_OF_C(name)                                                                               \
    KERNEL(x_##name)                                                                               \
    {                                                                                              \
        name(d, a, b, imm, 16);                                                                    \
    }
#define Y_OF_C(name)                                                                               \
    KERNEL(y_##name)                                                                               \
    {                                                                                              \
        name(d, a, b, imm, 32);                                                                    \
    }

/*
 * The instruction once for each of n immediates, 16 bytes apart, and a jump to the one that is
 * wanted. op names the immediate .Limm; %[t] is a register to spoil, %[at] 16 times the immediate.
 */
#define BY_IMMEDIATE(n, op)                                                                        \
    "lea 1f(%%rip), %[t]\n\t"                                                                      \
    "add %q[at], %[t]\n\t"                                                                         \
    "jmp *%[t]\n\t"                                                                                \
    ".balign 16\n"                                                                                 \
    "1:\n\t"                                                                                       \
    ".set .Limm, 0\n\t"                                                                            \
    ".rept " #n "\n\t"                                                                             \
    ".balign 16\n\t" op "\n\t"                                                                     \
    "jmp 2f\n\t"                                                                                   \
    ".set .Limm, .Limm + 1\n\t"                                                                    \
    ".endr\n"                                                                                      \
    "2:"

#define X_IMMEDIATE(name, op, n)                                                                   \
    KERNEL(name)                                                                                   \
    {                                                                                              \
        __m128i r = X_OF(a);                                                                       \
        uint64_t at = imm % n * 16, t;                                                             \
                                                                                                   \
        asm volatile(BY_IMMEDIATE(n, #op " $.Limm, %[b], %[r]")                                    \
                     : [r] "+x"(r), [t] "=&r"(t)                                                   \
                     : [b] "x"(X_OF(b)), [at] "r"(at));                                            \
        *(__m128i *)d = r;                                                                         \
    }
/* T: the vectors' type. */
#define VEX_BINARY_IMMEDIATE(name, op, T, n)                                                       \
    TARGET_AVX KERNEL(name)                                                                        \
    {                                                                                              \
        uint64_t at = imm % n * 16, t;                                                             \
        T r;                                                                                       \
                                                                                                   \
        asm volatile(BY_IMMEDIATE(n, "v" #op " $.Limm, %[b], %[a], %[r]")                          \
                     : [r] "=x"(r), [t] "=&r"(t)                                                   \
                     : [a] "x"(*(const T *)a), [b] "x"(*(const T *)b), [at] "r"(at));              \
        *(T *)d = r;                                                                               \
    }
#define VEX_UNARY_IMMEDIATE(name, op, T, S, n)                                                     \
    TARGET_AVX KERNEL(name)                                                                        \
    {                                                                                              \
        uint64_t at = imm % n * 16, t;                                                             \
        T r;                                                                                       \
                                                                                                   \
        asm volatile(BY_IMMEDIATE(n, "v" #op " $.Limm, %[b], %[r]")                                \
                     : [r] "=x"(r), [t] "=&r"(t)                                                   \
                     : [b] "x"(*(const S *)b), [at] "r"(at));                                      \
        *(__m256i *)d = (__m256i){ 0 };                                                            \
        *(T *)d = r;                                                                               \
    }

/* A general register of b; size is k or q. */
#define TO_GENERAL(name, op, size, attribute, T)                                                   \
    attribute KERNEL(name)                                                                         \
    {                                                                                              \
        asm volatile(op " %1, %" #size "0" : "=r"(d->u64[0]) : "x"(*(const T *)b));                \
    }

/* The flags of comparing a with b. */
#define TO_FLAGS(name, op, attribute, T)                                                           \
    attribute KERNEL(name)                                                                         \
    {                                                                                              \
        bool z, p, c;                                                                              \
                                                                                                   \
        asm volatile(op " %4, %3"                                                                  \
                     : "=@ccz"(z), "=@ccp"(p), "=@ccc"(c)                                          \
                     : "x"(*(const T *)a), "x"(*(const T *)b));                                    \
        d->u64[0] = (z ? F_ZF : 0) | (p ? F_PF : 0) | (c ? F_CF : 0);                              \
    }

/* INSERTPS.  imm: source element, destination element, elements to clear. */
static inline union vec insert_single(const union vec *a, const union vec *b, unsigned imm)
{
    union vec r = *a;

    r.u32[imm >> 4 & 3] = b->u32[imm >> 6];
    for (unsigned i = 0; i < 4; i++)
        if (imm >> i & 1)
            r.u32[i] = 0;
    return r;
}

/* FMA: X(high digit of the opcode, order) */
#define FMA_ORDERS(X) X(0x90, 132) X(0xa0, 213) X(0xb0, 231)

#define VEC_TABLE(name, rows) const struct vec_table name = { rows, sizeof(rows) / sizeof(*rows) }

#endif
