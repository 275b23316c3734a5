/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mmu - linear memory: the TLB, and accesses of every size to RAM and what is not RAM.
 *
 * Intel SDM volume 3, chapters 4 (paging) and 9 (locked accesses).
 */
#include "mmu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "apic.h"
#include "check.h"
#include "pages.h"
#include "sys.h"

/* Sets of page numbers modulo a power of two, for which false alarms are no harm. */
static void bit_set(uint64_t *bits, uint64_t n, unsigned of)
{
    bits[n % of / 64] |= 1ull << n % 64;
}

static bool bit_is_set(const uint64_t *bits, uint64_t n, unsigned of)
{
    return bits[n % of / 64] >> n % 64 & 1;
}

/* ---- Pages that hold code ---- */

struct bus *bus_create(void)
{
    struct bus *bus = pages_create(sizeof(*bus));

    if (!bus)
        return NULL;
    pthread_mutex_init(&bus->lock, NULL);
    pthread_mutex_init(&bus->turn.lock, NULL);
    pthread_cond_init(&bus->turn.changed, NULL);
    return bus;
}

void bus_destroy(struct bus *bus)
{
    if (!bus)
        return;
    pthread_cond_destroy(&bus->turn.changed);
    pthread_mutex_destroy(&bus->turn.lock);
    pthread_mutex_destroy(&bus->lock);
    pages_destroy(bus, sizeof(*bus));
}

static uint64_t code_page_id(uint32_t block, uint64_t offset)
{
    return PAGE_OF(offset) | (uint64_t)block << 52 | 1;
}

static unsigned code_slot(uint32_t block, uint64_t offset)
{
    return ((offset >> 12) + block * 0x9e3779b1u) & (CODE_SLOTS - 1);
}

static bool holds_code(const struct cpu *cpu, uint32_t block, uint64_t offset)
{
    return __atomic_load_n(&cpu->bus->code[code_slot(block, offset)], __ATOMIC_SEQ_CST);
}

/* Code is about to be decoded from the page. */
static void code_add(struct cpu *cpu, const struct tlb_page *page, const uint8_t *host)
{
    unsigned n = code_slot(page->block, page->offset);
    struct code_slot *slot = &cpu->tlb->code[n];
    uint64_t id = code_page_id(page->block, page->offset);

    if (slot->page == id && slot->host == host)
        return;
    if (!slot->page)
        __atomic_fetch_add(&cpu->bus->code[n], 1, __ATOMIC_SEQ_CST);
    *slot = (struct code_slot){ slot->page ? CODE_SEVERAL : id, host };
    cpu->host->watch(cpu->info->host, page->block, page->offset);
    mmu_write_protect(cpu, page->block, page->offset, 4096);
    soft_tell_others(cpu, mmu_write_protect, page->block, page->offset, 4096);
}

/* No block of the pages in slot n is left: fetches there come to mem_code() again. */
static void code_forget(struct cpu *cpu, unsigned n)
{
    for (int i = 0; i < TLB_TABLES; i++) {
        struct tlb_table *t = &cpu->tlb->table[i];
        for (unsigned k = 0; k < t->n_used; k++) {
            const struct tlb_page *page = &t->page[t->used[k]];
            if (page->ram && code_slot(page->block, page->offset) == n)
                t->entry[t->used[k]].exec |= TLB_SLOW;
        }
    }
    cpu->tlb->code[n].page = 0;
    __atomic_fetch_sub(&cpu->bus->code[n], 1, __ATOMIC_SEQ_CST);
}

/* Bytes at host (NULL: it is not known) have been written, all of them on one page. */
static void code_written(struct cpu *cpu, uint32_t block, uint64_t offset, const uint8_t *host,
                         uint64_t bytes)
{
    unsigned n = code_slot(block, offset);
    const struct code_slot *slot = &cpu->tlb->code[n];
    bool several = slot->page == CODE_SEVERAL, empty = true;

    if (!several && slot->page != code_page_id(block, offset))
        return;
    if (!host && !several)
        host = slot->host + (offset & 0xfff);
    if (host)
        empty = blocks_written(cpu, host, bytes) && !several;
    else
        blocks_flush(cpu);
    if (empty)
        code_forget(cpu, n);
    else
        cpu->host->watch(cpu->info->host, block, PAGE_OF(offset));
}

