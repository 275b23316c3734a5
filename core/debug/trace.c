/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* trace - trace events: which there are, which are on, and where they are told. */

#include "debug/trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "debug/events.h"
#include "debug/log.h"
#include "debug/simpletrace.h"
#include "plugin/inner.h"
#include "report.h"

struct trace_table {
    const struct tenon_event *events;
    unsigned n;
    uint8_t *on;
    uint32_t first; /* the number of its first event, in simple files */
    struct trace_table *next;
};

/* What -trace and monitors asked for; the last that matches a name holds. */
struct rule {
    char *pattern;
    bool on;
};

uint8_t core_traced[N_CORE_EVENTS];

static const struct tenon_event core_events[] = { CORE_EVENTS(TENON_EVENT_ROW_) };
static struct trace_table core_table = { .events = core_events,
                                         .n = N_CORE_EVENTS,
                                         .on = core_traced };

static struct {
    struct trace_table *tables; /* after the core's */
    uint32_t next_number;
    GArray *rules;        /* of struct rule; NULL: none */
    pthread_mutex_t lock; /* of what follows */
    enum trace_backend backend;
    struct simpletrace *simple;
    int marker; /* of the kernel's trace buffer */
} state = { .next_number = N_CORE_EVENTS, .lock = PTHREAD_MUTEX_INITIALIZER, .marker = -1 };

/* ---- Tables ---- */

static struct trace_table *next_table(const struct trace_table *table)
{
    return table == &core_table ? state.tables : table->next;
}

#define EACH_TABLE(table)                                                                          \
    for (struct trace_table *table = &core_table; table; table = next_table(table))

