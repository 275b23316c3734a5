/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm - what the parts of the KVM accelerator share: kvm.c opens it and makes the virtual machine,
 * kvm-chips.c its interrupt controllers, kvm-slots.c its memory, kvm-vcpu.c runs its processors,
 * and kvm-state.c sets their registers.
 *
 * The interface to the kernel is that of Linux's Documentation/virt/kvm/api.rst.
 */
#ifndef TENON_CORE_KVM_H
#define TENON_CORE_KVM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>
#include <glib.h>

#include "loop/loop.h"
#include "memory/memory.h"

struct accel;
struct guest;
struct kvm_assist;
struct machine;
struct tenon_debug_point;
struct tenon_text;
struct tenon_x86_start;
struct tenon_x86_state;
struct vcpu;

/* A piece of guest memory as KVM knows it; its place in the array is its number. */
struct kvm_slot {
    uint64_t base, bytes; /* bytes 0: not in use */
    uint8_t *host;
    struct block *block;
    uint64_t offset; /* in the block */
    uint32_t flags;  /* KVM_MEM_* */
};

/* A space whose changes KVM follows. */
struct kvm_space {
    struct kvm *kvm;
    struct space *space; /* NULL: not yet */
    uint32_t flags;      /* KVM_IOEVENTFD_FLAG_PIO, or 0 */
    struct space_listener listener;
};

/* The chips' state when they were new, for resets; or, where they are devices, what these say. */
struct kvm_chips {
    struct kvm_irqchip irqchip[3];
    struct kvm_pit_state2 pit;
    bool has_pit;
    bool split;                            /* they are devices, but for the local APICs */
    bool intr;                             /* atomic: the 8259A's output */
    struct kvm_irq_routing_msi levels[24]; /* what level-triggered I/O APIC inputs send */
};

struct kvm {
    struct machine *machine;
    int dev, vm; /* -1: not open */
    size_t run_bytes, xsave_bytes;
    struct kvm_msr_list *msrs; /* those the host lets a guest have */
    struct kvm_chips chips;

    bool fallback;        /* the software CPU executes what KVM cannot */
    struct guest *helper; /* it, when it has been needed; board lock */
    bool helper_tried;
    bool assist_said; /* atomic: the user knows */
    bool emulates;    /* atomic: KVM emulates whole stretches of code, the software CPU stands in */
    struct timer watch; /* looks whether it does, a few times; then watch_ms is at its end */
    unsigned watch_ms;
    uint8_t *room; /* see kvm-serve.c; board lock */

    GArray *slots; /* of struct kvm_slot; board lock */
    unsigned max_slots;
    struct kvm_space mem, io;

    /* Processors stay out of guest code while memory is between two states; see kvm_hold(). */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hold;              /* atomic; written under lock */
    struct kvm_vcpu *vcpus; /* under lock */

    const struct tenon_debug_point *points; /* a debugger's, in debug registers */
    unsigned n_points;
    bool int3; /* it has some in memory, too */

    bool has_clock;
    struct kvm_clock_data clock; /* guest time as it stopped, and the guest's TSC then */
    uint64_t tsc;
};

/* A processor as KVM has it, but for the XSAVE area. */
enum { KVM_IMAGE_MSRS = 9 };
struct kvm_image {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debug;
    struct kvm_vcpu_events events;
    struct {
        uint32_t nmsrs, pad; /* laid out as struct kvm_msrs */
        struct kvm_msr_entry entries[KVM_IMAGE_MSRS];
    } msrs;
};

struct kvm_vcpu {
    struct kvm_vcpu *next;
    struct vcpu *cpu;
    struct kvm *kvm;
    int fd; /* -1: not open */
    struct kvm_run *run;
    bool in_guest;                /* atomic; written in its thread */
    bool unfinished;              /* the access to a device is not complete in the registers yet */
    struct kvm_lapic_state lapic; /* when it was new */
    struct kvm_assist *assist;    /* NULL: not needed yet */
    int stats;                    /* KVM's counters, which any thread can read; -1: none */
    unsigned step;                /* TENON_STEP*, for a debugger */
    unsigned single;              /* KVM_SINGLE_* */
};

/* ioctl() that tries again when a signal came; returns -errno. */
int kvm_ioctl(int fd, unsigned long request, void *arg);
int kvm_has(const struct kvm *kvm, int capability); /* its value, 0 if the host lacks it */

/* Opens the KVM device at path.  -errno: why has been reported unless quiet. */
int kvm_open_device(const char *path, const char *where, bool quiet);

/* kvm-chips.c */
int kvm_chips_create(struct kvm *kvm);
void kvm_chips_reset(struct accel *accel);
void kvm_chips_describe(struct accel *accel, const struct tenon_text *to);
void kvm_gsi(struct accel *accel, unsigned gsi, bool level);
int kvm_irqfd(struct accel *accel, unsigned gsi, int fd, bool add);
bool kvm_msi(struct accel *accel, uint64_t addr, uint32_t data);
void kvm_intr(struct accel *accel, bool level);
void kvm_route(struct accel *accel, unsigned pin, uint64_t addr, uint32_t data);
/* Before the processor runs: gives it the 8259A's interrupt, or asks to be told when it can have
 * it. [vcpu, unlocked] */
void kvm_inject(struct kvm_vcpu *v);

