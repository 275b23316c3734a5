/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpuid - the CPUID leaves of one processor of a guest (Intel SDM volume 2, CPUID; AMD APM volume
 * 3, appendix E; Linux Documentation/virt/kvm/x86/cpuid.rst).
 */

#include <string.h>

#include <glib.h>

#include "cpu/model.h"

/* A list of leaves in the making. */
struct leaves {
    const struct cpu *cpu;
    uint32_t index, apic_id;
    GArray *entries;
};

struct regs {
    uint32_t eax, ebx, ecx, edx;
};

static uint32_t word(const struct leaves *l, enum cpu_word w)
{
    return l->cpu->features.word[w];
}

static bool has(const struct leaves *l, const char *name)
{
    return cpu_features_has(&l->cpu->features, name);
}

static void add_entry(struct leaves *l, uint32_t leaf, uint32_t subleaf, uint32_t flags,
                      struct regs r)
{
    struct cpuid_entry e = {
        .leaf = leaf,
        .subleaf = subleaf,
        .flags = flags,
        .eax = r.eax,
        .ebx = r.ebx,
        .ecx = r.ecx,
        .edx = r.edx,
    };

    g_array_append_val(l->entries, e);
}

static void add(struct leaves *l, uint32_t leaf, struct regs r)
{
    add_entry(l, leaf, 0, 0, r);
}

static void add_sub(struct leaves *l, uint32_t leaf, uint32_t subleaf, struct regs r)
{
    add_entry(l, leaf, subleaf, CPUID_INDEXED, r);
}

static const struct cpuid_entry *host(const struct leaves *l, uint32_t leaf, uint32_t subleaf)
{
    return cpuid_find(l->cpu->host, l->cpu->n_host, leaf, subleaf);
}

/* A leaf as the host has it, with all its subleaves. */
static void add_host(struct leaves *l, uint32_t leaf)
{
    for (unsigned i = 0; i < l->cpu->n_host; i++)
        if (l->cpu->host[i].leaf == leaf)
            g_array_append_val(l->entries, l->cpu->host[i]);
}

/* Four, or twelve, characters in the order that CPUID has them. */
static uint32_t chars(const char *text)
{
    uint32_t value;

    memcpy(&value, text, sizeof(value));
    return value;
}

static struct regs vendor_regs(uint32_t eax, const char *vendor)
{
    char name[13] = { 0 };

    memcpy(name, vendor, strnlen(vendor, 12));
    return (struct regs){ eax, chars(name), chars(name + 8), chars(name + 4) };
}

/* Version information: family and model in their two parts each. */
static uint32_t signature(const struct cpu *cpu)
{
    uint32_t family = MIN(cpu->family, 0xf);

    return (cpu->family - family) << 20 | (cpu->model >> 4) << 16 | family << 8 |
           (cpu->model & 0xf) << 4 | cpu->stepping;
}

/* ---- Topology ---- */

static void add_leaf_1(struct leaves *l)
{
    uint32_t threads = cpu_topology_socket_threads(&l->cpu->topology);
    struct regs r = {
        .eax = signature(l->cpu),
        .ebx = (l->apic_id & 0xff) << 24,
        .ecx = word(l, CPU_1_ECX),
        .edx = word(l, CPU_1_EDX),
    };

    if (has(l, "clflush"))
        r.ebx |= 64 / 8 << 8;
    if (threads > 1) {
        r.ebx |= MIN(threads, 255) << 16;
        r.edx |= 1u << 28; /* ht: the field above counts */
    }
    add(l, 1, r);
}

/* Leaf 0xB, and 0x1F where there are dies: how far to shift the x2APIC id for each level. */
static void add_levels(struct leaves *l, uint32_t leaf)
{
    enum { NONE = 0, THREAD = 1, CORE = 2, DIE = 5 };
    const struct cpu_topology *t = &l->cpu->topology;
    bool dies = leaf == 0x1f;
    const struct {
        uint32_t type, shift, threads;
    } levels[] = {
        { THREAD, cpu_topology_core_shift(t), t->threads },
        { CORE, dies ? cpu_topology_die_shift(t) : cpu_topology_socket_shift(t),
          dies ? cpu_topology_die_threads(t) : cpu_topology_socket_threads(t) },
        { dies ? DIE : NONE, dies ? cpu_topology_socket_shift(t) : 0,
          dies ? cpu_topology_socket_threads(t) : 0 },
        { NONE, 0, 0 },
    };

    for (uint32_t i = 0; i < (dies ? 4 : 3); i++)
        add_sub(l, leaf, i,
                (struct regs){ levels[i].shift, levels[i].threads, levels[i].type << 8 | i,
                               l->apic_id });
}

