/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options-lines - command lines that programs issued: every one parses and survives a round trip.
 */

#include "options.h"

#include <string.h>

static char **read_lines(void)
{
    char *path = g_test_build_filename(G_TEST_DIST, "..", "data", "command-lines.txt", NULL);
    char *text, **lines;
    GError *error = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    lines = g_strsplit(text, "\n", -1);
    g_free(text);
    g_free(path);
    return lines;
}

/* A line of the file without the program's name; NULL for a comment. */
static const char *arguments(const char *line)
{
    return *line && *line != '#' ? strchr(line, ' ') + 1 : NULL;
}

static void test_parse(void)
{
    char **lines = read_lines();
    unsigned n = 0;

    for (unsigned i = 0; lines[i]; i++) {
        const char *line = arguments(lines[i]);
        struct run run;

        if (!line)
            continue;
        run_line(&run, line);
        g_test_message("line %u", i + 1);
        g_assert_cmpstr(run.said->str, ==, "");
        g_assert_cmpint(run.ret, ==, 0);
        assert_round_trip(run.config);
        run_end(&run);
        n++;
    }
    g_assert_cmpuint(n, >=, 16);
    g_strfreev(lines);
}

/* The line of the file that contains the text, parsed and checked. */
static void check_line(struct run *run, const char *text)
{
    char **lines = read_lines();

    for (unsigned i = 0; lines[i]; i++) {
        const char *line = arguments(lines[i]);

        if (!line || !strstr(line, text))
            continue;
        run_line(run, line);
        run->ret = options_check(run->config, NULL);
        g_strfreev(lines);
        return;
    }
    g_error("no line with %s", text);
}

static void test_later(void)
{
    struct run run;

    check_line(&run, "none,accel=kvm:tcg -qmp unix:");
    g_assert_cmpstr(run.said->str, ==,
                    "-qmp unix:/var/lib/libvirt/qemu/qmp-XXXXXX/qmp.monitor,server=on,wait=off: "
                    "not in this build yet\n");
    run_end(&run);

    check_line(&run, "-name tdhtest");
    g_assert_cmpstr(
        run.said->str, ==,
        "-device virtio-net,netdev=user.0: not in this build yet\n"
        "-drive file=out/tdhtest,if=virtio,cache=writeback,discard=ignore,format=qcow2: "
        "not in this build yet\n"
        "-drive file=/images/p.iso,media=cdrom: not in this build yet\n"
        "-netdev user,id=user.0,hostfwd=tcp::3130-:22: not in this build yet\n"
        "-vnc 127.0.0.1:21: not in this build yet\n");
    g_assert_cmpint(run.ret, ==, -ENOTSUP);
    run_end(&run);

    check_line(&run, "-name virtme-ng");
    g_assert_cmpstr(
        run.said->str, ==,
        "-fsdev local,id=virtfs5,path=/,security_model=none,readonly=on,multidevs=remap: "
        "not in this build yet\n"
        "-device virtio-9p-pci,fsdev=virtfs5,mount_tag=/dev/root: not in this build yet\n"
        "-device i6300esb,id=watchdog0: not in this build yet\n"
        "-device virtio-net-pci,netdev=n0: not in this build yet\n"
        "-netdev user,id=n0: not in this build yet\n");
    run_end(&run);
}

/* What a program that looks for a word in JSON's place finds in the configuration. */
static void test_contents(void)
{
    const struct config_group *disk;
    struct run run;

    check_line(&run, "guest=lvt,");
    disk = config_find(run.config, "device", "virtio-disk0");
    g_assert_cmpstr(group_string(disk, "driver", NULL), ==, "virtio-blk-pci");
    g_assert_cmpstr(group_string(disk, "bootindex", NULL), ==, "1");
    g_assert_cmpstr(group_string(config_find(run.config, "memory", NULL), "size", NULL), ==,
                    "262144k");
    g_assert_cmpstr(group_string(config_find(run.config, "object", "pc.ram"), "size", NULL), ==,
                    "268435456");
    g_assert_cmpstr(group_string(config_find(run.config, "machine", NULL), "append", NULL), ==,
                    "console=ttyS0");
    run_end(&run);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options-lines/parse", test_parse);
    g_test_add_func("/options-lines/later", test_later);
    g_test_add_func("/options-lines/contents", test_contents);
    return g_test_run();
}
