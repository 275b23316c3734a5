/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* loop - tests of the event loop: clocks, timers, file descriptors, calls and the lock. */

#include "loop/loop.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <glib.h>

#define MS UINT64_C(1000000)

struct probe {
    struct timer timer;
    char name;
    GString *log;
    uint64_t again; /* armed for so long after now when it fires; 0: not */
    struct timer *stop;
    unsigned fired;
};

static void probe_fire(void *arg)
{
    struct probe *p = arg;

    g_assert_true(loop_locked(p->timer.loop));
    p->fired++;
    g_string_append_c(p->log, p->name);
    if (p->again)
        timer_arm(&p->timer, loop_now(p->timer.loop, p->timer.clock) + p->again);
    if (p->stop)
        timer_arm(p->stop, UINT64_MAX);
}

struct fixture {
    struct loop *loop;
    GString *log;
    struct probe a, b, c;
};

static void start(struct fixture *f, enum clock_id clock)
{
    struct probe *probes[] = { &f->a, &f->b, &f->c };

    *f = (struct fixture){ .loop = loop_create(), .log = g_string_new("") };
    for (int i = 0; i < 3; i++) {
        timer_init(&probes[i]->timer, f->loop, clock, probe_fire, probes[i]);
        probes[i]->name = 'a' + i;
        probes[i]->log = f->log;
    }
    loop_lock(f->loop);
}

static void finish(struct fixture *f, const char *expected)
{
    g_assert_cmpstr(f->log->str, ==, expected);
    timer_finish(&f->a.timer);
    loop_unlock(f->loop);
    loop_destroy(f->loop);
    g_assert_cmpuint(f->b.timer.slot, ==, 0);
    timer_finish(&f->b.timer);
    g_string_free(f->log, TRUE);
}

static void run(struct fixture *f)
{
    loop_unlock(f->loop);
    loop_iterate(f->loop, true);
    loop_lock(f->loop);
}

static void test_order(void)
{
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_manual_time(f.loop, NULL, NULL);
    timer_arm(&f.a.timer, 30);
    timer_arm(&f.b.timer, 10);
    timer_arm(&f.c.timer, 10);
    g_assert_cmpuint(loop_deadline(f.loop, CLOCK_GUEST), ==, 10);
    loop_step_to(f.loop, 9);
    g_assert_cmpstr(f.log->str, ==, "");
    loop_step_to(f.loop, 10);
    g_assert_cmpstr(f.log->str, ==, "bc");
    timer_arm(&f.b.timer, 40);
    timer_arm(&f.b.timer, 20);
    timer_arm(&f.c.timer, 25);
    timer_arm(&f.c.timer, UINT64_MAX);
    loop_step_to(f.loop, 100);
    g_assert_cmpuint(loop_now(f.loop, CLOCK_GUEST), ==, 100);
    g_assert_cmpuint(loop_deadline(f.loop, CLOCK_GUEST), ==, UINT64_MAX);
    finish(&f, "bcba");
}

static void test_manual(void)
{
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_manual_time(f.loop, NULL, NULL);
    loop_guest_time(f.loop, true);
    timer_arm(&f.a.timer, 1);
    loop_unlock(f.loop);
    loop_iterate(f.loop, false);
    loop_lock(f.loop);
    g_assert_cmpuint(f.a.fired, ==, 0);
    loop_step_to(f.loop, 50);
    loop_step_to(f.loop, 20);
    g_assert_cmpuint(loop_now(f.loop, CLOCK_GUEST), ==, 50);
    finish(&f, "a");
}

static void note_sooner(void *arg)
{
    ++*(unsigned *)arg;
}

/* Time that moves by itself fires nothing; who moves it hears of each timer that comes first. */
static void test_advance(void)
{
    unsigned sooner = 0;
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_manual_time(f.loop, note_sooner, &sooner);
    timer_arm(&f.a.timer, 30);
    g_assert_cmpuint(sooner, ==, 1);
    timer_arm(&f.b.timer, 40);
    g_assert_cmpuint(sooner, ==, 1);
    timer_arm(&f.b.timer, 20);
    g_assert_cmpuint(sooner, ==, 2);
    loop_advance(f.loop, 35);
    loop_advance(f.loop, 10);
    g_assert_cmpuint(loop_now(f.loop, CLOCK_GUEST), ==, 35);
    g_assert_cmpstr(f.log->str, ==, "");
    loop_step_to(f.loop, 35);
    finish(&f, "ba");
}

