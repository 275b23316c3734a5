/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linux - loading a bzImage: under firmware through its real-mode setup code, without firmware
 * through its 64-bit or 32-bit entry with a zero page of ours.
 *
 * After "The Linux/x86 Boot Protocol" and "Zero Page"
 * (Documentation/arch/x86/{boot,zero-page}.rst).
 */
#include "boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Offsets in the setup header, which begins at 1F1h of the file, and of the zero page. */
enum {
    SETUP_SECTS = 0x1f1,
    SYSSIZE = 0x1f4,
    VID_MODE = 0x1fa,
    HEADER_END = 0x201, /* of the header, from 202h on */
    HEADER = 0x202,
    VERSION = 0x206,
    TYPE_OF_LOADER = 0x210,
    LOADFLAGS = 0x211,
    CODE32_START = 0x214,
    RAMDISK_IMAGE = 0x218,
    RAMDISK_SIZE = 0x21c,
    HEAP_END_PTR = 0x224,
    CMD_LINE_PTR = 0x228,
    INITRD_ADDR_MAX = 0x22c,
    RELOCATABLE = 0x234,
    XLOADFLAGS = 0x236,
    CMDLINE_SIZE = 0x238,
    SETUP_DATA = 0x250,
    PREF_ADDRESS = 0x258,
    INIT_SIZE = 0x260,
    HEADER_MAX = 0x290,       /* where the zero page has other things */
    OLD_CMDLINE_MAGIC = 0x20, /* before 2.02 */
    OLD_CMDLINE_OFFSET = 0x22,
};
enum { LOADED_HIGH = 1, CAN_USE_HEAP = 0x80, XLF_KERNEL_64 = 1 };
enum { LOADER_UNDEFINED = 0xff };
enum { SETUP_DTB = 2 };

/* Where things go below 1 MiB. */
enum {
    REAL = 0x10000,     /* setup code, heap and stack: 64 KiB */
    REAL_OLD = 0x90000, /* ... of protocols before 2.02 */
    HEAP_END = 0xfe00,
    HEAP_END_OLD = 0x9800,
    ZERO_PAGE = 0x10000,
    CMDLINE = 0x20000,
    CMDLINE_MAX = 0xffff,
    TABLES = 0x30000, /* page tables */
};
enum { MAP_MAX = 128 }; /* entries in the zero page */

struct bzimage {
    const uint8_t *file;
    unsigned version;
    size_t setup_len; /* boot sector and setup code; the kernel proper follows */
    size_t kernel_len;
    uint64_t load, end; /* address of the kernel proper; what is above end is free */
    uint64_t top;       /* the initrd ends below */
    uint32_t cmdline, initrd;
    uint64_t setup_data;
};

/* A field, or what it means in a protocol too old to have it. */
static uint64_t field(const struct bzimage *k, unsigned offset, unsigned bytes, unsigned since,
                      uint64_t otherwise)
{
    return k->version >= since ? get_le(k->file + offset, bytes) : otherwise;
}

bool linux_detect(const uint8_t *kernel, size_t len)
{
    return len >= VERSION && !memcmp(kernel + HEADER, "HdrS", 4);
}

/* What follows name ("vga=") where it is a word of the command line, the last time. */
static const char *word(const char *cmdline, const char *name)
{
    const char *found = NULL, *at = cmdline;

    while ((at = strstr(at, name))) {
        if (at == cmdline || at[-1] == ' ')
            found = at + strlen(name);
        at++;
    }
    return found;
}

static uint16_t vga_mode(const char *text)
{
    static const struct {
        const char *name;
        uint16_t mode;
    } named[] = { { "normal", 0xffff }, { "ext", 0xfffe }, { "ask", 0xfffd } };

    for (unsigned i = 0; i < 3; i++) {
        if (!strncmp(text, named[i].name, strlen(named[i].name)))
            return named[i].mode;
    }
    return strtoul(text, NULL, 0);
}

static uint64_t mem_limit(const char *text)
{
    char *unit;
    uint64_t n = strtoull(text, &unit, 0);
    unsigned shift = *unit == 'G' || *unit == 'g'   ? 30
                     : *unit == 'M' || *unit == 'm' ? 20
                     : *unit == 'K' || *unit == 'k' ? 10
                                                    : 0;

    return n > UINT64_MAX >> shift ? UINT64_MAX : n << shift;
}

