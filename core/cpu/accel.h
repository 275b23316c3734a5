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
struct cpuid_entry;
struct accel;
struct vcpu;

struct accel_ops {
    const char *name;           /* "kvm" */
    bool irqchip;               /* it brings the interrupt controllers and the 8254 */
    /* 0, or -errno and why has been reported unless quiet (another one is tried).  [main] */
    int (*open)(struct accel *accel, struct machine *m, const struct config_group *options, bool quiet);
    void (*close)(struct accel *accel);
    /* The machine's board is about to be built: spaces and loop are there.  [main, locked] */
    int (*board)(struct accel *accel);
    /* The CPUID leaves the accelerator can give a guest; freed by the caller. */
    int (*cpuid)(struct accel *accel, struct cpuid_entry **entries, unsigned *n);
    /* In the thread of the processor. */
    int (*vcpu_create)(struct vcpu *cpu);
    void (*vcpu_destroy)(struct vcpu *cpu);
    /* Runs guest code until the processor is kicked; 0, or -errno if it cannot go on and has said
     * why: the machine then stops.  [vcpu, unlocked] */
    int (*vcpu_run)(struct vcpu *cpu);
    /* Makes vcpu_run() return soon.  [any] */
    void (*vcpu_kick)(struct vcpu *cpu);
    /* Sets the state after a reset, or what start says.  [main, all processors stopped] */
    void (*vcpu_reset)(struct vcpu *cpu, const struct tenon_x86_start *start);
    /* Resets the interrupt controllers it brings.  [main, all processors stopped] */
    void (*chips_reset)(struct accel *accel);
    /* Drives input gsi of the interrupt controllers.  [any] */
    void (*gsi)(struct accel *accel, unsigned gsi, bool level);
    /* Joins an event fd to an edge on gsi, or takes it off; -ENOTSUP: the host does it itself. */
    int (*irqfd)(struct accel *accel, unsigned gsi, int fd, bool add);
    /* Guest time is about to stop or run: clocks of the guest that the accelerator keeps. [main] */
    void (*time)(struct accel *accel, bool running);
    /* Text for "info" and for -d: the registers.  [main, stopped]  May be NULL. */
    char *(*vcpu_dump)(struct vcpu *cpu);
};

struct accel {
    const struct accel_ops *ops;
    struct machine *machine;
    void *state;                /* the accelerator's own */
};

struct vcpu {
    struct machine *machine;
    struct accel *accel;
    unsigned index;
    uint32_t apic_id;
    struct cpuid_entry *cpuid;
    unsigned n_cpuid;
    struct reader *reader;
    pthread_t thread;
    bool created, stopped;      /* guarded by the board lock */
    bool stop, quit;            /* atomic: what the main thread wants */
    int error;
    pthread_cond_t changed;     /* with the board lock */
    void *state;                /* the accelerator's own */
};

/* Opens the first accelerator of the machine's configuration that works ("kvm:tcg", several -accel).
 * -errno: none does, and why has been reported.  [main] */
int accel_open(struct machine *m);
void accel_close(struct machine *m);

/* Makes the machine's processors, each in a thread of its own, stopped.  [main, locked] */
int vcpus_create(struct machine *m);
void vcpus_destroy(struct machine *m);
/* Lets them run; stops them all and waits until each is out of guest code.  [main, locked] */
void vcpus_resume(struct machine *m);
void vcpus_pause(struct machine *m);
/* [main, locked, paused] */
void vcpus_reset(struct machine *m, const struct tenon_x86_start *boot);

extern const struct accel_ops accel_kvm, accel_qtest;

/* How often the input has risen, for device tests. */
unsigned qtest_edges(const struct accel *accel, unsigned gsi);

#endif
