/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gdb-registers - what gdb is told of a processor's registers, and their values.
 *
 * "Debugging with GDB", appendix G (target descriptions; G.5.8: i386 features).  The XSAVE area is
 * that of Intel SDM volume 1, section 13.4, descriptors those of volume 3, section 3.4.5.
 */

#include "debug/gdb-impl.h"

#include <errno.h>
#include <string.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "cpu/state.h"
#include "debug/memory.h"

enum kind {
    GENERAL,
    RIP,
    FLAGS,
    SEGMENT,
    ST,
    FCTRL,
    FSTAT,
    FTAG,
    FSEG,
    FIOFF,
    FOOFF,
    FOP,
    XMM,
    MXCSR,
    YMM_HIGH,
    OPMASK,
    ZMM_HIGH, /* of the first 16 */
    HIGH_ZMM, /* and any part of the others */
    BASE,
    KERNEL_GS_BASE,
    CR0,
    CR2,
    CR3,
    CR4,
    CR8,
    EFER
};

/* ---- The list ---- */

// clang-format off
static const char types[] =
    "<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/>"
    "<vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
    "<vector id=\"v16i8\" type=\"int8\" count=\"16\"/>"
    "<vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
    "<vector id=\"v4i32\" type=\"int32\" count=\"4\"/>"
    "<vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
    "<union id=\"vec128\">"
    "<field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
    "<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/>"
    "<field name=\"v4_int32\" type=\"v4i32\"/><field name=\"v2_int64\" type=\"v2i64\"/>"
    "<field name=\"uint128\" type=\"uint128\"/></union>";

/* Bits by name, for gdb to show. */
static const struct flags {
    const char *id;
    unsigned bytes; /* 0: as wide as the registers */
    const char *names; /* with the number of the bit before each */
} eflags  = { "i386_eflags",  4, "0CF 2PF 4AF 6ZF 7SF 8TF 9IF 10DF 11OF 14NT 16RF 17VM 18AC 19VIF 20VIP 21ID" },
  mxcsr   = { "i386_mxcsr",   4, "0IE 1DE 2ZE 3OE 4UE 5PE 6DAZ 7IM 8DM 9ZM 10OM 11UM 12PM 15FZ" },
  cr0     = { "i386_cr0",     0, "0PE 1MP 2EM 3TS 4ET 5NE 16WP 18AM 29NW 30CD 31PG" },
  cr3     = { "i386_cr3",     0, "3PWT 4PCD" },
  cr4     = { "i386_cr4",     0, "0VME 1PVI 2TSD 3DE 4PSE 5PAE 6MCE 7PGE 8PCE 9OSFXSR 10OSXMMEXCPT 11UMIP 12LA57 "
                                 "13VMXE 14SMXE 16FSGSBASE 17PCIDE 18OSXSAVE 20SMEP 21SMAP 22PKE" },
  efer    = { "i386_efer",    0, "0SCE 8LME 10LMA 11NXE 12SVME 13LMSLE 14FFXSR 15TCE" };
// clang-format on

/* What the list is being made for. */
struct maker {
    struct gdb_registers *regs;
    const struct vcpu *cpu;
    bool wide, in_feature;
};

static void feature(struct maker *k, const char *name)
{
    g_string_append_printf(k->regs->xml, "%s<feature name=\"%s\">",
                           k->in_feature ? "</feature>" : "", name);
    k->in_feature = true;
}

static void flags(struct maker *k, const struct flags *f)
{
    unsigned bytes = f->bytes ? f->bytes : k->wide ? 8 : 4;
    char **names = g_strsplit(f->names, " ", -1);

    g_string_append_printf(k->regs->xml, "<flags id=\"%s\" size=\"%u\">", f->id, bytes);
    for (char **name = names; *name; name++) {
        char *text;
        unsigned bit = g_ascii_strtoull(*name, &text, 10);

        g_string_append_printf(k->regs->xml, "<field name=\"%s\" start=\"%u\" end=\"%u\"/>", text,
                               bit, bit);
    }
    g_string_append(k->regs->xml, "</flags>");
    g_strfreev(names);
}

