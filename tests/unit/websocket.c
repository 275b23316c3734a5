/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* websocket - tests of the websocket protocol's server side; the key is that of RFC 6455, 1.3. */

#include "websocket.h"

#include <glib.h>

#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define MIDDLE                                                                                     \
    "Host: server.example.com\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n" KEY
#define GOOD "GET /chat HTTP/1.1\r\n" MIDDLE "Sec-WebSocket-Version: 13\r\n"

struct test {
    struct websocket w;
    struct pending out;
    GString *got;
};

static void test_init(struct test *t)
{
    *t = (struct test){ .got = g_string_new("") };
    websocket_init(&t->w);
}

static void test_finish(struct test *t)
{
    g_string_free(t->got, TRUE);
}

static void clear(struct test *t)
{
    t->out.at = t->out.n = 0;
    g_string_truncate(t->got, 0);
}

/* In pieces of step bytes. */
static bool take(struct test *t, const void *bytes, size_t n, size_t step)
{
    bool go_on = true;

    for (size_t at = 0; at < n && go_on; at += step) {
        uint8_t data[512];
        size_t part = MIN(step, n - at), got;

        go_on = websocket_decode(&t->w, (const uint8_t *)bytes + at, part, data, &got, &t->out);
        g_assert_cmpuint(got, <=, part);
        g_string_append_len(t->got, (char *)data, got);
    }
    return go_on;
}

static void assert_out(struct test *t, const void *bytes, size_t n)
{
    g_assert_cmpmem(t->out.data + t->out.at, t->out.n - t->out.at, bytes, n);
    clear(t);
}

static void open_it(struct test *t)
{
    test_init(t);
    g_assert_true(take(t, GOOD "\r\n", strlen(GOOD "\r\n"), 512));
    g_assert_true(t->w.open);
    clear(t);
}

/* ---- The opening handshake ---- */

static void test_accepted(void)
{
    static const char answer[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 "Connection: Upgrade\r\n"
                                 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    static const char binary[] = GOOD "Sec-WebSocket-Protocol: chat, binary\r\n\r\n";
    g_autofree char *plain = g_strconcat(answer, "\r\n", NULL);
    g_autofree char *with = g_strconcat(answer, "Sec-WebSocket-Protocol: binary\r\n\r\n", NULL);
    struct test t;

    for (size_t step = 1; step < 512; step = step * 3 + 1) {
        test_init(&t);
        g_assert_true(take(&t, GOOD "\r\n", strlen(GOOD "\r\n"), step));
        assert_out(&t, plain, strlen(plain));
        test_finish(&t);
        test_init(&t);
        g_assert_true(take(&t, binary, strlen(binary), step));
        assert_out(&t, with, strlen(with));
        test_finish(&t);
    }
}

static void test_refused(void)
{
    static const struct {
        const char *request, *status;
    } cases[] = {
        { "\r\n\r\n", "400" },
        { "GET / HTTP/1.1\r\n\r\n", "400" },
        { "POST /chat HTTP/1.1\r\n" MIDDLE "Sec-WebSocket-Version: 13\r\n\r\n", "400" },
        { "GET /chat HTTP/1.0\r\n" MIDDLE "Sec-WebSocket-Version: 13\r\n\r\n", "400" },
        { "GET /chat HTTP/1.1\r\n" MIDDLE "Sec-WebSocket-Version: 8\r\n\r\n", "426" },
        { "GET /chat HTTP/1.1\r\n" MIDDLE "\r\n", "426" },
        { GOOD KEY "\r\n", "400" },
        { GOOD "no field\r\n\r\n", "400" },
        { GOOD "no field: x\r\n\r\n", "400" },
        { GOOD ": x\r\n\r\n", "400" },
        { GOOD "\r\nearly", "400" },
        { "GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
          "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n\r\n",
          "400" },
    };
    g_autofree char *endless = g_strnfill(WEBSOCKET_REQUEST_MAX + 1, 'x');
    struct test t;

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        test_init(&t);
        g_assert_false(take(&t, cases[i].request, strlen(cases[i].request), 512));
        g_assert_cmpmem(t.out.data, 9, "HTTP/1.1 ", 9);
        g_assert_cmpmem(t.out.data + 9, 3, cases[i].status, 3);
        test_finish(&t);
    }
    test_init(&t);
    g_assert_false(take(&t, endless, strlen(endless), 100));
    g_assert_cmpmem(t.out.data, 12, "HTTP/1.1 431", 12);
    test_finish(&t);
}

/* ---- Frames ---- */

/* A client's frame with mask 01 02 03 04; at most 65535 bytes. */
static GByteArray *frame(uint8_t first, const char *payload, size_t n)
{
    GByteArray *f = g_byte_array_new();
    uint8_t head[8] = { first, 0x80 | (n < 126 ? n : 126), n >> 8, n };

    g_byte_array_append(f, head, n < 126 ? 2 : 4);
    g_byte_array_append(f, (uint8_t[]){ 1, 2, 3, 4 }, 4);
    for (size_t i = 0; i < n; i++)
        g_byte_array_append(f, (uint8_t[]){ payload[i] ^ (i % 4 + 1) }, 1);
    return f;
}

