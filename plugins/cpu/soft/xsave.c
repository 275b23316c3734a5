/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * xsave - the processor's floating-point and vector state in memory: FXSAVE, XSAVE and kin.
 *
 * Intel SDM volume 1, section 10.5 and chapter 13; volume 2.
 *
 * The whole image is made or read in a buffer, and memory is touched once the operand is known to
 * be there, so that an instruction that faults has changed nothing.
 */
#include "x87.h"

#include <string.h>

#include "sys.h"

enum { MOVED = 0xe0, MOVED_FIRST = 5, MOVED_LAST = 7 }; /* AVX-512's, for another accelerator */
enum { X87 = 1, SSE = 2, AVX = 4, PKRU = 0x200, KNOWN = X87 | SSE | AVX | PKRU, COMPACT_BIT = 63 };
enum { LEGACY_BYTES = 512, XMM_AT = 160, HEADER_BYTES = 64, IMAGE_MAX = 4096, PIECE = 512 };
enum { MXCSR_MASK = 0xffff, MXCSR_INIT = 0x1f80 };
#define COMPACT (1ull << COMPACT_BIT)

/* The area of FXSAVE, which XSAVE begins with. */
struct legacy {
    uint16_t control, status;
    uint8_t tags, reserved;
    uint16_t opcode;
    uint64_t ip, dp; /* offset of 32 bits and selector, but with REX.W */
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[8][16];
    uint8_t xmm[16][16];
    uint8_t unused[96]; /* not written */
};

struct header {
    uint64_t bv, compact_bv, reserved[6];
};

/* Components that XSAVE and kin can move. */
static uint64_t movable(const struct cpu *cpu)
{
    return KNOWN | (cpu->moved ? MOVED : 0);
}

struct image {
    struct legacy legacy;
    struct header header;
    uint8_t extended[IMAGE_MAX - LEGACY_BYTES - HEADER_BYTES];
} __attribute__((aligned(64)));

/* ---- Legacy area ---- */

static uint64_t pointer_out(uint64_t offset, uint16_t selector, bool w)
{
    return w ? offset : (uint32_t)offset | (uint64_t)selector << 32;
}

static void x87_out(const struct cpu *cpu, struct legacy *l, bool w)
{
    const struct x87 *x = &cpu->x87;

    l->control = x->control;
    l->status = x->status;
    l->tags = x->tag_valid;
    l->reserved = 0;
    l->opcode = x->opcode;
    l->ip = pointer_out(x->ip, x->cs, w);
    l->dp = pointer_out(x->dp, x->ds, w);
    for (unsigned i = 0; i < 8; i++) {
        memset(l->st[i], 0, 16);
        memcpy(l->st[i], &x->r[(x87_top(x) + i) & 7], 10);
    }
}

static void pointer_in(uint64_t v, uint64_t *offset, uint16_t *selector, bool w, bool has_selectors)
{
    *offset = w ? v : (uint32_t)v;
    *selector = w || !has_selectors ? 0 : v >> 32;
}

static void x87_in(struct cpu *cpu, const struct legacy *l, bool w)
{
    struct x87 *x = &cpu->x87;
    bool has_selectors = !cpu_has(cpu, 7, 0, 1, 13);

    x->tag_valid = l->tags;
    x->opcode = l->opcode & 0x7ff;
    pointer_in(l->ip, &x->ip, &x->cs, w, has_selectors);
    pointer_in(l->dp, &x->dp, &x->ds, w, has_selectors);
    x87_load(cpu, l->control, l->status);
    for (unsigned i = 0; i < 8; i++)
        memcpy(&x->r[(x87_top(x) + i) & 7], l->st[i], 10);
}

static void x87_clear(struct cpu *cpu)
{
    x87_init(cpu);
    memset(cpu->x87.r, 0, sizeof(cpu->x87.r));
}

/* 64-bit mode has twice the registers; the others' upper half is left alone. */
static unsigned n_xmm(const struct cpu *cpu)
{
    return cpu->mode & MODE_CODE64 ? 16 : 8;
}

