/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpuid - what CPUID says: the machine's table, and the bits that follow the processor's state. */
#include "apic.h"
#include "sys.h"

static const struct tenon_cpuid *find(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf)
{
    for (uint32_t i = 0; i < cpu->info->n_cpuid; i++) {
        const struct tenon_cpuid *c = &cpu->info->cpuid[i];
        if (c->leaf == leaf && (!c->indexed || c->subleaf == subleaf))
            return c;
    }
    return NULL;
}

bool cpu_has(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
    const struct tenon_cpuid *c = find(cpu, leaf, subleaf);

    if (!c)
        return false;
    switch (reg) {
    case CPUID_EAX: return c->eax >> bit & 1;
    case CPUID_EBX: return c->ebx >> bit & 1;
    case CPUID_ECX: return c->ecx >> bit & 1;
    default: return c->edx >> bit & 1;
    }
}

bool base_canonical(const struct cpu *cpu, uint64_t base)
{
    unsigned shift = cpu_has(cpu, 7, 0, CPUID_ECX, 16) ? 7 : 16;

    return (uint64_t)((int64_t)(base << shift) >> shift) == base;
}

bool cpu_is_amd(const struct cpu *cpu)
{
    const struct tenon_cpuid *c = find(cpu, 0, 0);

    return c && c->ebx == 0x68747541; /* "Auth" */
}

/* Bytes of an XSAVE area for those components, in the standard or the compacted form. */
static uint32_t xsave_bytes(const struct cpu *cpu, uint64_t components, bool compacted)
{
    uint32_t bytes = 576;

    for (int i = 2; i < 63; i++) {
        const struct tenon_cpuid *c = find(cpu, 0xd, i);
        if (!(components >> i & 1) || !c)
            continue;
        if (!compacted)
            bytes = bytes > c->ebx + c->eax ? bytes : c->ebx + c->eax;
        else
            bytes = (c->ecx & 2 ? (bytes + 63) & ~63u : bytes) + c->eax;
    }
    return bytes;
}

static uint32_t set_bit(uint32_t value, unsigned bit, bool on)
{
    return (value & ~(1u << bit)) | (uint32_t)on << bit;
}

static void make_dynamic(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    switch (leaf) {
    case 1:
        out[CPUID_EDX] = set_bit(out[CPUID_EDX], 9, apic_enabled(cpu));
        if (out[CPUID_ECX] >> 26 & 1)
            out[CPUID_ECX] = set_bit(out[CPUID_ECX], 27, cpu->cr4 & CR4_OSXSAVE);
        break;
    case 7:
        if (subleaf == 0 && out[CPUID_ECX] >> 3 & 1)
            out[CPUID_ECX] = set_bit(out[CPUID_ECX], 4, cpu->cr4 & CR4_PKE);
        break;
    case 0xd:
        if (subleaf == 0)
            out[CPUID_EBX] = xsave_bytes(cpu, cpu->xcr0, false);
        else if (subleaf == 1 && out[CPUID_EAX] & 10)
            out[CPUID_EBX] = xsave_bytes(cpu, cpu->xcr0 | cpu->msr.xss, true);
        break;
    case 0x80000001:
        if (cpu_is_amd(cpu))
            out[CPUID_EDX] = set_bit(out[CPUID_EDX], 9, apic_enabled(cpu));
        break;
    }
}

/* A leaf beyond the last: Intel's answer with the last basic one, AMD's with zeros. */
static uint32_t leaf_in_range(const struct cpu *cpu, uint32_t leaf)
{
    const struct tenon_cpuid *basic = find(cpu, 0, 0), *first = find(cpu, leaf & 0xffff0000, 0);

    if ((first && leaf <= first->eax) || !basic || cpu_is_amd(cpu))
        return leaf;
    return basic->eax;
}

void cpuid(struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    const struct tenon_cpuid *c;

    leaf = leaf_in_range(cpu, leaf);
    c = find(cpu, leaf, subleaf);
    for (int i = 0; i < 4; i++)
        out[i] = 0;
    if (c) {
        out[CPUID_EAX] = c->eax;
        out[CPUID_EBX] = c->ebx;
        out[CPUID_ECX] = c->ecx;
        out[CPUID_EDX] = c->edx;
        make_dynamic(cpu, leaf, subleaf, out);
    } else if (leaf == 0xb || leaf == 0x1f) {
        out[CPUID_ECX] = subleaf & 0xff;
        out[CPUID_EDX] = cpu->info->apic_id;
    }
}
