/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-count - guest time under -icount shift=3: an instruction takes 8 ns by every clock there is,
 * timers come at their instruction, and figures that speed decides elsewhere are printed: they are
 * the same in each run (count.sh).
 *
 * Intel SDM volume 3, chapters 10.5.4 and 18.17; IA-PC HPET Specification 1.0a; 8254 data sheet.
 */
#include "long.h"

enum { NS = 8 };
static volatile uint64_t *const hpet = (volatile uint64_t *)0xfed00000ull;

uint8_t many[100000];

/* Two times 8 ns a round, and what is in between the two looks. */
#define ROUNDS(n)                                                                                  \
    __asm__ volatile("movl %0, %%ecx\n1:\tdecl %%ecx\n\tjnz 1b" : : "i"(n) : "rcx", "cc")

static void time_stamps(void)
{
    uint32_t from, to;

    for (unsigned i = 0; i < 3; i++) {
        __asm__ volatile(
            "rdtsc\n\tmovl %%eax, %0\n\tmovl $1000, %%ecx\n1:\tdecl %%ecx\n\tjnz 1b\n\t"
            "rdtsc\n\tmovl %%eax, %1"
            : "=&r"(from), "=&r"(to)
            :
            : "rax", "rcx", "rdx", "cc");
        check_value("TSC: 2003 instructions", to - from, 2003 * NS);
    }
    __asm__ volatile("rdtsc\n\tmovl %%eax, %0\n\tnop\n\trdtsc\n\tsubl %%eax, %0"
                     : "=&r"(from)
                     :
                     : "rax", "rdx", "cc");
    check_value("    and 3", -from, 3 * NS);
    __asm__ volatile("movl $many, %%edi\n\tmovl $100000, %%ecx\n\trdtsc\n\tmovl %%eax, %0\n\t"
                     "rep stosb\n\tnop\n\trdtsc\n\tsubl %%eax, %0"
                     : "=&r"(from)
                     :
                     : "rax", "rcx", "rdx", "rdi", "cc", "memory");
    check_value("    a repeated one for each element", -from, (2 + 100000 + 1) * NS);
}

/* The main counter has a period of 10 ns. */
static void hpet_counter(void)
{
    uint64_t from, to, tsc;

    hpet[2] = 1;
    tsc = rdtsc();
    from = hpet[0x1e];
    ROUNDS(5000);
    to = hpet[0x1e];
    tsc = rdtsc() - tsc;
    show("HPET", to - from);
    verdict("    as the TSC says", (to - from) * 10 <= tsc && (to - from) * 10 + 400 > tsc);
}

/* Counter 2 of the 8254 raises its output, bit 5 of port 61h, after 1193 periods: 1 ms. */
static void pit(void)
{
    unsigned rounds = 0;
    uint64_t from;

    outb(0x61, 1);
    outb(0x43, 0xb0);
    from = rdtsc();
    outb(0x42, 1193 & 0xff);
    outb(0x42, 1193 >> 8);
    while (!(inb(0x61) & 0x20))
        rounds++;
    from = rdtsc() - from;
    show("8254: rounds of waiting", rounds);
    show("    ns", from);
    verdict("    a millisecond", from > 999000 && from < 1001500);
}

/* A loop of two instructions is interrupted after 10 us: at the same one each time. */
static void timer(void)
{
    uint64_t n = 0, before = 0;

    apic_set(0x3e0, 0xb);
    apic_set(0x320, 0x63);
    for (unsigned i = 0; i < 8; i++) {
        n = 0;
        interrupts[0x63] = 0;
        __asm__ volatile("movl $10000, (%2)\n\tsti\n1:\tincq %0\n\tcmpl $0, %1\n\tje 1b\n\tcli"
                         : "+r"(n)
                         : "m"(interrupts[0x63]), "r"(0xfee00380ull)
                         : "memory", "cc");
        if (i)
            check_value("APIC timer: the same round", n, before);
        before = n;
    }
    show("    rounds", n);
    verdict("    of 3 instructions", n * 3 >= 10000 / NS - 3 && n * 3 <= 10000 / NS + 50);
}

/* A loop whose time goes into the elements of an instruction, with an interrupt each 100 us. */
static void repeated(void)
{
    uint64_t rounds = 60000, from, n;

    interrupts[0x63] = 0;
    apic_set(0x320, 0x20063);
    apic_set(0x380, 100000);
    from = rdtsc();
    __asm__ volatile("sti\n1:\tmovl $many, %%edi\n\tmovl $37, %%ecx\n\trep stosb\n\tdecq %0\n\t"
                     "jnz 1b\n\tcli"
                     : "+r"(rounds)
                     :
                     : "rcx", "rdi", "cc", "memory");
    from = rdtsc() - from;
    n = interrupts[0x63];
    apic_set(0x380, 0);
    apic_set(0x320, 0x63);
    show("APIC timer, beside a repeated one: interrupts", n);
    verdict("    one each 100 us", n >= from / 100000 - 1 && n <= from / 100000 + 1);
}

/* Asleep, time goes to the timer's deadline. */
static void sleep(void)
{
    uint64_t from;

    for (unsigned i = 0; i < 4; i++) {
        interrupts[0x63] = 0;
        from = rdtsc();
        apic_set(0x380, 50000000);
        __asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
        from = rdtsc() - from;
        show("HLT: ns", from);
        check_value("    ended by the timer", interrupts[0x63], 1);
        verdict("    on time", from >= 50000000 && from < 50002000);
    }
}

static void chance(void)
{
    uint64_t a, b;

    __asm__ volatile("rdrand %0\n\trdrand %1" : "=r"(a), "=r"(b) : : "cc");
    show("RDRAND", a);
    show("    and", b);
    verdict("    differ", a != b);
}

/* ---- Two processors ---- */

static volatile unsigned shared, stop;

static void count(void)
{
    while (!stop)
        shared++;
}

static void beside(void)
{
    uint64_t end;

    if ((cpuid(1, 0).b >> 16 & 0xff) < 2)
        return;
    start_others();
    verdict("the other processor", reached(&cpus_online, 2));
    run_on(1, count);
    end = rdtsc() + 5000000;
    while (rdtsc() < end)
        ;
    stop = 1;
    wait_for(1);
    show("    counts to", shared);
    verdict("    half the time", shared > 30000 && shared < 70000);
}

_Noreturn void guest_main(void)
{
    long_init();
    time_stamps();
    hpet_counter();
    pit();
    timer();
    repeated();
    sleep();
    chance();
    beside();
    finish();
}
