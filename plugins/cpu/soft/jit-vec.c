/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-vec - templates of vector instructions: the guest's own, with vector registers as they are,
 * general registers and memory operands where they are for the host.
 *
 * Intel SDM volume 2.  The instruction is decoded again; as the tables of vec.c have it, it says
 * how much memory it reaches and how.
 */
#include <string.h>

#include "blocks.h"
#include "jit-make.h"
#include "vec.h"

/*
 * The instruction of u.  Its bytes may have been changed by another processor or device, of which
 * word has not come yet: they are read once, and must still make u.
 */
static bool decode_again(struct maker *m, const struct uop *u, struct insn *in)
{
    struct block_builder *b = &m->jit->cpu->blocks->builder;
    uint8_t bytes[INSN_MAX];

    if (m->block->code2)
        return false;
    memcpy(bytes, m->block->code + u->off, u->len);
    if (decode(in, bytes, u->len, m->block->rip + u->off, m->block->mode & MODE_CODE_MASK) !=
            u->len ||
        in->map == MAP_BAD || in->lock)
        return false;
    b->cpu = m->jit->cpu;
    b->rip = m->block->rip;
    b->mode = m->block->mode;
    b->in = in;
    b->n = 0;
    if (!vec_translate(b, in))
        return false;
    for (unsigned i = 0; i < b->n; i++) {
        const struct uop *made = &b->uop[i];

        if (made->op == u->op && made->d == u->d && made->a == u->a && made->b == u->b &&
            made->imm == u->imm && made->call == u->call)
            return true;
    }
    return false;
}

/* What is in a field. */
static unsigned kind_of_reg(const struct vec_op *op)
{
    unsigned kind = op->flags & V_TO_RM ? op->src : op->dst;

    return kind == KIND_FLAGS ? KIND_V : kind;
}

static unsigned kind_of_rm(const struct vec_op *op)
{
    return op->flags & V_TO_RM ? op->dst : op->src;
}

/* MMX registers are used as what they are by the unit that has them loaded: an instruction that
 * has memory in their stead and is not of MMX would take it unawares. */
static bool allowed(const struct maker *m, const struct vec_op *op, const struct insn *in)
{
    return !(op->flags & V_ALONE) && op->dst != KIND_K && op->src != KIND_K &&
           m->jit->isas >> op->isa[in->vex ? 1 + in->l : 0] & 1 &&
           !(in->mod != 3 && kind_of_rm(op) == KIND_MM && kind_of_reg(op) != KIND_MM);
}

/* A vector's place may be memory, but MXCSR counts. */
static void require_units(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    if (kind_of_reg(op) == KIND_MM || (in->mod == 3 && kind_of_rm(op) == KIND_MM))
        unit_require(m, LOADED_X87);
    if (op->src == KIND_V || op->dst == KIND_V || op->dst == KIND_FLAGS)
        unit_require(m, in->vex ? LOADED_AVX : LOADED_SSE);
}

/* The memory operand, of which alignment is looked at where the host would: its page is where the
 * guest's is. */
static struct operand memory(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    unsigned how = vec_memory(op, in), bytes = how & VEC_BYTES;
    struct operand at = reach(m, REG(REG_T0), 0, bytes, op->flags & V_TO_RM);

    if (how & VEC_ALIGNED && !is_aligned(m, at, bytes)) {
        flags_clobber(m);
        note_aligned(m, at, bytes);
        host(&m->c, H_LEA, 8, HOST_AX, at);
        at = host_mem(HOST_AX, 0);
        host_imm(&m->c, H_TEST_I, 1, host_reg(HOST_AX), bytes - 1);
        unless(m, CC_NZ);
    }
    return at;
}

static unsigned vector_number(unsigned kind, unsigned n)
{
    return kind == KIND_MM ? n & 7 : n;
}

