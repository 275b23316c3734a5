/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * transfer - far JMP, CALL and RET: within a level, through call gates, to tasks.
 *
 * Intel SDM volume 3, chapter 5.8; the instructions' pages in volume 2.
 */
#include <inttypes.h>

#include "log.h"
#include "sys.h"

void code_check_target(struct cpu *cpu, const struct descriptor *d, uint64_t rip)
{
    bool code64 = in_long_mode(cpu) && d->seg.attr & ATTR_L;

    if (code64 ? !canonical(cpu, rip) : rip > d->seg.limit)
        cpu_fault_error(cpu, EXC_GP, 0);
}

void code_commit(struct cpu *cpu, uint16_t selector, struct descriptor *d, unsigned cpl,
                 uint64_t rip)
{
    cpu->seg[SEG_CS] = d->seg;
    cpu->seg[SEG_CS].selector = (selector & ~3) | cpl;
    cpu->cpl = cpl;
    cpu->rip = rip;
}

static void far_real(struct cpu *cpu, uint16_t selector, uint64_t rip)
{
    if (rip > cpu->seg[SEG_CS].limit)
        cpu_fault_error(cpu, EXC_GP, 0);
    segment_set_real(cpu, SEG_CS, selector);
    cpu->rip = rip;
}

/* A code segment as the target of a direct far JMP or CALL. */
static void check_code(struct cpu *cpu, uint16_t selector, const struct descriptor *d)
{
    unsigned dpl = ATTR_DPL(d->seg.attr);

    if (is_conforming(d->seg.attr) ? dpl > cpu->cpl : (selector & 3) > cpu->cpl || dpl != cpu->cpl)
        cpu_selector_fault(cpu, EXC_GP, selector);
    if (in_long_mode(cpu) && d->seg.attr & ATTR_L && d->seg.attr & ATTR_DB)
        cpu_selector_fault(cpu, EXC_GP, selector);
    if (!(d->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
}

/* A call or task gate, or a TSS: may it be used from here? */
static void check_gate(struct cpu *cpu, uint16_t selector, const struct descriptor *d)
{
    unsigned dpl = ATTR_DPL(d->seg.attr);

    if (dpl < cpu->cpl || dpl < (selector & 3u))
        cpu_selector_fault(cpu, EXC_GP, selector);
}

struct call_gate {
    uint16_t selector;
    uint64_t offset;
    unsigned size, count; /* bytes of a stack slot, parameters */
    struct descriptor cs;
};

static void call_gate_get(struct cpu *cpu, uint16_t selector, const struct descriptor *d, bool jump,
                          struct call_gate *gate)
{
    unsigned dpl;

    check_gate(cpu, selector, d);
    if (!(d->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
    gate->selector = d->raw >> 16;
    gate->offset = d->raw & 0xffff;
    gate->count = d->raw >> 32 & 31;
    gate->size = system_type(d->seg.attr) == DESC_CALL16 ? 2 : 4;
    if (gate->size == 4)
        gate->offset |= d->raw >> 32 & 0xffff0000;
    if (in_long_mode(cpu)) {
        uint64_t upper = descriptor_read_upper(cpu, selector, EXC_GP, d);
        if (upper >> 40 & 0x1f)
            cpu_selector_fault(cpu, EXC_GP, selector);
        gate->offset |= upper << 32;
        gate->size = 8;
    }
    if (is_null(gate->selector))
        cpu_fault_error(cpu, EXC_GP, 0);
    descriptor_get(cpu, gate->selector, EXC_GP, &gate->cs);
    dpl = ATTR_DPL(gate->cs.seg.attr);
    if (!is_code(gate->cs.seg.attr) || dpl > cpu->cpl ||
        (jump && !is_conforming(gate->cs.seg.attr) && dpl != cpu->cpl) ||
        (gate->size == 8 && (gate->cs.seg.attr & (ATTR_L | ATTR_DB)) != ATTR_L))
        cpu_selector_fault(cpu, EXC_GP, gate->selector);
    if (!(gate->cs.seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, gate->selector);
}

/* CALL through a gate at the same level. */
static void call_same(struct cpu *cpu, struct call_gate *gate, uint64_t next)
{
    struct stack stack = stack_now(cpu);

    stack.wide = gate->size == 8;
    if (stack.wide)
        stack.mask = ~0ull;
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, gate->size);
    stack_push(cpu, &stack, next, gate->size);
    code_check_target(cpu, &gate->cs, gate->offset);
    descriptor_set_accessed(cpu, &gate->cs);
    stack_commit(cpu, &stack);
    code_commit(cpu, gate->selector, &gate->cs, cpu->cpl, gate->offset);
}

static void call_inner_64(struct cpu *cpu, struct call_gate *gate, unsigned cpl, uint64_t next)
{
    struct stack stack = { .mask = ~0ull, .wide = true, .sys = true, .sp = tss_stack_64(cpu, cpl) };

    stack_push(cpu, &stack, cpu->seg[SEG_SS].selector, 8);
    stack_push(cpu, &stack, cpu->r[RSP], 8);
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, 8);
    stack_push(cpu, &stack, next, 8);
    code_check_target(cpu, &gate->cs, gate->offset);
    descriptor_set_accessed(cpu, &gate->cs);
    segment_set_null(cpu, SEG_SS, cpl);
    cpu->seg[SEG_SS].attr |= cpl << 5;
    cpu->r[RSP] = stack.sp;
    code_commit(cpu, gate->selector, &gate->cs, cpl, gate->offset);
}

static void call_inner(struct cpu *cpu, struct call_gate *gate, unsigned cpl, uint64_t next)
{
    struct stack old = stack_now(cpu), stack;
    uint32_t parameter[31];
    struct descriptor ss;
    uint16_t selector;
    uint64_t sp;

    tss_stack(cpu, cpl, &selector, &sp);
    stack_get(cpu, selector, cpl, EXC_TS, &ss);
    for (unsigned i = 0; i < gate->count; i++)
        parameter[i] = stack_pop(cpu, &old, gate->size);
    stack = stack_of(&ss.seg, sp);
    stack.sys = true;
    stack.selector = selector;
    stack_push(cpu, &stack, cpu->seg[SEG_SS].selector, gate->size);
    stack_push(cpu, &stack, cpu->r[RSP], gate->size);
    for (unsigned i = gate->count; i-- > 0;)
        stack_push(cpu, &stack, parameter[i], gate->size);
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, gate->size);
    stack_push(cpu, &stack, next, gate->size);
    code_check_target(cpu, &gate->cs, gate->offset);
    descriptor_set_accessed(cpu, &gate->cs);
    descriptor_set_accessed(cpu, &ss);
    cpu->seg[SEG_SS] = ss.seg;
    stack_commit(cpu, &stack);
    code_commit(cpu, gate->selector, &gate->cs, cpl, gate->offset);
}

static void through_gate(struct cpu *cpu, uint16_t selector, const struct descriptor *d, bool jump,
                         uint64_t next)
{
    struct call_gate gate;
    unsigned dpl;

    call_gate_get(cpu, selector, d, jump, &gate);
    dpl = ATTR_DPL(gate.cs.seg.attr);
    if (jump) {
        code_check_target(cpu, &gate.cs, gate.offset);
        descriptor_set_accessed(cpu, &gate.cs);
        code_commit(cpu, gate.selector, &gate.cs, cpu->cpl, gate.offset);
    } else if (is_conforming(gate.cs.seg.attr) || dpl == cpu->cpl) {
        call_same(cpu, &gate, next);
    } else if (gate.size == 8) {
        call_inner_64(cpu, &gate, dpl, next);
    } else {
        call_inner(cpu, &gate, dpl, next);
    }
}

/* The target is a system descriptor: a gate or a task. */
static void to_system(struct cpu *cpu, uint16_t selector, struct descriptor *d, bool jump,
                      uint64_t next)
{
    enum task_why why = jump ? TASK_JUMP : TASK_CALL;
    int type = system_type(d->seg.attr);

    if (in_long_mode(cpu) && type != DESC_CALL32)
        cpu_selector_fault(cpu, EXC_GP, selector);
    switch (type) {
    case DESC_CALL16:
    case DESC_CALL32: through_gate(cpu, selector, d, jump, next); break;
    case DESC_TASK:
        check_gate(cpu, selector, d);
        if (!(d->seg.attr & ATTR_P))
            cpu_selector_fault(cpu, EXC_NP, selector);
        task_gate(cpu, d->raw, why, next, cpu->flags);
        break;
    case DESC_TSS16:
    case DESC_TSS32:
        check_gate(cpu, selector, d);
        task_switch(cpu, selector, d, why, next, cpu->flags);
        break;
    default: cpu_selector_fault(cpu, EXC_GP, selector);
    }
}

static void far_jump(struct cpu *cpu, uint16_t selector, uint64_t rip, uint64_t next)
{
    struct descriptor d;

    if (is_real(cpu))
        return far_real(cpu, selector, rip);
    if (is_null(selector))
        cpu_fault_error(cpu, EXC_GP, 0);
    descriptor_get(cpu, selector, EXC_GP, &d);
    if (!is_code(d.seg.attr)) {
        if (d.seg.attr & ATTR_S)
            cpu_selector_fault(cpu, EXC_GP, selector);
        return to_system(cpu, selector, &d, true, next);
    }
    check_code(cpu, selector, &d);
    code_check_target(cpu, &d, rip);
    descriptor_set_accessed(cpu, &d);
    code_commit(cpu, selector, &d, cpu->cpl, rip);
}

static void far_call(struct cpu *cpu, uint16_t selector, uint64_t rip, uint64_t next, unsigned size)
{
    struct stack stack = stack_now(cpu);
    struct descriptor d;
    bool real = is_real(cpu);

    if (!real) {
        if (is_null(selector))
            cpu_fault_error(cpu, EXC_GP, 0);
        descriptor_get(cpu, selector, EXC_GP, &d);
        if (!is_code(d.seg.attr)) {
            if (d.seg.attr & ATTR_S)
                cpu_selector_fault(cpu, EXC_GP, selector);
            return to_system(cpu, selector, &d, false, next);
        }
        check_code(cpu, selector, &d);
    }
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, size);
    stack_push(cpu, &stack, next, size);
    if (real) {
        far_real(cpu, selector, rip);
        stack_commit(cpu, &stack);
        return;
    }
    code_check_target(cpu, &d, rip);
    descriptor_set_accessed(cpu, &d);
    stack_commit(cpu, &stack);
    code_commit(cpu, selector, &d, cpu->cpl, rip);
}

/* RET to an outer level; bytes of parameters are released on both stacks. */
static void return_outer(struct cpu *cpu, struct stack *stack, struct descriptor *cs, uint64_t rip,
                         unsigned size, unsigned bytes)
{
    unsigned cpl = cs->seg.selector & 3;
    bool to_64 = in_long_mode(cpu) && cs->seg.attr & ATTR_L;
    struct descriptor ss = { .raw = 0 };
    uint16_t selector;
    uint64_t sp;

    stack->sp = (stack->sp & ~stack->mask) | ((stack->sp + bytes) & stack->mask);
    sp = stack_pop(cpu, stack, size);
    selector = stack_pop(cpu, stack, size);
    if (is_null(selector) && to_64 && cpl < 3 && (selector & 3) == cpl)
        ss.seg = (struct segment){ .selector = selector, .attr = ATTR_NULL | cpl << 5 };
    else
        stack_get(cpu, selector, cpl, EXC_GP, &ss);
    code_check_target(cpu, cs, rip);
    descriptor_set_accessed(cpu, cs);
    if (!(ss.seg.attr & ATTR_NULL))
        descriptor_set_accessed(cpu, &ss);
    cpu->seg[SEG_SS] = ss.seg;
    *stack = stack_of(&ss.seg, sp);
    if (to_64)
        stack->mask = ~0ull;
    code_commit(cpu, cs->seg.selector, cs, cpl, rip);
    stack->sp += bytes;
    stack_commit(cpu, stack);
    segments_drop(cpu);
}

static void far_return(struct cpu *cpu, unsigned size, unsigned bytes)
{
    struct stack stack = stack_now(cpu);
    uint64_t rip = stack_pop(cpu, &stack, size);
    uint16_t selector = stack_pop(cpu, &stack, size);
    struct descriptor cs;

    if (is_real(cpu)) {
        far_real(cpu, selector, rip);
        stack.sp += bytes;
        stack_commit(cpu, &stack);
        return;
    }
    return_code_get(cpu, selector, EXC_GP, &cs);
    if ((selector & 3) > cpu->cpl) {
        return_outer(cpu, &stack, &cs, rip, size, bytes);
        return;
    }
    code_check_target(cpu, &cs, rip);
    descriptor_set_accessed(cpu, &cs);
    stack.sp += bytes;
    stack_commit(cpu, &stack);
    code_commit(cpu, selector, &cs, cpu->cpl, rip);
}

/* ---- Instructions ---- */

/* T1: offset, T2: selector; u->d: CALL; u->imm: operand size. */
static void run_far(struct cpu *cpu, const struct uop *u)
{
    uint64_t rip = cpu->r[REG_T1], next = uop_next_rip(cpu, u);
    uint16_t selector = cpu->r[REG_T2];

    if (cpu_logs(cpu, TENON_ITEM_PCALL) && !is_real(cpu))
        log_registers(cpu, "%s %04x:%08" PRIx64 " s=%u\n", u->d ? "lcall" : "ljmp", selector, rip,
                      (unsigned)u->imm);
    if (u->d)
        far_call(cpu, selector, rip, next, u->imm);
    else
        far_jump(cpu, selector, rip, next);
    mode_update(cpu);
}

static void run_far_memory(struct cpu *cpu, const struct uop *u)
{
    uint64_t lin = cpu->r[REG_T0];

    cpu->r[REG_T1] = mem_read(cpu, lin, u->imm);
    cpu->r[REG_T2] = mem_read(cpu, lin + u->imm, 2);
    run_far(cpu, u);
}

static void run_far_return(struct cpu *cpu, const struct uop *u)
{
    if (cpu_logs(cpu, TENON_ITEM_PCALL) && !is_real(cpu))
        log_registers(cpu, "lret s=%u addend=0x%x\n", u->d, (unsigned)u->imm);
    far_return(cpu, u->d, u->imm);
    mode_update(cpu);
}

/* 9A, EA: the operands are immediates. */
static bool translate_direct(struct block_builder *b, const struct insn *in, bool call)
{
    if (in->code == MODE_CODE64)
        return false;
    emit(b, UOP_MOVI64, REG(REG_T1), 0, 0, in->imm & (in->op_size == 2 ? 0xffff : 0xffffffff));
    emit(b, UOP_MOVI64, REG(REG_T2), 0, 0, in->imm2 & 0xffff);
    emit_call_jump(b, run_far, call, 0, 0, in->op_size);
    return true;
}

static bool translate_far(struct block_builder *b, const struct insn *in)
{
    switch (in->opcode) {
    case 0x9a: return translate_direct(b, in, true);
    case 0xea: return translate_direct(b, in, false);
    case 0xca: emit_call_jump(b, run_far_return, in->op_size, 0, 0, in->imm & 0xffff); return true;
    case 0xcb: emit_call_jump(b, run_far_return, in->op_size, 0, 0, 0); return true;
    case 0xff:
        if (in->mod == 3 || ((in->reg & 7) != 3 && (in->reg & 7) != 5))
            return false;
        emit_address(b, in->op_size + 2, false);
        emit_call_jump(b, run_far_memory, (in->reg & 7) == 3, 0, 0, in->op_size);
        return true;
    }
    return false;
}

bool transfer_translate(struct block_builder *b, const struct insn *in)
{
    return in->map == MAP_ONE && translate_far(b, in);
}