void mmu_code_written(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes)
{
    for (uint64_t n; bytes; bytes -= n, offset += n) {
        n = 4096 - (offset & 0xfff);
        n = n < bytes ? n : bytes;
        code_written(cpu, block, offset, NULL, n);
    }
}

void mmu_write_protect(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes)
{
    for (int i = 0; i < TLB_TABLES; i++) {
        struct tlb_table *t = &cpu->tlb->table[i];
        for (unsigned n = 0; n < t->n_used; n++) {
            const struct tlb_page *page = &t->page[t->used[n]];
            if (page->ram && page->block == block && page->offset - PAGE_OF(offset) < bytes)
                t->entry[t->used[n]].write |= TLB_SLOW;
        }
    }
}

/* ---- Linear addresses of code ---- */

static void code_see(struct code_seen *seen, const struct tlb_page *page)
{
    if (page->bits == 12)
        bit_set(seen->small, page->lin >> 12, CODE_SEEN);
    else
        bit_set(seen->large, page->lin >> 21, CODE_SEEN);
    if (page->bits == 22)
        bit_set(seen->large, page->lin >> 21 ^ 1, CODE_SEEN);
    seen->huge |= page->bits > 22;
    seen->global |= page->global;
    seen->others |= !page->global;
}

/* All translations of code are gone, or those that are not global. */
static void code_flush(struct cpu *cpu, unsigned space, bool global)
{
    struct code_seen *seen = &cpu->tlb->seen[space];

    if (global || seen->others)
        blocks_new_epoch(cpu, space);
    if (global || !seen->global)
        *seen = (struct code_seen){ 0 };
    seen->others = false;
}

static void code_flush_page(struct cpu *cpu, unsigned space, uint64_t lin)
{
    const struct code_seen *seen = &cpu->tlb->seen[space];

    if (seen->huge || bit_is_set(seen->small, lin >> 12, CODE_SEEN) ||
        bit_is_set(seen->large, lin >> 21, CODE_SEEN))
        blocks_new_epoch(cpu, space);
}

/* ---- Physical memory ---- */

/* Keeps what was found, in the place of what is a part of it. */
static void region_add(struct tlb *tlb, const struct phys_region *found)
{
    unsigned n = 0;

    while (n < PHYS_REGIONS &&
           (tlb->region[n].phys + tlb->region[n].ram.bytes != found->phys + found->ram.bytes ||
            tlb->region[n].phys < found->phys))
        n++;
    if (n == PHYS_REGIONS)
        n = tlb->next_region++ % PHYS_REGIONS;
    tlb->region[n] = *found;
}

/* What is at a page's address, for the rest of what lies there in one piece. */
static struct tenon_ram ram_at(struct cpu *cpu, uint64_t addr)
{
    struct phys_region found = { .phys = addr };

    if (apic_at(cpu, addr))
        return found.ram;
    for (int i = 0; i < PHYS_REGIONS; i++) {
        const struct phys_region *r = &cpu->tlb->region[i];
        uint64_t into = addr - r->phys;

        if (into < r->ram.bytes) {
            found.ram = r->ram;
            found.ram.host += into;
            found.ram.bytes -= into;
            found.ram.offset += into;
            return found.ram;
        }
    }
    cpu->host->lookup(cpu->info->host, addr, &found.ram);
    if (found.ram.host)
        region_add(cpu->tlb, &found);
    return found.ram;
}

struct phys_page *phys_fill(struct cpu *cpu, uint64_t addr, struct phys_page *page)
{
    struct tenon_ram ram = ram_at(cpu, addr);

    if (ram.host && ram.bytes < 4096)
        ram.host = NULL;
    *page = (struct phys_page){ .phys = addr,
                                .host = ram.host,
                                .offset = ram.offset,
                                .block = ram.block,
                                .writable = ram.host && ram.writable };
    return page;
}

