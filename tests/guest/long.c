/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* long - see long.h: tables, the way into traps, and how other processors start. */
#include "long.h"

struct trap trap;
uint64_t attempt_rip, resume_rip, resume_sp, resume_bp;
volatile unsigned interrupts[256];
volatile uint64_t interrupt_rip;
void (*volatile on_interrupt)(void);
volatile unsigned n_steps;
volatile bool stepping;
struct step steps[64];
static unsigned n_checks, n_wrong;

/* ---- Verdicts ---- */

void verdict(const char *name, bool ok)
{
    n_checks++;
    n_wrong += !ok;
    check(name, ok);
}

void check_value(const char *name, uint64_t got, uint64_t wanted)
{
    verdict(name, got == wanted);
    if (got != wanted) {
        show("    got", got);
        show("    wanted", wanted);
    }
}

static void show_trap(int vector, uint64_t error, uint64_t offset)
{
    put_text("    got vector ");
    put_hex((uint8_t)trap.vector);
    put_text(" error ");
    put_hex(trap.error);
    put_text(" at ");
    put_hex(trap.rip - attempt_rip);
    put_text(" cr2 ");
    put_hex(trap.cr2);
    put_text(", wanted ");
    put_hex((uint8_t)vector);
    put_text(" error ");
    put_hex(error);
    put_text(" at ");
    put_hex(offset);
    put_text("\n");
}

void expect_at(const char *name, int vector, uint64_t error, uint64_t offset)
{
    bool ok = trap.vector == vector &&
              (vector == NONE || (trap.error == error && trap.rip - attempt_rip == offset));

    verdict(name, ok);
    if (!ok)
        show_trap(vector, error, offset);
}

void expect(const char *name, int vector, uint64_t error)
{
    expect_at(name, vector, error, 0);
}

void expect_pf(const char *name, uint64_t error, uint64_t cr2)
{
    bool ok = trap.vector == PF && trap.error == error && trap.cr2 == cr2;

    verdict(name, ok);
    if (!ok)
        show_trap(PF, error, 0);
}

void finish(void)
{
    show("checks", n_checks);
    show("wrong", n_wrong);
    quit(n_wrong ? 17 : 16);
    __builtin_unreachable();
}

/* ---- Traps ---- */

void long_trap(struct frame *f);

__asm__(".balign 16\n"
        "stubs:\n"
        ".set n, 0\n"
        ".rept 256\n"
        ".balign 16\n"
        ".if !(n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21)\n"
        "  pushq $0\n"
        ".endif\n"
        "  pushq $n\n"
        "  jmp trap_entry\n"
        ".set n, n + 1\n"
        ".endr\n"
        "trap_entry:\n"
        "  pushq %rax; pushq %rcx; pushq %rdx; pushq %rbx; pushq %rbp; pushq %rsi; pushq %rdi\n"
        "  pushq %r8; pushq %r9; pushq %r10; pushq %r11; pushq %r12; pushq %r13; pushq %r14\n"
        "  pushq %r15\n"
        "  cld\n"
        "  movq %rsp, %rdi\n"
        "  movq %rsp, %rbp\n"
        "  andq $-16, %rsp\n"
        "  call long_trap\n"
        "  movq %rbp, %rsp\n"
        "  popq %r15; popq %r14; popq %r13; popq %r12; popq %r11; popq %r10; popq %r9; popq %r8\n"
        "  popq %rdi; popq %rsi; popq %rbp; popq %rbx; popq %rdx; popq %rcx; popq %rax\n"
        "  addq $16, %rsp\n"
        "  iretq\n");
extern char stubs[];

static bool is_x2apic(void)
{
    return rdmsr(0x1b) & 0x400;
}

static void take_interrupt(struct frame *f)
{
    interrupt_rip = f->rip;
    interrupts[f->vector]++;
    if (on_interrupt)
        on_interrupt();
    if (f->vector < 0x30) /* of the 8259 pair */
        outb(0x20, 0x20);
    else if (is_x2apic())
        wrmsr(0x80b, 0);
    else
        apic_set(0xb0, 0);
}

