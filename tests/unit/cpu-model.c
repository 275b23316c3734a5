/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-model - the models of plugins/cpu, resolved against hosts of several kinds, leaf by leaf. */

#include <cpuid.h>
#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#include <glib.h>

#include "cpu-said.h"
#include "cpu/model.h"

/* ---- Models: the plugins of the build tree, by the links to them ---- */

static char *plugin_path(const char *name)
{
    const char *root = g_getenv("TENON_BUILD_ROOT");

    g_assert_nonnull(root);
    return g_strdup_printf("%s/plugins-all/cpu-%s.so", root, name);
}

static const struct tenon_plugin *load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);

    return library ? dlsym(library, "tenon_plugin_0") : NULL;
}

static const struct tenon_cpu_model *lookup(void *arg, const char *name)
{
    g_autofree char *path = plugin_path(name);
    const struct tenon_plugin *plugin = load(path);

    for (uint32_t i = 0; plugin && i < plugin->n_types; i++) {
        g_auto(GStrv) names = g_strsplit(plugin->types[i]->name, " ", -1);

        if (g_strv_contains((const char *const *)names, name))
            return plugin->types[i]->ops;
    }
    report("-cpu", "no model %s", name);
    return NULL;
}

/* ---- Hosts ---- */

static bool msr_all(void *arg, uint32_t index, uint64_t *value)
{
    *value = UINT64_MAX;
    return true;
}

/* Everything there is: what a model says comes through as it is. */
static const struct cpuid_entry everything[] = {
    { .leaf = 0, .eax = 0x20, .ebx = 0x756e6547, .ecx = 0x6c65746e, .edx = 0x49656e69 },
    { .leaf = 1, .eax = 0x000806f8, .ecx = ~0u, .edx = ~0u },
    { .leaf = 4, .flags = CPUID_INDEXED, .eax = 0x7c004121, .ebx = 0x02c0003f, .ecx = 63 },
    { .leaf = 4, .subleaf = 1, .flags = CPUID_INDEXED, .eax = 0x7c1fc163, .ebx = 0x0380003f },
    { .leaf = 4, .subleaf = 2, .flags = CPUID_INDEXED },
    { .leaf = 6, .eax = ~0u },
    { .leaf = 7, .flags = CPUID_INDEXED, .ebx = ~0u, .ecx = ~0u, .edx = ~0u },
    { .leaf = 7, .subleaf = 1, .flags = CPUID_INDEXED, .eax = ~0u },
    { .leaf = 0xa, .eax = 0x07300405 },
    { .leaf = 0xd, .flags = CPUID_INDEXED, .eax = 0x602ff },
    { .leaf = 0xd, .subleaf = 1, .flags = CPUID_INDEXED, .eax = ~0u },
    { .leaf = 0x15, .eax = 2, .ebx = 160 },
    { .leaf = 0x40000001, .eax = ~0u },
    { .leaf = 0x80000000, .eax = 0x80000008 },
    { .leaf = 0x80000001, .ecx = ~0u, .edx = ~0u },
    { .leaf = 0x80000002, .eax = 0x74736f48 },
    { .leaf = 0x80000007, .edx = ~0u },
    { .leaf = 0x80000008, .eax = 0x392e, .ebx = ~0u },
    { .leaf = 0x8000000a, .edx = ~0u },
    { .leaf = 0x80000021, .eax = ~0u },
    { .leaf = 0xc0000001, .edx = ~0u },
};

static struct cpu_host host_with(bool kvm)
{
    return (struct cpu_host){
        .entries = everything,
        .n = G_N_ELEMENTS(everything),
        .kvm = kvm,
        .tsc_khz = 2000000,
        .apic_khz = 1000000,
        .msr = msr_all,
    };
}

/* ---- Resolving ---- */

struct guest {
    struct cpu *cpu;
    struct cpuid_entry *entries;
    unsigned n;
};

static struct cpu *resolve(const char *arg, struct cpu_topology t, const struct cpu_host *host)
{
    struct cpu_spec spec;
    struct cpu *cpu;

    g_assert_cmpint(cpu_topology_complete(&t, "-smp"), ==, 0);
    g_assert_cmpint(cpu_spec_parse(&spec, arg, "-cpu"), ==, 0);
    cpu = cpu_resolve(&spec, &t, host, lookup, NULL);
    cpu_spec_finish(&spec);
    return cpu;
}

static struct guest make(const char *arg, struct cpu_topology t, uint32_t index,
                         const struct cpu_host *host)
{
    struct guest g = { .cpu = resolve(arg, t, host) };

    g_assert_nonnull(g.cpu);
    g.entries = cpu_cpuid(g.cpu, index, &g.n);
    return g;
}

static void drop(struct guest *g)
{
    g_free(g->entries);
    cpu_destroy(g->cpu);
}

static const struct cpuid_entry *leaf(const struct guest *g, uint32_t number, uint32_t subleaf)
{
    static const struct cpuid_entry zero;
    const struct cpuid_entry *e = cpuid_find(g->entries, g->n, number, subleaf);

    return e ? e : &zero;
}

static void assert_leaf(const struct guest *g, uint32_t number, uint32_t subleaf, uint32_t eax,
                        uint32_t ebx, uint32_t ecx, uint32_t edx)
{
    const struct cpuid_entry *e = leaf(g, number, subleaf);

    g_test_message("leaf %x.%x", number, subleaf);
    g_assert_cmphex(e->eax, ==, eax);
    g_assert_cmphex(e->ebx, ==, ebx);
    g_assert_cmphex(e->ecx, ==, ecx);
    g_assert_cmphex(e->edx, ==, edx);
}

