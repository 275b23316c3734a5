/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * apic - the local APIC: registers, priorities, timer.  apic-bus.c has the messages.
 *
 * Intel SDM volume 3, chapter 11: tables 11-1 (register addresses), 11-6 (MSRs of x2APIC), figures
 * 11-5 (MSR 1Bh), 11-8 (LVT), 11-10 and 11-11 (timer), 11-12 (ICR), sections 11.8 (priorities)
 * and 11.12 (x2APIC, its states in figure 11-27).  The timer's clock runs at 1 GHz, so that it
 * counts nanoseconds.
 */
#include "apic-bus.h"

#include <stddef.h>
#include <string.h>

#include "soft.h"

/* ---- Registers, by address / 16 ---- */

enum {
    ID = 0x02,
    VERSION = 0x03,
    TPR = 0x08,
    PPR = 0x0a,
    EOI = 0x0b,
    LDR = 0x0d,
    DFR = 0x0e,
    SVR = 0x0f,
    ISR = 0x10,
    TMR = 0x18,
    IRR = 0x20,
    ESR = 0x28,
    ICR = 0x30,
    ICR_HIGH = 0x31,
    LVT = 0x32,
    INITIAL = 0x38,
    CURRENT = 0x39,
    DIVIDE = 0x3e,
    SELF_IPI = 0x3f,
    N_REGISTERS = 0x40
};

/* How a register can be had: in memory (xAPIC), as an MSR (x2APIC). */
enum {
    MEM_R = 1,
    MEM_W = 2,
    MSR_R = 4,
    MSR_W = 8,
    R = MEM_R | MSR_R,
    W = MEM_W | MSR_W,
    RW = R | W
};

#define DELIVERY (7 << 8)
enum { LVT_STATUS = 1 << 12, LVT_POLARITY = 1 << 13, LVT_LEVEL = 1 << 15 };

struct apic_reg {
    uint8_t access;
    uint32_t bits;    /* that a write changes */
    uint32_t ignored; /* that a write may have set to no effect; others are reserved */
};
// clang-format off
static const struct apic_reg registers[N_REGISTERS] = {
    [ID]              = { .access = R },
    [VERSION]         = { .access = R },
    [TPR]             = { .access = RW, .bits = 0xff },
    [PPR]             = { .access = R },
    [EOI]             = { .access = W },
    [LDR]             = { .access = RW & ~MSR_W, .bits = 0xff000000 },
    [DFR]             = { .access = MEM_R | MEM_W, .bits = 0xf0000000 },
    [SVR]             = { .access = RW, .bits = 0x1ff, .ignored = 0x200 },
    [ISR ... ISR + 7] = { .access = R },
    [TMR ... TMR + 7] = { .access = R },
    [IRR ... IRR + 7] = { .access = R },
    [ESR]             = { .access = RW },
    [ICR]             = { .access = RW, .bits = 0xccfff, .ignored = 0x1000 },
    [ICR_HIGH]        = { .access = MEM_R | MEM_W, .bits = 0xff000000 },
    [LVT + LVT_TIMER]   = { .access = RW, .bits = 0x700ff, .ignored = LVT_STATUS },
    [LVT + LVT_THERMAL] = { .access = RW, .bits = 0x100ff | DELIVERY, .ignored = LVT_STATUS },
    [LVT + LVT_PERF]    = { .access = RW, .bits = 0x100ff | DELIVERY, .ignored = LVT_STATUS },
    [LVT + LVT_LINT0]   = { .access = RW, .bits = 0x100ff | DELIVERY | LVT_POLARITY | LVT_LEVEL,
                            .ignored = LVT_STATUS | LVT_REMOTE_IRR },
    [LVT + LVT_LINT1]   = { .access = RW, .bits = 0x100ff | DELIVERY | LVT_POLARITY | LVT_LEVEL,
                            .ignored = LVT_STATUS | LVT_REMOTE_IRR },
    [LVT + LVT_ERROR]   = { .access = RW, .bits = 0x100ff, .ignored = LVT_STATUS },
    [INITIAL]         = { .access = RW, .bits = ~0u },
    [CURRENT]         = { .access = R },
    [DIVIDE]          = { .access = RW, .bits = 0xb },
    [SELF_IPI]        = { .access = MSR_W, .bits = 0xff },
};
// clang-format on

