/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-kernel - a kernel's instructions do alike in the interpreter and in translated code,
 * whatever privilege, flags and control registers there are: all of the processor's state.
 */
#include <x86intrin.h>

#include "blocks.h"
#include "soft-host.h"
#include "sys.h"
#include "tsc.h"

enum { ROUNDS = 400, TARGET = 0x200800 };

/* What is run, with UD2 behind it and at TARGET; alone: nothing else, it ends with its page. */
static const struct {
    const char *name, *code;
    unsigned n;
    bool alone;
} insns[] = {
// clang-format off
#define INSN(name, code)  { name, code, sizeof(code) - 1, false }
#define ALONE(name, code) { name, code, sizeof(code) - 1, true }
    // clang-format on
    INSN("cli", "\xfa"),
    INSN("sti", "\xfb\x90"),
    ALONE("sti-alone", "\xfb"),
    INSN("stac", "\x0f\x01\xcb"),
    INSN("clac", "\x0f\x01\xca"),
    INSN("stac-clac", "\x0f\x01\xcb\x8b\x06\x0f\x01\xca\x8b\x06"), /* mov eax, [rsi], twice */
    INSN("swapgs", "\x0f\x01\xf8\x0f\x01\xf8\x0f\x01\xf8"),
    INSN("pushf", "\x9c"),
    INSN("cld", "\xfc"),
    INSN("std", "\xfd"),
    INSN("rdfsbase", "\xf3\x48\x0f\xae\xc2"),
    INSN("rdgsbase", "\xf3\x41\x0f\xae\xc9"), /* r9d */
    INSN("wrfsbase", "\xf3\x48\x0f\xae\xd2"),
    INSN("wrgsbase", "\xf3\x41\x0f\xae\xd9"),
    INSN("rdpkru", "\x0f\x01\xee"),
    INSN("mov-cr0", "\x0f\x20\xc3"),
    INSN("mov-cr2", "\x41\x0f\x20\xd1"), /* r9 */
    INSN("mov-cr3", "\x0f\x20\xd8"),
    INSN("mov-cr4", "\x0f\x20\xe7"),
    INSN("syscall", "\x0f\x05"),
    INSN("sysret", "\x48\x0f\x07"),
    INSN("iret", "\x48\xcf"),
    INSN("rdtsc", "\x48\x39\xd0\x0f\x31\x9f"),              /* cmp rax, rdx; rdtsc; lahf */
    INSN("rdtscp", "\x48\x39\xd0\x0f\x01\xf9\x0f\x94\xc3"), /* cmp rax, rdx; rdtscp; setz bl */
};

/* The counter stands, or there is none. */
static struct tsc line = { .at = 0xfedcba9876543210 };

static uint64_t some_of(GRand *r, uint64_t bits)
{
    return bits & ((uint64_t)g_rand_int(r) << 32 | g_rand_int(r));
}

/* The first half is the supervisor's own, unless CPL 3 begins; the second everybody's. */
static void set_pages(struct soft_host *h, unsigned cpl)
{
    uint64_t *pde = (uint64_t *)(h->ram + SOFT_TABLES + 0x2000);

    pde[0] = 0x83 | (cpl == 3 ? 4 : 0);
    pde[1] = 0x200087;
}

/* Flat segments at 8 on, as SYSCALL and SYSRET have them: CS, SS; 32-bit CS, SS, CS of users. */
static void set_segments(struct soft_host *h, unsigned cpl)
{
    static const uint64_t gdt[] = { 0,
                                    0x00af9b000000ffff,
                                    0x00cf93000000ffff,
                                    0x00cffb000000ffff,
                                    0x00cff3000000ffff,
                                    0x00affb000000ffff };
    struct cpu *cpu = h->cpu;

    memcpy(h->ram + SOFT_DATA + 0x1000, gdt, sizeof(gdt));
    cpu->gdt = (struct segment){ .base = SOFT_DATA + 0x1000, .limit = sizeof(gdt) - 1 };
    cpu->msr.star = 8ull << 32 | (0x18ull | 3) << 48;
    cpu->msr.lstar = TARGET;
    cpu->cpl = cpl;
    cpu->seg[SEG_CS].attr = 0xa09b | cpl << 5;
    cpu->seg[SEG_CS].selector = cpl == 3 ? 0x2b : 8 | cpl;
    cpu->seg[SEG_SS].attr = 0xc093 | cpl << 5;
    cpu->seg[SEG_SS].selector = cpl == 3 ? 0x23 : 0x10 | cpl;
}

