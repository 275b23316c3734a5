/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* monitor-session - sessions without a chardev: JSON as it may come in, the line editor, bounds. */

#include <string.h>

#include <glib.h>

#include <tenon/chardev.h>

#include "loop/loop.h"
#include "machine/machine.h"
#include "monitor/edit.h"
#include "monitor/event.h"
#include "monitor/session.h"

/* ---- A session, and what it says ---- */

struct far {
    struct machine m;
    struct session *s;
    GString *said;
    size_t takes; /* how much the far end takes */
};

static size_t far_write(void *arg, const void *buf, size_t len)
{
    struct far *f = arg;
    size_t n = MIN(len, f->takes);

    g_string_append_len(f->said, buf, n);
    f->takes -= n;
    return n;
}

static void far_open(struct far *f, enum monitor_mode mode)
{
    *f = (struct far){ .said = g_string_new(NULL), .takes = SIZE_MAX };
    f->m.loop = loop_create();
    loop_lock(f->m.loop);
    f->s = session_create(&f->m, mode, false, far_write, NULL, f);
    session_event(f->s, TENON_CHR_OPENED);
}

static void far_close(struct far *f)
{
    session_destroy(f->s);
    monitors_destroy(&f->m);
    loop_unlock(f->m.loop);
    loop_destroy(f->m.loop);
    g_string_free(f->said, TRUE);
}

/* Sends as much as there is room for at a time. */
static void send(struct far *f, const char *text, size_t len)
{
    while (len) {
        size_t n = MIN(len, session_room(f->s));

        if (!n)
            return;
        session_receive(f->s, text, n);
        text += n;
        len -= n;
    }
}

static unsigned count(const struct far *f, const char *word)
{
    unsigned n = 0;

    for (const char *at = f->said->str; (at = strstr(at, word)); at++)
        n++;
    return n;
}

static void negotiate(struct far *f)
{
    static const char text[] = "{\"execute\": \"qmp_capabilities\"}\n";

    send(f, text, strlen(text));
    g_string_truncate(f->said, 0);
}

/* ---- QMP ---- */

static const struct {
    const char *sent;
    unsigned errors, returns;
} inputs[] = {
    { "{]\n", 1, 0 },
    { "\xff", 1, 0 },
    { "\x01", 1, 0 },
    { "{\"execute\": \"x\xff\"}\n", 1, 0 },
    { "{\"execute\": \"x\n\"}\n", 1, 0 },
    { "{\"execute\": %p}\n", 1, 0 },
    { "null\n", 1, 0 },
    { "{}\n", 1, 0 },
    { "[]", 1, 0 },
    { "\"a\"", 1, 0 },
    { "12 ", 1, 0 },
    { "tru{}", 2, 0 },
    { "{\"execute\": 1}", 1, 0 },
    { "{\"execute\": \"query-name\", \"arguments\": 1}", 1, 0 },
    { "{\"execute\": \"query-name\", \"extra\": 1}", 1, 0 },
    { "{\"execute\": \"query-name\", \"execute\": \"stop\"}", 1, 0 },
    { "{\"exec-oob\": \"query-name\"}", 1, 0 },
    { "{\"execute\": \"query-name\"}{\"execute\": \"query-name\"}", 0, 2 },
    { "{\"execute\"\n:\t\r\n\"query-name\"\n}", 0, 1 },
    { "{'execute': 'query-name', 'id': 'it\\'s \"'}", 0, 1 },
    { "{\"id\": [1, {\"a\": null}], \"execute\": \"query-name\"}", 0, 1 },
    { "  \r\n\n  ", 0, 0 },
    { "}{\"execute\": \"query-name\"}", 1, 1 },
};

