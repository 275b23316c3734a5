/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-system - control registers, MSRs, CPUID and descriptor-table instructions of the software
 * processor: what they accept, and that the rest is #GP.
 */
#include "soft-host.h"
#include "sys.h"

/* Runs code and a UD2 behind it: EXC_UD if all went well. */
#define RUN(h, ...)                                                                                \
    ({                                                                                             \
        static const uint8_t code_[] = { __VA_ARGS__, 0x0f, 0x0b };                                \
        soft_host_code(h, SOFT_CODE, code_, sizeof(code_));                                        \
        soft_host_run(h, 100);                                                                     \
    })

enum { OK = EXC_UD };

static int set_cr(struct soft_host *h, unsigned n, uint64_t value)
{
    const uint8_t code[] = { 0x0f, 0x22, 0xc0 | n << 3, 0x0f, 0x0b };

    h->cpu->r[RAX] = value;
    soft_host_code(h, SOFT_CODE, code, sizeof(code));
    return soft_host_run(h, 100);
}

static int wrmsr(struct soft_host *h, uint32_t msr, uint64_t value)
{
    h->cpu->r[RCX] = msr;
    h->cpu->r[RAX] = (uint32_t)value;
    h->cpu->r[RDX] = value >> 32;
    return RUN(h, 0x0f, 0x30);
}

static int rdmsr(struct soft_host *h, uint32_t msr, uint64_t *value)
{
    int vector;

    h->cpu->r[RCX] = msr;
    vector = RUN(h, 0x0f, 0x32);
    *value = h->cpu->r[RAX] | h->cpu->r[RDX] << 32;
    return vector;
}

/* ---- Control registers ---- */

static void test_cr0(void)
{
    struct soft_host *h = soft_host_create(32);
    uint64_t cr0 = h->cpu->cr0;

    g_assert_cmpint(set_cr(h, 0, CR0_PG | CR0_ET), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 0, cr0 | CR0_NW), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 0, cr0 | CR0_NW | CR0_CD), ==, OK);
    g_assert_cmpint(set_cr(h, 0, (cr0 & ~(uint64_t)CR0_ET) | 0x1000), ==, OK);
    g_assert_cmphex(h->cpu->cr0, ==, cr0);

    /* Long mode: with LME, PG needs PAE. */
    soft_host_tables(h);
    h->cpu->efer = EFER_LME;
    g_assert_cmpint(set_cr(h, 0, cr0 | CR0_PG), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 4, CR4_PAE), ==, OK);
    g_assert_cmpint(set_cr(h, 0, cr0 | CR0_PG), ==, OK);
    g_assert_true(h->cpu->efer & EFER_LMA);
    g_assert_cmpint(set_cr(h, 4, 0), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 0, cr0), ==, OK);
    g_assert_false(h->cpu->efer & EFER_LMA);
    soft_host_destroy(h);

    h = soft_host_create(64);
    g_assert_cmpint(set_cr(h, 0, h->cpu->cr0 & ~(uint64_t)CR0_PG), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 0, h->cpu->cr0 | 1ull << 32), ==, EXC_GP);
    h->cpu->r[RAX] = 0;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xf0), ==, OK); /* LMSW cannot clear PE */
    g_assert_true(h->cpu->cr0 & CR0_PE);
    g_assert_false(h->cpu->cr0 & CR0_MP);
    soft_host_destroy(h);
}

