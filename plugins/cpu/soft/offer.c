/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * offer - the CPUID leaves a guest can be given: what is implemented, and what of that this host
 * can execute, for floating-point and vector instructions are its own.
 *
 * Intel SDM volume 2 (CPUID), volume 1 section 13.2 (XSAVE); AMD APM volume 3, appendix E.
 */
#include <cpuid.h>
#include <stdlib.h>
#include <string.h>

#include "soft.h"
#include "vec.h"

#define BIT(n) (1u << (n))

/* ---- What there is ---- */

enum { EAX, EBX, ECX, EDX };

struct word {
    uint32_t leaf, subleaf;
    uint8_t reg;
    uint32_t done; /* implemented */
    uint32_t host; /* of it: executed by the host's own unit */
    uint32_t ymm;  /* so, too, but needs YMM registers enabled by the host's system */
    uint32_t zmm;  /* the same of AVX-512, which comes as all of what its kernels are made of */
};

// clang-format off
static const struct word words[] = {
    { 1, 0, EDX, .done =
        BIT(0)  /* fpu */  | BIT(1)  /* vme */  | BIT(2)  /* de */   | BIT(3)  /* pse */ |
        BIT(4)  /* tsc */  | BIT(5)  /* msr */  | BIT(6)  /* pae */  | BIT(7)  /* mce */ |
        BIT(8)  /* cx8 */  | BIT(9)  /* apic */ | BIT(11) /* sep */  | BIT(12) /* mtrr */ |
        BIT(13) /* pge */  | BIT(14) /* mca */  | BIT(15) /* cmov */ | BIT(16) /* pat */ |
        BIT(17) /* pse36 */| BIT(19) /* clflush */ | BIT(23) /* mmx */ | BIT(24) /* fxsr */ |
        BIT(25) /* sse */  | BIT(26) /* sse2 */ | BIT(27) /* ss */ },
    { 1, 0, ECX, .done =
        BIT(0)  /* sse3 */ | BIT(1)  /* pclmulqdq */ | BIT(3) /* monitor */ | BIT(9) /* ssse3 */ |
        BIT(12) /* fma */  | BIT(13) /* cx16 */ | BIT(17) /* pcid */ | BIT(19) /* sse4.1 */ |
        BIT(20) /* sse4.2 */ | BIT(21) /* x2apic */ | BIT(22) /* movbe */ | BIT(23) /* popcnt */ |
        BIT(24) /* tsc-deadline */ | BIT(25) /* aes */ | BIT(26) /* xsave */ | BIT(28) /* avx */ |
        BIT(29) /* f16c */ | BIT(30) /* rdrand */,
        .host = BIT(0) | BIT(1) | BIT(9) | BIT(19) | BIT(20) | BIT(25),
        .ymm = BIT(12) | BIT(28) | BIT(29) },
    { 6, 0, EAX, .done = BIT(2) /* arat */ },
    { 7, 0, EBX, .done =
        BIT(0)  /* fsgsbase */ | BIT(1) /* tsc_adjust */ | BIT(3) /* bmi1 */ | BIT(5) /* avx2 */ |
        BIT(7)  /* smep */ | BIT(8)  /* bmi2 */ | BIT(9)  /* erms */ | BIT(10) /* invpcid */ |
        BIT(16) /* avx512f */ | BIT(17) /* avx512dq */ | BIT(18) /* rdseed */ | BIT(19) /* adx */ |
        BIT(20) /* smap */ | BIT(21) /* avx512ifma */ | BIT(23) /* clflushopt */ |
        BIT(28) /* avx512cd */ | BIT(29) /* sha */ | BIT(30) /* avx512bw */ | BIT(31) /* avx512vl */,
        .host = BIT(29), .ymm = BIT(5), .zmm = BIT(16) | BIT(17) | BIT(21) | BIT(28) | BIT(30) | BIT(31) },
    { 7, 0, ECX, .done =
        BIT(1)  /* avx512vbmi */ | BIT(2) /* umip */ | BIT(3) /* pku */ | BIT(6) /* avx512vbmi2 */ |
        BIT(8)  /* gfni */ | BIT(9) /* vaes */ | BIT(10) /* vpclmulqdq */ | BIT(11) /* avx512vnni */ |
        BIT(12) /* avx512bitalg */ | BIT(14) /* avx512-vpopcntdq */ | BIT(16) /* la57 */ |
        BIT(22) /* rdpid */,
        .host = BIT(8), .ymm = BIT(9) | BIT(10), .zmm = BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14) },
    { 7, 0, EDX, .done = BIT(23) /* avx512-fp16 */ | BIT(29) /* arch-capabilities */,
        .zmm = BIT(23) },
    { 7, 1, EAX, .done = BIT(4) /* avx-vnni */ | BIT(5) /* avx512-bf16 */,
        .ymm = BIT(4), .zmm = BIT(5) },
    { 0xd, 1, EAX, .done =
        BIT(0) /* xsaveopt */ | BIT(1) /* xsavec */ | BIT(2) /* xgetbv1 */ | BIT(3) /* xsaves */ },
    { 0x80000001, 0, EDX, .done =
        BIT(11) /* syscall */ | BIT(20) /* nx */ | BIT(26) /* pdpe1gb */ | BIT(27) /* rdtscp */ |
        BIT(29) /* lm */ },
    { 0x80000001, 0, ECX, .done =
        BIT(0) /* lahf-lm */ | BIT(2) /* svm */ | BIT(5) /* abm */ | BIT(8) /* 3dnowprefetch */ },
    { 0x8000000a, 0, EDX, .done =
        BIT(0) /* npt */ | BIT(2) /* svm-lock */ | BIT(3) /* nrip-save */ | BIT(5) /* vmcb-clean */ |
        BIT(6) /* flushbyasid */ | BIT(7) /* decodeassists */ | BIT(10) /* pause-filter */ |
        BIT(12) /* pfthreshold */ },
    { 0x80000007, 0, EDX, .done = BIT(8) /* invtsc */ },
    { 0x80000008, 0, EBX, .done = BIT(2) /* xsaveerptr */ },
    { 0x80000021, 0, EAX, .done =
        BIT(2) /* lfence-always-serializing */ | BIT(6) /* null-sel-clr-base */ | BIT(8) /* auto-ibrs */ },
};

