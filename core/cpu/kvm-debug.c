/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-debug - a debugger's breakpoints, watchpoints and steps under KVM.
 *
 * KVM lends a debugger the processor's debug registers (Intel SDM volume 3, section 18.2): while it
 * has points in them, the guest's own breakpoints rest.
 */

#include "cpu/kvm-assist.h"

#include <errno.h>

#include <tenon/accel.h>

#include "cpu/accel.h"
#include "debug/points.h"

enum {
    EXC_DB = 1,
    EXC_BP = 3,
    REGISTERS = 4,
    DR6_POINTS = 15,
    DR6_BS = 1 << 14,
    DR7_EXACT = 0x600
};

/* ---- Setting ---- */

/* R/W and LEN of a point, as DR7 has them; -1: no debug register can do it. */
static int register_bits(const struct tenon_debug_point *p)
{
    static const int8_t lengths[9] = { -1, 0, 1, -1, 3, -1, -1, -1, 2 };
    bool write = p->kind & TENON_DEBUG_WRITE, read = p->kind & TENON_DEBUG_READ;

    if (p->kind & TENON_DEBUG_EXECUTE)
        return 0;
    if (p->bytes > 8 || lengths[p->bytes] < 0 || p->address & (p->bytes - 1) || (read && !write))
        return -1;
    return lengths[p->bytes] << 2 | (read ? 3 : 1);
}

/* inject: KVM_GUESTDBG_INJECT_*, or 0. */
static void apply(struct kvm_vcpu *v, uint32_t inject)
{
    const struct kvm *kvm = v->kvm;
    struct kvm_guest_debug d = { .control = inject };
    int step_flags = kvm_has(kvm, KVM_CAP_SET_GUEST_DEBUG2);

    if (kvm->int3)
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_SW_BP;
    if (v->step || v->single)
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP;
    if (v->step & TENON_STEP_NO_INTERRUPTS && step_flags > 0)
        d.control |= step_flags & KVM_GUESTDBG_BLOCKIRQ;
    for (unsigned i = 0; i < kvm->n_points && v->single != KVM_SINGLE_ROOM; i++) {
        d.control |= KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_USE_HW_BP;
        d.arch.debugreg[i] = kvm->points[i].address;
        d.arch.debugreg[7] |=
            DR7_EXACT | 2u << 2 * i | (uint64_t)register_bits(&kvm->points[i]) << (16 + 4 * i);
    }
    kvm_ioctl(v->fd, KVM_SET_GUEST_DEBUG, &d);
}

int kvm_debug(struct accel *accel, const struct tenon_debug_point *points, unsigned n, bool int3)
{
    struct kvm *kvm = accel->state;

    for (unsigned i = 0; i < n; i++)
        if (register_bits(&points[i]) < 0)
            return -ENOTSUP;
    if (n > REGISTERS)
        return -ENOSPC;
    if (kvm_has(kvm, KVM_CAP_SET_GUEST_DEBUG) <= 0)
        return -ENOTSUP;
    kvm->points = points;
    kvm->n_points = n;
    kvm->int3 = int3;
    if (kvm->room)
        kvm_serve_renew(kvm);
    for (struct kvm_vcpu *v = kvm->vcpus; v; v = v->next) {
        v->single = KVM_SINGLE_OFF;
        apply(v, 0);
    }
    kvm_assist_debug(kvm);
    return 0;
}

void kvm_debug_single(struct kvm_vcpu *v, enum kvm_single how)
{
    if (v->single == how)
        return;
    v->single = how;
    apply(v, 0);
}

void kvm_vcpu_step(struct vcpu *cpu, unsigned flags)
{
    struct kvm_vcpu *v = cpu->state;

    if (v->step == flags)
        return;
    if (flags && v->kvm->room)
        kvm_serve_renew(v->kvm);
    v->single = KVM_SINGLE_OFF;
    v->step = flags;
    apply(v, 0);
}

/* ---- Stopping ---- */

/* The point whose register says so. */
static const struct tenon_debug_point *point_hit(const struct kvm_vcpu *v, uint64_t dr6)
{
    for (unsigned i = 0; i < v->kvm->n_points; i++)
        if (dr6 >> i & 1)
            return &v->kvm->points[i];
    return NULL;
}

static void stop(struct kvm_vcpu *v, uint32_t why, uint64_t where)
{
    if (v->step) {
        v->step = 0;
        apply(v, 0);
    }
    vcpu_stopped(v->cpu, why, where);
}

void kvm_debug_stepped(struct kvm_vcpu *v)
{
    if (v->step)
        stop(v, TENON_DEBUG_STEP, 0);
}

bool kvm_debug_int3(struct kvm_vcpu *v)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    uint64_t linear;

    if (!v->kvm->int3 || kvm_ioctl(v->fd, KVM_GET_REGS, &regs) < 0 ||
        kvm_ioctl(v->fd, KVM_GET_SREGS, &sregs) < 0)
        return false;
    linear = sregs.cs.l ? regs.rip : (uint32_t)(sregs.cs.base + regs.rip);
    if (!points_is_int3(v->kvm->machine, linear))
        return false;
    stop(v, TENON_DEBUG_EXECUTE, linear);
    return true;
}

void kvm_debug_exit(struct kvm_vcpu *v)
{
    const struct kvm_debug_exit_arch *e = &v->run->debug.arch;
    const struct tenon_debug_point *point = point_hit(v, e->dr6);

    if (e->exception == EXC_BP && points_is_int3(v->kvm->machine, e->pc))
        stop(v, TENON_DEBUG_EXECUTE, e->pc);
    else if (e->exception == EXC_BP)
        apply(v, KVM_GUESTDBG_INJECT_BP);
    else if (point)
        stop(v, point->kind, point->address);
    else if (v->step)
        stop(v, TENON_DEBUG_STEP, e->pc);
    else if (!v->single || e->dr6 & DR6_POINTS)
        apply(v, KVM_GUESTDBG_INJECT_DB);
}
