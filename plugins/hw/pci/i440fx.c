/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * i440FX-pcihost, i440FX - the north bridge: the ports of PCI configuration, the RAM that hides
 * behind the ROMs below 1 MiB, and the RAM at A0000h that only system management mode sees.
 *
 * Intel 82441FX (PMC) data sheet, order number 290549.
 */

#include <errno.h>

#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/memory.h>
#include <tenon/pci.h>

/* ---- The host bridge's ports ---- */

/* I/O */
enum {
    CONFADD = 0xcf8,  /* RW  32 bits alone: enable, bus, device, function, register */
    CONFDATA = 0xcfc, /* RW  the register that CONFADD names */
};
enum { CONE = 1u << 31 }; /* CONFADD: configuration cycles enabled */

struct i440fx_host {
    struct tenon_dev *dev;
    const struct tenon_pci_bus *bus;
    uint32_t confadd;
};

static uint64_t confadd_read(void *self, uint64_t reg, unsigned size)
{
    struct i440fx_host *host = self;

    return host->confadd;
}

static void confadd_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct i440fx_host *host = self;

    host->confadd = value;
}

/* The low two bits of CONFADD are kept, and OR-ed with the port's offset. */
static unsigned target(const struct i440fx_host *host, uint64_t reg)
{
    return (host->confadd & 0xff) | (reg & 3);
}

static uint64_t confdata_read(void *self, uint64_t reg, unsigned size)
{
    struct i440fx_host *host = self;

    if (!(host->confadd & CONE))
        return UINT64_MAX;
    return host->bus->read(host->dev, host->confadd >> 16 & 0xff, host->confadd >> 8 & 0xff,
                           target(host, reg), size);
}

static void confdata_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct i440fx_host *host = self;

    if (host->confadd & CONE)
        host->bus->write(host->dev, host->confadd >> 16 & 0xff, host->confadd >> 8 & 0xff,
                         target(host, reg), value, size);
}

static int host_create(void *self)
{
    struct i440fx_host *host = self;

    host->bus = tenon_query(host->dev, "tenon.pci-bus/1");
    return host->bus ? 0 : -ENOTSUP;
}

// clang-format off
static const struct tenon_reg host_regs[] = { TENON_REG(struct i440fx_host, confadd) };

static const struct tenon_window host_windows[] = {
    { .name = "pci-conf-idx", .space = TENON_IO, .base = CONFADD, .bytes = 4, .width_min = 4,
      .width_max = 4, .flags = TENON_WINDOW_WIDE, .read = confadd_read, .write = confadd_write },
    { .name = "pci-conf-data", .space = TENON_IO, .base = CONFDATA, .bytes = 4, .width_max = 4,
      .read = confdata_read, .write = confdata_write },
};

static const struct tenon_pci_host host_iface = {
    .size = sizeof(host_iface), .bus_name = "pci.0", .swizzle = -1,
};

static const struct tenon_iface host_ifaces[] = { { "tenon.pci-host/1", &host_iface } };

TENON_SYSTEM_DEVICE(i440fx_host, "i440FX-pcihost", "bridge", "i440FX host bridge's ports",
    .regs = TENON_ARRAY(host_regs), .windows = TENON_ARRAY(host_windows),
    .ifaces = TENON_ARRAY(host_ifaces), .create = host_create);
// clang-format on

/* ---- Function 0:0.0 ---- */

/* Configuration space */
enum {
    PCICMD = 0x04, /* RW  it takes and makes memory accesses from the start */
    PCISTS = 0x06, /* RC  errors; fast back-to-back, medium speed of DEVSEL# */
    PMCCFG = 0x50, /* RW  memory controller */
    PAM0 = 0x59,   /* RW  bits 5:4 F0000h-FFFFFh */
    PAM1 = 0x5a,   /* RW  PAM1 to PAM6: two 16 KiB segments each from C0000h on */
    SMRAMC = 0x72, /* RW  system management RAM */
};
enum { PAM_RE = 1, PAM_WE = 2, N_SEGMENTS = 13 };
/* SMRAMC.  D_CLS, bit 5, reads as 0: data and code are always found in one place. */
enum {
    D_OPEN = 0x40,   /* all see it */
    D_LCK = 0x10,    /* no longer; and nothing here changes until a reset */
    G_SMRAME = 0x08, /* it is there */
    C_BASE_SEG = 2,  /* at A0000h, 128 KiB: the only place */
};
enum { SMRAM = 0xa0000, SMRAM_BYTES = 0x20000 };

struct i440fx {
    struct tenon_dev *dev;
    const struct tenon_memory *memory;
    const struct tenon_pci *pci;
    const struct tenon_x86 *x86;
    int maps[N_SEGMENTS], smram;
    uint8_t smramc;
};

static uint64_t segment_base(unsigned n)
{
    return n == 0 ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000;
}

