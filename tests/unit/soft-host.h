/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft-host - one software processor in a machine of nothing but RAM, for unit tests.
 *
 * It starts flat, at CPL 0, in 16-bit real, 32-bit protected or 64-bit mode, with linear addresses
 * equal to physical ones.  Ports and whatever is not RAM are a small array that reads back what was
 * written.
 */
#ifndef TENON_TEST_SOFT_HOST_H
#define TENON_TEST_SOFT_HOST_H

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "blocks.h"
#include "jit.h"
#include "mmu.h"

enum {
    SOFT_RAM = 4 << 20,
    SOFT_TABLES = SOFT_RAM - 0x10000, /* page tables, in 64-bit mode */
    SOFT_CODE = 0x10000,
    SOFT_DATA = 0x20000,
    SOFT_STACK = 0x9000,
    SOFT_PAGES = 0x100000, /* the page table of soft_host_scatter() */
    SOFT_SCATTERED = 32    /* pages of data */
};

/* A processor that has everything. */
static const struct tenon_cpuid soft_host_cpuid[] = {
    { .leaf = 0, .eax = 0xd },
    { .leaf = 1, .ecx = 0xffffffff, .edx = 0xffffffff },
    { .leaf = 7, .indexed = 1, .eax = 1, .ebx = 0xffffffff, .ecx = 0xffffffff, .edx = 0xffffffff },
    { .leaf = 7, .subleaf = 1, .indexed = 1, .eax = 0xffffffff },
    { .leaf = 0xd, .indexed = 1, .eax = 0xe7, .ebx = 832, .ecx = 2688 },
    { .leaf = 0xd, .indexed = 1, .subleaf = 1, .eax = 7 },
    { .leaf = 0xd, .indexed = 1, .subleaf = 2, .eax = 256, .ebx = 576 },
    { .leaf = 0xd, .indexed = 1, .subleaf = 5, .eax = 64, .ebx = 1088 },
    { .leaf = 0xd, .indexed = 1, .subleaf = 6, .eax = 512, .ebx = 1152 },
    { .leaf = 0xd, .indexed = 1, .subleaf = 7, .eax = 1024, .ebx = 1664 },
    { .leaf = 0x80000000, .eax = 0x80000021 },
    { .leaf = 0x80000001, .ecx = 0xffffffff, .edx = 0xffffffff },
    { .leaf = 0x80000021, .eax = 0xffffffff },
};

struct soft_host {
    struct tenon_accel_host ops;
    struct tenon_cpu_info info;
    struct cpu *cpu;
    uint8_t *ram;
    bool watched[SOFT_RAM >> 12];
    const struct cpu *writer; /* who has marked what it wrote itself, the last time */
    uint8_t port[0x10000];
    unsigned port_writes, shutdowns;
    bool stop;
};

static bool soft_host_must_stop(void *host)
{
    return ((struct soft_host *)host)->stop;
}

static uint64_t soft_host_read(void *host, uint32_t space, uint64_t addr, unsigned size)
{
    struct soft_host *h = host;
    uint64_t v = 0;

    for (unsigned i = 0; i < size; i++)
        v |= (uint64_t)h->port[(addr + i) & 0xffff] << 8 * i;
    return v;
}

static void soft_host_write(void *host, uint32_t space, uint64_t addr, uint64_t value,
                            unsigned size)
{
    struct soft_host *h = host;

    h->port_writes++;
    for (unsigned i = 0; i < size; i++)
        h->port[(addr + i) & 0xffff] = value >> 8 * i;
}

static void soft_host_lookup(void *host, uint64_t addr, struct tenon_ram *ram)
{
    struct soft_host *h = host;

    *ram = (struct tenon_ram){ 0 };
    if (addr < SOFT_RAM)
        *ram = (struct tenon_ram){
            .host = h->ram + addr, .bytes = SOFT_RAM - addr, .writable = 1, .offset = addr
        };
}

static void soft_host_mark(void *host, uint32_t block, uint64_t offset, uint64_t bytes)
{
    if (mmu_writer)
        ((struct soft_host *)host)->writer = mmu_writer;
}

static void soft_host_watch(void *host, uint32_t block, uint64_t offset)
{
    ((struct soft_host *)host)->watched[offset >> 12] = true;
}

static uint64_t soft_host_now(void *host)
{
    return 0;
}

static int soft_host_acknowledge(void *host)
{
    return 0x20;
}

static void soft_host_eoi(void *host, unsigned vector)
{
}

