/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * serial - a back end on a serial port of the host: it takes over speed, format, breaks and modem
 * lines.  What is no port, /dev/null for one, has none of them.  See termios(3), ioctl_tty(2).
 */
#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "stream.h"

enum { BREAK_END };
enum { BREAK_NS = 250000000 };

struct serial {
    union {
        struct tenon_dev *dev;
        struct stream stream;
    };
    const char *path;
    bool is_port;
    struct termios2 saved; /* what a port had before */
};

static int port(const struct serial *s)
{
    return s->stream.out - 1;
}

/* ---- Speed and format ---- */

static tcflag_t format(const struct tenon_chr_line *line)
{
    static const tcflag_t sizes[] = { CS5, CS6, CS7, CS8 };
    tcflag_t flags = sizes[(line->data_bits - 5) & 3];

    if (line->stop_bits == 2)
        flags |= CSTOPB;
    if (line->parity == 'E')
        flags |= PARENB;
    if (line->parity == 'O')
        flags |= PARENB | PARODD;
    return flags;
}

static void set_line(int fd, const struct tenon_chr_line *line)
{
    struct termios2 t;

    if (ioctl(fd, TCGETS2, &t))
        return;
    t.c_iflag = 0;
    t.c_oflag = 0;
    t.c_lflag = 0;
    t.c_cflag = BOTHER | CREAD | CLOCAL | HUPCL | format(line);
    t.c_ispeed = t.c_ospeed = line->speed;
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    ioctl(fd, TCSETS2, &t);
}

static void serial_line(void *self, const struct tenon_chr_line *line)
{
    set_line(port(self), line);
}

/* ---- Breaks and modem lines ---- */

static void serial_event(void *self, int event)
{
    struct serial *s = self;

    if (event != TENON_CHR_BREAK || ioctl(port(s), TIOCSBRK))
        return;
    tenon_arm_at(s->dev, BREAK_END, tenon_clock(s->dev, TENON_CLOCK_REAL) + BREAK_NS);
}

static void break_end(void *self)
{
    ioctl(port(self), TIOCCBRK);
}

static const struct {
    uint32_t line;
    int bit;
} modem[] = {
    { TENON_CHR_DTR, TIOCM_DTR }, { TENON_CHR_RTS, TIOCM_RTS }, { TENON_CHR_CTS, TIOCM_CTS },
    { TENON_CHR_DSR, TIOCM_DSR }, { TENON_CHR_RI, TIOCM_RI },   { TENON_CHR_DCD, TIOCM_CD },
};

enum { N_MODEM = sizeof(modem) / sizeof(modem[0]), OUTPUTS = 2 };

static void serial_set_lines(void *self, uint32_t lines)
{
    int on = 0, off = 0;

    for (unsigned i = 0; i < OUTPUTS; i++)
        *(lines & modem[i].line ? &on : &off) |= modem[i].bit;
    ioctl(port(self), TIOCMBIS, &on);
    ioctl(port(self), TIOCMBIC, &off);
}

/* A terminal without such lines, a pty for one, has them on: nothing waits for them. */
static uint32_t serial_lines(void *self)
{
    uint32_t lines = 0;
    int bits;

    if (ioctl(port(self), TIOCMGET, &bits))
        return TENON_CHR_CTS | TENON_CHR_DSR | TENON_CHR_DCD;
    for (unsigned i = OUTPUTS; i < N_MODEM; i++)
        lines |= bits & modem[i].bit ? modem[i].line : 0;
    return lines;
}

/* ---- Start and end ---- */

/* A device goes both ways; a pipe or a file (/dev/stdout may be either) takes output alone. */
static int open_flags(mode_t mode)
{
    return S_ISCHR(mode) ? O_RDWR : O_WRONLY | O_APPEND;
}

static int serial_create(void *self)
{
    static const struct tenon_chr_line usual = { 115200, 8, 1, 'N' };
    struct serial *s = self;
    struct stat st;
    int fd;

    if (!s->path)
        return tenon_error(s->dev, -EINVAL, "path is missing");
    if (stat(s->path, &st))
        return tenon_error(s->dev, -errno, "path=%s: %s", s->path, strerror(errno));
    if (S_ISBLK(st.st_mode))
        return tenon_error(s->dev, -ENOTTY, "path=%s: is a disk", s->path);
    fd = open(s->path, open_flags(st.st_mode) | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return tenon_error(s->dev, -errno, "path=%s: %s", s->path, strerror(errno));
    s->is_port = !ioctl(fd, TCGETS2, &s->saved);
    set_line(fd, &usual);
    return stream_init(&s->stream, S_ISCHR(st.st_mode) ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1, fd,
                       false);
}

static void serial_destroy(void *self)
{
    struct serial *s = self;

    if (s->stream.out && s->is_port) {
        ioctl(port(s), TIOCCBRK);
        ioctl(port(s), TCSETS2, &s->saved);
    }
    stream_finish(&s->stream);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = stream_write,
    .ready = stream_ready,
    .event = serial_event,
    .line = serial_line,
    .set_lines = serial_set_lines,
    .lines = serial_lines,
};

static const struct tenon_timer timers[] = {
    [BREAK_END] = { .name = "break", .fire = break_end, .clock = TENON_CLOCK_REAL },
};

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct serial, "path", TENON_STR, path, .help = "the port, such as /dev/ttyS0"),
};
// clang-format on

TENON_CHARDEV_BACKEND(serial, "serial tty", "a serial port of the host", .ops = &ops,
                      .props = TENON_ARRAY(props), .timers = TENON_ARRAY(timers),
                      .create = serial_create, .destroy = serial_destroy);
TENON_PLUGIN(&tenon_type_serial);
