/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* runstate - running, pausing, resetting and ending a machine. */
#ifndef TENON_CORE_RUNSTATE_H
#define TENON_CORE_RUNSTATE_H

#include "machine/machine.h"

/* "running", "paused", "prelaunch"... as monitors say. */
const char *run_state_name(enum run_state state);

/* Told of each new run state, after it has come about.  [main, locked] */
struct run_listener {
    struct run_listener *next;
    void (*changed)(void *arg, enum run_state state);
    void *arg;
};
/* The caller keeps the listener.  [main, locked] */
void machine_listen(struct machine *m, struct run_listener *listener);
void machine_unlisten(struct machine *m, struct run_listener *listener);

#endif
