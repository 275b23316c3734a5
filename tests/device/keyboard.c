/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keyboard - the 8042 with its keyboard and mouse, and port 92h, as a kernel probes them. */

#include "board.h"

#include <tenon/system.h>

enum { DATA = 0x60, COMMAND = 0x64, STATUS = 0x64, PORT92 = 0x92, KBD_IRQ = 1, AUX_IRQ = 12 };
enum { OBF = 0x01, SYSTEM = 0x04, LAST_COMMAND = 0x08, AUX = 0x20 };

static struct board *start(void)
{
    return board_start("-nodefaults");
}

static void command(struct board *b, uint8_t command)
{
    outb(b, COMMAND, command);
}

static void command_with(struct board *b, uint8_t command, uint8_t data)
{
    outb(b, COMMAND, command);
    outb(b, DATA, data);
}

/* The next n bytes come from the keyboard's side, or the mouse's. */
static void answers(struct board *b, bool aux, const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        g_assert_cmphex(inb(b, STATUS) & (OBF | AUX), ==, OBF | (aux ? AUX : 0));
        g_assert_cmphex(inb(b, DATA), ==, bytes[i]);
    }
    g_assert_cmphex(inb(b, STATUS) & OBF, ==, 0);
}
#define ANSWERS(b, aux, ...)                                                                       \
    answers(b, aux, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void keyboard(struct board *b, uint8_t byte)
{
    outb(b, DATA, byte);
}

static void mouse(struct board *b, uint8_t byte)
{
    command_with(b, 0xd4, byte);
}

/* ---- Controller ---- */

static void the_self_test_passes_and_sets_the_system_flag(void)
{
    struct board *b = start();

    g_assert_cmphex(inb(b, STATUS) & (OBF | SYSTEM), ==, 0);
    command(b, 0xaa);
    g_assert_cmphex(inb(b, STATUS) & SYSTEM, ==, SYSTEM);
    ANSWERS(b, false, 0x55);
    board_finish(b);
}

static void the_system_flag_is_the_command_bytes(void)
{
    struct board *b = start();

    command_with(b, 0x60, 0x04);
    g_assert_cmphex(inb(b, STATUS) & SYSTEM, ==, SYSTEM);
    command_with(b, 0x60, 0x00);
    g_assert_cmphex(inb(b, STATUS) & SYSTEM, ==, 0);
    board_finish(b);
}

static void status_says_which_port_was_written_last(void)
{
    struct board *b = start();

    command(b, 0x60);
    g_assert_cmphex(inb(b, STATUS) & LAST_COMMAND, ==, LAST_COMMAND);
    outb(b, DATA, 0);
    g_assert_cmphex(inb(b, STATUS) & LAST_COMMAND, ==, 0);
    board_finish(b);
}

static void the_controllers_memory_keeps_32_bytes(void)
{
    struct board *b = start();

    command_with(b, 0x60, 0x47);
    command_with(b, 0x7f, 0x5a);
    command(b, 0x20);
    ANSWERS(b, false, 0x47);
    command(b, 0x3f);
    ANSWERS(b, false, 0x5a);
    board_finish(b);
}

static void line_tests_pass(void)
{
    static const uint8_t tests[] = { 0xa9, 0xab, 0xe0 };
    struct board *b = start();

    for (unsigned i = 0; i < G_N_ELEMENTS(tests); i++) {
        command(b, tests[i]);
        ANSWERS(b, false, 0x00);
    }
    command(b, 0xc0);
    ANSWERS(b, false, 0x80);
    board_finish(b);
}

static void a_disabled_keyboard_waits(void)
{
    struct board *b = start();

    keyboard(b, 0xee);
    inb(b, DATA);
    keyboard(b, 0xf2);
    g_assert_cmphex(inb(b, DATA), ==, 0xfa);
    command(b, 0xad); /* AB is in the buffer already */
    g_assert_cmphex(inb(b, DATA), ==, 0xab);
    g_assert_cmphex(inb(b, STATUS) & OBF, ==, 0);
    command(b, 0xae);
    ANSWERS(b, false, 0x83);
    command(b, 0xad);
    keyboard(b, 0xee); /* data starts the clock again */
    ANSWERS(b, false, 0xee);
    board_finish(b);
}

static void a_disabled_mouse_waits(void)
{
    struct board *b = start();

    mouse(b, 0xf2);
    command(b, 0xa7);
    command(b, 0x20);
    g_assert_cmphex(inb(b, DATA), ==, 0xfa);
    ANSWERS(b, false, 0x20);
    command(b, 0xa8);
    ANSWERS(b, true, 0x00);
    board_finish(b);
}

static void loops_show_a_byte_even_of_a_disabled_port(void)
{
    struct board *b = start();

    command_with(b, 0x60, 0x30);
    command_with(b, 0xd2, 0x12);
    ANSWERS(b, false, 0x12);
    command_with(b, 0xd3, 0x5a);
    ANSWERS(b, true, 0x5a);
    board_finish(b);
}

static void a_full_buffer_interrupts_if_enabled(void)
{
    struct board *b = start();

    keyboard(b, 0xee);
    g_assert_false(board_irq(b, KBD_IRQ));
    inb(b, DATA);
    command_with(b, 0x60, 0x03);
    keyboard(b, 0xee);
    g_assert_true(board_irq(b, KBD_IRQ));
    g_assert_false(board_irq(b, AUX_IRQ));
    inb(b, DATA);
    g_assert_false(board_irq(b, KBD_IRQ));
    mouse(b, 0xf4);
    g_assert_false(board_irq(b, KBD_IRQ));
    g_assert_true(board_irq(b, AUX_IRQ));
    inb(b, DATA);
    g_assert_false(board_irq(b, AUX_IRQ));
    board_finish(b);
}

static void each_byte_gives_an_edge(void)
{
    struct board *b = start();
    unsigned edges;

    command_with(b, 0x60, 0x01);
    edges = board_edges(b, KBD_IRQ);
    keyboard(b, 0xf2);
    ANSWERS(b, false, 0xfa, 0xab, 0x83);
    g_assert_cmpuint(board_edges(b, KBD_IRQ), ==, edges + 3);
    board_finish(b);
}

static void the_output_port_shows_the_buffer_and_a20(void)
{
    struct board *b = start();

    command(b, 0xd0);
    ANSWERS(b, false, 0xcf);
    command(b, 0xdd);
    command(b, 0xd0);
    ANSWERS(b, false, 0xcd);
    command(b, 0xdf);
    command(b, 0xd0);
    ANSWERS(b, false, 0xcf);
    command_with(b, 0xd1, 0x01);
    command(b, 0xd0);
    ANSWERS(b, false, 0xcd);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    board_finish(b);
}

static void pulling_the_reset_line_resets(void)
{
    struct board *b = start();

    command(b, 0xfe);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_RESET);
    command(b, 0xff);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    command(b, 0xf0);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_RESET);
    command_with(b, 0xd1, 0x02);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_RESET);
    board_finish(b);
}

