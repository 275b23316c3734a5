/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* websocket - between a guest's bytes and the server's side of the websocket protocol (RFC 6455).
 */

#include "websocket.h"

#include <glib.h>

/* Section 1.3. */
#define KEY_SUFFIX "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

enum { CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { GOING_AWAY = 1001, PROTOCOL_ERROR = 1002, UNKNOWN_DATA = 1003 };
enum { FIN = 0x80, RESERVED = 0x70, MASKED = 0x80 };

void websocket_init(struct websocket *w)
{
    w->open = w->fragmented = false;
    w->n = w->n_head = 0;
    w->left = 0;
}

/* ---- The opening handshake: section 4.2 ---- */

/* The fields that matter; NULL while not seen. */
struct request {
    char *host, *upgrade, *connection, *key, *version, *protocol;
};

/* Is word in the list that is separated by commas? */
static bool has_token(const char *list, const char *word)
{
    char **tokens = g_strsplit(list ? list : "", ",", -1);
    bool found = false;

    for (unsigned i = 0; tokens[i]; i++)
        found |= !g_ascii_strcasecmp(g_strstrip(tokens[i]), word);
    g_strfreev(tokens);
    return found;
}

/* False: the line is not a field, or one that must be there once is there again. */
static bool read_field(struct request *r, char *line)
{
    const struct {
        const char *name;
        char **value;
    } fields[] = {
        { "Host", &r->host },
        { "Upgrade", &r->upgrade },
        { "Connection", &r->connection },
        { "Sec-WebSocket-Key", &r->key },
        { "Sec-WebSocket-Version", &r->version },
        { "Sec-WebSocket-Protocol", &r->protocol },
    };
    char *colon = strchr(line, ':');

    if (!colon || colon == line || strcspn(line, " \t") < (size_t)(colon - line))
        return false;
    *colon = 0;
    for (unsigned i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (g_ascii_strcasecmp(line, fields[i].name))
            continue;
        if (*fields[i].value)
            return false;
        *fields[i].value = g_strstrip(colon + 1);
    }
    return true;
}

/* A key is 16 bytes in base64. */
static bool good_key(const char *key)
{
    gsize n = 0;
    guchar *bytes = key && strlen(key) == 24 ? g_base64_decode(key, &n) : NULL;

    g_free(bytes);
    return n == 16;
}

static bool read_request(struct request *r, char **lines)
{
    char *line = lines[0] ? lines[0] : "";

    if (!g_str_has_prefix(line, "GET /") || !g_str_has_suffix(line, " HTTP/1.1"))
        return false;
    for (unsigned i = 1; lines[i]; i++)
        if (!read_field(r, lines[i]))
            return false;
    return r->host && has_token(r->upgrade, "websocket") && has_token(r->connection, "upgrade") &&
           good_key(r->key);
}

static char *accept_value(const char *key)
{
    char *text = g_strconcat(key, KEY_SUFFIX, NULL);
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize n = sizeof(digest);
    char *value;

    g_checksum_update(sum, (const guchar *)text, -1);
    g_checksum_get_digest(sum, digest, &n);
    value = g_base64_encode(digest, n);
    g_checksum_free(sum);
    g_free(text);
    return value;
}

static void answer(struct pending *out, const char *status, const char *fields)
{
    char *text = g_strdup_printf("HTTP/1.1 %s\r\n%s\r\n", status, fields);

    pending_add(out, text, strlen(text));
    g_free(text);
}

#define REFUSED "Connection: close\r\nContent-Length: 0\r\n"

static bool accept_request(const struct request *r, struct pending *out)
{
    char *value, *fields;

    if (!r->version || strcmp(r->version, "13")) {
        answer(out, "426 Upgrade Required", "Sec-WebSocket-Version: 13\r\n" REFUSED);
        return false;
    }
    value = accept_value(r->key);
    fields = g_strdup_printf(
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s", value,
        has_token(r->protocol, "binary") ? "Sec-WebSocket-Protocol: binary\r\n" : "");
    answer(out, "101 Switching Protocols", fields);
    g_free(fields);
    g_free(value);
    return true;
}

/* The request is whole.  A client that sends more before it has the answer breaks the rules. */
static bool upgrade(struct websocket *w, size_t end, struct pending *out)
{
    struct request r = { 0 };
    char *text = g_strndup((char *)w->buf, end);
    char **lines = g_strsplit(text, "\r\n", -1);
    bool whole = end + 4 == w->n && strlen(text) == end;

    if (whole && read_request(&r, lines)) {
        w->open = accept_request(&r, out);
        w->n = 0;
    } else {
        answer(out, "400 Bad Request", REFUSED);
    }
    g_strfreev(lines);
    g_free(text);
    return w->open;
}

static bool decode_request(struct websocket *w, const uint8_t *raw, size_t n, struct pending *out)
{
    size_t from = w->n > 3 ? w->n - 3 : 0, took = MIN(n, sizeof(w->buf) - w->n);
    const uint8_t *end;

    memcpy(w->buf + w->n, raw, took);
    w->n += took;
    end = memmem(w->buf + from, w->n - from, "\r\n\r\n", 4);
    if (end && took == n)
        return upgrade(w, end - w->buf, out);
    if (w->n < sizeof(w->buf))
        return true;
    answer(out, "431 Request Header Fields Too Large", REFUSED);
    return false;
}

/* ---- Frames: section 5 ---- */

static size_t put_header(struct pending *out, uint8_t opcode, size_t n)
{
    uint8_t head[4] = { FIN | opcode, n < 126 ? n : 126, n >> 8, n };

    pending_add(out, head, n < 126 ? 2 : 4);
    return n;
}

static bool end_with(struct pending *out, uint16_t code)
{
    put_header(out, CLOSE, 2);
    pending_add(out, (uint8_t[]){ code >> 8, code }, 2);
    return false;
}

void websocket_close(struct pending *out)
{
    end_with(out, GOING_AWAY);
}

/* How long the header is, of which n bytes are there. */
static unsigned head_length(const uint8_t *head, unsigned n)
{
    static const uint8_t sizes[] = { [126] = 2, [127] = 8 };

    return n < 2 ? 2 : 2 + sizes[head[1] & 0x7f] + 4;
}

/* 0, or why the frame cannot be. */
static int begin_frame(struct websocket *w)
{
    unsigned size = w->head[1] & 0x7f, n = size == 127 ? 8 : size == 126 ? 2 : 0;
    bool fin = w->head[0] & FIN;

    w->opcode = w->head[0] & 0x0f;
    w->left = n ? 0 : size;
    for (unsigned i = 0; i < n; i++)
        w->left = w->left << 8 | w->head[2 + i];
    memcpy(w->mask, w->head + 2 + n, 4);
    w->mask_at = 0;
    w->n = w->n_head = 0;
    if (w->head[0] & RESERVED || !(w->head[1] & MASKED) || w->left >> 63)
        return PROTOCOL_ERROR;
    switch (w->opcode) {
    case CONTINUATION:
        if (!w->fragmented)
            return PROTOCOL_ERROR;
        break;
    case TEXT:
    case BINARY:
        if (w->fragmented)
            return PROTOCOL_ERROR;
        break;
    case CLOSE:
    case PING:
    case PONG: return fin && w->left <= WEBSOCKET_CONTROL_MAX ? 0 : PROTOCOL_ERROR;
    default: return UNKNOWN_DATA;
    }
    w->fragmented = !fin;
    return 0;
}

/* The payload of a control frame is whole. */
static bool end_control(struct websocket *w, struct pending *out)
{
    if (w->opcode == PONG)
        return true;
    put_header(out, w->opcode == PING ? PONG : CLOSE, w->n);
    pending_add(out, w->buf, w->n);
    return w->opcode == PING;
}

static size_t decode_payload(struct websocket *w, const uint8_t *raw, size_t n, uint8_t *data,
                             size_t *got)
{
    bool control = w->opcode >= CLOSE;

    if (n > w->left)
        n = w->left;
    for (size_t i = 0; i < n; i++) {
        uint8_t byte = raw[i] ^ w->mask[w->mask_at++ % 4];

        if (control)
            w->buf[w->n++] = byte; /* begin_frame() has seen that it fits */
        else
            data[(*got)++] = byte;
    }
    w->left -= n;
    return n;
}

static bool decode_frames(struct websocket *w, const uint8_t *raw, size_t n, uint8_t *data,
                          size_t *got, struct pending *out)
{
    size_t at = 0;

    while (at < n) {
        if (w->left) {
            at += decode_payload(w, raw + at, n - at, data, got);
        } else {
            int wrong;

            w->head[w->n_head++] = raw[at++];
            if (w->n_head < head_length(w->head, w->n_head))
                continue;
            wrong = begin_frame(w);
            if (wrong)
                return end_with(out, wrong);
        }
        if (!w->n_head && !w->left && w->opcode >= CLOSE && !end_control(w, out))
            return false;
    }
    return true;
}

bool websocket_decode(struct websocket *w, const uint8_t *raw, size_t n, uint8_t *data, size_t *got,
                      struct pending *out)
{
    *got = 0;
    return w->open ? decode_frames(w, raw, n, data, got, out) : decode_request(w, raw, n, out);
}

size_t websocket_encode(const uint8_t *data, size_t n, struct pending *out)
{
    size_t room = pending_room(out), most = room > 4 ? room - 4 : 0;

    if (n > most)
        n = most;
    if (n)
        pending_add(out, data, put_header(out, BINARY, n));
    return n;
}
