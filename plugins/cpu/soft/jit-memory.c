/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-memory - templates of addresses, loads, stores, the stack and locked operations; how memory
 * is reached.
 *
 * An address that the next micro-op uses is not computed into T0, but becomes part of its memory
 * operand; a load that the next micro-op alone uses becomes its operand; load, operation and store
 * become one instruction of the host's.  If one of those leaves, it does so from the beginning.
 */
#include "integer.h"
#include "jit-make.h"
#include "vec.h"
#include "x87.h"

enum { LOG2_TLB_ENTRY = 5 };
#define KEPT(n) CPU_AT(offsetof(struct cpu, kept) + (n) * sizeof(uint64_t))
_Static_assert(sizeof(struct tlb_entry) == 1 << LOG2_TLB_ENTRY, "");

/* ---- Addresses ---- */

static struct operand base_of_segment(enum seg seg)
{
    return CPU_AT(offsetof(struct cpu, seg) + seg * sizeof(struct segment) +
                  offsetof(struct segment, base));
}

/* The sum that a micro-op makes, if two parts and a displacement are enough for it. */
static bool address_of(struct maker *m, const struct uop *u, struct address *to)
{
    bool far = u->op == UOP_LEASEG || (u->op == UOP_ADDRSEG && u->seg >= SEG_FS);
    bool a = u->a != REG(REG_ZERO), b = u->b != REG(REG_ZERO);

    *to = (struct address){ .reg = REG(REG_ZERO), .disp = u->imm };
    if ((far || a || b) && (!fits(u->imm) || !fits(u->imm + 64)))
        return false;
    if (far) {
        if (a && b)
            return false;
        to->base = base_of_segment(u->seg);
    } else if (a) {
        to->base = source(m, u->a);
        to->reg = u->a;
        a = false;
    }
    to->based = far || u->a != REG(REG_ZERO);
    to->indexed = a || b;
    to->index = home_of(a ? u->a : u->b);
    to->scale = a ? 0 : u->scale;
    return !to->indexed || to->index != NO_HOST;
}

/* reg = the address plus more, the base being in that register. */
static void sum(struct maker *m, unsigned size, unsigned reg, const struct address *from,
                unsigned base, int32_t more)
{
    int64_t disp = from->disp + more;

    if (!from->based && !from->indexed)
        host_move_imm(&m->c, reg, size == 4 ? (uint32_t)disp : (uint64_t)disp);
    else if (!from->indexed)
        host(&m->c, H_LEA, size, reg, host_mem(base, disp));
    else if (from->based)
        host(&m->c, H_LEA, size, reg, host_sum(base, from->index, from->scale, disp));
    else
        host(&m->c, H_LEA, size, reg, host_scaled(from->index, from->scale, disp));
}

/* The base in a register; AX, if it is none of the guest's. */
static unsigned base_in(struct maker *m, const struct address *from)
{
    if (!from->based || !from->base.memory)
        return from->base.reg;
    host(&m->c, H_LOAD, 8, HOST_AX, from->base);
    return HOST_AX;
}

void load_sum(struct maker *m, unsigned size, unsigned to, uint8_t reg, int64_t disp)
{
    unsigned home = home_of(reg);

    if (home == NO_HOST)
        host(&m->c, H_LOAD, 8, to, CPU_AT(reg));
    host(&m->c, H_LEA, size, to, host_mem(home == NO_HOST ? to : home, disp));
}

/* ---- What is known of it ---- */

/* The page of which at is, and how far it is from its place; or NULL. */
static struct known *page_of(struct maker *m, struct operand at, int64_t *where)
{
    for (unsigned reg = 0; m->in_cx != NO_PAGE && reg < N_GENERAL; reg++) {
        if (!at.indexed || at.reg != HOST_CX || home_of(REG(reg)) != at.index ||
            m->pointer[reg].page != m->in_cx)
            continue;
        *where = at.disp + m->pointer[reg].at;
        return &m->known[m->in_cx];
    }
    return NULL;
}

