/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * apic - the local APIC of a software processor: its registers as memory (xAPIC) and as MSRs
 * (x2APIC), its timer, and messages between processors.
 *
 * Intel SDM volume 3, chapter 11 (10 before 2023).  Processors send each other interrupts without a
 * lock: a request is a bit in the target's IRR, or in its WANT_* word, set by atomic operations.
 * All else in struct apic belongs to the processor's own thread.
 */
#ifndef TENON_SOFT_APIC_H
#define TENON_SOFT_APIC_H

#include "cpu.h"

enum { APIC_BSP = 0x100, APIC_EXTD = 0x400, APIC_EN = 0x800 }; /* MSR 1Bh */
#define MSR_APIC_BASE    0x1b
#define MSR_TSC_DEADLINE 0x6e0
#define MSR_X2APIC       0x800 /* to 8FFh */

enum apic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, N_LVTS };

struct apic {
    struct cpu *cpu;
    uint32_t id;   /* of 32 bits; xAPIC shows the low 8 */
    uint32_t sipi; /* atomic: 100h + vector; 0: none */
    /* From here on, a reset clears all. */
    uint32_t tpr, ppr;       /* atomic: read by those who look for the lowest priority */
    uint32_t ldr, dfr, svr;  /* atomic: read by senders; ldr of xAPIC mode */
    uint32_t irr[8], tmr[8]; /* atomic */
    uint32_t isr[8];
    uint32_t errors; /* atomic: not yet shown in esr */
    uint32_t extint; /* atomic: a message said to ask the 8259 */
    uint32_t esr, icr[2], lvt[N_LVTS];
    uint32_t initial, divide; /* of the timer, as written */
    bool run_down;            /* the count stays 0 until there is an initial one */
    uint64_t count_from;      /* guest time at which the initial count was written */
    uint64_t deadline;        /* guest time at which the timer fires; UINT64_MAX: not */
    uint64_t tsc_deadline;    /* as written; 0: not armed */
};

/* ---- For the memory and system parts; on the processor's thread ---- */

/* Whether there is a local APIC at all at the moment: CPUID.1:EDX.9. */
static inline bool apic_enabled(const struct cpu *cpu)
{
    return cpu->msr.apic_base & APIC_EN;
}

static inline bool apic_is_x2(const struct cpu *cpu)
{
    return cpu->msr.apic_base & APIC_EXTD;
}

/* Whether the physical page is where MSR 1Bh places the local APIC, in whatever state it is. */
static inline bool apic_base_is(const struct cpu *cpu, uint64_t phys)
{
    return !((cpu->msr.apic_base ^ phys) & ~0xfffull);
}

/* Whether the local APIC, and all that CPUID and the state do not name, is another accelerator's.
 */
static inline bool stands_in(const struct cpu *cpu)
{
    return cpu->assist == ASSIST_STANDS_IN;
}

/* Whether the local APIC answers there.  It changes only by MSR 1Bh, which flushes the TLB. */
static inline bool apic_at(const struct cpu *cpu, uint64_t phys)
{
    return (cpu->msr.apic_base & (APIC_EN | APIC_EXTD)) == APIC_EN && apic_base_is(cpu, phys);
}

/* Accesses to that page; offset below 4096, size 1 to 8. */
uint64_t apic_read(struct cpu *cpu, unsigned offset, unsigned size);
void apic_write(struct cpu *cpu, unsigned offset, uint64_t value, unsigned size);

/* MSRs 1Bh, 6E0h and 800h to 8FFh: false is #GP(0).  Of others they know nothing: false. */
bool apic_msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool apic_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value);

/* CR8; value is below 16.  They work while the APIC is disabled, too. */
unsigned apic_cr8(const struct cpu *cpu);
void apic_set_cr8(struct cpu *cpu, unsigned value);

/* ---- For the run loop; on the processor's thread ---- */

/* Power-on, or INIT, which keeps the APIC's id and mode. */
void apic_reset(struct apic *apic);
/* The timer: fires if it is time.  Called on WANT_APIC. */
void apic_tick(struct apic *apic);
/* The TSC has jumped: a TSC deadline is at another time now. */
void apic_tsc_changed(struct apic *apic);
enum { APIC_NONE = -1, APIC_ASK_8259 = -2 };
/* The vector to deliver now, if interrupts are on; APIC_ASK_8259: the 8259 knows it. */
int apic_next(const struct apic *apic);
/* Takes it: the vector is in service from now on; -1: the 8259 has none after all. */
int apic_take(struct apic *apic, int next);

/* Its registers by number, for who looks from outside; those that cannot be read are 0.  [the
 * processor stopped] */
void apic_show(struct apic *apic, uint32_t regs[64]);

/* ---- From any thread ---- */

/* A message-signalled interrupt, an I/O APIC's included: true if a processor took it. */
bool apic_message(struct soft *soft, uint64_t addr, uint32_t data);
/* The output of the 8259, wired to LINT0 of all processors. */
void apic_line(struct soft *soft, bool level);
/* A pulse on LINT1, where NMIs come in; past a disabled APIC it is one. */
void apic_nmi(struct cpu *cpu);

#endif
