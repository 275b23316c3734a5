/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* session - one monitor: what goes in and out, and what it is working on. */
#ifndef TENON_CORE_MONITOR_SESSION_H
#define TENON_CORE_MONITOR_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

#include "monitor/monitor.h"

struct call;
struct command;
struct machine;
struct qmp;
struct hmp;

#define N_FDS_KEPT 16

struct session {
    struct machine *machine;
    struct session *next;
    enum monitor_mode mode;
    bool pretty, open;
    bool muted;  /* of HMP: the far end is somebody else's now, output is kept */
    bool busy;   /* the input is being looked at */
    int pending; /* TENON_CHR_* that came meanwhile, or 0 */
    size_t (*write)(void *arg, const void *buf, size_t len); /* as tenon_chardev_ops.write */
    void (*accept)(void *arg);                               /* there is room() again */
    void *arg;
    GByteArray *in; /* received, not looked at yet */
    GString *out;   /* not taken yet */
    int fds[N_FDS_KEPT];
    unsigned n_fds;
    GPtrArray *calls; /* those of its commands that are going on */
    union {
        struct qmp *qmp;
        struct hmp *hmp;
    };
};

/* What all sessions of a machine share. */
struct monitors {
    struct session *sessions;
    struct call *current; /* whose run() runs */
    GHashTable *limited;  /* of event.c */
};

/* The machine's, made if need be. */
struct monitors *monitors_of(struct machine *m);

/* A session that write() gets the output of.  [main, locked] */
struct session *session_create(struct machine *m, enum monitor_mode mode, bool pretty,
                               size_t (*write)(void *arg, const void *buf, size_t len),
                               void (*accept)(void *arg), void *arg);
void session_destroy(struct session *s);
/* As of struct tenon_chr_user. */
size_t session_room(void *session);
void session_receive(void *session, const void *buf, size_t len);
void session_writable(void *session);
void session_event(void *session, int event);
void session_fds(void *session, const int *fds, unsigned n);

/* Adds to the output; session_flush() sends it. */
void session_print(struct session *s, const char *text, size_t len);
void session_flush(struct session *s);
/* Looks at more of the input, if nothing is in the way any more. */
void session_pump(struct session *s);
/* Whether so much output waits that no more commands are taken; that events are not kept. */
bool session_clogged(const struct session *s);
bool session_drowned(const struct session *s);
/* The oldest descriptor that has come in, or -1; it is the caller's. */
int session_take_fd(struct session *s);

/* ---- Calls ---- */

/*
 * Begins a command; takes args and id.  done(call) comes at its end, perhaps before this returns;
 * the call is freed after it.  Of a call that outlives its session, session is NULL.
 */
void call_start(struct machine *m, struct session *s, const struct command *command, json_t *args,
                json_t *id, bool hmp, int *cpu, void (*done)(struct call *call), void *done_arg);

/* ---- QMP: qmp.c ---- */

void qmp_open(struct session *s);
void qmp_close(struct session *s);
/* Does what waits, until one takes longer. */
void qmp_next(struct session *s);
/* Takes some of the input; returns how much, 0 if it cannot now. */
size_t qmp_take(struct session *s, const uint8_t *buf, size_t len);
void qmp_event(struct session *s, json_t *event);

/* ---- HMP: hmp.c ---- */

void hmp_open(struct session *s);
void hmp_close(struct session *s);
/* What is typed is for the session again. */
void hmp_focus(struct session *s);
size_t hmp_take(struct session *s, const uint8_t *buf, size_t len);

/*
 * Does one line.  done(call) comes at its end, with the text; a line that is wrong is a call of its
 * own, whose text says so.
 */
void hmp_run(struct machine *m, struct session *s, const char *line, int *cpu,
             void (*done)(struct call *call), void *done_arg);
/* What people see, with "\r\n". */
char *hmp_line_ends(const char *text);

#endif
