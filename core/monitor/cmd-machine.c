/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cmd-machine - commands that say what the machine is, and which machines there could be. */

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include <tenon/cmos.h>
#include <tenon/machine.h>

#include "cpu/accel.h"
#include "machine/inst.h"
#include "machine/machine.h"
#include "machine/ram.h"
#include "memory/memory.h"
#include "monitor/command.h"
#include "monitor/commands.h"
#include "options/options.h"
#include "options/table.h"
#include "plugin/plugin.h"

/* ---- The clock ---- */

/* All clocks of the board forget the ticks they still owe the guest. */
static int do_reset_reinjection(struct call *call)
{
    for (struct inst *i = call->machine->insts; i; i = i->next) {
        const struct tenon_cmos *cmos = inst_iface(i, TENON_CMOS);
        struct tenon_cmos known = { 0 };

        if (cmos)
            table_copy(&known, sizeof(known), cmos);
        if (known.forget_ticks)
            known.forget_ticks(i->state);
    }
    return 0;
}

/* ---- Names ---- */

static int do_name(struct call *call)
{
    const char *name = call->machine->info.name;

    call->result = name ? json_pack("{s:s}", "name", name) : json_object();
    return 0;
}

static void print_name(struct call *call)
{
    const char *name = text_of(call->result, "name");

    if (name)
        call_print(call, "%s\n", name);
}

static int do_uuid(struct call *call)
{
    const uint8_t *u = call->machine->info.uuid;

    call->result = json_object();
    json_object_set_new(
        call->result, "UUID",
        json_sprintf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", u[0],
                     u[1], u[2], u[3], u[4], u[5], u[6], u[7], u[8], u[9], u[10], u[11], u[12],
                     u[13], u[14], u[15]));
    return 0;
}

static void print_uuid(struct call *call)
{
    call_print(call, "%s\n", text_of(call->result, "UUID"));
}

static int do_kvm(struct call *call)
{
    bool enabled = !strcmp(call->machine->accel->ops->name, "kvm");

    call->result = json_pack("{s:b, s:b}", "enabled", enabled, "present",
                             enabled || !access("/dev/kvm", F_OK));
    return 0;
}

static void print_kvm(struct call *call)
{
    bool enabled = json_is_true(json_object_get(call->result, "enabled"));

    uint64_t times, instructions;

    call_print(call, "kvm support: %s\n", enabled ? "enabled" : "disabled");
    if (kvm_fallback_counts(call->machine, &times, &instructions))
        call_print(call,
                   "the software CPU took over %" PRIu64 " times, for %" PRIu64 " instructions\n",
                   times, instructions);
}

static int do_target(struct call *call)
{
    call->result = json_pack("{s:s}", "arch", "x86_64");
    return 0;
}

/* ---- Machines there could be ---- */

struct listing {
    struct machine *m;
    json_t *list;
};

/* "pc-i440fx-7.1" is a version of what "pc-i440fx-7.2" is; "pc" is another name for it. */
static bool is_version(const char *name, const char *first)
{
    const char *dash = strrchr(first, '-');

    return dash && !strncmp(name, first, dash - first + 1);
}

static json_t *describe_machine(const char *name, const struct tenon_machine_ops *ops)
{
    json_t *info =
        json_pack("{s:s, s:i, s:b, s:b, s:b}", "name", name, "cpu-max", MAX((int)ops->max_cpus, 1),
                  "hotpluggable-cpus", false, "numa-mem-supported", false, "deprecated", false);

    if (ops->default_cpu)
        json_object_set_new(info, "default-cpu-type",
                            json_sprintf("%s-x86_64-cpu", ops->default_cpu));
    if (ops->default_ram)
        json_object_set_new(info, "default-ram-id", json_string("pc.ram"));
    return info;
}

static void add_machine(void *arg, const struct card *card)
{
    struct listing *l = arg;
    char **names = g_strsplit(card->names, " ", -1);
    const struct type *type = plugins_load(l->m->plugins, "machine", names[0], NULL);
    json_t *first;

    if (!type) {
        g_strfreev(names);
        return;
    }
    first = describe_machine(names[0], type->t.ops);
    json_array_append_new(l->list, first);
    for (unsigned i = 1; names[i]; i++) {
        if (is_version(names[i], names[0]))
            json_array_append_new(l->list, describe_machine(names[i], type->t.ops));
        else if (!json_object_get(first, "alias"))
            json_object_set_new(first, "alias", json_string(names[i]));
        if (!strcmp(names[i], MACHINE_DEFAULT))
            json_object_set_new(first, "is-default", json_true());
    }
    g_strfreev(names);
}

