/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * websocket - between a guest's bytes and the server's side of the websocket protocol (RFC 6455):
 * the opening handshake, and messages as one stream of bytes, whatever their frames.
 */
#ifndef TENON_CHARDEV_WEBSOCKET_H
#define TENON_CHARDEV_WEBSOCKET_H

#include <stdbool.h>

#include "pending.h"

enum {
    WEBSOCKET_REQUEST_MAX = 4096, /* of the opening handshake */
    WEBSOCKET_CONTROL_MAX = 125,  /* of a control frame's payload */
};

struct websocket {
    bool open;       /* the handshake is over */
    bool fragmented; /* within a message of several frames */
    uint8_t opcode;
    uint8_t mask[4], mask_at;
    uint8_t head[14]; /* of a frame, while it is incomplete */
    uint8_t n_head;
    uint64_t left;                      /* bytes of the frame's payload that are to come */
    uint32_t n;                         /* in buf */
    uint8_t buf[WEBSOCKET_REQUEST_MAX]; /* the request; then a control frame's payload */
};

void websocket_init(struct websocket *w);
/*
 * Takes n bytes of raw into data, which has room for n; *got says how many came out.  out has room
 * for n + 512 bytes of answers.  True: go on; false: the connection is over when out has been sent.
 */
bool websocket_decode(struct websocket *w, const uint8_t *raw, size_t n, uint8_t *data, size_t *got,
                      struct pending *out);
/* Puts what has room of the guest's bytes into out, as a message; how many. */
size_t websocket_encode(const uint8_t *data, size_t n, struct pending *out);
/* Says that we go. */
void websocket_close(struct pending *out);

#endif
