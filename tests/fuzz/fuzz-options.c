/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-options - command lines and configuration files of any bytes: whatever is accepted must read
 * back as it was written.
 *
 * Input: 'L' and words separated by zero bytes, or 'F' and a configuration file.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "options/options.h"
#include "report.h"

#define MOST_WORDS 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_nothing(void *arg, const char *line)
{
}

/* Files that a command line names are not for a fuzzer to open. */
static bool names_file(const char *word)
{
    return strstr(word, "readconfig") != NULL;
}

static int parse_words(struct config *config, char *words, size_t size)
{
    char *argv[MOST_WORDS + 1] = { "tenon" };
    struct options_want want;
    int argc = 1;

    for (size_t at = 0; at < size && argc < MOST_WORDS; at += strlen(words + at) + 1)
        if (!names_file(words + at))
            argv[argc++] = words + at;
    return options_parse(config, argc, argv, &want);
}

static int read_text(struct config *config, char *text, size_t size)
{
    FILE *in = size ? fmemopen(text, size, "r") : NULL;
    int ret = in ? config_read(config, in, "f") : -EINVAL;

    if (in)
        fclose(in);
    return ret;
}

static char *written(const struct config *config, size_t *len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, len);

    config_write(config, out);
    fclose(out);
    return text;
}

static void check_round_trip(const struct config *config)
{
    struct config *back = config_create();
    size_t len, len_back;
    char *text = written(config, &len), *text_back;

    if (read_text(back, text, len) < 0)
        abort();
    text_back = written(back, &len_back);
    if (strcmp(text, text_back) != 0)
        abort();
    free(text);
    free(text_back);
    config_destroy(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config;
    char *rest;
    int ret;

    if (size < 1)
        return 0;
    report_redirect(say_nothing, NULL);
    config = config_create();
    rest = g_malloc(size);
    memcpy(rest, data + 1, size - 1);
    rest[size - 1] = '\0';
    ret = data[0] == 'F' ? read_text(config, rest, size - 1) : parse_words(config, rest, size - 1);
    if (ret == 0) {
        options_check(config, NULL);
        check_round_trip(config);
    }
    g_free(rest);
    config_destroy(config);
    return 0;
}
