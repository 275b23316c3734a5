/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* terminal - tests that the terminal's settings come back, however the program ends. */

#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <glib.h>

/* Changes the terminal and ends: by the signal, or by exit(3) if it is 0. */
static void child(int slave, const char *name, int sig)
{
    const struct rlimit no_core = { 0, 0 };
    struct termios raw;

    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGQUIT, SIG_DFL); /* a background job's is ignored */
    setsid();
    close(slave);
    dup2(open(name, O_RDWR), STDIN_FILENO);
    terminal_guard();
    tcgetattr(STDIN_FILENO, &raw);
    raw.c_lflag &= ~(ECHO | ICANON);
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    if (!sig)
        exit(3);
    raise(sig);
    _exit(99);
}

static void test_end(gconstpointer data)
{
    int sig = GPOINTER_TO_INT(data), master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios settings;
    int slave, status;
    pid_t pid;

    g_assert_cmpint(master, >=, 0);
    g_assert_cmpint(grantpt(master) | unlockpt(master), ==, 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    pid = fork();
    if (pid == 0)
        child(slave, ptsname(master), sig);
    g_assert_cmpint(pid, >, 0);
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (sig) {
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, sig);
    } else {
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 3);
    }
    g_assert_cmpint(tcgetattr(slave, &settings), ==, 0);
    g_assert_cmpint(settings.c_lflag & (ECHO | ICANON), ==, ECHO | ICANON);
    close(slave);
    close(master);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/terminal/exit", GINT_TO_POINTER(0), test_end);
    g_test_add_data_func("/terminal/abort", GINT_TO_POINTER(SIGABRT), test_end);
    g_test_add_data_func("/terminal/quit", GINT_TO_POINTER(SIGQUIT), test_end);
    g_test_add_data_func("/terminal/trap", GINT_TO_POINTER(SIGTRAP), test_end);
    return g_test_run();
}
