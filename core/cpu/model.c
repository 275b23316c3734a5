/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* model - the processor a guest gets: a model, what -cpu changes of it, and what the host can do.
 */

#include "cpu/model.h"

#include <cpuid.h>
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "report.h"

#define WHERE "-cpu"

/* What KVM gives every named model: its clock and wake-ups; and what it cannot emulate well. */
#define KVM_GIVES                                                                                  \
    "kvmclock kvm-nopiodelay kvm-asyncpf kvm-steal-time kvm-pv-eoi kvmclock-stable-bit x2apic"
#define KVM_TAKES "-acpi -monitor -svm"

/* Features that are nothing without another one, which comes first (Intel SDM, AMD APM). */
static const struct {
    const char *name, *needs;
} needs[] = {
    // clang-format off
    { "xsaveopt", "xsave" },                    { "xsavec", "xsave" },
    { "xgetbv1", "xsave" },                     { "xsaves", "xsavec" },
    { "xfd", "xsave" },                         { "mpx", "xsave" },
    { "pku", "xsave" },                         { "avx", "xsave" },
    { "f16c", "avx" },                          { "fma", "avx" },
    { "fma4", "avx" },                          { "xop", "avx" },
    { "avx2", "avx" },                          { "vaes", "avx" },
    { "vpclmulqdq", "avx" },                    { "avx-vnni", "avx2" },
    { "avx512f", "avx2" },                      { "avx512dq", "avx512f" },
    { "avx512ifma", "avx512f" },                { "avx512pf", "avx512f" },
    { "avx512er", "avx512f" },                  { "avx512cd", "avx512f" },
    { "avx512bw", "avx512f" },                  { "avx512vl", "avx512f" },
    { "avx512vbmi", "avx512bw" },               { "avx512vbmi2", "avx512bw" },
    { "avx512vnni", "avx512f" },                { "avx512bitalg", "avx512bw" },
    { "avx512-vpopcntdq", "avx512f" },          { "avx512-4vnniw", "avx512f" },
    { "avx512-4fmaps", "avx512f" },             { "avx512-bf16", "avx512bw" },
    { "avx512-fp16", "avx512bw" },              { "avx512-vp2intersect", "avx512f" },
    { "amx-tile", "xfd" },                      { "amx-bf16", "amx-tile" },
    { "amx-int8", "amx-tile" },                 { "la57", "lm" },
    { "pcid", "lm" },                           { "intel-pt-lip", "intel-pt" },
    { "kvm-asyncpf-int", "kvm-asyncpf" },       { "kvmclock-stable-bit", "kvmclock" },
    // clang-format on
};

/* Words that are there only with a feature. */
static const struct {
    uint8_t word;
    const char *needs;
} word_needs[] = {
    { CPU_ARCH_CAP, "arch-capabilities" },
    { CPU_CORE_CAP, "core-capability" },
    { CPU_PERF_CAP, "pdcm" },
    { CPU_8000000A_EDX, "svm" },
    { CPU_12_EAX, "sgx" },
    { CPU_12_EBX, "sgx" },
    { CPU_12_1_EAX, "sgx" },
    { CPU_VMX_BASIC, "vmx" },
    { CPU_VMX_MISC, "vmx" },
    { CPU_VMX_PROC2, "vmx" },
    { CPU_VMX_EPT_VPID, "vmx" },
    { CPU_VMX_PIN, "vmx" },
    { CPU_VMX_PROC, "vmx" },
    { CPU_VMX_EXIT, "vmx" },
    { CPU_VMX_ENTRY, "vmx" },
    { CPU_VMX_FUNC, "vmx" },
};

/* Features that promise an MSR: no guest survives the promise on a host that refuses it. */
static const struct {
    const char *name;
    uint8_t word;
} msr_features[] = {
    { "arch-capabilities", CPU_ARCH_CAP },
    { "core-capability", CPU_CORE_CAP },
    { "pdcm", CPU_PERF_CAP },
};

const struct cpuid_entry *cpuid_find(const struct cpuid_entry *entries, unsigned n, uint32_t leaf,
                                     uint32_t subleaf)
{
    for (unsigned i = 0; i < n; i++)
        if (entries[i].leaf == leaf &&
            (!(entries[i].flags & CPUID_INDEXED) || entries[i].subleaf == subleaf))
            return &entries[i];
    return NULL;
}

bool cpu_is_amd(const struct cpu *cpu)
{
    return !strcmp(cpu->vendor, "AuthenticAMD") || !strcmp(cpu->vendor, "HygonGenuine");
}

