/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gdb - a stub for gdb: the far end of the line, and the machine that stops and goes.
 *
 * "Debugging with GDB", appendix E.  All-stop: when one processor stops, all do.  The guest stops
 * when a debugger first speaks, and goes on when that leaves; what the far end does not read is
 * bounded, for nothing more is taken from it meanwhile.
 */

#include "debug/gdb.h"

#include <errno.h>
#include <string.h>

#include "chardev/chardev.h"
#include "cpu/accel.h"
#include "debug/gdb-impl.h"
#include "debug/points.h"
#include "machine/machine.h"
#include "report.h"

/* Taken from the far end at once: the shortest command has five bytes. */
enum { ROOM = 512 };

/* ---- To the far end ---- */

static void drain(struct gdb *g)
{
    size_t n = g->out->len ? chardev_write(g->chr, g->out->str, g->out->len) : 0;

    g_string_erase(g->out, 0, n);
}

/* A back end that looks for room while it writes finds none yet. */
void gdb_flush(struct gdb *g)
{
    if (g->receiving)
        return;
    drain(g);
    if (!g->out->len)
        chardev_accept(g->chr);
}

void gdb_reply_bytes(struct gdb *g, const void *bytes, size_t n)
{
    g_string_truncate(g->last, 0);
    gdb_link_wrap(g->last, bytes, n);
    g_string_append_len(g->out, g->last->str, g->last->len);
    if (g->no_ack)
        g_string_truncate(g->last, 0);
}

void gdb_reply(struct gdb *g, const char *text)
{
    gdb_reply_bytes(g, text, strlen(text));
}

/* The numbers are those gdbserver has on Linux. */
void gdb_error(struct gdb *g, int err)
{
    char text[8];

    g_snprintf(text, sizeof(text), "E%02d", -err & 0xff);
    gdb_reply(g, text);
}

/* ---- Stop and go ---- */

static struct vcpu *end(const struct machine *m)
{
    return m->cpus + m->info.cpus;
}

/* Whoever lets the machine run next does it for all processors. */
static void thaw(struct machine *m)
{
    for (struct vcpu *cpu = m->cpus; cpu < end(m); cpu++) {
        cpu->frozen = false;
        if (m->accel->ops->vcpu_step)
            m->accel->ops->vcpu_step(cpu, 0);
    }
    m->hold_time = false;
}

/* gdb looks for a breakpoint at its pc, which is an offset into CS: where that has a base it finds
 * none, and would take the stop for one of the past. */
static bool pc_is(struct vcpu *cpu, uint64_t linear)
{
    struct tenon_x86_state s;

    return !cpu->accel->ops->vcpu_get(cpu, &s) && s.rip == linear;
}

/* What the processor has come to, in gdb's words. */
static void put_reason(const struct gdb *g, GString *to, struct vcpu *cpu)
{
    static const char *const watch[] = {
        [TENON_DEBUG_WRITE] = "watch",
        [TENON_DEBUG_READ] = "rwatch",
        [TENON_DEBUG_READ | TENON_DEBUG_WRITE] = "awatch",
    };

    if (cpu->why == TENON_DEBUG_EXECUTE) {
        bool soft = points_has(g->m, POINT_SOFT, cpu->where);

        if ((soft ? g->swbreak : g->hwbreak) && pc_is(cpu, cpu->where))
            g_string_append(to, soft ? "swbreak:;" : "hwbreak:;");
    } else if (cpu->why && cpu->why < G_N_ELEMENTS(watch)) {
        g_string_append_printf(to, "%s:%" G_GINT64_MODIFIER "x;", watch[cpu->why], cpu->where);
    }
}

/* SIGTRAP, SIGINT, SIGABRT, SIGQUIT, by gdb's numbers. */
static unsigned signal_of(const struct machine *m)
{
    switch (m->state) {
    case STATE_PAUSED:
    case STATE_SUSPENDED: return 2;
    case STATE_SHUTDOWN:
    case STATE_PANICKED: return 3;
    case STATE_ERROR: return 6;
    default: return 5;
    }
}

