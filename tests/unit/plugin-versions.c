/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plugin-versions - plugins and hosts of different minor versions work together.
 *
 * This test is built twice: as this version's host and, with the plugin host compiled anew, as a
 * later one's whose structs have all grown.  Each loads plugins of both versions and uses them.
 */

#include "plugin-test.h"

#include <tenon/chardev.h>
#include <tenon/pci.h>

/* A host of one device: time stands still until it is moved. */
struct board {
    struct tenon_dev pub;
    uint64_t now, due[2];
    bool line;
    uint8_t ram[64];
};

static uint64_t board_now(struct tenon_dev *dev, uint32_t clock)
{
    return ((struct board *)dev)->now;
}

static void board_arm(struct tenon_dev *dev, uint32_t timer, uint64_t when)
{
    g_assert_cmpuint(timer, <, 2);
    ((struct board *)dev)->due[timer] = when;
}

static void board_irq(struct tenon_dev *dev, uint32_t line, bool level)
{
    g_assert_cmpuint(line, ==, 0);
    ((struct board *)dev)->line = level;
}

static int board_dma(struct tenon_dev *dev, uint64_t addr, void *buf, size_t len, bool to_guest)
{
    struct board *board = (struct board *)dev;

    g_assert_cmpuint(addr + len, <=, sizeof(board->ram));
    memcpy(to_guest ? board->ram + addr : buf, to_guest ? buf : board->ram + addr, len);
    return 0;
}

static const struct tenon_host host = {
    .size = sizeof(host),
    .minor = TENON_ABI_MINOR,
    .now = board_now,
    .arm = board_arm,
    .irq = board_irq,
    .dma = board_dma,
};

/* A folder of its own for a build of edu. */
static struct plugins *in_folder(char *dir, const char *file)
{
    GString *edu = contents(file);

    put_file(dir, "device-edu.so", edu->str, edu->len, 0644);
    g_string_free(edu, true);
    return plugins_create(dir);
}

static void fire(const struct type *type, struct board *board, void *state, unsigned timer)
{
    g_assert_cmpuint(board->due[timer], >, board->now);
    board->now = board->due[timer];
    type->timers[timer].fire(state);
}

/* What a driver does: factorial, interrupt, acknowledgement, and a copy there and back. */
static void use_edu(const struct type *type, struct board *board, void *state)
{
    const struct tenon_window *w = &type->windows[0];

    g_assert_cmphex(w->read(state, 0x00, 4), ==, 0x010000ed);
    w->write(state, 0x04, 0x12345678, 4);
    g_assert_cmphex((uint32_t)w->read(state, 0x04, 4), ==, ~0x12345678u);
    w->write(state, 0x20, 0x80, 4);
    w->write(state, 0x08, 5, 4);
    g_assert_cmphex(w->read(state, 0x20, 4), ==, 0x81);
    g_assert_false(board->line);
    fire(type, board, state, 0);
    g_assert_cmpuint(board->now, ==, 77);
    g_assert_cmpuint(w->read(state, 0x08, 4), ==, 120);
    g_assert_cmphex(w->read(state, 0x24, 4), ==, 1);
    g_assert_true(board->line);
    w->write(state, 0x64, 1, 4);
    g_assert_false(board->line);
    memcpy(board->ram, "tenon", 6);
    w->write(state, 0x80, 0, 8);
    w->write(state, 0x88, 0x40000, 8);
    w->write(state, 0x90, 6, 8);
    w->write(state, 0x98, 1, 8);
    fire(type, board, state, 1);
    w->write(state, 0x80, 0x40000, 8);
    w->write(state, 0x88, 32, 8);
    w->write(state, 0x98, 7, 8);
    fire(type, board, state, 1);
    g_assert_cmpstr((char *)board->ram + 32, ==, "tenon");
    g_assert_cmphex(w->read(state, 0x24, 4), ==, 0x100);
    g_assert_true(board->line);
}

static void test_edu(const void *arg)
{
    const char *version = arg;
    char *dir = temp_dir();
    struct plugins *p = in_folder(dir, version);
    const struct type *type = plugins_load(p, "device", "edu", "-device edu");
    static const uint8_t untraced[8];
    struct board board = { .pub = { &host, "e0", untraced } };
    struct tenon_pci_ops ops;
    struct tenon_bar *bars;
    void *state;

    g_assert_nonnull(type);
    /* The test tests something. */
    g_assert_cmpint(TENON_ABI_MINOR, ==, HOST_MINOR);
    g_assert_cmpint((type->t.size > sizeof(type->t)) - (type->t.size < sizeof(type->t)), ==,
                    !strcmp(version, "edu-later.so") - HOST_MINOR);
    table_copy(&ops, sizeof(ops), type->t.ops);
    g_assert_cmphex(ops.vendor, ==, 0x1234);
    bars = array_copy(&ops.bars, sizeof(*bars));
    g_assert_cmpuint(ops.bars.count, ==, 1);
    g_assert_cmpuint(bars[0].window, ==, 0);
    g_free(bars);
    g_assert_cmpstr(type->props[2].name, ==, "dma_mask");
    g_assert_cmphex(type->props[2].initial, ==, 0x0fffffff);
    g_assert_cmpstr(type->regs[type->n_regs - 1].name, ==, "buffer");
    g_assert_cmpstr(type->timers[1].name, ==, "dma");
    state = g_malloc0(type->t.state_size);
    *(struct tenon_dev **)state = &board.pub;
    props_init(type, state);
    g_assert_true(prop_set(type, type_prop(type, "delay"), state, "77", "-device edu"));
    use_edu(type, &board, state);
    props_finish(type, state);
    g_free(state);
    plugins_destroy(p);
    remove_dir(dir);
}

static void test_need(void)
{
    char *dir = temp_dir();
    struct plugins *p = in_folder(dir, "edu-need.so");
    GString *said = listen();
    const struct type *type = plugins_load(p, "device", "edu", "-device edu");

    if (TENON_ABI_MINOR == 0) {
        g_assert_null(type);
        assert_said(said, "needs plugin interface 0.1, this emulator has 0.0\n");
        g_assert_cmpuint(lines(said), ==, 1);
    } else {
        g_assert_nonnull(type);
        g_assert_cmpstr(said->str, ==, "");
    }
    report_redirect(NULL, NULL);
    g_string_free(said, true);
    plugins_destroy(p);
    remove_dir(dir);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/versions/this", "device-edu.so", test_edu);
    g_test_add_data_func("/versions/later", "edu-later.so", test_edu);
    g_test_add_func("/versions/need", test_need);
    return g_test_run();
}
