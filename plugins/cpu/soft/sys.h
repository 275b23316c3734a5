/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * sys - what the system parts call of each other: descriptors, control transfers, tasks, debugging.
 */
#ifndef TENON_SOFT_SYS_H
#define TENON_SOFT_SYS_H

#include "uop.h"

enum { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/* ---- segment.c: descriptors ---- */

/* Types of system segments and gates. */
enum {
    DESC_TSS16 = 1,
    DESC_LDT = 2,
    DESC_TSS16_BUSY = 3,
    DESC_CALL16 = 4,
    DESC_TASK = 5,
    DESC_INT16 = 6,
    DESC_TRAP16 = 7,
    DESC_TSS32 = 9,
    DESC_TSS32_BUSY = 11,
    DESC_CALL32 = 12,
    DESC_INT32 = 14,
    DESC_TRAP32 = 15,
    DESC_BUSY = 2
};

struct descriptor {
    struct segment seg;
    uint64_t raw;
    uint64_t at; /* linear address */
};

static inline bool is_null(uint16_t selector)
{
    return !(selector & ~3);
}

static inline bool is_code(uint16_t attr)
{
    return (attr & (ATTR_S | ATTR_CODE)) == (ATTR_S | ATTR_CODE);
}

static inline bool is_conforming(uint16_t attr)
{
    return is_code(attr) && attr & ATTR_CE;
}

static inline bool is_writable_data(uint16_t attr)
{
    return (attr & (ATTR_S | ATTR_CODE | ATTR_RW)) == (ATTR_S | ATTR_RW);
}

static inline bool is_readable(uint16_t attr)
{
    return attr & ATTR_S && (!(attr & ATTR_CODE) || attr & ATTR_RW);
}

/* Type of a system descriptor; -1: a code or data segment. */
static inline int system_type(uint16_t attr)
{
    return attr & ATTR_S ? -1 : attr & 15;
}

static inline bool in_long_mode(const struct cpu *cpu)
{
    return cpu->efer & EFER_LMA;
}

static inline bool in_code64(const struct cpu *cpu)
{
    return (cpu->mode & MODE_CODE_MASK) == MODE_CODE64;
}

/* Segments as in real mode: real mode itself and virtual-8086. */
static inline bool is_real(const struct cpu *cpu)
{
    return !(cpu->cr0 & CR0_PE) || cpu->flags & F_VM;
}

static inline unsigned iopl(const struct cpu *cpu)
{
    return cpu->flags >> 12 & 3;
}

/* What a descriptor of code or data makes of a segment register. */
static inline struct segment descriptor_segment(uint64_t raw, uint16_t selector)
{
    struct segment s = {
        .base = (raw >> 16 & 0xffffff) | (raw >> 32 & 0xff000000),
        .limit = (raw & 0xffff) | (raw >> 32 & 0xf0000),
        .selector = selector,
        .attr = raw >> 40 & 0xf0ff,
    };

    if (s.attr & ATTR_G)
        s.limit = s.limit << 12 | 0xfff;
    return s;
}

/* A fault whose error code names a selector. */
_Noreturn void cpu_selector_fault(struct cpu *cpu, int vector, uint16_t selector);
/* Reads a descriptor; false: beyond its table. */
bool descriptor_read(struct cpu *cpu, uint16_t selector, struct descriptor *d);
/* The same, faulting with vector(selector) if it is not there. */
void descriptor_get(struct cpu *cpu, uint16_t selector, int vector, struct descriptor *d);
/* The upper half of a 16-byte descriptor, for one that descriptor_read() has read. */
uint64_t descriptor_read_upper(struct cpu *cpu, uint16_t selector, int vector,
                               const struct descriptor *d);
void descriptor_set_accessed(struct cpu *cpu, struct descriptor *d);
/* Sets or clears the busy bit of a TSS's. */
void descriptor_set_busy(struct cpu *cpu, const struct descriptor *d, bool busy);

void segment_set_real(struct cpu *cpu, enum seg seg, uint16_t selector);
void segment_set_null(struct cpu *cpu, enum seg seg, uint16_t selector);
/* A stack segment for privilege level cpl, checked: faults with vector, or with #SS if absent. */
void stack_get(struct cpu *cpu, uint16_t selector, unsigned cpl, int vector, struct descriptor *d);
/* A code segment to return to at the selector's RPL. */
void return_code_get(struct cpu *cpu, uint16_t selector, int vector, struct descriptor *d);
/* Data segments that the new, lesser privilege may not use become null. */
void segments_drop(struct cpu *cpu);
/* The linear address within a segment that need not be loaded; faults with #SS or #GP(selector). */
uint64_t segment_address(struct cpu *cpu, const struct segment *s, uint64_t offset, unsigned size,
                         bool write, int vector, uint16_t selector);
bool segment_translate(struct block_builder *b, const struct insn *in);

/* ---- Stacks that are not loaded yet ---- */

struct stack {
    struct segment ss;
    uint64_t sp, mask;
    bool sys;          /* accessed as a supervisor, whatever CPL is still */
    bool wide;         /* 64-bit: no segment */
    uint16_t selector; /* of the error code of a #SS */
};
struct stack stack_now(struct cpu *cpu);
/* The stack of a segment that is to be loaded. */
struct stack stack_of(const struct segment *ss, uint64_t sp);
void stack_push(struct cpu *cpu, struct stack *stack, uint64_t value, unsigned size);
uint64_t stack_pop(struct cpu *cpu, struct stack *stack, unsigned size);
/* Sets the stack pointer, as wide as the stack's. */
void stack_commit(struct cpu *cpu, const struct stack *stack);

/* ---- gates.c, transfer.c, task.c: control transfers ---- */

/* What an event is to SVM's EVENTINJ and EXITINTINFO. */
enum event_type { EVENT_INTR = 0, EVENT_NMI = 2, EVENT_EXCEPTION = 3, EVENT_INT_N = 4 };

/* An interrupt's or exception's way in. */
struct event {
    int vector;
    enum event_type type;
    bool soft;     /* INT n, INT3, INTO: the gate's DPL counts */
    bool external; /* EXT */
    bool has_error;
    uint32_t error;
    uint64_t rip, flags; /* to be pushed */
};
void event_deliver(struct cpu *cpu, const struct event *event);
/* SS:ESP of a level from the TSS; for 64-bit mode RSPn, or ISTn from 4 on. */
void tss_stack(struct cpu *cpu, unsigned level, uint16_t *ss, uint64_t *sp);
uint64_t tss_stack_64(struct cpu *cpu, unsigned index);
/* Jumps to code in a segment; its selector's RPL becomes cpl.  Checks the target. */
void code_commit(struct cpu *cpu, uint16_t selector, struct descriptor *d, unsigned cpl,
                 uint64_t rip);
void code_check_target(struct cpu *cpu, const struct descriptor *d, uint64_t rip);
bool gates_translate(struct block_builder *b, const struct insn *in);
bool transfer_translate(struct block_builder *b, const struct insn *in);

enum task_why { TASK_JUMP, TASK_CALL, TASK_INT, TASK_IRET };
/* Switches; d is the new TSS's descriptor, next what is saved as EIP, flags as EFLAGS. */
void task_switch(struct cpu *cpu, uint16_t selector, struct descriptor *d, enum task_why why,
                 uint64_t next, uint64_t flags);
/* Through a task gate, or for IRET with NT set. */
void task_gate(struct cpu *cpu, uint64_t gate, enum task_why why, uint64_t next, uint64_t flags);
void task_return(struct cpu *cpu, uint64_t next);

/* ---- debug.c ---- */

enum { DR6_BD = 0x2000, DR6_BS = 0x4000, DR6_BT = 0x8000, DR6_FIXED = 0xffff0ff0 };
enum { DR7_GD = 0x2000, DR7_FIXED = 0x400 };
/* A data breakpoint lies on lin's page. */
bool debug_watches_page(const struct cpu *cpu, uint64_t lin);
/* Memory and ports have been accessed: notes the breakpoints hit, for the instruction's end. */
void debug_data(struct cpu *cpu, uint64_t lin, unsigned bytes, bool write);
void debug_io(struct cpu *cpu, uint16_t port, unsigned size);
/* Whether instructions must run one by one. */
bool debug_active(const struct cpu *cpu);
_Noreturn void debug_raise(struct cpu *cpu, uint32_t dr6, bool trap);
bool debug_translate(struct block_builder *b, const struct insn *in);

/* ---- watch.c: a debugger outside the guest ---- */

/* Whether a breakpoint is at linear address lin. */
bool watch_breaks(const struct cpu *cpu, uint64_t lin);
/* In its instruction's place (u may be NULL): leaves for the run loop. */
void run_watch_stop(struct cpu *cpu, const struct uop *u);
bool watch_page(const struct cpu *cpu, uint64_t lin);
/* An access (TENON_DEBUG_READ, _WRITE) is about to be made for sure: notes a hit. */
void watch_data(struct cpu *cpu, uint64_t lin, unsigned bytes, unsigned kinds);
/* Accesses may follow, behind which the instruction cannot be begun again. */
void watch_probe(struct cpu *cpu, uint64_t lin, unsigned bytes);

/* ---- control.c, msr.c, cpuid.c, io.c, fast.c, system.c, smm.c ---- */

bool table_translate(struct block_builder *b, const struct insn *in);
bool control_translate(struct block_builder *b, const struct insn *in);
uop_call run_ac; /* STAC, CLAC: imm is AC */
uop_call run_rdpkru, run_read_cr;
uop_call run_rdtsc; /* RDTSCP: imm */
/* The bits of CR4 that the processor's features bring along. */
uint64_t control_known_cr4(const struct cpu *cpu);
/* CR3, which MOV has checked. */
void control_set_cr3(struct cpu *cpu, uint64_t value);
/* Whether a processor can be in the state that memory had kept: CR0, CR4, EFER, RFLAGS.VM. */
bool control_is_possible(const struct cpu *cpu);

/* false: #GP(0). */
bool msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value);
bool msr_write(struct cpu *cpu, uint32_t msr, uint64_t value);
/* The bits of EFER that the processor's features bring along; PAT's types are all valid ones. */
uint64_t efer_known(const struct cpu *cpu);
bool pat_valid(uint64_t value);
void cpuid(struct cpu *cpu, uint32_t leaf, uint32_t subleaf, uint32_t out[4]);

