/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pvpanic - a port by which a guest's kernel says that it has crashed (QEMU's pvpanic device
 * specification).
 */
#include <tenon/fwcfg.h>
#include <tenon/isa.h>
#include <tenon/system.h>

/* The port: a read gives the events that are supported, a write tells of one. */
enum {
    EVENT_PANICKED = 0x01,     /* crashed */
    EVENT_CRASH_LOADED = 0x02, /* crashed, and a second kernel takes care of it */
};

struct pvpanic {
    struct tenon_dev *dev;
    const struct tenon_power *power;
    uint32_t ioport;
    uint8_t events;
};

static uint64_t pvpanic_read(void *self, uint64_t reg, unsigned size)
{
    return ((struct pvpanic *)self)->events;
}

static void pvpanic_write(void *self, uint64_t reg, uint64_t value, unsigned size)
{
    struct pvpanic *p = self;
    uint8_t event = value & p->events;

    if (value & ~(uint64_t)p->events)
        tenon_log(p->dev, TENON_LOG_GUEST_ERROR, "unknown event 0x%x", (unsigned)value);
    if (!p->power)
        return;
    if (event & EVENT_PANICKED)
        p->power->request(p->dev, TENON_POWER_PANIC, 0);
    else if (event & EVENT_CRASH_LOADED)
        p->power->request(p->dev, TENON_POWER_CRASH_LOADED, 0);
}

/* The ACPI tables, and guests without ACPI, find the port in this file. */
static void pvpanic_publish(struct pvpanic *p)
{
    const uint8_t port[] = { p->ioport, p->ioport >> 8 };
    struct tenon_peer peer = tenon_find_peer(p->dev, TENON_FWCFG);
    const struct tenon_fwcfg *fwcfg = peer.table;

    if (peer.self)
        fwcfg->set_file(peer.self, "etc/pvpanic-port", port, sizeof(port));
}

static int pvpanic_create(void *self)
{
    struct pvpanic *p = self;

    p->power = tenon_query(p->dev, "tenon.power/1");
    pvpanic_publish(p);
    return tenon_map(p->dev, 0, p->ioport, 0);
}

// clang-format off
static const struct tenon_prop pvpanic_props[] = {
    TENON_PROP(struct pvpanic, "ioport", TENON_U32, ioport, .initial = 0x505, .max = 0xffff,
               .help = "the port"),
    TENON_PROP(struct pvpanic, "events", TENON_U8, events, .flags = TENON_PROP_LIVE,
               .initial = EVENT_PANICKED | EVENT_CRASH_LOADED,
               .max = EVENT_PANICKED | EVENT_CRASH_LOADED,
               .help = "events supported: 1 panicked, 2 crash loaded"),
};

static const struct tenon_window pvpanic_windows[] = {
    { .name = "pvpanic", .space = TENON_IO, .width_max = 1, .base = TENON_UNMAPPED, .bytes = 1,
      .read = pvpanic_read, .write = pvpanic_write },
};

TENON_ISA_DEVICE(pvpanic, "pvpanic", "misc", "Port by which a guest says that it has crashed",
    .props   = TENON_ARRAY(pvpanic_props),
    .windows = TENON_ARRAY(pvpanic_windows),
    .create  = pvpanic_create);
// clang-format on

TENON_PLUGIN(&tenon_type_pvpanic);
