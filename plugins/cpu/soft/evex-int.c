/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-int - packed integers with EVEX: arithmetic, logic, comparisons, shifts, counting, sums of
 * products, Galois fields, AES.
 *
 * Intel SDM volume 2.  The lists give kernels first, rows at the end.
 */
#include "evex-kernel.h"

// clang-format off
/* ---- Lists ---- */

#define F  ISA_AVX512F
#define BW ISA_AVX512BW
#define DQ ISA_AVX512DQ
#define CD ISA_AVX512CD

/* X(map, opcode, name, element): d = a op b of bytes and words, with W ignored */
#define NARROW(X)                                                                                  \
    X(MAP_0F, 0xd5, pmullw,  2) X(MAP_0F, 0xd8, psubusb, 1) X(MAP_0F, 0xd9, psubusw, 2)            \
    X(MAP_0F, 0xda, pminub,  1) X(MAP_0F, 0xdc, paddusb, 1) X(MAP_0F, 0xdd, paddusw, 2)            \
    X(MAP_0F, 0xde, pmaxub,  1) X(MAP_0F, 0xe0, pavgb,   1) X(MAP_0F, 0xe3, pavgw,   2)            \
    X(MAP_0F, 0xe4, pmulhuw, 2) X(MAP_0F, 0xe5, pmulhw,  2) X(MAP_0F, 0xe8, psubsb,  1)            \
    X(MAP_0F, 0xe9, psubsw,  2) X(MAP_0F, 0xea, pminsw,  2) X(MAP_0F, 0xec, paddsb,  1)            \
    X(MAP_0F, 0xed, paddsw,  2) X(MAP_0F, 0xee, pmaxsw,  2) X(MAP_0F, 0xf8, psubb,   1)            \
    X(MAP_0F, 0xf9, psubw,   2) X(MAP_0F, 0xfc, paddb,   1) X(MAP_0F, 0xfd, paddw,   2)            \
    X(MAP_0F38, 0x0b, pmulhrsw, 2)                                                                 \
    X(MAP_0F38, 0x38, pminsb, 1) X(MAP_0F38, 0x3a, pminuw, 2)                                      \
    X(MAP_0F38, 0x3c, pmaxsb, 1) X(MAP_0F38, 0x3e, pmaxuw, 2)

/* X(map, opcode, name): the same of doublewords with W0, of quadwords with W1 */
#define PAIRS(X)                                                                                   \
    X(MAP_0F, 0xdb, pand) X(MAP_0F, 0xdf, pandn) X(MAP_0F, 0xeb, por) X(MAP_0F, 0xef, pxor)        \
    X(MAP_0F38, 0x14, prorv) X(MAP_0F38, 0x15, prolv) X(MAP_0F38, 0x39, pmins)                     \
    X(MAP_0F38, 0x3b, pminu) X(MAP_0F38, 0x3d, pmaxs) X(MAP_0F38, 0x3f, pmaxu)                     \
    X(MAP_0F38, 0x45, psrlv) X(MAP_0F38, 0x46, psrav) X(MAP_0F38, 0x47, psllv)

/* X(map, opcode, w, name, element, tuple, isa, flags): the other binary operations */
#define BINARY(X)                                                                                  \
    X(MAP_0F,   0xd4, W_1, paddq,   8, FULL, F, 0)  X(MAP_0F,   0xf4, W_1, pmuludq, 8, FULL, F, 0) \
    X(MAP_0F,   0xfa, W_0, psubd,   4, FULL, F, 0)  X(MAP_0F,   0xfb, W_1, psubq,   8, FULL, F, 0) \
    X(MAP_0F,   0xfe, W_0, paddd,   4, FULL, F, 0)  X(MAP_0F38, 0x28, W_1, pmuldq,  8, FULL, F, 0) \
    X(MAP_0F38, 0x40, W_0, pmulld,  4, FULL, F, 0)                                                 \
    X(MAP_0F38, 0x40, W_1, pmullq,  8, FULL,     DQ, 0)                                            \
    X(MAP_0F38, 0x10, W_1, psrlvw,  2, FULL_MEM, BW, 0)                                            \
    X(MAP_0F38, 0x11, W_1, psravw,  2, FULL_MEM, BW, 0)                                            \
    X(MAP_0F38, 0x12, W_1, psllvw,  2, FULL_MEM, BW, 0)                                            \
    X(MAP_0F, 0xf5, W_ANY, pmaddwd, 4, FULL_MEM, BW, E_WHOLE)                                      \
    X(MAP_0F38, 0x04, W_ANY, pmaddubsw, 2, FULL_MEM, BW, E_WHOLE)                                  \
    X(MAP_0F38, 0xcf, W_0, gf2p8mulb, 1, FULL_MEM, ISA_GFNI, 0)

