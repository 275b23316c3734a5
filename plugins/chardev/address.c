/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address - where a socket is: from options to sockets, and back to the text that monitors show. */

#include "address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *const on_off_names[] = { "auto", "on",    "off", "yes", "no",
                                     "true", "false", "y",   "n",   NULL };

/* How many may wait while another one is connected: TCP keeps further ones waiting for seconds. */
#define BACKLOG 128

/* ---- Names ---- */

/* -1: none is allowed. */
static int family(const struct inet *at)
{
    if (is_on(at->ipv4) && is_on(at->ipv6))
        return AF_UNSPEC;
    if (is_off(at->ipv4) && is_off(at->ipv6))
        return -1;
    if (is_on(at->ipv4) || is_off(at->ipv6))
        return AF_INET;
    return is_on(at->ipv6) || is_off(at->ipv4) ? AF_INET6 : AF_UNSPEC;
}

static const char *given(const char *text)
{
    return text && *text ? text : NULL;
}

int inet_resolve(const struct inet *at, int type, bool passive, struct addrinfo **list)
{
    struct addrinfo hints = {
        .ai_family = family(at),
        .ai_socktype = type,
        .ai_flags = passive ? AI_PASSIVE : 0,
    };

    *list = NULL;
    if (hints.ai_family < 0)
        return EAI_ADDRFAMILY;
    return getaddrinfo(given(at->host), given(at->port) ? at->port : "0", &hints, list);
}

struct lookup {
    struct inet at;
    bool passive;
    int type, fd, error;
    struct addrinfo *list;
};

static void lookup_free(struct lookup *l)
{
    free((char *)l->at.host);
    free((char *)l->at.port);
    free(l);
}

/* The one who asked reads the pointer, or has closed the other end. */
static void *lookup_run(void *arg)
{
    struct lookup *l = arg;
    int fd = l->fd;

    l->error = inet_resolve(&l->at, l->type, l->passive, &l->list);
    if (send(fd, &l, sizeof(l), MSG_NOSIGNAL) != sizeof(l)) {
        if (l->list)
            freeaddrinfo(l->list);
        lookup_free(l);
    }
    close(fd);
    return NULL;
}

int inet_lookup(const struct inet *at, int type, bool passive)
{
    struct lookup *l;
    pthread_t thread;
    int fds[2], error;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds))
        return -errno;
    l = calloc(1, sizeof(*l));
    if (!l) {
        close(fds[0]);
        close(fds[1]);
        return -ENOMEM;
    }
    *l = (struct lookup){ .at = *at, .type = type, .passive = passive, .fd = fds[1] };
    l->at.host = at->host ? strdup(at->host) : NULL;
    l->at.port = at->port ? strdup(at->port) : NULL;
    error = pthread_create(&thread, NULL, lookup_run, l);
    if (error) {
        lookup_free(l);
        close(fds[0]);
        close(fds[1]);
        return -error;
    }
    pthread_detach(thread);
    return fds[0];
}

int inet_lookup_end(int fd, struct addrinfo **list)
{
    struct lookup *l;
    int error = EAI_SYSTEM;

    *list = NULL;
    if (recv(fd, &l, sizeof(l), 0) == sizeof(l)) {
        *list = l->list;
        error = l->error;
        lookup_free(l);
    }
    close(fd);
    return error;
}

bool inet_is_at_hand(const char *host)
{
    struct in6_addr bits;

    return !given(host) || !strcmp(host, "localhost") || inet_pton(AF_INET, host, &bits) == 1 ||
           inet_pton(AF_INET6, host, &bits) == 1;
}

/* ---- TCP servers ---- */

static in_port_t *port_of(struct sockaddr_storage *at)
{
    return at->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)at)->sin6_port
                                     : &((struct sockaddr_in *)at)->sin_port;
}

static int listen_at(const struct addrinfo *ai, in_port_t port)
{
    struct sockaddr_storage at = { 0 };
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;

    if (fd < 0)
        return -errno;
    memcpy(&at, ai->ai_addr, ai->ai_addrlen);
    *port_of(&at) = port;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (ai->ai_family == AF_INET6) /* the other family has a socket of its own */
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&at, ai->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

static in_port_t bound_port(int fd)
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);

    getsockname(fd, (struct sockaddr *)&at, &len);
    return *port_of(&at);
}

