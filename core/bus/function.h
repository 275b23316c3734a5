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
struct pci_function;

/* A base address register, and what the guest moves by it: the type's window, or the core's. */
struct pci_bar {
    unsigned index;
    uint32_t flags; /* TENON_BAR_* */
    bool io;
    struct mapping *map;
};

/* Of a function that is the core's own work: accesses to its configuration space. */
struct pci_hooks {
    void (*reading)(struct pci_function *f, unsigned reg, unsigned bytes); /* it is about to be */
    void (*written)(struct pci_function *f, unsigned reg, unsigned bytes); /* not by a reset */
};

struct pci_function {
    struct inst *inst;
    struct tenon_pci_ops ops;
    unsigned devfn;
    bool multifunction;
    bool pin;  /* what the function drives */
    bool seen; /* what of it reaches the bus: not with INTx disabled */
    struct pci_bar bars[6];
    unsigned n_bars;
    const struct pci_hooks *hooks; /* or NULL */
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

/*
 * For buses whose devices are functions here.  pci_join() finds the function of inst, which has no
 * BARs and fields yet, its place, as the settings "addr", "bus" and "multifunction" say; f, which
 * may begin something larger, is zeroed, becomes inst's bus_state and is freed by pci_leave().  0,
 * or -errno and why has been reported: then f is still the caller's.
 */
int pci_join(struct pci_function *f, struct inst *inst, const struct tenon_pci_ops *ops,
             const struct setting *settings, unsigned n);
void pci_leave(struct inst *inst);
void pci_reset(struct inst *inst);
char *pci_setting(const struct inst *inst, const char *key);
/* Drives the interrupt pin. */
void pci_pin(struct pci_function *f, bool level);
/* -EINVAL: it cannot be. */
int pci_add_bar(struct pci_function *f, const struct pci_bar *bar);
/* The settings that a function's place is told by. */
// clang-format off
#define PCI_PROPS                                                                                  \
    { .name = "addr", .type = TENON_STR, .help = "slot and function, in hexadecimal: 6 or 6.1" },  \
    { .name = "bus", .type = TENON_STR, .help = "the bus it is on" },                              \
    { .name = "multifunction", .type = TENON_BOOL,                                                 \
      .help = "on if its slot has further functions" }
// clang-format on

/* As in struct tenon_pci. */
int pci_capability(struct pci_function *f, uint8_t id, unsigned bytes, const uint8_t *initial,
                   const uint8_t *writable);

/* ---- msi.c ---- */

int pci_msi_init(struct pci_function *f, unsigned vectors);
int pci_msix_init(struct pci_function *f, const struct tenon_msix *msix);
/* Table and pending bits at these places of a BAR. */
int pci_msix_at(struct pci_function *f, const struct mapping *window, unsigned vectors,
                uint32_t table, uint32_t pending);
void pci_msi_finish(struct pci_function *f);
/* Configuration space has been written from reg on; reset() has set it to its first values. */
void pci_msi_written(struct pci_function *f, unsigned reg, unsigned bytes);
void pci_msi_reset(struct pci_function *f);
/* The window has been moved, or taken away. */
void pci_msix_moved(struct pci_function *f, const struct mapping *window);
bool pci_notify(struct pci_function *f, unsigned n);
/* Whether messages take the interrupt line's place. */
bool pci_msi_enabled(const struct pci_function *f);
/* Whether the guest has enabled MSI-X, masked or not. */
bool pci_msix_enabled(const struct pci_function *f);

#endif
