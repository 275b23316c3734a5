/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* main - the story of a run: options, configuration, machine, loop, end. */

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <glib.h>

#include "bus/bus.h"
#include "cpu/list.h"
#include "daemon.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

/* "-device help", "-device edu,help" and their like. */
static int print_list(struct plugins *plugins, const struct options_want *want)
{
    if (want->name) {
        char *where = g_strdup_printf("-%s %s", want->kind, want->name);
        bool ok = plugins_print_props(plugins, want->kind, want->name, where, stdout);

        g_free(where);
        return ok ? 0 : 1;
    }
    if (!strcmp(want->kind, "cpu"))
        cpu_print_list(plugins, stdout);
    else if (!strcmp(want->kind, "chardev") || !options_list(stdout, want->kind))
        plugins_print_list(plugins, want->kind, stdout);
    return 0;
}

static bool is_available(void *arg, const char *kind, const char *name)
{
    return plugins_have(arg, kind, name);
}

/* ---- Signals that end the program in order ---- */

static sigset_t ending_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

static void signalled(void *arg, int fd, unsigned events)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof(info)) == sizeof(info))
        machine_quit(arg, 0);
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
    struct machine *m;
    int signals, status = 1;
    char *full = NULL;

    pthread_sigmask(SIG_BLOCK, &ending, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = signalfd(-1, &ending, SFD_CLOEXEC);
    m = machine_create(config, plugins);
    if (m && (!path || !pidfile_write(path, pidfile->from))) {
        full = path ? realpath(path, NULL) : NULL;
        daemon_ready();
        status = run(m, signals);
    }
    if (full)
        unlink(full);
    free(full);
    machine_destroy(m);
    close(signals);
    return status;
}

/* What the command line asks for, done; the exit status. */
static int act(struct config *config, const struct options_want *want)
{
    struct plugins *plugins;
    int status;

    switch (want->action) {
    case OPTIONS_HELP:
        options_help(stdout);
        return 0;
    case OPTIONS_VERSION:
        options_version(stdout);
        return 0;
    default:
        break;
    }
    if (want->writeconfig && config_write_file(config, want->writeconfig))
        return 1;
    if (want->action == OPTIONS_RUN && config_find(config, "daemonize", NULL) && daemon_start())
        return 1;
    plugins = plugins_create(NULL);
    bus_describe(plugins);
    if (want->action == OPTIONS_LIST)
        status = print_list(plugins, want);
    else if (options_check(config, is_available, plugins))
        status = 1;
    else
        status = live(config, plugins);
    plugins_destroy(plugins);
    return status;
}

int main(int argc, char **argv)
{
    struct config *config = config_create();
    struct options_want want;
    int status = options_parse(config, argc, argv, &want) ? 1 : act(config, &want);

    config_destroy(config);
    return fflush(stdout) ? 1 : status;
}
