/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug - debug registers, breakpoints, single step (Intel SDM volume 3, chapter 18). */
#include "mmu.h"
#include "svm.h"

enum { BREAK_CODE, BREAK_WRITE, BREAK_IO, BREAK_DATA };

static bool is_enabled(const struct cpu *cpu, int n)
{
    return cpu->dr[7] >> 2 * n & 3;
}

static unsigned type_of(const struct cpu *cpu, int n)
{
    return cpu->dr[7] >> (16 + 4 * n) & 3;
}

static unsigned bytes_of(const struct cpu *cpu, int n)
{
    static const uint8_t bytes[] = { 1, 2, 8, 4 };
    return bytes[cpu->dr[7] >> (18 + 4 * n) & 3];
}

static bool any_enabled(const struct cpu *cpu)
{
    return cpu->dr[7] & 0xff;
}

/* Without the global interrupt flag, what matches is lost. */
static bool any_armed(const struct cpu *cpu)
{
    return any_enabled(cpu) && cpu->svm.gif;
}

/* The breakpoints of the types in mask that lie in [addr, addr + bytes). */
static uint32_t hits(const struct cpu *cpu, uint64_t addr, uint64_t bytes, unsigned mask)
{
    uint32_t dr6 = 0;

    for (int n = 0; n < 4; n++) {
        uint64_t size = bytes_of(cpu, n), at = cpu->dr[n] & ~(size - 1);
        if (is_enabled(cpu, n) && mask >> type_of(cpu, n) & 1 && addr < at + size &&
            at < addr + bytes)
            dr6 |= 1u << n;
    }
    return dr6;
}

bool debug_watches_page(const struct cpu *cpu, uint64_t lin)
{
    return (any_enabled(cpu) &&
            hits(cpu, PAGE_OF(lin), 4096, 1 << BREAK_WRITE | 1 << BREAK_DATA)) ||
           (cpu->watch.n && watch_page(cpu, lin));
}

void debug_data(struct cpu *cpu, uint64_t lin, unsigned bytes, bool write)
{
    if (cpu->watch.n)
        watch_data(cpu, lin, bytes, write ? TENON_DEBUG_WRITE : TENON_DEBUG_READ);
    if (any_armed(cpu))
        cpu->debug.pending |=
            hits(cpu, lin, bytes, 1 << BREAK_DATA | (write ? 1 << BREAK_WRITE : 0));
}

void debug_io(struct cpu *cpu, uint16_t port, unsigned size)
{
    if (any_armed(cpu) && cpu->cr4 & CR4_DE)
        cpu->debug.pending |= hits(cpu, port, size, 1 << BREAK_IO);
}

bool debug_active(const struct cpu *cpu)
{
    return cpu->flags & (F_TF | F_RF) || any_enabled(cpu);
}

void cpu_check_breakpoint(struct cpu *cpu)
{
    uint64_t lin = cpu->rip + (in_code64(cpu) ? 0 : cpu->seg[SEG_CS].base);
    uint32_t dr6;

    cpu->debug.tf = cpu->flags & F_TF;
    cpu->debug.rf = cpu->flags & F_RF;
    cpu->no_step = false;
    if (!any_armed(cpu) || cpu->debug.rf || cpu->debug.held)
        return;
    dr6 = hits(cpu, in_code64(cpu) ? lin : (uint32_t)lin, 1, 1 << BREAK_CODE);
    if (dr6)
        debug_raise(cpu, dr6, false);
}

void cpu_stepped(struct cpu *cpu)
{
    uint32_t dr6 = cpu->debug.pending;

    if (cpu->debug.rf) {
        cpu->flags &= ~(uint64_t)F_RF;
        mode_update(cpu);
    }
    /* MOV SS holds its traps back until its successor is done; a single step is lost. */
    cpu->debug.held = cpu->inhibit & INHIBIT_MOV_SS && !cpu->debug.held;
    if (cpu->debug.held)
        return;
    if (cpu->debug.tf && !cpu->no_step)
        dr6 |= DR6_BS;
    if (dr6)
        debug_raise(cpu, dr6, true);
}

/* ---- MOV DR ---- */

/* The register; code is the intercept of the first. */
static unsigned dr_number(struct cpu *cpu, const struct uop *u, enum svm_code code)
{
    unsigned n = u->imm;

    if (n == 4 || n == 5) {
        if (cpu->cr4 & CR4_DE)
            cpu_fault(cpu, EXC_UD);
        n += 2;
    }
    if (cpu->cpl)
        cpu_fault_error(cpu, EXC_GP, 0);
    svm_intercept(cpu, code + n, u->a, 0);
    if (cpu->dr[7] & DR7_GD)
        debug_raise(cpu, DR6_BD, false);
    return n;
}

static void run_read_dr(struct cpu *cpu, const struct uop *u)
{
    cpu->r[u->a] = cpu->dr[dr_number(cpu, u, SVM_DR_READ)];
}

static void run_write_dr(struct cpu *cpu, const struct uop *u)
{
    unsigned n = dr_number(cpu, u, SVM_DR_WRITE);
    uint64_t value = in_code64(cpu) ? cpu->r[u->a] : (uint32_t)cpu->r[u->a];

    if (n >= 6 && value >> 32)
        cpu_fault_error(cpu, EXC_GP, 0);
    if (n == 6)
        value = (value & 0xe00f) | DR6_FIXED;
    else if (n == 7)
        value = (value & 0xffff23ff) | DR7_FIXED;
    if (n != 6 && (cpu->dr[7] & 0xff || (n == 7 && value & 0xff)))
        tlb_flush(cpu, true);
    cpu->dr[n] = value;
    mode_update(cpu);
}

bool debug_translate(struct block_builder *b, const struct insn *in)
{
    if (in->map != MAP_0F || (in->opcode != 0x21 && in->opcode != 0x23) || in->reg > 7)
        return false;
    if (in->opcode == 0x21)
        emit_call(b, run_read_dr, 0, in->rm, 0, in->reg);
    else
        emit_call_last(b, run_write_dr, 0, in->rm, 0, in->reg);
    return true;
}