static const struct cpu_topology one = { .cpus = 1 };

/* ---- Facts: what a guest of QEMU 7.2 reads from these models, measured there ---- */

// clang-format off
static const struct {
    const char *model;
    uint32_t level, xlevel, signature, ecx_1, edx_1, ebx_7, ecx_7, edx_7, ecx_81, edx_81;
} facts[] = {
    { "486-v1", 0x1, 0x0, 0x00000480, 0x80000000, 0x0000000b,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00000000 },
    { "athlon-v1", 0x2, 0x80000008, 0x00000623, 0x80000000, 0x0783fbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0xc1c3f3ff },
    { "Broadwell-v1", 0xd, 0x80000008, 0x000306d2, 0xf7fa3203, 0x078bfbff,
      0x001c0fb9, 0x00000000, 0x00000000, 0x121, 0x28100800 },
    { "Broadwell-v2", 0xd, 0x80000008, 0x000306d2, 0xf7fa3203, 0x078bfbff,
      0x001c07a9, 0x00000000, 0x00000000, 0x121, 0x28100800 },
    { "Broadwell-v3", 0xd, 0x80000008, 0x000306d2, 0xf7fa3203, 0x078bfbff,
      0x001c0fb9, 0x00000000, 0x04000000, 0x121, 0x28100800 },
    { "Broadwell-v4", 0xd, 0x80000008, 0x000306d2, 0xf7fa3203, 0x078bfbff,
      0x001c07a9, 0x00000000, 0x04000000, 0x121, 0x28100800 },
    { "Cascadelake-Server-v1", 0xd, 0x80000008, 0x00050656, 0xf7fa3203, 0x078bfbff,
      0xd19f0fb9, 0x00000808, 0x84000000, 0x121, 0x2c100800 },
    { "Cascadelake-Server-v2", 0xd, 0x80000008, 0x00050656, 0xf7fa3203, 0x078bfbff,
      0xd19f0fb9, 0x00000808, 0xa4000000, 0x121, 0x2c100800 },
    { "Cascadelake-Server-v3", 0xd, 0x80000008, 0x00050656, 0xf7fa3203, 0x078bfbff,
      0xd19f07a9, 0x00000808, 0xa4000000, 0x121, 0x2c100800 },
    { "Cascadelake-Server-v4", 0xd, 0x80000008, 0x00050656, 0xf7fa3203, 0x078bfbff,
      0xd19f07a9, 0x00000808, 0xa4000000, 0x121, 0x2c100800 },
    { "Cascadelake-Server-v5", 0xd, 0x80000008, 0x00050656, 0xf7fa3203, 0x078bfbff,
      0xd19f07a9, 0x00000808, 0xa4000000, 0x121, 0x2c100800 },
    { "Conroe-v1", 0xa, 0x80000008, 0x000006f3, 0x80000201, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x20100800 },
    { "Cooperlake-v1", 0xd, 0x80000008, 0x0005065a, 0xf7fa3203, 0x078bfbff,
      0xd19f0fb9, 0x00000808, 0xac000000, 0x121, 0x2c100800 },
    { "Cooperlake-v2", 0xd, 0x80000008, 0x0005065a, 0xf7fa3203, 0x078bfbff,
      0xd19f0fb9, 0x00000808, 0xac000000, 0x121, 0x2c100800 },
    { "core2duo-v1", 0xa, 0x80000008, 0x000006fb, 0x80002209, 0x0fcbfbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x20100800 },
    { "coreduo-v1", 0xa, 0x80000008, 0x000006e8, 0x80000009, 0x0fc9fbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00100000 },
    { "Denverton-v1", 0x15, 0x80000008, 0x000506f1, 0xc7f8220b, 0x078bfbff,
      0x20944281, 0x00000000, 0xa4000000, 0x101, 0x2c100800 },
    { "Denverton-v2", 0x15, 0x80000008, 0x000506f1, 0xc7f82203, 0x078bfbff,
      0x20940281, 0x00000000, 0xa4000000, 0x101, 0x2c100800 },
    { "Denverton-v3", 0x15, 0x80000008, 0x000506f1, 0xc7f82203, 0x078bfbff,
      0x20940281, 0x00000000, 0xa4000000, 0x101, 0x2c100800 },
    { "Dhyana-v1", 0xd, 0x8000001e, 0x00900f01, 0xf4d83209, 0x078bfbff,
      0x009c01a9, 0x00000000, 0x00000000, 0x4003f5, 0x2fd3fbff },
    { "Dhyana-v2", 0xd, 0x8000001e, 0x00900f01, 0xf4d83209, 0x078bfbff,
      0x009c01a9, 0x00000000, 0x00000000, 0x4003f5, 0x2fd3fbff },
    { "EPYC-Milan-v1", 0xd, 0x8000001e, 0x00a00f11, 0xf6da320b, 0x078bfbff,
      0x219c07a9, 0x0040000c, 0x00000010, 0xc003f5, 0x2fd3fbff },
    { "EPYC-Rome-v1", 0xd, 0x8000001e, 0x00830f10, 0xf6d8320b, 0x078bfbff,
      0x219c01a9, 0x00400004, 0x00000000, 0xc003f5, 0x2fd3fbff },
    { "EPYC-Rome-v2", 0xd, 0x8000001e, 0x00830f10, 0xf6d8320b, 0x078bfbff,
      0x219c01a9, 0x00400004, 0x00000000, 0xc003f5, 0x2fd3fbff },
    { "EPYC-v1", 0xd, 0x8000001e, 0x00800f12, 0xf6d8320b, 0x078bfbff,
      0x209c01a9, 0x00000000, 0x00000000, 0x4003f5, 0x2fd3fbff },
    { "EPYC-v2", 0xd, 0x8000001e, 0x00800f12, 0xf6d8320b, 0x078bfbff,
      0x209c01a9, 0x00000000, 0x00000000, 0x4003f5, 0x2fd3fbff },
    { "EPYC-v3", 0xd, 0x8000001e, 0x00800f12, 0xf6d8320b, 0x078bfbff,
      0x209c01a9, 0x00000000, 0x00000000, 0xc003f5, 0x2fd3fbff },
    { "Haswell-v1", 0xd, 0x80000008, 0x000306c4, 0xf7fa3203, 0x078bfbff,
      0x00000fb9, 0x00000000, 0x00000000, 0x21, 0x28100800 },
    { "Haswell-v2", 0xd, 0x80000008, 0x000306c1, 0xf7fa3203, 0x078bfbff,
      0x000007a9, 0x00000000, 0x00000000, 0x21, 0x28100800 },
    { "Haswell-v3", 0xd, 0x80000008, 0x000306c4, 0xf7fa3203, 0x078bfbff,
      0x00000fb9, 0x00000000, 0x04000000, 0x21, 0x28100800 },
    { "Haswell-v4", 0xd, 0x80000008, 0x000306c1, 0xf7fa3203, 0x078bfbff,
      0x000007a9, 0x00000000, 0x04000000, 0x21, 0x28100800 },
    { "Icelake-Server-v1", 0xd, 0x80000008, 0x00080660, 0xf7fa3203, 0x078bfbff,
      0xd19f0fb9, 0x00015f4e, 0x84000000, 0x121, 0x2c100800 },
    { "Icelake-Server-v2", 0xd, 0x80000008, 0x00080660, 0xf7fa3203, 0x078bfbff,
      0xd19f07a9, 0x00015f4e, 0x84000000, 0x121, 0x2c100800 },
    { "Icelake-Server-v3", 0xd, 0x80000008, 0x00080660, 0xf7fa3203, 0x078bfbff,
      0xd19f07a9, 0x00015f4e, 0xa4000000, 0x121, 0x2c100800 },
    { "Icelake-Server-v4", 0xd, 0x80000008, 0x000606a0, 0xf7fa3203, 0x078bfbff,
      0xf1bf07a9, 0x00415f4e, 0xa4000010, 0x121, 0x2c100800 },
    { "Icelake-Server-v5", 0xd, 0x80000008, 0x000606a0, 0xf7fa3203, 0x078bfbff,
      0xf1bf07a9, 0x00415f4e, 0xa4000010, 0x121, 0x2c100800 },
    { "Icelake-Server-v6", 0xd, 0x80000008, 0x000606a0, 0xf7fa3203, 0x078bfbff,
      0xf1bf07a9, 0x00415f4e, 0xa4000010, 0x121, 0x2c100800 },
    { "IvyBridge-v1", 0xd, 0x80000008, 0x000306a9, 0xf7b82203, 0x078bfbff,
      0x00000281, 0x00000000, 0x00000000, 0x1, 0x28100800 },
    { "IvyBridge-v2", 0xd, 0x80000008, 0x000306a9, 0xf7b82203, 0x078bfbff,
      0x00000281, 0x00000000, 0x04000000, 0x1, 0x28100800 },
    { "KnightsMill-v1", 0xd, 0x80000008, 0x00080650, 0xf7f83203, 0x0f8bfbff,
      0x1c0d03a9, 0x00004000, 0x0000000c, 0x121, 0x2c100800 },
    { "kvm32-v1", 0x5, 0x80000008, 0x00000f61, 0x80000001, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00000000 },
    { "kvm64-v1", 0xd, 0x80000008, 0x00000f61, 0x80002001, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x20100800 },
    { "n270-v1", 0xa, 0x80000008, 0x000106c2, 0x80400209, 0x0fc9fbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x00100000 },
    { "Nehalem-v1", 0xb, 0x80000008, 0x000106a3, 0x80982201, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x20100800 },
    { "Nehalem-v2", 0xb, 0x80000008, 0x000106a3, 0x80982201, 0x078bfbff,
      0x00000000, 0x00000000, 0x04000000, 0x1, 0x20100800 },
    { "Opteron_G1-v1", 0x5, 0x80000008, 0x00000f61, 0x80000001, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x2193fbff },
    { "Opteron_G2-v1", 0x5, 0x8000000a, 0x00000f61, 0x80002001, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x5, 0x2193fbff },
    { "Opteron_G3-v1", 0x5, 0x8000000a, 0x00100f23, 0x80802009, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0xe5, 0x2993fbff },
    { "Opteron_G4-v1", 0xd, 0x8000001a, 0x00600f12, 0x96982203, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x109e5, 0x2d93fbff },
    { "Opteron_G5-v1", 0xd, 0x8000001a, 0x00600f20, 0xb6983203, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x2109e5, 0x2d93fbff },
    { "Penryn-v1", 0xa, 0x80000008, 0x00010673, 0x80082201, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x20100800 },
    { "pentium-v1", 0x1, 0x0, 0x00000543, 0x80000000, 0x008003bf,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00000000 },
    { "pentium2-v1", 0x2, 0x0, 0x00000652, 0x80000000, 0x0183fbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00000000 },
    { "pentium3-v1", 0x3, 0x0, 0x00000673, 0x80000000, 0x0383fbff,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00000000 },
    { "phenom-v1", 0x5, 0x8000001a, 0x00100f23, 0x80802009, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x65, 0xefd3fbff },
    { "qemu32-v1", 0x4, 0x80000004, 0x00000663, 0x80000001, 0x0781abfd,
      0x00000000, 0x00000000, 0x00000000, 0x0, 0x00000000 },
    { "qemu64-v1", 0xd, 0x8000000a, 0x00060fb1, 0x80002001, 0x078bfbfd,
      0x00000000, 0x00000000, 0x00000000, 0x5, 0x2193fbfd },
    { "SandyBridge-v1", 0xd, 0x80000008, 0x000206a1, 0x97b82203, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x28100800 },
    { "SandyBridge-v2", 0xd, 0x80000008, 0x000206a1, 0x97b82203, 0x078bfbff,
      0x00000000, 0x00000000, 0x04000000, 0x1, 0x28100800 },
    { "Skylake-Client-v1", 0xd, 0x80000008, 0x000506e3, 0xf7fa3203, 0x078bfbff,
      0x001c0fb9, 0x00000000, 0x00000000, 0x121, 0x28100800 },
    { "Skylake-Client-v2", 0xd, 0x80000008, 0x000506e3, 0xf7fa3203, 0x078bfbff,
      0x001c0fb9, 0x00000000, 0x04000000, 0x121, 0x28100800 },
    { "Skylake-Client-v3", 0xd, 0x80000008, 0x000506e3, 0xf7fa3203, 0x078bfbff,
      0x001c07a9, 0x00000000, 0x04000000, 0x121, 0x28100800 },
    { "Skylake-Client-v4", 0xd, 0x80000008, 0x000506e3, 0xf7fa3203, 0x078bfbff,
      0x001c07a9, 0x00000000, 0x04000000, 0x121, 0x28100800 },
    { "Skylake-Server-v1", 0xd, 0x80000008, 0x00050654, 0xf7fa3203, 0x078bfbff,
      0xd19f0fb9, 0x00000008, 0x00000000, 0x121, 0x2c100800 },
    { "Skylake-Server-v2", 0xd, 0x80000008, 0x00050654, 0xf7fa3203, 0x078bfbff,
      0xd11f0fb9, 0x00000008, 0x04000000, 0x121, 0x2c100800 },
    { "Skylake-Server-v3", 0xd, 0x80000008, 0x00050654, 0xf7fa3203, 0x078bfbff,
      0xd11f07a9, 0x00000008, 0x04000000, 0x121, 0x2c100800 },
    { "Skylake-Server-v4", 0xd, 0x80000008, 0x00050654, 0xf7fa3203, 0x078bfbff,
      0xd11f07a9, 0x00000008, 0x04000000, 0x121, 0x2c100800 },
    { "Skylake-Server-v5", 0xd, 0x80000008, 0x00050654, 0xf7fa3203, 0x078bfbff,
      0xd11f07a9, 0x00000008, 0x04000000, 0x121, 0x2c100800 },
    { "Snowridge-v1", 0x1b, 0x80000008, 0x00080661, 0xc7f8220b, 0x078bfbff,
      0x21944281, 0x1a000104, 0xe4000000, 0x101, 0x2c100800 },
    { "Snowridge-v2", 0x1b, 0x80000008, 0x00080661, 0xc7f8220b, 0x078bfbff,
      0x21940281, 0x1a000104, 0xe4000000, 0x101, 0x2c100800 },
    { "Snowridge-v3", 0x1b, 0x80000008, 0x00080661, 0xc7f8220b, 0x078bfbff,
      0x21940281, 0x1a000104, 0xe4000000, 0x101, 0x2c100800 },
    { "Snowridge-v4", 0x1b, 0x80000008, 0x00080661, 0xc7f8220b, 0x078bfbff,
      0x21940281, 0x1a000104, 0xa4000000, 0x101, 0x2c100800 },
    { "Westmere-v1", 0xb, 0x80000008, 0x000206c1, 0x82982203, 0x078bfbff,
      0x00000000, 0x00000000, 0x00000000, 0x1, 0x20100800 },
    { "Westmere-v2", 0xb, 0x80000008, 0x000206c1, 0x82982203, 0x078bfbff,
      0x00000000, 0x00000000, 0x04000000, 0x1, 0x20100800 },
};
// clang-format on

