/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plug - devices and objects that come and go after the machine has been built. */
#ifndef TENON_CORE_PLUG_H
#define TENON_CORE_PLUG_H

#include <stdbool.h>

struct config;
struct config_group;
struct inst;
struct machine;

/*
 * Makes the device of a group while the guest may be running.  Only buses that allow it take one;
 * the guest finds it when it next looks at the bus.  False: reported.  [main, locked]
 */
bool plug_device(struct machine *m, const struct config_group *group);

/*
 * Takes a device away: at once if the guest has not run since its last reset, else at the next
 * one, because no board here can ask the guest for it.  Event DEVICE_DELETED tells when.  False:
 * it cannot go, and why has been reported.  [main, locked]
 */
bool unplug_device(struct inst *inst);
/* Takes those away that wait for a reset.  [main, locked] */
void unplug_waiting(struct machine *m);

/* Makes the -object that config, which is this function's from now on, has one group of; takes one
 * away.  False: reported.  [main, locked] */
bool plug_object(struct machine *m, struct config *config);
bool unplug_object(struct inst *inst);

#endif
