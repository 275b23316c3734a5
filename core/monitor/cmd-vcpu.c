/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-vcpu - commands about what runs the processors: NMIs, the software CPU's figures. */

#include <inttypes.h>

#include "cpu/accel.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"

static int do_nmi(struct call *call)
{
    struct machine *m = call->machine;
    bool held;

    if (!m->accel->ops->vcpu_nmi || !m->info.cpus)
        return call_error(call, "machine does not provide NMIs");
    held = guest_hold(m);
    for (unsigned i = 0; i < m->info.cpus; i++)
        m->accel->ops->vcpu_nmi(&m->cpus[i]);
    guest_release(m, held);
    return 0;
}

static int do_jit(struct call *call)
{
    struct machine *m = call->machine;
    bool held, software = !accel_find(m->accel->ops->name) && m->accel->ops->vcpu_notes;

    if (!software)
        return call_error(call, "JIT information is only available with accel=tcg");
    held = guest_hold(m);
    for (unsigned i = 0; i < m->info.cpus; i++) {
        char *notes = m->accel->ops->vcpu_notes(&m->cpus[i]);

        call_print(call, "CPU#%u\n%s", i, notes ? notes : "");
        g_free(notes);
    }
    guest_release(m, held);
    return call_human(call);
}

// clang-format off
static const struct command commands[] = {
    { "inject-nmi", .run = do_nmi,
      .hmp = "nmi", .help = "send an NMI to the processors that take one from outside" },
    { "x-query-jit", NULL, "HumanReadableText", .marks = "unstable", .run = do_jit,
      .hmp = "info jit", .help = "what the software CPU has done" },
};
// clang-format on

const struct command_table vcpu_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
};
