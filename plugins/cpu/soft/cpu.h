/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cpu - the state of one software processor, and what its parts call of each other.
 *
 * Intel SDM volumes 1 to 3, AMD APM volume 2.  Registers live here between micro-ops; what guest
 * code can observe at an instruction's border is exact, what lies inside is the parts' own affair.
 *
 * A fault leaves by cpu_fault(), which does not return: it jumps to the run loop.  So whatever an
 * instruction changes, it changes after its last access that can fail (or puts it back).
 */
#ifndef TENON_SOFT_CPU_H
#define TENON_SOFT_CPU_H

#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include <tenon/accel.h>

#define LIKELY(x)   __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* ---- Registers ---- */

enum {
    RAX,
    RCX,
    RDX,
    RBX,
    RSP,
    RBP,
    RSI,
    RDI,
    R8,
    R9,
    R10,
    R11,
    R12,
    R13,
    R14,
    R15,
    REG_T0,
    REG_T1,
    REG_T2,
    REG_T3,   /* of micro-ops; dead between instructions */
    REG_ZERO, /* reads 0, never written */
    REG_NEXT, /* of the next instruction, for RIP-relative addresses */
    N_REGS = 24
};

enum seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, N_SEGS };

struct segment {
    uint64_t base;
    uint32_t limit; /* in bytes, the granularity applied */
    uint16_t selector;
    uint16_t
        attr; /* descriptor bytes 5 and 6: type 3:0, S 4, DPL 6:5, P 7, AVL 12, L 13, DB 14, G 15 */
};
enum {
    ATTR_A = 1,
    ATTR_RW = 2,
    ATTR_CE = 4,
    ATTR_CODE = 8,
    ATTR_S = 0x10,
    ATTR_P = 0x80,
    ATTR_L = 0x2000,
    ATTR_DB = 0x4000,
    ATTR_G = 0x8000,
    ATTR_NULL = 0x100 /* a null selector */
};
#define ATTR_DPL(attr) ((attr) >> 5 & 3)

enum {
    F_CF = 1,
    F_PF = 4,
    F_AF = 0x10,
    F_ZF = 0x40,
    F_SF = 0x80,
    F_TF = 0x100,
    F_IF = 0x200,
    F_DF = 0x400,
    F_OF = 0x800,
    F_IOPL = 0x3000,
    F_NT = 0x4000,
    F_RF = 0x10000,
    F_VM = 0x20000,
    F_AC = 0x40000,
    F_VIF = 0x80000,
    F_VIP = 0x100000,
    F_ID = 0x200000,
    F_ARITH = F_CF | F_PF | F_AF | F_ZF | F_SF | F_OF,
    F_ALL = F_ARITH | F_TF | F_IF | F_DF | F_IOPL | F_NT | F_RF | F_VM | F_AC | F_VIF | F_VIP | F_ID
};

/* What RFLAGS becomes of a value from outside: other bits read as 0, bit 1 as 1. */
static inline uint64_t flags_possible(uint64_t value)
{
    return (value & F_ALL) | 2;
}

enum {
    CR0_PE = 1,
    CR0_MP = 2,
    CR0_EM = 4,
    CR0_TS = 8,
    CR0_ET = 0x10,
    CR0_NE = 0x20,
    CR0_WP = 0x10000,
    CR0_AM = 0x40000,
    CR0_NW = 0x20000000,
    CR0_CD = 0x40000000
};
#define CR0_PG 0x80000000u
enum {
    CR4_VME = 1,
    CR4_PVI = 2,
    CR4_TSD = 4,
    CR4_DE = 8,
    CR4_PSE = 0x10,
    CR4_PAE = 0x20,
    CR4_MCE = 0x40,
    CR4_PGE = 0x80,
    CR4_PCE = 0x100,
    CR4_OSFXSR = 0x200,
    CR4_OSXMMEXCPT = 0x400,
    CR4_UMIP = 0x800,
    CR4_LA57 = 0x1000,
    CR4_FSGSBASE = 0x10000,
    CR4_PCIDE = 0x20000,
    CR4_OSXSAVE = 0x40000,
    CR4_SMEP = 0x100000,
    CR4_SMAP = 0x200000,
    CR4_PKE = 0x400000
};
enum {
    EFER_SCE = 1,
    EFER_LME = 0x100,
    EFER_LMA = 0x400,
    EFER_NXE = 0x800,
    EFER_SVME = 0x1000,
    EFER_FFXSR = 0x4000,
    EFER_AIBRSE = 0x200000
};

