/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * file - configurations in files, as -writeconfig writes and -readconfig reads them:
 *
 *     # comment
 *     [device "disk0"]
 *       driver = "virtio-blk-pci"
 *       serial = 'what double quotes cannot hold: " \' \\ \n'
 *
 * Between double quotes every character stands for itself, as in QEMU's files.  Single quotes are
 * ours, for values with a double quote or a control character in them; there \n, \r, \t, \xHH and a
 * backslash before anything else are escapes.
 */

#include "options/config.h"

#include <errno.h>
#include <string.h>

#include "report.h"

#define LARGEST_FILE (1 << 20)

/* --- writing --------------------------------------------------------------------------------- */

static void write_escaped(const char *value, FILE *out)
{
    for (; *value; value++) {
        unsigned char c = *value;

        if (c == '\n')
            fputs("\\n", out);
        else if (g_ascii_iscntrl(c))
            fprintf(out, "\\x%02x", c);
        else if (c == '\'' || c == '\\')
            fprintf(out, "\\%c", c);
        else
            putc(c, out);
    }
}

static bool is_plain(const char *value)
{
    for (; *value; value++)
        if (*value == '"' || g_ascii_iscntrl(*value))
            return false;
    return true;
}

static void write_opt(const struct config_opt *opt, FILE *out)
{
    if (is_plain(opt->value)) {
        fprintf(out, "  %s = \"%s\"\n", opt->key, opt->value);
        return;
    }
    fprintf(out, "  %s = '", opt->key);
    write_escaped(opt->value, out);
    fputs("'\n", out);
}

void config_write(const struct config *config, FILE *out)
{
    fputs("# tenon configuration\n", out);
    for (const struct config_group *group = NULL; (group = config_next(config, NULL, group));) {
        if (group->id)
            fprintf(out, "\n[%s \"%s\"]\n", group->kind, group->id);
        else
            fprintf(out, "\n[%s]\n", group->kind);
        for (unsigned i = 0; i < group->n_opts; i++)
            write_opt(&group->opts[i], out);
    }
}

int config_write_file(const struct config *config, const char *path)
{
    bool standard = strcmp(path, "-") == 0;
    FILE *out = standard ? stdout : fopen(path, "we");
    int ret = 0;

    if (out) {
        config_write(config, out);
        if (fflush(out) != 0 || ferror(out))
            ret = -errno;
        if (!standard && fclose(out) != 0)
            ret = -errno;
    } else {
        ret = -errno;
    }
    if (ret)
        report("-writeconfig", "cannot write %s: %s", path, g_strerror(-ret));
    return ret;
}

/* --- reading --------------------------------------------------------------------------------- */

struct reading {
    struct config *config;
    const char *name;
    const char *from; /* NAME:LINE */
    unsigned line;
    const struct opt_group *kind;
    struct config_group *group; /* NULL before the first, and after one that is not known */
    bool lost;                  /* in such a one: its keys are not looked at */
};

