/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-serial - a virtio console: up to 511 ports, each a stream of bytes in both directions.
 *
 * Reference: VIRTIO 1.2, chapter 5.3.  Configuration space:
 *
 *   0  RO  columns, rows: 2 bytes each; not offered
 *   4  RO  how many ports there can be
 *   8  WO  emergency write: a character for the console, at any time
 */
#include <errno.h>
#include <string.h>

#include "serial.h"

enum { CONFIG_MAX_PORTS = 4, CONFIG_EMERGENCY = 8, CONFIG_BYTES = 12 };
enum { F_MULTIPORT = 1 << 1, F_EMERGENCY_WRITE = 1 << 2 };
enum { PORT_ENTRIES = 128, CONTROL_ENTRIES = 32 };

/* Control messages (5.3.6.2): port, event, value, and after PORT_NAME the name. */
enum {
    DEVICE_READY = 0,
    PORT_ADD = 1,
    PORT_REMOVE = 2,
    PORT_READY = 3,
    CONSOLE_PORT = 4,
    PORT_OPEN = 6,
    PORT_NAME = 7,
};

struct message {
    uint32_t port;
    uint16_t event, value;
};

static bool multiport(const struct serial *s)
{
    return s->virtio->features(s->dev) & F_MULTIPORT;
}

static struct port *port_at(const struct serial *s, uint32_t nr)
{
    return nr < s->max_ports ? s->slots[nr].port : NULL;
}

/* ---- Control messages to the driver ---- */

/* What is to be told first, and no longer is. */
static uint16_t next_event(struct slot *slot)
{
    static const uint16_t events[] = { PORT_REMOVE, PORT_ADD, CONSOLE_PORT, PORT_NAME, PORT_OPEN };
    unsigned first = __builtin_ctz(slot->tell);

    slot->tell &= slot->tell - 1;
    return events[first];
}

static void send_one(struct serial *s, unsigned nr, struct tenon_virtio_chain *chain)
{
    struct slot *slot = &s->slots[nr];
    const struct port *p = slot->port;
    struct message m = { .port = nr, .event = next_event(slot), .value = 1 };
    size_t n;

    if (m.event == PORT_OPEN)
        m.value = p->host_open;
    n = s->virtio->write(s->dev, chain, 0, &m, sizeof(m));
    if (m.event == PORT_NAME)
        n += s->virtio->write(s->dev, chain, n, p->name, strlen(p->name));
    s->virtio->put(s->dev, chain, n);
}

/* As many as there are buffers for; the rest waits. */
static void send_messages(struct serial *s)
{
    struct tenon_virtio_chain *chain;
    bool any = false;

    for (unsigned nr = 0; s->driver_ready && nr < s->max_ports; nr++)
        while (s->slots[nr].tell && (chain = s->virtio->take(s->dev, CONTROL_IN))) {
            send_one(s, nr, chain);
            any = true;
        }
    if (any)
        s->virtio->notify(s->dev, CONTROL_IN);
}

void serial_tell(struct serial *s, struct port *p, uint8_t what)
{
    if (!s->driver_ready)
        return;
    s->slots[p->nr].tell |= what;
    send_messages(s);
}

/* ---- Control messages from the driver ---- */

static void driver_ready(struct serial *s, bool ready)
{
    s->driver_ready = ready;
    for (unsigned nr = 0; ready && nr < s->max_ports; nr++)
        if (s->slots[nr].port)
            s->slots[nr].tell = TELL_ADD;
    send_messages(s);
}

static void port_ready(struct serial *s, struct port *p, bool ready)
{
    p->ready = ready;
    if (ready)
        serial_tell(s, p,
                    (p->console ? TELL_CONSOLE : 0) | (p->name ? TELL_NAME : 0) |
                        (p->host_open ? TELL_OPEN : 0));
    else
        tenon_log(s->dev, TENON_LOG_GUEST_ERROR, "the driver cannot have port %u", p->nr);
}

static void message(struct serial *s, const struct message *m)
{
    struct port *p = port_at(s, m->port);

    if (m->event == DEVICE_READY)
        driver_ready(s, m->value);
    else if (!p)
        tenon_log(s->dev, TENON_LOG_GUEST_ERROR, "message %u is for port %u, which is not there",
                  m->event, m->port);
    else if (m->event == PORT_READY)
        port_ready(s, p, m->value);
    else if (m->event == PORT_OPEN)
        port_open(p, m->value);
}

static void take_messages(struct serial *s)
{
    struct tenon_virtio_chain *chain;
    struct message m;
    bool any = false;

    while ((chain = s->virtio->take(s->dev, CONTROL_OUT))) {
        any = true;
        if (s->virtio->read(s->dev, chain, 0, &m, sizeof(m)) == sizeof(m))
            message(s, &m);
        s->virtio->put(s->dev, chain, 0);
    }
    if (any)
        s->virtio->notify(s->dev, CONTROL_OUT);
}

/* ---- What the driver does ---- */

static void notified(void *self, unsigned queue)
{
    struct serial *s = self;
    struct port *p;

    if (queue == CONTROL_IN) {
        send_messages(s);
        return;
    }
    if (queue == CONTROL_OUT) {
        take_messages(s);
        return;
    }
    p = port_at(s, queue < 2 ? 0 : queue / 2 - 1);
    if (p && queue % 2)
        port_send(p);
    else if (p)
        port_receive(p);
}

/* Without control messages there is one port, and it is open. */
static void started(void *self)
{
    struct serial *s = self;

    if (!multiport(s) && s->slots[0].port)
        port_open(s->slots[0].port, true);
}

