/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edu - a PCI device to learn on: write n, wait for the interrupt, read n!; and copy by DMA.
 *
 * Registers as in QEMU's specification of its "edu" device (docs/specs/edu).  Built by the tests
 * against the installed headers, as anybody's plugin is.
 */

#include <tenon/pci.h>
#include <tenon/trace.h>

/* BAR 0.  Registers below 0x80 are 32 bits wide, those from there on 64. */
enum {
    REG_ID = 0x00,          /* RO  0x010000ed */
    REG_LIVE = 0x04,        /* RW  reads back inverted */
    REG_FACTORIAL = 0x08,   /* RW  write n, read n! (modulo 2^32) */
    REG_STATUS = 0x20,      /* RW  STATUS_* */
    REG_IRQ = 0x24,         /* RO  what interrupts */
    REG_RAISE = 0x60,       /* WO  adds to it */
    REG_ACK = 0x64,         /* WO  takes away from it */
    REG_DMA_FROM = 0x80,    /* RW  addresses; the buffer's are from BUFFER on */
    REG_DMA_TO = 0x88,      /* RW */
    REG_DMA_COUNT = 0x90,   /* RW  bytes */
    REG_DMA_COMMAND = 0x98, /* RW  DMA_* */
    BUFFER = 0x40000,
    BUFFER_SIZE = 4096,
    BAR_SIZE = 1 << 20,
};

enum { STATUS_BUSY = 0x01, STATUS_WANTS_IRQ = 0x80 };
enum { DMA_RUN = 1, DMA_TO_RAM = 2, DMA_WANTS_IRQ = 4 };
enum { IRQ_FACTORIAL = 0x001, IRQ_DMA = 0x100 };
enum { FACTORIAL, DMA }; /* timers */

struct edu {
    struct tenon_dev *dev;
    uint64_t delay, dma_delay, dma_mask;
    uint32_t live, n, status, irq;
    uint64_t dma_from, dma_to, dma_count, dma_command;
    uint8_t buffer[BUFFER_SIZE];
};

// clang-format off
#define EDU_EVENTS(E)                                                                              \
    E(edu_factorial, "%u! is %u")                                                                  \
    E(edu_idle,      "has nothing to do")
TENON_EVENTS(edu, EDU_EVENTS);
// clang-format on

static void set_irq(struct edu *edu, uint32_t irq)
{
    edu->irq = irq;
    tenon_irq(edu->dev, 0, irq != 0);
}

static void factorial_done(void *self)
{
    struct edu *edu = self;
    uint32_t result = edu->n < 34; /* 34! and up are multiples of 2^32 */

    for (uint32_t n = edu->n; result && n > 1; n--)
        result *= n;
    tenon_trace(edu->dev, edu_factorial, edu->n, result);
    edu->n = result;
    tenon_trace0(edu->dev, edu_idle);
    edu->status &= ~STATUS_BUSY;
    if (edu->status & STATUS_WANTS_IRQ)
        set_irq(edu, edu->irq | IRQ_FACTORIAL);
}

/* The part of the buffer at addr, or NULL if not all of it is there. */
static uint8_t *in_buffer(struct edu *edu, uint64_t addr)
{
    if (addr < BUFFER || edu->dma_count > BUFFER_SIZE ||
        addr - BUFFER > BUFFER_SIZE - edu->dma_count) {
        tenon_log(edu->dev, TENON_LOG_GUEST_ERROR, "DMA of %llu bytes at %#llx misses the buffer",
                  (unsigned long long)edu->dma_count, (unsigned long long)addr);
        return NULL;
    }
    return edu->buffer + (addr - BUFFER);
}

static void dma_done(void *self)
{
    struct edu *edu = self;
    bool to_ram = edu->dma_command & DMA_TO_RAM;
    uint8_t *part = in_buffer(edu, to_ram ? edu->dma_from : edu->dma_to);

    if (part && to_ram)
        tenon_dma_write(edu->dev, edu->dma_to & edu->dma_mask, part, edu->dma_count);
    else if (part)
        tenon_dma_read(edu->dev, edu->dma_from & edu->dma_mask, part, edu->dma_count);
    edu->dma_command &= ~(uint64_t)DMA_RUN;
    if (edu->dma_command & DMA_WANTS_IRQ)
        set_irq(edu, edu->irq | IRQ_DMA);
}

