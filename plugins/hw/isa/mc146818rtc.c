/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mc146818rtc - a PC's clock with battery-backed memory: an MC146818A (Motorola datasheet), and the
 * PC's century in byte 32h.
 *
 * Nothing ticks: time is a clock of the host plus an offset, and what happened since the last look
 * is found when the guest looks.  Timers run only for interrupts that are enabled.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <tenon/cmos.h>
#include <tenon/isa.h>
#include <tenon/system.h>
#include <tenon/trace.h>

// clang-format off
enum {                          /* bytes behind ports 70h (WO index; bit 7 masks NMI), 71h (RW) */
    SECONDS = 0x00, SECONDS_ALARM = 0x01,
    MINUTES = 0x02, MINUTES_ALARM = 0x03,
    HOURS   = 0x04, HOURS_ALARM   = 0x05,
    WEEKDAY = 0x06, DAY = 0x07, MONTH = 0x08, YEAR = 0x09,
    REG_A   = 0x0a,             /* RW but UIP: divider and periodic rate */
    REG_B   = 0x0b,             /* RW */
    REG_C   = 0x0c,             /* RO flags; a read clears them */
    REG_D   = 0x0d,             /* RO */
    MEMORY  = 0x0e,
    CENTURY = 0x32,
    BYTES   = 128,

    A_UIP = 0x80, A_DIVIDER_RESET = 0x60, A_RATE = 0x0f, A_INITIAL = 0x26,
    B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08, B_BINARY = 0x04,
    B_24H = 0x02,
    C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10, C_FLAGS = C_PF | C_AF | C_UF,
    D_VRT = 0x80,               /* the battery is good */
    HOUR_PM = 0x80,
    ALARM_ANY = 0xc0,           /* an alarm byte from here on matches all */
};

enum { CLOCK_HOST, CLOCK_RT, CLOCK_VM };
enum { LOST_DISCARD, LOST_SLEW };
/* The update timer of each clock, and the periodic one. */
enum { UPDATE = 0, PERIODIC = 3 };
// clang-format on

#define NS       1000000000ull
#define UIP_NS   2228000ull /* UIP leads the change by 244 us and the cycle of 1984 us */
#define MINUTE   60
#define HOUR     3600
#define DAY_SECS 86400
#define OWED_MAX 65536 /* periodic interrupts that are made up for */

struct rtc {
    struct tenon_dev *dev;
    const struct tenon_power *power;
    const struct tenon_rtc *host;
    int64_t ahead; /* of the host's date, in seconds, as base= wants it */
    const char *base;
    uint32_t clock, lost_ticks, base_year, iobase, irq;
    uint8_t index;
    uint8_t bytes[BYTES]; /* those of the time count only while it stands still */
    int64_t shift;        /* seconds from the clock's to the guest's */
    uint64_t phase;       /* nanoseconds, below a second, likewise */
    int64_t second_seen;  /* updates up to this one are in register C */
    uint64_t tick_seen;   /* and periodic ticks */
    uint64_t owed;        /* ticks the guest has not had an interrupt for */
};

/* ---- Time ---- */

static uint64_t rtc_clock(const struct rtc *r)
{
    static const uint32_t clocks[] = {
        [CLOCK_HOST] = TENON_CLOCK_HOST,
        [CLOCK_RT] = TENON_CLOCK_REAL,
        [CLOCK_VM] = TENON_CLOCK_GUEST,
    };

    return tenon_clock(r->dev, clocks[r->clock]) + r->phase;
}

/* Seconds since 1970 of the guest's calendar. */
static int64_t rtc_second(const struct rtc *r)
{
    return (int64_t)(rtc_clock(r) / NS) + r->shift;
}

static bool rtc_divides(const struct rtc *r)
{
    return (r->bytes[REG_A] & A_DIVIDER_RESET) != A_DIVIDER_RESET;
}

static bool rtc_runs(const struct rtc *r)
{
    return rtc_divides(r) && !(r->bytes[REG_B] & B_SET);
}

static uint8_t rtc_encode(const struct rtc *r, unsigned value)
{
    return r->bytes[REG_B] & B_BINARY ? value : value / 10 << 4 | value % 10;
}

static unsigned rtc_decode(const struct rtc *r, uint8_t byte)
{
    return r->bytes[REG_B] & B_BINARY ? byte : (byte >> 4) * 10 + (byte & 0x0f);
}

static uint8_t rtc_encode_hour(const struct rtc *r, unsigned hour)
{
    if (r->bytes[REG_B] & B_24H)
        return rtc_encode(r, hour);
    return rtc_encode(r, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? HOUR_PM : 0);
}

