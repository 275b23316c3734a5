/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87-env - the control instructions of the floating-point unit, and its state in memory.
 *
 * Intel SDM volume 1, section 8.1; volume 2, FLDENV, FNSAVE and kin.
 */
#include "x87.h"
#include "svm.h"

#include <string.h>

/* ---- State ---- */

static void drive_ferr(struct cpu *cpu, bool level)
{
    if (cpu->x87.ferr == level)
        return;
    cpu->x87.ferr = level;
    if (cpu->ferr_changed)
        cpu->ferr_changed(cpu, level);
}

void x87_init(struct cpu *cpu)
{
    struct x87 *x = &cpu->x87;

    x->control = X87_CONTROL_INIT;
    x->status = x->opcode = x->cs = x->ds = 0;
    x->tag_valid = 0;
    x->ip = x->dp = 0;
    drive_ferr(cpu, false);
}

void x87_load(struct cpu *cpu, uint16_t control, uint16_t status)
{
    struct x87 *x = &cpu->x87;
    bool pending;

    x->control = (control & X87_CONTROL_BITS) | 0x40;
    pending = status & ~control & X87_EXCEPTIONS;
    x->status = (status & ~(X87_ES | X87_B)) | (pending ? X87_ES | X87_B : 0);
    drive_ferr(cpu, pending && (x->ferr || !(cpu->cr0 & CR0_NE)));
}

static unsigned tag_of(const union x87_reg *r)
{
    unsigned exponent = r->sign_exponent & 0x7fff;

    if (!exponent && !r->mantissa)
        return 1;
    return exponent == 0 || exponent == 0x7fff || !(r->mantissa >> 63) ? 2 : 0;
}

uint16_t x87_tags(const struct x87 *x)
{
    uint16_t tags = 0;

    for (unsigned i = 0; i < 8; i++)
        tags |= (x->tag_valid >> i & 1 ? tag_of(&x->r[i]) : 3) << 2 * i;
    return tags;
}

void x87_set_tags(struct x87 *x, uint16_t tags)
{
    x->tag_valid = 0;
    for (unsigned i = 0; i < 8; i++)
        if ((tags >> 2 * i & 3) != 3)
            x->tag_valid |= 1 << i;
}

/* ---- Checks ---- */

/* CR0 lets the instruction use the unit. */
static void check_there(struct cpu *cpu)
{
    if (cpu->cr0 & (CR0_EM | CR0_TS))
        cpu_fault(cpu, EXC_NM);
}

void x87_check_pending(struct cpu *cpu)
{
    if (LIKELY(!(cpu->x87.status & X87_ES)))
        return;
    if (cpu->cr0 & CR0_NE)
        cpu_fault(cpu, EXC_MF);
    svm_intercept(cpu, SVM_FERR_FREEZE, 0, 0);
    if (cpu->ferr_frozen && cpu->ferr_frozen(cpu)) {
        cpu->fault.vector = -1;
        siglongjmp(cpu->fault_exit, 1);
    }
}

void x87_check(struct cpu *cpu)
{
    check_there(cpu);
    x87_check_pending(cpu);
}

void x87_check_mmx(struct cpu *cpu)
{
    if (cpu->cr0 & CR0_EM)
        cpu_fault(cpu, EXC_UD);
    x87_check(cpu);
}

/* ---- Words ---- */

void x87_fldcw(struct cpu *cpu, const struct uop *u)
{
    x87_load(cpu, mem_read(cpu, x87_operand(cpu, u), 2), cpu->x87.status);
}

void x87_fnstcw(struct cpu *cpu, const struct uop *u)
{
    mem_write(cpu, x87_operand(cpu, u), cpu->x87.control, 2);
}

void x87_fnstsw(struct cpu *cpu, const struct uop *u)
{
    mem_write(cpu, x87_operand(cpu, u), cpu->x87.status, 2);
}

void x87_fnstsw_ax(struct cpu *cpu, const struct uop *u)
{
    check_there(cpu);
    cpu->r[RAX] = (cpu->r[RAX] & ~0xffffull) | cpu->x87.status;
}

void x87_fninit(struct cpu *cpu, const struct uop *u)
{
    check_there(cpu);
    x87_init(cpu);
}

void x87_fnclex(struct cpu *cpu, const struct uop *u)
{
    check_there(cpu);
    x87_load(cpu, cpu->x87.control, cpu->x87.status & 0x7f00);
}

/* FNENI, FNDISI, FNSETPM: of the 8087 and 80287; and before others that do not wait. */
void x87_control_nop(struct cpu *cpu, const struct uop *u)
{
    check_there(cpu);
}

/* ---- The environment: 14 or 28 bytes, pointers laid out by mode ---- */

enum { ENV_MAX = 28, STATE_MAX = ENV_MAX + 80 };

static bool is_protected(const struct cpu *cpu)
{
    return (cpu->mode & (MODE_PE | MODE_VM86)) == MODE_PE;
}

static unsigned env_bytes(const struct uop *u)
{
    return 7 * u->d;
}

static void put16(uint8_t *to, uint16_t v)
{
    memcpy(to, &v, 2);
}

static void put32(uint8_t *to, uint32_t v)
{
    memcpy(to, &v, 4);
}

static uint16_t get16(const uint8_t *from)
{
    uint16_t v;

    memcpy(&v, from, 2);
    return v;
}

static uint32_t get32(const uint8_t *from)
{
    uint32_t v;

    memcpy(&v, from, 4);
    return v;
}

