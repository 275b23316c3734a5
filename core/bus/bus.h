/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* bus - what a device plugs into: a place for it, keys of its own, interrupts. */
#ifndef TENON_CORE_BUS_H
#define TENON_CORE_BUS_H

#include <stdbool.h>

struct inst;
struct machine;
struct plugins;
struct setting;
struct tenon_prop;
struct type;

struct bus_ops {
    const char *ops_id; /* of the types that plug into it */
    const char *kind;   /* "PCI"; NULL: see bus_kind() */
    /* "addr": settings that are the bus's, not the device's; it reads them itself in attach(). */
    const struct tenon_prop *props;
    unsigned n_props;
    /* Finds a place; 0, or -errno and why has been reported.  Before create(). */
    int (*attach)(struct inst *inst, const struct setting *settings, unsigned n);
    void (*detach)(struct inst *inst);
    void (*reset)(struct inst *inst);
    /* After create(): windows become visible. */
    void (*created)(struct inst *inst);
    /* One of its props as text, to be freed.  NULL: it has none. */
    char *(*setting)(const struct inst *inst, const char *key);
    bool hotplug; /* devices may come while the machine runs, and go at a reset */
};

/* The bus of a type, or NULL: of devices, one of the core's, or one that another device brings. */
const struct bus_ops *bus_find(const struct type *type);
/* Tells p the properties that buses give their devices, for lists and for messages. */
void bus_describe(struct plugins *p);
/* A device that brings a bus has been created. */
int bus_provide(struct inst *inst);

/* The kind of bus that a device is on; to be freed. */
char *bus_kind(const struct inst *inst);
/* What the bus that parent brings by its interface id is called; to be freed. */
char *bus_name(const struct inst *parent, const char *id);

extern const struct tenon_bus bus_service;
extern const struct bus_ops isa_bus_ops, system_bus_ops, pci_bus_ops, plugged_bus_ops;
extern const struct bus_ops virtio_pci_bus_ops, virtio_pci_transitional_bus_ops,
    virtio_pci_non_transitional_bus_ops;

#endif
