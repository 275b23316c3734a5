/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pic - the two 8259A by their ports, with inputs that the test drives. */

#include "board.h"

enum { MASTER = 0x20, SLAVE = 0xa0, ELCR = 0x4d0 };
enum {
    EOI = 0x20,
    SPECIFIC = 0x60,
    ROTATE_EOI = 0xa0,
    ROTATE_SPECIFIC = 0xe0,
    SET_PRIORITY = 0xc0
};
enum { READ_IRR = 0x0a, READ_ISR = 0x0b, POLL = 0x0c, SPECIAL_MASK = 0x68, NO_SPECIAL_MASK = 0x48 };
enum { AEOI = 2, SFNM = 0x10 };

static void program(struct board *b, unsigned port, uint8_t base, uint8_t icw3, uint8_t icw4)
{
    outb(b, port, 0x11);
    outb(b, port + 1, base);
    outb(b, port + 1, icw3);
    outb(b, port + 1, 1 | icw4);
}

static struct board *start_with(uint8_t icw4)
{
    struct board *b = board_start("-nodefaults -machine kernel-irqchip=off,pit=off");

    program(b, MASTER, 0x20, 4, icw4);
    program(b, SLAVE, 0x28, 2, icw4);
    return b;
}

static struct board *start(void)
{
    return start_with(0);
}

static uint8_t status(struct board *b, unsigned port, uint8_t which)
{
    outb(b, port, which);
    return inb(b, port);
}

static void pulse(struct board *b, unsigned gsi)
{
    board_drive(b, gsi, false);
    board_drive(b, gsi, true);
}

/* ---- Requests and acknowledges ---- */

static void is_silent_until_it_is_initialized(void)
{
    struct board *b = board_start("-nodefaults -machine kernel-irqchip=off,pit=off");

    board_drive(b, 3, true);
    g_assert_false(board_intr(b));
    outb(b, MASTER, 0x11);
    outb(b, MASTER + 1, 0x20);
    outb(b, MASTER + 1, 4);
    pulse(b, 3);
    g_assert_false(board_intr(b));
    outb(b, MASTER + 1, 1);
    g_assert_true(board_intr(b));
    board_finish(b);
}

static void an_edge_interrupts_once(void)
{
    struct board *b = start();

    board_drive(b, 3, true);
    g_assert_true(board_intr(b));
    g_assert_cmphex(status(b, MASTER, READ_IRR), ==, 0x08);
    g_assert_cmphex(board_ack(b), ==, 0x23);
    g_assert_false(board_intr(b));
    g_assert_cmphex(status(b, MASTER, READ_IRR), ==, 0);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0x08);
    outb(b, MASTER, EOI);
    g_assert_cmphex(inb(b, MASTER), ==, 0);
    g_assert_false(board_intr(b));
    pulse(b, 3);
    g_assert_cmphex(board_ack(b), ==, 0x23);
    board_finish(b);
}

static void a_level_interrupts_while_it_lasts(void)
{
    struct board *b = start();

    outb(b, ELCR, 0x20);
    board_drive(b, 5, true);
    g_assert_cmphex(board_ack(b), ==, 0x25);
    g_assert_false(board_intr(b));
    outb(b, MASTER, EOI);
    g_assert_true(board_intr(b));
    g_assert_cmphex(board_ack(b), ==, 0x25);
    board_drive(b, 5, false);
    outb(b, MASTER, EOI);
    g_assert_false(board_intr(b));
    board_finish(b);
}

static void elcr_keeps_what_cannot_be_level(void)
{
    struct board *b = start();

    outw(b, ELCR, 0xffff);
    g_assert_cmphex(inb(b, ELCR), ==, 0xf8);
    g_assert_cmphex(inb(b, ELCR + 1), ==, 0xde);
    g_assert_cmphex(inw(b, ELCR), ==, 0xdef8);
    board_finish(b);
}

static void a_mask_holds_an_edge_back(void)
{
    struct board *b = start();

    outb(b, MASTER + 1, 0x08);
    board_drive(b, 3, true);
    g_assert_false(board_intr(b));
    g_assert_cmphex(inb(b, MASTER + 1), ==, 0x08);
    outb(b, MASTER + 1, 0);
    g_assert_true(board_intr(b));
    g_assert_cmphex(board_ack(b), ==, 0x23);
    board_finish(b);
}

static void lower_ones_wait_for_higher_ones(void)
{
    struct board *b = start();

    board_drive(b, 4, true);
    g_assert_cmphex(board_ack(b), ==, 0x24);
    board_drive(b, 6, true);
    g_assert_false(board_intr(b));
    board_drive(b, 1, true);
    g_assert_true(board_intr(b));
    g_assert_cmphex(board_ack(b), ==, 0x21);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0x12);
    outb(b, MASTER, EOI); /* the highest: 1 */
    g_assert_cmphex(inb(b, MASTER), ==, 0x10);
    g_assert_false(board_intr(b));
    outb(b, MASTER, EOI);
    g_assert_true(board_intr(b));
    g_assert_cmphex(board_ack(b), ==, 0x26);
    board_finish(b);
}

