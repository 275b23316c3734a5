/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-move - moves with masks.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

// clang-format off
#define V KIND_V, KIND_V
#define MOVE(pp, load, store, w, element, isa, how)                                                \
    { MAP_0F, pp, load,  0, w, element, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, isa, .flags = how },      \
    { MAP_0F, pp, store, 0, w, element, 0, TUPLE_FULL_MEM, 0, V, LENGTHS, isa, .flags = E_TO_RM | how }

static const struct evex_op rows[] = {
    MOVE(PFX_NONE, 0x10, 0x11, W_0, 4, ISA_AVX512F, 0),        MOVE(PFX_66, 0x10, 0x11, W_1, 8, ISA_AVX512F, 0),
    MOVE(PFX_NONE, 0x28, 0x29, W_0, 4, ISA_AVX512F, E_ALIGN),  MOVE(PFX_66, 0x28, 0x29, W_1, 8, ISA_AVX512F, E_ALIGN),
    MOVE(PFX_66, 0x6f, 0x7f, W_0, 4, ISA_AVX512F, E_ALIGN),    MOVE(PFX_66, 0x6f, 0x7f, W_1, 8, ISA_AVX512F, E_ALIGN),
    MOVE(PFX_F3, 0x6f, 0x7f, W_0, 4, ISA_AVX512F, 0),          MOVE(PFX_F3, 0x6f, 0x7f, W_1, 8, ISA_AVX512F, 0),
    MOVE(PFX_F2, 0x6f, 0x7f, W_0, 1, ISA_AVX512BW, 0),         MOVE(PFX_F2, 0x6f, 0x7f, W_1, 2, ISA_AVX512BW, 0),
};
// clang-format on

EVEX_TABLE(evex_move_table, rows);
