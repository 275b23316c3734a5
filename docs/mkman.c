/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mkman - makes the manual page tenon(1), in man(7)'s macros, from the table of options:
 *
 *     mkman HEAD TAIL         prints HEAD, the options, TAIL
 */

#include <stdio.h>
#include <string.h>

#include <glib.h>

#include "options/table.h"
#include "options/version.h"

/* Text as roff takes it for itself; a line may end after a bar. */
static void put(const char *text)
{
    for (; *text; text++)
        switch (*text) {
        case '-': fputs("\\-", stdout); break;
        case '\\': fputs("\\e", stdout); break;
        case '|': fputs("|\\:", stdout); break;
        default: putchar(*text);
        }
}

static bool copy(const char *path)
{
    char *text;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        fprintf(stderr, "mkman: cannot read %s\n", path);
        return false;
    }
    fputs(text, stdout);
    g_free(text);
    return true;
}

/* Blanks of the usage are places for a line to end. */
static void put_usage(const char *usage)
{
    char **parts = g_strsplit(usage, " ", -1);

    for (unsigned i = 0; parts[i]; i++) {
        fputs(i == 0 ? "" : i == 1 ? " " : "\\:", stdout);
        put(parts[i]);
    }
    g_strfreev(parts);
}

static void put_option(const struct opt *opt)
{
    char *usage = opt_usage(opt), *sentence = opt_sentence(opt);

    fputs(".TP\n\\fB", stdout);
    putchar('\\'), putchar('-');
    put(opt->name);
    fputs("\\fR", stdout);
    put_usage(usage);
    putchar('\n');
    if (strchr(".'", *sentence))
        fputs("\\&", stdout);
    put(sentence);
    putchar('\n');
    g_free(usage);
    g_free(sentence);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    printf(".\\\" Made from the table of options: see docs/mkman.c.\n"
           ".TH TENON 1 \"\" \"Tenon %s\" \"User Commands\"\n",
           TENON_VERSION);
    if (!copy(argv[1]))
        return 1;
    fputs(".SH OPTIONS\n.ad l\n.nh\n", stdout);
    for (unsigned section = 0; section < N_SECTIONS; section++) {
        printf(".SS %s\n", section_titles[section]);
        for (unsigned i = 0; i < n_opts; i++)
            if (opts[i].section == section)
                put_option(&opts[i]);
    }
    fputs(".ad b\n.hy\n", stdout);
    return copy(argv[2]) && !fflush(stdout) ? 0 : 1;
}
