/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-intel-core - Intel Core processors from Nehalem to Skylake (Intel SDM volume 2, CPUID). */

#include "intel-sets.h"

// clang-format off
MODEL(nehalem_v1, "Nehalem-v1 Nehalem", INTEL(26, 3, 11),
      "Intel Core i7 9xx (Nehalem Class Core i7)", "", NEHALEM);
MODEL(nehalem_v2, "Nehalem-v2 Nehalem-IBRS", INTEL(26, 3, 11),
      "Intel Core i7 9xx (Nehalem Core i7, IBRS update)", "", NEHALEM IBRS);

MODEL(westmere_v1, "Westmere-v1 Westmere", INTEL(44, 1, 11),
      "Westmere E56xx/L56xx/X56xx (Nehalem-C)", "", WESTMERE);
MODEL(westmere_v2, "Westmere-v2 Westmere-IBRS", INTEL(44, 1, 11),
      "Westmere E56xx/L56xx/X56xx (IBRS update)", "", WESTMERE IBRS);

MODEL(sandybridge_v1, "SandyBridge-v1 SandyBridge", INTEL(42, 1, 13),
      "Intel Xeon E312xx (Sandy Bridge)", "", SANDY_BRIDGE);
MODEL(sandybridge_v2, "SandyBridge-v2 SandyBridge-IBRS", INTEL(42, 1, 13),
      "Intel Xeon E312xx (Sandy Bridge, IBRS update)", "", SANDY_BRIDGE IBRS);

MODEL(ivybridge_v1, "IvyBridge-v1 IvyBridge", INTEL(58, 9, 13),
      "Intel Xeon E3-12xx v2 (Ivy Bridge)", "", IVY_BRIDGE);
MODEL(ivybridge_v2, "IvyBridge-v2 IvyBridge-IBRS", INTEL(58, 9, 13),
      "Intel Xeon E3-12xx v2 (Ivy Bridge, IBRS)", "", IVY_BRIDGE IBRS);

MODEL(haswell_v1, "Haswell-v1 Haswell", INTEL(60, 4, 13),
      "Intel Core Processor (Haswell)", "", HASWELL);
MODEL(haswell_v2, "Haswell-v2 Haswell-noTSX", INTEL(60, 1, 13),
      "Intel Core Processor (Haswell, no TSX)", "", HASWELL NO_TSX);
MODEL(haswell_v3, "Haswell-v3 Haswell-IBRS", INTEL(60, 4, 13),
      "Intel Core Processor (Haswell, IBRS)", "", HASWELL IBRS);
MODEL(haswell_v4, "Haswell-v4 Haswell-noTSX-IBRS", INTEL(60, 1, 13),
      "Intel Core Processor (Haswell, no TSX, IBRS)", "", HASWELL IBRS NO_TSX);

MODEL(broadwell_v1, "Broadwell-v1 Broadwell", INTEL(61, 2, 13),
      "Intel Core Processor (Broadwell)", "", BROADWELL);
MODEL(broadwell_v2, "Broadwell-v2 Broadwell-noTSX", INTEL(61, 2, 13),
      "Intel Core Processor (Broadwell, no TSX)", "", BROADWELL NO_TSX);
MODEL(broadwell_v3, "Broadwell-v3 Broadwell-IBRS", INTEL(61, 2, 13),
      "Intel Core Processor (Broadwell, IBRS)", "", BROADWELL IBRS);
MODEL(broadwell_v4, "Broadwell-v4 Broadwell-noTSX-IBRS", INTEL(61, 2, 13),
      "Intel Core Processor (Broadwell, no TSX, IBRS)", "", BROADWELL IBRS NO_TSX);

MODEL(skylake_client_v1, "Skylake-Client-v1 Skylake-Client", INTEL(94, 3, 13),
      "Intel Core Processor (Skylake)", "", SKYLAKE);
MODEL(skylake_client_v2, "Skylake-Client-v2 Skylake-Client-IBRS", INTEL(94, 3, 13),
      "Intel Core Processor (Skylake, IBRS)", "", SKYLAKE IBRS);
MODEL(skylake_client_v3, "Skylake-Client-v3 Skylake-Client-noTSX-IBRS", INTEL(94, 3, 13),
      "Intel Core Processor (Skylake, IBRS, no TSX)", "", SKYLAKE IBRS NO_TSX);
MODEL(skylake_client_v4, "Skylake-Client-v4", INTEL(94, 3, 13),
      "Intel Core Processor (Skylake, IBRS, no TSX)", " [IBRS, XSAVES, no TSX]",
      SKYLAKE IBRS NO_TSX " xsaves");
// clang-format on

TENON_PLUGIN(&tenon_type_nehalem_v1, &tenon_type_nehalem_v2, &tenon_type_westmere_v1,
             &tenon_type_westmere_v2, &tenon_type_sandybridge_v1, &tenon_type_sandybridge_v2,
             &tenon_type_ivybridge_v1, &tenon_type_ivybridge_v2, &tenon_type_haswell_v1,
             &tenon_type_haswell_v2, &tenon_type_haswell_v3, &tenon_type_haswell_v4,
             &tenon_type_broadwell_v1, &tenon_type_broadwell_v2, &tenon_type_broadwell_v3,
             &tenon_type_broadwell_v4, &tenon_type_skylake_client_v1, &tenon_type_skylake_client_v2,
             &tenon_type_skylake_client_v3, &tenon_type_skylake_client_v4);
