/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * svm - AMD's virtualisation: VMRUN into a guest and #VMEXIT out of it, and the instructions around
 * them.
 *
 * AMD APM volume 2, chapter 15, appendix B (the VMCB's layout).  The host's state is kept in the
 * host save area as in a VMCB.  Nothing is kept of the TLB from one side to the other, so that
 * address space identifiers have nothing to tell apart.
 */
#include <string.h>

#include "mmu.h"
#include "soft.h"
#include "svm.h"

/* ---- The VMCB ---- */

enum {
    VMCB_INTERCEPTS = 0x000,
    VMCB_PAUSE_THRESHOLD = 0x03c,
    VMCB_PAUSE_COUNT = 0x03e,
    VMCB_IOPM = 0x040,
    VMCB_MSRPM = 0x048,
    VMCB_TSC_OFFSET = 0x050,
    VMCB_ASID = 0x058,
    VMCB_V_INTR = 0x060,
    VMCB_SHADOW = 0x068,
    VMCB_EXIT_CODE = 0x070,
    VMCB_EXIT_INFO1 = 0x078,
    VMCB_EXIT_INFO2 = 0x080,
    VMCB_EXIT_INT_INFO = 0x088,
    VMCB_NP = 0x090,
    VMCB_EVENT = 0x0a8,
    VMCB_N_CR3 = 0x0b0,
    VMCB_NEXT_RIP = 0x0c8,
    VMCB_FETCHED = 0x0d0,
    VMCB_CPL = 0x4cb,
    VMCB_PAT = 0x668,
    IOPM_BYTES = 0x3000,
    MSRPM_BYTES = 0x2000
};
/* VMCB_V_INTR */
enum { V_IRQ = 1 << 8, V_IGN_TPR = 1 << 20, V_INTR_MASKING = 1 << 24 };

struct field {
    uint16_t at, offset;
};
#define FIELD(at, member)                                                                          \
    {                                                                                              \
        at, offsetof(struct cpu, member)                                                           \
    }
#define SEG(i) seg[SEG_##i]

// clang-format off
/* What VMRUN and #VMEXIT exchange; of the host, not the last three. */
static const struct field world[] = {
    FIELD(0x4d0, efer),  FIELD(0x548, cr4),   FIELD(0x550, cr3),   FIELD(0x558, cr0),
    FIELD(0x570, flags), FIELD(0x578, rip),   FIELD(0x5d8, r[RSP]), FIELD(0x5f8, r[RAX]),
    FIELD(0x560, dr[7]), FIELD(0x568, dr[6]), FIELD(0x640, cr2),
};
enum { N_GUEST = sizeof(world) / sizeof(world[0]), N_HOST = N_GUEST - 3 };
static const struct field world_segments[] = {
    FIELD(0x400, SEG(ES)), FIELD(0x410, SEG(CS)), FIELD(0x420, SEG(SS)), FIELD(0x430, SEG(DS)),
    FIELD(0x460, gdt),     FIELD(0x480, idt),
};
/* What VMLOAD and VMSAVE do. */
static const struct field more[] = {
    FIELD(0x600, msr.star),           FIELD(0x608, msr.lstar),        FIELD(0x610, msr.cstar),
    FIELD(0x618, msr.fmask),          FIELD(0x620, msr.kernel_gs_base),
    FIELD(0x628, msr.sysenter_cs),    FIELD(0x630, msr.sysenter_esp), FIELD(0x638, msr.sysenter_eip),
};
static const struct field more_segments[] = {
    FIELD(0x440, SEG(FS)), FIELD(0x450, SEG(GS)), FIELD(0x470, ldt), FIELD(0x490, tr),
};
// clang-format on
enum { N_SEGMENTS = sizeof(world_segments) / sizeof(world_segments[0]) };
enum { N_MORE = sizeof(more) / sizeof(more[0]) };
enum { N_MORE_SEGMENTS = sizeof(more_segments) / sizeof(more_segments[0]) };

static uint64_t get(struct cpu *cpu, unsigned at, unsigned size)
{
    return phys_read(cpu, cpu->svm.vmcb + at, size);
}

static void put(struct cpu *cpu, unsigned at, uint64_t value, unsigned size)
{
    phys_write(cpu, cpu->svm.vmcb + at, value, size);
}

static void *member(struct cpu *cpu, const struct field *f)
{
    return (char *)cpu + f->offset;
}

static void save(struct cpu *cpu, uint64_t to, const struct field *f, unsigned n)
{
    for (; n--; f++)
        phys_write(cpu, to + f->at, *(uint64_t *)member(cpu, f), 8);
}

static void load(struct cpu *cpu, uint64_t from, const struct field *f, unsigned n)
{
    for (; n--; f++)
        *(uint64_t *)member(cpu, f) = phys_read(cpu, from + f->at, 8);
}

/* A segment takes 16 bytes: selector, the attributes without their gap, limit, base. */
static void save_segments(struct cpu *cpu, uint64_t to, const struct field *f, unsigned n)
{
    for (; n--; f++) {
        const struct segment *s = member(cpu, f);
        uint64_t at = to + f->at;

        phys_write(cpu, at, s->selector, 2);
        phys_write(cpu, at + 2, (s->attr & 0xff) | (s->attr >> 4 & 0xf00), 2);
        phys_write(cpu, at + 4, s->limit, 4);
        phys_write(cpu, at + 8, s->base, 8);
    }
}

/* Bases become canonical. */
static uint64_t canonical_base(const struct cpu *cpu, uint64_t base)
{
    unsigned shift = cpu_has(cpu, 7, 0, CPUID_ECX, 16) ? 7 : 16;

    return (uint64_t)((int64_t)(base << shift) >> shift);
}

static void load_segments(struct cpu *cpu, uint64_t from, const struct field *f, unsigned n)
{
    for (; n--; f++) {
        uint64_t at = from + f->at;
        uint32_t attr = phys_read(cpu, at + 2, 2);

        *(struct segment *)member(cpu, f) = (struct segment){
            .selector = phys_read(cpu, at, 2),
            .attr = (attr & 0xff) | (attr & 0xf00) << 4 | (attr & ATTR_P ? 0 : ATTR_NULL),
            .limit = phys_read(cpu, at + 4, 4),
            .base = canonical_base(cpu, phys_read(cpu, at + 8, 8)),
        };
    }
}

/* After loading a world; false: its PDPTEs are not right. */
static bool loaded(struct cpu *cpu)
{
    bool paged = cpu->cr0 & CR0_PG, legacy;

    cpu->efer &= ~(uint64_t)EFER_LMA;
    if (paged && cpu->efer & EFER_LME)
        cpu->efer |= EFER_LMA;
    cpu->flags = flags_possible(cpu->flags);
    if (cpu->efer & EFER_LMA || !(cpu->cr0 & CR0_PE))
        cpu->flags &= ~(uint64_t)F_VM;
    cpu->cr0 |= CR0_ET;
    cpu->gdt.limit &= 0xffff;
    cpu->idt.limit &= 0xffff;
    cpu->inhibit = cpu->shadow = 0;
    cpu->halted = cpu->mwait.on = false;
    cpu->no_step = true;
    memset(&cpu->debug, 0, sizeof(cpu->debug));
    memset(&cpu->fault, 0, sizeof(cpu->fault));
    cpu->fault.vector = -1;
    legacy = paged && cpu->cr4 & CR4_PAE && !(cpu->efer & EFER_LMA);
    return !legacy || paging_load_pdptes(cpu, cpu->cr3);
}

static void changed(struct cpu *cpu)
{
    tlb_flush(cpu, true);
    mode_update(cpu);
    cpu_recheck(cpu);
    cpu_note(cpu, WANT_INTR);
}

/* ---- #VMEXIT ---- */

static bool has_svm_feature(const struct cpu *cpu, unsigned bit)
{
    return cpu_has(cpu, 0x8000000a, 0, CPUID_EDX, bit);
}
enum { SVM_NRIPS = 3, SVM_DECODE_ASSISTS = 7 };

/* The instruction under way, from its rip to what is known to have been fetched: of its page. */
static void note_fetched(struct cpu *cpu)
{
    const struct block *block = cpu->block;
    uint64_t off = block ? cpu->rip - block->rip : 0;
    uint8_t *fetched = cpu->svm.exit.fetched;
    const uint8_t *code;
    unsigned room;

    if (!block || !block->code || off >= block->bytes)
        return;
    code = block->code + off;
    room = 4096 - ((uintptr_t)code & 4095);
    fetched[0] = room < 15 ? room : 15;
    memcpy(fetched + 1, code, fetched[0]);
    if (block->code2 && room < 15) {
        memcpy(fetched + 1 + room, block->code2, 15 - room);
        fetched[0] = 15;
    }
}

void svm_exit(struct cpu *cpu, int64_t code, uint64_t info1, uint64_t info2, uint64_t next)
{
    cpu->svm.exit.code = code;
    cpu->svm.exit.info1 = info1;
    cpu->svm.exit.info2 = info2;
    cpu->svm.exit.next = next;
    memset(cpu->svm.exit.fetched, 0, sizeof(cpu->svm.exit.fetched));
    if ((code == SVM_NPF || code == SVM_EXCEPTION + EXC_PF) && !(info1 & PF_I))
        note_fetched(cpu);
    siglongjmp(cpu->fault_exit, LEAVE_GUEST);
}

static void save_guest(struct cpu *cpu)
{
    const struct svm *s = &cpu->svm;
    uint32_t v_intr = get(cpu, VMCB_V_INTR, 4) & ~(uint32_t)(V_IRQ | 0xff);

    save(cpu, s->vmcb, world, N_GUEST);
    save_segments(cpu, s->vmcb, world_segments, N_SEGMENTS);
    put(cpu, VMCB_CPL, cpu->cpl, 1);
    put(cpu, VMCB_V_INTR, v_intr | (s->v_irq ? V_IRQ : 0) | s->v_tpr, 4);
    put(cpu, VMCB_SHADOW, cpu->inhibit || cpu->shadow, 8);
    put(cpu, VMCB_EXIT_INT_INFO, cpu->fault.under ? s->delivering : 0, 8);
    put(cpu, VMCB_EVENT, get(cpu, VMCB_EVENT, 8) & ~(uint64_t)SVM_EVENT_VALID, 8);
    if (s->np) {
        put(cpu, VMCB_PAT, cpu->msr.pat, 8);
        cpu->msr.pat = s->host_pat;
    }
}

static void save_reason(struct cpu *cpu)
{
    const struct svm *s = &cpu->svm;

    put(cpu, VMCB_EXIT_CODE, s->exit.code, 8);
    put(cpu, VMCB_EXIT_INFO1, s->exit.info1, 8);
    put(cpu, VMCB_EXIT_INFO2, s->exit.info2, 8);
    if (has_svm_feature(cpu, SVM_NRIPS))
        put(cpu, VMCB_NEXT_RIP, s->exit.next, 8);
    if (has_svm_feature(cpu, SVM_DECODE_ASSISTS))
        for (unsigned i = 0; i < sizeof(s->exit.fetched); i++)
            put(cpu, VMCB_FETCHED + i, s->exit.fetched[i], 1);
}

void svm_set_guest(struct cpu *cpu, bool guest)
{
    cpu->svm.guest = guest;
    cpu->svm.nested = guest && cpu->svm.np;
    cpu->svm.tsc_offset = guest ? cpu->svm.offset : 0;
}

static void load_host(struct cpu *cpu)
{
    load(cpu, cpu->svm.host_save, world, N_HOST);
    load_segments(cpu, cpu->svm.host_save, world_segments, N_SEGMENTS);
    cpu->cr0 |= CR0_PE;
    cpu->flags &= ~(uint64_t)F_VM;
    cpu->dr[7] = DR7_FIXED;
    cpu->cpl = 0;
}

void svm_leave(struct cpu *cpu)
{
    bool right;

    if (cpu->svm.guest)
        save_guest(cpu);
    svm_set_guest(cpu, false);
    save_reason(cpu);
    cpu->svm.gif = false;
    load_host(cpu);
    right = loaded(cpu);
    if (!right || !control_is_possible(cpu))
        cpu_shutdown(cpu);
    changed(cpu);
}

/* ---- VMRUN ---- */

static void load_control(struct cpu *cpu)
{
    struct svm *s = &cpu->svm;
    uint64_t v_intr = get(cpu, VMCB_V_INTR, 8);

    for (unsigned i = 0; i < sizeof(s->intercept) / sizeof(s->intercept[0]); i++)
        s->intercept[i] = get(cpu, VMCB_INTERCEPTS + 4 * i, 4);
    s->iopm = get(cpu, VMCB_IOPM, 8) & ~0xfffull;
    s->msrpm = get(cpu, VMCB_MSRPM, 8) & ~0xfffull;
    s->offset = get(cpu, VMCB_TSC_OFFSET, 8);
    s->v_tpr = v_intr;
    s->v_irq = v_intr & V_IRQ;
    s->v_priority = v_intr >> 16 & 15;
    s->v_ignores_tpr = v_intr & V_IGN_TPR;
    s->masking = v_intr & V_INTR_MASKING;
    s->v_vector = v_intr >> 32;
    s->np = get(cpu, VMCB_NP, 8) & 1 && has_svm_feature(cpu, 0);
    s->ncr3 = get(cpu, VMCB_N_CR3, 8);
    s->pause_threshold = has_svm_feature(cpu, 12) ? get(cpu, VMCB_PAUSE_THRESHOLD, 2) : 0;
    s->pause_count = has_svm_feature(cpu, 10) ? get(cpu, VMCB_PAUSE_COUNT, 2) : 0;
    s->pauses = s->pause_count;
    s->last_pause = cpu_tsc(cpu);
}

static bool event_possible(const struct cpu *cpu, uint64_t event)
{
    unsigned vector = event & 0xff, type = event >> 8 & 7;
    bool code64 = cpu->efer & EFER_LME && cpu->cr0 & CR0_PG && cpu->seg[SEG_CS].attr & ATTR_L;

    if (!(event & SVM_EVENT_VALID) || type == EVENT_INTR || type == EVENT_NMI ||
        type == EVENT_INT_N)
        return true;
    return type == EVENT_EXCEPTION && vector < 32 && vector != EXC_NMI &&
           !(code64 && (vector == EXC_OF || vector == EXC_BR));
}

/* The checks of section 15.5.1, and 15.25.3 and 15.25.4 for nested paging. */
static bool control_possible(struct cpu *cpu)
{
    const struct svm *s = &cpu->svm;
    uint64_t limit = 1ull << cpu->info->phys_bits;

    return s->intercept[SVM_VMRUN / 32] >> SVM_VMRUN % 32 & 1 && (uint32_t)get(cpu, VMCB_ASID, 4) &&
           s->iopm < limit - IOPM_BYTES + 1 && s->msrpm < limit - MSRPM_BYTES + 1 &&
           event_possible(cpu, get(cpu, VMCB_EVENT, 8)) &&
           !(s->np && (s->ncr3 >= limit || !pat_valid(get(cpu, VMCB_PAT, 8))));
}

static bool registers_possible(const struct cpu *cpu)
{
    bool paged = cpu->cr0 & CR0_PG, lme = cpu->efer & EFER_LME, pae = cpu->cr4 & CR4_PAE;
    uint16_t attr = cpu->seg[SEG_CS].attr;

    if (!(cpu->efer & EFER_SVME) || cpu->efer & ~(efer_known(cpu) | EFER_LMA) || cpu->cr0 >> 32 ||
        (cpu->cr0 & CR0_NW && !(cpu->cr0 & CR0_CD)) || cpu->cr4 & ~control_known_cr4(cpu) ||
        cpu->dr[6] >> 32 || cpu->dr[7] >> 32)
        return false;
    if (!lme || !paged)
        return true;
    return pae && cpu->cr0 & CR0_PE && !(attr & ATTR_L && attr & ATTR_DB) && !(cpu->cr3 >> 52);
}

static void inject(struct cpu *cpu)
{
    uint64_t event = get(cpu, VMCB_EVENT, 8);
    struct event e = {
        .vector = event & 0xff,
        .type = event >> 8 & 7,
        .external = true,
        .has_error = event & SVM_EVENT_ERROR,
        .error = event >> 32,
        .rip = cpu->rip,
        .flags = cpu->flags,
    };

    if (!(event & SVM_EVENT_VALID))
        return;
    if (e.type == EVENT_INT_N ||
        (e.type == EVENT_EXCEPTION && (e.vector == EXC_BP || e.vector == EXC_OF))) {
        e.soft = true;
        e.external = false;
        if (has_svm_feature(cpu, SVM_NRIPS))
            e.rip = get(cpu, VMCB_NEXT_RIP, 8);
    }
    cpu->fault.benign = e.type != EVENT_EXCEPTION;
    event_deliver(cpu, &e);
}

static void load_guest(struct cpu *cpu)
{
    struct svm *s = &cpu->svm;

    load(cpu, s->vmcb, world, N_GUEST);
    load_segments(cpu, s->vmcb, world_segments, N_SEGMENTS);
    if (!registers_possible(cpu) || !control_possible(cpu))
        svm_exit(cpu, SVM_INVALID, 0, 0, 0);
    cpu->dr[6] = (cpu->dr[6] & 0xe00f) | DR6_FIXED;
    cpu->dr[7] = (cpu->dr[7] & 0xffff23ff) | DR7_FIXED;
    s->nested = s->np;
    if (!loaded(cpu))
        svm_exit(cpu, SVM_INVALID, 0, 0, 0);
    cpu->cpl = get(cpu, VMCB_CPL, 1) & 3;
    if (!(cpu->cr0 & CR0_PE))
        cpu->cpl = 0;
    else if (cpu->flags & F_VM)
        cpu->cpl = 3;
    if (get(cpu, VMCB_SHADOW, 1) & 1)
        cpu->inhibit = INHIBIT_STI;
    if (s->np) {
        s->host_pat = cpu->msr.pat;
        cpu->msr.pat = get(cpu, VMCB_PAT, 8);
    }
}

/* ---- Instructions ---- */

static void check_there(struct cpu *cpu)
{
    if (!(cpu->efer & EFER_SVME) || is_real(cpu))
        cpu_fault(cpu, EXC_UD);
    if (cpu->cpl)
        cpu_fault_error(cpu, EXC_GP, 0);
}

/* A VMCB's address, in rAX as wide as addresses are: u->imm bytes. */
static uint64_t operand(struct cpu *cpu, const struct uop *u)
{
    uint64_t at = u->imm == 8   ? cpu->r[RAX]
                  : u->imm == 4 ? (uint32_t)cpu->r[RAX]
                                : (uint16_t)cpu->r[RAX];

    if (at & 0xfff || at >> cpu->info->phys_bits)
        cpu_fault_error(cpu, EXC_GP, 0);
    return at;
}

static void run_vmrun(struct cpu *cpu, const struct uop *u)
{
    struct svm *s = &cpu->svm;
    uint64_t vmcb;

    check_there(cpu);
    vmcb = operand(cpu, u);
    svm_intercept(cpu, SVM_VMRUN, 0, 0);
    cpu->rip = uop_next_rip(cpu, u);
    cpu->block = NULL; /* what comes is none of its instructions' */
    save(cpu, s->host_save, world, N_HOST);
    save_segments(cpu, s->host_save, world_segments, N_SEGMENTS);
    s->vmcb = vmcb;
    s->host_if = cpu->flags & F_IF;
    s->host_cr4 = cpu->cr4;
    s->host_efer = cpu->efer;
    s->np = false;
    load_control(cpu);
    if (s->np && !(cpu->cr0 & CR0_PG))
        svm_exit(cpu, SVM_INVALID, 0, 0, 0);
    load_guest(cpu);
    svm_set_guest(cpu, true);
    s->gif = true;
    changed(cpu);
    inject(cpu);
}

static void run_vmmcall(struct cpu *cpu, const struct uop *u)
{
    svm_intercept(cpu, SVM_VMMCALL, 0, 0);
    cpu_fault(cpu, EXC_UD);
}

static void run_vmload(struct cpu *cpu, const struct uop *u)
{
    uint64_t from;

    check_there(cpu);
    from = operand(cpu, u);
    svm_intercept(cpu, SVM_VMLOAD, 0, 0);
    load(cpu, from, more, N_MORE);
    load_segments(cpu, from, more_segments, N_MORE_SEGMENTS);
    for (unsigned i = 0; i < N_MORE; i++) {
        uint64_t *value = member(cpu, &more[i]);

        if (value != &cpu->msr.star && value != &cpu->msr.fmask && value != &cpu->msr.sysenter_cs)
            *value = canonical_base(cpu, *value);
    }
    cpu->msr.fmask = (uint32_t)cpu->msr.fmask;
    cpu->msr.sysenter_cs = (uint32_t)cpu->msr.sysenter_cs;
    mode_update(cpu);
}

static void run_vmsave(struct cpu *cpu, const struct uop *u)
{
    uint64_t to;

    check_there(cpu);
    to = operand(cpu, u);
    svm_intercept(cpu, SVM_VMSAVE, 0, 0);
    save(cpu, to, more, N_MORE);
    save_segments(cpu, to, more_segments, N_MORE_SEGMENTS);
}

static void run_stgi(struct cpu *cpu, const struct uop *u)
{
    check_there(cpu);
    svm_intercept(cpu, SVM_STGI, 0, 0);
    cpu->svm.gif = true;
    cpu_recheck(cpu);
}

static void run_clgi(struct cpu *cpu, const struct uop *u)
{
    check_there(cpu);
    svm_intercept(cpu, SVM_CLGI, 0, 0);
    cpu->svm.gif = false;
}

/* Other address spaces than the one at hand have nothing in the TLB. */
static void run_invlpga(struct cpu *cpu, const struct uop *u)
{
    uint64_t lin = u->imm == 8 ? cpu->r[RAX] : (uint32_t)cpu->r[RAX];

    check_there(cpu);
    svm_intercept(cpu, SVM_INVLPGA, lin, 0);
    tlb_flush_page(cpu, lin);
}

/* SKINIT is not offered. */
bool svm_translate(struct block_builder *b, const struct insn *in)
{
    static uop_call *const calls[] = { run_vmrun, run_vmmcall, run_vmload, run_vmsave,
                                       run_stgi,  run_clgi,    NULL,       run_invlpga };
    unsigned n = in->modrm - 0xd8;

    if (in->map != MAP_0F || in->opcode != 0x01 || n >= sizeof(calls) / sizeof(calls[0]) ||
        !calls[n] || !cpu_has(b->cpu, 0x80000001, 0, CPUID_ECX, 2))
        return false;
    if (calls[n] == run_vmrun)
        emit_call_jump(b, run_vmrun, 0, 0, 0, in->addr_size);
    else
        emit_call_last(b, calls[n], 0, 0, 0, in->addr_size);
    return true;
}

void svm_reset(struct cpu *cpu, bool power_on)
{
    if (power_on)
        memset(&cpu->svm, 0, sizeof(cpu->svm));
    svm_set_guest(cpu, false);
    cpu->svm.gif = true;
}
