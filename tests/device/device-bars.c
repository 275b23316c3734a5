/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bars - a PCI function with BARs of every kind, doorbells and an interrupt, for device tests. */

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <tenon/pci.h>
#include <tenon/system.h>

enum { PORTS, MEMORY, BIG };
enum { PORT_BYTES = 32, MEMORY_BYTES = 0x1000, BIG_BYTES = 0x100000 };
/* Registers of MEMORY */
enum {
    IRQ = 0x00,      /* RW  the interrupt line */
    RUNG = 0x04,     /* RO  how often the doorbell has been rung */
    DOORBELL = 0x08, /* WO  4 bytes of 7 ring it */
    KICK = 0x0c,     /* WO  signals the event fd behind the interrupt */
    NOTIFY = 0x10,   /* RW  sends that message; whether messages are enabled */
    TABLE = 0x800,   /* of MSI-X */
    PENDING = 0xc00,
};

struct bars {
    struct tenon_dev *dev;
    const struct tenon_eventfd *eventfd;
    const struct tenon_pci *pci;
    uint32_t msi, msix; /* vectors */
    bool notified;
    uint32_t last[3];
    uint32_t irq;
    int bell, interrupt; /* one more than the fd; 0: there is none */
};

static uint64_t ports_read(void *self, uint64_t reg, unsigned size)
{
    return 0x1000 + reg;
}

static void ports_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    ((struct bars *)self)->last[PORTS] = value;
}

static uint32_t rung(struct bars *b)
{
    uint64_t count;

    return read(b->bell - 1, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static uint64_t memory_read(void *self, uint64_t reg, unsigned size)
{
    struct bars *b = self;

    switch (reg) {
    case IRQ: return b->irq;
    case RUNG: return rung(b);
    case NOTIFY: return b->notified;
    default: return b->last[MEMORY];
    }
}

static void memory_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct bars *b = self;
    uint64_t one = 1;

    switch (reg) {
    case IRQ:
        b->irq = value & 1;
        tenon_irq(b->dev, 0, b->irq);
        break;
    case KICK:
        if (write(b->interrupt - 1, &one, sizeof(one)) != sizeof(one))
            tenon_log(b->dev, TENON_LOG_INFO, "the event fd is full");
        break;
    case NOTIFY: b->notified = b->pci->notify(b->dev, value); break;
    default: b->last[MEMORY] = value; break;
    }
}

static uint64_t big_read(void *self, uint64_t reg, unsigned size)
{
    return reg;
}

static int add_messages(struct bars *b)
{
    struct tenon_msix msix = {
        .size = sizeof(msix),
        .vectors = b->msix,
        .window = MEMORY,
        .table = TABLE,
        .pending = PENDING,
    };

    b->pci = tenon_query(b->dev, "tenon.pci/1");
    if (b->msi && b->pci->msi(b->dev, b->msi))
        return tenon_error(b->dev, -EINVAL, "there cannot be so many MSI vectors");
    if (b->msix && b->pci->msix(b->dev, &msix))
        return tenon_error(b->dev, -EINVAL, "there cannot be so many MSI-X vectors");
    return 0;
}

static int bars_create(void *self)
{
    struct bars *b = self;

    if (add_messages(b))
        return -EINVAL;
    b->eventfd = tenon_query(b->dev, "tenon.eventfd/1");
    b->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) + 1;
    b->interrupt = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) + 1;
    if (!b->bell || !b->interrupt)
        return tenon_error(b->dev, -errno, "no event fd is to be had");
    if (b->eventfd->doorbell(b->dev, MEMORY, DOORBELL, 4, true, 7, b->bell - 1))
        return tenon_error(b->dev, -EINVAL, "the doorbell does not fit");
    return b->eventfd->interrupt(b->dev, 0, b->interrupt - 1);
}

static void bars_destroy(void *self)
{
    struct bars *b = self;

    if (b->interrupt) {
        b->eventfd->interrupt(b->dev, 0, -1);
        close(b->interrupt - 1);
    }
    if (b->bell) {
        b->eventfd->doorbell(b->dev, MEMORY, DOORBELL, 4, true, 7, -1);
        close(b->bell - 1);
    }
}

// clang-format off
static const struct tenon_prop bars_props[] = {
    TENON_PROP(struct bars, "msi", TENON_U32, msi, .help = "vectors of MSI"),
    TENON_PROP(struct bars, "msix", TENON_U32, msix, .help = "vectors of MSI-X"),
};

static const struct tenon_reg bars_regs[] = {
    TENON_REGS(struct bars, last), TENON_REG(struct bars, irq),
};

static const struct tenon_window bars_windows[] = {
    [PORTS] = { .name = "ports", .space = TENON_IO, .base = TENON_UNMAPPED, .bytes = PORT_BYTES,
                .width_max = 4, .read = ports_read, .write = ports_write },
    [MEMORY] = { .name = "memory", .space = TENON_MEM, .base = TENON_UNMAPPED, .bytes = MEMORY_BYTES,
                 .width_min = 4, .width_max = 4, .read = memory_read, .write = memory_write },
    [BIG] = { .name = "big", .space = TENON_MEM, .base = TENON_UNMAPPED, .bytes = BIG_BYTES,
              .read = big_read },
};

static const struct tenon_bar bars_bars[] = {
    { .index = 0, .window = PORTS },
    { .index = 1, .window = MEMORY },
    { .index = 2, .window = BIG, .flags = TENON_BAR_64 | TENON_BAR_PREFETCH },
};

static const struct tenon_pci_ops bars_pci = {
    .size = sizeof(bars_pci), .vendor = 0x1234, .device = 0xba25, .class_rev = 0x00ff0001,
    .int_pin = 1, .bars = TENON_ARRAY(bars_bars),
};

TENON_PCI_DEVICE(bars, "bars", "misc", "BARs of every kind", .ops = &bars_pci,
    .props = TENON_ARRAY(bars_props), .regs = TENON_ARRAY(bars_regs), .windows = TENON_ARRAY(bars_windows), .lines = 1,
    .create = bars_create, .destroy = bars_destroy);
// clang-format on

TENON_PLUGIN(&tenon_type_bars);
