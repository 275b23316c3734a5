/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* near - guesses which name was meant, by the letters to insert, drop or change (Levenshtein 1965).
 */

#include "cpu/near.h"

#include <string.h>

#include <glib.h>

#define LONGEST 48

static unsigned distance(const char *a, const char *b)
{
    unsigned row[LONGEST + 1], length = strlen(b);

    for (unsigned j = 0; j <= length; j++)
        row[j] = j;
    for (unsigned i = 1; *a; i++, a++) {
        unsigned corner = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= length; j++) {
            unsigned change = corner + (*a != b[j - 1]);

            corner = row[j];
            row[j] = MIN(change, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[length];
}

const char *cpu_nearest(const char *text, const void *names, unsigned n, cpu_name_at_fn *name_at)
{
    unsigned best = strlen(text) / 3 + 2;
    const char *near = NULL;

    if (strlen(text) > LONGEST)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        const char *name = name_at(names, i);
        unsigned d = strlen(name) > LONGEST ? best : distance(text, name);

        if (d < best) {
            best = d;
            near = name;
        }
    }
    return near;
}
