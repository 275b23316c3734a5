/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-region - the code of a loop: blocks that follow one another by jumps within a page, as one.
 *
 * They are a tree as long as there are few: what two ways lead to is made twice, and what is known
 * at a block's end (FLOW) goes on being known; then ways meet again.  Where the root is reached
 * again, whether to leave is asked and what was executed is counted; the head has taken as much of
 * cpu->left as the longest way needs, and ways out give back the rest.  If the loop knows more than
 * who comes from outside, all is made once more for it.  There are no entries: after a way out
 * the interpreter and the blocks' own code go on, until the root is jumped to.
 */
#include <string.h>

#include "blocks.h"
#include "jit-make.h"

/* Of a head: CMP and JNE, behind which cpu->left is looked at. */
enum { HEAD_CHECK = 10, MAX_COPIES = 24, MAX_STRAIGHT = 12, MAX_MADE = 128, TRIES = 4 };
_Static_assert(MAX_NODES <= 64, "leads_to() has a bit for each");

/* ---- Which blocks ---- */

/* What leaves each time is not worth it; of two pages one may go without the root's. */
static bool may_be_member(const struct block *block)
{
    for (unsigned i = 0; i < block->n; i++)
        if (!template_of(&block->uop[i]) || block->uop[i].op == UOP_CALL_JUMP)
            return false;
    return !block->solitary && !block->code2;
}

/* Whether there is a way from one to the other but through the root. */
static bool leads_to(const struct maker *m, const struct node *from, const struct node *to,
                     uint64_t *seen)
{
    uint64_t bit = 1ull << (from - m->nodes);

    if (from == to)
        return true;
    if (*seen & bit)
        return false;
    *seen |= bit;
    return (from->next && from->next != m->nodes && leads_to(m, from->next, to, seen)) ||
           (from->taken && from->taken != m->nodes && leads_to(m, from->taken, to, seen));
}

/* A node of the block, called from there; inner: it is on a way to this one, so that there is a
 * loop within the loop. */
static struct node *find_node(struct maker *m, const struct node *node, const struct block *block,
                              const struct node *caller, bool *inner)
{
    struct node *found = NULL;

    *inner = false;
    for (unsigned i = 1; i < m->n_nodes; i++) {
        uint64_t seen = 0;

        if (m->nodes[i].block != block || m->nodes[i].caller != caller)
            continue;
        found = &m->nodes[i];
        *inner |= leads_to(m, found, node, &seen);
    }
    return found;
}

static bool is_call(const struct maker *m, const struct block *block)
{
    const struct uop *last = &block->uop[block->n - 1];

    return last->op == UOP_CALL64 ||
           (last->op == UOP_JMP_TO && block->n > 1 && is_near_call(m, last - 1));
}

/* The same call is not under way twice. */
static bool is_recursive(const struct node *node)
{
    for (const struct node *at = node->caller; at; at = at->caller)
        if (at->block == node->block)
            return true;
    return false;
}

/* The block behind the call, or NULL. */
static struct block *behind_call(struct cpu *cpu, const struct node *call)
{
    uint64_t rip = call->block->rip + call->block->bytes;
    struct block *to = *blocks_jump_entry(cpu, rip);

    return to && block_fits(cpu, to, rip, call->block->mode) ? to : NULL;
}

/* Where the node's micro-op u, its last one or the one before, goes; whose call is under way there.
 */
static struct block *target_of_jump(const struct maker *m, const struct node *node,
                                    const struct uop *u, const struct node **caller)
{
    *caller = node->caller;
    if (u->op == UOP_RET64) {
        *caller = node->caller ? node->caller->caller : NULL;
        return node->caller ? behind_call(m->jit->cpu, node->caller) : NULL;
    }
    if (u->op == UOP_JMP_TO && !is_code64(m))
        return NULL;
    if (is_call(m, node->block)) {
        *caller = node;
        return is_recursive(node) ? NULL : u->link;
    }
    return u->link;
}

static bool is_among(struct block *const *list, unsigned n, const struct block *block)
{
    for (unsigned i = 0; i < n; i++)
        if (list[i] == block)
            return true;
    return false;
}

