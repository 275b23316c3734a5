/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tsc - the guest's time stamp counter read off the host's own.
 *
 * Intel SDM volume 3, section 18.17 (the counter and its invariance).  The guest's clock is the
 * host kernel's, whose rate is adjusted now and then; so each line is short, a little flatter than
 * what was measured, and given up if the clock is elsewhere than it should be.
 */
#include "tsc.h"

#include <stdio.h>
#include <string.h>

#ifdef __x86_64__
#include <x86intrin.h>
#endif

/* In the host's ticks: how long a line is good, what is measured before there is one, how long a
 * reading of the clock may take; how far off, beside one part in 2^14, the clock may be. */
enum { GOOD = 1 << 24, MEASURED = 1 << 27, READING = 2000, OFF = 4000 };
/* Flatter by one part in 2^20; by 2^6 at most, where it is ahead of the clock.  Rates beyond 2^6
 * are no clock's. */
enum { LOG2_FLATTER = 20, LOG2_AHEAD = 6, LOG2_STRANGE = 6 };

static uint64_t host_ticks(void)
{
#ifdef __x86_64__
    _mm_lfence();
    return __rdtsc();
#else
    return 0;
#endif
}

bool tsc_possible(void)
{
    bool possible = false;
#ifdef __x86_64__
    FILE *f = fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    char name[16];

    if (!f)
        return false;
    possible = fgets(name, sizeof(name), f) && !strcmp(name, "tsc\n");
    fclose(f);
#endif
    return possible;
}

void tsc_create(struct tsc *t)
{
    pthread_mutex_init(&t->lock, NULL);
}

void tsc_destroy(struct tsc *t)
{
    pthread_mutex_destroy(&t->lock);
}

static uint64_t times(uint64_t ticks, uint64_t rate)
{
    return (unsigned __int128)ticks * rate >> 32;
}

bool tsc_on_line(const struct tsc *t, uint64_t *ticks)
{
    uint32_t turn = __atomic_load_n(&t->turn, __ATOMIC_ACQUIRE);
    uint64_t limit = __atomic_load_n(&t->limit, __ATOMIC_ACQUIRE);
    uint64_t into = host_ticks() - __atomic_load_n(&t->from, __ATOMIC_ACQUIRE);

    if (into >= limit)
        return false;
    *ticks = times(into, __atomic_load_n(&t->rate, __ATOMIC_ACQUIRE)) +
             __atomic_load_n(&t->at, __ATOMIC_ACQUIRE);
    return __atomic_load_n(&t->turn, __ATOMIC_ACQUIRE) == turn;
}

/* ---- Under lock ---- */

static void no_line(struct tsc *t)
{
    __atomic_store_n(&t->limit, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&t->turn, t->turn + 1, __ATOMIC_RELEASE);
}

static void draw(struct tsc *t, uint64_t from, uint64_t at, uint64_t rate)
{
    no_line(t);
    __atomic_store_n(&t->from, from, __ATOMIC_RELEASE);
    __atomic_store_n(&t->at, at, __ATOMIC_RELEASE);
    __atomic_store_n(&t->rate, rate, __ATOMIC_RELEASE);
    __atomic_store_n(&t->limit, GOOD, __ATOMIC_RELEASE);
    t->least = at + times(GOOD, rate);
}

/* The clock is not where it should be. */
static bool is_off(const struct tsc *t, const struct tsc_reading *now)
{
    uint64_t ticks = now->host - t->last.host;
    uint64_t there = t->last.guest + times(ticks, t->measured);
    uint64_t by = now->guest > there ? now->guest - there : there - now->guest;

    return by > times((ticks >> 14) + OFF, t->measured);
}

/* The clock's rate; 0: it is not known yet. */
static uint64_t measure(struct tsc *t, const struct tsc_reading *now)
{
    uint64_t ticks = now->host - t->base.host, rate;

    if (!t->base.host || (t->measured && is_off(t, now))) {
        t->base = *now;
        return 0;
    }
    if (ticks < MEASURED)
        return 0;
    rate = ((unsigned __int128)(now->guest - t->base.guest) << 32) / ticks;
    return rate >> (32 - LOG2_STRANGE) && !(rate >> (32 + LOG2_STRANGE)) ? rate : 0;
}

/* The line's: who is ahead is not any longer at its end, if that will do. */
static uint64_t flatten(uint64_t rate, uint64_t ahead)
{
    uint64_t most = rate >> LOG2_AHEAD, by = rate >> LOG2_FLATTER;

    by += ahead < GOOD ? (ahead << 32) / GOOD : most;
    return rate - (by < most ? by : most);
}

/* From a reading of the clock, where the guest's counter is at.  The first rate is not relied on
 * before another reading has shown that the clock has not jumped meanwhile. */
static void go_on(struct tsc *t, const struct tsc_reading *now, uint64_t at)
{
    bool first = !t->measured;

    if (!first && !t->limit && now->host - t->last.host < GOOD)
        return;
    t->measured = measure(t, now);
    t->last = *now;
    if (t->measured && !first)
        draw(t, now->host, at, flatten(t->measured, at - now->guest));
    else
        no_line(t);
}

uint64_t tsc_read(struct tsc *t, uint64_t (*clock)(const void *arg), const void *arg)
{
    struct tsc_reading now;
    uint64_t ticks, before;

    if (tsc_on_line(t, &ticks))
        return ticks;
    pthread_mutex_lock(&t->lock);
    if (!tsc_on_line(t, &ticks)) { /* which another processor has drawn meanwhile */
        before = host_ticks();
        now.guest = clock(arg);
        now.host = host_ticks();
        ticks = now.guest > t->least ? now.guest : t->least;
        t->least = ticks;
        if (now.host - before < READING)
            go_on(t, &now, ticks);
    }
    pthread_mutex_unlock(&t->lock);
    return ticks;
}

/* No line is read when it is looked at how far they have come. */
void tsc_end(struct tsc *t)
{
    uint64_t into, limit;

    pthread_mutex_lock(&t->lock);
    limit = t->limit;
    no_line(t);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    into = host_ticks() - t->from;
    if (into < limit)
        t->least = t->at + times(into, t->rate);
    t->base.host = t->measured = 0;
    pthread_mutex_unlock(&t->lock);
}
