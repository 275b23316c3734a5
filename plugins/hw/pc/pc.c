/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pc - the machine "pc": an i440FX and PIIX3 board.
 *
 *     0 - 9FFFFh           RAM
 *     C0000h - FFFFFh      ROM, or RAM as the i440FX's PAM registers say
 *     100000h - low        RAM, at most to E0000000h
 *     4 GiB - firmware     ROM
 *     4 GiB - high         RAM
 */
#include "pc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GIB (1ull << 30)

enum { VIDEO_HOLE = 0xa0000, HOLE_END = 0x100000 };
enum { AUTO, ON, OFF };

static const char *const auto_on_off[] = { "auto", "on", "off", NULL };
static const char *const smbios_types[] = { "32", "64", NULL };

const char *pc_option(struct pc *pc, const char *group, const char *key)
{
    const char *value = NULL;

    for (unsigned i = 0; pc->board->option(pc->dev, group, i, NULL); i++) {
        const char *said = pc->board->option(pc->dev, group, i, key);

        value = said ? said : value;
    }
    return value;
}

bool pc_switch(struct pc *pc, const char *group, const char *key, bool otherwise)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true", "n", "y" };
    const char *value = pc_option(pc, group, key);

    for (unsigned i = 0; value && i < sizeof(words) / sizeof(words[0]); i++) {
        if (!strcmp(value, words[i]))
            return i & 1;
    }
    return otherwise;
}

/* ---- RAM ---- */

/* As QEMU's pc: all of up to 3.5 GiB lies low; of more, 3 GiB. */
static void split_ram(struct pc *pc)
{
    uint64_t ram = pc->info->ram_bytes, low = 0xe0000000;

    if (pc->max_below_4g && pc->max_below_4g < low)
        low = pc->max_below_4g & ~(uint64_t)4095;
    else if (ram >= low)
        low = 3 * GIB;
    pc->low_ram = ram < low ? ram : low;
    pc->high_ram = ram - pc->low_ram;
}

static int map_ram(struct pc *pc, uint64_t base, uint64_t offset, uint64_t bytes)
{
    const struct tenon_mapping map = {
        .size = sizeof(map),
        .block = 0,
        .base = base,
        .offset = offset,
        .bytes = bytes,
        .flags = TENON_MAP_READ | TENON_MAP_WRITE,
    };
    int err = bytes ? pc->memory->map(pc->dev, &map) : 0;

    return err < 0 ? err : 0;
}

static int map_all_ram(struct pc *pc)
{
    int err;

    if (pc->low_ram < HOLE_END)
        return tenon_error(pc->dev, -EINVAL, "a PC needs at least 1 MiB of RAM");
    err = map_ram(pc, 0, 0, VIDEO_HOLE);
    if (!err)
        err = map_ram(pc, HOLE_END, HOLE_END, pc->low_ram - HOLE_END);
    if (!err)
        err = map_ram(pc, 4 * GIB, pc->low_ram, pc->high_ram);
    return err ? tenon_error(pc->dev, err, "cannot map the RAM: %s", strerror(-err)) : 0;
}

/* ---- Devices ---- */

static int add(struct pc *pc, const char *driver, const char *props)
{
    return pc->board->add(pc->dev, driver, props) ? 0 : -ENODEV;
}

/* An interrupt that the event timers can take over. */
static int add_legacy(struct pc *pc, const char *driver, const char *props, unsigned n)
{
    struct tenon_dev *dev = pc->board->add(pc->dev, driver, props);

    if (!dev)
        return -ENODEV;
    return pc->hpet ? pc->board->wire(dev, 0, pc->hpet, "legacy", n) : 0;
}

static int add_clock(struct pc *pc)
{
    const char *base = pc_option(pc, "rtc", "base"), *clock = pc_option(pc, "rtc", "clock");
    const char *drift = pc_option(pc, "rtc", "driftfix");
    char props[160];

    snprintf(props, sizeof(props), "base=%.60s,clock=%.10s,lost_tick_policy=%s",
             base ? base : "utc", clock ? clock : "host",
             drift && !strcmp(drift, "slew") ? "slew" : "discard");
    return add_legacy(pc, "mc146818rtc", props, 1);
}

static int add_event_timers(struct pc *pc)
{
    pc->hpet = pc->board->add(pc->dev, "hpet", NULL);
    return pc->hpet ? 0 : -ENODEV;
}

static int add_pit(struct pc *pc)
{
    int err = add_legacy(pc, "isa-pit", NULL, 0);

    return err ? err : add(pc, "isa-pcspk", NULL);
}

