/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* function - a function on the PCI bus, as the files of the bus share it. */
#ifndef TENON_CORE_PCI_FUNCTION_H
#define TENON_CORE_PCI_FUNCTION_H

#include <stdbool.h>
#include <stdint.h>

#include <tenon/pci.h>

#include "machine/inst.h"

enum {
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_CAPABILITIES = 0x34,
    CONFIG_BYTES = 256,
};
enum { COMMAND_IO = 1, COMMAND_MEMORY = 2, COMMAND_MASTER = 4, COMMAND_INTX_OFF = 0x400 };
enum { STATUS_INTERRUPT = 8, STATUS_CAPABILITIES = 0x10 };

struct pci_msi;
struct pci_msix;

struct pci_function {
    struct inst *inst;
    struct tenon_pci_ops ops;
    unsigned devfn;
    bool multifunction;
    bool pin;  /* what the function drives */
    bool seen; /* what of it reaches the bus: not with INTx disabled */
    struct tenon_bar bars[6];
    unsigned n_bars;
    uint8_t config[CONFIG_BYTES], writable[CONFIG_BYTES], clear[CONFIG_BYTES];
    uint8_t reset[CONFIG_BYTES], keep[CONFIG_BYTES];
    bool taken[CONFIG_BYTES]; /* by the header, a field or a capability */
    unsigned last_cap;        /* the capability that the next one is linked to; 0: none yet */
    struct pci_msi *msi;
    struct pci_msix *msix;
};

static inline uint32_t get(const uint8_t *at, unsigned bytes)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= (uint32_t)at[i] << 8 * i;
    return v;
}

static inline void put(uint8_t *at, uint32_t v, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = v >> 8 * i;
}

/* Whether an access to bytes bytes from reg on concerns the len bytes from at on. */
static inline bool pci_touches(unsigned reg, unsigned bytes, unsigned at, unsigned len)
{
    return reg < at + len && at < reg + bytes;
}

static inline struct pci_function *function_of(struct inst *inst)
{
    return inst->bus_state;
}

/* As in struct tenon_pci. */
int pci_capability(struct pci_function *f, uint8_t id, unsigned bytes, const uint8_t *initial,
                   const uint8_t *writable);

/* ---- msi.c ---- */

int pci_msi_init(struct pci_function *f, unsigned vectors);
int pci_msix_init(struct pci_function *f, const struct tenon_msix *msix);
void pci_msi_finish(struct pci_function *f);
/* Configuration space has been written from reg on; reset() has set it to its first values. */
void pci_msi_written(struct pci_function *f, unsigned reg, unsigned bytes);
void pci_msi_reset(struct pci_function *f);
/* The window has been moved, or taken away. */
void pci_msix_moved(struct pci_function *f, uint32_t window);
bool pci_notify(struct pci_function *f, unsigned n);
/* Whether messages take the interrupt line's place. */
bool pci_msi_enabled(const struct pci_function *f);

#endif
