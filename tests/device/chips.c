/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chips - the interrupt controllers and timers together: a tick's whole way, and random accesses.
 */

#include "board.h"

enum { IOAPIC = 0xfec00000, HPET = 0xfed00000 };

static struct board *start(void)
{
    return board_start("-nodefaults -machine kernel-irqchip=off -global hpet.msi=on "
                       "-global hpet.hpet-intcap=0xffffff");
}

/* As a PC's firmware sets them up: the 8254's ticks come through the 8259A, one after another. */
static void ticks_come_through_the_8259a(void)
{
    struct board *b = start();
    static const uint8_t icws[] = { 0x08, 0x04, 0x01 };
    unsigned ticks = 0;

    outb(b, 0x20, 0x11);
    for (unsigned i = 0; i < 3; i++)
        outb(b, 0x21, icws[i]);
    outb(b, 0x21, 0xfe);
    outb(b, 0x43, 0x34);
    outb(b, 0x40, 0);
    outb(b, 0x40, 0);
    for (unsigned ms = 0; ms < 1000; ms++) {
        board_step(b, 1000000);
        if (!board_intr(b))
            continue;
        g_assert_cmphex(board_ack(b), ==, 0x08);
        outb(b, 0x20, 0x20);
        ticks++;
    }
    g_assert_cmpuint(ticks, ==, 18);
    board_finish(b);
}

static void access_at_random(struct board *b, GRand *rand)
{
    static const uint16_t ports[] = { 0x20, 0x21, 0xa0, 0xa1,  0x40, 0x41,
                                      0x42, 0x43, 0x61, 0x4d0, 0x4d1 };
    static const uint64_t places[] = { IOAPIC, IOAPIC + 0x10, IOAPIC + 0x40 };
    uint64_t value = (uint64_t)g_rand_int(rand) << 32 | g_rand_int(rand);
    unsigned size = 1u << g_rand_int_range(rand, 0, 4);
    uint64_t addr = g_rand_boolean(rand) ? HPET + g_rand_int_range(rand, 0, 0x180)
                                         : places[g_rand_int_range(rand, 0, 3)];
    uint16_t port = ports[g_rand_int_range(rand, 0, G_N_ELEMENTS(ports))];

    switch (g_rand_int_range(rand, 0, 8)) {
    case 0: inb(b, port); break;
    case 1: outb(b, port, value); break;
    case 2: mem_read(b, addr, size); break;
    case 3: mem_write(b, addr, value & 0xff, size); break;
    case 4: mem_write(b, addr, value, size); break;
    case 5: board_ack(b); break;
    case 6: board_eoi(b, value); break;
    case 7: board_step(b, value % 20000); break;
    }
}

/* Nothing to compare: sanitizers and the end of it are the test. */
static void random_accesses_end(void)
{
    for (unsigned seed = 0; seed < 20; seed++) {
        struct board *b = start();
        GRand *rand = g_rand_new_with_seed(seed);

        for (unsigned i = 0; i < 3000; i++)
            access_at_random(b, rand);
        board_reset(b);
        g_assert_false(board_intr(b));
        g_assert_cmphex(mem_read(b, HPET + 0x10, 8), ==, 0);
        g_rand_free(rand);
        board_finish(b);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/chips/" #name, name)
    TEST(ticks_come_through_the_8259a);
    TEST(random_accesses_end);
    return g_test_run();
}
