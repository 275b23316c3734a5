/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report - how the program tells its user that something is wrong, in one line. */

#include "report.h"

#include <stdio.h>

#include <glib.h>

/* The only state of the program outside a machine: where this thread's messages go, and whether
 * they begin with the time. */
static __thread report_fn *redirect;
static __thread void *redirect_arg;
static bool timestamps;

/* "2024-12-31T23:59:59.123456Z ", or nothing; to be freed. */
static char *stamp(void)
{
    GDateTime *now = timestamps ? g_date_time_new_now_utc() : NULL;
    char *time = now ? g_date_time_format(now, "%Y-%m-%dT%H:%M:%S") : NULL;
    char *text =
        now ? g_strdup_printf("%s.%06dZ ", time, g_date_time_get_microsecond(now)) : g_strdup("");

    g_clear_pointer(&now, g_date_time_unref);
    g_free(time);
    return text;
}

static void emit(const char *where, const char *kind, const char *fmt, va_list ap)
{
    char *time = stamp(), *text = g_strdup_vprintf(fmt, ap);
    char *line = g_strdup_printf("%stenon: %s%s%s%s\n", time, kind, where ? where : "",
                                 where ? ": " : "", text);

    if (redirect)
        redirect(redirect_arg, line);
    else
        fputs(line, stderr);
    g_free(line);
    g_free(text);
    g_free(time);
}

void report_timestamps(bool on)
{
    timestamps = on;
}

void report_v(const char *where, const char *fmt, va_list ap)
{
    emit(where, "", fmt, ap);
}

void report(const char *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(where, "", fmt, ap);
    va_end(ap);
}

void report_warning(const char *where, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit(where, "warning: ", fmt, ap);
    va_end(ap);
}

void report_info(const char *where, const char *fmt, ...)
{
    char *place = g_strdup_printf("%s%sinfo", where ? where : "", where ? ": " : "");
    va_list ap;

    va_start(ap, fmt);
    emit(place, "", fmt, ap);
    va_end(ap);
    g_free(place);
}

void report_redirect(report_fn *fn, void *arg)
{
    redirect = fn;
    redirect_arg = arg;
}
