/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* io - ports: who may use them (Intel SDM volume 1, chapter 19). */
#include "sys.h"

/* The TSS's permission bitmap; two bytes of it are always read. */
static bool bitmap_allows(struct cpu *cpu, uint16_t port, unsigned size)
{
    uint32_t at, bits;

    if (!(cpu->tr.attr & 8) || cpu->tr.limit < 0x67)
        return false;
    at = mem_read_sys(cpu, cpu->tr.base + 0x66, 2) + port / 8;
    if (at + 1 > cpu->tr.limit)
        return false;
    bits = mem_read_sys(cpu, cpu->tr.base + at, 2) >> (port & 7);
    return !(bits & ((1u << size) - 1));
}

void io_check(struct cpu *cpu, uint16_t port, unsigned size)
{
    bool may = !(cpu->cr0 & CR0_PE) || (!(cpu->flags & F_VM) && cpu->cpl <= iopl(cpu));

    if (!may && !bitmap_allows(cpu, port, size))
        cpu_fault_error(cpu, EXC_GP, 0);
    debug_io(cpu, port, size);
}
