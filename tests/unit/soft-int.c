/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-int - integer instructions of the software processor where the host cannot be asked: 16- and
 * 32-bit code, what is invalid; and code that changes, crosses pages, is stopped, stepped, counted.
 *
 * soft-int-native compares those of 64-bit code with the host's processor.
 */
#include "soft-host.h"

/* ---- Code in, registers out ---- */

struct one {
    const char *name;
    unsigned bits, bytes;
    const char *code;
    uint64_t in[8], out[8]; /* RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI; RSP 0: as it is */
    uint64_t flags_in, flags_out, flags_mask;
    int vector;  /* and FAULT; 0: it runs to its end */
    unsigned at; /* where the fault is */
};
enum { FAULT = 100 };
#define CODE(c) .bytes = sizeof(c) - 1, .code = c

// clang-format off
static const struct one ones[] = {
    { "daa", 32, CODE("\x27"), .in = { 0x3e }, .out = { 0x44 }, .flags_out = F_AF | F_PF, .flags_mask = F_ARITH },
    { "daa carries", 32, CODE("\x27"), .in = { 0x9a }, .out = { 0 }, .flags_out = F_CF | F_AF | F_ZF | F_PF,
      .flags_mask = F_ARITH },
    { "das", 16, CODE("\x2f"), .in = { 0x4e }, .out = { 0x48 }, .flags_out = F_AF | F_PF, .flags_mask = F_ARITH },
    { "aaa", 32, CODE("\x37"), .in = { 0x0f }, .out = { 0x105 }, .flags_out = F_CF | F_AF, .flags_mask = F_CF | F_AF },
    { "aas", 32, CODE("\x3f"), .in = { 0x20f }, .out = { 0x109 }, .flags_out = F_CF | F_AF, .flags_mask = F_CF | F_AF },
    { "aam", 16, CODE("\xd4\x0a"), .in = { 53 }, .out = { 0x503 } },
    { "aam by 0", 16, CODE("\xd4\x00"), .in = { 53 }, .out = { 53 }, .vector = EXC_DE + FAULT },
    { "aad", 16, CODE("\xd5\x0a"), .in = { 0x503 }, .out = { 53 } },
    { "salc", 32, CODE("\xd6"), .in = { 0 }, .out = { 0xff }, .flags_in = F_CF },
    { "16-bit push and pop", 16, CODE("\x50\x66\x53\x59\x5a\x5e"), .in = { 0x1234, 0, 0, 0x56789abc },
      .out = { 0x1234, 0x9abc, 0x5678, 0x56789abc, 0, 0, 0x1234 } },
    { "pusha, popa", 32, CODE("\x60\xb8\x01\x00\x00\x00\x31\xff\x61"), .in = { 7, 8, 9, 10, 0, 11, 12, 13 },
      .out = { 7, 8, 9, 10, 0, 11, 12, 13 } },
    { "pusha, low half", 16, CODE("\x60\x58\x59\x58\x58\x58\x5a\x5b\x5e"), .in = { 7, 8, 9, 10, 0, 11, 12, 13 },
      .out = { 10, 12, 9, 8, 0, 11, 7, 13 } },
    { "enter, leave", 32, CODE("\xc8\x10\x00\x01\x8b\x45\xfc\x29\xe8\xc9"), .in = { 0, 0, 0, 0, 0, 5 },
      .out = { 0, 0, 0, 0, 0, 5 } },
    { "call and ret, 16 bits", 16, CODE("\xe8\x02\x00\xeb\x04\xb8\x05\x00\xc3\x41"), .out = { 5, 1 } },
    { "call and ret, 32 bits", 32, CODE("\xe8\x02\x00\x00\x00\xeb\x05\xb0\x05\xc2\x00\x00"), .out = { 5 } },
    { "loop by CX", 16, CODE("\x40\xe2\xfd"), .in = { 0, 0x70003 }, .out = { 3, 0x70000 } },
    { "loop by ECX", 16, CODE("\x40\x67\xe2\xfc"), .in = { 0, 3 }, .out = { 3 } },
    { "loope", 32, CODE("\x41\x85\xd2\xe1\xfb"), .in = { 0, 5, 1 }, .out = { 0, 5, 1 } },
    { "jcxz", 16, CODE("\xe3\x01\x40\x41"), .in = { 0, 0x10000 }, .out = { 0, 0x10001 } },
    { "jump beyond the limit", 16, CODE("\x66\xe9\x00\x00\x01\x00"), .vector = EXC_GP + FAULT },
    { "bound", 32, CODE("\x62\x03"), .in = { 9, 0, 0, SOFT_DATA }, .out = { 9, 0, 0, SOFT_DATA },
      .vector = EXC_BR + FAULT },
    { "xlat", 16, CODE("\xd7"), .in = { 0xffff, 0, 0, 0x100 }, .out = { 0xff00, 0, 0, 0x100 } },
    { "lea, 16-bit address", 16, CODE("\x66\x8d\x40\x10"), .in = { 0, 0, 0, 0xfff8, 0, 0, 0x9 },
      .out = { 0x11, 0, 0, 0xfff8, 0, 0, 0x9 } },
    { "32-bit address wraps", 32, CODE("\x8b\x43\x10"), .in = { 1, 0, 0, 0xfffffff0 + SOFT_DATA },
      .out = { 0, 0, 0, 0xfffffff0 + SOFT_DATA } },
    { "rep movsb spreads", 32, CODE("\xf3\xa4"), .in = { 0, 6, 0, 0, 0, 0, SOFT_DATA, SOFT_DATA + 1 },
      .out = { 0, 0, 0, 0, 0, 0, SOFT_DATA + 6, SOFT_DATA + 7 } },
    { "rep stosw down", 32, CODE("\xfd\x66\xf3\xab\xfc"), .in = { 5, 3, 0, 0, 0, 0, 0, SOFT_DATA + 8 },
      .out = { 5, 0, 0, 0, 0, 0, 0, SOFT_DATA + 2 } },
    { "rep stosd across pages", 64, CODE("\xf3\xab"), .in = { 5, 3000, 0, 0, 0, 0, 0, SOFT_DATA + 6 },
      .out = { 5, 0, 0, 0, 0, 0, 0, SOFT_DATA + 12006 } },
    { "repne scasb", 32, CODE("\xf2\xae"), .in = { 0, 10, 0, 0, 0, 0, 0, SOFT_DATA },
      .out = { 0, 9, 0, 0, 0, 0, 0, SOFT_DATA + 1 }, .flags_out = F_ZF | F_PF, .flags_mask = F_ARITH },
    { "repe cmpsd, none", 64, CODE("\xf3\xa7"), .in = { 1 }, .out = { 1 }, .flags_in = F_CF, .flags_out = F_CF,
      .flags_mask = F_ARITH },
    { "32-bit counter", 64, CODE("\x67\xf3\xaa"), .in = { 1, 0x500000000, 0, 0, 0, 0, 0, SOFT_DATA },
      .out = { 1, 0x500000000, 0, 0, 0, 0, 0, SOFT_DATA } },
    { "15 bytes", 64, CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90") },
    { "16 bytes", 64, CODE("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90"), .vector = EXC_GP + FAULT },
    { "lock add", 64, CODE("\xf0\x01\x06"), .in = { 1, 0, 0, 0, 0, 0, SOFT_DATA }, .out = { 1, 0, 0, 0, 0, 0, SOFT_DATA } },
    { "lock across a page", 64, CODE("\xf0\x48\x0f\xc1\x06\x48\x03\x06"),
      .in = { 3, 0, 0, 0, 0, 0, SOFT_DATA + 0x1ffc }, .out = { 3, 0, 0, 0, 0, 0, SOFT_DATA + 0x1ffc } },
    { "lock to a register", 64, CODE("\xf0\x01\xc6"), .vector = EXC_UD + FAULT },
    { "lock mov", 64, CODE("\xf0\x89\x06"), .vector = EXC_UD + FAULT },
    { "lock cmp", 64, CODE("\xf0\x39\x06"), .vector = EXC_UD + FAULT },
    { "lock bt", 64, CODE("\xf0\x0f\xba\x26\x01"), .vector = EXC_UD + FAULT },
    { "push es, 64 bits", 64, CODE("\x06"), .vector = EXC_UD + FAULT },
    { "daa, 64 bits", 64, CODE("\x27"), .vector = EXC_UD + FAULT },
    { "pusha, 64 bits", 64, CODE("\x60"), .vector = EXC_UD + FAULT },
    { "82, 64 bits", 64, CODE("\x82\xc0\x01"), .vector = EXC_UD + FAULT },
    { "82", 32, CODE("\x82\xc0\x01"), .in = { 1 }, .out = { 2 } },
    { "aam, 64 bits", 64, CODE("\xd4\x0a"), .vector = EXC_UD + FAULT },
    { "lea of a register", 64, CODE("\x8d\xc0"), .vector = EXC_UD + FAULT },
    { "mov /1", 64, CODE("\xc7\xc8\0\0\0\0"), .vector = EXC_UD + FAULT },
    { "ud1", 64, CODE("\x0f\xb9\xc0"), .vector = EXC_UD + FAULT },
    { "div by 0", 64, CODE("\x90\xf7\xf1"), .vector = EXC_DE + FAULT, .at = 1 },
    { "idiv, largest by -1", 64, CODE("\x48\xf7\xf9"), .in = { 0, -1, 1ull << 63 }, .out = { 0, -1, 1ull << 63 },
      .vector = EXC_DE + FAULT },
    { "not canonical", 64, CODE("\x8b\x06"), .in = { 1, 0, 0, 0, 0, 0, 1ull << 62 }, .out = { 1, 0, 0, 0, 0, 0, 1ull << 62 },
      .vector = EXC_GP + FAULT },
    { "not canonical, stack", 64, CODE("\x8b\x45\x00"), .in = { 1, 0, 0, 0, 0, 1ull << 62 }, .out = { 1, 0, 0, 0, 0, 1ull << 62 },
      .vector = EXC_SS + FAULT },
    { "a fault keeps flags", 64, CODE("\x01\xc0\x01\x06"), .in = { 1, 0, 0, 0, 0, 0, 1ull << 40 },
      .out = { 2, 0, 0, 0, 0, 0, 1ull << 40 }, .flags_in = F_CF, .flags_mask = F_ARITH, .vector = EXC_PF + FAULT, .at = 2 },
    { "pop, address after it", 64, CODE("\x8f\x04\x24\x58"), .out = { 0 } },
    { "out, in", 32, CODE("\xe6\x80\xb0\x00\xe4\x80"), .in = { 0x77 }, .out = { 0x77 } },
    { "vex in real mode", 16, CODE("\xc4\xe2\x78\xf2\xc1"), .vector = EXC_UD + FAULT },
};
// clang-format on

static void test_ones(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(ones); i++) {
        const struct one *t = &ones[i];
        struct soft_host *h = soft_host_create(t->bits);
        struct cpu *cpu = h->cpu;
        uint8_t code[32] = { 0 };
        unsigned at = t->bits == 16 ? 0x1000 : SOFT_CODE;

        memcpy(code, t->code, t->bytes);
        memcpy(code + t->bytes, "\x0f\x0b", 2);
        soft_host_code(h, at, code, sizeof(code));
        for (unsigned r = 0; r < 8; r++)
            if (r != RSP)
                cpu->r[r] = t->in[r];
        cpu->flags = t->flags_in | 2;
        g_test_message("%s", t->name);
        g_assert_cmpint(soft_host_run(h, 100000), ==, t->vector ? t->vector - FAULT : EXC_UD);
        g_assert_cmphex(cpu->rip, ==, at + (t->vector ? t->at : t->bytes));
        for (unsigned r = 0; r < 8; r++)
            if (r != RSP)
                g_assert_cmphex(cpu->r[r], ==, t->out[r]);
        g_assert_cmphex(cpu->flags & t->flags_mask, ==, t->flags_out);
        soft_host_destroy(h);
    }
}