/* A frame that IRET takes: to TARGET, of the kernel or the user; now and then of neither. */
static void set_frame(struct soft_host *h, GRand *r)
{
    bool user = g_rand_boolean(r);
    uint64_t frame[] = { TARGET, user ? 0x2b : 8, 2 | some_of(r, F_ARITH | F_IF | F_DF | F_AC),
                         SOFT_STACK - 0x100, user ? 0x23 : 0x10 };

    if (g_rand_int_range(r, 0, 8) == 0)
        frame[g_rand_int_range(r, 0, 5)] ^= 1ull << g_rand_int_range(r, 0, 64);
    memcpy(h->ram + SOFT_STACK, frame, sizeof(frame));
}

static void set_up(struct soft_host *h, GRand *r)
{
    static const uint8_t cpls[] = { 0, 0, 0, 1, 3, 3 };
    struct cpu *cpu = h->cpu;
    unsigned cpl = cpls[g_rand_int_range(r, 0, G_N_ELEMENTS(cpls))];

    soft_host_mode(h, 64);
    set_pages(h, cpl);
    set_segments(h, cpl);
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = some_of(r, g_rand_boolean(r) ? -1ull : 0x7fff);
    cpu->r[RSP] = SOFT_STACK;
    cpu->r[RSI] = g_rand_boolean(r) ? SOFT_DATA : 0x200000;
    if (g_rand_boolean(r))
        cpu->r[RCX] = g_rand_boolean(r) ? 0 : TARGET;
    set_frame(h, r);
    cpu->flags = 2 | some_of(r, F_ARITH | F_IF | F_DF | F_AC | F_ID | F_IOPL);
    cpu->cr2 = some_of(r, -1ull);
    cpu->cr4 |= some_of(r, CR4_FSGSBASE | CR4_SMAP | CR4_PKE | CR4_TSD);
    cpu->msr.tsc_offset = some_of(r, -1ull);
    cpu->msr.tsc_aux = some_of(r, 0xffffffff);
    line.limit = g_rand_boolean(r) ? UINT64_MAX : 0;
    cpu->pkru = some_of(r, ~3u);
    cpu->efer ^= g_rand_int_range(r, 0, 8) ? 0 : EFER_SCE;
    cpu->msr.fmask = some_of(r, F_ARITH | F_IF | F_DF | F_AC) | (g_rand_boolean(r) ? F_AC : 0);
    cpu->seg[SEG_FS].base = some_of(r, 0xffffffff);
    cpu->seg[SEG_GS].base = some_of(r, 0xffffffff);
    cpu->msr.kernel_gs_base = some_of(r, 0xffffffff);
    cpu->held = g_rand_int_range(r, 0, 4) ? 0 : WANT_NMI;
    cpu->inhibit = cpu->shadow = 0;
    cpu->wanted = 0;
    tlb_flush(cpu, true);
    mode_update(cpu);
}

static int run_in(struct soft_host *h, unsigned which, unsigned seed)
{
    static const uint8_t ud2[] = { 0x0f, 0x0b };
    GRand *r = g_rand_new_with_seed(seed);
    bool alone = insns[which].alone;
    uint8_t code[32];

    set_up(h, r);
    memcpy(code, insns[which].code, insns[which].n);
    memcpy(code + insns[which].n, ud2, sizeof(ud2));
    soft_host_code(h, TARGET, ud2, sizeof(ud2));
    soft_host_code(h, alone ? SOFT_CODE + 0x1000 - insns[which].n : SOFT_CODE, code,
                   insns[which].n + sizeof(ud2));
    g_rand_free(r);
    return soft_host_run(h, alone ? 1 : 8);
}

