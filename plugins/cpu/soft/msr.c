/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * msr - model-specific registers: which there are, and what they accept.
 *
 * Intel SDM volume 4, chapter 2; volume 3, chapters 12 (MTRR, PAT) and 16 (machine check); AMD APM
 * volume 2, appendix A.
 */
#include "apic.h"
#include "mmu.h"
#include "soft.h"
#include "svm.h"

enum {
    MSR_TSC = 0x10,
    MSR_PLATFORM_ID = 0x17,
    MSR_FEATURE_CONTROL = 0x3a,
    MSR_TSC_ADJUST = 0x3b,
    MSR_UCODE_WRITE = 0x79,
    MSR_UCODE_REV = 0x8b,
    MSR_MTRRCAP = 0xfe,
    MSR_ARCH_CAPABILITIES = 0x10a,
    MSR_SYSENTER_CS = 0x174,
    MSR_SYSENTER_ESP,
    MSR_SYSENTER_EIP,
    MSR_MCG_CAP = 0x179,
    MSR_MCG_STATUS,
    MSR_MCG_CTL,
    MSR_MISC_ENABLE = 0x1a0,
    MSR_DEBUGCTL = 0x1d9,
    MSR_MTRR_BASE = 0x200,
    MSR_MTRR_END = 0x210,
    MSR_MTRR_FIXED_64K = 0x250,
    MSR_MTRR_FIXED_16K = 0x258,
    MSR_MTRR_FIXED_4K = 0x268,
    MSR_PAT = 0x277,
    MSR_MTRR_DEF = 0x2ff,
    MSR_MC0 = 0x400,
    MSR_XSS = 0xda0,
    MC_BANKS = 10
};
// clang-format off
#define MSR_EFER        0xc0000080u
#define MSR_STAR        0xc0000081u
#define MSR_LSTAR       0xc0000082u
#define MSR_CSTAR       0xc0000083u
#define MSR_FMASK       0xc0000084u
#define MSR_FS_BASE     0xc0000100u
#define MSR_GS_BASE     0xc0000101u
#define MSR_KERNEL_GS   0xc0000102u
#define MSR_TSC_AUX     0xc0000103u
#define MSR_SYSCFG      0xc0010010u
#define MSR_HWCR        0xc0010015u
#define MSR_INT_PENDING 0xc0010055u
#define MSR_VM_CR       0xc0010114u
#define MSR_VM_HSAVE    0xc0010117u
#define MSR_SVM_KEY     0xc0010118u
#define MSR_LS_CFG      0xc0011020u
#define MSR_DE_CFG      0xc0011029u
// clang-format on
#define MTRRCAP 0x508ull /* 8 variable ranges, fixed ranges, WC */
#define MCG_CAP 0x10aull /* MC_BANKS, MCG_CTL */

/*
 * IA32_ARCH_CAPABILITIES: the guest's tables, and its levels of privilege, are not the host's, so
 * what a guest's kernel would do against a processor that looks through them only costs time.
 * RDCL_NO, SKIP_L1DFL_VMENTRY, SSB_NO, MDS_NO, IF_PSCHANGE_MC_NO, TAA_NO, SBDR_SSDP_NO,
 * FBSDP_NO, PSDP_NO, BHI_NO, PBRSB_NO, GDS_NO, RFDS_NO, ITS_NO.
 */
#define ARCH_CAPABILITIES                                                                          \
    (1u << 0 | 1u << 3 | 1u << 4 | 1u << 5 | 1u << 6 | 1u << 8 | 1u << 13 | 1u << 14 | 1u << 15 |  \
     ARCH_CAPABILITIES_MORE)
/* Of it, what has no name among the features of -cpu, and thus is always there. */
#define ARCH_CAPABILITIES_MORE (1u << 20 | 1u << 24 | 1u << 26 | 1u << 27 | 1ull << 62)

bool feature_msr(void *self, uint32_t index, uint64_t *value)
{
    *value = ARCH_CAPABILITIES;
    return index == MSR_ARCH_CAPABILITIES;
}

static bool arch_capabilities(const struct cpu *cpu, uint64_t *value)
{
    *value = ARCH_CAPABILITIES;
    for (unsigned i = 0; i < cpu->info->n_msrs; i++)
        if (cpu->info->msrs[i].index == MSR_ARCH_CAPABILITIES)
            *value = cpu->info->msrs[i].value | ARCH_CAPABILITIES_MORE;
    return cpu_has(cpu, 7, 0, CPUID_EDX, 29);
}