/* The local APIC is another accelerator's: who stands in for that reaches it through the host. */
static void leave_apic(struct cpu *cpu, uint64_t phys)
{
    if (cpu->assist == ASSIST_ONE && apic_at(cpu, phys))
        siglongjmp(cpu->fault_exit, LEAVE_ASSIST);
}

/* Interrupts that this may have sent are looked for. */
static void write_device(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
    cpu->host->write(cpu->info->host, TENON_MEM, phys, value, size);
    if (stands_in(cpu) && apic_base_is(cpu, phys))
        soft_look_for_interrupts(cpu);
}

uint64_t phys_read(struct cpu *cpu, uint64_t phys, unsigned size)
{
    const struct phys_page *page = phys_page(cpu, phys);
    uint64_t value = 0;

    if (!page->host)
        leave_apic(cpu, page->phys);
    if (page->host)
        memcpy(&value, page->host + (phys & 0xfff), size);
    else if (stands_in(cpu))
        value = cpu->host->read(cpu->info->host, TENON_MEM, page->phys | (phys & 0xfff), size);
    else if (apic_at(cpu, page->phys))
        value = apic_read(cpu, phys & 0xfff, size);
    else if (apic_base_is(cpu, page->phys)) /* it is off, or in x2APIC mode: nobody answers */
        value = ~0ull >> (64 - 8 * size);
    else
        value = cpu->host->read(cpu->info->host, TENON_MEM, page->phys | (phys & 0xfff), size);
    return value;
}

_Thread_local struct cpu *mmu_writer;

/* RAM at page has changed, by this processor. */
static void written(struct cpu *cpu, uint32_t block, uint64_t offset, const uint8_t *host,
                    unsigned bytes)
{
    mmu_writer = cpu;
    cpu->host->mark(cpu->info->host, block, offset, bytes);
    mmu_writer = NULL;
    if (holds_code(cpu, block, offset)) {
        code_written(cpu, block, offset, host, bytes);
        soft_tell_others(cpu, mmu_code_written, block, offset, bytes);
    }
}

void phys_write(struct cpu *cpu, uint64_t phys, uint64_t value, unsigned size)
{
    const struct phys_page *page = phys_page(cpu, phys);
    uint64_t at = phys & 0xfff;

    if (!page->writable)
        leave_apic(cpu, page->phys);
    if (page->writable) {
        memcpy(page->host + at, &value, size);
        written(cpu, page->block, page->offset + at, page->host + at, size);
    } else if (apic_at(cpu, page->phys) && !stands_in(cpu)) {
        apic_write(cpu, at, value, size);
    } else {
        write_device(cpu, page->phys | at, value, size);
    }
}

/* ---- The TLB ---- */

static void clear_entry(struct tlb_entry *e)
{
    *e = (struct tlb_entry){ .read = TLB_EMPTY, .write = TLB_EMPTY, .exec = TLB_EMPTY };
}

void tlb_clear(struct tlb_entry *entry)
{
    for (int i = 0; i < TLB_ENTRIES; i++)
        clear_entry(&entry[i]);
}

/* Before a table is first used, so that those that are not cost nothing. */
static void prepare(struct tlb_entry *entry, bool *ready)
{
    if (!*ready)
        tlb_clear(entry);
    *ready = true;
}

int mmu_create(struct cpu *cpu)
{
    struct tlb *tlb = pages_create(sizeof(*tlb));

    if (!tlb)
        return -ENOMEM;
    prepare(tlb->table[TLB_KERNEL].entry, &tlb->table[TLB_KERNEL].ready);
    tlb->space[0].used = ++tlb->switches;
    for (int i = 0; i < PHYS_PAGES; i++)
        tlb->phys[i].phys = 1;
    cpu->tlb = tlb;
    cpu->fast = tlb->table[TLB_KERNEL].entry;
    return 0;
}

void mmu_destroy(struct cpu *cpu)
{
    pages_destroy(cpu->tlb, sizeof(*cpu->tlb));
    cpu->tlb = NULL;
}

/* The place of lin's piece, and what is there if that has such a page. */
static uint32_t *large_place(struct large_set *set, uint64_t lin, unsigned shift)
{
    return &set->tag[lin >> 63][lin >> shift & (LARGE_PIECES - 1)];
}

