/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec - finds the row of a vector instruction and runs it: operands, checks, exceptions of SIMD
 * floating point.
 *
 * Intel SDM volume 1, sections 11.5 (SIMD floating-point exceptions) and 9.6 (MMX and the x87
 * state); volume 2, sections 2.3 and 2.4 (VEX, exception classes).
 */
#include "blocks.h"
#include "evex.h"
#include "exec.h"
#include "vec-kernel.h"
#include "x87.h"

/* ---- Features ---- */

/* Where CPUID has it, and which components of XCR0 it needs besides. */
static const struct {
    uint8_t leaf, subleaf, reg, bit, components;
} features[N_ISAS] = {
    // clang-format off
    [ISA_MMX]    = { 1, 0, 3, 23, 0 }, [ISA_SSE]   = { 1, 0, 3, 25, 0 }, [ISA_SSE2]   = { 1, 0, 3, 26, 0 },
    [ISA_SSE3]   = { 1, 0, 2, 0, 0 },  [ISA_SSSE3] = { 1, 0, 2, 9, 0 },  [ISA_SSE41]  = { 1, 0, 2, 19, 0 },
    [ISA_SSE42]  = { 1, 0, 2, 20, 0 }, [ISA_AES]   = { 1, 0, 2, 25, 0 }, [ISA_PCLMUL] = { 1, 0, 2, 1, 0 },
    [ISA_SHA]    = { 7, 0, 1, 29, 0 }, [ISA_GFNI]  = { 7, 0, 2, 8, 0 },
    [ISA_AVX]      = { 1, 0, 2, 28, XCR0_AVX }, [ISA_AVX2]     = { 7, 0, 1, 5, XCR0_AVX },
    [ISA_FMA]      = { 1, 0, 2, 12, XCR0_AVX }, [ISA_F16C]     = { 1, 0, 2, 29, XCR0_AVX },
    [ISA_VAES]     = { 7, 0, 2, 9, XCR0_AVX },  [ISA_VPCLMUL]  = { 7, 0, 2, 10, XCR0_AVX },
    [ISA_AVX_VNNI] = { 7, 1, 0, 4, XCR0_AVX },
    [ISA_AVX512F]   = { 7, 0, 1, 16, XCR0_AVX512 }, [ISA_AVX512CD] = { 7, 0, 1, 28, XCR0_AVX512 },
    [ISA_AVX512BW]  = { 7, 0, 1, 30, XCR0_AVX512 }, [ISA_AVX512DQ] = { 7, 0, 1, 17, XCR0_AVX512 },
    [ISA_AVX512VL]  = { 7, 0, 1, 31, XCR0_AVX512 }, [ISA_IFMA]     = { 7, 0, 1, 21, XCR0_AVX512 },
    [ISA_VBMI]      = { 7, 0, 2, 1, XCR0_AVX512 },  [ISA_VBMI2]    = { 7, 0, 2, 6, XCR0_AVX512 },
    [ISA_VNNI]      = { 7, 0, 2, 11, XCR0_AVX512 }, [ISA_BITALG]   = { 7, 0, 2, 12, XCR0_AVX512 },
    [ISA_VPOPCNTDQ] = { 7, 0, 2, 14, XCR0_AVX512 },
    [ISA_BF16]      = { 7, 1, 0, 5, XCR0_AVX512 },  [ISA_FP16]     = { 7, 0, 3, 23, XCR0_AVX512 },
    // clang-format on
};

bool vec_offers(const struct cpu *cpu, enum vec_isa isa)
{
    return isa && cpu_has(cpu, features[isa].leaf, features[isa].subleaf, features[isa].reg,
                          features[isa].bit);
}

