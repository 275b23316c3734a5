/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* isa-debugcon - a port whose written bytes go to a chardev, as Bochs has at E9h. */
#include <errno.h>

#include <tenon/chardev.h>
#include <tenon/isa.h>

/* The port: a read gives readback, so that a guest sees that it is there. */

enum { BACKLOG = 4096 };

struct debugcon {
    struct tenon_dev *dev;
    struct tenon_chardev *chardev;
    const struct tenon_chr *chr;
    uint32_t iobase, readback;
    uint32_t first, count; /* of backlog: what the far end has not taken yet */
    uint8_t backlog[BACKLOG];
};

static void debugcon_writable(void *self)
{
    struct debugcon *d = self;

    while (d->count && d->chr->write(d->chardev, &d->backlog[d->first], 1) == 1) {
        d->first = (d->first + 1) % BACKLOG;
        d->count--;
    }
}

static uint64_t debugcon_read(void *self, uint64_t reg, unsigned size)
{
    return ((struct debugcon *)self)->readback;
}

/* The guest cannot be made to wait: what does not fit into the backlog is lost. */
static void debugcon_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct debugcon *d = self;
    uint8_t c = value;

    if (!d->chr || (!d->count && d->chr->write(d->chardev, &c, 1) == 1))
        return;
    if (d->count < BACKLOG)
        d->backlog[(d->first + d->count++) % BACKLOG] = c;
}

static const struct tenon_chr_user debugcon_chr_user = {
    .size = sizeof(debugcon_chr_user),
    .writable = debugcon_writable,
};

static int debugcon_create(void *self)
{
    struct debugcon *d = self;
    int err = 0;

    if (d->chardev) {
        d->chr = tenon_query(d->dev, "tenon.chr/1");
        err = d->chr ? d->chr->attach(d->dev, d->chardev, &debugcon_chr_user)
                     : tenon_error(d->dev, -ENOTSUP, "this emulator has no chardevs");
    }
    return err ? err : tenon_map(d->dev, 0, d->iobase, 0);
}

static void debugcon_loaded(void *self)
{
    struct debugcon *d = self;

    d->first %= BACKLOG;
    if (d->count > BACKLOG)
        d->count = BACKLOG;
}

// clang-format off
static const struct tenon_prop debugcon_props[] = {
    TENON_PROP(struct debugcon, "chardev", TENON_CHARDEV, chardev, .help = "where the bytes go"),
    TENON_PROP(struct debugcon, "iobase", TENON_U32, iobase, .initial = 0xe9, .max = 0xffff,
               .help = "the port"),
    TENON_PROP(struct debugcon, "readback", TENON_U32, readback, .initial = 0xe9, .max = 0xff,
               .flags = TENON_PROP_LIVE,
               .help = "what a read gives"),
};

static const struct tenon_reg debugcon_regs[] = {
    TENON_REG(struct debugcon, first, .flags = TENON_REG_KEEP),
    TENON_REG(struct debugcon, count, .flags = TENON_REG_KEEP),
    TENON_REGS(struct debugcon, backlog, .flags = TENON_REG_KEEP),
};

static const struct tenon_window debugcon_windows[] = {
    { .name = "debugcon", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = 1,
      .read = debugcon_read, .write = debugcon_write },
};

TENON_ISA_DEVICE(debugcon, "isa-debugcon", "misc", "Debug console port",
    .props   = TENON_ARRAY(debugcon_props),
    .regs    = TENON_ARRAY(debugcon_regs),
    .windows = TENON_ARRAY(debugcon_windows),
    .create  = debugcon_create,
    .loaded  = debugcon_loaded);
// clang-format on

TENON_PLUGIN(&tenon_type_debugcon);
