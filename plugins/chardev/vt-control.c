/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vt-control - a terminal's input: characters, and the control functions that they make up. */

#include <stdio.h>
#include <string.h>

#include "vt.h"

enum { ESC = 0x1b, REPLACEMENT = 0xfffd };

/* ---- Characters ---- */

/* Code page 437 from 0x80 on, in Unicode. */
// clang-format off
static const uint16_t cp437[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7, 0x00ea, 0x00eb, 0x00e8, 0x00ef,
    0x00ee, 0x00ec, 0x00c4, 0x00c5, 0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192, 0x00e1, 0x00ed, 0x00f3, 0x00fa,
    0x00f1, 0x00d1, 0x00aa, 0x00ba, 0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4, 0x03a6, 0x0398, 0x03a9, 0x03b4,
    0x221e, 0x03c6, 0x03b5, 0x2229, 0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

/* DEC's Special Graphics, 0x5f to 0x7e. */
static const uint16_t graphics[32] = {
    0x00a0, 0x25c6, 0x2592, 0x2409, 0x240c, 0x240d, 0x240a, 0x00b0, 0x00b1, 0x2424, 0x240b, 0x2518,
    0x2510, 0x250c, 0x2514, 0x253c, 0x23ba, 0x23bb, 0x2500, 0x23bc, 0x23bd, 0x251c, 0x2524, 0x2534,
    0x252c, 0x2502, 0x2264, 0x2265, 0x03c0, 0x2260, 0x00a3, 0x00b7,
};

/* Characters that take no cell: marks on the one before, and what has no shape. */
static const struct { uint32_t first, last; } shapeless[] = {
    { 0x0080, 0x009f }, { 0x00ad, 0x00ad }, { 0x0300, 0x036f }, { 0x1ab0, 0x1aff },
    { 0x1dc0, 0x1dff }, { 0x200b, 0x200f }, { 0x202a, 0x202e }, { 0x2060, 0x2064 },
    { 0x20d0, 0x20ff }, { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f }, { 0xfeff, 0xfeff },
    { 0xe0000, 0xe0fff },
};
// clang-format on

static void show(struct vt *v, uint32_t c)
{
    uint8_t set = v->at.set[v->at.shift];

    for (size_t i = 0; i < sizeof(shapeless) / sizeof(*shapeless); i++)
        if (c >= shapeless[i].first && c <= shapeless[i].last)
            return;
    if (set == VT_GRAPHICS && c >= 0x5f && c <= 0x7e)
        c = graphics[c - 0x5f];
    else if (set == VT_UK && c == '#')
        c = 0xa3;
    vt_print(v, c);
}

/* A byte from 0x80 on of UTF-8 (RFC 3629). */
static void utf8(struct vt *v, uint8_t byte)
{
    if (v->more && (byte & 0xc0) == 0x80) {
        v->code = v->code << 6 | (byte & 0x3f);
        if (--v->more)
            return;
        if (v->code < v->least || v->code > 0x10ffff || (v->code >> 11) == 0xd800 >> 11)
            v->code = REPLACEMENT;
        show(v, v->code);
        return;
    }
    if (v->more)
        show(v, REPLACEMENT);
    v->more = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc2;
    if (byte > 0xf4 || !v->more) {
        v->more = 0;
        show(v, REPLACEMENT);
        return;
    }
    v->code = byte & (0x3f >> v->more);
    v->least = v->more == 3 ? 0x10000 : v->more == 2 ? 0x800 : 0x80;
}

static void character(struct vt *v, uint8_t byte)
{
    if (byte >= 0x80 && v->encoding == VT_CP437) {
        show(v, cp437[byte - 0x80]);
    } else if (byte >= 0x80) {
        utf8(v, byte);
    } else {
        if (v->more)
            show(v, REPLACEMENT);
        v->more = 0;
        if (byte != 0x7f)
            show(v, byte);
    }
}

/* ---- Answers ---- */

/* All of it, or nothing: who asks faster than he reads does not get them all. */
static void answer(struct vt *v, const char *text)
{
    size_t n = strlen(text);

    if (n > sizeof(v->answers) - v->n_answers)
        return;
    memcpy(v->answers + v->n_answers, text, n);
    v->n_answers += n;
}

static void report_status(struct vt *v, unsigned what)
{
    char text[32];

    if (what == 5) {
        answer(v, "\033[0n");
    } else if (what == 6) {
        snprintf(text, sizeof(text), "\033[%u;%uR", v->at.row - (v->at.origin ? v->top : 0) + 1,
                 v->at.col + 1);
        answer(v, text);
    }
}

/* "A VT100 with the advanced video option"; secondary: a VT220's way of saying so. */
static void report_attributes(struct vt *v)
{
    if (!v->mark)
        answer(v, "\033[?1;2c");
    else if (v->mark == '>')
        answer(v, "\033[>0;0;0c");
}

/* ---- Parameters ---- */

/* The parameter, or what it is if it is missing or 0. */
static unsigned param(const struct vt *v, unsigned i, unsigned missing)
{
    return i < v->n_params && v->params[i] ? v->params[i] : missing;
}

static unsigned count(const struct vt *v)
{
    return param(v, 0, 1);
}

/* ---- Modes ---- */

static void go_home(struct vt *v)
{
    vt_go(v, 0, v->at.origin ? v->top : 0);
}

static void save(struct vt *v)
{
    v->saved[v->alternate] = v->at;
}

static void restore(struct vt *v)
{
    v->at = v->saved[v->alternate];
}

/* xterm's: with 1049 the cursor of the main screen is kept, and the alternate one begins empty. */
static void alternate_screen(struct vt *v, unsigned mode, bool on)
{
    bool entered = on && !v->alternate;

    if (mode == 1049 && entered)
        save(v);
    if (mode == 1047 && !on && v->alternate)
        vt_erase_rows(v, 0, v->rows);
    vt_show_screen(v, on);
    if (mode == 1049 && entered)
        vt_erase_rows(v, 0, v->rows);
    if (mode == 1049 && !on)
        restore(v);
}

static void private_mode(struct vt *v, unsigned mode, bool on)
{
    switch (mode) {
    case 1: v->cursor_keys = on; break;
    case 5:
        v->inverse = on;
        v->changed = 0;
        v->changed_end = v->rows;
        break;
    case 6:
        v->at.origin = on;
        go_home(v);
        break;
    case 7: v->autowrap = on; break;
    case 25: v->invisible = !on; break;
    case 47:
    case 1047:
    case 1049: alternate_screen(v, mode, on); break;
    case 66: v->keypad = on; break;
    case 1048: (on ? save : restore)(v); break;
    }
}

static void set_modes(struct vt *v, bool on)
{
    for (unsigned i = 0; i < v->n_params; i++)
        if (v->mark == '?')
            private_mode(v, v->params[i], on);
        else if (!v->mark && v->params[i] == 4)
            v->insert = on;
        else if (!v->mark && v->params[i] == 20)
            v->newline = on;
}

/* DECSTR. */
static void soft_reset(struct vt *v)
{
    v->at.pen = (struct vt_pen){ TENON_COLOUR_DEFAULT, TENON_COLOUR_DEFAULT, 0 };
    v->at.set[0] = v->at.set[1] = VT_ASCII;
    v->at.shift = 0;
    v->at.origin = v->insert = v->cursor_keys = v->keypad = v->invisible = false;
    v->autowrap = true;
    v->top = 0;
    v->bottom = v->rows;
    v->saved[v->alternate] = (struct vt_cursor){ .pen = v->at.pen };
}

static void set_region(struct vt *v)
{
    unsigned top = param(v, 0, 1) - 1, bottom = param(v, 1, v->rows);

    if (bottom > v->rows)
        bottom = v->rows;
    if (top + 1 >= bottom)
        return;
    v->top = top;
    v->bottom = bottom;
    go_home(v);
}

/* ---- Colours and attributes ---- */

/* The parameter after the i-th, if it is there. */
static unsigned following(const struct vt *v, unsigned i)
{
    return i < v->n_params ? v->params[i] & 0xff : 0;
}

/* 38 or 48 and what follows: ";5;N", ";2;R;G;B", or the same with colons, of which ITU T.416 has
 * one more before R.  How many parameters it was. */
static unsigned colour(const struct vt *v, unsigned i, uint32_t *to)
{
    bool colons = v->sub >> (i + 1) & 1;
    unsigned n = 1, at = i + 2;

    while (colons && i + n < v->n_params && v->sub >> (i + n) & 1)
        n++;
    if (following(v, i + 1) == 5) {
        *to = following(v, at);
        return colons ? n : 3;
    }
    if (following(v, i + 1) != 2)
        return colons ? n : 2;
    at += n > 5;
    *to = TENON_COLOUR_RGB | following(v, at) << 16 | following(v, at + 1) << 8 |
          following(v, at + 2);
    return colons ? n : 5;
}

/* The attribute of SGR 1 to 9, in order. */
static const uint8_t attributes[] = {
    TENON_CELL_BOLD,  TENON_CELL_FAINT,   TENON_CELL_ITALIC, TENON_CELL_UNDERLINE, TENON_CELL_BLINK,
    TENON_CELL_BLINK, TENON_CELL_REVERSE, TENON_CELL_HIDDEN, TENON_CELL_STRUCK,
};

static void simple_rendition(struct vt_pen *pen, unsigned n)
{
    if (n == 0)
        *pen = (struct vt_pen){ TENON_COLOUR_DEFAULT, TENON_COLOUR_DEFAULT, 0 };
    else if (n <= 9)
        pen->attributes |= attributes[n - 1];
    else if (n == 21)
        pen->attributes |= TENON_CELL_UNDERLINE; /* twice */
    else if (n == 22)
        pen->attributes &= ~(TENON_CELL_BOLD | TENON_CELL_FAINT);
    else if (n >= 23 && n <= 29)
        pen->attributes &= ~attributes[n - 21];
    else if (n >= 30 && n <= 37)
        pen->fg = n - 30;
    else if (n == 39)
        pen->fg = TENON_COLOUR_DEFAULT;
    else if (n >= 40 && n <= 47)
        pen->bg = n - 40;
    else if (n == 49)
        pen->bg = TENON_COLOUR_DEFAULT;
    else if (n >= 90 && n <= 97)
        pen->fg = n - 90 + 8;
    else if (n >= 100 && n <= 107)
        pen->bg = n - 100 + 8;
}

static void set_rendition(struct vt *v)
{
    struct vt_pen *pen = &v->at.pen;

    for (unsigned i = 0; i < v->n_params;) {
        unsigned n = v->params[i];

        if (n == 38 || n == 48) {
            i += colour(v, i, n == 38 ? &pen->fg : &pen->bg);
            continue;
        }
        if (n == 4 && v->sub >> (i + 1) & 1 && !following(v, i + 1))
            n = 24; /* 4:0 */
        simple_rendition(pen, n);
        while (++i < v->n_params && v->sub >> i & 1)
            ;
    }
}

/* ---- Control sequences ---- */

static void erase_display(struct vt *v)
{
    switch (param(v, 0, 0)) {
    case 0:
        vt_erase(v, v->at.row, v->at.col, v->cols);
        vt_erase_rows(v, v->at.row + 1, v->rows);
        break;
    case 1:
        vt_erase_rows(v, 0, v->at.row);
        vt_erase(v, v->at.row, 0, v->at.col + 1);
        break;
    case 2: vt_erase_rows(v, 0, v->rows); break;
    case 3: vt_forget_past(v); break;
    }
}

static void erase_line(struct vt *v)
{
    unsigned what = param(v, 0, 0);

    if (what <= 2)
        vt_erase(v, v->at.row, what ? 0 : v->at.col, what == 1 ? v->at.col + 1 : v->cols);
}

/* IL and DL: not outside of what scrolls. */
static void move_lines(struct vt *v, void (*scroll)(struct vt *v, unsigned top, unsigned n))
{
    if (v->at.row < v->top || v->at.row >= v->bottom)
        return;
    scroll(v, v->at.row, count(v));
    vt_go(v, 0, v->at.row);
}

static void clear_tabs(struct vt *v)
{
    unsigned what = param(v, 0, 0);

    if (what == 0)
        v->tabs[v->at.col] = false;
    else if (what == 3)
        memset(v->tabs, 0, sizeof(v->tabs));
}

/* REP: to the end of the line at most. */
static void repeat(struct vt *v)
{
    unsigned left = v->cols - v->at.col, n = count(v) < left ? count(v) : left;

    for (; v->latest && n; n--)
        vt_print(v, v->latest);
}

/* A row as the guest counts them, from 1. */
static void go_row(struct vt *v, unsigned col, unsigned row)
{
    unsigned first = v->at.origin ? v->top : 0, end = v->at.origin ? v->bottom : v->rows;

    row += first - 1;
    vt_go(v, col, row < end ? row : end - 1);
}

static void cursor_left(struct vt *v, unsigned n)
{
    vt_go(v, v->at.col - (n < v->at.col ? n : v->at.col), v->at.row);
}

static void plain_control(struct vt *v, uint8_t final)
{
    struct vt_cursor *at = &v->at;

    switch (final) {
    case '@': vt_insert_cells(v, count(v)); break;
    case 'A': vt_up(v, count(v)); break;
    case 'B':
    case 'e': vt_down(v, count(v)); break;
    case 'C':
    case 'a': vt_go(v, at->col + count(v), at->row); break;
    case 'D': cursor_left(v, count(v)); break;
    case 'E':
        vt_down(v, count(v));
        vt_go(v, 0, at->row);
        break;
    case 'F':
        vt_up(v, count(v));
        vt_go(v, 0, at->row);
        break;
    case 'G':
    case '`': vt_go(v, count(v) - 1, at->row); break;
    case 'H':
    case 'f': go_row(v, param(v, 1, 1) - 1, count(v)); break;
    case 'I': vt_tab(v, count(v)); break;
    case 'J': erase_display(v); break;
    case 'K': erase_line(v); break;
    case 'L': move_lines(v, vt_scroll_down); break;
    case 'M': move_lines(v, vt_scroll_up); break;
    case 'P': vt_delete_cells(v, count(v)); break;
    case 'S': vt_scroll_up(v, v->top, count(v)); break;
    case 'T': vt_scroll_down(v, v->top, count(v)); break;
    case 'X': vt_erase(v, at->row, at->col, at->col + count(v)); break;
    case 'Z': vt_back_tab(v, count(v)); break;
    case 'b': repeat(v); break;
    case 'd': go_row(v, at->col, count(v)); break;
    case 'g': clear_tabs(v); break;
    case 'm': set_rendition(v); break;
    case 'n': report_status(v, param(v, 0, 0)); break;
    case 'r': set_region(v); break;
    case 's': save(v); break;
    case 'u': restore(v); break;
    }
}

static void control_sequence(struct vt *v, uint8_t final)
{
    if (v->intermediate == '!' && final == 'p' && !v->mark)
        soft_reset(v);
    else if (v->intermediate)
        return;
    else if (final == 'h' || final == 'l')
        set_modes(v, final == 'h');
    else if (final == 'c')
        report_attributes(v);
    else if (!v->mark)
        plain_control(v, final);
}

/* ---- Escape sequences ---- */

static void designate(struct vt *v, unsigned which, uint8_t final)
{
    v->at.set[which] = final == '0' ? VT_GRAPHICS : final == 'A' ? VT_UK : VT_ASCII;
}

static void align(struct vt *v)
{
    v->top = 0;
    v->bottom = v->rows;
    vt_go(v, 0, 0);
    vt_fill(v, 'E');
}

static void escape_sequence(struct vt *v, uint8_t final)
{
    if (v->intermediate == '(' || v->intermediate == ')')
        designate(v, v->intermediate == ')', final);
    else if (v->intermediate == '#' && final == '8')
        align(v);
    if (v->intermediate)
        return;
    switch (final) {
    case '7': save(v); break;
    case '8': restore(v); break;
    case '=': v->keypad = true; break;
    case '>': v->keypad = false; break;
    case 'D': vt_index(v); break;
    case 'E':
        vt_go(v, 0, v->at.row);
        vt_index(v);
        break;
    case 'H': v->tabs[v->at.col] = true; break;
    case 'M': vt_reverse_index(v); break;
    case 'Z': answer(v, "\033[?1;2c"); break;
    case 'c': vt_reset(v); break;
    }
}

static void escape(struct vt *v, uint8_t byte)
{
    v->state = VT_GROUND;
    if (byte >= 0x20 && byte <= 0x2f) {
        v->state = VT_ESCAPE;
        v->intermediate = v->intermediate ? 0x7f : byte; /* two: none that is known */
    } else if (v->intermediate || !strchr("[]PX^_", byte)) {
        escape_sequence(v, byte);
    } else if (byte == '[') {
        v->state = VT_CSI;
        v->n_params = 1;
        v->params[0] = v->sub = 0;
    } else {
        v->state = VT_STRING;
    }
}

static void parameter(struct vt *v, uint8_t byte)
{
    uint16_t *last = &v->params[v->n_params - 1];

    if (byte <= '9') {
        *last = *last > VT_PARAM_MAX / 10 ? VT_PARAM_MAX : *last * 10 + byte - '0';
    } else if (v->n_params == VT_PARAMS) {
        v->state = VT_CSI_SKIP;
    } else {
        v->sub |= (uint32_t)(byte == ':') << v->n_params;
        v->params[v->n_params++] = 0;
    }
}

static void csi(struct vt *v, uint8_t byte)
{
    bool first = v->n_params == 1 && !v->params[0] && !v->mark;

    if (byte >= 0x40) {
        v->state = VT_GROUND;
        control_sequence(v, byte);
    } else if (byte >= 0x3c && first) {
        v->mark = byte;
    } else if (byte >= 0x3c || (byte >= 0x30 && v->intermediate)) {
        v->state = VT_CSI_SKIP;
    } else if (byte >= 0x30) {
        parameter(v, byte);
    } else {
        v->intermediate = v->intermediate ? 0x7f : byte;
    }
}

/* ---- Control characters ---- */

static void control(struct vt *v, uint8_t byte)
{
    switch (byte) {
    case '\b': cursor_left(v, 1); break;
    case '\t': vt_tab(v, 1); break;
    case '\n':
    case '\v':
    case '\f':
        vt_index(v);
        if (v->newline)
            vt_go(v, 0, v->at.row);
        break;
    case '\r': vt_go(v, 0, v->at.row); break;
    case 0x0e:
    case 0x0f: v->at.shift = byte == 0x0e; break;
    case 0x18:
    case 0x1a: v->state = VT_GROUND; break; /* what was going on is off */
    case ESC:
        v->state = VT_ESCAPE;
        v->mark = v->intermediate = 0;
        break;
    }
}

static void put(struct vt *v, uint8_t byte)
{
    if (v->state == VT_STRING || v->state == VT_STRING_ESCAPE) {
        bool over = byte == 7 || byte == 0x18 || byte == 0x1a;

        if (v->state == VT_STRING_ESCAPE && byte != '\\') {
            control(v, ESC); /* not ST: another sequence begins here */
            put(v, byte);
        } else {
            v->state = over || v->state == VT_STRING_ESCAPE ? VT_GROUND
                       : byte == ESC                        ? VT_STRING_ESCAPE
                                                            : VT_STRING;
        }
    } else if (byte < 0x20) {
        if (v->more)
            show(v, REPLACEMENT);
        v->more = 0;
        control(v, byte);
    } else if (v->state == VT_GROUND) {
        character(v, byte);
    } else if (byte >= 0x7f) {
        v->state = byte == 0x7f ? v->state : VT_GROUND;
    } else if (v->state == VT_ESCAPE) {
        escape(v, byte);
    } else if (v->state == VT_CSI) {
        csi(v, byte);
    } else if (byte >= 0x40) {
        v->state = VT_GROUND; /* the end of one that was wrong */
    }
}

void vt_write(struct vt *v, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        put(v, ((const uint8_t *)bytes)[i]);
}