static void test_rearm(void)
{
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_manual_time(f.loop, NULL, NULL);
    f.a.again = 10;
    timer_arm(&f.a.timer, 5);
    timer_arm(&f.b.timer, 20);
    loop_step_to(f.loop, 40); /* a at 5, 15, 25, 35 */
    finish(&f, "aabaa");
}

static void fire_now_again(void *arg)
{
    struct probe *p = arg;

    p->fired++;
    timer_arm(&p->timer, 1);
}

/* A timer that is armed for the past whenever it fires holds up neither time nor the others. */
static void test_past(void)
{
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_manual_time(f.loop, NULL, NULL);
    f.a.timer.fire = fire_now_again;
    timer_arm(&f.a.timer, 1);
    timer_arm(&f.b.timer, 3);
    loop_step_to(f.loop, 5);
    g_assert_cmpuint(f.a.fired, ==, 5);
    finish(&f, "b");
}

static void test_cancel(void)
{
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_manual_time(f.loop, NULL, NULL);
    f.a.stop = &f.b.timer; /* due in the same round */
    timer_arm(&f.a.timer, 5);
    timer_arm(&f.b.timer, 5);
    timer_arm(&f.c.timer, 5);
    loop_step_to(f.loop, 10);
    finish(&f, "ac");
}

static gint compare(gconstpointer a, gconstpointer b)
{
    const struct timer *const *x = a, *const *y = b;

    return (*x)->when < (*y)->when ? -1 : (*x)->when > (*y)->when;
}

static void record(void *arg)
{
    g_ptr_array_add(((void **)arg)[0], ((void **)arg)[1]);
}

/* Many timers, armed, moved and stopped at random, fire in the order of their deadlines. */
static void test_heap(void)
{
    enum { N = 500 };
    struct loop *loop = loop_create();
    GPtrArray *fired = g_ptr_array_new(), *expected = g_ptr_array_new();
    struct timer timers[N];
    void *args[N][2];

    loop_lock(loop);
    loop_manual_time(loop, NULL, NULL);
    for (int i = 0; i < N; i++) {
        args[i][0] = fired;
        args[i][1] = &timers[i];
        timer_init(&timers[i], loop, CLOCK_GUEST, record, args[i]);
    }
    for (int i = 0; i < 5 * N; i++)
        timer_arm(&timers[g_test_rand_int_range(0, N)],
                  g_test_rand_bit() ? (uint64_t)g_test_rand_int_range(0, 2000 * N) : UINT64_MAX);
    for (int i = 0; i < N; i++)
        if (timers[i].slot)
            g_ptr_array_add(expected, &timers[i]);
    g_ptr_array_sort(expected, compare);
    loop_step_to(loop, 2000 * N);
    g_assert_cmpuint(fired->len, ==, expected->len);
    for (guint i = 0; i < fired->len; i++)
        g_assert_cmpuint(((struct timer *)fired->pdata[i])->when, ==,
                         ((struct timer *)expected->pdata[i])->when);
    loop_unlock(loop);
    loop_destroy(loop);
    g_ptr_array_unref(fired);
    g_ptr_array_unref(expected);
}

static void test_real(gconstpointer data)
{
    enum clock_id clock = GPOINTER_TO_INT(data);
    struct fixture f;
    uint64_t now;

    start(&f, clock);
    loop_guest_time(f.loop, true);
    now = loop_now(f.loop, clock);
    timer_arm(&f.c.timer, now + 3600000 * MS);
    timer_arm(&f.b.timer, now + 20 * MS);
    timer_arm(&f.a.timer, now + 10 * MS);
    while (!f.b.fired)
        run(&f);
    g_assert_cmpuint(loop_now(f.loop, clock), >=, now + 20 * MS);
    finish(&f, "ab");
}

