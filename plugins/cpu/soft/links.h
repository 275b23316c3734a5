/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * links - lists from whose midst members go without a walk.
 */
#ifndef TENON_SOFT_LINKS_H
#define TENON_SOFT_LINKS_H

#include <stddef.h>

/* A member's place, all zero while it is in no list; a list is a pointer to its first one. */
struct link {
    struct link *next, **at; /* at: what points here */
};

static inline void link_in(struct link **list, struct link *link)
{
    link->next = *list;
    link->at = list;
    if (link->next)
        link->next->at = &link->next;
    *list = link;
}

/* Out of the list it is in, if any. */
static inline void link_out(struct link *link)
{
    if (!link->at)
        return;
    *link->at = link->next;
    if (link->next)
        link->next->at = link->at;
    link->at = NULL;
}

#endif
