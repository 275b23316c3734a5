/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ioapic - an I/O APIC with 24 inputs: 82093AA (Intel datasheet, order number 290566), and the EOI
 * register that version 20h has (82801AA ICH datasheet, 290655).
 *
 * It sends messages in the form of message-signalled interrupts.  An input is asserted or not,
 * whatever voltage that is on the wire: the polarity bit is kept and changes nothing.
 */
#include <errno.h>
#include <string.h>

#include <tenon/info.h>
#include <tenon/irq.h>
#include <tenon/isa.h>
#include <tenon/trace.h>

// clang-format off
enum {                          /* memory at FEC00000h, 32 bits wide */
    IOREGSEL = 0x00,            /* RW  which register is at IOWIN */
    IOWIN    = 0x10,            /* RW */
    EOI      = 0x40,            /* WO  ends the level-triggered interrupts of a vector */
};
enum {                          /* registers at IOWIN */
    ID     = 0x00,              /* RW  bits 27-24 */
    VER    = 0x01,              /* RO */
    ARB    = 0x02,              /* RO  bits 27-24, set with ID */
    REDTBL = 0x10,              /* RW  two for each input, the low half first */
};
enum { PINS = 24, VERSION = 0x20, TIMER_GSI = 0, TIMER_PIN = 2 };

#define ID_BITS      0x0f000000u
#define VECTOR       0x00000000000000ffull
#define MODE         0x0000000000000700ull
#define LOGICAL      0x0000000000000800ull
#define PENDING      0x0000000000001000ull  /* RO  delivery status: nobody has taken it yet */
#define REMOTE_IRR   0x0000000000004000ull  /* RO  taken, and not ended */
#define LEVEL        0x0000000000008000ull
#define MASKED       0x0000000000010000ull
#define DESTINATION  0xff00000000000000ull
#define WRITABLE     0xff0000000001afffull
#define FIXED        0x000
#define LOWEST       0x100
// clang-format on

#define MSI_ADDR         0xfee00000u
#define MSI_DESTINATION  12 /* shift */
#define MSI_LOGICAL      4
#define MSI_LEVEL        0x8000
#define MSI_LEVEL_ASSERT 0x4000

struct ioapic {
    struct tenon_dev *dev;
    const struct tenon_msi *msi;
    uint32_t select, id, arb;
    uint32_t inputs; /* levels, a bit each */
    uint64_t entry[PINS];
};

/* ---- Messages ---- */

/* NMI, INIT and the like are edges whatever the entry says. */
// clang-format off
#define IOAPIC_EVENTS(E) \
    E(ioapic_set_irq,          "pin %u level %d") \
    E(ioapic_set_remote_irr,   "pin %u") \
    E(ioapic_clear_remote_irr, "pin %u vector 0x%02x") \
    E(ioapic_eoi_broadcast,    "vector 0x%02x") \
    E(ioapic_mem_read,         "reg 0x%x select 0x%x value 0x%x") \
    E(ioapic_mem_write,        "reg 0x%x select 0x%x value 0x%x")
TENON_EVENTS(ioapic, IOAPIC_EVENTS);
// clang-format on

static bool is_level(uint64_t entry)
{
    return entry & LEVEL && ((entry & MODE) == FIXED || (entry & MODE) == LOWEST);
}

static uint64_t message_addr(uint64_t entry)
{
    return MSI_ADDR | (entry & DESTINATION) >> 56 << MSI_DESTINATION |
           (entry & LOGICAL ? MSI_LOGICAL : 0);
}

static uint32_t message_data(uint64_t entry)
{
    return (entry & (VECTOR | MODE)) | (is_level(entry) ? MSI_LEVEL | MSI_LEVEL_ASSERT : 0);
}

static void send(struct ioapic *a, unsigned pin)
{
    uint64_t *entry = &a->entry[pin];
    bool taken = a->msi->send(a->dev, message_addr(*entry), message_data(*entry));

    *entry &= ~PENDING;
    if (!taken)
        *entry |= PENDING;
    else if (is_level(*entry)) {
        *entry |= REMOTE_IRR;
        tenon_trace(a->dev, ioapic_set_remote_irr, pin);
    }
}

/* Sends what is due at a pin: a level that is not in service, or what nobody took before. */
static void service(struct ioapic *a, unsigned pin)
{
    uint64_t entry = a->entry[pin];
    bool wants = is_level(entry) ? a->inputs >> pin & 1 && !(entry & REMOTE_IRR) : entry & PENDING;

    if (wants && !(entry & MASKED))
        send(a, pin);
    else if (is_level(entry) && !wants)
        a->entry[pin] &= ~PENDING;
}

/* An edge at a masked pin is lost. */
static void ioapic_set(void *self, unsigned gsi, bool level)
{
    struct ioapic *a = self;
    unsigned pin = gsi == TIMER_GSI ? TIMER_PIN : gsi;
    uint32_t bit = 1u << pin;

    if (gsi == TIMER_PIN || pin >= PINS)
        return;
    tenon_trace(a->dev, ioapic_set_irq, pin, level);
    a->inputs = level ? a->inputs | bit : a->inputs & ~bit;
    if (level && !is_level(a->entry[pin]) && !(a->entry[pin] & MASKED))
        send(a, pin);
    else
        service(a, pin);
}

