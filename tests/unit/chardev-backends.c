/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev-backends - tests of the back ends null, file and stdio, each on its own. */

#include "fakehost.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* ---- null ---- */

static void test_null(void)
{
    struct fake f;

    fake_init(&f, fake_load("chardev-null"));
    g_assert_cmpint(fake_create(&f), ==, 0);
    g_assert_cmpuint(fake_write(&f, "abc", 3), ==, 3);
    fake_give_room(&f, 10);
    fake_finish(&f);
}

/* ---- testdev ---- */

static void test_testdev(void)
{
    static const struct {
        const char *bytes;
        int status;
    } cases[] = {
        { "q", 1 },   { "0q", 1 },     { "7q", 15 },  { "x5q", 11 },
        { "5xq", 1 }, { "127q", 255 }, { "128q", 1 }, { "9999999999999999999q", 1 + 2 * 127 },
        { "5", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct fake f;

        fake_init(&f, fake_load("chardev-testdev"));
        g_assert_cmpint(fake_create(&f), ==, 0);
        for (const char *byte = cases[i].bytes; *byte; byte++)
            g_assert_cmpuint(fake_write(&f, byte, 1), ==, 1);
        g_assert_cmpint(f.status, ==, cases[i].status);
        fake_finish(&f);
    }
}

/* ---- file ---- */

struct folder {
    char *dir, *path;
};

static struct folder folder_create(void)
{
    struct folder t = { .dir = g_dir_make_tmp("tenon-XXXXXX", NULL) };

    t.path = g_build_filename(t.dir, "out", NULL);
    return t;
}

static void folder_destroy(struct folder *t)
{
    g_unlink(t->path);
    g_assert_cmpint(g_rmdir(t->dir), ==, 0);
    g_free(t->path);
    g_free(t->dir);
}

static void assert_contents(const char *path, const char *expected)
{
    g_autofree char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, expected);
}

static void write_file(const char *path, bool append, const char *text)
{
    struct fake f;

    fake_init(&f, fake_load("chardev-file"));
    fake_set_str(&f, "path", path);
    fake_set_bool(&f, "append", append);
    g_assert_cmpint(fake_create(&f), ==, 0);
    g_assert_cmpuint(fake_write(&f, text, strlen(text)), ==, strlen(text));
    fake_finish(&f);
}

static void test_file(void)
{
    struct folder t = folder_create();

    write_file(t.path, false, "one");
    write_file(t.path, true, "two");
    assert_contents(t.path, "onetwo");
    write_file(t.path, false, "three");
    assert_contents(t.path, "three");
    folder_destroy(&t);
}

static void test_file_input(void)
{
    struct folder t = folder_create();
    struct fake f;

    g_assert_true(g_file_set_contents(t.path, "hello", -1, NULL));
    fake_init(&f, fake_load("chardev-file"));
    fake_set_str(&f, "path", "/dev/null");
    fake_set_str(&f, "input-path", t.path);
    g_assert_cmpint(fake_create(&f), ==, 0);
    fake_give_room(&f, 3);
    fake_poll(&f, 1000);
    g_assert_cmpint(fake_poll(&f, 0), <=, 1); /* no room: it no longer asks */
    g_assert_cmpint(fake_poll(&f, 0), ==, 0);
    g_assert_cmpstr(f.received->str, ==, "hel");
    fake_give_room(&f, 3);
    while (fake_poll(&f, 0) > 0)
        ;
    g_assert_cmpstr(f.received->str, ==, "hello");
    g_assert_cmpuint(fake_write(&f, "x", 1), ==, 1);
    fake_finish(&f);
    folder_destroy(&t);
}

static void refused(const char *key, const char *path, int error, const char *text)
{
    struct fake f;

    fake_init(&f, fake_load("chardev-file"));
    fake_set_str(&f, "path", strcmp(key, "path") ? "/dev/null" : path);
    if (strcmp(key, "path"))
        fake_set_str(&f, key, path);
    g_assert_cmpint(fake_create(&f), ==, error);
    g_assert_cmpstr(f.said->str, ==, text);
    fake_finish(&f);
}

