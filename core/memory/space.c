/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* space - address spaces: mappings, their flattening, its publication to readers, doorbells. */

#include "space-impl.h"

#include <assert.h>
#include <errno.h>

#include "loop/loop.h"

/* ---- Flattening ---- */

static uint64_t mapping_last(const struct mapping *m)
{
    return m->base + (m->bytes - 1);
}

static bool mapping_seen(const struct mapping *m)
{
    return m->bytes && (!m->block || m->flags);
}

static bool above(const struct mapping *a, const struct mapping *b)
{
    return a->priority != b->priority ? a->priority > b->priority : a->age > b->age;
}

/* Mappings at the present address, topmost first. */
static void active_add(GPtrArray *active, struct mapping *m)
{
    guint i = 0;

    while (i < active->len && above(g_ptr_array_index(active, i), m))
        i++;
    g_ptr_array_insert(active, i, m);
}

static void active_drop(GPtrArray *active, uint64_t pos)
{
    for (guint i = active->len; i-- > 0;)
        if (mapping_last(g_ptr_array_index(active, i)) < pos)
            g_ptr_array_remove_index(active, i);
}

/* The topmost that can be read, below the first. */
static struct mapping *active_below(GPtrArray *active)
{
    for (guint i = 1; i < active->len; i++) {
        struct mapping *m = g_ptr_array_index(active, i);

        if (!m->block || m->flags & MAP_READ)
            return m;
    }
    return NULL;
}

static bool joins(const struct range *a, const struct range *b)
{
    return a->base + a->bytes == b->base && a->offset + a->bytes == b->offset &&
           a->block == b->block && a->flags == b->flags && a->below == b->below &&
           (a->block || a->mapping == b->mapping);
}

static void emit(GArray *ranges, uint64_t base, uint64_t last, struct mapping *m,
                 struct mapping *below)
{
    struct range r = {
        .base = base,
        .bytes = last - base + 1,
        .mapping = m,
        .block = m->block,
        .offset = base - m->base + (m->block ? m->offset : 0),
        .flags = m->block ? m->flags : 0,
        .below = below,
        .shown = below ? below->block : NULL,
        .shown_offset = below ? base - below->base + below->offset : 0,
    };
    struct range *before =
        ranges->len ? &g_array_index(ranges, struct range, ranges->len - 1) : NULL;

    if (before && joins(before, &r))
        before->bytes += r.bytes;
    else
        g_array_append_val(ranges, r);
}

static struct flat *flat_create(GArray *ranges)
{
    struct flat *flat = g_new(struct flat, 1);

    flat->n = ranges->len;
    flat->bases = g_new(uint64_t, flat->n);
    for (size_t i = 0; i < flat->n; i++)
        flat->bases[i] = g_array_index(ranges, struct range, i).base;
    flat->ranges = (struct range *)g_array_free(ranges, FALSE);
    return flat;
}

static void flat_destroy(void *arg)
{
    struct flat *flat = arg;

    g_free(flat->ranges);
    g_free(flat->bases);
    g_free(flat);
}

/* Goes from border to border; what is topmost between two is seen there. */
static struct flat *flatten(const GPtrArray *maps)
{
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct range));
    GPtrArray *active = g_ptr_array_new();
    uint64_t pos = 0, last = 0;

    for (guint i = 0; i < maps->len || active->len; pos = last + 1) {
        struct mapping *top, *below = NULL;

        if (!active->len)
            pos = ((struct mapping *)g_ptr_array_index(maps, i))->base;
        for (struct mapping *m; i < maps->len; i++) {
            m = g_ptr_array_index(maps, i);
            if (m->base != pos)
                break;
            if (mapping_seen(m))
                active_add(active, m);
        }
        last =
            i < maps->len ? ((struct mapping *)g_ptr_array_index(maps, i))->base - 1 : UINT64_MAX;
        if (!active->len)
            continue;
        top = g_ptr_array_index(active, 0);
        last = MIN(last, mapping_last(top));
        if (top->block && top->flags == MAP_WRITE && (below = active_below(active)))
            last = MIN(last, mapping_last(below));
        emit(ranges, pos, last, top, below);
        if (last == UINT64_MAX)
            break;
        active_drop(active, last + 1);
    }
    g_ptr_array_unref(active);
    return flat_create(ranges);
}

