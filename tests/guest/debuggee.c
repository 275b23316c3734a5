/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * debuggee - what tests/debug/gdb.py looks at through gdb: it goes round until somebody sets over,
 * on one processor or two, with or without a timer's interrupts.
 */
#include "long.h"

#ifdef __clang__ /* which does not clone */
#define VISIBLE __attribute__((noinline, used))
#else
#define VISIBLE __attribute__((noinline, noclone, used))
#endif

volatile uint64_t counter, watched, looked_at = 5, others, over, timer, own_int3, own_breaks;
volatile uint64_t milestone, when; /* a value of watched, and the time stamp counter then */
const uint8_t pattern[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
uint8_t filled[64];

VISIBLE void tick(void)
{
    counter++;
}

VISIBLE void change(void)
{
    watched = counter;
}

VISIBLE uint64_t look(void)
{
    return looked_at;
}

/* Each instruction is where gdb expects it. */
void walk(void);
extern char step_1[], step_2[], step_3[], step_rep[], step_end[];
__asm__(".globl walk, step_1, step_2, step_3, step_rep, step_end\n"
        "walk:   movl $1, %eax\n"
        "step_1:  pushq %rax\n"
        "step_2:  popq %rcx\n"
        "step_3:  movq $filled, %rdi\n"
        "         movl $3, %ecx\n"
        "step_rep: rep stosb\n"
        "step_end: ret\n");

VISIBLE void units(void)
{
    __asm__ volatile("fninit\n\tfldpi\n\tfld1\n\tmovdqu %0, %%xmm3" : : "m"(pattern));
}

static void other(void)
{
    while (!over)
        others++;
}

/* The guest's own, which is none of the debugger's business. */
VISIBLE void breakpoint_of_its_own(void)
{
    ATTEMPT("int3", : : : "memory");
    own_breaks += trap.vector == BP;
    own_int3 = 0;
}

VISIBLE void arrived(void)
{
    when = rdtsc();
}

static void start_timer(void)
{
    apic_set(0xf0, 0x1ff);    /* on */
    apic_set(0x3e0, 0xb);     /* divided by 1 */
    apic_set(0x320, 0x20040); /* periodic, vector 40h */
    apic_set(0x380, 1000000);
    __asm__ volatile("sti");
    timer = 0;
}

void guest_main(void)
{
    WRITE_CR(4, READ_CR(4) | 0x600); /* OSFXSR, OSXMMEXCPT */
    long_init();
    units();
    start_others();
    run_on(1, other);
    while (!over) {
        tick();
        change();
        look();
        walk();
        if (own_int3)
            breakpoint_of_its_own();
        if (timer)
            start_timer();
        if (watched == milestone)
            arrived();
    }
    verdict("asked to end", true);
    finish();
}
