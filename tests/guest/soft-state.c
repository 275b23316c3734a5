/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-state - what control registers, MSRs, XCR0 and the descriptor table registers take and
 * refuse.
 *
 * Intel SDM volume 3, sections 2.2 to 2.6, 4.10 (PCID), 15.3 (machine-check banks); volume 4.
 */
#include "long.h"

#define BAD (1ull << 63) /* canonical with no width of addresses */
enum { CR4_PCIDE = 1 << 17, CR4_LA57 = 1 << 12, CR4_PGE = 1 << 7 };

#define TRY_CR(n, v) ATTEMPT("mov %0, %%cr" #n, : : "r"((uint64_t)(v)) : "memory")

/*
 * The first address that no base may hold: those of MSRs, tables and hidden segments are canonical
 * by the width that the processor has, whatever CR4.LA57 says.  It is not what a load or store may
 * use.
 */
static uint64_t gap;

static bool has(uint32_t leaf, unsigned word, unsigned bit)
{
    struct cpuid r = cpuid(leaf, 0);
    uint32_t words[] = { r.a, r.b, r.c, r.d };

    return words[word] >> bit & 1;
}

/* The bits of CR4 that CPUID offers. */
static uint64_t known_cr4(void)
{
    static const struct {
        uint8_t bit, leaf, word, feature;
    } bits[] = {
        { 0, 1, 3, 1 },   { 1, 1, 3, 1 },   { 2, 1, 3, 4 },  { 3, 1, 3, 2 },   { 4, 1, 3, 3 },
        { 5, 1, 3, 6 },   { 6, 1, 3, 7 },   { 7, 1, 3, 13 }, { 9, 1, 3, 24 },  { 10, 1, 3, 25 },
        { 11, 7, 2, 2 },  { 12, 7, 2, 16 }, { 13, 1, 2, 5 }, { 14, 1, 2, 6 },  { 16, 7, 1, 0 },
        { 17, 1, 2, 17 }, { 18, 1, 2, 26 }, { 20, 7, 1, 7 }, { 21, 7, 1, 20 }, { 22, 7, 2, 3 },
        { 23, 7, 2, 7 },
    };
    uint64_t known = 1 << 8; /* PCE */

    for (unsigned i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        if (has(bits[i].leaf, bits[i].word, bits[i].feature))
            known |= 1ull << bits[i].bit;
    return known;
}

static void control_registers(void)
{
    uint64_t cr0 = READ_CR(0), cr4 = READ_CR(4), known = known_cr4(), wrong = 0;

    for (int bit = 0; bit < 64; bit++) {
        bool ok = known >> bit & 1 && bit != 12; /* LA57 changes in 64-bit mode: #GP */
        if (bit == 5)
            continue;
        TRY_CR(4, cr4 | 1ull << bit);
        if (trap.vector != (ok ? NONE : GP) || (!ok && trap.error))
            wrong |= 1ull << bit;
        WRITE_CR(4, cr4);
    }
    check_value("CR4: bits offered are taken, the others #GP", wrong, 0);
    TRY_CR(4, cr4 & ~0x20ull);
    expect("#GP CR4.PAE off in long mode", GP, 0);
    TRY_CR(0, cr0 & ~1ull);
    expect("#GP CR0.PE off, PG on", GP, 0);
    TRY_CR(0, (cr0 | 0x20000000) & ~0x40000000ull);
    expect("#GP CR0.NW without CD", GP, 0);
    TRY_CR(0, cr0 | 1ull << 32);
    expect("#GP CR0 bit 32", GP, 0);
    TRY_CR(0, cr0 | 1 << 6);
    expect("CR0 bit 6 is ignored", NONE, 0);
    check_value("    and reads 0", READ_CR(0), cr0);
    TRY_CR(3, READ_CR(3) | 1ull << 52);
    expect("#GP CR3 bit 52", GP, 0);
    TRY_CR(3, READ_CR(3) | BAD);
    expect("#GP CR3 bit 63 without PCIDE", GP, 0);
    TRY_CR(8, 0x10);
    expect("#GP CR8 bit 4", GP, 0);
    TRY_CR(8, 15);
    expect("CR8", NONE, 0);
    check_value("    is the TPR", apic_get(0x80), 0xf0);
    TRY_CR(8, 0);
    ATTEMPT(".byte 0x0f, 0x20, 0xc8", : : : "rax");
    expect("#UD CR1", UD, 0);
    ATTEMPT(".byte 0x0f, 0x20, 0xe8", : : : "rax");
    expect("#UD CR5", UD, 0);
}

static void pcid(void)
{
    uint64_t cr3 = READ_CR(3), cr4 = READ_CR(4);
    struct {
        uint64_t pcid, address;
    } d = { 0x1000, 0 };

    if (!has(1, 2, 17)) {
        TRY_CR(4, cr4 | CR4_PCIDE);
        expect("#GP CR4.PCIDE where CPUID has none", GP, 0);
        return;
    }
    WRITE_CR(3, cr3 | 0x10);
    TRY_CR(4, cr4 | CR4_PCIDE);
    expect("CR4.PCIDE, CR3.PCD set", GP, 0);
    WRITE_CR(3, cr3);
    TRY_CR(4, cr4 | CR4_PCIDE);
    expect("CR4.PCIDE", NONE, 0);
    TRY_CR(3, cr3 | 5);
    expect("CR3 with a PCID", NONE, 0);
    check_value("    reads it back", READ_CR(3), cr3 | 5);
    TRY_CR(0, READ_CR(0) & ~0x80000000ull);
    expect("#GP CR0.PG off, PCIDE on", GP, 0);
    TRY_CR(3, (cr3 | 5) | BAD);
    expect("CR3 bit 63, PCIDE on", NONE, 0);
    check_value("    is not stored", READ_CR(3), cr3 | 5);
    if (has(7, 1, 10)) {
        ATTEMPT("invpcid %0, %1", : : "m"(d), "r"(1ull));
        expect("#GP INVPCID, PCID's reserved bits", GP, 0);
        ATTEMPT("invpcid %0, %1", : : "m"(d), "r"(4ull));
        expect("#GP INVPCID type 4", GP, 0);
        d.pcid = 1;
        d.address = gap;
        ATTEMPT("invpcid %0, %1", : : "m"(d), "r"(0ull));
        expect("#GP INVPCID non-canonical", GP, 0);
        d.address = 0;
        for (uint64_t type = 0; type < 4; type++) {
            ATTEMPT("invpcid %0, %1", : : "m"(d), "r"(type));
            expect("INVPCID", NONE, 0);
        }
    }
    WRITE_CR(3, cr3);
    WRITE_CR(4, cr4);
    if (has(7, 1, 10)) {
        d.pcid = 0;
        ATTEMPT("invpcid %0, %1", : : "m"(d), "r"(0ull));
        expect("INVPCID of PCID 0 without PCIDE", NONE, 0);
        d.pcid = 1;
        ATTEMPT("invpcid %0, %1", : : "m"(d), "r"(0ull));
        expect("#GP INVPCID of PCID 1 without PCIDE", GP, 0);
    }
}

/* ---- MSRs ---- */

static void holds(const char *name, uint32_t msr, uint64_t v)
{
    uint64_t saved = rdmsr(msr);

    TRY_WRMSR(msr, v);
    expect(name, NONE, 0);
    check_value("    reads back", rdmsr(msr), v);
    wrmsr(msr, saved);
}

static void refuses(const char *name, uint32_t msr, uint64_t v)
{
    uint64_t saved = rdmsr(msr);

    TRY_WRMSR(msr, v);
    expect(name, GP, 0);
    check_value("    is as before", rdmsr(msr), saved);
}

static void is_absent(const char *name, uint32_t msr)
{
    TRY_RDMSR(msr);
    expect(name, GP, 0);
    TRY_WRMSR(msr, 0);
    expect(name, GP, 0);
}

static void msrs(void)
{
    static const struct {
        const char *name;
        uint32_t msr;
    } bases[] = { { "FS base", 0xc0000100 },        { "GS base", 0xc0000101 },
                  { "kernel GS base", 0xc0000102 }, { "LSTAR", 0xc0000082 },
                  { "CSTAR", 0xc0000083 },          { "SYSENTER_ESP", 0x175 },
                  { "SYSENTER_EIP", 0x176 } };
    uint64_t efer = rdmsr(0xc0000080);

    for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        put_text(bases[i].name);
        put_text(":\n");
        holds("  canonical", bases[i].msr, 0xffffff8012345678);
        refuses("  non-canonical", bases[i].msr, gap);
        refuses("  bit 63 alone", bases[i].msr, BAD);
    }
    if (gap == 1ull << 56)
        holds("LSTAR with 57 bits, CR4.LA57 off", 0xc0000082, 1ull << 47);
    holds("STAR", 0xc0000081, 0x0123456789abcdef);
    holds("FMASK", 0xc0000084, 0x47700);
    refuses("FMASK beyond 32 bits", 0xc0000084, 1ull << 32);
    holds("SYSENTER_CS", 0x174, 0x10);
    refuses("EFER bit 1", 0xc0000080, efer | 2);
    refuses("EFER bit 16", 0xc0000080, efer | 1 << 16);
    refuses("EFER.LME off, paging on", 0xc0000080, efer & ~0x100ull);
    TRY_WRMSR(0xc0000080, efer & ~0x400ull);
    expect("EFER.LMA is not to be written", NONE, 0);
    check_value("    and stays", rdmsr(0xc0000080), efer);
    holds("PAT", 0x277, 0x0007040600070406);
    refuses("PAT type 2", 0x277, 0x0207040600070406);
    refuses("PAT type 8", 0x277, 0x0807040600070406);
    holds("MTRR base", 0x200, 0x80000006);
    refuses("MTRR base type 2", 0x200, 2);
    refuses("MTRR base bit 51", 0x200, 1ull << 51);
    refuses("MTRR default bit 8", 0x2ff, 0x100);
    is_absent("MSR 12345678", 0x12345678);
    is_absent("MSR 0F00h", 0xf00);
    is_absent("MSR C0000200h", 0xc0000200);
    if (!has(7, 3, 26))
        is_absent("SPEC_CTRL", 0x48);
    TRY_WRMSR(0x49, 1);
    expect("PRED_CMD", has(7, 3, 26) ? NONE : GP, 0);
    TRY_WRMSR(0x10b, 1);
    expect("FLUSH_CMD", has(7, 3, 28) ? NONE : GP, 0);
    if (!has(7, 3, 29))
        is_absent("ARCH_CAPABILITIES", 0x10a);
    else
        refuses("ARCH_CAPABILITIES", 0x10a, 0);
    if (!has(1, 2, 15))
        is_absent("PERF_CAPABILITIES", 0x345);
    ATTEMPT("rdpmc", : : "c"(0) : "rax", "rdx");
    expect("#GP RDPMC, no counters", GP, 0);
}

