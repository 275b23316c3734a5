/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-debug - commands for who debugs a guest: the log, trace events, gdb. */

#include <string.h>
#include <sys/stat.h>

#include "cpu/accel.h"
#include "debug/disas.h"
#include "debug/gdb.h"
#include "debug/log.h"
#include "debug/trace.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"

/* why is what a function of the log says went wrong. */
static int outcome(struct call *call, bool ok, char *why)
{
    if (!ok)
        call_error(call, "%s", why ? why : "it cannot be done");
    g_free(why);
    return ok ? 0 : -1;
}

static void print_item(void *call, const char *name, const char *help, bool on)
{
    call_print(call, "%-15s %s%s\n", name, help, on ? " (on)" : "");
}

/* Processors that run see new items when they come back. */
static int set_items(struct call *call, const char *items)
{
    struct machine *m = call->machine;
    char *why = NULL;
    bool held = guest_hold(m), ok = log_set_items(items, &why),
         mute = ok && log_on(LOG_ASSEMBLY) && !disas_open(m, NULL);

    if (mute)
        log_set_items("none", &why);
    guest_release(m, held);
    return mute ? -1 : outcome(call, ok, why);
}

static int do_log(struct call *call)
{
    const char *items = call_str(call, "items");

    if (!strcmp(items, "help")) {
        log_each(print_item, call);
        return 0;
    }
    return set_items(call, items);
}

static int do_logfile(struct call *call)
{
    const char *path = call_str(call, "filename");
    char *why = NULL;
    struct stat st;
    bool ok;

    if (!stat(path, &st) && S_ISFIFO(st.st_mode))
        return call_error(call, "'%s' is a pipe, for which the machine might have to wait", path);
    ok = log_set_file(path, &why);
    return outcome(call, ok, why);
}

static int do_dfilter(struct call *call)
{
    char *why = NULL;
    bool ok = log_set_filter(call_str(call, "ranges"), &why);

    return outcome(call, ok, why);
}

/* ---- gdb ---- */

static int do_gdbserver(struct call *call)
{
    const char *dev = call_has(call, "device") ? call_str(call, "device") : "tcp::1234";

    if (gdb_start(call->machine, dev, "gdbserver"))
        return -1;
    if (strcmp(dev, "none"))
        call_print(call, "Waiting for gdb connection on device '%s'\n", dev);
    else
        call_print(call, "Disabled gdbserver\n");
    return 0;
}

static int do_one_insn(struct call *call)
{
    struct machine *m = call->machine;
    const char *option = call_str(call, "option");
    bool on = !option || !strcmp(option, "on"), held, ok;

    if (!on && strcmp(option, "off"))
        return call_error(call, "it is \"on\" or \"off\", not \"%s\"", option);
    held = guest_hold(m);
    ok = accel_set_one_insn(m, on);
    guest_release(m, held);
    return ok ? 0 : call_error(call, "%s runs guest code as it is", m->accel->ops->name);
}

/* ---- Trace events ---- */

/* QMP's: an event that must be there unless it says that it need not. */
static int do_set_event(struct call *call)
{
    const char *name = call_str(call, "name");
    bool on;

    if (!strpbrk(name, "*?") && !trace_state(name, &on) &&
        !call_bool(call, "ignore-unavailable", false))
        return call_error(call, "unknown event \"%s\"", name);
    trace_set(name, call_bool(call, "enable", true));
    return 0;
}

struct states {
    json_t *list;
    const char *pattern;
};

static void add_state(void *arg, const char *name, bool on)
{
    struct states *s = arg;

    if (g_pattern_match_simple(s->pattern, name))
        json_array_append_new(s->list, json_pack("{s:s, s:s, s:b}", "name", name, "state",
                                                 on ? "enabled" : "disabled", "vcpu", false));
}

static int do_get_states(struct call *call)
{
    const char *pattern = call_str(call, "name");
    struct states s = { json_array(), pattern ? pattern : "*" };

    trace_each(add_state, &s);
    call->result = s.list;
    if (pattern && !strpbrk(pattern, "*?") && !json_array_size(s.list))
        return call_error(call, "unknown event \"%s\"", pattern);
    return 0;
}

static void print_states(struct call *call)
{
    size_t i;
    json_t *event;

    json_array_foreach(call->result, i, event)
    {
        bool on = !strcmp(text_of(event, "state"), "enabled");

        call_print(call, "%s : state %d\n", text_of(event, "name"), on);
    }
}

// clang-format off
static const struct command commands[] = {
    { .hmp = "log", .line = "items:str", .params = "item1[,...]", .run = do_log,
      .help = "choose what is logged; 'log help' lists the items, 'none' is none" },
    { .hmp = "logfile", .line = "filename:file", .params = "file", .run = do_logfile,
      .help = "write the log to a file" },
    { .hmp = "dfilter", .line = "ranges:rest", .params = "range[,...]", .run = do_dfilter,
      .help = "log only code in these ranges" },
    { .hmp = "gdbserver", .line = "?device:str", .params = "[device]", .run = do_gdbserver,
      .help = "wait for gdb on a character device, [tcp::1234]; 'none' ends it" },
    { .hmp = "one-insn-per-tb|singlestep", .line = "?option:str", .params = "[on|off]", .run = do_one_insn,
      .help = "decode one guest instruction at a time, [on]" },
    { "trace-event-set-state", "name:str enable:bool ?ignore-unavailable:bool", .run = do_set_event,
      .hmp = "trace-event", .line = "name:trace enable:bool", .params = "name on|off",
      .help = "switch trace events, whose names may have * and ? in them" },
    { "trace-event-get-state", "name:str", "[TraceEventInfo]", .run = do_get_states },
    { .run = do_get_states, .hmp = "info trace-events", .line = "?name:trace", .params = "[name]", .print = print_states,
      .help = "trace events, and whether they are on" },
};

static const struct shape shapes[] = {
    ENUM("TraceEventState", "unavailable disabled enabled"),
    OBJECT("TraceEventInfo", "name:str state:TraceEventState vcpu:bool"),
};
// clang-format on

const struct command_table debug_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
