/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* buf - bytes that grow; little-endian numbers in them. */
#ifndef TENON_PC_ACPI_BUF_H
#define TENON_PC_ACPI_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct buf {
    uint8_t *data;
    size_t len, room;
    bool failed; /* there was no memory: what is put is lost */
};

/* Appends len bytes, zeroed if from is NULL. */
static inline void buf_put(struct buf *b, const void *from, size_t len)
{
    if (!len)
        return;
    if (b->len + len > b->room) {
        size_t room = (b->len + len) * 2;
        uint8_t *data = realloc(b->data, room);

        if (!data) {
            b->failed = true;
            return;
        }
        b->data = data;
        b->room = room;
    }
    if (from)
        memcpy(b->data + b->len, from, len);
    else
        memset(b->data + b->len, 0, len);
    b->len += len;
}

static inline void le_store(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = value >> 8 * i;
}

static inline uint64_t le_load(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)at[i] << 8 * i;
    return value;
}

static inline void buf_put_le(struct buf *b, uint64_t value, unsigned bytes)
{
    uint8_t le[8];

    le_store(le, value, bytes);
    buf_put(b, le, bytes);
}

static inline void buf_set_le(struct buf *b, size_t at, uint64_t value, unsigned bytes)
{
    if (!b->failed)
        le_store(b->data + at, value, bytes);
}

static inline void buf_align(struct buf *b, size_t to)
{
    buf_put(b, NULL, (to - b->len % to) % to);
}

#endif