static void test_facts(void)
{
    struct cpu_host host = host_with(false);

    for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
        struct guest g = make(facts[i].model, one, 0, &host);

        g_test_message("%s", facts[i].model);
        g_assert_cmphex(leaf(&g, 0, 0)->eax, ==, facts[i].level);
        g_assert_cmphex(leaf(&g, 0x80000000, 0)->eax, ==, facts[i].xlevel);
        g_assert_cmphex(leaf(&g, 1, 0)->eax, ==, facts[i].signature);
        g_assert_cmphex(leaf(&g, 1, 0)->ecx, ==, facts[i].ecx_1);
        g_assert_cmphex(leaf(&g, 1, 0)->edx, ==, facts[i].edx_1);
        g_assert_cmphex(leaf(&g, 7, 0)->ebx, ==, facts[i].ebx_7);
        g_assert_cmphex(leaf(&g, 7, 0)->ecx, ==, facts[i].ecx_7);
        g_assert_cmphex(leaf(&g, 7, 0)->edx, ==, facts[i].edx_7);
        g_assert_cmphex(leaf(&g, 0x80000001, 0)->ecx, ==, facts[i].ecx_81);
        g_assert_cmphex(leaf(&g, 0x80000001, 0)->edx, ==, facts[i].edx_81);
        drop(&g);
    }
}

