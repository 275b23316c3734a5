/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-assist - a processor that KVM cannot go on with, its instruction emulator not knowing an
 * instruction, is handed to the software CPU for a while.
 *
 * MSRs are those of Intel SDM volume 4, chapter 2.
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

// clang-format off
static const struct {
    uint32_t index;
    size_t offset; /* in struct tenon_x86_state */
} msrs[] = {
    { 0x00000174, offsetof(struct tenon_x86_state, sysenter_cs) },
    { 0x00000175, offsetof(struct tenon_x86_state, sysenter_esp) },
    { 0x00000176, offsetof(struct tenon_x86_state, sysenter_eip) },
    { 0xc0000081, offsetof(struct tenon_x86_state, star) },
    { 0xc0000082, offsetof(struct tenon_x86_state, lstar) },
    { 0xc0000083, offsetof(struct tenon_x86_state, cstar) },
    { 0xc0000084, offsetof(struct tenon_x86_state, fmask) },
    { 0xc0000102, offsetof(struct tenon_x86_state, kernel_gs_base) },
    { 0xc0000103, offsetof(struct tenon_x86_state, tsc_aux) }, /* the last: not all guests have it */
};
// clang-format on

/* The processor as KVM has it. */
struct image {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debug;
    struct kvm_vcpu_events events;
    struct {
        uint32_t nmsrs, pad; /* laid out as struct kvm_msrs */
        struct kvm_msr_entry entries[G_N_ELEMENTS(msrs)];
    } msrs;
};

struct kvm_assist {
    struct processor *processor;
    uint64_t times, instructions;
    struct image was, is;
    struct tenon_x86_state state;
    uint8_t *xsave; /* of kvm->xsave_bytes */
};

/* ---- Between the two ---- */

#define PRESENT 0x80

static struct tenon_x86_segment segment_of(const struct kvm_segment *s)
{
    return (struct tenon_x86_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .attributes = s->type | s->s << 4 | s->dpl << 5 | (s->present && !s->unusable) << 7 |
                      s->avl << 12 | s->l << 13 | s->db << 14 | s->g << 15,
    };
}

/* Both ways by one list: which of KVM's segments is which of the state's. */
#define N_SEGMENTS 8

static void list_segments(struct kvm_sregs *k, struct tenon_x86_state *s,
                          struct kvm_segment *theirs[N_SEGMENTS],
                          struct tenon_x86_segment *ours[N_SEGMENTS])
{
    struct kvm_segment *const all[N_SEGMENTS] = { &k->es, &k->cs, &k->ss,  &k->ds,
                                                  &k->fs, &k->gs, &k->ldt, &k->tr };

    memcpy(theirs, all, sizeof(all));
    for (unsigned i = 0; i < 6; i++)
        ours[i] = &s->seg[i];
    ours[6] = &s->ldt;
    ours[7] = &s->tr;
}

static void sregs_in(struct kvm_sregs *k, struct tenon_x86_state *s)
{
    struct kvm_segment *theirs[N_SEGMENTS];
    struct tenon_x86_segment *ours[N_SEGMENTS];

    list_segments(k, s, theirs, ours);
    for (unsigned i = 0; i < N_SEGMENTS; i++)
        *ours[i] = segment_of(theirs[i]);
    s->gdt = (struct tenon_x86_segment){ .base = k->gdt.base, .limit = k->gdt.limit };
    s->idt = (struct tenon_x86_segment){ .base = k->idt.base, .limit = k->idt.limit };
    s->cr0 = k->cr0;
    s->cr2 = k->cr2;
    s->cr3 = k->cr3;
    s->cr4 = k->cr4;
    s->efer = k->efer;
    s->apic_base = k->apic_base;
}

/* A segment that has not changed stays as KVM had it, to the last bit. */
static void sregs_out(struct kvm_sregs *k, struct tenon_x86_state *s)
{
    struct kvm_segment *theirs[N_SEGMENTS];
    struct tenon_x86_segment *ours[N_SEGMENTS];

    list_segments(k, s, theirs, ours);
    for (unsigned i = 0; i < N_SEGMENTS; i++) {
        struct tenon_x86_segment old = segment_of(theirs[i]);

        if (memcmp(&old, ours[i], sizeof(old)))
            *theirs[i] = kvm_segment_from(ours[i]);
    }
    k->gdt.base = s->gdt.base;
    k->gdt.limit = s->gdt.limit;
    k->idt.base = s->idt.base;
    k->idt.limit = s->idt.limit;
    k->cr0 = s->cr0;
    k->cr2 = s->cr2;
    k->cr3 = s->cr3;
    k->cr4 = s->cr4;
    k->efer = s->efer;
}

static void regs_in(const struct kvm_regs *k, struct tenon_x86_state *s)
{
    const uint64_t r[16] = { k->rax, k->rcx, k->rdx, k->rbx, k->rsp, k->rbp, k->rsi, k->rdi,
                             k->r8,  k->r9,  k->r10, k->r11, k->r12, k->r13, k->r14, k->r15 };

    memcpy(s->r, r, sizeof(r));
    s->rip = k->rip;
    s->rflags = k->rflags;
}

static void regs_out(struct kvm_regs *k, const struct tenon_x86_state *s)
{
    const uint64_t *r = s->r;

    *k = (struct kvm_regs){
        .rax = r[0],
        .rcx = r[1],
        .rdx = r[2],
        .rbx = r[3],
        .rsp = r[4],
        .rbp = r[5],
        .rsi = r[6],
        .rdi = r[7],
        .r8 = r[8],
        .r9 = r[9],
        .r10 = r[10],
        .r11 = r[11],
        .r12 = r[12],
        .r13 = r[13],
        .r14 = r[14],
        .r15 = r[15],
        .rip = s->rip,
        .rflags = s->rflags,
    };
}