static void test_cr4(void)
{
    struct soft_host *h = soft_host_create(64);
    uint64_t cr4 = h->cpu->cr4, cr3 = h->cpu->cr3;

    /* Pages of the supervisor's alone, for SMEP and SMAP. */
    for (unsigned i = 0; i < 0x3000; i += 8)
        h->ram[SOFT_TABLES + i] &= ~PF_U;
    tlb_flush(h->cpu, true);
    for (int bit = 0; bit < 64; bit++) {
        uint64_t known = 0x771fff;                        /* no VMXE, SMXE, CET... */
        bool reserved = !(known >> bit & 1) || bit == 12; /* LA57 not while in long mode */
        g_assert_cmpint(set_cr(h, 4, cr4 | 1ull << bit), ==, reserved ? EXC_GP : OK);
        h->cpu->cr4 = cr4;
        mode_update(h->cpu);
    }
    g_assert_cmpint(set_cr(h, 3, cr3 | 1ull << 40), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 3, cr3 | 1ull << 63), ==, EXC_GP);
    g_assert_cmpint(set_cr(h, 3, cr3 | 5), ==, OK);
    g_assert_cmpint(set_cr(h, 4, cr4 | CR4_PCIDE), ==, EXC_GP); /* the PCID is not 0 */
    g_assert_cmpint(set_cr(h, 3, cr3), ==, OK);
    g_assert_cmpint(set_cr(h, 4, cr4 | CR4_PCIDE), ==, OK);
    g_assert_cmpint(set_cr(h, 3, cr3 | 5 | 1ull << 63), ==, OK);
    g_assert_cmphex(h->cpu->cr3, ==, cr3 | 5);
    g_assert_cmpint(set_cr(h, 1, 0), ==, EXC_UD);
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE);

    /* A processor without the feature has no such bit. */
    h->info.n_cpuid = 0;
    g_assert_cmpint(set_cr(h, 4, cr4 | CR4_SMEP), ==, EXC_GP);
    soft_host_destroy(h);
}

static void test_privilege(void)
{
    struct soft_host *h = soft_host_create(64);

    for (int i = 0; i < N_SEGS; i++)
        h->cpu->seg[i].attr |= 0x60;
    h->cpu->cpl = 3;
    mode_update(h->cpu);
    g_assert_cmpint(RUN(h, 0x0f, 0x20, 0xc0), ==, EXC_GP); /* MOV RAX, CR0 */
    g_assert_cmpint(RUN(h, 0x0f, 0x21, 0xc0), ==, EXC_GP); /* MOV RAX, DR0 */
    g_assert_cmpint(RUN(h, 0x0f, 0x32), ==, EXC_GP);       /* RDMSR */
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xf8), ==, EXC_GP); /* SWAPGS */
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xcb), ==, EXC_UD); /* STAC */
    g_assert_cmphex(h->cpu->rip, ==, SOFT_CODE);
    g_assert_cmpint(RUN(h, 0x0f, 0x06), ==, EXC_GP); /* CLTS */
    g_assert_cmpint(RUN(h, 0x0f, 0x31), ==, OK);     /* RDTSC */
    h->cpu->cr4 |= CR4_TSD | CR4_UMIP;
    g_assert_cmpint(RUN(h, 0x0f, 0x31), ==, EXC_GP);
    g_assert_cmpint(RUN(h, 0x0f, 0x00, 0xc0), ==, EXC_GP); /* SLDT */
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xe0), ==, EXC_GP); /* SMSW */
    h->cpu->cr4 &= ~(uint64_t)CR4_UMIP;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xe0), ==, OK);
    soft_host_destroy(h);
}

/* ---- MSRs ---- */

