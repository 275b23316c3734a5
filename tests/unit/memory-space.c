/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory-space - tests of address spaces: what is seen where, accesses, readers, doorbells. */

#include "memory/memory.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#include "loop/loop.h"

static struct loop *loop;

static struct block *ram(const char *name, uint64_t bytes)
{
    return block_create(&(struct block_spec){ .name = name, .bytes = bytes });
}

/* ---- A window that answers each byte by its own, and remembers what was written ---- */

struct shadow {
    struct mapping map;
    uint8_t bytes[256];
};

static uint64_t shadow_read(void *arg, uint64_t reg, unsigned size)
{
    struct shadow *s = arg;
    uint64_t value = 0;

    g_assert_true(loop_locked(loop));
    g_assert_cmpuint(reg + size, <=, sizeof(s->bytes));
    memcpy(&value, s->bytes + reg, size);
    return GUINT64_FROM_LE(value);
}

static void shadow_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct shadow *s = arg;

    g_assert_cmpuint(reg + size, <=, sizeof(s->bytes));
    value = GUINT64_TO_LE(value);
    memcpy(s->bytes + reg, &value, size);
}

/* ---- The flattened space against a model that looks at each byte on its own ---- */

enum { SPAN = 512, MAPS = 24, BLOCKS = 3 };

struct model {
    struct space *space;
    uint64_t base;
    struct block *blocks[BLOCKS];
    struct shadow windows[MAPS];
};

static struct mapping *topmost(struct model *m, uint64_t addr, unsigned flag)
{
    struct mapping *top = NULL;

    for (int i = 0; i < MAPS; i++) {
        struct mapping *map = &m->windows[i].map;

        if (!map->space || addr < map->base || addr - map->base >= map->bytes)
            continue;
        /* Of blocks, one that is only written is not read; but one only read hides what it covers.
         */
        if (map->block && !(flag == MAP_READ ? map->flags & MAP_READ : map->flags))
            continue;
        if (!top || map->priority > top->priority ||
            (map->priority == top->priority && map->age > top->age))
            top = map;
    }
    return top;
}

static uint8_t *model_byte(struct model *m, uint64_t addr, unsigned flag)
{
    struct mapping *map = topmost(m, addr, flag);

    if (!map)
        return NULL;
    if (!map->block)
        return &m->windows[(struct shadow *)map - m->windows].bytes[addr - map->base];
    return map->flags & flag ? map->block->host + map->offset + (addr - map->base) : NULL;
}

static void check_ranges(struct model *m)
{
    size_t n;
    const struct range *r = space_ranges(m->space, &n);
    uint64_t seen = 0, expected = 0;

    for (size_t i = 0; i < n; i++) {
        g_assert_cmpuint(r[i].bytes, >, 0);
        if (i) {
            const struct range *p = &r[i - 1];

            g_assert_cmpuint(r[i].base - p->base, >=, p->bytes);
            g_assert_false(p->base + p->bytes == r[i].base && p->block && p->block == r[i].block &&
                           p->offset + p->bytes == r[i].offset && p->flags == r[i].flags &&
                           p->below == r[i].below);
        }
        seen += r[i].bytes;
    }
    for (int i = 0; i < SPAN; i++)
        expected += topmost(m, m->base + i, MAP_WRITE) != NULL;
    g_assert_cmpuint(seen, ==, expected);
}

/* Is the same byte of a block seen, and written, at a later place too? */
static bool again(uint8_t *const *bytes, unsigned j, unsigned n)
{
    for (unsigned k = j + 1; k < n; k++)
        if (bytes[k] == bytes[j])
            return true;
    return false;
}

