/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci - BARs, interrupt pins and doorbells of a function on the root bus. */

#include "board.h"

#define BARS "-nodefaults -device bars,addr=4 "
enum { COMMAND = 4, BAR0 = 0x10, BAR1 = 0x14, BAR2 = 0x18, BAR3 = 0x1c };

static struct board *start(const char *more)
{
    char *options = g_strconcat(BARS, more, NULL);
    struct board *b = board_start(options);

    g_free(options);
    return b;
}

static void place(struct board *b)
{
    pci_write(b, 4, 0, BAR0, 0xc000, 4);
    pci_write(b, 4, 0, BAR1, 0xe0000000, 4);
    pci_write(b, 4, 0, BAR2, 0, 4);
    pci_write(b, 4, 0, BAR3, 0x10, 4);
    pci_write(b, 4, 0, COMMAND, 7, 2);
}

static void bars_tell_their_sizes(void)
{
    struct board *b = start("");

    g_assert_cmphex(pci_read(b, 4, 0, BAR0, 4), ==, 1);
    g_assert_cmphex(pci_read(b, 4, 0, BAR2, 4), ==, 0xc); /* 64 bits, prefetchable */
    for (unsigned reg = BAR0; reg <= BAR3; reg += 4)
        pci_write(b, 4, 0, reg, 0xffffffff, 4);
    g_assert_cmphex(pci_read(b, 4, 0, BAR0, 4), ==, 0xffffffe1);
    g_assert_cmphex(pci_read(b, 4, 0, BAR1, 4), ==, 0xfffff000);
    g_assert_cmphex(pci_read(b, 4, 0, BAR2, 4), ==, 0xfff0000c);
    g_assert_cmphex(pci_read(b, 4, 0, BAR3, 4), ==, 0xffffffff);
    pci_write(b, 4, 0, 0x20, 0xffffffff, 4); /* there is no BAR 4 */
    g_assert_cmphex(pci_read(b, 4, 0, 0x20, 4), ==, 0);
    board_finish(b);
}

static void windows_follow_their_bars(void)
{
    struct board *b = start("");

    pci_write(b, 4, 0, BAR0, 0xc000, 4);
    g_assert_cmphex(inw(b, 0xc004), ==, 0xffff); /* I/O is not enabled */
    place(b);
    g_assert_cmphex(inw(b, 0xc004), ==, 0x1004);
    pci_write(b, 4, 0, BAR0, 0xd020, 4);
    g_assert_cmphex(inw(b, 0xc004), ==, 0xffff);
    g_assert_cmphex(inw(b, 0xd024), ==, 0x1004);
    pci_write(b, 4, 0, COMMAND, 6, 2);
    g_assert_cmphex(inw(b, 0xd024), ==, 0xffff);
    mem_write(b, 0xe0000020, 0x55, 4);
    g_assert_cmphex(mem_read(b, 0xe0000020, 4), ==, 0x55);
    board_reset(b);
    g_assert_cmphex(mem_read(b, 0xe0000020, 4), ==, 0);
    g_assert_cmphex(pci_read(b, 4, 0, BAR1, 4), ==, 0);
    board_finish(b);
}

static void a_64_bit_bar_lies_above_4_gib(void)
{
    struct board *b = start("");

    place(b);
    g_assert_cmphex(mem_read(b, 0x1000012340, 8), ==, 0x12340);
    g_assert_cmphex(mem_read(b, 0x12340, 8), ==, 0); /* RAM */
    pci_write(b, 4, 0, BAR3, 0x7fffffff, 4);
    g_assert_cmphex(mem_read(b, 0x7fffffff00000008, 8), ==, 8);
    g_assert_cmphex(mem_read(b, 0x1000012340, 8), ==, 0);
    board_finish(b);
}