/* The leaves, but for those words. */
static const struct tenon_cpuid leaves[] = {
    { .leaf = 0, .eax = 0xd, .ebx = 0x68747541, .ecx = 0x444d4163, .edx = 0x69746e65 }, /* AuthenticAMD: it has SVM */
    { .leaf = 1, .eax = 0x60fb1 },              /* family 15, model 107, stepping 1: what -cpu max is there under TCG */
    { .leaf = 5, .ecx = 3 },                    /* MWAIT: listed, and may be ended by masked interrupts */
    { .leaf = 6 },
    { .leaf = 7, .indexed = 1, .eax = 1 },
    { .leaf = 7, .subleaf = 1, .indexed = 1 },
    { .leaf = 0xd, .indexed = 1 },
    { .leaf = 0xd, .subleaf = 1, .indexed = 1 },
    { .leaf = 0xd, .subleaf = 2, .indexed = 1, .eax = 256, .ebx = 576 },    /* YMM */
    { .leaf = 0xd, .subleaf = 5, .indexed = 1, .eax = 64, .ebx = 1088 },    /* opmask registers */
    { .leaf = 0xd, .subleaf = 6, .indexed = 1, .eax = 512, .ebx = 1152 },   /* ZMM0 to ZMM15, upper halves */
    { .leaf = 0xd, .subleaf = 7, .indexed = 1, .eax = 1024, .ebx = 1664 },  /* ZMM16 to ZMM31 */
    { .leaf = 0xd, .subleaf = 9, .indexed = 1, .eax = 8, .ebx = 2688 },     /* PKRU */
    { .leaf = 0x80000000, .eax = 0x80000021 },
    { .leaf = 0x80000001 },
    { .leaf = 0x80000002 }, { .leaf = 0x80000003 }, { .leaf = 0x80000004 },
    { .leaf = 0x80000007 },
    { .leaf = 0x80000008, .eax = 0x3930 },      /* 48 bits physical, 57 linear */
    { .leaf = 0x8000000a, .eax = 1, .ebx = 16 },
    { .leaf = 0x80000021 },
};
// clang-format on

enum { N_LEAVES = sizeof(leaves) / sizeof(leaves[0]) };

/* ---- What the host has ---- */

/* Of what it has to execute, that which it does. */
static uint32_t host_word(const struct word *w)
{
    uint32_t r[4] = { 0 }, usable = w->host;

    if (w->ymm && vec_host_saves(XCR0_AVX))
        usable |= w->ymm;
    if (w->zmm && vec_host_has_avx512())
        usable |= w->zmm;
    if (usable)
        __get_cpuid_count(w->leaf, w->subleaf, &r[EAX], &r[EBX], &r[ECX], &r[EDX]);
    return r[w->reg] & usable;
}

/* ---- The list ---- */

static struct tenon_cpuid *find(struct tenon_cpuid *list, uint32_t leaf, uint32_t subleaf)
{
    for (unsigned i = 0; i < N_LEAVES; i++)
        if (list[i].leaf == leaf && list[i].subleaf == subleaf)
            return &list[i];
    return NULL;
}

static void fill_features(struct tenon_cpuid *list)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        const struct word *w = &words[i];
        struct tenon_cpuid *e = find(list, w->leaf, w->subleaf);

        (&e->eax)[w->reg] |= (w->done & ~(w->host | w->ymm | w->zmm)) | host_word(w);
    }
}

/* The components of XSAVE: x87, SSE, PKRU; YMM if there is AVX, and AVX-512's. */
static void fill_xsave(struct tenon_cpuid *list)
{
    const uint32_t legacy = 512 + 64;
    struct tenon_cpuid *e = find(list, 0xd, 0), *pkru = find(list, 0xd, 9);
    uint32_t compacted = legacy;

    e->eax = 3 | BIT(9) | (find(list, 1, 0)->ecx & BIT(28) ? XCR0_AVX : 0) |
             (find(list, 7, 0)->ebx & BIT(16) ? XCR0_AVX512 : 0);
    e->ebx = legacy;
    e->ecx = pkru->ebx + pkru->eax;
    for (unsigned i = 2; i <= 9; i++) {
        struct tenon_cpuid *c = find(list, 0xd, i);

        if (!c)
            continue;
        if (e->eax >> i & 1)
            compacted += c->eax;
        else
            c->eax = c->ebx = 0;
    }
    find(list, 0xd, 1)->ebx = compacted;
}

static void fill_brand(struct tenon_cpuid *list)
{
    static const char brand[48] = "Tenon software processor";

    for (unsigned i = 0; i < 3; i++)
        memcpy(&find(list, 0x80000002 + i, 0)->eax, brand + 16 * i, 16);
}

struct tenon_cpuid *offer_cpuid(uint32_t *n)
{
    struct tenon_cpuid *list = malloc(sizeof(leaves));

    if (!list)
        return NULL;
    memcpy(list, leaves, sizeof(leaves));
    fill_features(list);
    fill_xsave(list);
    fill_brand(list);
    *n = N_LEAVES;
    return list;
}
