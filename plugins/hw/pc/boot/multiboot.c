/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * multiboot - loading a kernel with a multiboot 1 header.
 *
 * After the Multiboot Specification, version 0.6.96.
 */
#include "boot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_MAGIC = 0x1badb002, ENTRY_MAGIC = 0x2badb002, SEARCH = 8192 };

/* Flags of the header; 0 to 15 must be understood. */
enum {
    ALIGN_MODULES = 1 << 0, /* always done */
    MEMORY_INFO = 1 << 1,   /* always given */
    VIDEO_MODE = 1 << 2,    /* a wish: the information block says if it came true */
    MANDATORY = 0xffff,
    ADDRESSES = 1 << 16, /* the header says where to load, not ELF */
};

/* The information block: offsets, and the flags that say which of them are there. */
enum {
    INFO_FLAGS = 0,
    INFO_BOOT_DEVICE = 12,
    INFO_CMDLINE = 16,
    INFO_MODS_COUNT = 20,
    INFO_MODS_ADDR = 24,
    INFO_MMAP_ADDR = 48,
    INFO_LOADER = 64,
    INFO_BYTES = 88,
    HAS = 1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9,
};

/* Where it lies, and the memory map; the image may overwrite both. */
enum { INFO = 0x9000, MAP = 0x9500, MAP_MAX = 96 };

struct header {
    size_t offset; /* in the file */
    uint32_t flags;
    uint32_t header_addr, load_addr, load_end, bss_end, entry;
};

static bool find_header(const uint8_t *kernel, size_t len, struct header *h)
{
    size_t end = len < SEARCH ? len : SEARCH;

    for (size_t i = 0; i + 12 <= end; i += 4) {
        const uint8_t *p = kernel + i;

        if (get_le(p, 4) != HEADER_MAGIC ||
            (uint32_t)(get_le(p, 4) + get_le(p + 4, 4) + get_le(p + 8, 4)))
            continue;
        *h = (struct header){ .offset = i, .flags = get_le(p + 4, 4) };
        if (!(h->flags & ADDRESSES))
            return true;
        if (i + 32 > len)
            return false;
        h->header_addr = get_le(p + 12, 4);
        h->load_addr = get_le(p + 16, 4);
        h->load_end = get_le(p + 20, 4);
        h->bss_end = get_le(p + 24, 4);
        h->entry = get_le(p + 28, 4);
        return true;
    }
    return false;
}

bool multiboot_detect(const uint8_t *kernel, size_t len)
{
    struct header h;
    struct elf elf;

    if (!find_header(kernel, len, &h))
        return false;
    /* A 64-bit kernel with both kinds of header can only be entered by its PVH note. */
    return h.flags & ADDRESSES || elf_open(&elf, kernel, len) || !elf.is64 ||
           !pvh_detect(kernel, len);
}

/* The header's own addresses: text and data in one piece, then bss. */
static void load_by_addresses(struct boot_plan *plan, const struct boot_request *req,
                              const struct header *h, uint64_t *end)
{
    uint32_t before = h->header_addr - h->load_addr;
    uint64_t len;

    if (h->header_addr < h->load_addr || before > h->offset ||
        (h->load_end && h->load_end < h->load_addr)) {
        plan_fail(plan, -EINVAL, "has a multiboot header with addresses that make no sense");
        return;
    }
    len = req->kernel_len - (h->offset - before);
    if (h->load_end && h->load_end - h->load_addr > len) {
        plan_fail(plan, -EINVAL, "is a truncated multiboot kernel");
        return;
    }
    if (h->load_end)
        len = h->load_end - h->load_addr;
    *end = h->load_addr + len;
    plan_load(plan, req, PLAN_KERNEL, h->load_addr, len, h->offset - before);
    if (h->bss_end > *end) {
        plan_load(plan, req, PLAN_ZERO, *end, h->bss_end - *end, 0);
        *end = h->bss_end;
    }
    plan->head.entry = h->entry;
}

static void load_elf(struct boot_plan *plan, const struct boot_request *req, uint64_t *end)
{
    struct elf elf;
    const char *why = elf_open(&elf, req->kernel, req->kernel_len);

    if (why)
        plan_fail(plan, -EINVAL, "has a multiboot header without addresses, but %s", why);
    else if (elf.is64)
        plan_fail(plan, -EINVAL, "is a 64-bit ELF file: multiboot wants a 32-bit one");
    else
        elf_load(plan, req, &elf, end);
    if (!plan->err)
        plan->head.entry = elf.entry;
}

