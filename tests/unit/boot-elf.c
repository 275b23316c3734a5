/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* boot-elf - multiboot and PVH kernels: what is loaded where, in which order, and what is refused.
 */

#include "../../plugins/hw/pc/boot/boot.h"

#include <errno.h>
#include <string.h>

#include <glib.h>

enum { MIB = 1 << 20, CODE = 0x100, CODE_LEN = 0x300, NOTE = 0x500, FILE_LEN = 0x600 };

struct image {
    uint8_t bytes[FILE_LEN];
    struct boot_request req;
};

/* An ELF file: CODE_LEN bytes and as many zeroes for addr, and a PVH note. */
static void image_init(struct image *i, bool is64, uint64_t addr)
{
    uint8_t *e = i->bytes, *p = e + (is64 ? 64 : 52);

    *i = (struct image){ 0 };
    memcpy(e, "\177ELF", 4);
    e[4] = is64 ? 2 : 1;
    e[5] = 1;
    put_le(e + 18, 2, is64 ? ELF_X86_64 : ELF_386);
    put_le(e + 24, is64 ? 8 : 4, addr + 0x18);
    put_le(e + (is64 ? 32 : 28), is64 ? 8 : 4, p - e);
    put_le(e + (is64 ? 54 : 42), 2, is64 ? 56 : 32);
    put_le(e + (is64 ? 56 : 44), 2, 2);
    for (unsigned n = 0; n < 2; n++, p += is64 ? 56 : 32) {
        unsigned word = is64 ? 8 : 4;

        put_le(p, 4, n ? ELF_NOTE : ELF_LOAD);
        put_le(p + (is64 ? 8 : 4), word, n ? NOTE : CODE);
        put_le(p + (is64 ? 24 : 12), word, addr);
        put_le(p + (is64 ? 32 : 16), word, n ? 20 : CODE_LEN);
        put_le(p + (is64 ? 40 : 20), word, n ? 20 : 2 * CODE_LEN);
    }
    put_le(e + NOTE, 4, 4);
    put_le(e + NOTE + 4, 4, 4);
    put_le(e + NOTE + 8, 4, 18);
    memcpy(e + NOTE + 12, "Xen", 4);
    put_le(e + NOTE + 16, 4, addr + 0x40);
    i->req = (struct boot_request){
        .kernel = i->bytes,
        .kernel_len = FILE_LEN,
        .kernel_name = "dir/kernel",
        .append = "a b",
        .ram_end = 64 * MIB,
    };
}

/* Adds a multiboot header at the start of the code. */
static void with_multiboot(struct image *i, uint32_t flags)
{
    put_le(i->bytes + CODE, 4, 0x1badb002);
    put_le(i->bytes + CODE + 4, 4, flags);
    put_le(i->bytes + CODE + 8, 4, -(0x1badb002 + flags));
}

static void with_addresses(struct image *i, uint32_t header, uint32_t load, uint32_t load_end,
                           uint32_t bss_end)
{
    const uint32_t fields[] = { header, load, load_end, bss_end, 0x200010 };

    memset(i->bytes, 0, 4); /* no ELF file any more */
    with_multiboot(i, 1 << 16);
    for (unsigned n = 0; n < 5; n++)
        put_le(i->bytes + CODE + 12 + 4 * n, 4, fields[n]);
}

static struct boot_plan planned(const struct image *i, enum boot_kind kind)
{
    struct boot_plan p;

    g_assert_cmpint(boot_kind(i->req.kernel, i->req.kernel_len), ==, kind);
    if (boot_plan_init(&p, &i->req))
        g_error("%s", p.why);
    return p;
}

static unsigned find(const struct boot_plan *p, enum plan_op op)
{
    for (unsigned i = 0; i < p->n_steps; i++)
        if (p->steps[i].op == op)
            return i;
    g_error("there is no step %d", op);
}

static const uint8_t *bytes_at(const struct boot_plan *p, uint32_t addr)
{
    for (unsigned i = 0; i < p->n_steps; i++) {
        const struct plan_step *s = &p->steps[i];

        if (s->op == PLAN_BYTES && addr >= s->addr && addr - s->addr < s->len)
            return p->bytes + s->offset + (addr - s->addr);
    }
    g_error("nothing is put at %#x", addr);
}

static void assert_step(const struct boot_plan *p, unsigned n, uint32_t addr, uint32_t len,
                        uint32_t offset)
{
    g_assert_cmphex(p->steps[n].addr, ==, addr);
    g_assert_cmphex(p->steps[n].len, ==, len);
    g_assert_cmphex(p->steps[n].offset, ==, offset);
}

