/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * expr - numbers as HMP's commands take them: "0x10", "4*(2+1)", "$eax & 0xff".
 *
 *     sum:     logic [+|- logic]...
 *     logic:   product [&|'|'|^ product]...
 *     product: unary [*|/|% unary]...
 *     unary:   [+|-|~] unary, ( sum ), 'c', $register, number
 */

#include "monitor/expr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#define DEEPEST 64

struct expr {
    struct machine *m;
    int cpu;
    const char *at;
    char *error;
    unsigned depth;
};

static int64_t sum(struct expr *e);

static void blanks(struct expr *e)
{
    e->at += strspn(e->at, " \t");
}

static int64_t fail(struct expr *e, const char *fmt, ...)
{
    va_list ap;

    if (e->error)
        return 0;
    va_start(ap, fmt);
    e->error = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return 0;
}

static bool takes(struct expr *e, char c)
{
    if (*e->at != c)
        return false;
    e->at++;
    blanks(e);
    return true;
}

static int64_t reg(struct expr *e)
{
    size_t len = strspn(e->at, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    char *name = g_strndup(e->at, len);
    uint64_t value = 0;

    if (!expr_register(e->m, e->cpu, name, &value))
        fail(e, "there is no register '%s'", name);
    e->at += len;
    g_free(name);
    return value;
}

static int64_t character(struct expr *e)
{
    unsigned char c = *e->at;

    if (!c || e->at[1] != '\'')
        return fail(e, "a character is one between two apostrophes");
    e->at += 2;
    return c;
}

static int64_t number(struct expr *e)
{
    char *end;
    uint64_t value;

    if (!g_ascii_isdigit(*e->at))
        return *e->at ? fail(e, "'%s' is no number", e->at) : fail(e, "a number is missing");
    errno = 0;
    value = strtoull(e->at, &end, 0);
    if (errno)
        return fail(e, "the number is too large");
    e->at = end;
    return value;
}

static int64_t value_of(struct expr *e)
{
    int64_t v;

    if (e->depth == DEEPEST)
        return fail(e, "the expression is nested too deep");
    e->depth++;
    if (takes(e, '+')) {
        v = value_of(e);
    } else if (takes(e, '-')) {
        v = -(uint64_t)value_of(e);
    } else if (takes(e, '~')) {
        v = ~value_of(e);
    } else if (takes(e, '(')) {
        v = sum(e);
        if (!takes(e, ')'))
            fail(e, "')' is missing");
    } else if (*e->at == '\'') {
        e->at++;
        v = character(e);
    } else if (*e->at == '$') {
        e->at++;
        v = reg(e);
    } else {
        v = number(e);
    }
    e->depth--;
    blanks(e);
    return v;
}

static int64_t divide(struct expr *e, int64_t a, int64_t b, bool rest)
{
    if (!b)
        return fail(e, "division by zero");
    if (b == -1)
        return rest ? 0 : -(uint64_t)a;
    return rest ? a % b : a / b;
}

static int64_t product(struct expr *e)
{
    int64_t v = value_of(e);

    while (!e->error) {
        if (takes(e, '*'))
            v = (uint64_t)v * value_of(e);
        else if (takes(e, '/'))
            v = divide(e, v, value_of(e), false);
        else if (takes(e, '%'))
            v = divide(e, v, value_of(e), true);
        else
            break;
    }
    return v;
}

static int64_t logic(struct expr *e)
{
    int64_t v = product(e);

    while (!e->error) {
        if (takes(e, '&'))
            v &= product(e);
        else if (takes(e, '|'))
            v |= product(e);
        else if (takes(e, '^'))
            v ^= product(e);
        else
            break;
    }
    return v;
}

static int64_t sum(struct expr *e)
{
    int64_t v = logic(e);

    while (!e->error) {
        if (takes(e, '+'))
            v = (uint64_t)v + logic(e);
        else if (takes(e, '-'))
            v = (uint64_t)v - logic(e);
        else
            break;
    }
    return v;
}

char *expr_read(struct machine *m, int cpu, const char **at, int64_t *value)
{
    struct expr e = { .m = m, .cpu = cpu, .at = *at };

    blanks(&e);
    *value = sum(&e);
    *at = e.at;
    return e.error;
}

bool expr_register(struct machine *m, int cpu, const char *name, uint64_t *value)
{
    return false;
}
