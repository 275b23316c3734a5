/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit-host - a processor that translates what it runs at once, and pages of 4 KiB for it.
 */
#ifndef TENON_TEST_SOFT_JIT_HOST_H
#define TENON_TEST_SOFT_JIT_HOST_H

#include "soft-host.h"

static inline struct soft_host *translating(void)
{
    struct soft_host *h = soft_host_create(64);

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    h->cpu->blocks->jit->patience = 4;
    return h;
}

/* The processor goes on there, whatever it stopped for. */
static inline void begin_again(struct soft_host *h, uint64_t rip)
{
    h->cpu->rip = rip;
    h->cpu->halted = false;
    h->cpu->wanted = 0;
}

/* Pages of 4 KiB from 4 MiB on. */
enum { PAGED = 4 << 20, PAGED_TABLE = SOFT_TABLES + 0x3000, PAGE_GLOBAL = 0x100 };

static inline void map_page(struct soft_host *h, unsigned n, uint64_t phys, unsigned bits)
{
    ((uint64_t *)(h->ram + SOFT_TABLES + 0x2000))[PAGED >> 21] = PAGED_TABLE | 7;
    ((uint64_t *)(h->ram + PAGED_TABLE))[n] = phys | 3 | bits;
}

/* Two functions each in three pages, which give the page's number, and who calls them. */
static inline void put_calls(struct soft_host *h)
{
    /* call $ + 0x1000; add edx, eax; call rbx; add edx, eax; dec ecx; jnz; hlt */
    static const uint8_t caller[] = { 0xe8, 0xfb, 0x0f, 0,    0,    1,    0xc2, 0xff, 0xd3,
                                      1,    0xc2, 0xff, 0xc9, 0x75, 0xf1, 0x90, 0xf4 };
    uint8_t function[] = { 0xb8, 1, 0, 0, 0, 0xc3 }; /* mov eax, 1; ret */

    memcpy(h->ram + 0x30000, caller, sizeof(caller));
    for (unsigned i = 1; i < 4; i++, function[1]++) {
        memcpy(h->ram + 0x30000 + i * 0x1000, function, sizeof(function));
        memcpy(h->ram + 0x30100 + i * 0x1000, function, sizeof(function));
    }
}

#endif
