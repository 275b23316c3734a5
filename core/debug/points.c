/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * points - breakpoints and watchpoints of a machine, whatever runs its processors.
 *
 * An accelerator stops at addresses, or (KVM) at an INT3 that is put into memory for it; then what
 * stood there is kept here, and shown to who reads memory.
 */

#include "debug/points.h"

#include <errno.h>

#include <glib.h>

#include <tenon/accel.h>

#include "cpu/accel.h"
#include "debug/memory.h"
#include "machine/machine.h"
#include "memory/memory.h"

#define INT3 0xcc

struct point {
    enum point_kind kind;
    uint64_t address, bytes;
    bool int3; /* in memory, at phys */
    uint64_t phys;
    uint8_t original;
};

struct points {
    struct point points[POINTS];
    unsigned n;
    /* As the accelerator has them; it keeps the pointer. */
    struct tenon_debug_point list[POINTS];
};

static struct point *find(struct points *d, enum point_kind kind, uint64_t address, uint64_t bytes)
{
    for (unsigned i = 0; d && i < d->n; i++) {
        struct point *p = &d->points[i];

        if (p->kind == kind && p->address == address && (kind <= POINT_HARD || p->bytes == bytes))
            return p;
    }
    return NULL;
}

bool points_has(const struct machine *m, enum point_kind kind, uint64_t address)
{
    return find(m->points, kind, address, 1);
}

/* ---- INT3s ---- */

static bool same_byte(const struct point *a, const struct point *b)
{
    return a != b && a->int3 && b->int3 && a->phys == b->phys;
}

/* Another one may lie on the same byte, at another address: then what stood there is known. */
static int put_int3(struct vcpu *cpu, struct point *p)
{
    int err;

    if (!guest_translate(cpu, p->address, &p->phys))
        return -EFAULT;
    err = phys_memory_read(cpu->machine, p->phys, &p->original, 1); /* without INT3s */
    if (!err)
        err = phys_memory_poke(cpu->machine, p->phys, INT3);
    p->int3 = !err;
    return err;
}

static void take_int3(struct machine *m, struct points *d, struct point *p)
{
    uint8_t byte = 0;

    for (unsigned i = 0; i < d->n; i++)
        if (same_byte(p, &d->points[i]))
            return;
    if (!space_copy_in(m->mem, p->phys, &byte, 1, true, true) && byte == INT3)
        phys_memory_poke(m, p->phys, p->original);
}

bool points_is_int3(const struct machine *m, uint64_t address)
{
    const struct point *p = find(m->points, POINT_SOFT, address, 1);

    return p && p->int3;
}

void points_hide(const struct machine *m, uint64_t phys, uint8_t *buf, size_t len)
{
    for (unsigned i = 0; m->points && i < m->points->n; i++) {
        const struct point *p = &m->points->points[i];

        if (p->int3 && p->phys - phys < len && buf[p->phys - phys] == INT3)
            buf[p->phys - phys] = p->original;
    }
}

void points_keep(struct machine *m, uint64_t phys, uint8_t *buf, size_t len)
{
    for (unsigned i = 0; m->points && i < m->points->n; i++) {
        struct point *p = &m->points->points[i];

        if (p->int3 && p->phys - phys < len)
            p->original = buf[p->phys - phys];
    }
    for (unsigned i = 0; m->points && i < m->points->n; i++) {
        const struct point *p = &m->points->points[i];

        if (p->int3 && p->phys - phys < len)
            buf[p->phys - phys] = INT3;
    }
}

void points_restore(struct machine *m)
{
    for (unsigned i = 0; m->points && i < m->points->n; i++) {
        struct point *p = &m->points->points[i];

        if (p->int3 && !phys_memory_read(m, p->phys, &p->original, 1))
            phys_memory_poke(m, p->phys, INT3);
    }
}

/* ---- What the accelerator is told ---- */

static uint32_t kinds_of(enum point_kind kind)
{
    static const uint8_t kinds[N_POINT_KINDS] = {
        [POINT_SOFT] = TENON_DEBUG_EXECUTE,
        [POINT_HARD] = TENON_DEBUG_EXECUTE,
        [POINT_WRITE] = TENON_DEBUG_WRITE,
        [POINT_READ] = TENON_DEBUG_READ,
        [POINT_ACCESS] = TENON_DEBUG_READ | TENON_DEBUG_WRITE,
    };

    return kinds[kind];
}

static int tell(struct machine *m)
{
    struct points *d = m->points;
    bool int3 = false;
    unsigned n = 0;

    for (unsigned i = 0; i < d->n; i++) {
        const struct point *p = &d->points[i];

        int3 |= p->int3;
        if (!p->int3)
            d->list[n++] = (struct tenon_debug_point){ .address = p->address,
                                                       .bytes = p->bytes,
                                                       .kind = kinds_of(p->kind) };
    }
    return m->accel->ops->debug(m->accel, d->list, n, int3);
}

/* ---- Points ---- */

static int add(struct vcpu *cpu, struct points *d, const struct point *point)
{
    struct machine *m = cpu->machine;
    struct point *p = &d->points[d->n];
    int err = 0;

    *p = *point;
    if (p->kind == POINT_SOFT && m->accel->ops->int3)
        err = put_int3(cpu, p);
    if (err)
        return err;
    d->n++;
    err = tell(m);
    if (err) {
        d->n--;
        if (p->int3)
            take_int3(m, d, p);
        tell(m);
    }
    return err;
}

int points_insert(struct vcpu *cpu, enum point_kind kind, uint64_t address, uint64_t bytes)
{
    const struct point point = { .kind = kind,
                                 .address = address,
                                 .bytes = kind <= POINT_HARD ? 1 : bytes };
    struct machine *m = cpu->machine;

    if (!m->accel->ops->debug)
        return -ENOTSUP;
    if (!point.bytes || address + (point.bytes - 1) < address)
        return -EINVAL;
    if (find(m->points, kind, address, bytes))
        return -EEXIST;
    if (!m->points)
        m->points = g_new0(struct points, 1);
    return m->points->n == POINTS ? -ENOSPC : add(cpu, m->points, &point);
}

static void drop(struct machine *m, struct point *p)
{
    struct points *d = m->points;

    if (p->int3)
        take_int3(m, d, p);
    *p = d->points[--d->n];
}

int points_remove(struct machine *m, enum point_kind kind, uint64_t address, uint64_t bytes)
{
    struct point *p = find(m->points, kind, address, bytes);

    if (!p)
        return -ENOENT;
    drop(m, p);
    return tell(m);
}

void points_clear(struct machine *m)
{
    if (!m->points)
        return;
    while (m->points->n)
        drop(m, &m->points->points[m->points->n - 1]);
    tell(m);
    g_free(m->points);
    m->points = NULL;
}
