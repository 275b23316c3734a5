/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* paging - page walks in every mode (Intel SDM volume 3, chapter 4). */
#include "mmu.h"
#include "sys.h"

/* The bits of a paging-structure entry. */
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };
#define PTE_XD    (1ull << 63)
#define PTE_FRAME 0x000ffffffffff000ull

struct walk {
    struct cpu *cpu;
    uint64_t lin, phys;
    uint64_t leaf;           /* the last entry */
    unsigned bits;           /* log2 of the page it maps */
    bool user, writable, xd; /* of all levels together */
    unsigned n;
    struct {
        uint64_t addr, entry;
    } step[5];
};

enum { WALK_OK, WALK_ABSENT, WALK_RESERVED };

static uint64_t entry_read(struct walk *w, uint64_t addr, unsigned size)
{
    const struct phys_page *page = phys_page(w->cpu, addr);
    uint64_t entry;

    if (!page->host)
        entry = phys_read(w->cpu, addr, size);
    else if (size == 8)
        entry = __atomic_load_n((uint64_t *)(page->host + (addr & 0xfff)), __ATOMIC_ACQUIRE);
    else
        entry = __atomic_load_n((uint32_t *)(page->host + (addr & 0xfff)), __ATOMIC_ACQUIRE);
    w->step[w->n].addr = addr;
    w->step[w->n++].entry = entry;
    w->leaf = entry;
    w->user &= !!(entry & PTE_U);
    w->writable &= !!(entry & PTE_W);
    return entry;
}

