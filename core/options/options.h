/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * options - the command line: one table of options, and the configuration that they make.
 *
 * argv is parsed into a configuration: an ordered list of groups, each a kind ("device"), perhaps
 * an id, and keys with values, all as text.  It is exactly what -writeconfig prints and -readconfig
 * reads, so every option has a group: those with parameters the group of QEMU's name ([device],
 * [boot-opts], [smp-opts], [memory], [acpi] ...), -kernel and its like a key of [machine], and any
 * other option a group of its own name: "-S" is [S], "-pidfile x" is [pidfile] file = "x".
 *
 *     struct config *config = config_create();
 *     struct options_want want;
 *
 *     if (options_parse(config, argc, argv, &want) < 0)       every fault has been reported
 *         return 1;
 *     switch (want.action) { ... help, version, "-device help" ... }
 *     if (want.writeconfig)
 *         config_write_file(config, want.writeconfig);
 *     if (options_check(config, available, host) < 0)         "not in this build yet", all at once
 *         return 1;
 *     ...
 *     config_destroy(config);
 *
 * Nothing here is shared between configurations; one configuration is used by one thread at a time.
 * All functions may be called on any thread.
 */
#ifndef TENON_CORE_OPTIONS_H
#define TENON_CORE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct config;

/* One key of a group.  All strings live as long as the configuration. */
struct config_opt {
    const char *key;
    const char *value;
    const char *from; /* where it was set, for messages: "-boot order=dc" or "machine.conf:7" */
};

struct config_group {
    const char *kind;
    const char *id;   /* NULL without one */
    const char *from; /* the option as typed that made the group first, or "FILE:LINE: [kind]" */
    struct config_opt *opts;
    unsigned n_opts;
    unsigned index; /* place in the configuration */
};

struct config *config_create(void);
void config_destroy(struct config *config); /* accepts NULL */

/* --- from the command line ------------------------------------------------------------------- */

enum options_action {
    OPTIONS_RUN,     /* start the machine */
    OPTIONS_HELP,    /* -h: options_help() */
    OPTIONS_VERSION, /* -version: options_version() */
    OPTIONS_LIST,    /* "-device help" (name NULL) or "-device edu,help" (name "edu") */
};

struct options_want {
    enum options_action action;
    const char *kind; /* OPTIONS_LIST: the group asked about: "device", "machine", "cpu" ... */
    const char *name; /* OPTIONS_LIST: one of them, or NULL for the list */
    const char *writeconfig; /* the file of -writeconfig ("-" is standard output), or NULL */
};

/*
 * Parses argv[1] .. argv[argc-1] into config.  Returns 0 and fills in want, or -EINVAL when
 * something is wrong with the line; each fault has then been reported.  The strings of want live
 * with config. -h and -version end the parsing where they stand, as in QEMU.
 */
int options_parse(struct config *config, int argc, char **argv, struct options_want *want);

/*
 * What is asked of those who know the plugins: kind is the group ("chardev", "machine", "device",
 * "netdev", "display", "audiodev"...), name the value of its first key ("stdio").
 */
struct options_host {
    void *arg;
    bool (*have)(void *arg, const char *kind, const char *name);
    /* Reports where it would come from, or what it may be a slip for; false: nothing is known. */
    bool (*missing)(void *arg, const char *kind, const char *name, const char *where);
};

/*
 * Reports, one line each, what the configuration asks for and this build does not do yet, and what
 * names nothing at all.  host may be NULL: then what only plugins bring is taken to exist.  Returns
 * 0 or -ENOTSUP.
 */
int options_check(const struct config *config, const struct options_host *host);

/* The same for one name: "-device NAME,help". */
int options_check_name(const char *kind, const char *name, const char *where,
                       const struct options_host *host);

/* What -h and -version print. */
void options_help(FILE *out);
void options_version(FILE *out);

/* The names of a kind that are there without a plugin, "kvm|qtest"; NULL if there are none. */
const char *options_names(const char *kind);

/* Prints the keys of a kind that do something in this build, "  size=<SIZE>" a line, but the first
 * and those in without ("a|b" or NULL). */
void options_print_keys(FILE *out, const char *kind, const char *without);

/*
 * The configuration of one [chardev] that a character device in short form stands for ("file:x"),
 * called id; the caller's to destroy.  NULL: it is not one ("none", "chardev:x"), or a fault has
 * been reported at from.
 */
struct config *dev_config(const char *dev, const char *id, const char *from);

/* The configuration of one group of that kind that an object of JSON makes, as "-device {...}"
 * does; the caller's to destroy.  NULL: a fault has been reported at from. */
struct config *json_config(const char *kind, const char *json, const char *from);

/* --- groups ---------------------------------------------------------------------------------- */

/* The group of that kind (NULL: any) after `after` (NULL: the first), in the order given. */
const struct config_group *config_next(const struct config *config, const char *kind,
                                       const struct config_group *after);

/* The only or first group of a kind; with id, the one so called.  NULL if there is none. */
const struct config_group *config_find(const struct config *config, const char *kind,
                                       const char *id);

/*
 * The value of a key, or fallback when the group is NULL or lacks it.  A key that was given several
 * times holds its last value; only keys that are lists (hostfwd, host-nodes) stay several: walk
 * opts.
 */
const char *group_string(const struct config_group *group, const char *key, const char *fallback);

/* Where the key was set, as typed; where the group was made if it lacks the key. */
const char *group_from(const struct config_group *group, const char *key);

/*
 * The same for typed values: *value keeps what it holds when the key is absent, and holds what is
 * in the configuration otherwise.  Returns 0, or -EINVAL when the text is no such value or out of
 * min .. max, which has been reported.  Sizes are in bytes ("4k" = 4096; [memory] size counts MiB
 * without a unit).
 */
int group_bool(const struct config_group *group, const char *key, bool *value);
int group_number(const struct config_group *group, const char *key, int64_t min, int64_t max,
                 int64_t *value);
int group_size(const struct config_group *group, const char *key, uint64_t min, uint64_t max,
               uint64_t *value);

/*
 * Reports each key of group that is not in the NULL-terminated list, with the nearest that is: for
 * groups with keys of their own for each type.  Returns 0 or -EINVAL.
 */
int group_allow(const struct config_group *group, const char *const *keys);

/* --- texts ----------------------------------------------------------------------------------- */

/* "on", "4k", "0x10" as -machine, -device and the monitor understand them.  Return 0 or -EINVAL. */
int parse_bool(const char *text, bool *value);
int parse_number(const char *text, int64_t *value);
int parse_size(const char *text, uint64_t *value);

/* A letter, then letters, digits and "-._", at most 127 characters. */
bool id_is_wellformed(const char *id);

/*
 * Among n names the one that text is probably a slip of the keyboard for, or NULL when none is
 * near. name_at returns the i-th name.
 */
typedef const char *name_at_fn(const void *names, unsigned i);
const char *nearest_name(const char *text, const void *names, unsigned n, name_at_fn *name_at);

/* A name_at_fn for an array of strings. */
const char *string_at(const void *names, unsigned i);

/* --- files ----------------------------------------------------------------------------------- */

/*
 * Writes or reads a configuration as -writeconfig and -readconfig do.  A file that is read adds to
 * what is there.  Return 0 or -errno; what is wrong has been reported, with file and line.
 */
void config_write(const struct config *config, FILE *out);
int config_write_file(const struct config *config, const char *path);
int config_read(struct config *config, FILE *in, const char *name);
int config_read_file(struct config *config, const char *path);

#endif
