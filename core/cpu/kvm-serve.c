/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-serve - what KVM does for a processor in whose place the software CPU runs: its interrupts,
 * its time, its MSRs, and accesses to the chips that KVM brings.
 *
 * KVM has no calls for most of that which would do what an instruction of the guest does.  So the
 * processor in KVM executes one: its registers are replaced by those of a room, four pages that
 * the guest does not use, with flat segments, no paging, and an interrupt table of its own whose
 * handlers, like what follows each instruction, jump to themselves.  KVM runs it step by step;
 * where it stands afterwards says what has happened.
 *
 * Descriptors and gates: Intel SDM volume 3, chapters 3 and 6; paravirtual MSRs: Linux's
 * Documentation/virt/kvm/x86/msr.rst.
 */

#include "cpu/kvm-assist.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <x86intrin.h>

#include "cpu/accel.h"
#include "machine/machine.h"

/* ---- The room ---- */

#define ROOM UINT32_C(0xfeff8000) /* below the pages that KVM needs for itself */

enum {
    GDT = 0,
    IDT = 0x1000,
    HANDLERS = 0x2000, /* 2 bytes each */
    CODE = 0x2800,
    STACK_END = 0x4000,
    ROOM_BYTES = 0x4000,
    STRIDE = 8, /* of what is in CODE */
    CODE_SELECTOR = 8,
    DATA_SELECTOR = 16,
};
enum { NMI = 2, GP = 13 };

enum service {
    LOOK,
    PASS,
    READ_1,
    READ_2,
    READ_4,
    WRITE_1,
    WRITE_2,
    WRITE_4,
    IN_1,
    IN_2,
    IN_4,
    OUT_1,
    OUT_2,
    OUT_4,
    RDMSR,
    WRMSR,
    SERVICES
};

#define HERE 0xeb, 0xfe /* JMP to itself */

// clang-format off
static const uint8_t code[SERVICES][STRIDE] = {
    [LOOK]    = { HERE },                   [PASS]    = { 0x90, HERE },
    [READ_1]  = { 0x8a, 0x07, HERE },       [WRITE_1] = { 0x88, 0x07, HERE },       /* AL, [EDI] */
    [READ_2]  = { 0x66, 0x8b, 0x07, HERE }, [WRITE_2] = { 0x66, 0x89, 0x07, HERE },
    [READ_4]  = { 0x8b, 0x07, HERE },       [WRITE_4] = { 0x89, 0x07, HERE },
    [IN_1]    = { 0xec, HERE },             [OUT_1]   = { 0xee, HERE },             /* AL, DX */
    [IN_2]    = { 0x66, 0xed, HERE },       [OUT_2]   = { 0x66, 0xef, HERE },
    [IN_4]    = { 0xed, HERE },             [OUT_4]   = { 0xef, HERE },
    [RDMSR]   = { 0x0f, 0x32, HERE },       [WRMSR]   = { 0x0f, 0x30, HERE },
};
// clang-format on

static uint32_t place_of(enum service service)
{
    return ROOM + CODE + service * STRIDE;
}

static void put64(uint8_t *room, unsigned at, uint64_t value)
{
    memcpy(room + at, &value, sizeof(value));
}

static void furnish(uint8_t *room)
{
    static const uint8_t here[] = { HERE };

    put64(room, GDT + CODE_SELECTOR, 0x00cf9b000000ffff);
    put64(room, GDT + DATA_SELECTOR, 0x00cf93000000ffff);
    for (unsigned vector = 0; vector < 256; vector++) {
        uint64_t handler = ROOM + HANDLERS + vector * sizeof(here);

        put64(room, IDT + vector * 8,
              (handler & 0xffff) | CODE_SELECTOR << 16 | UINT64_C(0x8e00) << 32 |
                  handler >> 16 << 48);
        memcpy(room + HANDLERS + vector * sizeof(here), here, sizeof(here));
    }
    memcpy(room + CODE, code, sizeof(code));
}