/* ---- Code that changes ---- */

/* mov byte [rip + 0], 7: the immediate of what follows, mov al, 1, in the same block. */
static void test_change_ahead(void)
{
    struct soft_host *h = soft_host_create(64);

    soft_host_code(h, SOFT_CODE, "\xc6\x05\x01\0\0\0\x07\xb0\x01\x0f\x0b", 11);
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 7);
    g_assert_cmpuint(h->cpu->instructions, ==, 2);
    soft_host_destroy(h);
}

/* Code that runs often, then is written by a store through another linear address of the same page.
 */
static void test_alias(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    ((uint64_t *)(h->ram + SOFT_TABLES + 0x2000))[2] = 0x87; /* 4 MiB is 0 again */
    soft_host_code(h, SOFT_CODE, "\xb0\x01\xc3", 3);
    /* l: call f; call f + 4 MiB; mov byte [f + 1 + 4 MiB], 2; dec ecx; jnz l; call f; ud2 */
    soft_host_code(h, SOFT_CODE + 0x2000,
                   "\xe8\xfb\xdf\xff\xff\xe8\xf6\xdf\x3f\x00\xc6\x04\x25\x01\x00\x41\x00\x02"
                   "\xff\xc9\x75\xea\xe8\xe5\xdf\xff\xff\x0f\x0b",
                   29);
    cpu->r[RCX] = 2;
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(cpu->r[RAX], ==, 2);
    g_assert_cmphex(cpu->r[RCX], ==, 0);
    soft_host_destroy(h);
}

