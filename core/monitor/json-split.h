/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-split - finds where each JSON value of a stream ends, and what can be no JSON as soon as it
 * comes.
 *
 * Values may span lines and follow each other without any.  After an error the rest of its line is
 * skipped, or up to the next "{".  Strings in single quotes get double ones.
 */
#ifndef TENON_CORE_MONITOR_JSON_SPLIT_H
#define TENON_CORE_MONITOR_JSON_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define JSON_DEEPEST     1024
#define JSON_MOST_BYTES  (64u << 20)
#define JSON_MOST_TOKENS (2u << 20)

struct json_split {
    GString *text;           /* of the value so far */
    char open[JSON_DEEPEST]; /* '{' or '[' */
    unsigned depth, tokens;
    char quote;    /* of the string we are in, or 0 */
    bool escape;   /* after a backslash */
    bool word;     /* in a number or a keyword */
    bool skipping; /* after an error */
};

enum json_found { JSON_MORE, JSON_VALUE, JSON_ERROR };

void json_split_init(struct json_split *j);
void json_split_finish(struct json_split *j);
/*
 * Looks at bytes up to the end of a value or an error; *took of them have been looked at.
 * JSON_VALUE: j->text is it; JSON_ERROR: *error says why.  json_split_next() goes on after both.
 */
enum json_found json_split_feed(struct json_split *j, const uint8_t *buf, size_t len, size_t *took,
                                const char **error);
void json_split_next(struct json_split *j);

#endif
