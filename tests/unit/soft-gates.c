/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-gates - how the software processor changes hands: exceptions and their frames, gates, tasks,
 * virtual-8086 mode, long mode.
 *
 * Every vector's handler is a HLT of its own; a test runs code until one is reached and looks at
 * where that was and at what lies on the stack.
 */
#include "soft-host.h"
#include "sys.h"

enum {
    IDT = 0x2000,
    GDT = 0x3000,
    TSS = 0x5000,
    TSS2 = 0x5800,
    LDT = 0x5e00,
    HANDLERS = 0x40000,
    STACK0 = 0x8000,
    STACK1 = 0x7800,
    STACK3 = 0xa000,
    USER_CODE = 0x11000
};
enum {
    CS0 = 0x08,
    DS0 = 0x10,
    CS3 = 0x1b,
    DS3 = 0x23,
    ABSENT = 0x28,
    TR = 0x30,
    TR_TASK = 0x40,
    GATE = 0x50,
    CONFORMING = 0x60,
    TASK_GATE = 0x68,
    CS0_64 = 0x70,
    CS3_64 = 0x7b,
    CS16 = 0x80
};

static void put(struct soft_host *h, uint64_t at, uint64_t value, unsigned size)
{
    memcpy(h->ram + at, &value, size);
}

static uint64_t get(struct soft_host *h, uint64_t at, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, h->ram + at, size);
    return value;
}

static void descriptor(struct soft_host *h, unsigned selector, uint32_t base, uint32_t limit,
                       unsigned access, unsigned flags)
{
    put(h, GDT + (selector & ~7u),
        (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)access << 40 |
            (uint64_t)(limit >> 16 & 15) << 48 | (uint64_t)flags << 52 |
            (uint64_t)(base >> 24) << 56,
        8);
}

static void gate(struct soft_host *h, uint64_t at, uint16_t selector, uint32_t offset,
                 unsigned access, unsigned count)
{
    put(h, at,
        (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)count << 32 |
            (uint64_t)access << 40 | (uint64_t)(offset >> 16) << 48,
        8);
}

static uint32_t handler(int vector)
{
    return HANDLERS + vector * 16;
}

static struct soft_host *create(unsigned bits)
{
    struct soft_host *h = soft_host_create(bits);
    unsigned wide = bits == 64 ? 16 : 8;

    descriptor(h, CS0, 0, 0xfffff, 0x9b, 0xc);
    descriptor(h, DS0, 0, 0xfffff, 0x93, 0xc);
    descriptor(h, CS3, 0, 0xfffff, 0xfb, 0xc);
    descriptor(h, DS3, 0, 0xfffff, 0xf3, 0xc);
    descriptor(h, ABSENT, 0, 0xfffff, 0x13, 0xc);
    descriptor(h, TR, TSS, 0x1ff, 0x8b, 0);
    descriptor(h, CONFORMING, 0, 0xfffff, 0x9f, 0xc);
    descriptor(h, CS0_64, 0, 0xfffff, 0x9b, 0xa);
    descriptor(h, CS3_64, 0, 0xfffff, 0xfb, 0xa);
    descriptor(h, CS16, 0, 0xffff, 0x9b, 0);
    for (int v = 0; v < 256; v++) {
        gate(h, IDT + v * wide, bits == 64 ? CS0_64 : CS0, handler(v), 0x8e, 0);
        h->ram[handler(v)] = 0xf4;
    }
    h->cpu->gdt = (struct segment){ .base = GDT, .limit = 0xff };
    h->cpu->idt = (struct segment){ .base = IDT, .limit = 256 * wide - 1 };
    h->cpu->tr = (struct segment){ .base = TSS, .limit = 0x1ff, .selector = TR, .attr = 0x8b };
    put(h, TSS + 4, STACK0, bits == 64 ? 8 : 4);
    put(h, TSS + 8, bits == 64 ? 0 : DS0, 2);
    put(h, TSS + 0x66, 0x100, 2);
    if (bits == 64)
        h->cpu->seg[SEG_CS].selector = CS0_64;
    return h;
}

/* Makes it a user program. */
static void to_user(struct soft_host *h, bool code64)
{
    struct cpu *cpu = h->cpu;

    for (int i = 0; i < N_SEGS; i++) {
        cpu->seg[i].attr |= 3 << 5;
        cpu->seg[i].selector = DS3;
    }
    cpu->seg[SEG_CS].selector = code64 ? CS3_64 : CS3;
    cpu->cpl = 3;
    cpu->r[RSP] = STACK3;
    mode_update(cpu);
}

/* Runs until a HLT; the vector whose handler has it, -1 for one elsewhere, -2 for a shutdown. */
static int run(struct soft_host *h)
{
    struct cpu *cpu = h->cpu;

    cpu->wanted = 0;
    cpu->halted = cpu->shut_down = false;
    cpu->fault.vector = -1;
    cpu->stop_at = cpu->instructions + 1000;
    for (volatile int faults = 0; faults < 10; faults++) {
        if (sigsetjmp(cpu->fault_exit, 0)) {
            blocks_faulted(cpu);
            if (cpu->shut_down)
                return -2;
            continue;
        }
        cpu_deliver_fault(cpu);
        blocks_run(cpu);
        g_assert_true(cpu->halted);
        if (cpu->rip < HANDLERS || cpu->rip >= HANDLERS + 0x1000)
            return -1;
        return (cpu->rip - HANDLERS) / 16;
    }
    g_assert_not_reached();
}

