/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pvh - prints how it was entered, and what hvm_start_info says. */
#include "state.h"

struct start_info {
    uint32_t magic, version, flags, n_modules;
    uint64_t modules, cmdline, rsdp, map;
    uint32_t n_map, reserved;
};
struct module {
    uint64_t addr, bytes, cmdline, reserved;
};
struct range {
    uint64_t base, bytes;
    uint32_t type, reserved;
};

static bool is_rsdp(const char *p)
{
    static const char signature[8] = "RSD PTR ";

    for (unsigned i = 0; i < 8; i++)
        if (p[i] != signature[i])
            return false;
    return true;
}

void guest_main(const struct entry_state *s)
{
    const struct start_info *info = (const struct start_info *)(uintptr_t)s->ebx;
    const struct module *m = (const struct module *)(uintptr_t)info->modules;
    const struct range *r = (const struct range *)(uintptr_t)info->map;
    uint64_t ram = 0;

    show("cr0", s->cr0);
    show("cr4", s->cr4);
    show("interrupts", s->eflags >> 9 & 1);
    show("magic", info->magic);
    show_text("cmdline", (const char *)(uintptr_t)info->cmdline);
    show("modules", info->n_modules);
    for (uint32_t i = 0; i < info->n_modules; i++)
        put_bytes((const char *)(uintptr_t)m[i].addr, m[i].bytes);
    if (info->version >= 1)
        for (uint32_t i = 0; i < info->n_map; i++)
            ram += r[i].type == 1 ? r[i].bytes : 0;
    show("ram in MiB, about", (ram + 0xfffff) >> 20);
    check("rsdp", info->rsdp && is_rsdp((const char *)(uintptr_t)info->rsdp));
    show("bits", sizeof(void *) * 8);
    quit(16);
}
