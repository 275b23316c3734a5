/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * evex - vector instructions with an EVEX prefix: AVX-512 and what came with it.
 *
 * Intel SDM volume 2, sections 2.7 (EVEX), 2.8 (exception classes) and chapters 3 to 5.  As in
 * vec.h each encoding is a row of a table; no row fits: #UD.
 */
#ifndef TENON_SOFT_EVEX_H
#define TENON_SOFT_EVEX_H

#include "vec.h"

/*
 * d = a op b for the elements that mask names; the others stay as d comes, which is the
 * destination's old value, or zeroes.  It computes 512 bits, or a scalar, with the host's own
 * instruction under that mask: this has no bits beyond the vector's length, and what lies there
 * is the caller's to clear.  So elements that are masked out, or not there, raise no floating-point
 * flags.  Of opmask and general registers and flags the low 8 bytes count.  d is neither a nor b.
 * imm is imm8, and IMM_TINY as in vec.h.
 */
typedef void evex_kernel(union vec *d, const union vec *a, const union vec *b, uint64_t mask,
                         unsigned imm);

/* EVEX.W: any; 0; 1; or that a general register has 32 or 64 bits, so that outside 64-bit code it
 * means nothing. */
enum { W_ANY, W_0, W_1, W_32, W_64 };

enum { LENGTH_128 = 1, LENGTH_256 = 2, LENGTH_512 = 4, LENGTHS = 7 };

/* A memory operand: how many bytes it has, for a vector of N bytes; it is what a displacement of
 * one byte counts in.  SDM volume 2, tables 2-34 and 2-35. */
enum evex_tuple {
    TUPLE_NONE,
    TUPLE_FULL, /* N, or by EVEX.b one element */
    TUPLE_HALF, /* N/2, or one element, which has half the bytes */
    TUPLE_QUARTER,
    TUPLE_FULL_MEM, /* N; no broadcast */
    TUPLE_HALF_MEM,
    TUPLE_QUARTER_MEM,
    TUPLE_EIGHTH_MEM,
    TUPLE_1, /* size bytes (Tuple1 Scalar and Fixed): one element */
    TUPLE_2, /* two elements... */
    TUPLE_4,
    TUPLE_8,
    TUPLE_128, /* 16 */
    TUPLE_DUP  /* N, but 8 of 16: VMOVDDUP's */
};

enum {
    E_NDS = 1,   /* EVEX.vvvv is the first source; otherwise it must be unused */
    E_NDD = 2,   /* EVEX.vvvv is the destination */
    E_TO_RM = 4, /* reg is the source, rm the destination */
    E_REG = 8,   /* rm is a register */
    E_MEM = 0x10,
    E_FP = 0x20,       /* MXCSR controls it; alone: it raises no exceptions */
    E_SAE = 0x40,      /* and EVEX.b of registers keeps exceptions from it; 512 bits or a scalar */
    E_ER = 0x80,       /* the same, and L'L says how it rounds; it may underflow */
    E_SCALAR = 0x100,  /* one element; the rest of 128 bits is a's.  L'L means nothing else */
    E_NO_MASK = 0x200, /* there is no mask */
    E_MASKED = 0x400,  /* there must be one: not k0 */
    E_NO_ZERO = 0x800, /* no zeroing; nor where the destination is memory or no vector */
    E_ALIGN = 0x1000,  /* memory is aligned */
    E_WHOLE = 0x2000,  /* all of memory is accessed, whatever the mask (exception classes NF) */
    E_SUM = 0x4000,    /* the destination is a source too, even with zeroing */
    E_VSIB = 0x8000,   /* the index register is a vector: evex_index() */
    E_NO_VL = 0x10000, /* shorter vectors do not need AVX512VL */
    E_ALONE = 0x20000, /* only its function can do it: translated code calls that */
    E_APART = 0x40000, /* the destination must be no source */
    E_NO_TRAP = 0x80000, /* exceptions leave flags, but are none though they are not masked */
};

struct evex_op {
    uint8_t map, pp, opcode;
    uint8_t ext;      /* 0, or EXT(ModRM.reg) */
    uint8_t w;        /* W_* */
    uint8_t element;  /* bytes of the vector to each bit of the mask */
    uint8_t out;      /* bytes of the result to each bit; 0: as many */
    uint8_t tuple;    /* of memory */
    uint8_t size;     /* bytes of TUPLE_1, of what is broadcast; 0: element */
    uint8_t dst, src; /* KIND_*; memory stands for rm if that is not E_REG */
    uint8_t lengths;  /* LENGTH_*; E_SCALAR: any of them for all */
    uint8_t isa;      /* besides AVX512F; 0: none */
    uint32_t flags;
    evex_kernel *k[3]; /* 128, 256, 512 bits; NULL: the value as it is */
    void (*emit)(struct block_builder *b, const struct evex_op *op,
                 const struct insn *in); /* instead of all that */
};

struct evex_table {
    const struct evex_op *op;
    unsigned n;
};
extern const struct evex_table evex_move_table, evex_int_table, evex_float_table,
    evex_int_shuffle_table, evex_convert_table, evex_half_table, evex_special_table;

/* As vec_rows(); there are none where the host cannot run kernels. */
struct row_index *evex_rows(void);
/* The row of an instruction, or NULL: #UD. */
const struct evex_op *evex_find(const struct cpu *cpu, const struct insn *in);
bool evex_translate(struct block_builder *b, const struct insn *in);

/* ---- What a row and an instruction say together ---- */

/* EVEX.b of registers: exceptions are suppressed. */
static inline bool evex_is_quiet(const struct insn *in)
{
    return in->broadcast && in->mod == 3;
}
/* 0: 128 bits, 1: 256, 2: 512. */
unsigned evex_length(const struct evex_op *op, const struct insn *in);
/* How many elements, that is bits of the mask. */
unsigned evex_lanes(const struct evex_op *op, unsigned length);
/* Bytes of the memory operand, as broadcast; 0: there is none. */
unsigned evex_memory_bytes(const struct evex_op *op, const struct insn *in);
/* The displacement, with one of a byte multiplied. */
int64_t evex_displacement(const struct evex_op *op, const struct insn *in);
/* Of the micro-op of an instruction with memory: T0 is its linear address, not an offset. */
bool evex_is_linear(const struct uop *u);
/* The index register of E_VSIB. */
unsigned evex_index(const struct insn *in);

/* ---- For emit functions ---- */

/* The mask that an instruction works under, of so many elements: k0 names all. */
static inline uint64_t evex_mask(const struct cpu *cpu, unsigned k, unsigned lanes)
{
    return (k ? cpu->k[k] : ~0ull) & (~0ull >> (64 - lanes));
}
/*
 * T0 = address of the memory operand; what to tell evex_linear(), in six bits.  That gives the
 * linear address of an access, so many bytes behind T0, with all checks but paging's.
 */
unsigned evex_emit_address(struct block_builder *b, const struct evex_op *op,
                           const struct insn *in);
uint64_t evex_linear(struct cpu *cpu, unsigned t, int64_t at, unsigned size, bool write);

/* As vec_run_fp(). */
void evex_run_fp(struct cpu *cpu, evex_kernel *kernel, union vec *d, const union vec *a,
                 const union vec *b, uint64_t mask, unsigned imm);
/* Without exceptions, and rounding as MXCSR.RC would have it, or does; the flags not raised. */
enum { EVEX_AS_MXCSR = 4 };
unsigned evex_run_quiet(struct cpu *cpu, evex_kernel *kernel, union vec *d, const union vec *a,
                        const union vec *b, uint64_t mask, unsigned imm, unsigned rounding);

#endif
