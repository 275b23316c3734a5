/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edit - a line editor with history and completion.
 *
 * Keys are those of emacs, and the sequences that ECMA-48 terminals send for arrows and the like.
 */

#include "monitor/edit.h"

#include <string.h>

enum { PLAIN, ESCAPE, CSI, SS3 }; /* e->state */

#define CTRL(c) ((c)&31)

/* ---- Output ---- */

static void print(struct edit *e, const char *text, size_t len)
{
    e->print(e->arg, text, len);
}

static void print_text(struct edit *e, const char *text)
{
    print(e, text, strlen(text));
}

/* Cells that a part of the line takes: one a character. */
static size_t cells(const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++)
        n += (text[i] & 0xc0) != 0x80;
    return n;
}

static void repeat(struct edit *e, char c, size_t n)
{
    while (n--)
        print(e, &c, 1);
}

/* Shows what stands at the cursor and behind it anew; gone cells of the old text are left over. */
static void redraw(struct edit *e, size_t gone)
{
    size_t tail = e->line->len - e->at;

    print(e, e->line->str + e->at, tail);
    repeat(e, ' ', gone);
    repeat(e, '\b', cells(e->line->str + e->at, tail) + gone);
}

void edit_prompt(struct edit *e)
{
    g_string_truncate(e->line, 0);
    g_string_truncate(e->draft, 0);
    e->at = 0;
    e->shown = e->history->len;
    print_text(e, e->prompt);
}

void edit_prompt_again(struct edit *e)
{
    print_text(e, "\r\n");
    print_text(e, e->prompt);
    print(e, e->line->str, e->line->len);
    repeat(e, '\b', cells(e->line->str + e->at, e->line->len - e->at));
}

/* ---- Moving ---- */

static size_t back_one(const struct edit *e, size_t at)
{
    while (at && (e->line->str[--at] & 0xc0) == 0x80)
        ;
    return at;
}

static size_t on_one(const struct edit *e, size_t at)
{
    at += at < e->line->len;
    while (at < e->line->len && (e->line->str[at] & 0xc0) == 0x80)
        at++;
    return at;
}

static bool is_part(const struct edit *e, size_t at)
{
    return e->line->str[at] != ' ';
}

static size_t back_word(const struct edit *e)
{
    size_t at = e->at;

    while (at && !is_part(e, at - 1))
        at--;
    while (at && is_part(e, at - 1))
        at--;
    return at;
}

static size_t on_word(const struct edit *e)
{
    size_t at = e->at;

    while (at < e->line->len && !is_part(e, at))
        at++;
    while (at < e->line->len && is_part(e, at))
        at++;
    return at;
}

static void move(struct edit *e, size_t to)
{
    if (to < e->at)
        repeat(e, '\b', cells(e->line->str + to, e->at - to));
    else
        print(e, e->line->str + e->at, to - e->at);
    e->at = to;
}

/* ---- Changing ---- */

static void insert(struct edit *e, const char *text, size_t len)
{
    if (e->line->len + len > EDIT_LINE_MOST)
        return;
    g_string_insert_len(e->line, e->at, text, len);
    print(e, text, len);
    e->at += len;
    redraw(e, 0);
}

/* Takes the part between the cursor and `to` away. */
static void erase(struct edit *e, size_t to, bool keep)
{
    size_t from = MIN(to, e->at), len = MAX(to, e->at) - from;
    size_t gone = cells(e->line->str + from, len);

    if (!len)
        return;
    if (keep) {
        g_string_truncate(e->killed, 0);
        g_string_append_len(e->killed, e->line->str + from, len);
    }
    move(e, from);
    g_string_erase(e->line, from, len);
    redraw(e, gone);
}

static void replace(struct edit *e, const char *text)
{
    size_t old = cells(e->line->str, e->line->len), now = cells(text, strlen(text));

    move(e, 0);
    g_string_assign(e->line, text);
    redraw(e, old > now ? old - now : 0);
    move(e, e->line->len);
}

