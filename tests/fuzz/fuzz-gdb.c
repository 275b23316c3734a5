/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-gdb - any bytes from a debugger, on a machine of two processors whose registers nobody uses.
 *
 * Input: the stream.  A packet's sum need not be right: "#" and two bytes end it.
 */

#include <string.h>

#include <glib.h>

#include "cpu/accel.h"
#include "cpu/model.h"
#include "cpu/state.h"
#include "debug/gdb-impl.h"
#include "debug/points.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "memory/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { RAM = 1 << 16, CPUS = 2, MOST_REPLY = 4 * GDB_PACKET };

struct fixture {
    struct machine m; /* first: get() and set() find the rest by it */
    struct tenon_x86_state states[CPUS];
    struct vcpu cpus[CPUS];
    struct accel accel;
    struct mapping map;
    struct gdb gdb;
};

static int get(struct vcpu *cpu, struct tenon_x86_state *s)
{
    *s = ((struct fixture *)cpu->machine)->states[cpu->index];
    return 0;
}

static int set(struct vcpu *cpu, const struct tenon_x86_state *s)
{
    ((struct fixture *)cpu->machine)->states[cpu->index] = *s;
    return 0;
}

static int debug(struct accel *accel, const struct tenon_debug_point *points, unsigned n, bool int3)
{
    return 0;
}

static void step(struct vcpu *cpu, unsigned flags)
{
}

static const struct accel_ops ops = { .name = "none",
                                      .vcpu_get = get,
                                      .vcpu_set = set,
                                      .int3 = true,
                                      .debug = debug,
                                      .vcpu_step = step };

/* With long mode, SSE and AVX. */
static struct cpuid_entry cpuid[] = { { .leaf = 1, .ecx = 1 << 28, .edx = 1 << 25 },
                                      { .leaf = 0x80000001, .edx = 1 << 29 } };

static void setup(struct fixture *f)
{
    struct block_spec spec = { .name = "ram", .bytes = RAM };

    f->m.loop = loop_create();
    f->m.mem = space_create("memory", f->m.loop, 64, false);
    f->m.ram = block_create(&spec);
    f->m.accel = &f->accel;
    f->m.cpus = f->cpus;
    f->m.info.cpus = CPUS;
    f->accel.ops = &ops;
    loop_lock(f->m.loop);
    f->map = (struct mapping){ .bytes = RAM, .block = f->m.ram, .flags = MAP_READ | MAP_WRITE };
    mapping_add(f->m.mem, &f->map);
    for (unsigned i = 0; i < CPUS; i++) {
        f->cpus[i] = (struct vcpu){ .machine = &f->m,
                                    .index = i,
                                    .accel = &f->accel,
                                    .cpuid = cpuid,
                                    .n_cpuid = G_N_ELEMENTS(cpuid) };
        state_from_start(&f->states[i], NULL, 0);
    }
    f->gdb = (struct gdb){ .m = &f->m,
                           .cpu = f->cpus,
                           .step = 7,
                           .out = g_string_new(NULL),
                           .last = g_string_new(NULL),
                           .regs = gdb_registers_create(f->cpus) };
}

static void finish(struct fixture *f)
{
    if (f->m.state == STATE_RUNNING)
        machine_pause(&f->m, STATE_PAUSED);
    points_clear(&f->m);
    g_string_free(f->gdb.out, TRUE);
    g_string_free(f->gdb.last, TRUE);
    gdb_registers_destroy(f->gdb.regs);
    mapping_finish(&f->map);
    loop_unlock(f->m.loop);
    space_destroy(f->m.mem);
    block_destroy(f->m.ram);
    loop_destroy(f->m.loop);
}

static void command(struct fixture *f)
{
    struct gdb *g = &f->gdb;

    if (g_str_has_prefix(g->link.packet, "qRcmd")) /* monitors are not for a fuzzer to command */
        return;
    if (f->m.state == STATE_RUNNING)
        machine_pause(&f->m, STATE_PAUSED);
    gdb_command(g, g->link.packet, g->link.n);
    g_assert_cmpuint(g->out->len, <, MOST_REPLY);
    g_string_truncate(g->out, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);

    memset(f, 0, sizeof(*f));
    setup(f);
    for (size_t i = 0; i < size; i++) {
        enum gdb_item item = gdb_link_byte(&f->gdb.link, data[i]);

        if (item == GDB_COMMAND || (item == GDB_GARBLED && f->gdb.link.n <= GDB_PACKET))
            command(f);
    }
    finish(f);
    free(f);
    return 0;
}
