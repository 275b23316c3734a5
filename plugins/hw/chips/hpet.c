/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hpet - high precision event timers at 100 MHz: IA-PC HPET specification 1.0a.
 *
 * The 8254's and the clock's interrupts come in by the pin "legacy" and go on to ISA interrupts 0
 * and 8, unless the legacy replacement route is on: then those are the first two timers'.
 */
#include <errno.h>
#include <string.h>

#include <tenon/irq.h>
#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/trace.h>

// clang-format off
enum {                          /* memory at FED00000h; 64 bits each, also by 32-bit halves */
    GCAP_ID   = 0x000,          /* RO  period in fs, vendor, number of timers, revision */
    GEN_CONF  = 0x010,          /* RW */
    GINTR_STA = 0x020,          /* R/WC  a bit for each level-triggered timer */
    MAIN_CNT  = 0x0f0,          /* RW while it is halted */
    TIMERS    = 0x100,          /* 20h bytes each: */
    CONF = 0x00, COMPARATOR = 0x08, FSB_ROUTE = 0x10,

    BYTES = 0x400, TIMER_BYTES = 0x20, MAX_TIMERS = (BYTES - TIMERS) / TIMER_BYTES,
};

#define CAP_TIMERS_SHIFT 8
#define CAP_FIXED        0x009896808086a001ull  /* 10^7 fs, 8086h, legacy route, 64 bits, rev. 1 */

#define ENABLE_CNF       0x1ull
#define LEG_RT_CNF       0x2ull

#define INT_TYPE_LEVEL   0x0002ull
#define INT_ENB          0x0004ull
#define TYPE_PERIODIC    0x0008ull
#define PER_INT_CAP      0x0010ull
#define SIZE_CAP         0x0020ull
#define VAL_SET          0x0040ull
#define MODE_32          0x0100ull
#define INT_ROUTE        0x3e00ull
#define FSB_EN           0x4000ull
#define FSB_CAP          0x8000ull
#define ROUTE_SHIFT      9
#define ROUTE_CAP_SHIFT  32
#define CONF_WRITABLE    0x014eull              /* and INT_ROUTE, FSB_EN as there is */
// clang-format on

enum { PERIOD_NS = 10, INPUTS = 24 };
/* Lines: 0 to 23 are I/O APIC inputs; then what comes in by the pin. */
enum { PASSED = INPUTS, LINES = PASSED + 2 };
enum { IRQ_TIMER = 0, IRQ_CLOCK = 8, PIN_TIMER = 2 };
#define INTCAP_MAX ((1u << INPUTS) - 1)

struct hpet {
    struct tenon_dev *dev;
    const struct tenon_msi *messages;
    uint32_t n_timers, intcap;
    bool msi;
    uint64_t conf, status;
    uint64_t count, since; /* the counter, and the guest time at which it was that */
    uint8_t legacy;        /* levels of the pin */
    uint32_t driven;       /* levels of the lines */
    /* of each timer */
    uint64_t tn_conf[MAX_TIMERS], comparator[MAX_TIMERS], period[MAX_TIMERS], fsb[MAX_TIMERS];
    uint64_t due[MAX_TIMERS];  /* guest time of the next match, or TENON_NEVER */
    bool asserted[MAX_TIMERS]; /* its line, by an edge */
};

/* ---- Time ---- */

// clang-format off
#define HPET_EVENTS(E) \
    E(hpet_ram_read,   "reg 0x%x size %u value 0x%llx") \
    E(hpet_ram_write,  "reg 0x%x size %u value 0x%llx") \
    E(hpet_update_irq, "timer %u")
TENON_EVENTS(hpet, HPET_EVENTS);
// clang-format on

static bool runs(const struct hpet *h)
{
    return h->conf & ENABLE_CNF;
}

static uint64_t counter(const struct hpet *h)
{
    return runs(h) ? h->count + (tenon_now(h->dev) - h->since) / PERIOD_NS : h->count;
}

static uint64_t size_mask(const struct hpet *h, unsigned n)
{
    return h->tn_conf[n] & MODE_32 ? 0xffffffff : UINT64_MAX;
}

