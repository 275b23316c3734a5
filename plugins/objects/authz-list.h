/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* authz-list - rules that say who may come in. */
#ifndef TENON_OBJECTS_AUTHZ_LIST_H
#define TENON_OBJECTS_AUTHZ_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include <glib.h>

enum { POLICY_DENY, POLICY_ALLOW, POLICY_NONE };

struct list {
    uint32_t policy; /* of those whom no rule matches */
    GArray *rules;   /* of struct rule; NULL while there are none */
};

/* Also right for a zeroed one. */
void list_finish(struct list *list);
/* By the first rule that matches. */
bool list_allows(const struct list *list, const char *identity);

/* These return NULL if all is well; or why it is not, to be freed. */

/* The rules of a list of the command line: lines of "N.match=", "N.policy=" and "N.format=". */
char *list_parse(struct list *list, const char *lines);
/* A file in JSON: {"policy": "deny", "rules": [{"match": "...", "policy": "allow", "format":
 * "glob"}]}. */
char *list_load(struct list *list, const char *path);

#endif