static void a_request_that_goes_is_spurious(void)
{
    struct board *b = start();

    board_drive(b, 3, true);
    board_drive(b, 3, false);
    g_assert_false(board_intr(b));
    g_assert_cmphex(board_ack(b), ==, 0x27);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0);
    board_drive(b, 7, true);
    g_assert_cmphex(board_ack(b), ==, 0x27);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0x80); /* that one was real */
    board_finish(b);
}

/* ---- The slave ---- */

static void the_slave_gives_its_vector(void)
{
    struct board *b = start();

    board_drive(b, 12, true);
    g_assert_cmphex(status(b, MASTER, READ_IRR), ==, 0x04);
    g_assert_cmphex(status(b, SLAVE, READ_IRR), ==, 0x10);
    g_assert_cmphex(board_ack(b), ==, 0x2c);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0x04);
    g_assert_cmphex(status(b, SLAVE, READ_ISR), ==, 0x10);
    board_drive(b, 14, true);
    outb(b, MASTER, EOI);
    g_assert_false(board_intr(b)); /* 12 is in service at the slave */
    outb(b, SLAVE, EOI);
    g_assert_cmphex(board_ack(b), ==, 0x2e);
    board_finish(b);
}

static void the_slave_nests_in_special_fully_nested_mode_alone(void)
{
    for (unsigned sfnm = 0; sfnm < 2; sfnm++) {
        struct board *b = start();

        program(b, MASTER, 0x20, 4, sfnm ? SFNM : 0);
        board_drive(b, 12, true);
        g_assert_cmphex(board_ack(b), ==, 0x2c);
        board_drive(b, 3, true); /* lower than the slave in service */
        g_assert_false(board_intr(b));
        board_drive(b, 8, true); /* higher within it */
        g_assert_cmpint(board_intr(b), ==, sfnm);
        if (sfnm)
            g_assert_cmphex(board_ack(b), ==, 0x28);
        board_finish(b);
    }
}

static void input_2_is_the_slave_alone(void)
{
    struct board *b = start();

    board_drive(b, 2, true);
    g_assert_false(board_intr(b));
    program(b, MASTER, 0x20, 0, 0); /* no slave there, it is told */
    board_drive(b, 9, true);
    g_assert_cmphex(board_ack(b), ==, 0x22);
    g_assert_cmphex(status(b, SLAVE, READ_ISR), ==, 0);
    board_finish(b);
}

/* ---- Priorities and ends ---- */

static void rotation_makes_the_served_one_the_lowest(void)
{
    struct board *b = start();

    board_drive(b, 4, true);
    g_assert_cmphex(board_ack(b), ==, 0x24);
    outb(b, MASTER, ROTATE_EOI);
    pulse(b, 4);
    board_drive(b, 6, true);
    g_assert_cmphex(board_ack(b), ==, 0x26);
    outb(b, MASTER, ROTATE_SPECIFIC | 6);
    board_drive(b, 7, true);
    g_assert_cmphex(board_ack(b), ==, 0x27);
    outb(b, MASTER, EOI);
    g_assert_cmphex(board_ack(b), ==, 0x24);
    board_finish(b);
}

static void priority_is_set_without_an_end(void)
{
    struct board *b = start();

    board_drive(b, 1, true);
    board_drive(b, 5, true);
    outb(b, MASTER, SET_PRIORITY | 4);
    g_assert_cmphex(board_ack(b), ==, 0x25);
    outb(b, MASTER, SPECIFIC | 5);
    g_assert_cmphex(board_ack(b), ==, 0x21);
    board_finish(b);
}

static void automatic_end_leaves_nothing_in_service(void)
{
    struct board *b = start_with(AEOI);

    board_drive(b, 3, true);
    g_assert_cmphex(board_ack(b), ==, 0x23);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0);
    outb(b, MASTER, 0x80); /* rotate with it */
    pulse(b, 3);
    g_assert_cmphex(board_ack(b), ==, 0x23);
    pulse(b, 3);
    board_drive(b, 4, true);
    g_assert_cmphex(board_ack(b), ==, 0x24);
    outb(b, MASTER, 0x00); /* no more: 4 stays the lowest */
    g_assert_cmphex(board_ack(b), ==, 0x23);
    pulse(b, 3);
    pulse(b, 4);
    g_assert_cmphex(board_ack(b), ==, 0x23);
    board_finish(b);
}

