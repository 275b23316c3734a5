/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * state - the registers of a processor as a value: after a reset, and as text.
 *
 * Reset values are those of Intel SDM volume 3, table 10-1 ("IA-32 and Intel 64 Processor States
 * Following Power-up, Reset, or INIT"); the XSAVE area is that of volume 1, section 13.4.  The text
 * is laid out as QEMU's "info registers", which scripts take apart.
 */

#include "cpu/state.h"

#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "cpu/accel.h"
#include "cpu/model.h"

/* ---- After a reset ---- */

enum {
    CODE = 0x9b, /* present, execute and read, accessed */
    DATA = 0x93, /* present, read and write, accessed */
    LDT = 0x82,
    TSS_BUSY = 0x8b,
};

// clang-format off
const struct tenon_x86_start x86_reset = {
    .size = sizeof(struct tenon_x86_start),
    .rip = 0xfff0, .rflags = 2, .cr0 = 0x60000010,
    .cs  = { 0xffff0000, 0xffff, 0xf000, CODE },
    .ds  = { 0, 0xffff, 0, DATA }, .es = { 0, 0xffff, 0, DATA }, .ss = { 0, 0xffff, 0, DATA },
    .fs  = { 0, 0xffff, 0, DATA }, .gs = { 0, 0xffff, 0, DATA },
    .tr  = { 0, 0xffff, 0, TSS_BUSY }, .ldt = { 0, 0xffff, 0, LDT },
    .gdt = { .limit = 0xffff }, .idt = { .limit = 0xffff },
};
// clang-format on

void state_from_start(struct tenon_x86_state *s, const struct tenon_x86_start *start,
                      uint32_t signature)
{
    const struct tenon_x86_start *from = start ? start : &x86_reset;

    *s = (struct tenon_x86_state){
        .size = sizeof(*s),
        .r = { from->rax, from->rcx, start ? from->rdx : signature, from->rbx, from->rsp, from->rbp,
               from->rsi, from->rdi },
        .rip = from->rip,
        .rflags = from->rflags | 2,
        .seg = { from->es, from->cs, from->ss, from->ds, from->fs, from->gs },
        .ldt = from->ldt,
        .tr = from->tr.attributes ? from->tr : x86_reset.tr,
        .gdt = from->gdt,
        .idt = from->idt,
        .cr0 = from->cr0 | 0x10,
        .cr3 = from->cr3,
        .cr4 = from->cr4,
        .efer = from->efer,
        .xcr0 = 1,
        .dr = { [6] = 0xffff0ff0, [7] = 0x400 },
        .xsave = { [XSAVE_AT_FCW] = 0x40,
                   [XSAVE_AT_MXCSR] = 0x80,
                   [XSAVE_AT_MXCSR + 1] = 0x1f,
                   [XSAVE_AT_BV] = 3 },
    };
}

uint64_t state_linear_rip(const struct tenon_x86_state *s)
{
    return state_code64(s) ? s->rip : (uint32_t)(s->seg[1].base + s->rip);
}

/* ---- As text ---- */

/* A number as wide as the registers are. */
static void put(GString *to, bool wide, uint64_t value)
{
    g_string_append_printf(to, "%0*" PRIx64, wide ? 16 : 8, wide ? value : (uint32_t)value);
}

static void put_named(GString *to, bool wide, const char *name, uint64_t value, char after)
{
    g_string_append_printf(to, "%s=", name);
    put(to, wide, value);
    g_string_append_c(to, after);
}

static void put_general(GString *to, const struct tenon_x86_state *s, bool wide)
{
    static const char *const names[] = { "AX", "BX", "CX", "DX", "SI", "DI", "BP", "SP" };
    static const uint8_t numbers[] = { 0, 3, 1, 2, 6, 7, 5, 4 };
    char name[8];

    for (unsigned i = 0; i < (wide ? 16 : 8); i++) {
        if (i < 8)
            g_snprintf(name, sizeof(name), "%c%s", wide ? 'R' : 'E', names[i]);
        else
            g_snprintf(name, sizeof(name), "R%-2u", i);
        put_named(to, wide, name, s->r[i < 8 ? numbers[i] : i], i % 4 == 3 ? '\n' : ' ');
    }
}

static void put_flags(GString *to, const struct tenon_x86_state *s, bool wide)
{
    static const struct {
        uint32_t bit;
        char letter;
    } flags[] = { { 0x400, 'D' }, { 0x800, 'O' }, { 0x80, 'S' }, { 0x40, 'Z' },
                  { 0x10, 'A' },  { 4, 'P' },     { 1, 'C' } };

    put_named(to, wide, wide ? "RIP" : "EIP", s->rip, ' ');
    g_string_append_printf(to, "%s=%08" PRIx64 " [", wide ? "RFL" : "EFL", s->rflags);
    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++)
        g_string_append_c(to, s->rflags & flags[i].bit ? flags[i].letter : '-');
    g_string_append_printf(to, "] CPL=%u II=%u A20=1 SMM=%u HLT=%u\n",
                           s->seg[2].attributes >> 5 & 3,
                           !!(s->blocked & (TENON_BLOCKED_STI | TENON_BLOCKED_SS)), s->smm,
                           s->activity != TENON_CPU_RUNS);
}

