/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop - the event loop of a machine: a GLib main context that is iterated by hand, so that the
 * board lock is held by all it dispatches and free while it waits.
 */

#include "loop.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <glib.h>

#include "report.h"

#define NEVER UINT64_MAX

struct call {
    struct call *next;
    void (*fn)(void *arg);
    void *arg;
};

/* The timers of one clock, and the kernel's timer that wakes the loop for the first of them. */
struct timers {
    struct timer **heap; /* from 1; by deadline, then in the order of arming */
    uint32_t n, room;
    GPtrArray *due; /* what is being fired; NULL for those that were stopped meanwhile */
    bool firing;
    int fd;       /* -1 until it is used */
    uint64_t set; /* when it expires: not after the first deadline */
};

struct loop {
    GMainContext *context;
    GPollFD *fds;
    int n_fds;
    bool quit; /* atomic */

    pthread_mutex_t lock;
    pthread_t owner; /* atomic; 0: nobody */

    struct call *calls; /* atomic; the youngest first */

    uint64_t guest; /* atomic; see guest_now() */
    bool manual;
    void (*sooner)(void *arg); /* see loop_manual_time() */
    void *sooner_arg;
    struct timers timers[N_CLOCKS];
    uint64_t order;
};

/* ---- The board lock ---- */

void loop_lock(struct loop *loop)
{
    assert(!loop_locked(loop));
    pthread_mutex_lock(&loop->lock);
    __atomic_store_n(&loop->owner, pthread_self(), __ATOMIC_RELAXED);
}

void loop_unlock(struct loop *loop)
{
    assert(loop_locked(loop));
    __atomic_store_n(&loop->owner, 0, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&loop->lock);
}

void loop_wait(struct loop *loop, pthread_cond_t *cond)
{
    assert(loop_locked(loop));
    __atomic_store_n(&loop->owner, 0, __ATOMIC_RELAXED);
    pthread_cond_wait(cond, &loop->lock);
    __atomic_store_n(&loop->owner, pthread_self(), __ATOMIC_RELAXED);
}

bool loop_locked(const struct loop *loop)
{
    return __atomic_load_n(&loop->owner, __ATOMIC_RELAXED) == pthread_self();
}

/* ---- Clocks ---- */