static int set_slot(struct kvm *kvm, uint64_t bytes)
{
    struct kvm_userspace_memory_region region = {
        .slot = kvm->max_slots, /* one more than guest memory takes */
        .guest_phys_addr = ROOM,
        .memory_size = bytes,
        .userspace_addr = (uintptr_t)kvm->room,
    };

    return kvm_ioctl(kvm->vm, KVM_SET_USER_MEMORY_REGION, &region);
}

bool kvm_serves(const struct kvm *kvm)
{
    return kvm_has(kvm, KVM_CAP_SYNC_REGS) & KVM_SYNC_X86_REGS &&
           kvm_has(kvm, KVM_CAP_SET_GUEST_DEBUG);
}

int kvm_serve_open(struct kvm *kvm)
{
    void *room;
    int err;

    if (kvm->room)
        return 0;
    room = mmap(NULL, ROOM_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (room == MAP_FAILED)
        return -errno;
    furnish(room);
    kvm->room = room;
    err = set_slot(kvm, ROOM_BYTES);
    if (err)
        kvm_serve_finish(kvm);
    return err;
}

void kvm_serve_finish(struct kvm *kvm)
{
    if (kvm->room)
        munmap(kvm->room, ROOM_BYTES);
    kvm->room = NULL;
}

void kvm_serve_renew(struct kvm *kvm)
{
    kvm_hold(kvm);
    set_slot(kvm, 0);
    set_slot(kvm, ROOM_BYTES);
    kvm_release(kvm);
}

/* ---- MSRs as KVM's own calls give them ---- */

#define MSR_TSC        0x10
#define MSR_TSC_ADJUST 0x3b
#define MSR_STEAL_TIME 0x4b564d03

struct one_msr {
    uint32_t n, pad; /* laid out as struct kvm_msrs */
    struct kvm_msr_entry entry;
};

static uint64_t get_msr(const struct kvm_vcpu *v, uint32_t index)
{
    struct one_msr msr = { .n = 1, .entry = { .index = index } };

    return kvm_ioctl(v->fd, KVM_GET_MSRS, &msr) == 1 ? msr.entry.data : 0;
}

static void set_msr(const struct kvm_vcpu *v, uint32_t index, uint64_t value)
{
    struct one_msr msr = { .n = 1, .entry = { .index = index, .data = value } };

    kvm_ioctl(v->fd, KVM_SET_MSRS, &msr);
}

/* ---- Time ---- */

/* More than that between two looks, in ticks: the guest's is no TSC of the host's. */
#define TSC_SLACK (UINT64_C(1) << 26)

static void learn_tsc(struct kvm_vcpu *v)
{
    struct kvm_serve *s = &v->assist->serve;
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)&s->tsc_offset,
    };
    uint64_t tsc;

    s->tsc_known = !v->cpu->tsc_hz && !kvm_ioctl(v->fd, KVM_GET_DEVICE_ATTR, &attr);
    tsc = get_msr(v, MSR_TSC);
    s->tsc_known = s->tsc_known && __rdtsc() + s->tsc_offset - tsc < TSC_SLACK;
}

static uint64_t serve_tsc(struct vcpu *cpu)
{
    struct kvm_vcpu *v = cpu->state;
    const struct kvm_serve *s = &v->assist->serve;

    return s->tsc_known ? __rdtsc() + s->tsc_offset : get_msr(v, MSR_TSC);
}

/* ---- Steal time: KVM marks a processor in it that is not in KVM_RUN as preempted, and others then
 * leave the flushing of its TLB to KVM.  It runs here, so KVM must not. ---- */

enum { STEAL_ON = 1, STEAL_PREEMPTED = 16 };

static void hide_steal_time(struct kvm_vcpu *v)
{
    struct kvm_serve *s = &v->assist->serve;
    uint8_t running = 0;

    s->steal = get_msr(v, MSR_STEAL_TIME);
    if (!(s->steal & STEAL_ON))
        return;
    set_msr(v, MSR_STEAL_TIME, 0);
    space_copy_out(v->kvm->machine->mem, (s->steal & ~UINT64_C(63)) + STEAL_PREEMPTED, &running, 1,
                   true, false);
}

