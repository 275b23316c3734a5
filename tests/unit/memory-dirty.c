/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory-dirty - tests of the tracking of written pages. */

#include "memory/memory.h"

#include <string.h>

#include <glib.h>

#include "loop/loop.h"

enum { PAGES = 200, PAGE = 4096, WORDS = (PAGES + 63) / 64 };

static struct block *make(void)
{
    return block_create(&(struct block_spec){ .name = "dirty", .bytes = PAGES * PAGE });
}

static void test_take(void)
{
    struct block *b = make();
    uint64_t bits[WORDS], one;

    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, 0);
    block_mark(b, 0, PAGE); /* nobody tracks */
    block_dirty_start(b, DIRTY_DISPLAY);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_MIGRATION, 0, PAGES, bits), ==, 0);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, PAGES);
    g_assert_cmphex(bits[WORDS - 1], ==, (UINT64_C(1) << PAGES % 64) - 1);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, 0);

    block_mark(b, 63 * PAGE + PAGE - 1, 2); /* pages 63 and 64 */
    block_mark(b, 5 * PAGE, 0);
    block_mark(b, (PAGES - 1) * PAGE, PAGE);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 64, 64, &one), ==, 1);
    g_assert_cmphex(one, ==, 1);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 192, 7, &one), ==, 0);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, 2);
    g_assert_cmphex(bits[0], ==, UINT64_C(1) << 63);
    g_assert_cmphex(bits[3], ==, UINT64_C(1) << 7);

    block_mark(b, 10 * PAGE, 130 * PAGE);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, 130);
    g_assert_cmphex(bits[0], ==, UINT64_MAX << 10);
    g_assert_cmphex(bits[1], ==, UINT64_MAX);
    g_assert_cmphex(bits[2], ==, (UINT64_C(1) << 12) - 1);
    block_destroy(b);
}

/* What one client takes, the other still has. */
static void test_clients(void)
{
    struct block *b = make();
    uint64_t bits[WORDS];

    block_dirty_start(b, DIRTY_DISPLAY);
    block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits);
    block_dirty_start(b, DIRTY_CODE);
    block_mark(b, 7 * PAGE, 1);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, 1);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_CODE, 0, PAGES, bits), ==, PAGES);
    block_dirty_stop(b, DIRTY_CODE);
    block_mark(b, 7 * PAGE, 1);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_CODE, 0, PAGES, bits), ==, 0);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_DISPLAY, 0, PAGES, bits), ==, 1);
    block_dirty_start(b, DIRTY_CODE);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_CODE, 0, PAGES, bits), ==, PAGES);
    block_destroy(b);
}

/* All ways through a space that write to RAM mark it, and those that do not write do not. */
static void test_space(void)
{
    struct loop *loop = loop_create();
    struct space *space = space_create("memory", loop, 64, true);
    struct block *b = make();
    struct mapping map = { .base = 0x100000,
                           .bytes = 100 * PAGE,
                           .block = b,
                           .offset = PAGE,
                           .flags = MAP_READ | MAP_WRITE };
    uint64_t bits[WORDS], value = 1;

    loop_lock(loop);
    mapping_add(space, &map);
    block_dirty_start(b, DIRTY_MIGRATION);
    block_dirty_take(b, DIRTY_MIGRATION, 0, PAGES, bits);
    space_read(space, map.base, 8, true);
    space_copy_in(space, map.base, &value, 8, true, true);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_MIGRATION, 0, PAGES, bits), ==, 0);
    space_write(space, map.base + 2 * PAGE - 2, value, 4, true);
    space_copy_out(space, map.base + 9 * PAGE, &value, 8, true, true);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_MIGRATION, 0, PAGES, bits), ==, 3);
    g_assert_cmphex(bits[0], ==, 1 << 2 | 1 << 3 | 1 << 10);
    mapping_set_flags(&map, MAP_READ);
    space_write(space, map.base, value, 4, true);
    g_assert_cmpuint(block_dirty_take(b, DIRTY_MIGRATION, 0, PAGES, bits), ==, 0);
    mapping_finish(&map);
    loop_unlock(loop);
    space_destroy(space);
    loop_destroy(loop);
    block_destroy(b);
}

/* ---- Writers and a taker at once: a copy of what is taken ends equal to the block ---- */

enum { WRITERS = 2, WRITES = 100000 };

static gpointer write_often(gpointer arg)
{
    struct block *b = arg;
    GRand *rand = g_rand_new_with_seed(g_random_int());

    for (int i = 1; i <= WRITES; i++) {
        unsigned page = g_rand_int_range(rand, 0, PAGES);

        __atomic_store_n((uint32_t *)(b->host + page * PAGE), i, __ATOMIC_RELAXED);
        block_mark(b, page * PAGE, 4);
    }
    g_rand_free(rand);
    return NULL;
}

static void take_copy(struct block *b, uint32_t *copy)
{
    uint64_t bits[WORDS];

    block_dirty_take(b, DIRTY_MIGRATION, 0, PAGES, bits);
    for (unsigned i = 0; i < PAGES; i++)
        if (bits[i / 64] >> i % 64 & 1)
            copy[i] = __atomic_load_n((uint32_t *)(b->host + i * PAGE), __ATOMIC_RELAXED);
}

static void test_race(void)
{
    struct block *b = make();
    GThread *threads[WRITERS];
    uint32_t copy[PAGES];

    memset(copy, 0xff, sizeof(copy));
    block_dirty_start(b, DIRTY_MIGRATION);
    for (int i = 0; i < WRITERS; i++)
        threads[i] = g_thread_new("writer", write_often, b);
    for (int i = 0; i < 2000; i++)
        take_copy(b, copy);
    for (int i = 0; i < WRITERS; i++)
        g_thread_join(threads[i]);
    take_copy(b, copy);
    for (unsigned i = 0; i < PAGES; i++)
        g_assert_cmpuint(copy[i], ==, *(uint32_t *)(b->host + i * PAGE));
    block_destroy(b);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dirty/take", test_take);
    g_test_add_func("/dirty/clients", test_clients);
    g_test_add_func("/dirty/space", test_space);
    g_test_add_func("/dirty/mark-while-taken", test_race);
    return g_test_run();
}
