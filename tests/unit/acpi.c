/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* acpi - the PC's ACPI tables, as a guest finds them after the loader script has been carried out.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "acpi.h"

enum { HIGH = 0x7fe0000, HIGH_BYTES = 0x10000, FSEG = 0xf5a40, FSEG_BYTES = 0x100 };

struct placed {
    struct acpi_tables t;
    uint8_t high[HIGH_BYTES], fseg[FSEG_BYTES];
    uint64_t rsdp;
};

static const uint32_t apic_ids[] = { 0, 1, 4, 300 };

static struct acpi_config config(void)
{
    return (struct acpi_config){
        .cpus = G_N_ELEMENTS(apic_ids),
        .apic_ids = apic_ids,
        .pci32 = { 0x8000000, 0xfec00000 - 0x8000000 },
        .pci64 = { 0x100000000, 0x800000000 },
        .com_ports = 5,
        .pvpanic = 0x505,
        .s4_type = 2,
    };
}

static int place(struct placed *p)
{
    struct acpi_arena high = { HIGH, p->high, HIGH_BYTES, 0 };
    struct acpi_arena fseg = { FSEG, p->fseg, FSEG_BYTES, 0 };

    return acpi_place(&p->t, &high, &fseg, &p->rsdp);
}

static struct placed *build(const struct acpi_config *c)
{
    struct placed *p = g_new0(struct placed, 1);

    g_assert_cmpint(acpi_build(c, &p->t), ==, 0);
    g_assert_cmpint(place(p), ==, 0);
    return p;
}

static void finish(struct placed *p)
{
    acpi_tables_finish(&p->t);
    g_free(p);
}

static uint64_t le(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    while (bytes--)
        value = value << 8 | at[bytes];
    return value;
}

static uint8_t sum(const uint8_t *at, size_t bytes)
{
    uint8_t total = 0;

    while (bytes--)
        total += *at++;
    return total;
}

static const uint8_t *rsdp(struct placed *p)
{
    return p->fseg + (p->rsdp - FSEG);
}

/* A table by its address: in bounds, with a sum of 0. */
static const uint8_t *table_at(struct placed *p, uint64_t addr)
{
    const uint8_t *t = p->high + (addr - HIGH);

    g_assert_cmphex(addr, >=, HIGH);
    g_assert_cmphex(addr + 36, <=, HIGH + HIGH_BYTES);
    g_assert_cmphex(addr + le(t + 4, 4), <=, HIGH + HIGH_BYTES);
    g_assert_cmphex(addr % 8, ==, 0);
    if (memcmp(t, "FACS", 4))
        g_assert_cmphex(sum(t, le(t + 4, 4)), ==, 0);
    return t;
}

/* The n-th table called that, by the XSDT. */
static const uint8_t *table(struct placed *p, const char *signature)
{
    const uint8_t *xsdt = table_at(p, le(rsdp(p) + 24, 8));

    if (!strcmp(signature, "DSDT"))
        return table_at(p, le(table(p, "FACP") + 40, 4));
    for (unsigned at = 36; at < le(xsdt + 4, 4); at += 8) {
        const uint8_t *t = table_at(p, le(xsdt + at, 8));

        if (!memcmp(t, signature, 4))
            return t;
    }
    return NULL;
}

/* ---- Tables ---- */

static void the_root_pointer_leads_to_both_lists(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    const uint8_t *rsdt, *xsdt;
    unsigned n;

    g_assert_cmphex(p->rsdp % 16, ==, 0);
    g_assert_cmpmem(rsdp(p), 8, "RSD PTR ", 8);
    g_assert_cmphex(sum(rsdp(p), 20), ==, 0);
    g_assert_cmphex(sum(rsdp(p), 36), ==, 0);
    rsdt = table_at(p, le(rsdp(p) + 16, 4));
    xsdt = table_at(p, le(rsdp(p) + 24, 8));
    g_assert_cmpmem(rsdt, 4, "RSDT", 4);
    g_assert_cmpmem(xsdt, 4, "XSDT", 4);
    n = (le(rsdt + 4, 4) - 36) / 4;
    g_assert_cmpuint(n, ==, 3);
    g_assert_cmpuint((le(xsdt + 4, 4) - 36) / 8, ==, n);
    for (unsigned i = 0; i < n; i++)
        g_assert_cmphex(le(rsdt + 36 + 4 * i, 4), ==, le(xsdt + 36 + 8 * i, 8));
    finish(p);
}

