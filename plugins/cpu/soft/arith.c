/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * arith - integer instructions run by functions: multiplication and division, BCD, double shifts,
 * bit counts, BMI, ADX, CRC32.
 *
 * Intel SDM volume 2.  Each takes its operands from u->d, a, b.  What the host's processor has, it
 * does, with the guest's flags going in and coming out.
 */
#include "exec.h"
#include "integer.h"

/* ---- Multiplication and division: RAX, RDX and b ---- */

/* AX holds flags before and after, so the low half of the operand is kept in lo. */
#define ASM_RAX(insn) ASM_FLAGS_IN "mov %[lo], %%rax\n\t" insn "\n\tmov %%rax, %[lo]" ASM_FLAGS_OUT

static void put_pair(struct cpu *cpu, unsigned bits, uint64_t lo, uint64_t hi)
{
    switch (bits) {
    case 8: PUT16(REG(RAX), lo); break;
    case 16:
        PUT16(REG(RAX), lo);
        PUT16(REG(RDX), hi);
        break;
    case 32:
        PUT32(REG(RAX), lo);
        PUT32(REG(RDX), hi);
        break;
    default: PUT64(REG(RAX), lo); PUT64(REG(RDX), hi);
    }
}

#define RAX_RDX(size, suffix, name, insn, overflows)                                               \
    static void name##size(struct cpu *cpu, const struct uop *u)                                   \
    {                                                                                              \
        uint64_t lo = cpu->r[RAX], hi = cpu->r[RDX];                                               \
        uint##size##_t b = GET##size(u->b);                                                        \
        unsigned f = flags_get(cpu);                                                               \
                                                                                                   \
        if (overflows)                                                                             \
            cpu_fault(cpu, EXC_DE);                                                                \
        asm(ASM_RAX(insn suffix " %[b]") : "+a"(f), "+d"(hi), [lo] "+&r"(lo) : [b] "r"(b) : "cc"); \
        put_pair(cpu, size, lo, hi);                                                               \
        flags_put(cpu, f);                                                                         \
    }
#define SIZES(Y, ...)                                                                              \
    Y(8, "b", __VA_ARGS__) Y(16, "w", __VA_ARGS__) Y(32, "l", __VA_ARGS__) Y(64, "q", __VA_ARGS__)
#define WIDE_SIZES(Y, ...) Y(16, "w", __VA_ARGS__) Y(32, "l", __VA_ARGS__) Y(64, "q", __VA_ARGS__)
#define TABLE(name)                                                                                \
    {                                                                                              \
        name##8, name##16, name##32, name##64                                                      \
    }
#define WIDE_TABLE(name)                                                                           \
    {                                                                                              \
        NULL, name##16, name##32, name##64                                                         \
    }

/* The dividend of a size: AX, or DX:AX and so on. */
static unsigned __int128 dividend(unsigned bits, uint64_t lo, uint64_t hi)
{
    uint64_t mask = bits == 64 ? UINT64_MAX : (1ull << bits) - 1;

    if (bits == 8)
        return lo & 0xffff;
    return (unsigned __int128)(hi & mask) << bits | (lo & mask);
}

static bool div_overflows(unsigned bits, uint64_t lo, uint64_t hi, uint64_t b)
{
    return b == 0 || dividend(bits, lo, hi) >> bits >= b;
}

static bool idiv_overflows(unsigned bits, uint64_t lo, uint64_t hi, uint64_t divisor)
{
    unsigned __int128 n = dividend(bits, lo, hi), half = (unsigned __int128)1 << (bits - 1);
    unsigned __int128 all = half << 1, b = divisor;
    bool n_negative = n >> (2 * bits - 1) & 1, b_negative = b & half;

    if (n_negative)
        n = bits == 64 ? -n : (all * all - n);
    if (b_negative)
        b = all - b;
    if (b == 0 || n >> bits >= b)
        return true;
    return n / b >= half + (n_negative != b_negative);
}

SIZES(RAX_RDX, mul, "mul", false)
SIZES(RAX_RDX, imul, "imul", false)
#define DIVISION(size, suffix, unused)                                                             \
    RAX_RDX(size, suffix, div, "div", div_overflows(size, lo, hi, b))                              \
    RAX_RDX(size, suffix, idiv, "idiv", idiv_overflows(size, lo, hi, b))
SIZES(DIVISION, )

uop_call *const call_group3[4][4] = { TABLE(mul), TABLE(imul), TABLE(div), TABLE(idiv) };

/* ---- Two and three operands, with flags ---- */