static unsigned count_links(const char *directory)
{
    GDir *files = g_dir_open(directory, 0, NULL);
    unsigned n = 0;
    const char *file;

    while ((file = g_dir_read_name(files)))
        n += g_str_has_prefix(file, "cpu-");
    g_dir_close(files);
    return n;
}

/* Each name in each file leads to a model whose features are known. */
static unsigned check_file(const char *path)
{
    const struct tenon_plugin *plugin = load(path);
    struct cpu_host host = host_with(false);
    unsigned n = 0;

    g_assert_nonnull(plugin);
    for (uint32_t i = 0; i < plugin->n_types; i++) {
        g_auto(GStrv) names = g_strsplit(plugin->types[i]->name, " ", -1);

        g_assert_cmpstr(plugin->types[i]->kind, ==, "cpu");
        g_assert_cmpstr(plugin->types[i]->ops_id, ==, "tenon.cpu/1");
        for (unsigned j = 0; names[j]; j++, n++) {
            struct guest g = make(names[j], one, 0, &host);

            g_assert_cmpuint(g.n, >, 0);
            drop(&g);
        }
    }
    return n;
}

static void test_every_model(void)
{
    g_autofree char *any = plugin_path("qemu64");
    g_autofree char *links = g_path_get_dirname(any);
    g_autofree char *directory = g_build_filename(links, "..", "plugins", NULL);
    GDir *files = g_dir_open(directory, 0, NULL);
    unsigned names = 0;
    const char *file;

    while ((file = g_dir_read_name(files))) {
        g_autofree char *path = g_build_filename(directory, file, NULL);

        if (g_str_has_prefix(file, "cpu-") && g_str_has_suffix(file, ".so"))
            names += check_file(path);
    }
    g_dir_close(files);
    g_assert_cmpuint(names, ==, count_links(links));
    g_assert_cmpuint(names, >=, 100);
}

