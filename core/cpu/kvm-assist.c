/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-assist - the software CPU in KVM's place: for one instruction that KVM has failed to emulate;
 * or, where KVM emulates whole stretches of code, for as long as the guest runs.
 *
 * KVM executes guest code on the host's processor, and emulates single instructions that access
 * devices. Some KVMs emulate more: nested ones all of kernel mode, hundreds of times slower than
 * the processor, and still much slower than the software CPU. The kernel's own counters tell.
 */

#include "cpu/kvm-assist.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cpu/accel.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "report.h"

#define UD 6 /* what KVM makes of what it cannot emulate */

/* ---- Does KVM emulate whole stretches? ---- */

/* The counters of a processor, as KVM_GET_STATS_FD shows them. */
struct counters {
    uint64_t exits, emulated;
};

static bool read_counters(int fd, struct counters *c)
{
    struct kvm_stats_header head;
    struct kvm_stats_desc *desc;
    unsigned found = 0;
    size_t bytes;

    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) || head.name_size > 4096)
        return false;
    bytes = sizeof(*desc) + head.name_size;
    desc = g_malloc0(bytes + 1);
    for (unsigned i = 0; i < head.num_desc; i++) {
        uint64_t *to = NULL;

        if (pread(fd, desc, bytes, head.desc_offset + i * bytes) != (ssize_t)bytes)
            break;
        if (!strcmp(desc->name, "exits"))
            to = &c->exits;
        else if (!strcmp(desc->name, "insn_emulation"))
            to = &c->emulated;
        if (to && pread(fd, to, sizeof(*to), head.data_offset + desc->offset) == sizeof(*to))
            found++;
    }
    g_free(desc);
    return found == 2;
}

void kvm_assist_create(struct kvm_vcpu *v)
{
    v->stats = v->kvm->fallback ? kvm_ioctl(v->fd, KVM_GET_STATS_FD, NULL) : -1;
}

/* One instruction at a time, each after an exit, is as it should be. */
enum { MANY = 10000, AT_ONCE = 4 };

static bool emulates(const struct kvm_vcpu *v)
{
    struct counters c;

    return v->stats >= 0 && read_counters(v->stats, &c) && c.emulated > MANY &&
           c.emulated / AT_ONCE > c.exits;
}

/* ---- The helper ---- */

static struct guest *helper_of(struct kvm *kvm)
{
    struct guest *helper;

    loop_lock(kvm->machine->loop);
    if (!kvm->helper_tried && kvm->machine->plugins)
        kvm->helper = accel_helper_open(kvm->machine, "soft");
    kvm->helper_tried = true;
    helper = kvm->helper;
    loop_unlock(kvm->machine->loop);
    return helper;
}

void kvm_assist_close(struct kvm *kvm)
{
    timer_finish(&kvm->watch);
    if (kvm->helper)
        accel_helper_close(kvm->helper);
    kvm_serve_finish(kvm);
}

static bool prepare(struct kvm_vcpu *v)
{
    struct guest *helper = v->assist ? NULL : helper_of(v->kvm);
    struct processor *processor;
    struct kvm_assist *a;

    if (v->assist)
        return true;
    if (!helper)
        return false;
    processor = accel_helper_processor(helper, v->cpu, &kvm_helped);
    if (!processor)
        return false;
    a = aligned_alloc(64, sizeof(*a));
    if (!a) {
        accel_helper_drop(processor);
        return false;
    }
    memset(a, 0, sizeof(*a));
    a->processor = processor;
    a->xsave = g_malloc0(v->kvm->xsave_bytes);
    accel_helper_debug(helper, v->kvm->points, v->kvm->n_points);
    __atomic_store_n(&v->assist, a, __ATOMIC_RELEASE);
    return true;
}

void kvm_assist_finish(struct kvm_vcpu *v)
{
    if (v->stats >= 0)
        close(v->stats);
    if (!v->assist)
        return;
    accel_helper_drop(v->assist->processor);
    g_free(v->assist->xsave);
    free(v->assist);
    v->assist = NULL;
}

void kvm_assist_kick(struct kvm_vcpu *v)
{
    struct kvm_assist *a = __atomic_load_n(&v->assist, __ATOMIC_ACQUIRE);

    if (a)
        accel_helper_kick(a->processor);
}

void kvm_assist_debug(const struct kvm *kvm)
{
    if (kvm->helper)
        accel_helper_debug(kvm->helper, kvm->points, kvm->n_points);
}

static bool said(struct kvm *kvm)
{
    return __atomic_exchange_n(&kvm->assist_said, true, __ATOMIC_RELAXED);
}

/* ---- One instruction ---- */

static void say_instruction(struct kvm_vcpu *v)
{
    char *where;

    if (said(v->kvm))
        return;
    where = kvm_fault_place(v);
    report_warning(
        NULL,
        "this host's KVM does not execute the instruction %s: the software CPU does, and "
        "others like it, slowly; -accel kvm,fallback=off ends it",
        where);
    g_free(where);
}

/* KVM has made the failure the guest's #UD; it is not, as long as we can execute the instruction.
 */
