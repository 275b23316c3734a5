/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-features - the names of processor features, against the manuals. */

#include <errno.h>
#include <string.h>

#include <glib.h>

#include "cpu-said.h"
#include "cpu/features.h"

static void test_table(void)
{
    for (size_t i = 0; i < cpu_feature_count; i++) {
        const struct cpu_feature *f = &cpu_feature_table[i];
        const char *first = cpu_feature_name(f->word, f->bit);

        g_assert_true(cpu_feature_find(f->name) == f);
        g_assert_nonnull(first);
        g_assert_cmpint(!strcmp(first, f->name), ==, !f->alias);
        g_assert_cmpuint(f->bit, <, cpu_words[f->word].msr ? 64 : 32);
    }
}

/* Intel SDM volume 2, CPUID, and volume 4; AMD APM volume 3, appendix E. */
static void test_places(void)
{
    static const struct {
        const char *name;
        uint32_t leaf, subleaf;
        enum cpu_reg reg;
        unsigned bit;
    } facts[] = {
        { "fpu", 1, 0, CPU_EDX, 0 },
        { "pni", 1, 0, CPU_ECX, 0 },
        { "sse2", 1, 0, CPU_EDX, 26 },
        { "x2apic", 1, 0, CPU_ECX, 21 },
        { "hypervisor", 1, 0, CPU_ECX, 31 },
        { "arat", 6, 0, CPU_EAX, 2 },
        { "avx2", 7, 0, CPU_EBX, 5 },
        { "la57", 7, 0, CPU_ECX, 16 },
        { "spec-ctrl", 7, 0, CPU_EDX, 26 },
        { "avx512-bf16", 7, 1, CPU_EAX, 5 },
        { "xsaves", 0xd, 1, CPU_EAX, 3 },
        { "sgx2", 0x12, 0, CPU_EAX, 1 },
        { "sgx-debug", 0x12, 1, CPU_EAX, 1 },
        { "kvmclock", 0x40000001, 0, CPU_EAX, 3 },
        { "kvm-hint-dedicated", 0x40000001, 0, CPU_EDX, 0 },
        { "nx", 0x80000001, 0, CPU_EDX, 20 },
        { "topoext", 0x80000001, 0, CPU_ECX, 22 },
        { "invtsc", 0x80000007, 0, CPU_EDX, 8 },
        { "ibpb", 0x80000008, 0, CPU_EBX, 12 },
        { "npt", 0x8000000a, 0, CPU_EDX, 0 },
        { "auto-ibrs", 0x80000021, 0, CPU_EAX, 8 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        const struct cpu_feature *f = cpu_feature_find(facts[i].name);

        g_assert_nonnull(f);
        g_assert_cmphex(cpu_words[f->word].leaf, ==, facts[i].leaf);
        g_assert_cmpuint(cpu_words[f->word].subleaf, ==, facts[i].subleaf);
        g_assert_cmpuint(cpu_words[f->word].reg, ==, facts[i].reg);
        g_assert_cmpuint(f->bit, ==, facts[i].bit);
    }
    g_assert_cmphex(cpu_words[cpu_feature_find("taa-no")->word].msr, ==, 0x10a);
    g_assert_cmphex(cpu_words[cpu_feature_find("vmx-ept")->word].msr, ==, 0x48b);
}

static void test_spellings(void)
{
    static const char *const same[][2] = {
        { "lahf_lm", "lahf-lm" },
        { "sse4_1", "sse4.1" },
        { "sse4-2", "sse4.2" },
        { "sse3", "pni" },
        { "i64", "lm" },
        { "lzcnt", "abm" },
        { "ffxsr", "fxsr-opt" },
        { "xd", "nx" },
        { "kvm_pv_unhalt", "kvm-pv-unhalt" },
        { "ds_cpl", "ds-cpl" },
        { "nodeid_msr", "nodeid-msr" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        const struct cpu_feature *a = cpu_feature_find(same[i][0]);

        g_assert_nonnull(a);
        g_assert_cmpstr(cpu_feature_name(a->word, a->bit), ==, same[i][1]);
    }
    g_assert_null(cpu_feature_find("avx3"));
    g_assert_null(cpu_feature_find(""));
}

static void test_describe(void)
{
    g_autofree char *avx2 = cpu_feature_describe(CPU_7_EBX, 5);
    g_autofree char *svm = cpu_feature_describe(CPU_80000001_ECX, 2);
    g_autofree char *rdctl = cpu_feature_describe(CPU_ARCH_CAP, 0);
    g_autofree char *nameless = cpu_feature_describe(CPU_1_EDX, 10);

    g_assert_cmpstr(avx2, ==, "CPUID.07H:EBX.avx2 [bit 5]");
    g_assert_cmpstr(svm, ==, "CPUID.80000001H:ECX.svm [bit 2]");
    g_assert_cmpstr(rdctl, ==, "MSR(10AH).rdctl-no [bit 0]");
    g_assert_cmpstr(nameless, ==, "CPUID.01H:EDX [bit 10]");
}

static void test_add(void)
{
    struct cpu_features set = { { 0 } };
    GString *said = said_begin();

    g_assert_cmpint(cpu_features_add(&set, "hle  rtm avx2 -hle", "x"), ==, 0);
    g_assert_cmphex(set.word[CPU_7_EBX], ==, 1 << 5 | 1 << 11);
    g_assert_cmpint(cpu_features_add(&set, "", "x"), ==, 0);
    g_assert_cmpint(cpu_features_add(&set, "rtmm", "mine"), ==, -EINVAL);
    said_end(said, "tenon: mine: unknown processor feature 'rtmm'\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/features/every name finds its row", test_table);
    g_test_add_func("/cpu/features/bits are the manuals'", test_places);
    g_test_add_func("/cpu/features/other spellings", test_spellings);
    g_test_add_func("/cpu/features/how a message names them", test_describe);
    g_test_add_func("/cpu/features/lists build upon one another", test_add);
    return g_test_run();
}
