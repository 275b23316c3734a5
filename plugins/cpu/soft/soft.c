/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * soft - the accelerator "soft", or "tcg": x86-64 processors in software.
 *
 * Intel SDM volumes 1 to 3.  Each processor has a thread of the host's; cpu.h is its state, run.c
 * its loop.
 */
#include "soft.h"

#include <errno.h>
#include <stdlib.h>

#include <tenon/disas.h>

#include "blocks.h"
#include "check.h"
#include "jit-tell.h"
#include "jit.h"

/* ---- FERR# and IGNNE# of the first processor ---- */

static void ferr_changed(struct cpu *cpu, bool level)
{
    cpu->host->ferr(cpu->info->host, level);
}

/* The instruction is begun again once an interrupt has been served, or IGNNE# is there. */
static bool ferr_frozen(struct cpu *cpu)
{
    if (cpu->assist || __atomic_load_n(&cpu->soft->ignne, __ATOMIC_ACQUIRE))
        return false;
    cpu_halt(cpu);
    cpu->frozen = true;
    return true;
}

static void ignne(void *self, bool level)
{
    struct soft *soft = self;
    struct cpu *first = __atomic_load_n(&soft->cpus[0], __ATOMIC_ACQUIRE);

    __atomic_store_n(&soft->ignne, level, __ATOMIC_RELEASE);
    if (first && level)
        cpu_want(first, WANT_STOP);
}

/* ---- One processor ---- */

static void publish(struct soft *soft, uint32_t index, struct cpu *cpu)
{
    __atomic_store_n(&soft->cpus[index], cpu, __ATOMIC_RELEASE);
    if (index >= soft->n_cpus)
        __atomic_store_n(&soft->n_cpus, index + 1, __ATOMIC_RELEASE);
}

static int cpu_create(void *self, void *state, const struct tenon_cpu_info *info)
{
    struct soft *soft = self;
    struct processor *p = state;
    struct cpu *cpu = &p->cpu;
    int err;

    cpu->soft = soft;
    cpu->host = soft->host;
    cpu->info = info;
    cpu->bus = soft->bus;
    cpu->log = soft->log;
    cpu->apic = &p->apic;
    cpu->tsc = soft->tsc_possible && !info->counted ? &soft->tsc : NULL;
    cpu->stop_at = UINT64_MAX;
    cpu->one_insn = soft->one_insn;
    if (!info->index) {
        cpu->ferr_changed = ferr_changed;
        cpu->ferr_frozen = ferr_frozen;
    }
    p->apic.cpu = cpu;
    p->apic.id = info->apic_id;
    if (info->index >= SOFT_MAX_CPUS)
        return -E2BIG;
    err = mmu_create(cpu);
    if (!err)
        err = blocks_create(cpu);
    if (err)
        return err;
    pthread_mutex_init(&p->mailbox.lock, NULL);
    p->mailbox.ready = true;
    state_reset(self, cpu, NULL);
    publish(soft, info->index, cpu);
    return 0;
}

static void cpu_destroy(void *self, void *state)
{
    struct soft *soft = self;
    struct processor *p = state;

    if (p->mailbox.ready) {
        publish(soft, p->cpu.info->index, NULL);
        pthread_mutex_destroy(&p->mailbox.lock);
    }
    if (p->cpu.blocks)
        blocks_destroy(&p->cpu);
    if (p->cpu.tlb)
        mmu_destroy(&p->cpu);
}

/* It may have been set since; code that is decoded already, and linked, is not to be met again. */
static void update_one_insn(struct cpu *cpu, bool on)
{
    if (cpu->one_insn == on)
        return;
    cpu->one_insn = on;
    cpu_note(cpu, WANT_MEMORY);
}

/* Once, when the guest runs: who only stands in for KVM does not translate anyway. */
static void tell_hindered(struct soft *soft, const struct cpu *cpu)
{
    if (!soft->hindered || cpu->info->index)
        return;
    soft->hindered = false;
    tenon_log(soft->dev, TENON_LOG_INFO,
              "this host lets no memory be mapped to execute: guest code is interpreted, which is "
              "slower");
}

