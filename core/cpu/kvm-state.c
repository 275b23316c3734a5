/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-state - a processor's registers under KVM: what they are after a reset, or as a kernel's
 * entry wants them; and the guest's clocks.
 *
 * Paravirtual MSRs are those of Linux's Documentation/virt/kvm/x86/msr.rst.
 */

#include "cpu/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/ioctl.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "cpu/state.h"
#include "machine/machine.h"
#include "report.h"

/* ---- Model-specific registers ---- */

#define MSR_TSC 0x10

struct msr_values {
    uint32_t first, n; /* n that follow each other */
    uint64_t value;
};

/* What a reset makes of MSRs; those that the host does not list are left alone. */
// clang-format off
static const struct msr_values reset_msrs[] = {
    { MSR_TSC,    1, 0 },
    { 0x0000003b, 1, 0 },                       /* TSC_ADJUST */
    { 0x00000048, 1, 0 },                       /* SPEC_CTRL */
    { 0x000000e1, 1, 0 },                       /* UMWAIT_CONTROL */
    { 0x00000122, 1, 0 },                       /* TSX_CTRL */
    { 0x00000174, 3, 0 },                       /* SYSENTER_CS, _ESP, _EIP */
    { 0x0000017a, 1, 0 },                       /* MCG_STATUS */
    { 0x00000186, 8, 0 },                       /* PERFEVTSEL0... */
    { 0x000001a0, 1, 0x1801 },                  /* MISC_ENABLE: fast strings, no BTS, no PEBS */
    { 0x000001c4, 2, 0 },                       /* XFD, XFD_ERR */
    { 0x000001d9, 1, 0 },                       /* DEBUGCTL */
    { 0x00000277, 1, 0x0007040600070406 },      /* PAT */
    { 0x0000038d, 1, 0 },                       /* FIXED_CTR_CTRL */
    { 0x0000038f, 1, 0 },                       /* PERF_GLOBAL_CTRL */
    { 0x000006e0, 1, 0 },                       /* TSC_DEADLINE */
    { 0x00000d90, 1, 0 },                       /* BNDCFGS */
    { 0x00000da0, 1, 0 },                       /* XSS */
    { 0x4b564d00, 5, 0 },                       /* KVM: wall clock, system time, async page faults... */
    { 0x4b564d05, 1, 1 },                       /* KVM: polling by the host is allowed */
    { 0x4b564d06, 2, 0 },                       /* KVM: async page faults by interrupt */
    { 0xc0000081, 4, 0 },                       /* STAR, LSTAR, CSTAR, FMASK */
    { 0xc0000102, 2, 0 },                       /* KERNEL_GS_BASE, TSC_AUX */
};

/* The same; KVM does not list them, but has them if CPUID says so. */
static const struct msr_values reset_mtrrs[] = {
    { 0x00000200, 16, 0 },                      /* MTRR_PHYSBASE0, MTRR_PHYSMASK0... */
    { 0x00000250, 1, 0 },                       /* MTRR_FIX64K */
    { 0x00000258, 2, 0 },                       /* MTRR_FIX16K */
    { 0x00000268, 8, 0 },                       /* MTRR_FIX4K */
    { 0x000002ff, 1, 0 },                       /* MTRR_DEF_TYPE */
};
// clang-format on

static bool listed(const struct kvm *kvm, uint32_t msr)
{
    for (unsigned i = 0; i < kvm->msrs->nmsrs; i++)
        if (kvm->msrs->indices[i] == msr)
            return true;
    return false;
}

static bool has_mtrrs(const struct vcpu *cpu)
{
    const struct cpuid_entry *leaf = cpuid_find(cpu->cpuid, cpu->n_cpuid, 1, 0);

    return leaf && leaf->edx & 1u << 12;
}

static struct kvm_msrs *msrs_alloc(unsigned room)
{
    return g_malloc0(sizeof(struct kvm_msrs) + room * sizeof(struct kvm_msr_entry));
}

static void msrs_add(struct kvm_msrs *list, uint32_t index, uint64_t value)
{
    list->entries[list->nmsrs++] = (struct kvm_msr_entry){ .index = index, .data = value };
}

/* KVM stops at the first MSR that it refuses: the rest is for another call. */
static void set_msrs(struct kvm_vcpu *v, struct kvm_msrs *list, bool warn)
{
    unsigned left = list->nmsrs;

    while (left) {
        int done;

        list->nmsrs = left;
        done = kvm_ioctl(v->fd, KVM_SET_MSRS, list);
        done = MAX(done, 0);
        left -= done;
        if (!left)
            break;
        if (warn)
            report_warning(NULL,
                           "this host's KVM refuses MSR 0x%x of 0x%" PRIx64 "; it is left out",
                           list->entries[done].index, (uint64_t)list->entries[done].data);
        left--;
        memmove(&list->entries[0], &list->entries[done + 1], left * sizeof(list->entries[0]));
    }
}

