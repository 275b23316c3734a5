/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-vm86 - virtual-8086 mode and its extensions: INT n by the redirection bitmap and without,
 * the virtual interrupt flag (VIF, VIP) in CLI, STI, PUSHF, POPF, IRET and, with CR4.PVI, at
 * privilege level 3.  32 bits, no paging.
 *
 * Intel SDM volume 3, chapter 21 (8086 emulation), volume 2 (the instructions).
 */
#include "judge.h"

enum { CODE = 8, DATA = 0x10, TASK = 0x18, USER_CODE = 0x23, USER_DATA = 0x2b };
enum { UD = 6, GP = 13, INT21 = 0x21 };
enum { TF = 0x100, IF = 0x200, IOPL3 = 0x3000, VM = 0x20000, VIF = 0x80000, VIP = 0x100000 };
enum { CR4_VME = 1, CR4_PVI = 2 };
enum { SEGMENT = 0x700, STACK = 0x800, TOP = 0x100, HANDLER = 0x80 }; /* the program's, its stack */

/* 104 bytes, the redirection bitmap, and no ports. */
static struct {
    uint32_t link, esp0, ss0, rest[22];
    uint16_t trap, io_map;
    uint8_t redirection[32], end;
} __attribute__((packed)) tss __attribute__((aligned(256)));
static uint64_t gdt[6] = {
    [CODE / 8] = 0x00cf9b000000ffff,
    [DATA / 8] = 0x00cf93000000ffff,
    [USER_CODE / 8] = 0x00cffb000000ffff,
    [USER_DATA / 8] = 0x00cff3000000ffff,
};
static uint64_t idt[256];
static char stack0[4096] __attribute__((aligned(16)));

/* ---- Going there, and what brought us back ---- */

static struct {
    uint32_t vector, error, eip, cs, eflags, esp, ss;
} left __attribute__((used));
static uint32_t go_sp __attribute__((used));

/* Vectors with an error code, and without; all lead back behind go(). */
void on_gp(void), on_ud(void), on_21(void);
__asm__("on_ud: pushl $0\n\tpushl $6\n\tjmp 1f\n"
        "on_21: pushl $0\n\tpushl $0x21\n\tjmp 1f\n"
        "on_gp: pushl $13\n"
        "1:     movl $0x10, %eax\n\tmovl %eax, %ds\n\tmovl %eax, %es\n"
        "       movl %esp, %esi\n\tmovl $left, %edi\n\tmovl $7, %ecx\n\tcld\n\trep movsl\n"
        "       movl go_sp, %esp\n\tpopal\n\tret\n");

struct to {
    uint32_t eip, cs, eflags, esp, ss, es, ds, fs, gs;
};
void go_to(const struct to *to);
__asm__("go_to: pushal\n\tmovl %esp, go_sp\n\tmovl 36(%esp), %esi\n"
        "       subl $36, %esp\n\tmovl %esp, %edi\n\tmovl $9, %ecx\n\tcld\n\trep movsl\n\tiret\n");

/* Runs code in virtual-8086 mode until something brings it out; a HLT does. */
static void run(uint32_t eflags, const char *code, unsigned bytes)
{
    struct to to = { 0, SEGMENT, VM | 2 | eflags, TOP, STACK, STACK, STACK, STACK, STACK };
    char *at = (char *)(SEGMENT * 16);

    for (unsigned i = 0; i < bytes; i++)
        at[i] = code[i];
    go_to(&to);
}
#define RUN(eflags, code) run(eflags, code "\xf4", sizeof(code))

/* The same at privilege level 3 in protected mode. */
static void run_user(uint32_t eflags, const char *code, unsigned bytes)
{
    struct to to = { SEGMENT * 16, USER_CODE, 2 | eflags, STACK * 16 + TOP, USER_DATA, 0, 0, 0, 0 };
    char *at = (char *)(SEGMENT * 16);

    for (unsigned i = 0; i < bytes; i++)
        at[i] = code[i];
    go_to(&to);
}
#define RUN_USER(eflags, code) run_user(eflags, code "\xf4", sizeof(code))

