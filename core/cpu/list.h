/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* list - what -cpu help prints. */
#ifndef TENON_CORE_CPU_LIST_H
#define TENON_CORE_CPU_LIST_H

#include <stdio.h>

struct plugins;

void cpu_print_list(struct plugins *plugins, FILE *to);

#endif
