/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* vt - tests of the text console: what bytes leave on its screen, and what keys send. */

#include "vt.h"

#include <string.h>

#include <glib.h>

/* The screen as text: rows without the spaces at their ends, the last ones without end. */
static char *text_of(const struct vt *v)
{
    GString *text = g_string_new(NULL);

    for (int row = 0; row < (int)v->rows; row++) {
        const struct tenon_cell *cell = vt_row(v, row);
        gsize start = text->len;

        for (unsigned col = 0; col < v->cols; col++)
            g_string_append_unichar(text, cell[col].character);
        while (text->len > start && text->str[text->len - 1] == ' ')
            g_string_truncate(text, text->len - 1);
        g_string_append_c(text, '\n');
    }
    while (text->len && text->str[text->len - 1] == '\n')
        g_string_truncate(text, text->len - 1);
    return g_string_free(text, FALSE);
}

/* Byte by byte, so that every state outlives a call. */
static void feed(struct vt *v, const char *bytes)
{
    for (; *bytes; bytes++)
        vt_write(v, bytes, 1);
}

static void check(struct vt *v, const char *text, unsigned col, unsigned row)
{
    g_autofree char *got = text_of(v);

    g_assert_cmpstr(got, ==, text);
    g_assert_cmpuint(v->at.col, ==, col);
    g_assert_cmpuint(v->at.row, ==, row);
}

