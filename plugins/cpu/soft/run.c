/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run - a processor's loop: guest code, what comes in between two blocks of it, and sleep.
 *
 * Intel SDM volume 3, section 6.9 (priority among events), 6.8.3 (what STI and MOV SS hold
 * off), 9.4 (INIT and start-up messages), volume 2 (HLT, MWAIT).
 */
#include <errno.h>
#include <sched.h>

#include "blocks.h"
#include "check.h"
#include "log.h"
#include "soft.h"
#include "svm.h"
#include "sys.h"

/* An MWAIT looks at its memory more and more seldom, and ends by itself, which it may. */
enum { MWAIT_FIRST_NS = 20000, MWAIT_LONGEST_NS = 1000000, MWAIT_END_NS = 10000000 };

/* So many PAUSEs, no further apart than that, are a guest that waits for another processor. */
enum { SPIN_PAUSES = 32, SPIN_INSTRUCTIONS = 200 };

/* ---- A debugger outside the guest ---- */

/* False: it has been told, and must_stop() says so. */
static bool watch_tell(struct cpu *cpu)
{
    uint32_t why = cpu->watch.hit;

    cpu->watch.hit = 0;
    cpu->watch.step = 0;
    cpu->host->stopped(cpu->info->host, why, cpu->watch.where);
    return false;
}

/* An instruction is done, or ended by its exception; a watchpoint that it hit says more. */
static void watch_stepped(struct cpu *cpu)
{
    if (cpu->watch.step && !cpu->watch.hit) {
        cpu->watch.hit = TENON_DEBUG_STEP;
        cpu->watch.where = cpu->rip;
    }
}

static uint64_t now(const struct cpu *cpu)
{
    return cpu->host->now(cpu->info->host);
}

/* ---- Asking something of a processor ---- */

void cpu_note(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_or(&cpu->wanted, bits, __ATOMIC_SEQ_CST);
}

/* The other half of this handshake is in nap(): either it sees the bits, or this sees it asleep. */
void cpu_want(struct cpu *cpu, uint32_t bits)
{
    cpu_note(cpu, bits);
    if (__atomic_load_n(&cpu->asleep, __ATOMIC_SEQ_CST))
        cpu->host->wake(cpu->info->host);
}

static uint32_t wanted(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->wanted, __ATOMIC_ACQUIRE);
}

/* Takes bits out, so that whoever sets them from now on is heard again. */
static void claim(struct cpu *cpu, uint32_t bits)
{
    __atomic_fetch_and(&cpu->wanted, ~bits, __ATOMIC_SEQ_CST);
}

static void hold(struct cpu *cpu, uint32_t bits)
{
    claim(cpu, bits);
    cpu->held |= bits;
}

/* ---- Stopping by the guest's own will ---- */

void cpu_halt(struct cpu *cpu)
{
    cpu->halted = true;
    cpu->mwait.on = cpu->frozen = false;
    cpu->inhibit = 0;
    cpu_recheck(cpu);
    __atomic_fetch_or(&cpu->wanted, WANT_INTR, __ATOMIC_RELAXED); /* leaves the block */
}

void cpu_mwait(struct cpu *cpu, uint64_t phys, uint64_t value, bool masked)
{
    cpu_halt(cpu);
    cpu->mwait.on = true;
    cpu->mwait.masked = masked;
    cpu->mwait.phys = phys;
    cpu->mwait.value = value;
    cpu->mwait.pause = MWAIT_FIRST_NS;
    cpu->mwait.until = now(cpu) + MWAIT_END_NS;
}

/* Counted processors give their turn to others; threads of processors the host's. */
void cpu_pause(struct cpu *cpu)
{
    if (cpu->info->counted) {
        cpu->host->yield(cpu->info->host);
        budget_renew(cpu);
    } else if (cpu->instructions - cpu->spin.last > SPIN_INSTRUCTIONS) {
        cpu->spin.pauses = 0;
    } else if (++cpu->spin.pauses == SPIN_PAUSES) {
        cpu->spin.pauses = 0;
        sched_yield();
    }
    cpu->spin.last = cpu->instructions;
}

static bool mwait_over(struct cpu *cpu)
{
    struct tenon_ram ram;

    cpu->host->lookup(cpu->info->host, cpu->mwait.phys, &ram);
    return !ram.host || ram.bytes < 8 || now(cpu) >= cpu->mwait.until ||
           __atomic_load_n((uint64_t *)ram.host, __ATOMIC_ACQUIRE) != cpu->mwait.value;
}

