/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin-list - what -device help and -device NAME,help print. */

#include "plugin-test.h"

struct fixture {
    char *first, *second;
    struct plugins *p;
    GString *said, *edu, *stamp;
};

static void set_up(struct fixture *f, const void *arg)
{
    char *dirs;

    f->first = temp_dir();
    f->second = temp_dir();
    f->edu = contents("device-edu.so");
    f->stamp = contents("chardev-stamp.so");
    f->said = listen();
    dirs = g_strdup_printf("%s:/no/such/folder::%s", f->first, f->second);
    f->p = plugins_create(dirs);
    g_free(dirs);
}

static void tear_down(struct fixture *f, const void *arg)
{
    plugins_destroy(f->p);
    report_redirect(NULL, NULL);
    g_string_free(f->said, true);
    g_string_free(f->edu, true);
    g_string_free(f->stamp, true);
    remove_dir(f->first);
    remove_dir(f->second);
}

/* Puts a device into a folder whose card has other words of the same length. */
static void put_device(const struct fixture *f, const char *dir, const char *name, const char *bus)
{
    GString *file = g_string_new_len(f->edu->str, f->edu->len);
    char *card = memmem(file->str, file->len, "name=edu\tbus=PCI", 16);
    char *file_name = g_strdup_printf("device-%s.so", name);

    g_assert_nonnull(card);
    memcpy(card + 5, name, 3);
    memcpy(card + 13, bus, 3);
    put_file(dir, file_name, file->str, file->len, 0644);
    g_free(file_name);
    g_string_free(file, true);
}

static char *list(struct fixture *f)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);

    plugins_print_devices(f->p, to);
    fclose(to);
    return text;
}

static void test_groups(struct fixture *f, const void *arg)
{
    char *text;

    put_device(f, f->second, "zoo", "ISA");
    put_device(f, f->second, "edu", "PCI");
    put_device(f, f->first, "abc", "PCI");
    put_device(f, f->first, "zoo", "PCI"); /* before the other zoo */
    put_file(f->first, "device-bad.so", "bad", 3, 0644);
    put_file(f->first, "device-big.so", f->edu->str, f->edu->len, 0666);
    put_file(f->first, "chardev-stamp.so", f->stamp->str, f->stamp->len, 0644);
    put_file(f->first, "README", "hello", 5, 0644);
    text = list(f);
    g_assert_cmpstr(text, ==,
                    "PCI devices:\n"
                    "name \"abc\", bus PCI, desc \"Educational device\"\n"
                    "name \"edu\", bus PCI, desc \"Educational device\"\n"
                    "name \"zoo\", bus PCI, desc \"Educational device\"\n");
    free(text);
    put_device(f, f->first, "zoo", "ISA");
    text = list(f);
    g_assert_cmpstr(text, ==,
                    "ISA devices:\n"
                    "name \"zoo\", bus ISA, desc \"Educational device\"\n"
                    "\n"
                    "PCI devices:\n"
                    "name \"abc\", bus PCI, desc \"Educational device\"\n"
                    "name \"edu\", bus PCI, desc \"Educational device\"\n");
    free(text);
    g_assert_cmpstr(f->said->str, ==, "");
}

/* A further name is a link, and no line of its own. */
static void test_alias(struct fixture *f, const void *arg)
{
    char *card = memmem(f->edu->str, f->edu->len, "name=edu", 8), *link, *text;
    const struct type *type;

    memcpy(card + 5, "e u", 3);
    put_file(f->first, "device-e.so", f->edu->str, f->edu->len, 0644);
    link = g_build_filename(f->first, "device-u.so", NULL);
    g_assert_cmpint(symlink("device-e.so", link), ==, 0);
    text = list(f);
    g_assert_cmpstr(
        text, ==, "PCI devices:\nname \"e\", bus PCI, alias \"u\", desc \"Educational device\"\n");
    /* Only the card was changed: the table has another name. */
    type = plugins_load(f->p, "device", "u", "-device u");
    g_assert_null(type);
    assert_said(f->said, "device-u.so is broken: its card names device 'u', its table does not");
    free(text);
    g_free(link);
}

/* A fault in a first folder does not hide the plugin in the second. */
static void test_shadow(struct fixture *f, const void *arg)
{
    char *text;

    put_file(f->first, "device-edu.so", f->edu->str, 1000, 0644);
    put_device(f, f->second, "edu", "PCI");
    text = list(f);
    g_assert_nonnull(strstr(text, "name \"edu\""));
    free(text);
}

static void test_many(struct fixture *f, const void *arg)
{
    char name[4] = "a00";
    char *text, **lines_of;
    gint64 start;

    for (unsigned i = 0; i < 100; i++) {
        name[1] = '0' + i / 10;
        name[2] = '0' + i % 10;
        put_device(f, f->first, name, "PCI");
    }
    start = g_get_monotonic_time();
    text = list(f);
    g_test_message("100 plugins: %" G_GINT64_FORMAT " us", g_get_monotonic_time() - start);
    lines_of = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines_of), ==, 102); /* a heading, and nothing after the last */
    g_strfreev(lines_of);
    free(text);
}

static char *print_props(struct fixture *f, const char *name)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    bool found = plugins_print_props(f->p, "device", name, "-device", to);

    fclose(to);
    if (!found) {
        g_assert_cmpstr(text, ==, "");
        free(text);
        text = NULL;
    }
    return text;
}

static void test_props(struct fixture *f, const void *arg)
{
    static const struct tenon_prop common[] = {
        { .name = "addr", .type = TENON_STR, .help = "Slot and optional function number" },
        { .name = "multifunction", .type = TENON_BOOL, .help = "on/off" },
    };
    char *text;

    put_device(f, f->first, "edu", "PCI");
    plugins_add_common(f->p, "tenon.pci/1", common, G_N_ELEMENTS(common));
    plugins_add_common(f->p, "tenon.isa/1", common, 1);
    text = print_props(f, "edu");
    g_assert_cmpstr(
        text, ==,
        "edu options:\n"
        "  addr=<str>             - Slot and optional function number\n"
        "  delay=<uint64>         - nanoseconds a factorial takes (default: 1000)\n"
        "  dma-delay=<uint64>     - nanoseconds a copy takes (default: 1000)\n"
        "  dma_mask=<uint64>      - address bits the device drives (default: 268435455)\n"
        "  multifunction=<bool>   - on/off (default: false)\n");
    free(text);
    g_assert_null(print_props(f, "ed"));
    g_assert_cmpstr(f->said->str, ==, "tenon: -device: no such device (did you mean 'edu'?)\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/list/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("groups", test_groups);
    ADD("alias", test_alias);
    ADD("shadow", test_shadow);
    ADD("many", test_many);
    ADD("props", test_props);
    return g_test_run();
}
