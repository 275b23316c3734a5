/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pipe - a back end on named pipes: PATH.in for what the guest reads and PATH.out for what it
 * sends, or PATH for both.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "stream.h"

struct pipe {
    union {
        struct tenon_dev *dev;
        struct stream stream;
    };
    const char *path;
};

/* Open for both directions, a pipe waits for nobody and outlives who is at its other end. */
static int open_end(const struct pipe *p, const char *suffix)
{
    char path[4096];

    if ((size_t)snprintf(path, sizeof(path), "%s%s", p->path, suffix) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

static int pipe_create(void *self)
{
    struct pipe *p = self;
    int in, out;

    if (!p->path)
        return tenon_error(p->dev, -EINVAL, "path is missing");
    in = open_end(p, ".in");
    out = in < 0 ? -1 : open_end(p, ".out");
    if (out < 0) {
        if (in >= 0)
            close(in);
        in = open_end(p, "");
        if (in < 0)
            return tenon_error(p->dev, -errno, "neither %s.in and %s.out nor %s can be opened: %s",
                               p->path, p->path, p->path, strerror(errno));
        out = fcntl(in, F_DUPFD_CLOEXEC, 3);
    }
    return stream_init(&p->stream, in, out, false);
}

static void pipe_destroy(void *self)
{
    struct pipe *p = self;

    stream_finish(&p->stream);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = stream_write,
    .ready = stream_ready,
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct pipe, "path", TENON_STR, path,
               .help = "the pipes PATH.in and PATH.out, or the one pipe for both"),
};
// clang-format on

TENON_CHARDEV_BACKEND(pipe, "pipe", "named pipes", .ops = &ops, .props = TENON_ARRAY(props),
                      .create = pipe_create, .destroy = pipe_destroy);
TENON_PLUGIN(&tenon_type_pipe);
