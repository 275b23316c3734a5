/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * integer0f - translates the integer instructions of the opcode maps 0F, 0F38, and of VEX.
 *
 * Intel SDM volume 2, and its appendix A.
 */
#include "integer.h"
#include "translate.h"

/* Where CPUID tells of an instruction: leaf, register (0 to 3: EAX, EBX, ECX, EDX), bit. */
struct feature {
    uint32_t leaf;
    uint8_t reg, bit;
};
// clang-format off
static const struct feature
    bmi1 = { 7, 1, 3 }, bmi2 = { 7, 1, 8 }, adx = { 7, 1, 19 },
    popcnt = { 1, 2, 23 }, movbe = { 1, 2, 22 }, crc32 = { 1, 2, 20 }, cx16 = { 1, 2, 13 },
    lzcnt = { 0x80000001, 2, 5 }, sse2 = { 1, 3, 26 };
// clang-format on

static bool has(const struct block_builder *b, struct feature f)
{
    return cpu_has(b->cpu, f.leaf, 0, f.reg, f.bit);
}

/* ---- Conditions ---- */

static bool cmov(struct block_builder *b, const struct insn *in)
{
    enum uop_op op = UOP_CMOVO + (in->opcode & 15);
    uint8_t reg = REG(in->reg), t1 = REG(REG_T1), t2 = REG(REG_T2);

    emit_load_rm(b, REG_T1, in->op_size);
    if (in->op_size == 2) {
        emit(b, UOP_MOV64, t2, reg, 0, 0);
        emit(b, UOP_MOV16, t2, t1, 0, 0);
        emit(b, op, reg, t2, 0, 0);
        return true;
    }
    if (in->op_size == 4)
        emit(b, UOP_MOV32, reg, reg, 0, 0);
    emit(b, op, reg, t1, 0, 0);
    return true;
}

static bool setcc(struct block_builder *b, const struct insn *in)
{
    enum uop_op op = UOP_SETO + (in->opcode & 15);

    if (in->mod == 3) {
        emit(b, op, insn_reg(in, in->rm, 1), 0, 0, 0);
    } else {
        emit(b, op, REG(REG_T1), 0, 0, 0);
        emit_store_rm(b, REG_T1, 1);
    }
    return true;
}

/* ---- Bits ---- */

static const uint16_t bit_by_reg[4] = { UOP_BT16, UOP_BTS16, UOP_BTR16, UOP_BTC16 };
static const uint16_t bit_by_imm[4] = { UOP_BTI16, UOP_BTSI16, UOP_BTRI16, UOP_BTCI16 };

/* T0 = address of the bit string's word in which the register's bit lies. */
static void bit_address(struct block_builder *b, const struct insn *in, bool write)
{
    struct uop *u;
    int64_t rip = in->base == REG_NEXT ? in->rip + in->len : 0;

    emit_call(b, call_bit_offset, REG(REG_T1), REG(in->reg), 0, in->op_size);
    emit(b, UOP_LEA64, REG(REG_T2), rip ? REG(REG_ZERO) : REG(in->base), REG(in->index),
         in->disp + rip)
        ->scale = in->scale;
    u = emit(b, UOP_ADDRSEG, REG(REG_T0), REG(REG_T2), REG(REG_T1), 0);
    u->seg = in->seg;
    u->addr_size = in->addr_size;
    u->size = in->op_size;
    u->write = write;
}

static bool bit_reg(struct block_builder *b, const struct insn *in)
{
    unsigned kind = in->opcode >> 3 & 3, size = in->op_size;
    enum uop_op op = wide(bit_by_reg[kind], size);
    struct change c;

    if (in->mod == 3) {
        emit(b, op, REG(in->rm), REG(in->rm), REG(in->reg), 0);
        return true;
    }
    bit_address(b, in, kind != 0);
    if (kind == 0) {
        emit(b, size == 2 ? UOP_LOADZ16 : sized(UOP_LOAD8, size), REG(REG_T1), REG(REG_T0), 0, 0)
            ->seg = in->seg;
        emit(b, op, 0, REG(REG_T1), REG(in->reg), 0);
        return true;
    }
    c = change_begin_at(b, size);
    emit(b, op, c.to, c.from, REG(in->reg), 0);
    change_end(b, &c);
    return true;
}

static bool bit_imm(struct block_builder *b, const struct insn *in)
{
    unsigned kind = in->reg & 3, size = in->op_size;
    enum uop_op op = wide(bit_by_imm[kind], size);
    struct change c;

    if (!(in->reg & 4))
        return false;
    if (kind == 0) {
        emit(b, op, 0, operand_rm(b, size), 0, in->imm);
        return true;
    }
    c = change_begin(b, size);
    emit(b, op, c.to, c.from, 0, in->imm);
    change_end(b, &c);
    return true;
}