/* Whole, and a byte at a time; then a command must do. */
static void test_inputs(void)
{
    static const char good[] = "\n{\"execute\": \"query-uuid\"}\n";

    for (unsigned i = 0; i < 2 * G_N_ELEMENTS(inputs); i++) {
        const char *sent = inputs[i / 2].sent;
        struct far f;

        far_open(&f, MONITOR_QMP);
        negotiate(&f);
        for (size_t k = 0; i % 2 && sent[k]; k++)
            send(&f, sent + k, 1);
        if (i % 2 == 0)
            send(&f, sent, strlen(sent));
        if (count(&f, "\"error\"") != inputs[i / 2].errors ||
            count(&f, "\"return\"") != inputs[i / 2].returns)
            g_error("%s: %s", sent, f.said->str);
        send(&f, good, strlen(good));
        g_assert_cmpuint(count(&f, "00000000-0000"), ==, 1);
        far_close(&f);
    }
}

static void test_depth(void)
{
    GString *text = g_string_new(NULL);
    struct far f;

    far_open(&f, MONITOR_QMP);
    negotiate(&f);
    for (unsigned i = 0; i < 1025; i++)
        g_string_append_c(text, '[');
    send(&f, text->str, text->len);
    g_assert_cmpuint(count(&f, "\"error\""), ==, 1);
    far_close(&f);
    g_string_free(text, TRUE);
}

/* A string without end: an error, and the memory is given back. */
static void test_endless(void)
{
    enum { CHUNK = 1 << 16 };
    char *a = g_malloc(CHUNK);
    struct far f;

    memset(a, 'a', CHUNK);
    far_open(&f, MONITOR_QMP);
    negotiate(&f);
    send(&f, "\"", 1);
    for (unsigned i = 0; i < 100 * 16; i++) {
        send(&f, a, CHUNK);
        if (i == 63 * 16)
            g_assert_cmpuint(f.said->len, ==, 0);
    }
    g_assert_cmpuint(count(&f, "\"error\""), ==, 1);
    send(&f, "\n{\"execute\": \"query-name\"}\n", 27);
    g_assert_cmpuint(count(&f, "\"return\""), ==, 1);
    far_close(&f);
    g_free(a);
}

/* A far end that never reads: commands are not taken any more, and events not kept. */
static void test_deaf(void)
{
    static const char command[] = "{\"execute\": \"query-commands\"}\n";
    struct far f;
    size_t kept;

    far_open(&f, MONITOR_QMP);
    negotiate(&f);
    f.takes = 0;
    for (unsigned i = 0; i < 1000; i++)
        send(&f, command, strlen(command));
    g_assert_cmpuint(session_room(f.s), ==, 0);
    g_assert_cmpuint(f.s->out->len, <, 1 << 17);
    for (unsigned i = 0; i < 100000; i++)
        event_emit(&f.m, "STOP", NULL);
    kept = f.s->out->len;
    event_emit(&f.m, "STOP", NULL);
    g_assert_cmpuint(f.s->out->len, ==, kept);
    g_assert_cmpuint(kept, <, 2 << 20);
    /* It wakes up: what waited is all there, and more is done. */
    f.takes = SIZE_MAX;
    session_writable(f.s);
    g_assert_cmpuint(f.s->out->len, ==, 0);
    g_assert_cmpuint(f.s->in->len, ==, 0);
    g_assert_cmpuint(session_room(f.s), >, 0);
    far_close(&f);
}

/* ---- The line editor ---- */

static void screen_print(void *arg, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\a')
            g_string_append_c(arg, text[i]);
}

/* What a terminal shows of its last row. */
static char *row(const GString *printed)
{
    GString *shown = g_string_new(NULL);
    size_t at = 0;

    for (size_t i = 0; i < printed->len; i++) {
        char c = printed->str[i];

        if (c == '\r') {
            at = 0;
        } else if (c == '\n') {
            g_string_truncate(shown, 0);
            at = 0;
        } else if (c == '\b') {
            at -= at > 0;
        } else if (at < shown->len) {
            shown->str[at++] = c;
        } else {
            g_string_append_c(shown, c);
            at++;
        }
    }
    return g_strchomp(g_string_free(shown, FALSE));
}

