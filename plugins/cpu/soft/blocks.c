/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blocks - decodes guest code into blocks, keeps them, runs them, forgets them when their bytes
 * change.
 *
 * Blocks lie in an arena that is emptied as a whole when it is full.  A block whose bytes were
 * written is taken out of the tables, and each of its micro-ops made to leave it: so links to it,
 * and the processor that may just run it, need not be looked for.
 */
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "check.h"
#include "evex.h"
#include "exec.h"
#include "integer.h"
#include "jit.h"
#include "sys.h"
#include "log.h"

#define PAGE 0x1000ull

static const uint8_t *page_of(const uint8_t *host)
{
    return (const uint8_t *)((uintptr_t)host & ~(PAGE - 1));
}

static struct page_link **page_entry(struct blocks *s, const uint8_t *host)
{
    uintptr_t page = (uintptr_t)host / PAGE;

    return &s->page[(page ^ page >> 12) & (PAGE_ENTRIES - 1)];
}

static struct block **hash_entry(struct blocks *s, const uint8_t *code, uint64_t rip)
{
    uint64_t h = (uintptr_t)code ^ rip >> 12;

    return &s->hash[(h ^ h >> 15) & (HASH_ENTRIES - 1)];
}

/* ---- Memory ---- */

void blocks_new_epoch(struct cpu *cpu, unsigned space)
{
    cpu->epochs[space] = ++cpu->last_epoch;
    cpu->other[space].mode = 0;
    cpu->epoch = cpu->epochs[cpu->space];
}

static void new_epochs(struct cpu *cpu)
{
    for (unsigned space = 0; space < SPACES; space++)
        blocks_new_epoch(cpu, space);
}

int blocks_create(struct cpu *cpu)
{
    struct blocks *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->vec = vec_rows();
    s->evex = evex_rows();
    s->arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cpu->blocks = s;
    if (!s->vec || !s->evex || s->arena == MAP_FAILED) {
        blocks_destroy(cpu);
        return -ENOMEM;
    }
    new_epochs(cpu);
    return 0;
}

void blocks_destroy(struct cpu *cpu)
{
    if (!cpu->blocks)
        return;
    check_destroy(cpu);
    jit_destroy(cpu);
    if (cpu->blocks->arena != MAP_FAILED)
        munmap(cpu->blocks->arena, ARENA_BYTES);
    free(cpu->blocks->vec);
    free(cpu->blocks->evex);
    free(cpu->blocks);
    cpu->blocks = NULL;
}

static void block_kill(struct cpu *cpu, struct block *block);

/* What is running stays where it is until the next block is decoded. */
void blocks_flush(struct cpu *cpu)
{
    struct blocks *s = cpu->blocks;

    if (s->jit && cpu->block) /* its jumps within the page look at nothing */
        block_kill(cpu, (struct block *)cpu->block);
    memset(s->jump, 0, sizeof(s->jump));
    memset(s->hash, 0, sizeof(s->hash));
    memset(s->page, 0, sizeof(s->page));
    memset(s->code_page, 0, sizeof(s->code_page));
    s->link_from = NULL;
    s->used = 0;
    s->flushes++;
    new_epochs(cpu);
    if (s->jit)
        jit_flush(cpu);
}

static void *take(struct blocks *s, size_t bytes)
{
    void *p = s->arena + s->used;

    s->used += (bytes + 15) & ~(size_t)15;
    return p;
}

/* There is room for a page behind it. */
static struct block *allocate(struct cpu *cpu, unsigned n_uops, unsigned n_bytes)
{
    size_t bytes = sizeof(struct block) + n_uops * sizeof(struct uop) + n_bytes;
    struct blocks *s = cpu->blocks;

    if (s->used + bytes + 16 + sizeof(struct code_page) > ARENA_BYTES || (s->jit && s->jit->full))
        blocks_flush(cpu);
    return take(s, bytes);
}

/* Of an assistant's: the code as it was decoded, behind the micro-ops. */
static uint8_t *block_bytes(const struct block *block)
{
    return (uint8_t *)&block->uop[block->n];
}

/* ---- Forgetting ---- */

/* Nobody finds the block again; who runs it or is linked to it leaves it at the next instruction.
 */
