/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring - memory for items of any size, one behind the other; where there is no room, the oldest
 * ones go, and no more of them than stand in the way.
 */
#ifndef TENON_SOFT_RING_H
#define TENON_SOFT_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Each item begins with one. */
struct ring_item {
    size_t bytes; /* of all of it */
};

/* Items are from 0 to next, and the older ones from oldest to end, behind them. */
struct ring {
    uint8_t *base;
    size_t bytes, next, oldest, end;
    struct {
        uint64_t dropped, rounds; /* items that went; how often it has begun again */
        uint64_t most;            /* that went at once */
    } count;
};

/* What is to be done about an item before it is written over. */
typedef void ring_drop(void *context, struct ring_item *item);

/* Where an item of up to so many bytes may be written, which must be no more than there are; those
 * that stand there are dropped. */
void *ring_room(struct ring *ring, size_t bytes, ring_drop *drop, void *context);

/* It has been written there, and is of so many bytes. */
static inline void ring_add(struct ring *ring, struct ring_item *item, size_t bytes)
{
    item->bytes = bytes;
    ring->next += bytes;
}

static inline void ring_empty(struct ring *ring)
{
    ring->next = ring->oldest = ring->end = 0;
}

static inline size_t ring_used(const struct ring *ring)
{
    return ring->next + ring->end - ring->oldest;
}

#endif
