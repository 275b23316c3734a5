/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-block - the code of one block: operands and flags as its templates find them, entries, ways
 * out.
 *
 * What cannot be done in place leaves for the micro-op's own handler; that goes on with the next
 * one's, until an instruction begins that has an entry here.  All such ways lie behind the code.
 */
#include <pthread.h>
#include <string.h>

#include "jit-make.h"

_Static_assert(offsetof(struct cpu, r) == 0, "operands are offsets");
_Static_assert(offsetof(struct cpu, epoch) < 2 * CPU_BIAS, "reached by a short displacement");
_Static_assert(sizeof(struct uop) == 1 << LOG2_UOP, "");

/* ---- Operands ---- */

unsigned home_of(uint8_t operand)
{
    static const uint8_t homes[] = {
        [RAX] = HOST_R9,  [RCX] = HOST_R15, [RDX] = HOST_DX,  [RBX] = HOST_BX,
        [RSP] = HOST_R10, [RBP] = HOST_R11, [RSI] = HOST_SI,  [RDI] = HOST_DI,
        [R8] = NO_HOST,   [R9] = HOST_R8,   [R10] = NO_HOST,  [R11] = NO_HOST,
        [R12] = HOST_R12, [R13] = HOST_R13, [R14] = HOST_R14, [R15] = NO_HOST,
    };

    return operand / 8 <= R15 ? homes[operand / 8] : NO_HOST;
}

/* AH to BH are operated on in memory. */
struct operand source(struct maker *m, uint8_t operand)
{
    unsigned home = home_of(operand);

    if (m->load_uop == m->i && operand == m->load_temp)
        return m->load;
    if (home == NO_HOST)
        return CPU_AT(operand);
    if (!is_high(operand))
        return host_reg(home);
    host(&m->c, H_STORE, 8, home, CPU_AT(operand & ~7));
    return CPU_AT(operand);
}

unsigned in_reg(struct maker *m, uint8_t operand, unsigned size, unsigned scratch)
{
    struct operand from = source(m, operand);

    if (!from.memory)
        return from.reg;
    host(&m->c, H_LOAD, size, scratch, from);
    return scratch;
}

unsigned target(struct maker *m, uint8_t operand, unsigned scratch)
{
    unsigned home = home_of(operand);

    (void)m;
    return home == NO_HOST || is_high(operand) ? scratch : home;
}

void put(struct maker *m, uint8_t operand, unsigned size, unsigned reg)
{
    unsigned home = home_of(operand);

    if (home != NO_HOST)
        m->c.touched |= 1u << home;
    if (size < 4 && (home == NO_HOST || is_high(operand))) {
        struct operand part = source(m, operand);

        host(&m->c, H_STORE, size, reg, part);
        if (home != NO_HOST)
            host(&m->c, H_LOAD, 8, home, CPU_AT(operand & ~7));
    } else if (home == NO_HOST) {
        host(&m->c, H_STORE, 8, reg, CPU_AT(operand));
    } else if (home != reg) {
        host(&m->c, H_LOAD, size, home, host_reg(reg));
    }
}

/* ---- Ways out ---- */

void cold_way(struct maker *m, enum cold_kind kind, uint8_t *jump, unsigned uop)
{
    if (m->n_cold == MAX_COLD) {
        m->c.full = true;
        m->n_cold--;
    }
    m->cold[m->n_cold++] = (struct cold){ .kind = kind,
                                          .jump = jump,
                                          .uop = uop,
                                          .excess = m->excess,
                                          .pending = m->pending,
                                          .node = m->node,
                                          .owed = m->owed,
                                          .note = m->note };
    m->left |= kind == COLD_HANDLER || kind == COLD_SPLIT || kind == COLD_UNIT;
}

void even_up(struct maker *m)
{
    if (m->excess)
        host_imm(&m->c, H_ADD_I, 8, CPU(left), m->excess);
    m->excess = 0;
}

unsigned leave_from(const struct maker *m)
{
    return is_folded(m) ? m->address_uop : m->i;
}

