/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev - what joins a character back end to the device that uses it. */

#include "chardev/chardev.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "chardev/front.h"
#include "debug/events.h"
#include "machine/fds.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "options/config.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

static struct tenon_chardev *front(struct tenon_dev *dev)
{
    return inst_of(dev)->chardev;
}

/* ---- To the users ---- */

void front_tell(struct chr_user *user, int event)
{
    if (user->self && user->on.event)
        user->on.event(user->self, event);
}

/* Who gets what is received, or NULL. */
static struct chr_user *listener(struct tenon_chardev *chr)
{
    if (chr->mux)
        return mux_focus(chr->mux);
    return chr->users[0].self ? &chr->users[0] : NULL;
}

static size_t host_room(struct tenon_dev *dev)
{
    struct tenon_chardev *chr = front(dev);
    const struct chr_user *user = listener(chr);

    if (chr->mux)
        return mux_room(chr->mux);
    return user && user->on.room ? user->on.room(user->self) : 0;
}

static size_t host_input(struct tenon_dev *dev, const void *buf, size_t len)
{
    struct tenon_chardev *chr = front(dev);
    const uint8_t *bytes = buf;
    size_t took = 0, n;

    while (took < len && (n = MIN(len - took, host_room(dev)))) {
        if (chr->mux)
            mux_input(chr->mux, bytes + took, n);
        else
            chr->users[0].on.receive(chr->users[0].self, bytes + took, n);
        took += n;
    }
    return took;
}

static void host_sent(struct tenon_dev *dev)
{
    struct tenon_chardev *chr = front(dev);

    if (chr->mux && !mux_flush(chr->mux))
        return;
    for (unsigned i = 0; i < MUX_USERS; i++)
        if (chr->users[i].self && chr->users[i].on.writable)
            chr->users[i].on.writable(chr->users[i].self);
}

/* That the far end comes or goes is of interest to all, a break to who listens. */
static void host_event(struct tenon_dev *dev, int event)
{
    chardev_tell(front(dev), event);
}

void chardev_tell(struct tenon_chardev *chr, int event)
{
    struct chr_user *user = listener(chr);

    if (event == TENON_CHR_BREAK) {
        if (user)
            front_tell(user, event);
        return;
    }
    chr->opened = event == TENON_CHR_OPENED;
    for (unsigned i = 0; i < MUX_USERS; i++)
        front_tell(&chr->users[i], event);
}

