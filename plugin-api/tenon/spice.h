/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/spice.h - the server of -spice, for plugins that are one of its interfaces: character
 * devices, and whatever else libspice-server knows.
 *
 * The library is the server's plugin's alone: others fill structs of its headers and hand them over
 * here, for it must know for whom it is called.
 */
/* clang-format off */
#ifndef TENON_SPICE_H
#define TENON_SPICE_H

#include <tenon/plugin.h>

struct SpiceBaseInstance;
struct SpiceCharDeviceInstance;

/* "tenon.spice/1" - an interface of the server.  Callbacks of what is added come in [main]. */
#define TENON_SPICE "tenon.spice/1"
struct tenon_spice {
    uint32_t size;
    /* Makes it known to clients; 0, or -EINVAL: the server does not take it. [main] */
    int (*add)(void *self, struct SpiceBaseInstance *instance);
    void (*remove)(void *self, struct SpiceBaseInstance *instance);                     /* [main] */
    /* The device can be read from, or written to, again. [main] */
    void (*wakeup)(void *self, struct SpiceCharDeviceInstance *device);
    /* Tells clients of a port one of SPICE_PORT_EVENT_*. [main] */
    void (*port_event)(void *self, struct SpiceCharDeviceInstance *port, uint8_t event);
};

/* The server itself; its properties are the keys of -spice. */
#define TENON_SPICE_SERVER(id, names, help, ...)                                                   \
    TENON_TYPE(id, "spice", names, "", "", help, "", __VA_ARGS__)

#endif