enum { APIC_VERSION = (N_LVTS - 1) << 16 | 0x14 };
enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

static bool has_deadline(const struct cpu *cpu)
{
    return cpu_has(cpu, 1, 0, 2, 24);
}

static uint64_t now(const struct apic *a)
{
    return a->cpu->host->now(a->cpu->info->host);
}

/* ---- Priorities ---- */

/* The highest vector of a set of 256; -1 if it is empty. */
static int highest(const uint32_t set[8])
{
    for (int i = 7; i >= 0; i--) {
        uint32_t word = __atomic_load_n(&set[i], __ATOMIC_ACQUIRE);

        if (word)
            return i * 32 + 31 - __builtin_clz(word);
    }
    return -1;
}

/* To be called when TPR or ISR have changed: what they held back may be deliverable now. */
static void update_ppr(struct apic *a)
{
    int served = highest(a->isr);
    uint32_t ppr = served >= 0 && (served >> 4) > (int)(a->tpr >> 4) ? served & 0xf0 : a->tpr;

    __atomic_store_n(&a->ppr, ppr, __ATOMIC_RELAXED);
    if (highest(a->irr) >= 0)
        cpu_want(a->cpu, WANT_APIC);
}

static void set_tpr(struct apic *a, uint32_t value)
{
    __atomic_store_n(&a->tpr, value, __ATOMIC_RELAXED);
    update_ppr(a);
}

unsigned apic_cr8(const struct cpu *cpu)
{
    return cpu->apic->tpr >> 4;
}

void apic_set_cr8(struct cpu *cpu, unsigned value)
{
    set_tpr(cpu->apic, value << 4);
}

/* Whether the 8259 is to be asked: its output goes to LINT0, or past a disabled APIC. */
static bool wants_8259(const struct apic *a)
{
    const uint32_t bits = DELIVERY | LVT_MASKED;

    if (__atomic_load_n(&a->extint, __ATOMIC_ACQUIRE))
        return true;
    if (!__atomic_load_n(&a->cpu->soft->intr, __ATOMIC_ACQUIRE))
        return false;
    return !apic_enabled(a->cpu) || (a->lvt[LVT_LINT0] & bits) == SEND_EXTINT << 8;
}

int apic_next(const struct apic *a)
{
    int vector;

    if (wants_8259(a))
        return APIC_ASK_8259;
    if (!apic_enabled(a->cpu))
        return APIC_NONE;
    vector = highest(a->irr);
    return vector >= 0 && vector >> 4 > (int)(a->ppr >> 4) ? vector : APIC_NONE;
}

int apic_take(struct apic *a, int next)
{
    if (next == APIC_ASK_8259) {
        __atomic_store_n(&a->extint, 0, __ATOMIC_RELAXED);
        return a->cpu->host->acknowledge(a->cpu->info->host);
    }
    __atomic_fetch_and(&a->irr[next / 32], ~(1u << next % 32), __ATOMIC_RELAXED);
    a->isr[next / 32] |= 1u << next % 32;
    update_ppr(a);
    return next;
}

static void end_of_interrupt(struct apic *a)
{
    int vector = highest(a->isr);

    if (vector < 0)
        return;
    a->isr[vector / 32] &= ~(1u << vector % 32);
    update_ppr(a);
    if (__atomic_load_n(&a->tmr[vector / 32], __ATOMIC_RELAXED) >> vector % 32 & 1) {
        apic_lint_eoi(a, vector);
        a->cpu->host->eoi(a->cpu->info->host, vector);
    }
}

/* ---- The timer ---- */

static unsigned timer_mode(const struct apic *a)
{
    return a->lvt[LVT_TIMER] >> 17 & 3;
}

/* The clock is divided by two to this: 1 for 0, up to 7 for 6, and 0 for 7. */
static unsigned divide_shift(const struct apic *a)
{
    return ((a->divide & 3) + (a->divide >> 1 & 4) + 1) & 7;
}

static uint64_t period(const struct apic *a)
{
    return (uint64_t)a->initial << divide_shift(a);
}