/* AMD's: the core's number in its socket, and the die as a node. */
static void add_amd_topology(struct leaves *l)
{
    const struct cpu_topology *t = &l->cpu->topology;
    struct cpu_place place = cpu_topology_place(t, l->index);
    uint32_t node = place.socket * t->dies + place.die;

    add(l, 0x8000001e,
        (struct regs){
            .eax = l->apic_id,
            .ebx = (t->threads - 1) << 8 | ((place.die * t->cores + place.core) & 0xff),
            .ecx = (t->dies - 1) << 8 | (node & 0xff),
        });
}

/* ---- Caches ---- */

enum { DATA = 1, CODE = 2, UNIFIED = 3 };

/* Processors that share a cache, as leaf 4 counts them: room for ids, less one, in twelve bits. */
static uint32_t sharing(unsigned shift)
{
    return MIN((1u << shift) - 1, 0xfff) << 14;
}

/* One subleaf of leaf 4 or 0x8000001D; shift: of the APIC ids that share the cache. */
static struct regs cache_regs(struct tenon_cpu_cache cache, uint32_t type, uint32_t level,
                              unsigned shift, uint32_t flags)
{
    const uint32_t line = 64, self_initializing = 1 << 8;

    return (struct regs){
        .eax = type | level << 5 | self_initializing | sharing(shift),
        .ebx = (cache.ways - 1) << 22 | (line - 1),
        .ecx = cache.kib * 1024 / line / cache.ways - 1,
        .edx = flags,
    };
}

/* cores goes to bits 31 to 26 of eax, which are reserved in AMD's leaf. */
static void add_caches(struct leaves *l, uint32_t leaf, uint32_t cores)
{
    const struct cpu *cpu = l->cpu;
    const unsigned core = cpu_topology_core_shift(&cpu->topology);
    const unsigned die = cpu_topology_die_shift(&cpu->topology);
    const uint32_t not_lower = 1, inclusive = 2, hashed = 4;
    const struct regs all[] = {
        cache_regs(cpu->l1d, DATA, 1, core, not_lower),
        cache_regs(cpu->l1i, CODE, 1, core, not_lower),
        cache_regs(cpu->l2, UNIFIED, 2, core, not_lower),
        cpu->l3.kib ? cache_regs(cpu->l3, UNIFIED, 3, die, inclusive | hashed) : (struct regs){ 0 },
        { 0 },
    };

    for (uint32_t i = 0; i < G_N_ELEMENTS(all); i++) {
        struct regs r = all[i];

        r.eax |= r.eax ? (cores - 1) << 26 : 0;
        add_sub(l, leaf, i, r);
        if (!r.eax)
            break;
    }
}

/* Core ids in a socket, as leaf 4 counts them: room, not cores. */
static uint32_t core_ids(const struct cpu_topology *t)
{
    return MIN(1u << (cpu_topology_socket_shift(t) - cpu_topology_core_shift(t)), 64);
}

/* The host's caches, shared as this guest's topology says. */
static void add_host_caches(struct leaves *l, uint32_t leaf, uint32_t cores)
{
    const struct cpu_topology *t = &l->cpu->topology;
    const struct cpuid_entry *e;

    for (uint32_t i = 0; i < 8 && (e = host(l, leaf, i)); i++) {
        unsigned shift =
            (e->eax >> 5 & 7) < 3 ? cpu_topology_core_shift(t) : cpu_topology_die_shift(t);
        uint32_t eax = (e->eax & 0x3fff) | sharing(shift) | (cores - 1) << 26;
        bool end = !(e->eax & 0x1f);

        add_sub(l, leaf, i, (struct regs){ end ? 0 : eax, e->ebx, e->ecx, e->edx });
        if (end)
            break;
    }
}

