/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio - a virtio device without its transport: features, status, queues; and tenon.virtio/1, by
 * which its plugin works.
 *
 * After VIRTIO 1.2, chapters 2 and 3.
 */

#include "bus/virtio.h"

#include <errno.h>
#include <string.h>

#include "debug/log.h"
#include "machine/machine.h"
#include "plugin/plugin.h"

/* Of the feature bits, those that a device may offer by itself (chapter 2.2). */
#define DEVICE_FEATURES (0xffffffull | ~0ull << 50)

enum { AT_ONCE = 1024 };

static struct virtio *virtio_of(struct tenon_dev *dev)
{
    return inst_of(dev)->virtio;
}

static bool works(const struct virtio *v)
{
    return !(v->status & TENON_VIRTIO_NEEDS_RESET);
}

/* ---- Faults ---- */

/* A driver of before 1.0 knows no NEEDS_RESET; the device stands still all the same. */
static void broken_v(struct virtio *v, const char *fmt, va_list ap)
{
    char *text;

    if (!works(v))
        return;
    text = g_strdup_vprintf(fmt, ap);
    tenon_log(&v->inst->pub, TENON_LOG_GUEST_ERROR, "%s; the device needs a reset", text);
    g_free(text);
    v->status |= TENON_VIRTIO_NEEDS_RESET;
    if (v->status & TENON_VIRTIO_DRIVER_OK)
        v->transport->interrupt(v, v->config_vector, true);
}

void virtio_broken(struct virtio *v, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    broken_v(v, fmt, ap);
    va_end(ap);
}

/* ---- Queues ---- */

/* Drivers of before 1.0 may use queues before they say DRIVER_OK. */
bool virtio_ready(const struct virtio_queue *q)
{
    return q->enabled && works(q->v) &&
           (q->v->status & TENON_VIRTIO_DRIVER_OK || virtio_legacy(q->v));
}

void virtio_notified(struct virtio *v, unsigned queue)
{
    if (queue >= v->n_queues || !virtio_ready(&v->queues[queue]) || !v->ops.notified)
        return;
    v->queues[queue].budget = AT_ONCE;
    v->ops.notified(v->inst->state, queue);
}

static void again(void *arg)
{
    struct virtio *v = arg;

    for (unsigned i = 0; i < v->n_queues; i++)
        if (v->queues[i].starved) {
            v->queues[i].starved = false;
            virtio_notified(v, i);
        }
}

/* Whether a device that takes chain after chain may go on: a driver can make them as fast.  If not,
 * it is notified once more when others have had their turn. */
static bool may_take(struct virtio_queue *q)
{
    if (q->budget) {
        q->budget--;
        return true;
    }
    if (!q->starved)
        timer_arm(&q->v->again, 0);
    q->starved = true;
    return false;
}

static void queue_init(struct virtio_queue *q)
{
    q->enabled = false;
    q->entries = q->most;
    q->vector = VIRTIO_NO_VECTOR;
    q->desc = q->avail = q->used = 0;
    q->budget = AT_ONCE;
    q->starved = false;
    q->era++;
    ring_start(q);
}

static void tell_queue(struct virtio_queue *q)
{
    if (q->v->ops.queue)
        q->v->ops.queue(q->v->inst->state, q - q->v->queues, q->enabled);
}

void virtio_enable(struct virtio_queue *q)
{
    if (q->enabled)
        return;
    ring_start(q);
    q->enabled = true;
    tell_queue(q);
}

void virtio_queue_reset(struct virtio_queue *q)
{
    bool was = q->enabled;

    queue_init(q);
    if (was)
        tell_queue(q);
}

/* ---- Features and status ---- */

void virtio_accept(struct virtio *v, uint64_t features)
{
    if (v->status & TENON_VIRTIO_FEATURES_OK)
        tenon_log(&v->inst->pub, TENON_LOG_GUEST_ERROR, "features are written after FEATURES_OK");
    else
        v->accepted = features;
}

/* Whether the device can do what the driver has accepted, all together. */
static bool features_fit(const struct virtio *v)
{
    return !(v->accepted & ~v->offered) && !virtio_legacy(v);
}

static void start(struct virtio *v)
{
    if (v->ops.started)
        v->ops.started(v->inst->state);
    for (unsigned i = 0; i < v->n_queues; i++)
        virtio_notified(v, i);
}

void virtio_reset(struct virtio *v)
{
    v->accepted = 0;
    v->status = 0;
    v->config_vector = VIRTIO_NO_VECTOR;
    for (unsigned i = 0; i < v->n_queues; i++)
        queue_init(&v->queues[i]);
    if (v->ops.reset && v->inst->created)
        v->ops.reset(v->inst->state);
    v->transport->status(v);
}

