/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtio - a virtio device without its transport: features, status, queues, rings.
 *
 * After Virtual I/O Device (VIRTIO) Version 1.2, chapter 2.
 */
#ifndef TENON_CORE_VIRTIO_H
#define TENON_CORE_VIRTIO_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#include <tenon/virtio.h>

#include "machine/inst.h"

struct virtio;

enum {
    VIRTIO_QUEUES = 1024,
    VIRTIO_ENTRIES = 32768,
    VIRTIO_CONFIG = 256,
    VIRTIO_NO_VECTOR = 0xffff
};

/* Feature bits that are the host's. */
#define VIRTIO_F_NOTIFY_ON_EMPTY (1ull << 24)
#define VIRTIO_F_ANY_LAYOUT      (1ull << 27)
#define VIRTIO_F_INDIRECT_DESC   (1ull << 28)
#define VIRTIO_F_EVENT_IDX       (1ull << 29)
#define VIRTIO_F_VERSION_1       TENON_VIRTIO_F_VERSION_1
#define VIRTIO_F_RING_PACKED     (1ull << 34)
#define VIRTIO_F_RING_RESET      (1ull << 40)

struct virtio_queue {
    struct virtio *v;
    unsigned most, entries; /* what it can have, and has */
    uint16_t vector;
    bool enabled, deaf;         /* deaf: the driver need not notify */
    uint64_t desc, avail, used; /* "driver area" and "device area" are the last two's newer names */
    uint16_t taken, put, told;  /* indices: next to take and to put; put when last told */
    bool take_wrap, put_wrap, told_wrap; /* packed: their wrap counters */
    unsigned out;                        /* chains the device has */
    unsigned out_entries;                /* packed: descriptors of those */
    unsigned budget;                     /* chains that may be taken before others get a turn */
    bool starved;                        /* more were asked for */
    uint32_t era;                        /* chains of before a reset are of another */
};

/* What a transport is told. */
struct virtio_transport {
    void (*interrupt)(struct virtio *v, uint16_t vector, bool config);
    void (*status)(struct virtio *v); /* it has changed; also after a reset */
};

struct virtio {
    struct inst *inst;
    struct tenon_virtio_ops ops;
    const struct virtio_transport *transport;
    uint64_t offered, accepted;
    uint8_t status;
    uint8_t generation; /* of configuration space */
    uint16_t config_vector;
    uint8_t config[VIRTIO_CONFIG];
    unsigned n_queues;
    struct virtio_queue *queues;
    struct timer again; /* for queues that are starved */
};

/* ---- virtio.c: for transports ---- */

void virtio_init(struct virtio *v, struct inst *inst, const struct virtio_transport *transport);
void virtio_finish(struct virtio *v);
void virtio_reset(struct virtio *v);
void virtio_set_status(struct virtio *v, uint8_t status);
void virtio_accept(struct virtio *v, uint64_t features);
void virtio_enable(struct virtio_queue *q);
void virtio_queue_reset(struct virtio_queue *q);
void virtio_notified(struct virtio *v, unsigned queue);
/* Of bytes bytes (1, 2 or 4): ones, and nothing happens, outside of configuration space. */
uint32_t virtio_config_read(const struct virtio *v, unsigned reg, unsigned bytes);
void virtio_config_write(struct virtio *v, unsigned reg, uint32_t value, unsigned bytes);

static inline bool virtio_has(const struct virtio *v, uint64_t feature)
{
    return v->accepted & feature;
}

static inline bool virtio_legacy(const struct virtio *v)
{
    return !virtio_has(v, VIRTIO_F_VERSION_1);
}

bool virtio_ready(const struct virtio_queue *q);
void virtio_broken(struct virtio *v, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

extern const struct tenon_virtio virtio_service;

/* ---- virtio-ring.c ---- */

/* A chain as the host keeps it. */
struct virtio_chain {
    struct tenon_virtio_chain pub;
    uint32_t era;
    uint16_t id;
    uint16_t entries; /* of the ring: what it takes up there */
    uint16_t taken;   /* the queue's before it */
    bool take_wrap;
    bool pointed; /* written by pointer */
    struct tenon_virtio_piece pieces[];
};

void ring_start(struct virtio_queue *q);
/* As in struct tenon_virtio. */
struct virtio_chain *ring_take(struct virtio_queue *q);
void ring_put(struct virtio_queue *q, const struct virtio_chain *chain, uint32_t written);
bool ring_wants_interrupt(struct virtio_queue *q);
void ring_listen(struct virtio_queue *q, bool on);

#endif