bool is_aligned(struct maker *m, struct operand at, unsigned bytes)
{
    int64_t where;
    const struct known *k = page_of(m, at, &where);

    return k && k->align >= bytes && !((where - k->aligned) & (bytes - 1));
}

void note_aligned(struct maker *m, struct operand at, unsigned bytes)
{
    int64_t where;
    struct known *k = page_of(m, at, &where);

    if (!k)
        return;
    k->align = bytes;
    k->aligned = where;
}

/* ---- The look-up ---- */

void find_entry(struct maker *m)
{
    struct host_code *c = &m->c;

    host_imm(c, H_SHR_I, 4, host_reg(HOST_CX), PAGE_BITS - LOG2_TLB_ENTRY);
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), (TLB_ENTRIES - 1) << LOG2_TLB_ENTRY);
    host(c, H_ADD, 8, HOST_CX, CPU(fast));
}

void compare_page(struct maker *m, bool write)
{
    size_t tag = write ? offsetof(struct tlb_entry, write) : offsetof(struct tlb_entry, read);

    host_imm(&m->c, H_AND_I, 8, host_reg(HOST_AX), -PAGE_BYTES);
    host(&m->c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, tag));
}

/*
 * Compares the page of the access's last byte with the tag of its first one's entry; CX becomes
 * what to add to the linear address.  Or the micro-op uop leaves.
 */
static void probe(struct maker *m, const struct address *from, unsigned size, bool write,
                  unsigned uop)
{
    struct host_code *c = &m->c;
    unsigned base = base_in(m, from);

    sum(m, 4, HOST_CX, from, base, 0);
    find_entry(m);
    sum(m, 8, HOST_AX, from, base, size - 1);
    compare_page(m, write);
    cold_way(m, COLD_HANDLER, host_jcc(c, CC_NZ, NULL), uop);
    host(c, H_LOAD, 8, HOST_CX, host_mem(HOST_CX, offsetof(struct tlb_entry, addend)));
}

/* All of the stretch; what is to be added is kept. */
static void probe_all(struct maker *m, const struct stretch *s, unsigned uop)
{
    struct address all = { .based = true, .base = source(m, s->reg), .disp = s->low };

    probe(m, &all, s->high - s->low, s->write, uop);
    if (s->several) {
        m->cold[m->n_cold - 1].kind = COLD_SPLIT;
        m->cold[m->n_cold - 1].stretch = *s;
    }
    if (m->node)
        host(&m->c, H_STORE, 8, HOST_CX, KEPT(s->page));
}

void emit_step(struct maker *m, const struct cold *way)
{
    probe_all(m, &way->stretch, way->uop);
    host_jmp(&m->c, way->back);
}

uint8_t *jump_unless_step(struct maker *m, const struct known *old, const struct stretch *s)
{
    int64_t at = m->pointer[s->reg / 8].at;
    bool up = s->high + at > old->high;
    int32_t by = up ? s->high + at - old->high : old->low - s->low - at;
    struct host_code *c = &m->c;

    load_sum(m, 4, HOST_AX, s->reg, up ? s->high - 1 : s->low);
    if (up && !(by & (by - 1))) {
        host_imm(c, H_TEST_I, 4, host_reg(HOST_AX), PAGE_BYTES - by);
        return host_jcc(c, CC_Z, NULL);
    }
    host_imm(c, H_AND_I, 4, host_reg(HOST_AX), PAGE_BYTES - 1);
    host_imm(c, H_CMP_I, 4, host_reg(HOST_AX), up ? by : PAGE_BYTES - by);
    return host_jcc(c, up ? CC_B : CC_NB, NULL);
}

/* CX has what was kept of old: all of the stretch is of its page, or is looked up. */
static void step(struct maker *m, const struct known *old, const struct stretch *s)
{
    flags_clobber(m);
    cold_way(m, COLD_STEP, jump_unless_step(m, old, s), leave_from(m));
    m->cold[m->n_cold - 1].stretch = *s;
    m->cold[m->n_cold - 1].back = m->c.at;
}

