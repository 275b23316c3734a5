/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qtest - what the accelerator of device tests remembers. */
#ifndef TENON_CORE_QTEST_H
#define TENON_CORE_QTEST_H

#include <stdbool.h>
#include <stdint.h>

struct accel;

/* The level of input gsi (below N_GSIS), and how often it has risen since the start.  [any] */
bool qtest_level(const struct accel *accel, unsigned gsi);
unsigned qtest_edges(const struct accel *accel, unsigned gsi);

/* With kernel-irqchip=off: the 8259A's INTR, and the messages sent, of which as many wait to be
 * taken.  refuse: no processor takes any.  [any, locked] */
enum { QTEST_MSIS = 64 };
struct qtest_msi {
    uint64_t addr;
    uint32_t data;
};
bool qtest_intr(const struct accel *accel);
bool qtest_take_msi(struct accel *accel, struct qtest_msi *msi);
void qtest_refuse_msis(struct accel *accel, bool refuse);

#endif
