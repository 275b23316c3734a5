/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * i8254 - the interval timer of a PC: an 8254 (Intel datasheet, order number 231164) at 1193182 Hz,
 * and the port 61h of the board that drives its third channel (PIIX3, 290550: NMISC).
 *
 * Nothing ticks: what a counter holds follows from guest time and the tick at which it was loaded.
 * Only channel 0 has a timer, for the next change of its output.
 */
#include <errno.h>

#include <tenon/irq.h>
#include <tenon/isa.h>
#include <tenon/trace.h>

// clang-format off
enum {                          /* ports 40h to 43h */
    CONTROL = 3,                /* WO; 0 to 2 are the counters, RW */

    CHANNEL = 0xc0, READ_BACK = 0xc0, CHANNEL_SHIFT = 6,
    BACK_NO_COUNT = 0x20, BACK_NO_STATUS = 0x10, BACK_CHANNEL_0 = 0x02,
    RW = 0x30, RW_LATCH = 0x00, RW_LOW = 0x10, RW_HIGH = 0x20, RW_BOTH = 0x30,
    MODE_SHIFT = 1, BCD = 0x01, PROGRAMMED = 0x3f,
    STATUS_OUT = 0x80, STATUS_NULL = 0x40,
};
enum {                          /* port 61h */
    GATE_2 = 0x01, SPEAKER = 0x02, NMI_OFF = 0x0c,  /* RW */
    REFRESH = 0x10, OUT_2 = 0x20,                   /* RO */
    PORT_61_WRITABLE = GATE_2 | SPEAKER | NMI_OFF,
};
enum { CHANNELS = 3, REFRESH_TICKS = 18 };
// clang-format on

#define HZ         1193182ull
#define NS         1000000000ull
#define NOT_LOADED UINT64_MAX
#define OWED_MAX   1000

enum { LOST_DELAY, LOST_DISCARD };
enum { EDGE, MAKE_UP };

/* A count is loaded at tick `start`, which is the next one after it was written or triggered. */
struct channel {
    uint64_t start;      /* of the count, or of the half cycle of mode 3; NOT_LOADED */
    uint64_t paused;     /* ticks it had counted when its gate went low */
    uint32_t count;      /* that it started from, 1 to 65536 */
    uint16_t written;    /* the count register */
    uint16_t held;       /* what the counter shows before start */
    uint16_t latched;    /* count */
    uint8_t control;     /* low 6 bits of the control word */
    uint8_t status;      /* latched */
    uint8_t n_latched;   /* bytes of `latched` to be read */
    uint8_t low_byte;    /* of a count half written */
    bool gate, out_held; /* out_held: the output before start */
    bool fresh;          /* `written` waits for a trigger, or the end of a cycle */
    bool has_count;      /* since the control word */
    bool high;           /* half cycle of mode 3 */
    bool has_status, write_high, read_high;
};

struct pit {
    struct tenon_dev *dev;
    uint32_t iobase, irq, lost_ticks;
    uint64_t seen; /* tick up to which channel 0's output has been driven */
    uint32_t owed; /* ticks that came while another one was due */
    struct channel channel[CHANNELS];
};

/* ---- Ticks ---- */

static uint64_t tick_now(struct tenon_dev *dev)
{
    return (unsigned __int128)tenon_now(dev) * HZ / NS;
}

/* The first nanosecond of a tick. */
static uint64_t tick_time(uint64_t tick)
{
    return ((unsigned __int128)tick * NS + HZ - 1) / HZ;
}

static unsigned mode(const struct channel *c)
{
    unsigned m = c->control >> MODE_SHIFT & 7;

    return m > 5 ? m - 4 : m;
}

static bool is_periodic(const struct channel *c)
{
    return mode(c) == 2 || mode(c) == 3;
}

/* In modes 1 and 5 the gate only triggers. */
static bool gate_stops(const struct channel *c)
{
    return !c->gate && mode(c) != 1 && mode(c) != 5;
}

static bool is_loaded(const struct channel *c, uint64_t now)
{
    return c->start != NOT_LOADED && now >= c->start;
}

static uint64_t elapsed(const struct channel *c, uint64_t now)
{
    return gate_stops(c) ? c->paused : now - c->start;
}

/* ---- Counts ---- */

static uint32_t from_register(const struct channel *c, uint16_t value)
{
    if (!(c->control & BCD))
        return value ? value : 0x10000;
    value = (value >> 12) * 1000 + (value >> 8 & 15) * 100 + (value >> 4 & 15) * 10 + (value & 15);
    return value ? value : 10000;
}