static void the_fadt_names_the_boards_ports(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    const uint8_t *fadt = table(p, "FACP");

    g_assert_cmpuint(le(fadt + 4, 4), ==, 244);
    g_assert_cmphex(le(fadt + 46, 2), ==, 9);
    g_assert_cmphex(le(fadt + 48, 4), ==, 0xb2);
    g_assert_cmphex(le(fadt + 52, 2), ==, 0xf0f1);
    g_assert_cmphex(le(fadt + 56, 4), ==, 0x600);
    g_assert_cmphex(le(fadt + 64, 4), ==, 0x604);
    g_assert_cmphex(le(fadt + 76, 4), ==, 0x608);
    g_assert_cmphex(le(fadt + 80, 4), ==, 0xafe0);
    g_assert_cmphex(le(fadt + 88, 6), ==, 0x000404000204);
    g_assert_cmphex(le(fadt + 120, 8), ==, 0xcf9);
    g_assert_cmphex(fadt[128], ==, 0x06);
    g_assert_cmphex(le(fadt + 140, 8), ==, le(fadt + 40, 4));
    g_assert_cmphex(le(fadt + 152, 8), ==, 0x600);
    g_assert_cmphex(le(fadt + 212, 8), ==, 0x608);
    g_assert_cmpmem(table(p, "DSDT"), 4, "DSDT", 4);
    finish(p);
}

static void the_facs_is_aligned_to_64_bytes(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    uint64_t addr = le(table(p, "FACP") + 36, 4);
    const uint8_t *facs = table_at(p, addr);

    g_assert_cmphex(addr % 64, ==, 0);
    g_assert_cmpmem(facs, 4, "FACS", 4);
    g_assert_cmpuint(le(facs + 4, 4), ==, 64);
    finish(p);
}

static const uint8_t *madt_entry(const uint8_t *madt, uint8_t type, unsigned n)
{
    for (unsigned at = 44; at < le(madt + 4, 4); at += madt[at + 1]) {
        g_assert_cmpuint(madt[at + 1], >=, 6);
        if (madt[at] == type && !n--)
            return madt + at;
    }
    return NULL;
}

static void the_madt_lists_the_controllers(void)
{
    static const uint8_t overrides[][2] = { { 0, 2 }, { 5, 5 }, { 9, 9 }, { 10, 10 }, { 11, 11 } };
    struct acpi_config c = config();
    struct placed *p = build(&c);
    const uint8_t *madt = table(p, "APIC"), *e;

    g_assert_cmphex(le(madt + 36, 4), ==, 0xfee00000);
    for (unsigned i = 0; i < 3; i++) {
        e = madt_entry(madt, 0, i);
        g_assert_cmpuint(e[2], ==, i);
        g_assert_cmpuint(e[3], ==, apic_ids[i]);
        g_assert_cmpuint(le(e + 4, 4), ==, 1);
    }
    g_assert_null(madt_entry(madt, 0, 3));
    e = madt_entry(madt, 9, 0); /* beyond an APIC's ids: an x2APIC */
    g_assert_cmpuint(le(e + 4, 4), ==, 300);
    g_assert_cmpuint(le(e + 12, 4), ==, 3);
    g_assert_nonnull(madt_entry(madt, 10, 0));
    e = madt_entry(madt, 1, 0);
    g_assert_cmphex(le(e + 4, 4), ==, 0xfec00000);
    g_assert_cmphex(le(e + 8, 4), ==, 0);
    for (unsigned i = 0; i < G_N_ELEMENTS(overrides); i++) {
        e = madt_entry(madt, 2, i);
        g_assert_cmpuint(e[3], ==, overrides[i][0]);
        g_assert_cmpuint(le(e + 4, 4), ==, overrides[i][1]);
        g_assert_cmphex(le(e + 8, 2), ==, i ? 0x0d : 0);
    }
    g_assert_null(madt_entry(madt, 2, 5));
    e = madt_entry(madt, 4, 0);
    g_assert_cmphex(e[2], ==, 0xff);
    g_assert_cmphex(e[5], ==, 1);
    finish(p);
}

