/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fwcfg - the firmware configuration device as a guest reads it, and its DMA with hostile requests.
 */

#include "board.h"

#include <string.h>

enum { SELECTOR = 0x510, DATA = 0x511, DMA = 0x514 };
enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };
enum { REQUEST = 0x1000, BUFFER = 0x2000 };

static uint64_t read_number(struct board *b, unsigned bytes)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < bytes; i++)
        n |= (uint64_t)inb(b, DATA) << (8 * i);
    return n;
}

static uint64_t read_big_endian(struct board *b, unsigned bytes)
{
    uint64_t n = 0;

    while (bytes--)
        n = n << 8 | inb(b, DATA);
    return n;
}

/* Does a DMA request; the control word that comes back. */
static uint32_t dma(struct board *b, uint32_t control, uint32_t len, uint64_t addr)
{
    const uint32_t request[4] = { GUINT32_TO_BE(control), GUINT32_TO_BE(len),
                                  GUINT32_TO_BE((uint32_t)(addr >> 32)),
                                  GUINT32_TO_BE((uint32_t)addr) };

    mem_copy_out(b, REQUEST, request, sizeof(request));
    outl(b, DMA, 0);
    outl(b, DMA + 4, GUINT32_TO_BE(REQUEST));
    return __builtin_bswap32(mem_read(b, REQUEST, 4));
}

/* The key of a file, 0 if it is not there; names come sorted. */
static unsigned find_file(struct board *b, const char *name, uint32_t *bytes)
{
    char last[56] = "", file[56];
    unsigned found = 0;

    outw(b, SELECTOR, 0x19);
    for (uint32_t n = read_big_endian(b, 4); n; n--) {
        uint32_t len = read_big_endian(b, 4);
        unsigned key = read_big_endian(b, 2);

        read_number(b, 2);
        for (unsigned i = 0; i < sizeof(file); i++)
            file[i] = inb(b, DATA);
        g_assert_cmpstr(last, <, file);
        strcpy(last, file);
        if (strcmp(file, name))
            continue;
        found = key;
        *bytes = len;
    }
    return found;
}

static void it_is_found_by_its_signature(void)
{
    struct board *b = board_start("-nodefaults");

    outw(b, SELECTOR, 0);
    g_assert_cmphex(read_number(b, 4), ==, 0x554d4551);
    g_assert_cmphex(inb(b, DATA), ==, 0);
    outw(b, SELECTOR, 0);
    g_assert_cmphex(inb(b, DATA), ==, 'Q');
    outb(b, SELECTOR, 1); /* a byte selects nothing */
    g_assert_cmphex(inb(b, DATA), ==, 'E');
    outw(b, SELECTOR, 1);
    g_assert_cmphex(read_number(b, 4), ==, 3);
    g_assert_cmphex(inl(b, DMA), ==, 0x554d4551);
    g_assert_cmphex(inl(b, DMA + 4), ==, 0x47464320);
    board_finish(b);
}

static void it_describes_the_machine(void)
{
    struct board *b = board_start("-nodefaults -m 96 -smp 2");

    outw(b, SELECTOR, 3);
    g_assert_cmphex(read_number(b, 8), ==, 96 << 20);
    outw(b, SELECTOR, 5);
    g_assert_cmphex(read_number(b, 2), ==, 2);
    outw(b, SELECTOR, 0x8002);
    g_assert_cmphex(read_number(b, 4), ==, 1);
    outw(b, SELECTOR, 0x11); /* without -kernel */
    g_assert_cmphex(read_number(b, 8), ==, 0);
    board_finish(b);
}

static void files_are_sorted_and_readable(void)
{
    struct board *b =
        board_start("-nodefaults -fw_cfg opt/zz,string=hello -fw_cfg opt/aa,string=x");
    uint32_t bytes = 0;
    unsigned key = find_file(b, "opt/zz", &bytes);
    char text[8] = "";

    g_assert_cmpint(key, >=, 0x20);
    g_assert_cmpint(bytes, ==, 5);
    g_assert_cmphex(dma(b, key << 16 | SELECT | READ, 8, BUFFER), ==, 0);
    mem_copy_in(b, BUFFER, text, 8);
    g_assert_cmpmem(text, 8, "hello\0\0\0", 8);
    g_assert_cmphex(find_file(b, "opt/aa", &bytes), ==, key - 1);
    g_assert_cmphex(find_file(b, "etc/e820", &bytes), !=, 0);
    g_assert_cmphex(bytes % 20, ==, 0);
    board_finish(b);
}

