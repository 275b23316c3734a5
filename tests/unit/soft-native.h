/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-native - the host's processor beside the software one, for tests that compare them.
 *
 * Instructions run from an executable page; a signal ends one that faults.
 */
#ifndef TENON_TEST_SOFT_NATIVE_H
#define TENON_TEST_SOFT_NATIVE_H

#include <stdbool.h>
#include <stdint.h>

#include <tenon/accel.h>

/* FXSAVE64's image. */
struct fx {
    uint16_t control, status;
    uint8_t tags, reserved;
    uint16_t opcode;
    uint64_t ip, dp;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[8][16], xmm[16][16], unused[96];
} __attribute__((aligned(64)));

struct native {
    uint8_t *code; /* a page, writable and executable */
    uint8_t *data; /* three pages */
};

void native_create(struct native *n);
void native_destroy(struct native *n);
/* Runs bytes from state in, with flags, rax, rdi the data, edx 0.  -1, or the vector of what it
 * raised: #UD, #MF for SIGFPE, #GP for SIGSEGV. */
int native_run(struct native *n, const uint8_t *bytes, unsigned count, const struct fx *in,
               struct fx *out, uint64_t *flags, uint64_t *rax);
/* Leaves exception flags in this thread's x87 unit, as any code before may have. */
void native_leave_flags(unsigned flags);
/* FXSAVE stores the last instruction's pointers always: AMD's only while an exception is pending.
 */
bool native_keeps_pointers(void);
/* The host's own CPUID leaves that floating point follows; to be freed. */
struct tenon_cpuid *native_cpuid(uint32_t *count);

#endif
