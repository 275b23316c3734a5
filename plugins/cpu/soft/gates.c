/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gates - exceptions and interrupts: how they are raised, combined and delivered in every mode.
 *
 * Intel SDM volume 3, chapters 6 (interrupts), 21 (real mode, virtual-8086, VME).
 */
#include <string.h>

#include "apic.h"
#include "log.h"
#include "mmu.h"
#include "soft.h"
#include "svm.h"

/* ---- Raising ---- */

static bool is_contributory(int vector)
{
    return vector == EXC_DE || (vector >= EXC_TS && vector <= EXC_GP) || vector == 21;
}

/* The exception came while another was being delivered: SDM table 6-5. */
static void combine(struct cpu *cpu)
{
    int first = cpu->fault.under - 1, second = cpu->fault.vector;

    if (!cpu->fault.under || cpu->fault.benign)
        return;
    if (first == EXC_DF && (is_contributory(second) || second == EXC_PF)) {
        cpu->fault.under = 0;
        cpu_shutdown(cpu);
    }
    if ((is_contributory(first) && is_contributory(second)) ||
        (first == EXC_PF && (is_contributory(second) || second == EXC_PF))) {
        cpu->fault.vector = EXC_DF;
        cpu->fault.has_error = true;
        cpu->fault.error = 0;
    }
}

_Noreturn static void leave(struct cpu *cpu, int vector, bool has_error, uint32_t error)
{
    cpu->fault.vector = vector;
    cpu->fault.has_error = has_error;
    cpu->fault.error = error;
    svm_exception(cpu);
    if (vector == EXC_PF)
        cpu->cr2 = cpu->fault.address;
    combine(cpu);
    if (cpu->fault.vector != vector)
        svm_exception(cpu);
    siglongjmp(cpu->fault_exit, 1);
}

void cpu_fault(struct cpu *cpu, int vector)
{
    cpu->fault.trap = false;
    leave(cpu, vector, false, 0);
}

void cpu_fault_error(struct cpu *cpu, int vector, uint32_t error)
{
    bool names_cause = vector >= EXC_TS && vector <= EXC_GP;

    cpu->fault.trap = false;
    if (names_cause && cpu->fault.under && cpu->fault.external)
        error |= 1;
    leave(cpu, vector, true, error);
}

void debug_raise(struct cpu *cpu, uint32_t dr6, bool trap)
{
    cpu->dr[6] = (cpu->dr[6] & ~15ull) | dr6;
    cpu->debug.pending = 0;
    cpu->fault.trap = trap;
    leave(cpu, EXC_DB, false, 0);
}

/* ---- Stacks in the TSS ---- */

void tss_stack(struct cpu *cpu, unsigned level, uint16_t *ss, uint64_t *sp)
{
    bool wide = cpu->tr.attr & 8; /* a 32-bit TSS */
    uint32_t at = wide ? 4 + level * 8 : 2 + level * 4, bytes = wide ? 8 : 4;

    if (at + bytes - 1 > cpu->tr.limit)
        cpu_selector_fault(cpu, EXC_TS, cpu->tr.selector);
    *sp = mem_read_sys(cpu, cpu->tr.base + at, wide ? 4 : 2);
    *ss = mem_read_sys(cpu, cpu->tr.base + at + (wide ? 4 : 2), 2);
}

static uint32_t tss_place_64(unsigned index)
{
    return index < 4 ? 4 + index * 8 : 0x24 + (index - 4) * 8;
}

uint64_t tss_stack_64(struct cpu *cpu, unsigned index)
{
    uint32_t at = tss_place_64(index);
    uint64_t sp;

    if (at + 7 > cpu->tr.limit)
        cpu_selector_fault(cpu, EXC_TS, cpu->tr.selector);
    sp = mem_read_sys(cpu, cpu->tr.base + at, 8);
    if (!canonical(cpu, sp))
        cpu_selector_fault(cpu, EXC_SS, 0);
    return sp;
}

