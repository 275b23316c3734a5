/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * i8259 - the two interrupt controllers of a PC: 8259A (Intel datasheet, order number 231468), the
 * second behind input 2 of the first, with the edge/level registers of the PIIX3 (290550).
 */
#include <string.h>

#include <tenon/info.h>
#include <tenon/irq.h>
#include <tenon/isa.h>
#include <tenon/trace.h>

// clang-format off
enum {                          /* ports 20h and 21h of the first, A0h and A1h of the second */
    COMMAND = 0,                /* WO ICW1, OCW2, OCW3; RO IRR, ISR or a poll's answer */
    MASK    = 1,                /* WO ICW2 to ICW4 after ICW1; otherwise RW OCW1 */

    ICW1 = 0x10, ICW1_SNGL = 0x02, ICW1_IC4 = 0x01,
    ICW2_BASE = 0xf8,
    ICW4_SFNM = 0x10, ICW4_AEOI = 0x02,
    OCW2_ROTATE = 0x80, OCW2_SPECIFIC = 0x40, OCW2_EOI = 0x20, OCW2_LEVEL = 0x07,
    OCW3 = 0x08, OCW3_ESMM = 0x40, OCW3_SMM = 0x20, OCW3_POLL = 0x04, OCW3_RR = 0x02,
    OCW3_RIS = 0x01,
    POLL_REQUEST = 0x80,
};
enum { ELCR = 0x4d0 };          /* RW, two bytes: a set bit makes the input level-triggered */
// clang-format on

enum { MASTER, SLAVE, CHIPS };
enum { CASCADE = 2, SPURIOUS = 7 };

/* The inputs that may be level-triggered: not 0, 1, 2, 8 and 13. */
static const uint8_t elcr_writable[CHIPS] = { 0xf8, 0xde };

struct pic {
    struct tenon_dev *dev;
    uint8_t input[CHIPS]; /* levels, a bit each, as in all of these */
    uint8_t edge[CHIPS];  /* has risen, and has not been acknowledged */
    uint8_t isr[CHIPS], imr[CHIPS], elcr[CHIPS];
    uint8_t lowest[CHIPS]; /* the input of lowest priority */
    uint8_t icw1[CHIPS];   /* 0: never initialized */
    uint8_t base[CHIPS], icw3[CHIPS], icw4[CHIPS];
    uint8_t next_icw[CHIPS]; /* 2 to 4: expected at MASK; 0: done */
    bool special_mask[CHIPS], rotate_aeoi[CHIPS], poll[CHIPS], read_isr[CHIPS];
};

/* ---- Priority ---- */

/* A level counts while it is high; so does an edge: its input has to stay high. */
// clang-format off
#define PIC_EVENTS(E) \
    E(pic_set_irq,      "input %u level %d") \
    E(pic_interrupt,    "vector 0x%02x") \
    E(pic_ioport_read,  "chip %u port %u value 0x%02x") \
    E(pic_ioport_write, "chip %u port %u value 0x%02x")
TENON_EVENTS(pic, PIC_EVENTS);
// clang-format on

static uint8_t requests(const struct pic *p, unsigned c)
{
    return p->input[c] & (p->elcr[c] | p->edge[c]);
}

/* Those in service that keep others waiting: in special mask mode, not the masked ones. */
static uint8_t inhibiting(const struct pic *p, unsigned c)
{
    return p->special_mask[c] ? p->isr[c] & ~p->imr[c] : p->isr[c];
}

static unsigned by_priority(const struct pic *p, unsigned c, unsigned rank)
{
    return (p->lowest[c] + 1 + rank) & 7;
}

static bool has_slave(const struct pic *p, unsigned c, unsigned n)
{
    return c == MASTER && n == CASCADE && !(p->icw1[c] & ICW1_SNGL) && p->icw3[c] & 1 << CASCADE;
}

/* A slave in service may ask again in special fully nested mode. */
static bool nests(const struct pic *p, unsigned c, unsigned n)
{
    return p->icw4[c] & ICW4_SFNM && has_slave(p, c, n);
}

/* The input that asks for the processor, or -1. */
static int pending(const struct pic *p, unsigned c)
{
    uint8_t asking = requests(p, c) & ~p->imr[c], served = inhibiting(p, c);

    if (!p->icw1[c] || p->next_icw[c])
        return -1;
    for (unsigned rank = 0; rank < 8; rank++) {
        unsigned n = by_priority(p, c, rank);

        if (asking >> n & 1 && (!(served >> n & 1) || nests(p, c, n)))
            return n;
        if (served >> n & 1)
            break;
    }
    return -1;
}

