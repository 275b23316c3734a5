/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * smbios - the System Management BIOS structures of a virtual PC.
 *
 * After DMTF DSP0134, System Management BIOS Reference Specification 2.8 and 3.0.
 */
#include "smbios.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    BIOS = 0,
    SYSTEM = 1,
    BOARD = 2,
    CHASSIS = 3,
    PROCESSOR = 4,
    OEM_STRINGS = 11,
    MEMORY_ARRAY = 16,
    MEMORY_DEVICE = 17,
    MAPPED_ADDRESS = 19,
    BOOT_STATUS = 32,
    END = 127,
};
enum {
    MAX_FORMATTED = 64,
    MAX_STRINGS = 32,
    MAX_TABLES = 65535,
    MAX_FILE = 65535,
    MAX_OEM_FILE = 32768
};
enum { STRING, NUMBER16, OTHER };

#define DIMM_BYTES (16ull << 30)

/* What -smbios may say of each type, where that goes, and what it is otherwise. */
static const struct field {
    uint8_t type, offset, kind;
    const char *key, *initial;
} fields[] = {
    { BIOS, 0x04, STRING, "vendor", "Tenon" },
    { BIOS, 0x05, STRING, "version", "0" },
    { BIOS, 0x08, STRING, "date", "04/01/2014" },
    { BIOS, 0, OTHER, "release", NULL },
    { BIOS, 0, OTHER, "uefi", NULL },
    { SYSTEM, 0x04, STRING, "manufacturer", "Tenon" },
    { SYSTEM, 0x05, STRING, "product", "Standard PC (i440FX + PIIX, 1996)" },
    { SYSTEM, 0x06, STRING, "version", "" }, /* the machine */
    { SYSTEM, 0x07, STRING, "serial", NULL },
    { SYSTEM, 0, OTHER, "uuid", NULL },
    { SYSTEM, 0x19, STRING, "sku", NULL },
    { SYSTEM, 0x1a, STRING, "family", NULL },
    { BOARD, 0x04, STRING, "manufacturer", "Tenon" },
    { BOARD, 0x05, STRING, "product", "Standard PC (i440FX + PIIX, 1996)" },
    { BOARD, 0x06, STRING, "version", "" },
    { BOARD, 0x07, STRING, "serial", NULL },
    { BOARD, 0x08, STRING, "asset", NULL },
    { BOARD, 0x0a, STRING, "location", NULL },
    { CHASSIS, 0x04, STRING, "manufacturer", "Tenon" },
    { CHASSIS, 0x06, STRING, "version", "" },
    { CHASSIS, 0x07, STRING, "serial", NULL },
    { CHASSIS, 0x08, STRING, "asset", NULL },
    { CHASSIS, 0x15, STRING, "sku", NULL },
    { PROCESSOR, 0, OTHER, "sock_pfx", "CPU" },
    { PROCESSOR, 0x07, STRING, "manufacturer", "Tenon" },
    { PROCESSOR, 0x10, STRING, "version", "" },
    { PROCESSOR, 0x14, NUMBER16, "max-speed", "2000" },
    { PROCESSOR, 0x16, NUMBER16, "current-speed", "2000" },
    { PROCESSOR, 0x20, STRING, "serial", NULL },
    { PROCESSOR, 0x21, STRING, "asset", NULL },
    { PROCESSOR, 0x22, STRING, "part", NULL },
    { OEM_STRINGS, 0, OTHER, "value", NULL },
    { OEM_STRINGS, 0, OTHER, "path", NULL },
    { MEMORY_DEVICE, 0, OTHER, "loc_pfx", "DIMM" },
    { MEMORY_DEVICE, 0x11, STRING, "bank", NULL },
    { MEMORY_DEVICE, 0x15, NUMBER16, "speed", NULL },
    { MEMORY_DEVICE, 0x17, STRING, "manufacturer", "Tenon" },
    { MEMORY_DEVICE, 0x18, STRING, "serial", NULL },
    { MEMORY_DEVICE, 0x19, STRING, "asset", NULL },
    { MEMORY_DEVICE, 0x1a, STRING, "part", NULL },
};
enum { N_FIELDS = sizeof(fields) / sizeof(fields[0]) };

/* A structure being made: its formatted part, and the strings behind it. */
struct structure {
    uint8_t bytes[MAX_FORMATTED];
    size_t len;
    const char *strings[MAX_STRINGS];
    unsigned n_strings;
};

struct builder {
    struct smbios *out;
    const struct smbios_config *config;
    unsigned count, longest;
    bool given[128];          /* types that a file has brought */
    char *texts[MAX_STRINGS]; /* of OEM strings, from files */
    unsigned n_texts;
    int err;
};

