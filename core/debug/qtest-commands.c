/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* qtest-commands - the device-test protocol: what each line asks, and what it is answered. */

#include "debug/qtest-impl.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <tenon/irq.h>

#include "cpu/accel.h"
#include "loop/loop.h"
#include "machine/inst.h"
#include "machine/irq.h"
#include "machine/machine.h"
#include "machine/tree.h"
#include "memory/memory.h"
#include "plugin/plugin.h"

enum {
    ARGS = 4,
    DATA_MOST = 16 << 20, /* bytes that one line moves */
    FILL_MOST = 1 << 30,  /* ... that one memset fills */
    FILL_PART = 4096,
};

struct arg {
    char *text;
    uint64_t n; /* of a number */
};

struct command {
    const char *name;
    const char *args; /* n: a number, s: text; those after ? may be missing */
    void (*run)(struct qtest_port *q, const struct arg *a, unsigned size);
    unsigned size;    /* of an access */
    bool moves_clock; /* only where the accelerator leaves it to the test */
};

static void G_GNUC_PRINTF(2, 3) say(struct qtest_port *q, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    g_string_vprintf(q->answer, fmt, ap);
    va_end(ap);
}

static void ok(struct qtest_port *q)
{
    say(q, "OK");
}

/* ---- One access ---- */

static bool is_port(struct qtest_port *q, uint64_t port)
{
    if (port > 0xffff)
        say(q, "ERR there is no port 0x%" PRIx64, port);
    return port <= 0xffff;
}

static void do_in(struct qtest_port *q, const struct arg *a, unsigned size)
{
    if (is_port(q, a[0].n))
        say(q, "OK 0x%04x", (unsigned)space_read(q->m->io, a[0].n, size, true));
}

static void do_out(struct qtest_port *q, const struct arg *a, unsigned size)
{
    if (!is_port(q, a[0].n))
        return;
    space_write(q->m->io, a[0].n, a[1].n, size, true);
    ok(q);
}

static void do_load(struct qtest_port *q, const struct arg *a, unsigned size)
{
    say(q, "OK 0x%016" PRIx64, space_read(q->m->mem, a[0].n, size, true));
}

static void do_store(struct qtest_port *q, const struct arg *a, unsigned size)
{
    space_write(q->m->mem, a[0].n, a[1].n, size, true);
    ok(q);
}

/* ---- Any length ---- */

/* Whether n bytes at addr can be moved at once; 0 cannot, as the protocol has it. */
static bool is_length(struct qtest_port *q, uint64_t addr, uint64_t n, uint64_t most)
{
    if (n && n <= most && n - 1 <= UINT64_MAX - addr)
        return true;
    say(q, "ERR invalid argument size");
    return false;
}

static uint8_t *load(struct qtest_port *q, const struct arg *a)
{
    uint8_t *buf;

    if (!is_length(q, a[0].n, a[1].n, DATA_MOST))
        return NULL;
    buf = g_malloc(a[1].n);
    space_copy_in(q->m->mem, a[0].n, buf, a[1].n, false, true);
    return buf;
}

static void do_read(struct qtest_port *q, const struct arg *a, unsigned size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *buf = load(q, a);
    char *at;

    if (!buf)
        return;
    say(q, "OK 0x");
    g_string_set_size(q->answer, q->answer->len + 2 * a[1].n);
    at = q->answer->str + q->answer->len - 2 * a[1].n;
    for (uint64_t i = 0; i < a[1].n; i++) {
        *at++ = digits[buf[i] >> 4];
        *at++ = digits[buf[i] & 15];
    }
    g_free(buf);
}

/* Whether text is 0x and hexadecimal digits, at least one. */
static bool is_hex(const char *text)
{
    size_t n;

    if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
        return false;
    n = strspn(text + 2, "0123456789abcdefABCDEF");
    return n && !text[2 + n];
}

/* Missing digits are 0; those beyond N bytes are not looked at. */
static void do_write(struct qtest_port *q, const struct arg *a, unsigned size)
{
    const char *hex = a[2].text;
    uint8_t *buf;

    if (!is_hex(hex)) {
        say(q, "ERR invalid argument size");
        return;
    }
    if (!is_length(q, a[0].n, a[1].n, DATA_MOST))
        return;
    buf = g_malloc0(a[1].n);
    hex += 2;
    for (uint64_t i = 0; hex[i] && i < 2 * a[1].n; i++)
        buf[i / 2] |= g_ascii_xdigit_value(hex[i]) << (i & 1 ? 0 : 4);
    space_copy_out(q->m->mem, a[0].n, buf, a[1].n, false, true);
    g_free(buf);
    ok(q);
}

