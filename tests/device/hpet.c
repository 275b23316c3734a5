/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hpet - the event timers by their registers, on guest time that moves when the test says so. */

#include "board.h"

#define BASE 0xfed00000ull
enum { CAP = 0, GEN_CONF = 0x10, STATUS = 0x20, COUNTER = 0xf0 };
enum { ENABLE = 1, LEGACY = 2 };
enum { LEVEL = 0x2, ENB = 0x4, PERIODIC = 0x8, SET = 0x40, MODE_32 = 0x100, FSB = 0x4000 };
enum { NS = 10 };

static uint64_t get(struct board *b, unsigned reg)
{
    return mem_read(b, BASE + reg, 8);
}

static void set(struct board *b, unsigned reg, uint64_t value)
{
    mem_write(b, BASE + reg, value, 8);
}

static unsigned conf(unsigned n)
{
    return 0x100 + 0x20 * n;
}

static unsigned comparator(unsigned n)
{
    return 0x108 + 0x20 * n;
}

static uint64_t route(unsigned input)
{
    return input << 9;
}

/* The PIT is out of the way, and input 23 can be used. */
static struct board *start_with(const char *more)
{
    char *options = g_strconcat("-nodefaults -machine kernel-irqchip=off,pit=off "
                                "-global hpet.hpet-intcap=0x800004 ",
                                more, NULL);
    struct board *b = board_start(options);

    g_free(options);
    return b;
}

static struct board *start(void)
{
    return start_with("");
}

/* Nothing before that time, and the line high from it on. */
static void assert_rises_after(struct board *b, unsigned gsi, uint64_t ns)
{
    board_step(b, ns - 1);
    g_assert_false(board_irq(b, gsi));
    board_step(b, 1);
    g_assert_true(board_irq(b, gsi));
}

/* ---- Registers ---- */

static void says_what_it_can(void)
{
    struct board *b = start();

    g_assert_cmphex(get(b, CAP), ==, 0x009896808086a201);
    for (unsigned n = 0; n < 3; n++) {
        g_assert_cmphex(get(b, conf(n)), ==, 0x0080000400000030);
        g_assert_cmphex(get(b, comparator(n)), ==, UINT64_MAX);
    }
    g_assert_cmphex(get(b, conf(3)), ==, 0);
    g_assert_cmphex(mem_read(b, BASE + 4, 4), ==, 0x00989680);
    board_finish(b);
    b = start_with("-global hpet.timers=5 -global hpet.msi=on");
    g_assert_cmphex(get(b, CAP) & 0x1f00, ==, 0x400);
    g_assert_cmphex(get(b, conf(4)), ==, 0x0080000400008030);
    board_finish(b);
}

static void configuration_keeps_its_bits(void)
{
    struct board *b = start();

    set(b, GEN_CONF, UINT64_MAX);
    g_assert_cmphex(get(b, GEN_CONF), ==, 3);
    set(b, GEN_CONF, 0);
    set(b, conf(0), UINT64_MAX); /* no input 31, no messages */
    g_assert_cmphex(get(b, conf(0)), ==, 0x008000040000017e);
    set(b, conf(0), route(23));
    g_assert_cmphex(get(b, conf(0)), ==, 0x0080000400000030 | route(23));
    set(b, conf(0), route(22));
    g_assert_cmphex(get(b, conf(0)), ==, 0x0080000400000030 | route(23));
    board_finish(b);
}

static void the_counter_counts_while_it_is_enabled(void)
{
    struct board *b = start();

    board_step(b, 1000);
    g_assert_cmpuint(get(b, COUNTER), ==, 0);
    set(b, COUNTER, 0xfffffff0);
    set(b, GEN_CONF, ENABLE);
    board_step(b, 159);
    g_assert_cmphex(get(b, COUNTER), ==, 0xffffffff);
    board_step(b, 1);
    g_assert_cmphex(get(b, COUNTER), ==, 0x100000000);
    g_assert_cmphex(mem_read(b, BASE + COUNTER + 4, 4), ==, 1);
    set(b, COUNTER, 0); /* not while it runs */
    board_step(b, 10);
    set(b, GEN_CONF, 0);
    board_step(b, 1000);
    g_assert_cmphex(get(b, COUNTER), ==, 0x100000001);
    mem_write(b, BASE + COUNTER + 4, 7, 4);
    g_assert_cmphex(get(b, COUNTER), ==, 0x700000001);
    board_finish(b);
}

/* ---- One shot ---- */

static void a_one_shot_matches_once(void)
{
    struct board *b = start();

    set(b, conf(0), ENB | route(23));
    set(b, comparator(0), 1000);
    board_step(b, 100000);
    g_assert_false(board_irq(b, 23)); /* it does not run yet */
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 23, 1000 * NS);
    g_assert_cmpuint(get(b, comparator(0)), ==, 1000);
    g_assert_cmphex(get(b, STATUS), ==, 0);
    set(b, conf(0), ENB | route(23));
    g_assert_false(board_irq(b, 23));
    board_step(b, 1000000000);
    g_assert_false(board_irq(b, 23));
    set(b, comparator(0), get(b, COUNTER) + 50);
    assert_rises_after(b, 23, 50 * NS);
    board_finish(b);
}

