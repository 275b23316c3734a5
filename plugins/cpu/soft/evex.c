/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex - finds the row of an instruction with an EVEX prefix and runs it: operands, masks,
 * broadcasts, memory.
 *
 * Intel SDM volume 2, sections 2.7 and 2.8.  Elements that are masked out are not touched in
 * memory: neither do they fault, nor are they written.
 */
#include "evex.h"

#include "blocks.h"
#include "exec.h"

enum { T_SEG = 7, T_ADDR32 = 8, T_ADDR64 = 0x10, T_OFFSET = 0x20, T_BROADCAST = 0x40 };

/* ---- What a row and an instruction say together ---- */

unsigned evex_length(const struct evex_op *op, const struct insn *in)
{
    if (op->flags & E_SCALAR)
        return 0;
    return evex_is_quiet(in) ? 2 : in->l;
}

/* Of TUPLE_2 to TUPLE_8. */
static unsigned tuple_elements(const struct evex_op *op)
{
    return 2u << (op->tuple - TUPLE_2);
}

static bool is_group(const struct evex_op *op)
{
    return op->tuple >= TUPLE_2 && op->tuple <= TUPLE_8;
}

unsigned evex_lanes(const struct evex_op *op, unsigned length)
{
    if (op->flags & E_SCALAR)
        return 1;
    if (op->flags & E_TO_RM && is_group(op))
        return tuple_elements(op);
    return (16u << length) / op->element;
}

static bool may_broadcast(const struct evex_op *op)
{
    return op->tuple >= TUPLE_FULL && op->tuple <= TUPLE_QUARTER;
}

static unsigned memory_bytes(const struct evex_op *op, unsigned length, bool broadcast)
{
    unsigned bytes = 16u << length, one = op->size ? op->size : op->element;

    switch (op->tuple) {
    case TUPLE_FULL:
    case TUPLE_HALF:
    case TUPLE_QUARTER: return (broadcast ? one : bytes) >> (op->tuple - TUPLE_FULL);
    case TUPLE_FULL_MEM:
    case TUPLE_HALF_MEM:
    case TUPLE_QUARTER_MEM:
    case TUPLE_EIGHTH_MEM: return bytes >> (op->tuple - TUPLE_FULL_MEM);
    case TUPLE_1: return one;
    case TUPLE_2:
    case TUPLE_4:
    case TUPLE_8: return op->element * tuple_elements(op);
    case TUPLE_128: return 16;
    case TUPLE_DUP: return length ? bytes : 8;
    default: return 0;
    }
}

unsigned evex_memory_bytes(const struct evex_op *op, const struct insn *in)
{
    return in->mod == 3 ? 0 : memory_bytes(op, evex_length(op, in), in->broadcast);
}

int64_t evex_displacement(const struct evex_op *op, const struct insn *in)
{
    return in->disp8 ? in->disp * evex_memory_bytes(op, in) : in->disp;
}

unsigned evex_index(const struct insn *in)
{
    return (in->index == REG_ZERO ? RSP : in->index) | (in->vvvv & 16);
}

/* ---- Finding the row ---- */

static bool w_fits(const struct evex_op *op, const struct insn *in)
{
    switch (op->w) {
    case W_0: return !in->w;
    case W_1: return in->w;
    case W_32: return !vec_is_wide(in);
    case W_64: return vec_is_wide(in);
    default: return true;
    }
}

static bool length_fits(const struct evex_op *op, const struct insn *in)
{
    if (evex_is_quiet(in))
        return op->flags & (E_SAE | E_ER) && op->flags & E_SCALAR ? true : op->lengths & LENGTH_512;
    return in->l < 3 && (op->flags & E_SCALAR || op->lengths >> in->l & 1);
}

static bool broadcast_fits(const struct evex_op *op, const struct insn *in)
{
    if (!in->broadcast)
        return true;
    return in->mod == 3 ? op->flags & (E_SAE | E_ER) : may_broadcast(op);
}

static bool mask_fits(const struct evex_op *op, const struct insn *in)
{
    bool to_memory = op->flags & E_TO_RM && in->mod != 3;

    if (in->mask ? op->flags & E_NO_MASK : op->flags & E_MASKED)
        return false;
    return !in->zeroing ||
           (in->mask && !(op->flags & E_NO_ZERO) && !to_memory && op->dst == KIND_V);
}