static void check_accesses(struct model *m)
{
    for (int i = 0; i < 50; i++) {
        unsigned size = g_test_rand_int_range(1, 9);
        uint64_t addr = m->base + g_test_rand_int_range(0, SPAN - 8 + 1), value;
        uint8_t *bytes[8];

        value = space_read(m->space, addr, size, true);
        for (unsigned j = 0; j < size; j++) {
            uint8_t *byte = model_byte(m, addr + j, MAP_READ);

            g_assert_cmpuint(value >> 8 * j & 0xff, ==, byte ? *byte : 0xff);
        }
        value = (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
        for (unsigned j = 0; j < size; j++)
            bytes[j] = model_byte(m, addr + j, MAP_WRITE);
        space_write(m->space, addr, value, size, true);
        for (unsigned j = 0; j < size; j++)
            if (bytes[j] && !again(bytes, j, size))
                g_assert_cmpuint(*bytes[j], ==, value >> 8 * j & 0xff);
    }
}

static void random_change(struct model *m)
{
    struct shadow *s = &m->windows[g_test_rand_int_range(0, MAPS)];
    struct mapping *map = &s->map;

    if (map->space && map->block && g_test_rand_bit()) {
        mapping_set_flags(map, g_test_rand_int_range(0, 4));
        return;
    }
    mapping_remove(map);
    *map = (struct mapping){ .bytes = g_test_rand_int_range(1, 200),
                             .priority = g_test_rand_int_range(0, 3),
                             .ops = { .read = shadow_read, .write = shadow_write },
                             .arg = s };
    map->base = m->base + g_test_rand_int_range(0, SPAN - map->bytes + 1);
    if (g_test_rand_bit()) {
        map->block = m->blocks[g_test_rand_int_range(0, BLOCKS)];
        map->offset = g_test_rand_bit() ? map->base - m->base : 4u * g_test_rand_int_range(0, 50);
        map->flags = g_test_rand_int_range(0, 4);
    }
    if (g_test_rand_int_range(0, 5))
        mapping_add(m->space, map);
}

static void test_model(gconstpointer data)
{
    struct model *m = g_new0(struct model, 1);

    m->base = *(const uint64_t *)data;
    m->space = space_create("model", loop, 64, true);
    for (int i = 0; i < BLOCKS; i++) {
        m->blocks[i] = ram("block", 4096);
        for (int j = 0; j < 4096; j++)
            m->blocks[i]->host[j] = g_test_rand_int();
    }
    loop_lock(loop);
    for (int round = 0; round < 1500; round++) {
        space_begin(m->space);
        for (int n = g_test_rand_int_range(1, 4); n; n--)
            random_change(m);
        space_end(m->space);
        check_ranges(m);
        check_accesses(m);
    }
    for (int i = 0; i < MAPS; i++)
        mapping_finish(&m->windows[i].map);
    loop_unlock(loop);
    space_destroy(m->space);
    for (int i = 0; i < BLOCKS; i++)
        block_destroy(m->blocks[i]);
    g_free(m);
}

/* ---- Widths ---- */

struct recorder {
    struct mapping map;
    GString *log;
};

static uint64_t log_read(void *arg, uint64_t reg, unsigned size)
{
    struct recorder *r = arg;

    g_string_append_printf(r->log, "r%d.%u ", (int)reg, size);
    return 0x8877665544332211 >> 8 * (reg % 8);
}

static void log_write(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct recorder *r = arg;

    g_string_append_printf(r->log, "w%d.%u=%" PRIx64 " ", (int)reg, size, value);
}

static const struct width_case {
    unsigned bits, min, max;
    bool wide;
    uint64_t reg;
    unsigned size;
    const char *log;
    uint64_t read; /* what is read; what is written is 0x...44332211 */
} width_cases[] = {
    // clang-format off
    { 64, 0, 0, false,  0, 8, "r0.8 w0.8=8877665544332211 ", 0x8877665544332211 },
    { 64, 1, 4, false,  0, 8, "r0.4 r4.4 w0.4=44332211 w4.4=88776655 ", 0x8877665544332211 },
    { 64, 1, 4, false,  2, 4, "r2.4 w2.4=44332211 ", 0x66554433 },
    { 64, 1, 2, false,  1, 4, "r1.1 r2.2 r4.1 w1.1=11 w2.2=3322 w4.1=44 ", 0x55443322 },
    { 64, 1, 1, false,  0, 2, "r0.1 r1.1 w0.1=11 w1.1=22 ", 0x2211 },
    { 64, 4, 4, false,  1, 2, "r0.4 w0.4=221100 ", 0x3322 },
    { 64, 4, 4, false,  2, 4, "r0.4 r4.4 w0.4=22110000 w4.4=4433 ", 0x66554433 },
    { 64, 4, 4, false,  3, 1, "r0.4 w0.4=11000000 ", 0x44 },
    { 64, 4, 4, true,   0, 4, "r0.4 w0.4=44332211 ", 0x44332211 },
    { 64, 4, 4, true,   0, 2, "", 0xffff },
    { 64, 1, 8, false, 15, 2, "r15.1 w15.1=11 ", 0xff88 },          /* split at the border */
    { 16, 1, 4, false, 15, 2, "r15.2 w15.2=2211 ", 0x88 },          /* a port: whole */
    { 16, 1, 1, false, 15, 2, "r15.1 w15.1=11 ", 0xff88 },
    { 16, 1, 1, false, 14, 2, "r14.1 r15.1 w14.1=11 w15.1=22 ", 0x8877 },
    // clang-format on
};

static void test_widths(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(width_cases); i++) {
        const struct width_case *c = &width_cases[i];
        struct space *space = space_create("width", loop, c->bits, true);
        struct recorder r = {
            .map = { .base = 0x100,
                     .bytes = 16,
                     .ops = { log_read, log_write, c->min, c->max, c->wide },
                     .arg = &r },
            .log = g_string_new(""),
        };

        loop_lock(loop);
        mapping_add(space, &r.map);
        g_assert_cmphex(space_read(space, 0x100 + c->reg, c->size, true), ==, c->read);
        space_write(space, 0x100 + c->reg, 0x8877665544332211, c->size, true);
        g_assert_cmpstr(r.log->str, ==, c->log);
        mapping_finish(&r.map);
        loop_unlock(loop);
        g_string_free(r.log, TRUE);
        space_destroy(space);
    }
}

