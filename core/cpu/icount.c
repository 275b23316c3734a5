/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* icount - see icount.h. */

#include "cpu/icount.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include "cpu/accel.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "options/options.h"
#include "report.h"

#define NEVER UINT64_MAX
#define MS    UINT64_C(1000000)

enum { SHIFT_MAX = 10, SHIFT_FIRST = 3 }; /* as QEMU's */
enum { TURN = 50000 };                    /* instructions */
/* align=on lets the guest be so much ahead, and complains when it is so much behind; shift=auto
 * looks so often. */
#define AHEAD_NS  (3 * MS)
#define BEHIND_NS (1000 * MS)
#define ADAPT_NS  (100 * MS)

struct turn {
    pthread_cond_t changed;
    bool asleep, woken;
    uint64_t deadline; /* while asleep: guest time at which it wakes by itself */
};

struct icount {
    struct machine *machine;
    struct loop *loop;
    void (*sooner)(void *arg, unsigned index, bool own);
    void *arg;
    unsigned shift;
    bool automatic, sleep, align, late;
    uint64_t timer; /* atomic: the first timer's deadline */

    pthread_mutex_t lock; /* within the board lock */
    unsigned holder;      /* whose turn it is, or was when all fell asleep */
    /* The holder's: guest time, what it had executed then, and what was left of its turn. */
    uint64_t time, since, left;
    bool anchored; /* the two anchors were taken at once, and the machine has run since */
    uint64_t anchor_guest, anchor_real;
    uint64_t adapted; /* real time; how far the guest was ahead then */
    int64_t ahead;
    struct turn turns[];
};

/* ---- Options ---- */

static int read_shift(struct icount *ic, const struct config_group *g)
{
    const char *shift = group_string(g, "shift", NULL);
    int64_t n = SHIFT_FIRST;

    if (!shift) {
        report(g->from, "shift is missing: shift=N makes an instruction 2^N ns, shift=auto adapts");
        return -EINVAL;
    }
    ic->automatic = !strcmp(shift, "auto");
    if (!ic->automatic && group_number(g, "shift", 0, SHIFT_MAX, &n))
        return -EINVAL;
    ic->shift = n;
    return 0;
}

static int refuse(const struct config_group *g, const char *a, const char *b)
{
    report(g->from, "%s and %s exclude one another", a, b);
    return -EINVAL;
}

static int read_options(struct icount *ic, const struct config_group *g)
{
    ic->sleep = true;
    if (read_shift(ic, g) || group_bool(g, "sleep", &ic->sleep) ||
        group_bool(g, "align", &ic->align))
        return -EINVAL;
    if (ic->align && !ic->sleep)
        return refuse(g, "align=on", "sleep=off");
    if (ic->align && ic->automatic)
        return refuse(g, "align=on", "shift=auto");
    if (!ic->sleep && ic->automatic)
        return refuse(g, "sleep=off", "shift=auto");
    return 0;
}

/* ---- Making it ---- */

static struct turn *first(struct icount *ic)
{
    return &ic->turns[0];
}

static struct turn *end(struct icount *ic)
{
    return &ic->turns[ic->machine->info.cpus];
}

/* Whether the calling thread is that of the holder: it alone changes who that is. */
static bool is_holder(struct icount *ic)
{
    unsigned holder = __atomic_load_n(&ic->holder, __ATOMIC_RELAXED);

    return pthread_equal(ic->machine->cpus[holder].thread, pthread_self());
}

static void read_timer(struct icount *ic)
{
    __atomic_store_n(&ic->timer, loop_deadline(ic->loop, CLOCK_GUEST), __ATOMIC_RELAXED);
}

/* [any, locked] */
static void timer_sooner(void *arg)
{
    struct icount *ic = arg;

    read_timer(ic);
    ic->sooner(ic->arg, __atomic_load_n(&ic->holder, __ATOMIC_RELAXED), is_holder(ic));
}

