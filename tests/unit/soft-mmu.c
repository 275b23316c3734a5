/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-mmu - paging of the software processor: every combination of rights against a plain model,
 * the formats of all modes, flushes, crossing accesses, pages with code.
 */
#include "soft-host.h"
#include "exec.h"
#include "sys.h"

enum {
    PML4 = 0x100000,
    PDPT = 0x101000,
    PD = 0x102000,
    PT = 0x103000,
    PML5 = 0x104000,
    PAGE = 0x200000,
    NEXT = 0x201000,
    LIN = 0x400000
};
enum { P = 1, W = 2, U = 4, A = 0x20, D = 0x40, PS = 0x80, G = 0x100 };
#define XD (1ull << 63)

static uint64_t *entry(struct soft_host *h, uint64_t table, uint64_t index)
{
    return (uint64_t *)(h->ram + table) + index;
}

/* 4-level tables: LIN to PAGE, and the page behind it to NEXT. */
static void map_4(struct soft_host *h, uint64_t pde, uint64_t pte)
{
    *entry(h, PML4, 0) = PDPT | P | W | U;
    *entry(h, PDPT, 0) = PD | P | W | U;
    *entry(h, PD, LIN >> 21) = PT | pde;
    *entry(h, PT, 0) = PAGE | pte;
    *entry(h, PT, 1) = NEXT | pte;
    h->cpu->cr3 = PML4;
    tlb_flush(h->cpu, true);
}

/* The error code of an access; -1: it went well. */
static int access_error(struct soft_host *h, enum mmu_access access, uint64_t lin, unsigned size)
{
    struct cpu *cpu = h->cpu;

    cpu->fault.vector = -1;
    if (sigsetjmp(cpu->fault_exit, 0) == 0) {
        if (access == MMU_READ)
            mem_read(cpu, lin, size);
        else if (access == MMU_WRITE)
            mem_write(cpu, lin, 0x55, size);
        else
            mem_fetch(cpu, lin);
        return -1;
    }
    g_assert_cmpint(cpu->fault.vector, ==, EXC_PF);
    return cpu->fault.error;
}

/* ---- Rights ---- */

struct rights {
    bool user, wp, smep, smap, ac, nxe, pke, ad, wd;
    uint64_t pde, pte;
    enum mmu_access access;
};

static bool key_denies(const struct rights *r, bool user_page)
{
    if (!r->pke || !user_page || r->access == MMU_FETCH)
        return false;
    return r->ad || (r->access == MMU_WRITE && r->wd && (r->user || r->wp));
}

static bool page_denies(const struct rights *r, bool user_page, bool writable, bool xd)
{
    if (r->user && !user_page)
        return true;
    if (r->access == MMU_FETCH)
        return xd || (!r->user && user_page && r->smep);
    if (!r->user && user_page && r->smap && !r->ac)
        return true;
    return r->access == MMU_WRITE && !writable && (r->user || r->wp);
}

/* What the manual says, in its order. */
static int model(const struct rights *r)
{
    uint64_t both = r->pde & r->pte;
    bool xd = (r->pde | r->pte) & XD, absent = !(r->pde & P) || !(r->pte & P);
    bool reserved =
        (r->pde & P) && ((r->pde & XD && !r->nxe) ||
                         (r->pte & P && (r->pte & 1ull << 51 || (r->pte & XD && !r->nxe))));
    bool key = key_denies(r, both & U);
    int error = (r->access == MMU_WRITE ? 2 : 0) | (r->user ? 4 : 0) |
                (r->access == MMU_FETCH && (r->nxe || r->smep) ? 0x10 : 0);

    if (reserved)
        return error | 9;
    if (absent)
        return error;
    if (key || page_denies(r, both & U, both & W, xd))
        return error | 1 | (key ? 0x20 : 0);
    return -1;
}

static void apply(struct soft_host *h, const struct rights *r)
{
    struct cpu *cpu = h->cpu;

    map_4(h, r->pde, r->pte | 5ull << 59);
    cpu->cpl = r->user ? 3 : 0;
    cpu->cr0 = (cpu->cr0 & ~(uint64_t)CR0_WP) | (r->wp ? CR0_WP : 0);
    cpu->cr4 =
        CR4_PAE | (r->smep ? CR4_SMEP : 0) | (r->smap ? CR4_SMAP : 0) | (r->pke ? CR4_PKE : 0);
    cpu->efer = EFER_LME | EFER_LMA | (r->nxe ? EFER_NXE : 0);
    cpu->flags = 2 | (r->ac ? F_AC : 0);
    cpu->pkru = r->ad << 10 | r->wd << 11;
    mode_update(cpu);
}

