/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-move - moves with masks, of general registers too; opmask registers as vectors and back.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

/* ---- One element, halves ---- */

EX_BINARY(movss)
EX_BINARY(movsd)

LOAD_ONE(x_load32, u32)
LOAD_ONE(x_load64, u64)

/* Two halves of 64 bits. */
#define HALVES(name, low, high)                                                                    \
    EVEX_KERNEL(name)                                                                              \
    {                                                                                              \
        *d = (union vec){ .u64 = { low, high } };                                                  \
    }
HALVES(x_low, b->u64[0], a->u64[1])
HALVES(x_high, a->u64[0], b->u64[0])
HALVES(x_high_to_low, b->u64[1], a->u64[1])
HALVES(x_high_alone, b->u64[1], 0)

/* ---- All elements from a general register ---- */

#define FROM_GENERAL(op, size)                                                                     \
    EVEX_KERNEL(z_##op)                                                                            \
    {                                                                                              \
        __m512i r = *(const __m512i *)d;                                                           \
                                                                                                   \
        asm volatile("v" #op " %" #size "[b], %[r] %{%[k]%}"                                       \
                     : [r] "+v"(r)                                                                 \
                     : [b] "r"(b->u64[0]), [k] "Yk"(mask));                                        \
        *(__m512i *)d = r;                                                                         \
    }
FROM_GENERAL(pbroadcastb, k)
FROM_GENERAL(pbroadcastw, k)
FROM_GENERAL(pbroadcastd, k)
FROM_GENERAL(pbroadcastq, q)

/* ---- Opmask registers: of each bit an element, of the sign of each element a bit ---- */

#define FROM_MASK(op)                                                                              \
    EVEX_KERNEL(z_##op)                                                                            \
    {                                                                                              \
        __m512i r;                                                                                 \
                                                                                                   \
        asm volatile("kmovq %[b], %%k1\n\tv" #op " %%k1, %[r]"                                     \
                     : [r] "=v"(r)                                                                 \
                     : [b] "r"(b->u64[0])                                                          \
                     : "k1");                                                                      \
        *(__m512i *)d = r;                                                                         \
    }
FROM_MASK(pmovm2b)
FROM_MASK(pmovm2w)
FROM_MASK(pmovm2d)
FROM_MASK(pmovm2q)
FROM_MASK(pbroadcastmb2q)
FROM_MASK(pbroadcastmw2d)

#define TO_MASK(op)                                                                                \
    EVEX_KERNEL(z_##op)                                                                            \
    {                                                                                              \
        uint64_t r;                                                                                \
                                                                                                   \
        asm volatile("v" #op " %[b], %%k1\n\tkmovq %%k1, %[r]"                                     \
                     : [r] "=r"(r)                                                                 \
                     : [b] "v"(*(const __m512i *)b)                                                \
                     : "k1");                                                                      \
        d->u64[0] = r & mask;                                                                      \
    }
TO_MASK(pmovb2m)
TO_MASK(pmovw2m)
TO_MASK(pmovd2m)
TO_MASK(pmovq2m)

/* ---- Table ---- */

// clang-format off
#define V  KIND_V, KIND_V
#define BW ISA_AVX512BW
#define DQ ISA_AVX512DQ
#define ALONE128 LENGTH_128, 0, E_NO_MASK | E_NO_VL

#define MOVE(pp, load, store, w, element, isa, how)                                                \
    { MAP_0F, pp, load,  0, w, element, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, isa, .flags = how },     \
    { MAP_0F, pp, store, 0, w, element, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, isa, .flags = E_TO_RM | how }
#define UNCACHED(map, pp, opcode, w, element, how)                                                 \
    { map, pp, opcode, 0, w, element, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, 0, .flags = E_MEM | E_ALIGN | E_NO_MASK | how }
#define SCALAR(pp, w, element, op, load)                                                           \
    { MAP_0F, pp, 0x10, 0, w, element, 0, TUPLE_1, 0, V, LENGTHS, 0, E_SCALAR | E_MEM, K_ONE(load) },   \
    { MAP_0F, pp, 0x11, 0, w, element, 0, TUPLE_1, 0, V, LENGTHS, 0, .flags = E_SCALAR | E_MEM | E_TO_RM }, \
    { MAP_0F, pp, 0x10, 0, w, element, 0, 0, 0, V, LENGTHS, 0, E_SCALAR | E_REG | E_NDS, K_ONE(op) },   \
    { MAP_0F, pp, 0x11, 0, w, element, 0, 0, 0, V, LENGTHS, 0, E_SCALAR | E_REG | E_NDS | E_TO_RM, K_ONE(op) }
#define HALF_MOVES(pp, w)                                                                          \
    { MAP_0F, pp, 0x12, 0, w, 8, 0, TUPLE_1, 0, V, ALONE128 | E_MEM | E_NDS, K_ONE(x_low) },      \
    { MAP_0F, pp, 0x16, 0, w, 8, 0, TUPLE_1, 0, V, ALONE128 | E_MEM | E_NDS, K_ONE(x_high) },     \
    { MAP_0F, pp, 0x17, 0, w, 8, 0, TUPLE_1, 0, V, ALONE128 | E_MEM | E_TO_RM, K_ONE(x_high_alone) }, \
    { MAP_0F, pp, 0x13, 0, w, 8, 0, TUPLE_1, 0, V, LENGTH_128, 0, .flags = E_MEM | E_TO_RM | E_NO_MASK | E_NO_VL }
#define GENERAL(w, element, kernel)                                                                \
    { MAP_0F, PFX_66, 0x6e, 0, w, element, 0, TUPLE_1, 0, KIND_V, KIND_G, ALONE128, K_ONE(kernel) },   \
    { MAP_0F, PFX_66, 0x7e, 0, w, element, 0, TUPLE_1, 0, KIND_G, KIND_V, ALONE128 | E_TO_RM, K_ONE(kernel) }
#define ALL_OF(opcode, w, element, isa, op)                                                        \
    { MAP_0F38, PFX_66, opcode, 0, w, element, 0, 0, 0, KIND_V, KIND_G, LENGTHS, isa, E_REG, K_ALL(z_##op) }
#define MASKS(opcode, w, element, isa, op, from)                                                   \
    { MAP_0F38, PFX_F3, opcode, 0, w, element, 0, 0, 0, KIND_V, KIND_K, LENGTHS, isa, E_REG | E_NO_MASK, K_ALL(z_##op) }, \
    { MAP_0F38, PFX_F3, opcode + 1, 0, w, element, 0, 0, 0, KIND_K, KIND_V, LENGTHS, isa, E_REG | E_NO_MASK, K_ALL(z_##from) }
#define OF_MASK(opcode, w, element, op)                                                            \
    { MAP_0F38, PFX_F3, opcode, 0, w, element, 0, 0, 0, KIND_V, KIND_K, LENGTHS, ISA_AVX512CD, E_REG | E_NO_MASK, K_ALL(z_##op) }

static const struct evex_op rows[] = {
    MOVE(PFX_NONE, 0x10, 0x11, W_0, 4, 0, 0),        MOVE(PFX_66, 0x10, 0x11, W_1, 8, 0, 0),
    MOVE(PFX_NONE, 0x28, 0x29, W_0, 4, 0, E_ALIGN),  MOVE(PFX_66, 0x28, 0x29, W_1, 8, 0, E_ALIGN),
    MOVE(PFX_66, 0x6f, 0x7f, W_0, 4, 0, E_ALIGN),    MOVE(PFX_66, 0x6f, 0x7f, W_1, 8, 0, E_ALIGN),
    MOVE(PFX_F3, 0x6f, 0x7f, W_0, 4, 0, 0),          MOVE(PFX_F3, 0x6f, 0x7f, W_1, 8, 0, 0),
    MOVE(PFX_F2, 0x6f, 0x7f, W_0, 1, BW, 0),         MOVE(PFX_F2, 0x6f, 0x7f, W_1, 2, BW, 0),
    UNCACHED(MAP_0F, PFX_66, 0xe7, W_0, 4, E_TO_RM),   UNCACHED(MAP_0F38, PFX_66, 0x2a, W_0, 4, 0),
    UNCACHED(MAP_0F, PFX_NONE, 0x2b, W_0, 4, E_TO_RM), UNCACHED(MAP_0F, PFX_66, 0x2b, W_1, 8, E_TO_RM),

    SCALAR(PFX_F3, W_0, 4, x_movss, x_load32), SCALAR(PFX_F2, W_1, 8, x_movsd, x_load64),
    HALF_MOVES(PFX_NONE, W_0), HALF_MOVES(PFX_66, W_1),
    { MAP_0F, PFX_NONE, 0x12, 0, W_0, 8, 0, 0, 0, V, ALONE128 | E_REG | E_NDS, K_ONE(x_high_to_low) },
    { MAP_0F, PFX_NONE, 0x16, 0, W_0, 8, 0, 0, 0, V, ALONE128 | E_REG | E_NDS, K_ONE(x_high) },
    GENERAL(W_32, 4, x_load32), GENERAL(W_64, 8, x_load64),
    { MAP_0F, PFX_F3, 0x7e, 0, W_1, 8, 0, TUPLE_1, 0, V, ALONE128, K_ONE(x_load64) },
    { MAP_0F, PFX_66, 0xd6, 0, W_1, 8, 0, TUPLE_1, 0, V, ALONE128 | E_TO_RM, K_ONE(x_load64) },

    ALL_OF(0x7a, W_0, 1, BW, pbroadcastb), ALL_OF(0x7b, W_0, 2, BW, pbroadcastw),
    ALL_OF(0x7c, W_32, 4, 0, pbroadcastd), ALL_OF(0x7c, W_64, 8, 0, pbroadcastq),
    MASKS(0x28, W_0, 1, BW, pmovm2b, pmovb2m), MASKS(0x28, W_1, 2, BW, pmovm2w, pmovw2m),
    MASKS(0x38, W_0, 4, DQ, pmovm2d, pmovd2m), MASKS(0x38, W_1, 8, DQ, pmovm2q, pmovq2m),
    OF_MASK(0x2a, W_1, 8, pbroadcastmb2q), OF_MASK(0x3a, W_0, 4, pbroadcastmw2d),
};
// clang-format on

EVEX_TABLE(evex_move_table, rows);