static bool is_apic(uint32_t msr)
{
    return msr == MSR_APIC_BASE || msr == MSR_TSC_DEADLINE ||
           (msr >= MSR_X2APIC && msr <= MSR_X2APIC + 0xff);
}

/* Registers of AMD's that exist, hold nothing here, and are set by kernels without asking. */
static bool is_inert_amd(const struct cpu *cpu, uint32_t msr)
{
    return cpu_is_amd(cpu) && (msr == MSR_SYSCFG || msr == MSR_HWCR || msr == MSR_INT_PENDING ||
                               msr == MSR_LS_CFG || msr == MSR_DE_CFG);
}

/* The ones that simply hold a value, and when that is valid. */
enum msr_rule { RULE_ANY, RULE_CANONICAL, RULE_32, RULE_STORE_32 };

static uint64_t *plain(struct cpu *cpu, uint32_t msr, enum msr_rule *rule)
{
    bool has_long = cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 29);

    *rule = RULE_CANONICAL;
    switch (msr) {
    case MSR_SYSENTER_ESP: return &cpu->msr.sysenter_esp;
    case MSR_SYSENTER_EIP: return &cpu->msr.sysenter_eip;
    case MSR_LSTAR: return has_long ? &cpu->msr.lstar : NULL;
    case MSR_CSTAR: return has_long ? &cpu->msr.cstar : NULL;
    case MSR_FS_BASE: return has_long ? &cpu->seg[SEG_FS].base : NULL;
    case MSR_GS_BASE: return has_long ? &cpu->seg[SEG_GS].base : NULL;
    case MSR_KERNEL_GS: return has_long ? &cpu->msr.kernel_gs_base : NULL;
    }
    *rule = RULE_32;
    switch (msr) {
    case MSR_FMASK: return has_long ? &cpu->msr.fmask : NULL;
    case MSR_TSC_AUX:
        return cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 27) || cpu_has(cpu, 7, 0, CPUID_ECX, 22)
                   ? &cpu->msr.tsc_aux
                   : NULL;
    case MSR_SYSENTER_CS: *rule = RULE_STORE_32; return &cpu->msr.sysenter_cs;
    }
    *rule = RULE_ANY;
    switch (msr) {
    case MSR_STAR: return &cpu->msr.star;
    case MSR_MISC_ENABLE: return &cpu->msr.misc_enable;
    case MSR_MCG_STATUS: return &cpu->msr.mcg_status;
    }
    return NULL;
}

/* ---- MTRR and PAT ---- */

static uint64_t *mtrr_fixed(struct cpu *cpu, uint32_t msr)
{
    if (msr == MSR_MTRR_FIXED_64K)
        return &cpu->msr.mtrr_fixed[0];
    if (msr - MSR_MTRR_FIXED_16K < 2)
        return &cpu->msr.mtrr_fixed[1 + msr - MSR_MTRR_FIXED_16K];
    if (msr - MSR_MTRR_FIXED_4K < 8)
        return &cpu->msr.mtrr_fixed[3 + msr - MSR_MTRR_FIXED_4K];
    return NULL;
}

static uint64_t *mtrr(struct cpu *cpu, uint32_t msr)
{
    unsigned n = msr - MSR_MTRR_BASE;

    if (!cpu_has(cpu, 1, 0, CPUID_EDX, 12))
        return NULL;
    if (msr == MSR_MTRR_DEF)
        return &cpu->msr.mtrr_def;
    if (n < MSR_MTRR_END - MSR_MTRR_BASE)
        return n & 1 ? &cpu->msr.mtrr_mask[n / 2] : &cpu->msr.mtrr_base[n / 2];
    return mtrr_fixed(cpu, msr);
}

/* Memory types: bit n of mask is type n. */
enum { MTRR_TYPES = 0x73, PAT_TYPES = 0xf3 };

static bool types_valid(uint64_t value, unsigned n, unsigned mask)
{
    for (; n--; value >>= 8)
        if ((value & 0xff) > 7 || !(mask >> (value & 0xff) & 1))
            return false;
    return true;
}

bool pat_valid(uint64_t value)
{
    return types_valid(value, 8, PAT_TYPES);
}

static bool mtrr_valid(const struct cpu *cpu, uint32_t msr, uint64_t value)
{
    uint64_t beyond = ~((1ull << cpu->info->phys_bits) - 1);

    if (msr == MSR_MTRR_DEF)
        return !(value & ~0xcffull) && types_valid(value, 1, MTRR_TYPES);
    if (msr < MSR_MTRR_BASE || msr >= MSR_MTRR_END)
        return types_valid(value, 8, MTRR_TYPES);
    if (msr & 1)
        return !(value & (beyond | 0x7ff));
    return !(value & (beyond | 0xf00)) && types_valid(value, 1, MTRR_TYPES);
}