static unsigned rtc_decode_hour(const struct rtc *r, uint8_t byte)
{
    if (r->bytes[REG_B] & B_24H)
        return rtc_decode(r, byte);
    return rtc_decode(r, byte & ~HOUR_PM) % 12 + (byte & HOUR_PM ? 12 : 0);
}

/* Sets the bytes from the time that runs. */
static void rtc_store(struct rtc *r)
{
    time_t second = rtc_second(r);
    struct tm tm;
    int year;

    gmtime_r(&second, &tm);
    year = tm.tm_year + 1900 - (int)r->base_year;
    if (year < 0)
        year = 0;
    r->bytes[SECONDS] = rtc_encode(r, tm.tm_sec);
    r->bytes[MINUTES] = rtc_encode(r, tm.tm_min);
    r->bytes[HOURS] = rtc_encode_hour(r, tm.tm_hour);
    r->bytes[WEEKDAY] = rtc_encode(r, tm.tm_wday + 1);
    r->bytes[DAY] = rtc_encode(r, tm.tm_mday);
    r->bytes[MONTH] = rtc_encode(r, tm.tm_mon + 1);
    r->bytes[YEAR] = rtc_encode(r, year % 100);
    r->bytes[CENTURY] = rtc_encode(r, year / 100);
}

/* Lets the time run on from the bytes; nonsense in them comes out as some other time. */
static void rtc_load(struct rtc *r)
{
    struct tm tm = {
        .tm_sec = rtc_decode(r, r->bytes[SECONDS]),
        .tm_min = rtc_decode(r, r->bytes[MINUTES]),
        .tm_hour = rtc_decode_hour(r, r->bytes[HOURS]),
        .tm_mday = rtc_decode(r, r->bytes[DAY]),
        .tm_mon = (int)rtc_decode(r, r->bytes[MONTH]) - 1,
        .tm_year = (int)(rtc_decode(r, r->bytes[CENTURY]) * 100 + rtc_decode(r, r->bytes[YEAR]) +
                         r->base_year) -
                   1900,
    };

    r->shift += timegm(&tm) - rtc_second(r);
    r->second_seen = rtc_second(r);
    if (r->host)
        r->host->changed(r->dev, r->second_seen - r->ahead -
                                     (int64_t)(tenon_clock(r->dev, TENON_CLOCK_HOST) / NS));
}

/* ---- Interrupts ---- */

static unsigned rtc_second_of_day(int64_t second)
{
    return (second % DAY_SECS + DAY_SECS) % DAY_SECS;
}

static bool rtc_alarm_is(const struct rtc *r, unsigned reg, uint8_t value)
{
    return r->bytes[reg] >= ALARM_ANY || r->bytes[reg] == value;
}

/* The first second after that one at which the alarm comes; INT64_MAX if it never does. */
static int64_t rtc_next_alarm(const struct rtc *r, int64_t after)
{
    int64_t t = after + 1;

    while (t <= after + DAY_SECS) {
        unsigned s = rtc_second_of_day(t);

        if (!rtc_alarm_is(r, HOURS_ALARM, rtc_encode_hour(r, s / HOUR)))
            t += HOUR - s % HOUR;
        else if (!rtc_alarm_is(r, MINUTES_ALARM, rtc_encode(r, s / MINUTE % 60)))
            t += MINUTE - s % MINUTE;
        else if (!rtc_alarm_is(r, SECONDS_ALARM, rtc_encode(r, s % MINUTE)))
            t++;
        else
            return t;
    }
    return INT64_MAX;
}

/* Cycles of 32768 Hz between two periodic interrupts; 0: there are none. */
static uint64_t rtc_period(const struct rtc *r)
{
    unsigned rate = r->bytes[REG_A] & A_RATE;

    if (!rate || !rtc_divides(r))
        return 0;
    return 1u << (rate <= 2 ? rate + 6 : rate - 1);
}

/* Periodic ticks since the machine was made. */
static uint64_t rtc_tick(const struct rtc *r)
{
    uint64_t now = tenon_now(r->dev), period = rtc_period(r);

    return period ? (now / NS * 32768 + now % NS * 32768 / NS) / period : 0;
}

/* When a tick comes, rounded up so that it has come by then. */
static uint64_t rtc_tick_time(const struct rtc *r, uint64_t tick)
{
    uint64_t cycles = tick * rtc_period(r);

    return cycles / 32768 * NS + (cycles % 32768 * NS + 32767) / 32768;
}

