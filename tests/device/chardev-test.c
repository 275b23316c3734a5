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

static const struct tenon_chardev_ops test_ops = {
    .size = sizeof(test_ops),
    .write = test_write,
    .ready = test_ready,
    .event = test_event,
    .line = test_line,
};

TENON_CHARDEV_BACKEND(test, "test", "the far end is a device test", .ops = &test_ops);

TENON_PLUGIN(&tenon_type_test);
