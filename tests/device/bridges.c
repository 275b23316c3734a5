/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bridges - the i440FX, PIIX3 and PIIX4 as a guest's accesses find them. */

#include "board.h"

#include <tenon/system.h>

enum { PMBASE = 0xb000 };

static void enable_pm(struct board *b)
{
    pci_write(b, 1, 3, 0x40, PMBASE | 1, 4);
    pci_write(b, 1, 3, 0x80, 1, 1);
}

/* ---- Configuration ports ---- */

static void the_functions_are_there(void)
{
    struct board *b = board_start("-nodefaults");

    g_assert_cmphex(pci_read(b, 0, 0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(pci_read(b, 1, 0, 0, 4), ==, 0x70008086);
    g_assert_cmphex(pci_read(b, 1, 3, 0, 4), ==, 0x71138086);
    g_assert_cmphex(pci_read(b, 1, 0, 8, 4) >> 16, ==, 0x0601);
    g_assert_cmphex(pci_read(b, 1, 0, 0x0e, 1), ==, 0x80); /* multifunction */
    g_assert_cmphex(pci_read(b, 31, 7, 0, 4), ==, 0xffffffff);
    g_assert_cmphex(pci_read(b, 5, 0, 0x0e, 1), ==, 0xff);
    board_finish(b);
}

static void the_address_port_takes_32_bits_alone(void)
{
    struct board *b = board_start("-nodefaults");

    outl(b, 0xcf8, 0x80000800);
    outb(b, 0xcf8, 0x55);
    outw(b, 0xcf8, 0x5555);
    g_assert_cmphex(inl(b, 0xcf8), ==, 0x80000800);
    g_assert_cmphex(inb(b, 0xcf8), ==, 0xff);
    g_assert_cmphex(inl(b, 0xcfc), ==, 0x70008086);
    board_finish(b);
}

static void low_address_bits_add_to_the_data_port(void)
{
    struct board *b = board_start("-nodefaults");

    outl(b, 0xcf8, 0x80000802);
    g_assert_cmphex(inw(b, 0xcfc), ==, 0x7000);
    outl(b, 0xcf8, 0x80000800);
    g_assert_cmphex(inw(b, 0xcfe), ==, 0x7000);
    g_assert_cmphex(inb(b, 0xcfd), ==, 0x80);
    board_finish(b);
}

static void without_the_enable_bit_nobody_answers(void)
{
    struct board *b = board_start("-nodefaults");

    outl(b, 0xcf8, 0x00000800);
    g_assert_cmphex(inl(b, 0xcfc), ==, 0xffffffff);
    outl(b, 0xcfc, 0);
    g_assert_cmphex(pci_read(b, 1, 0, 0x3c, 1), ==, 0);
    board_finish(b);
}

static void identity_is_read_only(void)
{
    struct board *b = board_start("-nodefaults");

    pci_write(b, 0, 0, 0, 0xdeadbeef, 4);
    pci_write(b, 0, 0, 8, 0xdeadbeef, 4);
    g_assert_cmphex(pci_read(b, 0, 0, 0, 4), ==, 0x12378086);
    g_assert_cmphex(pci_read(b, 0, 0, 8, 4), ==, 0x06000002);
    pci_write(b, 0, 0, 4, 0xffff, 2);
    g_assert_cmphex(pci_read(b, 0, 0, 4, 2) & 7, ==, 7);
    board_finish(b);
}

/* ---- PAM ---- */

static void a_segment_is_opened_and_closed(void)
{
    struct board *b = board_start("-nodefaults");

    mem_write(b, 0xc8000, 0x12345678, 4); /* closed: nobody there */
    g_assert_cmphex(mem_read(b, 0xc8000, 4), ==, 0);
    pci_write(b, 0, 0, 0x5b, 0x03, 1); /* C8000h-CBFFFh: RAM */
    mem_write(b, 0xc8000, 0x12345678, 4);
    g_assert_cmphex(mem_read(b, 0xc8000, 4), ==, 0x12345678);
    pci_write(b, 0, 0, 0x5b, 0x01, 1); /* read-only */
    mem_write(b, 0xc8000, 0, 4);
    g_assert_cmphex(mem_read(b, 0xc8000, 4), ==, 0x12345678);
    g_assert_cmphex(mem_read(b, 0xcc000, 4), ==, 0); /* the next one is not opened */
    pci_write(b, 0, 0, 0x5b, 0x00, 1);
    g_assert_cmphex(mem_read(b, 0xc8000, 4), ==, 0);
    board_finish(b);
}

static void the_firmware_can_be_shadowed(void)
{
    struct board *b = board_start("-nodefaults");
    uint64_t rom = mem_read(b, 0xffff0, 8);

    g_assert_cmphex(rom, ==, mem_read(b, 0xfffffff0, 8));
    pci_write(b, 0, 0, 0x59, 0x30, 1);
    mem_write(b, 0xffff0, 0x0102030405060708, 8);
    g_assert_cmphex(mem_read(b, 0xffff0, 8), ==, 0x0102030405060708);
    board_reset(b); /* SeaBIOS, when woken, counts on finding its own copy */
    g_assert_cmphex(mem_read(b, 0xffff0, 8), ==, 0x0102030405060708);
    g_assert_cmphex(mem_read(b, 0xfffffff0, 8), ==, rom);
    board_finish(b);
}

/* ---- PIIX3 ---- */

/* ---- System management ---- */

enum { SMRAMC = 0x72, SMRAM = 0xa1000 };

static bool is_ram(struct board *b, uint64_t addr)
{
    mem_write(b, addr, 0x5a, 1);
    return mem_read(b, addr, 1) == 0x5a;
}

static void smram_is_open_until_it_is_locked(void)
{
    struct board *b = board_start("-nodefaults");

    g_assert_cmphex(pci_read(b, 0, 0, SMRAMC, 1), ==, 0x02);
    g_assert_false(is_ram(b, SMRAM));
    pci_write(b, 0, 0, SMRAMC, 0xff, 1); /* D_LCK and D_OPEN: not open */
    g_assert_cmphex(pci_read(b, 0, 0, SMRAMC, 1), ==, 0x1a);
    g_assert_false(is_ram(b, SMRAM));
    pci_write(b, 0, 0, SMRAMC & ~3, 0xff4affff, 4);
    g_assert_cmphex(pci_read(b, 0, 0, SMRAMC, 1), ==, 0x1a);
    g_assert_false(is_ram(b, SMRAM));
    board_reset(b);
    g_assert_cmphex(pci_read(b, 0, 0, SMRAMC, 1), ==, 0x02);
    pci_write(b, 0, 0, SMRAMC, 0x4a, 1);
    g_assert_true(is_ram(b, SMRAM));
    g_assert_true(is_ram(b, 0xbffff));
    board_reset(b);
    g_assert_false(is_ram(b, SMRAM));
    board_finish(b);
}

static void apm_commands_ask_for_smis(void)
{
    struct board *b = board_start("-nodefaults -global PIIX4_PM.smm-enabled=on");

    enable_pm(b);
    g_assert_cmphex(pci_read(b, 1, 3, 0x58, 4), ==, 0);
    outb(b, PMBASE + 0x28, 1);
    outb(b, 0xb2, 0x55);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0);
    pci_write(b, 1, 3, 0x58, 1 << 25, 4);
    outb(b, 0xb3, 0x66);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0);
    outb(b, 0xb2, 0x55);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0x20);
    g_assert_cmphex(inw(b, 0xb2), ==, 0x6655);
    outb(b, PMBASE + 0x19, 0xff);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0x20);
    outb(b, PMBASE + 0x18, 0x20);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0);
    outb(b, PMBASE + 0x28, 0);
    outb(b, 0xb2, 0x55);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0);
    board_finish(b);
}