static void transpose(struct edit *e)
{
    size_t before, first;
    char *text;

    if (e->at == e->line->len)
        move(e, back_one(e, e->at));
    before = back_one(e, e->at);
    if (before == e->at)
        return;
    text = g_strndup(e->line->str + before, e->at - before);
    first = strlen(text);
    erase(e, before, false);
    move(e, on_one(e, e->at));
    insert(e, text, first);
    g_free(text);
}

/* ---- History ---- */

static void remember(struct edit *e)
{
    GPtrArray *h = e->history;

    if (!*e->line->str || (h->len && !strcmp(h->pdata[h->len - 1], e->line->str)))
        return;
    if (h->len == EDIT_HISTORY_MOST)
        g_ptr_array_remove_index(h, 0);
    g_ptr_array_add(h, g_strdup(e->line->str));
}

static void show(struct edit *e, unsigned n)
{
    if (n > e->history->len)
        return;
    if (e->shown == e->history->len)
        g_string_assign(e->draft, e->line->str);
    e->shown = n;
    replace(e, n == e->history->len ? e->draft->str : e->history->pdata[n]);
}

/* ---- Searching backwards: ^R ---- */

static void search_begin(struct edit *e)
{
    if (!e->search)
        e->search = g_string_new(NULL);
    else if (e->shown)
        e->shown--; /* the next older one */
}

static void search_show(struct edit *e)
{
    for (unsigned i = MIN(e->shown + 1, e->history->len); i-- > 0;)
        if (strstr(e->history->pdata[i], e->search->str)) {
            show(e, i);
            return;
        }
    print_text(e, "\a");
}

/* Whether the byte belongs to the search; any other ends it, and does what it does. */
static bool search_byte(struct edit *e, uint8_t byte)
{
    if (byte == CTRL('r')) {
        search_begin(e);
        search_show(e);
        return true;
    }
    if (byte >= ' ' && byte != 127 && e->search->len < EDIT_LINE_MOST) {
        g_string_append_c(e->search, byte);
        search_show(e);
        return true;
    }
    g_string_free(e->search, TRUE);
    e->search = NULL;
    if (byte != CTRL('g'))
        return false;
    show(e, e->history->len);
    return true;
}

/* ---- Completion ---- */

static size_t common(const GPtrArray *names)
{
    const char *first = names->pdata[0];
    size_t len = strlen(first);

    for (unsigned i = 1; i < names->len; i++) {
        const char *other = names->pdata[i];

        for (size_t k = 0; k < len; k++)
            if (first[k] != other[k])
                len = k;
    }
    return len;
}

static void list(struct edit *e, const GPtrArray *names)
{
    size_t widest = 0, per_row;

    for (unsigned i = 0; i < names->len; i++)
        widest = MAX(widest, strlen(names->pdata[i]));
    per_row = MAX(1, 79 / (widest + 2));
    for (unsigned i = 0; i < names->len; i++) {
        const char *name = names->pdata[i];

        print_text(e, i % per_row ? "  " : "\r\n");
        print_text(e, name);
        if ((i + 1) % per_row)
            repeat(e, ' ', widest - strlen(name));
    }
    edit_prompt_again(e);
}

static void complete(struct edit *e)
{
    char *left = g_strndup(e->line->str, e->at);
    size_t word = 0, len, typed;
    GPtrArray *names = e->complete ? e->complete(e->arg, left, &word) : NULL;

    g_free(left);
    if (names && names->len) {
        typed = e->at - word;
        len = common(names);
        if (len > typed)
            insert(e, (char *)names->pdata[0] + typed, len - typed);
        if (names->len > 1 && len <= typed)
            list(e, names);
        else if (names->len == 1 && !g_str_has_suffix(names->pdata[0], "/"))
            insert(e, " ", 1);
    }
    if (names)
        g_ptr_array_free(names, TRUE);
}

/* ---- Keys ---- */

static bool enter(struct edit *e)
{
    move(e, e->line->len);
    print_text(e, "\r\n");
    remember(e);
    return true;
}

