/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* log - what goes on in the machine, for who debugs a guest: -d, -D, -dfilter. */

#include "debug/log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <glib.h>

#include "cpu/state.h"
#include "debug/trace.h"
#include "options/options.h"
#include "report.h"

struct addresses {
    uint64_t first, last;
};

uint32_t log_items;

static struct {
    pthread_mutex_t lock; /* of what follows */
    char *path;           /* as given; NULL: standard error */
    int fd;               /* of the one file; -1: none is open */
    bool per_thread;      /* each thread has its own */
    unsigned generation;  /* changes when threads' files are to be opened anew */
    bool failed;          /* a write has, and that has been said */
    bool filtered;
    GArray *ranges; /* of struct addresses; NULL: never set */
} sink = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1 };

/* ---- The items ---- */

enum { TID = 1u << 31 }; /* an item that is none */

static const struct item {
    const char *name;
    uint32_t bit;     /* 0: is not there */
    const char *help; /* or why it is not there */
} items[] = {
    // clang-format off
    { "in_asm",       TENON_ITEM_IN_ASM,       "guest code in assembly, when it is first decoded (software CPU)" },
    { "op",           TENON_ITEM_OP,           "micro-operations of guest code, when it is decoded (software CPU)" },
    { "out_asm",      TENON_ITEM_OUT_ASM,      "the host's code for guest code, when it is translated (software CPU)" },
    { "int",          TENON_ITEM_INT,          "exceptions and interrupts as they are delivered (software CPU)" },
    { "exec",         TENON_ITEM_EXEC,         "each block of guest code as it begins: very much (software CPU)" },
    { "cpu",          TENON_ITEM_CPU,          "the registers before each block: very much (software CPU)" },
    { "fpu",          TENON_ITEM_FPU,          "x87 and vector registers wherever registers are shown" },
    { "mmu",          TENON_ITEM_MMU,          "changes of paging: control registers, flushes (software CPU)" },
    { "pcall",        TENON_ITEM_PCALL,        "far calls, jumps and returns of protected mode (software CPU)" },
    { "cpu_reset",    TENON_ITEM_CPU_RESET,    "the registers before each reset, and at a triple fault" },
    { "unimp",        TENON_ITEM_UNIMP,        "what the guest asks of devices and is not there" },
    { "guest_errors", TENON_ITEM_GUEST_ERRORS, "what the guest does to devices and should not" },
    { "nochain",      TENON_ITEM_NOCHAIN,      "look each block up, instead of going on to it directly (software CPU)" },
    { "tid",          TID,                     "a file for each thread: -D with %d in the name" },
    { "op_opt",       0, "micro-operations are not made over before they are translated: \"op\" shows them" },
    { "op_ind",       0, "micro-operations are not made over before they are translated: \"op\" shows them" },
    { "plugin",       0, "there are no plugins that watch guest code in this build" },
    { "page",         0, "is for programs run without a machine, which this emulator does not do" },
    { "strace",       0, "is for programs run without a machine, which this emulator does not do" },
    // clang-format on
};

static const struct item *item_find(const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(items); i++)
        if (!strcmp(items[i].name, name))
            return &items[i];
    return NULL;
}

static const char *item_name_at(const void *unused, unsigned i)
{
    return items[i].name;
}

void log_each(void (*fn)(void *arg, const char *name, const char *help, bool on), void *arg)
{
    uint32_t on = __atomic_load_n(&log_items, __ATOMIC_RELAXED) | (sink.per_thread ? TID : 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(items); i++)
        if (items[i].bit)
            fn(arg, items[i].name, items[i].help, on & items[i].bit);
}

char *log_item_names(uint32_t set)
{
    GString *names = g_string_new(NULL);

    for (unsigned i = 0; i < G_N_ELEMENTS(items); i++)
        if (items[i].bit & set)
            g_string_append_printf(names, "%s%s", names->len ? "," : "", items[i].name);
    return g_string_free(names, FALSE);
}

static void print_item(void *to, const char *name, const char *help, bool on)
{
    fprintf(to, "%-15s %s\n", name, help);
}

void log_print_items(FILE *to)
{
    fputs("Log items (comma separated):\n", to);
    log_each(print_item, to);
    print_item(to, "trace:PATTERN", "trace events, as -trace does (trace:help lists them)", false);
    fputs("The log goes to standard error, or to the file of -D.\n", to);
}

/* The bit of a word; 0 with *why set if there is none. */
static uint32_t item_bit(const char *name, char **why)
{
    const struct item *item = item_find(name);
    const char *near;

    if (item && !item->bit)
        *why = g_strdup_printf("%s: %s", name, item->help);
    if (item)
        return item->bit;
    near = nearest_name(name, NULL, G_N_ELEMENTS(items), item_name_at);
    *why = near ? g_strdup_printf("there is no log item \"%s\"; did you mean \"%s\"?", name, near)
                : g_strdup_printf("there is no log item \"%s\"; \"-d help\" lists them", name);
    return 0;
}