#define RUN(h, ...)                                                                                \
    ({                                                                                             \
        static const uint8_t code_[] = { __VA_ARGS__, 0xf4 };                                      \
        soft_host_code(h, SOFT_CODE, code_, sizeof(code_));                                        \
        run(h);                                                                                    \
    })

static uint64_t stack(struct soft_host *h, unsigned n, unsigned size)
{
    return get(h, h->cpu->r[RSP] + n * size, size);
}

/* ---- Faults of protected mode: vector, error code, restart ---- */

static void test_faults(void)
{
    static const struct {
        uint8_t code[8];
        int vector, error; /* error -1: none */
        unsigned at;       /* of the faulting instruction */
    } cases[] = {
        { { 0x0f, 0x0b }, EXC_UD, -1, 0 },                           /* UD2 */
        { { 0xb8, 0x28, 0, 0, 0, 0x8e, 0xd8 }, EXC_NP, ABSENT, 5 },  /* MOV DS, absent */
        { { 0xb8, 0x28, 0, 0, 0, 0x8e, 0xd0 }, EXC_SS, ABSENT, 5 },  /* MOV SS, absent */
        { { 0xb8, 0xff, 1, 0, 0, 0x8e, 0xd8 }, EXC_GP, 0x1fc, 5 },   /* beyond the table */
        { { 0x31, 0xc0, 0x8e, 0xd0 }, EXC_GP, 0, 2 },                /* MOV SS, null */
        { { 0xb8, 0x23, 0, 0, 0, 0x8e, 0xd0 }, EXC_GP, 0x20, 5 },    /* SS of another level */
        { { 0xb8, 0x30, 0, 0, 0, 0x8e, 0xd8 }, EXC_GP, 0x30, 5 },    /* DS, a TSS */
        { { 0xea, 0, 0, 0, 0, 0x10, 0 }, EXC_GP, 0x10, 0 },          /* JMP to data */
        { { 0xea, 0, 0, 0, 0, 0, 0 }, EXC_GP, 0, 0 },                /* JMP to null */
        { { 0xea, 0, 0, 0, 0, 0x1b, 0 }, EXC_GP, 0x18, 0 },          /* JMP to a lesser level */
        { { 0xea, 0, 0, 1, 0, 0x80, 0 }, EXC_GP, 0, 0 },             /* beyond CS's limit */
        { { 0xea, 0, 0, 0, 0, 0x30, 0 }, EXC_GP, 0x30, 0 },          /* JMP to a busy TSS */
        { { 0xb8, 0x30, 0, 0, 0, 0x0f, 0, 0xd8 }, EXC_GP, 0x30, 5 }, /* LTR, busy */
        { { 0x31, 0xc0, 0x0f, 0, 0xd8 }, EXC_GP, 0, 2 },             /* LTR null */
        { { 0xb8, 0, 0, 0, 0x80, 0x0f, 0x22, 0xc0 }, EXC_GP, 0, 5 }, /* PG without PE */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct soft_host *h = create(32);
        soft_host_code(h, SOFT_CODE, cases[i].code, 8);
        g_assert_cmpint(run(h), ==, cases[i].vector);
        bool error = cases[i].error >= 0;
        if (error)
            g_assert_cmphex(stack(h, 0, 4), ==, cases[i].error);
        g_assert_cmphex(stack(h, error, 4), ==, SOFT_CODE + cases[i].at);
        g_assert_cmphex(stack(h, error + 1, 4), ==, CS0);
        g_assert_true(stack(h, error + 2, 4) & F_RF);
        g_assert_cmphex(h->cpu->r[RSP], ==, SOFT_STACK - 12 - 4 * error);
        g_assert_false(h->cpu->flags & F_RF);
        soft_host_destroy(h);
    }
}

static void test_user(void)
{
    struct soft_host *h = create(32);

    /* INT 80h through a gate of DPL 0, of DPL 3, absent; HLT and IN are privileged. */
    to_user(h, false);
    g_assert_cmpint(RUN(h, 0xcd, 0x80), ==, EXC_GP);
    g_assert_cmphex(stack(h, 0, 4), ==, 0x80 * 8 + 2);
    g_assert_cmphex(h->cpu->r[RSP], ==, STACK0 - 24);
    g_assert_cmphex(stack(h, 4, 4), ==, STACK3);
    g_assert_cmphex(stack(h, 5, 4), ==, DS3);
    g_assert_cmpint(h->cpu->cpl, ==, 0);

    gate(h, IDT + 0x80 * 8, CS0, handler(0x80), 0xee, 0);
    to_user(h, false);
    g_assert_cmpint(RUN(h, 0xcd, 0x80), ==, 0x80);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 2);
    g_assert_cmphex(stack(h, 1, 4), ==, CS3);
    g_assert_false(stack(h, 2, 4) & F_RF);

    gate(h, IDT + 0x80 * 8, CS0, handler(0x80), 0x6e, 0);
    to_user(h, false);
    g_assert_cmpint(RUN(h, 0xcd, 0x80), ==, EXC_NP);
    g_assert_cmphex(stack(h, 0, 4), ==, 0x80 * 8 + 2);

    to_user(h, false);
    g_assert_cmpint(RUN(h, 0xf4), ==, EXC_GP);
    to_user(h, false);
    g_assert_cmpint(RUN(h, 0xe4, 0x10), ==, EXC_GP); /* beyond the bitmap's end: no */
    put(h, TSS + 0x66, 0x68, 2);
    put(h, TSS + 0x68 + 2, 0xfffe, 2);
    to_user(h, false);
    g_assert_cmpint(RUN(h, 0xe4, 0x10), ==, EXC_GP); /* allowed; then HLT */
    g_assert_cmphex(stack(h, 1, 4), ==, SOFT_CODE + 2);
    soft_host_destroy(h);
}

