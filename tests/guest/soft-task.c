/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-task - hardware task switches: CALL, JMP, IRET and task gates, out of virtual-8086 mode too,
 * a task whose code is conforming, and one of 16 bits.  32 bits, no paging.
 *
 * Intel SDM volume 3, chapters 7 (tasks) and 20 (virtual-8086 mode).
 */
#include "judge.h"

enum {
    CODE = 8,
    DATA = 0x10,
    CONFORMING = 0x18,
    USER_DATA = 0x20,
    MAIN = 0x28,
    OTHER = 0x30,
    TRAP = 0x38,
    VM86 = 0x40,
    OLD = 0x48, /* a 16-bit task, its code and stack */
    CODE16 = 0x50,
    STACK16 = 0x58
};
enum { UD = 6, GP = 13, NT = 0x4000, VM = 0x20000 };

struct tss {
    uint16_t link, r0;
    uint32_t stacks[6], cr3, eip, eflags, eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t es, cs, ss, ds, fs, gs, ldt;
    uint16_t trap, io_map;
};
/* Of the 80286. */
struct old_tss {
    uint16_t link, stacks[6], ip, flags, ax, cx, dx, bx, sp, bp, si, di, es, cs, ss, ds, ldt;
};
static volatile struct tss main_tss __attribute__((used)), other, trap, vm86;
static volatile struct old_tss old;
static volatile uint64_t gdt[16] = {
    [CODE / 8] = 0x00cf9b000000ffff,
    [DATA / 8] = 0x00cf93000000ffff,
    [CONFORMING / 8] = 0x00cf9f000000ffff,
    [USER_DATA / 8] = 0x00cff3000000ffff,
};
static uint64_t idt[256];
static char stacks[3][4096] __attribute__((aligned(16)));

/* ---- The tasks ---- */

static volatile uint32_t seen_flags, seen_link, seen_cs, seen_error, runs;
static volatile struct tss seen;

/* Entered once by its TSS; each later entry goes on behind the IRET. */
static void __attribute__((noreturn)) other_task(void)
{
    for (;;) {
        uint32_t flags, cs;

        __asm__ volatile("pushfl\n\tpopl %0\n\tmovl %%cs, %1" : "=r"(flags), "=r"(cs));
        seen_flags = flags;
        seen_cs = cs;
        seen_link = other.link;
        runs++;
        __asm__ volatile("iret" : : : "memory");
    }
}

static void __attribute__((noreturn)) jump_task(void)
{
    for (;;) {
        runs++;
        __asm__ volatile("ljmp %0, $0" : : "i"(MAIN) : "memory");
    }
}

/* Behind the task gate of #GP, with an error code on its stack: back to the main task by JMP. */
static void __attribute__((noreturn)) trap_task(void)
{
    for (;;) {
        seen_error = *(volatile uint32_t *)(stacks[1] + sizeof(stacks[1]) - 4);
        seen = *(trap.link == VM86 ? &vm86 : &main_tss);
        seen_link = trap.link;
        runs++;
        if (trap.link == MAIN) {
            main_tss.eip += 2; /* over the INT or what failed; and back by IRET */
            __asm__ volatile("iret" : : : "memory");
        } else {
            *(volatile uint8_t *)((uint32_t)gdt + VM86 + 5) &= ~2;
            *(volatile uint8_t *)((uint32_t)gdt + MAIN + 5) &= ~2;
            __asm__ volatile("pushfl\n\tandl $~0x4000, (%%esp)\n\tpopfl\n\tljmp %0, $0"
                             :
                             : "i"(MAIN)
                             : "memory");
        }
    }
}

static void set_tss(unsigned selector, volatile struct tss *tss)
{
    uint32_t base = (uint32_t)tss;

    gdt[selector / 8] = 0x890000000000ull | (sizeof(*tss) - 1) | (uint64_t)(base & 0xffffff) << 16 |
                        (uint64_t)(base >> 24) << 56;
}

static void prepare(volatile struct tss *tss, void *entry, unsigned n)
{
    *tss = (struct tss){ .eip = (uint32_t)entry,
                         .eflags = 2,
                         .esp = (uint32_t)stacks[n] + 4096,
                         .es = DATA,
                         .cs = CODE,
                         .ss = DATA,
                         .ds = DATA,
                         .fs = DATA,
                         .gs = DATA,
                         .io_map = sizeof(*tss) };
}

