/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check - engine=check: two runs of each block, what they stored, and how they differ.
 */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "blocks.h"
#include "jit.h"
#include "log.h"
#include "mmu.h"

/* Memory may change beneath a block, by a device: only what differs so often does. */
enum { TRIES = 4 };

int check_create(struct cpu *cpu)
{
    struct check *check = calloc(1, sizeof(*check));

    if (!check)
        return -ENOMEM;
    tlb_clear(check->none);
    cpu->blocks->check = check;
    blocks_flush(cpu);
    return 0;
}

void check_destroy(struct cpu *cpu)
{
    struct check *check = cpu->blocks->check;

    if (!check)
        return;
    free(check->difference);
    free(check->report);
    free(check);
    cpu->blocks->check = NULL;
}

/* ---- What runs once ---- */

/* Before an instruction that may not be repeated: the block ends here, in either engine. */
static void run_guard(struct cpu *cpu, const struct uop *u)
{
    siglongjmp(cpu->fault_exit, LEAVE_ONCE);
}

/* System instructions, and what halts, transfers or takes several rounds. */
static bool runs_once(const struct block_builder *b, unsigned first)
{
    bool ports = b->in->map == MAP_ONE && b->in->opcode >= 0x6c && b->in->opcode <= 0x6f;

    for (unsigned i = first; i < b->n; i++)
        if (b->uop[i].op >= UOP_CALL_LAST && b->uop[i].op <= UOP_CALL_LOOP)
            return true;
    return b->system || ports;
}

void check_emit(struct block_builder *b, unsigned first)
{
    bool once = runs_once(b, first), ended = b->ended;
    struct uop guard;

    b->system = false;
    if (!once || b->mode & BLOCK_ONE)
        return;
    emit_call(b, run_guard, 0, 0, 0, 0);
    guard = b->uop[--b->n];
    memmove(b->uop + first + 1, b->uop + first, (b->n - first) * sizeof(guard));
    b->uop[first] = guard;
    b->n++;
    b->ended = ended;
}

/* ---- Memory ---- */

static struct check_line *line_of(struct check *check, uint64_t lin, uint8_t *host)
{
    struct check_line *line;

    for (line = check->line + check->n_lines; line-- > check->line;)
        if (line->host == host)
            return line;
    if (check->n_lines == CHECK_LINES)
        return NULL;
    line = &check->line[check->n_lines++];
    line->host = host;
    line->lin = lin;
    line->stored = 0;
    memcpy(line->before, host, CHECK_LINE);
    return line;
}

void check_store(struct check *check, uint64_t lin, uint8_t *host, unsigned bytes)
{
    for (unsigned n; bytes; bytes -= n, lin += n, host += n) {
        unsigned at = (uintptr_t)host % CHECK_LINE;
        struct check_line *line = line_of(check, lin - at, host - at);

        n = CHECK_LINE - at < bytes ? CHECK_LINE - at : bytes;
        if (!line) {
            check->repeatable = false;
            return;
        }
        line->stored |= (~0ull >> (CHECK_LINE - n)) << at;
    }
}

void check_device(struct check *check)
{
    check->repeatable = false;
}

static void keep_lines(struct check *check)
{
    for (unsigned i = 0; i < check->n_lines; i++)
        memcpy(check->line[i].plain, check->line[i].host, CHECK_LINE);
}

static void take_back_lines(struct check *check)
{
    for (unsigned i = 0; i < check->n_lines; i++) {
        struct check_line *line = &check->line[i];

        for (uint64_t left = line->stored; left; left &= left - 1)
            line->host[__builtin_ctzll(left)] = line->before[__builtin_ctzll(left)];
    }
}