enum {
    EXC_DE,
    EXC_DB,
    EXC_NMI,
    EXC_BP,
    EXC_OF,
    EXC_BR,
    EXC_UD,
    EXC_NM,
    EXC_DF,
    EXC_TS = 10,
    EXC_NP,
    EXC_SS,
    EXC_GP,
    EXC_PF,
    EXC_MF = 16,
    EXC_AC,
    EXC_MC,
    EXC_XM,
    EXC_SX = 30
};
enum { SX_INIT = 1 }; /* error code of #SX: an INIT, redirected */

/* 16, 32 or 64 bytes, however looked at. */
union vec {
    uint8_t u8[64];
    int8_t s8[64];
    uint16_t u16[32];
    int16_t s16[32];
    uint32_t u32[16];
    int32_t s32[16];
    uint64_t u64[8];
    int64_t s64[8];
    float f32[16];
    double f64[8];
} __attribute__((aligned(64)));
enum { N_VECS = 32, N_MASKS = 8 };

/* An x87 register: 80 bits, and the MMX register in its low 64. */
union x87_reg {
    long double ld;
    struct {
        uint64_t mantissa;
        uint16_t sign_exponent;
    };
} __attribute__((aligned(16)));

struct x87 {
    union x87_reg r[8];       /* physical: ST(i) is r[(top + i) & 7] */
    uint16_t control, status; /* status with TOP in bits 13:11 always right */
    uint8_t tag_valid;        /* a bit for each physical register that is not empty */
    uint16_t opcode;          /* 11 bits */
    uint16_t cs, ds;
    uint64_t ip, dp;
    bool ferr; /* FERR#, latched until no exception is pending; see ferr_changed */
};

/* A page that loads, stores or fetches reach directly: its linear address where they may, else
 * anything with a low bit set; and what to add to a linear address for the host's.  Never writable
 * are pages that code was decoded from, that are tracked, or that a data breakpoint watches; not
 * there at all what is no RAM.  While alignment is checked (#AC), no load or store goes directly.
 */
struct tlb_entry {
    uint64_t read, write, exec;
    uintptr_t addend;
};
enum { TLB_BITS = 14, TLB_ENTRIES = 1 << TLB_BITS, TLB_NONE = 1 };

/* Address spaces of which what has been found of the user's is kept (PCIDs), and the supervisor's.
 */
enum { USER_SPACES = 4, SPACES = 1 + USER_SPACES };
enum { N_KEPT = 8 };

/* AMD's virtualisation; see svm.h.  From guest on: between VMRUN and #VMEXIT. */
struct svm {
    uint64_t vm_cr, key, host_save; /* MSRs */
    bool gif;                       /* the global interrupt flag */
    bool guest;                     /* and not in SMM */
    bool nested;                    /* and its physical addresses are translated */
    bool np;                        /* VMCB: NP_ENABLE */
    bool masking, host_if;          /* V_INTR_MASKING; RFLAGS.IF at VMRUN */
    bool v_irq, v_ignores_tpr;
    uint8_t v_tpr, v_priority, v_vector;
    uint32_t intercept[6]; /* by exit code */
    uint64_t vmcb, iopm, msrpm, ncr3;
    uint64_t offset, tsc_offset; /* VMCB: TSC_OFFSET; the same in the guest, else 0 */
    uint64_t host_cr4, host_efer, host_pat;
    uint16_t pauses, pause_count, pause_threshold;
    uint64_t last_pause;
    uint64_t delivering; /* EXITINTINFO, while cpu->fault.under says so */
    struct {
        int64_t code;
        uint64_t info1, info2, next;
        uint8_t fetched[16]; /* how many bytes, and they */
    } exit;
};

