/* SPDX-License-Identifier: MIT-0 */
/* tenon/machine.h - boards: what a plugin of kind machine says and asks to put one together. */
/* clang-format off */
#ifndef TENON_MACHINE_H
#define TENON_MACHINE_H

#include <tenon/plugin.h>

/* "tenon.machine/1" - the ops of a machine. */
struct tenon_machine_ops {
    uint32_t size;
    uint32_t max_cpus;          /* 0: no processor */
    const char *default_cpu;
    uint64_t default_ram;       /* bytes; 0: no RAM */
    uint64_t below_4g;          /* the most RAM that lies below 4 GiB; the rest lies at 4 GiB */
    /* Makes the board: memory, buses, devices.  -device comes after it. [main] */
    int (*build)(void *self);
    /* All devices are there: firmware, tables and kernels find their places. [main] */
    int (*complete)(void *self);
};

#define TENON_MACHINE(id, names, help, ...)                                                        \
    TENON_TYPE(id, "machine", names, "", "", help, "tenon.machine/1", __VA_ARGS__)

/* What the command line said of the machine, read-only. */
struct tenon_board_info {
    uint32_t size;
    uint32_t cpus, max_cpus;
    uint32_t sockets, dies, cores, threads;
    uint64_t ram_bytes;
    const char *name;           /* -name, or NULL */
    bool has_uuid;
    uint8_t uuid[16];
    bool nodefaults, acpi, hpet; /* hpet: wanted where the accelerator brings no chips */
    bool kernel_irqchip;        /* the accelerator brings 8259s, I/O APIC, local APICs and 8254 */
    const char *accel;          /* "kvm" */
    const uint32_t *apic_ids;   /* of the max_cpus processors */
    const uint32_t *cpuid_1;    /* leaf 1 of the boot processor: eax, ebx, ecx, edx */
    uint32_t phys_bits;         /* physical address bits of the processors */
    bool smm;                   /* they have an input SMI#, and a view of memory of their own behind it */
};

/* "tenon.board/1" - what the host offers the machine (and devices that need to know the board). */
struct tenon_board {
    uint32_t size;
    const struct tenon_board_info *(*info)(struct tenon_dev *);                         /* [any] */
    /* Makes a device; props is "key=value,..." as after -device NAME, or NULL.  NULL if it fails,
     * and why has been said. [main] */
    struct tenon_dev *(*add)(struct tenon_dev *, const char *driver, const char *props);
    /* Value of key in the index-th group of that name ("boot-opts", "rtc", "smbios"...) of the
     * configuration; NULL if it is not given.  key NULL: not NULL if there is such a group. [main] */
    const char *(*option)(struct tenon_dev *, const char *group, unsigned index, const char *key);
    /* The id of the chardev behind the n-th -serial ("serial"), -parallel, -debugcon; NULL: none. [main] */
    const char *(*chardev)(struct tenon_dev *, const char *use, unsigned n);
    /* Finds a file of firmware in -L, then the installed places; its path until the next call, or
     * NULL. [main] */
    const char *(*find_file)(struct tenon_dev *, const char *name);
    /* Joins an interrupt line of one device to a pin of another. -ENOENT: no such line or pin. [main] */
    int (*wire)(struct tenon_dev *from, uint32_t line, struct tenon_dev *to, const char *pin,
                unsigned n);
    /* Joins an interrupt line to input gsi (0 to 23) of the interrupt controllers. [main] */
    int (*wire_gsi)(struct tenon_dev *from, uint32_t line, unsigned gsi);
    /* Joins an interrupt line, the 8259A's INTR output, to the processors. -ENOENT: no such line.
     * [main] */
    int (*wire_intr)(struct tenon_dev *from, uint32_t line);
    /* The n-th value of a key that is given several times in one group, in order; option() gives the
     * last.  NULL: there are not so many. [main] */
    const char *(*option_n)(struct tenon_dev *, const char *group, unsigned index, const char *key,
                            unsigned n);
    /* Joins an interrupt line to the first processor's input IGNNE#, high while that is asserted.
     * -ENOENT: no such line. [main] */
    int (*wire_ignne)(struct tenon_dev *from, uint32_t line);
};

/* ---- Processors ---- */

struct tenon_x86_segment {
    uint64_t base;
    uint32_t limit;
    uint16_t selector;
    uint16_t attributes;        /* as in the descriptor's bytes 5 and 6: type, S, DPL, P, AVL, L, D/B, G */
};

/* What a processor starts with when it is not the reset vector. */
struct tenon_x86_start {
    uint32_t size;
    uint64_t rip, rflags, rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp;
    uint64_t cr0, cr3, cr4, efer;
    struct tenon_x86_segment cs, ds, es, fs, gs, ss, tr, ldt, gdt, idt;
};

/* "tenon.x86/1" */
struct tenon_x86 {
    uint32_t size;
    /* What the boot processor starts with after the reset that is going on. [main, in reset] */
    void (*start)(struct tenon_dev *, const struct tenon_x86_start *start);
    void (*a20)(struct tenon_dev *, bool on);                                           /* [vcpu] */
    /* Asserts SMI# of the first processor; nothing where board info says that there is none. [vcpu] */
    void (*smi)(struct tenon_dev *);
    /* Processors in system management mode see RAM there (at its own address), whatever others see;
     * base is always the same, bytes 0: no more. [vcpu] */
    void (*smram)(struct tenon_dev *, uint64_t base, uint64_t bytes);
};

#endif
