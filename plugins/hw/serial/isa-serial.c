/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* isa-serial - a PC's serial ports COM1 to COM4: a 16550A each (uart.c). */

#include <errno.h>

#include <tenon/isa.h>
#include <tenon/trace.h>

#include "uart.h"

TENON_EVENTS(serial, UART_EVENTS);

// clang-format off
static const struct { uint16_t iobase; uint8_t irq; } com_ports[] = {
    { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 },
};
// clang-format on

#define N_COM (sizeof(com_ports) / sizeof(com_ports[0]))
#define UNSET UINT32_MAX

struct serial {
    struct tenon_dev *dev;
    struct uart uart;
    uint32_t index, iobase, irq;
    uint32_t claimed; /* of the first port: bit n is COMn+1 of the board */
};

static uint64_t serial_read(void *self, uint64_t reg, unsigned size)
{
    struct serial *s = self;
    uint8_t value = uart_read(&s->uart, reg);

    tenon_trace(s->dev, serial_read, s->dev->id, 0u, (unsigned)reg, value);
    return value;
}

static void serial_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct serial *s = self;

    tenon_trace(s->dev, serial_write, s->dev->id, 0u, (unsigned)reg, (unsigned)value);
    uart_write(&s->uart, reg, value);
}

static void serial_timeout(void *self)
{
    uart_timeout(&((struct serial *)self)->uart);
}

static void serial_poll(void *self)
{
    uart_poll(&((struct serial *)self)->uart);
}

static void serial_changed(void *self)
{
    struct serial *s = self;

    tenon_irq(s->dev, 0, s->uart.irq);
}

/* ---- Places ---- */

/* The first port keeps which of COM1 to COM4 are taken. */
static int serial_claim(void *first, uint32_t index)
{
    struct serial *s = first;

    for (uint32_t n = index == UNSET ? 0 : index; n < N_COM; n++) {
        if (!(s->claimed & 1u << n)) {
            s->claimed |= 1u << n;
            return n;
        }
        if (index != UNSET)
            return -EBUSY;
    }
    return -ENOSPC;
}

static uint32_t serial_ports(void *first)
{
    return ((struct serial *)first)->claimed;
}

static uint32_t serial_index_of(uint32_t iobase)
{
    for (uint32_t n = 0; n < N_COM; n++) {
        if (com_ports[n].iobase == iobase)
            return n;
    }
    return UNSET;
}

/* Finds what index=, iobase= and irq= leave open. */
static int serial_place(struct serial *s)
{
    struct tenon_peer first = tenon_find_peer(s->dev, TENON_ISA_SERIAL);
    uint32_t index = s->iobase == UNSET ? s->index : serial_index_of(s->iobase);
    const struct tenon_isa_serial *ports = first.table;
    int n = 0;

    if (s->iobase == UNSET || index != UNSET) {
        n = first.self ? ports->claim(first.self, index) : serial_claim(s, index);
        if (n == -EBUSY)
            return tenon_error(s->dev, n, "COM%u is another serial port already", index + 1);
        if (n < 0)
            return tenon_error(s->dev, n, "COM1 to COM4 are taken: give iobase= and irq=");
    }
    s->index = n;
    if (s->iobase == UNSET)
        s->iobase = com_ports[n].iobase;
    if (s->irq == UNSET)
        s->irq = com_ports[n].irq;
    return 0;
}

/* ---- Life ---- */

static int serial_create(void *self)
{
    struct serial *s = self;
    int err = serial_place(s);

    if (!err)
        err = uart_create(&s->uart, s->dev, 0, serial_changed, s);
    if (!err)
        err = tenon_isa_connect(s->dev, 0, s->irq);
    return err ? err : tenon_map(s->dev, 0, s->iobase, 0);
}

static void serial_reset(void *self)
{
    uart_reset(&((struct serial *)self)->uart);
}

static void serial_loaded(void *self)
{
    uart_loaded(&((struct serial *)self)->uart);
}

// clang-format off
static const struct tenon_prop serial_props[] = {
    TENON_PROP(struct serial, "chardev", TENON_CHARDEV, uart.chardev, .help = "the far end of the line"),
    TENON_PROP(struct serial, "index", TENON_U32, index, .initial = UNSET, .max = N_COM - 1,
               .help = "0 for COM1 to 3 for COM4; the next one if not given"),
    TENON_PROP(struct serial, "iobase", TENON_U32, iobase, .initial = UNSET, .max = 0xfff8,
               .help = "first of eight ports; by index if not given"),
    TENON_PROP(struct serial, "irq", TENON_U32, irq, .initial = UNSET, .max = 15,
               .help = "ISA interrupt; by index if not given"),
    TENON_PROP(struct serial, "baudbase", TENON_U32, uart.baudbase, .initial = 115200, .min = 1,
               .help = "baud rate of divisor 1"),
    TENON_PROP(struct serial, "wakeup", TENON_BOOL, uart.wakeup,
               .help = "a received character wakes a sleeping machine"),
};

static const struct tenon_reg serial_regs[] = { UART_REGS(struct serial, uart) };

static const struct tenon_timer serial_timers[] = {
    [UART_TIMEOUT] = { .name = "timeout", .fire = serial_timeout },
    [UART_POLL]    = { .name = "poll",    .fire = serial_poll },
};

static const struct tenon_window serial_windows[] = {
    { .name = "serial", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = UART_PORTS,
      .read = serial_read, .write = serial_write },
};

static const struct tenon_isa_serial serial_first = {
    .size = sizeof(serial_first), .ports = serial_ports, .claim = serial_claim,
};

static const struct tenon_iface serial_ifaces[] = {
    { TENON_ISA_SERIAL, &serial_first },
};

TENON_ISA_DEVICE(serial, "isa-serial", "input", "Serial port with a 16550A",
    .props   = TENON_ARRAY(serial_props),
    .regs    = TENON_ARRAY(serial_regs),
    .timers  = TENON_ARRAY(serial_timers),
    .windows = TENON_ARRAY(serial_windows),
    .ifaces  = TENON_ARRAY(serial_ifaces),
    .events  = TENON_ARRAY(tenon_events_serial),
    .lines   = 1,
    .create  = serial_create,
    .reset   = serial_reset,
    .loaded  = serial_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_serial);
