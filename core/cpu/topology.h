/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * topology - sockets, dies, cores and threads: what -smp says, and the APIC ids that follow from
 * it.
 *
 * An APIC id is four fields side by side, each as wide as its count needs (Intel SDM volume 3,
 * "Hierarchical mapping of shared resources"; AMD APM volume 3, CPUID Fn0000_000B):
 *
 *     socket | die | core | thread
 */
#ifndef TENON_CORE_CPU_TOPOLOGY_H
#define TENON_CORE_CPU_TOPOLOGY_H

#include <stdint.h>

#define CPU_TOPOLOGY_MAX 4096 /* processors; more than any machine takes */

struct cpu_topology {
    uint32_t cpus;    /* present at the start */
    uint32_t maxcpus; /* sockets * dies * clusters * cores * threads */
    uint32_t sockets, dies, clusters, cores, threads;
};

/* A processor's place in the machine. */
struct cpu_place {
    uint32_t socket, die, core, thread;
};

/*
 * Fills in what -smp left out: a field that is 0 was not given.  Cores are preferred to sockets,
 * and both to threads.  Reports under where and returns -EINVAL if the numbers do not agree. [any]
 */
int cpu_topology_complete(struct cpu_topology *topology, const char *where);

/* Where processor index is, counted threads first; index < maxcpus.  [any] */
struct cpu_place cpu_topology_place(const struct cpu_topology *topology, uint32_t index);

/* The APIC id of processor index.  [any] */
uint32_t cpu_topology_apic_id(const struct cpu_topology *topology, uint32_t index);

/* How far to shift an APIC id right to lose the thread, the core, and the die.  [any] */
unsigned cpu_topology_core_shift(const struct cpu_topology *topology);
unsigned cpu_topology_die_shift(const struct cpu_topology *topology);
unsigned cpu_topology_socket_shift(const struct cpu_topology *topology);

/* Threads in one die, and in one socket.  [any] */
uint32_t cpu_topology_die_threads(const struct cpu_topology *topology);
uint32_t cpu_topology_socket_threads(const struct cpu_topology *topology);

#endif
