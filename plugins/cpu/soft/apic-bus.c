/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * apic-bus - interrupt messages: who is meant, and how a local APIC takes them; local interrupts.
 *
 * Intel SDM volume 3, sections 11.6 (interrupt command register, destinations), 11.5 (local
 * interrupts), 11.11 (message-signalled interrupts), 11.12.10 (logical x2APIC ids).  Runs in any
 * thread.
 */
#include "apic-bus.h"

#include "soft.h"

struct message {
    uint32_t dest;
    bool logical, broadcast;
    bool level;
    uint8_t mode, vector; /* mode: SEND_* */
    const struct apic *except;
};

static struct apic *apic_of(struct soft *soft, unsigned index)
{
    struct cpu *cpu = __atomic_load_n(&soft->cpus[index], __ATOMIC_ACQUIRE);

    return cpu ? cpu->apic : NULL;
}

static uint64_t base_of(const struct apic *a)
{
    return __atomic_load_n(&a->cpu->msr.apic_base, __ATOMIC_RELAXED);
}

static bool takes_vectors(const struct apic *a)
{
    return base_of(a) & APIC_EN && __atomic_load_n(&a->svr, __ATOMIC_RELAXED) & SVR_ENABLE;
}

/* ---- Taking one ---- */

void apic_error(struct apic *a, uint32_t bit)
{
    if (!(__atomic_fetch_or(&a->errors, bit, __ATOMIC_RELAXED) & bit))
        apic_lvt(a, LVT_ERROR);
}

static bool take_vector(struct apic *a, unsigned vector, bool level)
{
    uint32_t bit = 1u << vector % 32;

    if (!takes_vectors(a))
        return false;
    if (vector < 16) {
        apic_error(a, ERROR_GOT_VECTOR);
        return false;
    }
    if (level)
        __atomic_fetch_or(&a->tmr[vector / 32], bit, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&a->tmr[vector / 32], ~bit, __ATOMIC_RELAXED);
    __atomic_fetch_or(&a->irr[vector / 32], bit, __ATOMIC_RELEASE);
    cpu_want(a->cpu, WANT_APIC);
    return true;
}

/* A SIPI that came before this INIT is void; one that follows is kept until the INIT has been
 * taken. */
static void take_init(struct apic *a)
{
    __atomic_store_n(&a->sipi, 0, __ATOMIC_SEQ_CST);
    cpu_want(a->cpu, WANT_INIT);
}

/* Of several, the first counts. */
static void take_sipi(struct apic *a, unsigned vector)
{
    uint32_t none = 0;

    __atomic_compare_exchange_n(&a->sipi, &none, 0x100 | vector, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    cpu_want(a->cpu, WANT_SIPI);
}

static bool take(struct apic *a, unsigned mode, unsigned vector, bool level)
{
    switch (mode) {
    case SEND_FIXED:
    case SEND_LOWEST: return take_vector(a, vector, level);
    case SEND_SMI: cpu_want(a->cpu, WANT_SMI); return true;
    case SEND_NMI: cpu_want(a->cpu, WANT_NMI); return true;
    case SEND_INIT: take_init(a); return true;
    case SEND_SIPI: take_sipi(a, vector); return true;
    case SEND_EXTINT:
        __atomic_store_n(&a->extint, 1, __ATOMIC_RELEASE);
        cpu_want(a->cpu, WANT_INTR);
        return true;
    default: return false;
    }
}

/* ---- Who is meant ---- */

/* Logical addresses: x2APIC's follow from the id; xAPIC's are a set of bits, or a cluster and a
 * set. */
static bool matches_logical(const struct apic *a, uint32_t dest)
{
    uint32_t ldr = __atomic_load_n(&a->ldr, __ATOMIC_RELAXED) >> 24;

    if (base_of(a) & APIC_EXTD)
        return dest >> 16 == a->id >> 4 && dest >> (a->id & 15) & 1;
    if (dest > 0xff)
        return false;
    if (__atomic_load_n(&a->dfr, __ATOMIC_RELAXED) >> 28 == 0xf)
        return ldr & dest;
    return ldr >> 4 == dest >> 4 && ldr & dest & 0xf;
}

static bool matches(const struct apic *a, const struct message *m)
{
    uint64_t base = base_of(a);

    if (a == m->except || !(base & APIC_EN))
        return false;
    if (m->broadcast)
        return true;
    if (m->logical)
        return matches_logical(a, m->dest);
    return m->dest == (base & APIC_EXTD ? a->id : a->id & 0xff);
}

/* The one of lowest priority takes it; of equals, each in its turn. */
static bool route_lowest(struct soft *soft, const struct message *m)
{
    unsigned n = __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE);
    unsigned first = __atomic_fetch_add(&soft->turn, 1, __ATOMIC_RELAXED);
    struct apic *best = NULL;
    uint32_t lowest = UINT32_MAX;

    for (unsigned i = 0; i < n; i++) {
        struct apic *a = apic_of(soft, (first + i) % n);
        uint32_t ppr = a ? __atomic_load_n(&a->ppr, __ATOMIC_RELAXED) : 0;

        if (a && ppr < lowest && matches(a, m) && takes_vectors(a)) {
            best = a;
            lowest = ppr;
        }
    }
    return best && take(best, m->mode, m->vector, m->level);
}