/* ---- Double and triple faults ---- */

static void test_double(void)
{
    struct soft_host *h = create(32);

    put(h, IDT + EXC_NP * 8 + 5, 0x0e, 1); /* #NP's gate is absent itself */
    g_assert_cmpint(RUN(h, 0xb8, ABSENT, 0, 0, 0, 0x8e, 0xd8), ==, EXC_DF);
    g_assert_cmphex(stack(h, 0, 4), ==, 0);
    g_assert_cmphex(stack(h, 1, 4), ==, SOFT_CODE + 5);

    /* #UD is benign: what comes on top of it is delivered for itself, with EXT. */
    put(h, IDT + EXC_NP * 8 + 5, 0x8e, 1);
    put(h, IDT + EXC_UD * 8 + 5, 0x0e, 1);
    g_assert_cmpint(RUN(h, 0x0f, 0x0b), ==, EXC_NP);
    g_assert_cmphex(stack(h, 0, 4), ==, EXC_UD * 8 + 2 + 1);

    put(h, IDT + EXC_NP * 8 + 5, 0x0e, 1);
    put(h, IDT + EXC_DF * 8 + 5, 0x0e, 1);
    g_assert_cmpint(RUN(h, 0xb8, ABSENT, 0, 0, 0, 0x8e, 0xd8), ==, -2);
    soft_host_destroy(h);
}

/* ---- Call gates ---- */

static void test_call_gate(void)
{
    /* CALL 50h:0; the gate's code returns at once, dropping two parameters. */
    static const uint8_t ret[] = { 0xca, 8, 0 };
    struct soft_host *h = create(32);

    gate(h, GDT + GATE, CS0, 0x12000, 0xec, 2);
    to_user(h, false);
    put(h, 0x12000, 0xf4, 1);
    g_assert_cmpint(RUN(h, 0x6a, 0x11, 0x6a, 0x22, 0x9a, 0, 0, 0, 0, GATE, 0), ==, -1);
    g_assert_cmphex(h->cpu->r[RSP], ==, STACK0 - 24);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 11);
    g_assert_cmphex(stack(h, 1, 4), ==, CS3);
    g_assert_cmphex(stack(h, 2, 4), ==, 0x22);
    g_assert_cmphex(stack(h, 3, 4), ==, 0x11);
    g_assert_cmphex(stack(h, 4, 4), ==, STACK3 - 8);
    g_assert_cmphex(h->cpu->seg[SEG_SS].selector, ==, DS0);

    soft_host_code(h, 0x12000, ret, sizeof(ret));
    to_user(h, false);
    h->cpu->seg[SEG_FS].attr &= ~0x60; /* of level 0: not for the user */
    g_assert_cmpint(RUN(h, 0x6a, 0x11, 0x6a, 0x22, 0x9a, 0, 0, 0, 0, GATE, 0), ==, EXC_GP);
    g_assert_cmphex(stack(h, 1, 4), ==, SOFT_CODE + 11); /* the user's HLT */
    g_assert_cmphex(stack(h, 4, 4), ==, STACK3);
    g_assert_cmphex(stack(h, 5, 4), ==, DS3);
    g_assert_true(h->cpu->seg[SEG_FS].attr & ATTR_NULL);
    soft_host_destroy(h);
}

/* ---- Tasks ---- */

static void make_task(struct soft_host *h)
{
    static const uint16_t segs[] = { DS0, CS0, DS0, DS0, 0, DS0 };

    descriptor(h, TR_TASK, TSS2, 0x67, 0x89, 0);
    put(h, TSS2 + 0x20, 0x12000, 4);
    put(h, TSS2 + 0x24, 2, 4);
    put(h, TSS2 + 0x28, 0xabcd, 4);
    put(h, TSS2 + 0x38, STACK1, 4);
    for (int i = 0; i < 6; i++)
        put(h, TSS2 + 0x48 + 4 * i, segs[i], 2);
}

