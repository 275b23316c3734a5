/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* telnet - tests of the telnet protocol, byte by byte. */

#include "telnet.h"

#include <glib.h>

enum { BRK = 243, AYT = 246, SB = 250, SE = 240, WILL = 251, WONT, DO, DONT, IAC = 255 };
enum { BINARY, ECHO, GO_AHEAD = 3, STATUS = 5, WINDOW_SIZE = 31 };

static void assert_out(struct pending *out, const void *bytes, size_t n)
{
    g_assert_cmpmem(out->data + out->at, out->n - out->at, bytes, n);
    out->at = out->n = 0;
}
#define OUT(...) assert_out(&out, (uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }))
#define NONE()   assert_out(&out, "", 0)

/* Each byte on its own, so that every state outlives a call. */
static void decode(struct telnet *t, const uint8_t *raw, size_t n, const char *data, size_t n_data,
                   unsigned breaks, struct pending *out)
{
    GString *got = g_string_new("");

    for (size_t i = 0; i < n; i++) {
        uint8_t byte;
        struct telnet_in in = telnet_decode(t, raw + i, 1, &byte, out);

        g_assert_cmpuint(in.used, ==, 1);
        g_string_append_len(got, (char *)&byte, in.got);
        breaks -= in.brk;
    }
    g_assert_cmpmem(got->str, got->len, data, n_data);
    g_assert_cmpuint(breaks, ==, 0);
    g_string_free(got, TRUE);
}
#define IN(data, ...)                                                                              \
    decode(&t, (uint8_t[]){ __VA_ARGS__ }, sizeof((uint8_t[]){ __VA_ARGS__ }), data,               \
           sizeof(data) - 1, 0, &out)

static void test_options(void)
{
    struct pending out = { 0 };
    struct telnet t;

    telnet_init(&t, true, &out);
    OUT(IAC, WILL, BINARY, IAC, WILL, ECHO, IAC, WILL, GO_AHEAD, IAC, DO, BINARY, IAC, DO,
        GO_AHEAD);
    /* The answers are not answered, nor is what is as it was. */
    IN("", IAC, DO, ECHO, IAC, DO, GO_AHEAD, IAC, DO, BINARY, IAC, WILL, BINARY);
    IN("", IAC, DO, ECHO, IAC, WILL, BINARY, IAC, WONT, GO_AHEAD, IAC, WONT, GO_AHEAD);
    NONE();
    /* A change is, and what is not spoken is refused. */
    IN("", IAC, DONT, ECHO);
    OUT(IAC, WONT, ECHO);
    IN("", IAC, DO, ECHO);
    OUT(IAC, WILL, ECHO);
    IN("", IAC, DO, STATUS, IAC, WILL, WINDOW_SIZE, IAC, WONT, WINDOW_SIZE, IAC, WILL, ECHO);
    OUT(IAC, WONT, STATUS, IAC, DONT, WINDOW_SIZE, IAC, DONT, ECHO);
    IN("ab", 'a', IAC, SB, WINDOW_SIZE, 0, 80, IAC, IAC, 24, IAC, SE, 'b');
    IN("", IAC, AYT);
    assert_out(&out, "[Yes]", 5);

    telnet_init(&t, false, &out);
    OUT(IAC, WILL, BINARY, IAC, WILL, GO_AHEAD, IAC, DO, BINARY, IAC, DO, ECHO, IAC, DO, GO_AHEAD);
}

static void test_receive(void)
{
    struct pending out = { 0 };
    struct telnet t;

    telnet_init(&t, true, &out);
    IN("\r\rx\n\r\r", '\r', '\n', '\r', 0, 'x', '\n', '\r', '\r', '\n');
    IN("", IAC, WILL, BINARY);
    IN("\r\n\r\0\xff", '\r', '\n', '\r', 0, IAC, IAC);
    decode(&t, (uint8_t[]){ 'a', IAC, BRK, 'b', IAC, BRK }, 6, "ab", 2, 2, &out);
}

/* A break comes in its place. */
static void test_break(void)
{
    static const uint8_t raw[] = { 'a', 'b', IAC, BRK, 'c' };
    struct pending out = { 0 };
    uint8_t data[sizeof(raw)];
    struct telnet_in in;
    struct telnet t;

    telnet_init(&t, true, &out);
    in = telnet_decode(&t, raw, sizeof(raw), data, &out);
    g_assert_true(in.brk);
    g_assert_cmpuint(in.used, ==, 4);
    g_assert_cmpmem(data, in.got, "ab", 2);
    in = telnet_decode(&t, raw + 4, 1, data, &out);
    g_assert_false(in.brk);
    g_assert_cmpmem(data, in.got, "c", 1);
    out.n = 0;
    telnet_send_break(&out);
    OUT(IAC, BRK);
}

static void test_send(void)
{
    static const uint8_t data[] = { 'a', '\r', '\n', '\r', 'b', IAC, '\r' };
    uint8_t much[PENDING_MAX];
    struct pending out = { 0 };
    struct telnet t;
    size_t n;

    telnet_init(&t, true, &out);
    out.n = 0;
    g_assert_cmpuint(telnet_encode(&t, data, sizeof(data), &out), ==, sizeof(data));
    OUT('a', '\r', '\n', '\r', 0, 'b', IAC, IAC, '\r');
    g_assert_cmpuint(telnet_encode(&t, data, 1, &out), ==, 1);
    OUT(0, 'a');
    IN("", IAC, DO, BINARY);
    g_assert_cmpuint(telnet_encode(&t, data, sizeof(data), &out), ==, sizeof(data));
    OUT('a', '\r', '\n', '\r', 'b', IAC, IAC, '\r');

    /* A far end that takes nothing stops the guest, and leaves room for answers. */
    memset(much, IAC, sizeof(much));
    n = telnet_encode(&t, much, sizeof(much), &out);
    g_assert_cmpuint(n, >, 3000);
    g_assert_cmpuint(n, <, 4000);
    g_assert_cmpuint(telnet_encode(&t, much, sizeof(much), &out), ==, 0);
    g_assert_cmpuint(pending_space(&out), >=, PENDING_SPARE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/telnet/options", test_options);
    g_test_add_func("/telnet/receive", test_receive);
    g_test_add_func("/telnet/break", test_break);
    g_test_add_func("/telnet/send", test_send);
    return g_test_run();
}