/* Strings, the table of modules and the modules themselves, from addr on. */
static void put_modules(struct boot_plan *plan, const struct boot_request *req, uint64_t addr,
                        uint8_t *info)
{
    static const char loader[] = "tenon";
    size_t table = req->n_modules * 16, name = strlen(req->kernel_name);
    size_t strings = sizeof(loader) + name + 1 + strlen(req->append) + 1, used = 0;
    uint64_t contents;
    uint8_t *p;

    for (unsigned i = 0; i < req->n_modules; i++)
        strings += strlen(req->modules[i].text) + 1;
    contents = page_up(addr + table + strings);
    p = calloc(1, table + strings);
    if (!p) {
        plan_fail(plan, -ENOMEM, "needs more memory than there is");
        return;
    }

    put_le(info + INFO_LOADER, 4, addr + table);
    memcpy(p + table, loader, sizeof(loader));
    used = table + sizeof(loader);
    put_le(info + INFO_CMDLINE, 4, addr + used);
    memcpy(p + used, req->kernel_name, name);
    p[used + name] = ' ';
    strcpy((char *)p + used + name + 1, req->append);
    used += name + 1 + strlen(req->append) + 1;
    put_le(info + INFO_MODS_COUNT, 4, req->n_modules);
    put_le(info + INFO_MODS_ADDR, 4, addr);
    for (unsigned i = 0; i < req->n_modules; i++) {
        const struct boot_module *m = &req->modules[i];

        put_le(p + 16 * i, 4, contents + m->offset);
        put_le(p + 16 * i + 4, 4, contents + m->offset + m->len);
        put_le(p + 16 * i + 8, 4, addr + used);
        strcpy((char *)p + used, m->text);
        used += strlen(m->text) + 1;
    }
    plan_put(plan, req, addr, p, table + strings);
    plan_load(plan, req, PLAN_INITRD, contents, req->initrd_len, 0);
    free(p);
}

/* Moves the first n steps behind the others. */
static void move_behind(struct boot_plan *plan, unsigned n)
{
    struct plan_step *steps = malloc(plan->n_steps * sizeof(*steps));

    if (!steps) {
        plan_fail(plan, -ENOMEM, "needs more memory than there is");
        return;
    }
    memcpy(steps, plan->steps + n, (plan->n_steps - n) * sizeof(*steps));
    memcpy(steps + plan->n_steps - n, plan->steps, n * sizeof(*steps));
    free(plan->steps);
    plan->steps = steps;
}

void plan_multiboot(struct boot_plan *plan, const struct boot_request *req)
{
    uint8_t info[INFO_BYTES] = { 0 };
    struct header h;
    uint64_t end = 0;
    unsigned image;

    find_header(req->kernel, req->kernel_len, &h);
    if (h.flags & MANDATORY & ~(ALIGN_MODULES | MEMORY_INFO | VIDEO_MODE)) {
        plan_fail(plan, -EINVAL, "has a multiboot header that wants what is unknown: flags %#x",
                  h.flags);
        return;
    }
    if (h.flags & ADDRESSES)
        load_by_addresses(plan, req, &h, &end);
    else
        load_elf(plan, req, &end);
    image = plan->n_steps;

    put_modules(plan, req, end < BOOT_1M ? BOOT_1M : page_up(end), info);
    put_le(info + INFO_FLAGS, 4, HAS);
    put_le(info + INFO_BOOT_DEVICE, 4, 0x8000ffff); /* the first hard disk, no partition */
    put_le(info + INFO_MMAP_ADDR, 4, MAP);
    plan_put(plan, req, INFO, info, sizeof(info));
    plan_step(plan, (struct plan_step){ PLAN_MAP_MULTIBOOT, MAP, MAP_MAX, { INFO } });
    /* An image in low memory wins over the information block. */
    if (!plan->err)
        move_behind(plan, image);

    plan->head.mode = PLAN_FLAT;
    plan->head.eax = ENTRY_MAGIC;
    plan->head.ebx = INFO;
}