static void test_strings(void)
{
    struct cpu_host host = host_with(false);
    struct guest g = make("Nehalem", one, 0, &host);
    char brand[49] = { 0 };

    assert_leaf(&g, 0, 0, 0xb, 0x756e6547, 0x6c65746e, 0x49656e69); /* Genu ntel ineI */
    for (uint32_t i = 0; i < 3; i++)
        memcpy(brand + 16 * i, &leaf(&g, 0x80000002 + i, 0)->eax, 16);
    g_assert_cmpstr(brand, ==, "Intel Core i7 9xx (Nehalem Class Core i7)");
    drop(&g);

    g = make("Nehalem,vendor=HygonGenuine,model-id=Fast,family=24,model=0x31,stepping=2,level=5",
             one, 0, &host);
    assert_leaf(&g, 0, 0, 5, 0x6f677948, 0x656e6975, 0x6e65476e);
    assert_leaf(&g, 0x80000002, 0, 0x74736146, 0, 0, 0);
    g_assert_cmphex(leaf(&g, 1, 0)->eax, ==, 0x00930f12);
    g_assert_null(cpuid_find(g.entries, g.n, 6, 0));
    drop(&g);
}

/* ---- What the host lacks ---- */

static void test_filter(void)
{
    struct cpuid_entry poor[G_N_ELEMENTS(everything)];
    struct cpu_host host = host_with(false);
    struct guest g;
    GString *said;

    memcpy(poor, everything, sizeof(poor));
    for (size_t i = 0; i < G_N_ELEMENTS(poor); i++)
        if (poor[i].leaf == 7)
            poor[i].ebx &= ~(1u << 5 | 1u << 19);
    host.entries = poor;

    said = said_begin();
    g = make("Broadwell", one, 0, &host);
    said_end(said, "tenon: warning: host doesn't support requested feature: "
                   "CPUID.07H:EBX.avx2 [bit 5]\n"
                   "tenon: warning: host doesn't support requested feature: "
                   "CPUID.07H:EBX.adx [bit 19]\n");
    g_assert_cmphex(leaf(&g, 7, 0)->ebx & (1u << 5 | 1u << 19), ==, 0);
    g_assert_cmphex(leaf(&g, 7, 0)->ebx & 1u << 18, !=, 0);
    drop(&g);

    said = said_begin();
    g = make("Broadwell,check=off", one, 0, &host);
    said_end(said, "");
    g_assert_cmphex(leaf(&g, 7, 0)->ebx & 1u << 5, ==, 0);
    drop(&g);

    said = said_begin();
    g_assert_null(resolve("Haswell,enforce=on", one, &host));
    said_end(said, "tenon: host doesn't support requested feature: CPUID.07H:EBX.avx2 [bit 5]\n"
                   "tenon: -cpu: Haswell: enforce=on, and the host lacks the features above\n");

    said = said_begin();
    g = make("Haswell,-avx2,enforce=on", one, 0, &host);
    said_end(said, "");
    drop(&g);

    said = said_begin();
    g_assert_null(resolve("Pentium5", one, &host));
    said_end(said, "tenon: -cpu: no model Pentium5\n");
}

static void test_dependencies(void)
{
    struct cpu_host host = host_with(false);
    GString *said = said_begin();
    struct guest g = make("Skylake-Server,-xsave", one, 0, &host);

    said_end(said, "");
    g_assert_cmphex(leaf(&g, 1, 0)->ecx & (1u << 26 | 1u << 28 | 1u << 12), ==, 0);
    g_assert_cmphex(leaf(&g, 7, 0)->ebx & (1u << 5 | 1u << 16 | 1u << 30), ==, 0);
    g_assert_null(cpuid_find(g.entries, g.n, 0xd, 0));
    drop(&g);

    said = said_begin();
    g = make("Nehalem,+avx2,+rdctl-no", one, 0, &host);
    said_end(said, "tenon: warning: -cpu: avx2 is left out: it needs avx\n"
                   "tenon: warning: -cpu: rdctl-no is left out: it needs arch-capabilities\n");
    g_assert_cmphex(leaf(&g, 7, 0)->ebx & 1u << 5, ==, 0);
    g_assert_cmphex(g.cpu->features.word[CPU_ARCH_CAP], ==, 0);
    drop(&g);

    g = make("Nehalem,+arch-capabilities,+rdctl-no", one, 0, &host);
    g_assert_cmphex(g.cpu->features.word[CPU_ARCH_CAP], ==, 1);
    drop(&g);
}

