/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stream - a pair of file descriptors as a back end. */

#include "stream.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What goes into a file that has room, and may block otherwise: a pipe takes as much at least. */
#define SHARED_MAX 256

/* ---- To the far end ---- */

static void writable(void *self, int fd, unsigned events)
{
    struct stream *s = self;

    s->loop->watch(s->dev, fd, 0, NULL);
    s->host->sent(s->dev);
}

/* As write(2), but never waits. */
static ssize_t write_some(struct stream *s, const void *buf, size_t len)
{
    struct pollfd pfd = { .fd = s->out - 1, .events = POLLOUT };

    if (s->shared) {
        if (poll(&pfd, 1, 0) != 1) {
            errno = EAGAIN;
            return -1;
        }
        len = len < SHARED_MAX ? len : SHARED_MAX;
    }
    return write(s->out - 1, buf, len);
}

static void lost(struct stream *s)
{
    if (!s->failed)
        tenon_log(s->dev, TENON_LOG_INFO, "%s: what the guest sends is lost: %s", s->dev->id,
                  strerror(errno));
    s->failed = true;
}

size_t stream_write(void *self, const void *buf, size_t len)
{
    struct stream *s = self;
    size_t done = 0;

    while (s->out && !s->failed && done < len) {
        ssize_t n = write_some(s, (const char *)buf + done, len - done);

        if (n >= 0) {
            done += n;
        } else if (errno == EAGAIN) {
            s->loop->watch(s->dev, s->out - 1, TENON_WRITABLE, writable);
            return done;
        } else if (errno != EINTR) {
            lost(s);
        }
    }
    return len;
}

/* ---- From the far end ---- */

static void readable(void *self, int fd, unsigned events)
{
    struct stream *s = self;
    char buf[4096];
    size_t room = s->host->room(s->dev);
    ssize_t n = 0;

    if (room) {
        n = read(fd, buf, room < sizeof(buf) ? room : sizeof(buf));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n > 0)
            s->host->input(s->dev, buf, n);
    }
    if (n <= 0)
        s->loop->watch(s->dev, fd, 0, NULL);
    if (room && n <= 0) { /* the end of the file, or of the terminal; what is sent goes on */
        close(fd);
        s->in = 0;
        s->host->event(s->dev, TENON_CHR_CLOSED);
    }
}

void stream_ready(void *self)
{
    struct stream *s = self;

    if (s->in && s->host->room(s->dev))
        s->loop->watch(s->dev, s->in - 1, TENON_READABLE, readable);
}

/* ---- Start and end ---- */

int stream_open_again(int fd, int flags, bool *shared)
{
    char path[32];
    struct stat st;
    int again = -1;

    *shared = false;
    if (fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode))) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        again = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    }
    if (again >= 0)
        return again;
    *shared = true;
    return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

int stream_init(struct stream *s, int in, int out, bool shared)
{
    s->in = in + 1;
    s->out = out + 1;
    s->shared = shared;
    s->host = tenon_query(s->dev, "tenon.chardev/1");
    s->loop = tenon_query(s->dev, "tenon.loop/1");
    if (!s->host || !s->loop)
        return tenon_error(s->dev, -ENOTSUP, "this emulator has no event loop for back ends");
    return 0;
}

void stream_finish(struct stream *s)
{
    if (s->in) {
        s->loop->watch(s->dev, s->in - 1, 0, NULL);
        close(s->in - 1);
    }
    if (s->out) {
        s->loop->watch(s->dev, s->out - 1, 0, NULL);
        close(s->out - 1);
    }
    s->in = s->out = 0;
}
