/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-convert - conversions with EVEX: between floating-point formats, and to and from integers
 * with and without sign.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"

// clang-format off
#define F  ISA_AVX512F
#define DQ ISA_AVX512DQ

/* X(pp, opcode, W, isa, flags, name): as many bits as before, twice, half as many */
#define SAME(X)                                                                                    \
    X(PFX_NONE, 0x5b, 0, F,  ER,  cvtdq2ps)   X(PFX_F2,   0x7a, 0, F,  ER,  cvtudq2ps)             \
    X(PFX_66,   0x5b, 0, F,  ER,  cvtps2dq)   X(PFX_F3,   0x5b, 0, F,  SAE, cvttps2dq)             \
    X(PFX_NONE, 0x79, 0, F,  ER,  cvtps2udq)  X(PFX_NONE, 0x78, 0, F,  SAE, cvttps2udq)            \
    X(PFX_F3,   0xe6, 1, DQ, ER,  cvtqq2pd)   X(PFX_F3,   0x7a, 1, DQ, ER,  cvtuqq2pd)             \
    X(PFX_66,   0x7b, 1, DQ, ER,  cvtpd2qq)   X(PFX_66,   0x7a, 1, DQ, SAE, cvttpd2qq)             \
    X(PFX_66,   0x79, 1, DQ, ER,  cvtpd2uqq)  X(PFX_66,   0x78, 1, DQ, SAE, cvttpd2uqq)
#define WIDEN(X)                                                                                   \
    X(PFX_NONE, 0x5a, 0, F,  SAE, cvtps2pd)                                                        \
    X(PFX_F3,   0xe6, 0, F,  ER,  cvtdq2pd)   X(PFX_F3,   0x7a, 0, F,  ER,  cvtudq2pd)             \
    X(PFX_66,   0x7b, 0, DQ, ER,  cvtps2qq)   X(PFX_66,   0x7a, 0, DQ, SAE, cvttps2qq)             \
    X(PFX_66,   0x79, 0, DQ, ER,  cvtps2uqq)  X(PFX_66,   0x78, 0, DQ, SAE, cvttps2uqq)
#define NARROW(X)                                                                                  \
    X(PFX_66,   0x5a, 1, F,  ER,  cvtpd2ps)                                                        \
    X(PFX_NONE, 0x5b, 1, DQ, ER,  cvtqq2ps)   X(PFX_F2,   0x7a, 1, DQ, ER,  cvtuqq2ps)             \
    X(PFX_F2,   0xe6, 1, F,  ER,  cvtpd2dq)   X(PFX_66,   0xe6, 1, F,  SAE, cvttpd2dq)             \
    X(PFX_NONE, 0x79, 1, F,  ER,  cvtpd2udq)  X(PFX_NONE, 0x78, 1, F,  SAE, cvttpd2udq)

/* X(pp, opcode, name): from a general register */
#define FROM_GENERAL(X)                                                                            \
    X(PFX_F3, 0x2a, cvtsi2ss)  X(PFX_F2, 0x2a, cvtsi2sd)                                           \
    X(PFX_F3, 0x7b, cvtusi2ss) X(PFX_F2, 0x7b, cvtusi2sd)
/* X(pp, opcode, bytes of an element, flags, name): to one */
#define INTO_GENERAL(X)                                                                            \
    X(PFX_F3, 0x2d, 4, ER, cvtss2si)   X(PFX_F3, 0x2c, 4, SAE, cvttss2si)                          \
    X(PFX_F2, 0x2d, 8, ER, cvtsd2si)   X(PFX_F2, 0x2c, 8, SAE, cvttsd2si)                          \
    X(PFX_F3, 0x79, 4, ER, cvtss2usi)  X(PFX_F3, 0x78, 4, SAE, cvttss2usi)                         \
    X(PFX_F2, 0x79, 8, ER, cvtsd2usi)  X(PFX_F2, 0x78, 8, SAE, cvttsd2usi)
// clang-format on

#define X(pp, opcode, w, isa, flags, name) Z_UNARY(name)
SAME(X)
#undef X
#define X(pp, opcode, w, isa, flags, name) Z_WIDEN(name)
WIDEN(X)
#undef X
#define X(pp, opcode, w, isa, flags, name) Z_NARROW(name)
NARROW(X)
#undef X

#define X(pp, opcode, name)                                                                        \
    Z_FROM_GENERAL(z_##name##_32, name##l, k) Z_FROM_GENERAL(z_##name##_64, name##q, q)
FROM_GENERAL(X)
#undef X

#define X(pp, opcode, bytes, flags, name)                                                          \
    Z_TO_GENERAL(z_##name##_32, name, k) Z_TO_GENERAL(z_##name##_64, name, q)
INTO_GENERAL(X)
#undef X

Z_SCALAR(cvtss2sd)
Z_SCALAR(cvtsd2ss)

/* ---- Table ---- */

// clang-format off
#define V KIND_V, KIND_V
#define ROW(pp, opcode, w, element, out, tuple, isa, flags, name)                                  \
    { MAP_0F, pp, opcode, 0, w, element, out, tuple, 0, V, LENGTHS, isa, flags, K_ALL(z_##name) }

static const struct evex_op rows[] = {
#define X(pp, opcode, w, isa, flags, name)                                                         \
    ROW(pp, opcode, W_##w, 4 << w, 0, TUPLE_FULL, isa, flags, name),
    SAME(X)
#undef X
#define X(pp, opcode, w, isa, flags, name)                                                         \
    ROW(pp, opcode, W_##w, 8, 0, TUPLE_HALF, isa, flags, name),
    WIDEN(X)
#undef X
#define X(pp, opcode, w, isa, flags, name)                                                         \
    ROW(pp, opcode, W_##w, 8, 4, TUPLE_FULL, isa, flags, name),
    NARROW(X)
#undef X

#define SCALAR (E_SCALAR | E_NO_MASK)
#define X(pp, opcode, name)                                                                        \
    { MAP_0F, pp, opcode, 0, W_32, 4, 0, TUPLE_1, 0, KIND_V, KIND_G, LENGTHS, F,                   \
      SCALAR | E_NDS | ER, K_ALL(z_##name##_32) },                                                 \
    { MAP_0F, pp, opcode, 0, W_64, 8, 0, TUPLE_1, 0, KIND_V, KIND_G, LENGTHS, F,                   \
      SCALAR | E_NDS | ER, K_ALL(z_##name##_64) },
    FROM_GENERAL(X)
#undef X
#define X(pp, opcode, element, flags, name)                                                        \
    { MAP_0F, pp, opcode, 0, W_32, element, 0, TUPLE_1, 0, KIND_G, KIND_V, LENGTHS, F,             \
      SCALAR | flags, K_ALL(z_##name##_32) },                                                      \
    { MAP_0F, pp, opcode, 0, W_64, element, 0, TUPLE_1, 0, KIND_G, KIND_V, LENGTHS, F,             \
      SCALAR | flags, K_ALL(z_##name##_64) },
    INTO_GENERAL(X)
#undef X
    { MAP_0F, PFX_F3, 0x5a, 0, W_0, 8, 0, TUPLE_1, 4, V, LENGTHS, F, E_SCALAR | E_NDS | SAE, K_ALL(z_cvtss2sd) },
    { MAP_0F, PFX_F2, 0x5a, 0, W_1, 4, 0, TUPLE_1, 8, V, LENGTHS, F, E_SCALAR | E_NDS | ER, K_ALL(z_cvtsd2ss) },
};
// clang-format on

EVEX_TABLE(evex_convert_table, rows);
