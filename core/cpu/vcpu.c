/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vcpu - the threads of a machine's processors: made, stopped, let go, and ended. */

#include "cpu/accel.h"
#include "cpu/state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "debug/events.h"
#include "debug/log.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "report.h"

static struct vcpu *first(struct machine *m)
{
    return m->cpus;
}

static struct vcpu *end(struct machine *m)
{
    return m->cpus ? m->cpus + m->info.cpus : NULL;
}

static void ask_stop(struct vcpu *cpu)
{
    __atomic_store_n(&cpu->stop, true, __ATOMIC_SEQ_CST);
    cpu->accel->ops->vcpu_kick(cpu);
}

/* ---- In the thread of a processor ---- */

bool vcpu_must_stop(const struct vcpu *cpu)
{
    return __atomic_load_n(&cpu->stop, __ATOMIC_SEQ_CST) ||
           __atomic_load_n(&cpu->machine->request, __ATOMIC_ACQUIRE);
}

/* [main, locked] */
static void stop_machine(void *arg)
{
    machine_failed(arg);
}

/* [main, locked] */
static void pause_machine(void *arg)
{
    struct machine *m = arg;

    if (m->state == STATE_RUNNING)
        machine_pause(m, STATE_DEBUG);
}

void vcpu_stopped(struct vcpu *cpu, uint32_t why, uint64_t where)
{
    cpu->why = why;
    cpu->where = where;
    __atomic_store_n(&cpu->stop, true, __ATOMIC_SEQ_CST);
    loop_call(cpu->machine->loop, pause_machine, cpu->machine);
}

static void run(struct vcpu *cpu)
{
    struct machine *m = cpu->machine;
    int err;

    loop_unlock(m->loop);
    err = cpu->accel->ops->vcpu_run(cpu);
    loop_lock(m->loop);
    if (err < 0) {
        cpu->error = err;
        cpu->stop = true;
        loop_call(m->loop, stop_machine, m);
    }
}

static void park(struct vcpu *cpu)
{
    cpu->stopped = true;
    pthread_cond_broadcast(&cpu->changed);
    while (vcpu_must_stop(cpu) && !cpu->quit)
        loop_wait(cpu->machine->loop, &cpu->changed);
    cpu->stopped = false;
}

static void *vcpu_main(void *arg)
{
    struct vcpu *cpu = arg;
    struct machine *m = cpu->machine;

    cpu->tid = gettid();
    cpu->readers[0] = space_reader_create(m->mem);
    cpu->readers[1] = space_reader_create(m->io);
    cpu->error = cpu->accel->ops->vcpu_create(cpu);

    loop_lock(m->loop);
    cpu->created = true;
    while (!cpu->quit) {
        if (vcpu_must_stop(cpu))
            park(cpu);
        else
            run(cpu);
    }
    loop_unlock(m->loop);

    cpu->accel->ops->vcpu_destroy(cpu);
    space_reader_destroy(cpu->readers[0]);
    space_reader_destroy(cpu->readers[1]);
    return NULL;
}

/* ---- In the main thread ---- */

/* The processor's thread takes no signals but its faults; the accelerator opens what it kicks with.
 */
static int start_thread(struct vcpu *cpu)
{
    static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP };
    sigset_t blocked, old;
    int err;

    sigfillset(&blocked);
    for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        sigdelset(&blocked, faults[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &old);
    err = pthread_create(&cpu->thread, NULL, vcpu_main, cpu);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return -err;
}

/* "CPU 0/KVM": the form in which tools look for the threads of processors. */
static void name_thread(const struct vcpu *cpu)
{
    char *accel = g_ascii_strup(cpu->accel->ops->name, -1);
    char name[16];

    snprintf(name, sizeof(name), "CPU %u/%s", cpu->index, accel);
    pthread_setname_np(cpu->thread, name);
    g_free(accel);
}

static int vcpu_start(struct machine *m, struct vcpu *cpu)
{
    int err;

    cpu->accel = m->accel;
    cpu->stop = true;
    cpu->quit = cpu->created = cpu->stopped = false;
    pthread_cond_init(&cpu->changed, NULL);
    err = start_thread(cpu);
    if (err < 0) {
        report(NULL, "no thread for processor %u: %s", cpu->index, strerror(-err));
        pthread_cond_destroy(&cpu->changed);
        return err;
    }
    if (m->name_threads)
        name_thread(cpu);
    while (!cpu->stopped)
        loop_wait(m->loop, &cpu->changed);
    return cpu->error;
}

int vcpus_create(struct machine *m)
{
    for (struct vcpu *cpu = first(m); cpu < end(m); cpu++) {
        int err = vcpu_start(m, cpu);

        if (err < 0) {
            vcpus_destroy(m);
            return err;
        }
    }
    return 0;
}

void vcpus_destroy(struct machine *m)
{
    vcpus_pause(m); /* none may reach another that is gone */
    for (struct vcpu *cpu = first(m); cpu < end(m); cpu++) {
        if (!cpu->created)
            continue;
        cpu->quit = true;
        ask_stop(cpu);
        pthread_cond_broadcast(&cpu->changed);
        loop_unlock(m->loop);
        pthread_join(cpu->thread, NULL);
        loop_lock(m->loop);
        pthread_cond_destroy(&cpu->changed);
        cpu->created = false;
    }
}

void vcpus_resume(struct machine *m)
{
    for (struct vcpu *cpu = first(m); cpu < end(m); cpu++) {
        if (!cpu->created || cpu->error || cpu->frozen)
            continue;
        cpu->why = 0;
        __atomic_store_n(&cpu->stop, false, __ATOMIC_SEQ_CST);
        pthread_cond_broadcast(&cpu->changed);
    }
}

void vcpus_pause(struct machine *m)
{
    for (struct vcpu *cpu = first(m); cpu < end(m); cpu++)
        if (cpu->created)
            ask_stop(cpu);
    for (struct vcpu *cpu = first(m); cpu < end(m); cpu++)
        while (cpu->created && !cpu->stopped)
            loop_wait(m->loop, &cpu->changed);
}

void vcpu_log(struct vcpu *cpu, const char *what)
{
    char *text = vcpu_dump(cpu, log_on(TENON_ITEM_FPU));

    log_print("%s (CPU %u)\n%s", what, cpu->index, text ? text : "");
    g_free(text);
}

void vcpus_reset(struct machine *m, const struct tenon_x86_start *boot)
{
    for (struct vcpu *cpu = first(m); cpu < end(m); cpu++) {
        if (!cpu->created)
            continue;
        cpu->error = 0;
        cpu->why = 0;
        trace(guest_cpu_reset, cpu->index);
        if (log_on(TENON_ITEM_CPU_RESET))
            vcpu_log(cpu, "CPU Reset");
        if (cpu->accel->ops->vcpu_reset)
            cpu->accel->ops->vcpu_reset(cpu, cpu->index ? NULL : boot);
    }
}
