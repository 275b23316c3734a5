/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * assist - which instructions are another accelerator's, when this one executes some for it.
 *
 * The first instruction is one the other cannot execute; all but what depends on state that it
 * keeps to itself is executed here.  Those that follow are for the other again as soon as they do
 * more than read RAM and change registers: it must see what changes address spaces (it may shadow
 * page tables, and follows them by the writes it sees) and privilege.
 */
#include "assist.h"

#include "cpu.h"

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

/* Segment loads, far transfers, interrupts, returns, flags beyond the arithmetic ones. */
static bool is_system_one(const struct insn *in)
{
    unsigned reg = in->reg & 7;

    switch (in->opcode) {
    case 0x07:
    case 0x17:
    case 0x1f:
    case 0x8e:
    case 0xc4:
    case 0xc5: /* POP, MOV, LES, LDS */
    case 0x9a:
    case 0xca:
    case 0xcb:
    case 0xea: /* CALL, RET, JMP */
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
    case 0xf1: /* INT, IRET */
    case 0x9d:
    case 0xfa:
    case 0xfb: /* POPF, CLI, STI */ return true;
    case 0xff: return reg == 3 || reg == 5;
    default: return false;
    }
}

static bool is_system_0f(const struct insn *in)
{
    switch (in->opcode) {
    case 0x00: /* LLDT, LTR... */
    case 0x01: /* LGDT, LMSW, SWAPGS, XSETBV... */
    case 0x05:
    case 0x06:
    case 0x07:
    case 0x08:
    case 0x09: /* SYSCALL, CLTS, SYSRET, INVD, WBINVD */
    case 0x21:
    case 0x23: /* debug registers */
    case 0x34:
    case 0x35: /* SYSENTER, SYSEXIT */
    case 0xa1:
    case 0xa9:
    case 0xb2:
    case 0xb4:
    case 0xb5: /* POP FS, POP GS, LSS, LFS, LGS */ return true;
    default: return false;
    }
}

static bool is_system(const struct insn *in)
{
    return (in->map == MAP_ONE && is_system_one(in)) || (in->map == MAP_0F && is_system_0f(in));
}

/* EVEX: instructions that the guest has if the other offers them, and that are not here. */
static bool is_foreign(const struct cpu *cpu, const struct insn *in)
{
    return in->map == MAP_ONE && in->opcode == 0x62 && in->code == MODE_CODE64 &&
           cpu_has(cpu, 7, 0, 1, 16);
}

/* u->d: the first one, too. */
static void run_leave(struct cpu *cpu, const struct uop *u)
{
    if (u->d || cpu->assist == ASSIST_MORE)
        siglongjmp(cpu->fault_exit, LEAVE_ASSIST);
}

void assist_translate(struct block_builder *b, const struct insn *in)
{
    bool owned = is_owned(in) || is_foreign(b->cpu, in);

    if (owned || is_system(in))
        emit_call(b, run_leave, owned, 0, 0, 0);
}
