/* SPDX-License-Identifier: MIT-0 */
/* tenon/isa.h - devices on the ISA bus: ports and memory at fixed places, interrupts by number. */
/* clang-format off */
#ifndef TENON_ISA_H
#define TENON_ISA_H

#include <tenon/plugin.h>

/*
 * An ISA device declares its windows; those with a base are mapped after create().  A device whose
 * places are properties calls tenon_map() and tenon_isa_connect() in create().
 *
 *     TENON_ISA_DEVICE(serial, "isa-serial", "input", "ISA serial port", .props = ...);
 */
#define TENON_ISA_DEVICE(id, names, tags, help, ...)                                               \
    TENON_TYPE(id, "device", names, "ISA", tags, help, "tenon.isa/1", __VA_ARGS__)

/* The same for what is part of the board itself, on no bus. */
#define TENON_SYSTEM_DEVICE(id, names, tags, help, ...)                                            \
    TENON_TYPE(id, "device", names, "System", tags, help, "tenon.system/1", __VA_ARGS__)

/* "tenon.isa-bus/1" - an interface (ifaces) of the bridge that brings the ISA bus. */
struct tenon_isa_bus {
    uint32_t size;
    const char *bus_name;       /* "isa.0" */
};

/* "tenon.isa/1" - asked for with tenon_query(). */
struct tenon_isa {
    uint32_t size;
    /* Joins an interrupt line of the device to ISA interrupt irq (0 to 15); several devices may
     * share one.  -EINVAL if there is no such interrupt. [main] */
    int (*connect)(struct tenon_dev *, uint32_t line, unsigned irq);
};

static inline int tenon_isa_connect(struct tenon_dev *dev, uint32_t line, unsigned irq)
{
    const struct tenon_isa *isa = (const struct tenon_isa *)tenon_query(dev, "tenon.isa/1");

    return isa ? isa->connect(dev, line, irq) : -1;
}

/*
 * "tenon.isa-serial/1" - an interface of serial ports.  The first one of the board answers for all:
 * tenon_find_peer(dev, TENON_ISA_SERIAL).
 */
#define TENON_ISA_SERIAL "tenon.isa-serial/1"
struct tenon_isa_serial {
    uint32_t size;
    /* Which of the four usual places have a port: bit 0 is COM1 at 3F8h, ... bit 3 COM4. [main] */
    uint32_t (*ports)(void *first);
    /* Takes place n, or the next free one with UINT32_MAX; its number, -EBUSY or -ENOSPC. [main] */
    int (*claim)(void *first, uint32_t n);
};

#endif
