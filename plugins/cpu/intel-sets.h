/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* intel-sets - what each of Intel's generations added (Intel SDM volume 2, CPUID). */
#ifndef INTEL_SETS_H
#define INTEL_SETS_H

#include "sets.h"

// clang-format off
#define NEHALEM      X86_64 " ssse3 cx16 sse4.1 sse4.2 popcnt lahf-lm"
#define WESTMERE     NEHALEM " pclmulqdq aes arat"
#define SANDY_BRIDGE WESTMERE " x2apic tsc-deadline xsave xsaveopt avx rdtscp"
#define IVY_BRIDGE   SANDY_BRIDGE " f16c rdrand fsgsbase smep erms"
#define HASWELL      IVY_BRIDGE " fma pcid movbe bmi1 avx2 bmi2 invpcid abm" TSX
#define BROADWELL    HASWELL " rdseed adx smap 3dnowprefetch"
#define SKYLAKE      BROADWELL " xsavec xgetbv1"
#define SKYLAKE_X    SKYLAKE " avx512f avx512dq clflushopt clwb avx512cd avx512bw avx512vl pku" \
                     " pdpe1gb"
#define TSX          " hle rtm"
#define NO_TSX       " -hle -rtm"
#define IBRS         " spec-ctrl"
// clang-format on

#endif
