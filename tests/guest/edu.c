/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* edu - uses the edu device of tests/outside: its factorial, its interrupt as far as the 8259s,
 * DMA. */

#include "guest.h"
#include "state.h"

enum { EDU = 0x11e81234 };
enum {
    LIVE = 0x04,
    FACTORIAL = 0x08,
    STATUS = 0x20,
    IRQ = 0x24,
    ACK = 0x64,
    DMA_FROM = 0x80,
    DMA_TO = 0x88,
    DMA_COUNT = 0x90,
    DMA_COMMAND = 0x98,
    BUFFER = 0x40000
};

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static uint32_t config_read(unsigned slot, unsigned reg)
{
    outl(0xcf8, 0x80000000u | slot << 11 | reg);
    return inl(0xcfc);
}

static void config_write(unsigned slot, unsigned reg, uint32_t value)
{
    outl(0xcf8, 0x80000000u | slot << 11 | reg);
    outl(0xcfc, value);
}

/* What the 8259s have been asked for and not delivered. */
static unsigned pending(void)
{
    outb(0x20, 0x0a);
    outb(0xa0, 0x0a);
    return inb(0x20) | inb(0xa0) << 8;
}

static unsigned find(void)
{
    unsigned slot = 0;

    while (slot < 32 && config_read(slot, 0) != EDU)
        slot++;
    return slot;
}

static uint32_t copied[16];

static void copy_by_dma(volatile uint32_t *regs, unsigned from, unsigned to, unsigned command)
{
    regs[DMA_FROM / 4] = from;
    regs[DMA_TO / 4] = to;
    regs[DMA_COUNT / 4] = sizeof(copied);
    regs[DMA_COMMAND / 4] = command;
    while (regs[DMA_COMMAND / 4] & 1)
        ;
}

void guest_main(const struct entry_state *s)
{
    unsigned slot = find(), irq;
    volatile uint32_t *regs;

    check("found", slot < 32);
    if (slot == 32)
        quit(17);
    config_write(slot, 4, 6);
    regs = (volatile uint32_t *)(uintptr_t)(config_read(slot, 0x10) & ~15u);
    irq = config_read(slot, 0x3c) & 0xff;
    show("id", regs[0]);
    regs[LIVE / 4] = 0x12345678;
    check("alive", regs[LIVE / 4] == ~0x12345678u);

    check("quiet", irq < 16 && !(pending() >> irq & 1));
    regs[STATUS / 4] = 0x80;
    regs[FACTORIAL / 4] = 10;
    while (regs[STATUS / 4] & 1)
        ;
    show("factorial", regs[FACTORIAL / 4]);
    check("interrupt", regs[IRQ / 4] == 1 && pending() >> irq & 1);
    regs[ACK / 4] = 1;
    check("acknowledged", !(pending() >> irq & 1));

    for (unsigned i = 0; i < 16; i++)
        copied[i] = i * 0x01010101;
    copy_by_dma(regs, (uint32_t)(uintptr_t)copied, BUFFER, 1);
    for (unsigned i = 0; i < 16; i++)
        copied[i] = 0;
    copy_by_dma(regs, BUFFER, (uint32_t)(uintptr_t)copied, 3);
    check("copied", copied[15] == 0x0f0f0f0f && copied[1] == 0x01010101);
    quit(16);
}
