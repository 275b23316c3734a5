/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* uart - a 16550A (National Semiconductor PC16550D datasheet), as serial ports have one or more. */

#include "uart.h"

#include <errno.h>

// clang-format off
enum {                          /* ports; the first two change with LCR.DLAB */
    REG_DATA = 0,               /* RO RBR received, WO THR to send; RW DLL */
    REG_IER  = 1,               /* RW interrupt enable; RW DLM */
    REG_IIR  = 2,               /* RO interrupt identification; WO FCR */
    REG_LCR  = 3,               /* RW line control */
    REG_MCR  = 4,               /* RW modem control */
    REG_LSR  = 5,               /* RO line status; a read clears the errors */
    REG_MSR  = 6,               /* RO modem status; a read clears the deltas */
    REG_SCR  = 7,               /* RW scratch */

    IER_RDA = 0x01, IER_THRE = 0x02, IER_RLS = 0x04, IER_MODEM = 0x08, IER_BITS = 0x0f,
    IIR_MODEM = 0x00, IIR_NONE = 0x01, IIR_THRE = 0x02, IIR_RDA = 0x04, IIR_RLS = 0x06,
    IIR_TIMEOUT = 0x0c, IIR_FIFOS = 0xc0,
    FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_CLEAR_TX = 0x04, FCR_KEPT = 0xc9,
    LCR_DATA_BITS = 0x03, LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_EVEN = 0x10, LCR_BREAK = 0x40,
    LCR_DLAB = 0x80,
    MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10,
    MCR_BITS = 0x1f,
    LSR_DR = 0x01, LSR_OE = 0x02, LSR_PE = 0x04, LSR_FE = 0x08, LSR_BI = 0x10,
    LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERROR = 0x80,
    LSR_ERRORS = LSR_OE | LSR_PE | LSR_FE | LSR_BI,
    MSR_DELTAS = 0x0f, MSR_DELTA_RI = 0x04,
    MSR_CTS = 0x10, MSR_DSR = 0x20, MSR_RI = 0x40, MSR_DCD = 0x80,
    MSR_IDLE = UART_MSR_IDLE,   /* what a far end without lines has on */
    MSR_LINES = MSR_CTS | MSR_DSR | MSR_RI | MSR_DCD,
};

// clang-format on

enum { FIFO = UART_FIFO, MODEM_POLL_NS = 10000000 };

static unsigned uart_depth(const struct uart *u)
{
    return u->fcr & FCR_ENABLE ? FIFO : 1;
}

static unsigned uart_trigger(const struct uart *u)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return u->fcr & FCR_ENABLE ? levels[u->fcr >> 6] : 1;
}

static uint32_t uart_divisor(const struct uart *u)
{
    uint32_t divisor = u->dlm << 8 | u->dll;

    return divisor ? divisor : 1;
}

/* Line status; an error of a received character shows when that is the next to be read. */
static uint8_t uart_lsr(const struct uart *u)
{
    uint8_t lsr = u->overrun;

    if (u->rx.count)
        lsr |= LSR_DR | u->rx_error[u->rx.first];
    if (!u->tx.count)
        lsr |= LSR_THRE | LSR_TEMT;
    if (u->fcr & FCR_ENABLE) {
        for (unsigned i = 0; i < u->rx.count; i++) {
            if (u->rx_error[(u->rx.first + i) % FIFO])
                lsr |= LSR_FIFO_ERROR;
        }
    }
    return lsr;
}