static bool msr_none(void *arg, uint32_t index, uint64_t *value)
{
    return false;
}

/* A host whose KVM refuses IA32_ARCH_CAPABILITIES. */
static void test_no_msr(void)
{
    struct cpu_host host = host_with(true);
    GString *said = said_begin();
    struct guest g;

    host.msr = msr_none;
    g = make("host", one, 0, &host);
    said_end(said, "");
    g_assert_cmphex(g.cpu->features.word[CPU_ARCH_CAP], ==, 0);
    g_assert_cmphex(leaf(&g, 7, 0)->edx & 1u << 29, ==, 0);
    drop(&g);

    said = said_begin();
    g = make("Nehalem,+arch-capabilities", one, 0, &host);
    said_end(said, "tenon: warning: host doesn't support requested feature: "
                   "CPUID.07H:EDX.arch-capabilities [bit 29]\n");
    drop(&g);
}

/* ---- Topology ---- */

static void test_single(void)
{
    struct cpu_host host = host_with(false);
    struct guest g = make("Haswell", one, 0, &host);

    g_assert_cmphex(leaf(&g, 1, 0)->ebx, ==, 0x00000800);
    g_assert_cmphex(leaf(&g, 1, 0)->edx & 1u << 28, ==, 0);
    assert_leaf(&g, 0xb, 0, 0, 1, 0x100, 0);
    assert_leaf(&g, 0xb, 1, 0, 1, 0x201, 0);
    assert_leaf(&g, 4, 3, 0x00000163, 0x03c0003f, 0x3fff, 6);
    g_assert_cmphex(leaf(&g, 0x80000008, 0)->ecx, ==, 0);
    drop(&g);
}

static void test_intel_topology(void)
{
    struct cpu_host host = host_with(false);
    struct cpu_topology t = { .cpus = 12, .sockets = 2, .cores = 3, .threads = 2 };
    struct guest g = make("Haswell", t, 9, &host); /* socket 1, core 1, thread 1: 1 01 1 */

    g_assert_cmphex(leaf(&g, 1, 0)->ebx, ==, 0x0b060800);
    g_assert_cmphex(leaf(&g, 1, 0)->edx & 1u << 28, !=, 0);
    assert_leaf(&g, 4, 0, 0x0c004121, 0x01c0003f, 63, 1);
    assert_leaf(&g, 4, 1, 0x0c004122, 0x01c0003f, 63, 1);
    assert_leaf(&g, 4, 2, 0x0c004143, 0x03c0003f, 4095, 1);
    assert_leaf(&g, 4, 3, 0x0c01c163, 0x03c0003f, 16383, 6);
    assert_leaf(&g, 4, 4, 0, 0, 0, 0);
    assert_leaf(&g, 0xb, 0, 1, 2, 0x100, 11);
    assert_leaf(&g, 0xb, 1, 3, 6, 0x201, 11);
    assert_leaf(&g, 0xb, 2, 0, 0, 2, 11);
    g_assert_null(cpuid_find(g.entries, g.n, 0x1f, 0));
    g_assert_null(cpuid_find(g.entries, g.n, 0x8000001d, 0));
    g_assert_cmphex(leaf(&g, 0x80000008, 0)->ecx, ==, 0x3005);
    drop(&g);

    g = make("Haswell,cpuid-0xb=off,l3-cache=off", t, 9, &host);
    g_assert_null(cpuid_find(g.entries, g.n, 0xb, 0));
    assert_leaf(&g, 4, 3, 0, 0, 0, 0);
    drop(&g);
}

static void test_dies(void)
{
    struct cpu_host host = host_with(false);
    struct cpu_topology t = { .cpus = 16, .sockets = 1, .dies = 2, .cores = 4, .threads = 2 };
    struct guest g = make("Icelake-Server", t, 13, &host);

    g_assert_cmphex(leaf(&g, 0, 0)->eax, ==, 0x1f);
    assert_leaf(&g, 0xb, 1, 4, 16, 0x201, 13);
    assert_leaf(&g, 0x1f, 0, 1, 2, 0x100, 13);
    assert_leaf(&g, 0x1f, 1, 3, 8, 0x201, 13);
    assert_leaf(&g, 0x1f, 2, 4, 16, 0x502, 13);
    assert_leaf(&g, 0x1f, 3, 0, 0, 3, 13);
    g_assert_cmphex(leaf(&g, 4, 3)->eax, ==, 0x1c01c163);
    drop(&g);
}