/* Where the node's micro-op u leads to within the region: often to a node of its own. */
static struct node *follow(struct maker *m, struct node *node, const struct uop *u)
{
    const struct cpu *cpu = m->jit->cpu;
    const struct node *caller;
    struct block *to = target_of_jump(m, node, u, &caller);
    struct node *other;
    bool inner;

    if (!to || to->dead || to->epoch[cpu->space] != cpu->epoch || !to->entry)
        return NULL;
    if (to == m->nodes->block)
        return m->nodes;
    other = find_node(m, node, to, caller, &inner);
    m->inner |= inner;
    if (inner || to->region || !may_be_member(to))
        return NULL;
    if (m->n_nodes == m->most_nodes ||
        (other && (m->n_nodes >= MAX_COPIES || !is_among(m->near, m->n_near, to))) ||
        m->n_uops + to->n > MAX_REGION_UOPS) {
        if (other)
            other->joined = true;
        return other;
    }
    m->n_uops += to->n;
    m->nodes[m->n_nodes] = (struct node){ .block = to, .caller = caller, .depth = node->depth + 1 };
    return &m->nodes[m->n_nodes++];
}

/* Whether there is a way back to the root; straight: or one, to not too many others. */
static bool find_nodes(struct maker *m, struct block *root, bool straight)
{
    bool loops = false;

    m->most_nodes = straight ? MAX_STRAIGHT : MAX_NODES;
    m->nodes[0] = (struct node){ .block = root, .executed = root->instructions };
    m->n_nodes = 1;
    m->n_uops = root->n;
    m->inner = false;
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *node = &m->nodes[i];
        const struct uop *last = &node->block->uop[node->block->n - 1];

        if (last->op != UOP_JMP && last->op != UOP_CALL64 && last->op != UOP_JMP_TO &&
            last->op != UOP_RET64)
            continue;
        node->next = follow(m, node, last);
        if (last->op == UOP_JMP && node->block->n > 1 && is_jump(last - 1))
            node->taken = follow(m, node, last - 1);
        loops |= node->next == m->nodes || node->taken == m->nodes;
    }
    return (loops || (straight && m->n_nodes > 1)) && may_be_member(root);
}

/* A node's way back to the root has become shorter. */
static bool shorten(const struct maker *m, struct node *node, struct node *to)
{
    unsigned back = !to ? node->back : to == m->nodes ? 1 : to->back ? to->back + 1 : 0;

    if (!back || (node->back && node->back <= back))
        return false;
    node->back = back;
    return true;
}

/* Until nothing changes any more by a way from a node to what it leads to. */
static void settle(struct maker *m,
                   bool (*change)(const struct maker *, struct node *from, struct node *to))
{
    bool more = true;

    while (more) {
        more = false;
        for (struct node *node = m->nodes; node < m->nodes + m->n_nodes; node++) {
            more |= change(m, node, node->next);
            more |= change(m, node, node->taken);
        }
    }
}

/* Of the nodes that have been found, each once, the blocks of rounds that are not much longer than
 * the shortest; or all, if there is none. */
static void find_near(struct maker *m)
{
    settle(m, shorten);
    for (unsigned i = 0; i < m->n_nodes; i++)
        if (!m->nodes->back ||
            (m->nodes[i].back && m->nodes[i].depth + m->nodes[i].back <= 2 * m->nodes->back))
            m->near[m->n_near++] = m->nodes[i].block;
}

static bool is_member(const struct maker *m, const struct block *block)
{
    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].block == block)
            return true;
    return false;
}

/* Whether a jump leads to the root from a block that is not of its loop. */
static bool is_entered(const struct maker *m)
{
    for (const struct link *at = m->nodes->block->incoming; at; at = at->next)
        if (!is_member(m, ((const struct jit_site *)at)->from))
            return true;
    return false;
}

/* A loop may have several places that jumps back lead to, so that rounds go on without one of them.
 * A place through which all go is a better root, best the one by which the loop is entered. */
struct block *jit_root(struct jit *jit, struct block *block)
{
    struct block *best = block, *loop[MAX_NODES];
    struct maker *m = jit->maker;
    unsigned n = 0;

