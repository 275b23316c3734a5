/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * authz - objects that say who may come in: one of that name, those whom rules allow, and the rules
 * of a file.
 */

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <tenon/system.h>
#include <tenon/tls.h>

#include "authz-list.h"

/* ---- authz-simple ---- */

struct simple {
    struct tenon_dev *dev;
    const char *identity;
};

static bool simple_allows(void *self, const char *identity)
{
    struct simple *s = self;

    return !strcmp(s->identity, identity);
}

static int simple_create(void *self)
{
    struct simple *s = self;

    return s->identity ? 0 : tenon_error(s->dev, -EINVAL, "identity is missing");
}

static const struct tenon_authz simple_interface = { sizeof(simple_interface), simple_allows };

/* ---- authz-list ---- */

struct listed {
    struct tenon_dev *dev;
    const char *given;
    struct list list;
};

static bool listed_allows(void *self, const char *identity)
{
    struct listed *l = self;

    return list_allows(&l->list, identity);
}

/* why is what a function of the list returned. */
static int wrong(struct tenon_dev *dev, char *why, const char *key, const char *value)
{
    int error = why ? tenon_error(dev, -EINVAL, "%s%s%s%s", key, value, *key ? ": " : "", why) : 0;

    g_free(why);
    return error;
}

static int listed_create(void *self)
{
    struct listed *l = self;

    return wrong(l->dev, list_parse(&l->list, l->given), "", "");
}

static void listed_destroy(void *self)
{
    list_finish(&((struct listed *)self)->list);
}

static const struct tenon_authz listed_interface = { sizeof(listed_interface), listed_allows };

/* ---- authz-listfile ---- */

struct file {
    struct tenon_dev *dev;
    const char *path;
    bool refresh;
    struct stat seen; /* the file when it was read */
    bool broken;      /* nobody may come in */
    struct list list;
};

static bool is_as_seen(const struct file *f, const struct stat *now)
{
    return now->st_ino == f->seen.st_ino && now->st_dev == f->seen.st_dev &&
           now->st_size == f->seen.st_size && now->st_mtim.tv_sec == f->seen.st_mtim.tv_sec &&
           now->st_mtim.tv_nsec == f->seen.st_mtim.tv_nsec;
}

/* The list as it is in the file now; NULL or why not, to be freed. */
static char *load(struct file *f)
{
    char *why;

    list_finish(&f->list);
    if (stat(f->path, &f->seen))
        memset(&f->seen, 0, sizeof(f->seen));
    why = list_load(&f->list, f->path);
    f->broken = why;
    return why;
}

static void renew(struct file *f)
{
    struct stat now = { 0 };
    char *why;

    if (stat(f->path, &now))
        memset(&now, 0, sizeof(now));
    if (is_as_seen(f, &now))
        return;
    why = load(f);
    if (why)
        tenon_log(f->dev, TENON_LOG_INFO, "%s: %s; nobody may come in", f->path, why);
    g_free(why);
}

static bool file_allows(void *self, const char *identity)
{
    struct file *f = self;

    if (f->refresh)
        renew(f);
    return !f->broken && list_allows(&f->list, identity);
}

static int file_create(void *self)
{
    struct file *f = self;

    if (!f->path)
        return tenon_error(f->dev, -EINVAL, "filename is missing");
    return wrong(f->dev, load(f), "filename=", f->path);
}

static void file_destroy(void *self)
{
    list_finish(&((struct file *)self)->list);
}

static const struct tenon_authz file_interface = { sizeof(file_interface), file_allows };

/* ---- Tables ---- */

static const char *const policies[] = { "deny", "allow", NULL };

static const struct tenon_iface simple_ifaces[] = { { TENON_AUTHZ, &simple_interface } };
static const struct tenon_iface listed_ifaces[] = { { TENON_AUTHZ, &listed_interface } };
static const struct tenon_iface file_ifaces[] = { { TENON_AUTHZ, &file_interface } };

// clang-format off
static const struct tenon_prop simple_props[] = {
    TENON_PROP(struct simple, "identity", TENON_STR, identity, .help = "who may come in"),
};
static const struct tenon_prop listed_props[] = {
    TENON_PROP(struct listed, "policy", TENON_ENUM, list.policy, .names = policies,
               .help = "what is done with those whom no rule matches"),
    TENON_PROP(struct listed, "rules",  TENON_STR,  given, .flags = TENON_PROP_MEMBERS,
               .help = "rules.N.match= a name or with rules.N.format=glob a pattern; rules.N.policy="),
};
static const struct tenon_prop file_props[] = {
    TENON_PROP(struct file, "filename", TENON_STR,  path, .help = "file of policy and rules, JSON"),
    TENON_PROP(struct file, "refresh",  TENON_BOOL, refresh, .initial = true,
               .help = "the file is read again when it has changed"),
};
// clang-format on

TENON_OBJECT(simple, "authz-simple", "one who may come in", .props = TENON_ARRAY(simple_props),
             .ifaces = TENON_ARRAY(simple_ifaces), .create = simple_create);
TENON_OBJECT(listed, "authz-list", "rules for who may come in", .props = TENON_ARRAY(listed_props),
             .ifaces = TENON_ARRAY(listed_ifaces), .create = listed_create,
             .destroy = listed_destroy);
TENON_OBJECT(file, "authz-listfile authz-list-file", "a file of rules for who may come in",
             .props = TENON_ARRAY(file_props), .ifaces = TENON_ARRAY(file_ifaces),
             .create = file_create, .destroy = file_destroy);
TENON_PLUGIN(&tenon_type_simple, &tenon_type_listed, &tenon_type_file);
