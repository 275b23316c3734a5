/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* features - the names of processor features, and the CPUID or MSR bit behind each. */

#include "cpu/features.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "report.h"

// clang-format off
const struct cpu_word_place cpu_words[CPU_WORDS] = {
    [CPU_1_EDX]        = { .leaf = 1, .reg = CPU_EDX },
    [CPU_1_ECX]        = { .leaf = 1, .reg = CPU_ECX },
    [CPU_6_EAX]        = { .leaf = 6, .reg = CPU_EAX },
    [CPU_7_EBX]        = { .leaf = 7, .reg = CPU_EBX, .indexed = true },
    [CPU_7_ECX]        = { .leaf = 7, .reg = CPU_ECX, .indexed = true },
    [CPU_7_EDX]        = { .leaf = 7, .reg = CPU_EDX, .indexed = true },
    [CPU_7_1_EAX]      = { .leaf = 7, .reg = CPU_EAX, .indexed = true, .subleaf = 1 },
    [CPU_D_1_EAX]      = { .leaf = 0xd, .reg = CPU_EAX, .indexed = true, .subleaf = 1 },
    [CPU_12_EAX]       = { .leaf = 0x12, .reg = CPU_EAX, .indexed = true },
    [CPU_12_EBX]       = { .leaf = 0x12, .reg = CPU_EBX, .indexed = true },
    [CPU_12_1_EAX]     = { .leaf = 0x12, .reg = CPU_EAX, .indexed = true, .subleaf = 1 },
    [CPU_14_ECX]       = { .leaf = 0x14, .reg = CPU_ECX, .indexed = true },
    [CPU_KVM_EAX]      = { .leaf = 0x40000001, .reg = CPU_EAX },
    [CPU_KVM_EDX]      = { .leaf = 0x40000001, .reg = CPU_EDX },
    [CPU_80000001_EDX] = { .leaf = 0x80000001, .reg = CPU_EDX },
    [CPU_80000001_ECX] = { .leaf = 0x80000001, .reg = CPU_ECX },
    [CPU_80000007_EDX] = { .leaf = 0x80000007, .reg = CPU_EDX },
    [CPU_80000008_EBX] = { .leaf = 0x80000008, .reg = CPU_EBX },
    [CPU_8000000A_EDX] = { .leaf = 0x8000000a, .reg = CPU_EDX },
    [CPU_80000021_EAX] = { .leaf = 0x80000021, .reg = CPU_EAX },
    [CPU_C0000001_EDX] = { .leaf = 0xc0000001, .reg = CPU_EDX },
    [CPU_CORE_CAP]     = { .msr = 0xcf },
    [CPU_ARCH_CAP]     = { .msr = 0x10a },
    [CPU_PERF_CAP]     = { .msr = 0x345 },
    [CPU_VMX_BASIC]    = { .msr = 0x480 },
    [CPU_VMX_MISC]     = { .msr = 0x485 },
    [CPU_VMX_PROC2]    = { .msr = 0x48b, .shift = 32 },
    [CPU_VMX_EPT_VPID] = { .msr = 0x48c },
    [CPU_VMX_PIN]      = { .msr = 0x48d, .shift = 32 },
    [CPU_VMX_PROC]     = { .msr = 0x48e, .shift = 32 },
    [CPU_VMX_EXIT]     = { .msr = 0x48f, .shift = 32 },
    [CPU_VMX_ENTRY]    = { .msr = 0x490, .shift = 32 },
    [CPU_VMX_FUNC]     = { .msr = 0x491 },
};

#define NAME(name_, word_, bit_)  { .name = name_, .word = CPU_##word_, .bit = bit_ }
#define ALIAS(name_, word_, bit_) { .name = name_, .word = CPU_##word_, .bit = bit_, .alias = true }

