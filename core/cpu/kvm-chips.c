/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kvm-chips - the interrupt controllers and the 8254 timer that KVM brings: two 8259A, an I/O APIC,
 * and a local APIC in each processor; or, with kernel-irqchip=split, the local APICs alone.
 */

#include "cpu/kvm.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <tenon/info.h>

#include "cpu/accel.h"
#include "loop/loop.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "options/options.h"
#include "report.h"

#define TIMER_GSI    0 /* the timer's line is I/O APIC input 2, as the ACPI tables say */
#define TIMER_PIN    2
#define N_PIC_INPUTS 16
#define MSI_LEVEL    0x8000 /* in a message's data */

/* ---- What -machine and -global say of the timer ---- */

static int wants_pit(struct kvm *kvm, bool *pit)
{
    *pit = true;
    return group_bool(config_find(kvm->machine->config, "machine", NULL), "pit", pit);
}

/* -global kvm-pit.lost_tick_policy=: whether ticks that the guest was too late for come later. */
static int reinject(struct kvm *kvm, bool *on)
{
    const struct config_group *group = NULL;

    *on = true;
    while ((group = config_next(kvm->machine->config, "global", group))) {
        const char *value = group_string(group, "value", "");

        if (strcmp(group_string(group, "driver", ""), "kvm-pit") ||
            strcmp(group_string(group, "property", ""), "lost_tick_policy"))
            continue;
        *on = !strcmp(value, "delay");
        if (!*on && strcmp(value, "discard")) {
            report(group->from, "kvm-pit.lost_tick_policy is delay or discard");
            return -EINVAL;
        }
    }
    return 0;
}

/* ---- Making ---- */

static int failed(const char *what, int err)
{
    report(NULL, "KVM does not make %s: %s", what, strerror(-err));
    return err;
}

static int make_pit(struct kvm *kvm)
{
    struct kvm_pit_config config = { .flags = KVM_PIT_SPEAKER_DUMMY };
    struct kvm_reinject_control control = { 0 };
    bool on;
    int err = wants_pit(kvm, &kvm->chips.has_pit);

    if (err || !kvm->chips.has_pit)
        return err;
    if (reinject(kvm, &on) < 0)
        return -EINVAL;
    err = kvm_ioctl(kvm->vm, KVM_CREATE_PIT2, &config);
    if (err < 0)
        return failed("the 8254 timer", err);
    control.pit_reinject = on;
    if (kvm_ioctl(kvm->vm, KVM_REINJECT_CONTROL, &control) < 0 && !on)
        report_warning(NULL, "this host's KVM cannot discard lost ticks of its timer");
    return kvm_ioctl(kvm->vm, KVM_GET_PIT2, &kvm->chips.pit);
}