static bool has(const struct cpu *cpu, const char *name)
{
    return cpu_features_has(&cpu->features, name);
}

static bool is_vmx(unsigned word)
{
    return word >= CPU_VMX_BASIC && word <= CPU_VMX_FUNC;
}

/* ---- What the host has ---- */

static bool host_msr(const struct cpu_host *host, unsigned word, uint64_t *value)
{
    const struct cpu_word_place *place = &cpu_words[word];

    *value = 0;
    if (!host->msr || !host->msr(host->msr_arg, place->msr, value))
        return false;
    *value >>= place->shift;
    return true;
}

static uint32_t entry_reg(const struct cpuid_entry *e, enum cpu_reg reg)
{
    const uint32_t regs[CPU_REGS] = { e->eax, e->ebx, e->ecx, e->edx };

    return regs[reg];
}

static uint64_t host_word(const struct cpu_host *host, unsigned word)
{
    const struct cpu_word_place *place = &cpu_words[word];
    const struct cpuid_entry *e;
    uint64_t value;

    if (place->msr)
        return host_msr(host, word, &value) ? value : 0;
    e = cpuid_find(host->entries, host->n, place->leaf, place->subleaf);
    return e ? entry_reg(e, place->reg) : 0;
}

/* Bits that have a name, for only these are taken from a host. */
static struct cpu_features named_features(void)
{
    struct cpu_features all = { { 0 } };

    for (size_t i = 0; i < cpu_feature_count; i++)
        cpu_features_put(&all, &cpu_feature_table[i], true);
    all.word[CPU_KVM_EAX] |= 1; /* the older form of kvmclock, see close_kvm() */
    return all;
}

static void put(struct cpu_features *set, const char *name, bool on)
{
    cpu_features_put(set, cpu_feature_find(name), on);
}

/* All that a guest can be given, whatever the host says of topology and of being virtual. */
static struct cpu_features host_features(const struct cpu_host *host)
{
    struct cpu_features all = named_features();
    uint64_t value;

    for (unsigned word = 0; word < CPU_WORDS; word++)
        all.word[word] &= host_word(host, word);
    for (size_t i = 0; i < G_N_ELEMENTS(msr_features); i++)
        if (!host_msr(host, msr_features[i].word, &value))
            put(&all, msr_features[i].name, false);
    put(&all, "ht", true);
    put(&all, "hypervisor", true);
    put(&all, "arat", true);
    put(&all, "cmp-legacy", true);
    put(&all, "sgx", false); /* it needs memory of a kind that no machine has */
    put(&all, "sgxlc", false);
    if (host->kvm)
        put(&all, "kvm-hint-dedicated", true);
    else
        all.word[CPU_KVM_EAX] = all.word[CPU_KVM_EDX] = 0;
    return all;
}

/*
 * KVM answers with zeros where a leaf has nothing to do with virtual machines: the brand string,
 * and descriptions of caches.  It runs on this processor, so these are what CPUID says here.
 */
static void fill_native(struct cpuid_entry *entries, unsigned n)
{
    for (struct cpuid_entry *e = entries; e < entries + n; e++)
        if ((e->leaf == 2 || (e->leaf >= 0x80000002 && e->leaf <= 0x80000006)) &&
            !(e->eax | e->ebx | e->ecx | e->edx))
            __cpuid(e->leaf, e->eax, e->ebx, e->ecx, e->edx);
}

/* ---- From the model to the guest's features ---- */

static void fill_from_model(struct cpu *cpu, const struct tenon_cpu_model *m)
{
    g_strlcpy(cpu->vendor, m->vendor ? m->vendor : "", sizeof(cpu->vendor));
    g_strlcpy(cpu->model_id, m->model_id ? m->model_id : "", sizeof(cpu->model_id));
    cpu->family = m->family;
    cpu->model = m->model;
    cpu->stepping = m->stepping;
    cpu->level = m->level;
    cpu->xlevel = m->xlevel;
    cpu->l1d = m->l1d;
    cpu->l1i = m->l1i;
    cpu->l2 = m->l2;
    cpu->l3 = m->l3;
}

static void host_vendor(const struct cpu_host *host, char vendor[13])
{
    const struct cpuid_entry *e = cpuid_find(host->entries, host->n, 0, 0);

    if (e) {
        memcpy(vendor, &e->ebx, 4);
        memcpy(vendor + 4, &e->edx, 4);
        memcpy(vendor + 8, &e->ecx, 4);
        vendor[12] = '\0';
    }
}

