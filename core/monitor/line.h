/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* line - HMP's lines: finding the command, reading its arguments, completing what is half typed. */
#ifndef TENON_CORE_MONITOR_LINE_H
#define TENON_CORE_MONITOR_LINE_H

#include <stdbool.h>

#include <glib.h>
#include <jansson.h>

struct command;
struct machine;

/* The command a line begins with, and what follows it; NULL: there is none. */
const struct command *line_command(const char *line, const char **rest);

/*
 * Reads arguments as command->line says.  NULL and an object in *args, or why it cannot, to be
 * g_free'd.  [main, locked]
 */
char *line_args(struct machine *m, int cpu, const struct command *command, const char *text,
                json_t **args);

/* What the last word of a line may become, sorted; *word is where it begins.  [main, locked] */
GPtrArray *line_complete(struct machine *m, const char *line, size_t *word);

/* Walks the names of a command, "quit|q"; false at the end. */
bool name_next(const char **at, const char **name, size_t *len);

#endif