/* On 8 columns and 4 rows. */
// clang-format off
static const struct screen {
    const char *name, *bytes, *text;
    unsigned col, row;
} screens[] = {
    { "text",            "ab\r\ncd",                              "ab\ncd", 2, 1 },
    { "line-feed",       "ab\ncd",                                "ab\n  cd", 4, 1 },
    { "newline-mode",    "\33[20hab\ncd",                         "ab\ncd", 2, 1 },
    { "backspace",       "abc\b\bx",                              "axc", 2, 0 },
    { "wrap",            "abcdefghi",                             "abcdefgh\ni", 1, 1 },
    { "wrap-waits",      "abcdefgh",                              "abcdefgh", 7, 0 },
    { "wrap-forgotten",  "abcdefgh\rx",                           "xbcdefgh", 1, 0 },
    { "no-wrap",         "\33[?7labcdefghij",                     "abcdefgj", 7, 0 },
    { "scroll",          "a\r\nb\r\nc\r\nd\r\ne",                 "b\nc\nd\ne", 1, 3 },
    { "tab",             "\ta\r\33[3g\33[4C\33H\r\tb",            "    b  a", 5, 0 },
    { "tab-end",         "\t\t\tx",                               "       x", 7, 0 },
    { "back-tab",        "abcd\33[4G\33H\33[7G\33[Zx",            "abcx", 4, 0 },
    { "address",         "\33[2;3Hx\33[4;1fy\33[Hz",              "z\n  x\n\ny", 1, 0 },
    { "address-beyond",  "\33[99;99Hx\33[0;0Hy",                  "y\n\n\n       x", 1, 0 },
    { "moves",           "\33[3B\33[2Ca\33[A\33[Db\33[2A\33[Cc",  "    c\n\n  b\n  a", 5, 0 },
    { "lines",           "\33[2Ea\33[Fb\33[5Gc\33[4dd",           "\nb   c\na\n     d", 6, 3 },
    { "limits",          "\33[99A\33[99Da\33[99B\33[99Cb",        "a\n\n\n       b", 7, 3 },
    { "erase-right",     "abcdefg\33[4G\33[K",                    "abc", 3, 0 },
    { "erase-left",      "abcdefg\33[4G\33[1K",                   "    efg", 3, 0 },
    { "erase-line",      "abcdefg\33[4G\33[2K",                   "", 3, 0 },
    { "erase-below",     "ab\r\ncd\r\nef\33[2;2H\33[J",           "ab\nc", 1, 1 },
    { "erase-above",     "ab\r\ncd\r\nef\33[2;1H\33[1J",          "\n d\nef", 0, 1 },
    { "erase-all",       "ab\r\ncd\33[2J",                        "", 2, 1 },
    { "erase-cells",     "abcdefg\33[2G\33[3X",                   "a   efg", 1, 0 },
    { "insert-cells",    "abcdefg\33[2G\33[3@",                   "a   bcde", 1, 0 },
    { "delete-cells",    "abcdefg\33[2G\33[3P",                   "aefg", 1, 0 },
    { "delete-many",     "abcdefg\33[2G\33[9999P",                "a", 1, 0 },
    { "insert-mode",     "abc\33[4h\33[Gxy\33[4l\33[4Gz",         "xyazc", 4, 0 },
    { "insert-lines",    "a\r\nb\r\nc\33[2H\33[L",                "a\n\nb\nc", 0, 1 },
    { "delete-lines",    "a\r\nb\r\nc\33[H\33[2M",                "c", 0, 0 },
    { "region",          "a\r\nb\r\nc\r\nd\33[2;3r\33[3H\n\33[rx", "x\nc\n\nd", 1, 0 },
    { "region-lines",    "a\r\nb\r\nc\r\nd\33[2;3r\33[2H\33[L",   "a\n\nb\nd", 0, 1 },
    { "region-outside",  "a\r\nb\r\nc\r\nd\33[2;3r\33[4H\33[L\nx", "a\nb\nc\nx", 1, 3 },
    { "region-wrong",    "\33[2Ba\33[3;2rb",                      "\n\nab", 2, 2 },
    { "region-moves",    "\33[2;3r\33[2;1H\33[9Aa\33[9Bb",        "\na\n b", 2, 2 },
    { "origin",          "\33[2;3r\33[?6ha\33[9;9Hb\33[?6lc",     "c\na\n       b", 1, 0 },
    { "reverse-index",   "a\r\nb\33[H\33Mc",                      "c\na\nb", 1, 0 },
    { "index",           "\33[4Ha\33Db",                          "\n\na\n b", 2, 3 },
    { "next-line",       "ab\33Ec",                               "ab\nc", 1, 1 },
    { "scroll-up",       "a\r\nb\r\nc\33[S",                      "b\nc", 1, 2 },
    { "scroll-down",     "a\r\nb\r\nc\33[2T",                     "\n\na\nb", 1, 2 },
    { "repeat",          "ab\33[3b",                              "abbbb", 5, 0 },
    { "repeat-end",      "ab\33[9999b",                           "abbbbbbb", 7, 0 },
    { "save",            "ab\0337\33[3;3Hc\0338d",                "abd\n\n  c", 3, 0 },
    { "save-ansi",       "ab\33[s\33[3;3Hc\33[ud",                "abd\n\n  c", 3, 0 },
    { "alternate",       "ab\33[?1049hcd\33[?1049lef",            "abef", 4, 0 },
    { "alternate-shown", "ab\33[?1049hcd",                        "  cd", 4, 0 },
    { "alignment",       "\33#8",      "EEEEEEEE\nEEEEEEEE\nEEEEEEEE\nEEEEEEEE", 0, 0 },
    { "reset",           "ab\33[2;3r\33[?6h\33c\33[4;1Hx",        "\n\n\nx", 1, 3 },
    { "soft-reset",      "ab\33[2;3r\33[4h\33[!p\33[4;1Hx\33[Hy", "yb\n\n\nx", 1, 0 },
    { "graphics",        "\33(0lqk\33(Blqk",                      "┌─┐lqk", 6, 0 },
    { "shift",           "\33)0q\16q\17q",                        "q─q", 3, 0 },
    { "pounds",          "\33(A#\33(B#",                          "£#", 2, 0 },
    { "utf8",            "\303\244\342\202\254\360\220\215\210x", "ä€𐍈x", 4, 0 },
    { "utf8-broken",     "a\303b\377c\300\200d",                  "a�b�c��d", 7, 0 },
    { "utf8-long",       "\340\200\200\355\240\200\364\220\200\200", "���", 3, 0 },
    { "utf8-cut",        "a\342\202\33[3Gb\342\n",                "a�b�", 4, 1 },
    { "combining",       "e\314\201x",                            "ex", 2, 0 },
    { "control-within",  "\33[2\b;3\rHx",                         "\n  x", 3, 1 },
    { "cancelled",       "\33[2;\30Hx\33[3\32y",                  "Hxy", 3, 0 },
    { "new-escape",      "\33[2;\33[3Gx",                         "  x", 3, 0 },
    { "unknown",         "\33[5zx\33[1$y\33[?99h\33%Gy\33[>4;2mz", "xyz", 3, 0 },
    { "private-is-not",  "ab\33[?2Jc\33[>Jd",                     "abcd", 4, 0 },
    { "skipped",         "\33[1<2Jx\33[1 2Jy",                    "xy", 2, 0 },
    { "many-params",     "\33[1;2;3;4;5;6;7;8;9;10;11;12;13;14;15;16;17Hx", "x", 1, 0 },
    { "long-number",     "\33[99999999999999999999Cx",            "       x", 7, 0 },
    { "title",           "\33]0;a title\7x\33]2;other\33\\y",     "xy", 2, 0 },
    { "strings",         "\33Pq#0\33\\a\33_b\33\\c\33^d\33\\e\33Xf\33\\g", "aceg", 4, 0 },
    { "string-ends",     "\33]0;a\33[2Gx",                        " x", 2, 0 },
    { "delete-is-none",  "a\177b\33[\1772Cc",                     "ab  c", 5, 0 },
};
// clang-format on