/* d = op(d, b): what the instruction leaves alone of d stays. */
#define TWO(size, suffix, name, insn)                                                              \
    static void name##size(struct cpu *cpu, const struct uop *u)                                   \
    {                                                                                              \
        uint64_t d = GET64(u->d);                                                                  \
        uint##size##_t b = GET##size(u->b);                                                        \
        unsigned f = flags_get(cpu);                                                               \
                                                                                                   \
        asm(ASM_FLAGS_IN insn suffix " %[b], %" WIDTH_##size "[d]" ASM_FLAGS_OUT                   \
            : [d] "+&r"(d), "+a"(f)                                                                \
            : [b] "r"(b)                                                                           \
            : "cc");                                                                               \
        PUT64(u->d, d);                                                                            \
        flags_put(cpu, f);                                                                         \
    }
#define WIDTH_16 "w"
#define WIDTH_32 "k"
#define WIDTH_64 "q"

WIDE_SIZES(TWO, bsf, "bsf")
WIDE_SIZES(TWO, bsr, "bsr")
WIDE_SIZES(TWO, tzcnt, "tzcnt")
WIDE_SIZES(TWO, lzcnt, "lzcnt")
WIDE_SIZES(TWO, popcnt, "popcnt")
TWO(32, "l", blsr, "blsr")
TWO(64, "q", blsr, "blsr")
TWO(32, "l", blsmsk, "blsmsk")
TWO(64, "q", blsmsk, "blsmsk")
TWO(32, "l", blsi, "blsi")
TWO(64, "q", blsi, "blsi")

uop_call *const call_count[5][4] = {
    [COUNT_BSF] = WIDE_TABLE(bsf),       [COUNT_BSR] = WIDE_TABLE(bsr),
    [COUNT_TZCNT] = WIDE_TABLE(tzcnt),   [COUNT_LZCNT] = WIDE_TABLE(lzcnt),
    [COUNT_POPCNT] = WIDE_TABLE(popcnt),
};
uop_call *const call_group17[3][2] = { { blsr32, blsr64 },
                                       { blsmsk32, blsmsk64 },
                                       { blsi32, blsi64 } };

/* d = op(a, b), as Intel's manual orders them. */
#define THREE(size, suffix, name)                                                                  \
    static void name##size(struct cpu *cpu, const struct uop *u)                                   \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a), b = GET##size(u->b), d;                                \
        unsigned f = flags_get(cpu);                                                               \
                                                                                                   \
        asm(ASM_FLAGS_IN #name suffix " %[b], %[a], %[d]" ASM_FLAGS_OUT                            \
            : [d] "=&r"(d), "+a"(f)                                                                \
            : [a] "r"(a), [b] "r"(b)                                                               \
            : "cc");                                                                               \
        PUT##size(u->d, d);                                                                        \
        flags_put(cpu, f);                                                                         \
    }
#define THREE_BOTH(name) THREE(32, "l", name) THREE(64, "q", name)

THREE_BOTH(andn)
THREE_BOTH(bextr)
THREE_BOTH(bzhi)
THREE_BOTH(pdep)
THREE_BOTH(pext)
THREE_BOTH(sarx)
THREE_BOTH(shlx)
THREE_BOTH(shrx)

uop_call *const call_bmi[8][2] = {
    [BMI_ANDN] = { andn32, andn64 }, [BMI_BEXTR] = { bextr32, bextr64 },
    [BMI_BZHI] = { bzhi32, bzhi64 }, [BMI_PDEP] = { pdep32, pdep64 },
    [BMI_PEXT] = { pext32, pext64 }, [BMI_SARX] = { sarx32, sarx64 },
    [BMI_SHLX] = { shlx32, shlx64 }, [BMI_SHRX] = { shrx32, shrx64 },
};

static void rorx32(struct cpu *cpu, const struct uop *u)
{
    uint32_t b = GET32(u->b);

    PUT32(u->d, b >> (u->imm & 31) | b << (-u->imm & 31));
}

static void rorx64(struct cpu *cpu, const struct uop *u)
{
    uint64_t b = GET64(u->b);

    PUT64(u->d, b >> (u->imm & 63) | b << (-u->imm & 63));
}

uop_call *const call_rorx[2] = { rorx32, rorx64 };

/* d:a = RDX * b, the low half first: they may be the same. */
static void mulx32(struct cpu *cpu, const struct uop *u)
{
    uint64_t v = (uint64_t)GET32(REG(RDX)) * GET32(u->b);

    PUT32(u->a, v);
    PUT32(u->d, v >> 32);
}

static void mulx64(struct cpu *cpu, const struct uop *u)
{
    unsigned __int128 v = (unsigned __int128)GET64(REG(RDX)) * GET64(u->b);

    PUT64(u->a, v);
    PUT64(u->d, v >> 64);
}

uop_call *const call_mulx[2] = { mulx32, mulx64 };