static void test_task(void)
{
    static const uint8_t iret[] = { 0xcf, 0xf4 }, call[] = { 0x9a, 0, 0, 0, 0, TR_TASK, 0 };
    struct soft_host *h = create(32);

    make_task(h);
    soft_host_code(h, 0x12000, iret, sizeof(iret));
    g_assert_cmpint(RUN(h, 0x9a, 0, 0, 0, 0, TR_TASK, 0, 0xf4), ==, -1);
    /* There and back: CALL, IRET. */
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE + 8);
    g_assert_cmphex(h->cpu->tr.selector, ==, TR);
    g_assert_cmphex(get(h, TSS2, 2), ==, TR);
    g_assert_cmphex(get(h, TSS2 + 0x20, 4), ==, 0x12001);
    g_assert_false(get(h, TSS2 + 0x24, 4) & F_NT);
    g_assert_cmphex(get(h, GDT + TR_TASK + 5, 1), ==, 0x89);
    g_assert_cmphex(get(h, GDT + TR + 5, 1), ==, 0x8b);
    g_assert_true(h->cpu->cr0 & CR0_TS);

    /* A task whose IF is set: what has waited for that comes before its first instruction. */
    make_task(h);
    put(h, TSS2 + 0x24, F_IF | 2, 4);
    soft_host_code(h, 0x12000, iret, sizeof(iret));
    soft_host_code(h, SOFT_CODE + 0x100, call, sizeof(call));
    h->cpu->held = WANT_INTR;
    h->cpu->halted = false;
    h->cpu->wanted = 0;
    g_assert_cmpint(soft_host_run(h, 100), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, 0x12000);
    g_assert_cmphex(h->cpu->wanted, ==, WANT_INTR);
    soft_host_destroy(h);

    /* An exception by a task gate: its error code is on the new task's stack. */
    h = create(32);
    make_task(h);
    soft_host_code(h, 0x12000, (const uint8_t[]){ 0xf4 }, 1);
    gate(h, IDT + EXC_NP * 8, TR_TASK, 0, 0x85, 0);
    g_assert_cmpint(RUN(h, 0xb8, ABSENT, 0, 0, 0, 0x8e, 0xd8), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, 0x12001);
    g_assert_cmphex(stack(h, 0, 4), ==, ABSENT);
    g_assert_cmphex(h->cpu->r[RAX], ==, 0xabcd);
    g_assert_cmphex(get(h, TSS + 0x20, 4), ==, SOFT_CODE + 5);
    g_assert_true(h->cpu->flags & F_NT);
    g_assert_cmphex(get(h, GDT + TR_TASK + 5, 1), ==, 0x8b);
    soft_host_destroy(h);
}

static void test_task_faults(void)
{
    struct soft_host *h = create(32);

    make_task(h);
    descriptor(h, TR_TASK, TSS2, 0x66, 0x89, 0);
    g_assert_cmpint(RUN(h, 0xea, 0, 0, 0, 0, TR_TASK, 0), ==, EXC_TS);
    g_assert_cmphex(stack(h, 0, 4), ==, TR_TASK);
    g_assert_cmphex(stack(h, 1, 4), ==, SOFT_CODE);
    soft_host_destroy(h);

    /* A conforming CS whose RPL is not its DPL is right; one whose DPL is greater is #TS, found in
     * the new task. */
    for (int dpl = 0; dpl < 4; dpl += 3) {
        h = create(32);
        make_task(h);
        descriptor(h, CONFORMING, 0, 0xfffff, 0x9f | dpl << 5, 0xc);
        put(h, TSS2 + 0x4c, CONFORMING | 1, 2);
        put(h, TSS2 + 0x50, DS0 | 1, 2);
        descriptor(h, DS0, 0, 0xfffff, 0xb3, 0xc);
        put(h, TSS2 + 4, STACK0, 4);
        h->ram[0x12000] = 0xf4;
        put(h, TSS2 + 8, 0x90, 2);
        descriptor(h, 0x90, 0, 0xfffff, 0x93, 0xc);
        int vector = RUN(h, 0xea, 0, 0, 0, 0, TR_TASK, 0);
        /* HLT at CPL 1 is #GP(0). */
        g_assert_cmpint(vector, ==, dpl ? EXC_TS : EXC_GP);
        g_assert_cmphex(stack(h, 0, 4), ==, dpl ? CONFORMING : 0);
        g_assert_cmphex(stack(h, 1, 4), ==, 0x12000);
        soft_host_destroy(h);
    }
}

/* ---- Virtual-8086 mode ---- */

/* Enters it by an IRET, at 1000:0, with those flags. */
static int run_vm86(struct soft_host *h, uint32_t flags, const uint8_t *code, unsigned bytes)
{
    const uint32_t frame[] = { 0,     SOFT_CODE >> 4, flags | F_VM | 2,
                               0x100, 0x900,          0x11,
                               0x22,  0x33,           0x44 };
    static const uint8_t iret = 0xcf;

    soft_host_code(h, SOFT_CODE, code, bytes);
    soft_host_code(h, 0x13000, &iret, 1);
    memcpy(h->ram + 0x7000, frame, sizeof(frame));
    h->cpu->r[RSP] = 0x7000;
    return run(h);
}

static void test_vm86(void)
{
    static const uint8_t int20[] = { 0xcd, 0x20, 0xf4 };
    struct soft_host *h = create(32);

    gate(h, IDT + 0x20 * 8, CS0, handler(0x20), 0xee, 0);
    g_assert_cmpint(run_vm86(h, F_IOPL, int20, 3), ==, 0x20);
    g_assert_cmphex(h->cpu->r[RSP], ==, STACK0 - 36);
    g_assert_cmphex(stack(h, 0, 4), ==, 2);
    g_assert_cmphex(stack(h, 1, 4), ==, SOFT_CODE >> 4);
    g_assert_true(stack(h, 2, 4) & F_VM);
    g_assert_cmphex(stack(h, 3, 4), ==, 0x100);
    g_assert_cmphex(stack(h, 4, 4), ==, 0x900);
    for (int i = 0; i < 4; i++)
        g_assert_cmphex(stack(h, 5 + i, 4), ==, 0x11 * (i + 1));
    g_assert_false(h->cpu->flags & F_VM);
    g_assert_true(h->cpu->seg[SEG_DS].attr & ATTR_NULL);
    soft_host_destroy(h);

    /* Below IOPL 3 INT n is #GP(0); with VME it goes to the task's own table if the map says so. */
    h = create(32);
    g_assert_cmpint(run_vm86(h, 0, int20, 3), ==, EXC_GP);
    g_assert_cmphex(stack(h, 0, 4), ==, 0);
    soft_host_destroy(h);
    h = create(32);
    h->cpu->cr4 |= CR4_VME;
    put(h, 0x20 * 4, SOFT_CODE << 12 | 0x40, 4);
    h->ram[SOFT_CODE + 0x40] = 0xf4;
    g_assert_cmpint(run_vm86(h, F_VIF, int20, 3), ==, EXC_GP); /* its HLT */
    g_assert_cmphex(stack(h, 1, 4), ==, 0x40);
    g_assert_cmphex(stack(h, 4, 4), ==, 0x100 - 6);
    g_assert_cmphex(get(h, 0x9000 + 0x100 - 6, 2), ==, 2);
    g_assert_cmphex(get(h, 0x9000 + 0x100 - 2, 2), ==, (F_IOPL | F_IF | 2));
    g_assert_false(stack(h, 3, 4) & F_VIF);
    soft_host_destroy(h);
}

