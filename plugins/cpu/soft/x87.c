/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87 - floating-point instructions, D8 to DF and FWAIT, executed by the host's own unit.
 *
 * Intel SDM volume 1, chapter 8; volume 2.  Guest registers live in struct x87.  While every
 * exception is masked and the stack is as the instruction needs it, just the operands are taken to
 * the host's unit; else, and for what is rare, the guest's whole state is, so that stack faults,
 * unmasked exceptions and what they leave unchanged come out as the host's unit has them.
 *
 * Between instructions the host's unit is empty, with the ABI's control word; its exception flags
 * may be set.  Nothing here executes a waiting instruction while an unmasked one is.
 */
#include "x87.h"

#include <string.h>

/* ---- The host's unit ---- */

/* FNSAVE's image, 32-bit protected mode. */
struct image {
    uint32_t control, status, tags, ip, cs_opcode, dp, ds;
    uint8_t r[8][10];
};

/*
 * Each instruction as a function: memory forms, with the operand at (%rdi), by opcode and reg;
 * register forms by opcode and ModRM.  Four bytes each.
 *
 * The callers of these take a memory operand in rdi, an instruction in rsi, ST(0) in rdx, and
 * return the status word in ax: push stores a result at rdx; unary and binary replace ST(0);
 * store's instruction pops.  compare returns SF to CF in bits 23:16.  full runs with the image in
 * rdx and flags rcx and returns the flags.
 */
// clang-format off
__asm__(
    ".pushsection .text\n"
    ".hidden x87_memory_insn, x87_register_insn, x87_push, x87_unary, x87_store\n"
    ".hidden x87_examine, x87_binary, x87_compare, x87_full\n"
    ".globl x87_memory_insn, x87_register_insn, x87_push, x87_unary, x87_store\n"
    ".globl x87_examine, x87_binary, x87_compare, x87_full\n"
    ".balign 16\n"
    "x87_memory_insn:\n"
    ".set x87_n, 0\n"
    ".rept 64\n"
    "  .byte 0xd8 + (x87_n >> 3), 0x07 + ((x87_n & 7) << 3), 0xc3, 0xcc\n"
    "  .set x87_n, x87_n + 1\n"
    ".endr\n"
    "x87_register_insn:\n"
    ".set x87_n, 0\n"
    ".rept 512\n"
    "  .byte 0xd8 + (x87_n >> 6), 0xc0 + (x87_n & 63), 0xc3, 0xcc\n"
    "  .set x87_n, x87_n + 1\n"
    ".endr\n"
    "x87_push:   call *%rsi; fnstsw %ax; fstpt (%rdx); ret\n"
    "x87_unary:  fldt (%rdx); call *%rsi; fnstsw %ax; fstpt (%rdx); ret\n"
    "x87_store:  fldt (%rdx); call *%rsi; fnstsw %ax; ret\n"
    "x87_examine: fldt (%rdx); call *%rsi; fnstsw %ax; fstp %st(0); ret\n"
    "x87_binary: fldt (%rcx); fldt (%rdx); call *%rsi; fnstsw %ax\n"
    "            fstpt (%rdi); fstp %st(0); ret\n"
    "x87_compare:\n"
    "            fldt (%rcx); fldt (%rdx); call *%rsi; lahf; movzbl %ah, %edx; fnstsw %ax\n"
    "            movzwl %ax, %eax; shl $16, %edx; or %edx, %eax\n"
    "            fstp %st(0); fstp %st(0); ret\n"
    "x87_full:   push %rdx; frstor (%rdx); push %rcx; popfq; call *%rsi; pushfq; pop %rax\n"
    "            pop %rdx; fnsave (%rdx); ret\n"
    ".popsection\n");
// clang-format on

