/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* simpletrace - trace events in a binary file; its form is described in docs/logging.md. */

#include "debug/simpletrace.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "report.h"

enum { VERSION = 1, DECLARED = 0, HAPPENED = 1, MAX_STRING = 4096, MAX_ARGS = 32 };

struct simpletrace {
    FILE *f;
    GByteArray *record; /* being made */
    char *path;
    bool failed;
};

/* ---- Formats ---- */

/* What a conversion takes from the arguments. */
enum arg { ARG_NONE, ARG_INT, ARG_LONG, ARG_LONG_LONG, ARG_POINTER, ARG_STRING, ARG_BAD };

struct conversion {
    enum arg arg;
    bool is_signed;
    uint8_t narrow; /* hh: 1, h: 2, else 0 */
};

static enum arg integer_arg(const char *length, size_t n)
{
    if (n == 0 || length[0] == 'h')
        return n <= 2 ? ARG_INT : ARG_BAD;
    if (n == 2)
        return !strncmp(length, "ll", 2) ? ARG_LONG_LONG : ARG_BAD;
    return n == 1 ? ARG_LONG : ARG_BAD; /* l, z, j, t: all have the size of a long */
}

/* Takes the next conversion of *format; false at the end. */
static bool next_conversion(const char **format, struct conversion *c)
{
    const char *at = strchr(*format, '%'), *length;
    size_t n;

    if (!at)
        return false;
    at += 1 + strspn(at + 1, "-+ #0123456789.");
    length = at;
    n = strspn(at, "hlzjt");
    at += n;
    *c = (struct conversion){ .arg = ARG_BAD, .is_signed = *at == 'd' || *at == 'i' };
    switch (*at) {
    case '%': c->arg = at[-1] == '%' ? ARG_NONE : ARG_BAD; break;
    case 's': c->arg = n ? ARG_BAD : ARG_STRING; break;
    case 'p': c->arg = n ? ARG_BAD : ARG_POINTER; break;
    case 'c': c->arg = n ? ARG_BAD : ARG_INT; break;
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'X':
    case 'o':
        c->arg = integer_arg(length, n);
        c->narrow = n && length[0] == 'h' ? (n == 2 ? 1 : 2) : 0;
        break;
    case '\0': at--; break;
    }
    *format = at + 1;
    return true;
}

bool simpletrace_format_ok(const char *format)
{
    struct conversion c;
    unsigned args = 0;

    while (next_conversion(&format, &c)) {
        if (c.arg == ARG_BAD)
            return false;
        args += c.arg != ARG_NONE;
    }
    return args <= MAX_ARGS;
}

/* ---- Records ---- */

static void put(struct simpletrace *s, const void *bytes, size_t n)
{
    g_byte_array_append(s->record, bytes, n);
}

static void put32(struct simpletrace *s, uint32_t value)
{
    value = GUINT32_TO_LE(value);
    put(s, &value, sizeof(value));
}

static void put64(struct simpletrace *s, uint64_t value)
{
    value = GUINT64_TO_LE(value);
    put(s, &value, sizeof(value));
}

static void put_string(struct simpletrace *s, const char *text)
{
    size_t n = text ? strnlen(text, MAX_STRING) : strlen("(null)");

    put32(s, n);
    put(s, text ? text : "(null)", n);
}

static void begin(struct simpletrace *s, uint32_t kind, uint32_t number)
{
    g_byte_array_set_size(s->record, 0);
    put32(s, 0); /* the length, to come */
    put32(s, kind);
    put32(s, number);
}

static void end(struct simpletrace *s)
{
    uint32_t length = GUINT32_TO_LE(s->record->len);

    memcpy(s->record->data, &length, sizeof(length));
    if (s->failed || fwrite(s->record->data, s->record->len, 1, s->f) == 1)
        return;
    s->failed = true;
    report(NULL, "the trace %s ends here: %s", s->path, g_strerror(errno));
}

void simpletrace_declare(struct simpletrace *s, uint32_t number, const struct tenon_event *event)
{
    begin(s, DECLARED, number);
    put_string(s, event->name);
    put_string(s, event->format);
    end(s);
}

static uint64_t integer(struct conversion c, int value)
{
    switch (c.narrow) {
    case 1: return c.is_signed ? (uint64_t)(int8_t)value : (uint8_t)value;
    case 2: return c.is_signed ? (uint64_t)(int16_t)value : (uint16_t)value;
    default: return c.is_signed ? (uint64_t)value : (unsigned)value;
    }
}

void simpletrace_write(struct simpletrace *s, uint32_t number, const char *format, va_list ap)
{
    struct conversion c;

    begin(s, HAPPENED, number);
    put32(s, gettid());
    put64(s, g_get_real_time() * 1000);
    while (next_conversion(&format, &c)) {
        switch (c.arg) {
        case ARG_INT: put64(s, integer(c, va_arg(ap, int))); break;
        case ARG_LONG: put64(s, va_arg(ap, long)); break;
        case ARG_LONG_LONG: put64(s, va_arg(ap, long long)); break;
        case ARG_POINTER: put64(s, (uintptr_t)va_arg(ap, void *)); break;
        case ARG_STRING: put_string(s, va_arg(ap, const char *)); break;
        case ARG_NONE:
        case ARG_BAD: break;
        }
    }
    end(s);
}

/* ---- The file ---- */

struct simpletrace *simpletrace_open(const char *path)
{
    const uint32_t head[] = { GUINT32_TO_LE(VERSION), GUINT32_TO_LE(getpid()) };
    FILE *f = fopen(path, "we");
    struct simpletrace *s;

    if (!f)
        return NULL;
    s = g_new0(struct simpletrace, 1);
    *s = (struct simpletrace){ f, g_byte_array_new(), g_strdup(path), false };
    put(s, "TENONTRC", 8);
    put(s, head, sizeof(head));
    s->failed = fwrite(s->record->data, s->record->len, 1, f) != 1;
    return s;
}

void simpletrace_close(struct simpletrace *s)
{
    if (!s)
        return;
    if (fclose(s->f) && !s->failed)
        report(NULL, "the trace %s is not whole: %s", s->path, g_strerror(errno));
    g_byte_array_unref(s->record);
    g_free(s->path);
    g_free(s);
}
