/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* memory - a guest's memory, for debuggers and monitors. */

#include "debug/memory.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "cpu/accel.h"
#include "debug/points.h"
#include "machine/machine.h"
#include "memory/memory.h"

int phys_memory_read(struct machine *m, uint64_t phys, void *buf, size_t len)
{
    int err = space_copy_in(m->mem, phys, buf, len, false, true);

    points_hide(m, phys, buf, len);
    return err;
}

/* Blocks are written whatever their mapping allows the guest. */
static size_t write_piece(struct machine *m, uint64_t phys, const void *buf, size_t len)
{
    struct range r = space_at(m->mem, phys);
    size_t n = MIN(len, r.bytes);

    if (!r.block)
        return r.mapping && !space_copy_out(m->mem, phys, buf, n, false, true) ? n : 0;
    if (r.block->readonly)
        return 0;
    memcpy(r.block->host + r.offset, buf, n);
    points_keep(m, phys, r.block->host + r.offset, n);
    block_mark(r.block, r.offset, n);
    return n;
}

int phys_memory_poke(struct machine *m, uint64_t phys, uint8_t byte)
{
    struct range r = space_at(m->mem, phys);

    if (!r.block || r.block->readonly)
        return -EFAULT;
    r.block->host[r.offset] = byte;
    block_mark(r.block, r.offset, 1);
    return 0;
}

int phys_memory_write(struct machine *m, uint64_t phys, const void *buf, size_t len)
{
    for (size_t n; len; len -= n, phys += n, buf = (const char *)buf + n) {
        n = write_piece(m, phys, buf, len);
        if (!n)
            return -EFAULT;
    }
    return 0;
}

bool guest_translate(struct vcpu *cpu, uint64_t linear, uint64_t *phys)
{
    struct tenon_x86_state s;
    struct guest_page page;

    if (cpu->accel->ops->vcpu_get(cpu, &s) || !paging_find(cpu->machine, &s, linear, &page))
        return false;
    *phys = page.phys + (linear - page.linear);
    return true;
}

/* Copies page by page. */
static int copy(struct vcpu *cpu, uint64_t linear, uint8_t *buf, size_t len, bool write)
{
    struct machine *m = cpu->machine;
    struct tenon_x86_state s;
    struct guest_page page;
    int err = cpu->accel->ops->vcpu_get(cpu, &s);

    for (size_t n; !err && len; len -= n, linear += n, buf += n) {
        uint64_t within;

        if (!paging_find(m, &s, linear, &page))
            return -EFAULT;
        within = linear - page.linear;
        n = MIN(len, (UINT64_C(1) << page.bits) - within);
        err = write ? phys_memory_write(m, page.phys + within, buf, n)
                    : phys_memory_read(m, page.phys + within, buf, n);
    }
    return err;
}

int guest_memory_read(struct vcpu *cpu, uint64_t linear, void *buf, size_t len)
{
    return copy(cpu, linear, buf, len, false);
}

int guest_memory_write(struct vcpu *cpu, uint64_t linear, const void *buf, size_t len)
{
    return copy(cpu, linear, (uint8_t *)buf, len, true);
}
