/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* change - a chardev's back end gives way to another one, while its user stays: chardev-change. */

#include <errno.h>

#include "chardev/chardev.h"
#include "chardev/front.h"
#include "machine/inst.h"
#include "report.h"

#define SWAP(a, b)                                                                                 \
    do {                                                                                           \
        __typeof__(a) swapped_ = a;                                                                \
        a = b;                                                                                     \
        b = swapped_;                                                                              \
    } while (0)

int chardev_may_change(const struct tenon_chardev *chr, const char *where)
{
    const struct chr_user *user = &chr->users[0];

    if (chr->mux)
        report(where, "chardev '%s' is a mux, which keeps its back end", chardev_id(chr));
    else if (chr->opening)
        report(where, "chardev '%s' is still being opened", chardev_id(chr));
    else if (user->self && !user->inst)
        report(where, "chardev '%s' is in use by %s, which keeps it", chardev_id(chr), user->name);
    else
        return 0;
    return -EBUSY;
}

/* What the user has told the old back end. */
static void tell_again(struct tenon_chardev *chr)
{
    void *backend = chr->backend->state;

    if (chr->has_line && chr->ops.line)
        chr->ops.line(backend, &chr->line);
    if (chr->has_lines && chr->ops.set_lines)
        chr->ops.set_lines(backend, chr->lines);
    if (chr->shut && chr->ops.event)
        chr->ops.event(backend, TENON_CHR_CLOSED);
}

void chardev_change(struct tenon_chardev *chr, struct tenon_chardev *with)
{
    struct inst *old = chr->backend, *now = with->backend;
    struct chr_user *user = &chr->users[0];

    if (chr->opened)
        front_tell(user, TENON_CHR_CLOSED);
    inst_swap(old, now);
    SWAP(old->pub.id, now->pub.id);
    SWAP(old->chardev, now->chardev);
    SWAP(chr->backend, with->backend);
    SWAP(chr->ops, with->ops);
    SWAP(chr->log, with->log);
    SWAP(chr->opened, with->opened);
    inst_destroy(old); /* and with, which is its front by now */
    tell_again(chr);
    if (chr->opened)
        front_tell(user, TENON_CHR_OPENED);
    if (user->self && user->on.writable)
        user->on.writable(user->self);
    chardev_accept(chr);
}
