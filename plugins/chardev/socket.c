/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket - a back end whose far end is a program at a TCP or unix socket: a client, or a server
 * with one client at a time.
 *
 * What neither side has taken yet waits in the kernel.  While nobody is connected, what the guest
 * sends is lost, as with a cable that is unplugged: it would wait for ever otherwise.
 */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

#include "address.h"
#include "wire.h"

/* In milliseconds. */
#define BUSY_MS  100   /* until a unix socket whose queue is full is tried again */
#define BACK_MS  1000  /* until accept() is tried again when the host has no more descriptors */
#define STALE_MS 5000  /* the next client waits so long for a guest to read what one has left */
#define SHAKE_MS 10000 /* a handshake is over by then: others wait */

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

static void socket_ready(void *self);
static void start_connecting(struct socket *s);

/* ---- What is waited for ---- */

static void conn_ready(void *self, int fd, unsigned events);
static void listener_ready(void *self, int fd, unsigned events);
static void timer_ready(void *self, int fd, unsigned events);

static unsigned wanted(struct socket *s)
{
    switch (s->state) {
    case CLOSED: return 0;
    case LOOKING_UP: return TENON_READABLE;
    case CONNECTING: return TENON_WRITABLE;
    case HANDSHAKE: return TENON_READABLE | wire_events(&s->wire);
    default:
        return (s->host->room(s->dev) && wire_readable(&s->wire) ? TENON_READABLE : 0) |
               (s->full ? TENON_WRITABLE : 0) | (s->done ? 0 : TENON_PEER_DONE) |
               wire_events(&s->wire);
    }
}

/* Watches what the state asks for. */
static void update(struct socket *s)
{
    unsigned events = wanted(s);
    bool listening = s->n_listeners && !s->resting && (s->state == CLOSED || s->stale);

    if (s->fd >= 0 && events != s->watched)
        s->loop->watch(s->dev, s->fd, events, conn_ready);
    s->watched = events;
    if (listening != s->listening)
        for (unsigned i = 0; i < s->n_listeners; i++)
            s->loop->watch(s->dev, s->listeners[i], listening ? TENON_READABLE : 0, listener_ready);
    s->listening = listening;
}

/* The only timer goes off in so many milliseconds; 0 stops it.  What it means, the state says. */
static void set_timer(struct socket *s, unsigned ms)
{
    struct itimerspec its = { .it_value = { ms / 1000, ms % 1000 * 1000000l } };

    if (s->timer < 0) {
        s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (s->timer < 0)
            return;
        s->loop->watch(s->dev, s->timer, TENON_READABLE, timer_ready);
    }
    timerfd_settime(s->timer, 0, &its, NULL);
}

/* ---- A connection's beginning and end ---- */

/* Whatever fd was, it is no more. */
static void drop_fd(struct socket *s)
{
    wire_finish(&s->wire);
    if (s->fd >= 0) {
        s->loop->watch(s->dev, s->fd, 0, NULL);
        close(s->fd);
    }
    s->fd = -1;
    s->state = CLOSED;
    s->watched = 0;
    s->done = s->stale = s->more = false;
}

/* The connection has ended: who waits for it to take more need not, and another may come. */
static void set_closed(struct socket *s)
{
    bool full = s->full, was_open = s->state == OPEN;

    s->full = false;
    drop_fd(s);
    set_timer(s, s->n_listeners ? 0 : s->reconnect * 1000);
    update(s);
    if (was_open)
        s->host->event(s->dev, TENON_CHR_CLOSED);
    if (full)
        s->host->sent(s->dev);
}

/* Peers that fail are told of once, until one does not. */
static void complain(struct socket *s, const char *what, const char *why)
{
    if (!s->complained)
        tenon_log(s->dev, TENON_LOG_NOTE, "%s: %s", what, why);
    s->complained = true;
}

static void shake_hands(struct socket *s)
{
    const char *why = strerror(ENOMEM);
    int error = wire_handshake(&s->wire, &why);

    if (error == -EAGAIN) {
        update(s);
    } else if (error) {
        complain(s, "a connection has failed", why);
        set_closed(s);
    } else {
        s->state = OPEN;
        s->complained = false;
        set_timer(s, 0);
        update(s);
        s->host->event(s->dev, TENON_CHR_OPENED);
        socket_ready(s);
    }
}

