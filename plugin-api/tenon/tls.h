/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/tls.h - secrets, TLS for whoever moves bytes, and who may come in.
 *
 * These are objects of the command line (kind object), found by id with "tenon.objects/1" of
 * tenon/system.h.  A TLS session runs over a transport of the caller's: a socket, or whatever else
 * carries bytes in order.
 */
/* clang-format off */
#ifndef TENON_TLS_H
#define TENON_TLS_H

#include <sys/types.h>

#include <tenon/plugin.h>

/* "tenon.secret/1" - an interface of -object secret. */
#define TENON_SECRET "tenon.secret/1"
struct tenon_secret {
    uint32_t size;
    /* The bytes, which live as long as the object; a zero follows them. [main] */
    const uint8_t *(*get)(void *self, size_t *len);
};

/* What a session sends and receives by.  Both never wait: -EAGAIN; or another -errno; recv() gives
 * 0 at the end. */
struct tenon_tls_via {
    uint32_t size;
    ssize_t (*send)(void *arg, const void *buf, size_t len);
    ssize_t (*recv)(void *arg, void *buf, size_t len);
};

struct tenon_tls_session;

/*
 * "tenon.tls/1" - an interface of -object tls-creds-x509, -psk and -anon.  A session belongs to one
 * thread at a time, and ends before its object does.
 */
#define TENON_TLS "tenon.tls/1"
struct tenon_tls {
    uint32_t size;
    /* Are the credentials a server's (endpoint=server)? [main] */
    bool (*server)(void *self);
    /* A session at that end.  host is the name that the server's certificate must have; NULL: it is
     * not compared (a server; a client that knows no name).  NULL: no memory. [main] */
    struct tenon_tls_session *(*start)(void *self, const char *host,
                                       const struct tenon_tls_via *via, void *arg);
    void (*end)(struct tenon_tls_session *);                                            /* [any] */
    /* 0: done, and the peer is who it should be; -EAGAIN: call again when the transport is ready
     * for what events() says; else it has failed, and error() says why. [any] */
    int (*handshake)(struct tenon_tls_session *);
    /* As recv(2), 0 at an orderly end, or -EAGAIN, or -EIO and error(). [any] */
    ssize_t (*recv)(struct tenon_tls_session *, void *buf, size_t len);
    /* How many bytes are to be had without the transport: nothing but recv() tells of these. [any] */
    size_t (*pending)(struct tenon_tls_session *);
    /* As send(2).  What it has taken may still wait in the session: see events(). [any] */
    ssize_t (*send)(struct tenon_tls_session *, const void *buf, size_t len);
    /* Sends what waits: 0, -EAGAIN or -EIO. [any] */
    int (*flush)(struct tenon_tls_session *);
    /* TENON_READABLE during a handshake that waits for the peer, TENON_WRITABLE while something
     * waits to be sent. [any] */
    unsigned (*events)(struct tenon_tls_session *);
    /* Tells the peer that nothing more comes; does not wait. [any] */
    void (*bye)(struct tenon_tls_session *);
    /* One line, no full stop; valid until the session's next call. [any] */
    const char *(*error)(struct tenon_tls_session *);
    /* Who the peer has proved to be, once the handshake is done: the distinguished name of its
     * certificate ("C=GB,O=Acme,CN=client", in the certificate's order), or the name of its shared
     * key.  NULL: it has not.  Lives as long as the session. [any] */
    const char *(*peer)(struct tenon_tls_session *);
};

/* "tenon.authz/1" - an interface of -object authz-simple, -list, -listfile and -pam. */
#define TENON_AUTHZ "tenon.authz/1"
struct tenon_authz {
    uint32_t size;
    /* May who proved to be identity come in? [main] */
    bool (*allows)(void *self, const char *identity);
};

#endif
