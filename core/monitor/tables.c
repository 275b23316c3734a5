/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* tables - the list of all tables of commands, and finding things in them. */

#include "monitor/command.h"

#include <string.h>

#include "monitor/commands.h"

const struct command_table *const command_tables[] = {
    // clang-format off
    &chardev_commands,
    &chips_commands,
    &cpu_commands,
    &debug_commands,
    &device_commands,
    &fd_commands,
    &input_commands,
    &machine_commands,
    &memory_commands,
    &monitor_commands,
    &pci_commands,
    &qom_commands,
    &run_commands,
    &vcpu_commands,
    &yank_commands,
    // clang-format on
};
const unsigned n_command_tables = G_N_ELEMENTS(command_tables);

const struct command *command_next(const struct command *after)
{
    for (unsigned t = 0; t < n_command_tables; t++) {
        const struct command_table *table = command_tables[t];

        if (!after && table->n_commands)
            return table->commands;
        if (after < table->commands || after >= table->commands + table->n_commands)
            continue;
        if (++after < table->commands + table->n_commands)
            return after;
        after = NULL;
    }
    return NULL;
}

const struct command *command_find(const char *name)
{
    for (const struct command *c = NULL; (c = command_next(c));)
        if (c->name && !strcmp(c->name, name))
            return c;
    return NULL;
}

const struct shape *shape_find(const char *name, size_t len)
{
    for (unsigned t = 0; t < n_command_tables; t++)
        for (unsigned i = 0; i < command_tables[t]->n_shapes; i++) {
            const struct shape *s = &command_tables[t]->shapes[i];

            if (!strncmp(s->name, name, len) && !s->name[len])
                return s;
        }
    return NULL;
}

const struct event_row *event_find(const char *name)
{
    for (unsigned t = 0; t < n_command_tables; t++)
        for (unsigned i = 0; i < command_tables[t]->n_events; i++)
            if (!strcmp(command_tables[t]->events[i].name, name))
                return &command_tables[t]->events[i];
    return NULL;
}
