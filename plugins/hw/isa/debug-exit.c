/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* isa-debug-exit - ends the program: a write of V, of any size, gives exit status 2V+1. */
#include <tenon/isa.h>
#include <tenon/system.h>

/* The ports: a read gives 0. */

struct debug_exit {
    struct tenon_dev *dev;
    const struct tenon_power *power;
    uint32_t iobase, iosize;
};

static uint64_t debug_exit_read(void *self, uint64_t reg, unsigned size)
{
    return 0;
}

static void debug_exit_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct debug_exit *d = self;

    if (d->power)
        d->power->request(d->dev, TENON_POWER_EXIT, (value << 1 | 1) & 0xff);
}

static int debug_exit_create(void *self)
{
    struct debug_exit *d = self;
    int err = tenon_map(d->dev, 0, d->iobase, d->iosize);

    d->power = tenon_query(d->dev, "tenon.power/1");
    return err ? tenon_error(d->dev, err, "no room for 0x%x ports at 0x%x", d->iosize, d->iobase)
               : 0;
}

// clang-format off
static const struct tenon_prop debug_exit_props[] = {
    TENON_PROP(struct debug_exit, "iobase", TENON_U32, iobase, .initial = 0x501, .max = 0xffff,
               .help = "the first port"),
    TENON_PROP(struct debug_exit, "iosize", TENON_U32, iosize, .initial = 2, .min = 1,
               .max = 0x10000, .help = "how many ports"),
};

static const struct tenon_window debug_exit_windows[] = {
    { .name = "debug-exit", .space = TENON_IO, .base = TENON_UNMAPPED, .bytes = 2,
      .read = debug_exit_read, .write = debug_exit_write },
};

TENON_ISA_DEVICE(debug_exit, "isa-debug-exit", "misc", "Port that ends the program with a status",
    .props   = TENON_ARRAY(debug_exit_props),
    .windows = TENON_ARRAY(debug_exit_windows),
    .create  = debug_exit_create);
// clang-format on

TENON_PLUGIN(&tenon_type_debug_exit);
