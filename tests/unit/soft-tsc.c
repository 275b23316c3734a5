/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-tsc - the guest's time stamp counter, read off the host's: close to the clock, in all
 * threads never back, also where the clock stands for a while, jumps, or has another rate.
 */
#include <glib.h>
#include <time.h>

#include "tsc.h"

enum { N_THREADS = 4 };
#define MS UINT64_C(1000000)

static uint64_t ahead, percent; /* of the test's clock: nanoseconds; its rate */
static uint64_t slower;         /* since then it has been, by one part in 200; 0: it is not */
static uint64_t highest;        /* atomic: given so far */

static uint64_t host_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * UINT64_C(1000000000) + ts.tv_nsec;
}

static uint64_t clock_now(const void *arg)
{
    uint64_t now = host_now();

    (void)arg;
    return (now + ahead - (slower ? (now - slower) / 200 : 0)) * percent / 100;
}

/* Reads for some milliseconds; how much was on a line, in percent. */
static unsigned read_for(struct tsc *t, uint64_t ms)
{
    const uint64_t until = host_now() + ms * MS, slack = MS / 20 * percent / 100;
    uint64_t n = 0, on = 0, ticks;

    while (host_now() < until) {
        uint64_t least = __atomic_load_n(&highest, __ATOMIC_ACQUIRE), before = clock_now(NULL);

        on += tsc_on_line(t, &ticks);
        n++;
        ticks = tsc_read(t, clock_now, NULL);
        g_assert_cmpuint(ticks, >=, least);
        g_assert_cmpuint(ticks + slack, >=, before);
        g_assert_cmpuint(ticks, <=, clock_now(NULL) + slack);
        while (ticks > least && !__atomic_compare_exchange_n(&highest, &least, ticks, false,
                                                             __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
    return on * 100 / n;
}

static void test_close(gconstpointer rate)
{
    struct tsc t = { 0 };
    unsigned served = 0;

    percent = GPOINTER_TO_UINT(rate);
    ahead = highest = 0;
    tsc_create(&t);
    for (unsigned i = 0; i < 20 && served < 50; i++)
        served = read_for(&t, 100);
    g_assert_cmpuint(served, >=, 50);
    tsc_destroy(&t);
}

/* It has stood for as long as nobody read. */
static void test_stop(void)
{
    struct tsc t = { 0 };

    percent = 100;
    ahead = 1000 * MS;
    highest = 0;
    tsc_create(&t);
    for (unsigned i = 0; i < 5; i++) {
        read_for(&t, 100);
        tsc_end(&t);
        g_usleep(20000);
        ahead -= 20 * MS;
        tsc_end(&t);
        read_for(&t, 20);
    }
    tsc_destroy(&t);
}

/* What nobody tells of is seen as the line ends. */
static void test_jump(void)
{
    struct tsc t = { 0 };

    percent = 100;
    ahead = highest = 0;
    tsc_create(&t);
    for (unsigned i = 0; i < 5; i++) {
        read_for(&t, 100);
        ahead += 500 * MS;
        g_usleep(30000);
        read_for(&t, 20);
    }
    tsc_destroy(&t);
}

/* The line has been ahead, and nobody sees it. */
static void test_slower(void)
{
    struct tsc t = { 0 };

    percent = 100;
    ahead = highest = 0;
    tsc_create(&t);
    for (unsigned i = 0; i < 10; i++) {
        read_for(&t, 100);
        slower = host_now();
        read_for(&t, 20);
        ahead -= (host_now() - slower) / 200;
        ahead += MS; /* which makes up for what has just been cut off */
        slower = 0;
    }
    tsc_destroy(&t);
}

/* No line is drawn by a clock that does not move. */
static void test_still(void)
{
    struct tsc t = { 0 };
    uint64_t ticks;

    percent = 0;
    tsc_create(&t);
    for (uint64_t until = host_now() + 150 * MS; host_now() < until;) {
        g_assert_cmpuint(tsc_read(&t, clock_now, NULL), ==, 0);
        g_assert_false(tsc_on_line(&t, &ticks));
    }
    tsc_destroy(&t);
}

static void *reader(void *t)
{
    read_for(t, 400);
    return NULL;
}

static void test_threads(void)
{
    pthread_t thread[N_THREADS];
    struct tsc t = { 0 };

    percent = 100;
    ahead = highest = 0;
    tsc_create(&t);
    for (unsigned i = 0; i < N_THREADS; i++)
        g_assert_cmpint(pthread_create(&thread[i], NULL, reader, &t), ==, 0);
    for (unsigned i = 0; i < 40; i++) {
        g_usleep(10000);
        if (i % 16 == 15)
            tsc_end(&t);
    }
    for (unsigned i = 0; i < N_THREADS; i++)
        pthread_join(thread[i], NULL);
    tsc_destroy(&t);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/soft-tsc/close", GUINT_TO_POINTER(100), test_close);
    g_test_add_data_func("/soft-tsc/fast", GUINT_TO_POINTER(700), test_close);
    g_test_add_func("/soft-tsc/stop", test_stop);
    g_test_add_func("/soft-tsc/jump", test_jump);
    g_test_add_func("/soft-tsc/slower", test_slower);
    g_test_add_func("/soft-tsc/still", test_still);
    g_test_add_func("/soft-tsc/threads", test_threads);
    return g_test_run();
}