static void read_header(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    static const uint16_t needs[][2] = { { 0x200, 0x228 }, { 0x202, 0x22c }, { 0x203, 0x230 },
                                         { 0x205, 0x238 }, { 0x206, 0x240 }, { 0x209, 0x258 },
                                         { 0x20a, 0x264 } };
    unsigned sectors = req->kernel[SETUP_SECTS];
    uint64_t paragraphs;

    *k = (struct bzimage){ .file = req->kernel, .load = BOOT_1M };
    if (req->kernel_len < HEAP_END_PTR + 4) {
        plan_fail(plan, -EINVAL, "is a truncated Linux kernel");
        return;
    }
    k->version = get_le(k->file + VERSION, 2);
    for (unsigned i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
        if (k->version >= needs[i][0] && req->kernel_len < needs[i][1]) {
            plan_fail(plan, -EINVAL, "is a truncated Linux kernel");
            return;
        }
    }
    if (k->version < 0x200 || !(k->file[LOADFLAGS] & LOADED_HIGH)) {
        plan_fail(plan, -EINVAL, "is a zImage, not a bzImage: such old kernels are not supported");
        return;
    }
    k->setup_len = ((sectors ? sectors : 4) + 1) * 512;
    paragraphs = field(k, SYSSIZE, 4, 0x204, 0);
    if (req->kernel_len <= k->setup_len || (req->kernel_len - k->setup_len) / 16 < paragraphs) {
        plan_fail(plan, -EINVAL, "is a truncated Linux kernel: it says it has %llu bytes",
                  (unsigned long long)(k->setup_len + paragraphs * 16));
        return;
    }
    k->kernel_len = req->kernel_len - k->setup_len;
    plan->kernel = k->file + k->setup_len;
    plan->kernel_len = k->kernel_len;
}

/* The kernel proper: where it is loaded, and up to where it writes before it knows of the initrd.
 */
static void place_kernel(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    uint64_t pref = field(k, PREF_ADDRESS, 8, 0x20a, 0);
    uint64_t init = field(k, INIT_SIZE, 4, 0x20a, 0);
    uint64_t run = k->load, space = init > k->kernel_len ? init : k->kernel_len;

    if (pref > k->load && pref < UINT32_MAX)
        run = pref;
    if (req->direct && k->version >= 0x20a && k->file[RELOCATABLE] && run + space <= req->ram_end)
        k->load = run;
    k->end = run + init;
    if (k->end < k->load + k->kernel_len)
        k->end = k->load + k->kernel_len;
    if (k->end > req->ram_end) {
        plan_fail(plan, -ENOSPC, "needs RAM up to %#llx to unpack itself: more -m is needed",
                  (unsigned long long)k->end);
        return;
    }
    plan_load(plan, req, PLAN_KERNEL, k->load, k->kernel_len, 0);
}

static void place_initrd(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    const char *mem = word(req->append, "mem=");
    uint64_t limit = field(k, INITRD_ADDR_MAX, 4, 0x203, 0x37ffffff) + 1;

    k->top = req->ram_end < limit ? req->ram_end : limit;
    limit = mem ? mem_limit(mem) : 0;
    if (limit && limit < k->top)
        k->top = limit;
    k->initrd = plan_initrd(plan, req, page_up(k->end), k->top);
    if (k->initrd)
        k->top = k->initrd;
}

/* A device tree hangs in the list setup_data: {u64 next, u32 type, u32 len, data}. */
static void place_dtb(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    uint8_t node[16] = { 0 };
    uint64_t bytes = sizeof(node) + req->dtb_len;

    if (!req->dtb_len)
        return;
    if (k->version < 0x209) {
        plan_fail(plan, -EINVAL,
                  "is too old for -dtb: its boot protocol is %u.%02u, 2.09 is needed",
                  k->version >> 8, k->version & 0xff);
        return;
    }
    k->setup_data = k->top < bytes ? 0 : (k->top - bytes) & -(uint64_t)BOOT_PAGE;
    if (k->setup_data < k->end) {
        plan_fail(plan, -ENOSPC, "leaves no RAM for the device tree: more -m is needed");
        return;
    }
    put_le(node, 8, get_le(k->file + SETUP_DATA, 8));
    put_le(node + 8, 4, SETUP_DTB);
    put_le(node + 12, 4, req->dtb_len);
    plan_put(plan, req, k->setup_data, node, sizeof(node));
    plan_put(plan, req, k->setup_data + sizeof(node), req->dtb, req->dtb_len);
}

static void place_cmdline(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    uint64_t max = field(k, CMDLINE_SIZE, 4, 0x206, 255);
    size_t len = strlen(req->append);

    if (max > CMDLINE_MAX)
        max = CMDLINE_MAX;
    if (len > max) {
        plan_fail(plan, -E2BIG, "takes a command line of %llu bytes at most, -append has %zu",
                  (unsigned long long)max, len);
        return;
    }
    k->cmdline = k->version >= 0x202 ? CMDLINE : REAL_OLD + HEAP_END_OLD;
    plan_put(plan, req, k->cmdline, req->append, len + 1);
}

