/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state - a processor's registers after power-on, INIT and start-up messages, and as a kernel's
 * entry wants them.
 *
 * Intel SDM volume 3, table 10-1 ("Processor States Following Power-up, Reset, or INIT"),
 * section 9.4.4.
 */
#include "soft.h"
#include "svm.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "blocks.h"
#include "check.h"
#include "jit.h"
#include "log.h"

#define APIC_PAGE 0xfee00000u

enum {
    CODE = ATTR_P | ATTR_S | ATTR_CODE | ATTR_RW | ATTR_A,
    DATA = ATTR_P | ATTR_S | ATTR_RW | ATTR_A,
    LDT = ATTR_P | 2,
    TSS_BUSY = ATTR_P | 11
};

/* Family, model and stepping, which RDX tells. */
static uint32_t signature(const struct cpu *cpu)
{
    for (uint32_t i = 0; i < cpu->info->n_cpuid; i++)
        if (cpu->info->cpuid[i].leaf == 1)
            return cpu->info->cpuid[i].eax;
    return 0;
}

/* ---- INIT, and what it has in common with power-on ---- */

static void set_segments(struct cpu *cpu)
{
    const struct segment data = { .limit = 0xffff, .attr = DATA };

    for (unsigned i = 0; i < N_SEGS; i++)
        cpu->seg[i] = data;
    cpu->seg[SEG_CS] = (struct segment){ 0xffff0000, 0xffff, 0xf000, CODE };
    cpu->tr = (struct segment){ .limit = 0xffff, .attr = TSS_BUSY };
    cpu->ldt = (struct segment){ .limit = 0xffff, .attr = LDT };
    cpu->gdt = cpu->idt = (struct segment){ .limit = 0xffff };
    cpu->cpl = 0;
}

static void set_common(struct cpu *cpu)
{
    memset(cpu->r, 0, sizeof(cpu->r));
    cpu->r[RDX] = signature(cpu);
    cpu->rip = 0xfff0;
    cpu->flags = 2;
    set_segments(cpu);
    cpu->cr2 = cpu->cr3 = cpu->cr4 = cpu->efer = 0;
    memset(cpu->dr, 0, sizeof(cpu->dr));
    cpu->dr[6] = 0xffff0ff0;
    cpu->dr[7] = 0x400;
    cpu->inhibit = cpu->shadow = 0;
    cpu->halted = cpu->wait_sipi = cpu->shut_down = cpu->mwait.on = false;
    smm_leave(cpu);
    cpu->nmi_blocked = false;
    cpu->held = 0;
    cpu->watch.hit = 0;
    cpu->watch.again = false;
    svm_reset(cpu, false);
    memset(&cpu->fault, 0, sizeof(cpu->fault));
    cpu->fault.vector = -1;
    apic_reset(cpu->apic);
}

static void set_done(struct cpu *cpu)
{
    mode_update(cpu);
    tlb_flush(cpu, true);
    __atomic_fetch_or(&cpu->wanted, WANT_INTR, __ATOMIC_RELAXED); /* the 8259 may ask already */
}

/* x87, vector and model-specific registers stay as they are. */
void state_init(struct cpu *cpu)
{
    set_common(cpu);
    cpu->cr0 = CR0_ET | (cpu->cr0 & (CR0_CD | CR0_NW));
    set_done(cpu);
}

void state_startup(struct cpu *cpu, unsigned vector)
{
    cpu->wait_sipi = false;
    cpu->seg[SEG_CS].selector = vector << 8;
    cpu->seg[SEG_CS].base = vector << 12;
    cpu->rip = 0;
    mode_update(cpu);
    cpu_recheck(cpu);
}

/* ---- Power-on ---- */

static void set_units(struct cpu *cpu)
{
    memset(cpu->v, 0, sizeof(cpu->v));
    memset(cpu->k, 0, sizeof(cpu->k));
    cpu->wide = false;
    memset(&cpu->x87, 0, sizeof(cpu->x87));
    cpu->x87.control = 0x40;
    cpu->x87.tag_valid = 0xff;
    cpu->mxcsr = 0x1f80;
    cpu->xcr0 = 1;
    cpu->pkru = 0;
}

static void set_msrs(struct cpu *cpu)
{
    memset(&cpu->msr, 0, sizeof(cpu->msr));
    cpu->msr.pat = 0x0007040600070406;
    cpu->msr.misc_enable = 0x1801; /* fast strings; no BTS, no PEBS */
    cpu->msr.apic_base = APIC_PAGE | APIC_EN | (cpu->info->index ? 0 : APIC_BSP);
    cpu->msr.smbase = 0x30000;
}

static void power_on(struct cpu *cpu)
{
    const uint32_t kept = WANT_STOP | WANT_TLB | WANT_BLOCKS | WANT_MEMORY;

    __atomic_fetch_and(&cpu->wanted, kept, __ATOMIC_SEQ_CST);
    __atomic_store_n(&cpu->apic->sipi, 0, __ATOMIC_RELAXED);
    set_msrs(cpu);
    svm_reset(cpu, true);
    set_common(cpu);
    set_units(cpu);
    cpu->cr0 = CR0_ET | CR0_CD | CR0_NW;
    cpu->a20 = true;
    if (!cpu->info->index)
        cpu->soft->reset_time = cpu->host->now(cpu->info->host);
    tsc_init(cpu, cpu->soft->reset_time);
    cpu->wait_sipi = cpu->info->index != 0;
}

