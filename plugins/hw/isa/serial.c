/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * isa-serial - a PC's serial port: a 16550A UART (National Semiconductor PC16550D datasheet).
 *
 * What is sent goes out at once, whatever the baud rate; the transmitter only fills up when the far
 * end takes no more.  Interrupts are not gated by OUT2.
 */
#include <errno.h>

#include <tenon/chardev.h>
#include <tenon/isa.h>
#include <tenon/system.h>
#include <tenon/trace.h>

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
    MSR_LINES = MSR_CTS | MSR_DSR | MSR_RI | MSR_DCD,
};

static const struct { uint16_t iobase; uint8_t irq; } com_ports[] = {
    { 0x3f8, 4 }, { 0x2f8, 3 }, { 0x3e8, 4 }, { 0x2e8, 3 },
};
// clang-format on

#define N_COM (sizeof(com_ports) / sizeof(com_ports[0]))
#define UNSET UINT32_MAX

enum { FIFO = 16 };
enum { TIMEOUT };

struct queue {
    uint8_t data[FIFO];
    uint8_t first, count;
};

struct serial {
    struct tenon_dev *dev;
    struct tenon_chardev *chardev;
    const struct tenon_chr *chr;
    const struct tenon_power *power;
    uint32_t index, iobase, irq, baudbase;
    bool wakeup;
    uint32_t claimed; /* of the first port: bit n is COMn+1 of the board */
    uint8_t ier, fcr, lcr, mcr, msr, scr, dll, dlm;
    uint8_t overrun;      /* LSR_OE or 0 */
    uint8_t thre_pending; /* the transmitter's interrupt has not been seen yet */
    uint8_t timed_out;    /* received characters have been waiting for long */
    uint8_t rbr;          /* the character read last */
    struct queue rx, tx;
    uint8_t rx_error[FIFO]; /* beside rx.data: LSR_BI or 0 */
};

// clang-format off
#define SERIAL_EVENTS(E) \
    E(serial_read,              "%s: reg %u value 0x%02x") \
    E(serial_write,             "%s: reg %u value 0x%02x") \
    E(serial_update_parameters, "%s: %u baud %u%c%u")
TENON_EVENTS(serial, SERIAL_EVENTS);
// clang-format on

static unsigned serial_depth(const struct serial *s)
{
    return s->fcr & FCR_ENABLE ? FIFO : 1;
}

static unsigned serial_trigger(const struct serial *s)
{
    static const uint8_t levels[] = { 1, 4, 8, 14 };

    return s->fcr & FCR_ENABLE ? levels[s->fcr >> 6] : 1;
}

static uint32_t serial_divisor(const struct serial *s)
{
    uint32_t divisor = s->dlm << 8 | s->dll;

    return divisor ? divisor : 1;
}

/* Line status; an error of a received character shows when that is the next to be read. */
static uint8_t serial_lsr(const struct serial *s)
{
    uint8_t lsr = s->overrun;

    if (s->rx.count)
        lsr |= LSR_DR | s->rx_error[s->rx.first];
    if (!s->tx.count)
        lsr |= LSR_THRE | LSR_TEMT;
    if (s->fcr & FCR_ENABLE) {
        for (unsigned i = 0; i < s->rx.count; i++) {
            if (s->rx_error[(s->rx.first + i) % FIFO])
                lsr |= LSR_FIFO_ERROR;
        }
    }
    return lsr;
}

/* The most urgent interrupt. */
static uint8_t serial_iir(const struct serial *s)
{
    if (s->ier & IER_RLS && serial_lsr(s) & LSR_ERRORS)
        return IIR_RLS;
    if (s->ier & IER_RDA && s->rx.count >= serial_trigger(s))
        return IIR_RDA;
    if (s->ier & IER_RDA && s->timed_out)
        return IIR_TIMEOUT;
    if (s->ier & IER_THRE && s->thre_pending)
        return IIR_THRE;
    if (s->ier & IER_MODEM && s->msr & MSR_DELTAS)
        return IIR_MODEM;
    return IIR_NONE;
}

static void serial_update(struct serial *s)
{
    tenon_irq(s->dev, 0, serial_iir(s) != IIR_NONE);
}

