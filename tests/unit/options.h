/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options - runs command lines and configuration files through the parser, and keeps what it says.
 */
#ifndef TENON_TESTS_UNIT_OPTIONS_H
#define TENON_TESTS_UNIT_OPTIONS_H

#include <glib.h>

#include "options/options.h"
#include "report.h"

struct run {
    struct config *config;
    struct options_want want;
    int ret;
    GString *said; /* the messages, one a line, without "tenon: " */
};

static inline void run_say(void *arg, const char *line)
{
    g_assert_true(g_str_has_prefix(line, "tenon: "));
    g_string_append(arg, line + strlen("tenon: "));
}

static inline void run_begin(struct run *run)
{
    run->config = config_create();
    run->said = g_string_new(NULL);
    report_redirect(run_say, run->said);
}

/* The line is in shell quotes, without the program's name. */
static inline void run_line(struct run *run, const char *line)
{
    char *whole = g_strconcat("tenon ", line, NULL), **argv;
    int argc;

    run_begin(run);
    g_assert_true(g_shell_parse_argv(whole, &argc, &argv, NULL));
    run->ret = options_parse(run->config, argc, argv, &run->want);
    g_strfreev(argv);
    g_free(whole);
}

static inline FILE *file_of(const char *text, size_t len)
{
    FILE *file = tmpfile();

    g_assert_nonnull(file);
    g_assert_cmpuint(fwrite(text, 1, len, file), ==, len);
    rewind(file);
    return file;
}

static inline void run_file(struct run *run, const char *text, size_t len)
{
    FILE *in = file_of(text, len);

    run_begin(run);
    run->ret = config_read(run->config, in, "f");
    fclose(in);
}

static inline void run_end(struct run *run)
{
    report_redirect(NULL, NULL);
    g_string_free(run->said, TRUE);
    config_destroy(run->config);
}

/* "[machine] type=pc accel=kvm [device#e0] driver=edu": all of a configuration. */
static inline char *config_dump(const struct config *config)
{
    GString *text = g_string_new(NULL);

    for (const struct config_group *g = NULL; (g = config_next(config, NULL, g));) {
        g_string_append_printf(text, "%s[%s%s%s]", text->len ? " " : "", g->kind, g->id ? "#" : "",
                               g->id ? g->id : "");
        for (unsigned i = 0; i < g->n_opts; i++)
            g_string_append_printf(text, " %s=%s", g->opts[i].key, g->opts[i].value);
    }
    return g_string_free(text, FALSE);
}

/* Writes the configuration to a file, reads that into another, and compares them. */
static inline void assert_round_trip(const struct config *config)
{
    char *text = NULL, *before = config_dump(config), *after;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct run back;

    config_write(config, out);
    fclose(out);
    run_file(&back, text, len);
    g_assert_cmpstr(back.said->str, ==, "");
    g_assert_cmpint(back.ret, ==, 0);
    after = config_dump(back.config);
    g_assert_cmpstr(after, ==, before);
    run_end(&back);
    g_free(before);
    g_free(after);
    free(text);
}

#endif