static void add_intel_caches(struct leaves *l)
{
    const uint32_t valid = 1, see_leaf_4 = 0xff;
    /* 2M L2 (7D), 32K code (30), 32K data (2C): for processors before leaf 4 */
    const uint32_t descriptors = 0x002c307d;

    if (l->cpu->host_cache) {
        add_host(l, 2);
        add_host_caches(l, 4, core_ids(&l->cpu->topology));
        return;
    }
    add(l, 2, (struct regs){ .eax = valid, .edx = l->cpu->level < 4 ? descriptors : see_leaf_4 });
    if (l->cpu->level >= 4)
        add_caches(l, 4, core_ids(&l->cpu->topology));
}

/* AMD's code for a number of ways, in leaf 0x80000006. */
static uint32_t amd_ways(uint32_t ways)
{
    static const struct {
        uint8_t ways, code;
    } codes[] = { { 1, 1 },   { 2, 2 },   { 4, 4 },   { 8, 6 },   { 16, 8 },
                  { 32, 10 }, { 48, 11 }, { 64, 12 }, { 96, 13 }, { 128, 14 } };

    for (size_t i = 0; i < G_N_ELEMENTS(codes); i++)
        if (codes[i].ways == ways)
            return codes[i].code;
    return 0xf; /* any line in any place */
}

static uint32_t amd_l1(struct tenon_cpu_cache cache)
{
    return cache.kib << 24 | cache.ways << 16 | 1 << 8 | 64;
}

static uint32_t amd_l2(struct tenon_cpu_cache cache)
{
    return cache.kib << 16 | amd_ways(cache.ways) << 12 | 1 << 8 | 64;
}

static uint32_t amd_l3(struct tenon_cpu_cache cache)
{
    return cache.kib ? cache.kib / 512 << 18 | amd_ways(cache.ways) << 12 | 1 << 8 | 64 : 0;
}

/* Leaves 0x80000005 and 6.  Of the translation buffers: 255 entries of one way, then 512 of four.
 */
static void add_old_caches(struct leaves *l)
{
    const struct cpu *cpu = l->cpu;
    const uint32_t tlb_1 = 0x01ff01ff, tlb_2 = 0x42004200;

    if (cpu->host_cache) {
        add_host(l, 0x80000005);
        add_host(l, 0x80000006);
    } else if (cpu_is_amd(cpu)) {
        add(l, 0x80000005, (struct regs){ tlb_1, tlb_1, amd_l1(cpu->l1d), amd_l1(cpu->l1i) });
        add(l, 0x80000006, (struct regs){ 0, tlb_2, amd_l2(cpu->l2), amd_l3(cpu->l3) });
    } else {
        add(l, 0x80000006, (struct regs){ .ecx = amd_l2(cpu->l2) });
    }
}

/* ---- State components of XSAVE ---- */

enum { ALIGN_64 = 2 };

/* Where they are in the standard format, if the host does not say. */
static const struct {
    uint8_t bit;
    const char *feature;
    uint32_t size, offset, flags;
} components[] = {
    // clang-format off
    {  2, "avx",       256,  576, 0 },
    {  3, "mpx",        64,  960, 0 },
    {  4, "mpx",        64, 1024, 0 },
    {  5, "avx512f",    64, 1088, 0 },
    {  6, "avx512f",   512, 1152, 0 },
    {  7, "avx512f",  1024, 1664, 0 },
    {  9, "pku",         8, 2688, 0 },
    { 17, "amx-tile",   64, 2752, ALIGN_64 },
    { 18, "amx-tile", 8192, 2816, ALIGN_64 },
    // clang-format on
};

/*
 * What the guest may enable in XCR0, and how large the areas are.  State that only XSAVES keeps
 * (IA32_XSS) is not offered.
 */