static void take_back_ud(struct kvm_vcpu_events *e)
{
    if (e->exception.nr != UD)
        return;
    e->exception.injected = e->exception.pending = 0;
    e->exception.nr = 0;
}

static bool execute(struct kvm_vcpu *v)
{
    struct kvm_assist *a = v->assist;

    a->was = a->is;
    kvm_image_to_state(&a->is, a->xsave, &a->state);
    if (!accel_helper_assist(a->processor, &a->state))
        return false;
    say_instruction(v);
    kvm_image_from_state(&a->is, &a->state);
    take_back_ud(&a->is.events);
    a->times++;
    if (!kvm_image_set(v, &a->was, &a->is) || !kvm_xsave_set(v, a->xsave, &a->state))
        return false;
    kvm_debug_stepped(v);
    return true;
}

static bool has_ud(const struct kvm_image *k)
{
    return k->sregs.ss.dpl == 3 && k->events.exception.nr == UD &&
           (k->events.exception.injected || k->events.exception.pending);
}

static void found_emulation(struct kvm *kvm);

bool kvm_assist(struct kvm_vcpu *v)
{
    if (!v->kvm->fallback || v->run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
        !kvm_fault_readable(v) || !prepare(v) ||
        !kvm_image_get(v, &v->assist->is, v->assist->xsave))
        return false;
    if (!execute(v))
        return has_ud(&v->assist->was); /* a user's program must not end the machine */
    if (!(v->assist->times & (v->assist->times - 1)) && emulates(v)) /* 1, 2, 4...: it costs */
        found_emulation(v->kvm);
    return true;
}

/* ---- Standing in ---- */

static void found_emulation(struct kvm *kvm)
{
    struct guest *helper = helper_of(kvm);
    int err;

    if (!helper || !accel_helper_stands_in(helper) || !kvm_serves(kvm))
        return;
    loop_lock(kvm->machine->loop);
    err = kvm_serve_open(kvm);
    loop_unlock(kvm->machine->loop);
    if (err)
        return;
    __atomic_store_n(&kvm->emulates, true, __ATOMIC_SEQ_CST);
    if (!said(kvm))
        report_warning(NULL,
                       "this host's KVM emulates the guest's kernel, and slowly: the software "
                       "CPU runs it; -accel kvm,fallback=off ends it");
    pthread_mutex_lock(&kvm->lock);
    for (struct kvm_vcpu *v = kvm->vcpus; v; v = v->next)
        kvm_vcpu_wake(v);
    pthread_mutex_unlock(&kvm->lock);
}

bool kvm_stands_in(const struct kvm_vcpu *v)
{
    const struct kvm *kvm = v->kvm;
    bool debugged = v->step || kvm->n_points || kvm->int3; /* KVM knows what its debugger wants */

    return __atomic_load_n(&kvm->emulates, __ATOMIC_SEQ_CST) && (!debugged || kvm_kept_state(v));
}

/* KVM drops what it has made of the guest's page tables when a slot goes away: it has not seen them
 * change meanwhile. */
static void drop_translations(struct kvm *kvm)
{
    loop_lock(kvm->machine->loop);
    kvm_serve_renew(kvm);
    loop_unlock(kvm->machine->loop);
}

/* KVM has to do it: one instruction, or the delivery of an event that has begun. */
static int step_in_kvm(struct kvm_vcpu *v)
{
    int err;

    kvm_debug_single(v, KVM_SINGLE_GUEST);
    kvm_inject(v);
    err = kvm_vcpu_enter(v);
    if (err == -EINTR || err == -EAGAIN)
        return 1;
    if (err)
        return kvm_fault_errno(v, -err);
    kvm_vcpu_readers_offline(v->cpu, false);
    err = kvm_vcpu_exit(v);
    kvm_vcpu_readers_offline(v->cpu, true);
    return err < 0 ? err : 1;
}

static bool in_delivery(const struct kvm_vcpu_events *e)
{
    return e->exception.injected || e->exception.pending || e->interrupt.injected ||
           e->nmi.injected || (e->flags & KVM_VCPUEVENT_VALID_SMM && e->smi.smm);
}

/*
 * The room has replaced KVM's registers: what the image was is what it has besides. A KVM may
 * refuse a state that its own CPUID allows (CR4.LA57 where there are no five-level tables): then it
 * stays with the software CPU.
 */
static bool give_back(struct kvm_vcpu *v)
{
    struct kvm_assist *a = v->assist;
    struct kvm_mp_state mp = { a->state.activity == TENON_CPU_HALTED ? KVM_MP_STATE_HALTED
                                                                     : KVM_MP_STATE_RUNNABLE };

    if (!kvm_serve_leave(v) || a->serve.error)
        return false;
    if (a->serve.gone)
        return true;
    kvm_image_from_state(&a->is, &a->state);
    memset(&a->was.sregs, 0, sizeof(a->was.sregs));
    memset(&a->was.regs, 0, sizeof(a->was.regs));
    memset(&a->was.events, 0, sizeof(a->was.events));
    a->kept = !kvm_image_set(v, &a->was, &a->is) || !kvm_xsave_set(v, a->xsave, &a->state);
    if (!a->kept)
        kvm_ioctl(v->fd, KVM_SET_MP_STATE, &mp);
    return true;
}

