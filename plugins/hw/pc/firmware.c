/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * firmware - the ROM of a PC, and what its firmware finds in CMOS and fw_cfg.
 *
 * fw_cfg keys after "QEMU Firmware Configuration (fw_cfg) Device" and the file names in SeaBIOS's
 * documentation (docs/Runtime_config.md); CMOS after the IBM PC AT Technical Reference and
 * SeaBIOS's use of it.
 */
#include "pc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/cmos.h>

#include "firmware-image.h"

enum { ISA_ROM = 128 << 10, ROM_STEP = 64 << 10, ROM_MOST = 8 << 20, OWN_ROM = 64 << 10 };
enum { FILE_MOST = 64 << 20 };

/* ---- ROM ---- */

static int map_rom(struct pc *pc, int block, uint64_t base, uint64_t offset, uint64_t bytes)
{
    const struct tenon_mapping map = {
        .size = sizeof(map),
        .block = block,
        .base = base,
        .offset = offset,
        .bytes = bytes,
        .flags = TENON_MAP_READ,
    };
    int err = pc->memory->map(pc->dev, &map);

    return err < 0 ? err : 0;
}

/* The image ends at 4 GiB, and as much of its end as fits is seen below 1 MiB. */
static int put_rom(struct pc *pc, const void *image, size_t len)
{
    size_t low = len < ISA_ROM ? len : ISA_ROM;
    int block = pc->memory->block(pc->dev, "pc.bios", len), err;
    uint8_t *rom = block < 0 ? NULL : pc->memory->pointer(pc->dev, block, 0, len);

    if (!rom)
        return tenon_error(pc->dev, -ENOMEM, "no memory for the firmware");
    memcpy(rom, image, len);
    err = map_rom(pc, block, (1ull << 32) - len, 0, len);
    if (!err)
        err = map_rom(pc, block, 0x100000 - low, len - low, low);
    pc->rom = rom;
    return err ? tenon_error(pc->dev, err, "cannot map the firmware: %s", strerror(-err)) : 0;
}

int pc_map_firmware(struct pc *pc)
{
    const char *name = pc->firmware ? pc->firmware : "bios-256k.bin";
    const char *path;
    uint8_t *image;
    size_t len;
    int err;

    if (pc->direct)
        return put_rom(pc, firmware_image, sizeof(firmware_image));
    path = pc->board->find_file(pc->dev, name);
    if (!path)
        return tenon_error(pc->dev, -ENOENT, "firmware '%s' is not there%s", name,
                           pc->firmware ? "" : ": it is in the package seabios");
    image = pc_read_file(pc, "firmware", path, ROM_MOST, &len);
    if (!image)
        return -EINVAL;
    if (len % ROM_STEP)
        err = tenon_error(pc->dev, -EINVAL, "firmware '%s' is not a multiple of 64 KiB long", path);
    else
        err = put_rom(pc, image, len);
    free(image);
    return err;
}

/* ---- CMOS ---- */

struct cmos {
    const struct tenon_cmos *table;
    void *self;
};

static struct cmos find_cmos(struct pc *pc)
{
    struct tenon_peer peer = tenon_find_peer(pc->dev, TENON_CMOS);

    return (struct cmos){ peer.table, peer.self };
}

