/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smm - system management mode: the state saved at SMBASE + FE00h on, and RSM.
 *
 * AMD APM volume 2, chapter 10: the AMD64 save area (table 10-1), offsets from SMBASE + 8000h.
 */
#include "apic.h"
#include "mmu.h"
#include "soft.h"
#include "svm.h"

enum {
    SAVE_SEGS = 0xfe00,
    SAVE_GDTR = 0xfe60,
    SAVE_LDTR = 0xfe70,
    SAVE_IDTR = 0xfe80,
    SAVE_TR = 0xfe90,
    SAVE_REVISION = 0xfefc,
    SAVE_SMBASE = 0xff00,
    SAVE_HALT = 0xfec9,
    SAVE_NMI_MASK = 0xfeca,
    SAVE_GUEST = 0xfed8, /* the SVM state: in a guest, of which VMCB */
    SAVE_VMCB = 0xfee0,
    SAVE_RIP = 0xff78,
    SAVE_REGS = 0xfff8,
    REVISION = 0x20064
};

static const struct {
    uint16_t at, offset;
} words[] = {
    // clang-format off
    { 0xfed0, offsetof(struct cpu, efer) },  { 0xff48, offsetof(struct cpu, cr4) },
    { 0xff50, offsetof(struct cpu, cr3) },   { 0xff58, offsetof(struct cpu, cr0) },
    { 0xff60, offsetof(struct cpu, dr[7]) }, { 0xff68, offsetof(struct cpu, dr[6]) },
    { 0xff70, offsetof(struct cpu, flags) }, { SAVE_RIP, offsetof(struct cpu, rip) },
    // clang-format on
};

static uint64_t *word(struct cpu *cpu, unsigned i)
{
    return (uint64_t *)((char *)cpu + words[i].offset);
}

/* A segment takes 16 bytes: selector, attributes as in a descriptor without gap, limit, base. */
static void save_segment(struct cpu *cpu, uint64_t at, const struct segment *s)
{
    phys_write(cpu, at, s->selector, 2);
    phys_write(cpu, at + 2, s->attr, 2);
    phys_write(cpu, at + 4, s->limit, 4);
    phys_write(cpu, at + 8, s->base, 8);
}

static void load_segment(struct cpu *cpu, uint64_t at, struct segment *s)
{
    s->selector = phys_read(cpu, at, 2);
    s->attr = phys_read(cpu, at + 2, 2);
    s->limit = phys_read(cpu, at + 4, 4);
    s->base = phys_read(cpu, at + 8, 8);
}

/* Segments in the order of the save area. */
static struct segment *segment(struct cpu *cpu, unsigned i)
{
    switch (i) {
    case 6: return &cpu->gdt;
    case 7: return &cpu->ldt;
    case 8: return &cpu->idt;
    case 9: return &cpu->tr;
    default: return &cpu->seg[i];
    }
}

static void enter_state(struct cpu *cpu)
{
    for (enum seg i = 0; i < N_SEGS; i++)
        cpu->seg[i] = (struct segment){ .limit = 0xffffffff, .attr = 0x8093 };
    cpu->seg[SEG_CS].selector = cpu->msr.smbase >> 4;
    cpu->seg[SEG_CS].base = cpu->msr.smbase;
    cpu->rip = 0x8000;
    cpu->flags = 2;
    cpu->cr0 &= ~(uint64_t)(CR0_PE | CR0_EM | CR0_TS | CR0_PG);
    cpu->cr4 = 0;
    cpu->efer = 0;
    cpu->dr[7] = DR7_FIXED;
    cpu->cpl = 0;
    cpu->inhibit = 0;
}

/* Memory is seen anew: there may be RAM that only this mode has. */
static void set_smm(struct cpu *cpu, bool on)
{
    cpu->in_smm = on;
    if (cpu->host->smm)
        cpu->host->smm(cpu->info->host, on);
    mmu_forget(cpu);
}

void smm_leave(struct cpu *cpu)
{
    if (cpu->in_smm)
        set_smm(cpu, false);
}

void smm_enter(struct cpu *cpu)
{
    uint64_t base = cpu->msr.smbase;

    set_smm(cpu, true);
    for (unsigned i = 0; i < 10; i++)
        save_segment(cpu, base + SAVE_SEGS + 16 * i, segment(cpu, i));
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        phys_write(cpu, base + words[i].at, *word(cpu, i), 8);
    for (unsigned i = 0; i < 16; i++)
        phys_write(cpu, base + SAVE_REGS - 8 * i, cpu->r[i], 8);
    phys_write(cpu, base + SAVE_HALT, cpu->halted, 1);
    phys_write(cpu, base + SAVE_NMI_MASK, cpu->nmi_blocked, 1);
    phys_write(cpu, base + SAVE_GUEST, cpu->svm.guest, 1);
    phys_write(cpu, base + SAVE_VMCB, cpu->svm.vmcb, 8);
    phys_write(cpu, base + SAVE_REVISION, REVISION, 4);
    phys_write(cpu, base + SAVE_SMBASE, base, 4);
    svm_set_guest(cpu, false);
    cpu->nmi_blocked = true;
    cpu->halted = false;
    enter_state(cpu);
    mmu_forget(cpu);
    mode_update(cpu);
}

static void run_rsm(struct cpu *cpu, const struct uop *u)
{
    uint64_t base = cpu->msr.smbase;
    bool guest, halted;

    if (!cpu->in_smm)
        cpu_fault(cpu, EXC_UD);
    for (unsigned i = 0; i < 10; i++)
        load_segment(cpu, base + SAVE_SEGS + 16 * i, segment(cpu, i));
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        *word(cpu, i) = phys_read(cpu, base + words[i].at, 8);
    for (unsigned i = 0; i < 16; i++)
        cpu->r[i] = phys_read(cpu, base + SAVE_REGS - 8 * i, 8);
    cpu->msr.smbase = phys_read(cpu, base + SAVE_SMBASE, 4);
    cpu->flags = flags_possible(cpu->flags);
    cpu->cpl = cpu->flags & F_VM ? 3 : cpu->cr0 & CR0_PE ? ATTR_DPL(cpu->seg[SEG_SS].attr) : 0;
    cpu->nmi_blocked = phys_read(cpu, base + SAVE_NMI_MASK, 1) & 1;
    guest = phys_read(cpu, base + SAVE_GUEST, 1) & 1;
    halted = phys_read(cpu, base + SAVE_HALT, 1) & 1;
    smm_leave(cpu);
    if (!control_is_possible(cpu)) /* the state in memory may be anything */
        cpu_shutdown(cpu);
    if (guest)
        svm_set_guest(cpu, true);
    if (cpu->cr0 & CR0_PG && cpu->cr4 & CR4_PAE && !(cpu->efer & EFER_LMA) &&
        !paging_load_pdptes(cpu, cpu->cr3))
        cpu_shutdown(cpu);
    mmu_forget(cpu);
    mode_update(cpu);
    cpu_recheck(cpu);
    if (halted)
        cpu_halt(cpu);
}

bool smm_translate(struct block_builder *b, const struct insn *in)
{
    if (in->map != MAP_0F || in->opcode != 0xaa)
        return false;
    emit_call_jump(b, run_rsm, 0, 0, 0, 0);
    return true;
}
