/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* none - a machine without processor, RAM and bus: something to ask questions of. */

#include <tenon/machine.h>

struct none {
    struct tenon_dev *dev;
};

static const struct tenon_machine_ops none_ops = { .size = sizeof(none_ops) };

TENON_MACHINE(none, "none", "empty machine", .ops = &none_ops);

TENON_PLUGIN(&tenon_type_none);
