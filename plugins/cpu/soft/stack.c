/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stack - integer instructions on the stack that are no micro-op: any size of PUSH and POP, PUSHA,
 * ENTER, flags, near calls; and the checks of BOUND, LOOP, CLI and STI.
 *
 * Intel SDM volume 2; volume 3 20.3 (virtual-8086 mode extensions).
 */
#include "exec.h"
#include "integer.h"
#include "soft.h"

/* ---- PUSH and POP of imm bytes; POP leaves zero-extended in d ---- */

void call_push(struct cpu *cpu, const struct uop *u)
{
    push(cpu, GET64(u->b), u->imm);
}

void call_pop(struct cpu *cpu, const struct uop *u)
{
    PUT64(u->d, pop(cpu, u->imm));
}

/* What POP would give, without moving the stack: for POP to memory, and... */
void call_peek(struct cpu *cpu, const struct uop *u)
{
    PUT64(u->d, mem_read(cpu, stack_linear(cpu, cpu->r[RSP], u->imm, false), u->imm));
}

/* ...once that has been stored. */
void call_drop(struct cpu *cpu, const struct uop *u)
{
    stack_move(cpu, cpu->r[RSP] + u->imm);
}

/* ---- PUSHA, POPA: eight registers of imm bytes ---- */

void call_pusha(struct cpu *cpu, const struct uop *u)
{
    unsigned size = u->imm;
    uint64_t rsp = cpu->r[RSP], lin[8];

    for (unsigned i = 0; i < 8; i++) {
        lin[i] = stack_linear(cpu, rsp - (i + 1) * size, size, true);
        mem_probe_write(cpu, lin[i], size);
    }
    for (unsigned i = 0; i < 8; i++)
        mem_write(cpu, lin[i], cpu->r[RAX + i], size);
    stack_move(cpu, rsp - 8 * size);
}

void call_popa(struct cpu *cpu, const struct uop *u)
{
    unsigned size = u->imm;
    uint64_t rsp = cpu->r[RSP], v[8];

    for (unsigned i = 0; i < 8; i++)
        v[i] = mem_read(cpu, stack_linear(cpu, rsp + i * size, size, false), size);
    for (unsigned i = 0; i < 8; i++) {
        if (7 - i == RSP)
            continue;
        if (size == 2)
            PUT16(REG(7 - i), v[i]);
        else
            PUT32(REG(7 - i), v[i]);
    }
    stack_move(cpu, rsp + 8 * size);
}

/* ---- ENTER imm, a (level); d is the operand size ---- */

static void put_frame(struct cpu *cpu, uint64_t frame, unsigned size)
{
    if (size == 8)
        PUT64(REG(RBP), frame);
    else if (size == 4)
        PUT32(REG(RBP), frame);
    else
        PUT16(REG(RBP), frame);
}

void call_enter(struct cpu *cpu, const struct uop *u)
{
    unsigned size = u->d, level = u->a & 31;
    uint64_t rsp = cpu->r[RSP] - size, frame = rsp, bp = cpu->r[RBP];

    mem_write(cpu, stack_linear(cpu, rsp, size, true), bp, size);
    for (unsigned i = 1; i < level; i++) {
        uint64_t outer = mem_read(cpu, stack_linear(cpu, bp - i * size, size, false), size);

        rsp -= size;
        mem_write(cpu, stack_linear(cpu, rsp, size, true), outer, size);
    }
    if (level) {
        rsp -= size;
        mem_write(cpu, stack_linear(cpu, rsp, size, true), frame, size);
    }
    rsp -= u->imm;
    /* The new top must be writable, though nothing is written. */
    mem_probe_write(cpu, stack_linear(cpu, rsp, size, true), size);
    put_frame(cpu, frame, size);
    stack_move(cpu, rsp);
}

void call_leave(struct cpu *cpu, const struct uop *u)
{
    uint64_t frame = cpu->r[RBP],
             v = mem_read(cpu, stack_linear(cpu, frame, u->imm, false), u->imm);

    stack_move(cpu, frame + u->imm);
    put_frame(cpu, v, u->imm);
}

/* ---- Flags ---- */

static unsigned iopl(const struct cpu *cpu)
{
    return (cpu->flags & F_IOPL) >> 12;
}

void call_pushf(struct cpu *cpu, const struct uop *u)
{
    uint64_t v = cpu->flags & ~(uint64_t)(F_RF | F_VM);

    if (cpu->mode & MODE_VM86 && iopl(cpu) < 3) {
        if (!(cpu->cr4 & CR4_VME) || u->imm != 2)
            cpu_fault_error(cpu, EXC_GP, 0);
        v = (v & ~(uint64_t)F_IF) | F_IOPL | (v & F_VIF ? F_IF : 0);
    }
    push(cpu, v, u->imm);
}

