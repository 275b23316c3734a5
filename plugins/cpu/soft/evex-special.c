/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-special - instructions with masks that are unlike the others.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

Z_BINARY(blendmps)

// clang-format off
#define V KIND_V, KIND_V

static const struct evex_op rows[] = {
    { MAP_0F38, PFX_66, 0x65, 0, W_0, 4, 0, TUPLE_FULL, 0, V, LENGTHS, ISA_AVX512F, E_NDS | E_SUM, K_ALL(z_blendmps) },
};
// clang-format on

EVEX_TABLE(evex_special_table, rows);