/* ---- The file ---- */

/* Is path one that can be made a file's name of?  *has_number: it has %d. */
static bool path_check(const char *path, bool *has_number, char **why)
{
    const char *percent = path ? strchr(path, '%') : NULL;

    *has_number = percent && percent[1] == 'd';
    if (path && !*path)
        *why = g_strdup("the name is empty");
    else if (percent && (!*has_number || strchr(percent + 1, '%')))
        *why = g_strdup("the name can have one %d, and no other %");
    else
        return true;
    return false;
}

/* A descriptor of the file, -1 with errno set. */
static int path_open(const char *path, pid_t number)
{
    const char *percent = strchr(path, '%');
    char *name =
        percent ? g_strdup_printf("%.*s%d%s", (int)(percent - path), path, (int)number, percent + 2)
                : g_strdup(path);
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);

    g_free(name);
    return fd;
}

static void close_file(void)
{
    if (sink.fd >= 0)
        close(sink.fd);
    sink.fd = -1;
    sink.generation++;
    sink.failed = false;
}

/* Makes path the log's file, of the process or of each thread.  Nothing changes if that fails. */
static bool use_file(const char *path, bool per_thread, char **why)
{
    bool has_number;
    int fd = -1;

    if (!path_check(path, &has_number, why))
        return false;
    if (per_thread && !has_number) {
        *why = g_strdup("tid needs -D with %d in the name");
        return false;
    }
    if (path && !per_thread && (fd = path_open(path, getpid())) < 0) {
        *why = g_strdup_printf("%s: %s", path, g_strerror(errno));
        return false;
    }
    pthread_mutex_lock(&sink.lock);
    close_file();
    if (path != sink.path) {
        g_free(sink.path);
        sink.path = g_strdup(path);
    }
    sink.fd = fd;
    sink.per_thread = per_thread;
    pthread_mutex_unlock(&sink.lock);
    return true;
}

bool log_set_file(const char *path, char **why)
{
    return use_file(path, sink.per_thread, why);
}

const char *log_file(void)
{
    return sink.path;
}

/* ---- What is on ---- */

static bool parse_items(const char *text, uint32_t *bits, char **why)
{
    char **words = g_strsplit(text, ",", -1);

    *bits = 0;
    if (!*words)
        *why = g_strdup("names no item; \"-d help\" lists them");
    for (char **word = words; *word && !*why; word++) {
        if (g_str_has_prefix(*word, LOG_TRACE_PREFIX))
            continue;
        if (!strcmp(*word, "none"))
            *bits = 0;
        else if (!strcmp(*word, "all"))
            for (unsigned i = 0; i < G_N_ELEMENTS(items); i++)
                *bits |= items[i].bit & ~TID;
        else
            *bits |= item_bit(*word, why);
    }
    g_strfreev(words);
    return !*why;
}

static void enable_events(const char *text)
{
    char **words = g_strsplit(text, ",", -1);

    for (char **word = words; *word; word++)
        if (g_str_has_prefix(*word, LOG_TRACE_PREFIX))
            trace_set(*word + strlen(LOG_TRACE_PREFIX), true);
    g_strfreev(words);
}

/* Accesses to nothing are not among the items. */
static void set_on(uint32_t bits)
{
    __atomic_store_n(&log_items, bits | (log_items & LOG_UNASSIGNED), __ATOMIC_RELAXED);
}

bool log_set_items(const char *text, char **why)
{
    uint32_t bits;

    *why = NULL;
    if (!parse_items(text, &bits, why))
        return false;
    if (sink.per_thread != !!(bits & TID) && !use_file(sink.path, bits & TID, why))
        return false;
    set_on(bits & ~TID);
    enable_events(text);
    return true;
}

void log_unassigned(bool on)
{
    __atomic_store_n(&log_items, (log_items & ~LOG_UNASSIGNED) | (on ? LOG_UNASSIGNED : 0),
                     __ATOMIC_RELAXED);
}

void log_finish(void)
{
    char *why = NULL;

    __atomic_store_n(&log_items, 0, __ATOMIC_RELAXED);
    use_file(NULL, false, &why);
    log_set_filter(NULL, &why);
}

/* ---- The filter ---- */

static bool take_number(const char **text, uint64_t *value)
{
    char *end;

    if (!g_ascii_isdigit(**text))
        return false;
    errno = 0;
    *value = strtoull(*text, &end, 0);
    *text = end;
    return !errno;
}

