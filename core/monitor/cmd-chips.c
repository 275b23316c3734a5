/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * cmd-chips - commands that show interrupt controllers and ROMs: devices that offer tenon/info.h,
 * the accelerator's chips, and local APICs (registers: Intel SDM, volume 3, "APIC").
 */

#include <inttypes.h>
#include <stdarg.h>

#include <tenon/info.h>
#include <tenon/irq.h>

#include "cpu/accel.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "plugin/plugin.h"

/* ---- What devices tell ---- */

struct to_call {
    struct tenon_text text;
    struct call *call;
};

static void print_text(const struct tenon_text *text, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_append_vprintf(((const struct to_call *)text)->call->text, fmt, ap);
    va_end(ap);
}

/* Whoever knows something of the topic, and the accelerator if it is one of its chips. */
static void describe(struct call *call, const char *topic,
                     void (*accel)(struct accel *accel, const struct tenon_text *to))
{
    struct machine *m = call->machine;
    struct to_call to = { { sizeof(to.text), print_text }, call };
    bool held = guest_hold(m);

    if (accel)
        accel(m->accel, &to.text);
    for (struct inst *i = m->insts; i; i = i->next) {
        const struct tenon_info *info = inst_iface(i, TENON_INFO);

        if (info && i->created)
            info->describe(i->state, topic, &to.text);
    }
    guest_release(m, held);
}

static int do_pic(struct call *call)
{
    describe(call, "pic", call->machine->accel->ops->chips_describe);
    return 0;
}

/* ---- info roms ---- */

static int do_roms(struct call *call)
{
    size_t n;
    const struct range *r = space_ranges(call->machine->mem, &n);

    for (; n; n--, r++)
        if (r->block && (r->block->readonly || r->flags == MAP_READ))
            call_print(call, "addr=%016" PRIx64 " size=0x%06" PRIx64 " mem=rom name=\"%s\"\n",
                       r->base, r->bytes, r->block->name);
    describe(call, "roms", NULL);
    return call_human(call);
}

/* ---- info irq ---- */

static void print_counts(struct call *call, const char *chip, unsigned inputs)
{
    const uint64_t *raised = call->machine->gsi_raised;

    call_print(call, "IRQ statistics for %s:\n", chip);
    for (unsigned gsi = 0; gsi < inputs; gsi++)
        if (raised[gsi])
            call_print(call, "%2u: %" PRIu64 "\n", gsi, raised[gsi]);
}

static int do_irq(struct call *call)
{
    struct machine *m = call->machine;

    if (m->accel->irqchip == IRQCHIP_ON && m->board)
        print_counts(call, "the accelerator's chips", N_GSIS);
    for (struct inst *i = m->insts; i; i = i->next)
        if (i->created && irq_inputs(i))
            print_counts(call, i->type->t.name, irq_inputs(i));
    return call_human(call);
}

/* ---- info lapic ---- */

// clang-format off
enum { /* registers, by their offset in memory / 16 */
    APIC_ID = 0x02, APIC_VERSION = 0x03, APIC_TPR = 0x08, APIC_PPR = 0x0a, APIC_LDR = 0x0d,
    APIC_DFR = 0x0e, APIC_SVR = 0x0f, APIC_ISR = 0x10, APIC_TMR = 0x18, APIC_IRR = 0x20,
    APIC_ESR = 0x28, APIC_ICR = 0x30, APIC_ICR_HIGH = 0x31, APIC_LVTT = 0x32, APIC_INITIAL = 0x38,
    APIC_CURRENT = 0x39, APIC_DIVIDE = 0x3e,
};

static const struct {
    const char *name;
    unsigned reg;
} vectors[] = {
    { "CMCI", 0x2f }, { "LVTT", APIC_LVTT }, { "LVTTHMR", 0x33 }, { "LVTPC", 0x34 }, { "LVT0", 0x35 },
    { "LVT1", 0x36 }, { "LVTERR", 0x37 },
};
// clang-format on

static void print_vector(struct call *call, const char *name, unsigned reg, uint32_t v)
{
    static const char *const modes[] = { "Fixed", "1", "SMI", "3", "NMI", "INIT", "6", "ExtINT" },
                             *const timer[] = { "one-shot", "periodic", "tsc-deadline", "3" };

    call_print(call, "%-8s 0x%08x %s %-5s %-6s", name, v, v & 0x2000 ? "active-lo" : "active-hi",
               v & 0x8000 ? "level" : "edge", v & 0x10000 ? "masked" : "");
    call_print(call, " %-12s %s (vec %u)%s\n", reg == APIC_LVTT ? timer[v >> 17 & 3] : "",
               modes[v >> 8 & 7], v & 0xff, v & 0x1000 ? " pending" : "");
}