    m->jit = jit;
    m->block = block;
    m->n_near = 0;
    if (!find_nodes(m, block, false) || !m->inner)
        return block;
    for (unsigned i = 1; i < m->n_nodes; i++)
        if (!m->nodes[i].caller && !is_among(loop, n, m->nodes[i].block))
            loop[n++] = m->nodes[i].block;
    for (unsigned i = 0; i < n; i++) {
        if (!find_nodes(m, loop[i], false) || m->inner || !is_member(m, block))
            continue;
        if (is_entered(m))
            return loop[i];
        best = loop[i];
    }
    return best;
}

/* Whether the longest way to a node's end has become longer. */
static bool lengthen(const struct maker *m, struct node *from, struct node *to)
{
    unsigned executed = to ? from->executed + to->block->instructions : 0;

    if (!to || to == m->nodes || executed <= to->executed)
        return false;
    to->executed = executed;
    return true;
}

static void measure(struct maker *m)
{
    settle(m, lengthen);
    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].executed > m->most)
            m->most = m->nodes[i].executed;
}

/* ---- The code ---- */

static void emit_node(struct maker *m, struct node *node);

static bool is_same_redo(const struct redo *a, const struct redo *b)
{
    return a->flags == b->flags &&
           (!a->flags ||
            (a->how == b->how && a->insn == b->insn && a->undo == b->undo && a->size == b->size &&
             a->a == b->a && a->b == b->b && a->is_imm == b->is_imm && a->imm == b->imm));
}

/* Whether code that was made for one flow is good for another, but for what is known of memory. */
static bool is_good_but_memory(const struct flow *made, const struct flow *now)
{
    return !(made->loaded & ~now->loaded) && !(made->found & ~now->found) &&
           is_same_redo(&made->owed, &now->owed);
}

/* Between the root's end and its beginning: to leave, to count. */
static void emit_turn(struct maker *m, const struct node *node, unsigned uop)
{
    struct host_code *c = &m->c;

    m->excess = m->most;
    host_imm(c, H_SUB_I, 8, CPU(left), node->executed);
    cold_way(m, COLD_BUDGET, host_jcc(c, CC_B, NULL), uop);
    host_imm(c, H_CMP_I, 4, CPU(wanted), 0);
    cold_way(m, COLD_STAY, host_jcc(c, CC_NZ, NULL), uop);
}

/* Whether all rounds end with the flags that this one ends with, and so may leave them to be made
 * again: what begins all of them takes that for known. */
static bool end_alike(const struct maker *m)
{
    const struct uop *of = m->pending ? m->redo.of : m->owed.of;

    for (const struct node *node = m->nodes; node < m->nodes + m->n_nodes; node++)
        if ((node->next == m->nodes || node->taken == m->nodes) &&
            (of < node->block->uop || of >= node->block->uop + node->block->n))
            return false;
    return true;
}

/* Flags that the root itself does not want are yet to be had where the code is left before it. */
static void emit_loop(struct maker *m, const struct node *node, unsigned uop)
{
    struct flow now, begin;

    if (end_alike(m))
        flags_clobber_to(m, m->nodes);
    else
        flags_settle(m);
    m->redo = (struct redo){ 0 };
    now = m->flow;
    now.owed.flags &= m->nodes->wanted;
    begin = now;
    if (m->lap[1].at && is_good_but_memory(&m->lap[1].flow, &now) && fits_lap(m, &m->lap[1].flow)) {
        emit_turn(m, node, uop);
        step_to_lap(m, &m->lap[1].flow, uop);
        host_jmp(&m->c, m->lap[1].at);
    } else if (!m->lap[1].at && (begin_lap(m, &begin) || now.loaded || now.owed.flags ||
                                 now.found & ~m->lap[0].flow.found)) {
        emit_turn(m, node, uop);
        step_to_lap(m, &begin, uop);
        m->lap[1].at = m->c.at;
        m->lap[1].flow = m->flow = begin;
        for (unsigned i = 1; i < m->n_nodes; i++)
            m->nodes[i].at = NULL;
        emit_node(m, m->nodes);
    } else {
        if (now.owed.flags)
            flags_settle(m);
        emit_turn(m, node, uop);
        host_jmp(&m->c, m->lap[0].at);
    }
}