/* Guest time stands while it is stopped, and goes on from there. */
static void test_guest_stops(void)
{
    struct fixture f;
    uint64_t stopped;

    start(&f, CLOCK_GUEST);
    g_assert_cmpuint(loop_now(f.loop, CLOCK_GUEST), ==, 0);
    timer_arm(&f.a.timer, 0);
    timer_init(&f.b.timer, f.loop, CLOCK_REAL, probe_fire, &f.b);
    timer_arm(&f.b.timer, loop_now(f.loop, CLOCK_REAL) + 5 * MS);
    while (!f.b.fired)
        run(&f);
    g_assert_cmpuint(f.a.fired, ==, 0);
    loop_guest_time(f.loop, true);
    while (!f.a.fired)
        run(&f);
    loop_set_guest_time(f.loop, 1000000 * MS);
    timer_arm(&f.c.timer, 1000001 * MS);
    while (!f.c.fired)
        run(&f);
    loop_guest_time(f.loop, false);
    stopped = loop_now(f.loop, CLOCK_GUEST);
    g_assert_cmpuint(stopped, >=, 1000001 * MS);
    g_usleep(1000);
    g_assert_cmpuint(loop_now(f.loop, CLOCK_GUEST), ==, stopped);
    finish(&f, "bac");
}

/* An expiry that was set before guest time stopped fires nothing. */
static void test_guest_stopped_late(void)
{
    struct fixture f;

    start(&f, CLOCK_GUEST);
    loop_guest_time(f.loop, true);
    timer_arm(&f.a.timer, loop_now(f.loop, CLOCK_GUEST) + 5 * MS);
    loop_guest_time(f.loop, false);
    timer_arm(&f.a.timer, 0);
    timer_init(&f.b.timer, f.loop, CLOCK_REAL, probe_fire, &f.b);
    timer_arm(&f.b.timer, loop_now(f.loop, CLOCK_REAL) + 10 * MS);
    while (!f.b.fired)
        run(&f);
    g_assert_cmpuint(f.a.fired, ==, 0);
    loop_guest_time(f.loop, true);
    while (!f.a.fired)
        run(&f);
    finish(&f, "ba");
}

/* ---- File descriptors ---- */

struct bell {
    struct loop *loop;
    struct watch *watch;
    int fd;
    unsigned rung, other;
};

static void ring_other(void *arg, int fd, unsigned events)
{
    struct bell *b = arg;

    b->other++;
    loop_unwatch(b->watch);
    b->watch = NULL;
}

static void ring(void *arg, int fd, unsigned events)
{
    struct bell *b = arg;

    g_assert_true(loop_locked(b->loop));
    g_assert_cmpint(fd, ==, b->fd);
    g_assert_cmpuint(events, ==, POLLIN);
    if (++b->rung < 2)
        return;
    loop_unwatch(b->watch);
    b->watch = loop_watch(b->loop, fd, POLLIN, ring_other, b);
}

static void test_watch(void)
{
    struct bell b = { .loop = loop_create(), .fd = eventfd(1, EFD_CLOEXEC) };

    loop_lock(b.loop);
    b.watch = loop_watch(b.loop, b.fd, POLLIN, ring, &b);
    loop_unlock(b.loop);
    for (int i = 0; i < 6; i++)
        loop_iterate(b.loop, false);
    g_assert_cmpuint(b.rung, ==, 2);
    g_assert_cmpuint(b.other, ==, 1);
    loop_destroy(b.loop);
    close(b.fd);
}

/* A timer that is always due leaves their turn to file descriptors. */
static void test_no_starving(void)
{
    struct fixture f;
    struct bell b = { .fd = eventfd(1, EFD_CLOEXEC) };

    start(&f, CLOCK_REAL);
    b.loop = f.loop;
    f.a.timer.fire = fire_now_again;
    timer_arm(&f.a.timer, 1);
    b.watch = loop_watch(f.loop, b.fd, POLLIN, ring, &b);
    while (!b.other || f.a.fired < 10)
        run(&f);
    close(b.fd);
    finish(&f, "");
}

/* ---- Other threads ---- */

enum { CALLS = 2000, CALLERS = 4 };

struct caller {
    struct loop *loop;
    unsigned *total, next;
};

struct numbered {
    struct caller *caller;
    unsigned number;
};