static void test_amd_topology(void)
{
    struct cpu_host host = host_with(false);
    struct cpu_topology t = { .cpus = 16, .sockets = 1, .dies = 2, .cores = 4, .threads = 2 };
    struct guest g = make("EPYC", t, 13, &host);

    g_assert_null(cpuid_find(g.entries, g.n, 4, 0));
    g_assert_null(cpuid_find(g.entries, g.n, 2, 0));
    assert_leaf(&g, 0x8000001d, 0, 0x00004121, 0x01c0003f, 63, 1);
    assert_leaf(&g, 0x8000001d, 1, 0x00004122, 0x00c0003f, 255, 1);
    g_assert_cmphex(leaf(&g, 0x8000001d, 2)->ecx, ==, 1023);
    assert_leaf(&g, 0x8000001d, 3, 0x0001c163, 0x03c0003f, 8191, 6);
    assert_leaf(&g, 0x8000001e, 0, 13, 0x106, 0x101, 0);
    assert_leaf(&g, 0x80000005, 0, 0x01ff01ff, 0x01ff01ff, 0x20080140, 0x40040140);
    assert_leaf(&g, 0x80000006, 0, 0, 0x42004200, 0x02006140, 0x00408140);
    g_assert_cmphex(leaf(&g, 0x80000001, 0)->ecx & 2, ==, 2);
    drop(&g);

    g = make("qemu64", t, 0, &host);
    assert_leaf(&g, 0x80000005, 0, 0x01ff01ff, 0x01ff01ff, 0x40020140, 0x40020140);
    assert_leaf(&g, 0x80000006, 0, 0, 0x42004200, 0x02008140, 0x00808140);
    g_assert_null(cpuid_find(g.entries, g.n, 0x8000001e, 0));
    drop(&g);

    g = make("EPYC,legacy-cache=on", t, 0, &host);
    assert_leaf(&g, 0x8000001d, 0, 0x00004121, 0x0040003f, 511, 1);
    drop(&g);
}

/* ---- XSAVE, sizes, KVM, the host's own ---- */

static void test_xsave(void)
{
    struct cpu_host host = host_with(false);
    struct guest g = make("Haswell", one, 0, &host);

    assert_leaf(&g, 0xd, 0, 7, 0x240, 0x340, 0);
    assert_leaf(&g, 0xd, 1, 1, 0, 0, 0);
    assert_leaf(&g, 0xd, 2, 0x100, 0x240, 0, 0);
    g_assert_null(cpuid_find(g.entries, g.n, 0xd, 5));
    drop(&g);

    g = make("Skylake-Server", one, 0, &host); /* x87 sse avx, opmask zmm-hi zmm-16, pkru */
    assert_leaf(&g, 0xd, 0, 0x2e7, 0x240, 0xa88, 0);
    assert_leaf(&g, 0xd, 1, 7, 0x240 + 0x100 + 0x40 + 0x200 + 0x400 + 8, 0, 0);
    assert_leaf(&g, 0xd, 6, 0x200, 0x480, 0, 0);
    assert_leaf(&g, 0xd, 9, 8, 0xa80, 0, 0);
    drop(&g);

    g = make("SapphireRapids", one, 0, &host); /* and tile configuration and data, each aligned */
    assert_leaf(&g, 0xd, 0, 0x602e7, 0x240, 2816 + 8192, 0);
    assert_leaf(&g, 0xd, 17, 64, 2752, 2, 0);
    g_assert_cmphex(leaf(&g, 0xd, 1)->ebx, ==, 2496 + 64 + 8192);
    drop(&g);
}

static void test_address_bits(void)
{
    static const struct {
        const char *arg;
        uint32_t eax;
    } cases[] = {
        { "qemu64", 0x3028 },
        { "Icelake-Server", 0x3928 },
        { "n270", 0x20 },
        { "athlon", 0x24 },
        { "Haswell,phys-bits=36", 0x3024 },
        { "Haswell,host-phys-bits", 0x302e },
        { "Haswell,host-phys-bits,host-phys-bits-limit=42", 0x302a },
        { "max", 0x392e },
    };
    struct cpu_host host = host_with(false);
    struct guest g;
    GString *said;

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].arg);
        g = make(cases[i].arg, one, 0, &host);
        g_assert_cmphex(leaf(&g, 0x80000008, 0)->eax, ==, cases[i].eax);
        drop(&g);
    }
    said = said_begin();
    g = make("Haswell,phys-bits=52", one, 0, &host);
    said_end(said, "tenon: warning: -cpu: phys-bits=52: the host has 46\n");
    drop(&g);
}

static void test_levels(void)
{
    struct cpu_host host = host_with(false);
    struct guest g = make("pentium3,+smep", one, 0, &host);

    g_assert_cmphex(leaf(&g, 0, 0)->eax, ==, 7);
    drop(&g);
    g = make("pentium3,+smep,full-cpuid-auto-level=off", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0, 0)->eax, ==, 3);
    g_assert_null(cpuid_find(g.entries, g.n, 7, 0));
    drop(&g);
    g = make("pentium3,min-level=9,xlevel=0x80000004", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0, 0)->eax, ==, 9);
    g_assert_cmphex(leaf(&g, 0x80000000, 0)->eax, ==, 0x80000004);
    drop(&g);
    g = make("qemu64,+topoext", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0x80000000, 0)->eax, ==, 0x8000001e);
    drop(&g);
    g = make("qemu64,+null-sel-clr-base", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0x80000000, 0)->eax, ==, 0x80000021);
    g_assert_cmphex(leaf(&g, 0x80000021, 0)->eax, ==, 0x40);
    drop(&g);
}

