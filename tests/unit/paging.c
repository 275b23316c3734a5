/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* paging - a guest's page tables as somebody outside reads them, and registers as text. */

#include <glib.h>
#include <string.h>

#include "cpu/accel.h"
#include "cpu/state.h"
#include "debug/memory.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "memory/memory.h"

enum { RAM = 1 << 20 };

struct fixture {
    struct machine m;
    struct mapping map;
    struct vcpu cpu;
    struct accel accel;
    struct tenon_x86_state s;
};

static int get(struct vcpu *cpu, struct tenon_x86_state *s)
{
    *s = ((struct fixture *)cpu->machine)->s; /* m is its first member */
    return 0;
}

static const struct accel_ops ops = { .name = "none", .vcpu_get = get };

static void setup(struct fixture *f, gconstpointer unused)
{
    struct block_spec spec = { .name = "ram", .bytes = RAM };

    f->m.loop = loop_create();
    f->m.mem = space_create("memory", f->m.loop, 64, false);
    f->m.ram = block_create(&spec);
    loop_lock(f->m.loop);
    f->map = (struct mapping){
        .bytes = RAM, .block = f->m.ram, .flags = MAP_READ | MAP_WRITE, .name = "ram"
    };
    mapping_add(f->m.mem, &f->map);
    f->accel.ops = &ops;
    f->cpu.machine = &f->m;
    f->cpu.accel = &f->accel;
    state_from_start(&f->s, NULL, 0x663);
}

static void teardown(struct fixture *f, gconstpointer unused)
{
    mapping_finish(&f->map);
    loop_unlock(f->m.loop);
    space_destroy(f->m.mem);
    block_destroy(f->m.ram);
    loop_destroy(f->m.loop);
}

static void put64(struct fixture *f, uint64_t at, uint64_t value)
{
    memcpy(f->m.ram->host + at, &value, 8);
}

static void put32(struct fixture *f, uint64_t at, uint32_t value)
{
    memcpy(f->m.ram->host + at, &value, 4);
}

static void assert_at(struct fixture *f, uint64_t linear, uint64_t phys)
{
    uint64_t found = 0;

    g_assert_true(guest_translate(&f->cpu, linear, &found));
    g_assert_cmphex(found, ==, phys);
}

static void assert_absent(struct fixture *f, uint64_t linear)
{
    uint64_t found;

    g_assert_false(guest_translate(&f->cpu, linear, &found));
}

enum { P = 1, W = 2, U = 4, PS = 0x80 };
#define NX (UINT64_C(1) << 63)

static void test_none(struct fixture *f, gconstpointer unused)
{
    assert_at(f, 0xfffffff0, 0xfffffff0);
    assert_at(f, UINT64_MAX, UINT64_MAX);
}

static void test_32(struct fixture *f, gconstpointer unused)
{
    f->s.cr0 |= 0x80000001;
    f->s.cr3 = 0x1000;
    put32(f, 0x1000, 0x2000 | P | W | U);
    put32(f, 0x2000 + 4 * 3, 0x7000 | P);
    put32(f, 0x1000 + 4 * 5, 0x00800000 | 1 << 13 | PS | P);
    assert_at(f, 0x3123, 0x7123);
    assert_absent(f, 0x4000);
    assert_absent(f, UINT64_C(0x100003123));
    assert_absent(f, 0x1400000); /* PS without CR4.PSE: a table beyond RAM */
    f->s.cr4 = 0x10;
    assert_at(f, 0x1412345, UINT64_C(0x100812345));
}

static void test_pae(struct fixture *f, gconstpointer unused)
{
    f->s.cr0 |= 0x80000001;
    f->s.cr4 = 0x20;
    f->s.cr3 = 0x1020;
    put64(f, 0x1020 + 8 * 3, 0x2000 | P);
    put64(f, 0x2000, 0x3000 | P | W);
    put64(f, 0x2008, 0x40000000 | PS | P);
    put64(f, 0x3000 + 8 * 511, 0x9000 | P);
    assert_at(f, 0xc01ff001, 0x9001);
    assert_at(f, 0xc0212345, 0x40012345);
    assert_absent(f, 0x1000);
}

static void make_long(struct fixture *f, unsigned levels)
{
    f->s.cr0 |= 0x80000001;
    f->s.cr4 = 0x20 | (levels == 5 ? 0x1000 : 0);
    f->s.efer = 0xd00;
    f->s.cr3 = 0x1000;
    f->s.seg[1].attributes = 0xa09b;
    for (unsigned i = 0; i < levels - 1; i++) {
        put64(f, 0x1000 * (i + 1), 0x1000 * (i + 2) | P | W | U);
        put64(f, 0x1000 * (i + 1) + 8 * 511, 0x1000 * (i + 2) | P | W);
    }
    put64(f, 0x1000 * levels + 8 * 2, 0x8000 | P | W | U);
    put64(f, 0x1000 * levels + 8 * 3, 0x9000 | P | W | U);
    put64(f, 0x1000 * levels + 8 * 5, 0xa000 | P | NX);
}