/* By what is kept of the register; false: it is of no use. */
static bool reach_kept(struct maker *m, const struct address *from, unsigned size,
                       struct stretch *s)
{
    int64_t at = m->pointer[s->reg / 8].at, low = s->low + at, high = s->high + at;
    struct known *old;
    bool own;

    s->page = m->pointer[s->reg / 8].page;
    if (s->page == NO_PAGE)
        return false;
    old = &m->known[s->page];
    own = is_within(old, from->disp + at, from->disp + at + size, s->write);
    if (!own && !is_within(old, low, high, s->write) && !is_a_step(old, low, high, s->write))
        return false;
    host(&m->c, H_LOAD, 8, HOST_CX, KEPT(s->page));
    if (!own) {
        s->write = old->write;
        step(m, old, s);
        old->low = low;
        old->high = high;
    }
    return true;
}

/* By a look-up of its own. */
static void reach_anew(struct maker *m, struct stretch *s)
{
    struct known *k;
    int64_t at;

    flags_clobber(m);
    s->page = page_for(m, s->reg);
    probe_all(m, s, leave_from(m));
    at = m->pointer[s->reg / 8].at;
    k = &m->known[s->page];
    k->any = true;
    k->write = s->write;
    k->low = s->low + at;
    k->high = s->high + at;
    k->last = s->last;
}

/* Whether CX has what it takes. */
static bool is_at_hand(const struct maker *m, const struct address *from, unsigned size, bool write)
{
    const struct pointer *p = &m->pointer[from->reg / 8];
    int64_t low = from->disp + p->at;

    return p->page != NO_PAGE && p->page == m->in_cx && !(m->c.touched >> HOST_CX & 1) &&
           is_within(&m->known[p->page], low, low + size, write);
}

/* By a register of the guest's alone: what else that reaches soon is looked up with it. */
static struct operand reach_register(struct maker *m, const struct address *from, unsigned size,
                                     bool write)
{
    struct stretch s = {
        .reg = from->reg, .write = write, .low = from->disp, .high = from->disp + size, .last = m->i
    };

    if (!is_at_hand(m, from, size, write)) {
        look_ahead(m, &s);
        s.several = s.high - s.low > (int)size;
        if (!m->node || !reach_kept(m, from, size, &s))
            reach_anew(m, &s);
        m->in_cx = s.page;
        m->c.touched &= ~(1u << HOST_CX);
    }
    m->known[m->in_cx].reached = ++m->n_reached;
    if (!from->base.memory)
        return host_sum(HOST_CX, from->base.reg, 0, from->disp);
    host(&m->c, H_LOAD, 8, HOST_AX, from->base);
    host(&m->c, H_LEA, 8, HOST_CX, host_sum(HOST_CX, HOST_AX, 0, 0));
    m->in_cx = NO_PAGE;
    return host_mem(HOST_CX, from->disp);
}

static struct operand reach_address(struct maker *m, const struct address *from, unsigned size,
                                    bool write)
{
    if (from->based && !from->indexed && from->reg < REG(N_GENERAL) &&
        (m->node || !from->base.memory))
        return reach_register(m, from, size, write);
    flags_clobber(m);
    probe(m, from, size, write, leave_from(m));
    if (from->based)
        host(&m->c, H_ADD, 8, HOST_CX, from->base);
    if (from->indexed)
        return host_sum(HOST_CX, from->index, from->scale, from->disp);
    if (fits(from->disp))
        return host_mem(HOST_CX, from->disp);
    host_move_imm(&m->c, HOST_AX, from->disp);
    host(&m->c, H_ADD, 8, HOST_CX, host_reg(HOST_AX));
    return host_mem(HOST_CX, 0);
}

bool is_folded(const struct maker *m)
{
    return m->address_uop != NO_UOP && m->i == m->address_uop + 1;
}

struct operand reach(struct maker *m, uint8_t base, int64_t disp, unsigned size, bool write)
{
    struct address at = { .based = true, .base = CPU_AT(REG(REG_T0)), .reg = base, .disp = disp };

