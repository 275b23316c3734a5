/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-region - the code of a loop: blocks that follow one another by jumps within a page, as one.
 *
 * They are a tree: what two ways lead to is made twice, so that each block's code is for one way to
 * it, and what is known at its end (FLOW) goes on being known.  Where the root is reached again,
 * whether to leave is asked and what was executed is counted; the head has taken as much of
 * cpu->left as the longest way needs, and ways out give back the rest.  If the loop knows more than
 * who comes from outside, the tree is made once more for it.  There are no entries: after a way out
 * the interpreter and the blocks' own code go on, until the root is jumped to.
 */
#include <string.h>

#include "jit-make.h"

/* Of a head: CMP and JNE, behind which cpu->left is looked at. */
enum { HEAD_CHECK = 10, MAX_PATH = 1000, TRIES = 4 };

/* ---- Which blocks ---- */

/* A micro-op without a template would leave each time. */
static bool may_be_member(const struct block *block)
{
    for (unsigned i = 0; i < block->n; i++)
        if (!(uop_info[block->uop[i].op].props & P_END) && !template_of(&block->uop[i]))
            return false;
    return !block->solitary;
}

static bool is_above(const struct maker *m, const struct node *node, const struct block *block)
{
    for (; node; node = node->above)
        if (node->block == block)
            return true;
    return false;
}

/* Where the node's micro-op u leads to within the region; a node is added for it. */
static struct node *follow(struct maker *m, struct node *node, const struct uop *u)
{
    const struct cpu *cpu = m->jit->cpu;
    struct block *to = u->link;
    struct node *child = &m->nodes[m->n_nodes];

    if (!to || to->dead || to->epoch[cpu->space] != cpu->epoch || !to->entry ||
        !is_same_page(node->block, to->rip))
        return NULL;
    if (to == m->nodes->block)
        return m->nodes;
    if (to->region || m->n_nodes == MAX_NODES || m->n_uops + to->n > MAX_REGION_UOPS ||
        node->executed + to->instructions > MAX_PATH || !may_be_member(to) || is_above(m, node, to))
        return NULL;
    *child =
        (struct node){ .block = to, .above = node, .executed = node->executed + to->instructions };
    m->n_nodes++;
    m->n_uops += to->n;
    return child;
}

/* Whether there is a way back to the root. */
static bool find_nodes(struct maker *m, struct block *root)
{
    bool loops = false;

    m->nodes[0] = (struct node){ .block = root, .executed = root->instructions };
    m->n_nodes = 1;
    m->n_uops = root->n;
    for (unsigned i = 0; i < m->n_nodes; i++) {
        struct node *node = &m->nodes[i];
        const struct uop *last = &node->block->uop[node->block->n - 1];

        if (last->op != UOP_JMP && last->op != UOP_CALL64)
            continue;
        node->next = follow(m, node, last);
        if (node->block->n > 1 && is_jump(last - 1))
            node->taken = follow(m, node, last - 1);
        loops |= node->next == m->nodes || node->taken == m->nodes;
    }
    return loops && may_be_member(root);
}

static unsigned longest(const struct maker *m)
{
    unsigned most = 0;

    for (unsigned i = 0; i < m->n_nodes; i++)
        if (m->nodes[i].executed > most)
            most = m->nodes[i].executed;
    return most;
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

static bool is_same_known(const struct known *a, const struct known *b)
{
    return a->reg == b->reg && a->write == b->write && a->align == b->align && a->low == b->low &&
           a->high == b->high && a->aligned == b->aligned;
}

/* Whether the root's code that was made for one flow is good for another. */
static bool is_good_for(const struct flow *lap, const struct flow *now)
{
    return !(lap->loaded & ~now->loaded) && is_same_redo(&lap->owed, &now->owed) &&
           (!lap->known.any || (now->known.any && is_same_known(&lap->known, &now->known)));
}

static bool knows_something(const struct flow *now)
{
    return now->loaded || now->owed.flags || now->known.any;
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

static void emit_loop(struct maker *m, const struct node *node, unsigned uop)
{
    flags_clobber_to_root(m);
    m->redo = (struct redo){ 0 };
    m->owed.flags &= m->lap_wanted;
    if (m->lap[1].at && is_good_for(&m->lap[1].flow, &m->flow)) {
        emit_turn(m, node, uop);
        host_jmp(&m->c, m->lap[1].at);
    } else if (!m->lap[1].at && knows_something(&m->flow)) {
        emit_turn(m, node, uop);
        m->lap[1].at = m->c.at;
        m->lap[1].flow = m->flow;
        emit_node(m, m->nodes);
    } else {
        flags_settle(m);
        emit_turn(m, node, uop);
        host_jmp(&m->c, m->lap[0].at);
    }
}

/* Out of the region. */
static void emit_exit(struct maker *m, unsigned uop)
{
    flags_settle(m);
    even_up(m);
    link_to(m, uop);
}

static void emit_edge(struct maker *m, const struct node *from, struct node *to, unsigned uop)
{
    if (!to)
        emit_exit(m, uop);
    else if (to == m->nodes)
        emit_loop(m, from, uop);
    else
        emit_node(m, to);
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
    uint16_t live;

    m->node = node;
    m->block = node->block;
    m->excess = m->most - node->executed;
    m->branch = NULL;
    live = find_wanted(m);
    m->pending &= live;
    m->owed.flags &= live;
    if (!make_all(m) && (block->uop[block->n - 1].op == UOP_JMP || node->next))
        emit_edges(m, node);
}

/* The root's, as it is without the region. */
static uint8_t *own_code(const struct maker *m)
{
    return m->jit->write + (m->nodes->block->entry - m->jit->execute);
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
    even_up(m);
    if (way->kind == COLD_BUDGET) {
        host_jmp(&m->c, own_code(m) + HEAD_CHECK);
        return;
    }
    host_move_imm(&m->c, HOST_AX, m->nodes->block->rip);
    host_jmp(&m->c, m->jit->to.out);
}

static void emit_region(struct maker *m)
{
    m->most = longest(m);
    find_lap_wanted(m);
    emit_head(m, m->most);
    m->lap[0].at = m->c.at;
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

/* Behind its sites. */
static struct jit_region *store(struct maker *m)
{
    struct jit_site *site = store_sites(m);
    struct jit_region *region = (struct jit_region *)(site + m->n_sites);

    if (!site || (uint8_t *)&region->member[m->n_nodes] > m->c.end)
        return NULL;
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

/* NULL: there is no loop, or one of its blocks is not for regions, which is noted. */
static struct jit_region *try(struct jit *jit, struct block *root, uint8_t *at)
{
    struct maker *m = jit->maker;

    jit_begin(jit, root, at);
    if (!find_nodes(m, root))
        return NULL;
    emit_region(m);
    if (m->failed)
        m->failed->solitary = true;
    return m->failed || m->c.full ? NULL : store(m);
}

struct jit_region *jit_region(struct jit *jit, struct block *root, uint8_t *at)
{
    struct jit_region *region = NULL;

    for (unsigned i = 0; i < TRIES && !region && (i == 0 || jit->maker->failed); i++)
        region = try(jit, root, at);
    return region;
}
