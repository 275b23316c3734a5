/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * irq - the board's interrupt inputs, and the way from its chips to the processors: the chips are
 * the accelerator's, or devices that offer the interfaces of tenon/irq.h.
 */

#include "machine/irq.h"

#include <errno.h>

#include <tenon/irq.h>

#include "cpu/accel.h"
#include "machine/inst.h"
#include "plugin/plugin.h"

/* A device that listens to the inputs, or to ends of interrupts. */
struct listener {
    void *self;
    const void *table;
};

static GArray *listeners(struct machine *m, const char *iface)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(struct listener));

    for (struct inst *i = m->insts; i; i = i->next) {
        struct listener l = { i->state, inst_iface(i, iface) };

        if (l.table && i->created)
            g_array_append_val(list, l);
    }
    return list;
}

/* Looked up at the first interrupt after a device came or went. */
static struct irq_listeners *chips(struct machine *m)
{
    struct irq_listeners *l = &m->listeners;

    if (!l->inputs) {
        l->inputs = listeners(m, TENON_GSI_INPUT);
        l->ioapics = listeners(m, TENON_IOAPIC);
        l->pics = listeners(m, TENON_PIC);
        l->ferrs = listeners(m, TENON_FERR);
    }
    return l;
}

void machine_irq_forget(struct machine *m)
{
    g_clear_pointer(&m->listeners.inputs, g_array_unref);
    g_clear_pointer(&m->listeners.ioapics, g_array_unref);
    g_clear_pointer(&m->listeners.pics, g_array_unref);
    g_clear_pointer(&m->listeners.ferrs, g_array_unref);
}

unsigned irq_inputs(const struct inst *inst)
{
    if (!inst_iface(inst, TENON_GSI_INPUT))
        return 0;
    return inst_iface(inst, TENON_PIC) ? 16 : N_GSIS;
}

static void tell_inputs(struct machine *m, unsigned gsi, bool level)
{
    GArray *inputs = chips(m)->inputs;
    const struct irq_spy *spy = &m->spy;

    if (spy->inst && spy->inputs && gsi < irq_inputs(spy->inst))
        spy->changed(spy->arg, gsi, level);

    for (unsigned i = 0; i < inputs->len; i++) {
        const struct listener *l = &g_array_index(inputs, struct listener, i);

        ((const struct tenon_gsi_input *)l->table)->set(l->self, gsi, level);
    }
}

void machine_gsi(struct machine *m, unsigned gsi, bool level)
{
    bool was = m->gsi_high[gsi];

    m->gsi_high[gsi] += level ? 1 : -1;
    if (was == !!m->gsi_high[gsi])
        return;
    m->gsi_raised[gsi] += level;
    if (m->accel->irqchip != IRQCHIP_ON)
        tell_inputs(m, gsi, !was);
    else if (m->accel->ops->gsi)
        m->accel->ops->gsi(m->accel, gsi, !was);
}

int machine_acknowledge(struct machine *m)
{
    GArray *pics = chips(m)->pics;
    const struct listener *l = pics->len ? &g_array_index(pics, struct listener, 0) : NULL;

    return l ? ((const struct tenon_pic *)l->table)->acknowledge(l->self) : -ENODEV;
}

void machine_eoi(struct machine *m, uint8_t vector)
{
    GArray *ioapics = chips(m)->ioapics;

    for (unsigned i = 0; i < ioapics->len; i++) {
        const struct listener *l = &g_array_index(ioapics, struct listener, i);

        ((const struct tenon_ioapic *)l->table)->eoi(l->self, vector);
    }
}

void machine_ferr(struct machine *m, bool level)
{
    GArray *ferrs = chips(m)->ferrs;

    for (unsigned i = 0; i < ferrs->len; i++) {
        const struct listener *l = &g_array_index(ferrs, struct listener, i);

        ((const struct tenon_ferr *)l->table)->set(l->self, level);
    }
}

/* ---- Services ---- */

static void intr_set(void *arg, unsigned n, bool level)
{
    struct machine *m = arg;

    if (m->accel->ops->intr)
        m->accel->ops->intr(m->accel, level);
}

static void ignne_set(void *arg, unsigned n, bool level)
{
    struct machine *m = arg;

    if (m->accel->ops->ignne)
        m->accel->ops->ignne(m->accel, level);
}

static int wire_processor(struct tenon_dev *dev, uint32_t line,
                          void (*set)(void *arg, unsigned n, bool level))
{
    struct inst *inst = inst_of(dev);

    if (line >= inst->type->t.lines)
        return -ENOENT;
    inst->lines[line] = (struct line){ .set = set, .arg = inst->machine, .gsi = -1 };
    return 0;
}

int board_wire_intr(struct tenon_dev *dev, uint32_t line)
{
    return wire_processor(dev, line, intr_set);
}

int board_wire_ignne(struct tenon_dev *dev, uint32_t line)
{
    return wire_processor(dev, line, ignne_set);
}

bool machine_message(struct machine *m, uint64_t addr, uint32_t data)
{
    uint32_t le = GUINT32_TO_LE(data);

    if (addr >> 20 == 0xfee)
        return m->accel->ops->msi && m->accel->ops->msi(m->accel, addr, data);
    return !space_copy_out(m->mem, addr, &le, sizeof(le), true, true);
}

static bool msi_send(struct tenon_dev *dev, uint64_t addr, uint32_t data)
{
    return machine_message(inst_of(dev)->machine, addr, data);
}

static void msi_route(struct tenon_dev *dev, unsigned pin, uint64_t addr, uint32_t data)
{
    struct accel *accel = inst_of(dev)->machine->accel;

    if (accel->ops->route && pin < N_GSIS)
        accel->ops->route(accel, pin, addr, data);
}

const struct tenon_msi msi_service = {
    .size = sizeof(msi_service),
    .send = msi_send,
    .route = msi_route,
};