static void set_input(struct pic *p, unsigned c, unsigned n, bool level)
{
    uint8_t bit = 1 << n;

    if (!level) {
        p->input[c] &= ~bit;
        p->edge[c] &= ~bit;
    } else if (!(p->input[c] & bit)) {
        p->input[c] |= bit;
        p->edge[c] |= bit;
    }
}

static void update(struct pic *p)
{
    set_input(p, MASTER, CASCADE, pending(p, SLAVE) >= 0);
    tenon_irq(p->dev, 0, pending(p, MASTER) >= 0);
}

static void pic_set(void *self, unsigned gsi, bool level)
{
    const struct pic *p = self;

    if (gsi >= 8 * CHIPS || gsi == CASCADE)
        return;
    tenon_trace(p->dev, pic_set_irq, gsi, level);
    set_input(self, gsi / 8, gsi % 8, level);
    update(self);
}

/* ---- Acknowledge and end ---- */

/* What an acknowledge does to the input it is for.  A slave's output falls with it. */
static void take(struct pic *p, unsigned c, unsigned n)
{
    p->edge[c] &= ~(1u << n);
    if (!(p->icw4[c] & ICW4_AEOI))
        p->isr[c] |= 1u << n;
    else if (p->rotate_aeoi[c])
        p->lowest[c] = n;
    if (c == SLAVE)
        set_input(p, MASTER, CASCADE, false);
}

/* A request that has gone meanwhile is answered as input 7, which is then not in service. */
static int acknowledge(struct pic *p, unsigned c)
{
    int n = pending(p, c);

    if (n < 0)
        return p->base[c] | SPURIOUS;
    take(p, c, n);
    return has_slave(p, c, n) ? acknowledge(p, SLAVE) : p->base[c] | n;
}

static int pic_acknowledge(void *self)
{
    struct pic *p = self;
    int vector = acknowledge(p, MASTER);

    tenon_trace(p->dev, pic_interrupt, (unsigned)vector);
    update(p);
    return vector;
}

static uint8_t poll(struct pic *p, unsigned c)
{
    int n = pending(p, c);

    p->poll[c] = false;
    if (n < 0)
        return 0;
    take(p, c, n);
    update(p);
    return POLL_REQUEST | n;
}

/* The input in service of highest priority, or -1. */
static int highest_served(const struct pic *p, unsigned c)
{
    for (unsigned rank = 0; rank < 8; rank++)
        if (inhibiting(p, c) >> by_priority(p, c, rank) & 1)
            return by_priority(p, c, rank);
    return -1;
}

/* ---- Registers ---- */

/* Rotate without EOI sets what automatic ends do; specific without both does nothing. */
static void write_ocw2(struct pic *p, unsigned c, uint8_t value)
{
    bool rotate = value & OCW2_ROTATE;
    int n = value & OCW2_SPECIFIC ? value & OCW2_LEVEL : highest_served(p, c);

    if (!(value & (OCW2_EOI | OCW2_SPECIFIC))) {
        p->rotate_aeoi[c] = rotate;
        return;
    }
    if (n < 0)
        return;
    if (value & OCW2_EOI)
        p->isr[c] &= ~(1u << n);
    if (rotate)
        p->lowest[c] = n;
}

static void write_ocw3(struct pic *p, unsigned c, uint8_t value)
{
    if (value & OCW3_ESMM)
        p->special_mask[c] = value & OCW3_SMM;
    p->poll[c] = value & OCW3_POLL;
    if (value & OCW3_RR)
        p->read_isr[c] = value & OCW3_RIS;
}

static void write_icw1(struct pic *p, unsigned c, uint8_t value)
{
    p->icw1[c] = value;
    p->edge[c] = p->isr[c] = p->imr[c] = 0;
    p->lowest[c] = 7;
    p->special_mask[c] = p->rotate_aeoi[c] = p->poll[c] = p->read_isr[c] = false;
    if (!(value & ICW1_IC4))
        p->icw4[c] = 0;
    p->next_icw[c] = 2;
}

static void write_mask(struct pic *p, unsigned c, uint8_t value)
{
    unsigned last = p->icw1[c] & ICW1_IC4 ? 4 : 0;

    switch (p->next_icw[c]) {
    case 2:
        p->base[c] = value & ICW2_BASE;
        p->next_icw[c] = p->icw1[c] & ICW1_SNGL ? last : 3;
        break;
    case 3:
        p->icw3[c] = value;
        p->next_icw[c] = last;
        break;
    case 4:
        p->icw4[c] = value;
        p->next_icw[c] = 0;
        break;
    default: p->imr[c] = value;
    }
}

