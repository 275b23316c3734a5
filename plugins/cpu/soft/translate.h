/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * translate - what the two halves of the integer translation share.
 */
#ifndef TENON_SOFT_TRANSLATE_H
#define TENON_SOFT_TRANSLATE_H

#include "uop.h"

/* The member of a family (named by its 8-bit one, or 16-bit where there is none) for a size in
 * bytes. */
static inline enum uop_op sized(unsigned op8, unsigned size)
{
    return op8 + __builtin_ctz(size);
}

static inline enum uop_op wide(unsigned op16, unsigned size)
{
    return op16 + __builtin_ctz(size) - 1;
}

/* The same for tables of functions. */
static inline unsigned size_log(unsigned size)
{
    return __builtin_ctz(size);
}

static inline bool is_code64(const struct block_builder *b)
{
    return (b->mode & MODE_CODE_MASK) == MODE_CODE64;
}

/* Operands: rm is loaded into T1 if it is memory. */
uint8_t operand_rm(struct block_builder *b, unsigned size);
uint8_t operand_reg(const struct block_builder *b, unsigned size);
void emit_mov(struct block_builder *b, uint8_t d, uint8_t a, unsigned size);

/* An operand that is read (from), changed, and written (to); _at: it is memory at T0. */
struct change {
    uint8_t from, to;
    unsigned size, load;
    bool memory, locked;
};
struct change change_begin(struct block_builder *b, unsigned size);
struct change change_begin_at(struct block_builder *b, unsigned size);
void change_end(struct block_builder *b, const struct change *c);

void emit_push(struct block_builder *b, uint8_t reg, unsigned size);
/* Jcc: its condition is the opcode's low nibble. */
void emit_jcc(struct block_builder *b, const struct insn *in);

bool translate_0f(struct block_builder *b, const struct insn *in);
bool translate_0f38(struct block_builder *b, const struct insn *in);
bool translate_bmi(struct block_builder *b, const struct insn *in);

#endif
