/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * PIIX4_PM - the south bridge's function 3: ACPI power management, its timer and its events, and an
 * SMBus with nobody on it.
 *
 * Intel 82371AB (PIIX4) data sheet, order number 290562, chapter 7; ACPI 6.4, section 4.8.
 */

#include <errno.h>

#include <tenon/cmos.h>
#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/pci.h>
#include <tenon/system.h>

/* Configuration space */
enum {
    PMBASE = 0x40,    /* RW  where the PM ports are */
    DEVACTB = 0x58,   /* RW  device activity; bit 25 APMC_EN */
    DEVRESD = 0x5c,   /* RW  device resources */
    PMREGMISC = 0x80, /* RW  bit 0: PM ports on */
    SMBBA = 0x90,     /* RW  where the SMBus ports are */
    SMBHSTCFG = 0xd2, /* RW  bit 0: SMBus ports on */
    SMBREV = 0xd6,    /* RO  */
};
enum { APMC_EN = 1 << 25 };

/* Ports at PMBASE */
enum {
    PMSTS = 0x00,   /* R/WC  bit 0: the timer's highest bit has changed */
    PMEN = 0x02,    /* RW    */
    PMCNTRL = 0x04, /* RW    */
    PMTMR = 0x08,   /* RO    24 bits at 3.579545 MHz */
    GPSTS = 0x0c,   /* R/WC  */
    GPEN = 0x0e,    /* RW    */
    GLBSTS = 0x18,  /* R/WC  bit 5: an APM command asked for an SMI */
    GLBCTL = 0x28,  /* RW    bit 0: SMI# on.  EOS, bit 16, is not there: none waits for it */
    GPIREG = 0x30,  /* RO    inputs */
    GPOREG = 0x34,  /* RW    outputs */
};
enum { TMROF = 1 << 0, GBL = 1 << 5, PWRBTN = 1 << 8, RTC = 1 << 10, RSM = 1 << 15 };
enum { APM_STS = 1 << 5, SMI_EN = 1 << 0 };
enum { SCI_EN = 1 << 0, SUS_EN = 1 << 13, SUS_TYP = 7 << 10 };

/* Ports at SMBBA */
enum {
    SMBHSTSTS = 0x00, /* R/WC  */
    SMBHSTCNT = 0x02, /* RW    */
};
enum { DEV_ERR = 1 << 2, START = 1 << 6 };

/* Advanced power management ports, and the general purpose events' block of ACPI */
enum { APMC = 0xb2, APMS = 0xb3, GPE0 = 0xafe0 };
enum { ACPI_ENABLE = 0xf1, ACPI_DISABLE = 0xf0 };

#define PM_TIMER_HZ   3579545u
#define PM_TIMER_HALF 0x800000u /* ticks from one change of its highest bit to the next */
#define SCI_IRQ       9
/* What DSDT's \_Sx objects put into SUS_TYP. */
enum { TYPE_S5 = 0, TYPE_S3 = 1 };

struct piix4_pm {
    struct tenon_dev *dev;
    const struct tenon_pci *pci;
    const struct tenon_power *power;
    const struct tenon_x86 *x86;
    bool smm;
    uint8_t disable_s3, disable_s4, s4_val;
    uint16_t pmsts, pmen, pmcntrl, gpsts, gpen, glbsts, glbctl, gpe_sts, gpe_en;
    uint32_t gporeg;
    uint64_t tmrof_seen; /* half periods of the timer when TMROF was cleared */
    uint8_t apmc, apms;
    uint8_t smb[16];
};

enum { OVERFLOW };
enum { PM_PORTS, SMB_PORTS, APM_PORTS, GPE_PORTS };

/* ---- The timer ---- */

static uint64_t pm_ticks(struct piix4_pm *d)
{
    return (unsigned __int128)tenon_now(d->dev) * PM_TIMER_HZ / 1000000000;
}

static uint64_t pm_half_periods(struct piix4_pm *d)
{
    return pm_ticks(d) / PM_TIMER_HALF;
}

/* TMROF is what the time says: nobody is woken up to note it. */
static uint16_t pm_status(struct piix4_pm *d)
{
    return d->pmsts | (pm_half_periods(d) != d->tmrof_seen ? TMROF : 0);
}

static void pm_clear_status(struct piix4_pm *d, uint16_t bits)
{
    d->pmsts &= ~bits;
    if (bits & TMROF)
        d->tmrof_seen = pm_half_periods(d);
}

