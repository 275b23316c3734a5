/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-amd-epyc - AMD EPYC processors, and the Hygon Dhyana (AMD APM volume 3, appendix E). */

#include "sets.h"

// clang-format off
#define ZEN   X86_64 " pclmulqdq monitor ssse3 fma cx16 sse4.1 sse4.2 movbe popcnt aes xsave" \
              " avx f16c rdrand fsgsbase bmi1 avx2 smep bmi2 rdseed adx smap clflushopt" \
              " sha-ni mmxext fxsr-opt pdpe1gb rdtscp lahf-lm svm cr8legacy abm sse4a" \
              " misalignsse 3dnowprefetch osvw topoext xsaveopt xsavec xgetbv1 arat npt" \
              " nrip-save"
#define ZEN_2 ZEN " clwb umip rdpid perfctr-core clzero xsaveerptr wbnoinvd ibpb amd-stibp xsaves"
#define ZEN_3 ZEN_2 " ibrs amd-ssbd pcid invpcid erms pku fsrm svme-addr-chk"

#define CACHES(l1i_kib, l1i_ways, l3_kib)                                                          \
    .l1d = { 32, 8 }, .l1i = { l1i_kib, l1i_ways }, .l2 = { 512, 8 }, .l3 = { l3_kib, 16 }
#define NAPLES AMD(23, 1, 2, 13, 0x8000001e), CACHES(64, 4, 8192)
#define ROME   AMD(23, 49, 0, 13, 0x8000001e), CACHES(32, 8, 16384)
#define MILAN  AMD(25, 1, 1, 13, 0x8000001e), CACHES(32, 8, 32768)
#define DHYANA CHIP("HygonGenuine", 24, 0, 1, 13, 0x8000001e), CACHES(64, 4, 8192)

MODEL(epyc_v1, "EPYC-v1 EPYC", NAPLES,
      "AMD EPYC Processor", "", ZEN);
MODEL(epyc_v2, "EPYC-v2 EPYC-IBPB", NAPLES,
      "AMD EPYC Processor (with IBPB)", "", ZEN " ibpb");
MODEL(epyc_v3, "EPYC-v3", NAPLES,
      "AMD EPYC Processor", "", ZEN " ibpb perfctr-core clzero xsaveerptr xsaves");

MODEL(epyc_rome_v1, "EPYC-Rome-v1 EPYC-Rome", ROME,
      "AMD EPYC-Rome Processor", "", ZEN_2);
MODEL(epyc_rome_v2, "EPYC-Rome-v2", ROME,
      "AMD EPYC-Rome Processor", "", ZEN_2 " ibrs amd-ssbd");

MODEL(epyc_milan_v1, "EPYC-Milan-v1 EPYC-Milan", MILAN,
      "AMD EPYC-Milan Processor", "", ZEN_3);

MODEL(dhyana_v1, "Dhyana-v1 Dhyana", DHYANA,
      "Hygon Dhyana Processor", "", ZEN " ibpb -pclmulqdq -aes -sha-ni");
MODEL(dhyana_v2, "Dhyana-v2", DHYANA,
      "Hygon Dhyana Processor", " [XSAVES]", ZEN " ibpb -pclmulqdq -aes -sha-ni xsaves");
// clang-format on

TENON_PLUGIN(&tenon_type_epyc_v1, &tenon_type_epyc_v2, &tenon_type_epyc_v3,
             &tenon_type_epyc_rome_v1, &tenon_type_epyc_rome_v2, &tenon_type_epyc_milan_v1,
             &tenon_type_dhyana_v1, &tenon_type_dhyana_v2);
