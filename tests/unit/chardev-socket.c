/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev-socket - tests of the back ends socket (TCP and unix, as server and as client) and udp.
 */

#include "fakehost.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

enum { WAIT_OFF = 2 }; /* of the names of an on-off property */

/* ---- A socket to test, and its far end ---- */

struct test {
    struct fake f;
    char *dir, *path;
};

static void test_init(struct test *t)
{
    t->dir = g_dir_make_tmp("tenon-XXXXXX", NULL);
    t->path = g_build_filename(t->dir, "s", NULL);
    fake_init(&t->f, fake_load("chardev-socket"));
}

static void test_finish(struct test *t)
{
    fake_finish(&t->f);
    g_assert_cmpint(g_rmdir(t->dir), ==, 0); /* it has taken its socket along */
    g_free(t->path);
    g_free(t->dir);
}

/* A server at t->path. */
static void server_init(struct test *t)
{
    test_init(t);
    fake_set_str(&t->f, "path", t->path);
    fake_set_bool(&t->f, "server", true);
    fake_set_u32(&t->f, "wait", WAIT_OFF);
    g_assert_cmpint(fake_create(&t->f), ==, 0);
    g_assert_cmpstr(t->f.events->str, ==, "c");
}

static struct sockaddr_un unix_at(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    g_strlcpy(un.sun_path, path, sizeof(un.sun_path));
    return un;
}

static int unix_client(const char *path)
{
    struct sockaddr_un un = unix_at(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    g_assert_cmpint(connect(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    return fd;
}

static int unix_server(const char *path)
{
    struct sockaddr_un un = unix_at(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
    g_assert_cmpint(listen(fd, 4), ==, 0);
    return fd;
}

/* Lets what is ready happen. */
static void settle(struct test *t)
{
    while (fake_poll(&t->f, 20) > 0)
        ;
}

static void send_text(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, strlen(text));
}

static void assert_text(int fd, const char *text)
{
    char buf[256];
    ssize_t n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);

    g_assert_cmpmem(buf, MAX(n, 0), text, strlen(text));
}

static void describe(struct test *t, char text[256])
{
    ((const struct tenon_chardev_ops *)t->f.type->ops)->describe(t->f.state, text, 256);
}

static void assert_described(struct test *t, const char *text)
{
    char got[256];

    describe(t, got);
    g_assert_cmpstr(got, ==, text);
}

/* ---- As a server ---- */

static void test_both_ways(void)
{
    struct test t;
    g_autofree char *text = NULL;
    int fd;

    server_init(&t);
    text = g_strdup_printf("disconnected:unix:%s,server=on", t.path);
    assert_described(&t, text);
    g_assert_cmpuint(fake_write(&t.f, "nobody", 6), ==, 6);
    fd = unix_client(t.path);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "co");
    assert_described(&t, text + strlen("disconnected:"));
    g_assert_cmpuint(fake_write(&t.f, "hello", 5), ==, 5);
    assert_text(fd, "hello");
    send_text(fd, "there");
    settle(&t);
    g_assert_cmpuint(t.f.received->len, ==, 0);
    fake_give_room(&t.f, 3);
    settle(&t);
    g_assert_cmpstr(t.f.received->str, ==, "the");
    fake_give_room(&t.f, 3);
    settle(&t);
    g_assert_cmpstr(t.f.received->str, ==, "there");
    close(fd);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "coc");
    test_finish(&t);
}

static void test_mode(void)
{
    struct test t;
    struct stat st;
    mode_t mask = umask(0);

    server_init(&t);
    g_assert_cmpint(lstat(t.path, &st), ==, 0);
    g_assert_cmpint(st.st_mode & 0777, ==, 0600);
    umask(mask);
    test_finish(&t);
}

/* What nobody listens at any more is replaced; a file that is no socket is not, and somebody else's
 * socket stays there at the end. */
