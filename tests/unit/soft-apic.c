/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The software processor's local APIC and run loop: registers and their rules, messages between
 * processors, the timer under a clock of the test's, interrupts, INIT, start-up and sleep.  Guest
 * code is what the test says; of the other parts there are only the calls.
 */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "soft.h"
#include "svm.h"

enum { N_CPUS = 4, NO_VECTOR = -1 };

struct fake {
    struct processor *p;
    struct tenon_cpu_info info;
    bool stop;
    /* What guest code does when it runs next; NULL: stops. */
    void (*guest)(struct fake *);
    int delivered[8];
    unsigned n_delivered, faults, smis, waits, runs, ones, eois, tlb_flushes;
    unsigned before; /* how many had been delivered when guest code ran first */
    int eoi_vector, intr_vector;
    uint64_t wait_deadline;
    /* With threads of their own, they really sleep. */
    bool threads, kicked;
    pthread_mutex_t lock;
    pthread_cond_t woken;
};

struct machine {
    struct soft *soft;
    struct tenon_accel_host host;
    struct fake cpu[N_CPUS];
    struct tenon_cpuid leaf1;
};

static uint64_t fake_time; /* atomic */

/* ---- The host ---- */

static bool host_must_stop(void *host)
{
    return __atomic_load_n(&((struct fake *)host)->stop, __ATOMIC_SEQ_CST);
}

static void host_wait(void *host, uint64_t deadline)
{
    struct fake *f = host;

    f->waits++;
    f->wait_deadline = deadline;
    if (f->threads) {
        pthread_mutex_lock(&f->lock);
        while (!f->kicked)
            pthread_cond_wait(&f->woken, &f->lock);
        f->kicked = false;
        pthread_mutex_unlock(&f->lock);
    } else if (deadline != UINT64_MAX) {
        __atomic_store_n(&fake_time, MAX(fake_time, deadline), __ATOMIC_RELAXED);
    } else {
        f->stop = true;
    }
}

static void host_wake(void *host)
{
    struct fake *f = host;

    pthread_mutex_lock(&f->lock);
    f->kicked = true;
    pthread_cond_signal(&f->woken);
    pthread_mutex_unlock(&f->lock);
}

static uint64_t host_now(void *host)
{
    return __atomic_load_n(&fake_time, __ATOMIC_RELAXED);
}

static uint64_t monitored = 1;

static void host_lookup(void *host, uint64_t addr, struct tenon_ram *ram)
{
    *ram = (struct tenon_ram){ .host = (uint8_t *)&monitored, .bytes = sizeof(monitored) };
}

static int host_acknowledge(void *host)
{
    return ((struct fake *)host)->intr_vector;
}

static void host_eoi(void *host, unsigned vector)
{
    ((struct fake *)host)->eois++;
    ((struct fake *)host)->eoi_vector = vector;
}

static void host_shutdown(void *host)
{
    ((struct fake *)host)->stop = true;
}

static void host_quiescent(void *host)
{
}

/* ---- The processor's other parts ---- */

static struct fake *fake_of(const struct cpu *cpu)
{
    return cpu->info->host;
}

bool cpu_has(const struct cpu *cpu, uint32_t leaf, uint32_t subleaf, unsigned reg, unsigned bit)
{
    const uint32_t *regs = &cpu->info->cpuid->eax;

    g_assert_cmpuint(leaf, ==, 1);
    return regs[reg] >> bit & 1;
}

static void run_guest(struct cpu *cpu)
{
    struct fake *f = fake_of(cpu);
    void (*guest)(struct fake *) = f->guest;

    if (__atomic_load_n(&cpu->wanted, __ATOMIC_RELAXED))
        return;
    if (!f->runs++)
        f->before = f->n_delivered;
    f->guest = NULL;
    if (guest)
        guest(f);
    else
        f->stop = true;
}

void blocks_run(struct cpu *cpu)
{
    run_guest(cpu);
}

void blocks_run_one(struct cpu *cpu)
{
    uint32_t wanted = __atomic_exchange_n(&cpu->wanted, 0, __ATOMIC_SEQ_CST);

    fake_of(cpu)->ones++;
    cpu->inhibit = 0;
    run_guest(cpu);
    __atomic_fetch_or(&cpu->wanted, wanted, __ATOMIC_SEQ_CST);
}

void cpu_interrupt(struct cpu *cpu, int vector)
{
    struct fake *f = fake_of(cpu);

    g_assert_cmpuint(f->n_delivered, <, G_N_ELEMENTS(f->delivered));
    f->delivered[f->n_delivered++] = vector;
    if (vector == EXC_NMI)
        cpu->nmi_blocked = true;
    cpu->flags &= ~(uint64_t)F_IF;
    cpu->inhibit = 0;
}

void cpu_deliver_fault(struct cpu *cpu)
{
    fake_of(cpu)->faults++;
    cpu->fault.vector = -1;
}

void smm_enter(struct cpu *cpu)
{
    fake_of(cpu)->smis++;
    cpu->in_smm = true;
}

void smm_leave(struct cpu *cpu)
{
    cpu->in_smm = false;
}

void svm_reset(struct cpu *cpu, bool power_on)
{
    cpu->svm.gif = true;
}

void svm_exit(struct cpu *cpu, int64_t code, uint64_t info1, uint64_t info2, uint64_t next)
{
    g_assert_not_reached();
}

void svm_leave(struct cpu *cpu)
{
    g_assert_not_reached();
}

_Noreturn void cpu_fault_error(struct cpu *cpu, int vector, uint32_t error)
{
    g_assert_not_reached();
}

void tlb_flush(struct cpu *cpu, bool global)
{
    fake_of(cpu)->tlb_flushes++;
}

static unsigned forgotten, protected, written;

void mmu_forget(struct cpu *cpu)
{
    forgotten++;
}

void mmu_write_protect(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes)
{
    __atomic_fetch_add(&protected, 1, __ATOMIC_RELAXED);
}

void mmu_code_written(struct cpu *cpu, uint32_t block, uint64_t offset, uint64_t bytes)
{
    g_assert_cmpuint(block, ==, 3);
    written += bytes;
}

void mmu_settle(struct cpu *cpu)
{
}

void log_registers(struct cpu *cpu, const char *fmt, ...)
{
}

void mode_update(struct cpu *cpu)
{
}

void blocks_flush(struct cpu *cpu)
{
}

void blocks_faulted(struct cpu *cpu)
{
}

uint64_t blocks_executed(const struct cpu *cpu)
{
    return cpu->instructions;
}

void blocks_leave(struct cpu *cpu)
{
}

/* ---- Setting up ---- */

/* All but alarms, whose thread looks at the clock by itself. */
static struct machine *machine_create(void)
{
    struct machine *m = g_new0(struct machine, 1);