_Noreturn void cpu_shutdown(struct cpu *cpu)
{
    if (svm_wants(cpu, SVM_SHUTDOWN))
        svm_exit(cpu, SVM_SHUTDOWN, 0, 0, 0);
    if (cpu_logs(cpu, TENON_ITEM_CPU_RESET | TENON_ITEM_INT))
        log_registers(cpu, "Triple fault (CPU %u)\n", cpu->info->index);
    cpu->shut_down = true;
    cpu->host->shutdown(cpu->info->host);
    siglongjmp(cpu->fault_exit, LEAVE_SHUTDOWN);
}

/* ---- What comes in between blocks, in order of priority ---- */

/* Ends a guest whose hypervisor wants to know; what came stays pending. */
static void exit_guest(struct cpu *cpu, uint32_t bit, enum svm_code code)
{
    if (!svm_wants(cpu, code))
        return;
    hold(cpu, bit);
    svm_exit(cpu, code, 0, 0, 0);
}

static void attend_init(struct cpu *cpu)
{
    if (cpu->in_smm || !cpu->svm.gif) {
        hold(cpu, WANT_INIT);
        return;
    }
    exit_guest(cpu, WANT_INIT, SVM_INIT);
    claim(cpu, WANT_INIT);
    if (cpu->svm.vm_cr & VM_CR_R_INIT)
        cpu_fault_error(cpu, EXC_SX, SX_INIT);
    state_init(cpu);
    cpu->wait_sipi = cpu->info->index != 0;
}

static void attend_sipi(struct cpu *cpu)
{
    uint32_t sipi;

    claim(cpu, WANT_SIPI);
    sipi = __atomic_exchange_n(&cpu->apic->sipi, 0, __ATOMIC_SEQ_CST);
    if (sipi && cpu->wait_sipi)
        state_startup(cpu, sipi & 0xff);
}

static void attend_smi(struct cpu *cpu)
{
    if (cpu->in_smm || cpu->wait_sipi || cpu->inhibit & INHIBIT_MOV_SS || !cpu->svm.gif) {
        hold(cpu, WANT_SMI);
        return;
    }
    exit_guest(cpu, WANT_SMI, SVM_SMI);
    claim(cpu, WANT_SMI);
    smm_enter(cpu);
    cpu->halted = cpu->mwait.on = false;
}

static void attend_nmi(struct cpu *cpu)
{
    if (cpu->nmi_blocked || cpu->inhibit || !cpu->svm.gif) {
        hold(cpu, WANT_NMI);
        return;
    }
    exit_guest(cpu, WANT_NMI, SVM_NMI);
    claim(cpu, WANT_NMI);
    cpu->halted = cpu->mwait.on = false;
    cpu_interrupt(cpu, EXC_NMI);
}

/*
 * The other accelerator's local APIC cannot say that it has something: it is asked once in a while
 * (WANT_INTR), when what was held off may come, and when it has been told something (WANT_APIC),
 * which may be an NMI.
 */
static void attend_other(struct cpu *cpu, uint32_t bits)
{
    bool open = cpu->flags & F_IF && !cpu->inhibit && !(cpu->watch.step & TENON_STEP_NO_INTERRUPTS);
    uint32_t how = (open ? TENON_TAKE_INTERRUPT : 0) |
                   (!cpu->nmi_blocked && !cpu->inhibit ? TENON_TAKE_NMI : 0);
    int vector;

    claim(cpu, WANT_APIC | WANT_INTR);
    if (!open)
        cpu->held |= WANT_INTR;
    if (!open && !(bits & WANT_APIC))
        return;
    vector = cpu->host->other_interrupt(cpu->info->host, how);
    cpu->gone = vector == TENON_OTHER_GONE;
    if (vector < 0)
        return;
    cpu->held |= WANT_INTR;
    cpu->halted = cpu->mwait.on = false;
    cpu_interrupt(cpu, vector);
}

/* More than one may be pending: so it is looked at again afterwards. */
static void take(struct cpu *cpu, int next)
{
    int vector;

    exit_guest(cpu, WANT_INTR, SVM_INTR);
    __atomic_fetch_or(&cpu->wanted, WANT_INTR, __ATOMIC_RELAXED);
    vector = apic_take(cpu->apic, next);
    if (vector < 0)
        return;
    cpu->halted = cpu->mwait.on = false;
    cpu_interrupt(cpu, vector);
}

/* A guest's virtual interrupt; physical ones go before. */
static void attend_virtual(struct cpu *cpu)
{
    if (!svm_has_virtual(cpu))
        return;
    if (!(cpu->flags & F_IF) || cpu->inhibit || cpu->watch.step & TENON_STEP_NO_INTERRUPTS) {
        hold(cpu, WANT_INTR);
        return;
    }
    exit_guest(cpu, WANT_INTR, SVM_VINTR);
    cpu->svm.v_irq = false;
    cpu->halted = cpu->mwait.on = false;
    cpu_interrupt(cpu, cpu->svm.v_vector);
}