/* ---- Gates and IRET between 64-bit code, where all is in the TLB: else false, for who faults ----
 */

enum {
    CODE_BITS = ATTR_S | ATTR_CODE | ATTR_CE | ATTR_P | ATTR_A | ATTR_L | ATTR_DB | 3 << 5,
    CODE_64 = ATTR_S | ATTR_CODE | ATTR_P | ATTR_A | ATTR_L,
    STACK_BITS = ATTR_S | ATTR_CODE | ATTR_RW | ATTR_P | ATTR_A | 3 << 5,
    STACK_64 = ATTR_S | ATTR_RW | ATTR_P | ATTR_A
};
/* A gate's type, S and P. */
#define GATE_BITS  (0x9full << 40)
#define GATE_INT64 ((uint64_t)(0x80 | DESC_INT32) << 40)

/* As the processor itself reads: tables, and the TSS. */
static bool peek(struct cpu *cpu, uint64_t lin, void *to, unsigned size)
{
    const void *at = tlb_direct(cpu, cpu->tlb->system, lin, size, false);

    if (at)
        memcpy(to, at, size);
    return at;
}

/* A segment of the GDT, of these attributes: there is nothing to be checked or set in it. */
static bool segment_peek(struct cpu *cpu, uint16_t selector, unsigned mask, unsigned attr,
                         struct segment *s)
{
    uint64_t raw;

    if (is_null(selector) || selector & 4 || (selector | 7u) > cpu->gdt.limit ||
        !peek(cpu, cpu->gdt.base + (selector & ~7u), &raw, 8))
        return false;
    *s = descriptor_segment(raw, selector);
    return (s->attr & mask) == attr;
}

/* Where an interrupt's frame ends: on the stack of its own (ist), of CPL 0, or that at hand. */
static bool frame_end(struct cpu *cpu, unsigned ist, uint64_t *sp)
{
    uint32_t at = tss_place_64(ist ? ist + 3 : 0);

    *sp = cpu->r[RSP];
    if ((ist || cpu->cpl) && (at + 7 > cpu->tr.limit || !peek(cpu, cpu->tr.base + at, sp, 8)))
        return false;
    return canonical(cpu, *sp);
}

/* Through an interrupt gate to CPL 0; but for the flags. */
static bool deliver_quickly(struct cpu *cpu, const struct event *e)
{
    enum tlb_index as = cpu->cpl ? cpu->tlb->system : cpu->tlb->data;
    unsigned size = e->has_error ? 48 : 40;
    uint64_t gate[2], rip, sp, *frame;
    struct segment cs;

    if (e->soft || cpu->check || e->vector * 16u + 15 > cpu->idt.limit ||
        !peek(cpu, cpu->idt.base + e->vector * 16u, gate, 16) ||
        (gate[0] & GATE_BITS) != GATE_INT64 ||
        !segment_peek(cpu, gate[0] >> 16, CODE_BITS, CODE_64, &cs))
        return false;
    rip = (gate[0] & 0xffff) | (gate[0] >> 32 & 0xffff0000) | gate[1] << 32;
    if (!canonical(cpu, rip) || !frame_end(cpu, gate[0] >> 32 & 7, &sp))
        return false;
    sp = (sp & ~15ull) - size;
    frame = tlb_direct(cpu, as, sp, size, true);
    if (!frame)
        return false;
    if (e->has_error)
        *frame++ = e->error;
    frame[0] = e->rip;
    frame[1] = cpu->seg[SEG_CS].selector;
    frame[2] = e->flags;
    frame[3] = cpu->r[RSP];
    frame[4] = cpu->seg[SEG_SS].selector;
    if (cpu->cpl)
        segment_set_null(cpu, SEG_SS, 0);
    cs.selector &= ~3;
    cpu->seg[SEG_CS] = cs;
    cpu->cpl = 0;
    cpu->r[RSP] = sp;
    cpu->rip = rip;
    return true;
}