uint64_t vec_host_isas(void)
{
    uint64_t isas = 0;

    for (unsigned i = ISA_NONE + 1; i < N_ISAS; i++) {
        uint32_t r[4] = { 0 };

        __get_cpuid_count(features[i].leaf, features[i].subleaf, &r[0], &r[1], &r[2], &r[3]);
        if (r[features[i].reg] >> features[i].bit & 1 && vec_host_saves(features[i].components))
            isas |= 1ull << i;
    }
    return isas;
}

/* ---- What must hold before an instruction ---- */

static void check_sse(struct cpu *cpu, const struct uop *u)
{
    if (cpu->cr0 & CR0_EM || !(cpu->cr4 & CR4_OSFXSR))
        cpu_fault(cpu, EXC_UD);
    if (cpu->cr0 & CR0_TS)
        cpu_fault(cpu, EXC_NM);
}

static void check_components(struct cpu *cpu, uint64_t components)
{
    if (!(cpu->cr4 & CR4_OSXSAVE) || (cpu->xcr0 & components) != components)
        cpu_fault(cpu, EXC_UD);
    if (cpu->cr0 & CR0_TS)
        cpu_fault(cpu, EXC_NM);
}

static void check_avx(struct cpu *cpu, const struct uop *u)
{
    check_components(cpu, XCR0_AVX);
}

static void check_evex(struct cpu *cpu, const struct uop *u)
{
    check_components(cpu, XCR0_AVX512);
    cpu->wide = true;
}

void vec_check_mmx(struct cpu *cpu, const struct uop *u)
{
    x87_check_mmx(cpu);
}

/* What CR0, CR4 and XCR0 say cannot change within a block. */
static void emit_once(struct block_builder *b, uop_call *check, unsigned unit)
{
    for (unsigned i = 0; i < b->n; i++)
        if (b->uop[i].op == UOP_CHECK && b->uop[i].call == check)
            return;
    emit_call_as(b, UOP_CHECK, check, unit, 0, 0, 0);
}

void vec_emit_check(struct block_builder *b, const struct insn *in)
{
    if (in->vex)
        emit_once(b, check_avx, LOADED_AVX);
    else
        emit_once(b, check_sse, LOADED_SSE);
}

void vec_emit_check_evex(struct block_builder *b)
{
    emit_once(b, check_evex, LOADED_EVEX);
}

/* ---- Finding the row ---- */

bool vec_is_wide(const struct insn *in)
{
    return in->w && in->code == MODE_CODE64;
}

static bool uses_mask(const struct vec_op *op)
{
    return op->dst == KIND_K || op->src == KIND_K;
}

/* There are eight opmask registers; which names rm is told by three bits. */
static bool masks_fit(const struct vec_op *op, const struct insn *in)
{
    return (op->dst == KIND_G || in->reg < N_MASKS) && (!(op->flags & V_NDS) || in->vvvv < N_MASKS);
}

/* What a row says with VEX: W, and vvvv unused but as a register. */
static bool vex_fits(const struct vec_op *op, const struct insn *in)
{
    return !(op->flags & (in->w ? V_W0 : V_W1)) &&
           (op->flags & (V_NDS | V_NDD) || !(in->vvvv || in->spare)) &&
           (!uses_mask(op) || masks_fit(op, in));
}

static bool fits(const struct vec_op *op, const struct insn *in)
{
    unsigned flags = op->flags;

    return op->opcode == in->opcode && op->map == in->map && op->pp == in->pp &&
           (!op->ext || (op->ext & 7) == (in->reg & 7)) &&
           !(flags & (in->mod == 3 ? V_MEM : V_REG)) &&
           !(flags & (vec_is_wide(in) ? V_NARROW : V_WIDE)) && (!in->vex || vex_fits(op, in));
}

static bool offered(const struct cpu *cpu, const struct vec_op *op, const struct insn *in)
{
    if (in->vex && !vec_offers(cpu, ISA_AVX))
        return false;
    return vec_offers(cpu, op->isa[in->vex ? 1 + in->l : 0]);
}

_Static_assert(!offsetof(struct vec_op, map) && offsetof(struct vec_op, opcode) == 2, "rows.h");