void unless(struct maker *m, enum host_cc cc)
{
    cold_way(m, COLD_HANDLER, host_jcc(&m->c, cc, NULL), leave_from(m));
}

void cold_unit(struct maker *m, uint8_t *jump, unsigned unit)
{
    cold_way(m, COLD_UNIT, jump, leave_from(m));
    forget_cx(m);
    m->cold[m->n_cold - 1].unit = unit;
    m->cold[m->n_cold - 1].back = m->c.at;
}

void go_shared(struct maker *m, uint8_t **way, const uint8_t *to, unsigned i)
{
    host_move_imm(&m->c, HOST_AX, i << LOG2_UOP);
    if (*way) {
        host_jmp(&m->c, *way);
        return;
    }
    *way = m->c.at;
    host_move_imm(&m->c, HOST_CX, (uintptr_t)m->block->uop);
    host_jmp(&m->c, to);
}

/* All is where the interpreter has it. */
static void settle(struct maker *m, const struct cold *way)
{
    x87_tell(m, &way->note);
    m->owed = way->owed;
    m->excess = way->excess;
    flags_settle(m);
    even_up(m);
}

static void emit_leave(struct maker *m, const struct cold *way)
{
    settle(m, way);
    go_shared(m, &m->leave, m->jit->to.leave, way->uop);
}

/* How far an access goes is seen by its first and last byte. */
static void emit_split(struct maker *m, const struct cold *way)
{
    const struct stretch *s = &way->stretch;
    uint8_t *one;

    load_sum(m, 8, HOST_AX, s->reg, s->low);
    load_sum(m, 8, HOST_CX, s->reg, s->high - 1);
    host(&m->c, H_XOR, 4, HOST_AX, host_reg(HOST_CX));
    host_imm(&m->c, H_TEST_I, 4, host_reg(HOST_AX), 1 << PAGE_BITS);
    one = host_jcc(&m->c, CC_Z, NULL);
    settle(m, way);
    go_shared(m, &m->split, m->jit->to.split, way->uop);
    host_land(&m->c, one);
}

/* A jump that is not linked.  One back is counted before it goes on, until it goes there directly.
 */
static void emit_link(struct maker *m, const struct cold *way)
{
    struct jit_site *site = &m->site[way->site];
    uint8_t *hot, *counted;

    if (site->direct) {
        site->count = place_of(m, m->c.at);
        host_move_abs(&m->c, HOST_AX, &m->block->loops);
        host_imm(&m->c, H_SUB_I, 4, host_mem(HOST_AX, 0), 1);
        hot = host_jcc(&m->c, CC_Z, NULL);
        counted = host_jmp(&m->c, NULL);
        site->at = site->counted = place_of(m, counted);
        host_land(&m->c, hot);
        go_shared(m, &m->hot, m->jit->to.hot, site->uop);
        host_land(&m->c, counted);
    }
    site->stub = place_of(m, m->c.at);
    if (way->miss)
        host_land(&m->c, way->miss);
    go_shared(m, &m->link, m->jit->to.link, site->uop);
}

/* An indirect jump that its entry does not tell of, perhaps. */
static void emit_miss(struct maker *m, const struct cold *way)
{
    host_land(&m->c, way->miss);
    host_call(&m->c, m->jit->to.seek);
    host_jcc(&m->c, CC_Z, way->back);
    go_shared(m, &m->miss, m->jit->to.miss, way->uop);
}

static void emit_cold(struct maker *m, const struct cold *way)
{
    m->pending = way->pending;
    m->i = way->uop;
    host_land(&m->c, way->jump);
    switch (way->kind) {
    case COLD_UNIT:
        unit_load(m->jit, &m->c, way->unit);
        host_jcc(&m->c, CC_NZ, way->back);
        emit_leave(m, way);
        break;
    case COLD_SPLIT:
        emit_split(m, way);
        /* fall through */
    case COLD_HANDLER: emit_leave(m, way); break;
    case COLD_MISS: emit_miss(m, way); break;
    case COLD_CALL: go_shared(m, &m->call, m->jit->to.call, way->uop); break;
    case COLD_LINK: emit_link(m, way); break;
    case COLD_PAGE: link_across(m, way->uop); break;
    case COLD_STEP:
        m->note = way->note;
        m->owed = way->owed;
        m->excess = way->excess;
        emit_step(m, way);
        break;
    case COLD_ELSEWHERE:
        settle(m, way);
        go_elsewhere(m);
        break;
    case COLD_EXIT:
    case COLD_STAY:
    case COLD_LAP:
    case COLD_BUDGET: emit_region_cold(m, way); break;
    }
}

