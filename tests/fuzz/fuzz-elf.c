/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-elf - ELF kernels: whatever the input, it begins like ELF for x86. */

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
    memcpy(kernel + 1, "\177ELF", 4);
    kernel[5] = 1 + (kernel[5] & 1);
    kernel[6] = 1;
    put_le(kernel + 1 + 18, 2, kernel[5] == 1 ? ELF_386 : ELF_X86_64);
    return fuzz_kernel(kernel, len);
}
