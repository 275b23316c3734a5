/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* help - what -h and -version print, made from the table of options. */

#include "options/config.h"

#include <string.h>

#include "options/version.h"

#define WIDTH  79
#define INDENT 16

const char *const section_titles[N_SECTIONS] = {
    [SEC_STANDARD] = "Standard options",
    [SEC_BLOCK] = "Block device options",
    [SEC_USB] = "USB options",
    [SEC_DISPLAY] = "Display options",
    [SEC_PC] = "Options of the PC",
    [SEC_NETWORK] = "Network options",
    [SEC_CHARDEV] = "Character device options",
    [SEC_TPM] = "TPM options",
    [SEC_BOOT] = "Boot options: firmware or kernel",
    [SEC_DEBUG] = "Debug and expert options",
    [SEC_OBJECT] = "Objects",
    [SEC_OLD] = "Options of older releases",
};

void options_version(FILE *out)
{
    /* Programs read which command lines are understood from "QEMU emulator version X.Y.Z". */
    fputs("QEMU emulator version 7.2.0 (Tenon " TENON_VERSION ")\n"
          "This is Tenon, a PC emulator that takes QEMU's command lines. It is not QEMU.\n",
          out);
}

/* The word that stands for a key's value. */
static char *key_word(const struct opt_key *key)
{
    switch (key->type) {
    case KEY_BOOL: return g_strdup("on|off");
    case KEY_NUMBER: return g_strdup("N");
    case KEY_SIZE:
    case KEY_MEGS: return g_strdup("SIZE");
    case KEY_ENUM:
        return g_strjoin("|", key->values ? key->values : key->later,
                         key->values ? key->later : NULL, NULL);
    case KEY_NAME: return g_ascii_strup(key->name, -1);
    case KEY_ACCEL: return g_strdup("NAME[:NAME]");
    case KEY_UUID: return g_strdup("UUID");
    case KEY_DATE: return g_strdup("utc|localtime|DATE");
    case KEY_DRIVES: return g_strdup("DRIVES");
    case KEY_DEV: return g_strdup("DEV");
    case KEY_STRING: break;
    }
    return g_strdup(key->values ? key->values : "TEXT");
}

static void append_key(GString *text, const struct opt_group *kind, const struct opt_key *key)
{
    bool first = key == kind->keys, need = first && (kind->flags & NEED);
    char *word = key_word(key);

    if (key->flags & PART)
        g_string_append_printf(text, " [,%sKEY=VALUE]", key->name);
    else if (first && (kind->flags & IMPLIED))
        g_string_append_printf(text, " [%s=]%s", key->name, word);
    else
        g_string_append_printf(text, need ? " %s%s=%s" : " [%s%s=%s]", first ? "" : ",", key->name,
                               word);
    g_free(word);
}

/* What the parameters of a group look like, with blanks where a line may end. */
static void append_params(GString *text, const struct opt_group *kind)
{
    for (unsigned i = 0; i < kind->n_keys; i++) {
        if (kind->keys[i].flags & ALIAS)
            continue;
        append_key(text, kind, &kind->keys[i]);
        if (i == 0 && (kind->flags & IDS))
            g_string_append(text, kind->flags & NEED_ID ? " ,id=ID" : " [,id=ID]");
    }
    if (kind->flags & FREE)
        g_string_append(text, " [,PROPERTY=VALUE]...");
}

/* Whether an earlier option has the same parameters. */
static bool shown_before(const struct opt *opt)
{
    for (const struct opt *o = opts; o < opt; o++)
        if (o->group && strcmp(o->group, opt->group) == 0 && !o->key && !o->preset)
            return true;
    return false;
}

static void append_arg(GString *text, const struct opt *opt)
{
    const struct opt_group *kind = opt->group ? opt_group_find(opt->group) : NULL;

    if (!opt_has_arg(opt))
        return;
    if (!kind) {
        g_string_append_printf(text, " %s", opt->key);
    } else if (opt->key) {
        char *word = key_word(opt_key_find(kind, opt->key));

        g_string_append_printf(text, " %s", word);
        g_free(word);
    } else if (shown_before(opt)) {
        g_string_append(text, " ...");
    } else {
        append_params(text, kind);
    }
}