/* ---- Delivery ---- */

/* A gate of the IDT, taken apart. */
struct gate {
    unsigned type, dpl, ist;
    bool present;
    uint16_t selector;
    uint64_t offset;
};

static void set_flags(struct cpu *cpu, uint64_t clear)
{
    cpu->flags &= ~clear;
}

static void deliver_real(struct cpu *cpu, const struct event *e, const struct segment *idt)
{
    struct stack stack = stack_now(cpu);
    uint32_t target;

    if (e->vector * 4u + 3 > idt->limit)
        cpu_fault_error(cpu, EXC_GP, e->vector * 8 + 2);
    target = mem_read_sys(cpu, (uint32_t)(idt->base + e->vector * 4), 4);
    stack_push(cpu, &stack, e->flags, 2);
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, 2);
    stack_push(cpu, &stack, e->rip, 2);
    if ((target & 0xffff) > cpu->seg[SEG_CS].limit)
        cpu_fault_error(cpu, EXC_GP, 0);
    stack_commit(cpu, &stack);
    segment_set_real(cpu, SEG_CS, target >> 16);
    cpu->rip = target & 0xffff;
}

_Noreturn static void gate_fault(struct cpu *cpu, int vector, const struct event *e)
{
    cpu_fault_error(cpu, vector, e->vector * 8 + 2);
}

static void gate_read(struct cpu *cpu, const struct event *e, struct gate *gate)
{
    unsigned size = in_long_mode(cpu) ? 16 : 8;
    uint64_t at = cpu->idt.base + e->vector * size, low, allowed;

    if (e->vector * size + size - 1 > cpu->idt.limit)
        gate_fault(cpu, EXC_GP, e);
    low = mem_read_sys(cpu, size == 16 ? at : (uint32_t)at, 8);
    *gate = (struct gate){
        .type = low >> 40 & 0x1f,
        .dpl = low >> 45 & 3,
        .ist = low >> 32 & 7,
        .present = low >> 47 & 1,
        .selector = low >> 16,
        .offset = (low & 0xffff) | (low >> 32 & 0xffff0000),
    };
    if (size == 16)
        gate->offset |= mem_read_sys(cpu, at + 8, 4) << 32;
    else if (gate->type < DESC_TSS32)
        gate->offset &= 0xffff;
    allowed = 1u << DESC_INT32 | 1u << DESC_TRAP32;
    if (size == 8)
        allowed |= 1u << DESC_TASK | 1u << DESC_INT16 | 1u << DESC_TRAP16;
    if (!(allowed >> gate->type & 1) || (e->soft && gate->dpl < cpu->cpl))
        gate_fault(cpu, EXC_GP, e);
    if (!gate->present)
        gate_fault(cpu, EXC_NP, e);
}