/* "A+LENGTH", "A-LENGTH", "A..B"; none of them is empty or leaves the 64 bits. */
static bool parse_range(const char *text, struct addresses *range)
{
    uint64_t first, second;
    char how;

    if (!take_number(&text, &first))
        return false;
    how = *text;
    if (how == '.' && *++text != '.')
        return false;
    if (!how || !take_number((text++, &text), &second) || *text)
        return false;
    switch (how) {
    case '+': *range = (struct addresses){ first, first + (second - 1) }; break;
    case '-': *range = (struct addresses){ first - (second - 1), first }; break;
    case '.': *range = (struct addresses){ first, second }; return first <= second;
    default: return false;
    }
    return second && range->first <= range->last;
}

static GArray *parse_ranges(const char *text, char **why)
{
    GArray *ranges = g_array_new(FALSE, FALSE, sizeof(struct addresses));
    char **words = g_strsplit(text, ",", -1);

    for (char **word = words; *word && !*why; word++) {
        struct addresses range;

        if (parse_range(*word, &range))
            g_array_append_val(ranges, range);
        else
            *why = g_strdup_printf("\"%s\" is no range of addresses: A+LENGTH, A-LENGTH or A..B",
                                   *word);
    }
    if (!*why && !ranges->len)
        *why = g_strdup("there is no range in it");
    g_strfreev(words);
    if (!*why)
        return ranges;
    g_array_free(ranges, TRUE);
    return NULL;
}

bool log_set_filter(const char *text, char **why)
{
    GArray *ranges = NULL, *old;

    *why = NULL;
    if (text && !(ranges = parse_ranges(text, why)))
        return false;
    pthread_mutex_lock(&sink.lock);
    old = sink.ranges;
    sink.ranges = ranges;
    __atomic_store_n(&sink.filtered, ranges != NULL, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&sink.lock);
    if (old)
        g_array_free(old, TRUE);
    return true;
}

bool log_covers(uint64_t addr)
{
    bool covers = false;

    if (!__atomic_load_n(&sink.filtered, __ATOMIC_ACQUIRE))
        return true;
    pthread_mutex_lock(&sink.lock);
    for (unsigned i = 0; sink.ranges && i < sink.ranges->len && !covers; i++) {
        struct addresses range = g_array_index(sink.ranges, struct addresses, i);

        covers = addr >= range.first && addr <= range.last;
    }
    covers |= !sink.ranges;
    pthread_mutex_unlock(&sink.lock);
    return covers;
}

/* ---- Writing ---- */

/* A thread's file. */
struct own_file {
    int fd;
    unsigned generation;
};

static void own_file_free(void *arg)
{
    struct own_file *own = arg;

    if (own->fd >= 0)
        close(own->fd);
    g_free(own);
}

static GPrivate own_files = G_PRIVATE_INIT(own_file_free);

/* Locked. */
static int own_fd(void)
{
    struct own_file *own = g_private_get(&own_files);

    if (own && own->generation == sink.generation)
        return own->fd;
    own = g_new(struct own_file, 1);
    *own = (struct own_file){ path_open(sink.path, gettid()), sink.generation };
    g_private_replace(&own_files, own);
    return own->fd;
}

static bool write_all(int fd, const char *text, size_t left)
{
    while (left) {
        ssize_t n = write(fd, text, left);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        left -= n;
    }
    return true;
}

/* A log that cannot be written is given up; the machine goes on. */
static void write_text(const char *text, size_t bytes)
{
    int fd, err = 0;

    pthread_mutex_lock(&sink.lock);
    fd = sink.per_thread ? own_fd() : sink.path ? sink.fd : STDERR_FILENO;
    if (!sink.failed && !write_all(fd, text, bytes)) {
        err = errno;
        sink.failed = true;
    }
    pthread_mutex_unlock(&sink.lock);
    if (err && sink.path)
        report(NULL, "the log %s ends here: %s", sink.path, g_strerror(err));
}

void log_print_v(const char *fmt, va_list ap)
{
    char *text = g_strdup_vprintf(fmt, ap);
    size_t bytes = strlen(text);

    if (bytes && text[bytes - 1] != '\n')
        text[bytes++] = '\n'; /* in the place of the zero, which nobody needs */
    write_text(text, bytes);
    g_free(text);
}

void log_print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_print_v(fmt, ap);
    va_end(ap);
}

/* ---- For plugins ---- */

static void service_print(struct tenon_dev *dev, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_print_v(fmt, ap);
    va_end(ap);
}

static bool service_covers(struct tenon_dev *dev, uint64_t addr)
{
    return log_covers(addr);
}

static void service_registers(struct tenon_dev *dev, const char *lines,
                              const struct tenon_x86_state *state)
{
    char *text = state_text(state, NULL, log_on(TENON_ITEM_FPU));

    log_print("%s%s", lines ? lines : "", text);
    g_free(text);
}

const struct tenon_logger log_service = {
    .size = sizeof(log_service),
    .items = &log_items,
    .print = service_print,
    .covers = service_covers,
    .registers = service_registers,
};