static void test_path_in_use(void)
{
    struct test t;

    test_init(&t);
    close(unix_server(t.path));
    fake_set_str(&t.f, "path", t.path);
    fake_set_bool(&t.f, "server", true);
    fake_set_u32(&t.f, "wait", WAIT_OFF);
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    close(unix_client(t.path));
    g_assert_cmpint(g_unlink(t.path), ==, 0);
    g_assert_true(g_file_set_contents(t.path, "keep", -1, NULL));
    fake_finish(&t.f);
    g_assert_true(g_file_test(t.path, G_FILE_TEST_EXISTS));

    fake_init(&t.f, fake_load("chardev-socket"));
    fake_set_str(&t.f, "path", t.path);
    fake_set_bool(&t.f, "server", true);
    g_assert_cmpint(fake_create(&t.f), ==, -EADDRINUSE);
    g_assert_true(g_file_test(t.path, G_FILE_TEST_EXISTS));
    g_unlink(t.path);
    test_finish(&t);
}

/* One that does not read: the guest is told to wait, and nothing is lost. */
static void test_slow_reader(void)
{
    struct test t;
    GByteArray *got = g_byte_array_new();
    size_t sent = 0, most = 4 << 20;
    char chunk[4096], buf[65536];
    ssize_t n;
    int fd;

    server_init(&t);
    fd = unix_client(t.path);
    settle(&t);
    while (got->len < most) {
        for (size_t took = sizeof(chunk); took == sizeof(chunk) && sent < most; sent += took) {
            for (size_t i = 0; i < sizeof(chunk); i++)
                chunk[i] = (sent + i) * 7 >> 3;
            took = fake_write(&t.f, chunk, MIN(sizeof(chunk), most - sent));
        }
        g_assert_cmpuint(sent - got->len, <, 2 << 20); /* the rest is the guest's */
        while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0)
            g_byte_array_append(got, (void *)buf, n);
        settle(&t);
    }
    for (size_t i = 0; i < most; i++)
        g_assert_cmpuint(got->data[i], ==, (uint8_t)(i * 7 >> 3));
    g_assert_cmpuint(t.f.sent, >, 0);
    close(fd);
    g_byte_array_unref(got);
    test_finish(&t);
}

/* What was sent before the end comes before what the next client sends, however slow the guest. */
static void test_close_and_reopen(void)
{
    struct test t;
    int fd, second;

    server_init(&t);
    fd = unix_client(t.path);
    send_text(fd, "first,");
    close(fd);
    second = unix_client(t.path);
    send_text(second, "second");
    settle(&t);
    for (int i = 0; i < 12; i++) {
        fake_give_room(&t.f, 1);
        settle(&t);
    }
    g_assert_cmpstr(t.f.received->str, ==, "first,second");
    g_assert_cmpstr(t.f.events->str, ==, "coco");
    close(second);
    test_finish(&t);
}

/* A second client waits its turn. */
static void test_second_waits(void)
{
    struct test t;
    int fd, second;

    server_init(&t);
    fake_give_room(&t.f, 100);
    fd = unix_client(t.path);
    settle(&t);
    second = unix_client(t.path);
    send_text(second, "me too");
    settle(&t);
    g_assert_cmpuint(t.f.received->len, ==, 0);
    g_assert_cmpuint(fake_write(&t.f, "x", 1), ==, 1);
    assert_text(second, "");
    close(fd);
    settle(&t);
    g_assert_cmpstr(t.f.received->str, ==, "me too");
    close(second);
    test_finish(&t);
}

/* A client that has left bytes for a guest that never reads does not lock out the next for ever. */
static void test_stale(void)
{
    struct test t;
    int fd;

    server_init(&t);
    fd = unix_client(t.path);
    send_text(fd, "nobody reads this");
    close(fd);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "co");
    fd = unix_client(t.path);
    while (t.f.events->len < 4)
        g_assert_cmpint(fake_poll(&t.f, 30000), >, 0);
    g_assert_cmpstr(t.f.events->str, ==, "coco");
    g_assert_cmpuint(fake_write(&t.f, "hello", 5), ==, 5);
    assert_text(fd, "hello");
    close(fd);
    test_finish(&t);
}

