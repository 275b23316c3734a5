/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qmp - a monitor for programs: JSON objects in, JSON objects and events out.
 *
 * Reference: "QEMU Machine Protocol Specification".
 *
 * Commands of a session are done one after another, in order; those sent with exec-oob pass them.
 * An error in what was received waits for its turn as a command does.
 */

#include <string.h>

#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/json-split.h"
#include "monitor/qmp.h"
#include "monitor/session.h"
#include "options/version.h"

#define QUEUE_MOST 8

/* A command or an error that waits. */
struct request {
    const struct command *command; /* NULL: it is an error */
    json_t *args, *id;
    const char *error_class;
    char *error;
};

struct qmp {
    struct json_split json;
    bool negotiated, oob;
    GQueue queue; /* of struct request */
    bool running; /* the one taken from the queue last has not finished */
};

static void request_free(void *arg)
{
    struct request *r = arg;

    json_decref(r->args);
    json_decref(r->id);
    g_free(r->error);
    g_free(r);
}

/* ---- Output ---- */

static void send(struct session *s, json_t *object)
{
    size_t flags = s->pretty ? JSON_INDENT(4) : 0;
    char *text = json_dumps(object, flags | JSON_ENSURE_ASCII);

    if (text) {
        session_print(s, text, strlen(text));
        session_print(s, "\r\n", 2);
    }
    free(text);
    json_decref(object);
}

static void send_error(struct session *s, const char *class, const char *desc, json_t *id)
{
    json_t *reply = json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", desc);

    if (!reply) /* the text is the peer's own, and no UTF-8 */
        reply = json_pack("{s:{s:s, s:s}}", "error", "class", class, "desc", "malformed request");
    if (id)
        json_object_set(reply, "id", id);
    send(s, reply);
}

void qmp_event(struct session *s, json_t *event)
{
    if (s->open && s->qmp->negotiated && !session_drowned(s))
        send(s, json_incref(event));
    session_flush(s);
}

json_t *qmp_version(void)
{
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "micro", 0, "minor", 2, "major", 7,
                     "package", "Tenon " TENON_VERSION);
}

/* ---- Doing commands ---- */

static void respond(struct call *call)
{
    struct session *s = call->session;
    json_t *reply;

    if (!s)
        return;
    if (call->error) {
        send_error(s, call->error_class, call->error, call->id);
        return;
    }
    reply = json_pack("{s:o}", "return", call->result ? call->result : json_object());
    call->result = NULL;
    if (call->id)
        json_object_set(reply, "id", call->id);
    send(s, reply);
}

static void in_band_done(struct call *call)
{
    struct session *s = call->session;

    respond(call);
    if (!s)
        return;
    s->qmp->running = false;
    if (s->busy)
        return; /* qmp_next() or session_pump() goes on */
    qmp_next(s);
    session_pump(s);
}

/* Preconfiguration ends before the board is built, or never began. */
static const char *refusal(struct session *s, const struct request *r, const char **class)
{
    *class = class_generic;
    if (s->machine->preconfig && !(r->command->flags & CMD_PRECONFIG))
        return "The command isn't permitted in 'preconfig' state";
    return NULL;
}

static void start(struct session *s, struct request *r, void (*done)(struct call *call))
{
    const char *class, *why = refusal(s, r, &class);
    char *wrong = why ? g_strdup(why) : schema_check(r->command, r->args);

    if (wrong) {
        send_error(s, class, wrong, r->id);
        g_free(wrong);
        return;
    }
    if (done == in_band_done)
        s->qmp->running = true;
    call_start(s->machine, s, r->command, json_incref(r->args), json_incref(r->id), false, NULL,
               done, NULL);
}

void qmp_next(struct session *s)
{
    struct request *r;
    bool busy = s->busy;

    s->busy = true;
    while (s->open && !s->qmp->running && !session_clogged(s) && !s->pending &&
           (r = g_queue_pop_head(&s->qmp->queue))) {
        if (r->command)
            start(s, r, in_band_done);
        else
            send_error(s, r->error_class, r->error, r->id);
        request_free(r);
    }
    s->busy = busy;
}

/* ---- Input ---- */

static bool wrong(struct request *r, const char *class, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    r->command = NULL;
    r->error_class = class;
    r->error = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return false;
}

