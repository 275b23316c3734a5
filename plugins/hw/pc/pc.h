/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pc - what the parts of the PC's board share. */
#ifndef TENON_PC_H
#define TENON_PC_H

#include <tenon/machine.h>
#include <tenon/memory.h>

struct pc {
    struct tenon_dev *dev;
    const struct tenon_board *board;
    const struct tenon_memory *memory;
    const struct tenon_x86 *x86;
    const char *firmware, *kernel, *initrd, *append, *dtb;
    uint64_t max_below_4g, below_4g, above_4g;
    bool pit;
};

#endif
