/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-move - moves between vector registers, memory and general registers; shuffles, blends,
 * insertions.
 *
 * Intel SDM volume 2.  What takes an immediate is C: the host's own would want it in its code.
 */
#include "vec-kernel.h"

/* ---- Parts of registers ---- */

X_BINARY(movss)
X_BINARY(movsd)
X_BINARY(movq)
X_BINARY(movlhps)
X_BINARY(movhlps)
X_BINARY(movsldup)
X_BINARY(movshdup)
X_BINARY(movddup)
Y_UNARY(movsldup)
Y_UNARY(movshdup)
Y_UNARY(movddup)
TO_GENERAL(x_movmskps, "movmskps", k, , __m128i)
TO_GENERAL(x_movmskpd, "movmskpd", k, , __m128i)
TO_GENERAL(y_movmskps, "vmovmskps", k, TARGET_AVX, __m256i)
TO_GENERAL(y_movmskpd, "vmovmskpd", k, TARGET_AVX, __m256i)

KERNEL(x_low32)
{
    d->u64[0] = b->u32[0];
}

KERNEL(x_low64)
{
    d->u64[0] = b->u64[0];
}

KERNEL(x_high64)
{
    d->u64[0] = b->u64[1];
}

KERNEL(x_zero_extend)
{
    *d = (union vec){ .u64 = { b->u64[0] } };
}