/* Out of the region; by an indirect jump that has been made, where it went. */
static void emit_exit(struct maker *m, unsigned uop)
{
    const struct uop *u = &m->block->uop[uop];

    flags_settle(m);
    even_up(m);
    if (u->op != UOP_JMP_TO && u->op != UOP_RET64) {
        link_to(m, uop);
        return;
    }
    host_move_imm(&m->c, HOST_AX, m->node->next->block->rip);
    host_jmp(&m->c, m->jit->to.out);
}

/* The bit of the block's page in m->found. */
static uint64_t page_of(struct maker *m, const struct block *block)
{
    uint64_t page = (block->cs_base + block->rip) >> PAGE_BITS;
    unsigned i = 0;

    while (i < m->n_pages && m->page[i] != page)
        i++;
    if (i == m->n_pages)
        m->page[m->n_pages++] = page;
    return 1ull << i;
}

/* Of a page that the region comes to: as it runs nothing is flushed, so once is enough. */
static void check_epoch(struct maker *m, struct node *to, unsigned uop)
{
    if (m->found & page_of(m, to->block))
        return;
    m->found |= page_of(m, to->block);
    flags_clobber_to(m, to);
    m->redo = (struct redo){ 0 };
    forget_cx(m);
    load_epoch(m, to->block->epoch);
    host(&m->c, H_CMP, 8, HOST_AX, CPU(epoch));
    cold_way(m, COLD_EXIT, host_jcc(&m->c, CC_NZ, NULL), uop);
}

static bool is_good_for(const struct flow *made, const struct flow *now)
{
    return is_good_but_memory(made, now) && is_known_as(made, now);
}

/* Where several ways meet, flags are where all have them, and the rest is as the first one has it,
 * or nothing is known; so that it is made twice at most. */
static void meet(struct maker *m, struct node *to)
{
    flags_clobber_to(m, to);
    m->redo = (struct redo){ 0 };
    forget_places(m);
    if (to->at && !is_good_for(&to->flow, &m->flow)) {
        flags_settle(m);
        forget_pointers(m);
        m->loaded = 0;
        m->found = m->lap[0].flow.found | page_of(m, to->block);
    }
}

/* As long as another way to it. */
static void emit_way_to(struct maker *m, const struct node *from, struct node *to, unsigned uop)
{
    unsigned longer = to->executed - to->block->instructions - from->executed;

    check_epoch(m, to, uop);
    if (to->joined)
        meet(m, to);
    if (longer)
        host_imm(&m->c, H_ADD_I, 8, CPU(left), longer);
    if (to->joined && to->at && is_good_for(&to->flow, &m->flow)) {
        host_jmp(&m->c, to->at);
        return;
    }
    to->at = m->c.at;
    to->flow = m->flow;
    emit_node(m, to);
}

static void emit_edge(struct maker *m, const struct node *from, struct node *to, unsigned uop)
{
    if (to == m->nodes)
        emit_loop(m, from, uop);
    else if (to && m->n_made < MAX_MADE)
        emit_way_to(m, from, to, uop);
    else
        emit_exit(m, uop);
}

/* Where the node's jumps lead to: one of them falls through, the other comes behind or is cold. */
static void emit_edges(struct maker *m, struct node *node)
{
    unsigned last = node->block->n - 1, excess = m->excess;
    struct flow flow = m->flow;
    uint8_t *branch = m->branch;
    bool swapped = branch && m->swapped;
    struct node *near = swapped ? node->taken : node->next;
    struct node *far = swapped ? node->next : node->taken;

    if (branch && !far)
        cold_way(m, COLD_EXIT, branch, swapped ? last : last - 1);
    emit_edge(m, node, near, swapped ? last - 1 : last);
    if (!branch || !far)
        return;
    host_land(&m->c, branch);
    m->node = node;
    m->block = node->block;
    m->flow = flow;
    m->excess = excess;
    emit_edge(m, node, far, swapped ? last : last - 1);
}

static void emit_node(struct maker *m, struct node *node)
{
    const struct block *block = node->block;

    m->node = node;
    m->block = node->block;
    m->excess = m->most - node->executed;
    m->branch = NULL;
    m->n_made++;
    node->wanted = find_wanted(m);
    m->pending &= node->wanted;
    m->owed.flags &= node->wanted;
    if (make_all(m))
        m->failed = node->block;
    else if (block->uop[block->n - 1].op == UOP_JMP || node->next)
        emit_edges(m, node);
}

