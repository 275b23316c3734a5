/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table - the registers of descriptor tables and the task register, and what flushes translations.
 *
 * Intel SDM volume 2: LGDT, LIDT, LLDT, LTR and their stores, INVLPG, INVPCID, CLFLUSH.
 */
#include "mmu.h"
#include "svm.h"

_Noreturn static void gp(struct cpu *cpu)
{
    cpu_fault_error(cpu, EXC_GP, 0);
}

static void check_umip(struct cpu *cpu)
{
    if (cpu->cpl && cpu->cr4 & CR4_UMIP)
        gp(cpu);
}

/* LGDT, LIDT (u->d): T0 is the operand's address; u->imm the operand's size. */
static void run_load_table(struct cpu *cpu, const struct uop *u)
{
    struct segment *table = u->d ? &cpu->idt : &cpu->gdt;
    uint64_t lin = cpu->r[REG_T0], base;
    uint16_t limit;

    if (cpu->cpl)
        gp(cpu);
    limit = mem_read(cpu, lin, 2);
    base = mem_read(cpu, lin + 2, in_code64(cpu) ? 8 : 4);
    if (in_code64(cpu) && !base_canonical(cpu, base))
        gp(cpu);
    if (!in_code64(cpu) && u->imm == 2)
        base &= 0xffffff;
    table->base = base;
    table->limit = limit;
}

static void run_store_table(struct cpu *cpu, const struct uop *u)
{
    const struct segment *table = u->d ? &cpu->idt : &cpu->gdt;
    unsigned size = in_code64(cpu) ? 8 : 4;
    uint8_t image[10];

    check_umip(cpu);
    for (unsigned i = 0; i < 2 + size; i++)
        image[i] = i < 2 ? table->limit >> 8 * i : table->base >> 8 * (i - 2);
    mem_write_bytes(cpu, cpu->r[REG_T0], image, 2 + size);
}

/* SLDT, STR (u->d) */
static void run_store_selector(struct cpu *cpu, const struct uop *u)
{
    check_umip(cpu);
    cpu->r[REG_T1] = u->d ? cpu->tr.selector : cpu->ldt.selector;
}

/* The descriptor of an LDT or TSS to load, with its 64-bit base. */
static void system_get(struct cpu *cpu, uint16_t selector, unsigned types, struct descriptor *d)
{
    if (selector & 4)
        cpu_selector_fault(cpu, EXC_GP, selector);
    descriptor_get(cpu, selector, EXC_GP, d);
    if (d->seg.attr & ATTR_S || !(types >> system_type(d->seg.attr) & 1))
        cpu_selector_fault(cpu, EXC_GP, selector);
    if (!(d->seg.attr & ATTR_P))
        cpu_selector_fault(cpu, EXC_NP, selector);
    if (in_long_mode(cpu)) {
        uint64_t upper = descriptor_read_upper(cpu, selector, EXC_GP, d);
        d->seg.base |= upper << 32;
        if (upper >> 40 & 0x1f || !base_canonical(cpu, d->seg.base))
            cpu_selector_fault(cpu, EXC_GP, selector);
    }
}

static void run_lldt(struct cpu *cpu, const struct uop *u)
{
    uint16_t selector = cpu->r[REG_T1];
    struct descriptor d = { .seg = { .selector = selector, .attr = ATTR_NULL } };

    if (cpu->cpl)
        gp(cpu);
    if (!is_null(selector))
        system_get(cpu, selector, 1 << DESC_LDT, &d);
    cpu->ldt = d.seg;
}

static void run_ltr(struct cpu *cpu, const struct uop *u)
{
    uint16_t selector = cpu->r[REG_T1];
    struct descriptor d;

    if (cpu->cpl || is_null(selector))
        gp(cpu);
    system_get(cpu, selector, 1 << DESC_TSS32 | (in_long_mode(cpu) ? 0 : 1 << DESC_TSS16), &d);
    descriptor_set_busy(cpu, &d, true);
    cpu->tr = d.seg;
    cpu->tr.attr |= DESC_BUSY;
}

/* ---- Translations and caches ---- */

static void run_invlpg(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        gp(cpu);
    svm_intercept(cpu, SVM_INVLPG, cpu->r[REG_T0], 0);
    tlb_flush_page(cpu, cpu->r[REG_T0]);
}