static void take_step(struct frame *f)
{
    uint64_t dr6 = READ_DR(6);

    if (n_steps < 64)
        steps[n_steps] = (struct step){ f->rip, dr6 };
    n_steps++;
    WRITE_DR(6, 0xffff0ff0);
}

void long_trap(struct frame *f)
{
    if (f->vector >= 32)
        return take_interrupt(f);
    if (f->vector == DB && stepping)
        return take_step(f);
    trap = (struct trap){ f->vector, f->error, f->rip, READ_CR(2), f->rflags };
    if (!resume_rip) {
        put_text("trap outside an attempt\n");
        show("    vector", f->vector);
        show("    error", f->error);
        show("    rip", f->rip);
        show("    cr2", trap.cr2);
        quit(18);
    }
    f->rip = resume_rip;
    f->rsp = resume_sp;
    f->rbp = resume_bp;
    f->cs = CS64;
    f->ss = DATA;
    f->rflags &= ~0x154500ull; /* TF, DF, NT, RF, AC off */
    resume_rip = 0;
}

/* ---- Tables ---- */

struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

uint64_t gdt64[32] = {
    [CS64 / 8] = 0x00af9b000000ffff,    [DATA / 8] = 0x00cf93000000ffff,
    [CS32 / 8] = 0x00cf9b000000ffff,    [DATA_DPL3 / 8] = 0x00cff3000000ffff,
    [USER_CS / 8] = 0x00affb000000ffff,
};
static uint64_t idt64[512] __attribute__((aligned(16)));
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3], reserved1, ist[7], reserved2;
    uint16_t reserved3, io_map;
} __attribute__((packed));
static struct tss tss[MAX_CPUS] __attribute__((aligned(128)));
static char trap_stacks[MAX_CPUS][4096] __attribute__((aligned(16)));
char ap_stacks[MAX_CPUS][8192] __attribute__((aligned(16)));
volatile uint64_t window[512] __attribute__((aligned(4096)));
uint64_t tables64[2048] __attribute__((aligned(4096)));

uint64_t *idt_gate(int vector)
{
    return &idt64[vector * 2];
}

static void set_gate(int vector, unsigned ist, unsigned dpl)
{
    uint64_t at = (uint64_t)stubs + vector * 16;

    idt64[vector * 2] = (at & 0xffff) | (uint64_t)CS64 << 16 | (uint64_t)ist << 32 |
                        0x8e0000000000ull | (uint64_t)dpl << 45 | (at >> 16 & 0xffff) << 48;
    idt64[vector * 2 + 1] = at >> 32;
}

/* On every processor. */
static void load_tables(unsigned cpu)
{
    struct pointer gdtr = { sizeof(gdt64) - 1, (uint64_t)gdt64 };
    struct pointer idtr = { sizeof(idt64) - 1, (uint64_t)idt64 };
    uint64_t base = (uint64_t)&tss[cpu], *d = &gdt64[(TSS0 + cpu * 16) / 8];

    tss[cpu].ist[0] = tss[cpu].rsp[0] = (uint64_t)trap_stacks[cpu] + 4096;
    tss[cpu].io_map = sizeof(struct tss);
    d[0] = 0x890000000000ull | (sizeof(struct tss) - 1) | (base & 0xffffff) << 16;
    d[1] = base >> 32;
    __asm__ volatile("lgdt %0\n\tlidt %1\n\tltr %w2\n\t"
                     "pushq $8\n\tpushq $1f\n\tlretq\n1:\tmov %w3, %%ss\n\tmov %w3, %%ds\n\t"
                     "mov %w3, %%es"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(TSS0 + cpu * 16), "r"(DATA)
                     : "memory");
}