static void test_rights(void)
{
    static const uint64_t bits[] = { P, W, U, XD };
    struct soft_host *h = soft_host_create(64);

    for (unsigned n = 0; n < 1u << 20; n++) {
        struct rights r = { .user = n & 1,
                            .wp = n & 2,
                            .smep = n & 4,
                            .smap = n & 8,
                            .ac = n & 0x10,
                            .nxe = n & 0x20,
                            .pke = n & 0x40,
                            .ad = n & 0x80,
                            .wd = n & 0x100,
                            .pte = n & 0x20000 ? 1ull << 51 : 0,
                            .access = n >> 18 & 3 };
        if (r.access > MMU_FETCH || (n & 0x20000 && n & 0x1c0))
            continue;
        for (int i = 0; i < 4; i++) {
            r.pde |= n >> (9 + i) & 1 ? bits[i] : 0;
            r.pte |= n >> (13 + i) & 1 ? bits[i] : 0;
        }
        apply(h, &r);
        int want = model(&r), got = access_error(h, r.access, LIN + 8, 4);
        if (want != got)
            g_error("case %x: error %x instead of %x", n, got, want);
        if (got < 0) {
            uint64_t pte = *entry(h, PT, 0);
            g_assert_true(pte & A && !(pte & D) == (r.access != MMU_WRITE));
            g_assert_true(*entry(h, PD, LIN >> 21) & A);
        }
        /* What the first access left in the TLB allows no more than a walk does. */
        r.access = (r.access + 1) % 3;
        want = model(&r);
        got = access_error(h, r.access, LIN + 8, 4);
        if (want != got)
            g_error("case %x, then %d: error %x instead of %x", n, r.access, got, want);
    }
    soft_host_destroy(h);
}

/* ---- Formats ---- */

static void check_maps(struct soft_host *h, uint64_t lin, uint64_t phys)
{
    uint32_t magic = 0x12345678 ^ (uint32_t)phys;

    memcpy(h->ram + phys, &magic, 4);
    tlb_flush(h->cpu, true);
    if (sigsetjmp(h->cpu->fault_exit, 0))
        g_error("fault %d %x at %lx", h->cpu->fault.vector, h->cpu->fault.error, (long)lin);
    g_assert_cmphex(mem_read(h->cpu, lin, 4), ==, magic);
}

static void set_paging(struct soft_host *h, uint64_t cr4, uint64_t efer)
{
    h->cpu->cr4 = cr4;
    h->cpu->efer = efer;
    h->cpu->cr0 |= CR0_PG | CR0_WP;
    mode_update(h->cpu);
    tlb_flush(h->cpu, true);
}

static void test_32(void)
{
    struct soft_host *h = soft_host_create(32);
    uint32_t *pd = (uint32_t *)(h->ram + PD), *pt = (uint32_t *)(h->ram + PT);

    set_paging(h, CR4_PSE, 0);
    h->cpu->cr3 = PD;
    pd[1] = PT | P | W;
    pt[3] = PAGE | P | W;
    check_maps(h, 0x403010, PAGE + 0x10);
    pd[0xc0] = 0x000000 | P | PS;
    check_maps(h, 0x30000000 + PAGE + 0x20, PAGE + 0x20);
    g_assert_cmphex(pd[0xc0] & (A | D), ==, A);
    g_assert_cmphex(access_error(h, MMU_WRITE, 0x30000000, 1), ==, PF_P | PF_W);
    /* What is in the TLB of one half goes with an address of the other. */
    pd[0xc0] = 0;
    tlb_flush_page(h->cpu, 0x30234000 - PAGE);
    g_assert_cmphex(access_error(h, MMU_READ, 0x30000000 + PAGE, 1), ==, 0);
    /* Bits 39 to 32 of the address; 21 is reserved. */
    pd[2] = 1 << 13 | P | PS;
    struct mapping map;
    uint32_t error;
    g_assert_true(paging_walk(h->cpu, 0x801234, MMU_READ, TLB_KERNEL, &map, &error));
    g_assert_cmphex(map.phys, ==, 0x100001000);
    pd[2] |= 1 << 21;
    g_assert_cmphex(access_error(h, MMU_READ, 0x800000, 1), ==, PF_P | PF_RSVD);
    /* Without PSE the bit means nothing: a table at 0. */
    pd[3] = PT | PS | P;
    set_paging(h, 0, 0);
    check_maps(h, 0xc03000, PAGE);
    soft_host_destroy(h);
}

static void test_pae(void)
{
    struct soft_host *h = soft_host_create(32);

    *entry(h, PDPT, 3) = PD | P;
    *entry(h, PD, 0) = PT | P | W | U;
    *entry(h, PD, 1) = 0x200000 | P | W | PS;
    *entry(h, PT, 7) = PAGE | P | W;
    set_paging(h, CR4_PAE, EFER_NXE);
    h->cpu->cr3 = PDPT;
    g_assert_true(paging_load_pdptes(h->cpu, PDPT));
    check_maps(h, 0xc0007010, PAGE + 0x10);
    check_maps(h, 0xc0200040, 0x200040);
    g_assert_cmphex(access_error(h, MMU_READ, 0x10, 1), ==, 0);
    *entry(h, PT, 8) = PAGE | P | 1ull << 60;
    g_assert_cmphex(access_error(h, MMU_READ, 0xc0008000, 1), ==, PF_P | PF_RSVD);
    *entry(h, PD, 2) = 0x202000 | P | PS;
    g_assert_cmphex(access_error(h, MMU_READ, 0xc0400000, 1), ==, PF_P | PF_RSVD);
    *entry(h, PDPT, 0) = P | W; /* a reserved bit: nothing is loaded */
    g_assert_false(paging_load_pdptes(h->cpu, PDPT));
    check_maps(h, 0xc0007010, PAGE + 0x10);
    soft_host_destroy(h);
}

