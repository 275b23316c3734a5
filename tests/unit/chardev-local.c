/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev-local - tests of the back ends pipe, pty, serial, parallel, ringbuf, vc, msmouse and
 * console.
 */

#include "fakehost.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <tenon/console.h>
#include <tenon/input.h>

static struct fake *start(const char *file, const char *path)
{
    struct fake *f = g_new(struct fake, 1);

    fake_init(f, fake_load(file));
    if (path)
        fake_set_str(f, "path", path);
    g_assert_cmpint(fake_create(f), ==, 0);
    return f;
}

static void end(struct fake *f)
{
    fake_finish(f);
    g_free(f);
}

static void refused(const char *file, const char *path, const char *why)
{
    struct fake f;

    fake_init(&f, fake_load(file));
    fake_set_str(&f, "path", path);
    g_assert_cmpint(fake_create(&f), <, 0);
    g_assert_cmpstr(f.said->str, ==, why);
    fake_finish(&f);
}

static void reads(int fd, const char *text)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    char buf[256] = "";

    g_assert_cmpint(poll(&pfd, 1, 5000), ==, 1);
    g_assert_cmpint(read(fd, buf, sizeof(buf) - 1), ==, strlen(text));
    g_assert_cmpstr(buf, ==, text);
}

static void writes(int fd, const char *text)
{
    g_assert_cmpint(write(fd, text, strlen(text)), ==, strlen(text));
}

static void guest_sends(struct fake *f, const char *text)
{
    g_assert_cmpuint(fake_write(f, text, strlen(text)), ==, strlen(text));
}

/* The device gets it within five seconds. */
static void guest_gets(struct fake *f, const char *text)
{
    while (f->received->len < strlen(text) && fake_poll(f, 5000) > 0)
        ;
    g_assert_cmpstr(f->received->str, ==, text);
    g_string_truncate(f->received, 0);
}

static void events_are(struct fake *f, const char *events)
{
    while (f->events->len < strlen(events) && fake_poll(f, 5000) > 0)
        ;
    g_assert_cmpstr(f->events->str, ==, events);
    g_string_truncate(f->events, 0);
}

/* Sends more than the other end holds, which then reads it all. */
static void slow_reader(struct fake *f, int fd)
{
    enum { MUCH = 200000 };
    g_autofree char *data = g_malloc(MUCH), *got = g_malloc(MUCH);
    size_t sent = 0, have = 0;
    bool full = false;

    for (size_t i = 0; i < MUCH; i++)
        data[i] = i * 13 + (i >> 9);
    while (have < MUCH) {
        struct pollfd pfd = { .fd = fd, .events = POLLIN };
        size_t n = fake_write(f, data + sent, MUCH - sent);
        unsigned before = f->sent;

        sent += n;
        full |= sent < MUCH;
        g_assert_cmpint(poll(&pfd, 1, 5000), ==, 1);
        have += read(fd, got + have, MUCH - have);
        if (sent < MUCH && f->sent == before)
            fake_poll(f, 20); /* Linux may wake a terminal's writer only when it is read next */
    }
    g_assert_true(full);
    g_assert_cmpmem(got, have, data, MUCH);
}

/* ---- pipe ---- */