/* POPF in virtual-8086 mode with VME and IOPL below 3: IF is VIF. */
static void popf_vme(struct cpu *cpu, unsigned size)
{
    const uint64_t change = F_ARITH | F_DF | F_NT;
    uint64_t v;

    if (!(cpu->cr4 & CR4_VME) || size != 2)
        cpu_fault_error(cpu, EXC_GP, 0);
    v = mem_read(cpu, stack_linear(cpu, cpu->r[RSP], 2, false), 2);
    if (v & F_TF || (v & F_IF && cpu->flags & F_VIP))
        cpu_fault_error(cpu, EXC_GP, 0);
    stack_move(cpu, cpu->r[RSP] + 2);
    cpu->flags = (cpu->flags & ~change) | (v & change);
    flag_put(cpu, F_VIF, v & F_IF);
}

void call_popf(struct cpu *cpu, const struct uop *u)
{
    uint64_t change = F_ARITH | F_TF | F_DF | F_NT, v;

    if (cpu->mode & MODE_VM86 && iopl(cpu) < 3) {
        popf_vme(cpu, u->imm);
        mode_update(cpu);
        return;
    }
    v = pop(cpu, u->imm);
    if (u->imm != 2) {
        change |= F_AC | F_ID;
        cpu->flags &= ~(uint64_t)F_RF;
    }
    if (cpu->cpl <= iopl(cpu) || cpu->mode & MODE_VM86)
        change |= F_IF;
    if (cpu->cpl == 0)
        change |= F_IOPL;
    change &= cpu->flags ^ v;
    cpu->flags ^= change;
    if (change & (F_TF | F_AC))
        mode_update(cpu);
    cpu_recheck(cpu);
}

/* Whether CLI and STI touch IF; else VIF (virtual interrupts), or #GP. */
static bool may_change_if(struct cpu *cpu)
{
    bool virtual = cpu->mode & MODE_VM86 ? cpu->cr4 & CR4_VME : cpu->cpl == 3 && cpu->cr4 & CR4_PVI;

    if (!(cpu->mode & MODE_PE) || iopl(cpu) >= (cpu->mode & MODE_VM86 ? 3 : cpu->cpl))
        return true;
    if (!virtual)
        cpu_fault_error(cpu, EXC_GP, 0);
    return false;
}

void call_cli(struct cpu *cpu, const struct uop *u)
{
    flag_put(cpu, may_change_if(cpu) ? F_IF : F_VIF, false);
}

void call_sti(struct cpu *cpu, const struct uop *u)
{
    if (may_change_if(cpu)) {
        if (!(cpu->flags & F_IF))
            cpu->inhibit |= INHIBIT_STI;
        cpu->flags |= F_IF;
        cpu_recheck(cpu);
    } else {
        if (cpu->flags & F_VIP)
            cpu_fault_error(cpu, EXC_GP, 0);
        cpu->flags |= F_VIF;
    }
}

/* Before the instruction behind STI, in one block with it. */
void call_in_shadow(struct cpu *cpu, const struct uop *u)
{
    cpu->inhibit &= ~INHIBIT_STI;
}

/* ---- Near calls and returns that are no micro-op ---- */

/* Pushes d bytes of the next instruction's address, b's target being one that may be jumped to. */
void call_near(struct cpu *cpu, const struct uop *u)
{
    check_target(cpu, GET64(u->b));
    push(cpu, cpu->r[REG_NEXT], u->d);
}

/* d = the popped address of a bytes; imm more are dropped. */
void call_return(struct cpu *cpu, const struct uop *u)
{
    uint64_t rip = mem_read(cpu, stack_linear(cpu, cpu->r[RSP], u->a, false), u->a);

    check_target(cpu, rip);
    stack_move(cpu, cpu->r[RSP] + u->a + u->imm);
    PUT64(u->d, rip);
}

/* Before LOOP's counter changes: where it would go, if a says that it does. */
void call_check_loop(struct cpu *cpu, const struct uop *u)
{
    if (GET64(u->a))
        check_target(cpu, u->imm);
}

/* BOUND a, with the limits of imm bytes each at T0. */
void call_bound(struct cpu *cpu, const struct uop *u)
{
    unsigned shift = 64 - 8 * u->imm;
    int64_t index = (int64_t)(GET64(u->a) << shift) >> shift;
    int64_t low = (int64_t)(mem_read(cpu, cpu->r[REG_T0], u->imm) << shift) >> shift;
    int64_t high = (int64_t)(mem_read(cpu, cpu->r[REG_T0] + u->imm, u->imm) << shift) >> shift;

    if (index < low || index > high)
        cpu_fault(cpu, EXC_BR);
}