static void an_unknown_command_says_nothing(void)
{
    struct board *b = start();

    command(b, 0xb7);
    g_assert_cmphex(inb(b, STATUS) & OBF, ==, 0);
    keyboard(b, 0xee);
    ANSWERS(b, false, 0xee);
    board_finish(b);
}

/* ---- Keyboard ---- */

static void the_keyboard_answers_a_kernels_probe(void)
{
    struct board *b = start();

    keyboard(b, 0xff);
    ANSWERS(b, false, 0xfa, 0xaa);
    keyboard(b, 0xf5);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0xf2);
    ANSWERS(b, false, 0xfa, 0xab, 0x83);
    keyboard(b, 0xed);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0x07);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0xf3);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0x00);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0xf4);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0xee);
    ANSWERS(b, false, 0xee);
    board_finish(b);
}

static void scan_sets_are_set_and_asked_for(void)
{
    struct board *b = start();

    for (unsigned set = 1; set <= 3; set++) {
        keyboard(b, 0xf0);
        ANSWERS(b, false, 0xfa);
        keyboard(b, set);
        ANSWERS(b, false, 0xfa);
        keyboard(b, 0xf0);
        ANSWERS(b, false, 0xfa);
        keyboard(b, 0);
        ANSWERS(b, false, 0xfa, set);
    }
    keyboard(b, 0xf0);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 4); /* there is no such set */
    ANSWERS(b, false, 0xfe);
    keyboard(b, 0xf6); /* the default is 2 */
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0xf0);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0);
    ANSWERS(b, false, 0xfa, 2);
    board_finish(b);
}

static void translation_changes_what_the_keyboard_says(void)
{
    struct board *b = start();

    command_with(b, 0x60, 0x40);
    keyboard(b, 0xf2);
    ANSWERS(b, false, 0xfa, 0xab, 0x41);
    keyboard(b, 0xf0);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0);
    ANSWERS(b, false, 0xfa, 0x41);
    board_finish(b);
}

static void a_command_ends_one_that_waits_for_its_argument(void)
{
    struct board *b = start();

    keyboard(b, 0xed);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0xee);
    ANSWERS(b, false, 0xee);
    keyboard(b, 0x07); /* no argument any more */
    ANSWERS(b, false, 0xfe);
    board_finish(b);
}

static void the_last_byte_is_sent_again(void)
{
    struct board *b = start();

    keyboard(b, 0xf2);
    ANSWERS(b, false, 0xfa, 0xab, 0x83);
    keyboard(b, 0xfe);
    ANSWERS(b, false, 0x83);
    board_finish(b);
}

