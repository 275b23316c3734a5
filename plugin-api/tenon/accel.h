/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/accel.h - accelerators as plugins: what runs a guest's processors.
 *
 * The host makes a thread for each processor and calls cpu_run() in it; the plugin executes guest
 * code until the host wants the processor back.  Of memory the plugin sees what tenon.accel-host/1
 * shows it: RAM by pointer, everything else by accesses.
 */
/* clang-format off */
#ifndef TENON_ACCEL_H
#define TENON_ACCEL_H

#include <tenon/machine.h>
#include <tenon/plugin.h>

struct tenon_cpuid {
    uint32_t leaf, subleaf;
    uint32_t indexed;               /* 1: the subleaf counts */
    uint32_t eax, ebx, ecx, edx;
    uint32_t reserved;
};

/* An MSR that tells what the processor can do, as CPUID does. */
struct tenon_feature_msr {
    uint64_t value;
    uint32_t index, reserved;
};

/* One processor, as it is to be. */
struct tenon_cpu_info {
    uint32_t size;
    uint32_t index, apic_id;
    const struct tenon_cpuid *cpuid;    /* stays as long as the processor */
    uint32_t n_cpuid;
    uint32_t phys_bits;
    uint64_t tsc_hz;                    /* 0: 1 GHz */
    void *host;                         /* for the calls below */
    uint32_t counted;                   /* 1: guest time follows instructions; see turn() below */
    const struct tenon_feature_msr *msrs;   /* those that are not as feature_msr() says */
    uint32_t n_msrs;
};

/*
 * A processor's registers: for debuggers and monitors, and while another accelerator runs it; see
 * assist().  What is not here stays that accelerator's: the local APIC, the time stamp counter, all
 * other MSRs.
 */
struct tenon_x86_state {
    uint32_t size;
    uint32_t blocked;                   /* TENON_BLOCKED_* */
    uint64_t r[16];                     /* RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15 */
    uint64_t rip, rflags;
    struct tenon_x86_segment seg[6];    /* ES, CS, SS, DS, FS, GS; SS has the privilege level; a null
                                         * selector's is not present */
    struct tenon_x86_segment ldt, tr, gdt, idt;
    uint64_t cr0, cr2, cr3, cr4, efer, xcr0, apic_base;
    uint64_t dr[8];                     /* 4 and 5 are not used */
    uint64_t star, lstar, cstar, fmask, kernel_gs_base, sysenter_cs, sysenter_esp, sysenter_eip;
    uint64_t tsc_aux;
    uint8_t xsave[4096] __attribute__((aligned(64))); /* x87, SSE and more, as XSAVE64's standard format has them */
    uint64_t cr8;
    uint32_t activity;                  /* TENON_CPU_* */
    uint32_t smm;                       /* 1: in system management mode */
    uint64_t executed;                  /* atomic: instructions, by this processor's assist() and stand_in() */
};
/* What stand_in() ended with: host->must_stop(); an instruction that is for the other to execute; the
 * other's processor has changed by itself (INIT), and state is nothing any more. */
enum { TENON_STOOD_STOP, TENON_STOOD_INSTRUCTION, TENON_STOOD_GONE };
enum { TENON_CPU_RUNS, TENON_CPU_HALTED, TENON_CPU_WAITS }; /* by HLT; for a start-up message */
/* Until after the next instruction: interrupts, by STI or a load of SS; and until an IRET: NMIs. */
enum { TENON_BLOCKED_STI = 1, TENON_BLOCKED_SS = 2, TENON_BLOCKED_NMI = 4 };

/*
 * What a debugger outside the guest stops at, and why it has been stopped.  Code is not executed
 * when it stops; the instruction that accessed data is complete.  The guest notices nothing: its
 * own debug registers and INT3 work on.
 */
enum {
    TENON_DEBUG_EXECUTE = 1,
    TENON_DEBUG_WRITE = 2,
    TENON_DEBUG_READ = 4,
    TENON_DEBUG_STEP = 8,               /* of stopped() alone */
};
struct tenon_debug_point {
    uint64_t address, bytes;            /* linear; EXECUTE: the first byte of an instruction */
    uint32_t kind;                      /* EXECUTE, or WRITE and READ */
    uint32_t reserved;
};
/* One instruction, then stopped(); maskable interrupts are not taken before it. */
enum { TENON_STEP = 1, TENON_STEP_NO_INTERRUPTS = 2 };

