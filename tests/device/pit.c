/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pit - the 8254 by its ports, to the nanosecond, and port 61h. */

#include "board.h"

enum { COUNTER = 0x40, CONTROL = 0x43, PORT_61 = 0x61 };
enum { LOW = 0x10, HIGH = 0x20, BOTH = 0x30, BCD = 1, OUT = 0x80, NULL_COUNT = 0x40 };

static struct board *start(void)
{
    return board_start("-nodefaults -machine kernel-irqchip=off");
}

/* The nanosecond at which tick n of 1193182 Hz has come. */
static uint64_t tick(uint64_t n)
{
    return (n * 1000000000 + 1193181) / 1193182;
}

struct clock {
    struct board *b;
    uint64_t now;
};

static void go_to(struct clock *c, uint64_t ns)
{
    g_assert_cmpuint(ns, >=, c->now);
    board_step(c->b, ns - c->now);
    c->now = ns;
}

/* IRQ 0 is so until just before tick n, and the opposite from it on. */
static void assert_changes(struct clock *c, uint64_t n, bool to)
{
    go_to(c, tick(n) - 1);
    g_assert_cmpint(board_irq(c->b, 0), ==, !to);
    go_to(c, tick(n));
    g_assert_cmpint(board_irq(c->b, 0), ==, to);
}

static void program(struct board *b, unsigned channel, unsigned mode, uint16_t count)
{
    outb(b, CONTROL, channel << 6 | BOTH | mode << 1);
    outb(b, COUNTER + channel, count);
    outb(b, COUNTER + channel, count >> 8);
}

static uint16_t latch(struct board *b, unsigned channel)
{
    uint8_t low;

    outb(b, CONTROL, channel << 6);
    low = inb(b, COUNTER + channel);
    return low | inb(b, COUNTER + channel) << 8;
}

static uint8_t status(struct board *b, unsigned channel)
{
    outb(b, CONTROL, 0xe0 | 2 << channel);
    return inb(b, COUNTER + channel);
}

/* ---- Modes, on IRQ 0 ---- */

static void starts_with_the_longest_square_wave(void)
{
    struct clock c = { start(), 0 };

    g_assert_cmphex(status(c.b, 0), ==, OUT | BOTH | 3 << 1);
    assert_changes(&c, 32768, false);
    assert_changes(&c, 65536, true);
    assert_changes(&c, 3 * 32768, false);
    board_finish(c.b);
}

static void mode_0_rises_at_its_end(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 0, 100);
    g_assert_false(board_irq(c.b, 0));
    assert_changes(&c, 101, true);
    g_assert_cmphex(latch(c.b, 0), ==, 0);
    go_to(&c, tick(103));
    g_assert_cmphex(latch(c.b, 0), ==, 0xfffe); /* it counts on */
    g_assert_true(board_irq(c.b, 0));
    outb(c.b, COUNTER, 50); /* half a count lowers it and stops */
    g_assert_false(board_irq(c.b, 0));
    go_to(&c, tick(1000));
    g_assert_cmphex(latch(c.b, 0), ==, 0xfffe);
    outb(c.b, COUNTER, 0);
    assert_changes(&c, 1051, true);
    board_finish(c.b);
}

static void mode_2_is_low_for_the_last_tick(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 2, 100);
    assert_changes(&c, 100, false);
    assert_changes(&c, 101, true);
    assert_changes(&c, 200, false);
    assert_changes(&c, 201, true);
    g_assert_cmphex(latch(c.b, 0), ==, 100);
    go_to(&c, tick(250));
    g_assert_cmphex(latch(c.b, 0), ==, 51);
    outb(c.b, COUNTER, 30); /* from the next cycle on */
    outb(c.b, COUNTER, 0);
    g_assert_cmphex(status(c.b, 0), ==, OUT | NULL_COUNT | BOTH | 2 << 1);
    assert_changes(&c, 300, false);
    assert_changes(&c, 301, true);
    g_assert_cmphex(status(c.b, 0), ==, OUT | BOTH | 2 << 1);
    assert_changes(&c, 330, false);
    assert_changes(&c, 331, true);
    board_finish(c.b);
}

static void mode_3_halves_even_counts(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 3, 100);
    g_assert_true(board_irq(c.b, 0));
    go_to(&c, tick(11));
    g_assert_cmphex(latch(c.b, 0), ==, 80);
    assert_changes(&c, 51, false);
    go_to(&c, tick(61));
    g_assert_cmphex(latch(c.b, 0), ==, 80);
    assert_changes(&c, 101, true);
    assert_changes(&c, 151, false);
    board_finish(c.b);
}

