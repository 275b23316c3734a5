/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * paging - a guest's page tables, read by somebody outside.
 *
 * Intel SDM volume 3, chapter 4: 32-bit, PAE, 4-level and 5-level paging.
 */

#include "debug/memory.h"

#include <inttypes.h>

#include <glib.h>

#include "cpu/accel.h"
#include "cpu/state.h"
#include "machine/machine.h"
#include "memory/memory.h"

#define FRAME 0x000ffffffffff000u

enum { CR0_PG_BIT = 31, CR4_PSE = 0x10, CR4_PAE = 0x20, CR4_LA57 = 0x1000, EFER_NXE = 0x800 };
enum { PTE_P = 1, PTE_W = 2, PTE_U = 4, PTE_PS = 0x80 };
#define PTE_NX (UINT64_C(1) << 63)

/* How the tables are laid out; level 1 is the last. */
struct paging {
    struct machine *m;
    bool on;
    unsigned levels, index_bits, entry_bytes;
    unsigned large; /* levels up to this one may hold large pages */
    unsigned linear_bits;
    uint64_t root, nx;
};

static struct paging paging_of(struct machine *m, const struct tenon_x86_state *s)
{
    struct paging p = { .m = m, .on = s->cr0 >> CR0_PG_BIT & 1, .entry_bytes = 8, .index_bits = 9 };

    p.nx = s->efer & EFER_NXE ? PTE_NX : 0;
    if (!(s->cr4 & CR4_PAE)) {
        p.entry_bytes = 4;
        p.index_bits = 10;
        p.levels = 2;
        p.large = s->cr4 & CR4_PSE ? 2 : 1;
        p.root = s->cr3 & 0xfffff000;
        p.linear_bits = 32;
        p.nx = 0;
    } else if (!state_long(s)) {
        p.levels = 3;
        p.large = 2;
        p.root = s->cr3 & 0xffffffe0;
        p.linear_bits = 32;
    } else {
        p.levels = s->cr4 & CR4_LA57 ? 5 : 4;
        p.large = 3;
        p.root = s->cr3 & FRAME;
        p.linear_bits = 12 + 9 * p.levels;
    }
    return p;
}

static unsigned shift_of(const struct paging *p, unsigned level)
{
    return 12 + p->index_bits * (level - 1);
}

/* Tables lie in RAM: a device's register is not read for this. */
static bool read_entry(const struct paging *p, uint64_t table, unsigned index, uint64_t *entry)
{
    *entry = 0;
    return !space_copy_in(p->m->mem, table + index * p->entry_bytes, entry, p->entry_bytes, true,
                          true);
}

static bool is_leaf(const struct paging *p, unsigned level, uint64_t entry)
{
    return level == 1 || (level <= p->large && entry & PTE_PS);
}

/* The three kinds of entries differ in where the address of a large page is. */
static uint64_t frame_of(const struct paging *p, unsigned level, uint64_t entry)
{
    uint64_t low = (UINT64_C(1) << shift_of(p, level)) - 1;

    if (p->entry_bytes == 4 && level == 2)
        return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32; /* PSE-36 */
    return (entry & FRAME) & ~low;
}

/* The entries of PAE's first level have no rights in them. */
static void add_rights(const struct paging *p, unsigned level, uint64_t entry,
                       struct guest_page *page)
{
    if (p->levels == 3 && level == 3)
        return;
    page->user &= !!(entry & PTE_U);
    page->writable &= !!(entry & PTE_W);
    page->nx |= !!(entry & p->nx);
}

static void set_page(const struct paging *p, unsigned level, uint64_t entry, uint64_t linear,
                     struct guest_page *page)
{
    page->bits = shift_of(p, level);
    page->linear = linear >> page->bits << page->bits;
    page->phys = frame_of(p, level, entry);
    page->entry = entry;
}

static unsigned index_of(const struct paging *p, unsigned level, uint64_t linear)
{
    return linear >> shift_of(p, level) & ((1u << p->index_bits) - 1);
}

static bool canonical(const struct paging *p, uint64_t linear)
{
    unsigned unused = 64 - p->linear_bits;

    return p->linear_bits == 32 ? !(linear >> 32)
                                : (uint64_t)((int64_t)(linear << unused) >> unused) == linear;
}

bool paging_find(struct machine *m, const struct tenon_x86_state *s, uint64_t linear,
                 struct guest_page *page)
{
    const struct paging p = paging_of(m, s);
    uint64_t table = p.root, entry;

    *page = (struct guest_page){ .user = true, .writable = true, .bits = 63 };
    if (!p.on) {
        page->phys = page->linear = linear >> 63 << 63;
        return true;
    }
    if (!canonical(&p, linear))
        return false;
    for (unsigned level = p.levels;; level--) {
        if (!read_entry(&p, table, index_of(&p, level, linear), &entry) || !(entry & PTE_P))
            return false;
        add_rights(&p, level, entry, page);
        if (is_leaf(&p, level, entry)) {
            set_page(&p, level, entry, linear, page);
            return true;
        }
        table = entry & FRAME;
    }
}

