/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-emit - the encoder: prefixes, opcode, ModRM, SIB, displacement.
 */
#include "jit-emit.h"

#include <string.h>

enum { SIZED = 1, DIGIT = 2, BYTE_RM = 4, BARE = 8, F3 = 16 };

static const struct {
    uint16_t opcode;
    uint8_t props, digit;
} forms[] = {
#define X(name, opcode, props, digit) [H_##name] = { opcode, props, digit },
    HOST_INSNS(X)
#undef X
};

static void put(struct host_code *c, uint64_t value, unsigned bytes)
{
    if ((uint64_t)(c->end - c->at) < bytes) {
        c->full = true;
        return;
    }
    memcpy(c->at, &value, bytes);
    c->at += bytes;
}

static void touch(struct host_code *c, unsigned reg)
{
    c->touched |= 1u << reg;
}

static void touch_operand(struct host_code *c, struct operand rm)
{
    if (!rm.memory)
        touch(c, rm.reg);
}

/* A displacement of one byte counts so many bytes, a power of 2. */
static void put_operand_of(struct host_code *c, unsigned reg, struct operand rm, int unit)
{
    unsigned base = rm.reg & 7, field = (reg & 7) << 3;
    bool sib = rm.indexed || base == HOST_SP;
    int32_t disp = rm.disp / unit;
    bool is_long = rm.disp & (unit - 1) || disp != (int8_t)disp;
    unsigned mod = is_long ? 0x80 : disp || base == HOST_BP ? 0x40 : 0;

    if (rm.no_base)
        mod = 0;
    if (!rm.memory) {
        put(c, 0xc0 | field | base, 1);
        return;
    }
    put(c, mod | field | (sib ? HOST_SP : base), 1);
    if (sib)
        put(c, rm.scale << 6 | (rm.indexed ? rm.index & 7 : HOST_SP) << 3 | base, 1);
    if (mod == 0x40)
        put(c, disp, 1);
    else if (mod || rm.no_base)
        put(c, rm.disp, 4);
}

static void put_operand(struct host_code *c, unsigned reg, struct operand rm)
{
    put_operand_of(c, reg, rm, 1);
}

static void encode(struct host_code *c, unsigned opcode, unsigned props, unsigned size,
                   unsigned reg, struct operand rm)
{
    unsigned rex = (size == 8) << 3 | (reg >> 3) << 2 | rm.reg >> 3;

    if (rm.indexed)
        rex |= (rm.index >> 3) << 1;
    if (size == 2)
        put(c, 0x66, 1);
    if (props & F3)
        put(c, 0xf3, 1);
    if (!(props & BARE) && (rex || size == 1 || props & BYTE_RM))
        put(c, 0x40 | rex, 1);
    if (props & SIZED && size == 1)
        opcode &= ~1u;
    if (opcode > 0xff)
        put(c, opcode >> 8, 1);
    put(c, opcode, 1);
    put_operand(c, reg, rm);
}

void host(struct host_code *c, enum host_insn insn, unsigned size, unsigned reg, struct operand rm)
{
    unsigned props = forms[insn].props;

    if (!(props & DIGIT))
        touch(c, reg);
    touch_operand(c, rm);
    encode(c, forms[insn].opcode, props, size, props & DIGIT ? forms[insn].digit : reg, rm);
}

void host_imm(struct host_code *c, enum host_insn insn, unsigned size, struct operand rm,
              int32_t imm)
{
    unsigned opcode = forms[insn].opcode, bytes = size < 4 ? size : 4;

    if (opcode == 0xc1 || opcode == 0x0fba)
        bytes = 1;
    if (opcode == 0x81 && size > 1 && imm == (int8_t)imm) {
        opcode = 0x83;
        bytes = 1;
    }
    touch_operand(c, rm);
    encode(c, opcode, forms[insn].props, size, forms[insn].digit, rm);
    put(c, (uint32_t)imm, bytes);
}

void host_cc(struct host_code *c, enum host_insn insn, enum host_cc cc, unsigned reg,
             struct operand rm)
{
    touch(c, reg);
    touch_operand(c, rm);
    encode(c, forms[insn].opcode + cc, forms[insn].props, insn == H_CMOVCC ? 8 : 1, reg, rm);
}

void host_move_imm(struct host_code *c, unsigned reg, uint64_t value)
{
    touch(c, reg);
    if (value == (uint32_t)value) {
        if (reg > 7)
            put(c, 0x41, 1);
        put(c, 0xb8 | (reg & 7), 1);
        put(c, value, 4);
    } else if (value == (uint64_t)(int32_t)value) {
        host_imm(c, H_STORE_I, 8, host_reg(reg), value);
    } else {
        put(c, 0x48 | reg >> 3, 1);
        put(c, 0xb8 | (reg & 7), 1);
        put(c, value, 8);
    }
}

void host_shift_double(struct host_code *c, enum host_insn insn, unsigned size, unsigned reg,
                       struct operand rm, unsigned imm)
{
    host(c, insn, size, reg, rm);
    put(c, imm, 1);
}