/* The gate's code segment; returns the privilege level it runs at. */
static unsigned handler_get(struct cpu *cpu, const struct gate *gate, struct descriptor *cs)
{
    unsigned dpl;

    if (is_null(gate->selector))
        cpu_selector_fault(cpu, EXC_GP, 0);
    descriptor_get(cpu, gate->selector, EXC_GP, cs);
    dpl = ATTR_DPL(cs->seg.attr);
    if (!is_code(cs->seg.attr) || dpl > cpu->cpl)
        cpu_selector_fault(cpu, EXC_GP, gate->selector);
    if (in_long_mode(cpu) && (cs->seg.attr & (ATTR_L | ATTR_DB)) != ATTR_L)
        cpu_selector_fault(cpu, EXC_GP, gate->selector);
    if (!(cs->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, gate->selector);
    if (is_conforming(cs->seg.attr))
        dpl = cpu->cpl;
    if (cpu->flags & F_VM && dpl)
        cpu_selector_fault(cpu, EXC_GP, gate->selector);
    return dpl;
}

static void deliver_long(struct cpu *cpu, const struct event *e, const struct gate *gate)
{
    struct descriptor cs;
    unsigned cpl = handler_get(cpu, gate, &cs);
    struct stack stack = { .mask = ~0ull, .wide = true, .sp = cpu->r[RSP] };

    if (gate->ist)
        stack.sp = tss_stack_64(cpu, gate->ist + 3);
    else if (cpl < cpu->cpl)
        stack.sp = tss_stack_64(cpu, cpl);
    stack.sys = cpl < cpu->cpl;
    stack.sp &= ~15ull;
    stack_push(cpu, &stack, cpu->seg[SEG_SS].selector, 8);
    stack_push(cpu, &stack, cpu->r[RSP], 8);
    stack_push(cpu, &stack, e->flags, 8);
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, 8);
    stack_push(cpu, &stack, e->rip, 8);
    if (e->has_error)
        stack_push(cpu, &stack, e->error, 8);
    code_check_target(cpu, &cs, gate->offset);
    descriptor_set_accessed(cpu, &cs);
    if (cpl < cpu->cpl) {
        segment_set_null(cpu, SEG_SS, cpl);
        cpu->seg[SEG_SS].attr |= cpl << 5;
    }
    cpu->r[RSP] = stack.sp;
    code_commit(cpu, gate->selector, &cs, cpl, gate->offset);
}

static void push_vm86_segments(struct cpu *cpu, struct stack *stack, unsigned size)
{
    static const enum seg order[] = { SEG_GS, SEG_FS, SEG_DS, SEG_ES };

    for (int i = 0; i < 4; i++)
        stack_push(cpu, stack, cpu->seg[order[i]].selector, size);
}

static void deliver_protected(struct cpu *cpu, const struct event *e, const struct gate *gate)
{
    unsigned size = gate->type & 8 ? 4 : 2, cpl;
    bool vm86 = cpu->flags & F_VM;
    struct descriptor cs, ss;
    struct stack stack = stack_now(cpu);

    cpl = handler_get(cpu, gate, &cs);
    if (cpl < cpu->cpl) {
        uint16_t selector;
        uint64_t sp;
        tss_stack(cpu, cpl, &selector, &sp);
        stack_get(cpu, selector, cpl, EXC_TS, &ss);
        stack = stack_of(&ss.seg, sp);
        stack.sys = true;
        stack.selector = selector;
        if (vm86)
            push_vm86_segments(cpu, &stack, size);
        stack_push(cpu, &stack, cpu->seg[SEG_SS].selector, size);
        stack_push(cpu, &stack, cpu->r[RSP], size);
    }
    stack_push(cpu, &stack, e->flags, size);
    stack_push(cpu, &stack, cpu->seg[SEG_CS].selector, size);
    stack_push(cpu, &stack, e->rip, size);
    if (e->has_error)
        stack_push(cpu, &stack, e->error, size);
    code_check_target(cpu, &cs, gate->offset);
    descriptor_set_accessed(cpu, &cs);
    if (cpl < cpu->cpl) {
        descriptor_set_accessed(cpu, &ss);
        cpu->seg[SEG_SS] = ss.seg;
    }
    if (vm86) {
        segment_set_null(cpu, SEG_ES, 0);
        segment_set_null(cpu, SEG_DS, 0);
        segment_set_null(cpu, SEG_FS, 0);
        segment_set_null(cpu, SEG_GS, 0);
    }
    stack_commit(cpu, &stack);
    code_commit(cpu, gate->selector, &cs, cpl, gate->offset);
}

/* A task gate: the error code goes on the new task's stack. */
static void deliver_task(struct cpu *cpu, const struct event *e, const struct gate *gate)
{
    task_gate(cpu, (uint64_t)gate->selector << 16, TASK_INT, e->rip, e->flags);
    if (e->has_error) {
        struct stack stack = stack_now(cpu);
        stack_push(cpu, &stack, e->error, cpu->tr.attr & 8 ? 4 : 2);
        stack_commit(cpu, &stack);
    }
    if ((uint32_t)cpu->rip > cpu->seg[SEG_CS].limit)
        cpu_fault_error(cpu, EXC_GP, 0);
}