/* ---- Borders, ROM, shadow RAM ---- */

static void test_borders(void)
{
    struct space *space = space_create("memory", loop, 64, false);
    struct block *block = ram("ram", 4096);
    struct mapping map = { .base = -UINT64_C(4096), .bytes = 4096, .block = block, .flags = 3 };
    struct mapping low = { .base = 0, .bytes = 2, .block = block, .flags = 3 };

    loop_lock(loop);
    g_assert_cmphex(space_read(space, 0, 8, true), ==, 0);
    g_assert_cmphex(space_read(space, UINT64_MAX, 8, true), ==, 0);
    mapping_add(space, &map);
    space_write(space, UINT64_MAX - 7, 0x8877665544332211, 8, true);
    g_assert_cmphex(space_read(space, UINT64_MAX - 7, 8, true), ==, 0x8877665544332211);
    g_assert_cmphex(space_read(space, UINT64_MAX - 3, 8, true), ==, 0x88776655);
    g_assert_null(space_pointer(space, UINT64_MAX, 2, false));
    g_assert_true(space_pointer(space, UINT64_MAX, 1, true) == block->host + 4095);
    mapping_add(space, &low);
    space_write(space, 0, 0xbbaa, 4, true);
    g_assert_cmphex(space_read(space, 1, 4, true), ==, 0xbb);
    mapping_finish(&map);
    mapping_finish(&low);
    loop_unlock(loop);
    space_destroy(space);
    block_destroy(block);
}