void host_repeated(struct host_code *c, unsigned opcode, unsigned size)
{
    c->touched |= 1u << HOST_SI | 1u << HOST_DI | 1u << HOST_CX;
    put(c, 0xf3, 1);
    if (size == 2)
        put(c, 0x66, 1);
    if (size == 8)
        put(c, 0x48, 1);
    put(c, size == 1 ? opcode & ~1u : opcode, 1);
}

void host_fence(struct host_code *c, unsigned digit)
{
    put(c, 0xae0f, 2);
    put(c, 0xc0 | digit << 3, 1);
}

void host_rdtsc(struct host_code *c)
{
    c->touched |= 1u << HOST_AX | 1u << HOST_DX;
    put(c, 0x310f, 2);
}

void host_bswap(struct host_code *c, unsigned size, unsigned reg)
{
    touch(c, reg);
    put(c, 0x40 | (size == 8) << 3 | reg >> 3, 1);
    put(c, 0x0f, 1);
    put(c, 0xc8 | (reg & 7), 1);
}

void host_sign(struct host_code *c, unsigned size)
{
    touch(c, HOST_DX);
    if (size != 4)
        put(c, size == 8 ? 0x48 : 0x66, 1);
    put(c, 0x99, 1);
}

void host_carry(struct host_code *c, int how)
{
    put(c, how > 0 ? 0xf9 : how < 0 ? 0xf8 : 0xf5, 1);
}

static void push_or_pop(struct host_code *c, unsigned opcode, unsigned reg)
{
    touch(c, reg);
    if (reg > 7)
        put(c, 0x41, 1);
    put(c, opcode | (reg & 7), 1);
}

void host_push(struct host_code *c, unsigned reg)
{
    push_or_pop(c, 0x50, reg);
}

void host_pop(struct host_code *c, unsigned reg)
{
    push_or_pop(c, 0x58, reg);
}

void host_lahf(struct host_code *c)
{
    put(c, 0x9f, 1);
}

void host_sahf(struct host_code *c)
{
    put(c, 0x9e, 1);
}

void host_lock(struct host_code *c)
{
    put(c, 0xf0, 1);
}

uint8_t *host_load_abs(struct host_code *c, const void *from)
{
    put(c, 0xa148, 2);
    put(c, (uintptr_t)from, 8);
    return c->at - 8;
}

uint8_t *host_move_abs(struct host_code *c, unsigned reg, const void *to)
{
    put(c, 0x48 | reg >> 3, 1);
    put(c, 0xb8 | (reg & 7), 1);
    put(c, (uintptr_t)to, 8);
    return c->at - 8;
}

void host_ret(struct host_code *c)
{
    put(c, 0xc3, 1);
}

static uint8_t *relative(struct host_code *c, const uint8_t *to)
{
    uint8_t *at = c->at;

    put(c, to ? (uint32_t)(to - (at + 4)) : 0, 4);
    return at;
}

uint8_t *host_jcc(struct host_code *c, enum host_cc cc, const uint8_t *to)
{
    put(c, 0x0f, 1);
    put(c, 0x80 | cc, 1);
    return relative(c, to);
}

uint8_t *host_jmp(struct host_code *c, const uint8_t *to)
{
    put(c, 0xe9, 1);
    return relative(c, to);
}

uint8_t *host_call(struct host_code *c, const uint8_t *to)
{
    c->touched = ~0u;
    put(c, 0xe8, 1);
    return relative(c, to);
}

uint8_t *host_lea_code(struct host_code *c, unsigned reg)
{
    touch(c, reg);
    put(c, 0x058d48 | (reg >> 3) << 2 | (reg & 7) << 19, 3);
    return relative(c, NULL);
}

void host_aim(struct host_code *c, uint8_t *jump, const uint8_t *to)
{
    int32_t distance = to - (jump + 4);

    if (!c->full)
        memcpy(jump, &distance, sizeof(distance));
}

void host_land(struct host_code *c, uint8_t *jump)
{
    host_aim(c, jump, c->at);
}

void host_jmp_via(struct host_code *c, const uint64_t *from)
{
    put(c, 0x25ff, 2);
    relative(c, (const uint8_t *)from);
}

void host_call_via(struct host_code *c, const uint64_t *from)
{
    put(c, 0x15ff, 2);
    relative(c, (const uint8_t *)from);
}

/* ---- Instructions of the vector and floating-point units ---- */

/* REX.X and B of an operand, in bits 1 and 0. */
static unsigned extension(struct operand rm)
{
    return rm.reg >> 3 | (rm.indexed ? (rm.index >> 3) << 1 : 0);
}

static void put_vex(struct host_code *c, const struct insn *in, bool wide, unsigned reg,
                    struct operand rm)
{
    unsigned last = (~in->vvvv & 15) << 3 | in->l << 2 | in->pp, xb = extension(rm);