/* True if any processor took it. */
static bool route(struct soft *soft, const struct message *m)
{
    unsigned n = __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE);
    bool taken = false;

    if (m->mode == SEND_LOWEST)
        return route_lowest(soft, m);
    for (unsigned i = 0; i < n; i++) {
        struct apic *a = apic_of(soft, i);

        if (a && matches(a, m))
            taken |= take(a, m->mode, m->vector, m->level);
    }
    return taken;
}

/* ---- Sending ---- */

enum { ICR_LOGICAL = 1 << 11, ICR_ASSERT = 1 << 14, ICR_LEVEL = 1 << 15 };
enum { TO_DEST, TO_SELF, TO_ALL, TO_OTHERS }; /* shorthands */

/* Interrupts between processors are edges, whatever the trigger mode says. */
void apic_send(struct apic *a, uint32_t icr, uint32_t dest)
{
    unsigned shorthand = icr >> 18 & 3;
    uint32_t everybody = base_of(a) & APIC_EXTD ? UINT32_MAX : 0xff;
    struct message m = {
        .dest = dest,
        .logical = icr & ICR_LOGICAL,
        .broadcast = shorthand >= TO_ALL || dest == everybody,
        .mode = icr >> 8 & 7,
        .vector = icr,
        .except = shorthand == TO_OTHERS ? a : NULL,
    };

    if (m.mode == SEND_INIT && (icr & (ICR_ASSERT | ICR_LEVEL)) == ICR_LEVEL)
        return; /* the end of an INIT: of no effect since the Pentium 4 */
    if (m.mode <= SEND_LOWEST && m.vector < 16)
        apic_error(a, ERROR_SENT_VECTOR);
    else if (m.mode == SEND_EXTINT)
        return;
    else if (shorthand == TO_SELF)
        take(a, m.mode, m.vector, false);
    else
        route(a->cpu->soft, &m);
}

/* Address: FEEh, destination in 19:12 (and, beyond 8 bits, in 63:40), lowest priority 3, logical 2.
 * Data: vector, delivery mode 10:8, asserted 14, level 15. */
bool apic_message(struct soft *soft, uint64_t addr, uint32_t data)
{
    const uint32_t redirect = 8, logical = 4;
    uint32_t dest = (addr >> 12 & 0xff) | (addr >> 32 & 0xffffff00);
    struct message m = {
        .dest = dest,
        .logical = addr & logical,
        .broadcast = dest == 0xff || dest == UINT32_MAX,
        .level = data & ICR_LEVEL,
        .mode = data >> 8 & 7,
        .vector = data,
    };

    if ((addr & 0xfff00000) != 0xfee00000)
        return false;
    if (addr & redirect && m.mode == SEND_FIXED)
        m.mode = SEND_LOWEST;
    return route(soft, &m);
}

/* ---- Local interrupts ---- */

void apic_lvt(struct apic *a, enum apic_lvt which)
{
    uint32_t lvt = __atomic_load_n(&a->lvt[which], __ATOMIC_SEQ_CST);
    bool has_mode = which != LVT_TIMER && which != LVT_ERROR;
    unsigned mode = has_mode ? lvt >> 8 & 7 : SEND_FIXED;
    bool level = mode == SEND_FIXED && which == LVT_LINT0 && lvt & ICR_LEVEL;

    if (lvt & LVT_MASKED || mode == SEND_LOWEST || mode == SEND_SIPI)
        return;
    if (level &&
        __atomic_fetch_or(&a->lvt[which], LVT_REMOTE_IRR, __ATOMIC_SEQ_CST) & LVT_REMOTE_IRR)
        return;
    if (mode == SEND_EXTINT)
        cpu_want(a->cpu, WANT_INTR); /* apic_next() sees the 8259's output itself */
    else
        take(a, mode, lvt & 0xff, level);
}

void apic_lint_eoi(struct apic *a, unsigned vector)
{
    uint32_t lvt = a->lvt[LVT_LINT0];

    if (!(lvt & LVT_REMOTE_IRR) || (lvt & 0xff) != vector)
        return;
    __atomic_fetch_and(&a->lvt[LVT_LINT0], ~LVT_REMOTE_IRR, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&a->cpu->soft->intr, __ATOMIC_ACQUIRE))
        apic_lvt(a, LVT_LINT0);
}

void apic_line(struct soft *soft, bool level)
{
    bool was = __atomic_exchange_n(&soft->intr, level, __ATOMIC_SEQ_CST);
    unsigned n = __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE);

    if (!level || was)
        return;
    for (unsigned i = 0; i < n; i++) {
        struct apic *a = apic_of(soft, i);

        if (a && base_of(a) & APIC_EN)
            apic_lvt(a, LVT_LINT0);
        else if (a)
            cpu_want(a->cpu, WANT_INTR);
    }
}

void apic_nmi(struct cpu *cpu)
{
    if (apic_enabled(cpu))
        apic_lvt(cpu->apic, LVT_LINT1);
    else
        cpu_want(cpu, WANT_NMI);
}