static void test_msr_values(void)
{
    static const struct {
        uint32_t msr;
        uint64_t good, bad;
    } cases[] = {
        { 0xc0000100, 0xffff800000000000, 1ull << 57 },    /* FS base */
        { 0xc0000101, 0x00007fffffffffff, 1ull << 63 },    /* GS base */
        { 0xc0000102, 0xffffffff00000000, 1ull << 62 },    /* kernel GS base */
        { 0xc0000082, 0xffffffff81000000, 1ull << 57 },    /* LSTAR */
        { 0xc0000083, 0x1234, 1ull << 57 },                /* CSTAR */
        { 0x175, 0xffff800000000000, 1ull << 57 },         /* SYSENTER_ESP */
        { 0x176, 0xffff800000000000, 1ull << 57 },         /* SYSENTER_EIP */
        { 0xc0000084, 0xffffffff, 1ull << 32 },            /* FMASK */
        { 0xc0000103, 7, 1ull << 32 },                     /* TSC_AUX */
        { 0x277, 0x0007040600070406, 0x0207040600070406 }, /* PAT */
        { 0x2ff, 0xc06, 0x1000 },                          /* MTRR default */
        { 0x200, 0xe0000006, 0xe0000002 },                 /* a type that is none */
        { 0x201, 0xffe0000800, 1ull << 40 },               /* beyond the address's width */
        { 0x250, 0x0606060606060606, 0x0606060606060602 },
        { 0x400, ~0ull, 0x10 }, /* MC0_CTL */
        { 0x401, 0, 1 },        /* MC0_STATUS */
        { 0x17b, ~0ull, 1 },    /* MCG_CTL */
        { 0xc0000080, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, 2 },
        { 0xc0000080, EFER_SCE | EFER_LME | EFER_LMA | EFER_AIBRSE, EFER_LMA | 0x100000 },
        { 0xc0000080, EFER_SCE | EFER_LME | EFER_LMA, EFER_LMA }, /* LME while paging */
    };
    struct soft_host *h = soft_host_create(64);

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint64_t value;
        g_test_message("MSR %x", cases[i].msr);
        g_assert_cmpint(wrmsr(h, cases[i].msr, cases[i].good), ==, OK);
        g_assert_cmpint(wrmsr(h, cases[i].msr, cases[i].bad), ==, EXC_GP);
        g_assert_cmpint(h->cpu->fault.error, ==, 0);
        g_assert_cmpint(rdmsr(h, cases[i].msr, &value), ==, OK);
        g_assert_cmphex(value, ==, cases[i].good);
    }
    soft_host_destroy(h);
}

static void test_msr_unknown(void)
{
    static const uint32_t unknown[] = { 0,          0x48,       0x49,      0x10b, 0x210,
                                        0x251,      0x25a,      0x428,     0x800, 0x1234,
                                        0xc0000085, 0xc0010015, 0x4b564d00 };
    static const uint32_t read_only[] = { 0x17, 0xfe, 0x179, 0x3a };
    struct soft_host *h = soft_host_create(64);
    uint64_t value;

    h->cpu->msr.apic_base = 0xfee00900; /* not x2APIC */
    for (unsigned i = 0; i < G_N_ELEMENTS(unknown); i++) {
        g_test_message("MSR %x", unknown[i]);
        g_assert_cmpint(rdmsr(h, unknown[i], &value), ==, EXC_GP);
        g_assert_cmpint(wrmsr(h, unknown[i], 0), ==, EXC_GP);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(read_only); i++) {
        g_assert_cmpint(rdmsr(h, read_only[i], &value), ==, OK);
        g_assert_cmpint(wrmsr(h, read_only[i], value), ==, EXC_GP);
    }
    g_assert_cmpint(rdmsr(h, 0x179, &value), ==, OK);
    g_assert_cmpint(value & 0xff, ==, 10);
    soft_host_destroy(h);
}

/* ---- CPUID ---- */

static void run_cpuid(struct soft_host *h, uint32_t leaf, uint32_t subleaf)
{
    h->cpu->r[RAX] = leaf;
    h->cpu->r[RCX] = subleaf;
    g_assert_cmpint(RUN(h, 0x0f, 0xa2), ==, OK);
}

