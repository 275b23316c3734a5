/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-known - what translated code knows of the guest's memory: which pages have been looked up,
 * and which registers point into them.
 *
 * A page is known around some place; registers are so far from that place, as long as they are
 * moved and copied by constants only.  So what is known of one is known of its copies.  In a block
 * CX alone has what to add; in a region it is kept, too, and goes along from round to round.
 */
#include "integer.h"
#include "jit-make.h"
#include "x87.h"

void forget_pointers(struct maker *m)
{
    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        m->pointer[reg].page = NO_PAGE;
    m->in_cx = NO_PAGE;
}

void forget_cx(struct maker *m)
{
    if (m->node)
        m->in_cx = NO_PAGE;
    else
        forget_pointers(m);
}

/* ---- What micro-ops do to registers ---- */

/* Whether the micro-op makes one general register of another one (or of itself), so much more. */
static bool derives(const struct maker *m, const struct uop *u, uint8_t *d, uint8_t *a, int64_t *by)
{
    *d = *a = REG(RSP);
    switch (u->op) {
    case UOP_CALL: *by = -8; return is_near_call(m, u);
    case UOP_CALL64:
    case UOP_PUSH64: *by = -8; return true;
    case UOP_RET64: *by = 8 + u->imm; return true;
    case UOP_POP64: *by = 8; return u->d != REG(RSP);
    case UOP_MOV64: *by = 0; break;
    case UOP_INC64: *by = 1; break;
    case UOP_DEC64: *by = -1; break;
    case UOP_SUBI64: *by = -u->imm; break;
    case UOP_LEA64:
        if (u->b != REG(REG_ZERO))
            return false;
        /* fall through */
    case UOP_ADDI64: *by = u->imm; break;
    default: return false;
    }
    *d = u->d;
    *a = u->a;
    return u->d < REG(N_GENERAL) && u->a < REG(N_GENERAL);
}

/* What it adds to a register; false: it does not do that. */
static bool adds(const struct maker *m, const struct uop *u, uint8_t reg, int64_t *by)
{
    uint8_t d, a;

    return derives(m, u, &d, &a, by) && d == reg && a == reg;
}

/* Not all that such a micro-op writes is in uop_info[]. */
static bool is_opaque(const struct uop *u)
{
    return (u->op >= UOP_CALL && u->op <= UOP_X87_COND) ||
           (u->op >= UOP_LOCK_LOAD8 && u->op <= UOP_LOCK_STORE64);
}

static bool is_function(const struct maker *m, const struct uop *u)
{
    return u->op >= UOP_CALL && u->op <= UOP_CALL_LOOP && !is_near_call(m, u);
}

static bool writes(const struct uop *u, unsigned reg)
{
    return uop_info[u->op].props & W_D && u->d / 8 == reg;
}

/* Whether it may change a register by what is not in uop_info[]. */
static bool may_change_more(struct maker *m, const struct uop *u)
{
    if (u->op == UOP_VECTOR || u->op == UOP_VECTOR_FLAGS)
        return vec_changes_general(m, u);
    if (u->op >= UOP_X87 && u->op <= UOP_X87_COND)
        return u->call == x87_fnstsw_ax;
    return is_function(m, u);
}

static bool changes_reg(struct maker *m, const struct uop *u, unsigned reg)
{
    int64_t by;

    return writes(u, reg) || may_change_more(m, u) || adds(m, u, REG(reg), &by);
}

bool changes(struct maker *m, const struct uop *u, unsigned reg)
{
    int64_t by;

    return (uop_info[u->op].props & W_D && home_of(u->d) == reg) || may_change_more(m, u) ||
           (reg == home_of(REG(RSP)) && adds(m, u, REG(RSP), &by));
}

/* ---- Pointers ---- */

static bool is_free(const struct maker *m, unsigned page)
{
    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        if (m->pointer[reg].page == page)
            return false;
    return true;
}

static bool is_usual(const struct maker *m, unsigned page)
{
    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        if (m->usual[reg] == page)
            return true;
    return false;
}

/* Where no register points, best what the register had before or none has had; or NO_PAGE. */
static unsigned free_page(const struct maker *m, unsigned reg)
{
    unsigned found = m->usual[reg];

    if (found != NO_PAGE && is_free(m, found))
        return found;
    found = NO_PAGE;
    for (unsigned page = 0; page < N_KEPT; page++) {
        if (!is_free(m, page))
            continue;
        if (!is_usual(m, page))
            return page;
        found = page;
    }
    return found;
}