/* Where XSAVE's components lie in the standard format, as CPUID leaf 0DH says; see xsave.c. */
struct xsave_layout {
    const struct tenon_cpuid *of; /* the leaves it has been made of */
    uint16_t offset[10];
    uint16_t aligned; /* to 64 bytes when compacted; bits by component */
};

struct bus;
struct tlb;
struct jit_jump;
struct block;
struct blocks;
struct apic;
struct soft;
struct tenon_logger;
struct tsc;

struct cpu {
    uint64_t r[N_REGS];
    uint64_t rip;   /* of the instruction being executed; block-wise see uop.h */
    uint64_t flags; /* RFLAGS, whole; bit 1 is always set */
    /* What translated code reaches soonest, see jit-make.h; pair and left are good only there. */
    uint32_t wanted;        /* atomic, WANT_*: something to look at before the next block */
    uint16_t pair;          /* the arithmetic flags: OF; above it what LAHF has */
    uint8_t loaded;         /* LOADED_*: what it has in the host's own units */
    uint64_t left;          /* stop_at - instructions */
    uint64_t salt;          /* of jumps' entries */
    struct jit_jump *jumps; /* where indirect jumps went: JIT_JUMPS */
    struct tlb_entry *fast; /* TLB_ENTRIES, by linear page, for the privilege at hand */
    uint64_t epoch;         /* epochs[space] */
    uint64_t space;         /* 0: the supervisor's code, else the user's of an address space */
    uint64_t kept[N_KEPT];  /* what a loop adds to addresses of pages that it goes on using */
    struct segment seg[N_SEGS], ldt, tr, gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, efer;
    uint64_t pdpte[4]; /* PAE paging: as loaded with CR3 */
    uint64_t xcr0;
    uint32_t pkru, mxcsr;
    uint32_t mode; /* MODE_*: what decoding and checks depend on; see mode_update() */
    uint8_t cpl;
    uint8_t inhibit; /* INHIBIT_*: interrupts held off until after the next instruction */
    uint8_t shadow;  /* what inhibit was when the instruction under way began */
    bool halted, in_smm, nmi_blocked, a20;
    uint32_t held;             /* WANT_*: came, but cannot be taken yet; see cpu_recheck() */
    bool wait_sipi, shut_down; /* halted, but for another reason; see soft.c */
    bool asleep;               /* atomic: in the host's wait() */
    struct {
        uint64_t phys, value; /* MWAIT: what it waits to see changed */
        uint64_t until,
            pause;       /* guest time at which it ends by itself; how long to the next look */
        bool on, masked; /* masked: an interrupt ends it even while IF is clear */
    } mwait;
    struct {
        uint64_t last; /* instructions, at the last PAUSE */
        uint32_t pauses;
    } spin;
    uint64_t tsc_rate; /* TSC ticks a nanosecond, 32.32 fixed point */
    struct tsc *tsc;   /* NULL: the host's clock is asked */
    union vec v[N_VECS];
    uint64_t k[N_MASKS]; /* opmask registers */
    /* Something above bit 255 of a vector register, in registers 16 to 31 or in k may be other than
     * 0.  Where AVX-512 is not used it never is. */
    bool wide;
    struct xsave_layout layout;
    struct x87 x87;
    /* x87 exceptions without CR0.NE: FERR# rises or falls; whether the processor then stands still
     * for an interrupt before the next waiting instruction (no IGNNE#), which is begun again by way
     * of fault_exit, fault.vector -1.  NULL: nobody listens, and it does not stand still. */
    void (*ferr_changed)(struct cpu *cpu, bool level);
    bool (*ferr_frozen)(struct cpu *cpu);
    bool frozen; /* halted by that: also IGNNE# ends it */
    uint64_t dr[8];
    struct {
        uint64_t star, lstar, cstar, fmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip;
        uint64_t tsc_offset, tsc_adjust, tsc_aux, pat, misc_enable, apic_base, smbase;
        uint64_t mtrr_def, mtrr_fixed[11], mtrr_base[8], mtrr_mask[8];
        uint64_t mcg_status, mcg_ctl, mc[10][4];
        uint64_t xss;
    } msr;
    struct {
        uint32_t pending; /* DR6 bits of traps that the instruction under way has earned */
        bool tf, rf;      /* RFLAGS.TF and RF as it began */
        bool held;        /* by the MOV SS before it */
    } debug;
    struct { /* a debugger's, outside the guest; see watch.c */
        const struct tenon_debug_point *points;
        uint32_t n;
        uint32_t hit; /* TENON_DEBUG_*, to be told before the next instruction */
        uint64_t where;
        uint8_t step; /* TENON_STEP* */
        bool again;   /* the next instruction touches what is watched: it runs by itself */
    } watch;
    struct svm svm;
    uint64_t monitored; /* physical address of MONITOR (0: none yet), and what was there */
    uint64_t monitored_value;
    struct tlb *tlb; /* mmu.h */
    struct bus *bus;
    const struct block *block;           /* the one running: see uop.h */
    uint64_t epochs[SPACES], last_epoch; /* see blocks_new_epoch() */
    struct {
        uint64_t salt;
        uint32_t mode; /* of 64-bit code with flat segments; 0: not known */
    } other[SPACES];   /* what salt becomes with the mode and the space */
    uint64_t stop_at;  /* leave before instructions would be more; UINT64_MAX: never */
    bool one_insn;     /* -singlestep: one instruction a block */
    bool no_step;      /* the instruction does not trap for TF (INT n...): see cpu_stepped() */
    uint8_t assist;    /* ASSIST_*: another accelerator's processor; see assist.c */
    bool gone;         /* the processor it stands in for has changed by itself */
    struct blocks *blocks;
    struct check *check; /* engine=check notes what is stored; NULL: not now */
    struct apic *apic;
    struct soft *soft;
    const struct tenon_accel_host *host;
    const struct tenon_cpu_info *info;
    sigjmp_buf fault_exit; /* to the run loop; set with savemask 0 */
    /* The exception on its way; see cpu_fault(). */
    struct {
        int vector; /* -1: none */
        bool has_error;
        uint32_t error;
        uint64_t address; /* #PF */
        int under;        /* the vector being delivered, plus 1; 0: none */
        bool trap;        /* #DB behind an instruction, not before it */
        bool external;    /* EXT: not for INT n, INT3 and INTO */
        bool benign;      /* an interrupt, or INT n: no party to a double fault */
    } fault;
    struct {
        uint32_t host_mxcsr, mxcsr; /* as it was, and is */
        uint32_t env[7];            /* the x87 unit's environment, on its way */
    } unit;                         /* see jit-unit.c */
    uint64_t instructions;          /* executed, for -icount and figures */
    const struct tenon_logger *log; /* NULL: there is none */
    uint64_t events;                /* told of to the log */
};

