/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parallel - the printer port of isa-parallel, driven by its registers. */

#include "board.h"

#include <string.h>

enum {
    LPT1 = 0x378,
    DATA = LPT1,
    STATUS,
    CONTROL,
    EPP_ADDR,
    EPP_DATA,
    LPT2 = 0x278,
    IRQ = 7,
    STROBE = 0x01,
    INIT = 0x04,
    SELECT = 0x08,
    ENABLE = 0x10,
    INPUT = 0x20,
    BUSY_OFF = 0x80,
    ACK_OFF = 0x40,
    IDLE = 0xd8,
};

static struct board *start(const char *more)
{
    char *line = g_strconcat("-nodefaults -chardev test,id=far -device isa-parallel,chardev=far ",
                             more, NULL);
    struct board *b = board_start(line);

    g_free(line);
    return b;
}

/* As a driver prints a character. */
static void print(struct board *b, char c, uint8_t control)
{
    outb(b, DATA, c);
    outb(b, CONTROL, control | STROBE);
    outb(b, CONTROL, control);
}

static void sent_is(struct board *b, const char *text)
{
    g_assert_cmpstr(board_sent(b, "far")->str, ==, text);
}

static void comes_up_idle(void)
{
    struct board *b = start("");

    g_assert_cmphex(inb(b, DATA), ==, 0xff);
    g_assert_cmphex(inb(b, STATUS), ==, IDLE);
    g_assert_cmphex(inb(b, CONTROL), ==, 0xcc);
    g_assert_false(board_irq(b, IRQ));
    board_finish(b);
}

static void registers_hold_what_is_written(void)
{
    struct board *b = start("");

    outb(b, DATA, 0x5a);
    g_assert_cmphex(inb(b, DATA), ==, 0x5a);
    outb(b, STATUS, 0);
    g_assert_cmphex(inb(b, STATUS), ==, IDLE);
    outb(b, CONTROL, INIT | INPUT);
    g_assert_cmphex(inb(b, CONTROL), ==, 0xc0 | INIT | INPUT);
    g_assert_cmphex(inb(b, DATA), ==, 0xff); /* nobody drives the lines */
    outb(b, CONTROL, INIT);
    g_assert_cmphex(inb(b, DATA), ==, 0x5a);
    g_assert_cmphex(inl(b, EPP_ADDR), ==, 0xffffffff); /* nor answers a cycle */
    outl(b, EPP_DATA, 0);
    g_assert_cmphex(inw(b, DATA), ==, IDLE << 8 | 0x5a);
    outw(b, DATA, 0x12ab);
    g_assert_cmphex(inb(b, DATA), ==, 0xab);
    sent_is(b, "");
    board_finish(b);
}

static void a_strobe_sends(void)
{
    struct board *b = start("");

    for (const char *s = "hello"; *s; s++)
        print(b, *s, INIT | SELECT);
    sent_is(b, "hello");
    outb(b, CONTROL, INIT | SELECT | STROBE);
    outb(b, CONTROL, INIT | SELECT | STROBE); /* no edge */
    sent_is(b, "helloo");
    board_finish(b);
}

static void a_slow_printer_is_busy(void)
{
    struct board *b = start("");

    board_chr_limit(b, "far", 1);
    print(b, 'a', INIT);
    g_assert_cmphex(inb(b, STATUS), ==, IDLE & ~ACK_OFF);
    g_assert_cmphex(inb(b, STATUS), ==, IDLE);
    print(b, 'b', INIT);
    g_assert_cmphex(inb(b, STATUS), ==, IDLE & ~BUSY_OFF);
    print(b, 'x', INIT); /* it does not listen */
    board_chr_limit(b, "far", 1);
    sent_is(b, "ab");
    g_assert_cmphex(inb(b, STATUS), ==, IDLE & ~ACK_OFF);
    print(b, 'c', INIT);
    outb(b, CONTROL, 0); /* initialized, it forgets that */
    outb(b, CONTROL, INIT);
    g_assert_cmphex(inb(b, STATUS), ==, IDLE);
    board_chr_limit(b, "far", SIZE_MAX);
    sent_is(b, "ab");
    board_finish(b);
}

static void the_acknowledge_interrupts(void)
{
    struct board *b = start("");
    unsigned edges = board_edges(b, IRQ);

    print(b, 'a', INIT);
    g_assert_false(board_irq(b, IRQ));
    inb(b, STATUS);
    print(b, 'b', INIT | ENABLE);
    g_assert_true(board_irq(b, IRQ));
    inb(b, STATUS);
    g_assert_false(board_irq(b, IRQ));
    print(b, 'c', INIT | ENABLE);
    print(b, 'd', INIT | ENABLE); /* each is an edge, looked at or not */
    g_assert_cmpuint(board_edges(b, IRQ), ==, edges + 3);
    outb(b, CONTROL, INIT);
    g_assert_false(board_irq(b, IRQ));
    board_finish(b);
}

static void three_ports(void)
{
    char *errors;
    struct board *b = start("-device isa-parallel -device isa-parallel,irq=5");

    outb(b, LPT2, 0x12);
    outb(b, 0x3bc, 0x34);
    g_assert_cmphex(inb(b, DATA), ==, 0xff);
    g_assert_cmphex(inb(b, LPT2), ==, 0x12);
    g_assert_cmphex(inb(b, 0x3bc), ==, 0x34);
    board_finish(b);

    g_assert_null(board_try("-nodefaults -device isa-parallel,index=1 -device isa-parallel,index=1",
                            &errors));
    g_assert_cmpstr(errors, ==,
                    "tenon: -device isa-parallel,index=1: LPT2 is another parallel "
                    "port already\n");
    g_free(errors);
}

static void the_options_make_them(void)
{
    struct board *b = board_start("-nodefaults -chardev test,id=far -parallel none -parallel null "
                                  "-parallel chardev:far");

    outb(b, DATA, 1);
    g_assert_cmphex(inb(b, DATA), ==, 0xff); /* nobody there */
    outb(b, LPT2, 1);
    g_assert_cmphex(inb(b, LPT2), ==, 1);
    outb(b, 0x3bc, 'x');
    outb(b, 0x3bc + 2, STROBE | INIT);
    sent_is(b, "x");
    board_finish(b);

    b = board_start("");
    outb(b, DATA, 1);
    g_assert_cmphex(inb(b, DATA), ==, 1); /* by default */
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/parallel/" #name, name)
    TEST(comes_up_idle);
    TEST(registers_hold_what_is_written);
    TEST(a_strobe_sends);
    TEST(a_slow_printer_is_busy);
    TEST(the_acknowledge_interrupts);
    TEST(three_ports);
    TEST(the_options_make_them);
    return g_test_run();
}
