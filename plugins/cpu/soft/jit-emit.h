/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-emit - writes instructions of an x86-64 host, those that translated code is made of.
 *
 * Intel SDM volume 2, chapter 2 and appendix B.  host() takes an instruction of the table, a size
 * in bytes, a register and an operand that is a register or memory; host_imm() has an immediate in
 * the register's place.  What does not fit sets full and is dropped.
 */
#ifndef TENON_SOFT_JIT_EMIT_H
#define TENON_SOFT_JIT_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "insn.h"

enum host_reg {
    HOST_AX,
    HOST_CX,
    HOST_DX,
    HOST_BX,
    HOST_SP,
    HOST_BP,
    HOST_SI,
    HOST_DI,
    HOST_R8,
    HOST_R9,
    HOST_R10,
    HOST_R11,
    HOST_R12,
    HOST_R13,
    HOST_R14,
    HOST_R15,
    N_HOST_REGS
};

/* As in the opcodes of Jcc, SETcc, CMOVcc. */
enum host_cc { CC_O, CC_NO, CC_B, CC_NB, CC_Z, CC_NZ, CC_BE, CC_A, CC_LE = 14 };

/* touched: a bit for each general register that instructions have had as an operand of their own,
 * not within an address. */
struct host_code {
    uint8_t *at, *end;
    bool full;
    uint32_t touched;
};

struct operand {
    bool memory, indexed, no_base;
    uint8_t reg; /* or the base */
    uint8_t index, scale;
    int32_t disp;
};

// clang-format off
/*
 * X(name, opcode, properties, digit): how it is written.  SIZED: bit 0 of the opcode is clear for
 * bytes; DIGIT: the register field says which instruction it is; BYTE_RM: the operand is a byte
 * whatever the size is; BARE: without REX, so that register 4 is AH; F3: it begins with that.
 */