/* All of the processor but what others write to, or what must not go back. */
static void take_back(struct cpu *cpu)
{
    struct check *check = cpu->blocks->check;
    size_t wanted = offsetof(struct cpu, wanted), behind = wanted + sizeof(cpu->wanted);
    const uint64_t last_epoch = cpu->last_epoch;
    uint64_t epochs[SPACES];

    memcpy(epochs, cpu->epochs, sizeof(epochs));
    take_back_lines(check);
    memcpy(cpu, &check->before, wanted);
    memcpy((char *)cpu + behind, (char *)&check->before + behind, sizeof(*cpu) - behind);
    memcpy(cpu->epochs, epochs, sizeof(cpu->epochs));
    cpu->last_epoch = last_epoch;
    mmu_update(cpu);
}

/* ---- What is compared ---- */

struct field {
    const char *name; /* one of several: %u */
    size_t offset, size, stride;
    unsigned n;
};
// clang-format off
#define FIELD(name, member)     { name, offsetof(struct cpu, member), sizeof(((struct cpu *)0)->member), 0, 1 }
#define FIELDS(name, array, bytes) \
    { name, offsetof(struct cpu, array[0]), bytes, sizeof(((struct cpu *)0)->array[0]), \
      sizeof(((struct cpu *)0)->array) / sizeof(((struct cpu *)0)->array[0]) }
static const struct field fields[] = {
    FIELD("rax", r[RAX]), FIELD("rcx", r[RCX]), FIELD("rdx", r[RDX]), FIELD("rbx", r[RBX]),
    FIELD("rsp", r[RSP]), FIELD("rbp", r[RBP]), FIELD("rsi", r[RSI]), FIELD("rdi", r[RDI]),
    FIELD("r8", r[R8]),   FIELD("r9", r[R9]),   FIELD("r10", r[R10]), FIELD("r11", r[R11]),
    FIELD("r12", r[R12]), FIELD("r13", r[R13]), FIELD("r14", r[R14]), FIELD("r15", r[R15]),
    FIELD("rip", rip), FIELD("rflags", flags), FIELD("instructions", instructions),
    FIELDS("zmm%u", v, sizeof(union vec)), FIELDS("k%u", k, sizeof(uint64_t)),
    FIELDS("fpr%u", x87.r, 10),
    FIELD("x87 control", x87.control), FIELD("x87 status", x87.status),
    FIELD("x87 registers in use", x87.tag_valid), FIELD("x87 opcode", x87.opcode),
    FIELD("x87 ip", x87.ip), FIELD("x87 dp", x87.dp), FIELD("x87 cs", x87.cs), FIELD("x87 ds", x87.ds),
    FIELD("ferr", x87.ferr), FIELD("mxcsr", mxcsr), FIELD("pkru", pkru), FIELD("xcr0", xcr0),
    FIELD("cr0", cr0), FIELD("cr2", cr2), FIELD("cr3", cr3), FIELD("cr4", cr4), FIELD("efer", efer),
    FIELDS("base of segment %u", seg, sizeof(uint64_t)),
    FIELD("es", seg[SEG_ES].selector), FIELD("cs", seg[SEG_CS].selector), FIELD("ss", seg[SEG_SS].selector),
    FIELD("ds", seg[SEG_DS].selector), FIELD("fs", seg[SEG_FS].selector), FIELD("gs", seg[SEG_GS].selector),
    FIELD("mode", mode), FIELD("cpl", cpl), FIELD("held interrupts", inhibit), FIELD("halted", halted),
    FIELD("pending debug traps", debug.pending), FIELD("a debugger's watch", watch.hit),
    FIELD("exception", fault.vector),
};
/* Where there is one. */
static const struct field fault_fields[] = {
    FIELD("error code", fault.error), FIELD("address of the fault", fault.address),
    FIELD("exception's kind", fault.trap),
};
// clang-format on

static void put_value(FILE *f, const void *value, size_t bytes)
{
    while (bytes--)
        fprintf(f, "%02x", ((const uint8_t *)value)[bytes]);
}

static void put_difference(FILE *f, const char *what, const void *plain, const void *translated,
                           size_t bytes)
{
    fprintf(f, "  %s: interpreter ", what);
    put_value(f, plain, bytes);
    fputs(", translator ", f);
    put_value(f, translated, bytes);
    fputc('\n', f);
}