/* Tells a far end that is a real line what the guest has set. */
static void serial_line(struct serial *s)
{
    struct tenon_chr_line line = {
        .speed = s->baudbase / serial_divisor(s),
        .data_bits = 5 + (s->lcr & LCR_DATA_BITS),
        .stop_bits = s->lcr & LCR_STOP ? 2 : 1,
        .parity = !(s->lcr & LCR_PARITY) ? 'N'
                  : s->lcr & LCR_EVEN    ? 'E'
                                         : 'O',
    };

    tenon_trace(s->dev, serial_update_parameters, s->dev->id, line.speed, line.data_bits,
                line.parity, line.stop_bits);
    if (s->chr)
        s->chr->line(s->chardev, &line);
}

/* ---- Receiver ---- */

static void serial_accept(struct serial *s)
{
    if (s->chr)
        s->chr->accept(s->chardev);
}

/* The FIFO's timeout is four characters without one arriving or being read. */
static void serial_restart_timeout(struct serial *s)
{
    unsigned bits =
        1 + 5 + (s->lcr & LCR_DATA_BITS) + !!(s->lcr & LCR_PARITY) + (s->lcr & LCR_STOP ? 2 : 1);
    uint64_t ns = 4 * bits * serial_divisor(s) * 1000000000ull / s->baudbase;

    s->timed_out = false;
    if (s->fcr & FCR_ENABLE && s->rx.count)
        tenon_arm(s->dev, TIMEOUT, ns);
    else
        tenon_arm_at(s->dev, TIMEOUT, TENON_NEVER);
}

static void serial_timeout(void *self)
{
    struct serial *s = self;

    s->timed_out = true;
    serial_update(s);
}

/* A character that finds the FIFO full is lost; without FIFO it replaces the one before. */
static void serial_push(struct serial *s, uint8_t c, uint8_t error)
{
    unsigned at;

    if (s->rx.count == serial_depth(s)) {
        s->overrun = LSR_OE;
        if (s->fcr & FCR_ENABLE)
            return;
        s->rx.count = 0;
    }
    at = (s->rx.first + s->rx.count++) % FIFO;
    s->rx.data[at] = c;
    s->rx_error[at] = error;
}

static uint8_t serial_pop(struct serial *s)
{
    if (s->rx.count) {
        s->rbr = s->rx.data[s->rx.first];
        s->rx.first = (s->rx.first + 1) % FIFO;
        s->rx.count--;
        serial_restart_timeout(s);
        serial_update(s);
        if (!s->rx.count)
            serial_accept(s);
    }
    return s->rbr;
}

/* In loopback the receiver does not hear the far end. */
static size_t serial_room(void *self)
{
    struct serial *s = self;

    return s->mcr & MCR_LOOP ? 0 : serial_depth(s) - s->rx.count;
}

static void serial_receive(void *self, const void *buf, size_t len)
{
    struct serial *s = self;

    for (size_t i = 0; i < len; i++)
        serial_push(s, ((const uint8_t *)buf)[i], 0);
    serial_restart_timeout(s);
    serial_update(s);
    if (s->wakeup && s->power)
        s->power->wake(s->dev);
}

static void serial_event(void *self, int event)
{
    struct serial *s = self;

    if (event != TENON_CHR_BREAK || s->mcr & MCR_LOOP)
        return;
    serial_push(s, 0, LSR_BI);
    serial_restart_timeout(s);
    serial_update(s);
}

/* ---- Transmitter ---- */

/* Where a character leaves: back into the receiver, to the far end, or nowhere at all.  False if
 * the far end takes nothing now. */
static bool serial_emit(struct serial *s, uint8_t c)
{
    if (s->mcr & MCR_LOOP) {
        serial_push(s, c, 0);
        serial_restart_timeout(s);
        return true;
    }
    return !s->chr || s->lcr & LCR_BREAK || s->chr->write(s->chardev, &c, 1) == 1;
}

static void serial_set_thre(struct serial *s, bool pending)
{
    s->thre_pending = pending;
    if (s->ier & IER_THRE)
        serial_update(s);
}

static void serial_drain(void *self)
{
    struct serial *s = self;

    if (!s->tx.count)
        return;
    while (s->tx.count && serial_emit(s, s->tx.data[s->tx.first])) {
        s->tx.first = (s->tx.first + 1) % FIFO;
        s->tx.count--;
    }
    if (!s->tx.count)
        serial_set_thre(s, true);
}

