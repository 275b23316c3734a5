/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-memory - templates of loads, stores and the stack; how memory is reached.
 */
#include "jit-make.h"

_Static_assert(sizeof(struct tlb_entry) == 1 << LOG2_TLB_ENTRY, "");

/* AX, a linear address, becomes the host's of so many bytes; else the handler does it all. */
static void probe(struct maker *m, unsigned size, size_t tag)
{
    struct host_code *c = &m->c;

    host(c, H_LOAD, 4, HOST_CX, host_reg(HOST_AX));
    host_imm(c, H_SHR_I, 4, host_reg(HOST_CX), PAGE_BITS - LOG2_TLB_ENTRY);
    host_imm(c, H_AND_I, 4, host_reg(HOST_CX), (TLB_ENTRIES - 1) << LOG2_TLB_ENTRY);
    host(c, H_ADD, 8, HOST_CX, CPU(fast));
    host(c, H_LEA, 8, HOST_DX, host_mem(HOST_AX, size - 1));
    host_imm(c, H_AND_I, 8, host_reg(HOST_DX), -(1 << PAGE_BITS));
    host(c, H_CMP, 8, HOST_DX, host_mem(HOST_CX, tag));
    unless(m, CC_NZ);
    host(c, H_ADD, 8, HOST_AX, host_mem(HOST_CX, offsetof(struct tlb_entry, addend)));
}
#define TO_READ  offsetof(struct tlb_entry, read)
#define TO_WRITE offsetof(struct tlb_entry, write)

static void linear(struct maker *m, const struct uop *u)
{
    unsigned a = host_for(m, u->a / 8, true);

    if (fits(u->imm)) {
        host(&m->c, H_LEA, 8, HOST_AX, host_mem(a, u->imm));
    } else {
        host_move_imm(&m->c, HOST_AX, u->imm);
        host(&m->c, H_ADD, 8, HOST_AX, host_reg(a));
    }
}

struct operand reach(struct maker *m, uint8_t base, int64_t disp, unsigned size, bool write)
{
    linear(m, &(struct uop){ .a = base, .imm = disp });
    probe(m, size, write ? TO_WRITE : TO_READ);
    return host_mem(HOST_AX, 0);
}

/* What is at AX, of that size, becomes d: zero-extended, or (narrow) in a part of it. */
static void fetch(struct maker *m, uint8_t d, unsigned size, bool narrow)
{
    struct operand at = host_mem(HOST_AX, 0);

    if (size >= 4) {
        host(&m->c, H_LOAD, size, result(m, d), at);
    } else if (!narrow) {
        host(&m->c, size == 1 ? H_ZX8 : H_ZX16, 4, result(m, d), at);
    } else {
        host(&m->c, H_LOAD, size, HOST_DX, at);
        put(m, d, size, HOST_DX);
    }
}

TEMPLATE(load)
{
    bool write = u->op >= UOP_LOADW8 && u->op <= UOP_LOADW64;

    linear(m, u);
    probe(m, 1u << nth, write ? TO_WRITE : TO_READ);
    fetch(m, u->d, 1u << nth, u->op < UOP_LOADZ8);
    return true;
}

TEMPLATE(store)
{
    unsigned size = 1u << nth, b;

    if (!is_high(u->b))
        host_for(m, u->b / 8, true);
    linear(m, u);
    probe(m, size, TO_WRITE);
    if (is_high(u->b)) {
        host(&m->c, H_LOAD, size, b = HOST_DX, source(m, u->b));
    } else {
        b = host_for(m, u->b / 8, true);
    }
    host(&m->c, H_STORE, size, b, host_mem(HOST_AX, 0));
    return true;
}

void move_stack(struct maker *m, int32_t by)
{
    unsigned sp = changed(m, REG(RSP)).reg;

    host(&m->c, H_LEA, 8, sp, host_mem(sp, by));
}

void probe_push(struct maker *m)
{
    host(&m->c, H_LEA, 8, HOST_AX, host_mem(host_for(m, RSP, true), -8));
    probe(m, 8, TO_WRITE);
}

void probe_pop(struct maker *m)
{
    host(&m->c, H_LOAD, 8, HOST_AX, host_reg(host_for(m, RSP, true)));
    probe(m, 8, TO_READ);
}

TEMPLATE(push)
{
    unsigned b = host_for(m, u->b / 8, true);

    probe_push(m);
    host(&m->c, H_STORE, 8, b, host_mem(HOST_AX, 0));
    move_stack(m, -8);
    return true;
}

TEMPLATE(pop)
{
    probe_pop(m);
    move_stack(m, 8);
    fetch(m, u->d, 8, false);
    return true;
}

// clang-format off
const struct template memory_templates[] = {
    { SIZED_OPS(LOAD), make_load, 0, 0, 0 },
    { UOP_LOADZ8, UOP_LOADZ16, make_load, 0, 0, 0 },
    { SIZED_OPS(LOADW), make_load, 0, 0, 0 },
    { SIZED_OPS(STORE), make_store, 0, 0, 0 },
    { UOP_PUSH64, UOP_PUSH64, make_push, 0, 0, 0 },
    { UOP_POP64, UOP_POP64, make_pop, 0, 0, 0 },
    { 0 },
};
// clang-format on