static uint32_t large_tag(uint64_t lin, unsigned shift)
{
    return lin >> shift << 1 | 1;
}

static void large_note(struct large_set *set, uint64_t lin, unsigned shift)
{
    uint32_t *at = large_place(set, lin, shift), tag = large_tag(lin, shift);

    *at = !*at || *at == tag ? tag : LARGE_SEVERAL;
}

static bool large_noted(struct large_set *set, uint64_t lin, unsigned shift)
{
    uint32_t tag = *large_place(set, lin, shift);

    return tag == LARGE_SEVERAL || tag == large_tag(lin, shift);
}

static void large_add(struct tlb_table *t, uint64_t lin, unsigned bits)
{
    if (bits > 22)
        large_note(&t->huge, lin, 30);
    else
        large_note(&t->large, lin, 21);
    if (bits == 22)
        large_note(&t->large, lin ^ 1 << 21, 21);
}

static void flush_all(struct tlb_table *t)
{
    for (unsigned i = 0; i < t->n_used; i++) {
        clear_entry(&t->entry[t->used[i]]);
        t->page[t->used[i]].listed = t->page[t->used[i]].listed_local = false;
    }
    if (t->n_used) {
        memset(&t->large, 0, sizeof(t->large));
        memset(&t->huge, 0, sizeof(t->huge));
    }
    t->n_used = t->n_local = 0;
}

static void flush_local(struct tlb_table *t)
{
    for (unsigned i = 0; i < t->n_local; i++) {
        struct tlb_page *page = &t->page[t->local[i]];

        page->listed_local = false;
        if (!page->global)
            clear_entry(&t->entry[t->local[i]]);
    }
    t->n_local = 0;
}

void tlb_flush(struct cpu *cpu, bool global)
{
    for (int i = 0; i < TLB_TABLES; i++) {
        if (global)
            flush_all(&cpu->tlb->table[i]);
        else
            flush_local(&cpu->tlb->table[i]);
    }
    for (unsigned space = 0; space < SPACES; space++)
        code_flush(cpu, space, global);
    for (unsigned n = 0; global && n < USER_SPACES; n++) /* what CR3 leads to may have changed */
        cpu->tlb->space[n].cr3 = NO_CR3;
    cpu->tlb->flushes.all++;
}

/* The one of that PCID, or else the one to give up. */
static unsigned find_space(const struct tlb *tlb, uint64_t cr3)
{
    unsigned oldest = 0;

    for (unsigned n = 0; n < USER_SPACES; n++) {
        if (((tlb->space[n].cr3 ^ cr3) & 0xfff) == 0)
            return n;
        if (tlb->space[n].used < tlb->space[oldest].used)
            oldest = n;
    }
    return oldest;
}

/* What the supervisor has of the other space's goes in any case: it has one table for all. */
void tlb_switch(struct cpu *cpu, uint64_t cr3, bool keep)
{
    struct tlb *tlb = cpu->tlb;
    unsigned n;

    if (keep && cr3 == cpu->cr3)
        return;
    tlb->space[tlb->user].cr3 = cpu->cr3;
    n = find_space(tlb, cr3);
    keep = keep && tlb->space[n].cr3 == cr3;
    flush_local(&tlb->table[TLB_KERNEL]);
    flush_local(&tlb->table[TLB_STRICT]);
    code_flush(cpu, 0, false);
    if (!keep) {
        flush_local(&tlb->table[TLB_USER + n]);
        code_flush(cpu, 1 + n, false);
    }
    prepare(tlb->table[TLB_USER + n].entry, &tlb->table[TLB_USER + n].ready);
    tlb->space[n].cr3 = cr3;
    tlb->space[n].used = ++tlb->switches;
    tlb->user = n;
    tlb->flushes.all++;
    mmu_update(cpu);
}

/* The large page that lin may lie in, of which each 4 KiB has an entry of its own. */
static void flush_large_page(struct tlb_table *t, uint64_t lin)
{
    for (unsigned n = 0; n < t->n_used; n++) {
        uint16_t slot = t->used[n];
        if ((t->page[slot].lin ^ lin) >> t->page[slot].bits == 0)
            clear_entry(&t->entry[slot]);
    }
}