static void attend_interrupt(struct cpu *cpu)
{
    bool stepped = cpu->watch.step & TENON_STEP_NO_INTERRUPTS, open;
    int next;

    claim(cpu, WANT_APIC | WANT_INTR);
    apic_tick(cpu->apic);
    next = apic_next(cpu->apic);
    open = svm_if(cpu) && cpu->svm.gif;
    if (next != APIC_NONE && open && !cpu->inhibit && !stepped) {
        take(cpu, next);
        return;
    }
    if (next != APIC_NONE) {
        hold(cpu, WANT_INTR);
        if ((cpu->mwait.on && cpu->mwait.masked) || open)
            cpu->halted = cpu->mwait.on = false;
    }
    attend_virtual(cpu);
}

/* What other threads want done about memory, before any of it is touched. */
static void attend_memory(struct cpu *cpu, uint32_t bits)
{
    if (bits & WANT_TLB) {
        claim(cpu, WANT_TLB);
        mmu_settle(cpu);
    }
    if (bits & WANT_BLOCKS) {
        claim(cpu, WANT_BLOCKS);
        mailbox_serve(cpu);
    }
    if (bits & WANT_MEMORY) {
        claim(cpu, WANT_MEMORY);
        mmu_forget(cpu);
        blocks_flush(cpu);
    }
}

/* Bits are claimed one by one, just before they are acted on: each may end in a fault, which
 * leaves. */
static void attend(struct cpu *cpu)
{
    uint32_t bits = wanted(cpu);

    if (!bits)
        return;
    claim(cpu, WANT_STOP); /* turn() asks the host */
    attend_memory(cpu, bits);
    if (bits & WANT_SMI)
        attend_smi(cpu);
    if (bits & WANT_INIT)
        attend_init(cpu);
    if (bits & WANT_SIPI && cpu->held & WANT_INIT)
        hold(cpu, WANT_SIPI);
    else if (bits & WANT_SIPI)
        attend_sipi(cpu);
    if (cpu->wait_sipi || cpu->shut_down) {
        claim(cpu, WANT_NMI | WANT_INTR | WANT_APIC);
        return;
    }
    if (bits & WANT_NMI)
        attend_nmi(cpu);
    if (bits & (WANT_INTR | WANT_APIC) && stands_in(cpu))
        attend_other(cpu, bits);
    else if (bits & (WANT_INTR | WANT_APIC))
        attend_interrupt(cpu);
}

/* ---- Sleep ---- */

/* Returns for any reason; what for is found out by looking again. */
static void nap(struct cpu *cpu)
{
    uint64_t until = cpu->apic->deadline;

    if (cpu->mwait.on) {
        uint64_t look = now(cpu) + cpu->mwait.pause;

        if (mwait_over(cpu)) {
            cpu->halted = cpu->mwait.on = false;
            return;
        }
        until = look < until ? look : until;
        cpu->mwait.pause += cpu->mwait.pause < MWAIT_LONGEST_NS ? cpu->mwait.pause : 0;
    }
    __atomic_store_n(&cpu->asleep, true, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&cpu->wanted, __ATOMIC_SEQ_CST))
        cpu->host->wait(cpu->info->host, until);
    __atomic_store_n(&cpu->asleep, false, __ATOMIC_RELEASE);
    __atomic_fetch_or(&cpu->wanted, WANT_APIC,
                      __ATOMIC_RELAXED); /* the timer's time may have come */
}

/* The same where the interrupts are another accelerator's. */
static void nap_other(struct cpu *cpu)
{
    uint32_t how = TENON_TAKE_SLEEP | (cpu->flags & F_IF ? TENON_TAKE_INTERRUPT : 0) |
                   (cpu->nmi_blocked ? 0 : TENON_TAKE_NMI);
    int vector = TENON_NO_INTERRUPT;

    __atomic_store_n(&cpu->asleep, true, __ATOMIC_SEQ_CST);
    if (cpu->watch.step & TENON_STEP_NO_INTERRUPTS)
        cpu->halted = false;
    else if (!__atomic_load_n(&cpu->wanted, __ATOMIC_SEQ_CST))
        vector = cpu->host->other_interrupt(cpu->info->host, how);
    __atomic_store_n(&cpu->asleep, false, __ATOMIC_RELEASE);
    cpu->gone = vector == TENON_OTHER_GONE;
    if (vector < 0)
        return;
    cpu->halted = false;
    cpu->held |= WANT_INTR;
    cpu_interrupt(cpu, vector);
}

/* ---- The loop ---- */

/* What STI and MOV SS hold off comes after one more instruction, unless that is another such one.
 */
static void run_one(struct cpu *cpu)
{
    blocks_run_one(cpu);
    cpu_recheck(cpu);
}

