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

/* ---- Messages ---- */

enum { NOTIFY = 0xe0000010, TABLE = 0xe0000800, PENDING = 0xe0000c00 };
enum { CAPABILITIES = 0x34, CAP_MSI = 5, CAP_MSIX = 0x11 };

static unsigned find_capability(struct board *b, uint8_t id)
{
    unsigned at = pci_read(b, 4, 0, CAPABILITIES, 1);

    g_assert_true(pci_read(b, 4, 0, 6, 2) & 0x10);
    while (at && pci_read(b, 4, 0, at, 1) != id)
        at = pci_read(b, 4, 0, at + 1, 1);
    g_assert_cmpuint(at, >=, 0x40);
    return at;
}

static void notify(struct board *b, unsigned n, bool taken)
{
    mem_write(b, NOTIFY, n, 4);
    g_assert_cmpuint(mem_read(b, NOTIFY, 4), ==, taken);
}

static void assert_message(struct board *b, uint64_t addr, uint32_t data)
{
    uint64_t sent_addr;
    uint32_t sent;

    g_assert_true(board_msi(b, &sent_addr, &sent));
    g_assert_cmphex(sent_addr, ==, addr);
    g_assert_cmphex(sent, ==, data);
}

static void assert_silent(struct board *b)
{
    uint64_t addr;
    uint32_t data;

    g_assert_false(board_msi(b, &addr, &data));
}

static void msi_sends_its_data_with_the_vector(void)
{
    struct board *b =
        board_start("-nodefaults -machine kernel-irqchip=off -device bars,addr=4,msi=4");
    unsigned cap = find_capability(b, CAP_MSI);

    place(b);
    g_assert_cmphex(pci_read(b, 4, 0, cap + 2, 2), ==, 0x184);
    notify(b, 0, false);
    pci_write(b, 4, 0, cap + 4, 0xfee01003, 4);
    pci_write(b, 4, 0, cap + 12, 0x4147, 2);
    pci_write(b, 4, 0, cap + 2, 0x21, 2); /* four vectors */
    notify(b, 2, true);
    assert_message(b, 0xfee01000, 0x4146);
    pci_write(b, 4, 0, cap + 2, 0x01, 2); /* one: its data as they are */
    notify(b, 0, true);
    assert_message(b, 0xfee01000, 0x4147);
    pci_write(b, 4, 0, cap + 16, 1, 4);
    notify(b, 0, true);
    assert_silent(b);
    g_assert_cmphex(pci_read(b, 4, 0, cap + 20, 4), ==, 1);
    pci_write(b, 4, 0, cap + 16, 0, 4);
    assert_message(b, 0xfee01000, 0x4147);
    g_assert_cmphex(pci_read(b, 4, 0, cap + 20, 4), ==, 0);
    board_reset(b);
    place(b);
    notify(b, 0, false);
    board_finish(b);
}

static struct board *start_msix(unsigned *cap)
{
    struct board *b =
        board_start("-nodefaults -machine kernel-irqchip=off -device bars,addr=4,msix=3");

    *cap = find_capability(b, CAP_MSIX);
    place(b);
    for (unsigned n = 0; n < 3; n++) {
        mem_write(b, TABLE + 16 * n, 0xfee02003, 4);
        mem_write(b, TABLE + 16 * n + 8, 0x40 + n, 4);
        mem_write(b, TABLE + 16 * n + 12, 0, 4);
    }
    return b;
}

static void msix_is_described(void)
{
    unsigned cap;
    struct board *b = start_msix(&cap);

    g_assert_cmphex(pci_read(b, 4, 0, cap + 2, 2), ==, 2);
    g_assert_cmphex(pci_read(b, 4, 0, cap + 4, 4), ==, 0x801);
    g_assert_cmphex(pci_read(b, 4, 0, cap + 8, 4), ==, 0xc01);
    g_assert_cmphex(mem_read(b, TABLE + 16, 8), ==, 0xfee02000);
    mem_write(b, 0xe0000020, 0x55, 4); /* the rest of the window is the device's */
    g_assert_cmphex(mem_read(b, 0xe0000020, 4), ==, 0x55);
    pci_write(b, 4, 0, BAR1, 0xe1000000, 4);
    g_assert_cmphex(mem_read(b, 0xe1000818, 8), ==, 0x41); /* the table goes with it */
    g_assert_cmphex(mem_read(b, TABLE, 8), ==, 0);
    board_reset(b);
    place(b);
    g_assert_cmphex(mem_read(b, TABLE + 8, 8), ==, 0x100000000);
    board_finish(b);
}

static void msix_sends_or_keeps(void)
{
    unsigned cap;
    struct board *b = start_msix(&cap);

    notify(b, 1, false);
    pci_write(b, 4, 0, cap + 2, 0x8000, 2);
    notify(b, 1, true);
    assert_message(b, 0xfee02000, 0x41);
    notify(b, 7, true); /* there is no such vector */
    mem_write(b, TABLE + 16 + 12, 1, 4);
    notify(b, 1, true);
    notify(b, 1, true);
    assert_silent(b);
    g_assert_cmphex(mem_read(b, PENDING, 8), ==, 2);
    mem_write(b, TABLE + 16 + 12, 0, 4);
    assert_message(b, 0xfee02000, 0x41);
    assert_silent(b);
    pci_write(b, 4, 0, cap + 2, 0xc000, 2); /* all masked */
    notify(b, 2, true);
    assert_silent(b);
    pci_write(b, 4, 0, cap + 2, 0x8000, 2);
    assert_message(b, 0xfee02000, 0x42);
    pci_write(b, 4, 0, COMMAND, 3, 2); /* no master */
    notify(b, 0, true);
    assert_silent(b);
    board_finish(b);
}

static void a_message_to_ram_is_a_write(void)
{
    unsigned cap;
    struct board *b = start_msix(&cap);

    mem_write(b, TABLE, 0x2000, 8);
    mem_write(b, TABLE + 8, 0xcafe1234, 4);
    pci_write(b, 4, 0, cap + 2, 0x8000, 2);
    notify(b, 0, true);
    g_assert_cmphex(mem_read(b, 0x2000, 4), ==, 0xcafe1234);
    assert_silent(b);
    board_finish(b);
}

static void messages_take_the_lines_place(void)
{
    unsigned cap;
    struct board *b = start_msix(&cap);
    unsigned line = 10;

    pci_write(b, 1, 0, 0x60, 0x0a0a0a0a, 4); /* all four PIRQs are IRQ 10 */
    mem_write(b, 0xe0000000, 1, 4);
    g_assert_true(board_irq(b, line));
    pci_write(b, 4, 0, cap + 2, 0x8000, 2);
    g_assert_false(board_irq(b, line));
    pci_write(b, 4, 0, cap + 2, 0, 2);
    g_assert_true(board_irq(b, line));
    board_finish(b);
}

static void impossible_counts_are_refused(void)
{
    static const char *const options[] = {
        "-nodefaults -device bars,msi=3",
        "-nodefaults -device bars,msi=64",
        "-nodefaults -device bars,msix=65", /* runs into the pending bits, and further */
        "-nodefaults -device bars,msix=2049",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(options); i++) {
        g_autofree char *errors = NULL;

        g_assert_null(board_try(options[i], &errors));
        g_assert_nonnull(strstr(errors, "there cannot be so many MSI"));
    }
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
    TEST(msi_sends_its_data_with_the_vector);
    TEST(msix_is_described);
    TEST(msix_sends_or_keeps);
    TEST(a_message_to_ram_is_a_write);
    TEST(messages_take_the_lines_place);
    TEST(impossible_counts_are_refused);
    return g_test_run();
}