static void a_32_bit_one_shot_comes_round(void)
{
    struct board *b = start();

    set(b, conf(1), LEVEL | ENB | MODE_32 | route(23));
    set(b, comparator(1), 0x500000010);
    g_assert_cmphex(get(b, comparator(1)), ==, 0x10);
    set(b, COUNTER, 0x1fffffff0);
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 23, 0x20 * NS);
    set(b, STATUS, 2);
    assert_rises_after(b, 23, 0x100000000 * NS);
    board_finish(b);
}

static void without_enable_only_the_status_shows(void)
{
    struct board *b = start();

    set(b, conf(2), LEVEL | route(23));
    set(b, comparator(2), 100);
    set(b, GEN_CONF, ENABLE);
    board_step(b, 1000 * NS);
    g_assert_cmphex(get(b, STATUS), ==, 4);
    g_assert_false(board_irq(b, 23));
    set(b, conf(2), LEVEL | ENB | route(23));
    g_assert_true(board_irq(b, 23));
    set(b, conf(2), ENB | route(23)); /* an edge has no status */
    g_assert_cmphex(get(b, STATUS), ==, 0);
    g_assert_false(board_irq(b, 23));
    board_finish(b);
}

static void a_level_lasts_until_its_status_is_cleared(void)
{
    struct board *b = start();

    set(b, conf(0), LEVEL | ENB | route(23));
    set(b, comparator(0), 10);
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 23, 10 * NS);
    g_assert_cmphex(get(b, STATUS), ==, 1);
    set(b, STATUS, 6);
    g_assert_true(board_irq(b, 23));
    set(b, GEN_CONF, 0);
    g_assert_false(board_irq(b, 23));
    set(b, GEN_CONF, ENABLE);
    g_assert_true(board_irq(b, 23));
    mem_write(b, BASE + STATUS, 1, 4);
    g_assert_false(board_irq(b, 23));
    g_assert_cmphex(get(b, STATUS), ==, 0);
    board_finish(b);
}

/* ---- Periods ---- */

static void a_periodic_timer_goes_on(void)
{
    struct board *b = start();

    set(b, conf(0), LEVEL | ENB | PERIODIC | SET | route(23));
    set(b, comparator(0), 500);
    g_assert_cmphex(get(b, conf(0)) & SET, ==, 0);
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 23, 500 * NS);
    for (unsigned n = 2; n < 6; n++) {
        g_assert_cmpuint(get(b, comparator(0)), ==, 500 * n);
        set(b, STATUS, 1);
        assert_rises_after(b, 23, 500 * NS);
    }
    board_finish(b);
}

static void the_first_match_and_the_period_can_differ(void)
{
    struct board *b = start();

    set(b, conf(0), LEVEL | ENB | PERIODIC | SET | route(23));
    set(b, comparator(0), 2000);
    set(b, comparator(0), 300);
    g_assert_cmpuint(get(b, comparator(0)), ==, 2000);
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 23, 2000 * NS);
    set(b, STATUS, 1);
    assert_rises_after(b, 23, 300 * NS);
    board_finish(b);
}

static void late_periods_are_one_interrupt(void)
{
    struct board *b = start();

    set(b, conf(0), LEVEL | ENB | PERIODIC | SET | route(23));
    set(b, comparator(0), 100);
    set(b, GEN_CONF, ENABLE);
    board_stall(b, 1050 * NS);
    board_step(b, 0);
    g_assert_true(board_irq(b, 23));
    g_assert_cmpuint(get(b, comparator(0)), ==, 1100);
    set(b, STATUS, 1);
    assert_rises_after(b, 23, 50 * NS);
    board_finish(b);
}

static void a_period_of_0_ends_it(void)
{
    struct board *b = start();

    set(b, conf(0), LEVEL | ENB | PERIODIC | SET | route(23));
    set(b, comparator(0), 100);
    set(b, comparator(0), 0);
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 23, 100 * NS);
    set(b, STATUS, 1);
    board_step(b, 1000000000);
    g_assert_false(board_irq(b, 23));
    board_finish(b);
}

/* ---- Ways ---- */

static void edges_come_again(void)
{
    struct board *b = start();
    uint64_t addr;
    uint32_t data;

    mem_write(b, 0xfec00000, 0x10 + 2 * 23, 4);
    mem_write(b, 0xfec00010, 0x55, 4);
    set(b, conf(0), ENB | PERIODIC | SET | route(23));
    set(b, comparator(0), 100);
    set(b, GEN_CONF, ENABLE);
    board_step(b, 1000 * NS);
    for (unsigned n = 0; n < 10; n++)
        g_assert_true(board_msi(b, &addr, &data));
    g_assert_false(board_msi(b, &addr, &data));
    g_assert_cmphex(data, ==, 0x55);
    board_finish(b);
}