static void add(struct maker *k, const char *name, enum kind kind, unsigned n, unsigned bits,
                const char *type, const char *group)
{
    struct gdb_register *reg = &k->regs->list[k->regs->n++];

    *reg =
        (struct gdb_register){ .type = type, .group = group, .bits = bits, .kind = kind, .n = n };
    g_strlcpy(reg->name, name, sizeof(reg->name));
    g_string_append_printf(k->regs->xml, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"%s%s%s/>",
                           name, bits, type, group ? " group=\"" : "", group ? group : "",
                           group ? "\"" : "");
}

static void add_numbered(struct maker *k, const char *format, enum kind kind, unsigned n,
                         unsigned bits, const char *type, const char *group)
{
    for (unsigned i = 0; i < n; i++) {
        char name[12];

        g_snprintf(name, sizeof(name), format, i);
        add(k, name, kind, i, bits, type, group);
    }
}

static void add_general(struct maker *k)
{
    static const uint8_t wide_order[] = { 0, 3, 1, 2, 6, 7, 5, 4 }; /* gdb's; 32-bit: Intel's */
    static const char *const names[] = { "ax", "cx", "dx", "bx", "sp", "bp", "si", "di" };
    const char *integer = k->wide ? "int64" : "int32";
    unsigned bits = k->wide ? 64 : 32;
    char name[12];

    for (unsigned i = 0; i < 8; i++) {
        unsigned n = k->wide ? wide_order[i] : i;

        g_snprintf(name, sizeof(name), "%c%s", k->wide ? 'r' : 'e', names[n]);
        add(k, name, GENERAL, n, bits, n == 4 || n == 5 ? "data_ptr" : integer, NULL);
    }
    for (unsigned i = 8; k->wide && i < 16; i++) {
        g_snprintf(name, sizeof(name), "r%u", i);
        add(k, name, GENERAL, i, 64, "int64", NULL);
    }
    add(k, k->wide ? "rip" : "eip", RIP, 0, bits, "code_ptr", NULL);
}

static void add_core(struct maker *k)
{
    static const char *const segments[] = { "cs", "ss", "ds", "es", "fs", "gs" };
    static const uint8_t numbers[] = { 1, 2, 3, 0, 4, 5 };

    feature(k, "org.gnu.gdb.i386.core");
    flags(k, &eflags);
    add_general(k);
    add(k, "eflags", FLAGS, 0, 32, eflags.id, NULL);
    for (unsigned i = 0; i < 6; i++)
        add(k, segments[i], SEGMENT, numbers[i], 32, "int32", NULL);
    add_numbered(k, "st%u", ST, 8, 80, "i387_ext", NULL);
    add(k, "fctrl", FCTRL, 0, 32, "int", "float");
    add(k, "fstat", FSTAT, 0, 32, "int", "float");
    add(k, "ftag", FTAG, 0, 32, "int", "float");
    add(k, "fiseg", FSEG, 0, 32, "int", "float");
    add(k, "fioff", FIOFF, 0, 32, "int", "float");
    add(k, "foseg", FSEG, 1, 32, "int", "float");
    add(k, "fooff", FOOFF, 0, 32, "int", "float");
    add(k, "fop", FOP, 0, 32, "int", "float");
}

/* The same in the XSAVE area: the first from at on, the others so many bytes behind each other. */
static void add_placed(struct maker *k, const char *format, unsigned first, unsigned n,
                       enum kind kind, unsigned at, unsigned stride, unsigned bits,
                       const char *type)
{
    for (unsigned i = 0; i < n; i++) {
        char name[12];

        g_snprintf(name, sizeof(name), format, first + i);
        add(k, name, kind, 0, bits, type, NULL);
        k->regs->list[k->regs->n - 1].at = at + stride * i;
    }
}