/* Units of the host that hold the guest's state, which is stale here; never while C code runs.
 * LOADED_AVX says that the whole of YMM registers may be used, LOADED_EVEX all of AVX-512's. */
enum { LOADED_SSE = 1, LOADED_AVX = 2, LOADED_X87 = 4, LOADED_EVEX = 8 };

/* Bits of cpu->mode: everything that makes the same bytes mean something else, or be checked
 * otherwise. */
enum {
    MODE_CODE16 = 0,
    MODE_CODE32 = 1,
    MODE_CODE64 = 2,
    MODE_CODE_MASK = 3,
    MODE_PE = 4,
    MODE_VM86 = 8,
    MODE_LONG = 0x10, /* EFER.LMA, 64-bit or compatibility */
    MODE_SS32 = 0x20, /* the stack pointer is 32 bits wide; not in 64-bit code */
    MODE_FLAT = 0x40, /* 32-bit code; DS, ES, SS: base 0, no limit, writable: no checks */
    MODE_USER = 0x80, /* CPL 3 */
    MODE_PAGING = 0x100,
    MODE_TF = 0x200, /* single step: one instruction a block */
    MODE_SMM = 0x400,
    MODE_CS_CHECK = 0x800, /* CS has a limit that a fetch may hit */
    MODE_BREAK = 0x1000,   /* an instruction breakpoint is armed: one instruction a block */
    MODE_GUEST = 0x2000,   /* SVM: a guest's, with intercepts */
    MODE_LA57 = 0x4000,    /* 64-bit code with 5-level paging */
    MODE_LOG = 0x40000000  /* blocks tell the log of themselves: see log.h */
};
/* Not at all; executes one instruction; runs the guest in the other's place. */
enum { ASSIST_NONE, ASSIST_ONE, ASSIST_STANDS_IN };
/* What fault_exit is left with. */
enum {
    LEAVE_FAULT = 1,
    LEAVE_SHUTDOWN = 2,
    LEAVE_ASSIST = 3,
    LEAVE_WATCH = 4,
    LEAVE_GUEST = 5,
    LEAVE_ONCE = 6,   /* engine=check: what comes is not to be run twice */
    LEAVE_DIFFERS = 7 /* the same: the engines do */
};
enum { INHIBIT_STI = 1, INHIBIT_MOV_SS = 2 };
enum {
    WANT_STOP = 1,
    WANT_INTR = 2,
    WANT_APIC = 4,
    WANT_NMI = 8,
    WANT_SMI = 0x10,
    WANT_INIT = 0x20,
    WANT_SIPI = 0x40,
    WANT_TLB = 0x80,
    WANT_BLOCKS = 0x100,
    WANT_MEMORY = 0x200
};

