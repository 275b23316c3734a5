/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec-alu - micro-ops on registers: arithmetic, logic, shifts, bits, moves.
 *
 * Intel SDM volume 1, 3.4.3 (flags) and volume 2.  A handler whose name ends in Q leaves flags
 * alone.
 */
#include "exec.h"

/* The second operand: a register or an immediate. */
#define B_REG(size) GET##size(u->b)
#define B_IMM(size) ((uint##size##_t)u->imm)

/* For each size: its bits, its suffix in assembly. */
#define SIZES(Y, ...)                                                                              \
    Y(8, "b", __VA_ARGS__) Y(16, "w", __VA_ARGS__) Y(32, "l", __VA_ARGS__) Y(64, "q", __VA_ARGS__)
#define WIDE_SIZES(Y, ...) Y(16, "w", __VA_ARGS__) Y(32, "l", __VA_ARGS__) Y(64, "q", __VA_ARGS__)

/* ---- d = a op b, all flags ---- */

#define BINARY(size, suffix, name, insn, source, carry)                                            \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a), b = source(size);                                      \
        unsigned f;                                                                                \
                                                                                                   \
        asm(carry insn suffix " %[b], %[a]" ASM_FLAGS_OUT                                          \
            : [a] "+r"(a), "=a"(f)                                                                 \
            : [b] "r"(b), [flags] "m"(cpu->flags)                                                  \
            : "cc");                                                                               \
        PUT##size(u->d, a);                                                                        \
        flags_put(cpu, f);                                                                         \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(name##size##Q)                                                                         \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a), b = source(size);                                      \
                                                                                                   \
        asm(carry insn suffix " %[b], %[a]"                                                        \
            : [a] "+r"(a)                                                                          \
            : [b] "r"(b), [flags] "m"(cpu->flags)                                                  \
            : "cc");                                                                               \
        PUT##size(u->d, a);                                                                        \
        NEXT();                                                                                    \
    }
#define CARRY_IN "btq $0, %[flags]\n\t"

SIZES(BINARY, ADD, "add", B_REG, "")
SIZES(BINARY, OR, "or", B_REG, "")
SIZES(BINARY, ADC, "adc", B_REG, CARRY_IN)
SIZES(BINARY, SBB, "sbb", B_REG, CARRY_IN)
SIZES(BINARY, AND, "and", B_REG, "")
SIZES(BINARY, SUB, "sub", B_REG, "")
SIZES(BINARY, XOR, "xor", B_REG, "")
SIZES(BINARY, ADDI, "add", B_IMM, "")
SIZES(BINARY, ORI, "or", B_IMM, "")
SIZES(BINARY, ADCI, "adc", B_IMM, CARRY_IN)
SIZES(BINARY, SBBI, "sbb", B_IMM, CARRY_IN)
SIZES(BINARY, ANDI, "and", B_IMM, "")
SIZES(BINARY, SUBI, "sub", B_IMM, "")
SIZES(BINARY, XORI, "xor", B_IMM, "")
WIDE_SIZES(BINARY, IMUL, "imul", B_REG, "")

