/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * udp - a back end that sends the guest's bytes in datagrams and receives datagrams for it.
 *
 * Each piece the guest sends is a datagram of its own.  Of one that came, the guest gets all before
 * the next is looked at; those that the kernel has no room for meanwhile are lost, as UDP has it.
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

#include "address.h"

#define DATAGRAM_MAX 65536

struct udp {
    struct tenon_dev *dev;
    struct inet far;
    const char *localaddr, *localport;
    const struct tenon_chardev_host *host;
    const struct tenon_loop *loop;
    int fd;     /* one more than it; 0: none */
    int lookup; /* the same: tells when the far end's name is found */
    bool full;
    unsigned watched;
    uint32_t at, n; /* of what has come, the guest has had data[0] to data[at - 1] */
    uint8_t data[DATAGRAM_MAX];
};

/* ---- Bytes ---- */

static void udp_ready_fd(void *self, int fd, unsigned events);

static void update(struct udp *u)
{
    unsigned events = (u->host->room(u->dev) ? TENON_READABLE : 0) | (u->full ? TENON_WRITABLE : 0);

    /* The rest of a datagram is there already; a socket that can be sent to tells so at once. */
    if (events & TENON_READABLE && u->at < u->n)
        events |= TENON_WRITABLE;
    if (events != u->watched)
        u->loop->watch(u->dev, u->fd - 1, events, udp_ready_fd);
    u->watched = events;
}

static void hand_over(struct udp *u)
{
    u->at += u->host->input(u->dev, u->data + u->at, u->n - u->at);
}

/* An error that comes in is about what was sent before: nobody listens there yet. */
static void receive(struct udp *u)
{
    ssize_t n;

    if (u->at < u->n)
        hand_over(u);
    if (u->at < u->n)
        return;
    n = recv(u->fd - 1, u->data, sizeof(u->data), MSG_DONTWAIT);
    u->at = 0;
    u->n = n > 0 ? n : 0;
    hand_over(u);
}

static void udp_ready_fd(void *self, int fd, unsigned events)
{
    struct udp *u = self;

    if (u->full && events & TENON_WRITABLE) {
        u->full = false;
        u->host->sent(u->dev);
    }
    receive(u);
    update(u);
}

/* The biggest datagram that IPv4 carries: what is longer goes in several. */
#define PAYLOAD_MAX 65507

static size_t udp_write(void *self, const void *buf, size_t len)
{
    struct udp *u = self;
    size_t at = 0;

    while (at < len) {
        size_t part = len - at < PAYLOAD_MAX ? len - at : PAYLOAD_MAX;
        ssize_t n = send(u->fd - 1, (const char *)buf + at, part, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            u->full = true;
            update(u);
            break;
        }
        if (n >= 0 || (errno != EINTR && errno != ECONNREFUSED))
            at += part; /* sent, or lost on the way: nobody can tell */
    }
    return at;
}

static void udp_ready(void *self)
{
    update(self);
}

static void describe(void *self, char *buf, size_t len)
{
    struct udp *u = self;
    char near[ADDRESS_TEXT], far[ADDRESS_TEXT];

    socket_text(u->fd - 1, false, near);
    socket_text(u->fd - 1, true, far);
    snprintf(buf, len, "udp:%s@%s", far, near);
}

/* ---- Start and end ---- */

/* The local address of that family: 0, or a getaddrinfo() error. */
static int resolve_local(const struct udp *u, int family, struct addrinfo **list)
{
    struct inet at = { .host = u->localaddr,
                       .port = u->localport,
                       .ipv4 = family == AF_INET,
                       .ipv6 = family == AF_INET6 };

    return inet_resolve(&at, SOCK_DGRAM, true, list);
}

/* From an address of ours to one of the far end's: the fd, or -errno. */
static int open_between(const struct addrinfo *near, const struct addrinfo *far)
{
    int fd = socket(far->ai_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, error;

    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, near->ai_addr, near->ai_addrlen) == 0 &&
        connect(fd, far->ai_addr, far->ai_addrlen) == 0)
        return fd;
    error = -errno;
    close(fd);
    return error;
}

/* The first of the far end's addresses will do that has a local one of its family.  Why none does,
 * or NULL. */
