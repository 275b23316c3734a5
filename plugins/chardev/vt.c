/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vt - a terminal's screen: the grid, the cursor, and what moves them. */

#include "vt.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TAB_WIDTH = 8 };

static unsigned min(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* ---- Cells ---- */

static void touch(struct vt *v, unsigned row, unsigned end)
{
    v->changed = min(v->changed, row);
    if (end > v->changed_end)
        v->changed_end = end;
}

/* Blank cells have the background that is written with. */
static void blank(struct vt *v, struct tenon_cell *cell, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        cell[i] = (struct tenon_cell){ ' ', TENON_COLOUR_DEFAULT, v->at.pen.bg, 0 };
}

void vt_erase(struct vt *v, unsigned row, unsigned col, unsigned end)
{
    end = min(end, v->cols);
    if (col < end)
        blank(v, v->line[row] + col, end - col);
    touch(v, row, row + 1);
}

void vt_erase_rows(struct vt *v, unsigned row, unsigned end)
{
    for (; row < end && row < v->rows; row++)
        vt_erase(v, row, 0, v->cols);
}

void vt_fill(struct vt *v, uint32_t character)
{
    for (unsigned row = 0; row < v->rows; row++) {
        vt_erase(v, row, 0, v->cols);
        for (unsigned col = 0; col < v->cols; col++)
            v->line[row][col].character = character;
    }
}

/* How many of n cells there are from the cursor to the end of its line. */
static unsigned cells_left(const struct vt *v, unsigned n)
{
    return min(n, v->cols - v->at.col);
}

void vt_insert_cells(struct vt *v, unsigned n)
{
    struct tenon_cell *at = v->line[v->at.row] + v->at.col;

    n = cells_left(v, n);
    memmove(at + n, at, (v->cols - v->at.col - n) * sizeof(*at));
    vt_erase(v, v->at.row, v->at.col, v->at.col + n);
}

void vt_delete_cells(struct vt *v, unsigned n)
{
    struct tenon_cell *at = v->line[v->at.row] + v->at.col;

    n = cells_left(v, n);
    memmove(at, at + n, (v->cols - v->at.col - n) * sizeof(*at));
    vt_erase(v, v->at.row, v->cols - n, v->cols);
}

/* ---- Scrolling ---- */

/* Keeps a line, and gives another in its place: the oldest. */
static struct tenon_cell *keep(struct vt *v, struct tenon_cell *line)
{
    struct tenon_cell *oldest = v->past[v->past_next];

    v->past[v->past_next] = line;
    v->past_next = (v->past_next + 1) % VT_PAST;
    v->n_past = min(v->n_past + 1, VT_PAST);
    return oldest;
}

void vt_forget_past(struct vt *v)
{
    v->n_past = 0;
}

void vt_scroll_up(struct vt *v, unsigned top, unsigned n)
{
    struct tenon_cell **line = v->line + top;
    unsigned more = v->bottom - top - 1;

    for (n = min(n, more + 1); n; n--) {
        struct tenon_cell *first = *line;

        memmove(line, line + 1, more * sizeof(*line));
        line[more] = top || v->alternate ? first : keep(v, first);
        blank(v, line[more], v->cols);
    }
    touch(v, top, v->bottom);
}

void vt_scroll_down(struct vt *v, unsigned top, unsigned n)
{
    struct tenon_cell **line = v->line + top;
    unsigned more = v->bottom - top - 1;

    for (n = min(n, more + 1); n; n--) {
        struct tenon_cell *last = line[more];

        memmove(line + 1, line, more * sizeof(*line));
        *line = last;
        blank(v, last, v->cols);
    }
    touch(v, top, v->bottom);
}

/* ---- The cursor ---- */

void vt_go(struct vt *v, unsigned col, unsigned row)
{
    v->at.col = min(col, v->cols - 1);
    v->at.row = min(row, v->rows - 1);
    v->at.wraps = false;
}

void vt_up(struct vt *v, unsigned n)
{
    unsigned first = v->at.row >= v->top ? v->top : 0;

    vt_go(v, v->at.col, v->at.row - min(n, v->at.row - first));
}

void vt_down(struct vt *v, unsigned n)
{
    unsigned last = (v->at.row < v->bottom ? v->bottom : v->rows) - 1;

    vt_go(v, v->at.col, v->at.row + min(n, last - v->at.row));
}

void vt_index(struct vt *v)
{
    if (v->at.row + 1 == v->bottom)
        vt_scroll_up(v, v->top, 1);
    else
        vt_down(v, 1);
    v->at.wraps = false;
}

void vt_reverse_index(struct vt *v)
{
    if (v->at.row == v->top)
        vt_scroll_down(v, v->top, 1);
    else
        vt_up(v, 1);
    v->at.wraps = false;
}

void vt_tab(struct vt *v, unsigned n)
{
    unsigned col = v->at.col;

    for (; n && col < v->cols - 1; n--)
        for (col++; col < v->cols - 1 && !v->tabs[col];)
            col++;
    if (col != v->at.col)
        vt_go(v, col, v->at.row);
}

void vt_back_tab(struct vt *v, unsigned n)
{
    unsigned col = v->at.col;

    for (; n && col; n--)
        for (col--; col && !v->tabs[col];)
            col--;
    vt_go(v, col, v->at.row);
}

void vt_print(struct vt *v, uint32_t character)
{
    struct vt_cursor *at = &v->at;

    if (at->wraps && v->autowrap) {
        at->col = 0;
        vt_index(v);
    }
    if (v->insert)
        vt_insert_cells(v, 1);
    v->line[at->row][at->col] =
        (struct tenon_cell){ character, at->pen.fg, at->pen.bg, at->pen.attributes };
    touch(v, at->row, at->row + 1);
    at->wraps = at->col == v->cols - 1;
    at->col += !at->wraps;
    v->latest = character;
}

/* ---- The screen ---- */

void vt_show_screen(struct vt *v, bool alternate)
{
    struct tenon_cell **other = v->hidden;

    if (alternate == v->alternate)
        return;
    v->hidden = v->line;
    v->line = other;
    v->alternate = alternate;
    touch(v, 0, v->rows);
}

void vt_reset(struct vt *v)
{
    vt_show_screen(v, false);
    v->at = (struct vt_cursor){ .pen = { TENON_COLOUR_DEFAULT, TENON_COLOUR_DEFAULT, 0 } };
    v->saved[0] = v->saved[1] = v->at;
    v->top = 0;
    v->bottom = v->rows;
    for (unsigned i = 0; i < v->cols; i++)
        v->tabs[i] = i % TAB_WIDTH == 0;
    v->autowrap = true;
    v->insert = v->newline = v->cursor_keys = v->keypad = v->inverse = v->invisible = false;
    v->latest = 0;
    vt_erase_rows(v, 0, v->rows);
}

const struct tenon_cell *vt_row(const struct vt *v, int row)
{
    if (row >= 0)
        return (unsigned)row < v->rows ? v->line[row] : NULL;
    if (row < -(int)v->n_past)
        return NULL;
    return v->past[(v->past_next + VT_PAST + row) % VT_PAST];
}

/* ---- Start and end ---- */

int vt_init(struct vt *v, unsigned cols, unsigned rows, enum vt_encoding encoding)
{
    size_t lines = 2 * rows + VT_PAST;

    *v = (struct vt){ .cols = cols, .rows = rows, .encoding = encoding };
    v->cells = calloc(lines * cols, sizeof(*v->cells));
    v->line = calloc(lines, sizeof(*v->line));
    if (!v->cells || !v->line) {
        vt_finish(v);
        return -ENOMEM;
    }
    for (size_t i = 0; i < lines; i++)
        v->line[i] = v->cells + i * cols;
    v->hidden = v->line + rows;
    v->past = v->line + 2 * rows;
    vt_reset(v);
    return 0;
}

void vt_finish(struct vt *v)
{
    free(v->cells);
    free(v->alternate ? v->hidden : v->line);
    *v = (struct vt){ 0 };
}
