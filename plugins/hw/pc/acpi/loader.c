/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "loader.h"

#include <errno.h>

#include "../acpi.h"

/* ---- Writing ---- */

/* An entry is its command, then its fields; returns where the fields after the file's name go. */
static uint8_t *entry_start(uint8_t *entry, uint32_t command, const char *file)
{
    memset(entry, 0, LOADER_ENTRY);
    le_store(entry, command, 4);
    memcpy(entry + 4, file, strlen(file));
    return entry + 4 + LOADER_NAME;
}

void loader_allocate(struct buf *script, const char *file, uint32_t align, uint8_t zone)
{
    uint8_t entry[LOADER_ENTRY], *at = entry_start(entry, LOADER_ALLOCATE, file);

    le_store(at, align, 4);
    at[4] = zone;
    buf_put(script, entry, sizeof(entry));
}

void loader_pointer(struct buf *script, const char *file, const char *to, uint32_t offset,
                    uint8_t bytes)
{
    uint8_t entry[LOADER_ENTRY], *at = entry_start(entry, LOADER_ADD_POINTER, file);

    memcpy(at, to, strlen(to));
    at += LOADER_NAME;
    le_store(at, offset, 4);
    at[4] = bytes;
    buf_put(script, entry, sizeof(entry));
}

void loader_checksum(struct buf *script, const char *file, uint32_t offset, uint32_t start,
                     uint32_t length)
{
    uint8_t entry[LOADER_ENTRY], *at = entry_start(entry, LOADER_ADD_CHECKSUM, file);

    le_store(at, offset, 4);
    le_store(at + 4, start, 4);
    le_store(at + 8, length, 4);
    buf_put(script, entry, sizeof(entry));
}

/* ---- Doing what it says ---- */

struct file {
    const char *name;
    const struct acpi_blob *blob;
    uint64_t addr;
    uint8_t *mem; /* NULL until it is allocated */
};

struct run {
    struct file files[2];
    struct acpi_arena *high, *fseg;
};

static struct file *run_file(struct run *r, const uint8_t *name)
{
    for (unsigned i = 0; i < 2; i++) {
        struct file *f = &r->files[i];

        if (!memcmp(name, f->name, strlen(f->name) + 1))
            return f;
    }
    return NULL;
}

static bool inside(const struct file *f, uint32_t offset, uint32_t bytes)
{
    return f && f->mem && offset <= f->blob->len && bytes <= f->blob->len - offset;
}

static int run_allocate(struct run *r, const uint8_t *entry)
{
    struct file *f = run_file(r, entry + 4);
    const uint8_t *at = entry + 4 + LOADER_NAME;
    uint64_t align = le_load(at, 4), addr;
    struct acpi_arena *a = at[4] == LOADER_FSEG ? r->fseg : r->high;

    if (!f || f->mem || !align || align & (align - 1))
        return -EINVAL;
    addr = (a->base + a->used + align - 1) & ~(align - 1);
    if (addr - a->base > a->bytes || f->blob->len > a->bytes - (addr - a->base))
        return -ENOSPC;
    f->addr = addr;
    f->mem = a->mem + (addr - a->base);
    memcpy(f->mem, f->blob->data, f->blob->len);
    a->used = addr - a->base + f->blob->len;
    return 0;
}

static int run_pointer(struct run *r, const uint8_t *entry)
{
    struct file *f = run_file(r, entry + 4), *to = run_file(r, entry + 4 + LOADER_NAME);
    const uint8_t *at = entry + 4 + 2 * LOADER_NAME;
    uint32_t offset = le_load(at, 4);
    unsigned bytes = at[4];

    if (bytes > 8 || !inside(f, offset, bytes) || !to || !to->mem)
        return -EINVAL;
    le_store(f->mem + offset, le_load(f->mem + offset, bytes) + to->addr, bytes);
    return 0;
}

static int run_checksum(struct run *r, const uint8_t *entry)
{
    struct file *f = run_file(r, entry + 4);
    const uint8_t *at = entry + 4 + LOADER_NAME;
    uint32_t offset = le_load(at, 4), start = le_load(at + 4, 4), length = le_load(at + 8, 4);
    uint8_t sum = 0;

    if (!inside(f, offset, 1) || !inside(f, start, length))
        return -EINVAL;
    for (uint32_t i = 0; i < length; i++)
        sum += f->mem[start + i];
    f->mem[offset] -= sum;
    return 0;
}

static int run_entry(struct run *r, const uint8_t *entry)
{
    switch (le_load(entry, 4)) {
    case LOADER_ALLOCATE: return run_allocate(r, entry);
    case LOADER_ADD_POINTER: return run_pointer(r, entry);
    case LOADER_ADD_CHECKSUM: return run_checksum(r, entry);
    default: return -EINVAL;
    }
}

int acpi_place(const struct acpi_tables *t, struct acpi_arena *high, struct acpi_arena *fseg,
               uint64_t *rsdp)
{
    struct run r = {
        .files = { { .name = ACPI_RSDP_FILE, .blob = &t->rsdp },
                   { .name = ACPI_TABLES_FILE, .blob = &t->tables } },
        .high = high,
        .fseg = fseg,
    };

    for (size_t at = 0; at + LOADER_ENTRY <= t->loader.len; at += LOADER_ENTRY) {
        int err = run_entry(&r, (const uint8_t *)t->loader.data + at);

        if (err)
            return err;
    }
    *rsdp = r.files[0].addr;
    return r.files[0].mem ? 0 : -EINVAL;
}
