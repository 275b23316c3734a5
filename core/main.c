/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main - the story of a run: options, configuration, machine, loop, end. */

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib.h>

#include "bus/bus.h"
#include "confine.h"
#include "daemon.h"
#include "debug/debug.h"
#include "lists.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "process.h"
#include "report.h"
#include "terminal.h"

/* ---- Signals that end the program in order ---- */

/* Of nohup(1), who does not want it, SIGHUP stays ignored. */
static sigset_t ending_signals(void)
{
    struct sigaction hup;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (!sigaction(SIGHUP, NULL, &hup) && hup.sa_handler != SIG_IGN)
        sigaddset(&set, SIGHUP);
    return set;
}

/* Says whose signal it is; the user's own at the terminal is nobody's. */
static void report_end(const struct signalfd_siginfo *info)
{
    char *path = g_strdup_printf("/proc/%u/comm", info->ssi_pid), *name = NULL;

    if (!info->ssi_pid)
        report(NULL, "terminating on signal %u", info->ssi_signo);
    else if (!g_file_get_contents(path, &name, NULL, NULL))
        report(NULL, "terminating on signal %u from pid %u", info->ssi_signo, info->ssi_pid);
    else
        report(NULL, "terminating on signal %u from pid %u (%s)", info->ssi_signo, info->ssi_pid,
               g_strchomp(name));
    g_free(name);
    g_free(path);
}

static void signalled(void *arg, int fd, unsigned events)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) != sizeof(info))
        return;
    report_end(&info);
    machine_quit(arg, 0, "host-signal");
}

static int run(struct machine *m, int signals)
{
    struct watch *watch;
    int status;

    loop_lock(m->loop);
    watch = loop_watch(m->loop, signals, POLLIN, signalled, m);
    loop_unlock(m->loop);
    status = machine_run(m);
    loop_lock(m->loop);
    loop_unwatch(watch);
    loop_unlock(m->loop);
    return status;
}

/* Builds the machine, lets go of the terminal if that is wanted, and runs it. */
static int live(struct config *config, struct plugins *plugins)
{
    const struct config_group *pidfile = config_find(config, "pidfile", NULL);
    const char *path = group_string(pidfile, "file", NULL);
    sigset_t ending = ending_signals();
    pid_t parent = getppid();
    struct machine *m;
    int signals, status = 1;
    char *full = NULL;

    if (process_prepare(config) || debug_start(config, plugins))
        return 1;
    terminal_guard();
    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = signalfd(-1, &ending, SFD_CLOEXEC);
    m = machine_create(config, plugins);
    if (m && (!path || !pidfile_write(path, pidfile->from))) {
        full = path ? realpath(path, NULL) : NULL;
        if (!confine(config, m, parent)) {
            daemon_ready();
            status = run(m, signals);
        }
    }
    if (full)
        unlink(full);
    free(full);
    machine_destroy(m);
    debug_finish();
    close(signals);
    return status;
}

/* What the command line asks for, done; the exit status. */
static int act(struct config *config, const struct options_want *want)
{
    struct options_host host;
    struct plugins *plugins;
    int status;

    switch (want->action) {
    case OPTIONS_HELP: options_help(stdout); return 0;
    case OPTIONS_VERSION: options_version(stdout); return 0;
    default: break;
    }
    if (want->writeconfig && config_write_file(config, want->writeconfig))
        return 1;
    if (want->action == OPTIONS_RUN && config_find(config, "daemonize", NULL) && daemon_start())
        return 1;
    plugins = plugins_create(NULL);
    bus_describe(plugins);
    host = list_host(plugins);
    if (want->action == OPTIONS_LIST)
        status = list_print(stdout, config, plugins, want);
    else if (debug_help(config, plugins, stdout))
        status = 0;
    else if (options_check(config, &host))
        status = 1;
    else
        status = live(config, plugins);
    plugins_destroy(plugins);
    return status;
}

static int parse_and_act(int argc, char **argv)
{
    struct config *config = config_create();
    struct options_want want;
    int status = 1;

    if (!options_parse(config, argc, argv, &want)) {
        process_messages(config);
        status = act(config, &want);
    }
    config_destroy(config);
    return status;
}

int main(int argc, char **argv)
{
    int status;

    process_standard_fds();
    status = parse_and_act(argc, argv);
    if (!fflush(stdout) && !ferror(stdout))
        return status;
    report(NULL, "cannot write to standard output: %s", g_strerror(errno));
    return 1;
}