static void compare(const struct cpu *a, const struct cpu *b)
{
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(a->r[i], ==, b->r[i]);
    g_assert_cmphex(a->rip, ==, b->rip);
    g_assert_cmphex(a->flags, ==, b->flags);
    g_assert_cmphex(a->mode, ==, b->mode);
    g_assert_cmphex(a->cr2, ==, b->cr2);
    g_assert_cmpuint(a->cpl, ==, b->cpl);
    g_assert_cmpuint(a->space, ==, b->space);
    g_assert_cmpuint(a->inhibit, ==, b->inhibit);
    g_assert_cmpuint(a->wanted, ==, b->wanted);
    g_assert_cmpuint(a->held, ==, b->held);
    g_assert_cmpuint(a->fault.error, ==, b->fault.error);
    g_assert_cmpuint(a->tlb->data, ==, b->tlb->data);
    g_assert_cmpint((char *)a->fast - (char *)a->tlb, ==, (char *)b->fast - (char *)b->tlb);
    g_assert_true(a->epoch == a->epochs[a->space] && b->epoch == b->epochs[b->space]);
    g_assert_cmphex(a->msr.kernel_gs_base, ==, b->msr.kernel_gs_base);
    for (unsigned i = 0; i < N_SEGS; i++) {
        g_assert_cmphex(a->seg[i].base, ==, b->seg[i].base);
        g_assert_cmphex(a->seg[i].limit, ==, b->seg[i].limit);
        g_assert_cmphex(a->seg[i].selector, ==, b->seg[i].selector);
        g_assert_cmphex(a->seg[i].attr, ==, b->seg[i].attr);
    }
}

static void test_alike(gconstpointer which)
{
    struct soft_host *a = soft_host_create(64), *b = soft_host_create(64);
    unsigned n = GPOINTER_TO_UINT(which), went_well = 0;

    a->cpu->tsc = b->cpu->tsc = &line;
    g_assert_cmpint(jit_create(b->cpu, JIT_LEAST, 1), ==, 0);
    for (unsigned seed = 1; seed <= ROUNDS; seed++) {
        int vector = run_in(a, n, seed);

        g_assert_cmpint(run_in(b, n, seed), ==, vector);
        compare(a->cpu, b->cpu);
        g_assert_cmpint(memcmp(a->ram + SOFT_STACK - 64, b->ram + SOFT_STACK - 64, 128), ==, 0);
        g_assert_cmpuint(a->cpu->instructions, ==, b->cpu->instructions);
        went_well += vector == (insns[n].alone ? -1 : EXC_UD) && a->cpu->rip != SOFT_CODE;
    }
    g_test_message("%u went well", went_well);
    g_assert_cmpuint(went_well, >, ROUNDS / 40);
    soft_host_destroy(a);
    soft_host_destroy(b);
}

/* ---- The time stamp counter, as it goes on ---- */

static void test_time(void)
{
    static const uint8_t code[] = { 0x0f, 0x31, 0x0f, 0x0b }; /* rdtsc; ud2 */
    struct tsc slow = { .limit = 1ull << 32, .at = 1ull << 40, .rate = 0x63215678 };
    struct soft_host *h = soft_host_create(64);
    uint64_t before, after, now;

    h->cpu->tsc = &slow;
    g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    slow.from = __rdtsc();
    for (unsigned i = 0; i < 1000; i++) {
        g_assert_true(tsc_on_line(&slow, &before));
        h->cpu->rip = SOFT_CODE;
        g_assert_cmpint(soft_host_run(h, 8), ==, EXC_UD);
        g_assert_true(tsc_on_line(&slow, &after));
        now = h->cpu->r[RAX] | h->cpu->r[RDX] << 32;
        g_assert_cmpuint(before, <=, now);
        g_assert_cmpuint(now, <=, after);
    }
    soft_host_destroy(h);
}

/* ---- System calls, again and again ---- */

/* The kernel's code is at linear KERNEL, which is one half of memory or the other. */
enum { USER = 0x200400, KERNEL = 0x400800, CALLS = 100 };

static void map_kernel(struct soft_host *h, unsigned half)
{
    ((uint64_t *)(h->ram + SOFT_TABLES + 0x2000))[2] = half * 0x200000 | 0x87;
}

