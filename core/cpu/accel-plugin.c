/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * accel-plugin - an accelerator that is a plugin, as the core sees it; and the core as that plugin
 * sees it (tenon.accel-host/1).
 */

#include "cpu/accel-plugin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <glib.h>

#include <tenon/accel.h>

#include "cpu/accel.h"
#include "cpu/icount.h"
#include "cpu/model.h"
#include "loop/loop.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

/* An accelerator's state. */
struct guest {
    struct accel_ops table; /* the core's, with this plugin's name */
    struct tenon_accel_ops ops;
    struct machine *machine;
    struct inst *inst;
    struct space_listener listener;
    GPtrArray *blocks; /* watched ones, by their number; grows under lock */
    pthread_mutex_t lock;
    struct icount *icount; /* NULL: guest time is the host's */
};

/* A processor's: what the plugin gets as host. */
struct processor {
    struct vcpu *cpu;
    struct guest *guest;
    void *state;
    struct tenon_cpu_info info;
    struct tenon_cpuid *cpuid;
    struct tenon_feature_msr *msrs;
    const struct helped *helped; /* NULL: it helps nobody */
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool kicked;
    bool smm;             /* it sees machine->smram */
    struct block *marked; /* the block it marked last, or NULL; [its thread] */
    uint32_t marked_number;
};

static struct guest *guest_of(const struct accel *accel)
{
    return accel->state;
}

/* ---- What the plugin asks ---- */

static bool host_must_stop(void *host)
{
    return vcpu_must_stop(((struct processor *)host)->cpu);
}

static void set_online(struct processor *p, bool online)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(p->cpu->readers); i++)
        space_reader_offline(p->cpu->readers[i], !online);
}

static uint64_t executed(struct processor *p)
{
    return p->guest->ops.executed(p->guest->inst->state, p->state);
}

/* The guest is about to look at time, or at a device. */
static void sync_time(struct processor *p)
{
    if (p->guest->icount && pthread_equal(p->cpu->thread, pthread_self()))
        icount_sync(p->guest->icount, executed(p));
}

static bool host_turn(void *host)
{
    struct processor *p = host;
    bool mine;

    set_online(p, false);
    mine = icount_turn(p->guest->icount, p->cpu->index, executed(p));
    set_online(p, true);
    return mine;
}

static uint64_t host_budget(void *host, uint64_t deadline)
{
    struct processor *p = host;

    return icount_budget(p->guest->icount, executed(p), deadline);
}

static void host_yield(void *host)
{
    struct processor *p = host;

    icount_yield(p->guest->icount, executed(p));
}

/* Guest time goes as fast as the monotonic clock while the guest runs. */
static struct timespec to_monotonic(struct processor *p, uint64_t deadline)
{
    uint64_t now = loop_now(p->guest->machine->loop, CLOCK_GUEST), at;
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    at = t.tv_nsec + (deadline > now ? MIN(deadline - now, 3600 * UINT64_C(1000000000)) : 0);
    t.tv_sec += at / 1000000000;
    t.tv_nsec = at % 1000000000;
    return t;
}

/* Beside the host's clock. */
static void wait_real(struct processor *p, uint64_t deadline)
{
    struct timespec until =
        deadline == UINT64_MAX ? (struct timespec){ 0 } : to_monotonic(p, deadline);
    int err = 0;

    pthread_mutex_lock(&p->lock);
    while (!p->kicked && !err)
        err = deadline == UINT64_MAX ? pthread_cond_wait(&p->woken, &p->lock)
                                     : pthread_cond_timedwait(&p->woken, &p->lock, &until);
    p->kicked = false;
    pthread_mutex_unlock(&p->lock);
}

static void host_wait(void *host, uint64_t deadline)
{
    struct processor *p = host;

    set_online(p, false);
    if (p->guest->icount)
        icount_wait(p->guest->icount, p->cpu->index, executed(p), deadline);
    else
        wait_real(p, deadline);
    set_online(p, true);
}

static void host_wake(void *host)
{
    struct processor *p = host;

    if (p->guest->icount) {
        icount_wake(p->guest->icount, p->cpu->index);
        return;
    }
    if (p->helped) {
        p->helped->wake(p->cpu);
        return;
    }
    pthread_mutex_lock(&p->lock);
    p->kicked = true;
    pthread_cond_signal(&p->woken);
    pthread_mutex_unlock(&p->lock);
}