static void called(void *arg)
{
    struct numbered *n = arg;

    g_assert_cmpuint(n->caller->next++, ==, n->number);
    if (++*n->caller->total == CALLS * CALLERS)
        loop_quit(n->caller->loop);
    g_free(n);
}

static gpointer call_often(gpointer arg)
{
    struct caller *c = arg;

    for (unsigned i = 0; i < CALLS; i++) {
        struct numbered *n = g_new(struct numbered, 1);

        *n = (struct numbered){ c, i };
        loop_call(c->loop, called, n);
    }
    return NULL;
}

static void test_calls(void)
{
    struct loop *loop = loop_create();
    struct caller callers[CALLERS];
    GThread *threads[CALLERS];
    unsigned total = 0;

    for (int i = 0; i < CALLERS; i++) {
        callers[i] = (struct caller){ loop, &total, 0 };
        threads[i] = g_thread_new("caller", call_often, &callers[i]);
    }
    loop_run(loop);
    for (int i = 0; i < CALLERS; i++)
        g_thread_join(threads[i]);
    g_assert_cmpuint(total, ==, CALLS * CALLERS);
    loop_destroy(loop);
}

static gpointer arm_timer(gpointer arg)
{
    struct fixture *f = arg;

    loop_lock(f->loop);
    timer_arm(&f->b.timer, loop_now(f->loop, CLOCK_REAL) + MS);
    loop_unlock(f->loop);
    return NULL;
}

/* The loop sleeps till a far deadline; another thread's nearer one wakes it. */
static void test_timer_from_thread(void)
{
    struct fixture f;
    GThread *thread;

    start(&f, CLOCK_REAL);
    timer_arm(&f.a.timer, loop_now(f.loop, CLOCK_REAL) + 3600000 * MS);
    thread = g_thread_new("armer", arm_timer, &f);
    while (!f.b.fired)
        run(&f);
    g_thread_join(thread);
    finish(&f, "b");
}

static void never(void *arg)
{
    g_assert_not_reached();
}

static void never_watch(void *arg, int fd, unsigned events)
{
    g_assert_not_reached();
}

static void test_destroy(void)
{
    struct loop *loop = loop_create();
    int fd = eventfd(1, EFD_CLOEXEC);
    struct timer timer, zeroed = { 0 };

    loop_lock(loop);
    timer_init(&timer, loop, CLOCK_REAL, never, NULL);
    timer_arm(&timer, 0);
    loop_watch(loop, fd, POLLIN, never_watch, NULL);
    loop_call(loop, never, NULL);
    loop_unlock(loop);
    loop_destroy(loop);
    timer_finish(&timer);
    timer_finish(&zeroed);
    loop_destroy(NULL);
    close(fd);
}

static void test_quit_first(void)
{
    struct loop *loop = loop_create();

    loop_quit(loop);
    loop_run(loop);
    loop_destroy(loop);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/loop/order", test_order);
    g_test_add_func("/loop/manual-time", test_manual);
    g_test_add_func("/loop/advance-time", test_advance);
    g_test_add_func("/loop/rearm-inside-fire", test_rearm);
    g_test_add_func("/loop/rearm-in-the-past", test_past);
    g_test_add_func("/loop/cancel-inside-fire", test_cancel);
    g_test_add_func("/loop/heap", test_heap);
    g_test_add_data_func("/loop/clock/guest", GINT_TO_POINTER(CLOCK_GUEST), test_real);
    g_test_add_data_func("/loop/clock/host", GINT_TO_POINTER(CLOCK_HOST), test_real);
    g_test_add_data_func("/loop/clock/real", GINT_TO_POINTER(CLOCK_REAL), test_real);
    g_test_add_func("/loop/guest-time-stops", test_guest_stops);
    g_test_add_func("/loop/guest-time-stops-before-expiry", test_guest_stopped_late);
    g_test_add_func("/loop/watch-replaced-inside", test_watch);
    g_test_add_func("/loop/timers-do-not-starve", test_no_starving);
    g_test_add_func("/loop/calls-from-threads", test_calls);
    g_test_add_func("/loop/timer-from-thread", test_timer_from_thread);
    g_test_add_func("/loop/destroy-with-things-pending", test_destroy);
    g_test_add_func("/loop/quit-before-run", test_quit_first);
    return g_test_run();
}