/* The members of a request: which command, in which band. */
static bool read_members(struct session *s, json_t *object, struct request *r, json_t **execute,
                         bool *oob)
{
    const char *name;
    json_t *v;

    json_object_foreach(object, name, v)
    {
        bool is_oob = !strcmp(name, "exec-oob") && s->qmp->oob;

        if (is_oob || !strcmp(name, "execute")) {
            if (*execute)
                return wrong(r, class_generic,
                             "QMP input members 'execute' and 'exec-oob' exclude "
                             "each other");
            *execute = v;
            *oob = is_oob;
            if (!json_is_string(v))
                return wrong(r, class_generic, "QMP input member '%s' must be a string", name);
        } else if (!strcmp(name, "arguments")) {
            if (!json_is_object(v))
                return wrong(r, class_generic, "QMP input member 'arguments' must be an object");
            r->args = json_incref(v);
        } else if (strcmp(name, "id")) {
            return wrong(r, class_generic, "QMP input member '%s' is unexpected", name);
        }
    }
    return *execute || wrong(r, class_generic, "QMP input lacks member 'execute'");
}

static bool find_command(struct session *s, struct request *r, const char *name, bool oob)
{
    bool negotiates = !strcmp(name, "qmp_capabilities");

    if (!s->qmp->negotiated && !negotiates)
        return wrong(r, class_not_found,
                     "Expecting capabilities negotiation with 'qmp_capabilities'");
    if (s->qmp->negotiated && negotiates)
        return wrong(r, class_not_found,
                     "Capabilities negotiation is already complete, command ignored");
    r->command = command_find(name);
    if (!r->command)
        return wrong(r, class_not_found, "The command %s has not been found", name);
    if (oob && !(r->command->flags & CMD_OOB))
        return wrong(r, class_generic, "The command %s does not support OOB", name);
    return true;
}

static struct request *error_request(const char *error)
{
    struct request *r = g_new0(struct request, 1);

    wrong(r, class_generic, "%s", error);
    return r;
}

static struct request *read_request(struct session *s, const char *text, size_t len, bool *oob)
{
    json_error_t why;
    json_t *object = json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &why);
    json_t *execute = NULL;
    struct request *r = g_new0(struct request, 1);

    *oob = false;
    if (!object) {
        wrong(r, class_generic, "JSON parse error, %s", why.text);
    } else if (!json_is_object(object)) {
        wrong(r, class_generic, "QMP input must be a JSON object");
    } else {
        r->id = json_incref(json_object_get(object, "id"));
        if (read_members(s, object, r, &execute, oob))
            find_command(s, r, json_string_value(execute), *oob);
    }
    if (!r->args)
        r->args = json_object();
    json_decref(object);
    return r;
}

/* Whether one more request may be looked at. */
static bool may_take(const struct session *s)
{
    unsigned waiting = g_queue_get_length((GQueue *)&s->qmp->queue);

    return s->qmp->oob ? waiting < QUEUE_MOST : !waiting && !s->qmp->running;
}

static void put(struct session *s, struct request *r, bool oob)
{
    if (oob && r->command) {
        start(s, r, respond);
        request_free(r);
        return;
    }
    g_queue_push_tail(&s->qmp->queue, r);
    qmp_next(s);
}

/* Looks at the input up to the end of one request. */
static size_t take_one(struct session *s, const uint8_t *buf, size_t len)
{
    struct json_split *json = &s->qmp->json;
    const char *error;
    struct request *r;
    bool oob = false;
    size_t took;

    switch (json_split_feed(json, buf, len, &took, &error)) {
    case JSON_MORE: return took;
    case JSON_ERROR: r = error_request(error); break;
    default: r = read_request(s, json->text->str, json->text->len, &oob); break;
    }
    json_split_next(json);
    put(s, r, oob);
    return took;
}

size_t qmp_take(struct session *s, const uint8_t *buf, size_t len)
{
    size_t took = 0;

    while (!took && may_take(s)) /* a word ends where the next value begins: none of it is taken */
        took = take_one(s, buf, len);
    return took;
}

/* ---- Start and end ---- */

void qmp_open(struct session *s)
{
    s->qmp = g_new0(struct qmp, 1);
    json_split_init(&s->qmp->json);
    g_queue_init(&s->qmp->queue);
    send(s, json_pack("{s:{s:o, s:[s]}}", "QMP", "version", qmp_version(), "capabilities", "oob"));
}

void qmp_close(struct session *s)
{
    json_split_finish(&s->qmp->json);
    g_queue_clear_full(&s->qmp->queue, request_free);
    g_clear_pointer(&s->qmp, g_free);
}

void qmp_negotiated(struct session *s, bool oob)
{
    s->qmp->negotiated = true;
    s->qmp->oob = oob;
}