static void without_smm_the_firmware_is_told_so(void)
{
    struct board *b = board_start("-nodefaults");

    enable_pm(b);
    g_assert_cmphex(pci_read(b, 1, 3, 0x58, 4), ==, 1 << 25);
    outb(b, PMBASE + 0x28, 1);
    outb(b, 0xb2, 0x55);
    g_assert_cmphex(inw(b, PMBASE + 0x18), ==, 0);
    board_finish(b);
}

static void the_reset_register_resets_on_a_rising_bit(void)
{
    struct board *b = board_start("-nodefaults");

    outb(b, 0xcf9, 0x02);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    g_assert_cmphex(inb(b, 0xcf9), ==, 0x02);
    outb(b, 0xcf9, 0x06);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_RESET);
    board_finish(b);
}

/* ---- PIIX4 ---- */

static void pm_ports_move_with_their_base(void)
{
    struct board *b = board_start("-nodefaults");

    g_assert_cmphex(inw(b, PMBASE + 4), ==, 0xffff);
    enable_pm(b);
    g_assert_cmphex(inw(b, PMBASE + 4), ==, 0);
    pci_write(b, 1, 3, 0x40, 0xc001, 4);
    g_assert_cmphex(inw(b, PMBASE + 4), ==, 0xffff);
    g_assert_cmphex(inw(b, 0xc004), ==, 0);
    pci_write(b, 1, 3, 0x80, 0, 1);
    g_assert_cmphex(inw(b, 0xc004), ==, 0xffff);
    board_finish(b);
}