static struct space *space_of(struct processor *p, uint32_t space)
{
    return space == TENON_IO ? p->guest->machine->io : p->guest->machine->mem;
}

/* What is not in the spaces may be in the chips of the accelerator that is helped. */
static bool is_others(struct processor *p, uint32_t space, uint64_t addr)
{
    struct range r;

    if (!p->helped)
        return false;
    r = space_at(space_of(p, space), addr);
    return !r.block && !r.mapping;
}

static uint64_t host_read(void *host, uint32_t space, uint64_t addr, unsigned size)
{
    struct processor *p = host;

    sync_time(p);
    if (is_others(p, space, addr))
        return p->helped->read(p->cpu, space == TENON_IO, addr, size);
    return space_read(space_of(p, space), addr, size, false);
}

/* What puts the machine to sleep, or resets it, stops the processor before its next instruction. */
static void host_write(void *host, uint32_t space, uint64_t addr, uint64_t value, unsigned size)
{
    struct processor *p = host;

    sync_time(p);
    if (is_others(p, space, addr))
        p->helped->write(p->cpu, space == TENON_IO, addr, value, size);
    else
        space_write(space_of(p, space), addr, value, size, false);
    if (vcpu_must_stop(p->cpu))
        p->guest->ops.cpu_kick(p->guest->inst->state, p->state);
}

static void code_written(void *arg, struct block *block, uint64_t offset, uint64_t bytes);

/* Blocks get their numbers as they are met. */
static uint32_t block_number(struct guest *g, struct block *block)
{
    guint n;

    pthread_mutex_lock(&g->lock);
    for (n = 0; n < g->blocks->len && g->blocks->pdata[n] != block; n++)
        ;
    if (n == g->blocks->len) {
        g_ptr_array_add(g->blocks, block);
        block_watch(block, code_written, g);
    }
    pthread_mutex_unlock(&g->lock);
    return n;
}

static struct block *block_numbered(struct guest *g, uint32_t n)
{
    struct block *block;

    pthread_mutex_lock(&g->lock);
    block = n < g->blocks->len ? g->blocks->pdata[n] : NULL;
    pthread_mutex_unlock(&g->lock);
    return block;
}

/* The machine's RAM where system management mode sees it; false: addr is not there. */
static bool find_smram(const struct machine *m, uint64_t addr, struct range *r)
{
    uint64_t bytes = __atomic_load_n(&m->smram.bytes, __ATOMIC_ACQUIRE);
    uint64_t offset = addr - m->smram.base;

    if (offset >= bytes || addr >= m->ram->bytes)
        return false;
    *r = (struct range){ .block = m->ram,
                         .offset = addr,
                         .bytes = MIN(bytes - offset, m->ram->bytes - addr),
                         .flags = MAP_READ | MAP_WRITE };
    return true;
}

static void host_lookup(void *host, uint64_t addr, struct tenon_ram *ram)
{
    struct processor *p = host;
    struct range r;

    if (!p->smm || !find_smram(p->guest->machine, addr, &r))
        r = range_as_read(space_at(p->guest->machine->mem, addr));

    *ram = (struct tenon_ram){ .bytes = r.bytes };
    if (!r.block)
        return;
    ram->host = r.block->host + r.offset;
    ram->block = block_number(p->guest, r.block);
    ram->writable = r.flags & MAP_WRITE && !r.block->readonly;
    ram->offset = r.offset;
}

/* Numbers keep their blocks. */
static void host_mark(void *host, uint32_t block, uint64_t offset, uint64_t bytes)
{
    struct processor *p = host;

    if (!p->marked || p->marked_number != block) {
        p->marked = block_numbered(p->guest, block);
        p->marked_number = block;
    }
    if (p->marked)
        block_mark(p->marked, offset, bytes);
}

static void host_watch(void *host, uint32_t block, uint64_t offset)
{
    struct block *b = block_numbered(((struct processor *)host)->guest, block);

    if (b && offset < b->bytes)
        block_watch_page(b, offset);
}

static uint64_t host_now(void *host)
{
    sync_time(host);
    return loop_now(((struct processor *)host)->guest->machine->loop, CLOCK_GUEST);
}

static int host_acknowledge(void *host)
{
    struct machine *m = ((struct processor *)host)->guest->machine;
    int vector;

    sync_time(host);
    loop_lock(m->loop);
    vector = machine_acknowledge(m);
    loop_unlock(m->loop);
    return vector;
}