#define HOST_INSNS(X)                                                                              \
    X(ADD, 0x03, SIZED, 0)    X(OR, 0x0b, SIZED, 0)     X(ADC, 0x13, SIZED, 0)                     \
    X(SBB, 0x1b, SIZED, 0)    X(AND, 0x23, SIZED, 0)    X(SUB, 0x2b, SIZED, 0)                     \
    X(XOR, 0x33, SIZED, 0)    X(CMP, 0x3b, SIZED, 0)    X(TEST, 0x85, SIZED, 0)                    \
    X(ADD_I, 0x81, SIZED | DIGIT, 0)  X(OR_I, 0x81, SIZED | DIGIT, 1)                              \
    X(ADC_I, 0x81, SIZED | DIGIT, 2)  X(SBB_I, 0x81, SIZED | DIGIT, 3)                             \
    X(AND_I, 0x81, SIZED | DIGIT, 4)  X(SUB_I, 0x81, SIZED | DIGIT, 5)                             \
    X(XOR_I, 0x81, SIZED | DIGIT, 6)  X(CMP_I, 0x81, SIZED | DIGIT, 7)                             \
    X(ADD_M, 0x01, SIZED, 0)  X(OR_M, 0x09, SIZED, 0)   X(ADC_M, 0x11, SIZED, 0)                   \
    X(SBB_M, 0x19, SIZED, 0)  X(AND_M, 0x21, SIZED, 0)  X(SUB_M, 0x29, SIZED, 0)                   \
    X(XOR_M, 0x31, SIZED, 0)  X(CMP_M, 0x39, SIZED, 0)  X(XCHG, 0x87, SIZED, 0)                    \
    X(TEST_I, 0xf7, SIZED | DIGIT, 0)                                                              \
    X(NOT, 0xf7, SIZED | DIGIT, 2)    X(NEG, 0xf7, SIZED | DIGIT, 3)                               \
    X(INC, 0xff, SIZED | DIGIT, 0)    X(DEC, 0xff, SIZED | DIGIT, 1)                               \
    X(MUL, 0xf7, SIZED | DIGIT, 4)    X(IMUL1, 0xf7, SIZED | DIGIT, 5)                             \
    X(DIV, 0xf7, SIZED | DIGIT, 6)    X(IDIV, 0xf7, SIZED | DIGIT, 7)                              \
    X(ROL_I, 0xc1, SIZED | DIGIT, 0)  X(ROR_I, 0xc1, SIZED | DIGIT, 1)                             \
    X(SHL_I, 0xc1, SIZED | DIGIT, 4)  X(SHR_I, 0xc1, SIZED | DIGIT, 5)                             \
    X(SAR_I, 0xc1, SIZED | DIGIT, 7)                                                               \
    X(ROL_CL, 0xd3, SIZED | DIGIT, 0) X(ROR_CL, 0xd3, SIZED | DIGIT, 1)                            \
    X(SHL_CL, 0xd3, SIZED | DIGIT, 4) X(SHR_CL, 0xd3, SIZED | DIGIT, 5)                            \
    X(SAR_CL, 0xd3, SIZED | DIGIT, 7)                                                              \
    X(RCL_CL, 0xd3, SIZED | DIGIT, 2) X(RCR_CL, 0xd3, SIZED | DIGIT, 3)                            \
    X(BT, 0x0fa3, 0, 0)   X(BTS, 0x0fab, 0, 0)  X(BTR, 0x0fb3, 0, 0)  X(BTC, 0x0fbb, 0, 0)         \
    X(BTS_I, 0x0fba, DIGIT, 5) X(BTR_I, 0x0fba, DIGIT, 6) X(BTC_I, 0x0fba, DIGIT, 7)               \
    X(CMPXCHG, 0x0fb1, SIZED, 0) X(XADD, 0x0fc1, SIZED, 0) X(CMPXCHG_PAIR, 0x0fc7, DIGIT, 1)       \
    X(BSF, 0x0fbc, 0, 0)      X(BSR, 0x0fbd, 0, 0)      X(POPCNT, 0x0fb8, F3, 0)                   \
    X(TZCNT, 0x0fbc, F3, 0)   X(LZCNT, 0x0fbd, F3, 0)                                              \
    X(SHLD_I, 0x0fa4, 0, 0)   X(SHRD_I, 0x0fac, 0, 0)   X(SHLD, 0x0fa5, 0, 0) X(SHRD, 0x0fad, 0, 0)\
    X(IMUL, 0x0faf, 0, 0)             X(BT_I, 0x0fba, DIGIT, 4)                                    \
    X(LOAD, 0x8b, SIZED, 0)           X(STORE, 0x89, SIZED, 0)                                     \
    X(STORE_AH, 0x88, DIGIT | BARE, 4)                                                             \
    X(STORE_I, 0xc7, SIZED | DIGIT, 0)                                                             \
    X(ZX8, 0x0fb6, BYTE_RM, 0)        X(ZX16, 0x0fb7, 0, 0)                                        \
    X(SX8, 0x0fbe, BYTE_RM, 0)        X(SX16, 0x0fbf, 0, 0)  X(SX32, 0x63, 0, 0)                   \
    X(LEA, 0x8d, 0, 0)                                                                             \
    X(SETCC, 0x0f90, BYTE_RM | DIGIT, 0) X(CMOVCC, 0x0f40, 0, 0)                                   \
    X(JMP, 0xff, DIGIT | BARE, 4)     X(CALL, 0xff, DIGIT | BARE, 2)                               \
    X(LOAD_X, 0x0f10, 0, 0)           X(STORE_X, 0x0f11, 0, 0)                                     \
    X(LDMXCSR, 0x0fae, DIGIT, 2)      X(STMXCSR, 0x0fae, DIGIT, 3)                                 \
    X(FLDENV, 0xd9, DIGIT, 4)         X(FLDCW, 0xd9, DIGIT, 5)       X(FNSTENV, 0xd9, DIGIT, 6)    \
    X(FLD80, 0xdb, DIGIT, 5)          X(FSTP80, 0xdb, DIGIT, 7)
// clang-format on

enum host_insn {
#define X(name, ...) H_##name,
    HOST_INSNS(X)
#undef X
};

static inline struct operand host_reg(unsigned reg)
{
    return (struct operand){ .reg = reg };
}

static inline struct operand host_mem(unsigned base, int32_t disp)
{
    return (struct operand){ .memory = true, .reg = base, .disp = disp };
}

static inline struct operand host_sum(unsigned base, unsigned index, unsigned scale, int32_t disp)
{
    return (struct operand){
        .memory = true, .indexed = true, .reg = base, .index = index, .scale = scale, .disp = disp
    };
}

/* Memory so many bytes further on. */
static inline struct operand host_beyond(struct operand memory, int32_t bytes)
{
    memory.disp += bytes;
    return memory;
}

static inline struct operand host_scaled(unsigned index, unsigned scale, int32_t disp)
{
    return (struct operand){ .memory = true,
                             .indexed = true,
                             .no_base = true,
                             .reg = HOST_BP,
                             .index = index,
                             .scale = scale,
                             .disp = disp };
}

