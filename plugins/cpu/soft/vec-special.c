/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vec-special - vector instructions unlike the others: AES, Galois fields, SHA and string
 * comparison with their operands, masked moves, gathers, MXCSR, and those that empty registers.
 *
 * Intel SDM volume 2.
 */
#include "vec-kernel.h"
#include "x87.h"

/* ---- AES, carry-less multiplication, Galois fields, SHA ---- */

X_BINARY(aesimc)
X_BINARY(aesenc)
X_BINARY(aesenclast)
X_BINARY(aesdec)
X_BINARY(aesdeclast)
Y_BINARY(aesenc)
Y_BINARY(aesenclast)
Y_BINARY(aesdec)
Y_BINARY(aesdeclast)
X_BINARY(gf2p8mulb)
Y_BINARY(gf2p8mulb)
X_BINARY(sha1nexte)
X_BINARY(sha1msg1)
X_BINARY(sha1msg2)
X_BINARY(sha256msg1)
X_BINARY(sha256msg2)
X_IMMEDIATE(x_sha1rnds4, sha1rnds4, 4)

/* The round constant is exclusive-ored to what comes for the constant 0. */
KERNEL(x_aeskeygenassist)
{
    union vec r;
    __m128i key;

    asm volatile("aeskeygenassist $0, %1, %0" : "=x"(key) : "x"(X_OF(b)));
    *(__m128i *)&r = key;
    r.u32[1] ^= imm;
    r.u32[3] ^= imm;
    memcpy(d, &r, 16);
}

KERNEL(x_pclmulqdq)
{
    union vec left = { .u64 = { a->u64[imm & 1] } }, right = { .u64 = { b->u64[imm >> 4 & 1] } };
    __m128i r = X_OF(&left);

    asm volatile("pclmulqdq $0, %1, %0" : "+x"(r) : "x"(X_OF(&right)));
    *(__m128i *)d = r;
}

/* One half of each lane of a and b. */
TARGET_AVX KERNEL(y_pclmulqdq)
{
    unsigned left = imm & 1, right = imm >> 4 & 1;
    union vec of_a = { .u64 = { a->u64[left], 0, a->u64[2 + left] } };
    union vec of_b = { .u64 = { b->u64[right], 0, b->u64[2 + right] } };
    __m256i r;

    asm volatile("vpclmulqdq $0, %2, %1, %0"
                 : "=x"(r)
                 : "x"(*(const __m256i *)&of_a), "x"(*(const __m256i *)&of_b));
    *(__m256i *)d = r;
}

