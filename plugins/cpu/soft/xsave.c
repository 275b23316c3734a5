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

enum {
    X87 = 1,
    SSE = 2,
    AVX = 4,
    OPMASK = 0x20,
    ZMM_HIGH = 0x40, /* the upper halves of ZMM0 to ZMM15 */
    HIGH_ZMM = 0x80, /* ZMM16 to ZMM31 */
    AVX512 = OPMASK | ZMM_HIGH | HIGH_ZMM,
    PKRU = 0x200,
    KNOWN = X87 | SSE | AVX | AVX512 | PKRU,
    N_COMPONENTS = 10,
    COMPACT_BIT = 63
};
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

/* So many bytes of each of registers 0 to n-1, from a byte on. */
static void vectors_out(const struct cpu *cpu, uint8_t *to, unsigned n, unsigned from,
                        unsigned bytes)
{
    for (unsigned i = 0; i < n; i++)
        memcpy(to + bytes * i, &cpu->v[i].u8[from], bytes);
}

static void vectors_in(struct cpu *cpu, const uint8_t *from, unsigned n, unsigned at,
                       unsigned bytes)
{
    for (unsigned i = 0; i < n; i++)
        memcpy(&cpu->v[i].u8[at], from + bytes * i, bytes);
}

static void xmm_out(const struct cpu *cpu, struct legacy *l, unsigned n)
{
    vectors_out(cpu, l->xmm[0], n, 0, 16);
}

static void xmm_in(struct cpu *cpu, const struct legacy *l, unsigned n)
{
    vectors_in(cpu, l->xmm[0], n, 0, 16);
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
    xmm_out(cpu, &l, n_xmm(cpu));
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
        xmm_in(cpu, &l, n_xmm(cpu));
}

/* ---- XSAVE's components ---- */

struct place {
    unsigned offset, bytes;
};

/* In the standard format, where CPUID leaf 0DH does not say otherwise. */
static const struct place places[N_COMPONENTS] = {
    [2] = { 576, 256 },   [5] = { 1088, 64 }, [6] = { 1152, 512 },
    [7] = { 1664, 1024 }, [9] = { 2688, 8 },
};

static void find_places(struct cpu *cpu)
{
    const struct tenon_cpu_info *info = cpu->info;
    struct xsave_layout *to = &cpu->layout;

    *to = (struct xsave_layout){ .of = info->cpuid };
    for (unsigned i = 0; i < N_COMPONENTS; i++)
        to->offset[i] = places[i].offset;
    for (unsigned i = 0; i < info->n_cpuid; i++) {
        const struct tenon_cpuid *c = &info->cpuid[i];

        if (c->leaf != 13 || c->subleaf < 2 || c->subleaf >= N_COMPONENTS)
            continue;
        if (c->ebx >= LEGACY_BYTES + HEADER_BYTES && c->ebx <= IMAGE_MAX - places[c->subleaf].bytes)
            to->offset[c->subleaf] = c->ebx;
        to->aligned |= (c->ecx >> 1 & 1) << c->subleaf;
    }
}

static const struct xsave_layout *layout(struct cpu *cpu)
{
    if (cpu->layout.of != cpu->info->cpuid)
        find_places(cpu);
    return &cpu->layout;
}

/* compact: XCOMP_BV, or 0 for the standard format. */
static struct place place_of(struct cpu *cpu, unsigned component, uint64_t compact)
{
    const struct xsave_layout *l = layout(cpu);
    struct place p = { l->offset[component], places[component].bytes };
    unsigned at = LEGACY_BYTES + HEADER_BYTES;

