/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stream - a pair of file descriptors as a back end: what both the guest and the far end send waits
 * in the kernel until the other side has room.
 */
#ifndef TENON_CHARDEV_STREAM_H
#define TENON_CHARDEV_STREAM_H

#include <fcntl.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

/* The state of a back end begins with it. */
struct stream {
    struct tenon_dev *dev;
    const struct tenon_chardev_host *host;
    const struct tenon_loop *loop;
    int in, out; /* one more than the fd, which is the stream's; 0: none */
    bool shared; /* others use the open file of out too, so it may block */
    bool failed; /* out has had an error, and has been spoken of */
};

/* A fd that is not there is -1; the stream has them now, whatever it returns.  0 or -errno, which
 * has been said.  [main] */
int stream_init(struct stream *s, int in, int out, bool shared);
/* Also right for a zeroed one. */
void stream_finish(struct stream *s);

/*
 * A descriptor that never blocks.  O_NONBLOCK belongs to the open file, which the shell and other
 * programs share: so a terminal or a pipe is opened once more.  What cannot be is used as it is,
 * and *shared is set.
 */
int stream_open_again(int fd, int flags, bool *shared);

/* Of the ops of a back end. */
size_t stream_write(void *self, const void *buf, size_t len);
void stream_ready(void *self);

#endif