static void special_mask_lets_lower_ones_through(void)
{
    struct board *b = start();

    board_drive(b, 4, true);
    g_assert_cmphex(board_ack(b), ==, 0x24);
    board_drive(b, 6, true);
    outb(b, MASTER + 1, 0x10);
    g_assert_false(board_intr(b));
    outb(b, MASTER, SPECIAL_MASK);
    g_assert_cmphex(board_ack(b), ==, 0x26);
    outb(b, MASTER, EOI); /* not the masked one */
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0x10);
    outb(b, MASTER, EOI);
    g_assert_cmphex(inb(b, MASTER), ==, 0x10);
    outb(b, MASTER, NO_SPECIAL_MASK);
    outb(b, MASTER, EOI);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0);
    board_finish(b);
}

static void a_poll_acknowledges(void)
{
    struct board *b = start();

    outb(b, MASTER, POLL);
    g_assert_cmphex(inb(b, MASTER), ==, 0);
    board_drive(b, 9, true);
    outb(b, MASTER, POLL);
    g_assert_cmphex(inb(b, MASTER), ==, 0x82);
    outb(b, SLAVE, POLL);
    g_assert_cmphex(inb(b, SLAVE + 1), ==, 0x81);
    g_assert_cmphex(inb(b, SLAVE + 1), ==, 0); /* the mask again */
    g_assert_cmphex(status(b, SLAVE, READ_ISR), ==, 0x02);
    g_assert_false(board_intr(b));
    board_finish(b);
}

/* ---- Initialization ---- */

static void initialization_clears_what_was(void)
{
    struct board *b = start_with(AEOI);

    outb(b, MASTER + 1, 0xff);
    outb(b, MASTER, READ_ISR);
    outb(b, MASTER, SPECIAL_MASK);
    outb(b, MASTER, SET_PRIORITY | 3);
    board_drive(b, 5, true);
    outb(b, MASTER, 0x10);                  /* cascaded, without ICW4 */
    g_assert_cmphex(inb(b, MASTER), ==, 0); /* IRR, whose edge is forgotten */
    g_assert_cmphex(inb(b, MASTER + 1), ==, 0);
    outb(b, MASTER + 1, 0x6f);
    outb(b, MASTER + 1, 4);
    g_assert_false(board_intr(b));
    pulse(b, 5);
    board_drive(b, 0, true);
    g_assert_cmphex(board_ack(b), ==, 0x68);
    g_assert_cmphex(status(b, MASTER, READ_ISR), ==, 0x01); /* no automatic end any more */
    outb(b, MASTER, EOI);
    outb(b, MASTER + 1, 0xa5); /* OCW1 again */
    g_assert_cmphex(inb(b, MASTER + 1), ==, 0xa5);
    board_finish(b);
}

static void a_single_chip_takes_no_icw3(void)
{
    struct board *b = start();

    outb(b, MASTER, 0x13);
    outb(b, MASTER + 1, 0x40);
    outb(b, MASTER + 1, 1);
    outb(b, MASTER + 1, 0x04);
    g_assert_cmphex(inb(b, MASTER + 1), ==, 0x04);
    board_drive(b, 1, true);
    g_assert_cmphex(board_ack(b), ==, 0x41);
    board_finish(b);
}

static void a_reset_needs_initialization_again(void)
{
    struct board *b = start();

    outb(b, ELCR, 0x20);
    outb(b, MASTER + 1, 0x55);
    board_drive(b, 5, true);
    board_reset(b);
    g_assert_false(board_intr(b));
    g_assert_cmphex(inb(b, ELCR), ==, 0);
    g_assert_cmphex(inb(b, MASTER + 1), ==, 0);
    program(b, MASTER, 0x20, 4, 0);
    g_assert_false(board_intr(b));
    outb(b, ELCR, 0x20); /* the level is still there */
    g_assert_cmphex(board_ack(b), ==, 0x25);
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/pic/" #name, name)
    TEST(is_silent_until_it_is_initialized);
    TEST(an_edge_interrupts_once);
    TEST(a_level_interrupts_while_it_lasts);
    TEST(elcr_keeps_what_cannot_be_level);
    TEST(a_mask_holds_an_edge_back);
    TEST(lower_ones_wait_for_higher_ones);
    TEST(a_request_that_goes_is_spurious);
    TEST(the_slave_gives_its_vector);
    TEST(the_slave_nests_in_special_fully_nested_mode_alone);
    TEST(input_2_is_the_slave_alone);
    TEST(rotation_makes_the_served_one_the_lowest);
    TEST(priority_is_set_without_an_end);
    TEST(automatic_end_leaves_nothing_in_service);
    TEST(special_mask_lets_lower_ones_through);
    TEST(a_poll_acknowledges);
    TEST(initialization_clears_what_was);
    TEST(a_single_chip_takes_no_icw3);
    TEST(a_reset_needs_initialization_again);
    return g_test_run();
}