char *trace_check(const struct tenon_event *event)
{
    if (!event->name[strspn(event->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789_")] &&
        event->format && simpletrace_format_ok(event->format))
        return NULL;
    return g_strdup_printf("event '%s' has a name or a format that events cannot have",
                           event->name);
}

static void set(uint8_t *on, bool value)
{
    __atomic_store_n(on, value, __ATOMIC_RELAXED);
}

static void apply(const struct rule *rule, struct trace_table *table)
{
    for (unsigned i = 0; i < table->n; i++)
        if (g_pattern_match_simple(rule->pattern, table->events[i].name))
            set(&table->on[i], rule->on);
}

/* To a file that is being written.  Locked. */
static void declare(const struct trace_table *table)
{
    for (unsigned i = 0; i < table->n; i++)
        simpletrace_declare(state.simple, table->first + i, &table->events[i]);
}

struct trace_table *trace_add(const struct tenon_event *events, unsigned n)
{
    struct trace_table *table = g_new0(struct trace_table, 1), **at = &state.tables;

    *table = (struct trace_table){ .events = events, .n = n, .first = state.next_number };
    table->on = g_malloc0(MAX(n, 1));
    for (unsigned i = 0; state.rules && i < state.rules->len; i++)
        apply(&g_array_index(state.rules, struct rule, i), table);
    state.next_number += n;
    pthread_mutex_lock(&state.lock);
    if (state.simple)
        declare(table);
    pthread_mutex_unlock(&state.lock);
    while (*at)
        at = &(*at)->next;
    *at = table;
    return table;
}

void trace_remove(struct trace_table *table)
{
    struct trace_table **at = &state.tables;

    if (!table)
        return;
    while (*at != table)
        at = &(*at)->next;
    *at = table->next;
    g_free(table->on);
    g_free(table);
}

const uint8_t *trace_on(const struct trace_table *table)
{
    return table->on;
}

/* ---- What is on ---- */

static void rule_free(void *arg)
{
    g_free(((struct rule *)arg)->pattern);
}

/* A rule takes the place of the same one before it. */
static void remember(const char *pattern, bool on)
{
    struct rule rule = { g_strdup(pattern), on };

    if (!state.rules) {
        state.rules = g_array_new(FALSE, FALSE, sizeof(struct rule));
        g_array_set_clear_func(state.rules, rule_free);
    }
    for (unsigned i = 0; i < state.rules->len; i++)
        if (!strcmp(g_array_index(state.rules, struct rule, i).pattern, pattern)) {
            g_array_remove_index(state.rules, i);
            break;
        }
    g_array_append_val(state.rules, rule);
}

static unsigned count(const struct trace_table *table, const char *pattern)
{
    unsigned n = 0;

    for (unsigned i = 0; i < table->n; i++)
        n += g_pattern_match_simple(pattern, table->events[i].name);
    return n;
}

unsigned trace_set(const char *pattern, bool on)
{
    const struct rule rule = { (char *)pattern, on };
    unsigned n = 0;

    remember(pattern, on);
    EACH_TABLE(table)
    {
        apply(&rule, table);
        n += count(table, pattern);
    }
    return n;
}

bool trace_state(const char *name, bool *on)
{
    EACH_TABLE(table)
    {
        for (unsigned i = 0; i < table->n; i++)
            if (!strcmp(table->events[i].name, name)) {
                *on = table->on[i];
                return true;
            }
    }
    return false;
}

void trace_each(void (*fn)(void *arg, const char *name, bool on), void *arg)
{
    EACH_TABLE(table)
    {
        for (unsigned i = 0; i < table->n; i++)
            fn(arg, table->events[i].name, table->on[i]);
    }
}

/* ---- All there could be: what is in the files, too ---- */

static void add_name(void *names, const char *name)
{
    g_hash_table_add(names, g_strdup(name));
}

static void add_own(void *names, const char *name, bool on)
{
    add_name(names, name);
}

static GHashTable *all_names(struct plugins *plugins)
{
    GHashTable *names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    trace_each(add_own, names);
    plugins_each_event(plugins, add_name, names);
    return names;
}

bool trace_exists(struct plugins *plugins, const char *name)
{
    GHashTable *names;
    bool on, exists = trace_state(name, &on);

    if (exists)
        return true;
    names = all_names(plugins);
    exists = g_hash_table_contains(names, name);
    g_hash_table_destroy(names);
    return exists;
}

void trace_print_all(struct plugins *plugins, FILE *to)
{
    GHashTable *names = all_names(plugins);
    GList *sorted = g_list_sort(g_hash_table_get_keys(names), (GCompareFunc)strcmp);

    for (GList *at = sorted; at; at = at->next)
        fprintf(to, "%s\n", (char *)at->data);
    g_list_free(sorted);
    g_hash_table_destroy(names);
}

/* ---- Telling ---- */

static void tell_log(const struct tenon_event *event, va_list ap)
{
    char *text = g_strdup_vprintf(event->format, ap);
    int64_t now = g_get_real_time();

    log_print("%d@%" PRId64 ".%06d:%s %s\n", (int)gettid(), now / G_USEC_PER_SEC,
              (int)(now % G_USEC_PER_SEC), event->name, text);
    g_free(text);
}

/* A line a write; one that the kernel does not want is lost. */
static void tell_kernel(int marker, const struct tenon_event *event, va_list ap)
{
    char *text = g_strdup_vprintf(event->format, ap);
    char *line = g_strdup_printf("%s %s\n", event->name, text);

    if (write(marker, line, strlen(line)) < 0)
        errno = 0;
    g_free(line);
    g_free(text);
}

void trace_tell(const struct trace_table *table, unsigned event, va_list ap)
{
    const struct tenon_event *e = &table->events[event];

    if (event >= table->n)
        return;
    pthread_mutex_lock(&state.lock);
    switch (state.backend) {
    case TRACE_LOG: tell_log(e, ap); break;
    case TRACE_SIMPLE: simpletrace_write(state.simple, table->first + event, e->format, ap); break;
    case TRACE_FTRACE: tell_kernel(state.marker, e, ap); break;
    }
    pthread_mutex_unlock(&state.lock);
}

void trace_core(unsigned event, ...)
{
    va_list ap;

    va_start(ap, event);
    trace_tell(&core_table, event, ap);
    va_end(ap);
}

/* ---- Where they go ---- */

/* The kernel's trace buffer: at path, or where tracefs is mounted.  -1: errno says why. */
static int open_marker(const char *path)
{
    int fd = open(path ? path : "/sys/kernel/tracing/trace_marker", O_WRONLY | O_CLOEXEC);

    if (fd < 0 && !path && errno == ENOENT)
        fd = open("/sys/kernel/debug/tracing/trace_marker", O_WRONLY | O_CLOEXEC);
    return fd;
}

static void close_files(void)
{
    simpletrace_close(state.simple);
    state.simple = NULL;
    if (state.marker >= 0)
        close(state.marker);
    state.marker = -1;
}

bool trace_set_backend(enum trace_backend backend, const char *path, char **why)
{
    struct simpletrace *simple = NULL;
    int marker = -1;

    *why = NULL;
    if (backend == TRACE_SIMPLE && !(simple = simpletrace_open(path)))
        *why = g_strdup_printf("%s: %s", path, g_strerror(errno));
    else if (backend == TRACE_FTRACE && (marker = open_marker(path)) < 0)
        *why = g_strdup_printf("the kernel's trace buffer%s%s cannot be written: %s",
                               path ? " " : "", path ? path : "", g_strerror(errno));
    if (*why)
        return false;
    pthread_mutex_lock(&state.lock);
    close_files();
    state.backend = backend;
    state.simple = simple;
    state.marker = marker;
    EACH_TABLE(table)
    {
        if (simple)
            declare(table);
    }
    pthread_mutex_unlock(&state.lock);
    return true;
}

void trace_finish(void)
{
    char *why;

    trace_set("*", false);
    g_clear_pointer(&state.rules, g_array_unref);
    trace_set_backend(TRACE_LOG, NULL, &why);
}
