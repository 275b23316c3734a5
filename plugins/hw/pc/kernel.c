/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* kernel - -kernel, -initrd, -append and -dtb: reading them, and handing the plan to the guest. */
#include "pc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "optionrom-image.h"

#define ROM_FILE "genroms/tenonboot.bin"

enum {
    FIRMWARE_ROOM = 512 << 10, /* what firmware takes at the end of low RAM */
    ACPI_ROOM = 128 << 10,     /* what our own firmware does */
    RSDP_AT = 0x8000,          /* in our own ROM: RSDP, then SMBIOS */
    SMBIOS_AT = 0x8100,
    ROM_END = 0xfff0,
    MAX_MODULES = 64,
};

/* ---- Files ---- */

static int read_all(int fd, uint8_t *to, size_t len)
{
    while (len) {
        ssize_t n = read(fd, to, len);

        if (n == 0 || (n < 0 && errno != EINTR))
            return n ? -errno : -EIO;
        if (n > 0) {
            to += n;
            len -= n;
        }
    }
    return 0;
}

uint8_t *pc_read_file(struct pc *pc, const char *what, const char *path, size_t max, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;
    uint8_t *data = NULL;
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    else if ((uint64_t)st.st_size > max)
        err = -EFBIG;
    else if (!(data = malloc(st.st_size + 1)))
        err = -ENOMEM;
    else
        err = read_all(fd, data, st.st_size);
    if (fd >= 0)
        close(fd);
    if (err) {
        tenon_error(pc->dev, err, "%s %s: %s", what, path, strerror(-err));
        free(data);
        return NULL;
    }
    *len = st.st_size;
    data[*len] = '\0';
    return data;
}

/* ---- -initrd ---- */

struct modules {
    struct boot_module list[MAX_MODULES];
    unsigned n;
    uint8_t *data;
    size_t len;
};

/* Reads a file behind what there is, from a page border on. */
static int add_module(struct pc *pc, struct modules *m, const char *path, const char *text)
{
    size_t at = page_up(m->len), len;
    uint8_t *file, *data;

    if (m->n == MAX_MODULES)
        return tenon_error(pc->dev, -E2BIG, "-initrd has more than %u modules", MAX_MODULES);
    file = pc_read_file(pc, "-initrd", path, UINT32_MAX - at, &len);
    data = file ? realloc(m->data, at + len + 1) : NULL;
    if (!data) {
        free(file);
        return -ENOMEM;
    }
    memset(data + m->len, 0, at - m->len);
    memcpy(data + at, file, len);
    free(file);
    m->data = data;
    m->len = at + len;
    m->list[m->n++] = (struct boot_module){ text, at, len };
    return 0;
}

/* Multiboot's "file arg=x,other": texts are cut out of *texts, to be freed. */
static int read_modules(struct pc *pc, struct modules *m, char **texts)
{
    const char *next = pc->initrd;
    char *text = *texts = malloc(2 * strlen(next) + 2), *path = malloc(strlen(next) + 1);
    int err = text && path ? 0 : -ENOMEM;

    while (next && !err) {
        next = boot_module_next(next, text);
        strcpy(path, text + strspn(text, " "));
        path[strcspn(path, " ")] = '\0';
        err = add_module(pc, m, path, text);
        text += strlen(text) + 1;
    }
    free(path);
    return err;
}

/* ---- The plan ---- */

/* Tables that firmware would place: ACPI's at the end of RAM, the rest in the ROM. */
static int place_tables(struct pc *pc, struct boot_plan *plan, struct boot_request *req)
{
    struct acpi_arena high = { .base = pc->low_ram - ACPI_ROOM, .bytes = ACPI_ROOM };
    struct acpi_arena fseg = { .base = 0xf0000 + RSDP_AT,
                               .mem = pc->rom + RSDP_AT,
                               .bytes = SMBIOS_AT - RSDP_AT };
    uint64_t rsdp;
    int err = 0;

    if (pc->smbios.len > ROM_END - SMBIOS_AT - 32)
        return tenon_error(pc->dev, -ENOSPC, "the SMBIOS tables are too long for firmware=none");
    smbios_place(&pc->smbios, 0xf0000 + SMBIOS_AT + 32);
    memcpy(pc->rom + SMBIOS_AT, pc->smbios.anchor, pc->smbios.anchor_len);
    memcpy(pc->rom + SMBIOS_AT + 32, pc->smbios.tables, pc->smbios.len);
    if (!pc->acpi.tables.len)
        return 0;
    high.mem = calloc(1, ACPI_ROOM);
    if (!high.mem || acpi_place(&pc->acpi, &high, &fseg, &rsdp))
        err = tenon_error(pc->dev, -ENOSPC, "the ACPI tables are too long for firmware=none");
    req->ram_end = pc->low_ram;
    if (!err)
        plan_put(plan, req, high.base, high.mem, high.used);
    plan->head.n_steps = plan->n_steps;
    free(high.mem);
    return err;
}

