/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* front - the insides of a chardev: a back end, and those who use it. */
#ifndef TENON_CORE_FRONT_H
#define TENON_CORE_FRONT_H

#include <glib.h>

#include <tenon/chardev.h>

#include "chardev/chardev.h"
#include "loop/loop.h"

enum { MUX_USERS = 8, MUX_QUEUE = 4096 };

/* What has been typed for a user of a mux, and he has no room for yet. */
struct chr_queue {
    uint32_t first, count;
    uint8_t data[MUX_QUEUE];
};

struct chr_user {
    void *self; /* of on's functions; NULL: nobody */
    const char *name;
    const struct inst *inst; /* the device, or NULL: the core itself */
    struct tenon_chr_user on;
    struct chr_queue *queue; /* NULL without a mux */
    bool delivering;
};

struct tenon_chardev {
    struct inst *backend;
    struct tenon_chardev_ops ops;
    struct chr_user users[MUX_USERS]; /* the first alone without a mux */
    struct mux *mux;                  /* NULL: one user at most */
    bool opened;
    bool shut; /* the user says that its end is closed */
    int log;   /* logfile=, or -1 */
    /* what the user has set of a real line */
    bool has_line, has_lines;
    struct tenon_chr_line line;
    uint32_t lines;
    /* of chardev_create_later() */
    bool opening;
    char *failed; /* why it did not open */
    struct timer settled;
    chardev_done *done;
    void *done_arg;
};

/* Sends past the mux; how many bytes the back end took. */
size_t front_send(struct tenon_chardev *chr, const void *buf, size_t len);
/* Tells a user, if he wants to know. */
void front_tell(struct chr_user *user, int event);

/* ---- mux ---- */

/* escape is the character of Ctrl-a (-echr). */
struct mux *mux_create(struct tenon_chardev *chr, uint8_t escape);
void mux_destroy(struct mux *mux);
/* A user has come, or is about to go. */
void mux_joined(struct mux *mux, unsigned user);
void mux_leaves(struct mux *mux, unsigned user);
/* The user that input goes to, or NULL. */
struct chr_user *mux_focus(struct mux *mux);
size_t mux_room(const struct mux *mux);
void mux_input(struct mux *mux, const uint8_t *buf, size_t len); /* len <= mux_room() */
/* Users may have room again for what waits for them. */
void mux_deliver(struct mux *mux);
size_t mux_write(struct mux *mux, const char *buf, size_t len);
/* Sends what the mux itself has said; true once all has gone. */
bool mux_flush(struct mux *mux);

#endif
