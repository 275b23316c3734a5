/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* spice - the server of -spice. */
#ifndef TENON_CORE_SPICE_H
#define TENON_CORE_SPICE_H

#include <stdbool.h>

struct machine;

/* Starts the server if the command line asks for one.  False: it cannot, and why has been reported.
 * [main, locked] */
bool spice_create(struct machine *m);

#endif
