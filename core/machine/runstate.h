/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runstate - running, pausing, resetting and ending a machine. */
#ifndef TENON_CORE_RUNSTATE_H
#define TENON_CORE_RUNSTATE_H

#include "machine/machine.h"

/* "running", "paused", "prelaunch"... as monitors say. */
const char *run_state_name(enum run_state state);

#endif