static void deliver(struct cpu *cpu, const struct event *e)
{
    struct gate gate;

    if (!(cpu->cr0 & CR0_PE)) {
        deliver_real(cpu, e, &cpu->idt);
        set_flags(cpu, F_IF | F_TF | F_AC | F_RF);
        return;
    }
    if (in_long_mode(cpu) && deliver_quickly(cpu, e)) {
        set_flags(cpu, F_TF | F_NT | F_VM | F_RF | F_IF);
        return;
    }
    gate_read(cpu, e, &gate);
    if (gate.type == DESC_TASK) {
        deliver_task(cpu, e, &gate);
        return;
    }
    if (in_long_mode(cpu))
        deliver_long(cpu, e, &gate);
    else
        deliver_protected(cpu, e, &gate);
    set_flags(cpu, F_TF | F_NT | F_VM | F_RF | (gate.type & 1 ? 0 : F_IF));
}

void event_deliver(struct cpu *cpu, const struct event *e)
{
    cpu->fault.under = e->vector + 1;
    cpu->fault.external = e->external;
    svm_delivers(cpu, e);
    log_event(cpu, e);
    deliver(cpu, e);
    cpu->fault.under = 0;
    cpu->fault.vector = -1;
    if (!e->soft) /* what MOV SS held back comes behind INT n, at its handler */
        cpu->debug.pending = 0;
    cpu->debug.rf = cpu->debug.held = false;
    cpu->inhibit = cpu->shadow = 0;
    mode_update(cpu);
}

/* Whether the exception pushes RFLAGS with RF set: it came before its instruction. */
static bool is_fault_class(const struct cpu *cpu)
{
    int vector = cpu->fault.vector;
    return vector != EXC_DF && vector != EXC_MC && !(vector == EXC_DB && cpu->fault.trap);
}

void cpu_deliver_fault(struct cpu *cpu)
{
    struct event e = {
        .vector = cpu->fault.vector,
        .type = EVENT_EXCEPTION,
        .external = true,
        .rip = cpu->rip,
        .flags = cpu->flags,
        .has_error = cpu->fault.has_error,
        .error = cpu->fault.error,
    };

    if (e.vector < 0)
        return;
    if (is_fault_class(cpu))
        e.flags |= F_RF;
    if (e.vector == EXC_DB)
        cpu->dr[7] &= ~(uint64_t)DR7_GD;
    cpu->fault.benign = false;
    cpu->halted = false;
    event_deliver(cpu, &e);
}

void cpu_interrupt(struct cpu *cpu, int vector)
{
    struct event e = {
        .vector = vector,
        .type = vector == EXC_NMI ? EVENT_NMI : EVENT_INTR,
        .external = true,
        .rip = cpu->rip,
        .flags = cpu->flags & ~(uint64_t)F_RF,
    };

    cpu->fault.benign = true;
    cpu->halted = false;
    if (vector == EXC_NMI)
        cpu->nmi_blocked = true;
    event_deliver(cpu, &e);
}

/* ---- INT n ---- */

/* VME: the bit for vector in the TSS's redirection bitmap. */
static bool vme_redirects(struct cpu *cpu, int vector)
{
    uint32_t map;

    if (0x67 > cpu->tr.limit)
        cpu_fault_error(cpu, EXC_GP, 0);
    map = mem_read_sys(cpu, cpu->tr.base + 0x66, 2);
    if (map < 32 || map > cpu->tr.limit)
        cpu_fault_error(cpu, EXC_GP, 0);
    return !(mem_read_sys(cpu, cpu->tr.base + map - 32 + vector / 8, 1) >> (vector & 7) & 1);
}