static void block_kill(struct cpu *cpu, struct block *block)
{
    struct block **at = hash_entry(cpu->blocks, block->code, block->rip);
    uint64_t now = cpu->block == block ? cpu->rip - block->rip : UINT64_MAX;

    while (*at && *at != block)
        at = &(*at)->hash_next;
    if (*at)
        *at = block->hash_next;
    block->dead = true;
    block->epoch = cpu->blocks->never;
    if (cpu->blocks->jit)
        jit_kill(cpu, block);
    for (unsigned i = 0; i < block->n; i++)
        if (now == UINT64_MAX || block->uop[i].off > now)
            block->uop[i].run = run_STALE;
}

/* The block's bytes in its first page. */
static unsigned bytes_in_first(const struct block *block)
{
    unsigned room = PAGE - ((uintptr_t)block->code & (PAGE - 1));

    return block->bytes < room ? block->bytes : room;
}

static bool overlaps(const struct block *block, const uint8_t *host, uint64_t bytes)
{
    unsigned first = bytes_in_first(block);

    if (block->code < host + bytes && block->code + first > host)
        return true;
    return block->code2 && block->code2 < host + bytes &&
           block->code2 + block->bytes - first > host;
}

bool blocks_written(struct cpu *cpu, const uint8_t *host, uint64_t bytes)
{
    bool empty = true;

    for (const uint8_t *page = page_of(host); page < host + bytes; page += PAGE) {
        struct page_link **at = page_entry(cpu->blocks, page), *link;

        while ((link = *at)) {
            if (link->page == page && overlaps(link->block, host, bytes)) {
                if (!link->block->dead)
                    block_kill(cpu, link->block);
                *at = link->next;
            } else {
                empty &= link->page != page;
                at = &link->next;
            }
        }
    }
    return empty;
}

/* u is of another instruction than the micro-op before it; a fused one is of two. */
static bool begins(const struct uop *u)
{
    const struct uop *last = u - 1;

    return u->off != last->off && !(UOP_IS_FUSED(last->op) && u->off == last->off + (last->d >> 4));
}

/* How many instructions micro-ops from off on belong to. */
static unsigned instructions_from(const struct block *block, unsigned off)
{
    unsigned n = 0;

    for (unsigned i = 0; i < block->n; i++) {
        const struct uop *u = &block->uop[i];

        if (u->off < off)
            continue;
        n += i == 0 || begins(u);
        n += UOP_IS_FUSED(u->op);
    }
    return n;
}

void block_leave_at(struct cpu *cpu, unsigned off)
{
    cpu->instructions -= instructions_from(cpu->block, off);
}

static bool in_block(const struct cpu *cpu)
{
    return cpu->block && cpu->rip - cpu->block->rip < cpu->block->bytes;
}

uint64_t blocks_executed(const struct cpu *cpu)
{
    unsigned ahead = in_block(cpu) ? instructions_from(cpu->block, cpu->rip - cpu->block->rip) : 0;

    return cpu->instructions - ahead;
}

void blocks_leave(struct cpu *cpu)
{
    if (in_block(cpu))
        block_kill(cpu, (struct block *)cpu->block);
}

/* ---- Decoding ---- */

/* Where code comes from: its bytes in one page of memory, then one by one. */
struct source {
    struct cpu *cpu;
    const uint8_t *code;  /* NULL: no memory */
    const uint8_t *code2; /* set when a second page was needed */
    uint64_t lin;
    unsigned room; /* bytes to the page's end */
    uint8_t bytes[INSN_MAX];
};

static uint64_t linear_of(const struct cpu *cpu, uint64_t rip)
{
    uint64_t lin = cpu->seg[SEG_CS].base + rip;

    return cpu->mode & MODE_CODE64 ? rip : (uint32_t)lin;
}

static uint64_t next_page(const struct cpu *cpu)
{
    uint64_t lin = (linear_of(cpu, cpu->rip) | (PAGE - 1)) + 1;

    return cpu->mode & MODE_CODE64 ? lin : (uint32_t)lin;
}

/* Decodes an instruction that is not whole in its page, or not in memory. */
static int decode_across(struct source *s, struct insn *in, uint64_t rip)
{
    unsigned code = s->cpu->mode & MODE_CODE_MASK;
    const uint8_t *p = s->code;
    int len = DECODE_SHORT;

    for (unsigned i = 0; i < INSN_MAX && len == DECODE_SHORT; i++, p = p ? p + 1 : p) {
        uint64_t lin = s->lin + i;

        if (!(s->cpu->mode & MODE_CODE64))
            lin = (uint32_t)lin;
        if (i && (lin & (PAGE - 1)) == 0)
            p = s->code2 = mem_code(s->cpu, lin);
        s->bytes[i] = p ? *p : mem_fetch(s->cpu, lin);
        len = decode(in, s->bytes, i + 1, rip, code);
    }
    return len;
}

