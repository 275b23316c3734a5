/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec-flow - micro-ops that go elsewhere: jumps, near calls and returns, functions, the ends of
 * blocks.
 *
 * A direct jump remembers the block it led to (u->link), good as long as cpu->epoch is the one at
 * which the block was last looked up.  Indirect ones look into a small table by rip.
 */
#include "blocks.h"
#include "exec.h"
#include "jit.h"

void check_target(struct cpu *cpu, uint64_t rip)
{
    if (cpu->mode & MODE_CODE64 ? !canonical(cpu, rip) : rip > cpu->seg[SEG_CS].limit)
        cpu_fault_error(cpu, EXC_GP, 0);
}

/* Where a direct jump goes. */
static uint64_t target(const struct cpu *cpu, const struct uop *u)
{
    uint64_t rip = cpu->block->rip + u->off + u->len + (int64_t)u->rel;
    unsigned size = u->d & 15;

    return size == 8 ? rip : size == 4 ? (uint32_t)rip : (uint16_t)rip;
}

/* Leaves for a block that has to be looked up, and then linked. */
static __attribute__((noinline)) const struct uop *jump_slow(struct cpu *cpu, const struct uop *u)
{
    uint64_t rip = target(cpu, u);

    cpu->rip = cpu->block->rip + u->off + (u->d >> 4);
    if (u->rel)
        check_target(cpu, rip);
    cpu->rip = rip;
    if (!(cpu->block->mode & BLOCK_ONE))
        blocks_await(cpu, u);
    return NULL;
}

#define JUMP()                                                                                     \
    do {                                                                                           \
        struct block *to = u->link;                                                                \
                                                                                                   \
        if (UNLIKELY(!to || to->epoch[cpu->space] != cpu->epoch))                                  \
            return jump_slow(cpu, u);                                                              \
        u = block_enter(cpu, to);                                                                  \
        if (UNLIKELY(!u))                                                                          \
            return NULL;                                                                           \
        GO(u);                                                                                     \
    } while (0)

#define JUMP_TO(rip)                                                                               \
    do {                                                                                           \
        struct block *to = *blocks_jump_entry(cpu, rip);                                           \
                                                                                                   \
        if (UNLIKELY(!to || !block_fits(cpu, to, rip, cpu->block->mode))) {                        \
            cpu->rip = rip;                                                                        \
            return NULL;                                                                           \
        }                                                                                          \
        u = block_enter(cpu, to);                                                                  \
        if (UNLIKELY(!u))                                                                          \
            return NULL;                                                                           \
        GO(u);                                                                                     \
    } while (0)

HANDLER(JMP)
{
    JUMP();
}

