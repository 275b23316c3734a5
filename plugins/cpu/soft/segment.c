/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * segment - descriptors, segment registers, and what instructions make of selectors.
 *
 * Intel SDM volume 3, chapters 3 and 5; the instructions' pages in volume 2.
 */
#include "sys.h"

void cpu_selector_fault(struct cpu *cpu, int vector, uint16_t selector)
{
    cpu_fault_error(cpu, vector, selector & ~3u);
}

/* ---- Descriptors ---- */

static uint64_t table_address(const struct cpu *cpu, const struct segment *table, uint32_t offset)
{
    uint64_t lin = table->base + offset;
    return in_long_mode(cpu) ? lin : (uint32_t)lin;
}

bool descriptor_read(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
    const struct segment *table = selector & 4 ? &cpu->ldt : &cpu->gdt;

    if ((selector & 4 && (is_null(cpu->ldt.selector) || cpu->ldt.attr & ATTR_NULL)) ||
        (uint32_t)(selector | 7) > table->limit)
        return false;
    d->at = table_address(cpu, table, selector & ~7u);
    d->raw = mem_read_sys(cpu, d->at, 8);
    d->seg = descriptor_segment(d->raw, selector);
    return true;
}

void descriptor_get(struct cpu *cpu, uint16_t selector, int vector, struct descriptor *d)
{
    if (!descriptor_read(cpu, selector, d))
        cpu_selector_fault(cpu, vector, selector);
}

uint64_t descriptor_read_upper(struct cpu *cpu, uint16_t selector, int vector,
                               const struct descriptor *d)
{
    const struct segment *table = selector & 4 ? &cpu->ldt : &cpu->gdt;

    if ((uint32_t)(selector | 7) + 8 > table->limit)
        cpu_selector_fault(cpu, vector, selector);
    return mem_read_sys(cpu, d->at + 8, 8);
}

static void set_type(struct cpu *cpu, const struct descriptor *d, uint8_t type)
{
    mem_write_sys(cpu, d->at + 5, (d->raw >> 40 & 0xf0) | type, 1);
}

void descriptor_set_accessed(struct cpu *cpu, struct descriptor *d)
{
    if (d->seg.attr & ATTR_A)
        return;
    d->seg.attr |= ATTR_A;
    set_type(cpu, d, d->seg.attr & 15);
}

void descriptor_set_busy(struct cpu *cpu, const struct descriptor *d, bool busy)
{
    set_type(cpu, d, (d->seg.attr & 13) | (busy ? DESC_BUSY : 0));
}

/* ---- Segment registers ---- */

void segment_set_real(struct cpu *cpu, enum seg seg, uint16_t selector)
{
    struct segment *s = &cpu->seg[seg];

    s->selector = selector;
    s->base = (uint32_t)selector << 4;
    if (cpu->flags & F_VM) {
        s->limit = 0xffff;
        s->attr = 0xf3;
    } else if (!(s->attr & ATTR_P) || s->attr & ATTR_NULL) {
        s->limit = 0xffff;
        s->attr = 0x93;
    }
}

void segment_set_null(struct cpu *cpu, enum seg seg, uint16_t selector)
{
    cpu->seg[seg] = (struct segment){ .selector = selector, .attr = ATTR_NULL };
}