static void rtc_see_ticks(struct rtc *r)
{
    uint64_t tick = rtc_tick(r), missed = tick - r->tick_seen;

    r->tick_seen = tick;
    if (!missed)
        return;
    if (!(r->bytes[REG_C] & C_PF))
        missed--; /* this one is reported */
    r->bytes[REG_C] |= C_PF;
    if (r->lost_ticks == LOST_SLEW && r->bytes[REG_B] & B_PIE) {
        r->owed += missed;
        if (r->owed > OWED_MAX)
            r->owed = OWED_MAX;
    }
}

static void rtc_see_updates(struct rtc *r)
{
    int64_t second = rtc_second(r);

    if (!rtc_runs(r) || second == r->second_seen)
        return;
    r->bytes[REG_C] |= C_UF;
    if (rtc_next_alarm(r, r->second_seen) <= second)
        r->bytes[REG_C] |= C_AF;
    r->second_seen = second;
}

/* The enables in register B lie where the flags do in C. */
static void rtc_update_irq(struct rtc *r)
{
    uint8_t c = r->bytes[REG_C] & C_FLAGS;
    bool irq = c & r->bytes[REG_B];

    r->bytes[REG_C] = c | (irq ? C_IRQF : 0);
    tenon_irq(r->dev, 0, irq);
    if (c & r->bytes[REG_B] & C_AF && r->power)
        r->power->wake(r->dev);
}

static void rtc_arm_update(struct rtc *r)
{
    int64_t next = INT64_MAX;
    uint64_t when = TENON_NEVER;

    if (rtc_runs(r) && r->bytes[REG_B] & B_UIE)
        next = r->second_seen + 1;
    else if (rtc_runs(r) && r->bytes[REG_B] & B_AIE)
        next = rtc_next_alarm(r, r->second_seen);
    if (next != INT64_MAX)
        when = (uint64_t)(next - r->shift) * NS - r->phase;
    tenon_arm_at(r->dev, UPDATE + r->clock, when);
}

static void rtc_arm_periodic(struct rtc *r)
{
    bool wanted = r->bytes[REG_B] & B_PIE && rtc_period(r);

    tenon_arm_at(r->dev, PERIODIC, wanted ? rtc_tick_time(r, r->tick_seen + 1) : TENON_NEVER);
}

/* Puts what has happened since the last look into register C. */
static void rtc_see(struct rtc *r)
{
    rtc_see_ticks(r);
    rtc_see_updates(r);
    rtc_update_irq(r);
}

static void rtc_timer(void *self)
{
    struct rtc *r = self;

    rtc_see(r);
    rtc_arm_update(r);
    rtc_arm_periodic(r);
}

/* ---- Registers ---- */

static uint8_t rtc_read_a(const struct rtc *r)
{
    bool uip = rtc_runs(r) && rtc_clock(r) % NS >= NS - UIP_NS;

    return r->bytes[REG_A] | (uip ? A_UIP : 0);
}

/* With slew, a tick that came while an earlier one waited follows at once. */
static uint8_t rtc_read_c(struct rtc *r)
{
    uint8_t c;

    rtc_see(r);
    c = r->bytes[REG_C];
    r->bytes[REG_C] = 0;
    rtc_update_irq(r);
    if (r->owed && c & C_PF) {
        r->owed--;
        r->bytes[REG_C] = C_PF;
        rtc_update_irq(r);
    }
    return c;
}

static bool rtc_is_time(unsigned i)
{
    return i == CENTURY ||
           (i <= YEAR && i != SECONDS_ALARM && i != MINUTES_ALARM && i != HOURS_ALARM);
}

/* Ticks that are owed keep the time they stand for. */
static void rtc_set_rate(struct rtc *r, uint64_t old_period)
{
    uint64_t period = rtc_period(r);

    r->owed = period && r->bytes[REG_B] & B_PIE ? r->owed * old_period / period : 0;
    if (r->owed > OWED_MAX)
        r->owed = OWED_MAX;
    r->tick_seen = rtc_tick(r);
}

/* Registers A and B: what stops the time leaves it in its bytes, what starts it takes it from them.
 * A divider that is let go comes to its first update after half a second. */
static void rtc_control(struct rtc *r, unsigned reg, uint8_t value)
{
    bool ran = rtc_runs(r), divided = rtc_divides(r);
    uint64_t old_period = rtc_period(r);

    if (ran)
        rtc_store(r);
    r->bytes[reg] = value;
    if (rtc_divides(r) && !divided)
        r->phase = (NS + NS / 2 - (rtc_clock(r) - r->phase) % NS) % NS;
    if (rtc_runs(r) && !ran)
        rtc_load(r);
    rtc_set_rate(r, old_period);
}

