/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* serial - the 16550A of isa-serial, driven by its registers. */

#include "board.h"

#include <string.h>

#include <tenon/chardev.h>

enum {
    COM1 = 0x3f8,
    DATA = COM1,
    IER,
    IIR,
    LCR,
    MCR,
    LSR,
    MSR,
    SCR,
    FCR = IIR,
    IRQ = 4,
    FIFO_ON = 0x01,
    CLEAR = 0x06,
    TRIGGER_8 = 0x80,
    TRIGGER_14 = 0xc0,
    LOOP = 0x10,
    DLAB = 0x80,
};

static struct board *start(void)
{
    return board_start("-nodefaults -chardev test,id=far -device isa-serial,chardev=far");
}

static void sent_is(struct board *b, const char *text)
{
    g_assert_cmpstr(board_sent(b, "far")->str, ==, text);
}

static void receive(struct board *b, const char *text)
{
    board_receive(b, "far", text, strlen(text));
}

/* ---- Registers ---- */

static void comes_up_as_the_datasheet_says(void)
{
    struct board *b = start();

    g_assert_cmphex(inb(b, IER), ==, 0x00);
    g_assert_cmphex(inb(b, IIR), ==, 0x01);
    g_assert_cmphex(inb(b, LCR), ==, 0x00);
    g_assert_cmphex(inb(b, MCR), ==, 0x00);
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    g_assert_cmphex(inb(b, MSR), ==, 0xb0);
    g_assert_false(board_irq(b, IRQ));
    board_finish(b);
}

static void registers_keep_the_bits_they_have(void)
{
    struct board *b = start();

    outb(b, IER, 0xff);
    g_assert_cmphex(inb(b, IER), ==, 0x0f);
    outb(b, IER, 0);
    outb(b, MCR, 0xef);
    g_assert_cmphex(inb(b, MCR), ==, 0x0f);
    outb(b, SCR, 0x5a);
    g_assert_cmphex(inb(b, SCR), ==, 0x5a);
    outb(b, LSR, 0);
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    board_finish(b);
}

static void dlab_shows_the_divisor(void)
{
    struct board *b = start();

    outb(b, IER, 0x05);
    outb(b, LCR, DLAB | 3);
    outb(b, DATA, 0x34);
    outb(b, IER, 0x12);
    g_assert_cmphex(inw(b, DATA), ==, 0x1234);
    outb(b, LCR, 3);
    g_assert_cmphex(inb(b, IER), ==, 0x05);
    sent_is(b, "");
    board_finish(b);
}

static void fifo_bits_show_in_the_iir(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    g_assert_cmphex(inb(b, IIR), ==, 0xc1);
    outb(b, FCR, TRIGGER_14); /* without FIFO_ON: off */
    g_assert_cmphex(inb(b, IIR), ==, 0x01);
    board_finish(b);
}

/* ---- Sending ---- */

static void characters_go_out_at_once(void)
{
    struct board *b = start();

    for (const char *s = "hello"; *s; s++) {
        g_assert_cmphex(inb(b, LSR), ==, 0x60);
        outb(b, DATA, *s);
    }
    sent_is(b, "hello");
    board_finish(b);
}

static void a_word_written_is_two_registers(void)
{
    struct board *b = start();

    outw(b, DATA, 0x0241);
    sent_is(b, "A");
    g_assert_cmphex(inb(b, IER), ==, 0x02);
    board_finish(b);
}

static void the_transmitter_fills_when_the_far_end_is_slow(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    board_chr_limit(b, "far", 2);
    for (unsigned i = 0; i < 18; i++)
        outb(b, DATA, 'a' + i);
    sent_is(b, "ab");
    g_assert_cmphex(inb(b, LSR), ==, 0x00);
    outb(b, DATA, 'X'); /* FIFO is full: lost */
    board_chr_limit(b, "far", SIZE_MAX);
    sent_is(b, "abcdefghijklmnopqr");
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    board_finish(b);
}

