/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * memory - a guest's memory as a debugger or a monitor sees it: by linear address, through the page
 * tables of a processor that stands still.
 */
#ifndef TENON_CORE_DEBUG_MEMORY_H
#define TENON_CORE_DEBUG_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tenon/accel.h>

struct machine;
struct vcpu;

/* ---- Translation (paging.c) ---- */

/* A page as the tables have it; user and writable hold if all their levels say so. */
struct guest_page {
    uint64_t linear, phys; /* of its first byte */
    uint64_t entry;        /* the last one */
    unsigned bits;         /* log2 of its size */
    bool user, writable, nx;
};

/*
 * Finds the page that linear lies on.  Without paging all memory is one such page.  false: none is
 * present, or its tables are not in RAM.  Nothing in the guest changes.  [main, locked]
 */
bool paging_find(struct machine *m, const struct tenon_x86_state *s, uint64_t linear,
                 struct guest_page *page);

/*
 * Calls fn for all present pages in ascending order until it returns false, or until so many table
 * entries have been looked at that it is no use: tables of a hostile guest are endless.  false: not
 * all have been seen.  [main, locked]
 */
bool paging_each(struct machine *m, const struct tenon_x86_state *s,
                 bool (*fn)(void *arg, const struct guest_page *page), void *arg);

/* What monitors show for "info tlb" and "info mem", in QEMU's layout; freed with g_free().
 * [main, locked, stopped] */
char *paging_tlb_text(struct vcpu *cpu);
char *paging_ranges_text(struct vcpu *cpu);

/* ---- Access (memory.c) ---- */

/* The physical address behind linear; false: none.  [main, locked, stopped] */
bool guest_translate(struct vcpu *cpu, uint64_t linear, uint64_t *phys);

/*
 * Copies guest memory by linear address; -EFAULT: a part is not there.  Windows of devices are
 * accessed as a processor would, which some devices feel.  ROM can be written, to set breakpoints
 * in it; a file that backs read-only memory cannot.  Breakpoints that are in memory are not seen.
 * Code that has been written is decoded anew.  [main, locked, stopped]
 */
int guest_memory_read(struct vcpu *cpu, uint64_t linear, void *buf, size_t len);
int guest_memory_write(struct vcpu *cpu, uint64_t linear, const void *buf, size_t len);

/* The same by physical address. */
int phys_memory_read(struct machine *m, uint64_t phys, void *buf, size_t len);
int phys_memory_write(struct machine *m, uint64_t phys, const void *buf, size_t len);
/* One byte of RAM or ROM, as it is to be: see points.h.  -EFAULT: none is there. */
int phys_memory_poke(struct machine *m, uint64_t phys, uint8_t byte);

#endif
