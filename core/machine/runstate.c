/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runstate - running, pausing, resetting and ending a machine. */

#include "machine/runstate.h"

#include <string.h>

#include "cpu/accel.h"
#include "debug/points.h"
#include "debug/events.h"
#include "machine/inst.h"
#include "machine/plug.h"
#include "monitor/event.h"

const char *run_state_name(enum run_state state)
{
    static const char *const names[] = {
        [STATE_PRELAUNCH] = "prelaunch",  [STATE_RUNNING] = "running",
        [STATE_PAUSED] = "paused",        [STATE_SUSPENDED] = "suspended",
        [STATE_SHUTDOWN] = "shutdown",    [STATE_PANICKED] = "guest-panicked",
        [STATE_ERROR] = "internal-error", [STATE_DEBUG] = "debug",
    };

    return names[state];
}

/* ---- Run and pause ---- */

static void set_time(struct machine *m, bool running)
{
    if (m->time_runs == running)
        return;
    m->time_runs = running;
    if (m->accel->ops->time)
        m->accel->ops->time(m->accel, running);
    loop_guest_time(m->loop, running);
}

static void set_state(struct machine *m, enum run_state state)
{
    trace(runstate_set, run_state_name(m->state), run_state_name(state));
    m->state = state;
}

void machine_listen(struct machine *m, struct run_listener *listener)
{
    listener->next = m->run_listeners;
    m->run_listeners = listener;
}

void machine_unlisten(struct machine *m, struct run_listener *listener)
{
    struct run_listener **at = &m->run_listeners;

    while (*at && *at != listener)
        at = &(*at)->next;
    if (*at)
        *at = listener->next;
}

/* A listener may take itself off. */
static void call_listeners(struct machine *m)
{
    for (struct run_listener *l = m->run_listeners, *next; l; l = next) {
        next = l->next;
        l->changed(l->arg, m->state);
    }
}

static void go(struct machine *m)
{
    set_state(m, STATE_RUNNING);
    set_time(m, !m->hold_time);
    vcpus_resume(m);
    call_listeners(m);
}

void machine_resume(struct machine *m)
{
    if (m->state == STATE_RUNNING)
        return;
    event_emit(m, "RESUME", NULL);
    go(m);
}

/* The event is for a machine that has run until now; NULL: none. */
static void halt(struct machine *m, enum run_state why, const char *event)
{
    bool running = m->state == STATE_RUNNING, news = m->state != why;

    if (running) {
        vcpus_pause(m);
        set_time(m, false);
    }
    set_state(m, why);
    if (running && event)
        event_emit(m, event, NULL);
    if (news)
        call_listeners(m);
}

void machine_pause(struct machine *m, enum run_state why)
{
    halt(m, why, why == STATE_SUSPENDED ? "SUSPEND" : "STOP");
}

void machine_reset(struct machine *m)
{
    bool running = m->state == STATE_RUNNING;

    if (running)
        vcpus_pause(m);
    m->has_start = false;
    space_begin(m->mem);
    space_begin(m->io);
    for (struct inst *i = m->insts; i; i = i->next)
        if (i != m->board)
            inst_reset(i);
    space_end(m->io);
    space_end(m->mem);
    if (m->accel->ops->chips_reset)
        m->accel->ops->chips_reset(m->accel);
    if (m->board)
        inst_reset(m->board); /* last: it may place a kernel and say where to start */
    vcpus_reset(m, m->has_start ? &m->start : NULL);
    points_restore(m);
    if (running)
        vcpus_resume(m);
}

/* ---- Requests ---- */

/* cause is one of QEMU's ShutdownCause: "guest-reset". */
static void tell(struct machine *m, const char *event, const char *cause)
{
    event_emit(m, event, "{s:b, s:s}", "guest", !strncmp(cause, "guest", 5), "reason", cause);
}

/* SHUTDOWN is the last event of a program that ends. */
static void end(struct machine *m, int code, const char *cause)
{
    tell(m, "SHUTDOWN", cause);
    halt(m, STATE_SHUTDOWN, NULL);
    m->exit_code = code;
    loop_quit(m->loop);
}

static void power_off(struct machine *m, const char *cause)
{
    if (!m->no_shutdown) {
        end(m, 0, cause);
        return;
    }
    tell(m, "SHUTDOWN", cause);
    machine_pause(m, STATE_SHUTDOWN);
}

