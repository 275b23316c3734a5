/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * control - control registers, and the processor's mode that follows from them.
 *
 * Intel SDM volume 3, chapter 2; MOV CR, LMSW, SMSW, CLTS, XSETBV in volume 2.
 */
#include <inttypes.h>

#include "apic.h"
#include "log.h"
#include "mmu.h"
#include "soft.h"
#include "svm.h"
#include "x87.h"

_Noreturn static void gp(struct cpu *cpu)
{
    cpu_fault_error(cpu, EXC_GP, 0);
}

/* ---- cpu->mode ---- */

static bool is_flat(const struct segment *s)
{
    return s->base == 0 && s->limit == 0xffffffff && is_writable_data(s->attr) &&
           !(s->attr & (ATTR_CE | ATTR_NULL));
}

static uint32_t code_mode(const struct cpu *cpu)
{
    uint16_t attr = cpu->seg[SEG_CS].attr;

    if (in_long_mode(cpu) && attr & ATTR_L)
        return MODE_CODE64;
    return (attr & ATTR_DB ? MODE_CODE32 : MODE_CODE16) |
           (cpu->seg[SEG_CS].limit != 0xffffffff ? MODE_CS_CHECK : 0);
}

void mode_update(struct cpu *cpu)
{
    const struct segment *s = cpu->seg;
    uint32_t mode = code_mode(cpu);

    if (cpu->cr0 & CR0_PE)
        mode |= MODE_PE;
    if (cpu->flags & F_VM)
        mode |= MODE_VM86;
    if (in_long_mode(cpu))
        mode |= MODE_LONG;
    if ((mode & MODE_CODE_MASK) == MODE_CODE64 && cpu->cr4 & CR4_LA57)
        mode |= MODE_LA57;
    if (s[SEG_SS].attr & ATTR_DB && (mode & MODE_CODE_MASK) != MODE_CODE64)
        mode |= MODE_SS32;
    if ((mode & (MODE_CODE_MASK | MODE_PE)) == (MODE_CODE32 | MODE_PE) && is_flat(&s[SEG_DS]) &&
        is_flat(&s[SEG_ES]) && is_flat(&s[SEG_SS]))
        mode |= MODE_FLAT;
    if (cpu->cpl == 3)
        mode |= MODE_USER;
    if (cpu->cr0 & CR0_PG)
        mode |= MODE_PAGING;
    if (debug_active(cpu))
        mode |= MODE_TF | MODE_BREAK;
    if (cpu->in_smm)
        mode |= MODE_SMM;
    if (cpu->svm.guest)
        mode |= MODE_GUEST;
    cpu->mode = mode | log_mode(cpu);
    mmu_update(cpu);
}

bool control_is_possible(const struct cpu *cpu)
{
    bool lma = cpu->efer & EFER_LMA;

    return !(cpu->cr0 >> 32) && !(cpu->cr0 & CR0_PG && !(cpu->cr0 & CR0_PE)) &&
           !(cpu->cr0 & CR0_NW && !(cpu->cr0 & CR0_CD)) &&
           lma == (cpu->cr0 & CR0_PG && cpu->efer & EFER_LME) && !(lma && !(cpu->cr4 & CR4_PAE)) &&
           !(lma && cpu->flags & F_VM) && !(cpu->cr4 & ~control_known_cr4(cpu));
}

/* ---- Writing control registers ---- */

static void log_cr(struct cpu *cpu, unsigned n, uint64_t value)
{
    if (cpu_logs(cpu, TENON_ITEM_MMU))
        log_lines(cpu, "CR%u update: CR%u=%016" PRIx64 "\n", n, n, value);
}

/* PAE paging keeps the four PDPTEs; #GP(0) if they are not right. */
static bool uses_pdptes(const struct cpu *cpu, uint64_t cr0, uint64_t cr4)
{
    return cr0 & CR0_PG && cr4 & CR4_PAE && !(cpu->efer & EFER_LME);
}

static void check_cr0(struct cpu *cpu, uint64_t value)
{
    bool on = value & CR0_PG && !(cpu->cr0 & CR0_PG), off = !(value & CR0_PG) && cpu->cr0 & CR0_PG;

    if (value >> 32 || (value & CR0_PG && !(value & CR0_PE)) ||
        (value & CR0_NW && !(value & CR0_CD)))
        gp(cpu);
    if (on && cpu->efer & EFER_LME && (!(cpu->cr4 & CR4_PAE) || cpu->seg[SEG_CS].attr & ATTR_L))
        gp(cpu);
    if (off && (in_code64(cpu) || cpu->cr4 & CR4_PCIDE))
        gp(cpu);
}

