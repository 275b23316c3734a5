/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * plan - how a kernel gets into memory and is entered, as the machine tells its boot program.
 *
 * The plan is a fw_cfg file: a head, the steps, then bytes that steps refer to.  The boot program
 * (an option ROM under SeaBIOS, or our own firmware) does the steps in order by fw_cfg DMA, then
 * enters.  All numbers are little-endian, all addresses below 4 GiB.
 */
#ifndef TENON_BOOT_PLAN_H
#define TENON_BOOT_PLAN_H

#include <stdint.h>

#define PLAN_FILE     "etc/tenon/plan"
#define PLAN_MAP_FILE "etc/tenon/map" /* struct e820: the memory map, for our own firmware */
#define PLAN_MAGIC    0x314e4c50      /* "PLN1" */

/* Fixed items of fw_cfg that steps read besides the plan's own file. */
enum { PLAN_KERNEL_ITEM = 0x11, PLAN_INITRD_ITEM = 0x12 };

/* The boot program's stack and variables; no step touches it. */
enum { PLAN_ROOM = 0x9d000, PLAN_ROOM_END = 0xa0000 };

enum plan_op {
    PLAN_ZERO,          /* addr, len */
    PLAN_BYTES,         /* addr, len; from offset in the plan's file */
    PLAN_KERNEL,        /* addr, len; from offset in the kernel's item */
    PLAN_INITRD,        /* addr, len; from offset in the initrd's item */
    PLAN_MAP_LINUX,     /* the memory map, at most len entries, into the zero page at addr */
    PLAN_MAP_MULTIBOOT, /* to addr, at most len entries; into the information block at info */
    PLAN_MAP_PVH,       /* to addr, at most len entries; their number into hvm_start_info at info */
    PLAN_RSDP,          /* the address of ACPI's root pointer, or 0, to the u64 at addr */
};

struct plan_step {
    uint32_t op, addr, len;
    union {
        uint32_t offset, info;
    };
};

enum plan_mode {
    PLAN_REAL,    /* CS:IP = entry (CS high); ebx in the other segments; SP = eax */
    PLAN_FLAT,    /* protected mode, paging off; CS 8, data 10h */
    PLAN_LINUX32, /* the same; CS 10h, data 18h */
    PLAN_LINUX64, /* long mode, page tables at cr3; CS 10h, data 18h */
};

struct plan_head {
    uint32_t magic, n_steps;
    uint32_t mode, entry;
    uint32_t eax, ebx, esi, cr3;
};

/* A memory map's entry, as INT 15h E820h gives it. */
struct e820 {
    uint64_t base, bytes;
    uint32_t type;
} __attribute__((packed));
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4 };

#endif
