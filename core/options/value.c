/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* value - what the text of a value may look like: numbers, sizes, ids, dates, devices in short
 * form. */

#include "options/config.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

int parse_bool(const char *text, bool *value)
{
    bool on = values_have("on|yes|true|y", text);

    if (!on && !values_have("off|no|false|n", text))
        return -EINVAL;
    *value = on;
    return 0;
}

int parse_number(const char *text, int64_t *value)
{
    char *end;
    long long n;

    if (!g_ascii_isdigit(*text) && !(*text == '-' && g_ascii_isdigit(text[1])))
        return -EINVAL;
    errno = 0;
    n = strtoll(text, &end, 0);
    if (errno || *end)
        return -EINVAL;
    *value = n;
    return 0;
}

/* How far a unit shifts: 10 for 'k'; -1 if there is no such unit. */
static int unit_shift(const char *unit)
{
    static const char units[] = "bkmgtpe";
    const char *at;

    if (!*unit)
        return 0;
    at = strchr(units, g_ascii_tolower(*unit));
    return at && !unit[1] ? (int)(at - units) * 10 : -1;
}

/* What the digits behind the point of "1.5G" are worth: 512 Mi.  The first nine count. */
static uint64_t fraction_of(const char *digits, int shift)
{
    unsigned __int128 numerator = 0;
    uint64_t denominator = 1;

    for (; g_ascii_isdigit(*digits) && denominator < 1000000000; digits++) {
        numerator = numerator * 10 + (*digits - '0');
        denominator *= 10;
    }
    return (numerator << shift) / denominator;
}

int parse_size(const char *text, uint64_t *value)
{
    const char *unit, *fraction = NULL;
    uint64_t n, size;
    int shift;

    if (!g_ascii_isdigit(*text))
        return -EINVAL;
    errno = 0;
    n = g_ascii_strtoull(text, (char **)&unit, g_str_has_prefix(text, "0x") ? 16 : 10);
    if (errno)
        return -EINVAL;
    if (*unit == '.' && g_ascii_isdigit(unit[1])) {
        fraction = unit + 1;
        unit += 1 + strspn(unit + 1, DIGITS);
    }
    shift = unit_shift(unit);
    if (shift < 0 || n > UINT64_MAX >> shift ||
        __builtin_add_overflow(n << shift, fraction ? fraction_of(fraction, shift) : 0, &size))
        return -EINVAL;
    *value = size;
    return 0;
}

bool id_is_wellformed(const char *id)
{
    size_t len = strlen(id);

    return len <= MAX_ID && g_ascii_isalpha(*id) && strspn(id, LETTERS DIGITS "-._") == len;
}

/* Whether text looks like pattern, where 'x' is a hexadecimal digit and '0' a decimal one. */
static bool looks_like(const char *text, const char *pattern)
{
    for (; *pattern; pattern++, text++) {
        bool fits = *pattern == 'x'   ? g_ascii_isxdigit(*text)
                    : *pattern == '0' ? g_ascii_isdigit(*text)
                                      : *text == *pattern;

        if (!fits)
            return false;
    }
    return !*text;
}

static bool is_date(const char *text)
{
    bool day = looks_like(text, "0000-00-00");
    bool time = looks_like(text, "0000-00-00T00:00:00");

    if (values_have("utc|localtime", text))
        return true;
    if (!day && !time)
        return false;
    return g_date_valid_dmy(atoi(text + 8), atoi(text + 5), atoi(text)) &&
           (day || (atoi(text + 11) < 24 && atoi(text + 14) < 60 && atoi(text + 17) < 60));
}

/* Boot devices are the letters a to p, each once. */
static bool are_drives(const char *text)
{
    unsigned seen = 0;

    for (; *text; text++) {
        unsigned bit = *text >= 'a' && *text <= 'p' ? 1u << (*text - 'a') : 0;

        if (!bit || (seen & bit))
            return false;
        seen |= bit;
    }
    return true;
}

static bool is_dev(const char *text)
{
    char *backend = dev_backend(text);

    g_free(backend);
    return backend;
}

bool value_fits(const struct opt_key *key, const char *value)
{
    uint64_t size;
    int64_t number;
    bool on;

    switch (key->type) {
    case KEY_STRING: return true;
    case KEY_BOOL: return parse_bool(value, &on) == 0;
    case KEY_NUMBER: return parse_number(value, &number) == 0;
    case KEY_SIZE:
    case KEY_MEGS: return parse_size(value, &size) == 0;
    case KEY_ENUM: return values_have(key->values, value) || values_have(key->later, value);
    case KEY_NAME:
        return *value &&
               (strchr(value, '/') || strspn(value, LETTERS DIGITS "-._+") == strlen(value));
    case KEY_ACCEL: return *value && strspn(value, LETTERS DIGITS "-._:") == strlen(value);
    case KEY_UUID: return looks_like(value, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
    case KEY_DATE: return is_date(value);
    case KEY_DRIVES: return are_drives(value);
    case KEY_DEV: return is_dev(value);
    }
    return false;
}

static char *one_of(const char *values, const char *later)
{
    char *all = g_strjoin("|", values ? values : later, values ? later : NULL, NULL);
    char **words = g_strsplit(all, "|", -1);
    GString *text = g_string_new(NULL);

    for (unsigned i = 0; words[i]; i++)
        g_string_append_printf(text, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    g_strfreev(words);
    g_free(all);
    return g_string_free(text, FALSE);
}

char *value_wanted(const struct opt_key *key)
{
    switch (key->type) {
    case KEY_BOOL: return g_strdup("on or off");
    case KEY_NUMBER: return g_strdup("a number");
    case KEY_SIZE: return g_strdup("a size such as 4096, 64k, 512M or 4G");
    case KEY_MEGS: return g_strdup("a size such as 512 (MiB), 262144k or 4G");
    case KEY_ENUM: return one_of(key->values, key->later);
    case KEY_NAME: return g_strdup("a name, or the path of a plugin");
    case KEY_ACCEL: return g_strdup("a name");
    case KEY_UUID: return g_strdup("32 hexadecimal digits in groups of 8-4-4-4-12");
    case KEY_DATE: return g_strdup("utc, localtime or a date such as 2024-12-31T23:59:59");
    case KEY_DRIVES: return g_strdup("letters from a to p, each once, such as dc");
    case KEY_DEV:
        return g_strdup("stdio, file:PATH, null, none, chardev:ID, pty, vc, pipe:PATH, "
                        "tcp:HOST:PORT, udp:HOST:PORT, unix:PATH, mon:DEV or a device such as "
                        "/dev/ttyS0");
    case KEY_STRING: break;
    }
    return g_strdup(key->values ? key->values : "VALUE");
}
