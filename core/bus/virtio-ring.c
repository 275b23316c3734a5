/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-ring - the rings of a virtio device's queues, split and packed: taking chains of
 * descriptors, putting them back, and who wants to be told.
 *
 * After VIRTIO 1.2, chapters 2.7 (split) and 2.8 (packed).  The driver may write anything at any
 * time: each field is read once, by load(); indices are checked against the queue's size, chains
 * have a bound.
 */

#include <string.h>

#include "bus/virtio.h"
#include "machine/machine.h"

enum { MAX_PIECES = 1024, DESC_BYTES = 16, USED_BYTES = 8 };
enum { DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4, DESC_AVAIL = 0x80, DESC_USED = 0x8000 };
enum { AVAIL_NO_INTERRUPT = 1, USED_NO_NOTIFY = 1 };
enum { EVENTS_ON = 0, EVENTS_OFF = 1, EVENTS_AT = 2, EVENT_WRAP = 0x8000 };

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a, b; /* split: flags, next.  packed: id, flags */
};

/* ---- Fields in guest memory; little-endian, as the host is ---- */

/* The host's address of bytes bytes of a ring.  NULL: there is no RAM, and the device is broken. */
static void *field(struct virtio_queue *q, uint64_t addr, unsigned bytes, bool write)
{
    unsigned align = bytes == DESC_BYTES ? 16 : MIN(bytes, 4);
    void *p = NULL;

    if (addr % align == 0)
        p = space_pointer(q->v->inst->machine->mem, addr, bytes, write);
    if (!p)
        virtio_broken(q->v, "a ring at 0x%" G_GINT64_MODIFIER "x is not in RAM, or not aligned",
                      addr);
    return p;
}

static void mark(struct virtio_queue *q, uint64_t addr, unsigned bytes)
{
    struct range r = space_at(q->v->inst->machine->mem, addr);

    if (r.block)
        block_mark(r.block, r.offset, bytes);
}

static uint16_t load(struct virtio_queue *q, uint64_t addr)
{
    const uint16_t *p = field(q, addr, 2, false);

    return p ? __atomic_load_n(p, __ATOMIC_ACQUIRE) : 0;
}

/* What has been stored before is seen before. */
static void store(struct virtio_queue *q, uint64_t addr, uint16_t value)
{
    uint16_t *p = field(q, addr, 2, true);

    if (!p)
        return;
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
    mark(q, addr, 2);
}

/* Copies a descriptor of a table, which is not in the ring's memory if it is an indirect one. */
static bool load_desc(struct virtio_queue *q, uint64_t addr, struct desc *desc)
{
    if (!space_copy_in(q->v->inst->machine->mem, addr, desc, sizeof(*desc), true, true))
        return true;
    virtio_broken(q->v, "a descriptor at 0x%" G_GINT64_MODIFIER "x is not in RAM", addr);
    return false;
}

/* Has an index that has moved from old to now passed event? */
static bool passed(uint16_t event, uint16_t now, uint16_t old)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - old);
}

/* ---- Collecting a chain ---- */

struct walk {
    struct virtio_queue *q;
    uint64_t out_bytes, in_bytes;
    unsigned n, n_out;
    struct tenon_virtio_piece *pieces; /* MAX_PIECES */
};

static bool add_piece(struct walk *w, uint64_t addr, uint32_t len, bool write)
{
    uint64_t *sum = write ? &w->in_bytes : &w->out_bytes;

    if (!write && w->n > w->n_out) {
        virtio_broken(w->q->v, "a chain has parts to read after parts to write");
        return false;
    }
    if (w->n == MAX_PIECES || *sum + len > UINT32_MAX) {
        virtio_broken(w->q->v, "a chain is too long");
        return false;
    }
    if (!len)
        return true;
    *sum += len;
    w->n_out += !write;
    w->pieces[w->n++] = (struct tenon_virtio_piece){ .addr = addr, .bytes = len };
    return true;
}

/* The number of descriptors in the table that d leads to, or 0: it is none that can be. */
static unsigned indirect_entries(struct walk *w, const struct desc *d, uint16_t flags)
{
    if (virtio_has(w->q->v, VIRTIO_F_INDIRECT_DESC) && !(flags & DESC_NEXT) && d->len &&
        d->len % DESC_BYTES == 0 && d->len / DESC_BYTES <= VIRTIO_ENTRIES)
        return d->len / DESC_BYTES;
    virtio_broken(w->q->v, "an indirect descriptor table of %u bytes cannot be", d->len);
    return 0;
}

static struct virtio_chain *chain_of(const struct walk *w)
{
    struct virtio_queue *q = w->q;
    struct virtio_chain *c = g_malloc(sizeof(*c) + w->n * sizeof(*c->pieces));

