/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* report - how the program tells its user that something is wrong, in one line. */

#include "report.h"

#include <stdio.h>

#include <glib.h>

/* The only state of the program outside a machine: where this thread's messages go. */
static __thread report_fn *redirect;
static __thread void *redirect_arg;

static void emit(const char *where, const char *kind, const char *fmt, va_list ap)
{
    char *text = g_strdup_vprintf(fmt, ap);
    char *line = where ? g_strdup_printf("tenon: %s%s: %s\n", kind, where, text)
                       : g_strdup_printf("tenon: %s%s\n", kind, text);

    if (redirect)
        redirect(redirect_arg, line);
    else
        fputs(line, stderr);
    g_free(line);
    g_free(text);
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

void report_redirect(report_fn *fn, void *arg)
{
    redirect = fn;
    redirect_arg = arg;
}