/* The memory map that firmware would give the kernel. */
static int publish_map(struct pc *pc)
{
    const struct e820 map[] = {
        { 0, 0x9fc00, E820_RAM },
        { 0x9fc00, 0x400, E820_RESERVED },
        { 0xf0000, 0x10000, E820_RESERVED },
        { BOOT_1M, pc->low_ram - ACPI_ROOM - BOOT_1M, E820_RAM },
        { pc->low_ram - ACPI_ROOM, ACPI_ROOM, E820_NVS },
        { 0xfeffc000, 0x4000, E820_RESERVED },
        { 0xfffc0000, 0x40000, E820_RESERVED },
        { 1ull << 32, pc->high_ram, E820_RAM },
    };

    return pc->fwcfg->set_file(pc->fwcfg_self, PLAN_MAP_FILE, map,
                               sizeof(map) - (pc->high_ram ? 0 : sizeof(map[0])));
}

static int publish_rom(struct pc *pc)
{
    return pc->fwcfg->set_file_ref(pc->fwcfg_self, ROM_FILE, optionrom_image,
                                   sizeof(optionrom_image));
}

/* SeaBIOS's list of what to boot from, in order; "HALT" ends it with -boot strict=on. */
static int publish_order(struct pc *pc)
{
    static const char rom[] = "/rom@" ROM_FILE, strict[] = "HALT";
    bool own = pc->kernel && !pc->direct, halt = pc_switch(pc, "boot-opts", "strict", false);
    char order[sizeof(rom) + sizeof(strict)] = "";

    if (own)
        strcpy(order, rom);
    if (halt)
        strcat(strcat(order, own ? "\n" : ""), strict);
    return *order ? pc->fwcfg->set_file(pc->fwcfg_self, "bootorder", order, strlen(order) + 1) : 0;
}

static int publish(struct pc *pc, const struct boot_plan *plan, const struct boot_request *req)
{
    size_t len;
    int err;

    pc->plan_data = boot_plan_encode(plan, &len);
    if (!pc->plan_data)
        return tenon_error(pc->dev, -ENOMEM, "no memory for the kernel");
    err = pc->fwcfg->set_file_ref(pc->fwcfg_self, PLAN_FILE, pc->plan_data, len);
    if (!err)
        err = pc->fwcfg->set_ref(pc->fwcfg_self, PLAN_KERNEL_ITEM, plan->kernel, plan->kernel_len);
    if (!err)
        err = pc->fwcfg->set_ref(pc->fwcfg_self, PLAN_INITRD_ITEM, req->initrd, req->initrd_len);
    if (!err)
        err = pc->direct ? publish_map(pc) : publish_rom(pc);
    return err;
}

static int make_plan(struct pc *pc, struct boot_request *req)
{
    struct boot_plan plan;
    int err;

    if (boot_plan_init(&plan, req))
        err = tenon_error(pc->dev, plan.err, "-kernel %s: %s", pc->kernel, plan.why);
    else
        err = pc->direct ? place_tables(pc, &plan, req) : 0;
    if (!err)
        err = publish(pc, &plan, req);
    boot_plan_finish(&plan);
    return err;
}

static int load(struct pc *pc, struct modules *m, char **texts)
{
    uint32_t room = pc->direct ? ACPI_ROOM : FIRMWARE_ROOM;
    struct boot_request req = {
        .kernel_name = pc->kernel,
        .append = pc->append ? pc->append : "",
        .ram_end = pc->low_ram - room,
        .direct = pc->direct,
    };
    int err = 0;

    req.kernel = pc->kernel_data =
        pc_read_file(pc, "-kernel", pc->kernel, UINT32_MAX, &req.kernel_len);
    if (!req.kernel)
        return -EINVAL;
    if (pc->dtb &&
        !(req.dtb = pc->dtb_data = pc_read_file(pc, "-dtb", pc->dtb, FIRMWARE_ROOM, &req.dtb_len)))
        return -EINVAL;
    if (pc->initrd && boot_kind(req.kernel, req.kernel_len) == BOOT_MULTIBOOT)
        err = read_modules(pc, m, texts);
    else if (pc->initrd)
        err = add_module(pc, m, pc->initrd, pc->initrd);
    req.initrd = pc->initrd_data = m->data;
    req.initrd_len = m->len;
    req.modules = m->list;
    req.n_modules = m->n;
    return err ? err : make_plan(pc, &req);
}

int pc_load_kernel(struct pc *pc)
{
    struct modules *m = calloc(1, sizeof(*m));
    char *texts = NULL;
    int err = !m ? -ENOMEM : pc->kernel ? load(pc, m, &texts) : 0;

    free(texts);
    free(m);
    return err ? err : publish_order(pc);
}

void pc_unload(struct pc *pc)
{
    free(pc->kernel_data);
    free(pc->initrd_data);
    free(pc->dtb_data);
    free(pc->plan_data);
}