/* X(map, opcode, name, isa): those without a mask */
#define UNMASKED(X)                                                                                \
    X(MAP_0F, 0xf6, psadbw, BW)                                                                    \
    X(MAP_0F38, 0xdc, aesenc, ISA_VAES) X(MAP_0F38, 0xdd, aesenclast, ISA_VAES)                    \
    X(MAP_0F38, 0xde, aesdec, ISA_VAES) X(MAP_0F38, 0xdf, aesdeclast, ISA_VAES)

/* X(opcode, w, name, element, tuple, isa): d is a source, too */
#define SUMS(X)                                                                                    \
    X(0x50, W_0, pdpbusd, 4, FULL, ISA_VNNI)       X(0x51, W_0, pdpbusds, 4, FULL, ISA_VNNI)       \
    X(0x52, W_0, pdpwssd, 4, FULL, ISA_VNNI)       X(0x53, W_0, pdpwssds, 4, FULL, ISA_VNNI)       \
    X(0xb4, W_1, pmadd52luq, 8, FULL, ISA_IFMA)    X(0xb5, W_1, pmadd52huq, 8, FULL, ISA_IFMA)     \
    X(0x70, W_1, pshldvw, 2, FULL_MEM, ISA_VBMI2)  X(0x72, W_1, pshrdvw, 2, FULL_MEM, ISA_VBMI2)   \
    X(0x71, W_0, pshldvd, 4, FULL, ISA_VBMI2)      X(0x71, W_1, pshldvq, 8, FULL, ISA_VBMI2)       \
    X(0x73, W_0, pshrdvd, 4, FULL, ISA_VBMI2)      X(0x73, W_1, pshrdvq, 8, FULL, ISA_VBMI2)

/* X(opcode, w, name, element, tuple, isa, flags): d = op b */
#define UNARY(X)                                                                                   \
    X(0x1c, W_ANY, pabsb, 1, FULL_MEM, BW, 0)                                                      \
    X(0x1d, W_ANY, pabsw, 2, FULL_MEM, BW, 0)                                                      \
    X(0x1e, W_0, pabsd,   4, FULL, F, 0)              X(0x1f, W_1, pabsq,   8, FULL, F, 0)         \
    X(0x44, W_0, plzcntd, 4, FULL, CD, 0)   X(0x44, W_1, plzcntq, 8, FULL, CD, 0)                  \
    X(0x54, W_0, popcntb, 1, FULL_MEM, ISA_BITALG, 0) X(0x54, W_1, popcntw, 2, FULL_MEM, ISA_BITALG, 0) \
    X(0x55, W_0, popcntd, 4, FULL, ISA_VPOPCNTDQ, 0)  X(0x55, W_1, popcntq, 8, FULL, ISA_VPOPCNTDQ, 0) \
    X(0xc4, W_0, pconflictd, 4, FULL, CD, E_WHOLE)                                                 \
    X(0xc4, W_1, pconflictq, 8, FULL, CD, E_WHOLE)

