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

/*
 * Makes the core itself (a monitor, gdb's stub) the user of chr, under a name for messages; on's
 * functions get self.  -EBUSY, and it has been reported at where, if chr has a user.  [main,
 * locked]
 */
int chardev_use(struct tenon_chardev *chr, const char *name, const char *where,
                const struct tenon_chr_user *on, void *self);
void chardev_disuse(struct tenon_chardev *chr, void *self);
/* What the user says, as in struct tenon_chr.  [locked] */
size_t chardev_write(struct tenon_chardev *chr, const void *buf, size_t len);
void chardev_accept(struct tenon_chardev *chr);
const char *chardev_id(const struct tenon_chardev *chr);

/* Frees the front; its back end is an instance, and goes with the machine's. */
void chardev_release(struct tenon_chardev *chr);

extern const struct tenon_chardev_host chardev_host_service;
extern const struct tenon_chr chr_service;

#endif
