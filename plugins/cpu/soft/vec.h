/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec - vector instructions: MMX, SSE to SSE4.2, AVX, AVX2, FMA, F16C, AES, PCLMULQDQ, GFNI, SHA;
 * those of AVX-512 with masks are in evex.h.
 *
 * Intel SDM volume 2, and volume 1 chapters 9 to 14.  Each encoding is a row of a table: its
 * opcode, the operands it takes and the features it belongs to, and kernels that do the work with
 * the host's own instruction.  No row fits: #UD.
 */
#ifndef TENON_SOFT_VEC_H
#define TENON_SOFT_VEC_H

#include <cpuid.h>
#include <string.h>

#include "rows.h"
#include "uop.h"

/* What CPUID offers instructions by. */
enum vec_isa {
    ISA_NONE, /* no such encoding */
    ISA_MMX,
    ISA_SSE,
    ISA_SSE2,
    ISA_SSE3,
    ISA_SSSE3,
    ISA_SSE41,
    ISA_SSE42,
    ISA_AES,
    ISA_PCLMUL,
    ISA_SHA,
    ISA_AVX,
    ISA_AVX2,
    ISA_FMA,
    ISA_F16C,
    ISA_GFNI,
    ISA_VAES,
    ISA_VPCLMUL,
    ISA_AVX_VNNI,
    ISA_AVX512F,
    ISA_AVX512CD,
    ISA_AVX512BW,
    ISA_AVX512DQ,
    ISA_AVX512VL,
    ISA_IFMA,
    ISA_VBMI,
    ISA_VBMI2,
    ISA_VNNI,
    ISA_BITALG,
    ISA_VPOPCNTDQ,
    ISA_BF16,
    ISA_FP16,
    N_ISAS
};

/*
 * d = a op b, 16 bytes or (y_*) 32; imm is imm8.  Of general registers, MMX registers and flags the
 * low 8 bytes count.  d is the destination's old value before; it may be a or b, so it is written
 * last.
 */
typedef void vec_kernel(union vec *d, const union vec *a, const union vec *b, unsigned imm);

/* With imm8: the result does not count, but MXCSR's flag for underflow must tell whether part of it
 * is tiny.  MXCSR flushes to zero, which does so for all that obey it. */
#define IMM_TINY 0x100u
/* Not for the kernel: MXCSR flushes to zero though underflow is not masked, as none is raised. */
#define IMM_FLUSHES 0x200u

enum vec_kind { KIND_V, KIND_MM, KIND_G, KIND_FLAGS, KIND_K };

/* Bytes of a memory operand: 1 to 16, or these: the whole vector or a fraction. */
enum { SIZE_FULL = 0x80, SIZE_HALF, SIZE_QUARTER, SIZE_EIGHTH };

enum {
    V_NDS = 1,    /* VEX.vvvv is the first source; otherwise it must be unused */
    V_NDD = 2,    /* VEX.vvvv, or rm without VEX, is the destination */
    V_TO_RM = 4,  /* reg is the source, rm the destination */
    V_REG = 8,    /* rm is a register */
    V_MEM = 0x10, /* rm is memory */
    V_W0 = 0x20,  /* VEX.W */
    V_W1 = 0x40,
    V_WIDE = 0x80,     /* REX.W or VEX.W says the operand has 64 bits */
    V_NARROW = 0x100,  /* it has 32 */
    V_LIG = 0x200,     /* VEX.L is ignored */
    V_ALIGN = 0x400,   /* memory is aligned even with VEX */
    V_UNALIGN = 0x800, /* memory need not be aligned even without */
    V_FP = 0x1000,     /* MXCSR controls it */
    V_THIRD = 0x2000,  /* d comes as the register of imm8, XMM0 without VEX */
    V_ALONE = 0x4000,  /* only its function can do it: translated code calls that */
};

struct vec_op {
    uint8_t map, pp, opcode;
    uint8_t ext;      /* 0, or EXT(ModRM.reg) */
    uint8_t dst, src; /* KIND_*; memory stands for rm if that is not V_REG */
    uint8_t size;
    uint8_t isa[3]; /* without VEX, VEX.128, VEX.256 */
    uint16_t flags;
    vec_kernel *x, *y; /* 128 bits (64), 256 bits; NULL: the value as it is */
    void (*emit)(struct block_builder *b, const struct vec_op *op,
                 const struct insn *in); /* instead of all that */
};
#define EXT(n) (8 | (n))

