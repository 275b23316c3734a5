/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-mips - how many instructions a second the software processor executes, in small loops.
 */
#include <stdio.h>
#include <time.h>

#include "soft-host.h"

struct loop {
    const char *name;
    unsigned bytes;
    const char *code;
};

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void measure(const struct loop *loop)
{
    struct soft_host *h = soft_host_create(64);
    double begin, end;
    int vector;

    soft_host_code(h, SOFT_CODE, loop->code, loop->bytes);
    h->cpu->r[RSI] = SOFT_DATA;
    h->cpu->r[RDI] = SOFT_DATA + 0x1000;
    begin = seconds();
    vector = soft_host_run(h, 200000000);
    end = seconds();
    printf("%-10s %6.0f MIPS%s\n", loop->name, h->cpu->instructions / (end - begin) / 1e6,
           vector < 0 ? "" : " (faulted)");
    soft_host_destroy(h);
}

int main(void)
{
    static const struct loop loops[] = {
        /* add rax, rbx; xor rcx, rax; shl rdx, 3; sub rdx, rcx; lea rbx, [rax + rdx * 4 + 5]; inc
         * r8; cmp r8, -1; jnz */
        { "integer", 29,
          "\x48\x01\xd8\x48\x31\xc1\x48\xc1\xe2\x03\x48\x29\xca\x48\x8d\x5c\x90\x05"
          "\x49\xff\xc0\x49\x83\xf8\xff\x75\xe5\x90\x90" },
        /* mov eax, [rsi + 8]; add [rsi], eax; mov [rdi], rax; inc ecx; cmp ecx, -1; jnz */
        { "memory", 15, "\x8b\x46\x08\x01\x06\x48\x89\x07\xff\xc1\x83\xf9\xff\x75\xf1" },
        /* call f; dec ecx; jnz; jmp; f: ret */
        { "call", 12, "\xe8\x06\x00\x00\x00\xff\xc9\x75\xf7\xeb\xf5\xc3" },
    };

    for (unsigned i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
        measure(&loops[i]);
    return 0;
}