static void xmm_out(const struct cpu *cpu, struct legacy *l)
{
    for (unsigned i = 0; i < n_xmm(cpu); i++)
        memcpy(l->xmm[i], &cpu->v[i], 16);
}

static void xmm_in(struct cpu *cpu, const struct legacy *l)
{
    for (unsigned i = 0; i < n_xmm(cpu); i++)
        memcpy(&cpu->v[i], l->xmm[i], 16);
}

/* ---- FXSAVE, FXRSTOR ---- */

static void check_fx(struct cpu *cpu)
{
    if (cpu->cr0 & (CR0_EM | CR0_TS))
        cpu_fault(cpu, EXC_NM);
}

static uint64_t aligned_operand(struct cpu *cpu, const struct uop *u, unsigned bytes,
                                unsigned align, bool write)
{
    uint64_t lin = fpu_linear(cpu, u, bytes, write);

    if (lin & (align - 1))
        cpu_fault_error(cpu, EXC_GP, 0);
    return lin;
}

/* AMD's fast form leaves the XMM registers out at CPL 0 in 64-bit mode. */
static bool moves_xmm(const struct cpu *cpu)
{
    return !(cpu->efer & EFER_FFXSR && cpu->mode & MODE_CODE64 && cpu->cpl == 0);
}

/* u->d: REX.W. */
static void run_fxsave(struct cpu *cpu, const struct uop *u)
{
    struct legacy l;
    uint64_t lin;

    check_fx(cpu);
    lin = aligned_operand(cpu, u, LEGACY_BYTES, 16, true);
    mem_probe_write(cpu, lin, sizeof(l));
    x87_out(cpu, &l, u->d);
    l.mxcsr = cpu->mxcsr;
    l.mxcsr_mask = MXCSR_MASK;
    xmm_out(cpu, &l);
    mem_write_bytes(cpu, lin, &l, XMM_AT + (moves_xmm(cpu) ? 16 * n_xmm(cpu) : 0));
}

static void run_fxrstor(struct cpu *cpu, const struct uop *u)
{
    struct legacy l;

    check_fx(cpu);
    mem_read_bytes(cpu, aligned_operand(cpu, u, LEGACY_BYTES, 16, false), &l, sizeof(l));
    if (cpu->cr4 & CR4_OSFXSR && l.mxcsr & ~MXCSR_MASK)
        cpu_fault_error(cpu, EXC_GP, 0);
    x87_in(cpu, &l, u->d);
    if (!(cpu->cr4 & CR4_OSFXSR))
        return;
    cpu->mxcsr = l.mxcsr;
    if (moves_xmm(cpu))
        xmm_in(cpu, &l);
}

/* ---- XSAVE's components ---- */

struct place {
    unsigned offset, bytes;
};

/* Where AVX and PKRU state lie in the standard format: CPUID leaf 0DH. */
static struct place standard_place(const struct cpu *cpu, unsigned component)
{
    const struct tenon_cpu_info *info = cpu->info;

    for (unsigned i = 0; i < info->n_cpuid; i++) {
        const struct tenon_cpuid *c = &info->cpuid[i];

        if (c->leaf == 13 && c->subleaf == component && c->eax <= 1024 &&
            c->ebx <= IMAGE_MAX - c->eax && c->ebx >= LEGACY_BYTES + HEADER_BYTES)
            return (struct place){ c->ebx, c->eax };
    }
    return component == 2 ? (struct place){ 576, 256 } : (struct place){ 2688, 8 };
}

static bool aligned_when_compact(const struct cpu *cpu, unsigned component)
{
    return cpu_has(cpu, 13, component, 2, 1);
}

/* compact: XCOMP_BV, or 0 for the standard format. */
static struct place place_of(const struct cpu *cpu, unsigned component, uint64_t compact)
{
    unsigned at = LEGACY_BYTES + HEADER_BYTES;
    struct place p;

