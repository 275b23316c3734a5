/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit-region - where regions go, what they know, and how they end.
 */
#include "blocks.h"
#include "soft-jit-host.h"

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
        begin_again(h, PAGED);
        cpu->r[RBX] = PAGED + page * 0x1000;
        cpu->r[RCX] = 50;
        cpu->r[RDX] = 0;
        cpu->r[RSP] = SOFT_STACK;
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
        begin_again(h, PAGED);
        cpu->r[RCX] = 50;
        cpu->r[RAX] = cpu->r[RDX] = 0;
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

        begin_again(h, SOFT_CODE);
        cpu->r[RBX] = PAGED + 0x1100;
        cpu->r[RCX] = rounds;
        cpu->r[RAX] = cpu->r[RDX] = cpu->r[RSI] = 0;
        cpu->r[RSP] = SOFT_STACK;
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
        begin_again(h, SOFT_CODE);
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
        begin_again(h, SOFT_CODE);
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

/* Each eighth round of a region changes what another of its blocks adds; that one jumps back, or
 * (apart) leads to the one that does. */
static void test_region_overwritten(gconstpointer apart)
{
    /* inc ebx; test bl, 7; jnz f; mov [rip + 1], cl; f: mov eax, 0; add rdx, rax; */
    static const uint8_t code[] = { 0xff, 0xc3, 0xf6, 0xc3, 7, 0x75, 6, 0x88, 0x0d, 1,   0,
                                    0,    0,    0xb8, 0,    0, 0,    0, 0x48, 0x01, 0xc2 };
    /* jmp on; sub ecx, 1; jnz; hlt */
    static const uint8_t end[] = { 0xeb, 0, 0x83, 0xe9, 1, 0x75, 0xe4, 0xf4 };
    static const uint8_t near_end[] = { 0x83, 0xe9, 1, 0x75, 0xe6, 0xf4 };
    struct soft_host *h = translating();
    uint64_t sum = 0;

    soft_host_code(h, SOFT_CODE + sizeof(code), apart ? end : near_end,
                   apart ? sizeof(end) : sizeof(near_end));
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RCX] = 2000;
    h->cpu->r[RBX] = h->cpu->r[RDX] = 0;
    for (unsigned i = 1, adds = 0; i <= 2000; i++) {
        adds = i % 8 ? adds : (2001 - i) & 0xff;
        sum += adds;
    }
    g_assert_cmpint(soft_host_run(h, 100000), ==, -1);
    g_assert_cmpuint(h->cpu->r[RCX], ==, 0);
    g_assert_cmpuint(h->cpu->r[RDX], ==, sum);
    g_assert_cmpuint(h->cpu->blocks->jit->count.regions, >, 10);
    soft_host_destroy(h);
}

/* A loop of which one block, seldom met, calls C code: it is a region without that. */
static void test_region_without(void)
{
    /* test cl, 7; jnz f; pcmpestrm xmm0, xmm1, 0; f: sub ecx, 1; jnz; hlt */
    static const uint8_t code[] = { 0xf6, 0xc1, 7,    0x75, 6, 0x66, 0x0f, 0x3a, 0x60,
                                    0xc1, 0,    0x83, 0xe9, 1, 0x75, 0xf0, 0xf4 };
    struct soft_host *h = translating();

    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    h->cpu->r[RCX] = 800;
    g_assert_cmpint(soft_host_run(h, 10000), ==, -1);
    g_assert_cmpuint(h->cpu->instructions, ==, 800 * 4 + 100 + 1);
    g_assert_cmpuint(h->cpu->blocks->jit->count.regions, ==, 1);
    soft_host_destroy(h);
}

/* A call at the very end of its page returns to the next one, which comes to be another: neither
 * the caller's page nor the root's says so. */
static void test_region_behind(void)
{
    static const uint8_t call[] = { 0xff, 0xd3 };                 /* call rbx */
    uint8_t behind[] = { 0x83, 0xc2, 1, 0xe9, 0xfd, 0x0f, 0, 0 }; /* add edx, 1; jmp f */
    static const uint8_t root[] = { 0xe9, 0xf9, 0xef, 0xff, 0xff, /* jmp to the call */
                                    0x83, 0xe9, 1,    0x75, 0xf6, 0xf4, 0xc3 }; /* f: sub ecx, 1;
                                                                       jnz to the first; hlt; ret */
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    memcpy(h->ram + 0x31000 - sizeof(call), call, sizeof(call));
    memcpy(h->ram + 0x33000, root, sizeof(root));
    for (unsigned i = 1; i < 3; i++, behind[2] += 4)
        memcpy(h->ram + 0x30000 + i * 0x1000, behind, sizeof(behind));
    map_page(h, 0, 0x30000, 0);
    map_page(h, 2, 0x33000, 0);
    for (unsigned n = 0; n < 4; n++) {
        map_page(h, 1, 0x31000 + n / 2 * 0x1000, 0);
        tlb_flush_page(cpu, PAGED + 0x1000);
        begin_again(h, PAGED + 0x2000);
        cpu->r[RBX] = PAGED + 0x200b;
        cpu->r[RCX] = 200;
        cpu->r[RDX] = 0;
        g_assert_cmpint(soft_host_run(h, 20000), ==, -1);
        g_assert_cmpuint(cpu->r[RDX], ==, 200 * (n / 2 * 4 + 1));
        g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    }
    soft_host_destroy(h);
}

