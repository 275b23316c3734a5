/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-unit - the guest's state in the host's vector and floating-point units: see jit-unit.c.
 */
#ifndef TENON_SOFT_JIT_UNIT_H
#define TENON_SOFT_JIT_UNIT_H

#include "jit.h"

struct maker;

/* The pieces of code that blocks share. */
void unit_share(struct jit *jit, struct host_code *c);
/* Code: all that is loaded goes back into struct cpu.  AX and flags are destroyed. */
void unit_unload(struct jit *jit, struct host_code *c);
/* Code: loads one; ZF if it may not be. */
void unit_load(struct jit *jit, struct host_code *c, unsigned unit);

/* For templates: a unit is loaded from here on, or the micro-op's handler does it all. */
void unit_require(struct maker *m, unsigned unit);

/* LDMXCSR and STMXCSR of memory that has been reached; the micro-op's handler loads a word that
 * unmasks an exception or is not allowed. */
void unit_load_mxcsr(struct maker *m, struct operand at);
void unit_store_mxcsr(struct maker *m, struct operand at);

/* x87: which instruction ran last, which struct cpu has not been told. */
struct x87_note {
    const struct uop *last, *memory; /* NULL: none */
};
/* Code that tells it; AX is destroyed, flags stay.  All: that of now, and it is known then. */
void x87_tell(struct maker *m, const struct x87_note *note);
void x87_tell_all(struct maker *m);

#endif
