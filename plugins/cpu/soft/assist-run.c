/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * assist-run - takes another accelerator's processor, executes an instruction for it or runs the
 * guest in its place, and gives it back; and this one's registers for debuggers.
 *
 * Intel SDM volume 3, section 4.4.1 (PDPTE registers), volume 1 chapter 13 (XCR0).
 */
#include "mmu.h"
#include "soft.h"
#include "sys.h"
#include "x87.h"

#include <errno.h>
#include <string.h>

enum { XCR0_KNOWN = 0x2e7 }; /* x87, SSE, AVX, AVX-512, PKRU */

/* ---- State ---- */

static struct segment segment_in(const struct tenon_x86_segment *s)
{
    uint16_t null = s->attributes & ATTR_P ? 0 : ATTR_NULL;

    return (struct segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .attr = null ? null | (s->attributes & 0x60) : s->attributes,
    };
}

static struct tenon_x86_segment segment_out(const struct segment *s)
{
    return (struct tenon_x86_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .attributes = s->attr & ~ATTR_NULL,
    };
}

static void segments_in(struct cpu *cpu, const struct tenon_x86_state *s)
{
    for (unsigned i = 0; i < N_SEGS; i++)
        cpu->seg[i] = segment_in(&s->seg[i]);
    cpu->ldt = segment_in(&s->ldt);
    cpu->tr = segment_in(&s->tr);
    cpu->gdt = (struct segment){ .base = s->gdt.base, .limit = s->gdt.limit };
    cpu->idt = (struct segment){ .base = s->idt.base, .limit = s->idt.limit };
    cpu->cpl = ATTR_DPL(s->seg[SEG_SS].attributes);
}

static void segments_out(const struct cpu *cpu, struct tenon_x86_state *s)
{
    for (unsigned i = 0; i < N_SEGS; i++)
        s->seg[i] = segment_out(&cpu->seg[i]);
    s->seg[SEG_SS].attributes = (s->seg[SEG_SS].attributes & ~0x60) | cpu->cpl << 5;
    s->ldt = segment_out(&cpu->ldt);
    s->tr = segment_out(&cpu->tr);
    s->gdt = (struct tenon_x86_segment){ .base = cpu->gdt.base, .limit = cpu->gdt.limit };
    s->idt = (struct tenon_x86_segment){ .base = cpu->idt.base, .limit = cpu->idt.limit };
}

/* The registers that both sides simply hold. */
struct pair {
    uint64_t *ours, *theirs;
};
#define N_PAIRS 17

static void pairs(struct cpu *cpu, struct tenon_x86_state *s, struct pair pair[N_PAIRS])
{
    const struct pair all[N_PAIRS] = {
        { &cpu->rip, &s->rip },
        { &cpu->flags, &s->rflags },
        { &cpu->cr0, &s->cr0 },
        { &cpu->cr2, &s->cr2 },
        { &cpu->cr3, &s->cr3 },
        { &cpu->cr4, &s->cr4 },
        { &cpu->efer, &s->efer },
        { &cpu->xcr0, &s->xcr0 },
        { &cpu->msr.star, &s->star },
        { &cpu->msr.lstar, &s->lstar },
        { &cpu->msr.cstar, &s->cstar },
        { &cpu->msr.fmask, &s->fmask },
        { &cpu->msr.kernel_gs_base, &s->kernel_gs_base },
        { &cpu->msr.sysenter_cs, &s->sysenter_cs },
        { &cpu->msr.sysenter_esp, &s->sysenter_esp },
        { &cpu->msr.sysenter_eip, &s->sysenter_eip },
        { &cpu->msr.tsc_aux, &s->tsc_aux },
    };

    memcpy(pair, all, sizeof(all));
}

static bool uses_pdptes(const struct cpu *cpu)
{
    return cpu->cr0 & CR0_PG && cpu->cr4 & CR4_PAE && !(cpu->efer & EFER_LMA);
}

/* What has been done to address spaces and memory since is unknown: no translation stays. */
static void registers_in(struct cpu *cpu, struct tenon_x86_state *s)
{
    struct pair pair[N_PAIRS];

    pairs(cpu, s, pair);
    for (unsigned i = 0; i < N_PAIRS; i++)
        *pair[i].ours = *pair[i].theirs;
    memcpy(cpu->r, s->r, sizeof(s->r));
    memcpy(cpu->dr, s->dr, sizeof(s->dr));
    segments_in(cpu, s);
    cpu->inhibit = s->blocked & (INHIBIT_STI | INHIBIT_MOV_SS);
    cpu->nmi_blocked = s->blocked & TENON_BLOCKED_NMI;
    xsave_state_in(cpu, s->xsave);
    mode_update(cpu);
    tlb_flush(cpu, true);
    if (uses_pdptes(cpu))
        paging_load_pdptes(cpu, cpu->cr3);
}

