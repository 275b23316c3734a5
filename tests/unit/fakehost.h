/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fakehost - the least that a plugin needs of a host, for tests of one plugin on its own: it sets
 * properties, keeps what is reported, polls, and plays the device at a back end.
 */
#ifndef TENON_TEST_FAKEHOST_H
#define TENON_TEST_FAKEHOST_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>

#include <glib.h>

#include <tenon/chardev.h>
#include <tenon/plugin.h>
#include <tenon/system.h>

enum { FAKE_WATCHES = 8 };

/* One instance. */
struct fake {
    struct tenon_dev dev;
    struct tenon_host host;
    const struct tenon_type *type;
    void *state;
    struct fake *first; /* another instance, that may be a peer */
    GString *said;      /* errors and log lines */
    struct {
        int fd;
        unsigned events; /* 0: free */
        void (*fn)(void *self, int fd, unsigned events);
    } watches[FAKE_WATCHES];
    /* of a device at a back end */
    size_t room;
    GString *received;
    unsigned sent;
    GString *events; /* an o for opened, c for closed, b for break, s for settled, f for failed */
    int waits;       /* what the host says of waiting: 0, -EINPROGRESS or another error */
    int fds[4];
    unsigned n_fds;
    int status; /* with which the program was asked to end, or 0 */
};

/* No event is on. */
static const uint8_t untraced[64];

static struct fake *fake_of(struct tenon_dev *dev)
{
    return (struct fake *)dev;
}

static int fake_error(struct tenon_dev *dev, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(fake_of(dev)->said, fmt, ap);
    va_end(ap);
    return err;
}

static void fake_log(struct tenon_dev *dev, int level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(fake_of(dev)->said, fmt, ap);
    va_end(ap);
}

static struct tenon_peer fake_peer(struct tenon_dev *dev, const char *id)
{
    struct fake *f = fake_of(dev)->first ? fake_of(dev)->first : fake_of(dev);
    const struct tenon_iface *ifaces = f->type->ifaces.items;

    for (uint32_t i = 0; i < f->type->ifaces.count; i++)
        if (!strcmp(ifaces[i].id, id))
            return (struct tenon_peer){ f->state, ifaces[i].table };
    return (struct tenon_peer){ 0 };
}

static int fake_watch(struct tenon_dev *dev, int fd, unsigned events,
                      void (*fn)(void *self, int fd, unsigned events))
{
    struct fake *f = fake_of(dev);
    int free_slot = -1;

    for (int i = FAKE_WATCHES - 1; i >= 0; i--)
        if (!f->watches[i].events)
            free_slot = i;
        else if (f->watches[i].fd == fd)
            f->watches[i].events = 0, free_slot = i;
    if (!events)
        return 0;
    g_assert_cmpint(free_slot, >=, 0);
    f->watches[free_slot].fd = fd;
    f->watches[free_slot].events = events;
    f->watches[free_slot].fn = fn;
    return 0;
}

/* How many file descriptors are waited for. */
static unsigned fake_watches(const struct fake *f)
{
    unsigned n = 0;

    for (int i = 0; i < FAKE_WATCHES; i++)
        n += f->watches[i].events != 0;
    return n;
}

static size_t fake_room(struct tenon_dev *dev)
{
    return fake_of(dev)->room;
}

static size_t fake_input(struct tenon_dev *dev, const void *buf, size_t len)
{
    size_t n = MIN(len, fake_of(dev)->room);

    g_string_append_len(fake_of(dev)->received, buf, n);
    fake_of(dev)->room -= n;
    return n;
}

static void fake_sent(struct tenon_dev *dev)
{
    fake_of(dev)->sent++;
}

static void fake_event(struct tenon_dev *dev, int event)
{
    g_string_append_c(fake_of(dev)->events, event == TENON_CHR_OPENED   ? 'o'
                                            : event == TENON_CHR_CLOSED ? 'c'
                                                                        : 'b');
}

static int fake_waits(struct tenon_dev *dev)
{
    return fake_of(dev)->waits;
}

static void fake_settled(struct tenon_dev *dev, const char *why)
{
    g_string_append_c(fake_of(dev)->events, why ? 'f' : 's');
    g_string_append(fake_of(dev)->said, why ? why : "");
}

static void fake_fds(struct tenon_dev *dev, const int *fds, unsigned n)
{
    g_assert_cmpuint(fake_of(dev)->n_fds + n, <=, G_N_ELEMENTS(fake_of(dev)->fds));
    memcpy(fake_of(dev)->fds + fake_of(dev)->n_fds, fds, n * sizeof(int));
    fake_of(dev)->n_fds += n;
}

static int fake_open(struct tenon_dev *dev, const char *path, int flags, unsigned mode)
{
    int fd = open(path, flags | O_CLOEXEC, mode);

    return fd < 0 ? -errno : fd;
}

static void fake_power(struct tenon_dev *dev, uint32_t what, int code)
{
    if (what == TENON_POWER_EXIT)
        fake_of(dev)->status = code;
}

