/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* daemon - going into the background, and the file that holds the process's id. */

#include "daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report.h"

static int to_parent = -1, null = -1;

static void parent_waits(int from_child, pid_t child)
{
    char byte;
    int status;
    ssize_t n;

    do
        n = read(from_child, &byte, 1);
    while (n < 0 && errno == EINTR);
    if (n == 1)
        _exit(0);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int daemon_start(void)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) || (pid = fork()) < 0) {
        report("-daemonize", "cannot fork: %s", strerror(errno));
        return -errno;
    }
    if (pid) {
        close(ends[1]);
        parent_waits(ends[0], pid);
    }
    close(ends[0]);
    to_parent = ends[1];
    null = open("/dev/null", O_RDWR | O_CLOEXEC); /* a later root may not have one */
    setsid();
    umask(027);
    return 0;
}

void daemon_ready(void)
{
    if (to_parent < 0)
        return;
    for (int fd = 0; fd < 3 && null >= 0; fd++)
        dup2(null, fd);
    close(null);
    (void)!chdir("/");
    while (write(to_parent, "", 1) < 0 && errno == EINTR)
        ;
    close(to_parent);
    to_parent = -1;
}

int pidfile_write(const char *path, const char *where)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)getpid());

    if (fd >= 0 && fcntl(fd, F_SETLK, &lock)) {
        report(where, "is held by another process");
        close(fd);
        return -EBUSY;
    }
    if (fd < 0 || ftruncate(fd, 0) || write(fd, text, len) != len) {
        report(where, "cannot write it: %s", strerror(errno));
        if (fd >= 0)
            close(fd);
        return -EIO;
    }
    return 0; /* fd stays open: the lock is the process's */
}
