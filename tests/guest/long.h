/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * long - a 64-bit program's ground: descriptor tables, pages of its own, other processors, and
 * attempts: code that may fault, of which the exact vector, error code, RIP and CR2 are checked.
 *
 * Intel SDM volume 3, chapters 4 (paging), 6 (interrupts), 8.4 (starting processors), 10 (APIC).
 */
#ifndef TENON_GUEST_LONG_H
#define TENON_GUEST_LONG_H

#include "guest.h"

enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, AC = 17, NONE = -1 };
enum {
    CS64 = 8,
    DATA = 0x10,
    CS32 = 0x18,
    USER_DATA = 0x23,
    USER_CS = 0x2b,
    DATA_DPL3 = 0x20,
    TSS0 = 0x40,
    LDT = 0x80,
    SPARE = 0x90
};
enum { P = 1, W = 2, U = 4, PWT = 8, PCD = 0x10, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define NX     (1ull << 63)
#define WINDOW 0x40000000ull /* 2 MiB of pages of 4 KiB, for the program's use */
enum { MAX_CPUS = 4 };

/* ---- What faulted ---- */

struct frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
struct trap {
    int vector; /* NONE */
    uint64_t error, rip, cr2, rflags;
};
extern struct trap trap;
extern uint64_t attempt_rip, resume_rip, resume_sp, resume_bp;
extern volatile unsigned interrupts[256];   /* taken, by vector */
extern volatile uint64_t interrupt_rip;     /* where the last one came */
extern void (*volatile on_interrupt)(void); /* called for each, before its EOI */
extern volatile unsigned n_steps;           /* #DB taken while stepping: their RIPs, DR6 */
extern volatile bool stepping;
extern struct step {
    uint64_t rip, dr6;
} steps[64];

/*
 * Runs code; if it faults, goes on behind it, at CPL 0 with RSP and RBP as before.  What comes
 * behind code are asm's operands.  The first instruction is at attempt_rip.
 */
#define ATTEMPT(code, ...)                                                                         \
    do {                                                                                           \
        trap.vector = NONE;                                                                        \
        __asm__ volatile(                                                                          \
            "movq %%rsp, resume_sp\n\tmovq %%rbp, resume_bp\n\tmovq $771f, attempt_rip\n\t"        \
            "movq $772f, resume_rip\n771:\t" code "\n772:\tmovq resume_sp, %%rsp\n\t"              \
            "movq resume_bp, %%rbp\n\t"                                                            \
            "movq $0, resume_rip" __VA_ARGS__);                                                    \
    } while (0)

/* The last attempt faulted so, at its byte offset; vector NONE: it did not. */
void expect_at(const char *name, int vector, uint64_t error, uint64_t offset);
void expect(const char *name, int vector, uint64_t error);
void expect_pf(const char *name, uint64_t error, uint64_t cr2);
void check_value(const char *name, uint64_t got, uint64_t wanted);
/* Ends: status 33 if all was well, else 35. */
_Noreturn void finish(void);
void verdict(const char *name, bool ok);

/* ---- Tables ---- */

extern uint64_t gdt64[], tables64[];
extern volatile uint64_t window[512];
void long_init(void);
/* Entry n of the window. */
static inline char *at_window(unsigned n)
{
    return (char *)(WINDOW + n * 4096ull);
}
void map(unsigned n, uint64_t entry);
uint64_t *idt_gate(int vector);

/* ---- Instructions ---- */

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t a, d;

    __asm__ volatile("rdmsr" : "=a"(a), "=d"(d) : "c"(msr));
    return a | (uint64_t)d << 32;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)) : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint32_t a, d;

    __asm__ volatile("rdtsc" : "=a"(a), "=d"(d));
    return a | (uint64_t)d << 32;
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outw(uint16_t port, uint16_t value)
{
    __asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

struct cpuid {
    uint32_t a, b, c, d;
};
static inline struct cpuid cpuid(uint32_t leaf, uint32_t sub)
{
    struct cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}

#define READ_CR(n)                                                                                 \
    ({                                                                                             \
        uint64_t v_;                                                                               \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v_));                                         \
        v_;                                                                                        \
    })
#define WRITE_CR(n, v) __asm__ volatile("mov %0, %%cr" #n : : "r"((uint64_t)(v)) : "memory")
#define READ_DR(n)                                                                                 \
    ({                                                                                             \
        uint64_t v_;                                                                               \
        __asm__ volatile("mov %%dr" #n ", %0" : "=r"(v_));                                         \
        v_;                                                                                        \
    })
#define WRITE_DR(n, v) __asm__ volatile("mov %0, %%dr" #n : : "r"((uint64_t)(v)) : "memory")

static inline void invlpg(void *p)
{
    __asm__ volatile("invlpg (%0)" : : "r"(p) : "memory");
}

#define TRY_WRMSR(msr, v)                                                                          \
    ATTEMPT("wrmsr",                                                                               \
            :                                                                                      \
            : "c"((uint32_t)(msr)), "a"((uint32_t)(v)), "d"((uint32_t)((uint64_t)(v) >> 32))       \
            : "memory")
#define TRY_RDMSR(msr) ATTEMPT("rdmsr", : : "c"((uint32_t)(msr)) : "rax", "rdx", "memory")

/* ---- The local APIC, and other processors ---- */

static inline uint32_t apic_get(unsigned reg)
{
    return *(volatile uint32_t *)(0xfee00000ull + reg);
}

static inline void apic_set(unsigned reg, uint32_t v)
{
    *(volatile uint32_t *)(0xfee00000ull + reg) = v;
}

extern volatile unsigned cpus_online;
extern void (*volatile ap_work[MAX_CPUS])(void); /* what a processor is to do next */
/* One broadcast INIT and one SIPI with vector 0, as terse as a program may be. */
void start_others(void);
/* Runs f on processor n (its APIC id), without waiting. */
void run_on(unsigned n, void (*f)(void));
void wait_for(unsigned n);
/* Spins until *p reaches v or about a second has gone. */
bool reached(volatile unsigned *p, unsigned v);
#endif
