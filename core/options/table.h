/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * table - the shapes of the two tables behind the command line: options, and the groups they fill.
 *
 * "Not in this build yet" is said here and only here, by the word LATER in a row, or by a value
 * standing in a key's `later` list.
 */
#ifndef TENON_CORE_OPTIONS_TABLE_H
#define TENON_CORE_OPTIONS_TABLE_H

#include <stdbool.h>

#define MAX_ID  127
#define N_OF(a) (sizeof(a) / sizeof((a)[0]))

enum key_type {
    KEY_STRING, /* values: the word for it in the help */
    KEY_BOOL,
    KEY_NUMBER,
    KEY_SIZE,
    KEY_MEGS,   /* a size that counts MiB when it has no unit */
    KEY_ENUM,   /* one of values or later */
    KEY_NAME,   /* the same, or what a plugin brings: by name, or by a path with a slash */
    KEY_ACCEL,  /* names separated by colons: the first that works */
    KEY_UUID,   /* 8-4-4-4-12 hexadecimal digits */
    KEY_DATE,   /* utc, localtime, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS */
    KEY_DRIVES, /* the letters of boot devices, each once */
    KEY_DEV,    /* a character device in short form: stdio, file:x, tcp::4444 */
};

/* Flags of keys, groups and options; each row uses those that mean something there. */
// clang-format off
enum {
    LATER   = 1 << 0,  /* not in this build yet */
    LIST    = 1 << 1,  /* key: may be given several times */
    PART    = 1 << 2,  /* key: a prefix; the rest is a key of the group named in values */
    ALIAS   = 1 << 3,  /* key: another name of the key named in values */
    MERGE   = 1 << 4,  /* group: all options of this kind fill one group */
    FREE    = 1 << 5,  /* group: also keys that are not listed */
    IDS     = 1 << 6,  /* group: takes an id */
    NEED_ID = 1 << 7,  /* group: must have one */
    IMPLIED = 1 << 8,  /* group: the name of the first key may be left out */
    NEED    = 1 << 9,  /* group: the first key must be given */
    HELP    = 1 << 10, /* group: "help" or "?" as the first value asks for a list */
};
// clang-format on

struct opt_key {
    const char *name;
    enum key_type type;
    unsigned flags;
    const char *values; /* "a|b|c"; NULL: none is there, "": those that plugins bring */
    const char *later;  /* values that other builds know */
};

struct opt_group {
    const char *kind;
    unsigned flags;
    const struct opt_key *keys;
    unsigned n_keys;
    unsigned max; /* how many there may be, 0 for any number */
};

enum opt_section {
    SEC_STANDARD,
    SEC_BLOCK,
    SEC_USB,
    SEC_DISPLAY,
    SEC_PC,
    SEC_NETWORK,
    SEC_CHARDEV,
    SEC_TPM,
    SEC_BOOT,
    SEC_DEBUG,
    SEC_OBJECT,
    SEC_OLD,
    N_SECTIONS
};

/* What an option does besides, or instead of, filling a group. */
enum opt_action {
    ACT_FILL,
    ACT_HELP,
    ACT_VERSION,
    ACT_READCONFIG,
    ACT_WRITECONFIG,
    ACT_SET,
    ACT_GLOBAL,  /* DRIVER.PROPERTY=VALUE beside the group's own form */
    ACT_DISPLAY, /* vnc=... is -vnc */
};

/*
 * group                  : the argument is a list of parameters, or JSON
 * group, key             : the argument is that key's value, commas and all
 * group, key, preset     : so too, and the preset's parameters besides
 * group, preset          : no argument; the preset's parameters in its stead
 * no group               : an action; key is its argument's word, if it takes one
 */
struct opt {
    const char *name;
    enum opt_section section;
    const char *group;
    const char *key;
    const char *preset;
    const char *help;
    enum opt_action action;
};

/* "a|b|c": names of QEMU's that are told from misspelt ones (names.c). */
extern const char later_machines[], later_devices[];

extern const struct opt opts[];
extern const unsigned n_opts;
extern const struct opt_group groups[];
extern const unsigned n_groups;

/* Headings of the help. */
extern const char *const section_titles[N_SECTIONS];

/* What the help says of an option: its argument, where a blank only says that a line may end, and
 * its sentence with what is not there yet; to be freed. */
char *opt_usage(const struct opt *opt);
char *opt_sentence(const struct opt *opt);

/* Finds a row by name; NULL if there is none. */
const struct opt *opt_find(const char *name);
const struct opt_group *opt_group_find(const char *kind);
const struct opt_key *opt_key_find(const struct opt_group *group, const char *name);

/* Whether the option takes an argument; whether this build does nothing of it yet. */
bool opt_has_arg(const struct opt *opt);
bool opt_is_later(const struct opt *opt);
/* Whether no value of the key is there yet. */
bool key_is_later(const struct opt_key *key);

/* Whether word is one of the values "a|b|c"; values may be NULL. */
bool values_have(const char *values, const char *word);

/* For nearest_name(). */
const char *opt_name_at(const void *unused, unsigned i);
const char *group_name_at(const void *unused, unsigned i);
const char *key_name_at(const void *keys, unsigned i);

#endif