/* why it cannot be opened; NULL: it is. */
static void settle(struct socket *s, const char *why)
{
    if (s->opening)
        s->host->settled(s->dev, why);
    s->opening = false;
}

/* fd is connected. */
static void set_connected(struct socket *s)
{
    int on = s->nodelay || !s->delay;

    settle(s, NULL);
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)); /* unix sockets do not mind */
    if (wire_init(&s->wire, &s->spec, s->fd)) {
        set_closed(s);
        return;
    }
    s->state = HANDSHAKE;
    set_timer(s, SHAKE_MS);
    shake_hands(s);
}

/* ---- Bytes ---- */

/* Has the far end ended, with nothing left that the guest could read? */
static bool is_over(struct socket *s)
{
    char byte;
    ssize_t n;

    if (!s->done || wire_pending(&s->wire))
        return false;
    n = recv(s->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

/* Hands the guest what has come and it has room for; true: there may be more without waiting. */
static bool receive(struct socket *s)
{
    char buf[4096];
    size_t room = s->host->room(s->dev);
    bool brk = false;
    ssize_t n = -EAGAIN;

    if (room)
        n = wire_recv(&s->wire, buf, room < sizeof(buf) ? room : sizeof(buf), &brk);
    if ((n <= 0 && n != -EAGAIN) || (!room && is_over(s))) {
        set_closed(s);
        return false;
    }
    if (n > 0 && s->done)
        set_timer(s, STALE_MS);
    if (n > 0)
        s->host->input(s->dev, buf, n);
    if (brk)
        s->host->event(s->dev, TENON_CHR_BREAK);
    if (s->state == OPEN && is_over(s))
        set_closed(s);
    return room && s->state == OPEN && wire_pending(&s->wire) && wire_readable(&s->wire);
}

static size_t socket_write(void *self, const void *buf, size_t len)
{
    struct socket *s = self;
    size_t at = 0;

    while (s->state == OPEN && at < len) {
        ssize_t n = wire_send(&s->wire, (const char *)buf + at, len - at);

        if (n >= 0) {
            at += n;
            continue;
        }
        if (n != -EAGAIN)
            return len; /* of the end the loop will hear */
        s->full = true;
        break;
    }
    if (s->state != OPEN)
        return len;
    update(s);
    return at;
}

static void socket_event(void *self, int event)
{
    struct socket *s = self;

    if (event == TENON_CHR_BREAK && s->state == OPEN) {
        wire_send_break(&s->wire);
        update(s);
    }
}

/* What TLS has decrypted already, the socket does not tell of: the timer does, at once. */
static void socket_ready(void *self)
{
    struct socket *s = self;

    s->more = s->state == OPEN && wire_pending(&s->wire) && s->host->room(s->dev);
    if (s->more)
        set_timer(s, 1);
    update(s);
}

/* ---- The server's side ---- */

/* Takes the next client, if there is one; the one that is there has nothing more to say. */
static void take_client(struct socket *s, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0 && errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
        s->resting = true;
        set_timer(s, BACK_MS);
        update(s);
    }
    if (fd < 0)
        return;
    if (s->state != CLOSED)
        set_closed(s);
    s->fd = fd;
    set_connected(s);
}

static void listener_ready(void *self, int fd, unsigned events)
{
    take_client(self, fd);
}

/* ---- The client's side ---- */

/* Nobody is there: another attempt follows, if there is to be one. */
static void give_up(struct socket *s, const char *why)
{
    if (s->found)
        freeaddrinfo(s->found);
    s->found = s->next = NULL;
    drop_fd(s);
    if (s->opening) {
        settle(s, why);
        return;
    }
    complain(s, "cannot connect, and goes on trying", why);
    set_timer(s, s->reconnect * 1000);
    update(s);
}

/* Begins to connect to the next address that can be tried: -EINPROGRESS, or error if there is none.
 */
static int try_next(struct socket *s, int error)
{
    while (s->next) {
        const struct addrinfo *ai = s->next;
        int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        s->next = ai->ai_next;
        drop_fd(s);
        if (fd < 0) {
            error = -errno;
            continue;
        }
        s->fd = fd;
        if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0 || errno == EINPROGRESS) {
            s->state = CONNECTING;
            return -EINPROGRESS;
        }
        error = -errno;
    }
    return error;
}

