/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex-special - gathers, scatters, compressing, expanding; blends; insertion and extraction of
 * single precision.
 *
 * Intel SDM volume 2.
 */
#include "evex-kernel.h"
#include "exec.h"

/* ---- Gathers, scatters ---- */

/* What does not fit the operands: imm of the micro-op. */
union indexed {
    int64_t imm;
    struct {
        uint8_t size, index_size, n; /* bytes of an element, of an index; elements */
        uint8_t vector;              /* bytes of the longer of the two vectors */
        uint8_t scale, memory;       /* evex_emit_address()'s */
        bool flat;                   /* T0 and an index make a linear address, by 64 bits */
    };
};

static uint64_t offset_of(const union indexed *g, const union vec *index, unsigned i)
{
    return (uint64_t)(g->index_size == 8 ? index->s64[i] : index->s32[i]) << g->scale;
}

static uint64_t read_element(struct cpu *cpu, const union indexed *g, const union vec *index,
                             unsigned i)
{
    uint64_t offset = offset_of(g, index, i), lin = cpu->r[REG_T0] + offset;
    const void *p = g->flat ? tlb_read(cpu, lin, g->size) : NULL;

    if (UNLIKELY(!p))
        return mem_read(cpu, evex_linear(cpu, g->memory, offset, g->size, false), g->size);
    return g->size == 8 ? *(const guest64 *)p : *(const guest32 *)p;
}

static void write_element(struct cpu *cpu, const union indexed *g, const union vec *index,
                          unsigned i, uint64_t value)
{
    uint64_t offset = offset_of(g, index, i), lin = cpu->r[REG_T0] + offset;
    void *p = g->flat ? tlb_write(cpu, lin, g->size) : NULL;

    if (UNLIKELY(!p))
        mem_write(cpu, evex_linear(cpu, g->memory, offset, g->size, true), value, g->size);
    else if (g->size == 8)
        *(guest64 *)p = value;
    else
        *(guest32 *)p = value;
}

/* d: destination, a: mask, b: index; T0: base and displacement.  Done elements leave the mask at
 * once, so that a fault resumes with the rest; the first one clears what lies above the vector's
 * length. */
static void run_gather(struct cpu *cpu, const struct uop *u)
{
    const union indexed g = { .imm = u->imm };
    uint64_t rest = cpu->k[u->a], left = evex_mask(cpu, u->a, g.n);
    union vec *d = &cpu->v[u->d];

    for (bool first = true; left; left &= left - 1, first = false) {
        unsigned i = __builtin_ctzll(left);

        vec_set_element(d, i, g.size, read_element(cpu, &g, &cpu->v[u->b], i));
        if (first)
            vec_clear_above(d, g.vector);
        cpu->k[u->a] = rest &= ~(1ull << i);
    }
    cpu->k[u->a] = 0;
    vec_clear_above(d, g.n * g.size);
}

/* The same with d as the source; where elements overlap the last one stays. */
static void run_scatter(struct cpu *cpu, const struct uop *u)
{
    const union indexed g = { .imm = u->imm };
    uint64_t rest = cpu->k[u->a], left = evex_mask(cpu, u->a, g.n);

    for (; left; left &= left - 1) {
        unsigned i = __builtin_ctzll(left);

        write_element(cpu, &g, &cpu->v[u->b], i, vec_element(&cpu->v[u->d], i, g.size));
        cpu->k[u->a] = rest &= ~(1ull << i);
    }
    cpu->k[u->a] = 0;
}

static void emit_indexed(struct block_builder *b, const struct evex_op *op, const struct insn *in)
{
    bool write = op->flags & E_TO_RM;
    union indexed g = { .size = op->out,
                        .index_size = in->opcode & 1 ? 8 : 4,
                        .n = evex_lanes(op, in->l),
                        .vector = 16 << in->l,
                        .scale = in->scale,
                        .flat = in->code == MODE_CODE64 && in->addr_size == 8 };
    struct insn base = *in;

    if ((in->modrm & 7) != 4 || in->addr_size == 2 || (!write && evex_index(in) == in->reg)) {
        emit_fault(b, EXC_UD);
        return;
    }
    base.index = REG_ZERO;
    base.scale = 0;
    vec_emit_check_evex(b);
    g.memory = evex_emit_address(b, op, &base);
    emit_call(b, write ? run_scatter : run_gather, in->reg, in->mask, evex_index(in), g.imm);
}