/* The register points to the page's place. */
static void point(struct maker *m, unsigned reg, unsigned page)
{
    m->pointer[reg] = (struct pointer){ .page = page };
    m->usual[reg] = page;
    m->known[page] = (struct known){ .any = false };
    if (m->in_cx == page)
        m->in_cx = NO_PAGE;
}

/* Of the least use: what has not been reached for the longest time. */
static unsigned drop_page(struct maker *m)
{
    unsigned oldest = 0;

    for (unsigned page = 1; page < N_KEPT; page++)
        if (m->known[page].reached < m->known[oldest].reached)
            oldest = page;
    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        if (m->pointer[reg].page == oldest)
            m->pointer[reg].page = NO_PAGE;
    return oldest;
}

unsigned page_for(struct maker *m, uint8_t reg)
{
    struct pointer *p = &m->pointer[reg / 8];
    unsigned page;

    if (p->page == NO_PAGE) {
        page = m->node ? free_page(m, reg / 8) : 0;
        if (page == NO_PAGE)
            page = drop_page(m);
        if (!m->node)
            forget_pointers(m);
        point(m, reg / 8, page);
    }
    return p->page;
}

/* A register that is about to be copied gets a place, though of no page that is known, if there is
 * one. */
static void make_place(struct maker *m, unsigned reg)
{
    unsigned page = m->pointer[reg].page == NO_PAGE && m->node ? free_page(m, reg) : NO_PAGE;

    if (page != NO_PAGE)
        point(m, reg, page);
}

/* Registers that the micro-op, which has been made, or may yet be, changes by other means than
 * derives(). */
static unsigned changed(struct maker *m, const struct uop *u, bool made)
{
    unsigned mask = uop_info[u->op].props & W_D && u->d < REG(N_GENERAL) ? 1u << u->d / 8 : 0;

    if (!is_opaque(u) || is_near_call(m, u))
        return mask;
    if (!made || is_function(m, u))
        return may_change_more(m, u) ? (1u << N_GENERAL) - 1 : mask;
    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        if (home_of(REG(reg)) == NO_HOST ? may_change_more(m, u)
                                         : m->c.touched >> home_of(REG(reg)) & 1)
            mask |= 1u << reg;
    return mask;
}

static void move_pointers(struct maker *m, const struct uop *u, struct pointer *pointer, bool made)
{
    unsigned mask = changed(m, u, made);
    struct pointer from = { .page = NO_PAGE };
    uint8_t d, a;
    int64_t by;
    bool derived = derives(m, u, &d, &a, &by);

    if (derived && made && d != a)
        make_place(m, a / 8);
    if (derived && by >= -SPAN && by <= SPAN)
        from = (struct pointer){ pointer[a / 8].page, pointer[a / 8].at + by };
    for (unsigned reg = 0; mask; reg++, mask >>= 1)
        if (mask & 1)
            pointer[reg].page = NO_PAGE;
    if (derived)
        pointer[d / 8] = from;
}

/* A function's template may change what pages are good for (STAC, CLAC): all is forgotten. */
void follow_known(struct maker *m)
{
    for (unsigned i = 0; i <= m->skip; i++)
        move_pointers(m, &uop_of(m)[i], m->pointer, true);
    if (m->c.touched >> HOST_CX & 1 || (!m->node && m->i + m->skip >= m->known[0].last))
        forget_cx(m);
}

/* ---- What will be reached ---- */

/* An access of a micro-op, by a register and a displacement. */
struct reached {
    uint8_t base;
    int64_t disp;
    unsigned size;
    bool write;
};

/* What the micro-op i reaches; false: nothing, or it cannot be told. */
static bool find_reached(struct maker *m, unsigned i, struct reached *to)
{
    const struct uop *u = &m->block->uop[i], *sum = u - 1;
    bool vector = false;

    *to = (struct reached){ .base = u->a, .disp = u->imm };
    if (u->op >= UOP_LOAD8 && u->op <= UOP_LOAD64)
        to->size = 1u << (u->op - UOP_LOAD8);
    else if (u->op == UOP_LOADZ8 || u->op == UOP_LOADZ16)
        to->size = 1u << (u->op - UOP_LOADZ8);
    else if (u->op >= UOP_LOADW8 && u->op <= UOP_LOADW64)
        to->size = 1u << (u->op - UOP_LOADW8), to->write = true;
    else if (u->op >= UOP_STORE8 && u->op <= UOP_STORE64)
        to->size = 1u << (u->op - UOP_STORE8), to->write = true;
    else if (u->op == UOP_PUSH64 || u->op == UOP_CALL64 ||
             (u->op == UOP_CALL && u->call == call_near && u->d == 8))
        *to = (struct reached){ REG(RSP), -8, 8, true };
    else if (u->op == UOP_POP64 || u->op == UOP_RET64)
        *to = (struct reached){ REG(RSP), 0, 8, false };
    else if (u->op == UOP_VECTOR || u->op == UOP_VECTOR_FLAGS)
        vector = true;
    else
        return false;
    if (!vector && to->base != REG(REG_T0))
        return to->base < REG(N_GENERAL);
    if (!i || sum->off != u->off || sum->op != UOP_LEA64 || sum->d != REG(REG_T0) ||
        sum->b != REG(REG_ZERO))
        return false;
    to->base = sum->a;
    to->disp = sum->imm + (vector ? 0 : u->imm);
    return to->base < REG(N_GENERAL) && (!vector || vec_reaches(m, u, &to->size, &to->write));
}