static void test_thousand(void)
{
    struct test t;
    struct sockaddr_un un;
    unsigned ends = 0;

    server_init(&t);
    un = unix_at(t.path);
    for (int i = 0; i < 1000; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (connect(fd, (struct sockaddr *)&un, sizeof(un)) && errno == EAGAIN)
            ends++;
        fake_poll(&t.f, 0);
        close(fd);
    }
    settle(&t);
    g_assert_cmpuint(fake_watches(&t.f), <=, 3);
    close(unix_client(t.path));
    settle(&t);
    g_assert_cmpuint(ends, <, 1000);
    g_assert_true(g_str_has_suffix(t.f.events->str, "oc"));
    test_finish(&t);
}

static void test_descriptors(void)
{
    char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
    struct iovec iov = { (void *)"x", 1 };
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)
    };
    struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    int fds[2], fd;
    struct test t;

    g_assert_cmpint(pipe(fds), ==, 0);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(fds));
    memcpy(CMSG_DATA(c), fds, sizeof(fds));
    server_init(&t);
    fake_give_room(&t.f, 10);
    fd = unix_client(t.path);
    g_assert_cmpint(sendmsg(fd, &msg, 0), ==, 1);
    settle(&t);
    g_assert_cmpstr(t.f.received->str, ==, "x");
    g_assert_cmpuint(t.f.n_fds, ==, 2);
    g_assert_true(fcntl(t.f.fds[0], F_GETFD) & FD_CLOEXEC);
    close(fds[0]);
    close(fds[1]);
    g_assert_cmpint(write(t.f.fds[1], "y", 1), ==, 1);
    close(t.f.fds[1]);
    assert_text(fd, "");
    g_assert_cmpint(read(t.f.fds[0], control, sizeof(control)), ==, 1);
    close(t.f.fds[0]);
    close(fd);
    test_finish(&t);
}

/* A server at a port of its own, and a client of it. */
static int tcp_client(struct test *t)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char text[256];
    unsigned port;

    fake_set_str(&t->f, "host", "127.0.0.1");
    fake_set_str(&t->f, "port", "0");
    fake_set_bool(&t->f, "server", true);
    fake_set_u32(&t->f, "wait", WAIT_OFF);
    g_assert_cmpint(fake_create(&t->f), ==, 0);
    describe(t, text);
    g_assert_cmpint(sscanf(text, "disconnected:%*[a-z]:127.0.0.1:%u,server=on", &port), ==, 1);
    in.sin_port = htons(port);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&in, sizeof(in)), ==, 0);
    return fd;
}

static void test_tcp(void)
{
    struct test t;
    char text[256];
    int fd;

    test_init(&t);
    fd = tcp_client(&t);
    fake_give_room(&t.f, 10);
    send_text(fd, "tcp");
    settle(&t);
    g_assert_cmpstr(t.f.received->str, ==, "tcp");
    describe(&t, text);
    g_assert_true(g_str_has_prefix(text, "tcp:127.0.0.1:"));
    g_assert_nonnull(strstr(text, ",server=on <-> 127.0.0.1:"));
    close(fd);
    test_finish(&t);
}

static void reset(int fd)
{
    struct linger linger = { .l_onoff = 1 };

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

static void wait_for_events(struct test *t, const char *events)
{
    while (t->f.events->len < strlen(events))
        g_assert_cmpint(fake_poll(&t->f, 30000), >, 0);
    g_assert_cmpstr(t->f.events->str, ==, events);
}

/* A guest without room hears of the end too, but not before it has read what came before. */
static void test_reset(void)
{
    struct test t;
    int fd;

    test_init(&t);
    fd = tcp_client(&t);
    wait_for_events(&t, "co");
    send_text(fd, "last");
    reset(fd);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "co");
    fake_give_room(&t.f, 4);
    wait_for_events(&t, "coc");
    g_assert_cmpstr(t.f.received->str, ==, "last");
    test_finish(&t);
}

