/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * paging - page walks in every mode, and those of a guest, whose physical addresses are walked for
 * in turn.
 *
 * Intel SDM volume 3, chapter 4 (4.10.3: paging-structure caches); AMD APM volume 2, section 15.25
 * (nested paging).
 */
#include "mmu.h"
#include "svm.h"

/* The bits of a paging-structure entry. */
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_A = 0x20, PTE_D = 0x40, PTE_PS = 0x80, PTE_G = 0x100 };
#define PTE_XD    (1ull << 63)
#define PTE_FRAME 0x000ffffffffff000ull

struct walk {
    struct cpu *cpu;
    uint64_t cr3, cr4, efer; /* that rule it */
    bool guest;              /* of a guest: its tables are at guest-physical addresses */
    bool nested;             /* of a guest's physical address */
    bool recalls;            /* may begin at a table that is known */
    uint64_t lin;
    /* What it finds, from begin() on. */
    uint64_t phys;
    uint64_t leaf;                    /* the last entry */
    unsigned bits;                    /* log2 of the page it maps */
    bool user, writable, xd;          /* of all levels together */
    bool recalled;                    /* it has begun at a table that is known */
    struct upper upper[UPPER_LEVELS]; /* what it has come to, if era is not 0 */
    unsigned n;
    struct {
        uint64_t addr, entry;
    } step[5];
};

enum { WALK_OK, WALK_ABSENT, WALK_RESERVED };

/* EXITINFO1 of a nested page fault: what the guest-physical address was. */
#define NPF_FINAL (1ull << 32)
#define NPF_TABLE (1ull << 33)

static void nested_walk(struct cpu *cpu, uint64_t phys, enum mmu_access access, uint64_t what,
                        struct mapping *map);

/* All that it finds is cleared but what n and era say is there. */
static void begin(struct walk *w)
{
    w->user = w->writable = true;
    w->xd = w->recalled = false;
    w->n = 0;
    for (unsigned i = 0; i < UPPER_LEVELS; i++)
        w->upper[i].era = 0;
}

/* Where an entry of the walk's tables is.  A guest's tables are walked as if to be written. */
static uint64_t entry_address(struct walk *w, uint64_t addr)
{
    struct mapping map;

    if (LIKELY(!w->guest))
        return addr;
    nested_walk(w->cpu, addr, MMU_WRITE, NPF_TABLE, &map);
    return map.phys | (addr & 0xfff);
}