static void soft_host_shutdown(void *host)
{
    ((struct soft_host *)host)->shutdowns++;
}

static void soft_host_quiescent(void *host)
{
}

static void soft_host_wait(void *host, uint64_t deadline)
{
}

/* ---- What the processor's other parts give, as simple as can be, until they are linked ---- */

#define SOFT_WEAK __attribute__((weak))

_Noreturn SOFT_WEAK void cpu_fault(struct cpu *cpu, int vector)
{
    cpu->fault.vector = vector;
    cpu->fault.has_error = false;
    siglongjmp(cpu->fault_exit, 1);
}

_Noreturn SOFT_WEAK void cpu_fault_error(struct cpu *cpu, int vector, uint32_t error)
{
    cpu->fault.vector = vector;
    cpu->fault.has_error = true;
    cpu->fault.error = error;
    siglongjmp(cpu->fault_exit, 1);
}

SOFT_WEAK void mode_update(struct cpu *cpu)
{
    uint16_t cs = cpu->seg[SEG_CS].attr;

    cpu->mode = cpu->cr0 & CR0_PE ? MODE_PE : 0;
    if (cpu->efer & EFER_LMA)
        cpu->mode |= MODE_LONG | MODE_PAGING;
    if (cpu->mode & MODE_LONG && cs & ATTR_L)
        cpu->mode |= MODE_CODE64 | MODE_FLAT | MODE_SS32;
    else if (cs & ATTR_DB)
        cpu->mode |= MODE_CODE32 | MODE_FLAT | MODE_SS32;
    else
        cpu->mode |= MODE_CODE16 | MODE_CS_CHECK;
    if (cpu->flags & F_TF)
        cpu->mode |= MODE_TF;
    if (cpu->cpl == 3)
        cpu->mode |= MODE_USER;
}

SOFT_WEAK void cpu_stepped(struct cpu *cpu)
{
    cpu_fault(cpu, EXC_DB);
}

SOFT_WEAK void cpu_check_breakpoint(struct cpu *cpu)
{
}

SOFT_WEAK void io_check(struct cpu *cpu, uint16_t port, unsigned size)
{
}

/* As the test's CPUID leaves say; without any, the processor has everything. */
SOFT_WEAK bool cpu_has(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, unsigned reg,
                       unsigned bit)
{
    for (unsigned i = 0; i < cpu->info->n_cpuid; i++) {
        const struct tenon_cpuid *c = &cpu->info->cpuid[i];

        if (c->leaf == leaf && c->subleaf == subleaf)
            return (&c->eax)[reg] >> bit & 1;
    }
    return !cpu->info->cpuid;
}

SOFT_WEAK int mmu_create(struct cpu *cpu)
{
    cpu->fast = g_new(struct tlb_entry, TLB_ENTRIES);
    tlb_flush(cpu, true);
    return 0;
}

SOFT_WEAK void mmu_destroy(struct cpu *cpu)
{
    g_free(cpu->fast);
}

SOFT_WEAK void tlb_flush(struct cpu *cpu, bool global)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        cpu->fast[i] = (struct tlb_entry){ .read = TLB_NONE, .write = TLB_NONE, .exec = TLB_NONE };
    cpu->epoch++;
}

static uint8_t *soft_flat(struct cpu *cpu, uint64_t lin, bool write)
{
    struct soft_host *h = cpu->info->host;
    uint64_t page = lin & ~0xfffull;

    if (lin >= SOFT_RAM) {
        cpu->fault.address = lin;
        cpu_fault_error(cpu, EXC_PF, write ? 2 : 0);
    }
    cpu->fast[page >> 12 & (TLB_ENTRIES - 1)] = (struct tlb_entry){
        .read = page,
        .write = h->watched[page >> 12] ? TLB_NONE : page,
        .exec = TLB_NONE,
        .addend = (uintptr_t)h->ram,
    };
    return h->ram + lin;
}

SOFT_WEAK void mem_probe_write(struct cpu *cpu, uint64_t lin, unsigned bytes)
{
    soft_flat(cpu, lin, true);
    soft_flat(cpu, lin + bytes - 1, true);
}

SOFT_WEAK void mem_read_bytes(struct cpu *cpu, uint64_t lin, void *to, unsigned bytes)
{
    soft_flat(cpu, lin, false);
    soft_flat(cpu, lin + bytes - 1, false);
    memcpy(to, soft_flat(cpu, lin, false), bytes);
}

