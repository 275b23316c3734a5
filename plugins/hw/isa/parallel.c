/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * isa-parallel - a PC's printer port LPT1 to LPT3 (IEEE 1284-1994 compatibility mode, annex on the
 * PC's registers; EPP registers as in the SMSC FDC37C665 datasheet).
 *
 * With a chardev that is a real parallel port its lines are that port's.  With any other the port
 * has a printer that is always ready: as -STROBE goes low the byte on the data lines is sent.
 */
#include <errno.h>

#include <tenon/chardev.h>
#include <tenon/isa.h>

// clang-format off
enum {                          /* ports */
    REG_DATA     = 0,           /* RW data lines; while they are inputs, a read gives these */
    REG_STATUS   = 1,           /* RO inputs from the printer */
    REG_CONTROL  = 2,           /* RW outputs to the printer, and switches */
    REG_EPP_ADDR = 3,           /* RW an address cycle; with a real port alone */
    REG_EPP_DATA = 4,           /* RW data cycles, to port 7 */
    N_PORTS      = 8,

    STS_TIMEOUT = 0x01, STS_NOT_ERROR = 0x08, STS_SELECTED = 0x10, STS_NO_PAPER = 0x20,
    STS_NOT_ACK = 0x40, STS_NOT_BUSY = 0x80,
    STS_IDLE = STS_NOT_BUSY | STS_NOT_ACK | STS_SELECTED | STS_NOT_ERROR,
    CTL_STROBE = 0x01, CTL_AUTO_LF = 0x02, CTL_NOT_INIT = 0x04, CTL_SELECT = 0x08,
    CTL_INTERRUPT = 0x10, CTL_INPUT = 0x20,
    CTL_UNUSED = 0xc0,          /* read as ones */
};

static const uint16_t bases[] = { 0x378, 0x278, 0x3bc };
// clang-format on

#define N_LPT (sizeof(bases) / sizeof(bases[0]))
#define UNSET UINT32_MAX

struct parallel {
    struct tenon_dev *dev;
    struct tenon_chardev *chardev;
    const struct tenon_chr *chr; /* NULL: there is no far end */
    uint32_t index, iobase, irq;
    bool real;        /* the far end is a parallel port */
    uint32_t claimed; /* of the first port: bit n is LPTn+1 of the board */
    uint8_t data, control;
    uint8_t latched; /* the byte that the printer has seen */
    uint8_t pending; /* ... and the far end has not taken: the printer is busy */
    uint8_t acked;   /* the interrupt of an acknowledge has not been seen */
    uint8_t timeout; /* STS_TIMEOUT or 0: an EPP cycle had no answer */
};

static void parallel_update(struct parallel *p)
{
    tenon_irq(p->dev, 0, p->control & CTL_INTERRUPT && p->acked);
}

/* ---- A printer ---- */

/* The byte leaves, and the printer acknowledges it. */
static void parallel_send(void *self)
{
    struct parallel *p = self;

    if (p->pending && p->chr->write(p->chardev, &p->latched, 1) != 1)
        return;
    if (p->pending)
        p->acked = true;
    p->pending = false;
    parallel_update(p);
}

static void parallel_strobe(struct parallel *p)
{
    if (!p->chr || p->pending)
        return;
    p->latched = p->data;
    p->pending = true;
    p->acked = false;
    parallel_update(p);
    parallel_send(p);
}

/* The acknowledge is a pulse: who looks at it has seen it. */
static uint8_t parallel_printer_status(struct parallel *p)
{
    uint8_t status = STS_IDLE;

    if (p->pending)
        status &= ~STS_NOT_BUSY;
    if (p->acked)
        status &= ~STS_NOT_ACK;
    p->acked = false;
    parallel_update(p);
    return status;
}

/* ---- A real port ---- */

static uint8_t parallel_ask(struct parallel *p, uint32_t op)
{
    uint8_t value = 0xff;

    p->chr->parallel(p->chardev, op, &value, 1);
    return value;
}

static void parallel_cycle(struct parallel *p, uint32_t op, uint8_t *bytes, unsigned n)
{
    if (p->chr->parallel(p->chardev, op, bytes, n))
        p->timeout = STS_TIMEOUT;
}