/* u->a: the register with the type; T0: the descriptor. */
static void run_invpcid(struct cpu *cpu, const struct uop *u)
{
    uint64_t type = in_code64(cpu) ? cpu->r[u->a] : (uint32_t)cpu->r[u->a], pcid, lin;
    bool names_pcid = type < 2;

    if (cpu->cpl)
        gp(cpu);
    svm_intercept(cpu, SVM_INVPCID, cpu->r[REG_T0], type);
    pcid = mem_read(cpu, cpu->r[REG_T0], 8);
    lin = mem_read(cpu, cpu->r[REG_T0] + 8, 8);
    if (type > 3 || pcid >> 12 || (names_pcid && pcid && !(cpu->cr4 & CR4_PCIDE)) ||
        (type == 0 && !base_canonical(cpu, lin)))
        gp(cpu);
    if (type == 0)
        tlb_flush_page(cpu, lin);
    else
        tlb_flush(cpu, type == 2);
}

/* Caches are the host's; all that is left is the privilege. */
static void run_privileged_nop(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        gp(cpu);
}

/* CLFLUSH and its kin fault as a load of a byte. */
static void run_touch(struct cpu *cpu, const struct uop *u)
{
    mem_read(cpu, cpu->r[REG_T0], 1);
}

/* ---- Instructions ---- */

/* INVLPG's operand is not accessed: in 64-bit mode nothing is wrong with any address. */
static void emit_bare_address(struct block_builder *b, const struct insn *in)
{
    bool relative = in->base == REG_RIP;
    struct uop *u;

    if (in->code != MODE_CODE64) {
        emit_address(b, 1, false);
        return;
    }
    u = emit(b, UOP_LEASEG, REG(REG_T0), REG(relative ? REG_ZERO : in->base), REG(in->index),
             in->disp + (relative ? in->rip + in->len : 0));
    u->seg = in->seg;
    u->scale = in->scale;
    u->addr_size = in->addr_size;
}

static bool translate_0f00(struct block_builder *b, const struct insn *in)
{
    unsigned op = in->reg & 7;

    if (!(b->mode & MODE_PE) || b->mode & MODE_VM86 || op > 3)
        return false;
    if (op < 2) {
        emit_call(b, run_store_selector, op, 0, 0, 0);
        emit_store_rm(b, REG_T1, in->mod == 3 ? in->op_size : 2);
        return true;
    }
    emit_load_rm(b, REG_T1, 2);
    emit_call_last(b, op == 2 ? run_lldt : run_ltr, 0, 0, 0, 0);
    return true;
}

static bool translate_0f01(struct block_builder *b, const struct insn *in)
{
    unsigned op = in->reg & 7, size = in->code == MODE_CODE64 ? 10 : 6;

    if (in->mod == 3)
        return false;
    switch (op) {
    case 0:
    case 1:
        emit_address(b, size, true);
        emit_call(b, run_store_table, op, 0, 0, 0);
        return true;
    case 2:
    case 3:
        emit_address(b, size, false);
        emit_call_last(b, run_load_table, op - 2, 0, 0, in->op_size);
        return true;
    case 7:
        emit_bare_address(b, in);
        emit_call_last(b, run_invlpg, 0, 0, 0, 0);
        return true;
    }
    return false;
}

/* CLFLUSH, CLFLUSHOPT, CLWB; the rest of 0F AE is not ours. */
static bool translate_0fae(struct block_builder *b, const struct insn *in)
{
    unsigned op = in->reg & 7;
    const struct cpu *cpu = b->cpu;
    bool flush = op == 7 && in->pp == PFX_NONE && cpu_has(cpu, 1, 0, CPUID_EDX, 19);
    bool opt = op == 7 && in->pp == PFX_66 && cpu_has(cpu, 7, 0, CPUID_EBX, 23);
    bool back = op == 6 && in->pp == PFX_66 && cpu_has(cpu, 7, 0, CPUID_EBX, 24);

    if (in->mod == 3 || !(flush || opt || back))
        return false;
    emit_address(b, 1, false);
    emit_call(b, run_touch, 0, 0, 0, 0);
    return true;
}

bool table_translate(struct block_builder *b, const struct insn *in)
{
    if (in->map == MAP_0F38 && in->opcode == 0x82 && in->pp == PFX_66 && in->mod != 3 && !in->vex &&
        cpu_has(b->cpu, 7, 0, CPUID_EBX, 10)) {
        emit_address(b, 16, false);
        emit_call_last(b, run_invpcid, 0, in->reg, 0, 0);
        return true;
    }
    if (in->map != MAP_0F)
        return false;
    switch (in->opcode) {
    case 0x00: return translate_0f00(b, in);
    case 0x01: return translate_0f01(b, in);
    case 0x08:
    case 0x09: emit_call(b, run_privileged_nop, 0, 0, 0, 0); return true;
    case 0xae: return translate_0fae(b, in);
    }
    return false;
}