    fake_time = 1000;
    m->host = (struct tenon_accel_host){
        .size = sizeof(m->host),
        .must_stop = host_must_stop,
        .wait = host_wait,
        .wake = host_wake,
        .now = host_now,
        .lookup = host_lookup,
        .acknowledge = host_acknowledge,
        .eoi = host_eoi,
        .shutdown = host_shutdown,
        .quiescent = host_quiescent,
    };
    m->leaf1 = (struct tenon_cpuid){ .leaf = 1, .eax = 0x306c3, .ecx = 1 << 24 | 1 << 21 };
    m->soft = g_new0(struct soft, 1);
    m->soft->host = &m->host;
    m->soft->alarms = alarms_create(m->soft);
    for (unsigned i = 0; i < N_CPUS; i++) {
        struct fake *f = &m->cpu[i];

        f->p = aligned_alloc(64, (sizeof(*f->p) + 63) & ~63);
        memset(f->p, 0, sizeof(*f->p));
        f->info = (struct tenon_cpu_info){
            .size = sizeof(f->info),
            .index = i,
            .apic_id = i,
            .cpuid = &m->leaf1,
            .n_cpuid = 1,
            .phys_bits = 40,
            .tsc_hz = 2000000000,
            .host = f,
        };
        f->p->cpu.soft = m->soft;
        f->p->cpu.host = &m->host;
        f->p->cpu.info = &f->info;
        f->p->cpu.apic = &f->p->apic;
        f->p->cpu.stop_at = UINT64_MAX;
        f->p->apic.cpu = &f->p->cpu;
        f->p->apic.id = i;
        pthread_mutex_init(&f->p->mailbox.lock, NULL);
        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->woken, NULL);
        state_reset(NULL, &f->p->cpu, NULL);
        m->soft->cpus[i] = &f->p->cpu;
    }
    __atomic_store_n(&m->soft->n_cpus, N_CPUS, __ATOMIC_RELEASE);
    return m;
}

static void machine_destroy(struct machine *m)
{
    alarms_destroy(m->soft->alarms);
    for (unsigned i = 0; i < N_CPUS; i++)
        free(m->cpu[i].p);
    g_free(m->soft);
    g_free(m);
}

static struct cpu *cpu_of(struct machine *m, unsigned i)
{
    return &m->cpu[i].p->cpu;
}

static void put(struct cpu *cpu, unsigned offset, uint32_t value)
{
    apic_write(cpu, offset, value, 4);
}

static uint32_t get(struct cpu *cpu, unsigned offset)
{
    return apic_read(cpu, offset, 4);
}

static bool put_msr(struct cpu *cpu, uint32_t msr, uint64_t value)
{
    return apic_msr_write(cpu, msr, value);
}

static uint64_t get_msr(struct cpu *cpu, uint32_t msr)
{
    uint64_t value = 0;

    g_assert_true(apic_msr_read(cpu, msr, &value));
    return value;
}

enum { APIC_PAGE = (int)0xfee00000u };
#define BASE 0xfee00000ull

static void enable_x2(struct cpu *cpu)
{
    g_assert_true(put_msr(cpu, MSR_APIC_BASE, cpu->msr.apic_base | APIC_EXTD));
}

static void enable_all(struct machine *m, bool x2)
{
    for (unsigned i = 0; i < N_CPUS; i++) {
        put(cpu_of(m, i), 0xf0, 0x1ff);
        if (x2)
            enable_x2(cpu_of(m, i));
        cpu_of(m, i)->wait_sipi = false;
    }
}

/* Takes the next vector as the run loop would, whatever IF. */
static int take(struct cpu *cpu)
{
    int next = apic_next(cpu->apic);

    return next == APIC_NONE ? NO_VECTOR : apic_take(cpu->apic, next);
}

/* A bit for each processor that has the vector pending; and forgets it. */
static unsigned who_got(struct machine *m, unsigned vector)
{
    unsigned set = 0;

    for (unsigned i = 0; i < N_CPUS; i++) {
        uint32_t *irr = m->cpu[i].p->apic.irr;

        if (irr[vector / 32] >> vector % 32 & 1)
            set |= 1 << i;
        memset(irr, 0, 32);
    }
    return set;
}

/* Lets a processor run until it stops by itself. */
static void go(struct fake *f, void (*guest)(struct fake *))
{
    f->stop = false;
    f->guest = guest;
    f->n_delivered = f->waits = f->runs = f->ones = 0;
    g_assert_cmpint(run(NULL, &f->p->cpu), ==, 0);
}

/* ---- Registers ---- */

static void test_reset(void)
{
    // clang-format off
    static const struct {
        unsigned offset;
        uint32_t value;
    } rows[] = {
        { 0x20, 2u << 24 }, { 0x30, 0x50014 }, { 0x80, 0 }, { 0xa0, 0 }, { 0xd0, 0 },
        { 0xe0, ~0u }, { 0xf0, 0xff }, { 0x100, 0 }, { 0x280, 0 }, { 0x300, 0 },
        { 0x320, 0x10000 }, { 0x330, 0x10000 }, { 0x340, 0x10000 }, { 0x350, 0x10000 },
        { 0x360, 0x10000 }, { 0x370, 0x10000 }, { 0x380, 0 }, { 0x390, 0 }, { 0x3e0, 0 },
    };
    // clang-format on
    struct machine *m = machine_create();

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmphex(get(cpu_of(m, 2), rows[i].offset), ==, rows[i].value);
    g_assert_cmphex(get(cpu_of(m, 0), 0x350), ==, 0x700); /* virtual wire */
    g_assert_cmphex(cpu_of(m, 0)->msr.apic_base, ==, BASE | APIC_EN | APIC_BSP);
    g_assert_cmphex(cpu_of(m, 1)->msr.apic_base, ==, BASE | APIC_EN);
    g_assert_true(apic_at(cpu_of(m, 0), BASE + 0xffc));
    g_assert_false(apic_at(cpu_of(m, 0), BASE + 0x1000));
    machine_destroy(m);
}

static void test_memory_access(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    put(cpu, 0xf0, 0x1ff);
    g_assert_cmphex(apic_read(cpu, 0xf0, 8), ==, 0x1ff);
    g_assert_cmphex(apic_read(cpu, 0xf1, 1), ==, 1);
    g_assert_cmphex(apic_read(cpu, 0xf4, 4), ==, 0);
    apic_write(cpu, 0x80, 0x30, 1); /* not a whole register */
    apic_write(cpu, 0x84, 0x30, 4);
    g_assert_cmphex(get(cpu, 0x80), ==, 0);
    put(cpu, 0x20, 0x55000000); /* read-only, which is an error */
    g_assert_cmphex(get(cpu, 0x20), ==, 1u << 24);
    g_assert_cmphex(get(cpu, 0x280), ==, 0);
    put(cpu, 0x280, 0);
    g_assert_cmphex(get(cpu, 0x280), ==, 0x80);
    put(cpu, 0x280, 0);
    g_assert_cmphex(get(cpu, 0x280), ==, 0);
    get(cpu, 0x7f0); /* nothing there */
    put(cpu, 0x280, 0);
    g_assert_cmphex(get(cpu, 0x280), ==, 0x80);
    put(cpu, 0xf0, 0xff); /* disabled by software: local interrupts are masked, and stay so */
    put(cpu, 0x320, 0x40);
    g_assert_cmphex(get(cpu, 0x320), ==, 0x10040);
    machine_destroy(m);
}