static const void *fake_query(struct tenon_dev *dev, const char *id)
{
    static const struct tenon_loop loop = { .size = sizeof(loop), .watch = fake_watch };
    static const struct tenon_chardev_host chardev = {
        .size = sizeof(chardev),
        .room = fake_room,
        .input = fake_input,
        .sent = fake_sent,
        .event = fake_event,
        .fds = fake_fds,
        .waits = fake_waits,
        .settled = fake_settled,
    };
    static const struct tenon_files files = { .size = sizeof(files), .open = fake_open };
    static const struct tenon_power power = { .size = sizeof(power), .request = fake_power };

    return !strcmp(id, "tenon.loop/1")      ? (const void *)&loop
           : !strcmp(id, "tenon.power/1")   ? &power
           : !strcmp(id, "tenon.chardev/1") ? &chardev
           : !strcmp(id, "tenon.files/1")   ? (const void *)&files
                                            : NULL;
}

/* The one type of the plugin FILE.so in the folder of the environment's TENON_TEST_PLUGINS. */
static const struct tenon_type *fake_load(const char *file)
{
    g_autofree char *path = g_strdup_printf("%s/%s.so", g_getenv("TENON_TEST_PLUGINS"), file);
    void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const struct tenon_plugin *plugin = so ? dlsym(so, "tenon_plugin_0") : NULL;

    if (!plugin)
        g_error("%s: %s", path, dlerror());
    g_assert_cmpuint(plugin->n_types, ==, 1);
    return plugin->types[0];
}

static const struct tenon_prop *fake_prop(const struct tenon_type *type, const char *name)
{
    const struct tenon_prop *props = type->props.items;

    for (uint32_t i = 0; i < type->props.count; i++)
        if (!strcmp(props[i].name, name))
            return &props[i];
    g_error("%s has no property %s", type->name, name);
}

/* Makes the state, with every property at its default; fake_create() follows. */
static void fake_init(struct fake *f, const struct tenon_type *type)
{
    const struct tenon_prop *props = type->props.items;

    *f = (struct fake){
        .dev = { .host = &f->host, .id = "fake", .traced = untraced },
        .host = { .size = sizeof(f->host),
                  .error = fake_error,
                  .log = fake_log,
                  .query = fake_query,
                  .peer = fake_peer },
        .type = type,
        .state = g_malloc0(type->state_size),
        .said = g_string_new(""),
        .received = g_string_new(""),
        .events = g_string_new(""),
    };
    *(struct tenon_dev **)f->state = &f->dev;
    for (uint32_t i = 0; i < type->props.count; i++)
        if (props[i].type != TENON_STR)
            memcpy((char *)f->state + props[i].offset, &props[i].initial, props[i].bytes);
}

static inline void fake_set_bool(struct fake *f, const char *name, bool value)
{
    *(bool *)((char *)f->state + fake_prop(f->type, name)->offset) = value;
}

static void fake_set_str(struct fake *f, const char *name, const char *value)
{
    *(const char **)((char *)f->state + fake_prop(f->type, name)->offset) = value;
}

/* Numbers and enums of 32 bits. */
static inline void fake_set_u32(struct fake *f, const char *name, uint32_t value)
{
    *(uint32_t *)((char *)f->state + fake_prop(f->type, name)->offset) = value;
}

static int fake_create(struct fake *f)
{
    return f->type->create ? f->type->create(f->state) : 0;
}

static void fake_finish(struct fake *f)
{
    if (f->type->destroy)
        f->type->destroy(f->state);
    g_assert_cmpuint(fake_watches(f), ==, 0);
    g_free(f->state);
    g_string_free(f->said, TRUE);
    g_string_free(f->received, TRUE);
    g_string_free(f->events, TRUE);
}

/* Waits up to so many milliseconds and calls who is ready; returns how many were. */
static int fake_poll(struct fake *f, int timeout)
{
    struct pollfd fds[FAKE_WATCHES];
    int ready;

    for (int i = 0; i < FAKE_WATCHES; i++)
        fds[i] = (struct pollfd){ .fd = f->watches[i].events ? f->watches[i].fd : -1,
                                  .events = f->watches[i].events };
    ready = poll(fds, FAKE_WATCHES, timeout);
    for (int i = 0; i < FAKE_WATCHES; i++)
        if (fds[i].fd >= 0 && fds[i].revents && f->watches[i].events &&
            f->watches[i].fd == fds[i].fd)
            f->watches[i].fn(f->state, fds[i].fd, fds[i].revents);
    return ready;
}

static size_t fake_write(struct fake *f, const void *buf, size_t len)
{
    return ((const struct tenon_chardev_ops *)f->type->ops)->write(f->state, buf, len);
}

static inline void fake_yank(struct fake *f)
{
    ((const struct tenon_chardev_ops *)f->type->ops)->yank(f->state);
}

/* The device has room for so much from now on. */
static void fake_give_room(struct fake *f, size_t room)
{
    const struct tenon_chardev_ops *ops = f->type->ops;

    f->room = room;
    if (ops->ready)
        ops->ready(f->state);
}

#endif
