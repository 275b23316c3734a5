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
#include "evex.h"
#include "jit-make.h"

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
    if ((op->src == KIND_K || op->dst == KIND_K) && !m->jit->load_evex)
        return false;
    return !(op->flags & V_ALONE) && m->jit->isas >> op->isa[in->vex ? 1 + in->l : 0] & 1 &&
           !(in->mod != 3 && kind_of_rm(op) == KIND_MM && kind_of_reg(op) != KIND_MM);
}

/* A vector's place may be memory, but MXCSR counts. */
static void require_units(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    if (kind_of_reg(op) == KIND_MM || (in->mod == 3 && kind_of_rm(op) == KIND_MM))
        unit_require(m, LOADED_X87);
    if (op->src == KIND_K || op->dst == KIND_K)
        unit_require(m, LOADED_EVEX);
    else if (op->src == KIND_V || op->dst == KIND_V || op->dst == KIND_FLAGS)
        unit_require(m, in->vex ? LOADED_AVX : LOADED_SSE);
}

/* The memory operand, of which alignment is looked at where the host would: its page is where the
 * guest's is. */
static struct operand memory(struct maker *m, unsigned bytes, bool aligned, bool write)
{
    struct operand at = reach(m, REG(REG_T0), 0, bytes, write);

    if (aligned && !is_aligned(m, at, bytes)) {
        flags_clobber(m);
        note_aligned(m, at, bytes);
        host(&m->c, H_LEA, 8, HOST_AX, at);
        at = host_mem(HOST_AX, 0);
        host_imm(&m->c, H_TEST_I, 1, host_reg(HOST_AX), bytes - 1);
        unless(m, CC_NZ);
    }
    return at;
}

static struct operand vec_memory_of(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    unsigned how = vec_memory(op, in);

    return memory(m, how & VEC_BYTES, how & VEC_ALIGNED, op->flags & V_TO_RM);
}

static unsigned vector_number(unsigned kind, unsigned n)
{
    return kind == KIND_MM || kind == KIND_K ? n & 7 : n;
}

/* The host's register for one that rm names, which it reads or (to_rm) writes whole. */
static unsigned rm_register(struct maker *m, unsigned kind, unsigned n, bool to_rm)
{
    if (kind != KIND_G)
        return vector_number(kind, n);
    n &= 15;
    return to_rm ? target(m, REG(n), HOST_AX) : in_reg(m, REG(n), 8, HOST_AX);
}

static struct operand rm_of(struct maker *m, const struct vec_op *op, const struct insn *in)
{
    unsigned kind = kind_of_rm(op);

    if (in->mod != 3)
        return vec_memory_of(m, op, in);
    if (kind == KIND_G && !(op->flags & (V_TO_RM | V_REG))) /* memory will do as well */
        return source(m, REG(in->rm));
    return host_reg(rm_register(m, kind, in->rm, op->flags & V_TO_RM));
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

/* ---- With EVEX: masks and broadcasts are the host's as well ---- */

/* A gather or scatter is a function's: it accesses memory as it comes. */
static bool evex_allowed(const struct maker *m, const struct uop *u, const struct evex_op *op,
                         const struct insn *in)
{
    return m->jit->load_evex && (in->mod == 3 || evex_is_linear(u)) &&
           !(op->flags & (E_ALONE | E_VSIB)) && (!op->isa || m->jit->isas >> op->isa & 1);
}

/* What it may reach in memory.  Compressing and expanding, which have functions of their own, reach
 * as many elements as the mask names, up to the whole vector. */
static unsigned evex_bytes(const struct evex_op *op, const struct insn *in)
{
    return op->emit ? evex_lanes(op, evex_length(op, in)) * op->element : evex_memory_bytes(op, in);
}

/* All of it must be there, whatever the mask: else the function looks which elements are wanted. */
static struct operand evex_rm(struct maker *m, const struct evex_op *op, const struct insn *in)
{
    bool to_rm = op->flags & E_TO_RM;

    if (in->mod != 3)
        return memory(m, evex_bytes(op, in), op->flags & E_ALIGN, to_rm);
    return host_reg(rm_register(m, to_rm ? op->dst : op->src, in->rm, to_rm));
}

static unsigned evex_reg(struct maker *m, const struct evex_op *op, const struct insn *in)
{
    unsigned kind = op->flags & E_TO_RM ? op->src : op->dst;

    if (op->ext)
        return op->ext & 7;
    return kind == KIND_G ? target(m, REG(in->reg), HOST_CX) : in->reg;
}

static bool make_evex(struct maker *m, const struct uop *u, const struct insn *in)
{
    const struct evex_op *op = evex_find(m->jit->cpu, in);
    bool wide = op->w == W_32 || op->w == W_64 ? vec_is_wide(in) : in->w;
    struct operand rm;
    unsigned reg;

    if (!evex_allowed(m, u, op, in))
        return call_function(m);
    unit_require(m, LOADED_EVEX);
    rm = evex_rm(m, op, in);
    reg = evex_reg(m, op, in);
    host_evex(&m->c, in, wide, reg, rm, rm.memory ? evex_memory_bytes(op, in) : 1, in->imm);
    if (op->dst == KIND_G && !(op->flags & E_TO_RM))
        put(m, REG(in->reg), 8, reg);
    else if (op->dst == KIND_G && !rm.memory)
        put(m, REG(in->rm & 15), 8, rm.reg);
    if (op->dst == KIND_FLAGS)
        flags_set(m, F_ARITH);
    return true;
}

static bool evex_reaches(const struct maker *m, const struct uop *u, const struct insn *in,
                         unsigned *size, bool *write)
{
    const struct evex_op *op = evex_find(m->jit->cpu, in);

    *size = evex_bytes(op, in);
    *write = op->flags & E_TO_RM;
    return evex_allowed(m, u, op, in) && in->mod != 3 && *size;
}

/* ---- Of all kinds ---- */

bool vec_reaches(struct maker *m, const struct uop *u, unsigned *size, bool *write)
{
    const struct vec_op *op;
    struct insn in;

    if (!decode_again(m, u, &in))
        return false;
    if (in.evex)
        return evex_reaches(m, u, &in, size, write);
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

    if (u->call == vec_enter_mmx)
        return false;
    if (!decode_again(m, u, &in) || gives_index(&in))
        return true;
    return (in.evex ? evex_find(m->jit->cpu, &in)->dst : vec_find(m->jit->cpu, &in)->dst) == KIND_G;
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
    at = vec_memory_of(m, op, in);
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
    if (!decode_again(m, u, &in))
        return call_function(m);
    if (in.evex)
        return make_evex(m, u, &in);
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
