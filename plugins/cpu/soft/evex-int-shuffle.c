/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-int-shuffle - elements with EVEX that go elsewhere: unpacking and packing, permutations,
 * insertions and extractions, broadcasts, and integers made wider or narrower.
 *
 * Intel SDM volume 2.  Floating-point forms are here, too, where they do the same.
 */
#include "evex-kernel.h"

// clang-format off
/* ---- Lists ---- */

#define F  ISA_AVX512F
#define BW ISA_AVX512BW
#define DQ ISA_AVX512DQ

/* X(map, opcode, w, name, element, tuple, isa): within lanes of 128 bits */
#define IN_LANES(X)                                                                                \
    X(MAP_0F, 0x60, W_ANY, punpcklbw, 1, FULL_MEM, BW) X(MAP_0F, 0x68, W_ANY, punpckhbw, 1, FULL_MEM, BW) \
    X(MAP_0F, 0x61, W_ANY, punpcklwd, 2, FULL_MEM, BW) X(MAP_0F, 0x69, W_ANY, punpckhwd, 2, FULL_MEM, BW) \
    X(MAP_0F, 0x62, W_0, punpckldq, 4, FULL, F)        X(MAP_0F, 0x6a, W_0, punpckhdq, 4, FULL, F) \
    X(MAP_0F, 0x6c, W_1, punpcklqdq, 8, FULL, F)       X(MAP_0F, 0x6d, W_1, punpckhqdq, 8, FULL, F) \
    X(MAP_0F, 0x63, W_ANY, packsswb, 1, FULL_MEM, BW)  X(MAP_0F, 0x67, W_ANY, packuswb, 1, FULL_MEM, BW) \
    X(MAP_0F, 0x6b, W_0, packssdw, 2, FULL, BW)        X(MAP_0F38, 0x2b, W_0, packusdw, 2, FULL, BW) \
    X(MAP_0F38, 0x00, W_ANY, pshufb, 1, FULL_MEM, BW)                                              \
    X(MAP_0F38, 0x0c, W_0, permilps, 4, FULL, F)       X(MAP_0F38, 0x0d, W_1, permilpd, 8, FULL, F) \
    X(MAP_0F38, 0x83, W_1, pmultishiftqb, 1, FULL, ISA_VBMI)

/* X(opcode, w, name, element, tuple, isa): by indices of which as many bits count as the vector's
 * length takes */
#define PERMUTATIONS(X)                                                                            \
    X(0x8d, W_0, permb, 1, FULL_MEM, ISA_VBMI) X(0x8d, W_1, permw, 2, FULL_MEM, BW)

#define PERMUTATIONS_LONG(X) /* not of 128 bits */                                                 \
    X(0x36, W_0, permd,  4, FULL, F) X(0x36, W_1, permq,  8, FULL, F)                              \
    X(0x16, W_0, permps, 4, FULL, F) X(0x16, W_1, permpd, 8, FULL, F)

#define PERMUTATIONS_OF_2(X) /* of d's elements or by them: d is a source, too */                  \
    X(0x75, W_0, permi2b, 1, FULL_MEM, ISA_VBMI) X(0x75, W_1, permi2w, 2, FULL_MEM, BW)            \
    X(0x7d, W_0, permt2b, 1, FULL_MEM, ISA_VBMI) X(0x7d, W_1, permt2w, 2, FULL_MEM, BW)            \
    X(0x76, W_0, permi2d,  4, FULL, F) X(0x76, W_1, permi2q,  8, FULL, F)                          \
    X(0x77, W_0, permi2ps, 4, FULL, F) X(0x77, W_1, permi2pd, 8, FULL, F)                          \
    X(0x7e, W_0, permt2d,  4, FULL, F) X(0x7e, W_1, permt2q,  8, FULL, F)                          \
    X(0x7f, W_0, permt2ps, 4, FULL, F) X(0x7f, W_1, permt2pd, 8, FULL, F)

/* X(opcode, w, name, element, isa): one element in all places */
#define BROADCASTS(X)                                                                              \
    X(0x78, W_0, pbroadcastb, 1, BW) X(0x79, W_0, pbroadcastw, 2, BW)                              \
    X(0x58, W_0, pbroadcastd, 4, F)  X(0x59, W_1, pbroadcastq, 8, F)

