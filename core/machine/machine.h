/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * machine - one guest: its configuration, loop, memory, processors, and the instances of plugins
 * that make its board; its run state, reset and end.
 */
#ifndef TENON_CORE_MACHINE_H
#define TENON_CORE_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include <tenon/machine.h>
#include <tenon/system.h>

#include "cpu/topology.h"

struct accel;
struct config;
struct disas;
struct plugins;
struct inst;
struct block;
struct points;
struct gdb;
struct qtest_port;
struct loop;
struct space;
struct monitors;
struct vcpu;
struct cpu;
struct pci_bus;
struct type;

enum run_state {
    STATE_PRELAUNCH, /* built, not started (-S) */
    STATE_RUNNING,
    STATE_PAUSED,
    STATE_SUSPENDED, /* ACPI S3 */
    STATE_SHUTDOWN,  /* powered off, with -no-shutdown */
    STATE_PANICKED,
    STATE_ERROR, /* a processor cannot go on */
    STATE_DEBUG, /* a processor has come to where a debugger wants it */
};

#define N_GSIS          24
#define MACHINE_DEFAULT "pc" /* without -machine */

/* Devices that offer interfaces of tenon/irq.h; of irq.c. */
struct irq_listeners {
    struct _GArray *inputs, *ioapics, *pics, *ferrs; /* NULL: to be looked up */
};

/* Who is told of a device's interrupt lines: its inputs, or its outputs. */
struct irq_spy {
    const struct inst *inst; /* NULL: nobody is told of anything */
    bool inputs;
    void (*changed)(void *arg, unsigned n, bool level); /* [any, locked] */
    void *arg;
};

struct machine {
    struct config *config;
    struct plugins *plugins;
    struct loop *loop;
    struct accel *accel;
    struct space *mem, *io;
    struct block *ram;
    struct _GPtrArray *memory_objects; /* of ram.c; NULL: there are none */
    struct tenon_board_info info;
    struct cpu_topology topology;
    struct vcpu *cpus;     /* info.max_cpus of them are room; info.cpus exist */
    struct cpu *cpu_model; /* what each of them is; NULL: there are none */
    struct inst *board;    /* the machine plugin's instance */
    struct inst *insts;    /* all instances, in order of creation */
    struct pci_bus *pci;
    const char *isa_name;      /* of the ISA bus; NULL: there is none */
    unsigned gsi_high[N_GSIS]; /* how many sources hold the input high */
    uint64_t
        gsi_raised[N_GSIS]; /* how often it has risen; what the host's kernel raises is not here */
    struct irq_listeners listeners;
    struct irq_spy spy;
    struct gdb *gdb;          /* NULL: no -gdb */
    struct qtest_port *qtest; /* NULL: no -qtest */
    struct points *points;    /* a debugger's points; NULL: there are none */
    enum run_state state;
    struct run_listener *run_listeners;
    bool hold_time; /* guest time stands while processors run: a debugger steps */
    bool time_runs;
    unsigned request; /* TENON_POWER_*: what is to happen, 0 for nothing; atomic */
    int request_code;
    const char *request_cause; /* of who asked for the end, if not the guest; atomic */
    int exit_code;
    bool a20;
    /* What processors in system management mode see as RAM at its own address; bytes is atomic. */
    struct {
        uint64_t base, bytes;
    } smram;
    struct tenon_x86_start start;
    bool has_start; /* of the reset that is going on */
    /* what the command line wants */
    bool no_reboot, no_shutdown, start_paused, name_threads;
    const char *on_panic; /* -action panic= */
    struct chardev_use {
        const char *use; /* an option: "serial", "parallel", "monitor", "qmp" ... */
        unsigned n;
        const char *chardev; /* an id */
    } * uses;
    unsigned n_uses;
    struct _GPtrArray *fds;    /* of fds.c; NULL: there are none */
    struct monitors *monitors; /* NULL: there are none */
    bool migration_events;     /* migrate-set-capabilities; nothing migrates yet */
    bool chardevs_wait;        /* who makes a chardev now takes it later, too */
    bool live;                 /* the loop runs: nothing may hold it up */
    bool preconfig;            /* the board is not built yet, on purpose */
    char *found_file;
    struct disas *disas; /* of debug/disas.h; NULL: not asked for yet; atomic */
};

/*
 * Builds the machine of a configuration up to the point where its guest could start.  NULL if it
 * cannot, and why has been reported, for everything that is wrong.  The machine does not own the
 * configuration.  [main]
 */
struct machine *machine_create(struct config *config, struct plugins *plugins);
void machine_destroy(struct machine *m);
/* -preconfig: machine_create() has left out the board.  Builds it, and starts the guest.  -EINVAL:
 * why has been reported, and the program ends.  [main, locked] */
int machine_exit_preconfig(struct machine *m);

/* Runs the event loop until the machine ends; the exit status.  [main] */
int machine_run(struct machine *m);

/* [main, locked] */
void machine_resume(struct machine *m);
void machine_pause(struct machine *m, enum run_state why);
void machine_reset(struct machine *m);

/* Asks for TENON_POWER_*; the calling processor leaves guest code before its next instruction.
 * [any] */
void machine_request(struct machine *m, uint32_t what, int code);
/* A processor cannot go on: the machine stops, and the program ends with status 1 unless
 * -no-shutdown keeps it.  [main, locked] */
void machine_failed(struct machine *m);
/* Ends a sleep (STATE_SUSPENDED).  [main, locked] */
void machine_wake(struct machine *m);
/* Drives an input of the interrupt controllers as one more or one fewer source.  [locked] */
void machine_gsi(struct machine *m, unsigned gsi, bool level);
/* Resets it because of cause ("host-qmp-system-reset"), or does what -no-reboot wants instead.
 * [main, locked] */
void machine_restart(struct machine *m, const char *cause);
/* Presses the power button.  [main, locked] */
void machine_power_button(struct machine *m);
/* Ends the program in order with status code, because of cause ("host-signal").  [any] */
void machine_quit(struct machine *m, int code, const char *cause);

#endif
