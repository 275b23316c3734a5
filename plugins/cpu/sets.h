/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* sets - features that several families of processors have in common. */
#ifndef SETS_H
#define SETS_H

#include <tenon/cpu.h>

// clang-format off
#define PENTIUM  "fpu vme de pse tsc msr mce cx8 apic mmx"
#define P6       PENTIUM " pae sep mtrr pge mca cmov pat pse36 fxsr"
#define SSE2     P6 " sse sse2"
#define X86_64   SSE2 " clflush pni syscall nx lm"

/* What CPUID says of the chip itself; family and model with their extended parts. */
#define CHIP(vendor_, family_, model_, stepping_, level_, xlevel_)                                 \
    .vendor = vendor_, .family = family_, .model = model_, .stepping = stepping_,                  \
    .level = level_, .xlevel = xlevel_
#define INTEL(model_, stepping_, level_)                                                           \
    CHIP("GenuineIntel", 6, model_, stepping_, level_, 0x80000008)
#define AMD(family_, model_, stepping_, level_, xlevel_)                                           \
    CHIP("AuthenticAMD", family_, model_, stepping_, level_, xlevel_)

/* notes follow the brand string in lists. */
#define MODEL(id, names, chip, brand, notes, features_)                                            \
    TENON_CPU_MODEL(id, names, brand notes, .model_id = brand, .features = features_, chip)
// clang-format on

#endif
