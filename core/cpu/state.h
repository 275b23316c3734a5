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

/* Where things lie in state->xsave. */
enum {
    XSAVE_AT_FCW = 0,
    XSAVE_AT_FSW = 2,
    XSAVE_AT_FTW = 4,
    XSAVE_AT_FOP = 6,
    XSAVE_AT_FIP = 8,
    XSAVE_AT_FDP = 16,
    XSAVE_AT_MXCSR = 24,
    XSAVE_AT_ST = 32,
    XSAVE_AT_XMM = 160,
    XSAVE_AT_BV = 512,
    XSAVE_AT_YMM = 576
};
/* XSAVE's components, as bits of XCR0 and XSTATE_BV are numbered. */
enum {
    XSAVE_X87 = 0,
    XSAVE_SSE = 1,
    XSAVE_AVX = 2,
    XSAVE_OPMASK = 5,
    XSAVE_ZMM_HIGH = 6, /* the upper halves of ZMM0 to ZMM15 */
    XSAVE_HIGH_ZMM = 7, /* ZMM16 to ZMM31 */
    XSAVE_BITS_AVX512 = 0xe0
};
/* Where one of AVX-512's lies in state->xsave, which is not the same for all processors; NULL: one
 * of Intel's. */
unsigned state_component(const struct vcpu *cpu, unsigned component);

/* In QEMU's layout of "info registers"; with units, also x87 and vector registers.  cpu as above.
 * Freed with g_free(). */
char *state_text(const struct tenon_x86_state *state, const struct vcpu *cpu, bool units);

/* The same of a processor, and what its accelerator has to say.  Freed with g_free().  [main,
 * locked, stopped] */
char *vcpu_dump(struct vcpu *cpu, bool units);

#endif
