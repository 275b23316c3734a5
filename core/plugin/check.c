/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* check - is a type's description of itself one that this program can work with? */

#include "plugin/inner.h"

#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "debug/trace.h"

/* No device is near these; beyond them a table is garbage. */
#define MAX_STATE (64u << 20)
#define MAX_COUNT 4096u

static char *faulty(const char *what, const char *name, const char *fmt, ...) G_GNUC_PRINTF(3, 4);

/* "property 'delay' does not fit its field" */
static char *faulty(const char *what, const char *name, const char *fmt, ...)
{
    char *text, *line;
    va_list ap;

    va_start(ap, fmt);
    text = g_strdup_vprintf(fmt, ap);
    va_end(ap);
    line = g_strdup_printf("%s '%s' %s", what, name, text);
    g_free(text);
    return line;
}

/* Behind the handle and inside the state? */
static bool in_state(const struct type *type, uint64_t offset, uint64_t bytes)
{
    return offset >= sizeof(struct tenon_dev *) && offset + bytes <= type->t.state_size;
}

/* ---- Properties ---- */

unsigned prop_bytes(uint32_t type)
{
    switch (type) {
    case TENON_BOOL: return sizeof(bool);
    case TENON_U8: return 1;
    case TENON_U16: return 2;
    case TENON_U32:
    case TENON_ENUM: return 4;
    case TENON_U64:
    case TENON_SIZE: return 8;
    case TENON_STR:
    case TENON_CHARDEV: return sizeof(void *);
    default: return 0;
    }
}

bool prop_is_number(const struct tenon_prop *p)
{
    return (p->type >= TENON_U8 && p->type <= TENON_SIZE);
}

/* The largest number that the field holds. */
static uint64_t field_max(const struct tenon_prop *p)
{
    return p->bytes < 8 ? (UINT64_C(1) << 8 * p->bytes) - 1 : UINT64_MAX;
}

uint64_t prop_max(const struct tenon_prop *p)
{
    return p->max ? p->max : field_max(p);
}

static char *check_prop(const struct type *type, const void *item)
{
    const struct tenon_prop *p = item;
    uint64_t names = 0;

    if (!prop_bytes(p->type))
        return faulty("property", p->name, "is of an unknown type, %" PRIu32, p->type);
    if (p->bytes != prop_bytes(p->type))
        return faulty("property", p->name, "has a field of %" PRIu32 " bytes, its type has %u",
                      p->bytes, prop_bytes(p->type));
    if (!in_state(type, p->offset, p->bytes))
        return faulty("property", p->name, "lies outside the state");
    if (p->type == TENON_BOOL && p->initial > 1)
        return faulty("property", p->name, "is neither true nor false by default");
    if (prop_is_number(p) && (p->max > field_max(p) || p->min > prop_max(p)))
        return faulty("property", p->name, "has an impossible range");
    if (prop_is_number(p) && p->initial > field_max(p))
        return faulty("property", p->name, "has a default that does not fit its type");
    if (p->type == TENON_ENUM) {
        while (p->names && names <= MAX_COUNT && p->names[names])
            names++;
        if (!names || names > MAX_COUNT || p->initial >= names)
            return faulty("property", p->name, "has no name for its default");
    }
    return NULL;
}

/* ---- What else is declared ---- */

static char *check_reg(const struct type *type, const void *item)
{
    const struct tenon_reg *r = item;

    if (r->bytes != 1 && r->bytes != 2 && r->bytes != 4 && r->bytes != 8)
        return faulty("register", r->name, "is %" PRIu32 " bytes wide: not 1, 2, 4 or 8", r->bytes);
    if (!r->count || !in_state(type, r->offset, (uint64_t)r->bytes * r->count))
        return faulty("register", r->name, "lies outside the state");
    if (r->bytes < 8 && r->reset >> 8 * r->bytes)
        return faulty("register", r->name, "has a reset value wider than itself");
    return NULL;
}

static char *check_timer(const struct type *type, const void *item)
{
    const struct tenon_timer *t = item;

    if (!t->fire)
        return faulty("timer", t->name, "has no fire()");
    if (t->clock != 0 && t->clock != TENON_CLOCK_GUEST && t->clock != TENON_CLOCK_HOST &&
        t->clock != TENON_CLOCK_REAL)
        return faulty("timer", t->name, "is of an unknown clock, %" PRIu32, t->clock);
    return NULL;
}

