/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* user - tables of the user's own: -acpitable (ACPI specification 6.4, section 5.2.6). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "../acpi.h"
#include "buf.h"

// clang-format off
enum {
    HEADER_BYTES = 36, SIGNATURE_AT = 0, LENGTH_AT = 4, REVISION_AT = 8, CHECKSUM_AT = 9,
    OEM_ID_AT = 10, OEM_TABLE_ID_AT = 16, OEM_REVISION_AT = 24, CREATOR_AT = 28,
    CREATOR_REVISION_AT = 32,
    MOST_BYTES = 16 << 20,
};
// clang-format on

struct reader {
    struct buf table;
    char *why;
    size_t room;
};

static int __attribute__((format(printf, 3, 4)))
fail(struct reader *r, int err, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->why, r->room, fmt, ap);
    va_end(ap);
    return err;
}

static int read_file(struct reader *r, const char *path)
{
    uint8_t chunk[4096];
    FILE *f = fopen(path, "rbe");
    size_t n;
    int err = 0;

    if (!f)
        return fail(r, -errno, "%s: %s", path, strerror(errno));
    while (!err && (n = fread(chunk, 1, sizeof(chunk), f))) {
        buf_put(&r->table, chunk, n);
        if (r->table.failed || r->table.len > MOST_BYTES)
            err = fail(r, -EFBIG, "%s: a table has at most 16 MiB", path);
    }
    if (!err && ferror(f))
        err = fail(r, -EIO, "%s: cannot be read", path);
    fclose(f);
    return err;
}

static int read_files(struct reader *r, const char *paths)
{
    while (*paths) {
        size_t len = strcspn(paths, ":");
        char *path = strndup(paths, len);
        int err = path ? read_file(r, path) : -ENOMEM;

        free(path);
        if (err)
            return err;
        paths += len + (paths[len] == ':');
    }
    return 0;
}

/* A name of the header: padded with zeros, like the ones that compilers put. */
static int set_text(struct reader *r, const char *key, const char *value, unsigned at,
                    unsigned bytes)
{
    if (!value)
        return 0;
    if (strlen(value) > bytes)
        return fail(r, -EINVAL, "%s=%s: has at most %u characters", key, value, bytes);
    memset(r->table.data + at, 0, bytes);
    memcpy(r->table.data + at, value, strlen(value));
    return 0;
}

static int set_number(struct reader *r, const char *key, const char *value, unsigned at,
                      unsigned bytes)
{
    unsigned long long number;
    char *end;

    if (!value)
        return 0;
    errno = 0;
    number = strtoull(value, &end, 0);
    if (errno || end == value || *end || *value == '-' || number >> 8 * bytes)
        return fail(r, -EINVAL, "%s=%s: must be a number of %u bits", key, value, 8 * bytes);
    le_store(r->table.data + at, number, bytes);
    return 0;
}

static int set_header(struct reader *r, const struct acpi_user_keys *k)
{
    int err = set_text(r, "sig", k->sig, SIGNATURE_AT, 4);

    if (!err)
        err = set_number(r, "rev", k->rev, REVISION_AT, 1);
    if (!err)
        err = set_text(r, "oem_id", k->oem_id, OEM_ID_AT, 6);
    if (!err)
        err = set_text(r, "oem_table_id", k->oem_table_id, OEM_TABLE_ID_AT, 8);
    if (!err)
        err = set_number(r, "oem_rev", k->oem_rev, OEM_REVISION_AT, 4);
    if (!err)
        err = set_text(r, "asl_compiler_id", k->asl_compiler_id, CREATOR_AT, 4);
    if (!err)
        err = set_number(r, "asl_compiler_rev", k->asl_compiler_rev, CREATOR_REVISION_AT, 4);
    return err;
}

static void set_sums(struct buf *t)
{
    uint8_t sum = 0;

    le_store(t->data + LENGTH_AT, t->len, 4);
    t->data[CHECKSUM_AT] = 0;
    for (size_t i = 0; i < t->len; i++)
        sum += t->data[i];
    t->data[CHECKSUM_AT] = -sum;
}

static int read_table(struct reader *r, const struct acpi_user_keys *k)
{
    int err;

    if (!k->data == !k->file)
        return fail(r, -EINVAL, "needs either data= or file=");
    if (k->data && (!k->sig || strlen(k->sig) != 4))
        return fail(r, -EINVAL, "needs sig= with four characters beside data=");
    if (k->data)
        buf_put(&r->table, "\0\0\0\0\0\0\0\0\1\0TENON I440FX  \1\0\0\0TENO\1\0\0", HEADER_BYTES);
    err = read_files(r, k->data ? k->data : k->file);
    if (err)
        return err;
    if (r->table.failed)
        return fail(r, -ENOMEM, "no memory");
    if (r->table.len < HEADER_BYTES)
        return fail(r, -EINVAL, "%s: is no ACPI table, too short for its header", k->file);
    err = set_header(r, k);
    if (!err)
        set_sums(&r->table);
    return err;
}

int acpi_user_table(const struct acpi_user_keys *keys, struct acpi_blob *out, char *why,
                    size_t room)
{
    struct reader r = { .why = why, .room = room };
    int err = read_table(&r, keys);

    if (err) {
        free(r.table.data);
        return err;
    }
    *out = (struct acpi_blob){ r.table.data, r.table.len };
    return 0;
}