static void host_eoi(void *host, unsigned vector)
{
    struct machine *m = ((struct processor *)host)->guest->machine;

    sync_time(host);
    loop_lock(m->loop);
    machine_eoi(m, vector);
    loop_unlock(m->loop);
}

static void host_ferr(void *host, bool level)
{
    struct processor *p = host;
    struct machine *m = p->guest->machine;

    if (p->cpu->index)
        return;
    sync_time(p);
    loop_lock(m->loop);
    machine_ferr(m, level);
    loop_unlock(m->loop);
}

static void host_shutdown(void *host)
{
    machine_request(((struct processor *)host)->guest->machine, TENON_POWER_RESET, 0);
}

static void host_quiescent(void *host)
{
    struct processor *p = host;

    for (unsigned i = 0; i < G_N_ELEMENTS(p->cpu->readers); i++)
        space_reader_quiescent(p->cpu->readers[i]);
}

static void host_stopped(void *host, uint32_t why, uint64_t address)
{
    vcpu_stopped(((struct processor *)host)->cpu, why, address);
}

static bool host_other_msr(void *host, bool write, uint32_t index, uint64_t *value)
{
    struct processor *p = host;

    return p->helped && p->helped->msr(p->cpu, write, index, value);
}

static uint64_t host_other_tsc(void *host)
{
    struct processor *p = host;

    return p->helped ? p->helped->tsc(p->cpu) : 0;
}

static int host_other_interrupt(void *host, uint32_t how)
{
    struct processor *p = host;

    return p->helped ? p->helped->interrupt(p->cpu, how) : TENON_NO_INTERRUPT;
}

static void host_smm(void *host, bool on)
{
    ((struct processor *)host)->smm = on;
}

const struct tenon_accel_host accel_host_service = {
    .size = sizeof(struct tenon_accel_host),
    .must_stop = host_must_stop,
    .wait = host_wait,
    .read = host_read,
    .write = host_write,
    .lookup = host_lookup,
    .mark = host_mark,
    .watch = host_watch,
    .now = host_now,
    .acknowledge = host_acknowledge,
    .eoi = host_eoi,
    .shutdown = host_shutdown,
    .quiescent = host_quiescent,
    .wake = host_wake,
    .stopped = host_stopped,
    .turn = host_turn,
    .budget = host_budget,
    .yield = host_yield,
    .ferr = host_ferr,
    .other_msr = host_other_msr,
    .other_tsc = host_other_tsc,
    .other_interrupt = host_other_interrupt,
    .smm = host_smm,
};

/* ---- What the plugin is told ---- */

static void code_written(void *arg, struct block *block, uint64_t offset, uint64_t bytes)
{
    struct guest *g = arg;

    if (g->ops.code_written)
        g->ops.code_written(g->inst->state, block_number(g, block), offset, bytes);
}

static void memory_published(void *arg)
{
    struct guest *g = arg;

    if (g->ops.memory_changed)
        g->ops.memory_changed(g->inst->state);
}

/* ---- What the core asks ---- */

static void guest_free(struct guest *g)
{
    if (g->listener.published)
        space_unlisten(g->machine->mem, &g->listener);
    icount_destroy(g->icount);
    g_ptr_array_free(g->blocks, TRUE);
    pthread_mutex_destroy(&g->lock);
    g_free(g);
}

static void guest_close(struct accel *accel)
{
    guest_free(guest_of(accel));
}

static void guest_listen(struct guest *g)
{
    g->listener = (struct space_listener){ .published = memory_published, .arg = g };
    space_listen(g->machine->mem, &g->listener);
}

static void guest_vcpu_kick(struct vcpu *cpu)
{
    struct processor *p = cpu->state;

    if (!p || !p->state)
        return;
    p->guest->ops.cpu_kick(p->guest->inst->state, p->state);
    host_wake(p);
}

/* Another timer comes first now. */
static void timer_sooner(void *arg, unsigned index, bool own)
{
    struct guest *g = arg;
    struct vcpu *cpu = &g->machine->cpus[index];
    struct processor *p = cpu->state;

    if (own)
        g->ops.cpu_budget(g->inst->state, p->state);
    else
        guest_vcpu_kick(cpu);
}