/* What the kernel finds goes into RBP, what the user finds into EDX. */
static void put_calls(struct soft_host *h)
{
    static const uint8_t user[] = {
        0x0f, 0x05, 0x9f, 0x01, 0xc2, 0xff, 0xce, /* syscall; lahf; add edx, eax; dec esi */
        0x75, 0xf7, 0xff, 0xe7                    /* jnz to the beginning; jmp rdi */
    };
    static const uint8_t kernel[] = {
        0x0f, 0x01, 0xf8, 0x9c, 0x58, 0x48, 0x01,
        0xc5, /* swapgs; pushf; pop rax; add rbp, rax */
        0x4c, 0x01, 0xdd, 0x48, 0x01, 0xcd, 0x8c,
        0xd0, /* add rbp, r11; add rbp, rcx; mov eax, ss */
        0x48, 0x01, 0xc5, 0x8c, 0xc8, 0x48, 0x01,
        0xc5,                                     /* add rbp, rax; mov eax, cs; add rbp, rax */
        0x0f, 0x01, 0xf8, 0x49, 0x83, 0xf3, 0x01, /* swapgs; xor r11, 1 */
        0xff, 0xd7, 0x48, 0x0f, 0x07              /* call rdi; sysret */
    };
    static const uint8_t function[] = { 0xfa, 0xc3 };                       /* cli; ret */
    static const uint8_t reads[] = { 0x8b, 0x04, 0x25, 0,    4,    0x20, 0, /* mov eax, [USER] */
                                     0x48, 0xff, 0xc5, 0x48, 0x0f, 0x07 };  /* inc rbp; sysret */

    for (unsigned half = 0; half < 2; half++) {
        uint64_t at = half * 0x200000 + KERNEL % 0x200000;

        soft_host_code(h, at, kernel, sizeof(kernel));
        h->ram[at + 30] += half; /* xor r11, 1 or 2 */
        soft_host_code(h, at + 0x80, reads, sizeof(reads));
        soft_host_code(h, at + 0xc0, function, sizeof(function));
    }
    soft_host_code(h, USER, user, sizeof(user));
}

/* The ways in which what has been found of one call may be no good for the next one. */
static void change(struct soft_host *h, unsigned round)
{
    struct cpu *cpu = h->cpu;

    if (round % 6 == 2)
        cpu->msr.star ^= 0x0020001000000000;
    if (round % 7 == 3) {
        map_kernel(h, round / 7 & 1);
        tlb_flush_page(cpu, KERNEL);
    }
    if (round % 8 == 4) {
        map_kernel(h, round / 8 & 1);
        tlb_flush(cpu, true);
    }
    if (round % 9 == 5)
        mem_write(cpu, KERNEL + 7, 0xc2, 1); /* add rdx, rax */
}

/* It ends by a jump to the kernel's function: the user may not CLI. */
static int call_often(struct soft_host *h, unsigned round)
{
    GRand *r = g_rand_new_with_seed(round);
    struct cpu *cpu = h->cpu;

    set_segments(h, 0);
    cpu->flags = 2 | F_AC;
    mode_update(cpu);
    change(h, round);
    set_segments(h, 3);
    cpu->msr.lstar = round % 5 == 1 ? KERNEL + 0x80 : KERNEL;
    cpu->msr.fmask = some_of(r, F_ARITH | F_IF) | (round % 3 ? F_AC : 0);
    cpu->flags = 2 | F_IF | (round % 4 == 3 ? F_AC : 0);
    mode_update(cpu);
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = g_rand_int(r);
    cpu->r[RSP] = SOFT_STACK;
    cpu->r[RSI] = CALLS;
    cpu->r[RDI] = KERNEL + 0xc0;
    cpu->rip = USER;
    cpu->wanted = 0;
    g_rand_free(r);
    return soft_host_run(h, CALLS * 32);
}

/* The kernel's SYSRET by itself, to where it has always gone, with what it is not done in place
 * for. */
static int return_alone(struct soft_host *h, unsigned round)
{
    GRand *r = g_rand_new_with_seed(round);
    struct cpu *cpu = h->cpu;
    int vector;

    set_segments(h, round % 8 == 1 ? 1 : 0);
    cpu->flags = 2 | F_AC;
    cpu->efer ^= round % 8 == 2 ? EFER_SCE : 0;
    cpu->held = round % 8 == 3 ? WANT_NMI : 0;
    cpu->cr0 |= round % 8 > 3 ? CR0_AM : 0;
    mode_update(cpu);
    cpu->r[RCX] = USER;
    cpu->r[R11] = some_of(r, -1ull) & ~(uint64_t)(round % 3 ? F_TF : 0);
    cpu->r[RSI] = 1;
    cpu->r[RDI] = KERNEL + 0xc0;
    cpu->r[RSP] = SOFT_STACK;
    cpu->rip = KERNEL + 33;
    vector = soft_host_run(h, round % 8 > 3 ? 1 : 8);
    cpu->efer |= EFER_SCE;
    cpu->held = cpu->wanted = 0;
    cpu->cr0 &= ~(uint64_t)CR0_AM;
    g_rand_free(r);
    return vector;
}