SOFT_WEAK void mem_write_bytes(struct cpu *cpu, uint64_t lin, const void *from, unsigned bytes)
{
    struct soft_host *h = cpu->info->host;

    mem_probe_write(cpu, lin, bytes);
    memcpy(soft_flat(cpu, lin, true), from, bytes);
    if (h->watched[lin >> 12] || h->watched[(lin + bytes - 1) >> 12])
        blocks_written(cpu, h->ram + lin, bytes);
}

SOFT_WEAK uint64_t mem_read(struct cpu *cpu, uint64_t lin, unsigned size)
{
    uint64_t v = 0;

    mem_read_bytes(cpu, lin, &v, size);
    return v;
}

SOFT_WEAK void mem_write(struct cpu *cpu, uint64_t lin, uint64_t value, unsigned size)
{
    mem_write_bytes(cpu, lin, &value, size);
}

SOFT_WEAK void *mem_lock(struct cpu *cpu, uint64_t lin, unsigned size)
{
    struct soft_host *h = cpu->info->host;

    mem_probe_write(cpu, lin, size);
    return (lin & 0xfff) + size > 0x1000 || h->watched[lin >> 12] ? NULL : h->ram + lin;
}

SOFT_WEAK void mem_unlock_split(struct cpu *cpu)
{
}

SOFT_WEAK const uint8_t *mem_code(struct cpu *cpu, uint64_t lin)
{
    struct soft_host *h = cpu->info->host;
    uint8_t *host = soft_flat(cpu, lin, false);

    h->watched[lin >> 12] = true;
    cpu->fast[lin >> 12 & (TLB_ENTRIES - 1)].write = TLB_NONE;
    return host;
}

SOFT_WEAK uint8_t mem_fetch(struct cpu *cpu, uint64_t lin)
{
    return mem_read(cpu, lin, 1);
}

