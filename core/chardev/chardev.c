/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev - what joins a character back end to the device that uses it. */

#include "chardev/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "debug/events.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

struct tenon_chardev {
    struct inst *backend;
    struct tenon_chardev_ops ops;
    void *user; /* of on's functions; NULL: nobody uses it */
    const char *user_name;
    struct tenon_chr_user on;
    bool opened;
    int log; /* logfile=, or -1 */
};

static struct tenon_chardev *front(struct tenon_dev *dev)
{
    return inst_of(dev)->chardev;
}

/* ---- To the device ---- */

static size_t host_room(struct tenon_dev *dev)
{
    struct tenon_chardev *chr = front(dev);

    return chr && chr->user && chr->on.room ? chr->on.room(chr->user) : 0;
}

static size_t host_input(struct tenon_dev *dev, const void *buf, size_t len)
{
    size_t took = 0;

    while (took < len) {
        size_t n = MIN(len - took, host_room(dev));

        if (!n)
            break;
        front(dev)->on.receive(front(dev)->user, (const char *)buf + took, n);
        took += n;
    }
    return took;
}

static void host_sent(struct tenon_dev *dev)
{
    struct tenon_chardev *chr = front(dev);

    if (chr && chr->user && chr->on.writable)
        chr->on.writable(chr->user);
}

static void host_event(struct tenon_dev *dev, int event)
{
    struct tenon_chardev *chr = front(dev);

    if (!chr)
        return;
    if (event != TENON_CHR_BREAK)
        chr->opened = event == TENON_CHR_OPENED;
    if (chr->user && chr->on.event)
        chr->on.event(chr->user, event);
}

