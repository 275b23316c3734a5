/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pc-i440fx - the PC of 1996: i440FX and PIIX3 with the power management of PIIX4, and what has been
 * on every board since.
 *
 * Intel 82441FX (290549), 82371SB (290550), 82371AB (290562) data sheets; the memory bytes of the
 * clock as SeaBIOS reads them.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tenon/cmos.h>
#include <tenon/machine.h>
#include <tenon/memory.h>

#include "pc.h"

#define KIB 1024ull
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* RAM that would reach further goes above 4 GiB, from the lower limit on: so a guest of 3.5 GiB or
 * more has a PCI hole of a whole GiB. */
#define LOWMEM_LIMIT (3584 * MIB)
#define LOWMEM_SPLIT (3072 * MIB)

#define BIOS_MAX (16 * MIB)

/* ---- Memory ---- */

static int map_ram(struct pc *pc, uint64_t base, uint64_t offset, uint64_t bytes)
{
    struct tenon_mapping map = {
        .size = sizeof(map), .base = base, .offset = offset, .bytes = bytes,
        .flags = TENON_MAP_READ | TENON_MAP_WRITE,
    };

    if (bytes && pc->memory->map(pc->dev, &map) < 0)
        return tenon_error(pc->dev, -EINVAL, "RAM does not fit at 0x%llx", (unsigned long long)base);
    return 0;
}

static int place_ram(struct pc *pc)
{
    uint64_t ram = pc->board->info(pc->dev)->ram_bytes;
    uint64_t most = ram >= LOWMEM_LIMIT ? LOWMEM_SPLIT : LOWMEM_LIMIT;

    if (ram < MIB)
        return tenon_error(pc->dev, -EINVAL, "a PC needs at least 1 MiB of RAM");
    if (pc->max_below_4g && pc->max_below_4g < most)
        most = pc->max_below_4g;
    pc->below_4g = ram < most ? ram : most;
    pc->above_4g = ram - pc->below_4g;
    return map_ram(pc, 0, 0, 640 * KIB) ||
                   map_ram(pc, MIB, MIB, pc->below_4g - MIB) ||
                   map_ram(pc, 4 * GIB, pc->below_4g, pc->above_4g)
               ? -EINVAL
               : 0;
}

static int read_all(int fd, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t n = read(fd, to, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EIO;
        to += n;
        len -= n;
    }
    return 0;
}

/* The firmware ends at 4 GiB; its last 128 KiB are seen below 1 MiB too. */
static int map_rom(struct pc *pc, int block, uint64_t bytes)
{
    uint64_t low = bytes < 128 * KIB ? bytes : 128 * KIB;
    struct tenon_mapping top = {
        .size = sizeof(top), .block = block, .base = 4 * GIB - bytes, .bytes = bytes,
        .flags = TENON_MAP_READ,
    };
    struct tenon_mapping alias = {
        .size = sizeof(alias), .block = block, .base = MIB - low, .offset = bytes - low, .bytes = low,
        .flags = TENON_MAP_READ, .priority = -2,
    };

    return pc->memory->map(pc->dev, &top) < 0 || pc->memory->map(pc->dev, &alias) < 0 ? -EINVAL : 0;
}

static int load_rom(struct pc *pc, const char *path, int fd)
{
    struct stat st;
    int block, err;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return tenon_error(pc->dev, -EINVAL, "firmware %s is not a file", path);
    if (!st.st_size || st.st_size % (64 * KIB) || (uint64_t)st.st_size > BIOS_MAX)
        return tenon_error(pc->dev, -EINVAL,
                           "firmware %s: its size must be a multiple of 64 KiB up to 16 MiB", path);
    block = pc->memory->block(pc->dev, "pc.bios", st.st_size);
    if (block < 0)
        return block;
    err = read_all(fd, pc->memory->pointer(pc->dev, block, 0, st.st_size), st.st_size);
    if (err)
        return tenon_error(pc->dev, err, "firmware %s: %s", path, strerror(-err));
    return map_rom(pc, block, st.st_size);
}

static int place_firmware(struct pc *pc)
{
    const char *name = pc->firmware ? pc->firmware : "bios-256k.bin";
    const char *path = pc->board->find_file(pc->dev, name);
    int fd, err;

    if (!path)
        return tenon_error(pc->dev, -ENOENT, "firmware '%s' is not to be found%s", name,
                           pc->firmware ? "" : ": install the package seabios, or give -bios or -L");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return tenon_error(pc->dev, -errno, "firmware %s: %s", path, strerror(errno));
    err = load_rom(pc, path, fd);
    close(fd);
    return err;
}