static void set_cr0(struct cpu *cpu, uint64_t value)
{
    const uint64_t known =
        CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | CR0_PG;
    uint64_t changed;

    value = (value & known) | CR0_ET;
    changed = value ^ cpu->cr0;
    if (changed & (CR0_PG | CR0_CD | CR0_NW) && uses_pdptes(cpu, value, cpu->cr4) &&
        !paging_load_pdptes(cpu, cpu->cr3))
        gp(cpu);
    if (changed & CR0_PG && cpu->efer & EFER_LME)
        cpu->efer = value & CR0_PG ? cpu->efer | EFER_LMA : cpu->efer & ~(uint64_t)EFER_LMA;
    cpu->cr0 = value;
    log_cr(cpu, 0, value);
    if (changed & (CR0_PG | CR0_WP | CR0_PE))
        tlb_flush(cpu, true);
    mode_update(cpu);
}

uint64_t control_known_cr4(const struct cpu *cpu)
{
    static const struct {
        uint32_t bits, leaf;
        uint8_t reg, bit;
    } features[] = {
        { CR4_VME | CR4_PVI, 1, CPUID_EDX, 1 },
        { CR4_TSD, 1, CPUID_EDX, 4 },
        { CR4_DE, 1, CPUID_EDX, 2 },
        { CR4_PSE, 1, CPUID_EDX, 3 },
        { CR4_PAE, 1, CPUID_EDX, 6 },
        { CR4_MCE, 1, CPUID_EDX, 7 },
        { CR4_PGE, 1, CPUID_EDX, 13 },
        { CR4_OSFXSR, 1, CPUID_EDX, 24 },
        { CR4_OSXMMEXCPT, 1, CPUID_EDX, 25 },
        { CR4_UMIP, 7, CPUID_ECX, 2 },
        { CR4_LA57, 7, CPUID_ECX, 16 },
        { CR4_FSGSBASE, 7, CPUID_EBX, 0 },
        { CR4_PCIDE, 1, CPUID_ECX, 17 },
        { CR4_OSXSAVE, 1, CPUID_ECX, 26 },
        { CR4_SMEP, 7, CPUID_EBX, 7 },
        { CR4_SMAP, 7, CPUID_EBX, 20 },
        { CR4_PKE, 7, CPUID_ECX, 3 },
    };
    uint64_t known = CR4_PCE;

    for (unsigned i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        if (cpu_has(cpu, features[i].leaf, 0, features[i].reg, features[i].bit))
            known |= features[i].bits;
    return known;
}

static void check_cr4(struct cpu *cpu, uint64_t value)
{
    uint64_t changed = value ^ cpu->cr4;

    if (value & ~control_known_cr4(cpu))
        gp(cpu);
    if (in_long_mode(cpu) && (!(value & CR4_PAE) || changed & CR4_LA57))
        gp(cpu);
    if (changed & value & CR4_PCIDE && (!in_long_mode(cpu) || cpu->cr3 & 0xfff))
        gp(cpu);
}

static void set_cr4(struct cpu *cpu, uint64_t value)
{
    uint64_t changed = value ^ cpu->cr4;
    const uint64_t paging = CR4_PAE | CR4_PGE | CR4_PSE | CR4_SMEP;

    if (changed & paging && uses_pdptes(cpu, cpu->cr0, value) && !paging_load_pdptes(cpu, cpu->cr3))
        gp(cpu);
    cpu->cr4 = value;
    log_cr(cpu, 4, value);
    if (changed & (paging | CR4_PCIDE | CR4_LA57 | CR4_SMAP | CR4_PKE))
        tlb_flush(cpu, true);
    mode_update(cpu);
}

#define CR3_KEEP (1ull << 63) /* with CR4.PCIDE: the new PCID's translations stay */

static void check_cr3(struct cpu *cpu, uint64_t value)
{
    if (cpu->cr4 & CR4_PCIDE)
        value &= ~CR3_KEEP;
    if (in_long_mode(cpu) && value >> cpu->info->phys_bits)
        gp(cpu);
}

void control_set_cr3(struct cpu *cpu, uint64_t value)
{
    bool keep = value & CR3_KEEP && cpu->cr4 & CR4_PCIDE && !cpu->assist;

    if (cpu->cr4 & CR4_PCIDE)
        value &= ~CR3_KEEP;
    if (uses_pdptes(cpu, cpu->cr0, cpu->cr4) && !paging_load_pdptes(cpu, value))
        gp(cpu);
    if (cpu->cr4 & CR4_PCIDE)
        tlb_switch(cpu, value, keep);
    else
        tlb_flush(cpu, false);
    cpu->cr3 = value;
    log_cr(cpu, 3, value);
}

/* Bits 7:4 of the local APIC's task priority, another accelerator's perhaps. */
enum { APIC_TPR = 0x80 };

static unsigned real_cr8(struct cpu *cpu)
{
    uint64_t value = 0;

    if (!stands_in(cpu))
        return apic_cr8(cpu);
    if (apic_is_x2(cpu))
        msr_read(cpu, MSR_X2APIC + APIC_TPR / 16, &value);
    else
        value = phys_read(cpu, PAGE_OF(cpu->msr.apic_base) | APIC_TPR, 4);
    return value >> 4 & 15;
}

static void set_real_cr8(struct cpu *cpu, unsigned value)
{
    if (!stands_in(cpu))
        apic_set_cr8(cpu, value);
    else if (apic_is_x2(cpu))
        msr_write(cpu, MSR_X2APIC + APIC_TPR / 16, value << 4);
    else
        phys_write(cpu, PAGE_OF(cpu->msr.apic_base) | APIC_TPR, value << 4, 4);
}

static unsigned get_cr8(struct cpu *cpu)
{
    return cpu->svm.guest && cpu->svm.masking ? cpu->svm.v_tpr & 15 : real_cr8(cpu);
}

/* A guest's goes to V_TPR, and without V_INTR_MASKING to the real one, too. */
static void set_cr8(struct cpu *cpu, uint64_t value)
{
    if (cpu->svm.guest)
        cpu->svm.v_tpr = value;
    if (!cpu->svm.guest || !cpu->svm.masking)
        set_real_cr8(cpu, value);
    if (svm_has_virtual(cpu))
        cpu_note(cpu, WANT_INTR);
    cpu_recheck(cpu);
}

void run_read_cr(struct cpu *cpu, const struct uop *u)
{
    uint64_t value;

    if (cpu->cpl)
        gp(cpu);
    svm_intercept(cpu, SVM_CR_READ + u->imm, SVM_MOV_CR | u->a, 0);
    switch (u->imm) {
    case 0: value = cpu->cr0; break;
    case 2: value = cpu->cr2; break;
    case 3: value = cpu->cr3; break;
    case 4: value = cpu->cr4; break;
    default: value = get_cr8(cpu);
    }
    cpu->r[u->a] = in_code64(cpu) ? value : (uint32_t)value;
}

/* What comes before the intercept. */
static void check_cr(struct cpu *cpu, unsigned n, uint64_t value)
{
    switch (n) {
    case 0: check_cr0(cpu, value); break;
    case 3: check_cr3(cpu, value); break;
    case 4: check_cr4(cpu, value); break;
    case 8:
        if (value > 15)
            gp(cpu);
    }
}

static void run_write_cr(struct cpu *cpu, const struct uop *u)
{
    uint64_t value = in_code64(cpu) ? cpu->r[u->a] : (uint32_t)cpu->r[u->a];

    if (cpu->cpl)
        gp(cpu);
    check_cr(cpu, u->imm, value);
    if (u->imm == 0)
        svm_cr0_write(cpu, value, SVM_MOV_CR | u->a);
    else
        svm_intercept(cpu, SVM_CR_WRITE + u->imm, SVM_MOV_CR | u->a, 0);
    switch (u->imm) {
    case 0: set_cr0(cpu, value); break;
    case 2: cpu->cr2 = value; break;
    case 3: control_set_cr3(cpu, value); break;
    case 4: set_cr4(cpu, value); break;
    default: set_cr8(cpu, value);
    }
}

/* LMSW cannot clear PE. */
static void run_lmsw(struct cpu *cpu, const struct uop *u)
{
    uint64_t low = CR0_PE | CR0_MP | CR0_EM | CR0_TS;
    uint64_t value = (cpu->cr0 & (~low | CR0_PE)) | (cpu->r[REG_T1] & low);

    if (cpu->cpl)
        gp(cpu);
    check_cr0(cpu, value);
    svm_cr0_write(cpu, value, 0);
    set_cr0(cpu, value);
}

static void run_smsw(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl && cpu->cr4 & CR4_UMIP)
        gp(cpu);
    svm_intercept(cpu, SVM_CR_READ, 0, 0);
    cpu->r[REG_T1] = cpu->cr0;
}