static void host_fds(struct tenon_dev *dev, const int *fds, unsigned n)
{
    struct chr_user *user = listener(front(dev));

    if (user && user->on.fds) {
        user->on.fds(user->self, fds, n);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        close(fds[i]);
}

/* ---- Opening that takes its time ---- */

static int host_waits(struct tenon_dev *dev)
{
    struct tenon_chardev *chr = front(dev);

    if (!inst_of(dev)->machine->live)
        return 0;
    if (!chr->backend->machine->chardevs_wait)
        return tenon_error(dev, -EAGAIN,
                           "would have to wait for its far end, which a machine that "
                           "is there cannot: make it with chardev-add before");
    chr->opening = true;
    return -EINPROGRESS;
}

/* The back end is still at it: what follows does, from the loop. */
static void host_settled(struct tenon_dev *dev, const char *why)
{
    struct tenon_chardev *chr = front(dev);

    if (!chr->opening)
        return;
    g_free(chr->failed);
    chr->failed = g_strdup(why);
    timer_arm(&chr->settled, 0);
}

static void settle(void *arg)
{
    struct tenon_chardev *chr = arg;
    struct inst *backend = chr->backend;

    chr->opening = false;
    if (!chr->failed) {
        chr->done(chr->done_arg, chr, NULL);
        return;
    }
    chr->done(chr->done_arg, NULL, chr->failed);
    chr->done = NULL;
    inst_destroy(backend);
}

const struct tenon_chardev_host chardev_host_service = {
    .size = sizeof(struct tenon_chardev_host),
    .room = host_room,
    .input = host_input,
    .sent = host_sent,
    .event = host_event,
    .fds = host_fds,
    .waits = host_waits,
    .settled = host_settled,
};

/* ---- To the back end ---- */

void chardev_accept(struct tenon_chardev *chr)
{
    if (chr->mux)
        mux_deliver(chr->mux);
    if (chr->ops.ready)
        chr->ops.ready(chr->backend->state);
}

/* Where a further user goes; NULL: there is no place for one. */
static struct chr_user *vacancy(struct tenon_chardev *chr)
{
    for (unsigned i = 0; !chr->opening && i < (chr->mux ? MUX_USERS : 1); i++)
        if (!chr->users[i].self)
            return &chr->users[i];
    return NULL;
}

/* Why there is no vacancy; to be freed. */
static char *occupied(const struct tenon_chardev *chr)
{
    if (chr->opening)
        return g_strdup_printf("chardev '%s' is still being opened", chardev_id(chr));
    if (chr->mux)
        return g_strdup_printf("chardev '%s' has %u users already", chardev_id(chr), MUX_USERS);
    return g_strdup_printf("chardev '%s' is in use by %s", chardev_id(chr), chr->users[0].name);
}

static void join(struct tenon_chardev *chr, struct chr_user *user, struct chr_user who,
                 const struct tenon_chr_user *on)
{
    *user = who;
    table_copy(&user->on, sizeof(user->on), on);
    if (chr->mux)
        mux_joined(chr->mux, user - chr->users);
    if (chr->opened)
        front_tell(user, TENON_CHR_OPENED);
    chardev_accept(chr);
}

static void leave(struct tenon_chardev *chr, struct chr_user *user)
{
    if (chr->mux)
        mux_leaves(chr->mux, user - chr->users);
    user->self = NULL;
    chr->shut = false;
}

int chardev_use(struct tenon_chardev *chr, const char *name, const char *where,
                const struct tenon_chr_user *on, void *self)
{
    struct chr_user *user = vacancy(chr);
    char *why;

    if (user) {
        join(chr, user, (struct chr_user){ .self = self, .name = name }, on);
        return 0;
    }
    why = occupied(chr);
    report(where, "%s", why);
    g_free(why);
    return -EBUSY;
}

void chardev_disuse(struct tenon_chardev *chr, void *self)
{
    for (unsigned i = 0; i < MUX_USERS; i++)
        if (chr->users[i].self == self)
            leave(chr, &chr->users[i]);
}

static int attach_part(struct tenon_dev *dev, struct tenon_chardev *chr,
                       const struct tenon_chr_user *on, void *part)
{
    struct inst *inst = inst_of(dev);
    struct chr_user *user = vacancy(chr);
    char *why;

    if (user) {
        join(chr, user, (struct chr_user){ part, .name = dev->id, .inst = inst }, on);
        return 0;
    }
    why = occupied(chr);
    tenon_error(dev, -EBUSY, "%s", why);
    g_free(why);
    return -EBUSY;
}

static int attach(struct tenon_dev *dev, struct tenon_chardev *chr, const struct tenon_chr_user *on)
{
    return attach_part(dev, chr, on, inst_of(dev)->state);
}

void chardev_forget(const struct inst *inst)
{
    for (struct inst *i = inst->machine->insts; i; i = i->next)
        for (unsigned n = 0; i->chardev && n < MUX_USERS; n++)
            if (i->chardev->users[n].inst == inst && i->chardev->users[n].self)
                leave(i->chardev, &i->chardev->users[n]);
}

bool chardev_user_open(const struct tenon_chardev *chr)
{
    return chardev_in_use(chr) && !chr->shut;
}

bool chardev_in_use(const struct tenon_chardev *chr)
{
    for (unsigned i = 0; i < MUX_USERS; i++)
        if (chr->users[i].self)
            return true;
    return false;
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

size_t front_send(struct tenon_chardev *chr, const void *buf, size_t len)
{
    size_t n = chr->ops.write ? chr->ops.write(chr->backend->state, buf, len) : len;

    if (chr->log >= 0 && n)
        log_output(chr, buf, n);
    return n;
}

size_t chardev_write(struct tenon_chardev *chr, const void *buf, size_t len)
{
    return chr->mux ? mux_write(chr->mux, buf, len) : front_send(chr, buf, len);
}

static void send_event(struct tenon_chardev *chr, int event)
{
    if (event != TENON_CHR_BREAK)
        chr->shut = event == TENON_CHR_CLOSED;
    if (chr->ops.event)
        chr->ops.event(chr->backend->state, event);
}

static void set_line(struct tenon_chardev *chr, const struct tenon_chr_line *line)
{
    chr->line = *line;
    chr->has_line = true;
    if (chr->ops.line)
        chr->ops.line(chr->backend->state, line);
}

static int set_lines(struct tenon_chardev *chr, uint32_t lines)
{
    chr->lines = lines;
    chr->has_lines = true;
    if (!chr->ops.set_lines)
        return -ENOTSUP;
    chr->ops.set_lines(chr->backend->state, lines);
    return 0;
}

static int lines(struct tenon_chardev *chr)
{
    return chr->ops.lines ? (int)chr->ops.lines(chr->backend->state) : -ENOTSUP;
}

static int parallel(struct tenon_chardev *chr, uint32_t op, uint8_t *bytes, size_t n)
{
    return chr->ops.parallel ? chr->ops.parallel(chr->backend->state, op, bytes, n) : -ENOTSUP;
}

const struct tenon_chr chr_service = {
    .size = sizeof(struct tenon_chr),
    .attach = attach,
    .write = chardev_write,
    .accept = chardev_accept,
    .event = send_event,
    .line = set_line,
    .set_lines = set_lines,
    .lines = lines,
    .parallel = parallel,
    .attach_part = attach_part,
};

bool chardev_yanks(const struct tenon_chardev *chr)
{
    return chr->ops.yank;
}

void chardev_yank(struct tenon_chardev *chr)
{
    chr->ops.yank(chr->backend->state);
}

int chardev_add_client(struct tenon_chardev *chr, int fd)
{
    return chr->ops.add_client ? chr->ops.add_client(chr->backend->state, fd) : -ENOTSUP;
}

/* ---- Looking at them ---- */

const char *chardev_id(const struct tenon_chardev *chr)
{
    return chr->backend->pub.id;
}

char *chardev_filename(const struct tenon_chardev *chr)
{
    char name[PATH_MAX + 128] = "";

    if (chr->ops.describe)
        chr->ops.describe(chr->backend->state, name, sizeof(name));
    return g_strdup(*name ? name : chr->backend->type->t.name);
}

ssize_t chardev_ringbuf_read(struct tenon_chardev *chr, void *buf, size_t len)
{
    const struct tenon_ringbuf *ring = inst_iface(chr->backend, TENON_RINGBUF);

    return ring ? (ssize_t)ring->read(chr->backend->state, buf, len) : -ENOTSUP;
}

struct tenon_chardev *chardev_find(struct machine *m, const char *id)
{
    struct inst *inst = id ? inst_find(m, "chardev", id) : NULL;

    return inst ? inst->chardev : NULL;
}

struct tenon_chardev *chardev_next(struct machine *m, const struct tenon_chardev *after)
{
    struct inst *inst = after ? after->backend->next : m->insts;

    while (inst && !inst->chardev)
        inst = inst->next;
    return inst ? inst->chardev : NULL;
}

/* ---- Making them ---- */

struct tenon_chardev *chardev_front(struct inst *backend)
{
    const struct tenon_chardev_ops *ops = backend->type->t.ops;
    struct tenon_chardev *chr = g_new0(struct tenon_chardev, 1);

    chr->backend = backend;
    chr->log = -1;
    chr->opened = true;
    timer_init(&chr->settled, backend->machine->loop, CLOCK_REAL, settle, chr);
    if (ops)
        table_copy(&chr->ops, sizeof(chr->ops), ops);
    trace(chardev_open, backend->pub.id, backend->type->t.name);
    return chr;
}

void chardev_release(struct tenon_chardev *chr)
{
    if (!chr)
        return;
    trace(chardev_close, chr->backend->pub.id);
    if (chr->opening && chr->done)
        chr->done(chr->done_arg, NULL, "the machine ends");
    timer_finish(&chr->settled);
    g_free(chr->failed);
    for (unsigned i = 0; i < MUX_USERS; i++)
        g_free(chr->users[i].queue);
    mux_destroy(chr->mux);
    if (chr->log >= 0)
        close(chr->log);
    g_free(chr);
}

static bool open_log(struct tenon_chardev *chr, const struct config_group *group)
{
    const char *path = group_string(group, "logfile", NULL);
    bool append = false;

    if (group_bool(group, "logappend", &append))
        return false;
    if (!path)
        return true;
    chr->log = fds_open(chr->backend->machine, path,
                        O_WRONLY | O_CREAT | (append ? O_APPEND : O_TRUNC), 0666);
    if (chr->log < 0)
        report(group->from, "logfile=%s: %s", path, g_strerror(errno));
    return chr->log >= 0;
}

static bool open_mux(struct tenon_chardev *chr, const struct config_group *group)
{
    const struct config_group *echr = config_find(chr->backend->machine->config, "echr", NULL);
    int64_t escape = 1;
    bool wanted = false;

    if (group_bool(group, "mux", &wanted) || group_number(echr, "value", 0, 255, &escape))
        return false;
    if (wanted)
        chr->mux = mux_create(chr, escape);
    return true;
}

/* Whether such a back end can be made at all. */
static bool allowed(struct machine *m, const struct config_group *group)
{
    static const char *const of_terminal[] = { "stdio", "console", NULL };
    bool stdio = g_strv_contains(of_terminal, group_string(group, "backend", ""));

    if (stdio && config_find(m->config, "daemonize", NULL))
        report(group->from, "cannot use standard input and output with -daemonize");
    else if (chardev_find(m, group->id))
        report(group->from, "there is a chardev called '%s' already", group->id);
    else
        return true;
    return false;
}

/* done may be NULL: the back end cannot wait, then. */
static struct tenon_chardev *create(struct machine *m, const struct config_group *group,
                                    chardev_done *done, void *arg)
{
    static const char *const common[] = { "backend", "id", "mux", "logfile", "logappend", NULL };
    const char *backend = group_string(group, "backend", "");
    struct setting *settings = g_new(struct setting, group->n_opts);
    const struct type *type;
    struct inst *inst = NULL;
    unsigned n = 0;

    for (unsigned i = 0; i < group->n_opts; i++)
        if (!g_strv_contains(common, group->opts[i].key))
            settings[n++] = (struct setting){ group->opts[i].key, group->opts[i].value };
    type = allowed(m, group) ? plugins_load(m->plugins, "chardev", backend, group->from) : NULL;
    m->chardevs_wait = done;
    if (type)
        inst = inst_create(m, type, group->id, group->from, settings, n);
    m->chardevs_wait = false;
    g_free(settings);
    if (!inst)
        return NULL;
    if (open_mux(inst->chardev, group) && open_log(inst->chardev, group)) {
        inst->chardev->done = done;
        inst->chardev->done_arg = arg;
        return inst->chardev;
    }
    inst_destroy(inst);
    return NULL;
}

struct tenon_chardev *chardev_create(struct machine *m, const struct config_group *group)
{
    return create(m, group, NULL, NULL);
}

struct tenon_chardev *chardev_create_later(struct machine *m, const struct config_group *group,
                                           bool *later, chardev_done *done, void *arg)
{
    struct tenon_chardev *chr = create(m, group, done, arg);

    *later = chr && chr->opening;
    return chr;
}

int chardev_remove(struct tenon_chardev *chr, const char *where)
{
    if (chardev_in_use(chr) || chr->opening) {
        report(where, "chardev '%s' is %s", chardev_id(chr),
               chr->opening ? "still being opened" : "in use");
        return -EBUSY;
    }
    inst_destroy(chr->backend);
    return 0;
}

/* Makes what a short form stands for. */
static struct tenon_chardev *create_short(struct machine *m, const char *label, const char *text,
                                          const char *where)
{
    char *params = dev_params(text);
    struct config *config = params ? dev_config(text, label, where) : NULL;
    struct tenon_chardev *chr = NULL;

    if (!params)
        report(where, "\"%s\" is no short form of a character device", text);
    g_free(params);
    if (config)
        chr = chardev_create(m, config_find(config, "chardev", NULL));
    config_destroy(config);
    return chr;
}

const char *chardev_short(struct machine *m, const char *label, const char *text, const char *where,
                          bool *failed)
{
    struct tenon_chardev *chr;

    *failed = false;
    if (!strcmp(text, "none"))
        return NULL;
    if (g_str_has_prefix(text, "chardev:")) {
        chr = chardev_find(m, text + 8);
        if (!chr)
            report(where, "there is no chardev called '%s'", text + 8);
    } else {
        chr = create_short(m, label, text, where);
    }
    *failed = !chr;
    return chr ? chardev_id(chr) : NULL;
}