/* INT n in virtual-8086 mode, for its own handler at linear 0 on. */
static void int_vm86(struct cpu *cpu, int vector, uint64_t next)
{
    static const struct segment table = { .limit = 0x3ff };
    uint64_t flags = cpu->flags;
    struct event e = { .vector = vector, .rip = next };

    if (iopl(cpu) < 3)
        flags = (flags & ~(uint64_t)F_IF) | F_IOPL | (flags & F_VIF ? F_IF : 0);
    e.flags = flags;
    log_event(cpu, &e);
    deliver_real(cpu, &e, &table);
    set_flags(cpu, F_TF | F_RF | F_AC | (iopl(cpu) < 3 ? F_VIF : F_IF));
    mode_update(cpu);
}

static void soft_int(struct cpu *cpu, int vector, enum event_type type, uint64_t next)
{
    struct event e = {
        .vector = vector, .type = type, .soft = true, .rip = next, .flags = cpu->flags
    };

    cpu->no_step = true;
    cpu->fault.benign = true;
    event_deliver(cpu, &e);
}

static void run_int(struct cpu *cpu, const struct uop *u)
{
    uint64_t next = uop_next_rip(cpu, u);

    if (cpu->flags & F_VM && cpu->cr4 & CR4_VME && vme_redirects(cpu, u->imm))
        return int_vm86(cpu, u->imm, next);
    if (cpu->flags & F_VM && iopl(cpu) < 3)
        cpu_fault_error(cpu, EXC_GP, 0);
    soft_int(cpu, u->imm, EVENT_INT_N, next);
}

/* INT3, INTO: sensitive to neither IOPL nor VME. */
static void run_int3(struct cpu *cpu, const struct uop *u)
{
    svm_intercept(cpu, SVM_EXCEPTION + EXC_BP, 0, 0);
    soft_int(cpu, EXC_BP, EVENT_EXCEPTION, uop_next_rip(cpu, u));
}

static void run_into(struct cpu *cpu, const struct uop *u)
{
    if (!(cpu->flags & F_OF)) {
        cpu->rip = uop_next_rip(cpu, u);
        return;
    }
    svm_intercept(cpu, SVM_EXCEPTION + EXC_OF, 0, 0);
    soft_int(cpu, EXC_OF, EVENT_EXCEPTION, uop_next_rip(cpu, u));
}

/* INT1: as a debug trap, but without DR6 and DPL; what MOV SS held back comes with it. */
static void run_int1(struct cpu *cpu, const struct uop *u)
{
    struct event e = {
        .vector = EXC_DB,
        .type = EVENT_EXCEPTION,
        .external = true,
        .rip = uop_next_rip(cpu, u),
        .flags = cpu->flags,
    };

    cpu->dr[6] |= cpu->debug.pending;
    cpu->dr[7] &= ~(uint64_t)DR7_GD;
    cpu->no_step = true;
    cpu->fault.benign = true;
    event_deliver(cpu, &e);
}

/* ---- IRET ---- */

static void set_some_flags(struct cpu *cpu, uint64_t value, uint64_t mask)
{
    cpu->flags = (cpu->flags & ~mask) | (value & mask) | 2;
}

enum { F_ALWAYS = F_ARITH | F_TF | F_DF | F_NT };

/*
 * What returns from a fault sets RF for the instruction to be begun again, and its end clears it.
 * Without a breakpoint it means nothing until then, and the instruction need not run by itself.
 */
static void drop_rf(struct cpu *cpu)
{
    if (!(cpu->flags & F_RF) || cpu->svm.guest)
        return;
    cpu->flags &= ~(uint64_t)F_RF;
    if (debug_active(cpu))
        cpu->flags |= F_RF;
}

static void iret_done(struct cpu *cpu)
{
    drop_rf(cpu);
    cpu->nmi_blocked = false;
    cpu->debug.rf = false;
    cpu_recheck(cpu);
    mode_update(cpu);
}

