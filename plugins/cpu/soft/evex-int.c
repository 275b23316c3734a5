/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-int - packed integers with masks.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

Z_BINARY(paddd)
EVEX_TEST_IMMEDIATE(z_pcmpd, pcmpd, __m512i, __m512i, 8)

// clang-format off
#define V KIND_V, KIND_V

static const struct evex_op rows[] = {
    { MAP_0F, PFX_66, 0xfe, 0, W_0, 4, 0, TUPLE_FULL, 0, V, LENGTHS, ISA_AVX512F, E_NDS, K_ALL(z_paddd) },
    { MAP_0F3A, PFX_66, 0x1f, 0, W_0, 4, 0, TUPLE_FULL, 0, KIND_K, KIND_V, LENGTHS, ISA_AVX512F, E_NDS, K_ALL(z_pcmpd) },
};
// clang-format on

EVEX_TABLE(evex_int_table, rows);
