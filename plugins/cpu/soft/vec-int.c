/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-int - packed integers: arithmetic, logic, comparisons, shifts, packing, widening.
 *
 * Intel SDM volume 2.
 */
#include "vec-kernel.h"

/* ---- d = a op b, in MMX and vector registers ---- */

// clang-format off
/* X(map, opcode, name, isa of the mm form, bytes it reads, isa of the xmm form) */
#define BINARY(X)                                                                                  \
    X(MAP_0F, 0x60, punpcklbw, ISA_MMX,  4, ISA_SSE2) X(MAP_0F, 0x61, punpcklwd, ISA_MMX,  4, ISA_SSE2) \
    X(MAP_0F, 0x62, punpckldq, ISA_MMX,  4, ISA_SSE2) X(MAP_0F, 0x63, packsswb,  ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0x64, pcmpgtb,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0x65, pcmpgtw,   ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0x66, pcmpgtd,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0x67, packuswb,  ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0x68, punpckhbw, ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0x69, punpckhwd, ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0x6a, punpckhdq, ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0x6b, packssdw,  ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0x74, pcmpeqb,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0x75, pcmpeqw,   ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0x76, pcmpeqd,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xd4, paddq,     ISA_SSE2, 8, ISA_SSE2) \
    X(MAP_0F, 0xd5, pmullw,    ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xd8, psubusb,   ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0xd9, psubusw,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xda, pminub,    ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xdb, pand,      ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xdc, paddusb,   ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0xdd, paddusw,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xde, pmaxub,    ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xdf, pandn,     ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xe0, pavgb,     ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xe3, pavgw,     ISA_SSE,  8, ISA_SSE2) X(MAP_0F, 0xe4, pmulhuw,   ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xe5, pmulhw,    ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xe8, psubsb,    ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0xe9, psubsw,    ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xea, pminsw,    ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xeb, por,       ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xec, paddsb,    ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0xed, paddsw,    ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xee, pmaxsw,    ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xef, pxor,      ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xf4, pmuludq,   ISA_SSE2, 8, ISA_SSE2) \
    X(MAP_0F, 0xf5, pmaddwd,   ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xf6, psadbw,    ISA_SSE,  8, ISA_SSE2) \
    X(MAP_0F, 0xf8, psubb,     ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xf9, psubw,     ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0xfa, psubd,     ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xfb, psubq,     ISA_SSE2, 8, ISA_SSE2) \
    X(MAP_0F, 0xfc, paddb,     ISA_MMX,  8, ISA_SSE2) X(MAP_0F, 0xfd, paddw,     ISA_MMX,  8, ISA_SSE2) \
    X(MAP_0F, 0xfe, paddd,     ISA_MMX,  8, ISA_SSE2)                                              \
    X(MAP_0F38, 0x00, pshufb,   ISA_SSSE3, 8, ISA_SSSE3) X(MAP_0F38, 0x01, phaddw,    ISA_SSSE3, 8, ISA_SSSE3) \
    X(MAP_0F38, 0x02, phaddd,   ISA_SSSE3, 8, ISA_SSSE3) X(MAP_0F38, 0x03, phaddsw,   ISA_SSSE3, 8, ISA_SSSE3) \
    X(MAP_0F38, 0x04, pmaddubsw, ISA_SSSE3, 8, ISA_SSSE3) X(MAP_0F38, 0x05, phsubw,   ISA_SSSE3, 8, ISA_SSSE3) \
    X(MAP_0F38, 0x06, phsubd,   ISA_SSSE3, 8, ISA_SSSE3) X(MAP_0F38, 0x07, phsubsw,   ISA_SSSE3, 8, ISA_SSSE3) \
    X(MAP_0F38, 0x08, psignb,   ISA_SSSE3, 8, ISA_SSSE3) X(MAP_0F38, 0x09, psignw,    ISA_SSSE3, 8, ISA_SSSE3) \
    X(MAP_0F38, 0x0a, psignd,   ISA_SSSE3, 8, ISA_SSSE3) X(MAP_0F38, 0x0b, pmulhrsw,  ISA_SSSE3, 8, ISA_SSSE3)