void host(struct host_code *c, enum host_insn insn, unsigned size, unsigned reg, struct operand rm);
void host_imm(struct host_code *c, enum host_insn insn, unsigned size, struct operand rm,
              int32_t imm);
/* SETcc, CMOVcc. */
void host_cc(struct host_code *c, enum host_insn insn, enum host_cc cc, unsigned reg,
             struct operand rm);
/* reg = value, in the shortest way. */
void host_move_imm(struct host_code *c, unsigned reg, uint64_t value);
/* SHLD_I, SHRD_I: rm, filled up from reg, by imm. */
void host_shift_double(struct host_code *c, enum host_insn insn, unsigned size, unsigned reg,
                       struct operand rm, unsigned imm);
/* REP with MOVS or STOS: CX elements of that size. */
void host_repeated(struct host_code *c, unsigned opcode, unsigned size);
/* LFENCE, MFENCE, SFENCE: 5 to 7. */
void host_fence(struct host_code *c, unsigned digit);
/* EDX:EAX = the time stamp counter. */
void host_rdtsc(struct host_code *c);
void host_bswap(struct host_code *c, unsigned size, unsigned reg);
/* CWD, CDQ, CQO. */
void host_sign(struct host_code *c, unsigned size);
/* STC (how positive), CLC (negative), CMC (0). */
void host_carry(struct host_code *c, int how);
/* CRC32 of as much of from as size says. */
void host_crc32(struct host_code *c, unsigned size, unsigned reg, unsigned from);
void host_push(struct host_code *c, unsigned reg);
void host_pop(struct host_code *c, unsigned reg);
void host_lahf(struct host_code *c);
void host_sahf(struct host_code *c);
void host_lock(struct host_code *c);
/* RAX = the 8 bytes at that address; returns where the address is. */
uint8_t *host_load_abs(struct host_code *c, const void *from);
/* reg = that address, in 8 bytes; returns where it is. */
uint8_t *host_move_abs(struct host_code *c, unsigned reg, const void *to);
/* reg = the address that host_land() says. */
uint8_t *host_lea_code(struct host_code *c, unsigned reg);
void host_ret(struct host_code *c);
/* Jumps: to a known place, or (NULL) to one that host_land() says; they return what it wants. */
uint8_t *host_jcc(struct host_code *c, enum host_cc cc, const uint8_t *to);
uint8_t *host_jmp(struct host_code *c, const uint8_t *to);
void host_land(struct host_code *c, uint8_t *jump);
void host_aim(struct host_code *c, uint8_t *jump, const uint8_t *to);
/* jmp through the 8 bytes at from, which lie beside the code. */
void host_jmp_via(struct host_code *c, const uint64_t *from);
/* call, likewise. */
void host_call_via(struct host_code *c, const uint64_t *from);
uint8_t *host_call(struct host_code *c, const uint8_t *to);

/* ---- Instructions of the vector and floating-point units ---- */

/* The guest's, VEX or not, with other operands in the fields reg and rm, W as wide says, imm8 if it
 * has one. */
void host_vector(struct host_code *c, const struct insn *in, bool wide, unsigned reg,
                 struct operand rm, unsigned imm);
/* The same of one with EVEX; unit: the bytes that a short displacement counts. */
void host_evex(struct host_code *c, const struct insn *in, bool wide, unsigned reg,
               struct operand rm, unsigned unit, unsigned imm);
/* v[reg] = rm, or the other way round, of 32 bytes; of 64; k[reg]. */
void host_load_y(struct host_code *c, unsigned reg, struct operand rm);
void host_store_y(struct host_code *c, unsigned reg, struct operand rm);
void host_load_z(struct host_code *c, unsigned reg, struct operand rm);
void host_store_z(struct host_code *c, unsigned reg, struct operand rm);
void host_load_k(struct host_code *c, unsigned reg, struct operand rm);
void host_store_k(struct host_code *c, unsigned reg, struct operand rm);
/* EMMS, VZEROUPPER, VZEROALL. */
void host_empty(struct host_code *c, const struct insn *in);
/* D8 to DF with a memory operand; with registers: the ModRM byte. */
void host_x87_memory(struct host_code *c, unsigned opcode, unsigned digit, struct operand rm);
void host_x87(struct host_code *c, unsigned opcode, unsigned modrm);

#endif