static void run_clts(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        gp(cpu);
    svm_intercept(cpu, SVM_CR_WRITE, 0, 0);
    cpu->cr0 &= ~(uint64_t)CR0_TS;
}

/* ---- XCR0 ---- */

/* AVX needs SSE; AVX-512's three components come together, and need AVX. */
bool xcr0_valid(const struct cpu *cpu, uint64_t value)
{
    const uint64_t sse = 2, avx = 4, avx512 = 0xe0;
    uint64_t known = 0;

    for (uint32_t i = 0; i < cpu->info->n_cpuid; i++) {
        const struct tenon_cpuid *c = &cpu->info->cpuid[i];
        if (c->leaf == 0xd && c->subleaf == 0)
            known = c->eax | (uint64_t)c->edx << 32;
    }
    return value & 1 && !(value & ~known) && (!(value & avx) || value & sse) &&
           (!(value & avx512) || (value & (avx512 | avx)) == (avx512 | avx));
}

static void run_xgetbv(struct cpu *cpu, const struct uop *u)
{
    uint32_t index = cpu->r[RCX];
    uint64_t components;

    if (!(cpu->cr4 & CR4_OSXSAVE))
        cpu_fault(cpu, EXC_UD);
    if (index > 1 || (index == 1 && !cpu_has(cpu, 0xd, 1, CPUID_EAX, 2)))
        gp(cpu);
    components = cpu->xcr0 & (index ? xsave_in_use(cpu) : UINT64_MAX);
    cpu->r[RAX] = (uint32_t)components;
    cpu->r[RDX] = components >> 32;
}

