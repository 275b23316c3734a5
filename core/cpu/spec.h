/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * spec - the argument of -cpu, taken apart:
 * MODEL[,+FEATURE][,-FEATURE][,FEATURE=on|off][,PROP=VALUE].
 *
 * Nothing is looked up but names of features and properties: whether there is such a model, and
 * what of it the host can do, is found out by cpu_resolve().
 */
#ifndef TENON_CORE_CPU_SPEC_H
#define TENON_CORE_CPU_SPEC_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "cpu/features.h"

/* Properties that mean something here; the rest of those that QEMU knows are in the table alone. */
enum cpu_prop {
    CPU_PROP_VENDOR,
    CPU_PROP_MODEL_ID,
    CPU_PROP_FAMILY,
    CPU_PROP_MODEL,
    CPU_PROP_STEPPING,
    CPU_PROP_LEVEL,
    CPU_PROP_MIN_LEVEL,
    CPU_PROP_XLEVEL,
    CPU_PROP_MIN_XLEVEL,
    CPU_PROP_LEVEL_FUNC7,
    CPU_PROP_FULL_AUTO_LEVEL,
    CPU_PROP_PHYS_BITS,
    CPU_PROP_HOST_PHYS_BITS,
    CPU_PROP_HOST_PHYS_BITS_LIMIT,
    CPU_PROP_CHECK,
    CPU_PROP_ENFORCE,
    CPU_PROP_MIGRATABLE,
    CPU_PROP_PMU,
    CPU_PROP_KVM,
    CPU_PROP_L3_CACHE,
    CPU_PROP_LEGACY_CACHE,
    CPU_PROP_HOST_CACHE_INFO,
    CPU_PROP_CPUID_0XB,
    CPU_PROP_VMWARE_CPUID_FREQ,
    CPU_PROP_TSC_FREQUENCY, /* Hz; for the accelerator too */
    CPU_PROPS,
    CPU_PROP_OTHER = CPU_PROPS
};

struct cpu_spec {
    const char *where; /* the option as typed, for messages; the caller's */
    char *model;
    struct cpu_features on, off; /* what was asked for by name; never both */
    bool given[CPU_PROPS];
    uint64_t number[CPU_PROPS]; /* as given, or the default */
    char *text[CPU_PROPS];      /* NULL if not given */
};

/*
 * Takes arg apart.  Later settings win.  Reports everything that is wrong, a line each, under
 * where, and returns -EINVAL; hv-* that is switched on is only warned of.  finish() is due either
 * way. [any]
 */
int cpu_spec_parse(struct cpu_spec *spec, const char *arg, const char *where);
void cpu_spec_finish(struct cpu_spec *spec);

/* A model as lists show it: what its plugin's card says. */
struct cpu_card {
    const char *names; /* the first is its own, the others are aliases; between spaces */
    const char *help;
};

/* What -cpu help prints: the models, host and max, and the features.  [any] */
void cpu_help(FILE *to, const struct cpu_card *cards, unsigned n);

#endif
