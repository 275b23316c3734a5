/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-split - finds where each JSON value of a stream ends, and what can be no JSON as soon as it
 * comes.
 *
 * Reference: RFC 8259.
 */

#include "monitor/json-split.h"

#include <string.h>

#define KEPT_BYTES 65536 /* of the buffer, between values */

void json_split_init(struct json_split *j)
{
    *j = (struct json_split){ .text = g_string_new(NULL) };
}

void json_split_finish(struct json_split *j)
{
    g_string_free(j->text, TRUE);
}

void json_split_next(struct json_split *j)
{
    if (j->text->allocated_len > KEPT_BYTES) {
        g_string_free(j->text, TRUE);
        j->text = g_string_new(NULL);
    }
    g_string_truncate(j->text, 0);
    j->depth = j->tokens = 0;
    j->quote = 0;
    j->escape = j->word = false;
}

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_word(uint8_t c)
{
    return g_ascii_isalnum(c) || c == '-' || c == '+' || c == '.' || c == '_';
}

static enum json_found fail(struct json_split *j, const char **error, const char *text)
{
    *error = text;
    j->skipping = true;
    return JSON_ERROR;
}

static enum json_found in_string(struct json_split *j, uint8_t c, const char **error)
{
    if (c < ' ')
        return fail(j, error, "JSON parse error, control character in a string");
    if (c == 0xfe || c == 0xff)
        return fail(j, error, "JSON parse error, a byte that is no UTF-8 in a string");
    if (j->escape) {
        j->escape = false;
        if (c != '\'')
            g_string_append_c(j->text, '\\');
        g_string_append_c(j->text, c);
    } else if (c == '\\') {
        j->escape = true;
    } else if (c == j->quote) {
        j->quote = 0;
        g_string_append_c(j->text, '"');
        return j->depth ? JSON_MORE : JSON_VALUE;
    } else {
        if (c == '"')
            g_string_append_c(j->text, '\\');
        g_string_append_c(j->text, c);
    }
    return JSON_MORE;
}

static enum json_found opens(struct json_split *j, uint8_t c, const char **error)
{
    if (j->depth == JSON_DEEPEST)
        return fail(j, error, "JSON parse error, values are nested too deep");
    j->open[j->depth++] = c;
    g_string_append_c(j->text, c);
    return JSON_MORE;
}

static enum json_found closes(struct json_split *j, uint8_t c, const char **error)
{
    if (!j->depth || j->open[j->depth - 1] != (c == '}' ? '{' : '['))
        return fail(j, error, "JSON parse error, a bracket that closes nothing");
    g_string_append_c(j->text, c);
    return --j->depth ? JSON_MORE : JSON_VALUE;
}

static enum json_found one(struct json_split *j, uint8_t c, const char **error)
{
    if (j->quote)
        return in_string(j, c, error);
    if (is_space(c)) {
        if (j->depth) /* tells words from each other */
            g_string_append_c(j->text, ' ');
        return JSON_MORE;
    }
    if (++j->tokens > JSON_MOST_TOKENS)
        return fail(j, error, "JSON parse error, there are too many tokens");
    if (strchr("{[", c) && c)
        return opens(j, c, error);
    if (strchr("}]", c) && c)
        return closes(j, c, error);
    if (c == '"' || c == '\'') {
        j->quote = c;
        g_string_append_c(j->text, '"');
        return JSON_MORE;
    }
    if (!is_word(c) && !(c && strchr(",:", c)))
        return fail(j, error, "JSON parse error, a character that has no meaning there");
    if (!j->depth && !is_word(c))
        return fail(j, error, "JSON parse error, a character that has no meaning there");
    j->tokens -= j->word; /* one more letter of the same */
    j->word = is_word(c);
    g_string_append_c(j->text, c);
    return JSON_MORE;
}

/* Whether a number or keyword outside of everything ends before c. */
static bool ends_word(const struct json_split *j, uint8_t c)
{
    return j->word && !j->depth && !j->quote && !is_word(c);
}

enum json_found json_split_feed(struct json_split *j, const uint8_t *buf, size_t len, size_t *took,
                                const char **error)
{
    for (*took = 0; *took < len; ++*took) {
        uint8_t c = buf[*took];
        enum json_found found;

        if (j->skipping && c >= ' ' && c != '{')
            continue;
        if (j->skipping && c == '\n') {
            j->skipping = false;
            continue;
        }
        if (j->skipping && c != '{')
            continue;
        j->skipping = false;
        if (ends_word(j, c))
            return JSON_VALUE;
        found = one(j, c, error);
        if (!is_word(c))
            j->word = false;
        if (found == JSON_MORE && j->text->len > JSON_MOST_BYTES) {
            found = fail(j, error, "JSON parse error, the value is too long");
        }
        if (found != JSON_MORE) {
            ++*took;
            return found;
        }
    }
    return JSON_MORE;
}
