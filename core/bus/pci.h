/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pci - the root PCI bus: configuration space, BARs, and interrupt pins. */
#ifndef TENON_CORE_PCI_H
#define TENON_CORE_PCI_H

#include <stdint.h>
#include <stdbool.h>

#include <tenon/pci.h>

struct inst;
struct machine;

int pci_bus_create(struct inst *host, const struct tenon_pci_host *ops);
void pci_bus_destroy(struct machine *m);

uint32_t pci_config_read(struct machine *m, unsigned bus, unsigned devfn, unsigned reg,
                         unsigned bytes);
void pci_config_write(struct machine *m, unsigned bus, unsigned devfn, unsigned reg, uint32_t value,
                      unsigned bytes);

uint8_t *pci_config(struct inst *inst);

/* The function of bus 0 at devfn, or NULL; the bytes that its BAR (0 to 5) decodes, 0 if there is
 * no such BAR.  [locked] */
struct inst *pci_function_at(struct machine *m, unsigned devfn);
uint64_t pci_bar_bytes(struct machine *m, unsigned devfn, unsigned bar);

#endif