/* Has it connected?  0, -EINPROGRESS if the next address is being tried, or -errno. */
static int connected(struct socket *s)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error)
        return try_next(s, -error);
    if (s->found)
        freeaddrinfo(s->found);
    s->found = s->next = NULL;
    return 0;
}

/* At the addresses that have been found; a reason why not, or NULL. */
static const char *listen_there(struct socket *s)
{
    int n = inet_listen(s->found, s->to, s->listeners);

    freeaddrinfo(s->found);
    s->found = s->next = NULL;
    if (n >= 0)
        s->n_listeners = n;
    return n == -ERANGE ? "to is less than port" : n < 0 ? strerror(-n) : NULL;
}

/* A server's own name has been found while the machine went on. */
static void server_looked_up(struct socket *s)
{
    const char *why = listen_there(s);

    if (why)
        give_up(s, why);
    else if (is_off(s->wait))
        settle(s, NULL);
    update(s);
}

static void conn_looked_up(struct socket *s)
{
    int fd = s->fd, error;

    s->loop->watch(s->dev, fd, 0, NULL);
    s->fd = -1;
    s->state = CLOSED;
    s->watched = 0;
    error = inet_lookup_end(fd, &s->found);
    s->next = s->found;
    if (error) {
        give_up(s, gai_strerror(error));
        return;
    }
    if (s->server) {
        server_looked_up(s);
        return;
    }
    error = try_next(s, -EADDRNOTAVAIL);
    if (error == -EINPROGRESS)
        update(s);
    else
        give_up(s, strerror(-error));
}

static void conn_connected(struct socket *s)
{
    int error = connected(s);

    if (error == -EINPROGRESS)
        update(s);
    else if (error)
        give_up(s, strerror(-error));
    else
        set_connected(s);
}

/* Nothing here waits. */
static void start_connecting(struct socket *s)
{
    int fd =
        s->local.path ? unix_connect(&s->local, false) : inet_lookup(&s->inet, SOCK_STREAM, false);

    if (fd == -EAGAIN && s->opening) {
        set_timer(s, BUSY_MS);
        return;
    }
    if (fd < 0) {
        give_up(s, strerror(-fd));
        return;
    }
    s->fd = fd;
    s->state = LOOKING_UP;
    if (s->local.path)
        set_connected(s);
    else
        update(s);
}

/* ---- Events ---- */

static void conn_open(struct socket *s, unsigned events)
{
    if (events & (TENON_PEER_DONE | TENON_HANGUP | TENON_FAILED) && !s->done) {
        s->done = true;
        set_timer(s, STALE_MS);
    }
    if (events & (TENON_WRITABLE | TENON_HANGUP | TENON_FAILED) &&
        wire_flush(&s->wire) != -EAGAIN && s->full) {
        s->full = false;
        s->host->sent(s->dev);
    }
    while (s->state == OPEN && receive(s))
        ;
    update(s);
}

static void conn_ready(void *self, int fd, unsigned events)
{
    struct socket *s = self;

    switch (s->state) {
    case LOOKING_UP: conn_looked_up(s); break;
    case CONNECTING: conn_connected(s); break;
    case HANDSHAKE: shake_hands(s); break;
    case OPEN: conn_open(s, events); break;
    default: break;
    }
}

static void timer_ready(void *self, int fd, unsigned events)
{
    struct socket *s = self;
    uint64_t times;

    if (read(fd, &times, sizeof(times)) != sizeof(times))
        return;
    s->resting = false;
    if (s->state == OPEN && s->more) {
        s->more = false;
        conn_open(s, 0);
    } else if (s->state == OPEN) {
        s->stale = s->done;
    } else if (s->state == HANDSHAKE) {
        complain(s, "a connection has failed", "no handshake came in time");
        set_closed(s);
    } else if (s->state == CLOSED && !s->n_listeners && (s->reconnect || s->opening)) {
        start_connecting(s);
    }
    update(s);
}

/* ---- What monitors show ---- */