static void test_cpuid(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    cpu->msr.apic_base = 0xfee00900;
    cpu->cr4 |= CR4_PKE;
    cpu->cr4 &= ~(uint64_t)CR4_OSXSAVE;
    run_cpuid(h, 1, 0);
    g_assert_true(cpu->r[RDX] >> 9 & 1);
    g_assert_false(cpu->r[RCX] >> 27 & 1);
    run_cpuid(h, 7, 0);
    g_assert_true(cpu->r[RCX] >> 4 & 1);
    cpu->msr.apic_base = 0xfee00100;
    cpu->cr4 = (cpu->cr4 | CR4_OSXSAVE) & ~(uint64_t)CR4_PKE;
    run_cpuid(h, 1, 0);
    g_assert_false(cpu->r[RDX] >> 9 & 1);
    g_assert_true(cpu->r[RCX] >> 27 & 1);
    run_cpuid(h, 7, 0);
    g_assert_false(cpu->r[RCX] >> 4 & 1);

    cpu->xcr0 = 3;
    run_cpuid(h, 0xd, 0);
    g_assert_cmpint(cpu->r[RBX], ==, 576);
    cpu->r[RCX] = 0;
    cpu->r[RAX] = 7;
    cpu->r[RDX] = 0;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xd1), ==, OK); /* XSETBV */
    run_cpuid(h, 0xd, 0);
    g_assert_cmpint(cpu->r[RBX], ==, 832);
    cpu->r[RCX] = 0;
    cpu->r[RAX] = 5; /* AVX without SSE */
    cpu->r[RDX] = 0;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xd1), ==, EXC_GP);
    g_assert_cmphex(cpu->xcr0, ==, 7);

    run_cpuid(h, 0x40000000, 0); /* beyond: the last basic leaf */
    g_assert_cmpint(cpu->r[RBX], ==, 832);
    soft_host_destroy(h);
}

/* ---- Tables and selectors ---- */

static void test_tables(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;
    uint64_t ldt[] = { 0x0000820000000067 | (uint64_t)0x4000 << 16, 0 };

    /* LGDT [data]: a base that is not canonical is #GP(0). */
    memcpy(h->ram + SOFT_DATA, "\x2f\x00\x00\x30\x00\x00\x00\x00\x00\x00", 10);
    cpu->r[RBX] = SOFT_DATA;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0x13), ==, OK);
    g_assert_cmphex(cpu->gdt.base, ==, 0x3000);
    g_assert_cmphex(cpu->gdt.limit, ==, 0x2f);
    h->ram[SOFT_DATA + 9] = 0x40;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0x13), ==, EXC_GP);
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0x1b), ==, EXC_GP);
    g_assert_cmphex(cpu->gdt.base, ==, 0x3000);
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0x43, 0x10), ==, OK); /* SGDT */
    g_assert_cmpmem(h->ram + SOFT_DATA + 0x10, 10, "\x2f\x00\x00\x30\x00\x00\x00\x00\x00\x00", 10);

    /* LLDT of a 16-byte descriptor. */
    memcpy(h->ram + 0x3000 + 0x10, ldt, 16);
    cpu->r[RAX] = 0x10;
    g_assert_cmpint(RUN(h, 0x0f, 0x00, 0xd0), ==, OK);
    g_assert_cmphex(cpu->ldt.base, ==, 0x4000);
    h->ram[0x3000 + 0x18] = 1;
    g_assert_cmpint(RUN(h, 0x0f, 0x00, 0xd0), ==, OK);
    g_assert_cmphex(cpu->ldt.base, ==, 0x100004000);
    h->ram[0x3000 + 0x1b] = 0x80;
    g_assert_cmpint(RUN(h, 0x0f, 0x00, 0xd0), ==, EXC_GP);
    g_assert_cmphex(cpu->fault.error, ==, 0x10);
    cpu->r[RAX] = 0x28; /* its upper half lies beyond the table */
    memcpy(h->ram + 0x3000 + 0x28, ldt, 8);
    g_assert_cmpint(RUN(h, 0x0f, 0x00, 0xd0), ==, EXC_GP);
    g_assert_cmphex(cpu->fault.error, ==, 0x28);

    /* LAR, LSL, VERW. */
    cpu->r[RAX] = 0x10;
    cpu->r[RBX] = 0;
    h->ram[0x3000 + 0x1b] = 0;
    g_assert_cmpint(RUN(h, 0x0f, 0x02, 0xd8), ==, OK);
    g_assert_cmphex(cpu->r[RBX], ==, 0x8200);
    g_assert_true(cpu->flags & F_ZF);
    g_assert_cmpint(RUN(h, 0x0f, 0x03, 0xd8), ==, OK);
    g_assert_cmphex(cpu->r[RBX], ==, 0x67);
    g_assert_cmpint(RUN(h, 0x0f, 0x00, 0xe8), ==, OK);
    g_assert_false(cpu->flags & F_ZF);
    soft_host_destroy(h);
}

