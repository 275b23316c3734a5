/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* socket - what the life of a socket back end (socket.c) and its beginning (socket-open.c) share.
 */
#ifndef TENON_CHARDEV_SOCKET_H
#define TENON_CHARDEV_SOCKET_H

#include <netdb.h>
#include <sys/types.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

#include "address.h"
#include "wire.h"

enum state {
    CLOSED,
    LOOKING_UP, /* the host's name: fd tells when it is found */
    CONNECTING,
    HANDSHAKE, /* connected; the protocols are not ready for data */
    OPEN,
};

struct socket {
    struct tenon_dev *dev;
    /* as given */
    struct inet inet;
    struct unix_path local;
    const char *fd_given;
    uint32_t to, reconnect; /* port; s */
    bool server, tight, delay, nodelay;
    uint32_t wait; /* of on_off_names */
    bool telnet, tn3270, websocket;
    const char *tls_creds, *tls_authz;

    const struct tenon_chardev_host *host; /* NULL: create() has not run */
    const struct tenon_loop *loop;
    int listeners[MAX_LISTENERS];
    unsigned n_listeners;
    dev_t made_dev; /* the file that bind() has made */
    ino_t made_ino;
    bool made;
    bool listening; /* the listeners are watched */
    int timer;      /* -1 while not used */

    enum state state;
    int fd;                        /* -1 if CLOSED */
    struct addrinfo *found, *next; /* addresses to connect to; which is to be tried next */
    unsigned watched;              /* events of fd */
    struct wire_spec spec;
    struct wire wire; /* HANDSHAKE, OPEN */
    bool full;        /* a write() was short */
    bool done;        /* the far end sends no more */
    bool stale;       /* ... and the guest does not take what it has sent */
    bool more;        /* ... but it does now, and the wire has some */
    bool resting;     /* accept() has failed */
    bool opening;     /* who makes it waits for its first connection */
    bool complained;  /* that there is no connection, and why */
};

/* ---- socket.c ---- */

/* fd is connected: the protocols begin. */
void socket_connected(struct socket *s);
/* Takes the next client, if there is one; the one that is there has nothing more to say. */
void socket_take_client(struct socket *s, int listener);
/* Begins to connect, or to look the host's name up; nothing of it waits. */
void socket_start_connecting(struct socket *s);
/* Begins to connect to the next address that can be tried: -EINPROGRESS, or error if there is none.
 */
int socket_try_next(struct socket *s, int error);
/* Has it connected?  0, -EINPROGRESS if the next address is being tried, or -errno. */
int socket_has_connected(struct socket *s);
/* Listens at the addresses that have been found; a reason why not, or NULL. */
const char *socket_listen(struct socket *s);
/* Where it is connected, as monitors show it. */
void socket_describe(void *self, char *buf, size_t len);

/* ---- socket-open.c ---- */

/* Whether what was given can be said together, and the protocols of it; -errno, told. */
int socket_prepare(struct socket *s);
/* Connects or listens; waits for the far end where the host says so.  -errno, told. */
int socket_open(struct socket *s);

#endif