void gdb_tell_stop(struct gdb *g)
{
    GString *text = g_string_new(NULL);
    struct vcpu *cpu = g->m->cpus;

    while (cpu < end(g->m) && !cpu->why)
        cpu++;
    if (cpu < end(g->m))
        g->cpu = cpu;
    g->go = NULL;
    g->told = g->cpu;
    g_string_printf(text, "T%02xthread:", signal_of(g->m));
    gdb_thread(g, text, g->cpu);
    g_string_append_c(text, ';');
    put_reason(g, text, g->cpu);
    g->cpu->why = 0;
    gdb_reply_bytes(g, text->str, text->len);
    g_string_free(text, TRUE);
}

static bool can_go(const struct machine *m)
{
    return m->state != STATE_SHUTDOWN && m->state != STATE_ERROR && m->state != STATE_PANICKED;
}

/* A processor that has come to a watchpoint together with the one that was told of: gdb would never
 * hear of it.  A breakpoint is come to again. */
static bool has_news(struct gdb *g, const char *actions)
{
    bool news = false;

    for (struct vcpu *cpu = g->m->cpus; cpu < end(g->m); cpu++) {
        if (cpu->why & (TENON_DEBUG_READ | TENON_DEBUG_WRITE) && actions[cpu->index])
            news = true;
        else
            cpu->why = 0;
    }
    return news;
}

/* how: TENON_STEP*, of those that step; 0: they do not. */
static void let_go(struct gdb *g, const char *actions, unsigned how)
{
    struct machine *m = g->m;
    bool steps = false;

    if (how && g->step & GDB_STEP_NO_IRQ)
        how |= TENON_STEP_NO_INTERRUPTS;
    for (struct vcpu *cpu = m->cpus; cpu < end(m); cpu++) {
        bool step = actions[cpu->index] == 's' && how;

        steps |= step;
        cpu->frozen = !actions[cpu->index];
        if (m->accel->ops->vcpu_step)
            m->accel->ops->vcpu_step(cpu, step ? how : 0);
    }
    m->hold_time = steps && g->step & GDB_STEP_NO_TIMER;
    g->waits = true;
    if (m->state != STATE_SUSPENDED)
        machine_resume(m);
}

static unsigned how_to_step(const struct gdb *g)
{
    return g->step & GDB_STEP ? TENON_STEP : 0;
}

/* ---- Over a breakpoint ---- */

/*
 * From a breakpoint that it knows it is at gdb steps away before it lets the guest go on.  Where CS
 * has a base it does not know, and the guest would never come away: then the processor that gdb was
 * told of takes that step first, alone and without the breakpoint.
 */
struct gdb_hop {
    struct vcpu *cpu;
    uint64_t where;
    bool kinds[N_POINT_KINDS]; /* that have been taken away */
    char *actions;             /* what gdb has asked for */
};

static void hop_free(struct gdb_hop *hop)
{
    if (hop)
        g_free(hop->actions);
    g_free(hop);
}

/* Where the processor is, if that is not what gdb takes for its pc. */
static bool hidden_pc(struct vcpu *cpu, uint64_t *linear)
{
    const uint64_t lma = 1 << 10;
    const uint16_t l = 1 << 13;
    struct tenon_x86_state s;

    if (cpu->accel->ops->vcpu_get(cpu, &s) || (s.efer & lma && s.seg[1].attributes & l))
        return false;
    *linear = (uint32_t)(s.seg[1].base + s.rip);
    return *linear != s.rip;
}

