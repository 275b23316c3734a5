/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* debug - what the command line says of the log and of trace events: -d, -D, -dfilter, -trace,
 * -trace-unassigned. */

#include "debug/debug.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "debug/log.h"
#include "debug/trace.h"
#include "options/options.h"
#include "report.h"

/* ---- The log ---- */

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

/* The option that makes the log say something; NULL: none does. */
static const struct config_group *log_user(const struct config *config)
{
    static const char *const kinds[] = { "d", "trace-unassigned", "trace" };
    const struct config_group *g = NULL;

    while ((g = config_next(config, "trace", g)))
        if (group_string(g, "file", NULL) || group_string(g, "backend", NULL))
            break;
    for (unsigned i = 0; i < G_N_ELEMENTS(kinds) - (g ? 1 : 0); i++)
        if (config_find(config, kinds[i], NULL))
            return config_find(config, kinds[i], NULL);
    return NULL;
}

/* Of a daemon nobody reads standard error. */
static bool check_daemon(const struct config *config)
{
    const struct config_group *g = log_user(config);

    if (!g || !config_find(config, "daemonize", NULL) || config_find(config, "D", NULL))
        return true;
    report(g->from, "with -daemonize the log needs a file: -D FILE");
    return false;
}

/* ---- Trace events ---- */

static bool is_pattern(const char *name)
{
    return strpbrk(name, "*?");
}

/* Lines that were written for QEMU name events which are not here: no reason not to start. */
static void check_pattern(struct plugins *plugins, const char *pattern, const char *from)
{
    if (!is_pattern(pattern) && !trace_exists(plugins, pattern))
        report_warning(from, "there is no trace event \"%s\"; \"-trace help\" lists them", pattern);
}

/* "PATTERN", or "-PATTERN" to turn off. */
static void enable(struct plugins *plugins, const char *pattern, const char *from)
{
    bool on = *pattern != '-';

    pattern += !on;
    check_pattern(plugins, pattern, from);
    trace_set(pattern, on);
}

/* A file of patterns, one a line; # begins a comment. */
static bool enable_file(struct plugins *plugins, const char *path, const char *from)
{
    FILE *f = fopen(path, "re");
    char *line = NULL, *where;
    size_t room = 0;

    if (!f) {
        report(from, "%s: %s", path, g_strerror(errno));
        return false;
    }
    for (unsigned n = 1; getline(&line, &room, f) > 0; n++) {
        where = g_strdup_printf("%s:%u", path, n);
        g_strstrip(line);
        if (*line && *line != '#')
            enable(plugins, line, where);
        g_free(where);
    }
    free(line);
    fclose(f);
    return true;
}

/* file= alone means the binary file. */
static bool set_backend(const struct config_group *g)
{
    const char *path = group_string(g, "file", NULL);
    const char *name = group_string(g, "backend", path ? "simple" : NULL);
    enum trace_backend backend = TRACE_LOG;
    char *why = NULL;
    bool ok;

    if (!name)
        return true;
    if (!strcmp(name, "simple"))
        backend = TRACE_SIMPLE;
    else if (!strcmp(name, "ftrace"))
        backend = TRACE_FTRACE;
    if (path && backend == TRACE_LOG)
        why = g_strdup("the log's file is set by -D");
    else if (!path && backend == TRACE_SIMPLE)
        why = g_strdup("needs file=FILE");
    ok = !why && trace_set_backend(backend, path, &why);
    if (!ok)
        report(g->from, "%s", why);
    g_free(why);
    return ok;
}

static bool apply_trace(const struct config_group *g, struct plugins *plugins)
{
    bool ok = set_backend(g);

    for (unsigned i = 0; i < g->n_opts; i++) {
        const struct config_opt *opt = &g->opts[i];

        if (!strcmp(opt->key, "enable"))
            enable(plugins, opt->value, opt->from);
        else if (!strcmp(opt->key, "events"))
            ok &= enable_file(plugins, opt->value, opt->from);
    }
    return ok;
}

/* "trace:PATTERN" among the items of -d. */
static void check_items(const struct config *config, struct plugins *plugins)
{
    const struct config_group *g = config_find(config, "d", NULL);
    char **words = g_strsplit(group_string(g, "value", ""), ",", -1);

    for (char **word = words; *word; word++)
        if (g_str_has_prefix(*word, LOG_TRACE_PREFIX))
            check_pattern(plugins, *word + strlen(LOG_TRACE_PREFIX), g->from);
    g_strfreev(words);
}

/* ---- Both ---- */

bool debug_help(const struct config *config, struct plugins *plugins, FILE *to)
{
    const char *items = group_string(config_find(config, "d", NULL), "value", "");
    char **words = g_strsplit(items, ",", -1);
    bool asked = g_strv_contains((const char *const *)words, LOG_TRACE_PREFIX "help");

    if (asked)
        trace_print_all(plugins, to);
    g_strfreev(words);
    return asked;
}

int debug_start(const struct config *config, struct plugins *plugins)
{
    const struct config_group *g = NULL;
    bool ok = check_daemon(config);

    ok &= apply(config, "D", "file", log_set_file);
    ok &= apply(config, "dfilter", "value", log_set_filter);
    check_items(config, plugins);
    ok &= apply(config, "d", "value", log_set_items);
    while ((g = config_next(config, "trace", g)))
        ok &= apply_trace(g, plugins);
    log_unassigned(config_find(config, "trace-unassigned", NULL));
    return ok ? 0 : -EINVAL;
}

void debug_finish(void)
{
    trace_finish();
    log_finish();
}