static uint64_t edu_read(void *self, uint64_t reg, unsigned size)
{
    struct edu *edu = self;

    switch (reg) {
    case REG_ID: return 0x010000ed;
    case REG_LIVE: return ~edu->live;
    case REG_FACTORIAL: return edu->n;
    case REG_STATUS: return edu->status;
    case REG_IRQ: return edu->irq;
    case REG_DMA_FROM: return edu->dma_from;
    case REG_DMA_TO: return edu->dma_to;
    case REG_DMA_COUNT: return edu->dma_count;
    case REG_DMA_COMMAND: return edu->dma_command;
    default: return UINT64_MAX;
    }
}

static void start_factorial(struct edu *edu, uint32_t n)
{
    if (edu->status & STATUS_BUSY)
        return;
    edu->n = n;
    edu->status |= STATUS_BUSY;
    tenon_arm(edu->dev, FACTORIAL, edu->delay);
}

static void write_dma(struct edu *edu, uint64_t reg, uint64_t value)
{
    if (edu->dma_command & DMA_RUN)
        return;
    switch (reg) {
    case REG_DMA_FROM: edu->dma_from = value; break;
    case REG_DMA_TO: edu->dma_to = value; break;
    case REG_DMA_COUNT: edu->dma_count = value; break;
    case REG_DMA_COMMAND:
        edu->dma_command = value & (DMA_RUN | DMA_TO_RAM | DMA_WANTS_IRQ);
        if (value & DMA_RUN)
            tenon_arm(edu->dev, DMA, edu->dma_delay);
        break;
    }
}

static void edu_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct edu *edu = self;

    switch (reg) {
    case REG_LIVE: edu->live = value; break;
    case REG_FACTORIAL: start_factorial(edu, value); break;
    case REG_STATUS:
        edu->status = (edu->status & ~STATUS_WANTS_IRQ) | (value & STATUS_WANTS_IRQ);
        break;
    case REG_RAISE: set_irq(edu, edu->irq | value); break;
    case REG_ACK: set_irq(edu, edu->irq & ~value); break;
    default: write_dma(edu, reg, value); break;
    }
}

// clang-format off
static const struct tenon_prop edu_props[] = {
    TENON_PROP(struct edu, "delay", TENON_U64, delay, .initial = 1000,
               .help = "nanoseconds a factorial takes"),
    TENON_PROP(struct edu, "dma-delay", TENON_U64, dma_delay, .initial = 1000,
               .help = "nanoseconds a copy takes"),
    TENON_PROP(struct edu, "dma_mask", TENON_U64, dma_mask, .initial = 0x0fffffff,
               .help = "address bits the device drives"),
};

static const struct tenon_reg edu_regs[] = {
    TENON_REG(struct edu, live),
    TENON_REG(struct edu, n),
    TENON_REG(struct edu, status),
    TENON_REG(struct edu, irq),
    TENON_REG(struct edu, dma_from),
    TENON_REG(struct edu, dma_to),
    TENON_REG(struct edu, dma_count),
    TENON_REG(struct edu, dma_command),
    TENON_REGS(struct edu, buffer),
};

static const struct tenon_timer edu_timers[] = {
    [FACTORIAL] = { .name = "factorial", .fire = factorial_done },
    [DMA]       = { .name = "dma",       .fire = dma_done },
};

static const struct tenon_window edu_windows[] = {
    { .name = "registers", .space = TENON_MEM, .width_min = 4, .width_max = 8,
      .base = TENON_UNMAPPED, .bytes = BAR_SIZE, .read = edu_read, .write = edu_write },
};

static const struct tenon_bar edu_bars[] = {
    { .index = 0, .window = 0 },
};

static const struct tenon_pci_ops edu_pci = {
    .size = sizeof(edu_pci), .vendor = 0x1234, .device = 0x11e8, .class_rev = 0x00ff0010,
    .int_pin = 1, .bars = TENON_ARRAY(edu_bars),
};

TENON_PCI_DEVICE(edu, "edu", "misc", "Educational device",
    .ops = &edu_pci,
    .props = TENON_ARRAY(edu_props),
    .regs = TENON_ARRAY(edu_regs),
    .timers = TENON_ARRAY(edu_timers),
    .windows = TENON_ARRAY(edu_windows),
    .events = TENON_ARRAY(tenon_events_edu),
    .lines = 1);
// clang-format on

TENON_PLUGIN(&tenon_type_edu);
