/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * qtest - the accelerator of device tests: processors that never run, guest time that moves by
 * hand, and whatever the board's interrupt controllers tell them; or, with kernel-irqchip=on,
 * controllers that only remember their inputs.
 */

#include "cpu/qtest.h"

#include <errno.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "cpu/state.h"
#include "loop/loop.h"
#include "machine/machine.h"

struct qtest {
    bool level[N_GSIS]; /* atomic, as the counts */
    unsigned edges[N_GSIS];
    bool intr; /* board lock */
    struct qtest_msi msis[QTEST_MSIS];
    unsigned n_msis;
    bool refuse;
};

bool qtest_level(const struct accel *accel, unsigned gsi)
{
    const struct qtest *qtest = accel->state;

    return __atomic_load_n(&qtest->level[gsi], __ATOMIC_RELAXED);
}

unsigned qtest_edges(const struct accel *accel, unsigned gsi)
{
    const struct qtest *qtest = accel->state;

    return __atomic_load_n(&qtest->edges[gsi], __ATOMIC_RELAXED);
}

bool qtest_intr(const struct accel *accel)
{
    return ((const struct qtest *)accel->state)->intr;
}

bool qtest_take_msi(struct accel *accel, struct qtest_msi *msi)
{
    struct qtest *qtest = accel->state;

    if (!qtest->n_msis)
        return false;
    *msi = qtest->msis[0];
    qtest->n_msis--;
    memmove(qtest->msis, qtest->msis + 1, qtest->n_msis * sizeof(*msi));
    return true;
}

void qtest_refuse_msis(struct accel *accel, bool refuse)
{
    ((struct qtest *)accel->state)->refuse = refuse;
}

static int qtest_open(struct accel *accel, struct machine *m, const struct config_group *options,
                      bool quiet)
{
    accel->state = g_new0(struct qtest, 1);
    return 0;
}

static void qtest_close(struct accel *accel)
{
    g_free(accel->state);
}

static int qtest_board(struct accel *accel)
{
    loop_manual_time(accel->machine->loop, NULL, NULL);
    return 0;
}

/* No processor runs, so none lacks anything: every feature is there. */
static int qtest_cpuid(struct accel *accel, struct cpuid_entry **entries, unsigned *n)
{
#define ALL ~0u, ~0u, ~0u, ~0u
    static const struct cpuid_entry all[] = {
        { 0, 0, 0, 0x1f, 0, 0, 0, { 0 } },
        { 1, 0, 0, ALL, { 0 } },
        { 6, 0, 0, ALL, { 0 } },
        { 7, 0, CPUID_INDEXED, 1, ~0u, ~0u, ~0u, { 0 } },
        { 7, 1, CPUID_INDEXED, ALL, { 0 } },
        { 0xd, 1, CPUID_INDEXED, ALL, { 0 } },
        { 0x80000000, 0, 0, 0x8000001f, 0, 0, 0, { 0 } },
        { 0x80000001, 0, 0, ALL, { 0 } },
        { 0x80000007, 0, 0, ALL, { 0 } },
        { 0x80000008, 0, 0, 0x3028, ~0u, 0, 0, { 0 } },
        { 0x8000000a, 0, 0, 1, 16, 0, ~0u, { 0 } },
    };
#undef ALL

    *n = G_N_ELEMENTS(all);
    *entries = g_memdup2(all, sizeof(all));
    return 0;
}

static void qtest_gsi(struct accel *accel, unsigned gsi, bool level)
{
    struct qtest *qtest = accel->state;

    if (__atomic_exchange_n(&qtest->level[gsi], level, __ATOMIC_RELAXED) < level)
        __atomic_fetch_add(&qtest->edges[gsi], 1, __ATOMIC_RELAXED);
}

static void qtest_set_intr(struct accel *accel, bool level)
{
    ((struct qtest *)accel->state)->intr = level;
}

/* The youngest are lost when nobody takes them. */
static bool qtest_msi(struct accel *accel, uint64_t addr, uint32_t data)
{
    struct qtest *qtest = accel->state;

    if (qtest->refuse)
        return false;
    if (qtest->n_msis < QTEST_MSIS)
        qtest->msis[qtest->n_msis++] = (struct qtest_msi){ addr, data };
    return true;
}

static int qtest_irqfd(struct accel *accel, unsigned gsi, int fd, bool add)
{
    return -ENOTSUP;
}

/* ---- A processor is a thread that waits to be kicked, and registers that nobody uses ---- */

struct qtest_vcpu {
    sem_t kicked;
    struct tenon_x86_state registers;
};

static int qtest_vcpu_create(struct vcpu *cpu)
{
    struct qtest_vcpu *v = aligned_alloc(64, sizeof(*v));

    if (!v)
        return -ENOMEM;
    sem_init(&v->kicked, 0, 0);
    state_from_start(&v->registers, NULL, 0);
    cpu->state = v;
    return 0;
}

static void qtest_vcpu_destroy(struct vcpu *cpu)
{
    struct qtest_vcpu *v = cpu->state;

    cpu->state = NULL;
    if (v)
        sem_destroy(&v->kicked);
    free(v);
}

static int qtest_vcpu_run(struct vcpu *cpu)
{
    struct qtest_vcpu *v = cpu->state;

    while (!vcpu_must_stop(cpu))
        sem_wait(&v->kicked);
    return 0;
}

static void qtest_vcpu_kick(struct vcpu *cpu)
{
    struct qtest_vcpu *v = cpu->state;

    sem_post(&v->kicked);
}

static void qtest_vcpu_reset(struct vcpu *cpu, const struct tenon_x86_start *start)
{
    struct qtest_vcpu *v = cpu->state;
    const struct cpuid_entry *leaf = cpuid_find(cpu->cpuid, cpu->n_cpuid, 1, 0);

    state_from_start(&v->registers, start, leaf ? leaf->eax : 0);
    v->registers.apic_base = 0xfee00800 | (cpu->index ? 0 : 0x100);
}

static int qtest_vcpu_get(struct vcpu *cpu, struct tenon_x86_state *state)
{
    *state = ((struct qtest_vcpu *)cpu->state)->registers;
    return 0;
}

static int qtest_vcpu_set(struct vcpu *cpu, const struct tenon_x86_state *state)
{
    ((struct qtest_vcpu *)cpu->state)->registers = *state;
    return 0;
}

const struct accel_ops accel_qtest = {
    .name = "qtest",
    .irqchip = true,
    .usual_off = true,
    .open = qtest_open,
    .close = qtest_close,
    .board = qtest_board,
    .cpuid = qtest_cpuid,
    .vcpu_create = qtest_vcpu_create,
    .vcpu_destroy = qtest_vcpu_destroy,
    .vcpu_run = qtest_vcpu_run,
    .vcpu_kick = qtest_vcpu_kick,
    .vcpu_reset = qtest_vcpu_reset,
    .vcpu_get = qtest_vcpu_get,
    .vcpu_set = qtest_vcpu_set,
    .gsi = qtest_gsi,
    .irqfd = qtest_irqfd,
    .msi = qtest_msi,
    .intr = qtest_set_intr,
};
