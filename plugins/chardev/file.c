/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* file - a back end that writes what the guest sends to a file, and may read from another. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

struct file {
    union {
        struct tenon_dev *dev;
        struct stream stream;
    };
    const char *path, *input_path;
    bool append;
};

/* -1: why has been said in *error. */
static int open_file(struct file *f, const char *key, const char *path, int flags, int *error)
{
    const struct tenon_files *files = tenon_query(f->dev, "tenon.files/1");
    int fd = files ? files->open(f->dev, path, flags | O_NOCTTY, 0666) : -ENOTSUP;

    if (fd < 0) {
        *error = tenon_error(f->dev, fd, "%s=%s: %s", key, path, strerror(-fd));
        return -1;
    }
    /* A pipe with that name, for one: the machine does not wait for it. */
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return fd;
}

static int file_create(void *self)
{
    struct file *f = self;
    int out, in = -1, error = 0;

    if (!f->path)
        return tenon_error(f->dev, -EINVAL, "path is missing");
    out = open_file(f, "path", f->path, O_WRONLY | O_CREAT | (f->append ? O_APPEND : O_TRUNC),
                    &error);
    if (out < 0)
        return error;
    if (f->input_path) {
        in = open_file(f, "input-path", f->input_path, O_RDONLY, &error);
        if (in < 0) {
            close(out);
            return error;
        }
    }
    return stream_init(&f->stream, in, out, false);
}

static void file_destroy(void *self)
{
    struct file *f = self;

    stream_finish(&f->stream);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = stream_write,
    .ready = stream_ready,
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct file, "path",       TENON_STR,  path,
               .help = "file that gets what the guest sends"),
    TENON_PROP(struct file, "input-path", TENON_STR,  input_path,
               .help = "file the guest reads"),
    TENON_PROP(struct file, "append",     TENON_BOOL, append,
               .help = "keep what is in the file, write behind it"),
};
// clang-format on

TENON_CHARDEV_BACKEND(file, "file", "writes to a file", .ops = &ops, .props = TENON_ARRAY(props),
                      .create = file_create, .destroy = file_destroy);
TENON_PLUGIN(&tenon_type_file);
