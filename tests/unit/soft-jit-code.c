/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit-code - what becomes of translated code when the guest's is elsewhere, or is written
 * over, when there is no room, at breakpoints and at the end of a budget.
 */
#include <sys/mman.h>

#include "blocks.h"
#include "soft-host.h"

/* ---- Code that is elsewhere, or other code, than it was ---- */

static struct soft_host *translating(void)
{
    struct soft_host *h = soft_host_create(64);

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    h->cpu->blocks->jit->patience = 4;
    return h;
}

/* Pages of 4 KiB from 4 MiB on. */
enum { PAGED = 4 << 20, PAGED_TABLE = SOFT_TABLES + 0x3000, PAGE_GLOBAL = 0x100 };

static void map_page(struct soft_host *h, unsigned n, uint64_t phys, unsigned bits)
{
    ((uint64_t *)(h->ram + SOFT_TABLES + 0x2000))[PAGED >> 21] = PAGED_TABLE | 7;
    ((uint64_t *)(h->ram + PAGED_TABLE))[n] = phys | 3 | bits;
}

/* Calls a function in the next page, and another one through RBX, often enough to be linked. */
static uint64_t sum_of_calls(struct soft_host *h, uint64_t other)
{
    struct cpu *cpu = h->cpu;

    cpu->rip = PAGED;
    cpu->r[RBX] = other;
    cpu->r[RCX] = 40;
    cpu->r[RDX] = 0;
    cpu->halted = false;
    cpu->wanted = 0;
    g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
    g_assert_cmphex(cpu->rip, ==, PAGED + 17);
    return cpu->r[RDX];
}

/* Two functions each in three pages, which give the page's number, and who calls them. */
static void put_calls(struct soft_host *h)
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

static void test_remapped(gconstpointer bits)
{
    const uint64_t other = PAGED + 0x1100;
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    unsigned global = GPOINTER_TO_UINT(bits);

    cpu->cr4 |= CR4_PGE;
    put_calls(h);
    map_page(h, 0, 0x30000, global);
    map_page(h, 1, 0x31000, global);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 80);
    map_page(h, 1, 0x32000, global);
    tlb_flush_page(cpu, PAGED + 0x1000);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 160);
    map_page(h, 1, 0x33000, global);
    tlb_flush(cpu, global);
    g_assert_cmpuint(sum_of_calls(h, other), ==, 240);
    map_page(h, 1, 0x31000, global); /* those blocks are good again */
    tlb_flush(cpu, global);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 80);
    mem_write(cpu, PAGED + 0x1001, 7, 1); /* and now they are not */
    g_assert_cmpuint(sum_of_calls(h, other), ==, 320);
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* One page at two addresses, of which one comes to lead elsewhere. */
static void test_aliased(void)
{
    const uint64_t other = PAGED + 0x2100;
    struct soft_host *h = translating();

    put_calls(h);
    map_page(h, 0, 0x30000, 0);
    map_page(h, 1, 0x31000, 0);
    map_page(h, 2, 0x31000, 0);
    tlb_flush(h->cpu, true);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 80);
    map_page(h, 2, 0x32000, 0);
    tlb_flush_page(h->cpu, other);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 120);
    map_page(h, 1, 0x33000, 0);
    tlb_flush(h->cpu, false);
    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(sum_of_calls(h, other), ==, 200);
    soft_host_destroy(h);
}

/* A loop with an instruction that crosses into a page, which comes to be another. */
static void test_crossing(void)
{
    /* nop; sub ecx, 1; mov eax, N << 16, of which N is in the next page */
    static const uint8_t first[] = { 0x90, 0x83, 0xe9, 1, 0xb8, 0, 0 };
    uint8_t second[] = { 1,    0,    0x01, 0xc2, 0x85, 0xc9, /* add edx, eax; test ecx, ecx */
                         0x75, 0xf1, 0xf4 };                 /* jnz to the first; hlt */
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    memcpy(h->ram + 0x31000 - sizeof(first), first, sizeof(first));
    for (unsigned i = 1; i < 4; i++, second[0]++)
        memcpy(h->ram + 0x30000 + i * 0x1000, second, sizeof(second));
    map_page(h, 0, 0x30000, 0);
    for (unsigned n = 0; n < 9; n++) {
        map_page(h, 1, 0x31000 + n / 3 * 0x1000, 0);
        tlb_flush_page(cpu, PAGED + 0x1000);
        cpu->rip = PAGED + 0x1000 - sizeof(first);
        cpu->r[RCX] = 1500;
        cpu->r[RDX] = 0;
        cpu->halted = false;
        cpu->wanted = 0;
        g_assert_cmpint(soft_host_run(h, 20000), ==, -1);
        g_assert_cmphex(cpu->r[RDX], ==, (n / 3 + 1) * 1500 << 16);
    }
    soft_host_destroy(h);
}

/* Each round changes the function that it calls, to which it is linked. */
static void test_overwritten(void)
{
    /* mov [rip + 10], cl; call f; add ebx, eax; dec ecx; jnz; hlt; f: mov eax, 0; ret */
    static const uint8_t code[] = { 0x88, 0x0d, 0x0d, 0,    0,    0,    0xe8, 0x07, 0, 0, 0, 1,
                                    0xc3, 0xff, 0xc9, 0x75, 0xef, 0xf4, 0xb8, 0,    0, 0, 0, 0xc3 };
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RCX] = 100;
    h->cpu->r[RBX] = 0;
    g_assert_cmpint(soft_host_run(h, 10000), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + 18);
    g_assert_cmpuint(h->cpu->r[RBX], ==, 5050);
    soft_host_destroy(h);
}

/* A call within a region pushes to one page, what it calls to the one before, which is not beside
 * it in memory. */