/* What MSRs 800h to 8FFh there are: r, w, b(oth), and the value that may be written. */
static const char x2_access[0x40] = {
    [0x02] = 'r',          [0x03] = 'r', [0x08] = 'b',          [0x0a] = 'r', [0x0b] = 'w',
    [0x0d] = 'r',          [0x0f] = 'b', [0x10 ... 0x27] = 'r', [0x28] = 'b', [0x30] = 'b',
    [0x32 ... 0x37] = 'b', [0x38] = 'b', [0x39] = 'r',          [0x3e] = 'b', [0x3f] = 'w',
};

static void test_x2_msrs(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);
    uint64_t value;

    for (uint32_t msr = 0x800; msr < 0x900; msr++) {
        g_assert_false(apic_msr_read(cpu, msr, &value));
        g_assert_false(put_msr(cpu, msr, 0));
    }
    enable_x2(cpu);
    for (uint32_t i = 0; i < 0x100; i++) {
        char a = i < 0x40 ? x2_access[i] : 0;

        g_assert_cmpint(apic_msr_read(cpu, 0x800 + i, &value), ==, a == 'r' || a == 'b');
        g_assert_cmpint(put_msr(cpu, 0x800 + i, 0), ==, a == 'w' || a == 'b');
    }
    machine_destroy(m);
}

static void test_x2_reserved(void)
{
    // clang-format off
    static const struct {
        uint32_t msr;
        uint64_t value;
        bool good;
    } rows[] = {
        { 0x808, 0xff, true }, { 0x808, 0x100, false }, { 0x80b, 1, false },
        { 0x80f, 0x1ff, true }, { 0x80f, 0x11ff, false }, { 0x80f, 1ull << 32, false },
        { 0x828, 1, false }, { 0x832, 0x600ff, true }, { 0x832, 0x80000, false },
        { 0x832, 0x700, false }, { 0x835, 0x1f7ff, true }, { 0x835, 0x20700, false },
        { 0x837, 0x100ff, true }, { 0x837, 0x400, false }, { 0x838, 0xffffffff, true },
        { 0x838, 1ull << 32, false }, { 0x83e, 0xb, true }, { 0x83e, 4, false },
        { 0x83f, 0x1ff, false }, { 0x830, 0x2000, false }, { 0x830, 0x100000, false },
        { 0x830, 7ull << 32 | 0x40, true }, { 0x802, 1, false }, { 0x80d, 1, false },
    };
    // clang-format on
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    enable_x2(cpu);
    put_msr(cpu, 0x80f, 0x1ff);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++)
        g_assert_cmpint(put_msr(cpu, rows[i].msr, rows[i].value), ==, rows[i].good);
    m->leaf1.ecx &= ~(1u << 24); /* no TSC deadline */
    g_assert_false(put_msr(cpu, 0x832, 0x40000));
    g_assert_false(put_msr(cpu, MSR_TSC_DEADLINE, 0));
    machine_destroy(m);
}

/* ---- MSR 1Bh ---- */

static void test_base_states(void)
{
    enum { OFF, X = APIC_EN, X2 = APIC_EN | APIC_EXTD, BAD = APIC_EXTD };
    // clang-format off
    static const struct {
        uint64_t from, to;
        bool good;
    } rows[] = {
        { OFF, OFF, true }, { OFF, X, true }, { OFF, X2, false }, { OFF, BAD, false },
        { X, OFF, true }, { X, X, true }, { X, X2, true }, { X, BAD, false }, { X2, OFF, true },
        { X2, X, false }, { X2, X2, true }, { X2, BAD, false },
    };
    // clang-format on
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_true(put_msr(cpu, MSR_APIC_BASE, BASE));
        if (rows[i].from)
            g_assert_true(put_msr(cpu, MSR_APIC_BASE, BASE | X));
        g_assert_true(put_msr(cpu, MSR_APIC_BASE, BASE | rows[i].from));
        g_assert_cmpint(put_msr(cpu, MSR_APIC_BASE, BASE | rows[i].to), ==, rows[i].good);
        g_assert_cmphex(get_msr(cpu, MSR_APIC_BASE), ==,
                        BASE | (rows[i].good ? rows[i].to : rows[i].from));
    }
    machine_destroy(m);
}

static void test_base_bits(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);
    unsigned flushes;

    for (unsigned bit = 0; bit < 64; bit++) {
        bool good = bit == 8 || bit == 11 || (bit >= 12 && bit < 40);

        if (bit == 10)
            continue;
        g_assert_cmpint(put_msr(cpu, MSR_APIC_BASE, APIC_EN | 1ull << bit), ==, good);
    }
    flushes = m->cpu[0].tlb_flushes;
    g_assert_true(put_msr(cpu, MSR_APIC_BASE, 0xfed40000 | APIC_EN | APIC_BSP));
    g_assert_cmpuint(m->cpu[0].tlb_flushes, ==, flushes + 1);
    g_assert_true(apic_at(cpu, 0xfed40020));
    g_assert_false(apic_at(cpu, BASE));
    m->leaf1.ecx &= ~(1u << 21); /* no x2APIC */
    g_assert_false(put_msr(cpu, MSR_APIC_BASE, BASE | APIC_EN | APIC_EXTD));
    machine_destroy(m);
}

static void test_disable(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 3);

    put(cpu, 0xf0, 0x1ff);
    put(cpu, 0xd0, 0x55000000);
    g_assert_true(put_msr(cpu, MSR_APIC_BASE, BASE));
    g_assert_false(apic_enabled(cpu));
    g_assert_false(apic_at(cpu, BASE));
    apic_set_cr8(cpu, 5);
    g_assert_cmpuint(apic_cr8(cpu), ==, 5);
    apic_set_cr8(cpu, 0);
    g_assert_true(put_msr(cpu, MSR_APIC_BASE, BASE | APIC_EN));
    g_assert_true(apic_enabled(cpu));
    g_assert_true(apic_at(cpu, BASE));
    g_assert_cmphex(get(cpu, 0xf0), ==, 0xff);
    g_assert_cmphex(get(cpu, 0xd0), ==, 0);
    g_assert_cmphex(get(cpu, 0x20), ==, 3u << 24);
    machine_destroy(m);
}

static void test_x2_ids(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 3);

    cpu->apic->id = 0x123;
    g_assert_cmphex(get(cpu, 0x20), ==, 0x23000000);
    enable_x2(cpu);
    g_assert_cmphex(get_msr(cpu, 0x802), ==, 0x123);
    g_assert_cmphex(get_msr(cpu, 0x80d), ==, 0x120008);
    machine_destroy(m);
}

/* ---- Priorities ---- */