static void add_avx512(struct maker *k)
{
    unsigned opmask = state_component(k->cpu, XSAVE_OPMASK);
    unsigned high = state_component(k->cpu, XSAVE_ZMM_HIGH);
    unsigned beyond = state_component(k->cpu, XSAVE_HIGH_ZMM);

    feature(k, "org.gnu.gdb.i386.avx512");
    g_string_append(k->regs->xml, types);
    g_string_append(k->regs->xml, "<vector id=\"v2ui128\" type=\"uint128\" count=\"2\"/>");
    add_placed(k, "k%u", 0, 8, OPMASK, opmask, 8, 64, "uint64");
    add_placed(k, "zmm%uh", 0, k->wide ? 16 : 8, ZMM_HIGH, high, 32, 256, "v2ui128");
    if (!k->wide)
        return;
    add_placed(k, "zmm%uh", 16, 16, HIGH_ZMM, beyond + 32, 64, 256, "v2ui128");
    add_placed(k, "xmm%u", 16, 16, HIGH_ZMM, beyond, 64, 128, "vec128");
    add_placed(k, "ymm%uh", 16, 16, HIGH_ZMM, beyond + 16, 64, 128, "uint128");
}

static void add_vectors(struct maker *k, bool sse, bool avx, bool avx512)
{
    unsigned n = k->wide ? 16 : 8;

    if (!sse)
        return;
    feature(k, "org.gnu.gdb.i386.sse");
    g_string_append(k->regs->xml, types);
    flags(k, &mxcsr);
    add_numbered(k, "xmm%u", XMM, n, 128, "vec128", NULL);
    add(k, "mxcsr", MXCSR, 0, 32, mxcsr.id, "vector");
    if (!avx)
        return;
    feature(k, "org.gnu.gdb.i386.avx");
    add_numbered(k, "ymm%uh", YMM_HIGH, n, 128, "uint128", NULL);
    if (avx512)
        add_avx512(k);
}

static void add_system(struct maker *k)
{
    const char *word = k->wide ? "int64" : "int32";
    unsigned bits = k->wide ? 64 : 32;

    if (k->wide)
        feature(k, "org.gnu.gdb.i386.segments");
    else
        feature(k, "org.tenon.i386.system");
    add(k, "fs_base", BASE, 4, bits, word, "system");
    add(k, "gs_base", BASE, 5, bits, word, "system");
    if (k->wide)
        feature(k, "org.tenon.i386.system");
    add(k, "k_gs_base", KERNEL_GS_BASE, 0, bits, word, "system");
    flags(k, &cr0);
    flags(k, &cr3);
    flags(k, &cr4);
    flags(k, &efer);
    add(k, "cr0", CR0, 0, bits, cr0.id, "system");
    add(k, "cr2", CR2, 0, bits, word, "system");
    add(k, "cr3", CR3, 0, bits, cr3.id, "system");
    add(k, "cr4", CR4, 0, bits, cr4.id, "system");
    add(k, "cr8", CR8, 0, bits, word, "system");
    add(k, "efer", EFER, 0, bits, efer.id, "system");
    add(k, "es_base", BASE, 0, bits, word, "system");
    add(k, "cs_base", BASE, 1, bits, word, "system");
    add(k, "ss_base", BASE, 2, bits, word, "system");
    add(k, "ds_base", BASE, 3, bits, word, "system");
}

static bool has(const struct vcpu *cpu, uint32_t leaf, size_t reg, unsigned bit)
{
    const struct cpuid_entry *e = cpuid_find(cpu->cpuid, cpu->n_cpuid, leaf, 0);

    return e && *(const uint32_t *)((const char *)e + reg) >> bit & 1;
}

struct gdb_registers *gdb_registers_create(const struct vcpu *cpu)
{
    struct maker k = {
        .regs = g_new0(struct gdb_registers, 1),
        .cpu = cpu,
        .wide = has(cpu, 0x80000001, offsetof(struct cpuid_entry, edx), 29),
    };