/* Element number imm of width bits u, of n. */
#define ELEMENT(name, u, n)                                                                        \
    KERNEL(x_pextr##name)                                                                          \
    {                                                                                              \
        d->u64[0] = b->u[imm % n];                                                                 \
    }                                                                                              \
    KERNEL(x_pinsr##name)                                                                          \
    {                                                                                              \
        union vec r = *a;                                                                          \
                                                                                                   \
        r.u[imm % n] = b->u[0];                                                                    \
        memcpy(d, &r, 16);                                                                         \
    }
ELEMENT(b, u8, 16)
ELEMENT(w, u16, 8)
ELEMENT(d, u32, 4)
ELEMENT(q, u64, 2)
ELEMENT(w_mm, u16, 4)

KERNEL(x_insertps)
{
    union vec r = insert_single(a, b, imm);

    memcpy(d, &r, 16);
}

/* From memory there is just one source element. */
KERNEL(x_insertps_mem)
{
    x_insertps(d, a, b, imm & 0x3f);
}

/* ---- Shuffles by immediate ---- */

#define SHUFFLE(name)                                                                              \
    static inline void name(union vec *d, const union vec *a, const union vec *b, unsigned imm,    \
                            unsigned bytes)

/* Element i of the result is value; of n bits wide elements u. */
#define ELEMENTWISE(name, u, bits, value)                                                          \
    SHUFFLE(name)                                                                                  \
    {                                                                                              \
        union vec r;                                                                               \
                                                                                                   \
        for (unsigned i = 0; i < bytes * 8 / bits; i++)                                            \
            r.u[i] = value;                                                                        \
        memcpy(d, &r, bytes);                                                                      \
    }
#define XY_ELEMENTWISE(name, ...) ELEMENTWISE(name, __VA_ARGS__) X_OF_C(name) Y_OF_C(name)

XY_ELEMENTWISE(pshufd, u32, 32, b->u32[(i & ~3) + (imm >> i % 4 * 2 & 3)])
XY_ELEMENTWISE(pshuflw, u16, 16, i & 4 ? b->u16[i] : b->u16[(i & ~7) + (imm >> i % 4 * 2 & 3)])
XY_ELEMENTWISE(pshufhw, u16, 16, i & 4 ? b->u16[(i & ~3) + (imm >> i % 4 * 2 & 3)] : b->u16[i])
XY_ELEMENTWISE(shufps, u32, 32, (i & 2 ? b : a)->u32[(i & ~3) + (imm >> i % 4 * 2 & 3)])
XY_ELEMENTWISE(shufpd, u64, 64, (i & 1 ? b : a)->u64[(i & ~1) + (imm >> i & 1)])
XY_ELEMENTWISE(permilpd_imm, u64, 64, b->u64[(i & ~1) + (imm >> i & 1)])
ELEMENTWISE(permq, u64, 64, b->u64[imm >> i * 2 & 3])
Y_OF_C(permq)
XY_ELEMENTWISE(blendps, u32, 32, (imm >> i & 1 ? b : a)->u32[i])
XY_ELEMENTWISE(blendpd, u64, 64, (imm >> i & 1 ? b : a)->u64[i])
XY_ELEMENTWISE(pblendw, u16, 16, (imm >> i % 8 & 1 ? b : a)->u16[i])
XY_ELEMENTWISE(broadcastb, u8, 8, b->u8[0])
XY_ELEMENTWISE(broadcastw, u16, 16, b->u16[0])
XY_ELEMENTWISE(broadcastd, u32, 32, b->u32[0])
XY_ELEMENTWISE(broadcastq, u64, 64, b->u64[0])
XY_ELEMENTWISE(broadcast128, u64, 64, b->u64[i & 1])

/* Byte i + imm of lanes of n bytes, a's above b's. */
static inline uint8_t aligned_byte(const union vec *a, const union vec *b, unsigned i, unsigned imm,
                                   unsigned n)
{
    unsigned at = i % n + imm, lane = i - i % n;

    return at < n ? b->u8[lane + at] : at < 2 * n ? a->u8[lane + at - n] : 0;
}
XY_ELEMENTWISE(palignr, u8, 8, aligned_byte(a, b, i, imm, 16))

KERNEL(mm_palignr)
{
    union vec r;

    for (unsigned i = 0; i < 8; i++)
        r.u8[i] = aligned_byte(a, b, i, imm, 8);
    d->u64[0] = r.u64[0];
}

/* Each half of the result is one of four halves, or zero. */
KERNEL(y_perm2f128)
{
    union vec r = { 0 };

    for (unsigned i = 0; i < 2; i++, imm >>= 4)
        if (!(imm & 8))
            memcpy(&r.u64[i * 2], &(imm & 2 ? b : a)->u64[(imm & 1) * 2], 16);
    *d = r;
}

KERNEL(y_insert128)
{
    union vec r = *a;

    memcpy(&r.u64[(imm & 1) * 2], b, 16);
    *d = r;
}

KERNEL(y_extract128)
{
    union vec r = { .u64 = { b->u64[(imm & 1) * 2], b->u64[(imm & 1) * 2 + 1] } };

    *d = r;
}

/* ---- Shuffles by vector ---- */

X_BINARY(unpcklps)
X_BINARY(unpcklpd)
X_BINARY(unpckhps)
X_BINARY(unpckhpd)
Y_BINARY(unpcklps)
Y_BINARY(unpcklpd)
Y_BINARY(unpckhps)
Y_BINARY(unpckhpd)
VX_BINARY(permilps)
VX_BINARY(permilpd)
Y_BINARY(permilps)
Y_BINARY(permilpd)
Y_BINARY(permps)
Y_BINARY(permd)

/* d comes as the mask: the sign bits of elements u that are taken of b. */
#define BLEND(name, u, s, bits) XY_ELEMENTWISE(name, u, bits, (d->s[i] < 0 ? b : a)->u[i])
BLEND(pblendvb, u8, s8, 8)
BLEND(blendvps, u32, s32, 32)
BLEND(blendvpd, u64, s64, 64)

/* ---- Table ---- */

// clang-format off
#define V     KIND_V, KIND_V
#define AVX   ISA_AVX, ISA_AVX
#define IMM2(map, pp, opcode, legacy, y256, flags, name)                                           \
    { map, pp, opcode, 0, V, SIZE_FULL, { legacy, ISA_AVX, y256 }, flags, .x = x_##name, .y = y_##name }
#define LOAD_STORE(pp, load, store, isa, how)                                                    \
    { MAP_0F, pp, load,  0, V, SIZE_FULL, { isa, AVX }, .flags = how },                                   \
    { MAP_0F, pp, store, 0, V, SIZE_FULL, { isa, AVX }, .flags = V_TO_RM | how }
#define SCALAR(pp, isa, size, name)                                                                \
    { MAP_0F, pp, 0x10, 0, V, size, { isa, AVX }, .flags = V_MEM | V_LIG },                                 \
    { MAP_0F, pp, 0x11, 0, V, size, { isa, AVX }, .flags = V_MEM | V_LIG | V_TO_RM },                       \
    { MAP_0F, pp, 0x10, 0, V, 0, { isa, AVX }, V_REG | V_LIG | V_NDS, .x = x_##name },             \
    { MAP_0F, pp, 0x11, 0, V, 0, { isa, AVX }, V_REG | V_LIG | V_NDS | V_TO_RM, .x = x_##name }
#define HALVES(pp, isa)                                                                            \
    { MAP_0F, pp, 0x12, 0, V, 8, { isa, ISA_AVX }, V_MEM | V_NDS, .x = x_movsd },                  \
    { MAP_0F, pp, 0x13, 0, V, 8, { isa, ISA_AVX }, .flags = V_MEM | V_TO_RM },                              \
    { MAP_0F, pp, 0x16, 0, V, 8, { isa, ISA_AVX }, V_MEM | V_NDS, .x = x_movlhps },                \
    { MAP_0F, pp, 0x17, 0, V, 8, { isa, ISA_AVX }, V_MEM | V_TO_RM, .x = x_high64 }
#define EXTRACT(opcode, size, flags, name)                                                         \
    { MAP_0F3A, PFX_66, opcode, 0, KIND_G, KIND_V, size, { ISA_SSE41, ISA_AVX }, V_TO_RM | flags, .x = x_##name }
#define INSERT(opcode, size, flags, name)                                                          \
    { MAP_0F3A, PFX_66, opcode, 0, KIND_V, KIND_G, size, { ISA_SSE41, ISA_AVX }, V_NDS | flags, .x = x_##name }
#define BROADCAST(opcode, size, isa128, isa256, flags, name)                                       \
    { MAP_0F38, PFX_66, opcode, 0, V, size, { 0, isa128, isa256 }, V_W0 | flags, .x = x_##name, .y = y_##name }
#define LANES(map, opcode, size, isa, flags, name)                                                 \
    { map, PFX_66, opcode, 0, V, size, { 0, 0, isa }, flags, .y = y_##name }
#define BLENDV(opcode, name)                                                                  \
    { MAP_0F38, PFX_66, opcode, 0, V, SIZE_FULL, { ISA_SSE41, 0, 0 }, V_THIRD, .x = x_##name }

static const struct vec_op rows[] = {
    LOAD_STORE(PFX_NONE, 0x10, 0x11, ISA_SSE, V_UNALIGN), LOAD_STORE(PFX_66, 0x10, 0x11, ISA_SSE2, V_UNALIGN),
    LOAD_STORE(PFX_NONE, 0x28, 0x29, ISA_SSE, V_ALIGN),   LOAD_STORE(PFX_66, 0x28, 0x29, ISA_SSE2, V_ALIGN),
    LOAD_STORE(PFX_66, 0x6f, 0x7f, ISA_SSE2, V_ALIGN),    LOAD_STORE(PFX_F3, 0x6f, 0x7f, ISA_SSE2, V_UNALIGN),
    { MAP_0F, PFX_F2, 0xf0, 0, V, SIZE_FULL, { ISA_SSE3, AVX }, .flags = V_MEM | V_UNALIGN },
    { MAP_0F38, PFX_66, 0x2a, 0, V, SIZE_FULL, { ISA_SSE41, ISA_AVX, ISA_AVX2 }, .flags = V_MEM | V_ALIGN },
    { MAP_0F, PFX_NONE, 0x2b, 0, V, SIZE_FULL, { ISA_SSE, AVX }, .flags = V_MEM | V_ALIGN | V_TO_RM },
    { MAP_0F, PFX_66, 0x2b, 0, V, SIZE_FULL, { ISA_SSE2, AVX }, .flags = V_MEM | V_ALIGN | V_TO_RM },
    { MAP_0F, PFX_66, 0xe7, 0, V, SIZE_FULL, { ISA_SSE2, AVX }, .flags = V_MEM | V_ALIGN | V_TO_RM },
    { MAP_0F, PFX_NONE, 0xe7, 0, KIND_MM, KIND_MM, 8, { ISA_SSE }, .flags = V_MEM | V_TO_RM },

    SCALAR(PFX_F3, ISA_SSE, 4, movss), SCALAR(PFX_F2, ISA_SSE2, 8, movsd),
    HALVES(PFX_NONE, ISA_SSE), HALVES(PFX_66, ISA_SSE2),
    { MAP_0F, PFX_NONE, 0x12, 0, V, 0, { ISA_SSE, ISA_AVX }, V_REG | V_NDS, .x = x_movhlps },
    { MAP_0F, PFX_NONE, 0x16, 0, V, 0, { ISA_SSE, ISA_AVX }, V_REG | V_NDS, .x = x_movlhps },
    IMM2(MAP_0F, PFX_F3, 0x12, ISA_SSE3, ISA_AVX, 0, movsldup),
    IMM2(MAP_0F, PFX_F3, 0x16, ISA_SSE3, ISA_AVX, 0, movshdup),
    { MAP_0F, PFX_F2, 0x12, 0, V, 8, { ISA_SSE3, ISA_AVX }, 0, .x = x_movddup },
    { MAP_0F, PFX_F2, 0x12, 0, V, SIZE_FULL, { 0, 0, ISA_AVX }, 0, .y = y_movddup },

    { MAP_0F, PFX_NONE, 0x6f, 0, KIND_MM, KIND_MM, 8, { ISA_MMX }, .flags = 0 },
    { MAP_0F, PFX_NONE, 0x7f, 0, KIND_MM, KIND_MM, 8, { ISA_MMX }, .flags = V_TO_RM },
    { MAP_0F, PFX_NONE, 0x6e, 0, KIND_MM, KIND_G, 4, { ISA_MMX }, V_NARROW, .x = x_low32 },
    { MAP_0F, PFX_NONE, 0x6e, 0, KIND_MM, KIND_G, 8, { ISA_MMX }, .flags = V_WIDE },
    { MAP_0F, PFX_66, 0x6e, 0, KIND_V, KIND_G, 4, { ISA_SSE2, ISA_AVX }, V_NARROW, .x = x_low32 },
    { MAP_0F, PFX_66, 0x6e, 0, KIND_V, KIND_G, 8, { ISA_SSE2, ISA_AVX }, .flags = V_WIDE },
    { MAP_0F, PFX_NONE, 0x7e, 0, KIND_G, KIND_MM, 4, { ISA_MMX }, V_TO_RM | V_NARROW, .x = x_low32 },
    { MAP_0F, PFX_NONE, 0x7e, 0, KIND_G, KIND_MM, 8, { ISA_MMX }, V_TO_RM | V_WIDE, .x = x_low64 },
    { MAP_0F, PFX_66, 0x7e, 0, KIND_G, KIND_V, 4, { ISA_SSE2, ISA_AVX }, V_TO_RM | V_NARROW, .x = x_low32 },
    { MAP_0F, PFX_66, 0x7e, 0, KIND_G, KIND_V, 8, { ISA_SSE2, ISA_AVX }, V_TO_RM | V_WIDE, .x = x_low64 },
    { MAP_0F, PFX_F3, 0x7e, 0, V, 8, { ISA_SSE2, ISA_AVX }, 0, .x = x_movq },
    { MAP_0F, PFX_66, 0xd6, 0, V, 8, { ISA_SSE2, ISA_AVX }, .flags = V_MEM | V_TO_RM },
    { MAP_0F, PFX_66, 0xd6, 0, V, 0, { ISA_SSE2, ISA_AVX }, V_REG | V_TO_RM, .x = x_movq },
    { MAP_0F, PFX_F3, 0xd6, 0, KIND_V, KIND_MM, 0, { ISA_SSE2 }, V_REG, .x = x_zero_extend },
    { MAP_0F, PFX_F2, 0xd6, 0, KIND_MM, KIND_V, 0, { ISA_SSE2 }, V_REG, .x = x_low64 },
    { MAP_0F, PFX_NONE, 0x50, 0, KIND_G, KIND_V, 0, { ISA_SSE, AVX }, V_REG, .x = x_movmskps, .y = y_movmskps },
    { MAP_0F, PFX_66, 0x50, 0, KIND_G, KIND_V, 0, { ISA_SSE2, AVX }, V_REG, .x = x_movmskpd, .y = y_movmskpd },

    { MAP_0F, PFX_NONE, 0xc4, 0, KIND_MM, KIND_G, 2, { ISA_SSE }, 0, .x = x_pinsrw_mm },
    { MAP_0F, PFX_66, 0xc4, 0, KIND_V, KIND_G, 2, { ISA_SSE2, ISA_AVX }, V_NDS, .x = x_pinsrw },
    { MAP_0F, PFX_NONE, 0xc5, 0, KIND_G, KIND_MM, 0, { ISA_SSE }, V_REG, .x = x_pextrw_mm },
    { MAP_0F, PFX_66, 0xc5, 0, KIND_G, KIND_V, 0, { ISA_SSE2, ISA_AVX }, V_REG, .x = x_pextrw },
    EXTRACT(0x14, 1, 0, pextrb), EXTRACT(0x15, 2, 0, pextrw), EXTRACT(0x17, 4, 0, pextrd),
    EXTRACT(0x16, 4, V_NARROW, pextrd), EXTRACT(0x16, 8, V_WIDE, pextrq),
    INSERT(0x20, 1, 0, pinsrb), INSERT(0x22, 4, V_NARROW, pinsrd), INSERT(0x22, 8, V_WIDE, pinsrq),
    { MAP_0F3A, PFX_66, 0x21, 0, V, 0, { ISA_SSE41, ISA_AVX }, V_REG | V_NDS, .x = x_insertps },
    { MAP_0F3A, PFX_66, 0x21, 0, V, 4, { ISA_SSE41, ISA_AVX }, V_MEM | V_NDS, .x = x_insertps_mem },

    { MAP_0F, PFX_NONE, 0x70, 0, KIND_MM, KIND_MM, 8, { ISA_SSE }, 0, .x = x_pshuflw },
    IMM2(MAP_0F, PFX_66, 0x70, ISA_SSE2, ISA_AVX2, 0, pshufd),
    IMM2(MAP_0F, PFX_F3, 0x70, ISA_SSE2, ISA_AVX2, 0, pshufhw),
    IMM2(MAP_0F, PFX_F2, 0x70, ISA_SSE2, ISA_AVX2, 0, pshuflw),
    IMM2(MAP_0F, PFX_NONE, 0xc6, ISA_SSE, ISA_AVX, V_NDS, shufps),
    IMM2(MAP_0F, PFX_66, 0xc6, ISA_SSE2, ISA_AVX, V_NDS, shufpd),
    IMM2(MAP_0F, PFX_NONE, 0x14, ISA_SSE, ISA_AVX, V_NDS, unpcklps),
    IMM2(MAP_0F, PFX_66, 0x14, ISA_SSE2, ISA_AVX, V_NDS, unpcklpd),
    IMM2(MAP_0F, PFX_NONE, 0x15, ISA_SSE, ISA_AVX, V_NDS, unpckhps),
    IMM2(MAP_0F, PFX_66, 0x15, ISA_SSE2, ISA_AVX, V_NDS, unpckhpd),
    IMM2(MAP_0F3A, PFX_66, 0x0c, ISA_SSE41, ISA_AVX, V_NDS, blendps),
    IMM2(MAP_0F3A, PFX_66, 0x0d, ISA_SSE41, ISA_AVX, V_NDS, blendpd),
    IMM2(MAP_0F3A, PFX_66, 0x0e, ISA_SSE41, ISA_AVX2, V_NDS, pblendw),
    IMM2(MAP_0F3A, PFX_66, 0x0f, ISA_SSSE3, ISA_AVX2, V_NDS, palignr),
    { MAP_0F3A, PFX_NONE, 0x0f, 0, KIND_MM, KIND_MM, 8, { ISA_SSSE3 }, 0, .x = mm_palignr },
    { MAP_0F3A, PFX_66, 0x02, 0, V, SIZE_FULL, { 0, ISA_AVX2, ISA_AVX2 }, V_NDS | V_W0, .x = x_blendps, .y = y_blendps },

    BLENDV(0x10, pblendvb), BLENDV(0x14, blendvps), BLENDV(0x15, blendvpd),
    { MAP_0F3A, PFX_66, 0x4a, 0, V, SIZE_FULL, { 0, AVX }, V_NDS | V_W0 | V_THIRD, .x = x_blendvps, .y = y_blendvps },
    { MAP_0F3A, PFX_66, 0x4b, 0, V, SIZE_FULL, { 0, AVX }, V_NDS | V_W0 | V_THIRD, .x = x_blendvpd, .y = y_blendvpd },
    { MAP_0F3A, PFX_66, 0x4c, 0, V, SIZE_FULL, { 0, ISA_AVX, ISA_AVX2 }, V_NDS | V_W0 | V_THIRD, .x = x_pblendvb, .y = y_pblendvb },

    { MAP_0F3A, PFX_66, 0x04, 0, V, SIZE_FULL, { 0, AVX }, V_W0, .x = x_pshufd, .y = y_pshufd },
    { MAP_0F3A, PFX_66, 0x05, 0, V, SIZE_FULL, { 0, AVX }, V_W0, .x = x_permilpd_imm, .y = y_permilpd_imm },
    { MAP_0F38, PFX_66, 0x0c, 0, V, SIZE_FULL, { 0, AVX }, V_NDS | V_W0, .x = x_permilps, .y = y_permilps },
    { MAP_0F38, PFX_66, 0x0d, 0, V, SIZE_FULL, { 0, AVX }, V_NDS | V_W0, .x = x_permilpd, .y = y_permilpd },
    LANES(MAP_0F3A, 0x00, SIZE_FULL, ISA_AVX2, V_W1, permq), LANES(MAP_0F3A, 0x01, SIZE_FULL, ISA_AVX2, V_W1, permq),
    LANES(MAP_0F3A, 0x06, SIZE_FULL, ISA_AVX, V_NDS | V_W0, perm2f128),
    LANES(MAP_0F3A, 0x46, SIZE_FULL, ISA_AVX2, V_NDS | V_W0, perm2f128),
    LANES(MAP_0F3A, 0x18, 16, ISA_AVX, V_NDS | V_W0, insert128), LANES(MAP_0F3A, 0x38, 16, ISA_AVX2, V_NDS | V_W0, insert128),
    LANES(MAP_0F3A, 0x19, 16, ISA_AVX, V_TO_RM | V_W0, extract128), LANES(MAP_0F3A, 0x39, 16, ISA_AVX2, V_TO_RM | V_W0, extract128),
    LANES(MAP_0F38, 0x16, SIZE_FULL, ISA_AVX2, V_NDS | V_W0, permps), LANES(MAP_0F38, 0x36, SIZE_FULL, ISA_AVX2, V_NDS | V_W0, permd),
    BROADCAST(0x18, 4, ISA_AVX, ISA_AVX, V_MEM, broadcastd), BROADCAST(0x18, 0, ISA_AVX2, ISA_AVX2, V_REG, broadcastd),
    BROADCAST(0x19, 8, 0, ISA_AVX, V_MEM, broadcastq),       BROADCAST(0x19, 0, 0, ISA_AVX2, V_REG, broadcastq),
    BROADCAST(0x1a, 16, 0, ISA_AVX, V_MEM, broadcast128),    BROADCAST(0x5a, 16, 0, ISA_AVX2, V_MEM, broadcast128),
    BROADCAST(0x58, 4, ISA_AVX2, ISA_AVX2, 0, broadcastd),   BROADCAST(0x59, 8, ISA_AVX2, ISA_AVX2, 0, broadcastq),
    BROADCAST(0x78, 1, ISA_AVX2, ISA_AVX2, 0, broadcastb),   BROADCAST(0x79, 2, ISA_AVX2, ISA_AVX2, 0, broadcastw),
};
// clang-format on

VEC_TABLE(vec_move_table, rows);
