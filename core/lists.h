/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lists - what there is: "-machine help", "-device edu,help", "-L help". */
#ifndef TENON_CORE_LISTS_H
#define TENON_CORE_LISTS_H

#include <stdio.h>

#include "options/options.h"

struct plugins;

/* Prints what want asks for; the exit status. */
int list_print(FILE *to, const struct config *config, struct plugins *plugins,
               const struct options_want *want);

/* The answers that options_check() wants, from the plugins there are. */
struct options_host list_host(struct plugins *plugins);

#endif