/* "tenon.accel/1" - the ops of an accelerator. */
struct tenon_accel_ops {
    uint32_t size;
    uint32_t cpu_size;              /* the state of one processor: zeroed, aligned to 64 bytes */
    /* The CPUID leaves it can give a guest; stays. [main] */
    const struct tenon_cpuid *(*cpuid)(void *self, uint32_t *n);
    int (*cpu_create)(void *self, void *cpu, const struct tenon_cpu_info *info);    /* [its thread] */
    void (*cpu_destroy)(void *self, void *cpu);                                     /* [its thread] */
    /* Executes guest code until host->must_stop(); 0, or -errno if it cannot go on. [its thread,
     * the board not locked] */
    int (*cpu_run)(void *self, void *cpu);
    /* Makes cpu_run() look at must_stop() soon. [any] */
    void (*cpu_kick)(void *self, void *cpu);
    /* The state after power-on, or what start says (NULL: none does). [main, processors stopped] */
    void (*cpu_reset)(void *self, void *cpu, const struct tenon_x86_start *start);
    /* Lines about the processor besides its registers, to be freed; NULL: none. [main, stopped] */
    char *(*cpu_notes)(void *self, void *cpu);
    void (*intr)(void *self, bool level);       /* the 8259's output. [any] */
    bool (*msi)(void *self, uint64_t addr, uint32_t data);  /* a processor took it. [any] */
    /* What lies where has changed: forget pointers and translations. [vcpu] */
    void (*memory_changed)(void *self);
    /* Bytes of watched pages (see watch()) have been written by somebody else. [any] */
    void (*code_written)(void *self, uint32_t block, uint64_t offset, uint64_t bytes);
    /*
     * For an accelerator that cannot execute an instruction: executes that one, or delivers its
     * exception.  1; or 0 if it cannot either, or if the instruction is the other's own (ports,
     * local APIC, halting, other MSRs, time): then state has not changed.  NULL: does not help
     * others.  cpu has been made by cpu_create(), and cpu_run() is never called for it. [its
     * thread, the board not locked]
     */
    int (*assist)(void *self, void *cpu, struct tenon_x86_state *state);
    /* Fills in the zeroed state, or takes it: r, rip, rflags, segments and tables, control and debug
     * registers, efer, the MSRs, xsave; -EINVAL: no processor could be in it, and none has changed.
     * [main, processors stopped] */
    void (*cpu_get)(void *self, void *cpu, struct tenon_x86_state *state);
    int (*cpu_set)(void *self, void *cpu, const struct tenon_x86_state *state);
    /* All processors stop at these from now on, and no longer at earlier ones; points stays until
     * the next call. [main, processors stopped] */
    void (*debug)(void *self, const struct tenon_debug_point *points, uint32_t n);
    /* How the processor goes on when it runs next: TENON_STEP*, 0 for as ever. [main, stopped] */
    void (*cpu_step)(void *self, void *cpu, uint32_t flags);
    /* How many instructions the processor has executed since cpu_create(), without the one under way:
     * it never goes back.  With cpu_budget(), what counted processors need (-icount); NULL: there can
     * be none. [its thread] */
    uint64_t (*executed)(void *self, void *cpu);
    /* A timer has been armed: the processor asks for its budget() anew, and keeps to it from its next
     * instruction on. [its thread] */
    void (*cpu_budget)(void *self, void *cpu);
    void (*ignne)(void *self, bool level);      /* the first processor's input IGNNE#. [any] */
    /*
     * For an accelerator that is slow at what the guest does: runs the guest in its place, from
     * state on, until host->must_stop(), and leaves in state where it has come to.  The other keeps
     * the local APIC, the time stamp counter and the MSRs that state has not; they are reached by
     * host->other_*(), and what they have in memory and among ports by host->read() and write().
     * TENON_STOOD_*; NULL: does not do it. [its thread, the board not locked]
     */
    int (*stand_in)(void *self, void *cpu, struct tenon_x86_state *state);
    void (*cpu_nmi)(void *self, void *cpu);     /* a pulse on its input LINT1. [main, stopped] */
    /* An edge on SMI# of a processor, by its index.  NULL: there is no system management mode. [any] */
    void (*smi)(void *self, uint32_t index);
    /* The registers of its local APIC, as what is 16 bytes apart in xAPIC's memory; those that cannot
     * be read are 0.  NULL: they cannot be looked at. [main, processors stopped] */
    void (*cpu_lapic)(void *self, void *cpu, uint32_t regs[64]);
    /* What it can give a guest in a struct tenon_feature_msr; false: there is none.  NULL: none at
     * all. [main] */
    bool (*feature_msr)(void *self, uint32_t index, uint64_t *value);
};

