/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-events - events whose delivery fails itself, NMIs within NMIs, which of several comes first;
 * calls of hypervisors that are not there; what fw_cfg says of the machine.
 *
 * Intel SDM volume 3, sections 6.7 (NMI), 6.9 (priorities), 6.15 (table of double faults); QEMU's
 * fw_cfg specification.
 */
#include "long.h"

/* ---- An IDT in two pages, the first with the vectors below that of #PF ---- */

static char idt_pages[2][4096] __attribute__((aligned(4096)));
static struct pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed)) old_idt, split_idt = { 4095, 0 };

static void split(void)
{
    char *to = idt_pages[1] - PF * 16;

    for (unsigned i = 0; i < 4096 && to + i < idt_pages[0] + sizeof(idt_pages); i++)
        to[i] = ((char *)idt_gate(0))[i];
    map(0, (uint64_t)idt_pages[0] | P);
    map(1, (uint64_t)idt_pages[1] | P);
    split_idt.base = (uint64_t)at_window(1) - PF * 16;
    __asm__ volatile("sidt %0\n\tlidt %1" : "=m"(old_idt) : "m"(split_idt));
}

static uint64_t gate_of(int vector)
{
    return split_idt.base + vector * 16;
}

static void idt_gone(void)
{
    split();
    ATTEMPT("ud2", :);
    expect("#UD by the split table", UD, 0);
    map(0, 0);
    ATTEMPT("ud2", :);
    expect_pf("#PF for #UD's gate", 0, gate_of(UD));
    check_value("    at the instruction", trap.rip, attempt_rip);
    ATTEMPT("divl %0", : : "r"(0), "a"(1), "d"(0));
    expect_pf("#PF for #DE's gate: no double fault", 0, gate_of(DE));
    ATTEMPT("int3", :);
    expect_pf("#PF for #BP's gate", 0, gate_of(BP));
    check_value("    at the instruction", trap.rip, attempt_rip);
    ATTEMPT("movb (%0), %%al", : : "D"(1ull << 63 >> 1) : "rax");
    expect_pf("#PF for #GP's gate: no double fault", 0, gate_of(GP));
    map(0, (uint64_t)idt_pages[0] | P);
    map(1, 0);
    ATTEMPT("int $0x40", :);
    expect("#DF: no gate for #PF either", DF, 0);
    map(1, (uint64_t)idt_pages[1] | P);
    interrupts[0x40] = 0;
    ATTEMPT("int $0x40", :);
    verdict("INT 40h once all is back", trap.vector == NONE && interrupts[0x40] == 1);
    __asm__ volatile("lidt %0" : : "m"(old_idt));
}

static void stack_gone(void)
{
    map(2, 0);
    ATTEMPT("movq %0, %%rsp\n\tint $0x40", : : "r"(at_window(3)) : "memory");
    expect_pf("#PF for the frame", 2, (uint64_t)at_window(3) - 8);
    check_value("    at the INT", trap.rip - attempt_rip, 3);
    apic_set(0x300, 0x44041);
    ATTEMPT("movq %0, %%rsp\n\tsti\n\tnop\n\tnop\n\tcli", : : "r"(at_window(3)) : "memory");
    expect_pf("#PF for an interrupt's frame", 2, (uint64_t)at_window(3) - 8);
    check_value("    it is in service", apic_get(0x120) >> 1 & 1, 1);
    apic_set(0xb0, 0);
}

/* ---- NMI ---- */

volatile unsigned nmi_count, nmi_within, nmi_second_saw;
/* The first sends itself two more and an interrupt; none comes before its IRET. */
__asm__("nmi_entry: pushq %rax\n\tpushq %rcx\n\tpushq %rdi\n\tincl nmi_count\n\t"
        "cmpl $1, nmi_count\n\tjne 2f\n\t"
        "movl $0xfee00300, %edi\n\tmovl $0x4400, (%rdi)\n\tmovl $0x4400, (%rdi)\n\t"
        "movl $0x44060, (%rdi)\n\tmovl $1000, %ecx\n1:\tpause\n\tloop 1b\n\t"
        "movl nmi_count, %eax\n\tmovl %eax, nmi_within\n\tjmp 3f\n"
        "2:\tmovl interrupts + 0x60 * 4, %eax\n\tmovl %eax, nmi_second_saw\n"
        "3:\tpopq %rdi\n\tpopq %rcx\n\tpopq %rax\n\tiretq\n");
extern char nmi_entry[];

static void nmis(void)
{
    uint64_t *gate = idt_gate(NMI), saved = *gate, at = (uint64_t)nmi_entry;

    *(volatile uint64_t *)gate =
        (saved & 0x0000ffffffff0000) | (at & 0xffff) | (at >> 16 & 0xffff) << 48;
    interrupts[0x60] = 0;
    nmi_second_saw = 9;
    apic_set(0x310, 0);
    __asm__ volatile("sti\n\tnop" : : : "memory");
    apic_set(0x300, 0x4400);
    for (uint64_t end = rdtsc() + 1000000000ull; rdtsc() < end && !interrupts[0x60];)
        __asm__ volatile("pause");
    __asm__ volatile("cli" : : : "memory");
    check_value("no NMI within an NMI", nmi_within, 1);
    check_value("    two are one", nmi_count, 2);
    check_value("    which comes before an interrupt", nmi_second_saw, 0);
    check_value("    that comes then", interrupts[0x60], 1);
    *(volatile uint64_t *)gate = saved;
}

/* ---- Priorities ---- */

static unsigned first;

static void note_first(void)
{
    if (!first)
        first = interrupts[0x71] ? 0x71 : 0x51;
}

