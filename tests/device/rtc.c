/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtc - the MC146818A by its registers, on guest time that moves when the test says so. */

#include "board.h"

#include <string.h>

enum { INDEX = 0x70, DATA = 0x71, IRQ = 8 };
enum {
    SEC = 0,
    SEC_ALARM,
    MIN,
    MIN_ALARM,
    HOUR,
    HOUR_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    A,
    B,
    C,
    D,
    CENTURY = 0x32,
    UIP = 0x80,
    SET = 0x80,
    PIE = 0x40,
    AIE = 0x20,
    UIE = 0x10,
    BINARY = 0x04,
    H24 = 0x02,
    IRQF = 0x80,
    PF = 0x40,
    AF = 0x20,
    UF = 0x10,
};
#define S  1000000000ull
#define MS 1000000ull
#define US 1000ull

static uint8_t get(struct board *b, uint8_t reg)
{
    outb(b, INDEX, reg);
    return inb(b, DATA);
}

static void set(struct board *b, uint8_t reg, uint8_t value)
{
    outb(b, INDEX, reg);
    outb(b, DATA, value);
}

static struct board *start_at(const char *date)
{
    char *options = g_strdup_printf("-nodefaults -rtc base=%s,clock=vm", date);
    struct board *b = board_start(options);

    g_free(options);
    return b;
}

/* As the bytes are: BCD, 24 hours, unless register B says otherwise. */
static void date_is(struct board *b, unsigned century, unsigned year, unsigned month, unsigned day)
{
    g_assert_cmphex(get(b, CENTURY), ==, century);
    g_assert_cmphex(get(b, YEAR), ==, year);
    g_assert_cmphex(get(b, MONTH), ==, month);
    g_assert_cmphex(get(b, DAY), ==, day);
}

static void time_is(struct board *b, unsigned hour, unsigned minute, unsigned second)
{
    g_assert_cmphex(get(b, HOUR), ==, hour);
    g_assert_cmphex(get(b, MIN), ==, minute);
    g_assert_cmphex(get(b, SEC), ==, second);
}

/* ---- Time ---- */

static void starts_at_the_date_it_is_given(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    date_is(b, 0x20, 0x06, 0x06, 0x17);
    time_is(b, 0x16, 0x01, 0x21);
    g_assert_cmphex(get(b, WEEKDAY), ==, 7); /* a Saturday */
    g_assert_cmphex(get(b, A), ==, 0x26);
    g_assert_cmphex(get(b, B), ==, 0x02);
    g_assert_cmphex(get(b, D), ==, 0x80);
    g_assert_cmphex(inb(b, INDEX), ==, 0xff);
    board_finish(b);
}

static void a_day_begins_at_midnight(void)
{
    struct board *b = start_at("2006-06-17");

    date_is(b, 0x20, 0x06, 0x06, 0x17);
    time_is(b, 0, 0, 0);
    board_finish(b);
}

