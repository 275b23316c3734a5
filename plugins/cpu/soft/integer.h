/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * integer - the functions that integer instructions call (arith.c, stack.c, string.c).
 *
 * Tables go by the operand size's logarithm; where there are two, 32 and 64 bits.
 */
#ifndef TENON_SOFT_INTEGER_H
#define TENON_SOFT_INTEGER_H

#include "uop.h"

enum { COUNT_BSF, COUNT_BSR, COUNT_TZCNT, COUNT_LZCNT, COUNT_POPCNT };
enum { BMI_ANDN, BMI_BEXTR, BMI_BZHI, BMI_PDEP, BMI_PEXT, BMI_SARX, BMI_SHLX, BMI_SHRX };

extern uop_call *const call_group3[4][4];  /* MUL, IMUL, DIV, IDIV by b */
extern uop_call *const call_count[5][4];   /* d = count of b */
extern uop_call *const call_group17[3][2]; /* BLSR, BLSMSK, BLSI */
extern uop_call *const call_bmi[8][2];
extern uop_call *const call_rorx[2], *const call_mulx[2], *const call_adx[2];
extern uop_call *const call_crc32[4];
extern uop_call *const call_double_shift[2][4]; /* SHLD, SHRD */
extern uop_call *const call_sign[4];            /* d = a's sign in all bits */

uop_call call_bswap16, call_selector, call_bit_offset;
uop_call call_lahf, call_sahf, call_flag, call_salc;
uop_call call_daa, call_aaa, call_aam, call_aad;
uop_call call_cmpxchg8b, call_cmpxchg16b;
uop_call call_fence; /* integer0f.c: imm is 5 to 7, LFENCE, MFENCE, SFENCE */

/* stack.c */
uop_call call_push, call_pop, call_peek, call_drop;
uop_call call_pusha, call_popa, call_enter, call_leave;
uop_call call_pushf, call_popf, call_cli, call_sti, call_in_shadow;
uop_call call_near, call_return, call_check_loop, call_bound;

/* string.c: d is the size, a the segment, b the address size; imm a REP_*. */
enum { REP_NONE, REP_E, REP_NE };
uop_call call_movs, call_cmps, call_stos, call_lods, call_scas, call_ins, call_outs;
uop_call call_in, call_out;

#endif
