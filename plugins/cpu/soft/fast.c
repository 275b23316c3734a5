/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fast - SYSCALL, SYSENTER and their returns, SWAPGS, the FS and GS bases.
 *
 * Intel SDM volume 2; AMD APM volume 3 for SYSCALL outside 64-bit mode.
 */
#include "soft.h"
#include "sys.h"

/* CS and SS as these instructions set them, whatever the tables say. */
static void set_flat(struct cpu *cpu, uint16_t cs, uint16_t ss, unsigned cpl, bool code64)
{
    cpu->seg[SEG_CS] =
        (struct segment){ .limit = 0xffffffff,
                          .selector = (cs & ~3) | cpl,
                          .attr = (code64 ? ATTR_CODE_64 : ATTR_FLAT_CODE) | cpl << 5 };
    cpu->seg[SEG_SS] = (struct segment){ .limit = 0xffffffff,
                                         .selector = (ss & ~3) | cpl,
                                         .attr = ATTR_FLAT_DATA | cpl << 5 };
    cpu->cpl = cpl;
}

void run_syscall(struct cpu *cpu, const struct uop *u)
{
    uint64_t next = uop_next_rip(cpu, u), star = cpu->msr.star;

    if (!(cpu->efer & EFER_SCE) || (!in_code64(cpu) && !cpu_is_amd(cpu)))
        cpu_fault(cpu, EXC_UD);
    cpu->r[RCX] = next;
    if (in_long_mode(cpu)) {
        cpu->r[R11] = cpu->flags & ~(uint64_t)F_RF;
        cpu->rip = in_code64(cpu) ? cpu->msr.lstar : cpu->msr.cstar;
        cpu->flags = (cpu->flags & ~cpu->msr.fmask & ~(uint64_t)F_RF) | 2;
    } else {
        cpu->rip = (uint32_t)star;
        cpu->flags &= ~(uint64_t)(F_VM | F_IF | F_RF);
    }
    set_flat(cpu, star >> 32, (star >> 32) + 8, 0, in_long_mode(cpu));
    cpu->debug.rf = false;
    if (!(cpu->flags & F_TF)) /* FMASK keeps the step from the kernel */
        cpu->debug.tf = false;
    mode_update(cpu);
}

void run_sysret(struct cpu *cpu, const struct uop *u)
{
    uint16_t base = cpu->msr.star >> 48;
    bool to_64 = u->imm == 8;

    if (!(cpu->efer & EFER_SCE) || (!in_code64(cpu) && !cpu_is_amd(cpu)))
        cpu_fault(cpu, EXC_UD);
    if (cpu->cpl || (to_64 && !canonical(cpu, cpu->r[RCX])))
        cpu_fault_error(cpu, EXC_GP, 0);
    if (in_long_mode(cpu))
        cpu->flags = (cpu->r[R11] & SYSRET_FLAGS) | 2;
    else
        cpu->flags |= F_IF;
    cpu->rip = to_64 ? cpu->r[RCX] : (uint32_t)cpu->r[RCX];
    set_flat(cpu, to_64 ? base + 16 : base, base + 8, 3, to_64);
    mode_update(cpu);
    cpu_recheck(cpu);
    if (cpu->flags & F_TF) /* as if the SYSCALL had just been stepped over */
        debug_raise(cpu, DR6_BS, true);
}

static void run_sysenter(struct cpu *cpu, const struct uop *u)
{
    uint16_t cs = cpu->msr.sysenter_cs;
    bool wide = in_long_mode(cpu);

    if (!(cpu->cr0 & CR0_PE) || is_null(cs))
        cpu_fault_error(cpu, EXC_GP, 0);
    cpu->flags &= ~(uint64_t)(F_VM | F_IF | F_RF);
    cpu->r[RSP] = wide ? cpu->msr.sysenter_esp : (uint32_t)cpu->msr.sysenter_esp;
    cpu->rip = wide ? cpu->msr.sysenter_eip : (uint32_t)cpu->msr.sysenter_eip;
    set_flat(cpu, cs, (cs & ~3) + 8, 0, wide);
    mode_update(cpu);
}

static void run_sysexit(struct cpu *cpu, const struct uop *u)
{
    uint16_t cs = cpu->msr.sysenter_cs;
    bool to_64 = u->imm == 8;

    if (!(cpu->cr0 & CR0_PE) || is_null(cs) || cpu->cpl ||
        (to_64 && (!canonical(cpu, cpu->r[RCX]) || !canonical(cpu, cpu->r[RDX]))))
        cpu_fault_error(cpu, EXC_GP, 0);
    cpu->r[RSP] = to_64 ? cpu->r[RCX] : (uint32_t)cpu->r[RCX];
    cpu->rip = to_64 ? cpu->r[RDX] : (uint32_t)cpu->r[RDX];
    set_flat(cpu, (cs & ~3) + (to_64 ? 32 : 16), (cs & ~3) + (to_64 ? 40 : 24), 3, to_64);
    mode_update(cpu);
}

void run_swapgs(struct cpu *cpu, const struct uop *u)
{
    uint64_t base = cpu->seg[SEG_GS].base;

    if (cpu->cpl)
        cpu_fault_error(cpu, EXC_GP, 0);
    cpu->seg[SEG_GS].base = cpu->msr.kernel_gs_base;
    cpu->msr.kernel_gs_base = base;
}

static void check_fsgsbase(struct cpu *cpu)
{
    if (!(cpu->cr4 & CR4_FSGSBASE))
        cpu_fault(cpu, EXC_UD);
}

/* u->d: the segment, u->a: the register, u->imm: its size. */
void run_read_base(struct cpu *cpu, const struct uop *u)
{
    uint64_t base = cpu->seg[u->d].base;

    check_fsgsbase(cpu);
    cpu->r[u->a] = u->imm == 8 ? base : (uint32_t)base;
}

void run_write_base(struct cpu *cpu, const struct uop *u)
{
    uint64_t base = u->imm == 8 ? cpu->r[u->a] : (uint32_t)cpu->r[u->a];

    check_fsgsbase(cpu);
    if (!base_canonical(cpu, base))
        cpu_fault_error(cpu, EXC_GP, 0);
    cpu->seg[u->d].base = base;
}

static bool translate_base(struct block_builder *b, const struct insn *in)
{
    unsigned op = in->reg & 7;

    if (in->mod != 3 || in->pp != PFX_F3 || op > 3 || in->code != MODE_CODE64 ||
        !cpu_has(b->cpu, 7, 0, CPUID_EBX, 0))
        return false;
    emit_call(b, op & 2 ? run_write_base : run_read_base, op & 1 ? SEG_GS : SEG_FS, in->rm, 0,
              in->w ? 8 : 4);
    return true;
}

bool fast_translate(struct block_builder *b, const struct insn *in)
{
    bool code64 = in->code == MODE_CODE64;

    if (in->map != MAP_0F)
        return false;
    switch (in->opcode) {
    case 0x01:
        if (in->mod != 3 || in->modrm != 0xf8 || !code64)
            return false;
        emit_call(b, run_swapgs, 0, 0, 0, 0);
        return true;
    case 0x05: emit_call_jump(b, run_syscall, 0, 0, 0, 0); return true;
    case 0x07: emit_call_jump(b, run_sysret, 0, 0, 0, code64 && in->w ? 8 : 4); return true;
    case 0x34: emit_call_jump(b, run_sysenter, 0, 0, 0, 0); return true;
    case 0x35: emit_call_jump(b, run_sysexit, 0, 0, 0, code64 && in->w ? 8 : 4); return true;
    case 0xae: return translate_base(b, in);
    }
    return false;
}
