/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-native-evex - instructions of AVX-512 executed by the host's processor, for tests that
 * compare it with the software one.
 */
#ifndef TENON_TEST_SOFT_NATIVE_EVEX_H
#define TENON_TEST_SOFT_NATIVE_EVEX_H

#include <stdint.h>

/* All that an instruction may see or change. */
struct state {
    uint8_t v[32][64];
    uint64_t k[8], r[16], flags;
    uint32_t mxcsr;
} __attribute__((aligned(64)));

enum { NATIVE_AREA = 0x4000 };
struct native_evex {
    uint8_t *code;
    uint8_t *area; /* NATIVE_AREA bytes below 4 GiB, behind which nothing is */
    int vector;    /* of the exception, or -1 */
};
/* One at a time: signals have no argument. */
extern struct native_evex native;

void native_open(void);
void native_close(void);
/* -1, or the vector of the exception, until which the instruction has changed what it has.  All
 * registers but RSP are from s. */
int native_step(struct state *s, const uint8_t *bytes, unsigned n);

#endif