struct row_index *vec_rows(void)
{
    const struct rows tables[] = { ROWS(vec_move_table), ROWS(vec_int_table), ROWS(vec_float_table),
                                   ROWS(vec_special_table), ROWS(vec_mask_table) };

    return rows_index(tables, sizeof(tables) / sizeof(*tables));
}

const struct vec_op *vec_find(const struct cpu *cpu, const struct insn *in)
{
    const struct row_index *index = cpu->blocks->vec;
    unsigned key = row_key(in->map, in->opcode);

    for (unsigned i = index->first[key]; i < index->first[key + 1]; i++) {
        const struct vec_op *op = index->row[i];

        if (fits(op, in) && offered(cpu, op, in))
            return op;
    }
    return NULL;
}

/* ---- Micro-operations ---- */

/*
 * d: destination register, low digit, and KIND_* in the high one
 * a: first source of the destination's kind, and HOW_* in the high digit
 * b: source register and kind; of memory what vec_memory() says
 * imm: the kernel's address, and imm8 in the uppermost byte
 */
enum { HOW_FP = 0x10, HOW_VEX = 0x20, HOW_THIRD = 0x40, HOW_256 = 0x80 };
enum { IMM8_SHIFT = 56 };

static vec_kernel *kernel_of(const struct uop *u)
{
    return (vec_kernel *)(uintptr_t)(u->imm & ((1ull << IMM8_SHIFT) - 1));
}

static unsigned imm8_of(const struct uop *u)
{
    return (uint64_t)u->imm >> IMM8_SHIFT;
}

/* ---- Memory ---- */

static void check_alignment(struct cpu *cpu, uint64_t lin, unsigned how)
{
    if (UNLIKELY(how & VEC_ALIGNED && lin & ((how & VEC_BYTES) - 1)))
        cpu_fault_error(cpu, EXC_GP, 0);
}

/* Of what the TLB does not have. */
static void check_canonical(struct cpu *cpu, uint64_t lin, unsigned how)
{
    uint64_t last = lin + (how & VEC_BYTES) - 1;

    if (cpu->mode & MODE_CODE64 && !(canonical(cpu, lin) && canonical(cpu, last)))
        cpu_fault_error(cpu, how & VEC_STACK ? EXC_SS : EXC_GP, 0);
}

/* Memory at T0; how as u->b. */
static inline void load(struct cpu *cpu, union vec *to, unsigned how)
{
    uint64_t lin = cpu->r[REG_T0];
    unsigned bytes = how & VEC_BYTES;
    const void *p = tlb_read(cpu, lin, bytes);

    if (UNLIKELY(!p))
        check_canonical(cpu, lin, how);
    check_alignment(cpu, lin, how);
    if (LIKELY(p))
        vec_copy(to, p, bytes);
    else
        mem_read_bytes(cpu, lin, to, bytes);
}

void vec_load(struct cpu *cpu, union vec *to, unsigned how)
{
    load(cpu, to, how);
}

static inline void store(struct cpu *cpu, const union vec *from, unsigned how)
{
    uint64_t lin = cpu->r[REG_T0];
    unsigned bytes = how & VEC_BYTES;
    void *p = tlb_write(cpu, lin, bytes);

    if (UNLIKELY(!p))
        check_canonical(cpu, lin, how);
    check_alignment(cpu, lin, how);
    if (LIKELY(p))
        vec_copy(p, from, bytes);
    else
        mem_write_bytes(cpu, lin, from, bytes);
}

/* ---- Floating point: MXCSR and its exceptions ---- */

enum {
    MX_IE = 1,
    MX_DE = 2,
    MX_ZE = 4,
    MX_OE = 8,
    MX_UE = 0x10,
    MX_PE = 0x20,
    MX_FLAGS = 0x3f,
    MX_MASKS = 0x1f80,
    MX_ROUNDING = 0x6000,
    MX_ROUNDING_SHIFT = 13,
    MX_FTZ = 0x8000
};