/* Those of a node, or all of a block.  They may add to them. */
static void emit_cold_of(struct maker *m, struct node *node)
{
    m->leave = m->link = m->miss = m->call = m->split = m->hot = NULL;
    m->node = node;
    if (node)
        m->block = node->block;
    for (unsigned i = 0; i < m->n_cold; i++)
        if (m->cold[i].node == node)
            emit_cold(m, &m->cold[i]);
}

void emit_all_cold(struct maker *m)
{
    for (unsigned i = 0; i < m->n_nodes; i++)
        emit_cold_of(m, &m->nodes[i]);
    if (!m->n_nodes)
        emit_cold_of(m, NULL);
}

/* ---- A block ---- */

static const struct template *by_op[N_UOPS];

/* No two are of the same micro-op. */
static void sort_templates(void)
{
    static const struct template *const lists[] = { int_templates,  memory_templates,
                                                    flow_templates, unit_templates,
                                                    vec_templates,  x87_templates,
                                                    bits_templates };

    for (unsigned i = 0; i < sizeof(lists) / sizeof(*lists); i++)
        for (const struct template *t = lists[i]; t->make; t++)
            for (unsigned op = t->first; op <= t->last; op++)
                by_op[op] = t;
}

void templates_init(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, sort_templates);
}

const struct template *template_of(const struct uop *u)
{
    return by_op[u->op];
}

/* Micro-ops that stand within a run of floating-point instructions. */
static bool keeps_note(unsigned op)
{
    return (op >= UOP_CHECK && op <= UOP_X87_COND) || (op >= UOP_LEA32 && op <= UOP_ADDRSEG);
}

/* The code, from a micro-op's template; false: nothing has been written. */
static bool make(struct maker *m, const struct uop *u)
{
    const struct template *t = template_of(u);

    m->behind = m->wanted[m->i];
    m->skip = 0;
    if (!keeps_note(u->op))
        x87_tell_all(m);
    return t && t->make(m, u, t, u->op - t->first);
}

/* Where translated code enters; the interpreter has counted by itself when it does. */
void emit_head(struct maker *m, unsigned instructions)
{
    struct host_code *c = &m->c;

    host_imm(c, H_CMP_I, 4, CPU(wanted), 0);
    m->stay = host_jcc(c, CC_NZ, NULL);
    host_imm(c, H_SUB_I, 8, CPU(left), instructions);
    m->over = host_jcc(c, CC_B, NULL);
}

/* Who jumps here knows of the first page only, not whether the second one is still what follows. */
static void emit_pages(struct maker *m)
{
    if (!m->block->code2)
        return;
    load_epoch(m, m->block->epoch);
    host(&m->c, H_CMP, 8, HOST_AX, CPU(epoch));
    m->gone = host_jcc(&m->c, CC_NZ, NULL);
}

static void emit_head_cold(struct maker *m)
{
    struct host_code *c = &m->c;

    host_land(c, m->over);
    host_imm(c, H_ADD_I, 8, CPU(left), m->block->instructions);
    host_land(c, m->stay);
    if (m->gone)
        host_land(c, m->gone);
    host_move_imm(c, HOST_AX, m->block->rip);
    host_jmp(c, m->jit->to.out);
}

/* This micro-op and what follows is the interpreter's. */
static void leave(struct maker *m)
{
    flags_settle(m);
    even_up(m);
    x87_tell_all(m);
    go_shared(m, &m->leave, m->jit->to.leave, leave_from(m));
}

/* A jump other than those that nodes end with: what is left is as its block leaves it. */
static bool ends_region(const struct maker *m, const struct uop *u)
{
    return uop_info[u->op].props & P_END && u->op != UOP_JMP && !m->node->next;
}

