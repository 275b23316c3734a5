/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * translate - sends each instruction to its owner, having refused LOCK where it may not stand.
 */
#include "translate.h"

#include "assist.h"
#include "svm.h"

/* Intel SDM volume 2, LOCK: these, and only with a memory operand as destination. */
static bool may_lock(const struct insn *in)
{
    unsigned op = in->opcode, reg = in->reg & 7;

    if (!in->has_modrm || in->mod == 3)
        return false;
    if (in->map == MAP_ONE)
        return (op < 0x38 && (op & 7) < 2) || (op >= 0x80 && op <= 0x83 && reg != 7) ||
               op == 0x86 || op == 0x87 || ((op == 0xfe || op == 0xff) && reg < 2) ||
               ((op == 0xf6 || op == 0xf7) && (reg == 2 || reg == 3));
    if (in->map != MAP_0F)
        return false;
    return op == 0xab || op == 0xb3 || op == 0xbb || op == 0xb0 || op == 0xb1 || op == 0xc0 ||
           op == 0xc1 || (op == 0xba && reg >= 5) || (op == 0xc7 && reg == 1);
}

static bool by_owner(struct block_builder *b, const struct insn *in)
{
    if (in->evex)
        return vec_translate(b, in);
    if (in->map == MAP_ONE && ((in->opcode >= 0xd8 && in->opcode <= 0xdf) || in->opcode == 0x9b))
        return fpu_translate(b, in);
    return integer_translate(b, in);
}

void translate(struct block_builder *b, const struct insn *in)
{
    unsigned n = b->n;

    if (b->cpu->assist)
        assist_translate(b, in);
    if (b->mode & MODE_GUEST)
        svm_intercept_translate(b, in);
    if (in->map != MAP_BAD && (!in->lock || may_lock(in)) && by_owner(b, in))
        return;
    b->n = n;
    b->ended = false;
    emit_fault(b, EXC_UD);
}