static struct operand rm_of(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    unsigned kind = kind_of_rm(op);

    if (in->mod != 3)
        return memory(m, op, in);
    if (kind != KIND_G)
        return host_reg(vector_number(kind, in->rm));
    if (op->flags & V_TO_RM)
        return host_reg(target(m, REG(in->rm), HOST_AX));
    return source(m, REG(in->rm));
}

static unsigned reg_of(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    unsigned kind = kind_of_reg(op);

    if (op->ext)
        return op->ext & 7;
    return kind == KIND_G ? target(m, REG(in->reg), HOST_CX) : vector_number(kind, in->reg);
}

/* W counts beside a vector's own meaning of it where a general register is an operand. */
static bool wide(const struct vec_op *op, const struct insn *in)
{
    return op->dst == KIND_G || op->src == KIND_G ? vec_is_wide(in) : in->w;
}

static void emit_vector(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    struct operand rm = rm_of(m, op, in);
    unsigned reg = reg_of(m, op, in);

    host_vector(&m->c, in, wide(op, in), reg, rm, vec_imm8(op, in));
    if (op->dst == KIND_G && !(op->flags & V_TO_RM))
        put(m, REG(in->reg), 8, reg);
    else if (op->dst == KIND_G && !rm.memory)
        put(m, REG(in->rm), 8, rm.reg);
}

bool vec_reaches(struct maker *m, const struct uop *u, unsigned *size, bool *write)
{
    const struct vec_op *op;
    struct insn in;

    if (!decode_again(m, u, &in))
        return false;
    if (in.evex)
        return false;
    op = vec_find(m->jit->cpu, &in);
    *size = vec_memory(op, &in) & VEC_BYTES;
    *write = op->flags & V_TO_RM;
    return allowed(m, op, &in) && in.mod != 3 && *size;
}

/* PCMPISTRI: the index goes to RCX. */
static bool gives_index(const struct insn *in)
{
    return in->map == MAP_0F3A && in->opcode == 0x63;
}

bool vec_changes_general(struct maker *m, const struct uop *u)
{
    struct insn in;

    return u->call != vec_enter_mmx && (!decode_again(m, u, &in) || gives_index(&in) ||
                                        vec_find(m->jit->cpu, &in)->dst == KIND_G);
}

/* EMMS, VZEROUPPER, VZEROALL: the host's do it to sixteen registers. */
static bool make_empty(struct maker *m, const struct insn *in)
{
    if (in->vex && in->code != MODE_CODE64)
        return call_function(m);
    unit_require(m, in->vex ? LOADED_AVX : LOADED_X87);
    host_empty(&m->c, in);
    return true;
}

static bool make_mxcsr(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    struct operand at;

    require_units(m, op, in);
    at = memory(m, op, in);
    flags_clobber(m);
    if (op->flags & V_TO_RM)
        unit_store_mxcsr(m, at);
    else
        unit_load_mxcsr(m, at);
    return true;
}

TEMPLATE(vector)
{
    const struct vec_op *op;
    struct insn in;

    if (u->call == vec_enter_mmx) /* which the host's own, just before, has done */
        return m->loaded & LOADED_X87 || call_function(m);
    if (!decode_again(m, u, &in) || in.evex)
        return call_function(m);
    op = vec_find(m->jit->cpu, &in);
    if (!allowed(m, op, &in))
        return call_function(m);
    if (in.map == MAP_0F && in.opcode == 0x77)
        return make_empty(m, &in);
    if (in.map == MAP_0F && in.opcode == 0xae)
        return make_mxcsr(m, op, &in);
    require_units(m, op, &in);
    emit_vector(m, op, &in);
    if (gives_index(&in))
        put(m, REG(RCX), 4, HOST_CX);
    if (u->op == UOP_VECTOR_FLAGS)
        flags_set(m, F_ARITH);
    return true;
}

const struct template vec_templates[] = {
    { UOP_VECTOR, UOP_VECTOR_FLAGS, make_vector, 0, 0, 0, FOLD_NONE, NULL },
    { 0 },
};