static void mode_3_is_high_longer_for_odd_counts(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 3, 5);
    go_to(&c, tick(3));
    g_assert_cmphex(latch(c.b, 0), ==, 0);
    assert_changes(&c, 4, false);
    g_assert_cmphex(latch(c.b, 0), ==, 4);
    assert_changes(&c, 6, true);
    assert_changes(&c, 9, false);
    assert_changes(&c, 11, true);
    board_finish(c.b);
}

static void mode_3_takes_a_count_at_the_half_cycle(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 3, 100);
    go_to(&c, tick(10));
    outb(c.b, COUNTER, 20);
    outb(c.b, COUNTER, 0);
    assert_changes(&c, 51, false);
    assert_changes(&c, 61, true);
    assert_changes(&c, 71, false);
    board_finish(c.b);
}

static void mode_4_strobes_once(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 4, 100);
    assert_changes(&c, 101, false);
    assert_changes(&c, 102, true);
    g_assert_cmphex(latch(c.b, 0), ==, 0xffff);
    go_to(&c, tick(70000));
    g_assert_true(board_irq(c.b, 0));
    program(c.b, 0, 4, 10);
    assert_changes(&c, 70011, false);
    assert_changes(&c, 70012, true);
    board_finish(c.b);
}

static void modes_1_and_5_wait_for_a_trigger(void)
{
    struct clock c = { start(), 0 };

    for (unsigned mode = 1; mode <= 5; mode += 4) {
        program(c.b, 0, mode, 100);
        g_assert_cmphex(status(c.b, 0), ==, OUT | NULL_COUNT | BOTH | mode << 1);
        go_to(&c, c.now + 1000000000);
        g_assert_true(board_irq(c.b, 0));
    }
    board_finish(c.b);
}

static void a_count_of_1_changes_nothing(void)
{
    struct clock c = { start(), 0 };

    for (unsigned mode = 2; mode <= 3; mode++) {
        program(c.b, 0, mode, 1);
        go_to(&c, c.now + 1000000);
        g_assert_true(board_irq(c.b, 0));
        g_assert_cmphex(latch(c.b, 0), ==, mode == 2);
    }
    board_finish(c.b);
}

/* ---- Modes, by gate 2 ---- */

static bool out_2(struct board *b)
{
    return inb(b, PORT_61) & 0x20;
}

static void gate_2_triggers_mode_1(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 2, 1, 100);
    g_assert_true(out_2(c.b));
    go_to(&c, tick(10));
    outb(c.b, PORT_61, 1);
    g_assert_true(out_2(c.b));
    go_to(&c, tick(11));
    g_assert_false(out_2(c.b));
    go_to(&c, tick(50));
    outb(c.b, PORT_61, 0); /* the level is of no interest */
    outb(c.b, PORT_61, 1); /* again */
    go_to(&c, tick(151) - 1);
    g_assert_false(out_2(c.b));
    go_to(&c, tick(151));
    g_assert_true(out_2(c.b));
    g_assert_cmphex(latch(c.b, 2), ==, 0);
    board_finish(c.b);
}

static void gate_2_triggers_mode_5(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 2, 5, 100);
    go_to(&c, tick(10));
    outb(c.b, PORT_61, 1);
    go_to(&c, tick(111) - 1);
    g_assert_true(out_2(c.b));
    go_to(&c, tick(111));
    g_assert_false(out_2(c.b));
    go_to(&c, tick(112));
    g_assert_true(out_2(c.b));
    board_finish(c.b);
}

static void gate_2_stops_modes_0_and_4(void)
{
    for (unsigned mode = 0; mode <= 4; mode += 4) {
        struct clock c = { start(), 0 };

        outb(c.b, PORT_61, 1);
        program(c.b, 2, mode, 100);
        go_to(&c, tick(41));
        outb(c.b, PORT_61, 0);
        go_to(&c, tick(1000));
        g_assert_cmphex(latch(c.b, 2), ==, 60);
        g_assert_cmpint(out_2(c.b), ==, mode == 4);
        outb(c.b, PORT_61, 1);
        go_to(&c, tick(1060) - 1);
        g_assert_cmpint(out_2(c.b), ==, mode == 4);
        go_to(&c, tick(1060));
        g_assert_cmpint(out_2(c.b), ==, mode == 0);
        board_finish(c.b);
    }
}

