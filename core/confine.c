/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* confine - what the process gives up before the guest starts: -chroot, -runas, -sandbox. */

#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <tenon/sandbox.h>

#include "machine/inst.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

/* The value of -OPTION, or of -run-with KEY=, and where it comes from. */
static const char *wanted(const struct config *config, const char *option, const char *option_key,
                          const char *key, const char **where)
{
    const struct config_group *old = config_find(config, option, NULL);
    const struct config_group *new = config_find(config, "run-with", NULL);
    const char *value = group_string(new, key, NULL);

    if (value) {
        *where = group_from(new, key);
        return value;
    }
    *where = old ? old->from : NULL;
    return group_string(old, option_key, NULL);
}

static int change_root(const struct config *config)
{
    const char *where, *dir = wanted(config, "chroot", "path", "chroot", &where);

    if (!dir || (!chroot(dir) && !chdir("/")))
        return 0;
    report(where, "cannot make it the root directory: %s", strerror(errno));
    return -errno;
}

/* Who -runas asks for, looked up while the files that say so can be seen. */
struct user {
    const char *where; /* NULL: nobody is asked for */
    uid_t uid;
    gid_t gid, groups[64];
    int n_groups;
};

static bool known_user(const char *name, struct user *user)
{
    const struct passwd *pw = getpwnam(name);

    if (!pw)
        return false;
    user->uid = pw->pw_uid;
    user->gid = pw->pw_gid;
    user->n_groups = G_N_ELEMENTS(user->groups);
    if (getgrouplist(name, user->gid, user->groups, &user->n_groups) < 0)
        user->n_groups = G_N_ELEMENTS(user->groups);
    return true;
}

/* A number at *text, which moves behind it. */
static bool take_id(const char **text, uint32_t *id)
{
    uint64_t n = 0;

    if (!g_ascii_isdigit(**text))
        return false;
    for (; g_ascii_isdigit(**text) && n < UINT32_MAX; (*text)++)
        n = n * 10 + **text - '0';
    *id = n;
    return n < UINT32_MAX; /* -1 means none */
}

static bool numbered_user(const char *text, struct user *user)
{
    bool ok = take_id(&text, &user->uid) && *text++ == ':' && take_id(&text, &user->gid) && !*text;

    user->groups[0] = user->gid;
    user->n_groups = 1;
    return ok;
}

static int find_user(const struct config *config, struct user *user)
{
    const char *text = wanted(config, "runas", "value", "user", &user->where);

    if (!text || known_user(text, user) || numbered_user(text, user))
        return 0;
    report(user->where, "there is no user \"%s\"; must be NAME or UID:GID", text);
    return -EINVAL;
}

static int change_user(const struct user *user)
{
    if (!user->where)
        return 0;
    if (setgroups(user->n_groups, user->groups) || setgid(user->gid) || setuid(user->uid)) {
        report(user->where, "cannot become user %u, group %u: %s", user->uid, user->gid,
               strerror(errno));
        return -errno;
    }
    if (!user->uid || setuid(0))
        return 0;
    report(user->where, "user %u could become root again", user->uid);
    return -EPERM;
}

/* The sandbox of -sandbox, or NULL: there is none, or with *err set, reported. */
static struct inst *make_sandbox(const struct config *config, struct machine *m, int *err)
{
    const struct config_group *group = config_find(config, "sandbox", NULL);
    struct setting settings[8];
    const struct type *type;
    struct inst *inst;
    unsigned n = 0;
    bool on = false;

    *err = group_bool(group, "enable", &on);
    if (*err || !on)
        return NULL;
    for (unsigned i = 0; i < group->n_opts && n < G_N_ELEMENTS(settings); i++)
        if (strcmp(group->opts[i].key, "enable"))
            settings[n++] = (struct setting){ group->opts[i].key, group->opts[i].value };
    type = plugins_load(m->plugins, "sandbox", "seccomp", group->from);
    inst = type ? inst_create(m, type, "sandbox", group->from, settings, n) : NULL;
    *err = inst ? 0 : -EINVAL;
    return inst;
}

static int enter(struct inst *sandbox)
{
    const struct tenon_sandbox_ops *ops = sandbox ? sandbox->type->t.ops : NULL;

    return ops ? ops->enter(sandbox->state) : 0;
}

/* -run-with exit-with-parent=.  A change of user would undo it. */
static int follow_parent(const struct config *config, pid_t parent)
{
    const struct config_group *group = config_find(config, "run-with", NULL);
    const char *where = group ? group_from(group, "exit-with-parent") : NULL;
    bool on = false;

    if (group_bool(group, "exit-with-parent", &on))
        return -EINVAL;
    if (!on)
        return 0;
    if (config_find(config, "daemonize", NULL)) {
        report(where, "cannot be used with -daemonize, which leaves its parent");
        return -EINVAL;
    }
    if (prctl(PR_SET_PDEATHSIG, SIGTERM)) {
        report(where, "cannot follow it: %s", strerror(errno));
        return -errno;
    }
    if (getppid() != parent)
        raise(SIGTERM);
    return 0;
}

int confine(const struct config *config, struct machine *m, pid_t parent)
{
    struct user user = { 0 };
    struct inst *sandbox;
    int err;

    loop_lock(m->loop);
    sandbox = make_sandbox(config, m, &err);
    if (!err)
        err = find_user(config, &user);
    if (!err)
        err = change_root(config);
    if (!err)
        err = change_user(&user);
    if (!err)
        err = follow_parent(config, parent);
    if (!err)
        err = enter(sandbox);
    loop_unlock(m->loop);
    return err;
}
