/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* options-short - character devices in short form, and the -chardev that they stand for. */

#include "options/config.h"

#include <string.h>

// clang-format off
static const struct {
    const char *dev, *params; /* NULL: nothing known */
} rows[] = {
    { "null",                    "null" },
    { "stdio",                   "stdio" },
    { "stdio:",                  NULL },
    { "mon:stdio",               "stdio,signal=off,mux=on" },
    { "mon:tcp::1,server",       "socket,host=,port=1,server,mux=on" },
    { "mon:",                    NULL },
    { "mon:none",                NULL },
    { "mon:mon:stdio",           NULL },
    { "vc",                      "vc" },
    { "vc:800x600",              "vc,width=800,height=600" },
    { "vc:80Cx24C",              "vc,cols=80,rows=24" },
    { "vc:80Cx24",               NULL },
    { "vc:80",                   NULL },
    { "vc:80x24x8",              NULL },
    { "pty",                     "pty" },
    { "pty:link",                "pty,path=link" },
    { "file:log",                "file,path=log" },
    { "file:a,b=c",              "file,path=a,,b=c" },
    { "file:",                   NULL },
    { "pipe:/tmp/x",             "pipe,path=/tmp/x" },
    { "/dev/ttyS0",              "serial,path=/dev/ttyS0" },
    { "/dev/parport0",           "parallel,path=/dev/parport0" },
    { "/dev/",                   NULL },
    { "/tmp/x",                  NULL },
    { "con:",                    "console" },
    { "COM1",                    NULL },
    { "msmouse",                 "msmouse" },
    { "braille",                 "braille" },
    { "wctablet",                "wctablet" },
    { "tcp:localhost:4444",      "socket,host=localhost,port=4444" },
    { "tcp::4444,server,nowait", "socket,host=,port=4444,server,nowait" },
    { "tcp:[::1]:4444,wait=off", "socket,host=::1,port=4444,wait=off" },
    { "tcp:[::1]4444",           NULL },
    { "tcp:[::1:4444",           NULL },
    { "tcp:host",                NULL },
    { "tcp:host:",               NULL },
    { "tcp:host,nodelay",        NULL },
    { "tcp:h:1@h:2",             NULL },
    { "telnet:h:telnet,server",  "socket,telnet=on,host=h,port=telnet,server" },
    { "tn3270:h:23",             "socket,tn3270=on,host=h,port=23" },
    { "websocket:h:80,server",   "socket,websocket=on,host=h,port=80,server" },
    { "unix:/tmp/s,server=on",   "socket,path=/tmp/s,server=on" },
    { "unix:a,,b",               "socket,path=a,,b" },
    { "unix:,server",            NULL },
    { "udp:host:1",              "udp,host=host,port=1" },
    { "udp::1",                  "udp,host=,port=1" },
    { "udp:h:1@:2",              "udp,host=h,port=1,localaddr=,localport=2" },
    { "udp:[::1]:1@[::2]:2",     "udp,host=::1,port=1,localaddr=::2,localport=2" },
    { "udp:h:1@",                NULL },
    { "udp:h:1@a:2@b:3",         NULL },
    { "none",                    NULL },
    { "chardev:x",               NULL },
    { "",                        NULL },
};
// clang-format on

static void test_params(void)
{
    for (unsigned i = 0; i < N_OF(rows); i++) {
        char *params = dev_params(rows[i].dev);

        g_test_message("%s", rows[i].dev);
        g_assert_cmpstr(params, ==, rows[i].params);
        g_free(params);
    }
}

static void backend_is(const char *dev, const char *backend)
{
    char *is = dev_backend(dev);

    g_assert_cmpstr(is, ==, backend);
    g_free(is);
}

static void test_backend(void)
{
    backend_is("none", "none");
    backend_is("chardev:x", "chardev");
    backend_is("chardev:", NULL);
    backend_is("mon:unix:x", "socket");
    backend_is("file:a,b", "file");
    backend_is("COM1", NULL);
}

/* The whole way, to typed keys. */
static void test_config(void)
{
    struct config *config = dev_config("mon:tcp:h:1,server,nowait,logfile=l", "serial0", "-serial");
    const struct config_group *group = config_find(config, "chardev", "serial0");
    bool wait = true, mux = false, server = false;

    g_assert_nonnull(group);
    g_assert_cmpstr(group_string(group, "backend", NULL), ==, "socket");
    g_assert_cmpstr(group_string(group, "port", NULL), ==, "1");
    g_assert_cmpstr(group_string(group, "logfile", NULL), ==, "l");
    g_assert_cmpint(group_bool(group, "wait", &wait), ==, 0);
    g_assert_cmpint(group_bool(group, "server", &server), ==, 0);
    g_assert_cmpint(group_bool(group, "mux", &mux), ==, 0);
    g_assert_true(server && mux && !wait);
    config_destroy(config);
    g_assert_null(dev_config("none", "serial0", "-serial"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/options-short/params", test_params);
    g_test_add_func("/options-short/backend", test_backend);
    g_test_add_func("/options-short/config", test_config);
    return g_test_run();
}
