/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * loop - libspice-server's watches and timers on the emulator's event loop.
 *
 * The library asks for them by functions that get no context (spice-core.h): whose they are is what
 * the thread has entered.
 */

#include "server.h"

#include <stdlib.h>

static _Thread_local struct server *entered;

struct server *spice_enter(struct server *s)
{
    struct server *before = entered;

    entered = s;
    return before;
}

void spice_leave(struct server *before)
{
    entered = before;
}

/* ---- File descriptors ---- */

struct SpiceWatch {
    struct server *server;
    int fd, mask;
    SpiceWatchFunc ready;
    void *opaque;
    SpiceWatch *next;
};

static void watch_ready(void *self, int fd, unsigned events)
{
    struct server *s = self, *before;
    SpiceWatch *w = s->watches;
    int what = 0;

    while (w && w->fd != fd)
        w = w->next;
    if (!w)
        return;
    if (events & TENON_READABLE)
        what |= SPICE_WATCH_EVENT_READ;
    if (events & TENON_WRITABLE)
        what |= SPICE_WATCH_EVENT_WRITE;
    if (events & (TENON_FAILED | TENON_HANGUP))
        what = w->mask; /* its next call will tell it */
    before = spice_enter(s);
    if (what & w->mask)
        w->ready(fd, what & w->mask, w->opaque);
    spice_leave(before);
}

static void watch_update(SpiceWatch *w, int mask)
{
    struct server *s = w->server;

    w->mask = mask;
    s->loop->watch(s->dev, w->fd,
                   (mask & SPICE_WATCH_EVENT_READ ? TENON_READABLE : 0) |
                       (mask & SPICE_WATCH_EVENT_WRITE ? TENON_WRITABLE : 0),
                   watch_ready);
}

static SpiceWatch *watch_add(int fd, int mask, SpiceWatchFunc ready, void *opaque)
{
    SpiceWatch *w = calloc(1, sizeof(*w));

    if (!w)
        abort(); /* as the library does itself */
    *w = (SpiceWatch){ entered, fd, mask, ready, opaque, entered->watches };
    entered->watches = w;
    watch_update(w, mask);
    return w;
}

static void watch_remove(SpiceWatch *w)
{
    SpiceWatch **at = &w->server->watches;

    watch_update(w, 0);
    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    free(w);
}

/* ---- Timers ---- */

struct SpiceTimer {
    struct server *server;
    uint64_t when; /* in ns; TENON_NEVER while it is off */
    SpiceTimerFunc fire;
    void *opaque;
    SpiceTimer *next;
};

void spice_timers_arm(struct server *s)
{
    uint64_t next = TENON_NEVER;

    for (SpiceTimer *t = s->timers; t; t = t->next)
        if (t->when < next)
            next = t->when;
    tenon_arm_at(s->dev, TIMER_NEXT, next);
}

static SpiceTimer *due(struct server *s, uint64_t now)
{
    SpiceTimer *t = s->timers;

    while (t && t->when > now)
        t = t->next;
    return t;
}

/* Each may start, stop, add and remove others, itself too. */
void spice_timers_fire(void *self)
{
    struct server *s = self, *before = spice_enter(s);
    uint64_t now = tenon_clock(s->dev, TENON_CLOCK_REAL);
    SpiceTimer *t;

    while ((t = due(s, now))) {
        t->when = TENON_NEVER;
        t->fire(t->opaque);
    }
    spice_leave(before);
    spice_timers_arm(s);
}

static void set_timer(SpiceTimer *t, uint64_t when)
{
    t->when = when;
    spice_timers_arm(t->server);
}

static SpiceTimer *timer_add(SpiceTimerFunc fire, void *opaque)
{
    SpiceTimer *t = calloc(1, sizeof(*t));

    if (!t)
        abort();
    *t = (SpiceTimer){ entered, TENON_NEVER, fire, opaque, entered->timers };
    entered->timers = t;
    return t;
}

static void timer_start(SpiceTimer *t, uint32_t ms)
{
    set_timer(t, tenon_clock(t->server->dev, TENON_CLOCK_REAL) + (ms ? ms : 1) * 1000000ull);
}

static void timer_cancel(SpiceTimer *t)
{
    set_timer(t, TENON_NEVER);
}

static void timer_remove(SpiceTimer *t)
{
    struct server *s = t->server;
    SpiceTimer **at = &s->timers;

    while (*at != t)
        at = &(*at)->next;
    *at = t->next;
    free(t);
    spice_timers_arm(s);
}

/* ---- The library's view ---- */

static void channel_event(int event, SpiceChannelEventInfo *info)
{
    server_channel(entered, event, info);
}

const SpiceCoreInterface spice_core = {
    .base = { .type = SPICE_INTERFACE_CORE,
              .description = "event loop",
              .major_version = SPICE_INTERFACE_CORE_MAJOR,
              .minor_version = SPICE_INTERFACE_CORE_MINOR },
    .timer_add = timer_add,
    .timer_start = timer_start,
    .timer_cancel = timer_cancel,
    .timer_remove = timer_remove,
    .watch_add = watch_add,
    .watch_update_mask = watch_update,
    .watch_remove = watch_remove,
    .channel_event = channel_event,
};
