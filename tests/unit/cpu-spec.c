/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-spec - what -cpu takes, and what it says to what it does not. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "cpu-said.h"
#include "cpu/spec.h"

static void takes(struct cpu_spec *spec, const char *arg, const char *warning)
{
    GString *said = said_begin();

    g_assert_cmpint(cpu_spec_parse(spec, arg, "-cpu"), ==, 0);
    said_end(said, warning);
}

static void refuses(const char *arg, const char *want)
{
    struct cpu_spec spec;
    GString *said = said_begin();

    g_assert_cmpint(cpu_spec_parse(&spec, arg, "-cpu"), ==, -EINVAL);
    said_end(said, want);
    cpu_spec_finish(&spec);
}

static void test_features(void)
{
    struct cpu_spec spec;

    takes(&spec, "Haswell-v2,+avx,-sse4_1,lahf_lm,aes=on,rtm=off,+kvm_pv_unhalt,hle,-hle", "");
    g_assert_cmpstr(spec.model, ==, "Haswell-v2");
    g_assert_true(cpu_features_has(&spec.on, "avx"));
    g_assert_true(cpu_features_has(&spec.off, "sse4.1"));
    g_assert_true(cpu_features_has(&spec.on, "lahf-lm"));
    g_assert_true(cpu_features_has(&spec.on, "aes"));
    g_assert_true(cpu_features_has(&spec.off, "rtm"));
    g_assert_true(cpu_features_has(&spec.on, "kvm-pv-unhalt"));
    g_assert_true(cpu_features_has(&spec.off, "hle"));
    g_assert_false(cpu_features_has(&spec.on, "hle"));
    cpu_spec_finish(&spec);
}

static void test_props(void)
{
    struct cpu_spec spec;

    takes(&spec, "max", "");
    g_assert_false(spec.given[CPU_PROP_PMU]);
    g_assert_true(spec.number[CPU_PROP_CHECK]);
    g_assert_true(spec.number[CPU_PROP_L3_CACHE]);
    g_assert_null(spec.text[CPU_PROP_VENDOR]);
    cpu_spec_finish(&spec);

    takes(&spec,
          "qemu64,vendor=GenuineIntel,model-id=My CPU = fast,family=0x6,model=60,level=0xd,"
          "phys-bits=46,host_phys_bits_limit=0,pmu,enforce=on,check=no,l3-cache=off,"
          "tsc-frequency=2500000000,migratable=no,x-migrate-smi-count=on,lmce=off",
          "");
    g_assert_cmpstr(spec.text[CPU_PROP_VENDOR], ==, "GenuineIntel");
    g_assert_cmpstr(spec.text[CPU_PROP_MODEL_ID], ==, "My CPU = fast");
    g_assert_cmpuint(spec.number[CPU_PROP_FAMILY], ==, 6);
    g_assert_cmpuint(spec.number[CPU_PROP_MODEL], ==, 60);
    g_assert_cmpuint(spec.number[CPU_PROP_LEVEL], ==, 13);
    g_assert_cmpuint(spec.number[CPU_PROP_PHYS_BITS], ==, 46);
    g_assert_true(spec.given[CPU_PROP_PMU] && spec.number[CPU_PROP_PMU]);
    g_assert_true(spec.number[CPU_PROP_ENFORCE]);
    g_assert_false(spec.number[CPU_PROP_CHECK]);
    g_assert_false(spec.number[CPU_PROP_L3_CACHE]);
    g_assert_false(spec.number[CPU_PROP_MIGRATABLE]);
    g_assert_cmpuint(spec.number[CPU_PROP_TSC_FREQUENCY], ==, 2500000000u);
    cpu_spec_finish(&spec);

    takes(&spec, "host,tsc-freq=2G,+pmu,-kvm", "");
    g_assert_cmpuint(spec.number[CPU_PROP_TSC_FREQUENCY], ==, 2000000000u);
    g_assert_true(spec.number[CPU_PROP_PMU]);
    g_assert_false(spec.number[CPU_PROP_KVM]);
    cpu_spec_finish(&spec);
}

static void test_hyperv(void)
{
    struct cpu_spec spec;

    takes(&spec, "host,migratable=on,hv-time=on,hv_relaxed,hv-vapic=off,hv-spinlocks=0x1fff",
          "tenon: warning: -cpu: hv-time: not in this build yet; the guest runs without it\n"
          "tenon: warning: -cpu: hv-relaxed: not in this build yet; the guest runs without it\n"
          "tenon: warning: -cpu: hv-spinlocks: not in this build yet; the guest runs without it\n");
    cpu_spec_finish(&spec);
}