/* A micro-op; outside: the code comes to it by an entry only.  Whether that is so behind it. */
static bool make_next(struct maker *m, const struct uop *u, bool outside)
{
    struct entry entry = { .uop = m->i };
    bool begins = !m->i || u->off != u[-1].off, enters;

    m->skip = 0;
    if (outside && !begins)
        return true;
    if (outside) {
        m->in_host = m->pending = m->loaded = m->owed.flags = 0;
        forget_cx(m);
    }
    enters = !m->node && begins && (!m->i || outside || (m->left && m->in_cx == NO_PAGE));
    if (enters)
        m->left = false;
    entry.at = m->c.at;
    entry.flags = m->in_host;
    entry.loaded = m->loaded;
    m->c.touched = 0;
    if (m->node && ends_region(m, u)) {
        flags_clobber(m);
        even_up(m);
    }
    if (make(m, u)) {
        follow_known(m);
        flags_follow(m);
        if (enters)
            m->entry[m->n_entries++] = entry;
        return false;
    }
    if (!outside)
        leave(m);
    return true;
}

bool make_all(struct maker *m)
{
    bool outside = false;

    m->load_uop = m->address_uop = NO_UOP;
    for (m->i = 0; m->i < m->block->n && !(outside && m->node); m->i += 1 + m->skip)
        outside = make_next(m, uop_of(m), outside);
    return outside;
}

/* If a unit may not be, the micro-op's handler does it. */
static void load_units(struct maker *m, const struct entry *entry)
{
    for (unsigned unit = LOADED_SSE; unit <= LOADED_EVEX; unit <<= 1) {
        uint8_t *loaded;

        if (!(entry->loaded & unit))
            continue;
        unit_load(m->jit, &m->c, unit);
        loaded = host_jcc(&m->c, CC_NZ, NULL);
        go_shared(m, &m->leave, m->jit->to.leave, entry->uop);
        host_land(&m->c, loaded);
    }
}

/* From a handler, with SI the micro-op: the guest's registers come to where the code has them. */
static void emit_entry(struct maker *m, struct entry *entry)
{
    uint8_t *begin = m->c.at, *to = host_lea_code(&m->c, HOST_AX);

    host_jmp(&m->c, m->jit->to.enter);
    if (entry->flags || entry->loaded) {
        host_land(&m->c, to);
        load_units(m, entry);
        if (entry->flags)
            flags_load(&m->c);
        host_jmp(&m->c, entry->at);
    } else {
        host_aim(&m->c, to, entry->at);
    }
    entry->at = begin;
}

static void make_block(struct maker *m)
{
    find_wanted(m);
    emit_pages(m);
    emit_head(m, m->block->instructions);
    make_all(m);
    emit_all_cold(m);
    emit_head_cold(m);
    for (unsigned i = 0; i < m->n_entries; i++)
        emit_entry(m, &m->entry[i]);
}

void jit_begin(struct jit *jit, struct block *block, uint8_t *at)
{
    struct maker *m = jit->maker;

    memset(m, 0, offsetof(struct maker, wanted));
    m->c = (struct host_code){ .at = at, .end = at + JIT_ROOM };
    m->jit = jit;
    m->block = block;
    memset(m->usual, NO_PAGE, sizeof(m->usual));
    forget_pointers(m);
}

size_t jit_translate(struct jit *jit, struct block *block, uint8_t *at)
{
    struct maker *m = jit->maker;

    jit_begin(jit, block, at);
    make_block(m);
    if (m->c.full)
        return 0;
    memcpy(block->site, m->site, m->n_sites * sizeof(m->site[0]));
    block->n_sites = m->n_sites;
    block->loops = jit->loops;
    block->uop[0].run = block->first;
    block->entry = jit_executable(jit, at);
    for (unsigned i = 0; i < m->n_entries; i++)
        block->uop[m->entry[i].uop].run = (uop_run *)(uintptr_t)jit_executable(jit, m->entry[i].at);
    return m->c.at - at;
}
