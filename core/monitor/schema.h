/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* schema - checking values against QMP's types, and describing those types. */
#ifndef TENON_CORE_MONITOR_SCHEMA_H
#define TENON_CORE_MONITOR_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct command;
struct shape;

/* One "NAME:TYPE" of a list. */
struct member {
    const char *name, *type;
    size_t name_len, type_len;
    bool optional;
};

/* Takes the next of the list at *at; false at its end. */
bool member_next(const char **at, struct member *m);
/* Takes the next word of a list of values. */
bool word_next(const char **at, const char **word, size_t *len);

/* Whether a command's args name a type instead of listing members. */
bool args_are_named(const char *args);

/* NULL if args are what the command takes; else why not, to be g_free'd. */
char *schema_check(const struct command *c, json_t *args);
/* The same for a value of a type. */
char *schema_check_value(const char *type, json_t *value, const char *name);

/* What query-qmp-schema says of all tables. */
json_t *schema_describe(void);

#endif