    if (!wide && !xb && in->map == MAP_0F) {
        put(c, 0xc5, 1);
        put(c, last | (reg > 7 ? 0 : 0x80), 1);
        return;
    }
    put(c, 0xc4, 1);
    put(c, (reg > 7 ? 0 : 0x80) | (~xb & 3) << 5 | in->map, 1);
    put(c, last | wide << 7, 1);
}

static void put_legacy(struct host_code *c, const struct insn *in, bool wide, unsigned reg,
                       struct operand rm)
{
    static const uint8_t prefix[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2 };
    static const uint8_t escape[] = { [MAP_0F38] = 0x38, [MAP_0F3A] = 0x3a };
    unsigned rex = wide << 3 | (reg >> 3) << 2 | extension(rm);

    if (in->pp != PFX_NONE)
        put(c, prefix[in->pp], 1);
    if (rex)
        put(c, 0x40 | rex, 1);
    put(c, 0x0f, 1);
    if (in->map != MAP_0F)
        put(c, escape[in->map], 1);
}

void host_vector(struct host_code *c, const struct insn *in, bool wide, unsigned reg,
                 struct operand rm, unsigned imm)
{
    if (in->vex)
        put_vex(c, in, wide, reg, rm);
    else
        put_legacy(c, in, wide, reg, rm);
    put(c, in->opcode, 1);
    put_operand(c, reg, rm);
    if (in->imm_size)
        put(c, imm, 1);
}

/* X and B of an operand as EVEX has them: registers have five bits. */
static unsigned evex_extension(struct operand rm)
{
    return rm.memory ? extension(rm) : rm.reg >> 3;
}

void host_evex(struct host_code *c, const struct insn *in, bool wide, unsigned reg,
               struct operand rm, unsigned unit, unsigned imm)
{
    unsigned high = (reg >> 3 & 1) << 7 | evex_extension(rm) << 5 | reg >> 4 << 4;

    put(c, 0x62, 1);
    put(c, (~high & 0xf0) | in->map, 1);
    put(c, wide << 7 | (~in->vvvv & 15) << 3 | 4 | in->pp, 1);
    put(c,
        in->zeroing << 7 | in->l << 5 | in->broadcast << 4 | (~in->vvvv >> 4 & 1) << 3 | in->mask,
        1);
    put(c, in->opcode, 1);
    put_operand_of(c, reg, rm, unit);
    if (in->imm_size)
        put(c, imm, 1);
}

void host_crc32(struct host_code *c, unsigned size, unsigned reg, unsigned from)
{
    const struct insn crc32 = { .map = MAP_0F38, .pp = PFX_F2, .opcode = 0xf0 | (size > 1) };

    touch(c, reg);
    if (size == 2)
        put(c, 0x66, 1);
    host_vector(c, &crc32, size == 8, reg, host_reg(from), 0);
}

static void move_y(struct host_code *c, unsigned opcode, unsigned reg, struct operand rm)
{
    const struct insn vmovups = { .vex = true, .l = 1, .map = MAP_0F, .opcode = opcode };

    host_vector(c, &vmovups, false, reg, rm, 0);
}

void host_load_y(struct host_code *c, unsigned reg, struct operand rm)
{
    move_y(c, 0x10, reg, rm);
}

void host_store_y(struct host_code *c, unsigned reg, struct operand rm)
{
    move_y(c, 0x11, reg, rm);
}

static void move_z(struct host_code *c, unsigned opcode, unsigned reg, struct operand rm)
{
    const struct insn vmovups = { .evex = true, .l = 2, .map = MAP_0F, .opcode = opcode };

    host_evex(c, &vmovups, false, reg, rm, 64, 0);
}

void host_load_z(struct host_code *c, unsigned reg, struct operand rm)
{
    move_z(c, 0x10, reg, rm);
}

void host_store_z(struct host_code *c, unsigned reg, struct operand rm)
{
    move_z(c, 0x11, reg, rm);
}

static void move_k(struct host_code *c, unsigned opcode, unsigned reg, struct operand rm)
{
    const struct insn kmovq = { .vex = true, .map = MAP_0F, .opcode = opcode };

    host_vector(c, &kmovq, true, reg, rm, 0);
}

void host_load_k(struct host_code *c, unsigned reg, struct operand rm)
{
    move_k(c, 0x90, reg, rm);
}

void host_store_k(struct host_code *c, unsigned reg, struct operand rm)
{
    move_k(c, 0x91, reg, rm);
}

void host_empty(struct host_code *c, const struct insn *in)
{
    if (in->vex)
        put_vex(c, in, false, 0, host_reg(0));
    else
        put_legacy(c, in, false, 0, host_reg(0));
    put(c, 0x77, 1);
}

void host_x87_memory(struct host_code *c, unsigned opcode, unsigned digit, struct operand rm)
{
    encode(c, opcode, 0, 4, digit, rm);
}

void host_x87(struct host_code *c, unsigned opcode, unsigned modrm)
{
    put(c, opcode | modrm << 8, 2);
}