/* A task in virtual-8086 mode, left by a task gate, and back by IRET. */
static void test_vm86_task(void)
{
    static const uint8_t int21[] = { 0xcd, 0x21, 0xf4 }, iret[] = { 0xcf, 0xf4 };
    struct soft_host *h = create(32);

    make_task(h);
    put(h, TSS2 + 0x20, 0, 4);
    put(h, TSS2 + 0x24, F_VM | F_IOPL | 2, 4);
    put(h, TSS2 + 0x4c, 0x1200, 2);
    put(h, TSS2 + 0x50, 0x900, 2);
    put(h, TSS2 + 0x54, 0x1234, 2);
    put(h, TSS2 + 4, STACK1, 4);
    put(h, TSS2 + 8, DS0, 2);
    memcpy(h->ram + 0x12000, int21, 3);
    soft_host_code(h, 0x13000, iret, 2);

    /* A third task behind vector 21h. */
    memcpy(h->ram + LDT, h->ram + TSS2, 0x68);
    descriptor(h, 0x90, LDT, 0x67, 0x89, 0);
    gate(h, IDT + 0x21 * 8, 0x90, 0, 0xe5, 0);
    put(h, LDT + 0x20, 0x13000, 4);
    put(h, LDT + 0x24, 2, 4);
    put(h, LDT + 0x4c, CS0, 2);
    put(h, LDT + 0x50, DS0, 2);
    put(h, LDT + 0x54, DS0, 2);

    /* Jump to the first; INT 21h; IRET; its HLT is #GP(0). */
    g_assert_cmpint(RUN(h, 0xea, 0, 0, 0, 0, TR_TASK, 0), ==, EXC_GP);
    g_assert_cmphex(h->cpu->tr.selector, ==, TR_TASK);
    g_assert_cmphex(stack(h, 0, 4), ==, 0);
    g_assert_cmphex(stack(h, 1, 4), ==, 2);
    g_assert_cmphex(stack(h, 2, 4), ==, 0x1200);
    g_assert_true(stack(h, 3, 4) & F_VM);
    g_assert_cmphex(stack(h, 5, 4), ==, 0x900);
    g_assert_cmphex(stack(h, 7, 4), ==, 0x1234);
    g_assert_cmphex(get(h, LDT, 2), ==, TR_TASK);
    g_assert_true(get(h, TSS2 + 0x24, 4) & F_VM);
    g_assert_cmphex(get(h, GDT + 0x95, 1), ==, 0x89);
    soft_host_destroy(h);
}

static void test_task_16(void)
{
    static const uint16_t segs[] = { DS0, CS16, DS0, DS0 };
    struct soft_host *h = create(32);

    descriptor(h, TR_TASK, TSS2, 0x2b, 0x81, 0);
    put(h, TSS2 + 0x0e, 0x6000, 2);
    put(h, TSS2 + 0x10, F_CF | 2, 2);
    put(h, TSS2 + 0x12, 0x4321, 2);
    put(h, TSS2 + 0x1a, STACK1, 2);
    for (int i = 0; i < 4; i++)
        put(h, TSS2 + 0x22 + 2 * i, segs[i], 2);
    h->ram[0x6000] = 0xf4;
    h->cpu->seg[SEG_FS].selector = DS0;
    g_assert_cmpint(RUN(h, 0x9a, 0, 0, 0, 0, TR_TASK, 0), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, 0x6001);
    g_assert_cmphex(h->cpu->r[RAX] & 0xffff, ==, 0x4321);
    g_assert_cmphex(h->cpu->seg[SEG_CS].selector, ==, CS16);
    g_assert_cmphex(h->cpu->seg[SEG_FS].selector, ==, 0);
    g_assert_cmphex(h->cpu->flags, ==, F_CF | F_NT | 2);
    g_assert_cmphex(get(h, TSS2, 2), ==, TR);
    g_assert_cmphex(get(h, TSS + 0x20, 4), ==, SOFT_CODE + 7);
    soft_host_destroy(h);
}

/* ---- Real mode ---- */

