/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-registers - all registers of a processor under KVM, as a value, and back: for the software
 * CPU when it helps, for debuggers and monitors.
 *
 * MSRs are those of Intel SDM volume 4, chapter 2.
 */

#include "cpu/kvm.h"

#include <errno.h>
#include <string.h>

#include <tenon/accel.h>

#include "cpu/accel.h"

// clang-format off
static const struct {
    uint32_t index;
    size_t offset; /* in struct tenon_x86_state */
} msrs[KVM_IMAGE_MSRS] = {
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

/* ---- Between KVM's and ours ---- */

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
    s->cr8 = k->cr8;
    s->efer = k->efer;
    s->apic_base = k->apic_base;
}

/* A segment that has not changed stays as KVM had it, to the last bit. */
static void sregs_out(struct kvm_sregs *k, const struct tenon_x86_state *s)
{
    struct kvm_segment *theirs[N_SEGMENTS];
    struct tenon_x86_segment *ours[N_SEGMENTS];

    list_segments(k, (struct tenon_x86_state *)s, theirs, ours); /* ours are only read */
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
    k->cr8 = s->cr8;
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

static uint64_t *msr_at(const struct tenon_x86_state *s, unsigned i)
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

void kvm_image_to_state(struct kvm_image *k, const uint8_t *xsave, struct tenon_x86_state *s)
{
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
    memcpy(s->xsave, xsave, sizeof(s->xsave));
}

void kvm_image_from_state(struct kvm_image *k, const struct tenon_x86_state *s)
{
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

bool kvm_image_get(struct kvm_vcpu *v, struct kvm_image *k, uint8_t *xsave)
{
    memset(k, 0, sizeof(*k));
    k->msrs.nmsrs = G_N_ELEMENTS(msrs);
    for (unsigned i = 0; i < G_N_ELEMENTS(msrs); i++)
        k->msrs.entries[i].index = msrs[i].index;
    if (kvm_ioctl(v->fd, KVM_GET_REGS, &k->regs) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_SREGS, &k->sregs) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_XSAVE, xsave) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_DEBUGREGS, &k->debug) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_VCPU_EVENTS, &k->events) < 0)
        return false;
    if (kvm_has(v->kvm, KVM_CAP_XCRS))
        kvm_ioctl(v->fd, KVM_GET_XCRS, &k->xcrs);
    k->msrs.nmsrs = MAX(kvm_ioctl(v->fd, KVM_GET_MSRS, &k->msrs), 0);
    return true;
}

/* Sets a part of the image if it has changed. */
#define SET(request, part)                                                                         \
    (!memcmp(&was->part, &is->part, sizeof(is->part)) || kvm_ioctl(v->fd, request, &is->part) >= 0)

/* XCR0 before what it enables, CR4 before XCR0. */
bool kvm_image_set(struct kvm_vcpu *v, const struct kvm_image *was, struct kvm_image *is)
{
    return SET(KVM_SET_SREGS, sregs) && SET(KVM_SET_XCRS, xcrs) && SET(KVM_SET_DEBUGREGS, debug) &&
           SET(KVM_SET_MSRS, msrs) && SET(KVM_SET_REGS, regs) && SET(KVM_SET_VCPU_EVENTS, events);
}

bool kvm_xsave_set(struct kvm_vcpu *v, uint8_t *xsave, const struct tenon_x86_state *s)
{
    if (!memcmp(xsave, s->xsave, sizeof(s->xsave)))
        return true;
    memcpy(xsave, s->xsave, sizeof(s->xsave));
    return kvm_ioctl(v->fd, KVM_SET_XSAVE, xsave) >= 0;
}

/* ---- For debuggers and monitors ---- */

static uint32_t activity(const struct kvm_vcpu *v)
{
    struct kvm_mp_state mp = { 0 };

    kvm_ioctl(v->fd, KVM_GET_MP_STATE, &mp);
    switch (mp.mp_state) {
    case KVM_MP_STATE_HALTED: return TENON_CPU_HALTED;
    case KVM_MP_STATE_UNINITIALIZED:
    case KVM_MP_STATE_INIT_RECEIVED:
    case KVM_MP_STATE_SIPI_RECEIVED: return TENON_CPU_WAITS;
    default: return TENON_CPU_RUNS;
    }
}

int kvm_vcpu_get(struct vcpu *cpu, struct tenon_x86_state *s)
{
    struct kvm_vcpu *v = cpu->state;
    const struct tenon_x86_state *kept = kvm_kept_state(v);
    uint8_t *xsave;
    struct kvm_image k;
    bool done;

    if (kept) {
        *s = *kept;
        return 0;
    }
    xsave = g_malloc0(v->kvm->xsave_bytes);
    done = kvm_image_get(v, &k, xsave);
    if (done) {
        kvm_image_to_state(&k, xsave, s);
        s->activity = activity(v);
        s->smm = !!(k.events.flags & KVM_VCPUEVENT_VALID_SMM && k.events.smi.smm);
    }
    g_free(xsave);
    return done ? 0 : -EIO;
}

int kvm_vcpu_set(struct vcpu *cpu, const struct tenon_x86_state *s)
{
    struct kvm_vcpu *v = cpu->state;
    struct tenon_x86_state *kept = kvm_kept_state(v);
    uint8_t *xsave;
    struct kvm_image was, is;
    bool done;

    if (kept) {
        *kept = *s;
        return 0;
    }
    xsave = g_malloc0(v->kvm->xsave_bytes);
    done = kvm_image_get(v, &was, xsave);
    if (done) {
        is = was;
        kvm_image_from_state(&is, s);
        done = kvm_image_set(v, &was, &is) && kvm_xsave_set(v, xsave, s);
    }
    g_free(xsave);
    return done ? 0 : -EINVAL;
}