/* kvm-slots.c */
void kvm_slots_init(struct kvm *kvm);
void kvm_slots_finish(struct kvm *kvm);
void kvm_slots_listen(struct kvm *kvm);
void kvm_dirty_sync(struct accel *accel, struct block *block);

/* kvm-vcpu.c: keeps all processors out of guest code from one to the other.  [any, locked] */
void kvm_hold(struct kvm *kvm);
void kvm_release(struct kvm *kvm);
int kvm_vcpu_create(struct vcpu *cpu);
void kvm_vcpu_destroy(struct vcpu *cpu);
int kvm_vcpu_run(struct vcpu *cpu);
void kvm_vcpu_kick(struct vcpu *cpu);
void kvm_vcpu_nmi(struct vcpu *cpu);
bool kvm_vcpu_lapic(struct vcpu *cpu, uint32_t regs[64]);

/* kvm-state.c */
int kvm_state_create(struct kvm_vcpu *v);
void kvm_state_reset(struct vcpu *cpu, const struct tenon_x86_start *start);
void kvm_time(struct accel *accel, bool running);

/* kvm-registers.c: all registers at once; xsave has room for kvm->xsave_bytes.  A part of the image
 * that is as it was is not set.  [in its thread, or main while it is stopped] */
bool kvm_image_get(struct kvm_vcpu *v, struct kvm_image *image, uint8_t *xsave);
bool kvm_image_set(struct kvm_vcpu *v, const struct kvm_image *was, struct kvm_image *image);
void kvm_image_to_state(struct kvm_image *image, const uint8_t *xsave, struct tenon_x86_state *s);
void kvm_image_from_state(struct kvm_image *image, const struct tenon_x86_state *s);
/* Sets the XSAVE area if it differs from the state's. */
bool kvm_xsave_set(struct kvm_vcpu *v, uint8_t *xsave, const struct tenon_x86_state *s);
int kvm_vcpu_get(struct vcpu *cpu, struct tenon_x86_state *state);
int kvm_vcpu_set(struct vcpu *cpu, const struct tenon_x86_state *state);

/* kvm-debug.c */
int kvm_debug(struct accel *accel, const struct tenon_debug_point *points, unsigned n, bool int3);
void kvm_vcpu_step(struct vcpu *cpu, unsigned flags);
/* KVM_EXIT_DEBUG: the debugger's, or the guest's own. */
void kvm_debug_exit(struct kvm_vcpu *v);
/* KVM, emulating, has met an INT3 of the debugger's, which it does not know. */
bool kvm_debug_int3(struct kvm_vcpu *v);
/* The software CPU has executed an instruction in KVM's place. */
void kvm_debug_stepped(struct kvm_vcpu *v);
/* From now on the processor stops after each instruction, for ourselves. */
enum kvm_single { KVM_SINGLE_OFF, KVM_SINGLE_GUEST, KVM_SINGLE_ROOM }; /* see kvm-serve.c */
void kvm_debug_single(struct kvm_vcpu *v, enum kvm_single how);

void kvm_vcpu_wake(struct kvm_vcpu *v); /* ends its KVM_RUN, or the next.  [any] */
void kvm_vcpu_readers_offline(struct vcpu *cpu, bool offline);
/* One KVM_RUN, while nobody holds the processors; 0 or -errno.  [vcpu] */
int kvm_vcpu_enter(struct kvm_vcpu *v);
/* Does what the exit asks for; -errno: the processor cannot go on.  [vcpu, its readers online] */
int kvm_vcpu_exit(struct kvm_vcpu *v);

/* kvm-assist.c: the software CPU in KVM's place.  kvm_assist() has it execute an instruction that
 * KVM has failed to emulate; false: it cannot. */
bool kvm_assist(struct kvm_vcpu *v);
/* Whether it is to run the guest; it does so until the processor must stop, or has to go through
 * KVM for once: 1, or -errno.  [vcpu] */
bool kvm_stands_in(const struct kvm_vcpu *v);
int kvm_stand_in(struct kvm_vcpu *v);
void kvm_assist_create(struct kvm_vcpu *v);
void kvm_assist_finish(struct kvm_vcpu *v);
void kvm_assist_close(struct kvm *kvm);
/* The processor's state where KVM's is not; NULL: KVM's is.  [main, stopped, or vcpu] */
struct tenon_x86_state *kvm_kept_state(const struct kvm_vcpu *v);
void kvm_assist_reset(struct kvm_vcpu *v);
void kvm_assist_kick(struct kvm_vcpu *v);
void kvm_assist_debug(
    const struct kvm *kvm); /* its points have changed.  [main, locked, stopped] */
char *kvm_assist_notes(struct vcpu *cpu);
/* Looks whether KVM emulates whole stretches of code, from now on for some seconds, in which the
 * guest runs.  [main, locked] */
void kvm_watch(struct kvm *kvm);

/* kvm-fault.c: where the processor stands, as text; and says why a processor cannot go on; returns
 * -EIO. */
char *kvm_fault_place(const struct kvm_vcpu *v);
/* Is there an instruction at all?  A guest that runs away into nothing gets no help. */
bool kvm_fault_readable(const struct kvm_vcpu *v);
int kvm_fault_exit(struct kvm_vcpu *v);
int kvm_fault_errno(struct kvm_vcpu *v, int err);

struct tenon_x86_segment;
/* A segment as KVM has it. */
struct kvm_segment kvm_segment_from(const struct tenon_x86_segment *s);

#endif