#define TENON_ACCEL(id, names, help, ...)                                                          \
    TENON_TYPE(id, "accel", names, "", "", help, "tenon.accel/1", __VA_ARGS__)

/* A piece of memory, as looked up. */
struct tenon_ram {
    uint8_t *host;                  /* of the address asked for; NULL: no RAM or ROM */
    uint64_t bytes;                 /* how far it goes on like this */
    uint32_t block;                 /* which block, and where in it: for mark() and watch() */
    uint32_t writable;
    uint64_t offset;
};

/* "tenon.accel-host/1"; host is tenon_cpu_info's. */
struct tenon_accel_host {
    uint32_t size;
    bool (*must_stop)(void *host);                                                  /* [its thread] */
    /* Sleeps until the processor is kicked, or until guest time deadline (UINT64_MAX: none). Returns
     * at once if it has been kicked since the last wait. [its thread] */
    void (*wait)(void *host, uint64_t deadline);
    /* Memory and ports by access: 1 to 8 bytes; takes the board lock where it has to. [its thread] */
    uint64_t (*read)(void *host, uint32_t space, uint64_t addr, unsigned size);
    void (*write)(void *host, uint32_t space, uint64_t addr, uint64_t value, unsigned size);
    /* RAM behind an address.  Pointers hold until memory_changed(). [its thread] */
    void (*lookup)(void *host, uint64_t addr, struct tenon_ram *ram);
    /* Notes that guest code wrote there; cheap while nobody tracks. [its thread] */
    void (*mark)(void *host, uint32_t block, uint64_t offset, uint64_t bytes);
    /* Asks for code_written() of one 4 KiB page; it is asked for once, until written. [its thread] */
    void (*watch)(void *host, uint32_t block, uint64_t offset);
    uint64_t (*now)(void *host);                    /* guest time, nanoseconds. [any] */
    /* Vector of the 8259s' interrupt (INTA), and the end of a level-triggered one (EOI broadcast). */
    int (*acknowledge)(void *host);                                                 /* [its thread] */
    void (*eoi)(void *host, unsigned vector);                                       /* [its thread] */
    /* The guest's processor has shut down (triple fault): the machine resets. [its thread] */
    void (*shutdown)(void *host);
    /* Must be called when no pointer from lookup() is in use, about once per run of guest code. */
    void (*quiescent)(void *host);
    /* Ends the processor's wait(), or its next one. [any] */
    void (*wake)(void *host);
    /* The processor has come to where a debugger wants it: one TENON_DEBUG_*, and the address that
     * was executed or accessed.  must_stop() says true from now on. [its thread] */
    void (*stopped)(void *host, uint32_t why, uint64_t address);
    /*
     * Counted processors take turns: before anything else, and before each run of guest code, such a
     * processor calls turn(), which waits until it has its turn; false: leave cpu_run().  It then
     * executes at most as many instructions as budget() says, which is at least one, and has to be
     * asked again when deadline, the guest time at which the plugin itself has something to do, has
     * changed.  yield() ends the turn with the instruction under way.  wait() gives it to others.
     */
    bool (*turn)(void *host);                                                       /* [its thread] */
    uint64_t (*budget)(void *host, uint64_t deadline);                              /* [its thread] */
    void (*yield)(void *host);                                                      /* [its thread] */
    /* The processor's output FERR#; only the first one's is connected. [its thread] */
    void (*ferr)(void *host, bool level);
    /* While it stands in for another accelerator's processor.  An MSR of that one's; false: #GP. The
     * time stamp counter.  The next interrupt, which is in service from now on, or an NMI, as how
     * (TENON_TAKE_*) allows: its vector, TENON_NO_INTERRUPT, or TENON_OTHER_GONE. [its thread] */
    bool (*other_msr)(void *host, bool write, uint32_t index, uint64_t *value);
    uint64_t (*other_tsc)(void *host);
    int (*other_interrupt)(void *host, uint32_t how);
    /* The processor enters or leaves system management mode: what it looks up, reads and writes from
     * now on is what that sees. [its thread, or main when stopped] */
    void (*smm)(void *host, bool on);
};
/* Interrupts; NMIs; sleeps until there is something to take, or the processor is kicked. */
enum { TENON_TAKE_INTERRUPT = 1, TENON_TAKE_NMI = 2, TENON_TAKE_SLEEP = 4 };
enum { TENON_NO_INTERRUPT = -1, TENON_OTHER_GONE = -2 };

#endif
