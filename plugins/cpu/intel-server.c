/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-intel-server - Intel Xeon processors from Skylake on, and the Xeon Phi (Intel SDM). */

#include "intel-sets.h"

// clang-format off
#define SKYLAKE_V2     SKYLAKE_X IBRS " -clflushopt"
#define CASCADELAKE    SKYLAKE_X IBRS " avx512vnni ssbd"
#define CASCADELAKE_V2 CASCADELAKE " arch-capabilities rdctl-no ibrs-all skip-l1dfl-vmentry mds-no"
#define COOPERLAKE     CASCADELAKE_V2 " avx512-bf16 stibp pschange-mc-no taa-no"
#define ICELAKE        CASCADELAKE " avx512vbmi umip avx512vbmi2 gfni vaes vpclmulqdq" \
                       " avx512bitalg avx512-vpopcntdq la57 wbnoinvd"
#define ICELAKE_V3     ICELAKE NO_TSX " arch-capabilities rdctl-no ibrs-all skip-l1dfl-vmentry" \
                       " mds-no pschange-mc-no taa-no"
#define ICELAKE_V4     ICELAKE_V3 " sha-ni avx512ifma rdpid fsrm"
#define SAPPHIRE       ICELAKE_V4 TSX " waitpkg bus-lock-detect cldemote movdiri movdir64b" \
                       " serialize tsx-ldtrk amx-bf16 amx-tile amx-int8 avx512-fp16 avx-vnni" \
                       " avx512-bf16 fzrm fsrs fsrc xfd xsaves sbdr-ssdp-no fbsdp-no psdp-no"
#define KNIGHTS_MILL   BROADWELL NO_TSX " ss avx512f avx512pf avx512er avx512cd avx512-vpopcntdq" \
                       " avx512-4vnniw avx512-4fmaps pdpe1gb -pcid -invpcid -smap"

MODEL(skylake_server_v1, "Skylake-Server-v1 Skylake-Server", INTEL(85, 4, 13),
      "Intel Xeon Processor (Skylake)", "", SKYLAKE_X);
MODEL(skylake_server_v2, "Skylake-Server-v2 Skylake-Server-IBRS", INTEL(85, 4, 13),
      "Intel Xeon Processor (Skylake, IBRS)", "", SKYLAKE_V2);
MODEL(skylake_server_v3, "Skylake-Server-v3 Skylake-Server-noTSX-IBRS", INTEL(85, 4, 13),
      "Intel Xeon Processor (Skylake, IBRS, no TSX)", "", SKYLAKE_V2 NO_TSX);
MODEL(skylake_server_v4, "Skylake-Server-v4", INTEL(85, 4, 13),
      "Intel Xeon Processor (Skylake, IBRS, no TSX)", " [IBRS, EPT switching, no TSX]",
      SKYLAKE_V2 NO_TSX);
MODEL(skylake_server_v5, "Skylake-Server-v5", INTEL(85, 4, 13),
      "Intel Xeon Processor (Skylake, IBRS, no TSX)", " [IBRS, XSAVES, EPT switching, no TSX]",
      SKYLAKE_V2 NO_TSX " xsaves");

MODEL(cascadelake_server_v1, "Cascadelake-Server-v1 Cascadelake-Server", INTEL(85, 6, 13),
      "Intel Xeon Processor (Cascadelake)", "", CASCADELAKE);
MODEL(cascadelake_server_v2, "Cascadelake-Server-v2", INTEL(85, 6, 13),
      "Intel Xeon Processor (Cascadelake)", " [ARCH_CAPABILITIES]", CASCADELAKE_V2);
MODEL(cascadelake_server_v3, "Cascadelake-Server-v3 Cascadelake-Server-noTSX", INTEL(85, 6, 13),
      "Intel Xeon Processor (Cascadelake)", " [ARCH_CAPABILITIES, no TSX]", CASCADELAKE_V2 NO_TSX);
MODEL(cascadelake_server_v4, "Cascadelake-Server-v4", INTEL(85, 6, 13),
      "Intel Xeon Processor (Cascadelake)", " [ARCH_CAPABILITIES, EPT switching, no TSX]",
      CASCADELAKE_V2 NO_TSX);
MODEL(cascadelake_server_v5, "Cascadelake-Server-v5", INTEL(85, 6, 13),
      "Intel Xeon Processor (Cascadelake)", " [ARCH_CAPABILITIES, EPT switching, XSAVES, no TSX]",
      CASCADELAKE_V2 NO_TSX " xsaves");

MODEL(cooperlake_v1, "Cooperlake-v1 Cooperlake", INTEL(85, 10, 13),
      "Intel Xeon Processor (Cooperlake)", "", COOPERLAKE);
MODEL(cooperlake_v2, "Cooperlake-v2", INTEL(85, 10, 13),
      "Intel Xeon Processor (Cooperlake)", " [XSAVES]", COOPERLAKE " xsaves");

MODEL(icelake_server_v1, "Icelake-Server-v1 Icelake-Server", INTEL(134, 0, 13),
      "Intel Xeon Processor (Icelake)", "", ICELAKE);
MODEL(icelake_server_v2, "Icelake-Server-v2 Icelake-Server-noTSX", INTEL(134, 0, 13),
      "Intel Xeon Processor (Icelake)", " [no TSX]", ICELAKE NO_TSX);
MODEL(icelake_server_v3, "Icelake-Server-v3", INTEL(134, 0, 13),
      "Intel Xeon Processor (Icelake)", "", ICELAKE_V3);
MODEL(icelake_server_v4, "Icelake-Server-v4", INTEL(106, 0, 13),
      "Intel Xeon Processor (Icelake)", "", ICELAKE_V4);
MODEL(icelake_server_v5, "Icelake-Server-v5", INTEL(106, 0, 13),
      "Intel Xeon Processor (Icelake)", " [XSAVES]", ICELAKE_V4 " xsaves");
MODEL(icelake_server_v6, "Icelake-Server-v6", INTEL(106, 0, 13),
      "Intel Xeon Processor (Icelake)", " [5-level EPT]", ICELAKE_V4 " xsaves");

MODEL(sapphire_rapids_v1, "SapphireRapids-v1 SapphireRapids", INTEL(143, 4, 32),
      "Intel Xeon Processor (SapphireRapids)", "", SAPPHIRE);

MODEL(knightsmill_v1, "KnightsMill-v1 KnightsMill", INTEL(133, 0, 13),
      "Intel Xeon Phi Processor (Knights Mill)", "", KNIGHTS_MILL);
// clang-format on

TENON_PLUGIN(&tenon_type_skylake_server_v1, &tenon_type_skylake_server_v2,
             &tenon_type_skylake_server_v3, &tenon_type_skylake_server_v4,
             &tenon_type_skylake_server_v5, &tenon_type_cascadelake_server_v1,
             &tenon_type_cascadelake_server_v2, &tenon_type_cascadelake_server_v3,
             &tenon_type_cascadelake_server_v4, &tenon_type_cascadelake_server_v5,
             &tenon_type_cooperlake_v1, &tenon_type_cooperlake_v2, &tenon_type_icelake_server_v1,
             &tenon_type_icelake_server_v2, &tenon_type_icelake_server_v3,
             &tenon_type_icelake_server_v4, &tenon_type_icelake_server_v5,
             &tenon_type_icelake_server_v6, &tenon_type_sapphire_rapids_v1,
             &tenon_type_knightsmill_v1);
