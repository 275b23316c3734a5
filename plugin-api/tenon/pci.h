/* SPDX-License-Identifier: MIT-0 */
/* tenon/pci.h - functions on a PCI bus, and the bridges that make one. */
/* clang-format off */
#ifndef TENON_PCI_H
#define TENON_PCI_H

#include <tenon/plugin.h>

/* A base address register: the guest moves the window, the host follows. */
struct tenon_bar {
    uint32_t index;             /* 0 to 5 */
    uint32_t window;            /* index into the type's windows; its size is a power of two */
    uint32_t flags;
};
enum { TENON_BAR_64 = 1, TENON_BAR_PREFETCH = 2 };

/* A field of configuration space besides the header's standard ones. */
struct tenon_pci_field {
    uint16_t offset;
    uint16_t bytes;             /* 1, 2 or 4 */
    uint32_t reset;             /* its value after a reset */
    uint32_t writable;          /* bits the guest may set */
    uint32_t clear;             /* bits the guest clears by writing 1 */
    uint32_t keep;              /* bits that a reset after the first leaves alone */
};

/* "tenon.pci/1" - the ops of a function on the PCI bus.  The host keeps configuration space: the
 * header, command and status, BARs, interrupt pin and line. */
struct tenon_pci_ops {
    uint32_t size;
    uint16_t vendor, device;
    uint32_t class_rev;         /* as at offset 8 of configuration space */
    uint16_t subsystem_vendor, subsystem;
    uint32_t int_pin;           /* 1 to 4: line 0 is INTA to INTD; 0: none */
    struct tenon_array bars;
    struct tenon_array fields;
    /* The guest has written bytes bytes from reg on, of any part of configuration space; the new
     * values are there.  Also called after reset and load, for all of it. [vcpu] */
    void (*config_written)(void *self, unsigned reg, unsigned bytes);
};

#define TENON_PCI_DEVICE(id, names, tags, help, ...)                                               \
    TENON_TYPE(id, "device", names, "PCI", tags, help, "tenon.pci/1", __VA_ARGS__)

struct tenon_msix {
    uint32_t size;
    uint32_t vectors;           /* 1 to 2048 */
    uint32_t window;            /* one that a BAR moves */
    uint32_t table, pending;    /* where in it: multiples of 8; 16 bytes a vector, 8 for each 64 */
};

/* "tenon.pci/1" - what the host offers a function; asked for with tenon_query(). */
struct tenon_pci {
    uint32_t size;
    /* The function's configuration space, 256 bytes, little-endian, valid as long as it lives; what
     * is stored there by the device is not masked. [vcpu] */
    uint8_t *(*config)(struct tenon_dev *);
    /*
     * In create(): adds a capability of bytes bytes, its two of header included, behind those there
     * are.  initial and writable (NULL: zeros) are what it holds after a reset and the bits that
     * the guest may set, each from the byte after the header on.  Its offset, or -ENOSPC. [main]
     */
    int (*capability)(struct tenon_dev *, uint8_t id, unsigned bytes, const uint8_t *initial,
                      const uint8_t *writable);
    /* In create(): messages as interrupts; the host answers for the capability, and for MSI-X's
     * table and pending bits.  One of both, or both.  0, -EINVAL, -ENOSPC. [main] */
    int (*msi)(struct tenon_dev *, unsigned vectors);   /* 1, 2, 4, 8, 16 or 32 */
    int (*msix)(struct tenon_dev *, const struct tenon_msix *);
    /* Sends message n, or keeps it pending while it is masked; false if the guest has enabled
     * neither: then it is the interrupt line's to tell. [vcpu] */
    bool (*notify)(struct tenon_dev *, unsigned n);
};

/*
 * "tenon.pci-host/1" - an interface (ifaces) of the type that joins a PCI bus to the board; the bus
 * is there once its create() has returned.
 */
struct tenon_pci_host {
    uint32_t size;
    const char *bus_name;       /* "pci.0" */
    /* Pin p (0 to 3) of the function in slot s is interrupt (p + s + swizzle) % 4 of the bus. */
    int32_t swizzle;
};

/* "tenon.pci-bus/1" - the root bus, for who makes configuration accesses; from tenon_query(). */
struct tenon_pci_bus {
    uint32_t size;
    /* Register reg of devfn (slot * 8 + function) on bus; ones if nobody is there. [vcpu] */
    uint32_t (*read)(struct tenon_dev *, unsigned bus, unsigned devfn, unsigned reg, unsigned bytes);
    void (*write)(struct tenon_dev *, unsigned bus, unsigned devfn, unsigned reg, uint32_t value,
                  unsigned bytes);
};

/*
 * "tenon.pci-router/1" - an interface of the device (an ISA bridge) that takes the four interrupts
 * of the root bus; level is the OR of all who share one.
 */
struct tenon_pci_router {
    uint32_t size;
    void (*pirq)(void *self, unsigned n, bool level);                                   /* [vcpu] */
};

#endif