static void pm_update_sci(struct piix4_pm *d)
{
    bool pm1 = pm_status(d) & d->pmen & (TMROF | GBL | PWRBTN | RTC);
    bool gpe = d->gpe_sts & d->gpe_en;

    tenon_irq(d->dev, 0, (d->pmcntrl & SCI_EN) && (pm1 || gpe));
}

/* While TMROF may interrupt, and is not there yet. */
static void pm_arm_overflow(struct piix4_pm *d)
{
    uint64_t next = (d->tmrof_seen + 1) * PM_TIMER_HALF;

    if (!(d->pmen & TMROF) || pm_status(d) & TMROF)
        tenon_arm_at(d->dev, OVERFLOW, TENON_NEVER);
    else
        tenon_arm_at(d->dev, OVERFLOW, (unsigned __int128)next * 1000000000 / PM_TIMER_HZ + 1);
}

static void pm_overflow(void *self)
{
    pm_update_sci(self);
}

/* ---- PM ports ---- */

static void pm_event(struct piix4_pm *d, uint16_t bit)
{
    d->pmsts |= bit;
    pm_update_sci(d);
}

/* The firmware finds 0xFE in the shutdown byte and goes to the waking vector. */
static void pm_suspend(struct piix4_pm *d)
{
    struct tenon_peer cmos = tenon_find_peer(d->dev, TENON_CMOS);

    if (cmos.self)
        ((const struct tenon_cmos *)cmos.table)->set(cmos.self, 0x0f, 0xfe);
    d->power->request(d->dev, TENON_POWER_SUSPEND, 0);
}

static void pm_control(struct piix4_pm *d, uint16_t value)
{
    unsigned type = (value & SUS_TYP) >> 10;

    d->pmcntrl = value & ~SUS_EN;
    if (value & SUS_EN) {
        if (type == TYPE_S5 || (type == d->s4_val && !d->disable_s4))
            d->power->request(d->dev, TENON_POWER_OFF, 0);
        else if (type == TYPE_S3 && !d->disable_s3)
            pm_suspend(d);
    }
    pm_update_sci(d);
}

static uint64_t pm_read(void *self, uint64_t reg, unsigned size)
{
    struct piix4_pm *d = self;

    switch (reg & ~1u) {
    case PMSTS: return pm_status(d);
    case PMEN: return d->pmen;
    case PMCNTRL: return d->pmcntrl;
    case PMTMR: return pm_ticks(d) & 0xffff;
    case PMTMR + 2: return pm_ticks(d) >> 16 & 0xff;
    case GPSTS: return d->gpsts;
    case GPEN: return d->gpen;
    case GLBSTS: return d->glbsts;
    case GLBCTL: return d->glbctl;
    case GPIREG: return 0xffff;
    case GPIREG + 2: return 0xffff;
    case GPOREG: return d->gporeg & 0xffff;
    case GPOREG + 2: return d->gporeg >> 16;
    default: return 0;
    }
}

static void pm_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct piix4_pm *d = self;

    switch (reg & ~1u) {
    case PMSTS:
        pm_clear_status(d, value);
        pm_arm_overflow(d);
        break;
    case PMEN:
        d->pmen = value;
        pm_arm_overflow(d);
        break;
    case PMCNTRL: pm_control(d, value); return;
    case GPSTS: d->gpsts &= ~value; break;
    case GPEN: d->gpen = value; break;
    case GLBSTS: d->glbsts &= ~value; break;
    case GLBCTL: d->glbctl = value & SMI_EN; break;
    case GPOREG: d->gporeg = (d->gporeg & 0xffff0000) | (value & 0xffff); break;
    case GPOREG + 2: d->gporeg = (d->gporeg & 0xffff) | value << 16; break;
    }
    pm_update_sci(d);
}

/* The timer is read in one piece; the rest is made of 16-bit registers. */
static uint64_t pm_read_wide(void *self, uint64_t reg, unsigned size)
{
    if (reg == PMTMR)
        return pm_ticks(self) & 0xffffff;
    if (size == 4)
        return pm_read(self, reg, 2) | pm_read(self, reg + 2, 2) << 16;
    return pm_read(self, reg, 2) >> (reg & 1) * 8;
}

/* A byte written to half of a register leaves the other half as it is; 1s that clear stay 0 there.
 */