static int decode_at(struct source *s, struct insn *in, uint64_t rip, unsigned off)
{
    int len = DECODE_SHORT;

    if (s->code)
        len = decode(in, s->code + off, s->room - off, rip + off, s->cpu->mode & MODE_CODE_MASK);
    if (len == DECODE_SHORT && off == 0)
        len = decode_across(s, in, rip);
    return len;
}

static bool beyond_limit(const struct cpu *cpu, uint64_t rip)
{
    return cpu->mode & MODE_CS_CHECK && rip > cpu->seg[SEG_CS].limit;
}

static uint64_t cut(const struct cpu *cpu, uint64_t rip)
{
    return cpu->mode & MODE_CODE64 ? rip : cpu->mode & MODE_CODE32 ? (uint32_t)rip : (uint16_t)rip;
}

/* Adds the instruction at off; false: it does not belong into this block. */
static bool add(struct block_builder *b, struct source *s, struct insn *in, unsigned off)
{
    bool stops = b->cpu->watch.n && watch_breaks(b->cpu, linear_of(b->cpu, b->rip + off));
    int len = stops && off ? DECODE_SHORT : decode_at(s, in, b->rip, off);
    bool bad = len == DECODE_LONG || beyond_limit(b->cpu, b->rip + off + len - 1);
    bool shadowed = b->shadows;
    unsigned n, first;

    if (off && (len == DECODE_SHORT || bad))
        return false;
    in->len = len > 0 ? len : INSN_MAX;
    b->in = in;
    b->shadows = false;
    if (!off)
        log_emit(b);
    first = b->n;
    if (shadowed)
        emit_call(b, call_in_shadow, 0, 0, 0, 0);
    n = b->n;
    if (stops)
        emit_call_jump(b, run_watch_stop, 0, 0, 0, 0);
    else if (bad)
        emit_fault(b, EXC_GP);
    else
        translate(b, in);
    if (b->n == n)
        emit(b, UOP_NOP, 0, 0, 0, 0);
    if (b->cpu->blocks->check)
        check_emit(b, first);
    return true;
}

static void call_nothing(struct cpu *cpu, const struct uop *u)
{
}

static void build(struct block_builder *b, struct source *s, struct block *block)
{
    bool one = b->mode & BLOCK_ONE || !s->code;
    unsigned most = BLOCK_PART_OF(b->mode) ? BLOCK_PART_OF(b->mode) : MAX_BLOCK_INSNS;
    struct insn in[2]; /* the last one stays while the next one is tried */

    block->bytes = block->instructions = 0;
    do {
        struct insn *next = &in[block->instructions & 1];
        bool shadowed = b->shadows;
        uint64_t after;

        if (!add(b, s, next, block->bytes)) {
            b->in = &in[~block->instructions & 1];
            break;
        }
        block->bytes += next->len;
        block->instructions++;
        after = b->rip + block->bytes;
        one |= block->bytes >= s->room || cut(b->cpu, after) != after || shadowed;
    } while (!b->ended && !one && block->instructions < most && b->n + MAX_INSN_UOPS < MAX_UOPS);
    if (b->shadows) /* what it holds off, and until when, is blocks_run()'s affair */
        emit_call_last(b, call_nothing, 0, 0, 0, 0);
    else if (!b->ended)
        emit_continue(b);
    build_finish(b);
}

static void enter_page(struct blocks *s, struct block *block, unsigned which, const uint8_t *code)
{
    struct page_link **at = page_entry(s, code);

    block->on_page[which] =
        (struct page_link){ .block = block, .next = *at, .page = page_of(code) };
    *at = &block->on_page[which];
}

static void enter(struct cpu *cpu, struct block *block)
{
    struct block **at = hash_entry(cpu->blocks, block->code, block->rip);

    block->hash_next = *at;
    *at = block;
    enter_page(cpu->blocks, block, 0, block->code);
    if (block->code2)
        enter_page(cpu->blocks, block, 1, block->code2);
}

unsigned block_copy_code(const struct block *block, uint8_t *to)
{
    unsigned first = bytes_in_first(block);

    memcpy(to, block->code, first);
    if (block->code2)
        memcpy(to + first, block->code2, block->bytes - first);
    return block->code2 ? block->bytes : first;
}