static void test_priorities(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    enable_all(m, true);
    put_msr(cpu, 0x83f, 0x31);
    put_msr(cpu, 0x83f, 0x35);
    put_msr(cpu, 0x83f, 0x52);
    g_assert_cmpint(take(cpu), ==, 0x52);
    g_assert_cmphex(get_msr(cpu, 0x80a), ==, 0x50);
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    put_msr(cpu, 0x83f, 0x5f); /* the same class: waits */
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    put_msr(cpu, 0x83f, 0x60);
    g_assert_cmpint(take(cpu), ==, 0x60);
    put_msr(cpu, 0x80b, 0);
    put_msr(cpu, 0x80b, 0);
    g_assert_cmpint(take(cpu), ==, 0x5f);
    put_msr(cpu, 0x80b, 0);
    apic_set_cr8(cpu, 3);
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    g_assert_cmphex(get_msr(cpu, 0x80a), ==, 0x30);
    cpu->wanted = 0;
    put_msr(cpu, 0x808, 0x2f);
    g_assert_cmphex(cpu->wanted & WANT_APIC, ==, WANT_APIC);
    g_assert_cmpint(take(cpu), ==, 0x35);
    put_msr(cpu, 0x80b, 0);
    g_assert_cmpint(take(cpu), ==, 0x31);
    g_assert_cmphex(get_msr(cpu, 0x811), ==, 1u << 0x11);
    put_msr(cpu, 0x80b, 0);
    put_msr(cpu, 0x80b, 0); /* one too many */
    g_assert_cmphex(get_msr(cpu, 0x811), ==, 0);
    machine_destroy(m);
}

static void test_eoi_broadcast(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    enable_all(m, false);
    g_assert_true(apic_message(m->soft, 0xfee01000, 0xc041)); /* level */
    g_assert_true(apic_message(m->soft, 0xfee01000, 0x4051));
    g_assert_cmphex(get(cpu, 0x1a0), ==, 2);
    g_assert_cmpint(take(cpu), ==, 0x51);
    put(cpu, 0xb0, 0);
    g_assert_cmpuint(m->cpu[1].eois, ==, 0);
    g_assert_cmpint(take(cpu), ==, 0x41);
    put(cpu, 0xb0, 0);
    g_assert_cmpuint(m->cpu[1].eois, ==, 1);
    g_assert_cmphex(m->cpu[1].eoi_vector, ==, 0x41);
    machine_destroy(m);
}

/* ---- Messages between processors ---- */

static void send(struct machine *m, unsigned from, uint32_t dest, uint32_t icr)
{
    struct cpu *cpu = cpu_of(m, from);

    if (apic_is_x2(cpu)) {
        g_assert_true(put_msr(cpu, 0x830, (uint64_t)dest << 32 | icr));
    } else {
        put(cpu, 0x310, dest << 24);
        put(cpu, 0x300, icr);
    }
}

static void test_ipi_xapic(void)
{
    static const uint8_t ldr_flat[N_CPUS] = { 1, 2, 4, 0x80 };
    static const uint8_t ldr_cluster[N_CPUS] = { 0x11, 0x12, 0x21, 0x22 };
    struct machine *m = machine_create();

    enable_all(m, false);
    for (unsigned i = 0; i < N_CPUS; i++)
        put(cpu_of(m, i), 0xd0, (uint32_t)ldr_flat[i] << 24);
    send(m, 0, 2, 0x4040);
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 2);
    send(m, 0, 9, 0x4040);
    g_assert_cmphex(who_got(m, 0x40), ==, 0);
    send(m, 0, 0xff, 0x4040);
    g_assert_cmphex(who_got(m, 0x40), ==, 0xf);
    send(m, 0, 0x82, 0x4840);
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 1 | 1 << 3);
    send(m, 1, 0, 1 << 18 | 0x40); /* shorthands: self, all, others */
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 1);
    send(m, 1, 0, 2 << 18 | 0x40);
    g_assert_cmphex(who_got(m, 0x40), ==, 0xf);
    send(m, 1, 0, 3 << 18 | 0x40);
    g_assert_cmphex(who_got(m, 0x40), ==, 0xd);
    for (unsigned i = 0; i < N_CPUS; i++) {
        put(cpu_of(m, i), 0xd0, (uint32_t)ldr_cluster[i] << 24);
        put(cpu_of(m, i), 0xe0, 0);
        g_assert_cmphex(get(cpu_of(m, i), 0xe0), ==, 0x0fffffff);
    }
    send(m, 0, 0x13, 0x4840);
    g_assert_cmphex(who_got(m, 0x40), ==, 3);
    send(m, 0, 0x22, 0x4840);
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 3);
    put(cpu_of(m, 2), 0xf0, 0xff); /* disabled by software: takes none */
    send(m, 0, 0xff, 0x4040);
    g_assert_cmphex(who_got(m, 0x40), ==, 0xb);
    machine_destroy(m);
}

static void test_ipi_x2(void)
{
    struct machine *m = machine_create();

    m->cpu[3].p->apic.id = 0x105; /* cluster 16, bit 5 */
    enable_all(m, true);
    send(m, 0, 0x105, 0x40);
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 3);
    send(m, 0, 5, 0x40);
    g_assert_cmphex(who_got(m, 0x40), ==, 0);
    send(m, 0, 0x6, 0x840);
    g_assert_cmphex(who_got(m, 0x40), ==, 6);
    send(m, 0, 0x100020, 0x840);
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 3);
    send(m, 0, 0xffffffff, 0x40);
    g_assert_cmphex(who_got(m, 0x40), ==, 0xf);
    send(m, 0, 0xff, 0x40);
    g_assert_cmphex(who_got(m, 0x40), ==, 0);
    machine_destroy(m);
}

static void test_ipi_errors(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, true);
    put_msr(cpu, 0x837, 0xfe); /* the error interrupt */
    send(m, 0, 1, 0x0f);
    g_assert_cmphex(who_got(m, 0x0f), ==, 0);
    put_msr(cpu, 0x828, 0);
    g_assert_cmphex(get_msr(cpu, 0x828), ==, 0x20);
    put_msr(cpu, 0x83f, 3);
    g_assert_cmpint(take(cpu), ==, 0xfe);
    put_msr(cpu, 0x80b, 0);
    put_msr(cpu, 0x83f, 3); /* nothing new */
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    apic_message(m->soft, 0xfee00000, 5);
    put_msr(cpu, 0x828, 0);
    g_assert_cmphex(get_msr(cpu, 0x828), ==, 0x60);
    machine_destroy(m);
}

static void test_lowest_priority(void)
{
    struct machine *m = machine_create();
    unsigned seen = 0;

    enable_all(m, true);
    for (unsigned i = 0; i < N_CPUS; i++)
        put_msr(cpu_of(m, i), 0x808, i == 2 ? 0x20 : 0x40);
    send(m, 0, 0xffffffff, 0x140);
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 2);
    send(m, 0, 0xb, 0x940); /* logical: all but the idle one */
    g_assert_cmpint(__builtin_popcount(who_got(m, 0x40)), ==, 1);
    for (unsigned i = 0; i < N_CPUS; i++)
        put_msr(cpu_of(m, i), 0x808, 0);
    for (unsigned i = 0; i < N_CPUS; i++) {
        g_assert_true(apic_message(m->soft, 0xfee0f00c, 0x40));
        seen |= who_got(m, 0x40);
    }
    g_assert_cmphex(seen, ==, 0xf); /* equals take turns */
    machine_destroy(m);
}

