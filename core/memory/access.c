/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* access - reading and writing through a space: RAM without a lock, windows by their callbacks. */

#include "space-impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>

#include "debug/events.h"
#include "debug/log.h"
#include "loop/loop.h"

static uint64_t ones(unsigned bytes)
{
    return UINT64_MAX >> (64 - 8 * bytes);
}

/* ---- RAM.  What is aligned is read and written in one piece, as other processors may see it ----
 */

static bool aligned(const void *p, unsigned size)
{
    return ((uintptr_t)p & (size - 1)) == 0;
}

static uint64_t ram_read(const void *p, unsigned size)
{
    uint64_t value = 0;

    if (aligned(p, size)) {
        switch (size) {
        case 1: return __atomic_load_n((uint8_t *)p, __ATOMIC_RELAXED);
        case 2: return GUINT16_FROM_LE(__atomic_load_n((uint16_t *)p, __ATOMIC_RELAXED));
        case 4: return GUINT32_FROM_LE(__atomic_load_n((uint32_t *)p, __ATOMIC_RELAXED));
        case 8: return GUINT64_FROM_LE(__atomic_load_n((uint64_t *)p, __ATOMIC_RELAXED));
        }
    }
    memcpy(&value, p, size);
    return GUINT64_FROM_LE(value);
}

static void ram_write(void *p, uint64_t value, unsigned size)
{
    if (aligned(p, size)) {
        switch (size) {
        case 1: __atomic_store_n((uint8_t *)p, value, __ATOMIC_RELAXED); return;
        case 2: __atomic_store_n((uint16_t *)p, GUINT16_TO_LE(value), __ATOMIC_RELAXED); return;
        case 4: __atomic_store_n((uint32_t *)p, GUINT32_TO_LE(value), __ATOMIC_RELAXED); return;
        case 8: __atomic_store_n((uint64_t *)p, GUINT64_TO_LE(value), __ATOMIC_RELAXED); return;
        }
    }
    value = GUINT64_TO_LE(value);
    memcpy(p, &value, size);
}

static void block_write(const struct range *r, uint64_t value, unsigned size)
{
    ram_write(r->block->host + r->offset, value, size);
    block_mark(r->block, r->offset, size);
}

static bool is_ram(const struct range *r, unsigned flag)
{
    return r->block && r->flags & flag;
}

/* ---- Windows ---- */

/* The next part of an access of left bytes at reg: whole if the window takes it, else aligned. */
static unsigned window_part(unsigned min, unsigned max, uint64_t reg, unsigned left)
{
    unsigned n = 1;

    if (left >= min && left <= max && (left & (left - 1)) == 0 && reg % min == 0)
        return left;
    while (2 * n <= left && 2 * n <= max && reg % (2 * n) == 0)
        n *= 2;
    return n >= min ? n : MIN(left, min - (unsigned)(reg % min));
}

static uint64_t part_read(struct mapping *m, uint64_t reg, unsigned size, unsigned min)
{
    unsigned skip = reg % min;

    if (size >= min)
        return m->ops.read(m->arg, reg, size) & ones(size);
    if (m->ops.wide_only)
        return ones(size);
    return m->ops.read(m->arg, reg - skip, min) >> 8 * skip & ones(size);
}

static void part_write(struct mapping *m, uint64_t reg, uint64_t value, unsigned size, unsigned min)
{
    unsigned skip = reg % min;

    if (size >= min)
        m->ops.write(m->arg, reg, value & ones(size), size);
    else if (!m->ops.wide_only)
        m->ops.write(m->arg, reg - skip, (value & ones(size)) << 8 * skip, min);
}

static uint64_t window_read(struct space *space, struct mapping *m, uint64_t reg, unsigned size)
{
    unsigned min = MAX(m->ops.width_min, 1), max = m->ops.width_max ? m->ops.width_max : 8;
    uint64_t end = m->bytes, value = 0;

    if (m->busy || !m->ops.read)
        return space->nothing & ones(size);
    m->busy = true;
    for (unsigned done = 0, n; done < size; done += n) {
        n = window_part(min, max, reg + done, size - done);
        /* A port access that is split does not go on after the window's end. */
        value |= (reg + done < end ? part_read(m, reg + done, n, min) : space->nothing & ones(n))
                 << 8 * done;
    }
    m->busy = false;
    trace(memory_region_ops_read, space->name, m->base + reg, value, size, m->name ? m->name : "");
    return value;
}