/* The kernel keeps little for those who do not read; it says -1 of what is no socket. */
static int limit_buffers(int fd)
{
    int bytes = 4096;

    return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes)) |
           setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
}

/* Answers that the far end does not read keep it from asking more, but not from leaving. */
static void test_unread_answers(void)
{
    enum { QUESTIONS = 32768 };
    g_autofree char *ayt = g_malloc(2 * QUESTIONS);
    unsigned limited = 0;
    struct test t;
    int fd;

    for (int i = 0; i < QUESTIONS; i++)
        memcpy(ayt + 2 * i, "\377\366", 2);
    test_init(&t);
    fake_set_bool(&t.f, "telnet", true);
    fd = tcp_client(&t);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fake_give_room(&t.f, 4096);
    wait_for_events(&t, "co");
    g_assert_cmpint(limit_buffers(fd), ==, 0);
    for (int i = 0; i < FAKE_WATCHES; i++)
        if (t.f.watches[i].events)
            limited += limit_buffers(t.f.watches[i].fd) == 0;
    g_assert_cmpuint(limited, ==, 1); /* the connection */
    while (send(fd, ayt, 2 * QUESTIONS, MSG_NOSIGNAL) > 0)
        settle(&t);
    close(fd);
    wait_for_events(&t, "coc");
    test_finish(&t);
}

/* ---- As a client ---- */

static void test_client(void)
{
    struct test t;
    int listener, fd;

    test_init(&t);
    listener = unix_server(t.path);
    fake_set_str(&t.f, "path", t.path);
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    g_assert_cmpstr(t.f.events->str, ==, "co");
    fd = accept(listener, NULL, NULL);
    g_assert_cmpuint(fake_write(&t.f, "hello", 5), ==, 5);
    assert_text(fd, "hello");
    close(fd);
    fake_give_room(&t.f, 1);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "coc");
    g_assert_cmpuint(fake_write(&t.f, "gone", 4), ==, 4);
    close(listener);
    g_unlink(t.path);
    test_finish(&t);
}

/* In a machine that runs create() does not wait, whoever the far end is. */
static void test_later(void)
{
    struct test t;
    int listener, fd;
    char byte;

    test_init(&t);
    fake_set_str(&t.f, "path", t.path);
    t.f.waits = -EINPROGRESS;
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    g_assert_cmpstr(t.f.events->str, ==, "cf"); /* nobody is there */
    test_finish(&t);

    test_init(&t);
    listener = unix_server(t.path);
    fake_set_str(&t.f, "path", t.path);
    t.f.waits = -EINPROGRESS;
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    g_assert_cmpstr(t.f.events->str, ==, "cso");
    close(listener);
    g_unlink(t.path);
    test_finish(&t);

    test_init(&t);
    fake_set_str(&t.f, "path", t.path);
    fake_set_bool(&t.f, "server", true); /* and wait is on */
    t.f.waits = -EINPROGRESS;
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    g_assert_cmpstr(t.f.events->str, ==, "c");
    fd = unix_client(t.path);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "cso");
    fake_yank(&t.f);
    g_assert_cmpstr(t.f.events->str, ==, "csoc");
    g_assert_cmpint(recv(fd, &byte, 1, 0), ==, 0);
    close(fd);
    test_finish(&t);
}

static void test_refuses_to_wait(void)
{
    struct test t;

    test_init(&t);
    fake_set_str(&t.f, "path", t.path);
    fake_set_bool(&t.f, "server", true);
    t.f.waits = -EAGAIN;
    g_assert_cmpint(fake_create(&t.f), ==, -EAGAIN);
    test_finish(&t);
}