static void test_region_stack(gconstpointer through_rbx)
{
    /* call f (or rbx); sub ecx, 1; jnz; hlt; f: push rcx; pop rax; add rdx, rax; ret */
    uint8_t code[] = { 0xe8, 6,    0,    0,    0,    0x83, 0xe9, 1,   0x75,
                       0xf6, 0xf4, 0x51, 0x58, 0x48, 0x01, 0xc2, 0xc3 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint64_t *below = (uint64_t *)(h->ram + 0x41ff8), pushed;

    if (through_rbx)
        memcpy(code, "\xff\xd3\x0f\x1f", 5);
    cpu->r[RBX] = SOFT_CODE + 11;
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    map_page(h, 1, 0x45000, 0);
    map_page(h, 2, 0x42000, 0);
    tlb_flush(cpu, true);
    *below = 0x1234;
    cpu->r[RCX] = 200;
    cpu->r[RDX] = 0;
    cpu->r[RSP] = PAGED + 0x2008;
    g_assert_cmpint(soft_host_run(h, 10000), ==, -1);
    g_assert_cmpuint(cpu->r[RDX], ==, 200 * 201 / 2);
    memcpy(&pushed, h->ram + 0x45ff8, 8);
    g_assert_cmpuint(pushed, ==, 1);
    g_assert_cmphex(*below, ==, 0x1234);
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* A loop that calls into another page, through RBX, in each round or each other one: what is there
 * is overwritten, and what comes there instead, while it is a region. */
static void test_region_callee(gconstpointer every)
{
    /* test cl, 0 or 1; jnz a; call rbx; a: add edx, eax; sub ecx, 1; jnz; hlt */
    uint8_t caller[] = { 0xf6, 0xc1, 1,    0x75, 2,    0xff, 0xd3, 1,
                         0xc2, 0x83, 0xe9, 1,    0x75, 0xf2, 0xf4 };
    unsigned calls = every ? 50 : 25;
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint64_t regions = 0;

    caller[2] = !every;
    put_calls(h);
    memcpy(h->ram + 0x30000, caller, sizeof(caller));
    for (unsigned i = 0; i < 4; i++)
        map_page(h, i, 0x30000 + i * 0x1000, 0);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < 60; i++) {
        unsigned page = 1 + i / 20, gives = page;

        if (i % 20 == 10) /* that page leads to where the next one does */
            map_page(h, page, 0x30000 + (page % 3 + 1) * 0x1000, 0),
                tlb_flush_page(cpu, PAGED + page * 0x1000);
        if (i % 20 >= 10)
            gives = page % 3 + 1;
        if (i % 20 == 15)
            mem_write(cpu, PAGED + page * 0x1000 + 1, gives, 1);
        cpu->rip = PAGED;
        cpu->r[RBX] = PAGED + page * 0x1000;
        cpu->r[RCX] = 50;
        cpu->r[RDX] = 0;
        cpu->r[RSP] = SOFT_STACK;
        cpu->halted = false;
        cpu->wanted = 0;
        cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
        g_assert_cmpuint(cpu->r[RDX], ==, 50 * gives);
        g_assert_cmphex(cpu->r[RSP], ==, SOFT_STACK);
        g_assert_cmpuint(cpu->instructions, ==, 50 * 5 + calls * 3 + 1);
        regions = cpu->blocks->jit->count.regions;
    }
    g_assert_cmpuint(regions, >, 0);
    soft_host_destroy(h);
}

/* A loop of which each other round jumps to another page and back; that comes to be another one. */
static void test_region_page(void)
{
    /* test cl, 1; jnz a; jmp $ + 0x113b; a: add edx, eax; sub ecx, 1; jnz; hlt */
    static const uint8_t code[] = { 0xf6, 0xc1, 1,    0x75, 5,    0xe9, 0x36, 0x11, 0,
                                    0,    1,    0xc2, 0x83, 0xe9, 1,    0x75, 0xef, 0xf4 };
    /* mov eax, N; jmp a */
    uint8_t there[] = { 0xb8, 1, 0, 0, 0, 0xe9, 0xc0, 0xee, 0xff, 0xff };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    memcpy(h->ram + 0x30000, code, sizeof(code));
    for (unsigned i = 1; i < 4; i++, there[1]++)
        memcpy(h->ram + 0x30140 + i * 0x1000, there, sizeof(there));
    map_page(h, 0, 0x30000, 0);
    for (unsigned i = 0; i < 60; i++) {
        unsigned page = i / 5 % 3 + 1;

        map_page(h, 1, 0x30000 + page * 0x1000, 0);
        tlb_flush_page(cpu, PAGED + 0x1000);
        cpu->rip = PAGED;
        cpu->r[RCX] = 50;
        cpu->r[RAX] = cpu->r[RDX] = 0;
        cpu->halted = false;
        cpu->wanted = 0;
        g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
        g_assert_cmpuint(cpu->r[RDX], ==, 50 * page);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* A loop that is entered in its middle, to which two jumps lead back, each elsewhere before it;
 * it goes through two functions of one page.  All of it is one region, from the middle on. */
static void test_region_middle(void)
{
    /* jmp m; a: inc eax; b: inc edx; m: call rbx; sub ecx, 1; jz e; test cl, 3; jz a; inc esi;
     * test cl, 4; jmp b; e: hlt */
    static const uint8_t code[] = { 0xeb, 4,    0xff, 0xc0, 0xff, 0xc2, 0xff, 0xd3, 0x83,
                                    0xe9, 1,    0x74, 12,   0xf6, 0xc1, 3,    0x74, 0xf0,
                                    0xff, 0xc6, 0xf6, 0xc1, 4,    0xeb, 0xeb, 0xf4 };
    static const uint8_t function[] = { 0x57, 0x5f, 0xc3 }; /* push rdi; pop rdi; ret */
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    jit_destroy(cpu);
    g_assert_cmpint(jit_create(cpu, JIT_LEAST, 4), ==, 0); /* all ways are gone before */
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    memcpy(h->ram + 0x31100, function, sizeof(function));
    map_page(h, 1, 0x31000, 0);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < 200; i++) {
        unsigned rounds = 1 + i * 7 % 41, quarters = (rounds - 1) / 4;

        cpu->rip = SOFT_CODE;
        cpu->r[RBX] = PAGED + 0x1100;
        cpu->r[RCX] = rounds;
        cpu->r[RAX] = cpu->r[RDX] = cpu->r[RSI] = 0;
        cpu->r[RSP] = SOFT_STACK;
        cpu->halted = false;
        cpu->wanted = 0;
        cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
        g_assert_cmphex(cpu->rip, ==, SOFT_CODE + sizeof(code));
        g_assert_cmpuint(cpu->r[RAX], ==, quarters);
        g_assert_cmpuint(cpu->r[RSI], ==, rounds - 1 - quarters);
        g_assert_cmpuint(cpu->r[RDX], ==, rounds - 1);
        g_assert_cmphex(cpu->r[RSP], ==, SOFT_STACK);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, ==, 1);
    soft_host_destroy(h);
}

/* A loop calls where it has always gone; then, in its last rounds, elsewhere, to what is not
 * canonical, and where the stack is not there. */
static void test_region_call(void)
{
    /* a: cmp ecx, 5; cmovb rbx, rsi; cmovb rsp, rdi; call rbx; sub ecx, 1; jnz a; hlt */
    static const uint8_t code[] = { 0x83, 0xf9, 5,    0x48, 0x0f, 0x42, 0xde, 0x48, 0x0f, 0x42,
                                    0xe7, 0xff, 0xd3, 0x83, 0xe9, 1,    0x75, 0xee, 0xf4 };
    /* setc al; add edx, eax; ret; or twice that */
    static const uint8_t once[] = { 0x0f, 0x92, 0xc0, 1, 0xc2, 0xc3 },
                         twice[] = { 0x0f, 0x92, 0xc0, 1, 0xc2, 1, 0xc2, 0xc3 };
    enum { F = SOFT_CODE + 0x100, G = SOFT_CODE + 0x200 };
    static const struct {
        uint64_t rsi, rdi;
        int ended;
        unsigned sum;
    } last[] = { { F, SOFT_STACK, -1, 4 },
                 { G, SOFT_STACK, -1, 8 },
                 { 1ull << 50, SOFT_STACK, 13, 0 },
                 { G, 1ull << 40, 14, 0 } };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    memcpy(h->ram + F, once, sizeof(once));
    memcpy(h->ram + G, twice, sizeof(twice));
    for (unsigned i = 0; i < 60; i++) {
        unsigned which = i < 20 ? 0 : i % 4;

        cpu->r[RBX] = F;
        cpu->r[RSI] = last[which].rsi;
        cpu->r[RDI] = last[which].rdi;
        cpu->r[RSP] = SOFT_STACK;
        cpu->r[RCX] = 50;
        cpu->r[RAX] = cpu->r[RDX] = 0;
        cpu->rip = SOFT_CODE;
        cpu->halted = false;
        cpu->wanted = 0;
        g_assert_cmpint(soft_host_run(h, 1000), ==, last[which].ended);
        g_assert_cmpuint(cpu->r[RDX], ==, last[which].sum);
        g_assert_cmphex(cpu->r[RSP], ==, last[which].rdi);
        if (last[which].ended < 0)
            continue;
        g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 11);
        g_assert_cmpuint(cpu->r[RCX], ==, 4);
        g_assert_cmphex(cpu->flags & F_ARITH, ==, F_CF | F_PF | F_AF | F_SF);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* A comparison's flags die unread, but for a fault after one of its operands has changed. */
static void test_region_spoilt(gconstpointer in_r8)
{
    /* a: cmp eax, ebx; mov eax, [rsi + rbp * 4]; mov edx, [rdi]; lea rdi, [rdi + 4];
     * lea rbp, [rbp + 1]; sub ecx, 1; jnz a; hlt, with EAX or R8D */
    uint8_t code[] = { 0x40, 0x39, 0xd8, 0x40, 0x8b, 0x04, 0xae, 0x8b, 0x17, 0x48, 0x8d, 0x7f,
                       4,    0x48, 0x8d, 0x6d, 1,    0x83, 0xe9, 1,    0x75, 0xea, 0xf4 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    if (in_r8) {
        code[0] = 0x41; /* of what ModRM's r/m names, and its reg */
        code[3] = 0x44;
    }
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    map_page(h, 0, 0x30000, 0);
    map_page(h, 1, 0x33000, 0);
    tlb_flush(cpu, true);
    for (unsigned i = 0; i < 200; i++) /* less than EBX, and more */
        h->ram[SOFT_DATA + i * 4] = i & 1 ? 2 : 0;
    for (unsigned i = 0; i < 20; i++) {
        unsigned rounds = 100 + i;
        uint64_t *r = &cpu->r[in_r8 ? R8 : RAX];

        *r = 2;
        cpu->r[RBX] = 1;
        cpu->r[RSI] = SOFT_DATA;
        cpu->r[RDI] = PAGED + 0x2000 - rounds * 4;
        cpu->r[RBP] = 0;
        cpu->r[RCX] = 1000;
        cpu->rip = SOFT_CODE;
        g_assert_cmpint(soft_host_run(h, 10000), ==, 14);
        g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 7);
        g_assert_cmpuint(cpu->r[RCX], ==, 1000 - rounds);
        g_assert_cmpuint(*r, ==, rounds & 1 ? 2 : 0);
        g_assert_cmphex(cpu->flags & F_CF, ==, rounds & 1 ? F_CF : 0);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* What is pushed lies in two pages, in each round, or so seldom that they go on being looked up
 * together. */
static void test_splits(gconstpointer often)
{
    /* a: mov rsp, rbx; test ecx, 1023 or 0; cmovz rsp, rdi; push rcx; push rcx; pop rax; pop rdx;
     * add rsi, rax; sub ecx, 1; jnz a; hlt */
    uint8_t code[] = {
        0x48, 0x89, 0xdc, 0xf7, 0xc1, 0xff, 3,    0,    0,    0x48, 0x0f, 0x44, 0xe7,
        0x51, 0x51, 0x58, 0x5a, 0x48, 0x01, 0xc6, 0x83, 0xe9, 1,    0x75, 0xe7, 0xf4
    };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    if (often)
        code[5] = code[6] = 0;
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    map_page(h, 1, 0x45000, 0);
    map_page(h, 2, 0x42000, 0);
    tlb_flush(cpu, true);
    cpu->r[RBX] = SOFT_STACK;
    cpu->r[RDI] = PAGED + 0x2008;
    cpu->r[RCX] = 20000;
    cpu->r[RSI] = 0;
    g_assert_cmpint(soft_host_run(h, 1 << 20), ==, -1);
    g_assert_cmpuint(cpu->r[RSI], ==, 20000 * 20001 / 2);
    g_assert_cmpuint(*(uint64_t *)(h->ram + 0x45ff8), ==, often ? 1 : 1024);
    g_assert_cmpuint(*(uint64_t *)(h->ram + 0x42000), ==, often ? 1 : 1024);
    if (often)
        g_assert_cmpuint(cpu->blocks->jit->count.splits, >, 0);
    else
        g_assert_cmpuint(cpu->blocks->jit->count.splits, ==, 0);
    soft_host_destroy(h);
}

static gpointer want_later(gpointer cpu)
{
    g_usleep(20000);
    __atomic_fetch_or(&((struct cpu *)cpu)->wanted, WANT_INTR, __ATOMIC_SEQ_CST);
    return NULL;
}

/* A region is left within a round when something is wanted, with its flags and count exact. */
static void test_region_wanted(void)
{
    /* inc eax; inc eax; test al, 2; jnz f; inc ebx; f: cmp eax, ebx; jmp */
    static const uint8_t code[] = { 0xff, 0xc0, 0xff, 0xc0, 0xa8, 2,    0x75,
                                    2,    0xff, 0xc3, 0x39, 0xd8, 0xeb, 0xf2 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned i = 0; i < 5; i++) {
        GThread *thread;
        uint64_t rounds;

        cpu->r[RAX] = cpu->r[RBX] = cpu->instructions = cpu->wanted = 0;
        cpu->rip = SOFT_CODE;
        thread = g_thread_new("wants", want_later, cpu);
        g_assert_cmpint(soft_host_run(h, 1ull << 60), ==, -1);
        g_thread_join(thread);
        rounds = cpu->r[RAX] / 2;
        g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
        g_assert_cmpuint(cpu->instructions, ==, 6 * rounds + (uint32_t)cpu->r[RBX]);
        g_assert_cmphex(cpu->flags & F_ZF, ==, 0);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, ==, 1);
    soft_host_destroy(h);
}

/* A loop that is entered in its midst and jumps back to two places is one region, from there. */
static void test_region_root(void)
{
    /* jmp c; a: add ebx, 2; b: add ebx, 1; dec ecx; jz end; c: ror eax, 1; jmp d; d: jc a;
     * add ebx, 4; jmp b; end: hlt */
    static const uint8_t code[] = { 0xeb, 0x0a, 0x83, 0xc3, 0x02, 0x83, 0xc3, 0x01,
                                    0xff, 0xc9, 0x74, 0x0b, 0xd1, 0xc8, 0xeb, 0x00,
                                    0x72, 0xf0, 0x83, 0xc3, 0x04, 0xeb, 0xee, 0xf4 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    const struct block *entered;

    cpu->blocks->jit->loops = 400; /* so that where it is entered is linked by then */
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned i = 0; i < 4; i++) {
        cpu->r[RAX] = 0x37b1;
        cpu->r[RBX] = 0;
        cpu->r[RCX] = 32 * 10;
        cpu->rip = SOFT_CODE;
        cpu->halted = false;
        cpu->wanted = 0;
        g_assert_cmpint(soft_host_run(h, 1 << 20), ==, -1);
        g_assert_cmpuint(cpu->r[RBX], ==, (9 * 3 + 23 * 5) * 10);
    }
    entered = *blocks_jump_entry(cpu, SOFT_CODE + 12);
    g_assert_true(entered && entered->region);
    g_assert_cmpuint(cpu->blocks->jit->count.regions, ==, 1);
    soft_host_destroy(h);
}

/* Registers that are copies of one another reach memory by what is known of one of them. */
static void test_region_copies(void)
{
    /* l: mov rsi, rbx; mov rdi, r15; add eax, [rdi]; add eax, [rsi]; add eax, [rbx + 4]
     * add eax, [r15 + 4]; add rbx, 4; lea r15, [rdi + 4]; dec ecx; jnz l; hlt */
    static const uint8_t code[] = { 0x48, 0x89, 0xde, 0x4c, 0x89, 0xff, 0x03, 0x07, 0x03, 0x06,
                                    0x03, 0x43, 0x04, 0x41, 0x03, 0x47, 0x04, 0x48, 0x83, 0xc3,
                                    0x04, 0x4c, 0x8d, 0x7f, 0x04, 0xff, 0xc9, 0x75, 0xe3, 0xf4 };
    enum { ROUNDS = 3000 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    unsigned used = 0;

    for (uint32_t i = 0; i <= ROUNDS; i++) {
        memcpy(h->ram + SOFT_DATA + 4 * i, &i, 4);
        memcpy(h->ram + SOFT_DATA + 0x8010 + 4 * i, &(uint32_t){ 3 * i }, 4);
    }
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    cpu->r[RAX] = 0;
    cpu->r[RBX] = SOFT_DATA;
    cpu->r[R15] = SOFT_DATA + 0x8010;
    cpu->r[RCX] = ROUNDS;
    g_assert_cmpint(soft_host_run(h, 1 << 20), ==, -1);
    g_assert_cmpuint(cpu->r[RAX], ==, 4 * ROUNDS * ROUNDS);
    g_assert_cmpuint(cpu->r[R15], ==, SOFT_DATA + 0x8010 + 4 * ROUNDS);
    for (unsigned i = 0; i < N_KEPT; i++)
        used += cpu->kept[i] != 0;
    g_assert_cmpuint(used, ==, 2);
    soft_host_destroy(h);
}

/* A pointer that comes into a page that may only be read is still known to write to the other. */
static void test_region_read_only(void)
{
    /* l: mov [rbx], eax; jmp m; m: mov ecx, [rbx + 8]; jmp n; n: mov [rbx + 8], eax; add rbx, 16;
     * jmp l */
    static const uint8_t code[] = { 0x89, 0x03, 0xeb, 0x00, 0x8b, 0x4b, 0x08, 0xeb, 0x00,
                                    0x89, 0x43, 0x08, 0x48, 0x83, 0xc3, 0x10, 0xeb, 0xee };
    enum { STORE = 9, FIRST = PAGED + 8, LAST = PAGED + 0x1000 - 8 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    cpu->cr0 |= CR0_WP;
    map_page(h, 0, 0x30000, 0);
    map_page(h, 1, 0x31000, 0);
    ((uint64_t *)(h->ram + PAGED_TABLE))[1] &= ~2ull;
    tlb_flush(cpu, true);
    g_assert_cmphex(mem_read(cpu, PAGED + 0x1000, 4), ==, 0); /* the TLB knows it then */
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    cpu->r[RAX] = 7;
    cpu->r[RBX] = FIRST;
    g_assert_cmpint(soft_host_run(h, 1 << 20), ==, EXC_PF);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + STORE);
    g_assert_cmphex(cpu->r[RBX], ==, LAST);
    g_assert_cmphex(h->ram[0x31000], ==, 0);
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

/* ---- More code than there is room for ---- */

/* Each adds its number to RBX and goes on to the next one, some by RET; the last one counts up what
 * the middle one adds, and begins again until RCX is 0. */
enum { PIECES = 300, PIECE = 16, MIDDLE = PIECES / 2, PIECE_ROUNDS = 10 };

static uint64_t piece_at(unsigned i)
{
    return SOFT_CODE + i * PIECE;
}

static void put_piece(uint8_t *code, unsigned i)
{
    static const uint8_t add[] = { 0x81, 0xc3 };
    uint32_t next = piece_at(i + 1), distance = PIECE - 11;

    memset(code, 0x90, PIECE);
    memcpy(code, add, 2); /* add ebx, i */
    memcpy(code + 2, &i, 4);
    code[6] = i % 3 ? 0xe9 : 0x68; /* jmp next, or push next; ret */
    memcpy(code + 7, i % 3 ? &distance : &next, 4);
    code[11] = 0xc3;
}

static struct soft_host *create_pieces(bool translates)
{
    /* inc dword [the middle one's immediate]; dec ecx; jnz first; hlt */
    static const uint8_t last[] = { 0xff, 0x04, 0x25, 0, 0, 0, 0, 0xff, 0xc9, 0x0f, 0x85 };
    struct soft_host *h = soft_host_create(64);
    uint8_t code[PIECES * PIECE + 32], *end = code + PIECES * PIECE;
    uint32_t middle = piece_at(MIDDLE) + 2, back = -(uint32_t)(PIECES * PIECE + sizeof(last) + 4);

    if (!translates)
        jit_destroy(h->cpu);
    else if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    soft_host_cramp(h);
    for (unsigned i = 0; i < PIECES; i++)
        put_piece(code + i * PIECE, i);
    memcpy(end, last, sizeof(last));
    memcpy(end + 3, &middle, 4);
    memcpy(end + sizeof(last), &back, 4);
    end[sizeof(last) + 4] = 0xf4;
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RBX] = 0;
    h->cpu->r[RCX] = PIECE_ROUNDS;
    return h;
}

static void check_pieces(const struct soft_host *h)
{
    g_assert_cmpuint(h->cpu->r[RBX], ==,
                     PIECE_ROUNDS * (PIECES * (PIECES - 1) / 2) +
                         PIECE_ROUNDS * (PIECE_ROUNDS - 1) / 2);
}

static void end_pieces(struct soft_host *h)
{
    const struct blocks *blocks = h->cpu->blocks;

    check_pieces(h);
    g_assert_cmpuint(blocks->arena.count.dropped, >, PIECES * (PIECE_ROUNDS / 2));
    g_assert_cmpuint(ring_used(&blocks->arena), <=, blocks->arena.bytes);
    if (blocks->jit)
        g_assert_cmpuint(blocks->jit->code.count.dropped, >, PIECES * (PIECE_ROUNDS / 2));
    soft_host_destroy(h);
}

static void test_written_over(gconstpointer translates)
{
    struct soft_host *h = create_pieces(translates);

    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    end_pieces(h);
}

/* Only the code is: the blocks are the interpreter's again, for a time; one that has died stays
 * dead.  What is known of pages goes with the last of their blocks. */
static void test_cooled(gconstpointer heat)
{
    struct soft_host *h = create_pieces(true);
    struct blocks *blocks = h->cpu->blocks;

    blocks->arena.bytes = ARENA_BYTES;
    jit_destroy(h->cpu);
    g_assert_cmpint(jit_create(h->cpu, JIT_ROOM + (20 << 10), GPOINTER_TO_UINT(heat)), ==, 0);
    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    check_pieces(h);
    g_assert_cmpuint(blocks->arena.count.dropped, ==, 0);
    g_assert_cmpuint(blocks->jit->code.count.dropped, >, PIECES / 2);
    if (GPOINTER_TO_UINT(heat) > 1)
        g_assert_cmpuint(blocks->jit->count.blocks, <, 2 * PIECES);
    blocks_written(h->cpu, h->ram + SOFT_CODE, (PIECES + 2) * PIECE);
    for (unsigned i = 0; i < CODE_PAGES; i++)
        g_assert_null(blocks->code_page[i]);
    soft_host_destroy(h);
}

/* As memory_changed() does it. */
static void set_breakpoint(struct cpu *cpu, unsigned n)
{
    static const struct tenon_debug_point point = { .address = SOFT_CODE + MIDDLE * PIECE,
                                                    .kind = TENON_DEBUG_EXECUTE };

    cpu->watch.points = &point;
    cpu->watch.n = n;
    cpu->watch.hit = 0;
    blocks_flush(cpu);
}

/* A debugger's breakpoint is met each time. */
static void test_breakpoint(gconstpointer translates)
{
    struct soft_host *h = create_pieces(translates);
    struct cpu *cpu = h->cpu;

    for (unsigned i = PIECE_ROUNDS; i; i--) {
        set_breakpoint(cpu, 1);
        g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
        g_assert_cmphex(cpu->watch.hit, ==, TENON_DEBUG_EXECUTE);
        g_assert_cmphex(cpu->rip, ==, piece_at(MIDDLE));
        g_assert_cmpuint(cpu->r[RCX], ==, i);
        set_breakpoint(cpu, 0);
        g_assert_cmpint(soft_host_run(h, 1), ==, -1);
    }
    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    end_pieces(h);
}

/* ---- Where indirect jumps go ---- */

enum { N_FUNCTIONS = 64, POINTERS = SOFT_DATA };

/* Functions 16 bytes apart, from the page's number on: N, and one more in 64-bit code. */
static void put_functions(struct soft_host *h, unsigned page)
{
    uint8_t code[] = { 0xb8, 0, 0, 0, 0, 0x48, 0xff, 0xc0, 0xc3 }; /* mov eax, N; (inc rax); ret */

    for (unsigned i = 0; i < N_FUNCTIONS; i++) {
        code[1] = page + i;
        memcpy(h->ram + 0x30000 + page * 0x1000 + i * 16, code, sizeof(code));
    }
}

/* Who calls those of the next page, in 64- or 32-bit code; the same in two pages. */
static void put_caller(struct soft_host *h)
{
    /* call [rbx + rcx * 8 - 8]; add edx, eax; add ecx, -1; jnz; hlt */
    static const uint8_t caller[] = { 0xff, 0x54, 0xcb, 0xf8, 0x01, 0xc2,
                                      0x83, 0xc1, 0xff, 0x75, 0xf5, 0xf4 };

    memcpy(h->ram + 0x30800, caller, sizeof(caller));
    memcpy(h->ram + 0x31800, caller, sizeof(caller));
    for (unsigned i = 0; i < N_FUNCTIONS; i++)
        ((uint64_t *)(h->ram + POINTERS))[i] = PAGED + 0x1000 + i * 16;
}

/* What page n's give together. */
static uint64_t sum_of_page(unsigned n, bool code64)
{
    return N_FUNCTIONS * (n + code64) + N_FUNCTIONS * (N_FUNCTIONS - 1) / 2;
}

/* Also how often C was asked where a jump goes. */
static uint64_t run_caller(struct soft_host *h, uint64_t *misses)
{
    struct cpu *cpu = h->cpu;
    uint64_t before = cpu->blocks->jit->count.misses;

    cpu->rip = PAGED + 0x800;
    cpu->r[RBX] = POINTERS;
    cpu->r[RCX] = N_FUNCTIONS;
    cpu->r[RDX] = 0;
    cpu->halted = false;
    cpu->wanted = 0;
    g_assert_cmpint(soft_host_run(h, 2000), ==, cpu->cpl ? EXC_GP : -1);
    *misses = cpu->blocks->jit->count.misses - before;
    return cpu->r[RDX];
}

static struct soft_host *calling(unsigned bits)
{
    struct soft_host *h = translating();

    put_caller(h);
    for (unsigned page = 1; page < 4; page++)
        put_functions(h, page);
    map_page(h, 0, 0x30000, bits);
    map_page(h, 1, 0x31000, bits);
    map_page(h, 2, 0x32000, bits);
    tlb_flush(h->cpu, true);
    return h;
}

/* After a flush a page is found again once, not each of its functions; but it must be that page. */
static void test_jumps_renewed(void)
{
    struct soft_host *h = calling(0);
    uint64_t misses;

    for (unsigned i = 0; i < 3; i++)
        g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(1, true));
    g_assert_cmpuint(misses, ==, 0);
    for (unsigned n = 1; n < 6; n++) {
        map_page(h, 1, 0x31000 + n % 2 * 0x1000, 0);
        tlb_flush(h->cpu, false);
        g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(1 + n % 2, true));
        g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(1 + n % 2, true));
        tlb_flush(h->cpu, false);
        g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(1 + n % 2, true));
        g_assert_cmpuint(misses, <=, 2);
    }
    soft_host_destroy(h);
}

static void switch_to(struct soft_host *h, unsigned pcid, bool keep)
{
    uint64_t cr3 = SOFT_TABLES | pcid;

    tlb_switch(h->cpu, cr3, keep);
    h->cpu->cr3 = cr3;
}

/* Three address spaces, in one of which the same address leads to another page; then a PCID that is
 * used again. */
static void test_jumps_of_spaces(void)
{
    struct soft_host *h = calling(4);
    uint64_t misses;

    h->cpu->cr4 |= CR4_PCIDE;
    h->cpu->cpl = 3;
    mode_update(h->cpu);
    mmu_update(h->cpu);
    for (unsigned n = 0; n < 12; n++) {
        unsigned page = n % 3 == 1 ? 2 : 1;

        map_page(h, 1, 0x30000 + (n < 6 ? page : 3) * 0x1000, 4); /* seen at first only */
        switch_to(h, 1 + n % 3, n > 2);
        g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(page, true));
        g_assert_true(n < 3 || n % 3 || misses <= 2); /* it comes from the same page */
    }
    switch_to(h, 1, false);
    g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(3, true));
    switch_to(h, 2, true);
    g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(2, true));
    soft_host_destroy(h);
}

