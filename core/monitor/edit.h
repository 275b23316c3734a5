/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * edit - a line editor with history and completion, one byte at a time, for whatever terminal is at
 * the far end.
 *
 * It prints nothing but text, blanks and backspaces, so that a transcript over a pipe reads well.
 */
#ifndef TENON_CORE_MONITOR_EDIT_H
#define TENON_CORE_MONITOR_EDIT_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

#define EDIT_LINE_MOST    4095
#define EDIT_HISTORY_MOST 64

struct edit {
    GString *line, *killed;
    size_t at;          /* in the line */
    GPtrArray *history; /* oldest first */
    unsigned shown;     /* which of it the line is; history->len: none */
    GString *draft;     /* the line that was being written before */
    GString *search;    /* what is searched for; NULL: nothing */
    int state;          /* of an escape sequence */
    unsigned number;    /* its parameter */
    bool after_cr;
    const char *prompt;
    void (*print)(void *arg, const char *text, size_t len);
    /* What the last word may become; *word is where it begins. */
    GPtrArray *(*complete)(void *arg, const char *line, size_t *word);
    void *arg;
};

void edit_init(struct edit *e, const char *prompt);
void edit_finish(struct edit *e);
/* Prints the prompt, for a new line. */
void edit_prompt(struct edit *e);
/* On a line of its own, with what has been typed so far. */
void edit_prompt_again(struct edit *e);
/* One byte; true: the line is complete, e->line is it, and edit_prompt() begins the next. */
bool edit_byte(struct edit *e, uint8_t byte);

#endif
