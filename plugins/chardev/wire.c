/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wire - a connected socket and what is spoken on it. */

#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>

#include <tenon/system.h>

#define MAX_FDS 16 /* descriptors that come with one message; the kernel closes further ones */

static const struct tenon_tls *tls(const struct wire *w)
{
    return w->spec->tls.table;
}

/* ---- The socket ---- */

static void take_fds(struct wire *w, struct msghdr *msg)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        int fds[MAX_FDS];
        size_t bytes = c->cmsg_len - CMSG_LEN(0);

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || bytes > sizeof(fds))
            continue;
        memcpy(fds, CMSG_DATA(c), bytes);
        w->spec->fds(w->spec->dev, fds, bytes / sizeof(int));
    }
}

static ssize_t socket_recv(void *arg, void *buf, size_t len)
{
    struct wire *w = arg;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
    } control;
    struct iovec iov = { buf, len };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    ssize_t n;

    if (w->is_unix) {
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    do
        n = recvmsg(w->fd, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n > 0 && w->is_unix)
        take_fds(w, &msg);
    return n < 0 ? -errno : n;
}

static ssize_t socket_send(void *arg, const void *buf, size_t len)
{
    struct wire *w = arg;
    ssize_t n;

    do
        n = send(w->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* ---- With or without TLS ---- */

static ssize_t raw_recv(struct wire *w, void *buf, size_t len)
{
    return w->session ? tls(w)->recv(w->session, buf, len) : socket_recv(w, buf, len);
}

static ssize_t raw_send(struct wire *w, const void *buf, size_t len)
{
    return w->session ? tls(w)->send(w->session, buf, len) : socket_send(w, buf, len);
}

/* What can no longer be sent is not kept: it would be in the way of what still comes. */
int wire_flush(struct wire *w)
{
    while (w->out.at < w->out.n) {
        ssize_t n = raw_send(w, w->out.data + w->out.at, w->out.n - w->out.at);

        if (n < 0 && n != -EAGAIN)
            w->out.at = w->out.n = 0;
        if (n < 0)
            return n;
        w->out.at += n;
    }
    return w->session ? tls(w)->flush(w->session) : 0;
}

/* ---- Start and end ---- */

int wire_init(struct wire *w, const struct wire_spec *spec, int fd)
{
    static const struct tenon_tls_via via = { sizeof(via), socket_send, socket_recv };
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);

    w->spec = spec;
    w->fd = fd;
    w->is_unix = getsockname(fd, (struct sockaddr *)&at, &len) == 0 && at.ss_family == AF_UNIX;
    w->ended = w->admitted = false;
    w->session = NULL;
    w->raw_at = w->raw_n = w->out.at = w->out.n = 0;
    if (spec->kind == WIRE_WEBSOCKET)
        websocket_init(&w->websocket);
    else if (spec->kind == WIRE_TELNET)
        telnet_init(&w->telnet, spec->server, &w->out);
    if (!spec->tls.self)
        return 0;
    w->session = tls(w)->start(spec->tls.self, spec->host, &via, w);
    return w->session ? 0 : -ENOMEM;
}

void wire_finish(struct wire *w)
{
    if (!w->spec)
        return;
    if (w->spec->kind == WIRE_WEBSOCKET && w->websocket.open && !w->ended)
        websocket_close(&w->out);
    if (wire_flush(w) == 0 && w->session)
        tls(w)->bye(w->session);
    if (w->session)
        tls(w)->end(w->session);
    w->session = NULL;
    w->spec = NULL;
}

/* ---- Receiving ---- */

bool wire_readable(struct wire *w)
{
    return !w->ended && pending_space(&w->out) >= PENDING_SPARE;
}

bool wire_pending(struct wire *w)
{
    return w->raw_at < w->raw_n || (w->session && tls(w)->pending(w->session));
}

/* Decodes up to len bytes of what is there; the most that can come of it has room. */
static ssize_t decode(struct wire *w, uint8_t *buf, size_t len, bool *brk)
{
    size_t n = w->raw_n - w->raw_at, got = 0;
    const uint8_t *raw = w->raw + w->raw_at;

    if (n > len)
        n = len;
    if (w->spec->kind == WIRE_TELNET) {
        struct telnet_in in = telnet_decode(&w->telnet, raw, n, buf, &w->out);

        w->raw_at += in.used;
        got = in.got;
        *brk = in.brk;
    } else {
        w->ended = !websocket_decode(&w->websocket, raw, n, buf, &got, &w->out);
        w->raw_at += n;
    }
    wire_flush(w);
    if (got)
        return got;
    return w->ended ? 0 : -EAGAIN;
}

ssize_t wire_recv(struct wire *w, void *buf, size_t len, bool *brk)
{
    ssize_t n;

    *brk = false;
    if (w->spec->kind == WIRE_PLAIN)
        return raw_recv(w, buf, len);
    if (w->ended)
        return 0;
    if (!wire_readable(w))
        return -EAGAIN;
    if (w->raw_at == w->raw_n) {
        /* A third: the answers to what has come must have room. */
        n = raw_recv(w, w->raw, len < PENDING_SPARE / 3 ? len : PENDING_SPARE / 3);
        if (n <= 0)
            return n;
        w->raw_at = 0;
        w->raw_n = n;
    }
    return decode(w, buf, len, brk);
}

/* ---- Handshakes: TLS first, then the websocket's ---- */

/* No data comes of it: a client that does not wait for the answer is refused. */
static int upgrade(struct wire *w, const char **why)
{
    uint8_t none[PENDING_SPARE];
    bool brk;

    while (!w->websocket.open) {
        ssize_t n = wire_recv(w, none, sizeof(none), &brk);

        if (n == -EAGAIN && w->raw_at == w->raw_n && !w->websocket.open)
            return n;
        *why = w->ended ? "that was no request for a websocket" : "the connection was closed";
        if (n != -EAGAIN)
            return -EPROTO;
    }
    return 0;
}

/* The TLS peer has proved who it is: may it come in? */
static int admit(struct wire *w, const char **why)
{
    const struct tenon_authz *authz = w->spec->authz.table;
    const char *peer;

    if (w->admitted || !authz)
        return 0;
    peer = tls(w)->peer(w->session);
    w->admitted = peer && authz->allows(w->spec->authz.self, peer);
    if (w->admitted)
        return 0;
    *why = "the TLS peer has not proved who it is, which tls-authz needs";
    if (peer) {
        snprintf(w->refused, sizeof(w->refused), "tls-authz does not let in '%s'", peer);
        *why = w->refused;
    }
    return -EACCES;
}

int wire_handshake(struct wire *w, const char **why)
{
    int error = w->session ? tls(w)->handshake(w->session) : 0;

    if (error && error != -EAGAIN)
        *why = tls(w)->error(w->session);
    else if (!error)
        error = admit(w, why);
    if (!error && w->spec->kind == WIRE_WEBSOCKET)
        error = upgrade(w, why);
    if (!error)
        wire_flush(w);
    return error;
}

/* ---- Sending ---- */

ssize_t wire_send(struct wire *w, const void *buf, size_t len)
{
    size_t n;
    int error;

    if (w->spec->kind == WIRE_PLAIN)
        return raw_send(w, buf, len);
    n = w->spec->kind == WIRE_TELNET ? telnet_encode(&w->telnet, buf, len, &w->out)
                                     : websocket_encode(buf, len, &w->out);
    error = wire_flush(w);
    if (error && error != -EAGAIN)
        return error;
    return n ? (ssize_t)n : -EAGAIN;
}

void wire_send_break(struct wire *w)
{
    if (w->spec->kind == WIRE_TELNET) {
        telnet_send_break(&w->out);
        wire_flush(w);
    }
}

unsigned wire_events(struct wire *w)
{
    unsigned events = w->session ? tls(w)->events(w->session) : 0;

    return events | (w->out.at < w->out.n ? TENON_WRITABLE : 0);
}
