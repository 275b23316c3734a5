/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm-vcpu - a processor under KVM: made, run from exit to exit, kicked out, and kept out. */

#include "cpu/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "debug/events.h"
#include "debug/log.h"
#include "loop/loop.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "report.h"

/* Ends KVM_RUN; what is wanted is in memory. */
#define KICK SIGRTMIN

/* ---- Kicking ---- */

static void on_kick(int signal)
{
}

static void take_kicks(void)
{
    struct sigaction action = { .sa_handler = on_kick };
    sigset_t kick;

    sigaction(KICK, &action, NULL);
    sigemptyset(&kick);
    sigaddset(&kick, KICK);
    pthread_sigmask(SIG_UNBLOCK, &kick, NULL);
}

void kvm_vcpu_wake(struct kvm_vcpu *v)
{
    __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    pthread_kill(v->cpu->thread, KICK);
}

void kvm_vcpu_kick(struct vcpu *cpu)
{
    struct kvm_vcpu *v = cpu->state;

    if (v && v->run) {
        kvm_assist_kick(v);
        kvm_vcpu_wake(v);
    }
}

/* ---- NMIs ---- */

enum { LAPIC_LVT_LINT1 = 0x360, LVT_MASKED = 0x10000, LVT_MODE = 0x700, LVT_NMI = 0x400 };

void kvm_vcpu_nmi(struct vcpu *cpu)
{
    struct kvm_vcpu *v = cpu->state;
    struct kvm_lapic_state lapic;
    uint32_t lint1;

    if (kvm_ioctl(v->fd, KVM_GET_LAPIC, &lapic))
        return;
    memcpy(&lint1, lapic.regs + LAPIC_LVT_LINT1, sizeof(lint1));
    if ((lint1 & (LVT_MASKED | LVT_MODE)) == LVT_NMI)
        kvm_ioctl(v->fd, KVM_NMI, NULL);
}

bool kvm_vcpu_lapic(struct vcpu *cpu, uint32_t regs[64])
{
    struct kvm_vcpu *v = cpu->state;
    struct kvm_lapic_state lapic;

    if (kvm_ioctl(v->fd, KVM_GET_LAPIC, &lapic))
        return false;
    for (unsigned reg = 0; reg < sizeof(lapic.regs) / 16; reg++)
        memcpy(&regs[reg], lapic.regs + 16 * reg, sizeof(regs[reg]));
    return true;
}

/* ---- Holding: all processors out of guest code, without a wait for what they do outside it ----
 */

void kvm_hold(struct kvm *kvm)
{
    pthread_mutex_lock(&kvm->lock);
    __atomic_store_n(&kvm->hold, true, __ATOMIC_SEQ_CST);
    for (struct kvm_vcpu *v = kvm->vcpus; v; v = v->next)
        if (__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST))
            kvm_vcpu_wake(v);
    for (struct kvm_vcpu *v = kvm->vcpus; v; v = v->next)
        while (__atomic_load_n(&v->in_guest, __ATOMIC_SEQ_CST))
            pthread_cond_wait(&kvm->changed, &kvm->lock);
    pthread_mutex_unlock(&kvm->lock);
}

void kvm_release(struct kvm *kvm)
{
    pthread_mutex_lock(&kvm->lock);
    __atomic_store_n(&kvm->hold, false, __ATOMIC_SEQ_CST);
    pthread_cond_broadcast(&kvm->changed);
    pthread_mutex_unlock(&kvm->lock);
}

static bool held(const struct kvm *kvm)
{
    return __atomic_load_n(&kvm->hold, __ATOMIC_SEQ_CST);
}

static void leave_guest(struct kvm_vcpu *v)
{
    struct kvm *kvm = v->kvm;

    __atomic_store_n(&v->in_guest, false, __ATOMIC_SEQ_CST);
    if (!held(kvm))
        return;
    pthread_mutex_lock(&kvm->lock);
    pthread_cond_broadcast(&kvm->changed);
    pthread_mutex_unlock(&kvm->lock);
}

/* Either the holder sees the processor in guest code and kicks it, or the processor sees the
 * holder. */
