/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * system - system instructions that belong to no other part, what IF is to PUSHF, POPF, CLI and
 * STI, and the way to all system instructions: sys_translate().
 */
#include <sys/random.h>

#include "mmu.h"
#include "soft.h"
#include "svm.h"

_Noreturn static void gp(struct cpu *cpu)
{
    cpu_fault_error(cpu, EXC_GP, 0);
}

/* ---- Identification, counters, MSRs ---- */

static void set_edx_eax(struct cpu *cpu, uint64_t value)
{
    cpu->r[RAX] = (uint32_t)value;
    cpu->r[RDX] = value >> 32;
}

static void run_cpuid(struct cpu *cpu, const struct uop *u)
{
    uint32_t out[4];

    cpuid(cpu, cpu->r[RAX], cpu->r[RCX], out);
    cpu->r[RAX] = out[CPUID_EAX];
    cpu->r[RBX] = out[CPUID_EBX];
    cpu->r[RCX] = out[CPUID_ECX];
    cpu->r[RDX] = out[CPUID_EDX];
}

void run_rdtsc(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl && cpu->cr4 & CR4_TSD)
        gp(cpu);
    set_edx_eax(cpu, cpu_tsc(cpu) + cpu->svm.tsc_offset);
    if (u->imm) /* RDTSCP */
        cpu->r[RCX] = cpu->msr.tsc_aux;
}

/* With -icount, time is what has been executed: it is looked at between blocks. */
static void emit_rdtsc(struct block_builder *b, unsigned p)
{
    if (b->cpu->tsc)
        emit_call(b, run_rdtsc, 0, 0, 0, p);
    else
        emit_call_last(b, run_rdtsc, 0, 0, 0, p);
}

static void run_rdpid(struct cpu *cpu, const struct uop *u)
{
    cpu->r[u->a] = cpu->msr.tsc_aux;
}

/* There are no performance counters. */
static void run_rdpmc(struct cpu *cpu, const struct uop *u)
{
    gp(cpu);
}

static void run_rdmsr(struct cpu *cpu, const struct uop *u)
{
    uint64_t value;

    if (cpu->cpl)
        gp(cpu);
    svm_msr(cpu, false);
    if (!msr_read(cpu, cpu->r[RCX], &value))
        gp(cpu);
    set_edx_eax(cpu, value);
}

static void run_wrmsr(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        gp(cpu);
    svm_msr(cpu, true);
    if (!msr_write(cpu, cpu->r[RCX], (uint32_t)cpu->r[RAX] | cpu->r[RDX] << 32))
        gp(cpu);
}

/* What chance is to a counted processor: the same in each run. */
static uint64_t repeatable(const struct cpu *cpu)
{
    uint64_t x = (blocks_executed(cpu) << 8 | (cpu->info->index & 0xff)) * 0x9e3779b97f4a7c15;

    x = (x ^ x >> 31) * 0xd6e8feb86659fd93;
    return x ^ x >> 32;
}

/* RDRAND, RDSEED: u->d is the register, u->imm its size. */
static void run_random(struct cpu *cpu, const struct uop *u)
{
    uint64_t value = cpu->info->counted ? repeatable(cpu) : 0;
    bool there = cpu->info->counted || getrandom(&value, u->imm, GRND_NONBLOCK) == u->imm;

    cpu->flags = (cpu->flags & ~(uint64_t)F_ARITH) | (there ? F_CF : 0);
    if (u->imm == 2)
        *(uint16_t *)&cpu->r[u->d] = value;
    else
        cpu->r[u->d] = value;
}

/* ---- Waiting ---- */

static void run_hlt(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        gp(cpu);
    cpu->rip = uop_next_rip(cpu, u);
    cpu_halt(cpu);
}

/* T0 is the address watched; MWAIT compares what is there. */
static void run_monitor(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        cpu_fault(cpu, EXC_UD);
    if ((uint32_t)cpu->r[RCX])
        gp(cpu);
    mem_read(cpu, cpu->r[REG_T0], 1);
    cpu->monitored = mem_physical(cpu, cpu->r[REG_T0]) & ~7ull;
    cpu->monitored_value = phys_read(cpu, cpu->monitored, 8);
}

static void run_mwait(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cpl)
        cpu_fault(cpu, EXC_UD);
    if (cpu->r[RCX] & ~1ull)
        gp(cpu);
    cpu->rip = uop_next_rip(cpu, u);
    cpu_mwait(cpu, cpu->monitored, cpu->monitored_value, cpu->r[RCX] & 1);
}

/* ---- Instructions ---- */

static bool translate_0f01(struct block_builder *b, const struct insn *in)
{
    const struct cpu *cpu = b->cpu;
    bool monitor = cpu_has(cpu, 1, 0, CPUID_ECX, 3);

    switch (in->mod == 3 ? in->modrm : 0) {
    case 0xc8:
        if (!monitor)
            return false;
        emit_address_at(b, in->seg < N_SEGS ? in->seg : SEG_DS, RAX, 0, in->addr_size, 1, false);
        emit_call(b, run_monitor, 0, 0, 0, 0);
        return true;
    case 0xc9: return monitor && (emit_call_jump(b, run_mwait, 0, 0, 0, 0), true);
    case 0xf9: return cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 27) && (emit_rdtsc(b, 1), true);
    }
    return false;
}

static bool translate_0fc7(struct block_builder *b, const struct insn *in)
{
    unsigned op = in->reg & 7;
    const struct cpu *cpu = b->cpu;

    if (in->mod != 3)
        return false;
    if (op == 7 && in->pp == PFX_F3)
        return cpu_has(cpu, 7, 0, CPUID_ECX, 22) && emit_call(b, run_rdpid, 0, in->rm, 0, 0);
    if (in->pp == PFX_F3 || in->pp == PFX_F2 ||
        !(op == 6 ? cpu_has(cpu, 1, 0, CPUID_ECX, 30)
                  : op == 7 && cpu_has(cpu, 7, 0, CPUID_EBX, 18)))
        return false;
    emit_call(b, run_random, in->rm, 0, 0, in->op_size);
    return true;
}

static bool translate_rest(struct block_builder *b, const struct insn *in)
{
    if (in->map == MAP_ONE) {
        if (in->opcode == 0xf4)
            emit_call_jump(b, run_hlt, 0, 0, 0, 0);
        return in->opcode == 0xf4;
    }
    switch (in->map == MAP_0F ? in->opcode : 0) {
    case 0x01: return translate_0f01(b, in);
    case 0x30: emit_call_last(b, run_wrmsr, 0, 0, 0, 0); return true;
    case 0x31: emit_rdtsc(b, 0); return true;
    case 0x32: emit_call_last(b, run_rdmsr, 0, 0, 0, 0); return true;
    case 0x33: emit_call_last(b, run_rdpmc, 0, 0, 0, 0); return true;
    case 0xa2: emit_call(b, run_cpuid, 0, 0, 0, 0); return true;
    case 0xc7: return translate_0fc7(b, in);
    }
    return false;
}

bool sys_translate(struct block_builder *b, const struct insn *in)
{
    static bool (*const parts[])(struct block_builder *, const struct insn *) = {
        segment_translate, gates_translate, transfer_translate, debug_translate, control_translate,
        table_translate,   fast_translate,  smm_translate,      svm_translate,   translate_rest
    };

    for (unsigned i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i](b, in))
            return b->system = true;
    return false;
}