const struct cpu_feature cpu_feature_table[] = {
    NAME("3dnow", 80000001_EDX, 31),
    NAME("3dnowext", 80000001_EDX, 30),
    NAME("3dnowprefetch", 80000001_ECX, 8),
    NAME("abm", 80000001_ECX, 5),
    NAME("ace2", C0000001_EDX, 8),
    NAME("ace2-en", C0000001_EDX, 9),
    NAME("acpi", 1_EDX, 22),
    NAME("adx", 7_EBX, 19),
    NAME("aes", 1_ECX, 25),
    NAME("amd-no-ssb", 80000008_EBX, 26),
    NAME("amd-psfd", 80000008_EBX, 28),
    NAME("amd-ssbd", 80000008_EBX, 24),
    NAME("amd-stibp", 80000008_EBX, 15),
    NAME("amx-bf16", 7_EDX, 22),
    NAME("amx-int8", 7_EDX, 25),
    NAME("amx-tile", 7_EDX, 24),
    NAME("apic", 1_EDX, 9),
    NAME("arat", 6_EAX, 2),
    NAME("arch-capabilities", 7_EDX, 29),
    NAME("arch-lbr", 7_EDX, 19),
    NAME("auto-ibrs", 80000021_EAX, 8),
    NAME("avic", 8000000A_EDX, 13),
    NAME("avx", 1_ECX, 28),
    NAME("avx-vnni", 7_1_EAX, 4),
    NAME("avx2", 7_EBX, 5),
    NAME("avx512-4fmaps", 7_EDX, 3),
    NAME("avx512-4vnniw", 7_EDX, 2),
    NAME("avx512-bf16", 7_1_EAX, 5),
    NAME("avx512-fp16", 7_EDX, 23),
    NAME("avx512-vp2intersect", 7_EDX, 8),
    NAME("avx512-vpopcntdq", 7_ECX, 14),
    NAME("avx512bitalg", 7_ECX, 12),
    NAME("avx512bw", 7_EBX, 30),
    NAME("avx512cd", 7_EBX, 28),
    NAME("avx512dq", 7_EBX, 17),
    NAME("avx512er", 7_EBX, 27),
    NAME("avx512f", 7_EBX, 16),
    NAME("avx512ifma", 7_EBX, 21),
    NAME("avx512pf", 7_EBX, 26),
    NAME("avx512vbmi", 7_ECX, 1),
    NAME("avx512vbmi2", 7_ECX, 6),
    NAME("avx512vl", 7_EBX, 31),
    NAME("avx512vnni", 7_ECX, 11),
    NAME("bmi1", 7_EBX, 3),
    NAME("bmi2", 7_EBX, 8),
    NAME("bus-lock-detect", 7_ECX, 24),
    NAME("cid", 1_ECX, 10),
    NAME("cldemote", 7_ECX, 25),
    NAME("clflush", 1_EDX, 19),
    NAME("clflushopt", 7_EBX, 23),
    NAME("clwb", 7_EBX, 24),
    NAME("clzero", 80000008_EBX, 0),
    NAME("cmov", 1_EDX, 15),
    NAME("cmp-legacy", 80000001_ECX, 1),
    NAME("core-capability", 7_EDX, 30),
    NAME("cr8legacy", 80000001_ECX, 4),
    NAME("cx16", 1_ECX, 13),
    NAME("cx8", 1_EDX, 8),
    NAME("dca", 1_ECX, 18),
    NAME("de", 1_EDX, 2),
    NAME("decodeassists", 8000000A_EDX, 7),
    NAME("ds", 1_EDX, 21),
    NAME("ds-cpl", 1_ECX, 4),
    NAME("dtes64", 1_ECX, 2),
    NAME("erms", 7_EBX, 9),
    NAME("est", 1_ECX, 7),
    NAME("extapic", 80000001_ECX, 3),
    NAME("f16c", 1_ECX, 29),
    NAME("fb-clear", ARCH_CAP, 17),
    NAME("fbsdp-no", ARCH_CAP, 14),
    ALIAS("ffxsr", 80000001_EDX, 25),
    NAME("flush-l1d", 7_EDX, 28),
    NAME("flushbyasid", 8000000A_EDX, 6),
    NAME("fma", 1_ECX, 12),
    NAME("fma4", 80000001_ECX, 16),
    NAME("fpu", 1_EDX, 0),
    NAME("fsgsbase", 7_EBX, 0),
    NAME("fsrc", 7_1_EAX, 12),
    NAME("fsrm", 7_EDX, 4),
    NAME("fsrs", 7_1_EAX, 11),
    NAME("full-width-write", PERF_CAP, 13),
    NAME("fxsr", 1_EDX, 24),
    NAME("fxsr-opt", 80000001_EDX, 25),
    NAME("fzrm", 7_1_EAX, 10),
    NAME("gfni", 7_ECX, 8),
    NAME("hle", 7_EBX, 4),
    NAME("ht", 1_EDX, 28),
    NAME("hypervisor", 1_ECX, 31),
    ALIAS("i64", 80000001_EDX, 29),
    NAME("ia64", 1_EDX, 30),
    NAME("ibpb", 80000008_EBX, 12),
    NAME("ibrs", 80000008_EBX, 14),
    NAME("ibrs-all", ARCH_CAP, 1),
    NAME("ibs", 80000001_ECX, 10),
    NAME("intel-pt", 7_EBX, 25),
    NAME("intel-pt-lip", 14_ECX, 31),
    NAME("invpcid", 7_EBX, 10),
    NAME("invtsc", 80000007_EDX, 8),
    NAME("kvm-asyncpf", KVM_EAX, 4),
    NAME("kvm-asyncpf-int", KVM_EAX, 14),
    NAME("kvm-hint-dedicated", KVM_EDX, 0),
    NAME("kvm-mmu", KVM_EAX, 2),
    NAME("kvm-msi-ext-dest-id", KVM_EAX, 15),
    NAME("kvm-nopiodelay", KVM_EAX, 1),
    NAME("kvm-poll-control", KVM_EAX, 12),
    NAME("kvm-pv-eoi", KVM_EAX, 6),
    NAME("kvm-pv-ipi", KVM_EAX, 11),
    NAME("kvm-pv-sched-yield", KVM_EAX, 13),
    NAME("kvm-pv-tlb-flush", KVM_EAX, 9),
    NAME("kvm-pv-unhalt", KVM_EAX, 7),
    NAME("kvm-steal-time", KVM_EAX, 5),
    NAME("kvmclock", KVM_EAX, 3),
    NAME("kvmclock-stable-bit", KVM_EAX, 24),
    NAME("la57", 7_ECX, 16),
    NAME("lahf-lm", 80000001_ECX, 0),
    NAME("lbrv", 8000000A_EDX, 1),
    NAME("lfence-always-serializing", 80000021_EAX, 2),
    NAME("lm", 80000001_EDX, 29),
    NAME("lwp", 80000001_ECX, 15),
    ALIAS("lzcnt", 80000001_ECX, 5),
    NAME("mca", 1_EDX, 14),
    NAME("mce", 1_EDX, 7),
    NAME("md-clear", 7_EDX, 10),
    NAME("mds-no", ARCH_CAP, 5),
    NAME("misalignsse", 80000001_ECX, 7),
    NAME("mmx", 1_EDX, 23),
    NAME("mmxext", 80000001_EDX, 22),
    NAME("monitor", 1_ECX, 3),
    NAME("movbe", 1_ECX, 22),
    NAME("movdir64b", 7_ECX, 28),
    NAME("movdiri", 7_ECX, 27),
    NAME("mpx", 7_EBX, 14),
    NAME("msr", 1_EDX, 5),
    NAME("mtrr", 1_EDX, 12),
    NAME("no-nested-data-bp", 80000021_EAX, 0),
    NAME("nodeid-msr", 80000001_ECX, 19),
    NAME("npt", 8000000A_EDX, 0),
    NAME("nrip-save", 8000000A_EDX, 3),
    NAME("null-sel-clr-base", 80000021_EAX, 6),
    NAME("nx", 80000001_EDX, 20),
    NAME("osvw", 80000001_ECX, 9),
    NAME("pae", 1_EDX, 6),
    NAME("pat", 1_EDX, 16),
    NAME("pause-filter", 8000000A_EDX, 10),
    NAME("pbe", 1_EDX, 31),
    NAME("pcid", 1_ECX, 17),
    ALIAS("pclmuldq", 1_ECX, 1),
    NAME("pclmulqdq", 1_ECX, 1),
    NAME("pcommit", 7_EBX, 22),
    NAME("pdcm", 1_ECX, 15),
    NAME("pdpe1gb", 80000001_EDX, 26),
    NAME("perfctr-core", 80000001_ECX, 23),
    NAME("perfctr-nb", 80000001_ECX, 24),
    NAME("pfthreshold", 8000000A_EDX, 12),
    NAME("pge", 1_EDX, 13),
    NAME("phe", C0000001_EDX, 10),
    NAME("phe-en", C0000001_EDX, 11),
    NAME("pks", 7_ECX, 31),
    NAME("pku", 7_ECX, 3),
    NAME("pmm", C0000001_EDX, 12),
    NAME("pmm-en", C0000001_EDX, 13),
    NAME("pn", 1_EDX, 18),
    NAME("pni", 1_ECX, 0),
    NAME("popcnt", 1_ECX, 23),
    NAME("pschange-mc-no", ARCH_CAP, 6),
    NAME("psdp-no", ARCH_CAP, 15),
    NAME("pse", 1_EDX, 3),
    NAME("pse36", 1_EDX, 17),
    NAME("rdctl-no", ARCH_CAP, 0),
    NAME("rdpid", 7_ECX, 22),
    NAME("rdrand", 1_ECX, 30),
    NAME("rdseed", 7_EBX, 18),
    NAME("rdtscp", 80000001_EDX, 27),
    NAME("rsba", ARCH_CAP, 2),
    NAME("rtm", 7_EBX, 11),
    NAME("sbdr-ssdp-no", ARCH_CAP, 13),
    NAME("sep", 1_EDX, 11),
    NAME("serialize", 7_EDX, 14),
    NAME("sgx", 7_EBX, 2),
    NAME("sgx-debug", 12_1_EAX, 1),
    NAME("sgx-exinfo", 12_EBX, 0),
    NAME("sgx-kss", 12_1_EAX, 7),
    NAME("sgx-mode64", 12_1_EAX, 2),
    NAME("sgx-provisionkey", 12_1_EAX, 4),
    NAME("sgx-tokenkey", 12_1_EAX, 5),
    NAME("sgx1", 12_EAX, 0),
    NAME("sgx2", 12_EAX, 1),
    NAME("sgxlc", 7_ECX, 30),
    NAME("sha-ni", 7_EBX, 29),
    NAME("skinit", 80000001_ECX, 12),
    NAME("skip-l1dfl-vmentry", ARCH_CAP, 3),
    NAME("smap", 7_EBX, 20),
    NAME("smep", 7_EBX, 7),
    NAME("smx", 1_ECX, 6),
    NAME("spec-ctrl", 7_EDX, 26),
    NAME("split-lock-detect", CORE_CAP, 5),
    NAME("ss", 1_EDX, 27),
    NAME("ssb-no", ARCH_CAP, 4),
    NAME("ssbd", 7_EDX, 31),
    NAME("sse", 1_EDX, 25),
    NAME("sse2", 1_EDX, 26),
    ALIAS("sse3", 1_ECX, 0),
    ALIAS("sse4-1", 1_ECX, 19),
    ALIAS("sse4-2", 1_ECX, 20),
    NAME("sse4.1", 1_ECX, 19),
    NAME("sse4.2", 1_ECX, 20),
    NAME("sse4a", 80000001_ECX, 6),
    NAME("ssse3", 1_ECX, 9),
    NAME("stibp", 7_EDX, 27),
    NAME("stibp-always-on", 80000008_EBX, 17),
    NAME("svm", 80000001_ECX, 2),
    NAME("svm-lock", 8000000A_EDX, 2),
    NAME("svme-addr-chk", 8000000A_EDX, 28),
    NAME("syscall", 80000001_EDX, 11),
    NAME("taa-no", ARCH_CAP, 8),
    NAME("tbm", 80000001_ECX, 21),
    NAME("tce", 80000001_ECX, 17),
    NAME("tm", 1_EDX, 29),
    NAME("tm2", 1_ECX, 8),
    NAME("topoext", 80000001_ECX, 22),
    NAME("tsc", 1_EDX, 4),
    NAME("tsc-adjust", 7_EBX, 1),
    NAME("tsc-deadline", 1_ECX, 24),
    NAME("tsc-scale", 8000000A_EDX, 4),
    NAME("tsx-ctrl", ARCH_CAP, 7),
    NAME("tsx-ldtrk", 7_EDX, 16),
    NAME("umip", 7_ECX, 2),
    NAME("v-vmsave-vmload", 8000000A_EDX, 15),
    NAME("vaes", 7_ECX, 9),
    NAME("vgif", 8000000A_EDX, 16),
    NAME("virt-ssbd", 80000008_EBX, 25),
    NAME("vmcb-clean", 8000000A_EDX, 5),
    NAME("vme", 1_EDX, 1),
    NAME("vmx", 1_ECX, 5),
    NAME("vmx-activity-hlt", VMX_MISC, 6),
    NAME("vmx-activity-shutdown", VMX_MISC, 7),
    NAME("vmx-activity-wait-sipi", VMX_MISC, 8),
    NAME("vmx-apicv-register", VMX_PROC2, 8),
    NAME("vmx-apicv-vid", VMX_PROC2, 9),
    NAME("vmx-apicv-x2apic", VMX_PROC2, 4),
    NAME("vmx-apicv-xapic", VMX_PROC2, 0),
    NAME("vmx-cr3-load-noexit", VMX_PROC, 15),
    NAME("vmx-cr3-store-noexit", VMX_PROC, 16),
    NAME("vmx-cr8-load-exit", VMX_PROC, 19),
    NAME("vmx-cr8-store-exit", VMX_PROC, 20),
    NAME("vmx-desc-exit", VMX_PROC2, 2),
    NAME("vmx-encls-exit", VMX_PROC2, 15),
    NAME("vmx-entry-ia32e-mode", VMX_ENTRY, 9),
    NAME("vmx-entry-load-bndcfgs", VMX_ENTRY, 16),
    NAME("vmx-entry-load-efer", VMX_ENTRY, 15),
    NAME("vmx-entry-load-pat", VMX_ENTRY, 14),
    NAME("vmx-entry-load-perf-global-ctrl", VMX_ENTRY, 13),
    NAME("vmx-entry-load-pkrs", VMX_ENTRY, 22),
    NAME("vmx-entry-load-rtit-ctl", VMX_ENTRY, 18),
    NAME("vmx-entry-noload-debugctl", VMX_ENTRY, 2),
    NAME("vmx-ept", VMX_PROC2, 1),
    NAME("vmx-ept-1gb", VMX_EPT_VPID, 17),
    NAME("vmx-ept-2mb", VMX_EPT_VPID, 16),
    NAME("vmx-ept-advanced-exitinfo", VMX_EPT_VPID, 22),
    NAME("vmx-ept-execonly", VMX_EPT_VPID, 0),
    NAME("vmx-eptad", VMX_EPT_VPID, 21),
    NAME("vmx-eptp-switching", VMX_FUNC, 0),
    NAME("vmx-exit-ack-intr", VMX_EXIT, 15),
    NAME("vmx-exit-clear-bndcfgs", VMX_EXIT, 23),
    NAME("vmx-exit-clear-rtit-ctl", VMX_EXIT, 25),
    NAME("vmx-exit-load-efer", VMX_EXIT, 21),
    NAME("vmx-exit-load-pat", VMX_EXIT, 19),
    NAME("vmx-exit-load-perf-global-ctrl", VMX_EXIT, 12),
    NAME("vmx-exit-load-pkrs", VMX_EXIT, 29),
    NAME("vmx-exit-nosave-debugctl", VMX_EXIT, 2),
    NAME("vmx-exit-save-efer", VMX_EXIT, 20),
    NAME("vmx-exit-save-pat", VMX_EXIT, 18),
    NAME("vmx-exit-save-preemption-timer", VMX_EXIT, 22),
    NAME("vmx-flexpriority", VMX_PROC, 21),
    NAME("vmx-hlt-exit", VMX_PROC, 7),
    NAME("vmx-ins-outs", VMX_BASIC, 54),
    NAME("vmx-intr-exit", VMX_PIN, 0),
    NAME("vmx-invept", VMX_EPT_VPID, 20),
    NAME("vmx-invept-all-context", VMX_EPT_VPID, 26),
    NAME("vmx-invept-single-context", VMX_EPT_VPID, 25),
    ALIAS("vmx-invept-single-context-noglobals", VMX_EPT_VPID, 43),
    NAME("vmx-invlpg-exit", VMX_PROC, 9),
    NAME("vmx-invpcid-exit", VMX_PROC2, 12),
    NAME("vmx-invvpid", VMX_EPT_VPID, 32),
    NAME("vmx-invvpid-all-context", VMX_EPT_VPID, 42),
    NAME("vmx-invvpid-single-addr", VMX_EPT_VPID, 40),
    NAME("vmx-invvpid-single-context", VMX_EPT_VPID, 41),
    NAME("vmx-invvpid-single-context-noglobals", VMX_EPT_VPID, 43),
    NAME("vmx-io-bitmap", VMX_PROC, 25),
    NAME("vmx-io-exit", VMX_PROC, 24),
    NAME("vmx-monitor-exit", VMX_PROC, 29),
    NAME("vmx-movdr-exit", VMX_PROC, 23),
    NAME("vmx-msr-bitmap", VMX_PROC, 28),
    NAME("vmx-mtf", VMX_PROC, 27),
    NAME("vmx-mwait-exit", VMX_PROC, 10),
    NAME("vmx-nmi-exit", VMX_PIN, 3),
    NAME("vmx-page-walk-4", VMX_EPT_VPID, 6),
    NAME("vmx-page-walk-5", VMX_EPT_VPID, 7),
    NAME("vmx-pause-exit", VMX_PROC, 30),
    NAME("vmx-ple", VMX_PROC2, 10),
    NAME("vmx-pml", VMX_PROC2, 17),
    NAME("vmx-posted-intr", VMX_PIN, 7),
    NAME("vmx-preemption-timer", VMX_PIN, 6),
    NAME("vmx-rdpmc-exit", VMX_PROC, 11),
    NAME("vmx-rdrand-exit", VMX_PROC2, 11),
    NAME("vmx-rdseed-exit", VMX_PROC2, 16),
    NAME("vmx-rdtsc-exit", VMX_PROC, 12),
    NAME("vmx-rdtscp-exit", VMX_PROC2, 3),
    NAME("vmx-secondary-ctls", VMX_PROC, 31),
    NAME("vmx-shadow-vmcs", VMX_PROC2, 14),
    NAME("vmx-store-lma", VMX_MISC, 5),
    NAME("vmx-true-ctls", VMX_BASIC, 55),
    NAME("vmx-tsc-offset", VMX_PROC, 3),
    NAME("vmx-tsc-scaling", VMX_PROC2, 25),
    NAME("vmx-unrestricted-guest", VMX_PROC2, 7),
    NAME("vmx-vintr-pending", VMX_PROC, 2),
    NAME("vmx-vmfunc", VMX_PROC2, 13),
    NAME("vmx-vmwrite-vmexit-fields", VMX_MISC, 29),
    NAME("vmx-vnmi", VMX_PIN, 5),
    NAME("vmx-vnmi-pending", VMX_PROC, 22),
    NAME("vmx-vpid", VMX_PROC2, 5),
    NAME("vmx-wbinvd-exit", VMX_PROC2, 6),
    NAME("vmx-xsaves", VMX_PROC2, 20),
    NAME("vmx-zero-len-inject", VMX_MISC, 30),
    NAME("vnmi", 8000000A_EDX, 25),
    NAME("vpclmulqdq", 7_ECX, 10),
    NAME("waitpkg", 7_ECX, 5),
    NAME("wbnoinvd", 80000008_EBX, 9),
    NAME("wdt", 80000001_ECX, 13),
    NAME("x2apic", 1_ECX, 21),
    NAME("xcrypt", C0000001_EDX, 6),
    NAME("xcrypt-en", C0000001_EDX, 7),
    ALIAS("xd", 80000001_EDX, 20),
    NAME("xfd", D_1_EAX, 4),
    NAME("xgetbv1", D_1_EAX, 2),
    NAME("xop", 80000001_ECX, 11),
    NAME("xsave", 1_ECX, 26),
    NAME("xsavec", D_1_EAX, 1),
    NAME("xsaveerptr", 80000008_EBX, 2),
    NAME("xsaveopt", D_1_EAX, 0),
    NAME("xsaves", D_1_EAX, 3),
    NAME("xstore", C0000001_EDX, 2),
    NAME("xstore-en", C0000001_EDX, 3),
    NAME("xtpr", 1_ECX, 14),
};
// clang-format on
const size_t cpu_feature_count = G_N_ELEMENTS(cpu_feature_table);

