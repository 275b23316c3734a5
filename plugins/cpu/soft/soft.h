/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft - the accelerator: what its processors share, and how they are asked to do something.
 *
 * Whoever wants something of a processor sets a bit of cpu->wanted by cpu_want(), from any thread;
 * the run loop looks at it between blocks.  What came but cannot be taken yet (IF is clear, NMIs
 * are blocked...) waits in cpu->held, where it costs nothing; cpu_recheck() brings it back, and has
 * to be called by whatever lifts such a condition.
 */
#ifndef TENON_SOFT_SOFT_H
#define TENON_SOFT_SOFT_H

#include <pthread.h>
#include <stdio.h>

#include "apic.h"
#include "cpu.h"
#include "mmu.h"
#include "tsc.h"

enum { SOFT_MAX_CPUS = 288 };

struct alarms;

/* What a processor has been told to do; see tell.c. */
enum { MAIL_ROOM = 64 };
struct mail {
    uint64_t posted; /* how many notes, ever */
    uint32_t n;
    bool overflow; /* there was more: forget everything */
    struct {
        soft_act *act;
        uint32_t block;
        uint64_t offset, bytes;
    } item[MAIL_ROOM];
};
struct mailbox {
    pthread_mutex_t lock;
    bool ready;       /* the lock has been made */
    bool in_guest;    /* atomic: between two looks at cpu->wanted */
    uint64_t done;    /* atomic: mail.posted when it was served last */
    struct mail mail; /* under lock */
};

/* The state of one processor, as the host allocates it. */
struct processor {
    struct cpu cpu;
    struct apic apic;
    struct mailbox mailbox;
};

struct soft {
    struct tenon_dev *dev;
    const struct tenon_accel_host *host;
    const struct tenon_logger *log;         /* NULL: there is none */
    const struct tenon_disassembler *disas; /* the same */
    bool one_insn;
    uint32_t thread;
    uint32_t engine;
    uint32_t tb_size; /* MiB of the translator's, for all processors */
    bool translates, checks;
    bool hindered; /* engine=auto interprets, where it ought not to have to; to be told once */
    bool perfmap, jitdump;
    struct { /* see jit-tell.c */
        pthread_mutex_t lock;
        FILE *map, *dump;
        void *marker;
        uint64_t index;
    } told;
    struct tenon_cpuid *cpuid;
    uint32_t n_cpuid;
    uint32_t n_cpus;                 /* atomic; places in cpus, some of them perhaps NULL */
    struct cpu *cpus[SOFT_MAX_CPUS]; /* atomic */
    uint32_t intr;                   /* atomic: level of the 8259's output */
    bool ignne;                      /* atomic: IGNNE# of the first processor */
    uint32_t turn;                   /* atomic: where the search for the lowest priority begins */
    uint64_t reset_time;             /* guest time at which all TSCs were 0 */
    struct bus *bus;
    struct alarms *alarms;
    bool tsc_possible;
    struct tsc tsc;
};

static inline struct processor *processor_of(struct cpu *cpu)
{
    return (struct processor *)cpu;
}

/* ---- run.c ---- */

/* Makes the processor look at WANT_* bits before its next block.  One that sleeps sleeps on.  [any]
 */
void cpu_note(struct cpu *cpu, uint32_t bits);
/* The same, and wakes it.  [any] */
void cpu_want(struct cpu *cpu, uint32_t bits);

/* IF was set, an IRET or RSM ended the blocking of NMIs: what was held may come now.  [its thread]
 */
static inline void cpu_recheck(struct cpu *cpu)
{
    if (cpu->held) {
        __atomic_fetch_or(&cpu->wanted, cpu->held, __ATOMIC_RELAXED);
        cpu->held = 0;
    }
}

/*
 * What ends a block and stops the processor; the rest is the run loop's.  [its thread]
 * cpu_halt(): HLT, rip is the next instruction's.  cpu_mwait(): the same, and it also ends when the
 * 8 bytes at the guest-physical address phys (8-aligned) differ from value, and, with masked, when
 * an interrupt comes while IF is clear.
 */
