/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the log and of trace events: what their functions take, and where it goes. */

#include <string.h>
#include <unistd.h>

#include <glib.h>
#include <glib/gstdio.h>

#include "debug/log.h"
#include "debug/simpletrace.h"
#include "debug/trace.h"

static bool refuses(bool (*set)(const char *text, char **why), const char *text)
{
    char *why = NULL;
    bool ok = set(text, &why);

    g_assert_true(ok == !why);
    g_free(why);
    return !ok;
}

static char *temporary(const char *name)
{
    static char *folder;

    if (!folder)
        folder = g_dir_make_tmp("tenon-log-XXXXXX", NULL);
    return name ? g_build_filename(folder, name, NULL) : folder;
}

static char *contents(const char *path)
{
    char *text = NULL;

    g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
    return text;
}

static void test_items(void)
{
    g_assert_false(refuses(log_set_items, "int,cpu_reset"));
    g_assert_cmphex(log_items, ==, TENON_ITEM_INT | TENON_ITEM_CPU_RESET);
    g_assert_true(refuses(log_set_items, "exec,op_opt"));
    g_assert_true(refuses(log_set_items, "exec,"));
    g_assert_true(refuses(log_set_items, ""));
    g_assert_true(refuses(log_set_items, "tid"));
    g_assert_cmphex(log_items, ==, TENON_ITEM_INT | TENON_ITEM_CPU_RESET);
    log_unassigned(true);
    g_assert_false(refuses(log_set_items, "all"));
    g_assert_true(log_on(TENON_ITEM_NOCHAIN) && log_on(TENON_ITEM_IN_ASM));
    g_assert_false(refuses(log_set_items, "none"));
    g_assert_cmphex(log_items, ==, LOG_UNASSIGNED);
    log_unassigned(false);
    g_assert_cmphex(log_items, ==, 0);
}

static void test_filter(void)
{
    static const char *const wrong[] = {
        "",
        ",",
        "1",
        "1+",
        "1+0",
        "1-0",
        "1-3",
        "2..1",
        "1..",
        "1.2",
        "x..y",
        "1+2 ",
        "-1+1",
        "0xffffffffffffffff+2",
        "0x10000000000000000+1",
        "1+1,",
        "1*2",
    };

    for (unsigned i = 0; i < G_N_ELEMENTS(wrong); i++)
        g_assert_true(refuses(log_set_filter, wrong[i]));
    g_assert_true(log_covers(0) && log_covers(UINT64_MAX));
    g_assert_false(refuses(log_set_filter, "0x1000+0x10,0x2000-0x10,5..7,0xffffffffffffffff+1"));
    g_assert_true(log_covers(0x1000) && log_covers(0x100f));
    g_assert_false(log_covers(0xfff) || log_covers(0x1010));
    g_assert_true(log_covers(0x2000) && log_covers(0x1ff1));
    g_assert_false(log_covers(0x1ff0) || log_covers(0x2001));
    g_assert_true(log_covers(5) && log_covers(7) && log_covers(UINT64_MAX));
    g_assert_false(log_covers(4) || log_covers(8));
    g_assert_false(refuses(log_set_filter, NULL));
    g_assert_true(log_covers(4));
}

static void test_file(void)
{
    char *path = temporary("log-%d"),
         *name = g_strdup_printf("%s/log-%d", temporary(NULL), getpid());
    char *text;

    g_assert_true(refuses(log_set_file, ""));
    g_assert_true(refuses(log_set_file, "%s"));
    g_assert_true(refuses(log_set_file, "%d%d"));
    g_assert_true(refuses(log_set_file, "%"));
    g_assert_false(refuses(log_set_file, path));
    g_assert_cmpstr(log_file(), ==, path);
    g_assert_true(refuses(log_set_file, "/nonexistent/log"));
    log_print("one %d\n", 1);
    log_print("no newline");
    log_print("two\nlines\n");
    g_assert_false(refuses(log_set_file, NULL));
    text = contents(name);
    g_assert_cmpstr(text, ==, "one 1\nno newline\ntwo\nlines\n");
    g_unlink(name);
    g_free(text);
    g_free(name);
    g_free(path);
}

static void *print_many(void *arg)
{
    for (unsigned i = 0; i < 500; i++)
        log_print("%s first\n%s second\n", (char *)arg, (char *)arg);
    return NULL;
}

/* Threads do not come into each other's lines; with "tid" they have a file each. */
static void test_threads(void)
{
    char *path = temporary("all"), *text, **lines;
    GThread *threads[3];
    char names[3][2] = { "a", "b", "c" };

    g_assert_false(refuses(log_set_file, path));
    for (unsigned i = 0; i < 3; i++)
        threads[i] = g_thread_new("printer", print_many, names[i]);
    for (unsigned i = 0; i < 3; i++)
        g_thread_join(threads[i]);
    log_finish();
    text = contents(path);
    lines = g_strsplit(text, "\n", -1);
    g_assert_cmpuint(g_strv_length(lines), ==, 3001);
    for (unsigned i = 0; i < 3000; i += 2) {
        g_assert_cmpstr(lines[i] + 1, ==, " first");
        g_assert_cmpstr(lines[i + 1] + 1, ==, " second");
        g_assert_cmpint(lines[i][0], ==, lines[i + 1][0]);
    }
    g_strfreev(lines);
    g_free(text);
    g_unlink(path);
    g_free(path);
}