static void msrs_add_range(struct kvm_msrs *list, const struct msr_values *r, const struct kvm *kvm)
{
    for (uint32_t msr = r->first; msr < r->first + r->n; msr++)
        if (!kvm || listed(kvm, msr))
            msrs_add(list, msr, r->value);
}

static void reset_all_msrs(struct kvm_vcpu *v)
{
    struct kvm_msrs *list = msrs_alloc(128);

    for (unsigned i = 0; i < G_N_ELEMENTS(reset_msrs); i++)
        msrs_add_range(list, &reset_msrs[i], v->kvm);
    for (unsigned i = 0; i < G_N_ELEMENTS(reset_mtrrs) && has_mtrrs(v->cpu); i++)
        msrs_add_range(list, &reset_mtrrs[i], NULL);
    set_msrs(v, list, false); /* it lists some that a processor without their feature refuses */
    g_free(list);
}

static void set_feature_msrs(struct kvm_vcpu *v)
{
    const struct vcpu *cpu = v->cpu;
    struct kvm_msrs *list = msrs_alloc(cpu->n_msrs);

    for (unsigned i = 0; i < cpu->n_msrs; i++)
        msrs_add(list, cpu->msrs[i].index, cpu->msrs[i].value);
    set_msrs(v, list, !cpu->index); /* once is enough */
    g_free(list);
}

/* ---- Registers ---- */

#define APIC_BASE   UINT64_C(0xfee00000)
#define APIC_ENABLE (1u << 11)
#define APIC_BSP    (1u << 8)

/* Offsets of registers of the local APIC; SDM volume 3, table 11-1. */
enum { APIC_LVT_LINT0 = 0x350 };
#define LVT_EXTINT (7u << 8)

struct kvm_segment kvm_segment_from(const struct tenon_x86_segment *s)
{
    unsigned a = s->attributes;

    return (struct kvm_segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .type = a & 15,
        .s = a >> 4 & 1,
        .dpl = a >> 5 & 3,
        .present = a >> 7 & 1,
        .avl = a >> 12 & 1,
        .l = a >> 13 & 1,
        .db = a >> 14 & 1,
        .g = a >> 15 & 1,
        .unusable = !(a >> 7 & 1),
    };
}

static struct kvm_dtable table(const struct tenon_x86_segment *s)
{
    return (struct kvm_dtable){ .base = s->base, .limit = s->limit };
}

static int set_regs(struct kvm_vcpu *v, const struct tenon_x86_start *s)
{
    struct kvm_regs regs = {
        .rip = s->rip,
        .rflags = s->rflags | 2,
        .rax = s->rax,
        .rbx = s->rbx,
        .rcx = s->rcx,
        .rdx = s->rdx,
        .rsi = s->rsi,
        .rdi = s->rdi,
        .rbp = s->rbp,
        .rsp = s->rsp,
    };

    return kvm_ioctl(v->fd, KVM_SET_REGS, &regs);
}

static int set_sregs(struct kvm_vcpu *v, const struct tenon_x86_start *s)
{
    /* A processor always has a task; an entry state that says nothing of it gets the reset's. */
    const struct tenon_x86_segment *tr = s->tr.attributes ? &s->tr : &x86_reset.tr;
    struct kvm_sregs sregs = {
        .cs = kvm_segment_from(&s->cs),
        .ds = kvm_segment_from(&s->ds),
        .es = kvm_segment_from(&s->es),
        .fs = kvm_segment_from(&s->fs),
        .gs = kvm_segment_from(&s->gs),
        .ss = kvm_segment_from(&s->ss),
        .tr = kvm_segment_from(tr),
        .ldt = kvm_segment_from(&s->ldt),
        .gdt = table(&s->gdt),
        .idt = table(&s->idt),
        .cr0 = s->cr0,
        .cr3 = s->cr3,
        .cr4 = s->cr4,
        .efer = s->efer,
        .apic_base = APIC_BASE | APIC_ENABLE | (v->cpu->index ? 0 : APIC_BSP),
    };

    return kvm_ioctl(v->fd, KVM_SET_SREGS, &sregs);
}

/* All extended states are in their initial configuration, but what the x87 unit has after a reset.
 */
static void set_fpu(struct kvm_vcpu *v)
{
    struct kvm_fpu fpu = { .fcw = 0x40, .ftwx = 0xff, .mxcsr = 0x1f80 };
    struct kvm_xcrs xcrs = { .nr_xcrs = 1, .xcrs = { { .xcr = 0, .value = 1 } } };

    if (kvm_has(v->kvm, KVM_CAP_XCRS))
        kvm_ioctl(v->fd, KVM_SET_XCRS, &xcrs);
    if (kvm_has(v->kvm, KVM_CAP_XSAVE)) {
        void *xsave = g_malloc0(v->kvm->xsave_bytes);

        kvm_ioctl(v->fd, KVM_SET_XSAVE, xsave);
        g_free(xsave);
    }
    kvm_ioctl(v->fd, KVM_SET_FPU, &fpu);
}