/* X(map, pp, opcode, w, name, element, tuple, isa): comparisons into a mask */
#define COMPARISONS(X)                                                                             \
    X(MAP_0F,   PFX_66, 0x64, W_ANY, pcmpgtb, 1, FULL_MEM, BW)                                     \
    X(MAP_0F,   PFX_66, 0x65, W_ANY, pcmpgtw, 2, FULL_MEM, BW)                                     \
    X(MAP_0F,   PFX_66, 0x66, W_0, pcmpgtd, 4, FULL, F)                                            \
    X(MAP_0F38, PFX_66, 0x37, W_1, pcmpgtq, 8, FULL, F)                                            \
    X(MAP_0F,   PFX_66, 0x74, W_ANY, pcmpeqb, 1, FULL_MEM, BW)                                     \
    X(MAP_0F,   PFX_66, 0x75, W_ANY, pcmpeqw, 2, FULL_MEM, BW)                                     \
    X(MAP_0F,   PFX_66, 0x76, W_0, pcmpeqd, 4, FULL, F)                                            \
    X(MAP_0F38, PFX_66, 0x29, W_1, pcmpeqq, 8, FULL, F)                                            \
    X(MAP_0F38, PFX_66, 0x26, W_0, ptestmb, 1, FULL_MEM, BW)                                       \
    X(MAP_0F38, PFX_66, 0x26, W_1, ptestmw, 2, FULL_MEM, BW)                                       \
    X(MAP_0F38, PFX_66, 0x27, W_0, ptestmd, 4, FULL, F)                                            \
    X(MAP_0F38, PFX_66, 0x27, W_1, ptestmq, 8, FULL, F)                                            \
    X(MAP_0F38, PFX_F3, 0x26, W_0, ptestnmb, 1, FULL_MEM, BW)                                      \
    X(MAP_0F38, PFX_F3, 0x26, W_1, ptestnmw, 2, FULL_MEM, BW)                                      \
    X(MAP_0F38, PFX_F3, 0x27, W_0, ptestnmd, 4, FULL, F)                                           \
    X(MAP_0F38, PFX_F3, 0x27, W_1, ptestnmq, 8, FULL, F)                                           \
    X(MAP_0F38, PFX_66, 0x8f, W_0, pshufbitqmb, 1, FULL_MEM, ISA_BITALG)

/* X(opcode, w, name, element, tuple, isa): those by one of eight predicates */
#define PREDICATES(X)                                                                              \
    X(0x3e, W_0, pcmpub, 1, FULL_MEM, BW) X(0x3e, W_1, pcmpuw, 2, FULL_MEM, BW)                    \
    X(0x3f, W_0, pcmpb,  1, FULL_MEM, BW) X(0x3f, W_1, pcmpw,  2, FULL_MEM, BW)                    \
    X(0x1e, W_0, pcmpud, 4, FULL, F)                X(0x1e, W_1, pcmpuq, 8, FULL, F)               \
    X(0x1f, W_0, pcmpd,  4, FULL, F)                X(0x1f, W_1, pcmpq,  8, FULL, F)

/* X(opcode by XMM register, opcode by imm8, ModRM.reg, w, name, element, tuple, isa): shifts by one
 * count */
#define SHIFTS(X)                                                                                  \
    X(0xd1, 0x71, 2, W_ANY, psrlw, 2, FULL_MEM, BW)                                                \
    X(0xe1, 0x71, 4, W_ANY, psraw, 2, FULL_MEM, BW)                                                \
    X(0xf1, 0x71, 6, W_ANY, psllw, 2, FULL_MEM, BW)                                                \
    X(0xd2, 0x72, 2, W_0, psrld, 4, FULL, F) X(0xd3, 0x73, 2, W_1, psrlq, 8, FULL, F)              \
    X(0xe2, 0x72, 4, W_0, psrad, 4, FULL, F) X(0xe2, 0x72, 4, W_1, psraq, 8, FULL, F)              \
    X(0xf2, 0x72, 6, W_0, pslld, 4, FULL, F) X(0xf3, 0x73, 6, W_1, psllq, 8, FULL, F)

/* X(ModRM.reg, w, name, element): rotations by imm8 */
#define ROTATIONS(X)                                                                               \
    X(0, W_0, prord, 4) X(0, W_1, prorq, 8) X(1, W_0, prold, 4) X(1, W_1, prolq, 8)