static void enter_guest(struct kvm_vcpu *v)
{
    struct kvm *kvm = v->kvm;

    __atomic_store_n(&v->in_guest, true, __ATOMIC_SEQ_CST);
    while (held(kvm)) {
        leave_guest(v);
        pthread_mutex_lock(&kvm->lock);
        while (held(kvm))
            pthread_cond_wait(&kvm->changed, &kvm->lock);
        pthread_mutex_unlock(&kvm->lock);
        __atomic_store_n(&v->in_guest, true, __ATOMIC_SEQ_CST);
    }
}

/* ---- Exits ---- */

static void port_access(struct kvm_vcpu *v)
{
    struct kvm_run *run = v->run;
    struct space *io = v->kvm->machine->io;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    unsigned size = run->io.size;

    for (uint32_t i = 0; i < run->io.count; i++, data += size) {
        uint64_t value = 0;

        if (run->io.direction == KVM_EXIT_IO_OUT) {
            memcpy(&value, data, size);
            space_write(io, run->io.port, value, size, false);
        } else {
            value = space_read(io, run->io.port, size, false);
            memcpy(data, &value, size);
        }
    }
}

static void memory_access(struct kvm_vcpu *v)
{
    struct kvm_run *run = v->run;
    struct space *mem = v->kvm->machine->mem;
    unsigned size = run->mmio.len;
    uint64_t value = 0;

    if (run->mmio.is_write) {
        memcpy(&value, run->mmio.data, size);
        space_write(mem, run->mmio.phys_addr, value, size, false);
    } else {
        value = space_read(mem, run->mmio.phys_addr, size, false);
        memcpy(run->mmio.data, &value, size);
    }
}

static void system_event(struct machine *m, const struct kvm_run *run)
{
    switch (run->system_event.type) {
    case KVM_SYSTEM_EVENT_SHUTDOWN: machine_request(m, TENON_POWER_OFF, 0); break;
    case KVM_SYSTEM_EVENT_RESET: machine_request(m, TENON_POWER_RESET, 0); break;
    case KVM_SYSTEM_EVENT_CRASH: machine_request(m, TENON_POWER_PANIC, 0); break;
    }
}

static void end_of_interrupt(struct machine *m, uint8_t vector)
{
    loop_lock(m->loop);
    machine_eoi(m, vector);
    loop_unlock(m->loop);
}

int kvm_vcpu_exit(struct kvm_vcpu *v)
{
    struct kvm_run *run = v->run;

    trace(kvm_run_exit, v->cpu->index, run->exit_reason);
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        port_access(v);
        v->unfinished = true;
        return 0;
    case KVM_EXIT_MMIO:
        memory_access(v);
        v->unfinished = true;
        return 0;
    case KVM_EXIT_IOAPIC_EOI: end_of_interrupt(v->kvm->machine, run->eoi.vector); return 0;
    case KVM_EXIT_INTR:
    case KVM_EXIT_IRQ_WINDOW_OPEN: return 0;
    case KVM_EXIT_SHUTDOWN: /* a triple fault */
        if (log_on(TENON_ITEM_CPU_RESET))
            vcpu_log(v->cpu, "Triple fault");
        machine_request(v->kvm->machine, TENON_POWER_RESET, 0);
        return 0;
    case KVM_EXIT_DEBUG: kvm_debug_exit(v); return 0;
    case KVM_EXIT_INTERNAL_ERROR: return kvm_debug_int3(v) || kvm_assist(v) ? 0 : kvm_fault_exit(v);
    case KVM_EXIT_SYSTEM_EVENT: system_event(v->kvm->machine, run); return 0;
    default: return kvm_fault_exit(v);
    }
}

/* ---- Running ---- */

void kvm_vcpu_readers_offline(struct vcpu *cpu, bool offline)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cpu->readers); i++)
        space_reader_offline(cpu->readers[i], offline);
}

int kvm_vcpu_enter(struct kvm_vcpu *v)
{
    int err = 0;

    enter_guest(v);
    if (ioctl(v->fd, KVM_RUN, NULL) < 0)
        err = -errno;
    leave_guest(v);
    return err;
}

