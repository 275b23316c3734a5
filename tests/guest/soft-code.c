/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-code - code that changes: by itself, by another processor, by DMA, through another mapping;
 * and code that crosses pages, the second of them missing.  Runs with two processors.
 *
 * Intel SDM volume 3, sections 8.1.3 (self- and cross-modifying code), 11.6; QEMU's fw_cfg DMA.
 */
#include "long.h"

/* mov $n, %eax; ret */
static char code[3 * 4096] __attribute__((aligned(4096)));
typedef unsigned function(void);

static void put(char *at, unsigned n)
{
    volatile char *p = at;

    p[0] = (char)0xb8;
    for (int i = 0; i < 4; i++)
        p[1 + i] = n >> i * 8;
    p[5] = (char)0xc3;
}

static unsigned call(char *at)
{
    return ((function *)at)();
}

static void by_itself(void)
{
    unsigned wrong = 0;

    for (unsigned i = 0; i < 1000; i++) {
        put(code, i);
        wrong += call(code) != i;
    }
    check_value("called after each change", wrong, 0);
    for (unsigned i = 0; i < 1000; i++) {
        put(code, 7);
        call(code);
        *(volatile unsigned *)(code + 1) = i;
        wrong += call(code) != i;
    }
    check_value("called before and after", wrong, 0);
}

/* A store changes the instruction right behind it, in the same straight line. */
static void next_instruction(void)
{
    static const char text[] = "\xc6\x07\x2a" /* movb $42, (%rdi) */
                               "\xb8\1\0\0\0" /* mov $1, %eax; its operand is written */
                               "\xc3";
    unsigned r;

    for (int turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < sizeof(text); i++)
            *(volatile char *)(code + i) = text[i];
        __asm__ volatile("call *%1" : "=a"(r) : "r"(code), "D"(code + 4) : "memory");
        check_value("the next instruction changes", r, 42);
    }
    /* rep stosb over itself: what it has begun, it ends; then come the NOPs it wrote */
    static const char stos[] = "\xf3\xaa\xb8\1\0\0\0\xc3";
    for (unsigned i = 0; i < sizeof(stos); i++)
        *(volatile char *)(code + i) = stos[i];
    __asm__ volatile("movl $5, %%ecx\n\tcall *%1"
                     : "=a"(r)
                     : "r"(code), "D"(code + 2), "a"(0x90)
                     : "rcx", "memory");
    check_value("REP STOSB over its successor", r, 0x90);
}

static void aliased(void)
{
    for (unsigned i = 0; i < 3; i++)
        map(i, (uint64_t)(code + 4096) | P | W);
    put(code + 4096, 1);
    check_value("through one page", call(at_window(0)), 1);
    put(at_window(1), 2);
    check_value("changed through another", call(at_window(0)), 2);
    put(code + 4096, 3);
    check_value("    and a third", call(at_window(2)), 3);
    check_value("    seen by the first", call(at_window(0)), 3);
    put(code, 4);
    map(0, (uint64_t)code | P | W);
    check_value("a page is mapped otherwise", call(at_window(0)), 4);
    map(0, (uint64_t)(code + 4096) | P | W);
    check_value("    and back", call(at_window(0)), 3);
}

static void crossing(void)
{
    char *at = at_window(10) + 4096 - 3;

    map(10, (uint64_t)code | P | W);
    map(11, (uint64_t)(code + 8192) | P | W);
    put(at, 0x11223344);
    check_value("an instruction across two pages", call(at), 0x11223344);
    *(volatile char *)(code + 8192) = 0x77; /* the operand's third byte */
    check_value("    its second half changes", call(at), 0x11773344);
    put(code + 4096, 0);
    map(11, (uint64_t)(code + 4096) | P | W);
    for (int i = 0; i < 3; i++)
        *(volatile char *)(code + 4096 + i) = "\x55\x66\xc3"[i];
    check_value("    its second page is mapped otherwise", call(at), 0x66553344);
    map(11, 0);
    ATTEMPT("call *%0", : : "D"(at) : "rax", "memory");
    expect_pf("#PF at its second page", 0x10, (uint64_t)at_window(11));
    check_value("    RIP is its first byte", trap.rip, (uint64_t)at);
    map(11, (uint64_t)(code + 4096) | P | W | NX);
    ATTEMPT("call *%0", : : "D"(at) : "rax", "memory");
    expect_pf("#PF NX at its second page", 0x11, (uint64_t)at_window(11));
    map(11, (uint64_t)(code + 4096) | P | W);
    check_value("    is back", call(at), 0x66553344);
    map(11, 0);
    *(volatile char *)(at_window(10) + 4095) = (char)0xc3;
    call(at_window(10) + 4095);
    verdict("RET is the last byte before a missing page", true);
}

/* ---- Another processor ---- */

static volatile unsigned seen;
static volatile bool stop;

/* Calls the code until told to stop; says which value it saw last. */
static void keep_calling(void)
{
    while (!stop)
        seen = call(code);
}

static void by_another(void)
{
    unsigned wrong = 0;

    start_others();
    verdict("another processor", reached(&cpus_online, 2));
    put(code, 0);
    run_on(1, keep_calling);
    for (unsigned i = 1; i <= 200; i++) {
        __atomic_store_n((unsigned *)(code + 1), i, __ATOMIC_SEQ_CST);
        for (uint64_t end = rdtsc() + 3000000000ull; seen != i && rdtsc() < end;)
            __asm__ volatile("pause");
        wrong += seen != i;
        if (wrong)
            break;
    }
    check_value("code that another processor runs", wrong, 0);
    stop = true;
    wait_for(1);
}

/* ---- DMA ---- */

static uint32_t swap32(uint32_t v)
{
    return __builtin_bswap32(v);
}

/* fw_cfg writes its signature, "QEMU", over the operand. */
static void by_dma(void)
{
    struct {
        uint32_t control, length;
        uint64_t address;
    } volatile request = { swap32(0xa), swap32(4), __builtin_bswap64((uint64_t)(code + 1)) };
    uint64_t at = (uint64_t)&request;

    put(code, 1);
    check_value("before DMA", call(code), 1);
    outl(0x514, swap32(at >> 32));
    outl(0x518, swap32(at));
    while (swap32(request.control) & ~1u)
        ;
    check_value("code by DMA", call(code), 0x554d4551);
}

void guest_main(void)
{
    long_init();
    by_itself();
    next_instruction();
    aliased();
    crossing();
    by_another();
    by_dma();
    finish();
}
