/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * integer - translates the integer instructions of the one-byte opcode map.
 *
 * Intel SDM volume 2, and its appendix A.
 */
#include "integer.h"

#include "translate.h"

/* ---- Operands ---- */

uint8_t operand_rm(struct block_builder *b, unsigned size)
{
    if (b->in->mod == 3)
        return insn_reg(b->in, b->in->rm, size);
    emit_load_rm(b, REG_T1, size);
    return REG(REG_T1);
}

uint8_t operand_reg(const struct block_builder *b, unsigned size)
{
    return insn_reg(b->in, b->in->reg, size);
}

void emit_mov(struct block_builder *b, uint8_t d, uint8_t a, unsigned size)
{
    emit(b, sized(UOP_MOV8, size), d, a, 0, 0);
}

struct change change_begin_at(struct block_builder *b, unsigned size)
{
    struct change c = { .from = REG(REG_T1), .to = REG(REG_T2), .size = size, .memory = true };

    c.locked = b->in->lock;
    c.load = b->n;
    if (c.locked)
        emit(b, sized(UOP_LOCK_LOAD8, size), c.from, 0, 0, 0);
    else
        emit(b, sized(UOP_LOADW8, size), c.from, REG(REG_T0), 0, 0)->seg = b->in->seg;
    return c;
}

struct change change_begin(struct block_builder *b, unsigned size)
{
    struct change c = { .from = REG(REG_T1), .to = REG(REG_T2), .size = size, .memory = true };

    if (b->in->mod == 3) {
        c.from = c.to = insn_reg(b->in, b->in->rm, size);
        c.memory = false;
    } else if (b->in->lock) {
        emit_address(b, size, true);
        return change_begin_at(b, size);
    } else {
        emit_memory(b, sized(UOP_LOADW8, size), c.from, 0, size);
        c.load = b->n - 1;
    }
    return c;
}

void change_end(struct block_builder *b, const struct change *c)
{
    const struct uop *load = &b->uop[c->load];

    if (!c->memory)
        return;
    if (c->locked)
        emit(b, sized(UOP_LOCK_STORE8, c->size), 0, 0, 0, b->n - c->load);
    else
        emit(b, sized(UOP_STORE8, c->size), 0, load->a, c->to, load->imm)->seg = load->seg;
}

/* rm = rm op src (or imm). */
static void change_rm(struct block_builder *b, unsigned op8, unsigned size, uint8_t src,
                      int64_t imm)
{
    struct change c = change_begin(b, size);

    emit(b, sized(op8, size), c.to, c.from, src, imm);
    change_end(b, &c);
}

/* ---- Arithmetic ---- */

static const uint16_t group1[8] = { UOP_ADD8, UOP_OR8,  UOP_ADC8, UOP_SBB8,
                                    UOP_AND8, UOP_SUB8, UOP_XOR8, UOP_CMP8 };
static const uint16_t group1_imm[8] = { UOP_ADDI8, UOP_ORI8,  UOP_ADCI8, UOP_SBBI8,
                                        UOP_ANDI8, UOP_SUBI8, UOP_XORI8, UOP_CMPI8 };
enum { ROW_CMP = 7 };

/* Opcodes 00 to 3D: rm,reg; reg,rm; rAX,imm. */
static bool arithmetic(struct block_builder *b, const struct insn *in)
{
    unsigned row = in->opcode >> 3, form = in->opcode & 7, size = form & 1 ? in->op_size : 1;
    uint8_t reg = operand_reg(b, size);

    if (form >= 4)
        emit(b, sized(group1_imm[row], size), REG(RAX), REG(RAX), 0, in->imm);
    else if (form >= 2)
        emit(b, sized(group1[row], size), reg, reg, operand_rm(b, size), 0);
    else if (row == ROW_CMP)
        emit(b, UOP_CMP8 + size_log(size), 0, operand_rm(b, size), reg, 0);
    else
        change_rm(b, group1[row], size, reg, 0);
    return true;
}

static bool group1_translate(struct block_builder *b, const struct insn *in, unsigned size)
{
    unsigned row = in->reg & 7;

    if (row == ROW_CMP)
        emit(b, sized(UOP_CMPI8, size), 0, operand_rm(b, size), 0, in->imm);
    else
        change_rm(b, group1_imm[row], size, 0, in->imm);
    return true;
}

