/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ports - the small devices by which programs speak past the machine: debug console, exit, test
 * device, pvpanic. */

#include "board.h"

#include <string.h>

#include <tenon/system.h>

/* ---- isa-debugcon ---- */

static void debugcon_sends_bytes_and_says_it_is_there(void)
{
    struct board *b = board_start("-nodefaults -chardev test,id=far "
                                  "-device isa-debugcon,chardev=far");

    g_assert_cmphex(inb(b, 0xe9), ==, 0xe9);
    outb(b, 0xe9, 'h');
    outb(b, 0xe9, 'i');
    g_assert_cmpstr(board_sent(b, "far")->str, ==, "hi");
    board_finish(b);
}

static void debugcon_lies_where_it_is_told(void)
{
    struct board *b = board_start("-nodefaults -chardev test,id=far "
                                  "-device isa-debugcon,chardev=far,iobase=0x402,readback=0x5a");

    g_assert_cmphex(inb(b, 0x402), ==, 0x5a);
    g_assert_cmphex(inb(b, 0xe9), ==, 0xff);
    outb(b, 0x402, 'x');
    g_assert_cmpstr(board_sent(b, "far")->str, ==, "x");
    board_finish(b);
}

static void debugcon_keeps_what_a_slow_far_end_does_not_take(void)
{
    struct board *b = board_start("-nodefaults -chardev test,id=far "
                                  "-device isa-debugcon,chardev=far");
    GString *want = g_string_new("");

    board_chr_limit(b, "far", 3);
    for (unsigned i = 0; i < 5000; i++) {
        outb(b, 0xe9, 'a' + i % 26);
        if (i < 3 + 4096)
            g_string_append_c(want, 'a' + i % 26);
    }
    g_assert_cmpuint(board_sent(b, "far")->len, ==, 3);
    board_chr_limit(b, "far", SIZE_MAX);
    g_assert_cmpstr(board_sent(b, "far")->str, ==, want->str);
    g_string_free(want, TRUE);
    board_finish(b);
}

/* ---- isa-debug-exit ---- */

static void a_write_of_any_size_ends_the_program(void)
{
    struct board *b = board_start("-nodefaults -device isa-debug-exit,iobase=0xf4,iosize=4");
    int code;

    g_assert_cmphex(inl(b, 0xf4), ==, 0);
    outb(b, 0xf4, 0);
    g_assert_cmpuint(board_power(b, &code), ==, TENON_POWER_EXIT);
    g_assert_cmpint(code, ==, 1);
    outw(b, 0xf4, 63);
    g_assert_cmpuint(board_power(b, &code), ==, TENON_POWER_EXIT);
    g_assert_cmpint(code, ==, 127);
    outl(b, 0xf4, 0x80);
    g_assert_cmpuint(board_power(b, &code), ==, TENON_POWER_EXIT);
    g_assert_cmpint(code, ==, 1); /* only eight bits */
    outb(b, 0xf7, 1);
    g_assert_cmpuint(board_power(b, &code), ==, TENON_POWER_EXIT);
    g_assert_cmpint(code, ==, 3);
    outb(b, 0xf8, 1);
    g_assert_cmpuint(board_power(b, &code), ==, 0);
    board_finish(b);
}

static void exit_ports_are_two_at_501(void)
{
    struct board *b = board_start("-nodefaults -device isa-debug-exit");
    int code;

    g_assert_cmphex(inw(b, 0x501), ==, 0);
    outb(b, 0x502, 2);
    g_assert_cmpuint(board_power(b, &code), ==, TENON_POWER_EXIT);
    g_assert_cmpint(code, ==, 5);
    board_finish(b);
}

static void exit_ports_must_be_ports(void)
{
    char *errors;

    g_assert_null(board_try("-nodefaults -device isa-debug-exit,iobase=0xffff", &errors));
    g_assert_nonnull(strstr(errors, "no room for 0x2 ports at 0xffff"));
    g_free(errors);
}

/* ---- pc-testdev ---- */

