/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* processors - how many, which model, and what each one's CPUID says. */
#ifndef TENON_CORE_PROCESSORS_H
#define TENON_CORE_PROCESSORS_H

struct cpu;
struct cpu_spec;
struct cpu_topology;
struct machine;
struct tenon_machine_ops;

/* Reads -smp into m->info; 0, or -EINVAL and why has been reported.  [main] */
int processors_count(struct machine *m, const struct tenon_machine_ops *ops);
/* Makes m->cpus and their CPUID of -cpu and what the accelerator can.  [main] */
int processors_resolve(struct machine *m, const struct tenon_machine_ops *ops);
/* What a processor of that kind would be in this machine; NULL: it cannot be, and why has been
 * reported.  To be freed with cpu_destroy().  [main, locked] */
struct cpu *processors_model(struct machine *m, const struct cpu_spec *spec,
                             const struct cpu_topology *topology);
void processors_free(struct machine *m);

#endif