/* Whether CX will hardly outlive a micro-op that is not to be reached by what is known. */
static bool ends_known(const struct maker *m, const struct uop *u)
{
    if (u->op == UOP_CHECK)
        return u->d & ~m->loaded;
    if (u->op == UOP_VECTOR || u->op == UOP_VECTOR_FLAGS) /* with memory: the address came before */
        return false;
    return is_opaque(u) || u->op == UOP_LEASEG || u->op == UOP_ADDRSEG ||
           (u->op >= UOP_SHL8 && u->op <= UOP_RCR64) || uop_info[u->op].props & (P_LOAD | P_STORE);
}

/* Takes in another access, at so much from where the register was. */
static bool widen(struct stretch *s, const struct reached *to, int64_t moved, int span)
{
    int64_t low = to->disp + moved, high = low + to->size;

    if (low < INT32_MIN / 2 || low > INT32_MAX / 2)
        return false;
    low = low < s->low ? low : s->low;
    high = high > s->high ? high : s->high;
    if (high - low > span)
        return false;
    s->low = low;
    s->high = high;
    s->write |= to->write;
    return true;
}

/* In a region it is kept while CX has something else. */
void look_ahead(struct maker *m, struct stretch *s)
{
    int span = jit_is_split(m->jit, m->block) ? s->high - s->low : SPAN;
    int64_t moved = 0, by;

    for (unsigned i = m->i; i < m->block->n; i++) {
        const struct uop *u = &m->block->uop[i];
        struct reached to;

        if (i > m->i && find_reached(m, i, &to)) {
            if (to.base == s->reg ? !widen(s, &to, moved, span) : !m->node)
                return;
            s->last = i;
        } else if (i > m->i && !m->node && ends_known(m, u)) {
            return;
        }
        if (adds(m, u, s->reg, &by))
            moved += by;
        else if (m->node ? changes_reg(m, u, s->reg / 8) : writes(u, s->reg / 8))
            return;
        else if (u->op >= UOP_CALL && u->op <= UOP_CALL_LOOP)
            return;
        if (moved > SPAN || moved < -SPAN || is_jump(u))
            return;
    }
}

/* ---- What is known where code goes on ---- */

bool is_within(const struct known *k, int64_t low, int64_t high, bool write)
{
    return k->any && low >= k->low && high <= k->high && k->write >= write;
}

bool is_a_step(const struct known *k, int64_t low, int64_t high, bool write)
{
    return k->any && k->write >= write &&
           ((low >= k->low && high - k->high <= SPAN) || (high <= k->high && k->low - low <= SPAN));
}

/* Whether what one takes for known is so, from a place so much further. */
static bool is_page_known(const struct known *a, const struct known *now, int64_t by)
{
    return !a->any || (is_within(now, a->low + by, a->high + by, a->write) &&
                       (!a->align || (a->align == now->align &&
                                      !((a->aligned + by - now->aligned) & (a->align - 1)))));
}

bool is_known_as(const struct flow *made, const struct flow *now)
{
    int64_t by[N_KEPT];
    unsigned seen = 0;

    for (unsigned reg = 0; reg < N_GENERAL; reg++) {
        const struct pointer *a = &made->pointer[reg], *b = &now->pointer[reg];

        if (a->page == NO_PAGE)
            continue;
        if (b->page != a->page || (seen >> a->page & 1 && by[a->page] != b->at - a->at))
            return false;
        seen |= 1u << a->page;
        by[a->page] = b->at - a->at;
        if (!is_page_known(&made->known[a->page], &now->known[a->page], by[a->page]))
            return false;
    }
    return made->in_cx == NO_PAGE || made->in_cx == now->in_cx;
}

