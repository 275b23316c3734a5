/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * watch - breakpoints and watchpoints of a debugger outside the guest.
 *
 * Breakpoints are looked for when code is decoded: a block ends before one, and one at its first
 * instruction is all there is in it.  Pages that are watched are never reached directly.  An access
 * to watched data in the middle of a block leaves it, so that the instruction is executed again by
 * itself; there the hit is noted, and the run loop tells it before the next instruction.
 */
#include "blocks.h"
#include "sys.h"

bool watch_breaks(const struct cpu *cpu, uint64_t lin)
{
    for (uint32_t i = 0; i < cpu->watch.n; i++)
        if (cpu->watch.points[i].kind & TENON_DEBUG_EXECUTE && cpu->watch.points[i].address == lin)
            return true;
    return false;
}

void run_watch_stop(struct cpu *cpu, const struct uop *u)
{
    cpu->watch.hit = TENON_DEBUG_EXECUTE;
    cpu->watch.where = in_code64(cpu) ? cpu->rip : (uint32_t)(cpu->rip + cpu->seg[SEG_CS].base);
    siglongjmp(cpu->fault_exit, LEAVE_WATCH);
}

/* ---- Data ---- */

static const struct tenon_debug_point *find(const struct cpu *cpu, uint64_t lin, uint64_t bytes,
                                            unsigned kinds)
{
    for (uint32_t i = 0; i < cpu->watch.n; i++) {
        const struct tenon_debug_point *p = &cpu->watch.points[i];

        if (p->kind & kinds && (p->address - lin < bytes || lin - p->address < p->bytes))
            return p;
    }
    return NULL;
}

bool watch_page(const struct cpu *cpu, uint64_t lin)
{
    return find(cpu, lin & ~0xfffull, 4096, TENON_DEBUG_READ | TENON_DEBUG_WRITE);
}

static bool in_midst(const struct cpu *cpu)
{
    return cpu->block && !(cpu->block->mode & BLOCK_ONE);
}

void watch_probe(struct cpu *cpu, uint64_t lin, unsigned bytes)
{
    if (!in_midst(cpu) || !find(cpu, lin, bytes, TENON_DEBUG_READ | TENON_DEBUG_WRITE))
        return;
    cpu->watch.again = true;
    siglongjmp(cpu->fault_exit, LEAVE_WATCH);
}

/* The first hit is told; WANT_STOP makes for the run loop. */
void watch_data(struct cpu *cpu, uint64_t lin, unsigned bytes, unsigned kinds)
{
    const struct tenon_debug_point *point = find(cpu, lin, bytes, kinds);

    if (!point || cpu->watch.hit)
        return;
    watch_probe(cpu, lin, bytes);
    cpu->watch.hit = point->kind;
    cpu->watch.where = point->address;
    __atomic_fetch_or(&cpu->wanted, WANT_STOP, __ATOMIC_SEQ_CST);
}