/* ---- Readers: an old flattened space is freed once each reader has been seen after it ---- */

#define NOT_YET UINT64_MAX /* the removal has not been published */

struct deferred {
    struct deferred *next;
    uint64_t epoch;
    void (*fn)(void *arg);
    void *arg;
};

struct reader {
    struct reader *next;
    struct space *space;
    uint64_t seen; /* atomic; the epoch of its last quiescent state; 0: it is offline */
};

/* The epoch that all readers have seen. */
static uint64_t seen_by_all(struct space *space)
{
    uint64_t all = NOT_YET - 1;

    pthread_mutex_lock(&space->readers_lock);
    for (struct reader *r = space->readers; r; r = r->next) {
        uint64_t seen = __atomic_load_n(&r->seen, __ATOMIC_SEQ_CST);

        if (seen)
            all = MIN(all, seen);
    }
    pthread_mutex_unlock(&space->readers_lock);
    return all;
}

static void run_deferred(struct space *space, uint64_t epoch)
{
    struct deferred *d;

    while ((d = space->deferred) && d->epoch <= epoch) {
        space->deferred = d->next;
        if (!d->next)
            space->deferred_end = &space->deferred;
        d->fn(d->arg);
        g_free(d);
    }
}

static void defer(struct space *space, uint64_t epoch, void (*fn)(void *arg), void *arg)
{
    struct deferred *d = g_new(struct deferred, 1);

    *d = (struct deferred){ .epoch = epoch, .fn = fn, .arg = arg };
    *space->deferred_end = d;
    space->deferred_end = &d->next;
}

static uint64_t next_epoch(struct space *space)
{
    return __atomic_add_fetch(&space->epoch, 1, __ATOMIC_SEQ_CST);
}

void space_defer(struct space *space, void (*fn)(void *arg), void *arg)
{
    assert(loop_locked(space->loop));
    defer(space, space->changed ? NOT_YET : next_epoch(space), fn, arg);
    run_deferred(space, seen_by_all(space));
}

struct reader *space_reader_create(struct space *space)
{
    struct reader *r = g_new0(struct reader, 1);

    r->space = space;
    pthread_mutex_lock(&space->readers_lock);
    r->seen = __atomic_load_n(&space->epoch, __ATOMIC_SEQ_CST);
    r->next = space->readers;
    __atomic_store_n(&space->readers, r, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&space->readers_lock);
    return r;
}

void space_reader_quiescent(struct reader *r)
{
    __atomic_store_n(&r->seen, __atomic_load_n(&r->space->epoch, __ATOMIC_SEQ_CST),
                     __ATOMIC_RELEASE);
}

void space_reader_offline(struct reader *r, bool offline)
{
    uint64_t seen = offline ? 0 : __atomic_load_n(&r->space->epoch, __ATOMIC_SEQ_CST);

    /* Either seen_by_all() sees that it is back, or it sees the newest flattened space. */
    __atomic_exchange_n(&r->seen, seen, __ATOMIC_SEQ_CST);
}

void space_reader_destroy(struct reader *r)
{
    struct reader **link;

    if (!r)
        return;
    pthread_mutex_lock(&r->space->readers_lock);
    for (link = &r->space->readers; *link != r;)
        link = &(*link)->next;
    __atomic_store_n(link, r->next, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&r->space->readers_lock);
    g_free(r);
}

/* ---- Doorbells ---- */

static void tell_bell(struct space *space, const struct doorbell *bell, bool add)
{
    for (guint i = 0; i < space->listeners->len; i++) {
        const struct space_listener *l = g_ptr_array_index(space->listeners, i);

        if (l->doorbell)
            l->doorbell(l->arg, bell, bell->addr, add);
    }
}

