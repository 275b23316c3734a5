/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug - what the command line says of the log: -d, -D, -dfilter. */

#include "debug/debug.h"

#include <errno.h>

#include <glib.h>

#include "debug/log.h"
#include "options/options.h"
#include "report.h"

/* Hands the text of one option to set; false if it does not like it. */
static bool apply(const struct config *config, const char *kind, const char *key,
                  bool (*set)(const char *text, char **why))
{
    const struct config_group *g = config_find(config, kind, NULL);
    char *why = NULL;
    bool ok = !g || set(group_string(g, key, ""), &why);

    if (!ok)
        report(g->from, "%s", why);
    g_free(why);
    return ok;
}

/* Of a daemon nobody reads standard error. */
static bool check_daemon(const struct config *config)
{
    const struct config_group *g = config_find(config, "d", NULL);

    if (!g || !config_find(config, "daemonize", NULL) || config_find(config, "D", NULL))
        return true;
    report(g->from, "with -daemonize the log needs a file: -D FILE");
    return false;
}

int debug_start(const struct config *config)
{
    bool ok = check_daemon(config);

    ok &= apply(config, "D", "file", log_set_file);
    ok &= apply(config, "dfilter", "value", log_set_filter);
    ok &= apply(config, "d", "value", log_set_items);
    return ok ? 0 : -EINVAL;
}

void debug_finish(void)
{
    log_finish();
}
