/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sandbox - tests of -sandbox's filter: a child enters it and makes the calls it is about. */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib.h>

#include <tenon/sandbox.h>

#include "plugin/plugin.h"

static int say(struct tenon_dev *dev, int err, const char *fmt, ...)
{
    return err;
}

static const struct tenon_host host = { .size = sizeof(host), .error = say };
static const struct type *type;

/* ---- What a child tries: 0 when it went well, or an errno ---- */

static int result(long ret)
{
    return ret < 0 ? errno : 0;
}

static int just_work(void)
{
    int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    return fd < 0 || write(fd, "x", 1) != 1 || close(fd) ? EIO : 0;
}

static int call_mount(void)
{
    return result(syscall(SYS_mount, "none", "/nowhere", "tmpfs", 0, NULL));
}

static int call_uselib(void)
{
    return result(syscall(SYS_uselib, "/nowhere"));
}

static int call_setuid(void)
{
    return result(setuid(getuid()));
}

static int no_new_privs(void)
{
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : EPERM;
}

static int start_process(void)
{
    pid_t pid = fork();

    if (!pid)
        _exit(0);
    return pid < 0 ? errno : waitpid(pid, NULL, 0) == pid ? 0 : ECHILD;
}

static int call_execve(void)
{
    char *argv[] = { "/bin/true", NULL };

    return result(execve(argv[0], argv, NULL));
}

static void *thread(void *arg)
{
    return arg;
}

static int start_thread(void)
{
    pthread_t t;
    int err = pthread_create(&t, NULL, thread, NULL);

    return err ? err : pthread_join(t, NULL);
}

static int set_priority(void)
{
    return result(setpriority(PRIO_PROCESS, 0, 10));
}

static int get_limit(void)
{
    struct rlimit limit;

    return result(getrlimit(RLIMIT_NOFILE, &limit));
}

static int set_limit(void)
{
    struct rlimit limit = { 0 };

    return getrlimit(RLIMIT_CORE, &limit) ? EIO : result(setrlimit(RLIMIT_CORE, &limit));
}

/* ---- The filter ---- */

static void set(void *state, const char *key, const char *value)
{
    g_assert_true(prop_set(type, type_prop(type, key), state, value, "-sandbox"));
}

static void enter(const char *key, const char *value)
{
    const struct tenon_sandbox_ops *ops = type->t.ops;
    struct tenon_dev dev = { .host = &host, .id = "sandbox" };
    void *state = g_malloc0(type->t.state_size);

    *(struct tenon_dev **)state = &dev;
    props_init(type, state);
    if (key)
        set(state, key, value);
    if (ops->enter(state))
        _exit(100);
}

static void *wait_and_mount(void *arg)
{
    pthread_barrier_wait(arg);
    pthread_barrier_wait(arg);
    _exit(call_mount());
}

/* A thread that was there before is under it as well. */
static int in_other_thread(void)
{
    pthread_barrier_t both;
    pthread_t t;

    pthread_barrier_init(&both, NULL, 2);
    if (pthread_create(&t, NULL, wait_and_mount, &both))
        return EAGAIN;
    pthread_barrier_wait(&both);
    enter(NULL, NULL);
    pthread_barrier_wait(&both);
    pthread_join(t, NULL);
    return 0;
}

enum { KILLED = 1000, ENTERS_ITSELF = 1 };

static const struct sandbox_case {
    const char *key, *value;
    int (*attempt)(void);
    int wanted; /* KILLED, or what attempt() gives */
    int flags;
} cases[] = {
    { NULL, NULL, just_work, 0, 0 },
    { NULL, NULL, start_process, 0, 0 },
    { NULL, NULL, set_priority, 0, 0 },
    { NULL, NULL, call_setuid, 0, 0 },
    { NULL, NULL, call_mount, KILLED, 0 },
    { NULL, NULL, in_other_thread, KILLED, ENTERS_ITSELF },
    { NULL, NULL, call_uselib, KILLED, 0 },
    { "obsolete", "allow", call_uselib, ENOSYS, 0 },
    { "obsolete", "allow", call_mount, KILLED, 0 },
    { "elevateprivileges", "deny", call_setuid, KILLED, 0 },
    { "elevateprivileges", "children", call_setuid, 0, 0 },
    { "elevateprivileges", "children", no_new_privs, 0, 0 },
    { "spawn", "deny", start_thread, 0, 0 },
    { "spawn", "deny", start_process, KILLED, 0 },
    { "spawn", "deny", call_execve, KILLED, 0 },
    { "resourcecontrol", "deny", get_limit, 0, 0 },
    { "resourcecontrol", "deny", set_limit, EPERM, 0 },
    { "resourcecontrol", "deny", set_priority, EPERM, 0 },
};

static void test_case(const void *data)
{
    const struct sandbox_case *c = data;
    int status;
    pid_t pid = fork();

    g_assert_cmpint(pid, >=, 0);
    if (!pid) {
        if (!(c->flags & ENTERS_ITSELF))
            enter(c->key, c->value);
        _exit(c->attempt());
    }
    g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
    if (c->wanted == KILLED) {
        g_assert_true(WIFSIGNALED(status));
        g_assert_cmpint(WTERMSIG(status), ==, SIGSYS);
    } else {
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, c->wanted);
    }
}

int main(int argc, char **argv)
{
    struct plugins *plugins;
    int ret;

    g_test_init(&argc, &argv, NULL);
    plugins = plugins_create(g_getenv("TENON_TEST_PLUGINS"));
    type = plugins_load(plugins, "sandbox", "seccomp", "-sandbox on");
    g_assert_nonnull(type);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strdup_printf("/sandbox/%u", i);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    ret = g_test_run();
    plugins_destroy(plugins);
    return ret;
}