static void test_messages(void)
{
    struct machine *m = machine_create();

    enable_all(m, true);
    g_assert_true(apic_message(m->soft, 0xfee02000, 0x40));
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 2);
    g_assert_true(apic_message(m->soft, 0xfee0a004, 0x40)); /* logical */
    g_assert_cmphex(who_got(m, 0x40), ==, 1 << 1 | 1 << 3);
    g_assert_true(apic_message(m->soft, 0xfeeff000, 0x40));
    g_assert_cmphex(who_got(m, 0x40), ==, 0xf);
    g_assert_false(apic_message(m->soft, 0xfee09000, 0x40));
    g_assert_false(apic_message(m->soft, 0xfec00000, 0x40));
    g_assert_false(apic_message(m->soft, 0xfee00000, 0x340)); /* a reserved mode */
    g_assert_true(apic_message(m->soft, 0xfee01000, 0x400));
    g_assert_cmphex(cpu_of(m, 1)->wanted & WANT_NMI, ==, WANT_NMI);
    g_assert_true(apic_message(m->soft, 0xfee01000, 0x200));
    g_assert_cmphex(cpu_of(m, 1)->wanted & WANT_SMI, ==, WANT_SMI);
    m->cpu[1].intr_vector = 0x77;
    g_assert_true(apic_message(m->soft, 0xfee01000, 0x700));
    g_assert_cmpint(take(cpu_of(m, 1)), ==, 0x77);
    g_assert_cmpint(take(cpu_of(m, 1)), ==, NO_VECTOR);
    put_msr(cpu_of(m, 1), MSR_APIC_BASE, BASE);
    g_assert_false(apic_message(m->soft, 0xfee01000, 0x40)); /* nobody there */
    machine_destroy(m);
}

/* ---- The 8259's line ---- */

static void test_lint0(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);

    m->cpu[0].intr_vector = 0x08;
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    apic_line(m->soft, true);
    g_assert_cmphex(cpu->wanted & WANT_INTR, ==, WANT_INTR);
    g_assert_cmphex(cpu_of(m, 1)->apic->irr[0], ==, 0);
    g_assert_cmpint(apic_next(cpu_of(m, 1)->apic), ==, APIC_NONE);
    g_assert_cmpint(take(cpu), ==, 0x08); /* whatever the task priority */
    put(cpu, 0xf0, 0x1ff);
    put(cpu, 0x350, 0x10700);
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    cpu->wanted = 0;
    put(cpu, 0x350, 0x700); /* unmasked while it is up */
    g_assert_cmphex(cpu->wanted & WANT_INTR, ==, WANT_INTR);
    g_assert_cmpint(apic_next(cpu->apic), ==, APIC_ASK_8259);
    put(cpu, 0x350, 0x10700);
    put_msr(cpu, MSR_APIC_BASE, BASE); /* no APIC: the line goes to the processor */
    g_assert_cmpint(apic_next(cpu->apic), ==, APIC_ASK_8259);
    apic_line(m->soft, false);
    g_assert_cmpint(apic_next(cpu->apic), ==, APIC_NONE);
    machine_destroy(m);
}

static void test_lint0_level(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);

    put(cpu, 0xf0, 0x1ff);
    put(cpu, 0x350, 0x8045);
    apic_line(m->soft, true);
    g_assert_cmphex(get(cpu, 0x350), ==, 0xc045); /* remote IRR */
    g_assert_cmpint(take(cpu), ==, 0x45);
    put(cpu, 0xb0, 0);
    g_assert_cmpint(take(cpu), ==, 0x45); /* it is still up */
    apic_line(m->soft, false);
    put(cpu, 0xb0, 0);
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    g_assert_cmphex(get(cpu, 0x350), ==, 0x8045);
    put(cpu, 0x350, 0x45); /* an edge */
    apic_line(m->soft, true);
    g_assert_cmpint(take(cpu), ==, 0x45);
    put(cpu, 0xb0, 0);
    g_assert_cmpint(take(cpu), ==, NO_VECTOR);
    machine_destroy(m);
}

/* ---- The timer ---- */

static int tick(struct cpu *cpu, uint64_t ns)
{
    int vector;

    __atomic_fetch_add(&fake_time, ns, __ATOMIC_RELAXED);
    apic_tick(cpu->apic);
    vector = take(cpu);
    if (vector >= 0)
        put(cpu, 0xb0, 0);
    return vector;
}

static void test_timer_one_shot(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    put(cpu, 0xf0, 0x1ff);
    put(cpu, 0x320, 0x40);
    put(cpu, 0x3e0, 0xb); /* by 1 */
    put(cpu, 0x380, 1000);
    g_assert_cmpint(tick(cpu, 400), ==, NO_VECTOR);
    g_assert_cmpuint(get(cpu, 0x390), ==, 600);
    put(cpu, 0x3e0, 0); /* by 2: goes on from there */
    g_assert_cmpuint(get(cpu, 0x390), ==, 600);
    g_assert_cmpint(tick(cpu, 1199), ==, NO_VECTOR);
    g_assert_cmpuint(get(cpu, 0x390), ==, 1);
    g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    g_assert_cmpuint(get(cpu, 0x390), ==, 0);
    g_assert_cmpint(tick(cpu, 10000), ==, NO_VECTOR);
    put(cpu, 0x320, 0x41); /* does not start it again */
    g_assert_cmpint(tick(cpu, 10000), ==, NO_VECTOR);
    put(cpu, 0x380, 10);
    put(cpu, 0x380, 0); /* stops */
    g_assert_cmpint(tick(cpu, 10000), ==, NO_VECTOR);
    put(cpu, 0x320, 0x10040); /* masked: runs out in silence */
    put(cpu, 0x380, 10);
    g_assert_cmpint(tick(cpu, 10000), ==, NO_VECTOR);
    put(cpu, 0x320, 0x40);
    g_assert_cmpint(tick(cpu, 10000), ==, NO_VECTOR);
    machine_destroy(m);
}

static void test_timer_divide(void)
{
    static const uint8_t divide[] = { 0, 1, 2, 3, 8, 9, 10, 11 };
    static const unsigned by[] = { 2, 4, 8, 16, 32, 64, 128, 1 };
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    put(cpu, 0xf0, 0x1ff);
    put(cpu, 0x320, 0x40);
    for (unsigned i = 0; i < G_N_ELEMENTS(divide); i++) {
        put(cpu, 0x3e0, divide[i]);
        put(cpu, 0x380, 100);
        g_assert_cmpint(tick(cpu, 100 * by[i] - 1), ==, NO_VECTOR);
        g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    }
    machine_destroy(m);
}

static void test_timer_periodic(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    put(cpu, 0xf0, 0x1ff);
    put(cpu, 0x3e0, 0xb);
    put(cpu, 0x320, 0x20040);
    put(cpu, 0x380, 1000);
    g_assert_cmpint(tick(cpu, 999), ==, NO_VECTOR);
    g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    g_assert_cmpuint(get(cpu, 0x390), ==, 1000);
    g_assert_cmpint(tick(cpu, 999), ==, NO_VECTOR);
    g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    g_assert_cmpint(tick(cpu, 5300), ==, 0x40); /* late: once */
    g_assert_cmpint(tick(cpu, 699), ==, NO_VECTOR);
    g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    put(cpu, 0x320, 0x30040);
    g_assert_cmpint(tick(cpu, 5000), ==, NO_VECTOR);
    g_assert_cmphex(cpu->apic->deadline, ==, UINT64_MAX); /* wakes nobody */
    put(cpu, 0x320, 0x20040);
    g_assert_cmpint(tick(cpu, 1000), ==, 0x40);
    machine_destroy(m);
}