/* ---- In and out ---- */

bool kvm_serve_enter(struct kvm_vcpu *v)
{
    const struct kvm_segment data = { .limit = UINT32_MAX,
                                      .selector = DATA_SELECTOR,
                                      .type = 3,
                                      .present = 1,
                                      .db = 1,
                                      .s = 1,
                                      .g = 1 };
    const struct kvm_sregs *k = &v->assist->is.sregs;
    struct kvm_segment cs = data;
    struct kvm_sregs sregs = {
        .ds = data,
        .es = data,
        .fs = data,
        .gs = data,
        .ss = data,
        .tr = k->tr,
        .ldt = k->ldt,
        .gdt = { .base = ROOM + GDT, .limit = DATA_SELECTOR + 7 },
        .idt = { .base = ROOM + IDT, .limit = 256 * 8 - 1 },
        .cr0 = 0x11,
        .cr8 = v->assist->state.cr8,
        .apic_base = k->apic_base,
    };
    struct kvm_serve *s = &v->assist->serve;

    cs.selector = CODE_SELECTOR;
    cs.type = 11;
    sregs.cs = cs;
    *s = (struct kvm_serve){ .masked = v->assist->is.events.nmi.masked };
    kvm_debug_single(v, KVM_SINGLE_ROOM);
    if (kvm_ioctl(v->fd, KVM_SET_SREGS, &sregs) < 0)
        return false;
    s->inside = true;
    v->run->kvm_valid_regs = KVM_SYNC_X86_REGS;
    learn_tsc(v);
    hide_steal_time(v);
    return true;
}

/* What has come meanwhile stays. */
bool kvm_serve_leave(struct kvm_vcpu *v)
{
    struct kvm_assist *a = v->assist;
    struct kvm_serve *s = &a->serve;
    struct kvm_sregs sregs;

    v->run->kvm_valid_regs = v->run->kvm_dirty_regs = 0;
    s->inside = false;
    kvm_debug_single(v, KVM_SINGLE_GUEST);
    if (s->steal)
        set_msr(v, MSR_STEAL_TIME, s->steal);
    if (s->gone)
        return true;
    if (kvm_ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_VCPU_EVENTS, &a->is.events) < 0)
        return false;
    a->state.cr8 = sregs.cr8;
    a->is.sregs.apic_base = sregs.apic_base;
    a->is.events.flags &= ~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR |
                            KVM_VCPUEVENT_VALID_SMM);
    if (s->nmi) {
        a->is.events.nmi.pending = 1;
        a->is.events.flags |= KVM_VCPUEVENT_VALID_NMI_PENDING;
    }
    return true;
}

static void set_activity(struct kvm_vcpu *v, bool asleep)
{
    struct kvm_mp_state mp = { asleep ? KVM_MP_STATE_HALTED : KVM_MP_STATE_RUNNABLE };

    if (asleep != v->assist->serve.asleep)
        kvm_ioctl(v->fd, KVM_SET_MP_STATE, &mp);
    v->assist->serve.asleep = asleep;
}

/* ---- One service ---- */

/* Where it stands: a vector, NONE of them, or not in the room at all. */
enum { NONE = -1, ELSEWHERE = -2 };

static int vector_of(const struct kvm_regs *regs)
{
    uint64_t at = regs->rip - ROOM - HANDLERS;

    if (regs->rip - ROOM >= ROOM_BYTES)
        return ELSEWHERE;
    return at < 256 * 2 ? (int)(at / 2) : NONE;
}

static bool needs_completion(const struct kvm_run *run)
{
    return run->exit_reason == KVM_EXIT_IO || run->exit_reason == KVM_EXIT_MMIO;
}