static bool begin_hop(struct gdb *g, const char *actions)
{
    struct gdb_hop hop = { .cpu = g->told };
    char *alone;
    bool found = false;

    if (!hop.cpu || !actions[hop.cpu->index] || !hidden_pc(hop.cpu, &hop.where))
        return false;
    for (enum point_kind kind = POINT_SOFT; kind <= POINT_HARD; kind++) {
        hop.kinds[kind] = points_has(g->m, kind, hop.where);
        found |= hop.kinds[kind];
        if (hop.kinds[kind])
            points_remove(g->m, kind, hop.where, 1);
    }
    if (!found)
        return false;
    hop.actions = g_memdup2(actions, g->m->info.cpus);
    g->hop = g_memdup2(&hop, sizeof(hop));
    alone = g_malloc0(g->m->info.cpus);
    alone[hop.cpu->index] = 's';
    let_go(g, alone, TENON_STEP);
    g_free(alone);
    return true;
}

/* The machine has stopped.  True: it has been let go again, to do what gdb has asked for. */
static bool end_hop(struct gdb *g)
{
    struct gdb_hop *hop = g->hop;
    bool goes = g->m->state == STATE_DEBUG && hop->cpu->why == TENON_DEBUG_STEP &&
                !(hop->actions[hop->cpu->index] == 's' && how_to_step(g));

    g->hop = NULL;
    for (enum point_kind kind = POINT_SOFT; kind <= POINT_HARD; kind++)
        if (hop->kinds[kind])
            points_insert(hop->cpu, kind, hop->where, 1);
    if (goes) {
        hop->cpu->why = 0;
        let_go(g, hop->actions, how_to_step(g));
    }
    hop_free(hop);
    return goes;
}

/* A machine that cannot go on, or that ends the program, says so otherwise. */
static void state_changed(void *arg, enum run_state state)
{
    struct gdb *g = arg;

    if (state == STATE_RUNNING)
        return;
    thaw(g->m);
    if (g->hop && end_hop(g))
        return;
    if (!g->waits || state == STATE_SUSPENDED ||
        ((state == STATE_SHUTDOWN || state == STATE_ERROR) && !g->m->no_shutdown))
        return;
    g->waits = false;
    gdb_tell_stop(g);
    gdb_flush(g);
}

void gdb_resume(struct gdb *g, const char *actions)
{
    if (!can_go(g->m) || has_news(g, actions))
        gdb_tell_stop(g);
    else if (!begin_hop(g, actions))
        let_go(g, actions, how_to_step(g));
}

/* ---- Coming and leaving ---- */

static void stop_guest(struct gdb *g)
{
    if (g->m->state == STATE_RUNNING)
        machine_pause(g->m, STATE_PAUSED);
    else if (g->waits && g->m->state == STATE_SUSPENDED)
        gdb_tell_stop(g);
    g->waits = false;
}

static void begin(struct gdb *g)
{
    g->attached = true;
    g->no_ack = g->multiprocess = g->swbreak = g->hwbreak = g->physical = false;
    g->step = GDB_STEP | GDB_STEP_NO_IRQ | GDB_STEP_NO_TIMER;
    g->cpu = g->m->cpus;
    g->go = g->told = NULL;
}

/* A guest that has been held before the start (-S) goes on only if that was asked for. */
void gdb_detach(struct gdb *g)
{
    struct machine *m = g->m;
    bool held = m->state == STATE_PAUSED || m->state == STATE_DEBUG;

    if (!g->attached)
        return;
    g->attached = g->waits = false;
    if (m->state == STATE_RUNNING && m->points) {
        machine_pause(m, STATE_PAUSED);
        held = true;
    }
    points_clear(m);
    thaw(m);
    if (held)
        machine_resume(m);
}

/* ---- From the far end ---- */

static size_t room(void *self)
{
    const struct gdb *g = self;

    return g->out->len || g->question ? 0 : ROOM;
}

static void command(struct gdb *g)
{
    if (!g->attached)
        begin(g);
    stop_guest(g);
    if (!g->no_ack)
        g_string_append_c(g->out, '+');
    gdb_command(g, g->link.packet, g->link.n);
}