static void machine_check(void)
{
    unsigned banks = rdmsr(0x179) & 0xff;

    for (unsigned i = 0; i < banks; i++) {
        uint32_t ctl = 0x400 + 4 * i;
        TRY_WRMSR(ctl, ~0ull);
        if (trap.vector != NONE)
            expect("MCi_CTL, all ones", NONE, 0);
        TRY_WRMSR(ctl + 1, 1);
        if (trap.vector != GP)
            expect("MCi_STATUS, not 0", GP, 0);
        TRY_WRMSR(ctl + 1, 0);
        if (trap.vector != NONE)
            expect("MCi_STATUS, 0", NONE, 0);
        wrmsr(ctl, 0);
    }
    verdict("machine-check banks there", banks > 0 && banks < 32);
    for (uint32_t msr = 0x400 + 4 * banks; msr < 0x480; msr++) {
        TRY_RDMSR(msr);
        if (trap.vector != GP)
            expect("MC bank beyond the count", GP, 0);
    }
    is_absent("MC bank beyond the count", 0x400 + 4 * banks);
}

static void xcr0(void)
{
    if (!has(1, 2, 26))
        return;
    ATTEMPT("xgetbv", : : "c"(0) : "rax", "rdx");
    expect("#UD XGETBV without OSXSAVE", UD, 0);
    WRITE_CR(4, READ_CR(4) | 1 << 18);
    verdict("CPUID.OSXSAVE follows CR4", has(1, 2, 27));
#define TRY_XSETBV(n, lo, hi) ATTEMPT("xsetbv", : : "c"(n), "a"(lo), "d"(hi) : "memory")
    TRY_XSETBV(0, 3, 0);
    expect("XCR0 = 3", NONE, 0);
    TRY_XSETBV(0, 2, 0);
    expect("#GP XCR0 without x87", GP, 0);
    TRY_XSETBV(0, 5, 0);
    expect("#GP XCR0 AVX without SSE", GP, 0);
    TRY_XSETBV(0, 3, 0x80000000);
    expect("#GP XCR0 bit 63", GP, 0);
    TRY_XSETBV(1, 3, 0);
    expect("#GP XCR1", GP, 0);
    ATTEMPT("xgetbv", : : "c"(5) : "rax", "rdx");
    expect("#GP XGETBV 5", GP, 0);
}