    if (!compact)
        return standard_place(cpu, component);
    for (unsigned i = 2; i <= component; i++) {
        if (!(compact & movable(cpu) & 1ull << i))
            continue;
        p = standard_place(cpu, i);
        if (aligned_when_compact(cpu, i))
            at = (at + 63) & ~63u;
        p.offset = at;
        at += p.bytes;
    }
    return p;
}

static bool all_zero(const void *at, size_t bytes)
{
    const uint8_t *b = at;

    return !b[0] && !memcmp(b, b + 1, bytes - 1);
}

static bool x87_in_use(const struct x87 *x)
{
    return x->control != X87_CONTROL_INIT || x->status || x->tag_valid || x->opcode || x->cs ||
           x->ds || x->ip || x->dp || !all_zero(x->r, sizeof(x->r));
}

/* ---- Components that are only moved ---- */

static uint64_t *moved_bv(const struct cpu *cpu)
{
    return &((struct image *)cpu->moved)->header.bv;
}

static void moved_out(const struct cpu *cpu, struct image *image, uint64_t which, uint64_t compact)
{
    if (!(which & MOVED))
        return;
    for (unsigned i = MOVED_FIRST; i <= MOVED_LAST; i++) {
        struct place p = place_of(cpu, i, compact);

        if (which & MOVED & 1ull << i)
            memcpy((uint8_t *)image + p.offset, cpu->moved + standard_place(cpu, i).offset,
                   p.bytes);
    }
}

static void moved_in(struct cpu *cpu, const struct image *image, uint64_t which, uint64_t compact)
{
    if (!(which & MOVED))
        return;
    for (unsigned i = MOVED_FIRST; i <= MOVED_LAST; i++) {
        struct place p = place_of(cpu, i, compact);

        if (which & MOVED & 1ull << i)
            memcpy(cpu->moved + standard_place(cpu, i).offset, (const uint8_t *)image + p.offset,
                   p.bytes);
    }
    *moved_bv(cpu) |= which & MOVED;
}

static void moved_clear(struct cpu *cpu, uint64_t which)
{
    if (!(which & MOVED))
        return;
    for (unsigned i = MOVED_FIRST; i <= MOVED_LAST; i++) {
        struct place p = standard_place(cpu, i);

        if (which & MOVED & 1ull << i)
            memset(cpu->moved + p.offset, 0, p.bytes);
    }
    *moved_bv(cpu) &= ~(which & MOVED);
}

/* Outside 64-bit mode, too, by all 16 registers. */
static uint64_t in_use(const struct cpu *cpu)
{
    uint64_t used = (x87_in_use(&cpu->x87) ? X87 : 0) | (cpu->pkru ? PKRU : 0);

    if (cpu->moved)
        used |= *moved_bv(cpu) & MOVED;
    for (unsigned i = 0; i < 16; i++) {
        if (cpu->v[i].u64[0] | cpu->v[i].u64[1])
            used |= SSE;
        if (cpu->v[i].u64[2] | cpu->v[i].u64[3])
            used |= AVX;
    }
    return used;
}

static uint8_t *ymm_of(struct image *image, struct place p, unsigned i)
{
    return (uint8_t *)image + p.offset + 16 * i;
}

static void components_out(const struct cpu *cpu, struct image *image, uint64_t which,
                           uint64_t compact, bool w)
{
    moved_out(cpu, image, which, compact);
    if (which & X87)
        x87_out(cpu, &image->legacy, w);
    if (which & SSE)
        xmm_out(cpu, &image->legacy);
    if (which & AVX) {
        struct place p = place_of(cpu, 2, compact);

        for (unsigned i = 0; i < n_xmm(cpu); i++)
            memcpy(ymm_of(image, p, i), &cpu->v[i].u64[2], 16);
    }
    if (which & PKRU) {
        struct place p = place_of(cpu, 9, compact);

        memset((uint8_t *)image + p.offset, 0, p.bytes);
        memcpy((uint8_t *)image + p.offset, &cpu->pkru, 4);
    }
}

