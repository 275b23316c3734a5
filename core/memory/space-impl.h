/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* space-impl - a space from inside, for the files of this folder. */
#ifndef TENON_CORE_SPACE_IMPL_H
#define TENON_CORE_SPACE_IMPL_H

#include "memory.h"

#include <pthread.h>

#include <glib.h>

/* A flattened space.  The bases are kept apart: a look-up touches few cache lines. */
struct flat {
    struct range *ranges;
    uint64_t *bases;
    size_t n;
};

struct space {
    char *name;
    struct loop *loop;
    uint64_t max;     /* the last address */
    bool whole;       /* an access is not split at borders */
    uint64_t nothing; /* what is read where there is nothing */

    GPtrArray *maps; /* sorted by base */
    GPtrArray *listeners;
    unsigned depth; /* of space_begin() */
    bool changed;
    uint64_t age;

    struct flat *flat;      /* atomic */
    struct reader *readers; /* atomic; changed under readers_lock */
    pthread_mutex_t readers_lock;
    uint64_t epoch; /* atomic; grows with each removal, after it has been published */
    struct deferred *deferred, **deferred_end;
};

/* What is at addr, from there on; a gap has neither mapping nor block. */
static inline struct range flat_find(const struct flat *flat, uint64_t addr)
{
    size_t i = 0;

    /* i becomes the number of ranges that do not begin after addr. */
    for (size_t n = flat->n; n;) {
        size_t half = n / 2;

        if (flat->bases[i + half] <= addr) {
            i += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    if (i && addr - flat->bases[i - 1] < flat->ranges[i - 1].bytes) {
        struct range r = flat->ranges[i - 1];

        r.offset += addr - r.base;
        r.bytes -= addr - r.base;
        r.base = addr;
        return r;
    }
    /* The last gap may have 2^64 bytes, which is one too many to say. */
    return (struct range){
        .base = addr,
        .bytes = i < flat->n ? flat->bases[i] - addr : MAX(-addr, -addr - 1),
    };
}

/* Sequentially consistent, for space_reader_offline(). */
static inline struct range space_find(struct space *space, uint64_t addr)
{
    return flat_find(__atomic_load_n(&space->flat, __ATOMIC_SEQ_CST), addr);
}

#endif