static void test_kvm(void)
{
    struct cpu_host host = host_with(true);
    GString *said = said_begin();
    struct guest g = make("qemu64", one, 0, &host);

    said_end(said, "");
    assert_leaf(&g, 0x40000000, 0, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x4d);
    assert_leaf(&g, 0x40000001, 0, 0x0100007b, 0, 0, 0);
    assert_leaf(&g, 0, 0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69); /* the host's vendor */
    g_assert_cmphex(leaf(&g, 1, 0)->ecx, ==, 0x80202001);           /* with x2apic */
    g_assert_cmphex(leaf(&g, 0x80000001, 0)->ecx, ==, 1);           /* without svm */
    drop(&g);

    g = make("qemu64,-kvmclock,+kvm-pv-unhalt,+svm,vendor=AuthenticAMD,-hypervisor", one, 0, &host);
    assert_leaf(&g, 0x40000001, 0, 0x000000f2, 0, 0, 0);
    g_assert_cmphex(leaf(&g, 0x80000001, 0)->ecx, ==, 5);
    g_assert_cmphex(leaf(&g, 0, 0)->ebx, ==, 0x68747541);
    g_assert_cmphex(leaf(&g, 1, 0)->ecx & 1u << 31, ==, 0);
    drop(&g);

    g = make("qemu64,kvm=off", one, 0, &host);
    g_assert_null(cpuid_find(g.entries, g.n, 0x40000000, 0));
    drop(&g);

    g = make("qemu64,+invtsc,tsc-frequency=1500000000", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0x40000000, 0)->eax, ==, 0x40000010);
    assert_leaf(&g, 0x40000010, 0, 1500000, 1000000, 0, 0);
    drop(&g);
}

static void test_host(void)
{
    struct cpu_host host = host_with(true);
    struct guest g = make("host", (struct cpu_topology){ .cpus = 2, .threads = 2 }, 1, &host);

    g_assert_cmphex(leaf(&g, 1, 0)->eax, ==, 0x000806f8);
    g_assert_cmphex(leaf(&g, 0x80000002, 0)->eax, ==, 0x74736f48);
    g_assert_cmphex(leaf(&g, 0x80000007, 0)->edx, ==, 0);  /* no invtsc: migratable */
    g_assert_cmphex(leaf(&g, 7, 0)->ebx & 1u << 2, ==, 0); /* no SGX */
    assert_leaf(&g, 0xa, 0, 0x07300405, 0, 0, 0);
    assert_leaf(&g, 0x15, 0, 2, 160, 0, 0);
    assert_leaf(&g, 4, 2, 0x00004143, 0x03c0003f, 4095, 1);
    drop(&g);

    g = make("host,migratable=off,host-cache-info=on,pmu=off", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0x80000007, 0)->edx, ==, 1 << 8);
    assert_leaf(&g, 4, 0, 0x00000121, 0x02c0003f, 63, 0);
    assert_leaf(&g, 4, 1, 0x00000163, 0x0380003f, 0, 0);
    assert_leaf(&g, 4, 2, 0, 0, 0, 0);
    assert_leaf(&g, 0xa, 0, 0, 0, 0, 0);
    drop(&g);

    host = host_with(false);
    g = make("max", one, 0, &host);
    g_assert_cmphex(leaf(&g, 0x80000007, 0)->edx & 1 << 8, ==, 1 << 8); /* no host's counter */
    drop(&g);
}

/* KVM leaves the brand string empty: it is this processor's then. */
static void test_host_brand(void)
{
    struct cpuid_entry empty[G_N_ELEMENTS(everything)];
    struct cpu_host host = host_with(true);
    uint32_t a, b, c, d;
    struct guest g;

    memcpy(empty, everything, sizeof(empty));
    for (size_t i = 0; i < G_N_ELEMENTS(empty); i++)
        if (empty[i].leaf == 0x80000002)
            empty[i].eax = 0;
    host.entries = empty;
    __cpuid(0x80000002, a, b, c, d);
    g = make("host", one, 0, &host);
    assert_leaf(&g, 0x80000002, 0, a, b, c, d);
    drop(&g);
}

static void test_host_needs_kvm(void)
{
    struct cpu_host host = host_with(false);
    GString *said = said_begin();

    g_assert_null(resolve("host", one, &host));
    said_end(said, "tenon: -cpu: host: it takes KVM (-accel kvm) to give a guest the host's "
                   "processor\n");
}

/* VMX controls are the host's but for what is taken away. */
static void test_vmx(void)
{
    struct cpu_host host = host_with(true);
    struct guest g = make("Haswell,+vmx,-vmx-ept", one, 0, &host);

    g_assert_cmphex(g.cpu->features.word[CPU_VMX_PROC2] & 2, ==, 0);
    g_assert_cmphex(g.cpu->features.word[CPU_VMX_PROC2] & 1 << 7, !=, 0);
    drop(&g);
    g = make("Haswell", one, 0, &host);
    g_assert_cmphex(g.cpu->features.word[CPU_VMX_PROC2], ==, 0);
    drop(&g);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/model/models have the features they should", test_facts);
    g_test_add_func("/cpu/model/every name leads to its model", test_every_model);
    g_test_add_func("/cpu/model/vendor, brand and version", test_strings);
    g_test_add_func("/cpu/model/what the host lacks is left out", test_filter);
    g_test_add_func("/cpu/model/nothing without what it needs", test_dependencies);
    g_test_add_func("/cpu/model/a host without feature MSRs", test_no_msr);
    g_test_add_func("/cpu/model/one processor", test_single);
    g_test_add_func("/cpu/model/sockets, cores and threads", test_intel_topology);
    g_test_add_func("/cpu/model/dies", test_dies);
    g_test_add_func("/cpu/model/AMD's topology and caches", test_amd_topology);
    g_test_add_func("/cpu/model/state components", test_xsave);
    g_test_add_func("/cpu/model/address bits", test_address_bits);
    g_test_add_func("/cpu/model/last leaves", test_levels);
    g_test_add_func("/cpu/model/KVM's leaves", test_kvm);
    g_test_add_func("/cpu/model/the host's processor", test_host);
    g_test_add_func("/cpu/model/the host's brand", test_host_brand);
    g_test_add_func("/cpu/model/host takes KVM", test_host_needs_kvm);
    g_test_add_func("/cpu/model/VMX", test_vmx);
    return g_test_run();
}