    k.regs->xml = g_string_new("<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
                               "<target><architecture>");
    g_string_append_printf(k.regs->xml, "%s</architecture>", k.wide ? "i386:x86-64" : "i386");
    add_core(&k);
    add_vectors(&k, has(cpu, 1, offsetof(struct cpuid_entry, edx), 25),
                has(cpu, 1, offsetof(struct cpuid_entry, ecx), 28),
                has(cpu, 7, offsetof(struct cpuid_entry, ebx), 16));
    add_system(&k);
    g_string_append(k.regs->xml, "</feature></target>");
    return k.regs;
}

void gdb_registers_destroy(struct gdb_registers *regs)
{
    if (!regs)
        return;
    g_string_free(regs->xml, TRUE);
    g_free(regs);
}

/* ---- The x87 tags: two bits a register, of which one is kept ---- */

enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static unsigned top_of(const struct tenon_x86_state *s)
{
    return s->xsave[XSAVE_AT_FSW + 1] >> 3 & 7;
}

static unsigned tag_of(const struct tenon_x86_state *s, unsigned physical)
{
    const uint8_t *st = &s->xsave[XSAVE_AT_ST + 16 * ((physical - top_of(s)) & 7)];
    uint16_t exponent = (st[8] | st[9] << 8) & 0x7fff;
    uint64_t mantissa;

    memcpy(&mantissa, st, sizeof(mantissa));
    if (!(s->xsave[XSAVE_AT_FTW] >> physical & 1))
        return TAG_EMPTY;
    if (!exponent && !mantissa)
        return TAG_ZERO;
    return !exponent || exponent == 0x7fff || !(mantissa >> 63) ? TAG_SPECIAL : TAG_VALID;
}

static uint16_t tags_get(const struct tenon_x86_state *s)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= tag_of(s, i) << 2 * i;
    return tags;
}

static void tags_set(struct tenon_x86_state *s, uint16_t tags)
{
    s->xsave[XSAVE_AT_FTW] = 0;
    for (unsigned i = 0; i < 8; i++)
        s->xsave[XSAVE_AT_FTW] |= ((tags >> 2 * i & 3) != TAG_EMPTY) << i;
}

/* ---- Values ---- */

/* Where a register is in the state, and how many bytes of it there are; the rest is zero. */
static uint8_t *place(struct tenon_x86_state *s, const struct gdb_register *reg, unsigned *bytes)
{
    unsigned n = reg->n;

    *bytes = reg->bits / 8;
    switch ((enum kind)reg->kind) {
    case GENERAL: return (uint8_t *)&s->r[n];
    case RIP: return (uint8_t *)&s->rip;
    case FLAGS: return (uint8_t *)&s->rflags;
    case SEGMENT: *bytes = 2; return (uint8_t *)&s->seg[n].selector;
    case ST: return &s->xsave[XSAVE_AT_ST + 16 * n];
    case FCTRL: *bytes = 2; return &s->xsave[XSAVE_AT_FCW];
    case FSTAT: *bytes = 2; return &s->xsave[XSAVE_AT_FSW];
    case FIOFF: return &s->xsave[XSAVE_AT_FIP];
    case FOOFF: return &s->xsave[XSAVE_AT_FDP];
    case FOP: *bytes = 2; return &s->xsave[XSAVE_AT_FOP];
    case XMM: return &s->xsave[XSAVE_AT_XMM + 16 * n];
    case MXCSR: return &s->xsave[XSAVE_AT_MXCSR];
    case YMM_HIGH: return &s->xsave[XSAVE_AT_YMM + 16 * n];
    case OPMASK:
    case ZMM_HIGH:
    case HIGH_ZMM: return &s->xsave[reg->at];
    case BASE: return (uint8_t *)&s->seg[n].base;
    case KERNEL_GS_BASE: return (uint8_t *)&s->kernel_gs_base;
    case CR0: return (uint8_t *)&s->cr0;
    case CR2: return (uint8_t *)&s->cr2;
    case CR3: return (uint8_t *)&s->cr3;
    case CR4: return (uint8_t *)&s->cr4;
    case CR8: return (uint8_t *)&s->cr8;
    case EFER: return (uint8_t *)&s->efer;
    case FTAG:
    case FSEG: break; /* in no such place; not kept in 64-bit mode */
    }
    *bytes = 0;
    return s->xsave;
}

