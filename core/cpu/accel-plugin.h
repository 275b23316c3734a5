/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accel-plugin - an accelerator that is a plugin, as the core sees it. */
#ifndef TENON_CORE_ACCEL_PLUGIN_H
#define TENON_CORE_ACCEL_PLUGIN_H

struct accel;
struct config_group;
struct machine;
struct tenon_accel_host;

/* Makes accel the plugin called name; group is the option that asked for it, or NULL.  -errno: it
 * cannot, and why has been reported.  [main, locked] */
int accel_plugin_open(struct accel *accel, struct machine *m, const char *name,
                      const struct config_group *group);

extern const struct tenon_accel_host accel_host_service;

#endif
