/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* dump - a software processor's registers as text, and lines of the log that show them. */
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "soft.h"

/* ---- Registers ---- */

static bool is_wide(const struct cpu *cpu)
{
    return cpu->efer & EFER_LMA;
}

/* "CR3=00001000", or with 16 digits. */
static void put(FILE *f, const struct cpu *cpu, const char *name, uint64_t value, const char *after)
{
    fprintf(f, "%s=%0*" PRIx64 "%s", name, is_wide(cpu) ? 16 : 8, value, after);
}

static void dump_general(FILE *f, const struct cpu *cpu)
{
    static const struct {
        char name[3];
        uint8_t r;
    } rows[] = {
        { "AX", RAX }, { "BX", RBX }, { "CX", RCX }, { "DX", RDX },
        { "SI", RSI }, { "DI", RDI }, { "BP", RBP }, { "SP", RSP },
    };
    char name[4];

    for (unsigned i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "%c%.2s", is_wide(cpu) ? 'R' : 'E', rows[i].name);
        put(f, cpu, name, cpu->r[rows[i].r], i % 4 == 3 ? "\n" : " ");
    }
    for (unsigned i = R8; is_wide(cpu) && i <= R15; i++) {
        snprintf(name, sizeof(name), "R%-2u", i);
        put(f, cpu, name, cpu->r[i], i % 4 == 3 ? "\n" : " ");
    }
}

static void dump_flags(FILE *f, const struct cpu *cpu)
{
    static const char letters[] = "C-P-A-ZSTIDO";

    put(f, cpu, is_wide(cpu) ? "RIP" : "EIP", cpu->rip, " ");
    fprintf(f, "%s=%08" PRIx64 " [", is_wide(cpu) ? "RFL" : "EFL", cpu->flags);
    for (int bit = sizeof(letters) - 2; bit >= 0; bit--)
        if (letters[bit] != '-' && letters[bit] != 'T' && letters[bit] != 'I')
            fputc(cpu->flags >> bit & 1 ? letters[bit] : '-', f);
    fprintf(f, "] CPL=%u II=%u A20=%u SMM=%u HLT=%u\n", cpu->cpl, !!cpu->inhibit, cpu->a20,
            cpu->in_smm, cpu->halted);
}

/* What the attributes say: "CS64 [-RA]", "DS   [-WA]", "TSS64-busy". */
static void describe(FILE *f, const struct cpu *cpu, const struct segment *s)
{
    static const char *const systems[16] = {
        "reserved",   "TSS16-avl",  "LDT",       "TSS16-busy", "CallGate16", "TaskGate",
        "IntGate16",  "TrapGate16", "reserved",  "TSS32-avl",  "reserved",   "TSS32-busy",
        "CallGate32", "reserved",   "IntGate32", "TrapGate32",
    };
    unsigned type = s->attr & 15;

    if (!(s->attr & ATTR_P))
        return;
    fprintf(f, " DPL=%u ", ATTR_DPL(s->attr));
    if (!(s->attr & ATTR_S))
        fputs(systems[type], f);
    else if (type & ATTR_CODE)
        fprintf(f, "%s [%c%c%c]",
                s->attr & ATTR_L    ? "CS64"
                : s->attr & ATTR_DB ? "CS32"
                                    : "CS16",
                type & ATTR_CE ? 'C' : '-', type & ATTR_RW ? 'R' : '-', type & ATTR_A ? 'A' : '-');
    else
        fprintf(f, "%s [%c%c%c]",
                is_wide(cpu)        ? "DS  "
                : s->attr & ATTR_DB ? "DS32"
                                    : "DS16",
                type & ATTR_CE ? 'E' : '-', type & ATTR_RW ? 'W' : '-', type & ATTR_A ? 'A' : '-');
}