static void add_xsave(struct leaves *l)
{
    const uint32_t legacy = 512 + 64;
    const struct cpuid_entry *all = host(l, 0xd, 0);
    uint64_t may = all ? (uint64_t)all->edx << 32 | all->eax : 0, xcr0 = 3;
    uint32_t size = legacy, packed = legacy;
    unsigned at = l->entries->len;
    struct cpuid_entry *e;

    add_sub(l, 0xd, 0, (struct regs){ 0 });
    add_sub(l, 0xd, 1, (struct regs){ 0 });
    for (size_t i = 0; i < G_N_ELEMENTS(components); i++) {
        const struct cpuid_entry *there = host(l, 0xd, components[i].bit);
        struct regs r = { components[i].size, components[i].offset, components[i].flags, 0 };

        if (!has(l, components[i].feature) || !(may >> components[i].bit & 1))
            continue;
        if (there && there->eax)
            r = (struct regs){ there->eax, there->ebx, there->ecx, there->edx };
        xcr0 |= 1ull << components[i].bit;
        size = MAX(size, r.ebx + r.eax);
        packed = (r.ecx & ALIGN_64 ? (packed + 63) & ~63u : packed) + r.eax;
        add_sub(l, 0xd, components[i].bit, r);
    }
    e = &g_array_index(l->entries, struct cpuid_entry, at);
    e[0].eax = xcr0;
    e[0].ebx = legacy; /* at reset, when XCR0 is 1; the accelerator follows XCR0 */
    e[0].ecx = size;
    e[0].edx = xcr0 >> 32;
    e[1].eax = word(l, CPU_D_1_EAX);
    e[1].ebx = has(l, "xsavec") || has(l, "xsaves") ? packed : 0;
}

/* ---- The list ---- */

static void add_leaf_7(struct leaves *l)
{
    add_sub(l, 7, 0,
            (struct regs){ l->cpu->func7_subleaf, word(l, CPU_7_EBX), word(l, CPU_7_ECX),
                           word(l, CPU_7_EDX) });
    if (l->cpu->func7_subleaf)
        add_sub(l, 7, 1, (struct regs){ .eax = word(l, CPU_7_1_EAX) });
}

/* Trace packets, as the host has them, but for the one bit that is the user's. */
static void add_trace(struct leaves *l)
{
    const uint32_t lip = 1u << 31;
    unsigned at = l->entries->len;

    add_host(l, 0x14);
    if (l->entries->len > at) {
        struct cpuid_entry *e = &g_array_index(l->entries, struct cpuid_entry, at);

        e->ecx = (e->ecx & ~lip) | word(l, CPU_14_ECX);
    }
}

static void add_basic(struct leaves *l)
{
    const struct cpu *cpu = l->cpu;
    const uint32_t mwait_hints = 3; /* extensions are listed; an interrupt ends it even if masked */
    uint32_t level = cpu->level;

    add(l, 0, vendor_regs(level, cpu->vendor));
    if (level >= 1)
        add_leaf_1(l);
    if (level >= 2 && !cpu_is_amd(cpu))
        add_intel_caches(l);
    if (level >= 5 && has(l, "monitor"))
        add(l, 5, (struct regs){ .ecx = mwait_hints });
    if (level >= 6)
        add(l, 6, (struct regs){ .eax = word(l, CPU_6_EAX) });
    if (level >= 7)
        add_leaf_7(l);
    if (level >= 0xa && cpu->pmu)
        add_host(l, 0xa);
    if (level >= 0xb && cpu->extended_topology)
        add_levels(l, 0xb);
    if (level >= 0xd && has(l, "xsave"))
        add_xsave(l);
    if (level >= 0x14 && has(l, "intel-pt"))
        add_trace(l);
    if (level >= 0x15 && cpu->passthrough)
        add_host(l, 0x15);
    if (level >= 0x16 && cpu->passthrough)
        add_host(l, 0x16);
    if (level >= 0x1e && has(l, "amx-tile")) {
        add_host(l, 0x1d);
        add_host(l, 0x1e);
    }
    if (level >= 0x1f && cpu->extended_topology && cpu->topology.dies > 1)
        add_levels(l, 0x1f);
}

/* KVM's leaves; the frequencies where VMware's guests look for them, if they cannot change. */
static void add_kvm(struct leaves *l)
{
    const struct cpu *cpu = l->cpu;
    bool frequencies = cpu->vmware_freq && has(l, "invtsc") && cpu->tsc_khz && cpu->apic_khz;

    add(l, 0x40000000,
        (struct regs){ frequencies ? 0x40000010 : 0x40000001, chars("KVMK"), chars("VMKV"),
                       chars("M\0\0") });
    add(l, 0x40000001, (struct regs){ .eax = word(l, CPU_KVM_EAX), .edx = word(l, CPU_KVM_EDX) });
    if (frequencies)
        add(l, 0x40000010, (struct regs){ .eax = cpu->tsc_khz, .ebx = cpu->apic_khz });
}

