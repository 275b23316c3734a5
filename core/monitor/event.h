/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* event - what happens, told to all QMP monitors. */
#ifndef TENON_CORE_MONITOR_EVENT_H
#define TENON_CORE_MONITOR_EVENT_H

#include <jansson.h>

struct machine;

/* name is one of the tables' events; its data are as json_pack() makes them of fmt and what follows
 * (NULL: there are none).  They are not made while nobody could be told.  [any, locked] */
void event_emit(struct machine *m, const char *name, const char *fmt, ...);
/* The same of data that are made already, or NULL; takes them.  [any, locked] */
void event_emit_data(struct machine *m, const char *name, json_t *data);

#endif
