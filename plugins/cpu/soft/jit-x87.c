/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * jit-x87 - templates of floating-point instructions: the guest's own, with memory operands where
 * they are for the host.
 *
 * Intel SDM volume 1, chapter 8.  The last instruction's pointers are the guest's: they are written
 * where a run of such instructions ends or is left.
 */
#include "jit-make.h"
#include "x87.h"

/* ---- Pointers ---- */

static void tell_selector(struct maker *m, const struct uop *u, enum seg seg, struct operand to)
{
    struct operand selector = host_beyond(CPU(seg[0].selector), seg * sizeof(struct segment));

    if (u->b & SAVES_CS_DS) {
        host(&m->c, H_ZX16, 4, HOST_AX, selector);
        host(&m->c, H_STORE, 2, HOST_AX, to);
    } else {
        host_imm(&m->c, H_STORE_I, 2, to, 0);
    }
}

void x87_tell(struct maker *m, const struct x87_note *note)
{
    uint64_t rip;

    if (!note->last)
        return;
    rip = m->block->rip + note->last->off;
    if (fits(rip)) {
        host_imm(&m->c, H_STORE_I, 8, CPU(x87.ip), rip);
    } else {
        host_move_imm(&m->c, HOST_AX, rip);
        host(&m->c, H_STORE, 8, HOST_AX, CPU(x87.ip));
    }
    tell_selector(m, note->last, SEG_CS, CPU(x87.cs));
    if (note->memory)
        tell_selector(m, note->memory, fpu_seg(note->memory), CPU(x87.ds));
}

void x87_tell_all(struct maker *m)
{
    x87_tell(m, &m->note);
    m->note = (struct x87_note){ 0 };
}

/* The operand's offset goes at once: registers may change. */
static void tell_operand(struct maker *m, const struct uop *u)
{
    unsigned base = u->imm >> 32 & 31, index = u->imm >> 37 & 31, size = 1u << (u->imm >> 47 & 3);
    int64_t disp = (int32_t)u->imm;
    unsigned a, b;

    if (base == REG_NEXT) {
        host_move_imm(&m->c, HOST_AX, m->block->rip + u->off + u->len + disp);
        a = HOST_AX;
        disp = 0;
    } else {
        a = in_reg(m, REG(base), 8, HOST_AX);
    }
    b = in_reg(m, REG(index), 8, HOST_CX);
    host(&m->c, H_LEA, size, HOST_AX, host_sum(a, b, u->imm >> 42 & 3, disp));
    host(&m->c, H_STORE, 8, HOST_AX, CPU(x87.dp));
}

static void note(struct maker *m, const struct uop *u)
{
    m->note.last = u;
    if (u->a < 0xc0 && u->b & DP_ALWAYS) {
        tell_operand(m, u);
        m->note.memory = u;
    }
}

/* ---- Templates ---- */

static void on_memory(struct maker *m, const struct uop *u)
{
    struct operand at = reach(m, REG(REG_T0), 0, u->d, u->b & X87_STORES);

    host_x87_memory(&m->c, 0xd8 | (u->b & 7), u->a >> 3 & 7, at);
}

/* One that unmasks an exception is the handler's.  The word is read once. */
static void load_control(struct maker *m, const struct uop *u)
{
    struct operand at = reach(m, REG(REG_T0), 0, 2, false);

    flags_clobber(m);
    host(&m->c, H_ZX16, 4, HOST_CX, at);
    host(&m->c, H_LOAD, 4, HOST_AX, host_reg(HOST_CX));
    host(&m->c, H_NOT, 4, 0, host_reg(HOST_AX));
    host_imm(&m->c, H_TEST_I, 1, host_reg(HOST_AX), X87_EXCEPTIONS);
    unless(m, CC_NZ);
    host_imm(&m->c, H_AND_I, 4, host_reg(HOST_CX), X87_CONTROL_BITS);
    host_imm(&m->c, H_OR_I, 4, host_reg(HOST_CX), 0x40);
    host(&m->c, H_STORE, 2, HOST_CX, CPU(x87.control));
    host(&m->c, H_FLDCW, 4, 0, CPU(x87.control));
}

TEMPLATE(x87)
{
    unit_require(m, LOADED_X87);
    if (u->call == x87_fldcw) {
        load_control(m, u);
    } else if (u->a < 0xc0) {
        on_memory(m, u);
    } else {
        host_x87(&m->c, 0xd8 | (u->b & 7), u->a);
        if (u->call == x87_fnstsw_ax)
            put(m, REG(RAX), 2, HOST_AX);
    }
    if (!(u->b & X87_CONTROLS))
        note(m, u);
    if (u->op == UOP_X87_FLAGS)
        flags_set(m, F_ARITH);
    return true;
}

/* FCMOVcc: CF takes the place of the condition. */
TEMPLATE(cond)
{
    static const uint8_t cc[] = { 2, 4, 6, 10 }; /* B, E, BE, U as of Jcc */
    unsigned which = cc[u->a >> 3 & 3] | (u->b & 1);

    unit_require(m, LOADED_X87);
    host_cc(&m->c, H_SETCC, condition(m, which), 0, host_reg(HOST_CX));
    flags_clobber(m);
    host(&m->c, H_NEG, 1, 0, host_reg(HOST_CX));
    host_x87(&m->c, 0xda, 0xc0 | (u->a & 7)); /* fcmovb */
    note(m, u);
    return true;
}

// clang-format off
const struct template x87_templates[] = {
    { UOP_X87, UOP_X87_FLAGS, make_x87, 0, 0, 0, FOLD_NONE, NULL },
    { UOP_X87_COND, UOP_X87_COND, make_cond, 0, 0, 0, FOLD_NONE, NULL },
    { 0 },
};
// clang-format on
