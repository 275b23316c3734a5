/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * clock - guest time as a processor sees it: the time stamp counter, and a thread that wakes
 * processors in the midst of guest code when a timer is due.
 *
 * Intel SDM volume 3, section 18.17 (time stamp counter, TSC_ADJUST).
 */
#include "soft.h"

#include <stdlib.h>
#include <time.h>

#include "thread.h"
#include "tsc.h"

/* ---- The time stamp counter ---- */

static uint64_t now(const struct cpu *cpu)
{
    return cpu->host->now(cpu->info->host);
}

static uint64_t ticks(const struct cpu *cpu, uint64_t ns)
{
    return (unsigned __int128)ns * cpu->tsc_rate >> 32;
}

static uint64_t ticks_now(const void *cpu)
{
    return ticks(cpu, now(cpu));
}

uint64_t cpu_tsc(const struct cpu *cpu)
{
    if (stands_in(cpu))
        return cpu->host->other_tsc(cpu->info->host);
    return (cpu->tsc ? tsc_read(cpu->tsc, ticks_now, cpu) : ticks_now(cpu)) + cpu->msr.tsc_offset;
}

static void shift_tsc(struct cpu *cpu, uint64_t by)
{
    cpu->msr.tsc_offset += by;
    cpu->msr.tsc_adjust += by;
    apic_tsc_changed(cpu->apic);
}

void cpu_set_tsc(struct cpu *cpu, uint64_t value)
{
    shift_tsc(cpu, value - cpu_tsc(cpu));
}

void cpu_set_tsc_adjust(struct cpu *cpu, uint64_t value)
{
    shift_tsc(cpu, value - cpu->msr.tsc_adjust);
}

/* The first nanosecond at which the counter is not below value; what lies 100 years off never
 * comes. */
uint64_t cpu_tsc_time(const struct cpu *cpu, uint64_t value)
{
    const uint64_t far = UINT64_C(1) << 62;
    uint64_t tsc = cpu_tsc(cpu), t = now(cpu), left = value - tsc;
    uint64_t target = ticks(cpu, t) + left;
    unsigned __int128 at;

    if (value <= tsc)
        return t;
    if (left >= far)
        return UINT64_MAX;
    at = (((unsigned __int128)target << 32) + cpu->tsc_rate - 1) / cpu->tsc_rate;
    return at < far ? (uint64_t)at : UINT64_MAX;
}

void tsc_init(struct cpu *cpu, uint64_t zero)
{
    uint64_t hz = cpu->info->tsc_hz ? cpu->info->tsc_hz : 1000000000;

    cpu->tsc_rate = ((unsigned __int128)hz << 32) / 1000000000;
    cpu->msr.tsc_offset = -ticks(cpu, zero);
    cpu->msr.tsc_adjust = 0;
}

/* ---- Alarms ---- */

struct alarms {
    struct soft *soft;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool quit;
    uint64_t next;                /* guest time until which the thread sleeps */
    uint64_t when[SOFT_MAX_CPUS]; /* atomic */
    bool running[SOFT_MAX_CPUS];  /* guest time of the others may stand; written in their threads */
};

/* The thread sleeps at least so long: a guest cannot make it spin. */
#define SHORTEST_NS UINT64_C(20000)

/* Wakes those whose time has come; nanoseconds to the next one, or UINT64_MAX.  [locked] */
static uint64_t ring(struct alarms *a)
{
    unsigned n = __atomic_load_n(&a->soft->n_cpus, __ATOMIC_ACQUIRE);
    uint64_t left = UINT64_MAX;

    a->next = UINT64_MAX;
    for (unsigned i = 0; i < n; i++) {
        struct cpu *cpu = __atomic_load_n(&a->soft->cpus[i], __ATOMIC_ACQUIRE);
        uint64_t t;

        if (!cpu || !a->running[i] || a->when[i] == UINT64_MAX)
            continue;
        t = now(cpu);
        if (a->when[i] <= t) {
            __atomic_store_n(&a->when[i], UINT64_MAX, __ATOMIC_RELAXED);
            cpu_want(cpu, WANT_APIC);
        } else if (a->when[i] - t < left) {
            left = a->when[i] - t;
            a->next = a->when[i];
        }
    }
    return left;
}

