/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gdb-commands - what gdb's packets ask for.
 *
 * "Debugging with GDB", appendix E: "Packets", "Stop Reply Packets", "General Query Packets".  The
 * packets of the name qemu are QEMU's own (docs/system/gdb.rst), which people type.
 */

#include "debug/gdb-impl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "cpu/accel.h"
#include "debug/memory.h"
#include "debug/points.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/session.h"

/* Of memory at once: as hex digits it fits into a packet, with room to spare. */
enum { MOST_BYTES = GDB_PACKET / 2 - 16 };

/* What is left of a packet. */
struct args {
    const char *at, *end;
};

/* ---- Parts of packets ---- */

static bool skip(struct args *a, char c)
{
    if (a->at == a->end || *a->at != c)
        return false;
    a->at++;
    return true;
}

static bool take_hex(struct args *a, uint64_t *value)
{
    const char *from = a->at;
    int digit;

    *value = 0;
    while (a->at < a->end && (digit = g_ascii_xdigit_value(*a->at)) >= 0) {
        if (*value >> 60)
            return false;
        *value = *value << 4 | digit;
        a->at++;
    }
    return a->at > from;
}

static bool take_bytes(struct args *a, uint8_t *to, size_t n)
{
    for (size_t i = 0; i < n; i++, a->at += 2) {
        int high, low;

        if (a->end - a->at < 2)
            return false;
        high = g_ascii_xdigit_value(a->at[0]);
        low = g_ascii_xdigit_value(a->at[1]);
        if (high < 0 || low < 0)
            return false;
        to[i] = high << 4 | low;
    }
    return true;
}

static void put_bytes(GString *to, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < n; i++) {
        g_string_append_c(to, digits[bytes[i] >> 4]);
        g_string_append_c(to, digits[bytes[i] & 15]);
    }
}

static void reply_string(struct gdb *g, GString *text)
{
    gdb_reply_bytes(g, text->str, text->len);
    g_string_free(text, TRUE);
}

static void reply_done(struct gdb *g, int err)
{
    if (err)
        gdb_error(g, err);
    else
        gdb_reply(g, "OK");
}

/* ---- Threads: processor n is thread n + 1 of process 1 ---- */

enum { ALL_THREADS = -1, ANY_THREAD = 0 };

void gdb_thread(const struct gdb *g, GString *to, const struct vcpu *cpu)
{
    g_string_append_printf(to, g->multiprocess ? "p01.%02x" : "%02x", cpu->index + 1);
}

static bool take_number(struct args *a, int *n)
{
    uint64_t value;

    if (skip(a, '-')) {
        *n = ALL_THREADS;
        return skip(a, '1');
    }
    if (!take_hex(a, &value) || value > INT32_MAX)
        return false;
    *n = value;
    return true;
}

/* "2", "p1.2", "p1" (all of it), "-1", "0". */
static bool take_thread(struct args *a, int *n)
{
    int process;

    if (!skip(a, 'p'))
        return take_number(a, n);
    if (!take_number(a, &process) || process > 1)
        return false;
    *n = ALL_THREADS;
    return !skip(a, '.') || take_number(a, n);
}

/* NULL: none has that number. */
static struct vcpu *thread(const struct gdb *g, int n)
{
    if (n == ANY_THREAD || n == ALL_THREADS)
        return g->cpu;
    return n > 0 && (unsigned)n <= g->m->info.cpus ? &g->m->cpus[n - 1] : NULL;
}

static void set_thread(struct gdb *g, struct args *a)
{
    bool go = skip(a, 'c');
    struct vcpu *cpu;
    int n;

    if ((!go && !skip(a, 'g')) || !take_thread(a, &n) || !(cpu = thread(g, n))) {
        gdb_error(g, -EINVAL);
        return;
    }
    if (go)
        g->go = n == ALL_THREADS || n == ANY_THREAD ? NULL : cpu;
    else
        g->cpu = cpu;
    gdb_reply(g, "OK");
}

static void thread_alive(struct gdb *g, struct args *a)
{
    int n;

    reply_done(g, take_thread(a, &n) && thread(g, n) ? 0 : -EINVAL);
}

static void current_thread(struct gdb *g, struct args *a)
{
    GString *text = g_string_new("QC");

    gdb_thread(g, text, g->cpu);
    reply_string(g, text);
}

