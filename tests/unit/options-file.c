/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options-file - configurations written to files and read from them. */

#include "options.h"

#include <string.h>
#include <unistd.h>

#include <glib/gstdio.h>

/* A file, and the configuration or the complaint that comes of it. */
static const struct {
    const char *text, *config, *said;
} files[] = {
    { "", "", "" },
    { "# nothing\n\n   # more of it\n", "", "" },
    { "[machine]\n  type = \"pc\"\n", "[machine] type=pc", "" },
    { "[machine]\ntype=\"pc\"", "[machine] type=pc", "" },
    { "[machine] # here\r\n\ttype\t=\t\"pc\" # there\r\n", "[machine] type=pc", "" },
    { "[machine]\n type = \"pc\"\n[S]\n[machine]\n accel = \"kvm\"\n",
      "[machine] type=pc accel=kvm [S]", "" },
    { "[device \"a\"]\n driver = \"edu\"\n[device]\n driver = \"edu\"\n",
      "[device#a] driver=edu [device] driver=edu", "" },
    { "[device]\n driver = \"edu\"\n id = \"a\"\n", "[device#a] driver=edu", "" },
    { "[netdev \"n\"]\n type = \"user\"\n hostfwd = \"a\"\n hostfwd = \"b\"\n",
      "[netdev#n] type=user hostfwd=a hostfwd=b", "" },
    { "[memory]\n size = \"64\"\n", "[memory] size=64M", "" },
    { "[machine]\n append = \"C:\\new 'x'\"\n", "[machine] append=C:\\new 'x'", "" },
    { "[machine]\n append = 'a\\nb\\x01\\\\\\'\"'\n", "[machine] append=a\nb\001\\'\"", "" },
    { "[machine]\n append = \"\"\n", "[machine] append=", "" },

    { "[machin]\n type = \"pc\"\n", NULL, "f:1: no group [machin]; did you mean [machine]?\n" },
    { "[zzzzzz]\n x = \"y\"\n[S]\n", NULL, "f:1: no group [zzzzzz]\n" },
    { "[machine \"a\"]\n type = \"pc\"\n", NULL, "f:1: [machine \"a\"]: takes no id\n" },
    { "[device \"9\"]\n driver = \"x\"\n", NULL,
      "f:1: [device \"9\"]: id \"9\" must begin with a letter and go on with letters, digits, '-', "
      "'.' and '_', "
      "127 at "
      "most\n" },
    { "[machine\n", NULL, "f:1: expected [group] or [group \"id\"]\n" },
    { "[]\n", NULL, "f:1: expected [group] or [group \"id\"]\n" },
    { "[device \"a]\n driver = \"x\"\n", NULL, "f:1: expected [group] or [group \"id\"]\n" },
    { "[device \"a\"] x\n", NULL, "f:1: expected [group] or [group \"id\"]\n" },
    { "x = \"y\"\n", NULL, "f:1: a [group] must come first\n" },
    { "[machine]\n\ntype = pc\n", NULL, "f:3: expected key = \"value\"\n" },
    { "[machine]\ntype = \"pc\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[machine]\ntype = \"p\" c\"\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[machine]\ntype = 'pc\\'\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[machine]\ntype = '\\x00'\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[machine]\ntype = '\\x1'\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[machine]\n = \"pc\"\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[machine]\ntype\n", NULL, "f:2: expected key = \"value\"\n" },
    { "[rtc]\nclok = \"vm\"\n", NULL, "f:2: no key \"clok\"; did you mean clock?\n" },
    { "[rtc]\n\n\nclock = \"vn\"\n", NULL, "f:4: clock must be host, rt or vm, not \"vn\"\n" },
    { "\n[device]\n x = \"1\"\n", NULL, "f:2: [device]: driver= is missing\n" },
    { "[device \"a\"]\n driver = \"x\"\n[device \"a\"]\n driver = \"y\"\n", NULL,
      "f:3: [device \"a\"]: id \"a\" is taken by f:1: [device \"a\"]\n" },
};

static void test_read(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        struct run run;

        run_file(&run, files[i].text, strlen(files[i].text));
        g_assert_cmpstr(run.said->str, ==, files[i].said);
        g_assert_cmpint(run.ret, ==, files[i].config ? 0 : -EINVAL);
        if (files[i].config) {
            char *dump = config_dump(run.config);

            g_assert_cmpstr(dump, ==, files[i].config);
            g_free(dump);
            assert_round_trip(run.config);
        }
        run_end(&run);
    }
}