static int add_x87_error(struct pc *pc)
{
    struct tenon_dev *dev = pc->board->add(pc->dev, "isa-x87-error", NULL);

    return dev ? pc->board->wire_ignne(dev, 1) : -ENODEV;
}

/* What the accelerator does not bring. */
static int add_chips(struct pc *pc)
{
    struct tenon_dev *pic;
    int err;

    if (pc->info->kernel_irqchip)
        return 0;
    pic = pc->board->add(pc->dev, "isa-i8259", NULL);
    err = pic ? pc->board->wire_intr(pic, 0) : -ENODEV;
    if (!err)
        err = add_x87_error(pc);
    if (!err)
        err = add(pc, "ioapic", NULL);
    if (!err && pc->info->hpet)
        err = add_event_timers(pc);
    if (!err && pc->pit)
        err = add_pit(pc);
    return err;
}

static int add_consoles(struct pc *pc)
{
    const char *chardev;
    char props[160];
    int err = 0;

    for (unsigned i = 0; i < 4 && !err; i++) {
        chardev = pc->board->chardev(pc->dev, "serial", i);
        if (!chardev)
            continue;
        snprintf(props, sizeof(props), "index=%u,chardev=%s", i, chardev);
        err = add(pc, "isa-serial", props);
    }
    for (unsigned i = 0; i < 3 && !err; i++) {
        chardev = pc->board->chardev(pc->dev, "parallel", i);
        if (!chardev)
            continue;
        snprintf(props, sizeof(props), "index=%u,chardev=%s", i, chardev);
        err = add(pc, "isa-parallel", props);
    }
    chardev = pc->board->chardev(pc->dev, "debugcon", 0);
    if (chardev && !err) {
        snprintf(props, sizeof(props), "chardev=%s", chardev);
        err = add(pc, "isa-debugcon", props);
    }
    return err;
}

static bool has_smm(const struct pc *pc)
{
    return pc->smm == ON || (pc->smm == AUTO && pc->info->smm);
}

static int add_devices(struct pc *pc)
{
    const struct {
        const char *driver, *props;
    } bridges[] = {
        { "i440FX-pcihost", NULL },
        { "i440FX", "addr=0" },
        { "PIIX3", "addr=1.0,multifunction=on" },
        { "PIIX4_PM", has_smm(pc) ? "addr=1.3,smm-enabled=on" : "addr=1.3" },
        { "port92", NULL },
        { "fw_cfg_io", NULL },
    };
    int err = 0;

    for (unsigned i = 0; i < sizeof(bridges) / sizeof(bridges[0]) && !err; i++)
        err = add(pc, bridges[i].driver, bridges[i].props);
    if (!err)
        err = add_chips(pc);
    if (!err)
        err = add_clock(pc);
    if (!err && pc->i8042)
        err = add(pc, "i8042", NULL);
    if (!err)
        err = add_consoles(pc);
    return err;
}

/* ---- The life of a board ---- */

static int check_properties(struct pc *pc)
{
    if (pc->vmport == ON)
        return tenon_error(pc->dev, -ENOTSUP, "vmport=on: not in this build yet");
    if (pc->smm == ON && !pc->info->smm)
        return tenon_error(pc->dev, -ENOTSUP,
                           "smm=on: the accelerator %s has no system management mode",
                           pc->info->accel);
    if (pc->info->kernel_irqchip && pc_switch(pc, "machine", "hpet", false))
        return tenon_error(
            pc->dev, -ENOTSUP,
            "hpet=on: not beside the accelerator's timers; use kernel-irqchip=split");
    if (!pc->kernel && (pc->initrd || pc->append || pc->dtb))
        return tenon_error(pc->dev, -EINVAL, "-initrd, -append and -dtb need a -kernel");
    if (pc->direct && !pc->kernel)
        return tenon_error(pc->dev, -EINVAL, "firmware=none needs a -kernel");
    if (pc->direct && pc->low_ram < 2 * HOLE_END)
        return tenon_error(pc->dev, -EINVAL, "firmware=none needs at least 2 MiB of RAM");
    if (pc->max_below_4g && pc->max_below_4g < 2 * HOLE_END)
        return tenon_error(pc->dev, -EINVAL, "max-ram-below-4g must be 2M at least");
    return 0;
}

static int pc_create(void *self)
{
    struct pc *pc = self;

    pc->board = tenon_query(pc->dev, "tenon.board/1");
    pc->memory = tenon_query(pc->dev, "tenon.memory/1");
    pc->info = pc->board ? pc->board->info(pc->dev) : NULL;
    return pc->info && pc->memory ? 0 : -ENOTSUP;
}