extern const uint8_t x87_memory_insn[64][4], x87_register_insn[512][4];
uint16_t x87_push(const void *operand, const uint8_t *insn, union x87_reg *result);
uint16_t x87_unary(const void *operand, const uint8_t *insn, union x87_reg *st0);
uint16_t x87_store(void *operand, const uint8_t *insn, const union x87_reg *st0);
uint16_t x87_examine(const void *operand, const uint8_t *insn, const union x87_reg *st0);
uint16_t x87_binary(union x87_reg *result, const uint8_t *insn, const union x87_reg *st0,
                    const union x87_reg *st1);
uint32_t x87_compare(const void *none, const uint8_t *insn, const union x87_reg *st0,
                     const union x87_reg *st1);
uint64_t x87_full(void *operand, const uint8_t *insn, struct image *image, uint64_t flags);

static const uint8_t *register_insn(uint8_t opcode, uint8_t modrm)
{
    return x87_register_insn[(opcode & 7) << 6 | (modrm & 63)];
}

static const uint8_t *memory_insn(uint8_t opcode, unsigned reg)
{
    return x87_memory_insn[(opcode & 7) << 3 | reg];
}

/* Loads the guest's control word.  A stale PE may stay where the guest has it set already. */
static inline void host_begin(const struct x87 *x)
{
    static const uint16_t precision = 0x20;
    uint16_t status;

    __asm__ volatile("fnstsw %0" : "=a"(status));
    if (status & X87_EXCEPTIONS & ~(x->status & precision))
        __asm__ volatile("fnclex");
    if (UNLIKELY(x->control != X87_CONTROL_INIT))
        __asm__ volatile("fldcw %0" : : "m"(x->control));
}

static inline void host_end(const struct x87 *x)
{
    static const uint16_t abi = X87_CONTROL_INIT;

    if (UNLIKELY(x->control != X87_CONTROL_INIT))
        __asm__ volatile("fldcw %0" : : "m"(abi));
}

/* ---- Guest state ---- */

static inline uint8_t opcode_of(const struct uop *u)
{
    return 0xd8 | (u->b & 7);
}

static inline union x87_reg *st(struct x87 *x, unsigned i)
{
    return &x->r[(x87_top(x) + i) & 7];
}

static inline bool is_valid(const struct x87 *x, unsigned i)
{
    return x->tag_valid >> ((x87_top(x) + i) & 7) & 1;
}

static inline bool all_masked(const struct x87 *x)
{
    return (x->control & X87_EXCEPTIONS) == X87_EXCEPTIONS;
}

static inline void pop_stack(struct x87 *x)
{
    unsigned top = x87_top(x);

    x->tag_valid &= ~(1 << top);
    x87_set_top(x, top + 1);
}

/* What has been loaded, or will be stored: T1, and T2 for 80 bits. */
static inline void *operand(struct cpu *cpu)
{
    return &cpu->r[REG_T1];
}

/* The last instruction's pointers; the operand's, if the processor keeps it only for unmasked
 * exceptions, just then, and so the opcode. */
static inline void note_pointers(struct cpu *cpu, const struct uop *u, bool unmasked)
{
    struct x87 *x = &cpu->x87;

    x->ip = cpu->rip;
    x->cs = u->b & SAVES_CS_DS ? cpu->seg[SEG_CS].selector : 0;
    if (unmasked)
        x->opcode = (u->b & 7) << 8 | u->a;
    if (u->a < 0xc0 && (unmasked || u->b & DP_ALWAYS)) {
        x->dp = fpu_offset(cpu, u);
        x->ds = u->b & SAVES_CS_DS ? cpu->seg[fpu_seg(u)].selector : 0;
    }
}

/* After an instruction that ran on its operands alone: flags add up, condition codes cc are new. */
static inline void settle(struct cpu *cpu, const struct uop *u, uint16_t status, uint16_t cc)
{
    struct x87 *x = &cpu->x87;

    x->status = (x->status & ~cc) | (status & (cc | X87_EXCEPTIONS));
    note_pointers(cpu, u, false);
}

