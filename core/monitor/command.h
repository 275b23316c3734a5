/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * command - what a monitor's command is: a row of a table.  QMP, HMP, their help and completion,
 * the checks of arguments and query-qmp-schema are all made from it.
 *
 * docs/dev/monitor.md says how a command is added.
 */
#ifndef TENON_CORE_MONITOR_COMMAND_H
#define TENON_CORE_MONITOR_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>
#include <jansson.h>

struct machine;
struct session;
struct call;

enum {
    CMD_OOB = 1 << 0,       /* may pass commands that wait: never blocks, never finishes later */
    CMD_PRECONFIG = 1 << 1, /* also before the board is there */
    CMD_FREE = 1 << 2,      /* takes arguments beyond those named */
    CMD_NO_BOARD = 1 << 3,  /* of HMP: does not need the machine to be built */
};

enum { CALL_LATER = 1 };

struct command {
    const char *name;  /* QMP's, "query-status"; NULL: HMP alone */
    const char *args;  /* members, "val:int ?cpu-index:int", or the name of an object type */
    const char *ret;   /* the type of its result; NULL: an empty object */
    unsigned flags;    /* CMD_* */
    const char *marks; /* features, separated by blanks */

    const char *hmp;  /* HMP's name, "info status", further ones after bars: "quit|q"; NULL: none */
    const char *line; /* its arguments, "val:num ?-r:retry": NAME:KIND, kinds are in line.c */
    const char *params; /* the same as help prints them; NULL: none */
    const char *help;   /* one sentence, no full stop */

    /*
     * Does it: 0, a negative value after call_error() (or report(), whose text is then the error),
     * or CALL_LATER, and call_finish() follows.  The arguments have been checked.  HMP alone: may
     * print instead of leaving a result.  [main, locked]
     */
    int (*run)(struct call *call);
    /* Prints the result, for HMP; NULL: nothing is said. */
    void (*print)(struct call *call);
};

/* One command that is being done. */
struct call {
    struct machine *machine;
    const struct command *command;
    struct session *session; /* who asked; NULL: it has gone */
    json_t *args;            /* an object */
    json_t *result;          /* owned; NULL is an empty object */
    bool hmp;                /* text is what is printed */
    int *cpu;                /* HMP: the monitor's current processor */
    GString *text;
    /* The rest is the framework's. */
    const char *error_class;
    char *error;
    GString *reported;
    bool running, finished;
    void (*done)(struct call *call); /* at its end; then it is freed */
    void *done_arg;
    json_t *id;
};

extern const char class_generic[], class_not_found[], class_device_not_found[],
    class_device_not_active[], class_kvm_missing[];

/* Says why the command fails; the value to return from run(). */
int call_error(struct call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int call_error_class(struct call *call, const char *class, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* The end of a command whose run() said CALL_LATER; also during run().  [main, locked] */
void call_finish(struct call *call);

/* Arguments; what is not there is NULL, false or the fallback. */
const char *call_str(const struct call *call, const char *name);
int64_t call_int(const struct call *call, const char *name, int64_t fallback);
bool call_bool(const struct call *call, const char *name, bool fallback);
bool call_has(const struct call *call, const char *name);

/* A string among an object's members; NULL: there is none. */
static inline const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* What HMP prints; "\n" ends a line. */
void call_print(struct call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The end of a command that prints for HMP and QMP alike: QMP's result is the text, as an object
 * HumanReadableText.  0. */
int call_human(struct call *call);

/* The processor that a command is about: argument name, or HMP's current one.  NULL: there is none,
 * which is the call's error. */
struct vcpu;
struct vcpu *call_cpu(struct call *call, const char *name);

/* Stops the processors for a look at them, and lets them go on if they ran; the machine's state is
 * the same.  [main, locked] */
bool guest_hold(struct machine *m);
void guest_release(struct machine *m, bool held);

/* ---- Types of QMP ---- */

enum shape_kind { SHAPE_OBJECT, SHAPE_ENUM };

/*
 * members are "NAME:TYPE ?OPTIONAL:TYPE" of objects, values of enumerations.
 * TYPE is one of str, int, number, bool, any, null, int8 ... uint64, size, a shape's name, or
 * [TYPE].
 */
struct shape {
    const char *name;
    enum shape_kind kind;
    const char *members;
    const char *tag;   /* of objects: the member whose value says which further members there are */
    const char *cases; /* "VALUE:TYPE VALUE:TYPE"; values that are not there add nothing */
};

#define OBJECT(name_, members_)                                                                    \
    {                                                                                              \
        .name = name_, .kind = SHAPE_OBJECT, .members = members_                                   \
    }
#define ENUM(name_, values_)                                                                       \
    {                                                                                              \
        .name = name_, .kind = SHAPE_ENUM, .members = values_                                      \
    }
#define UNION(name_, members_, tag_, cases_)                                                       \
    {                                                                                              \
        .name = name_, .kind = SHAPE_OBJECT, .members = members_, .tag = tag_, .cases = cases_     \
    }

/* ---- Tables ---- */

struct event_row {
    const char *name;
    const char *args; /* as of a command */
    unsigned at_most; /* one in so many milliseconds, the last one wins; 0: all */
    const char *key;  /* each value of this member is limited by itself */
};

struct command_table {
    const struct command *commands;
    unsigned n_commands;
    const struct shape *shapes;
    unsigned n_shapes;
    const struct event_row *events;
    unsigned n_events;
};

/* All of them: tables.c. */
extern const struct command_table *const command_tables[];
extern const unsigned n_command_tables;

/* NULL: there is none. */
const struct command *command_find(const char *name);
const struct shape *shape_find(const char *name, size_t len);
const struct event_row *event_find(const char *name);

/* for (const struct command *c = NULL; (c = command_next(c));) */
const struct command *command_next(const struct command *after);

#define TABLE(commands_, shapes_, events_)                                                         \
    {                                                                                              \
        .commands = commands_, .n_commands = G_N_ELEMENTS(commands_), .shapes = shapes_,           \
        .n_shapes = G_N_ELEMENTS(shapes_), .events = events_, .n_events = G_N_ELEMENTS(events_)    \
    }

#endif
