/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mmu - linear memory: the TLB, paging, RAM and everything else behind it, pages that hold code.
 *
 * Intel SDM volume 3, chapter 4 (paging) and 10 (memory ordering).
 */
#ifndef TENON_SOFT_MMU_H
#define TENON_SOFT_MMU_H

#include <pthread.h>

#include "cpu.h"

/*
 * A tag of struct tlb_entry is the page's linear address where accesses go directly; with TLB_SLOW
 * added, where they are allowed, but are mem_*()'s to do (no RAM, code on the page, a breakpoint);
 * TLB_EMPTY where there may be none.
 */
enum { TLB_SLOW = 1 };
#define TLB_EMPTY     (~0ull)
#define PAGE_OF(addr) ((addr) & ~0xfffull)

/* What an entry is besides. */
struct tlb_page {
    uint64_t lin, phys, offset;
    uint32_t block;
    uint8_t bits; /* log2 of the guest's page */
    bool global, ram;
    bool listed, listed_local; /* in used[], in local[] */
};

/*
 * Where pages above 4 KiB are: pieces of 2 MiB or of 1 GiB, by their low bits, users' and the
 * supervisor's half apart.  Two in one place: it may be any.
 */
enum { LARGE_PIECES = 1 << 9, LARGE_SEVERAL = 2 };
struct large_set {
    uint32_t tag[2][LARGE_PIECES]; /* 0: none; those that are are odd */
};

struct tlb_table {
    struct tlb_entry entry[TLB_ENTRIES];
    struct tlb_page page[TLB_ENTRIES];
    uint16_t used[TLB_ENTRIES];  /* the entries to look at when flushing all */
    uint16_t local[TLB_ENTRIES]; /* and those of them that may not be global */
    unsigned n_used, n_local;
    bool ready;                   /* its entries have been cleared once */
    struct large_set large, huge; /* of 2 MiB, also as halves of 4; of 1 GiB */
};

/*
 * Where code may have been fetched from since the last flush that concerned it, by a hash of 4 KiB
 * pages and of the 2 MiB that larger pages cover.
 */
enum { CODE_SEEN = 1 << 12 };
struct code_seen {
    uint64_t small[CODE_SEEN / 64], large[CODE_SEEN / 64];
    bool huge;           /* a page larger than 4 MiB */
    bool global, others; /* pages of both kinds */
};

/* As which the processor accesses; STRICT is a supervisor that SMAP keeps off user pages.  Users'
 * are from TLB_USER on, by address space. */
enum tlb_index { TLB_KERNEL, TLB_STRICT, TLB_USER, TLB_TABLES = TLB_USER + USER_SPACES };

/* RAM as the host showed it, of recently used physical pages. */
struct phys_page {
    uint64_t phys; /* PAGE_OF(), | 1: empty */
    uint8_t *host; /* NULL: not RAM nor ROM */
    uint64_t offset;
    uint32_t block : 31, writable : 1;
};
_Static_assert(sizeof(struct phys_page) == 32, "half a cache line");
enum { PHYS_PAGES = 1024 };

/* Physical addresses that the host showed in one piece. */
struct phys_region {
    uint64_t phys;
    struct tenon_ram ram;
};
enum { PHYS_REGIONS = 4 };

/*
 * Pages with decoded code, in slots by a hash.  A processor knows its own; the bus, which all the
 * machine's share, counts the processors that have one in a slot.  Two pages in one slot:
 * CODE_SEVERAL, and the processor forgets all its blocks when one of them is written.  So many that
 * data of a 4 GiB guest are not taken for code; what is not used of them is never touched.
 */
enum { CODE_SLOTS = 1 << 20 };
#define CODE_SEVERAL (~0ull)
struct code_slot {
    uint64_t page; /* code_page_id(), 0: none */
    const uint8_t *host;
};

/*
 * A page table or page directory of 4- or 5-level paging that a walk has come to, and what the
 * levels above it allow: where the next walk around there begins, until anything is flushed.  What
 * such a walk would fault for is walked for from the root.
 */
struct upper {
    uint64_t lin, table; /* lin without the bits that select within the table */
    uint64_t era;        /* tlb_era() */
    bool user, writable, xd;
};
enum { UPPER_LEVELS = 2, UPPERS = 64 };

#define NO_CR3 (~0ull)
struct tlb {
    enum tlb_index data, system; /* for the program, and for what the processor does */
    unsigned user;               /* the address space at hand, below USER_SPACES */
    struct {
        uint64_t cr3, used; /* with its PCID, or NO_CR3; when, 0: never */
    } space[USER_SPACES];
    uint64_t switches;
    struct { /* a locked write to a page with code, not yet told of */
        const uint8_t *host;
        uint64_t offset;
        uint32_t block, bytes;
    } late;
    struct code_seen seen[SPACES];
    struct phys_page phys[PHYS_PAGES];
    struct phys_region region[PHYS_REGIONS];
    unsigned next_region;
    struct code_slot code[CODE_SLOTS];
    struct tlb_table table[TLB_TABLES];
    struct upper upper[UPPER_LEVELS][UPPERS];
    struct tlb_entry none[TLB_ENTRIES]; /* never filled, for when alignment is checked */
    bool none_ready;
    struct {
        uint64_t all, pages;
    } flushes;
};