static unsigned kind_of_reg(const struct evex_op *op)
{
    return op->flags & E_TO_RM ? op->src : op->dst;
}

static bool registers_fit(const struct evex_op *op, const struct insn *in)
{
    if (kind_of_reg(op) == KIND_K && in->reg >= N_MASKS)
        return false;
    if (kind_of_reg(op) == KIND_G && in->reg >= 16)
        return false;
    if (op->flags & E_APART && (in->reg == in->vvvv || (in->mod == 3 && in->reg == in->rm)))
        return false;
    if (op->flags & (E_NDS | E_NDD))
        return true;
    return !in->spare && !(op->flags & E_VSIB ? in->vvvv & 15 : in->vvvv);
}

static bool fits(const struct evex_op *op, const struct insn *in)
{
    return op->opcode == in->opcode && op->map == in->map && op->pp == in->pp &&
           (!op->ext || (op->ext & 7) == (in->reg & 7)) &&
           !(op->flags & (in->mod == 3 ? E_MEM : E_REG)) && w_fits(op, in) && length_fits(op, in) &&
           broadcast_fits(op, in) && mask_fits(op, in) && registers_fit(op, in);
}

static bool offered(const struct cpu *cpu, const struct evex_op *op, const struct insn *in)
{
    bool vl = !(op->flags & (E_SCALAR | E_NO_VL)) && evex_length(op, in) < 2;

    return vec_offers(cpu, ISA_AVX512F) && (!op->isa || vec_offers(cpu, op->isa)) &&
           (!vl || vec_offers(cpu, ISA_AVX512VL));
}

_Static_assert(!offsetof(struct evex_op, map) && offsetof(struct evex_op, opcode) == 2, "rows.h");

struct row_index *evex_rows(void)
{
    const struct rows tables[] = { ROWS(evex_move_table),        ROWS(evex_int_table),
                                   ROWS(evex_int_shuffle_table), ROWS(evex_float_table),
                                   ROWS(evex_convert_table),     ROWS(evex_half_table),
                                   ROWS(evex_special_table) };

    return rows_index(tables, vec_host_has_avx512() ? sizeof(tables) / sizeof(*tables) : 0);
}

const struct evex_op *evex_find(const struct cpu *cpu, const struct insn *in)
{
    const struct row_index *index = cpu->blocks->evex;
    unsigned key = row_key(in->map, in->opcode);

    for (unsigned i = index->first[key]; i < index->first[key + 1]; i++) {
        const struct evex_op *op = index->row[i];

        if (fits(op, in) && offered(cpu, op, in))
            return op;
    }
    return NULL;
}

/* ---- Micro-operations ---- */

/*
 * d: destination, or what goes to memory, and above it the length
 * a: first source, and above it the mask register
 * b: register; or of memory T_*
 * imm: the row's address, HOW_* in the last byte but one, imm8 in the uppermost
 */
enum { HOW_ROUNDING = 7, HOW_QUIET = 8, HOW_MEMORY = 0x10, HOW_ZEROING = 0x20 };
enum { REG_BITS = 5, REG_MASK = 31, HOW_SHIFT = 48, IMM8_SHIFT = 56 };

struct work {
    const struct evex_op *op;
    unsigned length, lanes;
    unsigned k; /* the mask's register; 0: none */
    uint64_t mask;
    unsigned how, imm;
};

static struct work work_of(const struct cpu *cpu, const struct uop *u)
{
    struct work w = {
        .op = (const struct evex_op *)(uintptr_t)(u->imm & ((1ull << HOW_SHIFT) - 1)),
        .length = u->d >> REG_BITS,
        .k = u->a >> REG_BITS,
        .how = u->imm >> HOW_SHIFT & 0xff,
        .imm = (uint64_t)u->imm >> IMM8_SHIFT,
    };

    w.lanes = evex_lanes(w.op, w.length);
    w.mask = evex_mask(cpu, w.k, w.lanes);
    return w;
}

/* ---- Memory ---- */

