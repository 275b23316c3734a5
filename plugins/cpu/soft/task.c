/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* task - hardware task switches (Intel SDM volume 3, chapter 7). */
#include "mmu.h"
#include "soft.h"
#include "svm.h"

/* Where a TSS keeps what.  Registers are in the order of their numbers. */
struct tss_layout {
    uint8_t size;  /* of a register */
    uint8_t limit; /* the least */
    uint8_t cr3, ip, flags, regs, segs, ldt, n_segs;
};
// clang-format off
static const struct tss_layout layout_16 = {
    .size = 2, .limit = 0x2b, .cr3 = 0, .ip = 0x0e, .flags = 0x10, .regs = 0x12, .segs = 0x22,
    .ldt = 0x2a, .n_segs = 4
};
static const struct tss_layout layout_32 = {
    .size = 4, .limit = 0x67, .cr3 = 0x1c, .ip = 0x20, .flags = 0x24, .regs = 0x28, .segs = 0x48,
    .ldt = 0x60, .n_segs = 6
};
// clang-format on

static const struct tss_layout *layout_of(const struct segment *tss)
{
    return tss->attr & 8 ? &layout_32 : &layout_16;
}

/* A task as it lies in memory. */
struct task {
    uint32_t cr3, ip, flags, regs[8];
    uint16_t segs[6], ldt;
    bool trap;
};

static uint32_t tss_read(struct cpu *cpu, const struct segment *tss, unsigned at, unsigned size)
{
    return mem_read_sys(cpu, (uint32_t)(tss->base + at), size);
}

static void tss_write(struct cpu *cpu, const struct segment *tss, unsigned at, uint32_t value,
                      unsigned size)
{
    mem_write_sys(cpu, (uint32_t)(tss->base + at), value, size);
}

static void task_read(struct cpu *cpu, const struct segment *tss, struct task *task)
{
    const struct tss_layout *l = layout_of(tss);

    *task = (struct task){ .ip = tss_read(cpu, tss, l->ip, l->size),
                           .flags = tss_read(cpu, tss, l->flags, l->size),
                           .ldt = tss_read(cpu, tss, l->ldt, 2) };
    for (unsigned i = 0; i < 8; i++)
        task->regs[i] = tss_read(cpu, tss, l->regs + i * l->size, l->size);
    for (unsigned i = 0; i < l->n_segs; i++)
        task->segs[i] = tss_read(cpu, tss, l->segs + i * l->size, 2);
    if (l->cr3) {
        task->cr3 = tss_read(cpu, tss, l->cr3, 4);
        task->trap = tss_read(cpu, tss, 0x64, 2) & 1;
    }
}

/* The dynamic fields of the task that is left. */
static void task_save(struct cpu *cpu, uint32_t ip, uint32_t flags)
{
    const struct tss_layout *l = layout_of(&cpu->tr);

    tss_write(cpu, &cpu->tr, l->ip, ip, l->size);
    tss_write(cpu, &cpu->tr, l->flags, flags, l->size);
    for (unsigned i = 0; i < 8; i++)
        tss_write(cpu, &cpu->tr, l->regs + i * l->size, cpu->r[i], l->size);
    for (unsigned i = 0; i < l->n_segs; i++)
        tss_write(cpu, &cpu->tr, l->segs + i * l->size, cpu->seg[i].selector, 2);
}

/* ---- Segments of the new task: faults are the new task's ---- */

