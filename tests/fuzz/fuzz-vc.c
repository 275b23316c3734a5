/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* fuzz-vc - any bytes for a text console: the cursor stays on the screen, and so does all else. */

#include <stdlib.h>

#include "vt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_sane(const struct vt *v)
{
    return v->at.col < v->cols && v->at.row < v->rows && v->top + 1 < v->bottom + (v->rows == 1) &&
           v->bottom <= v->rows && v->n_params <= VT_PARAMS && v->n_answers <= VT_ANSWERS &&
           v->n_past <= VT_PAST && v->more <= 3;
}

/* The first byte of the input says how large the screen is, and how characters are written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vt v;
    char key[VT_KEY_BYTES];
    unsigned cells = 0;

    if (!size || vt_init(&v, 1 + (*data & 15), 1 + (*data >> 4 & 7), *data >> 7))
        return 0;
    for (size_t i = 1; i < size; i++) {
        vt_write(&v, data + i, 1);
        if (!is_sane(&v) || vt_key(&v, 0xff00 | data[i], data[i], key) > sizeof(key))
            abort();
    }
    for (int row = -VT_PAST - 1; row <= (int)v.rows; row++)
        cells += vt_row(&v, row) != NULL;
    if (cells != v.rows + v.n_past)
        abort();
    vt_finish(&v);
    return 0;
}