static void the_hpet_has_a_table_where_it_is(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    const uint8_t *hpet;

    g_assert_null(table(p, "HPET"));
    finish(p);
    c.hpet = true;
    p = build(&c);
    hpet = table(p, "HPET");
    g_assert_cmpuint(le(hpet + 4, 4), ==, 56);
    g_assert_cmpuint(sum(hpet, 56), ==, 0);
    g_assert_cmphex(le(hpet + 36, 4), ==, 0x8086a201);
    g_assert_cmphex(le(hpet + 40, 4), ==, 0); /* in memory */
    g_assert_cmphex(le(hpet + 44, 8), ==, 0xfed00000);
    finish(p);
}

/* ---- What an operating system's interpreter makes of them ---- */

static char *save(const char *dir, const char *name, const uint8_t *t)
{
    char *path = g_build_filename(dir, name, NULL);

    g_assert_true(g_file_set_contents(path, (const char *)t, le(t + 4, 4), NULL));
    return path;
}

/* What a program says about DSDT and SSDT; NULL, and the test is skipped, if it is not installed.
 */
static char *said_by(struct placed *p, const char *program, const char *const *args)
{
    char *dir = g_dir_make_tmp("acpi-XXXXXX", NULL), *found = g_find_program_in_path(program);
    char *dsdt = save(dir, "dsdt.aml", table(p, "DSDT"));
    char *ssdt = save(dir, "ssdt.aml", table(p, "SSDT"));
    char *dsl = g_build_filename(dir, "dsdt.dsl", NULL);
    const char *argv[] = { found, args[0], args[1], NULL, NULL, NULL };
    char *said = NULL, *errors = NULL;
    bool lister = !strcmp(program, "iasl");

    argv[lister ? 2 : 3] = lister ? ssdt : dsdt;
    argv[lister ? 3 : 4] = lister ? "-d" : ssdt;
    argv[lister ? 4 : 5] = lister ? dsdt : NULL;
    if (found)
        g_assert_true(g_spawn_sync(dir, (char **)argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, &said,
                                   &errors, NULL, NULL));
    else
        g_test_skip("there is no such program here: it comes with acpica-tools");
    if (said) {
        char *both = g_strconcat(said, errors, NULL);

        g_free(said);
        said = both;
    }
    g_unlink(dsdt);
    g_unlink(ssdt);
    g_unlink(dsl);
    g_rmdir(dir);
    g_free(dsdt);
    g_free(ssdt);
    g_free(dsl);
    g_free(dir);
    g_free(found);
    g_free(errors);
    return said;
}

static void disassembles_cleanly(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    char *said = said_by(p, "iasl", (const char *[]){ "-e", NULL });

    if (said) {
        char *lower = g_ascii_strdown(said, -1);

        g_assert_nonnull(strstr(lower, "disassembly completed"));
        g_assert_null(strstr(lower, "error"));
        g_assert_null(strstr(lower, "warning"));
        g_free(lower);
    }
    g_free(said);
    finish(p);
}

struct object {
    const char *path, *want;
};

