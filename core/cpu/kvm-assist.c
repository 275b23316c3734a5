/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-assist - a processor that KVM cannot go on with, its instruction emulator not knowing an
 * instruction, is handed to the software CPU for a while.
 */

#include "cpu/kvm.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/accel.h>

#include "cpu/accel.h"
#include "cpu/accel-plugin.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "report.h"

/* Instructions at once: a tenth of a millisecond, for which interrupts wait. */
#define MOST 10000

#define UD 6 /* what KVM makes of what it cannot emulate */

struct kvm_assist {
    struct processor *processor;
    uint64_t times, instructions;
    struct kvm_image was, is;
    struct tenon_x86_state state;
    uint8_t *xsave; /* of kvm->xsave_bytes */
};

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

static void say_once(struct kvm_vcpu *v)
{
    struct kvm *kvm = v->kvm;
    char *where;

    if (__atomic_exchange_n(&kvm->assist_said, true, __ATOMIC_RELAXED))
        return;
    where = kvm_fault_place(v);
    report_warning(
        NULL,
        "this host's KVM does not execute the instruction %s: the software CPU does, and "
        "others like it, slowly; -accel kvm,fallback=off ends it",
        where);
    g_free(where);
}

static bool prepare(struct kvm_vcpu *v)
{
    struct guest *helper = v->assist ? NULL : helper_of(v->kvm);
    struct processor *processor;

    if (v->assist)
        return true;
    if (!helper)
        return false;
    processor = accel_helper_processor(helper, v->cpu);
    if (!processor)
        return false;
    v->assist = aligned_alloc(64, sizeof(*v->assist));
    if (!v->assist) {
        accel_helper_drop(processor);
        return false;
    }
    memset(v->assist, 0, sizeof(*v->assist));
    v->assist->processor = processor;
    v->assist->xsave = g_malloc0(v->kvm->xsave_bytes);
    return true;
}

void kvm_assist_finish(struct kvm_vcpu *v)
{
    if (!v->assist)
        return;
    accel_helper_drop(v->assist->processor);
    g_free(v->assist->xsave);
    free(v->assist);
    v->assist = NULL;
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

bool kvm_assist(struct kvm_vcpu *v)
{
    struct kvm_assist *a;
    int n;

    if (!v->kvm->fallback || v->run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
        !kvm_fault_readable(v) || !prepare(v))
        return false;
    a = v->assist;
    if (!kvm_image_get(v, &a->is, a->xsave))
        return false;
    a->was = a->is;
    kvm_image_to_state(&a->is, a->xsave, &a->state);
    n = accel_helper_assist(a->processor, &a->state, kvm_debugged(v) ? 1 : MOST);
    if (n <= 0)
        return false;
    say_once(v);
    kvm_image_from_state(&a->is, &a->state);
    take_back_ud(&a->is.events);
    a->times++;
    a->instructions += n;
    if (!kvm_image_set(v, &a->was, &a->is) || !kvm_xsave_set(v, a->xsave, &a->state))
        return false;
    kvm_debug_stepped(v);
    return true;
}

char *kvm_assist_notes(struct vcpu *cpu)
{
    const struct kvm_vcpu *v = cpu->state;

    if (!v->assist)
        return NULL;
    return g_strdup_printf("software CPU: %" PRIu64 " times, %" PRIu64 " instructions\n",
                           v->assist->times, v->assist->instructions);
}