/* The boot processor takes interrupts of the 8259A from the start ("virtual wire"). */
static void set_apic(struct kvm_vcpu *v)
{
    struct kvm_lapic_state apic = v->lapic;
    uint32_t lint0 = LVT_EXTINT;

    if (!v->cpu->index)
        memcpy(&apic.regs[APIC_LVT_LINT0], &lint0, sizeof(lint0));
    kvm_ioctl(v->fd, KVM_SET_LAPIC, &apic);
}

static void set_rest(struct kvm_vcpu *v)
{
    struct kvm_debugregs debug = { .dr6 = 0xffff0ff0, .dr7 = 0x400 };
    struct kvm_vcpu_events events = {
        .flags = KVM_VCPUEVENT_VALID_NMI_PENDING | KVM_VCPUEVENT_VALID_SHADOW |
                 KVM_VCPUEVENT_VALID_SIPI_VECTOR |
                 (kvm_has(v->kvm, KVM_CAP_X86_SMM) ? KVM_VCPUEVENT_VALID_SMM : 0),
    };
    struct kvm_mp_state mp = {
        .mp_state = v->cpu->index ? KVM_MP_STATE_UNINITIALIZED : KVM_MP_STATE_RUNNABLE,
    };

    kvm_ioctl(v->fd, KVM_SET_DEBUGREGS, &debug);
    kvm_ioctl(v->fd, KVM_SET_VCPU_EVENTS, &events);
    kvm_ioctl(v->fd, KVM_SET_MP_STATE, &mp);
}

void kvm_state_reset(struct vcpu *cpu, const struct tenon_x86_start *start)
{
    struct kvm_vcpu *v = cpu->state;
    const struct cpuid_entry *leaf = cpuid_find(cpu->cpuid, cpu->n_cpuid, 1, 0);
    struct tenon_x86_start s = start ? *start : x86_reset;
    int err;

    if (!start && leaf)
        s.rdx = leaf->eax; /* family, model, stepping */
    v->unfinished = false;
    kvm_assist_reset(v);
    err = set_sregs(v, &s);
    if (!err)
        err = set_regs(v, &s);
    if (err)
        report(NULL, "KVM does not take the start state of processor %u: %s", cpu->index,
               strerror(-err));
    set_fpu(v);
    set_apic(v);
    reset_all_msrs(v);
    set_rest(v);
}

int kvm_state_create(struct kvm_vcpu *v)
{
    int err = kvm_ioctl(v->fd, KVM_GET_LAPIC, &v->lapic);

    if (err)
        report(NULL, "KVM does not show the local APIC of processor %u: %s", v->cpu->index,
               strerror(-err));
    else
        set_feature_msrs(v);
    return err;
}

/* ---- Clocks ---- */

/* In the guest's own ticks, which -cpu tsc-frequency may make others than the host's. */
static uint64_t guest_tsc(const struct kvm *kvm)
{
    struct kvm_msrs *list = msrs_alloc(1);
    uint64_t value = 0;

    msrs_add(list, MSR_TSC, 0);
    if (kvm->vcpus && kvm_ioctl(kvm->vcpus->fd, KVM_GET_MSRS, list) == 1)
        value = list->entries[0].data;
    g_free(list);
    return value;
}

/* Moves the guest's TSC back by what it has counted while guest time stood. */
static void shift_tsc(struct kvm_vcpu *v, uint64_t by)
{
    uint64_t offset;
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)&offset,
    };

    if (kvm_ioctl(v->fd, KVM_GET_DEVICE_ATTR, &attr) < 0)
        return; /* Linux before 5.16: it jumps */
    offset -= by;
    kvm_ioctl(v->fd, KVM_SET_DEVICE_ATTR, &attr);
}

void kvm_time(struct accel *accel, bool running)
{
    struct kvm *kvm = accel->state;
    struct kvm_clock_data clock = { .clock = kvm->clock.clock };
    uint64_t stood = guest_tsc(kvm) - kvm->tsc; /* the same for all, lest their TSCs differ */

    if (running)
        kvm_watch(kvm);
    if (!running) {
        kvm->has_clock = !kvm_ioctl(kvm->vm, KVM_GET_CLOCK, &kvm->clock);
        kvm->tsc = guest_tsc(kvm);
        return;
    }
    if (!kvm->has_clock)
        return;
    for (struct kvm_vcpu *v = kvm->vcpus; v; v = v->next)
        shift_tsc(v, stood);
    kvm_ioctl(kvm->vm, KVM_SET_CLOCK, &clock);
    for (struct kvm_vcpu *v = kvm->vcpus; v; v = v->next)
        kvm_ioctl(v->fd, KVM_KVMCLOCK_CTRL, NULL); /* its watchdog is told; no clock: refused */
}