static void time_goes_on_by_the_calendar(void)
{
    static const struct {
        const char *from;
        uint8_t century, year, month, day, weekday;
    } rows[] = {
        { "1999-12-31T23:59:59", 0x20, 0x00, 0x01, 0x01, 7 },
        { "2000-02-28T23:59:59", 0x20, 0x00, 0x02, 0x29, 3 },
        { "2100-02-28T23:59:59", 0x21, 0x00, 0x03, 0x01, 2 },
        { "2038-01-19T23:59:59", 0x20, 0x38, 0x01, 0x20, 4 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct board *b = start_at(rows[i].from);

        board_step(b, S - 1);
        time_is(b, 0x23, 0x59, 0x59);
        board_step(b, 1);
        time_is(b, 0, 0, 0);
        date_is(b, rows[i].century, rows[i].year, rows[i].month, rows[i].day);
        g_assert_cmphex(get(b, WEEKDAY), ==, rows[i].weekday);
        board_finish(b);
    }
}

static void hours_count_to_twelve_and_in_binary(void)
{
    static const struct {
        const char *time;
        uint8_t bcd12, binary12, binary24;
    } rows[] = {
        { "2006-06-17T00:30:00", 0x12, 12, 0 },
        { "2006-06-17T11:30:00", 0x11, 11, 11 },
        { "2006-06-17T12:30:00", 0x92, 0x8c, 12 },
        { "2006-06-17T23:30:00", 0x91, 0x8b, 23 },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct board *b = start_at(rows[i].time);

        set(b, B, 0);
        g_assert_cmphex(get(b, HOUR), ==, rows[i].bcd12);
        set(b, B, BINARY);
        g_assert_cmphex(get(b, HOUR), ==, rows[i].binary12);
        set(b, B, BINARY | H24);
        g_assert_cmphex(get(b, HOUR), ==, rows[i].binary24);
        g_assert_cmphex(get(b, MIN), ==, 30);
        g_assert_cmphex(get(b, YEAR), ==, 6);
        board_finish(b);
    }
}

static void set_stops_the_time_while_it_is_written(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    board_step(b, 300 * MS);
    set(b, B, SET | H24);
    board_step(b, 10 * S);
    time_is(b, 0x16, 0x01, 0x21);
    set(b, HOUR, 0x23);
    set(b, MIN, 0x59);
    set(b, SEC, 0x58);
    set(b, DAY, 0x31);
    set(b, MONTH, 0x12);
    set(b, YEAR, 0x99);
    set(b, CENTURY, 0x19);
    board_step(b, 10 * S);
    time_is(b, 0x23, 0x59, 0x58);
    set(b, B, H24);
    board_step(b, 699 * MS); /* the divider has gone on */
    time_is(b, 0x23, 0x59, 0x58);
    board_step(b, 1 * MS);
    time_is(b, 0x23, 0x59, 0x59);
    board_step(b, 1 * S);
    time_is(b, 0, 0, 0);
    date_is(b, 0x20, 0x00, 0x01, 0x01);
    board_finish(b);
}

static void a_byte_written_while_time_runs_counts(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    set(b, HOUR, 0x09);
    set(b, CENTURY, 0x19);
    board_step(b, 1 * S);
    time_is(b, 0x09, 0x01, 0x22);
    date_is(b, 0x19, 0x06, 0x06, 0x17);
    board_finish(b);
}

static void a_divider_let_go_updates_after_half_a_second(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    board_step(b, 123 * MS);
    set(b, A, 0x76);
    board_step(b, 10 * S);
    time_is(b, 0x16, 0x01, 0x21);
    set(b, A, 0x26);
    board_step(b, 500 * MS - 1);
    time_is(b, 0x16, 0x01, 0x21);
    board_step(b, 1);
    time_is(b, 0x16, 0x01, 0x22);
    board_step(b, 1 * S);
    time_is(b, 0x16, 0x01, 0x23);
    board_finish(b);
}

static void nonsense_is_some_time(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    set(b, B, SET | H24);
    for (unsigned i = 0; i < 10; i++)
        set(b, i, 0xff);
    set(b, CENTURY, 0xff);
    set(b, B, H24);
    board_step(b, 3 * S);
    for (unsigned i = 0; i < 10; i++)
        get(b, i);
    set(b, B, UIE | AIE | PIE);
    board_step(b, 3 * S);
    g_assert_true(board_irq(b, IRQ));
    board_finish(b);
}

static void uip_comes_before_the_update(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    board_step(b, S - 2229 * US);
    g_assert_cmphex(get(b, A), ==, 0x26);
    board_step(b, 1 * US);
    g_assert_cmphex(get(b, A), ==, UIP | 0x26);
    board_step(b, 2228 * US - 1);
    g_assert_cmphex(get(b, A), ==, UIP | 0x26);
    g_assert_cmphex(get(b, SEC), ==, 0x21);
    board_step(b, 1);
    g_assert_cmphex(get(b, A), ==, 0x26);
    g_assert_cmphex(get(b, SEC), ==, 0x22);
    set(b, A, 0xa6); /* UIP is not written */
    g_assert_cmphex(get(b, A), ==, 0x26);
    set(b, B, SET | H24);
    board_step(b, S - 1000);
    g_assert_cmphex(get(b, A), ==, 0x26); /* no update is coming */
    board_finish(b);
}

/* ---- Interrupts ---- */

static void updates_interrupt_each_second(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    get(b, C);
    set(b, B, UIE | H24);
    board_step(b, S - 1);
    g_assert_false(board_irq(b, IRQ));
    board_step(b, 1);
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(get(b, C) & (IRQF | UF | AF), ==, IRQF | UF);
    g_assert_false(board_irq(b, IRQ));
    g_assert_cmphex(get(b, C), ==, 0);
    for (unsigned i = 0; i < 5; i++) {
        board_step(b, S);
        g_assert_true(board_irq(b, IRQ));
        get(b, C);
    }
    set(b, B, UIE | SET | H24); /* SET ends the enable */
    g_assert_cmphex(get(b, B), ==, SET | H24);
    board_finish(b);
}

static void flags_are_there_without_interrupts(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    get(b, C);
    board_step(b, 1 * S);
    g_assert_false(board_irq(b, IRQ));
    g_assert_cmphex(get(b, C), ==, PF | UF);
    g_assert_cmphex(get(b, C), ==, 0);
    board_step(b, 1 * S);
    set(b, B, UIE | H24); /* a flag that waits interrupts now */
    g_assert_true(board_irq(b, IRQ));
    board_finish(b);
}

static void the_alarm_comes_at_its_time(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    set(b, HOUR_ALARM, 0x16);
    set(b, MIN_ALARM, 0x02);
    set(b, SEC_ALARM, 0x10);
    set(b, B, AIE | H24);
    get(b, C);
    board_step(b, 48 * S);
    g_assert_false(board_irq(b, IRQ));
    board_step(b, 1 * S);
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(get(b, C) & (IRQF | AF), ==, IRQF | AF);
    board_step(b, 86399 * S);
    g_assert_false(board_irq(b, IRQ));
    board_step(b, 1 * S); /* and the next day */
    g_assert_true(board_irq(b, IRQ));
    board_finish(b);
}

static void alarm_bytes_from_c0_match_all(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    set(b, HOUR_ALARM, 0xc0);
    set(b, MIN_ALARM, 0xff);
    set(b, SEC_ALARM, 0x30);
    get(b, C);
    set(b, B, AIE | H24);
    for (unsigned i = 0; i < 3; i++) {
        board_step(b, (i ? 59 : 8) * S);
        g_assert_false(board_irq(b, IRQ));
        board_step(b, 1 * S);
        g_assert_true(board_irq(b, IRQ));
        get(b, C);
    }
    set(b, SEC_ALARM, 0xc0);
    board_step(b, 1 * S);
    g_assert_true(board_irq(b, IRQ));
    board_finish(b);
}

static void the_alarm_knows_the_afternoon(void)
{
    struct board *b = start_at("2006-06-17T01:00:00");

    set(b, B, AIE);
    set(b, HOUR_ALARM, 0x81);
    set(b, MIN_ALARM, 0x00);
    set(b, SEC_ALARM, 0x00);
    get(b, C);
    board_step(b, 12 * 3600 * S - 1);
    g_assert_false(board_irq(b, IRQ));
    board_step(b, 1);
    g_assert_true(board_irq(b, IRQ));
    board_finish(b);
}

static void an_impossible_alarm_never_comes(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    set(b, SEC_ALARM, 0x77);
    set(b, B, AIE | H24);
    get(b, C);
    board_step(b, 2 * 86400 * S);
    g_assert_false(board_irq(b, IRQ));
    g_assert_cmphex(get(b, C) & AF, ==, 0);
    board_finish(b);
}

/* The bytes hold the alarm 00:00:00 from the start. */
static void the_alarm_flag_is_seen_late(void)
{
    struct board *b = start_at("2006-06-17T23:59:00");

    get(b, C);
    board_step(b, 59 * S);
    g_assert_cmphex(get(b, C) & AF, ==, 0);
    board_step(b, 3600 * S);
    g_assert_cmphex(get(b, C) & AF, ==, AF);
    board_finish(b);
}

static void periodic_interrupts_come_at_their_rate(void)
{
    static const struct {
        uint8_t rate;
        unsigned hz;
    } rows[] = { { 1, 256 }, { 2, 128 }, { 3, 8192 }, { 6, 1024 }, { 10, 64 }, { 15, 2 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct board *b = start_at("2006-06-17T16:01:21");
        unsigned edges;

        set(b, A, 0x20 | rows[i].rate);
        set(b, B, PIE | H24);
        get(b, C);
        edges = board_edges(b, IRQ);
        for (unsigned n = 0; n < rows[i].hz; n++) {
            board_step(b, S / rows[i].hz + (n + 1 == rows[i].hz ? S % rows[i].hz : 0));
            get(b, C);
        }
        g_assert_cmpuint(board_edges(b, IRQ) - edges, >=, rows[i].hz - 1);
        g_assert_cmpuint(board_edges(b, IRQ) - edges, <=, rows[i].hz);
        set(b, A, 0x20);
        edges = board_edges(b, IRQ);
        board_step(b, 1 * S);
        g_assert_cmpuint(board_edges(b, IRQ), ==, edges);
        board_finish(b);
    }
}

static unsigned interrupts_after_a_pause(const char *options)
{
    struct board *b = board_start(options);
    unsigned n = 0;

    set(b, A, 0x26);
    get(b, C);
    set(b, B, PIE | H24);
    board_step(b, 100 * MS); /* the guest does not look */
    while (board_irq(b, IRQ)) {
        g_assert_cmphex(get(b, C) & (IRQF | PF), ==, IRQF | PF);
        n++;
    }
    board_finish(b);
    return n;
}

static void lost_ticks_are_dropped_or_made_up_for(void)
{
    g_assert_cmpuint(interrupts_after_a_pause("-nodefaults -rtc clock=vm"), ==, 1);
    g_assert_cmpuint(interrupts_after_a_pause("-nodefaults -rtc clock=vm,driftfix=none"), ==, 1);
    g_assert_cmpuint(interrupts_after_a_pause("-nodefaults -rtc clock=vm,driftfix=slew"), ==, 102);
}

static void owed_ticks_keep_their_time_at_another_rate(void)
{
    struct board *b = board_start("-nodefaults -rtc clock=vm,driftfix=slew");
    unsigned n = 0;

    set(b, A, 0x26);
    get(b, C);
    set(b, B, PIE | H24);
    board_step(b, 125 * MS + 10 * US); /* 128 of 1024 Hz: 127 are owed */
    set(b, A, 0x2a);                   /* 64 Hz: 7 of them */
    while (board_irq(b, IRQ)) {
        get(b, C);
        n++;
    }
    g_assert_cmpuint(n, ==, 8);
    set(b, B, H24);
    board_finish(b);
}

/* ---- Memory, reset, options ---- */

static void memory_holds_bytes_through_a_reset(void)
{
    struct board *b = start_at("2006-06-17T16:01:21");

    for (unsigned i = 0x40; i < 0x80; i++)
        set(b, i, i ^ 0x5a);
    set(b, 0x80 | 0x0f, 0xfe); /* bit 7 masks NMI */
    set(b, C, 0xff);
    set(b, D, 0x00);
    board_step(b, 2 * S);
    set(b, B, PIE | AIE | UIE | 0x08 | H24);
    board_reset(b);
    for (unsigned i = 0x40; i < 0x80; i++)
        g_assert_cmphex(get(b, i), ==, i ^ 0x5a);
    g_assert_cmphex(get(b, 0x0f), ==, 0xfe);
    g_assert_cmphex(get(b, B), ==, H24);
    g_assert_cmphex(get(b, C), ==, 0);
    g_assert_cmphex(get(b, D), ==, 0x80);
    g_assert_false(board_irq(b, IRQ));
    time_is(b, 0x16, 0x01, 0x23);
    board_finish(b);
}

static void clocks_of_the_host_work(void)
{
    static const char *const options[] = {
        "-nodefaults",
        "-nodefaults -rtc base=utc,clock=host",
        "-nodefaults -rtc base=localtime,clock=host",
        "-nodefaults -rtc base=utc,clock=rt",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        struct board *b = board_start(options[i]);

        g_assert_cmphex(get(b, CENTURY), ==, 0x20);
        g_assert_cmphex(get(b, YEAR), >=, 0x23);
        g_assert_cmphex(get(b, MONTH), <=, 0x12);
        board_finish(b);
    }
}

static void a_base_that_is_no_date_is_refused(void)
{
    static const char *const bases[] = {
        "noon",        "2006-02-30", "2006-13-01", "2006-06-17T25:00:00", "2006-06-17T16:01",
        "2006-06-17x",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(bases); i++) {
        char *options = g_strdup_printf("-nodefaults -rtc base=%s", bases[i]), *errors;

        g_assert_null(board_try(options, &errors));
        g_assert_nonnull(strstr(errors, bases[i]));
        g_free(errors);
        g_free(options);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/rtc/" #name, name)
    TEST(starts_at_the_date_it_is_given);
    TEST(a_day_begins_at_midnight);
    TEST(time_goes_on_by_the_calendar);
    TEST(hours_count_to_twelve_and_in_binary);
    TEST(set_stops_the_time_while_it_is_written);
    TEST(a_byte_written_while_time_runs_counts);
    TEST(a_divider_let_go_updates_after_half_a_second);
    TEST(nonsense_is_some_time);
    TEST(uip_comes_before_the_update);
    TEST(updates_interrupt_each_second);
    TEST(flags_are_there_without_interrupts);
    TEST(the_alarm_comes_at_its_time);
    TEST(alarm_bytes_from_c0_match_all);
    TEST(the_alarm_knows_the_afternoon);
    TEST(an_impossible_alarm_never_comes);
    TEST(the_alarm_flag_is_seen_late);
    TEST(periodic_interrupts_come_at_their_rate);
    TEST(lost_ticks_are_dropped_or_made_up_for);
    TEST(owed_ticks_keep_their_time_at_another_rate);
    TEST(memory_holds_bytes_through_a_reset);
    TEST(clocks_of_the_host_work);
    TEST(a_base_that_is_no_date_is_refused);
    return g_test_run();
}