void forget_places(struct maker *m)
{
    for (unsigned reg = 0; reg < N_GENERAL; reg++)
        if (m->pointer[reg].page != NO_PAGE && !m->known[m->pointer[reg].page].any)
            m->pointer[reg].page = NO_PAGE;
    if (m->in_cx != NO_PAGE && is_free(m, m->in_cx))
        m->in_cx = NO_PAGE;
}

/* ---- Rounds of a loop ---- */

/* A register that it begins with is used so much further on.  What the first block to use it
 * reaches is looked for at once. */
static void want(struct maker *m, const struct pointer *p, const struct reached *to)
{
    struct want *w = &m->want[p->page];

    if (!w->by)
        *w = (struct want){ .by = m->node };
    if (w->by != m->node || !to)
        return;
    if (w->s.high == w->s.low)
        w->s.low = to->disp + p->at, w->s.high = w->s.low + to->size, w->s.write = to->write;
    else
        widen(&w->s, to, p->at, SPAN);
}

void want_known(struct maker *m, struct pointer *pointer)
{
    for (unsigned i = 0; i < m->block->n; i++) {
        const struct uop *u = &m->block->uop[i];
        struct reached to;
        bool found = find_reached(m, i, &to);

        if (!found && u->op == UOP_LEA64 && u->d == REG(REG_T0) && u->b == REG(REG_ZERO))
            to.base = u->a;
        else if (!found)
            to.base = REG(REG_ZERO);
        if (to.base < REG(N_GENERAL) && pointer[to.base / 8].page != NO_PAGE)
            want(m, &pointer[to.base / 8], found ? &to : NULL);
        move_pointers(m, u, pointer, false);
    }
}

/* Whether what is known is as much as the round takes for known from so much further on, or can be
 * by a step. */
static bool suits(const struct known *k, const struct stretch *s, int64_t at)
{
    return s->low == s->high ? k->any
                             : is_within(k, s->low + at, s->high + at, s->write) ||
                                   is_a_step(k, s->low + at, s->high + at, s->write);
}

bool begin_lap(const struct maker *m, struct flow *begin)
{
    unsigned used = 0;

    for (unsigned reg = 0; reg < N_GENERAL; reg++) {
        const struct stretch *s = &m->want[reg].s;
        struct pointer p = m->pointer[reg];
        struct known k;

        begin->pointer[reg].page = NO_PAGE;
        if (!m->want[reg].by || p.page == NO_PAGE || used >> p.page & 1 ||
            !suits(&m->known[p.page], s, p.at))
            continue;
        used |= 1u << p.page;
        k = m->known[p.page];
        k.low -= p.at;
        k.high -= p.at;
        k.aligned -= p.at;
        if (s->low != s->high && (s->low < k.low || s->high > k.high))
            k.low = s->low, k.high = s->high;
        begin->pointer[reg] = (struct pointer){ .page = p.page };
        begin->known[p.page] = k;
    }
    begin->in_cx = NO_PAGE;
    return used;
}

/* As a round that begins so takes it; reg: the register that points there. */
static struct stretch taken_by(const struct flow *begin, unsigned reg)
{
    const struct known *k = &begin->known[begin->pointer[reg].page];

    return (struct stretch){ .reg = REG(reg), .write = k->write, .low = k->low, .high = k->high };
}

bool fits_lap(const struct maker *m, const struct flow *begin)
{
    for (unsigned reg = 0; reg < N_GENERAL; reg++) {
        unsigned page = begin->pointer[reg].page;
        int64_t at = m->pointer[reg].at;
        struct known k;
        struct stretch s;

        if (page == NO_PAGE)
            continue;
        s = taken_by(begin, reg);
        k = m->known[page];
        if (m->pointer[reg].page != page || !suits(&k, &s, at))
            return false;
        k.low = s.low + at;
        k.high = s.high + at;
        if (!is_page_known(&begin->known[page], &k, at))
            return false;
    }
    return true;
}

void step_to_lap(struct maker *m, const struct flow *begin, unsigned uop)
{
    for (unsigned reg = 0; reg < N_GENERAL; reg++) {
        unsigned page = begin->pointer[reg].page;
        int64_t at = m->pointer[reg].at;
        struct stretch s;

        if (page == NO_PAGE)
            continue;
        s = taken_by(begin, reg);
        if (!is_within(&m->known[page], s.low + at, s.high + at, s.write))
            cold_way(m, COLD_LAP, jump_unless_step(m, &m->known[page], &s), uop);
    }
}