/* mov eax, imm32, of which the second page has the last two bytes. */
static void test_cross_page(void)
{
    struct soft_host *h = soft_host_create(64);
    uint64_t at = SOFT_CODE + 0xffd;

    soft_host_code(h, at, "\xb8\x11\x22\x33\x44\x0f\x0b", 7);
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0x44332211);
    mem_write(h->cpu, at + 4, 0x55, 1);
    h->cpu->rip = at;
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0x55332211);
    mem_write(h->cpu, at + 1, 0x66, 1);
    h->cpu->rip = at;
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0x55332266);
    soft_host_destroy(h);
}

/* 16-bit code does not go on from 0xffff to 0; jumps do. */
static void test_segment_end(void)
{
    struct soft_host *h = soft_host_create(16);

    soft_host_code(h, 0xfffe, "\x40\x40", 2);
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_GP);
    g_assert_cmphex(h->cpu->rip, ==, 0x10000);
    g_assert_cmphex(h->cpu->r[RAX], ==, 2);
    soft_host_code(h, 0, "\x0f\x0b", 2);
    soft_host_code(h, 0xfffc, "\x40\xe9\x00\x00", 4);
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->rip, ==, 0);
    soft_host_destroy(h);
}

/* mov eax, imm32 where there is no memory, and where memory ends within it. */
static void test_no_memory(void)
{
    struct soft_host *h = soft_host_create(32);

    memcpy(h->port, "\xb8\x11\x22\x33\x44\x0f\x0b", 7);
    h->cpu->rip = 0xfff00000;
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0x44332211);
    h->port[1] = 0x55;
    h->cpu->rip = 0xfff00000;
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0x44332255);

    soft_host_code(h, SOFT_RAM - 2, "\xb8\x01", 2);
    memcpy(h->port, "\x02\x03\x04\x0f\x0b", 5);
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0x04030201);
    soft_host_destroy(h);
}

