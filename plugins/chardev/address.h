/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* address - where a socket is: from options to sockets, and back to the text that monitors show. */
#ifndef TENON_CHARDEV_ADDRESS_H
#define TENON_CHARDEV_ADDRESS_H

#include <netdb.h>
#include <sys/socket.h>

#include <tenon/plugin.h>

/* A bool that may be left out is an enum of these names. */
enum { UNSAID };
extern const char *const on_off_names[];
static inline bool is_on(uint32_t said)
{
    return said % 2;
}
static inline bool is_off(uint32_t said)
{
    return said && !is_on(said);
}

struct inet {
    const char *host, *port; /* NULL, or the empty string, if not given */
    uint32_t ipv4, ipv6;     /* of on_off_names */
};

/*
 * The addresses of a host and a port or service, for type SOCK_STREAM or SOCK_DGRAM; without a host
 * any address of this host if passive, else its loopback.  0 or a getaddrinfo() error, for
 * gai_strerror(); the list goes to freeaddrinfo().  A name server may keep it waiting.
 */
int inet_resolve(const struct inet *at, int type, bool passive, struct addrinfo **list);

/*
 * The same, in a thread of its own: an fd that becomes readable when the list is there, or -errno.
 * inet_lookup_end() then takes the list, and closing the fd without it gives up.
 */
int inet_lookup(const struct inet *at, int type, bool passive);
int inet_lookup_end(int fd, struct addrinfo **list);

/* Whether no name server has to be asked for the host: an address, this host, or any of its. */
bool inet_is_at_hand(const char *host);

enum { MAX_LISTENERS = 8 };

/* Sockets that listen at all addresses of a list, and at the first port of its own to last (0: no
 * other) that is free at all of them.  How many, or -errno (-ERANGE: last is less than the port).
 */
int inet_listen(const struct addrinfo *list, unsigned last, int fds[MAX_LISTENERS]);

struct unix_path {
    const char *path;
    bool abstract;
    bool padded; /* an abstract name has all its length, filled up with zeros */
};

/* A socket that listens at the path, with mode 0600; a socket that is there already is replaced. */
int unix_listen(struct tenon_dev *dev, const struct unix_path *at);
/* A socket that is connected to it; nonblocking if wait is not set, and then -EAGAIN says that the
 * server is busy.  -errno is not reported. */
int unix_connect(const struct unix_path *at, bool wait);
/* -ENAMETOOLONG, which has been reported, if no socket can have that path. */
int unix_check(struct tenon_dev *dev, const struct unix_path *at);

/* "127.0.0.1:22", "[::1]:22", "/path" or "@abstract"; what is said of the family AF_UNSPEC is
 * empty. */
enum { ADDRESS_TEXT = 128 };
void address_text(const struct sockaddr_storage *at, socklen_t len, char text[ADDRESS_TEXT]);
/* Of the socket's own end, or of the far one; the family it is of. */
int socket_text(int fd, bool far, char text[ADDRESS_TEXT]);

#endif
