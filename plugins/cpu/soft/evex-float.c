/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-float - floating point with masks.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

Z_BINARY(addps)
EX_BINARY(addss)

// clang-format off
#define V KIND_V, KIND_V

static const struct evex_op rows[] = {
    { MAP_0F, PFX_NONE, 0x58, 0, W_0, 4, 0, TUPLE_FULL, 0, V, LENGTHS, ISA_AVX512F, E_NDS | E_FP | E_ER, K_ALL(z_addps) },
    { MAP_0F, PFX_F3, 0x58, 0, W_0, 4, 0, TUPLE_1, 0, V, LENGTHS, ISA_AVX512F, E_NDS | E_FP | E_ER | E_SCALAR, K_ONE(x_addss) },
};
// clang-format on

EVEX_TABLE(evex_float_table, rows);