#define JCC(cc)                                                                                    \
    HANDLER(J##cc)                                                                                 \
    {                                                                                              \
        if (COND_##cc(cpu->flags))                                                                 \
            JUMP();                                                                                \
        NEXT();                                                                                    \
    }

CONDITIONS(JCC)

HANDLER(JZ_REG)
{
    if (GET64(u->a) == 0)
        JUMP();
    NEXT();
}

HANDLER(JNZ_REG)
{
    if (GET64(u->a) != 0)
        JUMP();
    NEXT();
}

/* CMP or TEST, and the jump at once: the host's flags give both.  b's immediate is 32 bits here. */
#define FUSED(cc, name, size, insn, source, host_cc)                                               \
    HANDLER(name##cc)                                                                              \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a), b = source;                                            \
        unsigned f;                                                                                \
        bool jump;                                                                                 \
                                                                                                   \
        asm(insn " %[b], %[a]" ASM_FLAGS_OUT                                                       \
            : "=a"(f), "=@cc" host_cc(jump)                                                        \
            : [a] "r"(a), [b] "r"(b));                                                             \
        flags_put(cpu, f);                                                                         \
        if (jump)                                                                                  \
            JUMP();                                                                                \
        NEXT();                                                                                    \
    }
#define FUSED_ALL(name, size, insn, source)                                                        \
    FUSED(O, name, size, insn, source, "o")                                                        \
    FUSED(NO, name, size, insn, source, "no")                                                      \
    FUSED(B, name, size, insn, source, "b")                                                        \
    FUSED(NB, name, size, insn, source, "nb")                                                      \
    FUSED(Z, name, size, insn, source, "z")                                                        \
    FUSED(NZ, name, size, insn, source, "nz")                                                      \
    FUSED(BE, name, size, insn, source, "be")                                                      \
    FUSED(NBE, name, size, insn, source, "nbe")                                                    \
    FUSED(S, name, size, insn, source, "s")                                                        \
    FUSED(NS, name, size, insn, source, "ns")                                                      \
    FUSED(P, name, size, insn, source, "p")                                                        \
    FUSED(NP, name, size, insn, source, "np")                                                      \
    FUSED(L, name, size, insn, source, "l")                                                        \
    FUSED(NL, name, size, insn, source, "nl")                                                      \
    FUSED(LE, name, size, insn, source, "le") FUSED(NLE, name, size, insn, source, "nle")
#define FUSED_SIZES(name, insn)                                                                    \
    FUSED_ALL(name##8, 8, insn "b", GET8(u->b))                                                    \
    FUSED_ALL(name##I8, 8, insn "b", (uint8_t)u->imm32)                                            \
    FUSED_ALL(name##32, 32, insn "l", GET32(u->b))                                                 \
    FUSED_ALL(name##I32, 32, insn "l", (uint32_t)u->imm32)                                         \
    FUSED_ALL(name##64, 64, insn "q", GET64(u->b))                                                 \
    FUSED_ALL(name##I64, 64, insn "q", (uint64_t)(int64_t)u->imm32)

FUSED_SIZES(CMPJ, "cmp")
FUSED_SIZES(TESTJ, "test")

/* ---- Indirect jumps, near calls and returns ---- */

HANDLER(JMP_TO)
{
    uint64_t rip = GET64(u->a);

    uop_precise(cpu, u);
    check_target(cpu, rip);
    JUMP_TO(rip);
}

/* The push of CALL in 64-bit mode, slowly. */
static __attribute__((noinline)) void push_return(struct cpu *cpu, const struct uop *u,
                                                  uint64_t rip)
{
    uop_precise(cpu, u);
    if (!u->link)
        check_target(cpu, target(cpu, u));
    push(cpu, rip, 8);
}

HANDLER(CALL64)
{
    uint64_t rip = cpu->block->rip + u->off + u->len;
    guest64 *p = tlb_write(cpu, cpu->r[RSP] - 8, 8);

    if (LIKELY(p && u->link)) {
        *p = rip;
        cpu->r[RSP] -= 8;
    } else {
        push_return(cpu, u, rip);
    }
    JUMP();
}

static __attribute__((noinline)) uint64_t pop_return(struct cpu *cpu, const struct uop *u)
{
    uint64_t rip;

    uop_precise(cpu, u);
    rip = mem_read(cpu, stack_linear(cpu, cpu->r[RSP], 8, false), 8);
    check_target(cpu, rip);
    return rip;
}

HANDLER(RET64)
{
    const guest64 *p = tlb_read(cpu, cpu->r[RSP], 8);
    uint64_t rip = LIKELY(p && canonical(cpu, *p)) ? *p : pop_return(cpu, u);

    cpu->r[RSP] += 8 + u->imm;
    JUMP_TO(rip);
}

/* ---- Functions ---- */

static inline void call(struct cpu *cpu, const struct uop *u)
{
    uop_precise(cpu, u);
    cpu->r[REG_NEXT] = uop_next_rip(cpu, u);
    u->call(cpu, u);
}

#define CALL(name)                                                                                 \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        call(cpu, u);                                                                              \
        NEXT();                                                                                    \
    }
CALL(CALL)
CALL(CHECK)
CALL(VECTOR)
CALL(VECTOR_FLAGS)
CALL(X87)
CALL(X87_FLAGS)
CALL(X87_COND)

#define PURE(name)                                                                                 \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        u->call(cpu, u);                                                                           \
        NEXT();                                                                                    \
    }
PURE(PURE8)
PURE(PURE16)
PURE(PURE32)
PURE(PURE64)
PURE(PURE_FLAGS8)
PURE(PURE_FLAGS16)
PURE(PURE_FLAGS32)
PURE(PURE_FLAGS64)

/* Whatever the function has changed, the next block is the one that was found before if all that
 * blocks_run() looks at is as it was then. */
static const struct uop *go_on(struct cpu *cpu, bool jumps)
{
    struct block *to = *blocks_jump_entry(cpu, cpu->rip);

    if (cpu->inhibit || !to || !block_fits(cpu, to, cpu->rip, cpu->mode))
        return NULL;
    if (cpu->blocks->jit)
        jit_settle(cpu);
    if (cpu->blocks->jit && jumps)
        jit_remember(cpu, to);
    return block_enter(cpu, to);
}

HANDLER(CALL_LAST)
{
    bool one = cpu->block->mode & BLOCK_ONE;
    uint64_t next = uop_next_rip(cpu, u);

    call(cpu, u);
    cpu->rip = next;
    u = one ? NULL : go_on(cpu, false);
    if (!u)
        return NULL;
    GO(u);
}

HANDLER(CALL_JUMP)
{
    bool one = cpu->block->mode & BLOCK_ONE;

    call(cpu, u);
    u = one ? NULL : go_on(cpu, true);
    if (!u)
        return NULL;
    GO(u);
}

bool call_loop_leaves(struct cpu *cpu, const struct uop *u)
{
    if (LIKELY(!cpu->r[REG_T3] && cpu->instructions <= cpu->stop_at))
        return false;
    if (cpu->r[REG_T3]) {
        block_leave_at(cpu, u->off);
        cpu->instructions++; /* its elements count; the last one has not been yet */
    } else {
        cpu->rip = uop_next_rip(cpu, u);
        block_leave_at(cpu, u->off + u->len);
    }
    return true;
}

HANDLER(CALL_LOOP)
{
    call(cpu, u);
    if (call_loop_leaves(cpu, u))
        return NULL;
    NEXT();
}

HANDLER(STALE)
{
    uop_precise(cpu, u);
    block_leave_at(cpu, u->off);
    return NULL;
}