/* The same addresses in code of another size, and with another base. */
static void test_jumps_of_modes(void)
{
    struct soft_host *h = calling(0);
    struct segment *cs = &h->cpu->seg[SEG_CS];
    uint16_t long_attr = cs->attr;
    uint64_t misses;

    for (unsigned n = 0; n < 12; n++) {
        bool code64 = n % 3 == 0, next = n % 3 == 2;

        cs->attr = code64 ? long_attr : (long_attr & ~ATTR_L) | ATTR_DB;
        cs->base = next ? 0x1000 : 0;
        mode_update(h->cpu);
        g_assert_cmpuint(run_caller(h, &misses), ==, sum_of_page(1 + next, code64));
    }
    soft_host_destroy(h);
}

/* Two functions whose entries are the same, and a third one, called in turn; any may be written. */
static void test_jumps_of_set(void)
{
    /* xchg rbx, rsi; call rbx; add edx, eax; add ecx, -1; jnz; hlt */
    static const uint8_t caller[] = { 0x48, 0x87, 0xf3, 0xff, 0xd3, 0x01, 0xc2,
                                      0x83, 0xc1, 0xff, 0x75, 0xf4, 0xf4 };
    static const uint64_t at[] = { PAGED + 0x1100, (PAGED + 0x1100) ^ 0x10010,
                                   (PAGED + 0x1100) ^ 0x20020 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint64_t misses = 0, gives[] = { 1, 2, 3 };

    memcpy(h->ram + 0x30000, caller, sizeof(caller));
    map_page(h, 0, 0x30000, 0);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t function[] = { 0xb8, gives[i], 0, 0, 0, 0xc3 };

        map_page(h, (at[i] - PAGED) >> 12, 0x31000 + i * 0x1000, 0);
        memcpy(h->ram + 0x31000 + i * 0x1000 + (at[i] & 0xfff), function, sizeof(function));
    }
    tlb_flush(cpu, true);
    for (unsigned n = 0; n < 24; n++) {
        unsigned a = n / 4 % 3, b = n & 2 ? (a + 2) % 3 : (a + 1) % 3;

        misses = cpu->blocks->jit->count.misses;
        cpu->rip = PAGED;
        cpu->r[RBX] = at[a];
        cpu->r[RSI] = at[b];
        cpu->r[RCX] = 40;
        cpu->r[RDX] = 0;
        cpu->halted = false;
        cpu->wanted = 0;
        g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
        g_assert_cmpuint(cpu->r[RDX], ==, 20 * (gives[a] + gives[b]));
        misses = cpu->blocks->jit->count.misses - misses;
        g_assert_cmpuint(misses, <, 15);
        gives[n % 3] += 16;
        mem_write(cpu, at[n % 3] + 1, gives[n % 3], 1);
    }
    soft_host_destroy(h);
}