/* X(map, opcode, name, isa): in vector registers only */
#define BINARY_V(X)                                                                                \
    X(MAP_0F, 0x6c, punpcklqdq, ISA_SSE2) X(MAP_0F, 0x6d, punpckhqdq, ISA_SSE2)                    \
    X(MAP_0F38, 0x28, pmuldq,  ISA_SSE41) X(MAP_0F38, 0x29, pcmpeqq, ISA_SSE41)                    \
    X(MAP_0F38, 0x2b, packusdw, ISA_SSE41) X(MAP_0F38, 0x37, pcmpgtq, ISA_SSE42)                   \
    X(MAP_0F38, 0x38, pminsb,  ISA_SSE41) X(MAP_0F38, 0x39, pminsd,  ISA_SSE41)                    \
    X(MAP_0F38, 0x3a, pminuw,  ISA_SSE41) X(MAP_0F38, 0x3b, pminud,  ISA_SSE41)                    \
    X(MAP_0F38, 0x3c, pmaxsb,  ISA_SSE41) X(MAP_0F38, 0x3d, pmaxsd,  ISA_SSE41)                    \
    X(MAP_0F38, 0x3e, pmaxuw,  ISA_SSE41) X(MAP_0F38, 0x3f, pmaxud,  ISA_SSE41)                    \
    X(MAP_0F38, 0x40, pmulld,  ISA_SSE41)

/* X(opcode, name): by the count in the low 8 bytes of an MMX or XMM register */
#define SHIFTS(X)                                                                                  \
    X(0xd1, psrlw) X(0xd2, psrld) X(0xd3, psrlq) X(0xe1, psraw) X(0xe2, psrad)                     \
    X(0xf1, psllw) X(0xf2, pslld) X(0xf3, psllq)

/* X(opcode, ModRM.reg, name): the same by imm8 */
#define SHIFTS_IMM(X)                                                                              \
    X(0x71, 2, psrlw) X(0x71, 4, psraw) X(0x71, 6, psllw)                                          \
    X(0x72, 2, psrld) X(0x72, 4, psrad) X(0x72, 6, pslld)                                          \
    X(0x73, 2, psrlq) X(0x73, 6, psllq)

/* X(opcode, name) */
#define ABSOLUTE(X) X(0x1c, pabsb) X(0x1d, pabsw) X(0x1e, pabsd)

/* X(opcode, name, size): sign- and zero-extension */
#define WIDEN(X)                                                                                   \
    X(0x20, pmovsxbw, SIZE_HALF) X(0x21, pmovsxbd, SIZE_QUARTER) X(0x22, pmovsxbq, SIZE_EIGHTH)    \
    X(0x23, pmovsxwd, SIZE_HALF) X(0x24, pmovsxwq, SIZE_QUARTER) X(0x25, pmovsxdq, SIZE_HALF)      \
    X(0x30, pmovzxbw, SIZE_HALF) X(0x31, pmovzxbd, SIZE_QUARTER) X(0x32, pmovzxbq, SIZE_EIGHTH)    \
    X(0x33, pmovzxwd, SIZE_HALF) X(0x34, pmovzxwq, SIZE_QUARTER) X(0x35, pmovzxdq, SIZE_HALF)

/* X(opcode, W, name): each element by its own count */
#define VARIABLE_SHIFTS(X)                                                                         \
    X(0x45, V_W0, psrlvd) X(0x45, V_W1, psrlvq) X(0x46, V_W0, psravd)                              \
    X(0x47, V_W0, psllvd) X(0x47, V_W1, psllvq)

/* X(opcode, name): products added to d */
#define SUMS(X) X(0x50, pdpbusd) X(0x51, pdpbusds) X(0x52, pdpwssd) X(0x53, pdpwssds)
// clang-format on

#define X(map, opcode, name, ...) MM_BINARY(name) X_BINARY(name) Y_BINARY(name)
BINARY(X)
#undef X

