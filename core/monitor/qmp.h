/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qmp - a monitor for programs: what its commands need of it. */
#ifndef TENON_CORE_MONITOR_QMP_H
#define TENON_CORE_MONITOR_QMP_H

#include "monitor/schema.h"

struct session;

/* VersionInfo. */
json_t *qmp_version(void);
/* qmp_capabilities has been done. */
void qmp_negotiated(struct session *s, bool oob);

#endif