/* ---- Counting, mappings ---- */

/* No elements: nothing is reached, and each counts as one instruction. */
static void test_no_elements(void)
{
    /* rep stosb; rep movsq; add rdx, 3; dec rbx; jnz; hlt */
    static const uint8_t code[] = { 0xf3, 0xaa, 0xf3, 0x48, 0xa5, 0x48, 0x83, 0xc2,
                                    3,    0x48, 0xff, 0xcb, 0x75, 0xf2, 0xf4 };
    const uint64_t nowhere = SOFT_RAM * 4ull;
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    cpu->r[RCX] = cpu->r[RDX] = 0;
    cpu->r[RBX] = 2000;
    cpu->r[RSI] = cpu->r[RDI] = nowhere;
    g_assert_cmpint(soft_host_run(h, 20000), ==, -1);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + sizeof(code));
    g_assert_cmpuint(cpu->r[RDX], ==, 6000);
    g_assert_cmphex(cpu->r[RSI], ==, nowhere);
    g_assert_cmphex(cpu->r[RDI], ==, nowhere);
    g_assert_cmpuint(cpu->instructions, ==, 5 * 2000 + 1);
    soft_host_destroy(h);
}

/* A loop that is linked with itself ends at each count of instructions. */
static void test_counted(void)
{
    static const uint8_t code[] = { 0xff, 0xc0, 0xff, 0xc0, 0xeb, 0xfa }; /* inc eax twice; jmp */
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned n = 1; n < 200; n += 7) {
        h->cpu->r[RAX] = 0;
        h->cpu->rip = SOFT_CODE;
        h->cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, n), ==, -1);
        g_assert_cmpuint(h->cpu->instructions, ==, n);
        g_assert_cmpuint(h->cpu->r[RAX], ==, n / 3 * 2 + n % 3);
    }
    soft_host_destroy(h);
}