/* The most urgent interrupt. */
static uint8_t uart_iir(const struct uart *u)
{
    if (u->ier & IER_RLS && uart_lsr(u) & LSR_ERRORS)
        return IIR_RLS;
    if (u->ier & IER_RDA && u->rx.count >= uart_trigger(u))
        return IIR_RDA;
    if (u->ier & IER_RDA && u->timed_out)
        return IIR_TIMEOUT;
    if (u->ier & IER_THRE && u->thre_pending)
        return IIR_THRE;
    if (u->ier & IER_MODEM && u->msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

static void uart_update(struct uart *u)
{
    u->irq = uart_iir(u) != IIR_NONE;
    u->changed(u->owner);
}

/* Tells a far end that is a real line what the guest has set. */
static void uart_line(struct uart *u)
{
    struct tenon_chr_line line = {
        .speed = u->baudbase / uart_divisor(u),
        .data_bits = 5 + (u->lcr & LCR_DATA_BITS),
        .stop_bits = u->lcr & LCR_STOP ? 2 : 1,
        .parity = !(u->lcr & LCR_PARITY) ? 'N'
                  : u->lcr & LCR_EVEN    ? 'E'
                                         : 'O',
    };

    if (u->chr)
        u->chr->line(u->chardev, &line);
}

/* ---- Receiver ---- */

static void uart_accept(struct uart *u)
{
    if (u->chr)
        u->chr->accept(u->chardev);
}

/* The FIFO's timeout is four characters without one arriving or being read. */
static void uart_restart_timeout(struct uart *u)
{
    unsigned bits =
        1 + 5 + (u->lcr & LCR_DATA_BITS) + !!(u->lcr & LCR_PARITY) + (u->lcr & LCR_STOP ? 2 : 1);
    uint64_t ns = 4 * bits * uart_divisor(u) * 1000000000ull / u->baudbase;

    u->timed_out = false;
    if (u->fcr & FCR_ENABLE && u->rx.count)
        tenon_arm(u->dev, u->timers + UART_TIMEOUT, ns);
    else
        tenon_arm_at(u->dev, u->timers + UART_TIMEOUT, TENON_NEVER);
}

void uart_timeout(struct uart *u)
{
    u->timed_out = true;
    uart_update(u);
}

/* A character that finds the FIFO full is lost; without FIFO it replaces the one before. */
static void uart_push(struct uart *u, uint8_t c, uint8_t error)
{
    unsigned at;

    if (u->rx.count == uart_depth(u)) {
        u->overrun = LSR_OE;
        if (u->fcr & FCR_ENABLE)
            return;
        u->rx.count = 0;
    }
    at = (u->rx.first + u->rx.count++) % FIFO;
    u->rx.data[at] = c;
    u->rx_error[at] = error;
}

static uint8_t uart_pop(struct uart *u)
{
    if (u->rx.count) {
        u->rbr = u->rx.data[u->rx.first];
        u->rx.first = (u->rx.first + 1) % FIFO;
        u->rx.count--;
        uart_restart_timeout(u);
        uart_update(u);
        if (!u->rx.count)
            uart_accept(u);
    }
    return u->rbr;
}

/* In loopback the receiver does not hear the far end. */
static size_t uart_room(void *self)
{
    struct uart *u = self;

    return u->mcr & MCR_LOOP ? 0 : uart_depth(u) - u->rx.count;
}

static void uart_receive(void *self, const void *buf, size_t len)
{
    struct uart *u = self;

    for (size_t i = 0; i < len; i++)
        uart_push(u, ((const uint8_t *)buf)[i], 0);
    uart_restart_timeout(u);
    uart_update(u);
    if (u->wakeup && u->power)
        u->power->wake(u->dev);
}

static void uart_event(void *self, int event)
{
    struct uart *u = self;

    if (event != TENON_CHR_BREAK || u->mcr & MCR_LOOP)
        return;
    uart_push(u, 0, LSR_BI);
    uart_restart_timeout(u);
    uart_update(u);
}

/* ---- Transmitter ---- */

/* Where a character leaves: back into the receiver, to the far end, or nowhere at all.  False if
 * the far end takes nothing now. */
static bool uart_emit(struct uart *u, uint8_t c)
{
    if (u->mcr & MCR_LOOP) {
        uart_push(u, c, 0);
        uart_restart_timeout(u);
        return true;
    }
    return !u->chr || u->lcr & LCR_BREAK || u->chr->write(u->chardev, &c, 1) == 1;
}

static void uart_set_thre(struct uart *u, bool pending)
{
    u->thre_pending = pending;
    if (u->ier & IER_THRE)
        uart_update(u);
}

static void uart_drain(void *self)
{
    struct uart *u = self;

    if (!u->tx.count)
        return;
    while (u->tx.count && uart_emit(u, u->tx.data[u->tx.first])) {
        u->tx.first = (u->tx.first + 1) % FIFO;
        u->tx.count--;
    }
    if (!u->tx.count)
        uart_set_thre(u, true);
}

/* The interrupt falls and rises even if the character leaves at once: the 8259 wants an edge. */
static void uart_send(struct uart *u, uint8_t c)
{
    uart_set_thre(u, false);
    if (!u->tx.count && uart_emit(u, c)) {
        uart_set_thre(u, true);
        if (u->mcr & MCR_LOOP)
            uart_update(u);
    } else if (u->tx.count < uart_depth(u)) {
        u->tx.data[(u->tx.first + u->tx.count++) % FIFO] = c;
    }
}

/* ---- Registers ---- */

/* What a far end that is a real line shows. */
static uint8_t uart_far_lines(const struct uart *u)
{
    int lines = u->modem ? u->chr->lines(u->chardev) : -ENOTSUP;

    if (lines < 0)
        return MSR_IDLE;
    return (lines & TENON_CHR_CTS ? MSR_CTS : 0) | (lines & TENON_CHR_DSR ? MSR_DSR : 0) |
           (lines & TENON_CHR_RI ? MSR_RI : 0) | (lines & TENON_CHR_DCD ? MSR_DCD : 0);
}

/* In loopback the four outputs are the four inputs. */
static uint8_t uart_modem_lines(const struct uart *u)
{
    if (!(u->mcr & MCR_LOOP))
        return uart_far_lines(u);
    return (u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
           (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

/* Each line's change leaves a delta; the ring indicator's only when it ends. */
static void uart_look_at_lines(struct uart *u)
{
    uint8_t lines = uart_modem_lines(u);
    uint8_t changed = (u->msr ^ lines) & MSR_LINES;

    if (lines & MSR_RI)
        changed &= ~MSR_RI;
    u->msr = lines | (u->msr & MSR_DELTAS) | changed >> 4;
    uart_update(u);
}

/* Nothing tells of a real line's changes; a guest that waits for them is told soon. */
void uart_poll(struct uart *u)
{
    uart_look_at_lines(u);
    if (u->modem && u->ier & IER_MODEM)
        tenon_arm(u->dev, u->timers + UART_POLL, MODEM_POLL_NS);
}

static void uart_drive_lines(struct uart *u)
{
    if (u->modem && !(u->mcr & MCR_LOOP))
        u->chr->set_lines(u->chardev, (u->mcr & MCR_DTR ? TENON_CHR_DTR : 0) |
                                          (u->mcr & MCR_RTS ? TENON_CHR_RTS : 0));
}

static void uart_write_mcr(struct uart *u, uint8_t value)
{
    bool looped = u->mcr & MCR_LOOP;

    u->mcr = value & MCR_BITS;
    uart_drive_lines(u);
    uart_look_at_lines(u);
    if (looped && !(u->mcr & MCR_LOOP)) {
        uart_drain(u);
        uart_accept(u);
    }
}

/* Bits but the first count only if that is written as 1; switching the FIFOs empties them. */
static void uart_write_fcr(struct uart *u, uint8_t value)
{
    bool switched = (value ^ u->fcr) & FCR_ENABLE;

    if (!(value & FCR_ENABLE))
        value = 0;
    u->fcr = value & FCR_KEPT;
    if (switched || value & FCR_CLEAR_TX) {
        u->thre_pending |= u->tx.count > 0;
        u->tx.count = 0;
    }
    if (switched || value & FCR_CLEAR_RX) {
        u->rx.count = 0;
        uart_restart_timeout(u);
    }
    uart_update(u);
    if (!u->rx.count)
        uart_accept(u);
}

static void uart_write_ier(struct uart *u, uint8_t value)
{
    if (value & ~u->ier & IER_THRE && !u->tx.count)
        u->thre_pending = true;
    u->ier = value & IER_BITS;
    if (u->modem)
        uart_poll(u);
    uart_update(u);
}

static void uart_write_lcr(struct uart *u, uint8_t value)
{
    bool breaks = value & ~u->lcr & LCR_BREAK;

    u->lcr = value;
    if (breaks && u->chr && !(u->mcr & MCR_LOOP))
        u->chr->event(u->chardev, TENON_CHR_BREAK);
    uart_line(u);
}

static void uart_write_divisor(struct uart *u, uint8_t *latch, uint8_t value)
{
    *latch = value;
    uart_line(u);
}

/* Reading the transmitter's interrupt is what ends it. */
static uint8_t uart_read_iir(struct uart *u)
{
    uint8_t iir = uart_iir(u);

    if (iir == IIR_THRE)
        uart_set_thre(u, false);
    return iir | (u->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t uart_read_lsr(struct uart *u)
{
    uint8_t lsr = uart_lsr(u);

    if (lsr & LSR_ERRORS) {
        u->overrun = 0;
        if (u->rx.count)
            u->rx_error[u->rx.first] = 0;
        uart_update(u);
    }
    return lsr;
}

static uint8_t uart_read_msr(struct uart *u)
{
    uint8_t msr;

    if (u->modem)
        uart_look_at_lines(u);
    msr = u->msr;
    u->msr &= ~MSR_DELTAS;
    uart_update(u);
    return msr;
}

uint64_t uart_read(struct uart *u, unsigned reg)
{
    bool dlab = u->lcr & LCR_DLAB;

    switch (reg) {
    case REG_DATA: return dlab ? u->dll : uart_pop(u);
    case REG_IER: return dlab ? u->dlm : u->ier;
    case REG_IIR: return uart_read_iir(u);
    case REG_LCR: return u->lcr;
    case REG_MCR: return u->mcr;
    case REG_LSR: return uart_read_lsr(u);
    case REG_MSR: return uart_read_msr(u);
    default: return u->scr;
    }
}

void uart_write(struct uart *u, unsigned reg, uint8_t value)
{
    if (u->lcr & LCR_DLAB && reg <= REG_IER) {
        uart_write_divisor(u, reg == REG_DATA ? &u->dll : &u->dlm, value);
        return;
    }
    switch (reg) {
    case REG_DATA: uart_send(u, value); break;
    case REG_IER: uart_write_ier(u, value); break;
    case REG_IIR: uart_write_fcr(u, value); break;
    case REG_LCR: uart_write_lcr(u, value); break;
    case REG_MCR: uart_write_mcr(u, value); break;
    case REG_SCR: u->scr = value; break;
    }
}

/* ---- Life ---- */

static const struct tenon_chr_user uart_user = {
    .size = sizeof(uart_user),
    .room = uart_room,
    .receive = uart_receive,
    .writable = uart_drain,
    .event = uart_event,
};

int uart_create(struct uart *u, struct tenon_dev *dev, uint32_t timers,
                void (*changed)(void *owner), void *owner)
{
    u->dev = dev;
    u->timers = timers;
    u->changed = changed;
    u->owner = owner;
    u->power = tenon_query(dev, "tenon.power/1");
    if (!u->baudbase)
        u->baudbase = 115200;
    if (!u->chardev)
        return 0;
    u->chr = tenon_query(dev, "tenon.chr/1");
    if (!u->chr)
        return tenon_error(dev, -ENOTSUP, "this emulator has no chardevs");
    u->modem = u->chr->lines(u->chardev) >= 0;
    return u->chr->attach_part(dev, u->chardev, &uart_user, u);
}

void uart_reset(struct uart *u)
{
    uart_look_at_lines(u);
    u->msr &= ~MSR_DELTAS;
    uart_update(u);
    uart_drive_lines(u);
    uart_line(u);
    uart_accept(u);
}

/* A queue from elsewhere may be nonsense. */
static void queue_check(struct uart_queue *q)
{
    q->first %= FIFO;
    if (q->count > FIFO)
        q->count = FIFO;
}

void uart_loaded(struct uart *u)
{
    queue_check(&u->rx);
    queue_check(&u->tx);
    uart_update(u);
    uart_drive_lines(u);
    uart_line(u);
}