/* Shifts and rotates.  What a rotate by an immediate does to OF differs between registers and
 * memory, where it is as by CL; so are RCL and RCR, and whatever masks to 0. */
static bool group2(struct block_builder *b, unsigned size, bool by_cl, unsigned count)
{
    static const uint16_t by_reg[8] = { UOP_ROL8, UOP_ROR8, UOP_RCL8, UOP_RCR8,
                                        UOP_SHL8, UOP_SHR8, UOP_SHL8, UOP_SAR8 };
    static const uint16_t by_imm[8] = { UOP_ROLI8, UOP_RORI8, 0,         0,
                                        UOP_SHLI8, UOP_SHRI8, UOP_SHLI8, UOP_SARI8 };
    unsigned kind = b->in->reg & 7;

    count &= size == 8 ? 63 : 31;
    if (by_cl) {
        change_rm(b, by_reg[kind], size, REG(RCX), 0);
    } else if (by_imm[kind] && count && (kind > 1 || b->in->mod == 3)) {
        change_rm(b, by_imm[kind], size, 0, count);
    } else {
        struct change c = change_begin(b, size);

        emit(b, UOP_MOVI8, REG(REG_T3), 0, 0, count);
        emit(b, sized(by_reg[kind], size), c.to, c.from, REG(REG_T3), 0);
        change_end(b, &c);
    }
    return true;
}

static bool group3(struct block_builder *b, const struct insn *in, unsigned size)
{
    unsigned kind = in->reg & 7;

    if (kind < 2)
        emit(b, sized(UOP_TESTI8, size), 0, operand_rm(b, size), 0, in->imm);
    else if (kind == 2)
        change_rm(b, UOP_NOT8, size, 0, 0);
    else if (kind == 3)
        change_rm(b, UOP_NEG8, size, 0, 0);
    else
        emit_call(b, call_group3[kind - 4][size_log(size)], 0, 0, operand_rm(b, size), 0);
    return true;
}

static bool imul_imm(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size;
    uint8_t rm = operand_rm(b, size);

    emit(b, UOP_MOVI64, REG(REG_T2), 0, 0, in->imm);
    emit(b, wide(UOP_IMUL16, size), operand_reg(b, size), rm, REG(REG_T2), 0);
    return true;
}

/* ---- The stack ---- */

/* What PUSH, POP, CALL and RET move: in 64-bit mode 8 bytes, or 2. */
static unsigned stack_size(const struct insn *in)
{
    return in->code == MODE_CODE64 && in->op_size == 4 ? 8 : in->op_size;
}

/* The same of near branches, whose operand size prefix counts for nothing in 64-bit mode. */
static unsigned branch_size(const struct insn *in)
{
    return in->code == MODE_CODE64 ? 8 : in->op_size;
}

void emit_push(struct block_builder *b, uint8_t reg, unsigned size)
{
    if (size == 8)
        emit(b, UOP_PUSH64, 0, 0, reg, 0)->seg = SEG_SS;
    else
        emit_call(b, call_push, 0, 0, reg, size);
}

static void emit_pop(struct block_builder *b, uint8_t reg, unsigned size)
{
    if (size == 8) {
        emit(b, UOP_POP64, reg, 0, 0, 0)->seg = SEG_SS;
    } else {
        emit_call(b, call_pop, REG(REG_T1), 0, 0, size);
        emit_mov(b, reg, REG(REG_T1), size);
    }
}

static bool push_imm(struct block_builder *b, const struct insn *in)
{
    emit(b, UOP_MOVI64, REG(REG_T1), 0, 0, in->imm);
    emit_push(b, REG(REG_T1), stack_size(in));
    return true;
}

/* A pushed selector fills its slot with zeroes. */
static bool push_segment(struct block_builder *b, const struct insn *in, enum seg seg)
{
    emit_call(b, call_selector, REG(REG_T1), seg, 0, 0);
    emit_push(b, REG(REG_T1), stack_size(in));
    return true;
}

/* POP to memory: an address by rSP is that after the pop, which counts once the store has
 * succeeded. */