static void iret_real(struct cpu *cpu, unsigned size)
{
    struct stack stack = stack_now(cpu);
    uint64_t rip = stack_pop(cpu, &stack, size);
    uint16_t selector = stack_pop(cpu, &stack, size);
    uint64_t flags = stack_pop(cpu, &stack, size);
    bool vm86 = cpu->flags & F_VM, virtual = vm86 && iopl(cpu) < 3;

    if (virtual && (flags & F_TF || (flags & F_IF && cpu->flags & F_VIP)))
        cpu_fault_error(cpu, EXC_GP, 0);
    if (rip > cpu->seg[SEG_CS].limit)
        cpu_fault_error(cpu, EXC_GP, 0);
    stack_commit(cpu, &stack);
    segment_set_real(cpu, SEG_CS, selector);
    cpu->rip = rip;
    set_some_flags(cpu, flags,
                   F_ALWAYS | (virtual ? 0 : F_IF) | (vm86 ? 0 : F_IOPL) |
                       (size == 4 ? F_RF | F_AC | F_ID : 0));
    if (virtual)
        set_some_flags(cpu, flags & F_IF ? F_VIF : 0, F_VIF);
}

static void iret_to_vm86(struct cpu *cpu, struct stack *stack, uint32_t rip, uint16_t cs,
                         uint32_t flags)
{
    static const enum seg order[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    uint32_t sp = stack_pop(cpu, stack, 4);
    uint16_t ss = stack_pop(cpu, stack, 4), data[4];

    for (int i = 0; i < 4; i++)
        data[i] = stack_pop(cpu, stack, 4);
    if (rip > 0xffff)
        cpu_fault_error(cpu, EXC_GP, 0);
    set_some_flags(cpu, flags,
                   F_ALWAYS | F_IF | F_IOPL | F_VM | F_RF | F_AC | F_ID | F_VIF | F_VIP);
    segment_set_real(cpu, SEG_CS, cs);
    segment_set_real(cpu, SEG_SS, ss);
    for (int i = 0; i < 4; i++)
        segment_set_real(cpu, order[i], data[i]);
    cpu->cpl = 3;
    cpu->r[RSP] = sp;
    cpu->rip = rip;
}

/* SS of an outer level, or what 64-bit mode takes for it. */
static void return_stack_get(struct cpu *cpu, uint16_t selector, unsigned cpl, bool to_64,
                             struct descriptor *ss)
{
    if (is_null(selector) && to_64 && cpl < 3 && (selector & 3) == cpl)
        ss->seg = (struct segment){ .selector = selector, .attr = ATTR_NULL | cpl << 5 };
    else
        stack_get(cpu, selector, cpl, EXC_GP, ss);
}

static uint64_t iret_mask(const struct cpu *cpu, unsigned cpl, unsigned size)
{
    uint64_t mask = F_ALWAYS;

    if (cpl <= iopl(cpu))
        mask |= F_IF;
    if (cpl == 0)
        mask |= F_IOPL;
    if (size > 2)
        mask |= F_RF | F_AC | F_ID | (cpl == 0 ? F_VIF | F_VIP : 0);
    return mask;
}

static void iret_protected(struct cpu *cpu, unsigned size)
{
    struct stack stack = stack_now(cpu);
    bool from_64 = in_code64(cpu), new_stack, to_64;
    uint64_t rip = stack_pop(cpu, &stack, size), sp = 0;
    uint16_t selector = stack_pop(cpu, &stack, size), ss_selector = 0;
    uint64_t flags = stack_pop(cpu, &stack, size);
    unsigned cpl = selector & 3, old = cpu->cpl;
    struct descriptor cs, ss = { .raw = 0 };

    if (size == 4 && flags & F_VM && old == 0 && !in_long_mode(cpu)) {
        iret_to_vm86(cpu, &stack, rip, selector, flags);
        return;
    }
    return_code_get(cpu, selector, EXC_GP, &cs);
    new_stack = from_64 || cpl > old;
    to_64 = in_long_mode(cpu) && cs.seg.attr & ATTR_L;
    if (new_stack) {
        sp = stack_pop(cpu, &stack, size);
        ss_selector = stack_pop(cpu, &stack, size);
        return_stack_get(cpu, ss_selector, cpl, to_64, &ss);
    }
    code_check_target(cpu, &cs, rip);
    descriptor_set_accessed(cpu, &cs);
    set_some_flags(cpu, flags, iret_mask(cpu, old, size));
    if (new_stack) {
        if (!(ss.seg.attr & ATTR_NULL))
            descriptor_set_accessed(cpu, &ss);
        cpu->seg[SEG_SS] = ss.seg;
        stack = stack_of(&ss.seg, sp);
        if (to_64)
            stack.mask = ~0ull;
    }
    code_commit(cpu, selector, &cs, cpl, rip);
    stack_commit(cpu, &stack);
    if (cpl > old)
        segments_drop(cpu);
}

/* From CPL 0, with a frame in one page. */
static bool iret_quickly(struct cpu *cpu)
{
    const void *at = tlb_direct(cpu, cpu->tlb->data, cpu->r[RSP], 40, false);
    struct segment cs, ss = { .attr = ATTR_NULL };
    uint64_t frame[5];
    unsigned cpl;

    if (cpu->cpl || !in_code64(cpu) || !at)
        return false;
    memcpy(frame, at, sizeof(frame));
    cpl = frame[1] & 3;
    ss.selector = frame[4];
    if (!canonical(cpu, frame[0]) || ss.selector % 4 != cpl ||
        !segment_peek(cpu, frame[1], CODE_BITS, CODE_64 | cpl << 5, &cs))
        return false;
    if (is_null(ss.selector) && cpl < 3)
        ss.attr |= cpl << 5;
    else if (!segment_peek(cpu, ss.selector, STACK_BITS, STACK_64 | cpl << 5, &ss))
        return false;
    set_some_flags(cpu, frame[2], iret_mask(cpu, 0, 8));
    cpu->seg[SEG_CS] = cs;
    cpu->seg[SEG_SS] = ss;
    cpu->cpl = cpl;
    cpu->rip = frame[0];
    cpu->r[RSP] = frame[3];
    if (cpl)
        segments_drop(cpu);
    return true;
}

static void run_iret(struct cpu *cpu, const struct uop *u)
{
    unsigned size = u->imm;

    if (cpu_logs(cpu, TENON_ITEM_PCALL) && cpu->cr0 & CR0_PE)
        log_registers(cpu, "iret s=%u\n", size);
    if (!(cpu->cr0 & CR0_PE)) {
        iret_real(cpu, size);
    } else if (cpu->flags & F_VM) {
        if (iopl(cpu) < 3 && (!(cpu->cr4 & CR4_VME) || size != 2))
            cpu_fault_error(cpu, EXC_GP, 0);
        iret_real(cpu, size);
    } else if (cpu->flags & F_NT) {
        if (in_long_mode(cpu))
            cpu_fault_error(cpu, EXC_GP, 0);
        task_return(cpu, uop_next_rip(cpu, u));
    } else if (size != 8 || !iret_quickly(cpu)) {
        iret_protected(cpu, size);
    }
    iret_done(cpu);
}

bool gates_translate(struct block_builder *b, const struct insn *in)
{
    if (in->map != MAP_ONE)
        return false;
    switch (in->opcode) {
    case 0xcc: emit_call_jump(b, run_int3, 0, 0, 0, 0); return true;
    case 0xcd: emit_call_jump(b, run_int, 0, 0, 0, in->imm & 0xff); return true;
    case 0xce:
        if (in->code == MODE_CODE64)
            return false;
        emit_call_jump(b, run_into, 0, 0, 0, 0);
        return true;
    case 0xcf: emit_call_jump(b, run_iret, 0, 0, 0, in->op_size); return true;
    case 0xf1: emit_call_jump(b, run_int1, 0, 0, 0, 0); return true;
    }
    return false;
}
