/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-topology - what -smp means, and the APIC ids that follow. */

#include <errno.h>

#include <glib.h>

#include "cpu-said.h"
#include "cpu/topology.h"

typedef struct cpu_topology topology;

static void completes(topology given, topology want)
{
    g_assert_cmpint(cpu_topology_complete(&given, "-smp"), ==, 0);
    g_assert_cmpuint(given.cpus, ==, want.cpus);
    g_assert_cmpuint(given.maxcpus, ==, want.maxcpus);
    g_assert_cmpuint(given.sockets, ==, want.sockets);
    g_assert_cmpuint(given.dies, ==, want.dies);
    g_assert_cmpuint(given.clusters, ==, 1);
    g_assert_cmpuint(given.cores, ==, want.cores);
    g_assert_cmpuint(given.threads, ==, want.threads);
}

static void test_complete(void)
{
    completes((topology){ 0 }, (topology){ 1, 1, 1, 1, 1, 1, 1 });
    completes((topology){ .cpus = 4 }, (topology){ 4, 4, 1, 1, 1, 4, 1 });
    completes((topology){ .cpus = 8, .sockets = 2 }, (topology){ 8, 8, 2, 1, 1, 4, 1 });
    completes((topology){ .cpus = 8, .cores = 2 }, (topology){ 8, 8, 4, 1, 1, 2, 1 });
    completes((topology){ .cpus = 8, .threads = 2 }, (topology){ 8, 8, 1, 1, 1, 4, 2 });
    completes((topology){ .cpus = 8, .sockets = 2, .cores = 2 }, (topology){ 8, 8, 2, 1, 1, 2, 2 });
    completes((topology){ .cpus = 16, .dies = 2, .threads = 2 },
              (topology){ 16, 16, 1, 2, 1, 4, 2 });
    completes((topology){ .sockets = 1, .cores = 1, .threads = 1 },
              (topology){ 1, 1, 1, 1, 1, 1, 1 });
    completes((topology){ .sockets = 2, .cores = 3, .threads = 2 },
              (topology){ 12, 12, 2, 1, 1, 3, 2 });
    completes((topology){ .cpus = 2, .maxcpus = 4, .sockets = 4, .cores = 1, .threads = 1 },
              (topology){ 2, 4, 4, 1, 1, 1, 1 });
    completes((topology){ .cpus = 2, .maxcpus = 6 }, (topology){ 2, 6, 1, 1, 1, 6, 1 });
    completes((topology){ .maxcpus = 6 }, (topology){ 6, 6, 1, 1, 1, 6, 1 });
}

static void refused(topology given, const char *want)
{
    GString *said = said_begin();

    g_assert_cmpint(cpu_topology_complete(&given, "-smp"), ==, -EINVAL);
    said_end(said, want);
}

static void test_refuse(void)
{
    refused(
        (topology){ .cpus = 6, .sockets = 2, .cores = 2, .threads = 2 },
        "tenon: -smp: sockets (2) * dies (1) * cores (2) * threads (2) = 8, but maxcpus is 6\n");
    refused(
        (topology){ .cpus = 3, .sockets = 2 },
        "tenon: -smp: sockets (2) * dies (1) * cores (1) * threads (1) = 2, but maxcpus is 3\n");
    refused(
        (topology){ .cpus = 1, .sockets = 2 },
        "tenon: -smp: sockets (2) * dies (1) * cores (1) * threads (1) = 2, but maxcpus is 1\n");
    refused((topology){ .cpus = 8, .maxcpus = 4 },
            "tenon: -smp: 8 processors do not fit maxcpus (4)\n");
    refused((topology){ .cpus = 4, .clusters = 2 },
            "tenon: -smp: clusters=2: a PC has no clusters; only 1 can be given\n");
    refused((topology){ .sockets = 4096, .cores = 4096, .threads = 4096 },
            "tenon: -smp: 68719476736 processors are more than 4096\n");
    refused((topology){ .cpus = UINT32_MAX }, "tenon: -smp: no more than 4096 can be given\n");
    refused((topology){ .cpus = 1, .sockets = 65536, .threads = 65536 },
            "tenon: -smp: no more than 4096 can be given\n");
}

static void test_apic_ids(void)
{
    /* 2 sockets * 2 dies * 3 cores * 2 threads: fields of 1, 1, 2 and 1 bits */
    static const uint32_t ids[24] = { 0,  1,  2,  3,  4,  5,  8,  9,  10, 11, 12, 13,
                                      16, 17, 18, 19, 20, 21, 24, 25, 26, 27, 28, 29 };
    topology t = { .sockets = 2, .dies = 2, .cores = 3, .threads = 2 };
    struct cpu_place place;

    g_assert_cmpint(cpu_topology_complete(&t, "-smp"), ==, 0);
    for (uint32_t i = 0; i < 24; i++)
        g_assert_cmpuint(cpu_topology_apic_id(&t, i), ==, ids[i]);
    g_assert_cmpuint(cpu_topology_core_shift(&t), ==, 1);
    g_assert_cmpuint(cpu_topology_die_shift(&t), ==, 3);
    g_assert_cmpuint(cpu_topology_socket_shift(&t), ==, 4);
    g_assert_cmpuint(cpu_topology_die_threads(&t), ==, 6);
    g_assert_cmpuint(cpu_topology_socket_threads(&t), ==, 12);

    place = cpu_topology_place(&t, 21);
    g_assert_cmpuint(place.socket, ==, 1);
    g_assert_cmpuint(place.die, ==, 1);
    g_assert_cmpuint(place.core, ==, 1);
    g_assert_cmpuint(place.thread, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cpu/topology/what is left out is filled in", test_complete);
    g_test_add_func("/cpu/topology/what does not multiply out is refused", test_refuse);
    g_test_add_func("/cpu/topology/APIC ids have a field for each level", test_apic_ids);
    return g_test_run();
}
