/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * short - character devices in short form as the parameters of -chardev that they stand for:
 * "tcp::4444,server" is "socket,host=,port=4444,server".
 */
#include "options/config.h"

#include <string.h>

/* What text is as a value among parameters: commas twice. */
static void append_value(GString *params, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        g_string_append(params, text[i] == ',' ? ",," : (char[]){ text[i], '\0' });
}

/* ---- What stands behind the first word ---- */

static bool nothing(GString *params, const char *rest)
{
    return !*rest;
}

static bool whole(GString *params, const char *rest)
{
    append_value(params, rest, strlen(rest));
    return *rest;
}

/* A path, and perhaps further parameters. */
static bool verbatim(GString *params, const char *rest)
{
    g_string_append(params, rest);
    return *rest && *rest != ',';
}

static size_t digits(const char *text)
{
    return strspn(text, "0123456789");
}

/* "800x600" pixels or "80Cx24C" characters. */
static bool size(GString *params, const char *rest)
{
    size_t wide = digits(rest);
    bool chars = rest[wide] == 'C';
    const char *across = rest + wide + chars;
    const char *high = across + 1;
    size_t tall = *across == 'x' ? digits(high) : 0;

    if (!wide || !tall || strcmp(high + tall, chars ? "C" : "") != 0)
        return false;
    g_string_append_printf(params, ",%s=%.*s,%s=%.*s", chars ? "cols" : "width", (int)wide, rest,
                           chars ? "rows" : "height", (int)tall, high);
    return true;
}

/* Takes "HOST:PORT"; an IPv6 address stands in brackets.  NULL: it is none. */
static const char *address(GString *params, const char *text, const char *host, const char *port)
{
    bool bracketed = *text == '[';
    size_t len = strcspn(text += bracketed, bracketed ? "]," : ":,@");
    const char *end = text + len;

    if (bracketed && *end++ != ']')
        return NULL;
    if (*end++ != ':' || !strcspn(end, ",@"))
        return NULL;
    g_string_append_printf(params, ",%s=%.*s,%s=%.*s", host, (int)len, text, port,
                           (int)strcspn(end, ",@"), end);
    return end + strcspn(end, ",@");
}

static bool host_port(GString *params, const char *rest)
{
    rest = address(params, rest, "host", "port");
    if (!rest || *rest == '@')
        return false;
    g_string_append(params, rest);
    return true;
}

/* "[HOST]:PORT[@[HOST]:PORT]": theirs, and ours. */
static bool two_addresses(GString *params, const char *rest)
{
    rest = address(params, rest, "host", "port");
    if (rest && *rest == '@')
        rest = address(params, rest + 1, "localaddr", "localport");
    if (!rest || *rest == '@')
        return false;
    g_string_append(params, rest);
    return true;
}

// clang-format off
static const struct form {
    const char *word, *params;
    bool (*rest)(GString *params, const char *rest);
} forms[] = {
    { "null",         "null",                         nothing },
    { "stdio",        "stdio",                        nothing },
    { "vc:",          "vc",                           size },
    { "vc",           "vc",                           nothing },
    { "pty:",         "pty,path=",                    whole },
    { "pty",          "pty",                          nothing },
    { "file:",        "file,path=",                   whole },
    { "pipe:",        "pipe,path=",                   whole },
    { "tcp:",         "socket",                       host_port },
    { "telnet:",      "socket,telnet=on",             host_port },
    { "tn3270:",      "socket,tn3270=on",             host_port },
    { "websocket:",   "socket,websocket=on",          host_port },
    { "unix:",        "socket,path=",                 verbatim },
    { "udp:",         "udp",                          two_addresses },
    { "/dev/parport", "parallel,path=/dev/parport",   whole },
    { "/dev/",        "serial,path=/dev/",            whole },
    { "con:",         "console",                      nothing },
    { "msmouse",      "msmouse",                      nothing },
    { "wctablet",     "wctablet",                     nothing },
    { "braille",      "braille",                      nothing },
    { "testdev",      "testdev",                      nothing },
};
// clang-format on

static char *plain_params(const char *dev)
{
    for (unsigned i = 0; i < N_OF(forms); i++) {
        GString *params;

        if (!g_str_has_prefix(dev, forms[i].word))
            continue;
        params = g_string_new(forms[i].params);
        if (forms[i].rest(params, dev + strlen(forms[i].word)))
            return g_string_free(params, FALSE);
        g_string_free(params, TRUE);
    }
    return NULL;
}

char *dev_params(const char *dev)
{
    char *params, *shared;

    if (!g_str_has_prefix(dev, "mon:"))
        return plain_params(dev);
    /* Ctrl-C is a key then, or it would end what Ctrl-a x is there to end. */
    params = strcmp(dev, "mon:stdio") ? plain_params(dev + 4) : g_strdup("stdio,signal=off");
    shared = params ? g_strconcat(params, ",mux=on", NULL) : NULL;
    g_free(params);
    return shared;
}

char *dev_backend(const char *dev)
{
    char *params;

    if (!strcmp(dev, "none"))
        return g_strdup(dev);
    if (g_str_has_prefix(dev, "chardev:") && dev[8])
        return g_strdup("chardev");
    params = dev_params(dev);
    if (params)
        params[strcspn(params, ",")] = '\0';
    return params;
}

struct config *dev_config(const char *dev, const char *id, const char *from)
{
    const struct opt_group *kind = opt_group_find("chardev");
    struct config *config = config_create();
    struct config_group *group = fill_begin(config, kind, id, from);
    char *params = dev_params(dev);
    bool ok = group && params && !fill_params(config, kind, group, params, from);

    g_free(params);
    if (ok && !fill_end(config, kind, group))
        return config;
    config_destroy(config);
    return NULL;
}
