/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit - the translator's memory, and when blocks are translated.
 *
 * A block's code is written on the processor's own thread, as the block begins, in the place of the
 * oldest ones'; all that is changed of it are the distances of jumps between blocks, from C.
 */
#include "jit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "blocks.h"
#include "exec.h"
#include "jit-tell.h"
#include "pages.h"
#include "vec.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 /* Linux 6.1 */
#endif

enum { CODE_ALIGN = 64 };

/* Where huge pages can be. */
static void *map(int fd, size_t bytes, int prot)
{
    void *place = pages_align(bytes, PROT_NONE);

    if (!place)
        return NULL;
    if (mmap(place, bytes, prot, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED)
        return place;
    munmap(place, bytes);
    return NULL;
}

/* A file that nobody can execute by itself; kernels before 6.3 do not know the flag. */
static int anonymous_file(void)
{
    int fd = memfd_create("tenon-code", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create("tenon-code", MFD_CLOEXEC) : fd;
}

/* One file, mapped twice.  After a fork only one side may run guest code: the memory is shared. */
static int map_code(struct jit *jit)
{
    int fd = anonymous_file(), err = 0;

    if (fd < 0)
        return -errno;
    if (ftruncate(fd, jit->bytes) || !(jit->write = map(fd, jit->bytes, PROT_READ | PROT_WRITE)) ||
        !(jit->execute = map(fd, jit->bytes, PROT_READ | PROT_EXEC)))
        err = -errno;
    close(fd);
    return err;
}

bool jit_possible(void)
{
    void *p = NULL;
#ifdef __x86_64__
    int fd = anonymous_file();

    if (fd >= 0 && !ftruncate(fd, JIT_LEAST))
        p = map(fd, JIT_LEAST, PROT_READ | PROT_EXEC);
    if (p)
        munmap(p, JIT_LEAST);
    if (fd >= 0)
        close(fd);
#endif
    return p;
}

/* Code begins where a cache line does, its item just before. */
static void place_ring(struct jit *jit)
{
    size_t from = (jit->shared + sizeof(struct jit_code) + CODE_ALIGN - 1) & ~(CODE_ALIGN - 1ul);

    jit->code.base = jit->write + from - sizeof(struct jit_code);
    jit->code.bytes = jit->bytes - from;
}

int jit_create(struct cpu *cpu, size_t bytes, uint32_t heat)
{
    struct jit *jit = calloc(1, sizeof(*jit));
    int err;

    if (!jit)
        return -ENOMEM;
    jit->bytes = bytes;
    jit->heat = heat;
    jit->heat_again = 1 + (heat - 1) * JIT_AGAIN;
    jit->loops = 1 + (heat - 1) * JIT_LOOPS;
    jit->patience = JIT_PATIENCE;
    jit->cpu = cpu;
    jit->isas = vec_host_isas();
    cpu->blocks->jit = jit;
    err = map_code(jit);
    if (!err && !(jit->jump = pages_create_huge(JIT_JUMPS * sizeof(*jit->jump))))
        err = -ENOMEM;
    cpu->jumps = jit->jump;
    if (!err)
        err = jit_share(jit);
    if (err)
        jit_destroy(cpu);
    else
        place_ring(jit);
    return err;
}

size_t jit_share_of(size_t bytes, unsigned n)
{
    size_t share = (n ? bytes / n : bytes) & ~(size_t)0xffff;

    return share > JIT_LEAST ? share : JIT_LEAST;
}

void jit_destroy(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;

    if (!jit)
        return;
    if (jit->write)
        munmap(jit->write, jit->bytes);
    if (jit->execute)
        munmap((void *)jit->execute, jit->bytes);
    pages_destroy(jit->jump, JIT_JUMPS * sizeof(*jit->jump));
    free(jit->maker);
    free(jit);
    cpu->blocks->jit = NULL;
}

void jit_flush(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;

    memset(jit->jump, 0, JIT_JUMPS * sizeof(*jit->jump));
    memset(jit->split, 0, sizeof(jit->split));
    ring_empty(&jit->code);
}

/* ---- From block to block ---- */

/* Code is executed elsewhere than it is written, by this thread and not before it returns from C.
 */
static void aim(const struct jit *jit, jit_place jump, const uint8_t *executed)
{
    int32_t distance = executed - (jit->execute + jump + sizeof(distance));

    memcpy(jit->write + jump, &distance, sizeof(distance));
}

static void aim_epoch(const struct jit *jit, const struct jit_site *site, const uint64_t *epoch)
{
    if (site->epoch)
        memcpy(jit->write + site->epoch, &epoch, sizeof(epoch));
}

static void unlink_site(struct jit *jit, struct jit_site *site)
{
    link_out(&site->link);
    site->to = NULL;
    aim(jit, site->at, jit->execute + site->stub);
    aim_epoch(jit, site, jit->cpu->blocks->never);
}

static void link_site(struct jit *jit, struct jit_site *site, struct block *to)
{
    if (site->to == to)
        return;
    link_out(&site->link);
    link_in(&to->incoming, &site->link);
    site->to = to;
    aim(jit, site->at, to->entry);
    aim_epoch(jit, site, to->epoch);
    jit->count.links++;
}

/* Of the set of rip's entry, that one, or the other one. */
static struct jit_jump *jump_of(struct jit *jit, uint64_t rip, unsigned other)
{
    return &jit->jump[((rip ^ rip >> 12) & (JIT_JUMPS - 1)) ^ other];
}

/* No longer the block's. */
static void forget_jump(struct jit *jit, const struct block *block)
{
    for (unsigned other = 0; other < 2; other++)
        if (jump_of(jit, block->rip, other)->block == block)
            *jump_of(jit, block->rip, other) = (struct jit_jump){ 0 };
}

/* The entry for what is at rip: its old one, or else its own; what has that either goes, or goes to
 * the other one, so that of three that are used in turn none is kept out for ever. */
static struct jit_jump *place_of_jump(struct jit *jit, uint64_t rip)
{
    struct jit_jump *own = jump_of(jit, rip, 0), *other = jump_of(jit, rip, 1);

    if (!own->block || own->rip == rip)
        return own;
    if (other->block && other->rip == rip)
        return other;
    jit->dice = jit->dice * 1664525u + 1013904223u;
    if (!other->block || jit->dice >> 31)
        *other = *own;
    return own;
}

/* ---- Regions ---- */

static void enter_region(struct jit *jit, struct jit_region *region, const uint8_t *code)
{
    uint8_t *head = jit_writable(jit, region->root->entry);

    memcpy(region->head, head, JIT_PATCH);
    head[0] = 0xe9; /* jmp */
    aim(jit, head + 1 - jit->write, code);
    region->root->region = region;
}

/* A jump back is counted again, as when its block was made. */
static void count_again(struct jit *jit, struct jit_site *site)
{
    site->asked = NULL;
    if (site->from->dead || site->direct)
        return;
    if (site->to)
        unlink_site(jit, site);
    site->direct = site->at;
    site->at = site->counted;
    aim(jit, site->direct, jit->execute + site->count);
    aim(jit, site->at, jit->execute + site->stub);
    site->from->loops = jit->loops;
    site->from->patient = false;
}

/* None of its code runs: it calls nothing.  Nothing knows of it any longer. */
static void kill_region(struct jit *jit, struct jit_region *region)
{
    memcpy(jit_writable(jit, region->root->entry), region->head, JIT_PATCH);
    region->root->region = NULL;
    for (unsigned i = 0; i < region->n_sites; i++)
        link_out(&region->site[i].link);
    for (unsigned i = 0; i < region->n_members; i++)
        link_out(&region->member[i].link);
    if (region->hot)
        count_again(jit, region->hot);
}

void jit_kill(struct cpu *cpu, struct block *block)
{
    while (block->memberships)
        kill_region(cpu->blocks->jit, ((struct jit_member *)block->memberships)->region);
    while (block->incoming)
        unlink_site(cpu->blocks->jit, (struct jit_site *)block->incoming);
    forget_jump(cpu->blocks->jit, block);
}

static unsigned split_bit(const struct block *block)
{
    return ((uintptr_t)block->code ^ (uintptr_t)block->code >> 12) & (JIT_SPLITS - 1);
}

static void mark_split(struct jit *jit, const struct block *block, bool split)
{
    uint64_t *word = &jit->split[split_bit(block) / 64], bit = 1ull << split_bit(block) % 64;

    *word = split ? *word | bit : *word & ~bit;
}

bool jit_is_split(const struct jit *jit, const struct block *block)
{
    return jit->split[split_bit(block) / 64] >> split_bit(block) % 64 & 1;
}

/* Nobody comes to the block's code, or goes from it; its sites are no more. */
static void forget_code(struct cpu *cpu, struct block *block)
{
    jit_kill(cpu, block);
    for (unsigned i = 0; i < block->n_sites; i++) {
        link_out(&block->site[i].link);
        if (block->site[i].asked)
            block->site[i].asked->hot = NULL;
    }
    block->n_sites = 0;
    block->entry = NULL;
    if (!block->dead)
        mark_split(cpu->blocks->jit, block, false);
}

void jit_drop(struct cpu *cpu, struct block *block)
{
    const struct jit *jit = cpu->blocks->jit;

    if (!block->entry)
        return;
    ((struct jit_code *)jit_writable(jit, block->entry))[-1].block = NULL;
    forget_code(cpu, block);
}

/* Its code's memory is wanted: the block is the interpreter's again, until it is hot again. */
static void drop_code(void *context, struct ring_item *item)
{
    struct cpu *cpu = context;
    struct block *block = ((struct jit_code *)item)->block;

    if (!block)
        return;
    forget_code(cpu, block);
    if (block->dead)
        return;
    uops_choose(block->uop, block->n);
    jit_watch(cpu, block);
    block->heat = cpu->blocks->jit->heat_again;
}

/* Code there is about to be written.  A part of the memory becomes one huge page when the first of
 * it is: that takes less time than the faults of its pages, and the host finds them in its TLB.  It
 * is not asked of a part with nothing in it, and where it fails, all is as well without. */
static void begin_part(struct jit *jit, uint8_t *at)
{
    size_t part = (at - jit->write) / JIT_HUGE;

    if (part < jit->begun)
        return;
    jit->begun = part + 1;
    *at = 0;
    if (jit->begun * JIT_HUGE <= jit->bytes)
        madvise(jit->write + part * JIT_HUGE, JIT_HUGE, MADV_COLLAPSE);
}

/* Where the code of a block or region may be written; only as a block begins, or ends. */
static struct jit_code *room_for_code(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;
    void *at = ring_room(&jit->code, sizeof(struct jit_code) + JIT_ROOM, drop_code, cpu);

    begin_part(jit, at);
    return at;
}

/* So many bytes have been, for that block. */
static void add_code(struct cpu *cpu, struct jit_code *code, struct block *block, size_t bytes)
{
    struct jit *jit = cpu->blocks->jit;
    const uint8_t *at = (const uint8_t *)(code + 1);

    code->block = block;
    ring_add(&jit->code, &code->item,
             (sizeof(*code) + bytes + CODE_ALIGN - 1) & ~(CODE_ALIGN - 1ul));
    jit->count.bytes += bytes;
    jit_tell(cpu, block, at, jit_executable(jit, at), bytes);
}

void jit_remember(struct cpu *cpu, const struct block *block)
{
    if (block->entry)
        *place_of_jump(cpu->blocks->jit, block->rip) = (struct jit_jump){
            .rip = block->rip, .code = block->entry, .salt = cpu->salt, .block = block
        };
}

static bool is_current(const struct cpu *cpu, uint64_t epoch)
{
    for (unsigned space = 0; space < SPACES; space++)
        if (epoch == cpu->epochs[space])
            return true;
    return false;
}

/* The place of one that will not be met again, or else of any. */
static struct jit_context *context_to_drop(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;

    for (struct jit_context *c = jit->context; c < jit->context + JIT_CONTEXTS; c++)
        if (!is_current(cpu, c->epoch))
            return c;
    return &jit->context[jit->salts % JIT_CONTEXTS];
}

/* SYSCALL and SYSRET, in place, come to the context. */
static void note_context(struct cpu *cpu, const struct jit_context *c)
{
    bool flat = !c->cs_base && c->cs_limit == UINT32_MAX;

    if (!flat || (c->mode & MODE_CODE_MASK) != MODE_CODE64)
        return;
    cpu->other[cpu->space].salt = c->salt;
    cpu->other[cpu->space].mode = c->mode;
}

void jit_settle(struct cpu *cpu)
{
    struct jit *jit = cpu->blocks->jit;
    struct jit_context now = { .epoch = cpu->epoch,
                               .cs_base = cpu->seg[SEG_CS].base,
                               .cs_limit = cpu->seg[SEG_CS].limit,
                               .mode = cpu->mode };
    struct jit_context *c = jit->context;

    for (; c < jit->context + JIT_CONTEXTS; c++) {
        if (c->epoch == now.epoch && c->mode == now.mode && c->cs_base == now.cs_base &&
            c->cs_limit == now.cs_limit) {
            cpu->salt = c->salt;
            note_context(cpu, c);
            return;
        }
    }
    cpu->salt = now.salt = JIT_SALT | ++jit->salts;
    note_context(cpu, &now);
    *context_to_drop(cpu) = now;
}

/* The block that the jump leads to, if it is translated. */
static struct block *linked(const struct cpu *cpu, const struct uop *u)
{
    struct block *to = u->link;

    return !cpu->block->dead && to && to->epoch[cpu->space] == cpu->epoch && to->entry ? to : NULL;
}

/* Of the jump's sites, those among n. */
static void link_those(struct jit *jit, struct jit_site *site, unsigned n, const struct uop *u)
{
    for (unsigned i = 0; i < n; i++)
        if (&site[i].from->uop[site[i].uop] == u)
            link_site(jit, &site[i], u->link);
}

const struct uop *jit_link(struct cpu *cpu, const struct uop *u)
{
    const struct block *from = cpu->block;

    if (linked(cpu, u)) {
        link_those(cpu->blocks->jit, from->site, from->n_sites, u);
        for (struct link *at = from->memberships; at; at = at->next) {
            const struct jit_region *region = ((struct jit_member *)at)->region;

            link_those(cpu->blocks->jit, region->site, region->n_sites, u);
        }
    }
    return run_JMP(cpu, u);
}

/* It is counted no longer. */
static void link_directly(struct jit *jit, struct jit_site *site, struct block *to)
{
    if (site->to)
        unlink_site(jit, site);
    site->at = site->direct;
    site->direct = 0;
    link_site(jit, site, to);
}

static bool make_region(struct cpu *cpu, struct block *root, struct jit_code *code,
                        struct jit_site *hot)
{
    struct jit *jit = cpu->blocks->jit;
    uint8_t *at = (uint8_t *)(code + 1);
    struct jit_region *region;

    if (!hot->from->patient)
        root = jit_root(jit, root);
    if (root->region)
        return true;
    region = jit_region(jit, root, at, hot->from->patient);
    if (!region)
        return false;
    region->hot = hot;
    hot->asked = region;
    enter_region(jit, region, jit_executable(jit, at));
    for (unsigned i = 0; i < region->n_sites; i++) {
        const struct jit_site *site = &region->site[i];
        const struct uop *u = &site->from->uop[site->uop];

        if (linked(cpu, u))
            link_those(jit, &region->site[i], 1, u);
    }
    jit->count.regions++;
    add_code(cpu, code, root, (uint8_t *)&region->member[region->n_members] - at);
    code->block = NULL;
    return true;
}

/* Room is made first: that may take any block's code away. */
const struct uop *jit_hot(struct cpu *cpu, const struct uop *u)
{
    struct jit_code *code = room_for_code(cpu);
    struct block *from = (struct block *)cpu->block, *to = linked(cpu, u);
    struct jit *jit = cpu->blocks->jit;

    from->loops = 1; /* unless this comes of it */
    for (unsigned i = 0; to && i < from->n_sites; i++) {
        struct jit_site *site = &from->site[i];

        if (&from->uop[site->uop] != u || !site->direct)
            continue;
        if (make_region(cpu, to, code, site) || from->patient) {
            link_directly(jit, site, to);
        } else {
            from->patient = true;
            from->loops = jit->loops * jit->patience;
        }
    }
    return run_JMP(cpu, u);
}

/* Where an indirect jump goes, or does not if it faults. */
static bool will_go_to(struct cpu *cpu, const struct uop *u, uint64_t *rip)
{
    const void *stack;

    if (u->op == UOP_JMP_TO) {
        *rip = *(const uint64_t *)((const char *)cpu->r + u->a);
        return true;
    }
    stack = tlb_read(cpu, cpu->r[RSP], 8);
    if (stack)
        memcpy(rip, stack, 8);
    return stack;
}

const struct uop *jit_miss(struct cpu *cpu, const struct uop *u)
{
    struct block *to;
    uint64_t rip;

    cpu->blocks->jit->count.misses++;
    if (will_go_to(cpu, u, &rip)) {
        to = *blocks_jump_entry(cpu, rip);
        if (to && block_fits(cpu, to, rip, cpu->block->mode))
            jit_remember(cpu, to);
    }
    return uop_info[u->op].run(cpu, u);
}

static HANDLER(nothing)
{
    (void)cpu, (void)u;
    return NULL;
}

/* As run_CALL or run_CALL_LOOP. */
const struct uop *jit_call(struct cpu *cpu, const struct uop *u)
{
    static const struct uop out = { .run = run_nothing };

    uop_precise(cpu, u);
    cpu->r[REG_NEXT] = uop_next_rip(cpu, u);
    u->call(cpu, u);
    if (u->op == UOP_CALL_LOOP && call_loop_leaves(cpu, u))
        return &out;
    return cpu->block->dead ? u + 1 : NULL;
}

/* A recursion may cross a page at one of its depths: what is seldom is the interpreter's. */
static bool splits_often(const struct cpu *cpu, struct block *block)
{
    if (cpu->instructions - block->split_at > JIT_APART)
        block->splits = 0;
    block->split_at = cpu->instructions;
    return ++block->splits == JIT_SPLITS_OFTEN;
}

/* engine=check runs a block twice, so it stays. */
const struct uop *jit_split(struct cpu *cpu, const struct uop *u)
{
    if (!cpu->blocks->check && !cpu->block->dead && splits_often(cpu, (struct block *)cpu->block)) {
        mark_split(cpu->blocks->jit, cpu->block, true);
        cpu->blocks->jit->count.splits++;
        uop_precise(cpu, u);
        blocks_leave(cpu);
    }
    return uop_info[u->op].run(cpu, u);
}

/* ---- Translating ---- */

static void translate_block(struct cpu *cpu, struct block *block)
{
    struct jit *jit = cpu->blocks->jit;
    struct jit_code *code = room_for_code(cpu);
    size_t bytes = jit_translate(jit, block, (uint8_t *)(code + 1));

    if (!bytes) {
        jit->count.too_long++;
        block->uop[0].run = block->first;
        return;
    }
    jit->count.blocks++;
    jit->count.guest_bytes += block->bytes;
    add_code(cpu, code, block, bytes);
}

/* In the first handler's place: counts. */
static HANDLER(counted)
{
    struct block *block = (struct block *)cpu->block;

    if (UNLIKELY(--block->heat == 0)) {
        translate_block(cpu, block);
        GO(u);
    }
    return block->first(cpu, u);
}

void jit_watch(struct cpu *cpu, struct block *block)
{
    block->first = block->uop[0].run;
    block->heat = cpu->blocks->jit->heat;
    block->uop[0].run = run_counted;
}