static void do_b64read(struct qtest_port *q, const struct arg *a, unsigned size)
{
    uint8_t *buf = load(q, a);
    char *text = buf ? g_base64_encode(buf, a[1].n) : NULL;

    if (text)
        say(q, "OK %s", text);
    g_free(text);
    g_free(buf);
}

static void do_b64write(struct qtest_port *q, const struct arg *a, unsigned size)
{
    gsize n = 0;
    uint8_t *buf;

    if (!is_length(q, a[0].n, a[1].n, DATA_MOST))
        return;
    buf = g_base64_decode(a[2].text, &n);
    if (n == a[1].n) {
        space_copy_out(q->m->mem, a[0].n, buf, n, false, true);
        ok(q);
    } else {
        say(q, "ERR invalid argument size");
    }
    g_free(buf);
}

static void do_memset(struct qtest_port *q, const struct arg *a, unsigned size)
{
    uint8_t part[FILL_PART];
    uint64_t n = a[1].n;

    if (n && !is_length(q, a[0].n, n, FILL_MOST))
        return;
    memset(part, a[2].n, sizeof(part));
    for (uint64_t done = 0; done < n; done += FILL_PART)
        space_copy_out(q->m->mem, a[0].n + done, part, MIN(n - done, FILL_PART), false, true);
    ok(q);
}

/* ---- The clock ---- */

static void move_clock(struct qtest_port *q, uint64_t target)
{
    q->target = MIN(target, INT64_MAX);
    q->steps = true;
}

static void do_clock_step(struct qtest_port *q, const struct arg *a, unsigned size)
{
    uint64_t now = loop_now(q->m->loop, CLOCK_GUEST);
    uint64_t deadline = loop_deadline(q->m->loop, CLOCK_GUEST);

    if (a[0].text)
        move_clock(q, now + MIN(a[0].n, INT64_MAX));
    else
        move_clock(q, deadline == UINT64_MAX ? now : MAX(deadline, now));
}

static void do_clock_set(struct qtest_port *q, const struct arg *a, unsigned size)
{
    move_clock(q, MAX(a[0].n, loop_now(q->m->loop, CLOCK_GUEST)));
}

/* ---- Interrupt lines ---- */

static struct inst *device_at(struct qtest_port *q, const char *path)
{
    bool ambiguous;
    struct node node = tree_find(q->m, path, &ambiguous);

    if (node.kind != NODE_INST)
        say(q, "FAIL Unknown device");
    return node.kind == NODE_INST ? node.inst : NULL;
}

static void intercept(struct qtest_port *q, const char *path, bool inputs)
{
    struct inst *inst = device_at(q, path);

    if (inst && qtest_intercept(q, inst, inputs))
        say(q, "FAIL IRQ intercept already enabled");
    else if (inst)
        ok(q);
}

static void do_intercept_in(struct qtest_port *q, const struct arg *a, unsigned size)
{
    intercept(q, a[0].text, true);
}

static void do_intercept_out(struct qtest_port *q, const struct arg *a, unsigned size)
{
    intercept(q, a[0].text, false);
}

#define UNNAMED "unnamed-gpio-in" /* the inputs that have no name of their own */

static bool drive_pin(struct inst *inst, const char *name, uint64_t n, bool level)
{
    const struct tenon_gsi_input *gsi = inst_iface(inst, TENON_GSI_INPUT);

    if (!strcmp(name, UNNAMED)) {
        if (n < irq_inputs(inst))
            gsi->set(inst->state, n, level);
        return n < irq_inputs(inst);
    }
    for (unsigned i = 0; i < inst->type->n_pins; i++)
        if (!strcmp(inst->type->pins[i].name, name) && n < inst->type->pins[i].count) {
            inst->type->pins[i].set(inst->state, n, level);
            return true;
        }
    return false;
}

static void do_set_irq_in(struct qtest_port *q, const struct arg *a, unsigned size)
{
    struct inst *inst = device_at(q, a[0].text);

    if (!inst)
        return;
    if (drive_pin(inst, a[1].text, a[2].n, a[3].n))
        ok(q);
    else
        say(q, "FAIL Unknown input");
}