static void test_multiboot_elf(void)
{
    struct image i;
    struct boot_plan p;
    const uint8_t *info;

    image_init(&i, false, 4 * MIB);
    with_multiboot(&i, 3);
    p = planned(&i, BOOT_MULTIBOOT);
    assert_step(&p, find(&p, PLAN_KERNEL), 4 * MIB, CODE_LEN, CODE);
    assert_step(&p, find(&p, PLAN_ZERO), 4 * MIB + CODE_LEN, CODE_LEN, 0);
    g_assert_cmpint(p.head.mode, ==, PLAN_FLAT);
    g_assert_cmphex(p.head.entry, ==, 4 * MIB + 0x18);
    g_assert_cmphex(p.head.eax, ==, 0x2badb002);
    info = bytes_at(&p, p.head.ebx);
    g_assert_cmphex(get_le(info, 4), ==, 0x24f);
    g_assert_cmphex(get_le(info + 12, 4), ==, 0x8000ffff);
    g_assert_cmpstr((char *)bytes_at(&p, get_le(info + 16, 4)), ==, "dir/kernel a b");
    g_assert_cmpint(get_le(info + 20, 4), ==, 0);
    g_assert_cmphex(get_le(info + 48, 4), ==, p.steps[find(&p, PLAN_MAP_MULTIBOOT)].addr);
    g_assert_cmphex(p.steps[find(&p, PLAN_MAP_MULTIBOOT)].info, ==, p.head.ebx);
    boot_plan_finish(&p);
}

static void test_multiboot_image_last(void)
{
    struct image i;
    struct boot_plan p;

    image_init(&i, false, 0x8000);
    with_multiboot(&i, 0);
    p = planned(&i, BOOT_MULTIBOOT);
    g_assert_cmpint(find(&p, PLAN_KERNEL), ==, p.n_steps - 2);
    g_assert_cmpint(find(&p, PLAN_ZERO), ==, p.n_steps - 1);
    g_assert_cmpint(find(&p, PLAN_MAP_MULTIBOOT), <, p.n_steps - 2);
    boot_plan_finish(&p);
}

static void test_multiboot_addresses(void)
{
    struct image i;
    struct boot_plan p;

    image_init(&i, false, 0);
    with_addresses(&i, 0x200010, 0x200000, 0x200100, 0x200180);
    p = planned(&i, BOOT_MULTIBOOT);
    assert_step(&p, find(&p, PLAN_KERNEL), 0x200000, 0x100, CODE - 0x10);
    assert_step(&p, find(&p, PLAN_ZERO), 0x200100, 0x80, 0);
    g_assert_cmphex(p.head.entry, ==, 0x200010);
    boot_plan_finish(&p);

    with_addresses(&i, 0x200010, 0x200000, 0, 0); /* all of the file, no bss */
    p = planned(&i, BOOT_MULTIBOOT);
    assert_step(&p, find(&p, PLAN_KERNEL), 0x200000, FILE_LEN - CODE + 0x10, CODE - 0x10);
    boot_plan_finish(&p);
}

static void test_multiboot_modules(void)
{
    static const struct boot_module modules[] = { { "a x=1", 0, 100 }, { "b", 4096, 7 } };
    static const uint8_t data[4103];
    struct image i;
    struct boot_plan p;
    const uint8_t *info, *m;
    uint32_t contents;

    image_init(&i, false, 4 * MIB);
    with_multiboot(&i, 0);
    i.req.initrd = data;
    i.req.initrd_len = sizeof(data);
    i.req.modules = modules;
    i.req.n_modules = 2;
    p = planned(&i, BOOT_MULTIBOOT);
    info = bytes_at(&p, p.head.ebx);
    contents = p.steps[find(&p, PLAN_INITRD)].addr;
    g_assert_cmpint(get_le(info + 20, 4), ==, 2);
    m = bytes_at(&p, get_le(info + 24, 4));
    g_assert_cmphex(contents % 4096, ==, 0);
    g_assert_cmphex(get_le(m, 4), ==, contents);
    g_assert_cmphex(get_le(m + 4, 4), ==, contents + 100);
    g_assert_cmpstr((char *)bytes_at(&p, get_le(m + 8, 4)), ==, "a x=1");
    g_assert_cmphex(get_le(m + 16, 4), ==, contents + 4096);
    g_assert_cmphex(get_le(m + 20, 4), ==, contents + 4103);
    g_assert_cmpstr((char *)bytes_at(&p, get_le(m + 24, 4)), ==, "b");
    boot_plan_finish(&p);
}

static void test_module_list(void)
{
    char text[32];
    const char *next = boot_module_next("a x=1,,2,b,", text);

    g_assert_cmpstr(text, ==, "a x=1,2");
    next = boot_module_next(next, text);
    g_assert_cmpstr(text, ==, "b");
    next = boot_module_next(next, text);
    g_assert_cmpstr(text, ==, "");
    g_assert_null(next);
}