static int guest_board(struct accel *accel)
{
    struct guest *g = guest_of(accel);
    const struct config_group *icount = config_find(g->machine->config, "icount", NULL);

    if (icount && (!g->ops.executed || !g->ops.cpu_budget)) {
        report(icount->from, "the accelerator %s counts no instructions", g->table.name);
        return -ENOTSUP;
    }
    if (icount)
        g->icount = icount_create(g->machine, icount, timer_sooner, g);
    if (icount && !g->icount)
        return -EINVAL;
    guest_listen(g);
    return 0;
}

static int guest_cpuid(struct accel *accel, struct cpuid_entry **entries, unsigned *n)
{
    struct guest *g = guest_of(accel);
    const struct tenon_cpuid *leaves = g->ops.cpuid(g->inst->state, n);

    *entries = g_new0(struct cpuid_entry, *n);
    for (unsigned i = 0; i < *n; i++)
        (*entries)[i] = (struct cpuid_entry){
            .leaf = leaves[i].leaf,
            .subleaf = leaves[i].subleaf,
            .flags = leaves[i].indexed ? CPUID_INDEXED : 0,
            .eax = leaves[i].eax,
            .ebx = leaves[i].ebx,
            .ecx = leaves[i].ecx,
            .edx = leaves[i].edx,
        };
    return 0;
}

static bool guest_msr(void *accel, uint32_t index, uint64_t *value)
{
    struct guest *g = guest_of(accel);

    return g->ops.feature_msr && g->ops.feature_msr(g->inst->state, index, value);
}

static void processor_info(struct processor *p, const struct vcpu *cpu)
{
    p->cpuid = g_new0(struct tenon_cpuid, cpu->n_cpuid);
    for (unsigned i = 0; i < cpu->n_cpuid; i++) {
        const struct cpuid_entry *e = &cpu->cpuid[i];

        p->cpuid[i] = (struct tenon_cpuid){
            .leaf = e->leaf,
            .subleaf = e->subleaf,
            .indexed = e->flags & CPUID_INDEXED,
            .eax = e->eax,
            .ebx = e->ebx,
            .ecx = e->ecx,
            .edx = e->edx,
        };
    }
    p->msrs = g_new0(struct tenon_feature_msr, cpu->n_msrs);
    for (unsigned i = 0; i < cpu->n_msrs; i++)
        p->msrs[i] =
            (struct tenon_feature_msr){ .index = cpu->msrs[i].index, .value = cpu->msrs[i].value };
    p->info = (struct tenon_cpu_info){
        .size = sizeof(p->info),
        .index = cpu->index,
        .apic_id = cpu->apic_id,
        .cpuid = p->cpuid,
        .n_cpuid = cpu->n_cpuid,
        .phys_bits = cpu->machine->info.phys_bits,
        .tsc_hz = cpu->tsc_hz,
        .host = p,
        .counted = p->guest->icount != NULL,
        .msrs = p->msrs,
        .n_msrs = cpu->n_msrs,
    };
}

static struct processor *processor_new(struct guest *g, struct vcpu *cpu)
{
    struct processor *p = g_new0(struct processor, 1);
    pthread_condattr_t attr;

    p->cpu = cpu;
    p->guest = g;
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->woken, &attr);
    pthread_condattr_destroy(&attr);
    processor_info(p, cpu);
    return p;
}

static int processor_create(struct processor *p)
{
    const struct guest *g = p->guest;

    p->state = aligned_alloc(64, (g->ops.cpu_size + 63) / 64 * 64);
    if (!p->state)
        return -ENOMEM;
    memset(p->state, 0, g->ops.cpu_size);
    return g->ops.cpu_create(g->inst->state, p->state, &p->info);
}

static void processor_destroy(struct processor *p)
{
    if (p->state)
        p->guest->ops.cpu_destroy(p->guest->inst->state, p->state);
    pthread_cond_destroy(&p->woken);
    pthread_mutex_destroy(&p->lock);
    free(p->state);
    g_free(p->cpuid);
    g_free(p->msrs);
    g_free(p);
}

static int guest_vcpu_create(struct vcpu *cpu)
{
    struct processor *p = processor_new(guest_of(cpu->accel), cpu);

    cpu->state = p;
    return processor_create(p);
}

static void guest_vcpu_destroy(struct vcpu *cpu)
{
    struct processor *p = cpu->state;

    cpu->state = NULL;
    processor_destroy(p);
}

static int guest_vcpu_run(struct vcpu *cpu)
{
    struct processor *p = cpu->state;
    int err;

    if (p->guest->icount)
        icount_enter(p->guest->icount, cpu->index);
    set_online(p, true);
    err = p->guest->ops.cpu_run(p->guest->inst->state, p->state);
    set_online(p, false);
    return err;
}