static void without_fifo_the_transmitter_holds_one(void)
{
    struct board *b = start();

    board_chr_limit(b, "far", 0);
    outb(b, DATA, 'a');
    g_assert_cmphex(inb(b, LSR), ==, 0x00);
    outb(b, DATA, 'b');
    board_chr_limit(b, "far", SIZE_MAX);
    sent_is(b, "a");
    board_finish(b);
}

static void clearing_the_transmit_fifo_drops_what_waits(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    board_chr_limit(b, "far", 0);
    outb(b, DATA, 'a');
    outb(b, FCR, FIFO_ON | 4);
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    board_chr_limit(b, "far", SIZE_MAX);
    sent_is(b, "");
    board_finish(b);
}

static void break_reaches_the_far_end_once(void)
{
    struct board *b = start();

    g_assert_cmpint(board_chr_last_event(b, "far"), ==, 0);
    outb(b, LCR, 0x43);
    g_assert_cmpint(board_chr_last_event(b, "far"), ==, TENON_CHR_BREAK);
    outb(b, DATA, 'x'); /* the line is held low */
    sent_is(b, "");
    outb(b, LCR, 0x03);
    outb(b, DATA, 'y');
    sent_is(b, "y");
    board_finish(b);
}

/* ---- The transmitter's interrupt ---- */

static void thre_interrupts_when_it_is_enabled(void)
{
    struct board *b = start();

    outb(b, IER, 2);
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, IIR), ==, 0x02);
    g_assert_false(board_irq(b, IRQ)); /* reading has ended it */
    g_assert_cmphex(inb(b, IIR), ==, 0x01);
    outb(b, IER, 2); /* no edge of the enable */
    g_assert_false(board_irq(b, IRQ));
    outb(b, IER, 0);
    outb(b, IER, 2);
    g_assert_true(board_irq(b, IRQ));
    board_finish(b);
}

static void each_character_gives_an_edge(void)
{
    struct board *b = start();
    unsigned edges;

    outb(b, IER, 2);
    edges = board_edges(b, IRQ);
    outb(b, DATA, 'a');
    outb(b, DATA, 'b');
    g_assert_cmpuint(board_edges(b, IRQ), ==, edges + 2);
    board_finish(b);
}

static void thre_waits_for_a_slow_far_end(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    outb(b, IER, 2);
    inb(b, IIR);
    board_chr_limit(b, "far", 0);
    outb(b, DATA, 'a');
    outb(b, DATA, 'b');
    g_assert_false(board_irq(b, IRQ));
    board_chr_limit(b, "far", 1);
    g_assert_false(board_irq(b, IRQ)); /* one is left */
    board_chr_limit(b, "far", SIZE_MAX);
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, IIR), ==, 0xc2);
    board_finish(b);
}

/* ---- Receiving ---- */

static void nothing_received_is_lost(void)
{
    struct board *b = start();

    receive(b, "abc");
    g_assert_cmpuint(board_waiting(b, "far"), ==, 2); /* no FIFO: one at a time */
    g_assert_cmphex(inb(b, LSR), ==, 0x61);
    g_assert_cmphex(inb(b, DATA), ==, 'a');
    g_assert_cmphex(inb(b, DATA), ==, 'b');
    g_assert_cmphex(inb(b, DATA), ==, 'c');
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    g_assert_cmphex(inb(b, DATA), ==, 'c');
    board_finish(b);
}

static void the_fifo_takes_sixteen(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    receive(b, "0123456789abcdefghi");
    g_assert_cmpuint(board_waiting(b, "far"), ==, 3);
    for (const char *s = "0123456789abcdefghi"; *s; s++)
        g_assert_cmphex(inb(b, DATA), ==, *s);
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    board_finish(b);
}

