/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hostile - a guest that writes anything anywhere breaks itself at most: a reset brings all back.
 */

#include "board.h"

#include <tenon/chardev.h>

static const struct {
    uint16_t first, last;
} ports[] = {
    { 0x60, 0x71 },   { 0x92, 0x92 },   { 0xe0, 0xeb },   { 0x2e8, 0x2ef },
    { 0x3f8, 0x3ff }, { 0x505, 0x505 }, { 0x402, 0x402 }, { 0x2000, 0x2017 },
};

static void access_one(struct board *b, GRand *rand)
{
    unsigned row = g_rand_int_range(rand, 0, G_N_ELEMENTS(ports));
    uint16_t port = g_rand_int_range(rand, ports[row].first, ports[row].last + 1);
    uint32_t value = g_rand_int(rand) >> g_rand_int_range(rand, 0, 32);

    switch (g_rand_int_range(rand, 0, 6)) {
    case 0: inb(b, port); break;
    case 1: inw(b, port); break;
    case 2: inl(b, port); break;
    case 3: outb(b, port, value); break;
    case 4: outw(b, port, value); break;
    case 5: outl(b, port, value); break;
    }
}

/* The world goes on meanwhile. */
static void happen(struct board *b, GRand *rand)
{
    switch (g_rand_int_range(rand, 0, 40)) {
    case 0: board_step(b, g_rand_int_range(rand, 0, 20000000)); break;
    case 1:
        board_receive(b, "far", "some text that comes in", g_rand_int_range(rand, 1, 24));
        break;
    case 2: board_chr_limit(b, "far", g_rand_int_range(rand, 0, 40)); break;
    case 3: board_chr_event(b, "far", TENON_CHR_BREAK); break;
    case 4: g_string_truncate(board_sent(b, "far"), 0); break;
    }
}

static void all_ports_survive_anything(void)
{
    struct board *b = board_start("-nodefaults -rtc clock=vm,driftfix=slew -chardev test,id=far "
                                  "-chardev test,id=log -device isa-serial,chardev=far "
                                  "-device isa-serial,index=3 -device pc-testdev -device pvpanic "
                                  "-device isa-debugcon,iobase=0x402,chardev=log");
    GRand *rand = g_rand_new_with_seed(42);

    for (unsigned i = 0; i < 200000; i++) {
        access_one(b, rand);
        happen(b, rand);
    }
    board_power(b, NULL);
    board_reset(b);
    g_assert_cmphex(inb(b, 0x64), ==, 0x18);
    g_assert_cmphex(inb(b, 0x92), ==, 0x02);
    g_assert_cmphex(inb(b, 0x2e8 + 5), ==, 0x60);
    g_assert_cmphex(inb(b, 0x3f8 + 5) & 0x60, ==, 0x60);
    g_assert_cmphex(inl(b, 0xe0), ==, 0);
    outb(b, 0x70, 0x0d);
    g_assert_cmphex(inb(b, 0x71), ==, 0x80);
    for (unsigned n = 1; n < 16; n++)
        g_assert_false(board_irq(b, n));
    g_rand_free(rand);
    board_finish(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/hostile/all_ports_survive_anything", all_ports_survive_anything);
    return g_test_run();
}