static uint32_t current_count(const struct apic *a, uint64_t t)
{
    uint64_t gone = (t - a->count_from) >> divide_shift(a);

    if (!a->initial || a->run_down || timer_mode(a) >= TIMER_DEADLINE)
        return 0;
    if (timer_mode(a) == TIMER_PERIODIC)
        return a->initial - gone % a->initial;
    return gone < a->initial ? a->initial - gone : 0;
}

/* When the timer fires next; one that has fired before t does not fire again. */
static uint64_t next_deadline(const struct apic *a, uint64_t t)
{
    bool masked = a->lvt[LVT_TIMER] & LVT_MASKED;

    switch (timer_mode(a)) {
    case TIMER_ONE_SHOT:
        return a->initial && a->count_from + period(a) > t ? a->count_from + period(a) : UINT64_MAX;
    case TIMER_PERIODIC:
        if (!a->initial || a->run_down || masked)
            return UINT64_MAX;
        return t + period(a) - (t - a->count_from) % period(a);
    case TIMER_DEADLINE:
        return a->tsc_deadline ? cpu_tsc_time(a->cpu, a->tsc_deadline) : UINT64_MAX;
    default: return UINT64_MAX;
    }
}

static void fire_if_due(struct apic *a, uint64_t t)
{
    if (t < a->deadline)
        return;
    if (timer_mode(a) == TIMER_DEADLINE)
        a->tsc_deadline = 0;
    a->deadline = next_deadline(a, t);
    apic_lvt(a, LVT_TIMER);
}

static void restart(struct apic *a, uint64_t t)
{
    a->deadline = next_deadline(a, t);
    fire_if_due(a, t);
    alarm_set(a->cpu, a->deadline);
}

void apic_tick(struct apic *a)
{
    fire_if_due(a, now(a));
    alarm_set(a->cpu, a->deadline);
}

void apic_tsc_changed(struct apic *a)
{
    if (timer_mode(a) == TIMER_DEADLINE)
        restart(a, now(a));
}

static void set_initial(struct apic *a, uint32_t value)
{
    uint64_t t = now(a);

    if (timer_mode(a) == TIMER_DEADLINE)
        return;
    a->initial = value;
    a->run_down = false;
    a->count_from = t;
    restart(a, t);
}

/* The count is so far at t. */
static void set_count(struct apic *a, uint64_t t, uint32_t count)
{
    a->count_from = t - ((uint64_t)(a->initial - count) << divide_shift(a));
    restart(a, t);
}

/* A count under way goes on from where it is. */
static void set_divide(struct apic *a, uint32_t value)
{
    uint64_t t = now(a);
    uint32_t count;

    fire_if_due(a, t);
    count = current_count(a, t);
    a->divide = value;
    set_count(a, t, count);
}

static void set_lvt_timer(struct apic *a, uint32_t value)
{
    uint64_t t = now(a);
    uint32_t count;

    fire_if_due(a, t);
    count = current_count(a, t);
    a->run_down = count == 0;                    /* and no other mode starts it again */
    if (((value ^ a->lvt[LVT_TIMER]) >> 18 & 1)) /* to or from the TSC deadline: disarmed */
        a->initial = a->tsc_deadline = 0;
    __atomic_store_n(&a->lvt[LVT_TIMER], value, __ATOMIC_RELAXED);
    set_count(a, t, count);
}

static void set_tsc_deadline(struct apic *a, uint64_t value)
{
    if (timer_mode(a) != TIMER_DEADLINE)
        return;
    a->tsc_deadline = value;
    restart(a, now(a));
}

static uint64_t tsc_deadline(struct apic *a)
{
    fire_if_due(a, now(a));
    return a->tsc_deadline;
}

/* ---- Reading and writing a register ---- */

static uint32_t x2_ldr(const struct apic *a)
{
    return (a->id >> 4) << 16 | 1u << (a->id & 15);
}