/* ---- All of them ---- */

enum { MOST_ENTRIES = 4 << 20 };

struct tour {
    struct paging p;
    bool (*fn)(void *arg, const struct guest_page *page);
    void *arg;
    unsigned left; /* entries that may still be looked at */
};

/* The addresses of a level's last half are above the hole. */
static uint64_t sign_extend(const struct paging *p, uint64_t linear)
{
    unsigned unused = 64 - p->linear_bits;

    return p->linear_bits == 32 ? linear : (uint64_t)((int64_t)(linear << unused) >> unused);
}

static bool tour_table(struct tour *t, unsigned level, uint64_t table, uint64_t linear,
                       struct guest_page rights)
{
    const struct paging *p = &t->p;
    unsigned entries = p->levels == 3 && level == 3 ? 4 : 1u << p->index_bits;

    for (unsigned i = 0; i < entries; i++, linear += UINT64_C(1) << shift_of(p, level)) {
        struct guest_page page = rights;
        uint64_t entry;

        if (!t->left--)
            return false;
        if (!read_entry(p, table, i, &entry) || !(entry & PTE_P))
            continue;
        add_rights(p, level, entry, &page);
        if (is_leaf(p, level, entry)) {
            set_page(p, level, entry, sign_extend(p, linear), &page);
            if (!t->fn(t->arg, &page))
                return false;
        } else if (!tour_table(t, level - 1, entry & FRAME, linear, page)) {
            return false;
        }
    }
    return true;
}

bool paging_each(struct machine *m, const struct tenon_x86_state *s,
                 bool (*fn)(void *arg, const struct guest_page *page), void *arg)
{
    struct tour t = { .p = paging_of(m, s), .fn = fn, .arg = arg, .left = MOST_ENTRIES };

    return !t.p.on || tour_table(&t, t.p.levels, t.p.root, 0,
                                 (struct guest_page){ .user = true, .writable = true });
}

/* ---- As text ---- */

enum { MOST_TEXT = 64 << 20 };

struct listing {
    GString *to;
    struct guest_page range; /* bits 0: none yet */
    uint64_t end;
};

static bool list_page(void *arg, const struct guest_page *page)
{
    static const struct {
        unsigned bit;
        char letter;
    } flags[] = { { 63, 'X' }, { 8, 'G' }, { 7, 'P' }, { 6, 'D' }, { 5, 'A' },
                  { 4, 'C' },  { 3, 'T' }, { 2, 'U' }, { 1, 'W' } };
    struct listing *l = arg;

    g_string_append_printf(l->to, "%016" PRIx64 ": %016" PRIx64 " ", page->linear, page->phys);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
        g_string_append_c(l->to, page->entry >> flags[i].bit & 1 ? flags[i].letter : '-');
    g_string_append_c(l->to, '\n');
    return l->to->len < MOST_TEXT;
}

static void end_range(struct listing *l)
{
    if (l->range.bits)
        g_string_append_printf(l->to, "%016" PRIx64 "-%016" PRIx64 " %016" PRIx64 " %cr%c\n",
                               l->range.linear, l->end, l->end - l->range.linear,
                               l->range.user ? 'u' : '-', l->range.writable ? 'w' : '-');
    l->range.bits = 0;
}

static bool list_range(void *arg, const struct guest_page *page)
{
    struct listing *l = arg;

    if (l->range.bits && l->end == page->linear && l->range.user == page->user &&
        l->range.writable == page->writable) {
        l->end += UINT64_C(1) << page->bits;
        return true;
    }
    end_range(l);
    l->range = *page;
    l->end = page->linear + (UINT64_C(1) << page->bits);
    return l->to->len < MOST_TEXT;
}

static char *text_of(struct vcpu *cpu, bool (*fn)(void *arg, const struct guest_page *page))
{
    struct listing l = { .to = g_string_new(NULL) };
    struct tenon_x86_state s;

    if (cpu->accel->ops->vcpu_get(cpu, &s))
        g_string_append(l.to, "the registers cannot be read\n");
    else if (!(s.cr0 >> CR0_PG_BIT & 1))
        g_string_append(l.to, "PG disabled\n");
    else if (!paging_each(cpu->machine, &s, fn, &l))
        g_string_append(l.to, "(there is more)\n");
    end_range(&l);
    return g_string_free(l.to, FALSE);
}

char *paging_tlb_text(struct vcpu *cpu)
{
    return text_of(cpu, list_page);
}

char *paging_ranges_text(struct vcpu *cpu)
{
    return text_of(cpu, list_range);
}