/* A loop within a page, one of whose blocks goes on in the next page for a few bytes, which come to
 * be others. */
static void test_region_crossing(void)
{
    static const uint8_t root[] = { 0xe9, 0xf8, 0x0f, 0,    0,            /* jmp to the block */
                                    0x83, 0xe9, 1,    0x75, 0xf6, 0xf4 }; /* sub ecx, 1; jnz; hlt */
    static const uint8_t first[] = { 0xb8, 0, 0 };                        /* mov eax, N << 16 */
    uint8_t second[] = { 1,    0,    0x01, 0xc2,                          /* add edx, eax */
                         0xe9, 0xfc, 0xef, 0xff, 0xff };                  /* jmp back */
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;

    memcpy(h->ram + 0x30000, root, sizeof(root));
    memcpy(h->ram + 0x31000 - sizeof(first), first, sizeof(first));
    for (unsigned i = 1; i < 3; i++, second[0]++)
        memcpy(h->ram + 0x30000 + i * 0x1000, second, sizeof(second));
    map_page(h, 0, 0x30000, 0);
    for (unsigned n = 0; n < 4; n++) {
        map_page(h, 1, 0x31000 + n / 2 * 0x1000, 0);
        tlb_flush_page(cpu, PAGED + 0x1000);
        begin_again(h, PAGED);
        cpu->r[RCX] = 200;
        cpu->r[RDX] = 0;
        g_assert_cmpint(soft_host_run(h, 20000), ==, -1);
        g_assert_cmphex(cpu->r[RDX], ==, 200 * (n / 2 + 1) << 16);
    }
    soft_host_destroy(h);
}

/* Where an indirect call goes is told by all of its address. */
static void test_region_far(void)
{
    enum { FUNCTION = 14 };
    /* cmp ecx, ebp; cmovz rbx, rdi; call rbx; sub ecx, 1; jnz; hlt; f: lea rax, [rip]; shr rax, 32;
     * add rdx, rax; ret */
    static const uint8_t code[] = { 0x39, 0xe9, 0x48, 0x0f, 0x44, 0xdf, 0xff, 0xd3, 0x83, 0xe9,
                                    1,    0x75, 0xf3, 0xf4, 0x48, 0x8d, 0x05, 0,    0,    0,
                                    0,    0x48, 0xc1, 0xe8, 0x20, 0x48, 0x01, 0xc2, 0xc3 };
    struct soft_host *h = translating();
    struct cpu *cpu = h->cpu;
    uint64_t *table = (uint64_t *)(h->ram + SOFT_TABLES + 0x1000);

    table[4] = table[0]; /* all is at 4 GiB, too */
    tlb_flush(cpu, true);
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned far = 0; far < 2; far++) {
        begin_again(h, SOFT_CODE);
        cpu->r[RBX] = SOFT_CODE + FUNCTION;
        cpu->r[RDI] = cpu->r[RBX] | 1ull << 32;
        cpu->r[RCX] = 200;
        cpu->r[RBP] = far ? 50 : 0;
        cpu->r[RDX] = 0;
        g_assert_cmpint(soft_host_run(h, 10000), ==, -1);
        g_assert_cmpuint(cpu->r[RDX], ==, cpu->r[RBP]);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-jit-region/stack", NULL, test_region_stack);
    g_test_add_data_func("/soft-jit-region/stack-indirect", GINT_TO_POINTER(true),
                         test_region_stack);
    g_test_add_data_func("/soft-jit-region/callee", GINT_TO_POINTER(true), test_region_callee);
    g_test_add_data_func("/soft-jit-region/callee-now-and-then", NULL, test_region_callee);
    g_test_add_func("/soft-jit-region/page", test_region_page);
    g_test_add_func("/soft-jit-region/middle", test_region_middle);
    g_test_add_func("/soft-jit-region/call", test_region_call);
    g_test_add_data_func("/soft-jit-region/spoilt", NULL, test_region_spoilt);
    g_test_add_data_func("/soft-jit-region/spoilt-in-memory", GINT_TO_POINTER(true),
                         test_region_spoilt);
    g_test_add_func("/soft-jit-region/wanted", test_region_wanted);
    g_test_add_func("/soft-jit-region/root", test_region_root);
    g_test_add_func("/soft-jit-region/copies", test_region_copies);
    g_test_add_func("/soft-jit-region/read-only", test_region_read_only);
    g_test_add_data_func("/soft-jit-region/overwritten", NULL, test_region_overwritten);
    g_test_add_data_func("/soft-jit-region/overwritten-apart", GINT_TO_POINTER(true),
                         test_region_overwritten);
    g_test_add_func("/soft-jit-region/without", test_region_without);
    g_test_add_func("/soft-jit-region/behind", test_region_behind);
    g_test_add_func("/soft-jit-region/crossing", test_region_crossing);
    g_test_add_func("/soft-jit-region/far", test_region_far);
    return g_test_run();
}
