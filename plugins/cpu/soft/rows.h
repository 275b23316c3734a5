/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * rows - finds the rows that an opcode may have in tables of instructions: vec.h's and evex.h's.
 */
#ifndef TENON_SOFT_ROWS_H
#define TENON_SOFT_ROWS_H

#include <stdint.h>

/* Rows begin with the bytes map, pp and opcode. */
struct rows {
    const void *first;
    unsigned n, size; /* how many; bytes of one */
};
/* Of a table that has op and n. */
#define ROWS(table)                                                                                \
    {                                                                                              \
        (table).op, (table).n, sizeof(*(table).op)                                                 \
    }

enum { ROW_KEYS = 4 * 256 };

/* By row_key(): row[first[key]] to row[first[key + 1] - 1], in the order of the tables. */
struct row_index {
    uint16_t first[ROW_KEYS + 1];
    const void *row[];
};

/* Different maps may have the same. */
static inline unsigned row_key(unsigned map, unsigned opcode)
{
    return map % 4 * 256 + opcode;
}

/* To be freed; NULL: there is no memory. */
struct row_index *rows_index(const struct rows *tables, unsigned n);

#endif