static void run_xsetbv(struct cpu *cpu, const struct uop *u)
{
    uint64_t value = (uint32_t)cpu->r[RAX] | cpu->r[RDX] << 32;

    if (!(cpu->cr4 & CR4_OSXSAVE))
        cpu_fault(cpu, EXC_UD);
    if (cpu->cpl || (uint32_t)cpu->r[RCX] || !xcr0_valid(cpu, value))
        gp(cpu);
    cpu->xcr0 = value;
}

/* ---- Protection keys, SMAP's AC ---- */

void pkru_set(struct cpu *cpu, uint32_t value)
{
    if (value != cpu->pkru && cpu->cr4 & CR4_PKE)
        tlb_flush(cpu, true);
    cpu->pkru = value;
}

void run_rdpkru(struct cpu *cpu, const struct uop *u)
{
    if (!(cpu->cr4 & CR4_PKE))
        cpu_fault(cpu, EXC_UD);
    if ((uint32_t)cpu->r[RCX])
        gp(cpu);
    cpu->r[RAX] = cpu->pkru;
    cpu->r[RDX] = 0;
}

static void run_wrpkru(struct cpu *cpu, const struct uop *u)
{
    if (!(cpu->cr4 & CR4_PKE))
        cpu_fault(cpu, EXC_UD);
    if ((uint32_t)cpu->r[RCX] || (uint32_t)cpu->r[RDX])
        gp(cpu);
    pkru_set(cpu, cpu->r[RAX]);
}

void run_ac(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        cpu_fault(cpu, EXC_UD);
    cpu->flags = (cpu->flags & ~(uint64_t)F_AC) | u->imm;
    mmu_update(cpu);
}

/* ---- Instructions ---- */

static bool translate_0f01(struct block_builder *b, const struct insn *in)
{
    if (in->mod == 3 && in->pp == PFX_NONE) {
        bool smap = cpu_has(b->cpu, 7, 0, CPUID_EBX, 20), pku = cpu_has(b->cpu, 7, 0, CPUID_ECX, 3);
        switch (in->modrm) {
        case 0xca: return smap && emit_call(b, run_ac, 0, 0, 0, 0);
        case 0xcb: return smap && emit_call(b, run_ac, 0, 0, 0, F_AC);
        case 0xd0: emit_call(b, run_xgetbv, 0, 0, 0, 0); return true;
        case 0xd1: emit_call_last(b, run_xsetbv, 0, 0, 0, 0); return true;
        case 0xee: return pku && emit_call(b, run_rdpkru, 0, 0, 0, 0);
        case 0xef: return pku && (emit_call_last(b, run_wrpkru, 0, 0, 0, 0), true);
        }
    }
    switch (in->reg & 7) {
    case 4:
        emit_call(b, run_smsw, 0, 0, 0, 0);
        emit_store_rm(b, REG_T1, in->mod == 3 ? in->op_size : 2);
        return true;
    case 6:
        emit_load_rm(b, REG_T1, 2);
        emit_call_last(b, run_lmsw, 0, 0, 0, 0);
        return true;
    }
    return false;
}

bool control_translate(struct block_builder *b, const struct insn *in)
{
    bool there = in->reg == 0 || in->reg == 2 || in->reg == 3 || in->reg == 4 || in->reg == 8;

    if (in->map != MAP_0F)
        return false;
    switch (in->opcode) {
    case 0x01: return translate_0f01(b, in);
    case 0x06: emit_call_last(b, run_clts, 0, 0, 0, 0); return true;
    case 0x20: return there && emit_call(b, run_read_cr, 0, in->rm, 0, in->reg);
    case 0x22: return there && (emit_call_last(b, run_write_cr, 0, in->rm, 0, in->reg), true);
    }
    return false;
}
