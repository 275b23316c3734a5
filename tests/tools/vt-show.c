/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vt-show - the screen that standard input leaves on the text console of -chardev vc, for tests
 * beside other terminals.
 *
 *   vt-show COLS ROWS          the rows as text, and "COL,ROW" of the cursor
 *   vt-show COLS ROWS cells    one line for each cell that is not blank
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vt.h"

static void put_utf8(uint32_t c)
{
    if (c < 0x80) {
        putchar(c);
        return;
    }
    if (c >= 0x10000) {
        putchar(0xf0 | c >> 18);
        putchar(0x80 | (c >> 12 & 0x3f));
    } else if (c >= 0x800) {
        putchar(0xe0 | c >> 12);
    }
    putchar(c < 0x800 ? 0xc0 | c >> 6 : 0x80 | (c >> 6 & 0x3f));
    putchar(0x80 | (c & 0x3f));
}

static bool is_blank(const struct tenon_cell *cell)
{
    return cell->character == ' ' && cell->bg == TENON_COLOUR_DEFAULT && !cell->attributes;
}

static void show_text(const struct vt *v)
{
    for (unsigned row = 0; row < v->rows; row++) {
        unsigned end = v->cols;

        while (end && v->line[row][end - 1].character == ' ')
            end--;
        for (unsigned col = 0; col < end; col++)
            put_utf8(v->line[row][col].character);
        putchar('\n');
    }
    printf("%u,%u\n", v->at.col, v->at.row);
}

static void show_cells(const struct vt *v)
{
    for (unsigned row = 0; row < v->rows; row++)
        for (unsigned col = 0; col < v->cols; col++) {
            const struct tenon_cell *cell = &v->line[row][col];

            if (!is_blank(cell))
                printf("%u,%u: %x %x on %x, %x\n", col, row, cell->character, cell->fg, cell->bg,
                       cell->attributes);
        }
}

int main(int argc, char **argv)
{
    struct vt v;
    char buf[4096];
    size_t n;

    if (argc < 3 || vt_init(&v, atoi(argv[1]), atoi(argv[2]), VT_UTF8))
        return 2;
    while ((n = fread(buf, 1, sizeof(buf), stdin)))
        vt_write(&v, buf, n);
    if (argc > 3)
        show_cells(&v);
    else
        show_text(&v);
    vt_finish(&v);
    return 0;
}
