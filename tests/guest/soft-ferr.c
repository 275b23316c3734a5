/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-ferr - floating-point errors as DOS has them: without CR0.NE an unmasked x87 exception is
 * interrupt 13, by FERR#, and a write to port F0h lets its handler use the unit (IGNNE#).
 *
 * Intel SDM volume 1, appendix D; 82371SB (PIIX3) data sheet; 8259A data sheet.
 */
#include "judge.h"

enum { CODE = 8, DATA = 0x10, VECTORS = 0x20, IRQ13 = 0x2d, MF = 16, NE = 0x20 };
enum { ZE = 4, ES = 0x80 };

static uint64_t gdt[3] = {
    [CODE / 8] = 0x00cf9b000000ffff,
    [DATA / 8] = 0x00cf93000000ffff,
};
static uint64_t idt[256];
/* What the handler of interrupt 13 is to do, and what it and that of #MF found. */
static volatile uint32_t clears __attribute__((used)), came __attribute__((used)),
    ticks __attribute__((used)), faults __attribute__((used)), found __attribute__((used)),
    at __attribute__((used));

/* Notes FSW and where it was; port F0h; a waiting instruction; clears the exception, or not; EOIs.
 */
void on_irq13(void), on_irq0(void), on_mf(void);
__asm__(
    "on_irq13: pushl %eax\n\tincl came\n\tmovl 4(%esp), %eax\n\tmovl %eax, at\n"
    "fnstsw %ax\n\tmovzwl %ax, %eax\n\tmovl %eax, found\n\toutb %al, $0xf0\n\t"
    "fwait\n\tfwait\n\tcmpl $0, clears\n\tje 1f\n\tfnclex\n"
    "1:     movb $0x20, %al\n\toutb %al, $0xa0\n\toutb %al, $0x20\n\tpopl %eax\n\tiret\n"
    "on_irq0: pushl %eax\n\tincl ticks\n\toutb %al, $0xf0\n\tmovb $0x20, %al\n\toutb %al, $0x20\n\t"
    "popl %eax\n\tiret\n"
    "on_mf: incl faults\n\tfnclex\n\tiret\n");

static void set_gate(unsigned vector, void (*handler)(void))
{
    uint32_t to = (uint32_t)handler;

    idt[vector] = (to & 0xffff) | CODE << 16 | 0x8e00ull << 32 | (uint64_t)(to & 0xffff0000) << 32;
}

static void set_tables(void)
{
    static const uint8_t master[] = { 0x11, VECTORS, 4, 1 }, slave[] = { 0x11, VECTORS + 8, 2, 1 };
    struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) gdtr = { sizeof(gdt) - 1, (uint32_t)gdt },
                              idtr = { sizeof(idt) - 1, (uint32_t)idt };

    for (int i = 0; i < 4; i++) {
        outb(0x20 + (i > 0), master[i]);
        outb(0xa0 + (i > 0), slave[i]);
    }
    outb(0x21, 0xfb);
    outb(0xa1, 0xdf);
    set_gate(IRQ13, on_irq13);
    set_gate(VECTORS, on_irq0);
    set_gate(MF, on_mf);
    __asm__ volatile("lgdt %0\n\tlidt %1\n\tljmp $8, $1f\n1:\tmovw %w2, %%ds\n\tmovw %w2, %%es\n\t"
                     "movw %w2, %%ss"
                     :
                     : "m"(gdtr), "m"(idtr), "r"(DATA)
                     : "memory");
}

static void set_ne(bool on)
{
    uint32_t cr0;

    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    cr0 = on ? cr0 | NE : cr0 & ~NE;
    __asm__ volatile("movl %0, %%cr0" : : "r"(cr0) : "memory");
}

/* 1 / 0 with that exception unmasked, and nothing that waits. */
static void divide(void)
{
    static const uint16_t control = 0x37b;

    __asm__ volatile("fninit\n\tfldcw %0\n\tfld1\n\tfldz\n\tfdivrp" : : "m"(control) : "memory");
}

static uint16_t status(void)
{
    uint16_t s;

    __asm__ volatile("fnstsw %0" : "=a"(s));
    return s;
}

/* The slave's requests. */
static bool requested(void)
{
    outb(0xa0, 0x0a);
    return inb(0xa0) & 0x20;
}

static void held_off(void)
{
    __asm__ volatile("cli");
    divide();
    equals("FERR# is a request of input 13", requested(), true);
    equals("    not yet an interrupt", came, 0);
    outb(0xf0, 0);
    equals("    port F0h ends it", requested(), false);
    __asm__ volatile("fwait\n\tfld1");
    equals("    and lets go on", status() & (ES | ZE), ES | ZE);
    __asm__ volatile("fnclex");
    divide();
    equals("    once more", requested(), true);
    __asm__ volatile("fnclex");
    outb(0xf0, 0);
}

static void interrupts(void)
{
    uint32_t wait;

    __asm__ volatile("sti");
    came = 0;
    clears = 1;
    divide();
    __asm__ volatile("movl $1f, %0\n1:\tfwait" : "=r"(wait));
    equals("interrupt 13", came, 1);
    equals("    FSW there", found & (ES | ZE), ES | ZE);
    equals("    it comes before what waits", at <= wait, true);
    equals("    no #MF", faults, 0);
    equals("    no exception here", status() & (ES | ZE), 0);
    clears = 0;
    divide();
    __asm__ volatile("fwait\n\tfld1");
    equals("a handler that leaves it pending", came, 2);
    equals("    IGNNE# holds", status() & ES, ES);
    __asm__ volatile("fninit");
    clears = 1;
    divide();
    __asm__ volatile("fwait");
    equals("    until it is cleared", came, 3);
}

/* Interrupt 13 is masked: what waits stands still, until the 8254's interrupt asserts IGNNE#. */
static void frozen(void)
{
    __asm__ volatile("cli");
    outb(0xa1, 0xff);
    outb(0x21, 0xfe);
    divide();
    outb(0x43, 0x30); /* channel 0, mode 0: 2 ms */
    outb(0x40, 2386 & 0xff);
    outb(0x40, 2386 >> 8);
    ticks = 0;
    __asm__ volatile("sti\n\tfwait\n\tcli" : : : "memory");
    equals("what waits stands still until IGNNE#", ticks, 1);
    __asm__ volatile("fnclex");
    outb(0x21, 0xfb);
    outb(0xa1, 0xdf);
}

static void native(void)
{
    set_ne(true);
    came = 0;
    divide();
    equals("with CR0.NE: nothing yet", faults, 0);
    __asm__ volatile("fwait");
    equals("    #MF", faults, 1);
    equals("    no interrupt 13", came, 0);
    set_ne(false);
}

void guest_main(const void *state)
{
    set_tables();
    held_off();
    interrupts();
    frozen();
    native();
    judge();
}