static void guest_vcpu_reset(struct vcpu *cpu, const struct tenon_x86_start *start)
{
    struct processor *p = cpu->state;

    p->guest->ops.cpu_reset(p->guest->inst->state, p->state, start);
}

static int guest_vcpu_get(struct vcpu *cpu, struct tenon_x86_state *state)
{
    struct processor *p = cpu->state;

    if (!p->guest->ops.cpu_get)
        return -ENOTSUP;
    *state = (struct tenon_x86_state){ .size = sizeof(*state) };
    p->guest->ops.cpu_get(p->guest->inst->state, p->state, state);
    return 0;
}

static int guest_vcpu_set(struct vcpu *cpu, const struct tenon_x86_state *state)
{
    struct processor *p = cpu->state;

    return p->guest->ops.cpu_set ? p->guest->ops.cpu_set(p->guest->inst->state, p->state, state)
                                 : -ENOTSUP;
}

static char *guest_vcpu_notes(struct vcpu *cpu)
{
    struct processor *p = cpu->state;
    char *text =
        p->guest->ops.cpu_notes ? p->guest->ops.cpu_notes(p->guest->inst->state, p->state) : NULL;
    char *copy = g_strdup(text);

    free(text);
    return copy;
}

static int guest_debug(struct accel *accel, const struct tenon_debug_point *points, unsigned n,
                       bool int3)
{
    struct guest *g = guest_of(accel);

    if (!g->ops.debug || !g->ops.cpu_step)
        return -ENOTSUP;
    g->ops.debug(g->inst->state, points, n);
    return 0;
}

static void guest_vcpu_step(struct vcpu *cpu, unsigned flags)
{
    struct processor *p = cpu->state;

    if (p->guest->ops.cpu_step)
        p->guest->ops.cpu_step(p->guest->inst->state, p->state, flags);
}

static void guest_vcpu_nmi(struct vcpu *cpu)
{
    struct processor *p = cpu->state;

    if (p->guest->ops.cpu_nmi)
        p->guest->ops.cpu_nmi(p->guest->inst->state, p->state);
}

static bool guest_vcpu_lapic(struct vcpu *cpu, uint32_t regs[64])
{
    struct processor *p = cpu->state;

    if (p->guest->ops.cpu_lapic)
        p->guest->ops.cpu_lapic(p->guest->inst->state, p->state, regs);
    return p->guest->ops.cpu_lapic;
}

static void guest_intr(struct accel *accel, bool level)
{
    struct guest *g = guest_of(accel);

    g->ops.intr(g->inst->state, level);
}

static void guest_ignne(struct accel *accel, bool level)
{
    struct guest *g = guest_of(accel);

    if (g->ops.ignne)
        g->ops.ignne(g->inst->state, level);
}

static bool guest_msi(struct accel *accel, uint64_t addr, uint32_t data)
{
    struct guest *g = guest_of(accel);

    return g->ops.msi(g->inst->state, addr, data);
}

static void guest_smi(struct accel *accel, unsigned cpu)
{
    struct guest *g = guest_of(accel);

    g->ops.smi(g->inst->state, cpu);
}

static void guest_smram(struct accel *accel)
{
    memory_published(guest_of(accel));
}

static struct inst *guest_inst(struct accel *accel)
{
    return guest_of(accel)->inst;
}

static const struct accel_ops guest_ops = {
    .close = guest_close,
    .board = guest_board,
    .cpuid = guest_cpuid,
    .msr = guest_msr,
    .vcpu_create = guest_vcpu_create,
    .vcpu_destroy = guest_vcpu_destroy,
    .vcpu_run = guest_vcpu_run,
    .vcpu_kick = guest_vcpu_kick,
    .vcpu_reset = guest_vcpu_reset,
    .vcpu_get = guest_vcpu_get,
    .vcpu_set = guest_vcpu_set,
    .vcpu_notes = guest_vcpu_notes,
    .debug = guest_debug,
    .vcpu_step = guest_vcpu_step,
    .inst = guest_inst,
    .vcpu_nmi = guest_vcpu_nmi,
    .vcpu_lapic = guest_vcpu_lapic,
    .intr = guest_intr,
    .ignne = guest_ignne,
    .msi = guest_msi,
    .smi = guest_smi,
    .smram = guest_smram,
};

/* ---- Opening ---- */