/* in_asm and op: the bytes are those that have been decoded. */
static void log_made(struct cpu *cpu, const struct block *block, const struct source *s)
{
    uint8_t bytes[MAX_BLOCK_INSNS * INSN_MAX];
    unsigned first = bytes_in_first(block);

    if (!cpu_logs(cpu, TENON_ITEM_IN_ASM | TENON_ITEM_OP) || block->mode & BLOCK_PLAIN)
        return;
    log_ops(cpu, block);
    if (!s->code || first < block->bytes) { /* one instruction */
        log_code(cpu, block, s->bytes);
        return;
    }
    memcpy(bytes, s->code, first);
    log_code(cpu, block, bytes);
}

static struct code_page *new_page(struct blocks *s, uint64_t lin, const uint8_t *host)
{
    struct code_page *page = take(s, sizeof(*page));

    *page = (struct code_page){ .lin = lin, .host = host };
    return page;
}

/* The page that a block's code is in.  One by itself has what is not of one page, and what is
 * compared with its bytes whenever it is entered. */
static struct code_page *find_page(struct cpu *cpu, const struct block *block, uint64_t lin)
{
    const uint8_t *host = page_of(block->code);
    struct blocks *s = cpu->blocks;
    struct code_page *page, **at;

    lin &= ~(PAGE - 1);
    if (block->code2 || cpu->assist)
        return new_page(s, lin, host);
    at = &s->code_page[(uintptr_t)host / PAGE & (CODE_PAGES - 1)];
    for (page = *at; page; page = page->next)
        if (page->lin == lin && page->host == host)
            return page;
    page = new_page(s, lin, host);
    page->next = *at;
    return *at = page;
}

static struct block *make(struct cpu *cpu, const uint8_t *code, uint32_t mode)
{
    struct block_builder *b = &cpu->blocks->builder;
    uint64_t lin = linear_of(cpu, cpu->rip);
    struct source s = { .cpu = cpu, .code = code, .lin = lin, .room = PAGE - (lin & (PAGE - 1)) };
    struct block head = { .code = code,
                          .rip = cpu->rip,
                          .cs_base = cpu->seg[SEG_CS].base,
                          .mode = mode,
                          .cs_limit = cpu->seg[SEG_CS].limit };
    struct block *block;

    b->cpu = cpu;
    b->rip = cpu->rip;
    b->mode = mode;
    b->n = 0;
    b->ended = b->shadows = false;
    build(b, &s, &head);
    cpu->blocks->made.blocks++;
    cpu->blocks->made.instructions += head.instructions;
    cpu->blocks->made.bytes += head.bytes;
    block = allocate(cpu, b->n, cpu->assist ? head.bytes : 0);
    head.code2 = s.code2;
    head.n = b->n;
    head.dead = !code || (head.bytes > s.room && !s.code2); /* not from memory: never again */
    head.epoch = head.dead ? cpu->blocks->never : find_page(cpu, &head, lin)->epoch;
    if (!head.dead)
        head.epoch[cpu->space] = cpu->epoch;
    *block = head;
    memcpy(block->uop, b->uop, b->n * sizeof(b->uop[0]));
    if (cpu->assist && code)
        block_copy_code(block, block_bytes(block));
    log_made(cpu, block, &s);
    if (!block->dead)
        enter(cpu, block);
    if (cpu->blocks->jit)
        jit_watch(cpu, block, !block->dead && !(mode & (BLOCK_ONE | BLOCK_PLAIN | MODE_LOG)));
    return block;
}

/* ---- Finding ---- */

static const uint8_t *code_at(struct cpu *cpu, uint64_t lin)
{
    const struct tlb_entry *e = tlb_entry(cpu, lin);

    if (LIKELY(e->exec == (lin & ~(PAGE - 1))))
        return (const uint8_t *)(lin + e->addend);
    return mem_code(cpu, lin);
}

/* Whoever else runs the guest writes code unseen: it is looked at again at each entry. */
static bool unchanged(const struct block *block)
{
    const uint8_t *bytes = block_bytes(block);
    unsigned first = bytes_in_first(block);

    return !memcmp(block->code, bytes, first) &&
           (!block->code2 || !memcmp(block->code2, bytes + first, block->bytes - first));
}

