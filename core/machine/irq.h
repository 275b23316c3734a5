/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * irq - the board's interrupt inputs, and the way from its chips to the processors; what an
 * accelerator without chips of its own calls.
 */
#ifndef TENON_CORE_IRQ_H
#define TENON_CORE_IRQ_H

#include <tenon/irq.h>

#include "machine/machine.h"

extern const struct tenon_msi msi_service;

int board_wire_intr(struct tenon_dev *dev, uint32_t line);
int board_wire_ignne(struct tenon_dev *dev, uint32_t line);

/* The 8259A's vector for a processor that answers INTR; -ENODEV: there is none.  [any, locked] */
int machine_acknowledge(struct machine *m);
/* A message of a device: an interrupt for the processors, or a write of 4 bytes to RAM; whether
 * somebody took it.  [any, locked] */
bool machine_message(struct machine *m, uint64_t addr, uint32_t data);
/* Tells the I/O APICs that a level-triggered interrupt of that vector has ended.  [any, locked] */
void machine_eoi(struct machine *m, uint8_t vector);
/* FERR# of the first processor.  [any, locked] */
void machine_ferr(struct machine *m, bool level);
/* How many of the machine's inputs the device has pins for: those from 0 on. */
unsigned irq_inputs(const struct inst *inst);
/* A device has come or is about to go.  [main, locked] */
void machine_irq_forget(struct machine *m);

#endif