static void test_timer_deadline(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    put(cpu, 0xf0, 0x1ff);
    put_msr(cpu, MSR_TSC_DEADLINE, cpu_tsc(cpu) + 10); /* not in this mode */
    g_assert_cmphex(get_msr(cpu, MSR_TSC_DEADLINE), ==, 0);
    put(cpu, 0x320, 0x40040);
    put(cpu, 0x380, 100);
    g_assert_cmpuint(get(cpu, 0x380), ==, 0);
    put_msr(cpu, MSR_TSC_DEADLINE, cpu_tsc(cpu) + 2000); /* 2 GHz */
    g_assert_cmpint(tick(cpu, 999), ==, NO_VECTOR);
    g_assert_cmphex(get_msr(cpu, MSR_TSC_DEADLINE), !=, 0);
    g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    g_assert_cmphex(get_msr(cpu, MSR_TSC_DEADLINE), ==, 0);
    put_msr(cpu, MSR_TSC_DEADLINE, 1); /* long past */
    g_assert_cmpint(tick(cpu, 0), ==, 0x40);
    put_msr(cpu, MSR_TSC_DEADLINE, cpu_tsc(cpu) + 2000);
    put_msr(cpu, MSR_TSC_DEADLINE, 0);
    g_assert_cmpint(tick(cpu, 9999), ==, NO_VECTOR);
    put_msr(cpu, MSR_TSC_DEADLINE, cpu_tsc(cpu) + 2000);
    cpu_set_tsc(cpu, cpu_tsc(cpu) + 1900); /* the counter jumps */
    g_assert_cmpint(tick(cpu, 49), ==, NO_VECTOR);
    g_assert_cmpint(tick(cpu, 1), ==, 0x40);
    put_msr(cpu, MSR_TSC_DEADLINE, cpu_tsc(cpu) + 2000);
    put(cpu, 0x320, 0x40); /* another mode: disarmed */
    put(cpu, 0x320, 0x40040);
    g_assert_cmphex(get_msr(cpu, MSR_TSC_DEADLINE), ==, 0);
    g_assert_cmpint(tick(cpu, 9999), ==, NO_VECTOR);
    put_msr(cpu, MSR_TSC_DEADLINE, UINT64_MAX);
    g_assert_cmpint(tick(cpu, 9999), ==, NO_VECTOR);
    machine_destroy(m);
}

static void test_tsc(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);

    g_assert_cmpuint(cpu_tsc(cpu), ==, 0);
    fake_time += 500;
    g_assert_cmpuint(cpu_tsc(cpu), ==, 1000);
    g_assert_cmpuint(cpu_tsc(cpu_of(m, 1)), ==, 1000);
    cpu_set_tsc(cpu, 5000);
    g_assert_cmpuint(cpu_tsc(cpu), ==, 5000);
    g_assert_cmpuint(cpu->msr.tsc_adjust, ==, 4000);
    cpu_set_tsc_adjust(cpu, 0);
    g_assert_cmpuint(cpu_tsc(cpu), ==, 1000);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t value = 1000 + i * 12345671ull, t = cpu_tsc_time(cpu, value), was = fake_time;

        fake_time = t;
        g_assert_cmpuint(cpu_tsc(cpu), >=, value);
        fake_time = MAX(was, t - 1);
        g_assert_true(t == was || cpu_tsc(cpu) < value);
        fake_time = was;
    }
    machine_destroy(m);
}

/* ---- The loop ---- */

static void test_masked_interrupt(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, false);
    apic_message(m->soft, 0xfee00000, 0x41);
    go(f, NULL);
    g_assert_cmpuint(f->n_delivered, ==, 0);
    g_assert_cmpuint(f->runs, ==, 1); /* what cannot be taken does not hinder the guest */
    g_assert_cmphex(cpu->held, !=, 0);
    cpu->flags |= F_IF;
    cpu_recheck(cpu);
    go(f, NULL);
    g_assert_cmpuint(f->n_delivered, ==, 1);
    g_assert_cmphex(f->delivered[0], ==, 0x41);
    machine_destroy(m);
}

/* STI: one more instruction before the interrupt. */
static void test_inhibit(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, false);
    apic_message(m->soft, 0xfee00000, 0x41);
    apic_message(m->soft, 0xfee00000, 0x400);
    cpu->flags |= F_IF;
    cpu->inhibit = INHIBIT_STI;
    go(f, NULL);
    g_assert_cmpuint(f->ones, ==, 1);
    g_assert_cmpuint(f->runs, ==, 1);
    g_assert_cmpuint(f->before, ==, 0);
    g_assert_cmpuint(cpu->inhibit, ==, 0);
    g_assert_cmpuint(f->n_delivered, ==, 1); /* and IF is clear after it */
    g_assert_cmpint(f->delivered[0], ==, EXC_NMI);
    cpu->flags |= F_IF;
    cpu_recheck(cpu);
    go(f, NULL);
    g_assert_cmphex(f->delivered[0], ==, 0x41);
    machine_destroy(m);
}

static void test_nmi_blocked(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, false);
    cpu_want(cpu, WANT_NMI);
    go(f, NULL);
    g_assert_cmpuint(f->n_delivered, ==, 1);
    cpu_want(cpu, WANT_NMI);
    cpu_want(cpu, WANT_NMI);
    go(f, NULL);
    g_assert_cmpuint(f->n_delivered, ==, 0);
    cpu->nmi_blocked = false;
    cpu_recheck(cpu);
    go(f, NULL);
    g_assert_cmpuint(f->n_delivered, ==, 1);
    machine_destroy(m);
}

static void guest_halts(struct fake *f)
{
    cpu_halt(&f->p->cpu);
}

static void test_halt(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];
    struct cpu *cpu = cpu_of(m, 0);
    uint64_t t = fake_time;

    enable_all(m, false);
    cpu->flags |= F_IF;
    put(cpu, 0x3e0, 0xb);
    put(cpu, 0x320, 0x44);
    put(cpu, 0x380, 5000000);
    go(f, guest_halts);
    g_assert_cmpuint(f->waits, ==, 1); /* slept once, until the timer */
    g_assert_cmpuint(f->wait_deadline, ==, t + 5000000);
    g_assert_cmpuint(f->n_delivered, ==, 1);
    g_assert_cmphex(f->delivered[0], ==, 0x44);
    g_assert_false(cpu->halted);
    go(f, guest_halts); /* IF is clear, nothing wakes it */
    g_assert_cmpuint(f->wait_deadline, ==, UINT64_MAX);
    g_assert_true(cpu->halted);
    apic_message(m->soft, 0xfee00000, 0x45);
    go(f, NULL);
    g_assert_true(cpu->halted);
    cpu_want(cpu, WANT_NMI);
    go(f, NULL);
    g_assert_cmpuint(f->n_delivered, ==, 1);
    g_assert_false(cpu->halted);
    machine_destroy(m);
}

