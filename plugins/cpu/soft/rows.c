/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rows - an index of tables by opcode, made by counting.
 */
#include "rows.h"

#include <stdlib.h>

static const uint8_t *row_of(const struct rows *table, unsigned i)
{
    return (const uint8_t *)table->first + (size_t)i * table->size;
}

static unsigned key_of(const uint8_t *row)
{
    return row_key(row[0], row[2]);
}

/* first[key + 1] is where the rows of key end. */
static void count(struct row_index *index, const struct rows *tables, unsigned n)
{
    for (unsigned t = 0; t < n; t++)
        for (unsigned i = 0; i < tables[t].n; i++)
            index->first[key_of(row_of(&tables[t], i)) + 1]++;
    for (unsigned key = 0; key < ROW_KEYS; key++)
        index->first[key + 1] += index->first[key];
}

struct row_index *rows_index(const struct rows *tables, unsigned n)
{
    uint16_t next[ROW_KEYS];
    struct row_index *index;
    unsigned all = 0;

    for (unsigned t = 0; t < n; t++)
        all += tables[t].n;
    index = calloc(1, sizeof(*index) + all * sizeof(index->row[0]));
    if (!index)
        return NULL;
    count(index, tables, n);
    for (unsigned key = 0; key < ROW_KEYS; key++)
        next[key] = index->first[key];
    for (unsigned t = 0; t < n; t++)
        for (unsigned i = 0; i < tables[t].n; i++) {
            const uint8_t *row = row_of(&tables[t], i);

            index->row[next[key_of(row)]++] = row;
        }
    return index;
}