    if (!compact)
        return p;
    for (unsigned i = 2; i <= component; i++) {
        if (!(compact & KNOWN & 1ull << i))
            continue;
        if (l->aligned >> i & 1)
            at = (at + 63) & ~63u;
        p.offset = at;
        at += places[i].bytes;
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

/* Of AVX-512's. */
static uint64_t wide_in_use(const struct cpu *cpu)
{
    uint64_t used = all_zero(cpu->k, sizeof(cpu->k)) ? 0 : OPMASK;

    for (unsigned i = 0; i < 16; i++)
        if (!all_zero(&cpu->v[i].u64[4], 32))
            used |= ZMM_HIGH;
    return used | (all_zero(&cpu->v[16], 16 * sizeof(union vec)) ? 0 : HIGH_ZMM);
}

/* Outside 64-bit mode, too, by all registers. */
uint64_t xsave_in_use(const struct cpu *cpu)
{
    uint64_t used = (x87_in_use(&cpu->x87) ? X87 : 0) | (cpu->pkru ? PKRU : 0);

    for (unsigned i = 0; i < 16; i++) {
        if (cpu->v[i].u64[0] | cpu->v[i].u64[1])
            used |= SSE;
        if (cpu->v[i].u64[2] | cpu->v[i].u64[3])
            used |= AVX;
    }
    return used | (cpu->wide ? wide_in_use(cpu) : 0);
}

static uint8_t *part(struct cpu *cpu, struct image *image, unsigned component, uint64_t compact)
{
    return (uint8_t *)image + place_of(cpu, component, compact).offset;
}

static void vectors_clear(struct cpu *cpu, unsigned n, unsigned at, unsigned bytes)
{
    for (unsigned i = 0; i < n; i++)
        memset(&cpu->v[i].u8[at], 0, bytes);
}

/* n is 8 outside 64-bit mode, where registers 16 to 31 are beyond reach. */
static void wide_out(struct cpu *cpu, struct image *image, uint64_t which, uint64_t compact,
                     unsigned n)
{
    if (which & OPMASK)
        memcpy(part(cpu, image, 5, compact), cpu->k, sizeof(cpu->k));
    if (which & ZMM_HIGH)
        vectors_out(cpu, part(cpu, image, 6, compact), n, 32, 32);
    if (which & HIGH_ZMM && n == 16)
        memcpy(part(cpu, image, 7, compact), &cpu->v[16], 16 * sizeof(union vec));
}

static void wide_in(struct cpu *cpu, struct image *image, uint64_t which, uint64_t compact,
                    unsigned n)
{
    if (which & OPMASK)
        memcpy(cpu->k, part(cpu, image, 5, compact), sizeof(cpu->k));
    if (which & ZMM_HIGH)
        vectors_in(cpu, part(cpu, image, 6, compact), n, 32, 32);
    if (which & HIGH_ZMM && n == 16)
        memcpy(&cpu->v[16], part(cpu, image, 7, compact), 16 * sizeof(union vec));
    if (which & AVX512)
        cpu->wide = true;
}

static void wide_clear(struct cpu *cpu, uint64_t which, unsigned n)
{
    if (which & OPMASK)
        memset(cpu->k, 0, sizeof(cpu->k));
    if (which & ZMM_HIGH)
        vectors_clear(cpu, n, 32, 32);
    if (which & HIGH_ZMM && n == 16)
        memset(&cpu->v[16], 0, 16 * sizeof(union vec));
    if ((which & AVX512) == AVX512 && n == 16)
        cpu->wide = false;
}

static void components_out(struct cpu *cpu, struct image *image, uint64_t which, uint64_t compact,
                           bool w)
{
    if (which & X87)
        x87_out(cpu, &image->legacy, w);
    if (which & SSE)
        xmm_out(cpu, &image->legacy, n_xmm(cpu));
    if (which & AVX)
        vectors_out(cpu, part(cpu, image, 2, compact), n_xmm(cpu), 16, 16);
    if (which & PKRU) {
        uint8_t *at = part(cpu, image, 9, compact);

        memset(at, 0, places[9].bytes);
        memcpy(at, &cpu->pkru, 4);
    }
    wide_out(cpu, image, which, compact, n_xmm(cpu));
}

static void components_in(struct cpu *cpu, struct image *image, uint64_t which, uint64_t compact,
                          bool w)
{
    if (which & X87)
        x87_in(cpu, &image->legacy, w);
    if (which & SSE)
        xmm_in(cpu, &image->legacy, n_xmm(cpu));
    if (which & AVX)
        vectors_in(cpu, part(cpu, image, 2, compact), n_xmm(cpu), 16, 16);
    if (which & PKRU) {
        uint32_t pkru;

        memcpy(&pkru, part(cpu, image, 9, compact), 4);
        pkru_set(cpu, pkru);
    }
    wide_in(cpu, image, which, compact, n_xmm(cpu));
}

static void components_clear(struct cpu *cpu, uint64_t which)
{
    if (which & X87)
        x87_clear(cpu);
    if (which & SSE)
        vectors_clear(cpu, n_xmm(cpu), 0, 16);
    if (which & AVX)
        vectors_clear(cpu, n_xmm(cpu), 16, 16);
    if (which & PKRU)
        pkru_set(cpu, 0);
    if (cpu->wide)
        wide_clear(cpu, which, n_xmm(cpu));
}

/* ---- All of it, whatever the mode ---- */

void xsave_state_in(struct cpu *cpu, const uint8_t bytes[IMAGE_MAX])
{
    struct image image;
    uint64_t bv;

    memcpy(&image, bytes, sizeof(image));
    bv = image.header.bv;
    if (bv & X87)
        x87_in(cpu, &image.legacy, true);
    else
        x87_clear(cpu);
    memset(cpu->v, 0, sizeof(cpu->v));
    memset(cpu->k, 0, sizeof(cpu->k));
    cpu->wide = false;
    if (bv & SSE)
        xmm_in(cpu, &image.legacy, 16);
    if (bv & AVX)
        vectors_in(cpu, part(cpu, &image, 2, 0), 16, 16, 16);
    wide_in(cpu, &image, bv, 0, 16);
    cpu->mxcsr = image.legacy.mxcsr & MXCSR_MASK;
    cpu->pkru = 0;
    if (bv & PKRU)
        memcpy(&cpu->pkru, part(cpu, &image, 9, 0), 4);
}

void xsave_state_out(struct cpu *cpu, uint8_t bytes[IMAGE_MAX])
{
    struct image image;
    uint64_t used;

    memcpy(&image, bytes, sizeof(image));
    used = xsave_in_use(cpu) | image.header.bv;
    x87_out(cpu, &image.legacy, true);
    xmm_out(cpu, &image.legacy, 16);
    if (used & AVX)
        vectors_out(cpu, part(cpu, &image, 2, 0), 16, 16, 16);
    wide_out(cpu, &image, used, 0, 16);
    image.legacy.mxcsr = cpu->mxcsr;
    if (used & PKRU)
        memcpy(part(cpu, &image, 9, 0), &cpu->pkru, 4);
    image.header.bv = used | X87 | SSE;
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

    return (cpu->r[RAX] & 0xffffffff) & enabled & KNOWN;
}

static unsigned image_bytes(struct cpu *cpu, uint64_t which, uint64_t compact)
{
    unsigned bytes = LEGACY_BYTES + HEADER_BYTES;

    for (unsigned i = N_COMPONENTS; i-- > 2;) {
        struct place p;

        if (!(which & 1ull << i))
            continue;
        p = place_of(cpu, i, compact);
        if (p.offset + p.bytes > bytes)
            bytes = p.offset + p.bytes;
        if (compact) /* there the last one ends it */
            break;
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

static unsigned bytes_out(const struct cpu *cpu, unsigned component)
{
    switch (component) {
    case 2: return 16 * n_xmm(cpu);
    case 6: return 32 * n_xmm(cpu);
    case 7: return n_xmm(cpu) == 16 ? places[7].bytes : 0;
    default: return places[component].bytes;
    }
}

static unsigned spans_of(struct cpu *cpu, uint64_t written, bool mxcsr, uint64_t compact,
                         struct span span[9])
{
    unsigned n = 0;

    if (written & X87) {
        span[n++] = (struct span){ 0, 24 };
        span[n++] = (struct span){ 32, XMM_AT };
    }
    if (mxcsr)
        span[n++] = (struct span){ 24, 32 };
    if (written & SSE)
        span[n++] = (struct span){ XMM_AT, XMM_AT + 16 * n_xmm(cpu) };
    for (unsigned i = 2; i < N_COMPONENTS; i++) {
        struct place p;

        if (!(written & 1ull << i))
            continue;
        p = place_of(cpu, i, compact);
        span[n++] = (struct span){ p.offset, p.offset + bytes_out(cpu, i) };
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
    uint64_t lin, rfbm, used = xsave_in_use(cpu), written, compact;
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
    n = spans_of(cpu, written, mxcsr, compact, span);
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