/* The first time: with code memory, now that it is known how many share it. */
static int cpu_run(void *self, void *state)
{
    struct soft *soft = self;
    struct cpu *cpu = state;
    int err = 0;

    tell_hindered(soft, cpu);
    if ((soft->perfmap || soft->jitdump) && !soft->translates)
        return tenon_error(soft->dev, -ENOTSUP,
                           "-perfmap and -jitdump need engine=translator: nothing is translated");
    if (soft->translates && !cpu->blocks->jit) {
        err = jit_tell_open(soft);
        if (err)
            return err;
        err = jit_create(cpu, jit_share_of((size_t)soft->tb_size << 20, soft->n_cpus),
                         soft->checks ? 1 : JIT_HEAT);
    }
    if (!err && soft->checks && !cpu->blocks->check)
        err = check_create(cpu);
    update_one_insn(cpu, soft->one_insn);
    return err ? tenon_error(soft->dev, err, "no memory for translated code") : run(self, cpu);
}

static void cpu_kick(void *self, void *cpu)
{
    cpu_want(cpu, WANT_STOP);
}

/* ---- All processors ---- */

static const struct tenon_cpuid *cpuid(void *self, uint32_t *n)
{
    const struct soft *soft = self;

    *n = soft->n_cpuid;
    return soft->cpuid;
}

static void intr(void *self, bool level)
{
    apic_line(self, level);
}

static void cpu_nmi(void *self, void *cpu)
{
    apic_nmi(cpu);
}

static void cpu_lapic(void *self, void *cpu, uint32_t regs[64])
{
    apic_show(((struct cpu *)cpu)->apic, regs);
}

static bool msi(void *self, uint64_t addr, uint32_t data)
{
    return apic_message(self, addr, data);
}

static void smi(void *self, uint32_t index)
{
    struct soft *soft = self;

    if (index < __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE) && soft->cpus[index])
        cpu_want(soft->cpus[index], WANT_SMI);
}

static uint64_t cpu_executed(void *self, void *cpu)
{
    return blocks_executed(cpu);
}

static void cpu_budget(void *self, void *cpu)
{
    if (((struct processor *)cpu)->mailbox.in_guest)
        budget_renew(cpu);
}

static void memory_changed(void *self)
{
    struct soft *soft = self;
    unsigned n = __atomic_load_n(&soft->n_cpus, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < n; i++) {
        struct cpu *cpu = __atomic_load_n(&soft->cpus[i], __ATOMIC_ACQUIRE);

        if (cpu)
            cpu_note(cpu, WANT_MEMORY);
    }
}

static void code_written(void *self, uint32_t block, uint64_t offset, uint64_t bytes)
{
    tell(self, mmu_writer, false, mmu_code_written, block, offset, bytes);
}

/* ---- A debugger outside the guest ---- */

/* They decode their code anew, and fill their TLBs, before they run. */
static void debug(void *self, const struct tenon_debug_point *points, uint32_t n)
{
    struct soft *soft = self;

    for (unsigned i = 0; i < soft->n_cpus; i++) {
        struct cpu *cpu = soft->cpus[i];

        if (!cpu)
            continue;
        cpu->watch.points = points;
        cpu->watch.n = n;
        cpu_note(cpu, WANT_MEMORY);
    }
}

static void cpu_step(void *self, void *state, uint32_t flags)
{
    struct cpu *cpu = state;

    cpu->watch.step = flags;
    cpu->watch.hit = 0;
}

/* ---- The accelerator ---- */

enum { THREAD_SINGLE, THREAD_MULTI };
enum { ENGINE_AUTO, ENGINE_INTERPRETER, ENGINE_TRANSLATOR, ENGINE_CHECK };

static int choose_engine(struct soft *soft)
{
    soft->checks = soft->engine == ENGINE_CHECK;
    soft->translates = soft->engine != ENGINE_INTERPRETER;
    if (!soft->translates || jit_possible())
        return 0;
    if (soft->engine != ENGINE_AUTO)
        return tenon_error(
            soft->dev, -ENOTSUP,
            "the translator needs an x86-64 host that lets it map memory to execute");
    soft->translates = false;
#ifdef __x86_64__
    soft->hindered = true;
#endif
    return 0;
}

