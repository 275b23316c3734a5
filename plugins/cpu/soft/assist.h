/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* assist - executing a few instructions for another accelerator. */
#ifndef TENON_SOFT_ASSIST_H
#define TENON_SOFT_ASSIST_H

#include "uop.h"

/* Before an instruction that may have to be left to the other accelerator. */
void assist_translate(struct block_builder *b, const struct insn *in);

#endif