static void compare_field(FILE *f, const struct field *field, const struct cpu *a,
                          const struct cpu *b)
{
    for (unsigned i = 0; i < field->n; i++) {
        size_t at = field->offset + i * field->stride;
        char name[32];

        if (!memcmp((char *)a + at, (char *)b + at, field->size))
            continue;
        snprintf(name, sizeof(name), field->name, i);
        put_difference(f, name, (char *)a + at, (char *)b + at, field->size);
    }
}

static void compare_line(FILE *f, const struct check_line *line)
{
    unsigned from = 0, to = CHECK_LINE;
    char name[64];

    if (!memcmp(line->plain, line->host, CHECK_LINE))
        return;
    while (line->plain[from] == line->host[from])
        from++;
    while (line->plain[to - 1] == line->host[to - 1])
        to--;
    snprintf(name, sizeof(name), "memory at %016" PRIx64, line->lin + from);
    put_difference(f, name, line->plain + from, line->host + from, to - from);
}

enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };
enum { N_FAULT_FIELDS = sizeof(fault_fields) / sizeof(fields[0]) };

/* The parts of the state in which the fields lie; some of it is none of them. */
#define SPAN(first, end)                                                                           \
    {                                                                                              \
        offsetof(struct cpu, first), offsetof(struct cpu, end)                                     \
    }
static const struct {
    size_t first, end;
} spans[] = {
    SPAN(r, r[16]), SPAN(rip, wanted), SPAN(v, ferr_changed), SPAN(debug, svm), SPAN(fault, log),
};

/* Whether the processor is beyond doubt as the interpreter left it. */
static bool is_same(const struct cpu *cpu)
{
    const struct check *check = cpu->blocks->check;
    const char *a = (const char *)&check->plain, *b = (const char *)cpu;

    for (unsigned i = 0; i < sizeof(spans) / sizeof(spans[0]); i++)
        if (memcmp(a + spans[i].first, b + spans[i].first, spans[i].end - spans[i].first))
            return false;
    for (unsigned i = 0; i < check->n_lines; i++)
        if (memcmp(check->line[i].plain, check->line[i].host, CHECK_LINE))
            return false;
    return true;
}

/* Whether it differs; check->difference says how. */
static bool differs(struct cpu *cpu, int how_plain, int how)
{
    struct check *check = cpu->blocks->check;
    size_t size = 0;
    FILE *f;

    free(check->difference);
    check->difference = NULL;
    f = open_memstream(&check->difference, &size);
    if (!f)
        return false;
    if (how != how_plain)
        fprintf(f, "  how it was left: interpreter %d, translator %d\n", how_plain, how);
    for (unsigned i = 0; i < N_FIELDS; i++)
        compare_field(f, &fields[i], &check->plain, cpu);
    for (unsigned i = 0; how == LEAVE_FAULT && i < N_FAULT_FIELDS; i++)
        compare_field(f, &fault_fields[i], &check->plain, cpu);
    for (unsigned i = 0; i < check->n_lines; i++)
        compare_line(f, &check->line[i]);
    fclose(f);
    return size;
}

/* ---- Running ---- */

/* Calls act; returns 0, or with what it left by fault_exit. */
static int shelter(struct cpu *cpu, void (*act)(struct cpu *, uint32_t), uint32_t arg)
{
    sigjmp_buf outer;
    int how;

    memcpy(&outer, &cpu->fault_exit, sizeof(outer));
    how = sigsetjmp(cpu->fault_exit, 0);
    if (!how)
        act(cpu, arg);
    else
        blocks_faulted(cpu);
    memcpy(&cpu->fault_exit, &outer, sizeof(outer));
    return how;
}

static void run_one(struct cpu *cpu, uint32_t unused)
{
    blocks_run_one(cpu);
}

