/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-operands - operands of vector instructions, drawn so that what is special comes often.
 */
#ifndef TENON_TEST_SOFT_OPERANDS_H
#define TENON_TEST_SOFT_OPERANDS_H

#include <glib.h>
#include <stdint.h>

uint64_t draw_bits(GRand *r);
/* Zeroes, denormals, the smallest and greatest numbers, infinities, NaNs, and what lies near 1. */
uint32_t draw_float(GRand *r);
uint64_t draw_double(GRand *r);
/* A vector, or memory: bytes is a multiple of 8. */
void draw(GRand *r, void *to, unsigned bytes);
/* Half of the time all exceptions are masked. */
uint32_t draw_mxcsr(GRand *r);

#endif