struct icount *icount_create(struct machine *m, const struct config_group *g,
                             void (*sooner)(void *arg, unsigned index, bool own), void *arg)
{
    struct icount *ic = g_malloc0(sizeof(*ic) + m->info.cpus * sizeof(ic->turns[0]));
    pthread_condattr_t attr;

    ic->machine = m;
    ic->loop = m->loop;
    ic->sooner = sooner;
    ic->arg = arg;
    ic->left = TURN;
    if (read_options(ic, g)) {
        g_free(ic);
        return NULL;
    }
    pthread_mutex_init(&ic->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (struct turn *t = first(ic); t < end(ic); t++) {
        pthread_cond_init(&t->changed, &attr);
        t->deadline = NEVER;
    }
    pthread_condattr_destroy(&attr);
    loop_manual_time(m->loop, timer_sooner, ic);
    read_timer(ic);
    return ic;
}

void icount_destroy(struct icount *ic)
{
    if (!ic)
        return;
    for (struct turn *t = first(ic); t < end(ic); t++)
        pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&ic->lock);
    g_free(ic);
}

/* ---- Time ---- */

static uint64_t now(const struct icount *ic)
{
    return loop_now(ic->loop, CLOCK_GUEST);
}

static uint64_t real_now(const struct icount *ic)
{
    return loop_now(ic->loop, CLOCK_REAL);
}

void icount_sync(struct icount *ic, uint64_t executed)
{
    loop_advance(ic->loop, ic->time + ((executed - ic->since) << ic->shift));
}

static void begin(struct icount *ic, uint64_t executed)
{
    ic->since = executed;
    ic->time = now(ic);
}

static void wake_due(struct icount *ic)
{
    for (struct turn *t = first(ic); t < end(ic); t++)
        if (t->deadline <= now(ic))
            t->asleep = false;
}

/* Takes what the holder has executed off its turn, and counts from here.  [lock held] */
static void account(struct icount *ic, uint64_t executed)
{
    icount_sync(ic, executed);
    ic->left -= MIN(executed - ic->since, ic->left);
    begin(ic, executed);
    wake_due(ic);
}

uint64_t icount_budget(struct icount *ic, uint64_t executed, uint64_t deadline)
{
    uint64_t timer = __atomic_load_n(&ic->timer, __ATOMIC_RELAXED);
    uint64_t used = executed - ic->since, time = ic->time + (used << ic->shift), n = NEVER;

    deadline = MIN(deadline, timer);
    if (deadline != NEVER)
        n = deadline > time ? ((deadline - time - 1) >> ic->shift) + 1 : 0;
    if (used < ic->left)
        n = MIN(n, ic->left - used);
    else
        n = 0;
    return MAX(n, 1);
}

void icount_yield(struct icount *ic, uint64_t executed)
{
    ic->left = MIN(ic->left, executed - ic->since + 1);
}

/* Fires what is due.  [not locked] */
static void fire(struct icount *ic)
{
    if (now(ic) < __atomic_load_n(&ic->timer, __ATOMIC_RELAXED))
        return;
    loop_lock(ic->loop);
    loop_step_to(ic->loop, now(ic));
    read_timer(ic);
    loop_unlock(ic->loop);
}

/* ---- Beside the host's clock ---- */

static void wait_real(struct icount *ic, struct turn *t, uint64_t until)
{
    struct timespec ts = { until / 1000000000, until % 1000000000 };

    pthread_cond_timedwait(&t->changed, &ic->lock, &ts);
}

/* How far the guest is ahead of the host's clock since it was let go. */
static int64_t ahead(struct icount *ic, uint64_t real)
{
    if (!ic->anchored) {
        ic->anchored = true;
        ic->anchor_guest = now(ic);
        ic->anchor_real = ic->adapted = real;
        ic->ahead = 0;
    }
    return (now(ic) - ic->anchor_guest) - (real - ic->anchor_real);
}

static void align(struct icount *ic, struct turn *t)
{
    uint64_t real = real_now(ic);
    int64_t by = ahead(ic, real);

    if (by > (int64_t)AHEAD_NS)
        wait_real(ic, t, real + by);
    if (by < -(int64_t)BEHIND_NS && !ic->late) {
        ic->late = true;
        report_warning("-icount", "the guest is late by %.1f seconds: this host is too slow for it",
                       -by / 1e9);
    }
}

/* An instruction takes longer while the guest falls behind, and shorter while it gets ahead. */
static void adapt(struct icount *ic)
{
    uint64_t real = real_now(ic);
    int64_t by = ahead(ic, real);

    if (real < ic->adapted + ADAPT_NS)
        return;
    if (by < 0 && by < ic->ahead && ic->shift < SHIFT_MAX)
        ic->shift++;
    else if (by > 0 && by > ic->ahead && ic->shift > 0)
        ic->shift--;
    ic->adapted = real;
    ic->ahead = by;
}