/* X(opcode, w, name, element, part that the source is, isa): sign- and zero-extension */
#define WIDER(X)                                                                                   \
    X(0x20, W_ANY, pmovsxbw, 2, HALF,    BW) X(0x30, W_ANY, pmovzxbw, 2, HALF,    BW)              \
    X(0x21, W_ANY, pmovsxbd, 4, QUARTER, F)  X(0x31, W_ANY, pmovzxbd, 4, QUARTER, F)               \
    X(0x22, W_ANY, pmovsxbq, 8, EIGHTH,  F)  X(0x32, W_ANY, pmovzxbq, 8, EIGHTH,  F)               \
    X(0x23, W_ANY, pmovsxwd, 4, HALF,    F)  X(0x33, W_ANY, pmovzxwd, 4, HALF,    F)               \
    X(0x24, W_ANY, pmovsxwq, 8, QUARTER, F)  X(0x34, W_ANY, pmovzxwq, 8, QUARTER, F)               \
    X(0x25, W_0,   pmovsxdq, 8, HALF,    F)  X(0x35, W_0,   pmovzxdq, 8, HALF,    F)

/* X(low digit of the opcode, name, element, bytes it becomes, part that the result is, isa): with
 * unsigned or signed saturation, or truncation */
#define NARROWER(X)                                                                                \
    X(0, wb, 2, 1, HALF, BW)   X(1, db, 4, 1, QUARTER, F) X(2, qb, 8, 1, EIGHTH, F)                \
    X(3, dw, 4, 2, HALF, F)    X(4, qw, 8, 2, QUARTER, F) X(5, qd, 8, 4, HALF, F)

/* X(map, pp, opcode, w, name, element, tuple, lengths, isa): d = op b, by imm8 */
#define BY_IMM8(X)                                                                                 \
    X(MAP_0F, PFX_66, 0x70, W_0,   pshufd,  4, FULL, LENGTHS, F)                                   \
    X(MAP_0F, PFX_F3, 0x70, W_ANY, pshufhw, 2, FULL_MEM, LENGTHS, BW)                              \
    X(MAP_0F, PFX_F2, 0x70, W_ANY, pshuflw, 2, FULL_MEM, LENGTHS, BW)                              \
    X(MAP_0F3A, PFX_66, 0x00, W_1, permq,    8, FULL, LONG, F)                                     \
    X(MAP_0F3A, PFX_66, 0x05, W_1, permilpd, 8, FULL, LENGTHS, F)

/* X(opcode of floating point, of integers, w, name, element, elements, lengths, isa): a vector part
 * in all places, from memory */
#define BROADCASTS_OF_PARTS(X)                                                                     \
    X(0x1a, 0x5a, W_0, 32x4, 4, 4, LONG, F)        X(0x1a, 0x5a, W_1, 64x2, 8, 2, LONG, DQ)        \
    X(0x1b, 0x5b, W_0, 32x8, 4, 8, LENGTH_512, DQ) X(0x1b, 0x5b, W_1, 64x4, 8, 4, LENGTH_512, F)
// clang-format on

enum { LONG = LENGTH_256 | LENGTH_512 };

/* ---- Kernels ---- */

#define X(map, opcode, w, name, ...) Z_BINARY(name)
IN_LANES(X)
#undef X

#define X(opcode, w, name, ...) EX_BINARY(name) EY_BINARY(name) Z_BINARY(name)
PERMUTATIONS(X)
PERMUTATIONS_OF_2(X)
#undef X

#define X(opcode, w, name, ...) EY_BINARY(name) Z_BINARY(name)
PERMUTATIONS_LONG(X)
#undef X