static bool pop_rm(struct block_builder *b, const struct insn *in)
{
    struct insn shifted = *in;
    unsigned size = stack_size(in);

    if (in->reg & 7)
        return false;
    if (in->mod == 3) {
        emit_pop(b, REG(in->rm), size);
        return true;
    }
    if (in->base == RSP)
        shifted.disp += size;
    emit_call(b, call_peek, REG(REG_T1), 0, 0, size);
    b->in = &shifted;
    emit_store_rm(b, REG_T1, size);
    b->in = in;
    emit_call(b, call_drop, 0, 0, 0, size);
    return true;
}

static bool leave(struct block_builder *b, const struct insn *in)
{
    if (stack_size(in) != 8) {
        emit_call(b, call_leave, 0, 0, 0, stack_size(in));
        return true;
    }
    emit(b, UOP_LOAD64, REG(REG_T1), REG(RBP), 0, 0)->seg = SEG_SS;
    emit(b, UOP_LEA64, REG(RSP), REG(RBP), REG(REG_ZERO), 8);
    emit(b, UOP_MOV64, REG(RBP), REG(REG_T1), 0, 0);
    return true;
}

/* ---- Jumps ---- */

static void emit_jump(struct block_builder *b, enum uop_op op, uint8_t a)
{
    struct uop *u = emit(b, op, branch_size(b->in), a, 0, 0);

    u->rel = b->in->imm;
}

/* Makes one micro-op of the comparison just emitted and this jump. */
static bool fuse(struct block_builder *b, const struct insn *in)
{
    // clang-format off
    static const struct { uint16_t from, to; } fused[] = {
        { UOP_CMP8, UOP_CMPJ8O },       { UOP_CMP32, UOP_CMPJ32O },     { UOP_CMP64, UOP_CMPJ64O },
        { UOP_CMPI8, UOP_CMPJI8O },     { UOP_CMPI32, UOP_CMPJI32O },   { UOP_CMPI64, UOP_CMPJI64O },
        { UOP_TEST8, UOP_TESTJ8O },     { UOP_TEST32, UOP_TESTJ32O },   { UOP_TEST64, UOP_TESTJ64O },
        { UOP_TESTI8, UOP_TESTJI8O },   { UOP_TESTI32, UOP_TESTJI32O }, { UOP_TESTI64, UOP_TESTJI64O },
    };
    // clang-format on
    struct uop *u = b->n ? &b->uop[b->n - 1] : NULL;

    if (!u || u->off + u->len != (uint64_t)(in->rip - b->rip))
        return false;
    for (unsigned i = 0; i < sizeof(fused) / sizeof(fused[0]); i++) {
        if (u->op != fused[i].from)
            continue;
        u->op = fused[i].to + (in->opcode & 15);
        u->d = branch_size(in) | u->len << 4;
        u->len += in->len;
        u->imm32 = u->imm;
        u->rel = in->imm;
        u->link = NULL;
        return true;
    }
    return false;
}

void emit_jcc(struct block_builder *b, const struct insn *in)
{
    if (!fuse(b, in))
        emit_jump(b, UOP_JO + (in->opcode & 15), 0);
    emit_continue(b);
}

static uint64_t cut(uint64_t v, unsigned size)
{
    return size == 8 ? v : size == 4 ? (uint32_t)v : (uint16_t)v;
}

static uint64_t target(const struct insn *in)
{
    return cut(in->rip + in->len + in->imm, branch_size(in));
}

static bool call_rel(struct block_builder *b, const struct insn *in)
{
    if (branch_size(in) == 8) {
        emit_jump(b, UOP_CALL64, 0);
    } else {
        emit(b, UOP_MOVI64, REG(REG_T1), 0, 0, target(in));
        emit_call(b, call_near, branch_size(in), 0, REG(REG_T1), 0);
        emit_jump(b, UOP_JMP, 0);
    }
    return true;
}

static bool ret(struct block_builder *b, const struct insn *in)
{
    unsigned size = branch_size(in);

    if (size == 8) {
        emit(b, UOP_RET64, 0, 0, 0, in->imm);
    } else {
        emit_call(b, call_return, REG(REG_T1), size, 0, in->imm);
        emit(b, UOP_JMP_TO, 0, REG(REG_T1), 0, 0);
    }
    return true;
}