#define COMPARE(size, suffix, name, insn, source)                                                  \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a), b = source(size);                                      \
        unsigned f;                                                                                \
                                                                                                   \
        asm(insn suffix " %[b], %[a]" ASM_FLAGS_OUT : "=a"(f) : [a] "r"(a), [b] "r"(b) : "cc");    \
        flags_put(cpu, f);                                                                         \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(name##size##Q)                                                                         \
    {                                                                                              \
        NEXT();                                                                                    \
    }

SIZES(COMPARE, CMP, "cmp", B_REG)
SIZES(COMPARE, TEST, "test", B_REG)
SIZES(COMPARE, CMPI, "cmp", B_IMM)
SIZES(COMPARE, TESTI, "test", B_IMM)

#define UNARY(size, suffix, name, insn, kept)                                                      \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a);                                                        \
        uint64_t keep = cpu->flags & kept;                                                         \
        unsigned f;                                                                                \
                                                                                                   \
        asm(insn suffix " %[a]" ASM_FLAGS_OUT : [a] "+r"(a), "=a"(f) : : "cc");                    \
        PUT##size(u->d, a);                                                                        \
        flags_put(cpu, f);                                                                         \
        cpu->flags = (cpu->flags & ~(uint64_t)kept) | keep;                                        \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(name##size##Q)                                                                         \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a);                                                        \
                                                                                                   \
        asm(insn suffix " %[a]" : [a] "+r"(a) : : "cc");                                           \
        PUT##size(u->d, a);                                                                        \
        NEXT();                                                                                    \
    }

SIZES(UNARY, INC, "inc", F_CF)
SIZES(UNARY, DEC, "dec", F_CF)
SIZES(UNARY, NEG, "neg", 0)

/* ---- Shifts: run with the guest's flags, which a count of 0 leaves and rotates keep in part ----
 */

#define SHIFT(size, suffix, name, insn, source)                                                    \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a);                                                        \
        uint8_t count = source(8);                                                                 \
        unsigned f = flags_get(cpu);                                                               \
                                                                                                   \
        asm(ASM_FLAGS_IN insn suffix " %%cl, %[a]" ASM_FLAGS_OUT                                   \
            : [a] "+r"(a), "+a"(f)                                                                 \
            : "c"(count)                                                                           \
            : "cc");                                                                               \
        PUT##size(u->d, a);                                                                        \
        flags_put(cpu, f);                                                                         \
        NEXT();                                                                                    \
    }

/* Without flags but the carry that RCL and RCR take. */
#define SHIFT_QUIET(size, suffix, name, insn, source, carry)                                       \
    HANDLER(name##size##Q)                                                                         \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a);                                                        \
        uint8_t count = source(8);                                                                 \
                                                                                                   \
        asm(carry insn suffix " %%cl, %[a]"                                                        \
            : [a] "+r"(a)                                                                          \
            : "c"(count), [flags] "m"(cpu->flags)                                                  \
            : "cc");                                                                               \
        PUT##size(u->d, a);                                                                        \
        NEXT();                                                                                    \
    }
/* Rotates by an immediate other than 1 leave OF alone, which those by CL do not. */
#define ROTATE(size, suffix, name, insn)                                                           \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a);                                                        \
        uint64_t keep = u->imm == 1 ? 0 : F_OF, flags = cpu->flags & keep;                         \
        unsigned f = flags_get(cpu);                                                               \
                                                                                                   \
        if (u->imm == 1)                                                                           \
            asm(ASM_FLAGS_IN insn suffix " $1, %[a]" ASM_FLAGS_OUT                                 \
                : [a] "+r"(a), "+a"(f)                                                             \
                :                                                                                  \
                : "cc");                                                                           \
        else                                                                                       \
            asm(ASM_FLAGS_IN insn suffix " %%cl, %[a]" ASM_FLAGS_OUT                               \
                : [a] "+r"(a), "+a"(f)                                                             \
                : "c"((uint8_t)u->imm)                                                             \
                : "cc");                                                                           \
        PUT##size(u->d, a);                                                                        \
        flags_put(cpu, f);                                                                         \
        cpu->flags = (cpu->flags & ~keep) | flags;                                                 \
        NEXT();                                                                                    \
    }
#define SHIFTS(name, insn, source, carry)                                                          \
    SIZES(SHIFT, name, insn, source)                                                               \
    SIZES(SHIFT_QUIET, name, insn, source, carry)

SHIFTS(SHL, "shl", B_REG, "")
SHIFTS(SHR, "shr", B_REG, "")
SHIFTS(SAR, "sar", B_REG, "")
SHIFTS(ROL, "rol", B_REG, "")
SHIFTS(ROR, "ror", B_REG, "")
SHIFTS(RCL, "rcl", B_REG, CARRY_IN)
SHIFTS(RCR, "rcr", B_REG, CARRY_IN)
SHIFTS(SHLI, "shl", B_IMM, "")
SHIFTS(SHRI, "shr", B_IMM, "")
SHIFTS(SARI, "sar", B_IMM, "")
SIZES(ROTATE, ROLI, "rol")
SIZES(ROTATE, RORI, "ror")
SIZES(SHIFT_QUIET, ROLI, "rol", B_IMM, "")
SIZES(SHIFT_QUIET, RORI, "ror", B_IMM, "")

