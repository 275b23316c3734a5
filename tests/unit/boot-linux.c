/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-linux - where a bzImage and what belongs to it are put, and what is refused. */

#include "../../plugins/hw/pc/boot/boot.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

enum { SETUP = 5 * 512, KERNEL = 0x4000, MIB = 1 << 20 };

/* A bzImage without code: a header of protocol 2.15 that asks for 16 MiB at 16 MiB. */
struct image {
    uint8_t bytes[SETUP + KERNEL];
    size_t len;
    struct boot_request req;
    uint8_t initrd[5000];
};

static void image_init(struct image *i)
{
    *i = (struct image){ .len = sizeof(i->bytes) };
    i->bytes[0x1f1] = 4;
    put_le(i->bytes + 0x1f4, 4, KERNEL / 16);
    i->bytes[0x201] = 0x6a;
    memcpy(i->bytes + 0x202, "HdrS", 4);
    put_le(i->bytes + 0x206, 2, 0x20f);
    i->bytes[0x211] = 1;
    put_le(i->bytes + 0x22c, 4, 0x7fffffff);
    i->bytes[0x234] = 1;
    put_le(i->bytes + 0x236, 2, 1);
    put_le(i->bytes + 0x238, 4, 2047);
    put_le(i->bytes + 0x258, 8, 16 * MIB);
    put_le(i->bytes + 0x260, 4, 16 * MIB);
    i->req = (struct boot_request){
        .kernel = i->bytes,
        .kernel_len = i->len,
        .kernel_name = "vmlinuz",
        .append = "console=ttyS0",
        .ram_end = 128 * MIB,
    };
}

static void with_initrd(struct image *i)
{
    i->req.initrd = i->initrd;
    i->req.initrd_len = sizeof(i->initrd);
}

static struct boot_plan planned(const struct image *i)
{
    struct boot_plan p;

    g_assert_cmpint(boot_kind(i->req.kernel, i->req.kernel_len), ==, BOOT_LINUX);
    if (boot_plan_init(&p, &i->req))
        g_error("%s", p.why);
    return p;
}

/* The n-th step of a kind; NULL if there are fewer. */
static const struct plan_step *step(const struct boot_plan *p, enum plan_op op, unsigned n)
{
    for (unsigned i = 0; i < p->n_steps; i++)
        if (p->steps[i].op == op && !n--)
            return &p->steps[i];
    return NULL;
}

/* What the plan puts at addr. */
static const uint8_t *bytes_at(const struct boot_plan *p, uint32_t addr)
{
    for (unsigned i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];

        if (s->op == PLAN_BYTES && addr >= s->addr && addr - s->addr < s->len)
            return p->bytes + s->offset + (addr - s->addr);
    }
    g_error("nothing is put at %#x", addr);
}

static void test_real_mode(void)
{
    struct image i;
    struct boot_plan p;
    const uint8_t *setup;

    image_init(&i);
    p = planned(&i);
    setup = bytes_at(&p, 0x10000);
    g_assert_cmpint(p.head.mode, ==, PLAN_REAL);
    g_assert_cmphex(p.head.entry, ==, 0x10200000);
    g_assert_cmphex(p.head.ebx, ==, 0x1000);
    g_assert_cmphex(setup[0x210], ==, 0xff);
    g_assert_cmphex(setup[0x211], ==, 0x81);
    g_assert_cmphex(get_le(setup + 0x224, 2) + 0x200, ==, p.head.eax);
    g_assert_cmphex(get_le(setup + 0x218, 8), ==, 0);
    g_assert_cmpstr((char *)bytes_at(&p, get_le(setup + 0x228, 4)), ==, "console=ttyS0");
    g_assert_cmphex(step(&p, PLAN_KERNEL, 0)->addr, ==, MIB);
    g_assert_cmphex(step(&p, PLAN_KERNEL, 0)->len, ==, KERNEL);
    g_assert_true(p.kernel == i.bytes + SETUP);
    boot_plan_finish(&p);
}

static void test_old_command_line(void)
{
    struct image i;
    struct boot_plan p;
    const uint8_t *setup;

    image_init(&i);
    put_le(i.bytes + 0x206, 2, 0x201);
    p = planned(&i);
    setup = bytes_at(&p, 0x90000);
    g_assert_cmphex(p.head.entry, ==, 0x90200000);
    g_assert_cmphex(get_le(setup + 0x20, 2), ==, 0xa33f);
    g_assert_cmpstr((char *)bytes_at(&p, 0x90000 + get_le(setup + 0x22, 2)), ==, "console=ttyS0");
    boot_plan_finish(&p);
}

