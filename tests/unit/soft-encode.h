/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-encode - encodings of AVX-512, for tests that draw them.
 *
 * Intel SDM volume 2, section 2.7.
 */
#ifndef TENON_TEST_SOFT_ENCODE_H
#define TENON_TEST_SOFT_ENCODE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

struct code {
    uint8_t bytes[16];
    unsigned n;
};

struct choice {
    bool vex; /* an instruction on masks */
    bool w, b, z, mem, addr32, vsib, imm, reserved0, reserved1;
    uint8_t map, pp, opcode, l, mask;
    uint8_t reg, rm, vvvv, index, scale; /* registers have five bits */
    uint8_t base, disp_bytes, imm8;      /* [base + disp], base is not RSP */
    int32_t disp;
};

void encode(struct code *c, const struct choice *h);
/* Operands of an opcode, if it has all kinds; registers and the base are none of those of avoid (a
 * bit each, for all whose four low bits are the same), memory is at the base or near. */
struct choice choose(GRand *r, unsigned map, unsigned pp, unsigned opcode, unsigned base,
                     unsigned avoid);

#endif
