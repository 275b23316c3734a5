/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-amd-opteron - AMD processors up to the Opterons of 2012 (AMD APM volume 3, appendix E). */

#include "sets.h"

// clang-format off
#define OPTERON_G2 X86_64 " cx16 lahf-lm svm"
#define OPTERON_G3 OPTERON_G2 " monitor popcnt abm sse4a misalignsse rdtscp"
#define OPTERON_G4 OPTERON_G3 " pclmulqdq ssse3 sse4.1 sse4.2 aes xsave avx 3dnowprefetch xop" \
                   " fma4 pdpe1gb npt nrip-save -monitor"

MODEL(athlon_v1, "athlon-v1 athlon", AMD(6, 2, 3, 2, 0x80000008),
      "QEMU Virtual CPU version 2.5+", "", P6 " sse sse2 mmxext 3dnowext 3dnow");

MODEL(phenom_v1, "phenom-v1 phenom", AMD(16, 2, 3, 5, 0x8000001a),
      "AMD Phenom(tm) 9550 Quad-Core Processor", "",
      OPTERON_G3 " mmxext fxsr-opt pdpe1gb 3dnowext 3dnow npt -misalignsse");

MODEL(opteron_g1_v1, "Opteron_G1-v1 Opteron_G1", AMD(15, 6, 1, 5, 0x80000008),
      "AMD Opteron 240 (Gen 1 Class Opteron)", "", X86_64);

MODEL(opteron_g2_v1, "Opteron_G2-v1 Opteron_G2", AMD(15, 6, 1, 5, 0x8000000a),
      "AMD Opteron 22xx (Gen 2 Class Opteron)", "", OPTERON_G2);

MODEL(opteron_g3_v1, "Opteron_G3-v1 Opteron_G3", AMD(16, 2, 3, 5, 0x8000000a),
      "AMD Opteron 23xx (Gen 3 Class Opteron)", "", OPTERON_G3);

MODEL(opteron_g4_v1, "Opteron_G4-v1 Opteron_G4", AMD(21, 1, 2, 13, 0x8000001a),
      "AMD Opteron 62xx class CPU", "", OPTERON_G4);

MODEL(opteron_g5_v1, "Opteron_G5-v1 Opteron_G5", AMD(21, 2, 0, 13, 0x8000001a),
      "AMD Opteron 63xx class CPU", "", OPTERON_G4 " f16c fma tbm");
// clang-format on

TENON_PLUGIN(&tenon_type_athlon_v1, &tenon_type_phenom_v1, &tenon_type_opteron_g1_v1,
             &tenon_type_opteron_g2_v1, &tenon_type_opteron_g3_v1, &tenon_type_opteron_g4_v1,
             &tenon_type_opteron_g5_v1);
