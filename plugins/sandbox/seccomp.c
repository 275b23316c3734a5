/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * seccomp - -sandbox: system calls that an emulator has no use for are taken from the process.
 *
 * seccomp(2), libseccomp's seccomp_init(3) and its further pages; the sets go by -sandbox's keys as
 * QEMU's manual describes them.  A call of the sets below ends the process by SIGSYS, but for
 * those about resources, which fail with EPERM.
 */

#include <tenon/sandbox.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>

#include <seccomp.h>

enum { ALLOW, DENY, CHILDREN };

struct seccomp {
    struct tenon_dev *dev;
    uint32_t obsolete, elevateprivileges, spawn, resourcecontrol;
};

#define CALL(name) SCMP_SYS(name)

/* Of the host's administrator, or another process's inside: never. */
static const int always[] = {
    CALL(reboot),
    CALL(swapon),
    CALL(swapoff),
    CALL(syslog),
    CALL(mount),
    CALL(umount2),
    CALL(pivot_root),
    CALL(move_mount),
    CALL(open_tree),
    CALL(mount_setattr),
    CALL(fsopen),
    CALL(fsconfig),
    CALL(fsmount),
    CALL(fspick),
    CALL(kexec_load),
    CALL(kexec_file_load),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(acct),
    CALL(quotactl),
    CALL(settimeofday),
    CALL(clock_settime),
    CALL(adjtimex),
    CALL(clock_adjtime),
    CALL(sethostname),
    CALL(setdomainname),
    CALL(iopl),
    CALL(ioperm),
    CALL(ptrace),
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(kcmp),
    CALL(add_key),
    CALL(request_key),
    CALL(keyctl),
    CALL(unshare),
    CALL(setns),
    CALL(vhangup),
    CALL(nfsservctl),
    CALL(name_to_handle_at),
    CALL(open_by_handle_at),
    CALL(lookup_dcookie),
    CALL(fanotify_init),
};

/* Without a kernel that has them, or without a caller since long. */
static const int obsolete_calls[] = {
    CALL(_sysctl),       CALL(uselib),       CALL(ustat),           CALL(sysfs),
    CALL(create_module), CALL(query_module), CALL(get_kernel_syms), CALL(afs_syscall),
    CALL(getpmsg),       CALL(putpmsg),      CALL(security),        CALL(tuxcall),
    CALL(vserver),       CALL(bdflush),      CALL(readdir),         CALL(sgetmask),
    CALL(ssetmask),      CALL(modify_ldt),
};

static const int privileges[] = {
    CALL(setuid),    CALL(setgid),    CALL(setreuid), CALL(setregid),
    CALL(setresuid), CALL(setresgid), CALL(setfsuid), CALL(setfsgid),
    CALL(setgroups), CALL(setpgid),   CALL(setsid),   CALL(capset),
};

static const int processes[] = { CALL(fork), CALL(vfork), CALL(execve), CALL(execveat) };

static const int resources[] = {
    CALL(setpriority),       CALL(ioprio_set),    CALL(sched_setparam), CALL(sched_setscheduler),
    CALL(sched_setaffinity), CALL(sched_setattr), CALL(setrlimit),
};

static int add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, unsigned n)
{
    int err = 0;

    for (unsigned i = 0; i < n && !err; i++)
        err = seccomp_rule_add(filter, action, calls[i], 0);
    return err;
}
#define ADD_ALL(filter, action, calls)                                                             \
    add_all(filter, action, calls, sizeof(calls) / sizeof((calls)[0]))

/* Threads stay possible.  A filter cannot see the flags of clone3(), whose callers go on with
 * clone() if there is none. */
static int deny_processes(scmp_filter_ctx filter)
{
    int err = ADD_ALL(filter, SCMP_ACT_KILL_PROCESS, processes);

    if (!err)
        err = seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, CALL(clone), 1,
                               SCMP_A0_64(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
    return err ? err : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
}

static int deny_resources(scmp_filter_ctx filter)
{
    int err = ADD_ALL(filter, SCMP_ACT_ERRNO(EPERM), resources);

    return err ? err
               : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), CALL(prlimit64), 1,
                                  SCMP_A2_64(SCMP_CMP_NE, 0, 0));
}

static int add_rules(const struct seccomp *s, scmp_filter_ctx filter)
{
    int err = ADD_ALL(filter, SCMP_ACT_KILL_PROCESS, always);

    if (!err && s->obsolete == DENY)
        err = ADD_ALL(filter, SCMP_ACT_KILL_PROCESS, obsolete_calls);
    if (!err && s->elevateprivileges == DENY)
        err = ADD_ALL(filter, SCMP_ACT_KILL_PROCESS, privileges);
    if (!err && s->spawn == DENY)
        err = deny_processes(filter);
    if (!err && s->resourcecontrol == DENY)
        err = deny_resources(filter);
    return err;
}

static int enter(void *self)
{
    struct seccomp *s = self;
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int err = filter ? seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1) : -ENOMEM;

    /* set-user-ID programs it starts gain nothing; loading a filter asks for that as well. */
    if (!err && s->elevateprivileges == CHILDREN && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        err = -errno;
    if (!err)
        err = add_rules(s, filter);
    if (!err)
        err = seccomp_load(filter);
    seccomp_release(filter);
    return err ? tenon_error(s->dev, err, "cannot filter system calls: %s", strerror(-err)) : 0;
}

static const char *const allow_deny[] = { "allow", "deny", NULL };
static const char *const allow_deny_children[] = { "allow", "deny", "children", NULL };

#define KEY(field, words, initial_, text)                                                          \
    TENON_PROP(struct seccomp, #field, TENON_ENUM, field, .names = words, .initial = initial_,     \
               .help = text)
static const struct tenon_prop props[] = {
    KEY(obsolete, allow_deny, DENY, "system calls that nobody uses any more"),
    KEY(elevateprivileges, allow_deny_children, ALLOW,
        "changing user, group and session; children: only programs it starts cannot"),
    KEY(spawn, allow_deny, ALLOW, "starting other processes"),
    KEY(resourcecontrol, allow_deny, ALLOW, "changing priorities, processors and limits"),
};

static const struct tenon_sandbox_ops ops = { .size = sizeof(ops), .enter = enter };

TENON_SANDBOX(seccomp, "seccomp", "filters system calls by the kernel's seccomp", .ops = &ops,
              .props = TENON_ARRAY(props));
TENON_PLUGIN(&tenon_type_seccomp);