static int create(void *self)
{
    struct soft *soft = self;

    pthread_mutex_init(&soft->told.lock, NULL);
    tsc_create(&soft->tsc);
    soft->tsc_possible = tsc_possible();
    soft->host = tenon_query(soft->dev, "tenon.accel-host/1");
    if (!soft->host || soft->host->size < sizeof(*soft->host))
        return tenon_error(soft->dev, -ENOTSUP, "this emulator is too old for it");
    soft->log = tenon_query(soft->dev, "tenon.log/1");
    soft->disas = tenon_query(soft->dev, "tenon.disassembler/1");
    if (soft->thread == THREAD_SINGLE)
        return tenon_error(soft->dev, -ENOTSUP,
                           "thread=single is not there: each processor has its thread");
    if (choose_engine(soft))
        return -ENOTSUP;
    if (soft->checks && soft->disas && soft->disas->size >= sizeof(*soft->disas))
        soft->disas->open(soft->dev);
    soft->cpuid = offer_cpuid(&soft->n_cpuid);
    soft->bus = bus_create();
    soft->alarms = alarms_create(soft);
    if (!soft->cpuid || !soft->bus || !soft->alarms)
        return tenon_error(soft->dev, -ENOMEM, "no memory, or no thread");
    return 0;
}

static void destroy(void *self)
{
    struct soft *soft = self;

    alarms_destroy(soft->alarms);
    if (soft->bus)
        bus_destroy(soft->bus);
    free(soft->cpuid);
    jit_tell_close(soft);
    pthread_mutex_destroy(&soft->told.lock);
    tsc_destroy(&soft->tsc);
}

static const struct tenon_accel_ops ops = {
    .size = sizeof(ops),
    .cpu_size = sizeof(struct processor),
    .cpuid = cpuid,
    .cpu_create = cpu_create,
    .cpu_destroy = cpu_destroy,
    .cpu_run = cpu_run,
    .cpu_kick = cpu_kick,
    .cpu_reset = state_reset,
    .cpu_notes = state_notes,
    .intr = intr,
    .ignne = ignne,
    .msi = msi,
    .memory_changed = memory_changed,
    .code_written = code_written,
    .assist = assist,
    .cpu_get = state_get,
    .cpu_set = state_set,
    .debug = debug,
    .cpu_step = cpu_step,
    .executed = cpu_executed,
    .cpu_budget = cpu_budget,
    .stand_in = stand_in,
    .cpu_nmi = cpu_nmi,
    .smi = smi,
    .cpu_lapic = cpu_lapic,
    .feature_msr = feature_msr,
};

static const char *const threads[] = { "single", "multi", NULL };
static const char *const engines[] = { "auto", "interpreter", "translator", "check", NULL };

// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct soft, "one-insn-per-tb", TENON_BOOL, one_insn,
               .flags = TENON_PROP_LIVE, .help = "Decode one instruction at a time"),
    TENON_PROP(struct soft, "thread",          TENON_ENUM, thread, .initial = THREAD_MULTI,
               .names = threads, .help = "Threads that run processors; only multi: one each"),
    TENON_PROP(struct soft, "engine",          TENON_ENUM, engine, .initial = ENGINE_AUTO,
               .names = engines, .help = "How code is run; auto: by the translator where it can be; check: by both"),
    TENON_PROP(struct soft, "tb-size",         TENON_U32, tb_size, .initial = 64, .min = 1,
               .max = 2048, .help = "MiB for translated code, of all processors"),
    TENON_PROP(struct soft, "perfmap",         TENON_BOOL, perfmap,
               .help = "Write /tmp/perf-PID.map of translated code, for perf"),
    TENON_PROP(struct soft, "jitdump",         TENON_BOOL, jitdump,
               .help = "Write jit-PID.dump with translated code, for perf inject"),
};
// clang-format on

TENON_ACCEL(soft, "soft tcg", "The software processor: runs x86-64 guests anywhere", .ops = &ops,
            .props = TENON_ARRAY(props), .create = create, .destroy = destroy);
TENON_PLUGIN(&tenon_type_soft);
