/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop - the event loop of a machine: file descriptors, timers of three clocks, calls from other
 * threads, and the board lock.
 *
 * One thread, the one that calls loop_run(), dispatches everything; it holds the board lock while
 * a callback runs and lets go of it while it waits.  A processor's thread takes the lock around
 * each access to a device.
 */
#ifndef TENON_CORE_LOOP_H
#define TENON_CORE_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct loop;

struct loop *loop_create(void);
/* What is pending is dropped: calls are not made, timers are stopped, watches have ended. */
void loop_destroy(struct loop *loop);

/* Runs until loop_quit(), also one that came before.  [main, not locked] */
void loop_run(struct loop *loop);
/* [any] */
void loop_quit(struct loop *loop);
/* Dispatches what is ready, waiting for it if wait is set; for tests.  [main, not locked] */
void loop_iterate(struct loop *loop, bool wait);

/* The board lock.  Not recursive.  loop_locked() is for assertions.  [any] */
void loop_lock(struct loop *loop);
void loop_unlock(struct loop *loop);
bool loop_locked(const struct loop *loop);
/* Lets go of the board lock until cond is signalled (or for no reason, as pthread_cond_wait()).
 * [any, locked] */
void loop_wait(struct loop *loop, pthread_cond_t *cond);

/* Calls fn(arg) soon from the loop, board locked, in the order of the calls.  [any] */
void loop_call(struct loop *loop, void (*fn)(void *arg), void *arg);

/* ---- Clocks, in nanoseconds ---- */

enum clock_id { CLOCK_GUEST, CLOCK_HOST, CLOCK_REAL, N_CLOCKS };

/* Lock-free.  [any] */
uint64_t loop_now(const struct loop *loop, enum clock_id clock);

/* Lets guest time run, or stops it; it starts stopped, at 0.  [any, locked] */
void loop_guest_time(struct loop *loop, bool running);
/* Sets guest time, as a snapshot does.  [main, locked] */
void loop_set_guest_time(struct loop *loop, uint64_t now);

/*
 * Puts guest time under manual control: it moves by loop_step_to(), from deadline to deadline so
 * that each timer sees its own deadline as now, and by loop_advance(), which fires nothing; it
 * never goes back.  Timers fire where loop_step_to() is called.  sooner(arg), which may be NULL, is
 * called when a timer is armed that comes before all others.  [main, locked; sooner(): any, locked]
 */
void loop_manual_time(struct loop *loop, void (*sooner)(void *arg), void *arg);
/* [one thread at a time, locked] */
void loop_step_to(struct loop *loop, uint64_t when);
/* [one thread at a time, that of loop_step_to()] */
void loop_advance(struct loop *loop, uint64_t now);
/* The earliest deadline of the clock, or UINT64_MAX.  [any, locked] */
uint64_t loop_deadline(const struct loop *loop, enum clock_id clock);

/* ---- Timers ---- */

struct timer {
    struct loop *loop;
    enum clock_id clock;
    uint32_t slot;           /* 0 is not armed; the rest is the loop's */
    uint64_t when, order;    /* equal deadlines fire in the order of arming */
    void (*fire)(void *arg); /* [main; of CLOCK_GUEST, where loop_step_to() is called; locked] */
    void *arg;
};

void timer_init(struct timer *t, struct loop *loop, enum clock_id clock, void (*fire)(void *arg),
                void *arg);
/* Fires once at when (soon, if that is past); UINT64_MAX stops it; arming again moves it.
 * [any, locked] */
void timer_arm(struct timer *t, uint64_t when);
/* Also right for a zeroed timer, and after loop_destroy().  [any, locked] */
void timer_finish(struct timer *t);

/* ---- File descriptors ---- */

struct watch;

/* Calls fn when fd is ready for events (poll(2)'s), or has hung up; the fd stays the caller's.
 * [any, locked] */
struct watch *loop_watch(struct loop *loop, int fd, unsigned events,
                         void (*fn)(void *arg, int fd, unsigned events), void *arg);
/* NULL does nothing.  [any, locked] */
void loop_unwatch(struct watch *watch);

#endif