static int pc_build(void *self)
{
    struct pc *pc = self;
    int err;

    pc->direct = pc->firmware && !strcmp(pc->firmware, "none");
    split_ram(pc);
    err = check_properties(pc);
    if (!err)
        err = map_all_ram(pc);
    if (!err)
        err = pc_map_firmware(pc);
    return err ? err : add_devices(pc);
}

static int pc_complete(void *self)
{
    struct pc *pc = self;
    struct tenon_peer fwcfg = tenon_find_peer(pc->dev, TENON_FWCFG);
    int err;

    pc->fwcfg = fwcfg.table;
    pc->fwcfg_self = fwcfg.self;
    err = pc_describe(pc);
    return err ? err : pc_load_kernel(pc);
}

/* -boot once= holds until the first reset after the start. */
static void pc_reset(void *self)
{
    struct pc *pc = self;

    if (pc->resets++ == 1 && pc_option(pc, "boot-opts", "once"))
        pc_boot_order(pc, pc_option(pc, "boot-opts", "order"));
}

static void pc_destroy(void *self)
{
    struct pc *pc = self;

    pc_unload(pc);
    smbios_finish(&pc->smbios);
    acpi_tables_finish(&pc->acpi);
}

static const struct tenon_prop props[] = {
    TENON_PROP(struct pc, "firmware", TENON_STR, firmware,
               .help = "Firmware image (-bios), or none: enter the kernel without one"),
    TENON_PROP(struct pc, "kernel", TENON_STR, kernel, .help = "Kernel to boot (-kernel)"),
    TENON_PROP(struct pc, "initrd", TENON_STR, initrd,
               .help = "Its initial RAM disk, or multiboot modules (-initrd)"),
    TENON_PROP(struct pc, "append", TENON_STR, append, .help = "Its command line (-append)"),
    TENON_PROP(struct pc, "dtb", TENON_STR, dtb, .help = "A device tree for it (-dtb)"),
    TENON_PROP(struct pc, "max-ram-below-4g", TENON_SIZE, max_below_4g,
               .help = "The most RAM that lies below 4 GiB"),
    TENON_PROP(struct pc, "pit", TENON_BOOL, pit, .initial = 1,
               .help = "Whether there is an 8254 timer"),
    TENON_PROP(struct pc, "i8042", TENON_BOOL, i8042, .initial = 1,
               .help = "Whether there is a keyboard controller"),
    TENON_PROP(struct pc, "vmport", TENON_ENUM, vmport, .names = auto_on_off,
               .help = "Whether there is VMware's I/O port"),
    TENON_PROP(struct pc, "smm", TENON_ENUM, smm, .names = auto_on_off,
               .help = "Whether there is system management mode"),
    TENON_PROP(struct pc, "smbios-entry-point-type", TENON_ENUM, smbios_type, .names = smbios_types,
               .help = "Which SMBIOS entry point the tables have"),
};

static const struct tenon_machine_ops ops = {
    .size = sizeof(ops),
    .max_cpus = 255,
    .default_cpu = "qemu64",
    .default_ram = 128ull << 20,
    .below_4g = 0xe0000000,
    .build = pc_build,
    .complete = pc_complete,
};

/* Guests are told one thing whatever the version: it is there for command lines that name it. */
#define V(version) " pc-i440fx-" version
#define NAMES                                                                                      \
    "pc-i440fx-7.2 pc" V("10.0") V("9.2") V("9.1") V("9.0") V("8.2") V("8.1") V("8.0") V("7.1")    \
        V("7.0") V("6.2") V("6.1") V("6.0") V("5.2") V("5.1") V("5.0") V("4.2") V("4.1") V("4.0")  \
            V("3.1") V("3.0") V("2.12") V("2.11") V("2.10") V("2.9") V("2.8") V("2.7") V("2.6")    \
                V("2.5") V("2.4") V("2.3") V("2.2") V("2.1") V("2.0") V("1.7") V("1.6") V("1.5")   \
                    V("1.4") " pc-1.3 pc-1.2 pc-1.1 pc-1.0"

TENON_MACHINE(pc, NAMES, "Standard PC (i440FX + PIIX, 1996)", .ops = &ops,
              .props = TENON_ARRAY(props), .create = pc_create, .reset = pc_reset,
              .destroy = pc_destroy);
TENON_PLUGIN(&tenon_type_pc);