static void test_long(void)
{
    struct soft_host *h = soft_host_create(64);
    uint64_t high = 0xff00000000000000 | LIN;

    map_4(h, P | W, P | W);
    check_maps(h, LIN + 0x123, PAGE + 0x123);
    *entry(h, PDPT, 1) = P | W | PS; /* 1 GiB */
    check_maps(h, 0x40000000 + PAGE, PAGE);
    *entry(h, PDPT, 2) = P | W | PS | 1 << 21; /* not aligned */
    g_assert_cmphex(access_error(h, MMU_READ, 0x80000000, 1), ==, PF_P | PF_RSVD);
    *entry(h, PML4, 1) = PDPT | P | PS;
    g_assert_cmphex(access_error(h, MMU_READ, 1ull << 39, 1), ==, PF_P | PF_RSVD);

    *entry(h, PML5, 256) = PML4 | P | W;
    h->cpu->cr3 = PML5;
    set_paging(h, CR4_PAE | CR4_LA57, h->cpu->efer);
    check_maps(h, high + 0x88, PAGE + 0x88);
    soft_host_destroy(h);
}

/* ---- What the TLB keeps ---- */

static uint64_t value_at(struct soft_host *h, uint64_t lin)
{
    if (sigsetjmp(h->cpu->fault_exit, 0))
        g_error("fault %d at %lx", h->cpu->fault.vector, (long)lin);
    return mem_read(h->cpu, lin, 8);
}

static void test_flush(void)
{
    struct soft_host *h = soft_host_create(64);

    *(uint64_t *)(h->ram + PAGE) = 1;
    *(uint64_t *)(h->ram + NEXT) = 2;
    h->cpu->cr4 |= CR4_PGE;
    map_4(h, P | W, P | W | G);
    *entry(h, PT, 1) = NEXT | P | W;
    g_assert_cmpint(value_at(h, LIN), ==, 1);
    g_assert_cmpint(value_at(h, LIN + 0x1000), ==, 2);
    *entry(h, PT, 0) = NEXT | P | W | G;
    *entry(h, PT, 1) = PAGE | P | W;
    g_assert_cmpint(value_at(h, LIN), ==, 1);
    control_set_cr3(h->cpu, PML4);
    g_assert_cmpint(value_at(h, LIN), ==, 1);
    g_assert_cmpint(value_at(h, LIN + 0x1000), ==, 1);
    tlb_flush_page(h->cpu, LIN + 0x7ff);
    g_assert_cmpint(value_at(h, LIN), ==, 2);

    /* PCIDs: with bit 63 the same one's stay, another's must not be seen. */
    h->cpu->cr4 |= CR4_PCIDE;
    *entry(h, PT, 1) = NEXT | P | W;
    control_set_cr3(h->cpu, PML4 | 1ull << 63);
    g_assert_cmphex(h->cpu->cr3, ==, PML4);
    g_assert_cmpint(value_at(h, LIN + 0x1000), ==, 1);
    control_set_cr3(h->cpu, PML4 | 5 | 1ull << 63);
    g_assert_cmpint(value_at(h, LIN + 0x1000), ==, 2);

    /* All of a large page goes with one of its addresses. */
    *entry(h, PD, 8) = 0x200000 | P | W | PS;
    g_assert_cmpint(value_at(h, 0x1000000), ==, 1);
    g_assert_cmpint(value_at(h, 0x1001000), ==, 2);
    *entry(h, PD, 8) = 0;
    tlb_flush_page(h->cpu, 0x1080000);
    g_assert_cmphex(access_error(h, MMU_READ, 0x1000000, 1), ==, 0);
    g_assert_cmphex(access_error(h, MMU_READ, 0x1001000, 1), ==, 0);
    soft_host_destroy(h);
}