static void the_latch_takes_bytes_words_and_dwords(void)
{
    struct board *b = board_start("-nodefaults -device pc-testdev");

    outl(b, 0xe0, 0x44332211);
    g_assert_cmphex(inl(b, 0xe0), ==, 0x44332211);
    g_assert_cmphex(inw(b, 0xe1), ==, 0x3322);
    g_assert_cmphex(inb(b, 0xe3), ==, 0x44);
    outw(b, 0xe2, 0xbbaa);
    outb(b, 0xe0, 0x99);
    g_assert_cmphex(inl(b, 0xe0), ==, 0xbbaa2299);
    g_assert_cmphex(inl(b, 0xe8), ==, 0xbbaa2299); /* the same, by bytes */
    outl(b, 0xe8, 0x01020304);
    g_assert_cmphex(inl(b, 0xe0), ==, 0x01020304);
    outl(b, 0xe2, 0xffffffff); /* only two of its bytes are there */
    g_assert_cmphex(inl(b, 0xe0), ==, 0xffff0304);
    board_finish(b);
}

static void bytes_drive_interrupt_inputs(void)
{
    struct board *b = board_start("-nodefaults -device pc-testdev");

    for (unsigned n = 0; n < 24; n++) {
        if (n == 0 || n == 2 || n == 8) /* others drive these too */
            continue;
        g_assert_cmphex(inb(b, 0x2000 + n), ==, 0);
        outb(b, 0x2000 + n, 0x80);
        g_assert_true(board_irq(b, n));
        outb(b, 0x2000 + n, 0);
        g_assert_false(board_irq(b, n));
    }
    outw(b, 0x2003, 1);
    outl(b, 0x2005, 1);
    g_assert_false(board_irq(b, 3));
    g_assert_false(board_irq(b, 5));
    board_finish(b);
}

static void a_reset_lowers_driven_inputs(void)
{
    struct board *b = board_start("-nodefaults -device pc-testdev");

    outb(b, 0x200b, 1);
    g_assert_true(board_irq(b, 11));
    board_reset(b);
    g_assert_false(board_irq(b, 11));
    board_finish(b);
}

static void a_flushed_page_keeps_its_contents(void)
{
    struct board *b = board_start("-nodefaults -device pc-testdev");

    mem_write(b, 0x5000, 0x1234, 4);
    outl(b, 0xe4, 0x5000);
    g_assert_cmphex(mem_read(b, 0x5000, 4), ==, 0x1234);
    mem_write(b, 0x5000, 0x5678, 4);
    g_assert_cmphex(mem_read(b, 0x5000, 4), ==, 0x5678);
    outl(b, 0xe4, 0xfffff000); /* no RAM */
    outb(b, 0xe4, 1);
    g_assert_cmphex(inl(b, 0xe4), ==, 0);
    board_finish(b);
}

static void memory_that_is_no_ram_holds_bytes(void)
{
    struct board *b = board_start("-nodefaults -device pc-testdev");

    mem_write(b, 0xff000000, 0x8877665544332211, 8);
    g_assert_cmphex(mem_read(b, 0xff000003, 4), ==, 0x77665544);
    mem_write(b, 0xff00ffff, 0xaa, 1);
    g_assert_cmphex(mem_read(b, 0xff00ffff, 1), ==, 0xaa);
    g_assert_cmphex(mem_read(b, 0xff00fffe, 2), ==, 0xaa00);
    board_finish(b);
}

/* ---- pvpanic ---- */

static void a_guest_says_that_it_has_crashed(void)
{
    struct board *b = board_start("-nodefaults -device pvpanic");

    g_assert_cmphex(inb(b, 0x505), ==, 3);
    outb(b, 0x505, 1);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_PANIC);
    outb(b, 0x505, 2);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_CRASH_LOADED);
    outb(b, 0x505, 3);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_PANIC);
    outb(b, 0x505, 0x80);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    board_finish(b);
}

static void events_not_offered_are_not_taken(void)
{
    struct board *b = board_start("-nodefaults -device pvpanic,events=1,ioport=0x600");

    g_assert_cmphex(inb(b, 0x600), ==, 1);
    outb(b, 0x600, 2);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/ports/" #name, name)
    TEST(debugcon_sends_bytes_and_says_it_is_there);
    TEST(debugcon_lies_where_it_is_told);
    TEST(debugcon_keeps_what_a_slow_far_end_does_not_take);
    TEST(a_write_of_any_size_ends_the_program);
    TEST(exit_ports_are_two_at_501);
    TEST(exit_ports_must_be_ports);
    TEST(the_latch_takes_bytes_words_and_dwords);
    TEST(bytes_drive_interrupt_inputs);
    TEST(a_reset_lowers_driven_inputs);
    TEST(a_flushed_page_keeps_its_contents);
    TEST(memory_that_is_no_ram_holds_bytes);
    TEST(a_guest_says_that_it_has_crashed);
    TEST(events_not_offered_are_not_taken);
    return g_test_run();
}