static void put(uint8_t *p, unsigned bytes, uint64_t value)
{
    for (; bytes--; value >>= 8)
        *p++ = value;
}

static void fail(struct builder *b, int err, const char *fmt, ...)
{
    va_list ap;

    if (b->err)
        return;
    va_start(ap, fmt);
    vsnprintf(b->out->why, sizeof(b->out->why), fmt, ap);
    va_end(ap);
    b->err = err;
}

/* ---- What the user says ---- */

static const char *option(struct builder *b, unsigned index, const char *key)
{
    return b->config->option(b->config->arg, index, key);
}

static const char *option_n(struct builder *b, unsigned index, const char *key, unsigned n)
{
    return b->config->option_n(b->config->arg, index, key, n);
}

/* The last thing said of key in a -smbios type=TYPE; NULL if nothing is. */
static const char *said(struct builder *b, unsigned type, const char *key)
{
    const char *found = NULL;

    for (unsigned i = 0; option(b, i, NULL); i++) {
        const char *of = option(b, i, "type"), *value = option(b, i, key);

        if (of && value && strtoul(of, NULL, 0) == type)
            found = value;
    }
    return found;
}

static const char *field_value(struct builder *b, const struct field *f)
{
    const char *value = said(b, f->type, f->key);

    if (value)
        return value;
    return f->initial && !*f->initial ? b->config->machine : f->initial;
}

static bool has_type(struct builder *b, unsigned type)
{
    for (unsigned i = 0; option(b, i, NULL); i++) {
        const char *of = option(b, i, "type");

        if (of && strtoul(of, NULL, 0) == type)
            return true;
    }
    return false;
}

/* Every key must be one of the type it is given for. */
static void check_options(struct builder *b)
{
    for (unsigned i = 0; option(b, i, NULL); i++) {
        const char *of = option(b, i, "type");
        unsigned long type = of ? strtoul(of, NULL, 0) : 0;
        bool known = false;

        if (!of && !option(b, i, "file"))
            fail(b, -EINVAL, "-smbios: says neither type= nor file=");
        for (unsigned f = 0; f < N_FIELDS; f++)
            known |= fields[f].type == type;
        if (of && !known)
            fail(b, -EINVAL, "-smbios: type=%s is not in this build: 0, 1, 2, 3, 4, 11 and 17 are",
                 of);
        for (unsigned f = 0; f < N_FIELDS && !b->err; f++) {
            bool fits = !option(b, i, fields[f].key);

            for (unsigned g = 0; g < N_FIELDS && of; g++)
                fits |= fields[g].type == type && !strcmp(fields[g].key, fields[f].key);
            if (!fits)
                fail(b, -EINVAL, "-smbios: %s= does not belong to type=%s", fields[f].key,
                     of ? of : "?");
        }
    }
}

/* ---- Structures ---- */

static void append(struct builder *b, const void *data, size_t len)
{
    struct smbios *s = b->out;
    uint8_t *tables;

    if (b->err)
        return;
    tables = s->len + len > MAX_TABLES ? NULL : realloc(s->tables, s->len + len);
    if (!tables) {
        fail(b, -E2BIG, "-smbios: the structures take more than 64 KiB");
        return;
    }
    memcpy(tables + s->len, data, len);
    s->tables = tables;
    s->len += len;
}

static struct structure begin(uint8_t type, uint8_t len, uint16_t handle)
{
    struct structure t = { .bytes = { type, len, handle & 0xff, handle >> 8 }, .len = len };

    return t;
}

static void set_string(struct structure *t, unsigned offset, const char *text)
{
    if (!text || !*text || t->n_strings == MAX_STRINGS)
        return;
    t->strings[t->n_strings++] = text;
    t->bytes[offset] = t->n_strings;
}

static void set_fields(struct builder *b, struct structure *t)
{
    for (const struct field *f = fields; f < fields + N_FIELDS; f++) {
        const char *value = f->type == t->bytes[0] && f->kind != OTHER ? field_value(b, f) : NULL;

        if (value && f->kind == STRING)
            set_string(t, f->offset, value);
        else if (value)
            put(t->bytes + f->offset, 2, strtoul(value, NULL, 0));
    }
}

static void end(struct builder *b, const struct structure *t)
{
    size_t before = b->out->len;

    append(b, t->bytes, t->len);
    for (unsigned i = 0; i < t->n_strings; i++)
        append(b, t->strings[i], strlen(t->strings[i]) + 1);
    append(b, "\0", t->n_strings ? 1 : 2);
    b->count++;
    if (b->longest < b->out->len - before)
        b->longest = b->out->len - before;
}