    if (base == REG(REG_T0) && is_folded(m)) {
        at = m->address;
        at.disp += disp;
    } else {
        at.based = base != REG(REG_ZERO);
        at.base = source(m, base);
    }
    return reach_address(m, &at, size, write);
}

/* T0 = the address. */
static void store_address(struct maker *m, const struct address *from, unsigned size)
{
    sum(m, size, HOST_AX, from, base_in(m, from), 0);
    host(&m->c, H_STORE, 8, HOST_AX, CPU_AT(REG(REG_T0)));
}

void check_canonical(struct maker *m)
{
    struct host_code *c = &m->c;

    host_imm(c, H_SAR_I, 8, host_reg(HOST_AX), m->block->mode & MODE_LA57 ? 56 : 47);
    host_imm(c, H_ADD_I, 8, host_reg(HOST_AX), 1);
    host_imm(c, H_CMP_I, 8, host_reg(HOST_AX), 1);
    unless(m, CC_A);
}

void settle_address(struct maker *m)
{
    const struct uop *u = &m->block->uop[m->address_uop];

    if (!is_folded(m))
        return;
    if (u->op == UOP_ADDRSEG) { /* both ends of it */
        flags_clobber(m);
        sum(m, 8, HOST_AX, &m->address, base_in(m, &m->address), u->size - 1);
        check_canonical(m);
        sum(m, 8, HOST_AX, &m->address, base_in(m, &m->address), 0);
        check_canonical(m);
    }
    store_address(m, &m->address, 8);
    m->address_uop = NO_UOP;
}

static bool reads_t0(const struct uop *u)
{
    unsigned props = uop_info[u->op].props;

    return (props & R_A && u->a == REG(REG_T0)) || (props & R_B && u->b == REG(REG_T0)) ||
           u->op == UOP_CALL || u->op == UOP_CALL_LAST || u->op == UOP_CALL_JUMP ||
           u->op == UOP_CALL_LOOP ||
           (u->op >= UOP_VECTOR && u->op <= UOP_X87_COND && u->call != vec_enter_mmx) ||
           (u->op >= UOP_LOCK_LOAD8 && u->op <= UOP_LOCK_STORE64);
}

/* The micro-ops of what one instruction of the host's changes in memory. */
enum change { CHANGE_NONE, CHANGE_ALU, CHANGE_XCHG, CHANGE_XADD, CHANGE_CMPXCHG };
static enum change change_at(const struct maker *m, unsigned k, unsigned *n);

/* Whether only the next micro-op wants what this one makes in T0, and reaches it. */
static bool next_alone_wants_t0(const struct maker *m)
{
    unsigned n;

    if (!is_same_insn(m, 1) || !reads_t0(&uop_of(m)[1]))
        return false;
    if (change_at(m, 1, &n))
        return true;
    for (unsigned k = 2; is_same_insn(m, k); k++)
        if (reads_t0(&uop_of(m)[k]))
            return false;
    return template_of(&uop_of(m)[1]);
}

/* AX = a + (b << scale) + imm */
static void add_up(struct maker *m, const struct uop *u)
{
    if (fits(u->imm)) {
        host(&m->c, H_LOAD, 8, HOST_CX, source(m, u->b));
        host(&m->c, H_LEA, 8, HOST_AX,
             host_sum(in_reg(m, u->a, 8, HOST_AX), HOST_CX, u->scale, u->imm));
        return;
    }
    host_move_imm(&m->c, HOST_AX, u->imm);
    host(&m->c, H_LEA, 8, HOST_AX, host_sum(HOST_AX, in_reg(m, u->b, 8, HOST_CX), u->scale, 0));
    host(&m->c, H_LEA, 8, HOST_AX, host_sum(HOST_AX, in_reg(m, u->a, 8, HOST_CX), 0, 0));
}