/* A kernel, one of two kinds, and what it takes. */
struct vec_run {
    vec_kernel *kernel;
    evex_kernel *masked; /* instead */
    const union vec *a, *b;
    uint64_t mask;
    unsigned imm;
};

static inline void run_kernel(const struct vec_run *run, union vec *d, unsigned imm)
{
    if (run->masked)
        run->masked(d, run->a, run->b, run->mask, imm);
    else
        run->kernel(d, run->a, run->b, imm);
}

/* Runs a kernel under an MXCSR with everything masked; the flags it raised. */
static unsigned run_under(uint32_t mxcsr, const struct vec_run *run, union vec *d, unsigned imm)
{
    uint32_t host = __builtin_ia32_stmxcsr(), after;

    __builtin_ia32_ldmxcsr((mxcsr & ~MX_FLAGS) | MX_MASKS);
    run_kernel(run, d, imm);
    after = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(host & ~MX_FLAGS);
    return after & MX_FLAGS;
}

/* A SIMD floating-point exception, its flags noted. */
static _Noreturn void raise_fp(struct cpu *cpu, unsigned flags)
{
    cpu->mxcsr |= flags;
    cpu_fault(cpu, cpu->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
}

/*
 * The slow way, where not all exceptions are masked.  Those found before computing (invalid,
 * denormal, divide by zero) keep the rest from being computed.  Unmasked underflow means any tiny
 * result, and is not flushed to zero; a run that flushes tells which results are tiny.
 */
static void run_unmasked(struct cpu *cpu, const struct vec_run *run, union vec *d)
{
    unsigned masked = cpu->mxcsr >> 7 & MX_FLAGS, flags;
    uint32_t mxcsr = cpu->mxcsr;
    union vec tiny = *d;

    if (!(masked & MX_UE) && !(run->imm & IMM_FLUSHES))
        mxcsr &= ~MX_FTZ;
    flags = run_under(mxcsr, run, d, run->imm);
    if (flags & ~masked & (MX_IE | MX_DE | MX_ZE))
        raise_fp(cpu, flags & (MX_IE | MX_DE | MX_ZE));
    if (!(masked & MX_UE))
        flags |= run_under(mxcsr | MX_FTZ, run, &tiny, run->imm | IMM_TINY) & MX_UE;
    if (flags & ~masked)
        raise_fp(cpu, flags);
    cpu->mxcsr |= flags;
}

/* The host's MXCSR, as it is, does for the guest's: the same but for flags, and no flag is up that
 * the guest does not have.  To load it takes longer than to compute. */
static inline bool mxcsr_fits(uint32_t host, uint32_t guest)
{
    return !((host ^ guest) & ~MX_FLAGS) && !(host & ~guest & MX_FLAGS);
}

static inline __attribute__((always_inline)) void run_fp(struct cpu *cpu, const struct vec_run *run,
                                                         union vec *d)
{
    if (UNLIKELY((cpu->mxcsr & MX_MASKS) != MX_MASKS)) {
        run_unmasked(cpu, run, d);
    } else if (LIKELY(mxcsr_fits(__builtin_ia32_stmxcsr(), cpu->mxcsr))) {
        run_kernel(run, d, run->imm);
        cpu->mxcsr |= __builtin_ia32_stmxcsr() & MX_FLAGS;
    } else {
        cpu->mxcsr |= run_under(cpu->mxcsr, run, d, run->imm);
    }
}

void vec_run_fp(struct cpu *cpu, vec_kernel *kernel, union vec *d, const union vec *a,
                const union vec *b, unsigned imm)
{
    const struct vec_run run = { .kernel = kernel, .a = a, .b = b, .imm = imm };

    run_fp(cpu, &run, d);
}

void evex_run_fp(struct cpu *cpu, evex_kernel *kernel, union vec *d, const union vec *a,
                 const union vec *b, uint64_t mask, unsigned imm)
{
    const struct vec_run run = { .masked = kernel, .a = a, .b = b, .mask = mask, .imm = imm };

    run_fp(cpu, &run, d);
}

unsigned evex_run_quiet(struct cpu *cpu, evex_kernel *kernel, union vec *d, const union vec *a,
                        const union vec *b, uint64_t mask, unsigned imm, unsigned rounding)
{
    const struct vec_run run = { .masked = kernel, .a = a, .b = b, .mask = mask };
    uint32_t mxcsr = cpu->mxcsr;

    if (rounding != EVEX_AS_MXCSR)
        mxcsr = (mxcsr & ~MX_ROUNDING) | rounding << MX_ROUNDING_SHIFT;
    return run_under(mxcsr, &run, d, imm);
}

/* ---- The usual: vector registers, and memory as the second source ---- */

enum width { LEGACY, VEX_128, VEX_256 };

static inline __attribute__((always_inline)) void run_vector(struct cpu *cpu, const struct uop *u,
                                                             bool mem, enum width width, bool fp)
{
    const unsigned bytes = width == VEX_256 ? 32 : 16;
    union vec m, result, *d = &cpu->v[u->d];
    const union vec *a = &cpu->v[u->a], *b = mem ? &m : &cpu->v[u->b];

    if (mem) {
        memset(&m, 0, 32);
        load(cpu, &m, u->b);
    }
    if (fp) {
        const struct vec_run run = { .kernel = kernel_of(u), .a = a, .b = b, .imm = imm8_of(u) };

        memcpy(&result, d, 32);
        run_fp(cpu, &run, &result);
        memcpy(d, &result, bytes);
    } else {
        kernel_of(u)(d, a, b, imm8_of(u));
    }
    if (width != LEGACY)
        vec_clear_above(d, bytes);
}

#define RUN_VECTOR(name, mem, width, fp)                                                           \
    static void name(struct cpu *cpu, const struct uop *u)                                         \
    {                                                                                              \
        run_vector(cpu, u, mem, width, fp);                                                        \
    }
RUN_VECTOR(run_reg, false, LEGACY, false)
RUN_VECTOR(run_reg_fp, false, LEGACY, true)
RUN_VECTOR(run_mem, true, LEGACY, false)
RUN_VECTOR(run_mem_fp, true, LEGACY, true)
RUN_VECTOR(run_reg_128, false, VEX_128, false)
RUN_VECTOR(run_reg_128_fp, false, VEX_128, true)
RUN_VECTOR(run_mem_128, true, VEX_128, false)
RUN_VECTOR(run_mem_128_fp, true, VEX_128, true)
RUN_VECTOR(run_reg_256, false, VEX_256, false)
RUN_VECTOR(run_reg_256_fp, false, VEX_256, true)
RUN_VECTOR(run_mem_256, true, VEX_256, false)
RUN_VECTOR(run_mem_256_fp, true, VEX_256, true)

/* By mem, width, fp. */
static uop_call *const run_vectors[2][3][2] = {
    { { run_reg, run_reg_fp }, { run_reg_128, run_reg_128_fp }, { run_reg_256, run_reg_256_fp } },
    { { run_mem, run_mem_fp }, { run_mem_128, run_mem_128_fp }, { run_mem_256, run_mem_256_fp } },
};

/* ---- Whole moves: no kernel ---- */

static void move_reg(struct cpu *cpu, const struct uop *u)
{
    memcpy(&cpu->v[u->d], &cpu->v[u->b], 16);
}

static void move_reg_128(struct cpu *cpu, const struct uop *u)
{
    vec_set(&cpu->v[u->d], &cpu->v[u->b], 16);
}

static void move_reg_256(struct cpu *cpu, const struct uop *u)
{
    vec_set(&cpu->v[u->d], &cpu->v[u->b], 32);
}

/* 16 bytes or fewer, then zeroes; VEX: to the end of the register. */
static void move_mem(struct cpu *cpu, const struct uop *u)
{
    union vec m = { 0 };

    load(cpu, &m, u->b);
    memcpy(&cpu->v[u->d], &m, 16);
}

static void move_mem_vex(struct cpu *cpu, const struct uop *u)
{
    union vec m = { 0 };

    load(cpu, &m, u->b);
    cpu->v[u->d] = m;
}

static void move_mem16(struct cpu *cpu, const struct uop *u)
{
    load(cpu, &cpu->v[u->d], 16 | (u->b & VEC_STACK));
}

static void move_mem16_aligned(struct cpu *cpu, const struct uop *u)
{
    load(cpu, &cpu->v[u->d], 16 | VEC_ALIGNED | (u->b & VEC_STACK));
}

static void store_vector(struct cpu *cpu, const struct uop *u)
{
    store(cpu, &cpu->v[u->d], u->b);
}

static void store16(struct cpu *cpu, const struct uop *u)
{
    store(cpu, &cpu->v[u->d], 16 | (u->b & VEC_STACK));
}

static void store16_aligned(struct cpu *cpu, const struct uop *u)
{
    store(cpu, &cpu->v[u->d], 16 | VEC_ALIGNED | (u->b & VEC_STACK));
}

/* By mem, width. */
static uop_call *const moves[2][3] = {
    { move_reg, move_reg_128, move_reg_256 },
    { move_mem, move_mem_vex, move_mem_vex },
};

static uop_call *move_of(bool mem, enum width width, unsigned how)
{
    if (width == LEGACY && mem && (how & VEC_BYTES) == 16)
        return how & VEC_ALIGNED ? move_mem16_aligned : move_mem16;
    return moves[mem][width];
}

static uop_call *store_of(unsigned how)
{
    if ((how & VEC_BYTES) == 16)
        return how & VEC_ALIGNED ? store16_aligned : store16;
    return store_vector;
}

/* ---- The rest: any kinds of operands ---- */

void vec_enter_mmx(struct cpu *cpu, const struct uop *u)
{
    x87_enter_mmx(cpu);
}

static const union vec *read_operand(struct cpu *cpu, unsigned operand, union vec *room)
{
    unsigned n = operand & 15;

    switch (operand >> 4) {
    case KIND_V: return &cpu->v[n];
    case KIND_K: room->u64[0] = cpu->k[n & 7]; break;
    case KIND_MM: room->u64[0] = cpu->x87.r[n & 7].mantissa; break;
    default: room->u64[0] = cpu->r[n]; break;
    }
    return room;
}

static void write_operand(struct cpu *cpu, unsigned operand, const union vec *value, unsigned how)
{
    unsigned n = operand & 15, bytes = how & HOW_256 ? 32 : 16;

    switch (operand >> 4) {
    case KIND_V:
        memcpy(&cpu->v[n], value, bytes);
        if (how & HOW_VEX)
            vec_clear_above(&cpu->v[n], bytes);
        break;
    case KIND_K: cpu->k[n & 7] = value->u64[0]; break;
    case KIND_MM: x87_write_mmx(cpu, n & 7, value->u64[0]); break;
    case KIND_G: cpu->r[n] = value->u64[0]; break;
    case KIND_FLAGS: cpu->flags = (cpu->flags & ~F_ARITH) | value->u64[0]; break;
    }
}

static void compute(struct cpu *cpu, const struct uop *u, union vec *d, const union vec *a,
                    const union vec *b)
{
    if (!kernel_of(u))
        *d = *b;
    else if (u->a & HOW_FP)
        vec_run_fp(cpu, kernel_of(u), d, a, b, imm8_of(u));
    else
        kernel_of(u)(d, a, b, imm8_of(u));
}

/* The first source: of the destination's kind, a vector where that is flags. */
static const union vec *first_operand(struct cpu *cpu, const struct uop *u, union vec *room)
{
    unsigned kind = u->d >> 4 == KIND_MM || u->d >> 4 == KIND_K ? u->d >> 4 : KIND_V;

    return read_operand(cpu, kind << 4 | (u->a & 15), room);
}

static void run_general(struct cpu *cpu, const struct uop *u, const union vec *b)
{
    union vec a = { 0 }, d = { 0 };

    if (u->a & HOW_THIRD)
        d = cpu->v[imm8_of(u) >> 4];
    compute(cpu, u, &d, first_operand(cpu, u, &a), b);
    write_operand(cpu, u->d, &d, u->a);
}

static void run_any(struct cpu *cpu, const struct uop *u)
{
    union vec b = { 0 };

    run_general(cpu, u, read_operand(cpu, u->b, &b));
}

static void run_any_mem(struct cpu *cpu, const struct uop *u)
{
    union vec b = { 0 };

    load(cpu, &b, u->b);
    run_general(cpu, u, &b);
}

/* Memory is the destination, u->d the source. */
static void run_any_store(struct cpu *cpu, const struct uop *u)
{
    union vec room = { 0 }, d = { 0 };

    check_canonical(cpu, cpu->r[REG_T0], u->b);
    mem_probe_write(cpu, cpu->r[REG_T0], u->b & VEC_BYTES);
    compute(cpu, u, &d, &d, read_operand(cpu, u->d, &room));
    store(cpu, &d, u->b);
}

/* ---- Translation ---- */

struct form {
    const struct vec_op *op;
    bool mem;
    enum width width;
    uint8_t how;         /* of memory: vec_memory() */
    uint8_t dst, a, src; /* register numbers; to memory: src is the one */
    vec_kernel *kernel;
};

static enum width width_of(const struct vec_op *op, const struct insn *in)
{
    return !in->vex ? LEGACY : in->l && !(op->flags & V_LIG) ? VEX_256 : VEX_128;
}

static unsigned memory_bytes(const struct vec_op *op, const struct insn *in)
{
    if (op->size >= SIZE_FULL)
        return (width_of(op, in) == VEX_256 ? 32 : 16) >> (op->size - SIZE_FULL);
    return op->size;
}

static bool must_align(const struct vec_op *op, const struct insn *in, unsigned bytes)
{
    return bytes >= 16 && (in->vex ? op->flags & V_ALIGN : !(op->flags & V_UNALIGN));
}

unsigned vec_memory(const struct vec_op *op, const struct insn *in)
{
    unsigned bytes = memory_bytes(op, in);

    return bytes | (must_align(op, in, bytes) ? VEC_ALIGNED : 0) |
           (in->seg == SEG_SS ? VEC_STACK : 0);
}

unsigned vec_emit_memory(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    emit_linear(b, memory_bytes(op, in), op->flags & V_TO_RM);
    return vec_memory(op, in);
}

static struct form form_of(const struct vec_op *op, const struct insn *in)
{
    struct form f = { .op = op, .mem = in->mod != 3, .dst = in->reg, .a = in->reg, .src = in->rm };

    f.width = width_of(op, in);
    f.kernel = f.width == VEX_256 ? op->y : op->x;
    if (op->flags & V_TO_RM) {
        f.dst = f.a = in->rm;
        f.src = in->reg;
    }
    if (op->flags & V_NDD)
        f.dst = in->vex ? in->vvvv : in->rm;
    if (op->flags & V_NDS && in->vex)
        f.a = in->vvvv;
    return f;
}

/* The register of a third source is in imm8's upper digit. */
unsigned vec_imm8(const struct vec_op *op, const struct insn *in)
{
    unsigned imm = in->imm & 0xff;

    if (!(op->flags & V_THIRD))
        return imm;
    return !in->vex ? 0 : in->code == MODE_CODE64 ? imm : imm & 0x7f;
}

static unsigned operand(unsigned kind, unsigned n)
{
    return kind << 4 | n;
}

static int64_t packed(const struct form *f, unsigned imm)
{
    return (int64_t)((uintptr_t)f->kernel | (uint64_t)imm << IMM8_SHIFT);
}

/* The micro-op, by what it writes. */
static void emit_run(struct block_builder *b, const struct form *f, uop_call *run, unsigned d,
                     unsigned a, unsigned src, int64_t imm)
{
    emit_call_as(b, f->op->dst == KIND_FLAGS ? UOP_VECTOR_FLAGS : UOP_VECTOR, run, d, a, src, imm);
}

static void emit_general(struct block_builder *b, const struct form *f, unsigned imm)
{
    const struct vec_op *op = f->op;
    unsigned how = f->a | (op->flags & V_FP ? HOW_FP : 0) | (op->flags & V_THIRD ? HOW_THIRD : 0) |
                   (f->width != LEGACY ? HOW_VEX : 0) | (f->width == VEX_256 ? HOW_256 : 0);

    if (!f->mem)
        emit_run(b, f, run_any, operand(op->dst, f->dst), how, operand(op->src, f->src),
                 packed(f, imm));
    else if (op->flags & V_TO_RM)
        emit_run(b, f, run_any_store, operand(op->src, f->src), how & ~15, f->how, packed(f, imm));
    else
        emit_run(b, f, run_any_mem, operand(op->dst, f->dst), how, f->how, packed(f, imm));
}

static void emit_op(struct block_builder *b, const struct form *f, unsigned imm)
{
    const struct vec_op *op = f->op;
    bool vectors = op->dst == KIND_V && op->src == KIND_V && !(op->flags & V_THIRD);
    bool to_memory = op->flags & V_TO_RM && f->mem;
    unsigned src = f->mem ? f->how : f->src;

    if (vectors && to_memory && !f->kernel)
        emit_run(b, f, store_of(f->how), f->src, 0, f->how, 0);
    else if (vectors && !to_memory && !f->kernel)
        emit_run(b, f, move_of(f->mem, f->width, f->how), f->dst, 0, src, 0);
    else if (vectors && !to_memory)
        emit_run(b, f, run_vectors[f->mem][f->width][!!(op->flags & V_FP)], f->dst, f->a, src,
                 packed(f, imm));
    else
        emit_general(b, f, imm);
}

/* An MMX register is an operand: not if memory stands for it. */
static bool uses_mmx(const struct form *f)
{
    bool to_rm = f->op->flags & V_TO_RM;
    unsigned reg = to_rm ? f->op->src : f->op->dst, rm = to_rm ? f->op->dst : f->op->src;

    return reg == KIND_MM || (rm == KIND_MM && !f->mem);
}

static bool uses_vector(const struct vec_op *op)
{
    return op->dst == KIND_V || op->src == KIND_V || op->dst == KIND_FLAGS;
}

bool vec_translate(struct block_builder *b, const struct insn *in)
{
    const struct vec_op *op;
    struct form f;

    if ((in->vex || in->evex) && (!(b->mode & MODE_PE) || b->mode & MODE_VM86))
        return false;
    if (in->evex)
        return evex_translate(b, in);
    op = vec_find(b->cpu, in);
    if (!op)
        return false;
    if (op->emit) {
        op->emit(b, op, in);
        return true;
    }
    f = form_of(op, in);
    if (uses_mask(op))
        vec_emit_check_evex(b);
    else if (uses_vector(op))
        vec_emit_check(b, in);
    if (uses_mmx(&f))
        emit_call_as(b, UOP_CHECK, vec_check_mmx, LOADED_X87, 0, 0, 0);
    if (f.mem)
        f.how = vec_emit_memory(b, op, in);
    emit_op(b, &f, vec_imm8(op, in));
    if (uses_mmx(&f))
        emit_call_as(b, UOP_VECTOR, vec_enter_mmx, 0, 0, 0, 0);
    return true;
}