static void guest_waits(struct fake *f)
{
    cpu_mwait(&f->p->cpu, 0x1000, 1, true);
}

static void guest_waits_in_vain(struct fake *f)
{
    cpu_mwait(&f->p->cpu, 0x1000, 2, true);
}

static void test_mwait(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, false);
    go(f, guest_waits_in_vain); /* it has changed already */
    g_assert_cmpuint(f->waits, ==, 0);
    g_assert_cmpuint(f->runs, ==, 2);
    go(f, guest_waits); /* ends by itself after a while */
    g_assert_cmpuint(f->waits, >, 5);
    g_assert_cmpuint(f->waits, <, 30);
    apic_message(m->soft, 0xfee00000, 0x45); /* IF is clear: woken, not interrupted */
    go(f, NULL);
    cpu_recheck(cpu);
    go(f, guest_waits);
    g_assert_cmpuint(f->n_delivered, ==, 0);
    g_assert_false(cpu->halted);
    g_assert_cmpuint(f->waits, ==, 0);
    machine_destroy(m);
}

static void test_init_sipi(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[1];
    struct cpu *cpu = cpu_of(m, 1);

    put(cpu_of(m, 0), 0xf0, 0x1ff);
    g_assert_true(cpu->wait_sipi);
    go(f, NULL);
    g_assert_cmpuint(f->runs, ==, 0);
    /* Both at once, to all others, before any of them has looked. */
    cpu->wait_sipi = false;
    cpu->r[RAX] = 5;
    cpu->cr0 = 0x80000011;
    cpu->x87.control = 0x37f;
    put(cpu_of(m, 0), 0x300, 0xc4500);
    put(cpu_of(m, 0), 0x300, 0xc4612);
    put(cpu_of(m, 0), 0x300, 0xc4634); /* the second one is ignored */
    go(f, NULL);
    g_assert_cmpuint(f->runs, ==, 1);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x1200);
    g_assert_cmphex(cpu->seg[SEG_CS].base, ==, 0x12000);
    g_assert_cmphex(cpu->rip, ==, 0);
    g_assert_cmphex(cpu->r[RAX], ==, 0);
    g_assert_cmphex(cpu->r[RDX], ==, 0x306c3);
    g_assert_cmphex(cpu->cr0, ==, 0x10);
    g_assert_cmphex(cpu->x87.control, ==, 0x37f);
    g_assert_false(cpu_of(m, 0)->wanted & (WANT_INIT | WANT_SIPI));
    put(cpu_of(m, 0), 0x300, 0xc4634); /* runs already */
    go(f, NULL);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x1200);
    put(cpu_of(m, 0), 0x300, 0xc4634); /* came before the INIT: void */
    put(cpu_of(m, 0), 0x300, 0xc4500);
    go(f, NULL);
    g_assert_true(cpu->wait_sipi);
    put(cpu_of(m, 0), 0x300, 0xc8500); /* the INIT's end is no INIT */
    put(cpu_of(m, 0), 0x300, 0xc4656);
    go(f, NULL);
    g_assert_cmphex(cpu->seg[SEG_CS].selector, ==, 0x5600);
    machine_destroy(m);
}

static void test_init_boot_cpu(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, false);
    cpu->seg[SEG_CS].base = 0;
    apic_message(m->soft, 0xfee00000, 0x500);
    go(&m->cpu[0], NULL);
    g_assert_false(cpu->wait_sipi);
    g_assert_cmphex(cpu->seg[SEG_CS].base, ==, 0xffff0000);
    g_assert_cmphex(cpu->rip, ==, 0xfff0);
    machine_destroy(m);
}

static void test_smi(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];
    struct cpu *cpu = cpu_of(m, 0);

    enable_all(m, false);
    cpu_want(cpu, WANT_SMI);
    go(f, NULL);
    g_assert_cmpuint(f->smis, ==, 1);
    cpu_want(cpu, WANT_SMI | WANT_INIT);
    go(f, NULL);
    g_assert_cmpuint(f->smis, ==, 1); /* held until RSM, as an INIT is */
    g_assert_cmpuint(f->runs, ==, 1);
    cpu->in_smm = false;
    cpu_recheck(cpu);
    go(f, NULL);
    g_assert_cmpuint(f->smis, ==, 2);
    machine_destroy(m);
}

static void guest_faults(struct fake *f)
{
    f->guest = NULL;
    f->p->cpu.fault.vector = EXC_UD;
    siglongjmp(f->p->cpu.fault_exit, 1);
}

static void guest_shuts_down(struct fake *f)
{
    cpu_shutdown(&f->p->cpu);
}

static void test_faults(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[0];

    go(f, guest_faults);
    g_assert_cmpuint(f->faults, ==, 1);
    g_assert_cmpuint(f->runs, ==, 2);
    go(f, guest_shuts_down);
    g_assert_true(f->p->cpu.shut_down);
    g_assert_cmpuint(f->runs, ==, 1);
    state_reset(NULL, &f->p->cpu, NULL);
    g_assert_false(f->p->cpu.shut_down);
    machine_destroy(m);
}

static void test_start(void)
{
    const struct tenon_x86_start start = {
        .size = sizeof(start),
        .rip = 0x100000,
        .rflags = 2,
        .rax = 0x2badb002,
        .rbx = 0x9500,
        .rsi = 7,
        .cr0 = 0x11,
        .cs = { 0, 0xffffffff, 8, 0xc09b },
        .ds = { 0, 0xffffffff, 16, 0xc093 },
        .es = { 0, 0xffffffff, 16, 0xc093 },
        .ss = { 0, 0xffffffff, 16, 0xc093 },
    };
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 0);
    char *text;

    state_reset(NULL, cpu, &start);
    g_assert_cmphex(cpu->rip, ==, 0x100000);
    g_assert_cmphex(cpu->r[RAX], ==, 0x2badb002);
    g_assert_cmphex(cpu->r[RBX], ==, 0x9500);
    g_assert_cmphex(cpu->r[RSI], ==, 7);
    g_assert_cmphex(cpu->seg[SEG_CS].attr, ==, ATTR_G | ATTR_DB | 0x9b);
    g_assert_cmphex(cpu->seg[SEG_FS].attr, ==, ATTR_NULL);
    g_assert_cmphex(cpu->tr.attr, ==, 0x8b);
    text = state_notes(NULL, cpu);
    g_assert_true(g_str_has_prefix(text, "instructions: "));
    free(text);
    machine_destroy(m);
}

/* ---- Between threads ---- */

static void test_tell(void)
{
    struct machine *m = machine_create();

    forgotten = written = 0;
    enable_all(m, false);
    soft_tell_others(cpu_of(m, 1), mmu_code_written, 3, 0x1000, 64);
    go(&m->cpu[0], NULL);
    g_assert_cmpuint(written, ==, 64);
    go(&m->cpu[1], NULL);
    g_assert_cmpuint(written, ==, 64);
    for (unsigned i = 0; i < 2 * MAIL_ROOM; i++)
        tell(m->soft, NULL, false, mmu_code_written, 3, 0x1000, 1);
    go(&m->cpu[1], NULL);
    g_assert_cmpuint(written, ==, 64 + MAIL_ROOM);
    g_assert_cmpuint(forgotten, ==, 1);
    soft_tell_others(cpu_of(m, 1), mmu_write_protect, 3, 0x1000, 4096); /* nobody runs: at once */
    machine_destroy(m);
}

