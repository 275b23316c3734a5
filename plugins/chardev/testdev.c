/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * testdev - a back end that ends the program as a guest's test tells it to: "Nq" is status 2 N + 1,
 * the convention of kvm-unit-tests.
 */

#include <errno.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

enum { NUMBER_MAX = 127 }; /* a status has 8 bits */

struct testdev {
    struct tenon_dev *dev;
    const struct tenon_power *power;
    unsigned number;
};

static void take(struct testdev *t, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        t->number = (t->number * 10 + byte - '0') % (NUMBER_MAX + 1);
        return;
    }
    if (byte == 'q')
        t->power->request(t->dev, TENON_POWER_EXIT, t->number << 1 | 1);
    t->number = 0;
}

static size_t testdev_write(void *self, const void *buf, size_t len)
{
    for (size_t i = 0; i < len; i++)
        take(self, ((const uint8_t *)buf)[i]);
    return len;
}

static int testdev_create(void *self)
{
    struct testdev *t = self;

    t->power = tenon_query(t->dev, "tenon.power/1");
    return t->power ? 0 : tenon_error(t->dev, -ENOTSUP, "this emulator cannot be ended");
}

static const struct tenon_chardev_ops ops = { .size = sizeof(ops), .write = testdev_write };

TENON_CHARDEV_BACKEND(testdev, "testdev", "ends the program when a test says so", .ops = &ops,
                      .create = testdev_create);
TENON_PLUGIN(&tenon_type_testdev);