/* ADCX and ADOX: d += b with the one flag that imm names. */
static void adx32(struct cpu *cpu, const struct uop *u)
{
    uint64_t v = (uint64_t)GET32(u->d) + GET32(u->b) + !!(cpu->flags & u->imm);

    PUT32(u->d, v);
    flag_put(cpu, u->imm, v >> 32);
}

static void adx64(struct cpu *cpu, const struct uop *u)
{
    unsigned __int128 v = (unsigned __int128)GET64(u->d) + GET64(u->b) + !!(cpu->flags & u->imm);

    PUT64(u->d, v);
    flag_put(cpu, u->imm, v >> 64);
}

uop_call *const call_adx[2] = { adx32, adx64 };

#define CRC(size, suffix, unused)                                                                  \
    static void crc##size(struct cpu *cpu, const struct uop *u)                                    \
    {                                                                                              \
        uint64_t d = GET32(u->d);                                                                  \
        uint##size##_t b = GET##size(u->b);                                                        \
                                                                                                   \
        asm("crc32" suffix " %[b], %" CRC_##size "[d]" : [d] "+r"(d) : [b] "r"(b));                \
        PUT32(u->d, d);                                                                            \
    }
#define CRC_8  "k"
#define CRC_16 "k"
#define CRC_32 "k"
#define CRC_64 "q"
SIZES(CRC, )

uop_call *const call_crc32[4] = TABLE(crc);

/* ---- Double shifts: d = a shifted, b filling up; by imm, or CL where it is negative ---- */

#define DOUBLE_SHIFT(size, suffix, insn)                                                           \
    static void insn##size(struct cpu *cpu, const struct uop *u)                                   \
    {                                                                                              \
        uint##size##_t a = GET##size(u->a), b = GET##size(u->b);                                   \
        uint8_t count = u->imm < 0 ? GET8(REG(RCX)) : u->imm;                                      \
        unsigned f = flags_get(cpu);                                                               \
                                                                                                   \
        asm(ASM_FLAGS_IN #insn suffix " %%cl, %[b], %[a]" ASM_FLAGS_OUT                            \
            : [a] "+r"(a), "+a"(f)                                                                 \
            : [b] "r"(b), "c"(count)                                                               \
            : "cc");                                                                               \
        PUT##size(u->d, a);                                                                        \
        flags_put(cpu, f);                                                                         \
    }

WIDE_SIZES(DOUBLE_SHIFT, shld)
WIDE_SIZES(DOUBLE_SHIFT, shrd)

uop_call *const call_double_shift[2][4] = { WIDE_TABLE(shld), WIDE_TABLE(shrd) };

/* ---- Small ones ---- */

#define SIGN(size, suffix, unused)                                                                 \
    static void sign##size(struct cpu *cpu, const struct uop *u)                                   \
    {                                                                                              \
        PUT##size(u->d, (int##size##_t)GET##size(u->a) >> (size - 1));                             \
    }
WIDE_SIZES(SIGN, )
uop_call *const call_sign[4] = WIDE_TABLE(sign);

void call_bswap16(struct cpu *cpu, const struct uop *u)
{
    PUT16(u->d, __builtin_bswap16(GET16(u->a)));
}

void call_selector(struct cpu *cpu, const struct uop *u)
{
    PUT64(u->d, cpu->seg[u->a].selector);
}

/* How far the bit string's word that holds bit a lies from its address, in bytes; imm is its size.
 */
void call_bit_offset(struct cpu *cpu, const struct uop *u)
{
    int64_t bit = u->imm == 8   ? (int64_t)GET64(u->a)
                  : u->imm == 4 ? (int32_t)GET32(u->a)
                                : (int16_t)GET16(u->a);

    PUT64(u->d, (bit >> 3) & -u->imm);
}

void call_lahf(struct cpu *cpu, const struct uop *u)
{
    PUT8(REG(RAX) + 1, cpu->flags);
}

void call_sahf(struct cpu *cpu, const struct uop *u)
{
    uint64_t mask = F_ARITH & ~F_OF;

    cpu->flags = (cpu->flags & ~mask) | (GET8(REG(RAX) + 1) & mask);
}

/* Sets (imm positive), clears, or complements (zero) the flag given by bit d. */
void call_flag(struct cpu *cpu, const struct uop *u)
{
    uint64_t flag = 1ull << u->d;

    flag_put(cpu, flag, u->imm ? u->imm > 0 : !(cpu->flags & flag));
}

void call_salc(struct cpu *cpu, const struct uop *u)
{
    PUT8(REG(RAX), cpu->flags & F_CF ? 0xff : 0);
}

/* ---- Decimal numbers ---- */

/* SF, ZF and PF of AL; the others as given. */
static void flags_of_al(struct cpu *cpu, bool carry, bool adjust)
{
    uint8_t al = GET8(REG(RAX));
    unsigned f = (al & F_SF) | (al ? 0 : F_ZF) | (__builtin_parity(al) ? 0 : F_PF) |
                 (carry ? F_CF : 0) | (adjust ? F_AF : 0);

    cpu->flags = (cpu->flags & ~(uint64_t)F_ARITH) | f;
}

/* DAA with imm 1, DAS with -1. */
void call_daa(struct cpu *cpu, const struct uop *u)
{
    uint8_t old = GET8(REG(RAX)), al = old;
    bool carry = cpu->flags & F_CF, adjust = (al & 15) > 9 || cpu->flags & F_AF;
    bool high = old > 0x99 || carry;

    carry = high;
    if (adjust) {
        if (u->imm < 0 && old < 6)
            carry = true;
        al += 6 * u->imm;
    }
    if (high)
        al += 0x60 * u->imm;
    PUT8(REG(RAX), al);
    flags_of_al(cpu, carry, adjust);
}

/* AAA with imm 1, AAS with -1. */
void call_aaa(struct cpu *cpu, const struct uop *u)
{
    bool adjust = (GET8(REG(RAX)) & 15) > 9 || cpu->flags & F_AF;

    if (adjust)
        PUT16(REG(RAX), GET16(REG(RAX)) + 0x106 * u->imm);
    PUT8(REG(RAX), GET8(REG(RAX)) & 15);
    flags_of_al(cpu, adjust, adjust);
}

void call_aam(struct cpu *cpu, const struct uop *u)
{
    uint8_t al = GET8(REG(RAX)), base = u->imm;

    if (base == 0)
        cpu_fault(cpu, EXC_DE);
    PUT16(REG(RAX), (al / base) << 8 | al % base);
    flags_of_al(cpu, false, false);
}

/* Its flags are those of adding the tens, which the manual leaves undefined. */
void call_aad(struct cpu *cpu, const struct uop *u)
{
    uint8_t al = GET8(REG(RAX)), tens = GET8(REG(RAX) + 1) * u->imm;
    unsigned f;

    asm("addb %[tens], %[al]" ASM_FLAGS_OUT : [al] "+q"(al), "=&a"(f) : [tens] "q"(tens) : "cc");
    PUT16(REG(RAX), al);
    flags_put(cpu, f);
}

/* ---- CMPXCHG8B, CMPXCHG16B on what is at T0 ---- */

void call_cmpxchg8b(struct cpu *cpu, const struct uop *u)
{
    uint64_t lin = cpu->r[REG_T0], want = (uint64_t)GET32(REG(RDX)) << 32 | GET32(REG(RAX)),
             old = want;
    uint64_t put = (uint64_t)GET32(REG(RCX)) << 32 | GET32(REG(RBX));
    uint64_t *p = mem_lock(cpu, lin, 8);

    if (p) {
        __atomic_compare_exchange_n(p, &old, put, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    } else {
        old = mem_read(cpu, lin, 8);
        mem_write(cpu, lin, old == want ? put : old, 8);
        mem_unlock_split(cpu);
    }
    flag_put(cpu, F_ZF, old == want);
    if (old != want) {
        PUT32(REG(RAX), old);
        PUT32(REG(RDX), old >> 32);
    }
}

static bool cmpxchg16_split(struct cpu *cpu, uint64_t lin, uint64_t *lo, uint64_t *hi)
{
    uint64_t old[2] = { mem_read(cpu, lin, 8), mem_read(cpu, lin + 8, 8) };
    bool same = old[0] == *lo && old[1] == *hi;

    mem_write(cpu, lin, same ? cpu->r[RBX] : old[0], 8);
    mem_write(cpu, lin + 8, same ? cpu->r[RCX] : old[1], 8);
    mem_unlock_split(cpu);
    *lo = old[0];
    *hi = old[1];
    return same;
}

void call_cmpxchg16b(struct cpu *cpu, const struct uop *u)
{
    uint64_t lin = cpu->r[REG_T0], lo = cpu->r[RAX], hi = cpu->r[RDX], *p;
    bool same;

    if (lin & 15)
        cpu_fault_error(cpu, EXC_GP, 0);
    p = mem_lock(cpu, lin, 16);
    if (p)
        asm volatile("lock cmpxchg16b %[p]"
                     : [p] "+m"(*(unsigned __int128 *)p), "+a"(lo), "+d"(hi), "=@ccz"(same)
                     : "b"(cpu->r[RBX]), "c"(cpu->r[RCX])
                     : "memory");
    else
        same = cmpxchg16_split(cpu, lin, &lo, &hi);
    flag_put(cpu, F_ZF, same);
    if (!same) {
        cpu->r[RAX] = lo;
        cpu->r[RDX] = hi;
    }
}