/* ---- The rest ---- */

static void do_endianness(struct qtest_port *q, const struct arg *a, unsigned size)
{
    say(q, "OK little");
}

/* QEMU's modules are "PREFIX" "NAME", as "block-" "curl"; our plugins KIND-NAME. */
static void do_module_load(struct qtest_port *q, const struct arg *a, unsigned size)
{
    char *kind = a[0].text, *dash = strrchr(kind, '-');
    const char *name = a[1].text;
    bool known;

    if (dash && !dash[1])
        *dash = 0;
    known = !strchr(kind, '/') && !strchr(name, '/') && plugins_have(q->m->plugins, kind, name);
    if (known && plugins_load(q->m->plugins, kind, name, "-qtest"))
        ok(q);
    else
        say(q, "FAIL");
}

// clang-format off
static const struct command commands[] = {
    { "endianness",        "",      .run = do_endianness },
    { "inb",               "n",     .run = do_in, .size = 1 },
    { "inw",               "n",     .run = do_in, .size = 2 },
    { "inl",               "n",     .run = do_in, .size = 4 },
    { "outb",              "nn",    .run = do_out, .size = 1 },
    { "outw",              "nn",    .run = do_out, .size = 2 },
    { "outl",              "nn",    .run = do_out, .size = 4 },
    { "readb",             "n",     .run = do_load, .size = 1 },
    { "readw",             "n",     .run = do_load, .size = 2 },
    { "readl",             "n",     .run = do_load, .size = 4 },
    { "readq",             "n",     .run = do_load, .size = 8 },
    { "writeb",            "nn",    .run = do_store, .size = 1 },
    { "writew",            "nn",    .run = do_store, .size = 2 },
    { "writel",            "nn",    .run = do_store, .size = 4 },
    { "writeq",            "nn",    .run = do_store, .size = 8 },
    { "read",              "nn",    .run = do_read },
    { "write",             "nns",   .run = do_write },
    { "b64read",           "nn",    .run = do_b64read },
    { "b64write",          "nns",   .run = do_b64write },
    { "memset",            "nnn",   .run = do_memset },
    { "clock_step",        "?n",    .run = do_clock_step, .moves_clock = true },
    { "clock_set",         "n",     .run = do_clock_set, .moves_clock = true },
    { "irq_intercept_in",  "s",     .run = do_intercept_in },
    { "irq_intercept_out", "s",     .run = do_intercept_out },
    { "set_irq_in",        "ssnn",  .run = do_set_irq_in },
    { "module_load",       "ss",    .run = do_module_load },
};
// clang-format on

/* ---- Lines ---- */

/* Takes the next word, or NULL. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " "), *end = word + strcspn(word, " ");

    *at = end + (*end == ' ');
    *end = 0;
    return *word ? word : NULL;
}

/* 0x..., 0..., or decimal, as in C. */
static bool number(const char *text, uint64_t *n)
{
    char *end;

    if (!g_ascii_isdigit(*text))
        return false;
    errno = 0;
    *n = strtoull(text, &end, 0);
    return !*end && !errno;
}

static bool take_args(struct qtest_port *q, const char *kinds, char *line, struct arg a[ARGS])
{
    bool optional = false;
    unsigned n = 0;

    for (; *kinds; kinds++) {
        if (*kinds == '?') {
            optional = true;
            continue;
        }
        a[n].text = next_word(&line);
        if (!a[n].text && !optional) {
            say(q, "ERR an argument is missing");
            return false;
        }
        if (a[n].text && *kinds == 'n' && !number(a[n].text, &a[n].n)) {
            say(q, "ERR invalid number");
            return false;
        }
        n++;
    }
    if (next_word(&line)) {
        say(q, "ERR too many arguments");
        return false;
    }
    return true;
}

static const struct command *find(const struct qtest_port *q, const char *name)
{
    bool manual = q->m->accel->ops == &accel_qtest;

    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++)
        if (!strcmp(commands[i].name, name) && (manual || !commands[i].moves_clock))
            return &commands[i];
    return NULL;
}

void qtest_command(struct qtest_port *q, char *line)
{
    const char *name = next_word(&line);
    const struct command *command = find(q, name ? name : "");
    struct arg args[ARGS] = { { 0 } };

    if (!command)
        say(q, "FAIL Unknown command '%.64s'", name ? name : "");
    else if (take_args(q, command->args, line, args))
        command->run(q, args, command->size);
}