static void set_cmos(const struct cmos *cmos, unsigned index, unsigned bytes, uint64_t value)
{
    for (; bytes--; value >>= 8)
        cmos->table->set(cmos->self, index++, value);
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

static void describe_memory(struct pc *pc, const struct cmos *cmos)
{
    uint64_t low = pc->low_ram, above_16m = low > 16 << 20 ? low - (16 << 20) : 0;

    set_cmos(cmos, 0x15, 2, 640);
    set_cmos(cmos, 0x17, 2, at_most((low >> 10) - 1024, 65535));
    set_cmos(cmos, 0x30, 2, at_most((low >> 10) - 1024, 65535));
    set_cmos(cmos, 0x34, 2, at_most(above_16m >> 16, 65535));
    set_cmos(cmos, 0x5b, 3, at_most(pc->high_ram >> 16, 0xffffff));
}

static unsigned boot_device(char letter)
{
    switch (letter) {
    case 'a':
    case 'b': return 1;
    case 'c': return 2;
    case 'd': return 3;
    case 'n': return 4;
    default: return 0;
    }
}

void pc_boot_order(struct pc *pc, const char *order)
{
    bool check = pc_switch(pc, "machine", "fd-bootchk", true);
    struct cmos cmos = find_cmos(pc);
    unsigned devices[3] = { 0 };

    if (!order)
        order = "cad";
    for (unsigned i = 0; i < 3 && order[i]; i++)
        devices[i] = boot_device(order[i]);
    set_cmos(&cmos, 0x3d, 1, devices[1] << 4 | devices[0]);
    set_cmos(&cmos, 0x38, 1, devices[2] << 4 | !check);
}

/* Letters that this board has, each once. */
static int check_boot_order(struct pc *pc, const char *key)
{
    const char *order = pc_option(pc, "boot-opts", key);

    for (const char *p = order; p && *p; p++) {
        if (!boot_device(*p))
            return tenon_error(pc->dev, -EINVAL, "-boot %s=%s: '%c' is none of a, b, c, d, n", key,
                               order, *p);
        if (strchr(p + 1, *p))
            return tenon_error(pc->dev, -EINVAL, "-boot %s=%s: '%c' is there twice", key, order,
                               *p);
    }
    return order && strlen(order) > 3
               ? tenon_error(pc->dev, -EINVAL, "-boot %s=%s: three devices at most", key, order)
               : 0;
}

static int describe_in_cmos(struct pc *pc)
{
    const char *once = pc_option(pc, "boot-opts", "once");
    struct cmos cmos = find_cmos(pc);
    int err = check_boot_order(pc, "order");

    if (!err)
        err = check_boot_order(pc, "once");
    if (err)
        return err;
    describe_memory(pc, &cmos);
    set_cmos(&cmos, 0x14, 1, 0x02 | (pc->i8042 ? 0x04 : 0)); /* a numeric processor, a mouse */
    set_cmos(&cmos, 0x5f, 1, pc->info->cpus - 1);
    pc_boot_order(pc, once ? once : pc_option(pc, "boot-opts", "order"));
    return 0;
}

/* ---- fw_cfg ---- */

enum {
    KEY_UUID = 0x02,
    KEY_RAM_SIZE = 0x03,
    KEY_NOGRAPHIC = 0x04,
    KEY_CPUS = 0x05,
    KEY_BOOT_MENU = 0x0e,
    KEY_MAX_CPUS = 0x0f,
    KEY_IRQ0_OVERRIDE = 0x8002,
};

static void set_number(struct pc *pc, uint16_t key, unsigned bytes, uint64_t value)
{
    uint8_t data[8];

    put_le(data, bytes, value);
    pc->fwcfg->set(pc->fwcfg_self, key, data, bytes);
}

static void set_number_file(struct pc *pc, const char *name, unsigned bytes, uint64_t value)
{
    uint8_t data[8];

    put_le(data, bytes, value);
    pc->fwcfg->set_file(pc->fwcfg_self, name, data, bytes);
}

/* The largest APIC id counts, not the number of processors. */
static unsigned apic_limit(const struct tenon_board_info *info)
{
    unsigned limit = info->max_cpus;

    for (unsigned i = 0; i < info->max_cpus; i++) {
        if (info->apic_ids[i] >= limit)
            limit = info->apic_ids[i] + 1;
    }
    return limit;
}

static void set_numbers(struct pc *pc)
{
    bool no_graphics =
        pc_option(pc, "nographic", NULL) || !pc_switch(pc, "machine", "graphics", true);

    pc->fwcfg->set(pc->fwcfg_self, KEY_UUID, pc->info->uuid, 16);
    set_number(pc, KEY_RAM_SIZE, 8, pc->info->ram_bytes);
    set_number(pc, KEY_NOGRAPHIC, 2, no_graphics);
    set_number(pc, KEY_CPUS, 2, pc->info->cpus);
    set_number(pc, KEY_BOOT_MENU, 2, pc_switch(pc, "boot-opts", "menu", false));
    set_number(pc, KEY_MAX_CPUS, 2, apic_limit(pc->info));
    set_number(pc, KEY_IRQ0_OVERRIDE, 4, 1);
    if (no_graphics)
        set_number_file(pc, "etc/sercon-port", 2, 0x3f8);
}

static void add_range(struct pc *pc, uint64_t base, uint64_t bytes, uint32_t type)
{
    if (bytes && pc->n_map < MAX_MAP)
        pc->map[pc->n_map++] = (struct e820){ base, bytes, type };
}

/* What firmware turns into INT 15h's map: all RAM, and what else is taken. */
static void describe_map(struct pc *pc)
{
    if (!strcmp(pc->info->accel, "kvm"))
        add_range(pc, 0xfeffc000, 0x4000, E820_RESERVED);
    add_range(pc, 0, pc->low_ram, E820_RAM);
    add_range(pc, 1ull << 32, pc->high_ram, E820_RAM);
    pc->fwcfg->set_file(pc->fwcfg_self, "etc/e820", pc->map, pc->n_map * sizeof(pc->map[0]));
}

static const char *smbios_option(void *arg, unsigned index, const char *key)
{
    struct pc *pc = arg;

    return pc->board->option(pc->dev, "smbios", index, key);
}

static const char *smbios_option_n(void *arg, unsigned index, const char *key, unsigned n)
{
    struct pc *pc = arg;

    return pc->board->option_n(pc->dev, "smbios", index, key, n);
}

static int describe_smbios(struct pc *pc)
{
    const struct tenon_board_info *info = pc->info;
    const struct smbios_config config = {
        .ram_bytes = info->ram_bytes,
        .below_4g = pc->low_ram,
        .sockets = info->sockets,
        .cores = info->cores * info->dies,
        .threads = info->threads,
        .cpu_signature = info->cpuid_1[0],
        .cpu_features = info->cpuid_1[3],
        .uuid = info->has_uuid ? info->uuid : NULL,
        .machine = "pc-i440fx-7.2",
        .v3 = pc->smbios_type,
        .bios = pc->direct,
        .option = smbios_option,
        .option_n = smbios_option_n,
        .arg = pc,
    };

    if (smbios_init(&pc->smbios, &config))
        return tenon_error(pc->dev, -EINVAL, "%s", pc->smbios.why);
    pc->fwcfg->set_file_ref(pc->fwcfg_self, "etc/smbios/smbios-tables", pc->smbios.tables,
                            pc->smbios.len);
    pc->fwcfg->set_file_ref(pc->fwcfg_self, "etc/smbios/smbios-anchor", pc->smbios.anchor,
                            pc->smbios.anchor_len);
    return 0;
}

static int read_acpi_tables(struct pc *pc, struct acpi_blob *blobs, unsigned most, unsigned *n)
{
    char why[160];

    for (*n = 0; pc->board->option(pc->dev, "acpi", *n, NULL); ++*n) {
#define KEY(name) pc->board->option(pc->dev, "acpi", *n, #name)
        const struct acpi_user_keys keys = {
            KEY(sig),
            KEY(rev),
            KEY(oem_id),
            KEY(oem_table_id),
            KEY(oem_rev),
            KEY(asl_compiler_id),
            KEY(asl_compiler_rev),
            KEY(data),
            KEY(file),
        };
#undef KEY

        if (*n == most)
            return tenon_error(pc->dev, -E2BIG, "-acpitable: %u tables at most", most);
        if (acpi_user_table(&keys, &blobs[*n], why, sizeof(why)))
            return tenon_error(pc->dev, -EINVAL, "-acpitable: %s", why);
    }
    return 0;
}

static unsigned com_ports(struct pc *pc)
{
    unsigned ports = 0;

    for (unsigned i = 0; i < 4; i++)
        ports |= (pc->board->chardev(pc->dev, "serial", i) != NULL) << i;
    return ports;
}

/* PCI memory above 4 GiB begins behind the RAM, and ends where the processors' addresses do. */
static struct acpi_window pci64_window(const struct pc *pc)
{
    uint64_t base = ((1ull << 32) + pc->high_ram + (1 << 30) - 1) & -(1ull << 30);
    uint64_t end = pc->info->phys_bits < 64 ? 1ull << pc->info->phys_bits : UINT64_MAX;
    uint64_t bytes = 32ull << 30;

    return (struct acpi_window){ base, base + bytes <= end ? bytes : 0 };
}

static int build_acpi(struct pc *pc, const struct acpi_blob *user, unsigned n_user)
{
    size_t len;
    const uint8_t *pvpanic = pc->fwcfg->file(pc->fwcfg_self, "etc/pvpanic-port", &len);
    const struct acpi_config config = {
        .hpet = pc->hpet,
        .cpus = pc->info->cpus,
        .apic_ids = pc->info->apic_ids,
        .pci32 = { pc->low_ram, 0xfec00000 - pc->low_ram },
        .pci64 = pci64_window(pc),
        .com_ports = com_ports(pc),
        .pvpanic = pvpanic && len == 2 ? get_le(pvpanic, 2) : 0,
        .user = user,
        .n_user = n_user,
    };

    if (acpi_build(&config, &pc->acpi))
        return tenon_error(pc->dev, -ENOMEM, "no memory for the ACPI tables");
    pc->fwcfg->set_file_ref(pc->fwcfg_self, ACPI_TABLES_FILE, pc->acpi.tables.data,
                            pc->acpi.tables.len);
    pc->fwcfg->set_file_ref(pc->fwcfg_self, ACPI_RSDP_FILE, pc->acpi.rsdp.data, pc->acpi.rsdp.len);
    pc->fwcfg->set_file_ref(pc->fwcfg_self, ACPI_LOADER_FILE, pc->acpi.loader.data,
                            pc->acpi.loader.len);
    return 0;
}

static int describe_acpi(struct pc *pc)
{
    struct acpi_blob user[32];
    unsigned n = 0;
    int err;

    if (!pc_switch(pc, "machine", "acpi", true))
        return 0;
    err = read_acpi_tables(pc, user, 32, &n);
    if (!err)
        err = build_acpi(pc, user, n);
    while (n--)
        free(user[n].data);
    return err;
}

/* ---- What the user adds ---- */

static int add_splash(struct pc *pc, const char *path)
{
    size_t len;
    uint8_t *image = pc_read_file(pc, "-boot splash=", path, FILE_MOST, &len);
    const char *name = NULL;
    int err;

    if (!image)
        return -EINVAL;
    if (len > 2 && image[0] == 0xff && image[1] == 0xd8)
        name = "bootsplash.jpg";
    else if (len > 2 && image[0] == 'B' && image[1] == 'M')
        name = "bootsplash.bmp";
    if (name)
        err = pc->fwcfg->set_file(pc->fwcfg_self, name, image, len);
    else
        err = tenon_error(pc->dev, -EINVAL, "-boot splash=%s: neither JPEG nor BMP", path);
    free(image);
    return err;
}

/* A number of milliseconds into a file of fw_cfg. */
static int add_wait(struct pc *pc, const char *key, const char *file, unsigned bytes)
{
    const char *text = pc_option(pc, "boot-opts", key);
    long most = bytes == 2 ? 65535 : 0x7fffffff, n = text ? strtol(text, NULL, 0) : 0;

    if (!text)
        return 0;
    if (n > most || n < -1)
        return tenon_error(pc->dev, -ERANGE, "-boot %s=%s: must be at most %ld", key, text, most);
    set_number_file(pc, file, bytes, n);
    return 0;
}

static int add_boot_options(struct pc *pc)
{
    const char *splash = pc_option(pc, "boot-opts", "splash");
    int err = splash ? add_splash(pc, splash) : 0;

    if (!err)
        err = add_wait(pc, "splash-time", "etc/boot-menu-wait", 2);
    return err ? err : add_wait(pc, "reboot-timeout", "etc/boot-fail-wait", 4);
}

/* One -fw_cfg name=NAME,file=FILE|string=TEXT; a string comes without its terminating zero. */
static int add_item(struct pc *pc, unsigned index)
{
    const char *name = pc->board->option(pc->dev, "fw_cfg", index, "name");
    const char *path = pc->board->option(pc->dev, "fw_cfg", index, "file");
    const char *text = pc->board->option(pc->dev, "fw_cfg", index, "string");
    size_t len = text ? strlen(text) : 0;
    uint8_t *data = NULL;
    int err;

    if (!name || !path == !text)
        return tenon_error(pc->dev, -EINVAL, "-fw_cfg: wants name=, and either file= or string=");
    if (pc->fwcfg->file(pc->fwcfg_self, name, &len))
        return tenon_error(pc->dev, -EEXIST, "-fw_cfg name=%s: is there already", name);
    if (path) {
        data = pc_read_file(pc, "-fw_cfg file=", path, FILE_MOST, &len);
        if (!data)
            return -EINVAL;
    }
    err = pc->fwcfg->set_file(pc->fwcfg_self, name, data ? (const void *)data : text, len);
    free(data);
    return err ? tenon_error(pc->dev, err, "-fw_cfg name=%s: %s", name,
                             err == -ENOSPC ? "there are too many" : "the name has 1 to 55 bytes")
               : 0;
}

static int add_option_rom(struct pc *pc, unsigned index)
{
    const char *name = pc->board->option(pc->dev, "option-rom", index, "romfile");
    const char *path = pc->board->find_file(pc->dev, name), *base;
    char file[56];
    uint8_t *data;
    size_t len;
    int err;

    if (!path)
        return tenon_error(pc->dev, -ENOENT, "-option-rom %s: is not there", name);
    data = pc_read_file(pc, "-option-rom", path, ISA_ROM, &len);
    if (!data)
        return -EINVAL;
    base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    snprintf(file, sizeof(file), "genroms/%s", base);
    err = pc->fwcfg->set_file(pc->fwcfg_self, file, data, len);
    free(data);
    return err;
}

static int add_users(struct pc *pc)
{
    int err = add_boot_options(pc);

    for (unsigned i = 0; !err && pc->board->option(pc->dev, "option-rom", i, NULL); i++)
        err = add_option_rom(pc, i);
    for (unsigned i = 0; !err && pc->board->option(pc->dev, "fw_cfg", i, NULL); i++)
        err = add_item(pc, i);
    return err;
}

int pc_describe(struct pc *pc)
{
    int err = describe_in_cmos(pc);

    if (err)
        return err;
    set_numbers(pc);
    describe_map(pc);
    err = describe_smbios(pc);
    if (!err)
        err = describe_acpi(pc);
    return err ? err : add_users(pc);
}