static void test_file_refused(void)
{
    refused("path", NULL, -EINVAL, "path is missing");
    refused("path", "/nowhere/x", -ENOENT, "path=/nowhere/x: No such file or directory");
    refused("input-path", "/nowhere/x", -ENOENT,
            "input-path=/nowhere/x: No such file or directory");
}

/* A disk that is full is spoken of once, and does not hold the guest up. */
static void test_file_full(void)
{
    struct fake f;

    fake_init(&f, fake_load("chardev-file"));
    fake_set_str(&f, "path", "/dev/full");
    g_assert_cmpint(fake_create(&f), ==, 0);
    g_assert_cmpuint(fake_write(&f, "abc", 3), ==, 3);
    g_assert_cmpuint(fake_write(&f, "abc", 3), ==, 3);
    g_assert_cmpstr(f.said->str, ==, "fake: what the guest sends is lost: No space left on device");
    fake_finish(&f);
}

/* ---- What a reader that is slow gets: all of it, in order ---- */

enum { MUCH = 300000 };

static void drain(int fd, GByteArray *got, bool wait)
{
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    guint8 buf[5000];
    ssize_t n;

    while (poll(&pfd, 1, wait ? 1000 : 0) > 0 && (n = read(fd, buf, sizeof(buf))) > 0) {
        g_byte_array_append(got, buf, n);
        wait = false;
    }
}

static void write_much(struct fake *f, int fd)
{
    GByteArray *got = g_byte_array_new();
    g_autofree guint8 *data = g_malloc(MUCH);
    size_t done = 0, full = 0;

    for (int i = 0; i < MUCH; i++)
        data[i] = i * 31 + (i >> 8);
    while (done < MUCH) {
        unsigned before = f->sent;
        size_t n = fake_write(f, data + done, MUCH - done);

        done += n;
        if (done == MUCH)
            break;
        full++;
        g_assert_cmpuint(fake_write(f, data + done, MUCH - done), ==, 0);
        g_assert_cmpint(fake_poll(f, 0), ==, 0);
        g_assert_cmpuint(f->sent, ==, before);
        drain(fd, got, true);
        fake_poll(f, 1000);
        g_assert_cmpuint(f->sent, ==, before + 1);
    }
    drain(fd, got, true);
    g_assert_cmpuint(full, >, 0);
    g_assert_cmpmem(got->data, got->len, data, MUCH);
    g_byte_array_unref(got);
}