static void priorities(void)
{
    interrupts[0x51] = interrupts[0x71] = 0;
    apic_set(0x300, 0x44051);
    apic_set(0x300, 0x44071);
    apic_set(0x300, 0x44071);
    on_interrupt = note_first;
    __asm__ volatile("sti\n\tnop\n\tnop\n\tcli" : : : "memory");
    on_interrupt = NULL;
    check_value("the higher vector comes first", first, 0x71);
    check_value("    once", interrupts[0x71], 1);
    check_value("    then the other", interrupts[0x51], 1);
}

/* STI holds interrupts off for one instruction, which may be the one that shuts them out again. */
static void shadows(void)
{
    interrupts[0x52] = 0;
    apic_set(0x300, 0x44052);
    __asm__ volatile("sti\n\tcli\n\tnop\n\tnop" : : : "memory");
    check_value("no interrupt between STI and CLI", interrupts[0x52], 0);
    __asm__ volatile("sti\n\tnop\n\tcli" : : : "memory");
    check_value("    one between STI, NOP and CLI", interrupts[0x52], 1);
    apic_set(0x300, 0x44052);
    __asm__ volatile("sti\n\tsti\n\tcli" : : : "memory");
    check_value("    and between STI, STI and CLI", interrupts[0x52], 2);
    apic_set(0x300, 0x44052);
    __asm__ volatile("pushfq\n\torl $0x200, (%%rsp)\n\tpopfq\n\tcli" : : : "memory", "cc");
    check_value("    and between POPF and CLI", interrupts[0x52], 3);
}

/* ---- SYSCALL ---- */

enum { STAR = 0xc0000081u, LSTAR, CSTAR, FMASK, EFER = 0xc0000080u };

/* The trap of a TF that SYSRET sets comes before the next instruction. */
static void sysret_with_tf(void)
{
    char *at = at_window(4);

    map(4, (uint64_t)idt_pages[0] | P | W | U);
    at[0] = 0x90; /* NOP; HLT */
    at[1] = 0xf4;
    WRITE_DR(6, 0xffff0ff0);
    ATTEMPT("movl $0x102, %%r11d\n\tsysretq", : : "c"(at) : "r11", "memory");
    verdict("#DB behind SYSRET that sets TF", trap.vector == DB && trap.rip == (uint64_t)at);
    check_value("    DR6", READ_DR(6), 0xffff4ff0);
    WRITE_DR(6, 0xffff0ff0);
    ATTEMPT("movl $2, %%r11d\n\tsysretq", : : "c"(at) : "r11", "memory");
    verdict("SYSRET", trap.vector == GP && trap.rip == (uint64_t)at + 1);
}

static void system_calls(void)
{
    extern char syscall_target[];
    uint64_t rcx, flags;

    ATTEMPT("syscall", : : : "rcx", "r11");
    expect("#UD SYSCALL without EFER.SCE", UD, 0);
    wrmsr(EFER, rdmsr(EFER) | 1);
    wrmsr(STAR, (uint64_t)CS64 << 32 | 0x1bull << 48);
    wrmsr(LSTAR, (uint64_t)syscall_target);
    wrmsr(FMASK, 0x500);
    n_steps = 0;
    stepping = true;
    __asm__ volatile("pushfq\n\tpushfq\n\torl $0x500, (%%rsp)\n\tpopfq\n\tsyscall\n\tud2\n"
                     "syscall_target:\n\tpushfq\n\tpopq %0\n\tpopfq"
                     : "=a"(flags), "=&c"(rcx)
                     :
                     : "r11", "memory");
    stepping = false;
    check_value("SYSCALL: FMASK clears TF and DF", flags & 0x500, 0);
    check_value("    no step behind it", n_steps, 0);
    check_value("    RCX", rcx, (uint64_t)syscall_target - 2);
    __asm__ volatile("movw %w0, %%ss"
                     :
                     : "r"(DATA)
                     : "memory"); /* SYSCALL's was not from a table */
    sysret_with_tf();
    ATTEMPT("sysretq", : : "c"(1ull << 63 >> 1) : "memory");
    expect("#GP SYSRET to a non-canonical RIP", GP, 0);
}

/* ---- Hypervisors ---- */

static void no_hypervisor(void)
{
    ATTEMPT("vmcall", :);
    expect("#UD VMCALL", UD, 0);
    ATTEMPT("vmmcall", :);
    expect("#UD VMMCALL", UD, 0);
    ATTEMPT(".byte 0x0f, 0x01, 0xfd", :);
    expect("#UD RDPRU", UD, 0);
    ATTEMPT(".byte 0x0f, 0x01, 0xc3", :); /* VMRESUME */
    expect("#UD VMRESUME", UD, 0);
}

/* ---- fw_cfg ---- */

static uint64_t fw_cfg(uint16_t key, unsigned bytes)
{
    uint64_t v = 0;

    outw(0x510, key);
    for (unsigned i = 0; i < bytes; i++)
        v |= (uint64_t)inb(0x511) << 8 * i;
    return v;
}

static void configuration(void)
{
    check_value("fw_cfg: processors", fw_cfg(5, 2), 1);
    check_value("    RAM", fw_cfg(3, 8), 64 << 20);
    check_value("    selecting rewinds", fw_cfg(3, 8), 64 << 20);
    verdict("    11h is no small limit", !fw_cfg(0x11, 8) || fw_cfg(0x11, 8) > 1ull << 32);
}

void guest_main(void)
{
    long_init();
    idt_gone();
    stack_gone();
    nmis();
    priorities();
    shadows();
    system_calls();
    no_hypervisor();
    configuration();
    finish();
}
