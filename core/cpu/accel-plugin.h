/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* accel-plugin - an accelerator that is a plugin, as the core sees it. */
#ifndef TENON_CORE_ACCEL_PLUGIN_H
#define TENON_CORE_ACCEL_PLUGIN_H

#include <stdbool.h>
#include <stdint.h>

struct accel;
struct config_group;
struct guest;
struct machine;
struct processor;
struct tenon_accel_host;
struct tenon_debug_point;
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
/* What a helper asks of who is helped; see tenon_accel_host.  [vcpu, unlocked] */
struct helped {
    /* Accesses to what the machine's spaces do not have. */
    uint64_t (*read)(struct vcpu *cpu, bool port, uint64_t addr, unsigned size);
    void (*write)(struct vcpu *cpu, bool port, uint64_t addr, uint64_t value, unsigned size);
    bool (*msr)(struct vcpu *cpu, bool write, uint32_t index, uint64_t *value);
    uint64_t (*tsc)(struct vcpu *cpu);
    int (*interrupt)(struct vcpu *cpu, unsigned how);
    void (*wake)(struct vcpu *cpu); /* ends interrupt() with TENON_TAKE_SLEEP.  [any] */
};
/* Its processor for cpu; NULL: it cannot be made.  [vcpu, unlocked] */
struct processor *accel_helper_processor(struct guest *helper, struct vcpu *cpu,
                                         const struct helped *helped);
void accel_helper_drop(struct processor *p);
/* tenon_accel_ops.assist and stand_in, which it may lack.  [vcpu, unlocked, its readers online] */
int accel_helper_assist(struct processor *p, struct tenon_x86_state *state);
bool accel_helper_stands_in(const struct guest *helper);
int accel_helper_stand_in(struct processor *p, struct tenon_x86_state *state);
/* tenon_accel_ops.debug and cpu_step, for stand_in(). */
void accel_helper_debug(struct guest *helper, const struct tenon_debug_point *points, unsigned n);
void accel_helper_step(struct processor *p, unsigned flags);
/* Makes stand_in() look at must_stop() soon.  [any] */
void accel_helper_kick(struct processor *p);

extern const struct tenon_accel_host accel_host_service;

#endif
