/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* outsiders - the plugins of tests/outside as parts of a board. */

#include "board.h"

#include <string.h>
#include <unistd.h>

#define BAR 0xe0000000u

/* The function in slot 5, its BAR placed and its interrupt at input 10. */
static struct board *start_edu(const char *options)
{
    struct board *b = board_start(options);

    pci_write(b, 5, 0, 0x10, BAR, 4);
    pci_write(b, 5, 0, 0x04, 0x0006, 2); /* memory, bus master */
    for (unsigned pirq = 0; pirq < 4; pirq++)
        pci_write(b, 1, 0, 0x60 + pirq, 10, 1);
    return b;
}

static void edu_has_its_place_on_the_bus(void)
{
    struct board *b = board_start("-nodefaults -device edu,addr=5");

    g_assert_cmphex(pci_read(b, 5, 0, 0, 4), ==, 0x11e81234);
    g_assert_cmphex(pci_read(b, 5, 0, 8, 4), ==, 0x00ff0010);
    g_assert_cmphex(pci_read(b, 5, 0, 0x3d, 1), ==, 1);
    pci_write(b, 5, 0, 0x10, 0xffffffff, 4);
    g_assert_cmphex(pci_read(b, 5, 0, 0x10, 4), ==, 0xfff00000);
    g_assert_cmphex(pci_read(b, 5, 0, 0x14, 4), ==, 0);
    board_finish(b);
}

static void edu_lives(void)
{
    struct board *b = start_edu("-nodefaults -device edu,addr=5");

    g_assert_cmphex(mem_read(b, BAR, 4), ==, 0x010000ed);
    mem_write(b, BAR + 4, 0x12345678, 4);
    g_assert_cmphex(mem_read(b, BAR + 4, 4), ==, 0xedcba987);
    pci_write(b, 5, 0, 0x10, BAR + 0x100000, 4);
    g_assert_cmphex(mem_read(b, BAR, 4), !=, 0x010000ed);
    g_assert_cmphex(mem_read(b, BAR + 0x100000, 4), ==, 0x010000ed);
    pci_write(b, 5, 0, 0x04, 0, 2);
    g_assert_cmphex(mem_read(b, BAR + 0x100000, 4), !=, 0x010000ed);
    board_finish(b);
}

static void the_interrupt_comes_after_the_delay(void)
{
    struct board *b = start_edu("-nodefaults -device edu,addr=5,delay=500");

    mem_write(b, BAR + 0x20, 0x80, 4);
    mem_write(b, BAR + 0x08, 10, 4);
    board_step(b, 499);
    g_assert_cmphex(mem_read(b, BAR + 0x20, 4), ==, 0x81);
    g_assert_false(board_irq(b, 10));
    board_step(b, 1);
    g_assert_cmphex(mem_read(b, BAR + 0x20, 4), ==, 0x80);
    g_assert_cmpuint(mem_read(b, BAR + 0x08, 4), ==, 3628800);
    g_assert_cmphex(mem_read(b, BAR + 0x24, 4), ==, 1);
    g_assert_true(board_irq(b, 10));
    mem_write(b, BAR + 0x64, 1, 4);
    g_assert_false(board_irq(b, 10));
    mem_write(b, BAR + 0x08, 0xffffffff, 4); /* ends, and is a multiple of 2^32 */
    board_step(b, 500);
    g_assert_cmpuint(mem_read(b, BAR + 0x08, 4), ==, 0);
    board_finish(b);
}

static void a_copy_goes_there_and_back(void)
{
    struct board *b = start_edu("-nodefaults -device edu,addr=5,dma-delay=10");
    char text[8] = "";

    mem_copy_out(b, 0x10000, "tenon", 6);
    mem_write(b, BAR + 0x80, 0x10000, 8);
    mem_write(b, BAR + 0x88, 0x40000, 8);
    mem_write(b, BAR + 0x90, 6, 8);
    mem_write(b, BAR + 0x98, 1, 8);
    mem_write(b, BAR + 0x88, 0x40800, 8); /* not while it runs */
    board_step(b, 10);
    g_assert_cmphex(mem_read(b, BAR + 0x98, 8), ==, 0);
    mem_write(b, BAR + 0x80, 0x40000, 8);
    mem_write(b, BAR + 0x88, 0x20000, 8);
    mem_write(b, BAR + 0x98, 7, 8);
    g_assert_false(board_irq(b, 10));
    board_step(b, 10);
    g_assert_true(board_irq(b, 10));
    g_assert_cmphex(mem_read(b, BAR + 0x24, 4), ==, 0x100);
    mem_copy_in(b, 0x20000, text, 6);
    g_assert_cmpstr(text, ==, "tenon");
    board_finish(b);
}

