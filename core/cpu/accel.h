/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * accel - what runs a guest's processors: KVM, the software CPU, or nothing at all (tests).
 *
 * The threads of the processors, their stopping and starting are here, for all; an accelerator
 * makes one, and runs it until it has to come back.
 */
#ifndef TENON_CORE_ACCEL_H
#define TENON_CORE_ACCEL_H

#include <stdbool.h>
#include <stdint.h>
#include <pthread.h>

#include <tenon/machine.h>

struct machine;
struct config_group;
struct block;
struct inst;
struct cpuid_entry;
struct accel;
struct vcpu;
struct tenon_debug_point;
struct tenon_text;
struct tenon_x86_state;

/* A feature MSR of a processor, as -cpu wants it. */
struct vcpu_msr {
    uint32_t index;
    uint64_t value;
};

struct accel_ops {
    const char *name; /* "kvm" */
    bool doorbells;   /* it signals event fds for struct doorbell past the core */
    bool irqchip;     /* it can bring the interrupt controllers and the 8254 */
    bool usual_off;   /* ... but does so only if asked to */
    /* 0, or -errno and why has been reported unless quiet (another one is tried).  [main] */
    int (*open)(struct accel *accel, struct machine *m, const struct config_group *options,
                bool quiet);
    void (*close)(struct accel *accel);
    /* The machine's board is about to be built: spaces and loop are there.  [main, locked] */
    int (*board)(struct accel *accel);
    /* The CPUID leaves the accelerator can give a guest; freed by the caller with g_free(). */
    int (*cpuid)(struct accel *accel, struct cpuid_entry **entries, unsigned *n);
    /* Reads a feature MSR that it can give a guest; false: it cannot.  May be NULL.  accel is a
     * struct accel: this is cpu_host's msr().  [main] */
    bool (*msr)(void *accel, uint32_t index, uint64_t *value);
    /* In the thread of the processor. */
    int (*vcpu_create)(struct vcpu *cpu);
    void (*vcpu_destroy)(struct vcpu *cpu);
    /* Runs guest code until vcpu_must_stop(); 0, or -errno if it cannot go on and has said why: the
     * machine then stops.  The access to a device that asked to stop is complete when it returns.
     * [vcpu, unlocked] */
    int (*vcpu_run)(struct vcpu *cpu);
    /* Makes vcpu_run() ask vcpu_must_stop() soon.  [any] */
    void (*vcpu_kick)(struct vcpu *cpu);
    /* Sets the state after a reset, or what start says.  May be NULL.  [main, all processors
     * stopped] */
    void (*vcpu_reset)(struct vcpu *cpu, const struct tenon_x86_start *start);
    /* Resets the interrupt controllers it brings.  May be NULL.  [main, all processors stopped] */
    void (*chips_reset)(struct accel *accel);
    /* Drives input gsi of the interrupt controllers.  [any] */
    void (*gsi)(struct accel *accel, unsigned gsi, bool level);
    /* Joins an event fd to an edge on gsi, or takes it off; -ENOTSUP: the host does it itself. */
    int (*irqfd)(struct accel *accel, unsigned gsi, int fd, bool add);
    /* Sends a message-signalled interrupt; whether a processor took it.  May be NULL.  [any] */
    bool (*msi)(struct accel *accel, uint64_t addr, uint32_t data);
    /* SMI# of a processor; NULL: there is no system management mode.  And machine->smram has
     * changed. [any, locked] */
    void (*smi)(struct accel *accel, unsigned cpu);
    void (*smram)(struct accel *accel);
    /* The 8259A's INTR output, when that is a device; who answers calls machine_acknowledge(). NULL
     * if it never is.  [any, locked] */
    void (*intr)(struct accel *accel, bool level);
    /* IGNNE# of the first processor, which says FERR# by machine_ferr().  NULL: it has no such
     * pins. [any, locked] */
    void (*ignne)(struct accel *accel, bool level);
    /* What I/O APIC input pin sends, when that is a device; machine_eoi() is to be called for the
     * vectors of level-triggered ones.  May be NULL.  [any, locked] */
    void (*route)(struct accel *accel, unsigned pin, uint64_t addr, uint32_t data);
    /* Marks the pages of a tracked block that guest code has written since the last call; the first
     * call after block_dirty_start() begins to watch them.  May be NULL.  [any, locked] */
    void (*dirty_sync)(struct accel *accel, struct block *block);
    /* Guest time is about to stop or run: clocks of the guest that the accelerator keeps.  May be
     * NULL. [main, all processors stopped] */
    void (*time)(struct accel *accel, bool running);
    /* The registers, all of them, and back; -errno: KVM does not take them.  [main, locked,
     * stopped] */
    int (*vcpu_get)(struct vcpu *cpu, struct tenon_x86_state *state);
    int (*vcpu_set)(struct vcpu *cpu, const struct tenon_x86_state *state);
    /* What vcpu_dump() is to say besides registers, in lines; freed with g_free().  May be NULL, or
     * return it.  [main, stopped] */
    char *(*vcpu_notes)(struct vcpu *cpu);
    /* Software breakpoints are INT3s in memory, which points.c puts there. */
    bool int3;
    /* Makes all processors stop at these points instead of earlier ones (who calls vcpu_stopped());
     * they stay until the next call.  int3: some are in memory.  -ENOSPC, -ENOTSUP: not at these,
     * and those from before hold.  May be NULL.  [main, locked, stopped] */
    int (*debug)(struct accel *accel, const struct tenon_debug_point *points, unsigned n,
                 bool int3);
    /* TENON_STEP*: how the processor goes on.  [main, locked, stopped] */
    void (*vcpu_step)(struct vcpu *cpu, unsigned flags);
    /* The plugin's instance, which has properties; NULL: it is no plugin. */
    struct inst *(*inst)(struct accel *accel);
    /* A pulse on LINT1, which its local APIC usually makes an NMI of.  May be NULL.  [main, locked,
     * stopped] */
    void (*vcpu_nmi)(struct vcpu *cpu);
    /* The local APIC's registers: what is 16 bytes apart in its memory.  false: they cannot be
     * looked at.  May be NULL.  [main, locked, stopped] */
    bool (*vcpu_lapic)(struct vcpu *cpu, uint32_t regs[64]);
    /* Tells of the chips it brings, as tenon/info.h's "pic" does.  May be NULL.  [main, locked] */
    void (*chips_describe)(struct accel *accel, const struct tenon_text *to);
};

