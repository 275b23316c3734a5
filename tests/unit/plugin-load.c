/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin-load - plugins by name and by path: the good ones, and a clear line for each bad one. */

#include "plugin-test.h"

/* Two folders: first and second on the search path. */
struct fixture {
    char *first, *second;
    struct plugins *p;
    GString *said, *edu;
};

static void set_up(struct fixture *f, const void *arg)
{
    char *dirs;

    f->first = temp_dir();
    f->second = temp_dir();
    f->edu = contents("device-edu.so");
    f->said = listen();
    dirs = g_strdup_printf("%s:%s", f->first, f->second);
    f->p = plugins_create(dirs);
    g_free(dirs);
}

static void tear_down(struct fixture *f, const void *arg)
{
    plugins_destroy(f->p);
    report_redirect(NULL, NULL);
    g_string_free(f->said, true);
    g_string_free(f->edu, true);
    remove_dir(f->first);
    remove_dir(f->second);
}

static void put_edu(struct fixture *f, const char *dir, const char *name, int mode)
{
    put_file(dir, name, f->edu->str, f->edu->len, mode);
}

static const struct type *load(struct fixture *f, const char *name)
{
    char *where = g_strdup_printf("-device %s", name);
    const struct type *type = plugins_load(f->p, "device", name, where);

    g_free(where);
    return type;
}

static void assert_refused(struct fixture *f, const char *name, const char *why)
{
    g_string_truncate(f->said, 0);
    g_assert_null(load(f, name));
    assert_said(f->said, why);
    g_assert_cmpuint(lines(f->said), ==, 1);
}

/* ---- Good ones ---- */

static void test_load(struct fixture *f, const void *arg)
{
    const struct type *type;

    put_edu(f, f->second, "device-edu.so", 0644);
    g_assert_true(plugins_have(f->p, "device", "edu"));
    g_assert_false(plugins_have(f->p, "device", "edu2"));
    g_assert_false(plugins_have(f->p, "chardev", "edu"));
    type = load(f, "edu");
    g_assert_nonnull(type);
    g_assert_cmpstr(f->said->str, ==, "");
    g_assert_cmpstr(type->t.name, ==, "edu");
    g_assert_cmpstr(type->t.kind, ==, "device");
    g_assert_cmpuint(type->n_props, ==, 3);
    g_assert_cmpuint(type->n_timers, ==, 2);
    g_assert_cmpuint(type->n_windows, ==, 1);
    g_assert_cmpstr(type->regs[type->n_regs - 1].name, ==, "buffer");
    g_assert_cmpuint(type->regs[type->n_regs - 1].count, ==, 4096);
    g_assert_cmpuint(type->windows[0].bytes, ==, 1 << 20);
    g_assert_nonnull(type_prop(type, "delay"));
    g_assert_true(load(f, "edu") == type);
}

/* A path needs no folder, no fitting name, and no strict mode. */
static void test_path(struct fixture *f, const void *arg)
{
    const struct type *type;
    char *path;

    put_edu(f, f->first, "mine.so", 0666);
    path = g_build_filename(f->first, "mine.so", NULL);
    type = load(f, path);
    g_assert_nonnull(type);
    g_assert_cmpstr(type->t.name, ==, "edu");
    g_assert_cmpstr(type->path, ==, path);
    g_assert_true(load(f, path) == type);
    g_assert_cmpstr(f->said->str, ==, "");
    assert_refused(f, "edu", "tenon: -device edu: no such device");
    g_free(path);
    assert_refused(f, "./no/such.so", "./no/such.so cannot be read: No such file or directory");
}

/* ---- Bad ones ---- */

static void test_missing(struct fixture *f, const void *arg)
{
    put_file(f->first, "device-floppy.so", "", 0, 0644);
    put_file(f->first, "chardev-fooo.so", "", 0, 0644);
    assert_refused(f, "flopy", "tenon: -device flopy: no such device (did you mean 'floppy'?)");
    assert_refused(f, "zzzzzzzz", "tenon: -device zzzzzzzz: no such device\n");
    assert_refused(f, "a b", "'a b' is not a name of a device");
    assert_refused(f, "..", "'..' is not a name of a device");
}

