/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * blocks - decodes guest code into blocks, keeps them, runs them, forgets them when their bytes
 * change.
 *
 * Blocks lie in a ring, where new ones take the place of the oldest, while nothing runs: these are
 * taken out of all tables, and links to them away.  A block whose bytes were written is taken out
 * of the tables by which it is found, and each of its micro-ops made to leave it: so links to it,
 * and the processor that may just run it, need not be looked for.
 */
#include "blocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "evex.h"
#include "exec.h"
#include "integer.h"
#include "jit.h"
#include "pages.h"
#include "sys.h"
#include "log.h"

#define PAGE 0x1000ull

static const uint8_t *page_of(const uint8_t *host)
{
    return (const uint8_t *)((uintptr_t)host & ~(PAGE - 1));
}

static struct link **page_entry(struct blocks *s, const uint8_t *host)
{
    uintptr_t page = (uintptr_t)host / PAGE;

    return &s->page[(page ^ page >> 12) & (PAGE_ENTRIES - 1)];
}

static struct link **hash_entry(struct blocks *s, const uint8_t *code, uint64_t rip)
{
    uint64_t h = (uintptr_t)code ^ rip >> 12;

    return &s->hash[(h ^ h >> 15) & (HASH_ENTRIES - 1)];
}

/* ---- Links: what points to a block ---- */

static struct block_link *block_links(const struct block *block)
{
    return (struct block_link *)&block->uop[block->n];
}

/* Of an assistant's: the code as it was decoded, behind the micro-ops and links. */
static uint8_t *block_bytes(const struct block *block)
{
    return (uint8_t *)&block_links(block)[block->n_links];
}

static bool has_link(const struct uop *u)
{
    return (u->op >= UOP_JO && u->op <= UOP_JMP) || u->op == UOP_CALL64 || u->op == UOP_JMP_TO;
}

static unsigned count_jumps(const struct uop *uop, unsigned n)
{
    unsigned jumps = 0;

    for (unsigned i = 0; i < n; i++)
        jumps += has_link(&uop[i]);
    return jumps;
}

static void make_links(struct block *block)
{
    struct block_link *link = block_links(block);

    for (unsigned i = 0; i < block->n; i++)
        if (has_link(&block->uop[i]))
            *link++ = (struct block_link){ .from = &block->uop[i] };
}

static void unlink_jump(struct block_link *link)
{
    link_out(&link->link);
    link->from->link = NULL;
}

static void link_jump(struct block_link *link, struct block *to)
{
    link_out(&link->link);
    link_in(&to->linked, &link->link);
    link->from->link = to;
}

static void unlink_jumps(const struct block *block)
{
    for (unsigned i = 0; i < block->n_links; i++)
        unlink_jump(&block_links(block)[i]);
}

/* The link of the block's micro-op, or NULL. */
static struct block_link *link_of(const struct block *block, const struct uop *u)
{
    for (unsigned i = 0; i < block->n_links; i++)
        if (block_links(block)[i].from == u)
            return &block_links(block)[i];
    return NULL;
}

void blocks_await(struct cpu *cpu, const struct uop *u)
{
    if (!cpu->block->dead)
        cpu->blocks->awaits = link_of(cpu->block, u);
}

void blocks_note_target(struct cpu *cpu, const struct uop *u, struct block *to)
{
    struct block_link *link = link_of(cpu->block, u);

    if (!link)
        return;
    if (!u->link || u->link->dead) {
        link_jump(link, to);
    } else {
        unlink_jump(link);
        link->from->imm = JUMP_VARIES;
    }
}

/* ---- Pages of code ---- */

static struct link **page_list(struct blocks *s, const uint8_t *host)
{
    return &s->code_page[(uintptr_t)host / PAGE & (CODE_PAGES - 1)];
}

static struct code_page *page_at(struct link *link)
{
    return (struct code_page *)((char *)link - offsetof(struct code_page, link));
}

static void forget_page(struct code_page *page)
{
    link_out(&page->link);
    free(page);
}

static void forget_pages(struct blocks *s)
{
    for (unsigned i = 0; i < CODE_PAGES; i++)
        while (s->code_page[i])
            forget_page(page_at(s->code_page[i]));
}

