/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uart - a 16550A, compiled into each plugin that has one or more of them.
 *
 * What is sent goes out at once, whatever the baud rate; the transmitter only fills up when the far
 * end takes no more.  Interrupts are not gated by OUT2.
 */
#ifndef TENON_HW_UART_H
#define TENON_HW_UART_H

#include <tenon/chardev.h>
#include <tenon/system.h>

enum { UART_FIFO = 16, UART_PORTS = 8, UART_MSR_IDLE = 0xb0 };

/* The timers that each has, from its first on. */
enum { UART_TIMEOUT, UART_POLL, UART_TIMERS };

struct uart_queue {
    uint8_t data[UART_FIFO];
    uint8_t first, count;
};

struct uart {
    struct tenon_dev *dev;
    struct tenon_chardev *chardev; /* set before uart_create(): a property */
    uint32_t baudbase;             /* the same; 0: 115200 */
    bool wakeup;                   /* the same */
    const struct tenon_chr *chr;   /* NULL: there is no far end */
    const struct tenon_power *power;
    void (*changed)(void *owner); /* irq has been set */
    void *owner;
    uint32_t timers; /* index of the first of UART_TIMERS */
    bool modem;      /* the far end has modem lines */
    bool irq;
    uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
    uint8_t overrun;      /* LSR_OE or 0 */
    uint8_t thre_pending; /* the transmitter's interrupt has not been seen yet */
    uint8_t timed_out;    /* received characters have been waiting for long */
    uint8_t rbr;          /* the character read last */
    struct uart_queue rx, tx;
    uint8_t rx_error[UART_FIFO]; /* beside rx.data: LSR_BI or 0 */
};

/* Of the table of registers of a state that has the member u. */
// clang-format off
#define UART_REGS(state, u)                                                                        \
    TENON_REG(state, u.ier), TENON_REG(state, u.fcr), TENON_REG(state, u.lcr),                     \
    TENON_REG(state, u.mcr), TENON_REG(state, u.msr, .reset = UART_MSR_IDLE),                      \
    TENON_REG(state, u.scr), TENON_REG(state, u.dll, .reset = 12), TENON_REG(state, u.dlm),        \
    TENON_REG(state, u.overrun), TENON_REG(state, u.thre_pending), TENON_REG(state, u.timed_out),  \
    TENON_REG(state, u.rbr), TENON_REGS(state, u.rx.data), TENON_REG(state, u.rx.first),           \
    TENON_REG(state, u.rx.count), TENON_REGS(state, u.rx_error), TENON_REGS(state, u.tx.data),     \
    TENON_REG(state, u.tx.first), TENON_REG(state, u.tx.count)

/* The trace events of a type that has ports: of each, its number in the device comes first. */
#define UART_EVENTS(E)                                                                             \
    E(serial_read,  "%s: port %u reg %u value 0x%02x")                                             \
    E(serial_write, "%s: port %u reg %u value 0x%02x")
// clang-format on

/* Joins the port to its far end; 0, or the error, which has been said.  [main] */
int uart_create(struct uart *u, struct tenon_dev *dev, uint32_t timers,
                void (*changed)(void *owner), void *owner);
void uart_reset(struct uart *u);
void uart_loaded(struct uart *u);
/* Of the timers UART_TIMEOUT and UART_POLL. */
void uart_timeout(struct uart *u);
void uart_poll(struct uart *u);
/* Registers 0 to 7.  [vcpu] */
uint64_t uart_read(struct uart *u, unsigned reg);
void uart_write(struct uart *u, unsigned reg, uint8_t value);

#endif