/* They all fit into one packet. */
static void first_threads(struct gdb *g, struct args *a)
{
    GString *text = g_string_new("m");

    for (unsigned i = 0; i < g->m->info.cpus; i++) {
        if (i)
            g_string_append_c(text, ',');
        gdb_thread(g, text, &g->m->cpus[i]);
    }
    reply_string(g, text);
}

static void more_threads(struct gdb *g, struct args *a)
{
    gdb_reply(g, "l");
}

static void describe_thread(struct gdb *g, struct args *a)
{
    static const char *const words[] = { "running", "halted", "waits for a start-up message" };
    struct tenon_x86_state s = { 0 };
    struct vcpu *cpu;
    GString *text;
    char *words_of;
    int n;

    if (!take_thread(a, &n) || !(cpu = thread(g, n)) || cpu->accel->ops->vcpu_get(cpu, &s)) {
        gdb_error(g, -EINVAL);
        return;
    }
    text = g_string_new(NULL);
    words_of =
        g_strdup_printf("CPU#%u [%s]", cpu->index, words[MIN(s.activity, G_N_ELEMENTS(words) - 1)]);
    put_bytes(text, (uint8_t *)words_of, strlen(words_of));
    g_free(words_of);
    reply_string(g, text);
}

/* ---- Registers ---- */

static bool get_state(struct gdb *g, struct tenon_x86_state *s)
{
    int err = g->cpu->accel->ops->vcpu_get(g->cpu, s);

    if (err)
        gdb_error(g, err);
    return !err;
}

static void get_registers(struct gdb *g, struct args *a)
{
    struct tenon_x86_state s;
    uint8_t buf[GDB_REGISTER_BYTES];
    GString *text;

    if (!get_state(g, &s))
        return;
    text = g_string_new(NULL);
    for (unsigned i = 0; i < g->regs->n; i++)
        put_bytes(text, buf, gdb_register_get(&g->regs->list[i], &s, buf));
    reply_string(g, text);
}

/* What comes first may decide what the rest means (CR0, then segments): all or nothing. */
static int set_some(struct gdb *g, struct args *a, unsigned first, unsigned n)
{
    struct tenon_x86_state s;
    int err = g->cpu->accel->ops->vcpu_get(g->cpu, &s);

    for (unsigned i = first; !err && i < first + n; i++) {
        const struct gdb_register *reg = &g->regs->list[i];
        uint8_t buf[GDB_REGISTER_BYTES];

        if (n > 1 && a->at == a->end)
            break; /* a 'G' may leave out the last ones */
        err = take_bytes(a, buf, reg->bits / 8) ? gdb_register_set(reg, g->cpu, &s, buf) : -EINVAL;
    }
    return err ? err : g->cpu->accel->ops->vcpu_set(g->cpu, &s);
}

static void set_registers(struct gdb *g, struct args *a)
{
    reply_done(g, set_some(g, a, 0, g->regs->n));
}

static void get_register(struct gdb *g, struct args *a)
{
    struct tenon_x86_state s;
    uint8_t buf[GDB_REGISTER_BYTES];
    GString *text;
    uint64_t n;

    if (!take_hex(a, &n) || n >= g->regs->n) {
        gdb_error(g, -EINVAL);
        return;
    }
    if (!get_state(g, &s))
        return;
    text = g_string_new(NULL);
    put_bytes(text, buf, gdb_register_get(&g->regs->list[n], &s, buf));
    reply_string(g, text);
}

static void set_register(struct gdb *g, struct args *a)
{
    uint64_t n;

    if (take_hex(a, &n) && n < g->regs->n && skip(a, '='))
        reply_done(g, set_some(g, a, n, 1));
    else
        gdb_error(g, -EINVAL);
}

/* ---- Memory ---- */

static int read_memory(struct gdb *g, uint64_t addr, void *buf, size_t n)
{
    return g->physical ? phys_memory_read(g->m, addr, buf, n)
                       : guest_memory_read(g->cpu, addr, buf, n);
}

static int write_memory(struct gdb *g, uint64_t addr, const void *buf, size_t n)
{
    return g->physical ? phys_memory_write(g->m, addr, buf, n)
                       : guest_memory_write(g->cpu, addr, buf, n);
}

/* "addr,length" */
static bool take_range(struct args *a, uint64_t *addr, uint64_t *n)
{
    return take_hex(a, addr) && skip(a, ',') && take_hex(a, n);
}

/* "addr,length": as much as fits into a packet; false: it cannot be read, which has been said. */
static bool read_asked(struct gdb *g, struct args *a, void *buf, size_t *len)
{
    uint64_t addr, n;
    int err = -EINVAL;

    if (take_range(a, &addr, &n)) {
        *len = MIN(n, MOST_BYTES);
        err = read_memory(g, addr, buf, *len);
    }
    if (err)
        gdb_error(g, err);
    return !err;
}

