/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-encode - encodings of AVX-512, for tests that draw them.
 *
 * Intel SDM volume 2, section 2.7.
 */
#include "soft-encode.h"

#include "insn.h"

static void byte(struct code *c, unsigned b)
{
    c->bytes[c->n++] = b;
}

static unsigned bit(unsigned value, unsigned n, unsigned to)
{
    return (value >> n & 1) << to;
}

static void encode_vex(struct code *c, const struct choice *h)
{
    unsigned rm = h->mem ? h->base : h->rm;

    byte(c, 0xc4);
    byte(c, (bit(~h->reg, 3, 7) | 0x40 | bit(~rm, 3, 5)) | h->map);
    byte(c, h->w << 7 | (~h->vvvv & 15) << 3 | (h->l & 1) << 2 | h->pp);
}

static void encode_evex(struct code *c, const struct choice *h)
{
    unsigned b = h->mem ? h->base : h->rm, x = h->mem ? (h->vsib ? h->index : 0) << 1 : h->rm;
    unsigned v = h->mem && h->vsib ? h->index : h->vvvv;

    byte(c, 0x62);
    byte(c, bit(~h->reg, 3, 7) | bit(~x, 4, 6) | bit(~b, 3, 5) | bit(~h->reg, 4, 4) |
                h->reserved0 << 3 | h->map);
    byte(c, h->w << 7 | (~h->vvvv & 15) << 3 | !h->reserved1 << 2 | h->pp);
    byte(c, h->z << 7 | h->l << 5 | h->b << 4 | bit(~v, 4, 3) | h->mask);
}

static void encode_modrm(struct code *c, const struct choice *h)
{
    unsigned mod = h->disp_bytes == 4 ? 0x80 : h->disp_bytes ? 0x40 : 0, reg = (h->reg & 7) << 3;

    if (!h->mem) {
        byte(c, 0xc0 | reg | (h->rm & 7));
        return;
    }
    byte(c, mod | reg | (h->vsib ? 4 : h->base & 7));
    if (h->vsib)
        byte(c, h->scale << 6 | (h->index & 7) << 3 | (h->base & 7));
    for (unsigned i = 0; i < h->disp_bytes; i++)
        byte(c, h->disp >> 8 * i);
}

void encode(struct code *c, const struct choice *h)
{
    c->n = 0;
    if (h->addr32)
        byte(c, 0x67);
    if (h->vex)
        encode_vex(c, h);
    else
        encode_evex(c, h);
    byte(c, h->opcode);
    encode_modrm(c, h);
    if (h->imm)
        byte(c, h->imm8);
}

static bool has_imm(unsigned map, unsigned opcode)
{
    return map == MAP_0F3A ||
           (map == MAP_0F && ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
                              (opcode >= 0xc4 && opcode <= 0xc6)));
}

/* Gathers and scatters, and their prefetching. */
static bool has_vsib(unsigned map, unsigned opcode)
{
    return map == MAP_0F38 &&
           ((opcode >= 0x90 && opcode <= 0x93) || (opcode >= 0xa0 && opcode <= 0xa3) ||
            opcode == 0xc6 || opcode == 0xc7);
}

static unsigned pick(GRand *r, unsigned avoid)
{
    unsigned n;

    do
        n = g_rand_int(r) & (g_rand_int(r) % 3 ? 31 : 7);
    while (avoid >> (n & 15) & 1);
    return n;
}

struct choice choose(GRand *r, unsigned map, unsigned pp, unsigned opcode, unsigned base,
                     unsigned avoid)
{
    struct choice h = {
        .base = base,
        .map = map,
        .pp = pp,
        .opcode = opcode,
        .imm = has_imm(map, opcode),
        .imm8 = g_rand_int(r),
        .mem = g_rand_boolean(r),
        .vsib = has_vsib(map, opcode),
        .reg = pick(r, avoid),
        .rm = pick(r, avoid),
        .vvvv = pick(r, avoid),
        .index = pick(r, avoid),
        .scale = g_rand_int(r) & 3,
        .l = g_rand_int(r) % 3,
        .w = g_rand_boolean(r),
        .mask = g_rand_boolean(r) ? g_rand_int(r) & 7 : 0,
    };

    h.z = h.mask && g_rand_int(r) % 3 == 0;
    if (g_rand_boolean(r)) {
        h.disp_bytes = g_rand_int(r) % 4 == 0 ? 4 : 1;
        h.disp = g_rand_int(r) % 16 - 8;
    }
    return h;
}