/* LOOPNE, LOOPE, LOOP, JCXZ: T1 is the counter, or 0 if flags forbid the jump. */
static bool loop(struct block_builder *b, const struct insn *in)
{
    unsigned kind = in->opcode & 3;
    uint8_t t1 = REG(REG_T1), t2 = REG(REG_T2), zero = REG(REG_ZERO);
    bool jcxz = kind == 3;

    emit(b, UOP_LEA64, t1, REG(RCX), zero, jcxz ? 0 : -1);
    if (in->addr_size != 8)
        emit(b, in->addr_size == 4 ? UOP_MOV32 : UOP_ZX16, t1, t1, 0, 0);
    if (jcxz) {
        emit_jump(b, UOP_JZ_REG, t1);
        emit_continue(b);
        return true;
    }
    emit(b, UOP_MOV64, t2, t1, 0, 0);
    if (kind < 2)
        emit(b, kind ? UOP_CMOVNZ : UOP_CMOVZ, t2, zero, 0, 0);
    if (!is_code64(b) && target(in) > b->cpu->seg[SEG_CS].limit)
        emit_call(b, call_check_loop, 0, t2, 0, target(in));
    emit_mov(b, REG(RCX), t1, in->addr_size);
    emit_jump(b, UOP_JNZ_REG, t2);
    emit_continue(b);
    return true;
}

/* INC, DEC, near CALL and JMP, PUSH. */
static bool group5(struct block_builder *b, const struct insn *in)
{
    unsigned kind = in->reg & 7, size = kind < 2 ? in->op_size : stack_size(in);
    uint8_t rm;

    if (kind < 2) {
        change_rm(b, kind ? UOP_DEC8 : UOP_INC8, size, 0, 0);
        return true;
    }
    if (kind == 3 || kind == 5)
        return sys_translate(b, in);
    if (kind == 7)
        return false;
    if (kind != 6)
        size = branch_size(in);
    rm = operand_rm(b, size);
    if (kind == 6) {
        emit_push(b, rm, size);
        return true;
    }
    if (size == 2 && in->mod == 3)
        emit(b, UOP_ZX16, REG(REG_T1), rm, 0, 0), rm = REG(REG_T1);
    if (kind == 2) {
        if (rm == REG(RSP)) /* as it is before the push */
            emit(b, UOP_MOV64, REG(REG_T1), rm, 0, 0), rm = REG(REG_T1);
        emit_call(b, call_near, size, 0, rm, 0);
    }
    emit(b, UOP_JMP_TO, 0, rm, 0, 0);
    return true;
}

/* ---- Moves ---- */

static bool mov(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->opcode & 1 ? in->op_size : 1;
    uint8_t reg = operand_reg(b, size), rm;

    if (in->mod == 3) {
        rm = insn_reg(in, in->rm, size);
        emit_mov(b, in->opcode & 2 ? reg : rm, in->opcode & 2 ? rm : reg, size);
    } else if (in->opcode & 2) {
        emit_memory(b, sized(UOP_LOAD8, size), reg, 0, size);
    } else {
        emit_memory(b, sized(UOP_STORE8, size), 0, reg, size);
    }
    return true;
}

static bool mov_imm(struct block_builder *b, const struct insn *in, unsigned size)
{
    if (in->reg & 7)
        return false;
    if (in->mod == 3) {
        emit(b, sized(UOP_MOVI8, size), insn_reg(in, in->rm, size), 0, 0, in->imm);
    } else {
        emit(b, UOP_MOVI64, REG(REG_T1), 0, 0, in->imm);
        emit_store_rm(b, REG_T1, size);
    }
    return true;
}

/* MOV between rAX and an absolute address. */
static bool mov_offset(struct block_builder *b, const struct insn *in)
{
    struct insn absolute = *in;
    unsigned size = in->opcode & 1 ? in->op_size : 1;

    absolute.disp = in->imm;
    b->in = &absolute;
    if (in->opcode & 2)
        emit_memory(b, sized(UOP_STORE8, size), 0, REG(RAX), size);
    else
        emit_memory(b, sized(UOP_LOAD8, size), REG(RAX), 0, size);
    b->in = in;
    return true;
}