static void load_ldt(struct cpu *cpu, uint16_t selector)
{
    struct descriptor d;

    cpu->ldt = (struct segment){ .selector = selector, .attr = ATTR_NULL };
    if (is_null(selector))
        return;
    if (selector & 4 || !descriptor_read(cpu, selector, &d) ||
        system_type(d.seg.attr) != DESC_LDT || !(d.seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_TS, selector);
    cpu->ldt = d.seg;
}

static void load_code(struct cpu *cpu, uint16_t selector)
{
    unsigned rpl = selector & 3, dpl;
    struct descriptor d;

    if (is_null(selector))
        cpu_selector_fault(cpu, EXC_TS, 0);
    descriptor_get(cpu, selector, EXC_TS, &d);
    dpl = ATTR_DPL(d.seg.attr);
    if (!is_code(d.seg.attr) || (is_conforming(d.seg.attr) ? dpl > rpl : dpl != rpl))
        cpu_selector_fault(cpu, EXC_TS, selector);
    if (!(d.seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
    descriptor_set_accessed(cpu, &d);
    cpu->seg[SEG_CS] = d.seg;
}

static void load_data(struct cpu *cpu, enum seg seg, uint16_t selector)
{
    struct descriptor d;
    unsigned dpl;

    if (is_null(selector))
        return;
    descriptor_get(cpu, selector, EXC_TS, &d);
    dpl = ATTR_DPL(d.seg.attr);
    if (!is_readable(d.seg.attr) ||
        (!is_conforming(d.seg.attr) && (dpl < cpu->cpl || dpl < (selector & 3u))))
        cpu_selector_fault(cpu, EXC_TS, selector);
    if (!(d.seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
    descriptor_set_accessed(cpu, &d);
    cpu->seg[seg] = d.seg;
}

static void load_segments(struct cpu *cpu, const struct task *task)
{
    static const enum seg data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };
    struct descriptor ss;

    load_ldt(cpu, task->ldt);
    if (cpu->flags & F_VM)
        return;
    load_code(cpu, task->segs[SEG_CS]);
    stack_get(cpu, task->segs[SEG_SS], cpu->cpl, EXC_TS, &ss);
    descriptor_set_accessed(cpu, &ss);
    cpu->seg[SEG_SS] = ss.seg;
    for (int i = 0; i < 4; i++)
        load_data(cpu, data[i], task->segs[data[i]]);
}

/* ---- The switch ---- */

/* Registers and selectors of the new task; its segments are not usable yet. */
static void task_enter(struct cpu *cpu, const struct task *task, const struct tss_layout *l)
{
    cpu->rip = task->ip;
    cpu->flags = flags_possible(task->flags);
    for (unsigned i = 0; i < 8; i++)
        cpu->r[i] = l->size == 4 ? task->regs[i] : task->regs[i] | (cpu->r[i] & 0xffff0000);
    for (enum seg i = 0; i < N_SEGS; i++) {
        if (cpu->flags & F_VM)
            segment_set_real(cpu, i, task->segs[i]);
        else
            segment_set_null(cpu, i, task->segs[i]);
    }
    cpu->cpl = cpu->flags & F_VM ? 3 : task->segs[SEG_CS] & 3;
    cpu->seg[SEG_SS].attr |= cpu->flags & F_VM ? 0 : cpu->cpl << 5;
    cpu->cr0 |= CR0_TS;
    cpu->dr[7] &= ~0x155ull;
    cpu->debug.rf = false;
    mode_update(cpu);
}

static void check_new(struct cpu *cpu, uint16_t selector, const struct descriptor *d,
                      enum task_why why)
{
    int vector = why == TASK_IRET ? EXC_TS : EXC_GP;
    int type = system_type(d->seg.attr);
    bool busy = type == DESC_TSS16_BUSY || type == DESC_TSS32_BUSY;

    if (selector & 4 || (!busy && type != DESC_TSS16 && type != DESC_TSS32) ||
        busy != (why == TASK_IRET))
        cpu_selector_fault(cpu, vector, selector);
    if (!(d->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
    if (d->seg.limit < layout_of(&d->seg)->limit)
        cpu_selector_fault(cpu, EXC_TS, selector);
}

static void set_busy_at(struct cpu *cpu, uint16_t selector, bool busy)
{
    struct descriptor d;

    if (!is_null(selector) && descriptor_read(cpu, selector, &d))
        descriptor_set_busy(cpu, &d, busy);
}

static void switch_cr3(struct cpu *cpu, const struct task *task, const struct tss_layout *l)
{
    if (!(cpu->cr0 & CR0_PG) || !l->cr3)
        return;
    if (cpu->cr4 & CR4_PAE && !paging_load_pdptes(cpu, task->cr3))
        cpu_fault_error(cpu, EXC_GP, 0);
    cpu->cr3 = task->cr3;
    tlb_flush(cpu, false);
}

void task_switch(struct cpu *cpu, uint16_t selector, struct descriptor *d, enum task_why why,
                 uint64_t next, uint64_t flags)
{
    const struct tss_layout *l = layout_of(&d->seg), *old = layout_of(&cpu->tr);
    uint16_t old_selector = cpu->tr.selector;
    struct task task;

    check_new(cpu, selector, d, why);
    svm_task_switch(cpu, selector, why);
    /* What may fail, before anything changes. */
    mem_probe_write_sys(cpu, (uint32_t)cpu->tr.base, old->limit + 1);
    mem_probe_write_sys(cpu, (uint32_t)d->seg.base, l->limit + 1);
    task_read(cpu, &d->seg, &task);

    task_save(cpu, next, why == TASK_IRET ? flags & ~(uint64_t)F_NT : flags);
    if (why == TASK_JUMP || why == TASK_IRET)
        set_busy_at(cpu, old_selector, false);
    if (why == TASK_CALL || why == TASK_INT) {
        tss_write(cpu, &d->seg, 0, old_selector, 2);
        task.flags |= F_NT;
    }
    if (why != TASK_IRET)
        descriptor_set_busy(cpu, d, true);
    cpu->tr = d->seg;
    cpu->tr.attr |= DESC_BUSY;
    switch_cr3(cpu, &task, l);
    task_enter(cpu, &task, l);
    load_segments(cpu, &task);
    mode_update(cpu);
    cpu_recheck(cpu);
    if (why != TASK_INT && (uint32_t)cpu->rip > cpu->seg[SEG_CS].limit)
        cpu_fault_error(cpu, EXC_GP, 0);
    if (task.trap)
        debug_raise(cpu, DR6_BT, true);
}

void task_gate(struct cpu *cpu, uint64_t gate, enum task_why why, uint64_t next, uint64_t flags)
{
    uint16_t selector = gate >> 16;
    struct descriptor d;

    if (is_null(selector) || selector & 4 || !descriptor_read(cpu, selector, &d))
        cpu_selector_fault(cpu, EXC_GP, selector);
    task_switch(cpu, selector, &d, why, next, flags);
}

void task_return(struct cpu *cpu, uint64_t next)
{
    uint16_t selector = tss_read(cpu, &cpu->tr, 0, 2);
    struct descriptor d;

    if (is_null(selector) || selector & 4 || !descriptor_read(cpu, selector, &d))
        cpu_selector_fault(cpu, EXC_TS, selector);
    task_switch(cpu, selector, &d, TASK_IRET, next, cpu->flags);
}
