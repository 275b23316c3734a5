/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pty - a back end on a pseudo terminal of its own: other programs open its name, leave and come
 * back.  What the guest sends while nobody is there is for nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>

#include <tenon/chardev.h>
#include <tenon/system.h>

enum { LAST_MS = 300 };

struct pty {
    struct tenon_dev *dev;
    const struct tenon_chardev_host *host;
    const struct tenon_loop *loop;
    const char *path; /* of a link to the terminal */
    char name[64];
    int master, opens; /* one more than the fds; opens tells that somebody opens it; 0: none */
    bool there;        /* somebody has it open, or has left words unread */
    bool left;         /* ... and has gone */
    bool blocked;      /* more is to be written */
    bool linked;
};

static void watch_master(struct pty *p);

/* ---- Who is there ---- */

static bool somebody(const struct pty *p)
{
    struct pollfd pfd = { .fd = p->master - 1 };

    return poll(&pfd, 1, 0) == 0;
}

static void set_there(struct pty *p, bool there)
{
    p->left = false;
    if (p->there == there)
        return;
    p->there = there;
    p->blocked = false;
    watch_master(p);
    p->host->event(p->dev, there ? TENON_CHR_OPENED : TENON_CHR_CLOSED);
    if (!there)
        p->host->sent(p->dev); /* whatever waited goes nowhere */
}

static void opened(void *self, int fd, unsigned events)
{
    struct pty *p = self;
    char note[sizeof(struct inotify_event) + 256];

    while (read(fd, note, sizeof(note)) > 0)
        ;
    set_there(p, somebody(p));
}

/* ---- Both directions ---- */

static void receive(struct pty *p)
{
    char buf[4096];
    size_t room = p->host->room(p->dev);
    ssize_t n = room ? read(p->master - 1, buf, room < sizeof(buf) ? room : sizeof(buf)) : 0;

    if (n > 0)
        p->host->input(p->dev, buf, n);
}

/* The last words of who has left are still to be read, when there is room. */
static void ready(void *self, int fd, unsigned events)
{
    struct pty *p = self;
    struct pollfd words = { .fd = fd, .events = POLLIN };

    if (events & TENON_READABLE)
        receive(p);
    else if (events & TENON_HANGUP && poll(&words, 1, 0) == 1 && words.revents & POLLIN)
        p->left = true;
    else if (events & TENON_HANGUP)
        set_there(p, false);
    if (p->there && events & TENON_WRITABLE) {
        p->blocked = false;
        p->host->sent(p->dev);
    }
    watch_master(p);
}

/* A terminal that nobody has open hangs up all the time: then that is not waited for. */
static void watch_master(struct pty *p)
{
    bool room = p->there && p->host->room(p->dev);
    unsigned events = 0;

    if (p->there && (room || !p->left))
        events = TENON_HANGUP | (room ? TENON_READABLE : 0) | (p->blocked ? TENON_WRITABLE : 0);
    p->loop->watch(p->dev, p->master - 1, events, ready);
}

static size_t pty_write(void *self, const void *buf, size_t len)
{
    struct pty *p = self;
    size_t done = 0;

    if (!p->there)
        return len;
    while (done < len) {
        ssize_t n = write(p->master - 1, (const char *)buf + done, len - done);

        if (n >= 0) {
            done += n;
        } else if (errno == EAGAIN) {
            p->blocked = true;
            watch_master(p);
            return done;
        } else if (errno != EINTR) {
            return len;
        }
    }
    return len;
}

static void pty_ready(void *self)
{
    watch_master(self);
}

static void pty_describe(void *self, char *buf, size_t len)
{
    snprintf(buf, len, "pty:%s", ((struct pty *)self)->name);
}

/* ---- Start and end ---- */

/* Opened once, it is raw for whoever comes, and tells from then on whether somebody is there. */
static int prepare(struct pty *p)
{
    struct termios raw;
    int slave = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (slave < 0)
        return -errno;
    if (tcgetattr(slave, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(slave, TCSANOW, &raw);
    }
    close(slave);
    return 0;
}

static int open_terminal(struct pty *p)
{
    p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC) + 1;
    if (!p->master || grantpt(p->master - 1) || unlockpt(p->master - 1))
        return -errno;
    fcntl(p->master - 1, F_SETFL, fcntl(p->master - 1, F_GETFL) | O_NONBLOCK);
    return ptsname_r(p->master - 1, p->name, sizeof(p->name)) ? -errno : prepare(p);
}

static int watch_opens(struct pty *p)
{
    p->opens = inotify_init1(IN_NONBLOCK | IN_CLOEXEC) + 1;
    if (!p->opens || inotify_add_watch(p->opens - 1, p->name, IN_OPEN) < 0)
        return -errno;
    return p->loop->watch(p->dev, p->opens - 1, TENON_READABLE, opened);
}

static int pty_create(void *self)
{
    struct pty *p = self;
    int err;

    p->host = tenon_query(p->dev, "tenon.chardev/1");
    p->loop = tenon_query(p->dev, "tenon.loop/1");
    if (!p->host || !p->loop)
        return tenon_error(p->dev, -ENOTSUP, "this emulator has no event loop for back ends");
    err = open_terminal(p);
    if (!err)
        err = watch_opens(p);
    if (err)
        return tenon_error(p->dev, err, "cannot make a pseudo terminal: %s", strerror(-err));
    if (p->path && symlink(p->name, p->path))
        return tenon_error(p->dev, -errno, "path=%s: %s", p->path, strerror(errno));
    p->linked = p->path;
    p->host->event(p->dev, TENON_CHR_CLOSED);
    tenon_log(p->dev, TENON_LOG_ANSWER, "char device redirected to %s (label %s)", p->name,
              p->dev->id);
    return 0;
}

/* A terminal's end takes with it what has not been read: who is there gets a moment to read and go.
 */
static void let_read(const struct pty *p)
{
    struct pollfd gone = { .fd = p->master - 1 };

    poll(&gone, 1, LAST_MS);
}

static void pty_destroy(void *self)
{
    struct pty *p = self;

    if (p->there && !p->left)
        let_read(p);
    if (p->linked)
        unlink(p->path);
    if (p->opens) {
        p->loop->watch(p->dev, p->opens - 1, 0, NULL);
        close(p->opens - 1);
    }
    if (p->master) {
        p->loop->watch(p->dev, p->master - 1, 0, NULL);
        close(p->master - 1);
    }
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = pty_write,
    .ready = pty_ready,
    .describe = pty_describe,
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct pty, "path", TENON_STR, path, .help = "a link to the terminal, made here"),
};
// clang-format on

TENON_CHARDEV_BACKEND(pty, "pty", "a pseudo terminal", .ops = &ops, .props = TENON_ARRAY(props),
                      .create = pty_create, .destroy = pty_destroy);
TENON_PLUGIN(&tenon_type_pty);