/* A selector goes to memory as 16 bits, to a register as wide as that is. */
static bool mov_from_segment(struct block_builder *b, const struct insn *in)
{
    if ((in->reg & 7) >= N_SEGS)
        return false;
    emit_call(b, call_selector, REG(REG_T1), in->reg & 7, 0, 0);
    emit_store_rm(b, REG_T1, in->mod == 3 ? in->op_size : 2);
    return true;
}

static bool lea(struct block_builder *b, const struct insn *in)
{
    uint8_t reg = REG(in->reg), to = in->op_size == 2 || in->addr_size == 2 ? REG(REG_T1) : reg;
    bool whole = in->addr_size == 8 && in->op_size == 8;
    int64_t rip = in->base == REG_NEXT ? in->rip + in->len : 0;

    if (in->mod == 3)
        return false;
    emit(b, whole ? UOP_LEA64 : UOP_LEA32, to, rip ? REG(REG_ZERO) : REG(in->base), REG(in->index),
         in->disp + rip)
        ->scale = in->scale;
    if (in->op_size == 2)
        emit(b, UOP_MOV16, reg, to, 0, 0);
    else if (in->addr_size == 2)
        emit(b, UOP_ZX16, reg, to, 0, 0);
    return true;
}

static void swap(struct block_builder *b, uint8_t x, uint8_t y, unsigned size)
{
    emit_mov(b, REG(REG_T1), x, size);
    emit_mov(b, x, y, size);
    emit_mov(b, y, REG(REG_T1), size);
}

/* XCHG locks by itself. */
static bool xchg(struct block_builder *b, const struct insn *in, unsigned size)
{
    struct insn locked = *in;
    uint8_t reg = operand_reg(b, size);
    struct change c;

    if (in->mod == 3) {
        swap(b, insn_reg(in, in->rm, size), reg, size);
        return true;
    }
    locked.lock = true;
    b->in = &locked;
    c = change_begin(b, size);
    emit_mov(b, c.to, reg, size);
    change_end(b, &c);
    emit_mov(b, reg, c.from, size);
    b->in = in;
    return true;
}

static bool movsxd(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size == 2 ? 2 : 4;

    if (!is_code64(b))
        return sys_translate(b, in); /* ARPL */
    if (in->op_size == 8)
        emit(b, UOP_SX32, REG(in->reg), operand_rm(b, size), 0, 0);
    else
        emit_mov(b, REG(in->reg), operand_rm(b, size), size);
    return true;
}

/* CBW, CWDE, CDQE */
static bool sign_extend_rax(struct block_builder *b, const struct insn *in)
{
    static const uint16_t extend[] = { 0, UOP_SX8, UOP_SX16, UOP_SX32 };

    emit(b, extend[size_log(in->op_size)], REG(REG_T1), REG(RAX), 0, 0);
    emit_mov(b, REG(RAX), REG(REG_T1), in->op_size);
    return true;
}

static bool xlat(struct block_builder *b, const struct insn *in)
{
    struct insn at = *in;

    emit(b, UOP_ZX8, REG(REG_T1), REG(RAX), 0, 0);
    at.base = RBX;
    at.index = REG_T1;
    b->in = &at;
    emit_memory(b, UOP_LOAD8, REG(RAX), 0, 1);
    b->in = in;
    return true;
}

static bool bound(struct block_builder *b, const struct insn *in)
{
    if (is_code64(b) || in->mod == 3)
        return false;
    emit_address(b, 2 * in->op_size, false);
    emit_call(b, call_bound, 0, REG(in->reg), 0, in->op_size);
    return true;
}

/* ---- Strings and ports ---- */

static bool string(struct block_builder *b, const struct insn *in, uop_call *call)
{
    unsigned size = in->opcode & 1 ? in->op_size : 1;
    unsigned rep = in->rep ? REP_E : in->repne ? REP_NE : REP_NONE;
    bool ports = in->opcode <= 0x6f;

    if (ports && size == 8)
        size = 4;
    emit(b, rep ? UOP_CALL_LOOP : UOP_CALL, size, in->seg, in->addr_size, rep)->call = call;
    return true;
}