/* What a boot loader fills in of the header, in a copy of it. */
static void fill_header(const struct boot_request *req, const struct bzimage *k, uint8_t *setup)
{
    const char *vga = word(req->append, "vga=");

    setup[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    if (vga)
        put_le(setup + VID_MODE, 2, vga_mode(vga));
    put_le(setup + CODE32_START, 4, k->load);
    put_le(setup + RAMDISK_IMAGE, 4, k->initrd);
    put_le(setup + RAMDISK_SIZE, 4, req->initrd_len);
    if (k->version >= 0x202)
        put_le(setup + CMD_LINE_PTR, 4, k->cmdline);
    if (k->setup_data)
        put_le(setup + SETUP_DATA, 8, k->setup_data);
}

/* Under firmware: the setup code asks it for what it needs, and goes on by itself. */
static void enter_real(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    bool old = k->version < 0x202;
    uint32_t real = old ? REAL_OLD : REAL, heap_end = old ? HEAP_END_OLD : HEAP_END;
    size_t at = plan_bytes(plan, k->file, k->setup_len);

    if (plan->err)
        return;
    if (k->setup_len > heap_end - 0x1000u) {
        plan_fail(plan, -EINVAL, "is a corrupt Linux kernel: %zu bytes of setup code",
                  k->setup_len);
        return;
    }
    fill_header(req, k, plan->bytes + at);
    if (k->version >= 0x201) {
        plan->bytes[at + LOADFLAGS] |= CAN_USE_HEAP;
        put_le(plan->bytes + at + HEAP_END_PTR, 2, heap_end - 0x200);
    }
    if (old) {
        put_le(plan->bytes + at + OLD_CMDLINE_MAGIC, 2, 0xa33f);
        put_le(plan->bytes + at + OLD_CMDLINE_OFFSET, 2, HEAP_END_OLD);
    }
    plan_load(plan, req, PLAN_BYTES, real, k->setup_len, at);
    plan->head.mode = PLAN_REAL;
    plan->head.entry = (real / 16 + 0x20) << 16;
    plan->head.ebx = real / 16;
    plan->head.eax = heap_end;
}

/* Page tables that map the first 4 GiB to themselves, in pages of 2 MiB. */
static void put_tables(struct boot_plan *plan, const struct boot_request *req)
{
    enum { PRESENT = 1, WRITABLE = 2, LARGE = 0x80 };
    size_t at = plan_bytes(plan, NULL, 6 * BOOT_PAGE);
    uint8_t *table = plan->bytes + at;

    if (plan->err)
        return;
    put_le(table, 8, (TABLES + BOOT_PAGE) | PRESENT | WRITABLE);
    for (unsigned i = 0; i < 4; i++)
        put_le(table + BOOT_PAGE + 8 * i, 8, (TABLES + (2 + i) * BOOT_PAGE) | PRESENT | WRITABLE);
    for (uint64_t i = 0; i < 4 * 512; i++)
        put_le(table + 2 * BOOT_PAGE + 8 * i, 8, i << 21 | PRESENT | WRITABLE | LARGE);
    plan_load(plan, req, PLAN_BYTES, TABLES, 6 * BOOT_PAGE, at);
}

/* Without firmware: the zero page tells what the setup code would have found out. */
static void enter_direct(struct boot_plan *plan, const struct boot_request *req, struct bzimage *k)
{
    enum { ACPI_RSDP_ADDR = 0x70 };
    bool is64 = field(k, XLOADFLAGS, 2, 0x20c, 0) & XLF_KERNEL_64;
    size_t end = HEADER + k->file[HEADER_END], at = plan_bytes(plan, NULL, BOOT_PAGE);

    if (plan->err)
        return;
    if (k->version < 0x205) {
        plan_fail(plan, -EINVAL,
                  "is too old for firmware=none: its boot protocol is %u.%02u, 2.05 is "
                  "needed",
                  k->version >> 8, k->version & 0xff);
        return;
    }
    if (end > HEADER_MAX)
        end = HEADER_MAX;
    if (end > req->kernel_len)
        end = req->kernel_len;
    memcpy(plan->bytes + at + SETUP_SECTS, k->file + SETUP_SECTS, end - SETUP_SECTS);
    fill_header(req, k, plan->bytes + at);
    plan_load(plan, req, PLAN_BYTES, ZERO_PAGE, BOOT_PAGE, at);
    plan_step(plan, (struct plan_step){ PLAN_MAP_LINUX, .addr = ZERO_PAGE, .len = MAP_MAX });
    plan_step(plan, (struct plan_step){ PLAN_RSDP, .addr = ZERO_PAGE + ACPI_RSDP_ADDR });
    if (is64)
        put_tables(plan, req);
    plan->head.mode = is64 ? PLAN_LINUX64 : PLAN_LINUX32;
    plan->head.entry = k->load + (is64 ? 0x200 : 0);
    plan->head.esi = ZERO_PAGE;
    plan->head.cr3 = is64 ? TABLES : 0;
}

void plan_linux(struct boot_plan *plan, const struct boot_request *req)
{
    struct bzimage k;

    read_header(plan, req, &k);
    if (plan->err)
        return;
    place_kernel(plan, req, &k);
    place_initrd(plan, req, &k);
    place_dtb(plan, req, &k);
    place_cmdline(plan, req, &k);
    if (req->direct)
        enter_direct(plan, req, &k);
    else
        enter_real(plan, req, &k);
}
