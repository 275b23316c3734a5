/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-multiboot - multiboot kernels: whatever the input, it begins with a sound header. */

#include "fuzz-kernel.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { MOST = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t kernel[MOST];

    if (len < 80 || len > MOST)
        return 0;
    memcpy(kernel, data, len);
    memcpy(kernel + 1, "\002\260\255\033", 4);
    put_le(kernel + 9, 4, -(0x1badb002 + (uint32_t)get_le(kernel + 5, 4)));
    return fuzz_kernel(kernel, len);
}