static bool port(struct block_builder *b, const struct insn *in)
{
    unsigned size = !(in->opcode & 1) ? 1 : in->op_size == 2 ? 2 : 4;
    int64_t number = in->opcode & 8 ? -1 : (int64_t)(in->imm & 0xff);

    emit_call_last(b, in->opcode & 2 ? call_out : call_in, size, 0, in->addr_size, number);
    return true;
}

/* ---- The map ---- */

static bool flag(struct block_builder *b, unsigned bit, int how)
{
    emit_call(b, call_flag, bit, 0, 0, how);
    return true;
}

static bool legacy(struct block_builder *b, uop_call *call, int64_t imm)
{
    if (is_code64(b))
        return false;
    emit_call(b, call, 0, 0, 0, imm);
    return true;
}

static bool inc_dec_short(struct block_builder *b, const struct insn *in)
{
    uint8_t reg = REG(in->opcode & 7);

    emit(b, sized(in->opcode & 8 ? UOP_DEC8 : UOP_INC8, in->op_size), reg, reg, 0, 0);
    return true;
}

static void call_pause(struct cpu *cpu, const struct uop *u)
{
    cpu_pause(cpu);
}

/* 90 to 97; without REX.B, 90 is NOP or PAUSE. */
static bool xchg_rax(struct block_builder *b, const struct insn *in)
{
    unsigned reg = (in->opcode & 7) | in->b << 3;

    if (reg != RAX)
        swap(b, REG(RAX), REG(reg), in->op_size);
    else if (in->pp == PFX_F3)
        emit_call_last(b, call_pause, 0, 0, 0, 0);
    return true;
}

static bool mov_imm_short(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->opcode & 8 ? in->op_size : 1;

    emit(b, sized(UOP_MOVI8, size), insn_reg(in, (in->opcode & 7) | in->b << 3, size), 0, 0,
         in->imm);
    return true;
}

/* What a hypervisor sees of the shadow needs blocks_run_one(). */
static bool translate_sti(struct block_builder *b)
{
    if (b->mode & MODE_GUEST) {
        emit_call_last(b, call_sti, 0, 0, 0, 0);
    } else {
        emit_call(b, call_sti, 0, 0, 0, 0);
        b->shadows = true;
    }
    return true;
}

static bool high_nibble(struct block_builder *b, const struct insn *in)
{
    unsigned reg = (in->opcode & 7) | in->b << 3;

    switch (in->opcode >> 4) {
    case 4: return inc_dec_short(b, in);
    case 5:
        if (in->opcode & 8)
            emit_pop(b, REG(reg), stack_size(in));
        else
            emit_push(b, REG(reg), stack_size(in));
        return true;
    case 7: emit_jcc(b, in); return true;
    default: return mov_imm_short(b, in);
    }
}