/* ---- Table registers ---- */

static void tables(void)
{
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) p = { 0xff, gap }, saved;

    __asm__ volatile("sgdt %0" : "=m"(saved));
    ATTEMPT("lgdt %0", : : "m"(p));
    expect("#GP LGDT non-canonical", GP, 0);
    ATTEMPT("lidt %0", : : "m"(p));
    expect("#GP LIDT non-canonical", GP, 0);
    __asm__ volatile("sgdt %0" : "=m"(p));
    verdict("    GDTR as before", p.base == saved.base && p.limit == saved.limit);
    gdt64[SPARE / 8] = 0x890000000067;
    gdt64[SPARE / 8 + 1] = gap >> 32;
    ATTEMPT("ltr %w0", : : "r"(SPARE));
    expect("#GP LTR non-canonical", GP, SPARE);
    gdt64[SPARE / 8] = 0x820000000067;
    ATTEMPT("lldt %w0", : : "r"(SPARE));
    expect("#GP LLDT non-canonical", GP, SPARE);
    gdt64[SPARE / 8 + 1] = 0;
    ATTEMPT("lldt %w0", : : "r"(SPARE));
    expect("LLDT", NONE, 0);
    ATTEMPT("ltr %w0", : : "r"(SPARE));
    expect("#GP LTR of an LDT", GP, SPARE);
    ATTEMPT("ltr %w0", : : "r"(TSS0));
    expect("#GP LTR of a busy TSS", GP, TSS0);
    ATTEMPT("ltr %w0", : : "r"(0));
    expect("#GP LTR null", GP, 0);
    ATTEMPT("lldt %w0", : : "r"(0));
    expect("LLDT null", NONE, 0);
    gdt64[SPARE / 8] = 0x090000000067;
    ATTEMPT("ltr %w0", : : "r"(SPARE));
    expect("#NP LTR", NP, SPARE);
    gdt64[SPARE / 8] = 0x020000000067;
    ATTEMPT("lldt %w0", : : "r"(SPARE));
    expect("#NP LLDT", NP, SPARE);
}