static void test_ss_64(void)
{
    struct soft_host *h = soft_host_create(64);

    /* At CPL 0: null with RPL 0 is fine, with RPL 3 #GP; so is a DPL 0 selector with RPL 3. */
    h->cpu->gdt = (struct segment){ .base = 0x3000, .limit = 0x2f };
    memcpy(h->ram + 0x3000 + 0x10, "\xff\xff\x00\x00\x00\x93\xcf\x00", 8);
    h->cpu->r[RAX] = 0;
    g_assert_cmpint(RUN(h, 0x8e, 0xd0), ==, OK);
    h->cpu->r[RAX] = 3;
    g_assert_cmpint(RUN(h, 0x8e, 0xd0), ==, EXC_GP);
    g_assert_cmphex(h->cpu->fault.error, ==, 0);
    h->cpu->r[RAX] = 0x13;
    g_assert_cmpint(RUN(h, 0x8e, 0xd0), ==, EXC_GP);
    g_assert_cmphex(h->cpu->fault.error, ==, 0x10);
    h->cpu->r[RAX] = 0x10;
    g_assert_cmpint(RUN(h, 0x8e, 0xd0), ==, OK);

    /* Not canonical: #SS by RSP and RBP, #GP by others. */
    h->cpu->r[RBP] = h->cpu->r[RBX] = 1ull << 60;
    g_assert_cmpint(RUN(h, 0x8b, 0x45, 0x00), ==, EXC_SS);
    g_assert_cmpint(RUN(h, 0x8b, 0x03), ==, EXC_GP);
    soft_host_destroy(h);
}

static void test_bases(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    cpu->r[RAX] = 0x12345678;
    g_assert_cmpint(RUN(h, 0xf3, 0x48, 0x0f, 0xae, 0xd8), ==, EXC_UD); /* WRGSBASE, not enabled */
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
    cpu->cr4 |= CR4_FSGSBASE;
    g_assert_cmpint(RUN(h, 0xf3, 0x48, 0x0f, 0xae, 0xd8), ==, OK);
    g_assert_cmphex(cpu->seg[SEG_GS].base, ==, 0x12345678);
    cpu->msr.kernel_gs_base = 0x99;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xf8), ==, OK);
    g_assert_cmphex(cpu->seg[SEG_GS].base, ==, 0x99);
    g_assert_cmphex(cpu->msr.kernel_gs_base, ==, 0x12345678);
    cpu->r[RAX] = 1ull << 57;
    g_assert_cmpint(RUN(h, 0xf3, 0x48, 0x0f, 0xae, 0xd0), ==, EXC_GP); /* WRFSBASE */
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xc1), ==, EXC_UD);             /* VMCALL */
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
    g_assert_cmpint(RUN(h, 0x0f, 0xaa), ==, EXC_UD); /* RSM outside SMM */
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
    soft_host_destroy(h);
}

/* ---- Translations ---- */

static int invpcid(struct soft_host *h, uint64_t type, uint64_t pcid, uint64_t lin)
{
    memcpy(h->ram + SOFT_DATA, &pcid, 8);
    memcpy(h->ram + SOFT_DATA + 8, &lin, 8);
    h->cpu->r[RAX] = type;
    h->cpu->r[RBX] = SOFT_DATA;
    return RUN(h, 0x66, 0x0f, 0x38, 0x82, 0x03);
}

