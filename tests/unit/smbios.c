/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* smbios - the structures a guest reads, and what of -smbios is refused. */

#include "../../plugins/hw/pc/smbios.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

/* Options of a test: {index, key, value}, ended by a key that is NULL. */
struct option {
    unsigned index;
    const char *key, *value;
};

static const char *find_option(void *arg, unsigned index, const char *key)
{
    for (const struct option *o = arg; o->key; o++)
        if (o->index == index && (!key || !strcmp(o->key, key)))
            return o->value;
    return NULL;
}

static const char *find_option_n(void *arg, unsigned index, const char *key, unsigned n)
{
    for (const struct option *o = arg; o->key; o++)
        if (o->index == index && !strcmp(o->key, key) && !n--)
            return o->value;
    return NULL;
}

static const uint8_t uuid[16] = { 0,    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                  0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };

static struct smbios_config config_of(const struct option *options)
{
    return (struct smbios_config){
        .ram_bytes = 20ull << 30,
        .below_4g = 3ull << 30,
        .sockets = 2,
        .cores = 3,
        .threads = 2,
        .cpu_signature = 0x12345678,
        .uuid = uuid,
        .machine = "pc-test",
        .option = find_option,
        .option_n = find_option_n,
        .arg = (void *)options,
    };
}

static struct smbios made(const struct option *options)
{
    struct smbios_config config = config_of(options);
    struct smbios s;

    if (smbios_init(&s, &config))
        g_error("%s", s.why);
    return s;
}

static const uint8_t *after(const uint8_t *p)
{
    for (p += p[1]; p[0] || p[1]; p++)
        ;
    return p + 2;
}

/* The n-th structure of a type, or NULL. */
static const uint8_t *structure(const struct smbios *s, unsigned type, unsigned n)
{
    for (const uint8_t *p = s->tables; p < s->tables + s->len; p = after(p))
        if (p[0] == type && !n--)
            return p;
    return NULL;
}

static const char *string(const uint8_t *p, unsigned offset)
{
    unsigned n = p[offset];

    if (!n)
        return "";
    for (p += p[1]; --n; p += strlen((const char *)p) + 1)
        ;
    return (const char *)p;
}

static uint64_t number(const uint8_t *p, unsigned bytes)
{
    uint64_t n = 0;

    while (bytes--)
        n = n << 8 | p[bytes];
    return n;
}

static const struct option none[] = { { 0 } };

static void test_structures(void)
{
    struct smbios s = made(none);
    const uint8_t *last = NULL;
    unsigned n = 0;

    for (const uint8_t *p = s.tables; p < s.tables + s.len; p = after(p), n++)
        last = p;
    g_assert_cmpint(last[0], ==, 127);
    g_assert_cmpint(number(s.anchor + 28, 2), ==, n);
    g_assert_cmpint(number(s.anchor + 22, 2), ==, s.len);
    g_assert_null(structure(&s, 0, 0));
    g_assert_null(structure(&s, 2, 0));
    g_assert_nonnull(structure(&s, 4, 1));
    g_assert_null(structure(&s, 4, 2));
    g_assert_cmphex(number(structure(&s, 4, 0) + 8, 4), ==, 0x12345678);
    g_assert_cmpint(structure(&s, 4, 0)[0x23], ==, 3);
    g_assert_cmpint(structure(&s, 4, 0)[0x25], ==, 6);
    g_assert_cmpstr(string(structure(&s, 1, 0), 6), ==, "pc-test");
    smbios_finish(&s);
}

static void test_uuid(void)
{
    static const uint8_t stored[16] = { 0x33, 0x22, 0x11, 0,    0x55, 0x44, 0x77, 0x66,
                                        0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff };
    static const struct option given[] = { { 0, "type", "1" },
                                           { 0, "uuid", "ffffffff-0000-0000-0000-0000000000AB" },
                                           { 0 } };
    struct smbios s = made(none);

    g_assert_cmpmem(structure(&s, 1, 0) + 8, 16, stored, 16);
    smbios_finish(&s);
    s = made(given);
    g_assert_cmphex(number(structure(&s, 1, 0) + 8, 4), ==, 0xffffffff);
    g_assert_cmphex(structure(&s, 1, 0)[23], ==, 0xab);
    smbios_finish(&s);
}

static void test_memory(void)
{
    struct smbios s = made(none);

    g_assert_cmpint(number(structure(&s, 16, 0) + 7, 4), ==, 20 << 20);
    g_assert_cmpint(number(structure(&s, 17, 0) + 12, 2), ==, 16384);
    g_assert_cmpint(number(structure(&s, 17, 1) + 12, 2), ==, 4096);
    g_assert_null(structure(&s, 17, 2));
    g_assert_cmphex(number(structure(&s, 19, 0) + 8, 4), ==, (3 << 20) - 1);
    g_assert_cmphex(number(structure(&s, 19, 1) + 4, 4), ==, 4 << 20);
    g_assert_cmphex(number(structure(&s, 19, 1) + 8, 4), ==, (21 << 20) - 1);
    smbios_finish(&s);
}