static void test_pvh(void)
{
    for (unsigned bits = 0; bits < 2; bits++) {
        static const uint8_t initrd[10];
        struct image i;
        struct boot_plan p;
        const uint8_t *info;

        image_init(&i, bits, 16 * MIB);
        i.req.initrd = initrd;
        i.req.initrd_len = sizeof(initrd);
        p = planned(&i, BOOT_PVH);
        assert_step(&p, find(&p, PLAN_KERNEL), 16 * MIB, CODE_LEN, CODE);
        g_assert_cmpint(p.head.mode, ==, PLAN_FLAT);
        g_assert_cmphex(p.head.entry, ==, 16 * MIB + 0x40);
        info = bytes_at(&p, p.head.ebx);
        g_assert_cmphex(get_le(info, 4), ==, 0x336ec578);
        g_assert_cmpint(get_le(info + 12, 4), ==, 1);
        g_assert_cmphex(get_le(bytes_at(&p, get_le(info + 16, 8)), 8), ==, 64 * MIB - 4096);
        g_assert_cmpstr((char *)bytes_at(&p, get_le(info + 24, 8)), ==, "a b");
        g_assert_cmphex(p.steps[find(&p, PLAN_RSDP)].addr, ==, p.head.ebx + 32);
        g_assert_cmphex(p.steps[find(&p, PLAN_MAP_PVH)].addr, ==, get_le(info + 40, 8));
        boot_plan_finish(&p);
    }
}

/* A 64-bit kernel with both headers goes by its note; without one, multiboot refuses it. */
static void test_both(void)
{
    struct image i;
    struct boot_plan p;

    image_init(&i, true, 16 * MIB);
    with_multiboot(&i, 0);
    p = planned(&i, BOOT_PVH);
    boot_plan_finish(&p);

    put_le(i.bytes + NOTE + 8, 4, 17);
    g_assert_cmpint(boot_plan_init(&p, &i.req), ==, -EINVAL);
    g_assert_nonnull(strstr(p.why, "64-bit"));
    boot_plan_finish(&p);
}

static void refused(const struct image *i, const char *why)
{
    struct boot_plan p;

    g_assert_cmpint(boot_plan_init(&p, &i->req), <, 0);
    if (!strstr(p.why, why))
        g_error("it says \"%s\", not \"%s\"", p.why, why);
    boot_plan_finish(&p);
}

static void test_refused(void)
{
    /* fields of a 32-bit multiboot file with one thing wrong */
    static const struct {
        unsigned offset, bytes;
        uint32_t value;
        const char *why;
    } cases[] = {
        { 18, 2, 40, "another kind of processor" },
        { 5, 1, 2, "another kind of processor" },
        { 28, 4, 0xfffffff0, "truncated" },
        { 42, 2, 31, "truncated" },
        { 44, 2, 0, "program headers" },
        { 44, 2, 60000, "program headers" },
        { 52 + 4, 4, FILE_LEN, "truncated" },
        { 52 + 16, 4, FILE_LEN, "truncated" },
        { 52 + 20, 4, CODE_LEN - 1, "no sense" },
        { 52 + 20, 4, 0xffffffff, "RAM" },
        { 52 + 12, 4, 0xfffffff0, "RAM" },
        { 52 + 12, 4, PLAN_ROOM - 1, "RAM" },
        { 52, 4, 6, "nothing to load" },
    };
    struct image i;

    for (unsigned n = 0; n < G_N_ELEMENTS(cases); n++) {
        image_init(&i, false, 4 * MIB);
        with_multiboot(&i, 0);
        put_le(i.bytes + cases[n].offset, cases[n].bytes, cases[n].value);
        refused(&i, cases[n].why);
    }
    image_init(&i, false, 4 * MIB);
    with_multiboot(&i, 1 << 3);
    refused(&i, "flags");
    image_init(&i, false, 0);
    with_addresses(&i, 0x200010, 0x200000, 0x300000, 0);
    refused(&i, "truncated");
    with_addresses(&i, 0x200010, 0x200020, 0, 0);
    refused(&i, "no sense");
    with_addresses(&i, 0x200000 + CODE + 1, 0x200000, 0, 0);
    refused(&i, "no sense");
    image_init(&i, false, 4 * MIB);
    put_le(i.bytes + NOTE + 4, 4, 0xffffffff);
    refused(&i, "PVH note");
    image_init(&i, false, 4 * MIB);
    i.req.dtb = i.bytes;
    i.req.dtb_len = 1;
    refused(&i, "-dtb");
    image_init(&i, false, 4 * MIB);
    i.req.initrd = i.bytes;
    i.req.initrd_len = 63 * MIB;
    refused(&i, "initrd");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/boot/multiboot/elf", test_multiboot_elf);
    g_test_add_func("/boot/multiboot/image-last", test_multiboot_image_last);
    g_test_add_func("/boot/multiboot/addresses", test_multiboot_addresses);
    g_test_add_func("/boot/multiboot/modules", test_multiboot_modules);
    g_test_add_func("/boot/multiboot/module-list", test_module_list);
    g_test_add_func("/boot/pvh", test_pvh);
    g_test_add_func("/boot/both", test_both);
    g_test_add_func("/boot/refused", test_refused);
    return g_test_run();
}