static void components_in(struct cpu *cpu, struct image *image, uint64_t which, uint64_t compact,
                          bool w)
{
    moved_in(cpu, image, which, compact);
    if (which & X87)
        x87_in(cpu, &image->legacy, w);
    if (which & SSE)
        xmm_in(cpu, &image->legacy);
    if (which & AVX) {
        struct place p = place_of(cpu, 2, compact);

        for (unsigned i = 0; i < n_xmm(cpu); i++)
            memcpy(&cpu->v[i].u64[2], ymm_of(image, p, i), 16);
    }
    if (which & PKRU) {
        uint32_t pkru;

        memcpy(&pkru, (uint8_t *)image + place_of(cpu, 9, compact).offset, 4);
        pkru_set(cpu, pkru);
    }
}

static void components_clear(struct cpu *cpu, uint64_t which)
{
    moved_clear(cpu, which);
    if (which & X87)
        x87_clear(cpu);
    for (unsigned i = 0; i < n_xmm(cpu); i++) {
        if (which & SSE)
            cpu->v[i].u64[0] = cpu->v[i].u64[1] = 0;
        if (which & AVX)
            cpu->v[i].u64[2] = cpu->v[i].u64[3] = 0;
    }
    if (which & PKRU)
        pkru_set(cpu, 0);
}

/* ---- All of it, whatever the mode ---- */

void xsave_state_in(struct cpu *cpu, const uint8_t bytes[IMAGE_MAX])
{
    struct image image;

    memcpy(&image, bytes, sizeof(image));
    if (image.header.bv & X87)
        x87_in(cpu, &image.legacy, true);
    else
        x87_clear(cpu);
    memset(cpu->v, 0, sizeof(cpu->v));
    for (unsigned i = 0; i < 16; i++) {
        if (image.header.bv & SSE)
            memcpy(&cpu->v[i], image.legacy.xmm[i], 16);
        if (image.header.bv & AVX)
            memcpy(&cpu->v[i].u64[2], ymm_of(&image, standard_place(cpu, 2), i), 16);
    }
    cpu->mxcsr = image.legacy.mxcsr & MXCSR_MASK;
    cpu->pkru = 0;
    if (image.header.bv & PKRU)
        memcpy(&cpu->pkru, bytes + standard_place(cpu, 9).offset, 4);
}

void xsave_state_out(const struct cpu *cpu, uint8_t bytes[IMAGE_MAX])
{
    struct image image;
    uint64_t used = in_use(cpu);

    memcpy(&image, bytes, sizeof(image));
    x87_out(cpu, &image.legacy, true);
    for (unsigned i = 0; i < 16; i++) {
        memcpy(image.legacy.xmm[i], &cpu->v[i], 16);
        if ((used | image.header.bv) & AVX)
            memcpy(ymm_of(&image, standard_place(cpu, 2), i), &cpu->v[i].u64[2], 16);
    }
    image.legacy.mxcsr = cpu->mxcsr;
    if ((used | image.header.bv) & PKRU)
        memcpy((uint8_t *)&image + standard_place(cpu, 9).offset, &cpu->pkru, 4);
    image.header.bv |= used | X87 | SSE;
    memcpy(bytes, &image, sizeof(image));
}

/* ---- XSAVE and its forms ---- */

/* u->d of these. */
enum { W = 1, OPTIMIZED = 2, COMPACTED = 4, SUPERVISOR = 8 };

static void check_xsave(struct cpu *cpu, const struct uop *u)
{
    if (!(cpu->cr4 & CR4_OSXSAVE))
        cpu_fault(cpu, EXC_UD);
    if (u->d & SUPERVISOR && cpu->cpl)
        cpu_fault_error(cpu, EXC_GP, 0);
    if (cpu->cr0 & CR0_TS)
        cpu_fault(cpu, EXC_NM);
}

/* RFBM: what is asked for, of what is enabled. */
static uint64_t requested(const struct cpu *cpu, const struct uop *u)
{
    uint64_t enabled = cpu->xcr0 | (u->d & SUPERVISOR ? cpu->msr.xss : 0);

    return (cpu->r[RAX] & 0xffffffff) & enabled & movable(cpu);
}