/* The block in the interpreter, noting its stores. */
static int record(struct cpu *cpu, uint32_t part)
{
    struct check *check = cpu->blocks->check;
    int how;

    check->repeatable = true;
    check->n_lines = 0;
    mmu_record(cpu, check);
    how = shelter(cpu, blocks_run_block, BLOCK_PLAIN | part);
    mmu_record(cpu, NULL);
    mmu_settle(cpu);
    return how;
}

static uint32_t wanted(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->wanted, __ATOMIC_RELAXED);
}

/* The same translated, even if the interpreter's stores made somebody want something. */
static int translate_and_run(struct cpu *cpu, uint32_t part)
{
    uint32_t bits = __atomic_exchange_n(&cpu->wanted, 0, __ATOMIC_SEQ_CST);
    int how = shelter(cpu, blocks_run_block, part);

    __atomic_fetch_or(&cpu->wanted, bits, __ATOMIC_SEQ_CST);
    mmu_settle(cpu);
    return how;
}

static bool has_run(const struct cpu *cpu)
{
    return cpu->instructions != cpu->blocks->check->before.instructions ||
           cpu->rip != cpu->blocks->check->before.rip;
}

/*
 * One comparison.  SAME: the block has run; ONCE: in the interpreter only; DIFFERENT, and NOTHING
 * if there was not time for it: it has not.
 */
enum outcome { SAME, ONCE, DIFFERENT, NOTHING };
static enum outcome compare(struct cpu *cpu, uint32_t part, int *how)
{
    struct check *check = cpu->blocks->check;
    int translated;

    *how = record(cpu, part);
    if (!check->repeatable)
        return ONCE;
    if (!has_run(cpu) && (*how == 0 || *how == LEAVE_ONCE)) {
        take_back(cpu);
        return NOTHING;
    }
    check->plain = *cpu;
    keep_lines(check);
    take_back(cpu);
    translated = translate_and_run(cpu, part);
    if (!has_run(cpu) && wanted(cpu)) {
        take_back(cpu);
        return NOTHING;
    }
    if ((translated == *how && is_same(cpu)) || !differs(cpu, *how, translated))
        return SAME;
    take_back(cpu);
    return DIFFERENT;
}

/* ---- The report ---- */

/* The fewest instructions from the block's beginning upon which the engines differ; 0: only upon
 * the whole block.  check->difference is that one's. */
static unsigned narrow(struct cpu *cpu, unsigned instructions)
{
    int how;

    for (unsigned n = 1; n < instructions; n++) {
        switch (compare(cpu, BLOCK_PART(n), &how)) {
        case SAME: take_back(cpu); break;
        case DIFFERENT: return n;
        default: return 0;
        }
    }
    compare(cpu, 0, &how);
    return instructions == 1;
}

static void put_registers(FILE *f, const struct cpu *cpu)
{
    for (unsigned i = 0; i < 16; i++)
        fprintf(f, "%s%3s=%016" PRIx64, i % 4 ? " " : "\n ", fields[i].name, cpu->r[i]);
    fprintf(f, "\n  rip=%016" PRIx64 " rflags=%08" PRIx64 " mode=%08x\n", cpu->rip, cpu->flags,
            cpu->mode);
}

/* Where the instruction begins, upon which they differ. */
static unsigned offset_of(struct cpu *cpu, unsigned n)
{
    return n > 1 ? blocks_find(cpu, BLOCK_PLAIN | BLOCK_PART(n - 1))->bytes : 0;
}

static void put_instruction(FILE *f, struct cpu *cpu, unsigned n)
{
    unsigned from = offset_of(cpu, n), to;
    uint8_t code[MAX_BLOCK_INSNS * INSN_MAX];
    const struct block *block = blocks_find(cpu, BLOCK_PLAIN | BLOCK_PART(n));

    to = !block->dead ? block_copy_code(block, code) : from;
    fprintf(f, "at rip %016" PRIx64 ", instruction %u of its block:", cpu->rip + from, n);
    for (unsigned i = from; i < to; i++)
        fprintf(f, " %02x", code[i]);
    fputc('\n', f);
    log_block(f, cpu, block, from);
}