static uint16_t to_register(const struct channel *c, uint64_t value)
{
    if (!(c->control & BCD))
        return value;
    value %= 10000;
    return value / 1000 << 12 | value / 100 % 10 << 8 | value / 10 % 10 << 4 | value % 10;
}

/* Mode 3: an odd count gives its high half cycle one tick more. */
static uint32_t half_cycle(const struct channel *c, bool high)
{
    return (c->count + high) / 2;
}

/* What the counter holds; beyond its end it goes round. */
static uint16_t counter(const struct channel *c, uint64_t now)
{
    uint64_t wrap = c->control & BCD ? 10000 : 0x10000, e;

    if (!is_loaded(c, now))
        return c->held;
    e = elapsed(c, now);
    if (mode(c) == 3)
        return to_register(c, (c->count & ~1u) - 2 * e);
    return to_register(c, c->count + wrap - e % wrap);
}

static bool out(const struct channel *c, uint64_t now)
{
    uint64_t e;

    if (is_periodic(c) && !c->gate)
        return true;
    if (!is_loaded(c, now))
        return c->out_held;
    e = elapsed(c, now);
    switch (mode(c)) {
    case 0:
    case 1: return e >= c->count;
    case 2: return c->count == 1 || e != c->count - 1;
    case 3: return c->high;
    default: return e != c->count;
    }
}

/* ---- Loading ---- */

/* The counter takes the count register at the next tick; until then it shows what it did. */
static void load(struct channel *c, uint64_t now)
{
    uint16_t held = counter(c, now);
    bool out_held = out(c, now);

    c->held = held;
    c->out_held = mode(c) == 0 ? false : out_held;
    c->start = now + 1;
    c->paused = 0;
    c->count = from_register(c, c->written);
    c->fresh = false;
    c->high = true;
}

static void take_fresh(struct channel *c)
{
    if (c->fresh)
        c->count = from_register(c, c->written);
    c->fresh = false;
}

/* Brings a periodic channel to the cycle that now is in; how often its output has risen. */
static uint64_t next_cycles(struct channel *c, uint64_t now)
{
    uint64_t cycles;

    if (!is_loaded(c, now) || gate_stops(c) || now - c->start < c->count)
        return 0;
    c->start += c->count;
    take_fresh(c);
    cycles = (now - c->start) / c->count;
    c->start += cycles * c->count;
    return 1 + cycles;
}

/* The same for mode 3, whose half cycles end with a load each. */
static uint64_t next_half_cycles(struct channel *c, uint64_t now)
{
    uint64_t rises = 0, cycles;

    if (!is_loaded(c, now) || gate_stops(c))
        return 0;
    for (unsigned i = 0; i < 4 && now - c->start >= half_cycle(c, c->high); i++) {
        c->start += half_cycle(c, c->high);
        c->high = !c->high;
        rises += c->high;
        take_fresh(c);
        cycles = (now - c->start) / c->count;
        c->start += cycles * c->count;
        rises += cycles;
    }
    return rises;
}

/* A count of 1 is none for these modes: the output stays high. */
static uint64_t settle(struct channel *c, uint64_t now)
{
    uint64_t rises = mode(c) == 2   ? next_cycles(c, now)
                     : mode(c) == 3 ? next_half_cycles(c, now)
                                    : 0;

    return c->count == 1 ? 0 : rises;
}

/* ---- The output of channel 0 ---- */

/* The tick at which the output changes next, or a new count is taken. */
static uint64_t next_change(const struct channel *c, uint64_t now)
{
    uint64_t e;

    if (c->start == NOT_LOADED || gate_stops(c))
        return NOT_LOADED;
    if (is_periodic(c) && c->count == 1 && !c->fresh)
        return NOT_LOADED;
    if (now < c->start && mode(c) == 1)
        return c->start;
    e = now < c->start ? 0 : now - c->start;
    switch (mode(c)) {
    case 0:
    case 1: return e < c->count ? c->start + c->count : NOT_LOADED;
    case 2: return c->start + c->count - (e + 1 < c->count);
    case 3: return c->start + half_cycle(c, c->high);
    default: return e <= c->count ? c->start + c->count + (e == c->count) : NOT_LOADED;
    }
}

/* Whether a strobe (modes 4 and 5) has ended since the output was last driven. */
static bool strobed(const struct pit *p, const struct channel *c, uint64_t now)
{
    uint64_t end = c->start + c->count + 1;

    return mode(c) >= 4 && c->start != NOT_LOADED && p->seen < end && now >= end;
}