static void add_route(struct kvm_irq_routing *table, unsigned gsi, unsigned chip, unsigned pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

/* Input 0 of the I/O APIC is free, and gsi 2 is the cascade of the two 8259A: it goes nowhere. */
static int set_routes(struct kvm *kvm)
{
    size_t bytes = sizeof(struct kvm_irq_routing) +
                   (N_PIC_INPUTS + N_GSIS) * sizeof(struct kvm_irq_routing_entry);
    struct kvm_irq_routing *table = g_malloc0(bytes);
    int err;

    for (unsigned gsi = 0; gsi < N_GSIS; gsi++) {
        if (gsi == TIMER_PIN)
            continue;
        if (gsi < N_PIC_INPUTS)
            add_route(table, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                      gsi % 8);
        add_route(table, gsi, KVM_IRQCHIP_IOAPIC, gsi == TIMER_GSI ? TIMER_PIN : gsi);
    }
    err = kvm_ioctl(kvm->vm, KVM_SET_GSI_ROUTING, table);
    g_free(table);
    return err;
}

static int make_split(struct kvm *kvm)
{
    struct kvm_enable_cap cap = { .cap = KVM_CAP_SPLIT_IRQCHIP, .args = { N_GSIS } };
    int err = kvm_ioctl(kvm->vm, KVM_ENABLE_CAP, &cap);

    return err ? failed("local APICs alone", err) : 0;
}

int kvm_chips_create(struct kvm *kvm)
{
    int err;

    kvm->chips.split = kvm->machine->accel->irqchip == IRQCHIP_SPLIT;
    if (kvm->chips.split)
        return make_split(kvm);
    err = kvm_ioctl(kvm->vm, KVM_CREATE_IRQCHIP, NULL);
    if (!err)
        err = set_routes(kvm);
    if (err)
        return failed("the interrupt controllers", err);
    err = make_pit(kvm);
    for (unsigned i = 0; i < G_N_ELEMENTS(kvm->chips.irqchip) && !err; i++) {
        kvm->chips.irqchip[i].chip_id = i;
        err = kvm_ioctl(kvm->vm, KVM_GET_IRQCHIP, &kvm->chips.irqchip[i]);
    }
    return err;
}

void kvm_chips_reset(struct accel *accel)
{
    struct kvm *kvm = accel->state;

    for (unsigned i = 0; i < G_N_ELEMENTS(kvm->chips.irqchip) && !kvm->chips.split; i++)
        kvm_ioctl(kvm->vm, KVM_SET_IRQCHIP, &kvm->chips.irqchip[i]);
    if (kvm->chips.has_pit)
        kvm_ioctl(kvm->vm, KVM_SET_PIT2, &kvm->chips.pit);
}

/* ---- Interrupts ---- */

void kvm_gsi(struct accel *accel, unsigned gsi, bool level)
{
    struct kvm *kvm = accel->state;
    struct kvm_irq_level line = { .irq = gsi, .level = level };

    kvm_ioctl(kvm->vm, KVM_IRQ_LINE, &line);
}

int kvm_irqfd(struct accel *accel, unsigned gsi, int fd, bool add)
{
    struct kvm *kvm = accel->state;
    struct kvm_irqfd irqfd = {
        .fd = fd,
        .gsi = gsi,
        .flags = add ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
    };

    return kvm_ioctl(kvm->vm, KVM_IRQFD, &irqfd);
}

bool kvm_msi(struct accel *accel, uint64_t addr, uint32_t data)
{
    struct kvm *kvm = accel->state;
    struct kvm_msi msi = { .address_lo = addr, .address_hi = addr >> 32, .data = data };

    return kvm_ioctl(kvm->vm, KVM_SIGNAL_MSI, &msi) > 0;
}

/* ---- The chips that are devices ---- */

/* The ends of an interrupt are reported if a route says that it is level-triggered. */
static void set_level_routes(struct kvm *kvm)
{
    size_t bytes = sizeof(struct kvm_irq_routing) + N_GSIS * sizeof(struct kvm_irq_routing_entry);
    struct kvm_irq_routing *table = g_malloc0(bytes);

    for (unsigned pin = 0; pin < N_GSIS; pin++)
        if (kvm->chips.levels[pin].data)
            table->entries[table->nr++] = (struct kvm_irq_routing_entry){
                .gsi = pin, .type = KVM_IRQ_ROUTING_MSI, .u.msi = kvm->chips.levels[pin]
            };
    kvm_ioctl(kvm->vm, KVM_SET_GSI_ROUTING, table);
    g_free(table);
}

void kvm_route(struct accel *accel, unsigned pin, uint64_t addr, uint32_t data)
{
    struct kvm *kvm = accel->state;
    struct kvm_irq_routing_msi *known = &kvm->chips.levels[pin], now = { 0 };

    if (data & MSI_LEVEL)
        now = (struct kvm_irq_routing_msi){ .address_lo = addr,
                                            .address_hi = addr >> 32,
                                            .data = data };
    if (!memcmp(known, &now, sizeof(now)))
        return;
    *known = now;
    if (kvm->chips.split)
        set_level_routes(kvm);
}

/* INTR goes to the boot processor, as on the boards of the time. */
void kvm_intr(struct accel *accel, bool level)
{
    struct kvm *kvm = accel->state;

    __atomic_store_n(&kvm->chips.intr, level, __ATOMIC_SEQ_CST);
    if (level)
        kvm_vcpu_kick(&kvm->machine->cpus[0]);
}

static bool has_intr(const struct kvm *kvm)
{
    return __atomic_load_n(&kvm->chips.intr, __ATOMIC_SEQ_CST);
}

static void acknowledge(struct kvm_vcpu *v)
{
    struct machine *m = v->kvm->machine;
    struct kvm_interrupt interrupt;
    bool asks;

    loop_lock(m->loop);
    asks = has_intr(v->kvm);
    if (asks)
        interrupt.irq = machine_acknowledge(m);
    loop_unlock(m->loop);
    if (!asks)
        return;
    kvm_ioctl(v->fd, KVM_INTERRUPT, &interrupt);
    v->run->ready_for_interrupt_injection = 0;
}

void kvm_inject(struct kvm_vcpu *v)
{
    if (v->cpu->index || !v->kvm->chips.split)
        return;
    if (has_intr(v->kvm) && v->run->ready_for_interrupt_injection)
        acknowledge(v);
    v->run->request_interrupt_window = has_intr(v->kvm);
}

/* ---- For monitors ---- */

static void describe_pic(unsigned n, const struct kvm_pic_state *p, const struct tenon_text *to)
{
    tenon_say(to,
              "kvm-pic%u: irr=%02x imr=%02x isr=%02x hprio=%u irq_base=%02x rr_sel=%u elcr=%02x "
              "fnm=%u\n",
              n, p->irr, p->imr, p->isr, p->priority_add, p->irq_base, p->read_reg_select, p->elcr,
              p->special_fully_nested_mode);
}

static void describe_ioapic(const struct kvm_ioapic_state *a, const struct tenon_text *to)
{
    tenon_say(to, "kvm-ioapic: id=0x%02x sel=0x%02x inputs=0x%06x\n", a->id, a->ioregsel, a->irr);
    for (unsigned pin = 0; pin < KVM_IOAPIC_NUM_PINS; pin++)
        tenon_say_redirection(to, pin, a->redirtbl[pin].bits);
}

void kvm_chips_describe(struct accel *accel, const struct tenon_text *to)
{
    struct kvm *kvm = accel->state;
    struct kvm_irqchip chip;

    for (unsigned n = 0; n < G_N_ELEMENTS(kvm->chips.irqchip) && !kvm->chips.split; n++) {
        chip = (struct kvm_irqchip){ .chip_id = n };
        if (kvm_ioctl(kvm->vm, KVM_GET_IRQCHIP, &chip) < 0)
            tenon_say(to, "KVM does not tell of chip %u\n", n);
        else if (n == KVM_IRQCHIP_IOAPIC)
            describe_ioapic(&chip.chip.ioapic, to);
        else
            describe_pic(n, &chip.chip.pic, to);
    }
}