/* ---- system.c, gates.c: exceptions, segments, control registers ---- */

/* Raises an exception at cpu->rip; does not return. */
_Noreturn void cpu_fault(struct cpu *cpu, int vector);
_Noreturn void cpu_fault_error(struct cpu *cpu, int vector, uint32_t error);
/* Delivers the exception in cpu->fault, or an interrupt; may itself fault (double, triple). Called
 * by the run loop. */
void cpu_deliver_fault(struct cpu *cpu);
void cpu_interrupt(struct cpu *cpu, int vector);
/* Recomputes cpu->mode and cpl-dependent caches after CS, SS, CR0, CR4, EFER or RFLAGS.VM/TF
 * changed. */
void mode_update(struct cpu *cpu);
/* Loads a segment register with all checks (MOV, POP, LDS...); faults as the SDM says. */
void segment_load(struct cpu *cpu, enum seg seg, uint16_t selector);

/* An instruction that began with TF set has completed: raises #DB, unless no_step. */
void cpu_stepped(struct cpu *cpu);
/* MODE_BREAK: about to execute what is at rip; raises #DB where a breakpoint and RF say so. */
void cpu_check_breakpoint(struct cpu *cpu);

/* Whether IN, OUT, INS, OUTS may touch the ports: IOPL and the TSS's bitmap; faults #GP(0). */
void io_check(struct cpu *cpu, uint16_t port, unsigned size);

/* ---- mmu.c: linear memory.  lin is a linear address; size 1 to 8.  These fault with #PF. ---- */