void cpu_halt(struct cpu *cpu);
void cpu_mwait(struct cpu *cpu, uint64_t phys, uint64_t value, bool masked);
/* A triple fault: the machine resets.  Leaves through fault_exit. */
_Noreturn void cpu_shutdown(struct cpu *cpu);

/* tenon_accel_ops.cpu_run.  [its thread] */
int run(void *self, void *cpu);
/* The same in another accelerator's place: TENON_STOOD_*.  executed: as in the state. */
int run_for_other(struct cpu *cpu, uint64_t *executed);

/* ---- tell.c ---- */

/*
 * Makes the machine's other processors (all, if cpu is NULL) call act, each on its thread between
 * blocks.  With wait, it returns after those that run guest code have, but not much later: who is
 * held up in a device will do it before its next block.  [cpu's thread; any if cpu is NULL]
 */
void tell(struct soft *soft, struct cpu *cpu, bool wait, soft_act *act, uint32_t block,
          uint64_t offset, uint64_t bytes);
/* Does what the processor has been told.  [its thread] */
void mailbox_serve(struct cpu *cpu);
/* Whether the processor is between blocks, where it looks before it goes on. */
void mailbox_in_guest(struct cpu *cpu, bool in_guest);

/* ---- clock.c ---- */

/* The time stamp counter, RDTSC and MSRs 10h and 3Bh.  [its thread] */
uint64_t cpu_tsc(const struct cpu *cpu);
void cpu_set_tsc(struct cpu *cpu, uint64_t value);
void cpu_set_tsc_adjust(struct cpu *cpu, uint64_t value);
/* Guest time at which the TSC reaches value.  [its thread] */
uint64_t cpu_tsc_time(const struct cpu *cpu, uint64_t value);
/* Sets the rate from info->tsc_hz, and the TSC to 0 at guest time zero. */
void tsc_init(struct cpu *cpu, uint64_t zero);

/* A thread that wakes processors at guest times.  NULL: no memory, or no thread. */
struct alarms *alarms_create(struct soft *soft);
void alarms_destroy(struct alarms *alarms); /* accepts NULL */
/* cpu_want(cpu, WANT_APIC) at that guest time, once, if it runs guest code then; UINT64_MAX: not.
 * [its thread] */
void alarm_set(struct cpu *cpu, uint64_t when);
/* To be called between blocks: tells the thread of an alarm that has waited for that. */
void alarm_settle(struct cpu *cpu);
/* Of a counted processor: how many instructions it may execute before it leaves its blocks, from
 * now on, be it in the midst of one.  [its thread] */
void budget_renew(struct cpu *cpu);
/* Guest time stands from now on, or runs again.  [its thread] */
void alarm_pause(struct cpu *cpu);
void alarm_resume(struct cpu *cpu);

/* ---- state.c ---- */

/* INIT: registers as Intel SDM volume 3, table 10-1 says.  [its thread] */
void state_init(struct cpu *cpu);
/* A start-up message: runs from vector x 4 KiB.  [its thread] */
void state_startup(struct cpu *cpu, unsigned vector);
/* tenon_accel_ops.cpu_reset and cpu_notes. */
void state_reset(void *self, void *cpu, const struct tenon_x86_start *start);
char *state_notes(void *self, void *cpu);

/* ---- assist-run.c ---- */

/* tenon_accel_ops.assist. */
int assist(void *self, void *cpu, struct tenon_x86_state *state);
/* tenon_accel_ops.stand_in. */
int stand_in(void *self, void *cpu, struct tenon_x86_state *state);
/* cpu_get and cpu_set. */
void state_get(void *self, void *cpu, struct tenon_x86_state *state);
int state_set(void *self, void *cpu, const struct tenon_x86_state *state);

/* ---- offer.c ---- */

/* What CPUID can offer on this host: to be freed with free().  NULL: no memory. */
struct tenon_cpuid *offer_cpuid(uint32_t *n);
/* msr.c: struct tenon_accel_ops. */
bool feature_msr(void *self, uint32_t index, uint64_t *value);

#endif