static uint64_t widen(struct piix4_pm *d, uint64_t reg, uint64_t byte)
{
    unsigned at = reg & ~1u;
    bool clears = at == PMSTS || at == GPSTS || at == GLBSTS;
    uint64_t whole = clears ? 0 : pm_read(d, at, 2);
    unsigned shift = (reg & 1) * 8;

    return (whole & ~(0xffull << shift)) | byte << shift;
}

static void pm_write_wide(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    if (size == 1) {
        pm_write(self, reg, widen(self, reg, value & 0xff), 2);
    } else {
        pm_write(self, reg, value & 0xffff, 2);
        if (size == 4)
            pm_write(self, reg + 2, value >> 16, 2);
    }
}

/* ---- General purpose events: four ports, two of status and two of enable ---- */

static uint64_t gpe_read(void *self, uint64_t reg, unsigned size)
{
    struct piix4_pm *d = self;

    return (reg < 2 ? d->gpe_sts : d->gpe_en) >> (reg & 1) * 8 & 0xff;
}

static void gpe_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct piix4_pm *d = self;
    unsigned shift = (reg & 1) * 8;

    if (reg < 2)
        d->gpe_sts &= ~(value << shift);
    else
        d->gpe_en = (d->gpe_en & ~(0xff << shift)) | value << shift;
    pm_update_sci(d);
}

/* ---- APM ports: how an operating system takes power management over from the firmware ---- */

static uint64_t apm_read(void *self, uint64_t reg, unsigned size)
{
    struct piix4_pm *d = self;

    return reg ? d->apms : d->apmc;
}

static void apm_smi(struct piix4_pm *d)
{
    const uint8_t *config = d->pci->config(d->dev);

    if (!d->smm || !(config[DEVACTB + 3] & APMC_EN >> 24) || !(d->glbctl & SMI_EN))
        return;
    d->glbsts |= APM_STS;
    d->x86->smi(d->dev);
}

/* No firmware has to bring a handler for what operating systems ask of it: that is done at once. */
static void apm_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct piix4_pm *d = self;

    if (reg) {
        d->apms = value;
        return;
    }
    d->apmc = value;
    if (value == ACPI_ENABLE)
        d->pmcntrl |= SCI_EN;
    else if (value == ACPI_DISABLE)
        d->pmcntrl &= ~SCI_EN;
    pm_update_sci(d);
    apm_smi(d);
}

/* ---- SMBus: every transaction ends with "no device answered" ---- */

static uint64_t smb_read(void *self, uint64_t reg, unsigned size)
{
    return ((struct piix4_pm *)self)->smb[reg];
}

static void smb_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct piix4_pm *d = self;

    if (reg == SMBHSTSTS) {
        d->smb[reg] &= ~value;
        return;
    }
    d->smb[reg] = reg == SMBHSTCNT ? value & ~START : value;
    if (reg == SMBHSTCNT && value & START)
        d->smb[SMBHSTSTS] |= DEV_ERR;
}

/* ---- Tables ---- */

static void place(struct piix4_pm *d, unsigned window, const uint8_t *config, unsigned base_reg,
                  unsigned mask, bool on)
{
    unsigned base = (config[base_reg] | config[base_reg + 1] << 8) & mask;

    tenon_map(d->dev, window, on && base ? base : TENON_UNMAPPED, 0);
}

static void pm_config_written(void *self, unsigned reg, unsigned bytes)
{
    struct piix4_pm *d = self;
    const uint8_t *config = d->pci->config(d->dev);

    if (reg + bytes <= PMBASE)
        return;
    place(d, PM_PORTS, config, PMBASE, 0xffc0, config[PMREGMISC] & 1);
    place(d, SMB_PORTS, config, SMBBA, 0xfff0, config[SMBHSTCFG] & 1);
}

static void pm_pressed(void *self)
{
    pm_event(self, PWRBTN);
}

/* DEVACTB coming up with APMC_EN set tells the firmware that SMM is none of its business. */
static void pm_reset(void *self)
{
    struct piix4_pm *d = self;

    d->pci->config(d->dev)[DEVACTB + 3] = d->smm ? 0 : APMC_EN >> 24;
    pm_clear_status(d, TMROF);
}

static int pm_create(void *self)
{
    struct piix4_pm *d = self;

    d->pci = tenon_query(d->dev, "tenon.pci/1");
    d->power = tenon_query(d->dev, "tenon.power/1");
    d->x86 = tenon_query(d->dev, "tenon.x86/1");
    d->power->on_button(d->dev, pm_pressed);
    return tenon_isa_connect(d->dev, 0, SCI_IRQ);
}

