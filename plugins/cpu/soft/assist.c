/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * assist - which instructions are another accelerator's, when this one executes some for it.
 *
 * A single instruction is one that the other cannot execute: all but what depends on state that it
 * keeps to itself is executed here.
 */
#include "assist.h"

#include "apic.h"
#include "evex.h"

/* Ports, halting, time, MSRs, control registers and the TLB are the other's own. */
static bool is_owned_0f(const struct insn *in)
{
    unsigned reg = in->reg & 7;

    switch (in->opcode) {
    case 0x01: /* VMCALL...; MONITOR, MWAIT; RDTSCP; INVLPG */
        return in->mod == 3 ? in->modrm <= 0xc4 || in->modrm == 0xc8 || in->modrm == 0xc9 ||
                                  in->modrm == 0xf9 || (in->modrm >= 0xd8 && in->modrm < 0xe0)
                            : reg == 7;
    case 0x20:
    case 0x22: /* control registers */
    case 0x30:
    case 0x31:
    case 0x32:
    case 0x33: /* MSRs, TSC, PMC */
    case 0xa2: /* CPUID */
    case 0xaa: /* RSM */ return true;
    default: return false;
    }
}

static bool is_owned(const struct insn *in)
{
    switch (in->map) {
    case MAP_ONE:
        return (in->opcode >= 0x6c && in->opcode <= 0x6f) || /* INS, OUTS */
               (in->opcode >= 0xe4 && in->opcode <= 0xe7) ||
               (in->opcode >= 0xec && in->opcode <= 0xef) || in->opcode == 0xf4; /* IN, OUT, HLT */
    case MAP_0F: return is_owned_0f(in);
    case MAP_0F38: return in->opcode == 0x82; /* INVPCID */
    default: return false;
    }
}

/* EVEX: instructions that the guest has if the other offers them, and that are not here. */
static bool is_foreign(const struct cpu *cpu, const struct insn *in)
{
    return in->evex && in->map != MAP_BAD && cpu_has(cpu, 7, 0, 1, 16) && !evex_find(cpu, in);
}

/* Who stands in for the other executes all but those that need the other's own mode or state; INT3
 * may be a debugger's, which the other knows. */
static bool is_only_others(const struct insn *in)
{
    unsigned op = in->opcode;

    if (in->map == MAP_ONE)
        return op == 0xcc;
    return in->map == MAP_0F && (op == 0x33 || op == 0xaa || /* RDPMC, RSM; VMCALL..., SVM */
                                 (op == 0x01 && in->mod == 3 &&
                                  (in->modrm <= 0xc4 || (in->modrm >= 0xd8 && in->modrm < 0xe0))));
}

/* u->d: whether it is left when alone; u->imm: by who stands in. */
static void run_leave(struct cpu *cpu, const struct uop *u)
{
    if (stands_in(cpu) ? u->imm : u->d)
        siglongjmp(cpu->fault_exit, LEAVE_ASSIST);
}

void assist_translate(struct block_builder *b, const struct insn *in)
{
    bool foreign = is_foreign(b->cpu, in);
    bool alone = foreign || is_owned(in), standing = foreign || is_only_others(in);

    if (alone || standing)
        emit_call(b, run_leave, alone, 0, 0, standing);
}
