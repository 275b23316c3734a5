/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event - what happens, told to all QMP monitors. */
#ifndef TENON_CORE_MONITOR_EVENT_H
#define TENON_CORE_MONITOR_EVENT_H

#include <jansson.h>

struct machine;

/* Takes data, which may be NULL; name is one of the tables' events.  [any, locked] */
void event_emit(struct machine *m, const char *name, json_t *data);

#endif
