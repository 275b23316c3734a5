/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec-mem - micro-ops that reach memory: loads, stores, the stack of 64-bit mode, checked
 * addresses.
 *
 * Each tries the TLB in place; what that does not have goes through mmu.c.
 */
#include "exec.h"

/* A linear address beyond what the processor has: #SS for the stack's, else #GP. */
static void check_canonical(struct cpu *cpu, enum seg seg, uint64_t lin, unsigned size)
{
    if (cpu->mode & MODE_CODE64 && !(canonical(cpu, lin) && canonical(cpu, lin + size - 1)))
        cpu_fault_error(cpu, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
}

static uint64_t read_slow(struct cpu *cpu, const struct uop *u, uint64_t lin, unsigned size)
{
    uop_precise(cpu, u);
    check_canonical(cpu, u->seg, lin, size);
    return mem_read(cpu, lin, size);
}

static void write_slow(struct cpu *cpu, const struct uop *u, uint64_t lin, uint64_t value,
                       unsigned size)
{
    uop_precise(cpu, u);
    check_canonical(cpu, u->seg, lin, size);
    mem_write(cpu, lin, value, size);
}

#define LINEAR() (GET64(u->a) + u->imm)

/* The slow path is a function of its own, so that the quick one needs no stack frame. */
#define LOAD(name, size, put)                                                                      \
    static __attribute__((noinline)) HANDLER(name##_slow)                                          \
    {                                                                                              \
        uint64_t v = read_slow(cpu, u, LINEAR(), size / 8);                                        \
                                                                                                   \
        put(u->d, v);                                                                              \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        const guest##size *p = tlb_read(cpu, LINEAR(), size / 8);                                  \
                                                                                                   \
        if (UNLIKELY(!p))                                                                          \
            return run_##name##_slow(cpu, u);                                                      \
        put(u->d, *p);                                                                             \
        NEXT();                                                                                    \
    }

LOAD(LOAD8, 8, PUT8)
LOAD(LOAD16, 16, PUT16)
LOAD(LOAD32, 32, PUT32)
LOAD(LOAD64, 64, PUT64)
LOAD(LOADZ8, 8, PUT64)
LOAD(LOADZ16, 16, PUT64)

/* Loads of what the same instruction stores back: zero-extended; the store will not fault. */
#define LOAD_WRITE(size)                                                                           \
    static __attribute__((noinline)) HANDLER(LOADW##size##_slow)                                   \
    {                                                                                              \
        uint64_t lin = LINEAR();                                                                   \
                                                                                                   \
        uop_precise(cpu, u);                                                                       \
        check_canonical(cpu, u->seg, lin, size / 8);                                               \
        mem_probe_write(cpu, lin, size / 8);                                                       \
        PUT64(u->d, mem_read(cpu, lin, size / 8));                                                 \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(LOADW##size)                                                                           \
    {                                                                                              \
        const guest##size *p = tlb_write(cpu, LINEAR(), size / 8);                                 \
                                                                                                   \
        if (UNLIKELY(!p))                                                                          \
            return run_LOADW##size##_slow(cpu, u);                                                 \
        PUT64(u->d, *p);                                                                           \
        NEXT();                                                                                    \
    }

LOAD_WRITE(8)
LOAD_WRITE(16)
LOAD_WRITE(32)
LOAD_WRITE(64)

#define STORE(size)                                                                                \
    static __attribute__((noinline)) HANDLER(STORE##size##_slow)                                   \
    {                                                                                              \
        write_slow(cpu, u, LINEAR(), GET##size(u->b), size / 8);                                   \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(STORE##size)                                                                           \
    {                                                                                              \
        guest##size *p = tlb_write(cpu, LINEAR(), size / 8);                                       \
                                                                                                   \
        if (UNLIKELY(!p))                                                                          \
            return run_STORE##size##_slow(cpu, u);                                                 \
        *p = GET##size(u->b);                                                                      \
        NEXT();                                                                                    \
    }

STORE(8)
STORE(16)
STORE(32)
STORE(64)

/* ---- Locked: T1 is what was found, r[REG_NEXT] where, T3 the flags to try again with ---- */

#define LOCKED(size)                                                                               \
    HANDLER(LOCK_LOAD##size)                                                                       \
    {                                                                                              \
        uint64_t lin = cpu->r[REG_T0];                                                             \
        uint##size##_t *p = tlb_write(cpu, lin, size / 8);                                         \
                                                                                                   \
        uop_precise(cpu, u);                                                                       \
        if (UNLIKELY(!p))                                                                          \
            p = mem_lock(cpu, lin, size / 8);                                                      \
        PUT64(u->d, p ? __atomic_load_n(p, __ATOMIC_SEQ_CST) : mem_read(cpu, lin, size / 8));      \
        cpu->r[REG_NEXT] = (uintptr_t)p;                                                           \
        cpu->r[REG_T3] = cpu->flags;                                                               \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(LOCK_STORE##size)                                                                      \
    {                                                                                              \
        uint##size##_t *p = (uint##size##_t *)(uintptr_t)cpu->r[REG_NEXT];                         \
        uint##size##_t old = cpu->r[REG_T1];                                                       \
                                                                                                   \
        if (UNLIKELY(!p)) {                                                                        \
            uop_precise(cpu, u);                                                                   \
            mem_write(cpu, cpu->r[REG_T0], cpu->r[REG_T2], size / 8);                              \
            mem_unlock_split(cpu);                                                                 \
        } else if (!__sync_bool_compare_and_swap(p, old, (uint##size##_t)cpu->r[REG_T2])) {        \
            cpu->flags = cpu->r[REG_T3];                                                           \
            GO(u - u->imm);                                                                        \
        }                                                                                          \
        NEXT();                                                                                    \
    }

LOCKED(8)
LOCKED(16)
LOCKED(32)
LOCKED(64)

/* ---- The stack in 64-bit mode; its segment has no base and no limit ---- */

static __attribute__((noinline)) HANDLER(PUSH64_slow)
{
    uint64_t lin = cpu->r[RSP] - 8;

    write_slow(cpu, u, lin, GET64(u->b), 8);
    cpu->r[RSP] = lin;
    NEXT();
}

HANDLER(PUSH64)
{
    uint64_t lin = cpu->r[RSP] - 8;
    guest64 *p = tlb_write(cpu, lin, 8);

    if (UNLIKELY(!p))
        return run_PUSH64_slow(cpu, u);
    *p = GET64(u->b);
    cpu->r[RSP] = lin;
    NEXT();
}

static __attribute__((noinline)) HANDLER(POP64_slow)
{
    uint64_t v = read_slow(cpu, u, cpu->r[RSP], 8);

    cpu->r[RSP] += 8;
    PUT64(u->d, v);
    NEXT();
}

HANDLER(POP64)
{
    const guest64 *p = tlb_read(cpu, cpu->r[RSP], 8);

    if (UNLIKELY(!p))
        return run_POP64_slow(cpu, u);
    cpu->r[RSP] += 8;
    PUT64(u->d, *p);
    NEXT();
}

/* ---- An address with all that segments demand ---- */

HANDLER(ADDRSEG)
{
    uint64_t offset = GET64(u->a) + (GET64(u->b) << u->scale) + u->imm;

    uop_precise(cpu, u);
    if (u->addr_size != 8)
        offset = u->addr_size == 4 ? (uint32_t)offset : (uint16_t)offset;
    if (cpu->mode & MODE_CODE64) {
        offset += u->seg >= SEG_FS ? cpu->seg[u->seg].base : 0;
        check_canonical(cpu, u->seg, offset, u->size);
    } else {
        offset = segment_linear(cpu, u->seg, offset, u->size, u->write);
    }
    PUT64(u->d, offset);
    NEXT();
}

/* ---- The stack of any mode, for functions ---- */

static uint64_t stack_mask(const struct cpu *cpu)
{
    return cpu->mode & MODE_CODE64 ? UINT64_MAX : cpu->mode & MODE_SS32 ? UINT32_MAX : UINT16_MAX;
}

uint64_t stack_linear(struct cpu *cpu, uint64_t offset, unsigned size, bool write)
{
    offset &= stack_mask(cpu);
    if (!(cpu->mode & MODE_CODE64))
        return segment_linear(cpu, SEG_SS, offset, size, write);
    check_canonical(cpu, SEG_SS, offset, size);
    return offset;
}

void stack_move(struct cpu *cpu, uint64_t rsp)
{
    uint64_t mask = stack_mask(cpu);

    if (mask == UINT32_MAX)
        cpu->r[RSP] = (uint32_t)rsp;
    else
        cpu->r[RSP] = (cpu->r[RSP] & ~mask) | (rsp & mask);
}

void push(struct cpu *cpu, uint64_t value, unsigned size)
{
    uint64_t rsp = cpu->r[RSP] - size;

    mem_write(cpu, stack_linear(cpu, rsp, size, true), value, size);
    stack_move(cpu, rsp);
}

uint64_t pop(struct cpu *cpu, unsigned size)
{
    uint64_t v = mem_read(cpu, stack_linear(cpu, cpu->r[RSP], size, false), size);

    stack_move(cpu, cpu->r[RSP] + size);
    return v;
}