static void test_reconnect(void)
{
    struct test t;
    int listener, fd;

    test_init(&t);
    fake_set_str(&t.f, "path", t.path);
    fake_set_u32(&t.f, "reconnect", 1);
    g_assert_cmpint(fake_create(&t.f), ==, 0); /* nobody is there yet */
    g_assert_nonnull(strstr(t.f.said->str, "cannot connect, and goes on trying"));
    listener = unix_server(t.path);
    while (!strchr(t.f.events->str, 'o'))
        g_assert_cmpint(fake_poll(&t.f, 30000), >, 0);
    fd = accept(listener, NULL, NULL);
    fake_give_room(&t.f, 100);
    send_text(fd, "one");
    close(fd);
    while (!g_str_equal(t.f.events->str, "coco"))
        g_assert_cmpint(fake_poll(&t.f, 30000), >, 0);
    g_assert_cmpstr(t.f.received->str, ==, "one");
    fd = accept(listener, NULL, NULL);
    g_assert_cmpuint(fake_write(&t.f, "back", 4), ==, 4);
    assert_text(fd, "back");
    close(fd);
    close(listener);
    g_unlink(t.path);
    test_finish(&t);
}

/* The same by a name that has to be looked up. */
static void test_reconnect_tcp(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(in);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;
    g_autofree char *port = NULL;
    struct test t;

    g_assert_cmpint(bind(listener, (struct sockaddr *)&in, sizeof(in)), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    getsockname(listener, (struct sockaddr *)&in, &len);
    port = g_strdup_printf("%u", ntohs(in.sin_port));
    test_init(&t);
    fake_set_str(&t.f, "host", "localhost");
    fake_set_str(&t.f, "port", port);
    fake_set_u32(&t.f, "reconnect", 1);
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    while (!strchr(t.f.events->str, 'o'))
        g_assert_cmpint(fake_poll(&t.f, 30000), >, 0);
    fd = accept(listener, NULL, NULL);
    g_assert_cmpuint(fake_write(&t.f, "tcp", 3), ==, 3);
    assert_text(fd, "tcp");
    close(fd);
    close(listener);
    test_finish(&t);
}

static void test_given(void)
{
    g_autofree char *number = NULL;
    struct test t;
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), ==, 0);
    number = g_strdup_printf("%d", fds[0]);
    test_init(&t);
    fake_set_str(&t.f, "fd", number);
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    g_assert_cmpstr(t.f.events->str, ==, "co");
    g_assert_cmpuint(fake_write(&t.f, "hello", 5), ==, 5);
    assert_text(fds[1], "hello");
    close(fds[1]);
    test_finish(&t);

    test_init(&t);
    g_free(number);
    number = g_strdup_printf("%d", unix_server(t.path));
    fake_set_str(&t.f, "fd", number);
    fake_set_bool(&t.f, "server", true);
    fake_set_u32(&t.f, "wait", WAIT_OFF);
    g_assert_cmpint(fake_create(&t.f), ==, 0);
    fds[0] = unix_client(t.path);
    settle(&t);
    g_assert_cmpstr(t.f.events->str, ==, "co");
    close(fds[0]);
    g_unlink(t.path);
    test_finish(&t);
}