/* Options, and what they are to an accelerator that knows them. */
static const struct {
    const char *option, *prop;
} switches[] = {
    { "singlestep", ACCEL_ONE_INSN },
    { "perfmap", "perfmap" },
    { "jitdump", "jitdump" },
};

static struct inst *make_inst(struct machine *m, const char *name, const struct config_group *group,
                              const char *where)
{
    const struct type *type = plugins_load(m->plugins, "accel", name, where);
    bool own = group && !strcmp(group->kind, "accel");
    struct setting *settings =
        g_new(struct setting, G_N_ELEMENTS(switches) + (own ? group->n_opts : 0));
    struct inst *inst = NULL;
    unsigned n = 0;

    for (unsigned i = 0; type && i < G_N_ELEMENTS(switches); i++)
        if (config_find(m->config, switches[i].option, NULL) && type_prop(type, switches[i].prop))
            settings[n++] = (struct setting){ switches[i].prop, "on" };
    for (unsigned i = 0; own && i < group->n_opts; i++)
        if (strcmp(group->opts[i].key, "accel"))
            settings[n++] = (struct setting){ group->opts[i].key, group->opts[i].value };
    if (type)
        inst = inst_create(m, type, NULL, where, settings, n);
    g_free(settings);
    return inst;
}

static struct guest *guest_open(struct machine *m, const char *name,
                                const struct config_group *group)
{
    const char *where = group ? group->from : "-accel";
    struct inst *inst = make_inst(m, name, group, where);
    const struct tenon_accel_ops *ops = inst ? inst->type->t.ops : NULL;
    struct guest *g;

    if (!ops)
        return NULL;
    g = g_new0(struct guest, 1);
    g->machine = m;
    g->inst = inst;
    g->blocks = g_ptr_array_new();
    pthread_mutex_init(&g->lock, NULL);
    memcpy(&g->ops, ops, MIN(ops->size, sizeof(g->ops)));
    return g;
}

int accel_plugin_open(struct accel *accel, struct machine *m, const char *name,
                      const struct config_group *group)
{
    struct guest *g = guest_open(m, name, group);

    if (!g)
        return -ENOENT;
    g->table = guest_ops;
    g->table.name = g->inst->type->t.name;
    if (!g->ops.smi)
        g->table.smi = NULL;
    accel->ops = &g->table;
    accel->state = g;
    return 0;
}

/* ---- Helping another accelerator ---- */

/* It is told of memory until the machine's devices, which came before it, are gone. */
static void destroy_last(struct inst *inst)
{
    struct inst **at = &inst->machine->insts;

    while (*at != inst)
        at = &(*at)->next;
    *at = inst->next;
    inst->next = inst->machine->insts;
    inst->machine->insts = inst;
}

struct guest *accel_helper_open(struct machine *m, const char *name)
{
    struct guest *g = guest_open(m, name, NULL);

    if (g && !g->ops.assist) {
        guest_free(g);
        return NULL;
    }
    if (g) {
        destroy_last(g->inst);
        guest_listen(g);
    }
    return g;
}

void accel_helper_close(struct guest *helper)
{
    guest_free(helper);
}

struct processor *accel_helper_processor(struct guest *helper, struct vcpu *cpu,
                                         const struct helped *helped)
{
    struct processor *p = processor_new(helper, cpu);

    p->helped = helped;
    if (!processor_create(p))
        return p;
    processor_destroy(p);
    return NULL;
}

void accel_helper_drop(struct processor *p)
{
    processor_destroy(p);
}

int accel_helper_assist(struct processor *p, struct tenon_x86_state *state)
{
    return p->guest->ops.assist(p->guest->inst->state, p->state, state);
}

bool accel_helper_stands_in(const struct guest *helper)
{
    return helper->ops.stand_in;
}

int accel_helper_stand_in(struct processor *p, struct tenon_x86_state *state)
{
    return p->guest->ops.stand_in(p->guest->inst->state, p->state, state);
}

void accel_helper_kick(struct processor *p)
{
    p->guest->ops.cpu_kick(p->guest->inst->state, p->state);
}

void accel_helper_debug(struct guest *helper, const struct tenon_debug_point *points, unsigned n)
{
    if (helper->ops.debug)
        helper->ops.debug(helper->inst->state, points, n);
}

void accel_helper_step(struct processor *p, unsigned flags)
{
    if (p->guest->ops.cpu_step)
        p->guest->ops.cpu_step(p->guest->inst->state, p->state, flags);
}