void stack_get(struct cpu *cpu, uint16_t selector, unsigned cpl, int vector, struct descriptor *d)
{
    if (is_null(selector))
        cpu_selector_fault(cpu, vector, 0);
    descriptor_get(cpu, selector, vector, d);
    if ((selector & 3) != cpl || !is_writable_data(d->seg.attr) || ATTR_DPL(d->seg.attr) != cpl)
        cpu_selector_fault(cpu, vector, selector);
    if (!(d->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_SS, selector);
}

void return_code_get(struct cpu *cpu, uint16_t selector, int vector, struct descriptor *d)
{
    unsigned rpl = selector & 3, dpl;

    if (is_null(selector))
        cpu_selector_fault(cpu, vector, 0);
    descriptor_get(cpu, selector, vector, d);
    dpl = ATTR_DPL(d->seg.attr);
    if (!is_code(d->seg.attr) || rpl < cpu->cpl ||
        (is_conforming(d->seg.attr) ? dpl > rpl : dpl != rpl))
        cpu_selector_fault(cpu, vector, selector);
    if (in_long_mode(cpu) && d->seg.attr & ATTR_L && d->seg.attr & ATTR_DB)
        cpu_selector_fault(cpu, vector, selector);
    if (!(d->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
}

void segments_drop(struct cpu *cpu)
{
    static const enum seg data[] = { SEG_ES, SEG_DS, SEG_FS, SEG_GS };

    for (int i = 0; i < 4; i++) {
        const struct segment *s = &cpu->seg[data[i]];

        /* What is null already stays as it is: a base put there by an MSR counts in 64-bit mode. */
        if (!(s->attr & ATTR_NULL) && !is_conforming(s->attr) && ATTR_DPL(s->attr) < cpu->cpl)
            segment_set_null(cpu, data[i], 0);
    }
}

static void load_stack(struct cpu *cpu, uint16_t selector)
{
    struct descriptor d;

    if (is_null(selector) && in_code64(cpu) && cpu->cpl < 3 && (selector & 3) == cpu->cpl) {
        segment_set_null(cpu, SEG_SS, selector);
        cpu->seg[SEG_SS].attr |= cpu->cpl << 5;
        return;
    }
    stack_get(cpu, selector, cpu->cpl, EXC_GP, &d);
    descriptor_set_accessed(cpu, &d);
    cpu->seg[SEG_SS] = d.seg;
}

static void load_data(struct cpu *cpu, enum seg seg, uint16_t selector)
{
    struct descriptor d;
    unsigned dpl;

    if (is_null(selector)) {
        segment_set_null(cpu, seg, selector);
        return;
    }
    descriptor_get(cpu, selector, EXC_GP, &d);
    dpl = ATTR_DPL(d.seg.attr);
    if (!is_readable(d.seg.attr) ||
        (!is_conforming(d.seg.attr) && ((selector & 3u) > dpl || cpu->cpl > dpl)))
        cpu_selector_fault(cpu, EXC_GP, selector);
    if (!(d.seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
    descriptor_set_accessed(cpu, &d);
    cpu->seg[seg] = d.seg;
}

void segment_load(struct cpu *cpu, enum seg seg, uint16_t selector)
{
    if (is_real(cpu))
        segment_set_real(cpu, seg, selector);
    else if (seg == SEG_SS)
        load_stack(cpu, selector);
    else
        load_data(cpu, seg, selector);
    mode_update(cpu);
}

/* ---- Addresses ---- */

static bool within_limit(const struct segment *s, uint64_t offset, unsigned size)
{
    uint64_t last = offset + size - 1;

    if ((s->attr & (ATTR_S | ATTR_CODE | ATTR_CE)) != (ATTR_S | ATTR_CE))
        return last <= s->limit || s->limit == 0xffffffff; /* wraps */
    return offset > s->limit && last <= (s->attr & ATTR_DB ? 0xffffffff : 0xffff);
}

uint64_t segment_address(struct cpu *cpu, const struct segment *s, uint64_t offset, unsigned size,
                         bool write, int vector, uint16_t selector)
{
    offset = (uint32_t)offset;
    if (!is_real(cpu) &&
        (s->attr & ATTR_NULL || (write ? !is_writable_data(s->attr) : !is_readable(s->attr))))
        cpu_selector_fault(cpu, vector, selector);
    if (!within_limit(s, offset, size))
        cpu_selector_fault(cpu, vector, selector);
    return (uint32_t)(s->base + offset);
}

uint64_t segment_linear(struct cpu *cpu, enum seg seg, uint64_t offset, unsigned size, bool write)
{
    const struct segment *s = &cpu->seg[seg];
    uint64_t lin = (seg >= SEG_FS ? s->base : 0) + offset;

    if (!in_code64(cpu))
        return segment_address(cpu, s, offset, size, write, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    if (!canonical(cpu, lin) || !canonical(cpu, lin + size - 1))
        cpu_fault_error(cpu, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    return lin;
}

/* ---- Stacks ---- */

struct stack stack_of(const struct segment *ss, uint64_t sp)
{
    uint64_t mask = ss->attr & ATTR_DB ? 0xffffffff : 0xffff;
    return (struct stack){ .ss = *ss, .sp = sp, .mask = mask };
}

struct stack stack_now(struct cpu *cpu)
{
    struct stack stack = stack_of(&cpu->seg[SEG_SS], cpu->r[RSP]);

    if (in_code64(cpu)) {
        stack.mask = ~0ull;
        stack.wide = true;
    }
    return stack;
}

static uint64_t stack_address(struct cpu *cpu, const struct stack *stack, unsigned size, bool write)
{
    uint64_t sp = stack->sp & stack->mask;

    if (!stack->wide)
        return segment_address(cpu, &stack->ss, sp, size, write, EXC_SS, stack->selector);
    if (!canonical(cpu, sp) || !canonical(cpu, sp + size - 1))
        cpu_selector_fault(cpu, EXC_SS, stack->selector);
    return sp;
}

static uint64_t moved(const struct stack *stack, int64_t by)
{
    return (stack->sp & ~stack->mask) | ((stack->sp + by) & stack->mask);
}

void stack_push(struct cpu *cpu, struct stack *stack, uint64_t value, unsigned size)
{
    struct stack next = *stack;
    uint64_t lin;

    next.sp = moved(stack, -(int64_t)size);
    lin = stack_address(cpu, &next, size, true);
    if (stack->sys)
        mem_write_sys(cpu, lin, value, size);
    else
        mem_write(cpu, lin, value, size);
    *stack = next;
}

uint64_t stack_pop(struct cpu *cpu, struct stack *stack, unsigned size)
{
    uint64_t value = mem_read(cpu, stack_address(cpu, stack, size, false), size);

    stack->sp = moved(stack, size);
    return value;
}

void stack_commit(struct cpu *cpu, const struct stack *stack)
{
    cpu->r[RSP] = (cpu->r[RSP] & ~stack->mask) | (stack->sp & stack->mask);
    if (stack->mask == 0xffffffff)
        cpu->r[RSP] = (uint32_t)cpu->r[RSP];
}

/* ---- Instructions ---- */

/* MOV Sreg, POP Sreg: the selector is in T1; u->d is the segment. */
static void run_mov_sreg(struct cpu *cpu, const struct uop *u)
{
    segment_load(cpu, u->d, cpu->r[REG_T1]);
    if (u->d == SEG_SS)
        cpu->inhibit |= INHIBIT_MOV_SS;
}

static void run_pop_sreg(struct cpu *cpu, const struct uop *u)
{
    struct stack stack = stack_now(cpu);
    unsigned size = u->imm;
    uint64_t lin = stack_address(cpu, &stack, size, false);
    uint16_t selector = mem_read(cpu, lin, size);

    /* The segment may fault; the pointer moves with the stack as it was. */
    stack.sp = moved(&stack, size);
    segment_load(cpu, u->d, selector);
    stack_commit(cpu, &stack);
    if (u->d == SEG_SS)
        cpu->inhibit |= INHIBIT_MOV_SS;
}

/* LES, LDS, LSS, LFS, LGS: T0 is the pointer's address; imm the operand's size. */
static void run_load_far(struct cpu *cpu, const struct uop *u)
{
    unsigned size = u->imm;
    uint64_t lin = cpu->r[REG_T0], offset = mem_read(cpu, lin, size);

    segment_load(cpu, u->a, mem_read(cpu, lin + size, 2));
    if (size == 2)
        *(uint16_t *)((char *)cpu->r + u->d) = offset;
    else
        *(uint64_t *)((char *)cpu->r + u->d) = offset;
}

/* The descriptor that LAR, LSL, VERR and VERW look at: there, and visible at CPL and RPL. */
static bool visible(struct cpu *cpu, uint16_t selector, struct descriptor *d)
{
    unsigned dpl;

    if (is_null(selector) || !descriptor_read(cpu, selector, d))
        return false;
    dpl = ATTR_DPL(d->seg.attr);
    return is_conforming(d->seg.attr) || (dpl >= cpu->cpl && dpl >= (selector & 3u));
}

static void set_zf(struct cpu *cpu, bool zf)
{
    cpu->flags = (cpu->flags & ~(uint64_t)F_ZF) | (zf ? F_ZF : 0);
}

/* System types: bit n of these is type n. */
enum { LAR_LEGACY = 0x1a3e, LAR_LONG = 0x1a04, LSL_LEGACY = 0x0a0e, LSL_LONG = 0x0a04 };

/* LAR and LSL: selector in T1, u->d is the register, u->imm its size, u->a is 1 for LSL. */
static void run_lar_lsl(struct cpu *cpu, const struct uop *u)
{
    unsigned types = u->a ? (in_long_mode(cpu) ? LSL_LONG : LSL_LEGACY)
                          : (in_long_mode(cpu) ? LAR_LONG : LAR_LEGACY);
    struct descriptor d;
    bool ok = visible(cpu, cpu->r[REG_T1], &d);

    if (ok && system_type(d.seg.attr) >= 0)
        ok = types >> system_type(d.seg.attr) & 1;
    set_zf(cpu, ok);
    if (!ok)
        return;
    uint32_t value = u->a ? d.seg.limit : d.raw >> 32 & 0x00ffff00;
    if (u->imm == 2)
        *(uint16_t *)((char *)cpu->r + u->d) = value;
    else
        *(uint64_t *)((char *)cpu->r + u->d) = value;
}

/* VERR, VERW (u->a). */
static void run_verify(struct cpu *cpu, const struct uop *u)
{
    struct descriptor d;

    set_zf(cpu, visible(cpu, cpu->r[REG_T1], &d) &&
                    (u->a ? is_writable_data(d.seg.attr) : is_readable(d.seg.attr)));
}

static void run_arpl(struct cpu *cpu, const struct uop *u)
{
    uint16_t to = cpu->r[REG_T1], rpl = *(uint16_t *)((char *)cpu->r + u->a) & 3;

    set_zf(cpu, (to & 3) < rpl);
    if ((to & 3) < rpl)
        cpu->r[REG_T1] = (to & ~3) | rpl;
}

static bool translate_mov_sreg(struct block_builder *b, const struct insn *in)
{
    unsigned seg = in->reg & 7;

    if (seg > SEG_GS || seg == SEG_CS)
        return false;
    emit_load_rm(b, REG_T1, 2);
    emit_call_last(b, run_mov_sreg, seg, 0, 0, 0);
    return true;
}

static bool translate_load_far(struct block_builder *b, const struct insn *in, enum seg seg)
{
    if (in->mod == 3)
        return false;
    emit_address(b, in->op_size + 2, false);
    emit_call_last(b, run_load_far, REG(in->reg), seg, 0, in->op_size);
    return true;
}

static bool translate_look(struct block_builder *b, const struct insn *in, uop_call *run,
                           bool which)
{
    if (!(b->mode & MODE_PE) || b->mode & MODE_VM86)
        return false;
    emit_load_rm(b, REG_T1, 2);
    emit_call(b, run, REG(in->reg), which, 0, in->op_size);
    return true;
}

static bool translate_arpl(struct block_builder *b, const struct insn *in)
{
    if (!(b->mode & MODE_PE) || b->mode & MODE_VM86)
        return false;
    emit_load_rm(b, REG_T1, 2);
    if (in->mod != 3) {
        emit_address(b, 2, true);
        emit_call(b, run_arpl, 0, REG(in->reg), 0, 0);
        emit(b, UOP_STORE16, 0, REG(REG_T0), REG(REG_T1), 0);
        return true;
    }
    emit_call(b, run_arpl, 0, REG(in->reg), 0, 0);
    emit_store_rm(b, REG_T1, 2);
    return true;
}

static bool translate_pop(struct block_builder *b, const struct insn *in, enum seg seg)
{
    emit_call_last(b, run_pop_sreg, seg, 0, 0,
                   in->code == MODE_CODE64 && in->op_size != 2 ? 8 : in->op_size);
    return true;
}

static bool translate_one_byte(struct block_builder *b, const struct insn *in)
{
    bool code64 = in->code == MODE_CODE64;

    switch (in->opcode) {
    case 0x07:
    case 0x17:
    case 0x1f: /* POP ES, SS, DS */ return !code64 && translate_pop(b, in, in->opcode >> 3);
    case 0x63: return !code64 && translate_arpl(b, in);
    case 0x8e: return translate_mov_sreg(b, in);
    case 0xc4: return !code64 && translate_load_far(b, in, SEG_ES);
    case 0xc5: return !code64 && translate_load_far(b, in, SEG_DS);
    }
    return false;
}

bool segment_translate(struct block_builder *b, const struct insn *in)
{
    if (in->map == MAP_ONE)
        return translate_one_byte(b, in);
    switch (in->opcode) {
    case 0x00: return (in->reg & 6) == 4 && translate_look(b, in, run_verify, in->reg & 1);
    case 0x02: return translate_look(b, in, run_lar_lsl, false);
    case 0x03: return translate_look(b, in, run_lar_lsl, true);
    case 0xa1: return translate_pop(b, in, SEG_FS);
    case 0xa9: return translate_pop(b, in, SEG_GS);
    case 0xb2: return translate_load_far(b, in, SEG_SS);
    case 0xb4: return translate_load_far(b, in, SEG_FS);
    case 0xb5: return translate_load_far(b, in, SEG_GS);
    }
    return false;
}
