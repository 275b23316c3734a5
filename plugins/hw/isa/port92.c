/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* port92 - system control port A of the PS/2: the A20 gate and a quick reset (IBM PS/2 Hardware
 * Interface Technical Reference). */
#include <tenon/isa.h>
#include <tenon/machine.h>
#include <tenon/system.h>
#include <tenon/trace.h>

/* Port 92h; all bits read as written. */
enum {
    PORT_RESET = 0x01, /* 0 to 1 resets the machine */
    PORT_A20 = 0x02,   /* 1: address line 20 is let through */
};

struct port92 {
    struct tenon_dev *dev;
    uint8_t value;
};

// clang-format off
#define PORT92_EVENTS(E) \
    E(port92_read,  "value 0x%02x") \
    E(port92_write, "value 0x%02x")
TENON_EVENTS(port92, PORT92_EVENTS);
// clang-format on

static uint64_t port92_read(void *self, uint64_t reg, unsigned size)
{
    const struct port92 *p = self;

    tenon_trace(p->dev, port92_read, p->value);
    return p->value;
}

static void port92_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct port92 *p = self;
    const struct tenon_x86 *x86 = tenon_query(p->dev, "tenon.x86/1");
    const struct tenon_power *power = tenon_query(p->dev, "tenon.power/1");
    bool reset = value & ~p->value & PORT_RESET;

    tenon_trace(p->dev, port92_write, (unsigned)value);
    p->value = value;
    if (x86)
        x86->a20(p->dev, value & PORT_A20);
    if (reset && power)
        power->request(p->dev, TENON_POWER_RESET, 0);
}

// clang-format off
static const struct tenon_reg port92_regs[] = {
    TENON_REG(struct port92, value, .reset = PORT_A20),
};

static const struct tenon_window port92_windows[] = {
    { .name = "port92", .space = TENON_IO, .width_max = 1, .base = 0x92, .bytes = 1,
      .read = port92_read, .write = port92_write },
};

TENON_ISA_DEVICE(port92, "port92", "misc", "A20 gate and quick reset at port 92h",
    .regs    = TENON_ARRAY(port92_regs),
    .windows = TENON_ARRAY(port92_windows),
    .events  = TENON_ARRAY(tenon_events_port92));
// clang-format on

TENON_PLUGIN(&tenon_type_port92);