/* The processor is another one from now on. */
static void state_in(struct cpu *cpu, struct tenon_x86_state *s)
{
    cpu->msr.apic_base = s->apic_base;
    cpu->halted = cpu->wait_sipi = cpu->shut_down = false;
    cpu->held = 0;
    memset(&cpu->fault, 0, sizeof(cpu->fault));
    cpu->fault.vector = -1;
    memset(&cpu->debug, 0, sizeof(cpu->debug));
    registers_in(cpu, s);
}

static void state_out(struct cpu *cpu, struct tenon_x86_state *s)
{
    struct pair pair[N_PAIRS];

    pairs(cpu, s, pair);
    for (unsigned i = 0; i < N_PAIRS; i++)
        *pair[i].theirs = *pair[i].ours;
    memcpy(s->r, cpu->r, sizeof(s->r));
    memcpy(s->dr, cpu->dr, sizeof(s->dr));
    segments_out(cpu, s);
    s->blocked = cpu->inhibit | (cpu->nmi_blocked ? TENON_BLOCKED_NMI : 0);
    xsave_state_out(cpu, s->xsave);
}

/* ---- Running ---- */

static void left(struct cpu *cpu)
{
    if (processor_of(cpu)->mailbox.in_guest)
        blocks_faulted(cpu);
    mailbox_in_guest(cpu, false);
}

/* What other threads have done to memory since the last time. */
static void catch_up(struct cpu *cpu)
{
    __atomic_store_n(&cpu->wanted, 0, __ATOMIC_SEQ_CST);
    mmu_settle(cpu);
    mailbox_serve(cpu);
    mmu_forget(cpu);
}

/* The instruction that the other cannot execute, or its exception; false: it cannot be executed
 * here either.  A fault while an exception is delivered comes back here, too. */
static bool run_one(struct cpu *cpu)
{
    switch (sigsetjmp(cpu->fault_exit, 0)) {
    case 0:
        mailbox_in_guest(cpu, true);
        blocks_run_one(cpu);
        mailbox_in_guest(cpu, false);
        return true;
    case LEAVE_FAULT:
        left(cpu);
        cpu_deliver_fault(cpu);
        return true;
    case LEAVE_ASSIST: left(cpu); return false;
    default: mailbox_in_guest(cpu, false); return true; /* shut down */
    }
}

static bool take_over(struct cpu *cpu, struct tenon_x86_state *s, uint8_t how)
{
    if (s->size < sizeof(*s) || s->xcr0 & ~(uint64_t)XCR0_KNOWN)
        return false;
    cpu->assist = how;
    catch_up(cpu);
    state_in(cpu, s);
    return true;
}

int assist(void *self, void *state, struct tenon_x86_state *s)
{
    struct cpu *cpu = state;

    if (!take_over(cpu, s, ASSIST_ONE) || !run_one(cpu))
        return 0;
    state_out(cpu, s);
    s->executed = cpu->instructions;
    return 1;
}

int stand_in(void *self, void *state, struct tenon_x86_state *s)
{
    struct cpu *cpu = state;
    int why;

    if (!take_over(cpu, s, ASSIST_STANDS_IN))
        return TENON_STOOD_INSTRUCTION;
    cpu->halted = s->activity == TENON_CPU_HALTED;
    why = run_for_other(cpu, &s->executed);
    state_out(cpu, s);
    s->activity = cpu->halted ? TENON_CPU_HALTED : TENON_CPU_RUNS;
    return why;
}

/* ---- For debuggers and monitors ---- */

void state_get(void *self, void *state, struct tenon_x86_state *s)
{
    struct cpu *cpu = state;

    state_out(cpu, s);
    s->apic_base = cpu->msr.apic_base;
    s->cr8 = apic_cr8(cpu);
    s->smm = cpu->in_smm;
    s->activity = cpu->wait_sipi || cpu->shut_down ? TENON_CPU_WAITS
                  : cpu->halted                    ? TENON_CPU_HALTED
                                                   : TENON_CPU_RUNS;
}

/* Modes that exclude each other; the rest of CR0 and CR4 is for guests' instructions to check. */
static bool possible(const struct cpu *cpu, const struct tenon_x86_state *s)
{
    bool pg = s->cr0 & CR0_PG, lma = s->efer & EFER_LMA;

    return (!pg || s->cr0 & CR0_PE) && lma == (pg && s->efer & EFER_LME) &&
           (!lma || s->cr4 & CR4_PAE) && !(s->cr4 & ~control_known_cr4(cpu)) && !(s->cr0 >> 32) &&
           (s->xcr0 == cpu->xcr0 || xcr0_valid(cpu, s->xcr0)) && s->cr8 < 16;
}

/* Another thread may have changed memory since the processor looked at it: its pointers go first.
 */
int state_set(void *self, void *state, const struct tenon_x86_state *given)
{
    struct tenon_x86_state s = *given;
    struct cpu *cpu = state;

    if (!possible(cpu, &s))
        return -EINVAL;
    s.rflags = flags_possible(s.rflags);
    mmu_forget(cpu);
    registers_in(cpu, &s);
    apic_set_cr8(cpu, s.cr8);
    cpu_recheck(cpu);
    return 0;
}
