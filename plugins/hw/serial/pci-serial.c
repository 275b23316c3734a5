/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pci-serial - one, two or four 16550As on a PCI card (numbers and layout: QEMU's
 * docs/specs/pci-serial): BAR 0 has their ports one after the other, and all share INTA.
 */
#include <tenon/pci.h>
#include <tenon/trace.h>

#include "uart.h"

TENON_EVENTS(ports, UART_EVENTS);

enum { MOST = 4 };
enum { PROG_IF = 0x09, PROG_IF_16550 = 2 };

/* The state of all three kinds; those with fewer ports leave the rest alone. */
struct ports {
    struct tenon_dev *dev;
    union {
        struct uart port[MOST];
        struct {
            struct uart port1, port2, port3, port4;
        };
    };
    unsigned count;
    uint8_t prog_if;
};

/* ---- Registers and the interrupt ---- */

static uint64_t ports_read(void *self, uint64_t reg, unsigned size)
{
    struct ports *p = self;
    unsigned port = reg / UART_PORTS;
    uint8_t value = uart_read(&p->port[port], reg % UART_PORTS);

    tenon_trace(p->dev, serial_read, p->dev->id, port, (unsigned)reg % UART_PORTS, value);
    return value;
}

static void ports_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct ports *p = self;
    unsigned port = reg / UART_PORTS;

    tenon_trace(p->dev, serial_write, p->dev->id, port, (unsigned)reg % UART_PORTS,
                (unsigned)value);
    uart_write(&p->port[port], reg % UART_PORTS, value);
}

static void ports_changed(void *self)
{
    const struct ports *p = self;
    bool irq = false;

    for (unsigned i = 0; i < p->count; i++)
        irq |= p->port[i].irq;
    tenon_irq(p->dev, 0, irq);
}

/* ---- Life ---- */

static int ports_create(struct ports *p, unsigned count)
{
    int err = 0;

    p->count = count;
    for (unsigned i = 0; i < count && !err; i++)
        err = uart_create(&p->port[i], p->dev, i * UART_TIMERS, ports_changed, p);
    return err;
}

static int create_1(void *self)
{
    return ports_create(self, 1);
}

static int create_2(void *self)
{
    return ports_create(self, 2);
}

static int create_4(void *self)
{
    return ports_create(self, 4);
}

static void ports_reset(void *self)
{
    struct ports *p = self;
    const struct tenon_pci *pci = tenon_query(p->dev, "tenon.pci/1");

    pci->config(p->dev)[PROG_IF] = p->prog_if;
    for (unsigned i = 0; i < p->count; i++)
        uart_reset(&p->port[i]);
}

static void ports_loaded(void *self)
{
    struct ports *p = self;

    for (unsigned i = 0; i < p->count; i++)
        uart_loaded(&p->port[i]);
}

/* ---- Tables ---- */

/* Timers get the whole state, whichever port they are of. */
#define PORT_TIMERS(n)                                                                             \
    static void timeout_##n(void *self)                                                            \
    {                                                                                              \
        uart_timeout(&((struct ports *)self)->port##n);                                            \
    }                                                                                              \
    static void poll_##n(void *self)                                                               \
    {                                                                                              \
        uart_poll(&((struct ports *)self)->port##n);                                               \
    }

PORT_TIMERS(1)
PORT_TIMERS(2)
PORT_TIMERS(3)
PORT_TIMERS(4)

// clang-format off
static const struct tenon_timer timers[] = {
    { .name = "timeout1", .fire = timeout_1 }, { .name = "poll1", .fire = poll_1 },
    { .name = "timeout2", .fire = timeout_2 }, { .name = "poll2", .fire = poll_2 },
    { .name = "timeout3", .fire = timeout_3 }, { .name = "poll3", .fire = poll_3 },
    { .name = "timeout4", .fire = timeout_4 }, { .name = "poll4", .fire = poll_4 },
};

static const struct tenon_reg regs[] = {
    UART_REGS(struct ports, port1), UART_REGS(struct ports, port2),
    UART_REGS(struct ports, port3), UART_REGS(struct ports, port4),
};

#define PROP_PROG_IF                                                                               \
    TENON_PROP(struct ports, "prog_if", TENON_U8, prog_if, .initial = PROG_IF_16550,               \
               .help = "programming interface of the class code")
#define PROP_CHARDEV(n)                                                                            \
    TENON_PROP(struct ports, "chardev" #n, TENON_CHARDEV, port##n.chardev,                         \
               .help = "the far end of line " #n)

static const struct tenon_prop props_1[] = {
    TENON_PROP(struct ports, "chardev", TENON_CHARDEV, port1.chardev,
               .help = "the far end of the line"),
    TENON_PROP(struct ports, "baudbase", TENON_U32, port1.baudbase, .initial = 115200, .min = 1,
               .help = "baud rate of divisor 1"),
    TENON_PROP(struct ports, "wakeup", TENON_BOOL, port1.wakeup,
               .help = "a received character wakes a sleeping machine"),
    PROP_PROG_IF,
};

static const struct tenon_prop props_2[] = {
    PROP_CHARDEV(1), PROP_CHARDEV(2), PROP_PROG_IF,
};

static const struct tenon_prop props_4[] = {
    PROP_CHARDEV(1), PROP_CHARDEV(2), PROP_CHARDEV(3), PROP_CHARDEV(4), PROP_PROG_IF,
};

static const struct tenon_bar bars[] = { { .index = 0, .window = 0 } };

/* What depends on the number of ports: the struct that a type must have, and its tables. */
#define PORTS(n, names, device_, help)                                                             \
    struct ports_##n {                                                                             \
        union {                                                                                    \
            struct tenon_dev *dev;                                                                 \
            struct ports ports;                                                                    \
        };                                                                                         \
    };                                                                                             \
    static const struct tenon_window windows_##n[] = {                                             \
        { .name = "serial", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED,             \
          .bytes = n * UART_PORTS, .read = ports_read, .write = ports_write },                     \
    };                                                                                             \
    static const struct tenon_pci_ops pci_##n = {                                                  \
        .size = sizeof(pci_##n), .vendor = 0x1b36, .device = device_,                              \
        .class_rev = 0x07000001 | PROG_IF_16550 << 8, .subsystem_vendor = 0x1af4,                  \
        .subsystem = 0x1100, .int_pin = 1, .bars = TENON_ARRAY(bars),                              \
    };                                                                                             \
    TENON_PCI_DEVICE(ports_##n, names, "input", help, .ops = &pci_##n,                             \
        .props   = TENON_ARRAY(props_##n),                                                         \
        .regs    = { regs, sizeof(regs) / sizeof(regs[0]) / MOST * n, sizeof(regs[0]) },           \
        .timers  = { timers, n * UART_TIMERS, sizeof(timers[0]) },                                 \
        .windows = TENON_ARRAY(windows_##n),                                                       \
        .events  = TENON_ARRAY(tenon_events_ports),                                                \
        .lines   = 1,                                                                              \
        .create  = create_##n,                                                                     \
        .reset   = ports_reset,                                                                    \
        .loaded  = ports_loaded)

PORTS(1, "pci-serial", 2, "PCI card with a serial port");
PORTS(2, "pci-serial-2x", 3, "PCI card with two serial ports");
PORTS(4, "pci-serial-4x", 4, "PCI card with four serial ports");
// clang-format on

TENON_PLUGIN(&tenon_type_ports_1, &tenon_type_ports_2, &tenon_type_ports_4);
