/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ioapic - the I/O APIC by its registers, its inputs and the messages it sends. */

#include "board.h"

enum { ID, VER, ARB, REDTBL = 0x10 };
#define BASE       0xfec00000
#define REMOTE_IRR 0x4000
#define PENDING    0x1000
#define LEVEL      0x8000
#define MASKED     0x10000

static uint32_t get(struct board *b, uint8_t reg)
{
    mem_write(b, BASE, reg, 4);
    return mem_read(b, BASE + 0x10, 4);
}

static void set(struct board *b, uint8_t reg, uint32_t value)
{
    mem_write(b, BASE, reg, 4);
    mem_write(b, BASE + 0x10, value, 4);
}

static uint32_t entry(struct board *b, unsigned pin)
{
    return get(b, REDTBL + 2 * pin);
}

static void set_entry(struct board *b, unsigned pin, uint8_t destination, uint32_t low)
{
    set(b, REDTBL + 2 * pin + 1, (uint32_t)destination << 24);
    set(b, REDTBL + 2 * pin, low);
}

static struct board *start(void)
{
    return board_start("-nodefaults -machine kernel-irqchip=off,pit=off");
}

static void assert_sent(struct board *b, uint64_t addr, uint32_t data)
{
    uint64_t sent_addr;
    uint32_t sent_data;

    g_assert_true(board_msi(b, &sent_addr, &sent_data));
    g_assert_cmphex(sent_addr, ==, addr);
    g_assert_cmphex(sent_data, ==, data);
}

static void assert_silent(struct board *b)
{
    uint64_t addr;
    uint32_t data;

    g_assert_false(board_msi(b, &addr, &data));
}

/* ---- Registers ---- */

static void has_24_masked_inputs(void)
{
    struct board *b = start();

    g_assert_cmphex(get(b, VER), ==, 0x00170020);
    for (unsigned pin = 0; pin < 24; pin++) {
        g_assert_cmphex(entry(b, pin), ==, MASKED);
        g_assert_cmphex(get(b, REDTBL + 2 * pin + 1), ==, 0);
    }
    g_assert_cmphex(get(b, REDTBL + 48), ==, 0);
    g_assert_cmphex(get(b, 0x0f), ==, 0);
    board_finish(b);
}

static void the_id_sets_the_arbitration_id(void)
{
    struct board *b = start();

    set(b, ID, 0xffffffff);
    g_assert_cmphex(get(b, ID), ==, 0x0f000000);
    g_assert_cmphex(get(b, ARB), ==, 0x0f000000);
    set(b, ARB, 0);
    set(b, VER, 0);
    g_assert_cmphex(get(b, ARB), ==, 0x0f000000);
    g_assert_cmphex(get(b, VER), ==, 0x00170020);
    board_finish(b);
}

static void entries_keep_their_bits(void)
{
    struct board *b = start();

    set_entry(b, 5, 0, 0xffffffff);
    set(b, REDTBL + 11, 0xffffffff);
    g_assert_cmphex(entry(b, 5), ==, 0x0001afff); /* not status, not remote IRR */
    g_assert_cmphex(get(b, REDTBL + 11), ==, 0xff000000);
    g_assert_cmphex(entry(b, 4), ==, MASKED);
    g_assert_cmphex(entry(b, 6), ==, MASKED);
    board_finish(b);
}

static void the_select_register_reads_back_by_bytes(void)
{
    struct board *b = start();

    mem_write(b, BASE, 0x12, 1);
    g_assert_cmphex(mem_read(b, BASE, 4), ==, 0x12);
    g_assert_cmphex(mem_read(b, BASE + 0x10, 4), ==, MASKED);
    g_assert_cmphex(mem_read(b, BASE + 0x12, 1), ==, 0x01);
    board_finish(b);
}

/* ---- Edges ---- */

static void an_edge_sends_one_message(void)
{
    struct board *b = start();

    set_entry(b, 9, 0x03, 0x41);
    board_drive(b, 9, true);
    assert_sent(b, 0xfee03000, 0x41);
    board_eoi(b, 0x41);
    assert_silent(b);
    board_drive(b, 9, false);
    assert_silent(b);
    board_drive(b, 9, true);
    assert_sent(b, 0xfee03000, 0x41);
    g_assert_cmphex(entry(b, 9), ==, 0x41);
    board_finish(b);
}

static void a_masked_edge_is_lost(void)
{
    struct board *b = start();

    set_entry(b, 9, 0, MASKED | 0x41);
    board_drive(b, 9, true);
    set_entry(b, 9, 0, 0x41);
    assert_silent(b);
    board_finish(b);
}

static void modes_and_destinations_are_in_the_message(void)
{
    static const struct {
        uint8_t destination;
        uint32_t low, addr, data;
    } rows[] = {
        { 0xff, 0x0030, 0xfeeff000, 0x030 },
        { 0x01, 0x0931, 0xfee01004, 0x131 },  /* logical, lowest priority */
        { 0x00, 0x0200, 0xfee00000, 0x200 },  /* SMI */
        { 0x02, 0x8400, 0xfee02000, 0x400 },  /* NMI: an edge */
        { 0x02, 0x8500, 0xfee02000, 0x500 },  /* INIT too */
        { 0x00, 0x0700, 0xfee00000, 0x700 },  /* ExtINT */
        { 0x04, 0xa032, 0xfee04000, 0xc032 }, /* level, active low */
    };
    struct board *b = start();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        set_entry(b, 20, rows[i].destination, rows[i].low);
        board_drive(b, 20, true);
        assert_sent(b, rows[i].addr, rows[i].data);
        board_drive(b, 20, false);
        assert_silent(b);
    }
    board_finish(b);
}