static uint64_t kernel_now(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

/*
 * Guest time is one word, so that it can be read without a lock.  Stopped: the time itself, and the
 * top bit.  Running: what to subtract from the kernel's monotonic clock, modulo 2^63.
 */
#define STOPPED (UINT64_C(1) << 63)

static uint64_t guest_now(const struct loop *loop)
{
    uint64_t word = __atomic_load_n(&loop->guest, __ATOMIC_ACQUIRE);

    while (!(word & STOPPED)) {
        uint64_t now = (kernel_now(CLOCK_MONOTONIC) - word) & ~STOPPED;
        uint64_t again = __atomic_load_n(&loop->guest, __ATOMIC_ACQUIRE);

        if (again == word)
            return now;
        word = again;
    }
    return word & ~STOPPED;
}

static bool guest_running(const struct loop *loop)
{
    return !(__atomic_load_n(&loop->guest, __ATOMIC_RELAXED) & STOPPED);
}

static void guest_set(struct loop *loop, uint64_t now, bool running)
{
    uint64_t word = running ? (kernel_now(CLOCK_MONOTONIC) - now) & ~STOPPED : now | STOPPED;

    __atomic_store_n(&loop->guest, word, __ATOMIC_RELEASE);
}

uint64_t loop_now(const struct loop *loop, enum clock_id clock)
{
    switch (clock) {
    case CLOCK_GUEST: return guest_now(loop);
    case CLOCK_HOST: return kernel_now(CLOCK_REALTIME);
    default: return kernel_now(CLOCK_MONOTONIC);
    }
}

/* ---- Timers: a heap for each clock ---- */

#define DUE (UINT32_C(1) << 31) /* in slot: the rest is an index of due, not of the heap */

static bool before(const struct timer *a, const struct timer *b)
{
    return a->when != b->when ? a->when < b->when : a->order < b->order;
}

static void heap_put(struct timers *s, uint32_t slot, struct timer *t)
{
    s->heap[slot] = t;
    t->slot = slot;
}

/* Puts t where it belongs, starting from the free place slot. */
static void heap_sift(struct timers *s, uint32_t slot, struct timer *t)
{
    for (; slot > 1 && before(t, s->heap[slot / 2]); slot /= 2)
        heap_put(s, slot, s->heap[slot / 2]);
    for (uint32_t child; (child = 2 * slot) <= s->n; slot = child) {
        if (child < s->n && before(s->heap[child + 1], s->heap[child]))
            child++;
        if (!before(s->heap[child], t))
            break;
        heap_put(s, slot, s->heap[child]);
    }
    heap_put(s, slot, t);
}

static void heap_insert(struct timers *s, struct timer *t)
{
    if (s->n + 1 >= s->room) {
        s->room = s->room ? 2 * s->room : 16;
        s->heap = g_renew(struct timer *, s->heap, s->room);
    }
    s->n++;
    heap_sift(s, s->n, t);
}

static void heap_remove(struct timers *s, struct timer *t)
{
    struct timer *last = s->heap[s->n--];

    if (last != t)
        heap_sift(s, t->slot, last);
    t->slot = 0;
}

/* When the kernel's timer has to expire, by the kernel's clock. */
static uint64_t wanted(const struct loop *loop, enum clock_id clock)
{
    uint64_t when = loop_deadline(loop, clock), now;

    if (clock != CLOCK_GUEST || when == NEVER)
        return when;
    if (!guest_running(loop))
        return NEVER;
    now = guest_now(loop);
    return kernel_now(CLOCK_MONOTONIC) + (when > now ? MIN(when - now, INT64_MAX) : 0);
}

static void expired(void *arg, int fd, unsigned events);

static void open_timer(struct loop *loop, enum clock_id clock)
{
    struct timers *s = &loop->timers[clock];

    s->fd = timerfd_create(clock == CLOCK_HOST ? CLOCK_REALTIME : CLOCK_MONOTONIC,
                           TFD_CLOEXEC | TFD_NONBLOCK);
    if (s->fd < 0) {
        report(NULL, "cannot make a timer: %s", strerror(errno));
        abort();
    }
    loop_watch(loop, s->fd, G_IO_IN, expired, loop);
}

/* Sets the kernel's timer to when (or stops it), which also takes back an expiry. */
static void set_timer(struct timers *s, uint64_t when)
{
    uint64_t ns = when == NEVER ? 0 : CLAMP(when, 1, INT64_MAX);
    struct itimerspec its = { .it_value = { ns / 1000000000, ns % 1000000000 } };

    timerfd_settime(s->fd, TFD_TIMER_ABSTIME, &its, NULL);
    s->set = when;
}

/* Keeps the kernel's timer not later than the first deadline; that it is earlier does no harm: when
 * it expires it is set anew. */
static void advance_timer(struct loop *loop, enum clock_id clock)
{
    struct timers *s = &loop->timers[clock];
    uint64_t when;

    if (s->firing || (when = wanted(loop, clock)) >= s->set)
        return;
    if (s->fd < 0)
        open_timer(loop, clock);
    set_timer(s, when);
}

/* Fires each timer whose deadline is not after now, once: one that is armed again meanwhile waits
 * for the next round, so that other events have their turn. */
static void fire_due(struct timers *s, uint64_t now)
{
    s->firing = true;
    while (s->n && s->heap[1]->when <= now) {
        struct timer *t = s->heap[1];

        heap_remove(s, t);
        t->slot = DUE | s->due->len;
        g_ptr_array_add(s->due, t);
    }
    for (guint i = 0; i < s->due->len; i++) {
        struct timer *t = g_ptr_array_index(s->due, i);

        if (t) {
            t->slot = 0;
            t->fire(t->arg);
        }
    }
    g_ptr_array_set_size(s->due, 0);
    s->firing = false;
}

static void expired(void *arg, int fd, unsigned events)
{
    struct loop *loop = arg;
    enum clock_id clock = 0;

    while (loop->timers[clock].fd != fd)
        clock++;
    if (clock != CLOCK_GUEST || guest_running(loop))
        fire_due(&loop->timers[clock], loop_now(loop, clock));
    set_timer(&loop->timers[clock], wanted(loop, clock));
}

void timer_init(struct timer *t, struct loop *loop, enum clock_id clock, void (*fire)(void *arg),
                void *arg)
{
    *t = (struct timer){ .loop = loop, .clock = clock, .fire = fire, .arg = arg };
}

static void timer_stop(struct timers *s, struct timer *t)
{
    if (t->slot & DUE)
        s->due->pdata[t->slot & ~DUE] = NULL;
    else if (t->slot)
        heap_remove(s, t);
    t->slot = 0;
}

void timer_arm(struct timer *t, uint64_t when)
{
    struct timers *s = &t->loop->timers[t->clock];

    assert(loop_locked(t->loop));
    timer_stop(s, t);
    t->when = when;
    if (when == NEVER)
        return;
    t->order = t->loop->order++;
    heap_insert(s, t);
    if (!t->loop->manual || t->clock != CLOCK_GUEST)
        advance_timer(t->loop, t->clock);
    else if (t->slot == 1 && t->loop->sooner)
        t->loop->sooner(t->loop->sooner_arg);
}

void timer_finish(struct timer *t)
{
    if (t->slot)
        timer_stop(&t->loop->timers[t->clock], t);
}

uint64_t loop_deadline(const struct loop *loop, enum clock_id clock)
{
    const struct timers *s = &loop->timers[clock];

    return s->n ? s->heap[1]->when : NEVER;
}

void loop_guest_time(struct loop *loop, bool running)
{
    assert(loop_locked(loop));
    if (loop->manual || running == guest_running(loop))
        return;
    guest_set(loop, guest_now(loop), running);
    advance_timer(loop, CLOCK_GUEST);
}

void loop_set_guest_time(struct loop *loop, uint64_t now)
{
    assert(loop_locked(loop));
    guest_set(loop, now & ~STOPPED, guest_running(loop));
    advance_timer(loop, CLOCK_GUEST);
}

void loop_manual_time(struct loop *loop, void (*sooner)(void *arg), void *arg)
{
    assert(loop_locked(loop));
    guest_set(loop, guest_now(loop), false);
    loop->manual = true;
    loop->sooner = sooner;
    loop->sooner_arg = arg;
}

void loop_advance(struct loop *loop, uint64_t now)
{
    if (now > guest_now(loop))
        guest_set(loop, now, false);
}

void loop_step_to(struct loop *loop, uint64_t when)
{
    struct timers *s = &loop->timers[CLOCK_GUEST];
    uint64_t now = guest_now(loop);

    assert(loop_locked(loop) && loop->manual && !s->firing);
    fire_due(s, now);
    /* A timer that is armed for the past fires a nanosecond later, lest it fires for ever. */
    for (uint64_t next; now < when; now = next) {
        next = MIN(MAX(loop_deadline(loop, CLOCK_GUEST), now + 1), when);
        guest_set(loop, next, false);
        fire_due(s, next);
    }
}

/* ---- File descriptors ---- */

struct watch {
    GSource source;
    gpointer tag;
    int fd;
    void (*fn)(void *arg, int fd, unsigned events);
    void *arg;
};

static gboolean watch_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct watch *w = (struct watch *)source;

    w->fn(w->arg, w->fd, g_source_query_unix_fd(source, w->tag));
    return G_SOURCE_CONTINUE;
}

