/* SPDX-License-Identifier: MIT-0 */
/*
 * tenon/console.h - text consoles: a terminal that a back end plays (-chardev vc), for a display to
 * show and a keyboard to type at.
 */
/* clang-format off */
#ifndef TENON_CONSOLE_H
#define TENON_CONSOLE_H

#include <tenon/plugin.h>

/* Colours: 0 to 255 are xterm's palette (0 to 7 of ECMA-48, 8 to 15 the same, bright, 16 to 231 a
 * cube of 6 steps, 232 to 255 greys), or the default of what is shown, or TENON_COLOUR_RGB |
 * 0xrrggbb. */
enum {
    TENON_COLOUR_DEFAULT = 0x100,
    TENON_COLOUR_RGB = 0x1000000,
};

enum {                          /* attributes of a cell, as ECMA-48's SGR has them */
    TENON_CELL_BOLD = 1, TENON_CELL_FAINT = 2, TENON_CELL_ITALIC = 4, TENON_CELL_UNDERLINE = 8,
    TENON_CELL_BLINK = 16, TENON_CELL_REVERSE = 32, TENON_CELL_HIDDEN = 64, TENON_CELL_STRUCK = 128,
};

struct tenon_cell {
    uint32_t character;         /* of Unicode; a space if nothing is there */
    uint32_t fg, bg;
    uint32_t attributes;
};

/* What a display needs to know before it draws. */
struct tenon_console_state {
    uint32_t size;              /* filled in by the caller */
    uint32_t cols, rows;
    uint32_t past;              /* lines that have scrolled away and can still be read */
    uint32_t cursor_col, cursor_row;
    bool cursor_visible;
    bool inverse;               /* the whole screen is shown with its colours exchanged */
};

enum { TENON_KEY_SHIFT = 1, TENON_KEY_CTRL = 2, TENON_KEY_ALT = 4 };

/* "tenon.text-console/1" - an interface of such a back end. */
#define TENON_TEXT_CONSOLE "tenon.text-console/1"
struct tenon_text_console {
    uint32_t size;
    void (*state)(void *self, struct tenon_console_state *);                            /* [main] */
    /* The cols cells of a row: 0 to rows - 1, or -1 to -past for lines that have scrolled away, the
     * latest first; NULL beyond.  Valid until the callback returns. [main] */
    const struct tenon_cell *(*row)(void *self, int32_t row);
    /* The rows from *first to before *end have changed since the last call; false: none has. [main] */
    bool (*take_changed)(void *self, uint32_t *first, uint32_t *end);
    /* Calls changed(arg) soon after something has changed, the cursor included; once until
     * take_changed() is called.  NULL ends it. [main] */
    void (*watch)(void *self, void (*changed)(void *arg), void *arg);
    /* A key is pressed: its keysym (X11, keysymdef.h) and TENON_KEY_*.  False: the guest has not
     * read what was typed before, and there is no room; or it is no key of a terminal. [main] */
    bool (*key)(void *self, uint32_t keysym, uint32_t modifiers);
    /* Text that is pasted, as it is: how much there is room for. [main] */
    size_t (*paste)(void *self, const void *text, size_t len);
};

#endif
