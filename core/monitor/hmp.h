/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hmp - a monitor for people: what its commands need of it. */
#ifndef TENON_CORE_MONITOR_HMP_H
#define TENON_CORE_MONITOR_HMP_H

#include <glib.h>

struct session;

/* The lines typed so far, oldest first; NULL if the session keeps none. */
const GPtrArray *hmp_history(const struct session *s);

#endif