static void image_fill(const struct x87 *x, struct image *image)
{
    *image = (struct image){
        .control = x->control,
        .status = x->status & 0x7f00, /* so that nothing is pending */
        .tags = x87_tags(x),
    };
    for (unsigned i = 0; i < 8; i++)
        memcpy(image->r[i], &x->r[(x87_top(x) + i) & 7], 10);
}

static bool raised_unmasked(const struct x87 *x, const struct image *image)
{
    return image->status & ~x->control & X87_EXCEPTIONS;
}

static void image_take(struct cpu *cpu, const struct uop *u, const struct image *image)
{
    struct x87 *x = &cpu->x87;
    uint16_t sticky = x->status & (X87_EXCEPTIONS | X87_SF);

    x87_set_tags(x, image->tags);
    x87_load(cpu, x->control, image->status | sticky);
    for (unsigned i = 0; i < 8; i++)
        memcpy(st(x, i), image->r[i], 10);
    note_pointers(cpu, u, raised_unmasked(x, image));
}

/* The instruction on the guest's whole state. */
static void run_full(struct cpu *cpu, const struct uop *u, const uint8_t *insn)
{
    struct image image;
    uint64_t flags;

    image_fill(&cpu->x87, &image);
    flags = x87_full(operand(cpu), insn, &image, (cpu->flags & F_ARITH) | 2);
    cpu->flags = (cpu->flags & ~(uint64_t)F_ARITH) | (flags & F_ARITH);
    image_take(cpu, u, &image);
}

/* ---- Memory forms; x87_check() has been done and the address is there ---- */

static void run_check(struct cpu *cpu, const struct uop *u)
{
    x87_check(cpu);
}

static inline const uint8_t *insn_of(const struct uop *u)
{
    return u->a < 0xc0 ? memory_insn(u->b, u->a >> 3 & 7) : register_insn(u->b, u->a);
}

/* A sum has not been checked. */
uint64_t x87_operand(struct cpu *cpu, const struct uop *u)
{
    uint64_t lin = cpu->r[REG_T0];

    if (cpu->mode & MODE_CODE64 && !(canonical(cpu, lin) && canonical(cpu, lin + u->d - 1)))
        cpu_fault_error(cpu, fpu_seg(u) == SEG_SS ? EXC_SS : EXC_GP, 0);
    return lin;
}

static inline void load_operand(struct cpu *cpu, const struct uop *u)
{
    if (u->d > 8)
        mem_read_bytes(cpu, x87_operand(cpu, u), operand(cpu), u->d);
    else
        cpu->r[REG_T1] = mem_read(cpu, x87_operand(cpu, u), u->d);
}

static inline void push_result(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    unsigned top = (x87_top(x) - 1) & 7;
    uint16_t status;

    if (UNLIKELY(!all_masked(x) || x->tag_valid >> top & 1)) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    host_begin(x);
    status = x87_push(operand(cpu), insn_of(u), &x->r[top]);
    host_end(x);
    x->tag_valid |= 1 << top;
    x87_set_top(x, top);
    settle(cpu, u, status, X87_C1);
}

static void run_load(struct cpu *cpu, const struct uop *u)
{
    load_operand(cpu, u);
    push_result(cpu, u);
}

/* FLD1, FLDPI... */
static void run_constant(struct cpu *cpu, const struct uop *u)
{
    x87_check(cpu);
    push_result(cpu, u);
}

