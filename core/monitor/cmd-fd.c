/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-fd - commands that take file descriptors, which come in by SCM_RIGHTS. */

#include <inttypes.h>
#include <unistd.h>

#include "machine/fds.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "monitor/session.h"

/* -1: none has come, which is the call's error. */
static int received(struct call *call)
{
    int fd = session_take_fd(call->session);

    if (fd < 0)
        call_error(call, "No file descriptor supplied via SCM_RIGHTS");
    return fd;
}

static int do_getfd(struct call *call)
{
    const char *name = call_str(call, "fdname");
    int fd = received(call);

    if (fd < 0)
        return -1;
    if (g_ascii_isdigit(*name)) {
        close(fd);
        return call_error(call, "Parameter 'fdname' expects a name not starting with a digit");
    }
    fds_name(call->machine, name, fd);
    return 0;
}

static int do_closefd(struct call *call)
{
    const char *name = call_str(call, "fdname");
    int fd = fds_take(call->machine, name);

    if (fd < 0)
        return call_error(call, "File descriptor named '%s' not found", name);
    close(fd);
    return 0;
}

static int do_add_fd(struct call *call)
{
    int64_t set = call_int(call, "fdset-id", -1);
    int fd;

    if (call_has(call, "fdset-id") && set < 0)
        return call_error(call, "Parameter 'fdset-id' expects a non-negative value");
    fd = received(call);
    if (fd < 0)
        return -1;
    set = fds_add(call->machine, set, fd, call_str(call, "opaque"));
    call->result = json_pack("{s:I, s:i}", "fdset-id", (json_int_t)set, "fd", fd);
    return 0;
}

static int do_remove_fd(struct call *call)
{
    int64_t set = call_int(call, "fdset-id", -1), fd = call_int(call, "fd", -1);

    if (fds_remove(call->machine, set, fd))
        return 0;
    return fd < 0 ? call_error(call, "File descriptor named 'fdset-id:%" PRId64 "' not found", set)
                  : call_error(call,
                               "File descriptor named 'fdset-id:%" PRId64 ", fd:%" PRId64
                               "' not found",
                               set, fd);
}

static int do_fdsets(struct call *call)
{
    call->result = fds_describe(call->machine);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "getfd", "fdname:str", .flags = CMD_PRECONFIG, .run = do_getfd,
      .hmp = "getfd", .line = "fdname:str", .params = "name",
      .help = "take a file descriptor that comes with this line, under a name" },
    { "closefd", "fdname:str", .flags = CMD_PRECONFIG, .run = do_closefd,
      .hmp = "closefd", .line = "fdname:str", .params = "name",
      .help = "close a file descriptor that getfd took" },
    { "add-fd", "?fdset-id:int ?opaque:str", "AddfdInfo", CMD_PRECONFIG, .run = do_add_fd },
    { "remove-fd", "fdset-id:int ?fd:int", .flags = CMD_PRECONFIG, .run = do_remove_fd },
    { "query-fdsets", NULL, "[FdsetInfo]", CMD_PRECONFIG, .run = do_fdsets },
};

static const struct shape shapes[] = {
    OBJECT("AddfdInfo", "fdset-id:int fd:int"),
    OBJECT("FdsetFdInfo", "fd:int ?opaque:str"),
    OBJECT("FdsetInfo", "fdset-id:int fds:[FdsetFdInfo]"),
};
// clang-format on

const struct command_table fd_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