/* Orders a wanted name, in which '_' stands for '-', and a table entry. */
static int compare(const void *wanted, const void *entry)
{
    const char *a = wanted, *b = ((const struct cpu_feature *)entry)->name;

    while (*a && (*a == '_' ? '-' : *a) == *b)
        a++, b++;
    return (unsigned char)(*a == '_' ? '-' : *a) - (unsigned char)*b;
}

const struct cpu_feature *cpu_feature_find(const char *name)
{
    return bsearch(name, cpu_feature_table, cpu_feature_count, sizeof(cpu_feature_table[0]),
                   compare);
}

const char *cpu_feature_name(enum cpu_word word, unsigned bit)
{
    for (size_t i = 0; i < cpu_feature_count; i++) {
        const struct cpu_feature *f = &cpu_feature_table[i];

        if (f->word == word && f->bit == bit && !f->alias)
            return f->name;
    }
    return NULL;
}

char *cpu_feature_describe(enum cpu_word word, unsigned bit)
{
    static const char *const regs[CPU_REGS] = { "EAX", "EBX", "ECX", "EDX" };
    const struct cpu_word_place *place = &cpu_words[word];
    const char *name = cpu_feature_name(word, bit);
    const char *dot = name ? "." : "";

    name = name ? name : "";
    if (place->msr)
        return g_strdup_printf("MSR(%XH)%s%s [bit %u]", place->msr, dot, name, bit);
    return g_strdup_printf("CPUID.%02XH:%s%s%s [bit %u]", place->leaf, regs[place->reg], dot, name,
                           bit);
}

bool cpu_features_has(const struct cpu_features *set, const char *name)
{
    const struct cpu_feature *f = cpu_feature_find(name);

    g_assert(f);
    return set->word[f->word] >> f->bit & 1;
}

void cpu_features_put(struct cpu_features *set, const struct cpu_feature *f, bool on)
{
    uint64_t mask = 1ull << f->bit;

    set->word[f->word] = on ? set->word[f->word] | mask : set->word[f->word] & ~mask;
}

int cpu_features_add(struct cpu_features *set, const char *names, const char *where)
{
    while (*(names += strspn(names, " "))) {
        size_t length = strcspn(names, " ");
        bool on = *names != '-';
        g_autofree char *name = g_strndup(names + !on, length - !on);
        const struct cpu_feature *f = cpu_feature_find(name);

        if (!f) {
            report(where, "unknown processor feature '%s'", name);
            return -EINVAL;
        }
        cpu_features_put(set, f, on);
        names += length;
    }
    return 0;
}
