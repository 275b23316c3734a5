/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-qemu - processors that never were: for guests that are to run anywhere. */

#include "sets.h"

// clang-format off
MODEL(qemu64, "qemu64-v1 qemu64", AMD(15, 107, 1, 13, 0x8000000a),
      "QEMU Virtual CPU version 2.5+", "", X86_64 " cx16 lahf-lm svm -vme");
MODEL(qemu32, "qemu32-v1 qemu32", CHIP("GenuineIntel", 6, 6, 3, 4, 0x80000004),
      "QEMU Virtual CPU version 2.5+", "", SSE2 " pni -vme -mca -mtrr -pse36");
MODEL(kvm64, "kvm64-v1 kvm64", CHIP("GenuineIntel", 15, 6, 1, 13, 0x80000008),
      "Common KVM processor", "", X86_64 " cx16");
MODEL(kvm32, "kvm32-v1 kvm32", CHIP("GenuineIntel", 15, 6, 1, 5, 0x80000008),
      "Common 32-bit KVM processor", "", SSE2 " clflush pni");
MODEL(base, "base", CHIP("", 0, 0, 0, 0, 0),
      "", "base CPU model type with no features enabled", "");
// clang-format on

TENON_PLUGIN(&tenon_type_qemu64, &tenon_type_qemu32, &tenon_type_kvm64, &tenon_type_kvm32,
             &tenon_type_base);