static void run_guest(struct cpu *cpu, bool alone)
{
    if (alone)
        run_one(cpu);
    else
        blocks_run(cpu);
    mailbox_in_guest(cpu, false);
    watch_stepped(cpu);
    if (!stands_in(cpu))
        alarm_settle(cpu);
}

/*
 * The order matters: the host frees memory that changed once all processors have been quiescent
 * since it said so (WANT_MEMORY).  So that is looked at afterwards, and pointers are used last.
 * False: the host wants the processor back.
 */
static bool turn(struct cpu *cpu)
{
    bool alone;

    cpu->host->quiescent(cpu->info->host);
    if (cpu->watch.hit)
        return watch_tell(cpu);
    if (cpu->info->counted && !cpu->host->turn(cpu->info->host))
        return false;
    attend(cpu);
    if (UNLIKELY((cpu->mode & MODE_LOG) != log_mode(cpu)))
        mode_update(cpu);
    if (cpu->gone || cpu->host->must_stop(cpu->info->host))
        return false;
    if (cpu->frozen && __atomic_load_n(&cpu->soft->ignne, __ATOMIC_ACQUIRE))
        cpu->halted = cpu->frozen = false;
    if (cpu->halted || cpu->wait_sipi || cpu->shut_down) {
        if (stands_in(cpu) && !cpu->mwait.on)
            nap_other(cpu);
        else
            nap(cpu);
        return true;
    }
    alone = cpu->inhibit || cpu->watch.again || cpu->watch.step;
    cpu->watch.again = false;
    if (cpu->info->counted)
        budget_renew(cpu);
    mailbox_in_guest(cpu, true);
    run_guest(cpu, alone);
    return true;
}

/* A fault came out of a block, or out of what was delivered between two. */
static void left(struct cpu *cpu)
{
    if (processor_of(cpu)->mailbox.in_guest)
        blocks_faulted(cpu);
    mailbox_in_guest(cpu, false);
}

/* Nothing asks for turn(): where a block has faulted, guest code goes on as from block to block. */
static bool may_go_on(struct cpu *cpu)
{
    return processor_of(cpu)->mailbox.in_guest && !cpu->info->counted && !cpu->assist &&
           !cpu->watch.n && !cpu->watch.step && !cpu->halted && !cpu->shut_down;
}

static void faulted(struct cpu *cpu)
{
    if (may_go_on(cpu)) {
        blocks_faulted(cpu);
        cpu_deliver_fault(cpu);
        run_guest(cpu, false);
        return;
    }
    left(cpu);
    if (cpu->fault.vector >= 0)
        watch_stepped(cpu);
    cpu_deliver_fault(cpu);
}

static void left_guest(struct cpu *cpu)
{
    left(cpu);
    svm_leave(cpu);
    watch_stepped(cpu);
}

int run(void *self, void *state)
{
    struct cpu *cpu = state;

    alarm_resume(cpu);
    switch (sigsetjmp(cpu->fault_exit, 0)) {
    case LEAVE_FAULT: faulted(cpu); break;
    case LEAVE_WATCH: left(cpu); break;
    case LEAVE_GUEST: left_guest(cpu); break;
    case LEAVE_DIFFERS:
        left(cpu);
        return tenon_error(cpu->soft->dev, -EIO, "%s", cpu->blocks->check->report);
    }
    while (turn(cpu))
        ;
    alarm_pause(cpu);
    return 0;
}

/* ---- In another accelerator's place ---- */

/* Instructions between two looks for interrupts, some tenths of a millisecond, or half of that; and
 * of how many looks one is for NMIs, too, should the guest be stuck with interrupts off. */
enum { STRETCH = 100000, NMI_LOOKS = 64 };

static bool turn_other(struct cpu *cpu, uint64_t *executed)
{
    if (cpu->instructions + STRETCH / 2 >= cpu->stop_at) {
        cpu->stop_at = cpu->instructions + STRETCH;
        cpu_note(cpu, cpu->instructions / STRETCH % NMI_LOOKS ? WANT_INTR : WANT_APIC);
    }
    __atomic_store_n(executed, cpu->instructions, __ATOMIC_RELAXED);
    return turn(cpu);
}

int run_for_other(struct cpu *cpu, uint64_t *executed)
{
    cpu->gone = false;
    cpu->stop_at = 0;
    switch (sigsetjmp(cpu->fault_exit, 0)) {
    case LEAVE_FAULT: faulted(cpu); break;
    case LEAVE_WATCH: left(cpu); break;
    case LEAVE_ASSIST: left(cpu); return TENON_STOOD_INSTRUCTION;
    }
    while (turn_other(cpu, executed))
        ;
    return cpu->gone ? TENON_STOOD_GONE : TENON_STOOD_STOP;
}