bool integer_translate(struct block_builder *b, const struct insn *in)
{
    unsigned op = in->opcode, size = op & 1 ? in->op_size : 1;

    if (in->map != MAP_ONE)
        return in->vex             ? translate_bmi(b, in)
               : in->map == MAP_0F ? translate_0f(b, in)
                                   : translate_0f38(b, in);
    if (op < 0x40 && (op & 7) < 6)
        return arithmetic(b, in);
    if ((op >= 0x40 && op < 0x60) || op >> 4 == 7 || op >> 4 == 0xb)
        return high_nibble(b, in);
    switch (op) {
    case 0x06:
    case 0x0e:
    case 0x16:
    case 0x1e: return !is_code64(b) && push_segment(b, in, op >> 3);
    case 0x27: return legacy(b, call_daa, 1);
    case 0x2f: return legacy(b, call_daa, -1);
    case 0x37: return legacy(b, call_aaa, 1);
    case 0x3f: return legacy(b, call_aaa, -1);
    case 0x60: return legacy(b, call_pusha, in->op_size);
    case 0x61: return legacy(b, call_popa, in->op_size);
    case 0x62: return bound(b, in);
    case 0x63: return movsxd(b, in);
    case 0x68:
    case 0x6a: return push_imm(b, in);
    case 0x69:
    case 0x6b: return imul_imm(b, in);
    case 0x6c:
    case 0x6d: return string(b, in, call_ins);
    case 0x6e:
    case 0x6f: return string(b, in, call_outs);
    case 0x82:
        if (is_code64(b))
            return false;
        /* fall through */
    case 0x80: return group1_translate(b, in, 1);
    case 0x81:
    case 0x83: return group1_translate(b, in, in->op_size);
    case 0x84:
    case 0x85:
        emit(b, sized(UOP_TEST8, size), 0, operand_rm(b, size), operand_reg(b, size), 0);
        return true;
    case 0x86:
    case 0x87: return xchg(b, in, size);
    case 0x88:
    case 0x89:
    case 0x8a:
    case 0x8b: return mov(b, in);
    case 0x8c: return mov_from_segment(b, in);
    case 0x8d: return lea(b, in);
    case 0x8f: return pop_rm(b, in);
    case 0x90:
    case 0x91:
    case 0x92:
    case 0x93:
    case 0x94:
    case 0x95:
    case 0x96:
    case 0x97: return xchg_rax(b, in);
    case 0x98: return sign_extend_rax(b, in);
    case 0x99:
        emit_call_as(b, sized(UOP_PURE8, in->op_size), call_sign[size_log(in->op_size)], REG(RDX),
                     REG(RAX), 0, 0);
        return true;
    case 0x9c: emit_call(b, call_pushf, 0, 0, 0, stack_size(in)); return true;
    case 0x9d: emit_call_last(b, call_popf, 0, 0, 0, stack_size(in)); return true;
    case 0x9e: emit_call(b, call_sahf, 0, 0, 0, 0); return true;
    case 0x9f: emit_call(b, call_lahf, 0, 0, 0, 0); return true;
    case 0xa0:
    case 0xa1:
    case 0xa2:
    case 0xa3: return mov_offset(b, in);
    case 0xa4:
    case 0xa5: return string(b, in, call_movs);
    case 0xa6:
    case 0xa7: return string(b, in, call_cmps);
    case 0xa8:
    case 0xa9: emit(b, sized(UOP_TESTI8, size), 0, REG(RAX), 0, in->imm); return true;
    case 0xaa:
    case 0xab: return string(b, in, call_stos);
    case 0xac:
    case 0xad: return string(b, in, call_lods);
    case 0xae:
    case 0xaf: return string(b, in, call_scas);
    case 0xc0:
    case 0xc1: return group2(b, size, false, in->imm);
    case 0xc2:
    case 0xc3: return ret(b, in);
    case 0xc6:
    case 0xc7: return mov_imm(b, in, size);
    case 0xc8: emit_call(b, call_enter, stack_size(in), in->imm2, 0, in->imm); return true;
    case 0xc9: return leave(b, in);
    case 0xd0:
    case 0xd1: return group2(b, size, false, 1);
    case 0xd2:
    case 0xd3: return group2(b, size, true, 0);
    case 0xd4: return legacy(b, call_aam, in->imm & 0xff);
    case 0xd5: return legacy(b, call_aad, in->imm & 0xff);
    case 0xd6: return legacy(b, call_salc, 0);
    case 0xd7: return xlat(b, in);
    case 0xe0:
    case 0xe1:
    case 0xe2:
    case 0xe3: return loop(b, in);
    case 0xe4:
    case 0xe5:
    case 0xe6:
    case 0xe7:
    case 0xec:
    case 0xed:
    case 0xee:
    case 0xef: return port(b, in);
    case 0xe8: return call_rel(b, in);
    case 0xe9:
    case 0xeb: emit_jump(b, UOP_JMP, 0); return true;
    case 0xf5: return flag(b, 0, 0);
    case 0xf6:
    case 0xf7: return group3(b, in, size);
    case 0xf8: return flag(b, 0, -1);
    case 0xf9: return flag(b, 0, 1);
    case 0xfa: emit_call(b, call_cli, 0, 0, 0, 0); return true;
    case 0xfb: return translate_sti(b);
    case 0xfc: return flag(b, 10, -1);
    case 0xfd: return flag(b, 10, 1);
    case 0xfe:
        if ((in->reg & 7) > 1)
            return false;
        change_rm(b, in->reg & 1 ? UOP_DEC8 : UOP_INC8, 1, 0, 0);
        return true;
    case 0xff: return group5(b, in);
    default: return sys_translate(b, in);
    }
}
