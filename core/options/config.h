/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config - the insides of a configuration, for those who fill it: the options and the file reader.
 */
#ifndef TENON_CORE_OPTIONS_CONFIG_H
#define TENON_CORE_OPTIONS_CONFIG_H

#include <glib.h>

#include "options/options.h"
#include "options/table.h"

struct config {
    GPtrArray *groups;   /* of struct config_group */
    GStringChunk *texts; /* every string of the groups */
};

/* A copy of text (its first len bytes) that lives with the configuration. */
const char *config_text(struct config *config, const char *text);
const char *config_text_n(struct config *config, const char *text, size_t len);

/*
 * Filling one group: begin, keys, end.  from says where it stands, for messages and for the group.
 * begin returns the group to fill: for kinds that merge, the one there is.  Each returns -EINVAL
 * (or NULL) after reporting a fault; filling may go on, so that all faults are found.
 */
struct config_group *fill_begin(struct config *config, const struct opt_group *kind, const char *id,
                                const char *from);
int fill_key(struct config *config, const struct opt_group *kind, struct config_group *group,
             const char *key, const char *value, const char *from);
int fill_end(struct config *config, const struct opt_group *kind, struct config_group *group);

/* One word without "=": the value of the implied key if first, else a key that is on, or "no"KEY.
 */
int fill_word(struct config *config, const struct opt_group *kind, struct config_group *group,
              bool first, const char *word, const char *from);

/* Parameters "a=b,c,nod", and an object of JSON; single quotes do as well as double ones. */
int fill_params(struct config *config, const struct opt_group *kind, struct config_group *group,
                const char *params, const char *from);
int fill_json(struct config *config, const struct opt_group *kind, struct config_group *group,
              const char *json, const char *from);

/* Whether value is one of the key's; if not, value_wanted() is what it must be (to be g_free'd). */
bool value_fits(const struct opt_key *key, const char *value);
char *value_wanted(const struct opt_key *key);

/*
 * Of a character device in short form ("file:x"), to be g_free'd; NULL when it is nothing known:
 * the backend ("file"; "chardev" of "chardev:ID", "none" of "none"), and the parameters of -chardev
 * that it stands for ("file,path=x").
 */
char *dev_backend(const char *dev);
char *dev_params(const char *dev);

#endif