/* All addresses that this host has, or none: how many, or -errno. */
static int listen_all(const struct addrinfo *list, in_port_t port, int fds[MAX_LISTENERS])
{
    int n = 0, first_error = -EADDRNOTAVAIL;

    for (const struct addrinfo *ai = list; ai && n < MAX_LISTENERS; ai = ai->ai_next) {
        int fd = listen_at(ai, port);

        if (fd >= 0) {
            port = bound_port(fd); /* of 0 the kernel made one, which is the others' too */
            fds[n++] = fd;
        } else if (fd == -EADDRINUSE) {
            while (n)
                close(fds[--n]);
            return fd;
        } else if (ai == list) {
            first_error = fd;
        }
    }
    return n ? n : first_error;
}

int inet_listen(const struct addrinfo *list, unsigned last, int fds[MAX_LISTENERS])
{
    unsigned port = ntohs(*port_of((struct sockaddr_storage *)list->ai_addr)),
             end = last ? last : port;
    int n = -EADDRINUSE;

    if (end < port)
        return -ERANGE;
    for (; n == -EADDRINUSE && port <= end; port++)
        n = listen_all(list, htons(port), fds);
    return n;
}

/* ---- Unix sockets ---- */

static socklen_t unix_address(const struct unix_path *at, struct sockaddr_un *un)
{
    size_t len = strlen(at->path);

    *un = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (len + 1 > sizeof(un->sun_path))
        return 0;
    memcpy(un->sun_path + at->abstract, at->path, len);
    if (at->abstract && at->padded)
        return sizeof(*un);
    return offsetof(struct sockaddr_un, sun_path) + len + 1;
}

int unix_check(struct tenon_dev *dev, const struct unix_path *at)
{
    struct sockaddr_un un;

    if (unix_address(at, &un))
        return 0;
    return tenon_error(dev, -ENAMETOOLONG, "path=%s: a socket's path has at most %zu characters",
                       at->path, sizeof(un.sun_path) - 1);
}

/* The mode of an unbound socket is what bind() gives the file, whatever other threads do to the
 * umask meanwhile. */
int unix_listen(struct tenon_dev *dev, const struct unix_path *at)
{
    struct sockaddr_un un;
    socklen_t len = unix_address(at, &un);
    struct stat st;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error;

    if (fd >= 0 && !at->abstract && lstat(at->path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(at->path);
    if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&un, len) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    error = -errno;
    if (fd >= 0)
        close(fd);
    return tenon_error(dev, error, "cannot listen at %s: %s", at->path, strerror(-error));
}

int unix_connect(const struct unix_path *at, bool wait)
{
    struct sockaddr_un un;
    socklen_t len = unix_address(at, &un);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | (wait ? 0 : SOCK_NONBLOCK), 0), error;

    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&un, len) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

/* ---- Text ---- */

static void unix_text(const struct sockaddr_un *un, socklen_t len, char text[ADDRESS_TEXT])
{
    size_t n = len > offsetof(struct sockaddr_un, sun_path)
                   ? len - offsetof(struct sockaddr_un, sun_path)
                   : 0;
    bool abstract = n && !un->sun_path[0];

    snprintf(text, ADDRESS_TEXT, "%s%.*s", abstract ? "@" : "", (int)(n - abstract),
             un->sun_path + abstract);
}

void address_text(const struct sockaddr_storage *at, socklen_t len, char text[ADDRESS_TEXT])
{
    const char *form = at->ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s";
    char host[64] = "", port[8] = "";

    *text = 0;
    if (at->ss_family == AF_UNIX)
        unix_text((const struct sockaddr_un *)at, len, text);
    else if (!getnameinfo((const struct sockaddr *)at, len, host, sizeof(host), port, sizeof(port),
                          NI_NUMERICHOST | NI_NUMERICSERV))
        snprintf(text, ADDRESS_TEXT, form, host, port);
}

int socket_text(int fd, bool far, char text[ADDRESS_TEXT])
{
    struct sockaddr_storage at = { 0 };
    socklen_t len = sizeof(at);

    if ((far ? getpeername : getsockname)(fd, (struct sockaddr *)&at, &len))
        at.ss_family = AF_UNSPEC;
    address_text(&at, len, text);
    return at.ss_family;
}
