/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * x87-error - how a PC reports floating-point errors without CR0.NE: the processor's FERR# becomes
 * interrupt 13, and a write to port F0h ends it and asserts IGNNE#, so that the handler may use the
 * unit, until FERR# falls.
 *
 * Intel 82371SB (PIIX3) data sheet, order number 290550, "Coprocessor error function".
 */
#include <tenon/irq.h>
#include <tenon/isa.h>

enum { COPROCESSOR_ERROR = 0xf0 }; /* WO  any value; reads as an empty bus */
enum { IRQ13, IGNNE, N_LINES };

struct x87_error {
    struct tenon_dev *dev;
    bool ferr, ignne;
};

static void set_ignne(struct x87_error *x, bool level)
{
    if (x->ignne != level)
        tenon_irq(x->dev, IGNNE, level);
    x->ignne = level;
}

static void x87_error_ferr(void *self, bool level)
{
    struct x87_error *x = self;

    x->ferr = level;
    if (level)
        tenon_irq(x->dev, IRQ13, true);
    else
        set_ignne(x, false);
}

static uint64_t x87_error_read(void *self, uint64_t reg, unsigned size)
{
    return 0xff;
}

static void x87_error_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct x87_error *x = self;

    tenon_irq(x->dev, IRQ13, false);
    set_ignne(x, x->ferr);
}

static int x87_error_create(void *self)
{
    struct x87_error *x = self;

    return tenon_isa_connect(x->dev, IRQ13, 13);
}

/* The host lowers the lines at a reset. */
// clang-format off
static const struct tenon_reg x87_error_regs[] = {
    TENON_REG(struct x87_error, ferr), TENON_REG(struct x87_error, ignne),
};

static const struct tenon_window x87_error_windows[] = {
    { .name = "x87-error", .space = TENON_IO, .width_max = 1, .base = COPROCESSOR_ERROR, .bytes = 1,
      .read = x87_error_read, .write = x87_error_write },
};

static const struct tenon_ferr x87_error_input = { .size = sizeof(x87_error_input), .set = x87_error_ferr };

static const struct tenon_iface x87_error_ifaces[] = { { TENON_FERR, &x87_error_input } };

TENON_ISA_DEVICE(x87_error, "isa-x87-error", "misc", "Floating-point errors by interrupt 13, port F0h",
    .regs    = TENON_ARRAY(x87_error_regs),
    .windows = TENON_ARRAY(x87_error_windows),
    .ifaces  = TENON_ARRAY(x87_error_ifaces),
    .lines   = N_LINES,
    .create  = x87_error_create);
// clang-format on

TENON_PLUGIN(&tenon_type_x87_error);
