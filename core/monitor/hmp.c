/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hmp - a monitor for people: lines in, text out. */

#include "monitor/hmp.h"

#include <string.h>

#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/edit.h"
#include "monitor/line.h"
#include "monitor/schema.h"
#include "monitor/session.h"
#include "options/version.h"

struct hmp {
    struct edit edit;
    int cpu;      /* of "cpu N" */
    bool running; /* a command is being done */
};

/* ---- Doing a line ---- */

char *hmp_line_ends(const char *text)
{
    char **lines = g_strsplit(text, "\n", -1), *joined = g_strjoinv("\r\n", lines);

    g_strfreev(lines);
    return joined;
}

/* The command of a line that is wrong, or empty. */
static int say(struct call *call)
{
    const char *text = call_str(call, "text");

    if (text && *text)
        call_print(call, "%s\n", text);
    return 0;
}

static const struct command saying = { .run = say };

static char *unknown(const char *line)
{
    line += strspn(line, " ");
    return *line ? g_strdup_printf("unknown command: '%s'; 'help' lists what there is", line)
                 : g_strdup("");
}

static char *refusal(struct machine *m, const struct command *command, const json_t *args)
{
    if (m->preconfig && !(command->flags & CMD_PRECONFIG))
        return g_strdup("not before the machine is made: exit_preconfig");
    return command->args && command->name ? schema_check(command, (json_t *)args) : NULL;
}

void hmp_run(struct machine *m, struct session *s, const char *line, int *cpu,
             void (*done)(struct call *call), void *done_arg)
{
    const char *rest;
    const struct command *command = line_command(line, &rest);
    json_t *args = NULL;
    char *error = command ? line_args(m, *cpu, command, rest, &args) : unknown(line);

    if (!error)
        error = refusal(m, command, args);
    if (error) {
        json_decref(args);
        args = json_pack("{s:s}", "text", error);
        command = &saying;
        if (!args)
            args = json_pack("{s:s}", "text", "the line is no text");
    }
    g_free(error);
    call_start(m, s, command, args, NULL, true, cpu, done, done_arg);
}

/* ---- The session ---- */

static void print(void *session, const char *text, size_t len)
{
    session_print(session, text, len);
}

static GPtrArray *complete(void *session, const char *line, size_t *word)
{
    return line_complete(((struct session *)session)->machine, line, word);
}

static void line_done(struct call *call)
{
    struct session *s = call->session;
    char *text;

    if (!s)
        return;
    text = hmp_line_ends(call->text->str);
    session_print(s, text, strlen(text));
    g_free(text);
    s->hmp->running = false;
    edit_prompt(&s->hmp->edit);
    session_flush(s);
    session_pump(s);
}

void hmp_focus(struct session *s)
{
    if (!s->hmp->running)
        edit_prompt_again(&s->hmp->edit);
}

size_t hmp_take(struct session *s, const uint8_t *buf, size_t len)
{
    struct hmp *hmp = s->hmp;
    char *line;

    if (hmp->running)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!edit_byte(&hmp->edit, buf[i]))
            continue;
        hmp->running = true;
        line = g_strdup(hmp->edit.line->str);
        hmp_run(s->machine, s, line, &hmp->cpu, line_done, NULL);
        g_free(line);
        return i + 1;
    }
    return len;
}

void hmp_open(struct session *s)
{
    static const char banner[] =
        "Tenon " TENON_VERSION " monitor - type 'help' for more information\r\n";

    s->hmp = g_new0(struct hmp, 1);
    edit_init(&s->hmp->edit, "(qemu) ");
    s->hmp->edit.print = print;
    s->hmp->edit.complete = complete;
    s->hmp->edit.arg = s;
    session_print(s, banner, strlen(banner));
    edit_prompt(&s->hmp->edit);
}

void hmp_close(struct session *s)
{
    edit_finish(&s->hmp->edit);
    g_clear_pointer(&s->hmp, g_free);
}

const GPtrArray *hmp_history(const struct session *s)
{
    return s && s->mode == MONITOR_HMP && s->hmp ? s->hmp->edit.history : NULL;
}
