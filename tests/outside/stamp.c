/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stamp - a chardev that logs to a file, with the guest's time at the start of each line. */

#include <errno.h>
#include <stdio.h>

#include <tenon/chardev.h>

struct stamp {
    struct tenon_dev *dev;
    const char *path;
    FILE *file;
    bool in_line;
};

static size_t stamp_write(void *self, const void *buf, size_t len)
{
    struct stamp *stamp = self;
    const char *text = buf;

    for (size_t i = 0; i < len; i++) {
        if (!stamp->in_line)
            fprintf(stamp->file, "[%12.6f] ", tenon_now(stamp->dev) / 1e9);
        putc(text[i], stamp->file);
        stamp->in_line = text[i] != '\n';
    }
    fflush(stamp->file);
    return len;
}

static int stamp_create(void *self)
{
    struct stamp *stamp = self;

    if (!stamp->path)
        return tenon_error(stamp->dev, -EINVAL, "path= is missing");
    stamp->file = fopen(stamp->path, "we");
    if (!stamp->file)
        return tenon_error(stamp->dev, -errno, "cannot write %s", stamp->path);
    return 0;
}

static void stamp_destroy(void *self)
{
    struct stamp *stamp = self;

    if (stamp->file)
        fclose(stamp->file);
}

static const struct tenon_prop stamp_props[] = {
    TENON_PROP(struct stamp, "path", TENON_STR, path, .help = "file to write"),
};

static const struct tenon_chardev_ops stamp_ops = {
    .size = sizeof(stamp_ops),
    .write = stamp_write,
};

// clang-format off
TENON_CHARDEV_BACKEND(stamp, "stamp", "log to a file, with times",
    .ops = &stamp_ops,
    .props = TENON_ARRAY(stamp_props),
    .create = stamp_create,
    .destroy = stamp_destroy);
// clang-format on

TENON_PLUGIN(&tenon_type_stamp);
