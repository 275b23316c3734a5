/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * model - the processor a guest gets: a model, what -cpu changes of it, the topology of -smp, and
 * what the accelerator can do, made into one description and then into CPUID leaves.
 *
 *     struct cpu_spec spec;
 *     struct cpu *cpu;
 *
 *     if (cpu_spec_parse(&spec, "Haswell,-avx2", where) == 0 &&
 *         (cpu = cpu_resolve(&spec, &topology, &host, lookup, plugins))) {
 *         entries = cpu_cpuid(cpu, 0, &n);
 *         ...
 *         g_free(entries);
 *         cpu_destroy(cpu);
 *     }
 *     cpu_spec_finish(&spec);
 */
#ifndef TENON_CORE_CPU_MODEL_H
#define TENON_CORE_CPU_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include <tenon/cpu.h>

#include "cpu/features.h"
#include "cpu/spec.h"
#include "cpu/topology.h"

/* One answer of CPUID, laid out as KVM's struct kvm_cpuid_entry2. */
struct cpuid_entry {
    uint32_t leaf, subleaf;
    uint32_t flags; /* CPUID_INDEXED: subleaf counts */
    uint32_t eax, ebx, ecx, edx;
    uint32_t padding[3];
};
#define CPUID_INDEXED 1

/* What the accelerator offers. */
struct cpu_host {
    /*
     * The leaves it can give a guest, as KVM_GET_SUPPORTED_CPUID says, with what KVM only tells by
     * its capabilities (tsc-deadline, x2apic) put in or taken out.
     */
    const struct cpuid_entry *entries; /* empty brand and cache leaves of KVM are filled in */
    unsigned n;
    /* KVM: the guest sees the host's vendor and KVM's own leaves, 0x40000001 of the entries. */
    bool kvm;
    uint32_t tsc_khz, apic_khz; /* for vmware-cpuid-freq; 0: unknown */
    /* Reads a feature MSR; false if there is no such MSR.  NULL: there is none at all. */
    bool (*msr)(void *arg, uint32_t index, uint64_t *value);
    void *msr_arg;
};

struct cpu {
    char vendor[13], model_id[49];
    uint32_t family, model, stepping;
    uint32_t level, xlevel; /* the last leaves */
    unsigned phys_bits, virt_bits;
    /* What the guest sees.  Of the MSR words those count that are not as the host has them: a VMX
     * word is the host's without what was taken away. */
    struct cpu_features features;
    struct cpu_features missing; /* wanted, and left out: the host lacks them */
    struct tenon_cpu_cache l1d, l1i, l2, l3;
    struct cpu_topology topology;
    uint64_t tsc_hz;  /* asked for; 0: the host's */
    bool passthrough; /* host or max: leaves without features are the host's too */
    bool pmu, kvm, host_cache, extended_topology, vmware_freq, func7_subleaf;
    uint32_t tsc_khz, apic_khz;
    struct cpuid_entry *host; /* a copy */
    unsigned n_host;
};

/* The table of a model by name; NULL: there is none, and that has been reported. */
typedef const struct tenon_cpu_model *cpu_lookup_fn(void *arg, const char *name);

/*
 * Makes the processor that spec asks for.  What the host lacks is left out with a warning each (not
 * with check=off; an error with enforce=on).  NULL: it cannot be, and why has been reported.  The
 * names host and max are never looked up.  [any]
 */
struct cpu *cpu_resolve(const struct cpu_spec *spec, const struct cpu_topology *topology,
                        const struct cpu_host *host, cpu_lookup_fn *lookup, void *arg);
void cpu_destroy(struct cpu *cpu); /* accepts NULL */

/* The leaves of processor index, to be freed by g_free().  [any] */
struct cpuid_entry *cpu_cpuid(const struct cpu *cpu, uint32_t index, unsigned *n);

/* One leaf of a list; NULL if it is not there.  [any] */
const struct cpuid_entry *cpuid_find(const struct cpuid_entry *entries, unsigned n, uint32_t leaf,
                                     uint32_t subleaf);

/* AMD's ways of telling caches and topology: Hygon's are the same.  [any] */
bool cpu_is_amd(const struct cpu *cpu);

#endif