static void bell_off(struct mapping *m, struct doorbell *bell)
{
    if (bell->live)
        tell_bell(m->space, bell, false);
    bell->live = false;
}

/* Finds out whether the guest reaches the doorbell now.  A mapping that moves is taken away first.
 */
static void bell_update(struct mapping *m, struct doorbell *bell)
{
    uint64_t addr = m->base + bell->reg;
    struct range r = space_find(m->space, addr);
    bool live = r.mapping == m && !r.block;

    if (!live)
        bell_off(m, bell);
    if (live && !bell->live) {
        bell->live = true;
        bell->addr = addr;
        tell_bell(m->space, bell, true);
    }
}

static bool same_bell(const struct doorbell *a, const struct doorbell *b)
{
    return a->reg == b->reg && a->bytes == b->bytes && a->match == b->match &&
           (!a->match || a->value == b->value);
}

static bool bell_fits(const struct mapping *m, const struct doorbell *bell)
{
    unsigned n = bell->bytes;

    return (n == 1 || n == 2 || n == 4 || n == 8) && n <= m->bytes && bell->reg <= m->bytes - n;
}

int space_doorbell(struct mapping *m, const struct doorbell *bell)
{
    struct doorbell **link = &m->doorbells, *found;

    while (*link && !same_bell(*link, bell))
        link = &(*link)->next;
    found = *link;
    if (bell->fd < 0) {
        if (!found)
            return -ENOENT;
        bell_off(m, found);
        *link = found->next;
        g_free(found);
        return 0;
    }
    if (found)
        return -EEXIST;
    if (m->block || !bell_fits(m, bell))
        return -EINVAL;
    *link = g_new(struct doorbell, 1);
    **link = *bell;
    (*link)->next = NULL;
    (*link)->live = false;
    if (m->space)
        bell_update(m, *link);
    return 0;
}

/* ---- Changes ---- */

static void publish(struct space *space)
{
    struct flat *old = space->flat, *now = flatten(space->maps);
    uint64_t epoch;

    for (guint i = 0; i < space->listeners->len; i++) {
        const struct space_listener *l = g_ptr_array_index(space->listeners, i);

        if (l->changed)
            l->changed(l->arg, old->ranges, old->n, now->ranges, now->n);
    }
    __atomic_store_n(&space->flat, now, __ATOMIC_SEQ_CST);
    space->changed = false;
    for (guint i = 0; i < space->listeners->len; i++) {
        const struct space_listener *l = g_ptr_array_index(space->listeners, i);

        if (l->published)
            l->published(l->arg);
    }
    for (guint i = 0; i < space->maps->len; i++) {
        struct mapping *m = g_ptr_array_index(space->maps, i);

        for (struct doorbell *bell = m->doorbells; bell; bell = bell->next)
            bell_update(m, bell);
    }
    defer(space, NOT_YET, flat_destroy, old);
    epoch = next_epoch(space);
    for (struct deferred *d = space->deferred; d; d = d->next)
        d->epoch = MIN(d->epoch, epoch);
    run_deferred(space, seen_by_all(space));
}

struct range space_at(struct space *space, uint64_t addr)
{
    return space_find(space, addr);
}

void space_begin(struct space *space)
{
    assert(loop_locked(space->loop));
    space->depth++;
}

void space_end(struct space *space)
{
    assert(loop_locked(space->loop) && space->depth);
    if (--space->depth == 0 && space->changed)
        publish(space);
}

/* Where in the sorted list a mapping is, or would be put. */
static guint place_of(const struct space *space, uint64_t base, const struct mapping *m)
{
    guint i = 0, n = space->maps->len;

    while (n) {
        guint half = n / 2;

        if (((struct mapping *)g_ptr_array_index(space->maps, i + half))->base < base) {
            i += half + 1;
            n -= half + 1;
        } else {
            n = half;
        }
    }
    while (m && g_ptr_array_index(space->maps, i) != m)
        i++;
    return i;
}