/* Evaluates objects, one after another; what is said of each has what is wanted of it. */
static void evaluates(const struct acpi_config *c, const struct object *objects, unsigned n)
{
    struct placed *p = build(c);
    GString *command = g_string_new("");
    char *said, **answers;

    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(command, "%sevaluate %s", i ? ";" : "", objects[i].path);
    said = said_by(p, "acpiexec", (const char *[]){ "-b", command->str });
    answers = g_strsplit(said ? said : "", "\nEvaluating ", -1);
    for (unsigned i = 0; said && i < n; i++) {
        g_assert_cmpuint(g_strv_length(answers), ==, n + 1);
        if (!strstr(answers[i + 1], objects[i].want))
            g_error("%s: there is no '%s' in: %s", objects[i].path, objects[i].want,
                    answers[i + 1]);
    }
    g_strfreev(answers);
    g_free(said);
    g_string_free(command, TRUE);
    finish(p);
}

#define NUMBER(n) "[Integer] = 00000000000000" #n

static void objects_say_what_the_board_has(void)
{
    static const struct object objects[] = {
        { "\\_SB.PCI0.ISA.COM1._STA", NUMBER(0F) },
        { "\\_SB.PCI0.ISA.COM2._STA", NUMBER(00) },
        { "\\_SB.PCI0.ISA.COM3._STA", NUMBER(0F) },
        { "\\_SB.PCI0.ISA.COM4._STA", NUMBER(00) },
        { "\\_SB.PCI0.ISA.PVPN._STA", NUMBER(0F) },
        { "\\_SB.PCI0.ISA.PVPN._CRS", "47 01 05 05 05 05 00 01" },
        { "\\_SB.PCI0._CRS", "Length 9C" },
        { "\\_SB.PCI0._CRS", "0050: 02 00 87 17 00 00 0C 01 00 00 00 00 00 00 00 08" },
        { "\\_SB.PCI0._CRS", "0060: FF FF BF FE 00 00 00 00 00 00 C0 F6 8A 2B 00 00" },
        { "\\_SB.PCI0._CRS", "0070: 0C 03 00 00 00 00 00 00 00 00 00 00 00 00 01 00" },
        { "\\_SB.PCI0._CRS", "0080: 00 00 FF FF FF FF 08 00" },
        { "\\_SB.PCI0.LINK 1 0", "LNKS" },
        { "\\_SB.PCI0.LINK 1 3", "LNKD" },
        { "\\_SB.PCI0.LINK 2 0", "LNKB" },
        { "\\_SB.PCI0.LINK 3 0", "LNKC" },
        { "\\_SB.PCI0.LINK 3 0", "[Integer] = 000000000003FFFF" },
        { "\\_SB.PCI0.LINK 4 1", "LNKA" },
        { "\\_SB.LNKS._CRS", "89 06 00 09 01 09 00 00 00" },
        { "\\_SB.LNKB._PRS", "89 0E 00 09 03 05 00 00 00 0A 00 00 00 0B 00 00" },
        { "\\_S5", NUMBER(00) },
        { "\\_S3", NUMBER(01) },
        { "\\_S4", NUMBER(02) },
        { "\\_SB.C003._UID", NUMBER(03) },
        { "\\_SB.C003._HID", "ACPI0007" },
        { "\\_SB.C004._UID", "NOT_FOUND" },
    };
    struct acpi_config c = config();

    evaluates(&c, objects, G_N_ELEMENTS(objects));
}

static void objects_say_what_the_board_has_not(void)
{
    static const struct object objects[] = {
        { "\\_SB.PCI0.ISA.COM1._STA", NUMBER(00) },
        { "\\_SB.PCI0.ISA.COM4._STA", NUMBER(0F) },
        { "\\_SB.PCI0.ISA.PVPN._STA", NUMBER(00) },
        { "\\_SB.PCI0._CRS", "Length 6E" },
        { "\\_S5", NUMBER(00) },
        { "\\_S3", "NOT_FOUND" },
        { "\\_S4", "NOT_FOUND" },
    };
    struct acpi_config c = config();

    c.com_ports = 8;
    c.pvpanic = 0;
    c.pci64.bytes = 0;
    c.no_s3 = c.no_s4 = true;
    evaluates(&c, objects, G_N_ELEMENTS(objects));
}