#define X(map, pp, opcode, w, name, ...)                                                           \
    Z_ASM_IMMEDIATE(z_##name##_imm, 256, "v" #name " $.Limm, %g[b], %g[r] %{%[k]%}")
BY_IMM8(X)
#undef X

Z_BINARY_IMMEDIATE(palignr, 256)

/* The vector's length says how many bits of imm8 count. */
#define ALIGN(op, n)                                                                               \
    Z_ASM_IMMEDIATE(x_##op, n, "v" #op " $.Limm, %x[b], %x[a], %x[r] %{%[k]%}")                    \
    Z_ASM_IMMEDIATE(y_##op, (n * 2), "v" #op " $.Limm, %t[b], %t[a], %t[r] %{%[k]%}")              \
    Z_ASM_IMMEDIATE(z_##op, (n * 4), "v" #op " $.Limm, %g[b], %g[a], %g[r] %{%[k]%}")
ALIGN(alignd, 4)
ALIGN(alignq, 2)

/* Lanes of 128 bits, or halves: choosing, replacing, taking one. */
#define LANES(size)                                                                                \
    Z_ASM_IMMEDIATE(y_shuf##size, 4, "vshufi" #size " $.Limm, %t[b], %t[a], %t[r] %{%[k]%}")       \
    Z_ASM_IMMEDIATE(z_shuf##size, 256, "vshufi" #size " $.Limm, %g[b], %g[a], %g[r] %{%[k]%}")     \
    Z_ASM_IMMEDIATE(y_insert##size, 2, "vinserti" #size " $.Limm, %x[b], %t[a], %t[r] %{%[k]%}")   \
    Z_ASM_IMMEDIATE(z_insert##size, 4, "vinserti" #size " $.Limm, %x[b], %g[a], %g[r] %{%[k]%}")   \
    Z_ASM_IMMEDIATE(y_extract##size, 2, "vextracti" #size " $.Limm, %t[b], %x[r] %{%[k]%}")        \
    Z_ASM_IMMEDIATE(z_extract##size, 4, "vextracti" #size " $.Limm, %g[b], %x[r] %{%[k]%}")
#define HALVES(size)                                                                               \
    Z_ASM_IMMEDIATE(z_insert##size, 2, "vinserti" #size " $.Limm, %t[b], %g[a], %g[r] %{%[k]%}")   \
    Z_ASM_IMMEDIATE(z_extract##size, 2, "vextracti" #size " $.Limm, %g[b], %t[r] %{%[k]%}")
LANES(32x4)
LANES(64x2)
HALVES(32x8)
HALVES(64x4)

#define X(opcode, w, name, element, isa) Z_ASM(z_##name, "v" #name " %x[b], %g[r] %{%[k]%}")
BROADCASTS(X)
#undef X
Z_ASM(z_broadcast32x2, "vbroadcasti32x2 %x[b], %g[r] %{%[k]%}")
Z_ASM(z_broadcast32x4, "vshufi32x4 $0, %g[b], %g[b], %g[r] %{%[k]%}")
Z_ASM(z_broadcast64x2, "vshufi64x2 $0, %g[b], %g[b], %g[r] %{%[k]%}")
Z_ASM(z_broadcast32x8, "vshufi32x4 $0x44, %g[b], %g[b], %g[r] %{%[k]%}")
Z_ASM(z_broadcast64x4, "vshufi64x2 $0x44, %g[b], %g[b], %g[r] %{%[k]%}")

#define HALF    "%t"
#define QUARTER "%x"
#define EIGHTH  "%x"
#define X(opcode, w, name, element, part, isa)                                                     \
    Z_ASM(z_##name, "v" #name " " part "[b], %g[r] %{%[k]%}")
WIDER(X)
#undef X

#define X(opcode, name, element, out, part, isa)                                                   \
    Z_ASM(z_pmovus##name, "vpmovus" #name " %g[b], " part "[r] %{%[k]%}")                          \
    Z_ASM(z_pmovs##name, "vpmovs" #name " %g[b], " part "[r] %{%[k]%}")                            \
    Z_ASM(z_pmov##name, "vpmov" #name " %g[b], " part "[r] %{%[k]%}")
NARROWER(X)
#undef X
#undef HALF
#undef QUARTER
#undef EIGHTH

/* Element number imm of width bits u, of n, from and to a general register. */
#define ELEMENT(name, u, n)                                                                        \
    EVEX_KERNEL(x_pextr##name)                                                                     \
    {                                                                                              \
        d->u64[0] = b->u[imm % n];                                                                 \
    }                                                                                              \
    EVEX_KERNEL(x_pinsr##name)                                                                     \
    {                                                                                              \
        *d = *a;                                                                                   \
        d->u[imm % n] = b->u64[0];                                                                 \
    }
ELEMENT(b, u8, 16)
ELEMENT(w, u16, 8)
ELEMENT(d, u32, 4)
ELEMENT(q, u64, 2)

/* ---- Table ---- */

// clang-format off
#define V KIND_V, KIND_V
/* What is broadcast has 8 bytes with W, 4 without, whatever the mask's elements. */
#define ROW(map, pp, opcode, w, element, tuple, lengths, isa, flags, ...)                          \
    { map, pp, opcode, 0, w, element, 0, TUPLE_##tuple, (w) == W_1 ? 8 : 4, V, lengths, isa, flags, .k = { __VA_ARGS__ } }
/* Of 0F38 and 0F3A. */
#define ROW_38(opcode, w, element, tuple, lengths, isa, flags, ...)                                \
    ROW(MAP_0F38, PFX_66, opcode, w, element, tuple, lengths, isa, flags, __VA_ARGS__)
#define ROW_3A(opcode, w, element, tuple, lengths, isa, flags, ...)                                \
    ROW(MAP_0F3A, PFX_66, opcode, w, element, tuple, lengths, isa, flags, __VA_ARGS__)
#define ALL(kernel)  kernel, kernel, kernel
#define EACH(name)   x_##name, y_##name, z_##name
#define LONGER(name) NULL, y_##name, z_##name
#define LONGEST(name) NULL, NULL, z_##name

#define ROW_ONE(opcode, w, element, lengths, isa, name)                                            \
    { MAP_0F38, PFX_66, opcode, 0, w, element, 0, TUPLE_1, 0, V, lengths, isa, 0, K_ALL(z_##name) }

/* Shuffling, insertion and extraction of parts: floating point, and integers 20h above. */
#define PARTS(opcode, w, size, element, elements, lengths, isa, kernels)                           \
    ROW_3A(opcode,     w, element, elements, lengths, isa, E_NDS | E_WHOLE, kernels(insert##size)),     \
    ROW_3A(opcode + 1, w, element, elements, lengths, isa, E_TO_RM | E_WHOLE, kernels(extract##size))
#define SHUF(opcode, w, size, element) ROW_3A(opcode, w, element, FULL, LONG, F, E_NDS | E_WHOLE, LONGER(shuf##size))
#define NARROW(opcode, name, element, out, part, isa)                                              \
    { MAP_0F38, PFX_F3, opcode, 0, W_0, element, out, TUPLE_##part##_MEM, 0, V, LENGTHS, isa, E_TO_RM, K_ALL(z_##name) }
#define EXTRACT(opcode, w, element, isa, name)                                                     \
    { MAP_0F3A, PFX_66, opcode, 0, w, element, 0, TUPLE_1, 0, KIND_G, KIND_V, LENGTH_128, isa,     \
      E_TO_RM | E_NO_MASK | E_NO_VL, K_ONE(x_##name) }
#define INSERT(map, opcode, w, element, isa, name)                                                 \
    { map, PFX_66, opcode, 0, w, element, 0, TUPLE_1, 0, KIND_V, KIND_G, LENGTH_128, isa,          \
      E_NDS | E_NO_MASK | E_NO_VL, K_ONE(x_##name) }

static const struct evex_op rows[] = {
#define X(map, opcode, w, name, element, tuple, isa)                                               \
    ROW(map, PFX_66, opcode, w, element, tuple, LENGTHS, isa, E_NDS | E_WHOLE, ALL(z_##name)),
    IN_LANES(X)
#undef X
#define X(opcode, w, name, element, tuple, isa)                                                    \
    ROW_38(opcode, w, element, tuple, LENGTHS, isa, E_NDS | E_WHOLE, EACH(name)),
    PERMUTATIONS(X)
#undef X
#define X(opcode, w, name, element, tuple, isa)                                                    \
    ROW_38(opcode, w, element, tuple, LONG, isa, E_NDS | E_WHOLE, LONGER(name)),
    PERMUTATIONS_LONG(X)
#undef X
#define X(opcode, w, name, element, tuple, isa)                                                    \
    ROW_38(opcode, w, element, tuple, LENGTHS, isa, E_NDS | E_SUM | E_WHOLE, EACH(name)),
    PERMUTATIONS_OF_2(X)
#undef X
#define X(map, pp, opcode, w, name, element, tuple, lengths, isa)                                  \
    ROW(map, pp, opcode, w, element, tuple, lengths, isa, E_WHOLE, ALL(z_##name##_imm)),
    BY_IMM8(X)
#undef X
    ROW_3A(0x01, W_1, 8, FULL, LONG, F, E_WHOLE, ALL(z_permq_imm)), /* VPERMPD */
    ROW_3A(0x04, W_0, 4, FULL, LENGTHS, F, E_WHOLE, ALL(z_pshufd_imm)), /* VPERMILPS */
    ROW_3A(0x0f, W_ANY, 1, FULL_MEM, LENGTHS, BW, E_NDS | E_WHOLE, ALL(z_palignr)),
    ROW_3A(0x03, W_0, 4, FULL, LENGTHS, F, E_NDS | E_WHOLE, EACH(alignd)),
    ROW_3A(0x03, W_1, 8, FULL, LENGTHS, F, E_NDS | E_WHOLE, EACH(alignq)),

    SHUF(0x23, W_0, 32x4, 4), SHUF(0x23, W_1, 64x2, 8), SHUF(0x43, W_0, 32x4, 4), SHUF(0x43, W_1, 64x2, 8),
    PARTS(0x18, W_0, 32x4, 4, 4, LONG, F, LONGER), PARTS(0x18, W_1, 64x2, 8, 2, LONG, DQ, LONGER),
    PARTS(0x38, W_0, 32x4, 4, 4, LONG, F, LONGER), PARTS(0x38, W_1, 64x2, 8, 2, LONG, DQ, LONGER),
    PARTS(0x1a, W_0, 32x8, 4, 8, LENGTH_512, DQ, LONGEST), PARTS(0x1a, W_1, 64x4, 8, 4, LENGTH_512, F, LONGEST),
    PARTS(0x3a, W_0, 32x8, 4, 8, LENGTH_512, DQ, LONGEST), PARTS(0x3a, W_1, 64x4, 8, 4, LENGTH_512, F, LONGEST),

#define X(opcode, w, name, element, isa) ROW_ONE(opcode, w, element, LENGTHS, isa, name),
    BROADCASTS(X)
#undef X
    ROW_ONE(0x18, W_0, 4, LENGTHS, F, pbroadcastd), ROW_ONE(0x19, W_1, 8, LONG, F, pbroadcastq),
    ROW_38(0x19, W_0, 4, 2, LONG, DQ, 0, ALL(z_broadcast32x2)), ROW_38(0x59, W_0, 4, 2, LENGTHS, DQ, 0, ALL(z_broadcast32x2)),
#define X(opcode_f, opcode_i, w, name, element, elements, lengths, isa)                            \
    ROW_38(opcode_f, w, element, elements, lengths, isa, E_MEM, ALL(z_broadcast##name)),           \
    ROW_38(opcode_i, w, element, elements, lengths, isa, E_MEM, ALL(z_broadcast##name)),
    BROADCASTS_OF_PARTS(X)
#undef X

#define X(opcode, w, name, element, part, isa)                                                     \
    ROW_38(opcode, w, element, part##_MEM, LENGTHS, isa, 0, ALL(z_##name)),
    WIDER(X)
#undef X
#define X(opcode, name, element, out, part, isa)                                                   \
    NARROW(0x10 | opcode, pmovus##name, element, out, part, isa),                                  \
    NARROW(0x20 | opcode, pmovs##name, element, out, part, isa),                                   \
    NARROW(0x30 | opcode, pmov##name, element, out, part, isa),
    NARROWER(X)
#undef X

    EXTRACT(0x14, W_ANY, 1, BW, pextrb), EXTRACT(0x15, W_ANY, 2, BW, pextrw),
    EXTRACT(0x16, W_32, 4, DQ, pextrd),  EXTRACT(0x16, W_64, 8, DQ, pextrq),
    { MAP_0F, PFX_66, 0xc5, 0, W_ANY, 2, 0, TUPLE_NONE, 0, KIND_G, KIND_V, LENGTH_128, BW,
      E_REG | E_NO_MASK | E_NO_VL, K_ONE(x_pextrw) },
    INSERT(MAP_0F3A, 0x20, W_ANY, 1, BW, pinsrb), INSERT(MAP_0F, 0xc4, W_ANY, 2, BW, pinsrw),
    INSERT(MAP_0F3A, 0x22, W_32, 4, DQ, pinsrd),  INSERT(MAP_0F3A, 0x22, W_64, 8, DQ, pinsrq),
};
// clang-format on

EVEX_TABLE(evex_int_shuffle_table, rows);