static void legacy_routes_take_the_timer_and_the_clock(void)
{
    struct board *b = board_start("-nodefaults -machine kernel-irqchip=off -rtc clock=vm");

    outb(b, 0x43, 0x30); /* the 8254: mode 0, 11932 ticks */
    outb(b, 0x40, 0x9c);
    outb(b, 0x40, 0x2e);
    outb(b, 0x70, 0x0b); /* the clock: an interrupt a second */
    outb(b, 0x71, 0x12);
    board_step(b, 1100000000);
    g_assert_true(board_irq(b, 0));
    g_assert_true(board_irq(b, 8));
    set(b, conf(0), ENB | LEVEL);
    set(b, conf(1), ENB | LEVEL);
    set(b, comparator(0), 100);
    set(b, comparator(1), 200);
    set(b, GEN_CONF, ENABLE | LEGACY);
    g_assert_false(board_irq(b, 0));
    g_assert_false(board_irq(b, 8));
    assert_rises_after(b, 0, 100 * NS);
    assert_rises_after(b, 8, 100 * NS);
    set(b, STATUS, 3);
    g_assert_false(board_irq(b, 0));
    g_assert_false(board_irq(b, 8));
    set(b, GEN_CONF, ENABLE); /* theirs again */
    g_assert_true(board_irq(b, 0));
    g_assert_true(board_irq(b, 8));
    board_finish(b);
}

static void input_2_is_where_the_timer_arrives(void)
{
    struct board *b = start();

    set(b, conf(2), ENB | LEVEL | route(2));
    set(b, comparator(2), 100);
    set(b, GEN_CONF, ENABLE);
    assert_rises_after(b, 0, 100 * NS);
    g_assert_false(board_irq(b, 2));
    board_finish(b);
}

static void messages_are_sent_where_there_are(void)
{
    struct board *b = start_with("-global hpet.msi=on");
    uint64_t addr;
    uint32_t data;

    set(b, conf(0), ENB | FSB | route(23));
    set(b, 0x110, 0xfee0100000000071);
    g_assert_cmphex(get(b, 0x110), ==, 0xfee0100000000071);
    set(b, comparator(0), 100);
    set(b, GEN_CONF, ENABLE);
    board_step(b, 100 * NS - 1);
    g_assert_false(board_msi(b, &addr, &data));
    board_step(b, 1);
    g_assert_true(board_msi(b, &addr, &data));
    g_assert_cmphex(addr, ==, 0xfee01000);
    g_assert_cmphex(data, ==, 0x71);
    g_assert_false(board_irq(b, 23));
    board_finish(b);
    b = start();
    set(b, 0x110, 1);
    g_assert_cmphex(get(b, 0x110), ==, 0);
    board_finish(b);
}

/* ---- The board ---- */

static void a_board_may_have_none(void)
{
    struct board *b = board_start("-nodefaults -machine kernel-irqchip=off,hpet=off");

    g_assert_cmphex(get(b, CAP), ==, 0);
    board_finish(b);
    b = board_start("-nodefaults");
    g_assert_cmphex(get(b, CAP), ==, 0);
    board_finish(b);
}

static void the_accelerators_timers_exclude_it(void)
{
    char *errors;

    g_assert_null(board_try("-nodefaults -machine hpet=on", &errors));
    g_assert_nonnull(g_strstr_len(errors, -1, "hpet=on: not beside the accelerator's timers"));
    g_free(errors);
}

static void a_reset_stops_all(void)
{
    struct board *b = start();

    set(b, conf(0), LEVEL | ENB | PERIODIC | SET | route(23));
    set(b, comparator(0), 100);
    set(b, GEN_CONF, ENABLE);
    board_step(b, 100 * NS);
    g_assert_true(board_irq(b, 23));
    board_reset(b);
    g_assert_false(board_irq(b, 23));
    g_assert_cmphex(get(b, GEN_CONF), ==, 0);
    g_assert_cmphex(get(b, STATUS), ==, 0);
    g_assert_cmphex(get(b, COUNTER), ==, 0);
    g_assert_cmphex(get(b, conf(0)), ==, 0x0080000400000030);
    g_assert_cmphex(get(b, comparator(0)), ==, UINT64_MAX);
    board_step(b, 1000000);
    g_assert_false(board_irq(b, 23));
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/hpet/" #name, name)
    TEST(says_what_it_can);
    TEST(configuration_keeps_its_bits);
    TEST(the_counter_counts_while_it_is_enabled);
    TEST(a_one_shot_matches_once);
    TEST(a_32_bit_one_shot_comes_round);
    TEST(without_enable_only_the_status_shows);
    TEST(a_level_lasts_until_its_status_is_cleared);
    TEST(a_periodic_timer_goes_on);
    TEST(the_first_match_and_the_period_can_differ);
    TEST(late_periods_are_one_interrupt);
    TEST(a_period_of_0_ends_it);
    TEST(edges_come_again);
    TEST(legacy_routes_take_the_timer_and_the_clock);
    TEST(input_2_is_where_the_timer_arrives);
    TEST(messages_are_sent_where_there_are);
    TEST(a_board_may_have_none);
    TEST(the_accelerators_timers_exclude_it);
    TEST(a_reset_stops_all);
    return g_test_run();
}