static void reset(void *self)
{
    struct serial *s = self;

    s->driver_ready = false;
    for (unsigned nr = 0; nr < s->max_ports; nr++) {
        s->slots[nr].tell = 0;
        if (s->slots[nr].port)
            port_reset(s->slots[nr].port);
    }
}

static void queue_changed(void *self, unsigned queue, bool enabled)
{
    struct serial *s = self;
    struct port *p = port_at(s, queue < 2 ? 0 : queue / 2 - 1);

    if (!enabled && p && queue != CONTROL_IN && queue != CONTROL_OUT)
        port_forget(p, queue);
}

static void config_written(void *self, unsigned reg, uint32_t value, unsigned bytes)
{
    struct serial *s = self;

    if (reg != CONFIG_EMERGENCY || !s->emergency_write)
        return;
    for (unsigned nr = 0; nr < s->max_ports; nr++)
        if (s->slots[nr].port && s->slots[nr].port->console) {
            port_emergency(s->slots[nr].port, value);
            return;
        }
}

/* ---- Ports come and go ---- */

/* Number 0 is for a console. */
static int choose_number(const struct serial *s, struct port *p)
{
    if (p->nr == NR_UNSAID) {
        p->nr = p->console ? 0 : 1;
        while (p->nr < s->max_ports && s->slots[p->nr].port)
            p->nr++;
        if (p->nr < s->max_ports)
            return 0;
        return tenon_error(p->dev, -ENOSPC, "all %u ports of %s are in use", s->max_ports,
                           s->dev->id);
    }
    if (p->nr >= s->max_ports)
        return tenon_error(p->dev, -EINVAL, "nr=%u: the ports of %s are numbered up to %u", p->nr,
                           s->dev->id, s->max_ports - 1);
    if (!p->nr && !p->console)
        return tenon_error(p->dev, -EINVAL, "nr=0 is for a virtconsole");
    if (s->slots[p->nr].port)
        return tenon_error(p->dev, -EBUSY, "nr=%u is in use by %s", p->nr,
                           s->slots[p->nr].port->dev->id);
    return 0;
}

int serial_plug(struct serial *s, struct port *p)
{
    int err;

    for (unsigned nr = 0; p->name && nr < s->max_ports; nr++)
        if (s->slots[nr].port && s->slots[nr].port->name &&
            !strcmp(s->slots[nr].port->name, p->name))
            return tenon_error(p->dev, -EEXIST, "name=%s is in use by %s", p->name,
                               s->slots[nr].port->dev->id);
    err = choose_number(s, p);
    if (err)
        return err;
    p->serial = s;
    s->slots[p->nr].port = p;
    serial_tell(s, p, TELL_ADD);
    return 0;
}

void serial_unplug(struct serial *s, struct port *p)
{
    struct slot *slot = &s->slots[p->nr];
    bool known = !(slot->tell & TELL_ADD) || slot->tell & TELL_REMOVE;

    port_reset(p);
    slot->port = NULL;
    slot->tell = 0;
    if (known)
        serial_tell(s, p, TELL_REMOVE);
    p->serial = NULL;
}

static int create(void *self)
{
    struct serial *s = self;
    uint32_t max_ports = s->max_ports;
    int err = 0;

    s->virtio = tenon_query(s->dev, "tenon.virtio/1");
    if (!s->virtio)
        return tenon_error(s->dev, -ENOTSUP, "this emulator has no virtio");
    for (unsigned q = 0; q < (max_ports > 1 ? queue_in(max_ports) : 2) && err >= 0; q++)
        err = s->virtio->add_queue(s->dev, q == CONTROL_IN || q == CONTROL_OUT ? CONTROL_ENTRIES
                                                                               : PORT_ENTRIES);
    s->virtio->offer(s->dev, (max_ports > 1 ? F_MULTIPORT : 0) |
                                 (s->emergency_write ? F_EMERGENCY_WRITE : 0));
    memcpy(s->virtio->config(s->dev) + CONFIG_MAX_PORTS, &max_ports, sizeof(max_ports));
    return err < 0 ? err : 0;
}

/* ---- Tables ---- */

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct serial, "max_ports", TENON_U32, max_ports, .initial = 31, .min = 1, .max = MAX_PORTS,
               .help = "how many ports there can be"),
    TENON_PROP(struct serial, "emergency-write", TENON_BOOL, emergency_write, .initial = true,
               .help = "offers output of single characters before the driver runs"),
};

static const uint32_t bus = sizeof(bus); /* ports are of this file: they need no functions */
static const struct tenon_iface ifaces[] = { { .id = SERIAL_BUS, .table = &bus } };

static const struct tenon_virtio_ops ops = {
    .size            = sizeof(ops),
    .device_id       = 3,
    .transitional_id = 0x1003,
    .pci_class       = 0x078000,
    .vectors         = 2,
    .config_bytes    = CONFIG_BYTES,
    .notified        = notified,
    .config_written  = config_written,
    .started         = started,
    .reset           = reset,
    .queue           = queue_changed,
};

TENON_VIRTIO_DEVICE(serial, "serial", "input", "Virtio console with ports", .ops = &ops,
    .props  = TENON_ARRAY(props),
    .ifaces = TENON_ARRAY(ifaces),
    .create = create);
// clang-format on

TENON_PLUGIN(TENON_VIRTIO_TYPES(serial), &tenon_type_serial_console, &tenon_type_serial_port);
