/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev - what joins a character back end to the device that uses it. */
#ifndef TENON_CORE_CHARDEV_H
#define TENON_CORE_CHARDEV_H

#include <tenon/chardev.h>

struct machine;
struct config_group;

/* The front of the back end called id, or NULL. */
struct tenon_chardev *chardev_find(struct machine *m, const char *id);

/* Makes the back end of a -chardev group.  NULL: reported.  [main, locked] */
struct tenon_chardev *chardev_create(struct machine *m, const struct config_group *group);

/*
 * The id of the chardev that a short form such as "stdio", "file:x" or "chardev:id" means, made
 * under the name label if need be; NULL for "none", or with *failed set: reported.  [main, locked]
 */
const char *chardev_short(struct machine *m, const char *label, const char *text, const char *where,
                          bool *failed);

/* Frees the front; its back end is an instance, and goes with the machine's. */
void chardev_release(struct tenon_chardev *chr);

extern const struct tenon_chardev_host chardev_host_service;
extern const struct tenon_chr chr_service;

#endif
