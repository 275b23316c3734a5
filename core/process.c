/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* process - what options say of the process itself: its name, its memory, its messages. */

#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "options/options.h"
#include "report.h"

void process_standard_fds(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void process_messages(const struct config *config)
{
    bool on = false;

    group_bool(config_find(config, "msg", NULL), "timestamp", &on);
    report_timestamps(on);
}

static int lock_memory(const struct config_group *group)
{
    bool on = false;

    if (group_bool(group, "mem-lock", &on))
        return -EINVAL;
    if (!on || !mlockall(MCL_CURRENT | MCL_FUTURE))
        return 0;
    report(group->from, "cannot lock memory: %s", strerror(errno));
    return -EPERM;
}

int process_prepare(const struct config *config)
{
    const char *name = group_string(config_find(config, "name", NULL), "process", NULL);

    if (name)
        prctl(PR_SET_NAME, name);
    return lock_memory(config_find(config, "overcommit", NULL));
}