void mapping_add(struct space *space, struct mapping *m)
{
    assert(!m->space && m->base <= space->max);
    assert(!m->bytes || m->bytes - 1 <= space->max - m->base);
    assert(!m->block || (m->offset <= m->block->bytes && m->bytes <= m->block->bytes - m->offset &&
                         !(m->block->readonly && m->flags & MAP_WRITE)));
    space_begin(space);
    m->space = space;
    m->age = space->age++;
    g_ptr_array_insert(space->maps, place_of(space, m->base, NULL), m);
    space->changed = true;
    space_end(space);
}

void mapping_remove(struct mapping *m)
{
    struct space *space = m->space;

    if (!space)
        return;
    space_begin(space);
    for (struct doorbell *bell = m->doorbells; bell; bell = bell->next)
        bell_off(m, bell);
    g_ptr_array_remove_index(space->maps, place_of(space, m->base, m));
    m->space = NULL;
    space->changed = true;
    space_end(space);
}

void mapping_set_flags(struct mapping *m, unsigned flags)
{
    if (!m->space || m->flags == flags) {
        m->flags = flags;
        return;
    }
    space_begin(m->space);
    m->flags = flags;
    m->space->changed = true;
    space_end(m->space);
}

void mapping_finish(struct mapping *m)
{
    mapping_remove(m);
    for (struct doorbell *bell = m->doorbells, *next; bell; bell = next) {
        next = bell->next;
        g_free(bell);
    }
    m->doorbells = NULL;
}

/* ---- Listeners ---- */

static void tell_bells(struct space *space, const struct space_listener *l, bool add)
{
    for (guint i = 0; l->doorbell && i < space->maps->len; i++) {
        struct mapping *m = g_ptr_array_index(space->maps, i);

        for (struct doorbell *bell = m->doorbells; bell; bell = bell->next)
            if (bell->live)
                l->doorbell(l->arg, bell, bell->addr, add);
    }
}

void space_listen(struct space *space, const struct space_listener *l)
{
    assert(loop_locked(space->loop) && !space->depth);
    if (l->changed)
        l->changed(l->arg, NULL, 0, space->flat->ranges, space->flat->n);
    if (l->doorbell)
        tell_bells(space, l, true);
    g_ptr_array_add(space->listeners, (void *)l);
}

void space_unlisten(struct space *space, const struct space_listener *l)
{
    assert(loop_locked(space->loop) && !space->depth);
    if (!g_ptr_array_remove(space->listeners, (void *)l))
        return;
    if (l->doorbell)
        tell_bells(space, l, false);
    if (l->changed)
        l->changed(l->arg, space->flat->ranges, space->flat->n, NULL, 0);
}

const struct mapping *space_mapping(const struct space *space, size_t i)
{
    return i < space->maps->len ? g_ptr_array_index(space->maps, i) : NULL;
}

const struct range *space_ranges(struct space *space, size_t *n)
{
    assert(loop_locked(space->loop));
    *n = space->flat->n;
    return space->flat->ranges;
}

/* ---- A space ---- */

struct space *space_create(const char *name, struct loop *loop, unsigned bits, bool ones)
{
    struct space *space = g_new0(struct space, 1);

    space->name = g_strdup(name);
    space->loop = loop;
    space->max = UINT64_MAX >> (64 - bits);
    space->whole = bits <= 16;
    space->nothing = ones ? UINT64_MAX : 0;
    space->maps = g_ptr_array_new();
    space->listeners = g_ptr_array_new();
    space->flat = flatten(space->maps);
    pthread_mutex_init(&space->readers_lock, NULL);
    space->epoch = 1;
    space->deferred_end = &space->deferred;
    return space;
}

void space_destroy(struct space *space)
{
    if (!space)
        return;
    assert(!space->readers);
    run_deferred(space, NOT_YET);
    for (guint i = 0; i < space->maps->len; i++)
        ((struct mapping *)g_ptr_array_index(space->maps, i))->space = NULL;
    g_ptr_array_unref(space->maps);
    g_ptr_array_unref(space->listeners);
    flat_destroy(space->flat);
    pthread_mutex_destroy(&space->readers_lock);
    g_free(space->name);
    g_free(space);
}