/* Large pages of which pieces share a place in what is kept of them. */
static void test_large(void)
{
    enum { PD2 = 0x106000, PDPT2 = 0x107000 };
    const uint64_t gib = 1ull << 30;
    const uint64_t pages[] = {
        0x1000000, 0x1001000 + gib, 5 * gib + 0x2000, 517 * gib + 0x3000, ~0ull << 47 | 0x1004000,
    };
    struct soft_host *h = soft_host_create(64);

    map_4(h, P | W, P | W);
    for (unsigned gone = 0; gone < G_N_ELEMENTS(pages); gone++) {
        const uint64_t at = gone == 2 || gone == 3 ? 0x3ff00000 : 0x1ff000;

        *entry(h, PML4, 1) = PDPT2 | P | W;
        *entry(h, PML4, 256) = PDPT | P | W;
        *entry(h, PDPT, 1) = *entry(h, PDPT2, 0) = PD2 | P | W;
        *entry(h, PD, 8) = *entry(h, PD2, 8) = 0x200000 | P | W | PS;
        *entry(h, PDPT, 5) = *entry(h, PDPT2, 5) = P | W | PS;
        tlb_flush(h->cpu, true);
        for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++)
            g_assert_cmpint(access_error(h, MMU_READ, pages[i], 1), ==, -1);
        *entry(h, PD, 8) = *entry(h, PD2, 8) = *entry(h, PDPT, 5) = *entry(h, PDPT2, 5) = 0;
        tlb_flush_page(h->cpu, (pages[gone] & ~0xffffull) + at);
        for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++)
            g_assert_cmpint(access_error(h, MMU_READ, pages[i], 1), ==, i == gone ? 0 : -1);
    }
    soft_host_destroy(h);
}

/* Each way to flush; all but the first take what is known of tables away with what they name. */
static void flush_in_way(struct soft_host *h, unsigned way)
{
    struct cpu *cpu = h->cpu;

    if (way == 1)
        tlb_flush_page(cpu, 0x3000); /* whatever page it is */
    else if (way == 2)
        control_set_cr3(cpu, cpu->cr3);
    else if (way == 3)
        tlb_flush(cpu, true);
    else if (way == 4)
        mmu_forget(cpu);
    else if (way == 5)
        control_set_cr3(cpu, (cpu->cr3 ^ 1) | 1ull << 63); /* another PCID */
}

/* Tables may be remembered until then, and no longer; and not so that there is a fault. */
static void test_tables(void)
{
    enum { PT2 = 0x105000, PD2 = 0x106000, LEFT = LIN + 0x2000, RIGHT = LIN + 0x3000 };
    struct soft_host *h = soft_host_create(64);

    *(uint64_t *)(h->ram + PAGE) = 1;
    *(uint64_t *)(h->ram + NEXT) = 2;
    h->cpu->cr4 |= CR4_PCIDE;
    for (unsigned way = 0; way < 6; way++) {
        for (unsigned level = 1; level < 3; level++) {
            map_4(h, P | W, P | W);
            *entry(h, PT, 2) = *entry(h, PT, 3) = PAGE | P | W;
            *entry(h, PT2, 2) = *entry(h, PT2, 3) = NEXT | P | W;
            *entry(h, PD2, LIN >> 21) = PT2 | P | W;
            tlb_flush(h->cpu, true);
            g_assert_cmpint(value_at(h, LEFT), ==, 1);
            if (level == 1)
                *entry(h, PD, LIN >> 21) = PT2 | P | W;
            else
                *entry(h, PDPT, 0) = PD2 | P | W;
            flush_in_way(h, way);
            if (way)
                g_assert_cmpint(value_at(h, RIGHT), ==, 2);
            else
                g_assert_cmpint(value_at(h, RIGHT), <=, 2); /* either */
        }
    }
    /* As many tables as there is room for lie between those of one place. */
    for (unsigned level = 1; level < 3; level++) {
        uint64_t other = LIN + (64ull << (12 + 9 * level));

        map_4(h, P | W, P | W);
        *entry(h, PT2, 0) = NEXT | P | W;
        *entry(h, level == 1 ? PD : PD2, other >> 21 & 0x1ff) = PT2 | P | W;
        *entry(h, PDPT, other >> 30) = (level == 1 ? PD : PD2) | P | W;
        tlb_flush(h->cpu, true);
        g_assert_cmpint(value_at(h, LIN), ==, 1);
        g_assert_cmpint(value_at(h, other), ==, 2);
    }
    /* A user may not what a table's entry does not allow him. */
    map_4(h, P | W, P | W | U);
    g_assert_cmpint(value_at(h, LIN), ==, 1);
    h->cpu->cpl = 3;
    mode_update(h->cpu);
    g_assert_cmphex(access_error(h, MMU_READ, LIN + 0x1000, 1), ==, PF_P | PF_U);
    h->cpu->cpl = 0;
    mode_update(h->cpu);
    /* More is allowed, or there, than was: without a flush. */
    map_4(h, P, P | W);
    *entry(h, PT, 2) = PAGE | P | W;
    g_assert_cmpint(value_at(h, LIN), ==, 1);
    g_assert_cmphex(access_error(h, MMU_WRITE, LEFT, 1), ==, PF_P | PF_W);
    *entry(h, PD, LIN >> 21) |= W;
    g_assert_cmphex(access_error(h, MMU_WRITE, LEFT, 1), ==, -1);
    *entry(h, PT2, 4) = NEXT | P | W;
    *entry(h, PT, 4) = 0;
    g_assert_cmphex(access_error(h, MMU_READ, LIN + 0x4000, 1), ==, 0);
    *entry(h, PD, LIN >> 21) = PT2 | P | W;
    g_assert_cmpint(value_at(h, LIN + 0x4000), ==, 2);
    /* A is set in a table that has been put in another's place. */
    g_assert_cmphex(*entry(h, PD, LIN >> 21) & A, ==, A);
    soft_host_destroy(h);
}