static int enter(struct kvm_vcpu *v, bool asleep)
{
    int err;

    if (asleep)
        kvm_vcpu_readers_offline(v->cpu, true);
    err = kvm_vcpu_enter(v);
    if (asleep)
        kvm_vcpu_readers_offline(v->cpu, false);
    return err;
}

/* One KVM_RUN, and what it came back for; kicks are remembered. */
static int turn(struct kvm_vcpu *v)
{
    struct kvm_serve *s = &v->assist->serve;
    int err = enter(v, s->asleep);

    if (err == -EINTR || err == -EAGAIN) {
        __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        s->kicked = true;
        return 0;
    }
    if (!err && (v->run->exit_reason == KVM_EXIT_INTERNAL_ERROR ||
                 v->run->exit_reason == KVM_EXIT_SHUTDOWN))
        err = -EIO;
    if (!err && v->run->exit_reason != KVM_EXIT_DEBUG)
        err = kvm_vcpu_exit(v);
    if (!err && needs_completion(v->run)) {
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
        kvm_vcpu_enter(v);
        __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
        s->kicked = true; /* perhaps */
    }
    v->unfinished = false;
    return err;
}

/* Executes the instruction with these registers, interrupts off; the vector of its exception, NONE,
 * or ELSEWHERE. */
static int serve(struct kvm_vcpu *v, enum service service, struct kvm_regs *regs)
{
    struct kvm_serve *s = &v->assist->serve;
    struct kvm_regs *theirs = &v->run->s.regs.regs;
    int vector;

    set_activity(v, false);
    regs->rip = place_of(service);
    regs->rsp = ROOM + STACK_END;
    regs->rflags = 2;
    do {
        if (s->gone || s->error)
            return ELSEWHERE;
        *theirs = *regs;
        v->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
        s->error = turn(v);
        vector = vector_of(theirs);
        s->gone = vector == ELSEWHERE;
        if (vector == NMI)
            s->nmi = s->masked = true;
    } while (vector == NMI || theirs->rip == regs->rip);
    *regs = *theirs;
    return vector;
}

/* Of 1 to 8 bytes the next 1, 2 or 4; services come in threes. */
static unsigned part_of(unsigned left, unsigned *which)
{
    *which = left >= 4 ? 2 : left >= 2 ? 1 : 0;
    return 1u << *which;
}

static bool in_reach(const struct kvm_vcpu *v, bool port, uint64_t addr)
{
    return v->assist->serve.inside && (port || addr < UINT64_C(0xfffffff8));
}

static uint64_t serve_read(struct vcpu *cpu, bool port, uint64_t addr, unsigned size)
{
    struct kvm_vcpu *v = cpu->state;
    struct machine *m = cpu->machine;
    uint64_t value = 0;
    unsigned which;

    if (!in_reach(v, port, addr))
        return space_read(port ? m->io : m->mem, addr, size, false);
    for (unsigned done = 0, n; done < size; done += n) {
        struct kvm_regs regs = { .rdi = addr + done, .rdx = addr + done };

        n = part_of(size - done, &which);
        if (serve(v, (port ? IN_1 : READ_1) + which, &regs) != NONE)
            regs.rax = UINT64_MAX;
        value |= (regs.rax & (UINT64_MAX >> (64 - 8 * n))) << 8 * done;
    }
    return value;
}

static void serve_write(struct vcpu *cpu, bool port, uint64_t addr, uint64_t value, unsigned size)
{
    struct kvm_vcpu *v = cpu->state;
    struct machine *m = cpu->machine;
    unsigned which;

    if (!in_reach(v, port, addr)) {
        space_write(port ? m->io : m->mem, addr, value, size, false);
        return;
    }
    for (unsigned done = 0, n; done < size; done += n) {
        struct kvm_regs regs = { .rdi = addr + done, .rdx = addr + done, .rax = value >> 8 * done };

        n = part_of(size - done, &which);
        serve(v, (port ? OUT_1 : WRITE_1) + which, &regs);
    }
}