static void the_timer_counts_at_its_rate(void)
{
    struct board *b = board_start("-nodefaults");
    uint32_t before;

    enable_pm(b);
    before = inl(b, PMBASE + 8);
    board_step(b, 1000000000);
    g_assert_cmpuint((inl(b, PMBASE + 8) - before) & 0xffffff, ==, 3579545);
    board_finish(b);
}

static void the_timer_overflow_interrupts(void)
{
    struct board *b = board_start("-nodefaults");

    enable_pm(b);
    outb(b, 0xb2, 0xf1); /* ACPI on: SCI */
    g_assert_cmphex(inw(b, PMBASE + 4), ==, 1);
    outw(b, PMBASE + 2, 1);
    board_step(b, 2343000000); /* 2^23 ticks are 2.3435 s */
    g_assert_false(board_irq(b, 9));
    board_step(b, 1000000);
    g_assert_true(board_irq(b, 9));
    g_assert_cmphex(inw(b, PMBASE), ==, 1);
    outw(b, PMBASE, 1);
    g_assert_false(board_irq(b, 9));
    board_step(b, 2344000000);
    g_assert_true(board_irq(b, 9));
    outb(b, 0xb2, 0xf0); /* ACPI off: no SCI */
    g_assert_false(board_irq(b, 9));
    board_finish(b);
}

static void the_timer_overflow_is_noted_unasked(void)
{
    struct board *b = board_start("-nodefaults");

    enable_pm(b);
    board_step(b, 2343000000);
    g_assert_cmphex(inw(b, PMBASE), ==, 0);
    board_step(b, 1000000);
    g_assert_cmphex(inw(b, PMBASE), ==, 1);
    board_step(b, 5000000000); /* whether the bit changes once more or not */
    outw(b, PMBASE, 0xfffe);
    g_assert_cmphex(inw(b, PMBASE), ==, 1);
    outw(b, PMBASE, 1);
    g_assert_cmphex(inw(b, PMBASE), ==, 0);
    board_step(b, 2344000000);
    outb(b, 0xb2, 0xf1); /* ACPI on: SCI */
    g_assert_false(board_irq(b, 9));
    outw(b, PMBASE + 2, 1);
    g_assert_true(board_irq(b, 9));
    board_reset(b);
    enable_pm(b);
    g_assert_cmphex(inw(b, PMBASE), ==, 0);
    board_finish(b);
}

static void sleep_types_mean_what_the_dsdt_says(void)
{
    struct board *b = board_start("-nodefaults");

    enable_pm(b);
    outw(b, PMBASE + 4, 0x2000); /* S5 */
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_OFF);
    outw(b, PMBASE + 4, 0x2400); /* S3 */
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_SUSPEND);
    outb(b, 0x70, 0x0f);
    g_assert_cmphex(inb(b, 0x71), ==, 0xfe);
    outw(b, PMBASE + 4, 0x2800); /* S4 */
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_OFF);
    outw(b, PMBASE + 4, 0x3c00); /* nothing */
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    g_assert_cmphex(inw(b, PMBASE + 4) & 0x2000, ==, 0);
    board_finish(b);
}

