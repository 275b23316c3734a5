/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* parse - from argv to a configuration. */

#include "options/config.h"

#include <errno.h>
#include <string.h>

#include "report.h"

#define LONGEST_TYPED 160 /* more of an option is not repeated in messages */

struct parse {
    struct config *config;
    struct options_want *want;
    bool faulty, stop;
};

/* The option as typed, in one line of a bearable length. */
static char *typed_text(const char *option, const char *arg)
{
    GString *text = g_string_new(option);

    if (arg)
        g_string_append_printf(text, "%s%s", *option ? " " : "", arg);
    if (text->len > LONGEST_TYPED) {
        size_t len = LONGEST_TYPED - 3;

        while (len && (text->str[len] & 0xc0) == 0x80) /* not inside a UTF-8 character */
            len--;
        g_string_truncate(text, len);
        g_string_append(text, "...");
    }
    for (char *c = text->str; *c; c++)
        if (g_ascii_iscntrl(*c))
            *c = ' ';
    return g_string_free(text, FALSE);
}

static bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* "help", "NAME,help" and "NAME,?" ask for a list; notes that and returns true. */
static bool wants_list(struct parse *p, const struct opt *opt, const struct opt_group *kind,
                       const char *arg)
{
    const char *last = strrchr(arg, ','), *name = NULL, *implied;
    size_t len;

    if (!(kind->flags & HELP) || (opt->key && strcmp(opt->key, kind->keys[0].name) != 0))
        return false;
    if (!is_help(arg)) {
        if (opt->key || !last || !is_help(last + 1))
            return false;
        len = strlen(kind->keys[0].name);
        implied = arg;
        if (strncmp(arg, kind->keys[0].name, len) == 0 && arg[len] == '=')
            implied += len + 1;
        name = config_text_n(p->config, implied, strcspn(implied, ","));
    }
    if (p->want->action == OPTIONS_RUN) {
        p->want->action = OPTIONS_LIST;
        p->want->kind = kind->kind;
        p->want->name = name;
    }
    return true;
}

static int fill(struct parse *p, const struct opt *opt, const char *arg, const char *typed)
{
    const struct opt_group *kind = opt_group_find(opt->group);
    struct config_group *group;
    int ret = 0;

    if (arg && wants_list(p, opt, kind, arg))
        return 0;
    group = fill_begin(p->config, kind, NULL, typed);
    if (opt->preset && *opt->preset)
        ret |= fill_params(p->config, kind, group, opt->preset, typed);
    if (opt->key)
        ret |= fill_key(p->config, kind, group, opt->key, arg, typed);
    else if (arg && *arg == '{')
        ret |= fill_json(p->config, kind, group, arg, typed);
    else if (arg)
        ret |= fill_params(p->config, kind, group, arg, typed);
    return ret ? ret : fill_end(p->config, kind, group);
}

/* -global DRIVER.PROPERTY=VALUE; the driver ends at the first dot. */
static int fill_global(struct parse *p, const struct opt *opt, const char *arg, const char *typed)
{
    const struct opt_group *kind = opt_group_find(opt->group);
    const char *dot = strchr(arg, '.'), *eq = strchr(arg, '=');
    const char *driver, *property;
    struct config_group *group;

    if (!dot || !eq || dot > eq)
        return fill(p, opt, arg, typed);
    driver = config_text_n(p->config, arg, dot - arg);
    property = config_text_n(p->config, dot + 1, eq - dot - 1);
    group = fill_begin(p->config, kind, NULL, typed);
    return fill_key(p->config, kind, group, "driver", driver, typed) |
           fill_key(p->config, kind, group, "property", property, typed) |
           fill_key(p->config, kind, group, "value", eq + 1, typed);
}

/*
 * -set GROUP.ID.KEY=VALUE.  Ids and keys may have dots in them: the shortest id that exists is
 * meant.
 */
static int set(struct parse *p, const char *arg, const char *typed)
{
    const char *eq = strchr(arg, '='), *dot = strchr(arg, '.'), *end = dot;
    const struct opt_group *kind;
    const char *name;

    if (!eq || !dot || dot > eq || !memchr(dot + 1, '.', eq - dot - 1)) {
        report(typed, "must be GROUP.ID.KEY=VALUE");
        return -EINVAL;
    }
    name = config_text_n(p->config, arg, dot - arg);
    kind = opt_group_find(name);
    while (kind && (end = memchr(end + 1, '.', eq - end - 1))) {
        const char *id = config_text_n(p->config, dot + 1, end - dot - 1);
        const char *key = config_text_n(p->config, end + 1, eq - end - 1);
        const struct config_group *found = config_find(p->config, name, id);
        struct config_group *group = found ? p->config->groups->pdata[found->index] : NULL;

        if (group)
            return fill_key(p->config, kind, group, key, eq + 1, typed) ||
                           fill_end(p->config, kind, group)
                       ? -EINVAL
                       : 0;
    }
    report(typed, "there is no %s \"%.*s\" so far", name, (int)strcspn(dot + 1, ".="), dot + 1);
    return -EINVAL;
}

static int act(struct parse *p, const struct opt *opt, const char *arg, const char *typed)
{
    switch (opt->action) {
    case ACT_FILL: break;
    case ACT_HELP:
    case ACT_VERSION:
        p->want->action = opt->action == ACT_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
        p->stop = true;
        return 0;
    case ACT_READCONFIG: return config_read_file(p->config, arg);
    case ACT_WRITECONFIG: p->want->writeconfig = config_text(p->config, arg); return 0;
    case ACT_SET: return set(p, arg, typed);
    case ACT_GLOBAL: return fill_global(p, opt, arg, typed);
    case ACT_DISPLAY:
        if (g_str_has_prefix(arg, "vnc="))
            return fill(p, opt_find("vnc"), arg + 4, typed);
        break;
    }
    return fill(p, opt, arg, typed);
}

static void unknown_option(const char *typed, const char *name)
{
    const char *near = nearest_name(name, NULL, n_opts, opt_name_at);

    if (near)
        report(typed, "no such option; did you mean -%s?", near);
    else
        report(typed, "no such option (-h lists them)");
}

/* Parses the option at argv[0] and returns how many words it took. */
static int parse_option(struct parse *p, int argc, char **argv)
{
    const char *name = argv[0] + (argv[0][0] == '-') + (argv[0][0] == '-' && argv[0][1] == '-');
    const struct opt *opt = name == argv[0] ? opt_find("hda") : opt_find(name);
    const char *arg = name == argv[0] ? argv[0] : NULL;
    int taken = 1;
    char *typed;

    if (!opt) {
        unknown_option(argv[0], name);
        p->faulty = true;
        return argc > 1 && argv[1][0] != '-' ? 2 : 1; /* what follows is probably its argument */
    }
    if (!arg && opt_has_arg(opt)) {
        if (argc < 2) {
            report(argv[0], "an argument is missing");
            p->faulty = true;
            return 1;
        }
        arg = argv[taken++];
    }
    typed = typed_text(arg == argv[0] ? "" : argv[0], arg);
    if (act(p, opt, arg, typed) < 0)
        p->faulty = true;
    g_free(typed);
    return taken;
}

int options_parse(struct config *config, int argc, char **argv, struct options_want *want)
{
    struct parse p = { .config = config, .want = want };

    *want = (struct options_want){ .action = OPTIONS_RUN };
    for (int i = 1; i < argc && !p.stop;)
        i += parse_option(&p, argc - i, argv + i);
    return p.faulty ? -EINVAL : 0;
}
