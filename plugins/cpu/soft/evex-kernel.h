/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-kernel - macros that make kernels of the host's AVX-512 instructions.
 *
 * Each computes 512 bits under the mask: d is what is merged with, and the third operand of those
 * that have one.  Operands are named %[r], %[a], %[b] and %[k], with %x, %t and %g for the 128, 256
 * and 512 bits of a register; an immediate is .Limm, see BY_IMMEDIATE.
 */
#ifndef TENON_SOFT_EVEX_KERNEL_H
#define TENON_SOFT_EVEX_KERNEL_H

#include "evex.h"
#include "vec-kernel.h"

#define TARGET_EVEX __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl")))
#define EVEX_KERNEL(name)                                                                          \
    TARGET_EVEX static void name(union vec *d, const union vec *a, const union vec *b,             \
                                 uint64_t mask, unsigned imm)
#define Z_OF(v) (*(const __m512i *)(v))

/* Any instruction: its text and operands. */
#define Z_ASM(name, text)                                                                          \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        __m512i r = Z_OF(d);                                                                       \
                                                                                                   \
        asm volatile(text : [r] "+v"(r) : [a] "v"(Z_OF(a)), [b] "v"(Z_OF(b)), [k] "Yk"(mask));     \
        *(__m512i *)d = r;                                                                         \
    }
/* With one of n immediates. */
#define Z_ASM_IMMEDIATE(name, n, text)                                                             \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t at = imm % n * 16, t;                                                             \
        __m512i r = Z_OF(d);                                                                       \
                                                                                                   \
        asm volatile(BY_IMMEDIATE(n, text)                                                         \
                     : [r] "+v"(r), [t] "=&r"(t)                                                   \
                     : [a] "v"(Z_OF(a)), [b] "v"(Z_OF(b)), [k] "Yk"(mask), [at] "r"(at)            \
                     : "cc");                                                                      \
        *(__m512i *)d = r;                                                                         \
    }
/* The same into a mask register. */
#define K_ASM(name, text)                                                                          \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t r;                                                                                \
                                                                                                   \
        asm volatile(text : [r] "=k"(r) : [a] "v"(Z_OF(a)), [b] "v"(Z_OF(b)), [k] "Yk"(mask));     \
        d->u64[0] = r;                                                                             \
    }
#define K_ASM_IMMEDIATE(name, n, text)                                                             \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t at = imm % n * 16, t, r;                                                          \
                                                                                                   \
        asm volatile(BY_IMMEDIATE(n, text)                                                         \
                     : [r] "=&k"(r), [t] "=&r"(t)                                                  \
                     : [a] "v"(Z_OF(a)), [b] "v"(Z_OF(b)), [k] "Yk"(mask), [at] "r"(at)            \
                     : "cc");                                                                      \
        d->u64[0] = r;                                                                             \
    }

/* d = a op b, op b; and of the lowest element, with the rest from a. */
#define Z_BINARY(op)  Z_ASM(z_##op, "v" #op " %g[b], %g[a], %g[r] %{%[k]%}")
#define EX_BINARY(op) Z_ASM(x_##op, "v" #op " %x[b], %x[a], %x[r] %{%[k]%}")
#define EY_BINARY(op) Z_ASM(y_##op, "v" #op " %t[b], %t[a], %t[r] %{%[k]%}")
#define Z_SCALAR(op)  Z_ASM(z_##op, "v" #op " %x[b], %x[a], %x[r] %{%[k]%}")
#define Z_UNARY(op)   Z_ASM(z_##op, "v" #op " %g[b], %g[r] %{%[k]%}")
/* From and to elements of half the size. */
#define Z_WIDEN(op)  Z_ASM(z_##op, "v" #op " %t[b], %g[r] %{%[k]%}")
#define Z_NARROW(op) Z_ASM(z_##op, "v" #op " %g[b], %t[r] %{%[k]%}")

#define Z_BINARY_IMMEDIATE(op, n)                                                                  \
    Z_ASM_IMMEDIATE(z_##op, n, "v" #op " $.Limm, %g[b], %g[a], %g[r] %{%[k]%}")
#define Z_SCALAR_IMMEDIATE(op, n)                                                                  \
    Z_ASM_IMMEDIATE(z_##op, n, "v" #op " $.Limm, %x[b], %x[a], %x[r] %{%[k]%}")
#define Z_UNARY_IMMEDIATE(op, n)                                                                   \
    Z_ASM_IMMEDIATE(z_##op, n, "v" #op " $.Limm, %g[b], %g[r] %{%[k]%}")

/* One element, of u bits; what is loaded clears the rest of 128 bits. */
#define LOAD_ONE(name, u)                                                                          \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        union vec r = { 0 };                                                                       \
                                                                                                   \
        r.u[0] = mask & 1 ? b->u[0] : d->u[0];                                                     \
        *d = r;                                                                                    \
    }

/* From a general register, with the rest from a, and to one; size is k or q. */
#define Z_FROM_GENERAL(name, op, size)                                                             \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        __m512i r;                                                                                 \
                                                                                                   \
        asm volatile("v" #op " %" #size "2, %x1, %x0" : "=v"(r) : "v"(Z_OF(a)), "r"(b->u64[0]));   \
        *(__m512i *)d = r;                                                                         \
    }
#define Z_TO_GENERAL(name, op, size)                                                               \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        uint64_t r;                                                                                \
                                                                                                   \
        asm volatile("v" #op " %x1, %" #size "0" : "=r"(r) : "v"(Z_OF(b)));                        \
        d->u64[0] = r;                                                                             \
    }
/* The flags of comparing a with b. */
#define Z_FLAGS(op)                                                                                \
    EVEX_KERNEL(z_##op)                                                                            \
    {                                                                                              \
        bool z, p, c;                                                                              \
                                                                                                   \
        asm volatile("v" #op " %x4, %x3"                                                           \
                     : "=@ccz"(z), "=@ccp"(p), "=@ccc"(c)                                          \
                     : "v"(Z_OF(a)), "v"(Z_OF(b)));                                                \
        d->u64[0] = (z ? F_ZF : 0) | (p ? F_PF : 0) | (c ? F_CF : 0);                              \
    }

/* The same kernel for all three lengths; those of one name. */
#define K_ALL(name)  .k = { name, name, name }
#define K_EACH(name) .k = { x_##name, y_##name, z_##name }
#define K_ONE(name)  .k = { name }

/* Flags of rows: exceptions may be suppressed, and the rounding given. */
enum { SAE = E_FP | E_SAE, ER = E_FP | E_ER };

#define EVEX_TABLE(name, rows) const struct evex_table name = { rows, sizeof(rows) / sizeof(*rows) }

#endif