static bool width_ok(uint32_t width)
{
    return width == 0 || width == 1 || width == 2 || width == 4 || width == 8;
}

static char *check_window(const struct type *type, const void *item)
{
    const struct tenon_window *w = item;
    uint64_t last = w->space == TENON_IO ? 0xffff : UINT64_MAX - 1;
    uint32_t most = w->width_max ? w->width_max : 8;

    if (w->space != TENON_IO && w->space != TENON_MEM)
        return faulty("window", w->name, "is in an unknown space, %" PRIu32, w->space);
    if (!w->read && !w->write)
        return faulty("window", w->name, "has neither read() nor write()");
    if (!width_ok(w->width_min) || !width_ok(w->width_max) || w->width_min > most)
        return faulty("window", w->name, "has impossible access widths");
    if (!w->bytes || w->bytes - 1 > last ||
        (w->base != TENON_UNMAPPED && w->base > last - (w->bytes - 1)))
        return faulty("window", w->name, "does not fit its space");
    return NULL;
}

static char *check_pin(const struct type *type, const void *item)
{
    const struct tenon_pin *p = item;

    if (!p->set || !p->count || p->count > MAX_COUNT)
        return faulty("pin", p->name, p->set ? "has an impossible count" : "has no set()");
    return NULL;
}

static char *check_iface(const struct type *type, const void *item)
{
    const struct tenon_iface *i = item;

    return i->table ? NULL : faulty("interface", i->id, "has no table");
}

static char *check_event(const struct type *type, const void *item)
{
    return trace_check(item);
}

/* ---- Types ---- */

/* One of the arrays: where it is, in our form, and how an element is judged. */
struct list {
    const char *what;
    const void *items;
    unsigned count;
    size_t size;
    char *(*check)(const struct type *type, const void *item);
};

/* The name comes first in every element. */
static const char *name_of(const struct list *list, unsigned i)
{
    return *(const char *const *)((const char *)list->items + i * list->size);
}

static char *check_list(const struct type *type, const struct list *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        const char *name = name_of(list, i);
        char *why;

        if (!name || !*name || strpbrk(name, " \t\n,="))
            return g_strdup_printf("%s %u has no usable name", list->what, i);
        for (unsigned j = 0; j < i; j++)
            if (!strcmp(name, name_of(list, j)))
                return faulty(list->what, name, "is there twice");
        why = list->check(type, (const char *)list->items + i * list->size);
        if (why)
            return why;
    }
    return NULL;
}

/* An ops_id whose ops are more than an option. */
static bool needs_ops(const char *ops_id)
{
    static const char *const ids[] = {
        "tenon.pci/1",
        "tenon.chardev/1",
        "tenon.machine/1",
        "tenon.cpu/1",
        "tenon.virtio-pci/1",
        "tenon.virtio-pci-transitional/1",
        "tenon.virtio-pci-non-transitional/1",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++)
        if (!strcmp(ids[i], ops_id))
            return true;
    return false;
}

#define LIST(what, field, fn)                                                                      \
    {                                                                                              \
        what, type->field, type->n_##field, sizeof(*type->field), fn                               \
    }

char *type_check(const struct type *type)
{
    const struct tenon_type *t = &type->t;
    const struct list lists[] = {
        LIST("property", props, check_prop), LIST("register", regs, check_reg),
        LIST("timer", timers, check_timer),  LIST("window", windows, check_window),
        LIST("pin", pins, check_pin),        LIST("interface", ifaces, check_iface),
        LIST("event", events, check_event),
    };
    char *why = NULL;

    if (t->state_size < sizeof(struct tenon_dev *) || t->state_size > MAX_STATE)
        return g_strdup_printf("a state of %" PRIu32 " bytes is impossible", t->state_size);
    if (!t->ops_id || (needs_ops(t->ops_id) && !t->ops))
        return g_strdup_printf("%s are missing", t->ops_id ? "its ops" : "its ops_id");
    if (t->ops && *(const uint32_t *)t->ops < sizeof(uint32_t))
        return g_strdup("its ops do not say their size");
    if (t->lines > MAX_COUNT)
        return g_strdup_printf("%" PRIu32 " interrupt lines are impossible", t->lines);
    for (unsigned i = 0; i < G_N_ELEMENTS(lists) && !why; i++)
        why = check_list(type, &lists[i]);
    return why;
}