/* In real and virtual-8086 mode pointers are linear addresses. */
static void env_save16(const struct cpu *cpu, uint8_t *env)
{
    const struct x87 *x = &cpu->x87;
    uint32_t ip = x->ip + x->cs * 16, dp = x->dp + x->ds * 16;

    put16(env, x->control);
    put16(env + 2, x->status);
    put16(env + 4, x87_tags(x));
    if (is_protected(cpu)) {
        put16(env + 6, x->ip);
        put16(env + 8, x->cs);
        put16(env + 10, x->dp);
        put16(env + 12, x->ds);
    } else {
        put16(env + 6, ip);
        put16(env + 8, (ip >> 4 & 0xf000) | x->opcode);
        put16(env + 10, dp);
        put16(env + 12, dp >> 4 & 0xf000);
    }
}

/* Halves of doublewords that are reserved are stored as ones, in real mode's pointers too. */
static void env_save32(const struct cpu *cpu, uint8_t *env)
{
    const struct x87 *x = &cpu->x87;
    uint32_t ip = x->ip + x->cs * 16, dp = x->dp + x->ds * 16;

    put32(env, 0xffff0000 | x->control);
    put32(env + 4, 0xffff0000 | x->status);
    put32(env + 8, 0xffff0000 | x87_tags(x));
    if (is_protected(cpu)) {
        put32(env + 12, x->ip);
        put32(env + 16, (uint32_t)x->opcode << 16 | x->cs);
        put32(env + 20, x->dp);
        put32(env + 24, 0xffff0000 | x->ds);
    } else {
        put32(env + 12, 0xffff0000 | (uint16_t)ip);
        put32(env + 16, (ip >> 16) << 12 | x->opcode);
        put32(env + 20, 0xffff0000 | (uint16_t)dp);
        put32(env + 24, (dp >> 16) << 12);
    }
}

static void env_save(const struct cpu *cpu, const struct uop *u, uint8_t *env)
{
    (u->d == 2 ? env_save16 : env_save32)(cpu, env);
}

static void env_load_pointers16(struct cpu *cpu, const uint8_t *env)
{
    struct x87 *x = &cpu->x87;

    x->ip = get16(env + 6);
    x->dp = get16(env + 10);
    if (is_protected(cpu)) {
        x->cs = get16(env + 8);
        x->ds = get16(env + 12);
        x->opcode = 0;
    } else {
        x->ip |= (uint32_t)(get16(env + 8) >> 12) << 16;
        x->dp |= (uint32_t)(get16(env + 12) >> 12) << 16;
        x->cs = x->ds = 0;
        x->opcode = get16(env + 8) & 0x7ff;
    }
}

static void env_load_pointers32(struct cpu *cpu, const uint8_t *env)
{
    struct x87 *x = &cpu->x87;

    if (is_protected(cpu)) {
        x->ip = get32(env + 12);
        x->cs = get16(env + 16);
        x->opcode = get16(env + 18) & 0x7ff;
        x->dp = get32(env + 20);
        x->ds = get16(env + 24);
    } else {
        x->ip = get16(env + 12) | (get32(env + 16) >> 12 & 0xffff) << 16;
        x->opcode = get16(env + 16) & 0x7ff;
        x->dp = get16(env + 20) | (get32(env + 24) >> 12 & 0xffff) << 16;
        x->cs = x->ds = 0;
    }
}

static void env_load(struct cpu *cpu, const struct uop *u, const uint8_t *env)
{
    unsigned s = u->d;

    (s == 2 ? env_load_pointers16 : env_load_pointers32)(cpu, env);
    if (!(u->b & SAVES_CS_DS))
        cpu->x87.cs = cpu->x87.ds = 0;
    x87_set_tags(&cpu->x87, get16(env + 2 * s));
    x87_load(cpu, get16(env), get16(env + s));
}

void x87_fnstenv(struct cpu *cpu, const struct uop *u)
{
    uint8_t env[ENV_MAX];

    check_there(cpu);
    env_save(cpu, u, env);
    mem_write_bytes(cpu, fpu_linear(cpu, u, env_bytes(u), true), env, env_bytes(u));
    x87_load(cpu, cpu->x87.control | X87_EXCEPTIONS, cpu->x87.status);
}

void x87_fldenv(struct cpu *cpu, const struct uop *u)
{
    uint8_t env[ENV_MAX];

    x87_check(cpu);
    mem_read_bytes(cpu, fpu_linear(cpu, u, env_bytes(u), false), env, env_bytes(u));
    env_load(cpu, u, env);
}

void x87_fnsave(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    unsigned bytes = env_bytes(u) + 80;
    uint8_t state[STATE_MAX], *r = state + env_bytes(u);

    check_there(cpu);
    env_save(cpu, u, state);
    for (unsigned i = 0; i < 8; i++)
        memcpy(r + 10 * i, &x->r[(x87_top(x) + i) & 7], 10);
    mem_write_bytes(cpu, fpu_linear(cpu, u, bytes, true), state, bytes);
    x87_init(cpu);
}

void x87_frstor(struct cpu *cpu, const struct uop *u)
{
    struct x87 *x = &cpu->x87;
    unsigned bytes = env_bytes(u) + 80;
    uint8_t state[STATE_MAX], *r = state + env_bytes(u);

    x87_check(cpu);
    mem_read_bytes(cpu, fpu_linear(cpu, u, bytes, false), state, bytes);
    env_load(cpu, u, state);
    for (unsigned i = 0; i < 8; i++)
        memcpy(&x->r[(x87_top(x) + i) & 7], r + 10 * i, 10);
}
