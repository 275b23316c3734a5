/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket - a back end whose far end is a program at a TCP or unix socket: a client, or a server
 * with one client at a time.
 *
 * What neither side has taken yet waits in the kernel.  While nobody is connected, what the guest
 * sends is lost, as with a cable that is unplugged: it would wait for ever otherwise.
 */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* In milliseconds. */
#define BUSY_MS  100   /* until a unix socket whose queue is full is tried again */
#define BACK_MS  1000  /* until accept() is tried again when the host has no more descriptors */
#define STALE_MS 5000  /* the next client waits so long for a guest to read what one has left */
#define SHAKE_MS 10000 /* a handshake is over by then: others wait */

static void socket_ready(void *self);

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

void socket_connected(struct socket *s)
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

void socket_take_client(struct socket *s, int listener)
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
    socket_connected(s);
}

static void listener_ready(void *self, int fd, unsigned events)
{
    socket_take_client(self, fd);
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

int socket_try_next(struct socket *s, int error)
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

int socket_has_connected(struct socket *s)
{
    int error = 0;
    socklen_t len = sizeof(error);

    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error)
        return socket_try_next(s, -error);
    if (s->found)
        freeaddrinfo(s->found);
    s->found = s->next = NULL;
    return 0;
}

const char *socket_listen(struct socket *s)
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
    const char *why = socket_listen(s);

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
    error = socket_try_next(s, -EADDRNOTAVAIL);
    if (error == -EINPROGRESS)
        update(s);
    else
        give_up(s, strerror(-error));
}

static void conn_connected(struct socket *s)
{
    int error = socket_has_connected(s);

    if (error == -EINPROGRESS)
        update(s);
    else if (error)
        give_up(s, strerror(-error));
    else
        socket_connected(s);
}

void socket_start_connecting(struct socket *s)
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
        socket_connected(s);
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
        socket_start_connecting(s);
    }
    update(s);
}

/* ---- What monitors show ---- */

void socket_describe(void *self, char *buf, size_t len)
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

/* ---- The plugin ---- */

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
    error = socket_prepare(s);
    if (error)
        return error;
    s->host->event(s->dev, TENON_CHR_CLOSED);
    error = socket_open(s);
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
    socket_connected(s);
    return 0;
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = socket_write,
    .ready = socket_ready,
    .event = socket_event,
    .describe = socket_describe,
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
