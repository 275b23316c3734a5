/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qtest - the device-test protocol: lines of commands, each answered by a line; messages of
 * interrupt lines between them; and guest time that moves from deadline to deadline.
 *
 * A test that reads nothing gets no more commands done, and a step of the clock that takes long is
 * done in slices, so that the rest of the program goes on.
 */

#include "debug/qtest.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "chardev/chardev.h"
#include "cpu/accel.h"
#include "debug/qtest-impl.h"
#include "loop/loop.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "options/options.h"
#include "report.h"

enum {
    ROOM = 4096,             /* taken from the far end at once */
    LINE_MOST = 36 << 20,    /* bytes of a command */
    OUT_CLOG = 64 << 10,     /* bytes of output that wait: the clock does not go on */
    OUT_MOST = 1 << 20,      /* ... interrupt lines are told of later */
    OUT_KEEP = 1 << 20,      /* what a buffer may keep when it is empty */
    SLICE_NS = 20 * 1000000, /* of the host's time, for a step of the clock */
};

/* ---- The log ---- */

static void log_line(struct qtest_port *q, char what, const char *text)
{
    uint64_t ns = loop_now(q->m->loop, CLOCK_REAL) - q->opened;

    if (q->log)
        fprintf(q->log, "[%c +%.6f] %s\n", what, ns / 1e9, text);
}

/* ---- To the far end ---- */

static size_t waiting(const struct qtest_port *q)
{
    return q->out->len - q->sent;
}

static void empty(GString **text)
{
    g_string_truncate(*text, 0);
    if ((*text)->allocated_len <= OUT_KEEP)
        return;
    g_string_free(*text, TRUE);
    *text = g_string_new(NULL);
}

static void tell_line(struct qtest_port *q, unsigned n)
{
    uint64_t changed = (q->level ^ q->told) & UINT64_C(1) << n;

    if (changed)
        g_string_append_printf(q->out, "IRQ %s %u\n", q->level & changed ? "raise" : "lower", n);
    q->told ^= changed;
}

static void tell_missed(struct qtest_port *q)
{
    for (unsigned n = 0; n < 64; n++)
        if (q->missed & UINT64_C(1) << n)
            tell_line(q, n);
    q->missed = 0;
}

static size_t room(void *self)
{
    const struct qtest_port *q = self;

    return q->open && !q->busy && !waiting(q) ? ROOM : 0;
}

static void flush(struct qtest_port *q)
{
    do {
        size_t n = waiting(q);

        if (n)
            n = chardev_write(q->chr, q->out->str + q->sent, n);
        q->sent += MIN(n, waiting(q)); /* the far end may have gone meanwhile */
        if (waiting(q))
            return;
        empty(&q->out);
        q->sent = 0;
        tell_missed(q);
    } while (waiting(q));
    if (room(q)) /* while it wrote there was none */
        chardev_accept(q->chr);
}

static void line_changed(void *arg, unsigned n, bool level)
{
    struct qtest_port *q = arg;
    uint64_t bit = n < 64 ? UINT64_C(1) << n : 0;

    q->level = level ? q->level | bit : q->level & ~bit;
    if (!q->open || !bit)
        return;
    if (waiting(q) < OUT_MOST)
        tell_line(q, n);
    else
        q->missed |= bit;
    if (!q->busy)
        flush(q);
}

int qtest_intercept(struct qtest_port *q, const struct inst *inst, bool inputs)
{
    struct irq_spy *spy = &q->m->spy;

    if (spy->inst)
        return spy->inst == inst && spy->inputs == inputs ? 0 : -EBUSY;
    *spy = (struct irq_spy){ inst, inputs, line_changed, q };
    return 0;
}

/* ---- Commands, one after another ---- */

static void pump(struct qtest_port *q);
static void go_on(void *arg);

static void go_on_later(struct qtest_port *q)
{
    if (!q->queued)
        loop_call(q->m->loop, go_on, q);
    q->queued = true;
}

/* Whether the clock has come to where it is to be. */
static bool step(struct qtest_port *q)
{
    struct loop *loop = q->m->loop;
    uint64_t slice_end = loop_now(loop, CLOCK_REAL) + SLICE_NS, now;

    do {
        now = loop_now(loop, CLOCK_GUEST);
        loop_step_to(loop, MIN(MAX(loop_deadline(loop, CLOCK_GUEST), now + 1), q->target));
        now = loop_now(loop, CLOCK_GUEST);
    } while (now < q->target && waiting(q) < OUT_CLOG && loop_now(loop, CLOCK_REAL) < slice_end);
    return now >= q->target;
}

static void answer(struct qtest_port *q)
{
    log_line(q, 'S', q->answer->str);
    tell_missed(q);
    g_string_append_len(q->out, q->answer->str, q->answer->len);
    g_string_append_c(q->out, '\n');
    empty(&q->answer);
    q->busy = false;
    flush(q);
}

/* A reset that the command has asked a device for comes before its answer: the loop does what it is
 * asked for in order. */
static void finish(struct qtest_port *q)
{
    if (q->steps && !step(q)) {
        flush(q);
        if (waiting(q) < OUT_CLOG)
            go_on_later(q);
        return;
    }
    if (q->steps)
        g_string_printf(q->answer, "OK %" PRIu64, loop_now(q->m->loop, CLOCK_GUEST));
    q->steps = false;
    if (__atomic_load_n(&q->m->request, __ATOMIC_ACQUIRE))
        go_on_later(q);
    else
        answer(q);
}