static void a_bar_over_ram_stays_behind_it(void)
{
    struct board *b = start("");

    mem_write(b, 0x200020, 0x11223344, 4);
    place(b);
    pci_write(b, 4, 0, BAR1, 0x200000, 4);
    g_assert_cmphex(mem_read(b, 0x200020, 4), ==, 0x11223344);
    pci_write(b, 4, 0, BAR1, 0, 4); /* 0 is nowhere */
    g_assert_cmphex(mem_read(b, 0x200020, 4), ==, 0x11223344);
    board_finish(b);
}

static void the_pin_is_routed_by_the_bridge(void)
{
    struct board *b = start("-device bars,addr=8 ");

    place(b);
    pci_write(b, 8, 0, BAR1, 0xe0001000, 4);
    pci_write(b, 8, 0, COMMAND, 6, 2);
    pci_write(b, 1, 0, 0x63, 0x0b, 1); /* slot 4's INTA is PIRQD, as is slot 8's */
    mem_write(b, 0xe0000000, 1, 4);
    g_assert_true(board_irq(b, 11));
    g_assert_cmphex(pci_read(b, 4, 0, 6, 2) & 8, ==, 8);
    mem_write(b, 0xe0001000, 1, 4);
    mem_write(b, 0xe0000000, 0, 4);
    g_assert_true(board_irq(b, 11)); /* the other one still asks */
    pci_write(b, 1, 0, 0x63, 0x0a, 1);
    g_assert_false(board_irq(b, 11));
    g_assert_true(board_irq(b, 10));
    pci_write(b, 8, 0, COMMAND, 0x406, 2); /* INTx disabled */
    g_assert_false(board_irq(b, 10));
    pci_write(b, 8, 0, COMMAND, 6, 2);
    g_assert_true(board_irq(b, 10));
    board_reset(b);
    g_assert_false(board_irq(b, 10));
    board_finish(b);
}

static void a_doorbell_is_rung_by_its_value_alone(void)
{
    struct board *b = start("");

    place(b);
    mem_write(b, 0xe0000008, 7, 4);
    mem_write(b, 0xe0000008, 7, 4);
    mem_write(b, 0xe0000008, 8, 4);
    g_assert_cmpuint(mem_read(b, 0xe0000004, 4), ==, 2);
    g_assert_cmphex(mem_read(b, 0xe0000020, 4), ==, 8); /* that one was a write */
    g_assert_cmpuint(mem_read(b, 0xe0000004, 4), ==, 0);
    board_finish(b);
}

static void an_event_fd_interrupts(void)
{
    struct board *b = start("");
    unsigned before;

    place(b);
    pci_write(b, 1, 0, 0x63, 0x0b, 1);
    before = board_edges(b, 11);
    mem_write(b, 0xe000000c, 1, 4);
    board_iterate(b);
    g_assert_cmpuint(board_edges(b, 11), ==, before + 1);
    board_finish(b);
}

static void functions_share_a_slot(void)
{
    struct board *b = board_start("-nodefaults -device bars,addr=5.0,multifunction=on "
                                  "-device bars,addr=0x5.0x1");
    char *errors;

    g_assert_cmphex(pci_read(b, 5, 0, 0xe, 1), ==, 0x80);
    g_assert_cmphex(pci_read(b, 5, 1, 0, 4), ==, 0xba251234);
    g_assert_cmphex(pci_read(b, 5, 2, 0, 4), ==, 0xffffffff);
    board_finish(b);
    g_assert_null(board_try("-nodefaults -device bars,addr=5 -device bars,addr=5.1", &errors));
    g_assert_nonnull(g_strstr_len(errors, -1, "is not multifunction=on"));
    g_free(errors);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/pci/" #name, name)
    TEST(bars_tell_their_sizes);
    TEST(windows_follow_their_bars);
    TEST(a_64_bit_bar_lies_above_4_gib);
    TEST(a_bar_over_ram_stays_behind_it);
    TEST(the_pin_is_routed_by_the_bridge);
    TEST(a_doorbell_is_rung_by_its_value_alone);
    TEST(an_event_fd_interrupts);
    TEST(functions_share_a_slot);
    return g_test_run();
}