static void test_file_fifo(void)
{
    struct folder t = folder_create();
    struct fake f;
    int fd;

    g_assert_cmpint(mkfifo(t.path, 0600), ==, 0);
    fd = open(t.path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    fake_init(&f, fake_load("chardev-file"));
    fake_set_str(&f, "path", t.path);
    g_assert_cmpint(fake_create(&f), ==, 0);
    write_much(&f, fd);
    fake_finish(&f);
    close(fd);
    folder_destroy(&t);
}

/* ---- stdio, in a process of its own ---- */

/* Runs fn in a child whose standard input and output are these; asserts that it ends well. */
static pid_t start_child(int in, int out, void (*fn)(void))
{
    pid_t pid = fork();

    if (pid)
        return pid;
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    closefrom(STDERR_FILENO + 1); /* the other ends of the pipes, above all */
    fn();
    _exit(0);
}

static void end_child(pid_t pid)
{
    int status;

    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    g_assert_cmpint(status, ==, 0);
}

static void stdio_init(struct fake *f, bool signals)
{
    fake_init(f, fake_load("chardev-stdio"));
    fake_set_bool(f, "signal", signals);
    g_assert_cmpint(fake_create(f), ==, 0);
}

static void assert_blocking(void)
{
    g_assert_cmpint(fcntl(STDIN_FILENO, F_GETFL) & O_NONBLOCK, ==, 0);
    g_assert_cmpint(fcntl(STDOUT_FILENO, F_GETFL) & O_NONBLOCK, ==, 0);
}

/* Gives back what it gets, until a q. */
static void echo(struct fake *f)
{
    size_t done = 0;

    while (!strchr(f->received->str, 'q')) {
        fake_give_room(f, 2);
        fake_poll(f, 5000);
        while (done < f->received->len)
            done += fake_write(f, f->received->str + done, f->received->len - done);
    }
}

static void pipe_child(void)
{
    struct fake f;

    stdio_init(&f, true);
    assert_blocking();
    echo(&f);
    for (f.room = 10; fake_watches(&f);) /* the end of the input is no error */
        fake_poll(&f, 1000);
    g_assert_cmpuint(fake_write(&f, "end", 3), ==, 3);
    g_assert_cmpstr(f.said->str, ==, "");
    fake_finish(&f);
}

static void test_stdio_pipe(void)
{
    GByteArray *got = g_byte_array_new();
    int in[2], out[2];
    pid_t pid;

    g_assert_cmpint(pipe2(in, O_CLOEXEC), ==, 0);
    g_assert_cmpint(pipe2(out, O_CLOEXEC), ==, 0);
    pid = start_child(in[0], out[1], pipe_child);
    close(in[0]);
    close(out[1]);
    g_assert_cmpint(write(in[1], "hello q", 7), ==, 7);
    close(in[1]);
    while (got->len < 10)
        drain(out[0], got, true);
    end_child(pid);
    g_assert_cmpmem(got->data, got->len, "hello qend", 10);
    close(out[0]);
    g_byte_array_unref(got);
}

/* Reads its own output: the parent is not needed. */
static void much_child(void)
{
    struct fake f;
    int fds[2];

    g_assert_cmpint(pipe2(fds, O_CLOEXEC), ==, 0);
    dup2(fds[1], STDOUT_FILENO);
    close(fds[1]);
    stdio_init(&f, true);
    write_much(&f, fds[0]);
    assert_blocking();
    fake_finish(&f);
}

static void test_stdio_much(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    end_child(start_child(null, null, much_child));
    close(null);
}

static void regular_child(void)
{
    struct fake f;

    stdio_init(&f, true);
    fake_give_room(&f, 100);
    while (fake_poll(&f, 0) > 0)
        ;
    g_assert_cmpstr(f.received->str, ==, "first");
    fake_finish(&f);
}

static void behind_child(void)
{
    struct fake f;

    stdio_init(&f, true);
    g_assert_cmpuint(fake_write(&f, "text", 4), ==, 4);
    fake_finish(&f);
}

/* Standard output is written where the shell has left it, behind what is there. */
static void test_stdio_regular(void)
{
    struct folder t = folder_create();
    int in, out;

    g_assert_true(g_file_set_contents(t.path, "first", -1, NULL));
    in = open(t.path, O_RDONLY | O_CLOEXEC);
    out = open("/dev/null", O_WRONLY | O_CLOEXEC);
    end_child(start_child(in, out, regular_child));
    close(out);
    out = open(t.path, O_WRONLY | O_CLOEXEC);
    g_assert_cmpint(lseek(out, 5, SEEK_SET), ==, 5);
    g_assert_cmpint(lseek(in, 0, SEEK_SET), ==, 0);
    end_child(start_child(in, out, behind_child));
    assert_contents(t.path, "firsttext");
    close(in);
    close(out);
    folder_destroy(&t);
}

static void second_child(void)
{
    struct fake a, b;

    stdio_init(&a, true);
    fake_init(&b, a.type);
    b.first = &a;
    g_assert_cmpint(fake_create(&b), ==, -EBUSY);
    g_assert_cmpstr(b.said->str, ==, "standard input and output are in use by 'fake'");
    fake_finish(&b);
    fake_finish(&a);
}

static void test_stdio_second(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    end_child(start_child(null, null, second_child));
    close(null);
}

/* ---- stdio on a terminal ---- */

static int terminal_open(struct termios *settings)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

    g_assert_cmpint(master, >=, 0);
    g_assert_cmpint(grantpt(master) | unlockpt(master), ==, 0);
    g_assert_cmpint(tcgetattr(master, settings), ==, 0);
    g_assert_true(settings->c_lflag & ECHO);
    return master;
}

