/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/cmos.h - the battery-backed bytes of a PC's clock, as the machine fills them for firmware.
 *
 * "tenon.cmos/1" is an interface of the clock: tenon_find_peer(dev, TENON_CMOS).
 */
/* clang-format off */
#ifndef TENON_CMOS_H
#define TENON_CMOS_H

#include <tenon/plugin.h>

#define TENON_CMOS "tenon.cmos/1"

struct tenon_cmos {
    uint32_t size;
    /* Byte index (0Eh to 7Fh, but the century's) of the memory; a reset leaves it.  What the clock
     * itself keeps is not set, and others are not there. [vcpu] */
    void (*set)(void *cmos, unsigned index, uint8_t value);
    uint8_t (*get)(void *cmos, unsigned index);
    /* Periodic interrupts that the guest was too late for, and that were to follow, do not.  [main] */
    void (*forget_ticks)(void *cmos);
};

/* "tenon.rtc/1" - what the host offers a clock. */
struct tenon_rtc {
    uint32_t size;
    /* The guest has set the time: it is so many seconds ahead of what it would be. [vcpu] */
    void (*changed)(struct tenon_dev *, int64_t ahead);
};

#endif