/* The numbers of the bits that are set in eight registers. */
static void print_bits(struct call *call, const char *name, const uint32_t *regs,
                       const uint32_t *level)
{
    bool any = false;

    call_print(call, "%-8s", name);
    for (unsigned n = 0; n < 256; n++)
        if (regs[n / 32] >> n % 32 & 1) {
            call_print(call, " %u%s", n, level[n / 32] >> n % 32 & 1 ? "(level)" : "");
            any = true;
        }
    call_print(call, "%s\n", any ? "" : " (none)");
}

static void print_lapic(struct call *call, const struct vcpu *cpu, const uint32_t regs[64])
{
    static const uint8_t shift[] = { 1, 2, 3, 4, 5, 6, 7, 0 };
    uint32_t divide = (regs[APIC_DIVIDE] & 3) | (regs[APIC_DIVIDE] >> 1 & 4);

    call_print(call, "dumping local APIC state for CPU %u\n\n", cpu->index);
    for (unsigned i = 0; i < G_N_ELEMENTS(vectors); i++)
        print_vector(call, vectors[i].name, vectors[i].reg, regs[vectors[i].reg]);
    call_print(call, "Timer    DCR=0x%x (divide by %u) initial_count = %u current_count = %u\n",
               regs[APIC_DIVIDE], 1u << shift[divide], regs[APIC_INITIAL], regs[APIC_CURRENT]);
    call_print(call, "SPIV     0x%08x APIC %s, focus=%s, spurious vec %u\n", regs[APIC_SVR],
               regs[APIC_SVR] & 0x100 ? "enabled" : "disabled",
               regs[APIC_SVR] & 0x200 ? "off" : "on", regs[APIC_SVR] & 0xff);
    call_print(call, "ICR      0x%08x ICR2 0x%08x\n", regs[APIC_ICR], regs[APIC_ICR_HIGH]);
    call_print(call, "ESR      0x%08x\n", regs[APIC_ESR]);
    print_bits(call, "ISR", regs + APIC_ISR, regs + APIC_TMR);
    print_bits(call, "IRR", regs + APIC_IRR, regs + APIC_TMR);
    call_print(call, "\nID 0x%08x VER 0x%08x TPR 0x%02x DFR 0x%02x LDR 0x%08x PPR 0x%02x\n",
               regs[APIC_ID], regs[APIC_VERSION], regs[APIC_TPR], regs[APIC_DFR] >> 28,
               regs[APIC_LDR], regs[APIC_PPR]);
}

/* NULL: there is none of that APIC id, which is the call's error. */
static struct vcpu *find_apic(struct call *call)
{
    struct machine *m = call->machine;
    int64_t id = call_int(call, "apic-id", 0);

    if (!call_has(call, "apic-id"))
        return call_cpu(call, "cpu");
    for (unsigned i = 0; m->cpus && i < m->info.cpus; i++)
        if (m->cpus[i].apic_id == id)
            return &m->cpus[i];
    call_error(call, "no processor has APIC id %" PRId64, id);
    return NULL;
}

static int do_lapic(struct call *call)
{
    struct vcpu *cpu = find_apic(call);
    uint32_t regs[64] = { 0 };
    bool held, there;

    if (!cpu)
        return -1;
    held = guest_hold(call->machine);
    there = cpu->accel->ops->vcpu_lapic && cpu->accel->ops->vcpu_lapic(cpu, regs);
    guest_release(call->machine, held);
    if (!there)
        return call_error(call, "accelerator %s does not show local APICs", cpu->accel->ops->name);
    print_lapic(call, cpu, regs);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { .hmp = "info pic", .run = do_pic, .help = "the state of the interrupt controllers" },
    { .hmp = "info lapic", .line = "?apic-id:num", .params = "[apic-id]", .run = do_lapic,
      .help = "the local APIC of a processor" },
    { "x-query-irq", NULL, "HumanReadableText", .marks = "unstable", .run = do_irq,
      .hmp = "info irq", .help = "how often each input of the interrupt controllers has risen" },
    { "x-query-roms", NULL, "HumanReadableText", .marks = "unstable", .run = do_roms,
      .hmp = "info roms", .help = "ROMs, and what else firmware is given" },
};

static const struct shape shapes[] = {
    OBJECT("HumanReadableText", "human-readable-text:str"),
};
// clang-format on

const struct command_table chips_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
