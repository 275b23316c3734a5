/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inst - an instance of a plugin's type: its state, properties, timers, windows and lines. */
#ifndef TENON_CORE_INST_H
#define TENON_CORE_INST_H

#include <glib.h>

#include <tenon/plugin.h>

#include "loop/loop.h"
#include "memory/memory.h"

struct machine;
struct virtio;
struct type;

/* Where an interrupt line of an instance ends; set is NULL while it ends nowhere. */
struct line {
    void (*set)(void *arg, unsigned n, bool level);
    void *arg;
    unsigned n;
    bool level;
    int gsi; /* >= 0: it is this interrupt input and nothing else */
};

struct inst_timer {
    struct timer timer;
    struct inst *inst;
    void (*fire)(void *state);
};

struct inst {
    struct tenon_dev pub; /* what the plugin sees; first */
    struct machine *machine;
    const struct type *type;
    void *state;
    char *where; /* the option as typed: "-device edu,id=e0" */
    bool has_id, created;
    bool by_user;    /* -device or device_add, not the board */
    bool hotplugged; /* device_add */
    bool leaving;    /* device_del: it goes at the next reset */
    unsigned number; /* of a device without an id: see tree.h */
    struct inst *next;
    struct inst_timer *timers;
    struct mapping *windows;
    struct line *lines;
    GPtrArray *maps, *blocks, *watches, *bells; /* made through services; NULL while empty */
    GPtrArray *objects;                         /* it has looked up; NULL while empty */
    const struct bus_ops *bus;
    void *bus_state;               /* what the bus keeps for it */
    struct inst *parent;           /* who brings the bus, if another device does */
    struct virtio *virtio;         /* of virtio devices */
    struct tenon_chardev *chardev; /* of kind chardev: its other side */
    void (*button)(void *state);
    bool said; /* why create() failed has been reported */
};

struct setting {
    const char *key, *value;
};

/* Makes an instance of a type, sets its properties, joins it to its bus and calls create().  NULL
 * if it fails, and why has been reported.  [main, locked] */
struct inst *inst_create(struct machine *m, const struct type *type, const char *id,
                         const char *where, const struct setting *settings, unsigned n_settings);
void inst_destroy(struct inst *inst);
/* Each takes the other's place in the order of the machine's instances.  [main, locked] */
void inst_swap(struct inst *a, struct inst *b);
void inst_reset(struct inst *inst);
struct inst *inst_find(struct machine *m, const char *kind, const char *id);
/* The first instance whose type offers the interface, or NULL. */
struct inst *inst_with_iface(struct machine *m, const char *id);

/* The table of an interface of the instance's type, or NULL. */
const void *inst_iface(const struct inst *inst, const char *id);

static inline struct inst *inst_of(struct tenon_dev *dev)
{
    return (struct inst *)dev;
}

/* Drives line n of the instance. [locked] */
void inst_irq(struct inst *inst, uint32_t line, bool level);
int inst_map(struct inst *inst, uint32_t window, uint64_t base, uint64_t bytes);

/* tenon_query(): the table of a service, or NULL. */
const void *service_find(const char *id);
/* Frees what services made for the instance. */
void service_release(struct inst *inst);

#endif