/* ---- Compressing into memory, expanding from it: as many elements as the mask has ones ---- */

Z_UNARY(compressps)
Z_UNARY(compresspd)
Z_UNARY(pcompressb)
Z_UNARY(pcompressw)
Z_UNARY(expandps)
Z_UNARY(expandpd)
Z_UNARY(pexpandb)
Z_UNARY(pexpandw)

enum { LANES_SHIFT = 48, ZEROING = 0x80, MASK_REGISTER = 7 };

struct packed {
    const struct evex_op *op;
    unsigned lanes, bytes; /* of the vector; of the memory operand */
    uint64_t mask;
};

/* u->d: the register, u->a: the mask's, u->b: evex_emit_address()'s, u->imm: the row and how many
 * elements there are */
static struct packed packed_of(const struct cpu *cpu, const struct uop *u)
{
    struct packed p = {
        .op = (const struct evex_op *)(uintptr_t)(u->imm & ((1ull << LANES_SHIFT) - 1)),
        .lanes = (uint64_t)u->imm >> LANES_SHIFT,
    };

    p.mask = evex_mask(cpu, u->a & MASK_REGISTER, p.lanes);
    p.bytes = __builtin_popcountll(p.mask) * p.op->element;
    return p;
}

static void run_compress(struct cpu *cpu, const struct uop *u)
{
    struct packed p = packed_of(cpu, u);
    union vec r = { 0 };

    p.op->k[0](&r, &r, &cpu->v[u->d], p.mask, 0);
    if (p.bytes)
        mem_write_bytes(cpu, evex_linear(cpu, u->b, 0, p.bytes, true), &r, p.bytes);
}

static void run_expand(struct cpu *cpu, const struct uop *u)
{
    struct packed p = packed_of(cpu, u);
    union vec m = { 0 }, r = { 0 };

    if (p.bytes)
        mem_read_bytes(cpu, evex_linear(cpu, u->b, 0, p.bytes, false), &m, p.bytes);
    if (!(u->a & ZEROING))
        r = cpu->v[u->d];
    p.op->k[0](&r, &m, &m, p.mask, 0);
    vec_set(&cpu->v[u->d], &r, p.lanes * p.op->element);
}

static void emit_packed(struct block_builder *b, const struct evex_op *op, const struct insn *in)
{
    uint64_t lanes = evex_lanes(op, in->l);
    unsigned memory;

    vec_emit_check_evex(b);
    memory = evex_emit_address(b, op, in);
    emit_call_as(b, UOP_VECTOR, op->flags & E_TO_RM ? run_compress : run_expand, in->reg,
                 in->mask | (in->zeroing ? ZEROING : 0), memory,
                 (int64_t)((uintptr_t)op | lanes << LANES_SHIFT));
}

/* ---- Blends ---- */

Z_BINARY(blendmps)
Z_BINARY(blendmpd)
Z_BINARY(pblendmb)
Z_BINARY(pblendmw)

/* ---- Single precision, element by element ---- */

EVEX_KERNEL(z_insertps)
{
    *d = insert_single(a, b, imm);
}

/* From memory there is just one source element. */
EVEX_KERNEL(z_insertps_mem)
{
    z_insertps(d, a, b, mask, imm & 0x3f);
}

EVEX_KERNEL(z_extractps)
{
    d->u64[0] = b->u32[imm & 3];
}

/* ---- Table ---- */

// clang-format off
#define F  ISA_AVX512F
#define BW ISA_AVX512BW
#define V KIND_V, KIND_V

#define INDEXED(opcode, w, element, size, flags)                                                   \
    { MAP_0F38, PFX_66, opcode, 0, w, element, size, TUPLE_1, size, V, LENGTHS, F,                 \
      E_VSIB | E_MEM | E_MASKED | E_NO_ZERO | E_ALONE | (flags), .emit = emit_indexed }