/* T0 = a sum of more parts than an operand has, both ends of what is there being canonical. */
static bool add_up_checked(struct maker *m, const struct uop *u)
{
    struct host_code *c = &m->c;

    flags_clobber(m);
    add_up(m, u);
    if (u->seg >= SEG_FS)
        host(c, H_ADD, 8, HOST_AX, base_of_segment(u->seg));
    host(c, H_STORE, 8, HOST_AX, CPU_AT(REG(REG_T0)));
    host_imm(c, H_ADD_I, 8, host_reg(HOST_AX), u->size - 1);
    check_canonical(m);
    host(c, H_LOAD, 8, HOST_AX, CPU_AT(REG(REG_T0)));
    check_canonical(m);
    return true;
}

TEMPLATE(address)
{
    struct address at;

    if (u->op == UOP_ADDRSEG && (!is_code64(m) || u->addr_size != 8))
        return false;
    if (u->d != REG(REG_T0))
        return false;
    if (!address_of(m, u, &at))
        return u->op == UOP_ADDRSEG && add_up_checked(m, u);
    m->address = at;
    m->address_uop = m->i;
    if (next_alone_wants_t0(m))
        return true;
    m->i++; /* as if the next one settled it */
    settle_address(m);
    m->i--;
    return true;
}

/* ---- LEA ---- */

TEMPLATE(lea)
{
    unsigned size = u->op == UOP_LEA32 ? 4 : 8, d = target(m, u->d, HOST_AX);
    struct address at;

    if (u->op == UOP_LEA64 && u->d == REG(REG_T0) && make_address(m, u, t, nth))
        return true;
    if (u->op == UOP_LEASEG && make_address(m, u, t, nth))
        return true;
    if (address_of(m, u, &at)) {
        sum(m, size, d, &at, base_in(m, &at), 0);
    } else {
        if (u->op == UOP_LEASEG)
            flags_clobber(m);
        add_up(m, u);
        if (u->op == UOP_LEASEG)
            host(&m->c, H_ADD, 8, HOST_AX, base_of_segment(u->seg));
        if (size == 4 || d != HOST_AX)
            host(&m->c, H_LOAD, size, d, host_reg(HOST_AX));
    }
    put(m, u->d, size, d);
    return true;
}

/* ---- Loads and stores ---- */

static bool reads(const struct uop *u, uint8_t operand)
{
    unsigned props = uop_info[u->op].props;

    return (props & R_A && u->a == operand) || (props & R_B && u->b == operand) ||
           (props & R_D && u->d == operand);
}

/* How many bytes a template takes of a temporary that has just been loaded. */
static unsigned folds(const struct template *t, unsigned nth)
{
    static const uint8_t fused[] = { 1, 4, 8 };

    switch (t ? t->fold : FOLD_NONE) {
    case FOLD_BYTE: return 1;
    case FOLD_WORD: return 2;
    case FOLD_LONG: return 4;
    case FOLD_SIZED: return 1u << (nth & 3);
    case FOLD_WIDE: return 2u << nth;
    case FOLD_FUSED: return fused[nth / 32];
    }
    return 0;
}

/* Whether only the next micro-op wants what this one loads, and takes it from memory. */
static bool folds_into_next(struct maker *m, uint8_t d, unsigned size)
{
    const struct uop *next = &uop_of(m)[1];
    const struct template *t;
    unsigned bytes;

    if (d < REG(REG_T0) || d > REG(REG_T3) || !is_same_insn(m, 1) || !reads(next, d))
        return false;
    t = template_of(next);
    bytes = t ? folds(t, next->op - t->first) : 0;
    if (!bytes || bytes > size || (next->a == d && next->b == d))
        return false;
    for (unsigned k = 2; is_same_insn(m, k); k++)
        if (reads(&uop_of(m)[k], d))
            return false;
    return true;
}

/* What is there becomes d: zero-extended, or (narrow) in a part of it. */
static void fetch(struct maker *m, uint8_t d, unsigned size, bool narrow, struct operand at)
{
    unsigned reg = narrow && size < 4 ? HOST_AX : target(m, d, HOST_AX);

    if (size >= 4)
        host(&m->c, H_LOAD, size, reg, at);
    else
        host(&m->c, size == 1 ? H_ZX8 : H_ZX16, 4, reg, at);
    put(m, d, narrow ? size : size < 4 ? 4 : size, reg);
}