/* Finds the first match at or after the counter value from; one beyond all time is none. */
static void schedule(struct hpet *h, unsigned n, uint64_t from)
{
    uint64_t ahead = (h->comparator[n] - from) & size_mask(h, n);
    bool never = !runs(h) || ahead > INT64_MAX / PERIOD_NS;

    h->due[n] = never ? TENON_NEVER : h->since + (from - h->count + ahead) * PERIOD_NS;
}

/* Nobody sees a match of it but by its comparator, which settle() moves on. */
static bool is_silent(const struct hpet *h, unsigned n)
{
    return !(h->tn_conf[n] & (INT_ENB | INT_TYPE_LEVEL));
}

static void arm(struct hpet *h)
{
    uint64_t first = TENON_NEVER;

    for (unsigned n = 0; n < h->n_timers; n++)
        if (!is_silent(h, n) && h->due[n] < first)
            first = h->due[n];
    tenon_arm_at(h->dev, 0, first);
}

/* ---- Interrupts ---- */

static bool is_legacy(const struct hpet *h, unsigned n)
{
    return h->conf & LEG_RT_CNF && n < 2;
}

static bool is_level(const struct hpet *h, unsigned n)
{
    return h->tn_conf[n] & INT_TYPE_LEVEL;
}

static bool sends_messages(const struct hpet *h, unsigned n)
{
    return h->tn_conf[n] & FSB_EN && !is_legacy(h, n);
}

static unsigned input_of(const struct hpet *h, unsigned n)
{
    if (is_legacy(h, n))
        return n ? IRQ_CLOCK : PIN_TIMER;
    return (h->tn_conf[n] & INT_ROUTE) >> ROUTE_SHIFT;
}

static bool asserts(const struct hpet *h, unsigned n)
{
    if (!runs(h) || !(h->tn_conf[n] & INT_ENB) || sends_messages(h, n))
        return false;
    return is_level(h, n) ? h->status >> n & 1 : h->asserted[n];
}

static void update_lines(struct hpet *h)
{
    uint32_t levels = h->conf & LEG_RT_CNF ? 0 : (uint32_t)h->legacy << PASSED;

    for (unsigned n = 0; n < h->n_timers; n++)
        if (asserts(h, n))
            levels |= 1u << input_of(h, n);
    for (unsigned line = 0; line < LINES; line++)
        if ((levels ^ h->driven) >> line & 1)
            tenon_irq(h->dev, line, levels >> line & 1);
    h->driven = levels;
}

/* An edge holds its line up until the next one, as an 8259A needs it. */
static void interrupt(struct hpet *h, unsigned n)
{
    tenon_trace(h->dev, hpet_update_irq, n);
    if (is_level(h, n))
        h->status |= 1ull << n;
    if (h->tn_conf[n] & INT_ENB && sends_messages(h, n)) {
        h->messages->send(h->dev, h->fsb[n] >> 32, h->fsb[n]);
    } else if (h->tn_conf[n] & INT_ENB && !is_level(h, n)) {
        h->asserted[n] = false;
        update_lines(h);
        h->asserted[n] = true;
    }
    update_lines(h);
}

/* The comparator of a periodic timer goes on by as many periods as have passed. */
static void advance(struct hpet *h, unsigned n)
{
    uint64_t now = counter(h), mask = size_mask(h, n), period = h->period[n] & mask;
    uint64_t behind = (now - h->comparator[n]) & mask;

    if (h->tn_conf[n] & TYPE_PERIODIC && period)
        h->comparator[n] = (h->comparator[n] + (behind / period + 1) * period) & mask;
    schedule(h, n, now + 1);
}

static void settle(struct hpet *h)
{
    uint64_t now = tenon_now(h->dev);

    for (unsigned n = 0; n < h->n_timers; n++)
        if (is_silent(h, n) && h->due[n] <= now)
            advance(h, n);
}

static void fire(void *self)
{
    struct hpet *h = self;
    uint64_t now = tenon_now(h->dev);

    for (unsigned n = 0; n < h->n_timers; n++)
        if (!is_silent(h, n) && h->due[n] <= now) {
            advance(h, n);
            interrupt(h, n);
        }
    arm(h);
}

/* ---- Registers ---- */

/* The half or whole of a register that is written. */
static uint64_t merge(uint64_t was, uint64_t reg, uint64_t value, unsigned size)
{
    if (size == 8)
        return value;
    if (reg & 4)
        return (was & 0xffffffff) | value << 32;
    return (was & ~0xffffffffull) | (value & 0xffffffff);
}

