/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * wire - a connected socket and what is spoken on it: the guest's bytes as they are, telnet or
 * websocket, with or without TLS.
 */
#ifndef TENON_CHARDEV_WIRE_H
#define TENON_CHARDEV_WIRE_H

#include <sys/types.h>

#include <tenon/chardev.h>
#include <tenon/tls.h>

#include "pending.h"
#include "telnet.h"
#include "websocket.h"

enum wire_kind { WIRE_PLAIN, WIRE_TELNET, WIRE_WEBSOCKET };

/* The same for all connections of a back end. */
struct wire_spec {
    enum wire_kind kind;
    bool server;
    struct tenon_peer tls; /* its table is a struct tenon_tls; none if self is NULL */
    struct tenon_peer
        authz;        /* a struct tenon_authz that says whom TLS lets in; none if self is NULL */
    const char *host; /* whom to expect by TLS, or NULL */
    /* Descriptors that came along a unix socket; they are the callee's. */
    void (*fds)(struct tenon_dev *dev, const int *fds, unsigned n);
    struct tenon_dev *dev;
};

struct wire {
    const struct wire_spec *spec;
    int fd;       /* the owner's */
    bool is_unix; /* descriptors may come along */
    bool ended;   /* by the protocol: it is over when out has been sent */
    struct tenon_tls_session *session;
    bool admitted;     /* by the authz */
    char refused[200]; /* why not */
    union {
        struct telnet telnet;
        struct websocket websocket;
    };
    uint32_t raw_at, raw_n; /* what has been received and not decoded */
    uint8_t raw[1024];
    struct pending out;
};

/* Begins on a connected fd that does not block; spec lives as long.  0 or -ENOMEM. */
int wire_init(struct wire *w, const struct wire_spec *spec, int fd);
/* Says farewell, as far as that does not wait. */
void wire_finish(struct wire *w);

/* Before data can flow: 0 is done, -EAGAIN: when wire_events() has happened, again; else it has
 * failed, and *why says why. */
int wire_handshake(struct wire *w, const char **why);
/* As recv(2), but -errno; *brk: a break has come after these bytes.  -EAGAIN also if what has come
 * was no data. */
ssize_t wire_recv(struct wire *w, void *buf, size_t len, bool *brk);
/* Is there more to be had without the socket? */
bool wire_pending(struct wire *w);
/* As send(2), but -errno; what it takes may wait in the wire. */
ssize_t wire_send(struct wire *w, const void *buf, size_t len);
void wire_send_break(struct wire *w);
/* Sends what waits: 0, -EAGAIN, or -errno for the end. */
int wire_flush(struct wire *w);
/* What it waits for by itself, of poll(2)'s events. */
unsigned wire_events(struct wire *w);
/* Can it be received from?  Not while too many answers wait to be sent. */
bool wire_readable(struct wire *w);

#endif