static void get_memory(struct gdb *g, struct args *a)
{
    uint8_t buf[MOST_BYTES];
    GString *text;
    size_t n;

    if (!read_asked(g, a, buf, &n))
        return;
    text = g_string_new(NULL);
    put_bytes(text, buf, n);
    reply_string(g, text);
}

/* Only for who has been told "binary-upload+": others have another packet of this name. */
static void get_memory_binary(struct gdb *g, struct args *a)
{
    char buf[1 + MOST_BYTES] = "b";
    size_t n;

    if (read_asked(g, a, buf + 1, &n))
        gdb_reply_bytes(g, buf, 1 + n);
}

static void set_memory(struct gdb *g, struct args *a)
{
    uint8_t buf[MOST_BYTES];
    uint64_t addr, n;

    if (take_range(a, &addr, &n) && skip(a, ':') && n <= sizeof(buf) && take_bytes(a, buf, n))
        reply_done(g, write_memory(g, addr, buf, n));
    else
        gdb_error(g, -EINVAL);
}

static void set_memory_binary(struct gdb *g, struct args *a)
{
    uint64_t addr, n;

    if (take_range(a, &addr, &n) && skip(a, ':') && n == (uint64_t)(a->end - a->at))
        reply_done(g, write_memory(g, addr, a->at, n));
    else
        gdb_error(g, -EINVAL);
}

static void get_physical(struct gdb *g, struct args *a)
{
    gdb_reply(g, g->physical ? "1" : "0");
}

static void set_physical(struct gdb *g, struct args *a)
{
    uint64_t on;

    if (take_hex(a, &on))
        g->physical = on;
    gdb_reply(g, "OK");
}

/* ---- Points ---- */

/* "type,address,kind"; kind is the length of data.  Conditions are not offered. */
static bool take_point(struct args *a, uint64_t *kind, uint64_t *addr, uint64_t *bytes)
{
    return take_hex(a, kind) && *kind < N_POINT_KINDS && skip(a, ',') && take_hex(a, addr) &&
           skip(a, ',') && take_hex(a, bytes) && a->at == a->end;
}

/* An empty answer makes gdb try otherwise: an access watchpoint for a read one, say. */
static void insert_point(struct gdb *g, struct args *a)
{
    uint64_t kind, addr, bytes;
    int err = -EINVAL;

    if (take_point(a, &kind, &addr, &bytes))
        err = points_insert(g->cpu, kind, addr, bytes);
    if (err == -ENOTSUP)
        gdb_reply(g, "");
    else
        reply_done(g, err == -EEXIST ? 0 : err);
}

static void remove_point(struct gdb *g, struct args *a)
{
    uint64_t kind, addr, bytes;
    int err = -EINVAL;

    if (take_point(a, &kind, &addr, &bytes))
        err = points_remove(g->m, kind, addr, bytes);
    reply_done(g, err == -ENOENT ? 0 : err);
}

/* ---- Running ---- */

static bool set_pc(struct gdb *g, struct args *a)
{
    struct vcpu *cpu = g->go ? g->go : g->cpu;
    struct tenon_x86_state s;
    uint64_t pc;

    if (a->at == a->end)
        return true;
    if (!take_hex(a, &pc) || cpu->accel->ops->vcpu_get(cpu, &s))
        return false;
    s.rip = pc;
    return !cpu->accel->ops->vcpu_set(cpu, &s);
}

static char *actions_new(const struct gdb *g)
{
    return g_malloc0(g->m->info.cpus);
}

/* The old packets: one processor, or all, does it; a step leaves the others running. */
static void run(struct gdb *g, struct args *a, char action)
{
    char *actions = actions_new(g);

    if (!set_pc(g, a)) {
        gdb_error(g, -EINVAL);
    } else {
        for (unsigned i = 0; i < g->m->info.cpus; i++)
            actions[i] = g->go && &g->m->cpus[i] != g->go ? 0 : 'c';
        if (action == 's')
            actions[(g->go ? g->go : g->cpu)->index] = 's';
        gdb_resume(g, actions);
    }
    g_free(actions);
}

static void run_on(struct gdb *g, struct args *a)
{
    run(g, a, 'c');
}

static void step(struct gdb *g, struct args *a)
{
    run(g, a, 's');
}