static void test_real(void)
{
    struct soft_host *h = soft_host_create(16);

    h->cpu->idt.limit = 0x3ff;
    put(h, EXC_UD * 4, (uint32_t)(HANDLERS >> 4) << 16 | EXC_UD * 16, 4);
    h->ram[HANDLERS + EXC_UD * 16] = 0xf4;
    h->cpu->flags |= F_IF;
    soft_host_code(h, 0x1000, "\x0f\x0b", 2);
    g_assert_cmpint(run(h), ==, -1);
    g_assert_cmphex(h->cpu->seg[SEG_CS].selector, ==, HANDLERS >> 4);
    g_assert_cmphex(h->cpu->rip, ==, EXC_UD * 16 + 1);
    g_assert_cmphex(h->cpu->r[RSP], ==, SOFT_STACK - 6);
    g_assert_cmphex(get(h, SOFT_STACK - 6, 2), ==, 0x1000);
    g_assert_cmphex(get(h, SOFT_STACK - 2, 2), ==, F_IF | 2);
    g_assert_false(h->cpu->flags & F_IF);
    soft_host_destroy(h);
}

/* ---- Long mode ---- */

static void test_long(void)
{
    struct soft_host *h = create(64);
    struct cpu *cpu = h->cpu;

    cpu->r[RSP] = 0x9005;
    g_assert_cmpint(RUN(h, 0x0f, 0x0b), ==, EXC_UD);
    g_assert_cmphex(cpu->r[RSP], ==, 0x9000 - 40); /* aligned, and always five words */
    g_assert_cmphex(stack(h, 3, 8), ==, 0x9005);
    g_assert_cmphex(stack(h, 0, 8), ==, SOFT_CODE);

    put(h, TSS + 0x24 + 8, 0x7100, 8); /* IST2 */
    h->ram[IDT + EXC_UD * 16 + 4] = 2;
    cpu->r[RSP] = 0x9000;
    g_assert_cmpint(RUN(h, 0x0f, 0x0b), ==, EXC_UD);
    g_assert_cmphex(cpu->r[RSP], ==, 0x7100 - 40);
    g_assert_cmphex(cpu->seg[SEG_SS].selector, ==, 16);

    to_user(h, true);
    g_assert_cmpint(RUN(h, 0xfa), ==, EXC_GP); /* CLI */
    g_assert_cmphex(cpu->r[RSP], ==, STACK0 - 48);
    g_assert_cmphex(stack(h, 0, 8), ==, 0);
    g_assert_cmphex(stack(h, 2, 8), ==, CS3_64);
    g_assert_cmphex(cpu->seg[SEG_SS].selector, ==, 0);

    /* A stack that is not canonical is #SS(0): here a double fault's, which the IST heals. */
    put(h, TSS + 4, 1ull << 62, 8);
    put(h, TSS + 0x24, 0x7200, 8);
    h->ram[IDT + EXC_SS * 16 + 4] = 1;
    h->ram[IDT + EXC_DF * 16 + 4] = 1;
    to_user(h, true);
    g_assert_cmpint(RUN(h, 0xfa), ==, EXC_DF);
    g_assert_cmphex(cpu->r[RSP], ==, 0x7200 - 48);
    soft_host_destroy(h);
}

/* IRET to 64-bit user code and its SYSCALL back. */
static void test_syscall(void)
{
    static const uint8_t user[] = { 0x0f, 0x05 }, sysret[] = { 0x48, 0x0f, 0x07 };
    struct soft_host *h = create(64);
    const uint64_t frame[] = { USER_CODE, CS3_64, F_IF | F_CF | 2, STACK3, DS3 };

    soft_host_code(h, USER_CODE, user, sizeof(user));
    h->ram[0x12000] = 0xf4;
    memcpy(h->ram + 0x9000, frame, sizeof(frame));
    h->cpu->r[RSP] = 0x9000;
    h->cpu->msr.lstar = 0x12000;
    h->cpu->msr.star = (uint64_t)CS0_64 << 32 | (uint64_t)CS3 << 48;
    h->cpu->msr.fmask = F_IF;
    g_assert_cmpint(RUN(h, 0x48, 0xcf), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, 0x12001);
    g_assert_cmphex(h->cpu->r[RCX], ==, USER_CODE + 2);
    g_assert_cmphex(h->cpu->r[R11], ==, F_IF | F_CF | 2);
    g_assert_cmphex(h->cpu->flags, ==, F_CF | 2);
    g_assert_cmphex(h->cpu->r[RSP], ==, STACK3);
    g_assert_cmphex(h->cpu->seg[SEG_SS].selector, ==, CS0_64 + 8);
    g_assert_cmpint(h->cpu->cpl, ==, 0);

    /* SYSRET sets IF: what has waited for that comes now, before the user's first instruction. */
    h->cpu->held = WANT_INTR;
    h->cpu->halted = false;
    h->cpu->wanted = 0;
    h->cpu->r[R11] = F_IF;
    h->cpu->r[RCX] = USER_CODE;
    soft_host_code(h, SOFT_CODE + 0x100, sysret, sizeof(sysret));
    g_assert_cmpint(soft_host_run(h, 100), ==, -1);
    g_assert_cmphex(h->cpu->rip, ==, USER_CODE);
    g_assert_cmphex(h->cpu->flags, ==, F_IF | 2);
    g_assert_cmphex(h->cpu->wanted, ==, WANT_INTR);
    h->cpu->wanted = 0;
    h->cpu->cpl = 0;
    h->cpu->seg[SEG_CS].selector = CS0_64;
    mode_update(h->cpu);

    /* An IRET to an address that is not canonical faults where it stands. */
    put(h, 0x9000, 1ull << 50, 8);
    h->cpu->r[RSP] = 0x9000;
    h->cpu->seg[SEG_SS].selector = DS0;
    g_assert_cmpint(RUN(h, 0x48, 0xcf), ==, EXC_GP);
    g_assert_cmphex(stack(h, 1, 8), ==, SOFT_CODE);
    g_assert_cmphex(stack(h, 0, 8), ==, 0);
    soft_host_destroy(h);
}