static void write_chip(struct pic *p, unsigned c, uint64_t port, uint8_t value)
{
    tenon_trace(p->dev, pic_ioport_write, c, (unsigned)port, value);
    if (port == MASK)
        write_mask(p, c, value);
    else if (value & ICW1)
        write_icw1(p, c, value);
    else if (value & OCW3)
        write_ocw3(p, c, value);
    else
        write_ocw2(p, c, value);
    update(p);
}

static uint8_t read_register(struct pic *p, unsigned c, uint64_t port)
{
    if (p->poll[c])
        return poll(p, c);
    if (port == MASK)
        return p->imr[c];
    return p->read_isr[c] ? p->isr[c] : requests(p, c);
}

static uint8_t read_chip(struct pic *p, unsigned c, uint64_t port)
{
    uint8_t value = read_register(p, c, port);

    tenon_trace(p->dev, pic_ioport_read, c, (unsigned)port, value);
    return value;
}

static uint64_t master_read(void *self, uint64_t port, unsigned size)
{
    return read_chip(self, MASTER, port);
}

static void master_write(void *self, uint64_t port, uint64_t value, unsigned size)
{
    write_chip(self, MASTER, port, value);
}

static uint64_t slave_read(void *self, uint64_t port, unsigned size)
{
    return read_chip(self, SLAVE, port);
}

static void slave_write(void *self, uint64_t port, uint64_t value, unsigned size)
{
    write_chip(self, SLAVE, port, value);
}

static uint64_t elcr_read(void *self, uint64_t port, unsigned size)
{
    return ((struct pic *)self)->elcr[port];
}

static void elcr_write(void *self, uint64_t port, uint64_t value, unsigned size)
{
    struct pic *p = self;

    p->elcr[port] = value & elcr_writable[port];
    update(p);
}

/* ---- For monitors ---- */

static void pic_describe(void *self, const char *topic, const struct tenon_text *to)
{
    const struct pic *p = self;

    for (unsigned c = 0; c < CHIPS && !strcmp(topic, "pic"); c++)
        tenon_say(
            to,
            "pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x rr_sel=%d elcr=%02x fnm=%d\n",
            c, requests(p, c), p->imr[c], p->isr[c], by_priority(p, c, 0), p->base[c],
            p->read_isr[c], p->elcr[c], !!(p->icw4[c] & ICW4_SFNM));
}

/* ---- Tables ---- */

static void pic_loaded(void *self)
{
    struct pic *p = self;

    for (unsigned c = 0; c < CHIPS; c++)
        p->lowest[c] &= 7;
    update(p);
}

static const struct tenon_reg pic_regs[] = {
    TENON_REGS(struct pic, input, .flags = TENON_REG_KEEP),
    TENON_REGS(struct pic, edge),
    TENON_REGS(struct pic, isr),
    TENON_REGS(struct pic, imr),
    TENON_REGS(struct pic, elcr),
    TENON_REGS(struct pic, lowest, .reset = 7),
    TENON_REGS(struct pic, icw1),
    TENON_REGS(struct pic, base),
    TENON_REGS(struct pic, icw3),
    TENON_REGS(struct pic, icw4),
    TENON_REGS(struct pic, next_icw),
    TENON_REGS(struct pic, special_mask),
    TENON_REGS(struct pic, rotate_aeoi),
    TENON_REGS(struct pic, poll),
    TENON_REGS(struct pic, read_isr),
};

// clang-format off
static const struct tenon_window pic_windows[] = {
    { .name = "pic-master", .space = TENON_IO, .width_max = 1, .base = 0x20, .bytes = 2,
      .read = master_read, .write = master_write },
    { .name = "pic-slave", .space = TENON_IO, .width_max = 1, .base = 0xa0, .bytes = 2,
      .read = slave_read, .write = slave_write },
    { .name = "elcr", .space = TENON_IO, .width_max = 1, .base = ELCR, .bytes = 2,
      .read = elcr_read, .write = elcr_write },
};

static const struct tenon_gsi_input pic_input = { .size = sizeof(pic_input), .set = pic_set };
static const struct tenon_pic pic_intr = { .size = sizeof(pic_intr), .acknowledge = pic_acknowledge };

static const struct tenon_info pic_info = { .size = sizeof(pic_info), .describe = pic_describe };

static const struct tenon_iface pic_ifaces[] = {
    { TENON_GSI_INPUT, &pic_input }, { TENON_PIC, &pic_intr }, { TENON_INFO, &pic_info },
};

TENON_ISA_DEVICE(pic, "isa-i8259", "misc", "Interrupt controllers (two 8259A)",
    .regs    = TENON_ARRAY(pic_regs),
    .windows = TENON_ARRAY(pic_windows),
    .ifaces  = TENON_ARRAY(pic_ifaces),
    .events  = TENON_ARRAY(tenon_events_pic),
    .lines   = 1,
    .loaded  = pic_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_pic);
