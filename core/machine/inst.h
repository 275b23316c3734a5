/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inst - an instance of a plugin's type: its state, properties, timers, windows and lines. */
#ifndef TENON_CORE_INST_H
#define TENON_CORE_INST_H

#include <tenon/plugin.h>

#include "loop/loop.h"
#include "memory/memory.h"

struct machine;
struct type;

/* Where an interrupt line of an instance ends. */
struct line {
    void (*set)(void *arg, unsigned n, bool level);
    void *arg;
    unsigned n;
    bool level;
};

struct inst {
    struct tenon_dev pub;       /* what the plugin sees; first */
    struct machine *machine;
    const struct type *type;
    void *state;
    char *where;                /* the option as typed: "-device edu,id=e0" */
    bool has_id, created;
    struct inst *next;
    struct timer *timers;
    struct mapping *windows;
    struct line *lines;
    struct mapping **maps;      /* made through tenon.memory/1 */
    struct block **blocks;
    unsigned n_maps, n_blocks;
    struct inst_watch *watches;
    void *bus;                  /* what the bus keeps for it */
    struct chardev *chardev;    /* of kind chardev: the front it is joined to */
    void (*button)(void *self);
};

struct setting {
    const char *key, *value;
};

/* Makes an instance of a type, sets its properties, joins it to its bus and calls create().  NULL if
 * it fails, and why has been reported.  [main, locked] */
struct inst *inst_create(struct machine *m, const struct type *type, const char *id,
                         const char *where, const struct setting *settings, unsigned n_settings);
void inst_destroy(struct inst *inst);
void inst_reset(struct inst *inst);
struct inst *inst_find(struct machine *m, const char *kind, const char *id);

/* The table of an interface of the instance's type, or NULL. */
const void *inst_iface(const struct inst *inst, const char *id);

static inline struct inst *inst_of(struct tenon_dev *dev)
{
    return (struct inst *)dev;
}

extern const struct tenon_host tenon_host_table;

#endif
