/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tsc - the guest's time stamp counter read off the host's own: a line through two readings of the
 * clock, good for some milliseconds, after which another one is drawn.
 */
#ifndef TENON_SOFT_TSC_H
#define TENON_SOFT_TSC_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * All processors of a machine share it.  What it gives never goes back: a line is never left before
 * its limit but by tsc_end(), and the next one begins with no less than it gave there.
 */
struct tsc {
    /* Read by translated code: turn, then limit, then the others, then whether turn is the same. */
    uint32_t turn;  /* atomic: another one from before each change */
    uint64_t limit; /* atomic: host's ticks that it is good for, below 2^32; 0: there is none */
    uint64_t from;  /* the host's counter where it begins */
    uint64_t at;    /* the guest's there */
    uint64_t rate;  /* the guest's ticks for one of the host's, 32.32 */
    /* The rest is under lock. */
    pthread_mutex_t lock;
    uint64_t least; /* no less is given from now on */
    struct tsc_reading {
        uint64_t host, guest;
    } base, last;      /* what the rate is measured from, host 0: none; and to */
    uint64_t measured; /* the clock's rate, or 0 */
};

/* Whether the host's counter can serve: its kernel relies on it. */
bool tsc_possible(void);
void tsc_create(struct tsc *t);
void tsc_destroy(struct tsc *t);
/* False: there is no line now. */
bool tsc_on_line(const struct tsc *t, uint64_t *ticks);
/* The guest's counter, which is clock(arg) to within what that takes.  [any] */
uint64_t tsc_read(struct tsc *t, uint64_t (*clock)(const void *arg), const void *arg);
/* The guest's clock may stand, or run on from anywhere, though not from before.  [any] */
void tsc_end(struct tsc *t);

#endif