/*
 * What may be loaded as a base, into an MSR or to invalidate: with 5-level paging as a feature,
 * addresses of 57 bits whatever the mode, as processors do.
 */
bool base_canonical(const struct cpu *cpu, uint64_t base);

bool cpu_is_amd(const struct cpu *cpu);

/* SYSCALL, SYSRET, SYSENTER, SYSEXIT, SWAPGS. */
bool fast_translate(struct block_builder *b, const struct insn *in);
uop_call run_swapgs, run_read_base, run_write_base, run_syscall, run_sysret;
/* What SYSCALL and its kin load, but for DPL; what SYSRET takes of R11. */
enum { ATTR_FLAT_CODE = 0xc09b, ATTR_FLAT_DATA = 0xc093, ATTR_CODE_64 = 0xa09b };
enum { SYSRET_FLAGS = 0x3c7fd7 };

/* A PKRU that another instruction (XRSTOR) loads. */
void pkru_set(struct cpu *cpu, uint32_t value);
bool xcr0_valid(const struct cpu *cpu, uint64_t value);

/* An SMI comes in, between instructions. [its thread] */
void smm_enter(struct cpu *cpu);
void smm_leave(struct cpu *cpu); /* nothing if it is not in it */
bool smm_translate(struct block_builder *b, const struct insn *in);

#endif
