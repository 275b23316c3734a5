/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-kernel - plans the boot of a kernel made of the input, and checks what no plan may do. */
#ifndef TENON_FUZZ_KERNEL_H
#define TENON_FUZZ_KERNEL_H

#include "../../plugins/hw/pc/boot/boot.h"

#include <stdlib.h>

enum { FUZZ_RAM = 64 << 20 };

static void fuzz_step(const struct boot_plan *p, const struct boot_request *req,
                      const struct plan_step *s)
{
    uint64_t end = (uint64_t)s->addr + s->len;
    size_t have = s->op == PLAN_BYTES    ? p->n_bytes
                  : s->op == PLAN_KERNEL ? p->kernel_len
                  : s->op == PLAN_INITRD ? req->initrd_len
                                         : SIZE_MAX;

    if (s->op > PLAN_INITRD)
        return;
    if (s->addr < BOOT_1M ? end > PLAN_ROOM : end > req->ram_end)
        abort();
    if (s->op != PLAN_ZERO && (s->offset > have || s->len > have - s->offset))
        abort();
}

/* The first byte chooses what comes along; the rest is the kernel. */
static int fuzz_kernel(const uint8_t *data, size_t len)
{
    static const uint8_t other[3 * BOOT_PAGE];
    static const struct boot_module modules[] = { { "a b", 0, 10 }, { "c", BOOT_PAGE, 20 } };
    uint8_t with = len ? *data : 0;
    struct boot_request req = {
        .kernel = data + !!len,
        .kernel_len = len - !!len,
        .kernel_name = "kernel",
        .append = with & 1 ? "mem=32M vga=3" : "",
        .initrd = other,
        .initrd_len = with & 2 ? BOOT_PAGE + 20 : 0,
        .modules = modules,
        .n_modules = with & 2 ? 2 : 0,
        .dtb = other,
        .dtb_len = with & 4 ? sizeof(other) : 0,
        .ram_end = FUZZ_RAM,
        .direct = with & 8,
    };
    struct boot_plan p;
    size_t bytes;

    if (!boot_plan_init(&p, &req)) {
        for (unsigned i = 0; i < p.n_steps; i++)
            fuzz_step(&p, &req, &p.steps[i]);
        free(boot_plan_encode(&p, &bytes));
    } else if (!p.why[0]) {
        abort();
    }
    boot_plan_finish(&p);
    return 0;
}

#endif
