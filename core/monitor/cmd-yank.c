/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-yank - commands that end connections which hang, whatever else is going on. */

#include "chardev/chardev.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"

static int do_query(struct call *call)
{
    call->result = json_array();
    for (struct tenon_chardev *c = NULL; (c = chardev_next(call->machine, c));)
        if (chardev_yanks(c))
            json_array_append_new(call->result,
                                  json_pack("{s:s, s:s}", "type", "chardev", "id", chardev_id(c)));
    return 0;
}

/* The chardev of an instance, or NULL. */
static struct tenon_chardev *find(struct machine *m, const json_t *instance)
{
    const char *id = text_of(instance, "id");
    struct tenon_chardev *chr = chardev_find(m, id);

    return chr && chardev_yanks(chr) ? chr : NULL;
}

/* All of them, or none. */
static int do_yank(struct call *call)
{
    json_t *list = json_object_get(call->args, "instances"), *instance;
    size_t i;

    json_array_foreach(
        list, i, instance) if (!find(call->machine,
                                     instance)) return call_error_class(call,
                                                                        class_device_not_found,
                                                                        "Instance not found");
    json_array_foreach(list, i, instance) chardev_yank(find(call->machine, instance));
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "query-yank", NULL, "[YankInstance]", CMD_OOB | CMD_PRECONFIG, .run = do_query },
    { "yank", "instances:[YankInstance]", .flags = CMD_OOB | CMD_PRECONFIG, .run = do_yank },
};

static const struct shape shapes[] = {
    ENUM("YankInstanceType", "chardev"),
    OBJECT("YankInstanceChardev", "id:str"),
    UNION("YankInstance", "type:YankInstanceType", "type", "chardev:YankInstanceChardev"),
};
// clang-format on

const struct command_table yank_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
