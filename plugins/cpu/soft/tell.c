/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tell - what processors have each other do about memory: a mailbox for each.
 *
 * Only the processor itself touches its TLB and its decoded code; whoever changes what they stand
 * for leaves a note, sets WANT_BLOCKS, and goes on, or waits where it must.
 */
#include <sched.h>
#include <time.h>

#include "soft.h"

/* Who waits longer than this waits for one that is held up in a device. */
enum { PATIENCE_NS = 200000, SPINS = 200 };

static struct mailbox *mailbox_of(struct cpu *cpu)
{
    return &processor_of(cpu)->mailbox;
}

/* Either who posts sees it in the guest, or it sees the note before it runs. */
void mailbox_in_guest(struct cpu *cpu, bool in_guest)
{
    __atomic_store_n(&mailbox_of(cpu)->in_guest, in_guest, __ATOMIC_SEQ_CST);
}

/* Returns the number of the note: it has been acted on when done has reached it. */
static uint64_t post(struct cpu *cpu, soft_act *act, uint32_t block, uint64_t offset,
                     uint64_t bytes)
{
    struct mailbox *box = mailbox_of(cpu);
    struct mail *m = &box->mail;
    uint64_t number;

    pthread_mutex_lock(&box->lock);
    if (m->n < MAIL_ROOM) {
        m->item[m->n].act = act;
        m->item[m->n].block = block;
        m->item[m->n].offset = offset;
        m->item[m->n++].bytes = bytes;
    } else {
        m->overflow = true;
    }
    number = ++m->posted;
    pthread_mutex_unlock(&box->lock);
    cpu_note(cpu, WANT_BLOCKS);
    return number;
}

void mailbox_serve(struct cpu *cpu)
{
    struct mailbox *box = mailbox_of(cpu);
    struct mail mail;

    pthread_mutex_lock(&box->lock);
    mail = box->mail;
    box->mail.n = 0;
    box->mail.overflow = false;
    pthread_mutex_unlock(&box->lock);
    for (uint32_t i = 0; i < mail.n; i++)
        mail.item[i].act(cpu, mail.item[i].block, mail.item[i].offset, mail.item[i].bytes);
    if (mail.overflow) {
        mmu_forget(cpu);
        blocks_flush(cpu);
    }
    __atomic_store_n(&box->done, mail.posted, __ATOMIC_RELEASE);
}

/* Takes away writes that this processor has been told to give up while it waited itself.  All is
 * done again at the usual place. */
static void give_way(struct cpu *cpu)
{
    struct mailbox *box = mailbox_of(cpu);

    if (!(__atomic_load_n(&cpu->wanted, __ATOMIC_ACQUIRE) & WANT_BLOCKS))
        return;
    pthread_mutex_lock(&box->lock);
    for (uint32_t i = 0; i < box->mail.n; i++) {
        if (box->mail.item[i].act == mmu_write_protect)
            mmu_write_protect(cpu, box->mail.item[i].block, box->mail.item[i].offset,
                              box->mail.item[i].bytes);
    }
    pthread_mutex_unlock(&box->lock);
}

static uint64_t monotonic(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void wait_for(struct cpu *other, uint64_t number)
{
    const struct mailbox *m = mailbox_of(other);
    uint64_t until = monotonic() + PATIENCE_NS;

    for (unsigned i = 0; __atomic_load_n(&m->in_guest, __ATOMIC_ACQUIRE) &&
                         __atomic_load_n(&m->done, __ATOMIC_ACQUIRE) < number;
         i++) {
        if (i < SPINS)
            __builtin_ia32_pause();
        else if (monotonic() < until)
            sched_yield();
        else
            break;
    }
}

void tell(struct soft *soft, struct cpu *cpu, bool wait, soft_act *act, uint32_t block,
          uint64_t offset, uint64_t bytes)
{
    unsigned n = __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE);
    uint64_t number[SOFT_MAX_CPUS];
    bool told = false;

    for (unsigned i = 0; i < n; i++) {
        struct cpu *other = __atomic_load_n(&soft->cpus[i], __ATOMIC_ACQUIRE);

        number[i] = other && other != cpu ? post(other, act, block, offset, bytes) : 0;
        told |= number[i];
    }
    if (!wait || !told)
        return;
    mailbox_in_guest(cpu, false); /* nobody has to wait for one who waits */
    for (unsigned i = 0; i < n; i++)
        if (number[i])
            wait_for(soft->cpus[i], number[i]);
    mailbox_in_guest(cpu, true);
    give_way(cpu);
}

void soft_look_for_interrupts(struct cpu *cpu)
{
    const struct soft *soft = cpu->soft;
    unsigned n = __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < n; i++) {
        struct cpu *other = __atomic_load_n(&soft->cpus[i], __ATOMIC_ACQUIRE);

        if (other)
            cpu_note(other, WANT_APIC);
    }
}

void soft_tell_others(struct cpu *cpu, soft_act *act, uint32_t block, uint64_t offset,
                      uint64_t bytes)
{
    tell(cpu->soft, cpu, act == mmu_write_protect, act, block, offset, bytes);
}