static int do_machines(struct call *call)
{
    struct listing l = { call->machine, json_array() };

    plugins_each(call->machine->plugins, "machine", add_machine, &l);
    call->result = l.list;
    return 0;
}

static int do_current_machine(struct call *call)
{
    call->result = json_pack("{s:b}", "wakeup-suspend-support", true);
    return 0;
}

/* ---- Options ---- */

static const char *option_type(const struct opt_key *key)
{
    switch (key->type) {
    case KEY_BOOL: return "boolean";
    case KEY_NUMBER: return "number";
    case KEY_SIZE:
    case KEY_MEGS: return "size";
    default: return "string";
    }
}

static json_t *describe_group(const struct opt_group *g)
{
    json_t *keys = json_array();

    for (unsigned i = 0; i < g->n_keys; i++)
        if (!key_is_later(&g->keys[i]) && !(g->keys[i].flags & (PART | ALIAS)))
            json_array_append_new(keys, json_pack("{s:s, s:s}", "name", g->keys[i].name, "type",
                                                  option_type(&g->keys[i])));
    return json_pack("{s:s, s:o}", "option", g->kind, "parameters", keys);
}

/* Whether this build does nothing of it. */
static bool is_later(const struct opt_group *g)
{
    return g->flags & LATER || (g->flags & NEED && key_is_later(&g->keys[0]));
}

static int do_options(struct call *call)
{
    const char *option = call_str(call, "option");

    call->result = json_array();
    for (unsigned i = 0; i < n_groups; i++)
        if (groups[i].n_keys && !is_later(&groups[i]) &&
            (!option || !strcmp(option, groups[i].kind)))
            json_array_append_new(call->result, describe_group(&groups[i]));
    return option && !json_array_size(call->result)
               ? call_error(call, "Invalid parameter '%s'", option)
               : 0;
}

/* ---- Memory ---- */

static int do_memory(struct call *call)
{
    call->result = json_pack("{s:I}", "base-memory", (json_int_t)call->machine->info.ram_bytes);
    return 0;
}

static void print_memory(struct call *call)
{
    call_print(call, "base memory: %" JSON_INTEGER_FORMAT "\n",
               json_integer_value(json_object_get(call->result, "base-memory")));
}

static int do_memdev(struct call *call)
{
    const struct memory_object *o;

    call->result = json_array();
    for (unsigned n = 0; (o = memory_object_next(call->machine, &n));)
        json_array_append_new(
            call->result,
            json_pack("{s:s, s:I, s:b, s:b, s:b, s:b, s:[], s:s}", "id", o->group->id, "size",
                      (json_int_t)o->block->bytes, "merge", memory_object_flag(o, "merge"), "dump",
                      memory_object_flag(o, "dump"), "prealloc", memory_object_flag(o, "prealloc"),
                      "share", memory_object_flag(o, "share"), "host-nodes", "policy", "default"));
    return 0;
}

static const char *word(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key)) ? "true" : "false";
}

static void print_memdev(struct call *call)
{
    size_t i;
    json_t *dev;

    json_array_foreach(call->result, i, dev)
        call_print(call,
                   "memory backend: %s\n  size:  %" JSON_INTEGER_FORMAT
                   "\n  merge: %s\n  dump: %s\n  prealloc: %s\n  share: %s\n  policy: default\n",
                   text_of(dev, "id"), json_integer_value(json_object_get(dev, "size")),
                   word(dev, "merge"), word(dev, "dump"), word(dev, "prealloc"),
                   word(dev, "share"));
}

/* ---- What there is none of ---- */

static int do_none(struct call *call)
{
    call->result = json_array();
    return 0;
}

static int do_migrate(struct call *call)
{
    call->result = json_object();
    return 0;
}

static int do_migrate_capabilities(struct call *call)
{
    call->result =
        json_pack("[{s:s, s:b}]", "capability", "events", "state", call->machine->migration_events);
    return 0;
}

static int do_set_migrate_capabilities(struct call *call)
{
    size_t i;
    json_t *one;

    json_array_foreach(json_object_get(call->args, "capabilities"), i, one)
        call->machine->migration_events = json_is_true(json_object_get(one, "state"));
    return 0;
}

