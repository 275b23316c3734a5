/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stdio - a back end on the program's standard input and output; a terminal gives each key as it is
 * pressed, and gets its own settings back at the end.
 */

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "stream.h"

struct stdio {
    union {
        struct tenon_dev *dev;
        struct stream stream;
    };
    bool signal;
    bool terminal; /* saved is set */
    struct termios saved;
    int resumed; /* one more than a fd that tells of SIGCONT; 0: none */
};

/* ---- The terminal ---- */

/* Another job's terminal is not ours to change; one that controls no session of ours has no jobs.
 */
static bool in_foreground(void)
{
    pid_t job = tcgetpgrp(STDIN_FILENO);

    return job < 0 || job == getpgrp();
}

static void make_raw(struct stdio *s)
{
    struct termios raw = s->saved;

    raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN | (s->signal ? 0 : ISIG));
    raw.c_cflag = (raw.c_cflag & ~(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (in_foreground())
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
}

/* The program was stopped, and the shell has used the terminal meanwhile. */
static void resumed(void *self, int fd, unsigned events)
{
    struct stdio *s = self;
    struct signalfd_siginfo info;

    while (read(fd, &info, sizeof(info)) == sizeof(info))
        ;
    make_raw(s);
}

static void watch_resumed(struct stdio *s)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCONT);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    s->resumed = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) + 1;
    if (s->resumed)
        s->stream.loop->watch(s->dev, s->resumed - 1, TENON_READABLE, resumed);
}

/* ---- Start and end ---- */

static int stdio_create(void *self)
{
    struct stdio *s = self;
    struct tenon_peer first = tenon_find_peer(s->dev, "tenon.stdio/1");
    bool shared;
    int in, out, error;

    if (first.self && first.self != self)
        return tenon_error(s->dev, -EBUSY, "standard input and output are in use by '%s'",
                           (*(struct tenon_dev **)first.self)->id);
    in = stream_open_again(STDIN_FILENO, O_RDONLY, &shared);
    out = stream_open_again(STDOUT_FILENO, O_WRONLY, &shared);
    error = stream_init(&s->stream, in, out, shared);
    if (error)
        return error;
    s->terminal = tcgetattr(STDIN_FILENO, &s->saved) == 0;
    if (s->terminal) {
        make_raw(s);
        watch_resumed(s);
    }
    return 0;
}

static void stdio_destroy(void *self)
{
    struct stdio *s = self;

    if (s->terminal && in_foreground())
        tcsetattr(STDIN_FILENO, TCSANOW, &s->saved);
    if (s->resumed) {
        s->stream.loop->watch(s->dev, s->resumed - 1, 0, NULL);
        close(s->resumed - 1);
    }
    stream_finish(&s->stream);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = stream_write,
    .ready = stream_ready,
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct stdio, "signal", TENON_BOOL, signal, .initial = true,
               .help = "Ctrl-C and the like are signals to the emulator, not keys for the guest"),
};
// clang-format on

/* By it a second one finds the first. */
static const struct tenon_iface ifaces[] = { { "tenon.stdio/1", &ops } };

TENON_CHARDEV_BACKEND(stdio, "stdio", "standard input and output", .ops = &ops,
                      .props = TENON_ARRAY(props), .ifaces = TENON_ARRAY(ifaces),
                      .create = stdio_create, .destroy = stdio_destroy);
TENON_PLUGIN(&tenon_type_stdio);