/* Leaf 0x80000001: AMD's repeats what leaf 1 says; and a guest is told that threads are cores. */
static void add_extended_features(struct leaves *l)
{
    const uint32_t repeated = 0x0183f3ff, cmp_legacy = 2;
    struct regs r = {
        .eax = signature(l->cpu),
        .ecx = word(l, CPU_80000001_ECX),
        .edx = word(l, CPU_80000001_EDX),
    };

    if (cpu_is_amd(l->cpu)) {
        r.edx |= word(l, CPU_1_EDX) & repeated;
        if (cpu_topology_socket_threads(&l->cpu->topology) > 1)
            r.ecx |= cmp_legacy;
    }
    add(l, 0x80000001, r);
}

static void add_sizes(struct leaves *l)
{
    const struct cpu_topology *t = &l->cpu->topology;
    uint32_t threads = cpu_topology_socket_threads(t);

    add(l, 0x80000008,
        (struct regs){
            .eax = l->cpu->phys_bits | l->cpu->virt_bits << 8,
            .ebx = word(l, CPU_80000008_EBX),
            .ecx = threads > 1 ? cpu_topology_socket_shift(t) << 12 | (MIN(threads, 256) - 1) : 0,
        });
}

static void add_brand(struct leaves *l)
{
    char text[48] = { 0 };

    memcpy(text, l->cpu->model_id, strnlen(l->cpu->model_id, sizeof(text)));
    for (uint32_t i = 0; i < 3; i++) {
        const char *part = text + 16 * i;

        add(l, 0x80000002 + i,
            (struct regs){ chars(part), chars(part + 4), chars(part + 8), chars(part + 12) });
    }
}

static void add_extended(struct leaves *l)
{
    const struct cpu *cpu = l->cpu;
    const uint32_t svm_revision = 1, address_space_ids = 16;
    uint32_t level = cpu->xlevel;

    if (level < 0x80000000)
        return;
    add(l, 0x80000000, vendor_regs(level, cpu->vendor));
    if (level >= 0x80000001)
        add_extended_features(l);
    if (level >= 0x80000004)
        add_brand(l);
    if (level >= 0x80000006)
        add_old_caches(l);
    if (level >= 0x80000007)
        add(l, 0x80000007, (struct regs){ .edx = word(l, CPU_80000007_EDX) });
    if (level >= 0x80000008)
        add_sizes(l);
    if (level >= 0x8000000a && has(l, "svm"))
        add(l, 0x8000000a,
            (struct regs){ svm_revision, address_space_ids, 0, word(l, CPU_8000000A_EDX) });
    if (level >= 0x8000001e && has(l, "topoext")) {
        if (cpu->host_cache)
            add_host_caches(l, 0x8000001d, 1);
        else
            add_caches(l, 0x8000001d, 1);
        add_amd_topology(l);
    }
    if (level >= 0x80000021)
        add(l, 0x80000021, (struct regs){ .eax = word(l, CPU_80000021_EAX) });
}

/* VIA's, if one asks for them. */
static void add_centaur(struct leaves *l)
{
    if (!word(l, CPU_C0000001_EDX))
        return;
    add(l, 0xc0000000, (struct regs){ .eax = 0xc0000001 });
    add(l, 0xc0000001, (struct regs){ .edx = word(l, CPU_C0000001_EDX) });
}

struct cpuid_entry *cpu_cpuid(const struct cpu *cpu, uint32_t index, unsigned *n)
{
    struct leaves l = {
        .cpu = cpu,
        .index = index,
        .apic_id = cpu_topology_apic_id(&cpu->topology, index),
        .entries = g_array_new(FALSE, TRUE, sizeof(struct cpuid_entry)),
    };

    add_basic(&l);
    if (cpu->kvm)
        add_kvm(&l);
    add_extended(&l);
    add_centaur(&l);
    *n = l.entries->len;
    return (struct cpuid_entry *)g_array_free(l.entries, FALSE);
}