static void test_mode(struct fixture *f, const void *arg)
{
    put_edu(f, f->first, "device-edu.so", 0646);
    assert_refused(f, "edu", "device-edu.so is writable by others: refused");
    put_edu(f, f->first, "device-edu.so", 0664);
    assert_refused(f, "edu", "device-edu.so is writable by others: refused");
    if (geteuid() == 0) {
        char *path = g_build_filename(f->first, "device-edu.so", NULL);

        put_edu(f, f->first, "device-edu.so", 0644);
        g_assert_cmpint(chown(path, 12345, 12345), ==, 0);
        assert_refused(f, "edu", "device-edu.so belongs to another user: refused");
        g_free(path);
    }
}

static void test_no_file(struct fixture *f, const void *arg)
{
    char *path = g_build_filename(f->first, "device-edu.so", NULL);

    g_assert_cmpint(mkdir(path, 0755), ==, 0);
    assert_refused(f, "edu", "device-edu.so is not a regular file");
    rmdir(path);
    g_assert_cmpint(mkfifo(path, 0644), ==, 0);
    assert_refused(f, "edu", "device-edu.so is not a regular file");
    unlink(path);
    put_file(f->first, "device-edu.so", "", 0, 0644);
    assert_refused(f, "edu", "device-edu.so is empty");
    put_file(f->first, "device-edu.so", "hello\n", 6, 0644);
    assert_refused(f, "edu", "device-edu.so is not an ELF file");
    unlink(path);
    g_assert_cmpint(symlink("nowhere", path), ==, 0);
    assert_refused(f, "edu", "no such device");
    g_free(path);
}

/* Overwrites the start of the string (behind a zero byte) that begins with from. */
static void patch(GString *file, const char *from, const char *to)
{
    char *word = g_strdup_printf("%c%s", 0, from), *at;

    at = memmem(file->str, file->len, word, strlen(from) + 1);
    g_assert_nonnull(at);
    memcpy(at + 1, to, strlen(to));
    g_free(word);
}

static void test_card(struct fixture *f, const void *arg)
{
    GString *foreign = contents("foreign.so");
    uint32_t major = 1;
    char *owner;

    put_file(f->first, "device-edu.so", f->edu->str, f->edu->len / 2, 0644);
    assert_refused(f, "edu", "device-edu.so is truncated");
    /* Its constructor ends the program: it is refused before it can run. */
    put_file(f->first, "device-edu.so", foreign->str, foreign->len, 0644);
    assert_refused(f, "edu", "device-edu.so is no plugin: it has no card");
    put_edu(f, f->first, "device-other.so", 0644);
    assert_refused(f, "other", "device-other.so holds no device 'other'");
    f->edu->str[offsetof(Elf64_Ehdr, e_machine)] = (char)EM_AARCH64;
    put_edu(f, f->first, "device-edu.so", 0644);
    assert_refused(f, "edu", "device-edu.so is built for another processor");
    f->edu->str[offsetof(Elf64_Ehdr, e_machine)] = EM_X86_64;
    patch(f->edu, "need=0", "need=3");
    put_edu(f, f->first, "device-edu.so", 0644);
    assert_refused(f, "edu", "needs plugin interface 0.3, this emulator has 0.0");
    patch(f->edu, "need=3", "need=0");
    owner = memmem(f->edu->str, f->edu->len, "TENON\0", 6);
    memcpy(owner - 4, &major, sizeof(major));
    put_edu(f, f->first, "device-edu.so", 0644);
    assert_refused(f, "edu", "is built for interface 1, this emulator has 0");
    g_string_free(foreign, true);
}

/* The card is fine, but the file is not what it says. */
static void test_link(struct fixture *f, const void *arg)
{
    GString *mute = contents("edu-mute.so");

    put_file(f->first, "device-edu.so", mute->str, mute->len, 0644);
    assert_refused(f, "edu", "device-edu.so is no plugin: it does not export tenon_plugin_0");
    g_string_free(mute, true);
}