static const char *open_udp(struct udp *u, const struct addrinfo *far)
{
    const char *why = "";

    for (; far && !u->fd; far = far->ai_next) {
        struct addrinfo *near;
        int error = resolve_local(u, far->ai_family, &near), fd;

        if (error) {
            why = gai_strerror(error);
            continue;
        }
        fd = open_between(near, far);
        freeaddrinfo(near);
        if (fd < 0)
            why = strerror(-fd);
        else
            u->fd = fd + 1;
    }
    return u->fd ? NULL : why;
}

static void looked_up(void *self, int fd, unsigned events)
{
    struct udp *u = self;
    struct addrinfo *far;
    const char *why;
    int error;

    u->loop->watch(u->dev, fd, 0, NULL);
    u->lookup = 0;
    error = inet_lookup_end(fd, &far);
    why = error ? gai_strerror(error) : open_udp(u, far);
    if (far)
        freeaddrinfo(far);
    u->host->settled(u->dev, why);
}

/* A name server is asked, and the machine does not wait for it. */
static int open_later(struct udp *u)
{
    int fd;

    if (!inet_is_at_hand(u->localaddr))
        return tenon_error(u->dev, -EINVAL,
                           "localaddr=%s is no address, and the machine that is "
                           "there does not wait for a name",
                           u->localaddr);
    fd = inet_lookup(&u->far, SOCK_DGRAM, false);
    if (fd < 0)
        return tenon_error(u->dev, fd, "%s", strerror(-fd));
    u->lookup = fd + 1;
    u->loop->watch(u->dev, fd, TENON_READABLE, looked_up);
    return 0;
}

static int open_now(struct udp *u)
{
    struct addrinfo *far;
    int error = inet_resolve(&u->far, SOCK_DGRAM, false, &far);
    const char *why;

    if (error)
        return tenon_error(u->dev, -EINVAL, "host=%s,port=%s: %s", u->far.host, u->far.port,
                           gai_strerror(error));
    why = open_udp(u, far);
    freeaddrinfo(far);
    if (!why)
        return 0;
    return tenon_error(u->dev, -EADDRNOTAVAIL, "cannot send from %s port %s: %s",
                       u->localaddr ? u->localaddr : "any address",
                       u->localport ? u->localport : "0", why);
}

static int udp_create(void *self)
{
    struct udp *u = self;
    int error;

    u->host = tenon_query(u->dev, "tenon.chardev/1");
    u->loop = tenon_query(u->dev, "tenon.loop/1");
    if (!u->host || !u->loop)
        return tenon_error(u->dev, -ENOTSUP, "this emulator has no event loop for back ends");
    if (!u->far.port || !*u->far.port)
        return tenon_error(u->dev, -EINVAL, "port is missing");
    if (inet_is_at_hand(u->far.host) && inet_is_at_hand(u->localaddr))
        return open_now(u);
    error = u->host->waits(u->dev);
    return error == -EINPROGRESS ? open_later(u) : error ? error : open_now(u);
}

static void udp_destroy(void *self)
{
    struct udp *u = self;

    if (u->lookup) {
        u->loop->watch(u->dev, u->lookup - 1, 0, NULL);
        close(u->lookup - 1);
    }

    if (!u->fd)
        return;
    u->loop->watch(u->dev, u->fd - 1, 0, NULL);
    close(u->fd - 1);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = udp_write,
    .ready = udp_ready,
    .describe = describe,
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct udp, "host",      TENON_STR,  far.host, .initial_str = "localhost",
               .help = "host to send to, and to receive from"),
    TENON_PROP(struct udp, "port",      TENON_STR,  far.port,
               .help = "its port, a number or a service"),
    TENON_PROP(struct udp, "localaddr", TENON_STR,  localaddr,
               .help = "address to send from and to receive at, or any"),
    TENON_PROP(struct udp, "localport", TENON_STR,  localport,
               .help = "its port, or a free one"),
    TENON_PROP(struct udp, "ipv4",      TENON_ENUM, far.ipv4, .names = on_off_names,
               .help = "use IPv4; auto is yes unless ipv6=on"),
    TENON_PROP(struct udp, "ipv6",      TENON_ENUM, far.ipv6, .names = on_off_names,
               .help = "use IPv6; auto is yes unless ipv4=on"),
};
// clang-format on

TENON_CHARDEV_BACKEND(udp, "udp", "UDP datagrams", .ops = &ops, .props = TENON_ARRAY(props),
                      .create = udp_create, .destroy = udp_destroy);
TENON_PLUGIN(&tenon_type_udp);
