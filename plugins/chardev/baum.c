/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* baum - the display's end of the protocol of Baum's braille displays. */

#include "baum.h"

#include <string.h>

enum { ESC = 0x1b };

/* Packets to the display, and those that answer them. */
enum {
    DISPLAY_DATA = 0x01,
    CELL_COUNT = 0x01,
    VERSION = 0x05,
    GET_KEYS = 0x08,
    ROUTING_KEYS = 0x22,
    DISPLAY_KEYS = 0x24,
    IDENTITY = 0x84,
    SERIAL_NUMBER = 0x8a,
};

void baum_init(struct baum *b, unsigned cells)
{
    *b = (struct baum){ .cells = cells };
}

/* ---- To the computer ---- */

/* All of it, or nothing. */
static void reply(struct pending *out, uint8_t code, const uint8_t *bytes, size_t n)
{
    uint8_t packet[2 + 2 * BAUM_CELLS_MAX] = { ESC, code };
    size_t len = 2;

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == ESC)
            packet[len++] = ESC;
        packet[len++] = bytes[i];
    }
    pending_add(out, packet, len);
}

static void reply_cells(const struct baum *b, struct pending *out)
{
    reply(out, CELL_COUNT, &(uint8_t){ b->cells }, 1);
}

void baum_press(const struct baum *b, uint8_t keys, struct pending *out)
{
    reply(out, DISPLAY_KEYS, &keys, 1);
    reply(out, DISPLAY_KEYS, &(uint8_t){ 0 }, 1);
}

void baum_route(const struct baum *b, unsigned cell, struct pending *out)
{
    uint8_t keys[(BAUM_CELLS_MAX + 7) / 8] = { 0 };
    size_t n = (b->cells + 7) / 8;

    if (cell >= b->cells)
        return;
    keys[cell / 8] = 1 << cell % 8;
    reply(out, ROUTING_KEYS, keys, n);
    memset(keys, 0, n);
    reply(out, ROUTING_KEYS, keys, n);
}

/* ---- From the computer ---- */

static void identify(const struct baum *b, struct pending *out)
{
    static const uint8_t name[16] = "Baum Vario      ";

    reply(out, IDENTITY, name, sizeof(name));
    reply_cells(b, out);
}

static void begin(struct baum *b, uint8_t code, struct pending *out)
{
    /* Who does not know how many cells there are sends less. */
    if (b->reading)
        reply_cells(b, out);
    b->reading = code == DISPLAY_DATA;
    b->n = 0;
    switch (code) {
    case VERSION: reply(out, VERSION, (const uint8_t *)"1", 1); break;
    case GET_KEYS: reply(out, DISPLAY_KEYS, &(uint8_t){ 0 }, 1); break;
    case IDENTITY: identify(b, out); break;
    case SERIAL_NUMBER: reply(out, SERIAL_NUMBER, (const uint8_t *)"00000000", 8); break;
    }
}

/* A byte of a packet; those of packets that have none, or are not known, are skipped. */
static void take(struct baum *b, uint8_t byte)
{
    if (!b->reading)
        return;
    b->bytes[b->n++] = byte;
    if (b->n < b->cells)
        return;
    b->reading = false;
    b->changed |= memcmp(b->dots, b->bytes, b->cells) != 0;
    memcpy(b->dots, b->bytes, b->cells);
}

void baum_write(struct baum *b, const uint8_t *bytes, size_t n, struct pending *out)
{
    for (size_t i = 0; i < n; i++) {
        bool escape = b->escape;

        b->escape = !escape && bytes[i] == ESC;
        if (escape && bytes[i] != ESC)
            begin(b, bytes[i], out);
        else if (!b->escape)
            take(b, bytes[i]);
    }
}