/* Such an address has no displacement of the host's. */
static bool is_far(const struct uop *u)
{
    return !fits(u->imm + 64);
}

TEMPLATE(load)
{
    unsigned size = 1u << nth;
    struct operand at;

    if (is_far(u))
        return false;
    at = reach(m, u->a, u->imm, size, false);
    if (folds_into_next(m, u->d, size)) {
        m->load = at;
        m->load_temp = u->d;
        m->load_uop = m->i + 1;
        return true;
    }
    fetch(m, u->d, size, u->op < UOP_LOADZ8, at);
    return true;
}

/* ---- Load, operation and store at once ---- */

/* Whether op makes a temporary, which store has, of the one that load has, in that size. */
static bool is_operation(const struct uop *load, const struct uop *op, uint8_t stored,
                         unsigned log2)
{
    const struct template *t = template_of(op);
    unsigned nth = t ? op->op - t->first : 0;
    unsigned sized = t && t->kind & BITS ? nth % 3 + 1 : nth & 3;

    return t && t->change && op->a == load->d && op->d == stored && op->d >= REG(REG_T0) &&
           op->d <= REG(REG_T3) && sized == log2 &&
           (!(uop_info[op->op].props & R_B) || op->b < REG(REG_T0));
}

/* A register goes there, by itself or added to what is there, and gets that. */
static enum change exchange_at(const struct uop *u, unsigned log2)
{
    uint8_t reg = u[3].d;

    if (u[3].op != UOP_MOV8 + log2 || u[3].a != u->d || is_high(reg))
        return CHANGE_NONE;
    if (u[1].op == UOP_MOV8 + log2 && u[1].a == reg)
        return CHANGE_XCHG;
    return u[1].op == UOP_ADD8 + log2 && u[1].a == u->d && u[1].b == reg ? CHANGE_XADD
                                                                         : CHANGE_NONE;
}

static bool is_cmpxchg(const struct uop *u, unsigned log2)
{
    return u[1].op == UOP_CMP8 + log2 && u[1].a == REG(RAX) && u[1].b == u->d &&
           u[2].op == UOP_MOV8 + log2 && !is_high(u[2].a) && home_of(u[2].a) != NO_HOST &&
           u[3].op == UOP_CMOVNZ && u[3].a == u->d;
}

/* The k-th micro-op from here on loads, n ones further its instruction ends. */
static enum change change_at(const struct maker *m, unsigned k, unsigned *n)
{
    const struct uop *u = &uop_of(m)[k];
    bool locked = u->op >= UOP_LOCK_LOAD8 && u->op <= UOP_LOCK_LOAD64;
    unsigned log2 = u->op - (locked ? UOP_LOCK_LOAD8 : UOP_LOADW8);
    unsigned store = (locked ? UOP_LOCK_STORE8 : UOP_STORE8) + log2;

    if (!locked && (u->op < UOP_LOADW8 || u->op > UOP_LOADW64))
        return CHANGE_NONE;
    for (*n = 1; is_same_insn(m, k + *n);)
        ++*n;
    if (*n == 3 && u[2].op == store && (locked || (u[2].a == u->a && u[2].imm == u->imm)) &&
        is_operation(u, u + 1, locked ? REG(REG_T2) : u[2].b, log2))
        return CHANGE_ALU;
    if (*n == 4 && locked && u[2].op == store)
        return exchange_at(u, log2);
    return *n > 6 && locked && u[4].op == store && is_cmpxchg(u, log2) ? CHANGE_CMPXCHG
                                                                       : CHANGE_NONE;
}

static void exchange(struct maker *m, enum host_insn insn, uint8_t reg, unsigned size,
                     struct operand at)
{
    unsigned r = in_reg(m, reg, size, HOST_AX);

    if (insn == H_XADD)
        host_lock(&m->c);
    host(&m->c, insn, size, r, at);
    if (insn == H_XADD)
        flags_set(m, F_ARITH);
    put(m, reg, size, r);
}