static uint16_t stacked(unsigned below)
{
    return *(volatile uint16_t *)(STACK * 16 + TOP - below);
}

static void set_cr4(uint32_t cr4)
{
    __asm__ volatile("movl %0, %%cr4" : : "r"(cr4) : "memory");
}

/* It came to its HLT, or to what is at offset, with #GP(0). */
static void faulted_at(const char *name, uint32_t offset)
{
    equals(name, left.vector, GP);
    equals("    error code", left.error, 0);
    equals("    at", left.cs == SEGMENT ? left.eip : left.eip - SEGMENT * 16, offset);
}

/* ---- Checks ---- */

static void redirect(unsigned vector, bool to_itself)
{
    uint8_t bit = 1 << vector % 8;

    tss.redirection[vector / 8] = (tss.redirection[vector / 8] & ~bit) | (to_itself ? 0 : bit);
}

/* Its own handler is HLT. */
static void to_own_handler(const char *name, uint32_t eflags, uint16_t pushed, uint32_t after)
{
    RUN(eflags, "\xcd\x21");
    faulted_at(name, HANDLER);
    equals("    IP on its stack", stacked(6), 2);
    equals("    CS", stacked(4), SEGMENT);
    equals("    FLAGS", stacked(2), pushed | 2);
    equals("    flags", left.eflags & (IF | TF | IOPL3 | VIF | VIP), after);
}

static void int_n(void)
{
    set_cr4(0);
    RUN(0, "\xcd\x21");
    faulted_at("INT n, IOPL 0", 0);
    RUN(IOPL3 | IF, "\xcd\x21");
    equals("    IOPL 3: the monitor's handler", left.vector, INT21);
    equals("    behind it", left.eip, 2);
    equals("    flags", left.eflags & (VM | IF | IOPL3), VM | IF | IOPL3);
    set_cr4(CR4_VME);
    redirect(INT21, false);
    RUN(0, "\xcd\x21");
    faulted_at("INT n, VME, not redirected, IOPL 0", 0);
    RUN(IOPL3, "\xcd\x21");
    equals("    IOPL 3: the monitor's handler", left.vector, INT21);
    redirect(INT21, true);
    to_own_handler("INT n, redirected, IOPL 0", 0, IOPL3, 0);
    to_own_handler("    with VIF", VIF | IF, IOPL3 | IF, IF);
    to_own_handler("    with VIP", VIF | VIP | IF, IOPL3 | IF, IF | VIP);
    to_own_handler("    IOPL 3", IOPL3 | IF, IOPL3 | IF, IOPL3);
    tss.io_map = 31;
    RUN(0, "\xcd\x21");
    faulted_at("    no room for the bitmap", 0);
    tss.io_map = sizeof(tss) - 1;
    RUN(0, "\xcc");
    equals("INT3 is not redirected: its gate's DPL is 0", left.vector, GP);
    equals("    error code", left.error, 3 * 8 + 2);
}

static void flags(void)
{
    set_cr4(0);
    RUN(0, "\xfa");
    faulted_at("CLI, IOPL 0, no VME", 0);
    RUN(0, "\x9c");
    faulted_at("    PUSHF", 0);
    set_cr4(CR4_VME);
    RUN(VIF | IF, "\xfa");
    faulted_at("CLI, VME", 1);
    equals("    clears VIF alone", left.eflags & (VIF | IF), IF);
    RUN(IF, "\xfb");
    faulted_at("STI", 1);
    equals("    sets VIF", left.eflags & (VIF | IF), VIF | IF);
    RUN(VIP | IF, "\xfb");
    faulted_at("    with VIP", 0);
    RUN(VIF, "\x9c");
    equals("PUSHF has VIF as IF, and IOPL 3", stacked(2) & (IF | IOPL3), IF | IOPL3);
    RUN(IF, "\x9c");
    equals("    and nothing of IF", stacked(2) & (IF | IOPL3), IOPL3);
    RUN(VIF, "\x66\x9c");
    faulted_at("    PUSHFD", 0);
    RUN(0, "\x68\x03\x02\x9d");
    faulted_at("POPF", 4);
    equals("    sets VIF and CF", left.eflags & (VIF | IF | 1), VIF | 1);
    RUN(VIF | IF, "\x68\x02\x30\x9d");
    equals("    clears VIF, not IOPL, not IF", left.eflags & (VIF | IF | IOPL3), IF);
    RUN(VIP, "\x68\x02\x02\x9d");
    faulted_at("    of IF with VIP", 3);
    RUN(0, "\x68\x02\x01\x9d");
    faulted_at("    of TF", 3);
    RUN(0, "\x66\x6a\x02\x66\x9d");
    faulted_at("    POPFD", 3);
    RUN(IF, "\x68\x02\x02\x68\x00\x07\x6a\x0a\xcf\x90\xf4");
    faulted_at("IRET", 10);
    equals("    sets VIF", left.eflags & (VIF | IF), VIF | IF);
    RUN(VIP, "\x68\x02\x02\x68\x00\x07\x6a\x0a\xcf\x90\xf4");
    faulted_at("    with VIP", 8);
    RUN(IOPL3 | IF, "\xfa");
    faulted_at("CLI, IOPL 3", 1);
    equals("    clears IF", left.eflags & (VIF | IF), 0);
}