/* A guest has no signals to be given. */
static bool skip_signal(struct args *a)
{
    uint64_t signal;

    return take_hex(a, &signal) && (skip(a, ';') || a->at == a->end);
}

static void run_on_signal(struct gdb *g, struct args *a)
{
    if (skip_signal(a))
        run(g, a, 'c');
    else
        gdb_error(g, -EINVAL);
}

static void step_signal(struct gdb *g, struct args *a)
{
    if (skip_signal(a))
        run(g, a, 's');
    else
        gdb_error(g, -EINVAL);
}

/* "s:p1.2", "c", "C05:p1.-1"; the first action that fits a thread is its. */
static bool take_action(struct gdb *g, struct args *a, char *actions)
{
    char action = a->at < a->end ? g_ascii_tolower(*a->at) : 0;
    bool signal = a->at < a->end && action != *a->at;
    uint64_t number;
    int n = ALL_THREADS;

    if (action != 'c' && action != 's')
        return false;
    a->at++;
    if ((signal && !take_hex(a, &number)) || (skip(a, ':') && !take_thread(a, &n)) || !thread(g, n))
        return false;
    for (unsigned i = 0; i < g->m->info.cpus; i++)
        if (!actions[i] && (n == ALL_THREADS || thread(g, n) == &g->m->cpus[i]))
            actions[i] = action;
    return true;
}

static void resume_threads(struct gdb *g, struct args *a)
{
    char *actions = actions_new(g);
    bool ok = true;

    while (ok && a->at < a->end)
        ok = skip(a, ';') && take_action(g, a, actions);
    if (ok)
        gdb_resume(g, actions);
    else
        gdb_error(g, -EINVAL);
    g_free(actions);
}

static void resume_support(struct gdb *g, struct args *a)
{
    gdb_reply(g, "vCont;c;C;s;S");
}

static void why_stopped(struct gdb *g, struct args *a)
{
    gdb_tell_stop(g);
}

static void attach(struct gdb *g, struct args *a)
{
    uint64_t process;

    if (take_hex(a, &process) && process == 1)
        gdb_tell_stop(g);
    else
        gdb_error(g, -EINVAL);
}

static void detach(struct gdb *g, struct args *a)
{
    gdb_reply(g, "OK");
    gdb_detach(g);
    if (g->m->state == STATE_PRELAUNCH)
        machine_resume(g->m);
}

static void end_program(struct gdb *g, struct args *a)
{
    machine_quit(g->m, 0, "host-ui");
}

static void kill_process(struct gdb *g, struct args *a)
{
    gdb_reply(g, "OK");
    machine_quit(g->m, 0, "host-ui");
}

static void restart(struct gdb *g, struct args *a)
{
    machine_request(g->m, TENON_POWER_RESET, 0);
}

/* How steps are made. */
static void step_bits(struct gdb *g, struct args *a)
{
    gdb_reply(g, "ENABLE=1,NOIRQ=2,NOTIMER=4");
}

static void get_step(struct gdb *g, struct args *a)
{
    char text[16];

    g_snprintf(text, sizeof(text), "0x%x", g->step);
    gdb_reply(g, text);
}

static void set_step(struct gdb *g, struct args *a)
{
    const uint64_t all = GDB_STEP | GDB_STEP_NO_IRQ | GDB_STEP_NO_TIMER;
    uint64_t bits;

    if (a->end - a->at > 2 && a->at[0] == '0' && a->at[1] == 'x')
        a->at += 2;
    if (!take_hex(a, &bits) || bits & ~all) {
        gdb_error(g, -EINVAL);
        return;
    }
    g->step = bits;
    gdb_reply(g, "OK");
}

/* ---- Questions ---- */

static bool offers(const struct args *a, const char *feature)
{
    char **list = g_strsplit(a->at, ";", -1);
    bool found = g_strv_contains((const char *const *)list, feature);

    g_strfreev(list);
    return found;
}

static void supported(struct gdb *g, struct args *a)
{
    char text[256];

    skip(a, ':');
    g->multiprocess = offers(a, "multiprocess+");
    g->swbreak = offers(a, "swbreak+");
    g->hwbreak = offers(a, "hwbreak+");
    g_snprintf(text, sizeof(text),
               "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;"
               "hwbreak+;binary-upload+%s",
               GDB_PACKET, g->multiprocess ? ";multiprocess+" : "");
    gdb_reply(g, text);
}

static void start_no_ack(struct gdb *g, struct args *a)
{
    gdb_reply(g, "OK");
    g->no_ack = true;
}