static void the_trigger_level_interrupts(void)
{
    static const struct {
        uint8_t fcr;
        unsigned level;
    } rows[] = { { 0x00, 1 }, { 0x40, 4 }, { 0x80, 8 }, { 0xc0, 14 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct board *b = start();

        outb(b, FCR, FIFO_ON | rows[i].fcr);
        outb(b, IER, 1);
        for (unsigned n = 1; n <= rows[i].level; n++) {
            g_assert_false(board_irq(b, IRQ));
            receive(b, "x");
        }
        g_assert_true(board_irq(b, IRQ));
        g_assert_cmphex(inb(b, IIR), ==, 0xc4);
        inb(b, DATA);
        g_assert_false(board_irq(b, IRQ));
        board_finish(b);
    }
}

/* At 9600 baud 8N1, four characters last 4.17 ms. */
static void few_characters_interrupt_after_a_timeout(void)
{
    struct board *b = start();

    outb(b, LCR, 3);
    outb(b, FCR, FIFO_ON | TRIGGER_8);
    outb(b, IER, 1);
    receive(b, "ab");
    board_step(b, 4100000);
    g_assert_false(board_irq(b, IRQ));
    board_step(b, 100000);
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, IIR), ==, 0xcc);
    g_assert_cmphex(inb(b, DATA), ==, 'a'); /* a read starts it again */
    g_assert_false(board_irq(b, IRQ));
    board_step(b, 4200000);
    g_assert_cmphex(inb(b, IIR), ==, 0xcc);
    g_assert_cmphex(inb(b, DATA), ==, 'b');
    board_step(b, 1000000000);
    g_assert_false(board_irq(b, IRQ)); /* nothing waits */
    board_finish(b);
}

static void the_timeout_follows_the_baud_rate(void)
{
    struct board *b = start();

    outb(b, LCR, DLAB | 3);
    outw(b, DATA, 1); /* 115200: 347 us */
    outb(b, LCR, 3);
    outb(b, FCR, FIFO_ON | TRIGGER_8);
    outb(b, IER, 1);
    receive(b, "a");
    board_step(b, 350000);
    g_assert_cmphex(inb(b, IIR), ==, 0xcc);
    board_finish(b);
}

static void clearing_the_receive_fifo_makes_room(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    outb(b, IER, 1);
    receive(b, "0123456789abcdefX");
    outb(b, FCR, FIFO_ON | 2);
    g_assert_cmpuint(board_waiting(b, "far"), ==, 0);
    g_assert_cmphex(inb(b, DATA), ==, 'X');
    g_assert_false(board_irq(b, IRQ));
    board_finish(b);
}

static void switching_the_fifo_empties_it(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    receive(b, "abc");
    outb(b, FCR, 0);
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    board_finish(b);
}

static void a_break_comes_in_as_a_zero_with_bi(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    outb(b, IER, 4);
    receive(b, "a");
    board_chr_event(b, "far", TENON_CHR_BREAK);
    receive(b, "b");
    g_assert_cmphex(inb(b, LSR), ==, 0xe1); /* an error is in the FIFO */
    g_assert_false(board_irq(b, IRQ));
    inb(b, DATA);
    g_assert_true(board_irq(b, IRQ)); /* now it is next */
    g_assert_cmphex(inb(b, IIR), ==, 0xc6);
    g_assert_cmphex(inb(b, LSR), ==, 0xf1);
    g_assert_cmphex(inb(b, LSR), ==, 0x61); /* reading has cleared it */
    g_assert_false(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, DATA), ==, 0);
    g_assert_cmphex(inb(b, DATA), ==, 'b');
    board_finish(b);
}

/* ---- Loopback ---- */

static void loopback_returns_what_is_sent(void)
{
    struct board *b = start();

    outb(b, MCR, LOOP);
    outb(b, DATA, 'L');
    receive(b, "far");
    g_assert_cmpuint(board_waiting(b, "far"), ==, 3); /* not heard now */
    g_assert_cmphex(inb(b, DATA), ==, 'L');
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    sent_is(b, "");
    outb(b, MCR, 0);
    g_assert_cmphex(inb(b, DATA), ==, 'f');
    board_finish(b);
}