static const GSourceFuncs watch_funcs = { .dispatch = watch_dispatch };

struct watch *loop_watch(struct loop *loop, int fd, unsigned events,
                         void (*fn)(void *arg, int fd, unsigned events), void *arg)
{
    GSource *source = g_source_new((GSourceFuncs *)&watch_funcs, sizeof(struct watch));
    struct watch *w = (struct watch *)source;

    assert(loop_locked(loop));
    w->tag = g_source_add_unix_fd(source, fd, events);
    w->fd = fd;
    w->fn = fn;
    w->arg = arg;
    /* What may recurse is not taken out of the poll set meanwhile, which costs two wake-ups. */
    g_source_set_can_recurse(source, TRUE);
    g_source_attach(source, loop->context);
    g_source_unref(source);
    return w;
}

void loop_unwatch(struct watch *w)
{
    if (w)
        g_source_destroy(&w->source);
}

/* ---- Calls from other threads ---- */

struct calls_source {
    GSource source;
    struct loop *loop;
};

void loop_call(struct loop *loop, void (*fn)(void *arg), void *arg)
{
    struct call *call = g_new(struct call, 1), *first = NULL;

    call->fn = fn;
    call->arg = arg;
    do
        call->next = first;
    while (!__atomic_compare_exchange_n(&loop->calls, &first, call, true, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED));
    if (!first)
        g_main_context_wakeup(loop->context);
}