static void describe(void *self, char *buf, size_t len)
{
    struct socket *s = self;
    const char *protocol = s->telnet ? "telnet" : s->websocket ? "websocket" : "tcp";
    bool open = s->state == OPEN;
    const char *off = open ? "" : "disconnected:", *server = s->server ? ",server=on" : "";
    char near[ADDRESS_TEXT] = "", far[ADDRESS_TEXT] = "";
    int family = AF_UNSPEC;

    if (open)
        family = socket_text(s->fd, false, near);
    else if (s->n_listeners)
        family = socket_text(s->listeners[0], false, near);
    if (family == AF_UNIX || s->local.path)
        snprintf(buf, len, "%sunix:%s%s", off, s->local.path ? s->local.path : near, server);
    else if (open && socket_text(s->fd, true, far) != AF_UNSPEC)
        snprintf(buf, len, "%s:%s%s <-> %s", protocol, near, server, far);
    else if (*near || s->fd_given)
        snprintf(buf, len, "%s%s:%s%s", off, protocol, near, server);
    else
        snprintf(buf, len, "%s%s:%s:%s%s", off, protocol, s->inet.host ? s->inet.host : "",
                 s->inet.port, server);
}

/* ---- Start ---- */

/* Waits until one of the fds is ready; -EINTR if a signal wants the program to end. */
static int await(const int *fds, unsigned n, short events)
{
    static const int ending[] = { SIGINT, SIGTERM, SIGHUP };
    struct pollfd polled[MAX_LISTENERS + 1];
    sigset_t blocked, ends;

    sigemptyset(&ends);
    pthread_sigmask(SIG_BLOCK, NULL, &blocked);
    for (unsigned i = 0; i < sizeof(ending) / sizeof(*ending); i++)
        if (sigismember(&blocked, ending[i]))
            sigaddset(&ends, ending[i]);
    for (unsigned i = 0; i < n; i++)
        polled[i] = (struct pollfd){ .fd = fds[i], .events = events };
    polled[n] = (struct pollfd){ .fd = signalfd(-1, &ends, SFD_CLOEXEC), .events = POLLIN };
    while (poll(polled, n + 1, -1) < 0 && errno == EINTR)
        ;
    if (polled[n].fd >= 0)
        close(polled[n].fd);
    return polled[n].revents ? -EINTR : 0;
}

static int told_to_end(struct socket *s)
{
    return tenon_error(s->dev, -EINTR, "told to end while waiting for a connection");
}

static int wait_for_client(struct socket *s)
{
    char at[2 * ADDRESS_TEXT];

    describe(s, at, sizeof(at));
    tenon_log(s->dev, TENON_LOG_NOTE, "Tenon waiting for connection on: %s", at);
    while (s->state == CLOSED) {
        if (await(s->listeners, s->n_listeners, POLLIN))
            return told_to_end(s);
        for (unsigned i = 0; i < s->n_listeners && s->state == CLOSED; i++)
            take_client(s, s->listeners[i]);
    }
    return 0;
}

static int cannot_connect(struct socket *s, const char *why)
{
    if (s->local.path)
        return tenon_error(s->dev, -ENOTCONN, "cannot connect to %s: %s", s->local.path, why);
    return tenon_error(s->dev, -ENOTCONN, "cannot connect to %s port %s: %s",
                       s->inet.host && *s->inet.host ? s->inet.host : "this host", s->inet.port,
                       why);
}

/* Without reconnect: the machine does not start before it is connected. */
static int connect_now(struct socket *s)
{
    int error = 0;

    if (s->local.path) {
        s->fd = unix_connect(&s->local, true);
        if (s->fd < 0)
            return cannot_connect(s, strerror(-s->fd));
        fcntl(s->fd, F_SETFL, O_NONBLOCK);
        set_connected(s);
        return 0;
    }
    error = inet_resolve(&s->inet, SOCK_STREAM, false, &s->found);
    if (error)
        return cannot_connect(s, gai_strerror(error));
    s->next = s->found;
    error = try_next(s, -EADDRNOTAVAIL);
    while (error == -EINPROGRESS) {
        if (await(&s->fd, 1, POLLOUT))
            return told_to_end(s);
        error = connected(s);
    }
    if (error)
        return cannot_connect(s, strerror(-error));
    set_connected(s);
    return 0;
}