void machine_restart(struct machine *m, const char *cause)
{
    if (m->no_reboot) {
        power_off(m, cause);
        return;
    }
    if (m->state == STATE_RUNNING)
        vcpus_pause(m);
    unplug_waiting(m);
    machine_reset(m);
    if (m->state == STATE_SUSPENDED)
        go(m);
    else if (m->state != STATE_RUNNING)
        set_state(m, STATE_PRELAUNCH);
    tell(m, "RESET", cause);
}

void machine_failed(struct machine *m)
{
    machine_pause(m, STATE_ERROR);
    if (m->no_shutdown)
        return;
    m->exit_code = 1;
    loop_quit(m->loop);
}

static void panicked(struct machine *m)
{
    bool pause = !strcmp(m->on_panic, "pause"), none = !strcmp(m->on_panic, "none");

    event_emit(m, "GUEST_PANICKED", "{s:s}", "action", pause ? "pause" : none ? "run" : "poweroff");
    if (none)
        return;
    if (!strcmp(m->on_panic, "exit-failure"))
        end(m, 1, "guest-panic");
    else if (pause || m->no_shutdown)
        machine_pause(m, STATE_PANICKED);
    else
        end(m, 0, "guest-panic");
}

static void handle_request(void *arg)
{
    struct machine *m = arg;
    unsigned what = __atomic_load_n(&m->request, __ATOMIC_ACQUIRE);

    if (!what)
        return;
    if (m->state == STATE_RUNNING)
        vcpus_pause(m);
    __atomic_store_n(&m->request, 0, __ATOMIC_RELEASE);
    switch (what) {
    case TENON_POWER_RESET: machine_restart(m, "guest-reset"); break;
    case TENON_POWER_OFF: power_off(m, "guest-shutdown"); break;
    case TENON_POWER_EXIT:
        end(m, m->request_code, m->request_cause ? m->request_cause : "guest-shutdown");
        break;
    case TENON_POWER_PANIC: panicked(m); break;
    case TENON_POWER_CRASH_LOADED:
        event_emit(m, "GUEST_CRASHLOADED", "{s:s}", "action", "run");
        break;
    case TENON_POWER_SUSPEND: machine_pause(m, STATE_SUSPENDED); break;
    }
    if (m->state == STATE_RUNNING)
        vcpus_resume(m);
}

/* Which of two requests at once is heeded. */
static unsigned weight(unsigned what)
{
    switch (what) {
    case TENON_POWER_EXIT: return 6;
    case TENON_POWER_OFF: return 5;
    case TENON_POWER_RESET: return 4;
    case TENON_POWER_PANIC: return 3;
    case TENON_POWER_SUSPEND: return 2;
    case TENON_POWER_CRASH_LOADED: return 1; /* the guest goes on: of interest to monitors alone */
    default: return 0;
    }
}

/* Called with the board locked, by a device, or by a processor's thread, unlocked. */
void machine_request(struct machine *m, uint32_t what, int code)
{
    unsigned now = __atomic_load_n(&m->request, __ATOMIC_ACQUIRE);

    trace(qemu_system_shutdown_request, what, code);
    do
        if (weight(what) <= weight(now))
            return;
    while (!__atomic_compare_exchange_n(&m->request, &now, what, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE));
    if (what == TENON_POWER_EXIT)
        m->request_code = code;
    loop_call(m->loop, handle_request, m);
}

void machine_wake(struct machine *m)
{
    trace(system_wakeup_request, run_state_name(m->state));
    if (m->state != STATE_SUSPENDED)
        return;
    event_emit(m, "WAKEUP", NULL);
    machine_reset(m);
    go(m);
}

void machine_power_button(struct machine *m)
{
    event_emit(m, "POWERDOWN", NULL);
    for (struct inst *i = m->insts; i; i = i->next)
        if (i->button)
            i->button(i->state);
}

void machine_quit(struct machine *m, int code, const char *cause)
{
    __atomic_store_n(&m->request_cause, cause, __ATOMIC_RELEASE);
    machine_request(m, TENON_POWER_EXIT, code);
}

int machine_run(struct machine *m)
{
    loop_lock(m->loop);
    m->live = true;
    if (!m->start_paused && !m->preconfig)
        machine_resume(m);
    loop_unlock(m->loop);
    loop_run(m->loop);
    return m->exit_code;
}