static bool take_frame(struct test *t, uint8_t first, const char *payload, size_t n, size_t step)
{
    g_autoptr(GByteArray) f = frame(first, payload, n);

    return take(t, f->data, f->len, step);
}

static void test_messages(void)
{
    g_autofree char *long_one = g_strnfill(3000, 'l');
    struct test t;

    for (size_t step = 1; step < 512; step = step * 3 + 1) {
        open_it(&t);
        g_assert_true(take_frame(&t, 0x82, "Hello", 5, step));
        g_assert_true(take_frame(&t, 0x81, ", text", 6, step));
        g_assert_true(take_frame(&t, 0x82, "", 0, step));
        g_assert_cmpstr(t.got->str, ==, "Hello, text");
        clear(&t);
        g_assert_true(take_frame(&t, 0x02, "frag", 4, step));
        g_assert_true(take_frame(&t, 0x89, "ping", 4, step));
        g_assert_true(take_frame(&t, 0x00, "men", 3, step));
        g_assert_true(take_frame(&t, 0x8a, "unasked pong", 12, step));
        g_assert_true(take_frame(&t, 0x80, "ted", 3, step));
        g_assert_cmpstr(t.got->str, ==, "fragmented");
        assert_out(&t, "\x8a\x04ping", 6);
        g_assert_true(take_frame(&t, 0x89, "", 0, step));
        assert_out(&t, "\x8a\x00", 2);
        g_assert_true(take_frame(&t, 0x82, long_one, 3000, step));
        g_assert_cmpstr(t.got->str, ==, long_one);
        clear(&t);
        g_assert_false(take_frame(&t, 0x88, "\x03\xe8", 2, step));
        assert_out(&t, "\x88\x02\x03\xe8", 4);
        test_finish(&t);
    }
}

/* A frame of 2^62 bytes is a stream like any other; nothing of it is kept. */
static void test_giant(void)
{
    static const uint8_t head[] = { 0x82, 0xff, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
    g_autofree char *piece = g_strnfill(100000, 'g');
    struct test t;

    open_it(&t);
    g_assert_true(take(&t, head, sizeof(head), 512));
    g_assert_true(take(&t, piece, strlen(piece), 512));
    g_assert_cmpstr(t.got->str, ==, piece);
    test_finish(&t);
}

static void test_broken(void)
{
    static const struct {
        const char *name;
        uint8_t bytes[16];
        uint8_t n, code; /* 1000 is left out */
    } cases[] = {
        { "not masked", { 0x82, 0x01, 'x', 0, 0, 0 }, 6, 2 },
        { "reserved bit", { 0xc2, 0x80, 0, 0, 0, 0 }, 6, 2 },
        { "unknown opcode", { 0x83, 0x80, 0, 0, 0, 0 }, 6, 3 },
        { "continuation of nothing", { 0x80, 0x80, 0, 0, 0, 0 }, 6, 2 },
        { "message within a message", { 0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0 }, 12, 2 },
        { "fragmented ping", { 0x09, 0x80, 0, 0, 0, 0 }, 6, 2 },
        { "long ping", { 0x89, 0xfe, 0, 126, 0, 0, 0, 0 }, 8, 2 },
        { "2^63 bytes", { 0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }, 14, 2 },
    };
    struct test t;

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        open_it(&t);
        g_test_message("%s", cases[i].name);
        g_assert_false(take(&t, cases[i].bytes, cases[i].n, 1));
        assert_out(&t, (uint8_t[]){ 0x88, 2, 0x03, 0xe8 + cases[i].code }, 4);
        test_finish(&t);
    }
}

static void test_send(void)
{
    g_autofree char *much = g_strnfill(PENDING_MAX, 'm');
    struct test t;
    size_t n;

    open_it(&t);
    g_assert_cmpuint(websocket_encode((const uint8_t *)"Hello", 5, &t.out), ==, 5);
    assert_out(&t, "\x82\x05Hello", 7);
    g_assert_cmpuint(websocket_encode((uint8_t *)much, 0, &t.out), ==, 0);
    assert_out(&t, "", 0);
    g_assert_cmpuint(websocket_encode((uint8_t *)much, 300, &t.out), ==, 300);
    g_assert_cmpmem(t.out.data, 5, "\x82\x7e\x01\x2cm", 5);
    g_assert_cmpuint(t.out.n, ==, 304);
    clear(&t);
    n = websocket_encode((uint8_t *)much, PENDING_MAX, &t.out);
    g_assert_cmpuint(n, ==, PENDING_MAX - PENDING_SPARE - 4);
    g_assert_cmpuint(t.out.n, ==, n + 4);
    g_assert_cmpuint(websocket_encode((uint8_t *)much, 1, &t.out), ==, 0);
    clear(&t);
    websocket_close(&t.out);
    assert_out(&t, "\x88\x02\x03\xe9", 4);
    test_finish(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/websocket/accepted", test_accepted);
    g_test_add_func("/websocket/refused", test_refused);
    g_test_add_func("/websocket/messages", test_messages);
    g_test_add_func("/websocket/giant", test_giant);
    g_test_add_func("/websocket/broken", test_broken);
    g_test_add_func("/websocket/send", test_send);
    return g_test_run();
}