/* A file that serves two interfaces is loaded for ours. */
static void test_both(struct fixture *f, const void *arg)
{
    GString *both = contents("edu-both.so");
    const struct type *type;

    put_file(f->first, "device-edu.so", both->str, both->len, 0644);
    type = load(f, "edu");
    g_assert_nonnull(type);
    g_assert_cmpstr(type->t.help, ==, "Educational device");
    g_assert_cmpstr(f->said->str, ==, "");
    g_string_free(both, true);
}

/* What is wrong in one folder does not hide what is right in the next. */
static void test_next(struct fixture *f, const void *arg)
{
    const struct type *type;
    char *path = g_build_filename(f->second, "device-edu.so", NULL);

    put_file(f->first, "device-edu.so", f->edu->str, 100, 0644);
    put_edu(f, f->second, "device-edu.so", 0644);
    type = load(f, "edu");
    g_assert_nonnull(type);
    g_assert_cmpstr(type->path, ==, path);
    assert_said(f->said, "tenon: warning: -device edu: ");
    assert_said(f->said, "device-edu.so is truncated\n");
    g_assert_cmpuint(lines(f->said), ==, 1);
    g_free(path);
}

static void test_package(struct fixture *f, const void *arg)
{
    static const char text[] =
        "# a comment\n\ndevice qxl tenon-display-spice\n  display qxl x \nbad\n";

    put_file(f->first, "packages", text, strlen(text), 0644);
    g_free(f->p->packages);
    f->p->packages = g_build_filename(f->first, "packages", NULL);
    assert_refused(f, "qxl",
                   "device 'qxl' is not installed: it comes with the package "
                   "tenon-display-spice");
    assert_refused(f, "qxm", "no such device");
}

/* ---- Tables ---- */

struct state {
    struct tenon_dev *dev;
    uint32_t number;
    bool flag;
    const char *text;
    uint16_t array[4];
};

static uint64_t read_none(void *self, uint64_t reg, unsigned size)
{
    return 0;
}

static void write_none(void *self, uint64_t reg, uint64_t value, unsigned size)
{
}

static void fire_none(void *self)
{
}

static const char *const words[] = { "one", "two", NULL };
static const struct tenon_type good = {
    .size = sizeof(good),
    .state_size = sizeof(struct state),
    .kind = "device",
    .name = "x y",
    .help = "x",
    .ops_id = "tenon.isa/1",
};
static const struct tenon_prop good_prop =
    TENON_PROP(struct state, "number", TENON_U32, number, .initial = 3, .min = 1, .max = 4);
static const struct tenon_reg good_reg = TENON_REGS(struct state, array);
static const struct tenon_timer good_timer = { .name = "timer", .fire = fire_none };
static const struct tenon_window good_window = {
    .name = "window",
    .space = TENON_IO,
    .base = 0xfff8,
    .bytes = 8,
    .read = read_none,
    .write = write_none,
};

static void assert_type(const struct tenon_type *t, const char *why)
{
    char *said = NULL;
    struct type *type = type_create(t, "x.so", &said);

    if (why && (!said || !strstr(said, why)))
        g_error("\"%s\" is not in: %s", why, said ? said : "(nothing)");
    if (!why)
        g_assert_cmpstr(said, ==, NULL);
    g_assert_true(!type == !!why);
    g_free(said);
    type_destroy(type);
}

#define BAD(element, change, why)                                                                  \
    do {                                                                                           \
        struct tenon_type t = good;                                                                \
        struct tenon_##element e = good_##element;                                                 \
        t.element##s = (struct tenon_array){ &e, 1, sizeof(e) };                                   \
        assert_type(&t, NULL);                                                                     \
        change;                                                                                    \
        assert_type(&t, why);                                                                      \
    } while (0)