/* What is not there yet is named by its line and its name. */
static void test_later(void)
{
    static const char text[] =
        "[drive \"d\"]\n file = \"x\"\n[machine]\n type = \"pc\"\n usb = \"on\"\n"
        "[chardev \"c\"]\n backend = \"testdev\"\n mux = \"on\"\n";
    struct run run;

    run_file(&run, text, strlen(text));
    g_assert_cmpint(run.ret, ==, 0);
    g_assert_cmpint(options_check(run.config, NULL), ==, -ENOTSUP);
    g_assert_cmpstr(run.said->str, ==,
                    "f:1: [drive \"d\"]: not in this build yet\n"
                    "f:5: usb=on: not in this build yet\n"
                    "f:7: backend=testdev: not in this build yet\n");
    run_end(&run);
}

static void test_not_text(void)
{
    static const char binary[] = "[machine]\n\0\177ELF\n\0\n";
    struct run run;

    run_file(&run, binary, sizeof binary);
    g_assert_cmpint(run.ret, ==, -EINVAL);
    g_assert_cmpstr(run.said->str, ==, "f:2: not a text file\n"); /* and no more is read */
    run_end(&run);
}

static void test_endless(void)
{
    struct run run;

    run_line(&run, "-readconfig /dev/zero");
    g_assert_cmpint(run.ret, ==, -EINVAL);
    g_assert_cmpstr(run.said->str, ==, "-readconfig: cannot read /dev/zero: too large\n");
    run_end(&run);
}

/* What is written looks like this. */
static void test_write(void)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct run run;

    run_line(&run, "-S -device x,id=a,b=1,c='d \"e\"'");
    config_write(run.config, out);
    fclose(out);
    g_assert_cmpstr(text, ==,
                    "# tenon configuration\n"
                    "\n[S]\n"
                    "\n[device \"a\"]\n  driver = \"x\"\n  b = \"1\"\n  c = 'd \"e\"'\n");
    free(text);
    run_end(&run);
}

/* -writeconfig to a file, -readconfig from it, with more options before and after. */
static void test_by_options(void)
{
    char *dir = g_dir_make_tmp("tenon-XXXXXX", NULL), *path = g_build_filename(dir, "c.conf", NULL);
    char *line = g_strdup_printf("-machine pc -m 64 -serial null -writeconfig '%s' -smp 2", path);
    char *dump;
    struct run run;

    run_line(&run, line);
    g_assert_cmpint(run.ret, ==, 0);
    g_assert_cmpstr(run.want.writeconfig, ==, path);
    g_assert_cmpint(config_write_file(run.config, run.want.writeconfig), ==, 0);
    run_end(&run);
    g_free(line);

    line = g_strdup_printf("-m 1,slots=3 -readconfig '%s' -machine accel=kvm", path);
    run_line(&run, line);
    g_assert_cmpstr(run.said->str, ==, "");
    dump = config_dump(run.config);
    g_assert_cmpstr(dump, ==,
                    "[memory] size=64M slots=3 [machine] type=pc accel=kvm [serial] dev=null "
                    "[smp-opts] cpus=2");
    run_end(&run);
    g_free(dump);
    g_free(line);

    g_unlink(path);
    g_rmdir(dir);
    g_free(path);
    g_free(dir);
}

static void test_cannot_write(void)
{
    struct run run;

    run_line(&run, "-S");
    g_assert_cmpint(config_write_file(run.config, "/does/not/exist"), ==, -ENOENT);
    g_assert_cmpstr(run.said->str, ==,
                    "-writeconfig: cannot write /does/not/exist: No such file or directory\n");
    if (access("/dev/full", W_OK) == 0)
        g_assert_cmpint(config_write_file(run.config, "/dev/full"), ==, -ENOSPC);
    run_end(&run);
}

/* Nothing that a shell can pass is lost between writing and reading. */
static void test_every_character(void)
{
    char value[256] = { 0 };
    struct run run;
    char *argv[] = { "tenon", "-append", value, "-device", "x", "-name", "a", NULL };

    for (unsigned c = 1; c < 256; c++)
        value[c - 1] = c;
    run_begin(&run);
    run.ret = options_parse(run.config, 7, argv, &run.want);
    g_assert_cmpint(run.ret, ==, 0);
    g_assert_cmpstr(group_string(config_find(run.config, "machine", NULL), "append", ""), ==,
                    value);
    assert_round_trip(run.config);
    for (unsigned c = 1; c < 256; c++) { /* each by itself, too */
        value[0] = c;
        value[1] = '\0';
        options_parse(run.config, 7, argv, &run.want);
        assert_round_trip(run.config);
    }
    run_end(&run);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options-file/read", test_read);
    g_test_add_func("/options-file/later", test_later);
    g_test_add_func("/options-file/not-text", test_not_text);
    g_test_add_func("/options-file/endless", test_endless);
    g_test_add_func("/options-file/write", test_write);
    g_test_add_func("/options-file/by-options", test_by_options);
    g_test_add_func("/options-file/cannot-write", test_cannot_write);
    g_test_add_func("/options-file/every-character", test_every_character);
    return g_test_run();
}
