/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* null - a back end that takes everything and gives nothing. */

#include <tenon/chardev.h>

struct null {
    struct tenon_dev *dev;
};

static size_t null_write(void *self, const void *buf, size_t len)
{
    return len;
}

static const struct tenon_chardev_ops ops = { .size = sizeof(ops), .write = null_write };

TENON_CHARDEV_BACKEND(null, "null", "takes everything, gives nothing", .ops = &ops);
TENON_PLUGIN(&tenon_type_null);
