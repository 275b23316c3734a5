/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bell - what a guest's access leaves to the event loop: an event fd that a back end rings. */
#ifndef TENON_CHARDEV_BELL_H
#define TENON_CHARDEV_BELL_H

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <tenon/system.h>

/* A zeroed one is none. */
struct bell {
    const struct tenon_loop *loop;
    int fd; /* one more than the fd */
};

/* fn calls bell_heard() first.  0, or what tenon_error() returned.  [main] */
static inline int bell_init(struct bell *bell, struct tenon_dev *dev,
                            void (*fn)(void *self, int fd, unsigned events))
{
    bell->loop = tenon_query(dev, "tenon.loop/1");
    if (!bell->loop)
        return tenon_error(dev, -ENOTSUP, "this emulator has no event loop for back ends");
    bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) + 1;
    if (!bell->fd)
        return tenon_error(dev, -errno, "cannot make an event fd: %s", strerror(errno));
    return bell->loop->watch(dev, bell->fd - 1, TENON_READABLE, fn);
}

static inline void bell_finish(struct bell *bell, struct tenon_dev *dev)
{
    if (!bell->fd)
        return;
    bell->loop->watch(dev, bell->fd - 1, 0, NULL);
    close(bell->fd - 1);
    bell->fd = 0;
}

/* [vcpu] */
static inline void bell_ring(struct bell *bell)
{
    uint64_t one = 1;

    if (write(bell->fd - 1, &one, sizeof(one)) < 0)
        return; /* it rings already */
}

static inline void bell_heard(struct bell *bell)
{
    uint64_t times;

    if (read(bell->fd - 1, &times, sizeof(times)) < 0)
        return; /* somebody was quicker */
}

#endif