static void test_bad_props(void)
{
    BAD(prop, e.name = NULL, "property 0 has no usable name");
    BAD(prop, e.name = "", "property 0 has no usable name");
    BAD(prop, e.name = "a,b", "property 0 has no usable name");
    BAD(prop, e.type = 150, "is of an unknown type, 150");
    BAD(prop, e.type = TENON_U64, "has a field of 4 bytes, its type has 8");
    BAD(prop, e.bytes = 0, "has a field of 0 bytes, its type has 4");
    BAD(prop, e.offset = 0, "property 'number' lies outside the state");
    BAD(prop, e.offset = sizeof(struct state) - 3, "lies outside the state");
    BAD(prop, e.offset = UINT32_MAX, "lies outside the state");
    BAD(prop, e.initial = UINT64_C(1) << 32, "has a default that does not fit its type");
    BAD(prop, e.min = 5, "has an impossible range");
    BAD(prop, e.max = UINT64_C(1) << 32, "has an impossible range");
    BAD(prop, (e.type = TENON_ENUM, e.names = NULL), "has no name for its default");
    BAD(prop, (e.type = TENON_ENUM, e.names = words), "has no name for its default");
    BAD(prop, t.props.items = NULL, "a table has an impossible size");
    BAD(prop, t.props.stride = 8, "a table has an impossible size");
    BAD(prop, t.props.count = 1000000, "a table has an impossible size");
}

static void test_bad_others(void)
{
    BAD(reg, e.bytes = 3, "register 'array' is 3 bytes wide");
    BAD(reg, e.count = 0, "lies outside the state");
    BAD(reg, e.count = UINT32_MAX, "lies outside the state");
    BAD(reg, e.reset = 0x10000, "has a reset value wider than itself");
    BAD(timer, e.fire = NULL, "timer 'timer' has no fire()");
    BAD(timer, e.clock = 7, "is of an unknown clock, 7");
    BAD(window, e.read = NULL; e.write = NULL, "window 'window' has neither read() nor write()");
    BAD(window, e.space = 0, "is in an unknown space, 0");
    BAD(window, e.bytes = 9, "does not fit its space");
    BAD(window, e.bytes = 0, "does not fit its space");
    BAD(window, e.width_min = 3, "has impossible access widths");
    BAD(window, (e.width_min = 4, e.width_max = 2), "has impossible access widths");
    BAD(window, (e.space = TENON_MEM, e.base = UINT64_MAX - 7), "does not fit its space");
}

static void test_bad_types(void)
{
    static const uint32_t no_size = 0;
    struct tenon_reg twice[2] = { good_reg, good_reg };
    struct tenon_type t;

#define BAD_TYPE(change, why) (t = good, change, assert_type(&t, why))
    assert_type(NULL, "a type has an impossible size");
    BAD_TYPE(t.size = 8, "a type has an impossible size");
    BAD_TYPE(t.size = UINT32_MAX, "a type has an impossible size");
    BAD_TYPE(t.name = NULL, "a type has no name");
    BAD_TYPE(t.kind = "", "a type has no name");
    BAD_TYPE(t.state_size = 0, "device 'x': a state of 0 bytes is impossible");
    BAD_TYPE(t.state_size = UINT32_MAX, "is impossible");
    BAD_TYPE(t.lines = 1000000, "1000000 interrupt lines are impossible");
    BAD_TYPE(t.ops_id = NULL, "its ops_id are missing");
    BAD_TYPE(t.ops_id = "tenon.pci/1", "its ops are missing");
    BAD_TYPE(t.ops = &no_size, "its ops do not say their size");
    BAD_TYPE(t.regs = ((struct tenon_array){ twice, 2, sizeof(twice[0]) }),
             "register 'array' is there twice");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, test) g_test_add("/load/" name, struct fixture, NULL, set_up, test, tear_down)
    ADD("name", test_load);
    ADD("path", test_path);
    ADD("missing", test_missing);
    ADD("mode", test_mode);
    ADD("no-file", test_no_file);
    ADD("card", test_card);
    ADD("link", test_link);
    ADD("both", test_both);
    ADD("next", test_next);
    ADD("package", test_package);
    g_test_add_func("/load/bad-props", test_bad_props);
    g_test_add_func("/load/bad-others", test_bad_others);
    g_test_add_func("/load/bad-types", test_bad_types);
    return g_test_run();
}