/* Whatever the size of the page that lin lies in; in all address spaces, as it may be global. */
void tlb_flush_page(struct cpu *cpu, uint64_t lin)
{
    for (int i = 0; i < TLB_TABLES; i++) {
        struct tlb_table *t = &cpu->tlb->table[i];
        unsigned slot = slot_of(lin);

        if (!t->n_used)
            continue;
        if (large_noted(&t->large, lin, 21) || large_noted(&t->huge, lin, 30))
            flush_large_page(t, lin);
        else if (t->page[slot].lin == PAGE_OF(lin))
            clear_entry(&t->entry[slot]);
    }
    for (unsigned space = 0; space < SPACES; space++)
        code_flush_page(cpu, space, lin);
    cpu->tlb->flushes.pages++;
}

void mmu_forget(struct cpu *cpu)
{
    tlb_flush(cpu, true);
    for (int i = 0; i < PHYS_PAGES; i++)
        cpu->tlb->phys[i].phys = 1;
    memset(cpu->tlb->region, 0, sizeof(cpu->tlb->region));
}

static bool checks_alignment(const struct cpu *cpu)
{
    return cpu->cpl == 3 && cpu->cr0 & CR0_AM && cpu->flags & F_AC;
}

void mmu_update(struct cpu *cpu)
{
    struct tlb *tlb = cpu->tlb;
    bool smap = cpu->cr4 & CR4_SMAP && cpu->cr0 & CR0_PG, none = checks_alignment(cpu);

    tlb->system = smap ? TLB_STRICT : TLB_KERNEL;
    if (cpu->cpl == 3)
        tlb->data = TLB_USER + tlb->user;
    else
        tlb->data = smap && !(cpu->flags & F_AC) ? TLB_STRICT : TLB_KERNEL;
    prepare(tlb->table[tlb->system].entry, &tlb->table[tlb->system].ready);
    prepare(tlb->table[tlb->data].entry, &tlb->table[tlb->data].ready);
    if (none)
        prepare(tlb->none, &tlb->none_ready);
    cpu->fast = none ? tlb->none : cpu->check ? cpu->check->none : tlb->table[tlb->data].entry;
    cpu->space = cpu->cpl == 3 ? 1 + tlb->user : 0;
    cpu->epoch = cpu->epochs[cpu->space];
}

void mmu_record(struct cpu *cpu, struct check *check)
{
    cpu->check = check;
    mmu_update(cpu);
}

_Noreturn static void page_fault(struct cpu *cpu, uint64_t lin, uint32_t error)
{
    cpu->fault.address = lin;
    cpu_fault_error(cpu, EXC_PF, error);
}

static uint64_t tag_of(const struct tlb_entry *e, enum mmu_access access)
{
    return access == MMU_READ ? e->read : access == MMU_WRITE ? e->write : e->exec;
}

/* Enters a mapping.  What is no RAM, holds code or a breakpoint stays slow. */
static unsigned fill(struct cpu *cpu, struct tlb_table *t, uint64_t lin, const struct mapping *map)
{
    unsigned slot = slot_of(lin);
    const struct phys_page *ram = phys_page(cpu, map->phys);
    uint64_t page = PAGE_OF(lin);
    uint64_t slow = !ram->host || debug_watches_page(cpu, lin) ? TLB_SLOW : 0;
    bool code = map->write && ram->host && holds_code(cpu, ram->block, ram->offset);
    uint64_t write_slow = code || !ram->writable ? TLB_SLOW : slow;

    t->entry[slot] = (struct tlb_entry){
        .read = map->read ? page | slow : TLB_EMPTY,
        .write = map->write ? page | write_slow : TLB_EMPTY,
        .exec = map->fetch ? page | TLB_SLOW : TLB_EMPTY,
        .addend = (uintptr_t)ram->host - page,
    };
    if (!t->page[slot].listed)
        t->used[t->n_used++] = slot;
    if (!map->global && !t->page[slot].listed_local)
        t->local[t->n_local++] = slot;
    if (map->bits > 12)
        large_add(t, page, map->bits);
    t->page[slot] = (struct tlb_page){
        .lin = page,
        .phys = map->phys,
        .offset = ram->offset,
        .block = ram->block,
        .bits = map->bits,
        .global = map->global,
        .listed = true,
        .listed_local = t->page[slot].listed_local || !map->global,
        .ram = ram->host,
    };
    if (map->write && !write_slow)
        cpu->host->mark(cpu->info->host, ram->block, ram->offset, 4096);
    return slot;
}

