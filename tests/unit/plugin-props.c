/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin-props - properties: texts in, values out, and the lines about both. */

#include "plugin-test.h"

struct state {
    struct tenon_dev *dev;
    bool flag;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32, choice;
    uint64_t u64, size;
    const char *text, *given;
};

static const char *const choices[] = { "none", "slew", "fast", NULL };
// clang-format off
static const struct tenon_prop props[] = {
    TENON_PROP(struct state, "flag",   TENON_BOOL, flag, .initial = 1, .help = "a switch"),
    TENON_PROP(struct state, "u8",     TENON_U8,   u8, .initial = 2, .min = 1, .max = 16, .help = "few"),
    TENON_PROP(struct state, "u16",    TENON_U16,  u16),
    TENON_PROP(struct state, "u32",    TENON_U32,  u32, .help = "more"),
    TENON_PROP(struct state, "choice", TENON_ENUM, choice, .initial = 1, .names = choices, .help = "a way"),
    TENON_PROP(struct state, "u64",    TENON_U64,  u64),
    TENON_PROP(struct state, "size",   TENON_SIZE, size, .initial = 4096, .max = 1ull << 40, .help = "room"),
    TENON_PROP(struct state, "text",   TENON_STR,  text, .help = "a name"),
    TENON_PROP(struct state, "given",  TENON_STR,  given, .initial_str = "abc", .help = "another"),
};
static const struct tenon_prop common[] = {
    { .name = "addr", .type = TENON_STR, .bytes = sizeof(char *), .help = "slot and function" },
};
static const struct tenon_type source = {
    .size = sizeof(source), .state_size = sizeof(struct state), .kind = "device", .name = "thing",
    .help = "", .ops_id = "tenon.isa/1", .props = TENON_ARRAY(props),
};
// clang-format on

static struct type *make_type(void)
{
    char *why = NULL;
    struct type *type = type_create(&source, "thing.so", &why);

    g_assert_cmpstr(why, ==, NULL);
    type->common = common;
    type->n_common = G_N_ELEMENTS(common);
    return type;
}

static bool set(const struct type *type, struct state *s, const char *name, const char *text)
{
    return prop_set(type, type_prop(type, name), s, text, "-device thing");
}

static void test_initial(void)
{
    struct type *type = make_type();
    struct state s = { 0 };

    props_init(type, &s);
    g_assert_true(s.flag);
    g_assert_cmpuint(s.u8, ==, 2);
    g_assert_cmpuint(s.u32, ==, 0);
    g_assert_cmpuint(s.choice, ==, 1);
    g_assert_cmpuint(s.size, ==, 4096);
    g_assert_null(s.text);
    g_assert_cmpstr(s.given, ==, "abc");
    props_finish(type, &s);
    g_assert_null(s.given);
    type_destroy(type);
}

static void test_good(void)
{
    static const struct {
        const char *name, *text;
        size_t offset, bytes;
        uint64_t value;
    } cases[] = {
#define CASE(field, text, value)                                                                   \
    { #field, text, offsetof(struct state, field), sizeof(((struct state *)0)->field), value }
        CASE(flag, "off", 0),
        CASE(flag, "yes", 1),
        CASE(flag, "n", 0),
        CASE(flag, "true", 1),
        CASE(u8, "1", 1),
        CASE(u8, "0x10", 16),
        CASE(u8, "010", 8),
        CASE(u16, "65535", 65535),
        CASE(u32, "0xffffffff", 0xffffffff),
        CASE(u64, "18446744073709551615", UINT64_MAX),
        CASE(choice, "fast", 2),
        CASE(choice, "none", 0),
        CASE(size, "64K", 65536),
        CASE(size, "1.5G", 3ull << 29),
        CASE(size, "0", 0),
        CASE(size, "1T", 1ull << 40),
    };
    struct type *type = make_type();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct state s = { .dev = NULL };
        uint64_t value = 0;

        g_assert_true(set(type, &s, cases[i].name, cases[i].text));
        memcpy(&value, (char *)&s + cases[i].offset, cases[i].bytes);
        g_assert_cmpuint(value, ==, cases[i].value);
    }
    type_destroy(type);
}

static void test_bad(void)
{
    static const struct {
        const char *name, *text, *said;
    } cases[] = {
        { "flag", "maybe", "-device thing: flag takes on or off, not 'maybe'" },
        { "u8", "0", "u8 takes a number from 1 to 16, not '0'" },
        { "u8", "17", "u8 takes a number from 1 to 16, not '17'" },
        { "u8", "257", "not '257'" },
        { "u16", "65536", "u16 takes a number from 0 to 65535, not '65536'" },
        { "u32", "-1", "not '-1'" },
        { "u32", "", "not ''" },
        { "u32", "1x", "not '1x'" },
        { "u32", " 1", "not ' 1'" },
        { "u32", "4294967296", "not '4294967296'" },
        { "u64", "18446744073709551616", "u64 takes a number from 0 to 18446744073709551615" },
        { "choice", "slow", "choice takes one of none, slew, fast, not 'slow'" },
        { "choice", "", "choice takes one of" },
        { "size", "4X", "size takes a size, such as 64K or 1.5G, from 0 to 1099511627776" },
        { "size", "1.1T", "not '1.1T'" },
        { "size", "99999999999G", "not '99999999999G'" },
    };
    struct type *type = make_type();
    GString *said = listen();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct state s = { 0 }, before = s;

        g_string_truncate(said, 0);
        g_assert_false(set(type, &s, cases[i].name, cases[i].text));
        assert_said(said, cases[i].said);
        g_assert_cmpuint(lines(said), ==, 1);
        g_assert_cmpmem(&s, sizeof(s), &before, sizeof(before));
    }
    report_redirect(NULL, NULL);
    g_string_free(said, true);
    type_destroy(type);
}

static void test_text(void)
{
    struct type *type = make_type();
    struct state s = { 0 };
    char text[] = "first";

    props_init(type, &s);
    g_assert_true(set(type, &s, "text", text));
    text[0] = 'F';
    g_assert_cmpstr(s.text, ==, "first");
    g_assert_true(set(type, &s, "text", ""));
    g_assert_cmpstr(s.text, ==, "");
    props_finish(type, &s);
    type_destroy(type);
}

static void test_unknown(void)
{
    struct type *type = make_type();
    GString *said = listen();

    g_assert_null(type_prop(type, "siez"));
    prop_unknown(type, "siez", "-device thing,siez=1");
    prop_unknown(type, "adr", "-device thing,adr=1");
    prop_unknown(type, "qwertyuiop", "-device thing,qwertyuiop=1");
    report_redirect(NULL, NULL);
    g_assert_cmpstr(
        said->str, ==,
        "tenon: -device thing,siez=1: thing has no property 'siez' (did you mean 'size'?)\n"
        "tenon: -device thing,adr=1: thing has no property 'adr' (did you mean 'addr'?)\n"
        "tenon: -device thing,qwertyuiop=1: thing has no property 'qwertyuiop'\n");
    g_string_free(said, true);
    type_destroy(type);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/props/initial", test_initial);
    g_test_add_func("/props/good", test_good);
    g_test_add_func("/props/bad", test_bad);
    g_test_add_func("/props/text", test_text);
    g_test_add_func("/props/unknown", test_unknown);
    return g_test_run();
}