/* Rising edges that came while the program was kept from running are one, unless they are owed. */
static void drive(struct pit *p, uint64_t rises, uint64_t now)
{
    const struct channel *c = &p->channel[0];
    uint64_t next = next_change(c, now);

    if (rises || strobed(p, c, now)) {
        tenon_irq(p->dev, 0, false);
        tenon_irq(p->dev, 0, true);
    }
    tenon_irq(p->dev, 0, out(c, now));
    p->seen = now;
    tenon_arm_at(p->dev, EDGE, next == NOT_LOADED ? TENON_NEVER : tick_time(next));
}

/* What is owed is spread: each comes a quarter of a period after a due one. */
static void owe(struct pit *p, uint64_t lost)
{
    if (p->lost_ticks == LOST_DISCARD || !is_periodic(&p->channel[0]))
        return;
    p->owed = lost > OWED_MAX - p->owed ? OWED_MAX : p->owed + lost;
}

static void make_up_later(struct pit *p)
{
    if (p->owed)
        tenon_arm(p->dev, MAKE_UP, tick_time(p->channel[0].count / 4));
}

static uint64_t sync(struct pit *p)
{
    uint64_t now = tick_now(p->dev), rises = settle(&p->channel[0], now);

    drive(p, rises, now);
    if (rises > 1)
        owe(p, rises - 1);
    if (rises)
        make_up_later(p);
    return now;
}

static void edge_fired(void *self)
{
    sync(self);
}

static void make_up(void *self)
{
    struct pit *p = self;

    if (!out(&p->channel[0], sync(p)) || !p->owed)
        return;
    p->owed--;
    tenon_irq(p->dev, 0, false);
    tenon_irq(p->dev, 0, true);
}

/* ---- Registers ---- */

static void write_control(struct pit *p, unsigned n, uint8_t value, uint64_t now)
{
    struct channel *c = &p->channel[n];

    c->held = counter(c, now);
    c->control = value & PROGRAMMED;
    c->out_held = mode(c) != 0;
    c->start = NOT_LOADED;
    c->written = 0;
    c->n_latched = 0;
    c->fresh = c->has_count = c->has_status = c->write_high = c->read_high = false;
    if (n == 0)
        p->owed = 0;
}

static void latch_count(struct channel *c, uint64_t now)
{
    if (c->n_latched)
        return;
    c->latched = counter(c, now);
    c->n_latched = (c->control & RW) == RW_BOTH ? 2 : 1;
}

static void latch_status(struct channel *c, uint64_t now)
{
    bool null = c->fresh || !is_loaded(c, now);

    if (c->has_status)
        return;
    c->status = c->control | (out(c, now) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0);
    c->has_status = true;
}

static void read_back(struct pit *p, uint8_t value, uint64_t now)
{
    for (unsigned n = 0; n < CHANNELS; n++) {
        if (!(value & BACK_CHANNEL_0 << n))
            continue;
        if (!(value & BACK_NO_COUNT))
            latch_count(&p->channel[n], now);
        if (!(value & BACK_NO_STATUS))
            latch_status(&p->channel[n], now);
    }
}

static void write_command(struct pit *p, uint8_t value, uint64_t now)
{
    unsigned n = value >> CHANNEL_SHIFT;

    if ((value & CHANNEL) == READ_BACK)
        read_back(p, value, now);
    else if ((value & RW) == RW_LATCH)
        latch_count(&p->channel[n], now);
    else
        write_control(p, n, value, now);
}

static void new_count(struct channel *c, uint16_t value, uint64_t now)
{
    bool waits = mode(c) == 1 || mode(c) == 5 || (is_periodic(c) && is_loaded(c, now));

    c->written = value;
    c->has_count = true;
    if (waits)
        c->fresh = true;
    else
        load(c, now);
}

/* In mode 0, half a count stops the counter. */
static void write_counter(struct channel *c, uint8_t value, uint64_t now)
{
    switch (c->control & RW) {
    case RW_LOW: new_count(c, value, now); return;
    case RW_HIGH: new_count(c, value << 8, now); return;
    }
    c->write_high = !c->write_high;
    if (!c->write_high) {
        new_count(c, value << 8 | c->low_byte, now);
        return;
    }
    c->low_byte = value;
    if (mode(c) == 0) {
        c->held = counter(c, now);
        c->out_held = false;
        c->start = NOT_LOADED;
    }
}

