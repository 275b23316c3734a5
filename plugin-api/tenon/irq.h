/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/irq.h - interrupt controllers and timers of the board among each other and with the host.
 *
 * A board whose accelerator brings no chips (tenon_board_info.kernel_irqchip is false) has them as
 * devices.  The host then gives the levels of the 24 global inputs to every device that offers
 * "tenon.gsi-input/1", and calls what is described here when a processor takes or ends an
 * interrupt. All of it runs with the board locked.
 */
#ifndef TENON_IRQ_H
#define TENON_IRQ_H

#include <tenon/plugin.h>

/* "tenon.gsi-input/1" - an interface of whoever listens to the board's interrupt inputs. */
#define TENON_GSI_INPUT "tenon.gsi-input/1"
struct tenon_gsi_input {
    uint32_t size;
    /* Input gsi (0 to 23) has changed to level, which is high while the interrupt is asserted.  ISA
     * interrupts are the inputs of their number; each device takes those it has pins for. [vcpu] */
    void (*set)(void *self, unsigned gsi, bool level);
};

/* "tenon.pic/1" - an interface of the 8259A pair; its interrupt line 0 is INTR of the processor
 * (see wire_intr in tenon/machine.h). */
#define TENON_PIC "tenon.pic/1"
struct tenon_pic {
    uint32_t size;
    /* The processor's interrupt acknowledge cycles: the vector, 0 to 255, that of a spurious
     * interrupt if nothing asks for one any more. [vcpu] */
    int (*acknowledge)(void *self);
};

/* "tenon.ferr/1" - an interface of whoever listens to FERR# of the first processor: an unmasked x87
 * exception is pending, and CR0.NE is clear.  What it answers with is IGNNE# (see wire_ignne in
 * tenon/machine.h). */
#define TENON_FERR "tenon.ferr/1"
struct tenon_ferr {
    uint32_t size;
    void (*set)(void *self, bool level); /* high while FERR# is asserted. [vcpu] */
};

/* "tenon.ioapic/1" - an interface of I/O APICs. */
#define TENON_IOAPIC "tenon.ioapic/1"
struct tenon_ioapic {
    uint32_t size;
    /* A local APIC has ended a level-triggered interrupt of that vector. [vcpu] */
    void (*eoi)(void *self, uint8_t vector);
};

/* "tenon.pit/1" - an interface of the 8254, for the board's port 61h. */
#define TENON_PIT "tenon.pit/1"
struct tenon_pit {
    uint32_t size;
    /* Sets the GATE input of channel 0 to 2. [vcpu] */
    void (*gate)(void *self, unsigned channel, bool level);
    /* The OUT output now. [vcpu] */
    bool (*out)(void *self, unsigned channel);
};

/*
 * "tenon.msi/1" - asked for with tenon_query(): interrupt messages to the processors' local APICs,
 * as a write of data to addr (FEExxxxxh) means them (Intel SDM, volume 3, "Message signalled
 * interrupts").
 */
#define TENON_MSI "tenon.msi/1"
struct tenon_msi {
    uint32_t size;
    /* False: no processor has taken it. [vcpu] */
    bool (*send)(struct tenon_dev *, uint64_t addr, uint32_t data);
    /* What I/O APIC input pin (0 to 23) sends from now on; a level-triggered one is what the host
     * then gives the ends of (tenon_ioapic.eoi). [vcpu] */
    void (*route)(struct tenon_dev *, unsigned pin, uint64_t addr, uint32_t data);
};

#endif
