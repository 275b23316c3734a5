/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * firmware - what is done to a PC without a BIOS before its kernel starts: interrupt controllers,
 * timer, interrupt vectors, PCI.
 *
 * 8259A and 8254 after Intel's data sheets, PCI after the Local Bus Specification 3.0, the chip set
 * after Intel 290520 (PIIX3) and 290562 (PIIX4), waking up after ACPI 6.4, section 16.
 */
#include "program.h"

#include "../../acpi.h"

/* Where PCI memory goes. */
#define MEMORY_FIRST 0xe0000000
#define MEMORY_END   0xfec00000

/* ---- Interrupt controllers, timer, vectors ---- */

enum { PIC1 = 0x20, PIC2 = 0xa0, ELCR1 = 0x4d0, ELCR2 = 0x4d1 };
enum { PIT_CHANNEL0 = 0x40, PIT_MODE = 0x43 };

static void init_pic(uint16_t port, uint8_t vector, uint8_t cascade, uint8_t mask)
{
    outb(port, 0x11); /* ICW1: edges, cascaded, ICW4 follows */
    outb(port + 1, vector);
    outb(port + 1, cascade);
    outb(port + 1, 0x01); /* ICW4: 8086 */
    outb(port + 1, mask);
}

static void init_chips(void)
{
    init_pic(PIC1, 0x08, 1 << 2, 0xb8);
    init_pic(PIC2, 0x70, 2, 0x8e);
    outb(ELCR1, 0);
    outb(ELCR2, 1 << (10 - 8) | 1 << (11 - 8));
    outb(PIT_MODE, 0x34); /* channel 0, both bytes, mode 2 */
    outb(PIT_CHANNEL0, 0);
    outb(PIT_CHANNEL0, 0);
}

void int_none(void);
void int_tick(void);
void int_irq_low(void);
void int_irq_high(void);

static void set_vectors(uint8_t first, unsigned n, void (*handler)(void))
{
    for (uint32_t *vector = memory(first * 4); n--; vector++)
        *vector = 0xf0000000 | ((uint32_t)handler & 0xffff);
}

/* The BIOS data area: where memory ends below 1 MiB, and the serial ports. */
static void init_memory(void)
{
    static const uint16_t ports[4] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    uint16_t *bda = memory(0x400);

    set_vectors(0, 256, int_none);
    set_vectors(0x08, 8, int_irq_low);
    set_vectors(0x08, 1, int_tick);
    set_vectors(0x70, 8, int_irq_high);
    for (unsigned i = 0; i < 4; i++)
        bda[i] = ports[i];
    bda[0x0e / 2] = 0x9fc0;
    *(uint16_t *)memory(0x413) = 639;
    *(uint8_t *)memory(0x9fc00) = 1;
}

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "0"(leaf), "2"(0));
}

/* Interrupts of the 8259s, and NMIs, reach the boot processor through its local APIC. */
static void init_lapic(void)
{
    uint32_t leaf[4];

    cpuid(1, leaf);
    if (!(leaf[3] & 1 << 9))
        return;
    *(volatile uint32_t *)memory(0xfee000f0) = 0x1ff;
    *(volatile uint32_t *)memory(0xfee00350) = 0x700; /* LINT0: ExtINT */
    *(volatile uint32_t *)memory(0xfee00360) = 0x400; /* LINT1: NMI */
}

/* ---- Memory types ---- */

/* Memory type range registers (Intel 64 SDM, volume 3, 12.11). */
enum {
    MTRR_PHYSBASE0 = 0x200,
    MTRR_PHYSMASK0 = 0x201,
    MTRR_FIX64K_00000 = 0x250,
    MTRR_FIX16K_80000 = 0x258,
    MTRR_FIX16K_A0000 = 0x259,
    MTRR_FIX4K_C0000 = 0x268,
    MTRR_DEF_TYPE = 0x2ff,
};
enum { MASK_VALID = 1 << 11, DEF_ENABLE = 1 << 11, DEF_FIXED = 1 << 10, WRITE_BACK = 6 };
#define ALL_WRITE_BACK    0x06060606
#define ALL_WRITE_PROTECT 0x05050505