static void host_fds(struct tenon_dev *dev, const int *fds, unsigned n)
{
    struct tenon_chardev *chr = front(dev);

    if (chr && chr->user && chr->on.fds) {
        chr->on.fds(chr->user, fds, n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
}

const struct tenon_chardev_host chardev_host_service = {
    .size = sizeof(struct tenon_chardev_host),
    .room = host_room,
    .input = host_input,
    .sent = host_sent,
    .event = host_event,
    .fds = host_fds,
};

/* ---- To the back end ---- */

void chardev_accept(struct tenon_chardev *chr)
{
    if (chr->ops.ready)
        chr->ops.ready(chr->backend->state);
}

static void set_user(struct tenon_chardev *chr, const char *name, const struct tenon_chr_user *on,
                     void *self)
{
    chr->user = self;
    chr->user_name = name;
    table_copy(&chr->on, sizeof(chr->on), on);
    if (chr->opened && chr->on.event)
        chr->on.event(self, TENON_CHR_OPENED);
    chardev_accept(chr);
}

int chardev_use(struct tenon_chardev *chr, const char *name, const char *where,
                const struct tenon_chr_user *on, void *self)
{
    if (chr->user) {
        report(where, "chardev '%s' is in use by %s", chardev_id(chr), chr->user_name);
        return -EBUSY;
    }
    set_user(chr, name, on, self);
    return 0;
}

void chardev_disuse(struct tenon_chardev *chr, void *self)
{
    if (chr->user == self)
        chr->user = NULL;
}

static int attach(struct tenon_dev *dev, struct tenon_chardev *chr,
                  const struct tenon_chr_user *user)
{
    if (chr->user)
        return tenon_error(dev, -EBUSY, "chardev '%s' is in use by %s", chardev_id(chr),
                           chr->user_name);
    set_user(chr, dev->id, user, inst_of(dev)->state);
    return 0;
}

static void log_output(struct tenon_chardev *chr, const char *buf, size_t len)
{
    while (len) {
        ssize_t n = write(chr->log, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            report_warning(chr->backend->where, "logfile: %s: no more is logged",
                           g_strerror(n ? errno : ENOSPC));
            close(chr->log);
            chr->log = -1;
            return;
        }
        buf += n;
        len -= n;
    }
}

size_t chardev_write(struct tenon_chardev *chr, const void *buf, size_t len)
{
    size_t n = chr->ops.write ? chr->ops.write(chr->backend->state, buf, len) : len;

    if (chr->log >= 0 && n)
        log_output(chr, buf, n);
    return n;
}

static void send_event(struct tenon_chardev *chr, int event)
{
    if (chr->ops.event)
        chr->ops.event(chr->backend->state, event);
}

static void set_line(struct tenon_chardev *chr, const struct tenon_chr_line *line)
{
    if (chr->ops.line)
        chr->ops.line(chr->backend->state, line);
}

const struct tenon_chr chr_service = {
    .size = sizeof(struct tenon_chr),
    .attach = attach,
    .write = chardev_write,
    .accept = chardev_accept,
    .event = send_event,
    .line = set_line,
};

/* ---- Making them ---- */

const char *chardev_id(const struct tenon_chardev *chr)
{
    return chr->backend->pub.id;
}

struct tenon_chardev *chardev_find(struct machine *m, const char *id)
{
    struct inst *inst = inst_find(m, "chardev", id);

    return inst ? inst->chardev : NULL;
}

void chardev_release(struct tenon_chardev *chr)
{
    if (chr)
        trace(chardev_close, chr->backend->pub.id);
    if (chr && chr->log >= 0)
        close(chr->log);
    g_free(chr);
}

static struct tenon_chardev *make(struct machine *m, const char *backend, const char *id,
                                  const char *where, const struct setting *settings, unsigned n)
{
    bool hidden = !strcmp(backend, "stdio") && config_find(m->config, "daemonize", NULL);
    const struct type *type = hidden ? NULL : plugins_load(m->plugins, "chardev", backend, where);
    const struct tenon_chardev_ops *ops;
    struct inst *inst = type ? inst_create(m, type, id, where, settings, n) : NULL;

    if (hidden)
        report(where, "cannot use standard input and output with -daemonize");
    if (!inst)
        return NULL;
    ops = type->t.ops;
    inst->chardev = g_new0(struct tenon_chardev, 1);
    inst->chardev->backend = inst;
    inst->chardev->log = -1;
    inst->chardev->opened = true;
    if (ops)
        memcpy(&inst->chardev->ops, ops, MIN(ops->size, sizeof(*ops)));
    trace(chardev_open, inst->pub.id, backend);
    return inst->chardev;
}

static bool open_log(struct tenon_chardev *chr, const struct config_group *group)
{
    const char *path = group_string(group, "logfile", NULL);
    bool append = false;

    if (group_bool(group, "logappend", &append))
        return false;
    if (!path)
        return true;
    chr->log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0666);
    if (chr->log < 0)
        report(group->from, "logfile=%s: %s", path, g_strerror(errno));
    return chr->log >= 0;
}

struct tenon_chardev *chardev_create(struct machine *m, const struct config_group *group)
{
    static const char *const common[] = { "backend", "id", "mux", "logfile", "logappend", NULL };
    struct setting *settings = g_new(struct setting, group->n_opts);
    struct tenon_chardev *chr = NULL;
    bool mux = false;
    unsigned n = 0;

    for (unsigned i = 0; i < group->n_opts; i++)
        if (!g_strv_contains(common, group->opts[i].key))
            settings[n++] = (struct setting){ group->opts[i].key, group->opts[i].value };
    if (group_bool(group, "mux", &mux))
        mux = false;
    else if (mux)
        report(group->from, "mux=on: not in this build yet");
    else
        chr = make(m, group_string(group, "backend", ""), group->id, group->from, settings, n);
    g_free(settings);
    return chr && open_log(chr, group) ? chr : NULL;
}

const char *chardev_short(struct machine *m, const char *label, const char *text, const char *where,
                          bool *failed)
{
    struct tenon_chardev *chr = NULL;
    struct setting set = { 0 };

    *failed = false;
    if (!strcmp(text, "none"))
        return NULL;
    if (g_str_has_prefix(text, "chardev:")) {
        chr = chardev_find(m, text + 8);
        if (!chr)
            report(where, "there is no chardev called '%s'", text + 8);
    } else if (g_str_has_prefix(text, "file:")) {
        set = (struct setting){ "path", text + 5 };
        chr = make(m, "file", label, where, &set, 1);
    } else if (!strcmp(text, "stdio") || !strcmp(text, "stdio-raw")) {
        set = (struct setting){ "signal", text[5] ? "off" : "on" };
        chr = make(m, "stdio", label, where, &set, 1);
    } else if (!strcmp(text, "null")) {
        chr = make(m, "null", label, where, NULL, 0);
    } else {
        report(where, "'%s' is none of stdio, file:PATH, null, none, chardev:ID", text);
    }
    *failed = !chr;
    return chr ? chr->backend->pub.id : NULL;
}