static void test_crossing(void)
{
    struct soft_host *h = soft_host_create(64);

    map_4(h, P | W, P | W);
    *entry(h, PT, 1) = 0x300000 | P | W;
    if (sigsetjmp(h->cpu->fault_exit, 0))
        g_error("fault %d", h->cpu->fault.vector);
    mem_write(h->cpu, LIN + 0xffd, 0x1122334455667788, 8);
    g_assert_cmphex(mem_read(h->cpu, LIN + 0xffd, 8), ==, 0x1122334455667788);
    g_assert_cmphex(h->ram[PAGE + 0xfff], ==, 0x66);
    g_assert_cmphex(h->ram[0x300000], ==, 0x55);
    g_assert_null(mem_lock(h->cpu, LIN + 0xffd, 8));
    mem_unlock_split(h->cpu);
    g_assert_true(mem_lock(h->cpu, LIN + 0x10, 8) == h->ram + PAGE + 0x10);

    /* A fault on the second page leaves the first one alone. */
    *entry(h, PT, 1) = 0x300000 | P;
    tlb_flush(h->cpu, true);
    g_assert_cmphex(access_error(h, MMU_WRITE, LIN + 0xffd, 8), ==, PF_P | PF_W);
    g_assert_cmphex(h->cpu->cr2, ==, LIN + 0x1000);
    g_assert_cmphex(h->ram[PAGE + 0xfff], ==, 0x66);
    soft_host_destroy(h);
}

static void test_alignment(void)
{
    struct soft_host *h = soft_host_create(64);

    map_4(h, P | W | U, P | W | U);
    h->cpu->cr0 |= CR0_AM;
    h->cpu->flags |= F_AC;
    h->cpu->cpl = 3;
    mode_update(h->cpu);
    g_assert_cmpint(access_error(h, MMU_READ, LIN + 4, 4), ==, -1);
    g_assert_null(tlb_entry(h->cpu, LIN)->read == LIN ? "direct" : NULL);
    if (sigsetjmp(h->cpu->fault_exit, 0) == 0) {
        mem_write(h->cpu, LIN + 2, 0, 4);
        g_assert_not_reached();
    }
    g_assert_cmpint(h->cpu->fault.vector, ==, EXC_AC);
    h->cpu->cpl = 0;
    mode_update(h->cpu);
    g_assert_cmpint(access_error(h, MMU_WRITE, LIN + 2, 4), ==, -1);
    soft_host_destroy(h);
}

static void test_a20(void)
{
    struct soft_host *h = soft_host_create(32);

    h->ram[0x1234] = 0x99;
    h->cpu->a20 = false;
    mmu_forget(h->cpu);
    g_assert_cmphex(value_at(h, 0x101234) & 0xff, ==, 0x99);
    h->cpu->a20 = true;
    mmu_forget(h->cpu);
    g_assert_cmphex(value_at(h, 0x101234) & 0xff, ==, 0);
    soft_host_destroy(h);
}

/* What the machine's other processors have been told last. */
static struct {
    soft_act *act;
    uint64_t offset, bytes;
} told;

void soft_tell_others(struct cpu *cpu, soft_act *act, uint32_t block, uint64_t offset,
                      uint64_t bytes)
{
    told.act = act;
    told.offset = offset;
    told.bytes = bytes;
}

/* A page that code comes from is not the TLB's to write, whatever maps it. */
static void test_code(void)
{
    struct soft_host *h = soft_host_create(64);

    map_4(h, P | W, P | W);
    *entry(h, PT, 1) = PAGE | P | W;
    g_assert_cmpint(access_error(h, MMU_WRITE, LIN + 0x1000, 8), ==, -1);
    g_assert_cmphex(tlb_entry(h->cpu, LIN + 0x1000)->write, ==, LIN + 0x1000);
    if (sigsetjmp(h->cpu->fault_exit, 0))
        g_error("fault %d", h->cpu->fault.vector);
    g_assert_true(mem_code(h->cpu, LIN + 0x20) == h->ram + PAGE + 0x20);
    g_assert_true(h->watched[PAGE >> 12]);
    g_assert_true(told.act == mmu_write_protect && told.offset == PAGE && told.bytes == 4096);
    g_assert_cmphex(tlb_entry(h->cpu, LIN)->exec, ==, LIN);
    g_assert_cmphex(tlb_entry(h->cpu, LIN + 0x1000)->write, ==, LIN + 0x1000 + TLB_SLOW);
    /* No block is on it after all: a write makes it an ordinary page again.  The processor sees to
     * that itself, and must not be told, too. */
    mem_write(h->cpu, LIN + 0x1000, 7, 8);
    g_assert_true(h->writer == h->cpu && !mmu_writer);
    g_assert_true(told.act == mmu_code_written && told.offset == PAGE && told.bytes == 8);
    g_assert_cmphex(tlb_entry(h->cpu, LIN + 0x1000)->write, ==, LIN + 0x1000);
    g_assert_cmphex(tlb_entry(h->cpu, LIN)->exec, !=, LIN);
    g_assert_cmpint(h->ram[PAGE], ==, 7);
    soft_host_destroy(h);
}

