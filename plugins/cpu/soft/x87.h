/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 - the floating-point unit's state as other parts see it: MMX, resets, state images.
 *
 * Intel SDM volume 1, chapters 8 and 9.  Everything runs on the processor's thread.
 */
#ifndef TENON_SOFT_X87_H
#define TENON_SOFT_X87_H

#include "uop.h"

enum { X87_SF = 0x40, X87_ES = 0x80, X87_C1 = 0x200, X87_CC = 0x4700, X87_B = 0x8000 };
enum { X87_EXCEPTIONS = 0x3f, X87_CONTROL_INIT = 0x37f, X87_CONTROL_BITS = 0x1f3f };

static inline unsigned x87_top(const struct x87 *x)
{
    return x->status >> 11 & 7;
}

static inline void x87_set_top(struct x87 *x, unsigned top)
{
    x->status = (x->status & ~0x3800) | (top & 7) << 11;
}

/* As FNINIT leaves it. */
void x87_init(struct cpu *cpu);
/* Takes a control and a status word, and finds ES and B again. */
void x87_load(struct cpu *cpu, uint16_t control, uint16_t status);
/* The tag word of 16 bits, made of the registers' contents; and its inverse. */
uint16_t x87_tags(const struct x87 *x);
void x87_set_tags(struct x87 *x, uint16_t tags);

/*
 * Before an instruction that waits: #NM by CR0.EM and TS; an exception that is pending is #MF, or
 * without CR0.NE goes to the line FERR# (see cpu->ferr_changed): then this may return.
 */
void x87_check(struct cpu *cpu);
void x87_check_pending(struct cpu *cpu);
/* Before an MMX instruction: #UD by CR0.EM, #NM by TS, then what is pending. */
void x87_check_mmx(struct cpu *cpu);

/* What an MMX instruction does to the stack, after its last access that may fault: TOP 0, no
 * register empty.  Whoever writes an MMX register uses x87_write_mmx(). */
static inline void x87_enter_mmx(struct cpu *cpu)
{
    cpu->x87.tag_valid = 0xff;
    x87_set_top(&cpu->x87, 0);
}

static inline void x87_write_mmx(struct cpu *cpu, unsigned number, uint64_t value)
{
    cpu->x87.r[number].mantissa = value;
    cpu->x87.r[number].sign_exponent = 0xffff;
}

/* EMMS: all registers empty, TOP 0. */
static inline void x87_emms(struct cpu *cpu)
{
    cpu->x87.tag_valid = 0;
    x87_set_top(&cpu->x87, 0);
}

/* ---- Of the parts of the floating-point unit themselves ---- */

/* A memory operand as u->imm carries it; its offset in the segment, and its linear address once
 * checked. Bits: displacement 31:0, base 36:32, index 41:37, scale 43:42, segment 46:44, log2 of
 * address size 48:47. */
int64_t fpu_operand(const struct insn *in);
uint64_t fpu_offset(const struct cpu *cpu, const struct uop *u);
uint64_t fpu_linear(struct cpu *cpu, const struct uop *u, unsigned bytes, bool write);
static inline enum seg fpu_seg(const struct uop *u)
{
    return u->imm >> 44 & 7;
}

/* Of floating-point micro-ops u->a is ModRM, u->b the opcode's low bits and: */
enum { DP_ALWAYS = 8, SAVES_CS_DS = 0x10, X87_STORES = 0x20, X87_CONTROLS = 0x40 };

/* Of UOP_X87 with a memory operand: it is at T0 and has u->d bytes.  Its address, checked. */
uint64_t x87_operand(struct cpu *cpu, const struct uop *u);

/* x87-env.c; u->d is the operand size, where the environment moves. */
uop_call x87_fldcw, x87_fnstcw, x87_fnstsw, x87_fnstsw_ax, x87_fldenv, x87_fnstenv, x87_frstor,
    x87_fnsave, x87_fninit, x87_fnclex, x87_control_nop;
/* xsave.c; an image in XSAVE64's standard format, of which what is unknown stays. */
void xsave_state_in(struct cpu *cpu, const uint8_t image[4096]);
void xsave_state_out(struct cpu *cpu, uint8_t image[4096]);
/* XINUSE: the components that are not as after a reset. */
uint64_t xsave_in_use(const struct cpu *cpu);
bool xsave_translate(struct block_builder *b, const struct insn *in);

#endif
