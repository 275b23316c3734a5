/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* console - a back end that sends to the program's standard output, and reads nothing. */

#include <unistd.h>

#include "stream.h"

struct console {
    union {
        struct tenon_dev *dev;
        struct stream stream;
    };
};

static int console_create(void *self)
{
    struct console *c = self;
    bool shared;
    int out = stream_open_again(STDOUT_FILENO, O_WRONLY, &shared);

    return stream_init(&c->stream, -1, out, shared);
}

static void console_destroy(void *self)
{
    struct console *c = self;

    stream_finish(&c->stream);
}

static const struct tenon_chardev_ops ops = { .size = sizeof(ops), .write = stream_write };

TENON_CHARDEV_BACKEND(console, "console", "writes to standard output", .ops = &ops,
                      .create = console_create, .destroy = console_destroy);
TENON_PLUGIN(&tenon_type_console);