/* 4 GiB in the supervisor's pages of 2 MiB, but for the window. */
static void make_pages(void)
{
    static uint64_t pds[4][512] __attribute__((aligned(4096)));

    for (unsigned i = 0; i < 2048; i++)
        pds[i / 512][i % 512] = i * 0x200000ull | P | W | PS;
    for (unsigned i = 0; i < 4; i++)
        tables64[512 + i] = (uint64_t)pds[i] | P | W | U;
    tables64[0] = (uint64_t)&tables64[512] | P | W | U;
    pds[WINDOW >> 30][0] = (uint64_t)window | P | W | U;
    WRITE_CR(3, tables64);
}

void map(unsigned n, uint64_t entry)
{
    window[n] = entry;
    invlpg(at_window(n));
}

void long_init(void)
{
    for (int v = 0; v < 256; v++)
        set_gate(v, v < 32, 0);
    make_pages();
    load_tables(0);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    apic_set(0xf0, 0x1ff);
    if (cpuid(0x80000001, 0).d >> 20 & 1)
        wrmsr(0xc0000080, rdmsr(0xc0000080) | 0x800);
    WRITE_CR(0, READ_CR(0) | 0x10000); /* WP */
}

/* ---- Other processors ---- */

__asm__(".code16\n"
        "ap_start:\n"
        "  cli\n"
        "  cmpw $0, %ax\n" /* whatever it holds: nothing depends on it */
        "  lgdtl %cs:ap_gdtr - ap_start\n"
        "  movl %cr0, %eax\n"
        "  orb $1, %al\n"
        "  movl %eax, %cr0\n"
        "  ljmpl $0x18, $ap_protected\n"
        ".balign 4\n"
        "ap_gdtr: .word 255\n"
        "  .long gdt64\n"
        "ap_end:\n"
        ".code32\n"
        "ap_protected:\n"
        "  movl $0x10, %eax\n"
        "  movl %eax, %ds\n"
        "  movl %eax, %ss\n"
        "  movl %eax, %es\n"
        "  movl $tables64, %eax\n"
        "  movl %eax, %cr3\n"
        "  movl $0x20, %eax\n"
        "  movl %eax, %cr4\n"
        "  movl $0xc0000080, %ecx\n"
        "  rdmsr\n"
        "  orl $0x900, %eax\n"
        "  wrmsr\n"
        "  movl $0x80010011, %eax\n"
        "  movl %eax, %cr0\n"
        "  ljmp $8, $ap_long\n"
        ".code64\n"
        "ap_long:\n"
        "  movl $1, %eax\n"
        "  lock xaddl %eax, ap_count\n"
        "  movl %eax, %esp\n"
        "  shll $13, %esp\n"
        "  addq $ap_stacks, %rsp\n" /* those of 1 on: the count starts there, and it grows down */
        "  call ap_main\n");
extern char ap_start[], ap_end[];
unsigned ap_count = 1;
volatile unsigned cpus_online = 1;
void (*volatile ap_work[MAX_CPUS])(void);
void ap_main(void);

void ap_main(void)
{
    unsigned id = cpuid(1, 0).b >> 24;

    load_tables(id);
    apic_set(0xf0, 0x1ff);
    __atomic_fetch_add(&cpus_online, 1, __ATOMIC_SEQ_CST);
    for (;;) {
        while (!ap_work[id])
            __asm__ volatile("pause");
        ap_work[id]();
        ap_work[id] = NULL;
    }
}

void start_others(void)
{
    for (char *from = ap_start, *to = NULL; from < ap_end; from++, to++)
        __asm__ volatile("movb %b1, (%0)" : : "r"(to), "q"(*from) : "memory");
    apic_set(0x300, 0xc4500);
    apic_set(0x300, 0xc4600);
}

void run_on(unsigned n, void (*f)(void))
{
    ap_work[n] = f;
}

void wait_for(unsigned n)
{
    while (ap_work[n])
        __asm__ volatile("pause");
}

bool reached(volatile unsigned *p, unsigned v)
{
    uint64_t end = rdtsc() + 3000000000ull;

    while (*p < v && rdtsc() < end)
        __asm__ volatile("pause");
    return *p >= v;
}