static void ioapic_eoi(void *self, uint8_t vector)
{
    struct ioapic *a = self;

    tenon_trace(a->dev, ioapic_eoi_broadcast, vector);
    for (unsigned pin = 0; pin < PINS; pin++) {
        if ((a->entry[pin] & VECTOR) == vector && a->entry[pin] & REMOTE_IRR) {
            a->entry[pin] &= ~REMOTE_IRR;
            tenon_trace(a->dev, ioapic_clear_remote_irr, pin, vector);
        }
        service(a, pin);
    }
}

/* ---- Registers ---- */

static uint32_t read_register(const struct ioapic *a, unsigned reg)
{
    unsigned pin = (reg - REDTBL) / 2;

    switch (reg) {
    case ID: return a->id;
    case VER: return (PINS - 1) << 16 | VERSION;
    case ARB: return a->arb;
    }
    if (reg < REDTBL || pin >= PINS)
        return 0;
    return reg & 1 ? a->entry[pin] >> 32 : a->entry[pin];
}

/* An entry that turns to edges forgets that a level is in service, and what is pending. */
static void write_entry(struct ioapic *a, unsigned pin, bool high, uint32_t value)
{
    uint64_t half = high ? 0xffffffff00000000ull : 0xffffffffull;
    uint64_t writable = WRITABLE & half, was = a->entry[pin];
    uint64_t now = (was & ~writable) | ((uint64_t)value << (high ? 32 : 0) & writable);

    if (!is_level(now))
        now &= ~REMOTE_IRR;
    if (is_level(now) != is_level(was))
        now &= ~PENDING;
    a->entry[pin] = now;
    a->msi->route(a->dev, pin, message_addr(now), message_data(now));
    service(a, pin);
}

static void write_register(struct ioapic *a, unsigned reg, uint32_t value)
{
    if (reg == ID)
        a->id = a->arb = value & ID_BITS;
    else if (reg >= REDTBL && reg < REDTBL + 2 * PINS)
        write_entry(a, (reg - REDTBL) / 2, reg & 1, value);
}

static uint64_t ioapic_read(void *self, uint64_t reg, unsigned size)
{
    struct ioapic *a = self;
    uint32_t value = reg == IOREGSEL ? a->select : reg == IOWIN ? read_register(a, a->select) : 0;

    tenon_trace(a->dev, ioapic_mem_read, (unsigned)reg, a->select, value);
    return value;
}

static void ioapic_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct ioapic *a = self;

    tenon_trace(a->dev, ioapic_mem_write, (unsigned)reg, a->select, (unsigned)value);
    switch (reg) {
    case IOREGSEL: a->select = value & 0xff; break;
    case IOWIN: write_register(a, a->select, value); break;
    case EOI: ioapic_eoi(a, value); break;
    }
}

/* ---- For monitors ---- */

static void ioapic_describe(void *self, const char *topic, const struct tenon_text *to)
{
    const struct ioapic *a = self;

    if (strcmp(topic, "pic"))
        return;
    tenon_say(to, "ioapic: ver=0x%x id=0x%02x sel=0x%02x inputs=0x%06x\n", VERSION, a->id >> 24,
              a->select, a->inputs);
    for (unsigned pin = 0; pin < PINS; pin++)
        tenon_say_redirection(to, pin, a->entry[pin]);
}

/* ---- Tables ---- */

static int ioapic_create(void *self)
{
    struct ioapic *a = self;

    a->msi = tenon_query(a->dev, TENON_MSI);
    return a->msi ? 0 : -ENOTSUP;
}

static void tell_routes(void *self)
{
    struct ioapic *a = self;

    for (unsigned pin = 0; pin < PINS; pin++)
        a->msi->route(a->dev, pin, message_addr(a->entry[pin]), message_data(a->entry[pin]));
}

// clang-format off
static const struct tenon_reg ioapic_regs[] = {
    TENON_REG(struct ioapic, select),
    TENON_REG(struct ioapic, id),
    TENON_REG(struct ioapic, arb),
    TENON_REG(struct ioapic, inputs, .flags = TENON_REG_KEEP),
    TENON_REGS(struct ioapic, entry, .reset = MASKED),
};

static const struct tenon_window ioapic_windows[] = {
    { .name = "ioapic", .space = TENON_MEM, .width_min = 4, .width_max = 4,
      .base = 0xfec00000, .bytes = 0x1000, .read = ioapic_read, .write = ioapic_write },
};

static const struct tenon_gsi_input ioapic_input = {
    .size = sizeof(ioapic_input), .set = ioapic_set,
};
static const struct tenon_ioapic ioapic_end = { .size = sizeof(ioapic_end), .eoi = ioapic_eoi };

static const struct tenon_info ioapic_info = { .size = sizeof(ioapic_info), .describe = ioapic_describe };

static const struct tenon_iface ioapic_ifaces[] = {
    { TENON_GSI_INPUT, &ioapic_input }, { TENON_IOAPIC, &ioapic_end }, { TENON_INFO, &ioapic_info },
};

TENON_SYSTEM_DEVICE(ioapic, "ioapic", "misc", "I/O APIC",
    .regs    = TENON_ARRAY(ioapic_regs),
    .windows = TENON_ARRAY(ioapic_windows),
    .ifaces  = TENON_ARRAY(ioapic_ifaces),
    .events  = TENON_ARRAY(tenon_events_ioapic),
    .create  = ioapic_create,
    .reset   = tell_routes,
    .loaded  = tell_routes);
// clang-format on

TENON_PLUGIN(&tenon_type_ioapic);