SOFT_WEAK uint64_t segment_linear(struct cpu *cpu, enum seg seg, uint64_t offset, unsigned size,
                                  bool write)
{
    const struct segment *s = &cpu->seg[seg];

    if (cpu->mode & MODE_CODE64)
        return offset + s->base;
    if (offset > s->limit || size - 1 > s->limit - offset)
        cpu_fault_error(cpu, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    return (uint32_t)(offset + s->base);
}

/* ---- The machine ---- */

/* Page tables of 2 MiB pages, for all of RAM, anybody's. */
static inline void soft_host_tables(struct soft_host *h)
{
    uint64_t *level[3];

    for (unsigned i = 0; i < 3; i++)
        level[i] = (uint64_t *)(h->ram + SOFT_TABLES + i * 0x1000);
    level[0][0] = (SOFT_TABLES + 0x1000) | 7;
    level[1][0] = (SOFT_TABLES + 0x2000) | 7;
    for (unsigned i = 0; i < SOFT_RAM >> 21; i++)
        level[2][i] = (uint64_t)i << 21 | 0x87;
    h->cpu->cr3 = SOFT_TABLES;
}

/* Pages of data, or of the stack, that are beside one another are not so in memory, so that what
 * goes on beyond a page without looking finds something else. */
static inline void soft_host_scatter(struct soft_host *h)
{
    uint64_t *table = (uint64_t *)(h->ram + SOFT_PAGES);

    for (uint64_t i = 0; i < 512; i++) {
        bool swapped = i - (SOFT_DATA >> 12) < SOFT_SCATTERED || i / 2 == SOFT_STACK >> 13;

        table[i] = (swapped ? i ^ 1 : i) << 12 | 7;
    }
    *(uint64_t *)(h->ram + SOFT_TABLES + 0x2000) = SOFT_PAGES | 7;
    tlb_flush(h->cpu, true);
}

static inline void soft_host_mode(struct soft_host *h, unsigned bits)
{
    struct cpu *cpu = h->cpu;
    struct segment data = { .limit = bits == 16 ? 0xffff : 0xffffffff,
                            .selector = bits == 16 ? 0 : 16,
                            .attr = ATTR_P | ATTR_S | ATTR_RW | ATTR_A |
                                    (bits == 16 ? 0 : ATTR_DB | ATTR_G) };

    for (unsigned i = 0; i < N_SEGS; i++)
        cpu->seg[i] = data;
    cpu->seg[SEG_CS].attr |= ATTR_CODE;
    cpu->seg[SEG_CS].selector = bits == 16 ? 0 : 8;
    if (bits == 64)
        cpu->seg[SEG_CS].attr = (cpu->seg[SEG_CS].attr & ~ATTR_DB) | ATTR_L;
    cpu->cr0 =
        CR0_ET | CR0_NE | CR0_MP | (bits == 16 ? 0 : CR0_PE) | (bits == 64 ? CR0_PG | CR0_WP : 0);
    cpu->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | (bits == 64 ? CR4_PAE : 0);
    cpu->xcr0 = 0xe7;
    cpu->efer = bits == 64 ? EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE : 0;
    cpu->flags = 2;
    cpu->mxcsr = 0x1f80;
    cpu->x87.control = 0x37f;
    cpu->r[RSP] = SOFT_STACK;
    if (bits == 64)
        soft_host_tables(h);
    mode_update(cpu);
    tlb_flush(cpu, true);
}

static inline struct soft_host *soft_host_create(unsigned bits)
{
    static const struct tenon_accel_host ops = {
        .size = sizeof(ops),
        .must_stop = soft_host_must_stop,
        .wait = soft_host_wait,
        .read = soft_host_read,
        .write = soft_host_write,
        .lookup = soft_host_lookup,
        .mark = soft_host_mark,
        .watch = soft_host_watch,
        .now = soft_host_now,
        .acknowledge = soft_host_acknowledge,
        .eoi = soft_host_eoi,
        .shutdown = soft_host_shutdown,
        .quiescent = soft_host_quiescent,
    };
    struct soft_host *h = g_new0(struct soft_host, 1);

    h->ops = ops;
    h->ram = mmap(NULL, SOFT_RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    g_assert_true(h->ram != MAP_FAILED);
    h->cpu = aligned_alloc(64, (sizeof(struct cpu) + 63) & ~63);
    memset(h->cpu, 0, sizeof(struct cpu));
    h->info = (struct tenon_cpu_info){ .size = sizeof(h->info),
                                       .phys_bits = 40,
                                       .host = h,
                                       .cpuid = soft_host_cpuid,
                                       .n_cpuid = G_N_ELEMENTS(soft_host_cpuid) };
    h->cpu->host = &h->ops;
    h->cpu->info = &h->info;
    h->cpu->stop_at = UINT64_MAX;
    h->cpu->fault.vector = -1;
    h->cpu->a20 = h->cpu->svm.gif = true;
    h->cpu->bus = bus_create();
    g_assert_nonnull(h->cpu->bus);
    g_assert_cmpint(mmu_create(h->cpu), ==, 0);
    g_assert_cmpint(blocks_create(h->cpu), ==, 0);
    if (!g_strcmp0(g_getenv("SOFT_ENGINE"), "translator"))
        g_assert_cmpint(jit_create(h->cpu, JIT_LEAST, 1), ==, 0);
    soft_host_mode(h, bits);
    return h;
}

static inline void soft_host_destroy(struct soft_host *h)
{
    blocks_destroy(h->cpu);
    mmu_destroy(h->cpu);
    bus_destroy(h->cpu->bus);
    munmap(h->ram, SOFT_RAM);
    free(h->cpu);
    g_free(h);
}

/* Before anything has run: there is room for some 30 blocks, and some 10 KiB of their code, which
 * is made when a block is entered first; so the oldest are written over all the time. */
static inline void soft_host_cramp(struct soft_host *h)
{
    h->cpu->blocks->arena.bytes = 24 << 10;
    if (!h->cpu->blocks->jit)
        return;
    jit_destroy(h->cpu);
    g_assert_cmpint(jit_create(h->cpu, JIT_ROOM + (20 << 10), 1), ==, 0);
}

/* Puts code (not to be called for code that has run: use mem_write) and points rip at it. */
static inline void soft_host_code(struct soft_host *h, uint64_t at, const void *code,
                                  unsigned bytes)
{
    memcpy(h->ram + at, code, bytes);
    blocks_written(h->cpu, h->ram + at, bytes);
    h->cpu->rip = at;
}

/* Runs at most n instructions; the vector of the exception that ended it, or -1. */
static inline int soft_host_run(struct soft_host *h, uint64_t n)
{
    struct cpu *cpu = h->cpu;

    cpu->fault.vector = -1;
    cpu->stop_at = cpu->instructions + n;
    if (sigsetjmp(cpu->fault_exit, 0) == 0) {
        do {
            cpu->wanted &= ~WANT_TLB;
            mmu_settle(cpu);
            blocks_run(cpu);
        } while (cpu->wanted == WANT_TLB);
    } else {
        blocks_faulted(cpu);
    }
    return cpu->fault.vector;
}

#endif