/* ---- The script ---- */

static void tables_too_large_for_their_place_are_refused(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    struct acpi_arena high = { HIGH, p->high, p->t.tables.len - 1, 0 };
    struct acpi_arena fseg = { FSEG, p->fseg, FSEG_BYTES, 0 };

    g_assert_cmpint(acpi_place(&p->t, &high, &fseg, &p->rsdp), ==, -ENOSPC);
    high = (struct acpi_arena){ HIGH, p->high, HIGH_BYTES, 0 };
    fseg.bytes = 35;
    g_assert_cmpint(acpi_place(&p->t, &high, &fseg, &p->rsdp), ==, -ENOSPC);
    finish(p);
}

static void a_bad_script_is_refused(void)
{
    static const struct {
        unsigned entry, at;
        uint8_t value;
    } rows[] = {
        { 0, 0, 9 },      /* an unknown command */
        { 0, 0, 4 },      /* write pointer */
        { 0, 4, 'x' },    /* an unknown file */
        { 0, 60, 3 },     /* an odd alignment */
        { 1, 4, 0 },      /* the RSDP is never placed */
        { 2, 119, 0xff }, /* a pointer outside of its file */
        { 2, 120, 9 },    /* of nine bytes */
        { 2, 60, 'x' },   /* to an unknown file */
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct acpi_config c = config();
        struct placed *p = build(&c);

        ((uint8_t *)p->t.loader.data)[rows[i].entry * 128 + rows[i].at] = rows[i].value;
        g_assert_cmpint(place(p), ==, -EINVAL);
        finish(p);
    }
}

static void a_sum_outside_of_its_file_is_refused(void)
{
    struct acpi_config c = config();

    for (unsigned field = 0; field < 3; field++) {
        struct placed *p = build(&c);
        uint8_t *entry = p->t.loader.data;

        while (le(entry, 4) != 3)
            entry += 128;
        memset(entry + 60 + 4 * field, 0xff, 4);
        g_assert_cmpint(place(p), ==, -EINVAL);
        finish(p);
    }
}

static void entries_have_the_public_layout(void)
{
    struct acpi_config c = config();
    struct placed *p = build(&c);
    const uint8_t *first = p->t.loader.data;

    g_assert_cmpuint(p->t.loader.len % 128, ==, 0);
    g_assert_cmpuint(le(first, 4), ==, 1);
    g_assert_cmpstr((const char *)first + 4, ==, "etc/acpi/tables");
    g_assert_cmpuint(le(first + 60, 4), ==, 64);
    g_assert_cmpuint(first[64], ==, 1);
    g_assert_cmpstr((const char *)first + 128 + 4, ==, "etc/acpi/rsdp");
    g_assert_cmpuint(first[128 + 64], ==, 2);
    finish(p);
}

/* ---- -acpitable ---- */

static char *file_with(const char *name, const void *data, size_t len)
{
    char *path = g_build_filename(g_get_tmp_dir(), name, NULL), *unique;

    unique = g_strdup_printf("%s-%d", path, (int)getpid());
    g_assert_true(g_file_set_contents(unique, data, len, NULL));
    g_free(path);
    return unique;
}

static void a_body_gets_a_header(void)
{
    char *one = file_with("acpi-one", "first", 5), *two = file_with("acpi-two", "second", 6);
    char *both = g_strconcat(one, ":", two, NULL), why[160];
    struct acpi_user_keys keys = {
        .sig = "TEST", .rev = "3", .oem_id = "ME", .oem_rev = "0x12345678", .data = both
    };
    struct acpi_blob blob;
    const uint8_t *t;

    g_assert_cmpint(acpi_user_table(&keys, &blob, why, sizeof(why)), ==, 0);
    t = blob.data;
    g_assert_cmpuint(blob.len, ==, 36 + 11);
    g_assert_cmpuint(le(t + 4, 4), ==, blob.len);
    g_assert_cmphex(sum(t, blob.len), ==, 0);
    g_assert_cmpmem(t, 4, "TEST", 4);
    g_assert_cmpuint(t[8], ==, 3);
    g_assert_cmpmem(t + 10, 6, "ME\0\0\0\0", 6);
    g_assert_cmphex(le(t + 24, 4), ==, 0x12345678);
    g_assert_cmpmem(t + 36, 11, "firstsecond", 11);
    free(blob.data);
    g_unlink(one);
    g_unlink(two);
    g_free(one);
    g_free(two);
    g_free(both);
}

