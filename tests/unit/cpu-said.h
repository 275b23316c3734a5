/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* cpu-said - what report() says while a test listens. */
#ifndef CPU_SAID_H
#define CPU_SAID_H

#include <glib.h>

#include "report.h"

static inline void said_add(void *arg, const char *line)
{
    g_string_append(arg, line);
}

/* From here on lines are kept in the string, to be ended by said_end(). */
static inline GString *said_begin(void)
{
    GString *said = g_string_new(NULL);

    report_redirect(said_add, said);
    return said;
}

/* Nothing but the lines of want has been said. */
static inline void said_end(GString *said, const char *want)
{
    report_redirect(NULL, NULL);
    g_assert_cmpstr(said->str, ==, want);
    g_string_free(said, TRUE);
}

#endif
