/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * exec - what the handlers of micro-ops share: operands, flags, memory, going on.
 *
 * Flags are computed by the host's processor: an instruction, then LAHF and SETO leave in AX what
 * flags_put() merges into the guest's.  What is undefined is thus as undefined as on the host.
 */
#ifndef TENON_SOFT_EXEC_H
#define TENON_SOFT_EXEC_H

#include "uop.h"

/*
 * Where the compiler makes jumps of calls at a function's end, each handler jumps to the next
 * one's; else (not optimizing, or checking memory) it returns it to the loop in blocks_run().
 */
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__)
#define GO(u) return (u)->run(cpu, (u))
#else
#define GO(u) return (u)
#endif
#define NEXT() GO(u + 1)

#define HANDLER(name) const struct uop *run_##name(struct cpu *cpu, const struct uop *u)

/* Prototypes of all handlers. */
#define X(name, quiet, ...) uop_run run_##name, run_##quiet;
_Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wredundant-decls\"") UOPS(X)
    _Pragma("GCC diagnostic pop")
#undef X

/* ---- Operands: byte offsets into the registers ---- */

#define AT(type, offset) (*(type *)((char *)cpu->r + (offset)))
#define GET8(o)          AT(uint8_t, o)
#define GET16(o)         AT(uint16_t, o)
#define GET32(o)         AT(uint32_t, o)
#define GET64(o)         AT(uint64_t, o)
#define PUT8(o, v)       (AT(uint8_t, o) = (v))
#define PUT16(o, v)      (AT(uint16_t, o) = (v))
#define PUT32(o, v)      (AT(uint64_t, o) = (uint32_t)(v))
#define PUT64(o, v)      (AT(uint64_t, o) = (v))

/* ---- Flags: in AH as LAHF has them, OF in AL ---- */

#define ASM_FLAGS_OUT "\n\tlahf\n\tseto %%al"
#define ASM_FLAGS_IN  "addb $0x7f, %%al\n\tsahf\n\t"

        static inline unsigned flags_get(const struct cpu *cpu)
{
    return (cpu->flags & 0xff) << 8 | (cpu->flags >> 11 & 1);
}

static inline void flags_put(struct cpu *cpu, unsigned ax)
{
    cpu->flags = (cpu->flags & ~(uint64_t)F_ARITH) | (ax >> 8 & 0xff) | (ax & 1) << 11;
}

static inline void flag_put(struct cpu *cpu, uint64_t flag, bool on)
{
    cpu->flags = (cpu->flags & ~flag) | (on ? flag : 0);
}

/* The conditions of Jcc, SETcc, CMOVcc, by their names, upon flags f. */
#define COND_O(f)   ((f)&F_OF)
#define COND_NO(f)  (!COND_O(f))
#define COND_B(f)   ((f)&F_CF)
#define COND_NB(f)  (!COND_B(f))
#define COND_Z(f)   ((f)&F_ZF)
#define COND_NZ(f)  (!COND_Z(f))
#define COND_BE(f)  ((f) & (F_CF | F_ZF))
#define COND_NBE(f) (!COND_BE(f))
#define COND_S(f)   ((f)&F_SF)
#define COND_NS(f)  (!COND_S(f))
#define COND_P(f)   ((f)&F_PF)
#define COND_NP(f)  (!COND_P(f))
#define COND_L(f)   (((f) ^ (f) >> 4) & F_SF)
#define COND_NL(f)  (!COND_L(f))
#define COND_LE(f)  (COND_L(f) || COND_Z(f))
#define COND_NLE(f) (!COND_LE(f))
#define CONDITIONS(Y)                                                                              \
    Y(O) Y(NO) Y(B) Y(NB) Y(Z) Y(NZ) Y(BE) Y(NBE) Y(S) Y(NS) Y(P) Y(NP) Y(L) Y(NL) Y(LE) Y(NLE)

/* ---- Memory reached without a call ---- */

/* The guest's integers, aligned or not. */
typedef uint8_t guest8;
typedef uint16_t guest16 __attribute__((aligned(1)));
typedef uint32_t guest32 __attribute__((aligned(1)));
typedef uint64_t guest64 __attribute__((aligned(1)));

static inline struct tlb_entry *tlb_entry(struct cpu *cpu, uint64_t lin)
{
    return &cpu->fast[lin >> 12 & (TLB_ENTRIES - 1)];
}

/* NULL: ask mmu.c.  An access that crosses pages never matches. */
static inline void *tlb_read(struct cpu *cpu, uint64_t lin, unsigned size)
{
    struct tlb_entry *e = tlb_entry(cpu, lin);

    return LIKELY(e->read == ((lin + size - 1) & ~0xfffull)) ? (void *)(lin + e->addend) : NULL;
}

static inline void *tlb_write(struct cpu *cpu, uint64_t lin, unsigned size)
{
    struct tlb_entry *e = tlb_entry(cpu, lin);

    return LIKELY(e->write == ((lin + size - 1) & ~0xfffull)) ? (void *)(lin + e->addend) : NULL;
}

#endif