static void acpi_tables_are_there_unless_switched_off(void)
{
    static const char *const files[] = { "etc/acpi/tables", "etc/acpi/rsdp", "etc/table-loader" };
    static const struct {
        const char *options;
        bool there;
    } rows[] = {
        { "-nodefaults", true },
        { "-nodefaults -machine acpi=on", true },
        { "-nodefaults -machine acpi=off", false },
        { "-nodefaults -no-acpi", false },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct board *b = board_start(rows[i].options);
        uint32_t bytes;

        for (unsigned n = 0; n < G_N_ELEMENTS(files); n++)
            g_assert_cmpint(find_file(b, files[n], &bytes) != 0, ==, rows[i].there);
        board_finish(b);
    }
}

static void pvpanic_tells_its_port(void)
{
    struct board *b = board_start("-nodefaults -device pvpanic,ioport=0x600");
    uint32_t bytes;
    unsigned key = find_file(b, "etc/pvpanic-port", &bytes);

    g_assert_cmpuint(key, !=, 0);
    g_assert_cmpuint(bytes, ==, 2);
    outw(b, SELECTOR, key);
    g_assert_cmphex(read_number(b, 2), ==, 0x600);
    board_finish(b);
}

static void dma_skips_and_goes_on(void)
{
    struct board *b = board_start("-nodefaults");

    g_assert_cmphex(dma(b, 0 << 16 | SELECT | SKIP, 2, 0), ==, 0);
    g_assert_cmphex(dma(b, READ, 1, BUFFER), ==, 0);
    g_assert_cmphex(mem_read(b, BUFFER, 1), ==, 'M');
    g_assert_cmphex(inb(b, DATA), ==, 'U');
    mem_write(b, BUFFER, 0x55, 1);
    g_assert_cmphex(dma(b, 0x3ff0 << 16 | SELECT | READ, 5000, BUFFER), ==, 0);
    g_assert_cmphex(mem_read(b, BUFFER, 1), ==, 0); /* what is not there is zero */
    g_assert_cmphex(mem_read(b, BUFFER + 4992, 8), ==, 0);
    board_finish(b);
}

static void hostile_requests_fail(void)
{
    struct board *b = board_start("-nodefaults -m 16");

    g_assert_cmphex(dma(b, SELECT | READ, 4, 0xfffffffffffffffe), ==, ERROR);
    g_assert_cmphex(dma(b, SELECT | READ, 0xffffffff, 0x800000), ==, ERROR);
    g_assert_cmphex(dma(b, SELECT | READ, 4, 16 << 20), ==, ERROR);
    g_assert_cmphex(dma(b, SELECT | SKIP, 0xffffffff, 0), ==, 0);
    g_assert_cmphex(dma(b, SKIP, 0xffffffff, 0), ==, 0);
    g_assert_cmphex(dma(b, READ, 4, BUFFER), ==, 0);
    g_assert_cmphex(mem_read(b, BUFFER, 4), ==, 0);
    g_assert_cmphex(dma(b, SELECT | WRITE, 4, BUFFER), ==, ERROR); /* the signature stays */
    outw(b, SELECTOR, 0);
    g_assert_cmphex(read_number(b, 4), ==, 0x554d4551);
    outl(b, DMA, GUINT32_TO_BE(0xffffffff)); /* a request that is nowhere */
    outl(b, DMA + 4, GUINT32_TO_BE(0xfffffff0));
    board_finish(b);
}

static void wrong_items_are_refused(void)
{
    static const char *const cases[][2] = {
        { "-nodefaults -fw_cfg opt/a,file=/nonexistent", "No such file" },
        { "-nodefaults -fw_cfg opt/a,string=x -fw_cfg opt/a,string=y", "already" },
        { "-nodefaults -fw_cfg "
          "opt/01234567890123456789012345678901234567890123456789012345,string=x",
          "55" },
        { "-nodefaults -fw_cfg opt/a", "file= or string=" },
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        char *errors = NULL;

        g_assert_null(board_try(cases[i][0], &errors));
        if (!strstr(errors, cases[i][1]))
            g_error("%s says \"%s\"", cases[i][0], errors);
        g_free(errors);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fwcfg/it-is-found-by-its-signature", it_is_found_by_its_signature);
    g_test_add_func("/fwcfg/it-describes-the-machine", it_describes_the_machine);
    g_test_add_func("/fwcfg/files-are-sorted-and-readable", files_are_sorted_and_readable);
    g_test_add_func("/fwcfg/acpi-tables-are-there-unless-switched-off",
                    acpi_tables_are_there_unless_switched_off);
    g_test_add_func("/fwcfg/pvpanic-tells-its-port", pvpanic_tells_its_port);
    g_test_add_func("/fwcfg/dma-skips-and-goes-on", dma_skips_and_goes_on);
    g_test_add_func("/fwcfg/hostile-requests-fail", hostile_requests_fail);
    g_test_add_func("/fwcfg/wrong-items-are-refused", wrong_items_are_refused);
    return g_test_run();
}