static void a_whole_table_is_kept_but_for_the_keys(void)
{
    static const uint8_t raw[40] = "ABCD\0\0\0\0\7\x55OEMIDXTABLE ID";
    char *path = file_with("acpi-whole", raw, sizeof(raw)), why[160];
    struct acpi_user_keys keys = { .oem_table_id = "OTHER", .file = path };
    struct acpi_config c = config();
    struct acpi_blob blob;
    struct placed *p;
    const uint8_t *t;

    g_assert_cmpint(acpi_user_table(&keys, &blob, why, sizeof(why)), ==, 0);
    c.user = &blob;
    c.n_user = 1;
    p = build(&c);
    t = table(p, "ABCD");
    g_assert_nonnull(t);
    g_assert_cmpuint(le(t + 4, 4), ==, 40);
    g_assert_cmpuint(t[8], ==, 7);
    g_assert_cmpmem(t + 10, 6, "OEMIDX", 6);
    g_assert_cmpmem(t + 16, 8, "OTHER\0\0\0", 8);
    finish(p);
    free(blob.data);
    g_unlink(path);
    g_free(path);
}

static void wrong_keys_are_refused_with_a_reason(void)
{
    char *body = file_with("acpi-body", "short", 5);
    const struct {
        struct acpi_user_keys keys;
        const char *why;
    } rows[] = {
        { { .sig = "TEST" }, "needs either data= or file=" },
        { { .sig = "TEST", .data = body, .file = body }, "needs either data= or file=" },
        { { .data = body }, "needs sig= with four characters" },
        { { .sig = "TOOLONG", .data = body }, "needs sig= with four characters" },
        { { .file = body }, "too short for its header" },
        { { .file = "/nonexistent/table" }, "/nonexistent/table: No such file" },
        { { .sig = "TEST", .data = body, .rev = "256" }, "rev=256: must be a number of 8 bits" },
        { { .sig = "TEST", .data = body, .oem_rev = "x" },
          "oem_rev=x: must be a number of 32 bits" },
        { { .sig = "TEST", .data = body, .oem_id = "SEVENCH" }, "oem_id=SEVENCH: has at most 6" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct acpi_blob blob;
        char why[160];

        g_assert_cmpint(acpi_user_table(&rows[i].keys, &blob, why, sizeof(why)), <, 0);
        g_assert_nonnull(strstr(why, rows[i].why));
    }
    g_unlink(body);
    g_free(body);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define TEST(name) g_test_add_func("/acpi/" #name, name)
    TEST(the_root_pointer_leads_to_both_lists);
    TEST(the_fadt_names_the_boards_ports);
    TEST(the_facs_is_aligned_to_64_bytes);
    TEST(the_madt_lists_the_controllers);
    TEST(the_hpet_has_a_table_where_it_is);
    TEST(disassembles_cleanly);
    TEST(objects_say_what_the_board_has);
    TEST(objects_say_what_the_board_has_not);
    TEST(tables_too_large_for_their_place_are_refused);
    TEST(a_bad_script_is_refused);
    TEST(a_sum_outside_of_its_file_is_refused);
    TEST(entries_have_the_public_layout);
    TEST(a_body_gets_a_header);
    TEST(a_whole_table_is_kept_but_for_the_keys);
    TEST(wrong_keys_are_refused_with_a_reason);
    return g_test_run();
}