/* Once: as the block dies, or goes. */
static void leave_code_page(const struct block *block)
{
    struct code_page *page = (struct code_page *)block->epoch; /* its first member */

    if (!block->dead && !block->alone && !--page->blocks)
        forget_page(page);
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
    s->arena.bytes = ARENA_BYTES;
    s->arena.base = pages_create_huge(ARENA_BYTES); /* blocks are met in no order */
    cpu->blocks = s;
    if (!s->vec || !s->evex || !s->arena.base) {
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
    forget_pages(cpu->blocks);
    pages_destroy(cpu->blocks->arena.base, ARENA_BYTES);
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

    if (cpu->block) {
        block_kill(cpu, (struct block *)cpu->block);
        unlink_jumps(cpu->block);
    }
    memset(s->jump, 0, sizeof(s->jump));
    memset(s->hash, 0, sizeof(s->hash));
    memset(s->page, 0, sizeof(s->page));
    forget_pages(s);
    s->awaits = NULL;
    ring_empty(&s->arena);
    s->flushes++;
    new_epochs(cpu);
    if (s->jit)
        jit_flush(cpu);
}

/* ---- Forgetting ---- */

/* Nobody finds the block again; who runs it or is linked to it leaves it at the next instruction.
 */
static void block_kill(struct cpu *cpu, struct block *block)
{
    uint64_t now = cpu->block == block ? cpu->rip - block->rip : UINT64_MAX;

    link_out(&block->found);
    leave_code_page(block);
    block->dead = true;
    block->epoch = cpu->blocks->never;
    if (cpu->blocks->jit)
        jit_kill(cpu, block);
    for (unsigned i = 0; i < block->n; i++)
        if (now == UINT64_MAX || block->uop[i].off > now)
            block->uop[i].run = run_STALE;
}

/* The block's memory is wanted, and nothing runs: nothing points to it any longer. */
static void drop_block(void *context, struct ring_item *item)
{
    struct cpu *cpu = context;
    struct block *block = (struct block *)item, **known = blocks_jump_entry(cpu, block->rip);
    struct block_link *own = block_links(block), *awaits = cpu->blocks->awaits;

    link_out(&block->found);
    leave_code_page(block);
    link_out(&block->on_page[0].link);
    link_out(&block->on_page[1].link);
    while (block->linked)
        unlink_jump((struct block_link *)block->linked);
    unlink_jumps(block);
    if (*known == block)
        *known = NULL;
    if (awaits >= own && awaits < own + block->n_links)
        cpu->blocks->awaits = NULL;
    if (cpu->blocks->jit)
        jit_drop(cpu, block);
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
        struct link *next;

        for (struct link *at = *page_entry(cpu->blocks, page); at; at = next) {
            struct page_link *link = (struct page_link *)at;

            next = at->next;
            if (link->page == page && overlaps(link->block, host, bytes)) {
                if (!link->block->dead)
                    block_kill(cpu, link->block);
                link_out(at);
            } else {
                empty &= link->page != page;
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

    for (unsigned i = block->n; i-- > 0 && block->uop[i].off >= off;)
        n += (i == 0 || begins(&block->uop[i])) + UOP_IS_FUSED(block->uop[i].op);
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
    struct page_link *place = &block->on_page[which];

    place->block = block;
    place->page = page_of(code);
    link_in(page_entry(s, code), &place->link);
}

static void enter(struct cpu *cpu, struct block *block)
{
    link_in(hash_entry(cpu->blocks, block->code, block->rip), &block->found);
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

static bool may_be_translated(const struct cpu *cpu, const struct block *block)
{
    return cpu->blocks->jit && !cpu->assist && !block->dead &&
           !(block->mode & (BLOCK_ONE | BLOCK_PLAIN | MODE_LOG));
}

/* own: with epochs of its own. */
static size_t bytes_of(const struct cpu *cpu, const struct block *head, bool own)
{
    size_t site = may_be_translated(cpu, head) ? sizeof(struct jit_site) : 0;
    size_t bytes = sizeof(*head) + head->n * sizeof(struct uop) +
                   head->n_links * (sizeof(struct block_link) + site) +
                   (cpu->assist ? head->bytes : 0) + (own ? sizeof(uint64_t[SPACES]) : 0);

    return (bytes + 15) & ~(size_t)15;
}

static struct code_page *new_page(struct blocks *s, uint64_t lin, const uint8_t *host)
{
    struct code_page *page = calloc(1, sizeof(*page));

    if (!page)
        return NULL;
    page->lin = lin;
    page->host = host;
    link_in(page_list(s, host), &page->link);
    return page;
}

/* The page that a block's code is in.  NULL: it has epochs of its own, as what is not of one page,
 * and what is compared with its bytes whenever it is entered. */
static struct code_page *find_page(struct cpu *cpu, const struct block *block, uint64_t lin)
{
    const uint8_t *host = page_of(block->code);
    struct blocks *s = cpu->blocks;

    lin &= ~(PAGE - 1);
    if (block->dead || block->code2 || cpu->assist)
        return NULL;
    for (struct link *at = *page_list(s, host); at; at = at->next)
        if (page_at(at)->lin == lin && page_at(at)->host == host)
            return page_at(at);
    return new_page(s, lin, host);
}

/* At the end of the block's memory. */
static uint64_t *own_epochs(struct block *block, size_t bytes)
{
    uint64_t *epochs = (uint64_t *)((char *)block + bytes) - SPACES;

    memset(epochs, 0, SPACES * sizeof(*epochs));
    return epochs;
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
    struct code_page *page;
    struct block *block;
    size_t bytes;

    b->cpu = cpu;
    b->rip = cpu->rip;
    b->mode = mode;
    b->n = 0;
    b->ended = b->shadows = false;
    build(b, &s, &head);
    cpu->blocks->made.blocks++;
    cpu->blocks->made.instructions += head.instructions;
    cpu->blocks->made.bytes += head.bytes;
    head.code2 = s.code2;
    head.n = b->n;
    head.n_links = count_jumps(b->uop, b->n);
    head.dead = !code || (head.bytes > s.room && !s.code2); /* not from memory: never again */
    page = find_page(cpu, &head, lin);
    if (page)
        page->blocks++;
    head.alone = !page;
    bytes = bytes_of(cpu, &head, !page);
    block = ring_room(&cpu->blocks->arena, bytes, drop_block, cpu);
    *block = head;
    block->epoch = page ? page->epoch : own_epochs(block, bytes);
    if (block->dead)
        block->epoch = cpu->blocks->never;
    else
        block->epoch[cpu->space] = cpu->epoch;
    ring_add(&cpu->blocks->arena, &block->item, bytes);
    memcpy(block->uop, b->uop, b->n * sizeof(b->uop[0]));
    make_links(block);
    if (cpu->assist && code)
        block_copy_code(block, block_bytes(block));
    log_made(cpu, block, &s);
    if (!block->dead)
        enter(cpu, block);
    if (may_be_translated(cpu, block)) {
        block->site = (struct jit_site *)&block_links(block)[block->n_links];
        jit_watch(cpu, block);
    }
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

static struct block *found_block(struct link *found)
{
    return (struct block *)((char *)found - offsetof(struct block, found));
}

/* By its bytes; faults as the instruction's fetch does. */
static struct block *find_by_code(struct cpu *cpu, uint32_t mode)
{
    struct block *block = NULL;
    const uint8_t *code;

    check_target(cpu, cpu->rip);
    code = code_at(cpu, linear_of(cpu, cpu->rip));
    if (!code)
        return make(cpu, NULL, mode | BLOCK_ONE);
    for (struct link *at = *hash_entry(cpu->blocks, code, cpu->rip); at && !block; at = at->next)
        if (matches(cpu, found_block(at), code, mode))
            block = found_block(at);
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
    struct block *block = blocks_find(cpu, 0);
    struct block_link *awaits = cpu->blocks->awaits;

    cpu->blocks->awaits = NULL;
    if (awaits && !block->dead && !(block->mode & BLOCK_ONE) && !cpu_logs(cpu, TENON_ITEM_NOCHAIN))
        link_jump(awaits, block);
    return block;
}

void blocks_run_block(struct cpu *cpu, uint32_t kind)
{
    const struct uop *u;

    cpu->blocks->awaits = NULL;
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
    cpu->blocks->awaits = NULL;
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