/* ---- What a kernel's entry wants ---- */

static struct segment segment(const struct tenon_x86_segment *s)
{
    return (struct segment){
        .base = s->base,
        .limit = s->limit,
        .selector = s->selector,
        .attr = s->attributes ? s->attributes : ATTR_NULL,
    };
}

static void enter(struct cpu *cpu, const struct tenon_x86_start *s)
{
    const uint64_t r[] = { s->rax, s->rcx, s->rdx, s->rbx, s->rsp, s->rbp, s->rsi, s->rdi };
    const struct tenon_x86_segment *segs[N_SEGS] = {
        &s->es, &s->cs, &s->ss, &s->ds, &s->fs, &s->gs
    };

    memcpy(cpu->r, r, sizeof(r));
    cpu->rip = s->rip;
    cpu->flags = flags_possible(s->rflags);
    for (unsigned i = 0; i < N_SEGS; i++)
        cpu->seg[i] = segment(segs[i]);
    if (s->tr.attributes)
        cpu->tr = segment(&s->tr);
    cpu->ldt = segment(&s->ldt);
    cpu->gdt = (struct segment){ .base = s->gdt.base, .limit = s->gdt.limit };
    cpu->idt = (struct segment){ .base = s->idt.base, .limit = s->idt.limit };
    cpu->cr0 = s->cr0 | CR0_ET;
    cpu->cr3 = s->cr3;
    cpu->cr4 = s->cr4;
    cpu->efer = s->efer;
    cpu->cpl = ATTR_DPL(cpu->seg[SEG_SS].attr);
}

/* The boot processor takes interrupts of the 8259A from the start ("virtual wire"), as firmware and
 * kernels have come to expect. */
void state_reset(void *self, void *state, const struct tenon_x86_start *start)
{
    struct cpu *cpu = state;

    power_on(cpu);
    if (start)
        enter(cpu, start);
    if (!cpu->info->index)
        cpu->apic->lvt[LVT_LINT0] = 7 << 8;
    set_done(cpu);
}

/* ---- What registers do not say ---- */

static double each(uint64_t of, uint64_t n)
{
    return n ? (double)of / n : 0;
}

static void put_ring(FILE *f, const char *name, const struct ring *ring)
{
    fprintf(f,
            "%s: %zu of %zu bytes in use; %" PRIu64 " written over in %" PRIu64
            " rounds, at most %" PRIu64 " at once\n",
            name, ring_used(ring), ring->bytes, ring->count.dropped, ring->count.rounds,
            ring->count.most);
}

static void put_translated(FILE *f, const struct jit *jit)
{
    fprintf(f,
            "blocks translated: %" PRIu64 " (%" PRIu64 " bytes to %" PRIu64
            " of the host's, 1:%.1f)\n"
            "regions: %" PRIu64 "; links: %" PRIu64 "; indirect jumps looked up: %" PRIu64
            "; blocks made again: %" PRIu64 "; too long: %" PRIu64 "\n",
            jit->count.blocks, jit->count.guest_bytes, jit->count.bytes,
            each(jit->count.bytes, jit->count.guest_bytes), jit->count.regions, jit->count.links,
            jit->count.misses, jit->count.splits, jit->count.too_long);
    put_ring(f, "code memory", &jit->code);
}

static void put_blocks(FILE *f, const struct cpu *cpu)
{
    const struct blocks *blocks = cpu->blocks;

    fprintf(f,
            "blocks decoded: %" PRIu64 " (on average %.1f instructions, %.1f bytes); all "
            "forgotten %" PRIu64 " times\n",
            blocks->made.blocks, each(blocks->made.instructions, blocks->made.blocks),
            each(blocks->made.bytes, blocks->made.blocks), blocks->flushes);
    put_ring(f, "decoded blocks", &blocks->arena);
    if (blocks->jit)
        put_translated(f, blocks->jit);
    if (blocks->check)
        fprintf(f, "blocks checked: %" PRIu64 "; run once: %" PRIu64 "\n",
                blocks->check->count.checked, blocks->check->count.once);
}

char *state_notes(void *self, void *state)
{
    const struct cpu *cpu = state;
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    if (!f)
        return NULL;
    fprintf(f, "instructions: %" PRIu64 "%s\n", cpu->instructions,
            cpu->wait_sipi ? "; waits for a start-up message" : "");
    if (cpu->blocks)
        put_blocks(f, cpu);
    if (cpu->tlb)
        fprintf(f, "TLB flushes: %" PRIu64 "; of one page: %" PRIu64 "\n", cpu->tlb->flushes.all,
                cpu->tlb->flushes.pages);
    fclose(f);
    return text;
}
