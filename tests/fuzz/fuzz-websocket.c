/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-websocket - any bytes from a websocket client, in pieces: what comes of them has room. */

#include <stdlib.h>

#include "websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte of the input says how long the pieces are, and whether the handshake is over. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct websocket *w = malloc(sizeof(*w));
    size_t step = size ? *data % 128 + 1 : 1, total = 0;
    struct pending out;
    bool go_on = true;

    websocket_init(w);
    w->open = size && *data & 128;
    for (size_t at = 1; at < size && go_on; at += step) {
        size_t n = step < size - at ? step : size - at, got = 0;
        uint8_t *to = malloc(n); /* of just that size, for the sanitizer */

        out.at = out.n = 0;
        go_on = websocket_decode(w, data + at, n, to, &got, &out);
        total += got;
        if (got > n || total > size || out.n > n + 512)
            abort();
        free(to);
    }
    free(w);
    return 0;
}