unsigned gdb_register_get(const struct gdb_register *reg, struct tenon_x86_state *s, uint8_t *buf)
{
    uint16_t tags = reg->kind == FTAG ? tags_get(s) : 0;
    unsigned bytes;
    const uint8_t *from = place(s, reg, &bytes);

    memset(buf, 0, reg->bits / 8);
    memcpy(buf, from, bytes);
    if (reg->kind == FTAG)
        memcpy(buf, &tags, sizeof(tags));
    return reg->bits / 8;
}

/* What the register's component holds counts from now on. */
static void use_component(struct tenon_x86_state *s, enum kind kind)
{
    static const uint8_t bits[] = {
        [ST] = 1 << XSAVE_X87,
        [FCTRL] = 1 << XSAVE_X87,
        [FSTAT] = 1 << XSAVE_X87,
        [FTAG] = 1 << XSAVE_X87,
        [FSEG] = 1 << XSAVE_X87,
        [FIOFF] = 1 << XSAVE_X87,
        [FOOFF] = 1 << XSAVE_X87,
        [FOP] = 1 << XSAVE_X87,
        [XMM] = 1 << XSAVE_SSE,
        [MXCSR] = 1 << XSAVE_SSE,
        [YMM_HIGH] = 1 << XSAVE_AVX,
        [OPMASK] = 1 << XSAVE_OPMASK,
        [ZMM_HIGH] = 1 << XSAVE_ZMM_HIGH,
        [HIGH_ZMM] = 1 << XSAVE_HIGH_ZMM,
    };

    if (kind < sizeof(bits))
        s->xsave[XSAVE_AT_BV] |= bits[kind];
}

/* A selector brings its descriptor, as a MOV would; what the MOV would fault for is refused. */
static int load_segment(struct vcpu *cpu, struct tenon_x86_state *s, unsigned n, uint16_t selector)
{
    const struct tenon_x86_segment *table = selector & 4 ? &s->ldt : &s->gdt;
    struct tenon_x86_segment *seg = &s->seg[n];
    bool real = !(s->cr0 & 1) || s->rflags & 0x20000;
    uint64_t d;

    if (real) {
        seg->selector = selector;
        seg->base = selector << 4;
        return 0;
    }
    if ((selector | 7u) > table->limit || !(selector & ~3) ||
        guest_memory_read(cpu, table->base + (selector & ~7), &d, sizeof(d)))
        return -EINVAL;
    if (!(d >> 44 & 1) || !(d >> 47 & 1))
        return -EINVAL;
    *seg = (struct tenon_x86_segment){
        .selector = selector,
        .base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000),
        .limit = (d & 0xffff) | (d >> 32 & 0xf0000),
        .attributes = (d >> 40 & 0xf0ff) | 1,
    };
    if (seg->attributes & 0x8000)
        seg->limit = seg->limit << 12 | 0xfff;
    return 0;
}

int gdb_register_set(const struct gdb_register *reg, struct vcpu *cpu, struct tenon_x86_state *s,
                     const uint8_t *buf)
{
    unsigned bytes;
    uint8_t *to = place(s, reg, &bytes);
    uint8_t old[GDB_REGISTER_BYTES];
    uint16_t word;

    gdb_register_get(reg, s, old);
    if (!memcmp(old, buf, reg->bits / 8))
        return 0;
    memcpy(&word, buf, sizeof(word));
    if (reg->kind == SEGMENT)
        return load_segment(cpu, s, reg->n, word);
    if (reg->kind == FTAG)
        tags_set(s, word);
    memcpy(to, buf, bytes);
    if (reg->bits == 32 && (reg->kind == GENERAL || reg->kind == RIP))
        memset(to + 4, 0, 4);
    s->rflags |= 2;
    use_component(s, reg->kind);
    return 0;
}
