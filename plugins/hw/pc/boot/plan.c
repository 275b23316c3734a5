/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plan - finding out what kind of kernel there is, and putting its plan together. */
#include "boot.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum boot_kind boot_kind(const uint8_t *kernel, size_t len)
{
    return linux_detect(kernel, len)       ? BOOT_LINUX
           : multiboot_detect(kernel, len) ? BOOT_MULTIBOOT
           : pvh_detect(kernel, len)       ? BOOT_PVH
                                           : BOOT_UNKNOWN;
}

void plan_fail(struct boot_plan *plan, int err, const char *fmt, ...)
{
    va_list ap;

    if (plan->err)
        return;
    va_start(ap, fmt);
    vsnprintf(plan->why, sizeof(plan->why), fmt, ap);
    va_end(ap);
    plan->err = err;
}

void plan_step(struct boot_plan *plan, struct plan_step step)
{
    struct plan_step *steps;

    if (plan->err)
        return;
    steps = realloc(plan->steps, (plan->n_steps + 1) * sizeof(*steps));
    if (!steps) {
        plan_fail(plan, -ENOMEM, "needs more memory than there is");
        return;
    }
    plan->steps = steps;
    plan->steps[plan->n_steps++] = step;
}

void plan_load(struct boot_plan *plan, const struct boot_request *req, enum plan_op op,
               uint64_t addr, uint64_t len, size_t offset)
{
    uint64_t end = addr < BOOT_1M ? PLAN_ROOM : req->ram_end;

    if (!len)
        return;
    if (addr > end || len > end - addr) {
        plan_fail(plan, -ENOSPC, "needs RAM at %#llx to %#llx, which is not there or not free",
                  (unsigned long long)addr, (unsigned long long)(addr + len - 1));
        return;
    }
    plan_step(plan, (struct plan_step){ .op = op, .addr = addr, .len = len, { offset } });
}

size_t plan_bytes(struct boot_plan *plan, const void *data, size_t len)
{
    size_t at = plan->n_bytes;
    uint8_t *bytes;

    if (plan->err)
        return 0;
    bytes = realloc(plan->bytes, at + len + 1);
    if (!bytes) {
        plan_fail(plan, -ENOMEM, "needs more memory than there is");
        return 0;
    }
    if (data)
        memcpy(bytes + at, data, len);
    else
        memset(bytes + at, 0, len);
    plan->bytes = bytes;
    plan->n_bytes += len;
    return at;
}

void plan_put(struct boot_plan *plan, const struct boot_request *req, uint64_t addr,
              const void *data, size_t len)
{
    plan_load(plan, req, PLAN_BYTES, addr, len, plan_bytes(plan, data, len));
}

uint64_t plan_initrd(struct boot_plan *plan, const struct boot_request *req, uint64_t bottom,
                     uint64_t top)
{
    uint64_t addr;

    if (!req->initrd_len)
        return 0;
    addr = top < req->initrd_len ? 0 : (top - req->initrd_len) & -(uint64_t)BOOT_PAGE;
    if (addr < bottom) {
        plan_fail(
            plan, -ENOSPC,
            "takes the RAM up to %#llx, and the initrd of %zu bytes does not fit between that "
            "and %#llx: more -m is needed",
            (unsigned long long)bottom, req->initrd_len, (unsigned long long)top);
        return 0;
    }
    plan_load(plan, req, PLAN_INITRD, addr, req->initrd_len, 0);
    return addr;
}

static void plan_unknown(struct boot_plan *plan, const struct boot_request *req)
{
    static const struct {
        unsigned len;
        uint8_t magic[4];
        const char *what;
    } known[] = {
        { 4, { 0x27, 0x05, 0x19, 0x56 }, "is a uImage (U-Boot): give the kernel inside it" },
        { 2, { 0x1f, 0x8b }, "is compressed with gzip: give what it holds" },
        { 4, { 0x28, 0xb5, 0x2f, 0xfd }, "is compressed with zstd: give what it holds" },
        { 4, { 0xfd, '7', 'z', 'X' }, "is compressed with xz: give what it holds" },
        { 2, { 'M', 'Z' }, "is an EFI program without a Linux setup header" },
    };
    struct elf elf;
    const char *why = elf_open(&elf, req->kernel, req->kernel_len);

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (req->kernel_len >= known[i].len && !memcmp(req->kernel, known[i].magic, known[i].len))
            plan_fail(plan, -EINVAL, "%s", known[i].what);
    }
    if (!why)
        plan_fail(plan, -EINVAL, "is an ELF file without a multiboot header or a PVH note");
    else if (req->kernel_len >= 4 && !memcmp(req->kernel, "\177ELF", 4))
        plan_fail(plan, -EINVAL, "%s", why);
    plan_fail(plan, -EINVAL,
              "is no kernel: neither bzImage, nor multiboot, nor ELF with a PVH note");
}

int boot_plan_init(struct boot_plan *plan, const struct boot_request *req)
{
    static void (*const planners[])(struct boot_plan *, const struct boot_request *) = {
        [BOOT_LINUX] = plan_linux,
        [BOOT_MULTIBOOT] = plan_multiboot,
        [BOOT_PVH] = plan_pvh,
        [BOOT_UNKNOWN] = plan_unknown,
    };
    enum boot_kind kind = boot_kind(req->kernel, req->kernel_len);

    *plan = (struct boot_plan){ .kernel = req->kernel, .kernel_len = req->kernel_len };
    if (req->kernel_len > UINT32_MAX || req->initrd_len > UINT32_MAX || req->dtb_len > UINT32_MAX)
        plan_fail(plan, -EFBIG, "or its initrd is larger than 4 GiB");
    else if (req->dtb_len && kind != BOOT_LINUX && kind != BOOT_UNKNOWN)
        plan_fail(plan, -EINVAL, "takes no -dtb: it is no Linux bzImage");
    else
        planners[kind](plan, req);
    plan->head.magic = PLAN_MAGIC;
    plan->head.n_steps = plan->n_steps;
    return plan->err;
}

void boot_plan_finish(struct boot_plan *plan)
{
    free(plan->steps);
    free(plan->bytes);
    plan->steps = NULL;
    plan->bytes = NULL;
}

uint8_t *boot_plan_encode(const struct boot_plan *plan, size_t *len)
{
    size_t steps = plan->n_steps * sizeof(struct plan_step);
    size_t front = sizeof(plan->head) + steps;
    uint8_t *file = malloc(front + plan->n_bytes);
    struct plan_step *step;

    if (!file)
        return NULL;
    memcpy(file, &plan->head, sizeof(plan->head));
    memcpy(file + sizeof(plan->head), plan->steps, steps);
    if (plan->n_bytes)
        memcpy(file + front, plan->bytes, plan->n_bytes);
    step = (struct plan_step *)(file + sizeof(plan->head));
    for (unsigned i = 0; i < plan->n_steps; i++) {
        if (step[i].op == PLAN_BYTES)
            step[i].offset += front;
    }
    *len = front + plan->n_bytes;
    return file;
}

const char *boot_module_next(const char *list, char *out)
{
    for (;; list++) {
        if (*list == ',' && list[1] == ',')
            list++;
        else if (*list == ',' || !*list)
            break;
        *out++ = *list;
    }
    *out = '\0';
    return *list ? list + 1 : NULL;
}
