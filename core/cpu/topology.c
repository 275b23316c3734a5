/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* topology - sockets, dies, cores and threads: what -smp says, and the APIC ids that follow from
 * it. */

#include "cpu/topology.h"

#include <errno.h>

#include <glib.h>

#include "report.h"

/* Bits that hold the numbers 0 to count - 1. */
static unsigned width(uint32_t count)
{
    return count > 1 ? 32 - __builtin_clz(count - 1) : 0;
}

unsigned cpu_topology_core_shift(const struct cpu_topology *topology)
{
    return width(topology->threads);
}

unsigned cpu_topology_die_shift(const struct cpu_topology *topology)
{
    return cpu_topology_core_shift(topology) + width(topology->cores);
}

unsigned cpu_topology_socket_shift(const struct cpu_topology *topology)
{
    return cpu_topology_die_shift(topology) + width(topology->dies);
}

uint32_t cpu_topology_die_threads(const struct cpu_topology *topology)
{
    return topology->cores * topology->threads;
}

uint32_t cpu_topology_socket_threads(const struct cpu_topology *topology)
{
    return topology->dies * cpu_topology_die_threads(topology);
}

struct cpu_place cpu_topology_place(const struct cpu_topology *topology, uint32_t index)
{
    uint32_t core = index / topology->threads;
    uint32_t die = core / topology->cores;

    return (struct cpu_place){
        .socket = die / topology->dies,
        .die = die % topology->dies,
        .core = core % topology->cores,
        .thread = index % topology->threads,
    };
}

uint32_t cpu_topology_apic_id(const struct cpu_topology *topology, uint32_t index)
{
    struct cpu_place place = cpu_topology_place(topology, index);

    return place.socket << cpu_topology_socket_shift(topology) |
           place.die << cpu_topology_die_shift(topology) |
           place.core << cpu_topology_core_shift(topology) | place.thread;
}

/* Of all levels; no overflow, for there are four, each at most CPU_TOPOLOGY_MAX. */
static uint64_t product(const struct cpu_topology *t)
{
    return (uint64_t)t->sockets * t->dies * t->clusters * t->cores * t->threads;
}

static int check(const struct cpu_topology *t, const char *where)
{
    if (product(t) != t->maxcpus) {
        report(where,
               "sockets (%u) * dies (%u) * cores (%u) * threads (%u) = %" G_GUINT64_FORMAT
               ", but maxcpus is %u",
               t->sockets, t->dies, t->cores, t->threads, product(t), t->maxcpus);
        return -EINVAL;
    }
    if (t->cpus > t->maxcpus) {
        report(where, "%u processors do not fit maxcpus (%u)", t->cpus, t->maxcpus);
        return -EINVAL;
    }
    return 0;
}

static uint32_t or_one(uint32_t given)
{
    return given ? given : 1;
}

int cpu_topology_complete(struct cpu_topology *t, const char *where)
{
    uint32_t total = t->maxcpus ? t->maxcpus : t->cpus;

    if (MAX(MAX(t->cpus, t->maxcpus), MAX(t->sockets, t->dies)) > CPU_TOPOLOGY_MAX ||
        MAX(t->cores, t->threads) > CPU_TOPOLOGY_MAX) {
        report(where, "no more than %d can be given", CPU_TOPOLOGY_MAX);
        return -EINVAL;
    }
    if (t->clusters > 1) {
        report(where, "clusters=%u: a PC has no clusters; only 1 can be given", t->clusters);
        return -EINVAL;
    }
    t->clusters = 1;
    t->dies = or_one(t->dies);

    if (!total) {
        t->sockets = or_one(t->sockets);
        t->cores = or_one(t->cores);
        t->threads = or_one(t->threads);
        if (product(t) > CPU_TOPOLOGY_MAX) {
            report(where, "%" G_GUINT64_FORMAT " processors are more than %d", product(t),
                   CPU_TOPOLOGY_MAX);
            return -EINVAL;
        }
        total = product(t);
    } else if (!t->cores) {
        t->sockets = or_one(t->sockets);
        t->threads = or_one(t->threads);
        t->cores = or_one(total / ((uint64_t)t->sockets * t->dies * t->threads));
    } else if (!t->sockets) {
        t->threads = or_one(t->threads);
        t->sockets = or_one(total / ((uint64_t)t->dies * t->cores * t->threads));
    } else if (!t->threads) {
        t->threads = or_one(total / ((uint64_t)t->sockets * t->dies * t->cores));
    }
    t->maxcpus = total;
    t->cpus = t->cpus ? t->cpus : total;
    return check(t, where);
}
