/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uops - the table of micro-operations.
 */
#include "exec.h"

const struct uop_info uop_info[N_UOPS] = {
#define X(name, quiet, props, reads, sets, kills)                                                  \
    [UOP_##name] = { #name, run_##name, run_##quiet, props, reads, sets, kills },
    UOPS(X)
#undef X
};