static void write_report(struct cpu *cpu, uint32_t unused)
{
    struct check *check = cpu->blocks->check;
    unsigned n = narrow(cpu, blocks_find(cpu, BLOCK_PLAIN)->instructions);
    size_t size;
    FILE *f = open_memstream(&check->report, &size);

    if (!f)
        return;
    fprintf(f, "engine=check: the engines differ on processor %u, ", cpu->info->index);
    if (n)
        put_instruction(f, cpu, n);
    else
        fprintf(f, "in the block at rip %016" PRIx64 ", when all of it runs\n", cpu->rip);
    fputs(check->difference ? check->difference : "", f);
    fputs("The block began with", f);
    put_registers(f, &check->before);
    log_block(f, cpu, blocks_find(cpu, BLOCK_PLAIN), 0);
    fclose(f);
}

/* ---- A turn ---- */

static int check_block(struct cpu *cpu)
{
    struct check *check = cpu->blocks->check;
    enum outcome outcome;
    int how;

    check->before = *cpu;
    for (unsigned tries = 0; tries < TRIES; tries++) {
        outcome = compare(cpu, 0, &how);
        if (outcome != DIFFERENT)
            break;
    }
    check->count.checked += outcome == SAME;
    check->count.once += outcome == ONCE || (outcome == NOTHING && !wanted(cpu));
    switch (outcome) {
    case DIFFERENT: shelter(cpu, write_report, 0); return LEAVE_DIFFERS;
    case NOTHING: return wanted(cpu) ? 0 : shelter(cpu, run_one, 0);
    default: return how == LEAVE_ONCE ? 0 : how;
    }
}

/* A processor that runs guest code looks for others that wait so often, which look for what is
 * wanted of them so often. */
enum { TURN_BLOCKS = 500, TURN_WAIT_NS = 500000 };

static void wait_a_moment(struct bus *bus)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += TURN_WAIT_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&bus->turn.changed, &bus->turn.lock, &until);
}

/* Processors run one at a time, so that memory stays as it is between two runs of a block; those
 * that wait come before the one that ran last.  False: something is wanted of this one meanwhile.
 */
static bool take_turn(struct cpu *cpu)
{
    struct bus *bus = cpu->bus;
    bool mine;

    pthread_mutex_lock(&bus->turn.lock);
    bus->turn.waiting++;
    while (!wanted(cpu) && (bus->turn.holder || (bus->turn.last == cpu && bus->turn.waiting > 1)))
        wait_a_moment(bus);
    bus->turn.waiting--;
    mine = !wanted(cpu);
    if (mine)
        bus->turn.holder = bus->turn.last = cpu;
    pthread_cond_broadcast(&bus->turn.changed);
    pthread_mutex_unlock(&bus->turn.lock);
    return mine;
}

static void give_turn(struct cpu *cpu)
{
    struct bus *bus = cpu->bus;

    pthread_mutex_lock(&bus->turn.lock);
    bus->turn.holder = NULL;
    pthread_cond_broadcast(&bus->turn.changed);
    pthread_mutex_unlock(&bus->turn.lock);
}

static int one_turn(struct cpu *cpu)
{
    int how = 0;

    for (unsigned i = 0;
         i < TURN_BLOCKS && !how && !wanted(cpu) && cpu->instructions < cpu->stop_at; i++) {
        if (cpu->inhibit || cpu->mode & (MODE_TF | MODE_BREAK))
            how = shelter(cpu, run_one, 0);
        else
            how = check_block(cpu);
    }
    return how;
}

void check_run(struct cpu *cpu)
{
    while (cpu->instructions < cpu->stop_at && take_turn(cpu)) {
        int how = one_turn(cpu);

        give_turn(cpu);
        if (how)
            siglongjmp(cpu->fault_exit, how);
    }
}