static const struct cpuid_entry *host_leaf(const struct cpu *cpu, uint32_t leaf)
{
    return cpuid_find(cpu->host, cpu->n_host, leaf, 0);
}

static void fill_from_host(struct cpu *cpu, const struct cpu_host *host)
{
    const struct cpuid_entry *e;

    host_vendor(host, cpu->vendor);
    if ((e = host_leaf(cpu, 0)))
        cpu->level = e->eax;
    if ((e = host_leaf(cpu, 0x80000000)))
        cpu->xlevel = e->eax;
    if ((e = host_leaf(cpu, 1))) {
        uint32_t family = e->eax >> 8 & 0xf;

        cpu->family = family + (family == 0xf ? e->eax >> 20 & 0xff : 0);
        cpu->model = (e->eax >> 4 & 0xf) | (e->eax >> 12 & 0xf0);
        cpu->stepping = e->eax & 0xf;
    }
    for (uint32_t i = 0; i < 3; i++)
        if ((e = host_leaf(cpu, 0x80000002 + i)))
            memcpy(cpu->model_id + 16 * i, &e->eax, 16);
}

static void override(struct cpu *cpu, const struct cpu_spec *spec)
{
    const struct {
        enum cpu_prop prop;
        uint32_t *field;
    } numbers[] = {
        { CPU_PROP_FAMILY, &cpu->family },     { CPU_PROP_MODEL, &cpu->model },
        { CPU_PROP_STEPPING, &cpu->stepping }, { CPU_PROP_LEVEL, &cpu->level },
        { CPU_PROP_XLEVEL, &cpu->xlevel },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        if (spec->given[numbers[i].prop])
            *numbers[i].field = spec->number[numbers[i].prop];
    if (spec->text[CPU_PROP_VENDOR])
        g_strlcpy(cpu->vendor, spec->text[CPU_PROP_VENDOR], sizeof(cpu->vendor));
    if (spec->text[CPU_PROP_MODEL_ID])
        g_strlcpy(cpu->model_id, spec->text[CPU_PROP_MODEL_ID], sizeof(cpu->model_id));
}

/* Takes away what lacks something it needs; with warn, says so of what was asked for by name. */
static void close_features(struct cpu *cpu, const struct cpu_spec *spec, bool warn)
{
    for (size_t i = 0; i < G_N_ELEMENTS(needs); i++) {
        if (!has(cpu, needs[i].name) || has(cpu, needs[i].needs))
            continue;
        put(&cpu->features, needs[i].name, false);
        if (warn && cpu_features_has(&spec->on, needs[i].name))
            report_warning(spec->where, "%s is left out: it needs %s", needs[i].name,
                           needs[i].needs);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(word_needs); i++) {
        if (has(cpu, word_needs[i].needs))
            continue;
        cpu->features.word[word_needs[i].word] = 0;
        if (warn && spec->on.word[word_needs[i].word])
            report_warning(spec->where, "%s is left out: it needs %s",
                           cpu_feature_name(word_needs[i].word,
                                            __builtin_ctzll(spec->on.word[word_needs[i].word])),
                           word_needs[i].needs);
    }
}

/* kvmclock is one name for two bits: the MSRs of today (3) and the older ones (0). */
static void close_kvm(struct cpu *cpu, const struct cpu_features *host)
{
    uint64_t *word = &cpu->features.word[CPU_KVM_EAX];

    *word = (*word & ~1ull) | (*word >> 3 & host->word[CPU_KVM_EAX] & 1);
    if (!cpu->kvm)
        *word = cpu->features.word[CPU_KVM_EDX] = 0;
}

static int drop_unsupported(struct cpu *cpu, const struct cpu_spec *spec,
                            const struct cpu_features *host)
{
    bool enforce = spec->number[CPU_PROP_ENFORCE], check = spec->number[CPU_PROP_CHECK];
    bool dropped = false;

    for (unsigned word = 0; word < CPU_WORDS; word++) {
        uint64_t missing = cpu->features.word[word] & ~host->word[word];

        cpu->features.word[word] &= host->word[word];
        cpu->missing.word[word] = missing;
        for (; missing; missing &= missing - 1) {
            g_autofree char *name = cpu_feature_describe(word, __builtin_ctzll(missing));

            dropped = true;
            if (enforce)
                report(NULL, "host doesn't support requested feature: %s", name);
            else if (check)
                report_warning(NULL, "host doesn't support requested feature: %s", name);
        }
    }
    if (!dropped || !enforce)
        return 0;
    report(spec->where, "%s: enforce=on, and the host lacks the features above", spec->model);
    return -ENOTSUP;
}

static int choose_features(struct cpu *cpu, const struct cpu_spec *spec,
                           const struct cpu_host *host, const struct tenon_cpu_model *model)
{
    struct cpu_features offered = host_features(host);

    if (model) {
        if (cpu_features_add(&cpu->features, model->features ? model->features : "", spec->model))
            return -EINVAL;
        if (host->kvm) {
            struct cpu_features gives = { { 0 } };

            cpu_features_add(&gives, KVM_GIVES, WHERE);
            cpu_features_add(&cpu->features, KVM_TAKES, WHERE);
            for (unsigned word = 0; word < CPU_WORDS; word++)
                cpu->features.word[word] |= gives.word[word] & offered.word[word];
        }
        for (unsigned word = 0; word < CPU_WORDS; word++)
            if (is_vmx(word))
                cpu->features.word[word] = offered.word[word];
    } else {
        cpu->features = offered;
        cpu_features_add(&cpu->features, "-ht -cmp-legacy -kvm-hint-dedicated", WHERE);
        /* A counter of ours goes on at its rate on any host. */
        if (spec->number[CPU_PROP_MIGRATABLE] && host->kvm)
            put(&cpu->features, "invtsc", false);
    }
    put(&cpu->features, "hypervisor", true);
    for (unsigned word = 0; word < CPU_WORDS; word++) {
        cpu->features.word[word] |= spec->on.word[word];
        cpu->features.word[word] &= ~spec->off.word[word];
    }
    if (!cpu->pmu)
        put(&cpu->features, "pdcm", false);
    close_features(cpu, spec, true);
    if (drop_unsupported(cpu, spec, &offered))
        return -ENOTSUP;
    close_features(cpu, spec, false);
    close_kvm(cpu, &offered);
    return 0;
}

/* ---- Sizes and levels ---- */

static unsigned host_phys_bits(const struct cpu_host *host)
{
    const struct cpuid_entry *e = cpuid_find(host->entries, host->n, 0x80000008, 0);

    return e ? e->eax & 0xff : 0;
}

/*
 * 40 bits unless told otherwise, as many guests' memory maps were made for; a processor without
 * long mode has 36, or 32.  More than the host has would be a lie that page tables tell.
 */
static void choose_address_bits(struct cpu *cpu, const struct cpu_spec *spec,
                                const struct cpu_host *host)
{
    unsigned there = host_phys_bits(host), limit = spec->number[CPU_PROP_HOST_PHYS_BITS_LIMIT];
    bool follow = spec->given[CPU_PROP_HOST_PHYS_BITS] ? spec->number[CPU_PROP_HOST_PHYS_BITS]
                                                       : cpu->passthrough;

    cpu->virt_bits = !has(cpu, "lm") ? 0 : has(cpu, "la57") ? 57 : 48;
    if (spec->number[CPU_PROP_PHYS_BITS]) {
        cpu->phys_bits = spec->number[CPU_PROP_PHYS_BITS];
        if (there && cpu->phys_bits > there)
            report_warning(spec->where, "phys-bits=%u: the host has %u", cpu->phys_bits, there);
    } else if (!has(cpu, "lm")) {
        cpu->phys_bits = has(cpu, "pse36") ? 36 : 32;
    } else if (follow && there) {
        cpu->phys_bits = limit && limit < there ? limit : there;
    } else {
        cpu->phys_bits = there && there < 40 ? there : 40;
    }
}

static void at_least(uint32_t *level, uint32_t to)
{
    *level = MAX(*level, to);
}

/* The last leaves: never before one that says something, unless the user wants it so. */
static void choose_levels(struct cpu *cpu, const struct cpu_spec *spec)
{
    uint32_t level = cpu->level, xlevel = cpu->xlevel;

    for (unsigned word = 0; word < CPU_WORDS; word++) {
        const struct cpu_word_place *place = &cpu_words[word];

        if (place->msr || !cpu->features.word[word])
            continue;
        if (place->leaf < 0x40000000)
            at_least(&level, place->leaf);
        else if (place->leaf >= 0x80000000 && place->leaf < 0xc0000000)
            at_least(&xlevel, place->leaf);
    }
    if (has(cpu, "xsave"))
        at_least(&level, 0xd);
    if (has(cpu, "intel-pt"))
        at_least(&level, 0x14);
    if (has(cpu, "amx-tile"))
        at_least(&level, 0x1e);
    if (cpu->topology.dies > 1 && cpu->extended_topology && !cpu_is_amd(cpu))
        at_least(&level, 0x1f);
    if (has(cpu, "topoext"))
        at_least(&xlevel, 0x8000001e);
    at_least(&level, spec->number[CPU_PROP_MIN_LEVEL]);
    at_least(&xlevel, spec->number[CPU_PROP_MIN_XLEVEL]);
    if (spec->given[CPU_PROP_LEVEL] || !spec->number[CPU_PROP_FULL_AUTO_LEVEL])
        level = cpu->level;
    if (spec->given[CPU_PROP_XLEVEL])
        xlevel = cpu->xlevel;
    cpu->level = level;
    cpu->xlevel = xlevel;
}

static bool described(const struct tenon_cpu_cache *cache)
{
    return cache->kib && cache->ways;
}

/* What a model without a description of its own gets: what QEMU's guests have always seen. */
static void choose_caches(struct cpu *cpu, const struct cpu_spec *spec)
{
    if (!described(&cpu->l1d) || !described(&cpu->l1i) || !described(&cpu->l2) ||
        spec->number[CPU_PROP_LEGACY_CACHE]) {
        bool amd = cpu_is_amd(cpu);

        cpu->l1d = cpu->l1i =
            amd ? (struct tenon_cpu_cache){ 64, 2 } : (struct tenon_cpu_cache){ 32, 8 };
        cpu->l2 = (struct tenon_cpu_cache){ amd ? 512 : 4096, 16 };
        cpu->l3 = (struct tenon_cpu_cache){ 16384, 16 };
    }
    if (!spec->number[CPU_PROP_L3_CACHE] || !described(&cpu->l3))
        cpu->l3 = (struct tenon_cpu_cache){ 0 };
}

static void choose_switches(struct cpu *cpu, const struct cpu_spec *spec,
                            const struct cpu_host *host)
{
    cpu->kvm = host->kvm && spec->number[CPU_PROP_KVM];
    cpu->pmu = spec->given[CPU_PROP_PMU] ? spec->number[CPU_PROP_PMU] : cpu->passthrough;
    cpu->host_cache = spec->number[CPU_PROP_HOST_CACHE_INFO];
    cpu->extended_topology = spec->number[CPU_PROP_CPUID_0XB];
    cpu->tsc_hz = spec->number[CPU_PROP_TSC_FREQUENCY];
    cpu->vmware_freq = spec->number[CPU_PROP_VMWARE_CPUID_FREQ];
    cpu->tsc_khz = cpu->tsc_hz ? cpu->tsc_hz / 1000 : host->tsc_khz;
    cpu->apic_khz = host->apic_khz;
}

struct cpu *cpu_resolve(const struct cpu_spec *spec, const struct cpu_topology *topology,
                        const struct cpu_host *host, cpu_lookup_fn *lookup, void *arg)
{
    struct cpu *cpu = g_new0(struct cpu, 1);
    const struct tenon_cpu_model *model = NULL;
    struct tenon_cpu_model copy = { 0 };

    cpu->topology = *topology;
    cpu->passthrough = !strcmp(spec->model, "host") || !strcmp(spec->model, "max");
    cpu->host = g_memdup2(host->entries, host->n * sizeof(*host->entries));
    cpu->n_host = host->n;
    if (host->kvm)
        fill_native(cpu->host, cpu->n_host);
    if (!strcmp(spec->model, "host") && !host->kvm) {
        report(spec->where, "host: it takes KVM (-accel kvm) to give a guest the host's processor");
        goto fail;
    }
    if (cpu->passthrough) {
        fill_from_host(cpu, host);
    } else if ((model = lookup(arg, spec->model))) {
        memcpy(&copy, model, MIN(model->size, sizeof(copy)));
        fill_from_model(cpu, &copy);
        if (host->kvm || !*cpu->vendor)
            host_vendor(host, cpu->vendor);
    } else {
        goto fail;
    }
    override(cpu, spec);
    choose_switches(cpu, spec, host);
    if (choose_features(cpu, spec, host, model ? &copy : NULL))
        goto fail;
    choose_address_bits(cpu, spec, host);
    choose_levels(cpu, spec);
    choose_caches(cpu, spec);
    cpu->func7_subleaf = spec->given[CPU_PROP_LEVEL_FUNC7] ? spec->number[CPU_PROP_LEVEL_FUNC7]
                                                           : cpu->features.word[CPU_7_1_EAX] != 0;
    return cpu;

fail:
    cpu_destroy(cpu);
    return NULL;
}

void cpu_destroy(struct cpu *cpu)
{
    if (!cpu)
        return;
    g_free(cpu->host);
    g_free(cpu);
}