static unsigned image_bytes(const struct cpu *cpu, uint64_t which, uint64_t compact)
{
    unsigned bytes = LEGACY_BYTES + HEADER_BYTES;

    for (unsigned i = 2; i <= 9; i++) {
        struct place p;

        if (!(which & movable(cpu) & 1ull << i))
            continue;
        p = place_of(cpu, i, compact);
        if (p.offset + p.bytes > bytes)
            bytes = p.offset + p.bytes;
    }
    return bytes;
}

static void read_pieces(struct cpu *cpu, uint64_t lin, void *to, unsigned from, unsigned end)
{
    for (unsigned n; from < end; from += n) {
        n = end - from < PIECE ? end - from : PIECE;
        mem_read_bytes(cpu, lin + from, (uint8_t *)to + from, n);
    }
}

static void probe_pieces(struct cpu *cpu, uint64_t lin, unsigned from, unsigned end)
{
    for (unsigned n; from < end; from += n) {
        n = end - from < PIECE ? end - from : PIECE;
        mem_probe_write(cpu, lin + from, n);
    }
}

/* The pieces of an image that an instruction writes. */
struct span {
    unsigned from, end;
};

static unsigned spans_of(const struct cpu *cpu, const struct uop *u, uint64_t written, bool mxcsr,
                         uint64_t compact, struct span span[9])
{
    static const uint8_t extended[] = { 2, 5, 6, 7, 9 };
    unsigned n = 0;

    if (written & X87) {
        span[n++] = (struct span){ 0, 24 };
        span[n++] = (struct span){ 32, XMM_AT };
    }
    if (mxcsr)
        span[n++] = (struct span){ 24, 32 };
    if (written & SSE)
        span[n++] = (struct span){ XMM_AT, XMM_AT + 16 * n_xmm(cpu) };
    for (unsigned i = 0; i < sizeof(extended); i++) {
        struct place p;

        if (!(written & 1ull << extended[i]))
            continue;
        p = place_of(cpu, extended[i], compact);
        span[n++] =
            (struct span){ p.offset, p.offset + (extended[i] == 2 ? 16 * n_xmm(cpu) : p.bytes) };
    }
    return n;
}

static void write_spans(struct cpu *cpu, uint64_t lin, const struct image *image,
                        const struct span *span, unsigned n, unsigned header_bytes)
{
    for (unsigned i = 0; i < n; i++)
        mem_write_bytes(cpu, lin + span[i].from, (const uint8_t *)image + span[i].from,
                        span[i].end - span[i].from);
    mem_write_bytes(cpu, lin + LEGACY_BYTES, &image->header, header_bytes);
}

static void run_xsave(struct cpu *cpu, const struct uop *u)
{
    struct image image;
    struct span span[9];
    uint64_t lin, rfbm, used = in_use(cpu), written, compact;
    bool mxcsr;
    unsigned n;

    check_xsave(cpu, u);
    rfbm = requested(cpu, u);
    compact = u->d & COMPACTED ? COMPACT | rfbm : 0;
    if (u->d & COMPACTED && cpu->mxcsr != MXCSR_INIT)
        used |= SSE;
    written = u->d & (OPTIMIZED | COMPACTED) ? rfbm & used : rfbm;
    mxcsr = u->d & COMPACTED ? written & SSE : rfbm & (SSE | AVX);
    lin = aligned_operand(cpu, u, LEGACY_BYTES + HEADER_BYTES, 64, true);
    probe_pieces(cpu, lin, 0, image_bytes(cpu, rfbm, compact));
    read_pieces(cpu, lin, &image, LEGACY_BYTES, LEGACY_BYTES + 8);
    image.header.bv = compact ? rfbm & used : (image.header.bv & ~rfbm) | (rfbm & used);
    image.header.compact_bv = compact;
    image.legacy.mxcsr = cpu->mxcsr;
    image.legacy.mxcsr_mask = MXCSR_MASK;
    components_out(cpu, &image, written, compact, u->d & W);
    n = spans_of(cpu, u, written, mxcsr, compact, span);
    write_spans(cpu, lin, &image, span, n, compact ? 16 : 8);
}