/* Whether the far end may be waited for here and now; -EINPROGRESS: not here. */
static int ask_to_wait(struct socket *s)
{
    int error = s->host->waits(s->dev);

    s->opening = error == -EINPROGRESS;
    return error;
}

/* -EINPROGRESS: a name server is asked first, and the machine does not wait for it. */
static int listen_inet(struct socket *s)
{
    int error = inet_is_at_hand(s->inet.host) ? 0 : ask_to_wait(s);
    const char *why;

    if (error == -EINPROGRESS) {
        s->fd = inet_lookup(&s->inet, SOCK_STREAM, true);
        s->state = s->fd < 0 ? CLOSED : LOOKING_UP;
        return s->fd < 0 ? tenon_error(s->dev, s->fd, "%s", strerror(-s->fd)) : error;
    }
    if (error)
        return error;
    error = inet_resolve(&s->inet, SOCK_STREAM, true, &s->found);
    if (error)
        return tenon_error(s->dev, -EINVAL, "host=%s,port=%s: %s", s->inet.host ? s->inet.host : "",
                           s->inet.port, gai_strerror(error));
    why = listen_there(s);
    if (!why)
        return 0;
    return s->to ? tenon_error(s->dev, -EADDRINUSE, "cannot listen at port %s to %u: %s",
                               s->inet.port, s->to, why)
                 : tenon_error(s->dev, -EADDRINUSE, "cannot listen at port %s: %s", s->inet.port,
                               why);
}

static int listen_now(struct socket *s)
{
    struct stat st;

    if (!s->local.path)
        return listen_inet(s);
    s->listeners[0] = unix_listen(s->dev, &s->local);
    if (s->listeners[0] < 0)
        return s->listeners[0];
    s->n_listeners = 1;
    s->made = !s->local.abstract && stat(s->local.path, &st) == 0;
    if (s->made) {
        s->made_dev = st.st_dev;
        s->made_ino = st.st_ino;
    }
    return 0;
}

/* fd=: a socket that somebody else has made, connected or listening. */
static int use_given(struct socket *s)
{
    char *end;
    long fd = strtol(s->fd_given, &end, 10);
    int listens, type;
    socklen_t len = sizeof(int);

    if (end == s->fd_given || *end || fd < 0 || fd > INT32_MAX)
        return tenon_error(s->dev, -EINVAL, "fd takes the number of a descriptor, not '%s'",
                           s->fd_given);
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM ||
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len))
        return tenon_error(s->dev, -EBADF, "fd=%ld is no stream socket", fd);
    if (listens != s->server)
        return tenon_error(s->dev, -EINVAL,
                           listens ? "fd=%ld listens, which needs server=on"
                                   : "fd=%ld does not listen, which server=on needs",
                           fd);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (s->server) {
        s->listeners[s->n_listeners++] = fd;
        return 0;
    }
    s->fd = fd;
    set_connected(s);
    return 0;
}

/* What cannot be said together. */
static int check(struct socket *s)
{
    bool port = s->inet.port && *s->inet.port;
    const struct {
        bool wrong;
        const char *why;
    } rules[] = {
        { port + !!s->local.path + !!s->fd_given != 1, "takes one of path, fd, and host and port" },
        { !port && s->inet.host && *s->inet.host, "host needs port" },
        { s->local.path && !*s->local.path, "path is empty" },
        { s->local.abstract && !s->local.path, "abstract is for path" },
        { s->to && (!port || !s->server), "to is for server=on with port" },
        { s->wait && !s->server, "wait is for server=on" },
        { s->reconnect && s->server, "reconnect is for clients, not for server=on" },
        { s->reconnect && s->fd_given, "reconnect has no address to connect to with fd" },
        { s->telnet && s->websocket, "takes one of telnet and websocket" },
        { s->websocket && !s->server, "websocket is for server=on" },
        { s->tn3270, "tn3270=on: there is no device here that speaks 3270" },
        { s->tls_creds && s->local.path, "tls-creds is for TCP, not for path" },
        { s->tls_authz && !s->tls_creds, "tls-authz needs tls-creds" },
        { s->tls_authz && !s->server, "tls-authz is for server=on" },
        { is_off(s->inet.ipv4) && is_off(s->inet.ipv6), "ipv4=off and ipv6=off leave nothing" },
    };

    for (unsigned i = 0; i < sizeof(rules) / sizeof(*rules); i++)
        if (rules[i].wrong)
            return tenon_error(s->dev, -EINVAL, "%s", rules[i].why);
    return s->local.path ? unix_check(s->dev, &s->local) : 0;
}