static void make_bios(struct builder *b)
{
    struct structure t = begin(BIOS, 24, 0x0000);
    const char *release = said(b, BIOS, "release"), *uefi = said(b, BIOS, "uefi");
    unsigned major = 0xff, minor = 0xff;

    if (!b->config->bios && !has_type(b, BIOS))
        return;
    if (release && (sscanf(release, "%u.%u", &major, &minor) != 2 || major > 255 || minor > 255))
        fail(b, -EINVAL, "-smbios: release=%s is not MAJOR.MINOR, each up to 255", release);
    set_fields(b, &t);
    put(t.bytes + 0x06, 2, 0xe800);
    put(t.bytes + 0x0a, 8, 1 << 3);                                      /* no characteristics */
    t.bytes[0x13] = 1 << 4 | (uefi && !strcmp(uefi, "on") ? 1 << 3 : 0); /* a virtual machine */
    t.bytes[0x14] = major;
    t.bytes[0x15] = minor;
    t.bytes[0x16] = t.bytes[0x17] = 0xff;
    end(b, &t);
}

/* 16 bytes from 8-4-4-4-12 digits. */
static bool parse_uuid(const char *text, uint8_t *uuid)
{
    unsigned n = 0;

    for (; *text && n < 32; text++) {
        const char *digits = "0123456789abcdef0123456789ABCDEF", *at;

        if (*text == '-')
            continue;
        at = strchr(digits, *text);
        if (!at)
            return false;
        uuid[n / 2] = uuid[n / 2] << 4 | ((at - digits) & 15);
        n++;
    }
    return n == 32 && !*text;
}

static void make_system(struct builder *b)
{
    struct structure t = begin(SYSTEM, 27, 0x0100);
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
    const char *text = said(b, SYSTEM, "uuid");
    const uint8_t *uuid = b->config->uuid;
    uint8_t own[16] = { 0 };

    if (text) {
        uuid = own;
        if (!parse_uuid(text, own))
            fail(b, -EINVAL, "-smbios: uuid=%s is not 8-4-4-4-12 hexadecimal digits", text);
    }
    set_fields(b, &t);
    for (unsigned i = 0; i < 16 && uuid; i++)
        t.bytes[0x08 + i] = uuid[order[i]]; /* the first three fields are little-endian */
    t.bytes[0x18] = 6;                      /* woken by the power switch */
    end(b, &t);
}

static void make_board(struct builder *b)
{
    struct structure t = begin(BOARD, 15, 0x0200);

    if (!has_type(b, BOARD))
        return;
    set_fields(b, &t);
    t.bytes[0x09] = 1; /* hosts the processor */
    put(t.bytes + 0x0b, 2, 0x0300);
    t.bytes[0x0d] = 0x0a; /* a motherboard */
    end(b, &t);
}

static void make_chassis(struct builder *b)
{
    struct structure t = begin(CHASSIS, 22, 0x0300);

    set_fields(b, &t);
    t.bytes[0x05] = 1;            /* of another kind */
    memset(t.bytes + 0x09, 3, 3); /* boot-up, power, thermal state: safe */
    t.bytes[0x0c] = 2;            /* security unknown */
    end(b, &t);
}

static void make_processor(struct builder *b, unsigned socket)
{
    struct structure t = begin(PROCESSOR, 42, 0x0400 + socket);
    unsigned cores = b->config->cores, threads = cores * b->config->threads;
    const char *prefix = said(b, PROCESSOR, "sock_pfx");
    char name[80];

    snprintf(name, sizeof(name), "%s %u", prefix ? prefix : "CPU", socket);
    set_string(&t, 0x04, name);
    set_fields(b, &t);
    t.bytes[0x05] = 3; /* a central processor */
    t.bytes[0x06] = 1; /* of another family */
    put(t.bytes + 0x08, 4, b->config->cpu_signature);
    put(t.bytes + 0x0c, 4, b->config->cpu_features);
    t.bytes[0x18] = 0x41; /* there, enabled */
    t.bytes[0x19] = 1;
    memset(t.bytes + 0x1a, 0xff, 6); /* no cache structures */
    t.bytes[0x23] = t.bytes[0x24] = cores > 255 ? 255 : cores;
    t.bytes[0x25] = threads > 255 ? 255 : threads;
    put(t.bytes + 0x26, 2, 1 << 1); /* nothing known of it */
    put(t.bytes + 0x28, 2, 1);
    end(b, &t);
}

static void add_oem_string(struct builder *b, struct structure *t, const char *value)
{
    if (t->n_strings == MAX_STRINGS || !*value)
        fail(b, -EINVAL, "-smbios: type=11 takes up to %u values, none of them empty", MAX_STRINGS);
    set_string(t, 0x04, value);
}

