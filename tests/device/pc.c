/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* pc - the board's memory, CMOS and fw_cfg as firmware finds them, and command lines it refuses. */

#include "board.h"

#include <string.h>
#include <unistd.h>

#define MIB 0x100000ull
#define GIB 0x40000000ull

static uint8_t cmos(struct board *b, uint8_t index)
{
    outb(b, 0x70, index);
    return inb(b, 0x71);
}

static unsigned cmos16(struct board *b, uint8_t index)
{
    return cmos(b, index) | cmos(b, index + 1) << 8;
}

static bool is_ram(struct board *b, uint64_t addr)
{
    uint64_t before = mem_read(b, addr, 8);
    bool ram;

    mem_write(b, addr, 0x1122334455667788, 8);
    ram = mem_read(b, addr, 8) == 0x1122334455667788;
    mem_write(b, addr, before, 8);
    return ram;
}

static void ram_has_its_holes(void)
{
    struct board *b = board_start("-nodefaults -m 32");

    g_assert_true(is_ram(b, 0));
    g_assert_true(is_ram(b, 0xa0000 - 8));
    g_assert_false(is_ram(b, 0xa0000));
    g_assert_false(is_ram(b, 0xf0000));
    g_assert_true(is_ram(b, MIB));
    g_assert_true(is_ram(b, 32 * MIB - 8));
    g_assert_false(is_ram(b, 32 * MIB));
    board_finish(b);
}

static void much_ram_is_split_at_3_gib(void)
{
    static const struct {
        const char *options;
        uint64_t low, high;
    } cases[] = {
        { "-nodefaults -m 3583", 3583 * MIB, 0 },
        { "-nodefaults -m 3584", 3 * GIB, 512 * MIB },
        { "-nodefaults -m 5G", 3 * GIB, 2 * GIB },
        { "-nodefaults -m 3G -machine max-ram-below-4g=2G", 2 * GIB, GIB },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct board *b = board_start(cases[i].options);

        g_assert_true(is_ram(b, cases[i].low - 8));
        g_assert_false(is_ram(b, cases[i].low));
        if (cases[i].high)
            g_assert_true(is_ram(b, 4 * GIB + cases[i].high - 8));
        g_assert_false(is_ram(b, 4 * GIB + cases[i].high));
        g_assert_cmphex(cmos16(b, 0x34), ==, (cases[i].low - 16 * MIB) >> 16);
        g_assert_cmphex(cmos16(b, 0x5b), ==, cases[i].high >> 16);
        board_finish(b);
    }
}

static void firmware_is_seen_twice(void)
{
    struct board *b = board_start("-nodefaults");

    g_assert_cmphex(mem_read(b, 0xfffffff0, 1), ==, 0xea); /* a far jump */
    for (uint32_t at = 0; at < 0x20000; at += 0x1238)
        g_assert_cmphex(mem_read(b, 0xe0000 + at, 8), ==, mem_read(b, 0xfffe0000 + at, 8));
    board_finish(b);
}

static void cmos_describes_the_board(void)
{
    struct board *b = board_start("-nodefaults -m 64 -smp 3 -boot order=nc");

    g_assert_cmpint(cmos16(b, 0x15), ==, 640);
    g_assert_cmpint(cmos16(b, 0x17), ==, 63 << 10);
    g_assert_cmpint(cmos16(b, 0x30), ==, 63 << 10);
    g_assert_cmphex(cmos16(b, 0x34), ==, 48 << 4);
    g_assert_cmphex(cmos(b, 0x14), ==, 0x06);
    g_assert_cmphex(cmos(b, 0x5f), ==, 2);
    g_assert_cmphex(cmos(b, 0x3d), ==, 0x24);
    g_assert_cmphex(cmos(b, 0x38), ==, 0x00);
    board_finish(b);
}

static void once_is_over_after_a_reset(void)
{
    struct board *b = board_start("-nodefaults -boot order=c,once=d");

    g_assert_cmphex(cmos(b, 0x3d), ==, 0x03);
    board_reset(b);
    g_assert_cmphex(cmos(b, 0x3d), ==, 0x02);
    board_reset(b);
    g_assert_cmphex(cmos(b, 0x3d), ==, 0x02);
    board_finish(b);
}

/* A folder with files that are no kernels. */
static char *make_folder(void)
{
    static const struct {
        const char *name, *text;
        size_t len;
    } files[] = {
        { "text", "just a text", 11 },
        { "uimage", "\x27\x05\x19\x56 and more", 13 },
        { "empty", "", 0 },
    };
    char *folder = g_dir_make_tmp("tenon-pc-XXXXXX", NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(files); i++) {
        char *path = g_build_filename(folder, files[i].name, NULL);

        g_assert_true(g_file_set_contents(path, files[i].text, files[i].len, NULL));
        g_free(path);
    }
    return folder;
}

static void remove_folder(char *folder)
{
    GDir *dir = g_dir_open(folder, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(dir))) {
        char *path = g_build_filename(folder, name, NULL);

        unlink(path);
        g_free(path);
    }
    g_dir_close(dir);
    rmdir(folder);
    g_free(folder);
}

static void wrong_command_lines_are_refused(void)
{
    static const struct {
        const char *options, *says;
    } cases[] = {
        { "-kernel @/text", "is no kernel" },
        { "-kernel @/empty", "is no kernel" },
        { "-kernel @/uimage", "uImage" },
        { "-kernel @", "directory" },
        { "-kernel @/nothing", "No such file" },
        { "-initrd @/text", "need a -kernel" },
        { "-append foo", "need a -kernel" },
        { "-machine firmware=none", "needs a -kernel" },
        { "-bios @/text", "64 KiB" },
        { "-bios @/nothing", "nothing" },
        { "-machine vmport=on", "vmport=on" },
        { "-machine smm=on", "smm=on" },
        { "-boot order=p", "'p'" },
        { "-boot splash=@/text", "neither JPEG nor BMP" },
        { "-smbios type=99", "type=99" },
        { "-option-rom @/nothing", "nothing" },
    };
    char *folder = make_folder();

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        char **parts = g_strsplit(cases[i].options, "@", 2), *path = g_strjoinv(folder, parts);
        char *options = g_strconcat("-nodefaults ", path, NULL), *errors = NULL;

        g_assert_null(board_try(options, &errors));
        if (!strstr(errors, cases[i].says) || strchr(errors, '\n') != strrchr(errors, '\n'))
            g_error("%s says \"%s\"", options, errors);
        g_free(errors);
        g_free(options);
        g_free(path);
        g_strfreev(parts);
    }
    remove_folder(folder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pc/ram-has-its-holes", ram_has_its_holes);
    g_test_add_func("/pc/much-ram-is-split-at-3-gib", much_ram_is_split_at_3_gib);
    g_test_add_func("/pc/firmware-is-seen-twice", firmware_is_seen_twice);
    g_test_add_func("/pc/cmos-describes-the-board", cmos_describes_the_board);
    g_test_add_func("/pc/once-is-over-after-a-reset", once_is_over_after_a_reset);
    g_test_add_func("/pc/wrong-command-lines-are-refused", wrong_command_lines_are_refused);
    return g_test_run();
}