/* ---- Five levels: by way of protected mode without paging ---- */

static uint64_t pml5[512] __attribute__((aligned(4096)));

static void switch_levels(uint64_t cr3, uint64_t cr4)
{
    __asm__ volatile("pushq $0x18\n\tpushq $1f\n\tlretq\n\t.code32\n1:\tmovl %%cr0, %%eax\n\t"
                     "btrl $31, %%eax\n\tmovl %%eax, %%cr0\n\tmovl %1, %%cr4\n\tmovl %0, %%cr3\n\t"
                     "btsl $31, %%eax\n\tmovl %%eax, %%cr0\n\tljmp $8, $2f\n\t.code64\n2:"
                     :
                     : "S"((uint32_t)cr3), "D"((uint32_t)cr4)
                     : "rax", "memory", "cc");
}

static void five_levels(void)
{
    uint64_t cr3 = READ_CR(3), cr4 = READ_CR(4);
    struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) p = { 0xff, 1ull << 56 };

    if (!has(7, 2, 16))
        return;
    TRY_CR(4, cr4 | CR4_LA57);
    expect("#GP CR4.LA57 in 64-bit mode", GP, 0);
    pml5[0] = (cr3 & ~0xfffull) | P | W | U;
    pml5[1] = pml5[0];
    __asm__ volatile("" : : : "memory");
    switch_levels((uint64_t)pml5, cr4 | CR4_LA57);
    verdict("five levels", READ_CR(4) & CR4_LA57);
    ATTEMPT("movq (%1), %%rax\n\tcmpq %0, %%rax",
            :
            : "m"(pml5), "r"((1ull << 48) + (uint64_t)pml5)
            : "rax", "cc");
    expect("an address of 49 bits", NONE, 0);
    ATTEMPT("movq (%0), %%rax", : : "r"(1ull << 50) : "rax");
    expect_pf("#PF in the topmost table", 0, 1ull << 50);
    ATTEMPT("movq (%0), %%rax", : : "D"(1ull << 56) : "rax");
    expect("#GP bit 56 alone", GP, 0);
    holds("LSTAR with 57 bits", 0xc0000082, 0xff00000000000000);
    refuses("LSTAR bit 56 alone", 0xc0000082, 1ull << 56);
    holds("kernel GS base with 57 bits", 0xc0000102, 1ull << 47);
    ATTEMPT("lgdt %0", : : "m"(p));
    expect("#GP LGDT bit 56 alone", GP, 0);
    TRY_CR(4, cr4);
    expect("#GP CR4.LA57 off in 64-bit mode", GP, 0);
    switch_levels(cr3, cr4);
    verdict("four levels again", !(READ_CR(4) & CR4_LA57));
}

void guest_main(void)
{
    long_init();
    gap = 1ull << ((cpuid(0x80000008, 0).a >> 8 & 0xff) - 1);
    control_registers();
    pcid();
    msrs();
    machine_check();
    xcr0();
    tables();
    five_levels();
    finish();
}
