/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-linux - bzImages: whatever the input, it has the setup header's magic. */

#include "fuzz-kernel.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MOST = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t kernel[MOST];

    if (len < 0x280 || len > MOST)
        return 0;
    memcpy(kernel, data, len);
    memcpy(kernel + 1 + 0x202, "HdrS", 4);
    return fuzz_kernel(kernel, len);
}