/* Another one after each flush of whatever kind; never 0. */
static inline uint64_t tlb_era(const struct tlb *tlb)
{
    return tlb->flushes.all + tlb->flushes.pages + 1;
}

static inline unsigned slot_of(uint64_t lin)
{
    return lin >> 12 & (TLB_ENTRIES - 1);
}

/* Where a tag says that nothing but the bytes is to be accessed: all of them, in one page. */
static inline void *tlb_direct(struct cpu *cpu, enum tlb_index as, uint64_t lin, unsigned size,
                               bool write)
{
    const struct tlb_entry *e = &cpu->tlb->table[as].entry[slot_of(lin)];

    return (write ? e->write : e->read) == PAGE_OF(lin + size - 1) ? (void *)(lin + e->addend)
                                                                   : NULL;
}

/* What the processors of a machine share. */
struct bus {
    uint32_t code[CODE_SLOTS]; /* atomic */
    pthread_mutex_t lock;      /* for locked accesses that host atomics cannot do */
    struct {                   /* engine=check: one processor runs at a time */
        pthread_mutex_t lock;
        pthread_cond_t changed;
        const struct cpu *holder, *last;
        uint32_t waiting;
    } turn;
};
/* NULL: no memory. */
struct bus *bus_create(void);
void bus_destroy(struct bus *bus);

/* A table of TLB_ENTRIES: nothing is found in it. */
void tlb_clear(struct tlb_entry *entry);
/* What CPL, CR0, CR4, AC, DR7 say has changed: mode_update() calls it. */
void mmu_update(struct cpu *cpu);
/* From now on mem_*() see each access, and tell cpu->check; NULL: no longer. */
void mmu_record(struct cpu *cpu, struct check *check);
/* Forgets everything, the host's pointers too (memory_changed()). */
void mmu_forget(struct cpu *cpu);
/* For WANT_TLB: reports what mem_lock() left over. */
void mmu_settle(struct cpu *cpu);

/* Which processor the marked write is by, if it is one's on this thread; it sees to its own code by
 * itself. */
extern _Thread_local struct cpu *mmu_writer;
/* Code has been written by somebody else: to be called on the processor's thread. */
void mmu_code_written(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes);
/* Takes away this processor's direct writes to a page. */
void mmu_write_protect(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes);
/*
 * soft.c: makes the machine's other processors call act, each on its thread between instructions
 * (WANT_BLOCKS).  For mmu_write_protect it returns after they have; it may serve this processor's
 * calls meanwhile.
 */
typedef void soft_act(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes);
void soft_look_for_interrupts(struct cpu *cpu);
void soft_tell_others(struct cpu *cpu, soft_act *act, uint32_t block, uint64_t offset,
                      uint64_t bytes);

/* Physical memory; size 1 to 8, within a page.  RAM, the local APIC's page, or the board. */
uint64_t phys_read(struct cpu *cpu, uint64_t phys, unsigned size);
void phys_write(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size);
/* The page at addr, in the place of page. */
struct phys_page *phys_fill(struct cpu *cpu, uint64_t addr, struct phys_page *page);

static inline struct phys_page *phys_page(struct cpu *cpu, uint64_t phys)
{
    uint64_t addr = PAGE_OF(phys) & (cpu->a20 ? ~0ull : ~0x100000ull);
    struct phys_page *page = &cpu->tlb->phys[addr >> 12 & (PHYS_PAGES - 1)];

    return LIKELY(page->phys == addr) ? page : phys_fill(cpu, addr, page);
}

/* The physical address behind lin, which has just been read. */
uint64_t mem_physical(struct cpu *cpu, uint64_t lin);
void mem_probe_write_sys(struct cpu *cpu, uint64_t lin, unsigned bytes);

/* ---- paging.c ---- */

enum mmu_access { MMU_READ, MMU_WRITE, MMU_FETCH };
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_I = 0x10, PF_PK = 0x20 };

/* A translation that has been found, and what it may be used for. */
struct mapping {
    uint64_t phys; /* of the 4 KiB page */
    uint8_t bits;
    bool global, read, write, fetch;
};

/* Translates; true if found and allowed.  Sets A and D.  *error is the #PF error code otherwise. */
bool paging_walk(struct cpu *cpu, uint64_t lin, enum mmu_access access, enum tlb_index as,
                 struct mapping *map, uint32_t *error);
/* Loads the PDPTEs of PAE paging from where cr3 says; false: a reserved bit is set, none is loaded.
 */
bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3);

#endif