    *c = (struct virtio_chain){
        .pub = { .size = sizeof(c->pub),
                 .queue = q - q->v->queues,
                 .out_bytes = w->out_bytes,
                 .in_bytes = w->in_bytes,
                 .out = c->pieces,
                 .in = c->pieces + w->n_out,
                 .n_out = w->n_out,
                 .n_in = w->n - w->n_out },
        .era = q->era,
        .taken = q->taken,
        .take_wrap = q->take_wrap,
    };
    memcpy(c->pieces, w->pieces, w->n * sizeof(*c->pieces));
    q->out++;
    return c;
}

/* ---- Split rings ---- */

static uint64_t avail_entry(const struct virtio_queue *q, uint16_t index)
{
    return q->avail + 4 + 2 * (index & (q->entries - 1));
}

static uint64_t used_entry(const struct virtio_queue *q, uint16_t index)
{
    return q->used + 4 + USED_BYTES * (index & (q->entries - 1));
}

/* Follows the chain that begins at descriptor n of the ring's table. */
static bool split_walk(struct walk *w, unsigned n)
{
    struct virtio_queue *q = w->q;
    unsigned entries = q->entries;
    uint64_t table = q->desc;
    bool indirect = false;
    struct desc d;

    for (unsigned seen = 0; seen < entries; seen++) {
        if (n >= entries) {
            virtio_broken(q->v, "descriptor %u of %u is asked for", n, entries);
            return false;
        }
        if (!load_desc(q, table + DESC_BYTES * n, &d))
            return false;
        if (d.a & DESC_INDIRECT) {
            if (indirect) {
                virtio_broken(q->v, "an indirect descriptor is in an indirect table");
                return false;
            }
            entries = indirect_entries(w, &d, d.a);
            if (!entries)
                return false;
            table = d.addr;
            indirect = true;
            n = 0;
            seen = -1; /* the table has a bound of its own */
            continue;
        }
        if (!add_piece(w, d.addr, d.len, d.a & DESC_WRITE))
            return false;
        if (!(d.a & DESC_NEXT))
            return true;
        n = d.b;
    }
    virtio_broken(q->v, "a chain of descriptors has no end");
    return false;
}

/* Whether there is a chain, and its first descriptor. */
static bool split_next(struct virtio_queue *q, uint16_t *head)
{
    uint16_t index = load(q, q->avail + 2), waiting = index - q->taken;

    if (!waiting || q->v->status & TENON_VIRTIO_NEEDS_RESET)
        return false;
    if (waiting > q->entries || q->out >= q->entries) {
        virtio_broken(q->v, "the available index is %u after %u, in a ring of %u", index, q->taken,
                      q->entries);
        return false;
    }
    *head = load(q, avail_entry(q, q->taken));
    return !(q->v->status & TENON_VIRTIO_NEEDS_RESET);
}