/* A string may come from a file; the builder keeps its text. */
static void add_oem_file(struct builder *b, struct structure *t, const char *path)
{
    char *text = calloc(1, MAX_OEM_FILE + 1);
    FILE *f = text ? fopen(path, "rb") : NULL;
    size_t len = f ? fread(text, 1, MAX_OEM_FILE + 1, f) : 0;

    if (!f || ferror(f))
        fail(b, -errno, "-smbios: path=%s: %s", path, strerror(errno));
    else if (len > MAX_OEM_FILE || strnlen(text, len) < len)
        fail(b, -EINVAL, "-smbios: path=%s holds more than %u bytes, or zero bytes", path,
             MAX_OEM_FILE);
    else
        add_oem_string(b, t, text);
    if (f)
        fclose(f);
    if (b->err)
        free(text);
    else
        b->texts[b->n_texts++] = text;
}

static void make_oem_strings(struct builder *b)
{
    struct structure t = begin(OEM_STRINGS, 5, 0x0e00);

    for (unsigned i = 0; option(b, i, NULL); i++) {
        const char *type = option(b, i, "type"), *value;

        if (!type || strtoul(type, NULL, 0) != OEM_STRINGS)
            continue;
        for (unsigned n = 0; !b->err && (value = option_n(b, i, "value", n)); n++)
            add_oem_string(b, &t, value);
        for (unsigned n = 0; !b->err && (value = option_n(b, i, "path", n)); n++)
            add_oem_file(b, &t, value);
    }
    if (t.n_strings)
        end(b, &t);
}

static unsigned n_dimms(const struct builder *b)
{
    return (b->config->ram_bytes + DIMM_BYTES - 1) / DIMM_BYTES;
}

static void make_array(struct builder *b)
{
    struct structure t = begin(MEMORY_ARRAY, 23, 0x1000);
    uint64_t kib = b->config->ram_bytes >> 10;

    t.bytes[0x04] = 1; /* elsewhere */
    t.bytes[0x05] = 3; /* system memory */
    t.bytes[0x06] = 6; /* multi-bit ECC */
    put(t.bytes + 0x07, 4, kib < 0x80000000 ? kib : 0x80000000);
    put(t.bytes + 0x0b, 2, 0xfffe);
    put(t.bytes + 0x0d, 2, n_dimms(b));
    put(t.bytes + 0x0f, 8, kib < 0x80000000 ? 0 : b->config->ram_bytes);
    end(b, &t);
}

static void make_dimm(struct builder *b, unsigned n)
{
    struct structure t = begin(MEMORY_DEVICE, 40, 0x1100 + n);
    uint64_t left = b->config->ram_bytes - n * DIMM_BYTES;
    uint64_t mib = (left < DIMM_BYTES ? left : DIMM_BYTES) >> 20;
    const char *prefix = said(b, MEMORY_DEVICE, "loc_pfx");
    char name[80];

    snprintf(name, sizeof(name), "%s %u", prefix ? prefix : "DIMM", n);
    set_string(&t, 0x10, name);
    set_fields(b, &t);
    put(t.bytes + 0x04, 2, 0x1000);
    put(t.bytes + 0x06, 2, 0xfffe);
    memset(t.bytes + 0x08, 0xff, 4); /* widths unknown */
    put(t.bytes + 0x0c, 2, mib < 0x7fff ? mib : 0x7fff);
    t.bytes[0x0e] = 9; /* a DIMM */
    t.bytes[0x12] = 7; /* of RAM */
    put(t.bytes + 0x13, 2, 1 << 1);
    put(t.bytes + 0x1c, 4, mib < 0x7fff ? 0 : mib);
    end(b, &t);
}

static void make_mapped(struct builder *b, unsigned n, uint64_t base, uint64_t bytes)
{
    struct structure t = begin(MAPPED_ADDRESS, 31, 0x1300 + n);
    uint64_t last = base + bytes - 1;
    bool wide = last >> 10 >= UINT32_MAX;

    put(t.bytes + 0x04, 4, wide ? UINT32_MAX : base >> 10);
    put(t.bytes + 0x08, 4, wide ? UINT32_MAX : last >> 10);
    put(t.bytes + 0x0c, 2, 0x1000);
    t.bytes[0x0e] = 1;
    put(t.bytes + 0x0f, 8, wide ? base : 0);
    put(t.bytes + 0x17, 8, wide ? last : 0);
    end(b, &t);
}

