/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accel-plugin - an accelerator that is a plugin, as the core sees it. */
#ifndef TENON_CORE_ACCEL_PLUGIN_H
#define TENON_CORE_ACCEL_PLUGIN_H

struct accel;
struct config_group;
struct guest;
struct machine;
struct processor;
struct tenon_accel_host;
struct tenon_x86_state;
struct vcpu;

/* Makes accel the plugin called name; group is the option that asked for it, or NULL.  -errno: it
 * cannot, and why has been reported.  [main, locked] */
int accel_plugin_open(struct accel *accel, struct machine *m, const char *name,
                      const struct config_group *group);

/*
 * The plugin called name as a helper of the machine's accelerator: it executes what that cannot.
 * NULL: there is none, or it helps nobody, and why has been reported.  [locked]
 */
struct guest *accel_helper_open(struct machine *m, const char *name);
void accel_helper_close(struct guest *helper);
/* Its processor that stands in for cpu; NULL: it cannot be made.  [vcpu, unlocked] */
struct processor *accel_helper_processor(struct guest *helper, struct vcpu *cpu);
void accel_helper_drop(struct processor *p);
/* tenon_accel_ops.assist.  [vcpu, unlocked, its readers online] */
int accel_helper_assist(struct processor *p, struct tenon_x86_state *state, unsigned most);

extern const struct tenon_accel_host accel_host_service;

#endif