/* The driver notifies when it goes past this index. */
static void split_listen(struct virtio_queue *q)
{
    if (!virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        store(q, q->used, q->deaf ? USED_NO_NOTIFY : 0);
    else if (!q->deaf)
        store(q, used_entry(q, 0) + USED_BYTES * q->entries, q->taken);
}

static struct virtio_chain *split_take(struct virtio_queue *q)
{
    struct tenon_virtio_piece pieces[MAX_PIECES];
    struct walk w = { .q = q, .pieces = pieces };
    struct virtio_chain *c;
    uint16_t head;

    if (!split_next(q, &head) || !split_walk(&w, head))
        return NULL;
    c = chain_of(&w);
    c->id = head;
    q->taken++;
    if (virtio_has(q->v, VIRTIO_F_EVENT_IDX) && !q->deaf) {
        split_listen(q);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the next look at the available index */
    }
    return c;
}

static void split_put(struct virtio_queue *q, const struct virtio_chain *c, uint32_t written)
{
    uint64_t at = used_entry(q, q->put);
    uint32_t *entry = field(q, at, USED_BYTES, true);

    if (!entry)
        return;
    entry[0] = c->id;
    entry[1] = written;
    mark(q, at, USED_BYTES);
    store(q, q->used + 2, ++q->put);
}

static bool split_wants_interrupt(struct virtio_queue *q)
{
    uint16_t old = q->told;

    q->told = q->put;
    if (virtio_has(q->v, VIRTIO_F_NOTIFY_ON_EMPTY) && !q->out && load(q, q->avail + 2) == q->taken)
        return true;
    if (!virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        return !(load(q, q->avail) & AVAIL_NO_INTERRUPT);
    return passed(load(q, avail_entry(q, 0) + 2 * q->entries), q->put, old);
}

/* ---- Packed rings ---- */

static void advance(const struct virtio_queue *q, uint16_t *index, bool *wrap, unsigned by)
{
    unsigned next = *index + by;

    *wrap ^= next >= q->entries;
    *index = next >= q->entries ? next - q->entries : next;
}

static uint64_t packed_entry(const struct virtio_queue *q, uint16_t index)
{
    return q->desc + DESC_BYTES * index;
}

static bool packed_indirect(struct walk *w, const struct desc *table)
{
    unsigned entries = indirect_entries(w, table, table->b);
    struct desc d;

    for (unsigned i = 0; i < entries; i++)
        if (!load_desc(w->q, table->addr + DESC_BYTES * i, &d) ||
            !add_piece(w, d.addr, d.len, d.b & DESC_WRITE))
            return false;
    return entries;
}

/* Whether the driver has made the descriptor available. */
static bool packed_there(struct virtio_queue *q, uint16_t index, bool wrap)
{
    uint16_t flags = load(q, packed_entry(q, index) + 14);

    return !(q->v->status & TENON_VIRTIO_NEEDS_RESET) && !!(flags & DESC_AVAIL) == wrap &&
           !!(flags & DESC_USED) != wrap;
}

static struct virtio_chain *packed_take(struct virtio_queue *q)
{
    struct tenon_virtio_piece pieces[MAX_PIECES];
    struct walk w = { .q = q, .pieces = pieces };
    uint16_t index = q->taken;
    bool wrap = q->take_wrap;
    struct virtio_chain *c;
    unsigned n = 0;
    struct desc d;

    if (!packed_there(q, index, wrap))
        return NULL;
    do {
        if (q->out_entries + ++n > q->entries) {
            virtio_broken(q->v, "a chain of descriptors has no end");
            return NULL;
        }
        if (!load_desc(q, packed_entry(q, index), &d))
            return NULL;
        if (!(d.b & DESC_INDIRECT ? packed_indirect(&w, &d)
                                  : add_piece(&w, d.addr, d.len, d.b & DESC_WRITE)))
            return NULL;
        advance(q, &index, &wrap, 1);
    } while (d.b & DESC_NEXT);
    c = chain_of(&w);
    c->id = d.a;
    c->entries = n;
    q->out_entries += n;
    q->taken = index;
    q->take_wrap = wrap;
    return c;
}

static void packed_put(struct virtio_queue *q, const struct virtio_chain *c, uint32_t written)
{
    uint64_t at = packed_entry(q, q->put);
    struct desc *d = field(q, at, DESC_BYTES, true);
    uint16_t flags = (q->put_wrap ? DESC_AVAIL | DESC_USED : 0) | (written ? DESC_WRITE : 0);

    q->out_entries -= c->entries;
    if (!d)
        return;
    d->len = written;
    d->a = c->id;
    __atomic_store_n(&d->b, flags, __ATOMIC_RELEASE);
    mark(q, at, DESC_BYTES);
    advance(q, &q->put, &q->put_wrap, c->entries);
}

static bool packed_wants_interrupt(struct virtio_queue *q)
{
    uint16_t at = load(q, q->avail), flags = load(q, q->avail + 2) & 3;
    uint16_t old = q->told, event = at & ~EVENT_WRAP;
    bool turned = q->told_wrap != q->put_wrap;

    q->told = q->put;
    q->told_wrap = q->put_wrap;
    if (flags != EVENTS_AT || !virtio_has(q->v, VIRTIO_F_EVENT_IDX))
        return flags != EVENTS_OFF;
    if (!!(at & EVENT_WRAP) != q->put_wrap)
        event -= q->entries;
    return passed(event, q->put, turned ? old - q->entries : old);
}

/* ---- Both ---- */

static bool packed(const struct virtio_queue *q)
{
    return virtio_has(q->v, VIRTIO_F_RING_PACKED);
}

void ring_start(struct virtio_queue *q)
{
    q->taken = q->put = q->told = 0;
    q->take_wrap = q->put_wrap = q->told_wrap = true;
    q->out = q->out_entries = 0;
    q->deaf = false;
}

struct virtio_chain *ring_take(struct virtio_queue *q)
{
    return packed(q) ? packed_take(q) : split_take(q);
}

void ring_put(struct virtio_queue *q, const struct virtio_chain *chain, uint32_t written)
{
    q->out--;
    if (packed(q))
        packed_put(q, chain, written);
    else
        split_put(q, chain, written);
}

bool ring_wants_interrupt(struct virtio_queue *q)
{
    bool wants;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what was put is there before the wish is read */
    wants = packed(q) ? packed_wants_interrupt(q) : split_wants_interrupt(q);
    return wants && !(q->v->status & TENON_VIRTIO_NEEDS_RESET);
}

void ring_listen(struct virtio_queue *q, bool on)
{
    q->deaf = !on;
    if (packed(q))
        store(q, q->used + 2, on ? EVENTS_ON : EVENTS_OFF);
    else
        split_listen(q);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it is there before the next look at the ring */
}