static inline void replace_st0(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    uint16_t status;

    if (UNLIKELY(!all_masked(x) || !is_valid(x, 0))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    host_begin(x);
    status = x87_unary(operand(cpu), insn_of(u), st(x, 0));
    host_end(x);
    settle(cpu, u, status, X87_C1);
}

static void run_arith(struct cpu *cpu, const struct uop *u)
{
    load_operand(cpu, u);
    replace_st0(cpu, u);
}

/* Of ST(0) alone. */
static void run_unary(struct cpu *cpu, const struct uop *u)
{
    x87_check(cpu);
    replace_st0(cpu, u);
}

/* Condition codes of ST(0) and perhaps memory; insn pops nothing.  False: it has run in full. */
static inline bool examine_st0(struct cpu *cpu, const struct uop *u, const uint8_t *insn)
{
    struct x87 *x = &cpu->x87;
    uint16_t status;

    if (UNLIKELY(!all_masked(x) || !is_valid(x, 0))) {
        run_full(cpu, u, insn_of(u));
        return false;
    }
    host_begin(x);
    status = x87_examine(operand(cpu), insn, st(x, 0));
    host_end(x);
    settle(cpu, u, status, X87_CC);
    return true;
}

/* FCOM or FCOMP of memory. */
static void run_compare_memory(struct cpu *cpu, const struct uop *u)
{
    load_operand(cpu, u);
    if (examine_st0(cpu, u, memory_insn(u->b, 2)) && u->a & 8)
        pop_stack(&cpu->x87);
}

/* FTST, FXAM. */
static void run_examine(struct cpu *cpu, const struct uop *u)
{
    x87_check(cpu);
    examine_st0(cpu, u, insn_of(u));
}

/* FST, FSTP, FIST, FISTP, FISTTP, FBSTP.  Nothing is stored where an exception other
 * than #P is unmasked. */
static void store_full(struct cpu *cpu, const struct uop *u, uint64_t lin)
{
    struct image image;

    image_fill(&cpu->x87, &image);
    x87_full(operand(cpu), insn_of(u), &image, 2);
    if (!(image.status & ~cpu->x87.control & 0x1f))
        mem_write_bytes(cpu, lin, operand(cpu), u->d);
    image_take(cpu, u, &image);
}

static void run_store(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    unsigned reg = u->a >> 3 & 7;
    uint64_t lin = x87_operand(cpu, u);
    uint16_t status;

    if (UNLIKELY(!all_masked(x) || !is_valid(x, 0))) {
        store_full(cpu, u, lin);
        return;
    }
    host_begin(x);
    status = x87_store(operand(cpu), memory_insn(u->b, reg == 2 ? 3 : reg), st(x, 0));
    host_end(x);
    if (u->d <= 8)
        mem_write(cpu, lin, cpu->r[REG_T1], u->d);
    else
        mem_write_bytes(cpu, lin, operand(cpu), u->d);
    settle(cpu, u, status, X87_C1);
    if (reg != 2)
        pop_stack(x);
}

/* ---- Register forms ---- */

static void run_generic(struct cpu *cpu, const struct uop *u)
{
    x87_check(cpu);
    run_full(cpu, u, insn_of(u));
}

/* D8: ST(0) is the result; DC, DE: ST(i), and DE pops. */
static void run_binary(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    unsigned i = u->a & 7;
    uint16_t status;

    x87_check(cpu);
    if (UNLIKELY(!all_masked(x) || !is_valid(x, 0) || !is_valid(x, i))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    host_begin(x);
    status = x87_binary(st(x, u->b & 4 ? i : 0), register_insn(0xd8, (u->a & 0x38) | 1), st(x, 0),
                        st(x, i));
    host_end(x);
    settle(cpu, u, status, X87_C1);
    if (opcode_of(u) == 0xde)
        pop_stack(x);
}

/* ST(0) by ST(1), which stays. */
static void run_fscale(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    uint16_t status;

    x87_check(cpu);
    if (UNLIKELY(!all_masked(x) || !is_valid(x, 0) || !is_valid(x, 1))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    host_begin(x);
    status = x87_binary(st(x, 0), insn_of(u), st(x, 0), st(x, 1));
    host_end(x);
    settle(cpu, u, status, X87_C1);
}

/* FCMOVcc: DA if below, equal, below or equal, unordered; DB if not. */
static void run_fcmov(struct cpu *cpu, const struct uop *u)
{
    static const uint8_t flags[] = { F_CF, F_ZF, F_CF | F_ZF, F_PF };
    struct x87 *x = &cpu->x87;

    x87_check(cpu);
    if (UNLIKELY(!is_valid(x, 0) || !is_valid(x, u->a & 7))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    if (!!(cpu->flags & flags[u->a >> 3 & 3]) != (u->b & 1))
        *st(x, 0) = *st(x, u->a & 7);
    settle(cpu, u, 0, 0);
}

/* u->d: a comparison, and in bits 5:4 how many it pops. */
enum { FCOM, FUCOM, FCOMI, FUCOMI, POPS = 4 };

static void run_compare(struct cpu *cpu, const struct uop *u)
{
    static const uint8_t insn[][2] = { [FCOM] = { 0xd8, 0xd1 },
                                       [FUCOM] = { 0xdd, 0xe1 },
                                       [FCOMI] = { 0xdb, 0xf1 },
                                       [FUCOMI] = { 0xdb, 0xe9 } };
    struct x87 *x = &cpu->x87;
    unsigned i = u->a & 7, which = u->d & 3;
    uint32_t status;

    x87_check(cpu);
    if (UNLIKELY(!all_masked(x) || !is_valid(x, 0) || !is_valid(x, i))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    host_begin(x);
    status = x87_compare(NULL, register_insn(insn[which][0], insn[which][1]), st(x, 0), st(x, i));
    host_end(x);
    /* Intel's leave C1 alone in FCOMI, if the stack is in order. */
    settle(cpu, u, status, which < FCOMI ? X87_CC : 0);
    if (which >= FCOMI)
        cpu->flags = (cpu->flags & ~(uint64_t)F_ARITH) | (status >> 16 & F_ARITH);
    for (unsigned pops = u->d >> POPS; pops; pops--)
        pop_stack(x);
}

static void run_fld(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    const union x87_reg *from = st(x, u->a & 7);

    x87_check(cpu);
    if (UNLIKELY(!is_valid(x, u->a & 7) || is_valid(x, 7))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    *st(x, 7) = *from;
    x87_set_top(x, x87_top(x) - 1);
    x->tag_valid |= 1 << x87_top(x);
    settle(cpu, u, 0, X87_C1);
}

static void run_fxch(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    union x87_reg *with = st(x, u->a & 7), was = *with;

    x87_check(cpu);
    if (UNLIKELY(!is_valid(x, 0) || !is_valid(x, u->a & 7))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    *with = *st(x, 0);
    *st(x, 0) = was;
    settle(cpu, u, 0, X87_C1);
}

/* FST, FSTP ST(i): u->d is how many it pops. */
static void run_fst(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    unsigned i = u->a & 7;

    x87_check(cpu);
    if (UNLIKELY(!is_valid(x, 0))) {
        run_full(cpu, u, insn_of(u));
        return;
    }
    *st(x, i) = *st(x, 0);
    x->tag_valid |= 1 << ((x87_top(x) + i) & 7);
    settle(cpu, u, 0, X87_C1);
    if (u->d)
        pop_stack(x);
}

static void run_fwait(struct cpu *cpu, const struct uop *u)
{
    if ((cpu->cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS))
        cpu_fault(cpu, EXC_NM);
    x87_check_pending(cpu);
}

/* ---- Operands ---- */

int64_t fpu_operand(const struct insn *in)
{
    return (uint32_t)in->disp | (int64_t)in->base << 32 | (int64_t)in->index << 37 |
           (int64_t)in->scale << 42 | (int64_t)in->seg << 44 |
           (int64_t)__builtin_ctz(in->addr_size) << 47;
}

uint64_t fpu_offset(const struct cpu *cpu, const struct uop *u)
{
    uint64_t offset = cpu->r[u->imm >> 32 & 31] +
                      (cpu->r[u->imm >> 37 & 31] << (u->imm >> 42 & 3)) + (int32_t)u->imm;

    switch (u->imm >> 47 & 3) {
    case 1: return (uint16_t)offset;
    case 2: return (uint32_t)offset;
    default: return offset;
    }
}

uint64_t fpu_linear(struct cpu *cpu, const struct uop *u, unsigned bytes, bool write)
{
    return segment_linear(cpu, fpu_seg(u), fpu_offset(cpu, u), bytes, write);
}

/* ---- Translation ---- */

/* u->d: the bytes of a memory operand (0: the environment, by the operand size), or as run has it;
 * what is in u->b beside the opcode; and what it does to the flags. */
struct form {
    uop_call *run;
    uint8_t d, how;
    uint16_t op;
};

// clang-format off
#define LOAD(bytes)   { run_load, bytes, 0, UOP_X87 }
#define ARITH(bytes)  { run_arith, bytes, 0, UOP_X87 }
#define COM(bytes)    { run_compare_memory, bytes, 0, UOP_X87 }
#define STORE(bytes)  { run_store, bytes, X87_STORES, UOP_X87 }
#define CONTROL(run, bytes, how) { run, bytes, X87_CONTROLS | how, UOP_X87 }
#define RUN(run)      { run, 0, 0, UOP_X87 }
#define CALL(run)     { run, 0, 0, UOP_CALL }
#define ARITHS(bytes) { ARITH(bytes), ARITH(bytes), COM(bytes), COM(bytes), \
                        ARITH(bytes), ARITH(bytes), ARITH(bytes), ARITH(bytes) }

static const struct form memory_forms[8][8] = {
    ARITHS(4),
    { LOAD(4), { 0 }, STORE(4), STORE(4),
      CALL(x87_fldenv), CONTROL(x87_fldcw, 2, 0), CALL(x87_fnstenv), CONTROL(x87_fnstcw, 2, X87_STORES) },
    ARITHS(4),
    { LOAD(4), STORE(4), STORE(4), STORE(4), { 0 }, LOAD(10), { 0 }, STORE(10) },
    ARITHS(8),
    { LOAD(8), STORE(8), STORE(8), STORE(8),
      CALL(x87_frstor), { 0 }, CALL(x87_fnsave), CONTROL(x87_fnstsw, 2, X87_STORES) },
    ARITHS(2),
    { LOAD(2), STORE(2), STORE(2), STORE(2), LOAD(10), LOAD(8), STORE(10), STORE(8) },
};

#define BIN           RUN(run_binary)
#define CMP(how, pops) { run_compare, (how) | (pops) << POPS, 0, (how) < FCOMI ? UOP_X87 : UOP_X87_FLAGS }
#define ANY           RUN(run_generic)
#define CMOV          { run_fcmov, 0, 0, UOP_X87_COND }
#define FST(pops)     { run_fst, pops, 0, UOP_X87 }

/* By opcode and reg.  Aliases that are not exactly what they look like are left to the host. */
static const struct form register_forms[8][8] = {
    { BIN, BIN, CMP(FCOM, 0), CMP(FCOM, 1), BIN, BIN, BIN, BIN },
    { RUN(run_fld), RUN(run_fxch), ANY, ANY, ANY, ANY, ANY, ANY },
    { CMOV, CMOV, CMOV, CMOV, { 0 }, CMP(FUCOM, 2), { 0 }, { 0 } },
    { CMOV, CMOV, CMOV, CMOV, { 0 }, CMP(FUCOMI, 0), CMP(FCOMI, 0), { 0 } },
    { BIN, BIN, ANY, ANY, BIN, BIN, BIN, BIN },
    { ANY, ANY, FST(0), FST(1), CMP(FUCOM, 0), CMP(FUCOM, 1), { 0 }, { 0 } },
    { BIN, BIN, ANY, CMP(FCOM, 2), BIN, BIN, BIN, BIN },
    { ANY, ANY, ANY, ANY, CONTROL(x87_fnstsw_ax, 0, 0), CMP(FUCOMI, 1), CMP(FCOMI, 1), { 0 } },
};

/* D9 E0 to FF.  FPREM keeps some condition codes when it fails, so it sees them all. */
static const struct form group_d9[32] = {
    RUN(run_unary), RUN(run_unary), { 0 }, { 0 }, RUN(run_examine), RUN(run_examine), { 0 }, { 0 },
    RUN(run_constant), RUN(run_constant), RUN(run_constant), RUN(run_constant),
    RUN(run_constant), RUN(run_constant), RUN(run_constant), { 0 },
    RUN(run_unary), ANY, ANY, ANY, ANY, ANY, ANY, ANY,
    ANY, ANY, RUN(run_unary), ANY, RUN(run_unary), RUN(run_fscale), ANY, ANY,
};
/* DB E0 to E7. */
static const struct form group_db[8] = {
    CALL(x87_control_nop), CALL(x87_control_nop), CONTROL(x87_fnclex, 0, 0), CALL(x87_fninit),
    CALL(x87_control_nop),
};
// clang-format on

static const struct form *register_form(uint8_t opcode, uint8_t modrm)
{
    static const struct form none;

    if (opcode == 0xd9 && modrm >= 0xe0)
        return &group_d9[modrm - 0xe0];
    if (opcode == 0xdb && modrm >= 0xe0 && modrm < 0xe8)
        return &group_db[modrm - 0xe0];
    /* One of eight only: FNOP, FUCOMPP, FCOMPP, FNSTSW AX */
    if ((opcode == 0xd9 && modrm > 0xd0 && modrm < 0xd8) ||
        (opcode == 0xda && modrm >= 0xe8 && modrm != 0xe9) ||
        (opcode == 0xde && modrm >= 0xd8 && modrm < 0xe0 && modrm != 0xd9) ||
        (opcode == 0xdf && modrm > 0xe0 && modrm < 0xe8))
        return &none;
    return &register_forms[opcode & 7][modrm >> 3 & 7];
}

/* CPUID.7: FDP_EXCPTN_ONLY, and FCS and FDS gone. */
static uint8_t pointer_flags(const struct cpu *cpu)
{
    return (cpu_has(cpu, 7, 0, 1, 6) ? 0 : DP_ALWAYS) |
           (cpu_has(cpu, 7, 0, 1, 13) ? 0 : SAVES_CS_DS);
}

static void emit_form(struct block_builder *b, const struct form *form, unsigned d, int64_t imm)
{
    const struct insn *in = b->in;

    emit_call_as(b, form->op, form->run, d, in->modrm,
                 (in->opcode & 7) | form->how | pointer_flags(b->cpu), imm);
}

/* With a memory operand at T0; what does not wait for exceptions are control words' stores. */
static void emit_with_memory(struct block_builder *b, const struct form *form)
{
    bool stores = form->how & X87_STORES, waits = !(form->how & X87_CONTROLS && stores);

    emit_call_as(b, UOP_CHECK, waits ? run_check : x87_control_nop, LOADED_X87, 0, 0, 0);
    emit_linear(b, form->d, stores);
    emit_form(b, form, form->d, fpu_operand(b->in));
}

static bool escape(struct block_builder *b, const struct insn *in)
{
    const struct form *form = in->mod == 3 ? register_form(in->opcode, in->modrm)
                                           : &memory_forms[in->opcode & 7][in->modrm >> 3 & 7];

    if (!form->run)
        return false;
    if (in->mod == 3)
        emit_form(b, form, form->d, 0);
    else if (form->d)
        emit_with_memory(b, form);
    else
        emit_form(b, form, in->op_size == 2 ? 2 : 4, fpu_operand(in));
    return true;
}

bool fpu_translate(struct block_builder *b, const struct insn *in)
{
    if (in->map != MAP_ONE)
        return xsave_translate(b, in);
    if (in->opcode != 0x9b && (in->opcode & 0xf8) != 0xd8)
        return false;
    if (!cpu_has(b->cpu, 1, 0, 3, 0))
        return false;
    if (in->opcode == 0x9b) {
        emit_call_as(b, UOP_CHECK, run_fwait, LOADED_X87, 0, 0, 0);
        return true;
    }
    return escape(b, in);
}