/* A function of registers: op is the micro-op of 8 bits. */
static void emit_pure(struct block_builder *b, unsigned op, unsigned size, uop_call *call,
                      uint8_t d, uint8_t a, uint8_t s, int64_t imm)
{
    emit_call_as(b, sized(op, size), call, d, a, s, imm);
}

/* BSF, BSR and what F3 makes of them, if the processor has that. */
static bool count(struct block_builder *b, const struct insn *in)
{
    bool reverse = in->opcode & 1;
    unsigned kind = reverse ? COUNT_BSR : COUNT_BSF;

    if (in->pp == PFX_F3 && has(b, reverse ? lzcnt : bmi1))
        kind = reverse ? COUNT_LZCNT : COUNT_TZCNT;
    emit_pure(b, UOP_PURE_FLAGS8, in->op_size, call_count[kind][size_log(in->op_size)],
              REG(in->reg), 0, operand_rm(b, in->op_size), 0);
    return true;
}

static bool popcnt_translate(struct block_builder *b, const struct insn *in)
{
    if (in->pp != PFX_F3 || !has(b, popcnt))
        return false;
    emit_pure(b, UOP_PURE_FLAGS8, in->op_size, call_count[COUNT_POPCNT][size_log(in->op_size)],
              REG(in->reg), 0, operand_rm(b, in->op_size), 0);
    return true;
}

static bool double_shift(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size;
    struct change c = change_begin(b, size);

    emit_call(b, call_double_shift[in->opcode >> 3 & 1][size_log(size)], c.to, c.from, REG(in->reg),
              in->opcode & 1 ? -1 : (int64_t)(in->imm & 0xff));
    change_end(b, &c);
    return true;
}

/* ---- Exchanges ---- */

/* T1 = operand rm, which change_store() writes from T2. */
static struct change change_load(struct block_builder *b, unsigned size)
{
    struct change c = change_begin(b, size);

    if (!c.memory)
        emit_load_rm(b, REG_T1, size);
    return c;
}

static void change_store(struct block_builder *b, const struct change *c)
{
    if (c->memory)
        change_end(b, c);
    else
        emit_mov(b, c->to, REG(REG_T2), c->size);
}

/* What goes there is the register, or what was there; then that goes to rAX unless they were the
 * same. */
static bool cmpxchg(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->opcode & 1 ? in->op_size : 1;
    uint8_t t1 = REG(REG_T1), t2 = REG(REG_T2);
    struct change c = change_load(b, size);

    emit(b, sized(UOP_CMP8, size), 0, REG(RAX), t1, 0);
    emit_mov(b, t2, operand_reg(b, size), size);
    emit(b, UOP_CMOVNZ, t2, t1, 0, 0);
    if (!c.memory && size >= 4)
        emit(b, UOP_CMOVZ, c.to, t2, 0, 0); /* its upper half stays if it is not written */
    else
        change_store(b, &c);
    emit(b, UOP_MOV64, t2, size < 4 ? REG(RAX) : t1, 0, 0);
    if (size < 4)
        emit_mov(b, t2, t1, size);
    emit(b, UOP_CMOVNZ, REG(RAX), t2, 0, 0);
    return true;
}

static bool xadd(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->opcode & 1 ? in->op_size : 1;
    uint8_t reg = operand_reg(b, size);
    struct change c = change_load(b, size);

    emit(b, sized(UOP_ADD8, size), REG(REG_T2), REG(REG_T1), reg, 0);
    if (c.memory)
        change_store(b, &c);
    emit_mov(b, reg, REG(REG_T1), size);
    if (!c.memory)
        change_store(b, &c);
    return true;
}

/* CMPXCHG8B and CMPXCHG16B; the rest of group 9 is the system's. */
static bool group9(struct block_builder *b, const struct insn *in)
{
    bool big = in->op_size == 8;

    if ((in->reg & 7) != 1 || in->mod == 3)
        return sys_translate(b, in) || fpu_translate(b, in);
    if (big && !has(b, cx16))
        return false;
    emit_address(b, big ? 16 : 8, true);
    emit_call(b, big ? call_cmpxchg16b : call_cmpxchg8b, 0, 0, 0, 0);
    return true;
}

/* ---- Moves ---- */

/* MOVZX, MOVSX from 8 or 16 bits. */
static bool extend(struct block_builder *b, const struct insn *in)
{
    unsigned from = in->opcode & 1 ? 2 : 1;
    uint8_t reg = REG(in->reg),
            to = in->op_size == 8 || (in->op_size == 4 && !(in->opcode & 8)) ? reg : REG(REG_T1);
    uint8_t rm = in->mod == 3 ? insn_reg(in, in->rm, from) : REG(REG_T1);

    if (in->mod != 3)
        emit_load_rm(b, REG_T1, from);
    if (in->opcode & 8)
        emit(b, from == 1 ? UOP_SX8 : UOP_SX16, to, rm, 0, 0);
    else
        emit(b, from == 1 ? UOP_ZX8 : UOP_ZX16, to, rm, 0, 0);
    if (to != reg)
        emit_mov(b, reg, to, in->op_size);
    return true;
}