static uint32_t get(struct apic *a, unsigned reg)
{
    bool x2 = apic_is_x2(a->cpu);

    switch (reg) {
    case ID: return x2 ? a->id : a->id << 24;
    case VERSION: return APIC_VERSION;
    case TPR: return a->tpr;
    case PPR: return a->ppr;
    case LDR: return x2 ? x2_ldr(a) : a->ldr;
    case DFR: return a->dfr;
    case SVR: return a->svr;
    case ISR ... ISR + 7: return a->isr[reg - ISR];
    case TMR ... TMR + 7: return __atomic_load_n(&a->tmr[reg - TMR], __ATOMIC_RELAXED);
    case IRR ... IRR + 7: return __atomic_load_n(&a->irr[reg - IRR], __ATOMIC_ACQUIRE);
    case ESR: return a->esr;
    case ICR: return a->icr[0];
    case ICR_HIGH: return a->icr[1];
    case LVT ... LVT + N_LVTS - 1: return __atomic_load_n(&a->lvt[reg - LVT], __ATOMIC_RELAXED);
    case INITIAL: return a->initial;
    case CURRENT: return current_count(a, now(a));
    case DIVIDE: return a->divide;
    default: return 0;
    }
}

/* Disabled by software: its local interrupts are masked, and no message is taken. */
static void set_svr(struct apic *a, uint32_t value)
{
    __atomic_store_n(&a->svr, value, __ATOMIC_RELAXED);
    if (value & SVR_ENABLE)
        return;
    for (unsigned i = 0; i < N_LVTS; i++)
        __atomic_fetch_or(&a->lvt[i], LVT_MASKED, __ATOMIC_RELAXED);
}

