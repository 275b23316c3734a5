/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pending - bytes on their way to the far end that it has not taken yet, few at most. */
#ifndef TENON_CHARDEV_PENDING_H
#define TENON_CHARDEV_PENDING_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    PENDING_MAX = 8192,
    PENDING_SPARE = 1024, /* kept free for answers: the guest's bytes get the rest */
};

struct pending {
    uint32_t at, n; /* data[at] is the first, n is the end */
    uint8_t data[PENDING_MAX];
};

/* Moves what there is to the front; how much more there is room for. */
static inline size_t pending_space(struct pending *p)
{
    if (p->at)
        memmove(p->data, p->data + p->at, p->n - p->at);
    p->n -= p->at;
    p->at = 0;
    return PENDING_MAX - p->n;
}

/* How many of the guest's bytes there is room for. */
static inline size_t pending_room(struct pending *p)
{
    size_t space = pending_space(p);

    return space > PENDING_SPARE ? space - PENDING_SPARE : 0;
}

/* All of it, or nothing if it does not fit. */
static inline void pending_add(struct pending *p, const void *bytes, size_t n)
{
    if (n > pending_space(p))
        return;
    memcpy(p->data + p->n, bytes, n);
    p->n += n;
}

#endif
