/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm-assist - the software CPU in KVM's place: what kvm-assist.c and kvm-serve.c share. */
#ifndef TENON_CORE_KVM_ASSIST_H
#define TENON_CORE_KVM_ASSIST_H

#include <tenon/accel.h>

#include "cpu/accel-plugin.h"
#include "cpu/kvm.h"

/* A processor's time in the room; see kvm-serve.c. */
struct kvm_serve {
    bool inside;      /* KVM's registers are the room's */
    bool gone;        /* KVM has set them itself: INIT */
    int error;        /* KVM could not do it */
    bool kicked;      /* a kick came that nobody has seen yet */
    bool asleep;      /* KVM takes the processor for halted */
    bool nmi, masked; /* one has come and waits; KVM gives no other */
    uint64_t steal;   /* the MSR, which KVM does not see meanwhile */
    bool tsc_known;   /* the guest's is the host's and the offset */
    uint64_t tsc_offset;
};

struct kvm_assist {
    struct processor *processor;
    uint64_t times; /* that the software CPU took over; how many instructions is in the state */
    bool kept;      /* KVM has not taken the state back: it is only here */
    struct kvm_image was, is;
    struct tenon_x86_state state;
    struct kvm_serve serve;
    uint8_t *xsave; /* of kvm->xsave_bytes */
};

/* Whether this host's KVM can serve. */
bool kvm_serves(const struct kvm *kvm);
/* Makes the room, if there is none yet; -errno.  [vcpu, locked] */
int kvm_serve_open(struct kvm *kvm);
void kvm_serve_finish(struct kvm *kvm);
/* Takes the room's memory away for a moment, while no processor is in it but the caller's, or they
 * wait: KVM then forgets all translations. */
void kvm_serve_renew(struct kvm *kvm);
/* Into the room and out; what is is then KVM's own state, but for what the room replaced. */
bool kvm_serve_enter(struct kvm_vcpu *v);
bool kvm_serve_leave(struct kvm_vcpu *v);

extern const struct helped kvm_helped;

#endif