/* ---- Machine check ---- */

static bool has_mca(const struct cpu *cpu)
{
    return cpu_has(cpu, 1, 0, CPUID_EDX, 14);
}

static uint64_t *machine_check(struct cpu *cpu, uint32_t msr)
{
    unsigned n = msr - MSR_MC0;

    return has_mca(cpu) && n < MC_BANKS * 4 ? &cpu->msr.mc[n / 4][n % 4] : NULL;
}

/* CTL takes all or nothing; the others can only be cleared. */
static bool machine_check_valid(uint32_t msr, uint64_t value)
{
    return value == 0 || ((msr & 3) == 0 && value == ~0ull);
}

/* ---- SVM ---- */

static bool has_svm(const struct cpu *cpu)
{
    return cpu_has(cpu, 0x80000001, 0, CPUID_ECX, 2);
}

/* LOCK keeps itself and SVMDIS, which cannot be set while SVM is on. */
static bool set_vm_cr(struct cpu *cpu, uint64_t value)
{
    const uint64_t locked = cpu->svm.vm_cr & VM_CR_LOCK ? VM_CR_LOCK | VM_CR_SVMDIS : 0;

    if (value & ~0x1full || (value & VM_CR_SVMDIS && cpu->efer & EFER_SVME))
        return false;
    cpu->svm.vm_cr = (value & ~locked) | (cpu->svm.vm_cr & locked);
    return true;
}

/* The key that was set before LOCK takes it away. */
static void set_svm_key(struct cpu *cpu, uint64_t value)
{
    if (!(cpu->svm.vm_cr & VM_CR_LOCK))
        cpu->svm.key = value;
    else if (value && value == cpu->svm.key)
        cpu->svm.vm_cr &= ~(uint64_t)VM_CR_LOCK;
}

static bool svm_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    switch (has_svm(cpu) ? msr : 0) {
    case MSR_VM_CR: return set_vm_cr(cpu, value);
    case MSR_VM_HSAVE:
        if (value & 0xfff || value >> cpu->info->phys_bits)
            return false;
        cpu->svm.host_save = value;
        return true;
    case MSR_SVM_KEY:
        if (!cpu_has(cpu, 0x8000000a, 0, CPUID_EDX, 2))
            return false;
        set_svm_key(cpu, value);
        return true;
    }
    return is_inert_amd(cpu, msr);
}

/* ---- EFER ---- */

uint64_t efer_known(const struct cpu *cpu)
{
    uint64_t known = 0;

    if (cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 11))
        known |= EFER_SCE;
    if (cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 29))
        known |= EFER_LME | EFER_LMA;
    if (cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 20))
        known |= EFER_NXE;
    if (cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 25))
        known |= EFER_FFXSR;
    if (cpu_has(cpu, 0x80000021, 0, CPUID_EAX, 8))
        known |= EFER_AIBRSE;
    if (has_svm(cpu) && !(cpu->svm.vm_cr & VM_CR_SVMDIS))
        known |= EFER_SVME;
    return known;
}

static bool set_efer(struct cpu *cpu, uint64_t value)
{
    uint64_t changed;

    value = (value & ~(uint64_t)EFER_LMA) | (cpu->efer & EFER_LMA);
    changed = value ^ cpu->efer;
    if (value & ~efer_known(cpu) || (changed & EFER_LME && cpu->cr0 & CR0_PG))
        return false;
    cpu->efer = value;
    if (changed & EFER_NXE)
        tlb_flush(cpu, true);
    mode_update(cpu);
    return true;
}

/* ---- Another accelerator's ---- */

/* Which are not: those of struct tenon_x86_state. */
static bool is_state(uint32_t msr)
{
    return (msr >= MSR_SYSENTER_CS && msr <= MSR_SYSENTER_EIP) ||
           (msr >= MSR_EFER && msr <= MSR_FMASK) || (msr >= MSR_FS_BASE && msr <= MSR_TSC_AUX);
}

static bool is_other(const struct cpu *cpu, uint32_t msr)
{
    return stands_in(cpu) && !is_state(msr);
}

static bool other_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    if (!cpu->host->other_msr(cpu->info->host, true, msr, &value))
        return false;
    if (msr == MSR_APIC_BASE) {
        cpu->host->other_msr(cpu->info->host, false, msr, &cpu->msr.apic_base);
        mmu_forget(cpu);
    }
    if (is_apic(msr))
        soft_look_for_interrupts(cpu);
    return true;
}

/* ---- Reading and writing ---- */