static void test_shadow_ram(void)
{
    struct space *space = space_create("memory", loop, 64, true);
    struct block *memory = ram("ram", 0x10000), *flash = ram("rom", 0x1000);
    struct range read;
    struct mapping below = { .bytes = 0x10000, .block = memory, .flags = 3 };
    struct mapping rom = {
        .base = 0x4000, .bytes = 0x1000, .block = flash, .flags = MAP_READ, .priority = 1
    };
    struct mapping shadow = { .base = 0x4000,
                              .bytes = 0x1000,
                              .offset = 0x4000,
                              .block = memory,
                              .flags = 0,
                              .priority = 2 };
    size_t n;

    loop_lock(loop);
    flash->host[0] = 0x55;
    mapping_add(space, &below);
    mapping_add(space, &rom);
    mapping_add(space, &shadow);
    space_write(space, 0x4000, 1, 1, true);
    g_assert_cmphex(space_read(space, 0x4000, 1, true), ==, 0x55);
    g_assert_cmphex(memory->host[0x4000], ==, 0);
    g_assert_null(space_pointer(space, 0x4000, 1, true));

    mapping_set_flags(&shadow, MAP_WRITE);
    space_write(space, 0x4000, 2, 1, true);
    g_assert_cmphex(space_read(space, 0x4000, 1, true), ==, 0x55);
    g_assert_cmphex(space_read(space, 0x3fff, 4, true), ==, 0x00005500);
    g_assert_cmphex(memory->host[0x4000], ==, 2);
    read = range_as_read(space_at(space, 0x4000)); /* where code is fetched from */
    g_assert_nonnull(read.block);
    g_assert_cmphex(read.block->host[read.offset], ==, 0x55);
    g_assert_cmpuint(read.flags, ==, MAP_READ);

    mapping_set_flags(&shadow, MAP_READ);
    space_write(space, 0x4000, 3, 1, true);
    g_assert_cmphex(space_read(space, 0x4000, 1, true), ==, 2);

    /* All of it is one piece of RAM then, as few slots as can be. */
    mapping_set_flags(&shadow, MAP_READ | MAP_WRITE);
    space_ranges(space, &n);
    g_assert_cmpuint(n, ==, 1);
    g_assert_nonnull(space_pointer(space, 0, 0x10000, true));

    mapping_finish(&below);
    mapping_finish(&rom);
    mapping_finish(&shadow);
    loop_unlock(loop);
    space_destroy(space);
    block_destroy(memory);
    block_destroy(flash);
}

/* ---- Copies ---- */

static void test_copies(void)
{
    struct space *space = space_create("memory", loop, 64, true);
    struct block *memory = ram("ram", 0x1000);
    struct mapping low = { .bytes = 0x1000, .block = memory, .flags = 3 };
    struct shadow *window = g_new0(struct shadow, 1);
    uint8_t out[0x1100], in[0x1100];

    window->map = (struct mapping){ .base = 0x1003,
                                    .bytes = 0x80,
                                    .arg = window,
                                    .ops = { .read = shadow_read, .write = shadow_write } };
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = i * 7 + i / 256;
    loop_lock(loop);
    mapping_add(space, &low);
    mapping_add(space, &window->map);
    g_assert_cmpint(space_copy_out(space, 0x10, out, 0xff0, true, true), ==, 0);
    g_assert_cmpint(space_copy_in(space, 0x10, in, 0xff0, true, true), ==, 0);
    g_assert_cmpmem(in, 0xff0, out, 0xff0);

    /* RAM, a gap of 3 bytes, 80h bytes of window, nothing */
    g_assert_cmpint(space_copy_out(space, 0xff8, out, 0x100, false, true), ==, -EFAULT);
    g_assert_cmpmem(memory->host + 0xff8, 8, out, 8);
    g_assert_cmpmem(window->bytes, 0x80, out + 11, 0x80);
    loop_unlock(loop);
    memset(in, 0xee, sizeof(in));
    g_assert_cmpint(space_copy_in(space, 0xff8, in, 0x100, false, false), ==, -EFAULT);
    memset(out + 8, 0, 3);
    memset(out + 0x8b, 0, sizeof(out) - 0x8b);
    g_assert_cmpmem(in, 0x100, out, 0x100);
    g_assert_cmpint(space_copy_in(space, 0x1003, in, 0x80, true, false), ==, -EFAULT);
    g_assert_cmpint(in[0x10], ==, 0);
    g_assert_cmpint(space_copy_in(space, 0x1003, in, 0x80, false, false), ==, 0);

    loop_lock(loop);
    mapping_set_flags(&low, MAP_READ);
    g_assert_cmpint(space_copy_out(space, 0, in, 4, true, true), ==, -EFAULT);
    mapping_finish(&low);
    mapping_finish(&window->map);
    loop_unlock(loop);
    space_destroy(space);
    block_destroy(memory);
    g_free(window);
}