static void compare_exchange(struct maker *m, uint8_t reg, unsigned size, struct operand at)
{
    host(&m->c, H_LOAD, 8, HOST_AX, source(m, REG(RAX)));
    host_lock(&m->c);
    host(&m->c, H_CMPXCHG, size, home_of(reg), at);
    flags_set(m, F_ARITH);
    put(m, REG(RAX), 8, HOST_AX);
}

static void change(struct maker *m, const struct uop *u, enum change what, unsigned n,
                   unsigned size, struct operand at)
{
    m->behind = m->wanted[m->i + n - 1];
    m->skip = n - 1;
    switch (what) {
    case CHANGE_NONE: break;
    case CHANGE_ALU:
        template_of(u + 1)->change(m, u + 1, template_of(u + 1), size, at,
                                   u->op >= UOP_LOCK_LOAD8 && u->op <= UOP_LOCK_LOAD64);
        break;
    case CHANGE_XCHG: exchange(m, H_XCHG, u[3].d, size, at); break;
    case CHANGE_XADD: exchange(m, H_XADD, u[3].d, size, at); break;
    case CHANGE_CMPXCHG: compare_exchange(m, u[2].a, size, at); break;
    }
}

TEMPLATE(load_write)
{
    unsigned size = 1u << nth, n;
    enum change what = change_at(m, 0, &n);
    struct operand at;

    if (is_far(u))
        return false;
    at = reach(m, u->a, u->imm, size, true);
    if (what)
        change(m, u, what, n, size, at);
    else
        fetch(m, u->d, size, false, at);
    return true;
}

/* Other locked operations than these are the handlers'. */
TEMPLATE(lock)
{
    unsigned size = 1u << nth, n;
    enum change what = change_at(m, 0, &n);

    if (!what)
        return false;
    change(m, u, what, n, size, reach(m, REG(REG_T0), 0, size, true));
    return true;
}

TEMPLATE(store)
{
    unsigned size = 1u << nth;
    struct operand at;

    if (is_far(u))
        return false;
    at = reach(m, u->a, u->imm, size, true);
    host(&m->c, H_STORE, size, in_reg(m, u->b, size, HOST_AX), at);
    return true;
}

/* ---- The stack ---- */

void move_stack(struct maker *m, int32_t by)
{
    unsigned sp = home_of(REG(RSP));

    host(&m->c, H_LEA, 8, sp, host_mem(sp, by));
}

TEMPLATE(push)
{
    struct operand at = reach(m, REG(RSP), -8, 8, true);

    host(&m->c, H_STORE, 8, in_reg(m, u->b, 8, HOST_AX), at);
    move_stack(m, -8);
    return true;
}

TEMPLATE(pop)
{
    struct operand at = reach(m, REG(RSP), 0, 8, false);
    unsigned d = u->d == REG(RSP) ? HOST_AX : target(m, u->d, HOST_AX);

    host(&m->c, H_LOAD, 8, d, at);
    move_stack(m, 8);
    put(m, u->d, 8, d);
    return true;
}

// clang-format off
const struct template memory_templates[] = {
    { SIZED_OPS(LOAD), make_load, 0, 0, 0, 0, NULL },
    { UOP_LOADZ8, UOP_LOADZ16, make_load, 0, 0, 0, 0, NULL },
    { SIZED_OPS(LOCK_LOAD), make_lock, 0, 0, 0, 0, NULL },
    { SIZED_OPS(LOADW), make_load_write, 0, 0, 0, 0, NULL },
    { SIZED_OPS(STORE), make_store, 0, 0, 0, 0, NULL },
    { UOP_PUSH64, UOP_PUSH64, make_push, 0, 0, 0, 0, NULL },
    { UOP_POP64, UOP_POP64, make_pop, 0, 0, 0, 0, NULL },
    { UOP_LEA32, UOP_LEASEG, make_lea, 0, 0, 0, 0, NULL },
    { UOP_ADDRSEG, UOP_ADDRSEG, make_address, 0, 0, 0, 0, NULL },
    { 0 },
};
// clang-format on
