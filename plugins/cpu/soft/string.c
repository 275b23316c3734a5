/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * string - MOVS, CMPS, STOS, LODS, SCAS, INS, OUTS, and IN and OUT.
 *
 * Intel SDM volume 1, 7.3.9.  The registers are right after each element, so a fault or an
 * interrupt finds an instruction that goes on where it was; r[REG_T3] tells that it has to (see
 * UOP_CALL_LOOP). Forward MOVS and STOS go by as much as lies in one page.
 *
 * Each element counts as an instruction.  A counted processor (-icount) leaves off at the element
 * where its budget ends or something has come up, however many would go by at once.
 */
#include <string.h>

#include "blocks.h"
#include "exec.h"
#include "integer.h"
#include "svm.h"

enum { ROUND = 256 }; /* elements before interrupts get a look */

struct string {
    struct cpu *cpu;
    uint64_t mask; /* of the address size */
    unsigned size, rep;
    enum seg seg; /* the source's */
    int64_t step;
    uint64_t ahead; /* counted: what cpu->instructions has of this instruction and later ones of its
                       block */
    unsigned flags; /* of the last comparison, as flags_put() takes them: set when none faulted */
};

typedef void element(struct string *s);

static void advance(struct string *s, unsigned reg, int64_t by)
{
    uint64_t v = s->cpu->r[reg] + by;

    s->cpu->r[reg] =
        s->mask == UINT16_MAX ? (s->cpu->r[reg] & ~s->mask) | (v & s->mask) : v & s->mask;
}

static uint64_t linear(struct string *s, enum seg seg, unsigned reg, bool write)
{
    struct cpu *cpu = s->cpu;
    uint64_t offset = cpu->r[reg] & s->mask;

    if (!(cpu->mode & MODE_CODE64))
        return segment_linear(cpu, seg, offset, s->size, write);
    offset += seg >= SEG_FS ? cpu->seg[seg].base : 0;
    if (!canonical(cpu, offset) || !canonical(cpu, offset + s->size - 1))
        cpu_fault_error(cpu, seg == SEG_SS ? EXC_SS : EXC_GP, 0);
    return offset;
}

static uint64_t source(struct string *s)
{
    return linear(s, s->seg, RSI, false);
}

static uint64_t destination(struct string *s, bool write)
{
    return linear(s, SEG_ES, RDI, write);
}

/* How many elements a counted processor may do from the one at hand on. */
static uint64_t room(const struct string *s)
{
    const struct cpu *cpu = s->cpu;

    return cpu->info->counted ? cpu->stop_at - (cpu->instructions - s->ahead) : UINT64_MAX;
}

/* The element at hand is the last one for now: it may have brought about what has come up. */
static bool is_due(const struct string *s)
{
    return s->cpu->info->counted &&
           (room(s) <= 1 || __atomic_load_n(&s->cpu->wanted, __ATOMIC_RELAXED));
}

/* Repeats one element's work as the prefix says, comparing as REP_E and REP_NE do if compares is
 * set. */
static void repeat(struct cpu *cpu, const struct uop *u, element *work, bool compares)
{
    struct string s = {
        .cpu = cpu,
        .mask = u->b == 8   ? UINT64_MAX
                : u->b == 4 ? UINT32_MAX
                            : UINT16_MAX,
        .size = u->d,
        .rep = u->imm,
        .seg = u->a,
        .step = cpu->flags & F_DF ? -(int)u->d : u->d,
        .ahead = cpu->info->counted ? cpu->instructions - blocks_executed(cpu) : 0,
        .flags = flags_get(cpu),
    };
    unsigned round = cpu->mode & MODE_TF || cpu->watch.n || cpu->watch.step ? 1 : ROUND;

    cpu->r[REG_T3] = 0;
    if (s.rep == REP_NONE) {
        work(&s);
    } else {
        while (cpu->r[RCX] & s.mask && !cpu->r[REG_T3]) {
            work(&s);
            advance(&s, RCX, -1);
            if (!(cpu->r[RCX] & s.mask) || (compares && !(s.flags & F_ZF << 8) == (s.rep == REP_E)))
                break;
            cpu->r[REG_T3] = --round == 0 || is_due(&s);
            cpu->instructions += !cpu->r[REG_T3];
        }
    }
    if (compares)
        flags_put(cpu, s.flags);
}