static struct call *take_calls(struct loop *loop)
{
    struct call *call = __atomic_exchange_n(&loop->calls, NULL, __ATOMIC_ACQUIRE), *oldest = NULL;

    while (call) {
        struct call *next = call->next;

        call->next = oldest;
        oldest = call;
        call = next;
    }
    return oldest;
}

static gboolean calls_check(GSource *source)
{
    struct loop *loop = ((struct calls_source *)source)->loop;

    return __atomic_load_n(&loop->calls, __ATOMIC_RELAXED) != NULL;
}

static gboolean calls_prepare(GSource *source, gint *timeout)
{
    *timeout = -1;
    return calls_check(source);
}

static gboolean calls_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    struct call *call = take_calls(((struct calls_source *)source)->loop);

    while (call) {
        struct call *next = call->next;

        call->fn(call->arg);
        g_free(call);
        call = next;
    }
    return G_SOURCE_CONTINUE;
}

static const GSourceFuncs calls_funcs = {
    .prepare = calls_prepare,
    .check = calls_check,
    .dispatch = calls_dispatch,
};

/* ---- The loop ---- */

struct loop *loop_create(void)
{
    struct loop *loop = g_new0(struct loop, 1);
    GSource *calls = g_source_new((GSourceFuncs *)&calls_funcs, sizeof(struct calls_source));

    loop->context = g_main_context_new();
    pthread_mutex_init(&loop->lock, NULL);
    loop->guest = STOPPED;
    for (int i = 0; i < N_CLOCKS; i++) {
        loop->timers[i].fd = -1;
        loop->timers[i].set = NEVER;
        loop->timers[i].due = g_ptr_array_new();
    }
    ((struct calls_source *)calls)->loop = loop;
    g_source_set_can_recurse(calls, TRUE);
    g_source_attach(calls, loop->context);
    g_source_unref(calls);
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    for (struct call *call = take_calls(loop), *next; call; call = next) {
        next = call->next;
        g_free(call);
    }
    g_main_context_unref(loop->context);
    for (int i = 0; i < N_CLOCKS; i++) {
        struct timers *s = &loop->timers[i];

        for (uint32_t slot = 1; slot <= s->n; slot++)
            s->heap[slot]->slot = 0;
        if (s->fd >= 0)
            close(s->fd);
        g_free(s->heap);
        g_ptr_array_unref(s->due);
    }
    pthread_mutex_destroy(&loop->lock);
    g_free(loop->fds);
    g_free(loop);
}

/* One round: the lock is held, but while it waits. */
static void iterate(struct loop *loop, bool wait)
{
    int priority, timeout, n;

    g_main_context_prepare(loop->context, &priority);
    while ((n = g_main_context_query(loop->context, priority, &timeout, loop->fds, loop->n_fds)) >
           loop->n_fds) {
        loop->fds = g_renew(GPollFD, loop->fds, n);
        loop->n_fds = n;
    }
    loop_unlock(loop);
    g_poll(loop->fds, n, wait ? timeout : 0);
    loop_lock(loop);
    if (g_main_context_check(loop->context, priority, loop->fds, n))
        g_main_context_dispatch(loop->context);
}

static void enter(struct loop *loop)
{
    gboolean ours = g_main_context_acquire(loop->context);

    assert(ours);
    (void)ours;
    loop_lock(loop);
}

static void leave(struct loop *loop)
{
    loop_unlock(loop);
    g_main_context_release(loop->context);
}

void loop_run(struct loop *loop)
{
    enter(loop);
    while (!__atomic_exchange_n(&loop->quit, false, __ATOMIC_ACQUIRE))
        iterate(loop, true);
    leave(loop);
}

void loop_iterate(struct loop *loop, bool wait)
{
    enter(loop);
    iterate(loop, wait);
    leave(loop);
}

void loop_quit(struct loop *loop)
{
    __atomic_store_n(&loop->quit, true, __ATOMIC_RELEASE);
    g_main_context_wakeup(loop->context);
}
