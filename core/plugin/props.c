/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* props - properties: from the text of an option to a field of the state, and the lines about them.
 */

#include "plugin/inner.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <glib.h>

#include "options/options.h"
#include "report.h"

/* ---- Tables ---- */

const struct tenon_prop *type_prop(const struct type *type, const char *name)
{
    for (unsigned i = 0; i < type->n_props; i++)
        if (!strcmp(type->props[i].name, name))
            return &type->props[i];
    return NULL;
}

void plugins_add_common(struct plugins *p, const char *ops_id, const struct tenon_prop *props,
                        unsigned n)
{
    struct common *common = g_new(struct common, 1);

    *common = (struct common){ .ops_id = ops_id, .props = props, .n = n, .next = p->commons };
    p->commons = common;
}

/* A name_at_fn for a type's own properties and its bus's. */
static const char *key_at(const void *arg, unsigned i)
{
    const struct type *type = arg;

    return i < type->n_props ? type->props[i].name : type->common[i - type->n_props].name;
}

void prop_unknown(const struct type *type, const char *key, const char *where)
{
    const char *near = nearest_name(key, type, type->n_props + type->n_common, key_at);

    if (near)
        report(where, "%s has no property '%s' (did you mean '%s'?)", type->t.name, key, near);
    else
        report(where, "%s has no property '%s'", type->t.name, key);
}

/* ---- Values ---- */

static void *field(const struct tenon_prop *prop, void *state)
{
    return (char *)state + prop->offset;
}

static void store(const struct tenon_prop *prop, void *state, uint64_t value)
{
    const uint8_t u8 = value;
    const uint16_t u16 = value;
    const uint32_t u32 = value;
    const bool truth = value;

    switch (prop->type) {
    case TENON_BOOL: memcpy(field(prop, state), &truth, sizeof(truth)); break;
    case TENON_U8: memcpy(field(prop, state), &u8, sizeof(u8)); break;
    case TENON_U16: memcpy(field(prop, state), &u16, sizeof(u16)); break;
    case TENON_U32:
    case TENON_ENUM: memcpy(field(prop, state), &u32, sizeof(u32)); break;
    default: memcpy(field(prop, state), &value, sizeof(value)); break;
    }
}

void prop_set_pointer(const struct tenon_prop *prop, void *state, void *value)
{
    memcpy(field(prop, state), &value, sizeof(value));
}

uint64_t prop_number(const struct tenon_prop *prop, const void *state)
{
    const char *at = (const char *)state + prop->offset;
    uint64_t value = 0;

    memcpy(&value, at, prop_bytes(prop->type)); /* little-endian hosts */
    return value;
}

const void *prop_pointer(const struct tenon_prop *prop, const void *state)
{
    const void *value;

    memcpy(&value, (const char *)state + prop->offset, sizeof(value));
    return value;
}

/* Digits in base 10, 16 (after 0x) or 8 (after 0). */
static int parse_unsigned(const char *text, uint64_t *value)
{
    char *end;

    if (!g_ascii_isdigit(*text))
        return -EINVAL;
    errno = 0;
    *value = g_ascii_strtoull(text, &end, 0);
    return errno || *end ? -EINVAL : 0;
}

/* What the property takes: "a number from 1 to 16"; to be freed. */
static char *prop_takes(const struct tenon_prop *prop)
{
    const char *what = prop->type == TENON_SIZE ? "a size, such as 64K or 1.5G," : "a number";
    char *list, *text;

    switch (prop->type) {
    case TENON_BOOL: return g_strdup("on or off");
    case TENON_ENUM:
        list = g_strjoinv(", ", (char **)prop->names);
        text = g_strdup_printf("one of %s", list);
        g_free(list);
        return text;
    default:
        return g_strdup_printf("%s from %" PRIu64 " to %" PRIu64, what, prop->min, prop_max(prop));
    }
}

static int parse_enum(const struct tenon_prop *prop, const char *text, uint64_t *value)
{
    for (uint64_t i = 0; prop->names[i]; i++)
        if (!strcmp(prop->names[i], text)) {
            *value = i;
            return 0;
        }
    return -EINVAL;
}

static int parse_value(const struct tenon_prop *prop, const char *text, uint64_t *value)
{
    bool on;
    int err;

    switch (prop->type) {
    case TENON_BOOL:
        err = parse_bool(text, &on);
        *value = !err && on;
        return err;
    case TENON_ENUM: return parse_enum(prop, text, value);
    case TENON_SIZE: err = parse_size(text, value); break;
    default: err = parse_unsigned(text, value); break;
    }
    return !err && (*value < prop->min || *value > prop_max(prop)) ? -ERANGE : err;
}

bool prop_set(const struct type *type, const struct tenon_prop *prop, void *state, const char *text,
              const char *where)
{
    uint64_t value = 0;
    char *old, *takes;

    g_assert(prop->type != TENON_CHARDEV);
    if (prop->type == TENON_STR) {
        memcpy(&old, field(prop, state), sizeof(old));
        g_free(old);
        prop_set_pointer(prop, state, g_strdup(text));
        return true;
    }
    if (parse_value(prop, text, &value) == 0) {
        store(prop, state, value);
        return true;
    }
    takes = prop_takes(prop);
    report(where, "%s takes %s, not '%s'", prop->name, takes, text);
    g_free(takes);
    return false;
}

void prop_init(const struct tenon_prop *prop, void *state)
{
    if (prop->type == TENON_STR)
        prop_set_pointer(prop, state, g_strdup(prop->initial_str));
    else if (prop->type == TENON_CHARDEV)
        prop_set_pointer(prop, state, NULL);
    else
        store(prop, state, prop->initial);
}

void props_init(const struct type *type, void *state)
{
    for (unsigned i = 0; i < type->n_props; i++)
        prop_init(&type->props[i], state);
}

void props_finish(const struct type *type, void *state)
{
    for (unsigned i = 0; i < type->n_props; i++) {
        char *text;

        if (type->props[i].type != TENON_STR)
            continue;
        memcpy(&text, field(&type->props[i], state), sizeof(text));
        g_free(text);
        prop_set_pointer(&type->props[i], state, NULL);
    }
}