/* What is spoken on every connection. */
static int prepare_wire(struct socket *s)
{
    const struct tenon_objects *objects = tenon_query(s->dev, "tenon.objects/1");
    const struct tenon_tls *tls;

    s->spec = (struct wire_spec){
        .kind = s->telnet      ? WIRE_TELNET
                : s->websocket ? WIRE_WEBSOCKET
                               : WIRE_PLAIN,
        .server = s->server,
        .host = s->server ? NULL : s->inet.host,
        .fds = s->host->fds,
        .dev = s->dev,
    };
    if (!s->tls_creds)
        return 0;
    if (objects)
        s->spec.tls = objects->find(s->dev, s->tls_creds, TENON_TLS);
    tls = s->spec.tls.table;
    if (!s->spec.tls.self)
        return tenon_error(s->dev, -ENOENT, "tls-creds=%s: there is no object of that id",
                           s->tls_creds);
    if (!tls)
        return tenon_error(s->dev, -EINVAL, "tls-creds=%s is none of the tls-creds objects",
                           s->tls_creds);
    if (tls->server(s->spec.tls.self) != s->server)
        return tenon_error(s->dev, -EINVAL, "tls-creds=%s is for endpoint=%s", s->tls_creds,
                           s->server ? "client" : "server");
    return 0;
}

/* Whom TLS lets in. */
static int prepare_authz(struct socket *s)
{
    const struct tenon_objects *objects = tenon_query(s->dev, "tenon.objects/1");

    if (!s->tls_authz)
        return 0;
    if (objects)
        s->spec.authz = objects->find(s->dev, s->tls_authz, TENON_AUTHZ);
    if (!s->spec.authz.self)
        return tenon_error(s->dev, -ENOENT, "tls-authz=%s: there is no object of that id",
                           s->tls_authz);
    if (!s->spec.authz.table)
        return tenon_error(s->dev, -EINVAL, "tls-authz=%s is none of the authz objects",
                           s->tls_authz);
    return 0;
}

static int open_client(struct socket *s)
{
    int error = s->reconnect ? -EINPROGRESS : ask_to_wait(s);

    if (!error)
        return connect_now(s);
    if (error != -EINPROGRESS)
        return error;
    start_connecting(s);
    return 0;
}

static int open_server(struct socket *s)
{
    int error = s->fd_given ? use_given(s) : listen_now(s);

    if (error == -EINPROGRESS)
        return 0;
    if (error || is_off(s->wait))
        return error;
    error = ask_to_wait(s);
    if (!error)
        return wait_for_client(s);
    return error == -EINPROGRESS ? 0 : error;
}

static int open_socket(struct socket *s)
{
    if (s->server)
        return open_server(s);
    return s->fd_given ? use_given(s) : open_client(s);
}

static int socket_create(void *self)
{
    struct socket *s = self;
    int error;

    s->fd = s->timer = -1;
    s->local.padded = !s->tight;
    s->host = tenon_query(s->dev, "tenon.chardev/1");
    s->loop = tenon_query(s->dev, "tenon.loop/1");
    if (!s->host || !s->loop)
        return tenon_error(s->dev, -ENOTSUP, "this emulator has no event loop for back ends");
    error = check(s);
    if (!error)
        error = prepare_wire(s);
    if (!error)
        error = prepare_authz(s);
    if (error)
        return error;
    s->host->event(s->dev, TENON_CHR_CLOSED);
    error = open_socket(s);
    if (!error)
        update(s);
    return error;
}