/* Where RAM is not read, the ROM is; where it is not written, nothing is. */
static uint32_t segment_flags(const uint8_t *config, unsigned n)
{
    unsigned bits = n == 0 ? config[PAM0] >> 4 : config[PAM1 + (n - 1) / 2] >> (n - 1) % 2 * 4;

    return (bits & PAM_RE ? TENON_MAP_READ : 0) | (bits & PAM_WE ? TENON_MAP_WRITE : 0);
}

static void show_smram(void *self)
{
    struct i440fx *d = self;
    bool there = d->smramc & G_SMRAME;
    uint32_t flags = there && d->smramc & D_OPEN ? TENON_MAP_READ | TENON_MAP_WRITE : 0;

    d->memory->set_flags(d->dev, &d->smram, &flags, 1);
    d->x86->smram(d->dev, SMRAM, there ? SMRAM_BYTES : 0);
}

static void smramc_written(struct i440fx *d, uint8_t *config)
{
    uint8_t value = config[SMRAMC];

    if (d->smramc & D_LCK)
        value = d->smramc;
    else if (value & D_LCK)
        value &= ~D_OPEN;
    config[SMRAMC] = value;
    if (d->smramc == value)
        return;
    d->smramc = value;
    show_smram(d);
}

static void i440fx_config_written(void *self, unsigned reg, unsigned bytes)
{
    struct i440fx *d = self;
    uint8_t *config = d->pci->config(d->dev);
    uint32_t flags[N_SEGMENTS];

    if (reg <= SMRAMC && reg + bytes > SMRAMC)
        smramc_written(d, config);
    if (reg + bytes <= PAM0 || reg >= PAM0 + 7)
        return;
    for (unsigned n = 0; n < N_SEGMENTS; n++)
        flags[n] = segment_flags(config, n);
    d->memory->set_flags(d->dev, d->maps, flags, N_SEGMENTS);
}

/* RAM behind something else, not seen yet. */
static int map_hidden(struct i440fx *d, uint64_t base, uint64_t bytes)
{
    const struct tenon_mapping map = {
        .size = sizeof(map), .base = base, .offset = base, .bytes = bytes, .priority = 1
    };
    int n = d->memory->map(d->dev, &map);

    return n < 0 ? tenon_error(d->dev, n, "needs at least 1 MiB of RAM") : n;
}

static int i440fx_create(void *self)
{
    struct i440fx *d = self;

    d->memory = tenon_query(d->dev, "tenon.memory/1");
    d->pci = tenon_query(d->dev, "tenon.pci/1");
    d->x86 = tenon_query(d->dev, "tenon.x86/1");
    for (unsigned n = 0; n < N_SEGMENTS; n++) {
        d->maps[n] = map_hidden(d, segment_base(n), n == 0 ? 0x10000 : 0x4000);
        if (d->maps[n] < 0)
            return d->maps[n];
    }
    d->smram = map_hidden(d, SMRAM, SMRAM_BYTES);
    return d->smram < 0 ? d->smram : 0;
}

// clang-format off
/* SeaBIOS finds its memory of having run behind the ROM, where the wake from S3 looks for it; so what
 * hides the ROM stays over a reset. */
static const struct tenon_pci_field i440fx_fields[] = {
    { .offset = PCICMD,   .bytes = 2, .reset = 0x0006, .writable = 0x0547 },
    { .offset = PCISTS,   .bytes = 2, .reset = 0x0280, .clear = 0xf900 },
    { .offset = PMCCFG,   .bytes = 2, .writable = 0xffff },
    { .offset = PAM0,     .bytes = 1, .writable = 0x30,       .keep = 0x30 },
    { .offset = PAM1,     .bytes = 4, .writable = 0x33333333, .keep = 0x33333333 },
    { .offset = PAM1 + 4, .bytes = 2, .writable = 0x3333,     .keep = 0x3333 },
    { .offset = SMRAMC,   .bytes = 1, .writable = D_OPEN | D_LCK | G_SMRAME, .reset = C_BASE_SEG },
};

static const struct tenon_pci_ops i440fx_pci = {
    .size = sizeof(i440fx_pci), .vendor = 0x8086, .device = 0x1237, .class_rev = 0x06000002,
    .fields = TENON_ARRAY(i440fx_fields), .config_written = i440fx_config_written,
};

static const struct tenon_reg i440fx_regs[] = {
    TENON_REG(struct i440fx, smramc, .reset = C_BASE_SEG),
};

TENON_PCI_DEVICE(i440fx, "i440FX", "bridge", "Host bridge", .ops = &i440fx_pci,
    .regs = TENON_ARRAY(i440fx_regs), .create = i440fx_create, .reset = show_smram);
// clang-format on

TENON_PLUGIN(&tenon_type_i440fx_host, &tenon_type_i440fx);