/* The interrupt falls and rises even if the character leaves at once: the 8259 wants an edge. */
static void serial_send(struct serial *s, uint8_t c)
{
    serial_set_thre(s, false);
    if (!s->tx.count && serial_emit(s, c)) {
        serial_set_thre(s, true);
        if (s->mcr & MCR_LOOP)
            serial_update(s);
    } else if (s->tx.count < serial_depth(s)) {
        s->tx.data[(s->tx.first + s->tx.count++) % FIFO] = c;
    }
}

/* ---- Registers ---- */

/* In loopback the four outputs are the four inputs. */
static uint8_t serial_modem_lines(const struct serial *s)
{
    if (!(s->mcr & MCR_LOOP))
        return MSR_DCD | MSR_DSR | MSR_CTS;
    return (s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
           (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0);
}

/* Each line's change leaves a delta; the ring indicator's only when it ends. */
static void serial_write_mcr(struct serial *s, uint8_t value)
{
    bool looped = s->mcr & MCR_LOOP;
    uint8_t lines, changed;

    s->mcr = value & MCR_BITS;
    lines = serial_modem_lines(s);
    changed = (s->msr ^ lines) & MSR_LINES;
    if (lines & MSR_RI)
        changed &= ~MSR_RI;
    s->msr = lines | (s->msr & MSR_DELTAS) | changed >> 4;
    serial_update(s);
    if (looped && !(s->mcr & MCR_LOOP)) {
        serial_drain(s);
        serial_accept(s);
    }
}

/* Bits but the first count only if that is written as 1; switching the FIFOs empties them. */
static void serial_write_fcr(struct serial *s, uint8_t value)
{
    bool switched = (value ^ s->fcr) & FCR_ENABLE;

    if (!(value & FCR_ENABLE))
        value = 0;
    s->fcr = value & FCR_KEPT;
    if (switched || value & FCR_CLEAR_TX) {
        s->thre_pending |= s->tx.count > 0;
        s->tx.count = 0;
    }
    if (switched || value & FCR_CLEAR_RX) {
        s->rx.count = 0;
        serial_restart_timeout(s);
    }
    serial_update(s);
    if (!s->rx.count)
        serial_accept(s);
}

static void serial_write_ier(struct serial *s, uint8_t value)
{
    if (value & ~s->ier & IER_THRE && !s->tx.count)
        s->thre_pending = true;
    s->ier = value & IER_BITS;
    serial_update(s);
}

static void serial_write_lcr(struct serial *s, uint8_t value)
{
    bool breaks = value & ~s->lcr & LCR_BREAK;

    s->lcr = value;
    if (breaks && s->chr && !(s->mcr & MCR_LOOP))
        s->chr->event(s->chardev, TENON_CHR_BREAK);
    serial_line(s);
}

static void serial_write_divisor(struct serial *s, uint8_t *latch, uint8_t value)
{
    *latch = value;
    serial_line(s);
}

/* Reading the transmitter's interrupt is what ends it. */
static uint8_t serial_read_iir(struct serial *s)
{
    uint8_t iir = serial_iir(s);

    if (iir == IIR_THRE)
        serial_set_thre(s, false);
    return iir | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t serial_read_lsr(struct serial *s)
{
    uint8_t lsr = serial_lsr(s);

    if (lsr & LSR_ERRORS) {
        s->overrun = 0;
        if (s->rx.count)
            s->rx_error[s->rx.first] = 0;
        serial_update(s);
    }
    return lsr;
}

static uint8_t serial_read_msr(struct serial *s)
{
    uint8_t msr = s->msr;

    s->msr &= ~MSR_DELTAS;
    serial_update(s);
    return msr;
}

static uint8_t serial_read_register(struct serial *s, unsigned reg)
{
    bool dlab = s->lcr & LCR_DLAB;

    switch (reg) {
    case REG_DATA: return dlab ? s->dll : serial_pop(s);
    case REG_IER: return dlab ? s->dlm : s->ier;
    case REG_IIR: return serial_read_iir(s);
    case REG_LCR: return s->lcr;
    case REG_MCR: return s->mcr;
    case REG_LSR: return serial_read_lsr(s);
    case REG_MSR: return serial_read_msr(s);
    default: return s->scr;
    }
}

static uint64_t serial_read(void *self, uint64_t reg, unsigned size)
{
    struct serial *s = self;
    uint8_t value = serial_read_register(s, reg);

    tenon_trace(s->dev, serial_read, s->dev->id, (unsigned)reg, value);
    return value;
}

static void serial_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct serial *s = self;

    tenon_trace(s->dev, serial_write, s->dev->id, (unsigned)reg, (unsigned)value);
    if (s->lcr & LCR_DLAB && reg <= REG_IER) {
        serial_write_divisor(s, reg == REG_DATA ? &s->dll : &s->dlm, value);
        return;
    }
    switch (reg) {
    case REG_DATA: serial_send(s, value); break;
    case REG_IER: serial_write_ier(s, value); break;
    case REG_IIR: serial_write_fcr(s, value); break;
    case REG_LCR: serial_write_lcr(s, value); break;
    case REG_MCR: serial_write_mcr(s, value); break;
    case REG_SCR: s->scr = value; break;
    }
}

/* ---- Life ---- */

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

static const struct tenon_chr_user serial_chr_user = {
    .size = sizeof(serial_chr_user),
    .room = serial_room,
    .receive = serial_receive,
    .writable = serial_drain,
    .event = serial_event,
};

static int serial_create(void *self)
{
    struct serial *s = self;
    int err = serial_place(s);

    if (err)
        return err;
    s->power = tenon_query(s->dev, "tenon.power/1");
    if (s->chardev) {
        s->chr = tenon_query(s->dev, "tenon.chr/1");
        err = s->chr ? s->chr->attach(s->dev, s->chardev, &serial_chr_user) : -ENOSYS;
        if (err)
            return tenon_error(s->dev, err, "the chardev is in use already");
    }
    err = tenon_isa_connect(s->dev, 0, s->irq);
    return err ? err : tenon_map(s->dev, 0, s->iobase, 0);
}

static void serial_reset(void *self)
{
    struct serial *s = self;

    serial_update(s);
    serial_line(s);
    serial_accept(s);
}

/* A queue from elsewhere may be nonsense. */
static void queue_check(struct queue *q)
{
    q->first %= FIFO;
    if (q->count > FIFO)
        q->count = FIFO;
}

static void serial_loaded(void *self)
{
    struct serial *s = self;

    queue_check(&s->rx);
    queue_check(&s->tx);
    serial_update(s);
    serial_line(s);
}

// clang-format off
static const struct tenon_prop serial_props[] = {
    TENON_PROP(struct serial, "chardev", TENON_CHARDEV, chardev, .help = "the far end of the line"),
    TENON_PROP(struct serial, "index", TENON_U32, index, .initial = UNSET, .max = N_COM - 1,
               .help = "0 for COM1 to 3 for COM4; the next one if not given"),
    TENON_PROP(struct serial, "iobase", TENON_U32, iobase, .initial = UNSET, .max = 0xfff8,
               .help = "first of eight ports; by index if not given"),
    TENON_PROP(struct serial, "irq", TENON_U32, irq, .initial = UNSET, .max = 15,
               .help = "ISA interrupt; by index if not given"),
    TENON_PROP(struct serial, "baudbase", TENON_U32, baudbase, .initial = 115200, .min = 1,
               .help = "baud rate of divisor 1"),
    TENON_PROP(struct serial, "wakeup", TENON_BOOL, wakeup,
               .help = "a received character wakes a sleeping machine"),
};

static const struct tenon_reg serial_regs[] = {
    TENON_REG(struct serial, ier), TENON_REG(struct serial, fcr), TENON_REG(struct serial, lcr),
    TENON_REG(struct serial, mcr),
    TENON_REG(struct serial, msr, .reset = MSR_DCD | MSR_DSR | MSR_CTS),
    TENON_REG(struct serial, scr), TENON_REG(struct serial, dll, .reset = 12),
    TENON_REG(struct serial, dlm), TENON_REG(struct serial, overrun),
    TENON_REG(struct serial, thre_pending), TENON_REG(struct serial, timed_out),
    TENON_REG(struct serial, rbr),
    TENON_REGS(struct serial, rx.data), TENON_REG(struct serial, rx.first),
    TENON_REG(struct serial, rx.count), TENON_REGS(struct serial, rx_error),
    TENON_REGS(struct serial, tx.data), TENON_REG(struct serial, tx.first),
    TENON_REG(struct serial, tx.count),
};

static const struct tenon_timer serial_timers[] = {
    [TIMEOUT] = { .name = "timeout", .fire = serial_timeout },
};

static const struct tenon_window serial_windows[] = {
    { .name = "serial", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = 8,
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