/* Whatever changes the ways of interrupts drops the edges that are on them. */
static void write_conf(struct hpet *h, uint64_t value)
{
    uint64_t count = counter(h);
    bool ran = runs(h);

    h->conf = value & (ENABLE_CNF | LEG_RT_CNF);
    memset(h->asserted, 0, sizeof(h->asserted));
    if (runs(h) == ran)
        return;
    h->count = count;
    h->since = tenon_now(h->dev);
    for (unsigned n = 0; n < h->n_timers; n++)
        schedule(h, n, h->count);
}

/* An input that the timer cannot be routed to is not taken. */
static uint64_t legal_route(const struct hpet *h, uint64_t was, uint64_t value)
{
    unsigned route = (value & INT_ROUTE) >> ROUTE_SHIFT;

    return h->intcap >> route & 1 ? value & INT_ROUTE : was & INT_ROUTE;
}

static void write_timer_conf(struct hpet *h, unsigned n, uint64_t value)
{
    uint64_t writable = CONF_WRITABLE | (h->msi ? FSB_EN : 0), was = h->tn_conf[n];

    h->tn_conf[n] = (value & writable) | legal_route(h, was, value);
    h->asserted[n] = false;
    if (!is_level(h, n))
        h->status &= ~(1ull << n);
    if (!((was ^ h->tn_conf[n]) & MODE_32))
        return;
    h->comparator[n] &= size_mask(h, n);
    h->period[n] &= size_mask(h, n);
    schedule(h, n, counter(h));
}

/* A periodic timer takes the value as its period, and as its next match too if VAL_SET is set. */
static void write_comparator(struct hpet *h, unsigned n, uint64_t reg, uint64_t value,
                             unsigned size)
{
    bool periodic = h->tn_conf[n] & TYPE_PERIODIC;

    if (periodic)
        h->period[n] = merge(h->period[n], reg, value, size) & size_mask(h, n);
    if (!periodic || h->tn_conf[n] & VAL_SET)
        h->comparator[n] = merge(h->comparator[n], reg, value, size) & size_mask(h, n);
    h->tn_conf[n] &= ~VAL_SET;
    schedule(h, n, counter(h));
}

static void write_timer(struct hpet *h, unsigned n, uint64_t reg, uint64_t value, unsigned size)
{
    switch (reg & 0x18) {
    case CONF: write_timer_conf(h, n, merge(h->tn_conf[n], reg, value, size)); break;
    case COMPARATOR: write_comparator(h, n, reg, value, size); break;
    case FSB_ROUTE:
        if (h->msi)
            h->fsb[n] = merge(h->fsb[n], reg, value, size);
        break;
    }
}

static void hpet_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct hpet *h = self;
    unsigned n = (reg - TIMERS) / TIMER_BYTES;

    tenon_trace(h->dev, hpet_ram_write, (unsigned)reg, size, (unsigned long long)value);
    settle(h);
    switch (reg & ~7ull) {
    case GEN_CONF: write_conf(h, merge(h->conf, reg, value, size)); break;
    case GINTR_STA: h->status &= ~merge(0, reg, value, size); break;
    case MAIN_CNT:
        if (!runs(h))
            h->count = merge(h->count, reg, value, size);
        break;
    default:
        if (reg >= TIMERS && n < h->n_timers)
            write_timer(h, n, reg, value, size);
    }
    update_lines(h);
    arm(h);
}

static uint64_t timer_conf(const struct hpet *h, unsigned n)
{
    return (uint64_t)h->intcap << ROUTE_CAP_SHIFT | (h->msi ? FSB_CAP : 0) | PER_INT_CAP |
           SIZE_CAP | h->tn_conf[n];
}

static uint64_t read_timer(const struct hpet *h, unsigned n, uint64_t reg)
{
    switch (reg & 0x18) {
    case CONF: return timer_conf(h, n);
    case COMPARATOR: return h->comparator[n];
    case FSB_ROUTE: return h->fsb[n];
    default: return 0;
    }
}