/* ---- Runs of elements: whatever lies directly reachable in one page ---- */

static uint64_t lesser(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How many elements from lin lie in its page, at most RCX of them. */
static uint64_t run_of(struct string *s, uint64_t lin)
{
    return lesser(lesser((0x1000 - (lin & 0xfff)) / s->size, s->cpu->r[RCX] & s->mask), room(s));
}

/* Whether addresses are offsets, so that a run needs no checks of its own; no wrap within it. */
static bool is_simple(const struct string *s, enum seg seg)
{
    unsigned code = s->cpu->mode & MODE_CODE_MASK;

    if (s->rep == REP_NONE || s->step < 0 || s->cpu->mode & MODE_TF || s->cpu->watch.step ||
        seg >= SEG_FS)
        return false;
    return code == MODE_CODE64 ? s->mask == UINT64_MAX
                               : code == MODE_CODE32 && s->mask == UINT32_MAX &&
                                     s->cpu->mode & MODE_FLAT && seg != SEG_CS;
}

static void run_done(struct string *s, uint64_t n)
{
    advance(s, RDI, n * s->size);
    advance(s, RCX, -(int64_t)(n - 1));
    s->cpu->instructions += n - 1;
}

static bool movs_run(struct string *s)
{
    uint64_t from = s->cpu->r[RSI], to = s->cpu->r[RDI], n = lesser(run_of(s, from), run_of(s, to));
    uint8_t *src, *dst;

    if (n < 2)
        return false;
    src = tlb_read(s->cpu, from, n * s->size);
    dst = tlb_write(s->cpu, to, n * s->size);
    /* An overlap that repeats what it has just written goes element by element. */
    if (!src || !dst || (dst > src && dst < src + n * s->size))
        return false;
    memmove(dst, src, n * s->size);
    advance(s, RSI, n * s->size);
    run_done(s, n);
    return true;
}

static void fill(void *to, uint64_t value, unsigned size, uint64_t n)
{
    if (size == 1)
        memset(to, value, n);
    else if (size == 2)
        for (uint64_t i = 0; i < n; i++)
            ((guest16 *)to)[i] = value;
    else if (size == 4)
        for (uint64_t i = 0; i < n; i++)
            ((guest32 *)to)[i] = value;
    else
        for (uint64_t i = 0; i < n; i++)
            ((guest64 *)to)[i] = value;
}

static bool stos_run(struct string *s)
{
    uint64_t to = s->cpu->r[RDI], n = run_of(s, to);
    uint8_t *dst = n < 2 ? NULL : tlb_write(s->cpu, to, n * s->size);

    if (!dst)
        return false;
    fill(dst, s->cpu->r[RAX], s->size, n);
    run_done(s, n);
    return true;
}

/* ---- Elements ---- */

static void movs(struct string *s)
{
    uint64_t v, to;

    if (is_simple(s, s->seg) && is_simple(s, SEG_ES) && movs_run(s))
        return;
    v = mem_read(s->cpu, source(s), s->size);
    to = destination(s, true);
    mem_write(s->cpu, to, v, s->size);
    advance(s, RSI, s->step);
    advance(s, RDI, s->step);
}

static void stos(struct string *s)
{
    if (is_simple(s, SEG_ES) && stos_run(s))
        return;
    mem_write(s->cpu, destination(s, true), s->cpu->r[RAX], s->size);
    advance(s, RDI, s->step);
}

static void put_rax(struct string *s, uint64_t v)
{
    struct cpu *cpu = s->cpu;

    switch (s->size) {
    case 1: PUT8(REG(RAX), v); break;
    case 2: PUT16(REG(RAX), v); break;
    case 4: PUT32(REG(RAX), v); break;
    default: PUT64(REG(RAX), v);
    }
}

static void lods(struct string *s)
{
    put_rax(s, mem_read(s->cpu, source(s), s->size));
    advance(s, RSI, s->step);
}

/* Flags of a - b at the element's size: shifted up, all but AF come from the 64-bit subtraction. */
static void compare(struct string *s, uint64_t a, uint64_t b)
{
    unsigned shift = 64 - 8 * s->size, f, low;

    asm("cmpb %b[b], %b[a]" ASM_FLAGS_OUT
        : "=a"(low)
        : [a] "q"((uint8_t)a), [b] "q"((uint8_t)b)
        : "cc");
    asm("cmpq %[b], %[a]" ASM_FLAGS_OUT
        : "=a"(f)
        : [a] "r"(a << shift), [b] "r"(b << shift)
        : "cc");
    s->flags = (f & ~((F_AF | F_PF) << 8)) | (low & (F_AF | F_PF) << 8);
}

static void cmps(struct string *s)
{
    uint64_t a = mem_read(s->cpu, source(s), s->size);
    uint64_t b = mem_read(s->cpu, destination(s, false), s->size);

    compare(s, a, b);
    advance(s, RSI, s->step);
    advance(s, RDI, s->step);
}

static void scas(struct string *s)
{
    compare(s, s->cpu->r[RAX], mem_read(s->cpu, destination(s, false), s->size));
    advance(s, RDI, s->step);
}

static void ins(struct string *s)
{
    struct cpu *cpu = s->cpu;
    uint64_t to = destination(s, true);

    mem_probe_write(cpu, to, s->size);
    mem_write(cpu, to, cpu->host->read(cpu->info->host, TENON_IO, cpu->r[RDX] & 0xffff, s->size),
              s->size);
    advance(s, RDI, s->step);
}

static void outs(struct string *s)
{
    struct cpu *cpu = s->cpu;
    uint64_t v = mem_read(cpu, source(s), s->size);

    cpu->host->write(cpu->info->host, TENON_IO, cpu->r[RDX] & 0xffff, v, s->size);
    advance(s, RSI, s->step);
}

/* ---- What translated code calls ---- */

void call_movs(struct cpu *cpu, const struct uop *u)
{
    repeat(cpu, u, movs, false);
}

void call_stos(struct cpu *cpu, const struct uop *u)
{
    repeat(cpu, u, stos, false);
}

void call_lods(struct cpu *cpu, const struct uop *u)
{
    repeat(cpu, u, lods, false);
}

void call_cmps(struct cpu *cpu, const struct uop *u)
{
    repeat(cpu, u, cmps, true);
}

void call_scas(struct cpu *cpu, const struct uop *u)
{
    repeat(cpu, u, scas, true);
}

static void check_string(struct cpu *cpu, const struct uop *u, unsigned how)
{
    uint64_t mask = u->b == 8 ? UINT64_MAX : u->b == 4 ? UINT32_MAX : UINT16_MAX;
    unsigned seg = how & SVM_IO_IN ? SEG_ES : u->a;

    io_check(cpu, cpu->r[RDX], u->d);
    if (u->imm == REP_NONE)
        svm_io(cpu, cpu->r[RDX], u->d, u->b, seg, how);
    else if (cpu->r[RCX] & mask)
        svm_io(cpu, cpu->r[RDX], u->d, u->b, seg, how | SVM_IO_REP);
}

void call_ins(struct cpu *cpu, const struct uop *u)
{
    check_string(cpu, u, SVM_IO_IN | SVM_IO_STRING);
    repeat(cpu, u, ins, false);
}

void call_outs(struct cpu *cpu, const struct uop *u)
{
    check_string(cpu, u, SVM_IO_STRING);
    repeat(cpu, u, outs, false);
}

/* IN and OUT of d bytes; the port is imm, or DX where that is negative. */
void call_in(struct cpu *cpu, const struct uop *u)
{
    struct string s = { .cpu = cpu, .size = u->d };
    uint16_t port = u->imm < 0 ? (uint16_t)cpu->r[RDX] : (uint16_t)u->imm;

    io_check(cpu, port, u->d);
    svm_io(cpu, port, u->d, u->b, 0, SVM_IO_IN);
    put_rax(&s, cpu->host->read(cpu->info->host, TENON_IO, port, u->d));
}

void call_out(struct cpu *cpu, const struct uop *u)
{
    uint16_t port = u->imm < 0 ? (uint16_t)cpu->r[RDX] : (uint16_t)u->imm;
    uint64_t mask = u->d == 4 ? UINT32_MAX : u->d == 2 ? UINT16_MAX : UINT8_MAX;

    io_check(cpu, port, u->d);
    svm_io(cpu, port, u->d, u->b, 0, 0);
    cpu->host->write(cpu->info->host, TENON_IO, port, cpu->r[RAX] & mask, u->d);
}
