/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * svm - AMD's virtualisation: how the other parts ask whether the hypervisor wants to know.
 *
 * AMD APM volume 2, chapter 15 and appendices B (VMCB) and C (exit codes).  An exit code's bit
 * among the intercepts is its number; so is what is asked for.
 */
#ifndef TENON_SOFT_SVM_H
#define TENON_SOFT_SVM_H

#include "sys.h"

enum svm_code {
    SVM_CR_READ = 0x00,
    SVM_CR_WRITE = 0x10,
    SVM_DR_READ = 0x20,
    SVM_DR_WRITE = 0x30,
    SVM_EXCEPTION = 0x40,
    SVM_INTR = 0x60,
    SVM_NMI,
    SVM_SMI,
    SVM_INIT,
    SVM_VINTR,
    SVM_CR0_SELECTIVE,
    SVM_IDTR_READ,
    SVM_GDTR_READ,
    SVM_LDTR_READ,
    SVM_TR_READ,
    SVM_IDTR_WRITE,
    SVM_GDTR_WRITE,
    SVM_LDTR_WRITE,
    SVM_TR_WRITE,
    SVM_RDTSC,
    SVM_RDPMC,
    SVM_PUSHF,
    SVM_POPF,
    SVM_CPUID,
    SVM_RSM,
    SVM_IRET,
    SVM_SWINT,
    SVM_INVD,
    SVM_PAUSE,
    SVM_HLT,
    SVM_INVLPG,
    SVM_INVLPGA,
    SVM_IOIO,
    SVM_MSR,
    SVM_TASK_SWITCH,
    SVM_FERR_FREEZE,
    SVM_SHUTDOWN,
    SVM_VMRUN = 0x80,
    SVM_VMMCALL,
    SVM_VMLOAD,
    SVM_VMSAVE,
    SVM_STGI,
    SVM_CLGI,
    SVM_SKINIT,
    SVM_RDTSCP,
    SVM_ICEBP,
    SVM_WBINVD,
    SVM_MONITOR,
    SVM_MWAIT,
    SVM_MWAIT_ARMED,
    SVM_XSETBV,
    SVM_INVPCID = 0xa2,
    SVM_NPF = 0x400,
    SVM_INVALID = -1
};
enum { VM_CR_R_INIT = 2, VM_CR_LOCK = 8, VM_CR_SVMDIS = 0x10 };
/* EVENTINJ and EXITINTINFO */
#define SVM_EVENT_ERROR (1u << 11)
#define SVM_EVENT_VALID (1u << 31)
#define SVM_MOV_CR      (1ull << 63) /* EXITINFO1: MOV, not LMSW, SMSW, CLTS */

/* ---- svm.c ---- */

/* Ends the guest; done by svm_leave(), to which fault_exit leads.  next: of an instruction, else 0.
 */
_Noreturn void svm_exit(struct cpu *cpu, int64_t code, uint64_t info1, uint64_t info2,
                        uint64_t next);
/* For run(): #VMEXIT, after LEAVE_GUEST. */
void svm_leave(struct cpu *cpu);
bool svm_translate(struct block_builder *b, const struct insn *in);
/* SMM is outside of the guest that it interrupts: false, and RSM true again. */
void svm_set_guest(struct cpu *cpu, bool guest);
/* Power-on, INIT. */
void svm_reset(struct cpu *cpu, bool power_on);

static inline bool svm_wants(const struct cpu *cpu, enum svm_code code)
{
    return UNLIKELY(cpu->svm.guest) && cpu->svm.intercept[code / 32] >> code % 32 & 1;
}

/* An instruction that has passed the checks which come before its intercept. */
static inline void svm_intercept(struct cpu *cpu, enum svm_code code, uint64_t info1,
                                 uint64_t info2)
{
    if (svm_wants(cpu, code))
        svm_exit(cpu, code, info1, info2, cpu->r[REG_NEXT]);
}

/* RFLAGS.IF as physical interrupts see it. */
static inline bool svm_if(const struct cpu *cpu)
{
    return cpu->svm.guest && cpu->svm.masking ? cpu->svm.host_if : cpu->flags & F_IF;
}

/* Whether a virtual interrupt waits for the guest's RFLAGS.IF alone. */
static inline bool svm_has_virtual(const struct cpu *cpu)
{
    return cpu->svm.guest && cpu->svm.v_irq &&
           (cpu->svm.v_ignores_tpr || cpu->svm.v_priority > (cpu->svm.v_tpr & 15));
}

/* ---- svm-intercept.c ---- */

/* Before an instruction of a guest. */
void svm_intercept_translate(struct block_builder *b, const struct insn *in);
/* The exception in cpu->fault has been raised; an event is about to be delivered. */
void svm_exception(struct cpu *cpu);
void svm_delivers(struct cpu *cpu, const struct event *e);
/* IN, OUT and their strings, after the TSS's permissions. */
enum { SVM_IO_IN = 1, SVM_IO_STRING = 4, SVM_IO_REP = 8 };
void svm_io(struct cpu *cpu, uint16_t port, unsigned size, unsigned addr_size, unsigned seg,
            unsigned how);
void svm_msr(struct cpu *cpu, bool write);
void svm_cr0_write(struct cpu *cpu, uint64_t value, uint64_t info1);
void svm_task_switch(struct cpu *cpu, uint16_t selector, enum task_why why);

#endif
