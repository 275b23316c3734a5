/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* call - one command that is being done: its arguments, its errors, its end. */

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cpu/accel.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/session.h"
#include "report.h"

const char class_generic[] = "GenericError", class_not_found[] = "CommandNotFound",
           class_device_not_found[] = "DeviceNotFound",
           class_device_not_active[] = "DeviceNotActive", class_kvm_missing[] = "KVMMissingCap";

/* ---- Arguments ---- */

const char *call_str(const struct call *call, const char *name)
{
    return text_of(call->args, name);
}

int64_t call_int(const struct call *call, const char *name, int64_t fallback)
{
    const json_t *value = json_object_get(call->args, name);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

bool call_bool(const struct call *call, const char *name, bool fallback)
{
    const json_t *value = json_object_get(call->args, name);

    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

bool call_has(const struct call *call, const char *name)
{
    return json_object_get(call->args, name);
}

struct vcpu *call_cpu(struct call *call, const char *name)
{
    struct machine *m = call->machine;
    int64_t n = call_int(call, name, call->cpu ? *call->cpu : 0);

    if (m->cpus && n >= 0 && n < (int64_t)m->info.cpus)
        return &m->cpus[n];
    if (!m->info.cpus)
        call_error(call, "this machine has no processors");
    else
        call_error(call,
                   "Parameter '%s' does not accept value '%" PRId64 "': processors are 0 to %u",
                   name, n, m->info.cpus - 1);
    return NULL;
}

bool guest_hold(struct machine *m)
{
    if (m->state != STATE_RUNNING)
        return false;
    vcpus_pause(m);
    return true;
}

void guest_release(struct machine *m, bool held)
{
    if (held)
        vcpus_resume(m);
}

/* ---- Results ---- */

static void set_error(struct call *call, const char *class, const char *fmt, va_list ap)
{
    g_free(call->error);
    call->error_class = class;
    call->error = g_strdup_vprintf(fmt, ap);
}

int call_error(struct call *call, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_error(call, class_generic, fmt, ap);
    va_end(ap);
    return -1;
}

int call_error_class(struct call *call, const char *class, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    set_error(call, class, fmt, ap);
    va_end(ap);
    return -1;
}

void call_print(struct call *call, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(call->text, fmt, ap);
    va_end(ap);
}

int call_human(struct call *call)
{
    if (!call->hmp)
        call->result = json_pack("{s:s}", "human-readable-text", call->text->str);
    return 0;
}

/* ---- Beginning and end ---- */

/* What the core reports while the command runs. */
static void note(void *arg, const char *line)
{
    struct call *call = arg;
    const char *text = strstr(line, "tenon: ");

    g_string_append(call->reported, text ? text + strlen("tenon: ") : line);
}

static void fail_as_reported(struct call *call)
{
    if (call->error)
        return;
    g_strchomp(call->reported->str);
    call_error(call, "%s", *call->reported->str ? call->reported->str : "the command failed");
}

static void conclude(struct call *call)
{
    if (call->session)
        g_ptr_array_remove(call->session->calls, call);
    if (call->hmp && call->error)
        call_print(call, "Error: %s\n", call->error);
    else if (call->hmp && call->command && call->command->print && call->result)
        call->command->print(call);
    call->done(call);
    json_decref(call->args);
    json_decref(call->result);
    json_decref(call->id);
    g_free(call->error);
    g_string_free(call->text, TRUE);
    g_string_free(call->reported, TRUE);
    g_free(call);
}

void call_finish(struct call *call)
{
    call->finished = true;
    if (!call->running)
        conclude(call);
}

/* What was said although all went well. */
static void pass_on(struct call *call)
{
    if (call->hmp)
        g_string_append(call->text, call->reported->str);
    else if (call->reported->len)
        report(NULL, "%s", g_strchomp(call->reported->str));
}

static void run(struct call *call)
{
    struct monitors *all = monitors_of(call->machine);
    struct call *outer = all->current;
    int status;

    all->current = call;
    report_redirect(note, call);
    call->running = true;
    status = call->command->run(call);
    call->running = false;
    all->current = outer;
    report_redirect(outer ? note : NULL, outer);
    if (status < 0)
        fail_as_reported(call);
    else
        pass_on(call);
    call->finished |= status != CALL_LATER;
}

void call_start(struct machine *m, struct session *s, const struct command *command, json_t *args,
                json_t *id, bool hmp, int *cpu, void (*done)(struct call *call), void *done_arg)
{
    struct call *call = g_new0(struct call, 1);

    call->machine = m;
    call->command = command;
    call->session = s;
    call->args = args;
    call->id = id;
    call->hmp = hmp;
    call->cpu = cpu;
    call->text = g_string_new(NULL);
    call->reported = g_string_new(NULL);
    call->done = done;
    call->done_arg = done_arg;
    if (s)
        g_ptr_array_add(s->calls, call);
    run(call);
    if (call->finished)
        conclude(call);
}