/* ---- Bits ---- */

#define BIT_OP(size, suffix, name, source, result)                                                 \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a),                                                        \
                       bit = (uint##size##_t)1 << (source(size) & (size - 1));                     \
                                                                                                   \
        flag_put(cpu, F_CF, a &bit);                                                               \
        PUT##size(u->d, result);                                                                   \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(name##size##Q)                                                                         \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a),                                                        \
                       bit = (uint##size##_t)1 << (source(size) & (size - 1));                     \
                                                                                                   \
        PUT##size(u->d, result);                                                                   \
        NEXT();                                                                                    \
    }
#define BIT_TEST(size, suffix, name, source)                                                       \
    HANDLER(name##size)                                                                            \
    {                                                                                              \
        flag_put(cpu, F_CF, GET##size(u->a) >> (source(size) & (size - 1)) & 1);                   \
        NEXT();                                                                                    \
    }                                                                                              \
    HANDLER(name##size##Q)                                                                         \
    {                                                                                              \
        NEXT();                                                                                    \
    }

WIDE_SIZES(BIT_TEST, BT, B_REG)
WIDE_SIZES(BIT_TEST, BTI, B_IMM)
WIDE_SIZES(BIT_OP, BTS, B_REG, a | bit)
WIDE_SIZES(BIT_OP, BTSI, B_IMM, a | bit)
WIDE_SIZES(BIT_OP, BTR, B_REG, a & ~bit)
WIDE_SIZES(BIT_OP, BTRI, B_IMM, a & ~bit)
WIDE_SIZES(BIT_OP, BTC, B_REG, a ^ bit)
WIDE_SIZES(BIT_OP, BTCI, B_IMM, a ^ bit)

/* ---- Moves ---- */

#define SIMPLE(name, what)                                                                         \
    HANDLER(name)                                                                                  \
    {                                                                                              \
        what;                                                                                      \
        NEXT();                                                                                    \
    }
#define MOVES(size, suffix, unused)                                                                \
    SIMPLE(MOV##size, PUT##size(u->d, GET##size(u->a)))                                            \
    SIMPLE(MOVI##size, PUT##size(u->d, u->imm))                                                    \
    SIMPLE(NOT##size, PUT##size(u->d, ~GET##size(u->a)))

SIZES(MOVES, )
SIMPLE(NOP, )
SIMPLE(ZX8, PUT64(u->d, GET8(u->a)))
SIMPLE(ZX16, PUT64(u->d, GET16(u->a)))
SIMPLE(SX8, PUT64(u->d, (int8_t)GET8(u->a)))
SIMPLE(SX16, PUT64(u->d, (int16_t)GET16(u->a)))
SIMPLE(SX32, PUT64(u->d, (int32_t)GET32(u->a)))
SIMPLE(BSWAP32, PUT32(u->d, __builtin_bswap32(GET32(u->a))))
SIMPLE(BSWAP64, PUT64(u->d, __builtin_bswap64(GET64(u->a))))

/* ---- Addresses ---- */

#define SUM() (GET64(u->a) + (GET64(u->b) << u->scale) + u->imm)

SIMPLE(LEA32, PUT32(u->d, SUM()))
SIMPLE(LEA64, PUT64(u->d, SUM()))
SIMPLE(LEASEG, PUT64(u->d, SUM() + cpu->seg[u->seg].base))

/* ---- Conditions ---- */

#define CONDITIONAL(cc)                                                                            \
    SIMPLE(SET##cc, PUT8(u->d, !!COND_##cc(cpu->flags)))                                           \
    HANDLER(CMOV##cc)                                                                              \
    {                                                                                              \
        uint64_t a = GET64(u->a), d = GET64(u->d);                                                 \
                                                                                                   \
        PUT64(u->d, COND_##cc(cpu->flags) ? a : d);                                                \
        NEXT();                                                                                    \
    }

CONDITIONS(CONDITIONAL)
