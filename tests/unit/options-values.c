/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options-values - the texts of booleans, numbers, sizes, ids; and guesses at misspelt names. */

#include "options.h"

#include <string.h>

static void test_bool(void)
{
    static const char *const yes[] = { "on", "yes", "true", "y" };
    static const char *const no[] = { "off", "no", "false", "n" };
    static const char *const neither[] = { "", "On", "1", "0", "onn", "o", "on|yes" };
    bool value;

    for (unsigned i = 0; i < G_N_ELEMENTS(yes); i++) {
        value = false;
        g_assert_cmpint(parse_bool(yes[i], &value), ==, 0);
        g_assert_true(value);
        g_assert_cmpint(parse_bool(no[i], &value), ==, 0);
        g_assert_false(value);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(neither); i++)
        g_assert_cmpint(parse_bool(neither[i], &value), ==, -EINVAL);
}

static void test_number(void)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        { "0", 0 },
        { "42", 42 },
        { "-1", -1 },
        { "0x1fff", 0x1fff },
        { "010", 8 },
        { "9223372036854775807", INT64_MAX },
        { "-9223372036854775808", INT64_MIN },
    };
    static const char *const bad[] = {
        "", "-", " 1", "1 ", "+1", "1k", "0x", "x", "--1", "9223372036854775808", "1.5", "08",
    };
    int64_t value;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_cmpint(parse_number(good[i].text, &value), ==, 0);
        g_assert_cmpint(value, ==, good[i].value);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(parse_number(bad[i], &value), ==, -EINVAL);
}

static void test_size(void)
{
    static const struct {
        const char *text;
        uint64_t value;
    } good[] = {
        { "0", 0 },
        { "4096", 4096 },
        { "7b", 7 },
        { "64k", 65536 },
        { "64K", 65536 },
        { "1M", 1 << 20 },
        { "4g", 4ull << 30 },
        { "2T", 2ull << 40 },
        { "2P", 2ull << 50 },
        { "15E", 15ull << 60 },
        { "0x10", 16 },
        { "0x10k", 16384 },
        { "1.5G", 3ull << 29 },
        { "0.5k", 512 },
        { "1.00000000000000000000000000001M", 1 << 20 },
        { "010", 10 },
        { "18446744073709551615", UINT64_MAX },
    };
    static const char *const bad[] = {
        "",
        "-1",
        "k",
        " 1",
        "1 ",
        "1kb",
        "1KiB",
        "1x",
        "16E",
        "1.",
        ".5",
        "1.5.5",
        "0xk",
        "1e3",
        "18446744073709551616",
        "15.99999999999999999999E1",
    };
    uint64_t value;

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        g_assert_cmpint(parse_size(good[i].text, &value), ==, 0);
        g_assert_cmpuint(value, ==, good[i].value);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpint(parse_size(bad[i], &value), ==, -EINVAL);
}

static void test_id(void)
{
    char *longest = g_strnfill(127, 'a'), *longer = g_strnfill(128, 'a');

    g_assert_true(id_is_wellformed("a"));
    g_assert_true(id_is_wellformed("Net-0_x.9"));
    g_assert_true(id_is_wellformed(longest));
    g_assert_false(id_is_wellformed(longer));
    g_assert_false(id_is_wellformed(""));
    g_assert_false(id_is_wellformed("9a"));
    g_assert_false(id_is_wellformed("_a"));
    g_assert_false(id_is_wellformed("a b"));
    g_assert_false(id_is_wellformed("a\""));
    g_assert_false(id_is_wellformed("\303\244"));
    g_free(longest);
    g_free(longer);
}

static void test_nearest(void)
{
    static const char *const names[] = { "nographic", "nodefaults", "name",  "m",
                                         "M",         "net",        "netdev" };
    static const struct {
        const char *text, *name;
    } slips[] = {
        { "nographics", "nographic" },
        { "nographci", "nographic" },
        { "nographic", "nographic" },
        { "nmae", "name" },
        { "nodefalt", "nodefaults" },
        { "nettdev", "netdev" },
        { "ent", "net" },
        { "x", NULL },
        { "", NULL },
        { "zzzz", NULL },
        { "abcdefgh", NULL },
    };
    char *endless = g_strnfill(1000, 'n');

    for (unsigned i = 0; i < G_N_ELEMENTS(slips); i++)
        g_assert_cmpstr(nearest_name(slips[i].text, names, G_N_ELEMENTS(names), string_at), ==,
                        slips[i].name);
    g_assert_null(nearest_name(endless, names, G_N_ELEMENTS(names), string_at));
    g_assert_null(nearest_name("name", (const char *[]){ endless }, 1, string_at));
    g_free(endless);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options-values/bool", test_bool);
    g_test_add_func("/options-values/number", test_number);
    g_test_add_func("/options-values/size", test_size);
    g_test_add_func("/options-values/id", test_id);
    g_test_add_func("/options-values/nearest", test_nearest);
    return g_test_run();
}