/* From one exit to the next; 1 to go on, 0 if the processor has left for good, or -errno. */
static int step(struct kvm_vcpu *v)
{
    struct vcpu *cpu = v->cpu;
    bool stop, stands_in;
    int err;

    /* Who wants the processor writes what he wants, then 1 here: this order sees one or the other.
     */
    __atomic_store_n(&v->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    stop = vcpu_must_stop(cpu);
    stands_in = kvm_stands_in(v);
    if (stop && !v->unfinished)
        return 0;
    if (stands_in && !v->unfinished)
        return kvm_stand_in(v);
    if (stop || stands_in) /* completes the access, and not an instruction more */
        __atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    else
        kvm_inject(v);
    err = kvm_vcpu_enter(v);
    if (err == -EFAULT)
        return kvm_fault_errno(v, -err);
    v->unfinished = false;
    if (err == -EINTR || err == -EAGAIN)
        return 1;
    if (err)
        return kvm_fault_errno(v, -err);
    kvm_vcpu_readers_offline(cpu, false);
    err = kvm_vcpu_exit(v);
    kvm_vcpu_readers_offline(cpu, true);
    return err < 0 ? err : 1;
}

int kvm_vcpu_run(struct vcpu *cpu)
{
    int ret;

    do
        ret = step(cpu->state);
    while (ret > 0);
    return ret;
}

/* ---- Life ---- */

static int set_cpuid(struct kvm_vcpu *v)
{
    const struct vcpu *cpu = v->cpu;
    struct kvm_cpuid2 *list = g_malloc0(sizeof(*list) + cpu->n_cpuid * sizeof(list->entries[0]));
    int err;

    list->nent = cpu->n_cpuid;
    memcpy(list->entries, cpu->cpuid, cpu->n_cpuid * sizeof(list->entries[0]));
    err = kvm_ioctl(v->fd, KVM_SET_CPUID2, list);
    g_free(list);
    if (err)
        report(NULL, "KVM does not take the CPUID of processor %u: %s", cpu->index, strerror(-err));
    return err;
}

static void set_tsc(struct kvm_vcpu *v)
{
    uint64_t khz = v->cpu->tsc_hz / 1000;

    if (khz && kvm_ioctl(v->fd, KVM_SET_TSC_KHZ, (void *)(uintptr_t)khz) && !v->cpu->index)
        report_warning("-cpu",
                       "this host's KVM cannot give a time stamp counter of %" PRIu64 " kHz", khz);
}

static int open_vcpu(struct kvm_vcpu *v)
{
    void *run;

    v->fd = kvm_ioctl(v->kvm->vm, KVM_CREATE_VCPU, (void *)(uintptr_t)v->cpu->apic_id);
    if (v->fd < 0) {
        report(NULL, "KVM does not make processor %u (APIC id %u): %s", v->cpu->index,
               v->cpu->apic_id, strerror(-v->fd));
        return v->fd;
    }
    run = mmap(NULL, v->kvm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
    if (run == MAP_FAILED) {
        report(NULL, "cannot map the state of processor %u: %s", v->cpu->index, strerror(errno));
        return -errno;
    }
    v->run = run;
    return 0;
}

int kvm_vcpu_create(struct vcpu *cpu)
{
    struct kvm_vcpu *v = g_new0(struct kvm_vcpu, 1);
    struct kvm *kvm = cpu->accel->state;
    int err;

    v->cpu = cpu;
    v->kvm = kvm;
    v->fd = v->stats = -1;
    cpu->state = v;
    trace(kvm_init_vcpu, cpu->index, cpu->apic_id);
    take_kicks();
    err = open_vcpu(v);
    if (!err) {
        kvm_assist_create(v);
        err = set_cpuid(v);
    }
    if (!err)
        set_tsc(v);
    if (!err)
        err = kvm_state_create(v);
    pthread_mutex_lock(&kvm->lock);
    v->next = kvm->vcpus;
    kvm->vcpus = v;
    pthread_mutex_unlock(&kvm->lock);
    return err;
}

void kvm_vcpu_destroy(struct vcpu *cpu)
{
    struct kvm_vcpu *v = cpu->state, **link;
    struct kvm *kvm = v->kvm;

    pthread_mutex_lock(&kvm->lock);
    for (link = &kvm->vcpus; *link != v; link = &(*link)->next)
        ;
    *link = v->next;
    pthread_mutex_unlock(&kvm->lock);
    cpu->state = NULL;
    kvm_assist_finish(v);
    if (v->run)
        munmap(v->run, kvm->run_bytes);
    if (v->fd >= 0)
        close(v->fd);
    g_free(v);
}