int mmu_create(struct cpu *cpu); /* cpu->tlb and cpu->fast; 0 or -ENOMEM */
void mmu_destroy(struct cpu *cpu);
uint64_t mem_read(struct cpu *cpu, uint64_t lin, unsigned size);
void mem_write(struct cpu *cpu, uint64_t lin, uint64_t value, unsigned size);
/* As the processor itself does for descriptors, TSS, IDT: supervisor whatever CPL is. */
uint64_t mem_read_sys(struct cpu *cpu, uint64_t lin, unsigned size);
void mem_write_sys(struct cpu *cpu, uint64_t lin, uint64_t value, unsigned size);
/* 16 or 32 bytes and other lengths up to 512 (FXSAVE, XSAVE by pieces): whole or not at all. */
void mem_read_bytes(struct cpu *cpu, uint64_t lin, void *to, unsigned bytes);
void mem_write_bytes(struct cpu *cpu, uint64_t lin, const void *from, unsigned bytes);
/* Makes sure that a write will not fault, before a read-modify-write or a many-part store. */
void mem_probe_write(struct cpu *cpu, uint64_t lin, unsigned bytes);
/* Host address for a locked operation on size bytes within one cache line's reach, if it is RAM:
 * the caller uses host atomics.  NULL: not RAM, or crosses pages; then under the bus lock, by
 * parts. */
void *mem_lock(struct cpu *cpu, uint64_t lin, unsigned size);
void mem_unlock_split(struct cpu *cpu);
/* Instruction fetch: the host address of the code at lin, valid to its page's end; faults #PF as a
 * fetch does.  The page is watched from now on: whoever writes there has it said by
 * blocks_written(). NULL: not RAM or ROM, then mem_fetch() reads it byte by byte. */
const uint8_t *mem_code(struct cpu *cpu, uint64_t lin);
uint8_t mem_fetch(struct cpu *cpu, uint64_t lin);
/* Segment checks and base: the linear address of an access to seg:offset; faults #GP or #SS. */
uint64_t segment_linear(struct cpu *cpu, enum seg seg, uint64_t offset, unsigned size, bool write);
void tlb_flush(struct cpu *cpu, bool global);
/* CR3 is about to be that: another address space, or none of its translations stays (!keep). */
void tlb_switch(struct cpu *cpu, uint64_t cr3, bool keep);
void tlb_flush_page(struct cpu *cpu, uint64_t lin);

/* ---- blocks.c: decoded code, each processor's own.  All on the processor's thread. ---- */

int blocks_create(struct cpu *cpu); /* 0 or -ENOMEM */
void blocks_destroy(struct cpu *cpu);
/* Runs guest code from cpu->rip until cpu->wanted or stop_at.  Faults leave through fault_exit;
 * then blocks_faulted() sets cpu->instructions right. */
void blocks_run(struct cpu *cpu);
/* One instruction, whatever is wanted (after STI, MOV SS). */
void blocks_run_one(struct cpu *cpu);
void blocks_faulted(struct cpu *cpu);
/* How many instructions have been executed before the one at cpu->rip, also in the midst of a
 * block. */
uint64_t blocks_executed(const struct cpu *cpu);
/* Leaves the block that runs after the instruction at cpu->rip. */
void blocks_leave(struct cpu *cpu);
/* Code at a host address has been written: forgets the blocks there, the running one included, from
 * its next instruction on.  True: no block is left on these pages. */
bool blocks_written(struct cpu *cpu, const uint8_t *host, uint64_t bytes);
/* Forgets everything: memory has changed. */
void blocks_flush(struct cpu *cpu);
/*
 * As long as cpu->epoch is the one at which a block was last found, its linear address leads to its
 * bytes.  Supervisor's code and each address space's have one each, so that what changes for the
 * user, a process gone, does not concern the kernel's: a new epoch begins for what the linear
 * addresses of code lead to there.
 */
void blocks_new_epoch(struct cpu *cpu, unsigned space);

/* ---- run.c ---- */

/* PAUSE: the guest waits for another processor. */
void cpu_pause(struct cpu *cpu);

/* ---- features ---- */
bool cpu_has(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit);

#endif