static void test_calls(gconstpointer smap)
{
    struct soft_host *a = soft_host_create(64), *b = soft_host_create(64), *both[] = { a, b };
    unsigned faults = 0;
    uint64_t salt;

    g_assert_cmpint(jit_create(b->cpu, JIT_LEAST, 1), ==, 0);
    for (unsigned i = 0; i < 2; i++) {
        set_pages(both[i], 0);
        map_kernel(both[i], 0);
        both[i]->cpu->cr4 |= GPOINTER_TO_UINT(smap);
        put_calls(both[i]);
    }
    for (unsigned round = 0; round < 2520; round++) {
        int vector = call_often(a, round);

        g_assert_cmpint(call_often(b, round), ==, vector);
        g_assert_true(vector == EXC_GP || vector == EXC_PF);
        faults += vector == EXC_PF;
        compare(a->cpu, b->cpu);
        g_assert_cmpuint(a->cpu->instructions, ==, b->cpu->instructions);
        salt = b->cpu->salt; /* is what it would be found to be */
        jit_settle(b->cpu);
        g_assert_cmpuint(b->cpu->salt, ==, salt);
        g_assert_cmpint(return_alone(a, round), ==, return_alone(b, round));
        compare(a->cpu, b->cpu);
    }
    g_assert_true(smap ? faults > 100 && faults < 1000 : !faults);
    soft_host_destroy(a);
    soft_host_destroy(b);
}

/* What CLAC forbids is looked for again, though what STAC allows has been found in the same loop.
 */
static void test_clac_loop(void)
{
    /* cmp ecx, ebp; cmovz rsi, rdi; stac; mov eax, [rsi]; clac; mov edx, [rsi]; dec ecx; jnz; hlt
     */
    static const uint8_t code[] = { 0x39, 0xe9, 0x48, 0x0f, 0x44, 0xf7, 0x0f,
                                    0x01, 0xcb, 0x8b, 0x06, 0x0f, 0x01, 0xca,
                                    0x8b, 0x16, 0xff, 0xc9, 0x75, 0xec, 0xf4 };
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    if (!cpu->blocks->jit)
        g_assert_cmpint(jit_create(cpu, JIT_LEAST, 1), ==, 0);
    set_pages(h, 0);
    cpu->cr4 |= CR4_SMAP;
    cpu->flags = 2 | F_AC;
    mode_update(cpu);
    tlb_flush(cpu, true);
    mem_read(cpu, 0x200000, 4); /* as STAC allows it */
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    for (unsigned user = 0; user < 2; user++) {
        cpu->flags = 2;
        mode_update(cpu);
        cpu->rip = SOFT_CODE;
        cpu->halted = false;
        cpu->wanted = 0;
        cpu->r[RSI] = SOFT_DATA;
        cpu->r[RDI] = 0x200000;
        cpu->r[RCX] = 100;
        cpu->r[RBP] = user ? 50 : 0;
        g_assert_cmpint(soft_host_run(h, 1000), ==, user ? EXC_PF : -1);
        g_assert_cmphex(cpu->rip, ==, user ? SOFT_CODE + 14 : SOFT_CODE + sizeof(code));
        g_assert_cmpuint(cpu->r[RCX], ==, cpu->r[RBP]);
    }
    g_assert_cmpuint(cpu->blocks->jit->count.regions, >, 0);
    soft_host_destroy(h);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(insns); i++) {
        char *path = g_strdup_printf("/soft-kernel/%s", insns[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_alike);
        g_free(path);
    }
    g_test_add_func("/soft-kernel/time", test_time);
    g_test_add_data_func("/soft-kernel/calls", GUINT_TO_POINTER(0), test_calls);
    g_test_add_data_func("/soft-kernel/calls-smap", GUINT_TO_POINTER(CR4_SMAP), test_calls);
    g_test_add_func("/soft-kernel/clac-loop", test_clac_loop);
    return g_test_run();
}