/* The code is where it can be executed and not written, and the other way round. */
static void test_mappings(void)
{
    struct soft_host *h = soft_host_create(64);
    char *maps;

    if (!h->cpu->blocks->jit)
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    g_assert_true(g_file_get_contents("/proc/self/maps", &maps, NULL, NULL));
    g_assert_nonnull(strstr(maps, " r-xs "));
    g_assert_nonnull(strstr(maps, " rw-s "));
    g_assert_null(strstr(maps, " rwx"));
    g_assert_cmphex((uintptr_t)h->cpu->jumps & 0x1fffff, ==, 0); /* a huge page has room */
    g_free(maps);
    soft_host_destroy(h);
}

/* How many pages of the part are there: of huge ones all, of others what was written. */
static unsigned pages_there(const struct jit *jit, unsigned part, size_t bytes)
{
    unsigned char is[JIT_HUGE >> 12];
    unsigned n = 0;

    g_assert_cmpint(mincore(jit->write + part * (size_t)JIT_HUGE, bytes, is), ==, 0);
    for (size_t i = 0; i < bytes >> 12; i++)
        n += is[i] & 1;
    return n;
}

/* Whether this host gives them when it is asked to. */
static bool gives_huge_pages(const struct jit *jit)
{
    uint8_t *at = jit->write + JIT_HUGE;

    *at = 0;
    return !madvise(at, JIT_HUGE, 25 /* MADV_COLLAPSE */);
}

