/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft - the accelerator: what its processors share, and how they are asked to do something.
 *
 * Whoever wants something of a processor sets a bit of cpu->wanted by cpu_want(), from any thread; the
 * run loop looks at it between blocks.  What came but cannot be taken yet (IF is clear, NMIs are
 * blocked...) waits in cpu->held, where it costs nothing; cpu_recheck() brings it back, and has to be
 * called by whatever lifts such a condition.
 */
#ifndef TENON_SOFT_SOFT_H
#define TENON_SOFT_SOFT_H

#include <pthread.h>

#include "cpu.h"

enum { SOFT_MAX_CPUS = 288 };

struct alarms;
struct bus;

struct soft {
    struct tenon_dev dev;
    const struct tenon_accel_host *host;
    struct tenon_cpuid *cpuid;
    uint32_t n_cpuid;
    uint32_t n_cpus;                     /* atomic; places in cpus, some of them perhaps NULL */
    struct cpu *cpus[SOFT_MAX_CPUS];     /* atomic */
    uint32_t intr;                       /* atomic: level of the 8259's output */
    uint32_t turn;                       /* atomic: where the search for the lowest priority begins */
    struct bus *bus;
    struct alarms *alarms;
};

/* Makes the processor look at WANT_* bits; wakes it.  [any] */
void cpu_want(struct cpu *cpu, uint32_t bits);

/* IF was set, an IRET or RSM ended the blocking of NMIs, CR8 fell: what was held may come now. [its thread] */
static inline void cpu_recheck(struct cpu *cpu)
{
    if (cpu->held) {
        __atomic_fetch_or(&cpu->wanted, cpu->held, __ATOMIC_RELAXED);
        cpu->held = 0;
    }
}

/*
 * What ends a block and stops the processor; the rest is the run loop's.  [its thread]
 * cpu_halt(): HLT, rip is the next instruction's.  cpu_mwait(): the same, and it also ends when the 8
 * bytes at the guest-physical address phys (8-aligned) differ from value, and, with masked, when an
 * interrupt comes while IF is clear.
 */
void cpu_halt(struct cpu *cpu);
void cpu_mwait(struct cpu *cpu, uint64_t phys, uint64_t value, bool masked);
/* A triple fault: the machine resets.  Leaves through fault_exit. */
_Noreturn void cpu_shutdown(struct cpu *cpu);

/* The time stamp counter, RDTSC and MSRs 10h and 3Bh.  [its thread] */
uint64_t cpu_tsc(const struct cpu *cpu);
void cpu_set_tsc(struct cpu *cpu, uint64_t value);
void cpu_set_tsc_adjust(struct cpu *cpu, uint64_t value);
/* Guest time at which the TSC reaches value.  [its thread] */
uint64_t cpu_tsc_time(const struct cpu *cpu, uint64_t value);

/* INIT or power-on: registers as Intel SDM volume 3, table 10-1 says.  [its thread, or it is stopped] */
void cpu_init_state(struct cpu *cpu, bool power_on);

/* alarms.c: wakes processors that run guest code at a guest time. */
struct alarms *alarms_create(void); /* NULL: no memory, no thread */
void alarms_destroy(struct alarms *alarms);
/* cpu_want(cpu, WANT_APIC) at that guest time, once; UINT64_MAX: not.  [its thread] */
void alarm_set(struct cpu *cpu, uint64_t when);

/* What CPUID can offer on this host, for tenon_accel_ops.cpuid: to be freed with free().  NULL: no memory. */
struct tenon_cpuid *offer_cpuid(uint32_t *n);

#endif