/* What a descriptor is, in the words of a table: code and data, or a system segment. */
static void put_kind(GString *to, unsigned a, bool lma)
{
    static const char *const system[2][16] = {
        { "Reserved", "TSS16-avl", "LDT", "TSS16-busy", "CallGate16", "TaskGate", "IntGate16",
          "TrapGate16", "Reserved", "TSS32-avl", "Reserved", "TSS32-busy", "CallGate32", "Reserved",
          "IntGate32", "TrapGate32" },
        { "<hiword>", "Reserved", "LDT", "Reserved", "Reserved", "Reserved", "Reserved", "Reserved",
          "Reserved", "TSS64-avl", "Reserved", "TSS64-busy", "CallGate64", "Reserved", "IntGate64",
          "TrapGate64" },
    };
    bool code = a & 8;

    g_string_append_printf(to, " DPL=%u ", a >> 5 & 3);
    if (!(a & 0x10)) {
        g_string_append(to, system[lma][a & 15]);
        return;
    }
    if (code)
        g_string_append(to, a & 0x2000 ? "CS64" : a & 0x4000 ? "CS32" : "CS16");
    else
        g_string_append(to, a & 0x4000 || lma ? "DS  " : "DS16");
    g_string_append_printf(to, " [%c%c%c]", a & 4 ? (code ? 'C' : 'E') : '-',
                           a & 2 ? (code ? 'R' : 'W') : '-', a & 1 ? 'A' : '-');
}

static void put_segment(GString *to, const struct tenon_x86_state *s, const char *name,
                        const struct tenon_x86_segment *seg)
{
    unsigned a = seg->attributes;

    g_string_append_printf(to, "%-3s=%04x ", name, seg->selector);
    put(to, state_long(s), seg->base);
    g_string_append_printf(to, " %08x %08x", seg->limit, (a & 0xff) << 8 | (a & 0xf000) << 8);
    if (s->cr0 & 1 && a & 0x80)
        put_kind(to, a, state_long(s));
    g_string_append_c(to, '\n');
}

static void put_table(GString *to, const struct tenon_x86_state *s, const char *name,
                      const struct tenon_x86_segment *table)
{
    g_string_append_printf(to, "%s=     ", name);
    put(to, state_long(s), table->base);
    g_string_append_printf(to, " %08x\n", table->limit);
}

static void put_system(GString *to, const struct tenon_x86_state *s)
{
    static const char *const names[] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    bool wide = state_long(s);

    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        put_segment(to, s, names[i], &s->seg[i]);
    put_segment(to, s, "LDT", &s->ldt);
    put_segment(to, s, "TR", &s->tr);
    put_table(to, s, "GDT", &s->gdt);
    put_table(to, s, "IDT", &s->idt);
    g_string_append_printf(to, "CR0=%08x ", (uint32_t)s->cr0);
    put_named(to, wide, "CR2", s->cr2, ' ');
    put_named(to, wide, "CR3", s->cr3, ' ');
    g_string_append_printf(to, "CR4=%08x\n", (uint32_t)s->cr4);
    for (unsigned i = 0; i < 4; i++)
        g_string_append_printf(to, "DR%u=%0*" PRIx64 "%c", i, wide ? 16 : 8, s->dr[i],
                               i == 3 ? '\n' : ' ');
    put_named(to, wide, "DR6", s->dr[6], ' ');
    put_named(to, wide, "DR7", s->dr[7], '\n');
    g_string_append_printf(to, "EFER=%016" PRIx64 "\n", s->efer);
}

static uint64_t xsave_get(const struct tenon_x86_state *s, unsigned offset, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, s->xsave + offset, bytes);
    return value;
}

unsigned state_component(const struct vcpu *cpu, unsigned component)
{
    static const uint16_t usual[] = {
        [XSAVE_OPMASK] = 1088, [XSAVE_ZMM_HIGH] = 1152, [XSAVE_HIGH_ZMM] = 1664
    };
    const struct cpuid_entry *e = cpu ? cpuid_find(cpu->cpuid, cpu->n_cpuid, 0xd, component) : NULL;

    return e && e->ebx ? e->ebx : usual[component];
}

/* Eight bytes of a component; zeroes while it is as after a reset. */
static uint64_t component_get(const struct tenon_x86_state *s, unsigned component, unsigned offset)
{
    return s->xsave[XSAVE_AT_BV] >> component & 1 ? xsave_get(s, offset, 8) : 0;
}