#define X(map, opcode, name, isa) X_BINARY(name) Y_BINARY(name)
BINARY_V(X)
#undef X

#define X(opcode, name) MM_BINARY(name) X_BINARY(name) VEX_BINARY(y_##name, name, __m256i, __m128i)
SHIFTS(X)
#undef X

#define IMM_KERNEL(kind, name)                                                                     \
    KERNEL(kind##_##name##_imm)                                                                    \
    {                                                                                              \
        union vec count = { .u64 = { imm } };                                                      \
                                                                                                   \
        kind##_##name(d, b, &count, 0);                                                            \
    }
#define X(opcode, ext, name) IMM_KERNEL(mm, name) IMM_KERNEL(x, name) IMM_KERNEL(y, name)
SHIFTS_IMM(X)
#undef X

#define X(opcode, name) MM_BINARY(name) X_BINARY(name) Y_UNARY(name)
ABSOLUTE(X)
#undef X

#define X(opcode, name, size) X_BINARY(name) VEX_UNARY(y_##name, name, __m256i, __m128i)
WIDEN(X)
#undef X

#define X(opcode, w, name) VX_BINARY(name) Y_BINARY(name)
VARIABLE_SHIFTS(X)
#undef X

/* Assemblers would take EVEX. */
#define SUM(name, op, T)                                                                           \
    TARGET_AVX KERNEL(name)                                                                        \
    {                                                                                              \
        T r = *(const T *)d;                                                                       \
                                                                                                   \
        asm volatile("%{vex%} v" #op " %2, %1, %0"                                                 \
                     : "+x"(r)                                                                     \
                     : "x"(*(const T *)a), "x"(*(const T *)b));                                    \
        *(T *)d = r;                                                                               \
    }
#define X(opcode, name) SUM(x_##name, name, __m128i) SUM(y_##name, name, __m256i)
SUMS(X)
#undef X

X_BINARY(phminposuw)
X_IMMEDIATE(x_mpsadbw, mpsadbw, 8)
VEX_BINARY_IMMEDIATE(y_mpsadbw, mpsadbw, __m256i, 64)
TO_GENERAL(x_pmovmskb, "pmovmskb", k, , __m128i)
TO_GENERAL(y_pmovmskb, "vpmovmskb", k, TARGET_AVX, __m256i)

/* The sign bits of eight bytes. */
KERNEL(mm_pmovmskb)
{
    union vec low = { .u64 = { b->u64[0] } };

    x_pmovmskb(d, a, &low, 0);
}

/* Bytes of each lane moved up or down, zeroes coming in. */
static inline void shift_bytes(union vec *d, const union vec *b, int by, unsigned bytes)
{
    union vec r = { 0 };

    for (unsigned i = 0; i < bytes; i++) {
        int from = (int)(i % 16) + by;

        if (from >= 0 && from < 16)
            r.u8[i] = b->u8[i / 16 * 16 + from];
    }
    memcpy(d, &r, bytes);
}

static inline void psrldq(union vec *d, const union vec *a, const union vec *b, unsigned imm,
                          unsigned bytes)
{
    shift_bytes(d, b, imm, bytes);
}

static inline void pslldq(union vec *d, const union vec *a, const union vec *b, unsigned imm,
                          unsigned bytes)
{
    shift_bytes(d, b, -(int)imm, bytes);
}
X_OF_C(psrldq)
Y_OF_C(psrldq)
X_OF_C(pslldq)
Y_OF_C(pslldq)

/* ---- Tables ---- */

// clang-format off
#define V KIND_V, KIND_V, SIZE_FULL
#define MM KIND_MM, KIND_MM, 8

static const struct vec_op rows[] = {
#define X(map, opcode, name, isa_mm, bytes, isa)                                                   \
    { map, PFX_NONE, opcode, 0, KIND_MM, KIND_MM, bytes, { isa_mm }, 0, .x = mm_##name },               \
    { map, PFX_66, opcode, 0, V, { isa, ISA_AVX, ISA_AVX2 }, V_NDS, .x = x_##name, .y = y_##name },
    BINARY(X)
#undef X
#define X(map, opcode, name, isa)                                                                  \
    { map, PFX_66, opcode, 0, V, { isa, ISA_AVX, ISA_AVX2 }, V_NDS, .x = x_##name, .y = y_##name },
    BINARY_V(X)
#undef X
#define X(opcode, name)                                                                            \
    { MAP_0F, PFX_NONE, opcode, 0, MM, { ISA_MMX }, 0, .x = mm_##name },                                \
    { MAP_0F, PFX_66, opcode, 0, KIND_V, KIND_V, 16, { ISA_SSE2, ISA_AVX, ISA_AVX2 }, V_NDS,       \
      .x = x_##name, .y = y_##name },
    SHIFTS(X)
#undef X
#define X(opcode, ext, name)                                                                       \
    { MAP_0F, PFX_NONE, opcode, EXT(ext), MM, { ISA_MMX }, V_NDD | V_REG, .x = mm_##name##_imm },       \
    { MAP_0F, PFX_66, opcode, EXT(ext), V, { ISA_SSE2, ISA_AVX, ISA_AVX2 }, V_NDD | V_REG,         \
      .x = x_##name##_imm, .y = y_##name##_imm },
    SHIFTS_IMM(X)
#undef X
#define X(opcode, name)                                                                            \
    { MAP_0F38, PFX_NONE, opcode, 0, MM, { ISA_SSSE3 }, 0, .x = mm_##name },                            \
    { MAP_0F38, PFX_66, opcode, 0, V, { ISA_SSSE3, ISA_AVX, ISA_AVX2 }, 0, .x = x_##name, .y = y_##name },
    ABSOLUTE(X)
#undef X
#define X(opcode, name, size)                                                                      \
    { MAP_0F38, PFX_66, opcode, 0, KIND_V, KIND_V, size, { ISA_SSE41, ISA_AVX, ISA_AVX2 }, 0,      \
      .x = x_##name, .y = y_##name },
    WIDEN(X)
#undef X
#define X(opcode, w, name)                                                                         \
    { MAP_0F38, PFX_66, opcode, 0, V, { 0, ISA_AVX2, ISA_AVX2 }, V_NDS | w, .x = x_##name, .y = y_##name },
    VARIABLE_SHIFTS(X)
#undef X
#define X(opcode, name)                                                                            \
    { MAP_0F38, PFX_66, opcode, 0, V, { 0, ISA_AVX_VNNI, ISA_AVX_VNNI }, V_NDS | V_W0, .x = x_##name, .y = y_##name },
    SUMS(X)
#undef X
    { MAP_0F, PFX_66, 0x73, EXT(3), V, { ISA_SSE2, ISA_AVX, ISA_AVX2 }, V_NDD | V_REG, .x = x_psrldq, .y = y_psrldq },
    { MAP_0F, PFX_66, 0x73, EXT(7), V, { ISA_SSE2, ISA_AVX, ISA_AVX2 }, V_NDD | V_REG, .x = x_pslldq, .y = y_pslldq },
    { MAP_0F38, PFX_66, 0x41, 0, V, { ISA_SSE41, ISA_AVX }, 0, .x = x_phminposuw },
    { MAP_0F3A, PFX_66, 0x42, 0, V, { ISA_SSE41, ISA_AVX, ISA_AVX2 }, V_NDS, .x = x_mpsadbw, .y = y_mpsadbw },
    { MAP_0F, PFX_NONE, 0xd7, 0, KIND_G, KIND_MM, 0, { ISA_SSE }, V_REG, .x = mm_pmovmskb },
    { MAP_0F, PFX_66, 0xd7, 0, KIND_G, KIND_V, 0, { ISA_SSE2, ISA_AVX, ISA_AVX2 }, V_REG, .x = x_pmovmskb, .y = y_pmovmskb },
};
// clang-format on

VEC_TABLE(vec_int_table, rows);
