/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PIIX3 - the south bridge's function 0: the ISA bus, the routing of PCI interrupts to it, and the
 * reset register.
 *
 * Intel 82371SB (PIIX3) data sheet, order number 290550.
 */

#include <errno.h>

#include <tenon/isa.h>
#include <tenon/pci.h>
#include <tenon/system.h>

/* Configuration space */
enum {
    PCICMD = 0x04,  /* RW  it answers, and masters the bus, from the start */
    PCISTS = 0x06,  /* RC  errors; medium speed of DEVSEL# */
    IORT = 0x4c,    /* RW  I/O recovery */
    XBCS = 0x4e,    /* RW  X-bus chip select */
    PIRQRC = 0x60,  /* RW  60h to 63h: ISA interrupt of PIRQA# to PIRQD# */
    TOM = 0x69,     /* RW  top of memory */
    MSTAT = 0x6a,   /* RW  miscellaneous status */
    MBIRQ0 = 0x70,  /* RW  motherboard device interrupts */
    DLC = 0x82,     /* RW  deterministic latency */
    SMICNTL = 0xa0, /* RW  system management: kept, without effect */
};
enum { PIRQRC_OFF = 0x80, PIRQRC_IRQ = 0x0f };

/* I/O */
enum { RC = 0xcf9 }; /* RW  reset control */
enum { RC_SRST = 2, RC_RCPU = 4 };

#define ROUTABLE 0xdef8 /* ISA interrupts a PIRQ may be routed to: not 0, 1, 2, 8, 13 */

struct piix3 {
    struct tenon_dev *dev;
    const struct tenon_pci *pci;
    const struct tenon_power *power;
    uint8_t rc;
    uint8_t pirqs; /* levels, one bit each */
    uint16_t irqs; /* levels that are driven */
};

/* ---- PCI interrupts ---- */

static void route(struct piix3 *d)
{
    const uint8_t *rout = d->pci->config(d->dev) + PIRQRC;
    uint16_t irqs = 0;

    for (unsigned n = 0; n < 4; n++)
        if (d->pirqs >> n & 1 && !(rout[n] & PIRQRC_OFF))
            irqs |= 1u << (rout[n] & PIRQRC_IRQ);
    irqs &= ROUTABLE;
    for (unsigned irq = 0; irq < 16; irq++)
        if ((irqs ^ d->irqs) >> irq & 1)
            tenon_irq(d->dev, irq, irqs >> irq & 1);
    d->irqs = irqs;
}

static void piix3_pirq(void *self, unsigned n, bool level)
{
    struct piix3 *d = self;

    d->pirqs = (d->pirqs & ~(1u << n)) | level << n;
    route(d);
}

static void piix3_config_written(void *self, unsigned reg, unsigned bytes)
{
    if (reg < PIRQRC + 4 && reg + bytes > PIRQRC)
        route(self);
}

/* ---- Reset control ---- */

static uint64_t rc_read(void *self, uint64_t reg, unsigned size)
{
    return ((struct piix3 *)self)->rc;
}

/* A rising RCPU resets, softly or (SRST) the whole machine; here both are the whole machine. */
static void rc_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct piix3 *d = self;
    bool rising = value & ~d->rc & RC_RCPU;

    d->rc = value & RC_SRST;
    if (rising)
        d->power->request(d->dev, TENON_POWER_RESET, 0);
}

/* ---- Tables ---- */

static int piix3_create(void *self)
{
    struct piix3 *d = self;
    int err = 0;

    d->pci = tenon_query(d->dev, "tenon.pci/1");
    d->power = tenon_query(d->dev, "tenon.power/1");
    for (unsigned irq = 0; irq < 16 && !err; irq++)
        err = tenon_isa_connect(d->dev, irq, irq);
    return err;
}

/* The host lowers the lines at a reset. */
// clang-format off
static const struct tenon_reg piix3_regs[] = {
    TENON_REG(struct piix3, rc), TENON_REG(struct piix3, irqs),
    TENON_REG(struct piix3, pirqs, .flags = TENON_REG_KEEP),
};

static const struct tenon_window piix3_windows[] = {
    { .name = "piix3-reset-control", .space = TENON_IO, .base = RC, .bytes = 1, .width_max = 1,
      .priority = 2, .read = rc_read, .write = rc_write },
};

static const struct tenon_pci_field piix3_fields[] = {
    { .offset = PCICMD,      .bytes = 2, .reset = 0x0007,     .writable = 0x054f },
    { .offset = PCISTS,      .bytes = 2, .reset = 0x0200,     .clear = 0xf900 },
    { .offset = IORT,        .bytes = 1, .reset = 0x4d,       .writable = 0x7f },
    { .offset = XBCS,        .bytes = 2, .reset = 0x0003,     .writable = 0x01ff },
    { .offset = PIRQRC,      .bytes = 4, .reset = 0x80808080, .writable = 0x8f8f8f8f },
    { .offset = TOM,         .bytes = 1, .reset = 0x02,       .writable = 0xfe },
    { .offset = MSTAT,       .bytes = 2, .reset = 0x0000,     .writable = 0x8094 },
    { .offset = MBIRQ0,      .bytes = 2, .reset = 0x8080,     .writable = 0xefef },
    { .offset = DLC,         .bytes = 1, .reset = 0x00,       .writable = 0x0f },
    { .offset = SMICNTL,     .bytes = 4, .reset = 0x00000008, .writable = 0x00ff001d },
    { .offset = SMICNTL + 4, .bytes = 4, .writable = 0xffffffff },
    { .offset = SMICNTL + 8, .bytes = 1, .reset = 0x0f,       .writable = 0xff },
};

static const struct tenon_pci_ops piix3_pci = {
    .size = sizeof(piix3_pci), .vendor = 0x8086, .device = 0x7000, .class_rev = 0x06010000,
    .fields = TENON_ARRAY(piix3_fields), .config_written = piix3_config_written,
};

static const struct tenon_isa_bus piix3_isa = { .size = sizeof(piix3_isa), .bus_name = "isa.0" };

static const struct tenon_pci_router piix3_router = {
    .size = sizeof(piix3_router), .pirq = piix3_pirq,
};

static const struct tenon_iface piix3_ifaces[] = {
    { "tenon.isa-bus/1", &piix3_isa }, { "tenon.pci-router/1", &piix3_router },
};

TENON_PCI_DEVICE(piix3, "PIIX3", "bridge", "ISA bridge", .ops = &piix3_pci,
    .regs = TENON_ARRAY(piix3_regs), .windows = TENON_ARRAY(piix3_windows),
    .ifaces = TENON_ARRAY(piix3_ifaces), .lines = 16, .create = piix3_create);
// clang-format on

TENON_PLUGIN(&tenon_type_piix3);