/* T0 is the operand's linear address, or with T_OFFSET its offset. */
uint64_t evex_linear(struct cpu *cpu, unsigned t, int64_t at, unsigned size, bool write)
{
    uint64_t lin = cpu->r[REG_T0] + at;
    enum seg seg = t & T_SEG;

    if (t & T_OFFSET) {
        lin &= t & T_ADDR64 ? UINT64_MAX : t & T_ADDR32 ? UINT32_MAX : UINT16_MAX;
        return segment_linear(cpu, seg, lin, size, write);
    }
    if (!(cpu->mode & MODE_CODE64))
        return (uint32_t)lin;
    if (!canonical(cpu, lin) || !canonical(cpu, lin + size - 1))
        cpu_fault_error(cpu, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    return lin;
}

/* Which of n elements in memory are wanted: that of bit i is the i-th, over and over. */
static uint64_t wanted_of(uint64_t mask, unsigned n)
{
    uint64_t all = ~0ull >> (64 - n), wanted = 0;

    for (; mask; mask = n < 64 ? mask >> n : 0)
        wanted |= mask & all;
    return wanted;
}

/* A memory operand, element by element. */
struct area {
    unsigned bytes, size, n; /* in all; of an element; how many */
    uint64_t wanted;
    bool by_element; /* those that are not wanted must not be touched */
};

static struct area area_of(const struct work *w, unsigned t)
{
    struct area a = { .bytes = memory_bytes(w->op, w->length, t & T_BROADCAST) };

    a.n = t & T_BROADCAST || w->op->tuple == TUPLE_1 ? 1
          : is_group(w->op)                          ? tuple_elements(w->op)
                                                     : w->lanes;
    a.size = a.bytes / a.n;
    a.wanted = wanted_of(w->mask, a.n);
    a.by_element = w->k && !(w->op->flags & E_WHOLE);
    return a;
}

/* An access that does not take place need not be aligned. */
static void check_alignment(struct cpu *cpu, const struct work *w, unsigned t, const struct area *a)
{
    uint64_t lin = cpu->r[REG_T0] + (t & T_OFFSET ? cpu->seg[t & T_SEG].base : 0);

    if (w->op->flags & E_ALIGN && a->wanted && lin & (a->bytes - 1))
        cpu_fault_error(cpu, EXC_GP, 0);
}

static void load_elements(struct cpu *cpu, unsigned t, const struct area *a, union vec *to)
{
    for (uint64_t left = a->wanted; left; left &= left - 1) {
        unsigned at = __builtin_ctzll(left) * a->size;
        uint64_t value = mem_read(cpu, evex_linear(cpu, t, at, a->size, false), a->size);

        memcpy(&to->u8[at], &value, a->size);
    }
}

static void broadcast(union vec *v, unsigned size)
{
    for (unsigned at = size; at < sizeof(*v); at += size)
        memcpy(&v->u8[at], v, size);
}

static void load(struct cpu *cpu, const struct work *w, unsigned t, union vec *to)
{
    struct area a = area_of(w, t);
    const void *p = t & T_OFFSET ? NULL : tlb_read(cpu, cpu->r[REG_T0], a.bytes);

    memset(to, 0, sizeof(*to));
    check_alignment(cpu, w, t, &a);
    if (LIKELY(p))
        memcpy(to, p, a.bytes);
    else if (a.by_element)
        load_elements(cpu, t, &a, to);
    else
        mem_read_bytes(cpu, evex_linear(cpu, t, 0, a.bytes, false), to, a.bytes);
    if (t & T_BROADCAST)
        broadcast(to, a.bytes);
}

static void copy_elements(uint8_t *to, const union vec *from, const struct area *a)
{
    for (uint64_t left = a->wanted; left; left &= left - 1) {
        unsigned at = __builtin_ctzll(left) * a->size;

        vec_copy(to + at, &from->u8[at], a->size);
    }
}

static void store_elements(struct cpu *cpu, unsigned t, const struct area *a, const union vec *from)
{
    for (uint64_t left = a->wanted; left; left &= left - 1) {
        unsigned at = __builtin_ctzll(left) * a->size;

        mem_probe_write(cpu, evex_linear(cpu, t, at, a->size, true), a->size);
    }
    for (uint64_t left = a->wanted; left; left &= left - 1) {
        unsigned at = __builtin_ctzll(left) * a->size;
        uint64_t value = 0;

        memcpy(&value, &from->u8[at], a->size);
        mem_write(cpu, evex_linear(cpu, t, at, a->size, true), value, a->size);
    }
}

static void store(struct cpu *cpu, const struct work *w, unsigned t, const union vec *from)
{
    struct area a = area_of(w, t);
    uint8_t *p = t & T_OFFSET ? NULL : tlb_write(cpu, cpu->r[REG_T0], a.bytes);

    check_alignment(cpu, w, t, &a);
    if (!p && w->k && !a.by_element)
        mem_probe_write(cpu, evex_linear(cpu, t, 0, a.bytes, true), a.bytes);
    if (LIKELY(p) && w->k)
        copy_elements(p, from, &a);
    else if (LIKELY(p))
        memcpy(p, from, a.bytes);
    else if (w->k)
        store_elements(cpu, t, &a, from);
    else
        mem_write_bytes(cpu, evex_linear(cpu, t, 0, a.bytes, true), from, a.bytes);
}

/* ---- Operands ---- */

static const union vec *source(const struct cpu *cpu, enum vec_kind kind, unsigned n,
                               union vec *room)
{
    switch (kind) {
    case KIND_K: *room = (union vec){ .u64 = { cpu->k[n & 7] } }; return room;
    case KIND_G: *room = (union vec){ .u64 = { cpu->r[n & 15] } }; return room;
    default: return &cpu->v[n & REG_MASK];
    }
}

static unsigned out_size(const struct evex_op *op)
{
    return op->out ? op->out : op->element;
}

static unsigned result_bytes(const struct work *w)
{
    return w->op->flags & E_SCALAR ? 16 : w->lanes * out_size(w->op);
}

/* For the elements that mask names, d = b, or 0 where that is NULL. */
static void merge(union vec *d, const union vec *b, uint64_t mask, unsigned size)
{
    static const union vec zero;

    if (!b)
        b = &zero;
    for (uint64_t left = mask; left; left &= left - 1) {
        unsigned at = __builtin_ctzll(left) * size;

        memcpy(&d->u8[at], &b->u8[at], size);
    }
}

static void write_result(struct cpu *cpu, const struct work *w, unsigned n, const union vec *d)
{
    n &= REG_MASK;
    switch (w->op->dst) {
    case KIND_K: cpu->k[n & 7] = d->u64[0]; break;
    case KIND_G: cpu->r[n & 15] = d->u64[0]; break;
    case KIND_FLAGS: cpu->flags = (cpu->flags & ~F_ARITH) | d->u64[0]; break;
    default: vec_set(&cpu->v[n], d, result_bytes(w));
    }
}

static void compute(struct cpu *cpu, const struct work *w, union vec *d, const union vec *a,
                    const union vec *b)
{
    evex_kernel *kernel = w->op->k[w->length];

    if (!kernel)
        merge(d, b, w->mask, out_size(w->op));
    else if (w->how & HOW_QUIET)
        evex_run_quiet(cpu, kernel, d, a, b, w->mask, w->imm, w->how & HOW_ROUNDING);
    else if (w->op->flags & E_NO_TRAP)
        cpu->mxcsr |= evex_run_quiet(cpu, kernel, d, a, b, w->mask, w->imm, EVEX_AS_MXCSR);
    else if (w->op->flags & E_ER)
        evex_run_fp(cpu, kernel, d, a, b, w->mask, w->imm);
    else if (w->op->flags & E_SAE)
        evex_run_fp(cpu, kernel, d, a, b, w->mask, w->imm | IMM_FLUSHES);
    else if (w->op->flags & E_FP)
        evex_run_quiet(cpu, kernel, d, a, b, w->mask, w->imm, EVEX_AS_MXCSR);
    else
        kernel(d, a, b, w->mask, w->imm);
}

static void run_evex(struct cpu *cpu, const struct uop *u)
{
    struct work w = work_of(cpu, u);
    bool sums = w.op->flags & E_SUM, zeroing = w.how & HOW_ZEROING;
    const union vec *a = &cpu->v[u->a & REG_MASK], *b;
    union vec room, d = { 0 };

    if (w.how & HOW_MEMORY) {
        load(cpu, &w, u->b, &room);
        b = &room;
    } else {
        b = source(cpu, w.op->src, u->b, &room);
    }
    if (w.op->dst == KIND_V && (sums || !zeroing))
        d = cpu->v[u->d & REG_MASK];
    compute(cpu, &w, &d, a, b);
    if (sums && zeroing)
        merge(&d, NULL, ~w.mask & ~0ull >> (64 - w.lanes), out_size(w.op));
    write_result(cpu, &w, u->d, &d);
}

/* Memory is the destination, u->d the source. */
static void run_evex_store(struct cpu *cpu, const struct uop *u)
{
    struct work w = work_of(cpu, u);
    union vec room, d = { 0 };
    const union vec *b = source(cpu, w.op->src, u->d, &room);

    if (w.op->k[w.length]) {
        compute(cpu, &w, &d, b, b);
        b = &d;
    }
    store(cpu, &w, u->b, b);
}

/* ---- Translation ---- */

/* An address with the displacement that the row makes of it. */
static struct insn scaled(const struct evex_op *op, const struct insn *in)
{
    struct insn s = *in;

    s.disp = evex_displacement(op, in);
    return s;
}

bool evex_is_linear(const struct uop *u)
{
    return !(u->b & T_OFFSET);
}

static unsigned memory_form(const struct insn *in, bool is_linear)
{
    unsigned size = in->addr_size == 8 ? T_ADDR64 : in->addr_size == 4 ? T_ADDR32 : 0;

    return in->seg | size | (is_linear ? 0 : T_OFFSET) | (in->broadcast ? T_BROADCAST : 0);
}

unsigned evex_emit_address(struct block_builder *b, const struct evex_op *op, const struct insn *in)
{
    const struct insn s = scaled(op, in), *const was = b->in;
    bool is_linear;

    b->in = &s;
    is_linear = emit_unchecked(b);
    b->in = was;
    return memory_form(in, is_linear);
}

/* T0, and what u->b is for it.  Masks decide which of its elements are checked. */
static unsigned emit_operand(struct block_builder *b, const struct evex_op *op,
                             const struct insn *in)
{
    const struct insn s = scaled(op, in);

    if (in->mask && !(op->flags & E_WHOLE))
        return evex_emit_address(b, op, in);
    b->in = &s;
    emit_linear(b, evex_memory_bytes(op, in), op->flags & E_TO_RM);
    b->in = in;
    return memory_form(in, true);
}

static unsigned how_of(const struct evex_op *op, const struct insn *in)
{
    unsigned how = op->flags & E_ER ? in->l : EVEX_AS_MXCSR;

    return how | (evex_is_quiet(in) ? HOW_QUIET : 0) | (in->mod != 3 ? HOW_MEMORY : 0) |
           (in->zeroing ? HOW_ZEROING : 0);
}

static unsigned destination(const struct evex_op *op, const struct insn *in)
{
    bool to_rm = op->flags & E_TO_RM && in->mod == 3;

    return op->flags & E_NDD ? in->vvvv : to_rm ? in->rm : in->reg;
}

bool evex_translate(struct block_builder *b, const struct insn *in)
{
    const struct evex_op *op = evex_find(b->cpu, in);
    unsigned d, a, rm;
    bool to_memory;
    int64_t imm;

    if (!op)
        return false;
    if (op->emit) {
        op->emit(b, op, in);
        return true;
    }
    to_memory = op->flags & E_TO_RM && in->mod != 3;
    d = destination(op, in) | evex_length(op, in) << REG_BITS;
    a = (op->flags & E_NDS ? in->vvvv : destination(op, in)) | in->mask << REG_BITS;
    imm = (int64_t)((uintptr_t)op | (uint64_t)how_of(op, in) << HOW_SHIFT |
                    (in->imm & 0xff) << IMM8_SHIFT);
    vec_emit_check_evex(b);
    rm = in->mod != 3 ? emit_operand(b, op, in) : op->flags & E_TO_RM ? in->reg : in->rm;
    emit_call_as(b, op->dst == KIND_FLAGS ? UOP_VECTOR_FLAGS : UOP_VECTOR,
                 to_memory ? run_evex_store : run_evex, d, a, rm, imm);
    return true;
}