static void test_pipe(void)
{
    g_autofree char *dir = g_dir_make_tmp("tenon-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "p", NULL);
    g_autofree char *in = g_strconcat(path, ".in", NULL), *out = g_strconcat(path, ".out", NULL);
    g_autofree char *why = g_strdup_printf("neither %s and %s nor %s can be opened: "
                                           "No such file or directory",
                                           in, out, path);
    struct fake *f;
    int to, from;

    refused("chardev-pipe", NULL, "path is missing");
    refused("chardev-pipe", path, why);
    g_assert_cmpint(mkfifo(in, 0600) | mkfifo(out, 0600), ==, 0);
    f = start("chardev-pipe", path);
    to = open(in, O_WRONLY | O_CLOEXEC);
    from = open(out, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    guest_sends(f, "out");
    reads(from, "out");
    writes(to, "in");
    fake_give_room(f, 100);
    guest_gets(f, "in");
    close(to); /* who writes leaves and comes back */
    g_assert_cmpint(fake_poll(f, 0), ==, 0);
    to = open(in, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    writes(to, "again");
    guest_gets(f, "again");
    slow_reader(f, from);
    end(f);
    close(to);
    close(from);
    g_unlink(in);
    g_unlink(out);

    g_assert_cmpint(mkfifo(path, 0600), ==, 0);
    f = start("chardev-pipe", path);
    from = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    guest_sends(f, "one for both");
    reads(from, "one for both");
    end(f);
    close(from);
    g_unlink(path);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* ---- pty ---- */

static char *pty_name(struct fake *f)
{
    const struct tenon_chardev_ops *ops = f->type->ops;
    g_autofree char *said = NULL;
    char name[80];

    ops->describe(f->state, name, sizeof(name));
    g_assert_true(g_str_has_prefix(name, "pty:/dev/pts/"));
    said = g_strdup_printf("char device redirected to %s (label fake)", name + 4);
    g_assert_cmpstr(f->said->str, ==, said);
    return g_strdup(name + 4);
}

static void test_pty(void)
{
    struct fake *f = start("chardev-pty", NULL);
    g_autofree char *name = pty_name(f);
    struct termios settings;
    int fd;

    events_are(f, "c");
    fake_give_room(f, 100);
    guest_sends(f, "for nobody");
    g_assert_cmpint(fake_poll(f, 0), ==, 0);

    fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    events_are(f, "o");
    g_assert_cmpint(tcgetattr(fd, &settings), ==, 0);
    g_assert_cmpint(settings.c_lflag & (ECHO | ICANON), ==, 0);
    guest_sends(f, "hello\n");
    reads(fd, "hello\n");
    writes(fd, "to you");
    guest_gets(f, "to you");
    slow_reader(f, fd);

    fake_give_room(f, 0);
    writes(fd, "last words");
    close(fd);
    g_assert_cmpstr(f->events->str, ==, "");
    for (int i = 0; i < 3; i++) /* it does not spin, either */
        fake_poll(f, 0);
    g_assert_cmpint(fake_poll(f, 0), ==, 0);
    fake_give_room(f, 100);
    guest_gets(f, "last words");
    events_are(f, "c");
    guest_sends(f, "for nobody");

    fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    events_are(f, "o");
    guest_sends(f, "back?");
    reads(fd, "back?");
    close(fd);
    events_are(f, "c");
    end(f);
}

/* What has been sent and not been read holds nobody up once the reader has gone. */
static void test_pty_gone(void)
{
    struct fake *f = start("chardev-pty", NULL);
    g_autofree char *name = pty_name(f);
    char much[65536] = "";
    unsigned before;
    int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);

    events_are(f, "co");
    g_assert_cmpuint(fake_write(f, much, sizeof(much)), <, sizeof(much));
    before = f->sent;
    close(fd);
    events_are(f, "c");
    g_assert_cmpuint(f->sent, >, before);
    g_assert_cmpuint(fake_write(f, much, sizeof(much)), ==, sizeof(much));
    end(f);
}

/* Reads after a while; how much there was. */
static void *read_late(void *fd)
{
    char buf[8];
    ssize_t n;

    g_usleep(100000);
    n = read(GPOINTER_TO_INT(fd), buf, sizeof(buf));
    return GINT_TO_POINTER((int)n);
}

/* The last words arrive at who is there, or the end is not held up by one who does not read. */
static void test_pty_last_words(void)
{
    for (int reads = 0; reads < 2; reads++) {
        struct fake *f = start("chardev-pty", NULL);
        g_autofree char *name = pty_name(f);
        int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
        GThread *reader = NULL;

        events_are(f, "co");
        guest_sends(f, "end");
        if (reads)
            reader = g_thread_new("reader", read_late, GINT_TO_POINTER(fd));
        end(f);
        if (reads)
            g_assert_cmpint(GPOINTER_TO_INT(g_thread_join(reader)), ==, 3);
        close(fd);
    }
}

static void test_pty_link(void)
{
    g_autofree char *dir = g_dir_make_tmp("tenon-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(dir, "link", NULL);
    struct fake *f = start("chardev-pty", path), g;
    g_autofree char *name = pty_name(f), *target = g_file_read_link(path, NULL);

    g_assert_cmpstr(target, ==, name);
    fake_init(&g, f->type);
    fake_set_str(&g, "path", path);
    g_assert_cmpint(fake_create(&g), ==, -EEXIST);
    fake_finish(&g);
    g_assert_true(g_file_test(path, G_FILE_TEST_IS_SYMLINK));
    end(f);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
}

/* ---- serial: a pty is the port, and its other end the line ---- */

static struct fake *serial_start(int *line, int *port)
{
    *line = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    g_assert_cmpint(grantpt(*line) | unlockpt(*line), ==, 0);
    *port = open(ptsname(*line), O_RDWR | O_NOCTTY | O_CLOEXEC);
    return start("chardev-serial", ptsname(*line));
}

/* <asm/termbits.h>, which cannot be had beside <termios.h>, has the speed as a number. */
static unsigned speed_of(int fd)
{
    struct {
        unsigned flags[4];
        unsigned char line, cc[19];
        unsigned in, out;
    } t;

    g_assert_cmpint(ioctl(fd, _IOC(_IOC_READ, 'T', 0x2a, sizeof(t)), &t), ==, 0);
    return t.out;
}

static void test_serial(void)
{
    int line, port;
    struct fake *f = serial_start(&line, &port);
    const struct tenon_chardev_ops *ops = f->type->ops;
    struct termios t;

    g_assert_cmpint(tcgetattr(port, &t), ==, 0);
    g_assert_cmpuint(speed_of(port), ==, 115200);
    g_assert_cmpint(t.c_lflag & (ECHO | ICANON | ISIG), ==, 0);
    ops->line(f->state, &(struct tenon_chr_line){ 12345, 7, 2, 'O' });
    g_assert_cmpint(tcgetattr(port, &t), ==, 0);
    g_assert_cmpuint(speed_of(port), ==, 12345);
    g_assert_cmpint(t.c_cflag & CSTOPB, ==, CSTOPB);
    ops->line(f->state, &(struct tenon_chr_line){ 115200, 8, 1, 'N' });
    g_assert_cmpint(ops->lines(f->state), ==,
                    TENON_CHR_CTS | TENON_CHR_DSR | TENON_CHR_DCD); /* a pty has none to show */
    ops->set_lines(f->state, TENON_CHR_DTR);

    guest_sends(f, "out\n\003");
    reads(line, "out\n\003");
    fake_give_room(f, 100);
    writes(line, "in\r\003");
    guest_gets(f, "in\r\003");
    slow_reader(f, line);
    end(f);
    g_assert_cmpint(tcgetattr(port, &t), ==, 0);
    g_assert_cmpint(t.c_lflag & ECHO, ==, ECHO); /* as it was */
    close(line);
    close(port);
}

/* What is no port takes characters all the same: a pipe and a file those of the guest alone. */
static void test_serial_elsewhere(void)
{
    char *dir = g_dir_make_tmp("tenon-XXXXXX", NULL), *file = g_build_filename(dir, "f", NULL);
    char *text, path[32];
    int ends[2];
    struct fake *f = start("chardev-serial", "/dev/null");

    guest_sends(f, "gone");
    end(f);

    g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
    g_snprintf(path, sizeof(path), "/dev/fd/%d", ends[1]);
    f = start("chardev-serial", path);
    fake_give_room(f, 100);
    guest_sends(f, "out");
    g_assert_cmpint(fake_poll(f, 0), ==, 0); /* nor comes what is sent back to the guest */
    reads(ends[0], "out");
    end(f);
    close(ends[0]);
    close(ends[1]);

    g_assert_true(g_file_set_contents(file, "before\n", -1, NULL));
    f = start("chardev-serial", file);
    guest_sends(f, "after");
    end(f);
    g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, "before\nafter");
    g_assert_cmpint(g_unlink(file) | g_rmdir(dir), ==, 0);
    g_free(text);
    g_free(file);
    g_free(dir);
}

static void test_not_ports(void)
{
    refused("chardev-serial", NULL, "path is missing");
    refused("chardev-serial", "/nowhere", "path=/nowhere: No such file or directory");
    refused("chardev-parallel", NULL, "path is missing");
    refused("chardev-parallel", "/dev/null",
            "path=/dev/null: is no parallel port: Inappropriate ioctl for device");
    refused("chardev-parallel", "/nowhere", "path=/nowhere: No such file or directory");
}

/* ---- ringbuf ---- */

static void ring_has(struct fake *f, size_t most, const char *text)
{
    const struct tenon_iface *iface = f->type->ifaces.items;
    const struct tenon_ringbuf *ring = iface->table;
    char buf[64] = "";

    g_assert_cmpstr(iface->id, ==, TENON_RINGBUF);
    g_assert_cmpuint(ring->read(f->state, buf, most), ==, strlen(text));
    g_assert_cmpstr(buf, ==, text);
}

static void ring_init(struct fake *f, uint64_t size)
{
    fake_init(f, fake_load("chardev-ringbuf"));
    *(uint64_t *)((char *)f->state + fake_prop(f->type, "size")->offset) = size;
}

static void test_ringbuf(void)
{
    struct fake f;

    ring_init(&f, 12);
    g_assert_cmpint(fake_create(&f), ==, -EINVAL);
    g_assert_cmpstr(f.said->str, ==, "size must be a power of two");
    fake_finish(&f);

    ring_init(&f, 8);
    g_assert_cmpint(fake_create(&f), ==, 0);
    ring_has(&f, 8, "");
    guest_sends(&f, "abc");
    ring_has(&f, 2, "ab");
    ring_has(&f, 8, "c");
    guest_sends(&f, "0123456789");
    ring_has(&f, 8, "23456789");
    guest_sends(&f, "0123456");
    guest_sends(&f, "789");
    ring_has(&f, 3, "234");
    guest_sends(&f, "ab");
    ring_has(&f, 20, "56789ab");
    fake_finish(&f);
}

/* ---- console ---- */

static void test_console(void)
{
    int fds[2], status;
    pid_t pid;

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    pid = fork();
    if (!pid) {
        struct fake *f;

        dup2(fds[1], STDOUT_FILENO);
        f = start("chardev-console", NULL);
        guest_sends(f, "on the console");
        end(f);
        _exit(0);
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
    reads(fds[0], "on the console");
    close(fds[0]);
    close(fds[1]);
}

/* ---- vc ---- */

static void count_up(void *arg)
{
    ++*(unsigned *)arg;
}

static void settle(struct fake *f)
{
    while (fake_poll(f, 0) > 0)
        ;
}

static void test_vc_screen(void)
{
    struct fake *f = start("chardev-vc", NULL);
    const struct tenon_text_console *console = fake_peer(&f->dev, TENON_TEXT_CONSOLE).table;
    struct tenon_console_state state = { .size = sizeof(state) };
    unsigned changes = 0, first, last;

    console->watch(f->state, count_up, &changes);
    settle(f);
    g_assert_cmpuint(changes, ==, 1);
    guest_sends(f, "a");
    settle(f);
    g_assert_cmpuint(changes, ==, 1); /* it has been told, and has not looked */
    g_assert_true(console->take_changed(f->state, &first, &last));
    g_assert_cmpuint(first, ==, 0);
    g_assert_cmpuint(last, ==, 24);
    g_assert_false(console->take_changed(f->state, &first, &last));
    guest_sends(f, "\r\nb\33[?25l");
    settle(f);
    g_assert_cmpuint(changes, ==, 2);
    g_assert_true(console->take_changed(f->state, &first, &last));
    g_assert_cmpuint(first, ==, 1);
    g_assert_cmpuint(last, ==, 2);
    g_assert_cmpuint(console->row(f->state, 1)->character, ==, 'b');
    console->state(f->state, &state);
    g_assert_cmpuint(state.cols, ==, 80);
    g_assert_cmpuint(state.rows, ==, 24);
    g_assert_cmpuint(state.cursor_col, ==, 1);
    g_assert_cmpuint(state.cursor_row, ==, 1);
    g_assert_false(state.cursor_visible);
    console->watch(f->state, NULL, NULL);
    guest_sends(f, "c");
    settle(f);
    g_assert_cmpuint(changes, ==, 2);
    end(f);
}

/* Keys and answers wait for a guest that has no room, but not more of them than there is room for.
 */
static void test_vc_keys(void)
{
    struct fake *f = start("chardev-vc", NULL);
    const struct tenon_text_console *console = fake_peer(&f->dev, TENON_TEXT_CONSOLE).table;
    unsigned typed = 0;

    g_assert_true(console->key(f->state, 'a', TENON_KEY_CTRL));
    g_assert_true(console->key(f->state, 0xff51, 0));
    g_assert_false(console->key(f->state, 0xffe1, 0));
    guest_sends(f, "\33[6n");
    settle(f);
    fake_give_room(f, 3);
    settle(f);
    g_assert_cmpstr(f->received->str, ==, "\1\33[");
    fake_give_room(f, 100);
    settle(f);
    g_assert_cmpstr(f->received->str, ==, "\1\33[D\33[1;1R");
    f->room = 0;
    while (console->key(f->state, 'k', 0))
        typed++;
    g_assert_cmpuint(typed, ==, 4096);
    g_assert_cmpuint(console->paste(f->state, "x", 1), ==, 0);
    guest_sends(f, "\33[6n");
    settle(f);
    fake_give_room(f, 10000);
    settle(f);
    g_assert_cmpuint(f->received->len, ==, 10 + 4096);
    g_assert_cmpuint(console->paste(f->state, "xy", 2), ==, 2);
    settle(f);
    g_assert_cmpuint(f->received->len, ==, 10 + 4096 + 2);
    end(f);
}

static void vc_of(const char *key, uint32_t value, const char *other, uint32_t other_value,
                  unsigned cols, const char *why)
{
    struct tenon_console_state state = { .size = sizeof(state) };
    struct fake f;

    fake_init(&f, fake_load("chardev-vc"));
    fake_set_u32(&f, key, value);
    fake_set_u32(&f, other, other_value);
    g_assert_cmpint(fake_create(&f) == 0, ==, cols != 0);
    g_assert_cmpstr(f.said->str, ==, why);
    if (cols) {
        const struct tenon_text_console *console = fake_peer(&f.dev, TENON_TEXT_CONSOLE).table;

        console->state(f.state, &state);
        g_assert_cmpuint(state.cols, ==, cols);
    }
    fake_finish(&f);
}

static void test_vc_sizes(void)
{
    vc_of("width", 800, "height", 600, 100, "");
    vc_of("cols", 132, "rows", 43, 132, "");
    vc_of("cols", 132, "height", 16, 132, "");
    vc_of("cols", 3, "width", 24, 0, "takes one of width and cols");
    vc_of("rows", 3, "height", 48, 0, "takes one of height and rows");
    vc_of("width", 7, "height", 600, 0, "width takes 8 to 4103");
    vc_of("width", 8, "height", 4112, 0, "height takes 16 to 4111");
}

/* ---- msmouse ---- */

enum { POWER = TENON_CHR_DTR | TENON_CHR_RTS };

static void drive(struct fake *f, uint32_t lines)
{
    ((const struct tenon_chardev_ops *)f->type->ops)->set_lines(f->state, lines);
    settle(f);
}

/* What the guest has received since the last time; then it has room for so much more. */
static void assert_received(struct fake *f, const void *bytes, size_t n, size_t room)
{
    g_assert_cmpmem(f->received->str, f->received->len, bytes, n);
    g_string_truncate(f->received, 0);
    fake_give_room(f, room);
    settle(f);
}
#define RECEIVED(text) assert_received(f, text, sizeof(text) - 1, 100)

static void test_mouse(void)
{
    struct fake *f = start("chardev-msmouse", NULL);
    const struct tenon_mouse *mouse = fake_peer(&f->dev, TENON_MOUSE).table;

    fake_give_room(f, 100);
    mouse->move(f->state, 5, 5); /* it has no power */
    mouse->sync(f->state);
    RECEIVED("");
    drive(f, POWER);
    RECEIVED("M3");
    mouse->move(f->state, 1, 2);
    mouse->sync(f->state);
    RECEIVED("\x40\x01\x02");
    mouse->move(f->state, -1, -64);
    mouse->sync(f->state);
    RECEIVED("\x4f\x3f\x00");
    mouse->move(f->state, 200, 0);
    mouse->sync(f->state);
    RECEIVED("\x41\x3f\x00\x41\x09\x00");
    mouse->button(f->state, TENON_BUTTON_LEFT, true);
    mouse->button(f->state, TENON_BUTTON_RIGHT, true);
    mouse->sync(f->state);
    RECEIVED("\x70\x00\x00");
    mouse->button(f->state, TENON_BUTTON_LEFT, false);
    mouse->button(f->state, TENON_BUTTON_RIGHT, false);
    mouse->button(f->state, TENON_BUTTON_MIDDLE, true);
    mouse->sync(f->state);
    RECEIVED("\x40\x00\x00\x20");
    mouse->button(f->state, TENON_BUTTON_MIDDLE, false);
    mouse->button(f->state, TENON_BUTTON_WHEEL_UP, true);
    mouse->sync(f->state);
    RECEIVED("\x40\x00\x00\x00");
    mouse->sync(f->state);
    RECEIVED("");
    drive(f, TENON_CHR_DTR);
    mouse->move(f->state, 1, 2);
    mouse->sync(f->state);
    RECEIVED("");
    drive(f, POWER);
    RECEIVED("M3");
    end(f);
}

/* Steps add up for a guest that does not read, as far as makes sense. */
static void test_mouse_waits(void)
{
    struct fake *f = start("chardev-msmouse", NULL);
    const struct tenon_mouse *mouse = fake_peer(&f->dev, TENON_MOUSE).table;

    drive(f, POWER);
    assert_received(f, "", 0, 1);
    assert_received(f, "M", 1, 1);
    assert_received(f, "3", 1, 0);
    for (int i = 0; i < 10; i++)
        mouse->move(f->state, 3, -1);
    mouse->sync(f->state);
    assert_received(f, "", 0, 2);
    assert_received(f, "\x4c\x1e", 2, 1);
    assert_received(f, "\x36", 1, 0);
    mouse->move(f->state, INT32_MIN, INT32_MAX);
    mouse->move(f->state, INT32_MIN, INT32_MAX);
    mouse->sync(f->state);
    fake_give_room(f, 100000);
    settle(f);
    g_assert_cmpuint(f->received->len, ==, 3 * (10000 / 127 + 1));
    end(f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/chardev/pipe", test_pipe);
    g_test_add_func("/chardev/pty", test_pty);
    g_test_add_func("/chardev/pty-gone", test_pty_gone);
    g_test_add_func("/chardev/pty-last-words", test_pty_last_words);
    g_test_add_func("/chardev/pty-link", test_pty_link);
    g_test_add_func("/chardev/serial", test_serial);
    g_test_add_func("/chardev/serial/elsewhere", test_serial_elsewhere);
    g_test_add_func("/chardev/not-ports", test_not_ports);
    g_test_add_func("/chardev/ringbuf", test_ringbuf);
    g_test_add_func("/chardev/console", test_console);
    g_test_add_func("/chardev/msmouse/packets", test_mouse);
    g_test_add_func("/chardev/msmouse/waits", test_mouse_waits);
    g_test_add_func("/chardev/vc/screen", test_vc_screen);
    g_test_add_func("/chardev/vc/keys", test_vc_keys);
    g_test_add_func("/chardev/vc/sizes", test_vc_sizes);
    return g_test_run();
}