static GPtrArray *three(void *arg, const char *line, size_t *word)
{
    static const char *const names[] = { "system_reset", "system_wakeup", "stop" };
    GPtrArray *found = g_ptr_array_new_with_free_func(g_free);

    *word = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_has_prefix(names[i], line))
            g_ptr_array_add(found, g_strdup(names[i]));
    return found;
}

static const struct {
    const char *keys, *line;
} edits[] = {
    { "abc", "abc" },
    { "abc\x01x", "xabc" },
    { "abc\x1b[D\x1b[Dx", "axbc" },
    { "abc\x02\x04", "ab" },
    { "abc\x7f\x7f", "a" },
    { "one two three\x17", "one two" },
    { "one two\x01\x1b"
      "fX",
      "oneX two" },
    { "one two\x1b"
      "bX",
      "one Xtwo" },
    { "one two\x01\x0b\x19\x19", "one twoone two" },
    { "abc\x15x", "x" },
    { "ab\x14", "ba" },
    { "abc\x1b[Hx\x1b[Fy", "xabcy" },
    { "abc\x1b[1~x\x1b[4~y", "xabcy" },
    { "abc\x01\x1b[3~", "bc" },
    { "abc\x1b[1;5Dx", "abxc" },
    { "sy\tr\t", "system_reset" },
    { "sto\t", "stop" },
    { "first\rsecond\r\x10", "second" },
    { "first\rsecond\r\x10\x10", "first" },
    { "first\rsecond\rdraft\x10\x10\x0e\x0e", "draft" },
    { "first\rsecond\r\x12"
      "fi",
      "first" },
    { "first\rfit\r\x12"
      "fi\x12",
      "first" },
    { "first\r\x12"
      "fi\x07x",
      "x" },
    { "\x1b[A\x1b[B\x10\x0ex", "x" },
    { "\xc3\xa4\xc3\xb6\x02\x7fu", "u\xc3\xb6" },
};

static void test_edit(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(edits); i++) {
        g_autofree char *shown = NULL, *kept = NULL;
        GString *printed = g_string_new(NULL);
        struct edit e;

        edit_init(&e, "> ");
        e.print = screen_print;
        e.complete = three;
        e.arg = printed;
        edit_prompt(&e);
        for (const char *k = edits[i].keys; *k; k++)
            if (edit_byte(&e, *k))
                edit_prompt(&e);
        kept = g_strchomp(g_strdup(e.line->str));
        g_assert_cmpstr(kept, ==, edits[i].line);
        shown = row(printed);
        if (g_str_is_ascii(edits[i].line) && strcmp(shown + 2, edits[i].line))
            g_error("%s: the terminal shows '%s'", edits[i].keys, shown);
        edit_finish(&e);
        g_string_free(printed, TRUE);
    }
}

/* Neither a line nor what is remembered of lines grows without end. */
static void test_edit_bounds(void)
{
    struct far f;

    far_open(&f, MONITOR_HMP);
    for (unsigned i = 0; i < 100000; i++)
        send(&f, "abcdefgh", 8);
    g_assert_cmpuint(f.said->len, <, 2 * EDIT_LINE_MOST + 200);
    for (unsigned i = 0; i < 1000; i++) {
        char line[16];

        g_snprintf(line, sizeof(line), "\x15%u\r\n", i);
        send(&f, line, strlen(line));
    }
    g_string_truncate(f.said, 0);
    send(&f, "info history\r", 13);
    g_assert_cmpuint(count(&f, "'\r\n"), ==, EDIT_HISTORY_MOST);
    far_close(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp/inputs", test_inputs);
    g_test_add_func("/qmp/depth", test_depth);
    g_test_add_func("/qmp/a string without end", test_endless);
    g_test_add_func("/qmp/a peer that never reads", test_deaf);
    g_test_add_func("/edit/keys", test_edit);
    g_test_add_func("/edit/bounds", test_edit_bounds);
    return g_test_run();
}