static void overrun_without_fifo_replaces_the_character(void)
{
    struct board *b = start();

    outb(b, MCR, LOOP);
    outb(b, IER, 4);
    outb(b, DATA, '1');
    outb(b, DATA, '2');
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, IIR), ==, 0x06);
    g_assert_cmphex(inb(b, LSR), ==, 0x63);
    g_assert_cmphex(inb(b, LSR), ==, 0x61);
    g_assert_cmphex(inb(b, DATA), ==, '2');
    board_finish(b);
}

static void overrun_of_the_fifo_keeps_the_first_sixteen(void)
{
    struct board *b = start();

    outb(b, MCR, LOOP);
    outb(b, FCR, FIFO_ON);
    for (unsigned i = 0; i < 17; i++)
        outb(b, DATA, 'a' + i);
    g_assert_cmphex(inb(b, LSR), ==, 0x63);
    for (unsigned i = 0; i < 16; i++)
        g_assert_cmphex(inb(b, DATA), ==, 'a' + i);
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    board_finish(b);
}

static void loopback_joins_modem_outputs_to_inputs(void)
{
    static const uint8_t lines[][2] = {
        { 0x01, 0x20 },
        { 0x02, 0x10 },
        { 0x04, 0x40 },
        { 0x08, 0x80 },
    };
    struct board *b = start();

    for (unsigned i = 0; i < G_N_ELEMENTS(lines); i++) {
        outb(b, MCR, LOOP | lines[i][0]);
        g_assert_cmphex(inb(b, MSR) & 0xf0, ==, lines[i][1]);
    }
    board_finish(b);
}

static void a_modem_line_that_changes_interrupts(void)
{
    struct board *b = start();

    outb(b, MCR, LOOP);
    g_assert_cmphex(inb(b, MSR), ==, 0x0b); /* CTS, DSR, DCD fell */
    outb(b, IER, 8);
    outb(b, MCR, LOOP | 2);
    g_assert_true(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, IIR), ==, 0x00);
    g_assert_cmphex(inb(b, MSR), ==, 0x11);
    g_assert_false(board_irq(b, IRQ));
    outb(b, MCR, LOOP | 6); /* RI rising says nothing */
    g_assert_false(board_irq(b, IRQ));
    outb(b, MCR, LOOP | 2); /* its end does */
    g_assert_cmphex(inb(b, MSR), ==, 0x14);
    board_finish(b);
}

static void the_most_urgent_interrupt_comes_first(void)
{
    struct board *b = start();

    outb(b, MCR, LOOP); /* modem deltas */
    outb(b, IER, 0x0f); /* THRE */
    outb(b, DATA, '1');
    outb(b, DATA, '2'); /* overrun, data */
    g_assert_cmphex(inb(b, IIR), ==, 0x06);
    inb(b, LSR);
    g_assert_cmphex(inb(b, IIR), ==, 0x04);
    g_assert_cmphex(inb(b, IIR), ==, 0x04); /* still there */
    inb(b, DATA);
    g_assert_cmphex(inb(b, IIR), ==, 0x02);
    g_assert_cmphex(inb(b, IIR), ==, 0x00);
    inb(b, MSR);
    g_assert_cmphex(inb(b, IIR), ==, 0x01);
    g_assert_false(board_irq(b, IRQ));
    board_finish(b);
}

/* ---- Reset and places ---- */

static void a_reset_empties_it(void)
{
    struct board *b = start();

    outb(b, FCR, FIFO_ON);
    outb(b, IER, 1);
    outb(b, MCR, 3);
    receive(b, "abc");
    g_assert_true(board_irq(b, IRQ));
    board_reset(b);
    g_assert_false(board_irq(b, IRQ));
    g_assert_cmphex(inb(b, LSR), ==, 0x60);
    g_assert_cmphex(inb(b, IER), ==, 0);
    g_assert_cmphex(inb(b, MCR), ==, 0);
    g_assert_cmphex(inb(b, IIR), ==, 0x01);
    receive(b, "d");
    g_assert_cmphex(inb(b, DATA), ==, 'd');
    board_finish(b);
}

