/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * expr - numbers as HMP's commands take them: "0x10", "4*(2+1)", "$eax & 0xff".
 *
 *     sum:     logic [+|- logic]...
 *     logic:   product [&|'|'|^ product]...
 *     product: unary [*|/|% unary]...
 *     unary:   [+|-|~] unary, ( sum ), 'c', $register, number
 */

#include "monitor/expr.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

#include "cpu/accel.h"
#include "cpu/state.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/line.h"

#define DEEPEST 64

struct expr {
    struct machine *m;
    int cpu;
    const char *at;
    char *error;
    unsigned depth;
};

static int64_t sum(struct expr *e);

static void blanks(struct expr *e)
{
    e->at += strspn(e->at, " \t");
}

static int64_t fail(struct expr *e, const char *fmt, ...)
{
    va_list ap;

    if (e->error)
        return 0;
    va_start(ap, fmt);
    e->error = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    return 0;
}

static bool takes(struct expr *e, char c)
{
    if (*e->at != c)
        return false;
    e->at++;
    blanks(e);
    return true;
}

static int64_t reg(struct expr *e)
{
    size_t len = strspn(e->at, "abcdefghijklmnopqrstuvwxyz0123456789.");
    char *name = g_strndup(e->at, len);
    uint64_t value = 0;

    if (!expr_register(e->m, e->cpu, name, &value))
        fail(e, "there is no register '%s'", name);
    e->at += len;
    g_free(name);
    return value;
}

static int64_t character(struct expr *e)
{
    unsigned char c = *e->at;

    if (!c || e->at[1] != '\'')
        return fail(e, "a character is one between two apostrophes");
    e->at += 2;
    return c;
}

static int64_t number(struct expr *e)
{
    char *end;
    uint64_t value;

    if (!g_ascii_isdigit(*e->at))
        return *e->at ? fail(e, "'%s' is no number", e->at) : fail(e, "a number is missing");
    errno = 0;
    value = strtoull(e->at, &end, 0);
    if (errno)
        return fail(e, "the number is too large");
    e->at = end;
    return value;
}

static int64_t value_of(struct expr *e)
{
    int64_t v;

    if (e->depth == DEEPEST)
        return fail(e, "the expression is nested too deep");
    e->depth++;
    if (takes(e, '+')) {
        v = value_of(e);
    } else if (takes(e, '-')) {
        v = -(uint64_t)value_of(e);
    } else if (takes(e, '~')) {
        v = ~value_of(e);
    } else if (takes(e, '(')) {
        v = sum(e);
        if (!takes(e, ')'))
            fail(e, "')' is missing");
    } else if (*e->at == '\'') {
        e->at++;
        v = character(e);
    } else if (*e->at == '$') {
        e->at++;
        v = reg(e);
    } else {
        v = number(e);
    }
    e->depth--;
    blanks(e);
    return v;
}

static int64_t divide(struct expr *e, int64_t a, int64_t b, bool rest)
{
    if (!b)
        return fail(e, "division by zero");
    if (b == -1)
        return rest ? 0 : -(uint64_t)a;
    return rest ? a % b : a / b;
}

/* "16 /tmp/file": the next argument begins with a slash. */
static bool is_path(const struct expr *e)
{
    return *e->at == '/' && e->at[-1] == ' ' && e->at[1] && !strchr(" 0123456789($'+-~", e->at[1]);
}

static int64_t product(struct expr *e)
{
    int64_t v = value_of(e);

    while (!e->error) {
        if (takes(e, '*'))
            v = (uint64_t)v * value_of(e);
        else if (!is_path(e) && takes(e, '/'))
            v = divide(e, v, value_of(e), false);
        else if (takes(e, '%'))
            v = divide(e, v, value_of(e), true);
        else
            break;
    }
    return v;
}

static int64_t logic(struct expr *e)
{
    int64_t v = product(e);

    while (!e->error) {
        if (takes(e, '&'))
            v &= product(e);
        else if (takes(e, '|'))
            v |= product(e);
        else if (takes(e, '^'))
            v ^= product(e);
        else
            break;
    }
    return v;
}

static int64_t sum(struct expr *e)
{
    int64_t v = logic(e);

    while (!e->error) {
        if (takes(e, '+'))
            v = (uint64_t)v + logic(e);
        else if (takes(e, '-'))
            v = (uint64_t)v - logic(e);
        else
            break;
    }
    return v;
}