static uint64_t read_register(const struct hpet *h, uint64_t reg)
{
    unsigned n = (reg - TIMERS) / TIMER_BYTES;

    switch (reg & ~7ull) {
    case GCAP_ID: return CAP_FIXED | (h->n_timers - 1) << CAP_TIMERS_SHIFT;
    case GEN_CONF: return h->conf;
    case GINTR_STA: return h->status;
    case MAIN_CNT: return counter(h);
    }
    return reg >= TIMERS && n < h->n_timers ? read_timer(h, n, reg) : 0;
}

static uint64_t hpet_read(void *self, uint64_t reg, unsigned size)
{
    struct hpet *h = self;
    uint64_t value;

    settle(h);
    value = read_register(h, reg) >> (reg & 4 ? 32 : 0);
    tenon_trace(h->dev, hpet_ram_read, (unsigned)reg, size, (unsigned long long)value);
    return value;
}

static void hpet_legacy(void *self, unsigned n, bool level)
{
    struct hpet *h = self;

    h->legacy = (h->legacy & ~(1u << n)) | level << n;
    update_lines(h);
}

/* ---- Life ---- */

/* Input 2 of the I/O APIC is where interrupt 0 of the board arrives. */
static int hpet_create(void *self)
{
    struct hpet *h = self;
    const struct tenon_board *board = tenon_query(h->dev, "tenon.board/1");
    int err = 0;

    h->messages = tenon_query(h->dev, TENON_MSI);
    if (!board || !h->messages)
        return -ENOTSUP;
    for (unsigned line = 0; line < INPUTS && !err; line++)
        err = board->wire_gsi(h->dev, line, line == PIN_TIMER ? IRQ_TIMER : line);
    if (!err)
        err = board->wire_gsi(h->dev, PASSED, IRQ_TIMER);
    return err ? err : board->wire_gsi(h->dev, PASSED + 1, IRQ_CLOCK);
}

static void hpet_reset(void *self)
{
    struct hpet *h = self;

    h->driven = 0;
    update_lines(h);
}

static void hpet_loaded(void *self)
{
    struct hpet *h = self;

    h->driven = 0;
    update_lines(h);
    arm(h);
}

static const struct tenon_prop hpet_props[] = {
    TENON_PROP(struct hpet, "timers", TENON_U32, n_timers, .initial = 3, .min = 3,
               .max = MAX_TIMERS, .help = "how many timers it has"),
    TENON_PROP(struct hpet, "msi", TENON_BOOL, msi, .help = "whether timers can send messages"),
    TENON_PROP(struct hpet, "hpet-intcap", TENON_U32, intcap, .initial = 1u << PIN_TIMER, .min = 1,
               .max = INTCAP_MAX,
               .help = "I/O APIC inputs that timers can be routed to, a bit each"),
};

// clang-format off
static const struct tenon_reg hpet_regs[] = {
    TENON_REG(struct hpet, conf),
    TENON_REG(struct hpet, status),
    TENON_REG(struct hpet, count),
    TENON_REG(struct hpet, since),
    TENON_REG(struct hpet, legacy, .flags = TENON_REG_KEEP),
    TENON_REGS(struct hpet, tn_conf),
    TENON_REGS(struct hpet, comparator, .reset = UINT64_MAX),
    TENON_REGS(struct hpet, period),
    TENON_REGS(struct hpet, fsb),
    TENON_REGS(struct hpet, due, .reset = TENON_NEVER),
    TENON_REGS(struct hpet, asserted),
};

static const struct tenon_timer hpet_timers[] = { { .name = "match", .fire = fire } };

static const struct tenon_window hpet_windows[] = {
    { .name = "hpet", .space = TENON_MEM, .width_min = 4, .width_max = 8,
      .base = 0xfed00000, .bytes = BYTES, .read = hpet_read, .write = hpet_write },
};

static const struct tenon_pin hpet_pins[] = {
    { .name = "legacy", .count = 2, .set = hpet_legacy },
};

TENON_SYSTEM_DEVICE(hpet, "hpet", "misc", "High precision event timers",
    .props   = TENON_ARRAY(hpet_props),
    .regs    = TENON_ARRAY(hpet_regs),
    .timers  = TENON_ARRAY(hpet_timers),
    .windows = TENON_ARRAY(hpet_windows),
    .pins    = TENON_ARRAY(hpet_pins),
    .events  = TENON_ARRAY(tenon_events_hpet),
    .lines   = LINES,
    .create  = hpet_create,
    .reset   = hpet_reset,
    .loaded  = hpet_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_hpet);