static void test_long_mode(void)
{
    struct image i;
    struct boot_plan p;
    const uint8_t *zero;

    image_init(&i);
    i.req.direct = true;
    p = planned(&i);
    zero = bytes_at(&p, p.head.esi);
    g_assert_cmpint(p.head.mode, ==, PLAN_LINUX64);
    g_assert_cmphex(step(&p, PLAN_KERNEL, 0)->addr, ==, 16 * MIB);
    g_assert_cmphex(p.head.entry, ==, 16 * MIB + 0x200);
    g_assert_cmphex(get_le(zero + 0x202, 4), ==, 0x53726448);
    g_assert_cmphex(zero[0x210], ==, 0xff);
    g_assert_cmphex(get_le(zero + 0x26c, 4), ==, 0);
    g_assert_cmphex(step(&p, PLAN_MAP_LINUX, 0)->addr, ==, p.head.esi);
    g_assert_cmphex(step(&p, PLAN_RSDP, 0)->addr, ==, p.head.esi + 0x70);
    /* 3 GiB + 2 MiB, through the tables */
    g_assert_cmphex(get_le(bytes_at(&p, p.head.cr3), 8) & ~0xffful, ==, p.head.cr3 + 0x1000);
    g_assert_cmphex(get_le(bytes_at(&p, p.head.cr3 + 0x1000 + 3 * 8), 8), ==,
                    (p.head.cr3 + 0x5000) | 3);
    g_assert_cmphex(get_le(bytes_at(&p, p.head.cr3 + 0x5000 + 8), 8), ==, 0xc0200083);
    boot_plan_finish(&p);
}

static void test_protected_mode(void)
{
    struct image i;
    struct boot_plan p;

    image_init(&i);
    i.req.direct = true;
    put_le(i.bytes + 0x236, 2, 0);
    i.bytes[0x234] = 0;
    p = planned(&i);
    g_assert_cmpint(p.head.mode, ==, PLAN_LINUX32);
    g_assert_cmphex(p.head.entry, ==, MIB);
    boot_plan_finish(&p);
}

static void test_initrd(void)
{
    static const struct {
        const char *append;
        uint32_t limit;
        uint64_t ram;
        uint32_t addr;
    } cases[] = {
        { "", 0x7fffffff, 128 * MIB, 128 * MIB - 0x2000 },
        { "", 48 * MIB - 1, 128 * MIB, 48 * MIB - 0x2000 },
        { "quiet mem=64M", 0x7fffffff, 128 * MIB, 64 * MIB - 0x2000 },
        { "mem=65536k foo", 0x7fffffff, 128 * MIB, 64 * MIB - 0x2000 },
        { "notmem=64M", 0x7fffffff, 128 * MIB, 128 * MIB - 0x2000 },
        { "", 0x7fffffff, 32 * MIB + 0x2000, 32 * MIB },
        { "", 0xffffffff, 3072ull * MIB, 3072u * MIB - 0x2000 },
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        struct image i;
        struct boot_plan p;

        image_init(&i);
        with_initrd(&i);
        i.req.append = cases[n].append;
        i.req.ram_end = cases[n].ram;
        put_le(i.bytes + 0x22c, 4, cases[n].limit);
        p = planned(&i);
        g_assert_cmphex(step(&p, PLAN_INITRD, 0)->addr, ==, cases[n].addr);
        g_assert_cmphex(get_le(bytes_at(&p, 0x10218), 4), ==, cases[n].addr);
        g_assert_cmphex(get_le(bytes_at(&p, 0x1021c), 4), ==, sizeof(i.initrd));
        boot_plan_finish(&p);
    }
}

static void test_device_tree(void)
{
    struct image i;
    struct boot_plan p;
    uint32_t node;

    image_init(&i);
    with_initrd(&i);
    i.req.dtb = (const uint8_t *)"tree";
    i.req.dtb_len = 4;
    put_le(i.bytes + 0x250, 8, 0x1234);
    p = planned(&i);
    node = get_le(bytes_at(&p, 0x10250), 8);
    g_assert_cmphex(node + 20, <=, step(&p, PLAN_INITRD, 0)->addr);
    g_assert_cmphex(get_le(bytes_at(&p, node), 8), ==, 0x1234);
    g_assert_cmphex(get_le(bytes_at(&p, node + 8), 4), ==, 2);
    g_assert_cmphex(get_le(bytes_at(&p, node + 12), 4), ==, 4);
    g_assert_cmpmem(bytes_at(&p, node + 16), 4, "tree", 4);
    boot_plan_finish(&p);
}

static void test_video_mode(void)
{
    static const struct {
        const char *append;
        uint16_t mode;
    } cases[] = {
        { "vga=ask", 0xfffd },
        { "a vga=0x317", 0x317 },
        { "vga=1 vga=ext", 0xfffe },
        { "xvga=3", 0 },
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        struct image i;
        struct boot_plan p;

        image_init(&i);
        i.req.append = cases[n].append;
        p = planned(&i);
        g_assert_cmphex(get_le(bytes_at(&p, 0x101fa), 2), ==, cases[n].mode);
        boot_plan_finish(&p);
    }
}