// clang-format off
static const struct tenon_prop pm_props[] = {
    TENON_PROP(struct piix4_pm, "disable_s3", TENON_U8, disable_s3, .max = 1,
               .help = "1: no suspend to RAM"),
    TENON_PROP(struct piix4_pm, "disable_s4", TENON_U8, disable_s4, .max = 1,
               .help = "1: no suspend to disk"),
    TENON_PROP(struct piix4_pm, "s4_val", TENON_U8, s4_val, .initial = 2, .max = 7,
               .help = "sleep type that means suspend to disk"),
    TENON_PROP(struct piix4_pm, "smm-enabled", TENON_BOOL, smm,
               .help = "Whether port B2h raises SMIs"),
};

/* GLBCTL survives a reset: SeaBIOS's wake from S3 waits for an SMI before it finds its place again. */
static const struct tenon_reg pm_regs[] = {
    TENON_REG(struct piix4_pm, pmsts),   TENON_REG(struct piix4_pm, pmen),
    TENON_REG(struct piix4_pm, pmcntrl), TENON_REG(struct piix4_pm, gpsts),
    TENON_REG(struct piix4_pm, gpen),    TENON_REG(struct piix4_pm, gpe_sts),
    TENON_REG(struct piix4_pm, gpe_en),  TENON_REG(struct piix4_pm, gporeg, .reset = 0x7fffbfff),
    TENON_REG(struct piix4_pm, glbsts),  TENON_REG(struct piix4_pm, glbctl, .flags = TENON_REG_KEEP),
    TENON_REG(struct piix4_pm, apmc),    TENON_REG(struct piix4_pm, apms),
    TENON_REG(struct piix4_pm, tmrof_seen),
    TENON_REGS(struct piix4_pm, smb),
};

static const struct tenon_timer pm_timers[] = {
    [OVERFLOW] = { .name = "overflow", .fire = pm_overflow },
};

static const struct tenon_window pm_windows[] = {
    [PM_PORTS] = { .name = "piix4-pm", .space = TENON_IO, .base = TENON_UNMAPPED, .bytes = 64,
                   .width_max = 4, .read = pm_read_wide, .write = pm_write_wide },
    [SMB_PORTS] = { .name = "piix4-smbus", .space = TENON_IO, .base = TENON_UNMAPPED, .bytes = 16,
                    .width_max = 1, .read = smb_read, .write = smb_write },
    [APM_PORTS] = { .name = "piix4-apm", .space = TENON_IO, .base = APMC, .bytes = 2,
                    .width_max = 1, .read = apm_read, .write = apm_write },
    [GPE_PORTS] = { .name = "piix4-gpe0", .space = TENON_IO, .base = GPE0, .bytes = 4,
                    .width_max = 1, .read = gpe_read, .write = gpe_write },
};

static const struct tenon_pci_field pm_fields[] = {
    { .offset = 0x06,      .bytes = 2, .reset = 0x0280,     .clear = 0xf900 },
    { .offset = PMBASE,    .bytes = 4, .reset = 0x00000001, .writable = 0x0000ffc0 },
    { .offset = DEVACTB,   .bytes = 4, .writable = 0x03ffffff },
    { .offset = DEVRESD,   .bytes = 4, .reset = 0x90000000, .writable = 0xffffffff },
    { .offset = 0x60,      .bytes = 4, .reset = 0x10000000, .writable = 0xffffffff },
    { .offset = PMREGMISC, .bytes = 1, .writable = 0x01 },
    { .offset = SMBBA,     .bytes = 4, .reset = 0x00000001, .writable = 0x0000fff0 },
    { .offset = SMBHSTCFG, .bytes = 1, .writable = 0x0f },
    { .offset = SMBREV,    .bytes = 1 },
};

static const struct tenon_pci_ops pm_pci = {
    .size = sizeof(pm_pci), .vendor = 0x8086, .device = 0x7113, .class_rev = 0x06800003,
    .fields = TENON_ARRAY(pm_fields), .config_written = pm_config_written,
};

TENON_PCI_DEVICE(piix4_pm, "PIIX4_PM", "bridge", "PIIX4 power management", .ops = &pm_pci,
    .props = TENON_ARRAY(pm_props), .regs = TENON_ARRAY(pm_regs), .timers = TENON_ARRAY(pm_timers),
    .windows = TENON_ARRAY(pm_windows), .lines = 1, .create = pm_create, .reset = pm_reset);
// clang-format on

TENON_PLUGIN(&tenon_type_piix4_pm);
