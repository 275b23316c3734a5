/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* state - the registers of a processor as a value: after a reset, and as text. */
#ifndef TENON_CORE_STATE_H
#define TENON_CORE_STATE_H

#include <stdbool.h>

#include <tenon/accel.h>

struct vcpu;

/* Where a processor starts by itself. */
extern const struct tenon_x86_start x86_reset;

/* What a processor that starts like that has in its registers; of model signature, CPUID.1:EAX. */
void state_from_start(struct tenon_x86_state *state, const struct tenon_x86_start *start,
                      uint32_t signature);

/* In what the processor computes by now. */
static inline bool state_long(const struct tenon_x86_state *s)
{
    return s->efer & 0x400; /* LMA */
}

static inline bool state_code64(const struct tenon_x86_state *s)
{
    return state_long(s) && s->seg[1].attributes & 0x2000; /* CS.L */
}

/* The linear address of the next instruction. */
uint64_t state_linear_rip(const struct tenon_x86_state *s);

/* In QEMU's layout of "info registers"; with units, also x87 and vector registers.  Freed with
 * g_free(). */
char *state_text(const struct tenon_x86_state *state, bool units);

/* The same of a processor, and what its accelerator has to say.  Freed with g_free().  [main,
 * locked, stopped] */
char *vcpu_dump(struct vcpu *cpu, bool units);

#endif
