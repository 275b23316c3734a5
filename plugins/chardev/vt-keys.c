/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vt-keys - what a terminal sends for keys: a VT220's sequences (EK-VT220-RM, chapter 3). */

#include <stdio.h>
#include <string.h>

#include "vt.h"

enum { ESC = 0x1b };

/* Keysyms of X11 (keysymdef.h). */
enum {
    KEY_UNICODE = 0x1000000,
    KEYPAD_FIRST = 0xffaa, /* * + , - . / 0 to 9 */
    KEYPAD_LAST = 0xffb9,
};

/* Keys that send one character, or are numbered: ESC [ N ~, or have a letter: ESC [ L, ESC O L. */
// clang-format off
static const struct key {
    uint16_t keysym;
    uint8_t character, number;
    char letter, pad; /* pad: the letter is sent after O always */
} keys[] = {
    { 0xff08, .character = 0x7f },     /* BackSpace */
    { 0xff09, .character = '\t' },
    { 0xff0d, .character = '\r' },     /* Return */
    { 0xff1b, .character = ESC },
    { 0xff50, .number = 1 },           /* Home */
    { 0xff51, .letter = 'D' },         /* Left, Up, Right, Down */
    { 0xff52, .letter = 'A' },
    { 0xff53, .letter = 'C' },
    { 0xff54, .letter = 'B' },
    { 0xff55, .number = 5 },           /* Page Up, Page Down */
    { 0xff56, .number = 6 },
    { 0xff57, .number = 4 },           /* End */
    { 0xff63, .number = 2 },           /* Insert */
    { 0xff8d, .character = '\r' },     /* Enter */
    { 0xffbe, .letter = 'P', .pad = 1 }, /* F1 to F12 */
    { 0xffbf, .letter = 'Q', .pad = 1 },
    { 0xffc0, .letter = 'R', .pad = 1 },
    { 0xffc1, .letter = 'S', .pad = 1 },
    { 0xffc2, .number = 15 }, { 0xffc3, .number = 17 }, { 0xffc4, .number = 18 },
    { 0xffc5, .number = 19 }, { 0xffc6, .number = 20 }, { 0xffc7, .number = 21 },
    { 0xffc8, .number = 23 }, { 0xffc9, .number = 24 },
    { 0xffff, .number = 3 },           /* Delete */
};
// clang-format on

/* Of code page 437 there are the letters of ASCII here; nobody types the others. */
static size_t encode(const struct vt *v, uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = c;
        return 1;
    }
    if (v->encoding != VT_UTF8 || c > 0x10ffff || c >> 11 == 0xd800 >> 11)
        return 0;
    if (c < 0x800) {
        to[0] = 0xc0 | c >> 6;
        to[1] = 0x80 | (c & 0x3f);
        return 2;
    }
    if (c < 0x10000) {
        to[0] = 0xe0 | c >> 12;
        to[1] = 0x80 | (c >> 6 & 0x3f);
        to[2] = 0x80 | (c & 0x3f);
        return 3;
    }
    to[0] = 0xf0 | c >> 18;
    to[1] = 0x80 | (c >> 12 & 0x3f);
    to[2] = 0x80 | (c >> 6 & 0x3f);
    to[3] = 0x80 | (c & 0x3f);
    return 4;
}

/* Characters; Alt puts ESC before one. */
static size_t type(const struct vt *v, uint32_t c, uint32_t modifiers, char *to)
{
    size_t escape = modifiers & TENON_KEY_ALT ? 1 : 0, n;

    if (modifiers & TENON_KEY_CTRL && (c == ' ' || (c >= '@' && c <= 0x7f)))
        c &= 0x1f;
    *to = ESC;
    n = encode(v, c, to + escape);
    return n ? n + escape : 0;
}

static size_t keypad(const struct vt *v, uint32_t keysym, uint32_t modifiers, char *to)
{
    char c = keysym - KEYPAD_FIRST + '*';

    if (!v->keypad)
        return type(v, c, modifiers, to);
    return snprintf(to, VT_KEY_BYTES, "\033O%c", c - '*' + 'j');
}

static size_t special(const struct vt *v, const struct key *key, uint32_t modifiers, char *to)
{
    if (key->number)
        return snprintf(to, VT_KEY_BYTES, "\033[%u~", key->number);
    if (key->letter)
        return snprintf(to, VT_KEY_BYTES, "\033%c%c", key->pad || v->cursor_keys ? 'O' : '[',
                        key->letter);
    if (key->character == '\r' && v->newline)
        return snprintf(to, VT_KEY_BYTES, "\r\n");
    return type(v, key->character, modifiers & TENON_KEY_ALT, to);
}

size_t vt_key(const struct vt *v, uint32_t keysym, uint32_t modifiers, char bytes[VT_KEY_BYTES])
{
    if (keysym >= KEY_UNICODE)
        return type(v, keysym - KEY_UNICODE, modifiers, bytes);
    if ((keysym >= 0x20 && keysym <= 0x7e) || (keysym >= 0xa0 && keysym <= 0xff))
        return type(v, keysym, modifiers, bytes);
    if (keysym >= KEYPAD_FIRST && keysym <= KEYPAD_LAST)
        return keypad(v, keysym, modifiers, bytes);
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (keys[i].keysym == keysym)
            return special(v, &keys[i], modifiers, bytes);
    return 0;
}
