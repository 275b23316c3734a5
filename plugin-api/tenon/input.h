/* SPDX-License-Identifier: MIT-0 */
/* tenon/input.h - what the user does with a mouse, for the devices that tell the guest. */
/* clang-format off */
#ifndef TENON_INPUT_H
#define TENON_INPUT_H

#include <tenon/plugin.h>

enum {                          /* buttons; a step of a wheel is one that is pressed and let go */
    TENON_BUTTON_LEFT, TENON_BUTTON_MIDDLE, TENON_BUTTON_RIGHT,
    TENON_BUTTON_WHEEL_UP, TENON_BUTTON_WHEEL_DOWN,
    TENON_BUTTON_SIDE, TENON_BUTTON_EXTRA,
    TENON_BUTTON_WHEEL_LEFT, TENON_BUTTON_WHEEL_RIGHT,
};

/* "tenon.mouse/1" - an interface (ifaces) of a device that is a mouse: it moves by steps.  Of
 * several mice the one that was made last gets what the user does. */
#define TENON_MOUSE "tenon.mouse/1"
struct tenon_mouse {
    uint32_t size;
    const char *name;                                               /* as query-mice shows it */
    void (*move)(void *self, int32_t right, int32_t down);                              /* [main] */
    void (*button)(void *self, uint32_t button, bool down);                             /* [main] */
    /* What has been told so far belongs together, and can go to the guest. [main] */
    void (*sync)(void *self);
};

#endif