static bool read_special(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    *value = 0;
    switch (msr) {
    case MSR_TSC: *value = cpu_tsc(cpu) + cpu->svm.tsc_offset; return true;
    case MSR_TSC_ADJUST: *value = cpu->msr.tsc_adjust; return cpu_has(cpu, 7, 0, CPUID_EBX, 1);
    case MSR_EFER: *value = cpu->efer; return true;
    case MSR_PAT: *value = cpu->msr.pat; return cpu_has(cpu, 1, 0, CPUID_EDX, 16);
    case MSR_MTRRCAP: *value = MTRRCAP; return cpu_has(cpu, 1, 0, CPUID_EDX, 12);
    case MSR_MCG_CAP: *value = MCG_CAP; return has_mca(cpu);
    case MSR_MCG_CTL: *value = cpu->msr.mcg_ctl; return has_mca(cpu);
    case MSR_FEATURE_CONTROL: *value = 1; return !cpu_is_amd(cpu); /* locked, nothing on */
    case MSR_UCODE_REV: *value = 1ull << 32; return true;
    case MSR_PLATFORM_ID: return !cpu_is_amd(cpu);
    case MSR_DEBUGCTL: return true;
    case MSR_VM_CR: *value = cpu->svm.vm_cr; return has_svm(cpu);
    case MSR_VM_HSAVE: *value = cpu->svm.host_save; return has_svm(cpu);
    case MSR_SVM_KEY: return has_svm(cpu) && cpu_has(cpu, 0x8000000a, 0, CPUID_EDX, 2);
    case MSR_ARCH_CAPABILITIES: return arch_capabilities(cpu, value);
    case MSR_XSS: *value = cpu->msr.xss; return cpu_has(cpu, 0xd, 1, CPUID_EAX, 3);
    }
    return is_inert_amd(cpu, msr);
}

bool msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    enum msr_rule rule;
    const uint64_t *at;

    if (is_other(cpu, msr))
        return cpu->host->other_msr(cpu->info->host, false, msr, value);
    if (is_apic(msr))
        return apic_msr_read(cpu, msr, value);
    at = plain(cpu, msr, &rule);
    if (!at)
        at = mtrr(cpu, msr);
    if (!at)
        at = machine_check(cpu, msr);
    if (!at)
        return read_special(cpu, msr, value);
    *value = *at;
    return true;
}

static bool write_special(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    switch (msr) {
    case MSR_TSC: cpu_set_tsc(cpu, value); return true;
    case MSR_TSC_ADJUST:
        if (!cpu_has(cpu, 7, 0, CPUID_EBX, 1))
            return false;
        cpu_set_tsc_adjust(cpu, value);
        return true;
    case MSR_EFER: return set_efer(cpu, value);
    case MSR_PAT:
        if (!cpu_has(cpu, 1, 0, CPUID_EDX, 16) || !pat_valid(value))
            return false;
        cpu->msr.pat = value;
        return true;
    case MSR_MCG_CTL:
        if (!has_mca(cpu) || (value && value != ~0ull))
            return false;
        cpu->msr.mcg_ctl = value;
        return true;
    case MSR_UCODE_WRITE:
    case MSR_UCODE_REV: return true;
    case MSR_DEBUGCTL:
    case MSR_XSS: return value == 0 && (msr != MSR_XSS || cpu_has(cpu, 0xd, 1, CPUID_EAX, 3));
    }
    return svm_msr_write(cpu, msr, value);
}

static bool write_plain(struct cpu *cpu, uint64_t *at, enum msr_rule rule, uint64_t value)
{
    if (rule == RULE_STORE_32)
        value = (uint32_t)value;
    if ((rule == RULE_CANONICAL && !base_canonical(cpu, value)) || (rule == RULE_32 && value >> 32))
        return false;
    *at = value;
    return true;
}

bool msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    enum msr_rule rule;
    uint64_t *at;
    bool valid;

    if (is_other(cpu, msr))
        return other_write(cpu, msr, value);
    if (is_apic(msr)) {
        if (!apic_msr_write(cpu, msr, value))
            return false;
        if (msr == MSR_APIC_BASE)
            mmu_forget(cpu);
        return true;
    }
    at = plain(cpu, msr, &rule);
    if (at)
        return write_plain(cpu, at, rule, value);
    at = mtrr(cpu, msr);
    valid = at ? mtrr_valid(cpu, msr, value) : machine_check_valid(msr, value);
    if (!at)
        at = machine_check(cpu, msr);
    if (!at)
        return write_special(cpu, msr, value);
    if (valid)
        *at = value;
    return valid;
}
