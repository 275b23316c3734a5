/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* events - the trace events of the core: "trace(runstate_set, from, to)". */
#ifndef TENON_CORE_EVENTS_H
#define TENON_CORE_EVENTS_H

#include <inttypes.h>

#include "debug/trace.h"

/* Names are those of QEMU's list where it has the event. */
// clang-format off
#define CORE_EVENTS(E)                                                                             \
    E(runstate_set,                   "from %s to %s")                                             \
    E(qemu_system_shutdown_request,   "request %u code %d")                                        \
    E(system_wakeup_request,          "in state %s")                                               \
    E(guest_cpu_reset,                "cpu %u")                                                    \
    E(memory_region_ops_read,         "%s addr 0x%" PRIx64 " value 0x%" PRIx64 " size %u name '%s'") \
    E(memory_region_ops_write,        "%s addr 0x%" PRIx64 " value 0x%" PRIx64 " size %u name '%s'") \
    E(cpu_in,                         "addr 0x%x size %u value 0x%x")                              \
    E(cpu_out,                        "addr 0x%x size %u value 0x%x")                              \
    E(pci_cfg_read,                   "%s %02x:%02x.%x reg 0x%x size %u value 0x%x")               \
    E(pci_cfg_write,                  "%s %02x:%02x.%x reg 0x%x size %u value 0x%x")               \
    E(chardev_open,                   "id '%s' type %s")                                           \
    E(chardev_close,                  "id '%s'")                                                   \
    E(kvm_init_vcpu,                  "cpu %u apic %u")                                            \
    E(kvm_run_exit,                   "cpu %u reason %u")                                          \
    E(kvm_set_user_memory,            "slot %u flags 0x%x gpa 0x%" PRIx64 " bytes 0x%" PRIx64 " result %d")
// clang-format on

enum { CORE_EVENTS(TENON_EVENT_ID_) N_CORE_EVENTS };

/* A byte an event: whether it is on.  atomic */
extern uint8_t core_traced[N_CORE_EVENTS];

/* Never called: checks the arguments against the format. */
static inline void __attribute__((format(printf, 1, 2))) trace_format(const char *fmt, ...)
{
}

void trace_core(unsigned event, ...); /* [any] */

#define CORE_EVENT_FORMAT(name, format)                                                            \
    static const char tenon_format_##name[] __attribute__((unused)) = format;
CORE_EVENTS(CORE_EVENT_FORMAT)

#define traced(event) __builtin_expect(core_traced[TENON_EVENT_##event], 0)
#define trace(event, ...)                                                                          \
    do {                                                                                           \
        TENON_PROBE_(event, __VA_ARGS__);                                                          \
        if (traced(event)) {                                                                       \
            trace_format(tenon_format_##event, __VA_ARGS__);                                       \
            trace_core(TENON_EVENT_##event, __VA_ARGS__);                                          \
        }                                                                                          \
    } while (0)

#endif