/* The table and slot of lin, allowed for access; faults if it is not. */
static unsigned find(struct cpu *cpu, uint64_t lin, enum mmu_access access, enum tlb_index as)
{
    struct tlb_table *t = &cpu->tlb->table[as];
    unsigned slot = slot_of(lin);
    struct mapping map;
    uint32_t error;

    if ((tag_of(&t->entry[slot], access) & ~(uint64_t)TLB_SLOW) == PAGE_OF(lin))
        return slot;
    if (!paging_walk(cpu, lin, access, as, &map, &error)) {
        if (t->page[slot].lin == PAGE_OF(lin))
            clear_entry(&t->entry[slot]);
        page_fault(cpu, lin, error);
    }
    return fill(cpu, t, lin, &map);
}

/* ---- Accesses ---- */

/* The linear address behind the end of a page: 32 bits wide outside 64-bit mode. */
static uint64_t next_page(const struct cpu *cpu, uint64_t lin)
{
    uint64_t next = PAGE_OF(lin) + 4096;
    return lin >> 32 || (cpu->mode & MODE_CODE_MASK) == MODE_CODE64 ? next : (uint32_t)next;
}

static void check_alignment(struct cpu *cpu, uint64_t lin, unsigned size)
{
    if (cpu->fast == cpu->tlb->none && size <= 8 && !(size & (size - 1)) && lin & (size - 1))
        cpu_fault_error(cpu, EXC_AC, 0);
}

/* One part of an access, on one page that has been found. */
static void part_read(struct cpu *cpu, enum tlb_index as, uint64_t lin, void *to, unsigned size)
{
    struct tlb_table *t = &cpu->tlb->table[as];
    unsigned slot = slot_of(lin);

    if (t->page[slot].ram) {
        memcpy(to, (void *)(lin + t->entry[slot].addend), size);
        return;
    }
    if (UNLIKELY(cpu->check))
        check_device(cpu->check);
    for (unsigned n; size; size -= n, lin += n, to = (char *)to + n) {
        n = size < 8 ? size : 8;
        uint64_t value = phys_read(cpu, t->page[slot].phys | (lin & 0xfff), n);
        memcpy(to, &value, n);
    }
}

/* The page is RAM that may be written. */
static bool is_writable(struct cpu *cpu, const struct tlb_page *page)
{
    return page->ram && phys_page(cpu, page->phys)->writable;
}

static void note_store(struct cpu *cpu, const struct tlb_page *page, uint64_t lin, uint8_t *host,
                       unsigned size)
{
    if (is_writable(cpu, page))
        check_store(cpu->check, lin, host, size);
    else
        check_device(cpu->check);
}

/* After a slow write: the page's code may be gone. */
static void quicken(struct cpu *cpu, struct tlb_table *t, unsigned slot)
{
    const struct tlb_page *page = &t->page[slot];
    uint64_t tag = page->lin | TLB_SLOW;

    if (t->entry[slot].write != tag || !is_writable(cpu, page) ||
        holds_code(cpu, page->block, page->offset) || debug_watches_page(cpu, page->lin))
        return;
    cpu->host->mark(cpu->info->host, page->block, page->offset, 4096);
    t->entry[slot].write = page->lin;
}

static void part_write(struct cpu *cpu, enum tlb_index as, uint64_t lin, const void *from,
                       unsigned size)
{
    struct tlb_table *t = &cpu->tlb->table[as];
    unsigned slot = slot_of(lin);

    if (UNLIKELY(cpu->check))
        note_store(cpu, &t->page[slot], lin, (uint8_t *)(lin + t->entry[slot].addend), size);
    if (t->entry[slot].write == PAGE_OF(lin)) {
        memcpy((void *)(lin + t->entry[slot].addend), from, size);
        return;
    }
    for (unsigned n; size; size -= n, lin += n, from = (const char *)from + n) {
        uint64_t value = 0;
        n = size < 8 ? size : 8;
        memcpy(&value, from, n);
        phys_write(cpu, t->page[slot].phys | (lin & 0xfff), value, n);
    }
    quicken(cpu, t, slot);
}