/* Other bytes on a page of code do not hurt it: what is asked is whether blocks are left. */
static void test_written(void)
{
    struct soft_host *h = soft_host_create(64);

    soft_host_code(h, SOFT_CODE, "\xb0\x01\x0f\x0b", 4);
    soft_host_run(h, 100);
    g_assert_false(blocks_written(h->cpu, h->ram + SOFT_CODE + 0x100, 16));
    g_assert_true(blocks_written(h->cpu, h->ram + SOFT_CODE + 3, 1));
    soft_host_destroy(h);
}

/* ---- Stopping ---- */

/* inc eax; cmp eax, 100; jnz: stops after any number of instructions, having counted them. */
static void test_count(void)
{
    static const unsigned offset[] = { 0, 2, 5 };
    struct soft_host *h = soft_host_create(64);

    for (unsigned n = 0; n < 20; n++) {
        soft_host_code(h, SOFT_CODE, "\xff\xc0\x83\xf8\x64\x75\xf9\x0f\x0b", 9);
        h->cpu->r[RAX] = 0;
        h->cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, n), ==, -1);
        g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + offset[n % 3]);
        g_assert_cmpuint(h->cpu->r[RAX], ==, (n + 2) / 3);
        g_assert_cmpuint(h->cpu->instructions, ==, n);
    }
    g_assert_cmpint(soft_host_run(h, 1000), ==, EXC_UD);
    g_assert_cmpuint(h->cpu->instructions, ==, 300);
    soft_host_destroy(h);
}