/* X(opcode, w, name, element, tuple, isa, flags, n): d = a op b, by imm8, modulo n */
#define BINARY_IMMEDIATE(X)                                                                        \
    X(0x25, W_0, pternlogd, 4, FULL, F, E_SUM, 256) X(0x25, W_1, pternlogq, 8, FULL, F, E_SUM, 256) \
    X(0x42, W_0, dbpsadbw, 2, FULL_MEM, BW, E_WHOLE, 256)                                          \
    X(0x70, W_1, pshldw, 2, FULL_MEM, ISA_VBMI2, 0, 16) X(0x72, W_1, pshrdw, 2, FULL_MEM, ISA_VBMI2, 0, 16) \
    X(0x71, W_0, pshldd, 4, FULL, ISA_VBMI2, 0, 32)     X(0x73, W_0, pshrdd, 4, FULL, ISA_VBMI2, 0, 32) \
    X(0x71, W_1, pshldq, 8, FULL, ISA_VBMI2, 0, 64)     X(0x73, W_1, pshrdq, 8, FULL, ISA_VBMI2, 0, 64) \
    X(0xce, W_1, gf2p8affineqb, 1, FULL, ISA_GFNI, E_WHOLE, 256)                                   \
    X(0xcf, W_1, gf2p8affineinvqb, 1, FULL, ISA_GFNI, E_WHOLE, 256)
// clang-format on

/* ---- Kernels ---- */

#define X(map, opcode, name, element) Z_BINARY(name)
NARROW(X)
#undef X

#define X(map, opcode, name) Z_BINARY(name##d) Z_BINARY(name##q)
PAIRS(X)
#undef X

#define X(map, opcode, w, name, ...) Z_BINARY(name)
BINARY(X)
#undef X

#define X(map, opcode, name, isa) Z_ASM(z_##name, "v" #name " %g[b], %g[a], %g[r]")
UNMASKED(X)
#undef X

#define X(opcode, w, name, ...) Z_BINARY(name)
SUMS(X)
#undef X

#define X(opcode, w, name, ...) Z_UNARY(name)
UNARY(X)
#undef X

#define X(map, pp, opcode, w, name, ...) K_ASM(k_##name, "v" #name " %g[b], %g[a], %[r] %{%[k]%}")
COMPARISONS(X)
#undef X