static void test_refuse(void)
{
    refuses("", "tenon: -cpu: a model is wanted first; '-cpu help' lists them\n");
    refuses(",+avx", "tenon: -cpu: a model is wanted first; '-cpu help' lists them\n");
    refuses("max,+avx512ff",
            "tenon: -cpu: there is no feature or property 'avx512ff'; did you mean 'avx512f'?\n");
    refuses("max,famly=6",
            "tenon: -cpu: there is no feature or property 'famly'; did you mean 'family'?\n");
    refuses(
        "max,somethingelse",
        "tenon: -cpu: there is no feature or property 'somethingelse'; '-cpu help' lists them\n");
    refuses("max,", "tenon: -cpu: there is no feature or property ''; '-cpu help' lists them\n");
    refuses("max,avx=maybe", "tenon: -cpu: avx=maybe: on or off is wanted\n");
    refuses("max,enforce=2", "tenon: -cpu: enforce=2: on or off is wanted\n");
    refuses("max,stepping=16", "tenon: -cpu: stepping=16: a number from 0 to 15 is wanted\n");
    refuses("max,phys-bits=31", "tenon: -cpu: phys-bits=31: a number from 32 to 52 is wanted\n");
    refuses("max,model=-1", "tenon: -cpu: model=-1: a number from 0 to 255 is wanted\n");
    refuses("max,model=0x", "tenon: -cpu: model=0x: a number from 0 to 255 is wanted\n");
    refuses(
        "max,tsc-freq=99999999999G",
        "tenon: -cpu: tsc-freq=99999999999G: a number from 0 to 9223372036854775807 is wanted\n");
    refuses("max,vendor=Intel", "tenon: -cpu: vendor=Intel: it has to be 12 characters long\n");
    refuses("max,model-id=1234567890123456789012345678901234567890123456789",
            "tenon: -cpu: model-id=1234567890123456789012345678901234567890123456789: "
            "at most 48 characters fit\n");
    refuses("max,lmce=on", "tenon: -cpu: lmce: not in this build yet\n");
    refuses("max,avx=,+nosuch,stepping=99",
            "tenon: -cpu: avx=: on or off is wanted\n"
            "tenon: -cpu: there is no feature or property 'nosuch'; '-cpu help' lists them\n"
            "tenon: -cpu: stepping=99: a number from 0 to 15 is wanted\n");
}

static void test_help(void)
{
    static const struct cpu_card cards[] = {
        { "qemu64-v1 qemu64", "QEMU Virtual CPU version 2.5+" },
        { "Haswell-v1 Haswell", "Intel Core Processor (Haswell)" },
        { "base", "no features" },
    };
    char *text;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    char **lines;

    cpu_help(to, cards, G_N_ELEMENTS(cards));
    fclose(to);
    g_assert_true(g_str_has_prefix(
        text, "Available CPUs:\n"
              "x86 Haswell               (alias of Haswell-v1)\n"
              "x86 Haswell-v1            Intel Core Processor (Haswell)\n"
              "x86 base                  no features\n"
              "x86 qemu64                (alias of qemu64-v1)\n"
              "x86 qemu64-v1             QEMU Virtual CPU version 2.5+\n"
              "x86 host                  processor with all supported host features\n"
              "x86 max                   Enables all features supported by the accelerator in the "
              "current host\n"
              "\nRecognized CPUID flags:\n  3dnow 3dnowext 3dnowprefetch abm "));
    g_assert_nonnull(strstr(text, " xtpr\n"));
    g_assert_null(strstr(text, " lzcnt")); /* an alias */
    lines = g_strsplit(strstr(text, "Recognized"), "\n", -1);
    for (unsigned i = 1; lines[i] && *lines[i]; i++) {
        g_assert_true(g_str_has_prefix(lines[i], "  "));
        g_assert_cmpuint(strlen(lines[i]), <=, 75);
    }
    g_strfreev(lines);
    free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/spec/features go on and off, the last word counts", test_features);
    g_test_add_func("/cpu/spec/properties have types", test_props);
    g_test_add_func("/cpu/spec/Hyper-V is warned of", test_hyperv);
    g_test_add_func("/cpu/spec/what is wrong is said, all of it", test_refuse);
    g_test_add_func("/cpu/spec/help lists models and features", test_help);
    return g_test_run();
}