static void the_timer_is_at_pin_2(void)
{
    struct board *b = start();

    set_entry(b, 0, 0, 0x50);
    set_entry(b, 2, 0, 0x52);
    board_drive(b, 2, true);
    assert_silent(b);
    board_drive(b, 0, true);
    assert_sent(b, 0xfee00000, 0x52);
    assert_silent(b);
    board_finish(b);
}

/* ---- Levels ---- */

static void a_level_is_sent_again_after_its_end(void)
{
    struct board *b = start();

    set_entry(b, 11, 1, LEVEL | 0x61);
    board_drive(b, 11, true);
    assert_sent(b, 0xfee01000, 0xc061);
    g_assert_cmphex(entry(b, 11), ==, REMOTE_IRR | LEVEL | 0x61);
    board_drive(b, 11, false);
    board_drive(b, 11, true);
    assert_silent(b);
    board_eoi(b, 0x60);
    assert_silent(b);
    board_eoi(b, 0x61);
    assert_sent(b, 0xfee01000, 0xc061);
    board_drive(b, 11, false);
    board_eoi(b, 0x61);
    assert_silent(b);
    g_assert_cmphex(entry(b, 11), ==, LEVEL | 0x61);
    board_finish(b);
}

static void the_eoi_register_ends_too(void)
{
    struct board *b = start();

    set_entry(b, 11, 0, LEVEL | 0x61);
    set_entry(b, 12, 0, LEVEL | 0x61);
    board_drive(b, 11, true);
    board_drive(b, 12, true);
    assert_sent(b, 0xfee00000, 0xc061);
    assert_sent(b, 0xfee00000, 0xc061);
    board_drive(b, 11, false);
    board_drive(b, 12, false);
    mem_write(b, BASE + 0x40, 0x61, 4);
    g_assert_cmphex(entry(b, 11), ==, LEVEL | 0x61);
    g_assert_cmphex(entry(b, 12), ==, LEVEL | 0x61);
    board_finish(b);
}

static void a_masked_level_waits(void)
{
    struct board *b = start();

    set_entry(b, 11, 0, MASKED | LEVEL | 0x61);
    board_drive(b, 11, true);
    assert_silent(b);
    set(b, REDTBL + 22, LEVEL | 0x61);
    assert_sent(b, 0xfee00000, 0xc061);
    set(b, REDTBL + 22, MASKED | LEVEL | 0x61);
    g_assert_cmphex(entry(b, 11), ==, MASKED | REMOTE_IRR | LEVEL | 0x61);
    board_eoi(b, 0x61);
    assert_silent(b);
    set(b, REDTBL + 22, LEVEL | 0x61);
    assert_sent(b, 0xfee00000, 0xc061);
    board_finish(b);
}

static void turning_to_edges_forgets_the_level(void)
{
    struct board *b = start();

    set_entry(b, 11, 0, LEVEL | 0x61);
    board_drive(b, 11, true);
    assert_sent(b, 0xfee00000, 0xc061);
    set(b, REDTBL + 22, MASKED | 0x61);
    g_assert_cmphex(entry(b, 11), ==, MASKED | 0x61);
    set(b, REDTBL + 22, LEVEL | 0x61);
    assert_sent(b, 0xfee00000, 0xc061);
    board_finish(b);
}

static void what_nobody_takes_stays_pending(void)
{
    struct board *b = start();

    board_refuse_msis(b, true);
    set_entry(b, 11, 0, LEVEL | 0x61);
    set_entry(b, 12, 0, 0x62);
    set_entry(b, 13, 0, LEVEL | 0x63);
    board_drive(b, 11, true);
    board_drive(b, 12, true);
    board_drive(b, 13, true);
    g_assert_cmphex(entry(b, 11), ==, PENDING | LEVEL | 0x61);
    g_assert_cmphex(entry(b, 12), ==, PENDING | 0x62);
    board_drive(b, 13, false);
    g_assert_cmphex(entry(b, 13), ==, LEVEL | 0x63);
    board_refuse_msis(b, false);
    board_eoi(b, 0);
    assert_sent(b, 0xfee00000, 0xc061);
    assert_sent(b, 0xfee00000, 0x62);
    assert_silent(b);
    g_assert_cmphex(entry(b, 11), ==, REMOTE_IRR | LEVEL | 0x61);
    g_assert_cmphex(entry(b, 12), ==, 0x62);
    board_finish(b);
}

static void a_reset_masks_all(void)
{
    struct board *b = start();

    set(b, ID, 0x05000000);
    set_entry(b, 11, 7, LEVEL | 0x61);
    board_drive(b, 11, true);
    assert_sent(b, 0xfee07000, 0xc061);
    board_reset(b);
    g_assert_cmphex(get(b, ID), ==, 0);
    g_assert_cmphex(entry(b, 11), ==, MASKED);
    g_assert_cmphex(get(b, REDTBL + 23), ==, 0);
    set_entry(b, 11, 0, LEVEL | 0x62); /* the level is still there */
    assert_sent(b, 0xfee00000, 0xc062);
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/ioapic/" #name, name)
    TEST(has_24_masked_inputs);
    TEST(the_id_sets_the_arbitration_id);
    TEST(entries_keep_their_bits);
    TEST(the_select_register_reads_back_by_bytes);
    TEST(an_edge_sends_one_message);
    TEST(a_masked_edge_is_lost);
    TEST(modes_and_destinations_are_in_the_message);
    TEST(the_timer_is_at_pin_2);
    TEST(a_level_is_sent_again_after_its_end);
    TEST(the_eoi_register_ends_too);
    TEST(a_masked_level_waits);
    TEST(turning_to_edges_forgets_the_level);
    TEST(what_nobody_takes_stays_pending);
    TEST(a_reset_masks_all);
    return g_test_run();
}
