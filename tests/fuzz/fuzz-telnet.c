/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-telnet - any bytes from a telnet client, in pieces: what comes of them has room. */

#include <stdlib.h>

#include "telnet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte of the input says how long the pieces are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t step = size ? *data % 64 + 1 : 1;
    struct pending out = { 0 };
    struct telnet t;

    telnet_init(&t, size % 2, &out);
    for (size_t at = 0; at < size;) {
        size_t n = step < size - at ? step : size - at;
        uint8_t *got = malloc(n); /* of just that size, for the sanitizer */
        struct telnet_in in;

        out.at = out.n = 0;
        in = telnet_decode(&t, data + at, n, got, &out);
        if (in.used > n || in.got > in.used || (!in.used && n) || out.n > 3 * n + 8)
            abort();
        telnet_encode(&t, got, in.got, &out);
        free(got);
        at += in.used;
    }
    return 0;
}
