/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vmc - a back end whose far end is a channel of a SPICE client: the agent of the guest's desktop,
 * a smart card, a USB device (spicevmc), or a port that has a name (spiceport).
 *
 * What the guest sends waits here until the server fetches it, what a client sends waits in the
 * server.  The library is the main thread's: what the guest's end does is noted, and done soon.
 * While no client is connected, what the guest sends is lost, as with a socket.
 */

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include <spice.h>
#include <spice/protocol.h>

#include <tenon/chardev.h>
#include <tenon/spice.h>

enum { TIMER_WORK };

struct vmc {
    struct tenon_dev *dev;
    const char *name;
    uint32_t debug;
    const struct tenon_chardev_host *host;
    struct tenon_peer server; /* its table is a struct tenon_spice */
    SpiceCharDeviceInstance channel;
    bool port;      /* a spiceport */
    bool added;     /* the server has the channel */
    bool used;      /* somebody uses the back end */
    bool open;      /* ... and has its end open */
    bool told;      /* port: clients have been told that it is */
    bool connected; /* a client is there */
    bool brk;       /* port: clients are to be told of a break */
    bool full;      /* a write() was short */
    uint32_t n;     /* of out */
    uint8_t out[16384];
};

struct spicevmc {
    union {
        struct tenon_dev *dev;
        struct vmc vmc;
    };
};

struct spiceport {
    union {
        struct tenon_dev *dev;
        struct vmc vmc;
    };
};

static const struct tenon_spice *spice(const struct vmc *v)
{
    return v->server.table;
}

static struct vmc *vmc_of(SpiceCharDeviceInstance *channel)
{
    return (struct vmc *)((char *)channel - offsetof(struct vmc, channel));
}

/* Whatever there is to do, from the loop. */
static void soon(struct vmc *v)
{
    tenon_arm_at(v->dev, TIMER_WORK, 0);
}

/* ---- The server's calls ---- */

static int channel_write(SpiceCharDeviceInstance *channel, const uint8_t *buf, int len)
{
    struct vmc *v = vmc_of(channel);
    size_t room = v->host->room(v->dev), n = len < 0 ? 0 : len;

    return v->host->input(v->dev, buf, n < room ? n : room);
}

static int channel_read(SpiceCharDeviceInstance *channel, uint8_t *buf, int len)
{
    struct vmc *v = vmc_of(channel);
    uint32_t n = len < 0 ? 0 : (uint32_t)len < v->n ? (uint32_t)len : v->n;

    memcpy(buf, v->out, n);
    v->n -= n;
    memmove(v->out, v->out + n, v->n);
    if (v->full && n)
        soon(v);
    return n;
}

static void channel_state(SpiceCharDeviceInstance *channel, int connected)
{
    struct vmc *v = vmc_of(channel);

    if (v->connected == !!connected)
        return;
    v->connected = connected;
    if (!connected)
        v->n = 0;
    v->host->event(v->dev, connected ? TENON_CHR_OPENED : TENON_CHR_CLOSED);
    soon(v);
}

static void channel_event(SpiceCharDeviceInstance *channel, uint8_t event)
{
    struct vmc *v = vmc_of(channel);

    if (event == SPICE_PORT_EVENT_BREAK)
        v->host->event(v->dev, TENON_CHR_BREAK);
}

static const SpiceCharDeviceInterface interface = {
    .base = { .type = SPICE_INTERFACE_CHAR_DEVICE,
              .description = "character device",
              .major_version = SPICE_INTERFACE_CHAR_DEVICE_MAJOR,
              .minor_version = SPICE_INTERFACE_CHAR_DEVICE_MINOR },
    .state = channel_state,
    .write = channel_write,
    .read = channel_read,
    .event = channel_event,
    .flags = SPICE_CHAR_DEVICE_NOTIFY_WRITABLE,
};

/* ---- The guest's end ---- */

static void set_added(struct vmc *v, bool added)
{
    if (v->added == added)
        return;
    v->added = added;
    if (added && spice(v)->add(v->server.self, &v->channel.base)) {
        v->added = false;
        tenon_log(v->dev, TENON_LOG_INFO, "the SPICE server takes no further channel of this kind");
    } else if (!added) {
        spice(v)->remove(v->server.self, &v->channel.base);
        channel_state(&v->channel, false);
    }
}

static void tell(struct vmc *v, uint8_t event)
{
    spice(v)->port_event(v->server.self, &v->channel, event);
}

/* A port is always there and says whether it is open; other channels come and go with the guest's
 * end. */