/* imm is exclusive-ored to each byte of what comes for the constant 0. */
#define AFFINE(name)                                                                               \
    KERNEL(x_##name)                                                                               \
    {                                                                                              \
        __m128i r = X_OF(a);                                                                       \
                                                                                                   \
        asm volatile(#name " $0, %1, %0" : "+x"(r) : "x"(X_OF(b)));                                \
        *(__m128i *)d = r ^ _mm_set1_epi8(imm);                                                    \
    }                                                                                              \
    TARGET_AVX KERNEL(y_##name)                                                                    \
    {                                                                                              \
        __m256i r;                                                                                 \
                                                                                                   \
        asm volatile("v" #name " $0, %2, %1, %0"                                                   \
                     : "=x"(r)                                                                     \
                     : "x"(*(const __m256i *)a), "x"(*(const __m256i *)b));                        \
        *(__m256i *)d = r ^ _mm256_set1_epi8(imm);                                                 \
    }
AFFINE(gf2p8affineqb)
AFFINE(gf2p8affineinvqb)

/* d comes as XMM0, the round keys. */
KERNEL(x_sha256rnds2)
{
    register __m128i keys asm("xmm0") = X_OF(d);
    __m128i r = X_OF(a);

    asm volatile("sha256rnds2 %%xmm0, %1, %0" : "+x"(r) : "x"(X_OF(b)), "x"(keys));
    *(__m128i *)d = r;
}

/* ---- Tests ---- */

TO_FLAGS(x_ptest, "ptest", , __m128i)
TO_FLAGS(y_ptest, "vptest", TARGET_AVX, __m256i)
TO_FLAGS(x_testps, "vtestps", TARGET_AVX, __m128i)
TO_FLAGS(y_testps, "vtestps", TARGET_AVX, __m256i)
TO_FLAGS(x_testpd, "vtestpd", TARGET_AVX, __m128i)
TO_FLAGS(y_testpd, "vtestpd", TARGET_AVX, __m256i)

/* ---- PCMPESTRM, PCMPESTRI, PCMPISTRM, PCMPISTRI ---- */

struct compared {
    union vec mask;
    uint32_t index;
    uint32_t flags;
};

/* One form: with explicit lengths in EAX and EDX or not, giving an index or a mask.  All outputs
 * are taken; those that an instruction does not have stay as they were. */
#define COMPARE_STRINGS(op)                                                                        \
    static void op(struct compared *out, const union vec *a, const union vec *b,                   \
                   uint32_t length_a, uint32_t length_b, unsigned imm)                             \
    {                                                                                              \
        register __m128i mask asm("xmm0") = { 0 };                                                 \
        uint64_t at = imm % 128 * 16, t;                                                           \
        bool c, z, s, o;                                                                           \
        uint32_t index = 0;                                                                        \
                                                                                                   \
        asm volatile(BY_IMMEDIATE(128, #op " $.Limm, %[b], %[a]")                                  \
                     : "=@ccc"(c), "=@ccz"(z), "=@ccs"(s), "=@cco"(o), "+c"(index),                \
                       "+x"(mask), [t] "=&r"(t)                                                    \
                     : [a] "x"(X_OF(a)), [b] "x"(X_OF(b)), [at] "r"(at), "a"(length_a),            \
                       "d"(length_b));                                                             \
        *(__m128i *)&out->mask = mask;                                                             \
        out->index = index;                                                                        \
        out->flags = (c ? F_CF : 0) | (z ? F_ZF : 0) | (s ? F_SF : 0) | (o ? F_OF : 0);            \
    }
COMPARE_STRINGS(pcmpestrm)
COMPARE_STRINGS(pcmpestri)
COMPARE_STRINGS(pcmpistrm)
COMPARE_STRINGS(pcmpistri)

/* A length of 64 bits for one of 32: beyond 16 it makes no difference. */
static uint32_t saturate(uint64_t length)
{
    int64_t n = (int64_t)length;

    return n > 16 || n < -16 ? 16 : (uint32_t)n;
}

enum { HOW_WIDE = 0x10, HOW_VEX = 0x20, HOW_MEM = 0x40 };

/* u->d: first operand and HOW_*; u->a: second, u->b of memory; imm: imm8 and, above, the opcode's
 * low bits. */
static void run_strings(struct cpu *cpu, const struct uop *u)
{
    bool wide = u->d & HOW_WIDE, index = u->imm & 0x100;
    uint32_t length[2] = { wide ? saturate(cpu->r[RAX]) : cpu->r[RAX],
                           wide ? saturate(cpu->r[RDX]) : cpu->r[RDX] };
    const union vec *a = &cpu->v[u->d & 15], *b = &cpu->v[u->a];
    struct compared out = { 0 };
    union vec m = { 0 };

    if (u->d & HOW_MEM) {
        vec_load(cpu, &m, u->b);
        b = &m;
    }
    switch (u->imm >> 8) {
    case 0: pcmpestrm(&out, a, b, length[0], length[1], u->imm & 0x7f); break;
    case 1: pcmpestri(&out, a, b, length[0], length[1], u->imm & 0x7f); break;
    case 2: pcmpistrm(&out, a, b, 0, 0, u->imm & 0x7f); break;
    default: pcmpistri(&out, a, b, 0, 0, u->imm & 0x7f); break;
    }
    cpu->flags = (cpu->flags & ~F_ARITH) | out.flags;
    if (index)
        cpu->r[RCX] = out.index;
    else
        memcpy(&cpu->v[0], &out.mask, u->d & HOW_VEX ? sizeof(out.mask) : 16);
}

static void emit_strings(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    bool mem = in->mod != 3;

    vec_emit_check(b, in);
    emit_call_as(b, op->flags & V_ALONE ? UOP_CALL : UOP_VECTOR_FLAGS, run_strings,
                 in->reg | (vec_is_wide(in) ? HOW_WIDE : 0) | (in->vex ? HOW_VEX : 0) |
                     (mem ? HOW_MEM : 0),
                 mem ? 0 : in->rm, mem ? vec_emit_memory(b, op, in) : 0,
                 (in->imm & 0xff) | (in->opcode & 3) << 8);
}

/* ---- Masked moves ---- */

/* By the sign bit of an element of so many bytes. */
static bool chosen(const union vec *mask, unsigned i, unsigned size)
{
    return vec_element(mask, i, size) >> (size * 8 - 1) & 1;
}

/* VMASKMOV, VPMASKMOV.  d: the register, a: the mask, b: bytes in all, imm: bytes of an element. */
static void run_masked_load(struct cpu *cpu, const struct uop *u)
{
    unsigned size = u->imm;
    union vec r = { 0 };

    for (unsigned i = 0; i < u->b / size; i++)
        if (chosen(&cpu->v[u->a], i, size))
            vec_set_element(&r, i, size, mem_read(cpu, cpu->r[REG_T0] + i * size, size));
    cpu->v[u->d] = r;
}

static void run_masked_store(struct cpu *cpu, const struct uop *u)
{
    const union vec *mask = &cpu->v[u->a];
    unsigned size = u->imm;
    uint64_t lin = cpu->r[REG_T0];

    for (unsigned i = 0; i < u->b / size; i++)
        if (chosen(mask, i, size))
            mem_probe_write(cpu, lin + i * size, size);
    for (unsigned i = 0; i < u->b / size; i++)
        if (chosen(mask, i, size))
            mem_write(cpu, lin + i * size, vec_element(&cpu->v[u->d], i, size), size);
}

static void emit_masked(struct block_builder *b, const struct vec_op *op, const struct insn *in,
                        unsigned size)
{
    bool to_memory = op->flags & V_TO_RM;
    unsigned bytes = in->l ? 32 : 16;

    vec_emit_check(b, in);
    emit_address(b, bytes, to_memory);
    emit_call_as(b, UOP_VECTOR, to_memory ? run_masked_store : run_masked_load, in->reg, in->vvvv,
                 bytes, size);
}

static void emit_vmaskmov(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    emit_masked(b, op, in, in->opcode & 1 ? 8 : 4);
}

static void emit_vpmaskmov(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    emit_masked(b, op, in, in->w ? 8 : 4);
}

/* The bytes of value whose mask byte has bit 7 set, of n, at T0. */
static void store_bytes(struct cpu *cpu, const uint8_t *value, const uint8_t *mask, unsigned n)
{
    uint64_t lin = cpu->r[REG_T0];

    for (unsigned i = 0; i < n; i++)
        if (mask[i] & 0x80)
            mem_probe_write(cpu, lin + i, 1);
    for (unsigned i = 0; i < n; i++)
        if (mask[i] & 0x80)
            mem_write(cpu, lin + i, value[i], 1);
}

static void run_maskmovdqu(struct cpu *cpu, const struct uop *u)
{
    store_bytes(cpu, cpu->v[u->d].u8, cpu->v[u->a].u8, 16);
}

static void run_maskmovq(struct cpu *cpu, const struct uop *u)
{
    union vec value = { .u64 = { cpu->x87.r[u->d & 7].mantissa } };
    union vec mask = { .u64 = { cpu->x87.r[u->a & 7].mantissa } };

    store_bytes(cpu, value.u8, mask.u8, 8);
}

static void emit_maskmovdqu(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    vec_emit_check(b, in);
    emit_address_at(b, in->seg, RDI, 0, in->addr_size, 16, true);
    emit_call(b, run_maskmovdqu, in->reg, in->rm, 0, 0);
}

static void emit_maskmovq(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    emit_call(b, vec_check_mmx, 0, 0, 0, 0);
    emit_address_at(b, in->seg, RDI, 0, in->addr_size, 8, true);
    emit_call(b, run_maskmovq, in->reg, in->rm, 0, 0);
    emit_call(b, vec_enter_mmx, 0, 0, 0, 0);
}

/* ---- Gathers ---- */

/* What does not fit the operands: imm of the micro-op. */
union gather {
    int64_t imm;
    struct {
        uint8_t size, index_size, n; /* bytes of an element, of an index; elements */
        uint8_t vector;              /* bytes of the longer of the two vectors */
        uint8_t scale, seg, addr_size;
    };
};

/* d: destination, a: mask, b: index; T0: base and displacement.  Done elements leave the mask at
 * once, so that a fault resumes with the rest; the first clears what lies above the vector. */
static void run_gather(struct cpu *cpu, const struct uop *u)
{
    union gather g = { .imm = u->imm };
    union vec *d = &cpu->v[u->d], *mask = &cpu->v[u->a];
    uint64_t limit = g.addr_size == 8 ? UINT64_MAX : UINT32_MAX;

    vec_clear_above(mask, g.vector);
    for (unsigned i = 0; i < g.n; i++) {
        int64_t index = g.index_size == 8 ? cpu->v[u->b].s64[i] : cpu->v[u->b].s32[i];
        uint64_t at = (cpu->r[REG_T0] + ((uint64_t)index << g.scale)) & limit;

        if (chosen(mask, i, g.size)) {
            uint64_t lin = segment_linear(cpu, g.seg, at, g.size, false);

            vec_set_element(d, i, g.size, mem_read(cpu, lin, g.size));
            vec_clear_above(d, g.vector);
        }
        vec_set_element(mask, i, g.size, 0);
    }
    vec_clear_above(mask, 0);
    vec_clear_above(d, g.n * g.size);
}

static bool gather_allowed(const struct insn *in, unsigned index)
{
    return (in->modrm & 7) == 4 && in->addr_size > 2 && in->reg != index && in->reg != in->vvvv &&
           index != in->vvvv;
}

static void emit_gather(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    unsigned index = in->index == REG_ZERO ? RSP : in->index, bytes = in->l ? 32 : 16;
    union gather g = { .size = in->w ? 8 : 4,
                       .index_size = in->opcode & 1 ? 8 : 4,
                       .vector = bytes,
                       .scale = in->scale,
                       .seg = in->seg,
                       .addr_size = in->addr_size };

    if (!gather_allowed(in, index)) {
        emit_fault(b, EXC_UD);
        return;
    }
    g.n = bytes / (g.size > g.index_size ? g.size : g.index_size);
    vec_emit_check(b, in);
    emit(b, UOP_LEA64, REG(REG_T0), REG(in->base), REG(REG_ZERO), in->disp);
    emit_call(b, run_gather, in->reg, in->vvvv, index, g.imm);
}

/* ---- MXCSR ---- */

static void run_ldmxcsr(struct cpu *cpu, const struct uop *u)
{
    uint32_t value = mem_read(cpu, cpu->r[REG_T0], 4);

    if (value & 0xffff0000)
        cpu_fault_error(cpu, EXC_GP, 0);
    cpu->mxcsr = value;
}

static void run_stmxcsr(struct cpu *cpu, const struct uop *u)
{
    mem_write(cpu, cpu->r[REG_T0], cpu->mxcsr, 4);
}

static void emit_mxcsr(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    bool write = (in->reg & 7) == 3;

    vec_emit_check(b, in);
    emit_address(b, 4, write);
    emit_call_as(b, UOP_VECTOR, write ? run_stmxcsr : run_ldmxcsr, 0, 0, 0, 0);
}

/* ---- EMMS, VZEROUPPER, VZEROALL ---- */

static void run_emms(struct cpu *cpu, const struct uop *u)
{
    x87_emms(cpu);
}

static void emit_emms(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    emit_call_as(b, UOP_CHECK, vec_check_mmx, LOADED_X87, 0, 0, 0);
    emit_call_as(b, UOP_VECTOR, run_emms, 0, 0, 0, 0);
}

/* u->d: how many registers; u->a: bytes of each that are kept. */
static void run_vzero(struct cpu *cpu, const struct uop *u)
{
    for (unsigned i = 0; i < u->d; i++)
        memset(&cpu->v[i].u8[u->a], 0, sizeof(union vec) - u->a);
}

static void emit_vzero(struct block_builder *b, const struct vec_op *op, const struct insn *in)
{
    vec_emit_check(b, in);
    emit_call_as(b, UOP_VECTOR, run_vzero, in->code == MODE_CODE64 ? 16 : 8, in->l ? 0 : 16, 0, 0);
}

/* ---- Table ---- */

// clang-format off
#define V KIND_V, KIND_V
#define SHA(opcode, name)                                                                          \
    { MAP_0F38, PFX_NONE, opcode, 0, V, 16, { ISA_SHA }, 0, .x = x_##name }
#define AES(opcode, name)                                                                          \
    { MAP_0F38, PFX_66, opcode, 0, V, SIZE_FULL, { ISA_AES, ISA_AES, ISA_VAES }, V_NDS, .x = x_##name, .y = y_##name }
#define GALOIS(map, opcode, w, name)                                                               \
    { map, PFX_66, opcode, 0, V, SIZE_FULL, { ISA_GFNI, ISA_GFNI, ISA_GFNI }, V_NDS | w, .x = x_##name, .y = y_##name }
#define TEST(opcode, legacy, flags, name)                                                          \
    { MAP_0F38, PFX_66, opcode, 0, KIND_FLAGS, KIND_V, SIZE_FULL, { legacy, ISA_AVX, ISA_AVX },    \
      flags, .x = x_##name, .y = y_##name }
#define STRINGS(code, how)                                                                         \
    { MAP_0F3A, PFX_66, .opcode = code, .dst = KIND_FLAGS, .size = 16, .isa = { ISA_SSE42, ISA_AVX }, \
      .flags = V_UNALIGN | how, .emit = emit_strings }
#define MASKED(code, avx, w, how)                                                                  \
    { MAP_0F38, PFX_66, .opcode = code, .size = SIZE_FULL, .isa = { 0, avx, avx },                 \
      .flags = V_MEM | V_NDS | V_UNALIGN | w, .emit = how }
#define GATHER(code)                                                                               \
    { MAP_0F38, PFX_66, .opcode = code, .isa = { 0, ISA_AVX2, ISA_AVX2 }, .flags = V_MEM | V_NDS | V_ALONE, \
      .emit = emit_gather }

static const struct vec_op rows[] = {
    SHA(0xc8, sha1nexte), SHA(0xc9, sha1msg1), SHA(0xca, sha1msg2),
    SHA(0xcc, sha256msg1), SHA(0xcd, sha256msg2),
    { MAP_0F38, PFX_NONE, 0xcb, 0, V, 16, { ISA_SHA }, V_THIRD, .x = x_sha256rnds2 },
    { MAP_0F3A, PFX_NONE, 0xcc, 0, V, 16, { ISA_SHA }, 0, .x = x_sha1rnds4 },
    AES(0xdc, aesenc), AES(0xdd, aesenclast), AES(0xde, aesdec), AES(0xdf, aesdeclast),
    { MAP_0F38, PFX_66, 0xdb, 0, V, 16, { ISA_AES, ISA_AES }, 0, .x = x_aesimc },
    { MAP_0F3A, PFX_66, 0xdf, 0, V, 16, { ISA_AES, ISA_AES }, 0, .x = x_aeskeygenassist },
    { MAP_0F3A, PFX_66, 0x44, 0, V, SIZE_FULL, { ISA_PCLMUL, ISA_PCLMUL, ISA_VPCLMUL }, V_NDS, .x = x_pclmulqdq, .y = y_pclmulqdq },
    GALOIS(MAP_0F38, 0xcf, V_W0, gf2p8mulb), GALOIS(MAP_0F3A, 0xce, V_W1, gf2p8affineqb),
    GALOIS(MAP_0F3A, 0xcf, V_W1, gf2p8affineinvqb),
    TEST(0x17, ISA_SSE41, 0, ptest), TEST(0x0e, 0, V_W0, testps), TEST(0x0f, 0, V_W0, testpd),
    STRINGS(0x60, V_ALONE), STRINGS(0x61, V_ALONE), STRINGS(0x62, 0), STRINGS(0x63, 0),
    MASKED(0x2c, ISA_AVX, V_W0, emit_vmaskmov), MASKED(0x2e, ISA_AVX, V_W0 | V_TO_RM, emit_vmaskmov),
    MASKED(0x2d, ISA_AVX, V_W0, emit_vmaskmov), MASKED(0x2f, ISA_AVX, V_W0 | V_TO_RM, emit_vmaskmov),
    MASKED(0x8c, ISA_AVX2, 0, emit_vpmaskmov),  MASKED(0x8e, ISA_AVX2, V_TO_RM, emit_vpmaskmov),
    GATHER(0x90), GATHER(0x91), GATHER(0x92), GATHER(0x93),
    { MAP_0F, PFX_66, .opcode = 0xf7, .isa = { ISA_SSE2, ISA_AVX }, .flags = V_REG | V_ALONE, .emit = emit_maskmovdqu },
    { MAP_0F, PFX_NONE, .opcode = 0xf7, .isa = { ISA_SSE }, .flags = V_REG | V_ALONE, .emit = emit_maskmovq },
    { MAP_0F, PFX_NONE, .opcode = 0xae, .ext = EXT(2), .size = 4, .isa = { ISA_SSE, ISA_AVX }, .flags = V_MEM, .emit = emit_mxcsr },
    { MAP_0F, PFX_NONE, .opcode = 0xae, .ext = EXT(3), .size = 4, .isa = { ISA_SSE, ISA_AVX }, .flags = V_MEM | V_TO_RM, .emit = emit_mxcsr },
    { MAP_0F, PFX_NONE, .opcode = 0x77, .isa = { ISA_MMX }, .emit = emit_emms },
    { MAP_0F, PFX_NONE, .opcode = 0x77, .isa = { 0, ISA_AVX, ISA_AVX }, .emit = emit_vzero },
};
// clang-format on

VEC_TABLE(vec_special_table, rows);
