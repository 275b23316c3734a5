/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* baum - tests of the protocol of Baum's braille displays, byte by byte. */

#include "baum.h"

#include <glib.h>

enum { CELLS = 5 };

static void send(struct baum *b, struct pending *out, const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        baum_write(b, (const uint8_t *)bytes + i, 1, out);
}
#define SEND(text) send(&b, &out, text, sizeof(text) - 1)

static void assert_out(struct pending *out, const void *bytes, size_t n)
{
    g_assert_cmpmem(out->data + out->at, out->n - out->at, bytes, n);
    out->at = out->n = 0;
}
#define OUT(text) assert_out(&out, text, sizeof(text) - 1)

#define DOTS(text) g_assert_cmpmem(b.dots, CELLS, text, CELLS)

static void test_data(void)
{
    struct pending out = { 0 };
    struct baum b;

    baum_init(&b, CELLS);
    SEND("\33\1abcd");
    g_assert_false(b.changed);
    SEND("e");
    g_assert_true(b.changed);
    DOTS("abcde");
    b.changed = false;
    SEND("\33\1abcde");
    g_assert_false(b.changed);
    SEND("more that belongs to nothing");
    DOTS("abcde");
    SEND("\33\1a\33\33b\33\33\33\33");
    DOTS("a\33b\33\33");
    OUT("");
}

/* What BRLTTY asks to learn what it talks to: data that ends early is a question. */
static void test_questions(void)
{
    struct pending out = { 0 };
    struct baum b;

    baum_init(&b, CELLS);
    SEND("\33\x8a");
    OUT("\33\x8a"
        "00000000");
    SEND("\33\x84");
    OUT("\33\x84"
        "Baum Vario      \33\1\5");
    SEND("\33\1\0\33\x8");
    OUT("\33\1\5\33\x24\0");
    SEND("\33\5");
    OUT("\33\5"
        "1");
    SEND("\33\x50\5\0\0\0\0\4\33\x12\1\2\33\xff");
    OUT("");
    DOTS("\0\0\0\0\0");
    g_assert_false(b.changed);
}

static void test_keys(void)
{
    struct pending out = { 0 };
    struct baum b;

    baum_init(&b, CELLS);
    baum_press(&b, BAUM_L2, &out);
    OUT("\33\x24\2\33\x24\0");
    baum_press(&b, BAUM_L1 | BAUM_L2 | BAUM_R1 | BAUM_R2, &out); /* an ESC */
    OUT("\33\x24\33\33\33\x24\0");
    baum_route(&b, 4, &out);
    OUT("\33\x22\20\33\x22\0");
    baum_route(&b, 5, &out);
    OUT("");
    baum_init(&b, BAUM_CELLS_MAX);
    baum_route(&b, 83, &out);
    OUT("\33\x22\0\0\0\0\0\0\0\0\0\0\x8\33\x22\0\0\0\0\0\0\0\0\0\0\0");
}

/* Who asks and does not read loses answers, and no more. */
static void test_flood(void)
{
    struct pending out = { 0 };
    struct baum b;

    baum_init(&b, CELLS);
    for (int i = 0; i < 10000; i++)
        SEND("\33\x84\33\x8a");
    g_assert_cmpuint(out.n, <=, PENDING_MAX);
    out.at = out.n;
    SEND("\33\5");
    OUT("\33\5"
        "1");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/baum/data", test_data);
    g_test_add_func("/baum/questions", test_questions);
    g_test_add_func("/baum/keys", test_keys);
    g_test_add_func("/baum/flood", test_flood);
    return g_test_run();
}