static uint8_t read_counter(struct channel *c, uint64_t now)
{
    uint16_t value = c->n_latched ? c->latched : counter(c, now);

    if (c->has_status) {
        c->has_status = false;
        return c->status;
    }
    if (c->n_latched)
        c->n_latched--;
    switch (c->control & RW) {
    case RW_LOW: return value;
    case RW_HIGH: return value >> 8;
    }
    c->read_high = !c->read_high;
    return c->read_high ? value : value >> 8;
}

// clang-format off
#define PIT_EVENTS(E) \
    E(pit_ioport_read,  "reg %u value 0x%02x") \
    E(pit_ioport_write, "reg %u value 0x%02x")
TENON_EVENTS(pit, PIT_EVENTS);
// clang-format on

static uint64_t pit_read(void *self, uint64_t port, unsigned size)
{
    struct pit *p = self;
    uint8_t value;
    uint64_t now;

    if (port == CONTROL)
        return 0xff;
    now = sync(p);
    settle(&p->channel[port], now);
    value = read_counter(&p->channel[port], now);
    tenon_trace(p->dev, pit_ioport_read, (unsigned)port, value);
    return value;
}

static void pit_write(void *self, uint64_t port, uint64_t value, unsigned size)
{
    struct pit *p = self;
    uint64_t now = sync(p);

    tenon_trace(p->dev, pit_ioport_write, (unsigned)port, (unsigned)value);
    for (unsigned n = 1; n < CHANNELS; n++)
        settle(&p->channel[n], now);
    if (port == CONTROL)
        write_command(p, value, now);
    else
        write_counter(&p->channel[port], value, now);
    drive(p, 0, now);
}

/* ---- Gates ---- */

static void gate_falls(struct channel *c, uint64_t now)
{
    if (is_loaded(c, now))
        c->paused = now - c->start;
    c->gate = false;
}

/* A rise lets modes 0 and 4 go on, and triggers the others. */
static void gate_rises(struct channel *c, uint64_t now)
{
    bool goes_on = mode(c) == 0 || mode(c) == 4;

    if (!goes_on && c->has_count)
        load(c, now);
    else if (goes_on && is_loaded(c, now))
        c->start = now - c->paused;
    c->gate = true;
}

static void pit_gate(void *self, unsigned n, bool level)
{
    struct pit *p = self;
    uint64_t now = sync(p);
    struct channel *c = &p->channel[n];

    settle(c, now);
    if (c->gate && !level)
        gate_falls(c, now);
    else if (!c->gate && level)
        gate_rises(c, now);
    drive(p, 0, now);
}

static bool pit_out(void *self, unsigned n)
{
    struct pit *p = self;
    uint64_t now = sync(p);

    settle(&p->channel[n], now);
    return out(&p->channel[n], now);
}

/* ---- Tables of the 8254 ---- */

static int pit_create(void *self)
{
    struct pit *p = self;
    int err = tenon_isa_connect(p->dev, 0, p->irq);

    return err ? err : tenon_map(p->dev, 0, p->iobase, 0);
}

/* The datasheet leaves it open; firmware finds square waves of the longest period. */
static void pit_reset(void *self)
{
    struct pit *p = self;
    uint64_t now = tick_now(p->dev);

    for (unsigned n = 0; n < CHANNELS; n++) {
        struct channel *c = &p->channel[n];

        *c = (struct channel){ .start = NOT_LOADED, .gate = n != 2, .out_held = true };
        c->control = RW_BOTH | 3 << MODE_SHIFT;
        new_count(c, 0, now);
        c->start = now;
    }
    p->owed = 0;
    drive(p, 0, now);
}

static void pit_loaded(void *self)
{
    struct pit *p = self;

    for (unsigned n = 0; n < CHANNELS; n++)
        if (p->channel[n].count - 1 > 0xffff)
            p->channel[n].count = 0x10000;
    sync(p);
}

static const char *const pit_lost_names[] = { "delay", "discard", NULL };

// clang-format off
static const struct tenon_prop pit_props[] = {
    TENON_PROP(struct pit, "iobase", TENON_U32, iobase, .initial = 0x40, .max = 0xfffc,
               .help = "first of four ports"),
    TENON_PROP(struct pit, "irq", TENON_U32, irq, .initial = 0, .max = 15,
               .help = "ISA interrupt"),
    TENON_PROP(struct pit, "lost_tick_policy", TENON_ENUM, lost_ticks, .names = pit_lost_names,
               .help = "what becomes of ticks that the host was too late for"),
};