/* Sets bits in an entry unless another processor has changed it meanwhile: false. */
static bool entry_set(struct cpu *cpu, uint64_t addr, uint64_t entry, uint64_t bits, unsigned size)
{
    struct phys_page *page = phys_page(cpu, addr);
    uint32_t narrow = entry;
    bool set;

    if ((entry & bits) == bits || !page->writable)
        return true;
    if (size == 8)
        set = __atomic_compare_exchange_n((uint64_t *)(page->host + (addr & 0xfff)), &entry,
                                          entry | bits, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    else
        set = __atomic_compare_exchange_n((uint32_t *)(page->host + (addr & 0xfff)), &narrow,
                                          narrow | bits, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    if (set)
        cpu->host->mark(cpu->info->host, page->block, page->offset + (addr & 0xfff), size);
    return set;
}

/* 32-bit paging: two levels of 4-byte entries. */
static int walk_32(struct walk *w)
{
    unsigned extra = w->cpu->info->phys_bits > 40 ? 40 : w->cpu->info->phys_bits;
    uint64_t entry = entry_read(w, (w->cpu->cr3 & 0xfffff000) + (w->lin >> 22 & 0x3ff) * 4, 4);

    if (!(entry & PTE_P))
        return WALK_ABSENT;
    if (entry & PTE_PS && w->cpu->cr4 & CR4_PSE) {
        uint64_t high = entry >> 13 & 0xff; /* PSE-36: address bits 39 to 32 */
        if (entry & 1 << 21 || (extra < 40 && high >> (extra > 32 ? extra - 32 : 0)))
            return WALK_RESERVED;
        w->bits = 22;
        w->phys = high << 32 | (entry & 0xffc00000) | (w->lin & 0x3ff000);
        return WALK_OK;
    }
    entry = entry_read(w, (entry & 0xfffff000) + (w->lin >> 12 & 0x3ff) * 4, 4);
    if (!(entry & PTE_P))
        return WALK_ABSENT;
    w->bits = 12;
    w->phys = entry & 0xfffff000;
    return WALK_OK;
}

/* What must be 0 in a present entry of that level (1: PTE), besides what a large page adds. */
static uint64_t reserved_bits(const struct cpu *cpu, uint64_t entry, unsigned level)
{
    uint64_t bits = PTE_FRAME & ~((1ull << cpu->info->phys_bits) - 1);

    if (!(cpu->efer & EFER_NXE))
        bits |= PTE_XD;
    if (!(cpu->efer & EFER_LMA))
        bits |= 0x7ff0000000000000;
    if (entry & PTE_PS &&
        (level > 3 || (level == 3 && !cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 26))))
        bits |= PTE_PS;
    return bits;
}

/* PAE, 4-level and 5-level paging: 8-byte entries, from that level down. */
static int walk_64(struct walk *w, uint64_t table, unsigned level)
{
    for (;; level--) {
        unsigned shift = 3 + 9 * level;
        uint64_t span = (1ull << shift) - 1;
        uint64_t entry = entry_read(w, table + (w->lin >> shift & 0x1ff) * 8, 8);
        bool leaf = level == 1 || entry & PTE_PS;

        if (!(entry & PTE_P))
            return WALK_ABSENT;
        if (entry & reserved_bits(w->cpu, entry, level))
            return WALK_RESERVED;
        if (leaf && level > 1 && entry & span & PTE_FRAME & ~0x1000ull)
            return WALK_RESERVED;
        w->xd |= !!(entry & PTE_XD);
        if (leaf) {
            w->bits = shift;
            w->phys = (entry & PTE_FRAME & ~span) | (w->lin & span & ~0xfffull);
            return WALK_OK;
        }
        table = entry & PTE_FRAME;
    }
}

static int walk(struct walk *w)
{
    const struct cpu *cpu = w->cpu;

    if (!(cpu->cr4 & CR4_PAE))
        return walk_32(w);
    if (cpu->efer & EFER_LMA)
        return walk_64(w, cpu->cr3 & PTE_FRAME, cpu->cr4 & CR4_LA57 ? 5 : 4);
    if (!(cpu->pdpte[w->lin >> 30 & 3] & PTE_P))
        return WALK_ABSENT;
    return walk_64(w, cpu->pdpte[w->lin >> 30 & 3] & PTE_FRAME, 2);
}

/* Protection keys: which accesses to data the page's key takes away. */
static void key_rights(const struct walk *w, bool user, bool *no_read, bool *no_write)
{
    const struct cpu *cpu = w->cpu;
    unsigned key = w->leaf >> 59 & 15;
    bool on = cpu->cr4 & CR4_PKE && cpu->efer & EFER_LMA && w->user;
    bool ad = cpu->pkru >> 2 * key & 1, wd = cpu->pkru >> (2 * key + 1) & 1;

    *no_read = on && ad;
    *no_write = on && (ad || (wd && (user || cpu->cr0 & CR0_WP)));
}

/* What the page may be used for; the P and PK bits of the error code if not for access. */
static uint32_t rights(const struct walk *w, enum mmu_access access, enum tlb_index as,
                       struct mapping *map)
{
    const struct cpu *cpu = w->cpu;
    bool user = as == TLB_USER, no_read, no_write;
    bool data = user ? w->user : !(w->user && as == TLB_STRICT);

    key_rights(w, user, &no_read, &no_write);
    map->read = data && !no_read;
    map->write = data && !no_write && (w->writable || (!user && !(cpu->cr0 & CR0_WP)));
    map->fetch = !w->xd && (user ? w->user : !(w->user && cpu->cr4 & CR4_SMEP));
    switch (access) {
    case MMU_READ: return map->read ? 0 : PF_P | (no_read ? PF_PK : 0);
    case MMU_WRITE: return map->write ? 0 : PF_P | (no_write ? PF_PK : 0);
    default: return map->fetch ? 0 : PF_P;
    }
}

/* Sets A in all the entries used and D in the last; false: one has changed, walk again. */
static bool set_accessed(const struct walk *w, bool dirty)
{
    unsigned size = w->cpu->cr4 & CR4_PAE ? 8 : 4;

    for (unsigned i = 0; i < w->n; i++)
        if (!entry_set(w->cpu, w->step[i].addr, w->step[i].entry,
                       PTE_A | (dirty && i == w->n - 1 ? PTE_D : 0), size))
            return false;
    return true;
}

static void identity(uint64_t lin, struct mapping *map)
{
    *map = (struct mapping){
        .phys = PAGE_OF(lin), .bits = 12, .read = true, .write = true, .fetch = true
    };
}

bool paging_walk(struct cpu *cpu, uint64_t lin, enum mmu_access access, enum tlb_index as,
                 struct mapping *map, uint32_t *error)
{
    if (!(cpu->cr0 & CR0_PG)) {
        identity(lin, map);
        return true;
    }
    for (;;) {
        struct walk w = { .cpu = cpu, .lin = lin, .user = true, .writable = true };
        int result = walk(&w);

        *error = result == WALK_ABSENT     ? 0
                 : result == WALK_RESERVED ? PF_P | PF_RSVD
                                           : rights(&w, access, as, map);
        if (result != WALK_OK || *error) {
            bool tell_fetch = cpu->cr4 & CR4_SMEP || (cpu->cr4 & CR4_PAE && cpu->efer & EFER_NXE);
            *error |= (access == MMU_WRITE ? PF_W : 0) | (as == TLB_USER ? PF_U : 0) |
                      (access == MMU_FETCH && tell_fetch ? PF_I : 0);
            return false;
        }
        if (!set_accessed(&w, access == MMU_WRITE))
            continue;
        map->write &= access == MMU_WRITE || w.leaf & PTE_D;
        map->phys = w.phys;
        map->bits = w.bits;
        map->global = w.leaf & PTE_G && cpu->cr4 & CR4_PGE;
        return true;
    }
}

bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3)
{
    uint64_t reserved = 0x1e6 | ~((1ull << cpu->info->phys_bits) - 1), pdpte[4];

    for (int i = 0; i < 4; i++) {
        pdpte[i] = phys_read(cpu, (cr3 & 0xffffffe0) + 8 * i, 8);
        if (pdpte[i] & PTE_P && pdpte[i] & reserved)
            return false;
    }
    for (int i = 0; i < 4; i++)
        cpu->pdpte[i] = pdpte[i];
    return true;
}