static bool ring(struct mapping *m, uint64_t reg, uint64_t value, unsigned size)
{
    for (struct doorbell *bell = m->doorbells; bell; bell = bell->next)
        if (bell->reg == reg && bell->bytes == size && (!bell->match || bell->value == value)) {
            eventfd_write(bell->fd, 1);
            return true;
        }
    return false;
}

static void window_write(struct space *space, struct mapping *m, uint64_t reg, uint64_t value,
                         unsigned size)
{
    unsigned min = MAX(m->ops.width_min, 1), max = m->ops.width_max ? m->ops.width_max : 8;
    uint64_t end = m->bytes;

    trace(memory_region_ops_write, space->name, m->base + reg, value & ones(size), size,
          m->name ? m->name : "");
    if (ring(m, reg, value & ones(size), size) || m->busy || !m->ops.write)
        return;
    m->busy = true;
    for (unsigned done = 0, n; done < size && reg + done < end; done += n) {
        n = window_part(min, max, reg + done, size - done);
        part_write(m, reg + done, value >> 8 * done, n, min);
    }
    m->busy = false;
}

/* ---- One access ---- */

/* What is read at addr.  Locked, since mappings are looked into. */
static struct range find_read(struct space *space, uint64_t addr)
{
    struct range r = space_find(space, addr);
    struct mapping *m = r.below;

    if (!r.block || r.flags & MAP_READ)
        return r;
    r.mapping = m;
    r.block = m ? m->block : NULL;
    r.flags = m ? m->flags : 0;
    r.offset = m ? addr - m->base + (m->block ? m->offset : 0) : 0;
    return r;
}

static uint64_t read_range(struct space *space, const struct range *r, unsigned size)
{
    if (r->block)
        return ram_read(r->block->host + r->offset, size);
    if (r->mapping)
        return window_read(space, r->mapping, r->offset, size);
    return space->nothing & ones(size);
}

static void write_range(struct space *space, const struct range *r, uint64_t value, unsigned size)
{
    if (is_ram(r, MAP_WRITE))
        block_write(r, value, size);
    else if (!r->block && r->mapping)
        window_write(space, r->mapping, r->offset, value, size);
}

/* How much of size bytes lies in the range, or belongs to it nevertheless. */
static unsigned share_of(const struct space *space, const struct range *r, unsigned size)
{
    return space->whole && !r->block ? size : MIN(size, r->bytes);
}

/* Of accesses to nothing the log hears: of those to memory by guest_errors, to ports by unimp, and
 * of all by -trace-unassigned. */
static void tell_nothing(const struct space *space, const struct range *r, uint64_t addr,
                         const char *what, unsigned size)
{
    uint32_t item = space->whole ? TENON_ITEM_UNIMP : TENON_ITEM_GUEST_ERRORS;

    if (log_on(item | LOG_UNASSIGNED) && !r->block && !r->mapping)
        log_print("unassigned %s: %s of size %u at 0x%" PRIx64 "\n", space->name, what, size, addr);
}

/* May this thread look the space up without the lock? */
static bool lock_free(const struct space *space)
{
    return __atomic_load_n(&space->readers, __ATOMIC_RELAXED) != NULL;
}

static bool try_read(struct space *space, uint64_t addr, unsigned size, uint64_t *value)
{
    struct range r = space_find(space, addr);

    if (!is_ram(&r, MAP_READ) || r.bytes < size)
        return false;
    *value = ram_read(r.block->host + r.offset, size);
    return true;
}

static bool try_write(struct space *space, uint64_t addr, uint64_t value, unsigned size)
{
    struct range r = space_find(space, addr);

    if (!is_ram(&r, MAP_WRITE) || r.bytes < size)
        return false;
    block_write(&r, value, size);
    return true;
}

uint64_t space_read(struct space *space, uint64_t addr, unsigned size, bool locked)
{
    uint64_t value = 0;

    assert(size && size <= 8);
    if ((locked || lock_free(space)) && try_read(space, addr, size, &value))
        return value;
    if (!locked)
        loop_lock(space->loop);
    for (unsigned done = 0, n; done < size; done += n) {
        struct range r = find_read(space, addr + done);

        n = share_of(space, &r, size - done);
        value |= read_range(space, &r, n) << 8 * done;
        tell_nothing(space, &r, addr + done, "read", n);
    }
    if (!locked)
        loop_unlock(space->loop);
    if (space->whole)
        trace(cpu_in, (unsigned)addr, size, (unsigned)value);
    return value;
}