/* -machine kernel-irqchip=: which chips the accelerator brings. */
enum irqchip {
    IRQCHIP_OFF,   /* none: all are devices */
    IRQCHIP_SPLIT, /* the local APICs */
    IRQCHIP_ON,    /* all */
};

struct accel {
    const struct accel_ops *ops;
    enum irqchip irqchip; /* as asked for: open() refuses what it cannot */
    struct machine *machine;
    void *state; /* the accelerator's own */
};

struct vcpu {
    /* Set by who makes the array machine->cpus, which lives longer than the threads. */
    struct machine *machine;
    unsigned index;
    uint32_t apic_id;
    struct cpuid_entry *cpuid;
    unsigned n_cpuid;
    const struct vcpu_msr *msrs; /* those that are not as the accelerator makes them */
    unsigned n_msrs;
    uint64_t tsc_hz; /* asked for; 0: the host's */
    /* The rest is set here. */
    struct accel *accel;
    struct reader *readers[2]; /* of memory and ports, for vcpu_run() */
    pthread_t thread;
    pid_t tid;                   /* as the host counts threads */
    bool created, stopped, quit; /* guarded by the board lock */
    bool stop;                   /* atomic: it is wanted out of guest code */
    int error;                   /* of vcpu_create() or vcpu_run(), until the next reset */
    bool frozen;                 /* by a debugger: vcpus_resume() leaves it alone; board lock */
    uint32_t why;                /* TENON_DEBUG_*: it has come to a debugger's point, 0: no */
    uint64_t where;
    pthread_cond_t changed; /* with the board lock */
    void *state;            /* the accelerator's own */
};

/* Whether the processor is to leave guest code: it is wanted elsewhere, or what it has just done to
 * a device changes the whole machine (machine_request()).  [vcpu] */
bool vcpu_must_stop(const struct vcpu *cpu);

/* The processor has come to where a debugger wants it: it leaves guest code, and the machine stops
 * (STATE_DEBUG).  why is TENON_DEBUG_*.  [vcpu, unlocked] */
void vcpu_stopped(struct vcpu *cpu, uint32_t why, uint64_t where);

/* What -singlestep is to an accelerator that knows it: a property that is a bool. */
#define ACCEL_ONE_INSN "one-insn-per-tb"

/* The accelerator of that name, NULL if this build has none. */
const struct accel_ops *accel_find(const char *name);

/*
 * Opens the first accelerator of the machine's configuration that works: what each -accel names, in
 * their order, then -machine accel=; "kvm:tcg" is two.  Those of other builds are passed over if
 * another one follows.  A machine without processors that names none gets "qtest", which runs
 * nothing.  -errno: none works, and why has been reported.  [main]
 */
int accel_open(struct machine *m);
void accel_close(struct machine *m);

/* Makes the threads of the first info.cpus processors of m->cpus, stopped.  -errno: one cannot be
 * made, and why has been reported; then there are none.  [main, locked] */
int vcpus_create(struct machine *m);
void vcpus_destroy(struct machine *m);
/* Lets them run; stops them all and waits until each is out of guest code.  [main, locked] */
void vcpus_resume(struct machine *m);
void vcpus_pause(struct machine *m);
/* Writes a line and the registers to the log.  [main, stopped, or in the thread of the processor]
 */
void vcpu_log(struct vcpu *cpu, const char *what);
/* [main, locked, paused] */
void vcpus_reset(struct machine *m, const struct tenon_x86_start *boot);

/* -singlestep: whether the accelerator decodes one instruction at a time.  Setting it: false, that
 * is not for this accelerator.  [main, locked; setting: stopped] */
bool accel_one_insn(const struct machine *m);
bool accel_set_one_insn(struct machine *m, bool on);

/* How often the software CPU took over, and how many instructions it executed, of all processors.
 * false: it never has, or there is no KVM.  [main, locked] */
bool kvm_fallback_counts(struct machine *m, uint64_t *times, uint64_t *instructions);

extern const struct accel_ops accel_kvm, accel_qtest;

/* How often the input has risen, for device tests. */
unsigned qtest_edges(const struct accel *accel, unsigned gsi);

#endif
