/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * features - the names of processor features, and the CPUID or MSR bit behind each.
 *
 * Bits are those of Intel SDM volume 2 (CPUID), volume 3 appendix A (VMX capability MSRs) and
 * volume 4 (IA32_ARCH_CAPABILITIES, IA32_CORE_CAPABILITIES, IA32_PERF_CAPABILITIES), AMD APM volume
 * 3 appendix E, and Linux's Documentation/virt/kvm/x86/cpuid.rst; names are those of QEMU's command
 * line.
 */
#ifndef TENON_CORE_CPU_FEATURES_H
#define TENON_CORE_CPU_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A word of features: one register of one CPUID leaf, or one MSR. */
enum cpu_word {
    CPU_1_EDX,
    CPU_1_ECX,
    CPU_6_EAX,
    CPU_7_EBX,
    CPU_7_ECX,
    CPU_7_EDX,
    CPU_7_1_EAX,
    CPU_D_1_EAX,
    CPU_12_EAX,
    CPU_12_EBX,
    CPU_12_1_EAX,
    CPU_14_ECX,
    CPU_KVM_EAX,
    CPU_KVM_EDX,
    CPU_80000001_EDX,
    CPU_80000001_ECX,
    CPU_80000007_EDX,
    CPU_80000008_EBX,
    CPU_8000000A_EDX,
    CPU_80000021_EAX,
    CPU_C0000001_EDX,
    CPU_CORE_CAP,
    CPU_ARCH_CAP,
    CPU_PERF_CAP,
    CPU_VMX_BASIC,
    CPU_VMX_MISC,
    CPU_VMX_PROC2,
    CPU_VMX_EPT_VPID,
    CPU_VMX_PIN,
    CPU_VMX_PROC,
    CPU_VMX_EXIT,
    CPU_VMX_ENTRY,
    CPU_VMX_FUNC,
    CPU_WORDS
};

enum cpu_reg { CPU_EAX, CPU_EBX, CPU_ECX, CPU_EDX, CPU_REGS };

struct cpu_word_place {
    uint32_t leaf, subleaf; /* of CPUID */
    enum cpu_reg reg;
    bool indexed;  /* the leaf has subleaves */
    uint32_t msr;  /* not 0: an MSR instead */
    uint8_t shift; /* of the word in the MSR: VMX controls are the "may be 1" half */
};
extern const struct cpu_word_place cpu_words[CPU_WORDS];

struct cpu_features {
    uint64_t word[CPU_WORDS];
};

struct cpu_feature {
    const char *name;
    uint8_t word, bit;
    bool alias; /* a second name */
};
extern const struct cpu_feature cpu_feature_table[]; /* sorted by name */
extern const size_t cpu_feature_count;

/* Finds a feature by any of its names; '_' stands for '-'.  NULL if there is none.  [any] */
const struct cpu_feature *cpu_feature_find(const char *name);

/* The first name of a bit; NULL if it has none.  [any] */
const char *cpu_feature_name(enum cpu_word word, unsigned bit);

/* "CPUID.07H:EBX.avx2 [bit 5]" or "MSR(10AH).rdctl-no [bit 0]"; freed by g_free().  [any] */
char *cpu_feature_describe(enum cpu_word word, unsigned bit);

/* One bit of a set.  [any] */
bool cpu_features_has(const struct cpu_features *set, const char *name);
void cpu_features_put(struct cpu_features *set, const struct cpu_feature *feature, bool on);

/*
 * Adds a model's features to a set: names between spaces, taken in order, "-name" takes one away.
 * Reports an unknown name under where and returns -EINVAL.  [any]
 */
int cpu_features_add(struct cpu_features *set, const char *names, const char *where);

#endif
