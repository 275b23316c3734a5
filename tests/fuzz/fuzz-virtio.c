/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-virtio - a queue of a virtio device, with any ring in memory that the driver changes
 * meanwhile.
 *
 * Input: a struct setup, 4 KiB or less of memory, which is there once more further up, then 8-byte
 * steps of the device and the driver.
 */

#include <string.h>

#include "bus/virtio.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "plugin/plugin.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAM = 1 << 16, GIVEN = 4096, MOST = 64, CHAINS = 80 };

struct setup {
    uint8_t features, entries;
    uint16_t desc, avail, used; /* in units of 2 bytes; odd ones are moved out of RAM */
};

struct step {
    uint8_t what, chain;
    uint16_t at;
    uint32_t value;
};

struct fixture {
    struct machine m;
    struct inst inst;
    struct virtio v;
    struct mapping map;
    struct tenon_virtio_chain *out[CHAINS];
    unsigned n_out;
};

static void say(struct tenon_dev *dev, int level, const char *fmt, ...)
{
}

static void interrupt(struct virtio *v, uint16_t vector, bool config)
{
}

static void status(struct virtio *v)
{
}

static const struct tenon_host host = { .size = sizeof(host), .log = say };
static const struct virtio_transport transport = { interrupt, status };
static const struct tenon_virtio_ops ops = { .size = sizeof(ops), .config_bytes = 4 };
static const struct type type = { .t = { .ops = &ops } };

static void start(struct fixture *f, const struct setup *s, const uint8_t *memory, size_t n)
{
    struct block_spec spec = { .name = "ram", .bytes = RAM };
    uint64_t above = s->desc & 1 ? 1ull << 40 : 0;
    struct virtio_queue *q;

    f->m.loop = loop_create();
    f->m.mem = space_create("memory", f->m.loop, 64, false);
    f->m.ram = block_create(&spec);
    loop_lock(f->m.loop);
    f->map = (struct mapping){ .bytes = RAM, .block = f->m.ram, .flags = MAP_READ | MAP_WRITE };
    mapping_add(f->m.mem, &f->map);
    memcpy(f->m.ram->host, memory, n);
    memcpy(f->m.ram->host + RAM / 2, memory, n);
    f->inst = (struct inst){ .pub.host = &host, .machine = &f->m, .type = &type };
    virtio_init(&f->v, &f->inst, &transport);
    virtio_service.add_queue(&f->inst.pub, MOST);
    f->v.accepted = VIRTIO_F_VERSION_1 | (s->features & 1 ? VIRTIO_F_RING_PACKED : 0) |
                    (s->features & 2 ? VIRTIO_F_EVENT_IDX : 0) |
                    (s->features & 4 ? VIRTIO_F_INDIRECT_DESC : 0);
    q = &f->v.queues[0];
    q->entries = s->features & 1 ? s->entries % MOST + 1 : 1u << s->entries % 7;
    q->desc = (s->desc & ~7ull) * 2 + above;
    q->avail = s->avail;
    q->used = s->used;
    virtio_enable(q);
    virtio_set_status(&f->v, 15);
}

static void finish(struct fixture *f)
{
    for (unsigned i = 0; i < f->n_out; i++)
        virtio_service.put(&f->inst.pub, f->out[i], 0);
    virtio_finish(&f->v);
    mapping_finish(&f->map);
    loop_unlock(f->m.loop);
    space_destroy(f->m.mem);
    block_destroy(f->m.ram);
    loop_destroy(f->m.loop);
}

/* What a chain promises holds, whatever the memory says by now. */
static void check(struct fixture *f, struct tenon_virtio_chain *c)
{
    uint64_t sum = 0;
    uint8_t buf[512];
    size_t n;

    g_assert_cmpuint(f->v.queues[0].out, <=, f->v.queues[0].entries);
    g_assert_cmpuint(c->n_in + c->n_out, <=, 1024);
    for (unsigned i = 0; i < c->n_out; i++)
        sum += c->out[i].bytes;
    g_assert_cmpuint(sum, ==, c->out_bytes);
    n = virtio_service.read(&f->inst.pub, c, c->out_bytes / 2, buf, sizeof(buf));
    g_assert_cmpuint(n, <=, c->out_bytes - c->out_bytes / 2);
    virtio_service.out_pointer(&f->inst.pub, c, 0);
    if (virtio_service.in_pointer(&f->inst.pub, c, 0))
        memset(virtio_service.in_pointer(&f->inst.pub, c, 0), 1, c->in[0].bytes);
    virtio_service.write(&f->inst.pub, c, 1, buf, n);
}

static void run(struct fixture *f, const struct step *s)
{
    struct tenon_dev *dev = &f->inst.pub;
    unsigned at = f->n_out ? s->chain % f->n_out : 0;
    struct tenon_virtio_chain *c;

    switch (s->what % 8) {
    case 0: memcpy(f->m.ram->host + s->at % (RAM - 4), &s->value, 4); break;
    case 1: virtio_service.notify(dev, 0); break;
    case 2: virtio_service.listen(dev, 0, s->value & 1); break;
    case 3:
        if (f->n_out)
            virtio_service.put(dev, f->out[at], s->value);
        break;
    case 4:
        at = f->n_out - 1;
        if (f->n_out)
            virtio_service.give_back(dev, f->out[at]);
        break;
    default:
        c = f->n_out < CHAINS ? virtio_service.take(dev, 0) : NULL;
        if (c) {
            check(f, c);
            f->out[f->n_out++] = c;
        }
    }
    if (f->n_out && (s->what % 8 == 3 || s->what % 8 == 4))
        f->out[at] = f->out[--f->n_out];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture f = { 0 };
    struct setup setup;
    struct step step;
    size_t n;

    if (size < sizeof(setup))
        return 0;
    memcpy(&setup, data, sizeof(setup));
    data += sizeof(setup);
    size -= sizeof(setup);
    n = MIN(size, GIVEN);
    start(&f, &setup, data, n);
    for (data += n, size -= n; size >= sizeof(step); data += sizeof(step), size -= sizeof(step)) {
        memcpy(&step, data, sizeof(step));
        run(&f, &step);
    }
    finish(&f);
    return 0;
}