static void make_memory(struct builder *b)
{
    uint64_t ram = b->config->ram_bytes, low = b->config->below_4g;

    if (!b->given[MEMORY_ARRAY])
        make_array(b);
    for (unsigned n = 0; n < n_dimms(b) && !b->given[MEMORY_DEVICE] && !b->err; n++)
        make_dimm(b, n);
    if (b->given[MAPPED_ADDRESS])
        return;
    make_mapped(b, 0, 0, low < ram ? low : ram);
    if (ram > low)
        make_mapped(b, 1, 1ull << 32, ram - low);
}

/* ---- Files of structures ---- */

/* The length of the structure at p, strings and all; 0: it is cut off. */
static size_t whole(const uint8_t *p, size_t left)
{
    if (left < 4 || p[1] < 4)
        return 0;
    for (size_t at = p[1]; at + 2 <= left; at++) {
        if (!p[at] && !p[at + 1])
            return at + 2;
    }
    return 0;
}

static void take_file(struct builder *b, const char *path)
{
    uint8_t *data = malloc(MAX_FILE + 1);
    FILE *f = data ? fopen(path, "rb") : NULL;
    size_t len = f ? fread(data, 1, MAX_FILE + 1, f) : 0, at = 0, n;

    if (!f)
        fail(b, -errno, "-smbios: file=%s: %s", path, strerror(errno));
    else if (!len || len > MAX_FILE)
        fail(b, -EINVAL, "-smbios: file=%s is empty or larger than 64 KiB", path);
    for (; at < len && !b->err; at += n) {
        n = whole(data + at, len - at);
        if (!n) {
            fail(b, -EINVAL, "-smbios: file=%s: the structure at byte %zu is cut off", path, at);
            break;
        }
        if (data[at] == END)
            continue;
        b->given[data[at] & 127] = true;
        append(b, data + at, n);
        b->count++;
        if (b->longest < n)
            b->longest = n;
    }
    if (f)
        fclose(f);
    free(data);
}

/* ---- All of it ---- */

static void make_all(struct builder *b)
{
    static void (*const makers[])(struct builder *) = {
        [BIOS] = make_bios,
        [SYSTEM] = make_system,
        [BOARD] = make_board,
        [CHASSIS] = make_chassis,
    };
    struct structure boot = begin(BOOT_STATUS, 11, 0x2000), last = begin(END, 4, 0x7f00);

    for (unsigned i = 0; option(b, i, NULL); i++) {
        if (option(b, i, "file"))
            take_file(b, option(b, i, "file"));
    }
    for (unsigned type = BIOS; type <= CHASSIS; type++) {
        if (!b->given[type])
            makers[type](b);
    }
    for (unsigned n = 0; n < b->config->sockets && !b->given[PROCESSOR] && !b->err; n++)
        make_processor(b, n);
    make_oem_strings(b);
    make_memory(b);
    if (!b->given[BOOT_STATUS])
        end(b, &boot);
    end(b, &last);
}

static uint8_t checksum(const uint8_t *p, size_t len)
{
    uint8_t sum = 0;

    while (len--)
        sum += *p++;
    return -sum;
}

void smbios_place(struct smbios *s, uint64_t addr)
{
    uint8_t *a = s->anchor;

    if (s->anchor_len == 24) {
        put(a + 16, 8, addr);
        a[5] = 0;
        a[5] = checksum(a, 24);
        return;
    }
    put(a + 24, 4, addr);
    a[21] = a[4] = 0;
    a[21] = checksum(a + 16, 15);
    a[4] = checksum(a, 31);
}

static void make_anchor(struct smbios *s, const struct builder *b)
{
    uint8_t *a = s->anchor;

    if (b->config->v3) {
        s->anchor_len = 24;
        memcpy(a, "_SM3_\0\30\3\0\0\1", 11);
        put(a + 12, 4, s->len);
    } else {
        s->anchor_len = 31;
        memcpy(a, "_SM_\0\37\2\10", 8);
        put(a + 8, 2, b->longest);
        memcpy(a + 16, "_DMI_", 5);
        put(a + 22, 2, s->len);
        put(a + 28, 2, b->count);
        a[30] = 0x28;
    }
    smbios_place(s, 0);
}

int smbios_init(struct smbios *s, const struct smbios_config *config)
{
    struct builder b = { .out = s, .config = config };

    *s = (struct smbios){ 0 };
    check_options(&b);
    if (!b.err)
        make_all(&b);
    if (!b.err)
        make_anchor(s, &b);
    while (b.n_texts)
        free(b.texts[--b.n_texts]);
    return b.err;
}

void smbios_finish(struct smbios *s)
{
    free(s->tables);
    s->tables = NULL;
}