static void find_all(struct cpu *cpu, uint64_t lin, unsigned bytes, enum mmu_access access,
                     enum tlb_index as)
{
    find(cpu, lin, access, as);
    if ((lin & 0xfff) + bytes > 4096)
        find(cpu, next_page(cpu, lin), access, as);
}

static void access_read(struct cpu *cpu, uint64_t lin, void *to, unsigned bytes, enum tlb_index as)
{
    unsigned first = 4096 - (lin & 0xfff);

    find_all(cpu, lin, bytes, MMU_READ, as);
    debug_data(cpu, lin, bytes, false);
    if (bytes <= first) {
        part_read(cpu, as, lin, to, bytes);
        return;
    }
    part_read(cpu, as, lin, to, first);
    part_read(cpu, as, next_page(cpu, lin), (char *)to + first, bytes - first);
}

static void access_write(struct cpu *cpu, uint64_t lin, const void *from, unsigned bytes,
                         enum tlb_index as)
{
    unsigned first = 4096 - (lin & 0xfff);

    find_all(cpu, lin, bytes, MMU_WRITE, as);
    debug_data(cpu, lin, bytes, true);
    if (bytes <= first) {
        part_write(cpu, as, lin, from, bytes);
        return;
    }
    part_write(cpu, as, lin, from, first);
    part_write(cpu, as, next_page(cpu, lin), (const char *)from + first, bytes - first);
}

static uint64_t read_as(struct cpu *cpu, uint64_t lin, unsigned size, enum tlb_index as)
{
    const void *at = tlb_direct(cpu, as, lin, size, false);
    uint64_t value = 0;

    if (LIKELY(at && size == 8))
        memcpy(&value, at, 8);
    else if (at)
        memcpy(&value, at, size);
    else
        access_read(cpu, lin, &value, size, as);
    return value;
}

static void write_as(struct cpu *cpu, uint64_t lin, uint64_t value, unsigned size,
                     enum tlb_index as)
{
    void *at = cpu->check ? NULL : tlb_direct(cpu, as, lin, size, true);

    if (LIKELY(at && size == 8))
        memcpy(at, &value, 8);
    else if (at)
        memcpy(at, &value, size);
    else
        access_write(cpu, lin, &value, size, as);
}

uint64_t mem_read(struct cpu *cpu, uint64_t lin, unsigned size)
{
    check_alignment(cpu, lin, size);
    return read_as(cpu, lin, size, cpu->tlb->data);
}

void mem_write(struct cpu *cpu, uint64_t lin, uint64_t value, unsigned size)
{
    check_alignment(cpu, lin, size);
    write_as(cpu, lin, value, size, cpu->tlb->data);
}

uint64_t mem_read_sys(struct cpu *cpu, uint64_t lin, unsigned size)
{
    return read_as(cpu, lin, size, cpu->tlb->system);
}

void mem_write_sys(struct cpu *cpu, uint64_t lin, uint64_t value, unsigned size)
{
    write_as(cpu, lin, value, size, cpu->tlb->system);
}

void mem_read_bytes(struct cpu *cpu, uint64_t lin, void *to, unsigned bytes)
{
    access_read(cpu, lin, to, bytes, cpu->tlb->data);
}

void mem_write_bytes(struct cpu *cpu, uint64_t lin, const void *from, unsigned bytes)
{
    access_write(cpu, lin, from, bytes, cpu->tlb->data);
}

void mem_probe_write(struct cpu *cpu, uint64_t lin, unsigned bytes)
{
    check_alignment(cpu, lin, bytes);
    find_all(cpu, lin, bytes, MMU_WRITE, cpu->tlb->data);
    if (cpu->watch.n)
        watch_probe(cpu, lin, bytes);
}

