/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * serial - a virtio console and its ports, as the two files share them.
 *
 * Reference: VIRTIO 1.2, chapter 5.3.
 */
#ifndef TENON_VIRTIO_SERIAL_H
#define TENON_VIRTIO_SERIAL_H

#include <tenon/chardev.h>
#include <tenon/virtio.h>

#define SERIAL_BUS "tenon.virtio-serial-bus/1"

enum { MAX_PORTS = 511, NR_UNSAID = UINT32_MAX };

/* What the driver is still to be told of a port, in this order. */
enum { TELL_REMOVE = 1, TELL_ADD = 2, TELL_CONSOLE = 4, TELL_NAME = 8, TELL_OPEN = 16 };

struct serial {
    struct tenon_dev *dev;
    const struct tenon_virtio *virtio;
    uint32_t max_ports;
    bool emergency_write;
    bool driver_ready; /* for control messages */
    struct slot {
        struct port *port; /* NULL: none is plugged in */
        uint8_t tell;
    } slots[MAX_PORTS];
};

struct port {
    struct tenon_dev *dev;
    struct serial *serial; /* NULL: it is not plugged in */
    uint32_t nr;
    const char *name;
    struct tenon_chardev *chardev;
    const struct tenon_chr *chr;
    bool console;
    bool ready;      /* the driver has it */
    bool host_open;  /* the far end is there */
    bool guest_open; /* a program has it open */
    bool stuck;      /* the far end took nothing for so long that the guest goes on without it */
    struct tenon_virtio_chain *in, *out; /* taken, to be filled and being sent; or NULL */
    uint64_t sent;                       /* of out */
};

/* ---- serial.c ---- */

/* Gives the port its number and tells the driver; 0, or what tenon_error() returned. */
int serial_plug(struct serial *s, struct port *p);
void serial_unplug(struct serial *s, struct port *p);
/* Tells the driver as soon as it has room. */
void serial_tell(struct serial *s, struct port *p, uint8_t what);

/* ---- port.c ---- */

void port_send(struct port *p);    /* the driver has filled buffers of the port's */
void port_receive(struct port *p); /* ... has provided empty ones */
void port_open(struct port *p, bool open);
/* The chains of the queue mean nothing more. */
void port_forget(struct port *p, unsigned queue);
void port_reset(struct port *p);
void port_emergency(struct port *p, uint8_t byte);

/* Queues: of port 0, of control messages, of port 1 and so on; each first to the guest, then from
 * it. */
static inline unsigned queue_in(unsigned nr)
{
    return nr ? 2 * nr + 2 : 0;
}

static inline unsigned queue_out(unsigned nr)
{
    return queue_in(nr) + 1;
}

enum { CONTROL_IN = 2, CONTROL_OUT = 3 };

extern const struct tenon_type tenon_type_serial_port, tenon_type_serial_console;

#endif