/* ---- Turns.  All under lock ---- */

static bool must_stop(struct icount *ic, unsigned index)
{
    return vcpu_must_stop(&ic->machine->cpus[index]);
}

static struct turn *next_awake(struct icount *ic)
{
    unsigned n = ic->machine->info.cpus;

    for (unsigned i = 1; i < n; i++) {
        struct turn *t = &ic->turns[(ic->holder + i) % n];

        if (!t->asleep)
            return t;
    }
    return NULL;
}

static void give(struct icount *ic, struct turn *to)
{
    __atomic_store_n(&ic->holder, to - ic->turns, __ATOMIC_RELAXED);
    ic->left = TURN;
    pthread_cond_signal(&to->changed);
}

/* [its thread, asleep or not; lets go of the lock meanwhile] */
static bool await_turn(struct icount *ic, unsigned index)
{
    while (ic->holder != index && !must_stop(ic, index))
        pthread_cond_wait(&ic->turns[index].changed, &ic->lock);
    return !must_stop(ic, index);
}

void icount_enter(struct icount *ic, unsigned index)
{
    pthread_mutex_lock(&ic->lock);
    if (ic->holder == index)
        ic->anchored = false;
    pthread_mutex_unlock(&ic->lock);
}

bool icount_turn(struct icount *ic, unsigned index, uint64_t executed)
{
    struct turn *t = &ic->turns[index], *next;
    bool mine;

    pthread_mutex_lock(&ic->lock);
    if (ic->holder == index) {
        account(ic, executed);
        if (!ic->left && (next = next_awake(ic)))
            give(ic, next);
        else if (!ic->left)
            ic->left = TURN;
    }
    mine = await_turn(ic, index);
    if (mine) {
        begin(ic, executed);
        if (ic->align)
            align(ic, t);
        if (ic->automatic)
            adapt(ic);
    }
    pthread_mutex_unlock(&ic->lock);
    if (mine)
        fire(ic);
    return mine;
}

/* ---- Sleep ---- */

static uint64_t next_event(struct icount *ic)
{
    uint64_t next = __atomic_load_n(&ic->timer, __ATOMIC_RELAXED);

    for (struct turn *t = first(ic); t < end(ic); t++)
        next = MIN(next, t->deadline);
    return next;
}

/* Lets time pass until next, as fast as -icount wants; false: it was woken before.  [lock held] */
static bool pass(struct icount *ic, struct turn *t, uint64_t next)
{
    uint64_t from = now(ic), real = real_now(ic);

    if (next == NEVER)
        pthread_cond_wait(&t->changed, &ic->lock);
    else if (ic->sleep && next > from)
        wait_real(ic, t, real + MIN(next - from, 3600 * 1000 * MS));
    if (ic->sleep)
        loop_advance(ic->loop, MIN(from + (real_now(ic) - real), next));
    else if (next != NEVER)
        loop_advance(ic->loop, next);
    return now(ic) >= next;
}

/* All are asleep.  [lock held; lets go of it meanwhile] */
static void idle(struct icount *ic, struct turn *holder)
{
    if (!pass(ic, holder, next_event(ic)))
        return;
    pthread_mutex_unlock(&ic->lock);
    fire(ic);
    pthread_mutex_lock(&ic->lock);
    wake_due(ic);
}

void icount_wait(struct icount *ic, unsigned index, uint64_t executed, uint64_t deadline)
{
    struct turn *t = &ic->turns[index], *next;

    pthread_mutex_lock(&ic->lock);
    account(ic, executed);
    t->asleep = !t->woken;
    t->deadline = deadline;
    while (t->asleep && await_turn(ic, index) && t->asleep) {
        next = next_awake(ic);
        if (next)
            give(ic, next);
        else
            idle(ic, t);
    }
    t->asleep = t->woken = false;
    t->deadline = NEVER;
    if (await_turn(ic, index))
        begin(ic, executed);
    pthread_mutex_unlock(&ic->lock);
}

void icount_wake(struct icount *ic, unsigned index)
{
    struct turn *t = &ic->turns[index];

    pthread_mutex_lock(&ic->lock);
    t->woken = true;
    t->asleep = false;
    pthread_cond_signal(&t->changed);
    pthread_cond_signal(&ic->turns[ic->holder].changed);
    pthread_mutex_unlock(&ic->lock);
}