static bool bswap(struct block_builder *b, const struct insn *in)
{
    uint8_t reg = REG((in->opcode & 7) | in->b << 3);

    if (in->op_size == 2)
        emit(b, UOP_MOVI16, reg, 0, 0, 0); /* undefined; what processors do */
    else
        emit(b, in->op_size == 8 ? UOP_BSWAP64 : UOP_BSWAP32, reg, reg, 0, 0);
    return true;
}

static bool movnti(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size == 8 ? 8 : 4; /* in 16-bit code, too */

    if (in->mod == 3 || in->pp != PFX_NONE || !has(b, sse2))
        return false;
    emit_memory(b, sized(UOP_STORE8, size), 0, REG(in->reg), size);
    return true;
}

static bool push_segment(struct block_builder *b, const struct insn *in, enum seg seg)
{
    emit_call(b, call_selector, REG(REG_T1), seg, 0, 0);
    emit_push(b, REG(REG_T1), in->code == MODE_CODE64 && in->op_size == 4 ? 8 : in->op_size);
    return true;
}

/* LFENCE, MFENCE, SFENCE: blocks run in program order; only MFENCE orders more than the host does.
 */
void call_fence(struct cpu *cpu, const struct uop *u)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static bool group15(struct block_builder *b, const struct insn *in)
{
    if (in->mod == 3 && (in->reg & 7) >= 5 && in->pp == PFX_NONE) {
        emit_call(b, call_fence, 0, 0, 0, in->reg & 7);
        return true;
    }
    return sys_translate(b, in) || fpu_translate(b, in) || vec_translate(b, in);
}

/* ---- The maps ---- */

bool translate_0f(struct block_builder *b, const struct insn *in)
{
    switch (in->opcode) {
    case 0x0b:
    case 0xb9:
    case 0xff: return false;
    case 0x0d:
        return in->mod != 3; /* a hint where it is not offered: long mode implies it, Intel */
    case 0x18 ... 0x1f: return true; /* hints, and what is reserved for them */
    case 0x40 ... 0x4f: return cmov(b, in);
    case 0x80 ... 0x8f: emit_jcc(b, in); return true;
    case 0x90 ... 0x9f: return setcc(b, in);
    case 0xa0: return push_segment(b, in, SEG_FS);
    case 0xa8: return push_segment(b, in, SEG_GS);
    case 0xa3:
    case 0xab:
    case 0xb3:
    case 0xbb: return bit_reg(b, in);
    case 0xa4:
    case 0xa5:
    case 0xac:
    case 0xad: return double_shift(b, in);
    case 0xae: return group15(b, in);
    case 0xaf:
        emit(b, wide(UOP_IMUL16, in->op_size), REG(in->reg), REG(in->reg),
             operand_rm(b, in->op_size), 0);
        return true;
    case 0xb0:
    case 0xb1: return cmpxchg(b, in);
    case 0xb6:
    case 0xb7:
    case 0xbe:
    case 0xbf: return extend(b, in);
    case 0xb8: return popcnt_translate(b, in);
    case 0xba: return bit_imm(b, in);
    case 0xbc:
    case 0xbd: return count(b, in);
    case 0xc0:
    case 0xc1: return xadd(b, in);
    case 0xc3: return movnti(b, in);
    case 0xc7: return group9(b, in);
    case 0xc8 ... 0xcf: return bswap(b, in);
    case 0x10 ... 0x17:
    case 0x28 ... 0x2f:
    case 0x50 ... 0x7f:
    case 0xc2:
    case 0xc4 ... 0xc6:
    case 0xd0 ... 0xfe: return fpu_translate(b, in) || vec_translate(b, in);
    default: return sys_translate(b, in);
    }
}

/* MOVBE, or CRC32 with F2. */
static bool movbe_crc32(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size;
    bool store = in->opcode & 1;
    uint8_t reg = REG(in->reg), t1 = REG(REG_T1);

    if (in->pp == PFX_F2) {
        size = store ? size : 1;
        if (!has(b, crc32))
            return false;
        emit_pure(b, UOP_PURE8, size, call_crc32[size_log(size)], reg, 0, operand_rm(b, size), 0);
        return true;
    }
    if (in->mod == 3 || in->pp == PFX_F3 || !has(b, movbe))
        return false;
    if (!store)
        emit_load_rm(b, REG_T1, size);
    if (size == 2)
        emit_call(b, call_bswap16, t1, store ? reg : t1, 0, 0);
    else
        emit(b, size == 8 ? UOP_BSWAP64 : UOP_BSWAP32, t1, store ? reg : t1, 0, 0);
    if (store)
        emit_store_rm(b, REG_T1, size);
    else
        emit_mov(b, reg, t1, size);
    return true;
}

