/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-input - what the user does with a mouse, from a monitor. */

#include <stdlib.h>
#include <string.h>

#include <glib.h>
#include <jansson.h>

#include <tenon/input.h>

#include "machine/inst.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/commands.h"

enum { FAR = 1 << 20 }; /* no user moves a mouse further at once */

/* In the order of TENON_BUTTON_*. */
static const char *const buttons[] = {
    "left", "middle", "right",      "wheel-up",    "wheel-down",
    "side", "extra",  "wheel-left", "wheel-right",
};

/* The mouse after another (NULL: the first), or NULL. */
static struct inst *mouse_next(struct machine *m, const struct inst *after)
{
    struct inst *inst = after ? after->next : m->insts;

    while (inst && !inst_iface(inst, TENON_MOUSE))
        inst = inst->next;
    return inst;
}

/* The one that was made last. */
static struct inst *mouse(struct machine *m)
{
    struct inst *last = NULL;

    for (struct inst *i = NULL; (i = mouse_next(m, i));)
        last = i;
    return last;
}

static const struct tenon_mouse *functions(const struct inst *inst)
{
    return inst_iface(inst, TENON_MOUSE);
}

static int no_mouse(struct call *call)
{
    return call_error(call, "there is no mouse");
}

/* ---- QMP ---- */

static int32_t bounded(int64_t n)
{
    return CLAMP(n, -FAR, FAR);
}

static uint32_t button_named(const char *name)
{
    uint32_t n = 0;

    while (strcmp(buttons[n], name))
        n++;
    return n;
}

static void happen(struct inst *inst, json_t *event)
{
    json_t *data = json_object_get(event, "data");
    const char *axis = text_of(data, "axis");
    int32_t steps = bounded(json_integer_value(json_object_get(data, "value")));

    if (!axis)
        functions(inst)->button(inst->state, button_named(text_of(data, "button")),
                                json_is_true(json_object_get(data, "down")));
    else if (!strcmp(axis, "x"))
        functions(inst)->move(inst->state, steps, 0);
    else
        functions(inst)->move(inst->state, 0, steps);
}

static int do_send_event(struct call *call)
{
    struct inst *inst = mouse(call->machine);
    json_t *event;
    size_t i;

    if (!inst)
        return no_mouse(call);
    json_array_foreach(json_object_get(call->args, "events"), i, event) happen(inst, event);
    functions(inst)->sync(inst->state);
    return 0;
}

static int do_mice(struct call *call)
{
    int index = 0;

    call->result = json_array();
    for (struct inst *i = NULL; (i = mouse_next(call->machine, i));)
        json_array_append_new(call->result,
                              json_pack("{s:s, s:i, s:b, s:b}", "name", functions(i)->name, "index",
                                        index++, "current", i == mouse(call->machine), "absolute",
                                        0));
    return 0;
}

/* ---- HMP ---- */

static void print_mice(struct call *call)
{
    json_t *mice = call->result, *one;
    size_t i;

    if (!json_array_size(mice))
        call_print(call, "No mouse devices connected\n");
    json_array_foreach(mice, i, one)
        call_print(call, "%c Mouse #%zu: %s\n",
                   json_is_true(json_object_get(one, "current")) ? '*' : ' ', i,
                   text_of(one, "name"));
}

static int32_t steps(struct call *call, const char *name)
{
    return bounded(call_has(call, name) ? strtol(call_str(call, name), NULL, 0) : 0);
}

static int do_move(struct call *call)
{
    struct inst *inst = mouse(call->machine);
    int32_t wheel = steps(call, "dz");

    if (!inst)
        return no_mouse(call);
    functions(inst)->move(inst->state, steps(call, "dx"), steps(call, "dy"));
    for (int down = 1; wheel && down >= 0; down--)
        functions(inst)->button(inst->state,
                                wheel > 0 ? TENON_BUTTON_WHEEL_UP : TENON_BUTTON_WHEEL_DOWN, down);
    functions(inst)->sync(inst->state);
    return 0;
}

/* The first three buttons, a bit each. */
static int do_button(struct call *call)
{
    struct inst *inst = mouse(call->machine);
    int64_t state = call_int(call, "state", 0);

    if (!inst)
        return no_mouse(call);
    for (unsigned i = TENON_BUTTON_LEFT; i <= TENON_BUTTON_RIGHT; i++)
        functions(inst)->button(inst->state, i, state >> i & 1);
    functions(inst)->sync(inst->state);
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "input-send-event", "events:[InputEvent]", .run = do_send_event },
    { "query-mice", NULL, "[MouseInfo]", .run = do_mice,
      .hmp = "info mice", .print = print_mice, .help = "the mice" },
    { .hmp = "mouse_move", .line = "dx:str dy:str ?dz:str", .params = "dx dy [dz]", .run = do_move,
      .help = "move the mouse by so many steps right and down" },
    { .hmp = "mouse_button", .line = "state:num", .params = "state", .run = do_button,
      .help = "press these mouse buttons (1: left, 2: middle, 4: right) and let go of the others" },
};

static const struct shape shapes[] = {
    OBJECT("MouseInfo", "name:str index:int current:bool absolute:bool"),
    ENUM("InputButton", "left middle right wheel-up wheel-down side extra wheel-left wheel-right"),
    ENUM("InputAxis", "x y"),
    ENUM("InputEventKind", "btn rel"),
    OBJECT("InputBtnEvent", "button:InputButton down:bool"),
    OBJECT("InputMoveEvent", "axis:InputAxis value:int"),
    OBJECT("InputBtnEventWrapper", "data:InputBtnEvent"),
    OBJECT("InputMoveEventWrapper", "data:InputMoveEvent"),
    UNION("InputEvent", "type:InputEventKind", "type",
          "btn:InputBtnEventWrapper rel:InputMoveEventWrapper"),
};
// clang-format on

const struct command_table input_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