#define CHANNEL_REG(n, field) TENON_REG(struct pit, channel[n].field, .flags = TENON_REG_KEEP)
#define CHANNEL_REGS(n)                                                                            \
    CHANNEL_REG(n, start), CHANNEL_REG(n, paused), CHANNEL_REG(n, count), CHANNEL_REG(n, written), \
    CHANNEL_REG(n, held), CHANNEL_REG(n, latched), CHANNEL_REG(n, control),                        \
    CHANNEL_REG(n, status), CHANNEL_REG(n, n_latched), CHANNEL_REG(n, low_byte),                   \
    CHANNEL_REG(n, gate), CHANNEL_REG(n, out_held), CHANNEL_REG(n, fresh),                         \
    CHANNEL_REG(n, has_count), CHANNEL_REG(n, high), CHANNEL_REG(n, has_status),                   \
    CHANNEL_REG(n, write_high), CHANNEL_REG(n, read_high)

static const struct tenon_reg pit_regs[] = {
    TENON_REG(struct pit, seen, .flags = TENON_REG_KEEP),
    TENON_REG(struct pit, owed, .flags = TENON_REG_KEEP),
    CHANNEL_REGS(0), CHANNEL_REGS(1), CHANNEL_REGS(2),
};

static const struct tenon_timer pit_timers[] = {
    [EDGE]    = { .name = "edge", .fire = edge_fired },
    [MAKE_UP] = { .name = "make-up", .fire = make_up },
};

static const struct tenon_window pit_windows[] = {
    { .name = "pit", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = 4,
      .read = pit_read, .write = pit_write },
};

static const struct tenon_pit pit_peer = {
    .size = sizeof(pit_peer), .gate = pit_gate, .out = pit_out,
};

static const struct tenon_iface pit_ifaces[] = { { TENON_PIT, &pit_peer } };

TENON_ISA_DEVICE(pit, "isa-pit", "misc", "Interval timer (8254)",
    .props   = TENON_ARRAY(pit_props),
    .regs    = TENON_ARRAY(pit_regs),
    .timers  = TENON_ARRAY(pit_timers),
    .windows = TENON_ARRAY(pit_windows),
    .ifaces  = TENON_ARRAY(pit_ifaces),
    .events  = TENON_ARRAY(tenon_events_pit),
    .lines   = 1,
    .create  = pit_create,
    .reset   = pit_reset,
    .loaded  = pit_loaded);
// clang-format on

/* ---- Port 61h ---- */

struct speaker {
    struct tenon_dev *dev;
    struct tenon_peer pit;
    uint32_t iobase;
    uint8_t control;
};

static const struct tenon_pit *speaker_pit(const struct speaker *s)
{
    return s->pit.table;
}

/* The refresh bit changes with every row of memory, about each 15 us. */
static uint64_t speaker_read(void *self, uint64_t port, unsigned size)
{
    struct speaker *s = self;
    bool refresh = tick_now(s->dev) / REFRESH_TICKS & 1;

    return s->control | (refresh ? REFRESH : 0) | (speaker_pit(s)->out(s->pit.self, 2) ? OUT_2 : 0);
}

static void speaker_write(void *self, uint64_t port, uint64_t value, unsigned size)
{
    struct speaker *s = self;

    s->control = value & PORT_61_WRITABLE;
    speaker_pit(s)->gate(s->pit.self, 2, s->control & GATE_2);
}

static int speaker_create(void *self)
{
    struct speaker *s = self;

    s->pit = tenon_find_peer(s->dev, TENON_PIT);
    if (!s->pit.self)
        return tenon_error(s->dev, -ENODEV, "needs an isa-pit before it");
    return tenon_map(s->dev, 0, s->iobase, 0);
}

// clang-format off
static const struct tenon_prop speaker_props[] = {
    TENON_PROP(struct speaker, "iobase", TENON_U32, iobase, .initial = 0x61, .max = 0xffff,
               .help = "its port"),
};

static const struct tenon_reg speaker_regs[] = { TENON_REG(struct speaker, control) };

static const struct tenon_window speaker_windows[] = {
    { .name = "pcspk", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = 1,
      .read = speaker_read, .write = speaker_write },
};

TENON_ISA_DEVICE(speaker, "isa-pcspk", "misc", "Port 61h: the third timer's gate and the speaker's",
    .props   = TENON_ARRAY(speaker_props),
    .regs    = TENON_ARRAY(speaker_regs),
    .windows = TENON_ARRAY(speaker_windows),
    .create  = speaker_create);
// clang-format on

TENON_PLUGIN(&tenon_type_pit, &tenon_type_speaker);