static void test_invpcid(void)
{
    struct soft_host *h = soft_host_create(64);

    g_assert_cmpint(invpcid(h, 4, 0, 0), ==, EXC_GP);
    g_assert_cmpint(invpcid(h, 2, 0x1000, 0), ==, EXC_GP);
    g_assert_cmpint(invpcid(h, 0, 1, 0), ==, EXC_GP); /* PCIDs are off */
    g_assert_cmpint(invpcid(h, 0, 0, 1ull << 60), ==, EXC_GP);
    h->cpu->cr4 |= CR4_PCIDE;
    g_assert_cmpint(invpcid(h, 0, 1, 0), ==, OK);
    for (unsigned type = 0; type < 4; type++)
        g_assert_cmpint(invpcid(h, type, 0, 0x1000), ==, OK);
    h->cpu->r[RAX] = 1ull << 60;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0x38), ==, OK); /* INVLPG takes anything */
    soft_host_destroy(h);
}

static void test_pkru(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    cpu->r[RAX] = 0x3c;
    cpu->r[RCX] = cpu->r[RDX] = 0;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xef), ==, EXC_UD); /* WRPKRU without CR4.PKE */
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
    cpu->cr4 |= CR4_PKE;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xef), ==, OK);
    g_assert_cmphex(cpu->pkru, ==, 0x3c);
    cpu->r[RAX] = 0;
    cpu->r[RDX] = 1;
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xef), ==, EXC_GP);
    g_assert_cmpint(RUN(h, 0x0f, 0x01, 0xee), ==, OK); /* RDPKRU */
    g_assert_cmphex(cpu->r[RAX], ==, 0x3c);
    g_assert_cmphex(cpu->r[RDX], ==, 0);
    soft_host_destroy(h);
}

static void test_smm(void)
{
    struct soft_host *h = soft_host_create(64);
    struct cpu *cpu = h->cpu;

    cpu->msr.smbase = 0x30000;
    cpu->r[R12] = 0x1122334455667788;
    cpu->flags |= F_CF;
    cpu->rip = SOFT_CODE;
    memcpy(h->ram + SOFT_CODE, "\x0f\x0b", 2);
    memcpy(h->ram + 0x38000, "\x31\xc0\x0f\xaa", 4); /* XOR AX, AX; RSM */
    cpu->r[RAX] = 0x77;
    smm_enter(cpu);
    g_assert_true(cpu->in_smm);
    g_assert_cmphex(cpu->mode & (MODE_PE | MODE_PAGING | MODE_SMM), ==, MODE_SMM);
    cpu->r[R12] = 0;
    g_assert_cmpint(soft_host_run(h, 10), ==, EXC_UD);
    g_assert_false(cpu->in_smm);
    g_assert_cmphex(cpu->rip, ==, SOFT_CODE);
    g_assert_cmphex(cpu->r[RAX], ==, 0x77);
    g_assert_cmphex(cpu->r[R12], ==, 0x1122334455667788);
    g_assert_true(cpu->flags & F_CF);
    g_assert_cmphex(cpu->mode & MODE_CODE_MASK, ==, MODE_CODE64);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft-system/cr0", test_cr0);
    g_test_add_func("/soft-system/cr4", test_cr4);
    g_test_add_func("/soft-system/privilege", test_privilege);
    g_test_add_func("/soft-system/msr-values", test_msr_values);
    g_test_add_func("/soft-system/msr-unknown", test_msr_unknown);
    g_test_add_func("/soft-system/cpuid", test_cpuid);
    g_test_add_func("/soft-system/tables", test_tables);
    g_test_add_func("/soft-system/ss-64", test_ss_64);
    g_test_add_func("/soft-system/bases", test_bases);
    g_test_add_func("/soft-system/invpcid", test_invpcid);
    g_test_add_func("/soft-system/pkru", test_pkru);
    g_test_add_func("/soft-system/smm", test_smm);
    return g_test_run();
}