/* ---- Devices ---- */

static int add(struct pc *pc, const char *driver, const char *props)
{
    return pc->board->add(pc->dev, driver, props) ? 0 : -ENODEV;
}

/* Adds "key=value," of an option of the command line, if it was given. */
static void pass(struct pc *pc, char *props, size_t room, const char *key, const char *group,
                 const char *option)
{
    const char *value = pc->board->option(pc->dev, group, 0, option);
    size_t used = strlen(props);

    if (value)
        snprintf(props + used, room - used, "%s=%s,", key, value);
}

static int add_clock(struct pc *pc)
{
    const char *drift = pc->board->option(pc->dev, "rtc", 0, "driftfix");
    char props[128] = "";

    pass(pc, props, sizeof(props), "base", "rtc", "base");
    pass(pc, props, sizeof(props), "clock", "rtc", "clock");
    if (drift && !strcmp(drift, "slew"))
        strcat(props, "lost_tick_policy=slew");
    return add(pc, "mc146818rtc", props);
}

static int add_ports(struct pc *pc)
{
    char props[300];
    const char *chardev;
    int err = 0;

    for (unsigned n = 0; n < 4 && !err; n++) {
        chardev = pc->board->chardev(pc->dev, "serial", n);
        if (!chardev)
            continue;
        snprintf(props, sizeof(props), "index=%u,chardev=%s", n, chardev);
        err = add(pc, "isa-serial", props);
    }
    chardev = pc->board->chardev(pc->dev, "debugcon", 0);
    if (chardev && !err) {
        snprintf(props, sizeof(props), "chardev=%s", chardev);
        err = add(pc, "isa-debugcon", props);
    }
    return err;
}

static int pc_build(void *self)
{
    struct pc *pc = self;
    int err = 0;

    if (place_ram(pc) || place_firmware(pc))
        return -EINVAL;
    err = err ? err : add(pc, "i440FX-pcihost", NULL);
    err = err ? err : add(pc, "i440FX", "addr=0.0");
    err = err ? err : add(pc, "PIIX3", "addr=1.0,multifunction=on");
    err = err ? err : add(pc, "PIIX4_PM", "addr=1.3");
    err = err ? err : add_clock(pc);
    err = err ? err : add(pc, "i8042", NULL);
    err = err ? err : add(pc, "port92", NULL);
    err = err ? err : add(pc, "fw_cfg_io", NULL);
    return err ? err : add_ports(pc);
}

/* ---- Tables ---- */

static int pc_create(void *self)
{
    struct pc *pc = self;

    pc->board = tenon_query(pc->dev, "tenon.board/1");
    pc->memory = tenon_query(pc->dev, "tenon.memory/1");
    pc->x86 = tenon_query(pc->dev, "tenon.x86/1");
    return pc->board && pc->memory && pc->x86 ? 0 : -ENOTSUP;
}

// clang-format off
static const struct tenon_prop pc_props[] = {
    TENON_PROP(struct pc, "firmware", TENON_STR, firmware,
               .help = "file of the firmware (-bios); 'none': kernels are entered without any"),
    TENON_PROP(struct pc, "kernel", TENON_STR, kernel, .help = "kernel to boot (-kernel)"),
    TENON_PROP(struct pc, "initrd", TENON_STR, initrd, .help = "its initial ramdisk, or modules"),
    TENON_PROP(struct pc, "append", TENON_STR, append, .help = "its command line"),
    TENON_PROP(struct pc, "dtb", TENON_STR, dtb, .help = "device tree handed to it"),
    TENON_PROP(struct pc, "max-ram-below-4g", TENON_SIZE, max_below_4g,
               .max = 1ull << 32, .help = "RAM beyond it lies above 4 GiB"),
    TENON_PROP(struct pc, "pit", TENON_BOOL, pit, .initial = 1, .help = "there is an 8254"),
};
// clang-format on

static const struct tenon_machine_ops pc_ops = {
    .size = sizeof(pc_ops),
    .max_cpus = 255,
    .default_cpu = "qemu64",
    .default_ram = 128 * MIB,
    .build = pc_build,
};

TENON_MACHINE(pc, "pc-i440fx-7.2 pc", "Standard PC (i440FX + PIIX, 1996)", .ops = &pc_ops,
    .props = TENON_ARRAY(pc_props), .create = pc_create);

TENON_PLUGIN(&tenon_type_pc);