static void take(struct gdb *g, uint8_t byte)
{
    switch (gdb_link_byte(&g->link, byte)) {
    case GDB_COMMAND: command(g); break;
    case GDB_INTERRUPT: stop_guest(g); break;
    case GDB_ACK: g_string_truncate(g->last, 0); break;
    case GDB_GARBLED:
        if (!g->no_ack)
            g_string_append_c(g->out, '-');
        break;
    case GDB_NAK: g_string_append_len(g->out, g->last->str, g->last->len); break;
    case GDB_NOTHING: break;
    }
}

static void receive(void *self, const void *buf, size_t len)
{
    struct gdb *g = self;

    g->receiving = true;
    for (size_t i = 0; i < len; i++)
        take(g, ((const uint8_t *)buf)[i]);
    g->receiving = false;
    gdb_flush(g);
}

static void writable(void *self)
{
    gdb_flush(self);
}

static void forget(struct gdb *g)
{
    gdb_question_drop(g->question);
    g->question = NULL;
    g_string_truncate(g->out, 0);
    g_string_truncate(g->last, 0);
    g->link.state = LINK_IDLE;
}

static void event(void *self, int event)
{
    struct gdb *g = self;

    if (event == TENON_CHR_CLOSED)
        gdb_detach(g);
    if (event == TENON_CHR_CLOSED || event == TENON_CHR_OPENED)
        forget(g);
}

static const struct tenon_chr_user user = {
    .size = sizeof(user),
    .room = room,
    .receive = receive,
    .writable = writable,
    .event = event,
};

/* ---- Start and end ---- */

/* A socket listens, and nobody waits for it. */
static char *device_of(const char *dev)
{
    bool socket = g_str_has_prefix(dev, "tcp:") || g_str_has_prefix(dev, "unix:");

    return g_strconcat(dev, socket && !strstr(dev, ",server") ? ",server=on,wait=off" : "", NULL);
}

static int open_device(struct gdb *g, const char *dev, const char *where)
{
    char *text = device_of(dev);
    bool failed;
    int err;
    const char *id = chardev_short(g->m, "gdb", text, where, &failed);

    g->own_chr = !g_str_has_prefix(dev, "chardev:");
    g->chr = chardev_find(g->m, id);
    g_free(text);
    if (failed || !g->chr)
        return -EINVAL;
    err = chardev_use(g->chr, "gdb", where, &user, g);
    if (err && g->own_chr)
        chardev_remove(g->chr, where);
    return err;
}

static void gdb_free(struct gdb *g)
{
    gdb_question_drop(g->question);
    gdb_registers_destroy(g->regs);
    hop_free(g->hop);
    g_string_free(g->out, TRUE);
    g_string_free(g->last, TRUE);
    g_free(g);
}

int gdb_start(struct machine *m, const char *dev, const char *where)
{
    struct gdb *g;
    int err;

    gdb_stop(m);
    if (!strcmp(dev, "none"))
        return 0;
    if (!m->info.cpus) {
        report(where, "this machine has no processors");
        return -EINVAL;
    }
    g = g_new0(struct gdb, 1);
    g->m = m;
    g->out = g_string_new(NULL);
    g->last = g_string_new(NULL);
    g->cpu = m->cpus;
    g->regs = gdb_registers_create(m->cpus);
    g->listener = (struct run_listener){ .changed = state_changed, .arg = g };
    err = open_device(g, dev, where);
    if (err) {
        gdb_free(g);
        return err;
    }
    machine_listen(m, &g->listener);
    m->gdb = g;
    return 0;
}

void gdb_stop(struct machine *m)
{
    struct gdb *g = m->gdb;
    char text[8];

    if (!g)
        return;
    if (g->waits) {
        g_snprintf(text, sizeof(text), "W%02x", m->exit_code & 0xff);
        gdb_reply(g, text);
        drain(g);
    }
    m->gdb = NULL;
    machine_unlisten(m, &g->listener);
    gdb_detach(g);
    chardev_disuse(g->chr, g);
    if (g->own_chr)
        chardev_remove(g->chr, NULL);
    gdb_free(g);
}