static bool signals_wanted;

static void terminal_child(void)
{
    struct termios before, raw, after;
    struct fake f;

    g_assert_cmpint(tcgetattr(STDIN_FILENO, &before), ==, 0);
    stdio_init(&f, signals_wanted);
    g_assert_cmpint(tcgetattr(STDIN_FILENO, &raw), ==, 0);
    g_assert_cmpint(raw.c_lflag & (ECHO | ICANON), ==, 0);
    g_assert_cmpint(!(raw.c_lflag & ISIG), ==, !signals_wanted);
    assert_blocking();

    /* As after Ctrl-Z, the shell's work, and fg. */
    tcsetattr(STDIN_FILENO, TCSANOW, &before);
    raise(SIGCONT);
    fake_poll(&f, 1000);
    g_assert_cmpint(tcgetattr(STDIN_FILENO, &raw), ==, 0);
    g_assert_cmpint(raw.c_lflag & (ECHO | ICANON), ==, 0);

    g_assert_cmpuint(fake_write(&f, "!", 1), ==, 1);
    echo(&f);
    fake_finish(&f);
    g_assert_cmpint(tcgetattr(STDIN_FILENO, &after), ==, 0);
    g_assert_cmpint(after.c_lflag, ==, before.c_lflag);
    g_assert_cmpint(after.c_iflag, ==, before.c_iflag);
}

/* In a session of its own, with the terminal to control it. */
static pid_t start_on_terminal(int master)
{
    pid_t pid = fork();
    int fd;

    if (pid)
        return pid;
    setsid();
    fd = open(ptsname(master), O_RDWR);
    dup2(fd, STDIN_FILENO);
    dup2(fd, STDOUT_FILENO);
    terminal_child();
    _exit(0);
}

static void test_terminal(gconstpointer signals)
{
    GByteArray *got = g_byte_array_new();
    struct termios settings;
    int master = terminal_open(&settings);
    const char *keys = signals ? "ab\rq" : "ab\r\003q";
    size_t n = strlen(keys);
    pid_t pid;

    signals_wanted = signals != NULL;
    pid = start_on_terminal(master);
    while (got->len < 1) /* it says that it is there */
        drain(master, got, true);
    g_assert_cmpint(write(master, keys, n), ==, n);
    while (got->len < 1 + n)
        drain(master, got, true);
    g_assert_cmpmem(got->data + 1, got->len - 1, keys, n);
    end_child(pid);
    close(master);
    g_byte_array_unref(got);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    signal(SIGPIPE, SIG_IGN);
    g_test_add_func("/chardev/null", test_null);
    g_test_add_func("/chardev/file/write", test_file);
    g_test_add_func("/chardev/file/input", test_file_input);
    g_test_add_func("/chardev/file/refused", test_file_refused);
    g_test_add_func("/chardev/file/full", test_file_full);
    g_test_add_func("/chardev/file/slow-reader", test_file_fifo);
    g_test_add_func("/chardev/stdio/pipe", test_stdio_pipe);
    g_test_add_func("/chardev/stdio/slow-reader", test_stdio_much);
    g_test_add_func("/chardev/stdio/regular-file", test_stdio_regular);
    g_test_add_func("/chardev/stdio/second-user", test_stdio_second);
    g_test_add_data_func("/chardev/stdio/terminal", NULL, test_terminal);
    g_test_add_data_func("/chardev/stdio/terminal-signals", GINT_TO_POINTER(1), test_terminal);
    g_test_add_func("/chardev/testdev", test_testdev);
    return g_test_run();
}
