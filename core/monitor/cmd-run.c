/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-run - commands that run, stop, reset and end the machine, and the events of all that. */

#include <string.h>

#include "cpu/accel.h"
#include "machine/machine.h"
#include "machine/runstate.h"
#include "monitor/command.h"
#include "monitor/commands.h"

static int do_stop(struct call *call)
{
    if (call->machine->state == STATE_RUNNING)
        machine_pause(call->machine, STATE_PAUSED);
    return 0;
}

static int do_cont(struct call *call)
{
    struct machine *m = call->machine;

    if (m->state == STATE_SHUTDOWN || m->state == STATE_ERROR)
        return call_error(call, "Resetting the Virtual Machine is required");
    if (m->state != STATE_SUSPENDED) /* which something has to wake */
        machine_resume(m);
    return 0;
}

static int do_reset(struct call *call)
{
    machine_restart(call->machine, "host-qmp-system-reset");
    return 0;
}

static int do_powerdown(struct call *call)
{
    machine_power_button(call->machine);
    return 0;
}

static int do_wakeup(struct call *call)
{
    if (call->machine->state != STATE_SUSPENDED)
        return call_error(call, "Unable to wake up: guest is not in suspended state");
    machine_wake(call->machine);
    return 0;
}

static int do_quit(struct call *call)
{
    machine_quit(call->machine, 0, "host-qmp-quit");
    return 0;
}

static int do_exit_preconfig(struct call *call)
{
    if (!call->machine->preconfig)
        return call_error(call, "The command is permitted only before machine initialization");
    if (call->machine->request)
        return call_error(call, "the program is about to end");
    return machine_exit_preconfig(call->machine);
}

static int do_set_action(struct call *call)
{
    static const char *const panics[] = { "pause", "shutdown", "exit-failure", "none" };
    struct machine *m = call->machine;
    const char *reboot = call_str(call, "reboot"), *shutdown = call_str(call, "shutdown"),
               *panic = call_str(call, "panic");

    if (reboot)
        m->no_reboot = !strcmp(reboot, "shutdown");
    if (shutdown)
        m->no_shutdown = !strcmp(shutdown, "pause");
    for (unsigned i = 0; panic && i < G_N_ELEMENTS(panics); i++)
        if (!strcmp(panic, panics[i]))
            m->on_panic = panics[i];
    return 0;
}

static int do_status(struct call *call)
{
    struct machine *m = call->machine;

    call->result = json_pack("{s:b, s:b, s:s}", "running", m->state == STATE_RUNNING, "singlestep",
                             accel_one_insn(m), "status", run_state_name(m->state));
    return 0;
}

static void print_status(struct call *call)
{
    bool running = json_is_true(json_object_get(call->result, "running"));
    const char *status = text_of(call->result, "status");

    call_print(call, "VM status: %s", running ? "running" : "paused");
    if (json_is_true(json_object_get(call->result, "singlestep")))
        call_print(call, " (single step mode)");
    if (!running && strcmp(status, "paused"))
        call_print(call, " (%s)", status);
    call_print(call, "\n");
}

// clang-format off
static const struct command commands[] = {
    { "stop", .run = do_stop, .hmp = "stop|s", .help = "stop the guest" },
    { "cont", .run = do_cont, .hmp = "cont|c", .help = "let the guest run" },
    { "system_reset", .run = do_reset, .hmp = "system_reset", .help = "reset the machine" },
    { "system_powerdown", .run = do_powerdown,
      .hmp = "system_powerdown", .help = "press the power button" },
    { "system_wakeup", .run = do_wakeup,
      .hmp = "system_wakeup", .help = "wake the machine from sleep" },
    { "x-exit-preconfig", .flags = CMD_PRECONFIG, .run = do_exit_preconfig,
      .hmp = "exit_preconfig", .help = "let the board be built, after -preconfig" },
    { "quit", .flags = CMD_PRECONFIG, .run = do_quit, .hmp = "quit|q", .help = "end the program" },
    { "set-action", "?reboot:RebootAction ?shutdown:ShutdownAction ?panic:PanicAction",
      .flags = CMD_PRECONFIG, .run = do_set_action },
    { "query-status", NULL, "StatusInfo", CMD_OOB | CMD_PRECONFIG, .run = do_status,
      .hmp = "info status", .print = print_status, .help = "whether the guest runs" },
};

static const struct shape shapes[] = {
    ENUM("RunState", "prelaunch running paused suspended shutdown guest-panicked internal-error"),
    OBJECT("StatusInfo", "running:bool singlestep:bool status:RunState"),
    ENUM("RebootAction", "reset shutdown"),
    ENUM("ShutdownAction", "poweroff pause"),
    ENUM("PanicAction", "pause shutdown exit-failure none"),
    ENUM("ShutdownCause", "host-error host-qmp-quit host-qmp-system-reset host-signal guest-shutdown guest-reset "
                          "guest-panic"),
    ENUM("GuestPanicAction", "pause poweroff run"),
};

static const struct event_row events[] = {
    { .name = "RTC_CHANGE", .args = "offset:int qom-path:str", .at_most = 1000 },
    { .name = "STOP" },
    { .name = "RESUME" },
    { .name = "SUSPEND" },
    { .name = "WAKEUP" },
    { .name = "POWERDOWN" },
    { .name = "RESET", .args = "guest:bool reason:ShutdownCause" },
    { .name = "SHUTDOWN", .args = "guest:bool reason:ShutdownCause" },
    { .name = "GUEST_PANICKED", .args = "action:GuestPanicAction" },
    { .name = "GUEST_CRASHLOADED", .args = "action:GuestPanicAction" },
};
// clang-format on

const struct command_table run_commands = TABLE(commands, shapes, events);