static inline uint64_t entry_read(struct walk *w, uint64_t addr, unsigned size)
{
    const struct phys_page *page;
    uint64_t entry;

    addr = entry_address(w, addr);
    page = phys_page(w->cpu, addr);
    if (UNLIKELY(!page->host))
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
    struct phys_page *page;
    uint32_t narrow = entry;
    bool set;

    page = phys_page(cpu, addr);
    if (!page->writable)
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

static uint64_t pdpte_reserved(const struct cpu *cpu)
{
    return 0x1e6 | ~((1ull << cpu->info->phys_bits) - 1);
}

/* 32-bit paging: two levels of 4-byte entries. */
static int walk_32(struct walk *w)
{
    unsigned extra = w->cpu->info->phys_bits > 40 ? 40 : w->cpu->info->phys_bits;
    uint64_t entry = entry_read(w, (w->cr3 & 0xfffff000) + (w->lin >> 22 & 0x3ff) * 4, 4);

    if (!(entry & PTE_P))
        return WALK_ABSENT;
    if (entry & PTE_PS && w->cr4 & CR4_PSE) {
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
static uint64_t reserved_bits(const struct walk *w, uint64_t entry, unsigned level)
{
    const struct cpu *cpu = w->cpu;
    uint64_t bits = PTE_FRAME & ~((1ull << cpu->info->phys_bits) - 1);

    if (!(w->efer & EFER_NXE))
        bits |= PTE_XD;
    if (!(w->efer & EFER_LMA))
        bits |= 0x7ff0000000000000;
    if (entry & PTE_PS &&
        (level > 3 || (level == 3 && !cpu_has(cpu, 0x80000001, 0, CPUID_EDX, 26))))
        bits |= PTE_PS;
    return bits;
}

/* ---- Tables that are known ---- */

static unsigned upper_shift(unsigned level)
{
    return 12 + 9 * level;
}

static struct upper *upper_of(const struct walk *w, unsigned level)
{
    return &w->cpu->tlb->upper[level - 1][w->lin >> upper_shift(level) & (UPPERS - 1)];
}

/* The level to begin at, and its table. */
static unsigned recall(struct walk *w, unsigned levels, uint64_t *table)
{
    for (unsigned level = 1; level <= UPPER_LEVELS && w->recalls; level++) {
        const struct upper *upper = upper_of(w, level);

        if (upper->lin != w->lin >> upper_shift(level) || upper->era != tlb_era(w->cpu->tlb))
            continue;
        w->user = upper->user;
        w->writable = upper->writable;
        w->xd = upper->xd;
        w->recalled = true;
        *table = upper->table;
        return level;
    }
    return levels;
}

/* The walk has come to the table of that level. */
static void come_to(struct walk *w, unsigned level, uint64_t table)
{
    if (level <= UPPER_LEVELS)
        w->upper[level - 1] = (struct upper){ .lin = w->lin >> upper_shift(level),
                                              .table = table,
                                              .era = tlb_era(w->cpu->tlb),
                                              .user = w->user,
                                              .writable = w->writable,
                                              .xd = w->xd };
}

/* The walk has been good, and A is set in all that has led there. */
static void keep_uppers(const struct walk *w)
{
    for (unsigned level = 1; level <= UPPER_LEVELS && w->recalls; level++)
        if (w->upper[level - 1].era)
            *upper_of(w, level) = w->upper[level - 1];
}

/* ---- The walk ---- */

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
        if (entry & reserved_bits(w, entry, level))
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
        come_to(w, level - 1, table);
    }
}

/* PAE paging's first level: loaded with CR3, but with nested paging read like all others. */
static int pdpte_get(struct walk *w, uint64_t *entry)
{
    unsigned n = w->lin >> 30 & 3;

    *entry = w->cpu->pdpte[n];
    if (w->guest || w->nested)
        *entry = phys_read(w->cpu, entry_address(w, (w->cr3 & 0xffffffe0) + 8 * n), 8);
    if (!(*entry & PTE_P))
        return WALK_ABSENT;
    return *entry & pdpte_reserved(w->cpu) ? WALK_RESERVED : WALK_OK;
}

static int walk(struct walk *w)
{
    uint64_t entry;
    int result;

    if (w->efer & EFER_LMA) {
        uint64_t table = w->cr3 & PTE_FRAME;
        unsigned level = recall(w, w->cr4 & CR4_LA57 ? 5 : 4, &table);

        return walk_64(w, table, level);
    }
    if (w->nested && w->lin >> 32)
        return WALK_ABSENT;
    if (!(w->cr4 & CR4_PAE))
        return walk_32(w);
    result = pdpte_get(w, &entry);
    return result == WALK_OK ? walk_64(w, entry & PTE_FRAME, 2) : result;
}

/* Protection keys: which accesses to data the page's key takes away. */
static void key_rights(const struct walk *w, bool user, bool *no_read, bool *no_write)
{
    unsigned key = w->leaf >> 59 & 15;
    bool on = w->cr4 & CR4_PKE && w->efer & EFER_LMA && w->user;
    bool ad = w->cpu->pkru >> 2 * key & 1, wd = w->cpu->pkru >> (2 * key + 1) & 1;

    *no_read = on && ad;
    *no_write = on && (ad || (wd && (user || w->cpu->cr0 & CR0_WP)));
}

/* What the page may be used for; the P and PK bits of the error code if not for access. */
static uint32_t rights(const struct walk *w, enum mmu_access access, enum tlb_index as,
                       struct mapping *map)
{
    bool user = as >= TLB_USER, no_read, no_write;
    bool data = user ? w->user : !(w->user && as == TLB_STRICT);

    key_rights(w, user, &no_read, &no_write);
    map->read = data && !no_read;
    map->write = data && !no_write && (w->writable || (!user && !(w->cpu->cr0 & CR0_WP)));
    map->fetch = !w->xd && (user ? w->user : !(w->user && w->cr4 & CR4_SMEP));
    switch (access) {
    case MMU_READ: return map->read ? 0 : PF_P | (no_read ? PF_PK : 0);
    case MMU_WRITE: return map->write ? 0 : PF_P | (no_write ? PF_PK : 0);
    default: return map->fetch ? 0 : PF_P;
    }
}

/* Sets A in all the entries used and D in the last; false: one has changed, walk again. */
static bool set_accessed(const struct walk *w, bool dirty)
{
    unsigned size = w->cr4 & CR4_PAE ? 8 : 4;

    for (unsigned i = 0; i < w->n; i++) {
        uint64_t entry = w->step[i].entry;
        uint64_t lacks = (PTE_A | (dirty && i == w->n - 1 ? PTE_D : 0)) & ~entry;

        if (lacks && !entry_set(w->cpu, w->step[i].addr, entry, lacks, size))
            return false;
    }
    return true;
}

/* The error code of a walk that has failed, beside what kept it. */
static uint32_t error_of(const struct walk *w, enum mmu_access access, enum tlb_index as)
{
    bool tell_fetch = w->cr4 & CR4_SMEP || (w->cr4 & CR4_PAE && w->efer & EFER_NXE);

    return (access == MMU_WRITE ? PF_W : 0) | (as >= TLB_USER ? PF_U : 0) |
           (access == MMU_FETCH && tell_fetch ? PF_I : 0);
}

/* Walks, and sets A and D if the access is allowed. */
static bool resolve(struct walk *w, enum mmu_access access, enum tlb_index as, struct mapping *map,
                    uint32_t *error)
{
    for (;;) {
        int result;

        begin(w);
        result = walk(w);
        *error = result == WALK_ABSENT     ? 0
                 : result == WALK_RESERVED ? PF_P | PF_RSVD
                                           : rights(w, access, as, map);
        if ((result != WALK_OK || *error) && w->recalled) {
            w->recalls = false;
            continue;
        }
        if (result != WALK_OK || *error) {
            *error |= error_of(w, access, as);
            return false;
        }
        if (!set_accessed(w, access == MMU_WRITE))
            continue;
        keep_uppers(w);
        map->write &= access == MMU_WRITE || w->leaf & PTE_D;
        map->phys = w->phys;
        map->bits = w->bits;
        map->global = w->leaf & PTE_G && w->cr4 & CR4_PGE;
        return true;
    }
}

/* ---- A guest's physical addresses ---- */

/* All accesses are a user's, whoever's they are in the guest.  What may not be is #VMEXIT(NPF). */
static void nested_walk(struct cpu *cpu, uint64_t phys, enum mmu_access access, uint64_t what,
                        struct mapping *map)
{
    struct walk w;
    uint32_t error;

    w.cpu = cpu;
    w.cr3 = cpu->svm.ncr3;
    w.cr4 = cpu->svm.host_cr4 & ~(uint64_t)CR4_PKE;
    w.efer = cpu->svm.host_efer;
    w.guest = w.recalls = false;
    w.nested = true;
    w.lin = phys;
    if (!resolve(&w, access, TLB_USER, map, &error))
        svm_exit(cpu, SVM_NPF, error | what, phys, 0);
}

/* Takes the guest's mapping on to the real one.  INVLPG goes by the guest's size of page. */
static void nest(struct cpu *cpu, uint64_t lin, enum mmu_access access, struct mapping *map)
{
    struct mapping real;

    nested_walk(cpu, map->phys | (lin & 0xfff), access, NPF_FINAL, &real);
    map->phys = real.phys;
    map->read &= real.read;
    map->write &= real.write;
    map->fetch &= real.fetch;
}

/* ---- Linear addresses ---- */

static void identity(uint64_t lin, struct mapping *map)
{
    *map = (struct mapping){
        .phys = PAGE_OF(lin), .bits = 12, .read = true, .write = true, .fetch = true
    };
}

bool paging_walk(struct cpu *cpu, uint64_t lin, enum mmu_access access, enum tlb_index as,
                 struct mapping *map, uint32_t *error)
{
    struct walk w;

    w.cpu = cpu;
    w.cr3 = cpu->cr3;
    w.cr4 = cpu->cr4;
    w.efer = cpu->efer;
    w.guest = cpu->svm.nested;
    w.nested = false;
    w.recalls = cpu->efer & EFER_LMA && !cpu->svm.nested;
    w.lin = lin;
    if (!(cpu->cr0 & CR0_PG))
        identity(lin, map);
    else if (!resolve(&w, access, as, map, error))
        return false;
    if (cpu->svm.nested)
        nest(cpu, lin, access, map);
    return true;
}

bool paging_load_pdptes(struct cpu *cpu, uint64_t cr3)
{
    uint64_t pdpte[4];

    if (cpu->svm.nested)
        return true;
    for (int i = 0; i < 4; i++) {
        pdpte[i] = phys_read(cpu, (cr3 & 0xffffffe0) + 8 * i, 8);
        if (pdpte[i] & PTE_P && pdpte[i] & pdpte_reserved(cpu))
            return false;
    }
    for (int i = 0; i < 4; i++)
        cpu->pdpte[i] = pdpte[i];
    return true;
}