static void test_refused(void)
{
    static const struct {
        const char *key[3], *value[3]; /* strings */
        const char *said;
    } cases[] = {
        { { NULL }, { NULL }, "takes one of path, fd, and host and port" },
        { { "port", "path" }, { "1", "x" }, "takes one of path, fd, and host and port" },
        { { "path", "host" }, { "x", "h" }, "host needs port" },
        { { "fd" }, { "monitor" }, "fd takes the number of a descriptor, not 'monitor'" },
        { { "fd" }, { "999" }, "fd=999 is no stream socket" },
        { { "path" },
          { "/no/such/socket" },
          "cannot connect to /no/such/socket: No such file or directory" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct test t;

        test_init(&t);
        for (unsigned k = 0; k < 3 && cases[i].key[k]; k++)
            fake_set_str(&t.f, cases[i].key[k], cases[i].value[k]);
        g_assert_cmpint(fake_create(&t.f), <, 0);
        g_assert_cmpstr(t.f.said->str, ==, cases[i].said);
        test_finish(&t);
    }
}

/* ---- udp ---- */

static void test_udp(void)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof(in);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_autofree char *port = NULL;
    struct fake f;
    char buf[16];

    g_assert_cmpint(bind(fd, (struct sockaddr *)&in, sizeof(in)), ==, 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    port = g_strdup_printf("%u", ntohs(in.sin_port));
    fake_init(&f, fake_load("chardev-udp"));
    fake_set_str(&f, "host", "127.0.0.1");
    fake_set_str(&f, "port", port);
    fake_set_str(&f, "localaddr", "127.0.0.1");
    g_assert_cmpint(fake_create(&f), ==, 0);
    g_assert_cmpuint(fake_write(&f, "to you", 6), ==, 6);
    g_assert_cmpint(recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&in, &len), ==, 6);
    g_assert_cmpmem(buf, 6, "to you", 6);
    g_assert_cmpint(sendto(fd, "first", 5, 0, (struct sockaddr *)&in, len), ==, 5);
    g_assert_cmpint(sendto(fd, "", 0, 0, (struct sockaddr *)&in, len), ==, 0);
    g_assert_cmpint(sendto(fd, "second", 6, 0, (struct sockaddr *)&in, len), ==, 6);
    for (int i = 0; i < 11; i++) {
        g_assert_cmpuint(f.received->len, ==, i);
        fake_give_room(&f, 1);
        while (fake_poll(&f, 20) > 0)
            ;
    }
    g_assert_cmpstr(f.received->str, ==, "firstsecond");
    close(fd);
    for (int i = 0; i < 4; i++) /* nobody listens now, which is no error */
        g_assert_cmpuint(fake_write(&f, "lost", 4), ==, 4);
    fake_give_room(&f, 10);
    fake_poll(&f, 20);
    fake_finish(&f);
}

static void test_udp_refused(void)
{
    struct fake f;

    fake_init(&f, fake_load("chardev-udp"));
    g_assert_cmpint(fake_create(&f), <, 0);
    g_assert_cmpstr(f.said->str, ==, "port is missing");
    fake_finish(&f);
    fake_init(&f, fake_load("chardev-udp"));
    fake_set_str(&f, "port", "1");
    fake_set_str(&f, "localaddr", "192.0.2.1"); /* of RFC 5737: nobody's */
    fake_set_str(&f, "localport", "2");
    g_assert_cmpint(fake_create(&f), ==, -EADDRNOTAVAIL);
    g_assert_cmpstr(f.said->str, ==,
                    "cannot send from 192.0.2.1 port 2: Cannot assign requested address");
    fake_finish(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/chardev/socket/both-ways", test_both_ways);
    g_test_add_func("/chardev/socket/mode", test_mode);
    g_test_add_func("/chardev/socket/path-in-use", test_path_in_use);
    g_test_add_func("/chardev/socket/slow-reader", test_slow_reader);
    g_test_add_func("/chardev/socket/close-and-reopen", test_close_and_reopen);
    g_test_add_func("/chardev/socket/second-waits", test_second_waits);
    g_test_add_func("/chardev/socket/stale", test_stale);
    g_test_add_func("/chardev/socket/thousand", test_thousand);
    g_test_add_func("/chardev/socket/descriptors", test_descriptors);
    g_test_add_func("/chardev/socket/tcp", test_tcp);
    g_test_add_func("/chardev/socket/reset", test_reset);
    g_test_add_func("/chardev/socket/unread-answers", test_unread_answers);
    g_test_add_func("/chardev/socket/client", test_client);
    g_test_add_func("/chardev/socket/later", test_later);
    g_test_add_func("/chardev/socket/refuses-to-wait", test_refuses_to_wait);
    g_test_add_func("/chardev/socket/reconnect", test_reconnect);
    g_test_add_func("/chardev/socket/reconnect-tcp", test_reconnect_tcp);
    g_test_add_func("/chardev/socket/given", test_given);
    g_test_add_func("/chardev/socket/refused", test_refused);
    g_test_add_func("/chardev/udp/both-ways", test_udp);
    g_test_add_func("/chardev/udp/refused", test_udp_refused);
    return g_test_run();
}