/* By four bytes of index, and eight. */
#define INDEXED_BOTH(opcode, flags)                                                                \
    INDEXED(opcode, W_0, 4, 4, flags),     INDEXED(opcode, W_1, 8, 8, flags),                      \
    INDEXED(opcode + 1, W_0, 8, 4, flags), INDEXED(opcode + 1, W_1, 8, 8, flags)

#define COMPRESSION(opcode, w, element, isa, flags, op)                                            \
    { MAP_0F38, PFX_66, opcode, 0, w, element, 0, TUPLE_1, 0, V, LENGTHS, isa, E_REG | (flags), K_ALL(z_##op) }, \
    { MAP_0F38, PFX_66, opcode, 0, w, element, 0, TUPLE_1, 0, V, LENGTHS, isa,                     \
      E_MEM | (flags), K_ALL(z_##op), emit_packed }
#define BLEND(opcode, w, element, tuple, isa, op)                                                  \
    { MAP_0F38, PFX_66, opcode, 0, w, element, 0, tuple, 0, V, LENGTHS, isa, E_NDS | E_SUM, K_ALL(z_##op) }

static const struct evex_op rows[] = {
    INDEXED_BOTH(0x90, 0), INDEXED_BOTH(0x92, 0), INDEXED_BOTH(0xa0, E_TO_RM), INDEXED_BOTH(0xa2, E_TO_RM),

    COMPRESSION(0x8a, W_0, 4, F, E_TO_RM, compressps), COMPRESSION(0x8a, W_1, 8, F, E_TO_RM, compresspd),
    COMPRESSION(0x8b, W_0, 4, F, E_TO_RM, compressps), COMPRESSION(0x8b, W_1, 8, F, E_TO_RM, compresspd),
    COMPRESSION(0x88, W_0, 4, F, 0, expandps), COMPRESSION(0x88, W_1, 8, F, 0, expandpd),
    COMPRESSION(0x89, W_0, 4, F, 0, expandps), COMPRESSION(0x89, W_1, 8, F, 0, expandpd),
    COMPRESSION(0x63, W_0, 1, ISA_VBMI2, E_TO_RM, pcompressb),
    COMPRESSION(0x63, W_1, 2, ISA_VBMI2, E_TO_RM, pcompressw),
    COMPRESSION(0x62, W_0, 1, ISA_VBMI2, 0, pexpandb), COMPRESSION(0x62, W_1, 2, ISA_VBMI2, 0, pexpandw),

    BLEND(0x64, W_0, 4, TUPLE_FULL, F, blendmps), BLEND(0x64, W_1, 8, TUPLE_FULL, F, blendmpd),
    BLEND(0x65, W_0, 4, TUPLE_FULL, F, blendmps), BLEND(0x65, W_1, 8, TUPLE_FULL, F, blendmpd),
    BLEND(0x66, W_0, 1, TUPLE_FULL_MEM, BW, pblendmb),
    BLEND(0x66, W_1, 2, TUPLE_FULL_MEM, BW, pblendmw),

    { MAP_0F3A, PFX_66, 0x21, 0, W_0, 4, 0, TUPLE_1, 0, V, LENGTH_128, F, E_NDS | E_NO_MASK | E_NO_VL | E_REG,
      K_ALL(z_insertps) },
    { MAP_0F3A, PFX_66, 0x21, 0, W_0, 4, 0, TUPLE_1, 0, V, LENGTH_128, F, E_NDS | E_NO_MASK | E_NO_VL | E_MEM,
      K_ALL(z_insertps_mem) },
    { MAP_0F3A, PFX_66, 0x17, 0, W_ANY, 4, 0, TUPLE_1, 0, KIND_G, KIND_V, LENGTH_128, F,
      E_TO_RM | E_NO_MASK | E_NO_VL, K_ALL(z_extractps) },
};
// clang-format on

EVEX_TABLE(evex_special_table, rows);