/* What the code at lin, mov eax, N; hlt, gives. */
static unsigned gives(struct soft_host *h, uint64_t lin)
{
    h->cpu->rip = lin;
    h->cpu->halted = false;
    h->cpu->wanted = 0;
    g_assert_cmpint(soft_host_run(h, 10), ==, -1);
    return h->cpu->r[RAX];
}

static void put_code(struct soft_host *h, uint64_t phys)
{
    static const uint8_t code[] = { 0xb8, 1, 0, 0, 0, 0xf4 };

    memcpy(h->ram + phys, code, sizeof(code));
}

/* Data beside code does not make its page an ordinary one, nor does forgetting the TLB's entries.
 */
static void test_beside_code(void)
{
    struct soft_host *h = soft_host_create(64);

    map_4(h, P | W, P | W);
    put_code(h, PAGE);
    g_assert_cmpint(access_error(h, MMU_WRITE, LIN + 0x800, 1), ==, -1);
    g_assert_cmpuint(gives(h, LIN), ==, 1);
    h->watched[PAGE >> 12] = false;
    g_assert_cmpint(access_error(h, MMU_WRITE, LIN + 0x800, 1), ==, -1);
    g_assert_cmphex(tlb_entry(h->cpu, LIN)->write, ==, LIN + TLB_SLOW);
    g_assert_true(h->watched[PAGE >> 12]); /* still, or again */
    tlb_flush(h->cpu, true);
    g_assert_cmpint(access_error(h, MMU_READ, LIN + 0x800, 1), ==, -1);
    g_assert_cmphex(tlb_entry(h->cpu, LIN)->write, ==, LIN + TLB_SLOW);
    mem_write(h->cpu, LIN + 1, 2, 1);
    g_assert_cmpuint(gives(h, LIN), ==, 2);
    g_assert_true(mem_lock(h->cpu, LIN + 1, 1) == h->ram + PAGE + 1);
    h->ram[PAGE + 1] = 3;
    g_assert_cmpuint(gives(h, LIN), ==, 3);

    /* DMA that begins in the page before. */
    h->ram[PAGE + 1] = 4;
    mmu_code_written(h->cpu, 0, PAGE - 16, 32);
    g_assert_cmpuint(gives(h, LIN), ==, 4);
    soft_host_destroy(h);
}

/* Memory in two pieces: a page of the second one has the same place among pages with code as the
 * page of the first one that is one further. */
enum { SECOND = 0xb2f51 };
static void lookup_pieces(void *host, uint64_t addr, struct tenon_ram *ram)
{
    struct soft_host *h = host;
    bool second = addr >= SOFT_RAM / 2;

    *ram = (struct tenon_ram){ 0 };
    if (addr < SOFT_RAM)
        *ram = (struct tenon_ram){ .host = h->ram + addr,
                                   .bytes = (second ? SOFT_RAM : SOFT_RAM / 2) - addr,
                                   .writable = 1,
                                   .block = second ? SECOND : 0,
                                   .offset = addr - (second ? SOFT_RAM / 2 : 0) };
}

static void test_several(void)
{
    enum { ONE = SOFT_CODE, OTHER = SOFT_RAM / 2 + SOFT_CODE - 0x1000 };
    struct soft_host *h = soft_host_create(64);

    h->ops.lookup = lookup_pieces;
    mmu_forget(h->cpu);
    put_code(h, ONE);
    put_code(h, OTHER);
    g_assert_cmpuint(gives(h, ONE), ==, 1);
    g_assert_cmpuint(gives(h, OTHER), ==, 1);
    mem_write(h->cpu, ONE + 1, 2, 1);
    g_assert_cmpuint(gives(h, ONE), ==, 2);
    g_assert_cmpuint(gives(h, OTHER), ==, 1);
    mem_write(h->cpu, OTHER + 1, 3, 1);
    g_assert_cmpuint(gives(h, ONE), ==, 2);
    g_assert_cmpuint(gives(h, OTHER), ==, 3);
    soft_host_destroy(h);
}

static void fetch_as(struct soft_host *h, unsigned cpl, uint64_t lin)
{
    h->cpu->cpl = cpl;
    mmu_update(h->cpu);
    if (sigsetjmp(h->cpu->fault_exit, 0))
        g_error("fault %d", h->cpu->fault.vector);
    g_assert_nonnull(mem_code(h->cpu, lin));
}