/* The root's, as it is without the region. */
static uint8_t *own_code(const struct maker *m)
{
    return jit_writable(m->jit, m->nodes->block->entry);
}

/* Before the root, where it may not go on in the region. */
void emit_region_cold(struct maker *m, const struct cold *way)
{
    m->owed = way->owed;
    m->excess = way->excess;
    if (way->kind == COLD_EXIT) {
        emit_exit(m, way->uop);
        return;
    }
    flags_settle(m);
    if (way->kind == COLD_LAP) {
        host_jmp(&m->c, m->lap[0].at);
        return;
    }
    even_up(m);
    if (way->kind == COLD_BUDGET) {
        host_jmp(&m->c, own_code(m) + HEAD_CHECK);
        return;
    }
    host_move_imm(&m->c, HOST_AX, m->nodes->block->rip);
    host_jmp(&m->c, m->jit->to.out);
}

/* What a round reaches by what registers are as it begins. */
static void want_memory(struct maker *m, struct node *node, const struct pointer *begin)
{
    struct pointer pointer[N_GENERAL];

    memcpy(pointer, begin, sizeof(pointer));
    node->walked = true;
    m->node = node;
    m->block = node->block;
    want_known(m, pointer);
    if (node->next && !node->next->walked)
        want_memory(m, node->next, pointer);
    if (node->taken && !node->taken->walked)
        want_memory(m, node->taken, pointer);
}

static void want_memory_of_all(struct maker *m)
{
    struct pointer begin[N_GENERAL];

    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        begin[reg] = (struct pointer){ .page = reg };
    want_memory(m, m->nodes, begin);
    m->node = NULL;
    m->block = m->nodes->block;
}

static void emit_region(struct maker *m)
{
    measure(m);
    want_memory_of_all(m);
    emit_head(m, m->most);
    m->found = page_of(m, m->nodes->block);
    m->lap[0].at = m->c.at;
    m->lap[0].flow = m->flow;
    emit_node(m, m->nodes);
    emit_all_cold(m);
    host_land(&m->c, m->over);
    host_imm(&m->c, H_ADD_I, 8, CPU(left), m->most);
    host_jmp(&m->c, own_code(m) + HEAD_CHECK);
    host_land(&m->c, m->stay);
    host_move_imm(&m->c, HOST_AX, m->nodes->block->rip);
    host_jmp(&m->c, m->jit->to.out);
}

/* ---- What is kept of it ---- */

/* Behind its sites, which are behind the code. */
static struct jit_region *store(struct maker *m)
{
    struct jit_site *site = (struct jit_site *)(((uintptr_t)m->c.at + 15) & ~(uintptr_t)15);
    struct jit_region *region = (struct jit_region *)(site + m->n_sites);

    if (m->c.full || (uint8_t *)&region->member[m->n_nodes] > m->c.end)
        return NULL;
    memcpy(site, m->site, m->n_sites * sizeof(*site));
    *region = (struct jit_region){
        .root = m->nodes->block, .site = site, .n_sites = m->n_sites, .n_members = m->n_nodes
    };
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct block *block = m->nodes[i].block;

        region->member[i].region = region;
        link_in(&block->memberships, &region->member[i].link);
    }
    return region;
}

/* NULL: there is no way to go, or one of its blocks is not for regions, which is noted. */
static struct jit_region *try(struct jit *jit, struct block *root, uint8_t *at, bool straight)
{
    struct maker *m = jit->maker;

    jit_begin(jit, root, at);
    if (!find_nodes(m, root, straight))
        return NULL;
    find_near(m);
    find_nodes(m, root, straight);
    emit_region(m);
    if (m->failed)
        m->failed->solitary = true;
    return m->failed ? NULL : store(m);
}

struct jit_region *jit_region(struct jit *jit, struct block *root, uint8_t *at, bool straight)
{
    struct jit_region *region = NULL;

    for (unsigned i = 0; i < TRIES && !region && (i == 0 || jit->maker->failed); i++)
        region = try(jit, root, at, straight);
    return region;
}
