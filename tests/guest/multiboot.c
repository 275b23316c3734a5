/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* multiboot - prints how it was entered, and what the information block says. */
#include "state.h"

struct info {
    uint32_t flags, mem_lower, mem_upper, boot_device, cmdline, mods_count, mods_addr, syms[4];
    uint32_t mmap_length, mmap_addr, drives[2], config, loader;
};
struct module {
    uint32_t start, end, string, reserved;
};
struct range {
    uint32_t size;
    uint64_t base, bytes;
    uint32_t type;
} __attribute__((packed));

static uint32_t zeroes[5000];

static const char *text(uint32_t addr)
{
    return (const char *)(uintptr_t)addr;
}

static void show_map(const struct info *info)
{
    uint32_t end = info->mmap_addr + info->mmap_length;
    uint64_t lower = 0, upper = 0, ram = 0;
    bool sizes = true;

    for (uint32_t at = info->mmap_addr; at < end; at += 24) {
        const struct range *r = (const struct range *)(uintptr_t)at;

        sizes &= r->size == 20;
        if (r->type != 1)
            continue;
        ram += r->bytes;
        if (r->base == 0)
            lower = r->bytes;
        if (r->base == 0x100000)
            upper = r->bytes;
    }
    check("map entries", sizes && info->mmap_length % 24 == 0 && info->mmap_length);
    check("mem_upper", upper >> 10 == info->mem_upper && upper);
    check("mem_lower", info->mem_lower <= 640 && info->mem_lower >= lower >> 10);
    show("ram in MiB, about", (ram + 0xfffff) >> 20);
}

void guest_main(const struct entry_state *s)
{
    const struct info *info = (const struct info *)(uintptr_t)s->ebx;
    const struct module *m = (const struct module *)(uintptr_t)info->mods_addr;
    bool clear = true;

    show_state(s);
    show("flags", info->flags);
    show("boot device", info->boot_device);
    show_text("cmdline", text(info->cmdline));
    show("modules", info->mods_count);
    for (uint32_t i = 0; i < info->mods_count; i++) {
        show_text("module", text(m[i].string));
        put_bytes(text(m[i].start), m[i].end - m[i].start);
        check("on a page", !(m[i].start & 0xfff));
    }
    show_map(info);
    for (unsigned i = 0; i < sizeof(zeroes) / sizeof(zeroes[0]); i++)
        clear &= !zeroes[i];
    check("bss", clear);
    show("bits", sizeof(void *) * 8);
    quit(16);
}