/* Whether the supervisor's code, and the user's, must be looked for again since the last time. */
static void check_epochs(struct soft_host *h, bool supervisor, bool user)
{
    static uint64_t epochs[2];

    g_assert_true((epochs[0] != h->cpu->epochs[0]) == supervisor);
    g_assert_true((epochs[1] != h->cpu->epochs[1]) == user);
    g_assert_cmpint(h->cpu->epoch, ==, h->cpu->epochs[h->cpu->cpl == 3]);
    memcpy(epochs, h->cpu->epochs, sizeof(epochs));
}

/* Only what concerns code that was fetched makes it be looked for again. */
static void test_epochs(void)
{
    struct soft_host *h = soft_host_create(64);

    h->cpu->cr4 |= CR4_PGE;
    map_4(h, P | W | U, P | W | U);
    *entry(h, PT, 1) = NEXT | P | G;
    *entry(h, PD, 8) = 0x200000 | P | W | PS | G;
    check_epochs(h, true, true);
    fetch_as(h, 0, LIN + 0x1000);
    fetch_as(h, 3, LIN);
    check_epochs(h, false, false);
    tlb_flush_page(h->cpu, LIN + 0x2000);
    check_epochs(h, false, false);
    tlb_flush_page(h->cpu, LIN);
    check_epochs(h, false, true);
    tlb_flush_page(h->cpu, LIN + 0x1000);
    check_epochs(h, true, false);
    control_set_cr3(h->cpu, PML4);
    check_epochs(h, false, true);
    control_set_cr3(h->cpu, PML4); /* the user has fetched nothing since */
    check_epochs(h, false, false);

    /* A large page, of which two parts have been fetched and one has left the TLB again. */
    fetch_as(h, 0, 0x1000000);
    fetch_as(h, 0, 0x1000000 + (TLB_ENTRIES << 12) % 0x200000 + 0x1000);
    tlb_flush_page(h->cpu, 0x11ff000);
    check_epochs(h, true, false);
    tlb_flush(h->cpu, true);
    check_epochs(h, true, true);
    fetch_as(h, 0, LIN); /* the user's page: not global */
    control_set_cr3(h->cpu, PML4);
    check_epochs(h, true, false);
    fetch_as(h, 0, LIN + 0x1000); /* is global, and remembered */
    control_set_cr3(h->cpu, PML4);
    check_epochs(h, false, false);
    tlb_flush_page(h->cpu, LIN + 0x1000);
    check_epochs(h, true, false);
    fetch_as(h, 0, LIN);
    h->cpu->cr4 |= CR4_PCIDE;
    control_set_cr3(h->cpu, PML4 | 1 | 1ull << 63);
    g_assert_cmpint(h->cpu->tlb->user, !=, 0);
    check_epochs(h, true, false);
    soft_host_destroy(h);
}

/* INVLPG anywhere in a page of 4 MiB or 1 GiB: data and code of all of it are looked for again. */
static void test_large_code(void)
{
    static const struct {
        unsigned bits;
        uint64_t lin, last;
    } pages[] = { { 32, 0x30000000, 0x30200000 }, { 64, 0x40000000, 0x7fe00000 } };

    for (unsigned i = 0; i < G_N_ELEMENTS(pages); i++) {
        struct soft_host *h = soft_host_create(pages[i].bits);
        uint64_t lin = pages[i].lin, epoch;

        if (pages[i].bits == 32) {
            set_paging(h, CR4_PSE, 0);
            h->cpu->cr3 = PD;
            *(uint32_t *)(h->ram + PD + 0xc0 * 4) = P | W | PS;
        } else {
            map_4(h, P | W, P | W);
            *entry(h, PDPT, 1) = P | W | PS;
        }
        fetch_as(h, 0, lin);
        epoch = h->cpu->epoch;
        value_at(h, lin);
        *(uint32_t *)(h->ram + PD + 0xc0 * 4) = 0;
        *entry(h, PDPT, 1) = 0;
        tlb_flush_page(h->cpu, pages[i].last);
        g_assert_cmphex(h->cpu->epoch, !=, epoch);
        g_assert_cmphex(access_error(h, MMU_READ, lin, 1), ==, 0);
        soft_host_destroy(h);
    }
}

/* A user's value and code epoch in an address space, entered with its translations kept or not. */
static uint64_t in_space(struct soft_host *h, uint64_t cr3, bool keep, uint64_t *epoch)
{
    h->cpu->cpl = 0;
    mmu_update(h->cpu);
    control_set_cr3(h->cpu, cr3 | (keep ? 1ull << 63 : 0));
    fetch_as(h, 3, LIN);
    if (epoch)
        *epoch = h->cpu->epoch;
    return value_at(h, LIN);
}

