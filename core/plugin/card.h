/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * card - what a plugin says of itself in ELF notes, read without running it.
 *
 * A note of owner "TENON" is the card of one type; the note's type is the interface's major
 * version, its text "need=N\tkind=K\tname=A B\tbus=...\ttags=...\thelp=...".  Sources: System V
 * gABI, chapters "ELF Header", "Program Header" and "Note Section".
 */
#ifndef TENON_CORE_CARD_H
#define TENON_CORE_CARD_H

#include "plugin/elf.h"
#include "plugin/plugin.h"

typedef void card_fn(void *arg, const struct card *card);

/* A file's bytes, as long as it is open. */
struct image {
    struct span bytes;
    unsigned uid, mode;
};

/* Maps a file that must be a regular one.  False: *why says what is wrong with it, and errno is
 * set. */
bool image_open(struct image *image, const char *path, const char **why);
void image_close(struct image *image);

/* May others than root, this process's user and whoever owns this program write the file?  NULL if
 * not, or what is wrong with it. */
const char *image_untrusted(const struct image *image);

/*
 * Calls fn for each card.  NULL, or why the image cannot be a plugin for this program, as the end
 * of a sentence that begins with the file's name.  *in_sections is set if the cards were only found
 * through the section table; it may be NULL.
 */
const char *cards_read(struct span file, card_fn *fn, void *arg, bool *in_sections);

/* Calls fn with the names of trace events, separated by spaces, of each type that has some.  What
 * is damaged is passed over. */
void events_read(struct span file, void (*fn)(void *arg, const char *names), void *arg);

/* Is name one of names, which are separated by spaces? */
bool names_have(const char *names, const char *name);
/* Calls fn for each of them. */
void names_each(const char *names, void (*fn)(void *arg, const char *name), void *arg);

#endif