static void dump_segment(FILE *f, const struct cpu *cpu, const char *name, const struct segment *s)
{
    fprintf(f, "%-3s=%04x %0*" PRIx64 " %08x %08x", name, s->selector, is_wide(cpu) ? 16 : 8,
            s->base, s->limit, (uint32_t)(s->attr & ~ATTR_NULL) << 8);
    describe(f, cpu, s);
    fputc('\n', f);
}

static void dump_system(FILE *f, const struct cpu *cpu)
{
    static const char *const names[N_SEGS] = { "ES", "CS", "SS", "DS", "FS", "GS" };
    int digits = is_wide(cpu) ? 16 : 8;
    static const uint8_t debug[] = { 0, 1, 2, 3, 6, 7 };

    for (unsigned i = 0; i < N_SEGS; i++)
        dump_segment(f, cpu, names[i], &cpu->seg[i]);
    dump_segment(f, cpu, "LDT", &cpu->ldt);
    dump_segment(f, cpu, "TR", &cpu->tr);
    fprintf(f, "GDT=     %0*" PRIx64 " %08x\n", digits, cpu->gdt.base, cpu->gdt.limit);
    fprintf(f, "IDT=     %0*" PRIx64 " %08x\n", digits, cpu->idt.base, cpu->idt.limit);
    fprintf(f, "CR0=%08x ", (uint32_t)cpu->cr0);
    put(f, cpu, "CR2", cpu->cr2, " ");
    put(f, cpu, "CR3", cpu->cr3, " ");
    fprintf(f, "CR4=%08x\n", (uint32_t)cpu->cr4);
    for (unsigned i = 0; i < sizeof(debug); i++)
        fprintf(f, "DR%u=%016" PRIx64 "%c", debug[i], cpu->dr[debug[i]],
                debug[i] == 3 || debug[i] == 7 ? '\n' : ' ');
    fprintf(f, "EFER=%016" PRIx64 "\n", cpu->efer);
}

static void dump_fpu(FILE *f, const struct cpu *cpu)
{
    unsigned top = cpu->x87.status >> 11 & 7;

    fprintf(f, "FCW=%04x FSW=%04x [ST=%u] FTW=%02x MXCSR=%08x\n", cpu->x87.control, cpu->x87.status,
            top, (uint8_t)~cpu->x87.tag_valid, cpu->mxcsr);
    for (unsigned i = 0; i < 8; i++)
        fprintf(f, "FPR%u=%016" PRIx64 " %04x%c", i, cpu->x87.r[i].mantissa,
                cpu->x87.r[i].sign_exponent, i & 1 ? '\n' : ' ');
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "YMM%02u=%016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n", i,
                cpu->v[i].u64[3], cpu->v[i].u64[2], cpu->v[i].u64[1], cpu->v[i].u64[0]);
}

void log_dump(FILE *f, const struct cpu *cpu, bool fpu)
{
    dump_general(f, cpu);
    dump_flags(f, cpu);
    dump_system(f, cpu);
    if (fpu)
        dump_fpu(f, cpu);
}

/* ---- Saying it ---- */

bool piece_begin(struct piece *p)
{
    *p = (struct piece){ 0 };
    p->f = open_memstream(&p->text, &p->bytes);
    return p->f;
}

void piece_end(struct piece *p, const struct cpu *cpu)
{
    if (!fclose(p->f) && p->bytes)
        cpu->log->print(cpu->soft->dev, "%s", p->text);
    free(p->text);
}

static void say(struct cpu *cpu, bool registers, const char *fmt, va_list ap)
{
    struct piece p;

    if (!piece_begin(&p))
        return;
    vfprintf(p.f, fmt, ap);
    fputc('\n', p.f);
    if (registers)
        log_dump(p.f, cpu, cpu_logs(cpu, TENON_ITEM_FPU));
    piece_end(&p, cpu);
}

void log_registers(struct cpu *cpu, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(cpu, true, fmt, ap);
    va_end(ap);
}

void log_line(struct cpu *cpu, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(cpu, false, fmt, ap);
    va_end(ap);
}