static void rtc_write_byte(struct rtc *r, unsigned i, uint8_t value)
{
    rtc_see(r);
    if (i == REG_A) {
        rtc_control(r, i, value & ~A_UIP);
    } else if (i == REG_B) {
        rtc_control(r, i, value & B_SET ? value & ~B_UIE : value);
    } else if (rtc_is_time(i) && rtc_runs(r)) {
        rtc_store(r);
        r->bytes[i] = value;
        rtc_load(r);
    } else if (i != REG_C && i != REG_D) {
        r->bytes[i] = value;
    }
    rtc_update_irq(r);
    rtc_arm_update(r);
    rtc_arm_periodic(r);
}

static uint8_t rtc_read_byte(struct rtc *r, unsigned i)
{
    switch (i) {
    case REG_A: return rtc_read_a(r);
    case REG_C: return rtc_read_c(r);
    case REG_D: return D_VRT;
    }
    if (rtc_is_time(i) && rtc_runs(r))
        rtc_store(r);
    return r->bytes[i];
}

// clang-format off
#define RTC_EVENTS(E) \
    E(cmos_ioport_read,  "index 0x%02x value 0x%02x") \
    E(cmos_ioport_write, "index 0x%02x value 0x%02x")
TENON_EVENTS(rtc, RTC_EVENTS);
// clang-format on

static uint64_t rtc_read(void *self, uint64_t port, unsigned size)
{
    struct rtc *r = self;
    uint8_t value;

    if (!port)
        return 0xff;
    value = rtc_read_byte(r, r->index % BYTES);
    tenon_trace(r->dev, cmos_ioport_read, r->index % BYTES, value);
    return value;
}

static void rtc_write(void *self, uint64_t port, uint64_t value, unsigned size)
{
    struct rtc *r = self;

    if (!port) {
        r->index = value;
        return;
    }
    tenon_trace(r->dev, cmos_ioport_write, r->index % BYTES, (unsigned)value);
    rtc_write_byte(r, r->index % BYTES, value);
}

/* ---- The machine's side ---- */

static void rtc_cmos_set(void *self, unsigned i, uint8_t value)
{
    struct rtc *r = self;

    if (i >= MEMORY && i < BYTES && i != CENTURY)
        r->bytes[i] = value;
}

static uint8_t rtc_cmos_get(void *self, unsigned i)
{
    struct rtc *r = self;

    return i >= MEMORY && i < BYTES ? r->bytes[i] : 0;
}

static void rtc_forget_ticks(void *self)
{
    ((struct rtc *)self)->owed = 0;
}

static const struct tenon_cmos rtc_cmos = {
    .size = sizeof(rtc_cmos),
    .set = rtc_cmos_set,
    .get = rtc_cmos_get,
    .forget_ticks = rtc_forget_ticks,
};

/* ---- Life ---- */