static void protected_mode(void)
{
    set_cr4(0);
    RUN_USER(IF, "\xfa");
    faulted_at("CLI at level 3, no PVI", 0);
    set_cr4(CR4_PVI);
    RUN_USER(VIF | IF, "\xfa");
    faulted_at("CLI with PVI", 1);
    equals("    clears VIF alone", left.eflags & (VIF | IF), IF);
    RUN_USER(IF, "\xfb");
    equals("STI sets VIF", left.eflags & (VIF | IF), VIF | IF);
    RUN_USER(VIP, "\xfb");
    faulted_at("    with VIP", 0);
    RUN_USER(VIF, "\x66\x9c");
    equals("PUSHF has IF as it is", stacked(2) & (IF | IOPL3), 0);
    RUN_USER(0, "\x66\x68\x02\x02\x66\x9d");
    equals("POPF changes neither", left.eflags & (VIF | IF), 0);
    RUN_USER(IOPL3 | IF, "\xfa");
    equals("CLI, IOPL 3, clears IF", left.eflags & (VIF | IF), 0);
}

/* ---- Tables ---- */

static void set_gate(unsigned vector, void (*handler)(void), unsigned dpl)
{
    uint32_t at = (uint32_t)handler;

    idt[vector] = (at & 0xffff) | CODE << 16 | (uint64_t)(0x8e00 | dpl << 13) << 32 |
                  (uint64_t)(at & 0xffff0000) << 32;
}

static void set_tables(void)
{
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (uint32_t)gdt },
                              idtr = { sizeof(idt) - 1, (uint32_t)idt };
    uint32_t base = (uint32_t)&tss;

    tss.esp0 = (uint32_t)(stack0 + sizeof(stack0));
    tss.ss0 = DATA;
    tss.io_map = sizeof(tss) - 1;
    tss.end = 0xff;
    gdt[TASK / 8] = 0x890000000000ull | (sizeof(tss) - 1) | (uint64_t)(base & 0xffffff) << 16 |
                    (uint64_t)(base >> 24) << 56;
    set_gate(3, on_ud, 0);
    set_gate(UD, on_ud, 0);
    set_gate(GP, on_gp, 0);
    set_gate(INT21, on_21, 3);
    __asm__ volatile("lgdt %0\n\tlidt %1\n\tljmp $8, $1f\n1:\tmovw %w2, %%ds\n\tmovw %w2, %%es\n\t"
                     "movw %w2, %%ss\n\tltr %w3"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(DATA), "r"(TASK)
                     : "memory");
}

void guest_main(const void *state)
{
    volatile uint32_t *vectors;

    __asm__("xorl %0, %0" : "=r"(vectors));
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
    set_tables();
    vectors[INT21] = SEGMENT << 16 | HANDLER;
    ((volatile uint8_t *)(SEGMENT * 16))[HANDLER] = 0xf4;
    int_n();
    flags();
    protected_mode();
    judge();
}
