/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-memory - templates of addresses, loads, stores, the stack and locked operations; how memory
 * is reached.
 *
 * An address that the next micro-op uses is not computed into T0, but becomes part of its memory
 * operand; a load that the next micro-op alone uses becomes its operand; load, operation and store
 * become one instruction of the host's.  If one of those leaves, it does so from the beginning.
 */
#include "jit-make.h"
#include "vec.h"

enum { PAGE_BITS = 12, LOG2_TLB_ENTRY = 5 };
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

    *to = (struct address){ .disp = u->imm };
    if ((far || a || b) && (!fits(u->imm) || !fits(u->imm + 64)))
        return false;
    if (far) {
        if (a && b)
            return false;
        to->base = base_of_segment(u->seg);
    } else if (a) {
        to->base = source(m, u->a);
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

/*
 * Compares the page of the access's last byte with the tag of its first one's entry; CX becomes
 * what to add to the linear address.
 */
static void probe(struct maker *m, const struct address *from, unsigned size, bool write)
{
    size_t tag = write ? offsetof(struct tlb_entry, write) : offsetof(struct tlb_entry, read);
    struct host_code *c = &m->c;
    unsigned base = base_in(m, from);

    sum(m, 4, HOST_CX, from, base, 0);
    host_imm(c, H_SHR_I, 4, host_reg(HOST_CX), PAGE_BITS - LOG2_TLB_ENTRY);
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), (TLB_ENTRIES - 1) << LOG2_TLB_ENTRY);
    host(c, H_ADD, 8, HOST_CX, CPU(fast));
    sum(m, 8, HOST_AX, from, base, size - 1);
    host_imm(c, H_AND_I, 8, host_reg(HOST_AX), -(1 << PAGE_BITS));
    host(c, H_CMP, 8, HOST_AX, host_mem(HOST_CX, tag));
    unless(m, CC_NZ);
    host(c, H_LOAD, 8, HOST_CX, host_mem(HOST_CX, offsetof(struct tlb_entry, addend)));
}

static struct operand reach_address(struct maker *m, const struct address *from, unsigned size,
                                    bool write)
{
    flags_clobber(m);
    probe(m, from, size, write);
    if (from->based && !from->indexed && !from->base.memory)
        return host_sum(HOST_CX, from->base.reg, 0, from->disp);
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
    struct address at = { .based = true, .base = CPU_AT(REG(REG_T0)), .disp = disp };

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

/* AX, an address, is canonical with four levels of paging, or the handler decides. */
static void check_canonical(struct maker *m)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 8, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_SAR_I, 8, host_reg(HOST_CX), 47);
    host_imm(c, H_ADD_I, 8, host_reg(HOST_CX), 1);
    host_imm(c, H_CMP_I, 8, host_reg(HOST_CX), 1);
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
        host(&m->c, H_STORE, 8, HOST_AX, CPU_AT(REG(REG_T0)));
    } else {
        store_address(m, &m->address, 8);
    }
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

static bool is_change(const struct maker *m, unsigned k);

/* Whether only the next micro-op wants what this one makes in T0, and reaches it. */
static bool next_alone_wants_t0(const struct maker *m)
{
    unsigned k = 2;

    if (!is_same_insn(m, 1) || !reads_t0(&uop_of(m)[1]))
        return false;
    if (is_change(m, 1))
        return true;
    for (; is_same_insn(m, k); k++)
        if (reads_t0(&uop_of(m)[k]))
            return false;
    return template_of(&uop_of(m)[1]);
}

static bool is_code64(const struct maker *m)
{
    return (m->block->mode & MODE_CODE_MASK) == MODE_CODE64;
}

TEMPLATE(address)
{
    struct address at;

    if (u->op == UOP_ADDRSEG && (!is_code64(m) || u->addr_size != 8))
        return false;
    if (!address_of(m, u, &at) || u->d != REG(REG_T0))
        return false;
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

/* Load for writing, an operation in a temporary, a store of that to the same place. */
static bool is_change(const struct maker *m, unsigned k)
{
    const struct uop *load = &uop_of(m)[k], *op = load + 1, *store = load + 2;
    const struct template *t;
    unsigned log2 = load->op - UOP_LOADW8;

    if (!is_same_insn(m, k + 2) || is_same_insn(m, k + 3) || load->op < UOP_LOADW8 ||
        load->op > UOP_LOADW64 || store->op != UOP_STORE8 + log2 || store->a != load->a ||
        store->imm != load->imm)
        return false;
    t = template_of(op);
    return t && t->change && op->a == load->d && op->d == store->b && op->d >= REG(REG_T0) &&
           op->d <= REG(REG_T3) && ((op->op - t->first) & 3) == log2 &&
           (!(uop_info[op->op].props & R_B) || op->b < REG(REG_T0));
}

TEMPLATE(load_write)
{
    unsigned size = 1u << nth;

    if (is_far(u))
        return false;
    if (is_change(m, 0)) {
        const struct template *op = template_of(u + 1);
        struct operand at = reach(m, u->a, u->imm, size, true);

        m->behind = m->wanted[m->i + 2];
        op->change(m, u + 1, op, size, at, false);
        m->skip = 2;
        return true;
    }
    fetch(m, u->d, size, false, reach(m, u->a, u->imm, size, true));
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

static void move_stack(struct maker *m, int32_t by)
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
    { SIZED_OPS(LOADW), make_load_write, 0, 0, 0, 0, NULL },
    { SIZED_OPS(STORE), make_store, 0, 0, 0, 0, NULL },
    { UOP_PUSH64, UOP_PUSH64, make_push, 0, 0, 0, 0, NULL },
    { UOP_POP64, UOP_POP64, make_pop, 0, 0, 0, 0, NULL },
    { UOP_LEA32, UOP_LEASEG, make_lea, 0, 0, 0, 0, NULL },
    { UOP_ADDRSEG, UOP_ADDRSEG, make_address, 0, 0, 0, 0, NULL },
    { 0 },
};
// clang-format on