struct vec_table {
    const struct vec_op *op;
    unsigned n;
};
extern const struct vec_table vec_int_table, vec_float_table, vec_move_table, vec_special_table,
    vec_mask_table;

/* Whether CPUID offers it. */
bool vec_offers(const struct cpu *cpu, enum vec_isa isa);
/* The tables, indexed; to be freed.  NULL: there is no memory. */
struct row_index *vec_rows(void);
/* The row of an instruction, or NULL: #UD. */
const struct vec_op *vec_find(const struct cpu *cpu, const struct insn *in);
/* General registers have 64 bits: W means nothing for them outside 64-bit code. */
bool vec_is_wide(const struct insn *in);
/* imm8 as the host has to see it. */
unsigned vec_imm8(const struct vec_op *op, const struct insn *in);

/* Components of XCR0 that AVX and AVX-512 need. */
enum { XCR0_AVX = 6, XCR0_AVX512 = 0xe6 };

/* The host's system enables components of XCR0. */
static inline bool vec_host_saves(uint32_t components)
{
    const uint32_t osxsave = 1u << 27;
    uint32_t a, b, c, d, xcr0;

    __cpuid(1, a, b, c, d);
    if (!(c & osxsave))
        return false;
    __asm__("xgetbv" : "=a"(xcr0), "=d"(d) : "c"(0));
    return (xcr0 & components) == components;
}
/* What kernels with masks are compiled for, which all have since there are shorter vectors:
 * AVX512F, DQ, CD, BW and VL. */
static inline bool vec_host_has_avx512(void)
{
    const uint32_t all = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    uint32_t a, b, c, d;

    return vec_host_saves(XCR0_AVX512) && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (b & all) == all;
}
/* Bits by vec_isa: those of the host. */
uint64_t vec_host_isas(void);

/* ---- For emit functions ---- */

/* Emits what must hold before an instruction with vector registers, unless the block has it: #UD
 * and #NM by CR0, CR4 and XCR0. */
void vec_emit_check(struct block_builder *b, const struct insn *in);
/* The same for EVEX and opmask instructions. */
void vec_emit_check_evex(struct block_builder *b);
/* Before each one with MMX registers: #UD, #NM, #MF. */
void vec_check_mmx(struct cpu *cpu, const struct uop *u);
/* After an instruction that has used an MMX register. */
void vec_enter_mmx(struct cpu *cpu, const struct uop *u);
/* Runs a kernel under the guest's MXCSR; an exception that is not masked faults.  d is changed even
 * then: it is no register, nor a or b. */
void vec_run_fp(struct cpu *cpu, vec_kernel *kernel, union vec *d, const union vec *a,
                const union vec *b, unsigned imm);
/* Memory at T0: so many bytes, VEC_ALIGNED if it must be, VEC_STACK if the segment is SS; of the
 * memory operand. */
enum { VEC_ALIGNED = 0x80, VEC_STACK = 0x40, VEC_BYTES = 0x3f };
unsigned vec_memory(const struct vec_op *op, const struct insn *in);
/* T0 = its address, and that. */
unsigned vec_emit_memory(struct block_builder *b, const struct vec_op *op, const struct insn *in);
void vec_load(struct cpu *cpu, union vec *to, unsigned how);
/* Copies at once what other processors may see, never a part twice: a power of two of bytes, at
 * most 32. */
static inline void vec_copy(void *to, const void *from, unsigned bytes)
{
    switch (bytes) {
    case 1: memcpy(to, from, 1); break;
    case 2: memcpy(to, from, 2); break;
    case 4: memcpy(to, from, 4); break;
    case 8: memcpy(to, from, 8); break;
    case 16: memcpy(to, from, 16); break;
    default: memcpy(to, from, 32); break;
    }
}
/* Clears what is above so many bytes of a register. */
static inline void vec_clear_above(union vec *v, unsigned bytes)
{
    memset(&v->u8[bytes], 0, sizeof(*v) - bytes);
}
/* Writes them, too. */
static inline void vec_set(union vec *v, const union vec *value, unsigned bytes)
{
    memcpy(v, value, bytes);
    vec_clear_above(v, bytes);
}
/* Elements of four or eight bytes. */
static inline uint64_t vec_element(const union vec *v, unsigned i, unsigned size)
{
    return size == 8 ? v->u64[i] : v->u32[i];
}
static inline void vec_set_element(union vec *v, unsigned i, unsigned size, uint64_t value)
{
    if (size == 8)
        v->u64[i] = value;
    else
        v->u32[i] = value;
}

#endif