/* ---- What is in the TLB, quickly ---- */

enum { LOW = 0x12000, FRAME = 0x6000, N_PLACES = 7 };

/* What a gate and an IRET look at: each bit of it is tried. */
struct place {
    uint32_t at, bytes;
};
static const struct place places[N_PLACES] = {
    { IDT + EXC_PF * 16, 16 },
    { GDT + (CS0_64 & ~7), 8 },
    { GDT + (CS3_64 & ~7), 8 },
    { GDT + (DS3 & ~7), 8 },
    { TSS + 4, 8 },
    { TSS + 0x24, 8 },
    { FRAME, 40 },
};

struct outcome {
    uint64_t r[16], rip, flags;
    struct segment seg[N_SEGS];
    uint32_t mode, error;
    int vector;
    uint8_t cpl;
    uint8_t low[LOW];
};

/* An event, or the IRET at SOFT_CODE; warm: all that it needs may be reached directly. */
static void note(struct soft_host *h, const struct event *e, bool warm, struct outcome *o)
{
    struct cpu *cpu = h->cpu;

    tlb_flush(cpu, true);
    for (unsigned page = 0x1000; warm && page < LOW; page += 0x1000) {
        mem_read_sys(cpu, page, 1);
        if (page >= FRAME && page < SOFT_CODE) {
            mem_probe_write(cpu, page, 1);
            mem_probe_write_sys(cpu, page, 1);
        }
    }
    cpu->fault.under = 0;
    cpu->fault.vector = -1;
    cpu->fault.error = 0;
    if (!sigsetjmp(cpu->fault_exit, 0)) {
        if (e)
            event_deliver(cpu, e);
        else
            blocks_run_one(cpu);
    } else {
        blocks_faulted(cpu);
    }
    memset(o, 0, sizeof(*o));
    memcpy(o->r, cpu->r, sizeof(o->r));
    o->rip = cpu->rip;
    o->flags = cpu->flags;
    memcpy(o->seg, cpu->seg, sizeof(o->seg));
    o->mode = cpu->mode;
    o->error = cpu->fault.error;
    o->vector = cpu->fault.vector;
    o->cpl = cpu->cpl;
    memcpy(o->low, h->ram, LOW);
}

static void restore(struct soft_host *h, const struct cpu *before, const uint8_t *low)
{
    struct cpu *cpu = h->cpu;

    memcpy(h->ram, low, LOW);
    memcpy(cpu->r, before->r, sizeof(cpu->r));
    memcpy(cpu->seg, before->seg, sizeof(cpu->seg));
    cpu->rip = before->rip;
    cpu->flags = before->flags;
    cpu->cpl = before->cpl;
    mode_update(cpu);
}

static void compare(struct soft_host *h, const struct event *e)
{
    static struct outcome cold, warm;
    static uint8_t low[LOW];
    const struct cpu before = *h->cpu;

    memcpy(low, h->ram, LOW);
    note(h, e, false, &cold);
    restore(h, &before, low);
    note(h, e, true, &warm);
    restore(h, &before, low);
    g_assert_cmpmem(&cold, sizeof(cold), &warm, sizeof(warm));
}

/* From user or supervisor; an event, with an error code or not, on a stack of its own or not; or an
 * IRET to either, with SS null or not.  All as it should be, and with each bit wrong. */
static void compare_way(unsigned way)
{
    struct soft_host *h = create(64);
    bool user = way & 1, second = way & 2, third = way & 4, iret = way & 8;
    const struct event e = { .vector = EXC_PF,
                             .external = true,
                             .has_error = second,
                             .error = 7,
                             .rip = 0x1234,
                             .flags = F_IF | F_TF | F_NT | 2 };
    const uint64_t null = second ? 3 : 0, ss = second ? DS3 : DS0;
    const uint64_t frame[] = { USER_CODE, second ? CS3_64 : CS0_64, 0x3ffed7, STACK3,
                               third ? null : ss };

    put(h, TSS + 0x24, 0x7000, 8);
    memcpy(h->ram + FRAME, frame, sizeof(frame));
    h->ram[IDT + EXC_PF * 16 + 4] = third;
    h->ram[SOFT_CODE] = 0x48;
    h->ram[SOFT_CODE + 1] = 0xcf;
    if (user)
        to_user(h, true);
    h->cpu->rip = SOFT_CODE;
    h->cpu->r[RSP] = iret ? FRAME : STACK3 - 0x7c8;
    if (!iret)
        h->cpu->flags = F_IF | F_NT | F_RF | F_ID | F_ZF | 2;
    compare(h, iret ? NULL : &e);
    for (const struct place *p = places; p < places + N_PLACES; p++) {
        for (unsigned bit = 0; bit < p->bytes * 8; bit++) {
            h->ram[p->at + bit / 8] ^= 1 << bit % 8;
            compare(h, iret ? NULL : &e);
            h->ram[p->at + bit / 8] ^= 1 << bit % 8;
        }
    }
    soft_host_destroy(h);
}

