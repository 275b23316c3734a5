/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * port - virtconsole and virtserialport: ports of a virtio console, each with a character device at
 * its far end.
 *
 * Nothing is lost: a buffer of the driver's is kept until the far end has taken all of it, and the
 * far end is told of no more room than the driver has provided.  A console has a limit, since
 * drivers wait for its output with a processor that does nothing else: when the far end takes
 * nothing for a second, what is written is thrown away until it takes something again.
 */
#include <errno.h>

#include <tenon/bus.h>
#include <tenon/system.h>

#include "serial.h"

enum { TIMER_PATIENCE };
enum { CHUNK = 4096 };
#define PATIENCE 1000000000ull

/* ---- From the guest ---- */

/* Where what is written goes nowhere. */
static bool deaf(const struct port *p)
{
    return !p->chr || p->stuck;
}

/* Sends a part of the chain; false if the far end takes no more now. */
static bool send_part(struct port *p, bool *done)
{
    const struct tenon_virtio *virtio = p->serial->virtio;
    uint8_t buf[CHUNK];
    size_t n = virtio->read(p->serial->dev, p->out, p->sent, buf, sizeof(buf));
    size_t took = deaf(p) ? n : p->chr->write(p->chardev, buf, n);

    p->sent += took;
    *done = took == n && n < sizeof(buf);
    return took == n;
}

static bool send_chain(struct port *p)
{
    bool done = false;

    while (!done)
        if (!send_part(p, &done))
            return false;
    p->serial->virtio->put(p->serial->dev, p->out, 0);
    p->out = NULL;
    return true;
}

static bool take_out(struct port *p)
{
    if (p->out)
        return true;
    p->out = p->serial->virtio->take(p->serial->dev, queue_out(p->nr));
    p->sent = 0;
    return p->out;
}

void port_send(struct port *p)
{
    bool sent = false;

    if (!p->host_open)
        return;
    while (take_out(p) && send_chain(p))
        sent = true;
    if (sent)
        p->serial->virtio->notify(p->serial->dev, queue_out(p->nr));
    if (p->console && p->out)
        tenon_arm(p->dev, TIMER_PATIENCE, PATIENCE);
}

static void out_of_patience(void *self)
{
    struct port *p = self;

    if (!p->serial || !p->out)
        return;
    p->stuck = true;
    port_send(p);
}

static void writable(void *self)
{
    struct port *p = self;

    p->stuck = false;
    port_send(p);
}

void port_emergency(struct port *p, uint8_t byte)
{
    if (p->chr)
        p->chr->write(p->chardev, &byte, 1);
}

/* ---- To the guest ---- */

void port_receive(struct port *p)
{
    if (p->chr)
        p->chr->accept(p->chardev);
}

static size_t room(void *self)
{
    struct port *p = self;
    struct serial *s = p->serial;

    if (!p->guest_open)
        return 0;
    if (!p->in)
        p->in = s->virtio->take(s->dev, queue_in(p->nr));
    if (p->in && !p->in->in_bytes)
        s->virtio->broken(s->dev, "a buffer for port %u has no room", p->nr);
    return p->in ? p->in->in_bytes : 0;
}

/* Goes into one buffer of the driver's, which is then its own again. */
static void receive(void *self, const void *buf, size_t len)
{
    struct port *p = self;
    struct serial *s = p->serial;
    struct tenon_virtio_chain *chain = p->in;

    p->in = NULL;
    s->virtio->put(s->dev, chain, s->virtio->write(s->dev, chain, 0, buf, len));
    s->virtio->notify(s->dev, queue_in(p->nr));
}

/* ---- Opening and closing, at both ends ---- */

static void event(void *self, int what)
{
    struct port *p = self;

    if (what != TENON_CHR_OPENED && what != TENON_CHR_CLOSED)
        return;
    p->stuck = false;
    if (!p->console) {
        p->host_open = what == TENON_CHR_OPENED;
        if (p->ready)
            serial_tell(p->serial, p, TELL_OPEN);
    }
    port_send(p);
}

void port_open(struct port *p, bool open)
{
    const struct tenon_events *events = tenon_query(p->dev, "tenon.events/1");

    if (p->guest_open == open)
        return;
    p->guest_open = open;
    if (p->chr)
        p->chr->event(p->chardev, open ? TENON_CHR_OPENED : TENON_CHR_CLOSED);
    if (events)
        events->emit(p->dev, "VSERPORT_CHANGE", "{s:b}", "open", (int)open);
    if (open)
        port_receive(p);
}

void port_forget(struct port *p, unsigned queue)
{
    struct tenon_virtio_chain **at = queue == queue_in(p->nr) ? &p->in : &p->out;

    if (*at)
        p->serial->virtio->put(p->serial->dev, *at, 0);
    *at = NULL;
}

void port_reset(struct port *p)
{
    port_forget(p, queue_in(p->nr));
    port_forget(p, queue_out(p->nr));
    p->ready = p->stuck = false;
    port_open(p, false);
}

/* ---- Life ---- */

static const struct tenon_chr_user user = {
    .size = sizeof(user),
    .room = room,
    .receive = receive,
    .writable = writable,
    .event = event,
};

static int port_create(struct port *p, bool console)
{
    const struct tenon_bus *bus = tenon_query(p->dev, "tenon.bus/1");
    int err;

    p->console = p->host_open = console;
    err = bus ? serial_plug(bus->parent(p->dev).self, p)
              : tenon_error(p->dev, -ENOTSUP, "this emulator has no buses of devices");
    if (err || !p->chardev)
        return err;
    p->chr = tenon_query(p->dev, "tenon.chr/1");
    if (!p->chr)
        return tenon_error(p->dev, -ENOTSUP, "this emulator has no character devices");
    err = p->chr->attach(p->dev, p->chardev, &user);
    if (err)
        p->chr = NULL;
    else
        p->chr->event(p->chardev, TENON_CHR_CLOSED);
    return err;
}

static int console_create(void *self)
{
    return port_create(self, true);
}

static int serialport_create(void *self)
{
    return port_create(self, false);
}

static void destroy(void *self)
{
    struct port *p = self;

    if (p->serial)
        serial_unplug(p->serial, p);
}

/* ---- Tables ---- */

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct port, "chardev", TENON_CHARDEV, chardev, .help = "the far end"),
    TENON_PROP(struct port, "name", TENON_STR, name, .help = "by which the guest finds it"),
    TENON_PROP(struct port, "nr", TENON_U32, nr, .initial = NR_UNSAID, .max = MAX_PORTS - 1,
               .help = "its number; without, the first that is free"),
};

static const struct tenon_timer timers[] = {
    [TIMER_PATIENCE] = { .name = "patience", .fire = out_of_patience },
};

#define PORT(id, name_, help_, create_)                                                            \
    TENON_NOTE_(id, "need=" TENON_STR1_(TENON_ABI_NEED) "\tkind=device\tname=" name_               \
                "\tbus=virtio-serial-bus\ttags=input\thelp=" help_);                               \
    const struct tenon_type tenon_type_##id = {                                                    \
        .size = sizeof(struct tenon_type), .state_size = sizeof(struct port), .kind = "device",    \
        .name = name_, .help = help_, .ops_id = SERIAL_BUS, .props = TENON_ARRAY(props),           \
        .timers = TENON_ARRAY(timers), .create = create_, .destroy = destroy }

PORT(serial_console, "virtconsole", "Port of a virtio console that is a terminal", console_create);
PORT(serial_port, "virtserialport", "Port of a virtio console", serialport_create);
// clang-format on
