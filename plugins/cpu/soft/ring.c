/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring - memory for items of any size, of which the oldest go.
 */
#include "ring.h"

#include <time.h>

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void drop_before(struct ring *ring, size_t at, ring_drop *drop, void *context)
{
    while (ring->oldest < ring->end && ring->oldest < at) {
        struct ring_item *item = (struct ring_item *)(ring->base + ring->oldest);

        ring->oldest += item->bytes;
        ring->count.dropped++;
        drop(context, item);
    }
}

static void begin_again(struct ring *ring, ring_drop *drop, void *context)
{
    drop_before(ring, ring->end, drop, context);
    ring->end = ring->next;
    ring->oldest = ring->next = 0;
    ring->count.rounds++;
}

void *ring_room(struct ring *ring, size_t bytes, ring_drop *drop, void *context)
{
    bool again = bytes > ring->bytes - ring->next;
    uint64_t began, took;

    if (!again && (ring->oldest == ring->end || ring->oldest >= ring->next + bytes))
        return ring->base + ring->next;
    began = now();
    if (again)
        begin_again(ring, drop, context);
    drop_before(ring, ring->next + bytes, drop, context);
    took = now() - began;
    if (took > ring->count.longest)
        ring->count.longest = took;
    return ring->base + ring->next;
}