// clang-format off
static const struct command commands[] = {
    { "query-name", NULL, "NameInfo", CMD_PRECONFIG, .run = do_name,
      .hmp = "info name", .print = print_name, .help = "the guest's name" },
    { "query-uuid", NULL, "UuidInfo", CMD_PRECONFIG, .run = do_uuid,
      .hmp = "info uuid", .print = print_uuid, .help = "the machine's UUID" },
    { "query-kvm", NULL, "KvmInfo", CMD_PRECONFIG, .run = do_kvm,
      .hmp = "info kvm", .print = print_kvm, .help = "whether KVM runs the guest" },
    { "query-target", NULL, "TargetInfo", CMD_PRECONFIG, .run = do_target },
    { "query-machines", NULL, "[MachineInfo]", CMD_PRECONFIG, .run = do_machines },
    { "query-current-machine", NULL, "CurrentMachineParams", .run = do_current_machine },
    { "query-command-line-options", "?option:str", "[CommandLineOptionInfo]", CMD_PRECONFIG,
      .run = do_options },
    { "rtc-reset-reinjection", .run = do_reset_reinjection },
    { "query-memory-size-summary", NULL, "MemoryInfo", .run = do_memory,
      .hmp = "info memory_size_summary", .print = print_memory, .help = "how much RAM there is" },
    { "query-memdev", NULL, "[Memdev]", CMD_PRECONFIG, .run = do_memdev,
      .hmp = "info memdev", .print = print_memdev, .help = "objects that are the guest's memory" },
    { "query-iothreads", NULL, "[IOThreadInfo]", CMD_PRECONFIG, .run = do_none },
    { "query-block", NULL, "[BlockInfo]", CMD_PRECONFIG, .run = do_none },
    { "query-blockstats", "?query-nodes:bool", "[BlockStats]", CMD_PRECONFIG, .run = do_none },
    { "query-named-block-nodes", "?flat:bool", "[BlockDeviceInfo]", CMD_PRECONFIG, .run = do_none },
    { "query-jobs", NULL, "[JobInfo]", CMD_PRECONFIG, .run = do_none },
    { "query-tpm-models", NULL, "[TpmModel]", CMD_PRECONFIG, .run = do_none },
    { "query-tpm-types", NULL, "[TpmType]", CMD_PRECONFIG, .run = do_none },
    { "query-migrate", NULL, "MigrationInfo", .run = do_migrate },
    { "query-migrate-capabilities", NULL, "[MigrationCapabilityStatus]",
      .run = do_migrate_capabilities },
    { "migrate-set-capabilities", "capabilities:[MigrationCapabilityStatus]",
      .run = do_set_migrate_capabilities },
};

static const struct shape shapes[] = {
    OBJECT("NameInfo", "?name:str"),
    OBJECT("UuidInfo", "UUID:str"),
    OBJECT("KvmInfo", "enabled:bool present:bool"),
    ENUM("SysEmuTarget", "x86_64"),
    OBJECT("TargetInfo", "arch:SysEmuTarget"),
    OBJECT("MachineInfo", "name:str ?alias:str ?is-default:bool cpu-max:int hotpluggable-cpus:bool "
                          "numa-mem-supported:bool deprecated:bool ?default-cpu-type:str "
                          "?default-ram-id:str"),
    OBJECT("CurrentMachineParams", "wakeup-suspend-support:bool"),
    ENUM("CommandLineParameterType", "string boolean number size"),
    OBJECT("CommandLineParameterInfo", "name:str type:CommandLineParameterType"),
    OBJECT("CommandLineOptionInfo", "option:str parameters:[CommandLineParameterInfo]"),
    OBJECT("MemoryInfo", "base-memory:size"),
    ENUM("HostMemPolicy", "default"),
    OBJECT("Memdev", "?id:str size:size merge:bool dump:bool prealloc:bool share:bool "
                     "host-nodes:[uint16] policy:HostMemPolicy"),
    OBJECT("IOThreadInfo", "id:str thread-id:int"),
    OBJECT("BlockInfo", "device:str ?qdev:str type:str removable:bool locked:bool"),
    OBJECT("BlockStats", "?device:str ?qdev:str ?node-name:str"),
    OBJECT("BlockDeviceInfo", "file:str ?node-name:str ro:bool drv:str"),
    OBJECT("JobInfo", "id:str type:str status:str current-progress:int total-progress:int ?error:str"),
    ENUM("TpmModel", "tpm-tis tpm-crb"),
    ENUM("TpmType", "passthrough emulator"),
    ENUM("MigrationStatus", "none"),
    OBJECT("MigrationInfo", "?status:MigrationStatus"),
    ENUM("MigrationCapability", "events"),
    OBJECT("MigrationCapabilityStatus", "capability:MigrationCapability state:bool"),
};
// clang-format on

const struct command_table machine_commands = {
    .commands = commands,
    .n_commands = G_N_ELEMENTS(commands),
    .shapes = shapes,
    .n_shapes = G_N_ELEMENTS(shapes),
};
