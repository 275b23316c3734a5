/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring - memory for items of any size, of which the oldest go.
 */
#include "ring.h"

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
    uint64_t before = ring->count.dropped, dropped;

    if (bytes > ring->bytes - ring->next)
        begin_again(ring, drop, context);
    drop_before(ring, ring->next + bytes, drop, context);
    dropped = ring->count.dropped - before;
    if (dropped > ring->count.most)
        ring->count.most = dropped;
    return ring->base + ring->next;
}
