/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-operands - operands of vector instructions, drawn so that what is special comes often.
 */
#include "soft-operands.h"

#include <string.h>

uint64_t draw_bits(GRand *r)
{
    return (uint64_t)g_rand_int(r) << 32 | g_rand_int(r);
}

/* Zeroes, denormals, the smallest and greatest numbers, infinities, NaNs, and what lies near 1. */
uint32_t draw_float(GRand *r)
{
    static const uint32_t special[] = {
        0,          1,          0x007fffff, 0x00400000, 0x00800000, 0x00800001, 0x7f7fffff,
        0x7f800000, 0x7f800001, 0x7fc00000, 0x7fffffff, 0x3f800000, 0x3f800001, 0x3f7fffff,
        0x4f000000, 0x4effffff, 0x5f000000, 0x3f000000, 0x33000000, 0x34000000, 0x477fe000,
        0x477ff000, 0x38800000, 0x33800000, 0x20000000, 0x1f800000, 0x40400000, 0x00ffffff,
    };
    uint32_t v;

    switch (g_rand_int(r) % 4) {
    case 0: v = special[g_rand_int(r) % G_N_ELEMENTS(special)]; break;
    case 1: v = (127 + g_rand_int(r) % 40 - 8) << 23 | (g_rand_int(r) & 0x7fffff); break;
    case 2: v = g_rand_int(r) & 0xff800000; break;
    default: v = g_rand_int(r); break;
    }
    return v ^ g_rand_int(r) << 31;
}

uint64_t draw_double(GRand *r)
{
    static const uint64_t special[] = {
        0,
        1,
        0xfffffffffffff,
        0x8000000000000,
        0x10000000000000,
        0x10000000000001,
        0x7fefffffffffffff,
        0x7ff0000000000000,
        0x7ff0000000000001,
        0x7ff8000000000000,
        0x7fffffffffffffff,
        0x3ff0000000000000,
        0x3ff0000000000001,
        0x3fefffffffffffff,
        0x41e0000000000000,
        0x41dfffffffc00000,
        0x43e0000000000000,
        0x3fe0000000000000,
        0x3810000000000000,
        0x380fffffffffffff,
        0x36a0000000000000,
        0x47efffffe0000000,
        0x47f0000000000000,
        0x1ff0000000000000,
        0x4008000000000000,
        0x3ca0000000000000,
    };
    uint64_t v;

    switch (g_rand_int(r) % 4) {
    case 0: v = special[g_rand_int(r) % G_N_ELEMENTS(special)]; break;
    case 1: v = (1023 + (uint64_t)g_rand_int(r) % 80 - 8) << 52 | draw_bits(r) >> 12; break;
    case 2: v = draw_bits(r) & 0xfff0000000000000; break;
    default: v = draw_bits(r); break;
    }
    return v ^ draw_bits(r) << 63;
}

void draw(GRand *r, void *to, unsigned bytes)
{
    unsigned kind = g_rand_int(r) % 8;
    uint64_t same = kind & 1 ? draw_double(r) : (uint64_t)draw_float(r) << 32 | draw_float(r);

    for (unsigned i = 0; i < bytes; i += 8) {
        uint64_t v = kind < 3    ? (uint64_t)draw_float(r) << 32 | draw_float(r)
                     : kind < 5  ? draw_double(r)
                     : kind == 5 ? draw_bits(r)
                     : kind == 6 ? draw_bits(r) & draw_bits(r) & 0x8001ff80017f80ff
                                 : same;

        memcpy((uint8_t *)to + i, &v, 8);
    }
}

uint32_t draw_mxcsr(GRand *r)
{
    uint32_t any = g_rand_int(r);

    switch (any >> 16 & 7) {
    case 0:
    case 1: return 0x1f80;
    case 2:
    case 3: return 0x1f80 | (any & 0xe07f);
    case 4: return 0x1f80 & ~(0x80 << (any & 7) % 6);
    default: return any & 0xffff;
    }
}