void space_write(struct space *space, uint64_t addr, uint64_t value, unsigned size, bool locked)
{
    assert(size && size <= 8);
    if ((locked || lock_free(space)) && try_write(space, addr, value, size))
        return;
    if (space->whole)
        trace(cpu_out, (unsigned)addr, size, (unsigned)value);
    if (!locked)
        loop_lock(space->loop);
    for (unsigned done = 0, n; done < size; done += n) {
        struct range r = space_find(space, addr + done);

        n = share_of(space, &r, size - done);
        tell_nothing(space, &r, addr + done, "write", n);
        write_range(space, &r, value >> 8 * done, n);
    }
    if (!locked)
        loop_unlock(space->loop);
}

/* ---- Copies ---- */

/* The largest naturally aligned access of a window within len. */
static unsigned copy_width(uint64_t addr, uint64_t len)
{
    unsigned n = 1;

    while (n < 8 && 2 * n <= len && addr % (2 * n) == 0)
        n *= 2;
    return n;
}

/* Copies what is of one kind; returns how many bytes that were.  Locked. */
static size_t copy_in_part(struct space *space, uint64_t addr, void *buf, size_t len, bool ram_only,
                           int *error)
{
    struct range r = find_read(space, addr);
    size_t n = MIN(len, r.bytes);

    if (r.block) {
        memcpy(buf, r.block->host + r.offset, n);
    } else if (r.mapping && !ram_only) {
        n = copy_width(addr, n);
        ram_write(buf, window_read(space, r.mapping, r.offset, n), n);
    } else {
        memset(buf, 0, n);
        *error = -EFAULT;
    }
    return n;
}

static size_t copy_out_part(struct space *space, uint64_t addr, const void *buf, size_t len,
                            bool ram_only, int *error)
{
    struct range r = space_find(space, addr);
    size_t n = MIN(len, r.bytes);

    if (is_ram(&r, MAP_WRITE)) {
        memcpy(r.block->host + r.offset, buf, n);
        block_mark(r.block, r.offset, n);
    } else if (!r.block && r.mapping && !ram_only) {
        n = copy_width(addr, n);
        window_write(space, r.mapping, r.offset, ram_read(buf, n), n);
    } else {
        *error = -EFAULT;
    }
    return n;
}

/* The same without the lock; 0 if it is needed. */
static size_t copy_in_ram(struct space *space, uint64_t addr, void *buf, size_t len)
{
    struct range r = space_find(space, addr);

    if (!is_ram(&r, MAP_READ))
        return 0;
    memcpy(buf, r.block->host + r.offset, MIN(len, r.bytes));
    return MIN(len, r.bytes);
}

static size_t copy_out_ram(struct space *space, uint64_t addr, const void *buf, size_t len)
{
    struct range r = space_find(space, addr);
    size_t n = MIN(len, r.bytes);

    if (!is_ram(&r, MAP_WRITE))
        return 0;
    memcpy(r.block->host + r.offset, buf, n);
    block_mark(r.block, r.offset, n);
    return n;
}

int space_copy_in(struct space *space, uint64_t addr, void *buf, size_t len, bool ram_only,
                  bool locked)
{
    int error = 0;

    for (size_t done = 0, n; done < len; done += n) {
        if (!locked && lock_free(space) &&
            (n = copy_in_ram(space, addr + done, (char *)buf + done, len - done)))
            continue;
        if (!locked)
            loop_lock(space->loop);
        n = copy_in_part(space, addr + done, (char *)buf + done, len - done, ram_only, &error);
        if (!locked)
            loop_unlock(space->loop);
    }
    return error;
}

int space_copy_out(struct space *space, uint64_t addr, const void *buf, size_t len, bool ram_only,
                   bool locked)
{
    int error = 0;

    for (size_t done = 0, n; done < len; done += n) {
        if (!locked && lock_free(space) &&
            (n = copy_out_ram(space, addr + done, (const char *)buf + done, len - done)))
            continue;
        if (!locked)
            loop_lock(space->loop);
        n = copy_out_part(space, addr + done, (const char *)buf + done, len - done, ram_only,
                          &error);
        if (!locked)
            loop_unlock(space->loop);
    }
    return error;
}

void *space_pointer(struct space *space, uint64_t addr, uint64_t bytes, bool write)
{
    struct range r = space_find(space, addr);

    if (!is_ram(&r, write ? MAP_WRITE : MAP_READ) || r.bytes < bytes)
        return NULL;
    return r.block->host + r.offset;
}