static void test_own_files(void)
{
    char *path = temporary("thread-%d"), *why = NULL;
    const char *name;
    unsigned files = 0;
    GDir *dir;

    g_assert_false(refuses(log_set_file, path));
    g_assert_true(log_set_items("int,tid", &why));
    g_assert_true(refuses(log_set_file, "without-number"));
    log_print("main\n");
    g_thread_join(g_thread_new("printer", print_many, "x"));
    log_finish();
    dir = g_dir_open(temporary(NULL), 0, NULL);
    while ((name = g_dir_read_name(dir))) {
        char *file = temporary(name), *text = contents(file);

        g_assert_true(!strcmp(text, "main\n") ||
                      strlen(text) == 500 * strlen("x first\nx second\n"));
        files++;
        g_unlink(file);
        g_free(file);
        g_free(text);
    }
    g_assert_cmpuint(files, ==, 2);
    g_dir_close(dir);
    g_free(path);
}

/* ---- Trace events ---- */

static const struct tenon_event two_events[] = { { "test_one", "%u and %s" },
                                                 { "test_two", "%%" } };

static bool is_on(const char *name)
{
    bool on;

    g_assert_true(trace_state(name, &on));
    return on;
}

static void test_patterns(void)
{
    struct trace_table *table = trace_add(two_events, 2), *again;
    bool on;

    g_assert_false(is_on("test_one") || is_on("test_two") || is_on("runstate_set"));
    g_assert_cmpuint(trace_set("test_*", true), ==, 2);
    g_assert_cmpuint(trace_set("test_tw?", false), ==, 1);
    g_assert_cmpuint(trace_set("nothing", true), ==, 0);
    g_assert_true(is_on("test_one") && trace_on(table)[0]);
    g_assert_false(is_on("test_two") || trace_on(table)[1] || is_on("runstate_set"));
    trace_remove(table);
    g_assert_false(trace_state("test_one", &on));
    again = trace_add(two_events, 2); /* what was asked for holds for what comes later */
    g_assert_true(is_on("test_one"));
    g_assert_false(is_on("test_two"));
    trace_finish();
    g_assert_false(is_on("test_one"));
    trace_remove(again);
}

static void test_formats(void)
{
    static const char *const good[] = {
        "", "plain", "%d %i %u %x %X %o %c %s %p %%", "%hhd %hu %ld %lld %zu %ju %td", "%-08.4x",
    };
    static const char *const bad[] = { "%",  "%n", "%f",  "%*d",   "%Lf",
                                       "%q", "%5", "%ls", "%hhhd", "%llld" };

    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++)
        g_assert_true(simpletrace_format_ok(good[i]));
    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_false(simpletrace_format_ok(bad[i]));
}

static void tell(const struct trace_table *table, unsigned event, ...)
{
    va_list ap;

    va_start(ap, event);
    trace_tell(table, event, ap);
    va_end(ap);
}

/* Every kind of argument, byte by byte. */
static void test_simple(void)
{
    static const struct tenon_event event = { "t", "%hhd%hu%d%u%llx%s%p" };
    static const uint8_t arguments[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0xff, 0,    0,    0,    0,
        0,    0,    0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfc, 0xff, 0xff, 0xff,
        0,    0,    0,    0,    8,    7,    6,    5,    4,    3,    2,    1,    2,    0,
        0,    0,    'h',  'i',  0x34, 0x12, 0,    0,    0,    0,    0,    0,
    };
    char *path = temporary("simple"), *text = NULL, *why = NULL;
    struct trace_table *table = trace_add(&event, 1);
    gsize bytes;

    g_assert_true(trace_set_backend(TRACE_SIMPLE, path, &why));
    tell(table, 0, -1, -2, -3, -4, 0x102030405060708ull, "hi", (void *)0x1234);
    trace_finish();
    g_assert_true(g_file_get_contents(path, &text, &bytes, NULL));
    g_assert_cmpmem(text, 12, "TENONTRC\1\0\0\0", 12);
    g_assert_cmpmem(text + bytes - sizeof(arguments), sizeof(arguments), arguments,
                    sizeof(arguments));
    g_free(text);
    g_unlink(path);
    g_free(path);
    trace_remove(table);
    g_rmdir(temporary(NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/log/items", test_items);
    g_test_add_func("/log/filter", test_filter);
    g_test_add_func("/log/file", test_file);
    g_test_add_func("/log/threads", test_threads);
    g_test_add_func("/log/own files", test_own_files);
    g_test_add_func("/trace/patterns", test_patterns);
    g_test_add_func("/trace/formats", test_formats);
    g_test_add_func("/trace/simple", test_simple);
    return g_test_run();
}
