/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio-echo - a virtio device that gives back what it is sent, and brings a bus for devices that
 * count.
 *
 * Configuration space:  0  RO  how many chains it has given back, 4 bytes
 *                       4  RW  1: it leaves them where they are
 *                       5  RO  taps on its bus
 */
#include <errno.h>
#include <string.h>

#include <tenon/bus.h>
#include <tenon/virtio.h>

enum { COUNT = 0, HOLD = 4, TAPS = 5, CONFIG_BYTES = 6 };

struct echo {
    struct tenon_dev *dev;
    const struct tenon_virtio *virtio;
};

/* "echo.echo-bus/1" */
struct echo_bus {
    uint32_t size;
    void (*tap)(void *self);
};

struct tap {
    struct tenon_dev *dev;
};

/* By pointers where there is one part each way, else by copying. */
static uint32_t answer(const struct echo *e, struct tenon_virtio_chain *chain)
{
    const void *from = chain->n_out == 1 ? e->virtio->out_pointer(e->dev, chain, 0) : NULL;
    void *to = chain->n_in == 1 ? e->virtio->in_pointer(e->dev, chain, 0) : NULL;
    uint64_t n = chain->out_bytes < chain->in_bytes ? chain->out_bytes : chain->in_bytes;
    uint8_t buf[256];

    if (from && to) {
        memcpy(to, from, n);
        return n;
    }
    n = e->virtio->read(e->dev, chain, 0, buf, sizeof(buf));
    return e->virtio->write(e->dev, chain, 0, buf, n);
}

static void echo_notified(void *self, unsigned queue)
{
    struct echo *e = self;
    struct tenon_virtio_chain *chain;
    uint8_t *config = e->virtio->config(e->dev);

    e->virtio->listen(e->dev, queue, false);
    while ((chain = e->virtio->take(e->dev, queue))) {
        if (config[HOLD]) {
            e->virtio->give_back(e->dev, chain);
            break;
        }
        e->virtio->put(e->dev, chain, answer(e, chain));
        config[COUNT]++;
    }
    e->virtio->listen(e->dev, queue, true);
    e->virtio->notify(e->dev, queue);
}

static void echo_config_written(void *self, unsigned reg, uint32_t value, unsigned bytes)
{
    struct echo *e = self;

    if (reg != HOLD || bytes != 1)
        return;
    e->virtio->config(e->dev)[HOLD] = value & 1;
    e->virtio->changed(e->dev);
    echo_notified(e, 0);
}

static int echo_create(void *self)
{
    struct echo *e = self;
    int queue;

    e->virtio = tenon_query(e->dev, "tenon.virtio/1");
    if (!e->virtio)
        return tenon_error(e->dev, -ENOTSUP, "this emulator has no virtio");
    queue = e->virtio->add_queue(e->dev, 64);
    return queue < 0 ? queue : 0;
}

static const struct tenon_virtio_ops echo_ops = {
    .size = sizeof(echo_ops),
    .device_id = 63,
    .pci_class = 0x00ff00,
    .config_bytes = CONFIG_BYTES,
    .features = 1 << 5,
    .notified = echo_notified,
    .config_written = echo_config_written,
};

/* ---- The bus ---- */

static void echo_tap(void *self)
{
    struct echo *e = self;

    e->virtio->config(e->dev)[TAPS]++;
}

static const struct echo_bus echo_bus = { .size = sizeof(echo_bus), .tap = echo_tap };
static const struct tenon_iface echo_ifaces[] = { { .id = "echo.echo-bus/1", .table = &echo_bus } };

static int tap_create(void *self)
{
    struct tap *tap = self;
    const struct tenon_bus *bus = tenon_query(tap->dev, "tenon.bus/1");
    struct tenon_peer peer;

    if (!bus)
        return tenon_error(tap->dev, -ENOTSUP, "this emulator has no buses of devices");
    peer = bus->parent(tap->dev);
    ((const struct echo_bus *)peer.table)->tap(peer.self);
    return 0;
}

TENON_VIRTIO_DEVICE(echo, "echo", "misc", "Gives back what it is sent", .ops = &echo_ops,
                    .create = echo_create, .ifaces = TENON_ARRAY(echo_ifaces));
TENON_PLUGGED_DEVICE(tap, "echo-tap", "echo.echo-bus/1", "echo-bus", "misc", "Counts for an echo",
                     .create = tap_create);

TENON_PLUGIN(TENON_VIRTIO_TYPES(echo), &tenon_type_tap);