static void want_at_third(void *host, uint32_t space, uint64_t addr, uint64_t value, unsigned size)
{
    struct soft_host *h = host;

    if (++h->port_writes == 3)
        h->cpu->wanted |= WANT_INTR;
}

/* A counted processor's budget ends within a repeated instruction, however many elements would go
 * at once. */
static void test_count_repeated(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    h->info.counted = 1;
    for (unsigned n = 1; n < 12; n++) {
        soft_host_code(h, SOFT_CODE, "\xff\xc0\xf3\xaa\xff\xc0\xf4",
                       7); /* inc eax; rep stosb; ... */
        cpu->r[RCX] = 8;
        cpu->r[RDI] = SOFT_DATA;
        cpu->instructions = 0;
        g_assert_cmpint(soft_host_run(h, n), ==, -1);
        g_assert_cmpuint(cpu->r[RCX], ==, n > 9 ? 0 : 9 - n);
        g_assert_cmpuint(cpu->r[RDI] + cpu->r[RCX], ==, SOFT_DATA + 8);
        g_assert_cmpuint(cpu->instructions, ==, n);
        cpu->halted = false;
        cpu->wanted = 0;
    }
    soft_host_destroy(h);
}

/* Of a counted processor at once, after the element that has brought it about. */
static void test_wanted_counted(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    h->info.counted = 1;
    h->ops.write = want_at_third;
    soft_host_code(h, SOFT_CODE, "\xff\xc0\xf3\x6e\xff\xc0\xf4", 7); /* inc eax; rep outsb; ... */
    cpu->r[RAX] = 0;
    cpu->r[RCX] = 10;
    cpu->r[RSI] = SOFT_DATA;
    g_assert_cmpint(soft_host_run(h, 1000), ==, -1);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 2);
    g_assert_cmpuint(cpu->r[RCX], ==, 7);
    g_assert_cmpuint(cpu->r[RAX], ==, 1);
    g_assert_cmpuint(h->port_writes, ==, 3);
    g_assert_cmpuint(cpu->instructions, ==, 1 + 3);
    cpu->wanted = 0;
    g_assert_cmpint(soft_host_run(h, 1000), ==, -1);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 7);
    g_assert_cmpuint(h->port_writes, ==, 10);
    g_assert_cmpuint(cpu->instructions, ==, 1 + 10 + 2);
    soft_host_destroy(h);
}