/* ---- Callbacks that come back ---- */

struct loopback {
    struct mapping map;
    struct space *space;
    unsigned calls;
    uint64_t got;
};

static void dma_to_self(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct loopback *l = arg;

    l->calls++;
    space_write(l->space, l->map.base, value, size, true);
    l->got = space_read(l->space, l->map.base, 4, true);
}

static uint64_t dma_from_self(void *arg, uint64_t reg, unsigned size)
{
    struct loopback *l = arg;

    l->calls++;
    return space_read(l->space, l->map.base, 2, true);
}

static void move_self(void *arg, uint64_t reg, uint64_t value, unsigned size)
{
    struct loopback *l = arg;

    l->calls++;
    space_begin(l->space);
    mapping_remove(&l->map);
    l->map.base = value;
    mapping_add(l->space, &l->map);
    space_end(l->space);
}

static void test_reentry(void)
{
    struct loopback l = { .space = space_create("memory", loop, 64, true) };

    l.map = (struct mapping){
        .base = 0x1000, .bytes = 0x10, .arg = &l, .ops = { .write = dma_to_self }
    };
    loop_lock(loop);
    mapping_add(l.space, &l.map);
    space_write(l.space, 0x1004, 1, 4, true);
    g_assert_cmpuint(l.calls, ==, 1);
    g_assert_cmphex(l.got, ==, UINT32_MAX);
    l.map.ops.read = dma_from_self;
    g_assert_cmphex(space_read(l.space, 0x1008, 4, true), ==, 0xffff);
    g_assert_cmpuint(l.calls, ==, 2);
    l.map.ops.write = move_self;
    space_write(l.space, 0x1004, 0x2000, 4, true);
    space_write(l.space, 0x1004, 0x3000, 4, true);
    g_assert_cmpuint(l.calls, ==, 3);
    loop_unlock(loop);
    space_write(l.space, 0x2004, 0x3000, 4, false);
    g_assert_cmphex(l.map.base, ==, 0x3000);
    loop_lock(loop);
    mapping_finish(&l.map);
    loop_unlock(loop);
    space_destroy(l.space);
}

/* ---- Listeners and doorbells ---- */

struct ear {
    GString *log;
};

static void heard_change(void *arg, const struct range *old, size_t n_old, const struct range *now,
                         size_t n_now)
{
    g_string_append_printf(((struct ear *)arg)->log, "%d>%d ", (int)n_old, (int)n_now);
}

static void heard_bell(void *arg, const struct doorbell *bell, uint64_t addr, bool add)
{
    g_string_append_printf(((struct ear *)arg)->log, "%c%x ", add ? '+' : '-', (unsigned)addr);
}

static bool rung(int fd)
{
    eventfd_t value;

    return eventfd_read(fd, &value) == 0;
}

static void heard(struct ear *ear, const char *expected)
{
    g_assert_cmpstr(ear->log->str, ==, expected);
    g_string_truncate(ear->log, 0);
}