/* The j-th 64 bits of ZMM register i. */
static uint64_t zmm_get(const struct tenon_x86_state *s, const struct vcpu *cpu, unsigned i,
                        unsigned j)
{
    if (i >= 16)
        return component_get(s, XSAVE_HIGH_ZMM,
                             state_component(cpu, XSAVE_HIGH_ZMM) + 64 * (i - 16) + 8 * j);
    if (j >= 4)
        return component_get(s, XSAVE_ZMM_HIGH,
                             state_component(cpu, XSAVE_ZMM_HIGH) + 32 * i + 8 * (j - 4));
    if (j >= 2)
        return component_get(s, XSAVE_AVX, XSAVE_AT_YMM + 16 * i + 8 * (j - 2));
    return xsave_get(s, XSAVE_AT_XMM + 16 * i + 8 * j, 8);
}

static void put_avx512(GString *to, const struct tenon_x86_state *s, const struct vcpu *cpu)
{
    unsigned opmask = state_component(cpu, XSAVE_OPMASK);

    for (unsigned i = 0; i < 8; i++)
        g_string_append_printf(to, "Opmask%02u=%016" PRIx64 "%c", i,
                               component_get(s, XSAVE_OPMASK, opmask + 8 * i),
                               i % 4 == 3 ? '\n' : ' ');
    for (unsigned i = 0; i < (state_code64(s) ? 32 : 8); i++) {
        g_string_append_printf(to, "ZMM%02u=", i);
        for (unsigned j = 8; j-- > 0;)
            g_string_append_printf(to, "%016" PRIx64 "%c", zmm_get(s, cpu, i, j), j ? ' ' : '\n');
    }
}

static void put_units(GString *to, const struct tenon_x86_state *s, const struct vcpu *cpu)
{
    bool avx = s->xcr0 & 4, ymm = s->xsave[XSAVE_AT_BV] & 4;

    g_string_append_printf(to, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n",
                           (unsigned)xsave_get(s, XSAVE_AT_FCW, 2),
                           (unsigned)xsave_get(s, XSAVE_AT_FSW, 2),
                           (unsigned)(xsave_get(s, XSAVE_AT_FSW, 2) >> 11 & 7),
                           (unsigned)xsave_get(s, XSAVE_AT_FTW, 1),
                           (unsigned)xsave_get(s, XSAVE_AT_MXCSR, 4));
    for (unsigned i = 0; i < 8; i++)
        g_string_append_printf(to, "FPR%u=%016" PRIx64 " %04x%c", i,
                               xsave_get(s, XSAVE_AT_ST + 16 * i, 8),
                               (unsigned)xsave_get(s, XSAVE_AT_ST + 16 * i + 8, 2),
                               i & 1 ? '\n' : ' ');
    if ((s->xcr0 & XSAVE_BITS_AVX512) == XSAVE_BITS_AVX512) {
        put_avx512(to, s, cpu);
        return;
    }
    for (unsigned i = 0; i < (state_code64(s) ? 16 : 8); i++) {
        unsigned low = XSAVE_AT_XMM + 16 * i, high = XSAVE_AT_YMM + 16 * i;

        g_string_append_printf(to, "%cMM%02u=", avx ? 'Y' : 'X', i);
        if (avx)
            g_string_append_printf(to, "%016" PRIx64 " %016" PRIx64 " ",
                                   ymm ? xsave_get(s, high + 8, 8) : 0,
                                   ymm ? xsave_get(s, high, 8) : 0);
        g_string_append_printf(to, "%016" PRIx64 " %016" PRIx64 "%c", xsave_get(s, low + 8, 8),
                               xsave_get(s, low, 8), avx || i & 1 ? '\n' : ' ');
    }
}

char *state_text(const struct tenon_x86_state *s, const struct vcpu *cpu, bool units)
{
    GString *to = g_string_new(NULL);
    bool wide = state_code64(s);

    put_general(to, s, wide);
    put_flags(to, s, wide);
    put_system(to, s);
    if (units)
        put_units(to, s, cpu);
    return g_string_free(to, FALSE);
}

char *vcpu_dump(struct vcpu *cpu, bool units)
{
    const struct accel_ops *ops = cpu->accel->ops;
    char *notes = ops->vcpu_notes ? ops->vcpu_notes(cpu) : NULL, *text, *all;
    struct tenon_x86_state state;
    int err = ops->vcpu_get(cpu, &state);

    text = err ? g_strdup_printf("the registers cannot be read: %s\n", g_strerror(-err))
               : state_text(&state, cpu, units);
    all = g_strconcat(text, notes, NULL);
    g_free(text);
    g_free(notes);
    return all;
}
