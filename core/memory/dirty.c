/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dirty - which pages of a block have been written, for each client that wants to know. */

#include "dirty.h"

#include <glib.h>

#include "memory.h"

#define PAGE      UINT64_C(4096)
#define N_CLIENTS 3

/* Stays with the block once it is there, as do its bitmaps: marking takes no lock. */
struct dirty {
    uint64_t *bits[N_CLIENTS]; /* NULL until the client starts */
    unsigned active;           /* atomic; the clients that track now */
    uint64_t *watched;         /* pages of which fn is told; NULL: nobody is */
    block_written_fn *fn;
    void *arg;
};

static uint64_t pages_of(const struct block *block)
{
    return (block->bytes + PAGE - 1) / PAGE;
}

/* Of a word, the bits of the pages from first to last. */
static uint64_t word_mask(uint64_t word, uint64_t first, uint64_t last)
{
    uint64_t from = word == first / 64 ? first % 64 : 0;
    uint64_t to = word == last / 64 ? last % 64 : 63;

    return (UINT64_MAX >> (63 - to)) & (UINT64_MAX << from);
}

static void set_bits(uint64_t *bits, uint64_t first, uint64_t last)
{
    for (uint64_t word = first / 64; word <= last / 64; word++)
        __atomic_fetch_or(&bits[word], word_mask(word, first, last), __ATOMIC_SEQ_CST);
}

void block_dirty_start(struct block *block, enum dirty_client client)
{
    struct dirty *d = block->dirty ? block->dirty : g_new0(struct dirty, 1);
    unsigned i = __builtin_ctz(client);

    if (!d->bits[i])
        d->bits[i] = g_new0(uint64_t, (pages_of(block) + 63) / 64);
    set_bits(d->bits[i], 0, pages_of(block) - 1);
    __atomic_fetch_or(&d->active, client, __ATOMIC_RELEASE);
    __atomic_store_n(&block->dirty, d, __ATOMIC_RELEASE);
}

void block_dirty_stop(struct block *block, enum dirty_client client)
{
    if (block->dirty)
        __atomic_fetch_and(&block->dirty->active, ~client, __ATOMIC_RELAXED);
}

static void tell_watcher(struct block *block, struct dirty *d, uint64_t offset, uint64_t bytes)
{
    uint64_t first = offset / PAGE, last = (offset + bytes - 1) / PAGE, hit = 0;

    for (uint64_t word = first / 64; word <= last / 64; word++) {
        uint64_t mask = word_mask(word, first, last);

        if (__atomic_load_n(&d->watched[word], __ATOMIC_SEQ_CST) & mask)
            hit |= __atomic_fetch_and(&d->watched[word], ~mask, __ATOMIC_SEQ_CST) & mask;
    }
    if (hit)
        d->fn(d->arg, block, offset, bytes);
}

void block_watch(struct block *block, block_written_fn *fn, void *arg)
{
    struct dirty *d = block->dirty ? block->dirty : g_new0(struct dirty, 1);

    d->watched = g_new0(uint64_t, (pages_of(block) + 63) / 64);
    d->fn = fn;
    d->arg = arg;
    __atomic_store_n(&block->dirty, d, __ATOMIC_RELEASE);
}

void block_watch_page(struct block *block, uint64_t offset)
{
    set_bits(block->dirty->watched, offset / PAGE, offset / PAGE);
}

void block_mark_tracked(struct block *block, uint64_t offset, uint64_t bytes)
{
    struct dirty *d = __atomic_load_n(&block->dirty, __ATOMIC_ACQUIRE);
    unsigned active = __atomic_load_n(&d->active, __ATOMIC_ACQUIRE);

    if (!bytes)
        return;
    for (unsigned i = 0; i < N_CLIENTS; i++)
        if (active & 1u << i)
            set_bits(d->bits[i], offset / PAGE, (offset + bytes - 1) / PAGE);
    if (d->watched)
        tell_watcher(block, d, offset, bytes);
}

uint64_t block_dirty_take(struct block *block, enum dirty_client client, uint64_t first,
                          uint64_t pages, uint64_t *bitmap)
{
    struct dirty *d = __atomic_load_n(&block->dirty, __ATOMIC_ACQUIRE);
    unsigned i = __builtin_ctz(client);
    uint64_t words = (pages + 63) / 64, taken = 0;
    bool active = d && __atomic_load_n(&d->active, __ATOMIC_ACQUIRE) & client;

    for (uint64_t w = 0; w < words; w++) {
        uint64_t mask = word_mask(w, 0, pages - 1);

        bitmap[w] =
            active ? __atomic_fetch_and(&d->bits[i][first / 64 + w], ~mask, __ATOMIC_SEQ_CST) & mask
                   : 0;
        taken += __builtin_popcountll(bitmap[w]);
    }
    return taken;
}

void dirty_destroy(struct dirty *d)
{
    if (!d)
        return;
    for (unsigned i = 0; i < N_CLIENTS; i++)
        g_free(d->bits[i]);
    g_free(d->watched);
    g_free(d);
}