static int failed(const struct kvm_vcpu *v)
{
    report(NULL,
           "CPU %u: this host's KVM fails while the software CPU runs the guest for it; try -accel "
           "soft",
           v->cpu->index);
    return -EIO;
}

/* It is left to KVM because of debuggers' INT3s; there are none. */
static bool guests_int3(struct kvm_vcpu *v)
{
    return !v->kvm->int3 && accel_helper_assist(v->assist->processor, &v->assist->state);
}

static int stand(struct kvm_vcpu *v)
{
    struct kvm_assist *a = v->assist;
    int why;

    if (!kvm_serve_enter(v))
        return failed(v);
    a->times++;
    accel_helper_step(a->processor, v->step);
    kvm_vcpu_readers_offline(v->cpu, false);
    do
        why = accel_helper_stand_in(a->processor, &a->state);
    while (why == TENON_STOOD_INSTRUCTION && guests_int3(v));
    kvm_vcpu_readers_offline(v->cpu, true);
    if (v->cpu->why)
        v->step = 0; /* it has been made */
    if (!give_back(v) || (why == TENON_STOOD_INSTRUCTION && a->kept))
        return failed(v);
    if (why != TENON_STOOD_INSTRUCTION)
        return 1;
    drop_translations(v->kvm);
    return step_in_kvm(v);
}

int kvm_stand_in(struct kvm_vcpu *v)
{
    struct kvm_mp_state mp = { KVM_MP_STATE_RUNNABLE };
    struct kvm_assist *a;

    if (kvm_kept_state(v))
        return stand(v);
    kvm_ioctl(v->fd, KVM_GET_MP_STATE, &mp);
    if (mp.mp_state != KVM_MP_STATE_RUNNABLE && mp.mp_state != KVM_MP_STATE_HALTED)
        return step_in_kvm(v); /* it waits for a start-up message */
    if (!prepare(v) || !kvm_image_get(v, &v->assist->is, v->assist->xsave))
        return failed(v);
    a = v->assist;
    if (in_delivery(&a->is.events))
        return step_in_kvm(v);
    a->was = a->is;
    kvm_image_to_state(&a->is, a->xsave, &a->state);
    a->state.activity = mp.mp_state == KVM_MP_STATE_HALTED ? TENON_CPU_HALTED : TENON_CPU_RUNS;
    return stand(v);
}

struct tenon_x86_state *kvm_kept_state(const struct kvm_vcpu *v)
{
    return v->assist && v->assist->kept ? &v->assist->state : NULL;
}

void kvm_assist_reset(struct kvm_vcpu *v)
{
    if (v->assist)
        v->assist->kept = false;
}

/* ---- Looking for it ---- */

enum { FIRST_MS = 20, LAST_MS = 5000 };

static void look(void *arg)
{
    struct kvm *kvm = arg;
    struct kvm_vcpu *boot = kvm->machine->cpus[0].state;

    if (kvm_stands_in(boot))
        return;
    if (emulates(boot)) {
        kvm->watch_ms = LAST_MS;
        loop_unlock(kvm->machine->loop);
        found_emulation(kvm);
        loop_lock(kvm->machine->loop);
        return;
    }
    kvm->watch_ms *= 2;
    if (kvm->watch_ms < LAST_MS)
        timer_arm(&kvm->watch,
                  loop_now(kvm->machine->loop, CLOCK_GUEST) + kvm->watch_ms * UINT64_C(1000000));
}

void kvm_watch(struct kvm *kvm)
{
    if (!kvm->fallback || kvm->watch_ms)
        return;
    kvm->watch_ms = FIRST_MS;
    timer_init(&kvm->watch, kvm->machine->loop, CLOCK_GUEST, look, kvm);
    timer_arm(&kvm->watch,
              loop_now(kvm->machine->loop, CLOCK_GUEST) + kvm->watch_ms * UINT64_C(1000000));
}

/* ---- Counts ---- */

static uint64_t executed(const struct kvm_assist *a)
{
    return __atomic_load_n(&a->state.executed, __ATOMIC_RELAXED);
}

bool kvm_fallback_counts(struct machine *m, uint64_t *times, uint64_t *instructions)
{
    *times = *instructions = 0;
    if (m->accel->ops != &accel_kvm)
        return false;
    for (unsigned i = 0; i < m->info.cpus; i++) {
        const struct kvm_vcpu *v = m->cpus[i].state;
        const struct kvm_assist *a = v ? __atomic_load_n(&v->assist, __ATOMIC_ACQUIRE) : NULL;

        *times += a ? a->times : 0;
        *instructions += a ? executed(a) : 0;
    }
    return *times;
}

char *kvm_assist_notes(struct vcpu *cpu)
{
    const struct kvm_vcpu *v = cpu->state;

    if (!v->assist)
        return NULL;
    return g_strdup_printf("software CPU: %" PRIu64 " times, %" PRIu64 " instructions\n",
                           v->assist->times, executed(v->assist));
}