static int fault(const struct reading *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int fault(const struct reading *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    report_v(r->from, fmt, ap);
    va_end(ap);
    return -EINVAL;
}

static char *skip_blanks(char *at)
{
    return at + strspn(at, " \t");
}

/* Whether nothing but blanks or a comment follows. */
static bool at_end(char *at)
{
    at = skip_blanks(at);
    return !*at || *at == '#';
}

static int end_group(struct reading *r)
{
    int ret = r->group ? fill_end(r->config, r->kind, r->group) : 0;

    r->group = NULL;
    return ret;
}

static int begin_group(struct reading *r, const char *kind, const char *id)
{
    const char *near;
    char *from;

    r->lost = true;
    r->kind = opt_group_find(kind);
    if (!r->kind) {
        near = nearest_name(kind, NULL, n_groups, group_name_at);
        return near ? fault(r, "no group [%s]; did you mean [%s]?", kind, near)
                    : fault(r, "no group [%s]", kind);
    }
    from = id ? g_strdup_printf("%s: [%s \"%s\"]", r->from, kind, id)
              : g_strdup_printf("%s: [%s]", r->from, kind);
    r->group = fill_begin(r->config, r->kind, id, from);
    r->lost = !r->group;
    g_free(from);
    return r->group ? 0 : -EINVAL;
}

/* [kind] or [kind "id"] */
static int read_header(struct reading *r, char *line)
{
    char *kind = skip_blanks(line + 1), *id = NULL;
    char *at = kind + strcspn(kind, " \t]\"");
    char *kind_end = at;

    at = skip_blanks(at);
    if (*at == '"') {
        id = at + 1;
        at = id + strcspn(id, "\"");
        if (*at)
            *at++ = '\0';
        at = skip_blanks(at);
    }
    if (*at != ']' || !at_end(at + 1) || kind == kind_end) {
        r->lost = true;
        return fault(r, "expected [group] or [group \"id\"]");
    }
    *kind_end = '\0';
    return begin_group(r, kind, id);
}

/* Takes the escapes out of a value in single quotes, in place; returns its end, or NULL. */
static char *unescape(char *at)
{
    char *out = at;

    for (; *at && *at != '\''; at++) {
        if (*at != '\\') {
            *out++ = *at;
        } else if (*++at == 'x') {
            int high = g_ascii_xdigit_value(at[1]);
            int low = high < 0 ? -1 : g_ascii_xdigit_value(at[2]);

            if (low < 0 || !(high | low))
                return NULL;
            *out++ = high << 4 | low;
            at += 2;
        } else if (*at) {
            *out++ = *at == 'n' ? '\n' : *at == 'r' ? '\r' : *at == 't' ? '\t' : *at;
        } else {
            return NULL;
        }
    }
    if (!*at)
        return NULL;
    *out = '\0';
    return at;
}

/* key = "value" or key = 'value' */
static int read_key(struct reading *r, char *line)
{
    char *key_end = line + strcspn(line, " \t=");
    char *at = skip_blanks(key_end), *value = NULL, *end = NULL;

    if (*at == '=' && key_end > line) {
        at = skip_blanks(at + 1);
        value = at + 1;
        end = *at == '"' ? strchr(value, '"') : *at == '\'' ? unescape(value) : NULL;
    }
    if (!end || !at_end(end + 1))
        return fault(r, "expected key = \"value\"");
    if (r->lost)
        return 0;
    if (!r->group)
        return fault(r, "a [group] must come first");
    *key_end = *end = '\0';
    return fill_key(r->config, r->kind, r->group, line, value, r->from);
}

static int read_line(struct reading *r, char *line)
{
    line = skip_blanks(line);
    if (!*line || *line == '#')
        return 0;
    if (*line != '[')
        return read_key(r, line);
    return end_group(r) | read_header(r, line);
}

/* Reads a line without its end into text.  Returns false at the end of the file, or of `left`. */
static bool get_line(FILE *in, GString *text, size_t *left)
{
    int c = EOF;

    g_string_truncate(text, 0);
    for (; *left && (c = getc(in)) != EOF && c != '\n'; (*left)--)
        g_string_append_c(text, c);
    if (text->len && text->str[text->len - 1] == '\r')
        g_string_truncate(text, text->len - 1);
    return *left && (c != EOF || text->len);
}

int config_read(struct config *config, FILE *in, const char *name)
{
    struct reading r = { .config = config, .name = name };
    GString *line = g_string_new(NULL), *from = g_string_new(NULL);
    size_t left = LARGEST_FILE;
    bool text = true;
    int ret = 0;

    while (text && get_line(in, line, &left)) {
        g_string_printf(from, "%s:%u", name, ++r.line);
        r.from = from->str;
        text = strlen(line->str) == line->len;
        ret |= text ? read_line(&r, line->str) : fault(&r, "not a text file");
    }
    ret |= end_group(&r);
    g_string_free(line, TRUE);
    g_string_free(from, TRUE);
    if (left && !ferror(in))
        return ret ? -EINVAL : 0;
    report("-readconfig", "cannot read %s: %s", name, left ? "input/output error" : "too large");
    return left ? -EIO : -EFBIG;
}

int config_read_file(struct config *config, const char *path)
{
    FILE *in = fopen(path, "re");
    int ret;

    if (!in) {
        ret = -errno;
        report("-readconfig", "cannot open %s: %s", path, g_strerror(-ret));
        return ret;
    }
    ret = config_read(config, in, path);
    fclose(in);
    return ret;
}