static void set_lvt(struct apic *a, enum apic_lvt which, uint32_t value)
{
    uint32_t kept = a->lvt[which] & LVT_REMOTE_IRR;

    if (!(a->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    if (which == LVT_TIMER)
        set_lvt_timer(a, value);
    else
        __atomic_store_n(&a->lvt[which], value | (value & LVT_LEVEL ? kept : 0), __ATOMIC_SEQ_CST);
    if (which == LVT_LINT0)
        cpu_want(a->cpu, WANT_INTR); /* the 8259 may be waiting */
}

static void set(struct apic *a, unsigned reg, uint32_t value)
{
    switch (reg) {
    case TPR: set_tpr(a, value); break;
    case EOI: end_of_interrupt(a); break;
    case LDR: __atomic_store_n(&a->ldr, value, __ATOMIC_RELAXED); break;
    case DFR: __atomic_store_n(&a->dfr, value | 0x0fffffff, __ATOMIC_RELAXED); break;
    case SVR: set_svr(a, value); break;
    case ESR: a->esr = __atomic_exchange_n(&a->errors, 0, __ATOMIC_RELAXED); break;
    case ICR:
        a->icr[0] = value;
        apic_send(a, value, apic_is_x2(a->cpu) ? a->icr[1] : a->icr[1] >> 24);
        break;
    case ICR_HIGH: a->icr[1] = value; break;
    case LVT ... LVT + N_LVTS - 1: set_lvt(a, reg - LVT, value); break;
    case INITIAL: set_initial(a, value); break;
    case DIVIDE: set_divide(a, value); break;
    case SELF_IPI: apic_send(a, 1 << 18 | value, 0); break;
    }
}

/* ---- As memory ---- */

/* Registers are 32 bits wide, 16 bytes apart; what lies between them reads as zero. */
uint64_t apic_read(struct cpu *cpu, unsigned offset, unsigned size)
{
    unsigned reg = offset >> 4, byte = offset & 15;
    uint64_t value;

    if (reg >= N_REGISTERS || !(registers[reg].access & MEM_R)) {
        apic_error(cpu->apic, ERROR_ADDRESS);
        return 0;
    }
    value = byte < 4 ? (uint64_t)get(cpu->apic, reg) >> byte * 8 : 0;
    return size < 8 ? value & ((1ull << size * 8) - 1) : value;
}

void apic_show(struct apic *a, uint32_t regs[64])
{
    for (unsigned reg = 0; reg < 64; reg++)
        regs[reg] = reg < N_REGISTERS && registers[reg].access & MEM_R ? get(a, reg) : 0;
}

/* Only whole registers can be written. */
void apic_write(struct cpu *cpu, unsigned offset, uint64_t value, unsigned size)
{
    unsigned reg = offset >> 4;

    if (reg >= N_REGISTERS || !(registers[reg].access & MEM_W))
        apic_error(cpu->apic, ERROR_ADDRESS);
    else if (!(offset & 15) && size >= 4)
        set(cpu->apic, reg, value & registers[reg].bits);
}

/* ---- As MSRs ---- */

static bool x2_read(struct cpu *cpu, unsigned reg, uint64_t *value)
{
    if (!apic_is_x2(cpu) || reg >= N_REGISTERS || !(registers[reg].access & MSR_R))
        return false;
    *value = get(cpu->apic, reg);
    if (reg == ICR)
        *value |= (uint64_t)cpu->apic->icr[1] << 32;
    return true;
}

static bool x2_write(struct cpu *cpu, unsigned reg, uint64_t value)
{
    const struct apic_reg *r = reg < N_REGISTERS ? &registers[reg] : NULL;
    uint64_t valid;

    if (!apic_is_x2(cpu) || !r || !(r->access & MSR_W))
        return false;
    valid = r->bits | r->ignored;
    if (reg == ICR)
        valid |= 0xffffffff00000000;
    if (reg == LVT + LVT_TIMER && !has_deadline(cpu))
        valid &= ~(1ull << 18);
    if (value & ~valid)
        return false;
    if (reg == ICR)
        cpu->apic->icr[1] = value >> 32;
    set(cpu->apic, reg, value & r->bits);
    return true;
}

/*
 * The states of MSR 1Bh: disabled, xAPIC, x2APIC.  From disabled only to xAPIC, from x2APIC only to
 * disabled; x2APIC without enable is no state.  Being disabled forgets everything.
 */
static bool base_write(struct cpu *cpu, uint64_t value)
{
    const uint64_t known = APIC_BSP | APIC_EN | (cpu_has(cpu, 1, 0, 2, 21) ? APIC_EXTD : 0) |
                           (((1ull << cpu->info->phys_bits) - 1) & ~0xfffull);
    uint64_t from = cpu->msr.apic_base & (APIC_EN | APIC_EXTD);
    uint64_t to = value & (APIC_EN | APIC_EXTD);

    if (value & ~known || to == APIC_EXTD || (from == 0 && to == (APIC_EN | APIC_EXTD)) ||
        (from & APIC_EXTD && to == APIC_EN))
        return false;
    __atomic_store_n(&cpu->msr.apic_base, value, __ATOMIC_RELAXED);
    if (from & APIC_EN && !to)
        apic_reset(cpu->apic);
    if (to & ~from & APIC_EXTD)
        cpu->apic->icr[1] = 0;
    tlb_flush(cpu, true);
    cpu_want(cpu, WANT_INTR);
    return true;
}

bool apic_msr_read(struct cpu *cpu, uint32_t msr, uint64_t *value)
{
    if (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x100)
        return x2_read(cpu, msr - MSR_X2APIC, value);
    if (msr == MSR_APIC_BASE)
        *value = cpu->msr.apic_base;
    else if (msr == MSR_TSC_DEADLINE && has_deadline(cpu))
        *value = tsc_deadline(cpu->apic);
    else
        return false;
    return true;
}

bool apic_msr_write(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    if (msr >= MSR_X2APIC && msr < MSR_X2APIC + 0x100)
        return x2_write(cpu, msr - MSR_X2APIC, value);
    if (msr == MSR_APIC_BASE)
        return base_write(cpu, value);
    if (msr != MSR_TSC_DEADLINE || !has_deadline(cpu))
        return false;
    set_tsc_deadline(cpu->apic, value);
    return true;
}

/* ---- Reset ---- */

/* All but what comes before tpr: a SIPI may be under way behind the INIT that leads here. */
void apic_reset(struct apic *a)
{
    memset(&a->tpr, 0, sizeof(*a) - offsetof(struct apic, tpr));
    a->dfr = ~0u;
    a->svr = 0xff;
    a->deadline = UINT64_MAX;
    for (unsigned i = 0; i < N_LVTS; i++)
        a->lvt[i] = LVT_MASKED;
    alarm_set(a->cpu, UINT64_MAX);
}