/* Something wanted ends an endless loop, and a long string instruction where it is. */
static void test_wanted(void)
{
    struct soft_host *h = soft_host_create(64);

    h->cpu->wanted = WANT_STOP;
    soft_host_code(h, SOFT_CODE, "\xeb\xfe", 2);
    g_assert_cmpint(soft_host_run(h, UINT32_MAX), ==, -1);
    g_assert_cmpuint(h->cpu->instructions, ==, 0);

    soft_host_code(h, SOFT_CODE, "\xf3\xa6", 2);
    h->cpu->r[RCX] = 100000;
    h->cpu->r[RSI] = h->cpu->r[RDI] = SOFT_DATA;
    blocks_run_one(h->cpu);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE);
    g_assert_cmpuint(h->cpu->r[RCX], <, 100000);
    g_assert_cmpuint(h->cpu->r[RCX] + h->cpu->r[RSI], ==, 100000 + SOFT_DATA);
    soft_host_destroy(h);
}

/* TF: each instruction, each element of a string, each with -singlestep. */
static void test_step(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    soft_host_code(h, SOFT_CODE, "\xff\xc0\xf3\xaa\xff\xc0\x0f\x0b", 8);
    cpu->flags |= F_TF;
    mode_update(cpu);
    cpu->r[RCX] = 2;
    cpu->r[RDI] = SOFT_DATA;
    for (unsigned i = 0; i < 4; i++) {
        static const unsigned at[] = { 2, 2, 4, 6 };

        g_assert_cmpint(soft_host_run(h, 100), ==, EXC_DB);
        g_assert_cmphex(cpu->rip, ==, SOFT_CODE + at[i]);
    }
    cpu->flags &= ~(uint64_t)F_TF;
    mode_update(cpu);
    cpu->one_insn = true;
    cpu->rip = SOFT_CODE;
    g_assert_cmpint(soft_host_run(h, 100), ==, EXC_UD);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE + 6);
    soft_host_destroy(h);
}

/* Far more code than the arena holds: jmp over a page each, three times around. */
static void test_flush(void)
{
    struct soft_host *h = soft_host_create(64);

    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 0x2000; i++)
            memcpy(h->ram + 0x100000 + i * 32, "\x48\xff\xc0\x01\xd1\x31\xd3\x29\xd9\xeb\x15", 11);
        memcpy(h->ram + 0x100000 + 0x2000 * 32, "\x0f\x0b", 2);
        blocks_written(h->cpu, h->ram + 0x100000, 0x2000 * 32 + 2);
        h->cpu->rip = 0x100000;
        h->cpu->r[RAX] = 0;
        g_assert_cmpint(soft_host_run(h, UINT32_MAX), ==, EXC_UD);
        g_assert_cmpuint(h->cpu->r[RAX], ==, 0x2000);
    }
    soft_host_destroy(h);
}

/* Random bytes as code end in time, whatever the mode. */
static void test_random(void)
{
    GRand *rand = g_rand_new_with_seed(5);

    for (unsigned i = 0; i < 3000; i++) {
        struct soft_host *h = soft_host_create(16 << i % 3);
        uint8_t code[64];

        for (unsigned k = 0; k < sizeof(code); k++)
            code[k] = g_rand_int(rand);
        soft_host_code(h, 0x1000, code, sizeof(code));
        for (unsigned r = 0; r < 16; r++)
            h->cpu->r[r] = g_rand_int(rand) & 0x3ffff;
        soft_host_run(h, 100);
        soft_host_destroy(h);
    }
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft/int/ones", test_ones);
    g_test_add_func("/soft/int/change-ahead", test_change_ahead);
    g_test_add_func("/soft/int/alias", test_alias);
    g_test_add_func("/soft/int/cross-page", test_cross_page);
    g_test_add_func("/soft/int/segment-end", test_segment_end);
    g_test_add_func("/soft/int/no-memory", test_no_memory);
    g_test_add_func("/soft/int/written", test_written);
    g_test_add_func("/soft/int/count", test_count);
    g_test_add_func("/soft/int/count-repeated", test_count_repeated);
    g_test_add_func("/soft/int/wanted", test_wanted);
    g_test_add_func("/soft/int/wanted-counted", test_wanted_counted);
    g_test_add_func("/soft/int/step", test_step);
    g_test_add_func("/soft/int/flush", test_flush);
    g_test_add_func("/soft/int/random", test_random);
    return g_test_run();
}