static bool is_apic(uint32_t msr)
{
    return msr == 0x6e0 || msr >> 8 == 8;
}

/* What a write makes KVM do in guest memory (its clocks) it does before the next instruction. */
static bool serve_msr(struct vcpu *cpu, bool write, uint32_t index, uint64_t *value)
{
    struct kvm_vcpu *v = cpu->state;
    struct kvm_serve *s = &v->assist->serve;
    struct kvm_regs regs = { .rcx = index };

    if (write) {
        regs.rax = (uint32_t)*value;
        regs.rdx = *value >> 32;
    }
    if (serve(v, write ? WRMSR : RDMSR, &regs) != NONE)
        return false;
    if (!write)
        *value = (uint32_t)regs.rax | regs.rdx << 32;
    if (write && !is_apic(index))
        serve(v, PASS, &regs);
    if (write && (index == MSR_TSC || index == MSR_TSC_ADJUST))
        learn_tsc(v);
    if (index == MSR_STEAL_TIME && write)
        hide_steal_time(v);
    else if (index == MSR_STEAL_TIME)
        *value = s->steal;
    return true;
}

/* ---- Interrupts ---- */

/* KVM waits for an IRET before it gives the next one; that has been executed here. */
static void unmask_nmi(struct kvm_vcpu *v)
{
    struct kvm_vcpu_events events;

    if (!kvm_ioctl(v->fd, KVM_GET_VCPU_EVENTS, &events)) {
        events.nmi.masked = 0;
        events.flags &= ~(KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SIPI_VECTOR);
        kvm_ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
    }
    v->assist->serve.masked = false;
}

static int look(struct kvm_vcpu *v, bool interrupts)
{
    struct kvm_serve *s = &v->assist->serve;
    struct kvm_regs *regs = &v->run->s.regs.regs;
    int vector;

    do {
        *regs = (struct kvm_regs){ .rip = place_of(LOOK),
                                   .rsp = ROOM + STACK_END,
                                   .rflags = interrupts ? 0x202 : 2 };
        v->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
        v->run->request_interrupt_window = 0;
        if (interrupts)
            kvm_inject(v);
        s->error = turn(v);
        vector = vector_of(regs);
    } while (vector == NONE && !s->error && !s->kicked && v->run->exit_reason != KVM_EXIT_DEBUG);
    if (!s->kicked)
        s->asleep = false; /* it has run */
    return vector;
}

static int serve_interrupt(struct vcpu *cpu, unsigned how)
{
    struct kvm_vcpu *v = cpu->state;
    struct kvm_serve *s = &v->assist->serve;
    int vector;

    if (how & TENON_TAKE_NMI && s->nmi) {
        s->nmi = false;
        return NMI;
    }
    if (how & TENON_TAKE_SLEEP && s->kicked) {
        s->kicked = false;
        return TENON_NO_INTERRUPT;
    }
    s->kicked = false;
    if (s->gone || s->error)
        return TENON_OTHER_GONE;
    if (how & TENON_TAKE_NMI && s->masked)
        unmask_nmi(v);
    set_activity(v, how & TENON_TAKE_SLEEP);
    vector = look(v, how & TENON_TAKE_INTERRUPT);
    s->gone = vector == ELSEWHERE;
    if (s->gone || s->error)
        return TENON_OTHER_GONE;
    if (vector == NONE)
        return TENON_NO_INTERRUPT;
    s->masked |= vector == NMI;
    if (vector == NMI && !(how & TENON_TAKE_NMI)) {
        s->nmi = true;
        return TENON_NO_INTERRUPT;
    }
    return vector;
}

static void serve_wake(struct vcpu *cpu)
{
    kvm_vcpu_wake(cpu->state);
}

const struct helped kvm_helped = {
    .read = serve_read,
    .write = serve_write,
    .msr = serve_msr,
    .tsc = serve_tsc,
    .interrupt = serve_interrupt,
    .wake = serve_wake,
};
