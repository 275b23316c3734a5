/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * missing - what parts that are not there yet would do: their instructions are #UD.
 */
#include "apic.h"
#include "mmu.h"
#include "soft.h"
#include "uop.h"

__attribute__((weak)) bool fpu_translate(struct block_builder *b, const struct insn *in)
{
    return false;
}

__attribute__((weak)) bool vec_translate(struct block_builder *b, const struct insn *in)
{
    return false;
}

/* The local APIC and the run loop. */

#define WEAK __attribute__((weak))

WEAK uint64_t apic_read(struct cpu *cpu, unsigned offset, unsigned size)
{
    return 0;
}

WEAK void apic_write(struct cpu *cpu, unsigned offset, uint64_t value, unsigned size)
{
}

WEAK bool apic_msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    return false;
}

WEAK bool apic_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    return false;
}

WEAK unsigned apic_cr8(const struct cpu *cpu)
{
    return 0;
}

WEAK void apic_set_cr8(struct cpu *cpu, unsigned value)
{
}

WEAK void cpu_note(struct cpu *cpu, uint32_t bits)
{
    cpu->wanted |= bits;
}

WEAK void cpu_halt(struct cpu *cpu)
{
    cpu->halted = true;
    cpu->wanted |= WANT_INTR;
}

WEAK void cpu_pause(struct cpu *cpu)
{
}

WEAK void cpu_mwait(struct cpu *cpu, uint64_t phys, uint64_t value, bool masked)
{
}

WEAK _Noreturn void cpu_shutdown(struct cpu *cpu)
{
    cpu->shut_down = true;
    cpu->fault.vector = -1;
    siglongjmp(cpu->fault_exit, 1);
}

WEAK void state_get(void *self, void *state, struct tenon_x86_state *s)
{
}

WEAK uint64_t cpu_tsc(const struct cpu *cpu)
{
    uint64_t ticks;

    return cpu->tsc && tsc_on_line(cpu->tsc, &ticks) ? ticks + cpu->msr.tsc_offset
                                                     : cpu->instructions;
}

WEAK void cpu_set_tsc(struct cpu *cpu, uint64_t value)
{
}

WEAK void cpu_set_tsc_adjust(struct cpu *cpu, uint64_t value)
{
}

WEAK void soft_look_for_interrupts(struct cpu *cpu)
{
}

WEAK void soft_tell_others(struct cpu *cpu, soft_act *act, uint32_t block, uint64_t offset,
                           uint64_t bytes)
{
}
