/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* test - the state of the chardev by which a device test talks to a device. */
#ifndef TENON_TEST_CHARDEV_H
#define TENON_TEST_CHARDEV_H

#include <tenon/chardev.h>

struct test {
    struct tenon_dev *dev;
    void *arg; /* the test sets these */
    size_t (*sent)(void *arg, const void *buf, size_t len);
    void (*ready)(void *arg);
    int last_event;
    struct tenon_chr_line line;
    uint32_t lines, driven; /* of the modem: the far end's, and the device's */
};

#endif
