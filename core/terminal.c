/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* terminal - the settings of the user's terminal, put back however the program ends. */

#include "terminal.h"

#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* The terminal is the process's, and a signal handler gets no argument: so this is too. */
static struct termios saved;
static pid_t owner;

/* Not in a child that has been forked, and not another job's terminal; one that controls no session
 * of ours has no jobs. */
static void restore(void)
{
    pid_t job = tcgetpgrp(STDIN_FILENO);

    if (getpid() == owner && (job < 0 || job == getpgrp()))
        tcsetattr(STDIN_FILENO, TCSANOW, &saved);
}

/* SA_RESETHAND is set: the signal ends the program once the handler is left. */
static void crashed(int sig)
{
    restore();
    raise(sig);
}

void terminal_guard(void)
{
    static const int fatal[] = { SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGQUIT, SIGSEGV, SIGTRAP };
    struct sigaction act = { .sa_handler = crashed, .sa_flags = SA_RESETHAND }, old;

    if (owner || tcgetattr(STDIN_FILENO, &saved) < 0)
        return;
    owner = getpid();
    atexit(restore);
    for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
        if (sigaction(fatal[i], NULL, &old) == 0 && old.sa_handler == SIG_DFL)
            sigaction(fatal[i], &act, NULL);
}