static void socket_destroy(void *self)
{
    struct socket *s = self;
    struct stat st;

    if (!s->host || !s->loop)
        return;
    drop_fd(s);
    for (unsigned i = 0; i < s->n_listeners; i++) {
        s->loop->watch(s->dev, s->listeners[i], 0, NULL);
        close(s->listeners[i]);
    }
    if (s->timer >= 0) {
        s->loop->watch(s->dev, s->timer, 0, NULL);
        close(s->timer);
    }
    if (s->found)
        freeaddrinfo(s->found);
    if (s->made && lstat(s->local.path, &st) == 0 && st.st_dev == s->made_dev &&
        st.st_ino == s->made_ino)
        unlink(s->local.path);
}

static void socket_yank(void *self)
{
    struct socket *s = self;

    if (s->opening)
        give_up(s, "the attempt has been yanked");
    else if (s->state != CLOSED)
        set_closed(s);
}

static int socket_add_client(void *self, int fd)
{
    struct socket *s = self;

    if (!s->server)
        return -ENOTSUP;
    if (s->state != CLOSED)
        return -EBUSY;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK))
        return -errno;
    s->fd = fd;
    set_connected(s);
    return 0;
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = socket_write,
    .ready = socket_ready,
    .event = socket_event,
    .describe = describe,
    .yank = socket_yank,
    .add_client = socket_add_client,
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct socket, "host",      TENON_STR,  inet.host,
               .help = "host to connect to; with server=on address to listen at, or any"),
    TENON_PROP(struct socket, "port",      TENON_STR,  inet.port,
               .help = "TCP port, a number or a service; 0 for a free one"),
    TENON_PROP(struct socket, "to",        TENON_U32,  to, .min = 1, .max = 65535,
               .help = "last port to try if those from port on are in use"),
    TENON_PROP(struct socket, "ipv4",      TENON_ENUM, inet.ipv4, .names = on_off_names,
               .help = "use IPv4; auto is yes unless ipv6=on"),
    TENON_PROP(struct socket, "ipv6",      TENON_ENUM, inet.ipv6, .names = on_off_names,
               .help = "use IPv6; auto is yes unless ipv4=on"),
    TENON_PROP(struct socket, "nodelay",   TENON_BOOL, nodelay,
               .help = "send small pieces at once (TCP_NODELAY)"),
    TENON_PROP(struct socket, "delay",     TENON_BOOL, delay, .initial = true,
               .help = "off is nodelay=on"),
    TENON_PROP(struct socket, "path",      TENON_STR,  local.path,
               .help = "path of a unix socket"),
    TENON_PROP(struct socket, "abstract",  TENON_BOOL, local.abstract,
               .help = "path is a name that has no file"),
    TENON_PROP(struct socket, "tight",     TENON_BOOL, tight, .initial = true,
               .help = "an abstract name is not padded with zeros"),
    TENON_PROP(struct socket, "fd",        TENON_STR,  fd_given,
               .help = "descriptor of a socket that is connected, or with server=on listens"),
    TENON_PROP(struct socket, "server",    TENON_BOOL, server,
               .help = "listen, and take one client at a time"),
    TENON_PROP(struct socket, "wait",      TENON_ENUM, wait, .names = on_off_names,
               .help = "with server=on: the machine starts when a client has come; auto is on"),
    TENON_PROP(struct socket, "reconnect", TENON_U32,  reconnect, .max = 86400,
               .help = "seconds from a lost connection, or a failed attempt, to the next attempt"),
    TENON_PROP(struct socket, "telnet",    TENON_BOOL, telnet,
               .help = "speak telnet"),
    TENON_PROP(struct socket, "tn3270",    TENON_BOOL, tn3270,
               .help = "on is refused: no device here speaks 3270"),
    TENON_PROP(struct socket, "websocket", TENON_BOOL, websocket,
               .help = "with server=on: expect websocket clients"),
    TENON_PROP(struct socket, "tls-creds", TENON_STR,  tls_creds,
               .help = "id of a tls-creds object: speak TLS"),
    TENON_PROP(struct socket, "tls-authz", TENON_STR,  tls_authz,
               .help = "id of an authz object: with server=on, which TLS clients may come in"),
};
// clang-format on

TENON_CHARDEV_BACKEND(socket, "socket", "TCP and unix sockets", .ops = &ops,
                      .props = TENON_ARRAY(props), .create = socket_create,
                      .destroy = socket_destroy);
TENON_PLUGIN(&tenon_type_socket);