static void a_command_ends_an_answer(void)
{
    struct board *b = start();

    for (unsigned i = 0; i < 40; i++)
        keyboard(b, 0xf2);
    ANSWERS(b, false, 0xfa, 0xfa, 0xab, 0x83); /* the first was in the buffer */
    board_finish(b);
}

/* ---- Mouse ---- */

static void the_mouse_answers_a_kernels_probe(void)
{
    struct board *b = start();

    mouse(b, 0xff);
    ANSWERS(b, true, 0xfa, 0xaa, 0x00);
    mouse(b, 0xf2);
    ANSWERS(b, true, 0xfa, 0x00);
    mouse(b, 0xf3);
    ANSWERS(b, true, 0xfa);
    mouse(b, 200);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xe8);
    ANSWERS(b, true, 0xfa);
    mouse(b, 3);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xe7);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xf4);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xe9);
    ANSWERS(b, true, 0xfa, 0x30, 3, 200);
    mouse(b, 0xf6);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xe9);
    ANSWERS(b, true, 0xfa, 0x00, 2, 100);
    board_finish(b);
}

static void a_still_mouse_reports_no_movement(void)
{
    struct board *b = start();

    mouse(b, 0xf0);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xeb);
    ANSWERS(b, true, 0xfa, 0x08, 0, 0);
    mouse(b, 0xe9);
    ANSWERS(b, true, 0xfa, 0x40, 2, 100);
    mouse(b, 0xea);
    ANSWERS(b, true, 0xfa);
    board_finish(b);
}

static void wrap_mode_echoes(void)
{
    struct board *b = start();

    mouse(b, 0xee);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0xf2);
    ANSWERS(b, true, 0xf2);
    mouse(b, 0x55);
    ANSWERS(b, true, 0x55);
    mouse(b, 0xec);
    ANSWERS(b, true, 0xfa);
    mouse(b, 0x55); /* no command */
    ANSWERS(b, true, 0xfe);
    mouse(b, 0xfe);
    ANSWERS(b, true, 0xfe);
    board_finish(b);
}

/* ---- Port 92h, reset ---- */

static void port_92_resets_on_a_rising_bit(void)
{
    struct board *b = start();

    g_assert_cmphex(inb(b, PORT92), ==, 0x02);
    outb(b, PORT92, 0x00);
    g_assert_cmphex(inb(b, PORT92), ==, 0x00);
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    outb(b, PORT92, 0x03);
    g_assert_cmpuint(board_power(b, NULL), ==, TENON_POWER_RESET);
    outb(b, PORT92, 0x01); /* it was set already */
    g_assert_cmpuint(board_power(b, NULL), ==, 0);
    board_finish(b);
}

static void a_reset_puts_everything_back(void)
{
    struct board *b = start();

    command(b, 0xaa);
    command_with(b, 0x60, 0x07);
    keyboard(b, 0xf0);
    keyboard(b, 0x01);
    mouse(b, 0xf2);
    outb(b, PORT92, 0);
    board_reset(b);
    g_assert_cmphex(inb(b, STATUS) & (OBF | SYSTEM), ==, 0);
    g_assert_false(board_irq(b, KBD_IRQ));
    g_assert_cmphex(inb(b, PORT92), ==, 0x02);
    keyboard(b, 0xf0);
    ANSWERS(b, false, 0xfa);
    keyboard(b, 0);
    ANSWERS(b, false, 0xfa, 2);
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/keyboard/" #name, name)
    TEST(the_self_test_passes_and_sets_the_system_flag);
    TEST(the_system_flag_is_the_command_bytes);
    TEST(status_says_which_port_was_written_last);
    TEST(the_controllers_memory_keeps_32_bytes);
    TEST(line_tests_pass);
    TEST(a_disabled_keyboard_waits);
    TEST(a_disabled_mouse_waits);
    TEST(loops_show_a_byte_even_of_a_disabled_port);
    TEST(a_full_buffer_interrupts_if_enabled);
    TEST(each_byte_gives_an_edge);
    TEST(the_output_port_shows_the_buffer_and_a20);
    TEST(pulling_the_reset_line_resets);
    TEST(an_unknown_command_says_nothing);
    TEST(the_keyboard_answers_a_kernels_probe);
    TEST(scan_sets_are_set_and_asked_for);
    TEST(translation_changes_what_the_keyboard_says);
    TEST(a_command_ends_one_that_waits_for_its_argument);
    TEST(the_last_byte_is_sent_again);
    TEST(a_command_ends_an_answer);
    TEST(the_mouse_answers_a_kernels_probe);
    TEST(a_still_mouse_reports_no_movement);
    TEST(wrap_mode_echoes);
    TEST(port_92_resets_on_a_rising_bit);
    TEST(a_reset_puts_everything_back);
    return g_test_run();
}
