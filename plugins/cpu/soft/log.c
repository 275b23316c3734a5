/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * log - what a software processor tells the log of -d: code, blocks, events, registers.
 *
 * The shapes are those that people and scripts know from QEMU's log: "IN:", "Trace 0:",
 * "v=0e e=0002 i=0 cpl=3 IP=...".
 */
#include "log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "blocks.h"
#include "soft.h"
#include "sys.h"
#include "uop.h"

/* ---- Saying it ---- */

static void say_registers(struct cpu *cpu, const char *lines)
{
    struct tenon_x86_state state = { .size = sizeof(state) };

    state_get(cpu->soft, cpu, &state);
    cpu->log->registers(cpu->soft->dev, lines, &state);
}

void log_registers(struct cpu *cpu, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    say_registers(cpu, line);
}

void log_lines(struct cpu *cpu, const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    cpu->log->print(cpu->soft->dev, "%s", line);
}

/* ---- Blocks ---- */

static uint64_t linear(const struct block *block)
{
    return block->mode & MODE_CODE64 ? block->rip : (uint32_t)(block->cs_base + block->rip);
}

/* The micro-op: registers and flags are exact before it. */
static void run_log(struct cpu *cpu, const struct uop *u)
{
    const struct block *block = cpu->block;
    char line[128] = "";

    if (!cpu->log->covers(cpu->soft->dev, linear(block)))
        return;
    if (cpu_logs(cpu, TENON_ITEM_EXEC))
        snprintf(line, sizeof(line), "Trace %u: %p [%016" PRIx64 "/%016" PRIx64 "/%08x/%08x]\n",
                 cpu->info->index, (const void *)block, block->cs_base, block->rip,
                 block->mode & ~MODE_LOG, block->instructions);
    if (cpu_logs(cpu, TENON_ITEM_CPU))
        say_registers(cpu, line);
    else if (*line)
        cpu->log->print(cpu->soft->dev, "%s", line);
}

void log_emit(struct block_builder *b)
{
    if (b->mode & MODE_LOG)
        emit_call(b, run_log, 0, 0, 0, 0);
}

/* "0x000fd0ec:  66 90                    xchgw    %ax, %ax" */
static unsigned put_insn(FILE *f, const struct cpu *cpu, const uint8_t *bytes, unsigned n,
                         uint64_t pc, unsigned bits)
{
    const struct tenon_disassembler *disas = cpu->soft ? cpu->soft->disas : NULL;
    char text[TENON_DISAS_TEXT];
    unsigned length =
        disas ? disas->one(cpu->soft->dev, bytes, n, pc, bits, text, sizeof(text)) : 0;

    if (!length) {
        snprintf(text, sizeof(text), ".byte    0x%02x", bytes[0]);
        length = 1;
    }
    fprintf(f, "0x%08" PRIx64 ": ", pc);
    for (unsigned i = 0; i < length || i < 8; i++)
        if (i < length)
            fprintf(f, " %02x", bytes[i]);
        else
            fputs("   ", f);
    fprintf(f, "  %s\n", text);
    return length;
}

void log_disassemble(FILE *f, struct cpu *cpu, const uint8_t *bytes, unsigned n, uint64_t pc,
                     unsigned bits)
{
    for (unsigned at = 0; at < n;)
        at += put_insn(f, cpu, bytes + at, n - at, pc + at, bits);
}

static void put_block(FILE *f, struct cpu *cpu, const struct block *block, const uint8_t *bytes,
                      unsigned from, unsigned to)
{
    unsigned code = block->mode & MODE_CODE_MASK;

    log_disassemble(f, cpu, bytes + from, to - from, linear(block) + from,
                    code == MODE_CODE64   ? 64
                    : code == MODE_CODE32 ? 32
                                          : 16);
}

void log_block(FILE *f, struct cpu *cpu, const struct block *block, unsigned from)
{
    uint8_t bytes[MAX_BLOCK_INSNS * INSN_MAX];

    if (!block->dead)
        put_block(f, cpu, block, bytes, from, block_copy_code(block, bytes));
}

/* Lines of the log that are made piece by piece. */
struct lines {
    FILE *f;
    char *text;
    size_t size;
};

static bool lines_begin(struct lines *lines)
{
    *lines = (struct lines){ .f = NULL };
    lines->f = open_memstream(&lines->text, &lines->size);
    return lines->f;
}

