/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* processors - how many, which model, and what each one's CPUID says. */

#include "machine/processors.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

#include <tenon/cpu.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

static int smp_number(const struct config_group *g, const char *key, uint32_t *value)
{
    int64_t number = 0;

    if (group_number(g, key, 1, CPU_TOPOLOGY_MAX, &number))
        return -EINVAL;
    *value = number;
    return 0;
}

int processors_count(struct machine *m, const struct tenon_machine_ops *ops)
{
    const struct config_group *g = config_find(m->config, "smp-opts", NULL);
    struct cpu_topology t = { 0 };

    if (smp_number(g, "cpus", &t.cpus) || smp_number(g, "maxcpus", &t.maxcpus) ||
        smp_number(g, "sockets", &t.sockets) || smp_number(g, "dies", &t.dies) ||
        smp_number(g, "clusters", &t.clusters) || smp_number(g, "cores", &t.cores) ||
        smp_number(g, "threads", &t.threads))
        return -EINVAL;
    if (!ops->max_cpus)
        return 0;
    if (cpu_topology_complete(&t, g ? g->from : "-smp"))
        return -EINVAL;
    if (t.maxcpus > ops->max_cpus) {
        report(g ? g->from : "-smp", "%u processors are too many: this machine takes %u", t.maxcpus,
               ops->max_cpus);
        return -EINVAL;
    }
    m->info.cpus = t.cpus;
    m->info.max_cpus = t.maxcpus;
    m->info.sockets = t.sockets;
    m->info.dies = t.dies;
    m->info.cores = t.cores;
    m->info.threads = t.threads;
    m->topology = t;
    return 0;
}

static const struct tenon_cpu_model *lookup(void *arg, const char *name)
{
    struct machine *m = arg;
    const struct config_group *g = config_find(m->config, "cpu", NULL);
    const struct type *type = plugins_load(m->plugins, "cpu", name, g ? g->from : "-cpu");

    return type ? type->t.ops : NULL;
}

/* ---- Feature MSRs ---- */

static uint64_t named_bits(enum cpu_word word)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < cpu_feature_count; i++)
        if (cpu_feature_table[i].word == word)
            bits |= 1ull << cpu_feature_table[i].bit;
    return bits;
}

/* What the guest is to see of an MSR: of the VMX ones, the host's without what was taken away. */
static uint64_t feature_msr(const struct cpu *cpu, enum cpu_word word, uint64_t host)
{
    uint64_t wanted = cpu->features.word[word];

    if (word < CPU_VMX_BASIC)
        return wanted;
    return host & ~((named_bits(word) & ~wanted) << cpu_words[word].shift);
}

/* Is the MSR there at all for this guest? */
static bool has_msr(const struct cpu *cpu, enum cpu_word word)
{
    switch (word) {
    case CPU_CORE_CAP: return cpu_features_has(&cpu->features, "core-capability");
    case CPU_ARCH_CAP: return cpu_features_has(&cpu->features, "arch-capabilities");
    case CPU_PERF_CAP: return cpu_features_has(&cpu->features, "pdcm");
    default: return cpu_words[word].msr && cpu_features_has(&cpu->features, "vmx");
    }
}

static void find_msrs(struct machine *m, const struct cpu *cpu)
{
    const struct accel_ops *ops = m->accel->ops;
    struct vcpu_msr *msrs = g_new(struct vcpu_msr, CPU_WORDS);
    unsigned n = 0;
    uint64_t host;

    for (unsigned w = 0; w < CPU_WORDS; w++) {
        if (!has_msr(cpu, w) || !ops->msr || !ops->msr(m->accel, cpu_words[w].msr, &host))
            continue;
        msrs[n] = (struct vcpu_msr){ cpu_words[w].msr, feature_msr(cpu, w, host) };
        n += msrs[n].value != host;
    }
    m->cpus[0].msrs = msrs;
    m->cpus[0].n_msrs = n;
}

/* ---- All of them ---- */

static int fill(struct machine *m, const struct cpu *cpu)
{
    uint32_t *ids = g_new(uint32_t, m->info.max_cpus), *leaf = g_new0(uint32_t, 4);
    const struct cpuid_entry *one;

    m->cpus = g_new0(struct vcpu, m->info.max_cpus);
    for (unsigned i = 0; i < m->info.max_cpus; i++) {
        struct vcpu *v = &m->cpus[i];

        ids[i] = cpu_topology_apic_id(&m->topology, i);
        v->machine = m;
        v->index = i;
        v->apic_id = ids[i];
        v->cpuid = cpu_cpuid(cpu, i, &v->n_cpuid);
        v->tsc_hz = cpu->tsc_hz;
    }
    find_msrs(m, cpu);
    for (unsigned i = 1; i < m->info.max_cpus; i++) {
        m->cpus[i].msrs = m->cpus[0].msrs;
        m->cpus[i].n_msrs = m->cpus[0].n_msrs;
    }
    one = cpuid_find(m->cpus[0].cpuid, m->cpus[0].n_cpuid, 1, 0);
    if (one)
        memcpy(leaf, &one->eax, 16);
    m->info.apic_ids = ids;
    m->info.cpuid_1 = leaf;
    m->info.phys_bits = cpu->phys_bits;
    return 0;
}

struct cpu *processors_model(struct machine *m, const struct cpu_spec *spec,
                             const struct cpu_topology *topology)
{
    struct cpu_host host = {
        .kvm = !strcmp(m->accel->ops->name, "kvm"),
        .msr = m->accel->ops->msr,
        .msr_arg = m->accel,
    };
    struct cpuid_entry *entries = NULL;
    struct cpu *cpu = NULL;

    if (!m->accel->ops->cpuid(m->accel, &entries, &host.n)) {
        host.entries = entries;
        cpu = cpu_resolve(spec, topology, &host, lookup, m);
    }
    g_free(entries);
    return cpu;
}

int processors_resolve(struct machine *m, const struct tenon_machine_ops *ops)
{
    const struct config_group *g = config_find(m->config, "cpu", NULL);
    const char *arg = group_string(g, "model", ops->default_cpu);
    struct cpu_spec spec;
    int err;

    m->info.accel = m->accel->ops->name;
    m->info.kernel_irqchip = m->accel->irqchip == IRQCHIP_ON;
    m->info.smm = m->accel->ops->smi != NULL;
    if (!m->info.max_cpus || !arg)
        return 0;
    err = cpu_spec_parse(&spec, arg, g ? g->from : "-cpu");
    /* Nobody asked for each feature of the default model: what a software CPU lacks of it is no
     * news. */
    if (!err && !g && strcmp(m->info.accel, "kvm"))
        spec.number[CPU_PROP_CHECK] = false;
    if (!err) {
        m->cpu_model = processors_model(m, &spec, &m->topology);
        err = m->cpu_model ? fill(m, m->cpu_model) : -EINVAL;
    }
    cpu_spec_finish(&spec);
    return err;
}

void processors_free(struct machine *m)
{
    if (m->cpus)
        g_free((void *)m->cpus[0].msrs);
    for (unsigned i = 0; m->cpus && i < m->info.max_cpus; i++)
        g_free(m->cpus[i].cpuid);
    g_free(m->cpus);
    cpu_destroy(m->cpu_model);
    g_free((void *)m->info.apic_ids);
    g_free((void *)m->info.cpuid_1);
}