static void wrmsr(uint32_t msr, uint32_t low, uint32_t high)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"(low), "d"(high));
}

/* All is cached but video memory and what lies between RAM and 4 GiB. */
static void init_mtrr(void)
{
    uint32_t leaf[4], bits = 36;

    cpuid(1, leaf);
    if (!(leaf[3] & 1 << 12))
        return;
    cpuid(0x80000000, leaf);
    if (leaf[0] >= 0x80000008) {
        cpuid(0x80000008, leaf);
        bits = (leaf[0] & 0xff) > 32 ? leaf[0] & 0xff : 32;
    }
    wrmsr(MTRR_FIX64K_00000, ALL_WRITE_BACK, ALL_WRITE_BACK);
    wrmsr(MTRR_FIX16K_80000, ALL_WRITE_BACK, ALL_WRITE_BACK);
    wrmsr(MTRR_FIX16K_A0000, 0, 0);
    for (unsigned i = 0; i < 8; i++)
        wrmsr(MTRR_FIX4K_C0000 + i, ALL_WRITE_PROTECT, ALL_WRITE_PROTECT);
    wrmsr(MTRR_PHYSBASE0, MEMORY_FIRST, 0);
    wrmsr(MTRR_PHYSMASK0, MEMORY_FIRST | MASK_VALID, (1u << (bits - 32)) - 1);
    wrmsr(MTRR_DEF_TYPE, DEF_ENABLE | DEF_FIXED | WRITE_BACK, 0);
}

/* ---- PCI bus 0 ---- */

enum { CONFADD = 0xcf8, CONFDATA = 0xcfc };
enum {
    PCI_ID = 0x00,
    PCI_COMMAND = 0x04,
    PCI_HEADER = 0x0c, /* bits 16-22 layout, 23: more functions */
    PCI_BAR = 0x10,
    PCI_INTERRUPT = 0x3c, /* bits 0-7 line, 8-15 pin */
};
enum { COMMAND_IO = 1, COMMAND_MEMORY = 2 };
enum { BAR_IO = 1, BAR_64 = 4 };
enum { PIIX3 = 1 << 3, PIRQRC = 0x60 };
#define PIIX4_PM_ID 0x71138086

/* Where the next window goes, and where they end. */
struct windows {
    uint32_t io, memory;
};
enum { IO_FIRST = 0xc000, IO_END = 0x10000 };

static uint32_t pci_read(unsigned devfn, unsigned reg)
{
    outl(CONFADD, 1u << 31 | devfn << 8 | reg);
    return inl(CONFDATA);
}

static void pci_write(unsigned devfn, unsigned reg, uint32_t value)
{
    outl(CONFADD, 1u << 31 | devfn << 8 | reg);
    outl(CONFDATA, value);
}

/* The next free place for a window of size bytes, a power of two; 0: there is none. */
static uint32_t take(uint32_t *next, uint32_t size, uint32_t end)
{
    uint32_t at = (*next + size - 1) & -size;

    if (at < *next || at > end || size > end - at)
        return 0;
    *next = at + size;
    return at;
}

/* Gives the window behind a BAR its place; what enables it in the command register. */
static unsigned init_bar(unsigned devfn, unsigned reg, struct windows *w, bool *is64)
{
    uint32_t mask, at;
    bool io;

    pci_write(devfn, reg, ~0u);
    mask = pci_read(devfn, reg);
    io = mask & BAR_IO;
    *is64 = !io && mask & BAR_64;
    mask &= io ? ~3u : ~15u;
    if (!mask) {
        pci_write(devfn, reg, 0);
        return 0;
    }
    if (io)
        at = take(&w->io, -(mask | 0xffff0000), IO_END);
    else
        at = take(&w->memory, -mask, MEMORY_END);
    pci_write(devfn, reg, at);
    if (*is64)
        pci_write(devfn, reg + 4, 0);
    return !at ? 0 : io ? COMMAND_IO : COMMAND_MEMORY;
}