static void test_listener(void)
{
    struct space *space = space_create("memory", loop, 64, true);
    struct ear ear = { g_string_new("") };
    const struct space_listener listener = {
        .changed = heard_change,
        .doorbell = heard_bell,
        .arg = &ear,
    };
    struct recorder r = { .log = g_string_new("") };
    struct mapping over = { .base = 0x1008, .bytes = 4, .priority = 1 };
    struct doorbell bell = { .reg = 8,
                             .bytes = 2,
                             .match = true,
                             .value = 5,
                             .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };

    r.map = (struct mapping){
        .base = 0x1000, .bytes = 16, .arg = &r, .ops = { .read = log_read, .write = log_write }
    };
    loop_lock(loop);
    mapping_add(space, &r.map);
    space_listen(space, &listener);
    heard(&ear, "0>1 ");
    g_assert_cmpint(space_doorbell(&r.map, &bell), ==, 0);
    heard(&ear, "+1008 ");
    g_assert_cmpint(space_doorbell(&r.map, &bell), ==, -EEXIST);
    bell.reg = 15;
    g_assert_cmpint(space_doorbell(&r.map, &bell), ==, -EINVAL);
    bell.reg = 8;

    space_write(space, 0x1008, 5, 2, true);
    g_assert_true(rung(bell.fd));
    g_assert_cmpstr(r.log->str, ==, "");
    space_write(space, 0x1008, 6, 2, true);
    space_write(space, 0x1008, 5, 4, true);
    space_write(space, 0x1006, 5, 2, true);
    g_assert_false(rung(bell.fd));
    g_assert_cmpstr(r.log->str, ==, "w8.2=6 w8.4=5 w6.2=5 ");

    mapping_add(space, &over); /* hides it */
    heard(&ear, "1>3 -1008 ");
    space_begin(space);
    mapping_remove(&over);
    mapping_remove(&r.map);
    r.map.base = 0x2000;
    mapping_add(space, &r.map);
    space_end(space);
    heard(&ear, "3>1 +2008 ");
    mapping_remove(&r.map);
    heard(&ear, "-2008 1>0 ");
    mapping_add(space, &r.map);
    heard(&ear, "0>1 +2008 ");
    space_unlisten(space, &listener);
    heard(&ear, "-2008 1>0 ");
    bell.fd = -1;
    g_assert_cmpint(space_doorbell(&r.map, &bell), ==, 0);
    g_assert_cmpint(space_doorbell(&r.map, &bell), ==, -ENOENT);
    mapping_finish(&r.map);
    heard(&ear, "");
    loop_unlock(loop);
    space_destroy(space);
    g_string_free(ear.log, TRUE);
    g_string_free(r.log, TRUE);
}

/* ---- Readers ---- */

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

static void test_defer(void)
{
    struct space *space = space_create("memory", loop, 64, true);
    struct mapping map = { .bytes = 1 };
    struct reader *a, *b;
    unsigned calls = 0;

    loop_lock(loop);
    space_defer(space, count, &calls);
    g_assert_cmpuint(calls, ==, 1); /* nobody reads */
    a = space_reader_create(space);
    b = space_reader_create(space);
    space_begin(space);
    mapping_add(space, &map);
    space_defer(space, count, &calls);
    space_reader_quiescent(a);
    space_reader_quiescent(b);
    space_end(space); /* only now is it published */
    g_assert_cmpuint(calls, ==, 1);
    space_reader_quiescent(a);
    mapping_remove(&map);
    g_assert_cmpuint(calls, ==, 1);
    space_reader_offline(b, true);
    mapping_add(space, &map);
    g_assert_cmpuint(calls, ==, 2);
    space_reader_offline(b, false);
    space_reader_quiescent(a);
    space_defer(space, count, &calls);
    g_assert_cmpuint(calls, ==, 2);
    space_reader_destroy(a);
    space_reader_destroy(b);
    mapping_finish(&map);
    g_assert_cmpuint(calls, ==, 3);
    a = space_reader_create(space);
    space_defer(space, count, &calls);
    space_reader_destroy(a);
    g_assert_cmpuint(calls, ==, 3);
    loop_unlock(loop);
    space_destroy(space);
    g_assert_cmpuint(calls, ==, 4);
}

enum { ROUNDS = 400, READERS = 3 };

struct stress {
    struct space *space;
    bool stop; /* atomic */
    unsigned reads[READERS], next;
};

static uint64_t stress_read(void *arg, uint64_t reg, unsigned size)
{
    g_assert_true(loop_locked(loop));
    return 0x77;
}

