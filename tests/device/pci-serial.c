/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci-serial - cards with one, two and four 16550As: their places, their lines, one interrupt. */

#include "board.h"

#include <string.h>

#include <tenon/chardev.h>

enum { SLOT = 5, BASE = 0xc000, IER = 1, LCR = 3, MCR = 4, LSR = 5, MSR = 6, SCR = 7 };

static struct board *start(const char *device)
{
    char *line = g_strdup_printf("-nodefaults -chardev test,id=a -chardev test,id=b "
                                 "-device %s,addr=%d",
                                 device, SLOT);
    struct board *b = board_start(line);

    g_free(line);
    pci_write(b, SLOT, 0, 0x10, BASE, 4);
    pci_write(b, SLOT, 0, 0x04, 1, 2);
    return b;
}

static bool interrupts(struct board *b)
{
    return pci_read(b, SLOT, 0, 6, 2) & 8;
}

static void is(const char *device, uint16_t id, unsigned bytes)
{
    struct board *b = start(device);

    g_assert_cmphex(pci_read(b, SLOT, 0, 0x00, 4), ==, 0x1b36 | (uint32_t)id << 16);
    g_assert_cmphex(pci_read(b, SLOT, 0, 0x08, 4), ==, 0x07000201);
    g_assert_cmphex(pci_read(b, SLOT, 0, 0x2c, 4), ==, 0x11001af4);
    g_assert_cmphex(pci_read(b, SLOT, 0, 0x3d, 1), ==, 1);
    pci_write(b, SLOT, 0, 0x10, 0xffffffff, 4);
    g_assert_cmphex(pci_read(b, SLOT, 0, 0x10, 4), ==, (uint32_t) - (int)bytes | 1);
    board_finish(b);
}

static void numbers(void)
{
    is("pci-serial", 2, 8);
    is("pci-serial-2x", 3, 16);
    is("pci-serial-4x", 4, 32);
}

static void one_line(void)
{
    struct board *b = start("pci-serial,chardev=a,prog_if=6");

    g_assert_cmphex(pci_read(b, SLOT, 0, 0x08, 4), ==, 0x07000601);
    g_assert_cmphex(inb(b, BASE + LSR), ==, 0x60);
    g_assert_cmphex(inb(b, BASE + MSR), ==, 0xb0);
    outb(b, BASE, 'x');
    g_assert_cmpstr(board_sent(b, "a")->str, ==, "x");
    outb(b, BASE + IER, 1);
    g_assert_false(interrupts(b));
    board_receive(b, "a", "y", 1);
    g_assert_true(interrupts(b));
    g_assert_cmpint(inb(b, BASE), ==, 'y');
    g_assert_false(interrupts(b));
    board_finish(b);
}

static void lines_are_apart(void)
{
    struct board *b = start("pci-serial-4x,chardev1=a,chardev3=b");

    outb(b, BASE, '1');
    outb(b, BASE + 8, '2'); /* nobody there */
    outb(b, BASE + 16, '3');
    g_assert_cmpstr(board_sent(b, "a")->str, ==, "1");
    g_assert_cmpstr(board_sent(b, "b")->str, ==, "3");
    for (unsigned n = 0; n < 4; n++)
        outb(b, BASE + n * 8 + SCR, 0x10 + n);
    for (unsigned n = 0; n < 4; n++)
        g_assert_cmphex(inb(b, BASE + n * 8 + SCR), ==, 0x10 + n);
    board_receive(b, "b", "z", 1);
    g_assert_cmphex(inb(b, BASE + LSR), ==, 0x60);
    g_assert_cmpint(inb(b, BASE + 16), ==, 'z');
    board_reset(b);
    pci_write(b, SLOT, 0, 0x10, BASE, 4);
    pci_write(b, SLOT, 0, 0x04, 1, 2);
    g_assert_cmphex(inb(b, BASE + 24 + SCR), ==, 0);
    g_assert_cmphex(inb(b, BASE + 24 + MSR), ==, 0xb0);
    board_finish(b);
}

static void the_interrupt_is_shared(void)
{
    struct board *b = start("pci-serial-2x,chardev1=a,chardev2=b");

    outb(b, BASE + IER, 1);
    outb(b, BASE + 8 + IER, 1);
    board_receive(b, "a", "x", 1);
    board_receive(b, "b", "y", 1);
    g_assert_true(interrupts(b));
    inb(b, BASE);
    g_assert_true(interrupts(b));
    inb(b, BASE + 8);
    g_assert_false(interrupts(b));
    board_finish(b);
}

/* Each port's FIFO has a timeout of its own. */
static void timeouts(void)
{
    struct board *b = start("pci-serial-2x,chardev1=a,chardev2=b");

    for (unsigned port = BASE; port <= BASE + 8; port += 8) {
        outb(b, port + IER, 1);
        outb(b, port + 2, 0xc1);
    }
    board_receive(b, "b", "y", 1);
    g_assert_false(interrupts(b));
    board_step(b, 1000000000);
    g_assert_true(interrupts(b));
    g_assert_cmphex(inb(b, BASE + 2) & 15, ==, 1);
    g_assert_cmphex(inb(b, BASE + 8 + 2) & 15, ==, 12);
    board_finish(b);
}

/* ---- A far end with modem lines: the test's ---- */

static void modem_lines(void)
{
    struct board *b = start("pci-serial,chardev=a");

    board_chr_lines(b, "a", TENON_CHR_CTS | TENON_CHR_DCD);
    g_assert_cmphex(inb(b, BASE + MSR), ==, 0x92); /* DSR has gone */
    outb(b, BASE + MCR, 3);
    g_assert_cmphex(board_chr_driven(b, "a"), ==, TENON_CHR_DTR | TENON_CHR_RTS);
    outb(b, BASE + MCR, 0x11); /* loopback is nobody else's business */
    g_assert_cmphex(board_chr_driven(b, "a"), ==, TENON_CHR_DTR | TENON_CHR_RTS);
    outb(b, BASE + MCR, 1);
    g_assert_cmphex(board_chr_driven(b, "a"), ==, TENON_CHR_DTR);
    inb(b, BASE + MSR);

    outb(b, BASE + IER, 8);
    g_assert_false(interrupts(b));
    board_chr_lines(b, "a", TENON_CHR_DCD);
    board_step(b, 20000000);
    g_assert_true(interrupts(b));
    g_assert_cmphex(inb(b, BASE + MSR), ==, 0x81);
    g_assert_false(interrupts(b));
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/pci-serial/" #name, name)
    TEST(numbers);
    TEST(one_line);
    TEST(lines_are_apart);
    TEST(the_interrupt_is_shared);
    TEST(timeouts);
    TEST(modem_lines);
    return g_test_run();
}
