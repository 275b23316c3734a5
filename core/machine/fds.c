/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fds - file descriptors that a management program hands over, by name and in sets. */

#include "machine/fds.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "machine/machine.h"
#include "options/options.h"
#include "report.h"

#define FDSET_PREFIX "/dev/fdset/"

/* One descriptor: of a set, or with a name. */
struct kept_fd {
    int64_t set; /* -1: none */
    char *name;  /* or what was said of it (opaque); may be NULL in a set */
    int fd;
};

static void kept_free(void *arg)
{
    struct kept_fd *k = arg;

    close(k->fd);
    g_free(k->name);
    g_free(k);
}

static void keep(struct machine *m, int64_t set, const char *name, int fd)
{
    struct kept_fd *k = g_new(struct kept_fd, 1);

    *k = (struct kept_fd){ set, g_strdup(name), fd };
    if (!m->fds)
        m->fds = g_ptr_array_new_with_free_func(kept_free);
    g_ptr_array_add(m->fds, k);
}

static struct kept_fd *nth(struct machine *m, unsigned i)
{
    return m->fds && i < m->fds->len ? m->fds->pdata[i] : NULL;
}

/* ---- By name ---- */

int fds_take(struct machine *m, const char *name)
{
    struct kept_fd *k;

    for (unsigned i = 0; (k = nth(m, i)); i++) {
        int fd = k->fd;

        if (k->set >= 0 || strcmp(k->name, name))
            continue;
        g_free(k->name);
        g_free(g_ptr_array_steal_index(m->fds, i));
        return fd;
    }
    return -1;
}

void fds_name(struct machine *m, const char *name, int fd)
{
    int old = fds_take(m, name);

    if (old >= 0)
        close(old);
    keep(m, -1, name, fd);
}

/* ---- Sets ---- */

static int64_t free_set(struct machine *m)
{
    struct kept_fd *k;
    int64_t set = 0;

    for (unsigned i = 0; (k = nth(m, i)); i++)
        if (k->set == set) {
            set++;
            i = -1; /* from the start again */
        }
    return set;
}

int64_t fds_add(struct machine *m, int64_t set, int fd, const char *opaque)
{
    if (set < 0)
        set = free_set(m);
    keep(m, set, opaque, fd);
    return set;
}

bool fds_remove(struct machine *m, int64_t set, int fd)
{
    struct kept_fd *k;
    bool found = false;

    for (unsigned i = 0; (k = nth(m, i));) {
        bool it = set >= 0 && k->set == set && (fd < 0 || k->fd == fd);

        if (it)
            g_ptr_array_remove_index(m->fds, i);
        else
            i++;
        found |= it;
    }
    return found;
}

static json_t *set_of(json_t *sets, int64_t set)
{
    json_t *one;
    size_t i;

    json_array_foreach(sets, i, one) if (json_integer_value(json_object_get(one, "fdset-id")) ==
                                         set) return one;
    one = json_pack("{s:I, s:[]}", "fdset-id", (json_int_t)set, "fds");
    json_array_append_new(sets, one);
    return one;
}

json_t *fds_describe(struct machine *m)
{
    json_t *sets = json_array();
    struct kept_fd *k;

    for (unsigned i = 0; (k = nth(m, i)); i++) {
        json_t *one = json_pack("{s:i}", "fd", k->fd);

        if (k->name)
            json_object_set_new(one, "opaque", json_string(k->name));
        if (k->set >= 0)
            json_array_append_new(json_object_get(set_of(sets, k->set), "fds"), one);
        else
            json_decref(one);
    }
    return sets;
}

/* ---- As files ---- */

int fds_open(struct machine *m, const char *path, int flags, unsigned mode)
{
    int64_t set;
    bool any = false;
    struct kept_fd *k;

    if (!g_str_has_prefix(path, FDSET_PREFIX))
        return open(path, flags | O_CLOEXEC | (m->live ? O_NONBLOCK : 0), mode); /* a pipe's end */
    if (parse_number(path + strlen(FDSET_PREFIX), &set))
        set = -1;
    for (unsigned i = 0; set >= 0 && (k = nth(m, i)); i++) {
        if (k->set != set)
            continue;
        any = true;
        if ((fcntl(k->fd, F_GETFL) & O_ACCMODE) == (flags & O_ACCMODE))
            return fcntl(k->fd, F_DUPFD_CLOEXEC, 3);
    }
    errno = any ? EACCES : ENOENT;
    return -1;
}

/* ---- -add-fd ---- */

static bool add_one(struct machine *m, const struct config_group *g)
{
    int64_t fd = -1, set = -1;
    int copy;

    if (group_number(g, "fd", 0, INT_MAX, &fd) || group_number(g, "set", 0, INT_MAX, &set))
        return false;
    if (fd < 3 || set < 0) {
        report(g->from,
               fd < 0 || set < 0 ? "needs fd= and set=" : "fd: 0, 1 and 2 are the program's own");
        return false;
    }
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    if (copy < 0) {
        report(g->from, "fd=%d: %s", (int)fd, g_strerror(errno));
        return false;
    }
    fds_add(m, set, copy, group_string(g, "opaque", NULL));
    return true;
}

/* Several options may name one descriptor: the originals go when all have their copies. */
static void close_originals(struct machine *m)
{
    const struct config_group *g = NULL;

    while ((g = config_next(m->config, "add-fd", g))) {
        int64_t fd = -1;

        group_number(g, "fd", 3, INT_MAX, &fd);
        close(fd);
    }
}

bool fds_create(struct machine *m)
{
    const struct config_group *g = NULL;
    bool ok = true;

    while ((g = config_next(m->config, "add-fd", g)))
        ok &= add_one(m, g);
    if (ok)
        close_originals(m);
    return ok;
}

void fds_destroy(struct machine *m)
{
    g_clear_pointer(&m->fds, g_ptr_array_unref);
}