/* A loop there is run, and translated. */
static void translate_loop(struct soft_host *h, uint64_t at)
{
    static const uint8_t code[] = { 0xff, 0xc0, 0xeb, 0xfc }; /* inc eax; jmp */
    uint64_t before = h->cpu->blocks->jit->count.blocks;

    soft_host_code(h, at, code, sizeof(code));
    h->cpu->rip = at;
    h->cpu->instructions = 0;
    g_assert_cmpint(soft_host_run(h, 1000), ==, -1);
    g_assert_cmpuint(h->cpu->blocks->jit->count.blocks, >, before);
}

/* A part of code memory is one huge page as soon as there is code in it, and not before. */
static void test_huge(void)
{
    struct soft_host *h = soft_host_create(64);
    struct jit *jit;

    jit_destroy(h->cpu);
    g_assert_cmpint(jit_create(h->cpu, 3 * JIT_HUGE + (1 << 20), 1), ==, 0);
    jit = h->cpu->blocks->jit;
    g_assert_cmpuint((uintptr_t)jit->write % JIT_HUGE, ==, 0);
    g_assert_cmpuint((uintptr_t)jit->execute % JIT_HUGE, ==, 0);
    g_assert_cmpuint(pages_there(jit, 0, JIT_HUGE), <, 16);
    if (!gives_huge_pages(jit)) {
        g_test_skip("no huge pages");
        soft_host_destroy(h);
        return;
    }
    translate_loop(h, SOFT_CODE);
    g_assert_cmpuint(pages_there(jit, 0, JIT_HUGE), ==, JIT_HUGE >> 12);
    g_assert_cmpuint(pages_there(jit, 2, JIT_HUGE), ==, 0);
    jit->code.next = 2 * JIT_HUGE;
    translate_loop(h, SOFT_CODE + 64);
    g_assert_cmpuint(pages_there(jit, 2, JIT_HUGE), ==, JIT_HUGE >> 12);
    jit->code.next = 3 * JIT_HUGE; /* what is no whole one */
    translate_loop(h, SOFT_CODE + 128);
    g_assert_cmpuint(pages_there(jit, 3, 1 << 20), ==, 1);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-jit-code/region-stack", NULL, test_region_stack);
    g_test_add_data_func("/soft-jit-code/region-stack-indirect", GINT_TO_POINTER(true),
                         test_region_stack);
    g_test_add_data_func("/soft-jit-code/region-callee", GINT_TO_POINTER(true), test_region_callee);
    g_test_add_data_func("/soft-jit-code/region-callee-now-and-then", NULL, test_region_callee);
    g_test_add_func("/soft-jit-code/region-page", test_region_page);
    g_test_add_func("/soft-jit-code/region-middle", test_region_middle);
    g_test_add_func("/soft-jit-code/region-call", test_region_call);
    g_test_add_data_func("/soft-jit-code/region-spoilt", NULL, test_region_spoilt);
    g_test_add_data_func("/soft-jit-code/region-spoilt-in-memory", GINT_TO_POINTER(true),
                         test_region_spoilt);
    g_test_add_func("/soft-jit-code/region-wanted", test_region_wanted);
    g_test_add_data_func("/soft-jit-code/splits", NULL, test_splits);
    g_test_add_data_func("/soft-jit-code/splits-often", GINT_TO_POINTER(true), test_splits);
    g_test_add_func("/soft-jit-code/region-root", test_region_root);
    g_test_add_func("/soft-jit-code/region-copies", test_region_copies);
    g_test_add_func("/soft-jit-code/region-read-only", test_region_read_only);
    g_test_add_data_func("/soft-jit-code/remapped", GUINT_TO_POINTER(0), test_remapped);
    g_test_add_data_func("/soft-jit-code/remapped-global", GUINT_TO_POINTER(PAGE_GLOBAL),
                         test_remapped);
    g_test_add_func("/soft-jit-code/aliased", test_aliased);
    g_test_add_func("/soft-jit-code/crossing", test_crossing);
    g_test_add_func("/soft-jit-code/overwritten", test_overwritten);
    g_test_add_data_func("/soft-jit-code/written-over", GINT_TO_POINTER(true), test_written_over);
    g_test_add_data_func("/soft-jit-code/written-over-interpreter", NULL, test_written_over);
    g_test_add_data_func("/soft-jit-code/cooled", GUINT_TO_POINTER(2), test_cooled);
    g_test_add_data_func("/soft-jit-code/cooled-at-once", GUINT_TO_POINTER(1), test_cooled);
    g_test_add_data_func("/soft-jit-code/breakpoint", GINT_TO_POINTER(true), test_breakpoint);
    g_test_add_data_func("/soft-jit-code/breakpoint-interpreter", NULL, test_breakpoint);
    g_test_add_func("/soft-jit-code/jumps-renewed", test_jumps_renewed);
    g_test_add_func("/soft-jit-code/jumps-of-spaces", test_jumps_of_spaces);
    g_test_add_func("/soft-jit-code/jumps-of-modes", test_jumps_of_modes);
    g_test_add_func("/soft-jit-code/jumps-of-set", test_jumps_of_set);
    g_test_add_func("/soft-jit-code/no-elements", test_no_elements);
    g_test_add_func("/soft-jit-code/counted", test_counted);
    g_test_add_func("/soft-jit-code/mappings", test_mappings);
    g_test_add_func("/soft-jit-code/huge", test_huge);
    return g_test_run();
}