static void a_reset_takes_in_what_had_to_wait(void)
{
    struct board *b = start();

    receive(b, "ab");
    board_reset(b);
    g_assert_cmphex(inb(b, DATA), ==, 'b');
    board_finish(b);
}

static void ports_take_the_usual_places_in_turn(void)
{
    static const uint16_t places[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    static const unsigned irqs[] = { 4, 3, 4, 3 };
    struct board *b = board_start("-nodefaults -device isa-serial,index=1 -device isa-serial "
                                  "-device isa-serial -device isa-serial");

    for (unsigned i = 0; i < 4; i++) {
        unsigned edges = board_edges(b, irqs[i]);

        g_assert_cmphex(inb(b, places[i] + 5), ==, 0x60);
        outb(b, places[i] + 1, 2);
        g_assert_cmpuint(board_edges(b, irqs[i]), ==, edges + 1);
        outb(b, places[i] + 1, 0);
    }
    board_finish(b);
}

static void a_port_lies_where_it_is_told(void)
{
    struct board *b = board_start("-nodefaults -device isa-serial,iobase=0x220,irq=7");

    outb(b, 0x221, 2);
    g_assert_true(board_irq(b, 7));
    g_assert_cmphex(inb(b, LSR), ==, 0xff);
    board_finish(b);
}

static void two_ports_cannot_be_the_same_one(void)
{
    char *errors;

    g_assert_null(board_try("-nodefaults -device isa-serial,index=2 "
                            "-device isa-serial,iobase=0x3e8",
                            &errors));
    g_assert_nonnull(strstr(errors, "iobase=0x3e8: COM3 is another serial port already"));
    g_free(errors);
    g_assert_null(board_try("-nodefaults -chardev test,id=far -device isa-serial,chardev=far "
                            "-device isa-serial,chardev=far",
                            &errors));
    g_assert_cmpstr(errors, ==,
                    "tenon: -device isa-serial,chardev=far: chardev 'far' is in use by "
                    "isa-serial#0\n");
    g_free(errors);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/serial/" #name, name)
    TEST(comes_up_as_the_datasheet_says);
    TEST(registers_keep_the_bits_they_have);
    TEST(dlab_shows_the_divisor);
    TEST(fifo_bits_show_in_the_iir);
    TEST(characters_go_out_at_once);
    TEST(a_word_written_is_two_registers);
    TEST(the_transmitter_fills_when_the_far_end_is_slow);
    TEST(without_fifo_the_transmitter_holds_one);
    TEST(clearing_the_transmit_fifo_drops_what_waits);
    TEST(break_reaches_the_far_end_once);
    TEST(thre_interrupts_when_it_is_enabled);
    TEST(each_character_gives_an_edge);
    TEST(thre_waits_for_a_slow_far_end);
    TEST(nothing_received_is_lost);
    TEST(the_fifo_takes_sixteen);
    TEST(the_trigger_level_interrupts);
    TEST(few_characters_interrupt_after_a_timeout);
    TEST(the_timeout_follows_the_baud_rate);
    TEST(clearing_the_receive_fifo_makes_room);
    TEST(switching_the_fifo_empties_it);
    TEST(a_break_comes_in_as_a_zero_with_bi);
    TEST(loopback_returns_what_is_sent);
    TEST(overrun_without_fifo_replaces_the_character);
    TEST(overrun_of_the_fifo_keeps_the_first_sixteen);
    TEST(loopback_joins_modem_outputs_to_inputs);
    TEST(a_modem_line_that_changes_interrupts);
    TEST(the_most_urgent_interrupt_comes_first);
    TEST(a_reset_empties_it);
    TEST(a_reset_takes_in_what_had_to_wait);
    TEST(ports_take_the_usual_places_in_turn);
    TEST(a_port_lies_where_it_is_told);
    TEST(two_ports_cannot_be_the_same_one);
    return g_test_run();
}
