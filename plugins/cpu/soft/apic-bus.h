/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* apic-bus - how local APICs are reached: between apic.c and apic-bus.c. */
#ifndef TENON_SOFT_APIC_BUS_H
#define TENON_SOFT_APIC_BUS_H

#include "apic.h"

enum apic_mode {
    SEND_FIXED,
    SEND_LOWEST,
    SEND_SMI,
    SEND_NMI = 4,
    SEND_INIT,
    SEND_SIPI,
    SEND_EXTINT
};
enum { LVT_REMOTE_IRR = 1 << 14, LVT_MASKED = 1 << 16, SVR_ENABLE = 0x100 };
enum { ERROR_SENT_VECTOR = 0x20, ERROR_GOT_VECTOR = 0x40, ERROR_ADDRESS = 0x80 }; /* of ESR */

/* Sends what the interrupt command register says.  [its thread] */
void apic_send(struct apic *a, uint32_t icr, uint32_t dest);
/* A local interrupt: by its LVT entry.  [any] */
void apic_lvt(struct apic *a, enum apic_lvt which);
/* The handler of a level-triggered interrupt is done: LINT0 may ask again.  [its thread] */
void apic_lint_eoi(struct apic *a, unsigned vector);
/* Notes an error of ESR, which may interrupt.  [any] */
void apic_error(struct apic *a, uint32_t bit);

#endif