void mem_probe_write_sys(struct cpu *cpu, uint64_t lin, unsigned bytes)
{
    find_all(cpu, lin, bytes, MMU_WRITE, cpu->tlb->system);
    if (cpu->watch.n)
        watch_probe(cpu, lin, bytes);
}

uint64_t mem_physical(struct cpu *cpu, uint64_t lin)
{
    unsigned slot = find(cpu, lin, MMU_READ, cpu->tlb->data);

    return cpu->tlb->table[cpu->tlb->data].page[slot].phys | (lin & 0xfff);
}

/* ---- Locked accesses ---- */

void mmu_settle(struct cpu *cpu)
{
    if (cpu->tlb->late.bytes)
        written(cpu, cpu->tlb->late.block, cpu->tlb->late.offset, cpu->tlb->late.host,
                cpu->tlb->late.bytes);
    cpu->tlb->late.bytes = 0;
}

/*
 * A locked write bypasses written(): if the page is not the TLB's to write, it is told of now, for
 * this processor, and again at the instruction's end, for others that decoded in between.
 */
static void lock_slow(struct cpu *cpu, const struct tlb_page *page, const uint8_t *host,
                      unsigned size)
{
    uint64_t offset = page->offset + ((uintptr_t)host & 0xfff);

    mmu_settle(cpu);
    written(cpu, page->block, offset, host, size);
    cpu->tlb->late.host = host;
    cpu->tlb->late.block = page->block;
    cpu->tlb->late.offset = offset;
    cpu->tlb->late.bytes = size;
    __atomic_fetch_or(&cpu->wanted, WANT_TLB, __ATOMIC_SEQ_CST);
}

/* Both pages may be written directly, and lie side by side here too. */
static bool contiguous(const struct tlb_table *t, unsigned slot, unsigned next)
{
    return !((t->entry[slot].write | t->entry[next].write) & TLB_SLOW) &&
           t->entry[slot].addend == t->entry[next].addend;
}

void *mem_lock(struct cpu *cpu, uint64_t lin, unsigned size)
{
    enum tlb_index as = cpu->tlb->data;
    struct tlb_table *t = &cpu->tlb->table[as];
    unsigned slot = slot_of(lin), next = slot_of(next_page(cpu, lin));
    bool crosses = (lin & 0xfff) + size > 4096;

    check_alignment(cpu, lin, size);
    find_all(cpu, lin, size, MMU_WRITE, as);
    if (cpu->watch.n)
        watch_probe(cpu, lin, size);
    quicken(cpu, t, slot);
    if (crosses ? contiguous(t, slot, next) : is_writable(cpu, &t->page[slot])) {
        debug_data(cpu, lin, size, true);
        if (UNLIKELY(cpu->check))
            check_store(cpu->check, lin, (uint8_t *)(lin + t->entry[slot].addend), size);
        if (t->entry[slot].write & TLB_SLOW)
            lock_slow(cpu, &t->page[slot], (uint8_t *)(lin + t->entry[slot].addend), size);
        return (void *)(lin + t->entry[slot].addend);
    }
    pthread_mutex_lock(&cpu->bus->lock);
    return NULL;
}

void mem_unlock_split(struct cpu *cpu)
{
    pthread_mutex_unlock(&cpu->bus->lock);
}

/* ---- Code ---- */

const uint8_t *mem_code(struct cpu *cpu, uint64_t lin)
{
    struct tlb_table *t = &cpu->tlb->table[cpu->tlb->data];
    unsigned slot = find(cpu, lin, MMU_FETCH, cpu->tlb->data);
    const uint8_t *host = (const uint8_t *)(lin + t->entry[slot].addend);

    if (!t->page[slot].ram)
        return NULL;
    code_add(cpu, &t->page[slot], host - (lin & 0xfff));
    code_see(&cpu->tlb->seen[cpu->space], &t->page[slot]);
    t->entry[slot].exec = PAGE_OF(lin); /* until code_forget() */
    return host;
}

uint8_t mem_fetch(struct cpu *cpu, uint64_t lin)
{
    unsigned slot = find(cpu, lin, MMU_FETCH, cpu->tlb->data);

    return phys_read(cpu, cpu->tlb->table[cpu->tlb->data].page[slot].phys | (lin & 0xfff), 1);
}
