/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pvh - loading an ELF kernel that has a 32-bit entry for machines without a BIOS (PVH).
 *
 * After Xen's "x86/HVM direct boot ABI" (docs/misc/pvh.pandoc) and
 * public/arch-x86/hvm/start_info.h.
 */
#include "boot.h"

#include <errno.h>
#include <string.h>

enum { PHYS32_ENTRY = 18 }; /* type of the note whose owner is "Xen" */

/* struct hvm_start_info, version 1 */
enum {
    MAGIC = 0x336ec578,
    INFO_VERSION = 4,
    INFO_NR_MODULES = 12,
    INFO_MODLIST = 16,
    INFO_CMDLINE = 24,
    INFO_RSDP = 32,
    INFO_MEMMAP = 40,
    INFO_BYTES = 56,
    MODULE_BYTES = 32, /* address, size, command line, 0 */
};

/* Where it goes: the one module's entry follows it, then the memory map. */
enum { INFO = 0x9000, MODULES = INFO + 64, MAP = 0x9100, MAP_MAX = 128, CMDLINE = 0x20000 };
enum { CMDLINE_MAX = 0xffff };

/* The note's value if it is in the segment; 0: it is not. */
static uint64_t find_note(const struct elf *elf, const struct elf_segment *s)
{
    const uint8_t *p = elf->data + s->offset;
    uint64_t left = s->filesz, align = s->align == 8 ? 8 : 4;

    while (left >= 12) {
        uint64_t owner = get_le(p, 4), value = get_le(p + 4, 4);
        uint64_t at = (12 + owner + align - 1) & -align, next = (at + value + align - 1) & -align;

        if (at > left || value > left - at)
            return 0;
        if (get_le(p + 8, 4) == PHYS32_ENTRY && owner == 4 && !memcmp(p + 12, "Xen", 4) &&
            (value == 4 || value == 8))
            return get_le(p + at, value);
        if (next > left)
            return 0;
        p += next;
        left -= next;
    }
    return 0;
}

static uint64_t find_entry(const uint8_t *kernel, size_t len, struct elf *elf)
{
    uint64_t entry = 0;

    if (elf_open(elf, kernel, len))
        return 0;
    for (unsigned i = 0; i < elf->n_segments && !entry; i++) {
        struct elf_segment s;

        if (elf_segment(elf, i, &s) && s.type == ELF_NOTE)
            entry = find_note(elf, &s);
    }
    return entry;
}

bool pvh_detect(const uint8_t *kernel, size_t len)
{
    struct elf elf;

    return find_entry(kernel, len, &elf) != 0;
}

void plan_pvh(struct boot_plan *plan, const struct boot_request *req)
{
    struct elf elf;
    uint64_t entry = find_entry(req->kernel, req->kernel_len, &elf), end, initrd;
    uint8_t info[MODULES - INFO + MODULE_BYTES] = { 0 };
    size_t cmdline = strlen(req->append);

    if (entry > UINT32_MAX) {
        plan_fail(plan, -EINVAL, "has a PVH entry above 4 GiB");
        return;
    }
    if (cmdline > CMDLINE_MAX) {
        plan_fail(plan, -E2BIG, "takes a command line of %u bytes at most, -append has %zu",
                  CMDLINE_MAX, cmdline);
        return;
    }
    elf_load(plan, req, &elf, &end);
    initrd = plan_initrd(plan, req, page_up(end < BOOT_1M ? BOOT_1M : end), req->ram_end);

    put_le(info, 4, MAGIC);
    put_le(info + INFO_VERSION, 4, 1);
    put_le(info + INFO_CMDLINE, 8, CMDLINE);
    put_le(info + INFO_MEMMAP, 8, MAP);
    if (initrd) {
        put_le(info + INFO_NR_MODULES, 4, 1);
        put_le(info + INFO_MODLIST, 8, MODULES);
        put_le(info + MODULES - INFO, 8, initrd);
        put_le(info + MODULES - INFO + 8, 8, req->initrd_len);
    }
    plan_put(plan, req, INFO, info, sizeof(info));
    plan_put(plan, req, CMDLINE, req->append, cmdline + 1);
    plan_step(plan, (struct plan_step){ PLAN_MAP_PVH, MAP, MAP_MAX, { INFO } });
    plan_step(plan, (struct plan_step){ PLAN_RSDP, .addr = INFO + INFO_RSDP });
    plan->head.mode = PLAN_FLAT;
    plan->head.entry = entry;
    plan->head.ebx = INFO;
}