static void test_wake(void)
{
    struct machine *m = machine_create();
    struct fake *f = &m->cpu[1];
    struct cpu *cpu = cpu_of(m, 1);

    cpu->asleep = true;
    cpu_note(cpu, WANT_BLOCKS);
    g_assert_false(f->kicked);
    cpu_want(cpu, WANT_NMI);
    g_assert_true(f->kicked);
    g_assert_cmphex(cpu->wanted & (WANT_BLOCKS | WANT_NMI), ==, WANT_BLOCKS | WANT_NMI);
    machine_destroy(m);
}

/* The thread of alarms need not know of a timer while guest code may halt before it. */
static void test_alarm_waits(void)
{
    struct machine *m = machine_create();
    struct cpu *cpu = cpu_of(m, 1);

    enable_all(m, false);
    put(cpu, 0x3e0, 0xb);
    put(cpu, 0x320, 0x40);
    cpu->instructions = 1000;
    put(cpu, 0x380, 500000000);
    g_assert_cmpuint(cpu->stop_at, >, 1000);
    g_assert_cmpuint(cpu->stop_at, <, 1000000);
    alarm_settle(cpu); /* not yet */
    g_assert_cmpuint(cpu->stop_at, <, 1000000);
    cpu->instructions = cpu->stop_at;
    alarm_settle(cpu);
    g_assert_cmphex(cpu->stop_at, ==, UINT64_MAX);
    put(cpu, 0x380, 1000); /* soon: at once */
    g_assert_cmphex(cpu->stop_at, ==, UINT64_MAX);
    put(cpu, 0x380, 500000000);
    put(cpu, 0x380, 0);
    g_assert_cmphex(cpu->stop_at, ==, UINT64_MAX);
    machine_destroy(m);
}

static gpointer processor_main(gpointer arg)
{
    struct fake *f = arg;

    run(NULL, &f->p->cpu);
    return NULL;
}

static unsigned rounds;

/* Passes an interrupt on to the next processor, has all others give up a page, and sleeps. */
static void guest_passes_on(struct fake *f)
{
    struct cpu *cpu = &f->p->cpu;
    unsigned next = (f->info.index + 1) % N_CPUS;

    f->guest = guest_passes_on;
    if (f->n_delivered) {
        f->n_delivered = 0;
        put(cpu, 0xb0, 0);
        soft_tell_others(cpu, mmu_write_protect, 3, 0, 4096);
        __atomic_fetch_add(&rounds, 1, __ATOMIC_RELAXED);
        put(cpu, 0x310, next << 24);
        put(cpu, 0x300, 0x40);
    }
    cpu->flags |= F_IF;
    cpu_recheck(cpu);
    cpu_halt(cpu);
}

static void test_threads(void)
{
    struct machine *m = machine_create();
    GThread *thread[N_CPUS];

    rounds = protected = 0;
    enable_all(m, false);
    for (unsigned i = 0; i < N_CPUS; i++) {
        m->cpu[i].threads = true;
        m->cpu[i].guest = guest_passes_on;
        thread[i] = g_thread_new("cpu", processor_main, &m->cpu[i]);
    }
    apic_message(m->soft, 0xfee00000, 0x40);
    while (__atomic_load_n(&rounds, __ATOMIC_RELAXED) < 2000)
        g_usleep(1000);
    for (unsigned i = 0; i < N_CPUS; i++) {
        __atomic_store_n(&m->cpu[i].stop, true, __ATOMIC_SEQ_CST);
        cpu_want(cpu_of(m, i), WANT_STOP);
    }
    for (unsigned i = 0; i < N_CPUS; i++)
        g_thread_join(thread[i]);
    g_assert_cmpuint(protected, >=, 2000);
    machine_destroy(m);
}

/* ---- CPUID ---- */

static void test_offer(void)
{
    uint32_t n;
    struct tenon_cpuid *list = offer_cpuid(&n);
    bool leaf_1 = false;

    for (uint32_t i = 0; i < n; i++) {
        if (list[i].leaf == 1) {
            leaf_1 = true;
            g_assert_cmphex(list[i].edx & 0x078bfbff, ==, 0x078bfbff & ~(1u << 18));
            g_assert_cmphex(list[i].ecx >> 31, ==, 0); /* it is not for us to say "hypervisor" */
            g_assert_cmphex(list[i].ecx & (1 << 21 | 1 << 24), ==, 1 << 21 | 1 << 24);
        }
        if (list[i].leaf == 0xd && !list[i].subleaf)
            g_assert_cmphex(list[i].eax & 3, ==, 3);
    }
    g_assert_true(leaf_1);
    free(list);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function) g_test_add_func("/soft-apic/" name, function)
    ADD("registers after a reset", test_reset);
    ADD("registers as memory", test_memory_access);
    ADD("MSRs that exist", test_x2_msrs);
    ADD("reserved bits of MSRs", test_x2_reserved);
    ADD("states of MSR 1Bh", test_base_states);
    ADD("bits of MSR 1Bh", test_base_bits);
    ADD("disabling forgets", test_disable);
    ADD("ids of x2APIC", test_x2_ids);
    ADD("priorities", test_priorities);
    ADD("level interrupts are broadcast when they end", test_eoi_broadcast);
    ADD("destinations in xAPIC mode", test_ipi_xapic);
    ADD("destinations in x2APIC mode", test_ipi_x2);
    ADD("errors", test_ipi_errors);
    ADD("lowest priority", test_lowest_priority);
    ADD("messages", test_messages);
    ADD("the 8259", test_lint0);
    ADD("the 8259 by a vector", test_lint0_level);
    ADD("timer: one shot", test_timer_one_shot);
    ADD("timer: divisors", test_timer_divide);
    ADD("timer: periodic", test_timer_periodic);
    ADD("timer: TSC deadline", test_timer_deadline);
    ADD("time stamp counter", test_tsc);
    ADD("an interrupt waits for IF", test_masked_interrupt);
    ADD("an interrupt waits for the instruction after STI", test_inhibit);
    ADD("an NMI waits for IRET", test_nmi_blocked);
    ADD("HLT sleeps until the timer", test_halt);
    ADD("MWAIT ends when its memory changes", test_mwait);
    ADD("a start-up message right behind INIT", test_init_sipi);
    ADD("INIT of the boot processor", test_init_boot_cpu);
    ADD("SMI and INIT wait for RSM", test_smi);
    ADD("faults and shutdown", test_faults);
    ADD("a kernel's entry state", test_start);
    ADD("telling other processors", test_tell);
    ADD("who sleeps is woken, or let sleep", test_wake);
    ADD("an alarm waits for guest code to run on", test_alarm_waits);
    ADD("four threads pass interrupts on", test_threads);
    ADD("CPUID offered", test_offer);
    return g_test_run();
}