/* A part of the target description; 'l' before the last. */
static void read_description(struct gdb *g, struct args *a)
{
    const GString *xml = g->regs->xml;
    uint64_t from, n;
    GString *text;

    if (!take_range(a, &from, &n) || from > xml->len) {
        gdb_error(g, -EINVAL);
        return;
    }
    n = MIN(MIN(n, MOST_BYTES), xml->len - from);
    text = g_string_new(from + n == xml->len ? "l" : "m");
    g_string_append_len(text, xml->str + from, n);
    reply_string(g, text);
}

static void attached(struct gdb *g, struct args *a)
{
    gdb_reply(g, "1");
}

static void extended(struct gdb *g, struct args *a)
{
    gdb_reply(g, "OK");
}

static void extensions(struct gdb *g, struct args *a)
{
    gdb_reply(g, "sstepbits;sstep;PhyMemMode");
}

/* ---- Commands of the monitor ---- */

/* One that is being done; its debugger may leave meanwhile. */
struct gdb_question {
    struct gdb *g; /* NULL: it has */
    int cpu;
};

static void monitor_done(struct call *call)
{
    struct gdb_question *q = call->done_arg;
    const GString *said = call->text;
    struct gdb *g = q->g;

    g_free(q);
    if (!g)
        return;
    g->question = NULL;
    for (size_t at = 0, n; at < said->len; at += n) {
        GString *text = g_string_new("O");

        n = MIN(said->len - at, MOST_BYTES);
        put_bytes(text, (const uint8_t *)said->str + at, n);
        reply_string(g, text);
    }
    gdb_reply(g, "OK");
    gdb_flush(g);
}

static void monitor(struct gdb *g, struct args *a)
{
    char line[MOST_BYTES] = "";
    size_t n = (a->end - a->at) / 2;

    if (n >= sizeof(line) || !take_bytes(a, (uint8_t *)line, n) || a->at != a->end) {
        gdb_error(g, -EINVAL);
        return;
    }
    g->question = g_new(struct gdb_question, 1);
    *g->question = (struct gdb_question){ .g = g, .cpu = g->cpu->index };
    hmp_run(g->m, NULL, line, &g->question->cpu, monitor_done, g->question);
}

void gdb_question_drop(struct gdb_question *q)
{
    if (q)
        q->g = NULL;
}

/* ---- All of them; the first whose name begins the packet.  Others get the empty answer. ---- */

// clang-format off
static const struct {
    const char *name;
    void (*run)(struct gdb *g, struct args *a);
} commands[] = {
    { "?",                                why_stopped },
    { "!",                                extended },
    { "g",                                get_registers },
    { "G",                                set_registers },
    { "p",                                get_register },
    { "P",                                set_register },
    { "m",                                get_memory },
    { "x",                                get_memory_binary },
    { "M",                                set_memory },
    { "X",                                set_memory_binary },
    { "Z",                                insert_point },
    { "z",                                remove_point },
    { "c",                                run_on },
    { "C",                                run_on_signal },
    { "s",                                step },
    { "S",                                step_signal },
    { "H",                                set_thread },
    { "T",                                thread_alive },
    { "D",                                detach },
    { "k",                                end_program },
    { "R",                                restart },
    { "vCont?",                           resume_support },
    { "vCont",                            resume_threads },
    { "vAttach;",                         attach },
    { "vKill;",                           kill_process },
    { "qSupported",                       supported },
    { "QStartNoAckMode",                  start_no_ack },
    { "qXfer:features:read:target.xml:",  read_description },
    { "qThreadExtraInfo,",                describe_thread },
    { "qfThreadInfo",                     first_threads },
    { "qsThreadInfo",                     more_threads },
    { "qAttached",                        attached },
    { "qRcmd,",                           monitor },
    { "qqemu.sstepbits",                  step_bits },
    { "qqemu.sstep",                      get_step },
    { "Qqemu.sstep=",                     set_step },
    { "qqemu.PhyMemMode",                 get_physical },
    { "Qqemu.PhyMemMode:",                set_physical },
    { "qqemu.Supported",                  extensions },
    { "qC",                               current_thread },
};
// clang-format on

void gdb_command(struct gdb *g, const char *packet, size_t n)
{
    struct args a = { .end = packet + n };

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        size_t len = strlen(commands[i].name);

        if (len > n || memcmp(packet, commands[i].name, len))
            continue;
        a.at = packet + len;
        commands[i].run(g, &a);
        return;
    }
    gdb_reply(g, "");
}