static void gate_2_restarts_modes_2_and_3(void)
{
    for (unsigned mode = 2; mode <= 3; mode++) {
        struct clock c = { start(), 0 };

        outb(c.b, PORT_61, 1);
        program(c.b, 2, mode, 100);
        go_to(&c, tick(100));
        g_assert_false(out_2(c.b));
        outb(c.b, PORT_61, 0);
        g_assert_true(out_2(c.b)); /* at once */
        go_to(&c, tick(1000));
        g_assert_cmphex(latch(c.b, 2), ==, mode == 2 ? 1 : 2);
        outb(c.b, PORT_61, 1);
        go_to(&c, tick(1001));
        g_assert_cmphex(latch(c.b, 2), ==, 100);
        go_to(&c, tick(mode == 2 ? 1100 : 1051));
        g_assert_false(out_2(c.b));
        board_finish(c.b);
    }
}

static void port_61_keeps_four_bits(void)
{
    struct clock c = { start(), 0 };

    outb(c.b, PORT_61, 0xff);
    g_assert_cmphex(inb(c.b, PORT_61) & 0xcf, ==, 0x0f);
    outb(c.b, PORT_61, 0);
    g_assert_cmphex(inb(c.b, PORT_61) & 0xcf, ==, 0);
    board_finish(c.b);
}

static void the_refresh_bit_toggles(void)
{
    struct clock c = { start(), 0 };

    for (unsigned n = 0; n < 5; n++) {
        go_to(&c, tick(18 * n));
        g_assert_cmphex(inb(c.b, PORT_61) & 0x10, ==, n & 1 ? 0x10 : 0);
        go_to(&c, tick(18 * n + 18) - 1);
        g_assert_cmphex(inb(c.b, PORT_61) & 0x10, ==, n & 1 ? 0x10 : 0);
    }
    board_finish(c.b);
}

/* ---- Reading and writing ---- */

static void counts_in_bcd(void)
{
    struct clock c = { start(), 0 };

    outb(c.b, CONTROL, BOTH | BCD);
    outb(c.b, COUNTER, 0x00);
    outb(c.b, COUNTER, 0x10);
    go_to(&c, tick(2));
    g_assert_cmphex(latch(c.b, 0), ==, 0x0999);
    assert_changes(&c, 1001, true);
    go_to(&c, tick(1002));
    g_assert_cmphex(latch(c.b, 0), ==, 0x9999);
    outb(c.b, CONTROL, BOTH | 2 << 1 | BCD);
    outb(c.b, COUNTER, 0);
    outb(c.b, COUNTER, 0); /* 10000 */
    assert_changes(&c, 1003 + 9999, false);
    assert_changes(&c, 1003 + 10000, true);
    board_finish(c.b);
}

static void half_counts_leave_the_other_half_zero(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 2, 0x1234);
    outb(c.b, CONTROL, LOW | 2 << 1);
    outb(c.b, COUNTER, 200);
    assert_changes(&c, 200, false);
    assert_changes(&c, 201, true);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 200);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 200);
    outb(c.b, CONTROL, HIGH | 2 << 1);
    outb(c.b, COUNTER, 1);
    go_to(&c, tick(202));
    g_assert_cmphex(inb(c.b, COUNTER), ==, 1);
    assert_changes(&c, 201 + 256, false);
    board_finish(c.b);
}

static void the_first_latch_counts(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 2, 1000);
    go_to(&c, tick(11));
    outb(c.b, CONTROL, 0x00);
    go_to(&c, tick(101));
    outb(c.b, CONTROL, 0x00);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 990 & 0xff);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 990 >> 8);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 900 & 0xff); /* the counter itself */
    g_assert_cmphex(inb(c.b, COUNTER), ==, 900 >> 8);
    outb(c.b, CONTROL, 0x00);
    program(c.b, 0, 2, 500); /* drops what is latched */
    go_to(&c, tick(102));
    g_assert_cmphex(inb(c.b, COUNTER), ==, 500 & 0xff);
    g_assert_cmphex(inb(c.b, CONTROL), ==, 0xff);
    board_finish(c.b);
}

static void read_back_gives_status_then_count(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 2, 1000);
    program(c.b, 2, 6, 2000); /* 2, as it was written */
    g_assert_cmphex(status(c.b, 0), ==, OUT | NULL_COUNT | BOTH | 2 << 1);
    go_to(&c, tick(11));
    outb(c.b, CONTROL, 0xc0 | 2 | 8); /* both, of 0 and 2 */
    go_to(&c, tick(101));
    g_assert_cmphex(inb(c.b, COUNTER), ==, OUT | BOTH | 2 << 1);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 990 & 0xff);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 990 >> 8);
    g_assert_cmphex(inb(c.b, COUNTER + 2), ==, OUT | BOTH | 6 << 1);
    g_assert_cmphex(inb(c.b, COUNTER + 2), ==, 2000 & 0xff); /* its gate is low */
    g_assert_cmphex(inb(c.b, COUNTER + 2), ==, 2000 >> 8);
    g_assert_cmphex(inb(c.b, COUNTER), ==, 900 & 0xff);
    board_finish(c.b);
}