char *expr_read(struct machine *m, int cpu, const char **at, int64_t *value)
{
    struct expr e = { .m = m, .cpu = cpu, .at = *at };

    blanks(&e);
    *value = sum(&e);
    *at = e.at;
    return e.error;
}

/* ---- Registers ---- */

#define STATE(field) offsetof(struct tenon_x86_state, field)

// clang-format off
static const struct {
    const char *names;
    size_t offset;
    unsigned bytes;
} registers[] = {
    { "rax", STATE(r[0]), 8 }, { "rcx", STATE(r[1]), 8 }, { "rdx", STATE(r[2]), 8 },
    { "rbx", STATE(r[3]), 8 }, { "rsp|sp", STATE(r[4]), 8 }, { "rbp|fp", STATE(r[5]), 8 },
    { "rsi", STATE(r[6]), 8 }, { "rdi", STATE(r[7]), 8 }, { "r8", STATE(r[8]), 8 },
    { "r9", STATE(r[9]), 8 }, { "r10", STATE(r[10]), 8 }, { "r11", STATE(r[11]), 8 },
    { "r12", STATE(r[12]), 8 }, { "r13", STATE(r[13]), 8 }, { "r14", STATE(r[14]), 8 },
    { "r15", STATE(r[15]), 8 }, { "eax", STATE(r[0]), 4 }, { "ecx", STATE(r[1]), 4 },
    { "edx", STATE(r[2]), 4 }, { "ebx", STATE(r[3]), 4 }, { "esp", STATE(r[4]), 4 },
    { "ebp", STATE(r[5]), 4 }, { "esi", STATE(r[6]), 4 }, { "edi", STATE(r[7]), 4 },
    { "rip", STATE(rip), 8 }, { "eip", STATE(rip), 4 }, { "eflags|rflags", STATE(rflags), 4 },
    { "es", STATE(seg[0].selector), 2 }, { "cs", STATE(seg[1].selector), 2 },
    { "ss", STATE(seg[2].selector), 2 }, { "ds", STATE(seg[3].selector), 2 },
    { "fs", STATE(seg[4].selector), 2 }, { "gs", STATE(seg[5].selector), 2 },
    { "es.base", STATE(seg[0].base), 8 }, { "cs.base", STATE(seg[1].base), 8 },
    { "ss.base", STATE(seg[2].base), 8 }, { "ds.base", STATE(seg[3].base), 8 },
    { "fs.base", STATE(seg[4].base), 8 }, { "gs.base", STATE(seg[5].base), 8 },
    { "es.limit", STATE(seg[0].limit), 4 }, { "cs.limit", STATE(seg[1].limit), 4 },
    { "ss.limit", STATE(seg[2].limit), 4 }, { "ds.limit", STATE(seg[3].limit), 4 },
    { "fs.limit", STATE(seg[4].limit), 4 }, { "gs.limit", STATE(seg[5].limit), 4 },
    { "cr0", STATE(cr0), 8 }, { "cr2", STATE(cr2), 8 }, { "cr3", STATE(cr3), 8 },
    { "cr4", STATE(cr4), 8 }, { "cr8", STATE(cr8), 8 }, { "efer", STATE(efer), 8 },
};
// clang-format on

static bool has_name(const char *names, const char *name)
{
    const char *word;
    size_t len;

    while (name_next(&names, &word, &len))
        if (len == strlen(name) && !memcmp(word, name, len))
            return true;
    return false;
}

static bool find(const struct tenon_x86_state *s, const char *name, uint64_t *value)
{
    *value = 0;
    if (!strcmp(name, "pc")) {
        *value = state_linear_rip(s);
        return true;
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++)
        if (has_name(registers[i].names, name)) {
            memcpy(value, (const char *)s + registers[i].offset, registers[i].bytes);
            return true;
        }
    return false;
}

bool expr_register(struct machine *m, int cpu, const char *name, uint64_t *value)
{
    struct tenon_x86_state *s;
    bool held, found;

    if (!m->cpus || (unsigned)cpu >= m->info.cpus || !m->accel->ops->vcpu_get)
        return false;
    s = g_aligned_alloc0(1, sizeof(*s), 64);
    held = guest_hold(m);
    found = !m->accel->ops->vcpu_get(&m->cpus[cpu], s) && find(s, name, value);
    guest_release(m, held);
    g_aligned_free(s);
    return found;
}