static void a_copy_past_the_buffer_is_not_made(void)
{
    static const uint64_t counts[] = { 4097, 1ull << 32, UINT64_MAX };
    struct board *b = start_edu("-nodefaults -device edu,addr=5,dma-delay=10");
    uint32_t word = 0x5a5a5a5a;

    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++) {
        mem_copy_out(b, 0x20000, &word, sizeof(word));
        mem_write(b, BAR + 0x80, 0x40000, 8);
        mem_write(b, BAR + 0x88, 0x20000, 8);
        mem_write(b, BAR + 0x90, counts[i], 8);
        mem_write(b, BAR + 0x98, 3, 8);
        board_step(b, 10);
        g_assert_cmphex(mem_read(b, 0x20000, 4), ==, word);
    }
    mem_write(b, BAR + 0x80, 0x40fff, 8);
    mem_write(b, BAR + 0x90, 2, 8);
    mem_write(b, BAR + 0x98, 3, 8);
    board_step(b, 10);
    g_assert_cmphex(mem_read(b, 0x20000, 4), ==, word);
    board_finish(b);
}

static void a_reset_stops_and_clears(void)
{
    struct board *b = start_edu("-nodefaults -device edu,addr=5,delay=500");

    mem_write(b, BAR + 0x60, 2, 4);
    mem_write(b, BAR + 0x20, 0x80, 4);
    mem_write(b, BAR + 0x08, 10, 4);
    g_assert_true(board_irq(b, 10));
    board_reset(b);
    board_step(b, 1000);
    g_assert_cmphex(pci_read(b, 5, 0, 0x04, 2), ==, 0);
    pci_write(b, 5, 0, 0x10, BAR, 4);
    pci_write(b, 5, 0, 0x04, 2, 2);
    g_assert_cmphex(mem_read(b, BAR + 0x08, 4), ==, 0);
    g_assert_cmphex(mem_read(b, BAR + 0x20, 4), ==, 0);
    g_assert_cmphex(mem_read(b, BAR + 0x24, 4), ==, 0);
    g_assert_false(board_irq(b, 10));
    board_finish(b);
}

static void assert_refused(const char *options, const char *why)
{
    char *errors;

    g_assert_null(board_try(options, &errors));
    if (!strstr(errors, why))
        g_error("\"%s\" is not in: %s", why, errors);
    g_free(errors);
}

static void bad_properties_are_refused(void)
{
    assert_refused(
        "-nodefaults -device edu,delay=soon",
        "-device edu,delay=soon: delay takes a number from 0 to 18446744073709551615, not 'soon'");
    assert_refused("-nodefaults -device edu,dellay=1",
                   "-device edu,dellay=1: edu has no property 'dellay' (did you mean 'delay'?)");
    assert_refused("-nodefaults -device edu,adr=5",
                   "-device edu,adr=5: edu has no property 'adr' (did you mean 'addr'?)");
    assert_refused("-nodefaults -device eud", "-device eud: no such device (did you mean 'edu'?)");
    assert_refused("-nodefaults -chardev stamp,id=c0", "-chardev stamp,id=c0: path= is missing");
    assert_refused("-nodefaults -chardev stamp,id=c0,path=/no/such/file",
                   "-chardev stamp,id=c0,path=/no/such/file: cannot write /no/such/file");
}

static void stamp_tells_the_time(void)
{
    char *path, *options, *text;
    struct board *b;

    g_assert_cmpint(close(g_file_open_tmp("tenon-stamp-XXXXXX", &path, NULL)), ==, 0);
    options =
        g_strdup_printf("-nodefaults -chardev stamp,id=c0,path=%s -device isa-serial,chardev=c0",
                        path);
    b = board_start(options);
    for (const char *c = "one\ntwo\n"; *c; c++) {
        outb(b, 0x3f8, *c);
        board_step(b, 250000000);
    }
    board_finish(b);
    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_nonnull(strstr(text, "] one\n["));
    g_assert_nonnull(strstr(text, "[    1.0"));
    g_assert_nonnull(strstr(text, "] two\n"));
    unlink(path);
    g_free(path);
    g_free(options);
    g_free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/outsiders/" #name, name)
    TEST(edu_has_its_place_on_the_bus);
    TEST(edu_lives);
    TEST(the_interrupt_comes_after_the_delay);
    TEST(a_copy_goes_there_and_back);
    TEST(a_copy_past_the_buffer_is_not_made);
    TEST(a_reset_stops_and_clears);
    TEST(bad_properties_are_refused);
    TEST(stamp_tells_the_time);
    return g_test_run();
}