/* The header says what can be restored: #GP. */
static void check_header(struct cpu *cpu, const struct uop *u, const struct header *h)
{
    uint64_t enabled = cpu->xcr0 | (u->d & SUPERVISOR ? cpu->msr.xss : 0);
    bool compact = h->compact_bv & COMPACT, good;

    if (compact)
        good = cpu_has(cpu, 13, 1, 0, 1) && !(h->compact_bv & ~COMPACT & ~enabled) &&
               !(h->bv & ~h->compact_bv) && !(h->bv & COMPACT) && all_zero(h->reserved, 48);
    else
        good = !(u->d & SUPERVISOR) && !h->compact_bv && !h->reserved[0] && !(h->bv & ~enabled);
    if (!good)
        cpu_fault_error(cpu, EXC_GP, 0);
}

static void run_xrstor(struct cpu *cpu, const struct uop *u)
{
    struct image image;
    uint64_t lin, rfbm, load, compact;
    bool mxcsr;

    check_xsave(cpu, u);
    rfbm = requested(cpu, u);
    lin = aligned_operand(cpu, u, LEGACY_BYTES + HEADER_BYTES, 64, false);
    read_pieces(cpu, lin, &image, 0, LEGACY_BYTES + HEADER_BYTES);
    check_header(cpu, u, &image.header);
    compact = image.header.compact_bv;
    load = rfbm & image.header.bv;
    mxcsr = compact ? load & SSE : rfbm & (SSE | AVX);
    if (mxcsr && image.legacy.mxcsr & ~MXCSR_MASK)
        cpu_fault_error(cpu, EXC_GP, 0);
    read_pieces(cpu, lin, &image, LEGACY_BYTES + HEADER_BYTES, image_bytes(cpu, load, compact));
    components_in(cpu, &image, load, compact, u->d & W);
    components_clear(cpu, rfbm & ~load);
    if (mxcsr)
        cpu->mxcsr = image.legacy.mxcsr;
    else if (compact && rfbm & SSE)
        cpu->mxcsr = MXCSR_INIT;
}

/* ---- Translation ---- */

struct form {
    uop_call *run;
    uint8_t d;
    uint8_t leaf, reg, bit; /* of CPUID */
};

static bool emit_form(struct block_builder *b, const struct insn *in, const struct form *form)
{
    if (!form->run || in->mod == 3 || in->pp != PFX_NONE || in->vex ||
        !cpu_has(b->cpu, form->leaf, form->leaf == 13, form->reg, form->bit))
        return false;
    /* XRSTOR may change what the protection keys forbid. */
    if (form->run == run_xrstor)
        emit_call_last(b, form->run, form->d | in->w, 0, 0, fpu_operand(in));
    else
        emit_call(b, form->run, form->d | in->w, 0, 0, fpu_operand(in));
    return true;
}

bool xsave_translate(struct block_builder *b, const struct insn *in)
{
    static const struct form ae[8] = {
        [0] = { run_fxsave, 0, 1, 3, 24 },        [1] = { run_fxrstor, 0, 1, 3, 24 },
        [4] = { run_xsave, 0, 1, 2, 26 },         [5] = { run_xrstor, 0, 1, 2, 26 },
        [6] = { run_xsave, OPTIMIZED, 13, 0, 0 },
    };
    static const struct form c7[8] = {
        [3] = { run_xrstor, SUPERVISOR, 13, 0, 3 },
        [4] = { run_xsave, COMPACTED, 13, 0, 1 },
        [5] = { run_xsave, COMPACTED | SUPERVISOR, 13, 0, 3 },
    };

    if (in->map != MAP_0F || (in->opcode != 0xae && in->opcode != 0xc7))
        return false;
    return emit_form(b, in, &(in->opcode == 0xae ? ae : c7)[in->modrm >> 3 & 7]);
}
