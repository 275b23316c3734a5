/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test - a chardev whose far end is a device test: see board.h. */

#include <tenon/chardev.h>

#include "chardev-test.h"

static size_t test_write(void *self, const void *buf, size_t len)
{
    struct test *test = self;

    return test->sent ? test->sent(test->arg, buf, len) : 0;
}

static void test_ready(void *self)
{
    struct test *test = self;

    if (test->ready)
        test->ready(test->arg);
}

static void test_event(void *self, int event)
{
    struct test *test = self;

    test->last_event = event;
}

static void test_line(void *self, const struct tenon_chr_line *line)
{
    struct test *test = self;

    test->line = *line;
}

static void test_set_lines(void *self, uint32_t lines)
{
    struct test *test = self;

    test->driven = lines;
}

static uint32_t test_lines(void *self)
{
    return ((struct test *)self)->lines;
}

static int test_create(void *self)
{
    struct test *test = self;

    test->lines = TENON_CHR_CTS | TENON_CHR_DSR | TENON_CHR_DCD;
    return 0;
}

static const struct tenon_chardev_ops test_ops = {
    .size = sizeof(test_ops),
    .write = test_write,
    .ready = test_ready,
    .event = test_event,
    .line = test_line,
    .set_lines = test_set_lines,
    .lines = test_lines,
};

TENON_CHARDEV_BACKEND(test, "test", "the far end is a device test", .ops = &test_ops,
                      .create = test_create);

TENON_PLUGIN(&tenon_type_test);