static void test_screen(const void *arg)
{
    const struct screen *s = arg;
    struct vt v;

    g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
    feed(&v, s->bytes);
    check(&v, s->text, s->col, s->row);
    vt_finish(&v);
}

static void test_cp437(void)
{
    struct vt v;

    g_assert_cmpint(vt_init(&v, 8, 4, VT_CP437), ==, 0);
    feed(&v, "\311\315\273\204a\333");
    check(&v, "╔═╗äa█", 6, 0);
    vt_finish(&v);
}

/* ---- Colours and attributes ---- */

enum { D = TENON_COLOUR_DEFAULT, RGB = TENON_COLOUR_RGB };

// clang-format off
static const struct rendition {
    const char *sgr;
    struct vt_pen pen;
} renditions[] = {
    { "1;31;44",            { 1, 4, TENON_CELL_BOLD } },
    { "2;3;4;5;7;8;9",      { D, D, 0xfe } },
    { "1;2;22;3;23;4;24",   { D, D, 0 } },
    { "5;7;8;9;25;27;28;29", { D, D, 0 } },
    { "31;0",               { D, D, 0 } },
    { "31;",                { D, D, 0 } },
    { "31;42;39;49",        { D, D, 0 } },
    { "97;100",             { 15, 8, 0 } },
    { "38;5;200;48;5;7;1",  { 200, 7, TENON_CELL_BOLD } },
    { "38;2;1;2;3;48;2;4;5;6;4", { RGB | 0x010203, RGB | 0x040506, TENON_CELL_UNDERLINE } },
    { "38:5:200;48:5:7;1",  { 200, 7, TENON_CELL_BOLD } },
    { "38:2:1:2:3;1",       { RGB | 0x010203, D, TENON_CELL_BOLD } },
    { "38:2::1:2:3;1",      { RGB | 0x010203, D, TENON_CELL_BOLD } },
    { "4:3",                { D, D, TENON_CELL_UNDERLINE } },
    { "4;4:0;1",            { D, D, TENON_CELL_BOLD } },
    { "58:2::1:2:3;1",      { D, D, TENON_CELL_BOLD } },
    { "38",                 { D, D, 0 } },
    { "38;5",               { 0, D, 0 } },
    { "38;9;1",             { D, D, TENON_CELL_BOLD } },
    { "1;2;3;4;5;6;7;8;9;1;1;1;1;1;1;38", { D, D, 0xff } },
};
// clang-format on

static void test_renditions(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(renditions); i++) {
        const struct vt_pen *pen = &renditions[i].pen;
        g_autofree char *bytes = g_strdup_printf("\33[%smx", renditions[i].sgr);
        struct vt v;
        const struct tenon_cell *cell;

        g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
        feed(&v, bytes);
        cell = vt_row(&v, 0);
        g_test_message("%s", renditions[i].sgr);
        g_assert_cmpuint(cell->character, ==, 'x');
        g_assert_cmphex(cell->fg, ==, pen->fg);
        g_assert_cmphex(cell->bg, ==, pen->bg);
        g_assert_cmphex(cell->attributes, ==, pen->attributes);
        vt_finish(&v);
    }
}

/* What is erased, and scrolled in, has the background and nothing else. */
static void test_background(void)
{
    struct vt v;

    g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
    feed(&v, "\33[4H\33[1;31;44m\n\33[K");
    g_assert_cmphex(vt_row(&v, 3)->bg, ==, 4);
    g_assert_cmphex(vt_row(&v, 3)->fg, ==, D);
    g_assert_cmphex(vt_row(&v, 3)->attributes, ==, 0);
    g_assert_cmphex(vt_row(&v, 2)->bg, ==, D);
    vt_finish(&v);
}

/* ---- What has scrolled away, and what has changed ---- */

static void test_past(void)
{
    struct vt v;
    char line[16];

    g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
    g_assert_null(vt_row(&v, -1));
    feed(&v, "0\r\n1\r\n2\r\n3\r\n4\r\n5");
    g_assert_cmpuint(v.n_past, ==, 2);
    g_assert_cmpuint(vt_row(&v, -1)->character, ==, '1');
    g_assert_cmpuint(vt_row(&v, -2)->character, ==, '0');
    g_assert_null(vt_row(&v, -3));
    g_assert_null(vt_row(&v, 4));
    feed(&v, "\33[?1049h\n\n\n\n\n\33[?1049l"); /* keeps nothing */
    g_assert_cmpuint(v.n_past, ==, 2);
    for (int i = 0; i < 3000; i++) {
        g_snprintf(line, sizeof(line), "\r\n%c", 'a' + i % 26);
        feed(&v, line);
    }
    g_assert_cmpuint(v.n_past, ==, VT_PAST);
    g_assert_cmpuint(vt_row(&v, -1)->character, ==, 'a' + (2999 - 4) % 26);
    g_assert_cmpuint(vt_row(&v, -VT_PAST)->character, ==, 'a' + (2999 - 3 - VT_PAST) % 26);
    feed(&v, "\33[3J");
    g_assert_null(vt_row(&v, -1));
    vt_finish(&v);
}