static void prepare_trap(void)
{
    prepare(&trap, trap_task, 1);
    *(volatile uint32_t *)(stacks[1] + sizeof(stacks[1]) - 4) = 0x55;
}

static bool busy(unsigned selector)
{
    return gdt[selector / 8] >> 41 & 1;
}

static uint32_t flags_now(void)
{
    uint32_t flags;

    __asm__ volatile("pushfl\n\tpopl %0" : "=r"(flags));
    return flags;
}

#define CALL_TASK(selector) __asm__ volatile("lcall %0, $0" : : "i"(selector) : "memory")

/* ---- Checks ---- */

static void by_call(void)
{
    prepare(&other, other_task, 0);
    set_tss(OTHER, &other);
    for (int i = 1; i <= 2; i++) {
        CALL_TASK(OTHER);
        equals("CALL of a TSS", runs, i);
        equals("    NT is set there", seen_flags & NT, NT);
        equals("    and linked", seen_link, MAIN);
        equals("    NT is clear here", flags_now() & NT, 0);
        equals("    the other is not busy", busy(OTHER), false);
        equals("    this is", busy(MAIN), true);
    }
    runs = 0;
}

static void by_jump(void)
{
    prepare(&other, jump_task, 0);
    set_tss(OTHER, &other);
    __asm__ volatile("ljmp %0, $0" : : "i"(OTHER) : "memory");
    equals("JMP to a TSS and back", runs, 1);
    equals("    the other is not busy", busy(OTHER), false);
    equals("    this is", busy(MAIN), true);
    runs = 0;
}

static void by_gate(void)
{
    prepare_trap();
    set_tss(TRAP, &trap);
    idt[GP] = (uint64_t)TRAP << 16 | 0x850000000000;
    __asm__ volatile("movw %w0, %%fs" : : "a"(0xfff8) : "memory"); /* 2 bytes, as it steps over */
    equals("#GP through a task gate", runs, 1);
    equals("    its error code", seen_error, 0xfff8);
    equals("    linked", seen_link, MAIN);
    equals("    RF is saved", seen.eflags >> 16 & 1, 1);
    equals("    this is busy", busy(MAIN), true);
    equals("    the trap's is not", busy(TRAP), false);
    runs = 0;
}

static void out_of_vm86(void)
{
    volatile uint8_t *at = (void *)0x7000;

    prepare_trap();
    prepare(&vm86, (void *)4, 2);
    vm86.eflags = 2 | VM;
    vm86.cs = 0x700;
    vm86.ss = 0x710;
    vm86.esp = 0x100;
    vm86.ds = 0x1234;
    vm86.es = 0x2345;
    vm86.fs = 0x3456;
    vm86.gs = 0x4567;
    set_tss(VM86, &vm86);
    at[4] = 0xb8; /* mov $0x5678, %ax; hlt: #GP */
    at[5] = 0x78;
    at[6] = 0x56;
    at[7] = 0xf4;
    CALL_TASK(VM86);
    equals("#GP leaves virtual-8086 mode by a task gate", runs, 1);
    equals("    its error code", seen_error, 0);
    equals("    linked", seen_link, VM86);
    equals("    EFLAGS", seen.eflags & (VM | NT), VM | NT);
    equals("    CS", seen.cs, 0x700);
    equals("    IP", seen.eip, 7);
    equals("    SS", seen.ss, 0x710);
    equals("    SP", seen.esp, 0x100);
    equals("    DS", seen.ds, 0x1234);
    equals("    GS", seen.gs, 0x4567);
    equals("    AX", seen.eax & 0xffff, 0x5678);
    equals("    VM is clear here", flags_now() & VM, 0);
    runs = 0;
}

static void conforming(void)
{
    prepare(&other, other_task, 0);
    other.cs = CONFORMING | 3;
    other.ss = other.ds = other.es = other.fs = other.gs = USER_DATA | 3;
    set_tss(OTHER, &other);
    CALL_TASK(OTHER);
    equals("a task of conforming code, RPL 3, DPL 0", runs, 1);
    equals("    its CS", seen_cs, CONFORMING | 3);
    runs = 0;
}

/* ---- 16-bit tasks ---- */

/* Notes what it finds, and goes back by IRET; entered again, by JMP. */
extern char old_task[];
static volatile uint16_t old_seen[6]
    __attribute__((used)); /* FLAGS, AX, CX, BP, SP, top of the stack */
