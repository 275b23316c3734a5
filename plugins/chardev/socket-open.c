/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * socket-open - how a socket back end begins: what was given is looked at, then it connects or
 * listens, and waits for the far end where it may.
 */
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

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

    socket_describe(s, at, sizeof(at));
    tenon_log(s->dev, TENON_LOG_NOTE, "Tenon waiting for connection on: %s", at);
    while (s->state == CLOSED) {
        if (await(s->listeners, s->n_listeners, POLLIN))
            return told_to_end(s);
        for (unsigned i = 0; i < s->n_listeners && s->state == CLOSED; i++)
            socket_take_client(s, s->listeners[i]);
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
        socket_connected(s);
        return 0;
    }
    error = inet_resolve(&s->inet, SOCK_STREAM, false, &s->found);
    if (error)
        return cannot_connect(s, gai_strerror(error));
    s->next = s->found;
    error = socket_try_next(s, -EADDRNOTAVAIL);
    while (error == -EINPROGRESS) {
        if (await(&s->fd, 1, POLLOUT))
            return told_to_end(s);
        error = socket_has_connected(s);
    }
    if (error)
        return cannot_connect(s, strerror(-error));
    socket_connected(s);
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
    why = socket_listen(s);
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
    socket_connected(s);
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

int socket_prepare(struct socket *s)
{
    int error = check(s);

    if (!error)
        error = prepare_wire(s);
    return error ? error : prepare_authz(s);
}

static int open_client(struct socket *s)
{
    int error = s->reconnect ? -EINPROGRESS : ask_to_wait(s);

    if (!error)
        return connect_now(s);
    if (error != -EINPROGRESS)
        return error;
    socket_start_connecting(s);
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

int socket_open(struct socket *s)
{
    if (s->server)
        return open_server(s);
    return s->fd_given ? use_given(s) : open_client(s);
}