void virtio_set_status(struct virtio *v, uint8_t status)
{
    uint8_t risen = status & ~v->status;

    if (!status) {
        virtio_reset(v);
        return;
    }
    if (risen & TENON_VIRTIO_FEATURES_OK && !features_fit(v)) {
        tenon_log(&v->inst->pub, TENON_LOG_GUEST_ERROR,
                  "features 0x%" G_GINT64_MODIFIER "x do not fit", v->accepted);
        status &= ~TENON_VIRTIO_FEATURES_OK;
    }
    v->status = status | (v->status & TENON_VIRTIO_NEEDS_RESET);
    v->transport->status(v);
    if (risen & TENON_VIRTIO_DRIVER_OK && works(v))
        start(v);
}

/* ---- Configuration space ---- */

static bool in_config(const struct virtio *v, unsigned reg, unsigned bytes)
{
    return reg < v->ops.config_bytes && bytes <= v->ops.config_bytes - reg;
}

uint32_t virtio_config_read(const struct virtio *v, unsigned reg, unsigned bytes)
{
    uint32_t value = 0;

    if (!in_config(v, reg, bytes))
        return UINT32_MAX >> (32 - 8 * bytes);
    memcpy(&value, v->config + reg, bytes);
    return value;
}

void virtio_config_write(struct virtio *v, unsigned reg, uint32_t value, unsigned bytes)
{
    if (in_config(v, reg, bytes) && v->ops.config_written)
        v->ops.config_written(v->inst->state, reg, value, bytes);
}

/* ---- Life ---- */

void virtio_init(struct virtio *v, struct inst *inst, const struct virtio_transport *transport)
{
    *v = (struct virtio){ .inst = inst, .transport = transport };
    table_copy(&v->ops, sizeof(v->ops), inst->type->t.ops);
    v->ops.config_bytes = MIN(v->ops.config_bytes, VIRTIO_CONFIG);
    v->offered = v->ops.features & DEVICE_FEATURES;
    v->config_vector = VIRTIO_NO_VECTOR;
    timer_init(&v->again, inst->machine->loop, CLOCK_GUEST, again, v);
    inst->virtio = v;
}

void virtio_finish(struct virtio *v)
{
    timer_finish(&v->again);
    g_free(v->queues);
    v->inst->virtio = NULL;
}

/* ---- tenon.virtio/1 ---- */

static int add_queue(struct tenon_dev *dev, unsigned entries)
{
    struct virtio *v = virtio_of(dev);
    struct virtio_queue *q;

    if (inst_of(dev)->created || !entries || entries > VIRTIO_ENTRIES || (entries & (entries - 1)))
        return -EINVAL;
    if (v->n_queues == VIRTIO_QUEUES)
        return -ENOSPC;
    v->queues = g_renew(struct virtio_queue, v->queues, v->n_queues + 1);
    q = &v->queues[v->n_queues];
    *q = (struct virtio_queue){ .v = v, .most = entries };
    queue_init(q);
    return v->n_queues++;
}

static void offer(struct tenon_dev *dev, uint64_t features)
{
    virtio_of(dev)->offered |= features & DEVICE_FEATURES;
}

static uint8_t *config(struct tenon_dev *dev)
{
    return virtio_of(dev)->config;
}

static void changed(struct tenon_dev *dev)
{
    struct virtio *v = virtio_of(dev);

    v->generation++;
    if (v->status & TENON_VIRTIO_DRIVER_OK)
        v->transport->interrupt(v, v->config_vector, true);
}

static uint64_t features(struct tenon_dev *dev)
{
    return virtio_of(dev)->accepted;
}

static struct virtio_queue *queue_at(struct tenon_dev *dev, unsigned queue)
{
    struct virtio *v = virtio_of(dev);

    return queue < v->n_queues && virtio_ready(&v->queues[queue]) ? &v->queues[queue] : NULL;
}

static bool ready(struct tenon_dev *dev, unsigned queue)
{
    return queue_at(dev, queue);
}

static struct virtio_chain *chain_of(const struct tenon_virtio_chain *chain)
{
    return (struct virtio_chain *)chain;
}

static struct tenon_virtio_chain *take(struct tenon_dev *dev, unsigned queue)
{
    struct virtio_queue *q = queue_at(dev, queue);
    struct virtio_chain *chain = q && may_take(q) ? ring_take(q) : NULL;

    return chain ? &chain->pub : NULL;
}

/* The queue that the chain is still one of, or NULL. */
static struct virtio_queue *queue_of(struct tenon_dev *dev, const struct virtio_chain *c)
{
    struct virtio_queue *q = &virtio_of(dev)->queues[c->pub.queue];

