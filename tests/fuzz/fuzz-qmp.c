/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fuzz-qmp - what a monitor receives, of any bytes: in a machine without processors and devices.
 *
 * Input: 'Q' and what a QMP session receives after its negotiation, 'q' without one, 'H' and lines
 * of HMP.
 */

#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include <tenon/chardev.h>

#include "cpu/accel.h"
#include "loop/loop.h"
#include "machine/machine.h"
#include "memory/memory.h"
#include "monitor/command.h"
#include "monitor/session.h"
#include "options/options.h"
#include "plugin/plugin.h"
#include "report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say_nothing(void *arg, const char *line)
{
}

/* Takes a part, as a slow far end does. */
static size_t far_write(void *arg, const void *buf, size_t len)
{
    return len > 100 ? len / 2 : len;
}

/* Files and the program's log are not for a fuzzer to touch, nor is what needs a real machine. */
static bool is_harmless(const char *text)
{
    static const char *const spared[] = {
        "save", "chardev", "log", "cpu-", "reset", "pagemap", "fd"
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(spared); i++)
        if (strstr(text, spared[i]))
            return false;
    return true;
}

static bool is_spared(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    for (size_t i = 0; i < size; i++)
        if (!text[i])
            text[i] = ' ';
    /* An escaped letter or a completed name could still spell one. */
    return !is_harmless(text) || strstr(text, "\\u") || strpbrk(text, "\t\x12\x19");
}

static void feed(struct session *s, const uint8_t *data, size_t size)
{
    while (size) {
        size_t n = MIN(size, session_room(s));

        if (n)
            session_receive(s, data, n);
        data += n;
        size -= n;
        for (unsigned i = 0; i < 64 && s->out->len; i++)
            session_writable(s);
        if (!n && !session_room(s))
            abort(); /* it is stuck */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char hello[] =
        "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}";
    struct accel accel = { .ops = &accel_qtest };
    struct machine m = { .accel = &accel, .on_panic = "pause" };
    struct session *s;

    if (!size || is_spared(data, size))
        return 0;
    report_redirect(say_nothing, NULL);
    m.config = config_create();
    m.plugins = plugins_create("/nonexistent");
    m.loop = loop_create();
    m.mem = space_create("memory", m.loop, 64, false);
    m.io = space_create("ports", m.loop, 16, true);
    loop_lock(m.loop);
    s = session_create(&m, *data == 'H' ? MONITOR_HMP : MONITOR_QMP, false, far_write, NULL, NULL);
    session_event(s, TENON_CHR_OPENED);
    if (*data == 'Q')
        feed(s, (const uint8_t *)hello, strlen(hello));
    feed(s, data + 1, size - 1);
    session_event(s, TENON_CHR_CLOSED);
    session_destroy(s);
    monitors_destroy(&m);
    loop_unlock(m.loop);
    space_destroy(m.mem);
    space_destroy(m.io);
    loop_destroy(m.loop);
    plugins_destroy(m.plugins);
    config_destroy(m.config);
    return 0;
}
