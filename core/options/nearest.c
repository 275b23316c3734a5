/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * nearest - guesses the name that was meant, by the number of slips between two words: letters left
 * out, put in, changed, or two swapped (Damerau 1964, Levenshtein 1965; each letter moves once).
 */

#include "options/options.h"

#include <string.h>

#include <glib.h>

#define LONGEST 48

static unsigned distance(const char *a, unsigned a_len, const char *b, unsigned b_len)
{
    unsigned rows[3][LONGEST + 1];

    for (unsigned j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a_len; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

        row[0] = i;
        for (unsigned j = 1; j <= b_len; j++) {
            row[j] = MIN(above[j - 1] + (a[i - 1] != b[j - 1]), MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], before[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

const char *nearest_name(const char *text, const void *names, unsigned n, name_at_fn *name_at)
{
    size_t len = strlen(text);
    unsigned best = MAX(2, len / 3 + 1); /* with as many slips it is another word */
    const char *found = NULL;

    if (len < 2 || len > LONGEST)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        const char *name = name_at(names, i);
        size_t name_len = strlen(name);
        unsigned d;

        if (name_len > LONGEST)
            continue;
        d = distance(text, len, name, name_len);
        if (d < best) {
            best = d;
            found = name;
        }
    }
    return found;
}