/* Where a limit, a stack or a frame ends: not all of it may be reached. */
static void compare_ends(unsigned n)
{
    const struct event e = { .vector = EXC_PF, .has_error = true, .rip = 1, .flags = 2 };
    const uint64_t frame[] = { USER_CODE, CS3_64, 2, STACK3, DS3 };
    struct soft_host *h = create(64);

    h->ram[SOFT_CODE] = 0x48;
    h->ram[SOFT_CODE + 1] = 0xcf;
    h->cpu->rip = SOFT_CODE;
    h->cpu->r[RSP] = FRAME + 0x1000 - n;
    memcpy(h->ram + FRAME + 0x1000 - n, frame, sizeof(frame));
    compare(h, NULL);
    h->cpu->idt.limit = EXC_PF * 16 + n % 32;
    compare(h, &e);
    h->cpu->idt.limit = 0xfff;
    h->cpu->gdt.limit = CS3_64 - 16 + n / 2;
    compare(h, &e);
    compare(h, NULL);
    h->cpu->gdt.limit = 0xff;
    descriptor(h, 0, 0, 0xfffff, n & 1 ? 0x93 : 0x9b, 0xa); /* that of no selector */
    h->cpu->r[RSP] = FRAME;
    put(h, FRAME, USER_CODE, 8);
    put(h, FRAME + 8, n, 8);
    put(h, FRAME + 32, n & 1 ? 0 : DS0, 8);
    put(h, IDT + EXC_PF * 16 + 2, n, 2);
    compare(h, NULL);
    compare(h, &e);
    put(h, IDT + EXC_PF * 16 + 2, CS0_64, 2);
    put(h, TSS + 4, STACK0 + n, 8);
    to_user(h, true);
    compare(h, &e);
    h->cpu->tr.limit = n / 4;
    compare(h, &e);
    soft_host_destroy(h);
}

/* Without the TLB all is done one after the other: nothing may differ, whatever bit is wrong. */
static void test_quick(void)
{
    for (unsigned way = 0; way < 16; way++)
        compare_way(way);
    for (unsigned n = 0; n < 64; n++)
        compare_ends(n);
}

/* ---- Debugging ---- */

static void test_debug(void)
{
    struct soft_host *h = create(32);

    /* STI under TF traps like any other instruction; MOV SS holds the trap back. */
    h->cpu->flags |= F_TF;
    mode_update(h->cpu);
    g_assert_cmpint(RUN(h, 0xfb, 0x90), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 1);
    g_assert_cmphex(h->cpu->dr[6], ==, DR6_BS);
    g_assert_false(stack(h, 2, 4) & F_RF);
    h->cpu->flags |= F_TF;
    mode_update(h->cpu);
    g_assert_cmpint(RUN(h, 0x8c, 0xd0, 0x8e, 0xd0, 0x90, 0x90), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 2);
    h->cpu->flags |= F_TF;
    mode_update(h->cpu);
    g_assert_cmpint(RUN(h, 0x8e, 0xd0, 0x90, 0x90), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 3);

    /* MOV SS, then INT1 under TF: one trap, INT1's own. */
    h->cpu->dr[6] = DR6_FIXED;
    h->cpu->flags |= F_TF;
    mode_update(h->cpu);
    g_assert_cmpint(RUN(h, 0x8e, 0xd0, 0xf1, 0x90), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 3);
    g_assert_cmphex(h->cpu->dr[6], ==, DR6_FIXED);

    /* A write breakpoint traps behind its instruction, a code breakpoint before it, with RF. */
    h->cpu->flags = 2;
    h->cpu->dr[0] = SOFT_DATA;
    h->cpu->dr[1] = SOFT_CODE + 6;
    h->cpu->dr[7] = 0x400 | 1 | 4 | 0xd << 16;
    mode_update(h->cpu);
    tlb_flush(h->cpu, true);
    g_assert_cmpint(RUN(h, 0xa2, 0, 0, 2, 0, 0x90, 0x90), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 5);
    g_assert_cmphex(h->cpu->dr[6] & 15, ==, 1);
    h->cpu->rip = SOFT_CODE + 5;
    g_assert_cmpint(run(h), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE + 6);
    g_assert_cmphex(h->cpu->dr[6] & 15, ==, 2);
    g_assert_true(stack(h, 2, 4) & F_RF);

    /* GD: MOV DR faults before it does anything, and GD is off in the handler. */
    h->cpu->dr[7] = 0x400 | DR7_GD;
    mode_update(h->cpu);
    g_assert_cmpint(RUN(h, 0x0f, 0x23, 0xc0), ==, EXC_DB);
    g_assert_cmphex(stack(h, 0, 4), ==, SOFT_CODE);
    g_assert_true(h->cpu->dr[6] & DR6_BD);
    g_assert_false(h->cpu->dr[7] & DR7_GD);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft-gates/faults", test_faults);
    g_test_add_func("/soft-gates/user", test_user);
    g_test_add_func("/soft-gates/double-fault", test_double);
    g_test_add_func("/soft-gates/call-gate", test_call_gate);
    g_test_add_func("/soft-gates/task", test_task);
    g_test_add_func("/soft-gates/task-faults", test_task_faults);
    g_test_add_func("/soft-gates/vm86", test_vm86);
    g_test_add_func("/soft-gates/vm86-task", test_vm86_task);
    g_test_add_func("/soft-gates/task-16", test_task_16);
    g_test_add_func("/soft-gates/real", test_real);
    g_test_add_func("/soft-gates/long", test_long);
    g_test_add_func("/soft-gates/syscall", test_syscall);
    g_test_add_func("/soft-gates/quick", test_quick);
    g_test_add_func("/soft-gates/debug", test_debug);
    return g_test_run();
}