    return q->era == c->era ? q : NULL;
}

static void give_back(struct tenon_dev *dev, struct tenon_virtio_chain *chain)
{
    struct virtio_chain *c = chain_of(chain);
    struct virtio_queue *q = queue_of(dev, c);

    if (q) {
        q->taken = c->taken;
        q->take_wrap = c->take_wrap;
        q->out--;
        q->out_entries -= c->entries;
    }
    g_free(c);
}

static void mark_written(struct virtio *v, const struct virtio_chain *c, uint32_t written)
{
    for (unsigned i = 0; i < c->pub.n_in && written; i++) {
        const struct tenon_virtio_piece *p = &c->pub.in[i];
        uint32_t n = MIN(p->bytes, written);
        struct range r = space_at(v->inst->machine->mem, p->addr);

        if (r.block)
            block_mark(r.block, r.offset, MIN(n, r.bytes));
        written -= n;
    }
}

static void put(struct tenon_dev *dev, struct tenon_virtio_chain *chain, uint32_t written)
{
    struct virtio_chain *c = chain_of(chain);
    struct virtio_queue *q = queue_of(dev, c);

    if (q && works(q->v)) {
        if (c->pointed)
            mark_written(q->v, c, written);
        ring_put(q, c, written);
    }
    g_free(c);
}

static void notify(struct tenon_dev *dev, unsigned queue)
{
    struct virtio_queue *q = queue_at(dev, queue);

    if (q && ring_wants_interrupt(q))
        q->v->transport->interrupt(q->v, q->vector, false);
}

static void listen_(struct tenon_dev *dev, unsigned queue, bool on)
{
    struct virtio_queue *q = queue_at(dev, queue);

    if (q)
        ring_listen(q, on);
}

/* Copies between buf and the pieces; how much there was. */
static size_t copy(struct virtio *v, const struct tenon_virtio_piece *pieces, unsigned n,
                   uint64_t at, char *buf, size_t len, bool to_guest)
{
    struct space *mem = v->inst->machine->mem;
    size_t done = 0;

    for (unsigned i = 0; i < n && done < len; i++) {
        uint64_t addr = pieces[i].addr + at;
        size_t part;
        int err;

        if (at >= pieces[i].bytes) {
            at -= pieces[i].bytes;
            continue;
        }
        part = MIN(pieces[i].bytes - at, len - done);
        at = 0;
        err = addr + part - 1 < addr ? -EFAULT
              : to_guest             ? space_copy_out(mem, addr, buf + done, part, true, true)
                                     : space_copy_in(mem, addr, buf + done, part, true, true);
        if (err) {
            virtio_broken(v, "%zu bytes at 0x%" G_GINT64_MODIFIER "x are not in RAM", part, addr);
            break;
        }
        done += part;
    }
    return done;
}

static size_t chain_read(struct tenon_dev *dev, const struct tenon_virtio_chain *chain, uint64_t at,
                         void *buf, size_t len)
{
    return copy(virtio_of(dev), chain->out, chain->n_out, at, buf, len, false);
}

static size_t chain_write(struct tenon_dev *dev, struct tenon_virtio_chain *chain, uint64_t at,
                          const void *buf, size_t len)
{
    return copy(virtio_of(dev), chain->in, chain->n_in, at, (char *)buf, len, true);
}

static void *pointer(struct tenon_dev *dev, const struct tenon_virtio_piece *p, bool write)
{
    return space_pointer(inst_of(dev)->machine->mem, p->addr, p->bytes, write);
}

static const void *out_pointer(struct tenon_dev *dev, const struct tenon_virtio_chain *chain,
                               unsigned part)
{
    return part < chain->n_out ? pointer(dev, &chain->out[part], false) : NULL;
}

static void *in_pointer(struct tenon_dev *dev, struct tenon_virtio_chain *chain, unsigned part)
{
    chain_of(chain)->pointed = true;
    return part < chain->n_in ? pointer(dev, &chain->in[part], true) : NULL;
}

static void broken(struct tenon_dev *dev, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    broken_v(virtio_of(dev), fmt, ap);
    va_end(ap);
}

const struct tenon_virtio virtio_service = {
    .size = sizeof(virtio_service),
    .add_queue = add_queue,
    .offer = offer,
    .config = config,
    .changed = changed,
    .features = features,
    .ready = ready,
    .take = take,
    .give_back = give_back,
    .put = put,
    .notify = notify,
    .listen = listen_,
    .read = chain_read,
    .write = chain_write,
    .out_pointer = out_pointer,
    .in_pointer = in_pointer,
    .broken = broken,
};