static void go_on(void *arg)
{
    struct qtest_port *q = arg;

    q->queued = false;
    if (q->busy)
        finish(q);
    pump(q);
}

/* The end of the first line, or NULL. */
static char *line_end(struct qtest_port *q)
{
    char *end = memchr(q->in->str + q->scanned, '\n', q->in->len - q->scanned);

    q->scanned = q->in->len;
    if (!end && q->in->len > LINE_MOST)
        q->too_long = true;
    if (!end && q->too_long) {
        empty(&q->in);
        q->scanned = 0;
    }
    return end;
}

static void run(struct qtest_port *q, char *end)
{
    *end = 0;
    q->busy = true;
    if (q->too_long) {
        g_string_assign(q->answer, "ERR line too long");
    } else {
        log_line(q, 'R', q->in->str);
        qtest_command(q, q->in->str);
    }
    q->too_long = false;
    g_string_erase(q->in, 0, end + 1 - q->in->str);
    if (!q->in->len)
        empty(&q->in);
    q->scanned = 0;
    finish(q);
}

/* Does what has come, while the test hears what it is answered. */
static void pump(struct qtest_port *q)
{
    char *end;

    if (q->pumping)
        return;
    q->pumping = true;
    while (q->open && !q->busy && !waiting(q) && (end = line_end(q)))
        run(q, end);
    q->pumping = false;
}

/* ---- The far end ---- */

static void receive(void *self, const void *buf, size_t len)
{
    struct qtest_port *q = self;

    g_string_append_len(q->in, buf, len);
    pump(q);
}

static void writable(void *self)
{
    struct qtest_port *q = self;

    flush(q);
    if (q->busy)
        go_on_later(q);
    pump(q);
}

/* Forgets the far end, and what it has asked for. */
static void forget(struct qtest_port *q)
{
    if (q->open)
        log_line(q, 'I', "CLOSED");
    q->open = q->busy = q->steps = q->too_long = false;
    q->scanned = q->sent = 0;
    q->level = q->told = q->missed = 0;
    empty(&q->in);
    empty(&q->out);
    empty(&q->answer);
}

static void event(void *self, int event)
{
    struct qtest_port *q = self;

    if (event != TENON_CHR_OPENED && event != TENON_CHR_CLOSED)
        return;
    forget(q);
    if (event == TENON_CHR_CLOSED)
        return;
    q->open = true;
    q->opened = loop_now(q->m->loop, CLOCK_REAL);
    if (q->log)
        fputs("[I 0.000000] OPENED\n", q->log);
}

static const struct tenon_chr_user user = {
    .size = sizeof(user),
    .room = room,
    .receive = receive,
    .writable = writable,
    .event = event,
};

/* ---- Start and end ---- */

/* Without -qtest-log it is standard error. */
static int open_log(struct qtest_port *q, const struct config_group *g)
{
    const char *path = group_string(g, "value", NULL);

    q->log = stderr;
    if (!path)
        return 0;
    q->log = NULL;
    if (!strcmp(path, "none"))
        return 0;
    q->log = fopen(path, "ae");
    if (!q->log) {
        report(g->from, "%s", g_strerror(errno));
        return -EINVAL;
    }
    setvbuf(q->log, NULL, _IOLBF, 0);
    return 0;
}

static void qtest_free(struct qtest_port *q)
{
    if (q->log && q->log != stderr)
        fclose(q->log);
    g_string_free(q->in, TRUE);
    g_string_free(q->out, TRUE);
    g_string_free(q->answer, TRUE);
    g_free(q);
}

static int open_port(struct qtest_port *q, const struct config_group *g,
                     const struct config_group *log)
{
    bool failed;
    const char *id = chardev_short(q->m, "qtest", group_string(g, "value", ""), g->from, &failed);
    int err;

    if (!id)
        return failed ? -EINVAL : -ENOENT;
    err = open_log(q, log);
    q->chr = chardev_find(q->m, id);
    return err ? err : chardev_use(q->chr, "-qtest", g->from, &user, q);
}

int qtest_start(struct machine *m)
{
    const struct config_group *g = config_find(m->config, "qtest", NULL);
    const struct config_group *log = config_find(m->config, "qtest-log", NULL);
    struct qtest_port *q;
    int err;

    if (log && !g)
        report_warning(log->from, "changes nothing: there is no -qtest");
    if (!g)
        return 0;
    q = g_new0(struct qtest_port, 1);
    q->m = m;
    q->in = g_string_new(NULL);
    q->out = g_string_new(NULL);
    q->answer = g_string_new(NULL);
    err = open_port(q, g, log);
    if (!err)
        m->qtest = q;
    else
        qtest_free(q);
    return err == -ENOENT ? 0 : err; /* "none" */
}

void qtest_stop(struct machine *m)
{
    struct qtest_port *q = m->qtest;

    if (!q)
        return;
    m->qtest = NULL;
    m->spy = (struct irq_spy){ 0 };
    chardev_disuse(q->chr, q);
    forget(q);
    qtest_free(q);
}