/* One thing wrong at a time. */
static void test_refused(void)
{
    static char long_line[3000];
    static const struct {
        unsigned offset, bytes;
        uint64_t value;
        size_t len;
        uint64_t ram;
        bool direct;
        const char *append;
        int err;
        const char *why;
    } cases[] = {
        { .len = 0x220, .err = -EINVAL, .why = "truncated" },
        { .len = 0x250, .err = -EINVAL, .why = "truncated" },
        { .len = SETUP, .err = -EINVAL, .why = "truncated" },
        { .len = SETUP + KERNEL - 16, .err = -EINVAL, .why = "truncated" },
        { .offset = 0x1f4, .bytes = 4, .value = 0xffffffff, .err = -EINVAL, .why = "truncated" },
        { .offset = 0x1f1, .bytes = 1, .value = 255, .err = -EINVAL, .why = "truncated" },
        { .offset = 0x206, .bytes = 2, .value = 0x105, .err = -EINVAL, .why = "zImage" },
        { .offset = 0x211, .bytes = 1, .value = 0, .err = -EINVAL, .why = "zImage" },
        { .ram = 20 * MIB, .err = -ENOSPC, .why = "more -m" },
        { .ram = 32 * MIB, .err = -ENOSPC, .why = "initrd" },
        { .offset = 0x22c, .bytes = 4, .value = 0x1000, .err = -ENOSPC, .why = "initrd" },
        { .offset = 0x258, .bytes = 8, .value = 0xfffff000, .err = -ENOSPC, .why = "more -m" },
        { .offset = 0x260, .bytes = 4, .value = 0xffffffff, .err = -ENOSPC, .why = "more -m" },
        { .append = long_line, .err = -E2BIG, .why = "2047" },
        { .offset = 0x206,
          .bytes = 2,
          .value = 0x203,
          .direct = true,
          .err = -EINVAL,
          .why = "too old" },
    };

    memset(long_line, 'x', sizeof(long_line) - 1);
    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        struct image i;
        struct boot_plan p;

        image_init(&i);
        with_initrd(&i);
        put_le(i.bytes + cases[n].offset, cases[n].bytes, cases[n].value);
        i.req.direct = cases[n].direct;
        i.req.kernel_len = cases[n].len ? cases[n].len : i.len;
        i.req.ram_end = cases[n].ram ? cases[n].ram : i.req.ram_end;
        i.req.append = cases[n].append ? cases[n].append : "";
        g_assert_cmpint(boot_plan_init(&p, &i.req), ==, cases[n].err);
        if (!strstr(p.why, cases[n].why))
            g_error("case %u says \"%s\", not \"%s\"", n, p.why, cases[n].why);
        boot_plan_finish(&p);
    }
}

static void test_no_kernel(void)
{
    static const struct {
        const char *bytes, *why;
    } cases[] = {
        { "\x27\x05\x19\x56 and a name", "uImage" },
        { "\x1f\x8b\x08", "gzip" },
        { "MZ program", "EFI" },
        { "#!/bin/sh", "no kernel" },
        { "", "no kernel" },
        { "\177ELF", "ELF" },
    };

    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        struct boot_request req = { .kernel = (const uint8_t *)cases[n].bytes,
                                    .kernel_len = strlen(cases[n].bytes),
                                    .append = "",
                                    .kernel_name = "k",
                                    .ram_end = 128 * MIB };
        struct boot_plan p;

        g_assert_cmpint(boot_plan_init(&p, &req), ==, -EINVAL);
        if (!strstr(p.why, cases[n].why))
            g_error("case %u says \"%s\"", n, p.why);
        boot_plan_finish(&p);
    }
}

static void test_encode(void)
{
    struct image i;
    struct boot_plan p;
    struct plan_head head;
    uint8_t *file;
    size_t len;

    image_init(&i);
    p = planned(&i);
    file = boot_plan_encode(&p, &len);
    memcpy(&head, file, sizeof(head));
    g_assert_cmphex(head.magic, ==, PLAN_MAGIC);
    g_assert_cmpint(head.n_steps, ==, p.n_steps);
    for (unsigned n = 0; n < head.n_steps; n++) {
        struct plan_step s;

        memcpy(&s, file + sizeof(head) + n * sizeof(s), sizeof(s));
        if (s.op != PLAN_BYTES)
            continue;
        g_assert_cmpint(s.offset + s.len, <=, len);
        g_assert_cmpmem(file + s.offset, s.len, p.bytes + p.steps[n].offset, s.len);
    }
    free(file);
    boot_plan_finish(&p);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/boot/linux/real-mode", test_real_mode);
    g_test_add_func("/boot/linux/old-command-line", test_old_command_line);
    g_test_add_func("/boot/linux/long-mode", test_long_mode);
    g_test_add_func("/boot/linux/protected-mode", test_protected_mode);
    g_test_add_func("/boot/linux/initrd", test_initrd);
    g_test_add_func("/boot/linux/device-tree", test_device_tree);
    g_test_add_func("/boot/linux/video-mode", test_video_mode);
    g_test_add_func("/boot/linux/refused", test_refused);
    g_test_add_func("/boot/no-kernel", test_no_kernel);
    g_test_add_func("/boot/encode", test_encode);
    return g_test_run();
}
