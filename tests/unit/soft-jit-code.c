/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-jit-code - what becomes of translated code when the guest's is elsewhere, or is written
 * over, when there is no room, at breakpoints and at the end of a budget.
 */
#include <sys/mman.h>

#include "blocks.h"
#include "soft-jit-host.h"

/* ---- Code that is elsewhere, or other code, than it was ---- */

/* Calls a function in the next page, and another one through RBX, often enough to be linked. */
static uint64_t sum_of_calls(struct soft_host *h, uint64_t other)
{
    struct cpu *cpu = h->cpu;

    begin_again(h, PAGED);
    cpu->r[RBX] = other;
    cpu->r[RCX] = 40;
    cpu->r[RDX] = 0;
    g_assert_cmpint(soft_host_run(h, 2000), ==, -1);
    g_assert_cmphex(cpu->rip, ==, PAGED + 17);
    return cpu->r[RDX];
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
        begin_again(h, PAGED + 0x1000 - sizeof(first));
        cpu->r[RCX] = 1500;
        cpu->r[RDX] = 0;
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

    begin_again(h, PAGED + 0x800);
    cpu->r[RBX] = POINTERS;
    cpu->r[RCX] = N_FUNCTIONS;
    cpu->r[RDX] = 0;
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
        begin_again(h, PAGED);
        cpu->r[RBX] = at[a];
        cpu->r[RSI] = at[b];
        cpu->r[RCX] = 40;
        cpu->r[RDX] = 0;
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

/* Whether this host gives one when it is asked to. */
static bool gives_huge_page(const struct jit *jit, unsigned part)
{
    uint8_t *at = jit->write + part * (size_t)JIT_HUGE;

    *at = 0;
    return !madvise(at, JIT_HUGE, 25 /* MADV_COLLAPSE */);
}

/* It is, or there is none to be had just now. */
static bool is_huge(const struct jit *jit, unsigned part)
{
    return pages_there(jit, part, JIT_HUGE) == JIT_HUGE >> 12 || !gives_huge_page(jit, part);
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
    if (!gives_huge_page(jit, 1)) {
        g_test_skip("no huge pages");
        soft_host_destroy(h);
        return;
    }
    translate_loop(h, SOFT_CODE);
    g_assert_true(is_huge(jit, 0));
    g_assert_cmpuint(pages_there(jit, 2, JIT_HUGE), ==, 0);
    jit->code.next = 2 * JIT_HUGE;
    translate_loop(h, SOFT_CODE + 64);
    g_assert_true(is_huge(jit, 2));
    jit->code.next = 3 * JIT_HUGE; /* what is no whole one */
    translate_loop(h, SOFT_CODE + 128);
    g_assert_cmpuint(pages_there(jit, 3, 1 << 20), ==, 1);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-jit-code/splits", NULL, test_splits);
    g_test_add_data_func("/soft-jit-code/splits-often", GINT_TO_POINTER(true), test_splits);
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