static void globals_switch_sleep_off(void)
{
    struct board *b = board_start("-nodefaults -global PIIX4_PM.disable_s3=1 "
                                  "-global driver=PIIX4_PM,property=disable_s4,value=1");

    enable_pm(b);
    outw(b, PMBASE + 4, 0x2400);
    outw(b, PMBASE + 4, 0x2800);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    board_finish(b);
}

static void status_bits_clear_a_byte_at_a_time(void)
{
    struct board *b = board_start("-nodefaults");

    enable_pm(b);
    outb(b, PMBASE + 3, 0x01); /* PWRBTN_EN, by its byte */
    g_assert_cmphex(inw(b, PMBASE + 2), ==, 0x0100);
    outb(b, PMBASE + 2, 0x20);
    g_assert_cmphex(inw(b, PMBASE + 2), ==, 0x0120);
    g_assert_cmphex(inl(b, PMBASE), ==, 0x01200000);
    board_finish(b);
}

static void the_smbus_says_that_nobody_answers(void)
{
    struct board *b = board_start("-nodefaults");

    pci_write(b, 1, 3, 0x90, 0xb101, 4);
    pci_write(b, 1, 3, 0xd2, 0x09, 1);
    g_assert_cmphex(inb(b, 0xb100), ==, 0);
    outb(b, 0xb102, 0x48);
    g_assert_cmphex(inb(b, 0xb100), ==, 0x04);
    g_assert_cmphex(inb(b, 0xb102), ==, 0x08);
    outb(b, 0xb100, 0xff);
    g_assert_cmphex(inb(b, 0xb100), ==, 0);
    board_finish(b);
}

static void a_reset_puts_everything_back(void)
{
    struct board *b = board_start("-nodefaults");

    enable_pm(b);
    outw(b, PMBASE + 2, 0x0521);
    pci_write(b, 1, 0, 0x60, 0x0a, 1);
    board_reset(b);
    g_assert_cmphex(pci_read(b, 1, 3, 0x40, 4), ==, 1);
    g_assert_cmphex(pci_read(b, 1, 0, 0x60, 1), ==, 0x80);
    g_assert_cmphex(inw(b, PMBASE + 2), ==, 0xffff);
    enable_pm(b);
    g_assert_cmphex(inw(b, PMBASE + 2), ==, 0);
    board_finish(b);
}

/* ---- Places ---- */

static void a_slot_is_taken_once(void)
{
    char *errors;

    g_assert_null(
        board_try("-nodefaults -device i440FX,addr=1f -device i440FX,addr=0x1f", &errors));
    g_assert_nonnull(
        g_strstr_len(errors, -1, "-device i440FX,addr=0x1f: slot 1f.0 of bus pci.0 is in use"));
    g_free(errors);
    g_assert_null(board_try("-nodefaults -device i440FX,addr=20", &errors));
    g_assert_nonnull(g_strstr_len(errors, -1, "addr=20: must be"));
    g_free(errors);
    g_assert_null(board_try("-nodefaults -device i440FX,bus=pci.7", &errors));
    g_assert_nonnull(g_strstr_len(errors, -1, "there is 'pci.0'"));
    g_free(errors);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/bridges/" #name, name)
    TEST(the_functions_are_there);
    TEST(the_address_port_takes_32_bits_alone);
    TEST(low_address_bits_add_to_the_data_port);
    TEST(without_the_enable_bit_nobody_answers);
    TEST(identity_is_read_only);
    TEST(a_segment_is_opened_and_closed);
    TEST(the_firmware_can_be_shadowed);
    TEST(smram_is_open_until_it_is_locked);
    TEST(apm_commands_ask_for_smis);
    TEST(without_smm_the_firmware_is_told_so);
    TEST(the_reset_register_resets_on_a_rising_bit);
    TEST(pm_ports_move_with_their_base);
    TEST(the_timer_counts_at_its_rate);
    TEST(the_timer_overflow_interrupts);
    TEST(the_timer_overflow_is_noted_unasked);
    TEST(sleep_types_mean_what_the_dsdt_says);
    TEST(globals_switch_sleep_off);
    TEST(status_bits_clear_a_byte_at_a_time);
    TEST(the_smbus_says_that_nobody_answers);
    TEST(a_reset_puts_everything_back);
    TEST(a_slot_is_taken_once);
    return g_test_run();
}
