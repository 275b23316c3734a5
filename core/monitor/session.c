/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session - one monitor: what goes in and out, and what it is working on. */

#include "monitor/session.h"

#include <string.h>
#include <unistd.h>

#include <tenon/chardev.h>

#include "monitor/command.h"
#include "machine/machine.h"
#include "report.h"

#define IN_MOST   4096      /* bytes of input that wait */
#define OUT_CLOG  (1 << 16) /* bytes of output that wait: no more commands */
#define OUT_DROWN (1 << 20) /* ... no more events */

struct monitors *monitors_of(struct machine *m)
{
    if (!m->monitors)
        m->monitors = g_new0(struct monitors, 1);
    return m->monitors;
}

/* ---- Output ---- */

bool session_clogged(const struct session *s)
{
    return s->out->len > OUT_CLOG;
}

bool session_drowned(const struct session *s)
{
    return s->out->len > OUT_DROWN;
}

void session_print(struct session *s, const char *text, size_t len)
{
    g_string_append_len(s->out, text, len);
}

void session_flush(struct session *s)
{
    bool now = s->out->len && !s->busy && !s->muted;
    size_t took = now ? s->write(s->arg, s->out->str, s->out->len) : 0;

    g_string_erase(s->out, 0, MIN(took, s->out->len)); /* the far end may have gone meanwhile */
    if (!s->out->len && s->out->allocated_len > OUT_DROWN) {
        g_string_free(s->out, TRUE);
        s->out = g_string_new(NULL);
    }
}

void session_writable(void *session)
{
    struct session *s = session;

    session_flush(s);
    session_pump(s);
    if (s->accept && session_room(s)) /* nothing may have been taken for a while */
        s->accept(s->arg);
}

/* ---- Input ---- */

static size_t take(struct session *s)
{
    if (!s->open || session_clogged(s))
        return 0;
    return s->mode == MONITOR_QMP ? qmp_take(s, s->in->data, s->in->len)
                                  : hmp_take(s, s->in->data, s->in->len);
}

/* Takes input until it is in the way of itself; whether there was any. */
static bool take_some(struct session *s)
{
    bool took = false;
    size_t n;

    s->busy = true;
    if (s->open && s->mode == MONITOR_QMP)
        qmp_next(s);
    while (s->in->len && !s->pending && (n = take(s))) {
        g_byte_array_remove_range(s->in, 0, n);
        took = true;
    }
    s->busy = false;
    session_flush(s);
    return took;
}

void session_pump(struct session *s)
{
    bool took = false;

    if (s->busy)
        return;
    while (take_some(s)) /* again: what clogged the output may have gone */
        took = true;
    if (s->pending)
        session_event(s, s->pending);
    else if (took && s->accept && session_room(s))
        s->accept(s->arg);
}

size_t session_room(void *session)
{
    struct session *s = session;

    return s->open && !session_clogged(s) ? IN_MOST - MIN(s->in->len, IN_MOST) : 0;
}

void session_receive(void *session, const void *buf, size_t len)
{
    struct session *s = session;

    g_byte_array_append(s->in, buf, len);
    session_pump(s);
}

void session_fds(void *session, const int *fds, unsigned n)
{
    struct session *s = session;

    for (unsigned i = 0; i < n; i++) {
        if (s->n_fds < N_FDS_KEPT)
            s->fds[s->n_fds++] = fds[i];
        else
            close(fds[i]);
    }
}

int session_take_fd(struct session *s)
{
    int fd;

    if (!s || !s->n_fds)
        return -1;
    fd = s->fds[0];
    memmove(s->fds, s->fds + 1, --s->n_fds * sizeof(*s->fds));
    return fd;
}

/* ---- Start and end ---- */

static void begin(struct session *s)
{
    s->open = true;
    if (s->mode == MONITOR_QMP)
        qmp_open(s);
    else
        hmp_open(s);
    session_flush(s);
}

/* Forgets the far end; commands that are going on finish for nobody. */
static void end(struct session *s)
{
    if (!s->open)
        return;
    s->open = false;
    for (unsigned i = 0; i < s->calls->len; i++) {
        struct call *call = s->calls->pdata[i];

        call->session = NULL;
        call->cpu = NULL;
    }
    g_ptr_array_set_size(s->calls, 0);
    if (s->mode == MONITOR_QMP)
        qmp_close(s);
    else
        hmp_close(s);
    g_byte_array_set_size(s->in, 0);
    g_string_truncate(s->out, 0);
    for (unsigned i = 0; i < s->n_fds; i++)
        close(s->fds[i]);
    s->n_fds = 0;
}

/* A mux gives the far end to us, or takes it away. */
static void focus(struct session *s, bool here)
{
    bool seen = !s->out->len; /* nothing waits from the last time */

    s->muted = !here && s->mode == MONITOR_HMP;
    if (here && s->open && s->mode == MONITOR_HMP && seen)
        hmp_focus(s);
    session_flush(s);
}

void session_event(void *session, int event)
{
    struct session *s = session;

    if (event == TENON_CHR_MUX_IN || event == TENON_CHR_MUX_OUT)
        focus(s, event == TENON_CHR_MUX_IN);
    if (event != TENON_CHR_OPENED && event != TENON_CHR_CLOSED)
        return;
    s->pending = s->busy ? event : 0;
    if (s->busy)
        return;
    end(s);
    if (event == TENON_CHR_OPENED)
        begin(s);
}

struct session *session_create(struct machine *m, enum monitor_mode mode, bool pretty,
                               size_t (*write)(void *arg, const void *buf, size_t len),
                               void (*accept)(void *arg), void *arg)
{
    struct monitors *all = monitors_of(m);
    struct session *s = g_new0(struct session, 1), **at = &all->sessions;

    s->machine = m;
    s->mode = mode;
    s->pretty = pretty;
    s->write = write;
    s->accept = accept;
    s->arg = arg;
    s->in = g_byte_array_new();
    s->out = g_string_new(NULL);
    s->calls = g_ptr_array_new();
    while (*at)
        at = &(*at)->next;
    *at = s;
    return s;
}

void session_destroy(struct session *s)
{
    struct session **at = &s->machine->monitors->sessions;

    end(s);
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    g_byte_array_free(s->in, TRUE);
    g_string_free(s->out, TRUE);
    g_ptr_array_free(s->calls, TRUE);
    g_free(s);
}
