/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qtest - what the accelerator of device tests remembers. */
#ifndef TENON_CORE_QTEST_H
#define TENON_CORE_QTEST_H

#include <stdbool.h>

struct accel;

/* The level of input gsi (below N_GSIS), and how often it has risen since the start.  [any] */
bool qtest_level(const struct accel *accel, unsigned gsi);
unsigned qtest_edges(const struct accel *accel, unsigned gsi);

#endif