static uint16_t old_stack[64] __attribute__((aligned(16)));
__asm__(".code16\n"
        "old_task: pushfw\n\tpopw %di\n\tmovl $old_seen, %ebx\n\tmovw %di, (%ebx)\n"
        "movw %ax, 2(%ebx)\n\tmovw %cx, 4(%ebx)\n\tmovw %bp, 6(%ebx)\n\tmovw %sp, 8(%ebx)\n"
        "movw %sp, %bp\n\tmovw (%bp), %ax\n\tmovw %ax, 10(%ebx)\n\tcmpw $0x4321, %ax\n\tje 1f\n"
        "movl $main_tss, %edx\n\taddl $2, 32(%edx)\n" /* EIP: over what failed */
        "1: movw $0x7777, %dx\n\tiretw\n"
        "pushfw\n\tpopw %di\n\tmovl $old_seen, %ebx\n\tmovw %di, (%ebx)\n\tljmpw $0x28, $0\n"
        ".code32\n");

static uint64_t segment16(void *base, uint32_t limit, uint32_t type)
{
    uint32_t at = (uint32_t)base;

    return limit | (uint64_t)(at & 0xffffff) << 16 | (uint64_t)type << 40 |
           (uint64_t)(at >> 24) << 56;
}

static void prepare_old(void)
{
    gdt[OLD / 8] = segment16((void *)&old, sizeof(old) - 1, 0x81);
    gdt[CODE16 / 8] = segment16(old_task, 0xffff, 0x9b);
    gdt[STACK16 / 8] = segment16(old_stack, sizeof(old_stack) - 1, 0x93);
    old_stack[sizeof(old_stack) / 2 - 1] = 0x4321;
    old = (struct old_tss){ .flags = 2,
                            .ax = 0x1111,
                            .cx = 0x2222,
                            .bp = 0x3333,
                            .sp = sizeof(old_stack) - 2,
                            .es = DATA,
                            .cs = CODE16,
                            .ss = STACK16,
                            .ds = DATA };
}

static void found_old(const char *name, uint16_t sp)
{
    equals(name, old_seen[1], 0x1111);
    equals("    CX", old_seen[2], 0x2222);
    equals("    BP", old_seen[3], 0x3333);
    equals("    SP", old_seen[4], sp);
    equals("    this is busy", busy(MAIN), true);
    equals("    the other is not", busy(OLD), false);
}

static void old_tasks(void)
{
    prepare_old();
    CALL_TASK(OLD);
    found_old("CALL of a 16-bit TSS", sizeof(old_stack) - 2);
    equals("    NT is set there", old_seen[0] & NT, NT);
    equals("    linked", old.link, MAIN);
    equals("    saved by IRET: NT is clear", old.flags & NT, 0);
    equals("    DX", old.dx, 0x7777);
    equals("    CS", old.cs, CODE16);
    __asm__ volatile("ljmp %0, $0" : : "i"(OLD) : "memory");
    equals("JMP to it, behind the IRET, and back", old_seen[0] & NT, 0);
    equals("    this is busy", busy(MAIN), true);
    equals("    the other is not", busy(OLD), false);
    prepare_old();
    idt[GP] = (uint64_t)OLD << 16 | 0x850000000000;
    __asm__ volatile("movw %w0, %%fs" : : "a"(0xfff8) : "memory"); /* 2 bytes, as it steps over */
    found_old("#GP through a task gate to it", sizeof(old_stack) - 4);
    equals("    its error code, of 16 bits", old_seen[5], 0xfff8);
    runs = 0;
}

void guest_main(const void *state)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (uint32_t)gdt },
                              idtr = { sizeof(idt) - 1, (uint32_t)idt };

    set_tss(MAIN, &main_tss);
    __asm__ volatile("lgdt %0\n\tlidt %1\n\tljmp $8, $1f\n1:\tmovw %w2, %%ds\n\tmovw %w2, %%es\n\t"
                     "movw %w2, %%ss\n\tmovw %w2, %%fs\n\tmovw %w2, %%gs\n\tltr %w3"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(DATA), "r"(MAIN)
                     : "memory");
    by_call();
    by_jump();
    by_gate();
    out_of_vm86();
    conforming();
    old_tasks();
    judge();
}
