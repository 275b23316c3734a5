/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * vt - a terminal's screen: bytes go in, and move a cursor over a grid of cells.
 *
 * The control functions are those of ECMA-48 (5th edition) and of DEC's VT100 and VT220 (user
 * guides EK-VT100-UG, EK-VT220-RM) that programs use, with xterm's colours and second screen
 * (ctlseqs). What is not known is skipped.  No input takes more memory, or more time than its own
 * length and the screen's size account for.
 */
#ifndef TENON_CHARDEV_VT_H
#define TENON_CHARDEV_VT_H

#include <tenon/console.h>

enum {
    VT_COLS_MAX = 512,
    VT_ROWS_MAX = 256,
    VT_PAST = 1000, /* lines that are kept after they have scrolled away */
    VT_PARAMS = 16,
    VT_PARAM_MAX = 9999, /* larger numbers are this */
    VT_ANSWERS = 128,
    VT_KEY_BYTES = 8,
};

enum vt_encoding { VT_UTF8, VT_CP437 };
enum vt_set { VT_ASCII, VT_GRAPHICS, VT_UK };

struct vt_pen {
    uint32_t fg, bg, attributes;
};

/* What DECSC saves. */
struct vt_cursor {
    unsigned col, row;
    bool wraps;  /* the last column has been written: the next character begins a line */
    bool origin; /* DECOM: rows count from the scrolling region's first */
    struct vt_pen pen;
    uint8_t shift;  /* which of sets is used, */
    uint8_t set[2]; /* of enum vt_set */
};

enum vt_state {
    VT_GROUND,
    VT_ESCAPE,
    VT_CSI,
    VT_CSI_SKIP, /* one that is wrong: up to its end */
    VT_STRING,   /* OSC, DCS and the like: up to ST */
    VT_STRING_ESCAPE,
};

struct vt {
    unsigned cols, rows;
    struct tenon_cell *cells;   /* the memory of all lines */
    struct tenon_cell **line;   /* rows of the screen */
    struct tenon_cell **hidden; /* rows of the other screen: main and alternate */
    struct tenon_cell **past;   /* a ring of VT_PAST lines */
    unsigned past_next, n_past;
    bool alternate;

    struct vt_cursor at, saved[2]; /* saved of either screen */
    unsigned top, bottom;          /* what scrolls: rows from top to before bottom */
    bool tabs[VT_COLS_MAX];
    bool insert, newline, autowrap, cursor_keys, keypad, inverse, invisible; /* modes */
    unsigned changed, changed_end;                                           /* rows */

    enum vt_encoding encoding;
    uint32_t code;   /* of a UTF-8 sequence so far */
    unsigned more;   /* bytes that it still has */
    uint32_t least;  /* ... and what it has to be, at least */
    uint32_t latest; /* the character written last, for REP */
    enum vt_state state;
    uint8_t mark, intermediate; /* of an escape sequence: '?' and such; 0: none */
    unsigned n_params;
    uint16_t params[VT_PARAMS];
    uint32_t sub; /* bit i: params[i] follows a colon */

    unsigned n_answers;
    char answers[VT_ANSWERS]; /* to be sent, and taken away by the owner */
};

/* 0 or -ENOMEM.  cols and rows are from 1 to VT_COLS_MAX and VT_ROWS_MAX. */
int vt_init(struct vt *v, unsigned cols, unsigned rows, enum vt_encoding encoding);
/* Also right for a zeroed one. */
void vt_finish(struct vt *v);
void vt_write(struct vt *v, const void *bytes, size_t n);
/* A row of the screen, or one of the past for -1 to -n_past; NULL beyond. */
const struct tenon_cell *vt_row(const struct vt *v, int row);
/* What the terminal sends for a key of X11's keysyms: how many bytes, 0 if nothing. */
size_t vt_key(const struct vt *v, uint32_t keysym, uint32_t modifiers, char bytes[VT_KEY_BYTES]);

/* ---- For vt-control.c: what the control functions do ---- */

enum { VT_ALL = VT_PARAM_MAX };

void vt_reset(struct vt *v); /* RIS */
void vt_print(struct vt *v, uint32_t character);
void vt_go(struct vt *v, unsigned col, unsigned row); /* as far as the screen reaches */
void vt_up(struct vt *v, unsigned n);                 /* as far as the scrolling region reaches */
void vt_down(struct vt *v, unsigned n);
void vt_index(struct vt *v);         /* a row down, scrolling */
void vt_reverse_index(struct vt *v); /* a row up */
void vt_tab(struct vt *v, unsigned n);
void vt_back_tab(struct vt *v, unsigned n);
/* Lines of the scrolling region from top on go up, or down, by n; blank ones follow. */
void vt_scroll_up(struct vt *v, unsigned top, unsigned n);
void vt_scroll_down(struct vt *v, unsigned top, unsigned n);
/* Of the cursor's line: those from the cursor on move. */
void vt_insert_cells(struct vt *v, unsigned n);
void vt_delete_cells(struct vt *v, unsigned n);
void vt_erase(struct vt *v, unsigned row, unsigned col, unsigned end);
void vt_erase_rows(struct vt *v, unsigned row, unsigned end);
void vt_fill(struct vt *v, uint32_t character); /* the screen */
void vt_forget_past(struct vt *v);
void vt_show_screen(struct vt *v, bool alternate);

#endif