static void assert_changed(struct vt *v, unsigned first, unsigned end)
{
    g_assert_cmpuint(v->changed, ==, first);
    g_assert_cmpuint(v->changed_end, ==, end);
    v->changed = v->rows;
    v->changed_end = 0;
}

static void test_changed(void)
{
    struct vt v;

    g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
    assert_changed(&v, 0, 4);
    feed(&v, "\33[2H");
    assert_changed(&v, 4, 0);
    feed(&v, "a");
    assert_changed(&v, 1, 2);
    feed(&v, "\33[4Hb\33[3Hc");
    assert_changed(&v, 2, 4);
    feed(&v, "\33[4H\n");
    assert_changed(&v, 0, 4);
    vt_finish(&v);
}

/* ---- What the terminal sends ---- */

static void assert_answers(struct vt *v, const char *text)
{
    g_assert_cmpmem(v->answers, v->n_answers, text, strlen(text));
    v->n_answers = 0;
}

static void test_answers(void)
{
    struct vt v;

    g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
    feed(&v, "\33[5n");
    assert_answers(&v, "\33[0n");
    feed(&v, "\33[3;5H\33[6n\33[2;3r\33[?6h\33[6n");
    assert_answers(&v, "\33[3;5R\33[1;1R");
    feed(&v, "\33[c\33Z\33[>c\33[?1c\33[9n");
    assert_answers(&v, "\33[?1;2c\33[?1;2c\33[>0;0;0c");
    for (int i = 0; i < 1000; i++) /* nobody takes them */
        feed(&v, "\33[5n");
    g_assert_cmpuint(v.n_answers, ==, VT_ANSWERS);
    g_assert_cmpmem(v.answers + VT_ANSWERS - 4, 4, "\33[0n", 4);
    vt_finish(&v);
}

static void assert_key(const struct vt *v, uint32_t keysym, uint32_t modifiers, const char *bytes)
{
    char got[VT_KEY_BYTES];
    size_t n = vt_key(v, keysym, modifiers, got);

    g_assert_cmpmem(got, n, bytes, strlen(bytes));
}

static void test_keys(void)
{
    struct vt v;

    g_assert_cmpint(vt_init(&v, 8, 4, VT_UTF8), ==, 0);
    assert_key(&v, 'a', 0, "a");
    assert_key(&v, 'c', TENON_KEY_CTRL, "\3");
    assert_key(&v, '[', TENON_KEY_CTRL | TENON_KEY_SHIFT, "\33");
    assert_key(&v, 'x', TENON_KEY_ALT, "\33x");
    assert_key(&v, 0xe4, 0, "ä");
    assert_key(&v, 0x10020ac, 0, "€");
    assert_key(&v, 0x1010348, TENON_KEY_ALT, "\33𐍈");
    assert_key(&v, 0x100d800, 0, "");
    assert_key(&v, 0x1110000, 0, "");
    assert_key(&v, 0xff0d, 0, "\r");
    assert_key(&v, 0xff08, 0, "\177");
    assert_key(&v, 0xff08, TENON_KEY_ALT, "\33\177");
    assert_key(&v, 0xff52, 0, "\33[A");
    assert_key(&v, 0xff50, 0, "\33[1~");
    assert_key(&v, 0xffff, 0, "\33[3~");
    assert_key(&v, 0xffbe, 0, "\33OP");
    assert_key(&v, 0xffc9, 0, "\33[24~");
    assert_key(&v, 0xffb5, 0, "5");
    assert_key(&v, 0xffe1, 0, ""); /* Shift */
    feed(&v, "\33[?1h\33=\33[20h");
    assert_key(&v, 0xff52, 0, "\33OA");
    assert_key(&v, 0xffb5, 0, "\33Ou");
    assert_key(&v, 0xffab, 0, "\33Ok");
    assert_key(&v, 0xff0d, 0, "\r\n");
    vt_finish(&v);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(screens); i++) {
        g_autofree char *path = g_strdup_printf("/vt/screen/%s", screens[i].name);

        g_test_add_data_func(path, &screens[i], test_screen);
    }
    g_test_add_func("/vt/cp437", test_cp437);
    g_test_add_func("/vt/renditions", test_renditions);
    g_test_add_func("/vt/background", test_background);
    g_test_add_func("/vt/past", test_past);
    g_test_add_func("/vt/changed", test_changed);
    g_test_add_func("/vt/answers", test_answers);
    g_test_add_func("/vt/keys", test_keys);
    return g_test_run();
}
