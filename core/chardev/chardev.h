/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* chardev - what joins a character back end to the device that uses it. */
#ifndef TENON_CORE_CHARDEV_H
#define TENON_CORE_CHARDEV_H

#include <sys/types.h>

#include <tenon/chardev.h>

struct machine;
struct config_group;
struct inst;

/* The front of the back end called id, or NULL: there is none, or id is NULL. */
struct tenon_chardev *chardev_find(struct machine *m, const char *id);

/*
 * Makes the back end of a -chardev group; with mux=on several can use it.  NULL: reported.  [main,
 * locked]
 */
struct tenon_chardev *chardev_create(struct machine *m, const struct config_group *group);

/* The end of chardev_create_later(): chr, or NULL and why.  [main, locked] */
typedef void chardev_done(void *arg, struct tenon_chardev *chr, const char *why);

/*
 * The same in a machine whose loop runs, which must not stand still until a far end has come: with
 * *later set, chr cannot be used yet, and done(arg) follows, from the loop.  [main, locked]
 */
struct tenon_chardev *chardev_create_later(struct machine *m, const struct config_group *group,
                                           bool *later, chardev_done *done, void *arg);

/*
 * The id of the chardev that a short form such as "stdio", "file:x" or "chardev:id" means, made
 * under the name label if need be; NULL for "none", or with *failed set: reported.  [main, locked]
 */
const char *chardev_short(struct machine *m, const char *label, const char *text, const char *where,
                          bool *failed);

/* Takes down a back end that nobody uses.  -EBUSY: reported at where.  [main, locked] */
int chardev_remove(struct tenon_chardev *chr, const char *where);

/* Whether another back end may take the place of chr's.  -EBUSY: no, and it has been reported at
 * where.  [main, locked] */
int chardev_may_change(const struct tenon_chardev *chr, const char *where);
/* The back end of with, which has no user and is gone then, becomes chr's, whose own is destroyed;
 * the user is told that the far end has gone, and that there is one.  [main, locked] */
void chardev_change(struct tenon_chardev *chr, struct tenon_chardev *with);

/* ---- Using one ---- */

/*
 * Makes the core itself (a monitor, gdb's stub) the user of chr, under a name for messages; on's
 * functions get self.  -EBUSY, and it has been reported at where, if chr has a user (with a mux:
 * has too many).  Users of a mux are told by TENON_CHR_MUX_IN and _MUX_OUT whether what is typed is
 * for them; the others are told neither.  [main, locked]
 */
int chardev_use(struct tenon_chardev *chr, const char *name, const char *where,
                const struct tenon_chr_user *on, void *self);
void chardev_disuse(struct tenon_chardev *chr, void *self);
/* What the user says, as in struct tenon_chr.  [locked] */
size_t chardev_write(struct tenon_chardev *chr, const void *buf, size_t len);
void chardev_accept(struct tenon_chardev *chr);
/* Whether it is a connection that may hang, and can be ended at once.  [main, locked] */
bool chardev_yanks(const struct tenon_chardev *chr);
void chardev_yank(struct tenon_chardev *chr);
/* Gives a socket that listens a connection that is there already; the descriptor is its own then.
 * -ENOTSUP: it is none; -EBUSY: it has one.  [main, locked] */
int chardev_add_client(struct tenon_chardev *chr, int fd);
/* Tells who uses chr of an event as if the far end had sent it: TENON_CHR_BREAK.  [main, locked] */
void chardev_tell(struct tenon_chardev *chr, int event);
/* A device is about to go: it lets go of what it uses.  [main, locked] */
void chardev_forget(const struct inst *inst);

/* ---- Looking at them ---- */

const char *chardev_id(const struct tenon_chardev *chr);
/* What query-chardev calls its filename: "pty:/dev/pts/3"; to be freed. */
char *chardev_filename(const struct tenon_chardev *chr);
/* Takes what a ringbuf keeps, oldest first; how much, or -ENOTSUP: it is no ringbuf.  (What
 * chardev_write() sends it is kept as well.) */
ssize_t chardev_ringbuf_read(struct tenon_chardev *chr, void *buf, size_t len);
bool chardev_in_use(const struct tenon_chardev *chr);
/* Whether there is a user who has not said that its end is closed (a port no program has open). */
bool chardev_user_open(const struct tenon_chardev *chr);
/* The chardev after another (NULL: the first), or NULL. */
struct tenon_chardev *chardev_next(struct machine *m, const struct tenon_chardev *after);

/* ---- For inst.c ---- */

/* The front of an instance of kind chardev that is being made; it goes with the instance. */
struct tenon_chardev *chardev_front(struct inst *backend);
void chardev_release(struct tenon_chardev *chr);

extern const struct tenon_chardev_host chardev_host_service;
extern const struct tenon_chr chr_service;

#endif
