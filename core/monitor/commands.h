/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* commands - the names of the tables that tables.c lists. */
#ifndef TENON_CORE_MONITOR_COMMANDS_H
#define TENON_CORE_MONITOR_COMMANDS_H

struct command_table;

extern const struct command_table chardev_commands;
extern const struct command_table chips_commands;
extern const struct command_table cpu_commands;
extern const struct command_table debug_commands;
extern const struct command_table device_commands;
extern const struct command_table fd_commands;
extern const struct command_table input_commands;
extern const struct command_table machine_commands;
extern const struct command_table memory_commands;
extern const struct command_table monitor_commands;
extern const struct command_table pci_commands;
extern const struct command_table qom_commands;
extern const struct command_table run_commands;
extern const struct command_table vcpu_commands;
extern const struct command_table yank_commands;

#endif