static void show_open(struct vmc *v)
{
    if (!v->port) {
        set_added(v, v->open);
        return;
    }
    set_added(v, true);
    if (v->added && v->open != v->told)
        tell(v, v->open ? SPICE_PORT_EVENT_OPENED : SPICE_PORT_EVENT_CLOSED);
    v->told = v->open;
    if (v->added && v->brk)
        tell(v, SPICE_PORT_EVENT_BREAK);
    v->brk = false;
}

static void work(void *self)
{
    struct vmc *v = self;

    show_open(v);
    if (v->added)
        spice(v)->wakeup(v->server.self, &v->channel);
    if (v->full && v->n < sizeof(v->out)) {
        v->full = false;
        v->host->sent(v->dev);
    }
}

static size_t vmc_write(void *self, const void *buf, size_t len)
{
    struct vmc *v = self;
    size_t space = sizeof(v->out) - v->n;
    size_t n = len < space ? len : space;

    if (!v->connected)
        return len;
    memcpy(v->out + v->n, buf, n);
    v->n += n;
    v->full = n < len;
    soon(v);
    return n;
}

/* The first time it says that there is a user, whose end counts as open. */
static void vmc_ready(void *self)
{
    struct vmc *v = self;

    if (!v->used)
        v->used = v->open = true;
    soon(v);
}

static void vmc_event(void *self, int event)
{
    struct vmc *v = self;

    if (event == TENON_CHR_BREAK)
        v->brk = v->port;
    else
        v->open = event == TENON_CHR_OPENED;
    soon(v);
}

/* ---- Life ---- */

static bool is_kind(const char *name)
{
    static const char *const kinds[] = { "vdagent", "smartcard", "usbredir" };

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (!strcmp(name, kinds[i]))
            return true;
    return false;
}

static int vmc_create(struct vmc *v)
{
    v->host = tenon_query(v->dev, "tenon.chardev/1");
    if (!v->host)
        return tenon_error(v->dev, -ENOTSUP, "this emulator has no back ends");
    if (!v->name || !*v->name)
        return tenon_error(v->dev, -EINVAL, "name is missing");
    if (!v->port && !is_kind(v->name))
        return tenon_error(v->dev, -EINVAL, "name takes one of vdagent, smartcard, usbredir");
    if (v->debug)
        return tenon_error(v->dev, -EINVAL,
                           "debug takes 0: -trace spice_channel tells of channels");
    v->server = tenon_find_peer(v->dev, TENON_SPICE);
    if (!v->server.self)
        return tenon_error(v->dev, -ENOENT, "there is no SPICE server: -spice makes one");
    v->channel = (SpiceCharDeviceInstance){
        .base.sif = &interface.base,
        .subtype = v->port ? "port" : v->name,
        .portname = v->port ? v->name : NULL,
    };
    v->host->event(v->dev, TENON_CHR_CLOSED);
    soon(v);
    return 0;
}

static int spicevmc_create(void *self)
{
    return vmc_create(self);
}

static int spiceport_create(void *self)
{
    struct vmc *v = self;

    v->port = true;
    return vmc_create(v);
}

static void vmc_destroy(void *self)
{
    struct vmc *v = self;

    if (v->server.self)
        set_added(v, false);
}

/* A reset of the machine has stopped the timer. */
static void vmc_reset(void *self)
{
    soon(self);
}

static const struct tenon_chardev_ops ops = {
    .size = sizeof(ops),
    .write = vmc_write,
    .ready = vmc_ready,
    .event = vmc_event,
};

// clang-format off
static const struct tenon_timer timers[] = {
    [TIMER_WORK] = { "work", work, TENON_CLOCK_REAL },
};

#define DEBUG                                                                                      \
    TENON_PROP(struct vmc, "debug", TENON_U32, debug, .help = "0: -trace tells of channels")

static const struct tenon_prop vmc_props[] = {
    DEBUG,
    TENON_PROP(struct vmc, "name",  TENON_STR, name,  .help = "vdagent, smartcard or usbredir"),
};
static const struct tenon_prop port_props[] = {
    DEBUG,
    TENON_PROP(struct vmc, "name",  TENON_STR, name,
               .help = "what clients know it by: org.spice-space.webdav.0"),
};
// clang-format on

TENON_CHARDEV_BACKEND(spicevmc, "spicevmc", "a channel of SPICE clients", .ops = &ops,
                      .props = TENON_ARRAY(vmc_props), .timers = TENON_ARRAY(timers),
                      .create = spicevmc_create, .destroy = vmc_destroy, .reset = vmc_reset);
TENON_CHARDEV_BACKEND(spiceport, "spiceport", "a named port of SPICE clients", .ops = &ops,
                      .props = TENON_ARRAY(port_props), .timers = TENON_ARRAY(timers),
                      .create = spiceport_create, .destroy = vmc_destroy, .reset = vmc_reset);
TENON_PLUGIN(&tenon_type_spicevmc, &tenon_type_spiceport);
