/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/bus.h - buses that devices bring for further devices.
 *
 * A device that brings a bus has an interface (ifaces) with an id such as "vendor.thing-bus/1";
 * types with that id as their ops_id plug into it.  Between the first dot and the slash is the
 * bus's kind, which lists and messages show.  The bus is called "ID.0" after a device with an id,
 * otherwise "thing-bus.0", "thing-bus.1" and so on; bus= names it, without bus= it is the first of
 * the kind.
 */
/* clang-format off */
#ifndef TENON_BUS_H
#define TENON_BUS_H

#include <tenon/plugin.h>

/* TENON_PLUGGED_DEVICE(port, "virtserialport", "tenon.virtio-serial-bus/1", "virtio-serial-bus",
 * "misc", "Port of a virtio console", ...) */
#define TENON_PLUGGED_DEVICE(id, names, bus_id, bus, tags, help, ...)                              \
    TENON_TYPE(id, "device", names, bus, tags, help, bus_id, __VA_ARGS__)

/* "tenon.bus/1" */
struct tenon_bus {
    uint32_t size;
    /* The device that the caller, of a type as above, is plugged into: its state and the interface's
     * table.  It lives longer than the caller. [any] */
    struct tenon_peer (*parent)(struct tenon_dev *);
};

#endif