/*
 * Prints words parted by blanks, from column on; where one would not fit, a new line begins,
 * indented. With glue the blanks only say where a line may end.  Returns the column reached.
 */
static int print_words(FILE *out, char *words, int column, int indent, bool glue)
{
    bool first = true; /* in its line */
    char *rest;

    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        int len = strlen(word), gap = first || glue ? 0 : 1;

        if (!first && column + gap + len > WIDTH) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
            gap = 0;
        }
        fprintf(out, "%s%s", gap ? " " : "", word);
        column += gap + len;
        first = false;
    }
    return column;
}

/* What of a key is not there; NULL if all is. */
static char *missing_of(const struct opt_key *key, bool named)
{
    if (key->flags & LATER)
        return g_strdup(key->name);
    if (key->later && key->type == KEY_NAME)
        return g_strdup("what 'help' does not list");
    if (key->later)
        return g_strconcat(named ? key->name : "", named ? "=" : "", key->later, NULL);
    return NULL;
}

/* Of an option that is there, what is not: "accel=tcg|xen, pflash0". */
static void append_missing(GString *text, const struct opt *opt)
{
    const struct opt_group *kind = opt->group ? opt_group_find(opt->group) : NULL;

    for (unsigned i = 0; kind && i < kind->n_keys && !opt->preset; i++) {
        const struct opt_key *key = &kind->keys[i];
        char *missing;

        if (opt->key ? strcmp(opt->key, key->name) != 0 : shown_before(opt))
            continue;
        missing = missing_of(key, !opt->key);
        if (missing)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", missing);
        g_free(missing);
    }
}

char *opt_usage(const struct opt *opt)
{
    GString *arg = g_string_new(NULL);

    append_arg(arg, opt);
    return g_string_free(arg, FALSE);
}

char *opt_sentence(const struct opt *opt)
{
    GString *missing = g_string_new(NULL);
    char *text;

    append_missing(missing, opt);
    if (opt_is_later(opt))
        text = g_strdup_printf("%s (not in this build yet)", opt->help);
    else if (missing->len)
        text = g_strdup_printf("%s (not in this build yet: %s)", opt->help, missing->str);
    else
        text = g_strdup(opt->help);
    g_string_free(missing, TRUE);
    return text;
}

static void print_option(FILE *out, const struct opt *opt)
{
    const char *also = opt->action == ACT_HELP ? " or -help" : "";
    char *usage = opt_usage(opt), *sentence = opt_sentence(opt);
    int column;

    column = fprintf(out, "-%s%s%s", opt->name, also, *usage ? " " : "");
    column = print_words(out, usage, column, 8, true);
    if (column >= INDENT)
        column = fprintf(out, "\n") - 1;
    fprintf(out, "%*s", INDENT - column, "");
    print_words(out, sentence, INDENT, INDENT, false);
    putc('\n', out);
    g_free(usage);
    g_free(sentence);
}

void options_help(FILE *out)
{
    options_version(out);
    fputs("usage: tenon [options] [disk_image]\n\n"
          "'disk_image' is a raw hard disk image for IDE hard disk 0 (not in this build yet)\n",
          out);
    for (unsigned section = 0; section < N_SECTIONS; section++) {
        fprintf(out, "\n%s:\n", section_titles[section]);
        for (unsigned i = 0; i < n_opts; i++)
            if (opts[i].section == section && strcmp(opts[i].name, "help") != 0)
                print_option(out, &opts[i]);
    }
}

const char *options_names(const char *kind)
{
    const struct opt_group *group = opt_group_find(kind);

    return group->flags & LATER ? NULL : group->keys[0].values;
}

void options_print_keys(FILE *out, const char *kind, const char *without)
{
    const struct opt_group *group = opt_group_find(kind);

    for (unsigned i = 1; i < group->n_keys; i++) {
        const struct opt_key *key = &group->keys[i];
        char *word;

        if (key->flags & (LATER | ALIAS | PART) || key_is_later(key) ||
            values_have(without, key->name))
            continue;
        word = key->type == KEY_ENUM ? g_strdup(key->values) : key_word(key);
        fprintf(out, "  %s=<%s>\n", key->name, word);
        g_free(word);
    }
}