static gpointer stress_thread(gpointer arg)
{
    struct stress *s = arg;
    unsigned me = __atomic_fetch_add(&s->next, 1, __ATOMIC_RELAXED);
    struct reader *reader = space_reader_create(s->space);
    uint64_t got[64];

    while (!__atomic_load_n(&s->stop, __ATOMIC_RELAXED)) {
        uint64_t value = space_read(s->space, 0x1000, 8, false);

        g_assert_cmphex(value >> 8, ==, 0x1234567890abcd);
        g_assert_cmphex(space_read(s->space, 0x3000, 1, false), ==, 0x77);
        for (int i = 0; i < 64; i++)
            got[i] = space_read(s->space, 0x1000 + 8 * i, 8, false);
        for (int i = 0; i < 64; i++)
            g_assert_cmphex(got[i] >> 8, ==, 0x1234567890abcd);
        __atomic_fetch_add(&s->reads[me], 1, __ATOMIC_RELAXED);
        if (value & 1) {
            space_reader_offline(reader, true);
            space_reader_offline(reader, false);
        }
        space_reader_quiescent(reader);
    }
    space_reader_destroy(reader);
    return NULL;
}

static void destroy_block(void *arg)
{
    block_destroy(arg);
}

static struct mapping *stress_map(unsigned round)
{
    struct mapping *map = g_new0(struct mapping, 1);
    struct block *block = ram("stress", 4096);
    uint64_t *words = (uint64_t *)block->host;

    for (int i = 0; i < 512; i++)
        words[i] = UINT64_C(0x1234567890abcd) << 8 | (uint8_t)round;
    *map = (struct mapping){ .base = 0x1000, .bytes = 4096, .block = block, .flags = 3 };
    return map;
}

/* Readers see one block or the next, whole, while blocks come and go under them. */
static void test_threads(void)
{
    struct stress s = { .space = space_create("memory", loop, 64, true) };
    struct mapping *map = stress_map(0),
                   window = { .base = 0x3000, .bytes = 8, .ops = { .read = stress_read } };
    GThread *threads[READERS];
    unsigned round = 1;

    loop_lock(loop);
    mapping_add(s.space, map);
    mapping_add(s.space, &window);
    for (int i = 0; i < READERS; i++)
        threads[i] = g_thread_new("reader", stress_thread, &s);
    for (bool all = false; round < ROUNDS || !all; round++) {
        struct mapping *old = map;

        space_begin(s.space);
        mapping_remove(old);
        map = stress_map(round);
        mapping_add(s.space, map);
        space_defer(s.space, destroy_block, old->block);
        space_end(s.space);
        g_free(old);
        loop_unlock(loop);
        g_usleep(50);
        loop_lock(loop);
        all = true;
        for (int i = 0; i < READERS; i++)
            all &= __atomic_load_n(&s.reads[i], __ATOMIC_RELAXED) > 0;
    }
    loop_unlock(loop);
    __atomic_store_n(&s.stop, true, __ATOMIC_RELAXED);
    for (int i = 0; i < READERS; i++)
        g_thread_join(threads[i]);
    loop_lock(loop);
    mapping_finish(map);
    mapping_finish(&window);
    block_destroy(map->block);
    g_free(map);
    loop_unlock(loop);
    space_destroy(s.space);
}

int main(int argc, char **argv)
{
    static const uint64_t low = 0, middle = UINT64_C(0xfffffe80), top = -(uint64_t)SPAN;
    int status;

    g_test_init(&argc, &argv, NULL);
    loop = loop_create();
    g_test_add_data_func("/space/model/low", &low, test_model);
    g_test_add_data_func("/space/model/4-gib", &middle, test_model);
    g_test_add_data_func("/space/model/top", &top, test_model);
    g_test_add_func("/space/widths", test_widths);
    g_test_add_func("/space/borders", test_borders);
    g_test_add_func("/space/shadow-ram", test_shadow_ram);
    g_test_add_func("/space/copies", test_copies);
    g_test_add_func("/space/reentry", test_reentry);
    g_test_add_func("/space/listener-and-doorbells", test_listener);
    g_test_add_func("/space/defer", test_defer);
    g_test_add_func("/space/readers-and-changes", test_threads);
    status = g_test_run();
    loop_destroy(loop);
    return status;
}
