/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * telnet - between a guest's bytes and the telnet protocol (RFC 854; options 855 to 858).
 *
 * A guest's terminal wants each key as it is pressed, echoed by the guest, and all eight bits: so
 * the server offers to echo, and both ends are asked to leave out go-aheads and to be binary.  With
 * a peer that is not, ends of lines follow the network virtual terminal.
 */
#ifndef TENON_CHARDEV_TELNET_H
#define TENON_CHARDEV_TELNET_H

#include <stdbool.h>

#include "pending.h"

struct telnet {
    uint8_t state, verb;
    bool server;
    bool got_cr, sent_cr;    /* of a direction that is not binary */
    uint8_t on[2], asked[2]; /* by side, ours first: a bit for each option below 8 */
};

/* What decoding has found in order. */
struct telnet_in {
    size_t used, got; /* bytes of raw, and of data */
    bool brk;         /* a break has come after these */
};

/* Begins a connection: the first requests go to out. */
void telnet_init(struct telnet *t, bool server, struct pending *out);
/*
 * Takes n bytes of raw, or those up to a break, into data, which has room for n.  out has room for
 * 3 n + 8 bytes of answers.
 */
struct telnet_in telnet_decode(struct telnet *t, const uint8_t *raw, size_t n, uint8_t *data,
                               struct pending *out);
/* Puts what has room of the guest's bytes into out; how many. */
size_t telnet_encode(struct telnet *t, const uint8_t *data, size_t n, struct pending *out);
void telnet_send_break(struct pending *out);

#endif