bool translate_0f38(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size == 8 ? 8 : 4;

    if (in->map == MAP_0F38 && (in->opcode == 0xf0 || in->opcode == 0xf1))
        return movbe_crc32(b, in);
    if (in->map == MAP_0F38 && in->opcode == 0xf6 && (in->pp == PFX_66 || in->pp == PFX_F3)) {
        if (!has(b, adx))
            return false;
        emit_pure(b, UOP_PURE_FLAGS8, size, call_adx[size == 8], REG(in->reg), 0,
                  operand_rm(b, size), in->pp == PFX_66 ? F_CF : F_OF);
        return true;
    }
    if (in->map == MAP_0F38 && in->opcode >= 0x80 && in->opcode <= 0x8f)
        return sys_translate(b, in);
    return fpu_translate(b, in) || vec_translate(b, in);
}

/* ---- VEX: BMI1 and BMI2 ---- */

/* d = op(rm, vvvv) or, with swapped, op(vvvv, rm). */
static bool bmi(struct block_builder *b, const struct insn *in, struct feature f, unsigned kind,
                bool swapped)
{
    bool flags = kind == BMI_ANDN || kind == BMI_BEXTR || kind == BMI_BZHI;
    unsigned size = in->op_size == 8 ? 8 : 4;
    uint8_t rm, vvvv = REG(in->vvvv);

    if (!has(b, f))
        return false;
    rm = operand_rm(b, size);
    emit_pure(b, flags ? UOP_PURE_FLAGS8 : UOP_PURE8, size, call_bmi[kind][size == 8], REG(in->reg),
              swapped ? vvvv : rm, swapped ? rm : vvvv, 0);
    return true;
}

static bool group17(struct block_builder *b, const struct insn *in)
{
    unsigned kind = in->reg & 7, size = in->op_size == 8 ? 8 : 4;

    if (kind < 1 || kind > 3 || in->pp != PFX_NONE || !has(b, bmi1))
        return false;
    emit_pure(b, UOP_PURE_FLAGS8, size, call_group17[kind - 1][size == 8], REG(in->vvvv), 0,
              operand_rm(b, size), 0);
    return true;
}

static bool mulx(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size == 8 ? 8 : 4;

    if (!has(b, bmi2))
        return false;
    emit_call(b, call_mulx[size == 8], REG(in->reg), REG(in->vvvv), operand_rm(b, size), 0);
    return true;
}

static bool rorx(struct block_builder *b, const struct insn *in)
{
    unsigned size = in->op_size == 8 ? 8 : 4;

    if (in->pp != PFX_F2 || in->vvvv || in->spare || !has(b, bmi2))
        return false;
    emit_pure(b, UOP_PURE8, size, call_rorx[size == 8], REG(in->reg), 0, operand_rm(b, size),
              in->imm);
    return true;
}

static bool vex_f5(struct block_builder *b, const struct insn *in)
{
    switch (in->pp) {
    case PFX_NONE: return bmi(b, in, bmi2, BMI_BZHI, false);
    case PFX_F3: return bmi(b, in, bmi2, BMI_PEXT, true);
    case PFX_F2: return bmi(b, in, bmi2, BMI_PDEP, true);
    default: return false;
    }
}

static bool vex_f7(struct block_builder *b, const struct insn *in)
{
    static const uint8_t kind[] = { BMI_BEXTR, BMI_SHLX, BMI_SARX, BMI_SHRX }; /* by prefix */

    return bmi(b, in, in->pp == PFX_NONE ? bmi1 : bmi2, kind[in->pp], false);
}

bool translate_bmi(struct block_builder *b, const struct insn *in)
{
    bool general = in->map == MAP_0F38 && in->opcode >= 0xf2 && in->opcode <= 0xf7;

    if (!general && !(in->map == MAP_0F3A && in->opcode == 0xf0))
        return vec_translate(b, in);
    if (in->l || !(b->mode & MODE_PE) || b->mode & MODE_VM86)
        return false;
    if (!general)
        return rorx(b, in);
    switch (in->opcode) {
    case 0xf2: return in->pp == PFX_NONE && bmi(b, in, bmi1, BMI_ANDN, true);
    case 0xf3: return group17(b, in);
    case 0xf5: return vex_f5(b, in);
    case 0xf6: return in->pp == PFX_F2 && mulx(b, in);
    case 0xf7: return vex_f7(b, in);
    default: return false;
    }
}