static uint64_t *msr_at(struct tenon_x86_state *s, unsigned i)
{
    return (uint64_t *)((char *)s + msrs[i].offset);
}

static unsigned blocked(const struct kvm_vcpu_events *e)
{
    return (e->interrupt.shadow & KVM_X86_SHADOW_INT_STI ? TENON_BLOCKED_STI : 0) |
           (e->interrupt.shadow & KVM_X86_SHADOW_INT_MOV_SS ? TENON_BLOCKED_SS : 0) |
           (e->nmi.masked ? TENON_BLOCKED_NMI : 0);
}

static void events_out(struct kvm_vcpu_events *e, unsigned blocked)
{
    e->interrupt.shadow = (blocked & TENON_BLOCKED_STI ? KVM_X86_SHADOW_INT_STI : 0) |
                          (blocked & TENON_BLOCKED_SS ? KVM_X86_SHADOW_INT_MOV_SS : 0);
    e->nmi.masked = !!(blocked & TENON_BLOCKED_NMI);
    e->flags |= KVM_VCPUEVENT_VALID_SHADOW;
}

static void to_state(struct kvm_assist *a)
{
    struct image *k = &a->is;
    struct tenon_x86_state *s = &a->state;

    s->size = sizeof(*s);
    s->blocked = blocked(&k->events);
    regs_in(&k->regs, s);
    sregs_in(&k->sregs, s);
    s->xcr0 = k->xcrs.nr_xcrs ? k->xcrs.xcrs[0].value : 1;
    memcpy(s->dr, k->debug.db, sizeof(k->debug.db));
    s->dr[6] = k->debug.dr6;
    s->dr[7] = k->debug.dr7;
    for (unsigned i = 0; i < G_N_ELEMENTS(msrs); i++)
        *msr_at(s, i) = k->msrs.entries[i].data;
    memcpy(s->xsave, a->xsave, sizeof(s->xsave));
}

static void from_state(struct kvm_assist *a)
{
    struct image *k = &a->is;
    struct tenon_x86_state *s = &a->state;

    regs_out(&k->regs, s);
    sregs_out(&k->sregs, s);
    events_out(&k->events, s->blocked);
    if (k->xcrs.nr_xcrs)
        k->xcrs.xcrs[0].value = s->xcr0;
    memcpy(k->debug.db, s->dr, sizeof(k->debug.db));
    k->debug.dr6 = s->dr[6];
    k->debug.dr7 = s->dr[7];
    for (unsigned i = 0; i < G_N_ELEMENTS(msrs); i++)
        k->msrs.entries[i].data = *msr_at(s, i);
}

/* ---- From KVM and back ---- */

static bool get(struct kvm_vcpu *v)
{
    struct kvm_assist *a = v->assist;
    struct image *k = &a->is;

    memset(k, 0, sizeof(*k));
    k->msrs.nmsrs = G_N_ELEMENTS(msrs);
    for (unsigned i = 0; i < G_N_ELEMENTS(msrs); i++)
        k->msrs.entries[i].index = msrs[i].index;
    if (kvm_ioctl(v->fd, KVM_GET_REGS, &k->regs) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_SREGS, &k->sregs) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_XSAVE, a->xsave) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_DEBUGREGS, &k->debug) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_VCPU_EVENTS, &k->events) < 0)
        return false;
    if (kvm_has(v->kvm, KVM_CAP_XCRS))
        kvm_ioctl(v->fd, KVM_GET_XCRS, &k->xcrs);
    k->msrs.nmsrs = MAX(kvm_ioctl(v->fd, KVM_GET_MSRS, &k->msrs), 0);
    return true;
}

/* Sets a part of the image if it has changed. */
#define SET(v, request, part)                                                                      \
    (!memcmp(&(v)->assist->was.part, &(v)->assist->is.part, sizeof((v)->assist->is.part)) ||       \
     kvm_ioctl((v)->fd, request, &(v)->assist->is.part) >= 0)

static bool set(struct kvm_vcpu *v)
{
    struct kvm_assist *a = v->assist;
    bool done;

    /* XCR0 before what it enables, CR4 before XCR0. */
    done = SET(v, KVM_SET_SREGS, sregs) && SET(v, KVM_SET_XCRS, xcrs) &&
           SET(v, KVM_SET_DEBUGREGS, debug) && SET(v, KVM_SET_MSRS, msrs) &&
           SET(v, KVM_SET_REGS, regs) && SET(v, KVM_SET_VCPU_EVENTS, events);
    if (done && memcmp(a->xsave, a->state.xsave, sizeof(a->state.xsave))) {
        memcpy(a->xsave, a->state.xsave, sizeof(a->state.xsave));
        done = kvm_ioctl(v->fd, KVM_SET_XSAVE, a->xsave) >= 0;
    }
    return done;
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
        !kvm_fault_readable(v) || !prepare(v) || !get(v))
        return false;
    a = v->assist;
    a->was = a->is;
    to_state(a);
    n = accel_helper_assist(a->processor, &a->state, MOST);
    if (n <= 0)
        return false;
    say_once(v);
    from_state(a);
    take_back_ud(&a->is.events);
    a->times++;
    a->instructions += n;
    return set(v);
}

void kvm_assist_dump(const struct kvm_vcpu *v, GString *to)
{
    if (v->assist)
        g_string_append_printf(to, "software CPU: %" PRIu64 " times, %" PRIu64 " instructions\n",
                               v->assist->times, v->assist->instructions);
}
