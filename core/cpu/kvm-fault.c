/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kvm-fault - why a processor under KVM cannot go on, in one line that says where, and what to try.
 */

#include "cpu/kvm.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cpu/accel.h"
#include "machine/machine.h"
#include "report.h"

#define MAX_INSN 15

struct place {
    uint64_t linear; /* of the instruction */
    uint8_t bytes[MAX_INSN];
    unsigned n; /* of them are known */
    bool user;
};

static bool translate(const struct kvm_vcpu *v, uint64_t linear, uint64_t *physical)
{
    struct kvm_translation t = { .linear_address = linear };

    if (kvm_ioctl(v->fd, KVM_TRANSLATE, &t) < 0 || !t.valid)
        return false;
    *physical = t.physical_address;
    return true;
}

/* From RAM alone: reading a device's register changes things. */
static void read_bytes(const struct kvm_vcpu *v, struct place *p)
{
    struct space *mem = v->kvm->machine->mem;
    uint64_t physical;

    for (p->n = 0; p->n < MAX_INSN; p->n++)
        if (!translate(v, p->linear + p->n, &physical) ||
            space_copy_in(mem, physical, &p->bytes[p->n], 1, true, false) < 0)
            return;
}

static void find_place(const struct kvm_vcpu *v, struct place *p)
{
    struct kvm_regs regs = { 0 };
    struct kvm_sregs sregs = { 0 };

    kvm_ioctl(v->fd, KVM_GET_REGS, &regs);
    kvm_ioctl(v->fd, KVM_GET_SREGS, &sregs);
    p->user = sregs.ss.dpl == 3;
    p->linear = sregs.cs.l ? regs.rip : (uint32_t)(sregs.cs.base + regs.rip);
    read_bytes(v, p);
}

/* What KVM has fetched is surer than what memory holds by now. */
static void take_fetched(const struct kvm_run *run, struct place *p)
{
    if (run->internal.suberror != KVM_INTERNAL_ERROR_EMULATION ||
        run->emulation_failure.ndata < 3 ||
        !(run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
        return;
    p->n = MIN(run->emulation_failure.insn_size, MAX_INSN);
    memcpy(p->bytes, run->emulation_failure.insn_bytes, p->n);
}

static char *place_text(const struct place *p)
{
    GString *s = g_string_new(NULL);

    g_string_printf(s, "at 0x%" PRIx64 " (", p->linear);
    for (unsigned i = 0; i < p->n; i++)
        g_string_append_printf(s, "%s%02x", i ? " " : "", p->bytes[i]);
    if (!p->n)
        g_string_append(s, "bytes unreadable");
    g_string_append(s, p->user ? ", user code)" : ")");
    return g_string_free(s, FALSE);
}

static const char *suberror_name(uint32_t suberror)
{
    switch (suberror) {
    case KVM_INTERNAL_ERROR_EMULATION: return "emulation failure";
    case KVM_INTERNAL_ERROR_SIMUL_EX: return "simultaneous exceptions";
    case KVM_INTERNAL_ERROR_DELIVERY_EV: return "exit while an event was delivered";
    case KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON: return "unexpected exit";
    default: return "unknown";
    }
}

static void say_internal_error(const struct kvm_vcpu *v, const char *where)
{
    uint32_t suberror = v->run->internal.suberror;

    if (suberror == KVM_INTERNAL_ERROR_EMULATION)
        report(NULL,
               "CPU %u: this host's KVM cannot execute the instruction %s (emulation failure)%s; "
               "try a "
               "host whose KVM runs all guest code on the processor (not nested, vmx or svm in "
               "/proc/cpuinfo), or a -cpu without that instruction%s",
               v->cpu->index, where,
               v->kvm->fallback ? ", nor does the software CPU in its place" : "",
               v->kvm->fallback ? "" : ", or no fallback=off");
    else
        report(
            NULL,
            "CPU %u: internal error %u of KVM (%s) %s; try another kernel on the host, or another "
            "-cpu",
            v->cpu->index, suberror, suberror_name(suberror), where);
}

static void say_exit(const struct kvm_vcpu *v, const char *where)
{
    const struct kvm_run *run = v->run;
    unsigned index = v->cpu->index;

    switch (run->exit_reason) {
    case KVM_EXIT_INTERNAL_ERROR: say_internal_error(v, where); break;
    case KVM_EXIT_FAIL_ENTRY:
        report(
            NULL,
            "CPU %u: the host's processor refuses the guest's state (hardware reason 0x%llx) %s; "
            "try the kvm_intel module with unrestricted_guest=1, or another kernel on the host",
            index, run->fail_entry.hardware_entry_failure_reason, where);
        break;
    case KVM_EXIT_UNKNOWN:
        report(NULL,
               "CPU %u: KVM does not know the hardware's exit 0x%llx %s; try a newer kernel on the "
               "host",
               index, run->hw.hardware_exit_reason, where);
        break;
    default:
        report(NULL, "CPU %u: unexpected exit %u of KVM %s; try another kernel on the host", index,
               run->exit_reason, where);
    }
}

static struct place fault_place(const struct kvm_vcpu *v)
{
    struct place place = { 0 };

    find_place(v, &place);
    if (v->run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
        take_fetched(v->run, &place);
    return place;
}

char *kvm_fault_place(const struct kvm_vcpu *v)
{
    struct place place = fault_place(v);

    return place_text(&place);
}

bool kvm_fault_readable(const struct kvm_vcpu *v)
{
    return fault_place(v).n > 0;
}

int kvm_fault_exit(struct kvm_vcpu *v)
{
    char *where = kvm_fault_place(v);

    say_exit(v, where);
    g_free(where);
    return -EIO;
}

int kvm_fault_errno(struct kvm_vcpu *v, int err)
{
    struct place place = { 0 };
    char *where;

    find_place(v, &place);
    where = place_text(&place);
    if (err == EFAULT)
        report(
            NULL,
            "CPU %u: the guest's memory cannot be reached %s: is the disk under -mem-path or the "
            "supply of huge pages exhausted?",
            v->cpu->index, where);
    else
        report(NULL, "CPU %u: KVM stops %s: %s", v->cpu->index, where, strerror(err));
    g_free(where);
    return -EIO;
}