static uint64_t parallel_epp_read(struct parallel *p, uint64_t reg, unsigned size)
{
    uint8_t bytes[4] = { 0xff, 0xff, 0xff, 0xff };
    uint64_t value = 0;

    if (reg == REG_EPP_ADDR)
        parallel_cycle(p, TENON_PP_READ_EPP_ADDR, bytes, 1);
    else
        parallel_cycle(p, TENON_PP_READ_EPP_DATA, bytes, size);
    for (unsigned i = 0; i < size; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static void parallel_epp_write(struct parallel *p, uint64_t reg, uint64_t value, unsigned size)
{
    uint8_t bytes[4] = { value, value >> 8, value >> 16, value >> 24 };

    if (reg == REG_EPP_ADDR)
        parallel_cycle(p, TENON_PP_WRITE_EPP_ADDR, bytes, 1);
    else
        parallel_cycle(p, TENON_PP_WRITE_EPP_DATA, bytes, size);
}

/* ---- Registers ---- */

static uint8_t parallel_read_data(struct parallel *p)
{
    if (p->real)
        return parallel_ask(p, TENON_PP_READ_DATA);
    return p->control & CTL_INPUT ? 0xff : p->data;
}

static uint8_t parallel_read_status(struct parallel *p)
{
    if (p->real)
        return (parallel_ask(p, TENON_PP_READ_STATUS) & ~STS_TIMEOUT) | p->timeout;
    return parallel_printer_status(p);
}

static void parallel_write_data(struct parallel *p, uint8_t value)
{
    p->data = value;
    if (p->real)
        p->chr->parallel(p->chardev, TENON_PP_WRITE_DATA, &value, 1);
}

/* A printer that is initialized forgets what it was given. */
static void parallel_write_control(struct parallel *p, uint8_t value)
{
    uint8_t before = p->control;

    p->control = value & ~CTL_UNUSED;
    if (p->real) {
        p->chr->parallel(p->chardev, TENON_PP_WRITE_CONTROL, &value, 1);
        return;
    }
    if (!(value & CTL_NOT_INIT))
        p->pending = p->acked = false;
    else if (value & ~before & CTL_STROBE)
        parallel_strobe(p);
    parallel_update(p);
}

static uint64_t parallel_read(void *self, uint64_t reg, unsigned size)
{
    struct parallel *p = self;

    switch (reg) {
    case REG_DATA: return parallel_read_data(p);
    case REG_STATUS: return parallel_read_status(p);
    case REG_CONTROL: return p->control | CTL_UNUSED;
    default: return p->real ? parallel_epp_read(p, reg, size) : UINT64_MAX;
    }
}

/* A write to the status clears EPP's timeout. */
static void parallel_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct parallel *p = self;

    switch (reg) {
    case REG_DATA: parallel_write_data(p, value); break;
    case REG_STATUS: p->timeout = 0; break;
    case REG_CONTROL: parallel_write_control(p, value); break;
    default:
        if (p->real)
            parallel_epp_write(p, reg, value, size);
    }
}

/* A wide access is of EPP's data port alone; elsewhere it is one of bytes. */
static uint64_t parallel_read_wide(void *self, uint64_t reg, unsigned size)
{
    uint64_t value = 0;

    if (reg == REG_EPP_DATA)
        return parallel_read(self, reg, size);
    for (unsigned i = 0; i < size && reg + i < N_PORTS; i++)
        value |= (parallel_read(self, reg + i, 1) & 0xff) << (8 * i);
    return value;
}

static void parallel_write_wide(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    if (reg == REG_EPP_DATA) {
        parallel_write(self, reg, value, size);
        return;
    }
    for (unsigned i = 0; i < size && reg + i < N_PORTS; i++)
        parallel_write(self, reg + i, value >> (8 * i) & 0xff, 1);
}

/* ---- Life ---- */

/* The first port of the board keeps which of LPT1 to LPT3 are taken. */
static int parallel_claim(void *first, uint32_t index)
{
    struct parallel *p = first;

    for (uint32_t n = index == UNSET ? 0 : index; n < N_LPT; n++) {
        if (!(p->claimed & 1u << n)) {
            p->claimed |= 1u << n;
            return n;
        }
        if (index != UNSET)
            return -EBUSY;
    }
    return -ENOSPC;
}

struct parallel_ports {
    int (*claim)(void *first, uint32_t index);
};

#define PORTS_IFACE "tenon.isa-parallel/1"

static int parallel_place(struct parallel *p)
{
    struct tenon_peer first = tenon_find_peer(p->dev, PORTS_IFACE);
    int n = ((const struct parallel_ports *)first.table)->claim(first.self, p->index);

    if (n == -EBUSY)
        return tenon_error(p->dev, n, "LPT%u is another parallel port already", p->index + 1);
    if (n < 0)
        return tenon_error(p->dev, n, "there can be %u parallel ports", (unsigned)N_LPT);
    if (p->iobase == UNSET)
        p->iobase = bases[n];
    return 0;
}

static const struct tenon_chr_user parallel_user = {
    .size = sizeof(parallel_user),
    .writable = parallel_send,
};

static int parallel_join(struct parallel *p)
{
    uint8_t control;

    if (!p->chardev)
        return 0;
    p->chr = tenon_query(p->dev, "tenon.chr/1");
    if (!p->chr)
        return tenon_error(p->dev, -ENOTSUP, "this emulator has no chardevs");
    p->real = !p->chr->parallel(p->chardev, TENON_PP_READ_CONTROL, &control, 1);
    return p->chr->attach(p->dev, p->chardev, &parallel_user);
}

static int parallel_create(void *self)
{
    struct parallel *p = self;
    int err = parallel_place(p);

    if (!err)
        err = parallel_join(p);
    if (!err)
        err = tenon_isa_connect(p->dev, 0, p->irq);
    return err ? err : tenon_map(p->dev, 0, p->iobase, 0);
}

static void parallel_reset(void *self)
{
    struct parallel *p = self;

    if (p->real)
        p->chr->parallel(p->chardev, TENON_PP_WRITE_CONTROL, &p->control, 1);
    parallel_update(p);
}

// clang-format off
static const struct tenon_prop parallel_props[] = {
    TENON_PROP(struct parallel, "chardev", TENON_CHARDEV, chardev,
               .help = "the printer, or a real port"),
    TENON_PROP(struct parallel, "index", TENON_U32, index, .initial = UNSET, .max = N_LPT - 1,
               .help = "0 for LPT1 to 2 for LPT3; the next one if not given"),
    TENON_PROP(struct parallel, "iobase", TENON_U32, iobase, .initial = UNSET, .max = 0xfff8,
               .help = "first of eight ports; by index if not given"),
    TENON_PROP(struct parallel, "irq", TENON_U32, irq, .initial = 7, .max = 15,
               .help = "ISA interrupt"),
};

static const struct tenon_reg parallel_regs[] = {
    TENON_REG(struct parallel, data, .reset = 0xff),
    TENON_REG(struct parallel, control, .reset = CTL_SELECT | CTL_NOT_INIT),
    TENON_REG(struct parallel, latched), TENON_REG(struct parallel, pending),
    TENON_REG(struct parallel, acked), TENON_REG(struct parallel, timeout),
};

static const struct tenon_window parallel_windows[] = {
    { .name = "parallel", .space = TENON_IO, .width_max = 4, .base = TENON_UNMAPPED,
      .bytes = N_PORTS, .read = parallel_read_wide, .write = parallel_write_wide },
};

static const struct parallel_ports parallel_ports = { parallel_claim };
static const struct tenon_iface parallel_ifaces[] = { { PORTS_IFACE, &parallel_ports } };

TENON_ISA_DEVICE(parallel, "isa-parallel", "misc", "Printer port",
    .props   = TENON_ARRAY(parallel_props),
    .regs    = TENON_ARRAY(parallel_regs),
    .windows = TENON_ARRAY(parallel_windows),
    .ifaces  = TENON_ARRAY(parallel_ifaces),
    .lines   = 1,
    .create  = parallel_create,
    .reset   = parallel_reset);
// clang-format on

TENON_PLUGIN(&tenon_type_parallel);