#define X(opcode, w, name, ...)                                                                    \
    K_ASM_IMMEDIATE(k_##name, 8, "v" #name " $.Limm, %g[b], %g[a], %[r] %{%[k]%}")
PREDICATES(X)
#undef X

/* The count of all elements is in the low 8 bytes of b. */
#define X(opcode, opcode_imm, ext, w, name, ...)                                                   \
    Z_ASM(z_##name, "v" #name " %x[b], %g[a], %g[r] %{%[k]%}")                                     \
    EVEX_KERNEL(z_##name##_imm)                                                                    \
    {                                                                                              \
        union vec count = { .u64 = { imm } };                                                      \
                                                                                                   \
        z_##name(d, b, &count, mask, 0);                                                           \
    }
SHIFTS(X)
#undef X

#define X(ext, w, name, element) Z_UNARY_IMMEDIATE(name, (element * 8))
ROTATIONS(X)
#undef X

#define X(opcode, w, name, element, tuple, isa, flags, n) Z_BINARY_IMMEDIATE(name, n)
BINARY_IMMEDIATE(X)
#undef X

/* Bytes of each lane moved up or down, zeroes coming in. */
static void shift_bytes(union vec *d, const union vec *b, int by)
{
    for (int i = 0; i < 64; i++) {
        int from = i % 16 + by;

        d->u8[i] = from >= 0 && from < 16 ? b->u8[i - i % 16 + from] : 0;
    }
}

EVEX_KERNEL(z_psrldq)
{
    shift_bytes(d, b, imm);
}

EVEX_KERNEL(z_pslldq)
{
    shift_bytes(d, b, -(int)imm);
}

/* One half of each lane of a and b. */
EVEX_KERNEL(z_pclmulqdq)
{
    union vec left, right;
    __m512i r;

    for (unsigned i = 0; i < 8; i++) {
        left.u64[i] = a->u64[(i & ~1u) + (imm & 1)];
        right.u64[i] = b->u64[(i & ~1u) + (imm >> 4 & 1)];
    }
    asm volatile("vpclmulqdq $0, %2, %1, %0" : "=v"(r) : "v"(Z_OF(&left)), "v"(Z_OF(&right)));
    *(__m512i *)d = r;
}

/* ---- Table ---- */

// clang-format off
/* What is broadcast has 8 bytes with W, 4 without, whatever the mask's elements. */
#define ROW(map, pp, opcode, ext, w, element, tuple, dst, isa, flags, kernel)                      \
    { map, pp, opcode, ext, w, element, 0, TUPLE_##tuple, (w) == W_1 ? 8 : 4, dst, KIND_V, LENGTHS, isa, flags, K_ALL(kernel) }
#define ROW_V(map, opcode, w, element, tuple, isa, flags, kernel)                                  \
    ROW(map, PFX_66, opcode, 0, w, element, tuple, KIND_V, isa, flags, kernel)
#define ROW_GROUP(opcode, ext, w, element, tuple, isa, flags, kernel)                              \
    ROW(MAP_0F, PFX_66, opcode, EXT(ext), w, element, tuple, KIND_V, isa, E_NDD | (flags), kernel)

static const struct evex_op rows[] = {
#define X(map, opcode, name, element)                                                              \
    ROW_V(map, opcode, W_ANY, element, FULL_MEM, BW, E_NDS, z_##name),
    NARROW(X)
#undef X
#define X(map, opcode, name)                                                                       \
    ROW_V(map, opcode, W_0, 4, FULL, F, E_NDS, z_##name##d),                                       \
    ROW_V(map, opcode, W_1, 8, FULL, F, E_NDS, z_##name##q),
    PAIRS(X)
#undef X
#define X(map, opcode, w, name, element, tuple, isa, flags)                                        \
    ROW_V(map, opcode, w, element, tuple, isa, E_NDS | flags, z_##name),
    BINARY(X)
#undef X
#define X(map, opcode, name, isa)                                                                  \
    ROW_V(map, opcode, W_ANY, 8, FULL_MEM, isa, E_NDS | E_NO_MASK, z_##name),
    UNMASKED(X)
#undef X
#define X(opcode, w, name, element, tuple, isa)                                                    \
    ROW_V(MAP_0F38, opcode, w, element, tuple, isa, E_NDS | E_SUM, z_##name),
    SUMS(X)
#undef X
#define X(opcode, w, name, element, tuple, isa, flags)                                             \
    ROW_V(MAP_0F38, opcode, w, element, tuple, isa, flags, z_##name),
    UNARY(X)
#undef X
#define X(map, pp, opcode, w, name, element, tuple, isa)                                           \
    ROW(map, pp, opcode, 0, w, element, tuple, KIND_K, isa, E_NDS, k_##name),
    COMPARISONS(X)
#undef X
#define X(opcode, w, name, element, tuple, isa)                                                    \
    ROW(MAP_0F3A, PFX_66, opcode, 0, w, element, tuple, KIND_K, isa, E_NDS, k_##name),
    PREDICATES(X)
#undef X
#define X(opcode, opcode_imm, ext, w, name, element, tuple, isa)                                   \
    ROW_V(MAP_0F, opcode, w, element, 128, isa, E_NDS | E_WHOLE, z_##name),                        \
    ROW_GROUP(opcode_imm, ext, w, element, tuple, isa, 0, z_##name##_imm),
    SHIFTS(X)
#undef X
#define X(ext, w, name, element) ROW_GROUP(0x72, ext, w, element, FULL, F, 0, z_##name),
    ROTATIONS(X)
#undef X
#define X(opcode, w, name, element, tuple, isa, flags, n)                                          \
    ROW_V(MAP_0F3A, opcode, w, element, tuple, isa, E_NDS | flags, z_##name),
    BINARY_IMMEDIATE(X)
#undef X
    ROW_GROUP(0x73, 3, W_ANY, 8, FULL_MEM, BW, E_NO_MASK, z_psrldq),
    ROW_GROUP(0x73, 7, W_ANY, 8, FULL_MEM, BW, E_NO_MASK, z_pslldq),
    ROW_V(MAP_0F3A, 0x44, W_ANY, 8, FULL_MEM, ISA_VPCLMUL, E_NDS | E_NO_MASK, z_pclmulqdq),
};
// clang-format on

EVEX_TABLE(evex_int_table, rows);