/* ---- Late and lost ticks ---- */

enum { PERIOD = 11932 }; /* 10 ms */

static unsigned ticks_after_a_stall(const char *policy)
{
    char *options = g_strdup_printf("-nodefaults -device isa-pit,lost_tick_policy=%s", policy);
    struct board *b = board_start(options);
    unsigned before;

    g_free(options);
    program(b, 0, 2, PERIOD);
    board_step(b, tick(1 + PERIOD / 2));
    before = board_edges(b, 0);
    board_stall(b, tick(5 * PERIOD));
    board_step(b, 0);
    g_assert_cmpuint(board_edges(b, 0), ==, before + 1);
    board_step(b, tick(20 * PERIOD));
    before = board_edges(b, 0) - before;
    board_finish(b);
    return before;
}

static void late_ticks_are_made_up_for_or_discarded(void)
{
    g_assert_cmpuint(ticks_after_a_stall("delay"), ==, 25);
    g_assert_cmpuint(ticks_after_a_stall("discard"), ==, 21);
}

static void a_late_strobe_is_not_lost(void)
{
    struct board *b = board_start("-nodefaults -device isa-pit");
    unsigned before;

    program(b, 0, 4, 1000);
    before = board_edges(b, 0);
    board_stall(b, 5000000);
    board_step(b, 0);
    g_assert_cmpuint(board_edges(b, 0), ==, before + 1);
    board_step(b, 5000000);
    g_assert_cmpuint(board_edges(b, 0), ==, before + 1);
    board_finish(b);
}

/* ---- The board ---- */

static void places_are_properties(void)
{
    struct board *b = board_start("-nodefaults -device isa-pit,iobase=0x140,irq=5");

    g_assert_true(board_irq(b, 5));
    outb(b, 0x143, BOTH);
    g_assert_false(board_irq(b, 5));
    outb(b, 0x140, 2);
    outb(b, 0x140, 0);
    board_step(b, tick(3));
    g_assert_true(board_irq(b, 5));
    board_finish(b);
}

static void a_board_may_have_none(void)
{
    struct board *b = board_start("-nodefaults -machine kernel-irqchip=off,pit=off");
    char *errors;

    g_assert_cmphex(inb(b, COUNTER), ==, 0xff);
    g_assert_cmphex(inb(b, PORT_61), ==, 0xff);
    board_finish(b);
    g_assert_null(board_try("-nodefaults -device isa-pcspk", &errors));
    g_assert_nonnull(g_strstr_len(errors, -1, "needs an isa-pit"));
    g_free(errors);
}

static void a_reset_starts_square_waves(void)
{
    struct clock c = { start(), 0 };

    program(c.b, 0, 0, 100);
    outb(c.b, PORT_61, 3);
    go_to(&c, tick(5000));
    board_reset(c.b);
    g_assert_cmphex(status(c.b, 0), ==, OUT | BOTH | 3 << 1);
    g_assert_cmphex(inb(c.b, PORT_61) & 3, ==, 0);
    assert_changes(&c, 5000 + 32768, false);
    assert_changes(&c, 5000 + 65536, true);
    board_finish(c.b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/pit/" #name, name)
    TEST(starts_with_the_longest_square_wave);
    TEST(mode_0_rises_at_its_end);
    TEST(mode_2_is_low_for_the_last_tick);
    TEST(mode_3_halves_even_counts);
    TEST(mode_3_is_high_longer_for_odd_counts);
    TEST(mode_3_takes_a_count_at_the_half_cycle);
    TEST(mode_4_strobes_once);
    TEST(modes_1_and_5_wait_for_a_trigger);
    TEST(a_count_of_1_changes_nothing);
    TEST(gate_2_triggers_mode_1);
    TEST(gate_2_triggers_mode_5);
    TEST(gate_2_stops_modes_0_and_4);
    TEST(gate_2_restarts_modes_2_and_3);
    TEST(port_61_keeps_four_bits);
    TEST(the_refresh_bit_toggles);
    TEST(counts_in_bcd);
    TEST(half_counts_leave_the_other_half_zero);
    TEST(the_first_latch_counts);
    TEST(read_back_gives_status_then_count);
    TEST(late_ticks_are_made_up_for_or_discarded);
    TEST(a_late_strobe_is_not_lost);
    TEST(places_are_properties);
    TEST(a_board_may_have_none);
    TEST(a_reset_starts_square_waves);
    return g_test_run();
}
