/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * missing - what parts that are not there yet would do: their instructions are #UD.
 */
#include "uop.h"

__attribute__((weak)) bool sys_translate(struct block_builder *b, const struct insn *in)
{
    return false;
}

__attribute__((weak)) bool fpu_translate(struct block_builder *b, const struct insn *in)
{
    return false;
}

__attribute__((weak)) bool vec_translate(struct block_builder *b, const struct insn *in)
{
    return false;
}