static void test_long(struct fixture *f, gconstpointer levels)
{
    make_long(f, GPOINTER_TO_UINT(levels));
    assert_at(f, 0x2fff, 0x8fff);
    assert_at(f, UINT64_C(0xffffffffffe05008), 0xa008);
    assert_absent(f, UINT64_C(0x0100000000002000)); /* not canonical */
    assert_absent(f, 0x4000);
}

static void test_pages(struct fixture *f, gconstpointer unused)
{
    char *text;

    make_long(f, 4);
    for (unsigned level = 1; level < 4; level++) /* one way to the last table */
        put64(f, 0x1000 * level + 8 * 511, 0);
    text = paging_tlb_text(&f->cpu);
    g_assert_cmpstr(text, ==,
                    "0000000000002000: 0000000000008000 -------UW\n"
                    "0000000000003000: 0000000000009000 -------UW\n"
                    "0000000000005000: 000000000000a000 X--------\n");
    g_free(text);
    text = paging_ranges_text(&f->cpu);
    g_assert_cmpstr(text, ==,
                    "0000000000002000-0000000000004000 0000000000002000 urw\n"
                    "0000000000005000-0000000000006000 0000000000001000 -r-\n");
    g_free(text);
}

/* Every table is the first one again: 2^36 pages. */
static void test_endless(struct fixture *f, gconstpointer unused)
{
    char *text;

    make_long(f, 4);
    for (unsigned i = 0; i < 512; i++)
        put64(f, 0x1000 + 8 * i, 0x1000 | P | W | U);
    text = paging_ranges_text(&f->cpu);
    g_assert_nonnull(strstr(text, "(there is more)"));
    g_free(text);
}

static void test_access(struct fixture *f, gconstpointer unused)
{
    char buf[16] = "across two pages";

    make_long(f, 4);
    put64(f, 0x4000 + 8 * 3, 0xc000 | P);
    g_assert_cmpint(guest_memory_write(&f->cpu, 0x2ffa, buf, 16), ==, 0);
    g_assert_cmpmem(f->m.ram->host + 0x8ffa, 6, "across", 6);
    g_assert_cmpmem(f->m.ram->host + 0xc000, 10, " two pages", 10);
    memset(buf, 0, sizeof(buf));
    g_assert_cmpint(guest_memory_read(&f->cpu, 0x2ffa, buf, 16), ==, 0);
    g_assert_cmpmem(buf, 16, "across two pages", 16);
    g_assert_cmpint(guest_memory_read(&f->cpu, 0x3ffa, buf, 16), <, 0);
}

static void test_text(struct fixture *f, gconstpointer unused)
{
    char *text = vcpu_dump(&f->cpu, false);

    g_assert_true(g_str_has_prefix(text, "EAX=00000000 EBX=00000000 ECX=00000000 EDX=00000663\n"
                                         "ESI=00000000 EDI=00000000 EBP=00000000 ESP=00000000\n"
                                         "EIP=0000fff0 EFL=00000002 [-------] CPL=0 II=0 A20=1 "
                                         "SMM=0 HLT=0\n"
                                         "ES =0000 00000000 0000ffff 00009300\n"
                                         "CS =f000 ffff0000 0000ffff 00009b00\n"));
    g_assert_nonnull(strstr(text, "\nIDT=     00000000 0000ffff\nCR0=60000010 CR2=00000000 "));
    g_free(text);
    make_long(f, 4);
    f->s.r[15] = UINT64_C(0x123456789abcdef0);
    f->s.rflags = 0x46;
    text = vcpu_dump(&f->cpu, true);
    g_assert_nonnull(strstr(text, "R14=0000000000000000 R15=123456789abcdef0\n"
                                  "RIP=000000000000fff0 RFL=00000046 [---Z-P-] CPL=0 "));
    g_assert_nonnull(
        strstr(text, "CS =f000 00000000ffff0000 0000ffff 00a09b00 DPL=0 CS64 [-RA]\n"));
    g_assert_nonnull(strstr(text, "FCW=0040 FSW=0000 [ST=0] FTW=00 MXCSR=00001f80\n"));
    g_assert_nonnull(strstr(text, "XMM15="));
    g_free(text);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, data, fn) g_test_add("/paging/" name, struct fixture, data, setup, fn, teardown)
    ADD("none", NULL, test_none);
    ADD("32-bit", NULL, test_32);
    ADD("pae", NULL, test_pae);
    ADD("4-level", GUINT_TO_POINTER(4), test_long);
    ADD("5-level", GUINT_TO_POINTER(5), test_long);
    ADD("pages", NULL, test_pages);
    ADD("endless", NULL, test_endless);
    ADD("access", NULL, test_access);
    ADD("text", NULL, test_text);
    return g_test_run();
}
