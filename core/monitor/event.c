/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * event - what happens, told to all QMP monitors.
 *
 * Events that may come in floods are told at most so often; of those in between the last one is
 * told when the time is up.
 */

#include "monitor/event.h"

#include <sys/time.h>

#include "loop/loop.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/session.h"

/* One kind of limited event, or one value of its key. */
struct limit {
    struct machine *machine;
    struct timer timer; /* armed while nothing more may be told */
    uint64_t interval;
    json_t *waiting; /* to be told then, or NULL */
};

static void tell(struct machine *m, json_t *event)
{
    for (struct session *s = m->monitors->sessions; s; s = s->next)
        if (s->mode == MONITOR_QMP)
            qmp_event(s, event);
    json_decref(event);
}

static void limit_over(void *arg)
{
    struct limit *l = arg;
    json_t *event = l->waiting;

    l->waiting = NULL;
    if (!event)
        return;
    timer_arm(&l->timer, loop_now(l->machine->loop, CLOCK_REAL) + l->interval);
    tell(l->machine, event);
}

static void limit_free(void *arg)
{
    struct limit *l = arg;

    timer_finish(&l->timer);
    json_decref(l->waiting);
    g_free(l);
}

static struct limit *limit_of(struct machine *m, const struct event_row *row, json_t *data)
{
    struct monitors *all = m->monitors;
    const char *value = row->key ? text_of(data, row->key) : NULL;
    char *name = g_strconcat(row->name, value ? "/" : NULL, value, NULL);
    struct limit *l;

    if (!all->limited)
        all->limited = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, limit_free);
    l = g_hash_table_lookup(all->limited, name);
    if (l) {
        g_free(name);
        return l;
    }
    l = g_new0(struct limit, 1);
    l->machine = m;
    l->interval = row->at_most * 1000000ull;
    timer_init(&l->timer, m->loop, CLOCK_REAL, limit_over, l);
    g_hash_table_insert(all->limited, name, l);
    return l;
}

static json_t *make(const char *name, json_t *data)
{
    struct timeval now;
    json_t *event;

    gettimeofday(&now, NULL);
    event = json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds", (json_int_t)now.tv_sec,
                      "microseconds", (json_int_t)now.tv_usec, "event", name);
    if (data)
        json_object_set_new(event, "data", data);
    return event;
}

void event_emit_data(struct machine *m, const char *name, json_t *data)
{
    const struct event_row *row = m->monitors ? event_find(name) : NULL;
    struct limit *l;

    if (!row) {
        json_decref(data);
        return;
    }
    l = row->at_most ? limit_of(m, row, data) : NULL;
    if (l && l->timer.slot) {
        json_decref(l->waiting);
        l->waiting = make(name, data);
        return;
    }
    if (l)
        timer_arm(&l->timer, loop_now(m->loop, CLOCK_REAL) + l->interval);
    tell(m, make(name, data));
}

void event_emit(struct machine *m, const char *name, const char *fmt, ...)
{
    json_t *data = NULL;
    va_list ap;

    if (!m->monitors)
        return;
    va_start(ap, fmt);
    if (fmt)
        data = json_vpack_ex(NULL, 0, fmt, ap);
    va_end(ap);
    event_emit_data(m, name, data);
}
