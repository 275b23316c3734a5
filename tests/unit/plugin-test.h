/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* plugin-test - folders of good and bad plugins, and what is reported of them. */
#ifndef TENON_PLUGIN_TEST_H
#define TENON_PLUGIN_TEST_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <glib.h>

#include "plugin/inner.h"
#include "report.h"

/* What has been reported, as one text of lines. */
static inline void gather(void *arg, const char *line)
{
    g_string_append(arg, line);
}

static inline GString *listen(void)
{
    GString *said = g_string_new(NULL);

    report_redirect(gather, said);
    return said;
}

#define assert_said(said, text)                                                                    \
    do {                                                                                           \
        if (!strstr((said)->str, text))                                                            \
            g_error("%s:%d: \"%s\" is not in: %s", __FILE__, __LINE__, text, (said)->str);         \
    } while (0)

static inline unsigned lines(const GString *said)
{
    unsigned n = 0;

    for (const char *c = said->str; *c; c++)
        n += *c == '\n';
    return n;
}

/* A file the build has made beside the test program. */
static inline char *built(const char *name)
{
    char *path = g_test_build_filename(G_TEST_BUILT, name, NULL);

    g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
    return path;
}

static inline GString *contents(const char *name)
{
    char *path = built(name), *data;
    gsize len;
    GString *s;

    g_assert_true(g_file_get_contents(path, &data, &len, NULL));
    s = g_string_new_len(data, len);
    g_free(data);
    g_free(path);
    return s;
}

static inline char *temp_dir(void)
{
    char *dir = g_dir_make_tmp("tenon-test-XXXXXX", NULL);

    g_assert_nonnull(dir);
    return dir;
}

static inline void put_file(const char *dir, const char *name, const char *data, size_t len,
                            int mode)
{
    char *path = g_build_filename(dir, name, NULL);
    FILE *f = fopen(path, "we");

    g_assert_nonnull(f);
    g_assert_cmpuint(fwrite(data, 1, len, f), ==, len);
    g_assert_cmpint(fclose(f), ==, 0);
    g_assert_cmpint(chmod(path, mode), ==, 0);
    g_free(path);
}

static inline void remove_dir(char *dir)
{
    GDir *d = g_dir_open(dir, 0, NULL);
    const char *name;

    while ((name = g_dir_read_name(d))) {
        char *path = g_build_filename(dir, name, NULL);

        g_assert_cmpint(remove(path), ==, 0);
        g_free(path);
    }
    g_dir_close(d);
    g_assert_cmpint(rmdir(dir), ==, 0);
    g_free(dir);
}

#endif