static void lines_print(struct lines *lines, struct cpu *cpu)
{
    fputc('\n', lines->f);
    if (!fclose(lines->f))
        cpu->log->print(cpu->soft->dev, "%s", lines->text);
    free(lines->text);
}

static bool tells(const struct cpu *cpu, uint32_t item, const struct block *block)
{
    return cpu_logs(cpu, item) && cpu->log->covers(cpu->soft->dev, linear(block));
}

void log_code(struct cpu *cpu, const struct block *block, const uint8_t *bytes)
{
    struct lines lines;

    if (!tells(cpu, TENON_ITEM_IN_ASM, block) || !lines_begin(&lines))
        return;
    fputs("----------------\nIN:\n", lines.f);
    put_block(lines.f, cpu, block, bytes, 0, block->bytes);
    lines_print(&lines, cpu);
}

/* A register by its place: AH is at rax+1. */
static void put_register(FILE *f, char before, uint8_t operand)
{
    static const char *const names[N_REGS] = {
        "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9",   "r10",  "r11",
        "r12", "r13", "r14", "r15", "t0",  "t1",  "t2",  "t3",  "0",  "next", "none", "none",
    };

    fprintf(f, operand % 8 ? "%c%s+%u" : "%c%s", before, names[operand / 8 % N_REGS], operand % 8);
}

/* "  ADD64        rax <- rcx, rdx, $10" */
static void put_op(FILE *f, const struct uop *u)
{
    const struct uop_info *info = &uop_info[u->op];

    fprintf(f, "  %-12s", info->name);
    if (info->props & (W_D | R_D))
        put_register(f, ' ', u->d);
    if (info->props & (R_A | R_B | USES_IMM))
        fputs(" <-", f);
    if (info->props & R_A)
        put_register(f, ' ', u->a);
    if (info->props & R_B)
        put_register(f, ' ', u->b);
    if (info->props & USES_IMM)
        fprintf(f, " $%" PRIx64, (uint64_t)(UOP_IS_FUSED(u->op) ? u->imm32 : u->imm));
    fputc('\n', f);
}

void log_ops(struct cpu *cpu, const struct block *block)
{
    struct lines lines;

    if (!tells(cpu, TENON_ITEM_OP, block) || !lines_begin(&lines))
        return;
    fputs("OP:\n", lines.f);
    for (unsigned i = 0; i < block->n; i++) {
        const struct uop *u = &block->uop[i];

        if (!i || u->off != u[-1].off)
            fprintf(lines.f, " ---- %016" PRIx64 "\n", linear(block) + u->off);
        put_op(lines.f, u);
    }
    lines_print(&lines, cpu);
}

void log_host_code(struct cpu *cpu, const struct block *block, const uint8_t *code,
                   const uint8_t *address, size_t n)
{
    struct lines lines;

    if (!tells(cpu, TENON_ITEM_OUT_ASM, block) || !lines_begin(&lines))
        return;
    fprintf(lines.f, "OUT: [size=%zu] of %016" PRIx64 "\n", n, linear(block));
    log_disassemble(lines.f, cpu, code, n, (uintptr_t)address, 64);
    lines_print(&lines, cpu);
}

/* ---- Events ---- */

void log_event(struct cpu *cpu, const struct event *e)
{
    char cause[32];

    if (!cpu_logs(cpu, TENON_ITEM_INT))
        return;
    if (e->external && cpu->fault.benign)
        log_lines(cpu, "Servicing hardware INT=0x%02x\n", e->vector);
    if (e->vector == EXC_PF)
        snprintf(cause, sizeof(cause), "CR2=%016" PRIx64, cpu->cr2);
    else
        snprintf(cause, sizeof(cause), "RAX=%016" PRIx64, cpu->r[RAX]);
    log_registers(cpu,
                  "%6" PRIu64 ": v=%02x e=%04x i=%d cpl=%u IP=%04x:%016" PRIx64 " pc=%016" PRIx64
                  " SP=%04x:%016" PRIx64 " %s\n",
                  cpu->events++, e->vector, e->error, e->soft, cpu->cpl, cpu->seg[SEG_CS].selector,
                  e->rip, cpu->mode & MODE_CODE64 ? e->rip : cpu->seg[SEG_CS].base + e->rip,
                  cpu->seg[SEG_SS].selector, cpu->r[RSP], cause);
}