/* "2006-06-17T16:01:21" or "2006-06-17"; false if it is no such day or time. */
static bool rtc_parse_date(const char *s, time_t *second)
{
    struct tm tm = { 0 }, back;
    int end = 0;

    if (sscanf(s, "%4d-%2d-%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &end) != 3)
        return false;
    if (s[end]) {
        s += end;
        end = 0;
        if (sscanf(s, "T%2d:%2d:%2d%n", &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &end) != 3 || s[end])
            return false;
    }
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    back = tm;
    *second = timegm(&back);
    return back.tm_year == tm.tm_year && back.tm_mon == tm.tm_mon && back.tm_mday == tm.tm_mday &&
           back.tm_hour == tm.tm_hour && back.tm_min == tm.tm_min && back.tm_sec == tm.tm_sec;
}

/* Finds what base= says the time is now; the host's time has its nanoseconds, a date none. */
static int rtc_start(struct rtc *r)
{
    uint64_t host = tenon_clock(r->dev, TENON_CLOCK_HOST), ns = host % NS, clock;
    time_t second = host / NS;

    if (r->base && !strcmp(r->base, "localtime")) {
        struct tm tm;

        localtime_r(&second, &tm);
        second = timegm(&tm);
    } else if (r->base && strcmp(r->base, "utc")) {
        if (!rtc_parse_date(r->base, &second))
            return tenon_error(r->dev, -EINVAL,
                               "base=%s is not utc, localtime or a date (2006-06-17T16:01:21 or "
                               "2006-06-17)",
                               r->base);
        ns = 0;
    }
    clock = rtc_clock(r);
    r->phase = (NS + ns - clock % NS) % NS;
    r->shift = second - (int64_t)((clock + r->phase) / NS);
    r->ahead = second - (int64_t)(host / NS);
    return 0;
}

static int rtc_create(void *self)
{
    struct rtc *r = self;
    int err = rtc_start(r);

    if (err)
        return err;
    r->bytes[REG_A] = A_INITIAL;
    r->bytes[REG_B] = B_24H;
    r->power = tenon_query(r->dev, "tenon.power/1");
    r->host = tenon_query(r->dev, "tenon.rtc/1");
    err = tenon_isa_connect(r->dev, 0, r->irq);
    return err ? err : tenon_map(r->dev, 0, r->iobase, 0);
}

static void rtc_reset(void *self)
{
    struct rtc *r = self;

    r->bytes[REG_B] &= ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    r->bytes[REG_C] = 0;
    r->owed = 0;
    r->second_seen = rtc_second(r);
    r->tick_seen = rtc_tick(r);
    rtc_update_irq(r);
}

static void rtc_loaded(void *self)
{
    struct rtc *r = self;

    r->phase %= NS;
    if (r->owed > OWED_MAX)
        r->owed = OWED_MAX;
    rtc_update_irq(r);
}

static const char *const rtc_clock_names[] = { "host", "rt", "vm", NULL };
static const char *const rtc_lost_names[] = { "discard", "slew", NULL };

// clang-format off
static const struct tenon_prop rtc_props[] = {
    TENON_PROP(struct rtc, "base", TENON_STR, base,
               .help = "time at the start: utc, localtime, or a date such as 2006-06-17T16:01:21"),
    TENON_PROP(struct rtc, "clock", TENON_ENUM, clock, .names = rtc_clock_names,
               .help = "what drives it: the host's date, a clock that never jumps, or guest time"),
    TENON_PROP(struct rtc, "lost_tick_policy", TENON_ENUM, lost_ticks, .names = rtc_lost_names,
               .help = "what becomes of periodic interrupts that the guest takes too late"),
    TENON_PROP(struct rtc, "base_year", TENON_U32, base_year, .max = 9999,
               .help = "the year that is 0 in the registers"),
    TENON_PROP(struct rtc, "iobase", TENON_U32, iobase, .initial = 0x70, .max = 0xfffe,
               .help = "first of two ports"),
    TENON_PROP(struct rtc, "irq", TENON_U32, irq, .initial = 8, .max = 15,
               .help = "ISA interrupt"),
};

static const struct tenon_reg rtc_regs[] = {
    TENON_REG(struct rtc, index, .flags = TENON_REG_KEEP),
    TENON_REGS(struct rtc, bytes, .flags = TENON_REG_KEEP),
    TENON_REG(struct rtc, shift, .flags = TENON_REG_KEEP),
    TENON_REG(struct rtc, phase, .flags = TENON_REG_KEEP),
    TENON_REG(struct rtc, second_seen, .flags = TENON_REG_KEEP),
    TENON_REG(struct rtc, tick_seen, .flags = TENON_REG_KEEP),
    TENON_REG(struct rtc, owed, .flags = TENON_REG_KEEP),
};

static const struct tenon_timer rtc_timers[] = {
    [UPDATE + CLOCK_HOST] = { .name = "update-host", .fire = rtc_timer, .clock = TENON_CLOCK_HOST },
    [UPDATE + CLOCK_RT]   = { .name = "update-rt", .fire = rtc_timer, .clock = TENON_CLOCK_REAL },
    [UPDATE + CLOCK_VM]   = { .name = "update-vm", .fire = rtc_timer, .clock = TENON_CLOCK_GUEST },
    [PERIODIC]            = { .name = "periodic", .fire = rtc_timer, .clock = TENON_CLOCK_GUEST },
};

static const struct tenon_window rtc_windows[] = {
    { .name = "rtc", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = 2,
      .read = rtc_read, .write = rtc_write },
};

static const struct tenon_iface rtc_ifaces[] = {
    { TENON_CMOS, &rtc_cmos },
};

TENON_ISA_DEVICE(rtc, "mc146818rtc", "misc", "Clock and battery-backed memory",
    .props   = TENON_ARRAY(rtc_props),
    .regs    = TENON_ARRAY(rtc_regs),
    .timers  = TENON_ARRAY(rtc_timers),
    .windows = TENON_ARRAY(rtc_windows),
    .ifaces  = TENON_ARRAY(rtc_ifaces),
    .events  = TENON_ARRAY(tenon_events_rtc),
    .lines   = 1,
    .create  = rtc_create,
    .reset   = rtc_reset,
    .loaded  = rtc_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_rtc);