static void escape_key(struct edit *e, uint8_t byte)
{
    e->state = PLAIN;
    switch (byte) {
    case '[': e->state = CSI; break;
    case 'O': e->state = SS3; break;
    case 'b':
    case 'B': move(e, back_word(e)); break;
    case 'f':
    case 'F': move(e, on_word(e)); break;
    case 'd':
    case 'D': erase(e, on_word(e), true); break;
    case 127:
    case '\b': erase(e, back_word(e), true); break;
    default: break;
    }
    e->number = 0;
}

/* "ESC [ n ~". */
static void numbered_key(struct edit *e)
{
    switch (e->number) {
    case 1:
    case 7: move(e, 0); break;
    case 3: erase(e, on_one(e, e->at), false); break;
    case 4:
    case 8: move(e, e->line->len); break;
    default: break;
    }
}

static void sequence_key(struct edit *e, uint8_t byte)
{
    if (g_ascii_isdigit(byte)) {
        e->number = MIN(e->number * 10 + byte - '0', 1000);
        return;
    }
    if (byte == ';') { /* modifiers of the key, which mean nothing here */
        e->number = 0;
        return;
    }
    e->state = PLAIN;
    switch (byte) {
    case 'A': show(e, e->shown - 1); break; /* wraps below 0, and then there is none */
    case 'B': show(e, e->shown + 1); break;
    case 'C': move(e, on_one(e, e->at)); break;
    case 'D': move(e, back_one(e, e->at)); break;
    case 'H': move(e, 0); break;
    case 'F': move(e, e->line->len); break;
    case '~': numbered_key(e); break;
    default: break;
    }
}

static bool control_key(struct edit *e, uint8_t byte)
{
    switch (byte) {
    case '\r':
    case '\n': return enter(e);
    case '\t': complete(e); break;
    case 27: e->state = ESCAPE; break;
    case CTRL('a'): move(e, 0); break;
    case CTRL('b'): move(e, back_one(e, e->at)); break;
    case CTRL('c'): replace(e, ""); break;
    case CTRL('d'): erase(e, on_one(e, e->at), false); break;
    case CTRL('e'): move(e, e->line->len); break;
    case CTRL('f'): move(e, on_one(e, e->at)); break;
    case 127:
    case '\b': erase(e, back_one(e, e->at), false); break;
    case CTRL('k'): erase(e, e->line->len, true); break;
    case CTRL('l'): edit_prompt_again(e); break;
    case CTRL('n'): show(e, e->shown + 1); break;
    case CTRL('p'): show(e, e->shown - 1); break;
    case CTRL('r'): search_begin(e); break;
    case CTRL('t'): transpose(e); break;
    case CTRL('u'): erase(e, 0, true); break;
    case CTRL('w'): erase(e, back_word(e), true); break;
    case CTRL('y'): insert(e, e->killed->str, e->killed->len); break;
    default: break;
    }
    return false;
}

bool edit_byte(struct edit *e, uint8_t byte)
{
    bool after_cr = e->after_cr;

    e->after_cr = byte == '\r';
    if (after_cr && (byte == '\n' || !byte)) /* one key, two bytes */
        return false;
    if (e->search && search_byte(e, byte))
        return false;
    if (e->state == ESCAPE)
        escape_key(e, byte);
    else if (e->state != PLAIN)
        sequence_key(e, byte);
    else if (byte < ' ' || byte == 127)
        return control_key(e, byte);
    else
        insert(e, (char[]){ byte }, 1);
    return false;
}

/* ---- Start and end ---- */

void edit_init(struct edit *e, const char *prompt)
{
    *e = (struct edit){
        .line = g_string_new(NULL),
        .killed = g_string_new(NULL),
        .draft = g_string_new(NULL),
        .history = g_ptr_array_new_with_free_func(g_free),
        .prompt = prompt,
    };
}

void edit_finish(struct edit *e)
{
    g_string_free(e->line, TRUE);
    g_string_free(e->killed, TRUE);
    g_string_free(e->draft, TRUE);
    if (e->search)
        g_string_free(e->search, TRUE);
    g_ptr_array_free(e->history, TRUE);
}