static bool matches(struct cpu *cpu, const struct block *block, const uint8_t *code, uint32_t mode)
{
    if (block->code != code || block->rip != cpu->rip || block->mode != mode ||
        block->cs_base != cpu->seg[SEG_CS].base || block->cs_limit != cpu->seg[SEG_CS].limit)
        return false;
    if (block->code2 && code_at(cpu, next_page(cpu)) != block->code2)
        return false;
    return !cpu->assist || block->epoch[cpu->space] == cpu->epoch || unchanged(block);
}

/* By its bytes; faults as the instruction's fetch does. */
static struct block *find_by_code(struct cpu *cpu, uint32_t mode)
{
    const uint8_t *code;
    struct block *block;

    check_target(cpu, cpu->rip);
    code = code_at(cpu, linear_of(cpu, cpu->rip));
    if (!code)
        return make(cpu, NULL, mode | BLOCK_ONE);
    for (block = *hash_entry(cpu->blocks, code, cpu->rip); block; block = block->hash_next)
        if (matches(cpu, block, code, mode))
            break;
    if (!block)
        return make(cpu, code, mode);
    block->epoch[cpu->space] = cpu->epoch;
    return block;
}

struct block *blocks_find(struct cpu *cpu, uint32_t kind)
{
    uint32_t mode = cpu->mode | kind | (cpu->one_insn ? BLOCK_ONE : 0);
    struct block **known = blocks_jump_entry(cpu, cpu->rip), *block = *known;

    if (!block || cpu->assist || !block_fits(cpu, block, cpu->rip, mode))
        block = find_by_code(cpu, mode);
    if (cpu->blocks->jit)
        jit_settle(cpu);
    if (!(block->mode & BLOCK_ONE) && !block->dead && !cpu->blocks->check) {
        *known = block;
        if (cpu->blocks->jit)
            jit_remember(cpu, block);
    }
    return block;
}

/* ---- Running ---- */

static void run(struct cpu *cpu, const struct uop *u)
{
    const struct jit *jit = cpu->blocks->jit;

    while (u)
        u = jit ? jit->enter(cpu, u) : u->run(cpu, u);
    cpu->block = NULL;
}

void blocks_run_one(struct cpu *cpu)
{
    bool step = cpu->mode & MODE_TF;
    struct block *block;

    if (cpu->watch.n && watch_breaks(cpu, linear_of(cpu, cpu->rip)))
        run_watch_stop(cpu, NULL);
    cpu->shadow = cpu->inhibit;
    cpu->inhibit = 0;
    cpu->no_step = false;
    if (cpu->mode & MODE_BREAK)
        cpu_check_breakpoint(cpu);
    block = blocks_find(cpu, BLOCK_ONE);
    cpu->instructions++;
    cpu->block = block;
    run(cpu, block->uop);
    cpu->shadow = 0;
    if (step)
        cpu_stepped(cpu);
}

/* The next block, to which the jump that led here is linked. */
static struct block *find_next(struct cpu *cpu)
{
    struct blocks *s = cpu->blocks;
    struct uop *from = s->link_from;
    uint64_t flushes = s->flushes;
    struct block *block;

    s->link_from = NULL;
    block = blocks_find(cpu, 0);
    if (from && s->flushes == flushes && !block->dead && !(block->mode & BLOCK_ONE) &&
        !cpu_logs(cpu, TENON_ITEM_NOCHAIN))
        from->link = block;
    return block;
}

void blocks_run_block(struct cpu *cpu, uint32_t kind)
{
    const struct uop *u;

    cpu->blocks->link_from = NULL;
    u = block_enter(cpu, blocks_find(cpu, kind));
    if (u)
        run(cpu, u);
}

void blocks_run(struct cpu *cpu)
{
    if (cpu->blocks->check) {
        check_run(cpu);
        return;
    }
    cpu->blocks->link_from = NULL;
    while (!__atomic_load_n(&cpu->wanted, __ATOMIC_RELAXED) && cpu->instructions < cpu->stop_at) {
        const struct uop *u;

        if (cpu->inhibit || cpu->mode & (MODE_TF | MODE_BREAK)) {
            blocks_run_one(cpu);
            continue;
        }
        u = block_enter(cpu, find_next(cpu));
        if (u)
            run(cpu, u);
        else if (!__atomic_load_n(&cpu->wanted, __ATOMIC_RELAXED))
            blocks_run_one(cpu);
    }
}

void blocks_faulted(struct cpu *cpu)
{
    if (in_block(cpu))
        block_leave_at(cpu, cpu->rip - cpu->block->rip);
    cpu->block = NULL;
}