static void sleep_for(struct alarms *a, uint64_t ns)
{
    const uint64_t longest = 3600 * UINT64_C(1000000000);
    struct timespec t;

    if (ns == UINT64_MAX) {
        pthread_cond_wait(&a->changed, &a->lock);
        return;
    }
    ns = ns < SHORTEST_NS ? SHORTEST_NS : ns < longest ? ns : longest;
    clock_gettime(CLOCK_MONOTONIC, &t);
    ns += t.tv_nsec;
    t.tv_sec += ns / 1000000000;
    t.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(&a->changed, &a->lock, &t);
}

static void *alarms_main(void *arg)
{
    struct alarms *a = arg;

    pthread_mutex_lock(&a->lock);
    while (!a->quit)
        sleep_for(a, ring(a));
    pthread_mutex_unlock(&a->lock);
    return NULL;
}

struct alarms *alarms_create(struct soft *soft)
{
    struct alarms *a = calloc(1, sizeof(*a));
    pthread_condattr_t attr;

    if (!a)
        return NULL;
    a->soft = soft;
    a->next = UINT64_MAX;
    for (unsigned i = 0; i < SOFT_MAX_CPUS; i++)
        a->when[i] = UINT64_MAX;
    pthread_mutex_init(&a->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (thread_create(&a->thread, alarms_main, a)) {
        pthread_cond_destroy(&a->changed);
        pthread_mutex_destroy(&a->lock);
        free(a);
        return NULL;
    }
    return a;
}

void alarms_destroy(struct alarms *a)
{
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->quit = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->changed);
    pthread_mutex_destroy(&a->lock);
    free(a);
}

/* A thread that would wake too late is told; one that wakes too early finds out. */
static void update(struct cpu *cpu, uint64_t when, bool running)
{
    struct alarms *a = cpu->soft->alarms;
    unsigned i = cpu->info->index;

    pthread_mutex_lock(&a->lock);
    __atomic_store_n(&a->when[i], when, __ATOMIC_RELAXED);
    a->running[i] = running;
    if (running && when < a->next)
        pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
}

/*
 * Guests often set their timer and halt soon: then the processor wakes by itself, and the thread
 * need not know.  So it hears of an alarm that is far enough off only when guest code runs on for a
 * while.
 */
enum { FAR_NS = 1000000, WHILE_INSTRUCTIONS = 20000 };

void alarm_set(struct cpu *cpu, uint64_t when)
{
    const struct alarms *a = cpu->soft->alarms;
    unsigned i = cpu->info->index;

    if (cpu->info->counted) {
        if (processor_of(cpu)->mailbox.in_guest)
            budget_renew(cpu);
        return;
    }
    cpu->stop_at = UINT64_MAX;
    if (when == UINT64_MAX || __atomic_load_n(&a->when[i], __ATOMIC_RELAXED) == when)
        return;
    if (when > now(cpu) + FAR_NS)
        cpu->stop_at = cpu->instructions + WHILE_INSTRUCTIONS;
    else
        update(cpu, when, a->running[i]);
}

void alarm_settle(struct cpu *cpu)
{
    if (cpu->instructions < cpu->stop_at)
        return;
    if (cpu->info->counted) {
        cpu_note(cpu, WANT_APIC);
        return;
    }
    cpu->stop_at = UINT64_MAX;
    update(cpu, cpu->apic->deadline, true);
}

void alarm_pause(struct cpu *cpu)
{
    if (cpu->tsc)
        tsc_end(cpu->tsc);
    if (!cpu->info->counted)
        update(cpu, UINT64_MAX, false);
}

void alarm_resume(struct cpu *cpu)
{
    if (cpu->tsc)
        tsc_end(cpu->tsc);
    if (!cpu->info->counted)
        update(cpu, cpu->apic->deadline, true);
}

/* ---- Counted processors (-icount) ---- */

void budget_renew(struct cpu *cpu)
{
    cpu->stop_at = blocks_executed(cpu) + cpu->host->budget(cpu->info->host, cpu->apic->deadline);
    if (cpu->instructions > cpu->stop_at)
        blocks_leave(cpu);
}
