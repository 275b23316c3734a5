/* SPDX-License-Identifier: MIT-0 */
/* tenon/cpu.h - models of x86 processors, for -cpu: tables, no code. */
/* clang-format off */
#ifndef TENON_CPU_H
#define TENON_CPU_H

#include <tenon/plugin.h>

/* One cache, its lines 64 bytes long; all zero: the processor has none. */
struct tenon_cpu_cache {
    uint32_t kib;
    uint32_t ways;
};

/* "tenon.cpu/1" - the ops of a processor model: what CPUID says of it. */
struct tenon_cpu_model {
    uint32_t size;
    uint32_t level;             /* the last basic leaf, and the last extended one */
    uint32_t xlevel;
    uint32_t family;            /* with the extended family added */
    uint32_t model;             /* with the extended model in bits 7 to 4 */
    uint32_t stepping;
    const char *vendor;         /* twelve characters */
    const char *model_id;       /* up to 48 characters: the brand string */
    /* Names of features between spaces, as -cpu takes them.  They are taken in order: "-name" takes
     * away what came before, so that a model can build upon another one. */
    const char *features;
    struct tenon_cpu_cache l1d, l1i, l2, l3; /* all zero: what is usual for the vendor */
};

/*
 * Defines tenon_type_ID, a model.  names as for TENON_TYPE.
 *
 *     TENON_CPU_MODEL(haswell, "Haswell-v1 Haswell", "Intel Core Processor (Haswell)",
 *                     .vendor = "GenuineIntel", .family = 6, .model = 60, ...);
 */
#define TENON_CPU_MODEL(id, names_, help_, ...)                                                    \
    struct id {                                                                                    \
        struct tenon_dev *dev;                                                                      \
    };                                                                                             \
    static const struct tenon_cpu_model tenon_cpu_##id = {                                         \
        .size = sizeof(struct tenon_cpu_model), __VA_ARGS__                                        \
    };                                                                                             \
    TENON_TYPE(id, "cpu", names_, "", "", help_, "tenon.cpu/1", .ops = &tenon_cpu_##id)

#endif
