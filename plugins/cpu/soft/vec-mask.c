/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-mask - instructions with opmask registers alone, which have VEX: AVX-512's k0 to k7.
 *
 * Intel SDM volume 2.
 */
#include "vec-kernel.h"

KERNEL(k_low8)
{
    d->u64[0] = b->u8[0];
}

KERNEL(k_low16)
{
    d->u64[0] = b->u16[0];
}

KERNEL(k_low32)
{
    d->u64[0] = b->u32[0];
}

// clang-format off
/* Loads of an opmask register or memory, and stores; from a general register, and to one. */
#define MOVE(pp, w, isa, size, kernel)                                                            \
    { MAP_0F, pp, 0x90, 0, KIND_K, KIND_K, size, { 0, isa, 0 }, w, kernel, NULL, NULL },            \
    { MAP_0F, pp, 0x91, 0, KIND_K, KIND_K, size, { 0, isa, 0 }, V_TO_RM | V_MEM | w, NULL, NULL, NULL }

static const struct vec_op rows[] = {
    MOVE(PFX_66, V_W0, ISA_AVX512DQ, 1, k_low8), MOVE(PFX_NONE, V_W0, ISA_AVX512F, 2, k_low16),
    MOVE(PFX_66, V_W1, ISA_AVX512BW, 4, k_low32), MOVE(PFX_NONE, V_W1, ISA_AVX512BW, 8, NULL),
    { MAP_0F, PFX_NONE, 0x92, 0, KIND_K, KIND_G, 0, { 0, ISA_AVX512F, 0 }, V_REG | V_W0, k_low16, NULL, NULL },
    { MAP_0F, PFX_NONE, 0x93, 0, KIND_G, KIND_K, 0, { 0, ISA_AVX512F, 0 }, V_REG | V_W0, k_low16, NULL, NULL },
};
// clang-format on

VEC_TABLE(vec_mask_table, rows);
