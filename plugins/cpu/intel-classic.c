/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-intel-classic - Intel's processors from the 486 to the Core 2 (Intel SDM volume 2, CPUID). */

#include "sets.h"

// clang-format off
#define CORE_DUO SSE2 " acpi ss clflush pni monitor nx -pse36"
#define CORE_2   X86_64 " ssse3 lahf-lm"

MODEL(i486, "486-v1 486", CHIP("GenuineIntel", 4, 8, 0, 1, 0),
      "", "Intel 486", "fpu vme pse");
MODEL(pentium, "pentium-v1 pentium", CHIP("GenuineIntel", 5, 4, 3, 1, 0),
      "", "Intel Pentium with MMX", PENTIUM);
MODEL(pentium2, "pentium2-v1 pentium2", CHIP("GenuineIntel", 6, 5, 2, 2, 0),
      "", "Intel Pentium II", P6);
MODEL(pentium3, "pentium3-v1 pentium3", CHIP("GenuineIntel", 6, 7, 3, 3, 0),
      "", "Intel Pentium III", P6 " sse");
MODEL(coreduo, "coreduo-v1 coreduo", INTEL(14, 8, 10),
      "Genuine Intel(R) CPU           T2600  @ 2.16GHz", "", CORE_DUO);
MODEL(n270, "n270-v1 n270", INTEL(28, 2, 10),
      "Intel(R) Atom(TM) CPU N270   @ 1.60GHz", "", CORE_DUO " ssse3 movbe lahf-lm");
MODEL(core2duo, "core2duo-v1 core2duo", INTEL(15, 11, 10),
      "Intel(R) Core(TM)2 Duo CPU     T7700  @ 2.40GHz", "", CORE_2 " acpi ss monitor cx16");
MODEL(conroe, "Conroe-v1 Conroe", INTEL(15, 3, 10),
      "Intel Celeron_4x0 (Conroe/Merom Class Core 2)", "", CORE_2);
MODEL(penryn, "Penryn-v1 Penryn", INTEL(23, 3, 10),
      "Intel Core 2 Duo P9xxx (Penryn Class Core 2)", "", CORE_2 " cx16 sse4.1");
// clang-format on

TENON_PLUGIN(&tenon_type_i486, &tenon_type_pentium, &tenon_type_pentium2, &tenon_type_pentium3,
             &tenon_type_coreduo, &tenon_type_n270, &tenon_type_core2duo, &tenon_type_conroe,
             &tenon_type_penryn);
