/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* program - where the boot program keeps its things, and what its parts offer each other. */
#ifndef TENON_BOOT_PROGRAM_H
#define TENON_BOOT_PROGRAM_H

/* In the room that plans leave alone (PLAN_ROOM). */
#define ROOM_SEGMENT 0x9000
#define ROOM_MAP     0xd000 /* struct e820[MAP_ENTRIES] */
#define ROOM_HEAD    0xdb00 /* struct plan_head */
#define ROOM_GDT     0xdc00
#define ROOM_STACK   0xf000
#define MAP_ENTRIES  128
#define ROOM(offset) (ROOM_SEGMENT * 16 + (offset))

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../plan.h"

static inline void outb(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
}

/* Guest memory at addr, as an object the compiler may not reason about. */
static inline void *memory(uint32_t addr)
{
    void *p;

    __asm__("" : "=r"(p) : "0"(addr));
    return p;
}

/* Loads a file of fw_cfg, at most max bytes; how many there were, 0 if there is no such file. */
uint32_t load_file(const char *name, void *to, uint32_t max);
/* ACPI's root pointer in E0000h-FFFFFh; 0: none. */
uint32_t find_rsdp(void);
/* Does the plan's steps and copies its head to where enter() wants it; false: there is no plan, or
 * it cannot be done. */
bool do_plan(const struct e820 *map, unsigned n_map);

/* What each kind of boot program does with its map_bytes of map; returning enters the kernel. */
void boot_main(uint32_t map_bytes);
#endif
#endif