static void test_fields(void)
{
    static const struct option given[] = {
        { 0, "type", "0" },
        { 0, "vendor", "ACME" },
        { 0, "release", "3.14" },
        { 1, "type", "1" },
        { 1, "serial", "S1" },
        { 1, "product", "P" },
        { 2, "type", "2" },
        { 2, "location", "L" },
        { 3, "type", "4" },
        { 3, "sock_pfx", "Slot" },
        { 3, "max-speed", "4000" },
        { 4, "type", "11" },
        { 4, "value", "one" },
        { 4, "value", "more" },
        { 5, "type", "11" },
        { 5, "value", "two" },
        { 6, "type", "1" },
        { 6, "serial", "S2" },
        { 0 },
    };
    struct smbios s = made(given);

    g_assert_cmpstr(string(structure(&s, 0, 0), 4), ==, "ACME");
    g_assert_cmpint(structure(&s, 0, 0)[0x14], ==, 3);
    g_assert_cmpint(structure(&s, 0, 0)[0x15], ==, 14);
    g_assert_cmpstr(string(structure(&s, 1, 0), 7), ==, "S2");
    g_assert_cmpstr(string(structure(&s, 1, 0), 5), ==, "P");
    g_assert_cmpstr(string(structure(&s, 2, 0), 10), ==, "L");
    g_assert_cmpstr(string(structure(&s, 4, 1), 4), ==, "Slot 1");
    g_assert_cmpint(number(structure(&s, 4, 0) + 0x14, 2), ==, 4000);
    g_assert_cmpint(structure(&s, 11, 0)[4], ==, 3);
    g_assert_cmpstr(string(structure(&s, 11, 0), 4), ==, "two");
    smbios_finish(&s);
}

static void test_oem_file(void)
{
    g_autofree char *path = g_strdup_printf("%s/smbios-oem-%d", g_get_tmp_dir(), (int)getpid());
    struct option given[] = { { 0, "type", "11" }, { 0, "path", path }, { 0 } };
    struct smbios_config config = config_of(given);
    struct smbios s;

    g_assert_true(g_file_set_contents(path, "from a file", -1, NULL));
    s = made(given);
    g_assert_cmpstr(string(structure(&s, 11, 0), 4), ==, "from a file");
    smbios_finish(&s);
    g_assert_true(g_file_set_contents(path, "a\0b", 3, NULL));
    g_assert_cmpint(smbios_init(&s, &config), ==, -EINVAL);
    g_assert_true(g_str_has_suffix(s.why, "holds more than 32768 bytes, or zero bytes"));
    smbios_finish(&s);
    unlink(path);
}

static void test_file(void)
{
    static const uint8_t good[] = { 1, 8, 0, 1, 1, 0, 0, 0, 'x', 0, 0, 127, 4, 0, 0x7f, 0, 0 };
    char *path = g_strdup_printf("%s/smbios-%d", g_get_tmp_dir(), (int)getpid());
    struct option given[] = { { 0, "file", path }, { 0 } };
    struct smbios_config config;
    struct smbios s;

    g_assert_true(g_file_set_contents(path, (const char *)good, sizeof(good), NULL));
    s = made(given);
    g_assert_cmpstr(string(structure(&s, 1, 0), 4), ==, "x");
    g_assert_null(structure(&s, 1, 1));
    g_assert_null(structure(&s, 127, 1));
    smbios_finish(&s);

    g_assert_true(g_file_set_contents(path, (const char *)good, 9, NULL));
    config = config_of(given);
    g_assert_cmpint(smbios_init(&s, &config), ==, -EINVAL);
    g_assert_nonnull(strstr(s.why, "cut off"));
    smbios_finish(&s);
    unlink(path);
    g_assert_cmpint(smbios_init(&s, &config), ==, -ENOENT);
    smbios_finish(&s);
    g_free(path);
}

static uint8_t sum(const uint8_t *p, size_t len)
{
    uint8_t n = 0;

    while (len--)
        n += *p++;
    return n;
}

static void test_anchor(void)
{
    struct smbios_config config = config_of(none);
    struct smbios s = made(none);

    smbios_place(&s, 0xf5678);
    g_assert_cmpint(sum(s.anchor, 31), ==, 0);
    g_assert_cmpint(sum(s.anchor + 16, 15), ==, 0);
    g_assert_cmphex(number(s.anchor + 24, 4), ==, 0xf5678);
    smbios_finish(&s);

    config.v3 = true;
    g_assert_cmpint(smbios_init(&s, &config), ==, 0);
    smbios_place(&s, 0xf5678);
    g_assert_cmpint(s.anchor_len, ==, 24);
    g_assert_cmpmem(s.anchor, 5, "_SM3_", 5);
    g_assert_cmpint(sum(s.anchor, 24), ==, 0);
    g_assert_cmphex(number(s.anchor + 16, 8), ==, 0xf5678);
    smbios_finish(&s);
}

static void test_refused(void)
{
    static const struct {
        struct option options[3];
        const char *why;
    } cases[] = {
        { { { 0, "type", "5" } }, "type=5" },
        { { { 0, "serial", "x" } }, "neither" },
        { { { 0, "type", "1" }, { 0, "location", "x" } }, "location=" },
        { { { 0, "type", "1" }, { 0, "uuid", "12" } }, "uuid=12" },
        { { { 0, "type", "0" }, { 0, "release", "x" } }, "release=x" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct smbios_config config = config_of(cases[i].options);
        struct smbios s;

        g_assert_cmpint(smbios_init(&s, &config), ==, -EINVAL);
        if (!strstr(s.why, cases[i].why))
            g_error("case %u says \"%s\"", i, s.why);
        smbios_finish(&s);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smbios/structures", test_structures);
    g_test_add_func("/smbios/uuid", test_uuid);
    g_test_add_func("/smbios/memory", test_memory);
    g_test_add_func("/smbios/fields", test_fields);
    g_test_add_func("/smbios/file", test_file);
    g_test_add_func("/smbios/oem-file", test_oem_file);
    g_test_add_func("/smbios/anchor", test_anchor);
    g_test_add_func("/smbios/refused", test_refused);
    return g_test_run();
}