/* PIIX4's power management has its ports in registers of its own, and interrupt 9. */
static void init_power(unsigned devfn)
{
    pci_write(devfn, 0x40, ACPI_PM1A_EVT | 1);
    pci_write(devfn, 0x80, pci_read(devfn, 0x80) | 1);
    pci_write(devfn, 0x90, ACPI_SMBUS | 1);
    pci_write(devfn, 0xd0, (pci_read(devfn, 0xd0) & ~0x00ff0000u) | 0x00090000);
    pci_write(devfn, PCI_INTERRUPT, (pci_read(devfn, PCI_INTERRUPT) & ~0xffu) | 9);
}

static void init_function(unsigned devfn, struct windows *w)
{
    static const uint8_t irqs[4] = { 10, 10, 11, 11 };
    uint32_t interrupt = pci_read(devfn, PCI_INTERRUPT), pin = interrupt >> 8 & 0xff;
    unsigned bars = (pci_read(devfn, PCI_HEADER) >> 16 & 0x7f) == 0 ? 6 : 2, command = 0;

    for (unsigned i = 0; i < bars; i++) {
        bool is64;

        command |= init_bar(devfn, PCI_BAR + 4 * i, w, &is64);
        i += is64;
    }
    if (pin >= 1 && pin <= 4) {
        interrupt = (interrupt & ~0xffu) | irqs[(pin - 1 + (devfn >> 3) - 1) & 3];
        pci_write(devfn, PCI_INTERRUPT, interrupt);
    }
    pci_write(devfn, PCI_COMMAND, (pci_read(devfn, PCI_COMMAND) & 0xffff) | command);
    if (pci_read(devfn, PCI_ID) == PIIX4_PM_ID)
        init_power(devfn);
}

static void init_pci(void)
{
    struct windows w = { IO_FIRST, MEMORY_FIRST };

    pci_write(PIIX3, PIRQRC, 0x0b0b0a0a);
    for (unsigned devfn = 0; devfn < 256; devfn++) {
        uint32_t id = pci_read(devfn, PCI_ID);

        if (id != ~0u)
            init_function(devfn, &w);
        if (devfn % 8 == 0 && (id == ~0u || !(pci_read(devfn, PCI_HEADER) & 1 << 23)))
            devfn += 7;
    }
}

/* ---- Waking up ---- */

enum { CMOS_INDEX = 0x70, CMOS_DATA = 0x71, SHUTDOWN_CODE = 0x0f, CODE_S3 = 0xfe };

static const uint8_t *find_table(uint32_t rsdt, uint32_t signature)
{
    const uint32_t *table = memory(rsdt);
    uint32_t n = (table[1] - 36) / 4;

    for (uint32_t i = 0; i < n && i < 64; i++) {
        const uint32_t *entry = memory(table[9 + i]);

        if (*entry == signature)
            return (const uint8_t *)entry;
    }
    return NULL;
}

/* Goes on where the guest wanted to after S3: at the FACS's waking vector, in real mode. */
static bool wake_up(void)
{
    struct plan_head *head = memory(ROOM(ROOM_HEAD));
    const uint8_t *fadt;
    uint32_t rsdp, vector = 0;

    outb(CMOS_INDEX, SHUTDOWN_CODE);
    if (inb(CMOS_DATA) != CODE_S3)
        return false;
    outb(CMOS_DATA, 0);
    rsdp = find_rsdp();
    fadt = rsdp ? find_table(*(uint32_t *)memory(rsdp + 16), 0x50434146) : NULL; /* "FACP" */
    if (fadt)
        vector = *(uint32_t *)memory(*(const uint32_t *)(fadt + 36) + 12);
    if (!vector)
        return false;
    *head = (struct plan_head){ .mode = PLAN_REAL,
                                .entry = vector >> 4 << 16 | (vector & 15),
                                .eax = 0x7c00 };
    return true;
}

void boot_main(uint32_t map_bytes)
{
    struct e820 *map = memory(ROOM(ROOM_MAP));

    init_chips();
    init_lapic();
    init_mtrr();
    init_pci();
    if (wake_up())
        return;
    init_memory();
    map_bytes = load_file(PLAN_MAP_FILE, map, MAP_ENTRIES * sizeof(*map));
    while (!do_plan(map, map_bytes / sizeof(*map)))
        __asm__ volatile("hlt");
}
