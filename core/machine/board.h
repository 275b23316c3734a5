/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* board - what the machine plugin asks of the core while it puts a board together: tenon.board/1.
 */
#ifndef TENON_CORE_BOARD_H
#define TENON_CORE_BOARD_H

#include <tenon/machine.h>

extern const struct tenon_board board_service;

int board_wire_gsi(struct tenon_dev *dev, uint32_t line, unsigned gsi);

/* Makes the device of a -device group.  NULL: reported.  [main, locked] */
struct config_group;
struct machine;
struct inst *board_add_group(struct machine *m, const struct config_group *group);

#endif