/* PCIDs: each one's translations stay until they are flushed, however the tables have changed. */
static void test_spaces(void)
{
    struct soft_host *h = soft_host_create(64);
    uint64_t one, two, again;

    *(uint64_t *)(h->ram + PAGE) = 1;
    *(uint64_t *)(h->ram + NEXT) = 2;
    h->cpu->cr4 |= CR4_PGE | CR4_PCIDE;
    map_4(h, P | W | U, P | W | U);
    g_assert_cmpint(in_space(h, PML4 | 1, false, &one), ==, 1);
    *entry(h, PT, 0) = NEXT | P | W | U;
    g_assert_cmpint(in_space(h, PML4 | 2, false, &two), ==, 2);
    g_assert_cmphex(one, !=, two);
    g_assert_cmpint(in_space(h, PML4 | 1, true, &again), ==, 1);
    g_assert_cmphex(again, ==, one);
    g_assert_cmpint(in_space(h, PML4 | 2, true, &again), ==, 2);
    g_assert_cmphex(again, ==, two);
    h->cpu->cpl = 0; /* the supervisor must not see what the other space's was */
    mmu_update(h->cpu);
    g_assert_cmpint(value_at(h, LIN), ==, 2);
    control_set_cr3(h->cpu, PML4 | 1 | 1ull << 63);
    *entry(h, PT, 0) = PAGE | P | W | U;
    g_assert_cmpint(value_at(h, LIN), ==, 1);

    /* Without bit 63 one PCID's go, and so they do with other tables. */
    g_assert_cmpint(in_space(h, PML4 | 2, true, NULL), ==, 2);
    g_assert_cmpint(in_space(h, PML4 | 2, false, &again), ==, 1);
    g_assert_cmphex(again, !=, two);
    *entry(h, PT, 0) = NEXT | P | W | U;
    *entry(h, 0x50000, 0) = *entry(h, PML4, 0);
    g_assert_cmpint(in_space(h, 0x50000 | 1, true, NULL), ==, 2);
    *entry(h, PT, 0) = PAGE | P | W | U;
    g_assert_cmpint(in_space(h, PML4 | 1, true, NULL), ==, 1);

    /* INVLPG goes to all; so does a flush of everything, and what has to make room is gone. */
    *entry(h, PT, 0) = NEXT | P | W | U;
    g_assert_cmpint(in_space(h, PML4 | 2, true, NULL), ==, 1);
    tlb_flush_page(h->cpu, LIN);
    g_assert_cmpint(in_space(h, PML4 | 1, true, NULL), ==, 2);
    tlb_flush(h->cpu, true);
    *entry(h, PT, 0) = PAGE | P | W | U;
    g_assert_cmpint(in_space(h, PML4 | 2, true, NULL), ==, 1);
    *entry(h, PT, 0) = NEXT | P | W | U;
    for (unsigned pcid = 3; pcid < 3 + USER_SPACES; pcid++)
        g_assert_cmpint(in_space(h, PML4 | pcid, true, NULL), ==, 2);
    g_assert_cmpint(in_space(h, PML4 | 2, true, NULL), ==, 2);

    /* A flush is of a PCID, whichever tables it had. */
    g_assert_cmpint(in_space(h, 0x50000 | 1, false, NULL), ==, 2);
    g_assert_cmpint(in_space(h, PML4 | 1, false, NULL), ==, 2);
    *entry(h, PT, 0) = PAGE | P | W | U;
    g_assert_cmpint(in_space(h, 0x50000 | 1, true, NULL), ==, 1);

    /* The supervisor that SMAP keeps off user pages has a table of its own. */
    *entry(h, PT, 0) = PAGE | P | W;
    tlb_flush(h->cpu, true);
    h->cpu->cpl = 0;
    h->cpu->cr4 |= CR4_SMAP;
    mmu_update(h->cpu);
    g_assert_cmpint(value_at(h, LIN), ==, 1);
    *entry(h, PT, 0) = NEXT | P | W;
    control_set_cr3(h->cpu, PML4 | 2 | 1ull << 63);
    g_assert_cmpint(value_at(h, LIN), ==, 2);
    soft_host_destroy(h);
}

int main(int argc, char *argv[])
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/soft-mmu/rights", test_rights);
    g_test_add_func("/soft-mmu/32-bit", test_32);
    g_test_add_func("/soft-mmu/pae", test_pae);
    g_test_add_func("/soft-mmu/4-and-5-levels", test_long);
    g_test_add_func("/soft-mmu/flush", test_flush);
    g_test_add_func("/soft-mmu/large", test_large);
    g_test_add_func("/soft-mmu/tables", test_tables);
    g_test_add_func("/soft-mmu/crossing", test_crossing);
    g_test_add_func("/soft-mmu/alignment", test_alignment);
    g_test_add_func("/soft-mmu/a20", test_a20);
    g_test_add_func("/soft-mmu/code", test_code);
    g_test_add_func("/soft-mmu/beside-code", test_beside_code);
    g_test_add_func("/soft-mmu/several", test_several);
    g_test_add_func("/soft-mmu/epochs", test_epochs);
    g_test_add_func("/soft-mmu/large-code", test_large_code);
    g_test_add_func("/soft-mmu/spaces", test_spaces);
    return g_test_run();
}
