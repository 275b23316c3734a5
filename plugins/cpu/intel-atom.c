/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-intel-atom - Intel Atom processors for servers (Intel SDM volume 2, CPUID). */

#include "intel-sets.h"

// clang-format off
#define DENVERTON WESTMERE IBRS " monitor movbe tsc-deadline x2apic xsave xsaveopt xsavec" \
                  " xgetbv1 rdrand fsgsbase smep erms mpx rdseed smap clflushopt sha-ni ssbd" \
                  " 3dnowprefetch pdpe1gb rdtscp arch-capabilities"
#define SNOWRIDGE DENVERTON " clwb umip gfni cldemote movdiri movdir64b core-capability" \
                  " split-lock-detect"
#define NO_L1TF   " rdctl-no skip-l1dfl-vmentry"

MODEL(denverton_v1, "Denverton-v1 Denverton", INTEL(95, 1, 21),
      "Intel Atom Processor (Denverton)", "", DENVERTON NO_L1TF);
MODEL(denverton_v2, "Denverton-v2", INTEL(95, 1, 21),
      "Intel Atom Processor (Denverton)", " [no MPX, no MONITOR]",
      DENVERTON NO_L1TF " -monitor -mpx");
MODEL(denverton_v3, "Denverton-v3", INTEL(95, 1, 21),
      "Intel Atom Processor (Denverton)", " [XSAVES, no MPX, no MONITOR]",
      DENVERTON NO_L1TF " -monitor -mpx xsaves");

MODEL(snowridge_v1, "Snowridge-v1 Snowridge", INTEL(134, 1, 27),
      "Intel Atom Processor (SnowRidge)", "", SNOWRIDGE);
MODEL(snowridge_v2, "Snowridge-v2", INTEL(134, 1, 27),
      "Intel Atom Processor (Snowridge, no MPX)", "", SNOWRIDGE " -mpx");
MODEL(snowridge_v3, "Snowridge-v3", INTEL(134, 1, 27),
      "Intel Atom Processor (Snowridge, no MPX)", " [XSAVES, no MPX]", SNOWRIDGE " -mpx xsaves");
MODEL(snowridge_v4, "Snowridge-v4", INTEL(134, 1, 27),
      "Intel Atom Processor (Snowridge, no MPX)", " [no split lock detect, no core-capability]",
      SNOWRIDGE " -mpx xsaves -core-capability -split-lock-detect");
// clang-format on

TENON_PLUGIN(&tenon_type_denverton_v1, &tenon_type_denverton_v2, &tenon_type_denverton_v3,
             &tenon_type_snowridge_v1, &tenon_type_snowridge_v2, &tenon_type_snowridge_v3,
             &tenon_type_snowridge_v4);
